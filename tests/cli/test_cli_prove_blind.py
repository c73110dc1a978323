"""greenprint prove --server over real sockets: proofs made blindly, by servers good and bad."""

import json
import os
import shutil
import signal
import struct
import time

import pytest
from test_cli_proofs import as_lines, make_marked, without_proof, write
from test_cli_serve import (  # noqa: F401 (fixtures)
    ALTERED,
    HEADER,
    NOT_HOLDING,
    certificates,
    client,
    fake,
    helper,
    keys,
    start,
    swap,
    tls,
    with_tokens,
)

from greenprint import Key

PROOF_HEADER = 168


@pytest.fixture
def marked(greenprint, keys):  # noqa: F811
    """k.key and k.pub of the servers, and a.tokens; returns how many contexts that has."""
    for name in ("k.key", "k.pub", "another.pub"):
        shutil.copy(keys / name, greenprint.folder / name)
    loaded = Key.load(greenprint.folder / "k.key")
    docs = [make_marked(loaded, seed, 120) for seed in (1, 2)] + [[3, 4], []]
    write(greenprint, "a.jsonl", "".join(json.dumps({"tokens": d}) + "\n" for d in docs))
    return len({tuple(d[i : i + 2]) for d in docs for i in range(len(d) - 2)})


def blindly(command, url, *arguments, output="proof.gpp"):
    """Make a proof and return what was said of it."""
    result = command("prove", "--server", url, "--pub", "k.pub", *arguments, "-o", output)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return dict(line.split(None, 1) for line in result.stdout.splitlines())


def fails(command, url, *arguments):
    """Why there is no proof; and that there is nothing of one."""
    before = sorted(os.listdir(command.folder))
    said = command.fails(
        "prove", "--server", url, "--pub", "k.pub", *arguments, "a.jsonl", "-o", "proof.gpp"
    )
    assert sorted(os.listdir(command.folder)) == before
    assert said.startswith("greenprint prove: ")
    return said


def elements(server) -> float:
    return server.metric("elements_total")


def check(command, proof, *arguments):
    """Check without the key."""
    (command.folder / "k.key").rename(command.folder / "secret")
    result = command("check", proof, "--pub", "k.pub", *arguments)
    (command.folder / "secret").rename(command.folder / "k.key")
    assert result.stderr == "" and result.returncode in (0, 1)
    return result.returncode, result.stdout


def own(command, *arguments):
    """The proof of who has the key: own.gpp."""
    result = command("prove", "-k", "k.key", *arguments, "-o", "own.gpp", "-q")
    assert (result.returncode, result.stderr) == (0, "")


def same_as_own(command, *arguments):
    """Hold what a blind proof shows to what the owner's shows; return the text report."""
    status, text = check(command, "proof.gpp", *arguments)
    expected = check(command, "own.gpp", *arguments)
    plain, proved = without_proof(text)
    plain_own, proved_own = without_proof(expected[1])
    assert (status, plain) == (expected[0], plain_own)
    assert [line.replace("evaluated blindly ", "") for line in proved] == proved_own
    assert proved != proved_own
    for form in ("--json", "--json-lines")[: 1 if "sample" in proved[0] else 2]:
        ours = check(command, "proof.gpp", form, *arguments)[1].splitlines()
        theirs = check(command, "own.gpp", form, *arguments)[1].splitlines()
        last, wanted = ("\n".join(ours), "\n".join(theirs)) if form == "--json" else (
            ours[-1], theirs[-1])  # fmt: skip
        assert form == "--json" or ours[:-1] == theirs[:-1]
        report, expected_report = json.loads(last), json.loads(wanted)
        proof, other = report["proof"], expected_report["proof"]
        assert (proof.pop("blind"), other.pop("blind")) == (True, False)
        assert proof.pop("sha256") != other.pop("sha256")
        assert report == expected_report
    return text


# ------------------------------------------------------------------------- what it shows


def test_the_report_of_the_owner(greenprint, start, marked):  # noqa: F811
    server = start("--max-elements", "50")  # several requests
    said = blindly(greenprint, server.url, "a.jsonl")
    public = (greenprint.folder / "k.pub").read_bytes()
    who = f"{marked} contexts, evaluated blindly by the holder of key {public[64:72].hex()}"
    assert said["proved"] == who
    assert said["bytes"] == str(PROOF_HEADER + 32 * marked + 96 + 32)
    assert elements(server) == marked + 1
    requests = server.metric('requests_total{endpoint="evaluate",status="200"}')
    assert requests == -(-marked // 50) + 1
    own(greenprint, "a.jsonl")
    text = same_as_own(greenprint, "a.jsonl")
    assert text.startswith("Found: the mark") and f"proved     {who}\n" in text
    ours, theirs = ((greenprint.folder / n).read_bytes() for n in ("proof.gpp", "own.gpp"))
    assert (ours[9], theirs[9]) == (2, 0)
    assert ours[10 : PROOF_HEADER + 32 * marked] == theirs[10 : PROOF_HEADER + 32 * marked]
    assert (greenprint.folder / "proof.gpp").stat().st_mode & 0o777 == 0o644


def test_verify_by_a_server(greenprint, start, marked):  # noqa: F811
    """The blind audit without a proof file, on the same text."""
    server = start("--max-elements", "50")
    here = greenprint("verify", "-k", "k.key", "a.jsonl")
    there = greenprint("verify", "--server", server.url, "--pub", "k.pub", "a.jsonl")
    assert (there.returncode, there.stdout, there.stderr) == (0, here.stdout, "")
    assert elements(server) == marked


def test_page(greenprint, start, marked):  # noqa: F811
    server = start()
    blindly(greenprint, server.url, "a.jsonl")
    own(greenprint, "a.jsonl")
    pages = []
    for name in ("proof", "own"):
        check(greenprint, f"{name}.gpp", "--html", f"{name}.html", "a.jsonl")
        lines = (greenprint.folder / f"{name}.html").read_text().splitlines()
        pages.append([line for line in lines if "Proof" not in line and "Proved" not in line])
        shown = "\n".join(line for line in lines if "Proved" in line)
        assert ("evaluated blindly by the holder" in shown) == (name == "proof")
    differ = [pair for pair in zip(*pages, strict=True) if pair[0] != pair[1]]
    assert all("SHA-256" in a or "blindly" in a for a, _ in differ), differ


def test_inspect(greenprint, start, marked):  # noqa: F811
    blindly(greenprint, start().url, "a.jsonl")
    shown = greenprint("inspect", "proof.gpp").stdout
    assert f"claims      {marked} contexts, evaluated blindly by the holder of key " in shown
    assert json.loads(greenprint("inspect", "--json", "proof.gpp").stdout)["blind"] is True


def test_tenant_and_tokenizer(greenprint, start, marked, tokenizer):  # noqa: F811
    server = start()
    options = ("-t", tokenizer, "--format", "text", "a.jsonl")
    blindly(greenprint, server.url, "--tenant", "7", *options)
    own(greenprint, "--tenant", "7", *options)
    assert "tenant     7 (p pays for no other)\n" in same_as_own(greenprint, *options)
    message = greenprint.fails("check", "proof.gpp", "--pub", "k.pub", "a.jsonl")
    assert "it was made with a tokenizer: give that" in message


def test_standard_input(greenprint, start, marked):  # noqa: F811
    """It is read once."""
    text = (greenprint.folder / "a.jsonl").read_bytes()
    blindly_in = greenprint(
        "prove", "--server", start().url, "--pub", "k.pub", "--format", "jsonl",
        "-o", "proof.gpp", input=text,
    )  # fmt: skip
    assert (blindly_in.returncode, blindly_in.stderr) == (0, "")
    assert check(greenprint, "proof.gpp", "a.jsonl")[0] == 0


def test_text_without_contexts(greenprint, start, marked):  # noqa: F811
    write(greenprint, "short.tokens", "5 6\n")
    server = start()
    assert blindly(greenprint, server.url, "short.tokens")["bytes"] == str(PROOF_HEADER + 32)
    assert elements(server) == 0
    assert check(greenprint, "proof.gpp", "short.tokens")[0] == 1


# ------------------------------------------------------------------------- what it costs


def left(server) -> int:
    return json.loads(server.ask("GET", "/v1/limits", token=server.token)[2])["left"]


def test_the_budget_of_a_sample(greenprint, with_tokens, marked):  # noqa: F811
    """1,024 of 2,498 contexts take 1,025 elements, and no more are needed."""
    write(greenprint, "long.tokens", as_lines([range(2500)]))
    server = with_tokens(1025)
    options = ("--token-file", "token", "--sample", "1024")
    said = blindly(greenprint, server.url, *options, "long.tokens")
    assert said["proved"].startswith(
        "a sample of 1024 of 2498 contexts, evaluated blindly by the holder of key "
    )
    assert left(server) == 0
    own(greenprint, "--sample", "1024", "long.tokens")
    assert "scored     1024 (and 0 repeated)" in same_as_own(greenprint, "long.tokens")


def test_the_budget_of_all(greenprint, with_tokens, marked):  # noqa: F811
    server = with_tokens(marked)
    said = fails(greenprint, server.url, "--token-file", "token")
    assert f"the token's budget has {marked} elements left; this takes {marked + 1}" in said
    assert left(server) == marked, "nothing was spent in vain"


def test_a_budget_that_is_just_enough(greenprint, with_tokens, marked):  # noqa: F811
    server = with_tokens(marked + 1)
    blindly(greenprint, server.url, "--token-file", "token", "a.jsonl")
    assert left(server) == 0


def test_tls(greenprint, with_tokens, marked, certificates):  # noqa: F811
    server = with_tokens(10**6, 10**9, *tls(certificates, "server"))
    ca = ("--ca", certificates / "ca.pem")
    blindly(greenprint, server.url, "--token-file", "token", *ca, "a.jsonl", "-q")
    assert check(greenprint, "proof.gpp", "a.jsonl")[0] == 0
    (greenprint.folder / "proof.gpp").unlink()
    other = ("--token-file", "token", "--ca", certificates / "other.pem")
    assert "the server's certificate is not to be trusted" in fails(
        greenprint, server.url, *other
    )
    assert "401" in fails(greenprint, server.url, *ca)


# ---------------------------------------------------------------- who is not to be believed


@pytest.mark.parametrize("name", [*ALTERED, "another key"])
@pytest.mark.parametrize("which", ["first", "last"])
def test_altered_answers(greenprint, fake, marked, keys, name, which):  # noqa: F811
    """Of contexts, or of what they were folded into, which is the last."""
    seen = []
    at = 1 if which == "first" else -(-marked // 100) + 1
    right, other = ((keys / f"{n}.pub").read_bytes()[64:72] for n in ("k", "another"))

    def change(handler, request, answer):
        if name == "another key":
            answer = handler.honest(request[:16] + other + request[24:], "another.key")
            return answer[:16] + right + answer[24:]
        changed = ALTERED[name][0](answer)
        return changed if changed != answer else answer + b"x"

    def act(handler, request):
        seen.append(request)
        answer = handler.honest(request)
        handler.reply(200, change(handler, request, answer) if len(seen) == at else answer)

    said = fails(greenprint, fake(act, max_elements=100).url)
    assert "blind answer" in said or "the answer is longer" in said
    assert len(seen) == at, "nothing of it is tried again, or asked further"


def test_replayed(greenprint, fake, marked):  # noqa: F811
    """The answers of the first run, to requests that are of the same lengths."""
    answers = []

    def act(handler, request):
        answers.append(handler.honest(request))
        handler.reply(200, answers[-1])

    server = fake(act, max_elements=100)
    blindly(greenprint, server.url, "a.jsonl")
    (greenprint.folder / "proof.gpp").unlink()
    old = iter(answers[:])
    server.act = lambda handler, request: handler.reply(200, next(old))
    assert NOT_HOLDING in fails(greenprint, server.url)


def test_the_second_request_swapped(greenprint, fake, marked):  # noqa: F811
    seen = []

    def act(handler, request):
        seen.append(handler.honest(request))
        handler.reply(200, swap(seen[-1]) if len(seen) == 2 else seen[-1])

    assert NOT_HOLDING in fails(greenprint, fake(act, max_elements=100).url)


def test_another_key(greenprint, start, marked):  # noqa: F811
    said = fails(greenprint, start(key="another.key").url)
    assert "the server has key " in said


def test_a_request_that_is_repeated_is_the_same(greenprint, fake, marked):  # noqa: F811
    """Cut connections are tried again with the same bytes, which teach nothing more."""
    seen = []

    def act(handler, request):
        seen.append(request)
        if len(seen) % 2 == 1:
            handler.cut()
        else:
            handler.reply(200, handler.honest(request))

    blindly(greenprint, fake(act, max_elements=100).url, "a.jsonl")
    assert seen[0::2] == seen[1::2]
    assert len(set(seen)) == -(-marked // 100) + 1
    assert check(greenprint, "proof.gpp", "a.jsonl")[0] == 0
    sent = [r[i : i + 32] for r in seen[::2] for i in range(HEADER, len(r), 32)]
    assert len(set(sent)) == marked + 1


# ------------------------------------------------------------------------- what is left behind


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted(greenprint, fake, marked, number):  # noqa: F811
    """While the last answer is waited for, when all else was written."""
    seen = []

    def act(handler, request):
        seen.append(request)
        if struct.unpack_from("<I", request, 12)[0] == 1:  # the fold
            time.sleep(10)
        handler.reply(200, handler.honest(request))

    before = sorted(os.listdir(greenprint.folder))
    process = greenprint.start(
        "prove", "--server", fake(act, max_elements=100).url, "--pub", "k.pub", "a.jsonl",
        "-o", "proof.gpp",
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while len(seen) <= -(-marked // 100):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(timeout=30) == -number
    process.communicate()
    assert sorted(os.listdir(greenprint.folder)) == before


@pytest.mark.parametrize("how", ["file", "directory", "link", "dangling"])
def test_an_existing_file_is_left_alone(greenprint, fake, marked, how):  # noqa: F811
    path = greenprint.folder / "proof.gpp"
    write(greenprint, "target", "mine")
    if how == "file":
        path.write_bytes(b"mine")
    elif how == "directory":
        path.mkdir()
    else:
        path.symlink_to("target" if how == "link" else "none")
    server = fake(lambda handler, request: handler.reply(200, handler.honest(request)))
    assert fails(greenprint, server.url) == (
        "greenprint prove: proof.gpp: exists already; a proof is never overwritten: "
        "choose another name"
    )
    assert server.calls == ["/v1/limits"], "nothing was spent"
    assert (greenprint.folder / "target").read_bytes() == b"mine"


# ------------------------------------------------------------------------- what it was told


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("-k k.key --pub k.pub", "--pub, --token-file and --ca go with --server URL"),
        ("-k k.key --token-file t", "--pub, --token-file and --ca go with --server URL"),
        ("-k k.key --ca c", "--pub, --token-file and --ca go with --server URL"),
        ("--pub k.pub", "--pub, --token-file and --ca go with --server URL"),
        ("--server http://127.0.0.1:1", "name the public file of the server's key with --pub"),
        (
            "--server http://127.0.0.1:1 --pub k.pub -k k.key",
            "--server does not go with --key and --passphrase-file",
        ),
        (
            "--server http://127.0.0.1:1 --pub k.pub --passphrase-file p",
            "--server does not go with --key and --passphrase-file",
        ),
        ("--server http://127.0.0.1:1 --pub k.pub --sample 1025", "--sample 1025 is not a power"),
        ("--server http://127.0.0.1:1 --pub none", "none: cannot open the public file"),
        ("--server http://127.0.0.1:1 --pub k.key", "k.key: not a Greenprint public file"),
        ("--server ftp://127.0.0.1 --pub k.pub", "ftp://127.0.0.1: not a URL of http or https"),
        ("--server http://192.0.2.1 --pub k.pub --token-file t", "the token would travel in the"),
        (
            "--server http://127.0.0.1:1 --pub k.pub --token-file none",
            "none: the token cannot be",
        ),
    ],
)
def test_contradictions(greenprint, marked, arguments, message):
    write(greenprint, "t", "gpt_x\n")
    before = sorted(os.listdir(greenprint.folder))
    said = greenprint.fails("prove", *arguments.split(), "a.jsonl", "-o", "proof.gpp")
    assert message in said, said
    assert sorted(os.listdir(greenprint.folder)) == before
