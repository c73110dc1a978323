"""The page docs/distillation.md: its head, what was done and on what, and all its sections."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import comparisons
import findings
import sections
from findings import MAIN, SOURCES, Student, mark_about, middle, percent, plain
from tables import FEATURED, table
from verdicts import goals

import greenprint

PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "scipy")


# --------------------------------------------------------------- what was done


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def corpora_table(folder: Path) -> str:
    """Return what the teacher wrote."""
    rows = []
    for corpus in sorted(path for path in folder.glob("*") if path.is_dir()):
        texts = [part.read_text("utf-8") for part in sorted(corpus.glob("*.jsonl"))]
        answers = [json.loads(line)["tokens"] for text in texts for line in text.splitlines()]
        if answers:
            rows.append([corpus.name, f"{len(answers):,}", f"{sum(map(len, answers)):,}"])
    if not rows:
        return ""
    return "\nWhat the teacher wrote:\n\n" + table(["corpus", "answers", "tokens"], rows) + "\n"


def mark_text(students: Sequence[Student]) -> str:
    """Say what the main mark is."""
    same = [student for student in students if student.mark == MAIN]
    seeding, width, gamma = mark_about(MAIN)
    deltas = sorted({student.job["delta"] for student in same})
    strength = " or ".join(f"{delta:g}" for delta in deltas)
    return (
        f"seeding {seeding}, context width h = {width}, gamma {gamma}"
        f"{f', delta {strength}' if strength else ''}"
    )


def work_table(by_source: dict[str, list[Student]]) -> str:
    """Return how many students there are, and the time that they took."""
    rows = []
    for source, students in by_source.items():
        hours = [
            sum(student.seconds.get(part, 0) for student in students) / 3600
            for part in ("training", "audit")
        ]
        threads = sorted({student.threads for student in students})
        rows.append(
            [
                source,
                str(len(students)),
                str(len(plain(students, mark=MAIN))),
                str(len({student.job["seed"] for student in students})),
                f"{middle([s.tokens for s in students]):,.0f}",
                *(f"{time:.2f} h" for time in (*hours, sum(hours))),
                ", ".join(map(str, threads)),
            ]
        )
    head = ["source", "students", "by share of marked text", "seeds", "tokens trained on, median"]
    return table([*head, "training", "audits", "both", "threads of each"], rows)


def machine_table() -> str:
    """Return what it was measured on."""
    versions = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    rows = [
        ["processor", f"{processor()} ({platform.machine()})"],
        ["cores", str(os.cpu_count())],
        ["versions", ", ".join(f"{name} {version}" for name, version in versions.items())],
    ]
    return table(["what", "which"], rows, left=2)


def done_section(by_source: dict[str, list[Student]], folder: Path) -> str:
    """Return what was done, and on what."""
    students = [student for group in by_source.values() for student in group]
    keys = max(len(f.controls_z) for s in students for f in s.found.values())
    shares = sorted({s.share for group in by_source.values() for s in plain(group, mark=MAIN)})
    return f"""
## What was done

- **Sources.** *answers*: SmolLM2-135M-Instruct answers questions, with the mark and without.
  Temperature 0.8, so that delta 2 acts as 2.5 would. *words*: a bigram model of the words in
  Python's own library writes, with the mark and without; it makes no sense, and costs next to
  nothing. *more-words*: four times as much of that, for students that see few marked texts, and
  four times the answers.
- **The mark** named `{MAIN}`: {mark_text(students)}.
  Others are named for what they differ in.
- **Students** are small Llamas. Where nothing else is said, each begins as the same base, a model
  of unmarked text, and is trained on texts of which a share is marked
  ({", ".join(map(percent, shares)) or "none so far"});
  the others are unmarked texts of the same source.
- **Closed audits** see nothing but answers to prompts. *distinct*: each pair of context and token
  once (published, as de-duplicated scoring). *root*: the square root of how often. *minus* a
  model: how often, less what that reference model expected.
- **Open audits** see the probabilities of next tokens behind unmarked text that has nothing to do
  with any key, the 16 largest at each place. *top token*: the colour of the most likely one
  (published, there behind marked text). *first*: the probabilities at the first occurrence of
  each context. *whole*: those of all occurrences, summed. *minus* a model: less the
  probabilities of that reference model. *root*: the square root of such a sum.
- **Reference models**, none of which saw the mark: *base*, what the students were before;
  *unrelated*, a model like it of other unmarked text of the same source; *teacher*, the teacher
  without its mark, asked as the students are. Of *answers*, base and unrelated each know a half
  of the unmarked answers from which students have theirs; of words, every text is new.
- **The filter** (*served*): only contexts count that the owner served, and p comes from an
  e-value ([SPEC.md](../SPEC.md), section 17).
- **Keys and seeds.** Of words, each seed has a key, marked texts and a student of its own; of
  answers, seeds are students of one key's text. The base is one for all. What a student is
  follows from its name and seed, on one kind of machine.
- **Controls.** Each test is made with the true key, and with up to {keys:,} keys that were never
  used. p-values are exact, or upper bounds.

A star is on the statistics that were published before; all others are ours.

{work_table(by_source)}

Hours are sums over students, of which several may run at once. A student that was audited again
with one more reference model is one student.
{corpora_table(folder / "teacher")}
{machine_table()}
"""


# ----------------------------------------------------------------------- page


def page(students: Sequence[Student], folder: Path, drawn: Sequence[str]) -> str:
    """Return the page; `drawn` are the pictures that there are."""
    by_source = findings.by_source(students)
    counts = " and ".join(f"{len(group)} of {name}" for name, group in by_source.items())
    parts = [
        f"""# Distillation: does a student inherit the mark?

A model is trained on what another one said. Does it carry that one's mark, and can it be shown?
This page was written by `make distillation` with Greenprint {greenprint.__version__}, from
{len(students)} students ({counts}); no number in it was put in by hand.

{sections.goals_section(goals(by_source))}

At 5 % the best of several statistics is taken, and its p-value multiplied by their number; the
weakest student is held against the goal. Of ratios, the statistic with the largest median is
taken of those that at least half of the students have, and the least one is held against the
goal. What was not measured has no row.
""",
        done_section(by_source, folder),
    ]
    parts += [sections.source_sections(s, group, drawn) for s, group in by_source.items()]
    parts += [comparisons.marks_section(s, group, drawn) for s, group in by_source.items()]
    parts.append(sections.controls_section(students, drawn))
    parts.append("""
## Doing it again

    make distillation   # hours; goes on where it was stopped; writes this page

Each student is a file in `build/distillation`. What stands in
`tests/distillation`: `teacher.py` answers, `experiment.py` trains and audits, `report.py` writes
this page from the files that are there. A small version of it is part of `make test`.
""")
    return "".join(parts)


def draw(students: Sequence[Student], images: Path) -> list[str]:
    """Draw all pictures that there is something for, and return their names."""
    import figures

    images.mkdir(parents=True, exist_ok=True)
    drawn = []
    for source in SOURCES:
        mine = [student for student in students if student.source == source]
        featured = [name for name in FEATURED if name in findings.names(mine)]
        for name, does in (
            ("by-tokens", lambda path, mine=mine: figures.by_tokens(mine, path)),
            ("along", lambda path, mine=mine: figures.along(mine, path)),
            ("controls-z", lambda path, mine=mine: figures.strips(mine, path)),
            ("controls-p", lambda path, mine=mine: figures.controls(mine, path)),
            (
                "marks",
                lambda path, mine=mine, chosen=featured: figures.marks(mine, chosen, path),
            ),
        ):
            path = images / f"{name}-{source}.png"
            path.unlink(missing_ok=True)
            if does(path):
                drawn.append(path.stem)
    return drawn


def write(students: Sequence[Student], folder: Path, docs: Path) -> Path:
    """Write the page and its pictures below a folder; returns the page's path."""
    drawn = draw(students, docs / "distillation")
    path = docs / "distillation.md"
    path.write_text(page(students, folder, drawn), "utf-8")
    return path
