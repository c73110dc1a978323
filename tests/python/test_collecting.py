"""Collecting what a suspect model says: files against direct computation, and going on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weights_files import parse

import greenprint
from greenprint.audit import ModelWeightsWriter, collect_closed, collect_open
from greenprint.reference import write_expectations

REASON = "torch and transformers are not installed: collecting was not tested"


def rows_of(path: Path) -> list[dict[str, list[int]]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# --- the writer -----------------------------------------------------------------------------


def test_written_bytes(tmp_path, rng) -> None:
    path = tmp_path / "x.gpx"
    documents = [rng.integers(0, 30, n) for n in (0, 1, 40)]
    given = []
    with ModelWeightsWriter(path, label="random", vocabulary=30, top_k=4) as writer:
        for tokens in documents:
            ids = np.array([rng.permutation(30)[:4] for _ in tokens], int).reshape(-1, 4)
            weights = rng.uniform(-1, 1, ids.shape).astype(np.float32)
            weights[rng.random(ids.shape) < 0.2] = 0
            writer.add(tokens, ids, weights)
            given.append((ids, weights))
    head, sections = parse(path, 2)
    assert head == {"label": "random", "top_k": 4, "vocabulary": 30}
    for tokens, (ids, weights), (found, positions) in zip(
        documents, given, sections, strict=True
    ):
        assert found == tokens.tolist()
        for i, position in enumerate(positions):
            wanted = zip(ids[i].tolist(), weights[i].tolist(), strict=True)
            assert position == {v: w for v, w in wanted if w != 0}


@pytest.mark.parametrize(
    ("tokens", "ids", "weights", "reason"),
    [
        ([5], [[1, 2]], [[0.5, math.nan]], "from -1 to 1"),
        ([5], [[1, 2]], [[0.5, -1.01]], "from -1 to 1"),
        ([5], [[1, 2]], [[0.5, math.inf]], "from -1 to 1"),
        ([5], [[1, 1]], [[0.5, -0.1]], "twice"),
        ([5], [[1, 30]], [[0.5, 0.1]], "from 0 to 29"),
        ([30], [[1, 2]], [[0.5, 0.1]], "token ids must be from 0 to 29"),
        ([5], [[1, 2, 3]], [[0.1, 0.1, 0.1]], "more than top_k = 2 weights"),
        ([5], [[1, 2]], [[0.5]], "one shape"),
        ([5], [[1], [2]], [[0.5], [0.5]], "weights for more positions"),
        ([5, 6], [[1]], [[0.5]], "weights are missing for 1"),
        ("5", [[1]], [[0.5]], "str"),
    ],
)
def test_writer_refuses(tmp_path, tokens, ids, weights, reason) -> None:
    path = tmp_path / "x.gpx"
    path.write_text("old")
    writer = ModelWeightsWriter(path, label="", vocabulary=30, top_k=2)
    with pytest.raises(greenprint.ArgumentError, match=reason), writer:
        writer.add(tokens, ids, weights)
    assert [f.name for f in tmp_path.iterdir()] == ["x.gpx"]
    assert path.read_text() == "old"


# --- models ---------------------------------------------------------------------------------


def small_model(seed: int, kind: str = "Llama", vocabulary: int = 200) -> Any:
    torch = pytest.importorskip("torch", reason=REASON)
    transformers = pytest.importorskip("transformers", reason=REASON)
    torch.manual_seed(seed)
    if kind == "GPT2":
        config = transformers.GPT2Config(
            vocab_size=vocabulary, n_embd=64, n_layer=2, n_head=2, n_positions=64,
            initializer_range=0.3, eos_token_id=None, bos_token_id=None,
        )  # fmt: skip
        return transformers.GPT2LMHeadModel(config).eval()
    config = transformers.LlamaConfig(
        vocab_size=vocabulary, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=64, initializer_range=0.3,
        eos_token_id=None, bos_token_id=None,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def suspect() -> Any:
    return small_model(1)


@pytest.fixture(scope="module")
def base() -> Any:
    return small_model(2)


def distribution(model: Any, before: list[int], temperature: float = 1.0) -> np.ndarray:
    """Return the model's distribution after some ids, by one call of the model for them."""
    import torch

    with torch.inference_mode():
        logits = model(torch.tensor([before])).logits[0, -1].double().numpy() / temperature
    p = np.exp(logits - logits.max())
    return p / p.sum()


def texts_of(rng, lengths=(0, 1, 2, 17, 40, 5)) -> list[list[int]]:
    return [rng.integers(0, 200, n).tolist() for n in lengths]


# --- the open collector ---------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("with_reference", [False, True])
def test_open_weights(tmp_path, rng, suspect, base, batch_size, with_reference) -> None:
    path = tmp_path / "x.gpx"
    texts = texts_of(rng)
    suspect.train()
    collect_open(
        suspect, iter(texts), path, reference=base if with_reference else None, top_k=9,
        batch_size=batch_size, progress=False,
    )  # fmt: skip
    assert suspect.training  # as it was
    suspect.eval()
    assert [f.name for f in tmp_path.iterdir()] == ["x.gpx"]
    head, sections = parse(path, 2)
    name = "LlamaForCausalLM"
    assert head["label"] == (f"{name} minus {name}" if with_reference else name)
    assert (head["top_k"], head["vocabulary"]) == (9, 200)
    for tokens, (found, positions) in zip(texts, sections, strict=True):
        assert found == tokens
        for i, position in enumerate(positions):
            if i == 0:
                assert position == {}
                continue
            wanted = distribution(suspect, tokens[:i])
            if with_reference:
                wanted = wanted - distribution(base, tokens[:i])
            least = np.sort(np.abs(wanted))[-9]
            assert len(position) == 9
            for v, w in position.items():
                assert w == pytest.approx(wanted[v], rel=1e-3, abs=1e-6)
                assert abs(w) > least - 1e-6


def test_vocabularies_of_other_sizes(tmp_path, rng, suspect) -> None:
    """Embeddings are padded: ids that one model lacks have no probability there."""
    path = tmp_path / "x.gpx"
    text = rng.integers(0, 200, 20).tolist()
    large = small_model(3, vocabulary=210)
    for one, other in ((suspect, large), (large, suspect)):
        collect_open(one, [text], path, reference=other, top_k=210, progress=False)
        head, ((_, positions),) = parse(path, 2)
        assert head["vocabulary"] == 210
        p, q = (
            np.pad(distribution(m, text[:7]), (0, 210 - m.config.vocab_size))
            for m in (one, other)
        )
        for v in range(210):
            assert positions[7].get(v, 0.0) == pytest.approx(p[v] - q[v], abs=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_models_in_8_bits(tmp_path, rng, base) -> None:
    """In a quantised layer the weights are behind a method."""
    import torch

    small = torch.ao.quantization.quantize_dynamic(small_model(1), {torch.nn.Linear})
    text = rng.integers(0, 200, 8).tolist()
    collect_open(small, [text], tmp_path / "x.gpx", reference=base, top_k=200, progress=False)
    head, ((_, positions),) = parse(tmp_path / "x.gpx", 2)
    assert head["vocabulary"] == 200
    # Its rounding depends on all that it reads at once, which is all but the last id.
    p, q = (distribution(m, text[:7]) for m in (small, base))
    for v in range(200):
        assert positions[7].get(v, 0.0) == pytest.approx(p[v] - q[v], abs=1e-5)


def test_windows_of_long_texts(tmp_path, rng, suspect, base) -> None:
    text = rng.integers(0, 200, 150).tolist()
    path = tmp_path / "x.gpx"
    collect_open(suspect, [text], path, reference=base, window=32, top_k=200, progress=False)
    _, ((_, positions),) = parse(path, 2)
    for i in (1, 20, 32, 33, 60, 149):
        fits = []
        for n in range(min(i, 16), min(i, 32) + 1):  # what may have been before it
            before = text[i - n : i]
            wanted = distribution(suspect, before) - distribution(base, before)
            found = np.array([positions[i].get(v, 0.0) for v in range(200)])
            fits.append(np.abs(found - wanted).max() < 1e-5)
        assert any(fits), i


def test_open_goes_on(tmp_path, rng, suspect, base, monkeypatch) -> None:
    texts = texts_of(rng, (20, 0, 150, 3, 40, 12, 30))
    settings = {"reference": base, "top_k": 5, "batch_size": 1, "progress": False}
    collect_open(suspect, texts, tmp_path / "whole.gpx", **settings)
    whole = (tmp_path / "whole.gpx").read_bytes()
    path, part = tmp_path / "x.gpx", tmp_path / "x.gpx.part"

    def killed(count: int):
        for i, text in enumerate(texts):
            if i == count:
                raise KeyboardInterrupt
            yield text

    with pytest.raises(KeyboardInterrupt):
        collect_open(suspect, killed(6), path, **settings)
    assert not path.exists()
    left = part.read_bytes()
    body = left.index(b"\n") + 1
    assert whole.startswith(left[body:]) and len(left) > body + len(whole) // 3
    calls = []
    forward = suspect.forward
    monkeypatch.setattr(suspect, "forward", lambda *a, **k: calls.append(1) or forward(*a, **k))
    # As it was left, cut off anywhere, or with a damaged end.
    cases = [left[:size] for size in rng.integers(0, len(left), 12)]
    cases += [left, left[:body], left[: body - 1], left[:-1], left + b"Dxxx", left[:-1] + b"\0"]
    work = []
    for case in cases:
        part.write_bytes(case)
        calls.clear()
        collect_open(suspect, texts, path, **settings)
        assert path.read_bytes() == whole
        assert not part.exists()
        work.append(len(calls))
    assert work[12] < work[13]  # finished documents are not asked about again
    # Begun anew where that is wanted; a part of a longer list serves a shorter one.
    part.write_bytes(b"what is this\n")
    collect_open(suspect, texts, path, resume=False, **settings)
    assert path.read_bytes() == whole
    part.write_bytes(left)
    collect_open(suspect, texts[:2], path, **settings)
    assert [ids for ids, _ in parse(path, 2)[1]] == texts[:2]


def test_open_refuses_to_go_on_with_others(tmp_path, rng, suspect, base) -> None:
    texts = texts_of(rng, (20, 30))
    path, part = tmp_path / "x.gpx", tmp_path / "x.gpx.part"
    settings = {"reference": base, "top_k": 5, "progress": False}
    with pytest.raises(greenprint.ArgumentError, match="a text"):
        collect_open(suspect, [*texts, "x"], path, batch_size=1, **settings)
    left = part.read_bytes()
    other = small_model(4)
    for model, changed, reason in (
        (suspect, {"top_k": 6}, "another top_k"),
        (suspect, {"reference": other}, "another reference"),
        (suspect, {"reference": None}, "another reference and label"),
        (suspect, {"window": 32, "label": "x"}, "another label and window"),
        (other, {}, "another model"),
    ):
        with pytest.raises(greenprint.ArgumentError, match=reason):
            collect_open(model, texts, path, **{**settings, **changed})
        assert part.read_bytes() == left
    with pytest.raises(greenprint.ArgumentError, match="document 1 is not that"):
        collect_open(suspect, texts[::-1], path, **settings)
    for line in (b"[]\n", b"{}\n", b"text\n"):
        part.write_bytes(line)
        with pytest.raises(greenprint.ArgumentError, match="another kind"):
            collect_open(suspect, texts, path, **settings)
        assert part.read_bytes() == line
    assert not path.exists()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"top_k": 0}, "top_k"), ({"top_k": 256}, "top_k"), ({"window": 65}, "window"),
        ({"batch_size": 0}, "batch_size"), ({"label": "a\nb"}, "label"),
    ],
)  # fmt: skip
def test_open_arguments(tmp_path, suspect, settings, reason) -> None:
    with pytest.raises(greenprint.ArgumentError, match=reason):
        collect_open(suspect, [[1, 2]], tmp_path / "x.gpx", progress=False, **settings)
    assert list(tmp_path.iterdir()) == []


def test_texts_of_another_model(tmp_path, suspect) -> None:
    """Both models have to know the ids; which do not is said before torch fails in its way."""
    large = small_model(3, vocabulary=210)
    for models in ((suspect, None), (large, suspect), (suspect, large)):
        with pytest.raises(
            greenprint.ArgumentError, match="token id 205 is beyond the 200 that the model knows"
        ):
            collect_open(
                models[0], [[1, 2], [3, 205, 4]], tmp_path / "x.gpx", reference=models[1],
                progress=False, resume=False,
            )  # fmt: skip
    with pytest.raises(greenprint.ArgumentError, match="token id 205 is beyond the 200"):
        write_expectations(suspect, [[3, 205, 4]], tmp_path / "y.gpx", progress=False)
    assert not (tmp_path / "y.gpx").exists()


# --- the closed collector -------------------------------------------------------------------

PROMPT_LENGTHS = (3, 9, 1, 20, 5, 5, 12)


@pytest.mark.parametrize("kind", ["Llama", "GPT2"])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_answers(tmp_path, rng, kind, temperature) -> None:
    """Each token against the distribution after what is before it, computed alone."""
    model = small_model(6, kind)
    prompts = texts_of(rng, PROMPT_LENGTHS)
    path = tmp_path / "x.jsonl"
    collect_closed(
        model, iter(prompts), path, max_new_tokens=12, temperature=temperature, seed=9,
        batch_size=3, progress=False,
    )  # fmt: skip
    assert [f.name for f in tmp_path.iterdir()] == ["x.jsonl"]
    rows = rows_of(path)
    assert [row["prompt"] for row in rows] == prompts
    for number, row in enumerate(rows):
        assert list(row) == ["prompt", "tokens"]
        assert len(row["tokens"]) == 12
        randoms = np.random.default_rng([9, number]).random(12)
        for i, token in enumerate(row["tokens"]):
            before = row["prompt"] + row["tokens"][:i]
            if temperature == 0.0:
                p = distribution(model, before)
                assert p[token] > p.max() * (1 - 1e-4)
                continue
            shares = np.concatenate([[0.0], distribution(model, before, temperature).cumsum()])
            assert shares[token] - 1e-5 < randoms[i] < shares[token + 1] + 1e-5


def test_batches_do_not_matter(tmp_path, rng, suspect) -> None:
    """Nor does padding: a row answered alone is the row answered among others."""
    prompts = texts_of(rng, PROMPT_LENGTHS)
    files = []
    for batch_size in (1, 2, 7):
        path = tmp_path / f"{batch_size}.jsonl"
        collect_closed(
            suspect, prompts, path, max_new_tokens=12, batch_size=batch_size, progress=False
        )
        files.append(path.read_bytes())
    # A random number would have to be within rounding of the border of two tokens: 84 numbers,
    # 200 borders, 1e-6.
    assert files[0] == files[1] == files[2]
    collect_closed(
        suspect, prompts, tmp_path / "other.jsonl", max_new_tokens=12, seed=1, progress=False
    )
    assert (tmp_path / "other.jsonl").read_bytes() != files[0]


def test_sampling_is_the_models_distribution(tmp_path, suspect) -> None:
    """The first token of 3,000 rows with one prompt: chi-squared over the common tokens."""
    path = tmp_path / "x.jsonl"
    collect_closed(
        suspect, [[5, 6, 7]] * 3000, path, max_new_tokens=1, temperature=1.0, seed=3,
        batch_size=500, progress=False,
    )  # fmt: skip
    counts = np.bincount([row["tokens"][0] for row in rows_of(path)], minlength=200)
    expected = 3000 * distribution(suspect, [5, 6, 7])
    common = expected >= 5
    observed = np.append(counts[common], counts[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum())
    from scipy import stats

    assert stats.chisquare(observed, wanted).pvalue > 1e-7


def test_ends(tmp_path, rng, suspect) -> None:
    prompts = texts_of(rng, PROMPT_LENGTHS)
    path = tmp_path / "x.jsonl"
    settings = {"max_new_tokens": 20, "batch_size": 3, "progress": False}
    collect_closed(suspect, prompts, path, **settings)
    full = [row["tokens"] for row in rows_of(path)]
    ends = sorted({full[0][4], full[1][0], full[3][19]})
    cut = [
        tokens[: min((i for i, t in enumerate(tokens) if t in ends), default=20)]
        for tokens in full
    ]
    assert cut[1] == []
    collect_closed(suspect, prompts, path, end_ids=iter(ends), **settings)
    assert [row["tokens"] for row in rows_of(path)] == cut
    for own in (ends, ends[0]):
        suspect.generation_config.eos_token_id = own
        collect_closed(suspect, prompts, path, **settings)
        wanted = cut if own is ends else full
        assert (rows_of(path)[1]["tokens"] == []) == (own is ends or full[1][0] == own)
        assert rows_of(path)[0]["tokens"] != wanted[0] or own is ends or own not in full[0]
    collect_closed(suspect, prompts, path, end_ids=[], **settings)
    assert [row["tokens"] for row in rows_of(path)] == full
    suspect.generation_config.eos_token_id = None


def test_closed_goes_on(tmp_path, rng, suspect) -> None:
    prompts = texts_of(rng, PROMPT_LENGTHS)
    path, part = tmp_path / "x.jsonl", tmp_path / "x.jsonl.part"
    settings = {"max_new_tokens": 10, "batch_size": 2, "seed": 4, "progress": False}
    collect_closed(suspect, prompts, path, **settings)
    whole = path.read_bytes()
    path.unlink()
    forward = suspect.forward
    calls = 0

    def killed(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 25:  # in the third batch
            raise KeyboardInterrupt
        return forward(*arguments, **named)

    killed.__signature__ = __import__("inspect").signature(forward)
    suspect.forward = killed
    try:
        with pytest.raises(KeyboardInterrupt):
            collect_closed(suspect, prompts, path, **settings)
    finally:
        del suspect.forward
    assert not path.exists()
    left = part.read_bytes()
    body = left.index(b"\n") + 1
    assert whole.startswith(left[body:]) and left.count(b"\n") == 1 + 4
    full = left[:body] + whole
    cases = [full[:size] for size in rng.integers(0, len(full), 12)]
    for case in [*cases, left, full, full[:-1], left + b"{}\n", left + b"1\n"]:
        part.write_bytes(case)
        collect_closed(suspect, prompts, path, **settings)
        assert path.read_bytes() == whole
        assert not part.exists()
    part.write_bytes(left)
    for changed, reason in (
        ({"seed": 5}, "another seed"), ({"temperature": 0.5}, "another temperature"),
        ({"max_new_tokens": 11}, "max_new_tokens"), ({"batch_size": 3}, "batch_size"),
        ({"end_ids": [1]}, "end_ids"),
    ):  # fmt: skip
        with pytest.raises(greenprint.ArgumentError, match=reason):
            collect_closed(suspect, prompts, path, **{**settings, **changed})
    with pytest.raises(greenprint.ArgumentError, match="prompt 1 is not that"):
        collect_closed(suspect, prompts[1:], path, **settings)
    assert part.read_bytes() == left


def test_closed_with_a_reference(tmp_path, rng, suspect, base) -> None:
    prompts = texts_of(rng, PROMPT_LENGTHS)
    settings = {"max_new_tokens": 10, "temperature": 0.7, "progress": False}
    collect_closed(
        suspect, prompts, tmp_path / "x.jsonl", reference=base,
        expectations=tmp_path / "x.gpx", **settings,
    )  # fmt: skip
    answers = [row["tokens"] for row in rows_of(tmp_path / "x.jsonl")]
    write_expectations(
        base, answers, tmp_path / "y.gpx", prompts=prompts, temperature=0.7, progress=False
    )
    assert (tmp_path / "x.gpx").read_bytes() == (tmp_path / "y.gpx").read_bytes()


@pytest.mark.parametrize(
    ("prompts", "settings", "reason"),
    [
        ([[1], []], {}, r"prompts\[1\] is empty"),
        ([[1], [2] * 55], {}, "55 ids, which with max_new_tokens = 10 are more than the 64"),
        ([[1]], {"temperature": -1.0}, "temperature"),
        ([[1]], {"temperature": math.nan}, "temperature"),
        ([[1]], {"temperature": math.inf}, "temperature"),
        ([[1]], {"seed": -1}, "seed"),
        ([[1]], {"batch_size": 0}, "batch_size"),
        ([[1]], {"reference": "model"}, "go together"),
        ([[1]], {"expectations": "x.gpx"}, "go together"),
        (["text"], {}, r"prompts\[0\] is a str"),
        ([], {}, "prompts is empty: there is nothing to be asked"),
        ([[1], [199, 200]], {}, r"prompts\[1\]: token id 200 is beyond the 200 that the model"),
        ([[1]], {"temperature": "0.5"}, "temperature must be a number, not str"),
        ([[1]], {"temperature": None}, "temperature must be a number, not NoneType"),
        ([[1]], {"temperature": True}, "temperature must be a number, not bool"),
        ([[1]], {"temperature": [0.5, 0.5]}, "temperature must be a number, not list"),
        ([[1]], {"temperature": np.ones(2)}, "temperature must be a number, not ndarray"),
    ],
)
def test_closed_arguments(tmp_path, suspect, prompts, settings, reason) -> None:
    with pytest.raises(greenprint.ArgumentError, match=reason):
        collect_closed(
            suspect, prompts, tmp_path / "x.jsonl",
            **{"max_new_tokens": 10, "progress": False, **settings},
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.jsonl", "y/../x.jsonl", "link", "x.jsonl.part"])
def test_expectations_in_the_place_of_the_answers(tmp_path, suspect, base, name) -> None:
    (tmp_path / "y").mkdir()
    (tmp_path / "link").symlink_to("x.jsonl")
    with pytest.raises(greenprint.ArgumentError, match="take the place of the answers"):
        collect_closed(
            suspect, [[1]], tmp_path / "x.jsonl", reference=base,
            expectations=f"{tmp_path}/{name}", max_new_tokens=1, progress=False,
        )  # fmt: skip
    assert {file.name for file in tmp_path.iterdir()} == {"y", "link"}


def test_temperatures_of_other_types(tmp_path, suspect) -> None:
    """What is a number is taken as one."""
    torch = pytest.importorskip("torch", reason=REASON)
    files = []
    for temperature in (1.0, 1, np.float32(1), np.ones(()), torch.tensor(1.0)):
        collect_closed(
            suspect, [[5, 6]], tmp_path / "x.jsonl", temperature=temperature, max_new_tokens=9,
            progress=False,
        )  # fmt: skip
        files.append((tmp_path / "x.jsonl").read_bytes())
    assert files == files[:1] * 5
