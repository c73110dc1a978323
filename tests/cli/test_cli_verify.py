"""Verifying: what is counted, what is reported, and inputs that are wrong."""

import gzip
import hashlib
import json
import math
import os
import random
import subprocess
import sys

import pytest

START = "greenprint verify: "


def write(command, name, content):
    data = content if isinstance(content, bytes) else content.encode()
    (command.folder / name).write_bytes(data)


def report(command, *arguments, status=1, **options):
    """Run verify --json and return its report."""
    result = command("verify", "-k", "k.key", "--json", *arguments, **options)
    assert (result.returncode, result.stderr) == (status, "")
    return json.loads(result.stdout)


def refused(command, content, *options, name="a.tokens"):
    """The message about an input of this content."""
    write(command, name, content)
    message = command.fails("verify", "-k", "k.key", *options, name)
    assert message.startswith(START + name)
    return message[len(START + name) :]


def documents(seed, count, length, vocabulary=40):
    source = random.Random(seed)
    return [
        [source.randrange(vocabulary) for _ in range(source.randrange(length))]
        for _ in range(count)
    ]


def as_lines(docs):
    return "".join(" ".join(map(str, doc)) + "\n" for doc in docs)


def as_json_lines(docs, field="tokens"):
    return "".join(json.dumps({"text": "\u00e4", field: doc}) + "\n" for doc in docs)


def recount(docs):
    """(documents, tokens, scored, repeated) for the seeding scheme hash with h = 2."""
    seen = set()
    repeated = 0
    for doc in docs:
        for coin in zip(doc, doc[1:], doc[2:], strict=False):
            repeated += coin in seen
            seen.add(coin)
    return len(docs), sum(map(len, docs)), len(seen), repeated


def counts(found):
    return tuple(found[name] for name in ("documents", "tokens", "scored", "repeated"))


@pytest.fixture
def green(greenprint, key):
    """Lines of three tokens each whose one coin is green, all of them different."""
    tries = [[7, 8, token] for token in range(2000)]
    write(greenprint, "tries.tokens", as_lines(tries))
    found = report(greenprint, "--per-document", "tries.tokens")
    return [
        doc for doc, row in zip(tries, found["per_document"], strict=True) if row["green"] == 1
    ]


# ---------------------------------------------------------------------- the report


def test_report_fields(greenprint, key, unsealed_key):
    """Names, order and types of SPEC.md section 11."""
    docs = [doc for doc in documents(1, 20, 60) if doc]
    write(greenprint, "a.tokens", as_lines(docs))
    write(greenprint, "b.jsonl", as_json_lines(docs[:3]))
    found = report(greenprint, "a.tokens", "b.jsonl", "--per-document")
    types = {
        "report_version": int,
        "tool": str,
        "scheme": str,
        "seeding": str,
        "context_width": int,
        "gamma": float,
        "key_id": str,
        "key_commitment": str,
        "tenant": type(None),
        "candidates_tried": int,
        "documents": int,
        "tokens": int,
        "scored": int,
        "repeated": int,
        "green": int,
        "green_fraction": float,
        "z": float,
        "log10_p": float,
        "log10_p_corrected": float,
        "p_value": str,
        "alpha": float,
        "verdict": str,
        "tokenizer": type(None),
        "normalize": list,
        "committed": type(None),
        "tests_possible": int,
        "p_times": int,
        "verdict_by": str,
        "anytime": dict,
        "weighted": type(None),
        "candidates": type(None),
        "proof": type(None),
        "segments": type(None),
        "inputs": list,
        "per_document": list,
    }
    assert list(found) == list(types)
    assert {name: type(value) for name, value in found.items()} == types
    version = greenprint("version").stdout.splitlines()[0]
    constants = {
        "report_version": 1,
        "tool": version,
        "scheme": "greenprint-1",
        "seeding": "hash",
        "context_width": 2,
        "gamma": 0.25,
        "key_id": unsealed_key[32:40].hex(),
        "key_commitment": unsealed_key[32:64].hex(),
        "alpha": 1e-6,
        "verdict": "not_found",
    }
    assert {name: found[name] for name in constants} == constants
    types = dict.fromkeys(("input", "line", "tokens", "scored", "repeated", "green"), int)
    types |= {"z": float, "log10_p": float, "log10_q": float}
    for row in found["per_document"]:
        assert {name: type(value) for name, value in row.items()} == types
        assert list(row) == list(types)
    without = report(greenprint, "a.tokens", "b.jsonl")
    del found["per_document"]
    assert without == found


def test_report_inputs(greenprint, key):
    docs = [doc for doc in documents(2, 10, 60) if doc]
    contents = {
        "a.tokens": as_lines(docs).encode(),
        "b.jsonl.gz": gzip.compress(as_json_lines(docs[:4]).encode()),
        "c.ndjson": as_json_lines(docs[:1]).encode(),
        "d.gz": gzip.compress(as_lines(docs[:2]).encode()),
        "e.ndjson.gz": gzip.compress(as_json_lines([[], []]).encode()),
    }
    for name, content in contents.items():
        write(greenprint, name, content)
    counted = (docs, docs[:4], docs[:1], docs[:2], [[], []])
    assert report(greenprint, *contents)["inputs"] == [
        {
            "name": name,
            "format": "jsonl" if "json" in name else "tokens",
            "gzip": name.endswith(".gz"),
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "documents": len(expected),
            "tokens": sum(map(len, expected)),
            "bad_lines": 0,
        }
        for (name, content), expected in zip(contents.items(), counted, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_counts(greenprint, key, seed):
    docs = [doc for doc in documents(seed, 30, 200, vocabulary=6 + seed) if doc]
    write(greenprint, "a.tokens", as_lines(docs))
    found = report(greenprint, "a.tokens", "--per-document")
    assert counts(found) == recount(docs)
    assert found["repeated"] > 0
    assert found["green_fraction"] == found["green"] / found["scored"]
    n, x = found["scored"], found["green"]
    assert found["z"] == pytest.approx((x - n / 4) / math.sqrt(n * 3 / 16), abs=1e-12)
    assert [row["line"] for row in found["per_document"]] == list(range(1, len(docs) + 1))
    for doc, row in zip(docs, found["per_document"], strict=True):
        assert row["input"] == 0
        assert (1, row["tokens"], row["scored"], row["repeated"]) == recount([doc])


def test_pairs_count_once_over_files(greenprint, key):
    docs = [doc for doc in documents(3, 10, 100) if doc]
    for name in ("a.tokens", "b.tokens"):
        write(greenprint, name, as_lines(docs))
    one = report(greenprint, "a.tokens")
    two = report(greenprint, "a.tokens", "b.tokens", "--per-document")
    assert counts(two) == recount(docs + docs)
    for name in ("scored", "green", "z", "log10_p"):
        assert two[name] == one[name]
    rows = two["per_document"]
    assert [row["input"] for row in rows] == [0] * len(docs) + [1] * len(docs)
    for first, second in zip(rows[: len(docs)], rows[len(docs) :], strict=True):
        assert first | {"input": 1} == second


def test_documents_do_not_touch(greenprint, key):
    write(greenprint, "a.tokens", "1 2\n3 4\n5\n")
    assert counts(report(greenprint, "a.tokens")) == (3, 5, 0, 0)


def test_found(greenprint, green):
    """All coins green: p is gamma^n, which a double could not hold."""
    assert 350 < len(green) < 650
    write(greenprint, "g.tokens", as_lines(green))
    found = report(greenprint, "g.tokens", status=0)
    n = len(green)
    assert (found["scored"], found["green"], found["green_fraction"]) == (n, n, 1.0)
    assert found["log10_p"] == pytest.approx(n * math.log10(0.25), rel=1e-10)
    assert found["verdict"] == "found"
    exponent = math.floor(found["log10_p"])
    mantissa, power = found["p_value"].split("e")
    assert int(power) == exponent
    exact = 10 ** (found["log10_p"] - exponent)
    assert exact <= float(mantissa) < exact + 0.1  # rounded up


def test_p_value_for_people(greenprint, green):
    for n, p_value in ((1, "0.25"), (3, "0.016"), (5, "9.8e-4"), (10, "9.6e-7"), (98, "1.0e-59")):
        write(greenprint, "g.tokens", as_lines(green[:n]))
        status = 0 if n >= 10 else 1
        assert report(greenprint, "g.tokens", status=status)["p_value"] == p_value


@pytest.mark.parametrize(
    "alpha, status",
    [
        ("0.25", 0),
        ("2.5e-1", 0),
        (".25", 0),
        ("0.2499999", 1),
        ("1e-300", 1),
        ("1e-320", 1),
        ("5e-324", 1),
    ],
)
def test_alpha(greenprint, green, alpha, status):
    """With one green coin p is 1/4."""
    write(greenprint, "g.tokens", as_lines(green[:1]))
    found = report(greenprint, "g.tokens", "--alpha", alpha, status=status)
    assert found["alpha"] == float(alpha)
    assert found["verdict"] == ("not_found" if status else "found")


@pytest.mark.parametrize(
    "alpha",
    ["0", "1", "-0.1", "1.5", "", "x", "0.1x", " 0.1", "0.1 ", "0x1p-4", "nan", "inf", "0e-400",
     "1e400", "0.99999999999999999999", "1e", "--1", "0,1"],
)  # fmt: skip
def test_bad_alpha(greenprint, key, alpha):
    assert greenprint.fails("verify", "-k", "k.key", f"--alpha={alpha}") == (
        f"{START}--alpha {alpha} is not a number between 0 and 1, such as 1e-6"
    )


def test_alpha_that_underflows(greenprint, key):
    assert greenprint.fails("verify", "-k", "k.key", "--alpha", "1e-400") == (
        f"{START}--alpha 1e-400 is too small to be told from 0"
    )


def test_tenant(greenprint, key, green):
    write(greenprint, "g.tokens", as_lines(green))
    assert report(greenprint, "g.tokens", status=0)["tenant"] is None
    for tenant in ("0", "1", "18446744073709551615"):
        found = report(greenprint, "g.tokens", "--tenant", tenant)
        assert found["tenant"] == tenant
        assert counts(found) == recount(green)
        assert 0.1 < found["green_fraction"] < 0.4


@pytest.mark.parametrize("tenant", ["", "-1", "+1", "1.0", "x", " 1", "18446744073709551616"])
def test_bad_tenant(greenprint, key, tenant):
    assert greenprint.fails("verify", "-k", "k.key", f"--tenant={tenant}") == (
        f"{START}--tenant {tenant} is not a whole number from 0 to 18446744073709551615"
    )


def test_doubles_round_trip(greenprint, key):
    """Every double is written with 17 digits, so it is read back as it was."""
    docs = [doc for doc in documents(4, 10, 100) if doc]
    write(greenprint, "a.tokens", as_lines(docs))
    for alpha in (1e-6 / 3, 2.0**-60 / 3, 5e-301 / 3):
        found = report(greenprint, "a.tokens", "--alpha", repr(alpha))
        assert found["alpha"] == alpha
        assert found["green_fraction"] == found["green"] / found["scored"]


def test_nothing_scored(greenprint, key):
    write(greenprint, "a.tokens", "1 2\n")
    found = report(greenprint, "a.tokens")
    assert counts(found) == (1, 2, 0, 0)
    assert found["green_fraction"] is None
    assert (found["z"], found["log10_p"], found["p_value"]) == (0, 0, "1")
    assert isinstance(found["z"], float) and isinstance(found["log10_p"], float)
    result = greenprint("verify", "-k", "k.key", "a.tokens")
    assert result.returncode == 1
    assert result.stdout.endswith("\nNothing was scored: no document has more than 2 tokens.\n")


def test_name_that_is_not_utf8(greenprint, key):
    name = b"\xff\xc3\xa4.tokens"
    (greenprint.folder / name.decode(errors="surrogateescape")).write_bytes(b"1 2 3\n")
    found = report(greenprint, name)
    assert found["inputs"][0]["name"] == "\\xff\\xc3\\xa4.tokens"
    name = "\u00e4\n\x1b.tokens"
    write(greenprint, name, "1 2 3\n")
    assert report(greenprint, name)["inputs"][0]["name"] == name
    text = greenprint("verify", "-k", "k.key", "--per-document", name).stdout
    assert "\u00e4??.tokens\n" in text and "\x1b" not in text


@pytest.mark.parametrize("seeding", ["hash", "fixed"])
def test_a_document_alone_is_reported_as_the_whole(greenprint, seeding):
    greenprint("keygen", "-o", "k.key", "--unsealed", "--gamma", "3/8", "--seeding", seeding)
    names = ("tokens", "scored", "repeated", "green", "z", "log10_p")
    for doc in (doc for doc in documents(6, 30, 200, vocabulary=9) if doc):
        write(greenprint, "a.tokens", as_lines([doc]))
        found = report(greenprint, "a.tokens", "--per-document")
        (row,) = found["per_document"]
        assert {name: row[name] for name in names} == {name: found[name] for name in names}


# Runs a command and prints its peak memory in KiB. A process counts the memory of the one
# that it was forked from as its own, so that has to be a small one, not pytest.
PEAK_MEMORY = """
import resource, subprocess, sys
with open("report", "wb") as out:
    status = subprocess.run(sys.argv[1:], stdout=out).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_memory_for_many_documents(greenprint, key):
    """The documents of a report are written one by one, not gathered first."""
    count = 200_000
    write(greenprint, "a.tokens", "7\n" * count)
    command = (greenprint.binary, "verify", "-k", "k.key", "--json", "--per-document", "a.tokens")
    measured = subprocess.run(
        [sys.executable, "-c", PEAK_MEMORY, *command],
        cwd=greenprint.folder,
        check=True,
        capture_output=True,
        text=True,
    )
    status, peak = map(int, measured.stdout.split())
    assert (status, measured.stderr) == (1, "")
    assert peak < (300 if "ASAN_OPTIONS" in os.environ else 100) * 1024
    with open(greenprint.folder / "report") as text:
        found = json.load(text)
    assert list(found)[-1] == "per_document"
    assert [row["line"] for row in found["per_document"]] == list(range(1, count + 1))


# ------------------------------------------------------------------- for people


def test_text_not_found(greenprint, key, unsealed_key):
    docs = [list(range(100)), [5, 6, 7]]
    write(greenprint, "a.tokens", as_lines(docs))
    found = report(greenprint, "a.tokens", "--tenant", "7")
    result = greenprint("verify", "-k", "k.key", "--tenant", "7", "a.tokens")
    assert (result.returncode, result.stderr) == (1, "")
    key_id = unsealed_key[32:40].hex()
    percent = 100 * found["green"] / 98
    anytime = f"{10 ** found['anytime']['log10_p_anytime']:.2g}"
    assert result.stdout == (
        f"Not found: the mark of key {key_id}, tenant 7.\n"
        "\n"
        f"key        {key_id}\n"
        "scheme     greenprint-1, hash, context width 2, gamma 1/4\n"
        "tenant     7 (p pays for no other)\n"
        "documents  2\n"
        "tokens     103\n"
        "scored     98 (and 1 repeated)\n"
        f"green      {found['green']} ({percent:.2f} %; 25 % expected)\n"
        f"z          {found['z']:.2f}\n"
        f"p          {found['p_value']}\n"
        f"anytime p  {anytime} (the smallest after any document, in this order)\n"
        "alpha      1e-06\n"
        "\n"
        "The evidence does not reach alpha. That is not proof of absence.\n"
    )


def test_text_found(greenprint, green, unsealed_key):
    write(greenprint, "g.tokens", as_lines(green))
    p_value = report(greenprint, "g.tokens", status=0)["p_value"]
    result = greenprint("verify", "--key", "k.key", "g.tokens")
    assert result.returncode == 0
    key_id = unsealed_key[32:40].hex()
    assert result.stdout.startswith(f"Found: the mark of key {key_id}.\n")
    assert result.stdout.endswith(
        f"\nEither the text was written under the influence of key {key_id}, or by\n"
        "something trained on such text, or it is chance: text written without the key\n"
        f"has as many green tokens, or more, with probability {p_value}.\n"
    )
    assert f"\ngreen      {len(green)} (100.00 %; 25 % expected)\n" in result.stdout


def test_text_too_short(greenprint, green):
    write(greenprint, "g.tokens", as_lines(green[:9]))
    result = greenprint("verify", "-k", "k.key", "g.tokens")
    assert result.returncode == 1
    assert result.stdout.endswith(
        "\nThe text is too short: with so few pairs scored, no text reaches alpha.\n"
    )
    write(greenprint, "g.tokens", as_lines(green[:10]))
    assert greenprint("verify", "-k", "k.key", "g.tokens").returncode == 0


def test_text_per_document(greenprint, key):
    write(greenprint, "a.tokens", "1 2 3 4\n5 6\n")
    found = report(greenprint, "a.tokens", "--per-document", input=b"1 2 3\n")
    result = greenprint("verify", "-k", "k.key", "--per-document", "a.tokens", "-",
                        input=b"1 2 3\n")  # fmt: skip
    lines = result.stdout.splitlines()
    head = lines.index(next(line for line in lines if line.endswith("q  input")))
    titles = [
        "line",
        "tokens",
        "scored",
        "repeated",
        "green",
        "green",
        "%",
        "z",
        "p",
        "q",
        "input",
    ]
    assert lines[head].split() == titles
    rows = [line.split(None, 9) for line in lines[head + 1 : head + 4]]
    assert [row[:4] for row in rows] == [
        ["1", "4", "2", "0"],
        ["2", "2", "0", "0"],
        ["1", "3", "1", "0"],
    ]
    assert [row[4] for row in rows[:2]] == [str(r["green"]) for r in found["per_document"]]
    assert [row[9] for row in rows] == ["a.tokens", "a.tokens", "standard input"]
    assert "at most 5 % are expected to be there by chance." in result.stdout


# ----------------------------------------------------------------------- inputs


def test_standard_input(greenprint, key):
    docs = [doc for doc in documents(5, 10, 50) if doc]
    data = as_lines(docs).encode()
    write(greenprint, "a.tokens", data)
    for arguments in ((), ("-",)):
        found = report(greenprint, *arguments, input=data)
        assert counts(found) == recount(docs)
        assert found["inputs"][0]["name"] == "-"
        assert found["inputs"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    found = report(greenprint, "a.tokens", "-", input=gzip.compress(b"1 2 3 4\n"))
    assert [entry["gzip"] for entry in found["inputs"]] == [False, True]
    assert counts(found) == recount([*docs, [1, 2, 3, 4]])
    assert greenprint.fails("verify", "-k", "k.key", "-", "-", input=b"1\n") == (
        START + "standard input can be read only once: - is named twice"
    )
    message = greenprint.fails("verify", "-k", "k.key", input=b"1\nx\n")
    assert message == START + 'standard input:2: "x" is not a token id: digits expected'


def test_a_file_named_like_an_option(greenprint, key):
    write(greenprint, "-x", "1 2 3\n")
    assert report(greenprint, "--", "-x")["inputs"][0]["name"] == "-x"


@pytest.mark.parametrize(
    "name, options, is_json",
    [
        ("a.tokens", (), False),
        ("a.jsonl", (), True),
        ("a.ndjson", (), True),
        ("a.jsonl.txt", (), False),
        ("ajsonl", (), False),
        ("a.json", (), False),
        ("a.tokens", ("--format", "jsonl"), True),
        ("a.jsonl", ("--format", "tokens"), False),
        ("a.tokens", ("--field", "tokens"), True),
        ("a.tokens", ("--field", "tokens", "--format", "jsonl"), True),
    ],
)
def test_format(greenprint, key, name, options, is_json):
    docs = [[1, 2, 3], [4]]
    write(greenprint, name, as_json_lines(docs) if is_json else as_lines(docs))
    found = report(greenprint, name, *options)
    assert found["inputs"][0]["format"] == ("jsonl" if is_json else "tokens")
    assert counts(found) == recount(docs)


def test_field(greenprint, key):
    write(greenprint, "a.txt", as_json_lines([[1, 2, 3]], field="ids/\u00e4"))
    assert report(greenprint, "a.txt", "--field", "ids/\u00e4")["scored"] == 1


@pytest.mark.parametrize(
    "options, message",
    [
        ((), "name the key file with -k KEYFILE"),
        (
            ("-k", "k.key", "--format", "json"),
            "--format json is none of text, tokens, jsonl, npy, u16 and u32",
        ),
        (
            ("-k", "k.key", "--format", "tokens", "--field", "x"),
            "--field is for JSON Lines; it does not go with --format tokens",
        ),
        (("-k", "k.key", "none"), "none: cannot be opened: No such file or directory"),
        (("-k", "k.key", "."), ".: is a directory: name the files in it"),
        (("-k", "k.key", "k.key/x"), "k.key/x: cannot be opened: Not a directory"),
    ],
)
def test_refused_options(greenprint, key, options, message):
    assert greenprint.fails("verify", *options) == START + message


DIGITS = "is not a token id: digits expected"
TEXT = "is not a token id: is this text? It takes a tokenizer to read (--tokenizer)"
LARGE = "is too large for a token id: at most 4294967295"
EMPTY = "the line is empty: each line holds a document of one token or more"
MARK = "the file starts with a byte order mark: save it as UTF-8 without one"


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", ": the file is empty: it holds no document"),
        (b"1 2 3\n4 five 6\n", f':2: "five" {TEXT}'),
        (b"1 2 3\n\n4 5 6\n", f":2: {EMPTY}"),
        (b"1 2 3\n \t\n", f":2: {EMPTY}"),
        (b"1 100000000000000000000\n", f':1: "10000000000000000000"... {LARGE}'),
        (b"1 4294967296\n", f':1: "4294967296" {LARGE}'),
        (b"1 -2\n", f':1: "-2" {DIGITS}'),
        (b"1 2\0 3\n", f':1: "2\\x00" {DIGITS}'),
        (b"1 2 3\n\0\n", f':2: "\\x00" {DIGITS}'),
        (b"\xef\xbb\xbf1 2 3\n", f":1: {MARK}"),
        (b"1 2 3\n4 \x1b[2J\xe2\x82\xac\n", f':2: "\\x1b[2J\\xe2\\x82\\xac" {DIGITS}'),
        (b"1 2 3\r4\n", f':1: "3\\x0d4" {DIGITS}'),
    ],
)
def test_bad_token_file(greenprint, key, content, message):
    assert refused(greenprint, content) == message
    assert refused(greenprint, content, "--json", "--per-document") == message
    if content:
        assert refused(greenprint, gzip.compress(content)) == message


@pytest.mark.parametrize("content", [b"1 2 3\r\n4 5 6 7\r\n", b"1 2 3\n4 5 6 7",
                                     b"\t1  2 3 \n 4\t5 6 7\t\n"])  # fmt: skip
def test_good_token_file(greenprint, key, content):
    write(greenprint, "a.tokens", content)
    assert counts(report(greenprint, "a.tokens")) == (2, 7, 3, 0)


GOOD = b"".join(b"%d %d %d\n" % (i, i + 1, i + 2) for i in range(3))


def damaged_gzip(how):
    data = bytearray(gzip.compress(GOOD, mtime=0))
    if how == "truncated":
        return bytes(data[:-1])
    if how == "cut in the data":
        return bytes(data[:-12])
    if how == "crc":
        data[-8] ^= 1
    if how == "length":
        data[-4] ^= 1
    if how == "block":
        data[10] |= 6
    if how == "method":
        data[2] = 7
    if how == "garbage":
        data += b"garbage"
    if how == "zeros":
        data += bytes(512)
    if how == "second cut":
        data += data[:-1]
    return bytes(data)


@pytest.mark.parametrize(
    "how, message",
    [
        ("truncated", ":4: the gzip data is cut off: the file is incomplete"),
        ("crc", ":4: the gzip data is damaged (incorrect data check)"),
        ("length", ":4: the gzip data is damaged (incorrect length check)"),
        ("block", ":1: the gzip data is damaged (invalid block type)"),
        ("method", ":1: the gzip data is damaged (unknown compression method)"),
        (
            "garbage",
            ":4: the gzip data is followed by bytes that are not gzip: the file is damaged",
        ),
        (
            "zeros",
            ":4: the gzip data is followed by bytes that are not gzip: the file is damaged",
        ),
        ("second cut", ":7: the gzip data is cut off: the file is incomplete"),
    ],
)
def test_damaged_gzip(greenprint, key, how, message):
    assert refused(greenprint, damaged_gzip(how)) == message


def test_gzip_cut_in_the_data(greenprint, key):
    message = refused(greenprint, damaged_gzip("cut in the data"))
    assert message.endswith(": the gzip data is cut off: the file is incomplete")


def test_gzip_members(greenprint, key):
    """Several members are one input; a line may begin in one and end in the next."""
    write(greenprint, "a.tokens.gz", b"".join(gzip.compress(GOOD[i : i + 5])
                                              for i in range(0, len(GOOD), 5)))  # fmt: skip
    assert counts(report(greenprint, "a.tokens.gz")) == (3, 9, 3, 0)


IDS = "token ids are integers from 0 to 4294967295"


@pytest.mark.parametrize(
    "line, message",
    [
        ('{"tokens": [1, 2', r'not JSON at byte 16: the line ends before the object does: '
                             r'"kens\": [1, 2"'),
        ("{'tokens': [1]}", "not JSON at byte 2: string or '}' expected: "
                            "\"{'tokens': [1]}\""),
        ('{"tokens": [1]}]', r'not JSON at byte 16: something follows the object: '
                             r'"kens\": [1]}]"'),
        ("1 2 3", 'not a JSON object: "1 2 3"'),
        ("[1, 2, 3]", 'not a JSON object: "[1, 2, 3]"'),
        ("", "the line is empty: each line holds one JSON object"),
        ('{"ids": [1]}', 'the object has no field "tokens": choose the field that holds '
                         'the token ids or the text'),
        ('{"tokens": "1 2"}', 'holds text, which takes a tokenizer to read (--tokenizer)'),
        ('{"tokens": {"a": 1}}', 'field "tokens" is an object: an array of token ids or a text '
                                 'expected'),
        ('{"tokens": [1, 2.0]}',
         f'entry 2 of "tokens" is a number with a fraction or exponent: {IDS}'),
        ('{"tokens": [1, "2"]}', f'entry 2 of "tokens" is a string: {IDS}'),
        ('{"tokens": [1, -2]}', f'entry 2 of "tokens" is -2: {IDS}'),
        ('{"tokens": [[1, 2]]}', f'entry 1 of "tokens" is an array: {IDS}'),
        ('{"tokens": [4294967296]}', f'entry 1 of "tokens" is 4294967296: {IDS}'),
        ('{"tokens": [9223372036854775808]}',
         'not JSON at byte 31: a number does not fit in 64 bits: "036854775808]}"'),
        ('{"tokens": [1], "tokens": [2]}',
         r'not JSON at byte 24: a key occurs twice: "1], \"tokens\": [2]}"'),
        ('{"x": {"a": 1, "a": 1}, "tokens": [2]}',
         r'not JSON at byte 18: a key occurs twice: "{\"a\": 1, \"a\": 1}, \"t"...'),
    ],
)  # fmt: skip
def test_bad_json_lines(greenprint, key, line, message):
    content = '{"tokens": [1, 2, 3]}\n' + line + "\n"
    assert refused(greenprint, content, name="a.jsonl") == f":2: {message}"


def test_the_second_of_two_files_is_bad(greenprint, key):
    """Nothing is reported for the input before an error."""
    write(greenprint, "good.tokens", as_lines([list(range(1000))] * 1000))
    for options in ((), ("--json",), ("--per-document",)):
        write(greenprint, "bad.tokens", "1 2 3\nx\n")
        message = greenprint.fails("verify", "-k", "k.key", *options, "good.tokens", "bad.tokens")
        assert message == START + f'bad.tokens:2: "x" {DIGITS}'


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_output_that_is_lost(greenprint, key, options):
    write(greenprint, "a.tokens", "1 2 3\n")
    with open("/dev/full", "wb") as full:
        result = greenprint("verify", "-k", "k.key", "a.tokens", *options, stdout=full)
    assert result.returncode == 2
    assert result.stderr == START + (
        "standard output cannot be written: No space left on device\n"
    )


@pytest.mark.parametrize("seeding", ["min", "fixed"])
def test_other_seeding_schemes(greenprint, seeding):
    made = greenprint("keygen", "-o", "k.key", "--unsealed", "--seeding", seeding,
                      "--gamma", "3/8")  # fmt: skip
    assert made.returncode == 0
    docs = [[1, 2, 3, 1, 2, 3], [3, 2, 1]]
    write(greenprint, "a.tokens", as_lines(docs))
    found = report(greenprint, "a.tokens")
    assert (found["seeding"], found["gamma"]) == (seeding, 0.375)
    assert found["context_width"] == (0 if seeding == "fixed" else 2)
    if seeding == "fixed":
        assert counts(found) == (2, 9, 3, 6)
