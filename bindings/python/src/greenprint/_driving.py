"""Asking causal language models of transformers what comes next in given sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from greenprint._arrays import all_ids
from greenprint._errors import ArgumentError
from greenprint._params import whole_number
from greenprint._weights import LABEL_MAX, Chunk, Sections

if TYPE_CHECKING:
    from greenprint._arrays import Tokens

_WINDOW_MAX = 1024  # tokens, where the caller does not say
ROWS = 256  # positions whose whole distribution is in memory at a time


class Read:
    """A window of a document: what the model reads, and which of its answers count.

    The answers at `rows` of `ids` are about the next positions of the document. `unknown`
    positions before these have nothing before them to go by.
    """

    def __init__(self, ids: npt.NDArray[np.uint32], first: int, unknown: int) -> None:
        self.ids = ids
        self.rows = slice(first, len(ids))
        self.unknown = unknown
        self.begins: npt.NDArray[np.uint32] | None = None  # the document, in its first window
        self.ends = False  # whether it is its last window

    def write(self, sections: Sections, chunk: Chunk) -> None:
        """Write what the model answered, and where the document begins and ends."""
        if self.begins is not None:
            sections.begin(self.begins)
        sections.add(*chunk)
        if self.ends:
            sections.end()


def _windows(
    tokens: npt.NDArray[np.uint32], prompt: npt.NDArray[np.uint32], size: int
) -> Iterator[Read]:
    """Cut a document, with its prompt before it, into windows that overlap by half or more."""
    unknown = int(prompt.size == 0 and tokens.size > 0)
    # The id before a target tells the model enough to be asked about it, so the last id is
    # never read.
    readable = np.concatenate([prompt, tokens])[:-1]
    target = prompt.size + unknown
    document: npt.NDArray[np.uint32] | None = tokens
    while True:
        if tokens.size == unknown:
            begin = end = readable.size
            read = Read(readable[:0], 0, unknown)
        else:
            begin = max(0, min(target - size // 2, readable.size - size))
            end = min(begin + size, readable.size)
            read = Read(readable[begin:end], target - 1 - begin, unknown)
        read.begins, document = document, None
        read.ends = end == readable.size
        yield read
        if read.ends:
            return
        target, unknown = end + 1, 0


def batches(
    documents: Iterable[Tokens], prompts: Iterable[Tokens] | None, size: int, count: int
) -> Iterator[list[Read]]:
    """Cut all documents into windows of at most `size` ids, and put `count` of them together."""
    missing = object()
    pairs = (
        ((document, ()) for document in documents)
        if prompts is None
        else zip_longest(documents, prompts, fillvalue=missing)
    )
    batch: list[Read] = []
    for tokens, prompt in pairs:
        if tokens is missing or prompt is missing:
            raise ArgumentError("there must be as many prompts as documents")
        for read in _windows(all_ids(tokens), all_ids(prompt), size):
            batch.append(read)
            if len(batch) == count:
                yield batch
                batch = []
    if batch:
        yield batch


def longest_input(model: Any) -> int | None:
    """Return how many tokens a model can read; None where it does not say."""
    limit = getattr(model.config, "max_position_embeddings", None)
    return None if limit is None else int(limit)


def window_size(models: Sequence[Any], window: int | None) -> int:
    """Return how many tokens the models shall read at once."""
    limits = [limit for model in models if (limit := longest_input(model)) is not None]
    limit = min(limits, default=None)
    if window is None:
        return min(limit or _WINDOW_MAX, _WINDOW_MAX)
    size = whole_number(window, "window", 32)
    if size < 2 or (limit is not None and size > limit):
        raise ArgumentError(f"window must be from 2 to {limit or 'what the model can read'}")
    return size


def batch_count(batch_size: int) -> int:
    """Return a checked batch size."""
    count = whole_number(batch_size, "batch_size", 32)
    if count == 0:
        raise ArgumentError("batch_size must be at least 1")
    return count


def name_of(model: Any) -> str:
    """Return what to call a model: its name, or that of its class."""
    label = str(getattr(model.config, "name_or_path", "")) or type(model).__name__
    return label.encode()[-LABEL_MAX:].decode(errors="ignore")


def vocabulary_of(model: Any) -> int:
    """Return how many ids a model gives probabilities; 0 where that is not known."""
    head = model.get_output_embeddings()
    weight = getattr(head, "weight", None)
    if callable(weight):  # of a quantised layer
        weight = weight()
    return 0 if weight is None else int(weight.shape[0])


def known_ids(model: Any) -> int:
    """Return how many ids a model can read; 0 where that is not known."""
    try:
        weight = getattr(model.get_input_embeddings(), "weight", None)
    except NotImplementedError:
        return 0
    return 0 if weight is None else int(weight.shape[0])


def check_known(model: Any, ids: npt.NDArray[np.uint32], name: str) -> None:
    """Refuse ids that a model cannot read, which torch says in many ways, if at all."""
    known = known_ids(model)
    if known > 0 and len(ids) > 0 and ids.max() >= known:
        raise ArgumentError(
            f"{name}: token id {ids.max()} is beyond the {known} that the model knows: were the "
            "ids made for another one?"
        )


def device_of(model: Any) -> Any:
    """Return where a model is."""
    return next(model.parameters()).device


class Evaluating:
    """Models that are not in training, for the length of a block."""

    def __init__(self, *models: Any) -> None:
        self._models = models
        self._were_training = [model.training for model in models]

    def __enter__(self) -> None:
        for model in self._models:
            model.eval()

    def __exit__(self, *exception: Any) -> None:
        for model, was_training in zip(self._models, self._were_training, strict=True):
            model.train(was_training)


def ask(model: Any, batch: Sequence[Read]) -> Iterator[Any]:
    """Yield for each window the logits that count, (positions, vocabulary), where the model is.

    They are about the positions after the unknown ones; there may be none.
    """
    import torch

    lengths = [len(read.ids) for read in batch]
    longest = max(lengths)
    logits: Any = [()] * len(batch)
    if longest > 0:
        # Padded on the right, where a causal model does not look; masked all the same.
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        mask = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, read in enumerate(batch):
            check_known(model, read.ids, "tokens")
            ids[row, : lengths[row]] = torch.from_numpy(read.ids.astype(np.int64))
            mask[row, : max(lengths[row], 1)] = 1
        device = device_of(model)
        with torch.inference_mode():
            logits = model(
                input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False
            ).logits
    for read, rows in zip(batch, logits, strict=True):
        yield rows[read.rows]


def nothing(positions: int, top_k: int) -> Chunk:
    """Return what is known of positions of which nothing is."""
    return np.zeros((positions, top_k), np.int64), np.zeros((positions, top_k), np.float32)


def filled(ids: Any, values: Any, top_k: int) -> Chunk:
    """Return tensors of at most `top_k` columns as arrays of that many, the others nothing."""
    chunk = nothing(len(ids), top_k)
    chunk[0][:, : ids.shape[1]] = ids.cpu().numpy()
    chunk[1][:, : values.shape[1]] = values.cpu().numpy()
    return chunk


def joined(parts: Sequence[Chunk]) -> Chunk:
    """Put chunks one after the other."""
    ids, values = zip(*parts, strict=True)
    return np.concatenate(ids), np.concatenate(values)


class Bar:
    """A progress bar that counts tokens, where ``tqdm`` is installed and one is wanted."""

    def __init__(self, documents: Any, wanted: bool, what: str, unit: str = "token") -> None:
        self._bar: Any = None
        if not wanted:
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        total = None
        if hasattr(documents, "__len__") and not isinstance(documents, np.ndarray):
            total = len(documents)
            if unit == "token":
                total = sum(len(document) for document in documents)
        self._bar = tqdm(total=total, unit=unit, desc=what, unit_scale=True)

    def __enter__(self) -> Bar:
        """Return the bar itself."""
        return self

    def __exit__(self, *exception: Any) -> None:
        """Leave it as it stands."""
        if self._bar is not None:
            self._bar.close()

    def update(self, count: int) -> None:
        """Count some more."""
        if self._bar is not None:
            self._bar.update(count)
