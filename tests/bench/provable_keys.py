"""What provable keys cost in use: nonces as a real model writes, and blind evaluations.

Has SmolLM2 answer questions with a mark, once (``build/distillation/teacher``; minutes), measures
the nonces of what it said with ``build/bench_nonces``, and keeps ``greenprint serve`` under load
with ``serve_load.py``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "distillation" / "teacher"
CORPUS = "h1"
PARTS = 4  # of 128 answers each


def marked_text() -> Path:
    """Return a token file of the teacher's marked answers."""
    teacher = ROOT / "tests" / "distillation" / "teacher.py"
    command = (teacher, "--folder", FOLDER, "--parts", str(PARTS), CORPUS)
    subprocess.run([sys.executable, *map(str, command)], check=True)
    out = FOLDER / f"{CORPUS}.tokens"
    with out.open("w") as tokens:  # an answer may be empty, a line may not
        for part in sorted((FOLDER / CORPUS).glob("part-*.jsonl"))[:PARTS]:
            for line in part.open():
                if said := json.loads(line)["tokens"]:
                    print(*said, file=tokens)
    return out


def run_json(*command: object) -> object:
    """Run a program and read the JSON that it prints."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Measure both, and write a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20, help="of load on the server")
    parser.add_argument("--json", type=Path, required=True, help="where the results go")
    options = parser.parse_args()
    load = (Path(__file__).with_name("serve_load.py"), "--seconds", options.seconds)
    results = {
        "nonces": run_json(ROOT / "build" / "bench_nonces", "--json", marked_text()),
        "serve": run_json(sys.executable, *load),
    }
    options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
