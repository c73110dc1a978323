"""A plain red-green processor on Philox, of torch operations: what anybody would write first.

Philox4x32-10 [Salmon, Moraes, Dror, Shaw 2011] makes four words of 32 bits of a counter and a
key; here counter i gives those of tokens 4 i to 4 i + 3, and the last token of the sequence is
the key. torch has no Philox of its own on the CPU, so its rounds are tensor operations.
"""

from __future__ import annotations

import torch

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = 0xFFFFFFFF
ROUNDS = 10


def philox4x32(
    counter: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], key: tuple[int, int]
) -> tuple[torch.Tensor, ...]:
    """Return four words for each counter; words are int64 tensors of values below 2^32."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        product0, product1 = x0 * MULTIPLIERS[0], x2 * MULTIPLIERS[1]
        # The products wrap around at 2^63, which leaves their 64 bits as they are.
        x0, x1 = ((product1 >> 32) & LOW) ^ x1 ^ k0, product1 & LOW
        x2, x3 = ((product0 >> 32) & LOW) ^ x3 ^ k1, product0 & LOW
        k0, k1 = (k0 + WEYL[0]) & LOW, (k1 + WEYL[1]) & LOW
    return x0, x1, x2, x3


class PhiloxRedGreen:
    """Adds delta where a word is below gamma 2^32."""

    def __init__(self, gamma: float, delta: float, salt: int = 15485863) -> None:
        self.threshold = int(gamma * 2**32)
        self.delta = delta
        self.salt = salt

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Bias the scores in place, a row after the other."""
        vocabulary = scores.shape[1]
        counter = torch.arange((vocabulary + 3) // 4)
        zero = torch.zeros_like(counter)
        for row, last in enumerate(input_ids[:, -1].tolist()):
            words = philox4x32((counter, zero, zero, zero), (last & LOW, self.salt))
            green = torch.stack(words, 1).flatten()[:vocabulary] < self.threshold
            scores[row].add_(green, alpha=self.delta)
        return scores
