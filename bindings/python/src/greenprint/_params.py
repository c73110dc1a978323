"""The parameters that travel with a key."""

from __future__ import annotations

import ctypes
import operator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import SupportsFloat

from greenprint import _library as c
from greenprint._errors import ArgumentError

Gamma = str | SupportsFloat | Fraction


def gamma_params(gamma: Gamma) -> c.Params:
    """Read a green fraction through the library.

    Parameters
    ----------
    gamma : str, float or Fraction
        ``g / 2^k`` in any notation.

    Returns
    -------
    Params
        Of `_library`, with only the two fields of gamma set.

    Raises
    ------
    ArgumentError
        Where it is no such fraction.
    """
    if isinstance(gamma, str):
        text = gamma
    elif isinstance(gamma, Fraction):
        text = f"{gamma.numerator}/{gamma.denominator}"
    else:
        try:
            text = format(Decimal(repr(float(gamma))), "f")  # no exponent
        except (TypeError, ValueError):
            raise ArgumentError(
                f"gamma is a {type(gamma).__name__}; pass a str, float or Fraction"
            ) from None
    params = c.Params()
    c.call(c.lib.gp_params_set_gamma, ctypes.byref(params), c.encode(text, "gamma"))
    return params


def whole_number(value: object, what: str, bits: int) -> int:
    """Check an argument that is an unsigned integer in C.

    Parameters
    ----------
    value : int
        The argument; booleans are refused.
    what : str
        Its name, for the error message.
    bits : int
        Its width in C.

    Returns
    -------
    int
        From 0 to ``2**bits - 1``.

    Raises
    ------
    ArgumentError
        Where it is anything else.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ArgumentError(f"{what} must be an integer, not {type(value).__name__}") from None
    if not 0 <= number < 1 << bits:
        raise ArgumentError(f"{what} must be from 0 to 2^{bits} - 1, not {number}")
    return number


def fixed_bytes(value: object, what: str, size: int) -> bytes:
    """Check an argument that is an array of bytes in C.

    Parameters
    ----------
    value : bytes
        The argument.
    what : str
        Its name, for the error message.
    size : int
        Its length in C.

    Returns
    -------
    bytes
        As it came.

    Raises
    ------
    ArgumentError
        Where it is anything else.
    """
    if not isinstance(value, bytes) or len(value) != size:
        raise ArgumentError(f"{what} must be {size} bytes")
    return value


def real_number(value: object, what: str) -> float:
    """Check an argument that is a real number.

    Parameters
    ----------
    value : float
        The argument; booleans and text are refused.
    what : str
        Its name, for the error message.

    Returns
    -------
    float
        Finite or not.

    Raises
    ------
    ArgumentError
        Where it is anything else.
    """
    try:
        if isinstance(value, (bool, str, bytes, bytearray)):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last of tensors
        raise ArgumentError(f"{what} must be a number, not {type(value).__name__}") from None


@dataclass(frozen=True, init=False)
class Params:
    """The parameters that a key is for (SPEC.md section 2). Immutable.

    Attributes
    ----------
    seeding : str
        How the tokens before a position choose its green list: ``"hash"`` (all of
        them in order), ``"min"`` (one of them; survives edits better) or ``"fixed"``
        (none: one list for everything, the easiest to steal).
    context_width : int
        How many tokens before a position count, ``h``: 1 to 16, or 0 with ``"fixed"``.
    gamma : fractions.Fraction
        The share of the vocabulary that is green, ``g / 2^k`` with ``k`` at most 8.

    Raises
    ------
    ArgumentError
        Naming the field that is out of range. `gamma` is taken as str (``"1/4"``,
        ``"0.25"``), float or Fraction.
    """

    seeding: str
    context_width: int
    gamma: Fraction

    def __init__(
        self, seeding: str = "hash", context_width: int = 2, gamma: Gamma = "1/4"
    ) -> None:
        params = gamma_params(gamma)
        if not isinstance(seeding, str):
            raise ArgumentError(f"seeding must be a str, not {type(seeding).__name__}")
        c.call(c.lib.gp_params_set_seeding, ctypes.byref(params), c.encode(seeding, "seeding"))
        params.context_width = whole_number(context_width, "context_width", 32)
        c.call(c.lib.gp_params_check, ctypes.byref(params))
        self._fill(params)

    @classmethod
    def of_profile(cls, name: str) -> Params:
        """Return the parameters of a profile.

        Parameters
        ----------
        name : {"provenance", "distill"}
            What the mark is for: saying where a text came from (the default parameters), or
            being inherited by models that learn from the text (a context width of 1).

        Returns
        -------
        Params
            Those of the profile.

        Raises
        ------
        ArgumentError
            Where there is no such profile.
        """
        params = c.Params()
        c.call(c.lib.gp_params_set_profile, ctypes.byref(params), c.encode(name, "profile"))
        return cls._from_c(params)

    def _fill(self, params: c.Params) -> None:
        name: str = c.lib.gp_seeding_name(params.seeding).decode()
        object.__setattr__(self, "seeding", name)
        object.__setattr__(self, "context_width", params.context_width)
        gamma = Fraction(params.gamma_num, 1 << params.gamma_log2_den)
        object.__setattr__(self, "gamma", gamma)

    @classmethod
    def _from_c(cls, params: c.Params) -> Params:
        made = cls.__new__(cls)
        made._fill(params)
        return made

    def _to_c(self) -> c.Params:
        return c.Params(
            seeding=c.SEEDINGS[self.seeding],
            context_width=self.context_width,
            gamma_num=self.gamma.numerator,
            gamma_log2_den=self.gamma.denominator.bit_length() - 1,
        )

    def __repr__(self) -> str:
        """Write it as it would be made."""
        return (
            f"Params(seeding={self.seeding!r}, context_width={self.context_width}, "
            f"gamma='{self.gamma}')"
        )
