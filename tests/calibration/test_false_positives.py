"""A quick run of the calibration, and tests that its judge can tell right from wrong."""

import re

import false_positives
import numpy as np
import pytest
from scipy import stats

QUICK = ["--keys", "200", "--documents", "20", "--contrast-keys", "3"]
PASSED = f"{false_positives.TESTS} tests passed, 0 failed"


def test_human_text_and_unused_keys(capsys):
    if not false_positives.DATA.is_file():
        pytest.skip(f"SKIPPED: human text: {false_positives.DATA} does not exist")
    status = false_positives.main(QUICK)
    output = capsys.readouterr().out
    assert status == 0, output
    assert f"calibration on {false_positives.DATA.name}: {PASSED}" in output


def test_made_up_documents_and_unused_keys(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(false_positives, "DATA", tmp_path / "none.jsonl")
    status = false_positives.main(QUICK)
    output = capsys.readouterr().out
    assert status == 0, output
    assert re.match(r"SKIPPED: human text: .*none\.jsonl does not exist", output)
    assert f"calibration on made-up documents: {PASSED}" in output


def test_made_up_documents_repeat_themselves_and_each_other():
    documents = false_positives.make_documents(1, None)
    assert len(documents) == 200
    assert max(map(np.max, documents)) < false_positives.VOCABULARY
    within, across = 0, 0
    seen = set()
    for document in documents:
        rows = {row.tobytes() for row in np.lib.stride_tricks.sliding_window_view(document, 5)}
        within += len(document) - 4 - len(rows)
        across += len(rows & seen)
        seen |= rows
    assert within > 100
    assert across > 10_000


def test_a_file_that_was_asked_for_must_exist(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        false_positives.main(["--data", str(tmp_path / "none.jsonl")])
    assert "none.jsonl is not a file" in capsys.readouterr().err


def binomial_p_values(variance, rng):
    """P-values of 2,000 green counts whose variance is that many times the binomial one."""
    n, gamma = 20000, 0.25
    spread = np.sqrt(variance * n * gamma * (1 - gamma))
    green = np.rint(rng.normal(n * gamma, spread, 2000))
    above = stats.binom.sf(green, n, gamma)
    at = stats.binom.pmf(green, n, gamma)
    return above + at, above + rng.random(2000) * at


def test_judge_accepts_what_is_binomial():
    checks = false_positives.judge(*binomial_p_values(1.0, np.random.default_rng(1)))
    assert all(check.passed for check in checks), checks


@pytest.mark.parametrize("variance", [0.6, 1.6])
def test_judge_rejects_another_variance(variance):
    checks = false_positives.judge(*binomial_p_values(variance, np.random.default_rng(1)))
    assert not checks[0].passed, checks


def test_judge_rejects_p_values_that_are_too_small():
    p_values, randomised = binomial_p_values(1.0, np.random.default_rng(1))
    checks = false_positives.judge(p_values / 4, randomised)
    assert not all(check.passed for check in checks[1:]), checks


def test_judge_rejects_a_single_key_far_out():
    p_values, randomised = binomial_p_values(1.0, np.random.default_rng(1))
    p_values[7] = randomised[7] = 1e-12
    checks = false_positives.judge(p_values, randomised)
    assert [check.name for check in checks if not check.passed] == ["smallest p-value"]
