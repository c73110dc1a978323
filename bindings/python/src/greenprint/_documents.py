"""Reading token ids from files."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from greenprint import _library as c
from greenprint._errors import ArgumentError


class _Reader:
    """Owns a ``gp_reader``."""

    def __init__(self, path: bytes, format: int, field: bytes | None) -> None:
        handle = ctypes.c_void_p()
        c.call(c.lib.gp_reader_open, path, format, field, ctypes.byref(handle), path=path)
        self.path = path
        self.pointer = handle.value
        finalizer = weakref.finalize(self, c.lib.gp_reader_free, handle.value)
        finalizer.atexit = False
        self.close = finalizer

    def documents(self) -> Iterator[npt.NDArray[np.uint32]]:
        tokens = ctypes.c_void_p()
        n_tokens = ctypes.c_size_t()
        line = ctypes.c_uint64()
        where = (ctypes.byref(tokens), ctypes.byref(n_tokens), ctypes.byref(line))
        try:
            while True:
                c.call(c.lib.gp_reader_next, self.pointer, *where, path=self.path)
                if tokens.value is None:
                    return
                document = np.empty(n_tokens.value, np.uint32)
                ctypes.memmove(document.ctypes.data, tokens.value, document.nbytes)
                yield document
        finally:
            self.close()


def read_documents(
    path: str | os.PathLike[str], format: str = "tokens", field: str = "tokens"
) -> Iterator[npt.NDArray[np.uint32]]:
    """Read documents from a file of token ids, plain or gzipped (SPEC.md section 10).

    Parameters
    ----------
    path : str or os.PathLike
        The file; ``"-"`` is standard input.
    format : {"tokens", "jsonl"}
        A document a line, as decimal ids separated by blanks; or a JSON object a line.
    field : str
        The field of the JSON objects that holds the ids. Not used with ``"tokens"``.

    Returns
    -------
    iterator of numpy.ndarray of uint32
        The ids of one document after the other, each in an array of its own. One
        document is in memory at a time. One thread at a time.

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
    c_field = c.encode(field, "field") if format == "jsonl" else None
    reader = _Reader(c.encode(path, "path"), c.INPUT_FORMATS[format], c_field)
    return reader.documents()
