"""A quick run of the calibration, and tests that its judge can tell right from wrong."""

import re

import false_positives
import numpy as np
import pytest
from scipy import stats


def test_human_text_and_unused_keys(capsys):
    if not false_positives.DATA.is_file():
        pytest.skip(f"no human text to calibrate on: {false_positives.DATA} does not exist")
    status = false_positives.main(["--keys", "200", "--documents", "20", "--contrast-keys", "3"])
    output = capsys.readouterr().out
    assert status == 0, output
    tests = len(false_positives.SCHEMES) * (1 + len(false_positives.LEVELS))
    assert f"{tests} tests passed, 0 failed" in output


def test_missing_data_is_said_aloud(tmp_path, capsys):
    assert false_positives.main(["--data", str(tmp_path / "none.jsonl")]) == 0
    assert re.match(r"SKIPPED: .*none\.jsonl does not exist", capsys.readouterr().out)


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
