"""Is a sample of p-values what the null hypothesis makes it? Exact tests, none assumed.

- Kolmogorov-Smirnov, two-sided, its p-value exact, on the randomised p-value: it is exactly
  uniform, so p-values that are too small and p-values that are too large are both caught.
- At each level a, an exact one-sided binomial test that p <= a happens no more often than a
  fraction a of the time.
- The smallest p-value m of n is tested by 1 - (1 - m)^n: the others do not see a single key
  that is far out.

All tests of a run together raise a false alarm with a probability below FALSE_ALARM, because
each is held to its share of it (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVELS = (0.5, 0.1, 0.01, 0.001, 1e-4, 1e-5)
FALSE_ALARM = 1e-6  # of all tests of a run together


@dataclass
class Check:
    """One test: what it looked at, what it saw, and its p-value."""

    name: str
    seen: str
    p_value: float

    def passed(self, tests: int) -> bool:
        """Tell whether it passes as one of so many tests."""
        return self.p_value >= FALSE_ALARM / tests


def levels_for(n: int) -> list[float]:
    """Return the levels at which so many p-values lead one to expect at least one."""
    return [level for level in LEVELS if level * n >= 1]


def judge(p: np.ndarray, randomised: np.ndarray) -> list[Check]:
    """Test p-values for validity, and randomised p-values for uniformity."""
    n = len(p)
    ks = stats.ks_1samp(randomised, stats.uniform.cdf, method="exact")
    checks = [Check("Kolmogorov-Smirnov", f"D = {ks.statistic:.4f}", float(ks.pvalue))]
    for level in levels_for(n):
        count = int((p <= level).sum())
        p_value = stats.binomtest(count, n, level, alternative="greater").pvalue
        seen = f"{count} of {n}, expected at most {level * n:g}"
        checks.append(Check(f"p <= {level:g}", seen, float(p_value)))
    smallest = float(p.min())
    p_value = -np.expm1(n * np.log1p(-min(smallest, 1 - 1e-16)))
    checks.append(Check("smallest p", f"{smallest:.2g} of {n}", float(p_value)))
    return checks


def rate_bounds(count: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the exact interval [Clopper and Pearson 1934] for a rate seen `count` of n times."""
    interval = stats.binomtest(count, n).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)
