"""Holds our tokenizers against the real ones, text by text.

    python tests/tokenizers/parity.py --strings 200000 --seed 1

prints a table of tokenizers, texts and texts with differing ids, and for those the shortest
text that still differs. The exit status is 0 only when there was no difference at all.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import corpus
import sources
from cases import CASES, Case, Encode

import greenprint

SHOWN = 5  # differences of each tokenizer


@dataclass
class Outcome:
    """What came of one tokenizer."""

    texts: int = 0
    size: int = 0
    differing: int = 0
    examples: list[tuple[bytes, object, object]] = field(default_factory=list)


def ours(case: Case) -> Encode:
    """Return our own reading of a tokenizer's file."""
    tokenizer = greenprint.Tokenizer.from_file(case.path)

    def encode(text: bytes) -> list[int]:
        return tokenizer.encode(text).tolist()

    return encode


def _attempt(encode: Encode, text: bytes) -> object:
    try:
        return encode(text)
    except (greenprint.GreenprintError, RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def shrink(text: bytes, differs, seconds: float = 10.0) -> bytes:
    """Return a shorter text that still differs: leave out stretches, then characters."""
    until = time.monotonic() + seconds
    unit = text.decode("utf-8", "surrogateescape")
    size = max(1, len(unit) // 2)
    while size:
        at = 0
        shorter = False
        while at < len(unit) and time.monotonic() < until:
            candidate = unit[:at] + unit[at + size :]
            if differs(candidate.encode("utf-8", "surrogateescape")):
                unit, shorter = candidate, True
            else:
                at += size
        if time.monotonic() >= until:
            break
        size = size if shorter and size == 1 else size // 2
    return unit.encode("utf-8", "surrogateescape")


def compare(
    mine: Encode, theirs: Encode, texts: Iterable[bytes], outcome: Outcome | None = None
) -> Outcome:
    """Tokenize each text twice and count those whose ids differ."""
    outcome = outcome or Outcome()

    def differs(text: bytes) -> bool:
        return _attempt(mine, text) != _attempt(theirs, text)

    for text in texts:
        outcome.texts += 1
        outcome.size += len(text)
        if differs(text):
            outcome.differing += 1
            if len(outcome.examples) < SHOWN:
                small = shrink(text, differs)
                outcome.examples.append((small, _attempt(mine, small), _attempt(theirs, small)))
    return outcome


def escaped(text: bytes) -> str:
    """Return a text as a Python literal in ASCII that gives it back."""
    try:
        return ascii(text.decode()) + ".encode()"
    except UnicodeDecodeError:
        return repr(text)


def brief(result: object) -> str:
    """Return ids or a refusal, shortened."""
    text = str(result)
    return text if len(text) <= 300 else text[:297] + "..."


def run(case: Case, texts: int, seed: int) -> Outcome:
    """Compare one tokenizer on the fixed texts, the files and as many drawn texts as asked."""
    mine, theirs = ours(case), case.reference(case.path)
    rng = random.Random(f"{seed} {case.name}")
    drawn = corpus.strings(rng, texts, case.specials)
    outcome = Outcome()
    for part in (corpus.fixed(case.specials), corpus.whole_texts(), drawn):
        compare(mine, theirs, filter(case.admits, part), outcome)
    return outcome


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--strings", type=int, default=200_000, help="texts in all, shared out")
    parser.add_argument("--each", type=int, help="texts drawn for each tokenizer instead")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these tokenizers")
    parser.add_argument("--kind", choices=("json", "gguf"), help="only files of this kind")
    options = parser.parse_args(arguments)
    known = [case.name for case in CASES]
    if unknown := [name for name in options.only or () if name not in known]:
        parser.error(f"no such tokenizer: {', '.join(unknown)}; there are {', '.join(known)}")
    cases = [case for case in CASES if not options.only or case.name in options.only]
    cases = [case for case in cases if options.kind in (None, case.family)]
    each = options.each if options.each is not None else -(-options.strings // len(cases))

    print(f"seed {options.seed}, {each:,} texts drawn for each of {len(cases)} tokenizers")
    if not corpus.human_texts():
        print(f"SKIPPED: human text: {corpus.shared('')} does not exist")
    head = f"{'tokenizer':20} {'kind':34} {'texts':>9} {'MB':>7} {'differing':>9} {'seconds':>8}"
    print(head, "-" * len(head), sep="\n", flush=True)
    total, failed = Outcome(), False
    for case in cases:
        start = time.monotonic()
        try:
            outcome = run(case, each, options.seed)
        except (sources.UnavailableError, greenprint.GreenprintError) as error:
            print(f"{case.name:20} {case.kind:34} FAILED: {error}", flush=True)
            failed = True
            continue
        seconds = time.monotonic() - start
        print(
            f"{case.name:20} {case.kind:34} {outcome.texts:9,} {outcome.size / 1e6:7.1f} "
            f"{outcome.differing:9,} {seconds:8.0f}",
            flush=True,
        )
        for text, mine, theirs in outcome.examples:
            print(
                f"    {escaped(text)}\n      ours   {brief(mine)}\n      theirs {brief(theirs)}"
            )
        total.texts += outcome.texts
        total.size += outcome.size
        total.differing += outcome.differing
    print(
        f"{'all':20} {'':34} {total.texts:9,} {total.size / 1e6:7.1f} {total.differing:9,}",
        flush=True,
    )
    return 1 if failed or total.differing or not total.texts else 0


if __name__ == "__main__":
    sys.exit(main())
