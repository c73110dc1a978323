"""What callers pass, as C wants it: logits in place, token ids as uint32.

torch is never imported here. A caller who passes a tensor has imported it already.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from greenprint import _library as c
from greenprint._errors import ArgumentError

if TYPE_CHECKING:
    import torch

    Logits: TypeAlias = npt.NDArray[Any] | torch.Tensor
    Tokens: TypeAlias = Sequence[int] | npt.NDArray[Any] | torch.Tensor

TOKEN_MAX = 2**32 - 1

_NUMPY_DTYPES = {"float32": c.FLOAT32, "float16": c.FLOAT16, "bfloat16": c.BFLOAT16}
_COMMON_DTYPES = {np.dtype("float32"): c.FLOAT32, np.dtype("float16"): c.FLOAT16}
_TORCH_DTYPES = {f"torch.{name}": code for name, code in _NUMPY_DTYPES.items()}
_TORCH_INTEGERS = {
    f"torch.{name}"
    for name in ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")
}
_DTYPES_WANTED = "float32, float16 or bfloat16"


class LogitsView(NamedTuple):
    """Where logits lie in memory. Does not keep them alive."""

    address: int
    dtype: int
    n_rows: int | None  # None: one row without a row axis
    vocabulary: int
    stride: int  # in elements, from row to row


def is_tensor(value: object) -> bool:
    """Say whether a value is a torch tensor, without importing torch."""
    kind = getattr(sys.modules.get("torch"), "Tensor", None)
    return kind is not None and isinstance(value, kind)


def view_logits(logits: object) -> LogitsView:
    """Check logits that are to be changed in place, and say where they lie.

    Parameters
    ----------
    logits : numpy.ndarray or torch.Tensor
        One row (1-D) or a batch of rows (2-D); see `Watermark.bias`.

    Returns
    -------
    LogitsView
        For C.

    Raises
    ------
    ArgumentError
        Saying what is wrong and what to do.
    """
    if isinstance(logits, np.ndarray):
        return _view_array(logits)
    if is_tensor(logits):
        return _view_cpu_tensor(logits)  # type: ignore[arg-type]
    raise ArgumentError(
        f"logits is a {type(logits).__name__}, which cannot be changed in place; "
        "pass a NumPy array or a torch tensor"
    )


def _view_array(logits: npt.NDArray[Any]) -> LogitsView:
    dtype = logits.dtype
    code = _COMMON_DTYPES.get(dtype) or _NUMPY_DTYPES.get(dtype.name)  # a name takes time
    if code is None:
        raise ArgumentError(
            f"logits has dtype {dtype.name}; it must be {_DTYPES_WANTED}: convert it "
            "with logits.astype(numpy.float32) and use the result"
        )
    if not dtype.isnative:
        raise ArgumentError(
            "logits is not in this machine's byte order; convert it with "
            "logits.astype(logits.dtype.newbyteorder('=')) and use the result"
        )
    if not logits.flags.writeable:
        raise ArgumentError(
            "logits is read-only, and is to be changed in place; pass logits.copy()"
        )
    if not logits.flags.aligned:
        raise ArgumentError("logits is not aligned for its dtype; pass logits.copy()")
    strides = [stride // dtype.itemsize for stride in logits.strides]
    return _lay_out(logits.ctypes.data, code, logits.shape, strides, "logits.copy()")


def _view_cpu_tensor(logits: torch.Tensor) -> LogitsView:
    if logits.device.type != "cpu":
        raise ArgumentError(
            f"logits is on device {str(logits.device)!r}, and only CPU memory can be "
            "biased; move it with logits.cpu(), bias that, and copy it back"
        )
    return view_tensor(logits)


def view_tensor(logits: torch.Tensor) -> LogitsView:
    """Check a tensor on any device as `view_logits` checks one on the CPU."""
    if str(logits.layout) != "torch.strided":
        raise ArgumentError(
            f"logits has layout {logits.layout}; pass a dense tensor: logits.to_dense()"
        )
    if logits.requires_grad:
        raise ArgumentError(
            "logits requires grad, and the bias is not differentiable; work under "
            "torch.no_grad(), or pass logits.detach().clone()"
        )
    code = _TORCH_DTYPES.get(str(logits.dtype))
    if code is None:
        raise ArgumentError(
            f"logits has dtype {logits.dtype}; it must be {_DTYPES_WANTED}: convert it "
            "with logits.float() and use the result"
        )
    return _lay_out(logits.data_ptr(), code, logits.shape, logits.stride(), "logits.contiguous()")


def _lay_out(
    address: int, dtype: int, shape: Sequence[int], strides: Sequence[int], remedy: str
) -> LogitsView:
    if len(shape) not in (1, 2):
        raise ArgumentError(
            f"logits has {len(shape)} dimensions; pass one row (1-D) or a batch of rows "
            "(2-D), such as logits[:, -1, :] of what a model returns"
        )
    vocabulary = shape[-1]
    if vocabulary == 0:
        raise ArgumentError("logits has a vocabulary of 0 tokens")
    if strides[-1] != 1 and vocabulary > 1 and 0 not in shape:
        raise ArgumentError(
            "the logits of a row do not lie side by side (the last stride is "
            f"{strides[-1]} elements, not 1); pass {remedy}"
        )
    if len(shape) == 1:
        return LogitsView(address, dtype, None, vocabulary, vocabulary)
    n_rows, stride = shape[0], strides[0]
    if n_rows <= 1:
        stride = vocabulary
    if stride < vocabulary:
        raise ArgumentError(
            f"rows of {vocabulary} logits that start {stride} elements apart overlap or "
            f"run backwards; pass {remedy}"
        )
    return LogitsView(address, dtype, n_rows, vocabulary, stride)


def _as_array(tokens: object, name: str, rank: int) -> npt.NDArray[Any] | None:
    """Take an array or tensor of integers of the given rank; None for anything else."""
    if is_tensor(tokens):
        tensor: torch.Tensor = tokens  # type: ignore[assignment]
        if str(tensor.dtype) not in _TORCH_INTEGERS:
            raise ArgumentError(f"{name} has dtype {tensor.dtype}; token ids must be integers")
        if tensor.device.type != "cpu":
            raise ArgumentError(
                f"{name} is on device {str(tensor.device)!r}; move it with .cpu()"
            )
        array = tensor.numpy()
    elif isinstance(tokens, np.ndarray):
        array = tokens
    elif hasattr(tokens, "__array__") and not isinstance(tokens, np.generic):
        array = np.asarray(tokens)
    else:
        return None
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"{name} has dtype {array.dtype}; token ids must be integers")
    if array.ndim != rank:
        raise ArgumentError(f"{name} has {array.ndim} dimensions, not {rank}")
    return array


def _as_uint32(array: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint32]:
    """Convert an array of integers; contiguous, and without a copy where it can be."""
    if array.size and array.dtype.kind + str(array.dtype.itemsize) not in ("u1", "u2", "u4"):
        for extreme in (array.min(), array.max()):
            if not 0 <= int(extreme) <= TOKEN_MAX:
                raise ArgumentError(_range_message(name, int(extreme)))
    return np.ascontiguousarray(array, dtype=np.uint32)


def _range_message(name: str, token: int) -> str:
    what = "is negative (a padding mark?)" if token < 0 else "is above 2^32 - 1"
    return f"{name} holds {token}, which {what}; token ids are from 0 to 2^32 - 1"


def _check_ids(tokens: Iterable[object], name: str) -> list[int]:
    """Check single ids one by one."""
    ids = []
    for token in tokens:
        if type(token) is not int:
            try:
                if isinstance(token, bool | np.bool_):
                    raise TypeError
                token = operator.index(token)  # type: ignore[arg-type]
            except TypeError:
                raise ArgumentError(
                    f"{name} holds a {type(token).__name__}; token ids must be integers"
                ) from None
        if not 0 <= token <= TOKEN_MAX:
            raise ArgumentError(_range_message(name, token))
        ids.append(token)
    return ids


def _as_sequence(tokens: object, name: str) -> Sequence[object]:
    if isinstance(tokens, list | tuple):
        return tokens
    if isinstance(tokens, str | bytes | bytearray) or not isinstance(tokens, Sequence):
        raise ArgumentError(
            f"{name} is a {type(tokens).__name__}; pass a sequence, an array or a tensor "
            "of token ids"
        )
    return list(tokens)


def last_ids(tokens: object, width: int, name: str = "tokens") -> list[int]:
    """Take the last ids of a sequence; the others are neither read nor checked.

    Parameters
    ----------
    tokens : sequence, array or tensor of int
        1-D.
    width : int
        How many, at most.
    name : str
        For error messages.

    Returns
    -------
    list of int
        Oldest first.

    Raises
    ------
    ArgumentError
        Where they are no token ids.
    """
    array = _as_array(tokens, name, 1)
    if array is not None:
        ids: list[int] = array[max(0, len(array) - width) :].tolist()
        for token in ids:
            if not 0 <= token <= TOKEN_MAX:
                raise ArgumentError(_range_message(name, token))
        return ids
    sequence = _as_sequence(tokens, name)
    return _check_ids(sequence[max(0, len(sequence) - width) :], name)


def last_ids_of_rows(
    tokens: object, n_rows: int, width: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uintp]]:
    """Take the last ids of each row of a batch.

    Parameters
    ----------
    tokens : 2-D array or tensor of int, or sequence of 1-D sequences of any length
        A row for each row of logits.
    n_rows : int
        How many rows of logits there are.
    width : int
        How many ids to take of each, at most.

    Returns
    -------
    ids : numpy.ndarray of uint32, shape (n_rows, width)
        Oldest first, from the left; what lies beyond the count has no meaning.
    counts : numpy.ndarray of uintp, shape (n_rows,)
        How many ids of each row there are.

    Raises
    ------
    ArgumentError
        Where they are no token ids, or their rows are not as many as those of logits.
    """
    is_array = is_tensor(tokens) or isinstance(tokens, np.ndarray)
    rows = _as_array(tokens, "tokens", 2) if is_array else _as_sequence(tokens, "tokens")
    assert rows is not None
    if len(rows) != n_rows:
        raise ArgumentError(f"logits has {n_rows} rows, but tokens has {len(rows)}")
    if isinstance(rows, np.ndarray):
        ids = _as_uint32(rows[:, max(0, rows.shape[1] - width) :], "tokens")
        return ids, np.full(n_rows, ids.shape[1], np.uintp)
    ids = np.zeros((n_rows, width), np.uint32)
    counts = np.zeros(n_rows, np.uintp)
    for index, row in enumerate(rows):
        if isinstance(row, int | np.integer):
            raise ArgumentError(
                "logits is a batch of rows, so tokens must hold a sequence of ids for "
                "each; for one row pass 1-D logits"
            )
        tail = last_ids(row, width, f"tokens[{index}]")
        ids[index, : len(tail)] = tail
        counts[index] = len(tail)
    return ids, counts


def all_ids(tokens: object, name: str = "tokens") -> npt.NDArray[np.uint32]:
    """Take all ids of a sequence.

    Parameters
    ----------
    tokens : sequence, array or tensor of int
        1-D.
    name : str
        For error messages.

    Returns
    -------
    numpy.ndarray of uint32
        1-D and contiguous; the caller's own memory where that is uint32 already.

    Raises
    ------
    ArgumentError
        Where they are no token ids.
    """
    array = _as_array(tokens, name, 1)
    if array is None:
        sequence = _as_sequence(tokens, name)
        if set(map(type, sequence)) - {int}:
            sequence = _check_ids(sequence, name)
        try:
            array = np.array(sequence, dtype=np.int64)
        except OverflowError:
            array = np.array(_check_ids(sequence, name), dtype=np.int64)
    return _as_uint32(array, name)
