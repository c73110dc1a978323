"""The teacher: answers questions with a mark and without, and keeps what it said.

The model is SmolLM2-135M-Instruct, its linear layers in 8 bits to make a processor's time
enough. Each part of 128 answers is a file of its own, so that a run that was stopped goes on
where it was. A part follows from the seed and its number alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from questions import questions  # noqa: E402
from sources import H1, H2, Mark  # noqa: E402

import smollm2  # noqa: E402
from greenprint.transformers import GreenprintLogitsProcessor  # noqa: E402

SEED = 1  # of the questions, and of all that is drawn
PART = 128  # questions
PARTS = 16  # that are answered
PARAPHRASED = 4  # parts of these, of which there are paraphrases too
HELD_OUT = 2  # parts that only the unmarked teacher answers
ANSWER_TOKENS = 128  # at most
TEMPERATURE = 0.8


def in_8_bits(model: Any) -> Any:
    """Return a model whose linear layers are in 8 bits: three times as fast on a processor."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(
            model, {torch.nn.Linear}, dtype=torch.qint8
        ).eval()


class InPlaceLayer(DynamicLayer):
    """A layer of keys and values with room for all that is to come: nothing is copied."""

    room: int

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> Any:
        """Add the new ones behind the others, and return all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            shape = (*key_states.shape[:2], self.room, key_states.shape[3])
            self._buffers = [key_states.new_empty(shape) for _ in range(2)]
        before = self.get_seq_length()
        after = before + key_states.shape[2]
        self._buffers[0][:, :, before:after] = key_states
        self._buffers[1][:, :, before:after] = value_states
        self.keys, self.values = (buffer[:, :, :after] for buffer in self._buffers)
        return self.keys, self.values


def cache_with_room(length: int) -> DynamicCache:
    """Return an empty cache for so many tokens of a row."""
    layer = type("Layer", (InPlaceLayer,), {"room": length})
    cache = DynamicCache()
    cache.layer_class_to_replicate = layer
    return cache


def draw(logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Sample one id from each row, by the inverse of its distribution function."""
    below = torch.softmax(logits / TEMPERATURE, -1).cumsum(-1, dtype=torch.float64)
    where = torch.rand(len(logits), 1, generator=generator, dtype=torch.float64) * below[:, -1:]
    return torch.searchsorted(below, where, right=True).clamp_(max=logits.shape[1] - 1)


@torch.inference_mode()
def answer(
    model: Any,
    prompts: Any,
    seed: int,
    *,
    processor: Any = None,
    end: int,
) -> list[list[int]]:
    """Answer a padded batch of prompts; an answer's end is not part of it."""
    generator = torch.Generator().manual_seed(seed)
    ids, mask = prompts["input_ids"], prompts["attention_mask"]
    length = ids.shape[1]
    positions = (mask.cumsum(-1) - 1).clamp_(min=0)
    cache = cache_with_room(length + ANSWER_TOKENS)
    output = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        logits_to_keep=1,
    )
    done = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(ANSWER_TOKENS):
        logits = output.logits[:, -1].float()
        if processor is not None:
            logits = processor(ids, logits)
        chosen = draw(logits, generator)
        ids = torch.cat([ids, chosen], 1)
        done |= chosen[:, 0] == end
        if done.all() or step + 1 == ANSWER_TOKENS:
            break
        mask = torch.cat([mask, torch.ones_like(chosen)], 1)
        output = model(
            input_ids=chosen,
            attention_mask=mask,
            position_ids=positions[:, -1:] + 1 + step,
            past_key_values=cache,
        )
    rows = ids[:, length:].tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def part_file(folder: Path, part: int) -> Path:
    """Return where a part is kept."""
    return folder / f"part-{part:03}.jsonl"


@dataclass(frozen=True)
class Corpus:
    """What the teacher is to write: answers, or other words for the answers of a corpus."""

    name: str
    mark: Mark | None = None
    of: str | None = None


CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus("unmarked"),
        Corpus(H1.name, H1),
        Corpus(H2.name, H2),
        Corpus("h1-paraphrased", of="h1"),
    )
}


def requests(folder: Path, corpus: Corpus, part: int, tokenizer: Any) -> list[tuple[str, str]]:
    """Return the questions of a part, and what the teacher is asked instead."""
    if corpus.of is None:
        asked = questions(SEED)[part * PART : (part + 1) * PART]
        return [(question, question) for question in asked]
    with part_file(folder / corpus.of, part).open() as lines:
        rows = [json.loads(line) for line in lines]
    return [
        (row["question"], f"Say this in other words:\n\n{tokenizer.decode(row['tokens'])}")
        for row in rows
    ]


def write_part(folder: Path, part: int, corpus: Corpus, teacher: Any) -> int:
    """Answer the questions of a part, unless it is there; return how many tokens were made."""
    file = part_file(folder / corpus.name, part)
    if file.exists():
        return 0
    model, tokenizer = teacher
    asked = requests(folder, corpus, part, tokenizer)
    prompts = smollm2.chat_prompts(tokenizer, [request for _, request in asked])
    processor = None if corpus.mark is None else GreenprintLogitsProcessor(corpus.mark.watermark)
    label = f"{corpus.name} {SEED} {part}"
    part_seed = int.from_bytes(hashlib.sha256(label.encode()).digest()[:6], "little")
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    said = answer(model, prompts, part_seed, processor=processor, end=end)
    file.parent.mkdir(parents=True, exist_ok=True)
    staged = file.with_suffix(".tmp")
    with staged.open("w") as out:
        for (question, _), ids in zip(asked, said, strict=True):
            print(json.dumps({"question": question, "tokens": ids}), file=out)
    staged.rename(file)
    return sum(map(len, said))


def read_parts(folder: Path, parts: int) -> Iterator[dict]:
    """Read the rows of the first parts."""
    for part in range(parts):
        with part_file(folder, part).open() as lines:
            yield from map(json.loads, lines)


def main() -> None:
    """Write the parts of corpora that are not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build/distillation/teacher")
    parser.add_argument("--parts", type=int, default=PARTS, help="of 128 questions each")
    parser.add_argument("corpora", nargs="*", metavar="CORPUS", help="default: all")
    options = parser.parse_args()
    torch.set_num_threads(1)  # one process for each corpus is faster than threads
    teacher = in_8_bits(smollm2.load_model()), smollm2.load_tokenizer()
    for name in options.corpora or CORPORA:
        more = {"unmarked": HELD_OUT, "h1-paraphrased": PARAPHRASED - PARTS}
        for part in range(options.parts + more.get(name, 0)):
            start = time.monotonic()
            made = write_part(options.folder, part, CORPORA[name], teacher)
            if made:
                rate = made / (time.monotonic() - start)
                print(f"{name} {part}: {made} tokens, {rate:.0f} a second", flush=True)


if __name__ == "__main__":
    main()
