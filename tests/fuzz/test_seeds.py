"""The committed seeds are those that make_seeds.py makes."""

import pytest
from make_seeds import ALL, FOLDER, KEPT


def comparable(seeds):
    """Leave the bytes of gzip members out, which another zlib may pack otherwise."""
    return {name: None if b"\x1f\x8b" in data else data for name, data in seeds.items()}


@pytest.mark.parametrize("name", sorted(ALL))
def test_seeds(name):
    there = {path.name: path.read_bytes() for path in (FOLDER / name).iterdir()}
    assert there
    if name not in KEPT:
        assert comparable(there) == comparable(ALL[name]())


def test_every_fuzzer_has_some():
    fuzzers = {path.stem.removeprefix("fuzz_") for path in FOLDER.parent.glob("fuzz_*.c")}
    assert fuzzers == set(ALL)
