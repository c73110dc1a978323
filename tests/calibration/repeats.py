"""What would happen if repeats of a (context, token) pair were counted as new evidence.

The library does not do it, so the colours are computed here, in bulk, from SPEC.md sections 4
and 5 with the reference's key derivation and NumPy. Counted once, they have to agree with the
library for every key: that makes this a second opinion on the library's counts as well.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scoring import Cell, Scheme, shares_of
from texts import ROOT, Text

from greenprint import log10_binomial_tail, z_score

sys.path.insert(0, str(ROOT / "testvectors" / "reference"))
import greenprint_reference as reference

GAMMA_NUM, GAMMA_LOG2_DEN = 1, 2  # 1/4


@dataclass(frozen=True)
class Contrast:
    """The trials of a cell, or the first of them, with each repeat counted.

    Attributes
    ----------
    z : ndarray
        z-scores; their standard deviation would be 1 if repeats were evidence.
    log10_p : ndarray
        What the binomial tail would claim.
    agree : bool
        Whether the counts without repeats are the library's for every key.
    """

    cell: Cell
    z: np.ndarray
    log10_p: np.ndarray
    agree: bool


def windows_of(documents: Sequence[np.ndarray], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each window with its token once, as rows, and how often it occurs."""
    rows = [
        np.lib.stride_tricks.sliding_window_view(document, width + 1)
        for document in documents
        if len(document) > width
    ]
    return np.unique(np.concatenate(rows), axis=0, return_counts=True)


def encrypt(key: bytes, words: np.ndarray) -> np.ndarray:
    """Return AES of each row of four little-endian words, as rows of 16 bytes."""
    blocks = reference.aes(key, np.ascontiguousarray(words, "<u4").tobytes())
    return np.frombuffer(blocks, np.uint8).reshape(-1, 16)


def contexts_of(key: reference.Key, windows: np.ndarray) -> np.ndarray:
    """Return the context of each window (SPEC.md section 4)."""
    if key.params.seeding != "min":
        return windows
    ids, place = np.unique(windows, return_inverse=True)
    words = np.zeros((len(ids), 4), np.uint32)
    words[:, 0] = ids
    order = encrypt(key.k_order, words).view(">u8")
    rank = np.empty(len(ids), np.int64)
    rank[np.lexsort((order[:, 1], order[:, 0]))] = np.arange(len(ids))
    nearest = rank[place.reshape(windows.shape)].argmin(axis=1)
    return np.take_along_axis(windows, nearest[:, None], axis=1)


def colours_of(key: reference.Key, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Return which tokens are green after their contexts (SPEC.md sections 4 and 5)."""
    words = np.zeros((len(tokens), 4), np.uint32)
    words[:, : contexts.shape[1]] = contexts
    counter = encrypt(key.k_context, words).copy()
    number = np.zeros(len(tokens), np.int64)
    column = tokens % 128
    for plane in range(GAMMA_LOG2_DEN):
        block = (tokens // 128 * GAMMA_LOG2_DEN + plane).astype(">u4")
        counter[:, 12:] = block.view(np.uint8).reshape(-1, 4)
        stream = encrypt(key.k_mask, counter.view("<u4"))
        byte = stream[np.arange(len(tokens)), column // 8]
        number = 2 * number + (byte >> (column % 8) & 1)
    return number < GAMMA_NUM


def count_with_repeats(
    master: bytes, scheme: Scheme, rows: np.ndarray, counts: np.ndarray
) -> tuple[int, int, int, int]:
    """Return positions and green ones with repeats, then the same without them."""
    params = reference.Params(scheme.seeding, scheme.width, GAMMA_NUM, GAMMA_LOG2_DEN)
    key = reference.Key(master, params)
    contexts, tokens = contexts_of(key, rows[:, : scheme.width]), rows[:, scheme.width]
    green = colours_of(key, contexts, tokens)
    once = np.ones(len(tokens), bool)
    if scheme.seeding == "min":  # windows that chose the same id are one context
        pairs = contexts[:, 0].astype(np.uint64) << np.uint64(32) | tokens
        once[:] = False
        once[np.unique(pairs, return_index=True)[1]] = True
    return int(counts.sum()), int(counts @ green), int(once.sum()), int((green & once).sum())


def contrast(cell: Cell, text: Text, limit: int) -> Contrast:
    """Count repeats in the first trials of a cell."""
    z, log10_p, agree = [], [], True
    # One whole text is the same rows for every key: sort it once.
    shares = [
        windows_of(share, cell.scheme.width) for share in shares_of(text, cell.length)[:limit]
    ]
    for master, result, rows in zip(cell.keys[:limit], cell.results, itertools.cycle(shares)):
        n, green, scored, scored_green = count_with_repeats(master, cell.scheme, *rows)
        agree &= (scored, scored_green, n - scored) == (
            result.scored,
            result.green,
            result.repeated,
        )
        z.append(z_score(n, green, "1/4"))
        log10_p.append(log10_binomial_tail(n, green, "1/4"))
    return Contrast(cell, np.array(z), np.array(log10_p), agree)
