"""Speed of the command on corpora, beside what it has to pay for and what others do.

Makes 10 million token ids in ``build/bench`` (once), and prints, all from one run:

* the library on ids in memory, with de-duplication;
* ``greenprint verify`` on raw ids, gzipped token files and gzipped JSON Lines, with one
  thread and with two, beside ``zcat FILE | wc -c``;
* gzipped text from end to end, tokenized with SmolLM2's vocabulary;
* tracing: one pass with many tenants, 24,000 of them at most;
* the detectors of transformers and of the package sbw on as many tokens as they do in a few
  seconds, beside ours on the same (skipped where a package is missing).

Times are wall-clock seconds, the median of ``--turns``; sides alternate. ``--json FILE`` writes
them there too.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
BINARY = ROOT / "build" / "greenprint"
FOLDER = ROOT / "build" / "bench"
SHARED = Path(os.environ.get("GREENPRINT_SHARED", ROOT.parent / "shared"))
TOKENS = 10_000_000
VOCABULARY = 128_000
GAMMAS = {"1/2": "half.key", "1/4": "bench.key"}  # and the key file of each
RESULTS: list[dict] = []  # what --json writes


def need_binary() -> None:
    """End with a message where the command was not built."""
    if not BINARY.exists():
        raise SystemExit(f"bench: {BINARY} is absent: run `make` to build it")


def make_files() -> None:
    """Write the ids, drawn uniformly (all pairs differ) and by Zipf's law (they repeat)."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = FOLDER / "done"
    if done.exists():
        return
    print("making files in build/bench", flush=True)
    rng = np.random.default_rng(1)
    uniform = rng.integers(0, VOCABULARY, TOKENS, dtype="<u4")
    zipf = (rng.zipf(1.3, TOKENS) % VOCABULARY).astype("<u4")
    uniform.tofile(FOLDER / "uniform.u32")
    zipf.tofile(FOLDER / "zipf.u32")
    rows = [row.tolist() for row in np.array_split(zipf, 10_000)]
    with gzip.open(FOLDER / "zipf.tokens.gz", "wt", compresslevel=6) as file:
        file.writelines(" ".join(map(str, row)) + "\n" for row in rows)
    with gzip.open(FOLDER / "zipf.jsonl.gz", "wt", compresslevel=6) as file:
        file.writelines(json.dumps({"tokens": row}) + "\n" for row in rows)
    done.touch()


def make_keys() -> None:
    """Make a key for each gamma, where there is none."""
    for gamma, name in GAMMAS.items():
        if not (FOLDER / name).exists():
            command = [BINARY, "keygen", "--unsealed", "--gamma", gamma, "-o", FOLDER / name]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def make_text() -> Path | None:
    """Write 30 MB of human news, over and over, gzipped; None where it is absent."""
    news = SHARED / "data" / "news-en.jsonl"
    if not news.exists():
        return None
    path = FOLDER / "text.txt.gz"
    if not path.exists():
        texts = [json.loads(line)["text"] for line in news.open()]
        one = "\n\n".join(texts) + "\n"
        with gzip.open(path, "wt", compresslevel=6) as file:
            for _ in range(30_000_000 // len(one)):
                file.write(one)
    return path


def seconds(command: str) -> float:
    """Return the wall-clock time of a shell command."""
    start = time.perf_counter()
    done = subprocess.run(command, shell=True, cwd=FOLDER, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 1):
        raise SystemExit(f"bench: status {done.returncode}: {command}")
    return time.perf_counter() - start


def median_of(commands: dict[str, str], turns: int) -> dict[str, float]:
    """Run the commands in turn, several times, and return the median of each."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            times[name].append(seconds(command))
    return {name: statistics.median(values) for name, values in times.items()}


def row(group: str, name: str, time_: float, tokens: float, note: str = "") -> None:
    """Print one line of the table, and keep it."""
    RESULTS.append(
        {"group": group, "name": name, "seconds": time_, "tokens": tokens, "note": note}
    )
    print(f"  {name:<44} {time_:7.3f} s {tokens / time_ / 1e6:9.2f} million a second  {note}")


def bench_files(turns: int) -> None:
    """Raw ids, token files and JSON Lines; one thread and two."""
    ours = f"{BINARY} verify -q -k bench.key"
    commands = {
        "uniform.u32, -j1": f"{ours} -j1 uniform.u32",
        "zipf.u32, -j1": f"{ours} -j1 zipf.u32",
        "zipf.u32, -j2": f"{ours} -j2 zipf.u32",
        "zcat zipf.tokens.gz | wc -c": "zcat zipf.tokens.gz | wc -c",
        "zipf.tokens.gz, -j1": f"{ours} -j1 zipf.tokens.gz",
        "zipf.tokens.gz, -j2": f"{ours} -j2 zipf.tokens.gz",
        "zcat zipf.jsonl.gz | wc -c": "zcat zipf.jsonl.gz | wc -c",
        "zipf.jsonl.gz, -j1": f"{ours} -j1 zipf.jsonl.gz",
        "zipf.jsonl.gz, -j2": f"{ours} -j2 zipf.jsonl.gz",
        "zipf.u32, -j1, 64 MiB, rest on disk": f"{ours} -j1 --max-memory 64M zipf.u32",
    }
    report = subprocess.run(
        [BINARY, "verify", "-k", "bench.key", "--json", "zipf.u32"],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
    )
    share = json.loads(report.stdout)["scored"] / TOKENS
    print(f"\n10 million ids; uniform: all pairs differ; zipf: {100 * share:.0f} % of them do")
    found = median_of(commands, turns)
    for name, time_ in found.items():
        note = ""
        if ".gz, -j1" in name:
            plain = found[f"zcat {name[: -len(', -j1')]} | wc -c"]
            note = f"{time_ / plain:.2f} times zcat"
        elif name.endswith("-j2"):
            note = f"{found[name.replace('-j2', '-j1')] / time_:.2f} times as fast as -j1"
        row("files", name, time_, TOKENS, note)


def bench_library(turns: int) -> None:
    """All ids in one call of the library, with a new table of pairs each time."""
    import greenprint

    key = greenprint.Key.load(FOLDER / "bench.key")
    print("\n10 million ids in memory, one thread: gp_verifier_add() and the p-value")
    for name in ("uniform", "zipf"):
        ids = np.fromfile(FOLDER / f"{name}.u32", "<u4")
        times = []
        for _ in range(turns):
            verifier = greenprint.Verifier(key)
            start = time.perf_counter()
            verifier.add(ids)
            _ = verifier.result().log10_p
            times.append(time.perf_counter() - start)
        row("library", f"{name} ids in memory", statistics.median(times), TOKENS)


def bench_text(turns: int) -> None:
    """Gzipped text, from end to end."""
    import smollm2

    text = make_text()
    if text is None:
        print("\ntext: SKIPPED, ../shared/data is absent")
        return
    ours = f"{BINARY} verify -q -k bench.key -t {smollm2.gguf_file()}"
    found = median_of(
        {
            "zcat text.txt.gz | wc -c": f"zcat {text.name} | wc -c",
            "text.txt.gz, -j1": f"{ours} -j1 {text.name}",
            "text.txt.gz, -j2": f"{ours} -j2 {text.name}",
        },
        turns,
    )
    report = subprocess.run(
        [BINARY, "verify", "-k", "bench.key", "--json", "-t", smollm2.gguf_file(), text.name],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
    )
    tokens = json.loads(report.stdout)["tokens"]
    print(f"\n30 MB of news (the same articles over and over), {tokens:,} tokens of SmolLM2's")
    for name, time_ in found.items():
        row("text", name, time_, tokens, f"{30 / time_:.1f} MB a second")


def bench_tenants(most: int) -> None:
    """Many tenants in one pass."""
    np.fromfile(FOLDER / "uniform.u32", "<u4", 100_002).tofile(FOLDER / "tenants.u32")
    print("\n100,000 pairs, one thread")
    for gamma, key in GAMMAS.items():
        for tenants in (most // 10, most) if gamma == "1/2" else (most // 10,):
            command = f"{BINARY} verify -q -j1 -k {key} --tenants 0-{tenants - 1} tenants.u32"
            runs = [seconds(command) for _ in range(3)]
            one = statistics.median(runs)
            rate = f"{1e5 * tenants / one / 1e6:.1f} million colours a second"
            print(f"  gamma {gamma}, {tenants:6,} tenants {one:27.3f} s   {rate}")
            RESULTS.append(
                {"group": "tenants", "gamma": gamma, "tenants": tenants, "seconds": one}
                | {"least": min(runs), "most": max(runs)}
            )


def bench_detectors() -> None:
    """The detectors of others, on the ids of one document."""
    import greenprint

    ids = np.fromfile(FOLDER / "zipf.u32", "<u4", 1_000_000)
    key = greenprint.Key.load(FOLDER / "bench.key")

    def ours(n: int) -> float:
        verifier = greenprint.Verifier(key)
        start = time.perf_counter()
        verifier.add(ids[:n])
        _ = verifier.result().log10_p
        return time.perf_counter() - start

    base = statistics.median(ours(len(ids)) for _ in range(5)) / len(ids)
    print(f"\nDetectors, one document, in microseconds a token; ours {base * 1e6:.4f}")
    for name, detect, n in (
        ("transformers WatermarkDetector", transformers_detector, 1_000),
        ("sbw", sbw_detector, 5_000),
    ):
        try:
            each = statistics.median(detect(ids[:n].astype(np.int64)) for _ in range(3)) / n
        except ImportError as error:
            print(f"  {name:<32} SKIPPED: {error}")
            continue
        print(f"  {name:<32} {each * 1e6:12.2f}   ours is {each / base:,.0f} times as fast")
        RESULTS.append(
            {"group": "detectors", "name": name, "seconds": each, "ours": base, "tokens": n}
        )


def transformers_detector(ids: np.ndarray) -> float:
    """Return the seconds that transformers' detector takes."""
    import torch
    from transformers import PretrainedConfig, WatermarkDetector, WatermarkingConfig

    torch.set_num_threads(1)
    detector = WatermarkDetector(
        model_config=PretrainedConfig(vocab_size=VOCABULARY, bos_token_id=0),
        device="cpu",
        watermarking_config=WatermarkingConfig(
            greenlist_ratio=0.25, bias=2.0, seeding_scheme="lefthash", context_width=1
        ),
    )
    tokens = torch.tensor(ids)[None]
    start = time.perf_counter()
    detector(tokens, return_dict=True)
    return time.perf_counter() - start


def sbw_detector(ids: np.ndarray) -> float:
    """Return the seconds that the package sbw's detector takes."""
    import sbw
    import torch

    torch.set_num_threads(1)
    detector = sbw.WatermarkDetector(
        device=torch.device("cpu"),
        tokenizer=SimpleNamespace(bos_token_id=-1),  # it is asked for nothing else
        vocab=list(range(VOCABULARY)),
        gamma=0.25,
        normalizers=[],
    )
    tokens = torch.tensor(ids)
    start = time.perf_counter()
    detector.detect(tokenized_text=tokens, return_prediction=False)
    return time.perf_counter() - start


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--tenants", type=int, default=24_000, help="to trace at most")
    parser.add_argument("--json", type=Path, help="write the results there too")
    options = parser.parse_args()
    need_binary()
    make_files()
    make_keys()
    bench_library(options.turns)
    bench_files(options.turns)
    bench_text(options.turns)
    bench_tenants(options.tenants)
    bench_detectors()
    if options.json:
        options.json.write_text(json.dumps(RESULTS, indent=1) + "\n")


if __name__ == "__main__":
    main()
