"""What a student inherits: every job of the experiment, each kept in a file when it is done.

    python tests/distillation/experiment.py --source words      # minutes a job, no teacher
    python tests/distillation/experiment.py --source smollm2    # after teacher.py

A job is a student and its audits. Jobs follow from their names and the seeds in them alone; those
whose file is there are not done again, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from measure import Case, closed, open_, to_json  # noqa: E402
from sources import Mark, Source, open_source  # noqa: E402
from student import newborn, perplexity, train  # noqa: E402

from greenprint import Contexts, ContextsBuilder  # noqa: E402

SHARES = (0.0, 0.01, 0.05, 0.1, 0.5, 1.0)
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Job:
    """One student, by what it is trained on and how it is asked."""

    mark: Mark
    share: float = 1.0  # of its texts that are marked
    seed: int = 1
    start: str = "base"  # "base": pre-trained on unmarked text; "scratch"
    replaced: float = 0.0  # of the words of its texts
    cleaned: bool = False  # trained further on unmarked text
    temperature: float = 1.0  # when it is asked
    prompts: str = "plain"  # "marked": it is asked to go on with marked text

    @property
    def name(self) -> str:
        """Its file name."""
        words = [self.mark.name, f"share{self.share:g}", f"seed{self.seed}", self.start]
        words += [f"replaced{self.replaced:g}"] if self.replaced else []
        words += ["cleaned"] if self.cleaned else []
        words += [f"temperature{self.temperature:g}"] if self.temperature != 1 else []
        words += ["marked-prompts"] if self.prompts == "marked" else []
        return "-".join(words)


def jobs(source: Source) -> Iterator[Job]:
    """List all jobs, the most telling ones first."""
    main = source.marks[0]
    for seed in SEEDS:
        for share in SHARES:
            yield Job(main, share, seed)
    for mark in source.marks[1:]:
        for seed in SEEDS[:2]:
            yield Job(mark, 1.0, seed)
    for replaced in (0.1, 0.3, 0.5):
        yield Job(main, replaced=replaced)
    yield Job(main, cleaned=True)
    yield Job(main, temperature=0.0)
    yield Job(main, share=0.0, prompts="marked")
    yield Job(main, start="scratch")


def mixed(plain: list, marked: list, share: float, seed: int) -> list:
    """Take that share of texts from the marked ones, and the others from the plain ones."""
    order = np.random.default_rng(seed).permutation(len(marked))
    taken = set(order[: round(share * len(marked))].tolist())
    return [marked[i] if i in taken else plain[i] for i in range(len(marked))]


def with_replaced(texts: list, share: float, source: Source, seed: int) -> list:
    """Replace that share of words by words drawn by their frequency."""
    random = np.random.default_rng(seed)
    every = np.concatenate([np.asarray(text) for text in source.plain(0)])
    out = []
    for text in texts:
        ids = np.array(text)
        hit = random.random(len(ids)) < share
        ids[hit] = random.choice(every, hit.sum())
        out.append(ids.tolist())
    return out


class Laboratory:
    """Makes students, and what they need in common only once."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source = source
        self.folder = folder
        self._models: dict[str, object] = {}

    def trained(self, name: str, texts: Callable[[], list], seed: int) -> object:
        """Return a model trained from scratch on texts, from its file where it is there."""
        if name not in self._models:
            model = newborn(self.source.vocabulary, seed=seed)
            path = self.folder / f"{name}.pt"
            if path.exists():
                model.load_state_dict(torch.load(path))
                model.eval()
            else:
                train(model, texts(), end=self.source.end, epochs=2, rate=3e-3, seed=seed)
                torch.save(model.state_dict(), path)
            self._models[name] = model
        return self._models[name]

    def base(self) -> object:
        """Return the students' base: trained on unmarked text that no audit uses."""
        return self.trained("base", lambda: self.source.plain(0), 100)

    def unrelated(self) -> object:
        """Return another model of other unmarked text."""
        return self.trained("unrelated", lambda: self.source.plain(1), 101)

    def student(self, job: Job) -> object:
        """Train a job's student."""
        texts = mixed(self.source.plain(2), self.source.marked(job.mark), job.share, job.seed)
        if job.replaced:
            texts = with_replaced(texts, job.replaced, self.source, job.seed)
        fresh = job.start == "scratch"
        model = newborn(self.source.vocabulary, seed=job.seed)
        if not fresh:
            model = copy.deepcopy(self.base())
        settings = {"end": self.source.end, "rate": 3e-3 if fresh else 1e-3}
        train(model, texts, epochs=2, seed=job.seed, **settings)
        if job.cleaned:
            train(model, self.source.plain(1), epochs=1, seed=job.seed, **settings)
        return model

    def served(self, mark: Mark) -> Contexts | None:
        """Return the contexts of all that was served with a mark."""
        if mark.params.context_width == 0 or mark.params.seeding != "hash":
            return None
        path = self.folder / f"{mark.name}.gpc"
        if not path.exists():
            builder = ContextsBuilder(mark.params.context_width)
            for text in self.source.marked(mark):
                builder.add(text)
            builder.save(path)
        return Contexts(path)

    def run(self, job: Job) -> dict:
        """Train a student and audit it."""
        start = time.monotonic()
        student = self.student(job)
        trained = time.monotonic()
        case = Case(self.source.key(job.mark), served=self.served(job.mark))
        references = {"unrelated": self.unrelated(), "base": self.base()}
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        prompts = self.source.prompts(job.prompts, job.mark)
        found = closed(
            student,
            prompts,
            work,
            case,
            references=references,
            seed=job.seed,
            max_new_tokens=self.source.answer_tokens,
            temperature=job.temperature,
            end=self.source.end,
        )
        if job.prompts == "plain" and job.temperature == 1:
            found |= open_(student, self.source.driving(), work, case, references=references)
        marked = self.source.marked(job.mark)
        return {
            "job": {**asdict(job), "mark": job.mark.name},
            "marked_tokens": round(job.share * sum(map(len, marked))),
            "perplexity": perplexity(student, self.source.held_out(), end=self.source.end),
            "teacher_perplexity": self.source.perplexity(marked),
            "seconds": {"training": trained - start, "audit": time.monotonic() - trained},
            "found": to_json(found),
        }


def main() -> None:
    """Do the jobs that are not done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", choices=["words", "smollm2"], default="words")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "distillation")
    parser.add_argument("--jobs", type=int, default=1000, help="at most so many")
    options = parser.parse_args()
    source = open_source(options.source, options.folder)
    folder = options.folder / options.source
    folder.mkdir(parents=True, exist_ok=True)
    laboratory = Laboratory(source, folder)
    for job in list(jobs(source))[: options.jobs]:
        path = folder / f"{job.name}.json"
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
