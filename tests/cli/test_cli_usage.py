"""Help, versions and options that are wrong."""

import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

COMMANDS = (
    "keygen",
    "inspect",
    "verify",
    "prove",
    "check",
    "precompute",
    "merge",
    "contexts",
    "audit",
    "trace",
    "commit",
    "timestamp",
    "sign",
    "plan",
    "serve",
    "version",
)
CLI = Path(__file__).parents[2] / "cli"


def test_help(greenprint):
    for option in ("--help", "-h"):
        result = greenprint(option)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("Usage: greenprint COMMAND [OPTION...]\n")
        for command in COMMANDS:
            assert re.search(rf"^  {command} ", result.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "command, options",
    [
        (
            "keygen",
            "-o --output --gamma --context-width --seeding --provable --passphrase-file --cost "
            "--unsealed",
        ),
        ("inspect", "--json"),
        (
            "verify",
            "-k --key --passphrase-file --tenant --tenants --table --committed --root --tests "
            "--server --pub --token-file --ca --alpha -t --tokenizer --normalize --format "
            "--field --role -r --recursive --skip-bad --per-document --locate --weights "
            "--json --json-lines --html --partial -q --quiet -j --jobs --max-memory",
        ),
        (
            "prove",
            "-k --key --passphrase-file --tenant -o --output --sample --server --pub "
            "--token-file --ca -j --jobs -q --quiet "
            "-t --tokenizer --normalize --format --field --role -r --recursive --skip-bad",
        ),
        (
            "check",
            "--pub --committed --root --tests --alpha -t --tokenizer --normalize --format "
            "--field --role -r --recursive --skip-bad --per-document --locate --json "
            "--json-lines --html -q --quiet -j --jobs --max-memory",
        ),
        (
            "precompute",
            "-k --key --passphrase-file --vocabulary --tenant -o --output -j --jobs -q --quiet",
        ),
        (
            "merge",
            "--committed --root --tests --alpha --per-document --json --json-lines --partial "
            "-q --quiet -j --jobs --max-memory",
        ),
        (
            "contexts",
            "-o --output --json -q --quiet -k --key --context-width -t --tokenizer --normalize "
            "--format --field --role -r --recursive --skip-bad",
        ),
        (
            "audit",
            "-k --key --passphrase-file --tenant --table --committed --root --tests --alpha "
            "--open --reference --served --prompts --controls -t --tokenizer --normalize "
            "--format --field --role --json --html -q --quiet -j --jobs",
        ),
        (
            "trace",
            "-k --key --passphrase-file --tenants --table --committed --root --tests --alpha "
            "--served-by --prompts -t --tokenizer --normalize --format --field --role --json "
            "--html -q --quiet -j --jobs",
        ),
        ("commit", "-o --output --root --json -q --quiet"),
        (
            "timestamp",
            "-o --output --sha512 --request --ca --untrusted --crl --policy --at-stamp-time "
            "--json -q --quiet",
        ),
        (
            "sign",
            "-s --secret -o --output --comment --pub --signature --new --passphrase-file --cost "
            "-W --unsealed -q --quiet",
        ),
        (
            "plan",
            "--gamma --delta --entropy --rate --distinct --alpha --power -k --key --tenant "
            "--passphrase-file --json",
        ),
        (
            "serve",
            "-k --key --passphrase-file --listen --tokens --state --tls-cert --tls-key "
            "--plain-http --max-elements --timeout -j --threads --log",
        ),
        ("version", ""),
    ],
)
def test_help_of_a_command(greenprint, command, options):
    for option in ("--help", "-h"):
        result = greenprint(command, option)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith(f"Usage: greenprint {command}")
        assert all(len(line) <= 88 for line in result.stdout.splitlines())
        for name in options.split():
            assert re.search(rf"^ .*{name}\b", result.stdout, re.MULTILINE), name


def options_of(greenprint, command):
    """Return the long options that a command's help names."""
    lines = greenprint(command, "--help").stdout.splitlines()
    found = [re.match(r" +(?:-\w, )?--([\w-]+)", line) for line in lines]
    return {match[1] for match in found if match}


@pytest.mark.parametrize("command", COMMANDS)
def test_man_page(greenprint, command):
    """The page describes what the help names, and nothing else."""
    page = (CLI / "greenprint.1").read_text()
    section = re.search(rf"^\.SS greenprint {command}\n(.*?)^\.S", page, re.M | re.S)[1]
    # Only the paragraphs' heads count; what the text mentions may belong to another command.
    heads = re.findall(r"^\.T[PQ]\n(.*)", section, re.M)
    described = {
        name.replace("\\-", "-")
        for head in heads
        for name in re.findall(r"\\-\\-([\w\\-]+)", head)
    }
    # --help is described once, for all commands.
    assert described == options_of(greenprint, command) - {"help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_completion(greenprint, command):
    script = (
        f"source {CLI}/completion/greenprint.bash; "
        f"COMP_WORDS=(greenprint {command} --); COMP_CWORD=2; _greenprint; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    offered = {word.removeprefix("--") for word in done.stdout.split()}
    assert offered == options_of(greenprint, command) | {"help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_zsh_completion(greenprint, command):
    script = (CLI / "completion" / "_greenprint").read_text()
    part = re.search(rf"^    {command}\)\n(.*?);;", script, re.M | re.S)[1]
    offered = set(re.findall(r"--([\w-]+?)(?:=-)?(?:\[|\}'\[)", part))
    assert offered == options_of(greenprint, command) | {"help"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completion(greenprint, command):
    script = f"source {CLI}/completion/greenprint.fish; complete -C 'greenprint {command} --'"
    done = subprocess.run(["fish", "-c", script], capture_output=True, text=True, check=True)
    offered = {line.split("\t")[0].removeprefix("--") for line in done.stdout.splitlines()}
    assert offered == options_of(greenprint, command) | {"help"}


def test_commands_are_completed(greenprint):
    for name in ("greenprint.bash", "_greenprint", "greenprint.fish"):
        text = (CLI / "completion" / name).read_text()
        for command in COMMANDS:
            assert re.search(rf"\b{command}\b", text), (name, command)


def test_no_command(greenprint):
    result = greenprint()
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: greenprint COMMAND")


def test_unknown_command(greenprint):
    assert greenprint.fails("paint") == "greenprint: unknown command paint; see greenprint --help"
    assert (
        greenprint.fails("--sign") == "greenprint: unknown option --sign; see greenprint --help"
    )


def test_version(greenprint):
    result = greenprint("version")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    patterns = [
        r"greenprint \d",
        r"kernels for (portable|avx2|avx512|vaes|neon)$",
        r"OpenSSL 3",
        r"libsodium 1",
        r"zlib 1",
        r"jansson 2",
    ]
    patterns += [r"PCRE2 10", r"utf8proc 2.*Unicode"]
    assert len(lines) == len(patterns)
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.match(pattern, line)
    assert greenprint("--version").stdout == result.stdout
    portable = greenprint("version", env={"GREENPRINT_CPU": "portable"})
    assert portable.stdout.splitlines()[1] == "kernels for portable"
    assert greenprint.fails("version", env={"GREENPRINT_CPU": "sse"}) == (
        "greenprint version: GREENPRINT_CPU: must be portable, avx2, avx512, vaes or neon, "
        'not "sse"'
    )
    assert greenprint("-V").stdout == result.stdout
    assert greenprint.fails("version", "x") == (
        "greenprint version: unexpected operand x; see greenprint version --help"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_option(greenprint, command):
    see = f"; see greenprint {command} --help"
    start = f"greenprint {command}: "
    assert greenprint.fails(command, "--bogus") == (
        start + "unknown or ambiguous option --bogus" + see
    )
    assert greenprint.fails(command, "-x") == start + "unknown option -x" + see
    assert greenprint.fails(command, "--help=1") == (
        start + "option --help=1 takes no value" + see
    )


@pytest.mark.parametrize("command", ["audit", "trace"])
@pytest.mark.parametrize("option", ["--recursive", "--skip-bad"])
def test_options_of_reading_that_audits_lack(greenprint, command, option):
    """They are known to the commands that read in the same way."""
    assert greenprint.fails(command, "-k", "k.key", option) == (
        f"greenprint {command}: unknown or ambiguous option {option}; "
        f"see greenprint {command} --help"
    )


@pytest.mark.parametrize(
    "command, option",
    [("keygen", "-o"), ("keygen", "--cost"), ("verify", "-k"), ("verify", "--alpha")],
)
def test_option_without_its_value(greenprint, command, option):
    assert greenprint.fails(command, option) == (
        f"greenprint {command}: option {option} needs a value; see greenprint {command} --help"
    )


def test_control_characters_are_not_printed(greenprint):
    assert greenprint.fails("a\x1b[31m\nb") == (
        "greenprint: unknown command a?[31m?b; see greenprint --help"
    )
    bad = [*range(1, 32), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F]
    bad += [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    for code in bad:
        assert greenprint.fails(f"a{chr(code)}b").startswith("greenprint: unknown command a?b;")


def test_other_characters_are_printed(greenprint):
    good = "\u00a0\u00e4\u00c2\u061b\u061d\u200d\u2010\u2029\u202f\u2065\u206a\u20ac\U0001f33f"
    assert greenprint.fails(good) == (
        f"greenprint: unknown command {good}; see greenprint --help"
    )
    # What begins like a character and ends too early is passed on as it is.
    for cut in (b"\xc2", b"\xe2", b"\xe2\x80"):
        process = greenprint.start(cut)
        assert b" " + cut + b"; " in process.communicate(timeout=60)[1]


@pytest.mark.parametrize("arguments", [("--help",), ("version",), ("verify", "--help")])
def test_output_that_is_lost(greenprint, arguments):
    with open("/dev/full", "wb") as full:
        result = greenprint(*arguments, stdout=full)
    assert result.returncode == 2
    assert "standard output cannot be written: No space left on device" in result.stderr


def test_closed_standard_descriptors(greenprint, key):
    """No file that is opened may take the place of standard output or error."""
    (greenprint.folder / "a.tokens").write_text("1 2 3\n")
    result = greenprint("verify", "-k", "k.key", "a.tokens", preexec_fn=lambda: os.close(1))
    assert result.returncode == 2
    assert "standard output cannot be written: Bad file descriptor" in result.stderr
    result = greenprint("verify", "-k", "k.key", preexec_fn=lambda: os.close(0))
    assert result.returncode == 2
    assert "standard input:1: cannot be read: Bad file descriptor" in result.stderr
    before = key.read_bytes()
    result = greenprint("keygen", "-o", "k.key", "--unsealed", preexec_fn=lambda: os.close(2))
    assert (result.returncode, key.read_bytes()) == (2, before)


def test_no_core_files(greenprint, key):
    """A process that holds a key may not leave it in a core file."""

    def allow_core_files():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    process = greenprint.start(
        "verify", "-k", "k.key", stdin=subprocess.PIPE, preexec_fn=allow_core_files
    )
    process.stdin.write(b"1 2 3 ")
    process.stdin.flush()
    wait_until_reading(process.pid)
    with open(f"/proc/{process.pid}/limits") as file:
        limits = file.read()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    process.communicate(b"4\n", timeout=60)
    assert process.returncode == 1


def wait_until_reading(pid):
    """Wait until a process sleeps, which here is in read(2) on its standard input."""
    for _ in range(10000):
        with open(f"/proc/{pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "S":
                return
    raise AssertionError("the process does not come to read")
