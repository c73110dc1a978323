"""Planning against direct simulation."""

import numpy as np
import pytest
from scipy import stats

from greenprint import benjamini_hochberg, plan_green_rate, plan_tokens

VOCABULARY = 50_000
LOG_RANK = np.log(np.arange(1, VOCABULARY + 1))


def zipf(exponent):
    p = np.exp(-exponent * LOG_RANK)
    return p / p.sum()


def entropy(p):
    return -(p * np.log2(np.maximum(p, 1e-300))).sum()


EXPONENTS = np.concatenate([np.linspace(0, 3, 121), np.linspace(3.1, 20, 120)])
ENTROPIES = np.array([entropy(zipf(s)) for s in EXPONENTS])


@pytest.mark.parametrize(
    ("gamma", "delta", "mean"), [(0.25, 2.0, 4.0), (0.5, 1.0, 2.0), (0.25, 5.0, 1.0)]
)
def test_green_rate_of_the_model_in_the_specification(gamma, delta, mean):
    rng = np.random.default_rng(1)
    rates = []
    for bits in rng.gamma(2, mean / 2, 1500):
        exponent = np.interp(bits, ENTROPIES[::-1], EXPONENTS[::-1])
        mass = zipf(exponent)[rng.random(VOCABULARY) < gamma].sum()
        biased = np.exp(delta) * mass
        rates.append(biased / (biased + 1 - mass))
    error = np.std(rates) / np.sqrt(len(rates))
    # 5.5 standard errors: a false alarm in less than one of ten million.
    assert abs(np.mean(rates) - plan_green_rate(gamma, delta, mean)) < 5.5 * error


# SmolLM2-135M-Instruct, answers of 150 tokens to 12 questions: mean entropy of its next-token
# distributions in bits, and the mean over positions of the exact expectation of the rate.
MEASURED = [
    (1.0, 1.0, 4.16, 0.406),
    (1.0, 2.0, 4.16, 0.581),
    (1.0, 4.0, 4.16, 0.842),
    (0.7, 1.0, 2.24, 0.412),
    (0.7, 2.0, 2.24, 0.593),
    (0.7, 4.0, 2.24, 0.846),
]


@pytest.mark.parametrize(("temperature", "delta", "bits", "rate"), MEASURED)
def test_green_rate_of_a_real_model(temperature, delta, bits, rate):
    assert abs(plan_green_rate("1/4", delta / temperature, bits) - rate) < 0.04


@pytest.mark.parametrize("rate", [0.3, 0.45, 0.6])
def test_plan_keeps_its_promise(rate):
    plan = plan_tokens("1/4", rate, -3, 0.8, 0.9)
    power = stats.binom.sf(plan.green - 1, plan.coins, rate)
    assert power == pytest.approx(plan.power, rel=1e-9)
    assert power >= 0.8 > stats.binom.sf(plan.green - 1, plan.coins - 1, rate)
    assert stats.binom.sf(plan.green - 1, plan.coins, 0.25) <= 1e-3
    assert plan.tokens == int(np.ceil(plan.coins / 0.9))


def test_benjamini_hochberg_is_that_of_scipy():
    rng = np.random.default_rng(2)
    for n in (1, 2, 7, 100, 5000):
        p = rng.random(n) ** 3
        p[rng.random(n) < 0.3] = np.round(p[0], 2)
        wanted = stats.false_discovery_control(p)
        assert 10 ** benjamini_hochberg(np.log10(p)) == pytest.approx(wanted, rel=1e-12)
