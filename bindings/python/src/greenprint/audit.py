"""What a suspect model says, collected for an audit of what it was trained on.

::

    from greenprint.audit import collect_closed, collect_open

    collect_closed(suspect, prompts, "answers.jsonl")  # its answers
    collect_open(suspect, texts, "weights.gpx", reference=base)  # its distributions

``greenprint audit`` tests such files with a key, and so does `greenprint.Audit`. Nothing here
has a say in the test as long as it has nothing to do with the key: neither prompts nor texts may
hold text marked with it, and a reference model must never have seen any. The suspect may well
have: that is the question.

An interrupted run leaves what is finished beside the file, in one with ``.part`` behind its name,
from which the same call goes on.

`ModelWeightsWriter` needs NumPy alone, the other functions torch and transformers.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from greenprint import _driving as driving
from greenprint._arrays import all_ids
from greenprint._errors import ArgumentError
from greenprint._params import real_number, whole_number
from greenprint._parts import Part, ResumedSections, open_part
from greenprint._weights import (
    LABEL_MAX,
    Chunk,
    ModelWeightSections,
    WeightsWriter,
    check_settings,
)
from greenprint.reference import write_expectations

if TYPE_CHECKING:
    from greenprint._arrays import Tokens

__all__ = ["ModelWeightsWriter", "collect_closed", "collect_open"]

_GREEDY_EXPECTED = 0.1  # the temperature of expectations for greedy answers


class ModelWeightsWriter(WeightsWriter):
    """Writes a file of model weights (SPEC.md section 14, kind 2).

    The file appears under its name, in place of any before it, when the ``with`` block ends
    without an exception. Until then it has a temporary name in the same folder. Several files
    may be given to one audit together.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    label : str
        What to call the suspect and the reference model: at most 200 bytes of UTF-8, no control
        characters.
    vocabulary : int
        Every token id is below it; 0 to leave that open.
    top_k : int
        The most weights at a position, 1 to 255.

    Raises
    ------
    ArgumentError
        Where an argument is refused.
    OSError
        Where the file cannot be written.

    Examples
    --------
    >>> with ModelWeightsWriter("weights.gpx", label="student") as writer:  # doctest: +SKIP
    ...     writer.add([5, 7], ids=[[0, 0], [7, 9]], weights=[[0, 0], [0.5, -0.25]])
    """

    _kind = ModelWeightSections

    def add(self, tokens: Tokens, ids: npt.ArrayLike = (), weights: npt.ArrayLike = ()) -> None:
        """Add one document.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            Its n token ids, at most 2^24, chosen without the key.
        ids : array_like of int, shape (n, k)
            For each position, ids that may stand there, each once, in any order.
        weights : array_like of float, shape (n, k)
            Given the tokens before the position, the suspect's probability of each id minus the
            reference model's, from -1 to 1. What is 0 is left out, so rows with fewer than k
            entries are filled up with any id and 0.

        Raises
        ------
        ArgumentError
            Where the shapes do not fit, or numbers are no ids or no weights.
        """
        self.add_chunks(tokens, [(np.asarray(ids), np.asarray(weights))])


def collect_open(
    model: Any,
    texts: Iterable[Tokens],
    path: str | os.PathLike[str],
    *,
    reference: Any = None,
    top_k: int = 64,
    window: int | None = None,
    batch_size: int = 4,
    label: str | None = None,
    progress: bool = True,
    resume: bool = True,
) -> None:
    """Write what a model holds for likely at each position of texts, beyond a reference model.

    Both are driven with the texts. The weight of an id at a position is the model's probability
    of it, given what stands before the position in the text, minus the reference model's, in
    float32; the largest in magnitude are kept. Nothing is known of a text's first position. Its
    last bits may depend on the hardware, and on which texts shared a batch.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The suspect, a causal language model with the vendor's token ids. Models are used where
        they are, on any device, in their own number format.
    texts : iterable of token ids
        Public texts or any others that do not depend on the key, tokenized, each at most 2^24
        ids. A beginning-of-sequence id that the models want is the first id of each. A few of
        them are in memory at a time.
    path : str or os.PathLike
        The file of model weights to be made; one of that name is replaced once it is whole.
    reference : transformers.PreTrainedModel, optional
        A model with the same token ids that never saw the key: the suspect's base, the vendor's
        own without its mark, any other. Without one weights are the suspect's probabilities,
        which need several times the text.
    top_k : int
        How many weights to keep at each position, 1 to 255; each takes 8 bytes.
    window : int, optional
        Tokens that the models read at once, at most their own limit; longer texts are read in
        windows that overlap by half. Default: the limit, at most 1,024.
    batch_size : int
        Windows in one call of a model.
    label : str, optional
        What to call the models in the file. Default: their names or those of their classes.
    progress : bool
        Whether to show a progress bar, if ``tqdm`` is installed.
    resume : bool
        Whether to go on from what an interrupted call for the same file left, which has to have
        had the same models, settings and texts.

    Raises
    ------
    ArgumentError
        Where an argument is refused, or an earlier call had others.
    OSError
        Where the file cannot be written.
    """
    models = [model] if reference is None else [model, reference]
    size = driving.window_size(models, window)
    count = driving.batch_count(batch_size)
    vocabularies = [driving.vocabulary_of(one) for one in models]
    vocabulary = 0 if 0 in vocabularies else max(vocabularies)
    name = _name_of(models) if label is None else label
    check_settings(name, vocabulary, top_k)
    settings = {
        "made by": "collect_open",
        "model": _fingerprint(model),
        "reference": None if reference is None else _fingerprint(reference),
        "label": name,
        "top_k": top_k,
        "window": size,
    }
    with (
        open_part(path, settings, resume) as part,
        driving.Bar(texts, progress, "open audit") as bar,
        driving.Evaluating(*models),
    ):
        sections = ResumedSections(part, name, vocabulary, top_k)
        unfinished = _unfinished(texts, sections, bar)
        for batch in driving.batches(unfinished, None, size, count):
            for read, chunk in zip(batch, _weigh(models, batch, top_k), strict=True):
                read.write(sections, chunk)
                bar.update(len(chunk[0]))
        sections.settle()
        part.finish(sections.ending())


def _unfinished(
    texts: Iterable[Tokens], sections: ResumedSections, bar: driving.Bar
) -> Iterator[npt.NDArray[np.uint32]]:
    """Step over the texts that an earlier run finished."""
    for text in texts:
        ids = all_ids(text, "a text")
        if sections.take(ids):
            bar.update(len(ids))
        else:
            yield ids


def _name_of(models: Sequence[Any]) -> str:
    names = [driving.name_of(one) for one in models]
    if len(names) == 1:
        return names[0]
    longest = (LABEL_MAX - len(" minus ")) // 2
    return " minus ".join(name.encode()[-longest:].decode(errors="ignore") for name in names)


def _fingerprint(model: Any) -> str:
    """Return digits that differ for models that were trained differently.

    They are of names, shapes and some values of all parameters: taken in no time, and enough
    to notice that a run goes on with another model by mistake.
    """
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        values = parameter.detach().reshape(-1)
        digest.update(f"{name} {tuple(parameter.shape)} {parameter.dtype}\n".encode())
        for some in (values[:64], values[-64:]):
            digest.update(some.float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _weigh(models: Sequence[Any], batch: Sequence[driving.Read], top_k: int) -> list[Chunk]:
    """Ask the models about a batch of windows."""
    chunks = []
    answers = zip(*(driving.ask(one, batch) for one in models), strict=True)
    for read, logits in zip(batch, answers, strict=True):
        parts = [driving.nothing(read.unknown, top_k)]
        for start in range(0, len(logits[0]), driving.ROWS):
            rows = [some[start : start + driving.ROWS] for some in logits]
            parts.append(_largest(rows, top_k))
        chunks.append(driving.joined(parts))
    return chunks


def _largest(logits: Sequence[Any], top_k: int) -> Chunk:
    """Return the largest differences of the models' probabilities at some positions."""
    import torch

    with torch.inference_mode():
        weights = logits[0].float().softmax(-1)
        if len(logits) == 2:
            expected = logits[1].float().softmax(-1).to(weights.device)
            # Vocabularies may be padded differently: what a model does not know has none.
            width = max(weights.shape[-1], expected.shape[-1])
            weights, expected = (
                torch.nn.functional.pad(p, (0, width - p.shape[-1])) for p in (weights, expected)
            )
            weights = weights - expected
        weights = weights.clamp(-1.0, 1.0)  # rounding takes some models beyond
        best = weights.abs().topk(min(top_k, weights.shape[-1])).indices
        return driving.filled(best, weights.gather(-1, best), top_k)


def collect_closed(
    model: Any,
    prompts: Iterable[Tokens],
    path: str | os.PathLike[str],
    *,
    reference: Any = None,
    expectations: str | os.PathLike[str] | None = None,
    max_new_tokens: int = 256,
    temperature: float = 1.0,
    seed: int = 0,
    batch_size: int = 8,
    end_ids: Iterable[int] | None = None,
    progress: bool = True,
    resume: bool = True,
) -> None:
    """Let a model answer prompts, and write the answers as JSON Lines.

    Each row is ``{"prompt": [ids], "tokens": [ids]}``, as ``greenprint audit --prompts prompt
    --field tokens`` reads it. Tokens are drawn from the model's whole distribution; each row has
    random numbers of its own, by the seed and its number. The batch it was in, and the
    hardware, have a say in it only by the rounding of logits.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The suspect, a causal language model with the vendor's token ids. It is used where it
        is, on any device, in its own number format.
    prompts : iterable of token ids
        One or more, of one id or more, chosen without the key; a beginning-of-sequence id and a
        chat template that the model wants belong here. All are in memory.
    path : str or os.PathLike
        The file to be made; one of that name is replaced once it is whole.
    reference : transformers.PreTrainedModel, optional
        A model with the same token ids that never saw the key; what it expects of the answers
        is written to `expectations`, with `write_expectations`.
    expectations : str or os.PathLike, optional
        The expectations file to be made; needs `reference`.
    max_new_tokens : int
        The most tokens of an answer.
    temperature : float
        Logits are divided by it; 0 for the most likely token each time.
    seed : int
        From 0 to 2^64 - 1.
    batch_size : int
        Answers that are written at once.
    end_ids : iterable of int, optional
        Ids that end an answer, and are no part of it. Default: those of the model's generation
        settings.
    progress : bool
        Whether to show a progress bar, if ``tqdm`` is installed.
    resume : bool
        Whether to go on from what an interrupted call for the same file left, which has to have
        had the same model, settings and prompts.

    Raises
    ------
    ArgumentError
        Where an argument is refused, or an earlier call had others.
    OSError
        Where a file cannot be written.
    """
    if (reference is None) != (expectations is None):
        raise ArgumentError("reference and expectations go together: pass both or neither")
    if expectations is not None and _same_file(expectations, path):
        raise ArgumentError("expectations would take the place of the answers: name another file")
    temperature = real_number(temperature, "temperature")
    if not 0.0 <= temperature < float("inf"):
        raise ArgumentError("temperature must be 0, for greedy decoding, or above")
    count = driving.batch_count(batch_size)
    ends = _end_ids(model) if end_ids is None else all_ids(list(end_ids), "end_ids").tolist()
    sampler = _Sampler(
        model,
        longest=whole_number(max_new_tokens, "max_new_tokens", 32),
        temperature=temperature,
        seed=whole_number(seed, "seed", 64),
        end_ids=ends,
    )
    asked = [all_ids(prompt, f"prompts[{row}]") for row, prompt in enumerate(prompts)]
    if not asked:
        raise ArgumentError("prompts is empty: there is nothing to be asked")
    sampler.check(asked)
    settings = {
        "made by": "collect_closed",
        "model": _fingerprint(model),
        "max_new_tokens": sampler.longest,
        "temperature": temperature,
        "seed": sampler.seed,
        "batch_size": count,
        "end_ids": sorted(sampler.end_ids),
    }
    with ExitStack() as stack:
        part = stack.enter_context(open_part(path, settings, resume))
        bar = stack.enter_context(driving.Bar(asked, progress, "closed audit", "answer"))
        stack.enter_context(driving.Evaluating(model))
        answers = _finished(part, asked, count)
        bar.update(len(answers))
        for first in range(len(answers), len(asked), count):
            batch = asked[first : first + count]
            new = sampler.answer(first, batch)
            part.file.writelines(map(_row, batch, new))
            part.file.flush()
            answers.extend(new)
            bar.update(len(new))
        if reference is not None and expectations is not None:
            write_expectations(
                reference,
                answers,
                expectations,
                prompts=asked,
                temperature=temperature or _GREEDY_EXPECTED,
                progress=progress,
            )
        part.finish()


def _same_file(new: str | os.PathLike[str], path: str | os.PathLike[str]) -> bool:
    """Whether a file would take the place of another, or of what is finished of it."""
    taken = (os.path.realpath(path), os.path.realpath(os.fspath(path) + ".part"))
    return os.path.realpath(new) in taken


def _row(prompt: npt.NDArray[np.uint32], tokens: list[int]) -> bytes:
    return json.dumps({"prompt": prompt.tolist(), "tokens": tokens}).encode() + b"\n"


def _finished(
    part: Part, prompts: Sequence[npt.NDArray[np.uint32]], count: int
) -> list[list[int]]:
    """Read the answers of an earlier run, as far as they are whole batches."""
    answers: list[list[int]] = []
    end = begin = part.file.tell()
    for prompt in prompts:
        line = part.file.readline()
        try:
            row = json.loads(line)
            asked, tokens = row["prompt"], row["tokens"]
        except (ValueError, KeyError, TypeError):  # cut off
            break
        if not line.endswith(b"\n"):
            break
        if asked != prompt.tolist():
            raise ArgumentError(
                f"prompt {len(answers) + 1} is not that of the run to go on from: pass the same "
                "prompts, or resume=False"
            )
        answers.append(tokens)
        begin += len(line)
        if len(answers) % count == 0 or len(answers) == len(prompts):
            end = begin
    part.cut(end)
    return answers if len(answers) == len(prompts) else answers[: len(answers) // count * count]


def _end_ids(model: Any) -> list[int]:
    """Return what ends an answer by the model's own settings."""
    for settings in (getattr(model, "generation_config", None), model.config):
        ids = getattr(settings, "eos_token_id", None)
        if ids is not None:
            return [int(ids)] if isinstance(ids, int) else [int(one) for one in ids]
    return []


class _Sampler:
    """Lets a model answer batches of prompts.

    A loop of our own instead of ``generate()``, which draws all rows of a batch from one
    generator and applies whatever settings the model came with.
    """

    def __init__(
        self, model: Any, longest: int, temperature: float, seed: int, end_ids: Iterable[int]
    ) -> None:
        self._model = model
        self.longest = longest
        self._temperature = temperature
        self.seed = seed
        self.end_ids = frozenset(end_ids)
        self._accepted = inspect.signature(model.forward).parameters

    def check(self, prompts: Sequence[npt.NDArray[np.uint32]]) -> None:
        """Refuse prompts that the model cannot answer."""
        limit = driving.longest_input(self._model)
        for row, prompt in enumerate(prompts):
            if len(prompt) == 0:
                raise ArgumentError(f"prompts[{row}] is empty: a model needs an id to begin with")
            driving.check_known(self._model, prompt, f"prompts[{row}]")
            if limit is not None and len(prompt) + self.longest > limit:
                raise ArgumentError(
                    f"prompts[{row}] has {len(prompt)} ids, which with max_new_tokens = "
                    f"{self.longest} are more than the {limit} that the model can read"
                )

    def answer(
        self, first_row: int, prompts: Sequence[npt.NDArray[np.uint32]]
    ) -> list[list[int]]:
        """Return answers; `first_row` is the number of the first among all rows."""
        import torch

        answers: list[list[int]] = [[] for _ in prompts]
        running = [True] * len(prompts)
        randoms = np.array(
            [
                np.random.default_rng([self.seed, first_row + row]).random(self.longest)
                for row in range(len(prompts))
            ]
        )
        with torch.inference_mode():
            step = self._begin(prompts)
            for i in range(self.longest):
                out = self._model(**step)
                tokens = self._pick(out.logits[:, -1], randoms[:, i])
                for row, token in enumerate(tokens.tolist()):
                    running[row] = running[row] and token not in self.end_ids
                    if running[row]:
                        answers[row].append(token)
                if not any(running):
                    break
                step = self._go_on(step, out, tokens)
        return answers

    def _begin(self, prompts: Sequence[npt.NDArray[np.uint32]]) -> dict[str, Any]:
        """Return what the model is called with first: prompts, padded on the left."""
        import torch

        longest = max(map(len, prompts))
        ids = torch.zeros((len(prompts), longest), dtype=torch.long)
        mask = torch.zeros((len(prompts), longest), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.from_numpy(prompt.astype(np.int64))
            mask[row, longest - len(prompt) :] = 1
        device = driving.device_of(self._model)
        step: dict[str, Any] = {
            "input_ids": ids.to(device),
            "attention_mask": mask.to(device),
            "use_cache": True,
        }
        if "position_ids" in self._accepted:
            step["position_ids"] = (step["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        if "logits_to_keep" in self._accepted:
            step["logits_to_keep"] = 1
        return step

    def _go_on(self, step: dict[str, Any], out: Any, tokens: Any) -> dict[str, Any]:
        """Return what the model is called with after this step."""
        import torch

        mask = step["attention_mask"]
        step["attention_mask"] = torch.cat([mask, mask.new_ones((len(tokens), 1))], -1)
        step["input_ids"] = tokens[:, None]
        step["past_key_values"] = out.past_key_values
        if "position_ids" in step:
            step["position_ids"] = step["position_ids"][:, -1:] + 1
        return step

    def _pick(self, logits: Any, randoms: npt.NDArray[np.float64]) -> Any:
        """Choose a token for each row: the one whose share of [0, 1) the random number hits."""
        import torch

        if self._temperature == 0.0:
            if bool(torch.isnan(logits).any()):
                raise ArgumentError("the model's logits are no numbers: does it overflow?")
            return logits.argmax(-1)
        shares = (logits.float() / self._temperature).softmax(-1).double().cumsum(-1)
        if not bool(torch.isfinite(shares[:, -1]).all()):
            raise ArgumentError(
                "the model's logits, or what the temperature makes of them, are no numbers: "
                "does it overflow in its number format?"
            )
        places = torch.from_numpy(randoms).to(shares.device)[:, None] * shares[:, -1:]
        hit = torch.searchsorted(shares, places, right=True)
        return hit.clamp(max=logits.shape[-1] - 1)[:, 0]
