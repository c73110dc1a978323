"""Holds the package to testvectors/, whose "how" fields say how to read them."""

from __future__ import annotations

import ctypes
import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import greenprint
from greenprint import _library
from greenprint.audit import ModelWeightsWriter
from greenprint.reference import ExpectationsWriter

VECTORS = ROOT / "testvectors"
CHECKED = {
    "audits.json",
    "bias.json",
    "contexts.json",
    "counts.json",
    "derivation.json",
    "evalues.json",
    "fdr.json",
    "keyfile.json",
    "masks.json",
    "nonces.json",
    "plans.json",
    "proofs.json",
    "provable.json",
    "segments.json",
    "tails.json",
    "weighted.json",
}
# Functions that the package does not have: tests/unit/test_vrf.c.
ONLY_IN_C = {"rfc9497.json"}


def load(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / name).read_text())


def params_of(case: dict[str, Any]) -> greenprint.Params:
    return greenprint.Params(case["seeding"], case["h"], Fraction(case["g"], 1 << case["k"]))


def key_of(case: dict[str, Any], provable: bool = False) -> greenprint.Key:
    master = bytes.fromhex(case["master_key"])
    return greenprint.Key.from_bytes(master, params_of(case), provable=provable)


def tenant_of(case: dict[str, Any]) -> int | None:
    return None if case["tenant"] is None else int(case["tenant"])


def test_every_file_is_checked() -> None:
    assert {path.name for path in VECTORS.glob("*.json")} == CHECKED | ONLY_IN_C


def test_derivation() -> None:
    for case in load("derivation.json")["cases"]:
        key = key_of(case)
        assert key.commitment.hex() == case["commitment"], case
        assert key.id == case["key_id"], case


def test_nonces() -> None:
    without_window = 0
    for case in load("nonces.json")["cases"]:
        watermark = greenprint.Watermark(key_of(case), tenant=tenant_of(case))
        if case["nonce"] is None:
            without_window += 1
            with pytest.raises(greenprint.ArgumentError, match="context width"):
                watermark.nonce(case["ids"])
        else:
            assert watermark.nonce(case["ids"]).hex() == case["nonce"], case
    assert without_window > 0


def test_masks() -> None:
    vectors = load("masks.json")
    for case in vectors["cases"]:
        mask = greenprint.Watermark(key_of(case)).green_mask(case["ids"], case["vocabulary"])
        assert hashlib.sha256(mask.tobytes()).hexdigest() == case["sha256"], case
        assert int(np.unpackbits(mask).sum()) == case["green"], case
    for case in vectors["single"]:
        verifier = greenprint.Verifier(key_of(case))
        for token, colour in zip(case["tokens"], case["colours"], strict=True):
            # A token beyond what a mask can hold in memory: a document that ends in it.
            width = case["h"]
            verifier.reset()
            verifier.add([*case["ids"][len(case["ids"]) - width :], token])
            result = verifier.result()
            if width:
                assert (result.scored, result.green) == (1, colour), (case, token)


FORMATS = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}


def bias_bits(case: dict[str, Any], row: np.ndarray) -> np.ndarray:
    """Bias a row of bits: as a NumPy array, or as a tensor where NumPy has no such type."""
    watermark = greenprint.Watermark(
        key_of(case), delta=case["delta"], never_biased=case["never"]
    )
    if case["format"] == "bfloat16":
        torch = pytest.importorskip("torch", reason="bfloat16 rows need torch")
        tensor = torch.from_numpy(row.view(np.int16)).view(torch.bfloat16)
        watermark.bias(tensor, case["ids"])
    else:
        watermark.bias(row.view(case["format"]), case["ids"])
    return row


def test_bias_small() -> None:
    nans = 0
    for case in load("bias.json")["small"]:
        dtype = np.dtype(FORMATS[case["format"]])
        bits = np.dtype(f"<u{dtype.itemsize}")
        row = np.frombuffer(bytes.fromhex(case["row"]), bits).copy()
        wanted = np.frombuffer(bytes.fromhex(case["biased"]), bits)
        got = bias_bits(case, row)
        if case["format"] == "bfloat16":
            values = [(x.astype(np.uint32) << 16).view(np.float32) for x in (wanted, got)]
        else:
            values = [x.view(case["format"]) for x in (wanted, got)]
        nan, got_nan = (np.isnan(x) for x in values)
        nans += int(nan.sum())
        np.testing.assert_array_equal(got_nan, nan)
        np.testing.assert_array_equal(got[~nan], wanted[~nan])
    assert nans > 0


def large_row(case: dict[str, Any]) -> np.ndarray:
    tokens = np.arange(case["vocabulary"], dtype=np.uint64)
    m = (tokens * np.uint64(2654435761) + np.uint64(case["seed"])).astype(np.uint32)
    if case["format"] == "float16":
        row = (m >> 16).astype(np.uint16)
        row[(row & 0x7C00) == 0x7C00] &= ~np.uint16(0x4000)
        return row
    row = (m & np.uint32(0x807FFFFF)) | ((117 + ((m >> 23) & 15)) << 23).astype(np.uint32)
    return row if case["format"] == "float32" else (row >> 16).astype(np.uint16)


def test_bias_large() -> None:
    for case in load("bias.json")["large"]:
        row = large_row(case)
        assert hashlib.sha256(row.tobytes()).hexdigest() == case["row_sha256"], case
        before = row.copy()
        got = bias_bits(case, row)
        assert hashlib.sha256(got.tobytes()).hexdigest() == case["biased_sha256"], case
        assert int((got != before).sum()) == case["changed"], case


def test_counts() -> None:
    vectors = load("counts.json")
    for case in vectors["cases"]:
        verifier = greenprint.Verifier(key_of(case), tenant=tenant_of(case))
        for document in vectors["sets"][case["set"]]:
            verifier.add(document)
        result = verifier.result()
        for name in ("documents", "tokens", "scored", "repeated", "green"):
            assert getattr(result, name) == case[name], (name, case)
        assert result.z == pytest.approx(float(case["z"]), rel=1e-12, abs=1e-12)
        assert result.log10_p == pytest.approx(float(case["log10_p"]), rel=1e-10, abs=0)


def test_tails() -> None:
    for case in load("tails.json")["cases"]:
        gamma = Fraction(case["g"], 1 << case["k"])
        got = greenprint.log10_binomial_tail(case["n"], case["green"], gamma)
        assert got == pytest.approx(float(case["log10_p"]), rel=1e-10, abs=0), case


def gamma_of(case: dict[str, Any]) -> Fraction:
    return Fraction(case["g"], 1 << case["k"])


def test_evalues() -> None:
    for case in load("evalues.json")["cases"]:
        got = greenprint.log10_e_value(case["n"], case["green"], gamma_of(case))
        assert got == pytest.approx(float(case["log10_e"]), rel=1e-11, abs=1e-11), case


def test_segments() -> None:
    for case in load("segments.json")["cases"]:
        colours = [int(digit) for digit in case["colours"]]
        best = greenprint.locate(colours, gamma_of(case), 0.0)[0]
        for name in ("first", "end", "scored", "green"):
            assert getattr(best, name) == case[name], (name, case)
        for name in ("log10_p", "log10_p_corrected"):
            assert getattr(best, name) == pytest.approx(float(case[name]), rel=1e-10)


class WeightedResult(ctypes.Structure):
    _fields_ = [
        ("coins", ctypes.c_uint64),
        ("statistic", ctypes.c_double),
        ("z", ctypes.c_double),
        ("log10_p", ctypes.c_double),
        ("log10_p_saddlepoint", ctypes.c_double),
    ]


def test_weighted() -> None:
    for case in load("weighted.json")["cases"]:
        weights = np.array([float(text) for text in case["weights"]])
        green = np.array(case["green"], np.uint8)
        result = WeightedResult()
        _library.call(
            _library.lib.gp_weighted_test,
            *(weights.ctypes.data, green.ctypes.data, len(weights), case["g"], case["k"]),
            ctypes.byref(result),
        )
        for name, relative in (("log10_p", 1e-11), ("log10_p_saddlepoint", 1e-8)):
            wanted = pytest.approx(float(case[name]), rel=relative, abs=relative)
            assert getattr(result, name) == wanted, case
        if case["log10_p_exact"] is not None:
            assert result.log10_p >= float(case["log10_p_exact"])


def test_false_discovery_rates() -> None:
    for case in load("fdr.json")["cases"]:
        got = greenprint.benjamini_hochberg([float(text) for text in case["log10_p"]])
        wanted = [float(text) for text in case["log10_q"]]
        assert got.tolist() == pytest.approx(wanted, rel=1e-13, abs=1e-13), case


def test_plans() -> None:
    for case in load("plans.json")["cases"]:
        plan = greenprint.plan_tokens(
            gamma_of(case),
            float(case["green_rate"]),
            case["log10_alpha"],
            float(case["power_wanted"]),
            0.5,
        )
        assert (plan.coins, plan.green) == (case["coins"], case["green"]), case
        assert plan.tokens == 2 * plan.coins
        assert plan.power == pytest.approx(float(case["power"]), rel=1e-12)


class ContextsInfo(ctypes.Structure):
    _fields_ = [
        ("context_width", ctypes.c_uint32),
        ("contexts", ctypes.c_uint64),
        ("documents", ctypes.c_uint64),
        ("tokens", ctypes.c_uint64),
        ("file", _library.InputFacts),
    ]


def test_contexts_files(tmp_path) -> None:
    lib = ctypes.CDLL(_library.lib._name)
    lib.gp_contexts_builder_free.argtypes = [ctypes.c_void_p]
    lib.gp_contexts_free.argtypes = [ctypes.c_void_p]
    lib.gp_contexts_get_info.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    for index, case in enumerate(load("contexts.json")["files"]):
        made, path = ctypes.c_void_p(), bytes(tmp_path / f"{index}.gpc")
        _library.call(lib.gp_contexts_builder_new, case["h"], ctypes.byref(made))
        for document in case["documents"]:
            ids = (ctypes.c_uint32 * len(document))(*document)
            size = ctypes.c_size_t(len(document))
            _library.call(lib.gp_contexts_builder_add, made, ids, size)
        _library.call(lib.gp_contexts_builder_save, made, path)
        lib.gp_contexts_builder_free(made)
        data = (tmp_path / f"{index}.gpc").read_bytes()
        assert data.hex() == case["file"], case["h"]
        loaded, info = ctypes.c_void_p(), ContextsInfo()
        _library.call(lib.gp_contexts_load, path, ctypes.byref(loaded))
        lib.gp_contexts_get_info(loaded, ctypes.byref(info))
        lib.gp_contexts_free(loaded)
        assert (info.context_width, info.documents) == (case["h"], len(case["documents"]))
        assert info.tokens == sum(map(len, case["documents"]))
        assert info.file.bytes == len(data) == 72 + 8 * info.contexts
        assert bytes(info.file.sha256) == hashlib.sha256(data).digest()


def test_valid_key_files(tmp_path) -> None:
    for index, case in enumerate(load("keyfile.json")["valid"]):
        path = tmp_path / f"{index}.key"
        path.write_bytes(bytes.fromhex(case["file"]))
        info = greenprint.inspect(path)
        assert info.commitment.hex() == case["commitment"]
        assert info.params == params_of(case)
        assert info.sealed == case["sealed"]
        assert (info.sealed_passes, info.sealed_memory) == (case["passes"], case["memory"])
        passphrase = case["passphrase"]
        key = greenprint.Key.load(path, passphrase and bytes.fromhex(passphrase))
        assert key.commitment == key_of(case).commitment


ERROR_OF_CHECK = {
    "version": greenprint.VersionError,
    "scheme": greenprint.VersionError,
    "seal": greenprint.PassphraseError,
}


def test_malformed_key_files(tmp_path) -> None:
    path = tmp_path / "bad.key"
    for case in load("keyfile.json")["malformed"]:
        path.write_bytes(bytes.fromhex(case["file"]))
        passphrase = case["passphrase"]
        with pytest.raises(greenprint.GreenprintError) as caught:
            greenprint.Key.load(path, passphrase and bytes.fromhex(passphrase))
        check = case["check"]
        if check == "scheme" and b"greenprint-1v" in bytes.fromhex(case["file"]):
            # Made for a reader of greenprint-1 alone; here it is the derivation that fails.
            check = "seal" if bytes.fromhex(case["file"])[9] else "commitment"
        wanted = ERROR_OF_CHECK.get(check, greenprint.FormatError)
        assert type(caught.value) is wanted, case["name"]
        assert str(path) in str(caught.value)


def test_provable_keys(tmp_path) -> None:
    vectors = load("provable.json")
    for index, case in enumerate(vectors["keys"]):
        key = key_of(case, provable=True)
        assert key.scheme == "greenprint-1v"
        assert key.public.element.hex() == case["pk"], case
        assert key.commitment.hex() == case["commitment"], case
        assert key.id == case["key_id"], case
        for name, save in (("public_file", key.public.save), ("key_file", key.save_unsealed)):
            path = tmp_path / f"{index}.{name}"
            save(path)
            assert path.read_bytes().hex() == case[name], case
        assert greenprint.PublicKey.load(tmp_path / f"{index}.public_file") == key.public
        assert greenprint.Key.load(tmp_path / f"{index}.key_file").public == key.public


def test_provable_nonces_and_masks() -> None:
    vectors = load("provable.json")
    for case in vectors["nonces"]:
        watermark = greenprint.Watermark(key_of(case, provable=True), tenant=tenant_of(case))
        assert watermark.nonce(case["ids"]).hex() == case["nonce"], case
    for case in vectors["masks"]:
        watermark = greenprint.Watermark(key_of(case, provable=True), tenant=tenant_of(case))
        assert watermark.nonce(case["ids"]).hex() == case["nonce"], case
        assert watermark.green_mask(case["ids"], 300).tobytes().hex() == case["mask_300"]
        mask = watermark.green_mask(case["ids"], 50257)
        assert hashlib.sha256(mask.tobytes()).hexdigest() == case["sha256_50257"], case


def test_provable_counts(tmp_path) -> None:
    """Also by way of a proof, which has to be of those evaluated elements."""
    for index, case in enumerate(load("provable.json")["verify"]):
        key, tenant, texts = key_of(case, provable=True), tenant_of(case), case["texts"]
        path = tmp_path / f"{index}.proof"
        greenprint.prove(key, texts, path, tenant=tenant)
        info, scoring = greenprint.check(path, key.public, texts)
        assert (info.documents, info.tokens) == (case["documents"], case["tokens"])
        for scores in (key, scoring):
            verifier = greenprint.Verifier(scores, tenant)
            for document in texts:
                verifier.add(document)
            result = verifier.result()
            for name in ("documents", "tokens", "scored", "repeated", "green"):
                assert getattr(result, name) == case[name], (name, case)
            assert result.z == pytest.approx(float(case["z"]), rel=1e-12, abs=1e-12)
            assert result.log10_p == pytest.approx(float(case["log10_p"]), rel=1e-10, abs=0)
        verifier = greenprint.Verifier(key, 5)
        for document in texts:
            verifier.add(document)
        assert verifier.result().green == case["green_for_tenant_5"]


def test_proofs_hold_the_evaluated_elements(tmp_path) -> None:
    known = {}
    for case in load("provable.json")["nonces"]:
        if case["seeding"] == "hash" and case["h"] == 1 and case["tenant"] is None:
            known.setdefault((case["master_key"], case["g"]), []).append(case)
    assert known
    for number, cases in enumerate(known.values()):
        key = key_of(cases[0], provable=True)
        text = [case["context"][0] for case in cases]
        path = tmp_path / f"{number}.proof"
        greenprint.prove(key, [[*text, 0]], path)
        body = path.read_bytes()[168:-96]
        wanted = dict.fromkeys(case["evaluated"] for case in cases)
        assert body.hex() == "".join(wanted)


def test_malformed_public_files(tmp_path) -> None:
    path = tmp_path / "bad.pub"
    for case in load("provable.json")["public_malformed"]:
        path.write_bytes(bytes.fromhex(case["file"]))
        with pytest.raises(greenprint.GreenprintError) as caught:
            greenprint.PublicKey.load(path)
        assert type(caught.value) in (greenprint.FormatError, greenprint.VersionError)
        assert str(path) in str(caught.value)


def test_malformed_provable_key_files(tmp_path) -> None:
    path = tmp_path / "bad.key"
    for case in load("provable.json")["key_malformed"]:
        path.write_bytes(bytes.fromhex(case["file"]))
        passphrase = case["passphrase"]
        with pytest.raises(greenprint.GreenprintError) as caught:
            greenprint.Key.load(path, passphrase and bytes.fromhex(passphrase))
        wanted = ERROR_OF_CHECK.get(case["check"], greenprint.FormatError)
        assert type(caught.value) is wanted, case["name"]


def pairs(positions: list[Any]) -> tuple[list[list[int]], list[list[float]]]:
    """Split lists of pairs, filled up to four with ids of weight 0."""
    ids, weights = [], []
    for position in positions:
        used = {int(v) for v, _ in position}
        fill = [v for v in range(1000, 1004) if v not in used][: 4 - len(position)]
        ids.append([int(v) for v, _ in position] + fill)
        weights.append([float(w) for _, w in position] + [0.0] * len(fill))
    return ids, weights


def test_audits(tmp_path) -> None:
    for index, case in enumerate(load("audits.json")["cases"]):
        key = key_of(case)
        tenant = tenant_of(case)
        answers, model = (greenprint.Audit(key.params) for _ in range(2))
        expected = tmp_path / f"{index}-expected.gpx"
        with ExpectationsWriter(expected, label="") as writer:
            for row in case["answers"]:
                if row["tokens"]:
                    writer.add(row["tokens"], *pairs(row["expected"]))
        with greenprint.Expectations(expected) as expectations:
            for row in case["answers"]:
                if row["tokens"]:
                    answers.add(row["tokens"], row["prompt"], expectations)
            expectations.finish()
        weights = tmp_path / f"{index}-weights.gpx"
        with ModelWeightsWriter(weights, label="") as writer:
            for document in case["model"]:
                if document["tokens"]:
                    writer.add(document["tokens"], *pairs(document["weights"]))
        model.add_model(weights)
        assert answers.counts.positions == case["positions"]
        assert answers.counts.in_prompt == case["in_prompt"]
        for wanted in case["tests"]:
            if wanted["served_only"]:
                continue  # tests/unit/test_audit_vectors.c
            audit = model if wanted["statistic"].startswith("open") else answers
            result = audit.test(wanted["statistic"]).key(key, tenant)
            assert (result.coins, result.green) == (wanted["coins"], wanted["green"])
            assert result.statistic == pytest.approx(float(wanted["t"]), rel=1e-12, abs=1e-12)
            assert result.log10_p == pytest.approx(float(wanted["log10_p"]), rel=1e-10)
            assert result.log10_e == pytest.approx(float(wanted["log10_e"]), rel=1e-6, abs=1e-6)
    for case in load("audits.json")["holm"]:
        adjusted = greenprint.holm([float(p) for p in case["log10_p"]])
        assert adjusted == pytest.approx([float(p) for p in case["log10_adjusted"]], abs=1e-11)


@pytest.mark.parametrize("case", load("proofs.json")["proofs"])
def test_proofs(case: dict[str, Any], tmp_path: Path) -> None:
    """Whole proofs of the reference hold, and show the counts; one of a sample as well."""
    path = tmp_path / "proof.gpp"
    path.write_bytes(bytes.fromhex(case["file"]))
    public_key = key_of(case, provable=True).public
    if case["tokenizer_sha256"] is not None:
        with pytest.raises(greenprint.FormatError, match="made with a tokenizer"):
            greenprint.check(path, public_key, case["texts"])
        return
    info, scoring = greenprint.check(path, public_key, case["texts"])
    assert info.text_sha256 == case["text_sha256"]
    assert (info.contexts, info.proved, info.sizes) == (
        case["contexts"],
        case["proved"],
        case["sizes"],
    )
    assert info.tenant == tenant_of(case)
    assert info.blind == ("blind" in case)
    verifier = greenprint.Verifier(scoring, tenant_of(case))
    for document in case["texts"]:
        verifier.add(document)
    result = verifier.result()
    assert (result.scored, result.repeated, result.green) == (
        case["scored"],
        case["repeated"],
        case["green"],
    )
