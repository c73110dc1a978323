"""A quick run under the most unfavourable stopping rule, and proof that it can fail."""

import anytime
import coins
import numpy as np
import pytest
import texts

import greenprint


def test_nobody_crosses_too_often(capsys):
    status = anytime.main(["--runs", "2000", "--keys", "20"])
    output = capsys.readouterr().out
    assert status == 0, output
    assert "anytime: 6 tests passed, 0 failed" in output


@pytest.mark.parametrize("factor", [2.0, 10.0])
def test_an_e_value_that_is_too_large_is_caught(factor, capsys):
    def too_large(n, green):
        return anytime.e_value(n, green) + np.log10(factor)

    limits = [anytime.bounds(alpha, 10_000, too_large) for alpha in anytime.ALPHAS]
    runs = anytime.fair_runs(4000, 10_000, 1)
    assert anytime.judge("too large", *anytime.crossings(runs, limits)) > 0
    assert "FAILED" in capsys.readouterr().out


def test_a_p_value_after_each_coin_is_caught(capsys):
    """The mistake that e-values are there for: looking again and again at a p-value."""

    def p_value(n, green):
        return -greenprint.log10_binomial_tail(n, green, anytime.GAMMA)

    limits = [anytime.bounds(alpha, 5000, p_value) for alpha in anytime.ALPHAS]
    runs = anytime.fair_runs(1000, 5000, 1)
    assert anytime.judge("p-value", *anytime.crossings(runs, limits)) == len(anytime.ALPHAS)
    assert "FAILED" in capsys.readouterr().out


def test_colours_are_those_of_the_library():
    document = np.concatenate(texts.made_up(1).documents[:3])
    for h, g, k in ((1, 1, 1), (2, 1, 2), (4, 7, 3)):
        master = bytes(range(h, 32 + h))
        colours = coins.colours(
            coins.reference.Key(master, coins.reference.Params("hash", h, g, k)), document
        )
        gamma = g / 2**k
        params = greenprint.Params(seeding="hash", context_width=h, gamma=gamma)
        verifier = greenprint.Verifier(greenprint.Key.from_bytes(master, params))
        verifier.add(document)
        result = verifier.result()
        assert (colours == 2).sum() == result.green
        assert (colours == 1).sum() == result.scored - result.green
        assert (colours >= 3).sum() == result.repeated
        assert (colours == 0).sum() == h
