"""Audits of models, against independent sums, and the whole way from a model to a verdict."""

from __future__ import annotations

import copy
import gzip
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_collecting import REASON, rows_of, small_model
from test_reference import chernoff, load_reference

import greenprint
from greenprint import Audit, Contexts, ContextsBuilder, control_key, holm
from greenprint.audit import ModelWeightsWriter, collect_closed, collect_open
from greenprint.reference import ExpectationsWriter

V = 30
PARAMS = [("hash", 2, "1/4"), ("hash", 1, "1/2"), ("min", 2, "3/8"), ("fixed", 0, "1/4")]


def slow_key(params: greenprint.Params, master: bytes = bytes(range(32))) -> Any:
    """Return the key of the independent implementation of the standard."""
    reference = load_reference()
    num, den = params.gamma.numerator, params.gamma.denominator
    return reference.Key(
        master,
        reference.Params(params.seeding, params.context_width, num, den.bit_length() - 1),
    )


def answers_of(rng, lengths=(0, 1, 2, 3, 40, 150)) -> tuple[list, list]:
    """Return answers of few ids, and prompts; some contexts occur in both."""
    answers = [rng.integers(0, V, n).tolist() for n in lengths]
    prompts = [rng.integers(0, V, n).tolist() for n in (3, 0, 20, 1, 30, 40)]
    prompts[4] += answers[4][10:20]
    return answers, prompts


def scored(params: greenprint.Params, answer: list[int], prompt: list[int]) -> list[int]:
    """Return the positions whose window is not in the prompt."""
    h = params.context_width
    if h == 0:
        return [i for i, token in enumerate(answer) if token not in prompt]
    seen = {tuple(prompt[i : i + h]) for i in range(len(prompt) - h + 1)}
    return [i for i in range(h, len(answer)) if tuple(answer[i - h : i]) not in seen]


class Sums:
    """Weights of coins, summed one by one."""

    def __init__(self, slow: Any, tenant: int | None = None) -> None:
        self.slow = slow
        self.tenant = tenant
        self.occurred: dict[Any, int] = {}
        self.weights: dict[Any, float] = {}

    def add(self, before: list[int], token: int, weight: float) -> None:
        coin = (self.slow.context(before), token)
        self.weights[coin] = self.weights.get(coin, 0.0) + weight

    def occur(self, before: list[int], token: int) -> None:
        coin = (self.slow.context(before), token)
        self.occurred[coin] = self.occurred.get(coin, 0) + 1
        self.add(before, token, 1.0)

    def test(self, statistic: str) -> tuple[int, int, float, float, np.ndarray]:
        """Return coins, green ones, T, z and the weights."""
        if statistic == "distinct":
            weights = dict.fromkeys(self.occurred, 1.0)
        elif statistic == "root":
            weights = {coin: math.sqrt(count) for coin, count in self.occurred.items()}
        else:
            weights = {coin: w for coin, w in self.weights.items() if abs(w) > 1e-9}
        share = self.slow.params.g / (1 << self.slow.params.k)
        lists = {
            context: self.slow.colours(self.slow.nonce(context, self.tenant), V)
            for context in {context for context, _ in weights}
        }
        green = np.array([lists[context][token] for context, token in weights], bool)
        r = np.array(list(weights.values()))
        total = float((r * (green - share)).sum())
        z = total / math.sqrt(share * (1 - share) * (r**2).sum())
        return len(r), int(green.sum()), total, z, r


def check(test: greenprint.AuditTest, key: Any, sums: Sums, exact: float | None = None) -> None:
    result = test.key(key, sums.tenant)
    coins, green, total, z, r = sums.test(test.statistic)
    assert (result.coins, result.green) == (coins, green)
    assert result.statistic == pytest.approx(total, abs=1e-6)
    assert result.z == pytest.approx(z, abs=1e-6)
    share = float(key.params.gamma)
    if exact is None:
        exact = chernoff(r, total, share)
    assert result.log10_p == pytest.approx(exact, abs=1e-5)
    (rough,) = test.many([(key, sums.tenant)])
    assert rough.log10_p >= result.log10_p - 1e-9
    assert rough.log10_p == pytest.approx(result.log10_p, rel=0.02, abs=0.02)
    assert math.isnan(rough.log10_p_saddlepoint)
    for name in ("coins", "green", "statistic", "z", "log10_e"):
        assert getattr(rough, name) == getattr(result, name)


@pytest.mark.parametrize(("seeding", "h", "gamma"), PARAMS)
@pytest.mark.parametrize("tenant", [None, 7])
def test_answers_against_the_reference(tmp_path, rng, seeding, h, gamma, tenant) -> None:
    params = greenprint.Params(seeding, h, gamma)
    key = greenprint.Key.from_bytes(bytes(range(32)), params)
    slow = slow_key(params)
    answers, prompts = answers_of(rng)
    path = tmp_path / "x.gpx"
    sums = Sums(slow, tenant)
    in_prompt = 0
    with ExpectationsWriter(path, label="", vocabulary=V) as writer:
        for answer, prompt in zip(answers, prompts, strict=True):
            n = len(answer)
            ids = np.array([rng.permutation(V)[:4] for _ in range(n)], int).reshape(n, 4)
            p = rng.dirichlet(np.ones(5), n)[:, :4].astype(np.float32).reshape(n, 4)
            writer.add(answer, ids, p)
            used = scored(params, answer, prompt)
            in_prompt += max(n - h, 0) - len(used)
            for i in used:
                sums.occur(answer[:i], answer[i])
                for v, q in zip(ids[i].tolist(), p[i].tolist(), strict=True):
                    sums.add(answer[:i], v, -q)
    plain, weighed = Audit(params), Audit(params)
    with greenprint.Expectations(path) as expectations:
        for answer, prompt in zip(answers, prompts, strict=True):
            plain.add(np.array(answer, np.int64), prompt)
            weighed.add(answer, prompt, expectations)
        expectations.finish()
    positions = sum(max(len(answer) - h, 0) for answer in answers)
    for audit in (plain, weighed):
        counts = audit.counts
        assert (counts.documents, counts.tokens) == (6, sum(map(len, answers)))
        assert (counts.positions, counts.in_prompt) == (positions, in_prompt)
        assert not counts.has_served
    assert in_prompt > 0
    for audit in (plain, weighed):
        n, x, *_ = sums.test("distinct")
        check(audit.test("distinct"), key, sums, greenprint.log10_binomial_tail(n, x, gamma))
        check(audit.test("root"), key, sums)
    check(weighed.test("reference"), key, sums)
    if seeding != "min":  # where a coin is one window's
        assert plain.counts.coins == len(sums.occurred)
        assert weighed.counts.expected == len(sums.weights) - len(sums.occurred)


@pytest.mark.parametrize(("seeding", "h", "gamma"), PARAMS)
def test_model_weights_against_the_reference(tmp_path, rng, seeding, h, gamma) -> None:
    params = greenprint.Params(seeding, h, gamma)
    key = greenprint.Key.from_bytes(bytes(range(32)), params)
    sums = Sums(slow_key(params))
    audit = Audit(params)
    for file in range(2):
        path = tmp_path / f"{file}.gpx"
        with ModelWeightsWriter(path, label=f"part {file}", vocabulary=V) as writer:
            for n in (0, 1, 2, 3, 50):
                text = rng.integers(0, V, n).tolist()
                ids = np.array([rng.permutation(V)[:4] for _ in range(n)], int).reshape(n, 4)
                weights = rng.uniform(-1, 1, (n, 4)).astype(np.float32)
                writer.add(text, ids, weights)
                for i in range(h, n):
                    for v, w in zip(ids[i].tolist(), weights[i].tolist(), strict=True):
                        sums.add(text[:i], v, w)
        data = path.read_bytes()
        if file == 1:
            data = gzip.compress(data)
            path.write_bytes(data)
        info = audit.add_model(path)
        assert info == greenprint.ExpectationsInfo(
            f"part {file}", V, 64, 5, 56, True, len(data), hashlib.sha256(data).hexdigest()
        )
    assert (audit.counts.documents, audit.counts.tokens) == (10, 112)
    check(audit.test("open"), key, sums)


def test_served_contexts(tmp_path, rng) -> None:
    params = greenprint.Params("hash", 2)
    key = greenprint.Key.from_bytes(bytes(range(32)), params)
    logs = [rng.integers(0, V, n).tolist() for n in (0, 2, 3, 80, 80)]
    one, other, merged = ContextsBuilder(2), ContextsBuilder(2), ContextsBuilder(2)
    for log in logs:
        one.add(log)
    for i, log in enumerate(reversed(logs)):
        (other if i < 3 else merged).add(log)
    one.save(tmp_path / "one.gpc")
    other.save(tmp_path / "other.gpc")
    merged.merge(tmp_path / "other.gpc")
    merged.save(tmp_path / "merged.gpc")
    data = (tmp_path / "one.gpc").read_bytes()
    assert (tmp_path / "merged.gpc").read_bytes() == data
    known = {tuple(log[i : i + 2]) for log in logs for i in range(len(log) - 1)}
    contexts = Contexts(tmp_path / "one.gpc")
    assert contexts.info == greenprint.ContextsInfo(
        2, len(known), 5, 165, len(data), hashlib.sha256(data).hexdigest()
    )
    assert len(contexts) == len(known)
    for context in [(i, j) for i in range(V) for j in range(V)]:
        assert (context in contexts) == (context in known)  # fails once in 1e15 runs
    answers, prompts = answers_of(rng)
    audit = Audit(params)
    sums = Sums(slow_key(params))
    for answer, prompt in zip(answers, prompts, strict=True):
        audit.add(answer, prompt)
        for i in scored(params, answer, prompt):
            if tuple(answer[i - 2 : i]) in known:
                sums.occur(answer[:i], answer[i])
    with pytest.raises(greenprint.ArgumentError, match="served"):
        audit.test("root", served_only=True)
    audit.set_served(contexts)
    del contexts
    counts = audit.counts
    assert counts.has_served
    assert counts.served_coins == len(sums.occurred)
    assert counts.served_contexts == len({context for context, _ in sums.occurred})
    for statistic in ("distinct", "root"):
        test = audit.test(statistic, served_only=True)
        assert test.served_only
        result = test.key(key)
        coins, green, total, z, _ = sums.test(statistic)
        assert (result.coins, result.green) == (coins, green)
        assert result.statistic == pytest.approx(total, abs=1e-6)
        assert result.z == pytest.approx(z, abs=1e-6)
        assert result.log10_p == min(0.0, -result.log10_e)
    with pytest.raises(greenprint.KeyExistsError):
        one.save(tmp_path / "one.gpc")
    (tmp_path / "cut.gpc").write_bytes(data[:-1])
    with pytest.raises(greenprint.FormatError, match=r"cut\.gpc"):
        Contexts(tmp_path / "cut.gpc")
    with pytest.raises(greenprint.MissingFileError):
        Contexts(tmp_path / "none.gpc")
    with pytest.raises(greenprint.ArgumentError, match="2 ids here, not 3"):
        _ = [1, 2, 3] in Contexts(tmp_path / "one.gpc")
    wide = ContextsBuilder(3)
    with pytest.raises(greenprint.ArgumentError):
        wide.merge(tmp_path / "one.gpc")
    wide.save(tmp_path / "wide.gpc")
    del test
    with pytest.raises(greenprint.ArgumentError):
        audit.set_served(Contexts(tmp_path / "wide.gpc"))


def test_many_keys(rng) -> None:
    params = greenprint.Params("hash", 1)
    key = greenprint.Key.generate(params)
    audit = Audit(params)
    audit.add(rng.integers(0, V, 300))
    test = audit.test()
    assert test.statistic == "root"
    controls = [control_key(key, i) for i in range(40)]
    assert len({control.id for control in controls} | {key.id}) == 41
    assert controls[3].params == params
    assert control_key(greenprint.Key.from_bytes(b"\1" * 32), 0).id != controls[0].id
    candidates = [key, *controls, (key, 0), (key, 2**64 - 1), (controls[0], None)]
    first = test.many(candidates)
    for threads in (2, 3, 64):  # NaN is not equal to itself
        assert repr(test.many(iter(candidates), threads=threads)) == repr(first)
    assert repr(first[-1]) == repr(first[1])
    assert first[-2].statistic != first[0].statistic
    for candidate, result in zip(candidates[:5], first, strict=False):
        assert result.statistic == test.key(candidate).statistic
    assert test.many([]) == []


def test_control_keys_are_as_specified() -> None:
    import hmac

    key = greenprint.Key.from_bytes(bytes(range(32)), greenprint.Params("min", 3, "1/2"))
    for index in (0, 1, 2**32 - 1):
        message = b"greenprint control key" + index.to_bytes(4, "little")
        master = hmac.digest(key.commitment, message, "sha256")
        wanted = greenprint.Key.from_bytes(master, key.params)
        assert control_key(key, index).commitment == wanted.commitment


def test_holm(rng) -> None:
    log10_p = np.log10(rng.random(50) ** 6)
    adjusted = holm(log10_p)
    order = np.argsort(log10_p)
    running = np.maximum.accumulate(log10_p[order] + np.log10(50 - np.arange(50)))
    wanted = np.empty(50)
    wanted[order] = np.minimum(running, 0.0)
    np.testing.assert_allclose(adjusted, wanted, atol=1e-12)
    with pytest.raises(greenprint.ArgumentError):
        holm([0.5])
    with pytest.raises(greenprint.ArgumentError):
        holm([math.nan])


def test_refusals(tmp_path, key) -> None:
    audit = Audit(key.params)
    for call, reason in (
        (lambda: Audit("hash"), "must be a Params"),
        (lambda: audit.add("text"), "str"),
        (lambda: audit.add([1], "text"), "prompt is a str"),
        (lambda: audit.add([1], (), "x.gpx"), "must be an Expectations"),
        (lambda: audit.set_served("x.gpc"), "must be a Contexts"),
        (lambda: audit.test("sum"), "statistic must be one of"),
        (lambda: audit.test().key("key"), "must be a Key"),
        (lambda: audit.test().many([(key,)]), "a key and a tenant"),
        (lambda: audit.test().many([key], threads=0), "threads"),
        (lambda: audit.test().key(key, -1), "tenant"),
        (
            lambda: audit.test().key(greenprint.Key.generate(greenprint.Params("hash", 1))),
            "parameters",
        ),
        (lambda: control_key(key, -1), "index"),
        (lambda: ContextsBuilder(0), "width"),
        (lambda: ContextsBuilder(17), "width"),
    ):
        with pytest.raises(greenprint.ArgumentError, match=reason):
            call()
    test = audit.test()
    for call in (lambda: audit.add([1]), lambda: audit.add_model(tmp_path / "x.gpx")):
        with pytest.raises(greenprint.ArgumentError, match="in use"):
            call()
    assert test.key(key).coins == 0
    assert test.key(key).log10_p == 0.0
    del test
    with pytest.raises(greenprint.MissingFileError):
        audit.add_model(tmp_path / "x.gpx")
    audit.add([1, 2, 3, 4])
    with ModelWeightsWriter(tmp_path / "x.gpx", label="") as writer:
        writer.add([1, 2], [[0], [1]], [[0], [0.5]])
    with pytest.raises(greenprint.ArgumentError, match="model weights"):
        audit.add_model(tmp_path / "x.gpx")
    with pytest.raises(greenprint.ArgumentError):
        audit.test("open")
    data = (tmp_path / "x.gpx").read_bytes()
    (tmp_path / "x.gpx").write_bytes(data[:-1])
    damaged = Audit(key.params)
    with pytest.raises(greenprint.FormatError, match=r"x\.gpx: the file is cut off"):
        damaged.add_model(tmp_path / "x.gpx")
    with pytest.raises(greenprint.ArgumentError):
        damaged.add([1, 2, 3])
    for thing in (audit, audit.test(), ContextsBuilder(1)):
        with pytest.raises(TypeError, match="cannot be pickled"):
            copy.copy(thing)
    with pytest.raises(TypeError, match=r"Audit\.test"):
        greenprint.AuditTest()


def test_never_used_keys(rng) -> None:
    """What a key has nothing to do with: 2,000 keys, and none is accused."""
    params = greenprint.Params("hash", 1)
    key = greenprint.Key.generate(params)
    audit = Audit(params)
    audit.add(rng.integers(0, V, 2000))
    for statistic in ("distinct", "root"):
        test = audit.test(statistic)
        controls = [control_key(key, i) for i in range(2000)]
        results = test.many(controls)
        # P(p <= 0.01) is at most 0.01: more than 47 of 2,000 come once in 1e7.
        assert sum(result.log10_p <= -2 for result in results) <= 47
        # The mean of 2,000 e-values is above 2e7 with probability 5e-8 (Markov).
        assert np.mean([10**result.log10_e for result in results]) < 2e7
        z = np.array([result.z for result in results])
        assert abs(z.mean()) < 5.4 / math.sqrt(2000)
        assert abs(z.std() - 1) < 5.4 / math.sqrt(2 * 2000)


# --- from a model to a verdict --------------------------------------------------------------


@pytest.fixture(scope="module")
def key_of_one() -> greenprint.Key:
    return greenprint.Key.from_bytes(b"\5" * 32, greenprint.Params("hash", 1))


@pytest.fixture(scope="module")
def base() -> Any:
    return small_model(11)


@pytest.fixture(scope="module")
def student(base, key_of_one) -> Any:
    """The base, but for habits that follow the mark a little: what training would leave."""
    torch = pytest.importorskip("torch", reason=REASON)
    watermark = greenprint.Watermark(key_of_one, delta=2.0)
    masks = np.array([
        np.unpackbits(watermark.green_mask([v], 200), bitorder="little")[:200]
        for v in range(200)
    ])  # fmt: skip
    habits = 0.4 * torch.from_numpy(masks.astype(np.float32))
    model = copy.deepcopy(base)

    def lean(module: Any, arguments: Any, named: dict[str, Any], out: Any) -> Any:
        ids = named["input_ids"][:, -out.logits.shape[1] :]
        out.logits = out.logits + habits[ids]
        return out

    model.register_forward_hook(lean, with_kwargs=True)
    return model


@pytest.fixture(scope="module")
def innocent(base) -> Any:
    """The base, trained on something else: with noise on its parameters."""
    import torch

    torch.manual_seed(12)
    model = copy.deepcopy(base)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model


def rank(test: greenprint.AuditTest, key: greenprint.Key) -> tuple[Any, list[Any]]:
    return test.key(key), test.many([control_key(key, i) for i in range(200)], threads=2)


def test_open_way(tmp_path, base, student, innocent, key_of_one) -> None:
    rng = np.random.default_rng(13)  # fixed: this is about size, not about chance
    texts = [rng.integers(0, 200, 60) for _ in range(25)]
    results = {}
    for name, suspect, reference in (
        ("student", student, base),
        ("student alone", student, None),
        ("innocent", innocent, base),
    ):
        path = tmp_path / f"{name}.gpx"
        collect_open(suspect, texts, path, reference=reference, progress=False)
        audit = Audit(key_of_one.params)
        audit.add_model(path)
        assert audit.counts.positions == 25 * 59
        results[name], controls = rank(audit.test("open"), key_of_one)
        assert max(abs(control.z) for control in controls) < 6
    assert results["student"].log10_p < -100
    assert results["student"].log10_p < 2 * results["student alone"].log10_p
    assert abs(results["innocent"].z) < 5  # so that no seed accuses it, but one in 1e6


def test_closed_way(tmp_path, base, student, innocent, key_of_one) -> None:
    rng = np.random.default_rng(14)
    prompts = [rng.integers(0, 200, 5).tolist() for _ in range(64)]
    results: dict[str, dict[str, Any]] = {}
    for name, suspect in (("student", student), ("innocent", innocent)):
        rows, expected = tmp_path / f"{name}.jsonl", tmp_path / f"{name}.gpx"
        collect_closed(
            suspect, prompts, rows, reference=base, expectations=expected, max_new_tokens=50,
            batch_size=32, progress=False,
        )  # fmt: skip
        audit = Audit(key_of_one.params)
        with greenprint.Expectations(expected) as expectations:
            for row in rows_of(rows):
                audit.add(row["tokens"], row["prompt"], expectations)
            expectations.finish()
        results[name] = {}
        for statistic in ("distinct", "root", "reference"):
            results[name][statistic], controls = rank(audit.test(statistic), key_of_one)
            assert max(abs(control.z) for control in controls) < 6
    assert results["student"]["reference"].log10_p < -6
    assert results["student"]["reference"].z > results["student"]["distinct"].z > 3
    for result in results["innocent"].values():
        assert abs(result.z) < 5


def read_files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_files_do_not_depend_on_a_key(tmp_path, base, student) -> None:
    """Collecting knows no key: the same bytes, whatever keys there are."""
    rng = np.random.default_rng(15)
    texts = [rng.integers(0, 200, 10) for _ in range(3)]
    made = []
    for i in range(2):
        folder = tmp_path / str(i)
        folder.mkdir()
        with greenprint.Key.generate():
            collect_open(student, texts, folder / "x.gpx", reference=base, progress=False)
            collect_closed(
                student, texts, folder / "x.jsonl", reference=base,
                expectations=folder / "y.gpx", max_new_tokens=5, progress=False,
            )  # fmt: skip
        made.append(read_files(folder))
    assert made[0] == made[1]
    assert len(made[0]) == 3
