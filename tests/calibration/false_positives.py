"""Are the p-values right? Unmarked text, many keys that were never used, exact tests.

All documents are pooled as `greenprint verify` pools them, repeats included, and scored with
2,000 keys for each scheme. The text was not chosen with any of the keys, so the null hypothesis
holds and the p-values have a known distribution. That is so for any such token ids: where there
is no human text, made-up documents take its place. Three kinds of test look for a departure:

- Kolmogorov-Smirnov, two-sided, on the randomised p-value P(X > x) + U P(X = x) with U
  uniform: it is exactly uniform although x is discrete, so both optimistic and pessimistic
  p-values are caught.
- For a = 0.5, 0.1, 0.01, 0.001, an exact one-sided binomial test that p <= a happens no more
  often than a fraction a of the time.
- The smallest p-value of all keys, m, is tested by 1 - (1 - m)^keys: the others do not see
  a single key that is far out.

For contrast, the same keys are scored as if each repeat of a (context, token) pair were new
evidence, which is not judged: it shows what would go wrong.

Everything follows from --seed: key i is SHA-256(le64(seed) || le64(i)). The exit status is 1
when a test fails; a right implementation fails with probability below 1e-6 for a seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from greenprint import Key, Params, Verifier, log10_binomial_tail, z_score

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("GREENPRINT_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data" / "news-en.jsonl"
VOCABULARY = 49_152  # of the made-up documents: that of the demo model
GAMMA = "1/4"
SCHEMES = (("hash", 1), ("hash", 2), ("hash", 4), ("min", 4), ("fixed", 0))
LEVELS = (0.5, 0.1, 0.01, 0.001)
FALSE_ALARM = 1e-6  # of all tests of a run together
TESTS = len(SCHEMES) * (2 + len(LEVELS))
THRESHOLD = FALSE_ALARM / TESTS


@dataclass
class Check:
    """One test: what it looked at, what it saw, and its p-value."""

    name: str
    seen: str
    p_value: float

    @property
    def passed(self) -> bool:
        return self.p_value >= THRESHOLD


def load_documents(path: Path, limit: int | None) -> list[np.ndarray]:
    """Read the texts and tokenize them with the demo model's tokenizer."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import smollm2

    tokenizer = smollm2.load_tokenizer()
    lines = path.read_text("utf-8").splitlines()[:limit]
    texts = [json.loads(line)["text"] for line in lines]
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return [np.asarray(document, np.uint32) for document in ids]


def make_documents(seed: int, limit: int | None) -> list[np.ndarray]:
    """Make up 200 documents of about 700 tokens: Zipf's law, and passages copied around."""
    rng = np.random.default_rng(seed)
    share = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    ids = rng.permutation(VOCABULARY).astype(np.uint32)
    documents: list[np.ndarray] = []
    for _ in range(200):
        uniform = rng.random(rng.integers(400, 1001)) * share[-1]
        document = ids[np.searchsorted(share, uniform, side="right")]
        documents.append(document)
        for _ in range(3):  # from an earlier document, or from itself
            source = documents[rng.integers(len(documents))]
            size = int(rng.integers(10, 61))
            start, end = rng.integers(len(source) - size), rng.integers(len(document) - size)
            document[end : end + size] = source[start : start + size].copy()
    return documents[:limit]


def make_key(seed: int, number: int, params: Params) -> Key:
    """Return one of the keys that follow from a seed."""
    message = seed.to_bytes(8, "little") + number.to_bytes(8, "little")
    return Key.from_bytes(hashlib.sha256(message).digest(), params)


def verify_all(key: Key, documents: Sequence[np.ndarray]) -> Any:
    """Return the verifier's result for all documents together."""
    verifier = Verifier(key)
    for document in documents:
        verifier.add(document)
    return verifier.result()


def randomised_p(result: Any, uniform: float) -> float:
    """Return P(X > x) + U P(X = x) for X binomial and x the green count."""

    def tail(green: int) -> float:
        n = result.scored
        return 10 ** log10_binomial_tail(n, green, GAMMA) if green <= n else 0.0

    above = tail(result.green + 1)
    return above + uniform * (tail(result.green) - above)


def judge(p_values: np.ndarray, randomised: np.ndarray) -> list[Check]:
    """Test p-values for validity, and randomised p-values for uniformity."""
    ks = stats.kstest(randomised, "uniform")
    checks = [Check("Kolmogorov-Smirnov", f"D = {ks.statistic:.4f}", float(ks.pvalue))]
    n = len(p_values)
    for level in LEVELS:
        count = int((p_values <= level).sum())
        p_value = stats.binomtest(count, n, level, alternative="greater").pvalue
        seen = f"{count} of {n}, expected at most {level * n:g}"
        checks.append(Check(f"binomial, p <= {level:g}", seen, float(p_value)))
    smallest = float(p_values.min())
    p_value = -np.expm1(n * np.log1p(-min(smallest, 1 - 1e-16)))
    checks.append(Check("smallest p-value", f"{smallest:.2g} of {n} keys", float(p_value)))
    return checks


def distinct_coins(documents: Sequence[np.ndarray], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each (context, token) row once, and how often it occurs."""
    windows = [
        np.lib.stride_tricks.sliding_window_view(document, width + 1)
        for document in documents
        if len(document) > width
    ]
    return np.unique(np.concatenate(windows), axis=0, return_counts=True)


def count_repeats(key: Key, result: Any, coins: np.ndarray, counts: np.ndarray) -> int:
    """Return the green count that counts each repeat again.

    Coins that occur equally often go through one verifier, each as a document of its own,
    so that the colours come from the same code as everything else.
    """
    green = result.green
    verifier = Verifier(key)
    for count in np.unique(counts[counts > 1]):
        verifier.reset()
        for coin in coins[counts == count]:
            verifier.add(coin)
        green += (int(count) - 1) * verifier.result().green
    return green


def print_contrast(keys: Sequence[Key], results: Sequence[Any], coins, counts) -> None:
    """Print what the z-scores would be if repeats were counted."""
    n = int(counts.sum())
    greens = [
        count_repeats(key, result, coins, counts)
        for key, result in zip(keys, results, strict=True)
    ]
    gamma = float(Fraction(GAMMA))
    naive = [z_score(n, green, gamma) for green in greens]
    false = np.mean([log10_binomial_tail(n, green, GAMMA) < -4 for green in greens])
    print(
        f"  for contrast, repeats counted ({len(keys)} keys): std of z {np.std(naive):.2f} "
        f"instead of {np.std([r.z for r in results]):.2f}; p < 1e-4 for {100 * false:.1f} %"
    )


def calibrate(
    seeding: str,
    width: int,
    documents: Sequence[np.ndarray],
    arguments: argparse.Namespace,
) -> list[Check]:
    """Score all documents with all keys of one scheme, print what came out, and judge it."""
    params = Params(seeding=seeding, context_width=width, gamma=GAMMA)
    keys = [make_key(arguments.seed, i, params) for i in range(arguments.keys)]
    start = time.monotonic()
    with ThreadPoolExecutor(arguments.threads) as pool:
        results = list(pool.map(lambda key: verify_all(key, documents), keys))
    seconds = time.monotonic() - start

    uniform = np.random.default_rng(arguments.seed).random(len(results))
    randomised = np.array([randomised_p(*pair) for pair in zip(results, uniform, strict=True)])
    p_values = np.array([10**result.log10_p for result in results])
    checks = judge(p_values, randomised)

    z = np.array([result.z for result in results])
    scored = sorted({result.scored for result in results})
    span = str(scored[0]) if len(scored) == 1 else f"{scored[0]} to {scored[-1]}"
    print(
        f"\n{seeding}, h = {width}: {span} distinct pairs, {len(keys)} keys, {seconds:.0f} s; "
        f"z: mean {z.mean():+.3f}, std {z.std():.3f}, largest {z.max():.2f}"
    )
    for check in checks:
        verdict = "ok" if check.passed else "FAILED"
        print(f"  {check.name:<22} {check.seen:<36} p = {check.p_value:<9.3g} {verdict}")

    if seeding != "min":  # there, which pairs are distinct depends on the key
        coins, counts = distinct_coins(documents, width)
        if {(result.scored, result.repeated) for result in results} != {
            (len(coins), int(counts.sum()) - len(coins))
        }:
            checks.append(Check("number of distinct pairs", f"not {len(coins)}", 0.0))
            print(
                f"  the verifier's count of distinct pairs is not NumPy's, {len(coins)}: FAILED"
            )
        few = min(arguments.contrast_keys, len(keys))
        if few > 1:
            print_contrast(keys[:few], results[:few], coins, counts)
    return checks


def main(argv: Sequence[str] | None = None) -> int:
    """Run all schemes; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="JSON Lines with a field text")
    parser.add_argument("--made-up", action="store_true", help="use made-up documents")
    parser.add_argument("--keys", type=int, default=2000, help="keys for each scheme")
    parser.add_argument("--documents", type=int, help="only the first so many")
    parser.add_argument("--contrast-keys", type=int, default=50, help="0 to leave it out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)

    data = arguments.data or DATA
    if arguments.data and not data.is_file():
        parser.error(f"{data} is not a file")
    if not arguments.made_up and not data.is_file():
        print(f"SKIPPED: human text: {data} does not exist; made-up documents instead")
        arguments.made_up = True
    if arguments.made_up:
        name = "made-up documents"
        documents = make_documents(arguments.seed, arguments.documents)
    else:
        name = data.name
        documents = load_documents(data, arguments.documents)
    print(
        f"{name}: {len(documents)} documents, {sum(map(len, documents))} tokens; "
        f"seed {arguments.seed}\na test fails below p = {THRESHOLD:.1g}: false-alarm "
        f"rate of all tests together below {FALSE_ALARM:g}"
    )
    checks = []
    for seeding, width in SCHEMES:
        checks += calibrate(seeding, width, documents, arguments)
    failed = sum(not check.passed for check in checks)
    print(f"\ncalibration on {name}: {len(checks) - failed} tests passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
