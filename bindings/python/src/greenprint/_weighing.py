"""Verifying with a reference model: occurrence minus expectation."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from greenprint import _library as c
from greenprint._arrays import all_ids
from greenprint._embedding import check_key
from greenprint._errors import ArgumentError
from greenprint._keys import Key
from greenprint._params import whole_number

if TYPE_CHECKING:
    from greenprint._arrays import Tokens


@dataclass(frozen=True)
class WeightedResult:
    """What a weigher counted, and the test (SPEC.md sections 7 and 8).

    Attributes
    ----------
    documents : int
        Documents added.
    tokens : int
        Token ids in them.
    positions : int
        Positions with a full context; the others are skipped.
    occurred : int
        Distinct (context, token) pairs that occurred.
    expected : int
        Distinct pairs that the reference model expected and that did not occur.
    coins : int
        Pairs among these whose weight is not 0: those that the test is about.
    statistic : float
        The sum of ``weight * (green - gamma)`` over them.
    z : float
        The same in standard deviations, for display.
    log10_p : float
        Decimal logarithm of a rigorous upper bound of the p-value (Chernoff's): the one
        to decide by.
    log10_p_saddlepoint : float
        Decimal logarithm of an approximation to the p-value itself, for information.
    """

    documents: int
    tokens: int
    positions: int
    occurred: int
    expected: int
    coins: int
    statistic: float
    z: float
    log10_p: float
    log10_p_saddlepoint: float


@dataclass(frozen=True)
class ExpectationsInfo:
    """What an expectations file, or one of model weights, says about itself.

    Attributes
    ----------
    label : str
        What its writer called the model.
    vocabulary : int
        Every id in it is below this; 0 where it is not stated.
    top_k : int
        The most entries at a position.
    documents, tokens : int
        Documents read so far, and positions.
    complete : bool
        Whether `Expectations.finish` has found the end to be as it should be.
    bytes : int
        Size of the file, before any decompression; 0 until it is complete.
    sha256 : str
        Digest of these bytes, as hexadecimal digits; empty until then.
    """

    label: str
    vocabulary: int
    top_k: int
    documents: int
    tokens: int
    complete: bool
    bytes: int
    sha256: str


def _to_info(info: c.ExpectationsInfo) -> ExpectationsInfo:
    return ExpectationsInfo(
        label=info.label.decode(),
        vocabulary=info.vocabulary,
        top_k=info.top_k,
        documents=info.documents,
        tokens=info.tokens,
        complete=info.complete,
        bytes=info.file.bytes,
        sha256=bytes(info.file.sha256).hex() if info.complete else "",
    )


class Expectations(c.Unpicklable):
    """An expectations file (SPEC.md section 14), read once from front to back.

    `greenprint.reference` writes such files. Closed by ``with``, `close`, or when it is no
    longer used. One thread at a time.

    Parameters
    ----------
    path : str or os.PathLike
        The file, plain or gzipped; ``"-"`` is standard input.

    Raises
    ------
    FileError
        Where it cannot be opened or read.
    FormatError, VersionError
        Where it is damaged, or not such a file.
    """

    _why_not = "it reads a file"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        handle = ctypes.c_void_p()
        self._path = c.encode(path, "path")
        c.call(c.lib.gp_expectations_open, self._path, ctypes.byref(handle), path=self._path)
        assert handle.value is not None
        self._handle: int = handle.value
        self._close = weakref.finalize(self, c.lib.gp_expectations_free, handle.value)
        self._close.atexit = False

    def __enter__(self) -> Expectations:
        """Return the file itself."""
        return self

    def __exit__(self, *exception: Any) -> None:
        """Close it."""
        self.close()

    @property
    def _pointer(self) -> int:
        if not self._close.alive:
            raise ArgumentError("the expectations file is closed")
        return self._handle

    @property
    def info(self) -> ExpectationsInfo:
        """What the file says about itself, and how far it was read."""
        info = c.ExpectationsInfo()
        c.lib.gp_expectations_get_info(self._pointer, ctypes.byref(info))
        return _to_info(info)

    def finish(self) -> None:
        """Check that the file ends here, once all documents were added.

        Raises
        ------
        FormatError
            Where it holds expectations for further documents, or is cut off or damaged.
        """
        c.call(c.lib.gp_expectations_finish, self._pointer, path=self._path)

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
        self._close()


class Weigher(c.Unpicklable):
    """Weighs pairs by occurrence minus what a reference model expected.

    Where a reference model, one that never saw the key, knows what comes next anyway, a
    text says little about the key. Subtracting what it expects takes that noise out, so
    that fewer tokens are needed. Threads that share one wait for each other. The key is
    not needed afterwards.

    Parameters
    ----------
    key : Key
        The key to look for.
    tenant : int, optional
        The tenant id to look for. None, which is not tenant 0, for no tenant.

    Examples
    --------
    >>> weigher = Weigher(key)  # doctest: +SKIP
    >>> with Expectations("answers.gpx") as expectations:  # doctest: +SKIP
    ...     for document in documents:
    ...         weigher.add(document, expectations)
    ...     expectations.finish()
    >>> weigher.result().log10_p  # doctest: +SKIP
    """

    _why_not = "it holds secrets of the key; make it anew from the key"

    def __init__(self, key: Key, tenant: int | None = None) -> None:
        options = c.VerifierOptions(
            has_tenant=tenant is not None,
            tenant=0 if tenant is None else whole_number(tenant, "tenant", 64),
        )
        handle = ctypes.c_void_p()
        c.call(
            c.lib.gp_weigher_new,
            check_key(key)._open,
            ctypes.byref(options),
            ctypes.byref(handle),
        )
        assert handle.value is not None
        self._pointer: int = handle.value
        self._lock = threading.Lock()
        weakref.finalize(self, c.lib.gp_weigher_free, handle.value).atexit = False

    def add(self, tokens: Tokens, expectations: Expectations) -> None:
        """Add one document, with what was expected at its positions.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            Its token ids, 1-D. May be empty.
        expectations : Expectations
            A file whose next document is this very sequence of ids.

        Raises
        ------
        ArgumentError
            Where they are no token ids.
        FormatError
            Where the file's next document is another one, or the file is damaged.
        FileError, OutOfMemoryError, CryptoError
            As they say. After any error but the first: `reset`, and open the file anew.
        """
        if not isinstance(expectations, Expectations):
            kind = type(expectations).__name__
            raise ArgumentError(f"expectations must be an Expectations, not {kind}")
        ids = all_ids(tokens)
        with self._lock:
            c.call(
                c.lib.gp_weigher_add,
                self._pointer,
                ids.ctypes.data,
                ids.size,
                expectations._pointer,
                path=expectations._path,
            )

    def result(self) -> WeightedResult:
        """Return the test of the documents so far; more may be added afterwards.

        Returns
        -------
        WeightedResult
            In time linear in the pairs.
        """
        test = c.WeightedResult()
        counts = c.WeigherCounts()
        with self._lock:
            c.call(c.lib.gp_weigher_result, self._pointer, ctypes.byref(test))
            c.lib.gp_weigher_get_counts(self._pointer, ctypes.byref(counts))
        fields = {name: getattr(counts, name) for name, *_ in c.WeigherCounts._fields_}
        fields |= {name: getattr(test, name) for name, *_ in c.WeightedResult._fields_}
        return WeightedResult(**fields)

    def reset(self) -> None:
        """Forget all documents; keep the key."""
        with self._lock:
            c.lib.gp_weigher_reset(self._pointer)
