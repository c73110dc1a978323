"""The teacher: answers questions with a mark and without, and keeps what it said.

The model is SmolLM2-135M-Instruct, its linear layers in 8 bits to make a processor's time
enough. Each part of 128 answers is a file of its own, so that a run that was stopped goes on
where it was. A part follows from the seed and its number alone.
"""

from __future__ import annotations

import copy
import hashlib
import json
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import smollm2  # noqa: E402
from greenprint import Key, Params, Watermark  # noqa: E402
from greenprint.transformers import GreenprintLogitsProcessor  # noqa: E402
from questions import questions  # noqa: E402

PART = 128  # questions
ANSWER_TOKENS = 128  # at most
TEMPERATURE = 0.8


def key_of(label: str, params: Params) -> Key:
    """Return a key that follows from a label, so that a run can be repeated."""
    return Key.from_bytes(hashlib.sha256(f"distillation {label}".encode()).digest(), params)


def load() -> tuple[Any, Any]:
    """Return the teacher, in 8 bits, and its tokenizer."""
    model = smollm2.load_model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small = torch.ao.quantization.quantize_dynamic(
            copy.deepcopy(model), {torch.nn.Linear}, dtype=torch.qint8
        )
    return small, smollm2.load_tokenizer()


def draw(logits: torch.Tensor, temperature: float, generator: torch.Generator) -> torch.Tensor:
    """Sample one id from each row, by the inverse of its distribution function."""
    below = torch.softmax(logits / temperature, -1, dtype=torch.float64).cumsum(-1)
    where = torch.rand(len(logits), 1, generator=generator, dtype=torch.float64) * below[:, -1:]
    return torch.searchsorted(below, where, right=True).clamp_(max=logits.shape[1] - 1)


@torch.inference_mode()
def answer(
    model: Any,
    prompts: Any,
    seed: int,
    *,
    processor: Any = None,
    temperature: float = TEMPERATURE,
    max_tokens: int = ANSWER_TOKENS,
    end: int,
) -> list[list[int]]:
    """Answer a padded batch of prompts; an answer's end is not part of it."""
    generator = torch.Generator().manual_seed(seed)
    ids, mask = prompts["input_ids"], prompts["attention_mask"]
    length = ids.shape[1]
    positions = (mask.cumsum(-1) - 1).clamp_(min=0)
    output = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1)
    done = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(max_tokens):
        logits = output.logits[:, -1].float()
        if processor is not None:
            logits = processor(ids, logits)
        chosen = (
            draw(logits, temperature, generator) if temperature else logits.argmax(-1, True)
        )
        ids = torch.cat([ids, chosen], 1)
        done |= chosen[:, 0] == end
        if done.all() or step + 1 == max_tokens:
            break
        mask = torch.cat([mask, torch.ones_like(chosen)], 1)
        output = model(
            input_ids=chosen,
            attention_mask=mask,
            position_ids=positions[:, -1:] + 1 + step,
            past_key_values=output.past_key_values,
        )
    rows = ids[:, length:].tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def part_file(folder: Path, part: int) -> Path:
    """Return where a part is kept."""
    return folder / f"part-{part:03}.jsonl"


def write_part(folder: Path, part: int, seed: int, teacher: Any, watermark: Any) -> int:
    """Answer the questions of a part, unless it is there; return how many tokens were made."""
    file = part_file(folder, part)
    if file.exists():
        return 0
    model, tokenizer = teacher
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    asked = questions(seed)[part * PART : (part + 1) * PART]
    prompts = smollm2.chat_prompts(tokenizer, asked)
    processor = None if watermark is None else GreenprintLogitsProcessor(watermark)
    label = f"{folder.name} {seed} {part}"
    part_seed = int.from_bytes(hashlib.sha256(label.encode()).digest()[:6], "little")
    said = answer(model, prompts, part_seed, processor=processor, end=end)
    folder.mkdir(parents=True, exist_ok=True)
    staged = file.with_suffix(".tmp")
    with staged.open("w") as out:
        for question, ids in zip(asked, said, strict=True):
            prompt = smollm2.chat_prompts(tokenizer, [question])["input_ids"][0].tolist()
            row = {"question": question, "prompt": prompt, "tokens": ids}
            print(json.dumps(row), file=out)
    staged.rename(file)
    return sum(map(len, said))


def read_parts(folder: Path, parts: int) -> Iterator[dict]:
    """Read the rows of the first parts."""
    for part in range(parts):
        with part_file(folder, part).open() as lines:
            yield from map(json.loads, lines)


MARKS = {
    "unmarked": None,
    "h1": (Params(context_width=1, gamma="1/4"), 2.0),
    "h2": (Params(context_width=2, gamma="1/4"), 2.0),
}


def main() -> None:
    """Write parts of every corpus by turns: `teacher.py FOLDER PARTS [NAME...]`."""
    folder, parts = Path(sys.argv[1]), int(sys.argv[2])
    names = sys.argv[3:] or list(MARKS)
    teacher = load()
    for part in range(parts):
        for name in names:
            mark = MARKS[name]
            watermark = None
            if mark is not None:
                watermark = Watermark(key_of(name, mark[0]), delta=mark[1])
            start = time.monotonic()
            made = write_part(folder / name, part, 1, teacher, watermark)
            if made:
                rate = made / (time.monotonic() - start)
                print(f"{name} {part}: {made} tokens, {rate:.0f} a second", flush=True)


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
