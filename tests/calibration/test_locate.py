"""A small run of tests/evaluation/locate.py, and proof that its judge can fail."""

import sys

import numpy as np
import texts
from scipy import stats

ROOT = texts.ROOT
sys.path.insert(0, str(ROOT / "tests" / "evaluation"))

import locate as evaluation  # noqa: E402

from greenprint import locate  # noqa: E402


def test_unmarked_documents(capsys):
    """Made-up documents under keys that were never used: P(p <= a) <= a."""
    documents = texts.made_up(1).documents[:100]
    arguments = evaluation.parse(["--documents", "300"])
    assert evaluation.judge(evaluation.smallest_p_values(arguments, documents))
    assert "FAILED" not in capsys.readouterr().out


def test_the_judge_sees_a_search_that_nobody_paid_for(capsys):
    """The best of the windows of 100 coins, with the p-value of that window alone."""
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(300):
        total = np.concatenate([[0], np.cumsum(rng.random(700) < 0.25)])
        best = (total[100:] - total[:-100]).max()
        p_values.append(stats.binom.sf(best - 1, 100, 0.25))
    assert not evaluation.judge(np.array(p_values))
    assert "FAILED" in capsys.readouterr().out


def test_a_passage_is_found():
    """Coins of the green rate that a real model has."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(40):
        colours = 1 + (rng.random(20_200) < 0.25)
        start = int(rng.integers(20_000))
        colours[start : start + 200] = 1 + (rng.random(200) < 0.595)
        segments = locate(colours, "1/4", -3.0)
        hits += bool(segments) and (
            evaluation.overlap(segments[0].first, segments[0].end, start, start + 200) >= 0.8
        )
    assert hits >= 30  # 97.5 % of 1,000 trials: fewer than 30 of 40 with probability 1e-8
