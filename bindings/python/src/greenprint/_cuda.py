"""Biasing logits that lie in the memory of a GPU.

Where libgreenprint_cuda lies beside libgreenprint, its kernel does it on the tensor's
current stream, and the interpreter goes on without waiting. Elsewhere the packed green lists,
an eighth of a byte a logit, are made on the CPU, copied over from pinned memory and applied
with operations of torch. The result is the same, bit for bit, and the one of the CPU.

This module is imported by those only who have imported torch.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import warnings
import weakref
from ctypes import c_int, c_size_t, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from greenprint import _library as c
from greenprint._arrays import view_tensor
from greenprint._errors import ArgumentError, FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenprint._arrays import LogitsView
    from greenprint._embedding import Watermark

# gp_prepared_row
_PREPARED = np.dtype(
    [("nonce", np.uint8, c.NONCE_SIZE), ("delta", np.float32), ("biased", np.uint32)]
)
_ROWS_AT_ONCE = 16  # of masks and sums that torch holds in between

_ERROR = ctypes.POINTER(c.Error)
_HANDLE = ctypes.POINTER(c_void_p)
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "gp_cuda_watermark_new": (c_int, (c_void_p, _HANDLE, _ERROR)),
    "gp_cuda_watermark_free": (None, (c_void_p,)),
    "gp_cuda_bias_batch": (
        c_int,
        (
            *(c_void_p, c_int, c_void_p, c_size_t, c_size_t, c_size_t),
            *(c_void_p, c_void_p, _ERROR),
        ),
    ),
}


class Missing(NamedTuple):
    """Why there is no libgreenprint_cuda."""

    reason: str


def load(path: Path) -> ctypes.CDLL | Missing:
    """Load libgreenprint_cuda.

    Parameters
    ----------
    path : Path
        Where it is to be.

    Returns
    -------
    ctypes.CDLL or Missing
        Ready to be called, or why not.
    """
    if not path.is_file():
        return Missing(
            f"{path} does not exist; install the package on a machine with nvcc by "
            "`pip install bindings/python -C cmake.define.GREENPRINT_CUDA=ON`"
        )
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        return Missing(f"cannot load {path}: {error}")
    try:
        for name, (restype, argtypes) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype = restype
            function.argtypes = argtypes
        theirs = library.gp_watermark_params
    except AttributeError as error:
        return Missing(f"{path} is no libgreenprint_cuda for this package: {error}")
    # A watermark of one copy of libgreenprint must not be read by another.
    if _address(theirs) != _address(c.lib.gp_watermark_params):
        return Missing(f"{path} brings a libgreenprint other than {c.lib._name}")
    return library


def _address(function: Any) -> int | None:
    return ctypes.cast(function, c_void_p).value


class Kernels:
    """libgreenprint_cuda, and the watermarks that it knows on each device.

    Parameters
    ----------
    library : ctypes.CDLL
        What `load` returns.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._handles: weakref.WeakKeyDictionary[Watermark, dict[int, int | Missing]] = (
            weakref.WeakKeyDictionary()
        )

    def bias(self, handle: int, view: LogitsView, rows: int, stream: int) -> None:
        """Bias rows on a stream; returns at once.

        Parameters
        ----------
        handle : int
            What `prepare` returns, of a watermark that lives yet.
        view : LogitsView
            Of a batch in the memory of the device, which is the current one.
        rows : int
            Address of a gp_row for each row.
        stream : int
            A cudaStream_t of it.
        """
        c.call(
            self._library.gp_cuda_bias_batch,
            handle,
            view.dtype,
            view.address,
            view.n_rows,
            view.vocabulary,
            view.stride,
            rows,
            stream,
        )

    def prepare(self, watermark: Watermark, device: int) -> int | Missing:
        """Put what a watermark needs on a device there, the first time.

        Parameters
        ----------
        watermark : Watermark
            What to mark with. It is freed on the device when it is freed itself.
        device : int
            The number of the device, which is the current one.

        Returns
        -------
        int or Missing
            A handle for `bias`, or why the device cannot run the kernel: with this watermark
            it is not tried again, which would cost time at each step.
        """
        with self._lock:
            handles = self._handles.setdefault(watermark, {})
            if device not in handles:
                try:
                    handles[device] = self._make(watermark)
                except FileError as error:
                    handles[device] = Missing(str(error))
            return handles[device]

    def _make(self, watermark: Watermark) -> int:
        made = c_void_p()
        c.call(self._library.gp_cuda_watermark_new, watermark._pointer, ctypes.byref(made))
        assert made.value is not None
        # At exit too: the keys on the device are wiped.
        free = self._library.gp_cuda_watermark_free
        weakref.finalize(watermark, _free, free, made.value, os.getpid())
        return made.value


def _free(free: Any, handle: int, process: int) -> None:
    """Free a handle, but not in a fork of the process that made it: CUDA does not work there."""
    if os.getpid() == process:
        free(handle)


_kernels: Kernels | Missing | None = None
_warned = False
_loading = threading.Lock()


def _get_kernels() -> Kernels | Missing:
    global _kernels
    with _loading:
        if _kernels is None:
            library = load(Path(c.lib._name).resolve().parent / "libgreenprint_cuda.so")
            _kernels = library if isinstance(library, Missing) else Kernels(library)
        return _kernels


def _do_without(reason: str) -> None:
    """Say once that the kernel is done without."""
    global _warned
    with _loading:
        said, _warned = _warned, True
    if not said:
        warnings.warn(
            "greenprint biases logits on the GPU without its own kernel, which is slower: "
            f"{reason}",
            RuntimeWarning,
            stacklevel=3,
        )


def bias_rows(watermark: Watermark, scores: torch.Tensor, rows: int, n_rows: int) -> None:
    """Bias a batch of rows in the memory of a GPU, in place.

    Parameters
    ----------
    watermark : Watermark
        What to mark with.
    scores : torch.Tensor, shape (n_rows, vocabulary)
        float32, float16 or bfloat16, on a CUDA device. The work is queued on the current
        stream of that device.
    rows : int
        Address of an array of gp_row, one for each row, which is read, and whose sessions
        are updated, before this returns.
    n_rows : int
        How many.

    Raises
    ------
    ArgumentError
        Where the scores cannot be biased in place; where the stream is being captured into a
        CUDA graph, each launch of which would bias with the green lists of the moment.
    OutOfMemoryError, FileError, CryptoError
        Where the library or CUDA fails.

    Warns
    -----
    RuntimeWarning
        Once, where libgreenprint_cuda is not to be had, or not for this device.
    """
    view = _check(scores, n_rows)
    if n_rows == 0:
        return
    device = scores.device.index
    with _current(device):
        if torch.cuda.is_current_stream_capturing():
            raise ArgumentError(
                "the current stream is being captured into a CUDA graph, which would bias with "
                "the same green lists at each launch; bias outside of the graph"
            )
        missing = _bias_by_kernel(watermark, view, rows, device)
        if missing is not None:
            _do_without(missing.reason)
            bias_by_masks(watermark, scores, rows, n_rows)


def _bias_by_kernel(
    watermark: Watermark, view: LogitsView, rows: int, device: int
) -> Missing | None:
    """Bias rows on the current device; where there is no kernel for it, return why not."""
    kernels = _get_kernels()
    if isinstance(kernels, Missing):
        return kernels
    handle = kernels.prepare(watermark, device)
    if isinstance(handle, Missing):
        return handle
    kernels.bias(handle, view, rows, torch.cuda.current_stream(device).cuda_stream)
    return None


@contextlib.contextmanager
def _current(device: int) -> Iterator[None]:
    """Make a device the current one; that is costly where it is that already."""
    if torch.cuda.current_device() == device:
        yield
        return
    with torch.cuda.device(device):
        yield


def _check(scores: torch.Tensor, n_rows: int) -> LogitsView:
    view = view_tensor(scores)
    if view.n_rows != n_rows:
        raise ArgumentError(f"scores has {view.n_rows} rows, not {n_rows}")
    return view


def bias_by_masks(watermark: Watermark, scores: torch.Tensor, rows: int, n_rows: int) -> None:
    """Do what `bias_rows` does, with green lists from the CPU and operations of torch.

    Parameters
    ----------
    watermark, scores, rows, n_rows
        As for `bias_rows`, but the scores may be on any device.
    """
    view = _check(scores, n_rows)
    prepared = np.zeros(n_rows, _PREPARED)
    c.call(c.lib.gp_prepare_rows, watermark._pointer, rows, n_rows, prepared.ctypes.data)
    biased = np.flatnonzero(prepared["biased"])
    for first in range(0, len(biased), _ROWS_AT_ONCE):
        some = biased[first : first + _ROWS_AT_ONCE]
        masks = _make_masks(watermark, prepared["nonce"][some], view.vocabulary, scores.device)
        deltas = _send(torch.from_numpy(prepared["delta"][some]), scores.device)
        where = _send(torch.from_numpy(some), scores.device)
        _apply(scores, where, masks, deltas)


def _make_masks(
    watermark: Watermark,
    nonces: npt.NDArray[np.uint8],
    vocabulary: int,
    device: torch.device,
) -> torch.Tensor:
    """Make packed green lists, a row for each nonce, on the device."""
    size = (vocabulary + 7) // 8
    masks = torch.empty((len(nonces), size), dtype=torch.uint8, pin_memory=device.type != "cpu")
    nonces = np.ascontiguousarray(nonces)
    for i in range(len(nonces)):
        c.call(
            c.lib.gp_green_mask_for,
            watermark._pointer,
            nonces.ctypes.data + i * c.NONCE_SIZE,
            vocabulary,
            masks.data_ptr() + i * size,
        )
    return _send(masks, device)


def _send(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy to a device without waiting. torch keeps pinned memory until the copy is done."""
    if device.type == "cpu":
        return values
    return values.pin_memory().to(device, non_blocking=True)


def _apply(
    scores: torch.Tensor, where: torch.Tensor, masks: torch.Tensor, deltas: torch.Tensor
) -> None:
    """Add to the green ones of some rows (SPEC.md section 6); red ones keep their bits."""
    shifts = torch.arange(8, dtype=torch.uint8, device=scores.device)
    bits = masks.unsqueeze(2).bitwise_right_shift(shifts).bitwise_and(1).bool()
    green = bits.reshape(len(where), -1)[:, : scores.shape[1]]
    with torch.inference_mode():  # which lets tensors that were made in it be changed
        before = scores.index_select(0, where)
        sums = (before.float() + deltas.unsqueeze(1)).to(scores.dtype)
        scores.index_copy_(0, where, torch.where(green, sums, before))
