"""Proving a text, checking the proof without the key, and every way to cheat."""

import fcntl
import gzip
import hashlib
import json
import os
import random
import signal
import stat
import struct
import time
from pathlib import Path

import browser as browsers
import numpy as np
import pytest

from greenprint import Key, Watermark

VOCABULARY = 3000
VECTORS = Path(__file__).parents[2] / "testvectors" / "provable.json"
HEADER = 168
BAD = "proof.gpp: the proof does not hold: "


def write(command, name, content):
    data = content if isinstance(content, bytes) else content.encode()
    (command.folder / name).parent.mkdir(parents=True, exist_ok=True)
    (command.folder / name).write_bytes(data)


def as_lines(docs):
    return "".join(" ".join(map(str, doc)) + "\n" for doc in docs)


def vector(seeding, width, g=1, k=2):
    """Key file and public file of a key that is always the same."""
    for case in json.loads(VECTORS.read_text())["keys"]:
        if (case["seeding"], case["h"], case["g"], case["k"]) == (seeding, width, g, k):
            return bytes.fromhex(case["key_file"]), bytes.fromhex(case["public_file"])
    raise AssertionError("no such key")


def put_key(folder, name, *parameters):
    secret, public = vector(*parameters)
    (folder / f"{name}.key").write_bytes(secret)
    (folder / f"{name}.key").chmod(0o600)
    (folder / f"{name}.pub").write_bytes(public)


@pytest.fixture
def key(tmp_path):
    """k.key and k.pub: hash, h = 1; other.key and other.pub."""
    put_key(tmp_path, "k", "hash", 1)
    put_key(tmp_path, "other", "hash", 2)


def make_marked(loaded, seed, length, tenant=None, vocabulary=VOCABULARY):
    source = random.Random(seed)
    watermark = Watermark(loaded, tenant=tenant)
    ids = [source.randrange(vocabulary) for _ in range(16)]
    while len(ids) < length:
        draws = [source.randrange(vocabulary) for _ in range(3)]
        green = np.unpackbits(watermark.green_mask(ids, vocabulary), bitorder="little")
        ids.append(next((d for d in draws if green[d]), draws[0]))
    return ids


@pytest.fixture
def mark(key, tmp_path):
    """A function that makes marked documents: about 55 % of the tokens are green."""
    loaded = Key.load(tmp_path / "k.key")

    def make(seed, length, tenant=None, vocabulary=VOCABULARY):
        return make_marked(loaded, seed, length, tenant, vocabulary)

    return make


def prove(command, *arguments, key="k.key", output="proof.gpp"):
    """Make a proof and return what was said of it."""
    result = command("prove", "-k", key, *arguments, "-o", output)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return dict(line.split(None, 1) for line in result.stdout.splitlines())


def without_proof(text):
    """A report as verify has it, and what was said of the proof."""
    lines = text.splitlines(keepends=True)
    proved = [line for line in lines if line.startswith("proved ")]
    return "".join(line for line in lines if line not in proved), proved


def same_report(command, *arguments, verify=(), status=0, key="k.key", pub="k.pub"):
    """Hold the reports of check to those of verify; return that of check as an object."""
    ours = command("verify", "-k", key, *verify, *arguments)
    theirs = command("check", "proof.gpp", "--pub", pub, *arguments)
    assert (theirs.returncode, theirs.stderr) == (status, ours.stderr), theirs.stderr
    text, proved = without_proof(theirs.stdout)
    assert (ours.returncode, ours.stdout) == (status, text)
    assert len(proved) == 1
    for form in ("--json", "--json-lines"):
        ours = command("verify", "-k", key, form, *verify, *arguments).stdout
        theirs = command("check", "proof.gpp", "--pub", pub, form, *arguments).stdout
        last, wanted = theirs.splitlines()[-1], ours.splitlines()[-1]
        if form == "--json":
            last, wanted = theirs, ours
        else:
            assert theirs.splitlines()[:-1] == ours.splitlines()[:-1]
        report, expected = json.loads(last), json.loads(wanted)
        assert list(report) == list(expected)
        proof = report["proof"]
        assert expected["proof"] is None
        report["proof"] = None
        assert report == expected
        if form == "--json":  # byte for byte, but for that object
            begin = theirs.index('"proof": {')
            end = theirs.index("}", begin) + 1
            assert theirs[:begin] + '"proof": null' + theirs[end:] == ours
    return expected | {"proof": proof}


def sealed_with(content):
    """With the checksum put right."""
    return content[:-32] + hashlib.sha256(content[:-32]).digest()


def refused(command, *arguments, pub="k.pub", proof="proof.gpp"):
    """Why a proof is refused."""
    message = command.fails("check", proof, "--pub", pub, *arguments)
    start = "greenprint check: "
    assert message.startswith(start)
    return message[len(start) :]


# ------------------------------------------------------------------- what is proved


def test_prove_and_check(greenprint, mark):
    docs = [mark(1, 200), mark(2, 150), [5], [7, 8]]
    write(greenprint, "a.tokens", as_lines(docs))
    said = prove(greenprint, "a.tokens")
    contexts = {doc[i] for doc in docs for i in range(len(doc) - 1)}
    assert said["proof"] == "proof.gpp"
    key_id = vector("hash", 1)[1][64:72].hex()
    assert said["proved"] == f"{len(contexts)} contexts, by the holder of key {key_id}"
    assert said["documents"] == "4"
    assert said["tokens"] == str(200 + 150 + 1 + 2)
    proof = (greenprint.folder / "proof.gpp").read_bytes()
    assert int(said["bytes"]) == len(proof) == HEADER + 32 * len(contexts) + 64 + 32
    assert stat.S_IMODE((greenprint.folder / "proof.gpp").stat().st_mode) == 0o644
    # Who checks has no key at all.
    (greenprint.folder / "k.key").rename(greenprint.folder / "secret")
    shown = greenprint("check", "proof.gpp", "--pub", "k.pub", "a.tokens")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"proved     {said['proved']}\n" in shown.stdout
    assert "scheme     greenprint-1v, hash, context width 1, gamma 1/4\n" in shown.stdout
    (greenprint.folder / "secret").rename(greenprint.folder / "k.key")
    found = same_report(greenprint, "a.tokens")
    assert found["verdict"] == "found"
    assert found["scheme"] == "greenprint-1v"
    text = b"".join(struct.pack(f"<Q{len(d)}I", len(d), *d) for d in docs)
    assert found["proof"] == {
        "sha256": hashlib.sha256(proof).hexdigest(),
        "public_key": vector("hash", 1)[1][32:64].hex(),
        "text_sha256": hashlib.sha256(text).hexdigest(),
        "contexts": len(contexts),
        "proved": len(contexts),
        "sizes": 1,
        "blind": False,
    }


@pytest.mark.parametrize(
    "parameters",
    [("hash", 2), ("hash", 4, 1, 1), ("hash", 16, 255, 8), ("min", 4), ("fixed", 0)],
    ids=str,
)
def test_parameters(greenprint, tmp_path, parameters):
    put_key(tmp_path, "k", *parameters)
    loaded = Key.load(tmp_path / "k.key")
    write(greenprint, "a.tokens", as_lines([make_marked(loaded, 3, 90)] * 2))
    prove(greenprint, "a.tokens")
    status = greenprint("verify", "-k", "k.key", "-q", "a.tokens").returncode
    same_report(greenprint, "a.tokens", status=status)


def test_text_without_the_mark(greenprint, key):
    write(greenprint, "a.tokens", as_lines([range(100)]))
    prove(greenprint, "a.tokens")
    assert same_report(greenprint, "a.tokens", status=1)["verdict"] == "not_found"


def test_text_without_contexts(greenprint, key):
    write(greenprint, "a.tokens", "5\n")
    assert prove(greenprint, "a.tokens")["bytes"] == str(HEADER + 32)
    assert same_report(greenprint, "a.tokens", status=1)["scored"] == 0


def test_forms_of_input(greenprint, mark, tokenizer):
    """Several files of all kinds at once, folders, gzip, fields and roles."""
    write(greenprint, "in/a.tokens.gz", gzip.compress(as_lines([mark(1, 90)]).encode()))
    write(greenprint, "in/b/c.tokens", as_lines([mark(2, 90), mark(3, 40)]))
    prove(greenprint, "-r", "in")
    found = same_report(greenprint, "-r", "in", "--per-document", "--locate")
    assert [each["gzip"] for each in found["inputs"]] == [True, False]
    (greenprint.folder / "proof.gpp").unlink()
    rows = [{"body": {"ids": mark(seed, 60)}} for seed in range(3)]
    write(greenprint, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    prove(greenprint, "--field", "body.ids", "a.jsonl")
    same_report(greenprint, "--field", "body.ids", "a.jsonl")
    (greenprint.folder / "proof.gpp").unlink()
    chat = [{"messages": [{"role": "user", "content": "hi"},
                          {"role": "assistant", "content": "hello world " * 9}]}]  # fmt: skip
    write(greenprint, "chat.jsonl", json.dumps(chat[0]) + "\n")
    options = ("-t", tokenizer, "--role", "assistant", "chat.jsonl")
    prove(greenprint, *options)
    same_report(greenprint, *options, status=1)
    assert refused(greenprint, "-t", tokenizer, "--role", "user", "chat.jsonl") == (
        BAD + "it is of another text, or of the same in another order"
    )


def test_text_with_a_tokenizer(greenprint, key, tokenizer):
    write(greenprint, "a.txt", "hello world, " * 30 + "\r\nhell \n")
    options = ("-t", tokenizer, "--normalize", "a.txt")
    prove(greenprint, *options)
    found = same_report(greenprint, *options, status=1)
    assert found["tokenizer"]["vocabulary"] == 261
    assert refused(greenprint, "-t", tokenizer, "a.txt").startswith(BAD + "it is of another text")


def test_tenant(greenprint, mark):
    write(greenprint, "a.tokens", as_lines([mark(1, 200, tenant=7)]))
    prove(greenprint, "--tenant", "7", "a.tokens")
    found = same_report(greenprint, "a.tokens", verify=("--tenant", "7"))
    assert (found["tenant"], found["verdict"]) == ("7", "found")
    prove(greenprint, "a.tokens", output="none.gpp")
    nobody = greenprint("check", "none.gpp", "--pub", "k.pub", "a.tokens")
    assert nobody.returncode == 1


def test_threads_change_nothing_in_the_report(greenprint, mark):
    write(greenprint, "a.tokens", as_lines([mark(1, 300)]))
    prove(greenprint, "-j", "1", "a.tokens")
    prove(greenprint, "-j", "3", "a.tokens", output="3.gpp")
    reports = {
        greenprint("check", proof, "--pub", "k.pub", "-j", jobs, "a.tokens").stdout
        for proof in ("proof.gpp", "3.gpp")
        for jobs in ("1", "3")
    }
    assert len(reports) == 1
    one, three = ((greenprint.folder / n).read_bytes() for n in ("proof.gpp", "3.gpp"))
    # All but the random scalar of the DLEQ proof is the same.
    assert one[:-96] == three[:-96]


def test_sealed_key(greenprint, mark, sealed):
    """A sealed key proves with its passphrase, and asks for it."""
    result = greenprint("keygen", "-o", "p.key", "--provable", "--passphrase-file", "pass",
                        "--cost", "interactive")  # fmt: skip
    assert result.returncode == 0, result.stderr
    write(greenprint, "a.tokens", as_lines([mark(1, 60)]))
    prove(greenprint, "--passphrase-file", "pass", "a.tokens", key="p.key")
    checked = greenprint("check", "proof.gpp", "--pub", "p.pub", "a.tokens")
    assert checked.returncode == 1, checked.stderr


def test_summary_and_quiet(greenprint, mark):
    write(greenprint, "a.tokens", as_lines([mark(1, 200)]))
    quiet = greenprint("prove", "-k", "k.key", "-q", "a.tokens", "-o", "proof.gpp")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    quiet = greenprint("check", "proof.gpp", "--pub", "k.pub", "-q", "a.tokens")
    wanted = greenprint("verify", "-k", "k.key", "-q", "a.tokens")
    assert (quiet.returncode, quiet.stdout) == (0, wanted.stdout)


def test_skip_bad(greenprint, mark):
    good = as_lines([mark(1, 90)])
    write(greenprint, "a.tokens", good + "1 2 x\n" + good)
    prove_it = ("prove", "-k", "k.key", "a.tokens", "-o", "proof.gpp")
    assert "a.tokens:2: " in greenprint.fails(*prove_it)
    assert not (greenprint.folder / "proof.gpp").exists()
    assert greenprint(*prove_it, "--skip-bad").returncode == 0
    ours = greenprint("verify", "-k", "k.key", "--skip-bad", "a.tokens")
    theirs = greenprint("check", "proof.gpp", "--pub", "k.pub", "--skip-bad", "a.tokens")
    assert without_proof(theirs.stdout)[0] == ours.stdout
    # Each line is warned of once, though it is read twice.
    assert theirs.stderr == ours.stderr.replace("greenprint verify", "greenprint check")


# -------------------------------------------------------------------------- samples


@pytest.fixture
def sampled(greenprint, mark):
    """a.tokens, of which proof.gpp proves 1024 of more than 2048 contexts."""
    write(greenprint, "a.tokens", as_lines([mark(s, 900) for s in range(6)]))
    return prove(greenprint, "--sample", "1024", "a.tokens")


def test_sample(greenprint, sampled):
    shown = greenprint("check", "proof.gpp", "--pub", "k.pub", "a.tokens")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "proved     a sample of 1024 of " in shown.stdout
    assert "(p times 3, the sizes that a sample could have)" in shown.stdout
    assert "for any size of the sample." in " ".join(shown.stdout.split())
    result = greenprint("check", "proof.gpp", "--pub", "k.pub", "--json", "a.tokens")
    found = json.loads(result.stdout)
    whole = json.loads(greenprint("verify", "-k", "k.key", "--json", "a.tokens").stdout)
    assert found["proof"]["proved"] == 1024
    assert found["proof"]["contexts"] > 2048
    assert found["proof"]["sizes"] == 3
    assert found["tokens"] == whole["tokens"]
    assert 1024 <= found["scored"] < whole["scored"]
    assert found["log10_p_corrected"] == pytest.approx(found["log10_p"] + np.log10(3))
    # What holds at any time does not know of the choice between sizes.
    assert found["anytime"] is None
    # Small texts have no samples.
    write(greenprint, "b.tokens", as_lines([range(1000)]))
    prove(greenprint, "--sample", "1024", "b.tokens", output="b.gpp")
    found = json.loads(
        greenprint("check", "b.gpp", "--pub", "k.pub", "--json", "b.tokens").stdout
    )
    assert (found["proof"]["proved"], found["proof"]["sizes"]) == (999, 1)


@pytest.mark.parametrize("option", ["--per-document", "--locate", "--json-lines"])
def test_what_samples_cannot(greenprint, sampled, option):
    assert refused(greenprint, option, "a.tokens") == (
        f"{option} takes a proof of all contexts, and proof.gpp is of a sample"
    )


def test_page_of_a_sample(greenprint, sampled):
    assert refused(greenprint, "--html", "page.html", "a.tokens") == (
        "--html takes a proof of all contexts, and proof.gpp is of a sample"
    )
    assert not (greenprint.folder / "page.html").exists()


@pytest.mark.parametrize("size", ["0", "1", "1000", "1023", "512", "1025", "x", "4294967296"])
def test_bad_sample(greenprint, key, size):
    message = greenprint.fails("prove", "-k", "k.key", "--sample", size, "a", "-o", "b")
    assert message == f"greenprint prove: --sample {size} is not a power of two from 1024 on"


# -------------------------------------------------------------------------- inspect


def test_inspect_public_file(greenprint, key):
    public = (greenprint.folder / "k.pub").read_bytes()
    result = greenprint("inspect", "k.pub")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        f"file        k.pub\nkey         {public[64:72].hex()}\n"
        f"commitment  {public[64:96].hex()}\nscheme      greenprint-1v\n"
        f"parameters  hash, context width 1, gamma 1/4\npublic key  {public[32:64].hex()}\n"
    )
    result = greenprint("inspect", "--json", "k.pub")
    assert json.loads(result.stdout) == {
        "file": "public",
        "scheme": "greenprint-1v",
        "seeding": "hash",
        "context_width": 1,
        "gamma": 0.25,
        "key_id": public[64:72].hex(),
        "key_commitment": public[64:96].hex(),
        "public_key": public[32:64].hex(),
    }
    write(greenprint, "k.pub", public[:-1])
    assert greenprint.fails("inspect", "k.pub") == (
        "greenprint inspect: k.pub: the public file is cut off or has bytes added: it has not "
        "128 bytes"
    )
    shown = greenprint("inspect", "k.key")
    assert "scheme      greenprint-1v\n" in shown.stdout


def test_inspect_proof(greenprint, mark, tokenizer):
    write(greenprint, "a.tokens", as_lines([mark(1, 60, tenant=1 << 63)]))
    prove(greenprint, "--tenant", str(1 << 63), "-t", tokenizer, "--format", "tokens", "a.tokens")
    proof = (greenprint.folder / "proof.gpp").read_bytes()
    public = (greenprint.folder / "k.pub").read_bytes()
    result = greenprint("inspect", "--json", "proof.gpp")
    assert (result.returncode, result.stderr) == (0, "")
    contexts = len(elements_of(proof))
    found = {
        "file": "proof",
        "scheme": "greenprint-1v",
        "seeding": "hash",
        "context_width": 1,
        "gamma": 0.25,
        "key_id": public[64:72].hex(),
        "key_commitment": public[64:96].hex(),
        "public_key": public[32:64].hex(),
        "tenant": str(1 << 63),
        "text_sha256": proof[72:104].hex(),
        "tokenizer_sha256": hashlib.sha256(
            (greenprint.folder / tokenizer).read_bytes()
        ).hexdigest(),
        "documents": 1,
        "tokens": 60,
        "contexts": contexts,
        "proved": contexts,
        "sizes": 1,
        "blind": False,
        "bytes": len(proof),
        "sha256": hashlib.sha256(proof).hexdigest(),
    }
    assert json.loads(result.stdout) == found
    shown = greenprint("inspect", "proof.gpp").stdout
    for name in ("key_id", "key_commitment", "public_key", "tenant", "text_sha256",
                 "tokenizer_sha256"):  # fmt: skip
        assert f"  {found[name]}\n" in shown, name
    assert f"claims      {contexts} contexts, by the holder of key " in shown
    assert shown.endswith(
        "What it claims was not checked: that takes the text, and greenprint check.\n"
    )


# ------------------------------------------------------------------------- cheating


@pytest.fixture
def proved(greenprint, mark):
    """a.tokens and b.tokens, proved by proof.gpp; returns its bytes."""
    write(greenprint, "a.tokens", as_lines([mark(1, 90), mark(2, 90)]))
    write(greenprint, "b.tokens", as_lines([mark(3, 90)]))
    prove(greenprint, "a.tokens", "b.tokens")
    return (greenprint.folder / "proof.gpp").read_bytes()


OTHER_TEXT = BAD + "it is of another text, or of the same in another order"


def test_another_text(greenprint, proved, mark):
    lines = (greenprint.folder / "a.tokens").read_text().splitlines(keepends=True)
    both = ("a.tokens", "b.tokens")
    assert refused(greenprint, "b.tokens", "a.tokens") == OTHER_TEXT
    assert refused(greenprint, "a.tokens") == OTHER_TEXT
    assert refused(greenprint, *both, "b.tokens") == OTHER_TEXT
    write(greenprint, "a.tokens", lines[1] + lines[0])
    assert refused(greenprint, *both) == OTHER_TEXT
    write(greenprint, "a.tokens", lines[0].rstrip() + " " + lines[1])
    assert refused(greenprint, *both) == OTHER_TEXT
    first = lines[0].split()
    for at in (0, 40, 89):
        changed = [*first[:at], str(int(first[at]) ^ 1), *first[at + 1 :]]
        write(greenprint, "a.tokens", " ".join(changed) + "\n" + lines[1])
        assert refused(greenprint, *both) == OTHER_TEXT
    write(greenprint, "a.tokens", "".join(lines) + "7\n")  # a document without a context
    assert refused(greenprint, *both) == OTHER_TEXT
    write(greenprint, "a.tokens", "".join(lines))
    assert greenprint("check", "proof.gpp", "--pub", "k.pub", *both).returncode == 0


def test_another_tokenizer(greenprint, proved, tokenizer):
    """Of ids no tokenizer changes anything, and yet a proof says whether there was one."""
    both = ("a.tokens", "b.tokens")
    without = ("--format", "tokens", "-t", tokenizer, *both)
    assert refused(greenprint, *without) == BAD + "it was made without a tokenizer"
    prove(greenprint, *without, output="t.gpp")
    assert refused(greenprint, *both, proof="t.gpp") == (
        "t.gpp: the proof does not hold: it was made with a tokenizer: give that"
    )
    content = (greenprint.folder / tokenizer).read_text()
    write(greenprint, "other.json", content + " ")
    assert refused(
        greenprint, "--format", "tokens", "-t", "other.json", *both, proof="t.gpp"
    ) == ("t.gpp: the proof does not hold: it was made with another tokenizer")


def test_another_key(greenprint, proved):
    both = ("a.tokens", "b.tokens")
    assert refused(greenprint, *both, pub="other.pub") == BAD + "it was made with another key"
    # A key of the same secret and other parameters is another key.
    put_key(greenprint.folder, "three", "hash", 1, 3, 2)
    assert refused(greenprint, *both, pub="three.pub") == BAD + "it was made with another key"
    # The header may name that key as it likes.
    public = (greenprint.folder / "three.pub").read_bytes()
    forged = sealed_with(proved[:28] + public[28:64] + proved[64:])
    write(greenprint, "proof.gpp", forged)
    assert refused(greenprint, *both, pub="three.pub") == BAD + (
        "the evaluated elements are not what the key makes of the contexts"
    )


def test_altered_parameters(greenprint, proved):
    both = ("a.tokens", "b.tokens")
    for params, why in [
        (b"\x01\x01\x03\x02", BAD + "it was made for other parameters"),
        (b"\x01\x02\x01\x02", BAD + "it was made for other parameters"),
        (b"\x01\x11\x01\x02", "proof.gpp: bad parameters: context width: "),
        (b"\x01\x01\x02\x02", "proof.gpp: bad parameters: gamma: "),
    ]:
        write(greenprint, "proof.gpp", sealed_with(proved[:28] + params + proved[32:]))
        assert refused(greenprint, *both).startswith(why)
    write(greenprint, "proof.gpp", proved)
    public = (greenprint.folder / "k.pub").read_bytes()
    write(greenprint, "k.pub", sealed_with(public[:28] + b"\x01\x01\x03\x02" + public[32:]))
    assert refused(greenprint, *both) == (
        "k.pub: the commitment does not belong to the public key and its parameters"
    )
    write(greenprint, "k.pub", public[:40] + bytes([public[40] ^ 1]) + public[41:])
    assert refused(greenprint, *both) == (
        "k.pub: the checksum does not match: the public file is damaged; get it again"
    )
    write(greenprint, "k.pub", (greenprint.folder / "k.key").read_bytes())
    assert refused(greenprint, *both) == "k.pub: not a Greenprint public file"


def test_another_tenant(greenprint, proved):
    """The header's tenant is whose nonces are computed, so that it cannot be exchanged."""
    forged = proved[:9] + b"\x01" + proved[10:64] + struct.pack("<Q", 5) + proved[72:]
    write(greenprint, "proof.gpp", sealed_with(forged))
    assert refused(greenprint, "a.tokens", "b.tokens") == BAD + (
        "the evaluated elements are not what the key makes of the contexts"
    )
    forged = proved[:64] + struct.pack("<Q", 5) + proved[72:]
    write(greenprint, "proof.gpp", sealed_with(forged))
    assert refused(greenprint, "a.tokens", "b.tokens") == (
        "proof.gpp: the header of the proof contradicts itself"
    )


def elements_of(proof):
    body = proof[HEADER:-96]
    return [body[i : i + 32] for i in range(0, len(body), 32)]


def with_elements(proof, elements, contexts=None):
    """A proof of these elements that says how many there are."""
    contexts = len(elements) if contexts is None else contexts
    counts = struct.pack("<QQ", contexts, len(elements))
    return sealed_with(proof[:152] + counts + b"".join(elements) + proof[-96:])


WRONG_ELEMENTS = BAD + "the evaluated elements are not what the key makes of the contexts"
OTHER_COUNTS = BAD + "its counts are not those of the text"


# fmt: off
FORGED = {
    "two swapped": (lambda e: [e[1], e[0], *e[2:]], WRONG_ELEMENTS),
    "one doubled": (lambda e: [e[0], e[0], *e[2:]], WRONG_ELEMENTS),
    "the last two swapped": (lambda e: [*e[:-2], e[-1], e[-2]], WRONG_ELEMENTS),
    "one dropped": (lambda e: e[1:], OTHER_COUNTS),
    "one added": (lambda e: [*e, e[0]], OTHER_COUNTS),
    "not canonical": (lambda e: [b"\xff" * 32, *e[1:]], "proof.gpp: "),
    "the identity": (lambda e: [bytes(32), *e[1:]], "proof.gpp: "),
}
# fmt: on


@pytest.mark.parametrize("which", FORGED)
def test_forged_elements(greenprint, proved, which):
    change, why = FORGED[which]
    elements = elements_of(proved)
    assert with_elements(proved, elements) == proved
    write(greenprint, "proof.gpp", with_elements(proved, change(elements)))
    message = refused(greenprint, "a.tokens", "b.tokens")
    assert message.startswith(why), message


def test_one_dropped_from_the_sample(greenprint, sampled):
    """The size of a sample is a power of two, or all."""
    proof = (greenprint.folder / "proof.gpp").read_bytes()
    contexts = struct.unpack_from("<Q", proof, 152)[0]
    elements = elements_of(proof)
    write(greenprint, "proof.gpp", with_elements(proof, elements[1:], contexts))
    assert refused(greenprint, "a.tokens") == (
        "proof.gpp: the proof is of a sample of a size that none has"
    )
    swapped = [elements[1], elements[0], *elements[2:]]
    write(greenprint, "proof.gpp", with_elements(proof, swapped, contexts))
    assert refused(greenprint, "a.tokens") == WRONG_ELEMENTS


def test_forged_dleq_proof(greenprint, proved):
    for at in (-96, -80, -64, -33):
        changed = bytearray(proved)
        changed[at] ^= 1
        write(greenprint, "proof.gpp", sealed_with(bytes(changed)))
        message = refused(greenprint, "a.tokens", "b.tokens")
        assert message.startswith("proof.gpp: "), message


# fmt: off
DAMAGED = "proof.gpp: the checksum does not match: the proof is damaged; get it again"
DAMAGES = {
    "empty": (lambda p: b"", "proof.gpp: not a Greenprint proof"),
    "header only": (lambda p: p[:HEADER], "proof.gpp: the proof is cut off"),
    "truncated by one": (lambda p: p[:-1], "proof.gpp: the proof is cut off"),
    "truncated by an element": (lambda p: p[:-32], "proof.gpp: the proof is cut off"),
    "one byte more": (lambda p: p + b"\n", "proof.gpp: the proof has bytes behind its end"),
    "twice": (lambda p: p + p, "proof.gpp: the proof has bytes behind its end"),
    "magic": (lambda p: b"\x88" + p[1:], "proof.gpp: not a Greenprint proof"),
    "version": (lambda p: p[:8] + b"\1" + p[9:],
                "proof.gpp: proof version 1; this library reads version 2"),
    "flags": (lambda p: p[:9] + b"\4" + p[10:],
              "proof.gpp: the header of the proof contradicts itself"),
    "scheme": (lambda p: p[:12] + b"greenprint-2".ljust(16, b"\0") + p[28:],
               "proof.gpp: scheme 'greenprint-2'; this library has only greenprint-1 and "
               "greenprint-1v"),
    "a flip in the elements": (lambda p: p[:300] + bytes([p[300] ^ 1]) + p[301:], DAMAGED),
    "a flip in the digest": (lambda p: p[:80] + bytes([p[80] ^ 1]) + p[81:], DAMAGED),
    "a flip in the checksum": (lambda p: p[:-1] + bytes([p[-1] ^ 1]), DAMAGED),
    "enormous counts": (lambda p: p[:144] + struct.pack("<QQQ", 1 << 62, 1 << 31, 1 << 31) +
                        p[168:], "proof.gpp: the proof is cut off"),
    "counts beyond all": (lambda p: p[:152] + b"\xff" * 16 + p[168:],
                          "proof.gpp: the counts of the proof contradict each other"),
}
# fmt: on


@pytest.mark.parametrize("which", DAMAGES)
def test_damaged_proof(greenprint, proved, which):
    change, why = DAMAGES[which]
    write(greenprint, "proof.gpp", change(proved))
    assert refused(greenprint, "a.tokens", "b.tokens") == why
    if "cut off" in why or "behind" in why or why == DAMAGED:
        shown = greenprint.fails("inspect", "proof.gpp")
        assert which == "empty" or shown == f"greenprint inspect: {why}"


def test_files_that_change_meanwhile(greenprint, proved):
    """What is scored is what was proved: the proof is opened between the two readings."""
    path = greenprint.folder / "a.tokens"
    lines = path.read_text().splitlines(keepends=True)
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    proof = os.open(greenprint.folder / "proof.gpp", os.O_RDWR)
    try:
        for content, why in [
            # The same contexts, each in its place, and one repeated: a reading of its own.
            (
                lines[0] + lines[1] + lines[1],
                "the files changed while they were being read: check them again",
            ),
            (
                lines[1] + lines[0],
                "the files changed while they were being read: check them again",
            ),
            (
                as_lines([range(50)]),
                "a.tokens:1: a context whose nonce is not known: the text is not the one that "
                "nonces were proved for",
            ),
        ]:
            path.write_text("".join(lines))
            try:
                fcntl.fcntl(proof, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            except OSError:
                pytest.skip("the file system has no leases")
            process = greenprint.start("check", "proof.gpp", "--pub", "k.pub", "a.tokens",
                                       "b.tokens")  # fmt: skip
            end = time.monotonic() + 30
            while fcntl.fcntl(proof, fcntl.F_GETLEASE) == fcntl.F_WRLCK:
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.002)
            path.write_text(content)
            fcntl.fcntl(proof, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            out, err = process.communicate(timeout=60)
            assert (process.returncode, out) == (2, b"")
            assert err.decode() == f"greenprint check: {why}\n"
    finally:
        os.close(proof)
        signal.signal(signal.SIGIO, before)


# -------------------------------------------------------------------- using it wrong


def test_standard_input(greenprint, proved):
    content = (greenprint.folder / "a.tokens").read_bytes()
    for inputs in (["-"], ["a.tokens", "-"]):
        result = greenprint("check", "proof.gpp", "--pub", "k.pub", *inputs, input=content)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == (
            "greenprint check: standard input: is read twice, and has to be a regular file\n"
        )
    os.mkfifo(greenprint.folder / "pipe")
    assert refused(greenprint, "pipe") == "pipe: is read twice, and has to be a regular file"


def test_prove_reads_standard_input(greenprint, mark):
    content = as_lines([mark(1, 200)])
    write(greenprint, "a.tokens", content)
    result = greenprint("prove", "-k", "k.key", "-o", "proof.gpp", input=content.encode())
    assert (result.returncode, result.stderr) == (0, "")
    assert greenprint("check", "proof.gpp", "--pub", "k.pub", "a.tokens").returncode == 0


@pytest.mark.parametrize("how", ["file", "directory", "link", "dangling"])
def test_prove_never_replaces(greenprint, mark, how):
    write(greenprint, "a.tokens", as_lines([mark(1, 90)]))
    path = greenprint.folder / "proof.gpp"
    if how == "file":
        path.write_bytes(b"mine")
    elif how == "directory":
        path.mkdir()
    else:
        path.symlink_to("target" if how == "link" else "none")
    write(greenprint, "target", "mine")
    before = sorted(os.listdir(greenprint.folder))
    assert greenprint.fails("prove", "-k", "k.key", "a.tokens", "-o", "proof.gpp") == (
        "greenprint prove: proof.gpp: exists already; a proof is never overwritten: "
        "choose another name"
    )
    assert sorted(os.listdir(greenprint.folder)) == before
    assert (greenprint.folder / "target").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("prove -k k.key a.tokens", "name the proof to write with -o PROOF"),
        ("prove -k k.key a.tokens -o proof.gpp --tenant x", "--tenant x is not "),
        ("prove a.tokens -o new", "name the key file with -k KEYFILE"),
        (
            "prove -k plain.key a.tokens -o new",
            "plain.key: a key of greenprint-1 has no public key: make a provable one "
            "(keygen --provable)",
        ),
        ("prove -k k.pub a.tokens -o new", "k.pub: not a Greenprint key file"),
        ("prove -k k.key a.tokens -o none/new", "none/new: cannot create the proof: No such"),
        ("prove -k k.key none -o new", "none: cannot "),
        ("check", "name the proof, and then the files that it is of"),
        ("check proof.gpp a.tokens", "name the public file of the key with --pub PUBLICFILE"),
        ("check proof.gpp --pub k.pub", "name the files that the proof is of"),
        ("check none --pub k.pub a.tokens", "none: cannot open the proof: No such file"),
        ("check . --pub k.pub a.tokens", ".: "),
        ("check proof.gpp --pub none a.tokens", "none: cannot open the public file: No such"),
        ("check proof.gpp --pub k.pub --html proof.gpp a.tokens", ""),
        ("check proof.gpp --pub k.pub --html k.pub a.tokens", ""),
        ("check proof.gpp --pub k.pub --html a.tokens a.tokens", ""),
        ("check proof.gpp --pub k.pub --alpha 0 a.tokens", "--alpha 0 is not "),
        ("check proof.gpp --pub k.pub --json --json-lines a.tokens", "--json"),
    ],
)
def test_contradictions(greenprint, proved, key, unsealed_key, arguments, message):
    write(greenprint, "plain.key", unsealed_key)
    for name in ("plain.key", "k.pub"):
        (greenprint.folder / name).chmod(0o600)
    before = {
        name: (greenprint.folder / name).read_bytes() for name in os.listdir(greenprint.folder)
    }
    said = greenprint.fails(*arguments.split())
    start = f"greenprint {arguments.split()[0]}: "
    assert said.startswith(start + message), said
    assert {
        name: (greenprint.folder / name).read_bytes() for name in os.listdir(greenprint.folder)
    } == before


def test_output_that_is_lost(greenprint, proved):
    with open("/dev/full", "wb") as full:
        result = greenprint("check", "proof.gpp", "--pub", "k.pub", "a.tokens", "b.tokens",
                            stdout=full)  # fmt: skip
    assert result.returncode == 2
    assert "standard output cannot be written" in result.stderr


def test_key_of_a_file_that_others_can_read(greenprint, mark):
    write(greenprint, "a.tokens", as_lines([mark(1, 30)]))
    (greenprint.folder / "k.key").chmod(0o644)
    result = greenprint("prove", "-k", "k.key", "a.tokens", "-o", "proof.gpp")
    assert result.returncode == 0
    assert "k.key" in result.stderr and "warning" in result.stderr


# ------------------------------------------------------------------------- the page


def test_page(greenprint, proved):
    both = ("a.tokens", "b.tokens")
    plain = greenprint("check", "proof.gpp", "--pub", "k.pub", *both).stdout
    result = greenprint("check", "proof.gpp", "--pub", "k.pub", "--html", "page.html", *both)
    assert (result.returncode, result.stderr, result.stdout) == (0, "", plain)
    page = (greenprint.folder / "page.html").read_text()
    assert "greenprint-1v" in page
    contexts = struct.unpack_from("<Q", proved, 152)[0]
    key_id = vector("hash", 1)[1][64:72].hex()
    assert f"{contexts} contexts, by the holder of key {key_id}" in page
    assert hashlib.sha256(proved).hexdigest() in page
    assert proved[32:64].hex() in page  # the public key
    assert proved[72:104].hex() in page  # the digest of the text
    greenprint("verify", "-k", "k.key", "--html", "verify.html", *both)
    assert "by the holder" not in (greenprint.folder / "verify.html").read_text()
    path = browsers.find()
    if path is not None:
        drawn = browsers.Browser(path).dom(greenprint.folder / "page.html")
        assert f"{contexts} contexts, by the holder of key {key_id}" in drawn


def test_refused_proofs_leave_no_page(greenprint, proved):
    refused(greenprint, "--html", "page.html", "a.tokens")
    assert not (greenprint.folder / "page.html").exists()


# -------------------------------------------------------- other commands with such a key


def test_tenants_and_keys_of_both_schemes(greenprint, mark, unsealed_key):
    write(greenprint, "plain.key", unsealed_key)
    (greenprint.folder / "plain.key").chmod(0o600)
    write(greenprint, "a.tokens", as_lines([mark(1, 300, tenant=2)]))
    result = greenprint("verify", "-k", "k.key", "--tenants", "0-3", "--json", "a.tokens")
    assert (result.returncode, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert (found["candidates_tried"], found["tenant"]) == (4, "2")
    write(greenprint, "b.tokens", as_lines([mark(1, 300)]))
    result = greenprint("verify", "-k", "plain.key", "-k", "k.key", "--json", "b.tokens")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["scheme"] == "greenprint-1v"


def test_verify_locate_and_page(greenprint, mark):
    write(greenprint, "a.tokens", as_lines([list(range(5, 1500, 3)) + mark(1, 300)]))
    result = greenprint("verify", "-k", "k.key", "--locate", "--per-document", "--json",
                        "--html", "page.html", "a.tokens")  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert found["scheme"] == "greenprint-1v"
    assert len(found["segments"]) == 1
    assert found["segments"][0]["tokens"][0] > 400


def test_merge(greenprint, mark):
    for name, seed in (("a", 1), ("b", 2)):
        write(greenprint, f"{name}.tokens", as_lines([mark(seed, 200)]))
        result = greenprint("verify", "-k", "k.key", "--partial", f"{name}.part",
                            f"{name}.tokens")  # fmt: skip
        assert (result.returncode, result.stderr) == (0, "")
    merged = greenprint("merge", "--json", "a.part", "b.part")
    whole = greenprint("verify", "-k", "k.key", "--json", "a.tokens", "b.tokens")
    assert (merged.returncode, merged.stdout) == (0, whole.stdout)


def test_audit_and_trace(greenprint, mark):
    write(greenprint, "a.tokens", as_lines([mark(1, 300, tenant=2)]))
    result = greenprint("audit", "-k", "k.key", "--tenant", "2", "--controls", "100", "--json",
                        "a.tokens")  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert found["scheme"] == "greenprint-1v"
    assert found["tests"][0]["controls"]["at_or_above"] == 0
    assert found["tests"][0]["controls"]["z_greatest"] < 6
    traced = greenprint("trace", "-k", "k.key", "--tenants", "0-3", "--json", "a.tokens")
    assert (traced.returncode, traced.stderr) == (0, "")
    found = json.loads(traced.stdout)
    assert found["scheme"] == "greenprint-1v"
    assert [(t["tenant"], t["found"]) for t in found["tenants"]][0] == ("2", True)
    assert found["tenants_found"] == 1


def test_contexts_and_plan(greenprint, mark):
    write(greenprint, "a.tokens", as_lines([mark(1, 300)]))
    built = greenprint("contexts", "build", "-k", "k.key", "-o", "served.gpc", "a.tokens")
    assert (built.returncode, built.stderr) == (0, "")
    audited = greenprint("audit", "-k", "k.key", "--served", "served.gpc", "--controls", "0",
                         "--json", "a.tokens")  # fmt: skip
    assert (audited.returncode, audited.stderr) == (0, "")
    planned = greenprint("plan", "-k", "k.key", "--json", "a.tokens")
    assert (planned.returncode, planned.stderr) == (0, "")
    assert json.loads(planned.stdout)["green_rate_from"] == "sample"
