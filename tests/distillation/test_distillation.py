"""A student is found guilty, and an innocent one is not: the whole chain, in small.

A bigram model of the words in Python's library writes 64,000 words with the mark and as many
without. Two students of some hundred thousand parameters are trained from scratch, one on
each, and audited closed and open, with a third student as the reference model. False alarms
of the innocent one have a probability below 1e-6 for each statistic, by the p-values' own word.
"""

from __future__ import annotations

import pytest
from measure import Case, ask, closed, open_, uniform_enough
from student import Student, newborn, train
from words import END, Words

from greenprint import Contexts, ContextsBuilder, Key, Params, Watermark

SEED = 20
TEXTS, LENGTH = 500, 128
FOUND = -6.0  # log10 p


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Train all three, and audit two of them."""
    print(f"seed {SEED}")
    folder = tmp_path_factory.mktemp("distillation")
    source = Words(vocabulary=1000, files=60)
    key = Key.from_bytes(
        b"a key for the small distillation", Params(context_width=1, gamma="1/4")
    )
    marked = source.write(TEXTS, LENGTH, SEED, Watermark(key, delta=2.0))
    plain = source.write(TEXTS, LENGTH, SEED + 1)
    other = source.write(TEXTS, LENGTH, SEED + 2)
    builder = ContextsBuilder(1)
    for text in marked:
        builder.add(text)
    builder.save(folder / "served.gpc")
    case = Case(key, controls=200, served=Contexts(folder / "served.gpc"))
    prompts = [text[:4] for text in source.write(150, 4, SEED + 3)]
    driving = source.write(60, LENGTH, SEED + 4)

    def learnt(texts, seed):
        model = newborn(source.vocabulary, seed=seed)
        train(model, texts, end=END, epochs=3, rate=3e-3, seed=seed)
        return model

    references = {"twin": Student(learnt(other, 1))}
    found = {}
    for name, texts in (("guilty", marked), ("innocent", plain)):
        student = Student(learnt(texts, 2))
        into = folder / name
        into.mkdir()
        rows = ask(student, prompts, into / "answers.jsonl", end=END)
        found[name] = closed(rows, into, case, references=references)
        found[name] |= open_(student, driving, into, case, references=references)
    for name, statistics in found.items():
        for statistic, figures in statistics.items():
            print(f"{name:9} {statistic:24} z {figures.z:6.1f}  log10 p {figures.log10_p:8.1f}")
    return found


OURS = (
    "closed root",
    "closed twin",
    "closed root served",
    "open",
    "open twin",
    "open root",
    "open twin root",
    "open twin root served",
)


@pytest.mark.parametrize("statistic", OURS)
def test_guilty_is_found(results, statistic):
    """A student of marked text is found, closed and open."""
    assert results["guilty"][statistic].log10_p < FOUND


def test_innocent_is_not_accused(results):
    """A student of unmarked text is not, by any statistic."""
    for statistic, figures in results["innocent"].items():
        assert figures.log10_p > FOUND, statistic


def test_controls_are_uniform(results):
    """Keys that were never used find nothing, in either student."""
    for name, statistics in results.items():
        for statistic, figures in statistics.items():
            assert uniform_enough(figures.controls_log10_p), (name, statistic)
            if name == "guilty" and statistic in OURS:
                assert max(figures.controls_z) < figures.z
