"""Verifying corpora: candidates, segments, partial results, bounded memory, bad lines, text."""

import filecmp
import gzip
import hashlib
import json
import os
import random
import resource
import shutil

import numpy as np
import pytest

from greenprint import Key, Watermark

VOCABULARY = 3000


def write(command, name, content):
    data = content if isinstance(content, bytes) else content.encode()
    (command.folder / name).parent.mkdir(parents=True, exist_ok=True)
    (command.folder / name).write_bytes(data)


def report(command, *arguments, status=None, **options):
    """Run verify --json and return its report; the status is that of the verdict."""
    result = command("verify", "-k", "k.key", "--json", *arguments, **options)
    assert result.returncode in (0, 1), result.stderr
    assert status is None or result.returncode == status
    found = json.loads(result.stdout)
    assert result.returncode == (0 if found["verdict"] == "found" else 1)
    return found


def as_lines(docs):
    return "".join(" ".join(map(str, doc)) + "\n" for doc in docs)


def plain(seed, length):
    source = random.Random(seed)
    return [source.randrange(VOCABULARY) for _ in range(length)]


@pytest.fixture
def key(tmp_path):
    """k.key: always the same, so that what is found by chance is too."""
    Key.from_bytes(bytes(range(32))).save_unsealed(tmp_path / "k.key")


@pytest.fixture
def mark(key, tmp_path):
    """A function that writes marked documents: about 55 % of the tokens are green."""
    loaded = Key.load(tmp_path / "k.key")

    def make(seed, length, tenant=None):
        source = random.Random(seed)
        watermark = Watermark(loaded, tenant=tenant)
        ids = [source.randrange(VOCABULARY), source.randrange(VOCABULARY)]
        while len(ids) < length:
            draws = [source.randrange(VOCABULARY) for _ in range(3)]
            green = np.unpackbits(watermark.green_mask(ids, VOCABULARY), bitorder="little")
            ids.append(next((d for d in draws if green[d]), draws[0]))
        return ids

    return make


# ------------------------------------------------------------------- candidates


def test_tenants_are_traced(greenprint, key, mark):
    write(greenprint, "a.tokens", as_lines([mark(1, 300, tenant=17)]))
    one = report(greenprint, "--tenant", "17", "a.tokens", status=0)
    found = report(greenprint, "--tenants", "0-99", "a.tokens", status=0)
    assert (found["tenant"], found["candidates_tried"]) == ("17", 100)
    assert found["log10_p"] == one["log10_p"]
    assert found["log10_p_corrected"] == pytest.approx(one["log10_p"] + 2, abs=1e-12)
    assert [c["tenant"] for c in found["candidates"]] == ["17"]
    assert found["anytime"] is None
    write(greenprint, "tenants", "3\n17\n99\n")
    listed = report(greenprint, "--tenants", "tenants", "a.tokens", status=0)
    assert (listed["tenant"], listed["candidates_tried"]) == ("17", 3)
    report(greenprint, "--tenants", "18-99", "a.tokens", status=1)


def test_keys_are_tried_in_one_pass(greenprint, key, mark):
    for name in ("b.key", "c.key"):
        greenprint("keygen", "-o", name, "--unsealed", "--context-width", "3")
    write(greenprint, "a.tokens", as_lines([mark(1, 300)]))
    one = report(greenprint, "a.tokens")
    result = greenprint("verify", "-k", "b.key", "-k", "k.key", "-k", "c.key", "--json", "-",
                        input=(greenprint.folder / "a.tokens").read_bytes())  # fmt: skip
    found = json.loads(result.stdout)
    assert found["key_id"] == one["key_id"]
    assert found["log10_p"] == one["log10_p"]
    assert found["log10_p_corrected"] == pytest.approx(one["log10_p"] + np.log10(3), abs=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tenants", "9-3"), "--tenants 9-3: the range ends before it begins"),
        (("--tenants", "0-99999999"), "--tenants: more than 16777216 tenants"),
        (("--tenants", "none"), "--tenants none is neither a range such as 0-99 nor a file: "
                                "No such file or directory"),
        (("--tenants", "twice"), "twice: tenant 7 is named twice"),
        (("--tenants", "empty"), "empty: the file is empty: it names no tenant"),
        (("--tenants", "letters"), "letters:2: not a tenant id, a whole number from 0 to "
                                   "18446744073709551615"),
        (("--tenants", "0-9", "--tenant", "3"), "--tenant and --tenants exclude each other"),
        (("--tenants", "0-9", "--locate"), "--per-document, --locate, --weights, --partial, "
                                           "--html and --json-lines are for one key and one "
                                           "tenant"),
        (("-k", "k.key"), None),
    ],
)  # fmt: skip
def test_bad_candidates(greenprint, key, options, message):
    for name, content in (("twice", "7\n8\n7\n"), ("empty", ""), ("letters", "1\nx\n")):
        write(greenprint, name, content)
    write(greenprint, "a.tokens", "1 2 3 4\n")
    said = greenprint.fails("verify", "-k", "k.key", *options, "a.tokens")
    if message is None:
        assert said.startswith("greenprint verify: k.key: key ")
        assert said.endswith(" is named twice")
    else:
        assert said == f"greenprint verify: {message}"


# --------------------------------------------------------------------- segments


def test_locate(greenprint, key, mark):
    human, marked = plain(1, 4000), mark(2, 200)
    write(greenprint, "a.tokens",
          as_lines([plain(3, 500), human[:2500] + marked + human[2500:]]))  # fmt: skip
    found = report(greenprint, "--locate", "a.tokens")
    (segment,) = found["segments"]
    first, end = segment["tokens"]
    overlap = max(0, min(end, 2700) - max(first, 2500))
    assert overlap / (max(end, 2700) - min(first, 2500)) > 0.8
    assert (segment["document"], segment["line"], segment["bytes"]) == (1, 2, None)
    assert segment["log10_p"] < segment["log10_p_corrected"] <= -6
    text = greenprint("verify", "-k", "k.key", "--locate", "a.tokens").stdout
    assert f"{first}-{end}" in text
    write(greenprint, "b.tokens", as_lines([human]))
    assert report(greenprint, "--locate", "b.tokens")["segments"] == []
    assert "No segment stands out" in greenprint(
        "verify", "-k", "k.key", "--locate", "b.tokens").stdout  # fmt: skip


# --------------------------------------------------------------- partial results


@pytest.fixture
def shards(greenprint, key, mark):
    """Names of files with documents that partly repeat one another."""
    common = mark(1, 150)
    names = []
    for i in range(4):
        docs = [mark(10 + i, 80), common, plain(20 + i, 200), [], common[:40] + plain(i, 60)]
        names.append(f"{i}.tokens")
        write(greenprint, names[-1], as_lines(docs).replace("\n\n", "\n5\n"))
    return names


@pytest.mark.parametrize("options", [(), ("--per-document",), ("--tenant", "5")])
def test_merge_is_one_run(greenprint, shards, options):
    whole = greenprint("verify", "-k", "k.key", "--json", *options, *shards)
    partials = []
    for name in shards:
        partials.append(name.replace("tokens", "gpp"))
        shard = greenprint(
            "verify", "-k", "k.key", "-q", "--partial", partials[-1], *options, name
        )
        assert shard.returncode in (0, 1)
        assert (greenprint.folder / partials[-1]).stat().st_mode & 0o777 == 0o600
    more = ("--per-document",) if "--per-document" in options else ()
    merged = greenprint("merge", "--json", *more, *partials)
    assert (merged.returncode, merged.stdout) == (whole.returncode, whole.stdout)
    greenprint("merge", "-q", "--partial", "half.gpp", *partials[:2])
    again = greenprint("merge", "--json", "-j2", *more, "half.gpp", *partials[2:])
    assert again.stdout == whole.stdout


def test_merge_refuses_what_does_not_belong_together(greenprint, shards):
    greenprint("verify", "-k", "k.key", "--partial", "a.gpp", "-q", shards[0])
    greenprint("verify", "-k", "k.key", "--partial", "b.gpp", "-q", "--tenant", "1", shards[1])
    assert greenprint.fails("merge", "a.gpp", "b.gpp") == (
        "greenprint merge: b.gpp cannot be merged with a.gpp: they differ in the tenant"
    )
    assert greenprint.fails("merge", "a.gpp", "k.key") == (
        "greenprint merge: k.key: not a partial file of greenprint verify --partial"
    )
    assert greenprint.fails("merge") == "greenprint merge: name the partial files to be merged"
    assert "made without --per-document" in greenprint.fails("merge", "--per-document", "a.gpp")
    damaged = bytearray((greenprint.folder / "a.gpp").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    write(greenprint, "c.gpp", bytes(damaged))
    assert greenprint.fails("merge", "c.gpp").endswith("the partial file is damaged")
    assert "exists already" in greenprint.fails(
        "verify", "-k", "k.key", "--partial", "a.gpp", shards[0])  # fmt: skip


# ------------------------------------------------------------------------- scale


def test_threads_and_memory_change_nothing(greenprint, key):
    ids = np.random.default_rng(5).integers(0, 50000, 300_000)
    docs = [chunk.tolist() for chunk in np.array_split(ids, 700)]
    lines = "".join(json.dumps({"tokens": doc}) + "\n" for doc in docs)
    write(greenprint, "a.jsonl.gz", gzip.compress(lines.encode()))
    runs = [
        greenprint("verify", "-k", "k.key", "--json-lines", *options, "a.jsonl.gz").stdout
        for options in (("-j1",), ("-j2",), ("-j7",), ("-j2", "--max-memory", "1M"))
    ]
    assert len(runs[0].splitlines()) == 701
    assert runs.count(runs[0]) == 4


def test_a_corpus_larger_than_memory(greenprint, key):
    """4 million pairs take 128 MiB as a table; the process may have 96 MiB in all."""
    folder = greenprint.folder
    np.random.default_rng(1).integers(0, 2**16, 4_000_000).astype("<u2").tofile(folder / "a.u16")

    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (96 << 20, 96 << 20))

    if os.environ.get("ASAN_OPTIONS"):
        pytest.skip("AddressSanitizer needs the memory for itself")
    whole = report(greenprint, "-j1", "a.u16")
    arguments = ("verify", "-k", "k.key", "-j1", "--json", "a.u16")
    refused = greenprint(*arguments, preexec_fn=limit)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "out of memory" in refused.stderr
    bounded = greenprint(*arguments, "--max-memory", "24M", preexec_fn=limit,
                         env=os.environ | {"TMPDIR": str(folder)})  # fmt: skip
    assert json.loads(bounded.stdout) == whole
    assert sorted(os.listdir(folder)) == ["a.u16", "k.key"]


# --------------------------------------------------------------------- bad lines


def test_page_keeps_the_numbers_of_documents(greenprint, mark):
    """Documents beyond those that the page has room for are shown where a segment is found."""
    docs = [plain(seed, 20) for seed in range(650)]
    docs[600] = mark(1, 600)
    write(greenprint, "many.tokens", as_lines(docs))
    result = greenprint("verify", "-k", "k.key", "--locate", "--html", "p.html", "many.tokens")
    assert result.returncode in (0, 1), result.stderr
    page = (greenprint.folder / "p.html").read_text()
    assert "501 of 650 documents are shown: the first 500, and later ones" in page
    assert "Document 601: " in page
    assert "Document 501: " not in page
    assert report(greenprint, "--locate", "many.tokens")["segments"][0]["document"] == 600
    greenprint("verify", "-k", "k.key", "--html", "q.html", "many.tokens")
    assert "documents are shown" not in (greenprint.folder / "q.html").read_text()


def test_verdict_is_of_all_documents_together(greenprint, key):
    write(greenprint, "a.tokens", as_lines([plain(1, 50), plain(2, 50)]))
    found = greenprint("verify", "-k", "k.key", "--per-document", "a.tokens").stdout
    assert "each document has a test of its own above." in " ".join(found.split())
    assert "of its own" not in greenprint("verify", "-k", "k.key", "a.tokens").stdout


def test_verdict_names_whose_mark(greenprint, mark):
    write(greenprint, "t.tokens", as_lines([mark(1, 400, tenant=12)]))

    def verdict(*arguments):
        return greenprint("verify", "-k", "k.key", "-q", *arguments, "t.tokens").stdout

    assert verdict("--tenants", "5-20").startswith("Found: the mark of key ")
    assert verdict("--tenants", "5-20").endswith(", tenant 12.\n")
    assert verdict("--tenants", "1-9") == "Not found: the mark of any of 9 keys and tenants.\n"
    assert ", tenant" not in verdict()


def test_text_report_names_tokenizer_and_normalization(greenprint, key):
    tokenizer = {
        "added_tokens": [],
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
    }
    write(greenprint, "t.json", json.dumps(tokenizer))
    write(greenprint, "t.txt", "abba" * 10)
    digest = hashlib.sha256((greenprint.folder / "t.json").read_bytes()).hexdigest()
    found = greenprint("verify", "-k", "k.key", "-t", "t.json", "t.txt").stdout
    assert f", SHA-256 {digest[:16]}…\n" in found
    assert "\nnormalize" not in found
    found = greenprint("verify", "-k", "k.key", "-t", "t.json", "--normalize=nfc", "t.txt").stdout
    assert "\nnormalize  nfc\n" in found


@pytest.mark.parametrize("content", ["", "hello", "[1]", "\0", "\x89GPKEY"])
def test_what_is_no_tokenizer(greenprint, key, content):
    write(greenprint, "t.json", content)
    write(greenprint, "t.txt", "abba")
    message = greenprint.fails("verify", "-k", "k.key", "-t", "t.json", "t.txt")
    assert message == (
        "greenprint verify: t.json: is neither a GGUF file nor a tokenizer.json: "
        "it starts like neither"
    )


def test_small_samples_are_no_plan(greenprint, key):
    write(greenprint, "s.tokens", "1 2 3\n")
    message = greenprint.fails("plan", "-k", "k.key", "s.tokens")
    assert "too small to plan with: 1 pairs scored; give 50 or more" in message
    write(greenprint, "s.tokens", as_lines([plain(3, 60)]))
    message = greenprint.fails("plan", "-k", "k.key", "s.tokens")
    assert "standard errors" in message or "does not exceed gamma" in message


def test_skip_bad_takes_a_whole_record_back(greenprint, key):
    """A chat whose second message cannot be tokenized leaves nothing of its first."""
    vocabulary = [["a", -1.0], ["b", -1.5], ["ab", -2.0], [" ", -1.0]]
    write(
        greenprint,
        "t.json",
        json.dumps(
            {
                "added_tokens": [],
                "normalizer": None,
                "pre_tokenizer": None,
                "post_processor": None,
                "decoder": None,
                "model": {"type": "Unigram", "unk_id": None, "vocab": vocabulary},
            }
        ),
    )

    def chat(*texts):
        messages = [{"role": "assistant", "content": text} for text in texts]
        return json.dumps({"messages": messages}) + "\n"

    good = [chat("a b ab a a b"), chat("b b a", "ab ab b a b"), chat("b ab b ab a")]
    bad = chat("a a a a b b b b a b a b a a b", "a c")  # no piece for "c"
    options = ("-t", "t.json", "--role", "assistant", "--json-lines", "--skip-bad")
    write(greenprint, "good.jsonl", "".join(good))
    expected = greenprint("verify", "-k", "k.key", *options, "good.jsonl").stdout.splitlines()
    for place in range(4):
        write(greenprint, "bad.jsonl", "".join([*good[:place], bad, *good[place:]]))
        result = greenprint("verify", "-k", "k.key", *options, "bad.jsonl")
        assert f"bad.jsonl:{place + 1}: " in result.stderr
        found = result.stdout.splitlines()
        assert len(found) == len(expected) == 5
        for one, other in zip(map(json.loads, found), map(json.loads, expected), strict=True):
            for name in ("tokens", "scored", "repeated", "green", "log10_p", "documents"):
                assert one.get(name) == other.get(name)


def test_skip_bad(greenprint, key):
    good, bad = "1 2 3 4 5 6\n", "1 2 x\n"
    write(greenprint, "a.tokens", good + bad + good + bad * 20)
    message = greenprint.fails("verify", "-k", "k.key", "a.tokens")
    assert message.startswith("greenprint verify: a.tokens:2: ")
    result = greenprint("verify", "-k", "k.key", "--json", "--skip-bad", "a.tokens")
    found = json.loads(result.stdout)
    assert found["inputs"][0]["bad_lines"] == 21
    assert found["documents"] == 2
    warnings = result.stderr.splitlines()
    assert len(warnings) == 11
    assert "a.tokens:2: " in warnings[0]
    text = greenprint("verify", "-k", "k.key", "--skip-bad", "a.tokens").stdout
    assert "bad lines  21 left out" in text


def test_quiet(greenprint, key):
    write(greenprint, "a.tokens", "1 2 3 4\n")
    result = greenprint("verify", "-k", "k.key", "-q", "a.tokens")
    assert result.stdout.startswith("Not found: the mark of key ")
    assert result.stdout.count("\n") == 1


def test_folders(greenprint, key):
    write(greenprint, "d/b.jsonl", '{"tokens": [1, 2, 3]}\n')
    write(greenprint, "d/a/c.tokens", "1 2 3\n4 5 6\n")
    write(greenprint, "d/a/.gitkeep", "")
    found = report(greenprint, "-r", "d")
    assert [(i["name"], i["documents"]) for i in found["inputs"]] == [
        ("d/a/c.tokens", 2), ("d/b.jsonl", 1)]  # fmt: skip
    assert "is a directory" in greenprint.fails("verify", "-k", "k.key", "d")


# ---------------------------------------------------------------- tired operators


def test_page_spares_what_the_run_needs(greenprint, key):
    write(greenprint, "a.tokens", "1 2 3 4\n")
    before = (greenprint.folder / "k.key").read_bytes()
    os.link(greenprint.folder / "a.tokens", greenprint.folder / "other")
    for page in ("k.key", "a.tokens", "other"):
        said = greenprint.fails("verify", "-k", "k.key", "--html", page, "a.tokens")
        assert said == (
            f"greenprint verify: --html {page} would replace a file that is no page: choose "
            "another name"
        )
    write(greenprint, "p.html", "<!doctype html><p>1")  # a page, and read: to be spared as well
    said = greenprint.fails(
        *("verify", "-k", "k.key", "--format", "tokens", "--html", "p.html", "p.html")
    )
    assert said == "greenprint verify: --html p.html would replace a file of this very run"
    os.unlink(greenprint.folder / "p.html")
    assert greenprint.fails(
        "verify", "-k", "k.key", "--html", "x", "--partial", "x", "a.tokens"
    ).endswith("would replace a file of this very run")
    greenprint.fails("verify", "-k", "k.key", "--html", "-", "a.tokens")
    greenprint.fails("verify", "-k", "k.key", "--partial", "p", "--html", "no/x", "a.tokens")
    assert (greenprint.folder / "k.key").read_bytes() == before
    assert sorted(os.listdir(greenprint.folder)) == ["a.tokens", "k.key", "other"]


def test_page_replaces_pages_alone(greenprint, key):
    """One wrong completion of a name, and another's key would be gone."""
    write(greenprint, "a.tokens", "1 2 3 4\n")
    arguments = ("verify", "-k", "k.key", "a.tokens", "--html")
    shutil.copy(greenprint.folder / "k.key", greenprint.folder / "other.key")
    said = greenprint.fails(*arguments, "other.key")
    assert "--html other.key would replace a file that is no page" in said
    assert filecmp.cmp(
        greenprint.folder / "k.key", greenprint.folder / "other.key", shallow=False
    )
    write(greenprint, "empty", "")
    for page in ("empty", "new.html", "new.html"):
        assert greenprint(*arguments, page).returncode == 1
        assert (greenprint.folder / page).read_bytes().startswith(b"<!DOCTYPE html")


def test_nothing_read_is_no_verdict(greenprint, key):
    write(greenprint, "a.tokens", "x\ny\n")
    result = greenprint("verify", "-k", "k.key", "-q", "--skip-bad", "a.tokens")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        "greenprint verify: no document was read; lines left out: 2"
    )
    write(greenprint, "c.jsonl", '{"messages": [{"role": "user", "content": "a"}]}\n')
    assert "no message of that role" in greenprint.fails(
        "verify", "-k", "k.key", "--role", "Assistant", "c.jsonl")  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "-k", "k.key", "--tenants", "0-3", "--tenants", "5-6"),
         "verify: option --tenants is given twice"),
        (("verify", "-k", "k.key", "--alpha=1e-3", "--alpha=1e-4"),
         "verify: option --alpha is given twice"),
        (("verify", "-k", "k.key", "-j", "2", "-j3"), "verify: option -j3 is given twice"),
        (("verify", "-k", "k.key", "--partial", "p", "--locate"),
         "verify: --partial cannot hold what --locate finds: leave one of them out"),
        (("plan", "-k", "k.key", "--rate", "0.5", "a.tokens"),
         "plan: gamma and the green rate are those of the key and its texts: leave out --gamma, "
         "--rate, --delta and --entropy"),
        (("plan", "--rate", "0.5", "--delta", "3"),
         "plan: --rate takes the place of --delta and --entropy"),
        (("plan", "--tenant", "3"),
         "plan: --tenant and --passphrase-file are for the key of -k"),
    ],
)  # fmt: skip
def test_contradictions(greenprint, key, arguments, message):
    assert greenprint.fails(*arguments) == f"greenprint {message}"


def test_a_long_document_does_not_slow_down_the_others(greenprint, key):
    """The table of a long document is given back: wiping it 60,000 times takes minutes."""
    long = np.random.default_rng(1).integers(0, 60000, 400_000)
    lines = " ".join(map(str, long)) + "\n" + "1 2 3 4\n" * 60_000
    write(greenprint, "a.tokens", lines)
    result = greenprint("verify", "-k", "k.key", "-q", "-j1", "--per-document", "a.tokens")
    assert result.returncode == 1  # within the 120 s of every command here


def test_segments_beyond_what_is_drawn_are_on_the_page(greenprint, key, mark):
    docs = [plain(i, 10) for i in range(1500)] + [mark(1, 300)]
    write(greenprint, "a.tokens", as_lines(docs))
    found = report(greenprint, "--locate", "--html", "r.html", "a.tokens")
    (segment,) = found["segments"]
    assert segment["line"] == 1501
    page = (greenprint.folder / "r.html").read_text()
    assert "No part of a document" not in page
    assert "1501" in page


def test_merge_compares_parameters(greenprint, shards):
    """A header that differs in gamma alone, with a checksum that is right."""
    greenprint("verify", "-k", "k.key", "-q", "--partial", "a.gpp", shards[0])
    whole = (greenprint.folder / "a.gpp").read_bytes()
    head = bytearray(whole[: 76 + int.from_bytes(whole[72:76], "little")])
    head[31] = 5
    head += b"\xff"
    write(greenprint, "b.gpp", bytes(head) + hashlib.sha256(head).digest())
    for order in (("a.gpp", "b.gpp"), ("b.gpp", "a.gpp")):
        assert "differ in the parameters" in greenprint.fails("merge", *order)


# -------------------------------------------------------------------------- text


def test_text(greenprint, key, tokenizer):
    write(greenprint, "a.txt", "hello world")
    write(greenprint, "ids.tokens", "259 260 111 114 108 100\n")
    ids = report(greenprint, "ids.tokens")
    found = report(greenprint, "-t", tokenizer, "a.txt")
    assert found["tokens"] == 6
    assert (found["scored"], found["green"]) == (ids["scored"], ids["green"])
    assert found["tokenizer"]["model"] == "byte-level BPE"
    assert found["tokenizer"]["vocabulary"] == 261
    chat = {"messages": [{"role": "user", "content": "What?"},
                         {"role": "assistant", "content": "hello world"}]}  # fmt: skip
    write(greenprint, "c.jsonl", json.dumps(chat) + "\n")
    answers = report(greenprint, "-t", tokenizer, "--role", "assistant", "c.jsonl")
    assert (answers["documents"], answers["tokens"]) == (1, 6)
    nested = {"body": {"parts": ["x", "hello world"]}}
    write(greenprint, "n.jsonl", json.dumps(nested) + "\n")
    assert (
        report(greenprint, "-t", tokenizer, "--field", "body.parts.1", "n.jsonl")["tokens"] == 6
    )


def test_normalize(greenprint, key, tokenizer):
    write(greenprint, "a.txt", "hello  \r\nworld \n")
    write(greenprint, "b.txt", "hello\nworld\n")
    clean = report(greenprint, "-t", tokenizer, "b.txt")
    found = report(greenprint, "-t", tokenizer, "--normalize", "a.txt")
    assert found["normalize"] == ["newlines", "trailing", "nfc"]
    assert (found["tokens"], found["green"]) == (clean["tokens"], clean["green"])
    assert report(greenprint, "-t", tokenizer, "a.txt")["tokens"] > clean["tokens"]
    assert greenprint.fails(
        "verify", "-k", "k.key", "-t", tokenizer, "--normalize=nfd", "a.txt"
    ) == ("greenprint verify: --normalize=nfd: the steps are newlines, trailing, nfc and all")


def test_text_takes_a_tokenizer(greenprint, key, tokenizer):
    write(greenprint, "a.jsonl", '{"text": "hello"}\n')
    assert greenprint.fails("verify", "-k", "k.key", "--field", "text", "a.jsonl") == (
        "greenprint verify: a.jsonl:1: holds text, which takes a tokenizer to read (--tokenizer)"
    )
    assert "name the text's tokenizer" in greenprint.fails(
        "verify", "-k", "k.key", "--format", "text", "a.jsonl")  # fmt: skip
    write(greenprint, "bad.json", "{}")
    assert greenprint.fails("verify", "-k", "k.key", "-t", "bad.json", "a.jsonl").startswith(
        "greenprint verify: bad.json: ")  # fmt: skip


# -------------------------------------------------------------------------- plan


def test_plan(greenprint, key, mark):
    table = json.loads(greenprint("plan", "--json", "--rate", "0.5", "--alpha", "1e-6",
                                  "--power", "0.9").stdout)  # fmt: skip
    (row,) = table["plans"]
    from scipy.stats import binom

    critical = binom.isf(1e-6, row["coins"], 0.25) + 1
    assert binom.sf(critical - 1, row["coins"], 0.5) >= 0.9
    less = row["coins"] - 8
    assert binom.sf(binom.isf(1e-6, less, 0.25), less, 0.5) < 0.9
    write(greenprint, "a.tokens", as_lines([mark(1, 500)]))
    measured = json.loads(greenprint("plan", "-k", "k.key", "--json", "a.tokens").stdout)
    found = report(greenprint, "a.tokens")
    assert measured["green_rate"] == found["green"] / found["scored"]
    assert len(measured["plans"]) == 12
    text = greenprint("plan", "--entropy", "3").stdout
    assert "expected for delta 2" in text
    assert "no number of tokens is enough" in greenprint.fails("plan", "--rate", "0.2")
    assert "name the files that were marked" in greenprint.fails("plan", "-k", "k.key")
