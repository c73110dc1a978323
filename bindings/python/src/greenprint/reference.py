"""Expectations files: what a model that never saw the key expected at each position.

::

    from greenprint.reference import write_expectations

    write_expectations(model, documents, "answers.gpx", prompts=prompts)

The verifier takes such a file beside the text and scores occurrence minus expectation, which
takes fewer tokens where much of the text is predictable. The model may be the marked model
without its mark, its base, or any other that has the same token ids. Its expectations must
have nothing to do with the key: they must not come from a marked model, nor from prompts that
hold text marked with the key in question.

`ExpectationsWriter`, on which this is built, needs NumPy alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from greenprint import _driving as driving
from greenprint._errors import ArgumentError
from greenprint._params import real_number
from greenprint._weights import Chunk, ExpectationSections, WeightsWriter

if TYPE_CHECKING:
    from greenprint._arrays import Tokens

__all__ = ["ExpectationsWriter", "write_expectations"]


class ExpectationsWriter(WeightsWriter):
    """Writes an expectations file (SPEC.md section 14).

    The file appears under its name, in place of any before it, when the ``with`` block ends
    without an exception. Until then it has a temporary name in the same folder.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    label : str
        What to call the reference model: at most 200 bytes of UTF-8, no control characters.
    vocabulary : int
        Every token id is below it; 0 to leave that open.
    top_k : int
        The most expectations at a position, 1 to 255.

    Raises
    ------
    ArgumentError
        Where an argument is refused.
    OSError
        Where the file cannot be written.

    Examples
    --------
    >>> with ExpectationsWriter("answers.gpx", label="bigrams") as writer:  # doctest: +SKIP
    ...     writer.add([5, 7], ids=[[0, 0], [7, 9]], probabilities=[[0, 0], [0.5, 0.25]])
    """

    _kind = ExpectationSections

    def add(
        self, tokens: Tokens, ids: npt.ArrayLike = (), probabilities: npt.ArrayLike = ()
    ) -> None:
        """Add one document.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            Its n token ids.
        ids : array_like of int, shape (n, k)
            For each position, ids that may stand there, each once, in any order.
        probabilities : array_like of float, shape (n, k)
            Their probabilities given the tokens before the position. What is 0 is left out, so
            rows with fewer than k entries are filled up with any id and 0.

        Raises
        ------
        ArgumentError
            Where the shapes do not fit, or numbers are no ids or no probabilities.
        """
        self.add_chunks(tokens, [(np.asarray(ids), np.asarray(probabilities))])


def write_expectations(
    model: Any,
    documents: Iterable[Tokens],
    path: str | os.PathLike[str],
    *,
    prompts: Iterable[Tokens] | None = None,
    top_k: int = 64,
    min_probability: float = 1e-4,
    temperature: float = 1.0,
    window: int | None = None,
    batch_size: int = 4,
    label: str | None = None,
    progress: bool = True,
) -> None:
    """Write what a causal language model expects at each position of documents.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A causal language model with the token ids of the documents, that never saw the key. It
        is used where it is, on any device, in its own number format.
    documents : iterable of token ids
        The documents, in the order in which they will be verified. A few of them are in memory
        at a time.
    path : str or os.PathLike
        The file to be written; one of that name is replaced once the new one is whole.
    prompts : iterable of token ids, optional
        For each document the ids that came before it (may be empty): the model is conditioned
        on them, but they are not scored. They must not hold text marked with the key. A
        beginning-of-sequence id that the model wants belongs here as well. Without any, nothing
        is expected at the first position.
    top_k : int
        How many tokens to keep at each position, the most likely ones; 1 to 255.
    min_probability : float
        Tokens less likely than this are left out. That keeps files small where text is
        predictable, and costs next to nothing.
    temperature : float
        Logits are divided by it. Best is the one at which the text was sampled.
    window : int, optional
        Tokens that the model reads at once, at most its own limit; longer documents are read in
        windows that overlap by half. Default: the model's limit, at most 1,024.
    batch_size : int
        Windows in one call of the model.
    label : str, optional
        What to call the model in the file. Default: its name or the name of its class.
    progress : bool
        Whether to show a progress bar, if ``tqdm`` is installed.

    Raises
    ------
    ArgumentError
        Where an argument is refused.
    OSError
        Where the file cannot be written.
    """
    temperature = real_number(temperature, "temperature")
    min_probability = real_number(min_probability, "min_probability")
    if not 0.0 < temperature < float("inf"):
        raise ArgumentError("temperature must be above 0; for greedy decoding use a small one")
    if not 0.0 <= min_probability < 1.0:
        raise ArgumentError("min_probability must be from 0 to 1")
    size = driving.window_size([model], window)
    count = driving.batch_count(batch_size)
    with (
        ExpectationsWriter(
            path,
            label=driving.name_of(model) if label is None else label,
            vocabulary=driving.vocabulary_of(model),
            top_k=top_k,
        ) as writer,
        driving.Bar(documents, progress, "expectations") as bar,
        driving.Evaluating(model),
    ):
        for batch in driving.batches(documents, prompts, size, count):
            chunks = _expect(model, batch, top_k, temperature, min_probability)
            for read, chunk in zip(batch, chunks, strict=True):
                read.write(writer._sections, chunk)
                bar.update(len(chunk[0]))


def _expect(
    model: Any,
    batch: Sequence[driving.Read],
    top_k: int,
    temperature: float,
    min_probability: float,
) -> list[Chunk]:
    """Ask the model about a batch of windows."""
    chunks = []
    for read, logits in zip(batch, driving.ask(model, batch), strict=True):
        parts = [driving.nothing(read.unknown, top_k)]
        for start in range(0, len(logits), driving.ROWS):
            parts.append(_top(logits[start : start + driving.ROWS], top_k, temperature))
        ids, probabilities = driving.joined(parts)
        probabilities[probabilities < min_probability] = 0
        chunks.append((ids, probabilities))
    return chunks


def _top(logits: Any, top_k: int, temperature: float) -> Chunk:
    """Return the most likely ids of some positions; fewer are filled up with nothing."""
    import torch

    with torch.inference_mode():
        probabilities = (logits.float() / temperature).softmax(-1)
        best = probabilities.topk(min(top_k, probabilities.shape[-1]))
    return driving.filled(best.indices, best.values, top_k)
