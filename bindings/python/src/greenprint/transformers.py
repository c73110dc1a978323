"""Marking what ``transformers`` generates.

::

    from greenprint.transformers import GreenprintLogitsProcessor

    processor = GreenprintLogitsProcessor(watermark, pad_token_id=tokenizer.pad_token_id)
    model.generate(**inputs, do_sample=True, logits_processor=[processor])
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from greenprint._arrays import LogitsView, view_logits
from greenprint._embedding import Session, Watermark
from greenprint._errors import ArgumentError
from greenprint._library import FLOAT32
from greenprint._params import whole_number

try:
    import torch
    from transformers import LogitsProcessor
except ImportError as error:
    raise ImportError(
        "greenprint.transformers needs torch and transformers: "
        "pip install 'greenprint[transformers]'"
    ) from error

__all__ = ["GreenprintLogitsProcessor"]


class GreenprintLogitsProcessor(LogitsProcessor):
    """Biases the scores of each step of ``generate()``.

    Batches, left padding, sampling, beam search and assisted generation are served. One
    processor belongs to one ``generate()`` at a time, hence to one thread; it may be
    used for one after the other, and any number may share a watermark.

    Parameters
    ----------
    watermark : Watermark
        What to mark with.
    pad_token_id : int, optional
        The id that pads prompts on the left. Where it is given, that id at the start of a
        row is no context, so that a prompt is treated alike with and without padding.
        It may equal the id of the end of the sequence. Where it is None, padding counts
        as context while a prompt is shorter than the context width.
    skip_repeated_contexts : bool
        Whether to leave a position unmarked when its context occurred earlier in what
        was generated in the same row. That keeps repetition loops from feeding
        themselves; the verifier counts such a position once anyway. The prompt does
        not count. Without effect with seeding ``"fixed"``, where all positions have one
        context.

    Raises
    ------
    ArgumentError
        Where the arguments are refused. When called: where the scores are not on the
        CPU, are not float32, float16 or bfloat16, or have rows that are not contiguous.

    Notes
    -----
    ``generate()`` applies this processor before temperature, top-k and top-p. The
    strength that sampling sees is ``delta / temperature``.

    The scores are changed in place and returned. In sampling and greedy search
    ``output_logits=True`` therefore shows the biased logits.

    What was generated begins where the first call of a ``generate()`` ended its input. A
    call is taken to go on with the generation of the call before when each of its rows
    but for the last id is the start of one of the earlier rows, prompt included: the
    next step, reordered or dropped beams, and rejected candidates are such calls. Anything
    else begins a new generation. Call `reset` where a new prompt is to be told from that,
    say one that is an earlier output with one more id.
    """

    supports_continuous_batching = False

    def __init__(
        self,
        watermark: Watermark,
        pad_token_id: int | None = None,
        skip_repeated_contexts: bool = True,
    ) -> None:
        if not isinstance(watermark, Watermark):
            raise ArgumentError(f"watermark must be a Watermark, not {type(watermark).__name__}")
        self._watermark = watermark
        self._pad = (
            None if pad_token_id is None else whole_number(pad_token_id, "pad_token_id", 32)
        )
        self._skip = bool(skip_repeated_contexts)
        self._width = watermark.params.context_width
        self.reset()

    def reset(self) -> None:
        """Forget the generation so far: the next call begins a new one."""
        self._prompt = 0  # length of the input of the first call
        self._ids: npt.NDArray[np.uint32] | None = None  # input of the last call
        self._sessions: list[Session] = []  # one for each row of it

    def __call__(
        self, input_ids: torch.LongTensor, scores: torch.FloatTensor
    ) -> torch.FloatTensor:
        """Bias the scores of one step.

        Parameters
        ----------
        input_ids : torch.LongTensor, shape (rows, length)
            The sequences so far, padded on the left.
        scores : torch.FloatTensor, shape (rows, vocabulary)
            On the CPU; changed in place.

        Returns
        -------
        torch.FloatTensor
            `scores` itself.
        """
        view = view_logits(scores)
        ids = _check_ids(input_ids, view)
        starts = self._first_real(ids)
        sessions: list[Session] = []
        if self._skip:
            try:
                sessions = self._continue(ids, starts)
                self._bias(view, ids, starts, sessions)
            except BaseException:
                self.reset()
                raise
            self._ids, self._sessions = ids, sessions
        else:
            self._bias(view, ids, starts, sessions)
        return scores

    def _first_real(self, ids: npt.NDArray[np.uint32]) -> npt.NDArray[np.intp]:
        """Say for each row where its padding ends."""
        if self._pad is None:
            return np.zeros(len(ids), np.intp)
        real = np.ones((len(ids), ids.shape[1] + 1), bool)
        real[:, :-1] = ids != self._pad
        starts: npt.NDArray[np.intp] = real.argmax(axis=1)
        return starts

    def _bias(
        self,
        view: LogitsView,
        ids: npt.NDArray[np.uint32],
        starts: npt.NDArray[np.intp],
        sessions: list[Session],
    ) -> None:
        length = ids.shape[1]
        counts = np.minimum(length - starts, self._width)
        ends = (np.arange(len(ids)) + 1) * length
        self._watermark._bias_rows(view, *_windows(ids, ends, counts), sessions)

    def _continue(
        self, ids: npt.NDArray[np.uint32], starts: npt.NDArray[np.intp]
    ) -> list[Session]:
        """Return for each row a session that holds the contexts generated before."""
        length = ids.shape[1]
        parents = self._parents(ids)
        if parents is None:
            self._prompt = length
            spare = self._sessions
            sessions = []
            for _ in ids:
                sessions.append(_fresh(spare))
            return sessions
        assert self._ids is not None
        # The session of an earlier row serves the first row that goes on with all of it.
        inherited: dict[int, int] = {}
        if length == self._ids.shape[1] + 1:
            for row, parent in enumerate(parents):
                inherited.setdefault(parent, row)
        served = {row: self._sessions[parent] for parent, row in inherited.items()}
        spare = [s for i, s in enumerate(self._sessions) if i not in inherited]
        sessions = []
        for row in range(len(ids)):
            if row in served:
                sessions.append(served[row])
                continue
            session = _fresh(spare)
            self._replay(ids[row], int(starts[row]), session)
            sessions.append(session)
        return sessions

    def _parents(self, ids: npt.NDArray[np.uint32]) -> list[int] | None:
        """Say which earlier row each row goes on with; None for a new generation."""
        if self._ids is None:
            return None
        length = ids.shape[1] - 1
        if not self._prompt <= length <= self._ids.shape[1]:
            return None
        heads, earlier = ids[:, :length], self._ids[:, :length]
        if np.array_equal(heads, earlier):
            return list(range(len(ids)))
        where = {row.tobytes(): index for index, row in enumerate(earlier)}
        parents = [where.get(row.tobytes()) for row in heads]
        known = [parent for parent in parents if parent is not None]
        return known if len(known) == len(parents) else None

    def _replay(self, row: npt.NDArray[np.uint32], start: int, session: Session) -> None:
        """Let a session see the contexts from the end of the prompt to the last step."""
        ends = np.arange(self._prompt, len(row))
        counts = np.clip(ends - start, 0, self._width)
        # A row needs no more than one logit; a row for each position makes it one call.
        scratch = np.zeros(len(ends), np.float32)
        view = LogitsView(scratch.ctypes.data, FLOAT32, len(ends), 1, 1)
        tokens, n_tokens = _windows(row, ends, counts)
        self._watermark._bias_rows(view, tokens, n_tokens, [session] * len(ends))


def _check_ids(input_ids: Any, view: LogitsView) -> npt.NDArray[np.uint32]:
    """Copy the ids of all rows: ``generate()`` may reuse its memory."""
    if view.n_rows is None or not isinstance(input_ids, torch.Tensor) or input_ids.ndim != 2:
        raise ArgumentError("input_ids and scores must be 2-D tensors, as generate() has them")
    if input_ids.device.type != "cpu":
        raise ArgumentError(
            f"input_ids is on device {str(input_ids.device)!r}, but scores on the CPU"
        )
    if len(input_ids) != view.n_rows:
        raise ArgumentError(f"input_ids has {len(input_ids)} rows, but scores {view.n_rows}")
    array = input_ids.numpy()
    if array.dtype.kind not in "iu":
        # An empty prompt may come as an empty tensor of floats.
        if array.size:
            raise ArgumentError(f"input_ids has dtype {input_ids.dtype}, not an integer one")
        return np.zeros(array.shape, np.uint32)
    if array.size and (int(array.min()) < 0 or int(array.max()) >= 1 << 32):
        raise ArgumentError("input_ids holds ids that are negative or above 2^32 - 1")
    return np.array(array, dtype=np.uint32, order="C")


def _windows(
    ids: npt.NDArray[np.uint32], ends: npt.NDArray[np.intp], counts: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.uintp], npt.NDArray[np.uintp]]:
    """Give addresses and counts of the windows that end at positions of contiguous ids."""
    first = (ends - counts) * ids.itemsize + ids.ctypes.data
    return first.astype(np.uintp), counts.astype(np.uintp)


def _fresh(spare: list[Session]) -> Session:
    if not spare:
        return Session()
    session = spare.pop()
    session.reset()
    return session
