"""Logits in the memory of a GPU: the way without a kernel, the kernel through ctypes on an
emulated device, and, where there is one, a real GPU. All against the CPU, bit for bit.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import greenprint
from greenprint import _library as c

torch = pytest.importorskip("torch", reason="tensors need torch")

from greenprint import _cuda  # noqa: E402 (imports torch)

BUILT = ROOT / "build" / "libgreenprint_cuda.so"
EMULATED = ROOT / "build" / "emulated" / "libgreenprint_cuda.so"
DTYPES = [torch.float32, torch.float16, torch.bfloat16]
BITS = {torch.float32: torch.int32, torch.float16: torch.int16, torch.bfloat16: torch.int16}

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU that torch can use: nothing was run on one"
)


class GpRow(ctypes.Structure):
    """gp_row of greenprint.h, all of it."""

    _fields_ = [
        ("tokens", ctypes.c_void_p),
        ("n_tokens", ctypes.c_size_t),
        ("session", ctypes.c_void_p),
        ("off", ctypes.c_bool),
        ("has_delta", ctypes.c_bool),
        ("delta", ctypes.c_float),
        ("has_tenant", ctypes.c_bool),
        ("tenant", ctypes.c_uint64),
    ]


class Case:
    """A batch of rows with options of all kinds, and what the CPU makes of it."""

    def __init__(
        self,
        key: greenprint.Key,
        rng: np.random.Generator,
        dtype: Any,
        n_rows: int,
        vocabulary: int,
        stride: int,
    ) -> None:
        never = rng.integers(0, vocabulary, 5).tolist()
        self.watermark = greenprint.Watermark(key, delta=1.7, never_biased=never)
        self.n_rows = n_rows
        self._tokens = rng.integers(0, 2**32, (n_rows, 4), dtype=np.uint32)
        self._rows = (GpRow * n_rows)()
        raw = rng.integers(0, 256, n_rows * stride * 4, dtype=np.uint8)
        flat = torch.from_numpy(raw).view(dtype)[: n_rows * stride]
        flat[rng.integers(0, len(flat), 40)] = float("nan")
        flat[rng.integers(0, len(flat), 40)] = -0.0
        flat[rng.integers(0, len(flat), 40)] = float("inf")
        self.scores = flat.view(n_rows, stride)[:, :vocabulary]
        self.wanted = self.scores.clone()
        for i, row in enumerate(self._rows):
            row.tokens, row.n_tokens = self._tokens[i].ctypes.data, 4
            options: dict[str, Any] = {"delta": 1.7, "never_biased": never}
            if i % 5 == 1:
                row.has_delta, row.delta = True, 0.5 * i
                options["delta"] = 0.5 * i
            if i % 5 == 2:
                row.has_tenant, row.tenant = True, 7 * i
                options["tenant"] = 7 * i
            if i % 5 == 3:
                row.off = True
            elif i % 5 == 4:
                row.n_tokens = 1  # no window
            else:
                one = greenprint.Watermark(key, **options)
                one.bias(self.wanted[i], self._tokens[i])

    @property
    def address(self) -> int:
        """Of the rows, for C."""
        return ctypes.addressof(self._rows)

    def check(self, got: Any) -> None:
        """Compare with the CPU, bit for bit; which NaN a NaN is does not matter."""
        assert_same_bits(got.cpu(), self.wanted)


def assert_same_bits(got: Any, wanted: Any) -> None:
    """Compare tensors; which NaN a NaN is does not matter."""
    same = got.view(BITS[got.dtype]) == wanted.view(BITS[wanted.dtype])
    assert bool((same | (got.isnan() & wanted.isnan())).all())


SHAPES = [(5, 1, 3), (20, 1000, 1000), (40, 777, 780), (2, 5003, 5003)]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the module find its library anew, and warn again."""
    monkeypatch.setattr(_cuda, "_kernels", None)
    monkeypatch.setattr(_cuda, "_warned", False)


def stand_in(patch: Callable[[Any, str, Any], None]) -> None:
    """Let memory of the CPU be that of a device, which is the current one."""
    patch(torch.cuda, "current_device", lambda: None)
    patch(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=0))
    patch(torch.cuda, "is_current_stream_capturing", lambda: False)


@pytest.fixture
def stood_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do so for a test."""
    stand_in(monkeypatch.setattr)


def refuse_masks(*_: object) -> None:
    """Stand in for the way without a kernel, where the kernel is what is tested."""
    raise AssertionError("the kernel was done without")


# -------------------------------------------------------------- without a kernel


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gamma", ["1/2", "1/4", "1/8", "3/8", "255/256"])
def test_masks_are_the_cpus_result(
    rng: np.random.Generator, dtype: Any, shape: tuple[int, int, int], gamma: str
) -> None:
    key = greenprint.Key.from_bytes(bytes(range(32)), greenprint.Params(gamma=gamma))
    case = Case(key, rng, dtype, *shape)
    around = case.scores.clone()
    _cuda.bias_by_masks(case.watermark, case.scores, case.address, case.n_rows)
    case.check(case.scores)
    assert shape[0] < 20 or not torch.equal(case.scores, around)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_masks_round_every_number_as_the_cpu(key: greenprint.Key, dtype: Any) -> None:
    every = torch.arange(65536, dtype=torch.int32).to(torch.int16).view(dtype)
    for delta in (0.0, 2.0, 0.3, 100.0, 6e-8):
        watermark = greenprint.Watermark(key, delta=delta)
        for tokens in ([1, 2], [3, 4], [5, 6], [7, 8]):
            wanted, got = every.clone(), every.clone().unsqueeze(0)
            watermark.bias(wanted, tokens)
            ids = (ctypes.c_uint32 * 2)(*tokens)
            row = GpRow(tokens=ctypes.addressof(ids), n_tokens=2)
            _cuda.bias_by_masks(watermark, got, ctypes.addressof(row), 1)
            assert_same_bits(got[0], wanted)


def test_masks_of_a_provable_key(rng: np.random.Generator) -> None:
    """Nonces come of gp_prepare_rows(), whatever the key makes them of."""
    key = greenprint.Key.from_bytes(bytes(range(32)), provable=True)
    case = Case(key, rng, torch.float16, 20, 1000, 1000)
    _cuda.bias_by_masks(case.watermark, case.scores, case.address, case.n_rows)
    case.check(case.scores)


def test_masks_heed_sessions(key: greenprint.Key, rng: np.random.Generator) -> None:
    case = Case(key, rng, torch.float32, 1, 500, 500)
    session = greenprint.Session()
    case._rows[0].session = session._pointer
    _cuda.bias_by_masks(case.watermark, case.scores, case.address, 1)
    case.check(case.scores)
    _cuda.bias_by_masks(case.watermark, case.scores, case.address, 1)
    case.check(case.scores)  # seen: left alone


def test_tensors_of_inference_mode(key: greenprint.Key, rng: np.random.Generator) -> None:
    case = Case(key, rng, torch.float32, 1, 50, 50)
    with torch.inference_mode():
        scores = case.scores.clone()
    _cuda.bias_by_masks(case.watermark, scores, case.address, 1)
    case.check(scores)


def test_what_cannot_be_biased_is_refused(key: greenprint.Key, rng: np.random.Generator) -> None:
    case = Case(key, rng, torch.float32, 4, 50, 50)
    for scores in (case.scores.double(), case.scores.t(), case.scores[0], case.scores[:3]):
        before = scores.clone()
        with pytest.raises(greenprint.ArgumentError):
            _cuda.bias_rows(case.watermark, scores, case.address, 4)
        assert torch.equal(scores, before) or bool(before.isnan().any())


def test_what_is_captured_is_refused(
    key: greenprint.Key, rng: np.random.Generator, stood_in: None, monkeypatch: Any
) -> None:
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    case = Case(key, rng, torch.float16, 4, 50, 50)
    before = case.scores.view(torch.int16).clone()
    with pytest.raises(greenprint.ArgumentError, match="captured into a CUDA graph"):
        _cuda.bias_rows(case.watermark, case.scores, case.address, 4)
    assert torch.equal(case.scores.view(torch.int16), before)


def test_it_says_once_that_there_is_no_kernel(
    key: greenprint.Key,
    rng: np.random.Generator,
    fresh: None,
    stood_in: None,
    monkeypatch: Any,
    tmp_path: Path,
) -> None:
    load = _cuda.load
    monkeypatch.setattr(_cuda, "load", lambda path: load(tmp_path / path.name))
    case = Case(key, rng, torch.float32, 3, 50, 50)
    with pytest.warns(RuntimeWarning, match="does not exist; install the package on a machine"):
        _cuda.bias_rows(case.watermark, case.scores, case.address, 3)
    case.check(case.scores)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _cuda.bias_rows(case.watermark, case.scores, case.address, 3)


def test_what_is_no_library_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "libgreenprint_cuda.so"
    path.write_text("nothing")
    missing = _cuda.load(path)
    assert isinstance(missing, _cuda.Missing) and "cannot load" in missing.reason
    other = _cuda.load(Path(c.lib._name))
    assert isinstance(other, _cuda.Missing) and "no libgreenprint_cuda" in other.reason


# ------------------------------------------------------- through ctypes, emulated

needs_emulation = pytest.mark.skipif(
    not EMULATED.exists(), reason=f"no {EMULATED}: there was no C++ compiler"
)


@needs_emulation
def test_another_copy_of_libgreenprint_is_refused() -> None:
    missing = _cuda.load(EMULATED)  # it brings that of build/
    assert isinstance(missing, _cuda.Missing)
    assert "brings a libgreenprint other than" in missing.reason


@needs_emulation
def test_kernels_are_called_as_they_want_to_be() -> None:
    assert in_process_of_its_own("run_emulated") == "emulated kernels: 9 batches\n"


@needs_emulation
def test_the_processor_reaches_the_kernels() -> None:
    pytest.importorskip("transformers", reason="no processor of logits without transformers")
    assert in_process_of_its_own("run_emulated_processor").endswith("emulated processor: done\n")


def in_process_of_its_own(function: str) -> str:
    """Run a function below in a process in which the library of build/ is the only one."""
    done = subprocess.run(
        [sys.executable, "-c", f"import test_cuda; test_cuda.{function}()"],
        env={**os.environ, "GREENPRINT_LIBRARY": str(BUILT.with_name("libgreenprint.so"))},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_emulated() -> None:
    """Bias tensors of the CPU by the kernels, emulated: what the test above runs."""
    library = _cuda.load(EMULATED)
    assert isinstance(library, ctypes.CDLL), library
    kernels = _cuda.Kernels(library)
    ordinary = greenprint.Key.from_bytes(bytes(range(32)))
    provable = greenprint.Key.from_bytes(bytes(range(32)), provable=True)
    batches = 0
    for dtype in DTYPES:
        for key, shape in (
            (ordinary, (5, 1000, 1003)),
            (ordinary, (2, 5003, 5003)),
            (provable, (5, 1000, 1003)),
        ):
            case = Case(key, np.random.default_rng(batches), dtype, *shape)
            view = _cuda.view_tensor(case.scores)
            handle = kernels.prepare(case.watermark, 0)
            assert isinstance(handle, int)
            kernels.bias(handle, view, case.address, 0)
            case.check(case.scores)
            assert len(kernels._handles) == 1
            assert kernels.prepare(case.watermark, 0) == handle
            if batches == 0:
                check_fork(library, case)
            del case
            assert len(kernels._handles) == 0
            batches += 1
    library.emulation_allocated.restype = ctypes.c_size_t
    library.emulation_was_wiped.restype = ctypes.c_bool
    assert library.emulation_allocated() == 0
    assert library.emulation_was_wiped()
    run_whole_way(kernels)
    print(f"emulated kernels: {batches} batches")


def run_whole_way(kernels: _cuda.Kernels) -> None:
    """Go through bias_rows() with tensors of the CPU, as if their device were current."""
    fail_after = kernels._library.emulation_fail_after
    fail_after.argtypes = (ctypes.c_int, ctypes.c_bool)
    launched = kernels._library.emulation_launched
    masks = _cuda.bias_by_masks
    _cuda.bias_by_masks = refuse_masks
    key = greenprint.Key.from_bytes(bytes(range(32)))

    def new_case() -> Case:
        return Case(key, np.random.default_rng(9), torch.bfloat16, 3, 777, 777)

    def bias(case: Case) -> int:
        before = launched()
        scores = case.scores.clone()
        _cuda.bias_rows(case.watermark, scores, case.address, case.n_rows)
        case.check(scores)
        return int(launched() - before)

    stand_in(setattr)
    _cuda._kernels = kernels
    case = new_case()
    assert bias(case) == 1
    fail_after(1, False)  # once it has worked, a failure is one
    with pytest.raises(greenprint.FileError, match="CUDA could not launch the kernel"):
        bias(case)
    fail_after(0, True)  # that memory lacks is no reason to do without
    with pytest.raises(greenprint.OutOfMemoryError):
        bias(new_case())
    fail_after(0, False)
    _cuda.bias_by_masks = masks
    failed = new_case()
    with pytest.warns(RuntimeWarning, match="CUDA could not find a device"):
        assert bias(failed) == 0
    assert bias(failed) == 0  # not tried again at each step
    _cuda.bias_by_masks = refuse_masks
    assert bias(new_case()) == 1


def check_fork(library: ctypes.CDLL, case: Case) -> None:
    """Let a fork drop a watermark: what is on the device stays, since CUDA is its parent's."""
    allocated = library.emulation_allocated()
    assert allocated > 0
    child = os.fork()
    if child == 0:
        handles = weakref.finalize(case.watermark, lambda: None)
        del case.watermark
        os._exit(0 if not handles.alive and library.emulation_allocated() == allocated else 1)
    assert os.waitpid(child, 0)[1] == 0


# ------------------------------------------------------ the processor on a device


class OnDevice(torch.Tensor):
    """A tensor that says it is on a CUDA device."""

    is_cuda = True
    is_cpu = False


def follow_steps(key: greenprint.Key, rng: np.random.Generator, move: Any) -> int:
    """Drive a processor on a device beside one on the CPU.

    Returns how many steps marked a row.
    """
    from greenprint.transformers import GreenprintLogitsProcessor

    watermark = greenprint.Watermark(key, delta=3.0, never_biased=[3])
    there, here = (GreenprintLogitsProcessor(watermark, 0) for _ in range(2))
    assert there(torch.zeros(0, 3, dtype=torch.int64), move(torch.zeros(0, 99))).shape == (0, 99)
    ids = torch.from_numpy(rng.integers(0, 4, (4, 3)))
    marked = 0
    for step in range(40):
        memory = torch.from_numpy(rng.standard_normal((4, 1003))).to(DTYPES[step % 3])
        wanted = here(ids, memory.clone()[:, : 1003 - step % 4])
        marked += not torch.equal(wanted, memory[:, : 1003 - step % 4])
        scores = move(memory)[:, : 1003 - step % 4]
        assert scores.is_cuda
        assert there(ids if step % 2 else ids.to(scores.device), scores) is scores
        assert_same_bits(scores.cpu().as_subclass(torch.Tensor), wanted)
        ids = ids[torch.from_numpy(rng.permutation(4))]
        ids = torch.cat([ids, torch.from_numpy(rng.integers(0, 4, (4, 1)))], 1)
    assert 10 < marked < 40  # else no context came again, or hardly anything was marked
    return marked


def follow_generate(key: greenprint.Key, model: Any, move: Any) -> int:
    """Let a model generate by a processor on a device, and compare each step with the CPU's.

    Returns how many steps marked a row.
    """
    from test_transformers import PAD, PROMPTS, generate

    from greenprint.transformers import GreenprintLogitsProcessor

    watermark = greenprint.Watermark(key, delta=3.0)
    there, here = (GreenprintLogitsProcessor(watermark, PAD) for _ in range(2))
    steps = []

    def compare(input_ids: Any, scores: Any) -> Any:
        wanted = here(input_ids.cpu(), scores.cpu().clone())
        steps.append(not torch.equal(wanted, scores.cpu()))
        moved = move(scores)
        assert moved.is_cuda
        got = there(input_ids, moved).as_subclass(torch.Tensor)
        assert_same_bits(got.cpu(), wanted)
        return got

    for options in ({}, {"do_sample": False, "num_beams": 3}):
        generate(model, compare, PROMPTS.to(model.device), **options)
    assert sum(steps) > 40
    return sum(steps)


def run_emulated_processor() -> None:
    """Go from the processor to the kernels, emulated: what a test above runs."""
    from test_transformers import make_model

    library = _cuda.load(EMULATED)
    assert isinstance(library, ctypes.CDLL), library
    stand_in(setattr)
    _cuda._kernels = _cuda.Kernels(library)
    _cuda.bias_by_masks = refuse_masks
    key = greenprint.Key.from_bytes(bytes(range(32)))
    launched = library.emulation_launched

    def move(scores: Any) -> Any:
        return scores.clone().as_subclass(OnDevice)

    assert follow_steps(key, np.random.default_rng(1), move) == launched()
    before = launched()
    assert follow_generate(key, make_model(1), move) == launched() - before
    print("emulated processor: done")


# -------------------------------------------------------------------- on a GPU


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing but the kernel do; skip where the package was built without one."""
    kernels = _cuda._get_kernels()
    if isinstance(kernels, _cuda.Missing):
        if "does not exist" not in kernels.reason:
            pytest.fail(kernels.reason)
        pytest.skip(f"the package was built without a kernel: {kernels.reason}")
    monkeypatch.setattr(_cuda, "bias_by_masks", refuse_masks)


@needs_gpu
def test_gpu_with_the_kernel_of_the_build() -> None:
    """What is below, in a process in which build/ stands in for a package without a kernel."""
    if isinstance(_cuda._get_kernels(), _cuda.Kernels):
        return  # this process does it
    if not BUILT.exists():
        pytest.skip(f"neither the package nor build/ has a kernel: no {BUILT}")
    assert "gpu tests passed" in in_process_of_its_own("run_gpu_tests")


def run_gpu_tests() -> None:
    """Run the tests on a GPU anew: what the test above runs."""
    assert isinstance(_cuda._get_kernels(), _cuda.Kernels), _cuda._get_kernels()
    assert pytest.main([__file__, "-q", "-p", "no:cacheprovider", "-k", "test_gpu"]) == 0
    print("gpu tests passed")


@needs_gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gpu_gives_the_cpus_result(
    key: greenprint.Key,
    rng: np.random.Generator,
    kernel: None,
    dtype: Any,
    shape: tuple[int, int, int],
) -> None:
    case = Case(key, rng, dtype, *shape)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        scores = case.scores.cuda()
        _cuda.bias_rows(case.watermark, scores, case.address, case.n_rows)
    stream.synchronize()
    case.check(scores)


@needs_gpu
def test_gpu_rows_may_lie_apart(
    key: greenprint.Key, rng: np.random.Generator, kernel: None
) -> None:
    case = Case(key, rng, torch.bfloat16, 5, 777, 777)
    memory = torch.zeros(5, 2, 1001, dtype=torch.bfloat16, device="cuda")
    memory[:, 1, 1:778] = case.scores.cuda()
    scores = memory[:, 1, 1:778]
    _cuda.bias_rows(case.watermark, scores, case.address, 5)
    case.check(scores)
    memory[:, 1, 1:778] = 0
    assert not memory.any()


@needs_gpu
def test_gpu_serves_other_threads(
    key: greenprint.Key, rng: np.random.Generator, kernel: None
) -> None:
    case = Case(key, rng, torch.float16, 5, 5003, 5003)
    scores = [case.scores.cuda() for _ in range(4)]
    torch.cuda.synchronize()
    threads = [
        threading.Thread(target=_cuda.bias_rows, args=(case.watermark, one, case.address, 5))
        for one in scores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    torch.cuda.synchronize()
    for one in scores:
        case.check(one)


@needs_gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are no two GPUs")
def test_gpu_need_not_be_the_current_one(
    key: greenprint.Key, rng: np.random.Generator, kernel: None
) -> None:
    case = Case(key, rng, torch.float32, 5, 5003, 5003)
    for device in (1, 0, 1):
        scores = case.scores.to(f"cuda:{device}")
        _cuda.bias_rows(case.watermark, scores, case.address, 5)
        assert torch.cuda.current_device() == 0
        case.check(scores)


@needs_gpu
def test_gpu_refuses_to_be_captured(key: greenprint.Key, rng: np.random.Generator) -> None:
    case = Case(key, rng, torch.float32, 5, 99, 99)
    scores = case.scores.cuda()
    other = torch.zeros(9, device="cuda")
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        other += 1
        with pytest.raises(greenprint.ArgumentError, match="captured into a CUDA graph"):
            _cuda.bias_rows(case.watermark, scores, case.address, 5)
    graph.replay()
    assert bool((other == 1).all())  # the capture was not spoilt
    assert_same_bits(scores.cpu(), case.scores)


@needs_gpu
def test_gpu_processor_follows_steps(
    key: greenprint.Key, rng: np.random.Generator, kernel: None
) -> None:
    pytest.importorskip("transformers", reason="no processor of logits without transformers")
    follow_steps(key, rng, lambda scores: scores.cuda())


@needs_gpu
@pytest.mark.parametrize("dtype", DTYPES)
def test_gpu_processor_follows_generate(key: greenprint.Key, kernel: None, dtype: Any) -> None:
    pytest.importorskip("transformers", reason="no processor of logits without transformers")
    from test_transformers import make_model

    model = make_model(1).to("cuda", dtype)
    follow_generate(key, model, lambda scores: scores.clone())


@needs_gpu
def test_gpu_masks_give_the_cpus_result(key: greenprint.Key, rng: np.random.Generator) -> None:
    case = Case(key, rng, torch.bfloat16, 40, 5003, 5003)
    scores = case.scores.cuda()
    _cuda.bias_by_masks(case.watermark, scores, case.address, case.n_rows)
    case.check(scores)
