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

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from greenprint._arrays import all_ids
from greenprint._errors import ArgumentError
from greenprint._params import whole_number

if TYPE_CHECKING:
    from greenprint._arrays import Tokens

__all__ = ["ExpectationsWriter", "write_expectations"]

TOP_MAX = 255  # expectations at a position, as many as the format has room for
LABEL_MAX = 200  # bytes
_WINDOW_MAX = 1024  # tokens, where the caller does not say
_ROWS = 256  # positions whose whole distribution is in memory at a time

Chunk = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # ids and probabilities, (positions, k)


class ExpectationsWriter:
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

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        label: str,
        vocabulary: int = 0,
        top_k: int = 64,
    ) -> None:
        self._path = Path(path)
        self._vocabulary = whole_number(vocabulary, "vocabulary", 32)
        self._top_k = whole_number(top_k, "top_k", 8)
        if self._top_k == 0:
            raise ArgumentError("top_k must be at least 1")
        encoded = label.encode()
        if len(encoded) > LABEL_MAX or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in label):
            raise ArgumentError(
                f"label must be at most {LABEL_MAX} bytes of UTF-8 without control characters"
            )
        self._documents = 0
        self._tokens = 0
        self._digest = hashlib.sha256()
        self._left: int | None = None  # positions that the document still lacks
        self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - lives as long as this object
            dir=self._path.parent, prefix=f".{self._path.name}.", delete=False
        )
        self._write(b"\x89GPEXP\r\n" + bytes([1, 1, self._top_k, len(encoded)]))
        self._write(struct.pack("<I", self._vocabulary) + encoded)
        self._write(self._digest.digest())

    def __enter__(self) -> ExpectationsWriter:
        """Return the writer itself."""
        return self

    def __exit__(self, kind: Any, *exception: Any) -> None:
        """Finish the file, or remove it where there was an exception."""
        if kind is None:
            self.close()
        else:
            self.abandon()

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

    def add_chunks(self, tokens: Tokens, chunks: Iterable[Chunk]) -> None:
        """Add one document whose expectations come in parts.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            Its token ids.
        chunks : iterable of (ids, probabilities)
            Arrays as for `add`, for positions one after the other. Only one chunk needs to be
            in memory.

        Raises
        ------
        ArgumentError
            As `add`; the file can then not be finished.
        """
        self._begin(all_ids(tokens))
        for ids, probabilities in chunks:
            if ids.size or ids.ndim == 2:
                self._add_chunk(ids, probabilities)
        self._end()

    def _begin(self, tokens: npt.NDArray[np.uint32]) -> None:
        """Begin a document."""
        if self._left is not None:
            raise ArgumentError("an earlier document failed: begin the file anew")
        self._left = tokens.size
        self._write(b"D" + hashlib.sha256(tokens.astype("<u4").tobytes()).digest())
        self._write(struct.pack("<Q", tokens.size))
        self._tokens += tokens.size

    def _add_chunk(self, ids: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> None:
        """Add the next positions of the document."""
        assert self._left is not None
        encoded = self._encode(ids, probabilities)
        if len(ids) > self._left:
            raise ArgumentError("expectations for more positions than the document has tokens")
        self._left -= len(ids)
        self._write(encoded)

    def _end(self) -> None:
        """End the document."""
        if self._left != 0:
            raise ArgumentError(f"expectations are missing for {self._left} positions")
        self._write(self._digest.digest())
        self._documents += 1
        self._left = None

    def _encode(self, ids: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> bytes:
        """Return the bytes of some positions: for each a count, then ids and probabilities."""
        if ids.ndim != 2 or ids.shape != probabilities.shape:
            raise ArgumentError(
                "ids and probabilities must be 2-D and of one shape, not "
                f"{ids.shape} and {probabilities.shape}"
            )
        if ids.size == 0:  # of no particular type
            return bytes(len(ids))
        if ids.dtype.kind not in "iu" or probabilities.dtype.kind not in "fiu":
            raise ArgumentError("ids must be integers, and probabilities floating-point numbers")
        values = probabilities.astype("<f4")
        if not ((values >= 0) & (values <= 1.001)).all():  # NaN as well
            raise ArgumentError("probabilities must be from 0 to 1")
        if values.sum(axis=1, dtype=np.float64).max() > 1.001:
            raise ArgumentError("the probabilities of a position add up to more than 1")
        kept = values > 0
        counts = kept.sum(axis=1)
        if counts.max() > self._top_k:
            raise ArgumentError(f"more than top_k = {self._top_k} expectations at a position")
        limit = self._vocabulary or 1 << 32
        if kept.any() and not 0 <= int(ids[kept].min()) <= int(ids[kept].max()) < limit:
            raise ArgumentError(f"ids must be from 0 to {limit - 1}")
        # What is left out goes to the end of its row.
        wide = np.where(kept, ids, 1 << 32).astype(np.int64)
        order = wide.argsort(axis=1, kind="stable")
        wide = np.take_along_axis(wide, order, axis=1)
        if ((wide[:, 1:] == wide[:, :-1]) & (wide[:, 1:] < 1 << 32)).any():
            raise ArgumentError("an id occurs twice at one position")
        present = wide < 1 << 32
        entries = np.empty(int(counts.sum()), dtype=[("id", "<u4"), ("probability", "<f4")])
        entries["id"] = wide[present]
        entries["probability"] = np.take_along_axis(values, order, axis=1)[present]
        sizes = 1 + 8 * counts
        begins = np.cumsum(sizes) - sizes
        out = np.empty(int(sizes.sum()), np.uint8)
        is_count = np.zeros(out.size, bool)
        is_count[begins] = True
        out[is_count] = counts
        out[~is_count] = entries.view(np.uint8)
        return out.tobytes()

    def close(self) -> None:
        """Write the end, and give the file its name; closing twice does nothing.

        Raises
        ------
        ArgumentError
            Where a document failed; the file is removed.
        OSError
            Where it cannot be written; it is removed.
        """
        if self._file.closed:
            return
        try:
            if self._left is not None:
                raise ArgumentError("a document failed: the file was not written")
            self._write(b"E" + struct.pack("<QQ", self._documents, self._tokens))
            self._write(self._digest.digest())
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.chmod(self._file.name, 0o666 & ~_umask())
            os.replace(self._file.name, self._path)
        except BaseException:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)
            raise

    def abandon(self) -> None:
        """Remove what was written so far."""
        if not self._file.closed:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


def _umask() -> int:
    """Return the process's mask of file modes, which can only be asked for by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


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
    if not 0.0 < temperature < float("inf"):
        raise ArgumentError("temperature must be above 0; for greedy decoding use a small one")
    if not 0.0 <= min_probability < 1.0:
        raise ArgumentError("min_probability must be from 0 to 1")
    size = _window_size(model, window)
    count = whole_number(batch_size, "batch_size", 32)
    if count == 0:
        raise ArgumentError("batch_size must be at least 1")
    if label is None:
        label = str(getattr(model.config, "name_or_path", "")) or type(model).__name__
        label = label.encode()[-LABEL_MAX:].decode(errors="ignore")
    head = model.get_output_embeddings()
    vocabulary = 0 if head is None else int(head.weight.shape[0])
    with (
        ExpectationsWriter(path, label=label, vocabulary=vocabulary, top_k=top_k) as writer,
        _Bar(documents, progress) as bar,
    ):
        was_training = model.training
        model.eval()
        try:
            for batch in _batches(documents, prompts, size, count):
                chunks = _expect(model, batch, top_k, temperature, min_probability)
                for read, chunk in zip(batch, chunks, strict=True):
                    read.write(writer, chunk)
                    bar.update(len(chunk[0]))
        finally:
            model.train(was_training)


class _Read:
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

    def write(self, writer: ExpectationsWriter, chunk: Chunk) -> None:
        """Write what was expected, and where the document begins and ends."""
        if self.begins is not None:
            writer._begin(self.begins)
        writer._add_chunk(*chunk)
        if self.ends:
            writer._end()


def _windows(
    tokens: npt.NDArray[np.uint32], prompt: npt.NDArray[np.uint32], size: int
) -> Iterator[_Read]:
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
            read = _Read(readable[:0], 0, unknown)
        else:
            begin = max(0, min(target - size // 2, readable.size - size))
            end = min(begin + size, readable.size)
            read = _Read(readable[begin:end], target - 1 - begin, unknown)
        read.begins, document = document, None
        read.ends = end == readable.size
        yield read
        if read.ends:
            return
        target, unknown = end + 1, 0


def _batches(
    documents: Iterable[Tokens], prompts: Iterable[Tokens] | None, size: int, count: int
) -> Iterator[list[_Read]]:
    """Cut all documents into windows, and put `count` of them together."""
    missing = object()
    pairs = (
        ((document, ()) for document in documents)
        if prompts is None
        else zip_longest(documents, prompts, fillvalue=missing)
    )
    batch: list[_Read] = []
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


def _window_size(model: Any, window: int | None) -> int:
    """Return how many tokens the model shall read at once."""
    limit = getattr(model.config, "max_position_embeddings", None)
    if window is None:
        return min(limit or _WINDOW_MAX, _WINDOW_MAX)
    size = whole_number(window, "window", 32)
    if size < 2 or (limit is not None and size > limit):
        raise ArgumentError(f"window must be from 2 to {limit or 'what the model can read'}")
    return size


def _expect(
    model: Any, batch: Sequence[_Read], top_k: int, temperature: float, min_probability: float
) -> list[Chunk]:
    """Ask the model about a batch of windows."""
    import torch

    lengths = [len(read.ids) for read in batch]
    longest = max(lengths)
    logits: Any = [()] * len(batch)
    if longest > 0:
        # Padded on the right, where a causal model does not look; masked all the same.
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        mask = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, read in enumerate(batch):
            ids[row, : lengths[row]] = torch.from_numpy(read.ids.astype(np.int64))
            mask[row, : max(lengths[row], 1)] = 1
        device = next(model.parameters()).device
        with torch.inference_mode():
            logits = model(
                input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False
            ).logits
    chunks = []
    for read, rows in zip(batch, logits, strict=True):
        parts = [_nothing(read.unknown, top_k)]
        wanted = rows[read.rows]
        for start in range(0, len(wanted), _ROWS):
            parts.append(_top(wanted[start : start + _ROWS], top_k, temperature))
        ids_of_all, probabilities = (
            np.concatenate(arrays) for arrays in zip(*parts, strict=True)
        )
        probabilities[probabilities < min_probability] = 0
        chunks.append((ids_of_all, probabilities))
    return chunks


def _nothing(positions: int, top_k: int) -> Chunk:
    return np.zeros((positions, top_k), np.int64), np.zeros((positions, top_k), np.float32)


def _top(logits: Any, top_k: int, temperature: float) -> Chunk:
    """Return the most likely ids of some positions; fewer are filled up with nothing."""
    import torch

    with torch.inference_mode():
        probabilities = (logits.float() / temperature).softmax(-1)
        best = probabilities.topk(min(top_k, probabilities.shape[-1]))
    ids, values = _nothing(len(logits), top_k)
    ids[:, : best.indices.shape[1]] = best.indices.cpu().numpy()
    values[:, : best.values.shape[1]] = best.values.cpu().numpy()
    return ids, values


class _Bar:
    """A progress bar that counts tokens, where ``tqdm`` is installed and one is wanted."""

    def __init__(self, documents: Any, wanted: bool) -> None:
        self._bar: Any = None
        if not wanted:
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        known = hasattr(documents, "__len__") and not isinstance(documents, np.ndarray)
        total = sum(len(document) for document in documents) if known else None
        self._bar = tqdm(total=total, unit="token", desc="expectations", unit_scale=True)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, tokens: int) -> None:
        if self._bar is not None:
            self._bar.update(tokens)
