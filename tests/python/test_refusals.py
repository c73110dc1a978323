"""What is refused, and that the message says what is wrong and what to do."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import greenprint

torch = pytest.importorskip("torch", reason="torch is not installed: no tensor was tested")

F32 = np.float32


@pytest.fixture
def watermark(key: greenprint.Key) -> greenprint.Watermark:
    return greenprint.Watermark(key)


def read_only() -> np.ndarray:
    array = np.zeros(10, F32)
    array.flags.writeable = False
    return array


def unaligned() -> np.ndarray:
    return np.zeros(41, np.uint8)[1:].view(F32)


def half_step_rows() -> np.ndarray:
    memory = np.zeros(100, np.uint8)
    return np.lib.stride_tricks.as_strided(memory.view(F32), (2, 4), (18, 4))


LOGITS = {
    "a list": (lambda: [0.0] * 10, r"logits is a list.*NumPy array or a torch tensor"),
    "float64": (lambda: np.zeros(10), r"dtype float64.*float32, float16 or bfloat16.*astype"),
    "int32": (lambda: np.zeros(10, np.int32), r"dtype int32.*must be float32"),
    "tensor float64": (lambda: torch.zeros(10).double(), r"torch.float64.*logits.float\(\)"),
    "tensor int": (lambda: torch.zeros(10).long(), r"torch.int64.*must be float32"),
    "byte order": (lambda: np.zeros(10, ">f4"), r"byte order"),
    "read-only": (read_only, r"read-only.*logits.copy\(\)"),
    "unaligned": (unaligned, r"not aligned.*logits.copy\(\)"),
    "0-D": (lambda: np.zeros((), F32), r"0 dimensions.*1-D.*2-D"),
    "3-D": (lambda: torch.zeros(2, 3, 4), r"3 dimensions.*logits\[:, -1, :\]"),
    "no vocabulary": (lambda: np.zeros(0, F32), r"vocabulary of 0"),
    "no vocabulary, batch": (lambda: np.zeros((2, 0), F32), r"vocabulary of 0"),
    "every second": (lambda: np.zeros(20, F32)[::2], r"side by side.* 2 elements.*copy\(\)"),
    "backwards": (lambda: np.zeros(20, F32)[::-1], r"side by side.* -1 elements"),
    "transposed": (lambda: torch.zeros(4, 3).T, r"side by side.* 3 elements.*contiguous\(\)"),
    "rows overlap": (lambda: torch.zeros(5).expand(3, 5), r"overlap.*contiguous\(\)"),
    "rows backwards": (lambda: np.zeros((3, 5), F32)[::-1], r"backwards.*copy\(\)"),
    "rows half a step": (half_step_rows, r"not aligned.*logits.copy\(\)"),
    "leaf": (lambda: torch.zeros(5, requires_grad=True), r"requires grad.*detach\(\).clone"),
    "in a graph": (lambda: torch.zeros(5, requires_grad=True) * 2, r"requires grad.*no_grad"),
    "other device": (lambda: torch.zeros(5, device="meta"), r"device 'meta'.*logits.cpu\(\)"),
    "sparse": (lambda: torch.zeros(2, 5).to_sparse(), r"layout.*to_dense\(\)"),
}


@pytest.mark.parametrize("what", LOGITS)
def test_logits(watermark, what) -> None:
    make, message = LOGITS[what]
    logits = make()
    with pytest.raises(greenprint.ArgumentError, match=message):
        watermark.bias(logits, [[1, 2]] * 3 if getattr(logits, "ndim", 1) == 2 else [1, 2])


def test_a_row_that_is_alone_may_have_any_stride(watermark) -> None:
    column = torch.zeros(4, 1)[::2][:1]
    watermark.bias(column, [[1, 2]])
    watermark.bias(np.zeros((2, 1), F32)[::-1][:1], [[1, 2]])


TOKENS = {
    "negative": ([1, -1], r"tokens holds -1, which is negative.*0 to 2\^32 - 1"),
    "too large": ([1, 2**32], r"4294967296.*above 2\^32 - 1"),
    "huge": ([1, 2**70], r"above 2\^32 - 1"),
    "float": ([1, 2.0], r"tokens holds a float; token ids must be integers"),
    "bool": ([1, True], r"tokens holds a bool"),
    "numpy bool": ([1, np.True_], r"tokens holds a bool"),
    "None": ([1, None], r"tokens holds a NoneType"),
    "str": ("12", r"tokens is a str"),
    "bytes": (b"12", r"tokens is a bytes"),
    "set": ({1, 2}, r"tokens is a set"),
    "int": (7, r"tokens is a int"),
    "generator": ((i for i in range(3)), r"tokens is a generator"),
    "float array": (np.zeros(3), r"dtype float64; token ids must be integers"),
    "bool array": (np.ones(3, bool), r"dtype bool; token ids must be integers"),
    "object array": (np.array([1, 2], object), r"dtype object"),
    "negative array": (np.array([5, -100]), r"-100, which is negative"),
    "large array": (np.array([5, 2**32]), r"above 2\^32 - 1"),
    "large uint64": (np.array([5, 2**64 - 1], np.uint64), r"above 2\^32 - 1"),
    "2-D array": (np.ones((2, 2), int), r"2 dimensions, not 1"),
    "float tensor": (torch.zeros(3), r"torch.float32; token ids must be integers"),
    "bool tensor": (torch.ones(3).bool(), r"torch.bool; token ids must be integers"),
    "negative tensor": (torch.tensor([5, -1]), r"-1, which is negative"),
    "2-D tensor": (torch.ones(2, 2).long(), r"2 dimensions, not 1"),
    "tensor elsewhere": (torch.ones(3, device="meta").long(), r"device 'meta'.*\.cpu\(\)"),
}


@pytest.mark.parametrize("what", TOKENS)
def test_tokens(key, watermark, what) -> None:
    tokens, message = TOKENS[what]
    row = np.zeros(100, F32)
    for call in (
        lambda: watermark.bias(row, tokens),
        lambda: watermark.green_mask(tokens, 100),
        lambda: watermark.nonce(tokens),
        lambda: greenprint.Verifier(key).add(tokens),
    ):
        with pytest.raises(greenprint.ArgumentError, match=message):
            call()
    assert not row.any()


@pytest.mark.parametrize("what", TOKENS)
def test_tokens_of_a_row(watermark, what) -> None:
    tokens, message = TOKENS[what]
    rows = np.zeros((2, 100), F32)
    message = message.replace("tokens ", r"tokens\[1\] ")
    if what == "int":
        message = "a sequence of ids for each"
    with pytest.raises(greenprint.ArgumentError, match=message):
        watermark.bias(rows, [[1, 2], tokens])
    assert not rows.any()  # the first row neither


SHAPES = {
    "flat list": ([1, 2], r"a batch of rows.*for one row pass 1-D logits"),
    "too few": ([[1, 2]], r"logits has 2 rows, but tokens has 1"),
    "too many": (np.ones((3, 2), int), r"logits has 2 rows, but tokens has 3"),
    "1-D array": (np.ones(2, int), r"1 dimensions, not 2"),
    "2-D floats": (np.ones((2, 2)), r"float64; token ids must be integers"),
    "2-D negative": (np.array([[1, 2], [3, -1]]), r"-1, which is negative"),
}


@pytest.mark.parametrize("what", SHAPES)
def test_tokens_of_a_batch(watermark, what) -> None:
    tokens, message = SHAPES[what]
    rows = np.zeros((2, 100), F32)
    with pytest.raises(greenprint.ArgumentError, match=message):
        watermark.bias(rows, tokens)
    assert not rows.any()


def test_sessions(watermark) -> None:
    session = greenprint.Session()
    row, rows = np.zeros(100, F32), np.zeros((2, 100), F32)
    tokens = [[1, 2], [1, 2]]
    cases = [
        (row, [1, 2], [session], r"must be a Session or None for one row, not list"),
        (rows, tokens, session, r"must be None or a sequence .* not Session"),
        (rows, tokens, [session], r"logits has 2 rows, but session has 1"),
        (rows, tokens, [session, 1], r"session holds a int"),
        (rows, tokens, [session, session], r"a session stands for two rows"),
    ]
    for logits, ids, given, message in cases:
        with pytest.raises(greenprint.ArgumentError, match=message):
            watermark.bias(logits, ids, given)
    assert not row.any()
    assert not rows.any()
    with session, pytest.raises(greenprint.ArgumentError, match="session is in use"):
        watermark.bias(row, [1, 2], session)
    watermark.bias(row, [1, 2], session)
    assert row.any()
    with pytest.raises(greenprint.ArgumentError, match="expected_tokens"):
        greenprint.Session(-1)


OPTIONS_OF_ROWS = [
    ({"on": True}, r"on must be a sequence of a value for each row, not bool"),
    ({"on": "ab"}, r"on must be a sequence of a value for each row, not str"),
    ({"on": [True]}, r"logits has 2 rows, but on has 1"),
    ({"on": [True, 1]}, r"on\[1\] must be a bool, not int"),
    ({"on": np.ones(2)}, r"on\[0\] must be a bool, not float"),
    ({"tenants": 7}, r"tenants must be a sequence"),
    ({"tenants": np.int64(7)}, r"tenants must be a sequence"),
    ({"tenants": [1, 2, 3]}, r"logits has 2 rows, but tenants has 3"),
    ({"tenants": [1, -1]}, r"tenants\[1\] must be from 0 to 2\^64 - 1"),
    ({"tenants": [1, 2**64]}, r"tenants\[1\] must be from 0 to 2\^64 - 1"),
    ({"tenants": [1.0, None]}, r"tenants\[0\] must be an integer, not float"),
    ({"deltas": 2.0}, r"deltas must be a sequence"),
    ({"deltas": [2.0, -1.0]}, r"deltas\[1\] must be 0 to 100, not -1"),
    ({"deltas": [float("nan"), 1.0]}, r"deltas\[0\] must be 0 to 100, not nan"),
    ({"deltas": [1, 1e300]}, r"deltas\[1\] must be 0 to 100, not 1e\+300"),
    ({"deltas": ["2", 1]}, r"deltas\[0\] must be a number, not str"),
    ({"deltas": [1, 10**400]}, r"deltas\[1\] must be 0 to 100"),
    ({"threads": 2}, r"threads must be a ThreadPool, not int"),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS_OF_ROWS)
def test_options_of_rows(watermark, options, message) -> None:
    rows = np.zeros((2, 100), F32)
    with pytest.raises(greenprint.ArgumentError, match=message):
        watermark.bias(rows, [[1, 2], [1, 2]], **options)
    assert not rows.any()


def test_options_of_rows_are_for_a_batch(watermark) -> None:
    row = np.zeros(100, F32)
    for options in (
        {"on": [True]},
        {"tenants": [1]},
        {"deltas": [1]},
        {"threads": greenprint.ThreadPool(2)},
    ):
        message = f"{next(iter(options))} is for a batch of rows, but logits is one row"
        with pytest.raises(ValueError, match=message):
            watermark.bias(row, [1, 2], **options)
    assert not row.any()


@pytest.mark.parametrize("n_threads", [-1, 1.5, 1025, 2**40])
def test_thread_pools(n_threads) -> None:
    with pytest.raises(greenprint.ArgumentError, match="n_threads"):
        greenprint.ThreadPool(n_threads)
    assert greenprint.ThreadPool()  # one on each processor


PARAMS = [
    ({"gamma": "1/3"}, r"gamma"),
    ({"gamma": 0.3}, r"gamma"),
    ({"gamma": 0}, r"gamma"),
    ({"gamma": 1}, r"gamma"),
    ({"gamma": float("nan")}, r"gamma"),
    ({"gamma": 1e-300}, r"gamma"),
    ({"gamma": "1/4\0"}, r"gamma contains a NUL"),
    ({"gamma": None}, r"gamma is a NoneType"),
    ({"seeding": "hsah"}, r"hsah"),
    ({"seeding": 1}, r"seeding must be a str"),
    ({"seeding": "fixed"}, r"context_width|context width"),
    ({"context_width": 0}, r"context_width|context width"),
    ({"context_width": 17}, r"context_width|context width"),
    ({"context_width": -1}, r"context_width"),
    ({"context_width": 2.0}, r"context_width must be an integer, not float"),
    ({"context_width": True}, r"context_width must be an integer, not bool"),
    ({"context_width": 2**32 + 2}, r"context_width"),
]


@pytest.mark.parametrize(("arguments", "message"), PARAMS)
def test_params(arguments, message) -> None:
    with pytest.raises(greenprint.ArgumentError, match=message):
        greenprint.Params(**arguments)


OPTIONS = [
    ({"delta": -1.0}, r"delta"),
    ({"delta": 100.5}, r"delta"),
    ({"delta": float("nan")}, r"delta"),
    ({"delta": float("inf")}, r"delta"),
    ({"delta": 1e300}, r"delta"),
    ({"delta": "2"}, r"delta must be a number, not str"),
    ({"delta": 10**400}, r"delta must be 0 to 100"),
    ({"tenant": -1}, r"tenant must be from 0 to 2\^64 - 1"),
    ({"tenant": 2**64}, r"tenant must be from 0 to 2\^64 - 1"),
    ({"tenant": "7"}, r"tenant must be an integer, not str"),
    ({"never_biased": [-1]}, r"never_biased holds -1"),
    ({"never_biased": [1.5]}, r"never_biased holds a float"),
]


@pytest.mark.parametrize(("arguments", "message"), OPTIONS)
def test_options(key, arguments, message) -> None:
    with pytest.raises(greenprint.ArgumentError, match=message):
        greenprint.Watermark(key, **arguments)
    if "tenant" in arguments:
        with pytest.raises(greenprint.ArgumentError, match=message):
            greenprint.Verifier(key, **arguments)


def test_a_key_is_wanted() -> None:
    for kind in (greenprint.Watermark, greenprint.Verifier):
        with pytest.raises(greenprint.ArgumentError, match="key must be a Key, not bytes"):
            kind(bytes(32))


def test_nothing_that_holds_a_secret_is_pickled_or_copied(key) -> None:
    objects = [
        key,
        greenprint.Watermark(key),
        greenprint.Verifier(key),
        greenprint.Session(),
    ]
    for thing in objects:
        for refuse in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=r"cannot be pickled or copied: \w+"):
                refuse(thing)


def test_parameters_and_results_can_be_pickled(key) -> None:
    verifier = greenprint.Verifier(key)
    verifier.add([1, 2, 3])
    for thing in (key.params, verifier.result()):
        assert pickle.loads(pickle.dumps(thing)) == thing


def test_torch_is_not_imported() -> None:
    code = (
        "import sys, numpy, greenprint as g\n"
        "w = g.Watermark(g.Key.generate())\n"
        "w.bias(numpy.zeros(9, numpy.float32), [1, 2])\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_library_of_another_version_is_refused() -> None:
    code = (
        "import sys, types\n"
        "fake = types.ModuleType('greenprint._version'); fake.VERSION = '99.0.0'\n"
        "sys.modules['greenprint._version'] = fake\n"
        "import greenprint\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "is made for 99.0.0" in done.stderr


def test_a_library_that_is_missing_or_wrong_is_named(tmp_path) -> None:
    garbage = tmp_path / "garbage.so"
    garbage.write_bytes(b"not a library")
    for path in (tmp_path / "none.so", garbage):
        done = subprocess.run(
            [sys.executable, "-c", "import greenprint"],
            capture_output=True,
            text=True,
            env=dict(os.environ, GREENPRINT_LIBRARY=str(path)),
        )
        assert done.returncode == 1
        assert f"ImportError: cannot load {path}" in done.stderr
