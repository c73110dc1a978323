"""The page docs/distillation.md: its sections, from what was found alone."""

from __future__ import annotations

from collections.abc import Sequence

from comparisons import defence_section, ratio_section
from findings import (
    MAIN,
    Student,
    full_name,
    groups,
    middle,
    names,
    percent,
    plain,
    treatment_about,
)
from tables import TITLES, family_tables, figure, p_cell, table, whole, z_cell
from verdicts import FALSE_ALARM, LEVELS, Goal, controls, corrected, innocent

# --------------------------------------------------------------------- goals


def goals_section(goals: Sequence[Goal]) -> str:
    """Return the goals, met or not."""
    met = sum(goal.met for goal in goals)
    verdict = (
        f"**All {met} goals that were measured are met.**"
        if met == len(goals)
        else f"**{met} of {len(goals)} goals that were measured are met.**"
    )
    rows = [[g.what, g.source, g.wanted, g.found, "yes" if g.met else "**no**"] for g in goals]
    listed = table(["goal", "source", "wanted", "found", "met"], rows, left=5)
    about = "They were set before this experiment; what was not measured is not among them."
    return f"{verdict} {about}\n\n{listed}"


# ------------------------------------------------------------- contamination


def source_sections(source: str, students: Sequence[Student], drawn: Sequence[str]) -> str:
    """Return what is said of one source: contamination, z, what a defendant asks."""
    chosen = plain(students, mark=MAIN)
    text = f"\n## {TITLES[source]}\n"
    if chosen:
        text += f"""
### By the share of marked text

log10 p of the true key; where there are several students, the median, and the weakest in
brackets. A star is on what was published before.

{family_tables(chosen, p_cell, served=(False, True))}

The students' own perplexity, of unmarked text that they were not trained on:

{quality_table(chosen)}
{pictures(drawn, source)}
### z beside the published statistics

The same students: z of the true key, the median where there are several, without the filter.

{family_tables(chosen, z_cell, served=(False,))}
"""
    return text + ratio_section(students) + defence_section(students)


def pictures(drawn: Sequence[str], source: str) -> str:
    """Return the pictures of the students by share."""
    text = figure(drawn, f"by-tokens-{source}", "p-values by marked tokens seen")
    text += figure(drawn, f"along-{source}", "p-values by tokens audited")
    if text:
        text += """
The dotted line is p = 1e-5. Up to 1e-10 the axis is linear in log p, beyond that logarithmic. By
tokens audited, each student has a line of its own.
"""
    shown = figure(drawn, f"controls-z-{source}", "z of the true key and of control keys")
    about = """
The true key among its controls, without the filter: of one student without marked text, one with
5 % and one with 100 %.
"""
    return text + (shown and about + shown)


def quality_table(students: Sequence[Student]) -> str:
    """Return the students' perplexity by share."""
    rows = [
        [
            percent(share),
            whole(s.tokens for s in same),
            whole(s.answers_tokens for s in same),
            f"{middle([s.perplexity for s in same]):.2f}",
        ]
        for share, same in groups(students, lambda s: s.share).items()
    ]
    return table(["marked", "tokens trained on", "tokens audited, closed", "perplexity"], rows)


# ------------------------------------------------------------------ controls


def allowed(count: float) -> str:
    """Return how many there may be, with a digit behind the point where there is need of it."""
    return f"{count:,.1f}".removesuffix(".0")


def controls_section(students: Sequence[Student], drawn: Sequence[str]) -> str:
    """Return what the controls say."""
    every = [controls(students, name) for name in names(students)]
    tails, least = corrected(every)
    rows = []
    for found in every:
        counts = zip(found.counts, LEVELS, strict=True)
        rows.append(
            [
                full_name(found.name),
                str(found.students),
                f"{found.keys:,}",
                *(f"{count:,} ({allowed(level * found.keys)})" for count, level in counts),
                f"{10.0**found.smallest:.1e}",
                f"{min(1.0, found.unlikely * found.tests):.2g}",
            ]
        )
    head = ["statistic", "students", "keys", *(f"p <= {level:g}" for level in LEVELS)]
    head += ["smallest p", "binomial, corrected"]
    tests = innocent(students)
    text = ""
    if tests:
        log10_p, name, student = tests[0]
        text = f"""
The true key on students that saw no marked text: {len(tests)} tests, the smallest p-value of them
{10.0**log10_p:.2g} ({full_name(name)}; {treatment_about(student.treatment)}); that times their
number is {min(1.0, 10.0**log10_p * len(tests)):.2g}.
"""
    shown = "".join(
        figure(drawn, f"controls-p-{source}", f"QQ plot of the controls, {source}")
        for source in TITLES
    )
    return f"""
## Keys that were never used

Every test was also made with control keys, which follow from the true key's commitment and were
never used to mark anything. How many of their p-values reach a level, and in brackets how many
may: p-values may be larger than uniform ones, never smaller.

{table(head, rows)}

Students with one mark have the same control keys and say much alike, so that the counts of a row
are not those of independent keys. Within one student they are: each student, statistic and level
has an exact one-sided binomial test, {tails.tried:,} in all. The last column is the smallest of a
row times the number of its tests. The smallest of all, times the number of all, is
**{tails.p:.2g}**. The smallest p-value of all {least.tried:,} control keys is
{10.0**least.smallest:.1e}; times their number it is **{least.p:.2g}**. Both are held against
{FALSE_ALARM / 2:g}, so that together they raise a false alarm with a probability of
{FALSE_ALARM:g} at most, however the tests depend on one another.
{text}{shown}
The pictures show all control keys of all students together. Far above the grey line p-values
would be too small; exact ones wander about it. At the right end, where few keys are left, one
key moves a curve much, and the same key is there once for each student.
"""
