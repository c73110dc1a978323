"""Timestamps of a real authority: asked for, kept, and verified, or refused."""

import datetime
import hashlib
import json
import shutil
import struct
import time

import pytest
from authority import OTHER_POLICY, POLICY, Authority, der, elements

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="NO openssl PROGRAM: timestamps go untested; scripts/setup.sh test installs it",
)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def desk(greenprint, authority):
    """A command with report.json to be stamped, root.pem, and the authority at hand."""
    (greenprint.folder / "report.json").write_text('{"verdict": "found"}\n')
    shutil.copy(authority.path("root.pem"), greenprint.folder)
    greenprint.authority = authority
    return greenprint


def read(command, name):
    return (command.folder / name).read_bytes()


def write(command, name, content):
    (command.folder / name).write_bytes(content)


def timestamp(command, *arguments):
    result = command("timestamp", *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def fails(command, *arguments):
    message = command.fails("timestamp", *arguments)
    assert message.startswith("greenprint timestamp: ")
    return message.removeprefix("greenprint timestamp: ")


def request(command, *options):
    timestamp(command, "request", "report.json", "-o", "r.tsq", "-q", *options)


def stamp(command, *options, ask=(), signer="stamper"):
    """report.gpt, by the whole way."""
    request(command, *ask)
    command.authority.reply(
        command.folder / "r.tsq", command.folder / "r.tsr", *options, signer=signer
    )
    attach(command)


def attach(command):
    timestamp(command, "attach", "report.json", "r.tsr", "-o", "report.gpt", "-q")


def verify(command, *options, ca="root.pem"):
    out = timestamp(
        command, "verify", "report.json", "report.gpt", "--ca", ca, "--json", *options
    )
    return json.loads(out)


def refused(command, *options, ca="root.pem", file="report.json", named="report.gpt"):
    message = fails(command, "verify", file, "report.gpt", "--ca", ca, *options)
    assert message.startswith(f"{named}: ")
    return message.removeprefix(f"{named}: ")


# ---------------------------------------------------------------------------- good


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_good(desk, hash_name):
    before = int(time.time())
    stamp(desk, ask=("--sha512",) if hash_name == "sha512" else ())
    after = time.time()
    found = verify(desk, "--policy", POLICY)
    assert before <= found["seconds"] <= after
    moment = datetime.datetime.fromtimestamp(found["seconds"], datetime.timezone.utc)
    assert found["time"] == moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (found["hash"], found["policy"]) == (hash_name, POLICY)
    assert (found["authority"], found["judged_as_of"]) == ("CN=Test stamper", "now")
    assert found["accuracy_us"] == 1500000
    assert int(found["serial"], 16) == int(
        desk.authority.folder.joinpath("tsa.serial").read_text(), 16
    )
    said = timestamp(desk, "verify", "report.json", "report.gpt", "--ca", "root.pem")
    assert said.startswith(f"The timestamp holds: the file was there at {found['time']}.\n")
    assert "CN=Test stamper" in said
    assert timestamp(desk, "verify", "report.json", "report.gpt", "--ca", "root.pem", "-q") == ""


def test_the_request_is_one(desk):
    """As openssl reads it; nonces are never the same."""
    nonces = set()
    for i in range(3):
        timestamp(desk, "request", "report.json", "-o", f"{i}.tsq")
        text = desk.authority.run("ts", "-query", "-in", str(desk.folder / f"{i}.tsq"), "-text")
        lines = text.stdout.decode()
        assert "Hash Algorithm: sha256" in lines
        assert "Certificate required: yes" in lines
        nonces.add(lines.split("Nonce: ")[1].split()[0])
    assert len(nonces) == 3
    assert all(len(nonce) == 2 + 32 for nonce in nonces)
    assert "never overwritten" in fails(desk, "request", "report.json", "-o", "0.tsq")


def test_the_file_is_that_of_the_standard(desk):
    stamp(desk)
    response = read(desk, "r.tsr")
    digest = hashlib.sha256(read(desk, "report.json")).digest()
    body = b"\x89GPTIM\r\n" + bytes([1, 1, 0, 0]) + struct.pack("<I", len(response))
    body += digest + bytes(32) + response
    assert read(desk, "report.gpt") == body + hashlib.sha256(body).digest()


def test_openssl_verifies_what_we_asked_for(desk):
    stamp(desk)
    arguments = ("-queryfile", str(desk.folder / "r.tsq"), "-in", str(desk.folder / "r.tsr"))
    result = desk.authority.run("ts", "-verify", *arguments, "-CAfile", "root.pem")
    assert b"Verification: OK" in result.stdout


def test_a_chain_through_the_middle(desk, authority):
    authority.issue("middle", "middle", "root")
    authority.issue("deep", "stamping", "middle")
    stamp(desk, signer="deep")
    assert "unable to get local issuer certificate" in refused(desk)
    middle = authority.path("middle.pem")
    assert verify(desk, "--untrusted", middle)["authority"] == "CN=Test deep"
    # The middle as the one that is trusted does not do: it has an issuer itself.
    assert "does not hold" in refused(desk, ca=middle)
    # In the response itself it does.
    request(desk_again(desk))
    authority.reply(
        desk.folder / "r.tsq", desk.folder / "r.tsr", "-chain", "middle.pem", signer="deep"
    )
    attach(desk)
    assert verify(desk)["authority"] == "CN=Test deep"


def desk_again(command):
    """Without the files of the first way."""
    for name in ("r.tsq", "r.tsr", "report.gpt"):
        (command.folder / name).unlink(missing_ok=True)
    return command


# ------------------------------------------------------------------------- not good


def test_another_file(desk):
    stamp(desk)
    write(desk, "report.json", b'{"verdict": "not_found"}\n')
    assert refused(desk) == "the timestamp is for something else than this file as it is now"


def test_wrong_policy(desk):
    stamp(desk)
    assert (
        refused(desk, "--policy", OTHER_POLICY) == "the timestamp does not hold: policy mismatch"
    )
    stamp(desk_again(desk), "-tspolicy", OTHER_POLICY)
    assert verify(desk, "--policy", OTHER_POLICY)["policy"] == OTHER_POLICY
    message = fails(
        desk, "verify", "report.json", "report.gpt", "--ca", "root.pem", "--policy", "nonsense"
    )
    assert message == "the policy asked for is no object identifier, such as 1.2.3.4"


def test_untrusted_chain(desk, authority):
    authority.root("stranger")
    stamp(desk)
    message = refused(desk, ca=authority.path("stranger.pem"))
    assert message.startswith("the timestamp does not hold: certificate verify error: ")


def test_expired_since(desk, authority):
    """Refused as of now, and good as of the time stamped."""
    authority.issue("brief", "stamping", "root", ends=8)
    ends = time.time() + 8
    stamp(desk, signer="brief")
    time.sleep(max(0, ends + 1.5 - time.time()))
    assert refused(desk) == (
        "the timestamp does not hold: certificate verify error: certificate has expired "
        "(as of now; it can be judged as of the time stamped)"
    )
    found = verify(desk, "--at-stamp-time")
    assert (found["authority"], found["judged_as_of"]) == ("CN=Test brief", "stamp")
    said = timestamp(
        desk, "verify", "report.json", "report.gpt", "--ca", "root.pem", "--at-stamp-time"
    )
    assert "as of the time stamped" in said


def test_stamped_outside_the_validity(desk, authority):
    """Expired before it stamped; and, valid now, for a time before it was issued."""
    authority.issue("late", "stamping", "root", begins=-7200, ends=-3600)
    stamp(desk)
    good = authority.content(desk.folder / "r.tsr")
    authority.forge(good, desk_again(desk).folder / "r.tsr", signer="late")
    attach(desk)
    assert "certificate has expired" in refused(desk)
    assert "certificate has expired (as of the time stamped)" in refused(desk, "--at-stamp-time")
    early = with_time(good, b"20200101000000Z")
    authority.forge(early, desk_again(desk).folder / "r.tsr")
    attach(desk)
    assert refused(desk) == "the authority's certificate was not valid at the time stamped"
    assert "certificate is not yet valid" in refused(desk, "--at-stamp-time")


def with_time(content, moment):
    parts = elements(elements(content)[0][1])
    return der(
        0x30, b"".join(der(tag, moment if tag == 0x18 else inside) for tag, inside in parts)
    )


def test_a_time_in_the_future(desk, authority):
    stamp(desk)
    good = authority.content(desk.folder / "r.tsr")
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)
    moment = later.strftime("%Y%m%d%H%M%SZ").encode()
    authority.forge(with_time(good, moment), desk_again(desk).folder / "r.tsr")
    attach(desk)
    assert refused(desk).startswith("the timestamp is of a time in the future")


def test_not_for_timestamping(desk, authority):
    """A certificate for mail; openssl ts itself would not sign with it."""
    authority.issue("mailer", "mailing", "root")
    stamp(desk)
    good = authority.content(desk.folder / "r.tsr")
    authority.forge(good, desk_again(desk).folder / "r.tsr", signer="mailer")
    attach(desk)
    assert "certificate purpose" in refused(desk)
    # The same forgery with the right certificate holds, so that it is the purpose that counted.
    authority.forge(good, desk_again(desk).folder / "r.tsr")
    attach(desk)
    assert verify(desk)["authority"] == "CN=Test stamper"


def test_weak_hashes_and_keys(desk, authority):
    stamp(desk)
    good = authority.content(desk.folder / "r.tsr")
    authority.forge(good, desk_again(desk).folder / "r.tsr", md="sha1")
    attach(desk)
    assert "too weak" in refused(desk)
    authority.issue(
        "weak", "stamping", "root", key=("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    )
    authority.forge(good, desk_again(desk).folder / "r.tsr", signer="weak")
    attach(desk)
    assert "key too weak" in refused(desk)


def test_critical_extension(desk, authority):
    stamp(desk)
    good = elements(authority.content(desk.folder / "r.tsr"))[0][1]
    unknown = der(0x06, bytes([0x2A, 0x03])) + der(0x01, b"\xff") + der(0x04, b"\x05\0")
    content = der(0x30, good + der(0xA1, der(0x30, unknown)))
    authority.forge(content, desk_again(desk).folder / "r.tsr")
    attach(desk)
    assert refused(desk) == "the timestamp has a critical extension that is not known here"


def test_revoked(desk, authority):
    authority.issue("fallen", "stamping", "root")
    stamp(desk, signer="fallen")
    authority.revocations("root", "before.crl")
    assert verify(desk, "--crl", authority.path("before.crl"))["authority"] == "CN=Test fallen"
    authority.revoke("fallen", "root")
    authority.revocations("root", "after.crl")
    assert "certificate revoked" in refused(desk, "--crl", authority.path("after.crl"))
    assert verify(desk)["authority"] == "CN=Test fallen"
    assert "exclude each other" in fails(
        *(desk, "verify", "report.json", "report.gpt", "--ca", "root.pem"),
        *("--crl", authority.path("after.crl"), "--at-stamp-time"),
    )


def test_damaged_files(desk):
    """Cut off anywhere, or with any byte changed: never good; and never another stamp, where the
    checksum was put right and what was changed is not signed (the response's own status)."""
    stamp(desk)
    good = read(desk, "report.gpt")
    said = verify(desk)
    for size in range(0, len(good), 97):
        write(desk, "report.gpt", good[:size])
        refused(desk)
    write(desk, "report.gpt", good + b"\0")
    assert "checksum" in refused(desk)
    for at in range(0, len(good) - 32, 31):
        altered = good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :]
        write(desk, "report.gpt", altered)
        refused(desk)
        body = altered[:-32]
        write(desk, "report.gpt", body + hashlib.sha256(body).digest())
        result = desk(
            *("timestamp", "verify", "report.json", "report.gpt", "--ca", "root.pem", "--json")
        )
        assert result.returncode == 2 or json.loads(result.stdout) == said


def test_altered_token(desk):
    """Every byte of what was stamped, within the response: its time, serial, digest, nonce."""
    stamp(desk)
    content = desk.authority.content(desk.folder / "r.tsr")
    response = read(desk, "r.tsr")
    start = response.index(content)
    for at in range(start, start + len(content)):
        altered = bytearray(response)
        altered[at] ^= 1
        write(desk, "x.tsr", bytes(altered))
        (desk.folder / "x.gpt").unlink(missing_ok=True)
        result = desk("timestamp", "attach", "report.json", "x.tsr", "-o", "x.gpt")
        if result.returncode == 0:
            message = fails(desk, "verify", "report.json", "x.gpt", "--ca", "root.pem")
            assert message.startswith("x.gpt: ")


# --------------------------------------------------------------------------- attach


def test_attach_refuses(desk, authority):
    request(desk)
    authority.reply(desk.folder / "r.tsq", desk.folder / "r.tsr")
    write(desk, "other", b"something else\n")
    assert fails(desk, "attach", "other", "r.tsr", "-o", "o.gpt") == (
        "r.tsr: the timestamp is for something else than this file as it is now"
    )
    timestamp(desk, "request", "report.json", "-o", "second.tsq", "-q")
    assert (
        fails(desk, "attach", "report.json", "r.tsr", "-o", "o.gpt", "--request", "second.tsq")
        == "r.tsr: it does not answer the request: its nonce is another"
    )
    timestamp(desk, "attach", "report.json", "r.tsr", "-o", "o.gpt", "--request", "r.tsq")
    assert "never overwritten" in fails(desk, "attach", "report.json", "r.tsr", "-o", "o.gpt")
    write(desk, "more.tsr", read(desk, "r.tsr") + b"\0")
    assert fails(desk, "attach", "report.json", "more.tsr", "-o", "x") == (
        "more.tsr: something follows the end of the response"
    )
    for data in (b"", b"nothing", read(desk, "r.tsr")[:-1], read(desk, "r.tsq")):
        write(desk, "bad.tsr", data)
        assert fails(desk, "attach", "report.json", "bad.tsr", "-o", "x") == (
            "bad.tsr: no response of a timestamping authority (RFC 3161)"
        )
    assert (
        fails(desk, "attach", "report.json", "r.tsr", "-o", "x", "--request", "other")
        == "other: not a timestamp request (RFC 3161)"
    )
    assert not (desk.folder / "x").exists()


def test_a_refusal_of_the_authority(desk, authority):
    """A policy that it does not offer."""
    authority.run(
        *("ts", "-query", "-data", str(desk.folder / "report.json"), "-sha256"),
        *("-tspolicy", "1.2.3.4.5", "-out", str(desk.folder / "odd.tsq")),
    )
    authority.reply(desk.folder / "odd.tsq", desk.folder / "no.tsr")
    message = fails(desk, "attach", "report.json", "no.tsr", "-o", "x")
    assert message.startswith("no.tsr: the authority granted no timestamp (status 2): ")
    assert "Requested policy is" in message


def test_a_stamp_over_sha1_is_none(desk, authority):
    authority.run(
        *("ts", "-query", "-data", str(desk.folder / "report.json"), "-sha1", "-cert"),
        *("-out", str(desk.folder / "old.tsq")),
    )
    authority.reply(desk.folder / "old.tsq", desk.folder / "old.tsr")
    assert fails(desk, "attach", "report.json", "old.tsr", "-o", "x") == (
        "old.tsr: the timestamp is over neither SHA-256 nor SHA-512 of a file"
    )


def test_files_of_certificates(desk, authority):
    stamp(desk)
    pem = read(desk, "root.pem")
    encrypted = pem.replace(
        b"-----BEGIN CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
        b"DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n",
    )
    for data in (b"", b"text\n", pem[: len(pem) // 2], pem + pem[: len(pem) // 2], encrypted):
        write(desk, "bad.pem", data)
        for arguments in (("--ca", "bad.pem"), ("--ca", "root.pem", "--untrusted", "bad.pem")):
            assert fails(desk, "verify", "report.json", "report.gpt", *arguments) == (
                "bad.pem: holds no certificate in PEM, or a damaged one"
            )
    arguments = ("verify", "report.json", "report.gpt", "--ca", "root.pem", "--crl", "root.pem")
    assert (
        fails(desk, *arguments) == "root.pem: holds no revocation list in PEM, or a damaged one"
    )
    write(desk, "two.pem", pem + authority.folder.joinpath("stamper.pem").read_bytes())
    assert verify(desk, ca="two.pem")["authority"] == "CN=Test stamper"


def test_usage(desk):
    assert fails(desk).startswith("say what to do")
    assert fails(desk, "show", "x").startswith("unknown action show")
    assert fails(desk, "request", "report.json") == "name the file to be written with -o FILE"
    assert fails(desk, "request", "-o", "x").startswith("name one file")
    assert fails(desk, "attach", "report.json", "-o", "x").startswith(
        "name the file and the auth"
    )
    assert fails(desk, "verify", "report.json", "--ca", "x").startswith(
        "name the file and its st"
    )
    assert (
        fails(desk, "verify", "a", "b") == "name the certificates that are trusted with --ca FILE"
    )
    assert "for timestamp verify" in fails(desk, "request", "a", "-o", "x", "--policy", "1.2")
    assert fails(desk, "attach", "a", "b", "-o", "x", "--sha512").startswith("--sha512 is for")
    assert fails(desk, "request", "a", "-o", "x", "--request", "b").startswith("--request is for")
    assert fails(desk, "verify", "a", "b", "--ca", "c", "-o", "x").startswith("timestamp verify")
    assert "No such file" in fails(desk, "request", "absent", "-o", "x")
