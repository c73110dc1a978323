"""Is a marked passage found in a long human text, and is nothing found where nothing is?

A passage of 200 marked tokens is put into 20,000 tokens of human text, at a place and under a
key of its own in each trial, and looked for in the whole. Measured is how well the best segment
found covers it: the intersection over the union of their tokens. The passage is

- sampled from made-up next-token distributions: Zipf's law with entropies as a language model
  has them (mean 4.16 bits, as SmolLM2-135M-Instruct at temperature 1), biased by the library;
- or, with --model, written by SmolLM2-135M-Instruct as a continuation of the text before it;
- and, for comparison, coins of several green rates in the colours of the text.

Then human documents are searched, each under a key of its own that was never used, and the
smallest corrected p-value of each is held to P(p <= a) <= a by exact binomial tests (made-up
documents where there is no human text).

Everything follows from --seed. The exit status is 1 when a marked passage is found with an
intersection over union of 0.8 in less than 95 % of the trials, or when p-values are not valid.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "calibration"))

import coins  # noqa: E402
import texts  # noqa: E402

from greenprint import Key, Watermark, locate  # noqa: E402

GAMMA = "1/4"
WIDTH = 2
DELTA = 2.0
ENTROPY = 4.16  # bits, the mean
VOCABULARY = texts.VOCABULARY
PASSAGE = 200
HUMAN = 20_000
PREFIX = 64  # tokens that the model continues
RATES = (0.5, 0.55, 0.6, 0.65, 0.7)
WANTED = 0.95
LEVELS = (0.5, 0.1, 0.05, 0.01, 0.001)
THRESHOLD = 1e-6 / len(LEVELS)


def master_key(seed: int, label: str) -> bytes:
    """Return the bytes of a key that follows from the seed."""
    return hashlib.sha256(f"locate {seed} {label}".encode()).digest()


def colours_under(master: bytes, document: np.ndarray) -> np.ndarray:
    """Return the gp_colour of each token, under a key of the default parameters."""
    params = coins.reference.Params("hash", WIDTH, 1, 2)
    return coins.colours(coins.reference.Key(master, params), document)


def overlap(first: int, end: int, start: int, stop: int) -> float:
    """Return the intersection over the union of two ranges."""
    both = max(0, min(end, stop) - max(first, start))
    return both / ((end - first) + (stop - start) - both)


class MadeUpModel:
    """Next-token distributions with the entropies of a language model, and marked sampling."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        rank = np.arange(VOCABULARY)
        exponents = np.concatenate([np.linspace(0, 3, 61), np.linspace(3.1, 20, 60)])
        laws = np.exp(-exponents[:, None] * np.log(rank + 1))
        self.laws = laws / laws.sum(axis=1, keepdims=True)
        logs = np.log2(np.maximum(self.laws, 1e-300))
        self.entropies = -(self.laws * logs).sum(axis=1)
        self.scattered = rank * 12_289 % VOCABULARY  # a step that is prime to the vocabulary

    def write(self, watermark: Watermark, before: np.ndarray) -> np.ndarray:
        """Continue a text by a marked passage."""
        tokens = [int(token) for token in before[-WIDTH:]]
        for _ in range(PASSAGE):
            bits = self.rng.gamma(2, ENTROPY / 2)
            p = self.laws[np.abs(self.entropies - bits).argmin()]
            shift = int(self.rng.integers(VOCABULARY))  # which token has which rank
            mask = watermark.green_mask(tokens, VOCABULARY)
            green = np.unpackbits(mask, count=VOCABULARY, bitorder="little")
            green = np.roll(green, -shift)[self.scattered]
            total = np.cumsum(p * (1 + np.expm1(DELTA) * green))
            rank = np.searchsorted(total, self.rng.random() * total[-1], side="right")
            tokens.append(int(self.scattered[min(rank, VOCABULARY - 1)] + shift) % VOCABULARY)
        return np.array(tokens[WIDTH:], np.uint32)


class RealModel:
    """SmolLM2-135M-Instruct, which continues the text before the passage."""

    def __init__(self, seed: int) -> None:
        sys.path.insert(0, str(ROOT / "scripts"))
        import torch

        import smollm2
        from greenprint.transformers import GreenprintLogitsProcessor

        self.smollm2, self.torch, self.processor = smollm2, torch, GreenprintLogitsProcessor
        self.model = smollm2.load_model()
        self.seed = seed

    def write_all(
        self, watermarks: Sequence[Watermark], before: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Continue texts, those of one key after the other."""
        passages = []
        for i, (watermark, text) in enumerate(zip(watermarks, before, strict=True)):
            ids = self.torch.tensor(np.asarray(text[-PREFIX:], np.int64))[None]
            passages += self.smollm2.answer(
                self.model,
                {"input_ids": ids, "attention_mask": self.torch.ones_like(ids)},
                seed=self.seed + i,
                min_tokens=PASSAGE,
                max_tokens=PASSAGE,
                processor=self.processor(watermark),
            )
            print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return [np.array(passage, np.uint32) for passage in passages]


def summarise(name: str, found: list[float], rates: list[float]) -> float:
    """Print a line about some trials and return the share that hit."""
    hits = float(np.mean(np.array(found) >= 0.8))
    low, middle = np.quantile(found, [0.05, 0.5])
    some = float(np.mean(np.array(found) > 0))
    print(
        f"  {name:<34} green {100 * np.mean(rates):4.1f} %   found {some:6.1%}"
        f"   IoU >= 0.8: {hits:6.1%}   median {middle:.3f}, 5 % {low:.3f}"
    )
    return hits


def hide(
    name: str, arguments: argparse.Namespace, human: np.ndarray, source: MadeUpModel | RealModel
) -> float:
    """Hide passages that a model wrote; returns the share that is found well enough."""
    rng = np.random.default_rng(arguments.seed)
    masters = [master_key(arguments.seed, f"{name} {i}") for i in range(arguments.trials)]
    offsets = rng.integers(0, len(human) - HUMAN + 1, arguments.trials)
    starts = rng.integers(PREFIX, HUMAN - PREFIX, arguments.trials)
    texts = [human[offset : offset + HUMAN] for offset in offsets]
    watermarks = [Watermark(Key.from_bytes(master), delta=DELTA) for master in masters]
    before = [text[:start] for text, start in zip(texts, starts, strict=True)]
    if isinstance(source, RealModel):
        passages = source.write_all(watermarks, before)
    else:
        passages = [source.write(w, b) for w, b in zip(watermarks, before, strict=True)]
    found: dict[float, list[float]] = {alpha: [] for alpha in arguments.alpha}
    rates = []
    for master, text, start, passage in zip(masters, texts, starts, passages, strict=True):
        document = np.concatenate([text[:start], passage, text[start:]])
        colours = colours_under(master, document)
        inside = colours[start : start + PASSAGE]
        rates.append((inside == 2).sum() / max(1, (inside <= 2).sum()))
        for alpha, overlaps in found.items():
            best = locate(colours, GAMMA, np.log10(alpha))[:1]
            overlaps.append(
                overlap(best[0].first, best[0].end, start, start + PASSAGE) if best else 0.0
            )
    shares = [
        summarise(f"{name}, alpha {alpha:g}", overlaps, rates)
        for alpha, overlaps in found.items()
    ]
    return max(shares)


def paint(arguments: argparse.Namespace, human: np.ndarray, rate: float) -> None:
    """Hide coins of a green rate in the colours of a text."""
    rng = np.random.default_rng(arguments.seed)
    found, rates = [], []
    for i in range(arguments.trials):
        colours = colours_under(
            master_key(arguments.seed, f"paint {rate} {i}"), human[: HUMAN + PASSAGE]
        )
        start = int(rng.integers(WIDTH, HUMAN))
        inside = 1 + (rng.random(PASSAGE) < rate)
        colours[start : start + PASSAGE] = inside
        rates.append((inside == 2).mean())
        best = locate(colours, GAMMA, np.log10(arguments.alpha[0]))[:1]
        found.append(overlap(best[0].first, best[0].end, start, start + PASSAGE) if best else 0.0)
    summarise(f"coins of one rate, alpha {arguments.alpha[0]:g}", found, rates)


def smallest_p_values(
    arguments: argparse.Namespace, documents: Sequence[np.ndarray]
) -> np.ndarray:
    """Search unmarked documents; the smallest corrected p-value of each."""
    p_values = []
    for i in range(arguments.documents):
        master = master_key(arguments.seed, f"unmarked {i}")
        segments = locate(colours_under(master, documents[i % len(documents)]), GAMMA, 0.0)
        p_values.append(10 ** segments[0].log10_p_corrected if segments else 1.0)
    return np.array(p_values)


def judge(p_values: np.ndarray) -> bool:
    """Hold p-values to P(p <= a) <= a; prints what was seen."""
    valid = True
    for level in LEVELS:
        seen = int((p_values <= level).sum())
        p_value = stats.binomtest(seen, len(p_values), level, alternative="greater").pvalue
        valid = valid and p_value >= THRESHOLD
        print(
            f"  p <= {level:<6g} {seen:>5} of {len(p_values)}, at most "
            f"{level * len(p_values):g} expected   {'ok' if p_value >= THRESHOLD else 'FAILED'}"
        )
    return valid


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200, help="passages of each kind")
    parser.add_argument("--documents", type=int, default=2000, help="unmarked documents")
    parser.add_argument("--alpha", type=float, nargs="+", default=[1e-3, 1e-6])
    parser.add_argument("--model", action="store_true", help="passages by the real model as well")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything; returns the exit status."""
    arguments = parse(argv)
    news = texts.DATA / "news-en.jsonl"
    if news.is_file():
        documents, text = texts.from_file(news).documents, "human"
    else:
        print(f"SKIPPED: human text: {news} does not exist")
        documents, text = texts.made_up(arguments.seed).documents, "made-up"
    whole = np.concatenate(documents)
    start = time.monotonic()
    print(
        f"{PASSAGE} marked tokens in {HUMAN} {text} ones, gamma {GAMMA}, delta {DELTA:g}, "
        f"{arguments.trials} trials each, seed {arguments.seed}"
    )
    made_up = MadeUpModel(np.random.default_rng(arguments.seed))
    good = hide("made-up model", arguments, whole, made_up) >= WANTED
    if arguments.model:
        good = hide("real model", arguments, whole, RealModel(arguments.seed)) >= WANTED and good
    for rate in RATES:
        paint(arguments, whole, rate)
    print(
        f"smallest corrected p-value of each of {arguments.documents} unmarked documents ({text})"
    )
    good = judge(smallest_p_values(arguments, documents)) and good
    print(f"locate: {'passed' if good else 'FAILED'} in {time.monotonic() - start:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
