"""Sets of committed keys, proofs that a key is in one, and what verify makes of them."""

import json
import math
import random
import struct

import numpy as np
import pytest
from committed_sets import checked, leaf_of, proof_file, root_of, set_file

from greenprint import Key, Watermark
from greenprint.reference import ExpectationsWriter

SHOWN = "greenprint commit: "


@pytest.fixture
def keys(greenprint):
    """Seven key files, k0.key to k6.key; their leaves in the order of the tree."""
    leaves = []
    for i in range(7):
        options = ("--context-width", str(1 + i % 3), "--gamma", "1/2" if i % 2 else "1/4")
        assert greenprint("keygen", "-o", f"k{i}.key", "--unsealed", *options).returncode == 0
        leaves.append(leaf_of(read(greenprint, f"k{i}.key")))
    return sorted(leaves, key=lambda leaf: leaf[20:])


def read(command, name):
    return (command.folder / name).read_bytes()


def write(command, name, content):
    (command.folder / name).write_bytes(content)


def commit(command, *arguments):
    """Run a command that has to succeed, and return what it says."""
    result = command("commit", *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def fails(command, *arguments):
    message = command.fails("commit", *arguments)
    assert message.startswith(SHOWN)
    return message.removeprefix(SHOWN)


def make_set(command):
    return commit(command, *(f"k{i}.key" for i in range(7)), "-o", "all.gpm")


def test_files_are_those_of_the_standard(greenprint, keys):
    said = make_set(greenprint)
    assert read(greenprint, "all.gpm") == set_file(keys)
    assert (greenprint.folder / "all.gpm").stat().st_mode & 0o777 == 0o644
    assert f"root       {root_of(keys).hex()}\n" in said
    for i, leaf in enumerate(keys):
        key_id = leaf[20:28].hex()
        assert key_id in said
        commit(greenprint, "prove", "all.gpm", key_id, "-o", f"{i}.gpi", "-q")
        assert read(greenprint, f"{i}.gpi") == proof_file(keys, i)


@pytest.mark.parametrize("n", range(1, 8))
def test_every_size(greenprint, keys, n):
    commit(greenprint, *(f"k{i}.key" for i in range(n)), "-o", "n.gpm", "-q")
    leaves = sorted(
        (leaf_of(read(greenprint, f"k{i}.key")) for i in range(n)), key=lambda leaf: leaf[20:]
    )
    assert read(greenprint, "n.gpm") == set_file(leaves)


def test_union(greenprint, keys):
    make_set(greenprint)
    commit(greenprint, "k1.key", "k2.key", "k3.key", "-o", "a.gpm")
    commit(greenprint, "k3.key", "k4.key", "k5.key", "-o", "b.gpm")
    commit(greenprint, "b.gpm", "k6.key", "a.gpm", "k0.key", "k1.key", "-o", "u.gpm")
    assert read(greenprint, "u.gpm") == read(greenprint, "all.gpm")
    message = fails(greenprint, "k1.key", "b.gpm", "k1.key", "-o", "x.gpm")
    key_id = leaf_of(read(greenprint, "k1.key"))[20:28].hex()
    assert message == f"k1.key: key {key_id} is named twice"
    assert not (greenprint.folder / "x.gpm").exists()


def test_a_sealed_key_needs_no_passphrase(greenprint, sealed):
    commit(greenprint, "s.key", "-o", "s.gpm")
    assert read(greenprint, "s.gpm") == set_file([leaf_of(sealed.read_bytes())])


def test_check_and_show(greenprint, keys):
    make_set(greenprint)
    root = root_of(keys).hex()
    commit(greenprint, "prove", "all.gpm", "k2.key", "-o", "k2.gpi")
    leaf = leaf_of(read(greenprint, "k2.key"))
    shown = json.loads(commit(greenprint, "show", "k2.gpi", "--json"))
    assert shown == {
        "key": {
            "scheme": "greenprint-1",
            "seeding": "hash",
            "context_width": 3,
            "gamma": 0.25,
            "key_id": leaf[20:28].hex(),
            "key_commitment": leaf[20:].hex(),
        },
        "index": keys.index(leaf),
        "tree_size": 7,
        "root": root,
    }
    assert json.loads(commit(greenprint, "check", "k2.gpi", "--json", "--root", root)) == shown
    assert f"{root}, as given\n" in commit(greenprint, "check", "k2.gpi", "--root", root.upper())
    assert "compare it with the published one" in commit(greenprint, "check", "k2.gpi")
    whole = json.loads(commit(greenprint, "show", "all.gpm", "--json"))
    assert (whole["tree_size"], whole["root"]) == (7, root)
    assert [key["key_commitment"] for key in whole["keys"]] == [key[20:].hex() for key in keys]
    assert fails(greenprint, "check", "k2.gpi", "--root", "00" * 32) == (
        f"k2.gpi: its root is {root}, not the one given: the key is not shown to be in that set"
    )
    for bad in ("", "00", root[:-1], root + "00", "x" * 64):
        assert fails(greenprint, "check", "k2.gpi", "--root", bad) == (
            f"--root {bad} is not a root, which has 64 hexadecimal digits"
        )


def test_a_proof_of_something_else_is_refused(greenprint, keys):
    make_set(greenprint)
    good = proof_file(keys, 3)
    altered = {
        "index": good[:16] + struct.pack("<Q", 2) + good[24:],
        "size": good[:24] + struct.pack("<Q", 8) + good[32:],
        "params": good[:48] + bytes([good[48], 4]) + good[50:],
        "commitment": good[:60] + bytes(8) + good[68:],
        "path": good[:100] + bytes(8) + good[108:],
        "root": good[:-64] + bytes(32) + good[-32:],
    }
    for name, data in altered.items():
        write(greenprint, name, checked(data[:-32]))
        message = fails(greenprint, "check", name)
        assert message.startswith(f"{name}: ")
        assert "does not lead from key" in message
    write(greenprint, "damaged", good[:-1] + bytes([good[-1] ^ 1]))
    assert fails(greenprint, "check", "damaged") == (
        "damaged: the checksum does not match: the file is damaged"
    )
    write(greenprint, "short", good[:-40])
    assert fails(greenprint, "check", "short").startswith("short: ")
    assert fails(greenprint, "check", "k1.key") == "k1.key: not a Greenprint proof of inclusion"
    assert fails(greenprint, "show", "k1.key") == (
        "k1.key: neither a Greenprint set of keys nor a proof of inclusion"
    )
    assert fails(greenprint, "show", "damaged") == (
        "damaged: the checksum does not match: the file is damaged"
    )
    write(greenprint, "later", checked(good[:8] + b"\2" + good[9:-32]))
    assert "has format version 2" in fails(greenprint, "check", "later")


def test_an_altered_set_is_refused(greenprint, keys):
    good = set_file(keys)
    for name, data in {
        "root": good[:-64] + bytes(32) + good[-32:],
        "key": good[:50] + bytes([good[50] ^ 1]) + good[51:],
        "order": set_file([keys[1], keys[0]]),
        "twice": set_file([keys[0], keys[0]]),
        "none": good[:16] + bytes(8) + good[-64:],
        "more": good[:16] + struct.pack("<Q", 2**60) + good[24:],
    }.items():
        write(greenprint, name, checked(data[:-32]))
        assert fails(greenprint, "show", name).startswith(f"{name}: ")
        assert fails(greenprint, name, "-o", "x.gpm").startswith(f"{name}: ")


def test_what_is_refused(greenprint, keys):
    make_set(greenprint)
    assert "never overwritten" in fails(greenprint, "k1.key", "-o", "all.gpm")
    assert fails(greenprint, "k1.key") == "name the file to be written with -o FILE"
    assert fails(greenprint, "-o", "x").startswith("name the keys to commit to")
    assert fails(greenprint, "k1.key", "-o", "-").startswith("--output -")
    assert fails(greenprint, "prove", "all.gpm", "-o", "x").startswith("name a set and one key")
    assert fails(greenprint, "check").startswith("name one proof")
    assert fails(greenprint, "show", "all.gpm", "-o", "x").startswith("check and show write no")
    assert fails(greenprint, "show", "all.gpm", "--root", "x") == "--root is for commit check"
    absent = "0123456789abcdef"
    assert fails(greenprint, "prove", "all.gpm", absent, "-o", "x") == (
        f"all.gpm: {absent}: the key is not in the set, which has 7"
    )
    write(greenprint, "text", b"nothing\n")
    for arguments in (("text", "-o", "x"), ("prove", "all.gpm", "text", "-o", "x")):
        assert fails(greenprint, *arguments) == (
            "text: neither a Greenprint key file nor a public file"
        )
    assert "has to be a regular file" in fails(greenprint, "/dev/null", "-o", "x")
    assert "No such file" in fails(greenprint, "absent", "-o", "x")
    assert not (greenprint.folder / "x").exists()


# ------------------------------------------------------------------------ verify


@pytest.fixture
def text(greenprint, keys):
    """a.tokens: with no mark in it."""
    numbers = random.Random(8)
    write(
        greenprint,
        "a.tokens",
        " ".join(str(numbers.randrange(500)) for _ in range(4000)).encode(),
    )
    make_set(greenprint)
    commit(greenprint, "prove", "all.gpm", "k0.key", "-o", "k0.gpi")
    return greenprint


def report(command, *arguments):
    alpha = () if "--alpha" in arguments else ("--alpha", "0.999")
    result = command("verify", "a.tokens", "--json", *alpha, *arguments)
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_p_pays_for_all_keys_committed_to(text, keys):
    plain = report(text, "-k", "k0.key")
    assert plain["committed"] is None
    assert plain["anytime"] is not None
    for file in ("k0.gpi", "all.gpm"):
        found = report(text, "-k", "k0.key", "--committed", file)
        assert found["committed"] == {
            "root": root_of(keys).hex(),
            "tree_size": 7,
            "p_times": 7,
        }
        assert found["anytime"] is None
        assert (found["candidates_tried"], found["log10_p"]) == (1, plain["log10_p"])
        expected = min(0, plain["log10_p"] + math.log10(7))
        assert found["log10_p_corrected"] == pytest.approx(expected, abs=1e-12)
        verdict = "found" if expected <= math.log10(0.999) else "not_found"
        assert found["verdict"] == verdict


def test_several_keys_and_tenants(text):
    two = ("-k", "k0.key", "-k", "k1.key", "--tenants", "0-4")
    plain = report(text, *two)
    found = report(text, *two, "--committed", "all.gpm")
    assert found["candidates_tried"] == plain["candidates_tried"] == 10
    assert found["committed"]["p_times"] == found["p_times"] == 35
    assert (plain["p_times"], plain["tests_possible"], plain["committed"]) == (10, 1, None)
    expected = min(0, plain["log10_p"] + math.log10(35))
    assert found["log10_p_corrected"] == pytest.approx(expected, abs=1e-12)


def test_a_set_of_one_key_costs_nothing(text):
    commit(text, "k0.key", "-o", "one.gpm")
    found = report(text, "-k", "k0.key", "--committed", "one.gpm", "--per-document")
    plain = report(text, "-k", "k0.key", "--per-document")
    assert (found.pop("committed")["p_times"], found["p_times"], found["tests_possible"]) == (
        1,
        1,
        1,
    )
    del plain["committed"]
    assert found == plain


def test_text_and_page_say_so(text, keys):
    root = root_of(keys).hex()
    said = text("verify", "-k", "k0.key", "a.tokens", "--committed", "k0.gpi", "--html", "p.html")
    assert f"committed  among 7 keys, root {root}: compare it with the published one\n" in (
        said.stdout
    )
    assert "(p times 7: 7 keys committed to)\n" in said.stdout
    assert "for any of the keys committed to" not in said.stdout  # nothing was found
    tenant = text("verify", "-k", "k0.key", "a.tokens", "--tenant", "3", "--committed", "k0.gpi")
    assert "(p times 7: 7 keys committed to, but not the other tenants)" in tenant.stdout
    assert "anytime" not in said.stdout
    page = read(text, "p.html").decode()
    assert f"among 7 keys, root {root}" in page
    assert "p times 7: 7 keys committed to; decides" in page
    assert "had one looked after every document" not in page


def write_marked(command):
    """a.tokens with a passage marked by k0.key in the middle; returns its ids."""
    watermark = Watermark(Key.load(command.folder / "k0.key"))
    numbers = random.Random(9)
    ids = [numbers.randrange(500) for _ in range(1500)]
    for _ in range(150):
        green = np.unpackbits(watermark.green_mask(ids, 500), bitorder="little")
        draws = [numbers.randrange(500) for _ in range(4)]
        ids.append(next((d for d in draws if green[d]), draws[0]))
    ids += [numbers.randrange(500) for _ in range(1500)]
    write(command, "a.tokens", " ".join(map(str, ids)).encode())
    return ids


def test_segments_pay_too(text):
    """A marked passage in a long text: found alone, and with a set at a price."""
    write_marked(text)
    (plain,) = report(text, "-k", "k0.key", "--locate", "--alpha", "1e-9")["segments"]
    (found,) = report(
        text, "-k", "k0.key", "--locate", "--alpha", "1e-9", "--committed", "k0.gpi"
    )["segments"]
    assert found["log10_p"] == plain["log10_p"]
    expected = plain["log10_p_corrected"] + math.log10(7)
    assert found["log10_p_corrected"] == pytest.approx(expected, abs=1e-9)


def test_the_weighted_test_pays_too(text):
    """With a reference model it is the weighted p that decides."""
    ids = write_marked(text)[1500:1650]  # nothing else, so that p is small
    write(text, "a.tokens", " ".join(map(str, ids)).encode())
    with ExpectationsWriter(text.folder / "e.gpx", label="none", top_k=1) as writer:
        writer.add(ids, np.zeros((len(ids), 1), np.int64), np.zeros((len(ids), 1), np.float32))
    plain = report(text, "-k", "k0.key", "--weights", "e.gpx")
    found = report(text, "-k", "k0.key", "--weights", "e.gpx", "--committed", "k0.gpi")
    assert plain["weighted"]["log10_p_corrected"] == plain["weighted"]["log10_p"]
    expected = min(0, plain["weighted"]["log10_p"] + math.log10(7))
    assert found["weighted"]["log10_p"] == plain["weighted"]["log10_p"]
    assert found["weighted"]["log10_p_corrected"] == pytest.approx(expected, abs=1e-12)
    alpha = 10 ** (plain["weighted"]["log10_p"] + 0.1)
    for arguments, verdict in (((), "found"), (("--committed", "k0.gpi"), "not_found")):
        options = ("-k", "k0.key", "--weights", "e.gpx", "--alpha", str(alpha))
        assert report(text, *options, *arguments)["verdict"] == verdict


def test_what_verify_refuses(text, keys):
    def refused(*arguments):
        return text.fails("verify", "a.tokens", *arguments).removeprefix("greenprint verify: ")

    key_id = leaf_of(read(text, "k0.key"))[20:28].hex()
    assert refused("-k", "k1.key", "--committed", "k0.gpi") == (
        f"--committed k0.gpi is for key {key_id}, not for that of k1.key"
    )
    assert refused("-k", "k0.key", "-k", "k1.key", "--committed", "k0.gpi").endswith(
        "several keys need the set itself"
    )
    commit(text, "k1.key", "k2.key", "-o", "few.gpm")
    assert refused("-k", "k1.key", "-k", "k0.key", "--committed", "few.gpm") == (
        "--committed few.gpm: k0.key: the key is not in the set, which has 2"
    )
    data = read(text, "k0.gpi")
    write(text, "bad.gpi", data[:-1] + bytes([data[-1] ^ 1]))
    assert "the checksum does not match" in refused("-k", "k0.key", "--committed", "bad.gpi")
    data = read(text, "few.gpm")
    write(text, "bad.gpm", data[:-1] + bytes([data[-1] ^ 1]))
    assert "the checksum does not match" in refused("-k", "k1.key", "--committed", "bad.gpm")
    assert "do not go with" in refused("-k", "k0.key", "--committed", "k0.gpi", "--per-document")
    assert "do not go with" in refused("-k", "k0.key", "--committed", "k0.gpi", "--json-lines")
    for paid in (("--committed", "k0.gpi"), ("--tests", "2")):
        said = refused("-k", "k0.key", *paid, "--partial", "p")
        assert said.endswith("give them to greenprint merge")
    assert not (text.folder / "p").exists()


def test_p_pays_for_tests_that_could_have_been_made(text):
    """By themselves, and with keys that were committed to."""
    plain = report(text, "-k", "k0.key")
    for arguments, times in (
        (("--tests", "1"), 1),
        (("--tests", "24000"), 24000),
        (("--tests", "24000", "--committed", "k0.gpi"), 7 * 24000),
        (("--tests", "3", "--tenants", "0-4", "--committed", "all.gpm"), 7 * 5 * 3),
    ):
        found = report(text, "-k", "k0.key", *arguments)
        assert (found["p_times"], found["tests_possible"]) == (times, int(arguments[1]))
        expected = min(0, found["log10_p"] + math.log10(times))
        assert found["log10_p_corrected"] == pytest.approx(expected, abs=1e-12)
        assert (found["anytime"] is None) == (times > 1)
        if "--tenants" not in arguments:
            assert found["log10_p"] == plain["log10_p"]
    said = text(
        "verify", "-k", "k0.key", "a.tokens", "--tenant", "3", "--tests", "5", "--html", "p.html"
    )
    assert "(p times 5: 5 tests)\n" in said.stdout
    assert "tenant     3\n" in said.stdout
    assert "p times 5: 5 tests; decides" in read(text, "p.html").decode()
    both = text(
        *("verify", "-k", "k0.key", "a.tokens", "--tenant", "3"),
        *("--tests", "5", "--committed", "k0.gpi"),
    )
    assert "(p times 35: 7 keys committed to, 5 tests)\n" in both.stdout


def test_what_was_found_is_said_of_all_tests(text):
    ids = write_marked(text)[1500:1650]  # nothing else: z is 12 or so
    write(text, "a.tokens", " ".join(map(str, ids)).encode())
    paid = ("--committed", "k0.gpi", "--tests", "3", "--alpha", "0.999")
    words = " ".join(text("verify", "-k", "k0.key", "a.tokens", *paid).stdout.split())
    assert (
        ", for any of the keys committed to and any of the tests that could have been made."
        in words
    )


def test_the_root_that_was_published(text, keys):
    root = root_of(keys).hex()
    for file in ("k0.gpi", "all.gpm"):
        arguments = ("-k", "k0.key", "--committed", file)
        assert report(text, *arguments, "--root", root)["p_times"] == 7
        said = text.fails("verify", "a.tokens", *arguments, "--root", "00" * 32)
        assert f"{file}: its root is {root}, not the one given" in said
    said = text.fails(
        "verify", "a.tokens", "-k", "k0.key", "--committed", "k0.gpi", "--root", "0"
    )
    assert "--root 0 is not a root, which has 64 hexadecimal digits" in said
    said = text.fails("verify", "a.tokens", "-k", "k0.key", "--root", root)
    assert "--root is that of the file of --committed" in said


def test_inspect_says_where_to_look(text):
    for file in ("all.gpm", "k0.gpi"):
        said = text.fails("inspect", file)
        assert f"{file}: this is about committed keys: see greenprint commit show" in said


def test_numbers_of_tests(text):
    for bad in ("0", "-1", "1.5", "x", "9223372036854775808"):
        said = text.fails("verify", "a.tokens", "-k", "k0.key", f"--tests={bad}")
        assert f"--tests {bad} is not a number from 1 to 2^63 - 1" in said
    most = ("-k", "k0.key", "--tests", "9223372036854775807")
    assert report(text, *most)["p_times"] == 2**63 - 1
    said = text.fails("verify", "a.tokens", *most, "--committed", "k0.gpi")
    assert "p would have to pay for more than 2^63 - 1 tests" in said
    said = text.fails("verify", "a.tokens", "-k", "k0.key", "--tests", "2", "--per-document")
    assert "--per-document and --json-lines do not go with --tests" in said


def test_merges_pay(text):
    assert text("verify", "-k", "k0.key", "a.tokens", "--partial", "a.gpr").returncode == 1
    paid = ("--committed", "k0.gpi", "--tests", "3", "--json", "--alpha", "0.999")
    merged = json.loads(text("merge", "a.gpr", *paid).stdout)
    whole = json.loads(text("verify", "-k", "k0.key", "a.tokens", *paid).stdout)
    assert merged == whole
    assert merged["p_times"] == 21
    commit(text, "prove", "all.gpm", "k1.key", "-o", "k1.gpi")
    said = text.fails("merge", "a.gpr", "--committed", "k1.gpi")
    assert "not for that of the partial files" in said


def test_audits_pay(text):
    arguments = ("audit", "-k", "k0.key", "a.tokens", "--controls", "20", "--json")
    plain = json.loads(text(*arguments).stdout)
    assert (plain["p_times"], plain["tests_possible"], plain["committed"]) == (1, 1, None)
    assert plain["log10_p_corrected"] == plain["log10_p"]
    paid = json.loads(text(*arguments, "--committed", "k0.gpi", "--tests", "3").stdout)
    assert (paid["p_times"], paid["tests_possible"], paid["committed"]["tree_size"]) == (21, 3, 7)
    assert paid["log10_p"] == plain["log10_p"]
    expected = min(0, plain["log10_p"] + math.log10(21))
    assert paid["log10_p_corrected"] == pytest.approx(expected, abs=1e-12)
    assert (plain["anytime"] is None, paid["anytime"]) == (False, None)
    said = text("audit", "-k", "k0.key", "a.tokens", "--controls", "0", "--tests", "3")
    assert "* decides, by p corrected: " in said.stdout
    assert "(p times 3: 3 tests)" in said.stdout
    said = text.fails("audit", "-k", "k1.key", "a.tokens", "--committed", "k0.gpi")
    assert "not for that of k1.key" in said


def test_traces_pay(text):
    arguments = ("trace", "-k", "k0.key", "--tenants", "0-9", "a.tokens", "--json")
    plain = json.loads(text(*arguments).stdout)
    paid = json.loads(text(*arguments, "--committed", "k0.gpi", "--tests", "3").stdout)
    assert (plain["p_times"], paid["p_times"], paid["tests_possible"]) == (1, 21, 3)
    for one, other in zip(plain["tenants"], paid["tenants"], strict=True):
        assert one["log10_p_corrected"] == one["log10_p_holm"] == other["log10_p_holm"]
        expected = min(0, one["log10_p_holm"] + math.log10(21))
        assert other["log10_p_corrected"] == pytest.approx(expected, abs=1e-12)
