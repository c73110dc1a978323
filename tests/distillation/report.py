"""Writes docs/distillation.md from what experiment.py left, as `make distillation` does last."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import distillation_page
import findings
from verdicts import Goal, goals

ROOT = Path(__file__).resolve().parents[2]


def show(found: Sequence[Goal]) -> None:
    """Print the goals."""
    for goal in found:
        met = "met    " if goal.met else "NOT MET"
        print(f"  {met} {goal.source:8} {goal.what}: {goal.found} (wanted: {goal.wanted})")


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "distillation")
    parser.add_argument("--write", type=Path, default=ROOT / "docs", help="folder of the page")
    options = parser.parse_args()
    students = findings.read(options.folder)
    if not students:
        raise SystemExit(f"report: {options.folder}: no student is there: run experiment.py")
    path = distillation_page.write(students, options.folder, options.write)
    show(goals(findings.by_source(students)))
    print(f"wrote {path}, from {len(students)} students")


if __name__ == "__main__":
    main()
