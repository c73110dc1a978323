"""Making key files, looking at them, and key files that are wrong."""

import fcntl
import hashlib
import json
import os
import pty
import re
import select
import signal
import stat
import struct
import termios
import time

import pytest

MESSAGE = "greenprint {}: "
NO_TERMINAL_KEYGEN = (
    "there is no terminal to ask for a passphrase; use --passphrase-file FILE or --unsealed"
)


def shown(result):
    """The fields that a command printed, as a dictionary."""
    assert (result.returncode, result.stderr) == (0, "")
    rows = [line.split(None, 1) for line in result.stdout.splitlines() if "  " in line]
    return dict(rows)


def with_checksum(content: bytes) -> bytes:
    return content[:168] + hashlib.sha256(content[:168]).digest()


# ------------------------------------------------------------------------- keygen


def test_keygen_unsealed(greenprint):
    fields = shown(greenprint("keygen", "-o", "new.key", "--unsealed"))
    assert fields["file"] == "new.key"
    assert re.fullmatch(r"[0-9a-f]{64}", fields["commitment"])
    assert fields["key"] == fields["commitment"][:16]
    assert fields["parameters"] == "hash, context width 2, gamma 1/4"
    assert fields["protection"] == "none: whoever can read the file has the key"
    content = (greenprint.folder / "new.key").read_bytes()
    assert len(content) == 200
    assert content[9] == 0
    assert content[32:64].hex() == fields["commitment"]


@pytest.mark.parametrize(
    "cost, passes, memory",
    [("interactive", 2, 64), ("moderate", 3, 256), ("sensitive", 4, 1024), (None, 3, 256)],
)
def test_keygen_sealed(greenprint, cost, passes, memory):
    (greenprint.folder / "pass").write_bytes(b"correct horse")
    options = [] if cost is None else ["--cost", cost]
    result = greenprint("keygen", "--output", "new.key", "--passphrase-file", "pass", *options)
    assert shown(result)["protection"] == "sealed with the passphrase"
    content = (greenprint.folder / "new.key").read_bytes()
    assert content[9] == 1
    assert struct.unpack_from("<QQ", content, 64) == (passes, memory << 20)


@pytest.mark.parametrize(
    "output, public",
    [
        ("new.key", "new.pub"),
        ("new", "new.pub"),
        (".key", ".key.pub"),
        ("a.key.key", "a.key.pub"),
        ("new.pub", "new.pub.pub"),
        ("sub/new.key", "sub/new.pub"),
    ],
)
def test_keygen_provable(greenprint, output, public):
    (greenprint.folder / "sub").mkdir()
    result = greenprint("keygen", "-o", output, "--unsealed", "--provable")
    fields = shown(result)
    assert fields["file"] == output
    assert f"\npublic file {public}\n" in result.stdout
    assert fields["scheme"] == "greenprint-1v"
    key, file = ((greenprint.folder / name).read_bytes() for name in (output, public))
    assert len(key) == 200 and len(file) == 128
    assert key[12:28] == file[12:28] == b"greenprint-1v".ljust(16, b"\0")
    assert key[28:32] == file[28:32] == bytes.fromhex("01020102")
    assert key[32:64].hex() == file[64:96].hex() == fields["commitment"]
    assert shown(greenprint("inspect", output))["scheme"] == "greenprint-1v"


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_public_files_are_for_everybody(greenprint, umask):
    """Whatever the umask: a key is never readable by others, and a public file is."""
    result = greenprint("keygen", "-o", "new.key", "--unsealed", "--provable",
                        preexec_fn=lambda: os.umask(umask))  # fmt: skip
    assert result.returncode == 0, result.stderr
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in greenprint.folder.iterdir()}
    assert modes == {"new.key": 0o600, "new.pub": 0o644}


def test_keygen_provable_sealed(greenprint):
    (greenprint.folder / "pass").write_bytes(b"x")
    result = greenprint("keygen", "-o", "new.key", "--provable", "--passphrase-file", "pass",
                        "--cost", "interactive")  # fmt: skip
    assert shown(result)["protection"] == "sealed with the passphrase"
    content = (greenprint.folder / "new.key").read_bytes()
    assert content[9] == 1
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    verify = ("verify", "-k", "new.key", "--passphrase-file", "pass", "a.tokens")
    for passphrase, status in ((b"y", 2), (b"x", 1)):
        (greenprint.folder / "pass").write_bytes(passphrase)
        assert greenprint(*verify).returncode == status
    # The scheme is part of what is sealed: a key cannot be passed off as one of the other.
    plain = content[:12] + b"greenprint-1".ljust(16, b"\0") + content[28:]
    (greenprint.folder / "new.key").write_bytes(with_checksum(plain))
    assert greenprint.fails(*verify) == (
        "greenprint verify: new.key: wrong passphrase, or the key file was tampered with"
    )


@pytest.mark.parametrize("existing, what", [("new.key", "key"), ("new.pub", "public")])
def test_keygen_provable_never_replaces(greenprint, existing, what):
    """Neither file, and where one is there the other is not written."""
    (greenprint.folder / existing).write_bytes(b"mine")
    assert greenprint.fails("keygen", "-o", "new.key", "--unsealed", "--provable") == (
        f"greenprint keygen: {existing}: exists already; a {what} file is never overwritten: "
        "choose another name"
    )
    assert os.listdir(greenprint.folder) == [existing]
    assert (greenprint.folder / existing).read_bytes() == b"mine"


def test_keygen_two_keys_differ(greenprint):
    first = shown(greenprint("keygen", "-o", "1", "--unsealed"))
    second = shown(greenprint("keygen", "-o", "2", "--unsealed"))
    assert first["key"] != second["key"]


@pytest.mark.parametrize(
    "options, parameters, encoded",
    [
        ("--gamma 1/2", "hash, context width 2, gamma 1/2", "01020101"),
        ("--gamma 0.375", "hash, context width 2, gamma 3/8", "01020303"),
        ("--gamma 255/256", "hash, context width 2, gamma 255/256", "0102ff08"),
        ("--context-width 1", "hash, context width 1, gamma 1/4", "01010102"),
        ("--context-width 16 --seeding min", "min, context width 16, gamma 1/4", "02100102"),
        ("--profile provenance", "hash, context width 2, gamma 1/4", "01020102"),
        ("--profile distill", "hash, context width 1, gamma 1/4", "01010102"),
        ("--gamma 1/2 --profile distill", "hash, context width 1, gamma 1/2", "01010101"),
        ("--seeding fixed", "fixed, context width 0, gamma 1/4", "03000102"),
        ("--seeding fixed --context-width 0", "fixed, context width 0, gamma 1/4", "03000102"),
    ],
)
def test_keygen_parameters(greenprint, options, parameters, encoded):
    result = greenprint("keygen", "-o", "new.key", "--unsealed", *options.split())
    assert shown(result)["parameters"] == parameters
    assert (greenprint.folder / "new.key").read_bytes()[28:32].hex() == encoded


@pytest.mark.parametrize(
    "options, message",
    [
        ("--unsealed", "name the key file to write with -o FILE"),
        ("-o - --unsealed", "a key is never written to standard output; name a file"),
        ("--unsealed new.key", "unexpected operand new.key: the key file is named with -o"),
        (
            "-o new.key --unsealed --passphrase-file p",
            "--unsealed and --passphrase-file exclude each other",
        ),
        ("-o new.key --unsealed --cost moderate", "--unsealed and --cost exclude each other"),
        (
            "-o new.key --passphrase-file p --cost cheap",
            "--cost cheap is none of interactive, moderate, sensitive",
        ),
        (
            "-o new.key --unsealed --context-width 0",
            "context width: 0 is one green list for everything, the easiest to steal; "
            "if that is wanted, ask for the seeding scheme 'fixed'",
        ),
        ("-o new.key --unsealed --context-width 17", "context width: must be 1 to 16, not 17"),
        (
            "-o new.key --unsealed --context-width -1",
            "--context-width -1 is not a whole number from 0 to 16",
        ),
        (
            "-o new.key --unsealed --context-width 4294967298",
            "--context-width 4294967298 is not a whole number from 0 to 16",
        ),
        (
            "-o new.key --unsealed --context-width 2 --seeding fixed",
            "context width: the seeding scheme 'fixed' has no context, "
            "so the width must be 0, not 2",
        ),
        (
            "-o new.key --unsealed --profile fast",
            "profile: 'fast' is not provenance or distill",
        ),
        (
            "-o new.key --unsealed --seeding sum",
            "seeding: 'sum' is not hash, min or fixed",
        ),
        (
            "-o new.key --unsealed --gamma 0.3",
            "gamma: '0.3' is not g/2^k with k up to 8; the nearest that is: 77/256",
        ),
        ("-o new.key --unsealed --gamma 5/4", "gamma: '5/4' is not between 0 and 1"),
        (
            "-o new.key --unsealed --gamma x",
            "gamma: 'x' is not a fraction such as 1/4 or 0.25",
        ),
        (
            "-o none/new.key --unsealed",
            "none/new.key: cannot create the key file: No such file or directory",
        ),
        (
            "-o new.key --passphrase-file none",
            "none: the passphrase cannot be read: No such file or directory",
        ),
        (
            "-o new.key --passphrase-file .",
            ".: the passphrase cannot be read: Is a directory",
        ),
        ("-o new.key", NO_TERMINAL_KEYGEN),
    ],
)
def test_keygen_refuses(greenprint, options, message):
    assert greenprint.fails("keygen", *options.split()) == MESSAGE.format("keygen") + message
    assert os.listdir(greenprint.folder) == []


@pytest.mark.parametrize("how", ["file", "directory", "link", "dangling"])
def test_keygen_never_replaces(greenprint, how):
    path = greenprint.folder / "new.key"
    if how == "file":
        path.write_bytes(b"mine")
    elif how == "directory":
        path.mkdir()
    else:
        path.symlink_to("target")
    if how == "link":
        (greenprint.folder / "target").write_bytes(b"mine")
    before = sorted(os.listdir(greenprint.folder))
    assert greenprint.fails("keygen", "-o", "new.key", "--unsealed") == (
        "greenprint keygen: new.key: exists already; a key file is never overwritten: "
        "choose another name"
    )
    assert sorted(os.listdir(greenprint.folder)) == before
    if how in ("file", "link"):
        assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_keygen_mode_does_not_depend_on_umask(greenprint, umask):
    result = greenprint(
        "keygen", "-o", "new.key", "--unsealed", preexec_fn=lambda: os.umask(umask)
    )
    assert result.returncode == 0, result.stderr
    assert stat.S_IMODE((greenprint.folder / "new.key").stat().st_mode) == 0o600
    assert os.listdir(greenprint.folder) == ["new.key"]


def test_keygen_says_when_its_output_is_lost(greenprint):
    with open("/dev/full", "wb") as full:
        result = greenprint("keygen", "-o", "new.key", "--unsealed", stdout=full)
    assert result.returncode == 2
    assert result.stderr == (
        "greenprint keygen: standard output cannot be written: No space left on device\n"
    )
    assert (greenprint.folder / "new.key").stat().st_size == 200


def test_keygen_that_is_interrupted_leaves_no_other_file(greenprint):
    """A signal finds no key yet, or a whole one, and ends the command either way."""
    statuses = set()
    for delay in range(30):
        process = greenprint.start("keygen", "-o", f"{delay}.key", "--unsealed")
        time.sleep(delay / 5000)
        process.terminate()
        process.communicate(timeout=60)
        statuses.add(process.returncode)
        left = os.listdir(greenprint.folder)
        assert left in ([], [f"{delay}.key"])
        for name in left:
            assert (greenprint.folder / name).stat().st_size == 200
            (greenprint.folder / name).unlink()
    assert statuses <= {0, -signal.SIGTERM}


def test_keygen_that_is_interrupted_while_it_seals(greenprint):
    """The signal waits until the key file is there, and then takes effect."""
    (greenprint.folder / "p").write_bytes(b"x")
    process = greenprint.start("keygen", "-o", "new.key", "--passphrase-file", "p",
                               "--cost", "sensitive")  # fmt: skip
    wait_until_blocked(process, signal.SIGTERM)
    process.terminate()
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (-signal.SIGTERM, b"")
    assert sorted(os.listdir(greenprint.folder)) == ["new.key", "p"]
    assert (greenprint.folder / "new.key").stat().st_size == 200


def wait_until_blocked(process, number):
    """Wait until a process has blocked a signal."""
    while process.poll() is None:
        with open(f"/proc/{process.pid}/status") as file:
            blocked = re.search(r"^SigBlk:\s*([0-9a-f]+)", file.read(), re.MULTILINE)
        if int(blocked[1], 16) >> (number - 1) & 1:
            return
        time.sleep(0.001)
    raise AssertionError("the process ended without blocking the signal")


# -------------------------------------------------------------------- passphrases


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_passphrase_file_line_ending(greenprint, sealed, ending):
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    (greenprint.folder / "p").write_bytes(b"correct horse" + ending)
    result = greenprint("verify", "-k", "s.key", "--passphrase-file", "p", "a.tokens")
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize(
    "content",
    [b"correct horse\n\n", b"correct horse ", b" correct horse", b"correct horse\r",
     b"Correct horse", b"correct horse\0", b"wrong"],
)  # fmt: skip
def test_wrong_passphrase(greenprint, sealed, content):
    (greenprint.folder / "p").write_bytes(content)
    assert greenprint.fails("verify", "-k", "s.key", "--passphrase-file", "p") == (
        "greenprint verify: s.key: wrong passphrase, or the key file was tampered with"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("command", ["keygen -o new.key", "verify -k s.key"])
def test_empty_passphrase_file(greenprint, sealed, content, command):
    (greenprint.folder / "p").write_bytes(content)
    assert greenprint.fails(*command.split(), "--passphrase-file", "p") == (
        f"greenprint {command.split()[0]}: p: the passphrase is empty"
    )


def test_passphrase_length(greenprint):
    path = greenprint.folder / "p"
    make = ("keygen", "--cost", "interactive", "--passphrase-file", "p", "-o")
    for extra in (b"", b"\n", b"\r\n"):
        path.write_bytes(b"x" * 1024 + extra)
        assert greenprint(*make, f"{len(extra)}.key").returncode == 0
        path.write_bytes(b"x" * 1025 + extra)
        assert greenprint.fails(*make, "9.key") == (
            "greenprint keygen: p: the passphrase is longer than 1024 bytes"
        )
    for content in (b"x" * 100000, b"x" * 1024 + b"\r\nx"):
        path.write_bytes(content)
        assert greenprint.fails(*make, "9.key") == (
            "greenprint keygen: p: the passphrase is longer than 1024 bytes"
        )


def test_passphrase_of_any_bytes(greenprint):
    (greenprint.folder / "p").write_bytes(b"\0\xff\xc3\n\n\n")
    (greenprint.folder / "q").write_bytes(b"\0\xff\xc3\n\n")
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    made = greenprint("keygen", "-o", "n.key", "--cost", "interactive", "--passphrase-file", "p")
    assert made.returncode == 0
    verify = ("verify", "-k", "n.key", "a.tokens", "--passphrase-file")
    assert greenprint(*verify, "p").returncode == 1
    assert greenprint(*verify, "q").returncode == 2


def open_for_writing(path, process):
    """Open a named pipe once the process, past its key, has opened the other end."""
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert process.poll() is None
            time.sleep(0.01)


def test_passphrase_stays_secret(greenprint, sealed):
    """While a sealed key is in use, its passphrase is not where others could see it."""
    os.mkfifo(greenprint.folder / "in.tokens")
    process = greenprint.start("verify", "-k", "s.key", "--passphrase-file", "pass", "in.tokens")
    with os.fdopen(open_for_writing(greenprint.folder / "in.tokens", process), "wb") as pipe:
        seen = b""
        for name in ("cmdline", "environ"):
            with open(f"/proc/{process.pid}/{name}", "rb") as file:
                seen += file.read()
        pipe.write(b"1 2 3\n")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"s.key" in seen
    assert b"correct horse" not in seen + out + err


def verify_with_key_from_pipe(greenprint, content, *options):
    """Run verify with a key from a named pipe, which can be read only once."""
    os.mkfifo(greenprint.folder / "pipe.key", 0o600)
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    process = greenprint.start("verify", "-k", "pipe.key", *options, "a.tokens")
    with os.fdopen(open_for_writing(greenprint.folder / "pipe.key", process), "wb") as pipe:
        pipe.write(content)
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


def test_unsealed_key_from_a_pipe(greenprint, unsealed_key):
    status, out, err = verify_with_key_from_pipe(greenprint, unsealed_key)
    assert (status, err) == (1, "")
    assert out.startswith("Not found: ")


@pytest.mark.parametrize("protection", ["sealed", "unsealed"])
def test_key_from_a_pipe_and_passphrase(greenprint, sealed, sealed_key, unsealed_key, protection):
    content = sealed_key if protection == "sealed" else unsealed_key
    status, out, err = verify_with_key_from_pipe(greenprint, content, "--passphrase-file", "pass")
    assert (status, err) == (1, "")
    assert out.startswith(f"Not found: the mark of key {content[32:40].hex()}")


def test_sealed_key_from_a_pipe_without_passphrase(greenprint, sealed_key):
    assert verify_with_key_from_pipe(greenprint, sealed_key) == (
        2,
        "",
        "greenprint verify: pipe.key: the key is sealed and does not come from a regular file: "
        "name a file that holds its passphrase with --passphrase-file\n",
    )


def test_passphrase_for_an_unsealed_key(greenprint, key):
    """It is ignored."""
    (greenprint.folder / "pass").write_bytes(b"x")
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    result = greenprint("verify", "-k", "k.key", "--passphrase-file", "pass", "a.tokens")
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
@pytest.mark.parametrize("options", [(), ("--passphrase-file", "pass")])
def test_verify_warns_of_readable_files(greenprint, key, sealed, mode, options):
    """Of unsealed ones: a sealed key may lie where others can read it."""
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    quiet = greenprint("verify", "-k", "k.key", *options, "a.tokens")
    assert (quiet.returncode, quiet.stderr) == (1, "")
    key.chmod(mode)
    result = greenprint("verify", "-k", "k.key", *options, "a.tokens")
    assert (result.returncode, result.stdout) == (1, quiet.stdout)
    assert result.stderr == (
        "greenprint verify: warning: k.key: others can read this key file "
        f"(mode {mode:04o}); chmod 600 it\n"
    )
    sealed.chmod(mode)
    result = greenprint("verify", "-k", "s.key", "--passphrase-file", "pass", "a.tokens")
    assert (result.returncode, result.stderr) == (1, "")


def test_no_terminal(greenprint, sealed):
    assert greenprint.fails("verify", "-k", "s.key") == (
        "greenprint verify: there is no terminal to ask for the passphrase; "
        "name a file that holds it with --passphrase-file"
    )


# ----------------------------------------------------------------------- terminal


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, command, *arguments, job_control=False):
        self.fd, slave = pty.openpty()
        self.name = os.ttyname(slave)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.fd)
            os.setsid()
            # A shell has its background jobs ignore these, and a job's children with it.
            for number in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(slave, fd)
            os.chdir(command.folder)
            if job_control:
                self.run_as_job()
            os.execv(command.binary, [command.binary, *arguments])
        os.close(slave)
        self.seen = b""

    @staticmethod
    def run_as_job() -> None:
        """Return in a new foreground job; stay behind as its shell, which resumes it."""
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            return
        status = os.waitpid(job, os.WUNTRACED)[1]
        if os.WIFSTOPPED(status):
            echo = bool(termios.tcgetattr(0)[3] & termios.ECHO)
            os.write(1, b"stopped, echo %d\n" % echo)
            os.kill(job, signal.SIGCONT)
            status = os.waitpid(job, 0)[1]
        os._exit(abs(os.waitstatus_to_exitcode(status)))

    def read(self) -> bytes:
        """What comes next; nothing at the end, or when nothing comes for a minute."""
        if not select.select([self.fd], [], [], 60)[0]:
            os.kill(self.pid, signal.SIGKILL)
            return b""
        try:
            return os.read(self.fd, 1000)
        except OSError:  # Linux: the other end is closed
            return b""

    def expect(self, text: bytes) -> None:
        while text not in self.seen:
            more = self.read()
            assert more, f"{text} does not come after {self.seen}"
            self.seen += more
        self.seen = self.seen.partition(text)[2]

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def answer(self, prompt: bytes, typed: bytes) -> None:
        self.expect(prompt)
        assert not self.echoes()
        os.write(self.fd, typed)

    def rest(self) -> bytes:
        """What was printed up to the end."""
        while more := self.read():
            self.seen += more
        return self.seen

    def status(self) -> int:
        result = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(result)


FIRST = b"Passphrase for the new key: "
AGAIN = b"The same passphrase again: "


def test_keygen_asks_twice(greenprint):
    terminal = Terminal(greenprint, "keygen", "-o", "new.key", "--cost", "interactive")
    terminal.answer(FIRST, b"tr\xc3\xa4gt weit\n")
    terminal.answer(AGAIN, b"tr\xc3\xa4gt weit\n")
    rest = terminal.rest()
    assert terminal.status() == 0
    assert b"sealed with the passphrase" in rest
    assert b"weit" not in rest
    (greenprint.folder / "p").write_bytes(b"tr\xc3\xa4gt weit\n")
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    verify = ("verify", "-k", "new.key", "--passphrase-file", "p", "a.tokens")
    assert greenprint(*verify).returncode == 1


def test_keygen_refuses_entries_that_differ(greenprint):
    terminal = Terminal(greenprint, "keygen", "-o", "new.key")
    terminal.answer(FIRST, b"one\n")
    terminal.answer(AGAIN, b"two\n")
    rest = terminal.rest()
    assert b"greenprint keygen: the two passphrases differ; no key was made" in rest
    assert terminal.status() == 2
    assert os.listdir(greenprint.folder) == []


@pytest.mark.parametrize("first, again", [(b"one", b"onex"), (b"onex", b"one")])
def test_keygen_compares_whole_entries(greenprint, first, again):
    terminal = Terminal(greenprint, "keygen", "-o", "new.key")
    terminal.answer(FIRST, first + b"\n")
    terminal.answer(AGAIN, again + b"\n")
    assert b"the two passphrases differ" in terminal.rest()
    assert terminal.status() == 2


def test_keygen_refuses_an_empty_entry(greenprint):
    terminal = Terminal(greenprint, "keygen", "-o", "new.key")
    terminal.answer(FIRST, b"\n")
    assert b"greenprint keygen: the passphrase is empty" in terminal.rest()
    assert terminal.status() == 2
    assert os.listdir(greenprint.folder) == []


def test_keygen_refuses_a_long_entry(greenprint):
    terminal = Terminal(greenprint, "keygen", "-o", "new.key")
    terminal.answer(FIRST, b"x" * 1025 + b"\n")
    assert b"the passphrase is longer than 1024 bytes" in terminal.rest()
    assert terminal.status() == 2


def test_keygen_does_not_ask_in_vain(greenprint):
    (greenprint.folder / "new.key").write_bytes(b"mine")
    terminal = Terminal(greenprint, "keygen", "-o", "new.key")
    rest = terminal.rest()
    assert terminal.status() == 2
    assert b"exists already" in rest
    assert b"assphrase" not in rest


def test_verify_asks_once(greenprint, sealed, sealed_key):
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    terminal = Terminal(greenprint, "verify", "-k", "s.key", "a.tokens")
    terminal.answer(b"Passphrase of key %s: " % sealed_key[32:40].hex().encode(),
                    b"correct horse\n")  # fmt: skip
    rest = terminal.rest()
    assert b"Not found: " in rest
    assert b"horse" not in rest
    assert terminal.status() == 1


def test_key_that_changes_while_its_passphrase_is_typed(greenprint, sealed, unsealed_key):
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    terminal = Terminal(greenprint, "verify", "-k", "s.key", "a.tokens")
    terminal.expect(b"Passphrase of key ")
    sealed.write_bytes(unsealed_key)
    terminal.answer(b": ", b"correct horse\n")
    assert b"s.key: the key file changed while its passphrase was asked for" in terminal.rest()
    assert terminal.status() == 2


@pytest.mark.parametrize(
    "typed, number",
    [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT), (None, signal.SIGTERM)],
)
def test_signals_restore_the_terminal(greenprint, typed, number):
    terminal = Terminal(greenprint, "keygen", "-o", "new.key")
    terminal.expect(FIRST)
    assert not terminal.echoes()
    # With the process gone, an end of its own keeps the terminal and its settings there.
    other = os.open(terminal.name, os.O_RDWR | os.O_NOCTTY)
    if typed is None:
        os.kill(terminal.pid, number)
    else:
        os.write(terminal.fd, b"half" + typed)
    result = os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1])
    assert result == -number
    assert terminal.echoes()
    os.close(other)
    os.close(terminal.fd)
    assert os.listdir(greenprint.folder) == []


def test_a_stopped_prompt_asks_again(greenprint):
    """Control-Z gives the terminal back; when the command goes on, it asks anew."""
    terminal = Terminal(
        greenprint, "keygen", "-o", "new.key", "--cost", "interactive", job_control=True
    )
    terminal.answer(FIRST, b"half\x1a")
    terminal.expect(b"stopped, echo 1")
    terminal.answer(FIRST, b"one\n")
    terminal.answer(AGAIN, b"one\n")
    rest = terminal.rest()
    assert terminal.status() == 0, rest
    (greenprint.folder / "p").write_bytes(b"one")
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    verify = ("verify", "-k", "new.key", "--passphrase-file", "p", "a.tokens")
    assert greenprint(*verify).returncode == 1


# ------------------------------------------------------------------------ inspect


def test_inspect_unsealed(greenprint, key, unsealed_key):
    fields = shown(greenprint("inspect", "k.key"))
    assert fields == {
        "file": "k.key",
        "key": unsealed_key[32:40].hex(),
        "commitment": unsealed_key[32:64].hex(),
        "scheme": "greenprint-1",
        "parameters": "hash, context width 2, gamma 1/4",
        "protection": "none: whoever can read the file has the key",
    }


def test_inspect_sealed(greenprint, sealed, sealed_key):
    result = greenprint("inspect", "s.key")
    assert shown(result)["protection"] == "sealed (Argon2id, passes 2, memory 65536 KiB)"
    assert result.stdout.endswith(
        "\nThe sealed contents were not verified: that takes the passphrase.\n"
    )
    # Sealed means sealed: the command cannot tell a forged ciphertext from the true one.
    forged = with_checksum(sealed_key[:120] + bytes(48) + sealed_key[168:])
    sealed.write_bytes(forged)
    assert greenprint("inspect", "s.key").stdout == result.stdout


def test_inspect_json(greenprint, key, sealed, unsealed_key, sealed_key):
    result = greenprint("inspect", "--json", "k.key")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "file": "key",
        "scheme": "greenprint-1",
        "seeding": "hash",
        "context_width": 2,
        "gamma": 0.25,
        "key_id": unsealed_key[32:40].hex(),
        "key_commitment": unsealed_key[32:64].hex(),
        "sealed": False,
        "argon2id": None,
    }
    result = json.loads(greenprint("inspect", "--json", "s.key").stdout)
    assert result["key_id"] == sealed_key[32:40].hex()
    assert result["sealed"] is True
    assert result["argon2id"] == {"passes": 2, "memory": 64 << 20}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_inspect_warns_of_readable_files(greenprint, key, mode):
    quiet = greenprint("inspect", "k.key")
    key.chmod(mode)
    result = greenprint("inspect", "k.key")
    assert (result.returncode, result.stdout) == (0, quiet.stdout)
    assert result.stderr == (
        "greenprint inspect: warning: k.key: others can read this key file "
        f"(mode {mode:04o}); chmod 600 it\n"
    )


@pytest.mark.parametrize("arguments", [(), ("k.key", "k.key")])
def test_inspect_wants_one_file(greenprint, key, arguments):
    assert greenprint.fails("inspect", *arguments) == (
        "greenprint inspect: name one file; see greenprint inspect --help"
    )


# ------------------------------------------------------------------- bad key files

DAMAGED = "the checksum does not match: the key file is damaged; use a copy"


def changed(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def flipped(content: bytes, at: int) -> bytes:
    return changed(content, at, bytes([content[at] ^ 1]))


# fmt: off
BAD_FILES = {
    "empty": (lambda c: b"", "not a Greenprint key file"),
    "other": (lambda c: b"-----BEGIN", "not a Greenprint key file"),
    "truncated": (
        lambda c: c[:199],
        "the key file is cut off or has bytes added: 199 bytes, not 200",
    ),
    "longer": (
        lambda c: c + b"\n",
        "the key file is cut off or has bytes added: more than 200 bytes, not 200",
    ),
    "crlf": (lambda c: c[:6] + c[7:] + b"\0", "not a Greenprint key file"),
    "version": (
        lambda c: with_checksum(changed(c, 8, b"\2")),
        "key file version 2; this library reads version 1",
    ),
    "flip in params": (lambda c: flipped(c, 29), DAMAGED),
    "flip in commitment": (lambda c: flipped(c, 40), DAMAGED),
    "flip in secret": (lambda c: flipped(c, 130), DAMAGED),
    "flip in checksum": (lambda c: flipped(c, 199), DAMAGED),
    "scheme": (
        lambda c: with_checksum(changed(c, 12, b"greenprint-2")),
        "scheme 'greenprint-2'; this library has only greenprint-1 and greenprint-1v",
    ),
    "protection": (
        lambda c: with_checksum(changed(c, 9, b"\2")),
        "the protection fields contradict each other",
    ),
}
# fmt: on


@pytest.mark.parametrize("which", BAD_FILES)
@pytest.mark.parametrize("command", ["inspect", "verify -k"])
def test_bad_key_file(greenprint, key, unsealed_key, which, command):
    change, message = BAD_FILES[which]
    key.write_bytes(change(unsealed_key))
    name = command.split()[0]
    assert greenprint.fails(*command.split(), "k.key") == f"greenprint {name}: k.key: {message}"


def test_bad_parameters(greenprint, key, unsealed_key):
    key.write_bytes(with_checksum(changed(unsealed_key, 28, b"\1\0\1\2")))
    message = greenprint.fails("inspect", "k.key")
    assert message.startswith("greenprint inspect: k.key: bad parameters: context width: 0 is")


def test_altered_with_a_right_checksum(greenprint, key, sealed, unsealed_key, sealed_key):
    """What the checksum cannot show, the commitment or the seal does."""
    for at in (30, 31, 40, 130):
        value = {30: b"\3", 31: b"\3"}.get(at, bytes([unsealed_key[at] ^ 1]))
        key.write_bytes(with_checksum(changed(unsealed_key, at, value)))
        assert greenprint.fails("verify", "-k", "k.key") == (
            "greenprint verify: k.key: the key does not belong to the commitment in its file: "
            "the file was tampered with"
        )
    for at in (30, 40, 85, 100, 130, 160):
        value = b"\3" if at == 30 else bytes([sealed_key[at] ^ 1])
        sealed.write_bytes(with_checksum(changed(sealed_key, at, value)))
        assert greenprint.fails("verify", "-k", "s.key", "--passphrase-file", "pass") == (
            "greenprint verify: s.key: wrong passphrase, or the key file was tampered with"
        )


@pytest.mark.parametrize("at, value", [(64, 0), (64, 17), (72, 8191), (72, (1 << 30) + 1)])
def test_forged_cost(greenprint, sealed, sealed_key, at, value):
    sealed.write_bytes(with_checksum(changed(sealed_key, at, struct.pack("<Q", value))))
    assert greenprint.fails("verify", "-k", "s.key", "--passphrase-file", "pass") == (
        "greenprint verify: s.key: the seal's cost is out of range "
        "(1 to 16 passes, 8 KiB to 1 GiB)"
    )


@pytest.mark.parametrize("command", ["inspect", "verify -k"])
def test_key_file_that_cannot_be_read(greenprint, command):
    name = command.split()[0]
    assert greenprint.fails(*command.split(), "none") == (
        f"greenprint {name}: none: cannot open the key file: No such file or directory"
    )
    assert greenprint.fails(*command.split(), ".") == (
        f"greenprint {name}: .: cannot read the key file: Is a directory"
    )
