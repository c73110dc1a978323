"""The plots of docs/distillation.md: one message each, in its title."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from findings import (
    FAMILIES,
    MAIN,
    PUBLISHED,
    REFERENCES,
    Student,
    caption,
    full_name,
    groups,
    kind,
    mark_label,
    mark_place,
    middle,
    names,
    percent,
    plain,
    values,
)
from PIL import Image

# Okabe and Ito's colours, told apart also by those who see fewer.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
MARKERS = ("o", "s", "^", "D", "v", "P")
GOAL = 5  # -log10 p
LINEAR = 10  # -log10 p up to which an axis is linear, and logarithmic beyond
POINTS = 300  # drawn of each curve of a QQ plot, equally far apart on the axis of log10 p
plt.style.use(Path(__file__).parents[1] / "plots.mplstyle")


def finish(figure, path: Path) -> None:
    """Write the file in few colours, the same bytes each time."""
    whole = io.BytesIO()
    figure.savefig(whole, metadata={"Software": None})
    plt.close(figure)
    Image.open(whole).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path)


def style(name: str) -> dict:
    """Return how a statistic is drawn: published ones grey, roots of ours full lines."""
    what, root = kind(name)
    order = ("", *REFERENCES, "distinct", "top token", "first")
    number = order.index(what) if what in order else len(order)
    colours = (*COLOURS[:4], "0.3", "0.3", "0.6", COLOURS[4])
    markers = (*MARKERS[:4], "x", "x", "+", MARKERS[4])
    line = "--" if what in ("", *REFERENCES) and not root else "-"
    return {"color": colours[number], "marker": markers[number], "ls": line, "lw": 1.4, "ms": 5}


def families(title: str):
    """Return a figure, and its four panels: closed and open, without the filter and with it."""
    figure, axes = plt.subplots(2, 2, figsize=(12, 9), sharey=True, layout="constrained")
    figure.suptitle(title)
    panels = [
        (axis, of, served)
        for line, served in zip(axes, (False, True), strict=True)
        for axis, of in zip(line, FAMILIES, strict=True)
    ]
    for axis, of, served in panels:
        behind = ", only contexts that were served" if served else ""
        axis.set_title(f"{of} model{behind}")
    return figure, panels


def p_axis(axis, numbers: Iterable[float]) -> None:
    """Label an axis of -log10 p with the p-values themselves; linear first, then logarithmic."""
    top = max([*numbers, GOAL + 1])
    axis.set_yscale("symlog", linthresh=LINEAR, linscale=1.5)
    axis.set_ylim(-0.5, top * (1.05 if top < LINEAR else 1.4))
    far = [place for place in (20, 50, 100, 200, 500, 1000, 2000, 5000) if place <= top * 1.4]
    places = [*(place for place in (0, 2, 4, 6, 8, 10) if place <= top), *far]
    axis.set_yticks(places, ["1", *(f"$10^{{-{place}}}$" for place in places[1:])])
    axis.minorticks_off()
    axis.axhline(GOAL, color="0.3", lw=0.8, ls=(0, (1, 2)))


def by_tokens(students: Sequence[Student], path: Path) -> bool:
    """Draw p against the marked tokens that a student saw, a panel for each family."""
    chosen = plain(students, mark=MAIN)
    seen = sorted({s.marked_tokens for s in chosen if s.guilty})
    if not seen:
        return False
    nothing = seen[0] / 4  # where those stand that saw none
    figure, panels = families("p-values by the marked tokens that a student saw")
    drawn = []
    for axis, of, served in panels:
        for name in names(chosen, of, served):
            shares = groups((s for s in chosen if name in s.found), lambda s: s.share)
            tokens = [middle([s.marked_tokens for s in same]) for same in shares.values()]
            heights = [-middle(values(same, name)) for same in shares.values()]
            places = [max(count, nothing) for count in tokens]
            axis.plot(places, heights, label=caption(name), **style(name))
            drawn += heights
        axis.set_xscale("log")
        axis.minorticks_off()
        ticks = [t for t in (10.0**k for k in range(2, 10)) if seen[0] / 1.5 < t < seen[-1] * 1.5]
        axis.set_xticks([nothing, *ticks], ["0", *(f"{tick:,.0f}" for tick in ticks)])
        if axis.lines:
            axis.legend(loc="upper left", fontsize=9)
    for axis, _, served in panels:
        p_axis(axis, drawn)
        if served:
            axis.set_xlabel("marked tokens seen (logarithmic)")
    panels[0][0].set_ylabel("p-value, median of seeds")
    panels[2][0].set_ylabel("p-value, median of seeds")
    finish(figure, path)
    return True


def along(students: Sequence[Student], path: Path) -> bool:
    """Draw p against the tokens audited, a panel for each share."""
    chosen = [
        s
        for s in plain(students, mark=MAIN)
        if s.guilty and any(f.along for f in s.found.values())
    ]
    shares = groups(chosen, lambda s: -s.share)
    if not shares:
        return False
    figure, axes = plt.subplots(
        *(1, len(shares)),
        figsize=(max(7, 2.6 * len(shares)), 4.4),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    figure.suptitle("p-values by the tokens audited, closed model")
    every = [n for n in names(chosen) if any(s.found[n].along for s in chosen if n in s.found)]
    drawn = []
    for axis, same in zip(axes[0], shares.values(), strict=True):
        for name in every:
            label = caption(name)
            for student in same:
                steps = student.found[name].along if name in student.found else []
                if steps:
                    tokens, log10_p = zip(*steps, strict=True)
                    heights = [-value for value in log10_p]
                    axis.plot(tokens, heights, label=label, **style(name))
                    drawn += heights
                    label = None
        axis.set_xscale("log")
        axis.set_title(f"{percent(same[0].share)} marked")
        axis.minorticks_off()
        places = [n * 10**k for k in range(2, 8) for n in (1, 3)]
        low, high = axis.get_xlim()
        places = [place for place in places if low < place < high]
        axis.set_xticks(places, [f"{place:,}" for place in places])
    for axis in axes[0]:
        p_axis(axis, drawn)
    axes[0][len(shares) // 2].set_xlabel("tokens audited (logarithmic)")
    axes[0][0].set_ylabel("p-value")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    finish(figure, path)
    return True


def strips(students: Sequence[Student], path: Path) -> bool:
    """Draw z of all control keys beside the true key's, of one student each share."""
    chosen = [
        same[0]
        for share, same in groups(plain(students, mark=MAIN), lambda s: s.share).items()
        if share in (0.0, 0.05, 1.0)
    ]
    if not chosen:
        return False
    every = names(chosen, served=False)
    figure, axes = plt.subplots(
        *(1, len(chosen)),
        figsize=(12, 1.6 + 0.3 * len(every)),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    figure.suptitle("The true key beside keys that were never used")
    random = np.random.default_rng(1)
    for axis, student in zip(axes[0], chosen, strict=True):
        for row, name in enumerate(every):
            if name not in student.found:
                continue
            found = student.found[name]
            heights = row + random.uniform(-0.3, 0.3, len(found.controls_z))
            axis.plot(found.controls_z, heights, ".", ms=1.5, color="0.6", rasterized=True)
            colour = COLOURS[5] if name in PUBLISHED else COLOURS[0]
            axis.plot(found.z, row, marker="D", ms=6, color=colour, ls="")
        axis.set_title(f"{percent(student.share)} marked")
        axis.grid(axis="y", color="0.92")
        axis.set_axisbelow(True)
    axes[0][0].set_yticks(range(len(every)), [full_name(n) for n in every])
    axes[0][0].invert_yaxis()
    axes[0][len(chosen) // 2].set_xlabel("z")
    for label, colour in (("true key, ours", COLOURS[0]), ("true key, published", COLOURS[5])):
        axes[0][-1].plot([], [], marker="D", ms=6, color=colour, ls="", label=label)
    axes[0][-1].plot([], [], ".", color="0.6", label="control keys")
    figure.legend(*axes[0][-1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    finish(figure, path)
    return True


def draw_quantiles(axis, log10_p: np.ndarray, name: str) -> None:
    """Draw one curve of a QQ plot."""
    n = len(log10_p)
    ranks = np.unique(np.rint(np.geomspace(1, n, POINTS)).astype(int))
    heights = -np.sort(log10_p)[ranks - 1]
    how = style(name) | {"marker": None}
    axis.plot(-np.log10(ranks / (n + 1)), heights, label=caption(name), **how)


def power_ticks(axis, which: str) -> None:
    """Label an axis of -log10 p with the p-values themselves."""
    places = np.arange(0, getattr(axis, f"get_{which}lim")()[1])
    labels = ["1", *(f"$10^{{-{place:g}}}$" for place in places[1:])]
    getattr(axis, f"set_{which}ticks")(places, labels)


def controls(students: Sequence[Student], path: Path) -> bool:
    """Draw quantiles of all p-values of control keys, a panel for each family."""
    if not students:
        return False
    figure, panels = families("Keys that were never used: their p-values against uniform ones")
    for axis, of, served in panels:
        for name in names(students, of, served):
            lists = [s.found[name].controls_log10_p for s in students if name in s.found]
            draw_quantiles(axis, np.concatenate(lists), name)
        if not axis.lines:
            continue
        end = axis.get_xlim()[1]
        axis.plot([0, end], [0, end], color="0.45", lw=0.8)
        axis.set_xlim(0, end)
        power_ticks(axis, "x")
        axis.legend(loc="upper left", fontsize=9)
    panels[0][0].set_ylim(0, max(axis.get_xlim()[1] for axis, _, _ in panels) + 1)
    power_ticks(panels[0][0], "y")
    for axis, of, served in panels:
        axis.set_xlabel("expected p-value" if served else "")
        axis.set_ylabel("observed p-value" if of == FAMILIES[0] else "")
    finish(figure, path)
    return True


def marks(students: Sequence[Student], chosen: Sequence[str], path: Path) -> bool:
    """Draw z by mark, a panel for each share; `chosen` are the statistics."""
    shares = groups(plain(students), lambda s: -s.share)
    shares = {-s: groups(same, lambda s: mark_place(s.mark)) for s, same in shares.items()}
    shares = {share: by_mark for share, by_mark in shares.items() if share and len(by_mark) > 1}
    if not shares or not chosen:
        return False
    figure, axes = plt.subplots(
        *(len(shares), 1), figsize=(12, 3.4 * len(shares)), layout="constrained", squeeze=False
    )
    figure.suptitle("What a student inherits of each mark")
    width = 0.8 / len(chosen)
    for axis, (share, by_mark) in zip(axes[:, 0], shares.items(), strict=True):
        for i, name in enumerate(chosen):
            for place, same in enumerate(by_mark.values()):
                z = values(same, name, "z")
                if not z:
                    continue
                at = place + width * (i - (len(chosen) - 1) / 2)
                axis.bar(at, middle(z), width=width * 0.95, color=COLOURS[i % len(COLOURS)])
                axis.plot([at] * len(z), z, ".", ms=4, color="0.2")
        axis.axhline(0, color="0.6", lw=0.8)
        marked = [(same[0].mark, same[0].job["delta"]) for same in by_mark.values()]
        labels = [f"{mark_label(name)}\ndelta {delta:.3g}" for name, delta in marked]
        axis.set_xticks(range(len(by_mark)), labels, fontsize=9)
        axis.set_title(f"{percent(share)} marked")
        axis.set_ylabel("z, median of seeds")
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLOURS[i]) for i in range(len(chosen))]
    labels = [full_name(name) for name in chosen]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(chosen))
    finish(figure, path)
    return True
