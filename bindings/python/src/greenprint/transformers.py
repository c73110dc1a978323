"""Marking what ``transformers`` generates.

::

    from greenprint.transformers import GreenprintLogitsProcessor

    processor = GreenprintLogitsProcessor(watermark, pad_token_id=tokenizer.pad_token_id)
    model.generate(**inputs, do_sample=True, logits_processor=[processor])
"""

from __future__ import annotations

import ctypes
from typing import Any

from greenprint import _library as c
from greenprint._arrays import view_logits
from greenprint._embedding import ThreadPool, Watermark
from greenprint._errors import ArgumentError
from greenprint._generation import IN_USE, Generation, fill_step
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

# Looked up at each step, where attributes of modules would take time.
_int64 = torch.int64
_DTYPES = {torch.float32: c.FLOAT32, torch.float16: c.FLOAT16, torch.bfloat16: c.BFLOAT16}
_bias = c.lib.gp_generation_bias

_INTEGERS = {
    getattr(torch, name)
    for name in ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")
    if hasattr(torch, name)
}


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
    threads : ThreadPool, optional
        Threads to share the rows of a batch among. None: all is done by the caller's.
        Without effect where the scores are on a CUDA device.

    Raises
    ------
    ArgumentError
        Where the arguments are refused. When called: where the scores are neither on the
        CPU nor on a CUDA device, are not float32, float16 or bfloat16, or have rows that are
        not contiguous; where an id is negative or above 2^32 - 1; where the processor is in
        use by another thread; where it is called while a CUDA graph is being captured.

    Notes
    -----
    ``generate()`` applies this processor before temperature, top-k and top-p. The
    strength that sampling sees is ``delta / temperature``.

    The scores are changed in place and returned. In sampling and greedy search
    ``output_logits=True`` therefore shows the biased logits. On the CPU nothing is copied but
    the last id of each row; where the scores are on a CUDA device, the ids are copied to
    the CPU at each step.

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
        *,
        threads: ThreadPool | None = None,
    ) -> None:
        if not isinstance(watermark, Watermark):
            raise ArgumentError(f"watermark must be a Watermark, not {type(watermark).__name__}")
        if threads is not None and not isinstance(threads, ThreadPool):
            raise ArgumentError(f"threads must be a ThreadPool, not {type(threads).__name__}")
        pad = None if pad_token_id is None else whole_number(pad_token_id, "pad_token_id", 32)
        self._generation = Generation(watermark, pad, not skip_repeated_contexts, threads)
        # What each step needs, at hand.
        self._acquire = self._generation.lock.acquire
        self._release = self._generation.lock.release
        self._step = self._generation.step
        self._arguments = self._generation.arguments

    def reset(self) -> None:
        """Forget the generation so far: the next call begins a new one."""
        with self._generation:
            c.lib.gp_generation_reset(self._generation.handle)

    def __call__(
        self, input_ids: torch.LongTensor, scores: torch.FloatTensor
    ) -> torch.FloatTensor:
        """Bias the scores of one step.

        Parameters
        ----------
        input_ids : torch.LongTensor, shape (rows, length)
            The sequences so far, padded on the left.
        scores : torch.FloatTensor, shape (rows, vocabulary)
            Changed in place.

        Returns
        -------
        torch.FloatTensor
            `scores` itself.
        """
        if not self._acquire(False):
            raise ArgumentError(IN_USE)
        try:
            # What generate() passes is told by a few attributes; anything else is looked at
            # closely, to be taken or refused with a reason.
            try:
                dtype = _DTYPES[scores.dtype]
                n_rows, vocabulary = scores.shape
                n_ids_rows, length = input_ids.shape
                as_usual = (
                    input_ids.dtype is _int64
                    and n_ids_rows == n_rows
                    and vocabulary > 0
                    and scores.is_cpu
                    and input_ids.is_cpu
                    and not scores.requires_grad
                    and scores.is_contiguous()
                    and input_ids.is_contiguous()
                )
                address, ids = scores.data_ptr(), input_ids.data_ptr()
            except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
                as_usual = False
            if not as_usual:
                self._bias_unusual(input_ids, scores)
                return scores
            step = self._step
            fill_step(
                step, 0, address, n_rows, vocabulary, vocabulary, ids, length, length, dtype
            )
            if _bias(*self._arguments):
                c.raise_error(self._generation.error)
        finally:
            self._release()
        return scores

    def _bias_unusual(self, input_ids: Any, scores: Any) -> None:
        """Bias scores of any form that can be biased; refuse others."""
        if isinstance(scores, torch.Tensor) and scores.is_cuda:
            self._bias_on_device(input_ids, scores)
            return
        view = view_logits(scores)
        ids = _check_ids(input_ids, view.n_rows)
        if ids.device.type != "cpu":
            raise ArgumentError(
                f"input_ids is on device {str(ids.device)!r}, but scores on the CPU"
            )
        step = c.GenerationStep(
            logits=view.address,
            n_rows=view.n_rows,
            vocabulary=view.vocabulary,
            stride=view.stride,
            ids=ids.data_ptr(),
            length=ids.shape[1],
            ids_stride=ids.stride(0),
            dtype=view.dtype,
        )
        c.call(_bias, self._generation.handle, ctypes.byref(step))

    def _bias_on_device(self, input_ids: Any, scores: torch.Tensor) -> None:
        """Bias scores in the memory of a CUDA device."""
        from greenprint import _cuda

        n_rows = len(scores) if scores.ndim == 2 else None
        ids = _check_ids(input_ids, n_rows).cpu()
        handle, rows = self._generation.handle, ctypes.c_void_p()
        try:
            c.call(
                c.lib.gp_generation_next,
                handle,
                ids.data_ptr(),
                n_rows,
                ids.shape[1],
                ids.stride(0),
                ctypes.byref(rows),
            )
            _cuda.bias_rows(self._generation.watermark, scores, rows.value, n_rows)
        except BaseException:
            c.lib.gp_generation_reset(handle)
            raise


def _check_ids(input_ids: Any, n_rows: int | None) -> torch.Tensor:
    """Return the ids as int64, side by side in each row; those of generate() as they are."""
    if n_rows is None or not isinstance(input_ids, torch.Tensor) or input_ids.ndim != 2:
        raise ArgumentError("input_ids and scores must be 2-D tensors, as generate() has them")
    if len(input_ids) != n_rows:
        raise ArgumentError(f"input_ids has {len(input_ids)} rows, but scores {n_rows}")
    # An empty prompt may come as an empty tensor of floats.
    if input_ids.dtype not in _INTEGERS and input_ids.numel() > 0:
        raise ArgumentError(f"input_ids has dtype {input_ids.dtype}, not an integer one")
    ids = input_ids.to(torch.int64)
    return ids if ids.stride(1) == 1 else ids.contiguous()
