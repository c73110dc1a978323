"""A small source of text: a bigram model of the words in Python's own library.

It writes hundreds of thousands of words in seconds, with a mark or without, and needs nothing
that is not on every machine with Python. What it says makes no sense; what a mark in it does
to a student can be measured all the same.
"""

from __future__ import annotations

import re
import sysconfig
from collections import Counter
from pathlib import Path

import numpy as np

from greenprint import Watermark

WORD = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]|\n")
END = 0  # the id behind each text


class Words:
    """Text of Python's library as word ids, and bigrams of it.

    Parameters
    ----------
    vocabulary : int
        The most frequent words, and the end of a text; other words are left out.
    files : int
        Modules to be read, in alphabetical order.
    """

    def __init__(self, vocabulary: int = 2000, files: int = 150) -> None:
        folder = Path(sysconfig.get_path("stdlib"))
        texts = [
            WORD.findall(path.read_text(encoding="utf-8", errors="replace"))
            for path in sorted(folder.glob("*.py"))[:files]
        ]
        counts = Counter(word for text in texts for word in text)
        names = [word for word, _ in sorted(counts.items(), key=lambda x: (-x[1], x[0]))]
        self.ids = {word: i + 1 for i, word in enumerate(names[: vocabulary - 1])}
        self.vocabulary = vocabulary
        self.texts = [
            np.array([self.ids[word] for word in text if word in self.ids], np.uint32)
            for text in texts
        ]
        every = np.concatenate([np.append(text, END) for text in self.texts]).astype(np.int64)
        pairs = np.zeros((vocabulary, vocabulary), np.float32)
        np.add.at(pairs, (every[:-1], every[1:]), 1)
        single = np.bincount(every, minlength=vocabulary).astype(np.float32)
        # Where little followed a word, the frequencies of all words weigh more.
        mixed = pairs + 8 * single / single.sum()
        mixed[:, END] = 0
        self.logits = np.log(mixed / mixed.sum(1, keepdims=True) + 1e-12).astype(np.float32)

    def write(
        self, texts: int, length: int, seed: int, watermark: Watermark | None = None
    ) -> list[list[int]]:
        """Write texts of one length, sampled with the mark or without."""
        random = np.random.default_rng(seed)
        starts = np.concatenate([text[::7] for text in self.texts if len(text)])
        ids = random.choice(starts, (texts, 1)).astype(np.int64)
        for _ in range(length - 1):
            logits = self.logits[ids[:, -1]]
            if watermark is not None:
                watermark.bias(logits, ids.astype(np.uint32))
            # Gumbel's way of sampling from a softmax.
            noise = -np.log(-np.log(random.random(logits.shape, np.float32) + 1e-20) + 1e-20)
            ids = np.concatenate([ids, (logits + noise).argmax(1)[:, None]], 1)
        return ids.tolist()
