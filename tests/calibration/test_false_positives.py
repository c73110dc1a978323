"""A quick run of the calibration, and tests that its judge can tell right from wrong."""

import re

import false_positives
import judge
import numpy as np
import pytest
import repeats
import scoring
import texts
from scipy import stats

QUICK = ["--keys", "200", "--tail-keys", "1000", "--contrast-keys", "3"]
QUICK += ["--lengths", "200", "--tokens", "15000"]
# A cell has a test for each level that the number of keys can see, and two more.
TESTS_OF_A_TEXT = len(scoring.SCHEMES) * 2 * (2 + 3) + (2 + 4)


def passed(number_of_texts):
    return f"{number_of_texts * TESTS_OF_A_TEXT} tests passed, 0 failed"


def test_human_text_and_unused_keys(capsys):
    if not (texts.DATA / "news-en.jsonl").is_file():
        pytest.skip(f"SKIPPED: human text: {texts.DATA} does not hold it")
    status = false_positives.main(QUICK)
    output = capsys.readouterr().out
    assert status == 0, output
    assert f"calibration on English, German, source code; seed 1: {passed(3)}" in output


def test_without_human_text_the_page_is_left_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(texts, "DATA", tmp_path)
    page = tmp_path / "docs"
    status = false_positives.main([*QUICK, "--lengths", "--write", str(page)])
    output = capsys.readouterr().out
    assert status == 0, output
    assert re.match(r"SKIPPED: human text: .*news-en\.jsonl does not exist", output)
    assert "calibration on source code, made-up documents; seed 1: " in output
    assert f"SKIPPED: {page} is left as it is" in output
    assert not page.exists()


def test_made_up_documents_repeat_themselves_and_each_other():
    documents = texts.made_up(1).documents
    assert len(documents) == 200
    assert max(map(np.max, documents)) < texts.VOCABULARY
    within, across = 0, 0
    seen = set()
    for document in documents:
        rows = {row.tobytes() for row in np.lib.stride_tricks.sliding_window_view(document, 5)}
        within += len(document) - 4 - len(rows)
        across += len(rows & seen)
        seen |= rows
    assert within > 100
    assert across > 10_000


def test_a_text_is_cut_without_loss_but_the_last_piece():
    text = texts.Text("", "", [np.arange(7, dtype=np.uint32), np.arange(7, 11, dtype=np.uint32)])
    assert text.cut(3).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert [len(d) for d in text.head(7).documents] == [7]
    assert [len(d) for d in text.head(8).documents] == [7, 4]


def test_no_key_is_drawn_twice():
    keys = scoring.KeySource(1)
    assert len({*keys.draw(100), *keys.draw(100), *scoring.KeySource(2).draw(100)}) == 300


def test_a_file_that_was_asked_for_must_exist(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        false_positives.main(["--data", str(tmp_path / "none.jsonl")])
    assert "none.jsonl does not exist" in capsys.readouterr().err


def made_up_cell(scheme, length):
    text = texts.made_up(1).head(5000)
    rng = np.random.default_rng(1)
    return text, scoring.run_cell(text, scheme, length, scoring.KeySource(1).draw(20), rng, 1)


@pytest.mark.parametrize("length", [300, None])
@pytest.mark.parametrize("scheme", scoring.SCHEMES, ids=lambda scheme: scheme.name)
def test_second_implementation_counts_as_the_library(scheme, length):
    text, cell = made_up_cell(scheme, length)
    assert repeats.contrast(cell, text, 20).agree


def test_second_implementation_notices_a_count_that_is_off():
    text, cell = made_up_cell(scoring.DEFAULT_SCHEME, 300)
    moved = scoring.Cell(**{**vars(cell), "results": cell.results[1:] + cell.results[:1]})
    assert not repeats.contrast(moved, text, 20).agree


def test_counting_repeats_is_seen_to_be_wrong():
    text, cell = made_up_cell(scoring.SCHEMES[-1], None)  # one fixed list
    assert repeats.contrast(cell, text, 20).z.std() > 3


def binomial_p_values(variance, rng):
    """P-values of 2,000 green counts whose variance is that many times the binomial one."""
    n, gamma = 20000, 0.25
    spread = np.sqrt(variance * n * gamma * (1 - gamma))
    green = np.rint(rng.normal(n * gamma, spread, 2000))
    above = stats.binom.sf(green, n, gamma)
    at = stats.binom.pmf(green, n, gamma)
    return above + at, above + rng.random(2000) * at


def failed(p_values, randomised):
    """Names of the tests that fail where all the tests of a run share the false-alarm rate."""
    checks = judge.judge(p_values, randomised)
    return [check.name for check in checks if not check.passed(500)]


def test_judge_accepts_what_is_binomial():
    assert failed(*binomial_p_values(1.0, np.random.default_rng(1))) == []


@pytest.mark.parametrize("variance", [0.5, 2.0])
def test_judge_rejects_another_variance(variance):
    names = failed(*binomial_p_values(variance, np.random.default_rng(1)))
    assert "Kolmogorov-Smirnov" in names


def test_judge_rejects_p_values_that_are_too_small():
    p_values, randomised = binomial_p_values(1.0, np.random.default_rng(1))
    assert "p <= 0.1" in failed(p_values / 4, randomised)


def test_judge_rejects_a_single_key_far_out():
    p_values, randomised = binomial_p_values(1.0, np.random.default_rng(1))
    p_values[7] = randomised[7] = 1e-14
    assert failed(p_values, randomised) == ["smallest p"]


def test_bounds_of_a_rate_are_those_of_clopper_and_pearson():
    low, high = judge.rate_bounds(3, 50, 0.95)
    assert stats.binom.sf(2, 50, low) == pytest.approx(0.025, rel=1e-6)
    assert stats.binom.cdf(3, 50, high) == pytest.approx(0.025, rel=1e-6)
    assert judge.rate_bounds(0, 50, 0.95)[0] == 0
