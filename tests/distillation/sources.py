"""Where marked and unmarked text comes from, and where students of it begin."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from student import Student, newborn
from words import END, Words

from greenprint import Key, Params, Watermark

Texts = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Mark:
    """A scheme and its strength, under a name; the key follows from the name and a number."""

    name: str
    params: Params
    delta: float = 2.0
    number: int = 1

    @property
    def key(self) -> Key:
        """Its key."""
        label = self.name if self.number == 1 else f"{self.name} {self.number}"
        seed = hashlib.sha256(f"distillation {label}".encode()).digest()
        return Key.from_bytes(seed, self.params)

    @property
    def watermark(self) -> Watermark:
        """What marks with it."""
        return Watermark(self.key, delta=self.delta)


H1 = Mark("h1", Params(context_width=1))
H2 = Mark("h2", Params(context_width=2))  # what keygen makes where nothing else is asked for


class Source(ABC):
    """Texts in the vendor's ids."""

    end: int
    answer_tokens: int  # that a student is asked for
    rate: float  # of training a newborn; two thirds of it for one that is trained further
    epochs: int

    @abstractmethod
    def plain(self, part: str) -> Texts:
        """Return unmarked texts: for a "base", "unrelated" models, or "students"."""

    @abstractmethod
    def marked(self, mark: Mark) -> Texts:
        """Return marked texts, as many as unmarked ones for students."""

    def keyed(self, mark: Mark, seed: int) -> Mark:
        """Return a mark with the key for a seed, where there is one for each."""
        return mark

    def answers(self, mark: Mark) -> Texts:
        """Return what the vendor wrote with a mark."""
        return self.marked(mark)

    def marked_tokens(self, mark: Mark) -> list[int]:
        """Return how many tokens of each marked text the vendor wrote."""
        return [len(text) for text in self.answers(mark)]

    def served(self, mark: Mark) -> Texts:
        """Return all that the vendor's model read and wrote with a mark."""
        return self.answers(mark)

    @abstractmethod
    def prompts(self) -> Texts:
        """Return what students are asked."""

    @abstractmethod
    def driving(self) -> Texts:
        """Return texts for the open audit, which have nothing to do with any key."""

    @abstractmethod
    def held_out(self) -> Texts:
        """Return unmarked texts, for the quality of students."""

    @abstractmethod
    def quality(self, mark: Mark | None) -> float:
        """Return the perplexity of marked texts under the unmarked teacher."""

    @abstractmethod
    def newborn(self, seed: int) -> Student:
        """Return a student that knows nothing."""


class WordsSource(Source):
    """The bigram model of words.py: 1,600 texts of 128 words a purpose, or `times` that."""

    end = END
    answer_tokens = 128
    rate = 3e-3
    epochs = 2
    length = 128

    def __init__(self, times: int = 1) -> None:
        self.words = Words()
        self.texts = 1600 * times
        self.times = times

    @cache  # noqa: B019 - one object for the whole run
    def plain(self, part: str) -> Texts:
        """Return unmarked texts."""
        seed = {"base": 10, "unrelated": 11, "students": 12}[part]
        return self.words.write(self.texts, self.length, seed)

    @cache  # noqa: B019
    def marked(self, mark: Mark) -> Texts:
        """Return texts with a mark."""
        return self.words.write(self.texts, self.length, 1000 * mark.number, mark.watermark)

    def keyed(self, mark: Mark, seed: int) -> Mark:
        """Return a mark with a key for each seed."""
        return replace(mark, number=seed)

    def prompts(self) -> Texts:
        """Return beginnings of 4 words."""
        return self.words.write(400 * self.times, 4, 20)

    def driving(self) -> Texts:
        """Return unmarked words."""
        return self.words.write(160 * self.times, self.length, 21)

    def held_out(self) -> Texts:
        """Return 10,000 unmarked words."""
        return self.words.write(80, self.length, 22)

    def quality(self, mark: Mark | None) -> float:
        """Return the perplexity of all words under the bigrams."""
        return self.perplexity(self.plain("students") if mark is None else self.marked(mark))

    def perplexity(self, texts: Texts) -> float:
        """Return that of texts under the bigrams."""
        ids = np.array(texts)
        logits = self.words.logits[ids[:, :-1], ids[:, 1:]]
        return math.exp(-float(logits.mean()))

    def newborn(self, seed: int) -> Student:
        """Return a Llama of two layers of 128."""
        return Student(newborn(self.words.vocabulary, seed=seed))

    def at_quality(self, name: str, params: Params, perplexity: float) -> Mark:
        """Return a mark as strong as leaves the text at a perplexity: by bisection, to 1/64."""
        low, high = 0.0, 16.0
        while high - low > 1 / 64:
            delta = (low + high) / 2
            mark = Mark(name, params, delta)
            texts = self.words.write(400, self.length, 1001, mark.watermark)
            low, high = (low, delta) if self.perplexity(texts) > perplexity else (delta, high)
        return Mark(name, params, round(low, 2))


def any_words(texts: Texts, share: float, common: Any, seed: int) -> Texts:
    """Replace that share of words by others, drawn from all that are there."""
    random = np.random.default_rng(seed)
    out = []
    for text in texts:
        ids = np.array(text)
        hit = random.random(len(ids)) < share
        ids[hit] = random.choice(common, hit.sum())
        out.append(ids.tolist())
    return out
