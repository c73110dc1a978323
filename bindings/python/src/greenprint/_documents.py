"""Reading documents from files."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from greenprint import _library as c
from greenprint._errors import ArgumentError

Ids = npt.NDArray[np.uint32]


class _Reader:
    """Owns a ``gp_reader``."""

    def __init__(self, path: bytes, options: c.ReaderOptions) -> None:
        handle = ctypes.c_void_p()
        where = (ctypes.byref(options), ctypes.byref(handle))
        c.call(c.lib.gp_reader_open, path, *where, path=path)
        self.path = path
        self.pointer = handle.value
        finalizer = weakref.finalize(self, c.lib.gp_reader_free, handle.value)
        finalizer.atexit = False
        self.close = finalizer

    def documents(self) -> Iterator[Any]:
        document = c.Document()
        more = ctypes.c_bool()
        where = (ctypes.byref(document), ctypes.byref(more))
        try:
            while True:
                c.call(c.lib.gp_reader_next, self.pointer, *where, path=self.path)
                if not more.value:
                    return
                yield _copy(document)
        finally:
            self.close()


def _copy(document: c.Document) -> Ids | bytes:
    """Make a document the caller's own."""
    if document.tokens is None:
        return ctypes.string_at(document.text, document.n_bytes)
    ids = np.empty(document.n_tokens, np.uint32)
    ctypes.memmove(ids.ctypes.data, document.tokens, ids.nbytes)
    return ids


def _flags(normalize: Iterable[str]) -> int:
    flags = 0
    for name in [normalize] if isinstance(normalize, str) else normalize:
        if name not in c.NORMALIZATIONS:
            raise ArgumentError(
                f"normalize must hold some of {list(c.NORMALIZATIONS)}, not {name!r}"
            )
        flags |= c.NORMALIZATIONS[name]
    return flags


@overload
def read_documents(
    path: str | os.PathLike[str],
    format: Literal["tokens", "npy", "u16", "u32"] = ...,
    field: str = ...,
    *,
    role: None = ...,
    normalize: Iterable[str] = ...,
) -> Iterator[Ids]: ...


@overload
def read_documents(
    path: str | os.PathLike[str],
    format: Literal["text"],
    field: str = ...,
    *,
    role: None = ...,
    normalize: Iterable[str] = ...,
) -> Iterator[bytes]: ...


@overload
def read_documents(
    path: str | os.PathLike[str],
    format: str = ...,
    field: str = ...,
    *,
    role: str | None = ...,
    normalize: Iterable[str] = ...,
) -> Iterator[Any]: ...


def read_documents(
    path: str | os.PathLike[str],
    format: str = "tokens",
    field: str = "tokens",
    *,
    role: str | None = None,
    normalize: Iterable[str] = (),
) -> Iterator[Any]:
    r"""Read documents from a file, plain or gzipped (SPEC.md section 10).

    Parameters
    ----------
    path : str or os.PathLike
        The file; ``"-"`` is standard input.
    format : {"tokens", "jsonl", "text", "npy", "u16", "u32"}
        A document a line, as decimal ids separated by blanks; a JSON object a line; a
        text a file; a NumPy array of integers, of which each row is a document if it has
        two dimensions; little-endian ids of 16 or 32 bits. A text longer than 1 MiB
        and an array of one dimension longer than 2**24 ids come in parts.
    field : str
        Where the ids or the text are in the JSON objects: names and array indices,
        separated by dots; a dot in a name is written ``"\."``. Used only with
        ``"jsonl"``.
    role : str, optional
        The field is an array of chat messages, and each message of this role is a
        document. Only with ``"jsonl"``.
    normalize : iterable of {"newlines", "trailing", "nfc"}
        Harmless differences to take out of text: kinds of line ends, blanks before line
        ends, Unicode normalization forms. Ids are not touched.

    Returns
    -------
    iterator of numpy.ndarray of uint32, or of bytes
        One document after the other, each in memory of its own: ids as an array, text as
        ``bytes``, which are UTF-8 where the file is. One document, or one line, is in
        memory at a time. One thread at a time.

    Raises
    ------
    FileError
        At once where the file cannot be opened; later where it cannot be read.
    FormatError
        On reaching what is wrong; the message names file, line and reason. Documents
        before it have been given out by then: to take all or nothing, read all first.

    Examples
    --------
    >>> for document in read_documents("answers.jsonl.gz", "jsonl"):  # doctest: +SKIP
    ...     verifier.add(document)
    """
    if format not in c.INPUT_FORMATS:
        raise ArgumentError(f"format must be one of {list(c.INPUT_FORMATS)}, not {format!r}")
    options = c.ReaderOptions(
        format=c.INPUT_FORMATS[format],
        field=c.encode(field, "field") if format == "jsonl" else None,
        role=None if role is None else c.encode(role, "role"),
        normalize=_flags(normalize),
    )
    return _Reader(c.encode(path, "path"), options).documents()
