"""What is held against what the experiment found: its controls, and the goals set before it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from findings import (
    MAIN,
    PUBLISHED,
    Student,
    caption,
    family,
    full_name,
    middle,
    names,
    plain,
    treatment_about,
    values,
)
from scipy.stats import binom

LEVELS = (0.5, 0.1, 0.01, 0.001)
FALSE_ALARM = 1e-3  # of all tests of controls together
THRESHOLD = -6.0  # log10 p at which `greenprint audit` accuses by default
FAR, LOW = -10.0, -5.0  # log10 p that were the goals at 100 % and at 5 %
MOST_TOKENS = 250_000  # for the closed test at 5 %
RANGE, TIMES = (2.0, 10.0), 2.0  # of published z where ours is to be so many times that


# -------------------------------------------------------------------- controls


@dataclass(frozen=True)
class Controls:
    """All control keys of one statistic."""

    name: str
    students: int
    keys: int
    counts: list[int]  # that reached each level
    smallest: float  # log10 p
    unlikely: float  # the smallest binomial tail of any student and level

    @property
    def tests(self) -> int:
        """How many binomial tests there were."""
        return self.students * len(LEVELS)


def controls(students: Sequence[Student], name: str) -> Controls:
    """Count how many control keys reached each level, and test it student by student.

    Students with one mark are asked for the same control keys, and what they say is much alike.
    Only within one student are the control keys independent, so that counts are binomial there,
    or less. The test is one-sided: p-values may be larger than uniform ones, never smaller.
    """
    lists = [s.found[name].controls_log10_p for s in students if name in s.found]
    counts = np.array([[(p <= math.log10(a)).sum() for a in LEVELS] for p in lists])
    keys = np.array([len(p) for p in lists])
    tails = binom.sf(counts - 1, keys[:, None], np.array(LEVELS))
    return Controls(
        name,
        len(lists),
        int(keys.sum()),
        [int(count) for count in counts.sum(0)],
        min(float(p.min()) for p in lists),
        float(tails.min()),
    )


@dataclass(frozen=True)
class Corrected:
    """The smallest of many p-values, multiplied by their number."""

    tried: int
    smallest: float
    log10: bool = False

    @property
    def p(self) -> float:
        """The corrected p-value."""
        smallest = 10.0**self.smallest if self.log10 else self.smallest
        return min(1.0, smallest * self.tried)

    @property
    def passed(self) -> bool:
        """Whether it is no smaller than such a number may be; two of them share the alarm."""
        return self.p >= FALSE_ALARM / 2


def corrected(every: Sequence[Controls]) -> tuple[Corrected, Corrected]:
    """Return the smallest binomial tail and the smallest control, of all statistics."""
    tails = Corrected(sum(c.tests for c in every), min(c.unlikely for c in every))
    least = Corrected(sum(c.keys for c in every), min(c.smallest for c in every), log10=True)
    return tails, least


def innocent(students: Iterable[Student]) -> list[tuple[float, str, Student]]:
    """Return each test of a student that saw no mark: log10 p of the true key, and whose.

    Without those that were asked to go on with marked text: with many such prompts no p-value is
    proven (SPEC.md, section 17).
    """
    return sorted(
        (
            (f.log10_p, name, s)
            for s in students
            if not s.guilty and not s.job["marked_prompts"]
            for name, f in s.found.items()
        ),
        key=lambda test: test[0],
    )


# ---------------------------------------------------------------------- ratios


@dataclass(frozen=True)
class Ratio:
    """How many times the published z ours is, where that one is neither nothing nor plenty."""

    published: str
    ours: str
    times: list[float]  # a student each


def ratios(students: Sequence[Student], published: str) -> list[Ratio]:
    """Compare each of our statistics with a published one, on the same guilty students."""
    low, high = RANGE
    chosen = [
        s
        for s in students
        if s.guilty and published in s.found and low <= s.found[published].z <= high
    ]
    ours = [n for n in names(chosen, family(published), served=False) if n not in PUBLISHED]
    return [
        Ratio(
            published,
            name,
            [s.found[name].z / s.found[published].z for s in chosen if name in s.found],
        )
        for name in ours
    ]


# ----------------------------------------------------------------------- goals


@dataclass(frozen=True)
class Goal:
    """What was wanted, and what came out."""

    what: str
    source: str
    wanted: str
    found: str
    met: bool


def full_goal(students: Sequence[Student], source: str) -> list[Goal]:
    """Hold all tests of wholly marked students against the goal."""
    full = plain(students, mark=MAIN, share=1.0)
    tests = [(f.log10_p, name) for s in full for name, f in s.found.items()]
    if not tests:
        return []
    below = sum(log10_p < FAR for log10_p, _ in tests)
    weakest, name = max(tests)
    text = f"{below} of {len(tests)}; the weakest {weakest:.1f} ({full_name(name)})"
    wanted = f"log10 p below {FAR:g}"
    return [Goal("100 % marked: every test", source, wanted, text, below == len(tests))]


def _best(student: Student, chosen: Sequence[str]) -> float:
    """Return the smallest p-value of several, multiplied by their number, as log10."""
    return min(0.0, min(values([student], name)[0] for name in chosen) + math.log10(len(chosen)))


def low_goals(students: Sequence[Student], source: str) -> list[Goal]:
    """Hold the students with 5 % against the goals; the best statistic pays for the choice."""
    low = plain(students, mark=MAIN, share=0.05)
    out = []
    for what, of, served in (("open", "open", None), ("closed, with filter", "closed", True)):
        chosen = [name for name in names(low, of, served) if name not in PUBLISHED]
        each = []
        for student in low:
            own = [name for name in chosen if name in student.found]
            each += [(_best(student, own), student)] if own else []
        if not each:
            continue
        found = [log10_p for log10_p, _ in each]
        most = max(student.answers_tokens for _, student in each)
        text = f"{middle(found):.1f}" + (f" (weakest {max(found):.1f})" if len(found) > 1 else "")
        text += f"; {len(found)} student{'s' if len(found) > 1 else ''}"
        text += f"; {middle([s.marked_tokens for _, s in each]):,.0f} marked tokens seen"
        wanted, met = f"log10 p below {LOW:g}", max(found) < LOW
        if of == "closed":
            wanted += f" with at most {MOST_TOKENS:,} tokens"
            text += f", {most:,} tokens audited"
            met = met and most <= MOST_TOKENS
        out.append(Goal(f"5 % marked: {what}", source, wanted, text, met))
    return out


def ratio_goals(students: Sequence[Student], source: str) -> list[Goal]:
    """Hold our z against the published ones: the statistic with the largest median ratio.

    Of those that at least half of the students have who have any: some lack a reference.
    """
    out = []
    for published in PUBLISHED:
        found = [ratio for ratio in ratios(students, published) if ratio.times]
        if not found:
            continue
        most = max(len(ratio.times) for ratio in found)
        best = max(
            (ratio for ratio in found if 2 * len(ratio.times) >= most),
            key=lambda ratio: middle(ratio.times),
        )
        reached = sum(times >= TIMES for times in best.times)
        text = f"{reached} of {len(best.times)} students; median {middle(best.times):.2f} times, "
        text += f"the least {min(best.times):.2f} ({caption(best.ours)})"
        what = f"z beside {full_name(published)}"
        wanted = f"{TIMES:g} times, wherever that is {RANGE[0]:g} to {RANGE[1]:g}"
        out.append(Goal(what, source, wanted, text, min(best.times) >= TIMES))
    return out


def control_goals(students: Sequence[Student]) -> list[Goal]:
    """Hold controls and innocent students against what they may be."""
    every = [controls(students, name) for name in names(students)]
    tails, least = corrected(every)
    out = [
        Goal(
            "controls: no more low p-values than allowed",
            "all",
            f"corrected p at least {FALSE_ALARM / 2:g}",
            f"{tails.p:.2g} ({tails.tried:,} binomial tests)",
            tails.passed,
        ),
        Goal(
            "controls: none below its share",
            "all",
            f"corrected p at least {FALSE_ALARM / 2:g}",
            f"{least.p:.2g} (the smallest of {least.tried:,})",
            least.passed,
        ),
    ]
    tests = innocent(students)
    if tests:
        log10_p, name, student = tests[0]
        accused = sum(test[0] <= THRESHOLD for test in tests)
        about = f"{full_name(name)}; {treatment_about(student.treatment)}"
        text = f"{accused} of {len(tests)}; the smallest {log10_p:.1f} ({about})"
        wanted = f"no log10 p of {THRESHOLD:g} or less"
        out.append(Goal("students without marked text", "all", wanted, text, not accused))
    return out


def goals(by_source: dict[str, list[Student]]) -> list[Goal]:
    """Return all goals that something was measured for."""
    out = []
    for source, students in by_source.items():
        out += full_goal(students, source) + low_goals(students, source)
        out += ratio_goals(students, source)
    return out + control_goals([s for group in by_source.values() for s in group])
