"""Are the p-values right? Unmarked text, many keys that were never used, exact tests.

Texts in English, German, source code and, where the human ones are not there, made-up
documents are scored under each seeding scheme, whole and cut into documents of several
lengths, each trial with a key of its own. The texts were not chosen with any of the keys, so
the null hypothesis holds and the p-values have a known distribution (judge.py). The default
scheme is scored with many more keys, to see further into the tail. For contrast, some trials
are scored as if each repeat were new evidence (repeats.py), which is not judged.

Everything follows from --seed. The exit status is 1 when a test fails; a right implementation
fails with probability below 1e-6 for a seed. --write FOLDER writes a page with plots.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import texts
from judge import FALSE_ALARM, Check, judge
from repeats import Contrast, contrast
from scoring import DEFAULT_SCHEME, SCHEMES, Cell, KeySource, run_cell
from texts import Text

TAIL_LENGTH = 200


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder, or JSON Lines with a field text")
    parser.add_argument("--made-up", action="store_true", help="only made-up documents")
    parser.add_argument("--keys", type=int, default=2000, help="for each text, scheme, length")
    parser.add_argument("--tail-keys", type=int, default=50_000, help="for each text")
    parser.add_argument("--contrast-keys", type=int, default=100)
    parser.add_argument("--lengths", type=int, nargs="*", default=[50, 200, 1000, 5000])
    parser.add_argument("--tokens", type=int, help="only the first so many of each text")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="folder for calibration.md and its plots")
    arguments = parser.parse_args(argv)
    if arguments.data and not arguments.data.exists():
        parser.error(f"{arguments.data} does not exist")
    return arguments


def load(arguments: argparse.Namespace) -> tuple[list[Text], bool]:
    """Return the texts, and whether all that were wanted are there."""
    data = arguments.data or texts.DATA
    if arguments.made_up:
        found, complete = [texts.made_up(arguments.seed)], True
    elif data.is_file():
        found, complete = [texts.from_file(data)], True
    else:
        human = texts.human_texts(data)
        complete = bool(human)
        rest = [texts.source_code()]
        found = [*human, *rest] if complete else [*rest, texts.made_up(arguments.seed)]
    if arguments.tokens:
        found = [text.head(arguments.tokens) for text in found]
    return found, complete


def report_cell(cell: Cell, checks: Sequence[Check], seconds: float) -> None:
    """Print one line on a cell: its tests' smallest p-value, and the z-scores."""
    z = np.array([result.z for result in cell.results])
    worst = min(checks, key=lambda check: check.p_value)
    length = "whole" if cell.length is None else str(cell.length)
    print(
        f"{cell.text:<18} {cell.scheme.name:<12} {length:>6}  z {z.mean():+.3f} +- {z.std():.3f} "
        f" worst of {len(checks)} tests: p = {worst.p_value:.2g} ({worst.name}: {worst.seen})  "
        f"{seconds:.0f} s",
        flush=True,
    )


def report_contrast(seen: Contrast) -> None:
    """Print what counting repeats would do."""
    print(
        f"{'':<18} repeats counted: std of z {seen.z.std():.2f}; "
        f"p <= 1e-4 for {100 * (seen.log10_p <= -4).mean():.0f} % of {len(seen.z)} keys"
        + ("" if seen.agree else "; WITHOUT THEM THE COUNTS ARE NOT THE LIBRARY'S"),
        flush=True,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything; returns the exit status."""
    arguments = parse(argv)
    found, complete = load(arguments)
    keys = KeySource(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    checks: list[Check] = []

    def run(text: Text, scheme, length: int | None, count: int) -> Cell:
        start = time.monotonic()
        cell = run_cell(text, scheme, length, keys.draw(count), rng, arguments.threads)
        judged = judge(cell.p, cell.randomised)
        checks.extend(judged)
        report_cell(cell, judged, time.monotonic() - start)
        return cell

    cells, contrasts = [], []
    for text in found:
        print(f"\n{text.name}: {len(text.documents)} documents, {text.tokens} tokens")
        for length in [*arguments.lengths, None]:
            for scheme in SCHEMES:
                cells.append(run(text, scheme, length, arguments.keys))
                contrasts.append(contrast(cells[-1], text, arguments.contrast_keys))
                report_contrast(contrasts[-1])
    print("\nmany keys")
    tail = [run(text, DEFAULT_SCHEME, TAIL_LENGTH, arguments.tail_keys) for text in found]

    failed = [check for check in checks if not check.passed(len(checks))]
    for check in failed:
        print(f"FAILED: {check.name}: {check.seen}: p = {check.p_value:.3g}")
    differing = sum(not seen.agree for seen in contrasts)
    if differing:
        print(f"FAILED: {differing} cells count otherwise than the second implementation")
    print(
        f"\ncalibration on {', '.join(text.name for text in found)}; seed {arguments.seed}: "
        f"{len(checks) - len(failed)} tests passed, {len(failed)} failed "
        f"(each below p = {FALSE_ALARM / len(checks):.1g}: false-alarm rate of all below "
        f"{FALSE_ALARM:g})"
    )
    if arguments.write and not complete:
        print(f"SKIPPED: {arguments.write} is left as it is, since the human texts are missing")
    elif arguments.write:
        import report

        result = report.Run(arguments.seed, found, cells, tail, contrasts, checks)
        print(f"written: {report.write(result, arguments.write)}")
    return 1 if failed or differing else 0


if __name__ == "__main__":
    sys.exit(main())
