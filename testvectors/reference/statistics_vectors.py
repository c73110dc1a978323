"""Make the vectors of the statistics beyond the tail: see generate.py."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import greenprint_reference as gp
import mpmath
import reference_statistics as rs
from self_test import number

Vectors = dict[str, Any]

HOW_MADE = "Made by testvectors/reference/generate.py from SPEC.md, section 8. "
HOW_GAMMA = "gamma is g / 2^k. "
DIGITS = 25


def decimal(x: mpmath.mpf) -> str:
    """Write a number with 25 significant digits."""
    return mpmath.nstr(x, DIGITS, strip_zeros=False) if x else "0.0"


def gamma_fields(gamma: Fraction) -> Vectors:
    """Give the fields that say which gamma a case uses."""
    return {"g": gamma.numerator, "k": gamma.denominator.bit_length() - 1}


# --- evalues.json ------------------------------------------------------------------------


def evalue_inputs() -> list[tuple[int, int, Fraction]]:
    """Choose the cases of evalues.json."""
    chosen: dict[tuple[int, int, Fraction], None] = {}
    for gamma in (Fraction(1, 2), Fraction(1, 4), Fraction(7, 8)):
        for n in range(9):
            for x in range(n + 1):
                chosen[n, x, gamma] = None
    for gamma in (Fraction(1, 4), Fraction(1, 2), Fraction(1, 256), Fraction(255, 256)):
        for n in (50, 1000, 100_003, 10**9, 2**44):
            mean = n * gamma
            spread = float(mean * (1 - gamma)) ** 0.5
            for deviations in (-300, -8, -1, -0.1, 0, 0.1, 1, 3, 5, 8, 40, 1000):
                x = int(mean) + int(deviations * spread)
                if 0 <= x <= n:
                    chosen[n, x, gamma] = None
            for x in (0, 1, int(mean) + 1, n - 1, n):
                chosen[n, x, gamma] = None
    for i in range(120):
        n = 1 + number("evalues", 3 * i) % 10 ** (1 + i % 6)
        k = 1 + number("evalues", 3 * i + 1) % 8
        gamma = Fraction(2 * (i % 2 ** (k - 1)) + 1, 2**k)
        chosen[n, number("evalues", 3 * i + 2) % (n + 1), gamma] = None
    return list(chosen)


def evalues() -> Vectors:
    """Make evalues.json."""
    cases = []
    checked = 0
    for n, x, gamma in evalue_inputs():
        log10_e = rs.log10_e_value(n, x, gamma)
        if n <= 60:
            with mpmath.workdps(gp.WORKING_DIGITS):
                exact = rs.real(rs.e_value_exact(n, x, gamma))
                assert abs(log10_e - mpmath.log10(exact)) < mpmath.mpf(10) ** -33, (n, x)
            checked += 1
        cases.append({"n": n, "green": x} | gamma_fields(gamma) | {"log10_e": decimal(log10_e)})
    how = (
        HOW_MADE
        + HOW_GAMMA
        + "Each case is log10 of the e-value of 'green' green coins among 'n', a decimal "
        f"string with {DIGITS} significant digits. Method: as for tails.json, the tail of n + 1 "
        "coins from sums of ratios and the mass of n coins from log-gamma. How that was "
        f"checked: the {checked} cases with n up to 60 agree to 33 digits with the integral "
        "expanded into fractions."
    )
    return {"how": how, "cases": cases}


# --- segments.json -----------------------------------------------------------------------


def segments() -> Vectors:
    """Make segments.json."""
    cases = []
    for i in range(36):
        gamma = (Fraction(1, 4), Fraction(1, 2), Fraction(1, 16))[i % 3]
        size = (60, 90, 120)[i // 3 % 3]
        start, length = 5 + number("segments start", i) % 25, 14 + 2 * (i % 12)
        colours = []
        for j in range(size):
            roll = Fraction(number(f"segments {i}", j), 2**64)
            inside = start <= j < start + length
            green = roll < (1 - (1 - gamma) / 8 if inside else gamma)
            kind = number(f"segments kind {i}", j) % 10
            again = i % 2 == 1 and kind < 3
            colours.append(0 if j < 2 else 1 + green + 2 * again)
        first, end, scored, greens, log10_p, corrected = rs.best_segment(colours, gamma)
        if corrected > -1:
            continue
        cases.append(
            gamma_fields(gamma)
            | {
                "colours": "".join(map(str, colours)),
                "first": first,
                "end": end,
                "scored": scored,
                "green": greens,
                "log10_p": decimal(log10_p),
                "log10_p_corrected": decimal(corrected),
            }
        )
    how = (
        HOW_MADE
        + HOW_GAMMA
        + "'colours' has a digit for each token: 0 not scored, 1 red, 2 green, 3 and 4 a red "
        "and a green coin that has occurred before. The other fields are those of the "
        "segment with the smallest corrected p-value, found by trying every segment: "
        "'first' is the index of its first token, 'end' the index after its last, from 0; "
        "'scored' and 'green' its coins; 'log10_p' the tail of these alone, from exact "
        "integers, and 'log10_p_corrected' the same with the search paid for, at most -1 in all "
        "cases. A search is "
        "free to find another segment; what it reports for one has to be this."
    )
    return {"how": how, "cases": cases}


# --- weighted.json -----------------------------------------------------------------------


def weighted_inputs() -> list[tuple[list[float], list[int], Fraction]]:
    """Choose the cases of weighted.json."""
    gammas = [
        Fraction(1, 4),
        Fraction(1, 2),
        Fraction(3, 8),
        Fraction(1, 256),
        Fraction(255, 256),
    ]
    chosen: list[tuple[list[float], list[int], Fraction]] = []

    def roll(label: str, i: int) -> float:
        return number(f"weighted {label}", i) / 2**64

    def take(label: str, weights: list[float], gamma: Fraction, rate: float) -> None:
        green = [int(roll(label, 1000 + i) < rate) for i in range(len(weights))]
        chosen.append((weights, green, gamma))

    for gamma in gammas:
        for rate in (0.0, 0.3, 0.7, 1.0):
            for n in (1, 2, 5, 11):
                label = f"{gamma} {rate} {n}"
                take(label, [1.0] * n, gamma, rate)
                take(label + " signs", [(-1.0) ** i for i in range(n)], gamma, rate)
                take(
                    label + " eighths",
                    [int(32 * roll(label, i)) / 8 for i in range(n)],
                    gamma,
                    rate,
                )
                take(label + " any", [2 * roll(label, i) - 1 for i in range(n)], gamma, rate)
    for gamma in gammas[:3]:
        for rate in (0.1, 0.25, 0.3, 0.5, 0.8):
            label = f"many {gamma} {rate}"
            take(label + " ones", [1.0] * 200, gamma, rate)
            take(label + " roots", [float(i % 9) ** 0.5 for i in range(150)], gamma, rate)
            take(label + " signed", [roll(label, i) - 0.3 for i in range(120)], gamma, rate)
            take(label + " wide", [2.0 ** (i % 30 - 15) for i in range(90)], gamma, rate)
    quarter = gammas[0]
    chosen.append(([], [], quarter))
    chosen.append(([0.0, 0.0], [1, 0], quarter))
    chosen.append(([1e-300, 3e-300, 2e-300], [0, 1, 1], quarter))
    chosen.append(([1e300, 3e300, 2e300], [0, 1, 1], quarter))
    chosen.append(([1.0] * 8, [1, 1, 0, 0, 0, 0, 0, 0], quarter))
    chosen.append(([1.0] * 60 + [0.001], [1] * 60 + [0], quarter))
    return chosen


def weighted() -> Vectors:
    """Make weighted.json."""
    cases = []
    for weights, green, gamma in weighted_inputs():
        exact_weights = [Fraction(r) for r in weights]
        bound, saddle = rs.weighted(exact_weights, green, gamma)
        with mpmath.workdps(rs.DIGITS):
            t = rs.real(rs.statistic(exact_weights, green, gamma))
            tail = None
            if len(weights) <= 11:
                p = rs.exact_tail(exact_weights, green, gamma)
                tail = mpmath.log10(rs.real(p))
                assert bound >= tail - mpmath.mpf(10) ** -40, weights
            elif set(weights) == {1.0}:
                tail = gp.log10_p_value(len(weights), sum(green), gamma)
        cases.append(
            gamma_fields(gamma)
            | {
                "weights": [repr(r) for r in weights],
                "green": green,
                "statistic": decimal(t),
                "log10_p": decimal(bound),
                "log10_p_saddlepoint": decimal(saddle),
                "log10_p_exact": None if tail is None else decimal(tail),
            }
        )
    how = (
        HOW_MADE
        + HOW_GAMMA
        + "'weights' are r_j, decimal strings that stand for the double next to them, and "
        "'green' are g_j. 'statistic' is T, 'log10_p' log10 of the Chernoff bound, "
        "'log10_p_saddlepoint' that of the approximation of Lugannani and Rice, and "
        "'log10_p_exact' log10 of P(T >= observed), null where it is not known: the "
        "distribution of T from exact fractions for up to 11 coins, the binomial tail for "
        "weights of 1. Method: mpmath with 60 digits."
    )
    return {"how": how, "cases": cases}


# --- fdr.json ----------------------------------------------------------------------------


def fdr() -> Vectors:
    """Make fdr.json."""
    lists: list[list[str]] = [[], ["0.0"], ["-3.5"], ["-1.0"] * 5, ["0.0", "0.0", "-8.0"]]
    lists.append(["-5000.25", "-4999.75", "-2.0", "0.0", "-100000.0"])
    for i, size in enumerate((2, 3, 10, 10, 50, 200)):
        values = [(number(f"fdr {i}", j) % 4000) / 1024 for j in range(size)]
        if i % 2:
            values = [round(v) for v in values]  # ties
        lists.append([repr(-float(v)) for v in values])
    cases = []
    with mpmath.workdps(40):
        for log10_p in lists:
            p_values = [mpmath.mpf(10) ** mpmath.mpf(text) for text in log10_p]
            rates = rs.benjamini_hochberg(p_values)
            cases.append(
                {"log10_p": log10_p, "log10_q": [decimal(mpmath.log10(q)) for q in rates]}
            )
    how = (
        HOW_MADE
        + "'log10_p' are decimal logarithms of p-values in any order, 'log10_q' those of the "
        "false-discovery rates at which each is rejected, in the same order; decimal "
        "strings. Method: for each p-value the least of n t / #{p_j <= t} over all p-values t "
        "that are not smaller."
    )
    return {"how": how, "cases": cases}


# --- plans.json --------------------------------------------------------------------------


def plans() -> Vectors:
    """Make plans.json."""
    cases = []
    for gamma, rate, digits, power, most in (
        (Fraction(1, 4), "0.5", 6, "0.9", 300),
        (Fraction(1, 4), "0.6", 6, "0.9", 200),
        (Fraction(1, 4), "0.6", 6, "0.99", 250),
        (Fraction(1, 4), "0.7", 12, "0.999", 300),
        (Fraction(1, 4), "0.4", 2, "0.5", 250),
        (Fraction(1, 4), "0.35", 1, "0.8", 400),
        (Fraction(1, 4), "1", 6, "0.9", 60),
        (Fraction(1, 4), "0.9", 3, "0.001", 60),
        (Fraction(1, 2), "0.75", 4, "0.9", 300),
        (Fraction(1, 2), "0.9", 6, "0.95", 150),
        (Fraction(3, 8), "0.625", 3, "0.75", 250),
        (Fraction(1, 16), "0.25", 6, "0.9", 250),
        (Fraction(1, 256), "0.125", 4, "0.9", 250),
        (Fraction(7, 8), "0.96875", 2, "0.5", 350),
    ):
        coins, green, reached = rs.plan(
            gamma, Fraction(rate), Fraction(1, 10**digits), Fraction(power), most
        )
        assert 2 * coins < most, (gamma, rate, coins)
        with mpmath.workdps(rs.DIGITS):
            cases.append(
                gamma_fields(gamma)
                | {
                    "green_rate": rate,
                    "log10_alpha": -digits,
                    "power_wanted": power,
                    "coins": coins,
                    "green": green,
                    "power": decimal(rs.real(reached)),
                }
            )
    how = (
        HOW_MADE
        + HOW_GAMMA
        + "'coins' is the least number of coins from which on the test at 10^log10_alpha finds "
        "a mark of green rate 'green_rate' with probability 'power_wanted' or more; 'green' is "
        "the count of green coins from which on that many coins are found marked, and 'power' "
        "the probability of that. Rates and powers are decimal strings. Method: every number "
        "of coins up to more than twice the answer, with exact fractions."
    )
    return {"how": how, "cases": cases}
