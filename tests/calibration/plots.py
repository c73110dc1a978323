"""The plots of the calibration: one message each, in its title."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from repeats import Contrast
from scipy import stats
from scoring import SCHEMES, Cell

BAND = 0.9998  # of a point of the QQ plot, by itself
POINTS = 300  # drawn of each curve, equally far apart on the axis of log10 p
# Okabe and Ito's colours, told apart also by those who see fewer.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
STYLES = ("-", "--", "-.", ":", (0, (4, 1, 1, 1, 1, 1)))
plt.style.use(Path(__file__).parents[1] / "plots.mplstyle")


def length_name(length: int | None) -> str:
    """Return how a length of document is called."""
    return "whole text" if length is None else f"{length:,} tokens"


def quantiles(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ranks and the p-values that hold them, some of the ranks, the smallest first."""
    n = len(p)
    ranks = np.unique(np.rint(np.geomspace(1, n, POINTS)).astype(int))
    return ranks, np.sort(p)[ranks - 1]


def draw_band(axis, n: int) -> None:
    """Draw the diagonal, and where a point lies with probability BAND if p is uniform."""
    ranks = np.unique(np.rint(np.geomspace(1, n, POINTS)).astype(int))
    expected = -np.log10(ranks / (n + 1))
    low, high = (
        stats.beta.ppf(q, ranks, n + 1 - ranks) for q in ((1 - BAND) / 2, (1 + BAND) / 2)
    )
    axis.fill_between(expected, -np.log10(low), -np.log10(high), color="0.87", lw=0)
    axis.plot(expected, expected, color="0.45", lw=0.8)


def draw_quantiles(axis, p: np.ndarray, number: int, label: str | None, **options) -> None:
    """Draw one curve of a QQ plot."""
    ranks, values = quantiles(p)
    axis.plot(
        -np.log10(ranks / (len(p) + 1)),
        -np.log10(values),
        color=COLOURS[number % len(COLOURS)],
        ls=STYLES[number % len(STYLES)],
        lw=1.6,
        label=label,
        **options,
    )


def power_ticks(axis, which: str, step: int = 1) -> None:
    """Label an axis of -log10 p with the p-values themselves."""
    places = np.arange(0, getattr(axis, f"get_{which}lim")()[1] + 1e-9, step)
    names = ["1" if place == 0 else f"$10^{{-{place:g}}}$" for place in places]
    getattr(axis, f"set_{which}ticks")(places, names)


def square(axis) -> None:
    """Give both axes their powers of ten; the band's far end, which is wide, is cut off."""
    axis.set_xlim(0)
    axis.set_ylim(0, axis.get_xlim()[1] + 3)
    power_ticks(axis, "x")
    power_ticks(axis, "y")


def pool(cells: Iterable[Cell]) -> np.ndarray:
    """Return the randomised p-values of cells together."""
    return np.concatenate([cell.randomised for cell in cells])


def finish(figure, axes: Sequence, path: Path) -> None:
    """Label the axes and write the file, the same bytes each time."""
    for axis in axes:
        axis.set_xlabel("expected p-value")
    axes[0].set_ylabel("observed p-value")
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def panels(count: int, title: str, width: float, height: float):
    """Return a figure with so many panels side by side."""
    figure, axes = plt.subplots(
        1, count, figsize=(width, height), sharey=True, layout="constrained", squeeze=False
    )
    figure.suptitle(title)
    return figure, axes[0]


def by_text(cells: Sequence[Cell], path: Path) -> None:
    """Draw one panel for each text, one curve for each length of document."""
    texts = list(dict.fromkeys(cell.text for cell in cells))
    lengths = list(dict.fromkeys(cell.length for cell in cells))
    title = "Keys that were never used: p-values are uniform at every length of document"
    figure, axes = panels(len(texts), title, 12, 4.6)
    for axis, text in zip(axes, texts, strict=True):
        for number, length in enumerate(lengths):
            p = pool(c for c in cells if c.text == text and c.length == length)
            if number == 0:
                draw_band(axis, len(p))
            draw_quantiles(axis, p, number, length_name(length))
        axis.set_title(text)
        square(axis)
    axes[0].legend(loc="upper left")
    finish(figure, axes, path)


def by_scheme(cells: Sequence[Cell], path: Path) -> None:
    """Draw one panel for each scheme, all its texts and lengths together."""
    title = "Keys that were never used: p-values are uniform under every seeding scheme"
    figure, axes = panels(len(SCHEMES), title, 14, 3.8)
    for axis, scheme in zip(axes, SCHEMES, strict=True):
        p = pool(c for c in cells if c.scheme == scheme)
        draw_band(axis, len(p))
        draw_quantiles(axis, p, 0, None)
        axis.set_title(scheme.name)
        square(axis)
    finish(figure, axes, path)


def far_tail(cells: Sequence[Cell], path: Path) -> None:
    """Draw the many keys of the default scheme, one curve for each text."""
    title = "Uniform as far out as the number of keys lets one see"
    figure, axes = panels(1, title, 7, 5.4)
    axis = axes[0]
    draw_band(axis, len(cells[0].randomised))
    for number, cell in enumerate(cells):
        draw_quantiles(axis, cell.randomised, number, cell.text)
    axis.set_title(
        f"{cells[0].scheme.name}, documents of {length_name(cells[0].length)}, "
        f"{len(cells[0].keys):,} keys a text",
        fontsize=11,
    )
    square(axis)
    axis.legend(loc="upper left")
    finish(figure, axes, path)


def repeats_counted(contrasts: Sequence[Contrast], path: Path) -> None:
    """Draw what counting repeats does to whole texts, one panel for each text."""
    whole = [contrast for contrast in contrasts if contrast.cell.length is None]
    texts = list(dict.fromkeys(contrast.cell.text for contrast in whole))
    ceiling = 20
    title = "Counting repeats as evidence: keys that were never used look like finds"
    figure, axes = panels(len(texts), title, 12, 4.8)
    for axis, text in zip(axes, texts, strict=True):
        mine = [contrast for contrast in whole if contrast.cell.text == text]
        draw_band(axis, len(mine[0].log10_p))
        for number, contrast in enumerate(mine):
            p = 10 ** np.maximum(contrast.log10_p, -ceiling)
            draw_quantiles(axis, p, number, contrast.cell.scheme.name)
        axis.axhline(6, color="0.3", lw=0.8, ls=(0, (1, 2)), label="default threshold")
        axis.set_title(text)
        axis.set_xlim(0)
        axis.set_ylim(0, ceiling)
        power_ticks(axis, "x")
        power_ticks(axis, "y", 4)
    places = axes[0].get_yticks()
    names = ["1", *(f"$10^{{-{place:g}}}$" for place in places[1:])]
    axes[0].set_yticks(places, [*names[:-1], f"$\\leq 10^{{-{ceiling}}}$"])
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    finish(figure, axes, path)
