"""The package as a whole: versions, its README, and what it leaves behind."""

from __future__ import annotations

import doctest
import gc
import os
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import greenprint
from greenprint.evidence import KeySet, SigningKey


def test_versions_are_those_of_the_header() -> None:
    header = (ROOT / "core/include/greenprint.h").read_text()
    found = re.search(r'#define GP_VERSION\s+"(.*)"', header)
    assert found
    assert greenprint.library_version() == found[1]
    assert greenprint.__version__ == found[1]


def test_all_public_names_are_there_and_documented() -> None:
    for name in greenprint.__all__:
        value = getattr(greenprint, name)
        assert isinstance(value, str) or value.__doc__, name


def test_every_status_has_its_exception() -> None:
    header = (ROOT / "core/include/greenprint.h").read_text()
    statuses = {int(n) for n in re.findall(r"GP_ERR_\w+\s+=\s+(\d+)", header)}
    kinds = {
        kind.status
        for kind in vars(greenprint).values()
        if isinstance(kind, type) and issubclass(kind, greenprint.GreenprintError)
    }
    assert len(statuses) == 8
    assert kinds - {0} == statuses


def test_examples_in_docstrings() -> None:
    results = doctest.testmod(greenprint)
    assert results.attempted > 0
    assert results.failed == 0


def test_examples_of_the_readme(tmp_path, monkeypatch) -> None:
    reason = "torch and transformers are needed for the README's examples"
    pytest.importorskip("torch", reason=reason)
    pytest.importorskip("transformers", reason=reason)
    text = (ROOT / "bindings/python/README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 4
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["result"].log10_p < -6
    verifier = greenprint.Verifier(names["key"])
    verifier.add(names["tokens"])
    assert verifier.result().log10_p < -6


def pages() -> tuple[int, int]:
    """Return the memory in use in bytes, and how many mappings it has."""
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    mappings = len(Path("/proc/self/maps").read_text().splitlines())
    return resident * os.sysconf("SC_PAGE_SIZE"), mappings


def use_everything(path: Path) -> None:
    key = greenprint.Key.generate()
    watermark = greenprint.Watermark(key, never_biased=range(100))
    session = greenprint.Session()
    watermark.bias(np.zeros((2, 50), np.float32), [[1, 2], [3, 4]], [session, None])
    verifier = greenprint.Verifier(key)
    verifier.add(np.arange(300))
    keys = KeySet([key])
    keys.prove(key).check(keys.root)
    assert SigningKey.generate().signer.id
    next(greenprint.read_documents(path))  # left before its end
    greenprint.read_documents(path)  # never begun
    for fail in (
        lambda: watermark.green_mask([1], 10),
        lambda: greenprint.Watermark(key, delta=-1),
        lambda: greenprint.Key.load(path),
        lambda: KeySet(files=[path]),
        lambda: KeySet.load(path),
        lambda: SigningKey.load(path),
    ):
        with pytest.raises(greenprint.GreenprintError):
            fail()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_nothing_leaks(tmp_path) -> None:
    path = tmp_path / "input"
    path.write_text("1 2 3\n4 5 6\n")
    for _ in range(100):
        use_everything(path)
    gc.collect()
    bytes_before, mappings_before = pages()
    files_before = len(os.listdir("/proc/self/fd"))
    for _ in range(500):
        use_everything(path)
    gc.collect()
    bytes_after, mappings_after = pages()
    # A leak of any of the objects is at least some KiB, 500 times.
    assert bytes_after - bytes_before < 1 << 20
    assert mappings_after - mappings_before < 50
    assert len(os.listdir("/proc/self/fd")) == files_before
