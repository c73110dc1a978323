"""Statistics beyond the tail (SPEC.md section 8): e-values, segments, rates, planning."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from greenprint import _library as c
from greenprint._errors import ArgumentError
from greenprint._params import Gamma, gamma_params, whole_number

_SEGMENTS = 1024  # a first guess of how many there are


@dataclass(frozen=True)
class Segment:
    """A part of a document that is greener than chance lets it be.

    Attributes
    ----------
    first, end : int
        Index of its first token, and the index after its last.
    scored, green : int
        Coins in it, and how many are green.
    log10_p : float
        Exact binomial tail, as if nobody had searched.
    log10_p_corrected : float
        Valid for the search over all segments of the document.
    """

    first: int
    end: int
    scored: int
    green: int
    log10_p: float
    log10_p_corrected: float


@dataclass(frozen=True)
class Plan:
    """What a test needs.

    Attributes
    ----------
    coins : int
        From so many on, every number of coins reaches the power wanted.
    green : int
        That many coins are found marked from so many green ones on.
    power : float
        Exact, with that many coins.
    tokens : int
        Tokens that so many coins take, repeats considered.
    """

    coins: int
    green: int
    power: float
    tokens: int


def _doubles(values: object, what: str) -> npt.NDArray[np.float64]:
    try:
        array = np.ascontiguousarray(values, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{what} are no numbers") from None
    if array.ndim != 1:
        raise ArgumentError(f"{what} have {array.ndim} dimensions; pass one")
    return array


def log10_e_value(n: int, green: int, gamma: Gamma) -> float:
    """Return the decimal logarithm of the e-value of a count of green coins.

    Its expectation under the null hypothesis is 1 at any stopping time, so one may look
    after every document, and 1 / (the largest so far) is a p-value.

    Parameters
    ----------
    n : int
        Coins, at most 2^44.
    green : int
        Green ones, at most `n`.
    gamma : str, float or Fraction
        ``g / 2^k``, ``k`` at most 8.

    Returns
    -------
    float
        Above 0 is evidence for a mark.

    Raises
    ------
    ArgumentError
        Where an argument is out of range.
    """
    params = gamma_params(gamma)
    log10_e = ctypes.c_double()
    c.call(
        c.lib.gp_log10_e_value,
        whole_number(n, "n", 64),
        whole_number(green, "green", 64),
        params.gamma_num,
        params.gamma_log2_den,
        ctypes.byref(log10_e),
    )
    return log10_e.value


def locate(
    colours: Sequence[int] | npt.NDArray[Any], gamma: Gamma, log10_alpha: float = -6.0
) -> list[Segment]:
    """Find the marked segments of a document.

    Parameters
    ----------
    colours : sequence or array of int
        For each token: 0 not scored, 1 red, 2 green, 3 and 4 a red and a green coin that
        has occurred before in the document.
    gamma : str, float or Fraction
        ``g / 2^k``, ``k`` at most 8.
    log10_alpha : float
        The largest corrected p-value, as a decimal logarithm.

    Returns
    -------
    list of Segment
        Disjoint, the best first.

    Raises
    ------
    ArgumentError
        Where an argument is out of range.
    OutOfMemoryError
        Where memory is short.
    """
    params = gamma_params(gamma)
    array = np.asarray(colours)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ArgumentError("colours: pass a 1-D sequence of integers")
    if array.size and (array.min() < 0 or array.max() > 4):
        raise ArgumentError("colours: must be between 0 and 4")
    array = np.ascontiguousarray(array, np.uint8)
    count = ctypes.c_size_t()
    capacity = _SEGMENTS
    while True:
        segments = (c.Segment * capacity)()
        c.call(
            c.lib.gp_locate,
            array.ctypes.data,
            array.size,
            params.gamma_num,
            params.gamma_log2_den,
            log10_alpha,
            segments,
            capacity,
            ctypes.byref(count),
        )
        if count.value < capacity:
            break
        capacity *= 16
    names = [name for name, *_ in c.Segment._fields_]
    return [
        Segment(**{name: getattr(segment, name) for name in names})
        for segment in segments[: count.value]
    ]


def benjamini_hochberg(
    log10_p: Sequence[float] | npt.NDArray[Any],
) -> npt.NDArray[np.float64]:
    """Return the false-discovery rate at which each hypothesis is rejected.

    Parameters
    ----------
    log10_p : sequence or array of float
        Decimal logarithms of p-values, independent or positively dependent.

    Returns
    -------
    numpy.ndarray
        Decimal logarithms of the rates, in the same order.

    Raises
    ------
    ArgumentError
        For a NaN or a value above 0.
    """
    log10_q = _doubles(log10_p, "p-values").copy()
    data = log10_q.ctypes.data
    c.call(c.lib.gp_benjamini_hochberg, data, log10_q.size, data)
    return log10_q


def plan_tokens(
    gamma: Gamma,
    green_rate: float,
    log10_alpha: float = -6.0,
    power: float = 0.9,
    distinct_share: float = 1.0,
) -> Plan:
    """Say how many tokens a test needs to find a mark.

    Parameters
    ----------
    gamma : str, float or Fraction
        ``g / 2^k``, ``k`` at most 8.
    green_rate : float
        The share of green coins in marked text; above `gamma`.
    log10_alpha : float
        The threshold of the test, as a decimal logarithm.
    power : float
        The probability with which the mark is to be found, between 0 and 1.
    distinct_share : float
        The share of positions whose coin had not occurred before.

    Returns
    -------
    Plan
        The least number of coins from which on every number is enough.

    Raises
    ------
    ArgumentError
        Where an argument is out of range.
    """
    params = _planned(gamma)
    plan = c.Plan()
    c.call(
        c.lib.gp_plan_tokens,
        ctypes.byref(params),
        green_rate,
        log10_alpha,
        power,
        distinct_share,
        ctypes.byref(plan),
    )
    return Plan(plan.coins, plan.green, plan.power, plan.tokens)


def plan_green_rate(gamma: Gamma, delta: float, entropy_bits: float) -> float:
    """Return the green rate to expect of a marked language model.

    Parameters
    ----------
    gamma : str, float or Fraction
        ``g / 2^k``, ``k`` at most 8.
    delta : float
        The bias as the distribution sees it: delta / temperature.
    entropy_bits : float
        Mean entropy of the next-token distributions, in bits.

    Returns
    -------
    float
        From a model of language models, good to some hundredths.

    Raises
    ------
    ArgumentError
        Where an argument is out of range.
    """
    params = _planned(gamma)
    rate = ctypes.c_double()
    c.call(
        c.lib.gp_plan_green_rate,
        ctypes.byref(params),
        delta,
        entropy_bits,
        ctypes.byref(rate),
    )
    return rate.value


def _planned(gamma: Gamma) -> c.Params:
    params = gamma_params(gamma)
    params.seeding, params.context_width = c.SEEDINGS["hash"], 2  # they do not matter
    return params
