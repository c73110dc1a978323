"""How well the mark is found, and what it costs: on SmolLM2-135M-Instruct.

Answers a set of questions with the mark and, from the same seeds, without it, and reports

- detection: how many marked answers reach p < 1e-6;
- false positives: how many unmarked answers, and how many pairs of a marked answer and a
  key that was never used, fall below p = 1e-4, beside what chance leads one to expect;
- quality: the perplexity of both kinds of answer under the unmarked model, at temperature 1.

A Markdown table and all figures as JSON go to build/evaluation/. Everything follows from
--seed, so a second run on the same machine gives the same figures.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import smollm2  # noqa: E402
from greenprint import Key, Params, Verifier, Watermark, log10_binomial_tail  # noqa: E402
from greenprint.transformers import GreenprintLogitsProcessor  # noqa: E402

FOUND = -6.0  # log10 p
SUSPICIOUS = -4.0


def parse_arguments() -> argparse.Namespace:
    """Return the command line, with the defaults of the library."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeding", default="hash")
    parser.add_argument("--context-width", type=int, default=2)
    parser.add_argument("--gamma", default="1/4")
    parser.add_argument("--delta", type=float, default=2.0)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--prompts", type=int, default=32, help="how many questions")
    parser.add_argument("--tokens", type=int, default=200, help="length of an answer")
    parser.add_argument("--wrong-keys", type=int, default=300, help="never-used keys per answer")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "evaluation")
    return parser.parse_args()


def key_from(seed: int, label: str, params: Params) -> Key:
    """Return a key that follows from the seed, so that a run can be repeated."""
    return Key.from_bytes(hashlib.sha256(f"evaluation {seed} {label}".encode()).digest(), params)


def generate(model, tokenizer, questions, arguments, watermark) -> list[list[int]]:
    """Answer all questions in batches; `watermark` None answers without the mark."""
    answers = []
    for start in range(0, len(questions), arguments.batch):
        batch = questions[start : start + arguments.batch]
        processor = None if watermark is None else GreenprintLogitsProcessor(watermark)
        answers += smollm2.answer(
            model,
            smollm2.chat_prompts(tokenizer, batch),
            seed=arguments.seed + start,
            min_tokens=arguments.tokens,
            max_tokens=arguments.tokens,
            temperature=arguments.temperature,
            processor=processor,
        )
        print(".", end="", file=sys.stderr, flush=True)
    return answers


@torch.inference_mode()
def log_probabilities(model, tokenizer, questions, answers) -> list[float]:
    """Return, for each answer, the mean log-probability of its tokens, without the mark."""
    means = []
    for question, answer in zip(questions, answers, strict=True):
        prompt = smollm2.chat_prompts(tokenizer, [question])["input_ids"]
        ids = torch.cat([prompt, torch.tensor([answer])], dim=1)
        logits = model(ids).logits[0, prompt.shape[1] - 1 : -1]
        chosen = torch.tensor(answer).unsqueeze(1)
        means.append(logits.log_softmax(-1).gather(1, chosen).mean().item())
    return means


def score(key: Key, answer: list[int]):
    """Return the verifier's result for one answer."""
    verifier = Verifier(key)
    verifier.add(np.asarray(answer, np.uint32))
    return verifier.result()


def chance_below(scored: int, gamma: str, log10_p: float) -> float:
    """Return the probability that `scored` fair coins give a p-value below a threshold."""
    for green in range(scored + 1):
        tail = log10_binomial_tail(scored, green, gamma)
        if tail < log10_p:
            return 10**tail
    return 0.0


def confidence_interval(logs: list[float]) -> tuple[float, float]:
    """Return a 95 % interval of the exponential of a mean, by the normal approximation."""
    spread = 1.96 * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else math.nan
    centre = statistics.fmean(logs)
    return math.exp(centre - spread), math.exp(centre + spread)


def measure(arguments: argparse.Namespace, questions: list[str]) -> dict:
    """Generate, score, and return all figures by name."""
    params = Params(
        seeding=arguments.seeding,
        context_width=arguments.context_width,
        gamma=arguments.gamma,
    )
    key = key_from(arguments.seed, "key", params)
    tokenizer, model = smollm2.load_tokenizer(), smollm2.load_model()
    watermark = Watermark(
        key,
        delta=arguments.delta,
        never_biased=[model.generation_config.eos_token_id],
    )
    marked = generate(model, tokenizer, questions, arguments, watermark)
    plain = generate(model, tokenizer, questions, arguments, None)
    print(file=sys.stderr)

    found = [score(key, answer) for answer in marked]
    null = [score(key, answer) for answer in plain]
    wrong = [
        score(key_from(arguments.seed, f"never used {i} {j}", params), answer).log10_p
        for i, answer in enumerate(marked)
        for j in range(arguments.wrong_keys)
    ]

    def chance(results) -> float:
        return sum(chance_below(r.scored, arguments.gamma, SUSPICIOUS) for r in results)

    marked_logs = log_probabilities(model, tokenizer, questions, marked)
    plain_logs = log_probabilities(model, tokenizer, questions, plain)
    differences = [p - m for m, p in zip(marked_logs, plain_logs, strict=True)]
    return {
        "answers": len(questions),
        "tokens_each": arguments.tokens,
        "seeding": arguments.seeding,
        "context_width": arguments.context_width,
        "gamma": arguments.gamma,
        "delta": arguments.delta,
        "temperature": arguments.temperature,
        "seed": arguments.seed,
        "marked_below_1e-6": sum(r.log10_p < FOUND for r in found),
        "marked_log10_p_median": statistics.median(r.log10_p for r in found),
        "marked_log10_p_worst": max(r.log10_p for r in found),
        "marked_green_fraction": sum(r.green for r in found) / sum(r.scored for r in found),
        "unmarked_green_fraction": sum(r.green for r in null) / sum(r.scored for r in null),
        "unmarked_below_1e-4": sum(r.log10_p < SUSPICIOUS for r in null),
        "unmarked_below_1e-4_expected": chance(null),
        "wrong_keys_tried": len(wrong),
        "wrong_keys_below_1e-4": sum(p < SUSPICIOUS for p in wrong),
        "wrong_keys_below_1e-4_expected": arguments.wrong_keys * chance(found),
        "perplexity_marked": math.exp(-statistics.fmean(marked_logs)),
        "perplexity_unmarked": math.exp(-statistics.fmean(plain_logs)),
        "perplexity_ratio": math.exp(statistics.fmean(differences)),
        "perplexity_ratio_interval_95": confidence_interval(differences),
        "log10_p_marked": [r.log10_p for r in found],
        "log10_p_unmarked": [r.log10_p for r in null],
    }


def as_markdown(f: dict) -> str:
    """Lay out the figures as a table."""
    low, high = f["perplexity_ratio_interval_95"]
    rows = {
        "measure": "result",
        "---": "---",
        f"marked answers with p < 1e-6 ({f['tokens_each']} tokens each)": (
            f"{f['marked_below_1e-6']} of {f['answers']}"
        ),
        "their log10 p: median, worst": (
            f"{f['marked_log10_p_median']:.1f}, {f['marked_log10_p_worst']:.1f}"
        ),
        "green tokens: marked, unmarked": (
            f"{100 * f['marked_green_fraction']:.1f} %, "
            f"{100 * f['unmarked_green_fraction']:.1f} %"
        ),
        "unmarked answers with p < 1e-4": (
            f"{f['unmarked_below_1e-4']} of {f['answers']} "
            f"(expected {f['unmarked_below_1e-4_expected']:.2g})"
        ),
        "never-used keys on marked answers with p < 1e-4": (
            f"{f['wrong_keys_below_1e-4']} of {f['wrong_keys_tried']} "
            f"(expected {f['wrong_keys_below_1e-4_expected']:.2g})"
        ),
        "perplexity under the unmarked model: marked, unmarked": (
            f"{f['perplexity_marked']:.2f}, {f['perplexity_unmarked']:.2f}"
        ),
        "their ratio, answer by answer (95 % interval)": (
            f"{f['perplexity_ratio']:.3f} ({low:.3f} to {high:.3f})"
        ),
    }
    title = (
        f"SmolLM2-135M-Instruct, {f['seeding']}, h = {f['context_width']}, "
        f"gamma {f['gamma']}, delta {f['delta']:g}, temperature {f['temperature']:g}, "
        f"seed {f['seed']}"
    )
    return "\n".join([title, "", *(f"| {name} | {value} |" for name, value in rows.items())])


def main() -> int:
    """Run the evaluation; fails only when something is broken, never on poor figures."""
    arguments = parse_arguments()
    questions = (ROOT / "tests/evaluation/prompts.txt").read_text("utf-8").splitlines()
    if not 0 < arguments.prompts <= len(questions):
        raise SystemExit(f"--prompts: there are {len(questions)}")
    start = time.monotonic()
    figures = measure(arguments, questions[: arguments.prompts])
    seconds = time.monotonic() - start

    markdown = as_markdown(figures)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "detection.md").write_text(markdown + "\n")
    (arguments.output / "detection.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(markdown)
    print(f"\n{seconds:.0f} s; all figures: {arguments.output / 'detection.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
