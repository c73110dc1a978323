"""What is compared on docs/distillation.md: published z, students of a defendant, marks."""

from __future__ import annotations

from collections.abc import Sequence

from findings import (
    FAMILIES,
    MAIN,
    PUBLISHED,
    Student,
    caption,
    full_name,
    groups,
    mark_about,
    mark_label,
    mark_place,
    middle,
    names,
    percent,
    plain,
    treatment_about,
    values,
)
from tables import FEATURED, figure, p_cell, table, whole
from verdicts import RANGE, ratios

SHOWN = 4  # marks that are named above the tables


def ratio_section(students: Sequence[Student]) -> str:
    """Return how many times the published z ours are."""
    rows = []
    for published in PUBLISHED:
        for ratio in ratios(students, published):
            if ratio.times:
                rows.append(
                    [
                        full_name(published),
                        caption(ratio.ours),
                        str(len(ratio.times)),
                        *(f"{f(ratio.times):.2f}" for f in (middle, min, max)),
                    ]
                )
    if not rows:
        return f"""
No student's published z is between {RANGE[0]:g} and {RANGE[1]:g}, so that no ratio is shown.
"""
    head = ["published", "ours", "students", "median ratio", "least", "greatest"]
    return f"""
Our z divided by the published one, of all students that saw marked text and whose published z is
between {RANGE[0]:g} and {RANGE[1]:g}, whatever their mark; without the filter:

{table(head, rows, left=2)}
"""


# ------------------------------------------------------------------- defence


def _cases(students: Sequence[Student]) -> list[tuple[str, list[Student]]]:
    """Return students with something special by what that is, those as they are first."""
    special = [s for s in students if s.treatment and s.job["start"] != "teacher"]
    if not special:
        return []
    out = []
    for guilty in (True, False):
        mine = [s for s in special if s.guilty == guilty]
        if not mine:
            continue
        shares = {s.share for s in mine}
        alike = [s for s in plain(students, mark=MAIN) if s.share in shares]
        by = groups(
            [*alike, *mine], lambda s: (-s.share, s.mark, bool(s.treatment), str(s.treatment))
        )
        for (share, mark, *_), same in by.items():
            about = treatment_about(same[0].treatment)
            out.append((f"{percent(-share)} {mark}, {about}", same))
    return out


def cases_table(cases: Sequence[tuple[str, Sequence[Student]]]) -> str:
    """Return a table with a column for each case, a row for each of their statistics."""
    special = [student for _, same in cases for student in same if student.treatment]
    rows = [
        ["marked tokens seen", *(whole(s.marked_tokens for s in same) for _, same in cases)],
        ["tokens audited, closed", *(whole(s.answers_tokens for s in same) for _, same in cases)],
        ["perplexity", *(f"{middle([s.perplexity for s in same]):.2f}" for _, same in cases)],
    ]
    rows += [
        [full_name(name), *(p_cell(same, name) for _, same in cases)] for name in names(special)
    ]
    return table(["", *(about for about, _ in cases)], rows)


def defence_section(students: Sequence[Student]) -> str:
    """Return what a defendant would ask, where it was measured."""
    text = ""
    cases = _cases(students)
    if cases:
        text += f"""
### What a defendant would ask

log10 p of the true key, as above. Each column is a kind of student: the share of marked text, the
mark, and what else was done. A student that was asked to go on with marked text and never saw
any must not be accused; contexts of its prompts are left out, and no reference model is asked, as
none may see marked text. Of answers that were paraphrased or whose words were replaced, all
tokens of the marked ones count as marked; there are paraphrases of a quarter of the answers.
Words are replaced by others of the source, at random. Clean text afterwards is one round through
half as much as before (as much, of words). The perplexity of a student with another tokenizer is
one of other tokens. Where a cell is empty, nothing was measured.

{cases_table(cases)}
"""
    again = groups(
        (s for s in students if dict(s.treatment) == {"start": "teacher"}),
        lambda s: (s.mark, s.share),
    )
    if again:
        columns = [(f"{percent(share)} {mark}", same) for (mark, share), same in again.items()]
        text += f"""
### Students that began as the teacher

The unmarked teacher, trained further on what it said itself. The base is here the teacher as it
was; no other reference is of use.

{cases_table(columns)}
"""
    return text


# --------------------------------------------------------------------- marks


def marks_section(source: str, students: Sequence[Student], drawn: Sequence[str]) -> str:
    """Return which mark carries best, where there are several."""
    shares = groups(plain(students), lambda s: -s.share)
    tables = []
    for same in shares.values():
        by_mark = groups(same, lambda s: mark_place(s.mark))
        if same[0].share and len(by_mark) > 1:
            tables += [f"### {percent(same[0].share)} marked", best_text(same)]
            tables += [marks_table(list(by_mark.values()), of) for of in FAMILIES]
    if not tables:
        return ""
    body = "\n\n".join(part for part in tables if part)
    return f"""
## Which mark carries best: {source}

Students of one source, as they are, by their mark; log10 p as above.{marks_about(students)}
{figure(drawn, f"marks-{source}", "z by mark")}
{body}
"""


def marks_about(students: Sequence[Student]) -> str:
    """Say how strong the marks are that are there."""
    kinds = {name for s in students for name in ("gamma", "delta") if s.mark.startswith(name)}
    text = ""
    if "gamma" in kinds:
        text += """ All but those named for a
delta have the delta that costs the text as much quality as the main one does: chosen by the
perplexity of the text under the bigrams, before any student was trained."""
    if "delta" in kinds:
        text += """ Those that
are named for a delta cost it less or more."""
    return text


def marks_table(by_mark: Sequence[Sequence[Student]], of: str) -> str:
    """Return a table with a row for each mark."""
    every = [student for same in by_mark for student in same]
    chosen = names(every, of, served=False)
    if not chosen:
        return ""
    known = [student for student in every if student.quality is not None]
    head = ["mark", "seeding", "h", "gamma", "delta", "students"]
    head += ["perplexity of the text"] if known else []
    rows = []
    for same in by_mark:
        seeding, width, gamma = mark_about(same[0].mark)
        row = [same[0].mark, seeding, str(width), gamma, f"{same[0].job['delta']:.3g}"]
        row.append(str(len(same)))
        if known:
            quality = [s.quality for s in same if s.quality is not None]
            row.append(f"{middle(quality):.2f}" if quality else "")
        row.append(f"{middle([s.perplexity for s in same]):.2f}")
        rows.append(row + [p_cell(same, name) for name in chosen])
    head += ["perplexity of the student", *(full_name(name) for name in chosen)]
    return table(head, rows, left=2)


def best_text(students: Sequence[Student]) -> str:
    """Say which mark has the smallest p, for the statistics that are featured."""
    told = []
    for name in FEATURED:
        found = groups((s for s in students if name in s.found), lambda s: mark_place(s.mark))
        ranked = sorted(found.values(), key=lambda same: middle(values(same, name)))
        if ranked:
            labels = [f"{mark_label(s[0].mark)}, delta {s[0].job['delta']:.3g}" for s in ranked]
            told.append(f"- {full_name(name)}: " + "; ".join(labels[:SHOWN]))
    return "The smallest median p, and those next to it:\n\n" + "\n".join(told) if told else ""
