"""What a terminal shows: colours, and the progress of long work."""

import fcntl
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import pytest

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
TERM = {"TERM": "xterm-256color"}


def on_terminal(arguments, folder, columns=100, environment=None, stdout=None, act=None):
    """Run a program whose standard output and error are a terminal; returns status and output.

    `stdout` takes standard output away from the terminal. `act` is called with the process and
    the terminal's file descriptor after every read.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}

    def own_terminal():
        os.setsid()
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        arguments,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=follower if stdout is None else stdout,
        stderr=follower,
        env={**inherited, **(TERM if environment is None else environment)},
        preexec_fn=own_terminal,
    )
    os.close(follower)
    output = b""
    while True:
        try:
            got = os.read(leader, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not got:
            break
        output += got
        if act is not None:
            act(process, leader)
    os.close(leader)
    return process.wait(timeout=60), output.decode()


# ------------------------------------------------------------------------- colours


@pytest.fixture
def tokens(greenprint, key) -> pathlib.Path:
    path = greenprint.folder / "a.tokens"
    path.write_text(" ".join(map(str, range(200))) + "\n1 2 3 4\n")
    return path


def verify_on_terminal(greenprint, *options, **settings):
    arguments = [greenprint.binary, "verify", "-k", "k.key", "a.tokens", *options]
    status, output = on_terminal(arguments, greenprint.folder, **settings)
    return status, output.replace("\r\n", "\n")


def test_colours_on_a_terminal(greenprint, tokens):
    """The text is the same as without a terminal; colours only dress it."""
    plain = greenprint("verify", "-k", "k.key", "a.tokens", "--per-document").stdout
    assert "\x1b" not in plain
    status, coloured = verify_on_terminal(greenprint, "--per-document")
    assert status == 1 and ESCAPE.sub("", coloured) == plain
    assert coloured.startswith("\x1b[1;33mNot found: the mark\x1b[0m of key ")
    assert "\n\x1b[2mtokens    \x1b[0m 204\n" in coloured
    assert coloured.count("\x1b[0m") == coloured.count("\x1b[") / 2  # all are ended


def test_colour_of_found(greenprint, tokens):
    status, coloured = verify_on_terminal(greenprint, "--alpha", "0.999999999")
    if status == 1:  # as many green tokens as that are as good as never missed
        pytest.fail("an alpha of nearly 1 was not reached")
    assert coloured.startswith("\x1b[1;32mFound: the mark\x1b[0m of key ")


@pytest.mark.parametrize(
    "environment",
    [
        {"TERM": "xterm", "NO_COLOR": "1"},
        {"TERM": "dumb"},
        {"TERM": ""},
        {},
    ],
)
def test_no_colours(greenprint, tokens, environment):
    plain = greenprint("verify", "-k", "k.key", "a.tokens").stdout
    assert verify_on_terminal(greenprint, environment=environment) == (1, plain)


def test_empty_no_color_is_none(greenprint, tokens):
    _, coloured = verify_on_terminal(greenprint, environment={**TERM, "NO_COLOR": ""})
    assert "\x1b[1;33m" in coloured


def test_no_colours_in_json(greenprint, tokens):
    _, output = verify_on_terminal(greenprint, "--json")
    assert output == greenprint("verify", "-k", "k.key", "a.tokens", "--json").stdout


def test_no_colours_in_a_file(greenprint, tokens, tmp_path):
    """Only standard error is a terminal: the report has no colours."""
    with open(tmp_path / "out", "wb") as out:
        verify_on_terminal(greenprint, stdout=out)
    assert b"\x1b" not in (tmp_path / "out").read_bytes()


# ------------------------------------------------------------------------ progress


@pytest.fixture
def progress(binary, tmp_path):
    """Runs the fixture: TOTAL bytes in STEPS steps with MILLISECONDS before each."""
    program = pathlib.Path(binary).parent / "tests" / "cli_fixture"

    def run(total, steps, milliseconds, how="plain", **settings):
        arguments = [program, "progress", str(total), str(steps), str(milliseconds), how]
        return on_terminal(arguments, tmp_path, **settings)

    run.program = program
    return run


def drawn(output: str) -> list[str]:
    """The lines that were drawn, one after the other."""
    return [part.split("\x1b[K")[0] for part in output.split("\r") if "\x1b[K" in part]


BAR = re.compile(
    r" *(\d+) %  \[=*>? *\]  +([\d.]+ [kMG]?B of [\d.]+ [kMG]?B)  +([\d.]+ [kMG]?B/s)"
    r"  +([\d.]+ [kMG]?tokens/s)  +(\d+:\d\d) left"
)


def test_progress(progress):
    status, output = progress(1_000_000_000, 60, 25)
    lines = drawn(output)
    assert status == 0 and output.endswith("\r\x1b[Kdone\r\n")
    assert lines[-1] == ""  # erased
    matches = [BAR.fullmatch(line) for line in lines[:-1]]
    assert matches and all(matches), lines
    shares = [int(match[1]) for match in matches]
    assert shares == sorted(shares) and 10 <= shares[0] <= 60 and shares[-1] >= 80
    # 60 steps of 25 ms are 1.5 s or more: at least half a second of silence, then at most ten
    # lines a second. A slow machine takes longer and draws less often.
    assert len(matches) >= 4
    assert matches[-1][2].endswith(" of 1.0 GB")
    assert all(len(line) < 100 for line in lines)
    # The widths stay, so that nothing jumps about.
    assert len({len(line) for line in lines[:-1]}) == 1


def test_progress_is_not_faster_than_ten_a_second(progress):
    started = time.monotonic()
    _, output = progress(10_000_000, 1000, 1)
    took = time.monotonic() - started
    assert 1 <= len(drawn(output)) - 1 <= (took - 0.5) * 10 + 1


def test_short_work_shows_nothing(progress):
    assert progress(1_000_000, 10, 1) == (0, "done\r\n")


def test_quiet_shows_nothing(progress):
    assert progress(1_000_000, 40, 25, "quiet") == (0, "done\r\n")


@pytest.mark.parametrize("term", ["dumb", ""])
def test_dumb_terminal_shows_nothing(progress, term):
    assert progress(1_000_000, 40, 25, environment={"TERM": term}) == (0, "done\r\n")


def test_no_terminal_shows_nothing(progress, tmp_path):
    done = subprocess.run(
        [progress.program, "progress", "1000000", "40", "25", "plain"],
        capture_output=True,
        env={**os.environ, **TERM},
    )
    assert (done.returncode, done.stderr) == (0, b"done\n")


def test_unknown_total(progress):
    """A pipe has no size: a sign that turns, what was done, the rate, the time."""
    _, output = progress(300_000_000, 40, 25, "pipe")
    lines = drawn(output)[:-1]
    pattern = r"([|/\\-])  +\d+ MB  +\d+ MB/s  +\d+ Mtokens/s  +0:0\d"
    matches = [re.fullmatch(pattern, line) for line in lines]
    assert matches and all(matches), lines
    signs = "".join(match[1] for match in matches)
    assert signs in "|/-\\" * len(signs)


@pytest.mark.parametrize("columns", [1, 7, 8, 9, 12, 20, 30, 40, 60, 80, 300])
def test_width(progress, columns):
    """No line is as wide as the terminal, and the share is there where anything is."""
    _, output = progress(987_654_321, 30, 25, columns=columns)
    lines = drawn(output)[:-1]
    assert lines and max(map(len, lines)) <= max(columns - 1, 0)
    if columns > 8:
        assert all(re.match(r" *\d+ %", line) for line in lines)
    else:
        assert set(lines) == {""}
    if columns >= 30:
        assert all(" left" in line for line in lines)


def test_resizing(progress):
    """The line follows the width that the terminal has when it is drawn."""
    reads = []

    def narrow(_, leader):
        reads.append(1)
        if len(reads) == 3:
            fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))

    _, output = progress(1_000_000_000, 80, 25, columns=100, act=narrow)
    widths = [len(line) for line in drawn(output)[:-1]]
    assert widths[0] > 80 and widths[-1] < 20


def test_messages_do_not_mix_with_it(progress):
    _, output = progress(1_000_000, 60, 25, "warn")
    assert "\r\x1b[Kgreenprint fixture: warning: half of it\r\n\r" in output


def test_interrupt_leaves_a_usable_terminal(progress):
    """Nothing was switched that an end by a signal would leave switched."""
    sent = []

    def interrupt(process, _):
        if not sent:
            process.send_signal(signal.SIGINT)
            sent.append(1)

    status, output = progress(1_000_000, 400, 25, act=interrupt)
    assert status == -signal.SIGINT
    assert set(re.findall(r"\x1b\[[0-9;?]*[A-Za-z]", output)) == {"\x1b[K"}


def test_background_shows_nothing(progress, tmp_path):
    """A process that is not in the terminal's foreground does not write to it."""
    script = f"set -m; {progress.program} progress 1000000 40 25 plain & wait"
    status, output = on_terminal(["bash", "-c", script], tmp_path)
    assert status == 0 and output.startswith("done\r\n") and "\x1b" not in output
