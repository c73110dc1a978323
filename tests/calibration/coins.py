"""Colours of coins in bulk, in the order in which they first occur.

Made with NumPy and the reference implementation's key derivation, so that nothing here comes
out of the library that is tested.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "testvectors" / "reference"))

import greenprint_reference as reference  # noqa: E402


def windows(document: np.ndarray, width: int) -> np.ndarray:
    """Return (context, token) of each position that has a window, as rows."""
    document = np.asarray(document, np.uint32)
    if len(document) <= width:
        return np.empty((0, width + 1), np.uint32)
    return np.lib.stride_tricks.sliding_window_view(document, width + 1)


def first_occurrences(rows: np.ndarray) -> np.ndarray:
    """Return the indices of rows that have not occurred before, in order."""
    _, index = np.unique(rows, axis=0, return_index=True)
    return np.sort(index)


def is_green(key: reference.Key, rows: np.ndarray) -> np.ndarray:
    """Return the colour of each (context, token) row: seeding hash, at most four tokens."""
    if key.params.seeding != "hash" or rows.shape[1] > 5:
        raise ValueError("only contexts of one block")
    n, width = len(rows), rows.shape[1] - 1
    blocks = np.zeros((n, 4), "<u4")
    blocks[:, :width] = rows[:, :width]
    nonces = np.frombuffer(reference.aes(key.k_context, blocks.tobytes()), "<u4")
    nonces = nonces.reshape(n, 4)[:, :3]
    token = rows[:, width].astype(np.int64)
    group, place = token // 128, token % 128
    value = np.zeros(n, np.int64)
    for plane in range(key.params.k):
        counters = np.empty((n, 4), "<u4")
        counters[:, :3] = nonces
        counters[:, 3] = (group * key.params.k + plane).astype(">u4").view("<u4")
        stream = np.frombuffer(reference.aes(key.k_mask, counters.tobytes()), np.uint8)
        bit = stream.reshape(n, 16)[np.arange(n), place // 8] >> (place % 8) & 1
        value = 2 * value + bit
    return value < key.params.g


def colours(key: reference.Key, document: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the gp_colour of each token of a document."""
    rows = windows(np.asarray(document), key.params.h)
    result = np.zeros(len(document), np.uint8)
    if len(rows):
        again = np.ones(len(rows), np.uint8)
        again[first_occurrences(rows)] = 0
        result[key.params.h :] = 1 + is_green(key, rows) + 2 * again
    return result
