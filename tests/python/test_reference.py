"""Expectations files and weighed coins, against independent computations."""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import math
import os
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from weights_files import parse

import greenprint
from greenprint.reference import ExpectationsWriter, write_expectations

ROOT = Path(__file__).resolve().parents[2]


def load_reference() -> Any:
    """Load the independent implementation of the standard."""
    name = "greenprint_reference"
    file = ROOT / "testvectors" / "reference" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def ids_digest(tokens: Any) -> bytes:
    return hashlib.sha256(b"".join(struct.pack("<I", t) for t in tokens)).digest()


def random_expectations(rng, n: int, vocabulary: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and probabilities for n positions, some of them 0."""
    ids = np.array([rng.permutation(vocabulary)[:k] for _ in range(n)], int).reshape(n, k)
    probabilities = rng.dirichlet(np.ones(k + 1), n)[:, :k].astype(np.float32)
    probabilities[probabilities < 0.05] = 0
    return ids, probabilities


def write_random(path: Path, rng, lengths=(0, 1, 2, 3, 40, 300), vocabulary=30, k=4):
    """Write a file for random documents; return them and what is expected."""
    documents = [rng.integers(0, vocabulary, n) for n in lengths]
    expected = [random_expectations(rng, n, vocabulary, k) for n in lengths]
    with ExpectationsWriter(path, label="random", vocabulary=vocabulary, top_k=k) as writer:
        for tokens, (ids, probabilities) in zip(documents, expected, strict=True):
            writer.add(tokens, ids, probabilities)
    return documents, expected


def weigh(key, documents, path: Path, tenant: int | None = None) -> greenprint.WeightedResult:
    weigher = greenprint.Weigher(key, tenant)
    with greenprint.Expectations(path) as expectations:
        for tokens in documents:
            weigher.add(tokens, expectations)
        expectations.finish()
    return weigher.result()


def chernoff(weights: np.ndarray, statistic: float, gamma: float) -> float:
    """Return log10 of the least of E exp(t T) exp(-t T_observed) over t > 0."""
    if statistic <= 0:
        return 0.0

    def exponent(t: float) -> float:
        moment = np.logaddexp(math.log1p(-gamma), math.log(gamma) + t * weights)
        return float(np.sum(moment - t * gamma * weights) - t * statistic)

    found = minimize_scalar(exponent, bounds=(0, 50), method="bounded", options={"xatol": 1e-10})
    return min(found.fun, 0.0) / math.log(10)


# --- the writer and the file ----------------------------------------------------------------


def test_written_bytes(tmp_path, rng) -> None:
    path = tmp_path / "x.gpx"
    documents, expected = write_random(path, rng)
    head, sections = parse(path, 1)
    assert head == {"label": "random", "top_k": 4, "vocabulary": 30}
    for tokens, (ids, p), (digest, positions) in zip(documents, expected, sections, strict=True):
        assert digest == ids_digest(tokens)
        for i, position in enumerate(positions):
            assert position == {
                int(v): float(q) for v, q in zip(ids[i], p[i], strict=True) if q > 0
            }


def test_info(tmp_path, rng, key) -> None:
    path = tmp_path / "x.gpx"
    documents, _ = write_random(path, rng)
    weigher = greenprint.Weigher(key)
    with greenprint.Expectations(path) as expectations:
        for tokens in documents:
            weigher.add(tokens, expectations)
        assert not expectations.info.complete
        assert expectations.info.sha256 == ""
        expectations.finish()
        info = expectations.info
    data = path.read_bytes()
    assert info == greenprint.ExpectationsInfo(
        "random", 30, 4, 6, 346, True, len(data), hashlib.sha256(data).hexdigest()
    )
    with pytest.raises(greenprint.ArgumentError, match="closed"):
        expectations.finish()
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.copy(weigher)


def test_chunks_are_the_same_file(tmp_path, rng) -> None:
    tokens = rng.integers(0, 30, 50)
    ids, p = random_expectations(rng, 50, 30, 4)
    with ExpectationsWriter(tmp_path / "a.gpx", label="", top_k=4) as writer:
        writer.add(tokens, ids, p)
    with ExpectationsWriter(tmp_path / "b.gpx", label="", top_k=4) as writer:
        writer.add_chunks(tokens, ((ids[i : i + 7], p[i : i + 7]) for i in range(0, 50, 7)))
    assert (tmp_path / "a.gpx").read_bytes() == (tmp_path / "b.gpx").read_bytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int32, np.int64, np.uint64])
def test_ids_of_any_type(tmp_path, dtype) -> None:
    """What is left out needs no room in the type of the ids."""
    probabilities = [[0.5, 0.0, 0.25], [0.0, 0.0, 0.0], [0.25, 0.5, 0.0]]
    ids = [[7, 0, 3], [0, 0, 0], [2, 1, 0]]
    for name, kind in (("a", dtype), ("b", np.int64)):
        with ExpectationsWriter(tmp_path / name, label="", top_k=3) as writer:
            writer.add([1, 2, 3], np.array(ids, kind), np.array(probabilities))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("ids", "probabilities", "reason"),
    [
        ([[1, 2]], [[0.5, math.nan]], "from 0 to 1"),
        ([[1, 2]], [[0.5, -0.1]], "from 0 to 1"),
        ([[1, 2]], [[0.5, math.inf]], "from 0 to 1"),
        ([[1, 2]], [[0.6, 0.6]], "add up"),
        ([[1, 1]], [[0.5, 0.1]], "twice"),
        ([[1, 30]], [[0.5, 0.1]], "from 0 to 29"),
        ([[1, -1]], [[0.5, 0.1]], "from 0 to 29"),
        ([[1, 2, 3]], [[0.1, 0.1, 0.1]], "top_k"),
        ([[1, 2]], [[0.5]], "one shape"),
        ([1, 2], [0.5, 0.1], "2-D"),
        ([[1.5, 2]], [[0.5, 0.1]], "integers"),
        ([[1], [2]], [[0.5], [0.5]], "more positions"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "missing for 1"),
    ],
)
def test_writer_refuses(tmp_path, ids, probabilities, reason) -> None:
    path = tmp_path / "x.gpx"
    path.write_text("old")
    writer = ExpectationsWriter(path, label="", vocabulary=30, top_k=2)
    with pytest.raises(greenprint.ArgumentError, match=reason), writer:
        writer.add([5], ids, probabilities)
    assert [f.name for f in tmp_path.iterdir()] == ["x.gpx"]
    assert path.read_text() == "old"
    # Nor can a file with a failed document be finished.
    writer = ExpectationsWriter(path, label="", vocabulary=30, top_k=2)
    with pytest.raises(greenprint.ArgumentError):
        writer.add([5], ids, probabilities)
    with pytest.raises(greenprint.ArgumentError, match="anew"):
        writer.add([], [], [])
    with pytest.raises(greenprint.ArgumentError, match="not written"):
        writer.close()
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_writer_arguments(tmp_path) -> None:
    for settings in ({"label": "a\nb"}, {"label": "ä" * 101}, {"top_k": 0}, {"top_k": 256}):
        with pytest.raises(greenprint.ArgumentError):
            ExpectationsWriter(tmp_path / "x.gpx", **{"label": "", **settings})
    with pytest.raises(OSError):
        ExpectationsWriter(tmp_path / "none" / "x.gpx", label="")
    assert list(tmp_path.iterdir()) == []
    with ExpectationsWriter(tmp_path / "x.gpx", label="ä" * 100, top_k=255) as writer:
        writer.close()
    assert greenprint.Expectations(tmp_path / "x.gpx").info.label == "ä" * 100
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "x.gpx").stat().st_mode & 0o777 == 0o666 & ~mask


# --- the weigher ----------------------------------------------------------------------------


@pytest.mark.parametrize(("seeding", "h", "gamma"), [
    ("hash", 2, "1/4"), ("hash", 1, "1/2"), ("min", 2, "3/8"), ("fixed", 0, "1/4"),
])  # fmt: skip
@pytest.mark.parametrize("tenant", [None, 7])
def test_against_the_reference(tmp_path, rng, seeding, h, gamma, tenant) -> None:
    reference = load_reference()
    num, den = map(int, gamma.split("/"))
    slow = reference.Key(
        bytes(range(32)), reference.Params(seeding, h, num, den.bit_length() - 1)
    )
    path = tmp_path / "x.gpx"
    documents, expected = write_random(path, rng)
    weights: dict[tuple[tuple[int, ...], int], float] = {}
    occurred = set()
    positions = 0
    for tokens, (ids, p) in zip(documents, expected, strict=True):
        for i, token in enumerate(tokens.tolist()):
            context = slow.context(tokens[:i].tolist())
            if context is None:
                continue
            positions += 1
            occurred.add((context, token))
            weights[context, token] = weights.get((context, token), 0.0) + 1
            for v, q in zip(ids[i].tolist(), p[i].tolist(), strict=True):
                if q > 0:
                    weights[context, v] = weights.get((context, v), 0.0) - q
    r = np.array(list(weights.values()))
    groups: dict[Any, list[bool]] = {}
    green = []
    for context, token in weights:
        if context not in groups:
            groups[context] = slow.colours(slow.nonce(context, tenant), 30)
        green.append(groups[context][token])
    share = num / den
    statistic = float((r * (np.array(green) - share)).sum())
    z = statistic / math.sqrt(share * (1 - share) * (r**2).sum())

    key = greenprint.Key.from_bytes(bytes(range(32)), greenprint.Params(seeding, h, gamma))
    result = weigh(key, documents, path, tenant)
    assert (result.documents, result.tokens) == (6, 346)
    assert (result.positions, result.occurred) == (positions, len(occurred))
    assert result.expected == len(weights) - len(occurred)
    assert result.coins == len(weights)
    assert result.statistic == pytest.approx(statistic, abs=1e-6)
    assert result.z == pytest.approx(z, abs=1e-6)
    assert result.log10_p == pytest.approx(chernoff(r, statistic, share), abs=1e-5)
    assert weigh(key, documents, path, tenant) == result


def test_order_of_documents_does_not_change_the_weights(tmp_path, rng, key) -> None:
    results = []
    documents = [rng.integers(0, 5, 50) for _ in range(6)]
    expected = [random_expectations(rng, 50, 5, 3) for _ in documents]
    for order in ([0, 1, 2, 3, 4, 5], [5, 2, 0, 1, 4, 3]):
        path = tmp_path / "x.gpx"
        with ExpectationsWriter(path, label="") as writer:
            for i in order:
                writer.add(documents[i], *expected[i])
        results.append(weigh(key, [documents[i] for i in order], path))
    first, second = results
    assert first.coins == second.coins
    assert first.statistic == pytest.approx(second.statistic, rel=1e-12)


def test_refusals(tmp_path, rng, key) -> None:
    path = tmp_path / "x.gpx"
    documents, _ = write_random(path, rng)
    weigher = greenprint.Weigher(key)
    with pytest.raises(greenprint.MissingFileError):
        greenprint.Expectations(tmp_path / "y.gpx")
    with pytest.raises(greenprint.ArgumentError, match="must be an Expectations"):
        weigher.add([1], path)
    with pytest.raises(greenprint.ArgumentError, match="must be a Key"):
        greenprint.Weigher("key")
    with greenprint.Expectations(path) as expectations:
        weigher.add(documents[0], expectations)
        with pytest.raises(greenprint.FormatError, match=r"x\.gpx: document 2: .*for 1 tokens"):
            weigher.add(documents[2], expectations)
        with pytest.raises(greenprint.ArgumentError, match="reset"):
            weigher.result()
    weigher.reset()
    with greenprint.Expectations(path) as expectations:
        weigher.add(documents[0], expectations)
        with pytest.raises(greenprint.FormatError, match="more documents than the 1"):
            expectations.finish()
    assert weigher.result().documents == 1
    for name in ("key.txt", "cut.gpx"):
        (tmp_path / name).write_bytes(path.read_bytes()[: 5 if name == "key.txt" else -1])
    with pytest.raises(greenprint.FormatError, match="not a Greenprint expectations file"):
        greenprint.Expectations(tmp_path / "key.txt")
    with pytest.raises(greenprint.FormatError, match="cut off"):
        weigh(key, documents, tmp_path / "cut.gpx")


def marked_text(key, rng, n: int, delta: float) -> tuple[list[int], np.ndarray]:
    """Sample tokens where one of them is nearly certain, and mark them; return what to expect."""
    watermark = greenprint.Watermark(key, delta=delta)
    expected = rng.dirichlet(np.full(20, 0.05), n)
    tokens: list[int] = []
    for p in expected:
        logits = np.log(p + 1e-12).astype(np.float32)
        watermark.bias(logits, tokens)
        q = np.exp(logits - logits.max())
        tokens.append(int(rng.choice(20, p=q / q.sum())))
    return tokens, expected


def test_finds_more_than_plain_verifying(tmp_path, key) -> None:
    rng = np.random.default_rng(1)  # fixed: this is about size, not about chance
    path = tmp_path / "x.gpx"
    tokens, expected = marked_text(key, rng, 1500, 2.0)
    with ExpectationsWriter(path, label="truth", top_k=20) as writer:
        writer.add(tokens, np.tile(np.arange(20), (1500, 1)), expected)
    # Contexts repeat among 20 tokens; plain verifying counts their pairs once.
    verifier = greenprint.Verifier(key)
    verifier.add(tokens)
    weighted = weigh(key, [tokens], path)
    assert weighted.z > 1.5 * verifier.result().z
    assert weighted.log10_p < -6
    assert weighted.log10_p_saddlepoint < weighted.log10_p


def test_unmarked_text_is_not_accused(tmp_path) -> None:
    """Never-used keys: Chernoff's bound is below 1e-3 in less than 1e-3 of 3,000 cases."""
    rng = np.random.default_rng(2)
    path = tmp_path / "x.gpx"
    documents, _ = write_random(path, rng, lengths=(200,))
    below = 0
    saddle = []
    for i in range(3000):
        key = greenprint.Key.from_bytes(hashlib.sha256(b"never used %d" % i).digest())
        result = weigh(key, documents, path)
        below += result.log10_p < -3
        saddle.append(10**result.log10_p_saddlepoint)
    assert (
        below <= 15
    )  # Poisson(3) exceeds this with probability 6e-8; Chernoff's bound is looser
    # Kolmogorov's distance of 3,000 uniform numbers exceeds 0.05 with probability 1e-6.
    distance = np.abs(np.sort(saddle) - (np.arange(3000) + 0.5) / 3000).max()
    assert distance < 0.05


# --- transformers models --------------------------------------------------------------------

REASON = "torch and transformers are not installed: write_expectations was not tested"


@pytest.fixture(scope="module")
def model() -> Any:
    torch = pytest.importorskip("torch", reason=REASON)
    transformers = pytest.importorskip("transformers", reason=REASON)
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=120,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.4,
    )
    return transformers.LlamaForCausalLM(config).eval()


def expect_slowly(model: Any, before: list[int], temperature: float = 1.0) -> np.ndarray:
    """Return the model's distribution after some ids, by one call of the model for them."""
    import torch

    with torch.inference_mode():
        logits = model(torch.tensor([before])).logits[0, -1].double().numpy() / temperature
    p = np.exp(logits - logits.max())
    return p / p.sum()


def assert_close(position: dict[int, float], p: np.ndarray, top_k: int, least: float) -> None:
    best = {int(v) for v in np.argsort(p)[::-1][:top_k] if p[v] >= least}
    assert len(position) == len(best)
    for v, q in position.items():
        assert q == pytest.approx(p[v], rel=1e-3, abs=1e-6)
    assert sum(position.values()) == pytest.approx(sum(p[v] for v in best), rel=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_expectations_of_a_model(tmp_path, rng, model, batch_size) -> None:
    path = tmp_path / "x.gpx"
    documents = [rng.integers(0, 120, n).tolist() for n in (0, 1, 2, 17, 30, 5)]
    prompts = [rng.integers(0, 120, n).tolist() for n in (3, 0, 4, 0, 10, 1)]
    model.train()
    write_expectations(
        model, iter(documents), path, prompts=iter(prompts), top_k=9, temperature=0.7,
        min_probability=0.01, batch_size=batch_size, progress=False,
    )  # fmt: skip
    assert model.training  # as it was
    model.eval()
    head, sections = parse(path, 1)
    assert head == {"label": "LlamaForCausalLM", "top_k": 9, "vocabulary": 120}
    for tokens, prompt, (digest, positions) in zip(documents, prompts, sections, strict=True):
        assert digest == ids_digest(tokens)
        for i, position in enumerate(positions):
            before = prompt + tokens[:i]
            if not before:
                assert position == {}
                continue
            assert_close(position, expect_slowly(model, before, 0.7), 9, 0.01)


def test_without_prompts(tmp_path, rng, model) -> None:
    documents = [rng.integers(0, 120, n) for n in (1, 12)]
    write_expectations(model, documents, tmp_path / "a.gpx", label="tiny", progress=False)
    empty = [[], []]
    write_expectations(
        model, documents, tmp_path / "b.gpx", prompts=empty, label="tiny", progress=False
    )
    assert (tmp_path / "a.gpx").read_bytes() == (tmp_path / "b.gpx").read_bytes()
    _, sections = parse(tmp_path / "a.gpx", 1)
    assert sections[1][1][0] == {}
    assert all(len(position) > 10 for position in sections[1][1][1:])


def every_window(model: Any, sequence: list[int], size: int) -> np.ndarray:
    """Return the model's distributions after each id of the windows that begin anywhere."""
    import torch

    windows = [sequence[i : i + size] for i in range(len(sequence))]
    padded = torch.tensor([ids + [0] * (size - len(ids)) for ids in windows])
    with torch.inference_mode():
        return model(padded).logits.softmax(-1).numpy()


@pytest.mark.parametrize(("prompt_length", "length", "window"), [
    (0, 150, None), (0, 65, None), (70, 60, None), (200, 3, None), (5, 90, 7), (3, 40, 2),
    (0, 64, 64), (1, 63, 64), (1, 64, 64), (60, 200, 33),
])  # fmt: skip
def test_windows(tmp_path, rng, model, prompt_length, length, window) -> None:
    path = tmp_path / "x.gpx"
    tokens = rng.integers(0, 120, length).tolist()
    prompt = rng.integers(0, 120, prompt_length).tolist()
    write_expectations(
        model, [tokens, tokens[:5]], path, prompts=[prompt, prompt], window=window, top_k=1,
        min_probability=0, progress=False,
    )  # fmt: skip
    _, sections = parse(path, 1)
    size = window or 64
    sequence = prompt + tokens
    told = every_window(model, sequence, size)
    for i, position in enumerate(sections[0][1]):
        target = prompt_length + i
        if target == 0:
            assert position == {}
            continue
        # From some start that leaves half a window or more, and fits in a window.
        ((v, q),) = position.items()
        before = range(min(target, size // 2), min(target, size) + 1)
        assert any(abs(told[target - n, n - 1, v] - q) < 1e-5 for n in before), i


def test_model_arguments(tmp_path, model) -> None:
    path = tmp_path / "x.gpx"
    for settings, reason in (
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": "1"}, "temperature must be a number, not str"),
        ({"min_probability": 1.5}, "min_probability"),
        ({"min_probability": None}, "min_probability must be a number, not NoneType"),
        ({"window": 65}, "window"),
        ({"window": 1}, "window"),
        ({"batch_size": 0}, "batch_size"),
        ({"top_k": 256}, "top_k"),
        ({"prompts": [[1]]}, "as many prompts"),
        ({"prompts": [[1], [2], [3]]}, "as many prompts"),
    ):
        with pytest.raises(greenprint.ArgumentError, match=reason):
            write_expectations(model, [[1, 2], [3]], path, progress=False, **settings)
    assert list(tmp_path.iterdir()) == []


def test_whole_way(tmp_path, model) -> None:
    """A text that the model wrote with the mark, verified with the model as reference."""
    torch = pytest.importorskip("torch")
    from greenprint.transformers import GreenprintLogitsProcessor

    key = greenprint.Key.from_bytes(b"\7" * 32)
    watermark = greenprint.Watermark(key, delta=2.0)
    prompt = [3, 5, 7]
    documents = []
    for seed in range(12):
        torch.manual_seed(seed)
        out = model.generate(
            torch.tensor([prompt]), do_sample=True, top_k=0, max_new_tokens=50, min_new_tokens=50,
            pad_token_id=0, logits_processor=[GreenprintLogitsProcessor(watermark)],
        )  # fmt: skip
        documents.append(out[0, 3:].numpy())
    write_expectations(
        model, documents, tmp_path / "x.gpx", prompts=[prompt] * 12, progress=False
    )
    verifier = greenprint.Verifier(key)
    for tokens in documents:
        verifier.add(tokens)
    weighted = weigh(key, documents, tmp_path / "x.gpx")
    assert weighted.z > verifier.result().z > 5
