"""What the logits processor costs beyond the C function that it calls.

Drives ``GreenprintLogitsProcessor`` as ``generate()`` does, a new id for each row at each step,
and beside it ``gp_generation_bias()`` on a generation of its own with a step that is filled in:
the same work without Python's part. The sides alternate which goes first. Printed are the
medians of both over all steps, and that of their difference: the mean of the medians of the two
orders. The C side is called through ctypes as well; what that and the clock take by themselves is
the last column, so that the processor adds the difference and at most that much more.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np
import torch

import greenprint
from greenprint import _library as c
from greenprint._generation import Generation, fill_step
from greenprint.transformers import GreenprintLogitsProcessor


def measure(rows: int, vocabulary: int, prompt: int, steps: int) -> tuple[float, ...]:
    """Return medians in microseconds: processor, C function, difference, empty call."""
    watermark = greenprint.Watermark(greenprint.Key.generate())
    processor = GreenprintLogitsProcessor(watermark, pad_token_id=0)
    generation = Generation(watermark, 0, mark_repeated=False)
    rng = np.random.default_rng(1)
    ids = torch.from_numpy(rng.integers(1, 50_000, (rows, prompt + steps)))
    scores = torch.zeros(rows, vocabulary)
    bias, empty = c.lib.gp_generation_bias, c.lib.gp_session_reset
    now = time.perf_counter_ns
    times = np.zeros((3, steps))
    for step in range(steps):
        length = prompt + step + 1
        now_ids = ids[:, :length].contiguous()  # torch.cat() makes such ids
        fill_step(
            *(generation.step, 0, scores.data_ptr(), rows, vocabulary, vocabulary),
            *(now_ids.data_ptr(), length, length, c.FLOAT32),
        )

        def by_processor(ids: torch.Tensor = now_ids) -> float:
            start = now()
            processor(ids, scores)
            return now() - start

        def by_c() -> float:
            start = now()
            bias(*generation.arguments)
            return now() - start

        order = [(0, by_processor), (1, by_c)]
        for side, run in order if step % 2 else reversed(order):
            times[side, step] = run()
        start = now()
        empty(None)
        times[2, step] = now() - start
    whole, bare, nothing = times[:, steps // 10 :] / 1e3
    difference = whole - bare
    # Who goes second finds the ids in the cache: the median of each order, and their mean.
    more = statistics.mean(statistics.median(difference[first::2]) for first in (0, 1))
    return (statistics.median(whole), statistics.median(bare), more, statistics.median(nothing))


SHAPES = [(1, 1), (8, 1), (64, 1), (1, 1000), (64, 1000), (1, 128_256)]


def main() -> None:
    """Print a line for each shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--json", type=Path, help="write the medians there too")
    options = parser.parse_args()
    steps, prompt = options.steps, options.prompt
    if steps < 2 or prompt < 1:
        parser.error("--steps is 2 at least, and --prompt 1")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    gc.disable()
    print(f"medians over {steps} steps after a prompt of {prompt} ids, microseconds a call")
    print(f"{'rows':>5} {'vocabulary':>10} {'processor':>10} {'C':>8} {'more':>6} {'empty':>6}")
    found = []
    for rows, vocabulary in SHAPES:
        whole, bare, more, empty = measure(rows, vocabulary, prompt, steps)
        print(f"{rows:5} {vocabulary:10} {whole:10.2f} {bare:8.2f} {more:6.2f} {empty:6.2f}")
        found.append(
            {
                "rows": rows,
                "vocabulary": vocabulary,
                "processor": whole,
                "c": bare,
                "more": more,
                "empty": empty,
            }
        )
    if options.json:
        options.json.write_text(json.dumps({"steps": steps, "cases": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
