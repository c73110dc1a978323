"""Runs the C tests and the Python tests, and counts their cases.

The last line printed is ``total: N passed, N failed, N skipped``, where a C test program
counts as the cmocka cases in it. The exit status is 0 when nothing failed and something
ran.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = 77  # exit status of a plain test program that cannot run here
PYTEST_SECONDS = 1500  # for all Python tests; one that hangs must not hang everything


@dataclass
class Count:
    """Cases that passed, failed and were skipped, and what the failures said."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    messages: list[str] = field(default_factory=list)

    def add(self, other: Count) -> None:
        """Add the cases of another count to this one."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.messages += other.messages

    def __str__(self) -> str:
        """Return the plain line that is read as the summary of a run."""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count_suites(xml_text: str) -> Count:
    """Count the cases of JUnit XML; cmocka writes a document for each group in a row."""
    count = Count()
    for document in re.split(r"(?=<testsuites>)", re.sub(r"<\?xml.*?\?>", "", xml_text)):
        if not document.strip():
            continue
        for case in ET.fromstring(document).iter("testcase"):
            problem = next((c for c in case if c.tag in ("failure", "error")), None)
            if problem is not None:
                count.failed += 1
                count.messages.append(f"{case.get('name')}: {(problem.text or '').strip()}")
            elif case.find("skipped") is not None:
                count.skipped += 1
            else:
                count.passed += 1
    return count


def list_programs(build: Path, only: str) -> list[dict]:
    """Return the tests that CTest knows in a build folder and whose names match."""
    listing = subprocess.run(
        ["ctest", "--test-dir", str(build), "--show-only=json-v1", "-R", only],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(listing.stdout)["tests"]


def run_program(test: dict, prefix: list[str]) -> tuple[str, Count, str]:
    """Run one CTest test and count its cases; returns its name, count and output."""
    if "command" not in test:
        return test["name"], Count(failed=1, messages=["the program was not built"]), ""
    properties = {p["name"]: p["value"] for p in test.get("properties", [])}
    environment = dict(os.environ)
    environment.update(e.split("=", 1) for e in properties.get("ENVIRONMENT", []))
    with tempfile.TemporaryDirectory() as folder:
        environment["CMOCKA_MESSAGE_OUTPUT"] = "xml"
        environment["CMOCKA_XML_FILE"] = f"{folder}/%g.xml"
        try:
            done = subprocess.run(
                prefix + test["command"],
                cwd=properties.get("WORKING_DIRECTORY"),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=properties.get("TIMEOUT", 300) * (20 if prefix else 1),
            )
            status, output = done.returncode, done.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as error:
            status, output = -1, (error.stdout or b"").decode(errors="replace") + "\ntimed out"
        except OSError as error:
            status, output = -1, str(error)
        try:
            xml_text = "".join(p.read_text() for p in sorted(Path(folder).glob("*.xml")))
            count = count_suites(xml_text)
        except ET.ParseError as error:
            count, output = Count(), f"{output}\nunreadable XML: {error}"
            status = status or -1
    if count.passed + count.failed + count.skipped == 0 and status in (0, SKIPPED):
        # Not a cmocka program: it is one case by itself.
        count = Count(skipped=1) if status == SKIPPED else Count(passed=1)
    elif status != 0 and count.failed == 0:
        count.failed += 1
        count.messages.append(f"ended with status {status}")
    return test["name"], count, output


def run_unit_tests(build: Path, only: str, prefix: list[str], jobs: int) -> Count:
    """Run all C tests of a build folder and print a line for each program."""
    total = Count()
    programs = list_programs(build, only)
    if prefix:  # valgrind would look at the shell of a script, not at our code
        programs = [test for test in programs if not test["command"][0].endswith(".sh")]
    with ThreadPoolExecutor(jobs) as pool:
        runs = pool.map(lambda test: run_program(test, prefix), programs)
        for name, count, output in runs:
            print(f"{name:<28} {count}", flush=True)
            if count.failed:
                print("\n".join(f"    {message}" for message in count.messages))
            if count.failed or count.passed == 0:  # or skipped, and says why
                print("\n".join(f"    | {line}" for line in output.splitlines()[-60:]))
            total.add(count)
    return total


def run_pytest(paths: list[str], build: Path, jobs: int) -> Count:
    """Run pytest with its own output, a worker for each job, and count its cases."""
    # Workers that each take all cores for their sums only get in each other's way.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    environment["GREENPRINT_BIN"] = str(build / "greenprint")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "pytest.xml")
        options = ["-q", "-rs", "-o", "faulthandler_timeout=180", f"--junitxml={report}"]
        options += ["-n", str(jobs), "--dist", "loadfile"]
        try:
            status = subprocess.run(
                [sys.executable, "-m", "pytest", *options, *paths],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                timeout=PYTEST_SECONDS,
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"\npytest did not end within {PYTEST_SECONDS} s", flush=True)
            status = -1
        count = count_suites(report.read_text()) if report.exists() else Count()
    if status != 0 and count.failed == 0:  # also 5, no tests: folders were asked for
        print(f"pytest ended with status {status}", flush=True)
        count.failed += 1
    return count


def main() -> int:
    """Parse the command line, run, print the count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="CMake build folder")
    parser.add_argument("--only", default=".", help="C tests whose names match this")
    parser.add_argument("--prefix", default="", help="command to run the C tests under")
    parser.add_argument("--pytest", nargs="*", default=["tests"], help="folders; none to skip")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS", "2")))
    arguments = parser.parse_args()

    build = arguments.build.resolve()
    total = run_unit_tests(build, arguments.only, shlex.split(arguments.prefix), arguments.jobs)
    if arguments.pytest:
        sys.stdout.flush()
        total.add(run_pytest(arguments.pytest, build, arguments.jobs))
    print(f"total: {total}")
    return 1 if total.failed or total.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
