"""Served contexts: sets of windows of token ids (SPEC.md section 16)."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenprint import _library as c
from greenprint._arrays import all_ids
from greenprint._errors import ArgumentError
from greenprint._params import whole_number

if TYPE_CHECKING:
    from greenprint._arrays import Tokens


@dataclass(frozen=True)
class ContextsInfo:
    """What a set of served contexts says about itself.

    Attributes
    ----------
    context_width : int
        Tokens in a context, ``h``.
    contexts : int
        Distinct ones.
    documents, tokens : int
        What they were taken from.
    bytes : int
        Size of the file.
    sha256 : str
        Digest of these bytes, as hexadecimal digits.
    """

    context_width: int
    contexts: int
    documents: int
    tokens: int
    bytes: int
    sha256: str


class ContextsBuilder(c.Unpicklable):
    """Collects the contexts that a model served, and writes them to a file.

    Memory is 8 bytes for each distinct context, and buffers. Threads that share one wait for
    each other.

    Parameters
    ----------
    context_width : int
        That of the key, 1 to 16. Contexts of keys with other seedings than ``"hash"`` are of
        no use.
    """

    _why_not = "save it to a file, and merge that"

    def __init__(self, context_width: int) -> None:
        handle = ctypes.c_void_p()
        width = whole_number(context_width, "context_width", 32)
        c.call(c.lib.gp_contexts_builder_new, width, ctypes.byref(handle))
        assert handle.value is not None
        self._pointer: int = handle.value
        self._lock = threading.Lock()
        weakref.finalize(self, c.lib.gp_contexts_builder_free, handle.value).atexit = False

    def add(self, tokens: Tokens) -> None:
        """Add every context of one document, the one that its end stands behind included.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            Its token ids, 1-D. May be empty.

        Raises
        ------
        ArgumentError
            Where they are no token ids; nothing was added.
        OutOfMemoryError
            Where memory is short; the builder can then not be used any more.
        """
        ids = all_ids(tokens)
        with self._lock:
            c.call(c.lib.gp_contexts_builder_add, self._pointer, ids.ctypes.data, ids.size)

    def merge(self, path: str | os.PathLike[str]) -> None:
        """Add everything from a file of contexts of the same width.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Raises
        ------
        ArgumentError, FileError, FormatError, VersionError
            Where the width is another, or the file cannot be read or is damaged; nothing was
            added.
        """
        name = c.encode(path, "path")
        with self._lock:
            c.call(c.lib.gp_contexts_builder_merge, self._pointer, name, path=name)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was added so far; the same contexts give the same bytes.

        Parameters
        ----------
        path : str or os.PathLike
            Where to. An existing file is never replaced.

        Raises
        ------
        FileError
            Where the file exists, or cannot be written.
        """
        name = c.encode(path, "path")
        with self._lock:
            c.call(c.lib.gp_contexts_builder_save, self._pointer, name, path=name)


class Contexts(c.Unpicklable):
    """A file of served contexts, loaded. Immutable, so any number of threads may use one.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Raises
    ------
    FileError
        Where it cannot be read.
    FormatError, VersionError
        Where it is damaged, or not such a file.
    """

    _why_not = "load its file again"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        handle = ctypes.c_void_p()
        name = c.encode(path, "path")
        c.call(c.lib.gp_contexts_load, name, ctypes.byref(handle), path=name)
        assert handle.value is not None
        self._pointer: int = handle.value
        weakref.finalize(self, c.lib.gp_contexts_free, handle.value).atexit = False

    @property
    def info(self) -> ContextsInfo:
        """What the file says about itself."""
        info = c.ContextsInfo()
        c.lib.gp_contexts_get_info(self._pointer, ctypes.byref(info))
        return ContextsInfo(
            context_width=info.context_width,
            contexts=info.contexts,
            documents=info.documents,
            tokens=info.tokens,
            bytes=info.file.bytes,
            sha256=bytes(info.file.sha256).hex(),
        )

    def __len__(self) -> int:
        """Return how many contexts there are."""
        return self.info.contexts

    def __contains__(self, context: Tokens) -> bool:
        """Say whether a context is in the set, or is one of 1 in 2^64 / n that seem to be.

        Parameters
        ----------
        context : sequence, array or tensor of int
            As many ids as a context has.

        Returns
        -------
        bool
            Whether it is.

        Raises
        ------
        ArgumentError
            Where they are no token ids, or not so many.
        """
        ids = all_ids(context, "a context")
        width = self.info.context_width
        if ids.size != width:
            raise ArgumentError(f"a context has {width} ids here, not {ids.size}")
        return bool(c.lib.gp_contexts_have(self._pointer, ids.ctypes.data))
