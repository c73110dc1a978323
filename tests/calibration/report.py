"""Writes docs/calibration.md: every number in it comes from the run that wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from judge import FALSE_ALARM, Check, judge, levels_for, rate_bounds
from plots import BAND, length_name
from repeats import Contrast
from scoring import DEFAULT_SCHEME, GAMMA, SCHEMES, Cell
from texts import Text

import greenprint


@dataclass(frozen=True)
class Run:
    """All that a run found."""

    seed: int
    texts: Sequence[Text]
    cells: Sequence[Cell]
    tail: Sequence[Cell]
    contrasts: Sequence[Contrast]
    checks: Sequence[Check]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def span(values: Iterable[int]) -> str:
    """Return one number, or the smallest and the largest."""
    low, high = min(values := set(values)), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def number(x: float) -> str:
    """Return a p-value in few digits."""
    return f"{x:.2g}" if x >= 0.01 else f"{x:.1e}"


def texts_table(run: Run) -> str:
    """Return what was scored."""
    return table(
        ["text", "what", "documents", "tokens", "SHA-256 of the ids"],
        (
            [t.name, t.about, f"{len(t.documents):,}", f"{t.tokens:,}", f"`{t.digest()[:16]}…`"]
            for t in run.texts
        ),
    )


def whole_table(run: Run) -> str:
    """Return the tests of whole texts, a row for each text and scheme."""
    cells = [cell for cell in run.cells if cell.length is None]
    n = len(cells[0].p)
    levels = [level for level in levels_for(n) if level < 0.5]
    rows = []
    for cell in cells:
        ks = next(check for check in cell_checks(cell) if check.name == "Kolmogorov-Smirnov")
        rows.append(
            [
                cell.text,
                cell.scheme.name,
                span(r.scored for r in cell.results),
                f"{ks.seen[4:]}, {ks.p_value:.2g}",
                *(str(int((cell.p <= level).sum())) for level in levels),
                number(float(cell.p.min())),
            ]
        )
    rows.append(["expected", "", "", "", *(f"{level * n:g}" for level in levels), number(1 / n)])
    head = ["text", "scheme", "distinct pairs", "KS: D, p", *(f"p <= {v:g}" for v in levels)]
    return table([*head, "smallest p"], rows)


def cell_checks(cell: Cell) -> list[Check]:
    """Return the tests of a cell."""
    return judge(cell.p, cell.randomised)


def rates_table(
    groups: Sequence[tuple[str, np.ndarray]], levels: Sequence[float], intervals: int
) -> str:
    """Return how often p <= a in groups of trials, with bounds on the true rate."""
    confidence = 1 - FALSE_ALARM / intervals
    rows = []
    for name, p in groups:
        cells = []
        for level in levels:
            count = int((p <= level).sum())
            low, high = rate_bounds(count, len(p), confidence)
            cells.append(f"{count / len(p):.3g} ({low:.2g} to {high:.2g})")
        rows.append([name, f"{len(p):,}", *cells])
    return table(["documents", "trials", *(f"a = {level:g}" for level in levels)], rows)


def pooled(cells: Iterable[Cell]) -> np.ndarray:
    """Return the p-values of cells together."""
    return np.concatenate([cell.p for cell in cells])


def rate_tables(run: Run) -> tuple[str, str]:
    """Return the tables of rates, by length and far into the tail."""
    lengths = list(dict.fromkeys(cell.length for cell in run.cells))
    by_length = [(length_name(v), pooled(c for c in run.cells if c.length == v)) for v in lengths]
    tail = [(cell.text, cell.p) for cell in run.tail]
    levels = [[v for v in levels_for(len(g[0][1])) if v < 0.5] for g in (by_length, tail)]
    intervals = len(by_length) * len(levels[0]) + len(tail) * len(levels[1])
    return (
        rates_table(by_length, levels[0], intervals),
        rates_table(tail, levels[1], intervals).replace("| documents", "| text", 1),
    )


def contrast_table(run: Run, cell_of: Callable[[Contrast], str], names: Sequence[str]) -> str:
    """Return a row for each text and length, a column for each scheme."""
    rows = {}
    for contrast in run.contrasts:
        row = rows.setdefault((contrast.cell.text, contrast.cell.length), {})
        row[contrast.cell.scheme.name] = cell_of(contrast)
    return table(
        ["text", "documents", *names],
        ([text, length_name(v), *(row[n] for n in names)] for (text, v), row in rows.items()),
    )


def describe_contrast(contrast: Contrast) -> str:
    """Return the standard deviation of z, and the share of finds at 1e-4."""
    return f"{contrast.z.std():.1f}, {100 * (contrast.log10_p <= -4).mean():.0f} %"


def page(run: Run) -> str:
    """Return the page."""
    smallest = min(run.checks, key=lambda check: check.p_value)
    failed = [check for check in run.checks if not check.passed(len(run.checks))]
    verdict = (
        f"All {len(run.checks)} tests pass"
        if not failed
        else f"**{len(failed)} of {len(run.checks)} tests FAIL**"
    )
    keys = len(run.cells[0].keys)
    tail_keys = len(run.tail[0].keys)
    few = len(run.contrasts[0].z)
    worst = max(run.contrasts, key=lambda contrast: contrast.z.std())
    agreement = (
        "are the library's for every key"
        if all(contrast.agree for contrast in run.contrasts)
        else "**DIFFER** from the library's"
    )
    by_length, tail = rate_tables(run)
    total = sum(len(cell.keys) for cell in [*run.cells, *run.tail])
    return f"""# Calibration: are the p-values right?

How often does the verifier find a mark that is not there? This page was written by
`make calibration` with Greenprint {greenprint.__version__}, seed {run.seed}; no number in it
was put in by hand.

**{verdict}**, on {total:,} keys that were never used. They are exact tests, and together
they raise a false alarm with a probability below {FALSE_ALARM:g}. The smallest of their p-values
is {smallest.p_value:.2g} ({smallest.name}); of {len(run.checks)} one expects it near \
{1 / len(run.checks):.1g}.

## The question

**Null hypothesis**: the text was written without knowledge of the key. Then the p-value must
not be too small: P(p <= a) <= a for every a ([SPEC.md](../SPEC.md), section 8).

**Method**: take texts that people wrote, and keys drawn afterwards. The texts cannot depend on
the keys, so the null hypothesis holds by construction. Each trial is one key of its own and one
document, scored by the library: gamma {GAMMA}, all of `verify`'s rules. Token ids are those of
SmolLM2's tokenizer. A whole text is scored as `verify` pools documents; shorter documents are cut
from it one after another.

{texts_table(run)}

Green counts are whole numbers, so p itself cannot be exactly uniform. The **randomised** p-value
P(X > x) + U P(X = x), with U uniform, is: it shows deviations in both directions, and is what
the plots and the Kolmogorov-Smirnov tests (KS) use. Everything else is about p as reported.

## Uniform for every text, length and scheme

{keys:,} keys for each text, scheme and length. Quantiles of the p-values against those of the
uniform distribution, small p-values to the right; the grey band holds each single point with
probability {BAND:g}.

![QQ plot for each text](calibration/by-text.png)

![QQ plot for each scheme](calibration/by-scheme.png)

Whole texts, all documents pooled, {keys:,} keys a row: how many keys reach each level.

{whole_table(run)}

By length, all texts and schemes together: the share of trials with p <= a, and in brackets the
exact (Clopper-Pearson) bounds of the true rate. All bounds on this page hold together, except
with probability {FALSE_ALARM:g}. Short documents stay below a, because their p-values are coarse.

{by_length}

## Far into the tail

{tail_keys:,} keys for each text, default scheme ({DEFAULT_SCHEME.name}), documents of
{length_name(run.tail[0].length)}:

![QQ plot of many keys](calibration/far-tail.png)

{tail}

## What happens when repeats are counted

A text repeats itself. A (context, token) pair that occurs again has the same colour again, with
certainty; it is no new evidence, and the verifier counts it once. The same trials (the first
{few} keys of each) with each repeat counted as if it were new: the standard deviation of z,
which should be 1, and the share of keys with p <= 1e-4, which should be 0.01 %.

{contrast_table(run, describe_contrast, [scheme.name for scheme in SCHEMES])}

![QQ plot with repeats counted](calibration/repeats-counted.png)

The worst case: {worst.cell.text}, {length_name(worst.cell.length)}, {worst.cell.scheme.name}. Of
{few} keys that were never used, {int((worst.log10_p <= -6).sum())} would have been found at the
default threshold of 1e-6. The colours of this comparison come from a second implementation
(NumPy, with the key derivation of `testvectors/reference`). Without repeats its counts
{agreement}.

## Doing it again

    make calibration                  # reads ../shared/data; some ten minutes on one core
    make calibration DATA=file.jsonl  # the field `text` of a file; writes to build/calibration

Key i is SHA-256(le64(seed) || le64(i)); `--seed` of `tests/calibration/false_positives.py`
draws others. A small version of it is part of `make test`.
"""


def write(run: Run, folder: Path) -> Path:
    """Write the page and its plots below a folder; returns the page's path."""
    import plots

    images = folder / "calibration"
    images.mkdir(parents=True, exist_ok=True)
    plots.by_text(run.cells, images / "by-text.png")
    plots.by_scheme(run.cells, images / "by-scheme.png")
    plots.far_tail(run.tail, images / "far-tail.png")
    plots.repeats_counted(run.contrasts, images / "repeats-counted.png")
    path = folder / "calibration.md"
    path.write_text(page(run), "utf-8")
    return path
