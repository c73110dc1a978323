"""The logits processor copies nothing and allocates next to nothing."""

from __future__ import annotations

import ctypes
import sys
import tracemalloc
from typing import Any

import pytest

import greenprint

REASON = "torch and transformers are not installed: allocations were not watched"
torch = pytest.importorskip("torch", reason=REASON)
pytest.importorskip("transformers", reason=REASON)

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from greenprint.transformers import GreenprintLogitsProcessor  # noqa: E402

PROMPT, STEPS = 20, 400
WARM = 50  # steps after which all is set up


class Operations(TorchDispatchMode):
    """Records what torch is told to do."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.seen.append(str(function))
        return function(*args, **(kwargs or {}))


class Steps:
    """A processor and the ids of each step of a generation, made beforehand."""

    def __init__(self, key: greenprint.Key, rows: int, vocabulary: int, skip: bool) -> None:
        self.processor = GreenprintLogitsProcessor(
            greenprint.Watermark(key), pad_token_id=0, skip_repeated_contexts=skip
        )
        torch.manual_seed(1)
        all_ids = torch.randint(1, 50_000, (rows, PROMPT + STEPS))
        self.ids = [all_ids[:, : PROMPT + step].clone() for step in range(STEPS)]
        self.scores = torch.zeros(rows, vocabulary)
        self.next = 0

    def run(self, count: int) -> None:
        for ids in self.ids[self.next : self.next + count]:
            if self.processor(ids, self.scores) is not self.scores:
                raise AssertionError
        self.next += count


@pytest.fixture(params=[(1, True), (1, False), (16, True)], ids=["row", "stateless", "batch"])
def steps(request, key) -> Steps:
    rows, skip = request.param
    made = Steps(key, rows, 50_257, skip)
    made.run(WARM)
    return made


def test_scores_are_changed_where_they_are(steps) -> None:
    address, ids = steps.scores.data_ptr(), steps.ids[steps.next].clone()
    steps.run(1)
    assert steps.scores.data_ptr() == address
    assert steps.scores.any(1).all()
    assert torch.equal(steps.ids[steps.next - 1], ids)


def test_torch_is_told_nothing(steps) -> None:
    """Any copy of scores or ids by torch would be an operation."""
    with Operations() as operations:
        steps.run(100)
        assert operations.seen == []
        steps.scores.clone()
    assert len(operations.seen) == 1  # else nothing would have been seen


def test_python_allocates_little(steps) -> None:
    """Objects of a call are small and gone after it."""
    tracemalloc.start()
    try:
        steps.run(10)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        steps.run(200)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"{peak - before} bytes at most during calls, {after - before} after 200 of them")
    assert peak - before < 4096
    assert after - before < 512


class MallInfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def in_use() -> int:
    """Return how many bytes malloc has given out."""
    function = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if function is None:
        pytest.skip("not glibc 2.33 or newer: malloc was not watched")
    function.restype = MallInfo
    info = function()
    return int(info.uordblks + info.hblkhd)


@pytest.mark.skipif(sys.platform != "linux", reason="no glibc: malloc was not watched")
def test_c_keeps_nothing(steps) -> None:
    """What a call allocates for good is nothing; tests/unit/test_memory.c counts all."""
    in_use()
    before = in_use()
    steps.run(200)
    grown = in_use() - before
    print(f"{grown} bytes more after 200 calls")
    assert grown < 4096
    kept = torch.zeros(50_000).tolist()
    assert in_use() - before > 50_000  # else nothing was seen
    del kept
