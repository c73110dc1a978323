"""Committed keys, timestamps, signatures: by the standard, minisign and a real authority."""

from __future__ import annotations

import datetime
import doctest
import hashlib
import json
import os
import pickle
import shutil
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import greenprint
from greenprint import evidence
from greenprint.evidence import CommittedKey, Inclusion, KeySet, Signer, SigningKey

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "cli"))  # behind everything: it has a conftest too
from authority import OTHER_POLICY, POLICY, Authority  # noqa: E402
from committed_sets import leaf_of, proof_file, root_of, set_file  # noqa: E402

BINARY = ROOT / "build" / "greenprint"
PASSPHRASE = "correct horse é battery"
PARAMS = [
    greenprint.Params(),
    greenprint.Params.of_profile("distill"),
    greenprint.Params("min", 5, "3/8"),
    greenprint.Params("fixed", 0, "255/256"),
]
needs_command = pytest.mark.skipif(not BINARY.exists(), reason="NO build/greenprint: run make")
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="NO openssl PROGRAM: timestamps go untested; scripts/setup.sh test installs it",
)
needs_minisign = pytest.mark.skipif(
    shutil.which("minisign") is None,
    reason="NO minisign PROGRAM: its formats go untested; scripts/setup.sh test installs it",
)


def run(folder: Path, *command: Any, text: str = "") -> str:
    """Run a program that has to succeed, and return what it says."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


# ------------------------------------------------------------------------------ sets


def new_keys(n: int) -> list[greenprint.Key]:
    return [greenprint.Key.generate(PARAMS[i % 4], provable=i % 3 == 1) for i in range(n)]


def leaves_of(keys: list[greenprint.Key], folder: Path) -> list[bytes]:
    """Take the leaves from the key files, in the order of the tree."""
    leaves = []
    for key in keys:
        key.save_unsealed(folder / "leaf.key")
        leaves.append(leaf_of((folder / "leaf.key").read_bytes()))
        (folder / "leaf.key").unlink()
    return sorted(leaves, key=lambda leaf: leaf[20:])


def test_the_example() -> None:
    results = doctest.testmod(evidence)
    assert results.attempted > 3
    assert results.failed == 0


def test_all_public_names_are_there_and_documented() -> None:
    for name in evidence.__all__:
        assert getattr(evidence, name).__doc__, name


@pytest.mark.parametrize("n", [*range(1, 10), 32, 33])
def test_sets_and_proofs_are_those_of_the_standard(n: int, tmp_path: Path) -> None:
    keys = new_keys(n)
    leaves = leaves_of(keys, tmp_path)
    committed = KeySet(keys)
    assert committed.root == root_of(leaves)
    committed.save(tmp_path / "all.gpm")
    assert (tmp_path / "all.gpm").read_bytes() == set_file(leaves)
    assert stat.S_IMODE((tmp_path / "all.gpm").stat().st_mode) == 0o644
    for key in keys:
        i = [leaf[20:] for leaf in leaves].index(key.commitment)
        assert committed.find(key) == i
        proof = committed.prove(key)
        assert (proof.index, proof.tree_size, proof.root) == (i, n, root_of(leaves))
        assert proof.key == CommittedKey(key.scheme, key.params, key.commitment)
        proof.save(tmp_path / f"{i}.gpi")
        assert (tmp_path / f"{i}.gpi").read_bytes() == proof_file(leaves, i)
        assert Inclusion.load(tmp_path / f"{i}.gpi") == proof
        proof.check(committed.root, key)
        proof.check(committed.root.hex())
    again = KeySet.load(tmp_path / "all.gpm")
    assert list(again) == list(committed)
    assert (len(again), again.root) == (n, committed.root)


def test_all_that_a_key_comes_as(tmp_path: Path) -> None:
    ordinary, provable, third, fourth, fifth = new_keys(5)
    third.save(tmp_path / "sealed.key", PASSPHRASE, cost="interactive")
    fourth.save_unsealed(tmp_path / "plain.key")
    fifth.public.save(tmp_path / "fifth.pub")
    info = greenprint.inspect(tmp_path / "plain.key")
    first = KeySet([ordinary, provable.public, info])
    first.add_file(tmp_path / "sealed.key")
    first.add(CommittedKey.load(tmp_path / "fifth.pub"))
    whole = KeySet([ordinary, provable, third, fourth, fifth])
    assert (first.root, list(first)) == (whole.root, list(whole))
    one = KeySet([ordinary, provable])
    one.save(tmp_path / "one.gpm")
    names = ("one.gpm", "sealed.key", "plain.key", "fifth.pub")
    united = KeySet(files=[tmp_path / name for name in names])
    united.add_file(os.fspath(tmp_path / "one.gpm"))  # nothing new
    united.add(ordinary)  # which came with a set
    assert united.root == whole.root
    for key in (ordinary, provable):
        of = CommittedKey.of(key)
        assert (of.scheme, of.params, of.commitment, of.id) == (
            *(key.scheme, key.params, key.commitment, key.id),
        )
    assert CommittedKey.of(provable.public) == CommittedKey.of(provable)
    assert CommittedKey.load(tmp_path / "sealed.key") == CommittedKey.of(third)


def test_a_key_counts_once(tmp_path: Path) -> None:
    key, other = new_keys(2)
    committed = KeySet([key])
    key.save_unsealed(tmp_path / "a.key")
    other_params = CommittedKey(key.scheme, PARAMS[2], key.commitment)
    for again in (
        lambda: committed.add(key),
        lambda: committed.add_file(tmp_path / "a.key"),
        lambda: committed.add(other_params),
        lambda: KeySet([key, other, key]),
    ):
        with pytest.raises(greenprint.ArgumentError, match=key.id):
            again()
    assert list(committed) == [CommittedKey.of(key)]


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    key = new_keys(1)[0]
    good = CommittedKey.of(key)
    committed = KeySet([key])
    (tmp_path / "text").write_text("1 2 3\n")
    for bad, said in (
        ("k.key", "not str; files are added with add_file"),
        (None, "not NoneType"),
        (replace(good, scheme="greenprint-9"), "scheme that this library lacks"),
        (replace(good, scheme=""), "scheme must be"),
        (replace(good, scheme="x" * 17), "scheme must be"),
        (replace(good, scheme="greenprint-1\0"), "scheme must be"),
        (replace(good, scheme=7), "scheme must be"),
        (replace(good, commitment=bytes(31)), "commitment must be 32 bytes"),
        (replace(good, commitment=key.commitment.hex()), "commitment must be 32 bytes"),
        (replace(good, params="hash"), "params must be a Params"),
    ):
        with pytest.raises(greenprint.ArgumentError, match=said):
            committed.add(bad)
    with pytest.raises(greenprint.FormatError, match="neither a Greenprint key file nor"):
        committed.add_file(tmp_path / "text")
    with pytest.raises(greenprint.FormatError, match="neither a Greenprint key file nor"):
        CommittedKey.load(tmp_path / "text")
    with pytest.raises(greenprint.FileError):
        committed.add_file(tmp_path)
    with pytest.raises(greenprint.MissingFileError) as caught:
        committed.add_file(tmp_path / "absent")
    assert caught.value.filename == str(tmp_path / "absent")
    with pytest.raises(greenprint.ArgumentError, match="NUL"):
        committed.add_file("a\0b")
    with pytest.raises(greenprint.ArgumentError, match="list of paths"):
        KeySet(files="a.key")
    assert list(committed) == [good]


def test_a_set_is_a_sequence() -> None:
    keys = new_keys(7)
    committed = KeySet(keys)
    found = list(committed)
    assert [key.commitment for key in found] == sorted(key.commitment for key in keys)
    assert len(committed) == 7
    assert (committed[0], committed[6], committed[-1], committed[np.int64(2)]) == (
        *(found[0], found[6], found[6], found[2]),
    )
    for beyond in (7, -8, 2**70):
        with pytest.raises(IndexError, match="in a set of 7"):
            committed[beyond]
    with pytest.raises(TypeError):
        committed["0"]
    assert all(key in committed for key in keys)
    assert greenprint.Key.generate() not in committed
    with pytest.raises(greenprint.ArgumentError, match="must be a Key"):
        _ = keys[0].id in committed
    assert repr(committed) == "<KeySet, 7 keys>"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(committed)
    assert (len(KeySet()), list(KeySet())) == (0, [])


def test_finding_by_how_a_commitment_begins() -> None:
    def made_up(start: bytes) -> CommittedKey:
        return CommittedKey("greenprint-1", PARAMS[0], start + bytes(32 - len(start)))

    committed = KeySet([made_up(b"\1\2"), made_up(b"\1\3"), made_up(b"\2")])
    for key, number in ((b"\1\2", 0), ("0103", 1), ("02", 2), (b"\2" + bytes(31), 2)):
        assert committed.find(key) == number
    assert committed.find(committed[1].id) == 1
    assert committed.prove("0103").index == 1
    for bad, said in (
        (b"\1", "several keys of the set begin so"),
        ("0104", "not in the set, which has 3"),
        (b"", "1 to 32 bytes, not 0"),
        (bytes(33), "1 to 32 bytes, not 33"),
        ("010", "even number of hexadecimal digits"),
        ("key", "even number of hexadecimal digits"),
        (greenprint.Key.generate(), "not in the set"),
        (7, "must be a Key"),
    ):
        for look in (committed.find, committed.prove):
            with pytest.raises(greenprint.ArgumentError, match=said):
                look(bad)


def test_an_empty_set_commits_to_nothing(tmp_path: Path) -> None:
    for use in (lambda: KeySet().root, lambda: KeySet().save(tmp_path / "x")):
        with pytest.raises(greenprint.ArgumentError, match="empty"):
            use()
    assert not (tmp_path / "x").exists()


def test_proofs_that_do_not_hold() -> None:
    keys = new_keys(6)
    committed = KeySet(keys)
    proof = committed.prove(keys[2])
    other = KeySet(keys[:5])
    with pytest.raises(greenprint.ArgumentError, match=f"not for {other.root.hex()}"):
        proof.check(other.root)
    with pytest.raises(greenprint.ArgumentError, match=f"not for {keys[1].id}"):
        proof.check(committed.root, keys[1])
    altered = [
        replace(proof, key=CommittedKey.of(keys[1])),
        replace(proof, key=replace(proof.key, params=PARAMS[0])),
        replace(proof, index=(proof.index + 1) % 6),
        replace(proof, index=6),
        replace(proof, tree_size=7),
        replace(proof, tree_size=5),
        replace(proof, tree_size=0),
        replace(proof, tree_size=2**64 - 1),
        replace(proof, path=proof.path[:-1]),
        replace(proof, path=(*proof.path, bytes(32))),
        replace(proof, path=proof.path[::-1]),
        replace(proof, path=(bytes(32),) * 21),
        replace(proof, path=(proof.path[0][:-1], *proof.path[1:])),
        replace(proof, root=other.root),
        replace(proof, index=-1),
        replace(proof, tree_size=2**64),
    ]
    for bad in altered:
        for root in (committed.root, bad.root):
            with pytest.raises(greenprint.ArgumentError):
                bad.check(root)
        with pytest.raises(greenprint.ArgumentError):
            bad.save("/nonexistent/never.gpi")
    for root in (committed.root[:-1], committed.root.hex()[:-2], "root", 7):
        with pytest.raises(greenprint.ArgumentError, match="root"):
            proof.check(root)
    proof.check(f" {committed.root.hex().upper()}\n")


def test_damaged_sets_and_proofs(tmp_path: Path, rng: np.random.Generator) -> None:
    """One changed bit anywhere, or a file cut off or longer."""
    committed = KeySet(new_keys(3))
    committed.save(tmp_path / "good.gpm")
    committed.prove(committed[1]).save(tmp_path / "good.gpi")
    for name, load in (("good.gpm", KeySet.load), ("good.gpi", Inclusion.load)):
        good = (tmp_path / name).read_bytes()
        path = tmp_path / f"bad-{name}"
        damaged = [flipped(good, i, int(rng.integers(8))) for i in range(len(good))]
        damaged += [good[:size] for size in range(0, len(good), 5)] + [good + b"\0"]
        for data in damaged:
            path.write_bytes(data)
            with pytest.raises((greenprint.FormatError, greenprint.VersionError)) as caught:
                load(path)
            assert str(caught.value).startswith(f"{path}: ")
    for one, other in ((KeySet.load, "good.gpi"), (Inclusion.load, "good.gpm")):
        with pytest.raises(greenprint.FormatError, match="not a Greenprint"):
            one(tmp_path / other)
        with pytest.raises(greenprint.MissingFileError):
            one(tmp_path / "absent")


def test_nothing_is_replaced(tmp_path: Path) -> None:
    key = new_keys(2)[1]
    signing = SigningKey.generate()
    (tmp_path / "there").write_bytes(b"precious")
    (tmp_path / "file").write_bytes(b"x")
    there = tmp_path / "there"
    for write in (
        lambda: KeySet([key]).save(there),
        lambda: KeySet([key]).prove(key).save(there),
        lambda: signing.save_unsealed(there),
        lambda: signing.save(there, PASSPHRASE, "interactive"),
        lambda: signing.signer.save(there),
        lambda: signing.sign(tmp_path / "file", there),
        lambda: evidence.request_timestamp(tmp_path / "file", there),
    ):
        with pytest.raises(greenprint.KeyExistsError, match=str(there)):
            write()
    assert there.read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["file", "there"]


@pytest.fixture
def impatient() -> Iterator[None]:
    """Have threads interrupted at every chance."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_threads_share_a_set(rng: np.random.Generator, impatient: None) -> None:
    """Large enough that adding a key and hashing all of them take a while."""
    keys = [CommittedKey("greenprint-1", PARAMS[0], rng.bytes(32)) for _ in range(5200)]
    shared = KeySet(keys[1200:])
    failures: list[BaseException] = []

    def add(part: list[CommittedKey]) -> None:
        for key in part:
            shared.add(key)

    def prove(part: list[CommittedKey]) -> None:
        try:
            for key in part:
                proof = shared.prove(key)
                proof.check(proof.root, key)
                assert shared[-1].commitment >= key.commitment
        except BaseException as failure:
            failures.append(failure)

    work = [(add, keys[i:1200:3]) for i in range(3)] + [(prove, keys[1200:1300])] * 2
    threads = [threading.Thread(target=one, args=(part,)) for one, part in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert shared.root == KeySet(keys[::-1]).root


@needs_command
def test_the_command_reads_sets_of_ours_and_we_its(tmp_path: Path) -> None:
    key, other = new_keys(2)
    key.save_unsealed(tmp_path / "a.key")
    other.public.save(tmp_path / "b.pub")
    run(tmp_path, BINARY, "commit", "a.key", "b.pub", "-o", "theirs.gpm", "-q")
    theirs = KeySet.load(tmp_path / "theirs.gpm")
    ours = KeySet([key, other])
    assert list(theirs) == list(ours)
    ours.save(tmp_path / "ours.gpm")
    assert (tmp_path / "ours.gpm").read_bytes() == (tmp_path / "theirs.gpm").read_bytes()
    run(tmp_path, BINARY, "commit", "prove", "ours.gpm", key.id, "-o", "theirs.gpi", "-q")
    proof = Inclusion.load(tmp_path / "theirs.gpi")
    proof.check(theirs.root, key)
    ours.prove(key).save(tmp_path / "ours.gpi")
    root = ours.root.hex()
    said = json.loads(
        run(tmp_path, BINARY, "commit", "check", "ours.gpi", "--root", root, "--json")
    )
    assert (said["tree_size"], said["root"]) == (2, root)
    (tmp_path / "text").write_text("1 2 3 4 5 6 7 8 9\n")
    for committed in ("ours.gpm", "ours.gpi"):
        done = subprocess.run(
            [BINARY, "verify", "-k", "a.key", "--committed", committed, "text", "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1, done.stderr  # no mark in so little
        assert json.loads(done.stdout)["committed"]["root"] == root


# ------------------------------------------------------------------------ timestamps


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a set to be stamped."""
    KeySet(new_keys(2)).save(tmp_path / "all.gpm")
    return tmp_path


def stamp(desk: Path, authority: Authority, *options: str, signer: str = "stamper") -> None:
    """all.gpt, by the whole way, in place of any that was there."""
    for name in ("all.tsq", "all.gpt"):
        (desk / name).unlink(missing_ok=True)
    evidence.request_timestamp(desk / "all.gpm", desk / "all.tsq")
    authority.reply(desk / "all.tsq", desk / "all.tsr", *options, signer=signer)
    evidence.attach_timestamp(
        desk / "all.gpm", desk / "all.tsr", desk / "all.gpt", request=desk / "all.tsq"
    )


def verify(desk: Path, authority: Authority, **options: Any) -> evidence.Timestamp:
    ca = options.pop("authorities", authority.path("root.pem"))
    return evidence.verify_timestamp(desk / "all.gpm", desk / "all.gpt", ca, **options)


def serve(authority: Authority, folder: Path) -> HTTPServer:
    """Run the authority behind HTTP, as RFC 3161 has it in section 3.4."""

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            assert self.headers["Content-Type"] == "application/timestamp-query"
            size = int(self.headers["Content-Length"])
            (folder / "asked").write_bytes(self.rfile.read(size))
            authority.reply(folder / "asked", folder / "said")
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write((folder / "said").read_bytes())

        def log_message(self, *_args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Desk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@needs_openssl
@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_a_timestamp(
    hash_name: str, desk: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Over HTTP, from the request to the verdict."""
    server = serve(authority, tmp_path_factory.mktemp("server"))
    before = int(time.time())
    evidence.request_timestamp(desk / "all.gpm", desk / "all.tsq", hash=hash_name)
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.server_port}",
        data=(desk / "all.tsq").read_bytes(),
        headers={"Content-Type": "application/timestamp-query"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        (desk / "all.tsr").write_bytes(answer.read())
    after = time.time()
    server.shutdown()
    server.server_close()
    evidence.attach_timestamp(desk / "all.gpm", desk / "all.tsr", desk / "all.gpt")
    assert stat.S_IMODE((desk / "all.gpt").stat().st_mode) == 0o644
    found = verify(desk, authority, policy=POLICY)
    assert before <= found.time.timestamp() <= after
    assert found.time.tzinfo is datetime.timezone.utc
    assert found.accuracy == datetime.timedelta(seconds=1, milliseconds=500)
    assert (found.authority, found.policy, found.hash) == ("CN=Test stamper", POLICY, hash_name)
    assert int(found.serial, 16) == int((authority.folder / "tsa.serial").read_text(), 16)
    # A path of any kind will do.
    paths = (str(desk / "all.gpm"), str(desk / "all.gpt"), Path(authority.path("root.pem")))
    assert evidence.verify_timestamp(*paths) == found


@needs_openssl
@needs_command
def test_the_command_reads_stamps_of_ours_and_we_its(desk: Path, authority: Authority) -> None:
    stamp(desk, authority)
    found = verify(desk, authority)
    ca = authority.path("root.pem")
    verify_it = (BINARY, "timestamp", "verify", "all.gpm")
    said = json.loads(run(desk, *verify_it, "all.gpt", "--ca", ca, "--json"))
    assert said["seconds"] == found.time.timestamp()
    assert said["accuracy_us"] == found.accuracy / datetime.timedelta(microseconds=1)
    assert (said["authority"], said["policy"], said["serial"], said["hash"]) == (
        *(found.authority, found.policy, found.serial, found.hash),
    )
    run(desk, BINARY, "timestamp", "attach", "all.gpm", "all.tsr", "-o", "theirs.gpt", "-q")
    assert (desk / "theirs.gpt").read_bytes() == (desk / "all.gpt").read_bytes()
    run(desk, BINARY, "timestamp", "request", "all.gpm", "-o", "theirs.tsq", "-q")
    authority.reply(desk / "theirs.tsq", desk / "theirs.tsr")
    evidence.attach_timestamp(
        *(desk / name for name in ("all.gpm", "theirs.tsr", "second.gpt")),
        request=desk / "theirs.tsq",
    )
    run(desk, *verify_it, "second.gpt", "--ca", ca)


@needs_openssl
def test_stamps_that_do_not_hold(desk: Path, authority: Authority) -> None:
    stamp(desk, authority)
    authority.root("stranger")
    with pytest.raises(greenprint.FormatError, match="certificate verify error"):
        verify(desk, authority, authorities=authority.path("stranger.pem"))
    with pytest.raises(greenprint.FormatError, match="policy mismatch"):
        verify(desk, authority, policy=OTHER_POLICY)
    with pytest.raises(greenprint.ArgumentError, match="no object identifier"):
        verify(desk, authority, policy="nonsense")
    with pytest.raises(greenprint.FormatError, match="holds no certificate"):
        verify(desk, authority, authorities=desk / "all.gpm")
    with pytest.raises(greenprint.MissingFileError):
        verify(desk, authority, untrusted=desk / "absent")
    with pytest.raises(greenprint.ArgumentError, match="NUL"):
        verify(desk, authority, policy="1.2\0.3")
    good = (desk / "all.gpm").read_bytes()
    (desk / "all.gpm").write_bytes(good + b"\n")
    with pytest.raises(greenprint.FormatError, match="something else than this file"):
        verify(desk, authority)
    (desk / "all.gpm").write_bytes(good)
    assert verify(desk, authority).policy == POLICY
    stamp(desk, authority, "-tspolicy", OTHER_POLICY)
    assert verify(desk, authority, policy=OTHER_POLICY).policy == OTHER_POLICY


@needs_openssl
def test_chains_and_revoked_certificates(desk: Path, authority: Authority) -> None:
    authority.issue("middle", "middle", "root")
    authority.issue("deep", "stamping", "middle")
    stamp(desk, authority, signer="deep")
    with pytest.raises(greenprint.FormatError, match="unable to get local issuer"):
        verify(desk, authority)
    middle = authority.path("middle.pem")
    assert verify(desk, authority, untrusted=middle).authority == "CN=Test deep"
    authority.issue("fallen", "stamping", "root")
    stamp(desk, authority, signer="fallen")
    authority.revoke("fallen", "root")
    authority.revocations("root", "root.crl")
    revoked = authority.path("root.crl")
    with pytest.raises(greenprint.FormatError, match="certificate revoked"):
        verify(desk, authority, revoked=revoked)
    assert verify(desk, authority).authority == "CN=Test fallen"
    with pytest.raises(greenprint.ArgumentError, match="leave one of them out"):
        verify(desk, authority, revoked=revoked, at_stamp_time=True)


@needs_openssl
def test_a_certificate_that_has_expired(desk: Path, authority: Authority) -> None:
    authority.issue("brief", "stamping", "root", ends=8)
    ends = time.time() + 8
    stamp(desk, authority, signer="brief")
    time.sleep(max(0, ends + 1.5 - time.time()))
    with pytest.raises(greenprint.FormatError, match="certificate has expired"):
        verify(desk, authority)
    assert verify(desk, authority, at_stamp_time=True).authority == "CN=Test brief"


@needs_openssl
def test_damaged_stamps(desk: Path, authority: Authority, rng: np.random.Generator) -> None:
    """Refused; where the checksum is put right, never another stamp than the one that is good."""
    stamp(desk, authority)
    good = (desk / "all.gpt").read_bytes()
    found = verify(desk, authority)
    refused = (greenprint.FormatError, greenprint.VersionError)
    places = rng.choice(len(good) - 32, 300, replace=False)
    for data in [flipped(good, int(i), int(rng.integers(8))) for i in places]:
        (desk / "all.gpt").write_bytes(data)
        with pytest.raises(refused):
            verify(desk, authority)
        (desk / "all.gpt").write_bytes(data[:-32] + hashlib.sha256(data[:-32]).digest())
        with suppress(*refused):
            assert verify(desk, authority) == found
    for data in (b"", good[:50], good[:-1], good + b"\0"):
        (desk / "all.gpt").write_bytes(data)
        with pytest.raises(refused, match=str(desk / "all.gpt")):
            verify(desk, authority)


@needs_openssl
def test_answers_that_are_none(desk: Path, authority: Authority) -> None:
    evidence.request_timestamp(desk / "all.gpm", desk / "one.tsq")
    evidence.request_timestamp(desk / "all.gpm", desk / "two.tsq")
    assert (desk / "one.tsq").read_bytes() != (desk / "two.tsq").read_bytes()
    authority.reply(desk / "one.tsq", desk / "one.tsr")
    authority.run(
        *("ts", "-query", "-data", str(desk / "all.gpm"), "-sha256", "-tspolicy", "1.2.3.4.5"),
        *("-out", str(desk / "odd.tsq")),
    )
    authority.reply(desk / "odd.tsq", desk / "no.tsr")

    def attach(file: str, response: str, request: str | None) -> None:
        asked = None if request is None else desk / request
        evidence.attach_timestamp(desk / file, desk / response, desk / "x.gpt", request=asked)

    for file, response, request, said in (
        ("one.tsq", "one.tsr", None, "something else than this file"),
        ("all.gpm", "one.tsr", "two.tsq", "its nonce is another"),
        ("all.gpm", "one.tsr", "all.gpm", "not a timestamp request"),
        ("all.gpm", "one.tsq", None, "no response of a timestamping authority"),
        ("all.gpm", "no.tsr", None, "granted no timestamp.*Requested policy is"),
    ):
        with pytest.raises(greenprint.FormatError, match=said):
            attach(file, response, request)
    with pytest.raises(greenprint.MissingFileError):
        attach("all.gpm", "absent", None)
    assert not (desk / "x.gpt").exists()
    attach("all.gpm", "one.tsr", "one.tsq")
    with pytest.raises(greenprint.KeyExistsError):
        attach("all.gpm", "one.tsr", "one.tsq")


def test_hashes_that_are_unknown(desk: Path) -> None:
    for bad in ("sha1", "", None, 1):
        with pytest.raises(greenprint.ArgumentError, match=r"one of \['sha256', 'sha512'\]"):
            evidence.request_timestamp(desk / "all.gpm", desk / "x.tsq", hash=bad)
    with pytest.raises(greenprint.MissingFileError, match="absent"):
        evidence.request_timestamp(desk / "absent", desk / "x.tsq")
    assert not (desk / "x.tsq").exists()


# ------------------------------------------------------------------------ signatures


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text('{"verdict": "found"}\n')
    return path


def minisign(folder: Path, *arguments: str, text: str = "") -> str:
    return run(folder, "minisign", *arguments, text=text)


def test_signing(report: Path) -> None:
    key = SigningKey.generate()
    before = int(time.time())
    key.sign(report)
    path = report.with_name("report.json.minisig")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    said = key.signer.verify(report)
    assert said == key.signer.verify(str(report), str(path))
    when, file, how = said.trusted_comment.split("\t")
    assert (file, how, said.hashed) == ("file:report.json", "hashed", True)
    assert before <= int(when.removeprefix("timestamp:")) <= time.time()
    for i, comment in enumerate(("", "audité, 1\t2", "x" * 1023, "é" * 511)):
        key.sign(report, report.with_name(f"{i}"), trusted_comment=comment)
        assert key.signer.verify(report, report.with_name(f"{i}")).trusted_comment == comment
    for bad, match in (
        ("x" * 1024, "more than 1023"),
        ("é" * 512, "more than 1023"),
        ("two\nlines", "control character"),
        ("bell\a", "control character"),
        ("a\0b", "NUL"),
        ("\udcff", "trusted_comment: "),
        (b"bytes", "must be a str, not bytes"),
    ):
        with pytest.raises(greenprint.ArgumentError, match=match):
            key.sign(report, report.with_name("x"), trusted_comment=bad)
    assert not report.with_name("x").exists()


def test_a_file_name_of_any_bytes(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe \xc3\xa9")
    Path(path).write_bytes(b"x")
    key = SigningKey.generate()
    key.sign(path)
    assert "\tfile:\ufffd\ufffd é\t" in key.signer.verify(path).trusted_comment


def test_what_a_signature_refuses(report: Path) -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    key.sign(report)
    signature = report.with_name("report.json.minisig")
    good = signature.read_bytes()
    with pytest.raises(
        greenprint.FormatError, match=f"by key {key.signer.id}, not by {other.signer.id}"
    ):
        other.signer.verify(report)
    mixed = Signer(key.signer.number, other.signer.key)
    with pytest.raises(greenprint.FormatError, match="does not hold"):
        mixed.verify(report)
    refused = (greenprint.FormatError, greenprint.VersionError)
    first = good.index(b"\n") + 1
    for at in range(first, len(good) - 1):
        signature.write_bytes(flipped(good, at, 0))
        with pytest.raises(refused):
            key.signer.verify(report)
    for size in range(0, len(good) - 1, 3):
        signature.write_bytes(good[:size])
        with pytest.raises(refused):
            key.signer.verify(report)
    signature.write_bytes(good)
    report.write_text("altered")
    with pytest.raises(greenprint.FormatError, match="the file was altered"):
        key.signer.verify(report)
    signature.unlink()
    with pytest.raises(greenprint.MissingFileError, match="minisig"):
        key.signer.verify(report)


def test_signers(tmp_path: Path) -> None:
    signer = SigningKey.generate().signer
    signer.save(tmp_path / "a.pub")
    assert stat.S_IMODE((tmp_path / "a.pub").stat().st_mode) == 0o644
    assert Signer.load(tmp_path / "a.pub") == signer
    text = (tmp_path / "a.pub").read_text()
    assert text.startswith(f"untrusted comment: minisign public key {signer.id}\n")
    for bad in ("", "x", text[:-9], text + "x\n"):
        (tmp_path / "bad.pub").write_text(bad)
        with pytest.raises(greenprint.FormatError, match="bad.pub: not a public signing key"):
            Signer.load(tmp_path / "bad.pub")
    for wrong in (
        Signer(bytes(7), bytes(32)),
        Signer(bytes(8), "key"),
        Signer(bytes(8), bytes(33)),
    ):
        with pytest.raises(greenprint.ArgumentError, match=r"(number|key) must be (8|32) bytes"):
            wrong.save(tmp_path / "x")
    assert pickle.loads(pickle.dumps(signer)) == signer


@pytest.mark.parametrize("form", [str, lambda p: p.encode(), lambda p: bytearray(p.encode())])
def test_sealed_signing_keys(form: Any, report: Path, tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.save(tmp_path / "s.key", form(PASSPHRASE), cost="interactive")
    assert stat.S_IMODE((tmp_path / "s.key").stat().st_mode) == 0o600
    SigningKey.load(tmp_path / "s.key", PASSPHRASE).sign(report)
    assert key.signer.verify(report).hashed
    for wrong in (None, "", "wrong", PASSPHRASE + "\n", b"x" * 1025):
        with pytest.raises(greenprint.PassphraseError) as caught:
            SigningKey.load(tmp_path / "s.key", wrong)
        assert PASSPHRASE not in str(caught.value)
    for bad in ("", b"x" * 1025):
        with pytest.raises(greenprint.PassphraseError, match=r"1 to 1024 bytes, not (0|1025)"):
            key.save(tmp_path / "b.key", bad)
    with pytest.raises(greenprint.ArgumentError, match="must be str or bytes, not int"):
        key.save(tmp_path / "b.key", 5)
    with pytest.raises(greenprint.ArgumentError, match="cost must be one of.*'easy'"):
        key.save(tmp_path / "b.key", PASSPHRASE, cost="easy")
    assert not (tmp_path / "b.key").exists()


def test_unsealed_signing_keys(tmp_path: Path) -> None:
    key = SigningKey.generate()
    path = tmp_path / "u.key"
    key.save_unsealed(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for passphrase in (None, "ignored"):
        assert SigningKey.load(path, passphrase).signer == key.signer
    lines = path.read_bytes().split(b"\n")
    for at in range(72, len(lines[1])):  # from the number on
        path.write_bytes(lines[0] + b"\n" + flipped(lines[1], at, 1) + b"\n")
        with pytest.raises(
            (greenprint.FormatError, greenprint.VersionError, greenprint.PassphraseError)
        ):
            SigningKey.load(path)


def test_a_signing_key_is_kept_to_itself(report: Path) -> None:
    with SigningKey.generate() as key:
        signer = key.signer
        assert repr(key) == f"<SigningKey {signer.id}>"
        with pytest.raises(TypeError, match="nobody wipes it"):
            pickle.dumps(key)
        key.sign(report)
    key.close()
    assert repr(key) == "<SigningKey, closed>"
    for use in (
        lambda: key.signer,
        lambda: key.sign(report, report.with_name("x")),
        lambda: key.save_unsealed(report.with_name("x")),
        lambda: key.save(report.with_name("x"), "p", "interactive"),
    ):
        with pytest.raises(greenprint.ArgumentError, match="the signing key is closed"):
            use()
    assert signer.verify(report).hashed
    with pytest.raises(TypeError, match=r"SigningKey\.generate"):
        SigningKey()
    assert len({SigningKey.generate().signer for _ in range(4)}) == 4


@needs_minisign
def test_minisign_verifies_ours(report: Path) -> None:
    key = SigningKey.generate()
    key.signer.save(report.with_name("ours.pub"))
    key.sign(report, trusted_comment="said so")
    said = minisign(report.parent, "-V", "-m", "report.json", "-p", "ours.pub")
    assert "Trusted comment: said so" in said
    key.save_unsealed(report.with_name("ours.key"))
    for old in (False, True):
        options = ("-l",) if old else ("-H",)
        out = ("-x", f"{old}.minisig", "-t", "by the other")
        minisign(report.parent, "-S", *options, "-m", "report.json", "-s", "ours.key", *out)
        facts = key.signer.verify(report, report.with_name(f"{old}.minisig"))
        assert (facts.trusted_comment, facts.hashed) == ("by the other", not old)


@needs_minisign
def test_keys_of_minisign(report: Path) -> None:
    """Without a passphrase; sealed by scrypt over 1 GiB; and sealed by us, at less cost."""
    folder = report.parent
    minisign(folder, "-G", "-W", "-p", "t.pub", "-s", "t.key")
    minisign(folder, "-G", "-p", "u.pub", "-s", "u.key", text="word\nword\n")
    for name, passphrase in (("t", None), ("u", "word")):
        with SigningKey.load(folder / f"{name}.key", passphrase) as key:
            assert key.signer == Signer.load(folder / f"{name}.pub")
            key.sign(report, folder / f"{name}.minisig")
        minisign(folder, "-V", "-m", "report.json", "-p", f"{name}.pub", "-x", f"{name}.minisig")
    key = SigningKey.generate()
    key.save(folder / "ours.key", "word", cost="interactive")
    minisign(folder, "-S", "-m", "report.json", "-s", "ours.key", text="word\n")
    assert key.signer.verify(report).hashed


@needs_command
def test_the_command_reads_signatures_of_ours_and_we_its(report: Path) -> None:
    folder = report.parent
    (folder / "pass").write_text("word\n")
    options = ("--passphrase-file", "pass", "-q")
    run(folder, BINARY, "sign", "--new", "theirs", "--cost", "interactive", *options)
    theirs = SigningKey.load(folder / "theirs.key", "word")
    assert theirs.signer == Signer.load(folder / "theirs.pub")
    theirs.sign(report)
    run(folder, BINARY, "sign", "verify", "report.json", "--pub", "theirs.pub", "-q")
    ours = SigningKey.generate()
    ours.save(folder / "ours.key", "word", cost="interactive")
    run(folder, BINARY, "sign", "report.json", "-s", "ours.key", "-o", "o.minisig", *options)
    assert (
        "\tfile:report.json\t" in ours.signer.verify(report, folder / "o.minisig").trusted_comment
    )
