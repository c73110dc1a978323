"""Writes docs/performance.md: every number in it comes from the run that wrote it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench_results import (
    DTYPES,
    MAIN_VOCABULARY,
    SETS,
    Goal,
    Results,
    gamma_name,
    goals,
    overhead_cases,
    pick,
    quiet_share,
)

import greenprint


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(case: dict) -> str:
    """Return a ratio, and the spread of single rounds."""
    return f"{case['ratio']:.2f} ({case['ratio_p10']:.2f} to {case['ratio_p90']:.2f})"


def faster(case: dict) -> str:
    """Return a ratio the other way round: how many times as fast."""
    low, middle, high = (1 / case[name] for name in ("ratio_p90", "ratio", "ratio_p10"))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def each(case: dict, which: str = "seconds", scale: float = 1e9) -> float:
    """Return the time of one piece of work, in nanoseconds."""
    return case[which] / case["units"] * scale


def percent(share: float | None) -> str:
    """Return a share for a cell."""
    return "" if share is None else f"{share:.0%}"


def quiet_cell(case: dict) -> str:
    """Return the share of quiet rounds; where they are too few, all are shown."""
    text = percent(quiet_share([case]))
    return text if case["shown"] == "quiet" else f"{text}, all shown"


def goal_value(goal: Goal) -> str:
    """Return what came out, and where."""
    digits = 1 if goal.found >= 1 else 2
    value = f"{goal.found:.{digits}f}{goal.unit}" if goal.unit else f"{goal.found:.3f}"
    value = f"{goal.found:,.0f} times" if goal.at_least else value
    return f"{value} ({goal.where})" if goal.where else value


def goals_table(found: Sequence[Goal]) -> str:
    """Return the goals and whether they are met."""
    rows = []
    for goal in found:
        limit = f"{'at least ' if goal.at_least else ''}{goal.limit:,g}{goal.unit}"
        limit += " times faster" if goal.at_least else "" if goal.unit else " or less"
        limit = f"under {limit}" if goal.unit else limit
        rows.append(
            [
                *(goal.work, goal.against, limit, goal_value(goal)),
                percent(goal.share) + ("" if goal.quiet or goal.share is None else ", all shown"),
                "" if goal.found_all is None else f"{goal.found_all:.3f}",
                "yes" if goal.met else "**no**",
            ]
        )
    head = ["work", "against", "goal", "worst case measured", "quiet rounds"]
    return table([*head, "worst of all rounds", "met"], rows)


def quiet_text(results: Results) -> str:
    """Return how rounds were told apart, and how many were quiet."""
    about = results.core["quiet"]
    cases = [case for case in results.core["results"] if "quiet_rounds" in case]
    shown = sum(case["shown"] == "quiet" for case in cases)
    return f"""A core is often shared by two hyper-threads, and on a rented machine the other
one may be somebody else's. While that one works, code that keeps the core busy takes up to
twice as long, and code that waits for memory does not, so that their ratio is that of the
neighbour. Before, between and after the two runs of each round a **probe** runs therefore: some
microseconds of vector additions in registers, measured in steps of a chain of multiplications,
which a neighbour hardly slows down, so that the core's frequency cancels. A round is **quiet**
where none of its probes cost more than {about["limit"]:g} times the cheapest probe of the whole
run. The probe alone decides; what the round itself took plays no part, and all rounds are
counted in the column beside. A comparison goes on for longer until it has as many quiet rounds
as were wanted, those without enough of them later again, in all up to {about["patience"]:g}
times as long. Ratios and times are those of the quiet rounds where there are {about["enough"]}
or more of them; otherwise those of all rounds, and "all shown" says so. In this run {shown} of
{len(cases)} comparisons had enough quiet rounds, and {percent(quiet_share(cases)) or "none"} of
all their rounds were quiet. Between two probes the neighbour may come and go: where a single
run takes milliseconds (batches from memory, tracing, the verifier, the table of pairs) they say
less. Comparisons on two threads and those from Python have no probes."""


def machine_table(results: Results) -> str:
    """Return what it was measured on."""
    machine = results.core["machine"]
    virtual = ", a virtual machine" if "hypervisor" in machine["flags"] else ""
    flags = [flag for flag in machine["flags"] if flag != "hypervisor"]
    rows = [
        ["processor", f"{machine['processor']} ({machine['architecture']}{virtual})"],
        ["cores", f"{machine['cores']}; measured on core {machine['core']} alone"],
        ["instructions it has", ", ".join(flags)],
        ["instruction set chosen by the library", results.core["cpu"]],
        ["caches", ", ".join(machine["caches"])],
        ["huge pages", machine["huge_pages"]],
        ["load average before the run", machine["load_before"]],
        ["kernel", machine["kernel"]],
        ["compiler", f"{machine['compiler']}, {machine['build']}"],
        ["OpenSSL", machine["openssl"]],
        ["Python", ", ".join(f"{k} {v}" for k, v in results.versions.items())],
    ]
    return table(["what", "which"], rows)


def marking_table(results: Results, group: str) -> str:
    """Return marking against a constant, a row for each format and vocabulary."""
    rows = []
    for dtype in DTYPES:
        first = results.cases(group, dtype=dtype, gamma_log2_den=2)
        for case in first:
            vocabulary = case["vocabulary"]
            same = results.cases(group, dtype=dtype, vocabulary=vocabulary)
            by_gamma = {c["gamma_log2_den"]: c for c in same}
            rows.append(
                [
                    dtype,
                    f"{vocabulary:,}",
                    f"{each(case, 'against_seconds') / 1e3:.1f} us",
                    f"{each(case) / 1e3:.1f} us",
                    *(spread(by_gamma[k]) for k in (1, 2, 3)),
                    " / ".join(quiet_cell(by_gamma[k]) for k in (1, 2, 3)),
                    " / ".join(f"{by_gamma[k]['all']['ratio']:.2f}" for k in (1, 2, 3)),
                ]
            )
    head = ["format", "vocabulary", "constant, a row", "marking at gamma 1/4"]
    head += [f"ratio at {gamma_name(k)}" for k in (1, 2, 3)]
    return table([*head, "quiet rounds", "ratios of all rounds"], rows)


def sets_table(results: Results) -> str:
    """Return the ratios of each instruction set, at one vocabulary size."""
    rows = []
    all_sets = dict(results.sets) | {results.core["cpu"]: results.core}
    for name in SETS:
        if name not in all_sets:
            continue
        cells = []
        for dtype in DTYPES:
            facts = {"dtype": dtype, "gamma_log2_den": 2, "vocabulary": MAIN_VOCABULARY}
            (case,) = pick(all_sets[name]["results"], "row", **facts)
            cells.append(f"{each(case) / 1e3:.1f} us, {spread(case)}, {quiet_cell(case)}")
        rows.append([name, *cells])
    return table(["instruction set", *DTYPES], rows)


def cases_table(cases: Iterable[dict], first: str, against: str) -> str:
    """Return comparisons that have a gamma each, times in nanoseconds."""
    rows = [
        [
            case["name"],
            gamma_name(case["gamma_log2_den"]),
            f"{each(case):.1f} ns",
            f"{each(case, 'against_seconds'):.1f} ns",
            spread(case),
            quiet_cell(case),
            f"{case['all']['ratio']:.2f}",
        ]
        for case in cases
    ]
    head = [first, "gamma", f"each {next(iter(cases))['unit']}", against, "ratio", "quiet rounds"]
    return table([*head, "ratio of all rounds"], rows)


def threads_table(results: Results) -> str:
    """Return what a second thread brings."""
    rows = [
        [
            case["dtype"],
            f"{case['vocabulary']:,}",
            f"{each(case, 'against_seconds') / 1e3:.1f} us",
            f"{each(case) / 1e3:.1f} us",
            faster(case),
        ]
        for case in results.cases("threads")
    ]
    head = ["format", "vocabulary", "one thread, a row", "two threads", "times as fast"]
    return table(head, rows)


def pairs_table(results: Results) -> str:
    """Return the cost of new pairs by size of the table."""
    rows = []
    for case in results.cases("table", against="a random visit, asked for ahead"):
        facts = {"bytes": case["bytes"], "against": "a load that waits for the one before"}
        (chain,) = results.cases("table", **facts)
        rows.append(
            [
                f"{case['bytes'] >> 20} MiB",
                f"{int(case['units']):,}",
                f"{each(case):.1f} ns",
                f"{each(case, 'against_seconds'):.1f} ns",
                f"{each(chain, 'against_seconds'):.1f} ns",
                spread(case),
                spread(chain),
                quiet_cell(case),
                f"{case['all']['ratio']:.2f}",
            ]
        )
    head = ["table", "pairs", "a new pair", "a random visit", "a waiting load", "pair / visit"]
    return table([*head, "pair / load", "quiet rounds", "pair / visit, all rounds"], rows)


def overhead_table(results: Results) -> str:
    """Return what the processor adds to the C function."""
    rows = [
        [
            str(case["rows"]),
            *(f"{case[name]:.1f} us" for name in ("c", "processor", "more", "empty")),
        ]
        for case in overhead_cases(results)
    ]
    head = ["rows", "`gp_generation_bias`", "`GreenprintLogitsProcessor`", "more"]
    return table([*head, "an empty C call"], rows)


def detectors_section(results: Results) -> str:
    """Return the detectors of others beside ours, where they were measured."""
    cases = [r for r in results.corpora if r["group"] == "detectors"]
    if not cases:
        return ""
    rows = [
        [
            r["name"],
            f"{r['tokens']:,}" if "tokens" in r else "",
            f"{r['seconds'] * 1e6:,.0f} us",
            f"{r['ours'] * 1e6:.3f} us",
            f"{r['seconds'] / r['ours']:,.0f}",
        ]
        for r in cases
    ]
    head = ["detector", "ids", "a token", "ours, a token", "times as long as ours"]
    return f"""
### Detectors of others

One document of ids in memory; vocabulary 128,000, one thread. Theirs score as many ids as take
some seconds, ours a million, de-duplicated, with the exact p-value; all by the clock.

{table(head, rows)}
"""


def others_table(results: Results) -> str:
    """Return what others take for one row, and how many times as long that is."""
    sizes = results.vocabularies()
    names = list(dict.fromkeys(name for _, name in results.processors))
    rows = []
    for name in names:
        cells = []
        for vocabulary in sizes:
            time = statistics.median(results.processors[vocabulary, name]) * 1e6
            ratio = statistics.median(results.times_faster(vocabulary, name))
            cells.append(f"{time:,.0f} us" + ("" if name == names[0] else f", {ratio:,.1f}"))
        rows.append([name, *cells])
    return table(["who", *(f"{vocabulary:,}" for vocabulary in sizes)], rows)


def processor_table(results: Results) -> str:
    """Return other processors against ours, like with like."""
    ours = "GreenprintLogitsProcessor"
    sizes = results.vocabularies()
    names = list(dict.fromkeys(name for _, name in results.processors))
    rows = [
        [
            name,
            *(f"{statistics.median(results.times_faster(v, name, ours)):,.1f}" for v in sizes),
        ]
        for name in names[names.index(ours) + 1 :]
    ]
    return table(["who", *(f"{vocabulary:,}" for vocabulary in sizes)], rows)


def corpora_table(results: Results) -> str:
    """Return what the command and the library take for corpora."""
    rows = [
        [
            r["name"].replace("|", "\\|"),
            f"{r['seconds']:.2f} s",
            f"{r['tokens'] / r['seconds'] / 1e6:.1f} million a second",
            r["note"],
        ]
        for r in results.corpora
        if r["group"] in ("library", "files", "text")
    ]
    return table(["work", "time", "tokens", ""], rows)


def tenants_table(results: Results) -> str:
    """Return what the command takes for many tenants."""
    rows = [
        [
            f"{r['tenants']:,}",
            r["gamma"],
            f"{r['seconds']:.2f} s ({r['least']:.2f} to {r['most']:.2f})",
            f"{1e5 * r['tenants'] / r['seconds'] / 1e6:,.0f} million",
        ]
        for r in results.corpora
        if r["group"] == "tenants"
    ]
    return table(["tenants", "gamma", "time", "colours a second"], rows)


def instructions_table(results: Results) -> str:
    """Return the committed counts of instructions."""
    rows = [
        [cpu, name, *(f"{parts[part]:.2f}" for part in ("greenprint", "libcrypto", "other"))]
        for cpu, paths in results.instructions["counts"].items()
        for name, parts in paths.items()
    ]
    return table(["instruction set", "path", "the library's", "OpenSSL's", "the rest"], rows)


def provable_text(results: Results) -> str:
    """Return what nonces and proofs of provable keys cost."""
    (nonce,) = results.cases("provable")
    prove, check = (results.cases("proof", name=name)[0] for name in ("prove", "check"))
    count = f"{prove['rows']:,}"
    first = results.provable["nonces"][0]
    return f"""A nonce of a provable key is an output of RFC 9497's VRF, nearly all of which is
two operations of libsodium's ristretto255: 64 bytes are mapped to the group, and the element is
multiplied. With all around them a nonce takes {each(nonce, scale=1e6):.1f} us, the two alone
{each(nonce, "against_seconds", 1e6):.1f} us: a ratio of {spread(nonce)}, quiet rounds:
{quiet_cell(nonce)}; all rounds: {nonce["all"]["ratio"]:.2f}.

To make {count} nonces and one proof of them takes {prove["value"]:.3f} s on one core, and to
check it, from contexts to nonces, {check["value"]:.3f} s; medians of three, without probes.

As a model writes, contexts come again, and the last nonces are kept (`build/bench_nonces`). Of
{first["documents"]:,} answers of SmolLM2-135M-Instruct, marked with h = 1 and
{first["positions"]:,} tokens long; longer texts repeat themselves more:

{nonces_table(results)}

{serve_text(results.provable["serve"])}"""


def nonces_table(results: Results) -> str:
    """Return what nonces cost as a model writes."""
    rows = [
        [
            f"{one['context_width']}",
            *(f"{one['hits']:.1f} %", f"{one['us']:.2f} us"),
            *(f"{one['hits_again']:.1f} %", f"{one['us_again']:.2f} us"),
        ]
        for one in results.provable["nonces"]
    ]
    head = ["h", "in the cache, from nothing", "a token", "in the cache, once more", "a token"]
    return table(head, rows)


def serve_text(serve: dict) -> str:
    """Return what blind evaluations cost the server."""
    return f"""Blind evaluation (`greenprint serve`, {serve["threads"]} threads, beside
{serve["processes"]} clients on the same cores, {serve["elements_per_request"]} contexts a
request, {serve["seconds"]:.0f} s): {serve["elements_per_second"]:,.0f} contexts a second, which
is {serve["of_two_multiplications"]:.2f} of what the two multiplications that each takes would
allow on as many threads; {serve["server_us_per_element"]:.0f} us of a processor for each, and
{2 * serve["multiplication_us"]:.0f} us for these two alone. Memory at the end:
{serve["resident_last_mib"]:.1f} MiB; errors: {serve["errors"]}."""


def verdict(found: Sequence[Goal]) -> str:
    """Return how many goals are met."""
    met = sum(goal.met for goal in found)
    if met == len(found):
        return f"**All {met} goals are met.**"
    return f"**{met} of {len(found)} goals are met**; the table says how far the others are."


def threads_section(results: Results) -> str:
    """Return the section on threads, where they were measured."""
    if not results.cases("threads"):
        return ""
    return f"""
### Two threads

`gp_bias_batch_parallel` on a pool of two against `gp_bias_batch`, 64 rows from memory, gamma 1/4;
here the program may use all cores. Memory is shared, so two is not the limit that rows in cache
would have.

{threads_table(results)}
"""


def page(results: Results) -> str:
    """Return the page."""
    found = goals(results)
    (tail,) = results.cases("tail")
    core = results.core
    tenants = results.cases("trace")[0]["tenants"]
    counted = results.instructions
    return f"""# Performance: what does the mark cost?

A mark is adopted if it costs nothing that anybody can see. The limit for marking is one pass over
the logits; for scoring and tracing it is the AES blocks that the scheme needs. This page was
written by `make bench` with Greenprint {greenprint.__version__}; no number in it was put in by
hand.

{verdict(found)}

{goals_table(found)}

**Quiet rounds** are those in which no probe saw anybody else use the core; the worst case of all
rounds, quiet or not, stands beside it. [How it was measured](#how-it-was-measured) says how they
are told apart. "All shown": too few were quiet, and the figure is that of all rounds. Where the
column is empty, nothing was left out. A goal is held against the worst of all its cases: four
vocabulary sizes and gamma 1/2, 1/4 and 1/8, where it does not name one.

## How it was measured

Two sides do the same work by turns on one core, A B B A A B …, in many short rounds after a
warm-up. A **ratio** is the median of the ratios of single rounds, whose two runs follow one
another, so that a slow moment of the machine hits both; in brackets the 10th and 90th percentile.
Times are medians, of the time that the system gave to the thread; where there are several
threads, by the clock. The C harness is `build/bench_greenprint` (`tests/bench/*.c`).

{quiet_text(results)}

- **Adding a constant** is written for each instruction set and number format with that set's
  vectors, and gives the same bits as portable code for it. For float16 and bfloat16 that is
  widening to float32, adding, rounding to nearest with ties to even, as marking does it. It
  does not ask for memory ahead, which marking does for batches: that is why some ratios there are
  below 1. With rows of 16 bits in cache, a constant takes so little that the AES blocks of the
  same logits, which do not become fewer with smaller numbers, cannot hide behind it.
- **In cache**: one row over and over. **From memory**: batches of 64 rows taken in turn from
  256 MiB, more than the caches hold. Every row has another context.
- **Bare AES** is OpenSSL's AES-128-ECB in calls of 512 blocks, as many as the scheme needs: k
  blocks for gamma 1/2^k, and for scoring one more for the context.

{machine_table(results)}

## Marking

### One row, in cache

![Ratios of marking to adding a constant](performance/ratios.png)

{marking_table(results, "row")}

### 64 rows, from memory

{marking_table(results, "batch")}
{threads_section(results)}
### Instruction sets

One row of {MAIN_VOCABULARY:,} logits in cache at gamma 1/4: the time of marking, its ratio to a
constant added with the same instruction set, and the share of quiet rounds. `GREENPRINT_CPU`
names the set; results are the same with all.

![Times by instruction set](performance/sets.png)

{sets_table(results)}

## Scoring

Both stages, without and with the table of pairs, at 2^20 tokens. Where every pair is new, each
goes to a place of its own in memory; the next section says what that costs.

![Scoring and tracing against AES](performance/aes.png)

{cases_table(results.cases("score"), "work", "bare AES")}

An exact p-value of 10^9 tokens takes {tail["value"]:.1f} us.

### The table of pairs

The table is open addressing, 16 bytes a slot, at most 5/8 full, and asks for memory well ahead of
its use. It is held against two programs that walk through as much memory: one whose every load
waits for the one before, which is the latency that a table without prefetching pays for each
pair; and one that reads and writes 16 bytes at places known in advance, which is the least that
a visit costs.

![New pairs against memory](performance/table.png)

{pairs_table(results)}

## Tracing

The same 100,000 pairs for many tenants, {tenants} in the harness; the context stage is shared.

{cases_table(results.cases("trace"), "work", "bare AES")}

The whole command on 100,000 distinct pairs, one thread (`greenprint verify -j1 --tenants`),
median of three runs and their range, without probes:

{tenants_table(results)}

## Provable keys

{provable_text(results)}

## From Python, beside others

One float32 row on the CPU, one core, one thread of torch, the same logits, gamma 1/4 and delta 2.
`gp_bias` is the C function called through ctypes; the others' times stand beside how many times
that of `gp_bias` they are. SynthID, which has no gamma and no delta, has 9 keys, as in its
documentation. `sbw` is measured with its scheme for CPUs (left hash) and with its Philox, which
`torch.compile` makes one loop of; its goal is held against the faster of the two. The Philox
processor is `tests/bench/philox.py`, torch operations and no more. Timed by pytest-benchmark in
five turns of all sides.

![Times of all, on a logarithmic axis](performance/others.png)

{others_table(results)}

How many times as long as `GreenprintLogitsProcessor`, processor against processor:

{processor_table(results)}

What `GreenprintLogitsProcessor` adds to the C function it calls, `gp_generation_bias`, by the
number of rows; a row is one logit here, so that next to nothing but the call is measured. Both
are driven as `generate()` does, a new id for each row at each step, by turns; medians of
{results.overhead["steps"]:,} steps. "More" is the median of the differences, the mean of those of
either order. The C function is called through ctypes as well, which the difference leaves out:
what an empty C call takes from Python, the clock included, stands in the last column.
(`tests/bench/processor_overhead.py`)

{overhead_table(results)}

## Corpora

10 million ids; `uniform`: all pairs differ; `zipf`: they repeat as words do. `-j` is the number
of threads of `greenprint verify`.

{corpora_table(results)}
{detectors_section(results)}
## Instructions

Counts do not depend on what else a machine does. `make bench-instructions` counts the two hot
paths with `valgrind --tool=callgrind` and compares them with these, which are committed: a logit
for `bias`, a token for `score`. {counted.get("compiler", "?")}, {counted.get("openssl", "?")},
{counted.get("valgrind", "?")}. valgrind knows no AVX-512, so those kernels are not in it; and
OpenSSL, which asks the processor what it can do (`OPENSSL_ia32cap` overrides that), runs the code
for what valgrind emulates.

{instructions_table(results)}

## Doing it again

    make bench                # some minutes; writes this page
    make bench-quick          # the C harness alone, a moment for each case; writes nothing
    make bench-instructions   # RECORD=1 writes the counts instead of comparing

The raw results are in `build/bench/*.json`. Each comparison was meant to take
{core["seconds"]:g} s while the core is quiet (`build/bench_greenprint --seconds`).
"""


def write(results: Results, folder: Path) -> Path:
    """Write the page and its plots below a folder; returns the page's path."""
    import bench_plots

    images = folder / "performance"
    images.mkdir(parents=True, exist_ok=True)
    bench_plots.ratios(results, images / "ratios.png")
    bench_plots.sets(results, images / "sets.png")
    bench_plots.blocks(results, images / "aes.png")
    bench_plots.table(results, images / "table.png")
    bench_plots.others(results, images / "others.png")
    path = folder / "performance.md"
    path.write_text(page(results), "utf-8")
    return path
