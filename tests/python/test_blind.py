"""Blind audits from Python, against a real ``greenprint serve`` and against liars."""

from __future__ import annotations

import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

import greenprint
from greenprint import blind
from greenprint.blind import BlindClient, ServerError, key_for

BINARY = Path(__file__).resolve().parents[2] / "build" / "greenprint"
DOCUMENTS = [np.random.default_rng(7).integers(0, 500, 300).tolist() for _ in range(3)]


@pytest.fixture(scope="module")
def key():
    """Return a provable key."""
    return greenprint.Key.from_bytes(bytes(range(32)), provable=True)


def counts(key, tenant=None):
    """Return what a verifier counts."""
    verifier = greenprint.Verifier(key, tenant)
    for document in DOCUMENTS:
        verifier.add(document)
    return verifier.result()


@pytest.fixture
def server(key, tmp_path):
    """Run a server, and return its URL."""
    if not BINARY.exists():
        pytest.skip("SKIPPED: build/greenprint is not there")
    path = tmp_path / "k.key"
    key.save_unsealed(path)
    log = tmp_path / "log"
    run = [str(BINARY), "serve", "-k", str(path), "--listen", "127.0.0.1:0", "--log", str(log)]
    process = subprocess.Popen(run, stderr=subprocess.PIPE)
    url = None
    for _ in range(200):
        text = log.read_text() if log.exists() else ""
        if '"url":"' in text:
            url = text.split('"url":"')[1].split('"')[0]
            break
        if process.poll() is not None:
            pytest.fail(process.stderr.read().decode())
        time.sleep(0.05)
    assert url, "the server does not say where it listens"
    yield url
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize("tenant", [None, 0, 2**64 - 1])
def test_same_as_the_key(key, server, tenant):
    """The report is that of the key's holder."""
    client = BlindClient(server, key.public)
    scoring = client.key_for(DOCUMENTS, tenant=tenant)
    assert counts(scoring, tenant) == counts(key, tenant)
    with pytest.raises(greenprint.ArgumentError, match="not known"):
        greenprint.Verifier(scoring, tenant).add(range(1000, 1100))
    assert client.limits()["max_elements"] >= 1


@pytest.mark.parametrize("tenant", [None, 0, 2**64 - 1])
def test_prove(key, server, tenant, tmp_path):
    """The proof shows what the owner's own shows, and who checks needs neither key nor server."""
    client = BlindClient(server, key.public)
    path = tmp_path / "proof.gpp"
    made = client.prove(DOCUMENTS, path, tenant=tenant)
    own = greenprint.prove(key, DOCUMENTS, tmp_path / "own.gpp", tenant=tenant)
    assert made.blind and not own.blind
    assert (made.contexts, made.proved, made.text_sha256) == (
        own.contexts,
        own.proved,
        own.text_sha256,
    )
    assert greenprint.inspect_proof(path) == made
    info, scoring = greenprint.check(path, key.public, DOCUMENTS)
    assert info == made and info.tenant == tenant
    assert counts(scoring, tenant) == counts(key, tenant)
    with pytest.raises(greenprint.KeyExistsError):
        client.prove(DOCUMENTS, path)
    with pytest.raises(greenprint.FormatError, match="another text"):
        greenprint.check(path, key.public, DOCUMENTS[:2])


def test_prove_a_sample(key, server, tmp_path):
    """It costs what is proved, not what there is; the choice is the owner's prover's."""
    client = BlindClient(server, key.public)
    documents = [range(1500)]
    pool = greenprint.ThreadPool(2)
    made = client.prove(documents, tmp_path / "a", sample=1024, threads=pool)
    assert (made.contexts, made.proved, made.sizes) == (1498, 1024, 2)
    own = greenprint.prove(key, documents, tmp_path / "b", sample=1024)
    _, scoring = greenprint.check(tmp_path / "a", key.public, documents)
    ours = greenprint.Verifier(scoring)
    _, scoring = greenprint.check(tmp_path / "b", key.public, documents)
    theirs = greenprint.Verifier(scoring)
    for verifier in (ours, theirs):
        verifier.add(documents[0])
    assert ours.result() == theirs.result() and ours.result().scored == 1024
    assert own.sizes == made.sizes


def test_nothing_is_written_after_a_failure(key, liar, tmp_path):
    """A transport that raises, an answer that is none, a server that refuses."""

    def fails(request):
        raise ConnectionError("that is enough")

    path = tmp_path / "proof.gpp"
    with pytest.raises(ConnectionError, match="that is enough"):
        blind.prove(key.public, DOCUMENTS, path, fails)
    with pytest.raises(greenprint.FormatError, match="blind answer"):
        blind.prove(key.public, DOCUMENTS, path, lambda request: request)
    with pytest.raises(ServerError, match="the answer has"):
        blind.prove(key.public, DOCUMENTS, path, lambda request: request * 3)
    liar.said["/v1/evaluate"] = (403, b"the budget is spent", {})
    with pytest.raises(ServerError, match="403: the budget is spent"):
        BlindClient(liar.url, key.public).prove(DOCUMENTS, path)
    for options in ({"sample": 0}, {"sample": 1025}, {"per_request": 0}, {"tenant": -1},
                    {"threads": 3}, {"tokenizer": "tokenizer.json"}):  # fmt: skip
        with pytest.raises(greenprint.ArgumentError):
            blind.prove(key.public, DOCUMENTS, path, fails, **options)
    with pytest.raises(greenprint.ArgumentError, match="PublicKey"):
        blind.prove(key, DOCUMENTS, path, fails)
    with pytest.raises(greenprint.FileError):
        blind.prove(key.public, DOCUMENTS, tmp_path / "none" / "proof.gpp", fails)
    assert list(tmp_path.iterdir()) == []


def test_requests_are_divided(key):
    """Sent in parts, and never in the clear: any number of contexts, so many in a request."""
    sizes = []
    sent = []

    def answer(request):
        sizes.append((len(request) - 24) // 32)
        sent.append(request)
        raise ConnectionError("that is enough")

    with pytest.raises(ConnectionError, match="that is enough"):
        key_for(key.public, DOCUMENTS, answer, per_request=100)
    assert sizes == [100]
    with pytest.raises(ConnectionError):
        key_for(key.public, DOCUMENTS, answer, per_request=100)
    assert sent[0][24:] != sent[1][24:]  # blinds are drawn afresh


class Liar(BaseHTTPRequestHandler):
    """Says what its server was told to say."""

    def _say(self):
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        status, body, headers = self.server.said[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _say  # noqa: N815

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def liar():
    """Run a server that answers as it is told."""
    server = HTTPServer(("127.0.0.1", 0), Liar)
    server.said = {"/v1/limits": (200, b'{"max_elements": 4096}', {})}
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        ((200, b"nonsense", {}), greenprint.FormatError, "blind answer"),
        ((200, bytes(100_000), {}), ServerError, "longer"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), ServerError, "302"),
        ((401, b"who are you?\x1b[31m", {}), ServerError, r"401: who are you\?\?"),
        ((403, b"the budget is spent", {}), ServerError, "403: the budget is spent"),
    ],
)
def test_liars(key, liar, said, error, match):
    """What a server says is checked, and its refusals are passed on."""
    liar.said["/v1/evaluate"] = said
    with pytest.raises(error, match=match):
        BlindClient(liar.url, key.public, token="gpt_x").key_for(DOCUMENTS)


def test_arguments(key):
    """Addresses that are none, and such as would send a token in the clear."""
    for url in ("ftp://127.0.0.1", "audit.example.org", "http://audit.example.org"):
        with pytest.raises(greenprint.ArgumentError, match="url"):
            BlindClient(url, key.public)
    client = BlindClient("https://audit.example.org", key.public, token="gpt_secret")
    assert "secret" not in repr(client)
    with pytest.raises(greenprint.ArgumentError, match="PublicKey"):
        key_for(key, DOCUMENTS, lambda request: request)
