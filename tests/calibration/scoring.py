"""Trials: one key that was never used, one text, one p-value from the library."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from texts import Text

from greenprint import Key, Params, Verifier, log10_binomial_tail

GAMMA = "1/4"


@dataclass(frozen=True)
class Scheme:
    """A seeding scheme with its context width."""

    seeding: str
    width: int

    @property
    def name(self) -> str:
        """As the tables say it."""
        return self.seeding if self.seeding == "fixed" else f"{self.seeding}, h = {self.width}"

    @property
    def params(self) -> Params:
        """The parameters of its keys."""
        return Params(seeding=self.seeding, context_width=self.width, gamma=GAMMA)


SCHEMES = tuple(
    Scheme(*pair) for pair in (("hash", 1), ("hash", 2), ("hash", 4), ("min", 4), ("fixed", 0))
)
DEFAULT_SCHEME = SCHEMES[1]


@dataclass(frozen=True)
class Cell:
    """The trials of one text, one scheme and one length of document.

    Attributes
    ----------
    length : int or None
        Tokens of a document; None for the whole text, all its documents pooled.
    keys : list of bytes
        The master key of each trial.
    results : list
        What the library counted in each trial.
    p : ndarray
        The p-values.
    randomised : ndarray
        P(X > x) + U P(X = x): exactly uniform under the null hypothesis, though x is
        discrete.
    """

    text: str
    scheme: Scheme
    length: int | None
    keys: list[bytes]
    results: list[Any]
    p: np.ndarray
    randomised: np.ndarray


class KeySource:
    """Keys that follow from a seed, none given out twice."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.number = 0

    def draw(self, count: int) -> list[bytes]:
        """Return the next keys: SHA-256(le64(seed) || le64(number))."""
        first, self.number = self.number, self.number + count
        seed = self.seed.to_bytes(8, "little")
        return [
            hashlib.sha256(seed + number.to_bytes(8, "little")).digest()
            for number in range(first, self.number)
        ]


def shares_of(text: Text, length: int | None) -> list[Sequence[np.ndarray]]:
    """Return what the trials score in turns: the whole text, or one document of a length."""
    if length is None:
        return [text.documents]
    return [row[None] for row in text.cut(length)]


def score(master: bytes, scheme: Scheme, documents: Sequence[np.ndarray]) -> Any:
    """Return the verifier's result for all documents together."""
    verifier = Verifier(Key.from_bytes(master, scheme.params))
    for document in documents:
        verifier.add(document)
    return verifier.result()


def tail(n: int, green: int) -> float:
    """Return P(X >= green), 0 beyond n."""
    return 10 ** log10_binomial_tail(n, green, GAMMA) if green <= n else 0.0


def run_cell(
    text: Text,
    scheme: Scheme,
    length: int | None,
    keys: list[bytes],
    rng: np.random.Generator,
    threads: int,
) -> Cell:
    """Run the trials of a cell, each with a key of its own."""
    shares = itertools.cycle(shares_of(text, length))
    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(lambda *pair: score(pair[0], scheme, pair[1]), keys, shares))
    at_least = np.array([tail(r.scored, r.green) for r in results])
    above = np.array([tail(r.scored, r.green + 1) for r in results])
    return Cell(
        text=text.name,
        scheme=scheme,
        length=length,
        keys=keys,
        results=results,
        p=np.array([10**r.log10_p for r in results]),
        randomised=above + rng.random(len(keys)) * (at_least - above),
    )
