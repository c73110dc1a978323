"""Instructions of the two hot paths, beside the committed counts.

Runs ``build/bench_instructions`` under ``valgrind --tool=callgrind``, once for each instruction
set that valgrind can emulate, and counts what runs between entering and leaving a hot path: the
library's own instructions, OpenSSL's (libcrypto), and the rest (the C library, mostly copying).
A count does not depend on what else the machine does. It does depend on the compiler, and for
OpenSSL on its version and on what valgrind says the processor can do: no AVX-512, so neither the
library's kernels for it nor OpenSSL's are counted here.

Exit status 1 when a count is more than 5 % above the one in ``instructions.json``: the library's
own, or the whole where OpenSSL has the same version. ``--record`` writes the counts of this run
there instead.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05
PARTS = ("greenprint", "libcrypto", "other")
FUNCTION = "bench_counted"


def sets() -> list[str]:
    """Return the instruction sets to count: those valgrind knows on this kind of machine."""
    if platform.machine() in ("x86_64", "AMD64"):
        return ["portable", "avx2"]
    return ["portable", "neon"] if platform.machine() == "aarch64" else ["portable"]


def part_of(object_file: str) -> str:
    """Return whose instructions those of an object file are."""
    name = Path(object_file).name
    if name.startswith("bench_instructions"):
        return "greenprint"
    return "libcrypto" if name.startswith("libcrypto") else "other"


def read_profile(path: Path) -> Counter[str]:
    """Sum the instructions of a callgrind file by object file.

    In a file without compression, ``ob=`` names the object of the cost lines behind it, and the
    line behind ``calls=`` is the inclusive cost of a call, which is counted where it arises.
    """
    sums: Counter[str] = Counter()
    part = "other"
    inclusive = False
    for line in path.read_text().splitlines():
        if line.startswith("ob="):
            part = part_of(line[3:])
        elif line.startswith("calls="):
            inclusive = True
        elif line[:1].isdigit():
            if not inclusive:
                sums[part] += int(line.split()[1])
            inclusive = False
    return sums


def count(binary: Path, cpu: str) -> tuple[dict, dict[str, dict[str, float]]]:
    """Count with one instruction set; returns the machine, and for each path its parts."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "callgrind")
        command = [
            "valgrind",
            "-q",
            "--tool=callgrind",
            f"--toggle-collect={FUNCTION}",
            f"--dump-after={FUNCTION}",
            f"--callgrind-out-file={out}",
            "--compress-strings=no",
            "--compress-pos=no",
            str(binary),
        ]
        done = subprocess.run(
            command,
            env=dict(os.environ, GREENPRINT_CPU=cpu),
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode != 0:
            raise SystemExit(f"instructions: status {done.returncode}: {' '.join(command)}")
        about, *lines = done.stdout.splitlines()
        counts = {}
        for number, line in enumerate(lines, 1):
            name, units = line.split("\t")
            sums = read_profile(Path(f"{out}.{number}"))
            if sums["greenprint"] == 0:
                raise SystemExit(f"instructions: callgrind counted nothing for {name}")
            counts[name] = {part: round(sums[part] / int(units), 3) for part in PARTS}
    return json.loads(about), counts


def worse(now: dict[str, float], before: dict[str, float], same_openssl: bool) -> bool:
    """Say whether a path takes more instructions than the tolerance lets it."""
    own = now["greenprint"] > before["greenprint"] * (1 + TOLERANCE)
    whole = sum(now.values()) > sum(before.values()) * (1 + TOLERANCE)
    return own or (same_openssl and whole)


def compare(found: dict, recorded: dict) -> int:
    """Print all counts beside the recorded ones; returns how many are worse."""
    same_openssl = found["openssl"] == recorded.get("openssl")
    bad = 0
    print(f"{'instructions a logit, or a token':<46} {'ours':>8} {'OpenSSL':>8} {'rest':>8}")
    for cpu, paths in found["counts"].items():
        for name, now in paths.items():
            print(
                f"{cpu + ': ' + name:<46}" + "".join(f" {now[part]:8.2f}" for part in PARTS),
                end="",
            )
            before = recorded.get("counts", {}).get(cpu, {}).get(name)
            if before is None:
                print("   not recorded")
                continue
            change = now["greenprint"] / before["greenprint"] - 1
            total = sum(now.values()) / sum(before.values()) - 1
            print(f"   ours {change:+.1%}, all {total:+.1%}", end="")
            is_worse = worse(now, before, same_openssl)
            bad += is_worse
            print("   WORSE" if is_worse else "")
    return bad


def main() -> int:
    """Count, and compare or record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write the counts, do not compare")
    parser.add_argument("--json", type=Path, help="write the counts of this run there")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("instructions: valgrind is needed (Debian: valgrind)", file=sys.stderr)
        return 2
    binary = options.build / "bench_instructions"
    if not binary.exists():
        print(f"instructions: {binary} is absent: run `make` to build it", file=sys.stderr)
        return 2
    found: dict = {"counts": {}}
    for cpu in sets():
        about, counts = count(binary, cpu)
        if about["cpu"] != cpu:
            raise SystemExit(f"instructions: asked for {cpu}, got {about['cpu']}")
        found |= {name: about["machine"][name] for name in ("compiler", "build", "openssl")}
        found["counts"][cpu] = counts
    version = subprocess.run(["valgrind", "--version"], stdout=subprocess.PIPE, text=True).stdout
    found["valgrind"] = version.strip()
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.record:
        RECORDED.write_text(json.dumps(found, indent=1) + "\n")
        print(f"wrote {RECORDED.relative_to(ROOT)}")
        return 0
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    bad = compare(found, recorded)
    for what in ("compiler", "build", "openssl", "valgrind"):
        if found[what] != recorded.get(what):
            print(f"{what}: {found[what]}; recorded with {recorded.get(what, 'nothing')}")
    if bad:
        print(
            f"\n{bad} counts are more than {TOLERANCE:.0%} above the recorded ones. Find out "
            "why. If it has to be so, or\nthe compiler is another one, record them anew: "
            "make bench-instructions RECORD=1"
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
