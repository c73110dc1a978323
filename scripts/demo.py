"""Marks a text of a real language model, and finds the mark again.

Makes two keys, has SmolLM2-135M-Instruct answer three questions, with the mark of the first
key and without any, and runs ``build/greenprint verify`` on what came out. Leaves
everything in ``build/demo``. The exit status is 0 when the verifier finds the mark where it
is, and only there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import smollm2
from greenprint import Key, Watermark
from greenprint.transformers import GreenprintLogitsProcessor

BINARY = Path("build/greenprint")
FOLDER = Path("build/demo")
KEY, WRONG_KEY = FOLDER / "demo.key", FOLDER / "wrong.key"
QUESTIONS = (
    "Write a short story about a lighthouse keeper who finds a letter in a bottle.",
    "Explain to a ten-year-old why the sky is blue.",
    "What should someone think about before adopting a dog?",
)
MIN_TOKENS, MAX_TOKENS = 100, 120  # of each answer
# At 1 this small model writes gibberish, with and without the mark; much lower, it loops.
TEMPERATURE = 0.8
SEED = 1


def make_keys() -> None:
    """Replace the keys of an earlier run; only files that this script made are removed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in (KEY, WRONG_KEY):
        path.unlink(missing_ok=True)
        run = [str(BINARY), "keygen", "-o", str(path), "--unsealed"]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)


def write(name: str, answers: list[list[int]], texts: list[str]) -> Path:
    """Write answers as text and as a token file, and return the path of the latter."""
    FOLDER.joinpath(f"{name}.txt").write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    tokens = FOLDER / f"{name}.tokens"
    tokens.write_text("".join(" ".join(map(str, ids)) + "\n" for ids in answers))
    return tokens


def verify(name: str, key: Path, tokens: Path) -> dict:
    """Run the verifier, keep its report as build/demo/NAME.json, and return it."""
    run = [str(BINARY), "verify", "-k", str(key), "--json", str(tokens)]
    done = subprocess.run(run, stdout=subprocess.PIPE)
    if done.returncode not in (0, 1):
        raise SystemExit(f"demo: {' '.join(run)} ended with status {done.returncode}")
    FOLDER.joinpath(f"{name}.json").write_bytes(done.stdout)
    report = json.loads(done.stdout)
    if (report["verdict"] == "found") != (done.returncode == 0):
        raise SystemExit(f"demo: the verdict of {run} contradicts its exit status")
    return report


def table(reports: list[tuple[str, dict]]) -> str:
    """Lay out the reports for a person."""
    layout = "{:<26} {:>6} {:>6} {:>7} {:>6}  {:<10} {}"
    lines = [layout.format("text", "tokens", "scored", "green", "z", "p-value", "verdict")]
    for label, report in reports:
        fraction = report["green_fraction"]
        lines.append(
            layout.format(
                label,
                report["tokens"],
                report["scored"],
                "-" if fraction is None else f"{100 * fraction:.1f} %",
                f"{report['z']:.1f}",
                report["p_value"],
                report["verdict"].replace("_", " "),
            )
        )
    return "\n".join(lines)


def excerpt(text: str) -> str:
    """Return the first lines of a text, indented."""
    words = textwrap.wrap(" ".join(text.split()), 90)
    return textwrap.indent("\n".join(words[:4]) + " …", "    ")


def main() -> int:
    """Run the demo."""
    print("Making two keys (unsealed, for this demo: a real key is sealed by a passphrase) …")
    make_keys()

    print("Loading SmolLM2-135M-Instruct …", flush=True)
    tokenizer = smollm2.load_tokenizer()
    model = smollm2.load_model()
    prompts = smollm2.chat_prompts(tokenizer, QUESTIONS)
    watermark = Watermark(Key.load(KEY), never_biased=[model.generation_config.eos_token_id])

    files = {}
    for name, processor in (
        ("marked", GreenprintLogitsProcessor(watermark)),
        ("control", None),
    ):
        how = "with" if processor else "without"
        print(f"Answering {len(QUESTIONS)} questions {how} the mark …", end="", flush=True)
        start = time.monotonic()
        answers = smollm2.answer(
            model,
            prompts,
            seed=SEED,
            min_tokens=MIN_TOKENS,
            max_tokens=MAX_TOKENS,
            temperature=TEMPERATURE,
            processor=processor,
        )
        print(f" {time.monotonic() - start:.0f} s")
        files[name] = write(name, answers, [tokenizer.decode(ids) for ids in answers])

    marked = verify("marked", KEY, files["marked"])
    control = verify("control", KEY, files["control"])
    wrong_key = verify("wrong-key", WRONG_KEY, files["marked"])

    print(f"\nThe first question: {QUESTIONS[0]}")
    for name in files:
        print(f"\n{name}:\n{excerpt(FOLDER.joinpath(f'{name}.txt').read_text('utf-8'))}")
    print()
    print(
        table(
            [
                ("marked text", marked),
                ("unmarked text", control),
                ("marked text, another key", wrong_key),
            ]
        )
    )
    print(
        f"\nWithout the mark, {100 * marked['gamma']:g} % of the tokens are green on average. "
        f"The mark counts as found\nwhere chance would do as well in at most {marked['alpha']:g} "
        "of all cases (the p-value)."
    )
    print(f"Everything is in {FOLDER}/. To verify once more, without Python or a model:")
    print(f"\n    {BINARY} verify -k {KEY} {files['marked']}\n")

    expected = [(marked, "found"), (control, "not_found"), (wrong_key, "not_found")]
    if any(report["verdict"] != verdict for report, verdict in expected):
        print("demo: a verdict is not what it should be", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
