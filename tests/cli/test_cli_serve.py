"""greenprint serve and its client, over real sockets: honest, and with either side malicious."""

import contextlib
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.parse

import pytest

SEED = int(os.environ.get("GREENPRINT_SEED", random.SystemRandom().randrange(2**32)))
RANDOM = random.Random(SEED)
INPUT_SIZE = 9  # of a context of two ids, without a tenant
HEADER = 24
BINARY = "application/octet-stream"


@pytest.fixture(scope="module", autouse=True)
def seed():
    print(f"seed {SEED}")


@pytest.fixture(scope="session")
def helper(binary) -> str:
    """The program of tests/cli/blind_fixture.c, beside the binary."""
    path = pathlib.Path(binary).parent / "tests" / "blind_fixture"
    if not path.exists():
        pytest.skip("built without GREENPRINT_NETWORK")
    return str(path)


@pytest.fixture(scope="session")
def keys(helper, tmp_path_factory) -> pathlib.Path:
    """A folder of key files and public files: k, another, one, min, fixed."""
    folder = tmp_path_factory.mktemp("keys")
    for name, seeding, width in [
        ("k", "hash", 2),
        ("another", "hash", 2),
        ("one", "hash", 1),
        ("min", "min", 4),
        ("fixed", "fixed", 0),
    ]:
        subprocess.run(
            [helper, "keys", f"{name}.key", f"{name}.pub", seeding, str(width)],
            cwd=folder,
            check=True,
        )
    return folder


def make_inputs(count: int) -> bytes:
    return b"".join(b"\0" + struct.pack("<II", RANDOM.randrange(2**32), i) for i in range(count))


class Client:
    """The client side, in a folder."""

    def __init__(self, helper, keys, folder):
        self.helper, self.keys, self.folder = helper, keys, folder

    def fetch(self, url, inputs, pub="k.pub", token="-", ca="-", timeout=20):
        return subprocess.run(
            [
                self.helper,
                "fetch",
                self.keys / pub,
                url,
                token,
                ca,
                str(timeout),
                str(INPUT_SIZE),
            ],
            input=inputs,
            capture_output=True,
            cwd=self.folder,
            timeout=120,
        )

    def gets(self, url, inputs, **options) -> bytes:
        result = self.fetch(url, inputs, **options)
        assert (result.returncode, result.stderr) == (0, b"")
        return result.stdout

    def fails(self, url, inputs=None, **options) -> str:
        result = self.fetch(url, make_inputs(3) if inputs is None else inputs, **options)
        assert (result.returncode, result.stdout) == (2, b"")
        assert result.stderr.startswith(b"greenprint fetch: ") and result.stderr.count(b"\n") == 1
        return result.stderr.decode()

    def nonces(self, inputs, key="k.key") -> bytes:
        return self.run("nonces", self.keys / key, str(INPUT_SIZE), input=inputs)

    def request(self, count, pub="k.pub") -> bytes:
        return self.run("request", self.keys / pub, str(count))

    def answer(self, request, key="k.key") -> bytes:
        return self.run("answer", self.keys / key, input=request)

    def run(self, *arguments, input=None) -> bytes:
        return subprocess.run(
            [self.helper, *arguments], input=input, capture_output=True, check=True
        ).stdout


@pytest.fixture
def client(helper, keys, tmp_path) -> Client:
    return Client(helper, keys, tmp_path)


class Server:
    """A running greenprint serve."""

    def __init__(self, command, keys, *options, key="k.key", listen="127.0.0.1:0"):
        self.process = command.start("serve", "-k", keys / key, "--listen", listen, *options)
        line = self.process.stdout.readline()
        if not line:
            _, err = self.process.communicate(timeout=30)
            raise AssertionError(err.decode())
        self.told = False
        self.first = json.loads(line)
        self.url = self.first["url"]
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def connect(self, timeout=20) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(self, method, path, body=None, token=None, headers=None):
        """Return status, headers and body of one request on a connection of its own."""
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", BINARY)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def refuses(self, status, *arguments, **options) -> str:
        """Ask for what has to be refused; return the line that says why."""
        got, headers, body = self.ask(*arguments, **options)
        assert got == status, body
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert body.endswith(b"\n") and body.count(b"\n") == 1
        return body[:-1].decode()

    def socket(self, timeout=20) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def metric(self, name, token=None) -> float:
        status, _, body = self.ask("GET", "/metrics", token=token)
        assert status == 200
        found = re.search(rf"^greenprint_{re.escape(name)} (\S+)$", body.decode(), re.M)
        return float(found.group(1)) if found else 0.0

    def tell(self, number=signal.SIGTERM) -> None:
        """Say it once: the second time it ends at once."""
        self.told = True
        if self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM) -> int:
        if not self.told:
            self.tell(number)
        code = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        self.err = self.process.stderr.read().decode()
        return code


@pytest.fixture
def start(greenprint, keys):
    """Start servers; each has to end well."""
    servers = []

    def begin(*options, **more):
        servers.append(Server(greenprint, keys, *options, **more))
        return servers[-1]

    yield begin
    for server in servers:
        if not hasattr(server, "err"):
            assert server.stop() == 0, server.err


@pytest.fixture
def server(start):
    return start()


def make_token(command, name, budget, rate=10**9) -> tuple[str, str]:
    """Return a token and its line."""
    result = command("serve", "new-token", name, "--budget", str(budget), "--rate", str(rate))
    assert (result.returncode, result.stderr) == (0, "")
    token, line = result.stdout.splitlines()
    return token, line


@pytest.fixture
def with_tokens(greenprint, start):
    """Start a server with a token of this budget and rate, and a file "token" of it."""

    def begin(budget, rate=10**9, *options, **more):
        token, line = make_token(greenprint, "auditor", budget, rate)
        (greenprint.folder / "tokens").write_text(f"# who\n\n{line}\n")
        path = greenprint.folder / "token"
        path.write_text(token + "\n")
        path.chmod(0o600)
        server = start("--tokens", "tokens", "--state", "state", *options, **more)
        server.token = token
        return server

    return begin


# ------------------------------------------------------------------------------ good


def test_nonces_are_those_of_the_key(server, client):
    inputs = make_inputs(200)
    assert client.gets(server.url, inputs) == client.nonces(inputs)
    assert client.gets(server.url + "/", inputs[:INPUT_SIZE]) == client.nonces(
        inputs[:INPUT_SIZE]
    )


def test_many_inputs_go_in_batches(start, client):
    server = start("--max-elements", "7", "--threads", "3")
    inputs = make_inputs(50)
    assert client.gets(server.url, inputs) == client.nonces(inputs)
    assert server.metric('requests_total{endpoint="evaluate",status="200"}') == 8
    assert server.metric("elements_total") == 50
    assert server.metric("evaluate_seconds_count") == 8


def test_what_is_the_same_comes_out_the_same(server, client):
    inputs = make_inputs(1) * 3
    nonces = client.gets(server.url, inputs)
    assert nonces == client.nonces(inputs) and nonces[:12] == nonces[12:24]


def test_an_answer_is_not_the_same_twice(server, client):
    """The same request is evaluated to the same elements, with another proof."""
    request = client.request(3)
    first, second = (server.ask("POST", "/v1/evaluate", request)[2] for _ in range(2))
    assert first[:-64] == second[:-64] and first[-64:] != second[-64:]
    assert first[:-64] == client.answer(request)[:-64]


def test_requests_say_nothing_about_their_inputs(helper, client):
    """Two requests for one key have their headers in common and nothing else."""
    one, two = client.request(5), client.request(5)
    assert one[:HEADER] == two[:HEADER]
    elements = [m[i : i + 32] for m in (one, two) for i in range(HEADER, len(m), 32)]
    assert len(set(elements)) == 10


def test_the_public_file(server, keys):
    status, headers, body = server.ask("GET", "/v1/public")
    assert (status, headers["Content-Type"]) == (200, BINARY)
    assert body == (keys / "k.pub").read_bytes()


def test_health_and_limits(server):
    assert server.ask("GET", "/v1/health")[2] == b"ok\n"
    status, headers, body = server.ask("GET", "/v1/limits")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body).keys() == {"key_id", "max_elements"}


def test_metrics_are_in_the_format_of_prometheus(server, client):
    client.gets(server.url, make_inputs(5))
    text = server.ask("GET", "/metrics")[2].decode()
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? [0-9.e+-]+')
    typed = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
        elif not line.startswith("# HELP "):
            assert sample.fullmatch(line), line
            name = re.match("[a-z_]+", line).group()
            assert name in typed or re.sub("_(bucket|sum|count)$", "", name) in typed
    buckets = [float(n) for n in re.findall(r'seconds_bucket\{le="[^"]+"\} (\d+)', text)]
    assert buckets == sorted(buckets) and buckets[-1] == 1


def test_pipelined_requests_are_answered_in_order(server, client):
    request = client.request(2)
    head = f"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: {BINARY}\r\n"
    one = head.encode() + f"Content-Length: {len(request)}\r\n\r\n".encode() + request
    health = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /v1/public HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with server.socket() as raw:
        raw.sendall(one + health + one + last)
        got = b""
        while chunk := raw.recv(65536):
            got += chunk
    assert got.count(b"HTTP/1.1 200") == 4
    places = [m.start() for m in re.finditer(rb"GPBEA|ok\n|GPPUB", got)]
    assert [got[p : p + 2] for p in places] == [b"GP", b"ok", b"GP", b"GP"]


def test_ipv6(start, client):
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    with contextlib.closing(socket.socket(socket.AF_INET6)) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6")
    server = start(listen="[::1]:0")
    assert server.url.startswith("http://[::1]:")
    inputs = make_inputs(2)
    assert client.gets(server.url, inputs) == client.nonces(inputs)


def test_the_log_has_no_contents(with_tokens, client, greenprint):
    server = with_tokens(100, 10**9, "--log", "log")
    inputs = make_inputs(4)
    nonces = client.gets(server.url, inputs, token="token")
    request = client.request(3)
    answer = server.ask("POST", "/v1/evaluate", request, token=server.token)[2]
    server.refuses(401, "POST", "/v1/evaluate?secret-query", request, token="gpt_secret-token")
    assert server.stop() == 0
    log = (greenprint.folder / "log").read_bytes()
    assert os.stat(greenprint.folder / "log").st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["event"] for line in lines] == ["listening"] + 4 * ["request"] + [
        "stopping",
        "stopped",
    ]
    shown = [(x["endpoint"], x["token"], x["elements"], x["status"]) for x in lines[1:5]]
    assert shown == [
        ("limits", "auditor", 0, 200),
        ("evaluate", "auditor", 4, 200),
        ("evaluate", "auditor", 3, 200),
        ("evaluate", None, 0, 401),
    ]
    assert lines[4]["refused"] == "token"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", x["time"]) for x in lines)
    secrets = [server.token[4:], "secret-query", "secret-token"]
    for bytes_ in (nonces[:12], request[HEADER:56], answer[HEADER:56], inputs[:9]):
        secrets.append(bytes_.hex())
    assert not [secret for secret in secrets if secret.encode() in log]


# ------------------------------------------------------------------- malicious clients


def evaluate(server, body, **options):
    return server.refuses(400, "POST", "/v1/evaluate", body, **options)


def test_malformed_requests(server, client):
    good = client.request(2)
    assert evaluate(server, b"") == "0 bytes are no blind request"
    assert evaluate(server, good[:23]) == "23 bytes are no blind request"
    assert evaluate(server, good[:-1]) == "87 bytes are no blind request"
    assert evaluate(server, b"x" * 88) == "this is no blind request: it begins with other bytes"
    assert "version 1" in evaluate(server, good[:8] + b"\1" + good[9:])
    said = evaluate(server, good[:10] + b"\1" + good[11:])
    assert said == "byte 10 of the blind request is not zero"
    for count in (0, 1, 3, 2**32 - 1):
        changed = good[:12] + struct.pack("<I", count) + good[16:]
        assert f"says {count} elements and has 2" in evaluate(server, changed)


def test_elements_that_are_none(server, client):
    good = client.request(3)
    bad = {
        "identity": bytes(32),
        "negative": b"\1" + bytes(31),
        "p": bytes.fromhex("ed" + 30 * "ff" + "7f"),
        "p + 2": bytes.fromhex("ef" + 30 * "ff" + "7f"),
        "high bit": good[HEADER : HEADER + 31] + bytes([good[HEADER + 31] | 0x80]),
        "all ones": b"\xff" * 32,
    }
    for name, element in bad.items():
        for i in range(3):
            at = HEADER + 32 * i
            said = evaluate(server, good[:at] + element + good[at + 32 :])
            assert f"element {i + 1} of the blind request is none" in said, name
    assert server.metric('refused_total{reason="element"}') == 18
    assert server.metric("elements_total") == 0


def test_another_key(server, client):
    said = server.refuses(409, "POST", "/v1/evaluate", client.request(1, "another.pub"))
    assert re.fullmatch("the request asks for key [0-9a-f]{16}, the server has key .*", said)


def test_paths_methods_and_types(server, client):
    request = client.request(1)
    assert server.refuses(404, "GET", "/") == "there is nothing at this path"
    assert server.refuses(404, "GET", "/v1/evaluate/") == "there is nothing at this path"
    assert server.refuses(405, "GET", "/v1/evaluate") == "/v1/evaluate takes POST only"
    assert server.refuses(405, "PUT", "/v1/evaluate", request)
    assert server.refuses(405, "POST", "/v1/public", b"") == "/v1/public takes GET only"
    for content in ("text/plain", "application/octet-streams", ""):
        said = server.refuses(
            415, "POST", "/v1/evaluate", request, headers={"Content-Type": content}
        )
        assert said == f"the body has to be of type {BINARY}"


def test_a_huge_body_is_refused_unread(server):
    """The refusal comes while nothing of the body was sent."""
    for length in (HEADER + 32 * 4096 + 1, 2**40, 2**64 - 1):
        with server.socket() as raw:
            raw.sendall(
                f"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: {BINARY}\r\n"
                f"Content-Length: {length}\r\n\r\n".encode()
            )
            assert raw.recv(4096).startswith(b"HTTP/1.1 413"), length
    assert server.metric('refused_total{reason="size"}') == 3


def test_a_body_of_unknown_length(server):
    with server.socket() as raw:
        raw.sendall(
            f"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: {BINARY}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 411")


def test_garbage(server):
    for _ in range(50):
        with server.socket(5) as raw, contextlib.suppress(OSError):
            raw.sendall(RANDOM.randbytes(RANDOM.randrange(1, 3000)) + b"\r\n\r\n")
            raw.shutdown(socket.SHUT_WR)
            raw.recv(100)
    for text in (
        b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20000 + b"\r\n",
        b"POST /v1/evaluate HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/evaluate HTTP/1.1\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    ):
        with server.socket(5) as raw, contextlib.suppress(OSError):
            raw.sendall(text)
            raw.shutdown(socket.SHUT_WR)
            raw.recv(100)
    assert server.ask("GET", "/v1/health")[0] == 200


def cut_off_after(raw, piece, seconds) -> float:
    """Send a byte now and then; return after how long the server has had enough."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        try:
            raw.sendall(piece)
            raw.settimeout(0.2)
            if raw.recv(100) == b"":
                return time.monotonic() - begin
        except TimeoutError:
            pass
        except OSError:
            return time.monotonic() - begin
    pytest.fail("still connected")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /v1/health HTTP/1.1\r\nHost: x\r\n",
        b"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Length: 2000\r\n\r\n",
    ],
    ids=["nothing", "head", "body"],
)
def test_slow_clients_are_cut_off(start, head):
    server = start("--timeout", "2")
    with server.socket() as raw:
        raw.sendall(head)
        assert 1 < cut_off_after(raw, b"x", 15) < 8
    assert server.ask("GET", "/v1/health")[0] == 200


def test_a_client_that_does_not_take_its_answer(start, client):
    """An idle connection ends as well."""
    server = start("--timeout", "2")
    with server.socket() as raw:
        raw.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
        raw.settimeout(10)
        assert raw.recv(1000) == b""


def test_many_connections_do_not_keep_others_out_forever(start, client):
    server = start("--timeout", "2")
    held = []
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            with contextlib.suppress(OSError):
                raw = stack.enter_context(server.socket(5))
                raw.sendall(b"GET /v1/health HTTP/1.1\r\n")
                held.append(raw)
        assert len(held) > 100
        deadline = time.monotonic() + 20
        while True:
            try:
                assert server.ask("GET", "/v1/health")[0] == 200
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.2)
    inputs = make_inputs(2)
    assert client.gets(server.url, inputs) == client.nonces(inputs)


def test_connections_that_are_cut_while_evaluating(server, client):
    request = client.request(400)
    head = (
        f"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: {BINARY}\r\n"
        f"Content-Length: {len(request)}\r\n\r\n"
    ).encode()
    for size in (10, 5000, len(request)):
        with server.socket() as raw:
            raw.sendall(head + request[:size])
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    inputs = make_inputs(2)
    assert client.gets(server.url, inputs) == client.nonces(inputs)


# --------------------------------------------------------------- tokens, rates, budgets


def test_a_token_is_needed(with_tokens, client):
    server = with_tokens(100)
    request = client.request(1)
    for options in (
        {},
        {"token": ""},
        {"token": server.token[:-1]},
        {"token": server.token + "x"},
        {"token": server.token.upper()},
        {"token": hashlib.sha256(server.token.encode()).hexdigest()},
        {"headers": {"Authorization": f"Basic {server.token}"}},
        {"headers": {"Authorization": server.token}},
    ):
        for method, path, body in (
            ("POST", "/v1/evaluate", request),
            ("GET", "/v1/limits", None),
            ("GET", "/metrics", None),
        ):
            said = server.refuses(401, method, path, body, **options)
            assert said == "this needs a token that the server knows"
    assert server.ask("GET", "/v1/public")[0] == 200
    assert server.ask("GET", "/v1/health")[0] == 200
    lower = {"Authorization": f"bearer {server.token}", "Content-Type": BINARY}
    assert server.ask("POST", "/v1/evaluate", request, headers=lower)[0] == 200


def test_the_budget_ends(with_tokens, client):
    server = with_tokens(10)

    def left():
        return json.loads(server.ask("GET", "/v1/limits", token=server.token)[2])["left"]

    assert server.ask("POST", "/v1/evaluate", client.request(7), token=server.token)[0] == 200
    assert left() == 3
    said = server.refuses(403, "POST", "/v1/evaluate", client.request(4), token=server.token)
    assert said == "the token's budget has 3 elements left, the request has 4"
    assert left() == 3
    bad = client.request(2)[:-32] + bytes(32)
    evaluate(server, bad, token=server.token)
    assert left() == 3, "what was not evaluated is not paid for"
    assert server.ask("POST", "/v1/evaluate", client.request(3), token=server.token)[0] == 200
    assert left() == 0
    said = client.fails(server.url, token="token")
    assert "the token's budget has 0 elements left; this takes 3" in said


def test_a_budget_outlives_the_server(with_tokens, start, client, greenprint):
    server = with_tokens(1000)
    assert server.ask("POST", "/v1/evaluate", client.request(10), token=server.token)[0] == 200
    assert server.stop() == 0
    state = greenprint.folder / "state"
    lines = state.read_text().splitlines()
    assert lines[0] == "greenprint-serve-state 1" and lines[2:] == ["spent auditor 10"]
    assert state.stat().st_mode & 0o777 == 0o600
    again = start("--tokens", "tokens", "--state", "state")
    facts = json.loads(again.ask("GET", "/v1/limits", token=server.token)[2])
    assert (facts["budget"], facts["left"]) == (1000, 990)


def test_a_new_token_for_a_name_does_not_refill_it(with_tokens, start, client, greenprint):
    server = with_tokens(10)
    assert server.ask("POST", "/v1/evaluate", client.request(9), token=server.token)[0] == 200
    assert server.stop() == 0
    tokens = greenprint.folder / "tokens"
    old = tokens.read_text()
    token, line = make_token(greenprint, "auditor", 10)
    _, other = make_token(greenprint, "somebody", 10)
    tokens.write_text(other + "\n")  # gone for a while
    assert start("--tokens", "tokens", "--state", "state").stop() == 0
    tokens.write_text(f"{other}\n{line}\n")
    again = start("--tokens", "tokens", "--state", "state")
    assert json.loads(again.ask("GET", "/v1/limits", token=token)[2])["left"] == 1
    assert again.ask("GET", "/v1/limits", token=server.token)[0] == 401
    assert old != tokens.read_text()


def test_killed_in_the_middle(with_tokens, start, client, greenprint):
    """What was answered is spent, and at most one largest request more."""
    server = with_tokens(100000, 10**9, "--max-elements", "64")
    request = client.request(16)
    answered = 0
    for _ in range(RANDOM.randrange(3, 20)):
        answered += server.ask("POST", "/v1/evaluate", request, token=server.token)[0] == 200
    threads = [
        threading.Thread(
            target=lambda: contextlib.suppress(OSError).__enter__() or quietly(server, request)
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    time.sleep(RANDOM.random() * 0.05)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    for thread in threads:
        thread.join()
    again = start("--tokens", "tokens", "--state", "state", "--max-elements", "64")
    facts = json.loads(again.ask("GET", "/v1/limits", token=server.token)[2])
    spent = facts["budget"] - facts["left"]
    assert 16 * answered <= spent <= 16 * (answered + 3) + 64


def quietly(server, request):
    with contextlib.suppress(OSError, http.client.HTTPException):
        server.ask("POST", "/v1/evaluate", request, token=server.token)


def test_the_rate(with_tokens, client):
    """A bucket of 20 elements: a second's, as the largest request is smaller."""
    server = with_tokens(10**6, 20, "--max-elements", "16")
    request = client.request(16)
    assert server.ask("POST", "/v1/evaluate", request, token=server.token)[0] == 200
    status, headers, body = server.ask("POST", "/v1/evaluate", request, token=server.token)
    assert (status, headers["Retry-After"]) == (429, "1")
    assert body == b"faster than the token's 20 elements a second\n"
    begin = time.monotonic()
    inputs = make_inputs(48)
    assert client.gets(server.url, inputs, token="token") == client.nonces(inputs)
    assert time.monotonic() - begin > 1.5
    assert server.metric('refused_total{reason="rate"}', server.token) >= 2


def test_many_at_once_do_not_overdraw(with_tokens, client):
    server = with_tokens(100)
    request = client.request(9)
    results = []

    def spend():
        results.append(server.ask("POST", "/v1/evaluate", request, token=server.token)[0])

    threads = [threading.Thread(target=spend) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [200] * 11 + [403] * 13


def test_a_state_that_cannot_be_written_gives_nothing(with_tokens, client, greenprint):
    server = with_tokens(10**6, 10**9, "--max-elements", "8")
    (greenprint.folder / "state.new").mkdir()
    request = client.request(8)
    said = server.refuses(503, "POST", "/v1/evaluate", request, token=server.token)
    assert said == "the server cannot note what is spent"
    (greenprint.folder / "state.new").rmdir()
    assert server.ask("POST", "/v1/evaluate", request, token=server.token)[0] == 200


# ------------------------------------------------------------------- malicious servers


class Fake(http.server.ThreadingHTTPServer):
    """A server that answers /v1/limits as it should and /v1/evaluate as it is told."""

    daemon_threads = True

    def __init__(self, client, act, limits=None):
        self.client, self.act, self.calls = client, act, []
        public = (client.keys / "k.pub").read_bytes()
        self.limits = {"key_id": public[64:72].hex(), "max_elements": 4096} | (limits or {})
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class FakeHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.calls.append(self.path)
        self.reply(200, json.dumps(self.server.limits).encode(), "application/json")

    def do_POST(self):
        self.server.calls.append(self.path)
        request = self.rfile.read(int(self.headers["Content-Length"]))
        with contextlib.suppress(OSError):
            self.server.act(self, request)

    def reply(self, status, body, content=BINARY, **headers):
        self.send_response(status)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def honest(self, request, key="k.key"):
        return self.server.client.answer(request, key)

    def cut(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def fake(client):
    made = []

    def begin(act, **limits):
        made.append(Fake(client, act, limits))
        return made[-1]

    yield begin
    for server in made:
        server.shutdown()
        server.server_close()


NOT_HOLDING = "the proof of the blind answer does not hold"


def swap(answer):
    return answer[:HEADER] + answer[56:88] + answer[HEADER:56] + answer[88:]


def flip(answer, at, bit=0):
    return answer[:at] + bytes([answer[at] ^ 1 << bit]) + answer[at + 1 :]


ALTERED = {
    "swapped elements": (swap, NOT_HOLDING),
    "an element twice": (lambda a: a[:56] + a[HEADER:56] + a[88:], NOT_HOLDING),
    "another's element": (
        lambda a: (
            a[:56]
            + bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
            + a[88:]
        ),
        NOT_HOLDING,
    ),
    "identity": (lambda a: a[:56] + bytes(32) + a[88:], "element 2 of the blind answer is none"),
    "no element": (lambda a: a[:56] + b"\xff" * 32 + a[88:], "element 2 of the blind answer"),
    "challenge changed": (lambda a: flip(a, len(a) - 64), NOT_HOLDING),
    "response changed": (lambda a: flip(a, len(a) - 32), NOT_HOLDING),
    "scalar too large": (
        lambda a: flip(a, len(a) - 1, 7),
        "the proof of the blind answer is none",
    ),
    "zero proof": (lambda a: a[:-64] + bytes(64), "the proof of the blind answer is none"),
    "dropped element": (lambda a: a[:HEADER] + a[56:], "says 3 elements and has 2"),
    "dropped consistently": (
        lambda a: a[:12] + struct.pack("<I", 2) + a[16:56] + a[88:],
        "has 2 elements where 3 were sent",
    ),
    "cut": (lambda a: a[:-1], "bytes are no blind answer"),
    "nothing": (lambda a: b"", "0 bytes are no blind answer"),
    "magic": (lambda a: flip(a, 1), "this is no blind answer"),
    "version": (lambda a: flip(a, 8, 2), "the blind answer has version 6"),
    "not zero": (lambda a: flip(a, 9), "byte 9 of the blind answer is not zero"),
    "key id": (lambda a: flip(a, 16), "the blind answer is of key"),
    "one byte more": (lambda a: a + b"x", "the answer is longer than its 184 bytes"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_altered_answers(fake, client, name):
    change, message = ALTERED[name]
    server = fake(lambda handler, request: handler.reply(200, change(handler.honest(request))))
    assert message in client.fails(server.url)
    assert server.calls == ["/v1/limits", "/v1/evaluate"], "nothing of it is tried again"


def test_the_fake_server_can_be_honest(fake, client):
    server = fake(lambda handler, request: handler.reply(200, handler.honest(request)))
    inputs = make_inputs(3)
    assert client.gets(server.url, inputs) == client.nonces(inputs)


def test_a_wrong_key_that_pretends(fake, client, keys):
    """Evaluated with another key, by a server that says it is the right one."""
    right, other = ((keys / f"{n}.pub").read_bytes()[64:72] for n in ("k", "another"))

    def act(handler, request):
        answer = handler.honest(request[:16] + other + request[24:], "another.key")
        handler.reply(200, answer[:16] + right + answer[24:])

    assert NOT_HOLDING in client.fails(fake(act).url)


def test_a_server_with_another_key(start, client):
    said = client.fails(start(key="another.key").url)
    assert re.search("the server has key [0-9a-f]{16}, not key [0-9a-f]{16}", said)


def test_replayed_proofs_and_answers(fake, client):
    answers = []

    def replay(handler, request):
        answers.append(handler.honest(request))
        handler.reply(200, answers[-1][:-64] + answers[0][-64:])

    server = fake(replay)
    inputs = make_inputs(3)
    assert client.gets(server.url, inputs) == client.nonces(inputs)
    assert NOT_HOLDING in client.fails(server.url, inputs)
    server.act = lambda handler, request: handler.reply(200, answers[0])
    assert NOT_HOLDING in client.fails(server.url, inputs)


def test_the_second_batch_altered(fake, client):
    """What the first batch taught is not handed out."""
    seen = []

    def act(handler, request):
        answer = handler.honest(request)
        seen.append(answer)
        handler.reply(200, answer if len(seen) == 1 else swap(answer))

    assert NOT_HOLDING in client.fails(fake(act, max_elements=2).url, make_inputs(4))
    assert len(seen) == 2


def test_slow_answers(fake, client):
    def dribble(handler, request):
        answer = handler.honest(request)
        handler.send_response(200)
        handler.send_header("Content-Type", BINARY)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        for i in range(len(answer)):
            handler.wfile.write(answer[i : i + 1])
            time.sleep(0.5)

    begin = time.monotonic()
    assert "the server takes too long" in client.fails(fake(dribble).url, timeout=2)
    assert "the server takes too long" in client.fails(
        fake(lambda handler, request: time.sleep(10)).url, timeout=2
    )
    assert time.monotonic() - begin < 12


def test_cut_connections(fake, client):
    """Tried again, and given up when that goes on."""
    calls = []

    def act(handler, request):
        calls.append(request)
        answer = handler.honest(request)
        if len(calls) % 3 == 0:
            handler.reply(200, answer)
            return
        if len(calls) % 3 == 2:
            handler.send_response(200)
            handler.send_header("Content-Type", BINARY)
            handler.send_header("Content-Length", str(len(answer)))
            handler.end_headers()
            handler.wfile.write(answer[:50])
        handler.cut()

    inputs = make_inputs(3)
    assert client.gets(fake(act).url, inputs) == client.nonces(inputs)
    assert len(calls) == 3 and len(set(calls)) == 1, "the same request, sent again"
    server = fake(lambda handler, request: handler.cut())
    assert server.url in client.fails(server.url)
    # libcurl tries once by itself where a connection that was kept has ended meanwhile.
    assert server.calls.count("/v1/evaluate") in (5, 6)


def test_nobody_there(client):
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        said = client.fails(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert "onnect" in said


def test_huge_answers(fake, client):
    def announced(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Type", BINARY)
        handler.send_header("Content-Length", str(2**40))
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(bytes(65536))

    def endless(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Type", BINARY)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(bytes(65536))

    for act in (announced, endless):
        assert "the answer is longer than its 184 bytes" in client.fails(fake(act).url)


def test_a_huge_refusal(fake, client):
    def act(handler, request):
        handler.send_response(403)
        handler.send_header("Content-Length", str(2**40))
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b"no " * 20000)

    assert "the server refuses (status 403): no no" in client.fails(fake(act).url)


def test_huge_limits(fake, client):
    server = fake(None, key_id="0" * 5000)
    assert "the answer is longer than its 4096 bytes" in client.fails(server.url)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_elements": 0},
        {"max_elements": -1},
        {"max_elements": "many"},
        {"max_elements": 1.5},
        {"max_elements": None},
        {"key_id": 7},
        {"key_id": None},
    ],
    ids=str,
)
def test_strange_limits(fake, client, limits):
    assert "does not answer as greenprint serve does" in client.fails(fake(None, **limits).url)


def test_large_limits_are_not_believed(fake, client):
    server = fake(
        lambda handler, request: handler.reply(200, handler.honest(request)), max_elements=2**62
    )
    inputs = make_inputs(3)
    assert client.gets(server.url, inputs) == client.nonces(inputs)


def test_wrong_content_types(fake, client):
    server = fake(lambda h, r: h.reply(200, h.honest(r), "text/html"))
    assert f"the answer is not of type {BINARY}" in client.fails(server.url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(fake, client, status):
    target = fake(lambda handler, request: handler.reply(200, handler.honest(request)))
    server = fake(
        lambda handler, request: handler.reply(status, b"", Location=target.url + "/v1/evaluate")
    )
    assert f"sends us elsewhere (status {status})" in client.fails(server.url)
    assert target.calls == []


def test_what_a_refusal_says_is_shown_harmless(fake, client):
    server = fake(
        lambda handler, request: handler.reply(
            400, b"\x1b[2Jred\x07 \xe2\x80\xaeevil\nsecond line"
        )
    )
    said = client.fails(server.url)
    assert "the server refuses (status 400): ?[2Jred? ?evil" in said and "second" not in said


def test_waiting_as_told(fake, client):
    calls = []

    def act(handler, request):
        calls.append(time.monotonic())
        if len(calls) == 1:
            handler.reply(429, b"slow down\n", "text/plain", Retry_After="2")
        elif len(calls) == 2:
            handler.reply(503, b"busy\n", "text/plain")
        else:
            handler.reply(200, handler.honest(request))

    inputs = make_inputs(3)
    assert client.gets(fake(act).url, inputs) == client.nonces(inputs)
    assert calls[1] - calls[0] >= 2 and calls[2] - calls[1] >= 0.2


def test_waiting_has_an_end(fake, client):
    for wait in ("121", "999999999999", "99999999999999999999999"):
        server = fake(lambda h, r, w=wait: h.reply(503, b"later\n", "text/plain", Retry_After=w))
        if wait != "99999999999999999999999":
            assert "refuses (status 503): later" in client.fails(server.url)
            assert server.calls.count("/v1/evaluate") == 1


# ------------------------------------------------------------------- tokens of clients


def test_tokens_do_not_travel_in_the_clear(client, tmp_path):
    (tmp_path / "token").write_text("gpt_x\n")
    said = client.fails("http://192.0.2.1", token="token")
    assert "the token would travel in the clear: use https" in said


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"a b\n", b"a\nb\n", b"a\r\nX: y\n", b"\xff\n", b"a\0b", b"x" * 600]
)
def test_tokens_that_are_none(client, tmp_path, text):
    (tmp_path / "token").write_bytes(text)
    assert "token" in client.fails("http://127.0.0.1:1", token="token")


def test_a_token_that_others_can_read(with_tokens, client, tmp_path):
    server = with_tokens(10)
    (tmp_path / "token").chmod(0o644)
    result = client.fetch(server.url, make_inputs(1), token="token")
    assert result.returncode == 0 and b"others can read this token" in result.stderr


@pytest.mark.parametrize(
    "url",
    ["", "ftp://127.0.0.1", "file:///etc/passwd", "127.0.0.1:1", "http://", "https://a:b@127.0.0.1",
     "http://127.0.0.1/?q", "http://127.0.0.1/#f", "http://127.0.0.1:99999"],
)  # fmt: skip
def test_urls_that_are_none(client, url):
    assert "URL" in client.fails(url)


# ------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> pathlib.Path:
    """An authority with a certificate for 127.0.0.1 and one for another name; another one."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "other"):
        openssl("req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-days", "2", "-subj", f"/CN={name}")  # fmt: skip
    for name, names in (("server", "IP:127.0.0.1"), ("elsewhere", "DNS:example.org")):
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=s")
        (folder / "names").write_text(f"subjectAltName={names}\n")
        signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", f"{name}.csr", *signer, "-extfile", "names",
                "-out", f"{name}.pem")  # fmt: skip
    return folder


def tls(certificates, name):
    return ["--tls-cert", certificates / f"{name}.pem", "--tls-key", certificates / f"{name}.key"]


def test_tls(with_tokens, client, certificates):
    server = with_tokens(1000, 10**9, *tls(certificates, "server"))
    assert server.url.startswith("https://127.0.0.1:")
    inputs = make_inputs(300)
    good = client.gets(server.url, inputs, token="token", ca=certificates / "ca.pem")
    assert good == client.nonces(inputs)
    refused = "the server's certificate is not to be trusted"
    for ca in (certificates / "other.pem", "-"):
        assert refused in client.fails(server.url, token="token", ca=ca)
    with server.socket() as raw:  # no TLS
        raw.sendall(b"GET /v1/health HTTP/1.1\r\n\r\n")
        assert b"200" not in raw.recv(1000)


def test_a_certificate_of_another_host(start, client, certificates):
    server = start(*tls(certificates, "elsewhere"))
    said = client.fails(server.url, ca=certificates / "ca.pem")
    assert "the server's certificate is not to be trusted" in said


def test_certificates_that_do_not_fit(greenprint, keys, certificates):
    def fails(cert, key):
        return greenprint.fails(
            "serve", "-k", keys / "k.key", "--listen", "127.0.0.1:0",
            "--tls-cert", cert, "--tls-key", key,
        )  # fmt: skip

    assert "the server cannot start: " in fails(
        certificates / "server.pem", certificates / "other.key"
    )
    assert "nothing in it is PEM" in fails(keys / "k.key", certificates / "server.key")
    assert "cannot be read" in fails(certificates / "none", certificates / "server.key")


# --------------------------------------------------------------------- ending gracefully


def test_what_was_begun_is_answered(with_tokens, client, greenprint):
    """SIGTERM under load: whoever was let in gets an answer, and the state is exact."""
    server = with_tokens(10**9)
    request = client.request(100)
    results = []

    def load():
        connection = server.connect()
        headers = {"Content-Type": BINARY, "Authorization": f"Bearer {server.token}"}
        while True:
            try:
                connection.request("POST", "/v1/evaluate", request, headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                return
            results.append((answer.status, len(body)))
            if answer.status != 200:
                return

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    with server.socket() as raw:
        head = (
            f"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: {BINARY}\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Length: {len(request)}\r\n\r\n"
        )
        raw.sendall(head.encode() + request[:1000])
        time.sleep(0.3)
        server.tell()
        time.sleep(0.3)
        raw.sendall(request[1000:])
        got = b""
        while chunk := raw.recv(65536):
            got += chunk
    assert got.startswith(b"HTTP/1.1 200") and got[-100 * 32 - 64 - HEADER :][1:6] == b"GPBEA"
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    good = [size for status, size in results if status == 200]
    assert good and set(good) == {HEADER + 100 * 32 + 64}
    assert {status for status, _ in results} <= {200, 503}
    spent = int((greenprint.folder / "state").read_text().split()[-1])
    logged = sum(x["elements"] for x in server.lines if x.get("status") == 200)
    assert spent == logged >= 100 * (len(good) + 1)
    assert server.lines[-1]["event"] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it(start, number):
    assert start().stop(number) == 0


def test_a_second_signal_does_not_wait(start):
    server = start("--timeout", "100")
    with server.socket() as raw:
        raw.sendall(
            f"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: {BINARY}\r\n"
            "Content-Length: 1000\r\n\r\n".encode()
        )
        time.sleep(0.5)
        begin = time.monotonic()
        server.tell()
        time.sleep(0.5)
        assert server.process.poll() is None
        server.tell()
        assert server.stop() == 0
        assert time.monotonic() - begin < 10


def test_health_while_stopping(start):
    server = start("--timeout", "100")
    kept = server.connect()
    kept.request("GET", "/v1/health")
    assert kept.getresponse().read() == b"ok\n"
    with server.socket() as raw:
        raw.sendall(
            f"POST /v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: {BINARY}\r\n"
            "Content-Length: 1000\r\n\r\n".encode()
        )
        time.sleep(0.3)
        server.tell()
        time.sleep(0.3)
        kept.request("GET", "/v1/health")
        answer = kept.getresponse()
        assert (answer.status, answer.read()) == (503, b"stopping\n")
        assert answer.headers["Connection"] == "close"
        with pytest.raises(OSError):
            server.socket()


# ---------------------------------------------------------------------- options and files


def test_help(greenprint):
    for arguments in (("serve", "--help"), ("serve", "new-token", "-h")):
        result = greenprint(*arguments)
        assert result.returncode == 0 and result.stdout.startswith("Usage: greenprint serve")
        assert max(map(len, result.stdout.splitlines())) <= 92


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name the key file with -k KEYFILE"),
        (["-k", "K"], "say where to listen with --listen ADDR:PORT, such as 127.0.0.1:8787"),
        (["-k", "K", "--listen", "127.0.0.1"], "is no numeric address and port"),
        (["-k", "K", "--listen", "localhost:1"], "is no numeric address and port"),
        (["-k", "K", "--listen", "127.0.0.1:65536"], "is no numeric address and port"),
        (["-k", "K", "--listen", "0.0.0.0:0"], "without --tokens the server is for this machine"),
        (["-k", "K", "--listen", "[::]:0"], "without --tokens the server is for this machine"),
        (
            ["-k", "K", "--listen", "0.0.0.0:0", "--tokens", "t", "--state", "s"],
            "tokens would travel in the clear",
        ),
        (["-k", "K", "--listen", "127.0.0.1:0", "--tokens", "t"], "--tokens needs --state FILE"),
        (["-k", "K", "--listen", "127.0.0.1:0", "--state", "s"], "it needs --tokens"),
        (["-k", "K", "--listen", "127.0.0.1:0", "--tls-cert", "c"], "need each other"),
        (["-k", "K", "--listen", "127.0.0.1:0", "--max-elements", "65536"], "from 1 to 65535"),
        (["-k", "K", "--listen", "127.0.0.1:0", "--max-elements", "0"], "from 1 to 65535"),
        (["-k", "K", "--listen", "127.0.0.1:0", "--threads", "x"], "from 1 to 1024"),
        (["-k", "K", "--listen", "127.0.0.1:0", "--timeout", "0"], "from 1 to 3600"),
        (["-k", "K", "--listen", "127.0.0.1:0", "x"], "unexpected operand x"),
        (
            ["-k", "K", "--listen", "127.0.0.1:0", "--log", "/none/log"],
            "the log cannot be opened",
        ),
        (
            ["-k", "K", "--listen", "127.0.0.1:0", "--tokens", "none", "--state", "s"],
            "none: the tokens cannot be read",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_do_not_go_together(greenprint, keys, options, message):
    options = [keys / "k.key" if option == "K" else option for option in options]
    assert message in greenprint.fails("serve", *options)


def test_keys_that_cannot_serve(greenprint, keys, key):
    def fails(path):
        return greenprint.fails("serve", "-k", path, "--listen", "127.0.0.1:0")

    assert "blind evaluation takes a provable one" in fails(key)
    assert "a single evaluation would give it away" in fails(keys / "fixed.key")
    assert "cannot" in fails("none") or "none" in fails("none")


@pytest.mark.parametrize("name", ["one", "min"])
def test_keys_that_serve_with_a_warning(start, name):
    server = start(key=f"{name}.key")
    assert server.stop() == 0
    assert "contexts of this key are single tokens" in server.err


def test_a_port_that_is_taken(start, greenprint, keys):
    server = start()
    said = greenprint.fails("serve", "-k", keys / "k.key", "--listen", f"127.0.0.1:{server.port}")
    assert "Address already in use" in said


LINE = "a " + "0" * 64 + " 1 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no token"),
        ("# nothing\n", "there is no token"),
        ("a\n", "line 1: a line has four words"),
        (LINE + " x\n", "line 1: a line has four words"),
        ("\n" + LINE.replace("a ", "ä "), "line 2: a name is"),
        ("n" * 65 + LINE[1:], "line 1: a name is"),
        (LINE.replace("0 ", "g ", 1), "is no SHA-256"),
        (LINE.replace("00 ", "0 ", 1), "is no SHA-256"),
        (LINE.replace(" 1 1", "00 1 1"), "is no SHA-256"),
        (LINE.replace(" 1 1", " 0 1"), "the rate is no whole number"),
        (LINE.replace(" 1 1", " -1 1"), "the rate is no whole number"),
        (LINE.replace(" 1 1", " 1 1000000000000001"), "the budget is no whole number"),
        (LINE + "\n" + LINE, "line 2: this name stood in a line before"),
        (LINE + "\nb" + LINE[1:], "line 2: this hash stood in a line before"),
        (LINE + "\0\n", "line 1: there is a zero byte"),
    ],
)
def test_tokens_files_that_are_none(greenprint, keys, text, message):
    (greenprint.folder / "tokens").write_text(text)
    said = greenprint.fails(
        "serve", "-k", keys / "k.key", "--listen", "127.0.0.1:0", "--tokens", "tokens",
        "--state", "state",
    )  # fmt: skip
    assert message in said
    assert not (greenprint.folder / "state").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no state file"),
        ("greenprint-serve-state 2\nkey ID\n", "is no state file"),
        ("greenprint-serve-state 1\n", "is no state file"),
        ("greenprint-serve-state 1\nkey ID", "is no state file"),
        ("greenprint-serve-state 1\nkey IDx\n", "is no state file"),
        (
            "greenprint-serve-state 1\nkey 0123456789abcdef\n",
            "the state is of key 0123456789abcdef",
        ),
        ("greenprint-serve-state 1\nkey ID\nspent a 1", "line 3 of the state is damaged"),
        ("greenprint-serve-state 1\nkey ID\nspent a\n", "line 3 of the state is damaged"),
        ("greenprint-serve-state 1\nkey ID\nspent a -1\n", "line 3 of the state is damaged"),
        (
            "greenprint-serve-state 1\nkey ID\nspent a 1\nspent a 2\n",
            "line 4 of the state is dam",
        ),
        ("greenprint-serve-state 1\nkey ID\nspent a 1\n\n", "line 4 of the state is damaged"),
    ],
)
def test_states_that_are_none(greenprint, keys, text, message):
    key_id = (keys / "k.pub").read_bytes()[64:72].hex()
    written = text.replace("ID", key_id)
    (greenprint.folder / "tokens").write_text(LINE)
    (greenprint.folder / "state").write_text(written)
    said = greenprint.fails(
        "serve", "-k", keys / "k.key", "--listen", "127.0.0.1:0", "--tokens", "tokens",
        "--state", "state",
    )  # fmt: skip
    assert message in said
    assert (greenprint.folder / "state").read_text() == written, "left as it was"


def test_one_server_a_state(with_tokens, greenprint, keys):
    with_tokens(10)
    said = greenprint.fails(
        "serve", "-k", keys / "k.key", "--listen", "127.0.0.1:0", "--tokens", "tokens",
        "--state", "state",
    )  # fmt: skip
    assert "another greenprint serve has this state" in said


def test_new_tokens(greenprint):
    token, line = make_token(greenprint, "auditor-1", 500, 20)
    assert re.fullmatch("gpt_[A-Za-z0-9_-]{43}", token)
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert line == f"auditor-1 {digest} 20 500"
    assert make_token(greenprint, "auditor-1", 500)[0] != token
    fails = greenprint.fails
    assert "one NAME" in fails("serve", "new-token", "--budget", "1")
    assert "one NAME" in fails("serve", "new-token", "a", "b", "--budget", "1")
    assert "a name is 1 to 64" in fails("serve", "new-token", "a b", "--budget", "1")
    assert "say with --budget N" in fails("serve", "new-token", "a")
    assert "--rate 0 is not" in fails("serve", "new-token", "a", "--budget", "1", "--rate", "0")
