"""The weighted test with random weights: the bound is valid, the approximation is close."""

import ctypes

import numpy as np
import pytest
from scipy import stats

from greenprint import _library as c

RUNS = 4000
LEVELS = (0.5, 0.1, 0.01, 0.001)
THRESHOLD = 1e-8  # of each test: all together raise a false alarm in less than one of a million


class WeightedResult(ctypes.Structure):
    _fields_ = [
        ("coins", ctypes.c_uint64),
        ("statistic", ctypes.c_double),
        ("z", ctypes.c_double),
        ("log10_p", ctypes.c_double),
        ("log10_p_saddlepoint", ctypes.c_double),
    ]


def weighted_test(weights, green, g, k):
    weights = np.ascontiguousarray(weights, np.float64)
    green = np.ascontiguousarray(green, np.uint8)
    result = WeightedResult()
    c.call(
        c.lib.gp_weighted_test,
        *(weights.ctypes.data, green.ctypes.data, len(weights), g, k),
        ctypes.byref(result),
    )
    return result


KINDS = {
    "counts, square root": lambda rng, n: np.sqrt(rng.geometric(0.4, n) + rng.random(n)),
    "occurrence minus expectation": lambda rng, n: (rng.random(n) < 0.3) - rng.random(n) ** 3,
    "heavy tails": lambda rng, n: rng.lognormal(0, 1.2, n) * rng.choice([-1, 1], n),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("g", "k"), [(1, 2), (1, 1), (1, 4)])
def test_null_distribution(kind, g, k):
    rng = np.random.default_rng(7 * k + len(kind))
    bound, saddlepoint = np.empty(RUNS), np.empty(RUNS)
    for i in range(RUNS):
        weights = KINDS[kind](rng, 400)
        result = weighted_test(weights, rng.random(400) < g / 2**k, g, k)
        bound[i], saddlepoint[i] = result.log10_p, result.log10_p_saddlepoint
    assert (bound >= saddlepoint).all()
    for level in LEVELS:
        seen = int((bound <= np.log10(level)).sum())
        p_value = stats.binomtest(seen, RUNS, level, alternative="greater").pvalue
        assert p_value >= THRESHOLD, (level, seen)
    # The approximation is cut at the bound, which is 1 below the mean: only p < 1/2 shows it.
    for level in (0.3, *LEVELS[1:]):
        seen = int((saddlepoint <= np.log10(level)).sum())
        assert stats.binomtest(seen, RUNS, level).pvalue >= THRESHOLD, (level, seen)
    assert stats.kstest(10**saddlepoint, "uniform").pvalue >= THRESHOLD


def test_the_bound_costs_little():
    rng = np.random.default_rng(3)
    weights = rng.random(2000)
    result = weighted_test(weights, rng.random(2000) < 0.4, 1, 2)
    assert -40 < result.log10_p_saddlepoint < result.log10_p < -20
    assert result.log10_p - result.log10_p_saddlepoint < 2
