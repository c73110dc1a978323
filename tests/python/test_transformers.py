"""The logits processor, against an implementation without state."""

from __future__ import annotations

import copy
import ctypes
import gc
import sys
import types
from typing import Any

import numpy as np
import pytest

import greenprint
from greenprint import _library as c

REASON = "torch and transformers are not installed: the logits processor was not tested"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("transformers", reason=REASON)

from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor  # noqa: E402

from greenprint.transformers import GreenprintLogitsProcessor  # noqa: E402

VOCABULARY = 300
PAD = 0


def strip(row: list[int], pad: int | None) -> list[int]:
    """Drop the padding at the start of a row."""
    start = 0
    while start < len(row) and row[start] == pad:
        start += 1
    return row[start:]


class Stateless:
    """Says from one row alone what its scores have to become.

    A position is marked iff its context did not occur earlier in the generated part.
    """

    def __init__(self, watermark: greenprint.Watermark, pad: int | None, skip: bool) -> None:
        self.watermark, self.pad, self.skip = watermark, pad, skip
        self.width = watermark.params.context_width
        self.marked = self.skipped = self.without_window = 0

    def context(self, row: list[int]) -> bytes | None:
        real = strip(row, self.pad)
        return self.watermark.nonce(real) if len(real) >= self.width else None

    def row(self, row: list[int], prompt: int, scores: torch.Tensor) -> torch.Tensor:
        context = self.context(row)
        if context is None:
            self.without_window += 1
            return scores
        if self.skip and context in {self.context(row[:end]) for end in range(prompt, len(row))}:
            self.skipped += 1
            return scores
        self.marked += 1
        mask = self.watermark.green_mask(strip(row, self.pad), scores.shape[-1])
        green = np.unpackbits(mask, count=scores.shape[-1], bitorder="little").astype(bool)
        biased = (scores.float() + self.watermark.delta).to(scores.dtype)
        return torch.where(torch.from_numpy(green), biased, scores)

    def batch(self, ids: torch.Tensor, prompt: int, scores: torch.Tensor) -> torch.Tensor:
        rows = zip(ids.tolist(), scores, strict=True)
        return torch.stack([self.row(row, prompt, score) for row, score in rows])


class Checked(LogitsProcessor):
    """Compares each call of a processor with what it has to be."""

    def __init__(self, processor: GreenprintLogitsProcessor, slow: Stateless) -> None:
        self.processor, self.slow = processor, slow
        self.prompt: int | None = None
        self.calls = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self.prompt is None:
            self.prompt = input_ids.shape[1]
        wanted = self.slow.batch(input_ids, self.prompt, scores.clone())
        address = scores.data_ptr()
        got = self.processor(input_ids, scores)
        assert got is scores
        assert got.data_ptr() == address
        assert torch.equal(got, wanted)
        self.calls += 1
        return got


def make_key(seeding: str = "hash", width: int = 2) -> greenprint.Key:
    return greenprint.Key.from_bytes(bytes(range(32)), greenprint.Params(seeding, width))


def make_model(seed: int, **changes: Any) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=changes.pop("num_hidden_layers", 2),
        num_attention_heads=2,
        num_key_value_heads=2,
        bos_token_id=1,
        eos_token_id=None,
        pad_token_id=PAD,
        initializer_range=0.2,
        **changes,
    )
    return LlamaForCausalLM(config).eval()


PROMPTS = torch.tensor([[PAD, PAD, PAD, 5], [PAD, PAD, 7, 8], [9, 10, 11, 12]])


def generate(model: Any, processor: Any, prompts: torch.Tensor = PROMPTS, **options: Any) -> Any:
    settings = {"max_new_tokens": 40, "pad_token_id": PAD, "do_sample": True, "top_k": 0}
    return model.generate(
        prompts,
        attention_mask=(prompts != PAD).long(),
        logits_processor=[processor],
        **(settings | options),
    )


MODES = {
    "sampling": {},
    "greedy": {"do_sample": False},
    "beams": {"do_sample": False, "num_beams": 4},
    "beams, several returned": {"do_sample": False, "num_beams": 4, "num_return_sequences": 3},
    "beam sampling": {"num_beams": 3},
    "several samples": {"num_return_sequences": 2},
    "no cache": {"use_cache": False},
    "stops at an end": {"eos_token_id": list(range(2, 12)), "max_new_tokens": 30},
}


@pytest.mark.parametrize("skip", [True, False], ids=["skip", "keep"])
@pytest.mark.parametrize("mode", MODES)
def test_generate(seed, mode, skip) -> None:
    watermark = greenprint.Watermark(make_key(width=1), delta=3.0)
    threads = greenprint.ThreadPool(3) if mode == "beams" else None
    processor = GreenprintLogitsProcessor(
        watermark, PAD, skip_repeated_contexts=skip, threads=threads
    )
    model = make_model(seed)
    slow = Stateless(watermark, PAD, skip)
    for _ in range(2):  # the second begins anew by itself
        checked = Checked(processor, slow)
        generate(model, checked, **MODES[mode])
        assert checked.calls > 1
    assert slow.marked >= 2 * len(PROMPTS)
    assert (slow.skipped > 0) == skip


def test_generate_with_one_row_and_an_assistant(seed) -> None:
    watermark = greenprint.Watermark(make_key(width=1), delta=3.0)
    model = make_model(seed)
    assistant = make_model(seed, num_hidden_layers=1)
    rejected = 0
    for options in ({"assistant_model": assistant}, {"prompt_lookup_num_tokens": 3}):
        for sample in (True, False):
            slow = Stateless(watermark, PAD, skip=True)
            checked = Checked(GreenprintLogitsProcessor(watermark, PAD), slow)
            prompt = torch.tensor([[5, 6, 7, 5, 6, 7, 5]])
            out = generate(model, checked, prompt, do_sample=sample, **options)
            assert out.shape[1] == 47
            assert slow.marked > 0
            rejected += checked.calls > 40
    assert rejected > 0  # else no candidate was ever taken back


def test_what_is_generated_is_found(seed) -> None:
    key = make_key()
    watermark = greenprint.Watermark(key, delta=3.0)
    processor = GreenprintLogitsProcessor(watermark, PAD)
    out = generate(make_model(seed), processor, max_new_tokens=150)
    verifier, other = greenprint.Verifier(key), greenprint.Verifier(greenprint.Key.generate())
    for row in out[:, PROMPTS.shape[1] :]:
        verifier.add(row)
        other.add(row)
    assert verifier.result().log10_p < -10
    assert other.result().log10_p > -7


def random_scores(rng: np.random.Generator, n_rows: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal((n_rows, VOCABULARY))).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("pad", [None, PAD], ids=["no pad", "pad"])
@pytest.mark.parametrize(("seeding", "width"), [("hash", 1), ("hash", 3), ("min", 4)])
def test_any_order_of_calls(rng, seeding, width, pad, dtype) -> None:
    """Drive a processor through steps, reordered beams, steps back and new beginnings."""
    watermark = greenprint.Watermark(make_key(seeding, width), delta=3.0)
    processor = GreenprintLogitsProcessor(watermark, pad)
    slow = Stateless(watermark, pad, skip=True)
    kinds = dict.fromkeys(["step", "reorder", "resize", "back", "again"], 0)
    for generation in range(12):
        prompt = 1 + generation % 5
        n_rows = int(rng.integers(1, 5))
        # Few ids, so that contexts repeat; one that says which generation it is.
        ids = torch.from_numpy(rng.integers(0, 3, (n_rows, prompt)))
        ids[:, -1] = 1000 + generation
        for row in ids:
            row[: rng.integers(0, prompt)] = PAD
        for _ in range(30):
            scores = random_scores(rng, len(ids), dtype)
            wanted = slow.batch(ids, prompt, scores.clone())
            assert processor(ids, scores) is scores
            assert torch.equal(scores, wanted)
            kind = str(rng.choice(list(kinds), p=[0.5, 0.2, 0.1, 0.1, 0.1]))
            kinds[kind] += 1
            if kind == "again":
                continue
            if kind == "reorder":
                ids = ids[rng.integers(0, len(ids), len(ids))]
            elif kind == "resize":
                ids = ids[rng.integers(0, len(ids), rng.integers(1, 5))]
            elif kind == "back":
                ids = ids[:, : rng.integers(prompt, ids.shape[1] + 1)]
            ids = torch.cat([ids, torch.from_numpy(rng.integers(0, 3, (len(ids), 1)))], 1)
    assert min(kinds.values()) > 5
    assert min(slow.marked, slow.skipped) > 5
    assert (slow.without_window > 5) == (width > 1)


def test_many_reorderings_in_one_generation(rng) -> None:
    watermark = greenprint.Watermark(make_key(), delta=3.0)
    processor = GreenprintLogitsProcessor(watermark)
    slow = Stateless(watermark, None, skip=True)
    ids = torch.from_numpy(rng.integers(0, 12, (6, 3)))
    for _ in range(150):
        scores = random_scores(rng, 6, torch.float32)
        wanted = slow.batch(ids, 3, scores.clone())
        assert torch.equal(processor(ids, scores), wanted)
        parents = rng.permutation(6) if rng.random() < 0.5 else rng.integers(0, 6, 6)
        ids = torch.cat([ids[parents], torch.from_numpy(rng.integers(0, 12, (6, 1)))], 1)
    assert min(slow.marked, slow.skipped) > 100


@pytest.mark.parametrize("pad", [PAD, 2], ids=["pad", "pad is the end of the sequence"])
def test_padding_changes_no_mark(rng, pad) -> None:
    watermark = greenprint.Watermark(make_key(width=3), delta=3.0)
    for length in range(1, 6):
        alone = GreenprintLogitsProcessor(watermark, pad)
        padded = GreenprintLogitsProcessor(watermark, pad)
        row = torch.from_numpy(rng.integers(3, 6, (1, length)))
        other = torch.from_numpy(rng.integers(3, 6, (1, length + 4)))
        marked = []
        for step in range(25):
            scores = random_scores(rng, 1, torch.float32)
            both = torch.cat([torch.full((1, 4), pad), row], 1)
            wide = torch.cat([scores, scores])
            wide = padded(torch.cat([both, other]), wide)
            before = scores.clone()
            assert torch.equal(alone(row, scores)[0], wide[0])
            marked.append(not torch.equal(scores, before))
            # The pad occurs in what is generated too.
            following = torch.tensor([[pad if step % 7 == 3 else int(rng.integers(3, 6))]])
            row, other = torch.cat([row, following], 1), torch.cat([other, following], 1)
        assert marked[0] == (length >= 3)
        assert any(marked)


def test_padding_counts_as_context_where_it_is_not_named() -> None:
    watermark = greenprint.Watermark(make_key())
    prompt = torch.tensor([[PAD, PAD, 5]])
    scores = torch.zeros(1, VOCABULARY)
    assert not GreenprintLogitsProcessor(watermark, PAD)(prompt, scores).any()
    assert GreenprintLogitsProcessor(watermark)(prompt, scores).any()


def test_reset_begins_anew() -> None:
    watermark = greenprint.Watermark(make_key(width=1))
    processor = GreenprintLogitsProcessor(watermark)
    marked = []
    for ids in ([5], [5, 5]):
        marked.append(bool(processor(torch.tensor([ids]), torch.zeros(1, 99)).any()))
    processor.reset()
    marked.append(bool(processor(torch.tensor([[5, 5]]), torch.zeros(1, 99)).any()))
    assert marked == [True, False, True]


def test_an_empty_prompt() -> None:
    watermark = greenprint.Watermark(make_key(width=1))
    processor = GreenprintLogitsProcessor(watermark, PAD)
    assert not processor(torch.zeros(2, 0), torch.zeros(2, 99)).any()
    assert processor(torch.tensor([[5], [6]]), torch.zeros(2, 99)).any()


def test_refusals() -> None:
    watermark = greenprint.Watermark(make_key())
    processor = GreenprintLogitsProcessor(watermark)
    ids = torch.tensor([[1, 2], [3, 4]])
    good = torch.zeros(2, 50)
    for input_ids, scores, message in [
        (ids, torch.zeros(2, 50, device="meta"), r"device 'meta'.*only CPU memory"),
        (ids.to("meta"), good, r"input_ids is on device 'meta'"),
        (ids, torch.zeros(2, 50).double(), r"torch.float64"),
        (ids, torch.zeros(50, 2).T, r"side by side.*contiguous\(\)"),
        (ids, torch.zeros(2, 50, requires_grad=True), r"requires grad"),
        (ids, torch.zeros(50), r"2-D tensors"),
        (ids[0], good, r"2-D tensors"),
        (ids[:1], good, r"input_ids has 1 rows, but scores 2"),
        (ids - 9, good, r"negative"),
        (ids.float(), good, r"torch.float32"),
    ]:
        with pytest.raises(greenprint.ArgumentError, match=message):
            processor(input_ids, scores)
    assert not good.any()
    assert processor(ids, good).any()
    with pytest.raises(greenprint.ArgumentError, match="watermark must be a Watermark"):
        GreenprintLogitsProcessor(make_key())
    with pytest.raises(greenprint.ArgumentError, match="pad_token_id"):
        GreenprintLogitsProcessor(watermark, -100)
    with pytest.raises(greenprint.ArgumentError, match="threads must be a ThreadPool, not int"):
        GreenprintLogitsProcessor(watermark, threads=2)


def test_ids_and_scores_of_any_form(rng) -> None:
    """Ids of other types, transposed ids, rows apart, a row expanded: what is slow but right."""
    watermark = greenprint.Watermark(make_key(), delta=3.0)
    slow = Stateless(watermark, None, skip=True)
    ids = torch.from_numpy(rng.integers(0, 100, (3, 7)))
    forms = [
        *(ids.to(dtype) for dtype in (torch.int32, torch.int16, torch.uint8)),
        ids.T.contiguous().T,
        ids.repeat_interleave(2, 1)[:, ::2],
        torch.cat([ids, ids], 1)[:, :7],
        ids[:1].expand(3, 7),
        torch.nn.Parameter(ids, requires_grad=False),
    ]
    for form in forms:
        memory = random_scores(rng, 3, torch.float32)
        for scores in (memory.clone(), memory.clone()[:, :200]):
            wanted = slow.batch(form.long(), 7, scores.clone())
            processor = GreenprintLogitsProcessor(watermark)
            assert processor(form, scores) is scores
            assert torch.equal(scores, wanted)
    one = torch.nn.Parameter(torch.zeros(1, 99), requires_grad=False)
    assert GreenprintLogitsProcessor(watermark)(ids[:1], one).any()


def test_one_generate_at_a_time() -> None:
    processor = GreenprintLogitsProcessor(greenprint.Watermark(make_key()))
    ids, scores = torch.tensor([[1, 2]]), torch.zeros(1, 50)
    with processor._generation:
        for call in (lambda: processor(ids, scores), processor.reset):
            with pytest.raises(greenprint.ArgumentError, match="the processor is in use"):
                call()
    assert not scores.any()
    assert processor(ids, scores).any()
    with pytest.raises(greenprint.ArgumentError, match="negative"):
        processor(-ids, scores)
    processor.reset()  # given back after an error too


def test_a_copy_shares_its_generation() -> None:
    processor = GreenprintLogitsProcessor(greenprint.Watermark(make_key(width=1)))
    twin = copy.copy(processor)
    assert processor(torch.tensor([[5]]), torch.zeros(1, 50)).any()
    del processor
    gc.collect()
    assert not twin(torch.tensor([[5, 5]]), torch.zeros(1, 50)).any()
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copy.deepcopy(twin)


class OnDevice(torch.Tensor):
    """A tensor that says it is on a CUDA device."""

    is_cuda = True
    is_cpu = False


@pytest.fixture
def device(monkeypatch) -> list[tuple[int, int]]:
    """Stand in for the module that biases on a device; returns the rows of each call."""
    calls: list[tuple[int, int]] = []

    def bias_rows(watermark: Any, scores: Any, rows_address: int, n_rows: int) -> None:
        rows = (c.Row * n_rows).from_address(rows_address)
        calls.append((rows_address, n_rows))
        c.call(
            *(c.lib.gp_bias_batch, watermark._pointer, c.FLOAT32, scores.data_ptr(), n_rows),
            *(scores.shape[1], scores.stride(0), ctypes.addressof(rows)),
        )

    module = types.ModuleType("greenprint._cuda")
    module.bias_rows = bias_rows
    monkeypatch.setitem(sys.modules, "greenprint._cuda", module)
    monkeypatch.setattr(greenprint, "_cuda", module, raising=False)
    return calls


@pytest.mark.parametrize("skip", [True, False])
def test_scores_on_a_device(rng, device, skip) -> None:
    watermark = greenprint.Watermark(make_key(width=1), delta=3.0)
    processor = GreenprintLogitsProcessor(watermark, PAD, skip_repeated_contexts=skip)
    slow = Stateless(watermark, PAD, skip)
    ids = torch.from_numpy(rng.integers(0, 5, (4, 3)))
    for _ in range(30):
        scores = random_scores(rng, 4, torch.float32)
        wanted = slow.batch(ids, 3, scores.clone())
        scores = scores.as_subclass(OnDevice)
        assert processor(ids, scores) is scores
        assert torch.equal(scores.as_subclass(torch.Tensor), wanted)
        ids = ids[torch.from_numpy(rng.permutation(4))]
        ids = torch.cat([ids, torch.from_numpy(rng.integers(0, 5, (4, 1)))], 1)
    assert [n_rows for _, n_rows in device] == [4] * 30
    assert slow.marked > 0
    assert (slow.skipped > 0) == skip


def test_a_failure_on_a_device_begins_anew(device, monkeypatch) -> None:
    processor = GreenprintLogitsProcessor(greenprint.Watermark(make_key(width=1)))
    scores = torch.zeros(1, 99)
    assert processor(torch.tensor([[5]]), scores.as_subclass(OnDevice)).any()

    def fail(*_: Any) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(sys.modules["greenprint._cuda"], "bias_rows", fail)
        with pytest.raises(RuntimeError):
            processor(torch.tensor([[5, 5]]), scores.zero_().as_subclass(OnDevice))
    assert processor(torch.tensor([[5, 5]]), scores.as_subclass(OnDevice)).any()


@pytest.mark.parametrize("skip", [True, False])
def test_one_fixed_list(skip: bool) -> None:
    watermark = greenprint.Watermark(make_key("fixed", 0))
    processor = GreenprintLogitsProcessor(watermark, skip_repeated_contexts=skip)
    for length in range(3):
        ids = torch.ones(2, length, dtype=torch.int64)
        assert processor(ids, torch.zeros(2, 99)).any(1).all()
