"""Measures everything and writes docs/performance.md: what ``make bench`` runs.

The parts leave their results in ``build/bench``: ``core.json`` (the C harness), ``row-SET.json``
(rows in cache with other instruction sets), ``processors.json`` (pytest-benchmark),
``overhead.json`` (what the logits processor adds), ``corpora.json`` (the command on corpora),
``provable.json`` (provable keys in use) and ``versions.json``.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import bench_page
from bench_results import ROOT, SETS, goals, read

FOLDER = ROOT / "build" / "bench"
HARNESS = ROOT / "build" / "bench_greenprint"
HERE = Path(__file__).parent
PACKAGES = ("torch", "transformers", "sbw", "pytest-benchmark", "numpy")


def run(name: str, *command: object, **environment: str) -> None:
    """Run one part, with its output on the terminal, and say how long it took."""
    print(f"\n== {name}", flush=True)
    start = time.perf_counter()
    done = subprocess.run([str(part) for part in command], env=dict(os.environ, **environment))
    if done.returncode != 0:
        raise SystemExit(f"bench: {name}: status {done.returncode}")
    print(f"== {name}: {time.perf_counter() - start:.0f} s", flush=True)


def has_set(name: str) -> bool:
    """Say whether the library has an instruction set here."""
    probe = [str(HARNESS), "--quick", "--only", "tail"]
    environment = dict(os.environ, GREENPRINT_CPU=name)
    return subprocess.run(probe, env=environment, capture_output=True).returncode == 0


def need_binaries() -> None:
    """End with a message where something to measure was not built."""
    for binary in (HARNESS, ROOT / "build" / "greenprint"):
        if not binary.exists():
            raise SystemExit(f"bench: {binary} is absent: run `make` to build it")


def measure(seconds: float, patience: float) -> None:
    """Run all parts."""
    need_binaries()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("row-*.json"):
        old.unlink()
    core = FOLDER / "core.json"
    effort = ("--seconds", seconds, "--patience", patience)
    run("C harness", HARNESS, *effort, "--json", core)
    chosen = json.loads(core.read_text())["cpu"]
    for name in SETS:
        if name != chosen and has_set(name):
            out = FOLDER / f"row-{name}.json"
            rows = (HARNESS, "--only", "row", "--seconds", seconds / 8, "--patience", patience)
            run(f"rows with {name}", *rows, "--json", out, GREENPRINT_CPU=name)
    run(
        "processors",
        sys.executable,
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / "processors.py"),
        f"--benchmark-json={FOLDER / 'processors.json'}",
        "--benchmark-columns=median,iqr,rounds",
        "--benchmark-timer=time.thread_time",  # stands still while others have the core
        OMP_NUM_THREADS="1",
    )
    overhead = ("--json", FOLDER / "overhead.json")
    run("processor over C", sys.executable, HERE / "processor_overhead.py", *overhead)
    run("corpora", sys.executable, HERE / "corpora.py", "--json", FOLDER / "corpora.json")
    provable = ("--json", FOLDER / "provable.json")
    run("provable keys", sys.executable, HERE / "provable_keys.py", *provable)
    versions = {"Python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in PACKAGES}
    (FOLDER / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.4, help="for each comparison in C")
    parser.add_argument(
        "--patience", type=float, default=6, help="times as long while the core is not quiet"
    )
    parser.add_argument(
        "--page-only", action="store_true", help="from the results of the last run"
    )
    parser.add_argument("--write", type=Path, default=ROOT / "docs", help="folder of the page")
    options = parser.parse_args()
    start = time.perf_counter()
    if not options.page_only:
        measure(options.seconds, options.patience)
    try:
        results = read(FOLDER)
    except FileNotFoundError as error:
        raise SystemExit(f"bench: {error.filename} is absent: run without --page-only") from None
    path = bench_page.write(results, options.write)
    print()
    for goal in goals(results):
        limit = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g}{goal.unit}"
        met = "met    " if goal.met else "NOT MET"
        print(f"  {met} {goal.found:8.2f}{goal.unit:<3} {limit:<14} {goal.work}; "
              f"{goal.against} ({goal.where}{goal.share_text(', ')})")  # fmt: skip
    print(f"\nwrote {path} after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
