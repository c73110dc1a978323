"""Audits of a student: every statistic beside those that were published before.

A statistic is named by what it is made of:

- ``closed distinct``: each pair of the answers once (published as deduplicated scoring);
- ``closed root``: the square root of how often;
- ``closed REFERENCE``: occurrences minus what a reference model expected;
- ``open top token``: the colour of the most likely token behind each context (published);
- ``open first``: the whole distribution behind the first occurrence of each context;
- ``open``, ``open REFERENCE``: distributions, all occurrences summed, minus a reference model's;
- ``open root``, ``open REFERENCE root``: the square root of that, with its sign.

With `` served`` behind it, only contexts that the owner served count, and p is an e-value's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from asking import TOP_K, chances
from asking import collect_open as collect_open_of_few
from asking import write_expectations as write_expectations_of_few
from student import Student

from greenprint import Audit, AuditTest, Contexts, Expectations, Key, control_key
from greenprint.audit import ModelWeightsWriter, collect_closed, collect_open
from greenprint.reference import write_expectations

Ids = Sequence[Sequence[int]]
THREADS = 1  # a process for each core is faster


@dataclass(frozen=True)
class Step:
    """What was found by then."""

    tokens: int
    log10_p: float


@dataclass(frozen=True)
class Figures:
    """One statistic of one student: the true key, and keys that were never used."""

    coins: int
    z: float
    log10_p: float
    controls_z: list[float]
    controls_log10_p: list[float]
    along: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """What an audit needs to know beside the student."""

    key: Key
    controls: int = 1000
    served: Contexts | None = None


def _figures(test: AuditTest, case: Case) -> Figures:
    own = test.key(case.key)
    others = test.many([control_key(case.key, i) for i in range(case.controls)], threads=THREADS)
    return Figures(
        own.coins,
        own.z,
        own.log10_p,
        [round(other.z, 4) for other in others],
        [round(other.log10_p, 4) for other in others],
    )


def _distinct(pairs: Ids, case: Case) -> Figures:
    """Test windows with a token behind them, each distinct one once."""
    audit = Audit(case.key.params)
    for pair in pairs:
        audit.add(pair)
    return _figures(audit.test("distinct"), case)


def _with_served(audit: Audit, statistic: str, name: str, case: Case) -> dict[str, Figures]:
    if case.served is not None:
        audit.set_served(case.served)
    found = {name: _figures(audit.test(statistic), case)}
    if case.served is not None:
        found[f"{name} served"] = _figures(audit.test(statistic, served_only=True), case)
    return found


def ask(
    student: Student,
    prompts: Ids,
    path: Path,
    *,
    seed: int = 0,
    max_new_tokens: int = 128,
    temperature: float = 1.0,
    end: int = 0,
) -> list[dict]:
    """Let a student answer prompts; return rows in the vendor's ids."""
    collect_closed(
        student.model,
        [student.own(prompt) for prompt in prompts],
        path,
        seed=seed,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        end_ids=student.own([end]),
        batch_size=64,
        progress=False,
        resume=False,
    )
    answers = [json.loads(line)["tokens"] for line in path.read_text().splitlines()]
    path.unlink()
    return [
        {"prompt": list(prompt), "tokens": student.vendors(answer)}
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


def _audited(rows: Sequence[dict], case: Case, expectations: Path | None) -> Audit:
    """Add rows to an audit, with what a reference model expected of them."""
    audit = Audit(case.key.params)
    file = None if expectations is None else Expectations(expectations)
    for row in rows:
        audit.add(row["tokens"], row["prompt"], file)
    if file is not None:
        file.finish()
    return audit


def _along(rows: Sequence[dict], case: Case, expectations: Path | None) -> list[Step]:
    """Test the true key after a sixteenth of the rows, an eighth, and so on."""
    audit = Audit(case.key.params)
    file = None if expectations is None else Expectations(expectations)
    steps, tokens, done = [], 0, 0
    for part in (16, 8, 4, 2, 1):
        upto = len(rows) // part
        for row in rows[done:upto]:
            audit.add(row["tokens"], row["prompt"], file)
            tokens += len(row["tokens"])
        done = upto
        test = audit.test("root" if file is None else "reference")
        steps.append(Step(tokens, test.key(case.key).log10_p))
        del test
    return steps


def closed(
    rows: Sequence[dict],
    folder: Path,
    case: Case,
    *,
    references: dict[str, Student],
    temperature: float = 1.0,
) -> dict[str, Figures]:
    """Test the answers of a student, in the vendor's ids."""
    plain = _audited(rows, case, None)
    found = {}
    for statistic in ("distinct", "root"):
        found |= _with_served(plain, statistic, f"closed {statistic}", case)
    found["closed root"].along.extend(_along(rows, case, None))
    for name, model in references.items():
        path = folder / f"closed-{name}.gpx"
        if model.ids is None:
            write_expectations(
                model.model,
                [row["tokens"] for row in rows],
                path,
                prompts=[row["prompt"] for row in rows],
                temperature=temperature or 0.1,
                top_k=TOP_K,
                batch_size=8,
                progress=False,
            )
        else:
            write_expectations_of_few(model, rows, path, temperature or 0.1)
        label = f"closed {name}"
        found |= _with_served(_audited(rows, case, path), "reference", label, case)
        found[label].along.extend(_along(rows, case, path))
        path.unlink()
    return found


@torch.inference_mode()
def _published_open(student: Student, texts: Ids, folder: Path, case: Case) -> dict[str, Figures]:
    """Test the most likely tokens, and whole distributions at first occurrences."""
    width = case.key.params.context_width
    seen: set[tuple[int, ...]] = set()
    pairs: set[tuple[int, ...]] = set()
    path = folder / "first.gpx"
    with ModelWeightsWriter(path, label="first occurrences", top_k=TOP_K) as writer:
        for text in texts:
            best = chances(student, [text])[0][:-1].topk(TOP_K)
            ids, weights = best.indices.numpy(), best.values.numpy()
            if student.ids is not None:
                ids = student.ids[ids]
            for i in range(len(text) - 1):
                context = tuple(text[i + 1 - width : i + 1]) if i + 1 >= width else None
                if context is not None:
                    pairs.add((*context, int(ids[i, 0])))
                if context is None or context in seen:
                    weights[i] = 0
                else:
                    seen.add(context)
            nothing = np.zeros((1, TOP_K))
            writer.add(
                text, np.vstack([nothing.astype(np.int64), ids]), np.vstack([nothing, weights])
            )
    audit = Audit(case.key.params)
    audit.add_model(path)
    path.unlink()
    return {
        "open top token": _distinct(sorted(pairs), case),
        "open first": _figures(audit.test("open"), case),
    }


def open_(
    student: Student, texts: Ids, folder: Path, case: Case, *, references: dict[str, Student]
) -> dict[str, Figures]:
    """Drive a student with texts, and test its distributions."""
    found = _published_open(student, texts, folder, case)
    for name, reference in {"": None, **references}.items():
        path = folder / f"open-{name}.gpx"
        if student.ids is None:
            other = None if reference is None else reference.model
            collect_open(
                student.model,
                texts,
                path,
                reference=other,
                top_k=TOP_K,
                batch_size=16,
                progress=False,
                resume=False,
            )
        else:
            collect_open_of_few(student, texts, path, reference)
        audit = Audit(case.key.params)
        audit.add_model(path)
        label = f"open {name}".strip()
        found |= _with_served(audit, "open", label, case)
        found |= _with_served(audit, "open-root", f"{label} root", case)
        path.unlink()
    return found


def uniform_enough(log10_p: Sequence[float], alpha: float = 1e-6) -> bool:
    """Tell whether p-values of controls are not too small, level by level, by exact tails."""
    from scipy.stats import binom

    values = 10.0 ** np.asarray(log10_p)
    levels = (0.5, 0.1, 0.01, 0.001)
    tails = [binom.sf((values <= level).sum() - 1, len(values), level) for level in levels]
    return min(tails) * len(levels) > alpha


def to_json(found: dict[str, Figures]) -> dict[str, dict]:
    """Return figures as they are kept."""
    return {name: asdict(figures) for name, figures in found.items()}
