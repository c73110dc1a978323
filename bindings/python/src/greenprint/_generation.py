"""Following the rows of a generation loop."""

from __future__ import annotations

import ctypes
import struct
import threading
import weakref

from greenprint import _library as c
from greenprint._embedding import ThreadPool, Watermark
from greenprint._errors import ArgumentError

IN_USE = "the processor is in use: it belongs to one generate() at a time, in one thread"


# Fills a gp_generation_step at once, in the order of its fields.
fill_step = struct.Struct("@PNNNPNNi").pack_into


class Generation(c.Unpicklable):
    """``gp_generation``: says of each step what its rows go on with.

    As a context manager it is taken for one call at a time. ``arguments`` are those of
    ``gp_generation_bias()``; they stand for ``step`` and ``error``, which hold for one call.

    Parameters
    ----------
    watermark : Watermark
        What its rows are marked with.
    pad : int or None
        The id that pads rows on the left.
    mark_repeated : bool
        Whether repeated contexts are marked too.
    threads : ThreadPool, optional
        Threads to share the rows among.
    """

    def __init__(
        self,
        watermark: Watermark,
        pad: int | None,
        mark_repeated: bool,
        threads: ThreadPool | None = None,
    ) -> None:
        self.watermark, self.threads = watermark, threads  # have to live as long
        options = c.lib.gp_generation_options_default()
        options.has_pad = pad is not None
        options.pad = 0 if pad is None else pad
        options.mark_repeated = mark_repeated
        options.threads = None if threads is None else threads._pointer
        handle = ctypes.c_void_p()
        c.call(
            c.lib.gp_generation_new,
            watermark._pointer,
            ctypes.byref(options),
            ctypes.byref(handle),
        )
        self.handle = handle
        self.step = c.GenerationStep()
        self.error = c.Error()
        self.arguments = (
            handle,
            ctypes.c_void_p(ctypes.addressof(self.step)),
            ctypes.c_void_p(ctypes.addressof(self.error)),
        )
        self.lock = threading.Lock()
        weakref.finalize(self, c.lib.gp_generation_free, handle.value).atexit = False

    def __enter__(self) -> Generation:
        """Take it."""
        if not self.lock.acquire(blocking=False):
            raise ArgumentError(IN_USE)
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.lock.release()
