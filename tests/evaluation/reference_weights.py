"""What a reference model saves: plain and weighted verification of predictable text.

SmolLM2-135M-Instruct answers tests/evaluation/low_entropy.txt (source code, lists, quotations,
translations, arithmetic, and prose to compare with), with the mark and without it. The
reference model is the same model without the mark, once knowing prompt and temperature, once
knowing neither. Reported, for each kind of text:

- z of all answers together, plain and weighted, and the square of their ratio: how many times
  fewer tokens give the same z;
- an estimate of the tokens needed for p < 1e-6 with 90 % power, plain and weighted (below);
- on unmarked answers and on human text, with keys that were never used: whether saddlepoint
  p-values are uniform (Kolmogorov-Smirnov) and Chernoff's bound is valid.

With T_i the statistic of answer i, n_i its tokens and V_i its variance under the null hypothesis,
T of a corpus of N tokens has about the mean N m, m = sum T_i / sum n_i, and the variance N v,
v = sum (T_i - n_i m)^2 / sum n_i * k / (k - 1). The mark is found where T is above z sqrt(N s),
s = sum V_i / sum n_i, so that N = ((z sqrt(s) + 1.28 sqrt(v)) / m)^2. z is 4.75 for the exact
test and 5.26 for Chernoff's bound, which the verdict of the weighted test goes by.

Answers and expectations are kept in build/evaluation/reference-weights/; a Markdown table and
all figures as JSON go there as well.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import smollm2  # noqa: E402
from greenprint import Expectations, Key, Params, Verifier, Watermark, Weigher  # noqa: E402
from greenprint.reference import write_expectations  # noqa: E402
from greenprint.transformers import GreenprintLogitsProcessor  # noqa: E402

ALPHA = 1e-6
POWER_Z = stats.norm.isf(0.1)
PLAIN_Z = stats.norm.isf(ALPHA)
CHERNOFF_Z = math.sqrt(-2 * math.log(ALPHA))
VARIANTS = ("informed", "blind")


def parse_arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--delta", type=float, default=2.0)
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.3, 0.7])
    parser.add_argument("--prompts", type=int, default=8, help="of each kind, up to 10")
    parser.add_argument("--tokens", type=int, default=100, help="longest answer")
    parser.add_argument("--human", type=int, default=10, help="human texts")
    parser.add_argument("--keys", type=int, default=1000, help="never-used keys for each test")
    parser.add_argument("--bootstrap", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    folder = ROOT / "build" / "evaluation" / "reference-weights"
    parser.add_argument("--output", type=Path, default=folder)
    return parser.parse_args()


def key_from(seed: int, label: str) -> Key:
    """Return a key that follows from the seed, so that a run can be repeated."""
    digest = hashlib.sha256(f"reference weights {seed} {label}".encode()).digest()
    return Key.from_bytes(digest, Params())


def human_texts(count: int) -> list[str]:
    """Return news articles that predate watermarks; none where they are not at hand."""
    for folder in (os.environ.get("GREENPRINT_SHARED", ROOT / ".." / "shared"),):
        file = Path(folder, "data", "news-en.jsonl")
        if file.is_file():
            lines = file.read_text("utf-8").splitlines()[:count]
            return [json.loads(line)["text"] for line in lines]
    print("SKIPPED: ../shared/data/news-en.jsonl is not there: no human text", file=sys.stderr)
    return []


class Texts:
    """The answers of one kind at one temperature, with what was expected of them."""

    def __init__(self, name: str, answers, prompts, temperature: float, folder: Path) -> None:
        self.name = name
        kept = [i for i, answer in enumerate(answers) if len(answer) > 2]
        self.answers = [answers[i] for i in kept]
        self.prompts = [prompts[i] for i in kept]
        self.temperature = temperature
        self.folder = folder

    def path(self, variant: str) -> Path:
        """Return the expectations file."""
        return self.folder / f"{self.name}-{variant}.gpx"

    def expect(self, model, variant: str) -> None:
        """Write what the reference model expects."""
        informed = variant == "informed"
        write_expectations(
            model,
            self.answers,
            self.path(variant),
            prompts=self.prompts if informed else None,
            temperature=self.temperature if informed else 1.0,
            progress=False,
        )

    def weigh(self, key: Key, variant: str, one_by_one: bool = False) -> list:
        """Return the weighted result of all answers together, or of each alone."""
        weigher = Weigher(key)
        results = []
        with Expectations(self.path(variant)) as expectations:
            for answer in self.answers:
                weigher.add(answer, expectations)
                if one_by_one:
                    results.append(weigher.result())
                    weigher.reset()
            expectations.finish()
        return results if one_by_one else [weigher.result()]

    def verify(self, key: Key, which: int | None = None):
        """Return the plain result of all answers, or of one."""
        verifier = Verifier(key)
        for answer in self.answers if which is None else [self.answers[which]]:
            verifier.add(answer)
        return verifier.result()


def load_prompts(tokenizer, count: int):
    """Return the kind of each prompt, and all of them as a batch."""
    kinds: dict[str, list[str]] = {}
    for line in (ROOT / "tests/evaluation/low_entropy.txt").read_text("utf-8").splitlines():
        kind, prompt = line.split("\t")
        kinds.setdefault(kind, []).append(prompt)
    chosen = [(kind, prompt) for kind, all_of_it in kinds.items() for prompt in all_of_it[:count]]
    return [kind for kind, _ in chosen], smollm2.chat_prompts(tokenizer, [p for _, p in chosen])


def generate(arguments, key: Key) -> dict[str, dict]:
    """Answer all prompts, marked and unmarked; kept in a file, since it takes minutes."""
    names = ("delta", "temperatures", "prompts", "tokens", "human", "seed")
    settings = {name: getattr(arguments, name) for name in names}
    settings["versions"] = versions()
    file = arguments.output / "texts.json"
    texts = {}
    if file.is_file():
        kept = json.loads(file.read_text())
        if kept["settings"] != settings:
            raise SystemExit(f"{arguments.output} holds other texts: remove it")
        texts = kept["texts"]
    tokenizer, model = smollm2.load_tokenizer(), smollm2.load_model()
    end = model.generation_config.eos_token_id
    watermark = Watermark(key, delta=arguments.delta, never_biased=[end])
    kinds, prompts = load_prompts(tokenizer, arguments.prompts)
    ids = zip(prompts["input_ids"], prompts["attention_mask"].bool(), strict=True)
    unpadded = [row[mask].tolist() for row, mask in ids]
    # Unmarked ones are for the null hypothesis alone: one temperature will do.
    runs = [(temperature, True) for temperature in arguments.temperatures]
    for temperature, mark in [*runs, (arguments.temperatures[-1], False)]:
        suffix = f"{temperature:g}-{'marked' if mark else 'unmarked'}"
        if f"{kinds[0]}-{suffix}" in texts:
            continue
        answers = smollm2.answer(
            model,
            prompts,
            seed=arguments.seed + (0 if mark else 1000),
            max_tokens=arguments.tokens,
            temperature=temperature,
            processor=GreenprintLogitsProcessor(watermark) if mark else None,
        )
        for kind, prompt, answer in zip(kinds, unpadded, answers, strict=True):
            one = texts.setdefault(
                f"{kind}-{suffix}", {"answers": [], "prompts": [], "temperature": temperature}
            )
            one["answers"].append(answer)
            one["prompts"].append(prompt)
            one.setdefault("text", []).append(tokenizer.decode(answer))
        print(suffix, file=sys.stderr, flush=True)
        file.write_text(json.dumps({"settings": settings, "texts": texts}))
    human = [tokenizer(text)["input_ids"][:200] for text in human_texts(arguments.human)]
    if human:
        texts["human"] = {"answers": human, "prompts": [[end]] * len(human), "temperature": 1.0}
    return texts


def versions() -> dict[str, str]:
    """Return what the figures depend on."""
    import transformers

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
    }


def tokens_needed(t, n, v, z: float) -> float:
    """Return N of the module's documentation, infinite where the mark does not show."""
    mean = t.sum() / n.sum()
    if mean <= 0:
        return math.inf
    spread = ((t - n * mean) ** 2).sum() / n.sum() * len(t) / max(len(t) - 1, 1)
    return ((z * math.sqrt(v.sum() / n.sum()) + POWER_Z * math.sqrt(spread)) / mean) ** 2


def compare(texts: Texts, key: Key, arguments) -> dict:
    """Return the figures of one row of the table."""
    gamma = 0.25
    n = np.array([len(answer) for answer in texts.answers], float)
    plain = [texts.verify(key, i) for i in range(len(n))]
    moments = {
        "plain": (
            np.array([r.green - gamma * r.scored for r in plain]),
            np.array([gamma * (1 - gamma) * r.scored for r in plain]),
        )
    }
    together = texts.verify(key)
    figures = {
        "texts": len(n),
        "tokens": int(n.sum()),
        "plain": {"z": together.z, "log10_p": together.log10_p},
    }
    for variant in VARIANTS:
        results = texts.weigh(key, variant, one_by_one=True)
        t = np.array([r.statistic for r in results])
        z = np.array([r.z for r in results])
        moments[variant] = (t, np.divide(t, z, out=np.zeros_like(t), where=z != 0) ** 2)
        whole = texts.weigh(key, variant)[0]
        figures[variant] = {
            "z": whole.z,
            "log10_p": whole.log10_p,
            "log10_p_saddlepoint": whole.log10_p_saddlepoint,
            "coins": whole.coins,
        }
    rng = np.random.default_rng(arguments.seed)
    samples = rng.integers(0, len(n), (arguments.bootstrap, len(n)))
    for name, (t, v) in moments.items():
        z = PLAIN_Z if name == "plain" else CHERNOFF_Z
        figures[name]["tokens_needed"] = tokens_needed(t, n, v, z)
        if name == "plain":
            continue
        t0, v0 = moments["plain"]
        ratios = [
            tokens_needed(t0[s], n[s], v0[s], PLAIN_Z) / tokens_needed(t[s], n[s], v[s], z)
            for s in samples
        ]
        figures[name]["ratio"] = (
            figures["plain"]["tokens_needed"] / figures[name]["tokens_needed"]
        )
        figures[name]["ratio_interval_95"] = np.nanquantile(
            ratios, [0.025, 0.975], method="nearest"
        ).tolist()
    return figures


def null(groups: list[Texts], variant: str, arguments) -> dict:
    """Test texts without a mark with never-used keys, group after group."""
    p, bounds = [], []
    for j in range(arguments.keys):
        key = key_from(arguments.seed, f"never used {variant} {j}")
        result = groups[j % len(groups)].weigh(key, variant)[0]
        p.append(10.0**result.log10_p_saddlepoint)
        bounds.append(result.log10_p)
    return {
        "keys": arguments.keys,
        "texts": sum(len(group.answers) for group in groups),
        "ks_p": float(stats.kstest(p, "uniform").pvalue),
        "below": {
            str(a): [
                float(np.mean(np.array(p) <= a)),
                float(np.mean(np.array(bounds) <= math.log10(a))),
            ]
            for a in (0.1, 0.01, 0.001)
        },
        "smallest": min(p),
    }


def as_markdown(rows: dict, nulls: dict) -> str:
    """Lay out the figures as two tables."""
    lines = [
        "| text, temperature | tokens | z: plain, informed, blind | (z / plain z)^2: informed, "
        "blind | tokens needed: plain, informed, blind | times fewer: informed, blind "
        "(95 % interval) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, f in rows.items():
        ways = ("plain", *VARIANTS)
        z = ", ".join(f"{f[w]['z']:.1f}" for w in ways)
        squares = ", ".join(f"{(f[w]['z'] / f['plain']['z']) ** 2:.1f}" for w in VARIANTS)
        needed = ", ".join(f"{f[w]['tokens_needed']:,.0f}" for w in ways)
        ratios = ", ".join(
            f"{f[w]['ratio']:.1f} ({f[w]['ratio_interval_95'][0]:.1f} to "
            f"{f[w]['ratio_interval_95'][1]:.1f})"
            for w in VARIANTS
        )
        lines.append(f"| {name} | {f['tokens']} | {z} | {squares} | {needed} | {ratios} |")
    lines += [
        "",
        "| unmarked text, reference | texts | keys | KS p | share of saddlepoint p (Chernoff) "
        "<= 0.1, 0.01, 0.001 | smallest p |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, f in nulls.items():
        shares = ", ".join(f"{s:.4f} ({c:.4f})" for s, c in f["below"].values())
        lines.append(
            f"| {name} | {f['texts']} | {f['keys']} | {f['ks_p']:.2f} | {shares} | "
            f"{f['smallest']:.1e} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run the evaluation; fails only when something is broken, never on poor figures."""
    arguments = parse_arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    key = key_from(arguments.seed, "key")
    raw = generate(arguments, key)
    generated = time.monotonic() - start
    texts = {
        name: Texts(name, t["answers"], t["prompts"], t["temperature"], arguments.output)
        for name, t in raw.items()
    }
    model = smollm2.load_model()
    for one in texts.values():
        for variant in VARIANTS:
            if not one.path(variant).is_file():
                one.expect(model, variant)
        print(one.name, file=sys.stderr, flush=True)
    expected = time.monotonic() - start - generated
    rows = {
        name.removesuffix("-marked").replace("-", ", "): compare(one, key, arguments)
        for name, one in texts.items()
        if name.endswith("-marked")
    }
    nulls = {}
    for title, chosen in (
        ("unmarked answers", [t for name, t in texts.items() if name.endswith("-unmarked")]),
        ("human news", [t for name, t in texts.items() if name == "human"]),
    ):
        for variant in VARIANTS if chosen else ():
            nulls[f"{title}, {variant}"] = null(chosen, variant, arguments)
    seconds = time.monotonic() - start
    markdown = as_markdown(rows, nulls)
    figures = {"rows": rows, "null": nulls, "versions": versions(), "seed": arguments.seed}
    (arguments.output / "results.md").write_text(markdown + "\n")
    (arguments.output / "results.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(markdown)
    print(
        f"\n{seconds:.0f} s, of which {generated:.0f} s generating and {expected:.0f} s reading; "
        f"all figures: {arguments.output / 'results.json'}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
