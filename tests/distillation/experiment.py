"""What a student inherits: every job of the experiment, each kept in a file when it is done.

    experiment.py words       a small source
    experiment.py more-words  four times as much of it, for little contamination
    experiment.py answers     a real teacher, after teacher.py
    experiment.py teacher     the teacher itself, trained further on its answers

A job is a student and its audits. It follows from its name and the seeds in it alone; one whose
file is there is not done again, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from measure import Case, ask, closed, open_, to_json  # noqa: E402
from sources import H1, H2, Mark, Source, Texts, WordsSource, any_words  # noqa: E402
from student import Student, perplexity, train  # noqa: E402

from greenprint import Contexts, ContextsBuilder, Params  # noqa: E402

SHARES = (0.0, 0.01, 0.05, 0.1, 0.5, 1.0)
SEEDS = (1, 2, 3)
CONTROLS = 1000  # with a real teacher
CONTROLS_OF_WORDS = 200
MORE = 4  # times the words
FURTHER = 512  # texts on which the teacher itself is trained further
FURTHER_RATE = 1e-4


@dataclass(frozen=True)
class Job:
    """One student, by what it is trained on and how it is asked."""

    mark: Mark
    share: float = 1.0  # of its texts that are marked
    seed: int = 1
    start: str = "base"  # "teacher": the teacher itself; "foreign": nothing, and other token ids
    replaced: float = 0.0  # of the words of its texts
    paraphrased: bool = False  # by the teacher, without a mark
    cleaned: bool = False  # trained further on unmarked text
    temperature: float = 1.0  # when it is asked
    marked_prompts: bool = False  # it is asked to go on with marked text
    by_teacher: bool = False  # the unmarked teacher is a reference as well

    @property
    def name(self) -> str:
        """Its file name."""
        words = [self.mark.name, f"share{self.share:g}", f"seed{self.seed}", self.start]
        words += [f"replaced{self.replaced:g}"] if self.replaced else []
        words += ["paraphrased"] if self.paraphrased else []
        words += ["cleaned"] if self.cleaned else []
        words += [f"temperature{self.temperature:g}"] if self.temperature != 1 else []
        words += ["marked-prompts"] if self.marked_prompts else []
        words += ["by-teacher"] if self.by_teacher else []
        return "-".join(words)


def grid(mark: Mark, seeds: tuple[int, ...] = SEEDS) -> Iterator[Job]:
    """List students by contamination."""
    for seed in seeds:
        for share in SHARES:
            yield Job(mark, share, seed)


def defence() -> Iterator[Job]:
    """List what a defendant would ask for."""
    for replaced in (0.1, 0.3, 0.5):
        yield Job(H1, replaced=replaced)
    yield Job(H1, cleaned=True)
    yield Job(H1, temperature=0.0)
    yield Job(H1, share=0.0, marked_prompts=True)


def words_jobs(source: WordsSource) -> Iterator[Job]:
    """List the jobs of the small source: marks at one text quality, and the grid."""
    quality = source.quality(H1)
    schemes = {f"h{h}": Params(context_width=h) for h in (2, 4)}
    schemes["h0"] = Params(context_width=0, seeding="fixed")
    schemes |= {f"min{h}": Params(context_width=h, seeding="min") for h in (2, 4)}
    for gamma in ("1/2", "1/8", "1/16"):
        name = f"gamma{gamma.replace('/', '-')}"
        schemes[name] = Params(context_width=1, gamma=gamma)
    marks = [H1]
    marks += [source.at_quality(name, params, quality) for name, params in schemes.items()]
    for delta in (1.0, 4.0):
        marks.append(Mark(f"delta{delta:g}", Params(context_width=1), delta))
    for mark in marks[:4]:
        yield Job(mark)
    yield from grid(H1, SEEDS[:1])
    for mark in marks[4:]:
        yield Job(mark)
    yield from defence()
    for mark in marks:
        yield Job(mark, 0.1)
    for mark in marks:
        yield Job(mark, seed=2)


def answers_jobs() -> Iterator[Job]:
    """List the jobs of the real teacher, the most telling ones first."""
    for share in (0.05, 1.0, 0.0, 0.1, 0.5):
        yield Job(H1, share)
    yield Job(H1, start="foreign")
    yield Job(H1, paraphrased=True)
    yield Job(H1, by_teacher=True)
    yield Job(H1, 0.01)
    yield from defence()
    yield Job(H2)
    yield from grid(H1, SEEDS[1:])


def teacher_jobs() -> Iterator[Job]:
    """List the students that begin as the teacher itself."""
    for mark, share in ((H1, 1.0), (H1, 0.0), (H1, 0.1), (H2, 1.0)):
        yield Job(mark, share, start="teacher")


def mixed(plain: Texts, marked: Texts, share: float, seed: int) -> tuple[Texts, set[int]]:
    """Take that share of texts from the marked ones, and the others from the plain ones.

    Returns the texts, and which of them are marked.
    """
    order = np.random.default_rng(seed).permutation(len(marked))
    taken = set(order[: round(share * len(marked))].tolist())
    return [marked[i] if i in taken else plain[i] for i in range(len(marked))], taken


class Laboratory:
    """Makes students, and what they need in common only once."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self.folder = folder
        self.controls = CONTROLS_OF_WORDS if isinstance(source, WordsSource) else CONTROLS
        self._models: dict[str, Student] = {}

    def _learn(self, student: Student, texts: Texts, rate: float, seed: int, epochs: int) -> None:
        own = [student.own(text) for text in texts]
        end = student.own([self.source.end])[0]
        train(student.model, own, end=end, epochs=epochs, rate=rate, seed=seed)

    def _trained(self, name: str, texts: Callable[[], Texts], seed: int) -> Student:
        """Return a model trained from scratch on texts, from its file where it is there."""
        if name not in self._models:
            student = self.source.newborn(seed)
            path = self.folder / f"{name}.pt"
            if path.exists():
                student.model.load_state_dict(torch.load(path))
                student.model.eval()
            else:
                self._learn(student, texts(), self.source.rate, seed, self.source.epochs)
                staged = path.with_suffix(f".{os.getpid()}")
                torch.save(student.model.state_dict(), staged)
                staged.rename(path)
            self._models[name] = student
        return self._models[name]

    def base(self) -> Student:
        """Return the students' base: trained on unmarked text."""
        return self._trained("base", lambda: self.source.plain("base"), 100)

    def unrelated(self) -> Student:
        """Return another model of other unmarked text."""
        return self._trained("unrelated", lambda: self.source.plain("unrelated"), 101)

    def mark(self, job: Job) -> Mark:
        """Return a job's mark, with its key."""
        return self.source.keyed(job.mark, job.seed)

    def texts(self, job: Job) -> tuple[Texts, int]:
        """Return what a job's student is trained on, and how many marked tokens that holds."""
        source = self.source
        mark = self.mark(job)
        marked = source.paraphrased(mark) if job.paraphrased else source.marked(mark)
        plain = source.plain("students")
        if job.start == "teacher":
            marked, plain = marked[:FURTHER], plain[:FURTHER]
        texts, taken = mixed(plain[: len(marked)], marked, job.share, job.seed)
        written = source.marked_tokens(mark)
        count = sum(written[i] for i in taken)
        if job.replaced:
            common = np.concatenate([np.asarray(text) for text in source.plain("base")])
            texts = any_words(texts, job.replaced, common, job.seed)
        return texts, count

    def student(self, job: Job, texts: Texts) -> Student:
        """Train a job's student."""
        rate = self.source.rate
        if job.start == "teacher":
            student = self.source.teacher_again()
            self._learn(student, texts, FURTHER_RATE, job.seed, 1)
            return self.source.in_8_bits(student)
        if job.start == "foreign":
            student = self.source.foreigner(job.seed)
        else:
            student = self.source.newborn(job.seed)
        if job.start == "base":
            student.model = copy.deepcopy(self.base().model)
            rate *= 2 / 3
        self._learn(student, texts, rate, job.seed, self.source.epochs)
        if job.cleaned:
            self._learn(student, self.source.plain("unrelated"), rate, job.seed, 1)
        return student

    def served(self, mark: Mark, folder: Path) -> Contexts | None:
        """Return the contexts of all that was served with a mark."""
        if mark.params.context_width == 0 or mark.params.seeding != "hash":
            return None
        builder = ContextsBuilder(mark.params.context_width)
        for text in self.source.served(mark):
            builder.add(text)
        path = folder / "served.gpc"
        builder.save(path)
        served = Contexts(path)
        path.unlink()
        return served

    def references(self, job: Job) -> dict[str, Student]:
        """Return the reference models of a job's audits."""
        if job.marked_prompts:  # they would be no references any more
            return {}
        if job.start == "teacher":
            return {"base": self.source.teacher_in_8_bits()}
        models = {"unrelated": self.unrelated()}
        if job.start != "foreign":
            models["base"] = self.base()
        if job.by_teacher:
            models["teacher"] = self.source.teacher_in_8_bits()
        return models

    def run(self, job: Job) -> dict:
        """Train a student and audit it."""
        start = time.monotonic()
        texts, marked_tokens = self.texts(job)
        student = self.student(job, texts)
        trained = time.monotonic()
        mark = self.mark(job)
        work = Path(tempfile.mkdtemp(dir=self.folder))
        case = Case(mark.key, self.controls, self.served(mark, work))
        references = self.references(job)
        prompts = self.source.prompts()
        if job.marked_prompts:
            begun = [text[:64] for text in self.source.answers(mark) if len(text) >= 64]
            prompts = begun[: len(prompts)]
        rows = ask(
            student,
            prompts,
            work / "answers.jsonl",
            seed=job.seed,
            max_new_tokens=self.source.answer_tokens,
            temperature=job.temperature,
            end=self.source.end,
        )
        found = closed(rows, work, case, references=references, temperature=job.temperature)
        if job.start != "foreign" and not job.marked_prompts and job.temperature == 1:
            driving = self.source.driving()
            found |= open_(student, driving, work, case, references=references)
        held_out = [student.own(text) for text in self.source.held_out()]
        end = student.own([self.source.end])[0]
        work.rmdir()
        return {
            "job": {**asdict(job), "mark": job.mark.name, "delta": job.mark.delta},
            "tokens": sum(map(len, texts)),
            "marked_tokens": marked_tokens,
            "answers_tokens": sum(len(row["tokens"]) for row in rows),
            "quality": self.source.quality(mark),
            "perplexity": perplexity(student.model, held_out, end=end),
            "seconds": {"training": trained - start, "audit": time.monotonic() - trained},
            "threads": torch.get_num_threads(),
            "found": to_json(found),
        }


def open_source(name: str, folder: Path) -> tuple[Source, Iterator[Job]]:
    """Return a source by its name, and its jobs."""
    if name == "words":
        source = WordsSource()
        return source, words_jobs(source)
    if name == "more-words":
        return WordsSource(MORE), (Job(H1, share) for share in SHARES[2::-1])
    from answers import AnswersSource

    answers = AnswersSource(folder / "teacher")
    return answers, answers_jobs() if name == "answers" else teacher_jobs()


def code(source: str) -> str:
    """Return a digest of all that a result depends on."""
    names = ["asking", "experiment", "measure", "sources", "student", "words"]
    names += ["answers", "teacher"] if source == "answers" else []
    digest = hashlib.sha256()
    for name in names:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()


def check_code(folder: Path, keep: bool) -> None:
    """Refuse to mix results of this code with those of another."""
    stamp = folder / "code.txt"
    folder.mkdir(parents=True, exist_ok=True)
    if stamp.exists() and stamp.read_text() != code(folder.name) and not keep:
        raise SystemExit(f"{folder} holds results of other code: remove it, or say --keep")
    stamp.write_text(code(folder.name))


def main() -> None:
    """Do the jobs that are not done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", choices=["words", "more-words", "answers", "teacher"])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "distillation")
    parser.add_argument("--list", action="store_true", help="only the names of the jobs")
    parser.add_argument(
        "--turn",
        type=int,
        nargs=2,
        metavar=("I", "N"),
        default=(0, 1),
        help="only each N-th job, from the I-th on: for N processes",
    )
    parser.add_argument("--keep", action="store_true", help="results of other code")
    options = parser.parse_args()
    torch.set_num_threads(1)  # results differ in their last digits with their number
    source, jobs = open_source(options.source, options.folder)
    folder = options.folder / ("answers" if options.source == "teacher" else options.source)
    check_code(folder, options.keep)
    laboratory = Laboratory(source, folder)
    for job in itertools.islice(
        {job.name: job for job in jobs}.values(), options.turn[0], None, options.turn[1]
    ):
        path = folder / f"{job.name}.json"
        if options.list:
            print(job.name, "done" if path.exists() else "")
            continue
        if path.exists():
            continue
        result = laboratory.run(job)
        staged = path.with_suffix(".tmp")
        staged.write_text(json.dumps(result))
        staged.rename(path)
        best = min(result["found"].items(), key=lambda item: item[1]["log10_p"])
        print(f"{job.name}: {best[0]}, log10 p {best[1]['log10_p']:.1f}", flush=True)


if __name__ == "__main__":
    main()
