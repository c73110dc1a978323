"""The plots of docs/performance.md: one message each, in its title."""

from __future__ import annotations

import statistics
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from bench_results import DTYPES, MAIN_VOCABULARY, SETS, Results, gamma_name, pick

# Okabe and Ito's colours, told apart also by those who see fewer.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
MARKERS = ("o", "s", "^")
OURS, THEIRS = COLOURS[0], "0.65"
plt.style.use(Path(__file__).parents[1] / "plots.mplstyle")


def finish(figure, path: Path) -> None:
    """Write the file, the same bytes each time."""
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def draw_goal(axis, value: float) -> None:
    """Draw a goal as a line across."""
    axis.axhline(value, color=COLOURS[5], lw=1.2, ls="--")
    axis.annotate(
        f"goal {value:g}",
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        color=COLOURS[5],
        fontsize=9,
    )


def ratios(results: Results, path: Path) -> None:
    """Draw marking against adding a constant: in cache and from memory, three formats."""
    figure, axes = plt.subplots(
        2, len(DTYPES), figsize=(12, 7), sharex=True, layout="constrained"
    )
    figure.suptitle("Marking a row, as a multiple of adding a constant to it")
    goals = {("row", "float32"): 1.25, ("batch", "float32"): 1.10, ("row", "bfloat16"): 1.4}
    goals["batch", "bfloat16"] = 1.4
    for line, (group, name) in zip(
        axes, (("row", "one row, in cache"), ("batch", "64 rows, from memory")), strict=True
    ):
        for axis, dtype in zip(line, DTYPES, strict=True):
            draw_ratios(axis, results, group, dtype)
            axis.set_title(f"{dtype}: {name}")
            if (group, dtype) in goals:
                draw_goal(axis, goals[group, dtype])
            axis.set_ylim(0, axis.get_ylim()[1] * 1.05)
        line[0].set_ylabel("ratio of times")
    for axis in axes[1]:
        axis.set_xlabel("vocabulary")
    if any(case["shown"] == "all" for case in results.cases("row") + results.cases("batch")):
        axes[0][2].plot([], [], color="0.4", marker="o", mfc="white", ls="", label="not quiet")
    axes[0][2].legend(loc="lower left")
    finish(figure, path)


def draw_ratios(axis, results: Results, group: str, dtype: str) -> None:
    """Draw one panel: a curve for each gamma over the vocabulary."""
    axis.axhline(1, color="0.6", lw=0.8)
    for k in (1, 2, 3):
        cases = results.cases(group, dtype=dtype, gamma_log2_den=k)
        places = [i + 0.12 * (k - 2) for i in range(len(cases))]
        middle = [case["ratio"] for case in cases]
        spread = [
            [case["ratio"] - case["ratio_p10"] for case in cases],
            [case["ratio_p90"] - case["ratio"] for case in cases],
        ]
        axis.errorbar(
            places,
            middle,
            yerr=spread,
            color=COLOURS[k - 1],
            marker=MARKERS[k - 1],
            ms=5,
            lw=1.4,
            elinewidth=1,
            label=f"gamma {gamma_name(k)}",
        )
        loud = [i for i, case in enumerate(cases) if case.get("shown") == "all"]
        axis.plot(
            [places[i] for i in loud],
            [middle[i] for i in loud],
            color=COLOURS[k - 1],
            marker=MARKERS[k - 1],
            mfc="white",
            ms=5,
            ls="",
            zorder=3,
        )
        axis.set_xticks(range(len(cases)), [f"{case['vocabulary']:,}" for case in cases])


def others(results: Results, path: Path) -> None:
    """Draw the time that each takes for one row, on a logarithmic axis."""
    vocabulary = MAIN_VOCABULARY
    names = [name for size, name in results.processors if size == vocabulary]
    times = [statistics.median(results.processors[vocabulary, name]) * 1e6 for name in names]
    figure, axis = plt.subplots(figsize=(10, 4.4), layout="constrained")
    ours = names.index("transformers left hash")
    colours = [OURS if i < ours else THEIRS for i in range(len(names))]
    axis.barh(range(len(names)), times, color=colours, height=0.7)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set_xlim(min(times) / 3, max(times) * 15)
    for i, time in enumerate(times):
        factor = statistics.median(results.times_faster(vocabulary, names[i]))
        note = f" {time:,.0f} us" + (f", {factor:,.1f} times" if i else "")
        axis.annotate(note, (time, i), va="center", xytext=(3, 0), textcoords="offset points")
    axis.set_xlabel("microseconds a row (logarithmic)")
    axis.set_title(f"Marking one float32 row of {vocabulary:,} logits from Python, one core")
    finish(figure, path)


def sets(results: Results, path: Path) -> None:
    """Draw the time of a row by instruction set and format, beside the constant's."""
    all_sets = dict(results.sets) | {results.core["cpu"]: results.core}
    names = [name for name in SETS if name in all_sets]
    figure, axes = plt.subplots(1, len(DTYPES), figsize=(12, 4.2), layout="constrained")
    figure.suptitle(f"One row of {MAIN_VOCABULARY:,} logits, in cache, gamma 1/4")
    for axis, dtype in zip(axes, DTYPES, strict=True):
        for place, name in enumerate(names):
            facts = {"dtype": dtype, "gamma_log2_den": 2, "vocabulary": MAIN_VOCABULARY}
            (case,) = pick(all_sets[name]["results"], "row", **facts)
            each = [case[which] / case["units"] * 1e6 for which in ("against_seconds", "seconds")]
            for shift, time, colour in zip((-0.2, 0.2), each, (THEIRS, OURS), strict=True):
                axis.bar(place + shift, time, width=0.38, color=colour)
                axis.annotate(f"{time:.1f}", (place + shift, time), ha="center", va="bottom")
        axis.set_xticks(range(len(names)), names)
        axis.set_title(dtype)
        axis.margins(y=0.12)
    axes[0].set_ylabel("microseconds a row")
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in (THEIRS, OURS)]
    names = ("adding a constant", "marking")
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    finish(figure, path)


def blocks(results: Results, path: Path) -> None:
    """Draw scoring and tracing as multiples of the AES blocks that they take."""
    cases = results.cases("score") + results.cases("trace")
    cases = [case for case in cases if case["name"] != "gp_verifier_add, pairs 16 times"]
    names = [f"{case['name']}, gamma {gamma_name(case['gamma_log2_den'])}" for case in cases]
    limits = [None if "verifier" in case["name"] else 1.3 for case in cases]
    figure, axis = plt.subplots(figsize=(10, 4.4), layout="constrained")
    axis.barh(range(len(cases)), [case["ratio"] for case in cases], color=OURS, height=0.7)
    axis.set_yticks(range(len(cases)), names)
    axis.invert_yaxis()
    axis.axvline(1, color="0.6", lw=0.8)
    for i, (case, limit) in enumerate(zip(cases, limits, strict=True)):
        each = case["seconds"] / case["units"] * 1e9
        axis.annotate(
            f" {case['ratio']:.2f}   ({each:.1f} ns a {case['unit']})",
            (max(case["ratio"], limit or 0), i),
            va="center",
            xytext=(4, 0),
            textcoords="offset points",
        )
        if limit:
            axis.plot([limit, limit], [i - 0.42, i + 0.42], color=COLOURS[5], lw=2)
    axis.plot([], [], color=COLOURS[5], lw=2, label="goal")
    axis.legend(loc="lower right")
    axis.set_xlim(0, max(case["ratio"] for case in cases) * 1.6)
    axis.set_xlabel("multiple of bare AES over the same blocks")
    axis.set_title("Scoring and tracing: what they add to AES")
    finish(figure, path)


def table(results: Results, path: Path) -> None:
    """Draw what a new pair costs by size of the table, beside what its memory costs."""
    ahead = results.cases("table", against="a random visit, asked for ahead")
    waiting = results.cases("table", against="a load that waits for the one before")
    figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
    curves = (
        ("a load that waits for the one before", waiting, "against_seconds", "0.45", "s"),
        ("a new pair in the table", ahead, "seconds", OURS, "o"),
        ("a random visit, asked for ahead", ahead, "against_seconds", COLOURS[1], "^"),
    )
    for name, cases, which, colour, marker in curves:
        times = [case[which] / case["units"] * 1e9 for case in cases]
        places = range(len(cases))
        axis.plot(places, times, color=colour, marker=marker, lw=1.4, label=name)
        for place, time in zip(places, times, strict=True):
            axis.annotate(
                f"{time:.1f}",
                (place, time),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
            )
    axis.set_xticks(range(len(ahead)), [f"{case['bytes'] >> 20} MiB" for case in ahead])
    axis.set_yscale("log")
    axis.set_ylim(top=axis.get_ylim()[1] * 6)
    axis.margins(x=0.1)
    axis.set_xlabel("size of the table")
    axis.set_ylabel("nanoseconds (logarithmic)")
    axis.set_title("A new pair in the table, beside what its memory costs")
    axis.legend(loc="upper left")
    finish(figure, path)
