"""Verifying, the exact tail, and reading documents."""

from __future__ import annotations

import gzip
import json
import math
import threading
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import greenprint

GAMMAS = st.integers(1, 8).flatmap(
    lambda k: st.integers(0, 2 ** (k - 1) - 1).map(lambda i: Fraction(2 * i + 1, 2**k))
)


def count_slowly(key: greenprint.Key, documents: list[list[int]]) -> tuple[int, int, int]:
    """Return scored, repeated and green, by asking a watermark for each coin."""
    watermark = greenprint.Watermark(key)
    width = key.params.context_width
    coins: dict[tuple[bytes, int], bool] = {}
    positions = 0
    for document in documents:
        for end in range(width, len(document)):
            positions += 1
            token, before = document[end], document[end - width : end]
            mask = watermark.green_mask(before, token + 1)
            coins[watermark.nonce(before), token] = bool(mask[token // 8] >> token % 8 & 1)
    return len(coins), positions - len(coins), sum(coins.values())


@given(
    seeding=st.sampled_from(["hash", "min", "fixed"]),
    width=st.integers(1, 4),
    gamma=GAMMAS,
    documents=st.lists(st.lists(st.integers(0, 5), max_size=40), max_size=4),
)
def test_counts(seeding, width, gamma, documents) -> None:
    params = greenprint.Params(seeding, 0 if seeding == "fixed" else width, gamma)
    key = greenprint.Key.from_bytes(b"\3" * 32, params)
    verifier = greenprint.Verifier(key)
    for document in documents:
        verifier.add(document)
    result = verifier.result()
    assert (result.documents, result.tokens) == (len(documents), sum(map(len, documents)))
    wanted = count_slowly(key, documents)
    assert (result.scored, result.repeated, result.green) == wanted
    assert result.log10_p == greenprint.log10_binomial_tail(result.scored, result.green, gamma)
    assert result.z == greenprint.z_score(result.scored, result.green, gamma)


def test_nothing_scored(key) -> None:
    result = greenprint.Verifier(key).result()
    assert result == greenprint.Result(0, 0, 0, 0, 0, 0.0, 0.0)
    assert result.green_fraction is None
    assert result.p_value == 1.0


def marked_text(watermark: greenprint.Watermark, rng, n: int) -> list[int]:
    """Write ids by sampling from biased noise."""
    ids = [1, 2]
    for _ in range(n):
        logits = rng.gumbel(size=2000).astype(np.float32)
        watermark.bias(logits, ids)
        ids.append(int(logits.argmax()))
    return ids


def test_a_mark_is_found_with_its_key_and_tenant_only(key, rng) -> None:
    ids = marked_text(greenprint.Watermark(key, delta=3.0, tenant=7), rng, 300)
    right = greenprint.Verifier(key, tenant=7)
    right.add(ids)
    assert right.result().log10_p < -30
    assert right.result().green_fraction > 0.6
    assert right.result().p_value == pytest.approx(10 ** right.result().log10_p)
    others = [
        greenprint.Verifier(key),
        greenprint.Verifier(key, tenant=8),
        greenprint.Verifier(greenprint.Key.generate(), tenant=7),
    ]
    for other in others:
        other.add(ids)
        assert other.result().log10_p > -7
    before = right.result()
    right.add(ids)
    assert right.result().scored == before.scored
    right.reset()
    assert right.result().tokens == 0


def test_documents_do_not_touch(key) -> None:
    verifier = greenprint.Verifier(key)
    verifier.add([1, 2])
    verifier.add([3, 4])
    assert verifier.result().scored == 0


def test_one_verifier_in_many_threads(key, rng) -> None:
    documents = rng.integers(0, 1000, (64, 10000))
    serial = greenprint.Verifier(key)
    for document in documents:
        serial.add(document)
    shared = greenprint.Verifier(key)
    gate = threading.Barrier(8)

    def work(which: int) -> None:
        gate.wait()
        for document in documents[which::8]:
            shared.add(document)
            shared.result()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.result() == serial.result()
    assert serial.result().scored > 600000


def exact_log10_tail(n: int, green: int, gamma: Fraction) -> mpmath.mpf:
    """Sum the side with the smaller part, term by term."""
    g = mpmath.mpf(gamma.numerator) / gamma.denominator
    upper = green > gamma * n
    term = mpmath.binomial(n, green) * g**green * (1 - g) ** (n - green)
    terms = []
    if upper:
        for x in range(green, n + 1):
            terms.append(term)
            term = term * (n - x) / (x + 1) * g / (1 - g)
        return mpmath.log10(mpmath.fsum(terms))
    for x in range(green, 0, -1):
        term = term * x / (n - x + 1) * (1 - g) / g
        terms.append(term)
    return mpmath.log1p(-mpmath.fsum(terms)) / mpmath.log(10)


@given(n=st.integers(1, 3000), data=st.data(), gamma=GAMMAS)
def test_tail_against_mpmath(n, data, gamma) -> None:
    green = data.draw(st.integers(0, n))
    got = greenprint.log10_binomial_tail(n, green, gamma)
    with mpmath.workdps(60):
        exact = exact_log10_tail(n, green, gamma)
        if abs(exact) > mpmath.mpf("1e-300"):
            assert abs(got - exact) <= abs(exact) * mpmath.mpf("1e-10")
        else:
            assert -1e-299 < got <= 0


@given(n=st.integers(1, 2**40), z=st.floats(-8, 8), gamma=GAMMAS)
def test_tail_against_scipy(n, z, gamma) -> None:
    g = float(gamma)
    green = round(n * g + z * math.sqrt(n * g * (1 - g)))
    green = min(max(green, 1), n)
    got = greenprint.log10_binomial_tail(n, green, gamma)
    p = stats.binom.sf(green - 1, n, g)
    if p < 0.9:  # near 1 SciPy's sf has lost what the logarithm needs
        assert got == pytest.approx(stats.binom.logsf(green - 1, n, g) / math.log(10), 1e-6)
    else:
        assert 10**got == pytest.approx(p, abs=1e-6)


def test_tail_beyond_floats() -> None:
    assert greenprint.log10_binomial_tail(10**6, 10**6, "1/4") == pytest.approx(
        10**6 * math.log10(0.25), rel=1e-10
    )
    assert greenprint.Result(1, 1, 1, 0, 1, 0.0, -500.0).p_value == 0.0


@given(n=st.integers(1, 2**44), data=st.data(), gamma=GAMMAS)
def test_z_score(n, data, gamma) -> None:
    green = data.draw(st.integers(0, n))
    wanted = float(green - gamma * n) / math.sqrt(n * gamma * (1 - gamma))
    assert greenprint.z_score(n, green, gamma) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_refused_statistics() -> None:
    assert greenprint.z_score(0, 0, "1/4") == 0
    for function in (greenprint.log10_binomial_tail, greenprint.z_score):
        for arguments, message in [
            ((1, 2, "1/4"), "green"),
            ((-1, 0, "1/4"), "n must be from 0"),
            ((1.5, 0, "1/4"), "n must be an integer, not float"),
            ((10, 5, "1/3"), "gamma"),
        ]:
            with pytest.raises(greenprint.ArgumentError, match=message):
                function(*arguments)
    with pytest.raises(greenprint.ArgumentError):
        greenprint.log10_binomial_tail(2**44 + 1, 5, "1/4")


DOCUMENTS = [[1, 2, 3], [4294967295], [0, 0]]


@pytest.mark.parametrize("squeeze", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("format", ["tokens", "jsonl"])
def test_read_documents(tmp_path, format, squeeze) -> None:
    if format == "tokens":
        text = "".join(" ".join(map(str, ids)) + "\n" for ids in DOCUMENTS)
    else:
        text = "".join(json.dumps({"x": "é", "ids": ids}) + "\n" for ids in DOCUMENTS)
    path = tmp_path / "input"
    path.write_bytes(gzip.compress(text.encode()) if squeeze else text.encode())
    documents = list(greenprint.read_documents(path, format, "ids"))
    assert [document.tolist() for document in documents] == DOCUMENTS
    assert all(document.dtype == np.uint32 for document in documents)
    documents[0][:] = 7  # the caller's own memory


def test_empty_document(tmp_path) -> None:
    path = tmp_path / "input"
    path.write_text('{"tokens": []}\n{"tokens": [5]}\n')
    documents = list(greenprint.read_documents(path, "jsonl"))
    assert [document.tolist() for document in documents] == [[], [5]]


def test_bad_documents(tmp_path) -> None:
    path = tmp_path / "input"
    path.write_text("1 2\n3 x\n")
    reader = greenprint.read_documents(path)
    assert next(reader).tolist() == [1, 2]
    with pytest.raises(greenprint.FormatError, match=rf"{path}.*2"):
        next(reader)
    with pytest.raises(StopIteration):
        next(reader)
    with pytest.raises(FileNotFoundError, match="missing") as caught:
        greenprint.read_documents(tmp_path / "missing")
    assert isinstance(caught.value, greenprint.FileError)
    with pytest.raises(greenprint.ArgumentError, match="format must be one of"):
        greenprint.read_documents(path, "texts")
    with pytest.raises(greenprint.ArgumentError, match="field contains a NUL"):
        greenprint.read_documents(path, "jsonl", "a\0b")
