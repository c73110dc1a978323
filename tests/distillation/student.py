"""Students: small language models, trained from scratch or further on what a teacher said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import LlamaConfig, LlamaForCausalLM

Answers = Sequence[Sequence[int]]


def newborn(
    vocabulary: int, *, width: int = 128, layers: int = 2, length: int = 256, seed: int = 0
) -> LlamaForCausalLM:
    """Return a small Llama with random weights that follow from the seed."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 32),
        max_position_embeddings=length,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LlamaForCausalLM(config)


class Student:
    """A model, and how its token ids are the vendor's.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        It has ids of its own.
    ids : array of int, optional
        The vendor's id of each of its own. Default: they are the same.
    vocabulary : int
        How many ids the vendor has; needed with `ids`.
    """

    def __init__(
        self, model: Any, ids: npt.NDArray[np.int64] | None = None, vocabulary: int = 0
    ) -> None:
        self.model = model
        self.ids = ids
        self._own = None
        if ids is not None:
            self._own = np.full(vocabulary, -1)
            self._own[ids] = np.arange(len(ids))

    def own(self, text: Sequence[int]) -> list[int]:
        """Return a text of the vendor's ids in its own, without those that it does not know."""
        if self._own is None:
            return list(text)
        own = self._own[np.asarray(text, np.int64)]
        return own[own >= 0].tolist()

    def vendors(self, text: Sequence[int]) -> list[int]:
        """Return a text of its own ids in the vendor's."""
        return list(text) if self.ids is None else self.ids[np.asarray(text, np.int64)].tolist()

    def read(self, text: Sequence[int]) -> list[int]:
        """Return a text of the vendor's ids in its own; what it does not know is its first."""
        if self._own is None:
            return list(text)
        return self._own[np.asarray(text, np.int64)].clip(0).tolist()


def pack(texts: Answers, length: int, end: int) -> torch.Tensor:
    """Join texts, an end id behind each, and cut them into rows of one length."""
    joined = np.concatenate([np.append(np.asarray(text, np.int64), end) for text in texts])
    rows = len(joined) // length
    return torch.from_numpy(joined[: rows * length].reshape(rows, length))


def train(
    model: LlamaForCausalLM,
    texts: Answers,
    *,
    end: int,
    epochs: float,
    rate: float,
    length: int = 128,
    batch: int = 16,
    seed: int = 0,
) -> list[float]:
    """Train a model on texts, and return the loss of each step, in nats a token.

    AdamW, the rate warmed up over a twentieth of the steps and then lowered along a cosine.
    Everything follows from the seed, on one machine with one number of threads.
    """
    rows = pack(texts, length, end)
    generator = torch.Generator().manual_seed(seed)
    steps = max(1, math.ceil(epochs * len(rows) / batch))
    order = torch.cat(
        [torch.randperm(len(rows), generator=generator) for _ in range(math.ceil(epochs) + 1)]
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1
    )
    warm = max(1, steps // 20)
    losses = []
    model.train()
    for step in range(steps):
        along = (step - warm) / max(1, steps - warm)
        factor = (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * along))
        for group in optimizer.param_groups:
            group["lr"] = rate * factor
        ids = rows[order[step * batch : (step + 1) * batch]]
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return losses


@torch.inference_mode()
def perplexity(model: LlamaForCausalLM, texts: Answers, *, end: int, length: int = 128) -> float:
    """Return the perplexity of texts under a model."""
    rows = pack(texts, length, end)
    losses = [
        len(part) * model(input_ids=part, labels=part).loss.item() for part in rows.split(16)
    ]
    return math.exp(sum(losses) / len(rows))
