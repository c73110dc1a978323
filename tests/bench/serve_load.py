"""Keeps greenprint serve under load from several processes, and says what it did.

    build/venv/bin/python tests/bench/serve_load.py --seconds 600 --processes 4

One server with a token, on 127.0.0.1; each process sends requests over a connection that it
keeps, and checks that each answer has the right length and header and is the same as the first
but for the proof. Meanwhile this process looks at the server's memory once a second. Then the
same work is done without HTTP, by as many threads as the server had, and the bare group
operations: one multiplication for an element's evaluation and one for its share in the proof.

Prints a JSON object. Exits with 1 where there was an error, or the memory grew.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = 24
GROWTH_ALLOWED = 4 << 20  # bytes, from the first tenth of the time to the last


def client(url: str, token: str, request: bytes, until: float, results) -> None:
    """Ask until the time is over; put counts and errors into the queue."""
    parts = urllib.parse.urlsplit(url)
    headers = {"Content-Type": "application/octet-stream", "Authorization": f"Bearer {token}"}
    answers, busy, errors, slowest = 0, 0, [], 0.0
    evaluated = None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    while time.monotonic() < until:
        begin = time.monotonic()
        try:
            connection.request("POST", "/v1/evaluate", request, headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            errors.append(repr(error))
            connection.close()
            continue
        slowest = max(slowest, time.monotonic() - begin)
        if response.status == 503:
            busy += 1
            time.sleep(float(response.headers["Retry-After"]))
        elif response.status != 200:
            errors.append(f"status {response.status}: {body[:100]!r}")
        elif len(body) != len(request) + 64 or body[8:HEADER] != request[8:HEADER]:
            errors.append("an answer of another form")
        elif evaluated is not None and body[:-64] != evaluated:
            errors.append("another answer than before")
        else:
            answers += 1
            evaluated = body[:-64]
    results.put({"answers": answers, "busy": busy, "errors": errors, "slowest": slowest})


def read_metrics(url: str, token: str) -> dict[str, float]:
    """Ask for the server's counters."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
    text = connection.getresponse().read().decode()
    connection.close()
    return {m[1]: float(m[2]) for m in re.finditer(r"^([a-z_]+) (\S+)$", text, re.M)}


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has taken so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Load:
    """A server in a folder, and its clients."""

    def __init__(self, options: argparse.Namespace, folder: str) -> None:
        self.options, self.folder = options, folder
        build = pathlib.Path(options.build)
        self.greenprint = str((build / "greenprint").resolve())
        self.fixture = str((build / "tests" / "blind_fixture").resolve())

    def run(self, *command: str, input: bytes | None = None) -> bytes:
        """Run a program in the folder and return what it wrote."""
        return subprocess.run(
            command, input=input, cwd=self.folder, check=True, stdout=subprocess.PIPE
        ).stdout

    def start(self) -> None:
        """Make key and token, and start the server."""
        self.run(self.fixture, "keys", "k.key", "k.pub", "hash", "2")
        made = self.run(
            self.greenprint, "serve", "new-token", "load", "--budget", str(10**14),
            "--rate", str(10**12),
        )  # fmt: skip
        self.token, line = made.decode().splitlines()
        pathlib.Path(self.folder, "tokens").write_text(line + "\n")
        self.server = subprocess.Popen(
            [self.greenprint, "serve", "-k", "k.key", "--listen", "127.0.0.1:0", "--tokens",
             "tokens", "--state", "state", "--log", "log", "-j", str(self.options.threads)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self.url = json.loads(self.server.stdout.readline())["url"]

    def press(self) -> dict:
        """Run the clients for the time, and look at the server meanwhile."""
        request = self.run(self.fixture, "request", "k.pub", str(self.options.elements))
        results = multiprocessing.Queue()
        begin = time.monotonic()
        until = begin + self.options.seconds
        clients = [
            multiprocessing.Process(
                target=client, args=(self.url, self.token, request, until, results)
            )
            for _ in range(self.options.processes)
        ]
        for process in clients:
            process.start()
        memory = []
        while time.monotonic() < until:
            time.sleep(min(1.0, max(0.0, until - time.monotonic())))
            metrics = read_metrics(self.url, self.token)
            memory.append(metrics["process_resident_memory_bytes"])
        counts = [results.get(timeout=120) for _ in clients]
        seconds = time.monotonic() - begin
        for process in clients:
            process.join()
        return self.summarise(counts, seconds, memory)

    def summarise(self, counts: list[dict], seconds: float, memory: list[float]) -> dict:
        """Put together what the clients counted and the server says."""
        answers = sum(count["answers"] for count in counts)
        tenth = max(1, len(memory) // 10)
        errors = [error for count in counts for error in count["errors"]]
        return {
            "seconds": round(seconds, 1),
            "processes": self.options.processes,
            "threads": self.options.threads,
            "elements_per_request": self.options.elements,
            "answers": answers,
            "told_to_come_back": sum(count["busy"] for count in counts),
            "errors": len(errors),
            "first_errors": errors[:5],
            "slowest_answer_s": round(max(count["slowest"] for count in counts), 3),
            "elements_per_second": round(answers * self.options.elements / seconds, 1),
            "server_processor_s": round(processor_seconds(self.server.pid), 1),
            "resident_first_mib": round(max(memory[:tenth]) / 2**20, 2),
            "resident_last_mib": round(max(memory[-tenth:]) / 2**20, 2),
            "resident_most_mib": round(max(memory) / 2**20, 2),
            "grown": max(memory[-tenth:]) - max(memory[:tenth]) > GROWTH_ALLOWED,
        }

    def stop(self) -> tuple[int, int]:
        """End the server; return its status and what the state says was spent."""
        self.server.terminate()
        status = self.server.wait(timeout=120)
        return status, int(pathlib.Path(self.folder, "state").read_text().split()[-1])

    def compare(self, report: dict) -> None:
        """Measure the same work without HTTP, and the bare group operations."""
        bare = json.loads(
            self.run(
                self.fixture, "bare", str(self.options.threads), str(self.options.bare_seconds),
                str(self.options.elements),
            )
        )  # fmt: skip
        report["without_http_per_second"] = bare["answers"]
        report["multiplications_per_second"] = bare["multiplications"]
        served = report["elements_per_second"]
        report["of_without_http"] = round(served / bare["answers"], 3)
        report["of_two_multiplications"] = round(2 * served / bare["multiplications"], 3)
        # Clients and other programs share the machine: what an element costs in processor time.
        elements = report["answers"] * self.options.elements
        cost = 1e6 * report["server_processor_s"] / elements
        report["server_us_per_element"] = round(cost, 1)
        report["without_http_us_per_element"] = bare["answer_us"]
        report["multiplication_us"] = bare["multiplication_us"]
        report["cost_in_pairs_of_multiplications"] = round(
            cost / (2 * bare["multiplication_us"]), 3
        )


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--elements", type=int, default=256, help="of a request")
    parser.add_argument("--bare-seconds", type=float, default=5)
    parser.add_argument("--build", default=str(ROOT / "build"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        load = Load(options, folder)
        load.start()
        try:
            report = load.press()
        finally:
            status, spent = load.stop()
        report["server_status"] = status
        report["spent_is_answered"] = spent >= report["answers"] * options.elements
        load.compare(report)
    print(json.dumps(report, indent=2))
    good = report["errors"] == 0 and not report["grown"] and status == 0
    return 0 if good and report["spent_is_answered"] else 1


if __name__ == "__main__":
    sys.exit(main())
