"""Provable keys: the public key, proofs, and what embeds with them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import stat
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import greenprint

VOCABULARY = 500


@pytest.fixture(scope="module")
def provable() -> greenprint.Key:
    """A provable key that is always the same, of h = 1."""
    return greenprint.Key.from_bytes(
        bytes(range(32)), greenprint.Params.of_profile("distill"), provable=True
    )


def marked(
    key: greenprint.Key, rng: np.random.Generator, length: int, tenant: int | None = None
) -> np.ndarray:
    """Ids of which some 58 % are green."""
    watermark = greenprint.Watermark(key, tenant=tenant)
    ids = [int(v) for v in rng.integers(0, VOCABULARY, 16)]
    while len(ids) < length:
        draws = rng.integers(0, VOCABULARY, 3)
        green = np.unpackbits(watermark.green_mask(ids, VOCABULARY), bitorder="little")
        ids.append(int(next((d for d in draws if green[d]), draws[0])))
    return np.array(ids[:length])


@pytest.fixture
def text(provable: greenprint.Key, rng: np.random.Generator) -> list[np.ndarray]:
    """Three documents with the mark of no tenant."""
    return [marked(provable, rng, n) for n in (120, 60, 3)]


def verify(
    key: greenprint.Key, documents: list[Any], tenant: int | None = None
) -> greenprint.Result:
    verifier = greenprint.Verifier(key, tenant)
    for document in documents:
        verifier.add(document)
    return verifier.result()


# ---------------------------------------------------------------------------- keys


def test_schemes(key: greenprint.Key, provable: greenprint.Key) -> None:
    assert key.scheme == "greenprint-1"
    assert provable.scheme == "greenprint-1v"
    assert "greenprint-1v" in repr(provable)
    assert "greenprint-1" not in repr(key)
    assert greenprint.Key.generate(provable=True).scheme == "greenprint-1v"
    assert greenprint.Key.generate().scheme == "greenprint-1"
    with pytest.raises(greenprint.ArgumentError, match="greenprint-1 has no public key"):
        _ = key.public


def test_public_key(provable: greenprint.Key, tmp_path: Path) -> None:
    public = provable.public
    assert public.params == provable.params
    assert public.commitment == provable.commitment
    assert public.id == provable.id
    assert len(public.element) == 32
    assert provable.public == public
    path = tmp_path / "k.pub"
    public.save(path)
    assert path.stat().st_size == 128
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert greenprint.PublicKey.load(path) == public
    with pytest.raises(greenprint.KeyExistsError):
        public.save(path)
    with pytest.raises(greenprint.MissingFileError):
        greenprint.PublicKey.load(tmp_path / "none")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(greenprint.FormatError, match="cut off"):
        greenprint.PublicKey.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"element": bytes(32)},
        {"element": b"\xff" * 32},
        {"element": bytes(31)},
        {"element": "x" * 32},
        {"commitment": bytes(32)},
        {"id": "0" * 16},
        {"id": "0" * 15},
        {"id": 7},
        {"params": greenprint.Params(context_width=3)},
        {"params": None},
    ],
    ids=str,
)
def test_public_keys_whose_members_do_not_belong_together(
    provable: greenprint.Key, change: dict[str, Any], tmp_path: Path
) -> None:
    forged = dataclasses.replace(provable.public, **change)
    with pytest.raises(greenprint.ArgumentError):
        forged.save(tmp_path / "k.pub")
    with pytest.raises(greenprint.GreenprintError):
        greenprint.check(tmp_path / "none", forged, [[1, 2]])
    assert list(tmp_path.iterdir()) == []


def test_key_files_keep_the_scheme(provable: greenprint.Key, tmp_path: Path) -> None:
    provable.save_unsealed(tmp_path / "k.key")
    provable.save(tmp_path / "s.key", "x", "interactive")
    for name, passphrase in (("k.key", None), ("s.key", "x")):
        assert greenprint.inspect(tmp_path / name).scheme == "greenprint-1v"
        assert greenprint.Key.load(tmp_path / name, passphrase).public == provable.public


# -------------------------------------------------------------------------- proofs


@pytest.mark.parametrize("tenant", [None, 0, 2**64 - 1])
def test_prove_and_check(
    provable: greenprint.Key, rng: np.random.Generator, tenant: int | None, tmp_path: Path
) -> None:
    documents = [marked(provable, rng, n, tenant) for n in (120, 50, 1)]
    path = tmp_path / "x.proof"
    info = greenprint.prove(provable, documents, path, tenant=tenant)
    data = path.read_bytes()
    contexts = {int(v) for document in documents for v in document[:-1]}
    ids = [struct.pack(f"<Q{len(d)}I", len(d), *d) for d in documents]
    assert info == greenprint.ProofInfo(
        public_key=provable.public,
        tenant=tenant,
        text_sha256=hashlib.sha256(b"".join(ids)).hexdigest(),
        tokenizer_sha256=None,
        documents=3,
        tokens=171,
        contexts=len(contexts),
        proved=len(contexts),
        sizes=1,
        blind=False,
        file_size=len(data),
        file_sha256=hashlib.sha256(data).hexdigest(),
    )
    assert greenprint.inspect_proof(path) == info
    # Any iterable will do, and what reads like the same ids is the same text.
    again = (document.tolist() for document in documents)
    checked, scoring = greenprint.check(path, provable.public, again)
    assert checked == info
    assert verify(scoring, documents, tenant) == verify(provable, documents, tenant)
    assert verify(scoring, documents, tenant).log10_p < -3


def test_threads(provable: greenprint.Key, text: list[Any], tmp_path: Path) -> None:
    pool = greenprint.ThreadPool(3)
    info = greenprint.prove(provable, text, tmp_path / "x", threads=pool)
    checked, scoring = greenprint.check(tmp_path / "x", provable.public, text, threads=pool)
    assert checked == info
    assert verify(scoring, text) == verify(provable, text)


def test_the_scoring_key_knows_this_text_alone(
    provable: greenprint.Key, text: list[Any], tmp_path: Path
) -> None:
    greenprint.prove(provable, text[:1], tmp_path / "x")
    _, scoring = greenprint.check(tmp_path / "x", provable.public, text[:1])
    assert scoring.id == provable.id
    assert scoring.public == provable.public
    unknown = next(v for v in range(VOCABULARY) if v not in set(text[0].tolist()))
    with pytest.raises(greenprint.ArgumentError, match="is not known"):
        verify(scoring, [[unknown, 1]])
    with pytest.raises(greenprint.ArgumentError, match="another tenant"):
        verify(scoring, text[:1], 5)
    watermark = greenprint.Watermark(scoring)
    with pytest.raises(greenprint.ArgumentError, match="is not known"):
        watermark.bias(np.zeros(9, np.float32), [unknown])
    # It has no secret, so that nothing can be made with it that takes one.
    for refused in (
        lambda: greenprint.prove(scoring, text[:1], tmp_path / "y"),
        lambda: scoring.save_unsealed(tmp_path / "y"),
        lambda: scoring.save(tmp_path / "y", "passphrase", "interactive"),
    ):
        with pytest.raises(greenprint.ArgumentError, match="came of a proof"):
            refused()
    assert not (tmp_path / "y").exists()
    scoring.close()
    with pytest.raises(greenprint.ArgumentError, match="closed"):
        verify(scoring, text[:1])


def test_audits_with_the_key_of_a_proof(
    provable: greenprint.Key, text: list[Any], tmp_path: Path
) -> None:
    greenprint.prove(provable, text, tmp_path / "x")
    _, scoring = greenprint.check(tmp_path / "x", provable.public, text)
    audit = greenprint.Audit(provable.params)
    for document in text:
        audit.add(document)
    test = audit.test("root")
    assert test.key(scoring) == test.key(provable)


def test_sample(provable: greenprint.Key, tmp_path: Path, rng: np.random.Generator) -> None:
    text = [rng.permutation(2500)]
    info = greenprint.prove(provable, text, tmp_path / "x", sample=1024)
    assert (info.contexts, info.proved, info.sizes) == (2499, 1024, 3)
    checked, scoring = greenprint.check(tmp_path / "x", provable.public, text)
    assert checked == info
    result = verify(scoring, text)
    assert (result.tokens, result.scored, result.repeated) == (2500, 1024, 0)
    # The colours of those are the key's own: every sampled pair is one of the text.
    one, green = greenprint.Verifier(scoring), 0
    for pair in np.stack([text[0][:-1], text[0][1:]], axis=1):
        one.reset()
        one.add(pair)
        if one.result().scored:
            assert one.result().green == verify(provable, [pair]).green
            green += one.result().green
    assert green == result.green
    for sample in (0, 1, 1000, 1023, 2**64 - 1, -1):
        with pytest.raises(greenprint.ArgumentError):
            greenprint.prove(provable, text, tmp_path / "y", sample=sample)
    assert not (tmp_path / "y").exists()


def test_tokenizer(provable: greenprint.Key, text: list[Any], tmp_path: Path) -> None:
    pieces = {"a": 0, "b": 1}
    model = {"type": "BPE", "vocab": pieces, "merges": []}
    made = []
    for i, version in enumerate(("1.0", "1.0 ")):
        path = tmp_path / f"{i}.json"
        path.write_text(json.dumps({"version": "1.0", "model": model}) + version[3:])
        made.append(greenprint.Tokenizer.from_file(path))
    one, other = made
    info = greenprint.prove(provable, text, tmp_path / "x", tokenizer=one)
    assert info.tokenizer_sha256 == one.sha256
    assert greenprint.check(tmp_path / "x", provable.public, text, tokenizer=one)[0] == info
    with pytest.raises(greenprint.FormatError, match="made with another tokenizer"):
        greenprint.check(tmp_path / "x", provable.public, text, tokenizer=other)
    with pytest.raises(greenprint.FormatError, match="made with a tokenizer: give that"):
        greenprint.check(tmp_path / "x", provable.public, text)


def test_refusals(
    key: greenprint.Key, provable: greenprint.Key, text: list[Any], tmp_path: Path
) -> None:
    path = tmp_path / "x"
    greenprint.prove(provable, text, path)
    other = greenprint.Key.generate(provable.params, provable=True).public
    public = provable.public
    for documents in (text[:2], text[::-1], [*text, [1]], [np.concatenate(text)]):
        with pytest.raises(greenprint.FormatError, match="is of another text"):
            greenprint.check(path, public, documents)
    with pytest.raises(greenprint.FormatError, match="made with another key"):
        greenprint.check(path, other, text)
    with pytest.raises(greenprint.KeyExistsError):
        greenprint.prove(provable, text, path)
    with pytest.raises(greenprint.ArgumentError, match="has no public key"):
        greenprint.prove(key, text, tmp_path / "y")
    with pytest.raises(greenprint.ArgumentError, match="PublicKey"):
        greenprint.check(path, provable, text)  # type: ignore[arg-type]
    with pytest.raises(greenprint.ArgumentError):
        greenprint.prove(provable, [[1, -2]], tmp_path / "y")
    with pytest.raises(greenprint.ArgumentError, match="tokenizer"):
        greenprint.prove(provable, text, tmp_path / "y", tokenizer="t")  # type: ignore[arg-type]
    with pytest.raises(greenprint.ArgumentError, match="threads"):
        greenprint.check(path, public, text, threads=3)  # type: ignore[arg-type]
    with pytest.raises(greenprint.ArgumentError, match="tenant"):
        greenprint.prove(provable, text, tmp_path / "y", tenant=2**64)
    assert not (tmp_path / "y").exists()

    def generator() -> Any:
        yield text[0]
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        greenprint.check(path, public, generator())
    data = path.read_bytes()
    for damaged in (data[:-1], data + b"\n", data[:200] + bytes([data[200] ^ 1]) + data[201:]):
        path.write_bytes(damaged)
        with pytest.raises(greenprint.FormatError) as caught:
            greenprint.check(path, public, text)
        assert str(path) in str(caught.value)
        with pytest.raises(greenprint.FormatError):
            greenprint.inspect_proof(path)


# -------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    "params",
    [
        greenprint.Params(context_width=1),
        greenprint.Params("min", context_width=3),
        greenprint.Params("fixed", context_width=0),
    ],
    ids=str,
)
@pytest.mark.parametrize("tenant", [None, 7])
def test_tables_change_nothing(
    params: greenprint.Params, tenant: int | None, tmp_path: Path, rng: np.random.Generator
) -> None:
    master = bytes(range(32))
    plain = greenprint.Key.from_bytes(master, params, provable=True)
    quick = greenprint.Key.from_bytes(master, params, provable=True)
    before = greenprint.Watermark(quick, tenant=tenant)  # made before the table came
    pool = greenprint.ThreadPool(2)
    greenprint.precompute(plain, 300, tmp_path / "x.gpn", tenant=tenant, threads=pool)
    quick.use_table(tmp_path / "x.gpn")
    for other in (tenant, 8):
        one = greenprint.Watermark(plain, tenant=other)
        two = greenprint.Watermark(quick, tenant=other)
        for _ in range(60):
            ids = rng.integers(0, 400, 4)  # some beyond the table
            assert one.nonce(ids) == two.nonce(ids)
            if other == tenant:
                assert one.nonce(ids) == before.nonce(ids)
    text = [rng.integers(0, 400, 200)]
    assert verify(plain, text, tenant) == verify(quick, text, tenant)


def test_tables_are_as_the_standard_has_them(
    provable: greenprint.Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read and written by the independent reference; one with wrong nonces shows its use."""
    pytest.importorskip("cryptography", reason="the reference needs it")
    monkeypatch.syspath_prepend(str(ROOT / "testvectors" / "reference"))
    import greenprint_reference
    import provable_reference

    params = greenprint_reference.Params("hash", 1, 1, 2)
    key = provable_reference.ProvableKey(bytes(range(32)), params)
    assert key.commitment == provable.commitment
    for tenant in (None, 2**64 - 1):
        path = tmp_path / f"{tenant}.gpn"
        greenprint.precompute(provable, 4, path, tenant=tenant)
        data = path.read_bytes()
        nonces = [key.nonce([v], tenant) for v in range(4)]
        write = provable_reference.write_nonce_table
        assert data == write(key, nonces, tenant, data[80:104])
        wrong = [bytes([v]) * 12 for v in range(4)]
        path.write_bytes(write(key, wrong, tenant, bytes(24)))
        fresh = greenprint.Key.from_bytes(bytes(range(32)), provable.params, provable=True)
        fresh.use_table(path)
        watermark = greenprint.Watermark(fresh, tenant=tenant)
        assert [watermark.nonce([v]) for v in range(4)] == wrong
        assert watermark.nonce([4]) == key.nonce([4], tenant)
        others = greenprint.Watermark(fresh, tenant=5)
        assert others.nonce([1]) == key.nonce([1], 5)


def test_tables_that_are_refused(
    key: greenprint.Key, provable: greenprint.Key, tmp_path: Path
) -> None:
    path = tmp_path / "x.gpn"
    greenprint.precompute(provable, 20, path)
    other = greenprint.Key.generate(provable.params, provable=True)
    with pytest.raises(greenprint.ArgumentError, match=f"of key {provable.id}, not of"):
        other.use_table(path)
    with pytest.raises(greenprint.ArgumentError, match="needs no table"):
        key.use_table(path)
    with pytest.raises(greenprint.KeyExistsError):
        greenprint.precompute(provable, 20, path)
    wide = greenprint.Key.generate(provable=True)  # h = 2
    for refused in (
        lambda: greenprint.precompute(wide, 20, tmp_path / "y"),
        lambda: greenprint.precompute(key, 20, tmp_path / "y"),
        lambda: greenprint.precompute(provable, 0, tmp_path / "y"),
        lambda: greenprint.precompute(provable, 2**24 + 1, tmp_path / "y"),
    ):
        with pytest.raises(greenprint.ArgumentError):
            refused()
    same = greenprint.Key.from_bytes(bytes(range(32)), provable.params, provable=True)
    same.use_table(path)
    with pytest.raises(greenprint.ArgumentError, match="has a table already"):
        same.use_table(path)
    text = [[1, 2, 3, 4]]
    greenprint.prove(provable, text, tmp_path / "proof")
    _, scoring = greenprint.check(tmp_path / "proof", provable.public, text)
    with pytest.raises(greenprint.ArgumentError, match="came of a proof"):
        scoring.use_table(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["proof", "x.gpn"]


# --------------------------------------------------------------------- transformers


def test_transformers(provable: greenprint.Key, tmp_path: Path) -> None:
    """What a model says under a provable key is proved, and checked without it."""
    torch = pytest.importorskip("torch", reason="generate() needs torch")
    transformers = pytest.importorskip("transformers", reason="generate() needs transformers")
    from greenprint.transformers import GreenprintLogitsProcessor

    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=200, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=256,
        pad_token_id=0, bos_token_id=1, eos_token_id=None,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).eval()
    watermark = greenprint.Watermark(provable, delta=4.0)
    out = model.generate(
        torch.tensor([[1, 5, 7], [1, 9, 3]]),
        do_sample=True,
        max_new_tokens=60,
        logits_processor=[GreenprintLogitsProcessor(watermark)],
    )
    documents = [row[3:].numpy() for row in out]
    info = greenprint.prove(provable, documents, tmp_path / "x")
    assert info.tokens == 120
    _, scoring = greenprint.check(tmp_path / "x", provable.public, documents)
    result = verify(scoring, documents)
    assert result == verify(provable, documents)
    assert result.log10_p < -6
