"""Tables of docs/distillation.md: cells, rows of students, and what statistics are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from findings import FAMILIES, Student, caption, groups, middle, names, percent, values

TITLES = {
    "answers": "Answers of SmolLM2-135M-Instruct",
    "words": "Words of a bigram model",
    "more-words": "Four times as many words",
}
# Those that are shown where there is room for few: with what every auditor has.
FEATURED = ("closed root", "closed unrelated", "open unrelated root")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a Markdown table: words in so many columns on the left, then numbers."""
    lines = [head, ["---" if i < left else "---:" for i in range(len(head))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def decimal(x: float) -> str:
    """Return a number with one digit behind the point, and no negative zero."""
    text = f"{x:.1f}"
    return "0.0" if text == "-0.0" else text


def whole(numbers: Iterable[float]) -> str:
    """Return the median of whole numbers."""
    return f"{middle(list(numbers)):,.0f}"


def p_cell(students: Iterable[Student], name: str) -> str:
    """Return the median of log10 p, the weakest in brackets."""
    found = values(students, name)
    if not found:
        return ""
    return decimal(middle(found)) + (f" ({decimal(max(found))})" if len(found) > 1 else "")


def z_cell(students: Iterable[Student], name: str) -> str:
    """Return the median of z."""
    found = values(students, name, "z")
    return decimal(middle(found)) if found else ""


Cell = Callable[[Iterable[Student], str], str]


def by_share(students: Sequence[Student], chosen: Sequence[str], cell: Cell) -> str:
    """Return a table with a row for each share of marked text."""
    head = ["marked", "marked tokens seen", "students", *map(caption, chosen)]
    rows = [
        [
            percent(share),
            whole(s.marked_tokens for s in same),
            str(len(same)),
            *(cell(same, name) for name in chosen),
        ]
        for share, same in groups(students, lambda s: s.share).items()
    ]
    return table(head, rows)


def family_tables(students: Sequence[Student], cell: Cell, served: Sequence[bool]) -> str:
    """Return that table for both families, without the filter, with it, or both."""
    parts = []
    for of in FAMILIES:
        for filtered in served:
            chosen = names(students, of, filtered)
            if chosen:
                which = f"**{of.capitalize()} model{', with the filter' if filtered else ''}**"
                parts += [which, by_share(students, chosen, cell)]
    return "\n\n".join(parts)


def figure(drawn: Sequence[str], name: str, about: str) -> str:
    """Return a picture, if it was drawn."""
    return f"\n![{about}](distillation/{name}.png)\n" if name in drawn else ""
