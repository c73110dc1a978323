r"""Marking one row of logits from Python: ours beside others, on the CPU, one thread.

``make bench`` runs it with pytest-benchmark; an ordinary run of the tests does not collect it::

    build/venv/bin/python -m pytest tests/bench/processors.py --benchmark-json=FILE \
        --benchmark-timer=time.thread_time

Everybody gets the same float32 logits, freshly copied before each call (which is not timed), and
a sequence that grows by a token a call. The sides take turns: a turn runs all of them at one
vocabulary size, and a ratio is worked out within a turn. gamma is 1/4 and delta 2, except for
SynthID, which has no such thing.
"""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Callable

import pytest
import torch
from philox import PhiloxRedGreen
from transformers import SynthIDTextWatermarkLogitsProcessor, WatermarkLogitsProcessor

import greenprint
from greenprint import _library as c
from greenprint.transformers import GreenprintLogitsProcessor

sbw = pytest.importorskip("sbw")

QUICK = os.environ.get("GREENPRINT_BENCH_QUICK") == "1"
VOCABULARIES = (1000,) if QUICK else (50257, 128256, 151936, 262144)
TURNS = 1 if QUICK else 5
PROMPT, LENGTH = 32, 512
GAMMA, DELTA = 0.25, 2.0
CPU = torch.device("cpu")

Side = Callable[[torch.Tensor, torch.Tensor], object]


def our_key() -> greenprint.Key:
    """Return a key with the default parameters, gamma 1/4 among them."""
    return greenprint.Key.from_bytes(bytes(range(32)))


def c_function(vocabulary: int) -> Side:
    """gp_bias() through ctypes with its arguments at hand: what a call costs from Python."""
    watermark = greenprint.Watermark(our_key(), delta=DELTA)
    ids = (ctypes.c_uint32 * 2)()
    row = c.Row(tokens=ctypes.addressof(ids), n_tokens=2)
    address = ctypes.byref(row)
    counter = itertools.count()

    def bias(input_ids: torch.Tensor, scores: torch.Tensor) -> None:
        ids[0] = next(counter)
        status = c.lib.gp_bias(
            watermark._pointer, c.FLOAT32, scores.data_ptr(), vocabulary, address, None
        )
        assert status == 0

    return bias


def bias_method(vocabulary: int) -> Side:
    """Watermark.bias()."""
    watermark = greenprint.Watermark(our_key(), delta=DELTA)
    return lambda input_ids, scores: watermark.bias(scores[0], input_ids[0])


def our_processor(vocabulary: int) -> Side:
    """GreenprintLogitsProcessor."""
    return GreenprintLogitsProcessor(greenprint.Watermark(our_key(), delta=DELTA))


def transformers_watermark(vocabulary: int) -> Side:
    """Transformers' WatermarkLogitsProcessor, left hash."""
    return WatermarkLogitsProcessor(
        vocabulary, "cpu", greenlist_ratio=GAMMA, bias=DELTA, seeding_scheme="lefthash"
    )


def transformers_synthid(vocabulary: int) -> Side:
    """Transformers' SynthID processor with the 9 keys that its documentation shows."""
    return SynthIDTextWatermarkLogitsProcessor(
        ngram_len=5,
        keys=[654, 400, 836, 123, 340, 443, 597, 160, 57],
        sampling_table_size=2**16,
        sampling_table_seed=0,
        context_history_size=1024,
        device=CPU,
    )


def sbw_batch(vocabulary: int, scheme: str) -> object:
    """Return what the package sbw marks with."""
    return sbw.WatermarkBatch(
        vocab=range(vocabulary), gamma=GAMMA, delta=DELTA, seeding_scheme=scheme, device=CPU
    )


def sbw_left_hash(vocabulary: int) -> Side:
    """The package sbw, its scheme for the CPU."""
    batch = sbw_batch(vocabulary, "lefthash")

    def bias(input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores.add_(batch.get_greenlist_masks(input_ids[:, -1:]), alpha=DELTA)

    return bias


def sbw_compiled(vocabulary: int) -> Side:
    """The package sbw, Philox, made into one loop by torch.compile()."""
    batch = sbw_batch(vocabulary, "gpu-fused-simple_4")
    return lambda input_ids, scores: batch.apply_watermark_fused(input_ids[:, -4:], scores)


def torch_philox(vocabulary: int) -> Side:
    """A plain red-green processor of torch operations."""
    return PhiloxRedGreen(GAMMA, DELTA)


# name: what makes it, and how many calls a turn has
SIDES: dict[str, tuple[Callable[[int], Side], int]] = {
    "gp_bias": (c_function, 201),
    "Watermark.bias": (bias_method, 201),
    "GreenprintLogitsProcessor": (our_processor, 201),
    "transformers left hash": (transformers_watermark, 9),
    "transformers SynthID": (transformers_synthid, 5),
    "sbw left hash": (sbw_left_hash, 9),
    "sbw compiled": (sbw_compiled, 21),
    "torch Philox": (torch_philox, 9),
}


@pytest.fixture(scope="module", autouse=True)
def one_core():
    """Stay on one core, with one thread."""
    torch.set_num_threads(1)
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture(scope="module")
def made() -> dict[tuple[int, str], Side]:
    """Hold the sides from turn to turn."""
    return {}


@pytest.mark.parametrize(
    ("vocabulary", "turn", "name"), list(itertools.product(VOCABULARIES, range(TURNS), SIDES))
)
def test_bias(benchmark, made, vocabulary, turn, name):
    make, rounds = SIDES[name]
    if (vocabulary, name) not in made:
        made[vocabulary, name] = make(vocabulary)
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn((1, vocabulary), generator=generator) * 4
    tokens = torch.randint(vocabulary, (1, LENGTH), generator=generator)
    scores = torch.empty_like(logits)
    lengths = itertools.cycle(range(PROMPT, LENGTH + 1))

    def setup():
        scores.copy_(logits)
        return (tokens[:, : next(lengths)], scores), {}

    benchmark.extra_info.update(vocabulary=vocabulary, turn=turn, name=name)
    benchmark.pedantic(
        made[vocabulary, name], setup=setup, rounds=2 if QUICK else rounds, warmup_rounds=2
    )
