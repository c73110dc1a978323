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

NAMES = ("llama-3", "qwen2", "gpt-2", "cl100k", "tekken", "deepseek-v4", "mistral-v1", "gemma-4")
NAMES += ("xlm-roberta",)
PATTERNS = {
    "cl100k": (sources.CL100K, vocabularies.GPT_4),
}


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
) -> dict[str, float]:
    """Return the median seconds of each side; the first turn, which fills caches, counts too."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(turns):
        order = list(sides)
        for side in order[turn % len(order) :] + order[: turn % len(order)]:
            encode = sides[side]
            start = time.perf_counter()
            for text in texts:
                encode(text)
            seconds[side].append(time.perf_counter() - start)
    return {side: statistics.median(times) for side, times in seconds.items()}


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
            start = time.perf_counter()
            tokenizer.encode(text * (1_000_000 // len(text)))
            took = time.perf_counter() - start
            if took > 1.0:
                slow += 1
                print(f"{name}: a megabyte of {what!r} took {took:.2f} s")
    print(f"a megabyte of one letter, blank, newline: {slow} took longer than a second")
    return slow


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=1.0, help="of each kind of text")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=NAMES)
    options = parser.parse_args(arguments)
    print(f"one thread each, median of {options.turns} turns, caches kept between documents")
    print(
        f"{'vocabulary':12} {'text':13} {'tokens':>9} {'side':11} "
        f"{'Mtok/s':>8} {'MB/s':>7} {'ratio':>6}"
    )
    texts = documents(options.megabytes)
    for name in options.only:
        sides = sides_of(name)
        for kind, parts in texts.items():
            ids = {
                side: [list(encode(part)) for part in parts[:50]]
                for side, encode in sides.items()
            }
            if any(found != ids["greenprint"] for found in ids.values()):
                print(f"{name}: {kind}: the sides differ, so their speeds cannot be compared")
                return 1
            n_tokens = sum(len(sides["greenprint"](part)) for part in parts)  # type: ignore[arg-type]
            size = sum(len(part.encode()) for part in parts)
            seconds = measure(sides, parts, options.turns)
            for side, took in seconds.items():
                ratio = f"{took / seconds['greenprint']:6.1f}" if side != "greenprint" else ""
                print(
                    f"{name:12} {kind:13} {n_tokens:9,} {side:11} {n_tokens / took / 1e6:8.2f} "
                    f"{size / took / 1e6:7.1f} {ratio:>6}",
                    flush=True,
                )
    return 1 if long_words() else 0


if __name__ == "__main__":
    sys.exit(main())
