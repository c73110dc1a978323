"""Verifying: counting green tokens, and the exact test."""

from __future__ import annotations

import ctypes
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenprint import _library as c
from greenprint._arrays import all_ids
from greenprint._embedding import check_key
from greenprint._errors import ArgumentError
from greenprint._keys import Key
from greenprint._params import Gamma, gamma_params, whole_number

if TYPE_CHECKING:
    from greenprint._arrays import Tokens


@dataclass(frozen=True)
class Result:
    """What a verifier counted, and the test (SPEC.md sections 7 and 8).

    Attributes
    ----------
    documents : int
        Documents added.
    tokens : int
        Token ids in them.
    scored : int
        Distinct (context, token) pairs.
    repeated : int
        Positions whose pair had occurred before.
    green : int
        Distinct pairs that are green.
    z : float
        z-score, for display; 0 when nothing was scored. Far out it is wrong by orders
        of magnitude: decide by `log10_p`.
    log10_p : float
        Decimal logarithm of the exact p-value: of ``P(X >= green)`` for ``X`` binomial
        with `scored` trials. 0 when nothing was scored.
    """

    documents: int
    tokens: int
    scored: int
    repeated: int
    green: int
    z: float
    log10_p: float

    @property
    def green_fraction(self) -> float | None:
        """``green / scored``; None when nothing was scored."""
        return self.green / self.scored if self.scored else None

    @property
    def p_value(self) -> float:
        """The p-value. Below about 1e-308 it underflows to 0.0: use `log10_p`."""
        return float(10.0**self.log10_p)


class Verifier(c.Unpicklable):
    """Counts green tokens over documents, each (context, token) pair once.

    Threads that share one wait for each other; use one for each thread to go faster.
    Memory grows with the distinct pairs. The key is not needed afterwards.

    Parameters
    ----------
    key : Key
        The key to look for.
    tenant : int, optional
        The tenant id to look for. None, which is not tenant 0, for no tenant.
    """

    _why_not = "it holds secrets of the key; make it anew from the key"

    def __init__(self, key: Key, tenant: int | None = None) -> None:
        options = c.VerifierOptions(
            has_tenant=tenant is not None,
            tenant=0 if tenant is None else whole_number(tenant, "tenant", 64),
        )
        handle = ctypes.c_void_p()
        c.call(
            c.lib.gp_verifier_new,
            check_key(key)._open,
            ctypes.byref(options),
            ctypes.byref(handle),
        )
        assert handle.value is not None
        self._pointer: int = handle.value
        self._lock = threading.Lock()
        weakref.finalize(self, c.lib.gp_verifier_free, handle.value).atexit = False

    def add(self, tokens: Tokens) -> None:
        """Add one document.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            Its token ids, 1-D. May be empty. Documents do not touch: the first
            ``context_width`` ids of each are not scored.

        Raises
        ------
        ArgumentError
            Where they are no token ids; nothing was added.
        OutOfMemoryError, CryptoError
            A part of the document may have been counted: `reset`.
        """
        ids = all_ids(tokens)
        with self._lock:
            c.call(c.lib.gp_verifier_add, self._pointer, ids.ctypes.data, ids.size)

    def result(self) -> Result:
        """Return the result so far; documents may be added afterwards.

        Returns
        -------
        Result
            In constant time.
        """
        result = c.Result()
        with self._lock:
            c.lib.gp_verifier_result(self._pointer, ctypes.byref(result))
        return Result(**{name: getattr(result, name) for name, *_ in c.Result._fields_})

    def reset(self) -> None:
        """Forget all documents; keep the key."""
        with self._lock:
            c.lib.gp_verifier_reset(self._pointer)


def log10_binomial_tail(n: int, green: int, gamma: Gamma) -> float:
    """Return the decimal logarithm of P(X >= green) for X ~ Bin(n, gamma).

    Exact to a relative error of 1e-10, in constant time (SPEC.md section 8).

    Parameters
    ----------
    n : int
        Trials, at most 2^44.
    green : int
        Successes, at most `n`.
    gamma : str, float or Fraction
        ``g / 2^k``, ``k`` at most 8.

    Returns
    -------
    float
        0 or less.

    Raises
    ------
    ArgumentError
        Where an argument is out of range.
    """
    params = gamma_params(gamma)
    log10_p = ctypes.c_double()
    c.call(
        c.lib.gp_log10_binomial_tail,
        whole_number(n, "n", 64),
        whole_number(green, "green", 64),
        params.gamma_num,
        params.gamma_log2_den,
        ctypes.byref(log10_p),
    )
    return log10_p.value


def z_score(n: int, green: int, gamma: Gamma) -> float:
    """Return ``(green - gamma n) / sqrt(n gamma (1 - gamma))``, 0 when n is 0.

    For display: no decision should use it.

    Parameters
    ----------
    n : int
        Trials.
    green : int
        Successes, at most `n`.
    gamma : str, float or Fraction
        ``g / 2^k``, ``k`` at most 8.

    Returns
    -------
    float
        In standard deviations.

    Raises
    ------
    ArgumentError
        Where an argument is out of range.
    """
    params = gamma_params(gamma)
    n = whole_number(n, "n", 64)
    green = whole_number(green, "green", 64)
    if green > n:
        raise ArgumentError(f"green is {green}, which is above n = {n}")
    share = params.gamma_num / (1 << params.gamma_log2_den)
    return float(c.lib.gp_z_score(n, green, share))
