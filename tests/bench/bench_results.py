"""What `make bench` measured, read back from build/bench, and the goals it is held against."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETS = ("portable", "avx2", "avx512", "vaes", "neon")  # of instructions; GREENPRINT_CPU
DTYPES = ("float32", "bfloat16", "float16")
MAIN_VOCABULARY = 128256  # for what is shown at one size only


def gamma_name(gamma_log2_den: int) -> str:
    """Return a gamma as people write it."""
    return f"1/{2**gamma_log2_den}"


@dataclass(frozen=True)
class Goal:
    """A ratio, or a time, that was set before measuring, and what came out."""

    work: str
    against: str
    limit: float
    found: float  # the worst case
    where: str  # that it was found in
    at_least: bool = False  # the limit is a lower one
    unit: str = ""
    found_all: float | None = None  # the worst over all rounds, where some were left out
    share: float | None = None  # of the worst case's rounds that were quiet
    quiet: bool = True  # the worst case is that of quiet rounds

    @property
    def met(self) -> bool:
        """Whether the worst case keeps to the limit."""
        return self.found >= self.limit if self.at_least else self.found <= self.limit

    def share_text(self, before: str = "") -> str:
        """Return the share of quiet rounds, where they were told apart."""
        return "" if self.share is None else f"{before}{self.share:.0%} of rounds quiet"


@dataclass(frozen=True)
class Results:
    """All that was measured."""

    core: dict  # bench_greenprint
    sets: dict[str, dict]  # the same with other instruction sets, rows in cache only
    processors: dict[tuple[int, str], list[float]]  # (vocabulary, side): seconds, turn by turn
    overhead: dict  # processor_overhead.py, microseconds
    corpora: list[dict]
    provable: dict  # provable_keys.py
    instructions: dict
    versions: dict[str, str]

    def cases(self, group: str, **facts: object) -> list[dict]:
        """Return the comparisons of a group, those only that have such facts."""
        return pick(self.core["results"], group, **facts)

    def times_faster(self, vocabulary: int, other: str, ours: str = "gp_bias") -> list[float]:
        """Return how many times as long another side takes, turn by turn."""
        pairs = zip(
            self.processors[vocabulary, other], self.processors[vocabulary, ours], strict=True
        )
        return [theirs / mine for theirs, mine in pairs]

    def vocabularies(self) -> list[int]:
        """Return the vocabulary sizes of the comparison with others."""
        return sorted({vocabulary for vocabulary, _ in self.processors})


def pick(cases: Iterable[dict], group: str, **facts: object) -> list[dict]:
    """Return the cases of a group that have such facts."""
    return [
        case
        for case in cases
        if case["group"] == group and all(case.get(name) == facts[name] for name in facts)
    ]


def read_processors(path: Path) -> dict[tuple[int, str], list[float]]:
    """Return the median of each turn from the file of pytest-benchmark."""
    sides: dict[tuple[int, str], list[float]] = {}
    for benchmark in json.loads(path.read_text())["benchmarks"]:
        about = benchmark["extra_info"]
        key = about["vocabulary"], about["name"]
        sides.setdefault(key, []).append(benchmark["stats"]["median"])
    return sides


def read(folder: Path) -> Results:
    """Read what a run left in a folder."""
    sets = {path.stem[len("row-") :]: path for path in sorted(folder.glob("row-*.json"))}
    return Results(
        core=json.loads((folder / "core.json").read_text()),
        sets={name: json.loads(path.read_text()) for name, path in sets.items()},
        processors=read_processors(folder / "processors.json"),
        overhead=json.loads((folder / "overhead.json").read_text()),
        corpora=json.loads((folder / "corpora.json").read_text()),
        provable=json.loads((folder / "provable.json").read_text()),
        instructions=json.loads(Path(__file__).with_name("instructions.json").read_text()),
        versions=json.loads((folder / "versions.json").read_text()),
    )


# -------------------------------------------------------------------- goals


def where(case: dict) -> str:
    """Say which case it is, in few words."""
    words = [
        f"vocabulary {case['vocabulary']:,}" if "vocabulary" in case else "",
        f"gamma {gamma_name(case['gamma_log2_den'])}" if "gamma_log2_den" in case else "",
    ]
    return ", ".join(word for word in words if word)


def quiet_share(cases: Iterable[dict]) -> float | None:
    """Return the share of quiet rounds; None where no rounds were probed."""
    probed = [case for case in cases if "quiet_rounds" in case]
    if not probed:
        return None
    return sum(c["quiet_rounds"] for c in probed) / sum(c["rounds"] for c in probed)


def ratio_goal(work: str, against: str, limit: float, cases: list[dict]) -> Goal:
    """Hold the worst of some comparisons against a limit."""
    worst = max(cases, key=lambda case: case["ratio"])
    return Goal(
        *(work, against, limit, worst["ratio"], where(worst)),
        found_all=max(case["all"]["ratio"] for case in cases),
        share=quiet_share([worst]),
        quiet=worst.get("shown") == "quiet",
    )


def faster_goal(results: Results, other: str, limit: float, sides: tuple[str, ...]) -> Goal:
    """Hold the smallest advantage over some sides, at any vocabulary, against a limit."""
    found = [
        (statistics.median(results.times_faster(vocabulary, side)), vocabulary, side)
        for vocabulary in results.vocabularies()
        for side in sides
    ]
    least, vocabulary, side = min(found)
    place = f"vocabulary {vocabulary:,}" + (f", {side}" if len(sides) > 1 else "")
    return Goal("bias one row", other, limit, least, place, at_least=True)


def overhead_cases(results: Results) -> list[dict]:
    """Return what the processor adds by the number of rows, a logit each: 1, 8 and 64 rows."""
    return [case for case in results.overhead["cases"] if case["vocabulary"] == 1]


def detector_goal(results: Results) -> list[Goal]:
    """Hold transformers' detector against ours, where it was measured."""
    return [
        Goal(
            *("score one document", "transformers' `WatermarkDetector`", 5000),
            *(r["seconds"] / r["ours"], "a token, in memory", True),
        )
        for r in results.corpora
        if r["group"] == "detectors" and r["name"].startswith("transformers")
    ]


def provable_goals(results: Results) -> list[Goal]:
    """Hold provable keys against their group operations, and proofs against the clock."""
    nonces = results.cases("provable")
    ratio = ratio_goal(
        "1,000 nonces of a provable key", "the group operations in them", 1.1, nonces
    )
    limits = {"prove": 0.4, "check": 0.5}
    return [ratio] + [
        Goal(
            *(f"{case['name']} {case['rows']:,} nonces, one core", "the clock"),
            *(limits[case["name"]], case["value"], "median of three"),
            unit=" s",
        )
        for case in results.cases("proof")
    ]


def goals(results: Results) -> list[Goal]:
    """Return all goals, with the worst case of each."""
    constant = "adding a constant"
    rows = results.cases("row", dtype="float32", gamma_log2_den=2)
    tenants = max(
        (r for r in results.corpora if r["group"] == "tenants" and r["gamma"] == "1/2"),
        key=lambda r: r["tenants"],
    )
    most = max(overhead_cases(results), key=lambda case: case["more"])
    bfloat16 = {group: results.cases(group, dtype="bfloat16") for group in ("row", "batch")}
    stages = results.cases("score", name="both stages, no table")
    found = [
        ratio_goal("bias one float32 row, in cache, gamma 1/4", constant, 1.25, rows),
        ratio_goal(
            "bias 64 float32 rows, from memory",
            constant,
            1.10,
            results.cases("batch", dtype="float32"),
        ),
        ratio_goal("bias one bfloat16 row, in cache", constant, 1.4, bfloat16["row"]),
        ratio_goal("bias 64 bfloat16 rows, from memory", constant, 1.4, bfloat16["batch"]),
        ratio_goal("score, no table of pairs", "bulk AES over the same blocks", 1.3, stages),
        ratio_goal("trace many tenants", "the raw AES blocks", 1.3, results.cases("trace")),
        Goal(
            f"{tenants['tenants']:,} tenants over 100,000 pairs, gamma 1/2, one core",
            "the clock",
            10.0,
            tenants["seconds"],
            "the whole command",
            unit=" s",
        ),
    ]
    for other, limit, sides in (
        ("transformers' `WatermarkLogitsProcessor`, left hash", 100, ("transformers left hash",)),
        ("transformers' SynthID processor", 50, ("transformers SynthID",)),
        ("the package `sbw`", 20, ("sbw left hash", "sbw compiled")),
        ("a plain torch Philox processor", 20, ("torch Philox",)),
    ):
        found.append(faster_goal(results, other, limit, sides))
    found += detector_goal(results)
    found.append(
        Goal(
            "what `GreenprintLogitsProcessor` adds to a call",
            "the C function",
            5.0,
            most["more"],
            f"{most['rows']} rows",
            unit=" us",
        )
    )
    return found + provable_goals(results)
