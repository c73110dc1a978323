"""Compares what two builds of the command report on the marked texts of the test vectors.

Output, messages and exit status have to be the same to the byte: a verdict must not depend
on the machine that reached it. The last line counts the runs that were compared.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

VECTORS = Path(__file__).resolve().parents[2] / "testvectors"
SCHEME = b"greenprint-1"
SEEDINGS = {"hash": 1, "min": 2, "fixed": 3}  # SPEC.md section 2
MARKED_Z = 4.0  # marked sets are far above it, all others far below
OPTIONS = [[], ["--json"], ["--json-lines", "--locate", "--per-document"], ["--tenants", "0-20"]]


def key_file(case: dict) -> bytes:
    """Return the unsealed key file of a case (SPEC.md sections 3 and 9)."""
    master = bytes.fromhex(case["master_key"])
    params = bytes([SEEDINGS[case["seeding"]], case["h"], case["g"], case["k"]])
    info = SCHEME + b"\0commitment\0" + params
    extracted = hmac.digest(bytes(32), master, "sha256")
    commitment = hmac.digest(extracted, info + b"\1", "sha256")
    body = b"\x89GPKEY\r\n\1\0\0\0" + SCHEME.ljust(16, b"\0") + params + commitment
    body += bytes(56) + master + bytes(16)
    return body + hashlib.sha256(body).digest()


def run(command: list[str], arguments: list[str], folder: Path) -> tuple[int, bytes, bytes]:
    """Run a command; return exit status, output and messages."""
    done = subprocess.run(
        command + arguments,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


def runs_of(number: int, case: dict, documents: list, folder: Path) -> list[list[str]]:
    """Write the files of a case; return the arguments of its runs."""
    key, text = f"{number}.key", f"{number}.tokens"
    Path(folder, key).write_bytes(key_file(case))
    Path(folder, key).chmod(0o600)
    Path(folder, text).write_text("".join(" ".join(map(str, d)) + "\n" for d in documents))
    tenant = [] if case["tenant"] is None else ["--tenant", case["tenant"]]
    return [
        ["verify", "-k", key, *(tenant if "--tenants" not in options else []), *options, text]
        for options in OPTIONS
    ]


def main() -> int:
    """Run everything with both, say what differs, print the count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("one", help="command line of the first build")
    parser.add_argument("other", help="command line of the second build")
    arguments = parser.parse_args()
    one, other = shlex.split(arguments.one), shlex.split(arguments.other)

    vectors = json.loads((VECTORS / "counts.json").read_text())
    marked = [case for case in vectors["cases"] if float(case["z"]) > MARKED_Z]
    compared = found = different = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, case in enumerate(marked):
            for options in runs_of(number, case, vectors["sets"][case["set"]], folder):
                expected, got = run(one, options, folder), run(other, options, folder)
                compared += 1
                found += expected[0] == 0
                if expected != got or expected[0] not in (0, 1):
                    different += 1
                    print(f"greenprint {shlex.join(options)}\n  {expected}\n  {got}")
    print(f"reports: {compared} compared, {found} found the mark, {different} differ")
    return 0 if compared and found and not different else 1


if __name__ == "__main__":
    sys.exit(main())
