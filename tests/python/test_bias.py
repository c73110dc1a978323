"""Biasing NumPy arrays and torch tensors, against an emulation in NumPy."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import greenprint

torch = pytest.importorskip("torch", reason="torch is not installed: no tensor was tested")

DELTA = 2.5
DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def green(watermark: greenprint.Watermark, tokens: Any, vocabulary: int) -> np.ndarray:
    mask = watermark.green_mask(tokens, vocabulary)
    return np.unpackbits(mask, count=vocabulary, bitorder="little").astype(bool)


def emulate(watermark: greenprint.Watermark, row: torch.Tensor, tokens: Any) -> torch.Tensor:
    """Return what a row has to become: the sum in float32, rounded once."""
    if len(tokens) < watermark.params.context_width:
        return row.clone()
    biased = (row.float() + watermark.delta).to(row.dtype)
    return torch.where(torch.from_numpy(green(watermark, tokens, row.shape[-1])), biased, row)


def random_row(rng: np.random.Generator, shape: Any, dtype: torch.dtype) -> torch.Tensor:
    """Return logits of all magnitudes, with infinities among them."""
    values = rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 14, shape)
    values[rng.random(shape) < 0.02] = -np.inf
    return torch.from_numpy(values).to(dtype)


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool((a == b).all())


@pytest.fixture
def watermark(key: greenprint.Key) -> greenprint.Watermark:
    return greenprint.Watermark(key, delta=DELTA, never_biased=[3, 4, 5])


@pytest.mark.parametrize("vocabulary", [1, 2, 7, 127, 128, 129, 1000, 50257])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_one_row(watermark, rng, dtype, vocabulary) -> None:
    row = random_row(rng, vocabulary, dtype)
    wanted = emulate(watermark, row, [5, 6, 7])
    before, address = row.clone(), row.data_ptr()
    watermark.bias(row, [5, 6, 7])
    assert row.data_ptr() == address
    assert same(row, wanted)
    if vocabulary > 100:
        assert not same(row, before)
    assert same(row[3:6], before[3:6])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_numpy_row_is_changed_in_place(watermark, rng, dtype) -> None:
    row = random_row(rng, 1000, getattr(torch, dtype)).numpy()
    wanted = emulate(watermark, torch.from_numpy(row.copy()), [1, 2])
    address = row.ctypes.data
    watermark.bias(row, [1, 2])
    assert row.ctypes.data == address
    assert row.dtype == dtype
    np.testing.assert_array_equal(row, wanted.numpy())


def test_numpy_bfloat16(watermark, rng) -> None:
    ml_dtypes = pytest.importorskip(
        "ml_dtypes", reason="ml_dtypes is not installed: NumPy's bfloat16 was not tested"
    )
    row = random_row(rng, 1000, torch.bfloat16)
    array = row.float().numpy().astype(ml_dtypes.bfloat16)
    watermark.bias(array, [1, 2])
    assert same(
        torch.from_numpy(array.astype(np.float32)), emulate(watermark, row, [1, 2]).float()
    )


def test_tensor_and_array_of_one_memory_agree(watermark) -> None:
    array = np.zeros(512, np.float32)
    watermark.bias(torch.from_numpy(array), [1, 2])
    np.testing.assert_array_equal(array, DELTA * green(watermark, [1, 2], 512))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_batch_with_rows_apart(watermark, rng, dtype) -> None:
    memory = random_row(rng, (5, 300), dtype)
    before = memory.clone()
    rows = memory[:, :257]
    tokens = [[1, 2], [], [9], [4, 5, 6, 7], [1, 2]]
    watermark.bias(rows, tokens)
    for row, was, ids in zip(rows, before, tokens, strict=True):
        assert same(row, emulate(watermark, was[:257], ids))
    assert same(memory[:, 257:], before[:, 257:])
    assert not same(rows, before[:, :257])


def test_last_position_of_what_a_model_returns(watermark, rng) -> None:
    outputs = random_row(rng, (2, 4, 100), torch.float32)
    before = outputs.clone()
    watermark.bias(outputs[:, -1, :], torch.tensor([[1, 2], [3, 4]]))
    assert same(outputs[:, :-1], before[:, :-1])
    for i, ids in enumerate([[1, 2], [3, 4]]):
        assert same(outputs[i, -1], emulate(watermark, before[i, -1], ids))


def test_no_rows(watermark) -> None:
    watermark.bias(np.zeros((0, 10), np.float32), [])
    watermark.bias(torch.zeros(0, 10), torch.zeros(0, 5, dtype=torch.int64))


TOKEN_FORMS = {
    "list": list,
    "tuple": tuple,
    "uint32": lambda ids: np.array(ids, np.uint32),
    "int64": lambda ids: np.array(ids, np.int64),
    "uint64": lambda ids: np.array(ids, np.uint64),
    "big-endian": lambda ids: np.array(ids, ">u4"),
    "strided": lambda ids: np.repeat(np.array(ids, np.int64), 2)[::2],
    "list of numpy ids": lambda ids: [np.int64(i) for i in ids],
    "tensor int64": lambda ids: torch.tensor(ids),
    "tensor strided": lambda ids: torch.tensor(ids).repeat_interleave(3)[::3],
    "tensor uint32": lambda ids: torch.from_numpy(np.array(ids, np.uint32)),
}


@pytest.mark.parametrize("form", TOKEN_FORMS)
def test_forms_of_tokens(key, form) -> None:
    ids = [0, 2**31, 2**32 - 1, 70000, 5]
    tokens = TOKEN_FORMS[form](ids)
    watermark = greenprint.Watermark(key)
    wanted = np.zeros(1000, np.float32)
    watermark.bias(wanted, ids)
    assert wanted.any()
    row = np.zeros(1000, np.float32)
    watermark.bias(row, tokens)
    np.testing.assert_array_equal(row, wanted)
    batch = np.zeros((2, 1000), np.float32)
    watermark.bias(batch, [tokens, tokens])
    np.testing.assert_array_equal(batch, [wanted, wanted])
    assert watermark.nonce(tokens) == watermark.nonce(ids)
    verifier = greenprint.Verifier(key)
    verifier.add(tokens)
    assert (verifier.result().tokens, verifier.result().scored) == (5, 3)
    wide = greenprint.Key.from_bytes(bytes(range(32)), greenprint.Params(context_width=5))
    assert greenprint.Watermark(wide).nonce(tokens) == greenprint.Watermark(wide).nonce(ids)


@pytest.mark.parametrize("form", ["uint32", "int64", "tensor int64", "tensor uint32"])
def test_2d_tokens(watermark, form) -> None:
    ids = [[1, 2, 3], [2**32 - 1, 5, 2**31]]
    wanted = np.zeros((2, 500), np.float32)
    watermark.bias(wanted, ids)
    got = np.zeros((2, 500), np.float32)
    watermark.bias(got, TOKEN_FORMS[form](ids))
    np.testing.assert_array_equal(got, wanted)
    assert not np.array_equal(got[0], got[1])


@given(
    seeding=st.sampled_from(["hash", "min", "fixed"]),
    width=st.integers(1, 16),
    gamma=st.sampled_from(["1/2", "1/4", "3/8", "255/256", "1/256"]),
    ids=st.lists(st.integers(0, 2**32 - 1), max_size=20),
    vocabulary=st.integers(1, 600),
)
def test_any_parameters(seeding, width, gamma, ids, vocabulary) -> None:
    params = greenprint.Params(seeding, 0 if seeding == "fixed" else width, gamma)
    watermark = greenprint.Watermark(greenprint.Key.from_bytes(b"\7" * 32, params), DELTA)
    row = np.zeros(vocabulary, np.float32)
    watermark.bias(row, ids)
    if len(ids) < params.context_width:
        assert not row.any()
        with pytest.raises(greenprint.ArgumentError, match="context width"):
            watermark.green_mask(ids, vocabulary)
    else:
        np.testing.assert_array_equal(row, DELTA * green(watermark, ids, vocabulary))
        tail = ids[len(ids) - params.context_width :]
        assert watermark.nonce(ids) == watermark.nonce(tail)


def test_tenants_differ(key) -> None:
    nonces = {
        greenprint.Watermark(key, tenant=tenant).nonce([1, 2])
        for tenant in (None, 0, 1, 2**64 - 1)
    }
    assert len(nonces) == 4


def test_session_skips_contexts_it_has_seen(watermark) -> None:
    session = greenprint.Session(1)
    tokens = [1, 2, 3, 1, 2, 3, 9, 1, 2]
    marked = []
    for end in range(len(tokens) + 1):
        row = np.zeros(300, np.float32)
        watermark.bias(row, tokens[:end], session)
        marked.append(bool(row.any()))
    #        -      1      12    23    31    12     23     39    91    12
    wanted = [False, False, True, True, True, False, False, True, True, False]
    assert marked == wanted
    session.reset()
    row = np.zeros(300, np.float32)
    watermark.bias(row, tokens, session)
    assert row.any()


def test_sessions_of_a_batch(watermark) -> None:
    sessions = [greenprint.Session(), None, greenprint.Session()]
    watermark.bias(np.zeros(10, np.float32), [1, 2], sessions[0])
    rows = np.zeros((3, 300), np.float32)
    watermark.bias(rows, [[1, 2]] * 3, sessions)
    assert rows.any(axis=1).tolist() == [False, True, True]
    rows[:] = 0
    watermark.bias(rows, np.array([[1, 2]] * 3), sessions)
    assert rows.any(axis=1).tolist() == [False, True, False]


ON = {
    "list": [True, False, True, True, False, True],
    "array": np.array([True, False, True, True, False, True]),
    "tensor": torch.tensor([True, False, True, True, False, True]),
}
TENANTS = {
    "list": [None, 3, 7, None, 0, 2**64 - 1],
    "array": np.array([4, 3, 7, 4, 0, 2**64 - 1], np.uint64),
    "tensor": torch.tensor([4, 3, 7, 4, 0, 1]),
}
DELTAS = {
    "list": [None, 1.5, 0, 100, None, np.float32(0.1)],
    "array": np.array([1, 1.5, 0, 100, 3, 0.1]),
    "tensor": torch.tensor([1, 1.5, 0, 100, 3, 0.1]),
}


@pytest.mark.parametrize("form", ON)
@pytest.mark.parametrize("n_threads", [None, 1, 3])
@pytest.mark.parametrize("which", range(8))
def test_options_of_rows(key, rng, which, n_threads, form) -> None:
    on = ON[form] if which & 1 else None
    tenants = TENANTS[form] if which & 2 else None
    deltas = DELTAS[form] if which & 4 else None
    threads = None if n_threads is None else greenprint.ThreadPool(n_threads)
    watermark = greenprint.Watermark(key, DELTA, tenant=5)
    rows = random_row(rng, (6, 700), torch.float32)
    wanted = rows.clone()
    tokens = rng.integers(0, 100, (6, 4))
    for i in range(6):
        if on is not None and not on[i]:
            continue
        tenant = 5 if tenants is None or tenants[i] is None else int(tenants[i])
        delta = DELTA if deltas is None or deltas[i] is None else float(deltas[i])
        greenprint.Watermark(key, delta, tenant).bias(wanted[i], tokens[i])
    watermark.bias(rows, tokens, on=on, tenants=tenants, deltas=deltas, threads=threads)
    assert same(rows, wanted)


def test_a_row_that_is_off_leaves_its_session_alone(watermark) -> None:
    sessions = [greenprint.Session(), greenprint.Session()]
    tokens = [[1, 2], [1, 2]]
    rows = np.zeros((2, 300), np.float32)
    watermark.bias(rows, tokens, sessions, on=[True, False])
    assert rows.any(axis=1).tolist() == [True, False]
    rows[:] = 0
    watermark.bias(rows, tokens, sessions, threads=greenprint.ThreadPool(2))
    assert rows.any(axis=1).tolist() == [False, True]


def test_many_rows_on_a_pool(watermark, rng) -> None:
    threads = greenprint.ThreadPool(4)
    for n_rows in (0, 1, 2, 5, 64):
        rows = random_row(rng, (n_rows, 5000), torch.bfloat16)
        tokens = rng.integers(0, 100, (n_rows, 2))
        wanted = rows.clone()
        watermark.bias(wanted, tokens)
        watermark.bias(rows, tokens, threads=threads)
        assert same(rows, wanted)


def test_threads_agree_with_one_thread(watermark, rng) -> None:
    tokens = rng.integers(0, 2**32, (64, 2))
    start = torch.from_numpy(rng.standard_normal((64, 20000)).astype(np.float32))
    wanted = start.clone()
    for row, ids in zip(wanted, tokens, strict=True):
        watermark.bias(row, ids)
    gate = threading.Barrier(16)
    problems: list[object] = []

    def work(which: int) -> None:
        gate.wait()
        got = start.clone()
        order = np.roll(np.arange(64), which * 4)
        for i in order:
            watermark.bias(got[i], tokens[i])
        if not same(got, wanted):
            problems.append(which)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert not same(start, wanted)


def test_watermark_outlives_its_key() -> None:
    with greenprint.Key.generate() as key:
        watermark = greenprint.Watermark(key)
        before = watermark.nonce([1, 2])
    del key
    assert watermark.nonce([1, 2]) == before
