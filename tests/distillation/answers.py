"""Answers of a real teacher (teacher.py) as a source, and students with its ids or not."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from questions import questions
from sources import Mark, Source, Texts
from student import Student, newborn, perplexity
from teacher import HELD_OUT, PARAPHRASED, PART, PARTS, SEED, in_8_bits, read_parts

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import smollm2  # noqa: E402

ASKED = 512  # questions that the teacher was never asked
LINE = 198  # the id of a line's end, which is between a question and its answer


class AnswersSource(Source):
    """What SmolLM2-135M-Instruct answered to some thousand questions."""

    end = 2
    answer_tokens = 128
    rate = 3e-3
    epochs = 4
    width, layers = 128, 2

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokenizer = smollm2.load_tokenizer()

    @cache  # noqa: B019 - one object for the whole run
    def _asked(self, question: str) -> list[int]:
        return [*self.tokenizer(question)["input_ids"], LINE]

    @cache  # noqa: B019
    def _rows(self, name: str, parts: int) -> list[tuple[list[int], list[int]]]:
        rows = read_parts(self.folder / name, parts)
        return [(self._asked(row["question"]), row["tokens"]) for row in rows]

    def _texts(self, name: str, first: int, last: int) -> Texts:
        rows = self._rows(name, last)[first * PART :]
        return [question + answer for question, answer in rows]

    def plain(self, part: str) -> Texts:
        """Return questions with unmarked answers; bases know half of those of students."""
        half = PARTS // 2
        first, last = {"base": (0, half), "unrelated": (half, PARTS), "students": (0, PARTS)}[
            part
        ]
        return self._texts("unmarked", first, last)

    def marked(self, mark: Mark) -> Texts:
        """Return questions with marked answers."""
        return self._texts(mark.name, 0, PARTS)

    def answers(self, mark: Mark) -> Texts:
        """Return marked answers."""
        return [answer for _, answer in self._rows(mark.name, PARTS)]

    def served(self, mark: Mark) -> Texts:
        """Return what the teacher read and wrote, all in one: prompts with answers."""
        asked = [[{"role": "user", "content": q}] for q in questions(SEED)[: PARTS * PART]]
        prompts = self.tokenizer.apply_chat_template(asked, add_generation_prompt=True)
        return [
            prompt + answer
            for prompt, answer in zip(prompts["input_ids"], self.answers(mark), strict=True)
        ]

    def prompts(self) -> Texts:
        """Return questions that were never answered."""
        return [self._asked(question) for question in questions(SEED)[-ASKED:]]

    def driving(self) -> Texts:
        """Return unmarked answers that no student has seen."""
        rows = self._rows("unmarked", PARTS + HELD_OUT)[PARTS * PART :]
        return [answer for _, answer in rows if len(answer) > 8]

    def held_out(self) -> Texts:
        """Return the same, behind their questions."""
        return self._texts("unmarked", PARTS, PARTS + HELD_OUT)

    @cache  # noqa: B019
    def quality(self, mark: Mark | None) -> float:
        """Return the perplexity of 256 questions with their answers under the teacher."""
        name = "unmarked" if mark is None else mark.name
        return perplexity(self.teacher(), self._texts(name, 0, 2), end=self.end)

    def paraphrased(self, mark: Mark) -> Texts:
        """Return questions with what the teacher made of marked answers, in other words."""
        return self._texts(f"{mark.name}-paraphrased", 0, PARAPHRASED)

    def teacher(self) -> Any:
        """Return the teacher, without its mark."""
        return smollm2.load_model()

    def teacher_again(self) -> Student:
        """Return a student that is the teacher so far."""
        return Student(self.teacher())

    @cache  # noqa: B019
    def teacher_in_8_bits(self) -> Student:
        """Return the teacher as it answered, but for its mark."""
        return self.in_8_bits(self.teacher_again())

    def in_8_bits(self, student: Student) -> Student:
        """Return the student as it answers, like its teacher."""
        return Student(in_8_bits(student.model))

    @cache  # noqa: B019
    def _known(self) -> np.ndarray:
        """Return the ids that are not rare in unmarked texts: no mark has a say in it."""
        texts = [*self.prompts(), *self.plain("students"), *self.held_out()]
        often = Counter(itertools.chain(*texts))
        known = {self.end, *(id for id, count in often.items() if count > 1)}
        return np.array(sorted(known), np.int64)

    def newborn(self, seed: int) -> Student:
        """Return a Llama that knows only the ids in use: the others would cost it hours."""
        ids = self._known()
        model = newborn(len(ids), width=self.width, layers=self.layers, seed=seed)
        return Student(model, ids, len(self.tokenizer))

    def foreigner(self, seed: int) -> Foreigner:
        """Return a student with a tokenizer of its own, made from unmarked text."""
        own = tokenizers.Tokenizer(tokenizers.models.BPE())
        own.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        own.decoder = tokenizers.decoders.ByteLevel()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=4000,
            special_tokens=["<end>"],
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        texts = [self.tokenizer.decode(text) for text in self.plain("unrelated")]
        own.train_from_iterator(texts, trainer)
        model = newborn(own.get_vocab_size(), width=self.width, layers=self.layers, seed=seed)
        return Foreigner(model, own, self.tokenizer, self.end)


class Foreigner(Student):
    """A student with other token ids: what it says is text to the vendor."""

    def __init__(self, model: Any, tokenizer: Any, vendors: Any, end: int) -> None:
        super().__init__(model)
        self.tokenizer = tokenizer
        self.vendors_tokenizer = vendors
        self.end = end

    def own(self, text: Sequence[int]) -> list[int]:
        """Return a text of the vendor's ids in its own."""
        if list(text) == [self.end]:
            return [self.tokenizer.token_to_id("<end>")]
        return self.tokenizer.encode(self.vendors_tokenizer.decode(text)).ids

    def vendors(self, text: Sequence[int]) -> list[int]:
        """Return a text of its own ids in the vendor's."""
        return self.vendors_tokenizer(self.tokenizer.decode(list(text)))["input_ids"]
