"""Students: small language models, trained from scratch or further on what a teacher said."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
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
    losses = [model(input_ids=part, labels=part).loss.item() for part in rows.split(16)]
    return math.exp(sum(losses) / len(losses))
