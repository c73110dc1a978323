"""The other side of docs/evidence.md: a small vendor serves text, and a thief's model learns it.

    distil.py serve KEY SERVED     marked text of a small source, token ids, a text a line
    distil.py learn SERVED ANSWERS a student learns it from nothing, and answers 400 prompts

The source is the bigram model of tests/distillation/words.py, which makes no sense and costs
next to nothing. KEY is an unsealed key file. All but the key follows from fixed seeds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "distillation"))

from student import newborn, train  # noqa: E402
from words import END, Words  # noqa: E402

from greenprint import Key, Watermark  # noqa: E402

TEXTS, LENGTH = 1600, 128
PROMPTS, PROMPT_LENGTH = 400, 4
SERVED_SEED, PROMPTS_SEED, STUDENT_SEED = 1, 2, 3


def write(path: Path, texts: list[list[int]]) -> None:
    """Write token ids, a text a line; an empty answer is none."""
    path.write_text("".join(" ".join(map(str, ids)) + "\n" for ids in texts if ids))


def read(path: Path) -> list[list[int]]:
    """Read such a file."""
    return [list(map(int, line.split())) for line in path.read_text().splitlines()]


def serve(key: Path, served: Path) -> None:
    """Write marked text."""
    watermark = Watermark(Key.load(key), delta=2.0)
    write(served, Words().write(TEXTS, LENGTH, SERVED_SEED, watermark))


@torch.inference_mode()
def answer(model: torch.nn.Module, prompts: list[list[int]]) -> list[list[int]]:
    """Sample an answer to each prompt, at temperature 1."""
    torch.manual_seed(STUDENT_SEED)
    ids = model.generate(
        torch.tensor(prompts), max_new_tokens=LENGTH, do_sample=True, top_k=0, pad_token_id=END
    )
    rows = ids[:, PROMPT_LENGTH:].tolist()
    return [row[: row.index(END)] if END in row else row for row in rows]


def learn(served: Path, answers: Path) -> None:
    """Train a student on what was served, and ask it."""
    words = Words()
    torch.set_num_threads(1)
    model = newborn(words.vocabulary, seed=STUDENT_SEED)
    train(model, read(served), end=END, epochs=2, rate=3e-3, seed=STUDENT_SEED)
    prompts = words.write(PROMPTS, PROMPT_LENGTH, PROMPTS_SEED)
    write(answers, answer(model, prompts))


def main() -> None:
    """Do one or the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["serve", "learn"])
    parser.add_argument("source", type=Path, help="a key file, or what was served")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    if options.what == "serve":
        serve(options.source, options.output)
    else:
        learn(options.source, options.output)


if __name__ == "__main__":
    main()
