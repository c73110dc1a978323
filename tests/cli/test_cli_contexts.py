"""Contexts files: built from logs, merged, described, and what is refused."""

import gzip
import hashlib
import json
import os
import pty
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "testvectors" / "reference"))
import greenprint_reference as reference

RANDOM = random.Random(5)
LOGS = [[RANDOM.randrange(300) for _ in range(RANDOM.randrange(1, 60))] for _ in range(40)]


def write(command, name, content):
    path = command.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read(command, name):
    return (command.folder / name).read_bytes()


def as_lines(documents):
    return "".join(" ".join(map(str, document)) + "\n" for document in documents)


def contexts(command, *arguments, **options):
    """Run a command that has to succeed, and return what it says."""
    result = command("contexts", *arguments, **options)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def fails(command, *arguments, **options):
    message = command.fails("contexts", *arguments, **options)
    assert message.startswith("greenprint contexts: ")
    return message.removeprefix("greenprint contexts: ")


@pytest.fixture
def logs(greenprint):
    write(greenprint, "a.tokens", as_lines(LOGS))
    return greenprint


@pytest.mark.parametrize("width", [1, 2, 16])
def test_the_file_is_that_of_the_reference(logs, width):
    contexts(logs, "build", "--context-width", str(width), "a.tokens", "-o", "a.gpc")
    assert read(logs, "a.gpc") == reference.write_contexts_file(width, LOGS)
    assert (logs.folder / "a.gpc").stat().st_mode & 0o777 == 0o600


def test_two_tokens_without_a_width(logs):
    contexts(logs, "build", "a.tokens", "-o", "a.gpc", "-q")
    assert read(logs, "a.gpc") == reference.write_contexts_file(2, LOGS)


@pytest.mark.parametrize("options", [(), ("--passphrase-file", "pass", "--cost", "interactive")])
def test_width_of_a_key(logs, options):
    """A sealed key's file says the width without the passphrase."""
    write(logs, "pass", "secret\n")
    sealing = options or ("--unsealed",)
    assert logs("keygen", "-o", "k.key", "--context-width", "3", *sealing).returncode == 0
    contexts(logs, "build", "-k", "k.key", "a.tokens", "-o", "a.gpc")
    assert read(logs, "a.gpc") == reference.write_contexts_file(3, LOGS)
    message = fails(
        logs, "build", "-k", "k.key", "--context-width", "3", "a.tokens", "-o", "b.gpc"
    )
    assert message == "the context width is that of the key: leave out --context-width"


def test_a_key_without_contexts(logs):
    assert logs("keygen", "-o", "k.key", "--seeding", "fixed", "--unsealed").returncode == 0
    assert fails(logs, "build", "-k", "k.key", "a.tokens", "-o", "a.gpc") == (
        "k.key: the key's seeding is fixed: one green list for everything, and no contexts to "
        "tell apart"
    )
    assert logs("keygen", "-o", "m.key", "--seeding", "min", "--unsealed").returncode == 0
    assert fails(logs, "build", "-k", "m.key", "a.tokens", "-o", "a.gpc") == (
        "m.key: the key's seeding is min: no audit could use the set, since windows that differ "
        "may be one context"
    )
    assert not (logs.folder / "a.gpc").exists()


def test_every_way_to_write_the_same_ids(logs):
    jsonl = "".join(json.dumps({"out": {"ids": ids}}) + "\n" for ids in LOGS)
    write(logs, "b.jsonl.gz", gzip.compress(jsonl.encode()))
    write(logs, "c.u16", b"".join(struct.pack(f"<{len(ids)}H", *ids) for ids in LOGS))
    write(logs, "d/1.tokens", as_lines(LOGS[:9]))
    write(logs, "d/2/3.tokens.gz", gzip.compress(as_lines(LOGS[9:]).encode()))
    expected = reference.write_contexts_file(2, LOGS)
    contexts(logs, "build", "--field", "out.ids", "b.jsonl.gz", "-o", "b.gpc")
    contexts(logs, "build", "-o", "d.gpc", "-r", "d")
    contexts(logs, "build", "-o", "e.gpc", input=as_lines(LOGS).encode())
    contexts(logs, "build", "-o", "f.gpc", "-", input=gzip.compress(as_lines(LOGS).encode()))
    for name in ("b.gpc", "d.gpc", "e.gpc", "f.gpc"):
        assert read(logs, name) == expected
    contexts(logs, "build", "c.u16", "-o", "c.gpc")
    joined = [token for ids in LOGS for token in ids]
    assert read(logs, "c.gpc") == reference.write_contexts_file(2, [joined])


def test_text_and_chats(logs):
    """Letters are tokens; of a chat, only what the model said was served."""
    vocabulary = {letter: i for i, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
    model = {"type": "BPE", "vocab": vocabulary, "merges": []}
    write(logs, "t.json", json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    chat = [("user", "zzzz"), ("assistant", "hello\n"), ("assistant", "world")]
    messages = [{"role": role, "content": text} for role, text in chat]
    write(logs, "chat.jsonl", json.dumps({"messages": messages}) + "\n")
    ids = [[vocabulary[letter] for letter in text] for text in ("hello", "world")]
    contexts(logs, "build", "-t", "t.json", "--role", "assistant", "chat.jsonl", "-o", "c.gpc")
    assert read(logs, "c.gpc") == reference.write_contexts_file(2, ids)
    write(logs, "a.txt", "hello")
    contexts(logs, "build", "-t", "t.json", "--normalize=newlines", "a.txt", "-o", "t.gpc")
    assert read(logs, "t.gpc") == reference.write_contexts_file(2, ids[:1])
    message = fails(logs, "build", "--role", "assistant", "chat.jsonl", "-o", "x.gpc")
    assert message == "chat.jsonl:1: holds text, which takes a tokenizer to read (--tokenizer)"


def test_what_it_says(logs):
    said = contexts(logs, "build", "a.tokens", "-o", "a.gpc")
    data = read(logs, "a.gpc")
    n, documents, tokens = struct.unpack("<3Q", data[16:40])
    assert (documents, tokens) == (len(LOGS), sum(map(len, LOGS)))
    digest = hashlib.sha256(data).hexdigest()
    rows = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert rows["contexts"] == f"{n} of 2 tokens"
    assert rows["documents"] == str(documents)
    assert rows["tokens"] == str(tokens)
    assert rows["bytes"] == f"{len(data)} ({len(data) / n:.2f} a context)"
    assert rows["sha256"] == digest
    assert f"{n / 2**64:.2g} of the contexts that are not among them" in said
    assert contexts(logs, "info", "a.gpc") == said
    told = contexts(logs, "info", "--json", "a.gpc")
    assert json.loads(told) == {
        "context_width": 2,
        "contexts": n,
        "documents": documents,
        "tokens": tokens,
        "bad_lines": 0,
        "bytes": len(data),
        "bytes_per_context": len(data) / n,
        "false_positive_rate": n / 2**64,
        "sha256": digest,
    }
    assert contexts(logs, "build", "--json", "a.tokens", "-o", "b.gpc") == told
    assert contexts(logs, "merge", "-q", "a.gpc", "-o", "c.gpc") == ""


def test_merging_parts_gives_the_whole(logs):
    for i, part in enumerate((LOGS[:7], LOGS[7:8], LOGS[8:])):
        write(logs, f"{i}.tokens", as_lines(part))
        contexts(logs, "build", "--context-width", "3", f"{i}.tokens", "-o", f"{i}.gpc")
    expected = reference.write_contexts_file(3, LOGS)
    contexts(logs, "merge", "0.gpc", "1.gpc", "2.gpc", "-o", "m.gpc")
    assert read(logs, "m.gpc") == expected
    contexts(logs, "merge", "2.gpc", "0.gpc", "-o", "n.gpc")
    contexts(logs, "merge", "1.gpc", "n.gpc", "-o", "o.gpc")
    assert read(logs, "o.gpc") == expected


def test_widths_that_differ(logs):
    for width in ("2", "3"):
        contexts(logs, "build", "--context-width", width, "a.tokens", "-o", f"{width}.gpc")
    assert fails(logs, "merge", "2.gpc", "3.gpc", "-o", "m.gpc") == (
        "3.gpc: its contexts have 3 tokens, those to be merged with have 2: build both with one "
        "context width"
    )
    assert not (logs.folder / "m.gpc").exists()


def test_an_existing_file_stays(logs):
    write(logs, "a.gpc", "mine")
    os.symlink("nowhere", logs.folder / "l.gpc")
    for name in ("a.gpc", "l.gpc"):
        message = (
            f"{name}: exists already; a contexts file is never overwritten: choose another name"
        )
        # Said before anything is read.
        assert fails(logs, "build", "missing.tokens", "-o", name) == message
        assert fails(logs, "merge", "missing.gpc", "-o", name) == message
    assert read(logs, "a.gpc") == b"mine"
    assert fails(logs, "build", "missing.tokens", "-o", "no/a.gpc") == (
        "no/a.gpc: cannot create the contexts file: No such file or directory"
    )
    assert sorted(os.listdir(logs.folder)) == ["a.gpc", "a.tokens", "l.gpc"]


def test_bad_lines(logs):
    write(logs, "bad.tokens", "1 2 3 4\n" + "5 x\n" * 12 + "2 3 4\n")
    assert fails(logs, "build", "bad.tokens", "-o", "a.gpc").startswith("bad.tokens:2: ")
    result = logs("contexts", "build", "--skip-bad", "bad.tokens", "-o", "a.gpc")
    assert result.returncode == 0
    assert read(logs, "a.gpc") == reference.write_contexts_file(2, [[1, 2, 3, 4], [2, 3, 4]])
    assert "\nbad lines       12 left out\n" in result.stdout
    warnings = result.stderr.splitlines()
    assert len(warnings) == 11 and all("left out" in line for line in warnings[:10])
    write(logs, "worse.tokens", "x\n")
    result = logs("contexts", "build", "--skip-bad", "worse.tokens", "-o", "b.gpc")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith("no document was read; lines left out: 1\n")


def test_nothing_to_collect(logs):
    write(logs, "short.tokens", "1\n3\n")
    assert fails(logs, "build", "short.tokens", "-o", "a.gpc") == (
        "no document has 2 tokens: there is no context in them"
    )
    write(logs, "chat.jsonl", '{"messages": [{"role": "user", "content": "x"}]}\n')
    assert fails(logs, "build", "--role", "assistant", "chat.jsonl", "-o", "a.gpc") == (
        "no document was read: the inputs hold none, or no message of that role"
    )
    write(logs, "empty.tokens", "")
    assert fails(logs, "build", "empty.tokens", "-o", "a.gpc").startswith("empty.tokens: ")
    assert not (logs.folder / "a.gpc").exists()


def test_files_that_are_damaged(logs):
    contexts(logs, "build", "a.tokens", "-o", "a.gpc")
    data = read(logs, "a.gpc")
    write(logs, "b.gpc", data[:100] + bytes([data[100] ^ 1]) + data[101:])
    write(logs, "c.gpc", data[:-1])
    write(logs, "d.gpc", gzip.compress(data))
    write(logs, "e.gpc", "1 2 3\n")
    reasons = {
        "b.gpc": "the file is damaged",
        "c.gpc": "the file is incomplete or damaged",
        "d.gpc": "unpack it",
        "e.gpc": "not a Greenprint contexts file",
    }
    for name, reason in reasons.items():
        for arguments in (("info", name), ("merge", "a.gpc", name, "-o", "m.gpc")):
            message = fails(logs, *arguments)
            assert message.startswith(f"{name}: ") and message.endswith(reason), message
    assert not (logs.folder / "m.gpc").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say what to do: build, merge or info; see greenprint contexts --help"),
        (("--json",), "say what to do: build, merge or info; see greenprint contexts --help"),
        (("make",), "unknown action make: build, merge or info; see greenprint contexts --help"),
        (("build", "a.tokens"), "name the contexts file to be written with -o FILE"),
        (("build", "a.tokens", "-o", "-"),
         "--output -: it goes to a file, not to standard output"),
        (("build", "-o", "a", "--context-width", "0"),
         "--context-width 0 is not a whole number from 1 to 16"),
        (("build", "-o", "a", "--context-width", "17"),
         "--context-width 17 is not a whole number from 1 to 16"),
        (("build", "-o", "a", "-o", "b"), "option -o is given twice"),
        (("build", "-o", "a", "-q", "--json"), "--json and --quiet exclude each other"),
        (("build", "-o", "a", "--normalize"),
         "--normalize is for text: name its tokenizer with --tokenizer"),
        (("build", "-o", "a", "--format", "npy", "--field", "x"),
         "--field is for JSON Lines; it does not go with --format npy"),
        (("build", "-o", "a", "--format", "csv"),
         "--format csv is none of text, tokens, jsonl, npy, u16 and u32"),
        (("build", "-o", "a", "-", "-"),
         "standard input can be read only once: - is named twice"),
        (("build", "-o", "a", "-k", "none.key"),
         "none.key: cannot open the key file: No such file or directory"),
        (("merge", "-o", "a"), "name the contexts files to be merged"),
        (("merge", "a.gpc", "-o", "a", "-r"),
         "options of what to collect and how to read are for contexts build; see greenprint "
         "contexts --help"),
        (("info", "a.gpc", "--context-width", "2"),
         "options of what to collect and how to read are for contexts build; see greenprint "
         "contexts --help"),
        (("info",), "name one contexts file"),
        (("info", "a.gpc", "b.gpc"), "name one contexts file"),
        (("info", "a.gpc", "-o", "b"), "contexts info writes no file: leave out --output"),
        (("info", "a.gpc", "-q"), "contexts info writes no file: leave out --quiet"),
        (("info", "none.gpc"), "none.gpc: cannot be opened: No such file or directory"),
        (("info", "."), ".: is a directory: name the files in it"),
    ],
)  # fmt: skip
def test_refusals(logs, arguments, message):
    assert fails(logs, *arguments) == message
    assert os.listdir(logs.folder) == ["a.tokens"]


@pytest.mark.parametrize("quiet", [False, True])
def test_progress(greenprint, quiet):
    """On a terminal, reading for long shows how far it is."""
    terminal, end = pty.openpty()
    process = greenprint.start(
        *("contexts", "build", "-o", "a.gpc", *["-q"] * quiet),
        stdin=subprocess.PIPE,
        stderr=end,
        env={**os.environ, "TERM": "xterm"},
    )
    for _ in range(10):
        process.stdin.write(b"1 2 3\n" * 10000)
        process.stdin.flush()
        time.sleep(0.1)
    process.communicate(timeout=60)
    os.set_blocking(terminal, False)
    try:
        shown = os.read(terminal, 100000)
    except BlockingIOError:
        shown = b""
    os.close(end)
    os.close(terminal)
    assert process.returncode == 0
    assert (b"kB" in shown and b"B/s" in shown and shown.endswith(b"\r\x1b[K")) != quiet


def test_output_that_is_lost(logs):
    contexts(logs, "build", "a.tokens", "-o", "a.gpc")
    with open("/dev/full", "wb") as full:
        result = logs("contexts", "info", "a.gpc", stdout=full)
    assert result.returncode == 2
    assert "standard output cannot be written" in result.stderr


def test_completion_of_actions():
    folder = Path(__file__).parents[2] / "cli" / "completion"
    script = (
        f"source {folder}/greenprint.bash; COMP_WORDS=(greenprint contexts ''); COMP_CWORD=2; "
        '_greenprint; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["build", "merge", "info"]
