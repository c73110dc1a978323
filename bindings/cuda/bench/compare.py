"""Compare processors of logits on a GPU: greenprint, plain torch with Philox, transformers.

Each side biases the same scores after the same ids, with gamma 1/4 and delta 2:

- greenprint's kernel, as the logits processor calls it, where the package has it;
- greenprint without a kernel: green lists from the CPU, applied by torch;
- a red-green processor in plain torch: for each row a generator (Philox on a GPU) is seeded
  with a hash of the last two ids, and a token is green where its uniform number is below gamma;
- ``WatermarkLogitsProcessor`` of transformers (left hash, one id of context).

The sides take turns; a figure is the median time from the call to the end of its work, in
microseconds. Run it on a machine with a GPU: ``python bindings/cuda/bench/compare.py``.
``--device cpu`` shows that it works, and leaves out the kernel.
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import sys
import time
from collections.abc import Callable

import torch
from transformers import WatermarkLogitsProcessor

import greenprint
from greenprint import _cuda
from greenprint import _library as c

GAMMA, DELTA = 0.25, 2.0


class PhiloxProcessor:
    """A red-green processor as one writes it in torch."""

    def __init__(self, device: str) -> None:
        self._generator = torch.Generator(device)
        self._device = device

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Bias all rows in place."""
        for row, window in zip(scores, ids[:, -2:].tolist(), strict=True):
            self._generator.manual_seed(hash(tuple(window)) & (1 << 63) - 1)
            uniform = torch.rand(len(row), generator=self._generator, device=self._device)
            row.add_((uniform < GAMMA) * DELTA)
        return scores


def make_rows(ids: torch.Tensor) -> ctypes.Array[c.Row]:
    """Make a gp_row for each row of uint32 ids on the CPU."""
    rows = (c.Row * len(ids))()
    for i, row in enumerate(rows):
        row.tokens, row.n_tokens = ids[i].data_ptr(), ids.shape[1]
    return rows


def find_kernel(watermark: greenprint.Watermark) -> str | None:
    """Return why biasing on the GPU would do without the kernel; None: it is used."""
    kernels = _cuda._get_kernels()
    if isinstance(kernels, _cuda.Kernels):
        found = kernels.prepare(watermark, torch.cuda.current_device())
        return found.reason if isinstance(found, _cuda.Missing) else None
    return kernels.reason


def time_sides(
    sides: dict[str, Callable[[], object]], device: str, repeats: int
) -> dict[str, float]:
    """Return the median time of each side in microseconds."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    times: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(-3, repeats):  # the first ones warm up
        for name, side in sides.items():
            wait()
            start = time.perf_counter()
            side()
            wait()
            if repeat >= 0:
                times[name].append(1e6 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def compare(batch: int, vocabulary: int, dtype: torch.dtype, device: str, repeats: int) -> None:
    """Time all sides on one batch and print a line."""
    key = greenprint.Key.from_bytes(bytes(range(32)))
    watermark = greenprint.Watermark(key, delta=DELTA)
    ids = torch.randint(0, min(vocabulary, 1 << 16), (batch, 32))
    narrow = ids.to(torch.int32)
    rows = make_rows(narrow)
    address = ctypes.addressof(rows)
    scores = torch.randn(batch, vocabulary, device=device).to(dtype)
    on_device = ids.to(device)
    philox = PhiloxProcessor(device)
    theirs = WatermarkLogitsProcessor(
        vocab_size=vocabulary, device=device, greenlist_ratio=GAMMA, bias=DELTA
    )
    sides: dict[str, Callable[[], object]] = {}
    if device == "cuda" and find_kernel(watermark) is None:
        sides["kernel"] = lambda: _cuda.bias_rows(watermark, scores, address, batch)
    sides["masks"] = lambda: _cuda.bias_by_masks(watermark, scores, address, batch)
    sides["torch Philox"] = lambda: philox(on_device, scores)
    sides["transformers"] = lambda: theirs(on_device, scores)
    medians = time_sides(sides, device, repeats)
    first = next(iter(medians.values()))
    cells = [f"{name} {time_:.1f} ({time_ / first:.1f}x)" for name, time_ in medians.items()]
    print(f"{str(dtype)[6:]:9} {batch:4} rows: " + ", ".join(cells), flush=True)


def main() -> None:
    """Read the options and compare batches of 1, 32 and 256."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--vocabulary", type=int, default=151936)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32, 256])
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("compare.py: there is no GPU that torch can use; nothing was measured")
    if options.device == "cuda":
        print(torch.cuda.get_device_name())
        reason = find_kernel(greenprint.Watermark(greenprint.Key.from_bytes(bytes(32))))
        if reason is not None:
            print(f"without a kernel: {reason}")
    print(f"vocabulary {options.vocabulary}, medians of {options.repeats}, microseconds")
    for dtype in (torch.bfloat16, torch.float32):
        for batch in options.batches:
            compare(batch, options.vocabulary, dtype, options.device, options.repeats)


if __name__ == "__main__":
    main()
