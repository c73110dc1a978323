"""Signatures in minisign's formats, held against the program itself."""

import base64
import hashlib
import os
import pty
import shutil
import subprocess
import sys
import time

import pytest

needs_minisign = pytest.mark.skipif(
    shutil.which("minisign") is None,
    reason="NO minisign PROGRAM: its formats go untested; scripts/setup.sh test installs it",
)


def read(command, name):
    return (command.folder / name).read_bytes()


def write(command, name, content):
    (command.folder / name).write_bytes(content)


def sign(command, *arguments):
    result = command("sign", *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def fails(command, *arguments):
    message = command.fails("sign", *arguments)
    assert message.startswith("greenprint sign: ")
    return message.removeprefix("greenprint sign: ")


def minisign(command, *arguments, passphrase=""):
    return subprocess.run(
        ["minisign", *arguments],
        cwd=command.folder,
        input=passphrase,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def desk(greenprint):
    """A command with report.json and a pair of keys without a passphrase, ours.key and .pub."""
    write(greenprint, "report.json", b'{"verdict": "found"}\n')
    write(greenprint, "pass", b"correct horse\n")
    sign(greenprint, "--new", "ours", "-W", "-q")
    return greenprint


@pytest.fixture
def signed(desk):
    """And with report.json.minisig."""
    sign(desk, "report.json", "-s", "ours.key", "-q")
    return desk


def check(command, *options, pub="ours.pub"):
    return sign(command, "verify", "report.json", "--pub", pub, *options)


def refused(command, *options, pub="ours.pub", file="report.json"):
    return fails(command, "verify", file, "--pub", pub, *options)


# ---------------------------------------------------------------------- by itself


def test_the_formats(signed):
    """Byte for byte, but for the signatures."""
    secret = read(signed, "ours.key").split(b"\n")
    public = read(signed, "ours.pub").split(b"\n")
    data = base64.b64decode(secret[1])
    pub = base64.b64decode(public[1])
    assert (signed.folder / "ours.key").stat().st_mode & 0o777 == 0o600
    assert (signed.folder / "ours.pub").stat().st_mode & 0o777 == 0o644
    number, key = pub[2:10], pub[10:]
    assert pub[:2] == b"Ed"
    assert secret[0] == b"untrusted comment: minisign unencrypted secret key"
    identifier = number[::-1].hex().upper()
    assert public[0] == b"untrusted comment: minisign public key " + identifier.encode()
    inside = number + data[62:126]
    digest = hashlib.blake2b(b"Ed" + inside, digest_size=32).digest()
    assert data == b"Ed\0\0B2" + bytes(48) + inside + digest
    assert data[94:126] == key
    lines = read(signed, "report.json.minisig").split(b"\n")
    assert len(lines) == 5
    assert lines[0] == b"untrusted comment: signature from greenprint secret key"
    head = base64.b64decode(lines[1])
    assert (head[:10], len(head)) == (b"ED" + number, 74)
    assert lines[2].startswith(b"trusted comment: timestamp:")
    assert lines[2].endswith(b"\tfile:report.json\thashed")
    assert abs(int(lines[2].split(b":")[2].split(b"\t")[0]) - time.time()) < 60
    assert len(base64.b64decode(lines[3])) == 64
    assert (signed.folder / "report.json.minisig").stat().st_mode & 0o777 == 0o644


def test_what_is_said(signed):
    said = check(signed)
    identifier = read(signed, "ours.pub").split()[5].decode()
    assert said.startswith("The signature holds.\n\n")
    assert f"signer     {identifier}\n" in said
    assert " file:report.json hashed\n" in said
    assert check(signed, "-q") == ""


def test_comment_and_names(desk):
    sign(desk, "report.json", "-s", "ours.key", "-o", "s", "--comment", "audité, 1\t2", "-q")
    assert "audité, 1 2\n" in check(desk, "--signature", "s")
    sign(desk, "report.json", "-s", "ours.key", "-o", "e", "--comment", "", "-q")
    check(desk, "--signature", "e")
    for bad in ("two\nlines", "bell\a", "\x7f"):
        assert "control character" in fails(
            desk, "report.json", "-s", "ours.key", "-o", "x", "--comment", bad
        )
    long = "x" * 1024
    assert "more than 1023" in fails(
        desk, "report.json", "-s", "ours.key", "-o", "x", "--comment", long
    )
    sign(desk, "report.json", "-s", "ours.key", "-o", "l", "--comment", long[1:], "-q")
    check(desk, "--signature", "l")
    assert not (desk.folder / "x").exists()


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 1 << 20])
def test_sizes(desk, size):
    write(desk, "report.json", bytes(i * 7 % 256 for i in range(size)))
    sign(desk, "report.json", "-s", "ours.key", "-q")
    check(desk)


def test_an_altered_file(signed):
    write(signed, "report.json", b'{"verdict": "FOUND"}\n')
    assert refused(signed) == (
        "report.json: the signature does not hold: the file was altered, or it was not signed "
        "with this key"
    )


def test_another_key(signed):
    sign(signed, "--new", "other", "-W", "-q")
    ours = read(signed, "ours.pub").split()[5].decode()
    other = read(signed, "other.pub").split()[5].decode()
    assert refused(signed, pub="other.pub") == (
        f"report.json.minisig: the signature is by key {ours}, not by {other}"
    )
    # A key that takes the other's number still has another key.
    mine = base64.b64decode(read(signed, "ours.pub").split(b"\n")[1])
    theirs = base64.b64decode(read(signed, "other.pub").split(b"\n")[1])
    write(
        signed,
        "mixed.pub",
        b"untrusted comment: x\n" + base64.b64encode(mine[:10] + theirs[10:]) + b"\n",
    )
    assert "does not hold" in refused(signed, pub="mixed.pub")


def test_an_altered_signature(signed):
    """No changed byte passes but in the comment that nobody vouches for, and at line ends."""
    good = read(signed, "report.json.minisig")
    first = good.index(b"\n")
    for at in range(len("untrusted comment: "), len(good)):
        changed = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        write(signed, "s", changed)
        result = signed("sign", "verify", "report.json", "--pub", "ours.pub", "--signature", "s")
        assert result.returncode == (0 if at < first else 2), (at, result)
    for size in range(len(good) - 1):
        write(signed, "s", good[:size])
        refused(signed, "--signature", "s")
    for more in (b"\n", b"x", b"\0", good):
        write(signed, "s", good + more)
        assert refused(signed, "--signature", "s") == "s: not a signature of minisign's format"
    write(signed, "s", good.replace(b"\n", b"\r\n"))
    check(signed, "--signature", "s")
    write(signed, "s", good[:-1])
    check(signed, "--signature", "s")
    other = good.replace(b"timestamp:1", b"timestamp:2")
    write(signed, "s", other)
    assert refused(signed, "--signature", "s") == (
        "s: the trusted comment was altered: its signature does not hold"
    )


def test_damaged_keys(desk):
    secret, public = read(desk, "ours.key"), read(desk, "ours.pub")
    lines = secret.split(b"\n")
    data = base64.b64decode(lines[1])

    def with_data(changed):
        write(desk, "bad.key", lines[0] + b"\n" + base64.b64encode(changed) + b"\n")
        return fails(desk, "report.json", "-s", "bad.key").removeprefix("bad.key: ")

    for at in range(54, 158, 7):
        assert with_data(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) == (
            "the signing key is damaged"
        )
    unknown = "a signing key of an algorithm that is not known here"
    assert with_data(b"XX" + data[2:]) == unknown
    assert with_data(data[:2] + b"Xx" + data[4:]) == unknown
    assert with_data(data[:4] + b"B3" + data[6:]) == unknown
    # Another's public half, in a file without a hash as minisign leaves it.
    assert with_data(data[:94] + bytes(32) + bytes(32)) == (
        "the halves of the signing key do not belong together"
    )
    # A claim of 64 GiB is refused before anything is allocated.
    sealed = data[:2] + b"Sc" + data[4:46] + (1 << 36).to_bytes(8, "little") + data[54:]
    write(desk, "bad.key", lines[0] + b"\n" + base64.b64encode(sealed) + b"\n")
    assert "beyond that of minisign" in fails(
        desk, "report.json", "-s", "bad.key", "--passphrase-file", "pass"
    )
    for bad in (b"", b"x", secret[:-9], secret + b"x\n", public, secret + bytes(5000)):
        write(desk, "bad.key", bad)
        assert fails(desk, "report.json", "-s", "bad.key") == (
            "bad.key: not a signing key of minisign's format"
        )
    for bad in (b"", b"x", public[:-9], public + b"x\n", secret, public + bytes(5000)):
        write(desk, "bad.pub", bad)
        assert refused(desk, "--signature", "s", pub="bad.pub") == (
            "bad.pub: not a public signing key of minisign's format"
        )


def test_sealed_keys(desk):
    sign(desk, "--new", "sealed", "--passphrase-file", "pass", "--cost", "interactive", "-q")
    sign(desk, "report.json", "-s", "sealed.key", "--passphrase-file", "pass", "-q")
    check(desk, pub="sealed.pub")
    write(desk, "wrong", b"incorrect horse\n")
    assert fails(desk, "report.json", "-s", "sealed.key", "--passphrase-file", "wrong") == (
        "sealed.key: wrong passphrase, or the signing key is damaged"
    )
    assert "no terminal" in fails(desk, "report.json", "-s", "sealed.key", "-o", "x")
    secret = base64.b64decode(read(desk, "sealed.key").split(b"\n")[1])
    public = base64.b64decode(read(desk, "sealed.pub").split(b"\n")[1])
    assert public[10:] not in secret
    assert secret[:6] == b"EdScB2"


def test_passphrase_on_a_terminal(desk):
    sign(desk, "--new", "sealed", "--passphrase-file", "pass", "--cost", "interactive", "-q")
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys, termios; os.setsid();"
            "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])",
            *(desk.binary, "sign", "report.json", "-s", "sealed.key"),
        ],
        cwd=desk.folder,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(terminal)
    assert b"Passphrase of the signing key:" in os.read(controller, 1000)
    os.write(controller, b"correct horse\n")
    assert process.wait(timeout=60) == 0, process.communicate()
    os.close(controller)
    check(desk, pub="sealed.pub")


def test_nothing_is_replaced(signed):
    assert "never overwritten" in fails(signed, "report.json", "-s", "ours.key")
    assert "never overwritten" in fails(signed, "--new", "ours", "-W")
    (signed.folder / "ours.key").rename(signed.folder / "moved.key")
    assert "ours.pub: exists already" in fails(signed, "--new", "ours", "-W")
    assert not (signed.folder / "ours.key").exists()


def test_usage(desk):
    assert fails(desk, "report.json") == "name the secret key with -s SECRET"
    assert fails(desk).startswith("name one file")
    assert fails(desk, "verify", "report.json") == "name the public key with --pub PUBLIC"
    assert fails(desk, "verify", "report.json", "--pub", "a", "-W").startswith("--unsealed does")
    assert fails(desk, "--new", "x", "report.json").startswith("a file does not go with")
    assert fails(desk, "--new", "x", "-W", "--cost", "moderate").startswith("--unsealed and")
    assert fails(desk, "--new", "x", "--cost", "some", "--passphrase-file", "pass").startswith(
        "--cost some is none of"
    )
    assert fails(desk, "report.json", "-s", "a", "--pub", "b").startswith("--pub does not go")
    assert "No such file" in fails(desk, "absent", "-s", "ours.key")
    assert "No such file" in refused(desk)
    assert not (desk.folder / "x.key").exists()


# ------------------------------------------------------------------ and minisign


@needs_minisign
def test_minisign_verifies_ours(signed):
    result = minisign(signed, "-V", "-m", "report.json", "-p", "ours.pub")
    assert result.returncode == 0, result
    assert "Signature and comment signature verified" in result.stdout
    assert "file:report.json\thashed" in result.stdout
    write(signed, "report.json", b"altered")
    assert minisign(signed, "-V", "-m", "report.json", "-p", "ours.pub").returncode == 1


@needs_minisign
@pytest.mark.parametrize("old", [False, True])
def test_ours_verifies_minisign(desk, old):
    """minisign signs with our key, hashed and as of old."""
    options = ("-l",) if old else ("-H",)
    result = minisign(
        desk, "-S", *options, "-m", "report.json", "-s", "ours.key", "-t", "by the other"
    )
    assert result.returncode == 0, result
    said = check(desk)
    assert "by the other\n" in said
    assert ("minisign's of old" in said) == old
    write(desk, "report.json", b"altered")
    assert "does not hold" in refused(desk)


@needs_minisign
def test_keys_of_minisign(desk):
    """Made by minisign without a passphrase."""
    assert minisign(desk, "-G", "-W", "-p", "t.pub", "-s", "t.key").returncode == 0
    sign(desk, "report.json", "-s", "t.key", "-q")
    check(desk, pub="t.pub")
    assert minisign(desk, "-V", "-m", "report.json", "-p", "t.pub").returncode == 0


@needs_minisign
def test_sealed_keys_of_both(desk):
    """scrypt over 1 GiB, as minisign does it, both ways."""
    made = minisign(desk, "-G", "-p", "t.pub", "-s", "t.key", passphrase="word\nword\n")
    assert made.returncode == 0, made
    write(desk, "word", b"word")
    sign(desk, "report.json", "-s", "t.key", "--passphrase-file", "word", "-q")
    assert minisign(desk, "-V", "-m", "report.json", "-p", "t.pub").returncode == 0
    sign(desk, "--new", "sealed", "--passphrase-file", "pass", "-q")
    (desk.folder / "report.json.minisig").unlink()
    result = minisign(
        desk, "-S", "-m", "report.json", "-s", "sealed.key", passphrase="correct horse\n"
    )
    assert result.returncode == 0, result
    check(desk, pub="sealed.pub")
