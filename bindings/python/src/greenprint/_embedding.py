"""Embedding: the bias on logits, and sessions."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from greenprint import _library as c
from greenprint._arrays import (
    LogitsView,
    all_ids,
    last_ids,
    last_ids_of_rows,
    view_logits,
)
from greenprint._errors import ArgumentError
from greenprint._keys import Key
from greenprint._params import Params, whole_number

if TYPE_CHECKING:
    from greenprint._arrays import Logits, Tokens

# gp_row as a record, so that a batch of them is filled without a loop.
_ROW = np.dtype(c.Row)


def check_key(key: object) -> Key:
    """Refuse anything but a `Key`."""
    if not isinstance(key, Key):
        raise ArgumentError(f"key must be a Key, not {type(key).__name__}")
    return key


class Session(c.Unpicklable):
    """Remembers the contexts that were marked in one sequence.

    A context that comes again is then left unmarked, which keeps repetition loops from
    feeding themselves and costs the verifier nothing. Without effect with seeding
    ``"fixed"``, where all positions have one context.

    One sequence, one thread at a time: a session that is in use is refused with
    ArgumentError.

    Parameters
    ----------
    expected_tokens : int
        Room for that many positions; beyond it the session grows by allocating.
    """

    def __init__(self, expected_tokens: int = 4096) -> None:
        handle = ctypes.c_void_p()
        size = whole_number(expected_tokens, "expected_tokens", 64)
        c.call(c.lib.gp_session_new, size, ctypes.byref(handle))
        assert handle.value is not None
        self._pointer: int = handle.value
        self._lock = threading.Lock()
        weakref.finalize(self, c.lib.gp_session_free, handle.value).atexit = False

    def reset(self) -> None:
        """Forget everything, for the next sequence; keep the memory."""
        with self:
            c.lib.gp_session_reset(self._pointer)

    def __enter__(self) -> Session:
        """Take it for a call; meant for the package itself."""
        if not self._lock.acquire(blocking=False):
            raise ArgumentError(
                "the session is in use: it belongs to one sequence, in one thread at a time"
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._lock.release()


class ThreadPool(c.Unpicklable):
    """Threads that share the rows of batches among them.

    May serve any number of watermarks and threads; one batch at a time makes use of it,
    and a batch that comes meanwhile is done by its caller alone. Does not survive a fork.

    Parameters
    ----------
    n_threads : int
        How many rows are biased at the same time, the caller's among them: 1 to 1024, or 0
        for one on each processor.

    Raises
    ------
    ArgumentError
        Where the number is out of range.
    OutOfMemoryError
        Where the system starts no more threads.
    """

    def __init__(self, n_threads: int = 0) -> None:
        handle = ctypes.c_void_p()
        count = whole_number(n_threads, "n_threads", 32)
        c.call(c.lib.gp_thread_pool_new, count, ctypes.byref(handle))
        assert handle.value is not None
        self._pointer: int = handle.value
        weakref.finalize(self, c.lib.gp_thread_pool_free, handle.value).atexit = False


class Watermark(c.Unpicklable):
    """Everything that is needed to bias logits. Immutable.

    Any number of threads may use one at the same time, and the interpreter lock is not
    held meanwhile. The key is not needed afterwards.

    Parameters
    ----------
    key : Key
        The key to mark with.
    delta : float
        Added to the logit of a green token, 0 to 100. Sampling at a temperature sees
        ``delta / temperature``.
    tenant : int, optional
        Tenant id, 0 to 2^64 - 1. None, which is not tenant 0, for no tenant.
    never_biased : collection, array or tensor of int
        Token ids to leave alone, such as the end of the sequence; in any order.

    Raises
    ------
    ArgumentError
        Naming what is out of range.
    """

    _why_not = "its green lists are as secret as the key; make it anew from the key"

    def __init__(
        self,
        key: Key,
        delta: float = 2.0,
        tenant: int | None = None,
        never_biased: Tokens | Collection[int] = (),
    ) -> None:
        if isinstance(never_biased, set | frozenset):
            never_biased = list(never_biased)
        never = all_ids(never_biased, "never_biased")
        try:
            c_delta = ctypes.c_float(delta)
        except TypeError:
            raise ArgumentError(f"delta must be a number, not {type(delta).__name__}") from None
        except OverflowError:
            raise ArgumentError(f"delta must be 0 to {c.DELTA_MAX:g}") from None
        options = c.WatermarkOptions(
            delta=c_delta,
            has_tenant=tenant is not None,
            tenant=0 if tenant is None else whole_number(tenant, "tenant", 64),
            never_biased=never.ctypes.data if never.size else None,
            n_never_biased=never.size,
        )
        handle = ctypes.c_void_p()
        c.call(
            c.lib.gp_watermark_new,
            check_key(key)._open,
            ctypes.byref(options),
            ctypes.byref(handle),
        )
        assert handle.value is not None
        self._pointer: int = handle.value
        self._delta = c_delta.value
        self._tenant = tenant
        self._params = Params._from_c(c.lib.gp_watermark_params(handle.value))
        self._width = self._params.context_width
        weakref.finalize(self, c.lib.gp_watermark_free, handle.value).atexit = False

    @property
    def params(self) -> Params:
        """The parameters of the key it was made from."""
        return self._params

    @property
    def delta(self) -> float:
        """What is added to the logit of a green token, as rounded to float32."""
        return self._delta

    @property
    def tenant(self) -> int | None:
        """The tenant id, or None."""
        return self._tenant

    def bias(
        self,
        logits: Logits,
        tokens: Tokens | Sequence[Tokens],
        session: Session | Sequence[Session | None] | None = None,
        *,
        on: Sequence[bool] | npt.NDArray[np.bool_] | None = None,
        tenants: Sequence[int | None] | npt.NDArray[Any] | None = None,
        deltas: Sequence[float | None] | npt.NDArray[Any] | None = None,
        threads: ThreadPool | None = None,
    ) -> None:
        """Bias logits in place, before sampling (SPEC.md section 6). Nothing is copied.

        Parameters
        ----------
        logits : numpy.ndarray or CPU torch.Tensor
            Shape (vocabulary,) for one row or (rows, vocabulary) for a batch, of
            float32, float16 or bfloat16 (in NumPy: that of the ml_dtypes package). The
            logits of a row must lie side by side; rows may lie apart.
        tokens : sequence, array or tensor of int
            The sequence so far that the row continues, oldest first. For a batch a
            sequence of such sequences, of any lengths, or a 2-D array or tensor. Only
            the last ``params.context_width`` ids are read and checked; a row with
            fewer is left alone.
        session : Session, optional
            Leaves contexts alone that it has seen. For a batch a sequence of a
            session or None for each row, no session twice.
        on : sequence or array of bool, optional
            For a batch: whether to bias each row. A row that is off is left alone, its
            session too. None: all of them.
        tenants : sequence or array of int or None, optional
            For a batch: a tenant id for each row, instead of the watermark's; None in it, or
            for all of it, means the watermark's.
        deltas : sequence or array of float or None, optional
            For a batch: a delta for each row, likewise.
        threads : ThreadPool, optional
            For a batch: threads to share its rows among; refused for one row, which is not
            shared. None: all is done by this one.

        Raises
        ------
        ArgumentError
            Where an argument is refused: nothing has been changed then.
        OutOfMemoryError, CryptoError
            Where the library fails. Some rows of the batch may be biased then.

        Notes
        -----
        Changes tensors behind the back of autograd, which is why those that require
        grad are refused.
        """
        view = view_logits(logits)
        if threads is not None and not isinstance(threads, ThreadPool):
            raise ArgumentError(f"threads must be a ThreadPool, not {type(threads).__name__}")
        if view.n_rows is None:
            options = {"on": on, "tenants": tenants, "deltas": deltas, "threads": threads}
            for name, value in options.items():
                if value is not None:
                    raise ArgumentError(f"{name} is for a batch of rows, but logits is one row")
            self._bias_one(view, tokens, session)
            return
        ids, counts = last_ids_of_rows(tokens, view.n_rows, self._width)
        rows = np.zeros(view.n_rows, _ROW)
        rows["tokens"] = ids.ctypes.data + np.arange(len(ids)) * ids.shape[1] * ids.itemsize
        rows["n_tokens"] = counts
        _set_options(rows, on, tenants, deltas)
        sessions = [] if session is None else _check_sessions(session, view.n_rows)
        with ExitStack() as in_use:
            for entry in sessions:
                if entry is not None:
                    in_use.enter_context(entry)
            if sessions:
                rows["session"] = [0 if s is None else s._pointer for s in sessions]
            c.call(
                c.lib.gp_bias_batch_parallel,
                self._pointer,
                None if threads is None else threads._pointer,
                view.dtype,
                view.address,
                view.n_rows,
                view.vocabulary,
                view.stride,
                rows.ctypes.data,
            )

    def _bias_one(self, view: LogitsView, tokens: object, session: object) -> None:
        ids = last_ids(tokens, self._width)
        row = c.Row(n_tokens=len(ids))
        c_ids = (ctypes.c_uint32 * len(ids))(*ids)
        row.tokens = ctypes.addressof(c_ids)
        arguments = (self._pointer, view.dtype, view.address, view.vocabulary)
        if session is None:
            c.call(c.lib.gp_bias, *arguments, ctypes.byref(row))
            return
        if not isinstance(session, Session):
            raise ArgumentError(
                f"session must be a Session or None for one row, not {type(session).__name__}"
            )
        with session:
            row.session = session._pointer
            c.call(c.lib.gp_bias, *arguments, ctypes.byref(row))

    def green_mask(self, tokens: Tokens, vocabulary: int) -> npt.NDArray[np.uint8]:
        """Return the green list after some tokens, packed.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            The sequence so far; the last ``params.context_width`` ids are read.
        vocabulary : int
            How many token ids there are.

        Returns
        -------
        numpy.ndarray of uint8, shape ((vocabulary + 7) // 8,)
            Bit ``v % 8`` of byte ``v // 8`` is 1 when token ``v`` is green and may be
            biased. ``numpy.unpackbits(mask, count=vocabulary, bitorder="little")``
            gives a byte for each token.

        Raises
        ------
        ArgumentError
            Where there are fewer tokens than the context width.
        """
        size = whole_number(vocabulary, "vocabulary", 40)
        ids = last_ids(tokens, self._width)
        mask = np.zeros((size + 7) // 8, np.uint8)
        c.call(
            c.lib.gp_green_mask,
            self._pointer,
            (ctypes.c_uint32 * len(ids))(*ids),
            len(ids),
            size,
            mask.ctypes.data,
        )
        return mask

    def nonce(self, tokens: Tokens) -> bytes:
        """Return the nonce after some tokens, for checking other implementations.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            The sequence so far; the last ``params.context_width`` ids are read.

        Returns
        -------
        bytes
            12 bytes (SPEC.md section 4), tenant included. As secret as the green lists.

        Raises
        ------
        ArgumentError
            Where there are fewer tokens than the context width.
        """
        ids = last_ids(tokens, self._width)
        nonce = (ctypes.c_uint8 * c.NONCE_SIZE)()
        c.call(
            c.lib.gp_nonce,
            self._pointer,
            (ctypes.c_uint32 * len(ids))(*ids),
            len(ids),
            nonce,
        )
        return bytes(nonce)

    def __repr__(self) -> str:
        """Show what is public."""
        tenant = "" if self._tenant is None else f", tenant={self._tenant}"
        return f"<Watermark delta={self._delta:g}{tenant}, {self._params!r}>"


def _of_rows(values: object, n_rows: int, name: str) -> Sequence[Any]:
    """Take a value for each row."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise ArgumentError(
            f"{name} must be a sequence of a value for each row, not {type(values).__name__}"
        )
    if len(values) != n_rows:
        raise ArgumentError(f"logits has {n_rows} rows, but {name} has {len(values)}")
    return values


def _set_options(rows: npt.NDArray[Any], on: object, tenants: object, deltas: object) -> None:
    """Put the options of rows into their records."""
    if on is not None:
        for i, value in enumerate(_of_rows(on, len(rows), "on")):
            if not isinstance(value, bool | np.bool_):
                raise ArgumentError(f"on[{i}] must be a bool, not {type(value).__name__}")
            rows["off"][i] = not value
    if tenants is not None:
        for i, value in enumerate(_of_rows(tenants, len(rows), "tenants")):
            if value is not None:
                rows["has_tenant"][i] = True
                rows["tenant"][i] = whole_number(value, f"tenants[{i}]", 64)
    if deltas is not None:
        for i, value in enumerate(_of_rows(deltas, len(rows), "deltas")):
            if value is not None:
                rows["has_delta"][i] = True
                rows["delta"][i] = _check_delta(value, f"deltas[{i}]")


def _check_delta(delta: object, name: str) -> float:
    try:
        value = ctypes.c_float(delta).value  # type: ignore[arg-type]
    except TypeError:
        raise ArgumentError(f"{name} must be a number, not {type(delta).__name__}") from None
    except OverflowError:
        raise ArgumentError(f"{name} must be 0 to {c.DELTA_MAX:g}") from None
    if not 0 <= value <= c.DELTA_MAX:  # NaN fails too
        raise ArgumentError(f"{name} must be 0 to {c.DELTA_MAX:g}, not {delta}")
    return value


def _check_sessions(session: object, n_rows: int) -> list[Session | None]:
    if isinstance(session, Session) or not isinstance(session, Sequence):
        raise ArgumentError(
            "logits is a batch of rows, so session must be None or a sequence of a "
            f"Session or None for each, not {type(session).__name__}"
        )
    sessions = list(session)
    if len(sessions) != n_rows:
        raise ArgumentError(f"logits has {n_rows} rows, but session has {len(sessions)}")
    for entry in sessions:
        if not isinstance(entry, Session | None):
            raise ArgumentError(
                f"session holds a {type(entry).__name__}; it may hold Session and None"
            )
    used = [id(entry) for entry in sessions if entry is not None]
    if len(set(used)) != len(used):
        raise ArgumentError("a session stands for two rows; it belongs to one sequence")
    return sessions
