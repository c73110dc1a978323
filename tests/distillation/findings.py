"""What the experiment found, read back from its files: students, their audits, groups of both."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

SOURCES = ("answers", "words", "more-words")  # folders of students
FAMILIES = ("closed", "open")
PUBLISHED = ("closed distinct", "open top token")  # before us; the others are ours
ORDER = ("distinct", "top token", "first", "", "unrelated", "base", "teacher")
REFERENCES = ORDER[4:]
ROOT, SERVED = "root", " served"
MAIN = "h1"  # the mark of the students by contamination
PLAIN = {"start": "base", "temperature": 1.0}  # other fields of a plain job are false or zero


@dataclass(frozen=True)
class Found:
    """One statistic of one student: the true key, and keys that were never used."""

    coins: int
    z: float
    log10_p: float
    controls_z: np.ndarray
    controls_log10_p: np.ndarray
    along: list[tuple[int, float]] = field(default_factory=list)  # tokens, log10 p

    @classmethod
    def of(cls, row: dict[str, Any]) -> Found:
        """Read it as the experiment keeps it."""
        steps = [(step["tokens"], step["log10_p"]) for step in row["along"]]
        controls = (np.array(row[f"controls_{name}"]) for name in ("z", "log10_p"))
        return cls(row["coins"], row["z"], row["log10_p"], *controls, steps)


@dataclass(frozen=True)
class Student:
    """One student: its job, and what its audits found."""

    source: str
    job: dict[str, Any]
    tokens: int  # that it was trained on
    marked_tokens: int  # of them
    answers_tokens: int  # that it was asked for
    perplexity: float
    seconds: dict[str, float]
    threads: int
    found: dict[str, Found]
    quality: float | None = None  # perplexity of the marked texts under the unmarked teacher

    @property
    def mark(self) -> str:
        """The name of the mark."""
        return self.job["mark"]

    @property
    def share(self) -> float:
        """The share of its texts that was marked."""
        return self.job["share"]

    @property
    def guilty(self) -> bool:
        """Whether it was trained on marked text."""
        return self.marked_tokens > 0

    @property
    def treatment(self) -> tuple[tuple[str, Any], ...]:
        """What is special about its job: fields and their values."""
        common = ("mark", "delta", "share", "seed", "by_teacher")
        return tuple(
            (name, value)
            for name, value in self.job.items()
            if name not in common and value != PLAIN.get(name, 0)
        )


def read_student(path: Path, source: str) -> Student:
    """Read the file of one student."""
    row = json.loads(path.read_text())
    try:
        found = {name: Found.of(figures) for name, figures in row.pop("found").items()}
        known = {each.name for each in fields(Student)}
        told = {name: value for name, value in row.items() if name in known}
        return Student(source=source, found=found, **told)
    except (KeyError, TypeError) as error:
        raise SystemExit(
            f"report: {path}: not as experiment.py writes it now ({error}): "
            "remove it and do its job again"
        ) from None


def merged(students: Iterable[Student]) -> list[Student]:
    """Make those one that were only audited again, with one more reference model."""
    by_job: dict[str, Student] = {}
    for student in students:
        job = {name: value for name, value in student.job.items() if name != "by_teacher"}
        key = json.dumps([student.source, job], sort_keys=True)
        if key not in by_job:
            by_job[key] = student
            continue
        first = by_job[key]
        both = {
            name: first.seconds.get(name, 0) + student.seconds.get(name, 0)
            for name in first.seconds | student.seconds
        }
        by_job[key] = replace(first, found=student.found | first.found, seconds=both)
    return list(by_job.values())


def read(folder: Path) -> list[Student]:
    """Read all students below a folder; those that were audited again count once."""
    students = []
    for source in SOURCES:
        paths = sorted((folder / source).glob("*.json"))
        students += [read_student(path, source) for path in paths]
    students.sort(key=lambda student: bool(student.job.get("by_teacher")))
    return merged(students)


# ------------------------------------------------------------------ statistics


def family(name: str) -> str:
    """Return what a statistic looks at."""
    return name.split(" ", 1)[0]


def is_served(name: str) -> bool:
    """Tell whether only contexts count that the owner served."""
    return name.endswith(SERVED)


def kind(name: str) -> tuple[str, bool]:
    """Return what a statistic is made of, and whether of square roots."""
    words = name.removesuffix(SERVED).split(" ")[1:]
    root = words[-1:] == [ROOT]
    return " ".join(words[:-1] if root else words), root


def place(name: str) -> tuple:
    """Return a sort key: the order of the page, unknown statistics behind those known."""
    what, root = kind(name)
    known = ORDER.index(what) if what in ORDER else len(ORDER)
    return (FAMILIES.index(family(name)), known, what, root, is_served(name))


def caption(name: str) -> str:
    """Return what a statistic is called below its family; a star behind published ones."""
    what, root = kind(name)
    words = [f"minus {what}" if what in REFERENCES else what] if what else []
    words += ["root"] if root else [] if what else ["whole"]
    words += ["served"] if is_served(name) else []
    return ", ".join(words) + ("*" if name in PUBLISHED else "")


def full_name(name: str) -> str:
    """Return what a statistic is called beside those of the other family."""
    return f"{family(name)}: {caption(name)}"


def names(
    students: Iterable[Student], of: str | None = None, served: bool | None = None
) -> list[str]:
    """Return the statistics that any of these students has, of a family, with the filter or not.

    Without these two, all.
    """
    every = {name for student in students for name in student.found}
    return sorted(
        (
            name
            for name in every
            if of in (None, family(name)) and served in (None, is_served(name))
        ),
        key=place,
    )


# -------------------------------------------------------------------- students


def plain(students: Iterable[Student], **facts: Any) -> list[Student]:
    """Return the students without anything special, whose jobs have such facts."""
    return [
        student
        for student in students
        if not student.treatment and all(student.job.get(f) == v for f, v in facts.items())
    ]


def by_source(students: Sequence[Student]) -> dict[str, list[Student]]:
    """Return students by their source, sources without any left out."""
    out = {source: [s for s in students if s.source == source] for source in SOURCES}
    return {source: same for source, same in out.items() if same}


def groups(students: Iterable[Student], key: Callable[[Student], Any]) -> dict:
    """Return students by what they have in common, in order of it."""
    out: dict[Any, list[Student]] = {}
    for student in students:
        out.setdefault(key(student), []).append(student)
    return dict(sorted(out.items()))


def values(students: Iterable[Student], name: str, what: str = "log10_p") -> list[float]:
    """Return one statistic of those students that have it."""
    return [getattr(s.found[name], what) for s in students if name in s.found]


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.3g} %"


def middle(numbers: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(numbers)


# ----------------------------------------------------------------------- marks


def mark_about(name: str) -> tuple[str, int, str]:
    """Return the seeding, the context width and gamma of a mark, by its name."""
    gamma = re.fullmatch(r"gamma(\d+)-(\d+)", name)
    if gamma is not None:
        return "hash", 1, f"{gamma[1]}/{gamma[2]}"
    width = re.fullmatch(r"(h|min)(\d+)", name)
    if width is None:
        return "hash", 1, "1/4"  # named for its delta
    seeding = "min" if width[1] == "min" else "hash" if int(width[2]) else "fixed"
    return seeding, int(width[2]), "1/4"


def mark_label(name: str) -> str:
    """Return how a mark is called beside others."""
    if name.startswith("delta"):
        return "h = 1"
    seeding, width, gamma = mark_about(name)
    if name.startswith("gamma"):
        return f"gamma {gamma}"
    return f"h = {width}" if seeding == "hash" else f"{seeding}, h = {width}"


def mark_place(name: str) -> tuple:
    """Return a sort key: schemes by width, then gammas, then deltas."""
    kinds = ("h", "min", "gamma", "delta")
    kind, number = re.fullmatch(r"([a-z]+)(.*)", name).groups()
    order = kinds.index(kind) if kind in kinds else len(kinds)
    parts = [float(part) for part in re.findall(r"[\d.]+", number)]
    return (order, parts[-1] if parts else 0.0, name)


# ------------------------------------------------------------------- treatment


def treatment_about(treatment: tuple[tuple[str, Any], ...]) -> str:
    """Say what is special about a student."""
    if not treatment:
        return "as it is"
    words = {
        ("start", "foreign"): "other tokenizer",
        ("start", "teacher"): "begun as the teacher",
        ("paraphrased", True): "answers paraphrased",
        ("cleaned", True): "trained on clean text afterwards",
        ("marked_prompts", True): "asked to go on with marked text",
    }
    told = []
    for name, value in treatment:
        if name == "replaced":
            told.append(f"{percent(value)} of words replaced")
        elif name == "temperature":
            told.append(f"asked at temperature {value:g}")
        else:
            told.append(words.get((name, value), f"{name.replace('_', ' ')} {value}"))
    return ", ".join(told)
