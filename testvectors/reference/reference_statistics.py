"""Reference for the rest of SPEC.md section 8: e-values, segments, weighted sums, planning.

Slow and plain: exact integers and fractions where that is possible, mpmath with many
digits where it is not, every segment and every number of coins tried one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import comb

import greenprint_reference as gp
import mpmath

DIGITS = 60


def real(x: Fraction) -> mpmath.mpf:
    """Turn a fraction into a floating-point number of the current precision."""
    return mpmath.mpf(x.numerator) / x.denominator


# --- e-value -----------------------------------------------------------------------------


def log10_e_value(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute log10 of P(Bin(n+1, gamma) <= x) / ((n+1) (1-gamma) P(Bin(n, gamma) = x))."""
    with mpmath.workdps(gp.WORKING_DIGITS):
        if x <= (n + 1) * gamma:
            log_lower = gp.log_upper_tail(n + 1, n + 1 - x, 1 - gamma)
        else:
            log_lower = mpmath.log1p(-mpmath.exp(gp.log_upper_tail(n + 1, x + 1, gamma)))
        log_e = log_lower - mpmath.log((n + 1) * real(1 - gamma)) - gp.log_pmf(n, x, gamma)
        return log_e / mpmath.log(10)


def e_value_exact(n: int, x: int, gamma: Fraction) -> Fraction:
    """Compute the e-value as a fraction, from the powers of 1 - t in its integral.

    With u = 1 - t the integral of t^x u^(n-x) from u = 0 to 1 - gamma is expanded by the
    binomial theorem for t^x = (1 - u)^x.
    """
    q = 1 - gamma
    integral = sum(
        Fraction((-1) ** i * comb(x, i), n - x + i + 1) * q ** (n - x + i + 1)
        for i in range(x + 1)
    )
    return integral / (gamma**x * q ** (n - x) * q)


# --- Segments ----------------------------------------------------------------------------


def best_segment(
    colours: Sequence[int], gamma: Fraction
) -> tuple[int, int, int, int, mpmath.mpf, mpmath.mpf]:
    """Try every segment: first, end, scored, green, log10 p and log10 of the corrected p.

    The colours are those of gp_colour: 1 and 2 are red and green coins, others do not count.
    """
    places = [i for i, colour in enumerate(colours) if colour in (1, 2)]
    greens = [int(colours[i] == 2) for i in places]
    n = len(places)
    before = [0, *accumulate(greens)]
    harmonic = sum(Fraction(1, i) for i in range(1, n + 1))
    tails: dict[tuple[int, int], Fraction] = {}
    best = None
    for first in range(n):
        for last in range(first, n):
            length, green = last - first + 1, before[last + 1] - before[first]
            if not (greens[first] and greens[last]) or green <= length * gamma:
                continue
            if (length, green) not in tails:
                tails[length, green] = sum(
                    comb(length, i) * gamma**i * (1 - gamma) ** (length - i)
                    for i in range(green, length + 1)
                )
            tail = tails[length, green]
            corrected = tail * length * (n - length + 1) * harmonic
            if best is None or corrected < best[0]:
                best = corrected, tail, first, last, length, green
    assert best is not None
    corrected, tail, first, last, length, green = best
    with mpmath.workdps(DIGITS):
        log10_p = mpmath.log10(real(tail))
        log10_corrected = min(mpmath.log10(real(corrected)), mpmath.mpf(0))
    return places[first], places[last] + 1, length, green, log10_p, log10_corrected


# --- Weighted sums -----------------------------------------------------------------------


def statistic(weights: Sequence[Fraction], green: Sequence[int], gamma: Fraction) -> Fraction:
    """Compute T = sum r_j (g_j - gamma)."""
    return sum((r * (g - gamma) for r, g in zip(weights, green, strict=True)), Fraction(0))


def exact_tail(weights: Sequence[Fraction], green: Sequence[int], gamma: Fraction) -> Fraction:
    """Compute P(T >= observed) by adding one coin after the other to the distribution of T."""
    distribution = {Fraction(0): Fraction(1)}
    for r in weights:
        larger: dict[Fraction, Fraction] = {}
        for value, p in distribution.items():
            for g, share in ((1, gamma), (0, 1 - gamma)):
                key = value + r * (g - gamma)
                larger[key] = larger.get(key, Fraction(0)) + p * share
        distribution = larger
    observed = statistic(weights, green, gamma)
    return sum(p for value, p in distribution.items() if value >= observed)


class Cumulants:
    """The cumulant function K(t) of T and its derivatives."""

    def __init__(self, weights: Sequence[Fraction], gamma: Fraction) -> None:
        """Keep the weights that are not 0, as numbers."""
        self.weights = [real(r) for r in weights if r]
        self.p = real(gamma)

    def k(self, t: mpmath.mpf, order: int) -> mpmath.mpf:
        """Compute K(t) or its first or second derivative."""
        total = mpmath.mpf(0)
        for r in self.weights:
            grown = self.p * mpmath.exp(t * r)
            tilted = grown / (1 - self.p + grown)
            if order == 0:
                total += mpmath.log(1 - self.p + grown) - t * self.p * r
            elif order == 1:
                total += r * (tilted - self.p)
            else:
                total += r * r * tilted * (1 - tilted)
        return total

    def saddle(self, observed: mpmath.mpf) -> mpmath.mpf:
        """Find t with K'(t) = observed; t has the sign of observed.

        A bracket is halved until it has 12 digits, then come steps of Newton's method.
        """
        sign = 1 if observed > 0 else -1
        high = 1 / max(abs(r) for r in self.weights)
        while sign * (self.k(sign * high, 1) - observed) < 0:
            high *= 2
        low = mpmath.mpf(0)
        for _ in range(40):
            middle = (low + high) / 2
            if sign * (self.k(sign * middle, 1) - observed) < 0:
                low = middle
            else:
                high = middle
        t = sign * (low + high) / 2
        for _ in range(4):
            t -= (self.k(t, 1) - observed) / self.k(t, 2)
        assert low <= sign * t <= high
        return t


def weighted(
    weights: Sequence[Fraction], green: Sequence[int], gamma: Fraction
) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Compute log10 of the Chernoff bound and of Lugannani and Rice's approximation."""
    with mpmath.workdps(DIGITS):
        zero = mpmath.mpf(0)
        observed = statistic(weights, green, gamma)
        upward = [(r > 0) == bool(g) for r, g in zip(weights, green, strict=True) if r]
        if not any(upward):
            return zero, zero
        cumulants = Cumulants(weights, gamma)
        if all(upward):
            p = real(gamma)
            exact = sum(mpmath.log10(p if r > 0 else 1 - p) for r in weights if r)
            return exact, exact
        t = cumulants.saddle(real(observed)) if observed else zero
        least = cumulants.k(t, 0) - t * real(observed)
        bound = min(least, zero) / mpmath.log(10) if observed > 0 else zero
        sizes = {abs(r) for r in weights if r}
        span = real(sizes.pop()) if len(sizes) == 1 else None
        w = mpmath.sign(t) * mpmath.sqrt(-2 * least)
        if abs(w) >= mpmath.mpf("0.02"):
            step = t if span is None else (1 - mpmath.exp(-t * span)) / span
            term = 1 / (step * mpmath.sqrt(cumulants.k(t, 2))) - 1 / w
        else:
            p = real(gamma)
            variance = p * (1 - p) * sum(r**2 for r in cumulants.weights)
            third = p * (1 - p) * (1 - 2 * p) * sum(r**3 for r in cumulants.weights)
            term = -third / variance ** mpmath.mpf("1.5") / 6
            if span is not None:
                term += span / (2 * mpmath.sqrt(variance))
        p_value = mpmath.erfc(w / mpmath.sqrt(2)) / 2 + mpmath.npdf(w) * term
        if p_value <= 0:  # beyond what the approximation can say
            return bound, bound
        return bound, min(mpmath.log10(p_value), bound)


# --- False-discovery rates ---------------------------------------------------------------


def benjamini_hochberg(p_values: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
    """Compute q_i = min over thresholds t >= p_i among the p-values of n t / #{p_j <= t}."""
    n = len(p_values)
    rates = {t: n * t / sum(p <= t for p in p_values) for t in p_values}
    return [min(mpmath.mpf(1), *(rates[t] for t in p_values if t >= p)) for p in p_values]


# --- Planning ----------------------------------------------------------------------------


def upper_tail(n: int, c: int, p: Fraction) -> Fraction:
    """Compute P(Bin(n, p) >= c) exactly."""
    a, b = p.numerator, p.denominator - p.numerator
    total = sum(comb(n, i) * a**i * b ** (n - i) for i in range(c, n + 1))
    return Fraction(total, p.denominator**n)


def plan(
    gamma: Fraction, rate: Fraction, alpha: Fraction, power: Fraction, most: int
) -> tuple[int, int, Fraction]:
    """Find the coins needed by trying every number of coins up to `most`.

    Returns the least number from which on the power is reached, the count of green coins
    needed with it, and its power.
    """
    c = 1
    answer = None
    for n in range(most + 1):
        while c <= n and upper_tail(n, c, gamma) > alpha:
            c += 1
        reached = upper_tail(n, c, rate) if c <= n else Fraction(0)
        if reached < power:
            answer = None
        elif answer is None:
            answer = n, c, reached
    assert answer is not None
    return answer
