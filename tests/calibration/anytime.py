"""May one look after every coin? The e-value under the most unfavourable stopping rule.

Someone who wants to see a mark in unmarked text looks after every single coin and stops as soon
as the e-value reaches 1 / alpha. Ville's inequality says that this happens with probability at
most alpha, however long it goes on. Here it goes on for 100,000 coins, in runs with

- fair coins from a random generator, and
- the coins of human text under keys that were never used, in the order in which they first
  occur (made-up documents where there is no human text),

and the share of runs that ever cross is held to alpha by an exact one-sided binomial test. The
e-value never falls when a coin turns from red to green, so "it has crossed" is "the count of
green coins has reached a bound"; the bounds for every number of coins come from the library.

Everything follows from --seed. The exit status is 1 when a test fails; a right
implementation fails with probability below 1e-6.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence

import coins
import numpy as np
import texts
from scipy import stats

from greenprint import _library as c

GAMMA = "1/4"
ALPHAS = (0.1, 0.01, 0.001)
COINS = 100_000
FALSE_ALARM = 1e-6
THRESHOLD = FALSE_ALARM / (2 * len(ALPHAS))


def bounds(alpha: float, n: int, value: Callable[[int, int], float]) -> np.ndarray:
    """Return the least green count that crosses with 1, 2, ... n coins; n + 1 for none."""
    found = np.empty(n, np.int32)
    needed = -np.log10(alpha)
    green = 0
    for size in range(1, n + 1):
        green = max(green - 1, 0)
        while green <= size and value(size, green) < needed:
            green += 1
        found[size - 1] = green
    return found


def crossings(runs: Iterator[np.ndarray], limits: Sequence[np.ndarray]) -> tuple[int, list[int]]:
    """Count the runs, and for each alpha those that ever reach its bound."""
    count, crossed = 0, [0] * len(limits)
    for green in runs:
        total = np.cumsum(green, dtype=np.int32)
        for i, limit in enumerate(limits):
            crossed[i] += bool((total >= limit[: len(total)]).any())
        count += 1
    return count, crossed


def e_value(n: int, green: int) -> float:
    """Return log10 of the library's e-value; the package's function is slower by its checks."""
    log10_e = ctypes.c_double()
    c.call(c.lib.gp_log10_e_value, n, green, 1, 2, ctypes.byref(log10_e))
    return log10_e.value


def fair_runs(runs: int, n: int, seed: int) -> Iterator[np.ndarray]:
    """Toss fair coins."""
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        yield rng.integers(0, 4, n, dtype=np.uint8) == 0


def key_runs(
    keys: int, n: int, seed: int, documents: Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    """Toss the distinct coins of documents with keys that were never used."""
    params = coins.reference.Params("hash", 2, 1, 2)
    rows = np.concatenate([coins.windows(document, params.h) for document in documents])
    rows = rows[coins.first_occurrences(rows)][:n]
    for i in range(keys):
        master = hashlib.sha256(f"anytime {seed} {i}".encode()).digest()
        yield coins.is_green(coins.reference.Key(master, params), rows)


def judge(name: str, count: int, crossed: Sequence[int]) -> int:
    """Print the shares and return how many tests failed."""
    failed = 0
    for alpha, seen in zip(ALPHAS, crossed, strict=True):
        p_value = stats.binomtest(seen, count, alpha, alternative="greater").pvalue
        bad = p_value < THRESHOLD
        failed += bad
        print(
            f"  {name:<30} 1/alpha = {1 / alpha:<6g} crossed in {seen} of {count} runs "
            f"({seen / count:.5f}, at most {alpha:g})  {'FAILED' if bad else 'ok'}"
        )
    return failed


def main(argv: Sequence[str] | None = None) -> int:
    """Run both kinds; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20_000, help="with fair coins")
    parser.add_argument("--keys", type=int, default=1000, help="keys that were never used")
    parser.add_argument("--coins", type=int, default=COINS, help="in each run")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)

    news = texts.DATA / "news-en.jsonl"
    if news.is_file():
        documents = texts.from_file(news).documents
        text = "human text, unused keys"
    else:
        print(f"SKIPPED: human text: {news} does not exist")
        documents = texts.made_up(arguments.seed).documents
        text = "made-up text, unused keys"
    print(f"e-values after each of {arguments.coins} coins, gamma {GAMMA}, seed {arguments.seed}")
    limits = [bounds(alpha, arguments.coins, e_value) for alpha in ALPHAS]
    failed = judge(
        "fair coins",
        *crossings(fair_runs(arguments.runs, arguments.coins, arguments.seed), limits),
    )
    runs = key_runs(arguments.keys, arguments.coins, arguments.seed, documents)
    failed += judge(text, *crossings(runs, limits))
    print(f"anytime: {2 * len(ALPHAS) - failed} tests passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
