"""Asking students with ids of their own, for the same files as greenprint's collectors write.

The vendor's vocabulary is ten times theirs, and what lies outside theirs has no chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from student import Student

from greenprint.audit import ModelWeightsWriter
from greenprint.reference import ExpectationsWriter

Ids = Sequence[Sequence[int]]
BATCH = 16  # texts that are read at once
TOP_K = 16


def _read(student: Student, texts: Ids) -> list[torch.Tensor]:
    """Return a student's logits behind each id of texts, over its own ids."""
    own = [student.read(text) for text in texts]
    longest = max(map(len, own))
    ids = torch.zeros((len(own), longest), dtype=torch.long)
    for row, text in enumerate(own):
        ids[row, : len(text)] = torch.tensor(text)
    logits = student.model(input_ids=ids).logits.float()
    return [rows[: len(text)] for rows, text in zip(logits, own, strict=True)]


def chances(student: Student, texts: Ids, temperature: float = 1.0) -> list[torch.Tensor]:
    """Return the probabilities of all its ids behind each id of texts."""
    return [(rows / temperature).softmax(-1) for rows in _read(student, texts)]


def _batches(texts: Ids) -> Iterator[Ids]:
    return (texts[i : i + BATCH] for i in range(0, len(texts), BATCH))


@torch.inference_mode()
def collect_open(student: Student, texts: Ids, path: Path, reference: Student | None) -> None:
    """As greenprint.audit.collect_open() does."""
    columns = torch.from_numpy(student.ids)
    with ModelWeightsWriter(path, label="student", top_k=TOP_K) as writer:
        for batch in _batches(texts):
            weights = chances(student, batch)
            if reference is not None:
                expected = chances(reference, batch)
                if reference.ids is None:
                    expected = [rows[:, columns] for rows in expected]
                weights = [one - other for one, other in zip(weights, expected, strict=True)]
            for text, rows in zip(batch, weights, strict=True):
                best = rows[:-1].abs().topk(TOP_K).indices
                ids = np.zeros((len(text), TOP_K), np.int64)
                values = np.zeros((len(text), TOP_K), np.float32)
                ids[1:], values[1:] = columns[best].numpy(), rows[:-1].gather(-1, best).numpy()
                writer.add(text, ids, values.clip(-1, 1))


@torch.inference_mode()
def write_expectations(
    reference: Student, rows: Sequence[dict], path: Path, temperature: float
) -> None:
    """As greenprint.reference.write_expectations() does, without rare ids."""
    columns = torch.from_numpy(reference.ids)
    with ExpectationsWriter(path, label="reference", top_k=TOP_K) as writer:
        for batch in _batches(rows):
            texts = [[*row["prompt"], *row["tokens"]] for row in batch]
            for row, whole in zip(batch, chances(reference, texts, temperature), strict=True):
                wanted = whole[len(row["prompt"]) - 1 : -1]
                best = wanted.topk(TOP_K)
                values = best.values.numpy()
                ids = columns[best.indices].numpy()
                writer.add(row["tokens"], ids, np.where(values < 1e-4, 0, values))
