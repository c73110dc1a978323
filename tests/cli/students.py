"""Synthetic students: token sequences of models that learned a mark, or never saw one."""

import collections
import hashlib
import hmac
import math
import struct

import numpy as np

from greenprint import Key, Watermark

VOCABULARY = 400
GAMMA = 0.25
WIDTH = 2


class Colours:
    """Which tokens a watermark has green after a context; computed once for each."""

    def __init__(self, watermark: Watermark) -> None:
        self.watermark = watermark
        self.masks = {}

    def __call__(self, context) -> np.ndarray:
        context = tuple(context)
        if context not in self.masks:
            mask = self.watermark.green_mask(context, VOCABULARY)
            self.masks[context] = np.unpackbits(mask, bitorder="little")
        return self.masks[context]


def student(seed, share=0.0, colours=None, documents=60, length=120):
    """Answers of a student in which so many of the tokens were drawn anew until green.

    Tokens come with the frequencies of Zipf's law, so that many pairs occur again.
    """
    source = np.random.default_rng(seed)
    frequencies = 1 / np.arange(1, VOCABULARY + 1)
    frequencies /= frequencies.sum()
    answers = []
    for _ in range(documents):
        draws = source.choice(VOCABULARY, (length, 4), p=frequencies)
        marked = source.random(length) < share
        ids = []
        for position in range(length):
            token = draws[position, 0]
            if marked[position] and position >= WIDTH:
                green = colours(ids[-WIDTH:])
                token = next((one for one in draws[position] if green[one]), token)
            ids.append(int(token))
        answers.append(ids)
    return answers


def occurrences(answers, prompts=None):
    """How often each pair occurs whose context does not occur in the answer's prompt."""
    counts = collections.Counter()
    left_out = 0
    for number, ids in enumerate(answers):
        prompt = prompts[number] if prompts else []
        seen = {tuple(prompt[i : i + WIDTH]) for i in range(len(prompt) - WIDTH + 1)}
        for i in range(WIDTH, len(ids)):
            context = tuple(ids[i - WIDTH : i])
            if context in seen:
                left_out += 1
            else:
                counts[context, ids[i]] += 1
    return counts, left_out


def weighted_sum(weights, colours):
    """T, z, the number of coins that weigh something, and how many of these are green."""
    coins = {pair: weight for pair, weight in weights.items() if weight != 0}
    green = {pair: int(colours(pair[0])[pair[1]]) for pair in coins}
    total = math.fsum(weight * (green[pair] - GAMMA) for pair, weight in coins.items())
    variance = GAMMA * (1 - GAMMA) * math.fsum(weight**2 for weight in coins.values())
    return total, total / math.sqrt(variance), len(coins), sum(green.values())


def control_key(key: Key, index: int) -> Key:
    """A key that nobody ever used (SPEC.md section 17)."""
    message = b"greenprint control key" + struct.pack("<I", index)
    return Key.from_bytes(hmac.digest(bytes.fromhex(key.commitment.hex()), message, "sha256"))


def as_lines(answers) -> str:
    return "".join(" ".join(map(str, ids)) + "\n" for ids in answers)


def weights_file(documents, kind, label) -> bytes:
    """A file of weights (SPEC.md section 14): documents of (ids, entries at each position)."""
    out = b"\x89GPEXP\r\n" + bytes([1, kind, 255, len(label)]) + struct.pack("<I", 0) + label
    out += hashlib.sha256(out).digest()
    for ids, positions in documents:
        packed = struct.pack(f"<{len(ids)}I", *ids)
        out += b"D"
        if kind == 1:
            out += hashlib.sha256(packed).digest() + struct.pack("<Q", len(ids))
        else:
            out += struct.pack("<Q", len(ids)) + packed
        for entries in positions:
            out += bytes([len(entries)])
            out += b"".join(struct.pack("<If", *entry) for entry in sorted(entries.items()))
        out += hashlib.sha256(out).digest()
    out += b"E" + struct.pack("<QQ", len(documents), sum(len(ids) for ids, _ in documents))
    return out + hashlib.sha256(out).digest()


def windows(answers):
    """All windows of answers, that before the end of each included: the contexts served."""
    return {tuple(ids[i : i + WIDTH]) for ids in answers for i in range(len(ids) - WIDTH + 1)}
