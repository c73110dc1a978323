"""Reference for section 17 of SPEC.md, and the vectors made with it: see generate.py.

Slow and plain: coins in dictionaries, weights as fractions, sums with 60 digits.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import greenprint_reference as gp
import mpmath
import reference_statistics as rs
from self_test import number
from statistics_vectors import decimal

Vectors = dict[str, Any]
Context = tuple[int, ...]
Coin = tuple[Context, int]

UNIT = 2**30

# --- Section 17 --------------------------------------------------------------------------


class Evidence:
    """What stands with each coin: how often it occurred, and sums of other weights."""

    def __init__(self, key: gp.Key) -> None:
        """Begin without answers."""
        self.key = key
        self.occurred: dict[Coin, int] = {}
        self.sums: dict[Coin, Fraction] = {}
        self.windows: dict[Context, Context] = {}
        self.positions = 0
        self.in_prompt = 0

    def add(self, tokens: Sequence[int], i: int, token: int, occurred: int, p: float) -> None:
        """Add to the coin of a token in the place of token i."""
        context = self.key.context(tokens[:i])
        assert context is not None
        coin = (context, token)
        self.occurred[coin] = self.occurred.get(coin, 0) + occurred
        rounded = Fraction(round(Fraction(p) * UNIT), UNIT)
        self.sums[coin] = self.sums.get(coin, Fraction(0)) + rounded

    def answer(self, prompt: list[int], tokens: list[int], expected: list[Any] | None) -> None:
        """Add an answer, with what was expected at each of its positions."""
        h = self.key.params.h
        for i in range(h, len(tokens)):
            self.positions += 1
            sought = tokens[i - h : i] if h else [tokens[i]]
            length = len(sought)
            if any(prompt[j : j + length] == sought for j in range(len(prompt) - length + 1)):
                self.in_prompt += 1
                continue
            self.add(tokens, i, tokens[i], 1, 0.0)
            for token, p in expected[i] if expected else []:
                self.add(tokens, i, token, 0, -p)

    def model(self, tokens: list[int], weights: list[Any]) -> None:
        """Add a document with a model's weights at each of its positions."""
        for i in range(self.key.params.h, len(tokens)):
            self.positions += 1
            for token, weight in weights[i]:
                self.add(tokens, i, token, 0, weight)

    def weights(self, statistic: str) -> dict[Coin, Fraction]:
        """Give the weights of the coins, those that are 0 left out."""
        made = {}
        for coin, occurred in self.occurred.items():
            if statistic == "distinct":
                weight = Fraction(occurred > 0)
            elif statistic == "root":
                weight = Fraction(round(math.sqrt(occurred) * UNIT), UNIT)
            else:
                weight = occurred + self.sums[coin]
                if statistic == "open-root":
                    size = round(math.sqrt(float(abs(weight) * UNIT**2)))
                    weight = Fraction(size if weight > 0 else -size, UNIT)
            if weight:
                made[coin] = weight
        return made


def log10_e(
    weights: Sequence[Fraction], statistic: Fraction, gamma: Fraction, squares: Fraction
) -> mpmath.mpf:
    """Compute log10 of the mixture's e-value; `squares` is the sum over all coins."""
    if not squares:
        return mpmath.mpf(0)
    with mpmath.workdps(rs.DIGITS):
        sigma = mpmath.sqrt(rs.real(gamma * (1 - gamma) * squares))
        cumulants = rs.Cumulants(weights, gamma)
        total = mpmath.mpf(0)
        for i in range(21):
            t = mpmath.mpf(2) ** (mpmath.mpf(i) / 2) / sigma
            total += mpmath.exp(t * rs.real(statistic) - cumulants.k(t, 0))
        return mpmath.log10(total / 21)


def test(
    evidence: Evidence, tenant: int | None, statistic: str, served: set[Context] | None
) -> Vectors:
    """Make the test of a statistic, of the served contexts alone where there are some."""
    key = evidence.key
    gamma = key.params.gamma
    all_weights = evidence.weights(statistic)
    chosen = {c: r for c, r in all_weights.items() if served is None or c[0] in served}
    weights = list(chosen.values())
    green = [int(key.is_green(key.nonce(c, tenant), v)) for c, v in chosen]
    t = rs.statistic(weights, green, gamma)
    squares = sum((r * r for r in weights), Fraction(0))
    e = log10_e(weights, t, gamma, sum((r * r for r in all_weights.values()), Fraction(0)))
    bound, saddle = rs.weighted(weights, green, gamma)
    if served is not None:
        log10_p = min(mpmath.mpf(0), -e)
    elif statistic == "distinct":
        log10_p = gp.log10_p_value(len(weights), sum(green), gamma)
    else:
        log10_p = bound
    with mpmath.workdps(rs.DIGITS):
        z = rs.real(t) / mpmath.sqrt(rs.real(gamma * (1 - gamma) * squares)) if squares else 0
        return {
            "statistic": statistic,
            "served_only": served is not None,
            "coins": len(weights),
            "green": sum(green),
            "t": decimal(rs.real(t)),
            "z": decimal(mpmath.mpf(z)),
            "log10_p": decimal(log10_p),
            "log10_p_saddlepoint": decimal(saddle),
            "log10_e": decimal(e),
        }


def control_key(commitment: bytes, params: gp.Params, index: int) -> gp.Key:
    """Make a control key."""
    message = b"greenprint control key" + gp.le32(index)
    return gp.Key(hmac.digest(commitment, message, "sha256"), params)


def holm(p_values: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
    """Compute max over thresholds t <= p_i among the p-values of min(1, t #{p_j >= t})."""
    rates = {t: min(mpmath.mpf(1), t * sum(p >= t for p in p_values)) for t in p_values}
    return [max(rates[t] for t in p_values if t <= p) for p in p_values]


# --- audits.json -------------------------------------------------------------------------


def text_of(label: str, key: gp.Key, size: int, vocabulary: int) -> list[int]:
    """Write a text that prefers green tokens, two of three times."""
    text: list[int] = []
    for i in range(size):
        candidates = [number(label, 4 * i + j) % vocabulary for j in range(3)]
        context = key.context(text)
        if context is not None and number(label, 4 * i + 3) % 3:
            nonce = key.nonce(context)
            candidates.sort(key=lambda v: not key.is_green(nonce, v))
        text.append(candidates[0])
    return text


def beliefs(label: str, i: int, vocabulary: int, signed: bool) -> list[Any]:
    """Make what a model says at a position: multiples of 1/1024, exact in binary32."""
    count = number(label, 10 * i) % 4
    ids = sorted({number(label, 10 * i + 1 + j) % vocabulary for j in range(count)})
    weights = [(1 + number(label, 10 * i + 5 + j) % 250) / 1024 for j in range(len(ids))]
    signs = [-1 if signed and v % 3 == 0 else 1 for v in ids]
    return [[v, s * w] for v, s, w in zip(ids, signs, weights, strict=True)]


def audit_case(index: int, params: gp.Params, tenant: int | None) -> Vectors:
    """Make one case: rows, and the same documents with a model's weights."""
    master = hashlib.sha256(f"greenprint test master key {40 + index}".encode()).digest()
    key = gp.Key(master, params)
    vocabulary = (300, 12, 5)[min(params.h, 2)] if params.seeding != "min" else 14
    rows = []
    documents = []
    for a in range(3):
        label = f"audit {index} {a}"
        tokens = text_of(label, key, (60, 0, 45)[a], vocabulary)
        prompt = [number(label + " prompt", i) % vocabulary for i in range((6, 3, 0)[a])]
        expected = [beliefs(label + " e", i, vocabulary, False) for i in range(len(tokens))]
        weights = [beliefs(label + " w", i, vocabulary, True) for i in range(len(tokens))]
        rows.append({"prompt": prompt, "tokens": tokens, "expected": expected})
        documents.append({"tokens": tokens, "weights": weights})
    logs = [rows[0]["tokens"][:25], rows[2]["tokens"][5:20]]
    h = params.h
    served = {tuple(log[i - h : i]) for log in logs for i in range(h, len(log) + 1)}
    answers, model = Evidence(key), Evidence(key)
    for row, document in zip(rows, documents, strict=True):
        answers.answer(row["prompt"], row["tokens"], row["expected"])
        model.model(document["tokens"], document["weights"])
    tests = []
    for only in (None, served) if params.seeding == "hash" else (None,):
        for statistic in ("distinct", "root", "reference"):
            tests.append(test(answers, tenant, statistic, only))
        for statistic in ("open", "open-root"):
            tests.append(test(model, tenant, statistic, only))
    return {
        "master_key": key.master.hex(),
        "seeding": params.seeding,
        "h": h,
        "g": params.g,
        "k": params.k,
        "tenant": None if tenant is None else str(tenant),
        "answers": rows,
        "model": documents,
        "served": logs,
        "positions": answers.positions,
        "in_prompt": answers.in_prompt,
        "tests": tests,
    }


def audits() -> Vectors:
    """Make audits.json."""
    chosen = [
        (gp.Params("hash", 1, 1, 2), None),
        (gp.Params("hash", 2, 3, 3), 7),
        (gp.Params("hash", 5, 1, 1), None),
        (gp.Params("min", 2, 1, 2), None),
        (gp.Params("min", 4, 1, 4), 0),
        (gp.Params("fixed", 0, 1, 2), None),
    ]
    cases = [audit_case(i, params, tenant) for i, (params, tenant) in enumerate(chosen)]
    controls = []
    for i, (params, _) in enumerate(chosen):
        commitment = hashlib.sha256(f"greenprint test commitment {i}".encode()).digest()
        for index in (0, 1, 2**32 - 1):
            control = control_key(commitment, params, index)
            controls.append(
                {
                    "commitment": commitment.hex(),
                    "seeding": params.seeding,
                    "h": params.h,
                    "g": params.g,
                    "k": params.k,
                    "index": index,
                    "control_commitment": control.commitment.hex(),
                }
            )
    holms = []
    lists = [["0.0"], ["-3.5"], ["-1.0"] * 5, ["0.0", "0.0", "-8.0"]]
    lists.append(["-5000.25", "-4999.75", "-2.0", "0.0", "-100000.0"])
    for i, size in enumerate((2, 10, 60)):
        values = [(number(f"holm {i}", j) % 4000) / 1024 for j in range(size)]
        lists.append([repr(-v) for v in values])
    with mpmath.workdps(40):
        for log10_p in lists:
            p_values = [mpmath.mpf(10) ** mpmath.mpf(text) for text in log10_p]
            adjusted = [decimal(mpmath.log10(p)) for p in holm(p_values)]
            holms.append({"log10_p": log10_p, "log10_adjusted": adjusted})
    how = (
        "Made by testvectors/reference/generate.py from SPEC.md, section 17. "
        "'master_key', 'seeding', 'h', 'g', 'k' and 'tenant' (a decimal string, or null for "
        "none) say what each case of 'cases' is tested with. 'answers' are rows: a 'prompt', "
        "the 'tokens' of the answer, and for each of these what a reference model "
        "'expected', a list of pairs of a token id and a probability. 'model' are documents "
        "with 'weights' at each position, likewise, for the statistic 'open'. 'served' are "
        "documents that were served; their contexts are the served ones. 'positions' and "
        "'in_prompt' are counts of the answers. Each of 'tests' is a statistic, of all "
        "contexts or of the served ones only: 'coins' with a weight that is not 0, 'green' "
        "ones of these, 't' the statistic T, and 'z', 'log10_p' (the least Chernoff bound, but "
        "for 'distinct' and 'served_only'), 'log10_p_saddlepoint' and 'log10_e' as decimal "
        "strings. In 'controls', 'control_commitment' is the commitment of control key 'index' "
        "of a key with this 'commitment'. In 'holm', 'log10_adjusted' are the adjusted p-values "
        "of 'log10_p'. Method: weights as fractions, cumulants coin by coin with 60 digits, "
        "the saddle point by halving. An implementation may give away up to 1e-6 (relative, "
        "absolute below 1) of log10_e, always downwards."
    )
    return {"how": how, "cases": cases, "controls": controls, "holm": holms}
