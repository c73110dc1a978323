"""Keys: made, kept in files, inspected."""

from __future__ import annotations

import errno
import os
import stat
from fractions import Fraction

import pytest

import greenprint

MASTER = bytes(range(32))
PASSPHRASE = "correct horse é battery"


def save(key: greenprint.Key, path, passphrase=PASSPHRASE) -> None:
    key.save(path, passphrase, cost="interactive")


def test_parameters_are_normalised() -> None:
    wanted = greenprint.Params("hash", 2, "1/4")
    assert greenprint.Params() == wanted
    for gamma in ("1/4", "0.25", "2/8", 0.25, Fraction(1, 4), Fraction(2, 8)):
        assert greenprint.Params(gamma=gamma) == wanted
        assert greenprint.Params(gamma=gamma).gamma == Fraction(1, 4)
    assert greenprint.Params(gamma=1 / 256).gamma == Fraction(1, 256)
    assert greenprint.Params("fixed", 0, "255/256").context_width == 0
    assert len({greenprint.Params(), wanted, greenprint.Params(context_width=3)}) == 2
    with pytest.raises(AttributeError):
        wanted.context_width = 3


def test_profiles() -> None:
    assert greenprint.Params.of_profile("provenance") == greenprint.Params()
    assert greenprint.Params.of_profile("distill") == greenprint.Params("hash", 1, "1/4")
    with pytest.raises(greenprint.ArgumentError, match="'best' is not provenance or distill"):
        greenprint.Params.of_profile("best")


@pytest.mark.parametrize(
    "params",
    [
        greenprint.Params(),
        greenprint.Params("min", 16, "3/8"),
        greenprint.Params("fixed", 0, "255/256"),
    ],
    ids=str,
)
def test_key_knows_its_parameters(params) -> None:
    key = greenprint.Key.from_bytes(MASTER, params)
    assert key.params == params
    assert greenprint.Watermark(key).params == params
    assert key.id == key.commitment.hex()[:16]
    assert len(key.commitment) == 32


def test_generated_keys_differ() -> None:
    keys = [greenprint.Key.generate() for _ in range(4)]
    assert len({key.commitment for key in keys}) == 4
    assert len({key.id for key in keys}) == 4


def test_forms_of_master_bytes() -> None:
    ids = {
        greenprint.Key.from_bytes(form).id
        for form in (MASTER, bytearray(MASTER), memoryview(MASTER))
    }
    assert len(ids) == 1
    caller = bytearray(MASTER)
    greenprint.Key.from_bytes(caller)
    assert caller == MASTER  # the caller's copy is the caller's
    for wrong in (b"", MASTER[:31], MASTER + b"\0"):
        with pytest.raises(greenprint.ArgumentError, match=r"32 bytes, not \d+"):
            greenprint.Key.from_bytes(wrong)
    released = memoryview(MASTER)
    released.release()
    for unreadable in (memoryview(bytes(64))[::2], released):
        with pytest.raises(greenprint.ArgumentError, match="cannot be read"):
            greenprint.Key.from_bytes(unreadable)
    with pytest.raises(greenprint.ArgumentError, match="master must be bytes, not str"):
        greenprint.Key.from_bytes("x" * 32)
    with pytest.raises(greenprint.ArgumentError, match="params must be a Params"):
        greenprint.Key.from_bytes(MASTER, "hash")
    with pytest.raises(TypeError, match=r"Key\.generate"):
        greenprint.Key()


@pytest.mark.parametrize("form", [str, lambda p: p.encode(), lambda p: bytearray(p.encode())])
def test_sealed_file(tmp_path, key, form) -> None:
    path = tmp_path / "a.key"
    save(key, path, form(PASSPHRASE))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 200
    assert MASTER not in path.read_bytes()
    loaded = greenprint.Key.load(os.fspath(path), PASSPHRASE)
    assert (loaded.commitment, loaded.params) == (key.commitment, key.params)
    info = greenprint.inspect(path)
    assert info == greenprint.KeyInfo(
        params=key.params,
        scheme="greenprint-1",
        id=key.id,
        commitment=key.commitment,
        sealed=True,
        sealed_passes=2,
        sealed_memory=64 << 20,
    )


def test_unsealed_file(tmp_path, key) -> None:
    path = tmp_path / "a.key"
    key.save_unsealed(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for passphrase in (None, "ignored"):
        assert greenprint.Key.load(path, passphrase).commitment == key.commitment
    info = greenprint.inspect(path)
    assert (info.sealed, info.sealed_passes, info.sealed_memory) == (False, 0, 0)


def test_wrong_passphrases(tmp_path, key) -> None:
    path = tmp_path / "a.key"
    save(key, path)
    for wrong in (None, "", "wrong", PASSPHRASE + "\n", PASSPHRASE.encode() + b"\0"):
        with pytest.raises(greenprint.PassphraseError) as caught:
            greenprint.Key.load(path, wrong)
        assert caught.value.status == 7
        assert PASSPHRASE not in str(caught.value)
    for bad in ("", b"x" * 1025):
        refused = (greenprint.ArgumentError, greenprint.PassphraseError)
        with pytest.raises(refused, match=r"1 to 1024 bytes, not (0|1025)"):
            save(key, tmp_path / "b.key", bad)
    with pytest.raises(greenprint.ArgumentError, match="must be str or bytes, not int"):
        save(key, tmp_path / "b.key", 5)
    with pytest.raises(greenprint.ArgumentError, match="cost must be one of.*'easy'"):
        key.save(tmp_path / "b.key", PASSPHRASE, cost="easy")
    assert not (tmp_path / "b.key").exists()


def test_a_passphrase_that_is_no_text_stays_out_of_the_error(tmp_path, key) -> None:
    with pytest.raises(greenprint.ArgumentError, match="UTF-8; pass it as bytes") as caught:
        save(key, tmp_path / "a.key", "secret\udcff")
    error: BaseException | None = caught.value
    while error is not None:
        assert "secret" not in repr(error)
        error = error.__cause__ or error.__context__


def test_files_are_never_replaced(tmp_path, key) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(b"precious")
    for write in (lambda: save(key, path), lambda: key.save_unsealed(path)):
        with pytest.raises(greenprint.KeyExistsError, match=str(path)) as caught:
            write()
        assert isinstance(caught.value, FileExistsError)
        assert isinstance(caught.value, greenprint.FileError)
        assert caught.value.status == 4
        assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, str(path))
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["a.key"]


def test_files_that_cannot_be_read(tmp_path, key) -> None:
    missing = tmp_path / "none.key"
    for read in (greenprint.Key.load, greenprint.inspect):
        with pytest.raises(greenprint.FileError, match=str(missing)) as caught:
            read(missing)
        assert isinstance(caught.value, FileNotFoundError)
        assert caught.value.status == 3
        assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(missing))
        with pytest.raises(greenprint.ArgumentError, match="path contains a NUL"):
            read("a\0b")
        with pytest.raises(greenprint.ArgumentError, match="path: "):
            read(7)
    damaged = tmp_path / "damaged.key"
    key.save_unsealed(damaged)
    content = bytearray(damaged.read_bytes())
    content[130] ^= 1
    damaged.write_bytes(content)
    for read in (greenprint.Key.load, greenprint.inspect):
        with pytest.raises(greenprint.FormatError, match=str(damaged)) as caught:
            read(damaged)
        assert isinstance(caught.value, ValueError)
    with pytest.raises(greenprint.MissingFileError):
        key.save_unsealed(tmp_path / "no folder" / "a.key")
    with pytest.raises(greenprint.FileError, match="damaged.key/a.key") as caught:
        key.save_unsealed(damaged / "a.key")
    assert caught.value.errno == errno.ENOTDIR


def test_a_name_of_any_bytes(tmp_path, key) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe \xc3\xa9.key")
    key.save_unsealed(path)
    assert greenprint.inspect(path).id == key.id


def test_repr_shows_what_is_public(key) -> None:
    assert repr(key) == (f"<Key {key.id}, Params(seeding='hash', context_width=2, gamma='1/4')>")
    assert eval(repr(key.params), {"Params": greenprint.Params}) == key.params
    watermark = greenprint.Watermark(key, delta=1.5, tenant=7)
    assert repr(watermark) == f"<Watermark delta=1.5, tenant=7, {key.params!r}>"


def test_closed_key(tmp_path) -> None:
    with greenprint.Key.from_bytes(MASTER) as key:
        verifier = greenprint.Verifier(key)
    key.close()
    assert repr(key) == "<Key, closed>"
    for use in (
        lambda: key.id,
        lambda: key.commitment,
        lambda: key.params,
        lambda: greenprint.Watermark(key),
        lambda: greenprint.Verifier(key),
        lambda: key.save_unsealed(tmp_path / "a.key"),
    ):
        with pytest.raises(greenprint.ArgumentError, match="the key is closed"):
            use()
    verifier.add([1, 2, 3])
    assert verifier.result().scored == 1
