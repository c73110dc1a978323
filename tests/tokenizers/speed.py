"""Tokens a second beside the ``tokenizers`` library and ``tiktoken``, one thread each.

Same text, same vocabulary, ids compared first. The sides take turns, so that whatever else
the machine does falls on all of them; the figure of each is the median of its turns. The
text is tokenized document by document, as an auditor would.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import json

import corpus
import sources
import vocabularies
from cases import CASES

import greenprint

NAMES = ("llama-3", "qwen2", "gpt-2", "cl100k", "tekken", "mistral-v1", "gemma-4", "xlm-roberta")
PATTERNS = {"cl100k": (sources.CL100K, vocabularies.GPT_4)}  # with tiktoken


def documents(megabytes: float) -> dict[str, list[str]]:
    """Return English news, German and source code, each repeated to about that size."""
    found: dict[str, list[str]] = {}
    news, parallel = corpus.shared("news-en.jsonl"), corpus.shared("parallel-de-en.jsonl")
    if news.is_file():
        lines = news.read_text(encoding="utf-8").splitlines()
        found["English news"] = [json.loads(line)["text"] for line in lines]
    if parallel.is_file():
        lines = parallel.read_text(encoding="utf-8").splitlines()
        german = [json.loads(line)["de"] for line in lines]
        found["German"] = [" ".join(german[n : n + 20]) for n in range(0, len(german), 20)]
    texts = [p.read_text(encoding="utf-8", errors="replace") for p in corpus.source_files()]
    found["source code"] = [
        text[n : n + 8000] for text in texts for n in range(0, len(text), 8000)
    ]
    for kind, parts in found.items():
        size, kept = 0, []
        for part in parts:
            if size > megabytes * 1e6:
                break
            kept.append(part)
            size += len(part.encode())
        found[kind] = kept
    return found


def sides_of(name: str) -> dict[str, Callable[[str], object]]:
    """Return the encoders that read the same vocabulary."""
    from tokenizers import Tokenizer

    case = next(case for case in CASES if case.name == name)
    mine = greenprint.Tokenizer.from_file(case.path)
    library = Tokenizer.from_file(str(case.path))
    sides: dict[str, Callable[[str], object]] = {
        "greenprint": mine.encode,
        "tokenizers": lambda text: library.encode(text, add_special_tokens=False).ids,
    }
    if name in PATTERNS:
        import tiktoken

        file, pattern = PATTERNS[name]
        ranks = vocabularies.read_tiktoken(file.path())
        encoding = tiktoken.Encoding(
            name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
        sides["tiktoken"] = encoding.encode_ordinary
    return sides


def measure(
    sides: dict[str, Callable[[str], object]], texts: list[str], turns: int
) -> dict[str, tuple[float, float]]:
    """Return the seconds of each side's first turn, on text it never saw, and the median."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(turns):
        order = list(sides)
        for side in order[turn % len(order) :] + order[: turn % len(order)]:
            encode = sides[side]
            start = time.perf_counter()
            for text in texts:
                encode(text)
            seconds[side].append(time.perf_counter() - start)
    return {side: (times[0], statistics.median(times)) for side, times in seconds.items()}


def print_rates(name: str, kind: str, texts: list[str], turns: int) -> bool:
    """Measure one kind of text; false if the sides do not agree on the ids."""
    sides = sides_of(name)  # new ones, whose caches are empty
    seconds = measure(sides, texts, turns)
    ids = {side: [list(encode(text)) for text in texts] for side, encode in sides.items()}
    if any(found != ids["greenprint"] for found in ids.values()):
        print(f"{name}: {kind}: the sides differ, so their speeds cannot be compared")
        return False
    n_tokens = sum(map(len, ids["greenprint"]))
    size = sum(len(text.encode()) for text in texts)
    first, median = seconds["greenprint"]
    for side, (its_first, its_median) in seconds.items():
        print(
            f"{name:12} {kind:13} {n_tokens:9,} {side:11} {n_tokens / its_median / 1e6:8.2f} "
            f"{size / its_median / 1e6:7.1f} {its_median / median:6.1f} "
            f"{n_tokens / its_first / 1e6:13.2f} {its_first / first:6.1f}",
            flush=True,
        )
    return True


def long_words() -> int:
    """A megabyte without a place to split: must not take quadratic time."""
    slow = 0
    for name in NAMES:
        case = next(case for case in CASES if case.name == name)
        tokenizer = greenprint.Tokenizer.from_file(case.path)
        for what, text in (
            ("a", "a"),
            ("blank", " "),
            ("newline", "\n"),
            ("ab", "ab"),
            ("=", "="),
        ):
            start = time.thread_time()
            tokenizer.encode(text * (1_000_000 // len(text)))
            took = time.thread_time() - start
            if took > 1.0:
                slow += 1
                print(f"{name}: a megabyte of {what!r} took {took:.2f} s of processor time")
    print(f"a megabyte of one letter, blank, newline: {slow} took longer than a second")
    return slow


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a table, then time texts that cannot be split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=1.0, help="of each kind of text")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=NAMES)
    options = parser.parse_args(arguments)
    print(f"one thread each, {options.turns} turns; first: a text that the side never saw")
    head = f"{'vocabulary':12} {'text':13} {'tokens':>9} {'side':11} {'Mtok/s':>8} {'MB/s':>7}"
    print(f"{head} {'ratio':>6} {'first Mtok/s':>13} {'ratio':>6}")
    texts = documents(options.megabytes)
    for name in options.only:
        if not all(
            print_rates(name, kind, parts, options.turns) for kind, parts in texts.items()
        ):
            return 1
    return 1 if long_words() else 0


if __name__ == "__main__":
    sys.exit(main())
