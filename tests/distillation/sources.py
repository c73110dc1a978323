"""Where marked and unmarked text comes from: a small source, and a real teacher."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from words import END, Words

from greenprint import Key, Params, Watermark


@dataclass(frozen=True)
class Mark:
    """A scheme and its strength, under a name."""

    name: str
    params: Params
    delta: float


class Source(ABC):
    """Texts as token ids, in parts that do not overlap."""

    vocabulary: int
    end: int
    answer_tokens: int
    marks: list[Mark]  # the first is the main one

    def key(self, mark: Mark) -> Key:
        """Return the key of a mark, which follows from its name."""
        seed = hashlib.sha256(f"distillation {mark.name}".encode()).digest()
        return Key.from_bytes(seed, mark.params)

    @abstractmethod
    def plain(self, part: int) -> list:
        """Return unmarked texts: 0 for bases, 1 for unrelated models, 2 for students."""

    @abstractmethod
    def marked(self, mark: Mark) -> list:
        """Return marked texts, as many as unmarked ones."""

    @abstractmethod
    def prompts(self, kind: str, mark: Mark) -> list:
        """Return what students are asked: beginnings of unmarked or of marked text."""

    @abstractmethod
    def driving(self) -> list:
        """Return texts for the open audit, which have nothing to do with any key."""

    @abstractmethod
    def held_out(self) -> list:
        """Return unmarked texts for the quality of students."""

    @abstractmethod
    def perplexity(self, texts: list) -> float:
        """Return that of texts under the unmarked teacher."""


def _marks() -> list[Mark]:
    every = [Mark("h1", Params(context_width=1), 2.0)]
    every += [Mark(f"h{h}", Params(context_width=h), 2.0) for h in (2, 4)]
    every.append(Mark("h0", Params(context_width=0, seeding="fixed"), 2.0))
    every.append(Mark("min2", Params(context_width=2, seeding="min"), 2.0))
    every.append(Mark("min4", Params(context_width=4, seeding="min"), 2.0))
    every.append(Mark("h1-half", Params(context_width=1, gamma="1/2"), 2.0))
    every.append(Mark("h1-eighth", Params(context_width=1, gamma="1/8"), 2.0))
    every.append(Mark("h1-delta1", Params(context_width=1), 1.0))
    every.append(Mark("h1-delta4", Params(context_width=1), 4.0))
    return every


class WordsSource(Source):
    """The bigram model of words.py: 200,000 words a part."""

    end = END
    answer_tokens = 128
    texts, length = 1600, 128

    def __init__(self) -> None:
        self.words = Words()
        self.vocabulary = self.words.vocabulary
        self.marks = _marks()

    @cache  # noqa: B019 - one object for the whole run
    def plain(self, part: int) -> list:
        """Return texts of one part."""
        return self.words.write(self.texts, self.length, 10 + part)

    @cache  # noqa: B019
    def marked(self, mark: Mark) -> list:
        """Return texts with a mark."""
        watermark = Watermark(self.key(mark), delta=mark.delta)
        return self.words.write(self.texts, self.length, 1000, watermark)

    def prompts(self, kind: str, mark: Mark) -> list:
        """Return 400 beginnings of 4 words, or of 64 where they are marked."""
        if kind == "marked":
            return [text[:64] for text in self.marked(mark)[:400]]
        return self.words.write(400, 4, 20)

    def driving(self) -> list:
        """Return 20,000 unmarked words."""
        return self.words.write(160, self.length, 21)

    def held_out(self) -> list:
        """Return 10,000 unmarked words."""
        return self.words.write(80, self.length, 22)

    def perplexity(self, texts: list) -> float:
        """Return that of texts under the bigrams."""
        ids = np.array(texts)
        logits = self.words.logits
        chosen = logits[ids[:, :-1], ids[:, 1:]]
        return math.exp(-float(chosen.mean()))


def open_source(name: str, folder: Path) -> Source:
    """Return a source by its name."""
    if name == "words":
        return WordsSource()
    raise SystemExit(f"source {name}: run teacher.py first ({folder})")
