"""greenprint audit: a model's answers and distributions, the key among control keys."""

import hashlib
import html.parser
import json
import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import students
from students import (
    GAMMA,
    Colours,
    as_lines,
    occurrences,
    student,
    weighted_sum,
    weights_file,
    windows,
)

from greenprint import Key, Watermark

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def colours():
    """Those of the key in k.key."""
    return Colours(Watermark(Key.from_bytes(KEY)))


@pytest.fixture(scope="module")
def guilty(colours):
    """Answers of a student that learned the mark."""
    return student(1, 0.3, colours)


@pytest.fixture(scope="module")
def innocent():
    """Answers of one that never saw it."""
    return student(2)


@pytest.fixture
def key(tmp_path):
    """k.key: always the same, so that what is found by chance is too."""
    loaded = Key.from_bytes(KEY)
    loaded.save_unsealed(tmp_path / "k.key")
    return loaded


def write(command, name, content):
    data = content if isinstance(content, bytes) else content.encode()
    (command.folder / name).parent.mkdir(parents=True, exist_ok=True)
    (command.folder / name).write_bytes(data)


def audit(command, *arguments, status=None, controls=10, **options):
    """Run audit --json and return its report; the status is that of the verdict."""
    result = command(
        "audit", "-k", "k.key", "--json", "--controls", str(controls), *arguments, **options
    )
    assert result.returncode in (0, 1), result.stderr
    assert status is None or result.returncode == status
    found = json.loads(result.stdout)
    assert result.returncode == (0 if found["verdict"] == "found" else 1)
    assert (found["verdict"] == "found") == (found["log10_p"] <= math.log10(found["alpha"]))
    return found


def agrees(test, weights, colours):
    """Compare a test of a report with sums taken here. Weights there are multiples of 2^-30."""
    total, z, coins, green = weighted_sum(weights, colours)
    assert (test["pairs"], test["green"]) == (coins, green)
    assert test["statistic"] == pytest.approx(total, rel=1e-6, abs=1e-4)
    assert test["z"] == pytest.approx(z, rel=1e-6, abs=1e-6)


def signed_roots(weights):
    """Return the square roots of weights, with their signs."""
    return {pair: math.copysign(math.sqrt(abs(w)), w) for pair, w in weights.items()}


# ---------------------------------------------------------------------- closed


def test_guilty_and_innocent(greenprint, key, guilty, innocent, colours):
    write(greenprint, "a.tokens", as_lines(guilty))
    write(greenprint, "b.tokens", as_lines(innocent))
    found = audit(greenprint, "a.tokens", status=0)
    absent = audit(greenprint, "b.tokens", status=1)
    for report, answers in ((found, guilty), (absent, innocent)):
        counts, _ = occurrences(answers)
        assert report["verdict_by"] == {"test": "root", "contexts": "all"}
        assert [test["test"] for test in report["tests"]] == ["distinct", "root"]
        assert [test["decides"] for test in report["tests"]] == [False, True]
        assert [test["p_is"] for test in report["tests"]] == ["exact", "bound"]
        agrees(report["tests"][0], dict.fromkeys(counts, 1), colours)
        agrees(report["tests"][1], {pair: math.sqrt(n) for pair, n in counts.items()}, colours)
        assert report["log10_p"] == report["tests"][1]["log10_p"]
        assert report["counts"] == {
            "documents": 60,
            "tokens": 60 * 120,
            "without_context": 60 * 2,
            "positions": 60 * 118,
            "in_prompt": 0,
            "contexts": len({context for context, _ in counts}),
            "pairs": len(counts),
            "pairs_only_expected": 0,
        }
    # The binomial tail is that of verify over the same pairs.
    verified = json.loads(greenprint("verify", "-k", "k.key", "--json", "a.tokens").stdout)
    assert found["tests"][0]["log10_p"] == pytest.approx(verified["log10_p"], rel=1e-9)
    assert (found["model"], found["served"], found["tenant"]) == ("closed", None, None)
    assert found["key_id"] == key.id and len(found["key_commitment"]) == 64


def test_anytime_e_value(greenprint, key, guilty, innocent, colours):
    """The e-value of section 8, for whoever stops when the evidence is enough."""
    for name, answers in (("a", guilty), ("b", innocent), ("one", guilty[:1])):
        write(greenprint, f"{name}.tokens", as_lines(answers))
        report = audit(greenprint, f"{name}.tokens")
        counts, _ = occurrences(answers)
        _, _, n, green = weighted_sum(dict.fromkeys(counts, 1), colours)
        # The integral of the likelihood ratio over the green rate, as a beta distribution's tail.
        log_e = (
            scipy.special.betaln(green + 1, n - green + 1)
            + scipy.stats.beta.logsf(GAMMA, green + 1, n - green + 1)
            - green * math.log(GAMMA)
            - (n - green + 1) * math.log1p(-GAMMA)
        )
        expected = log_e / math.log(10)
        assert report["anytime"]["log10_e"] == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert report["anytime"]["log10_p"] == min(0, -report["anytime"]["log10_e"])
        text = greenprint("audit", "-k", "k.key", f"{name}.tokens", "--html", f"{name}.html")
        said = f"(log10 e {expected:.2f}; SPEC.md section 8)"
        assert said in " ".join(text.stdout.split())
        assert said in (greenprint.folder / f"{name}.html").read_text()
    assert audit(greenprint, "a.tokens")["anytime"]["log10_e"] > 6


def test_inputs_are_named_with_their_digests(greenprint, key, guilty):
    write(greenprint, "a.tokens", as_lines(guilty[:30]))
    write(greenprint, "b.jsonl", "".join(json.dumps({"ids": x}) + "\n" for x in guilty[30:]))
    whole = as_lines(guilty).encode()
    found = audit(greenprint, "--format", "tokens", "-", input=whole)
    assert [(i["role"], i["name"], i["format"]) for i in found["inputs"]] == [
        ("answers", "-", "tokens")
    ]
    assert found["inputs"][0]["sha256"] == hashlib.sha256(whole).hexdigest()
    assert found["inputs"][0]["bytes"] == len(whole)
    parts = audit(greenprint, "--field", "ids", "b.jsonl")
    assert parts["field"] == "ids" and parts["counts"]["documents"] == 30
    # The order of the answers has no say.
    write(greenprint, "c.tokens", as_lines(guilty[30:]))
    both = audit(greenprint, "a.tokens", "c.tokens")
    other = audit(greenprint, "c.tokens", "a.tokens")
    assert both["tests"] == other["tests"] == found["tests"]


def test_tenants_differ(greenprint, key):
    tenant = Colours(Watermark(Key.from_bytes(KEY), tenant=7))
    write(greenprint, "a.tokens", as_lines(student(3, 0.4, tenant)))
    assert audit(greenprint, "--tenant", "7", "a.tokens", status=0)["tenant"] == "7"
    audit(greenprint, "a.tokens", status=1)


def test_alpha_decides(greenprint, key, guilty):
    write(greenprint, "a.tokens", as_lines(guilty[:10]))
    p = audit(greenprint, "a.tokens")["log10_p"]
    assert -30 < p < -1
    audit(greenprint, "--alpha", f"{10 ** (p + 0.1):.6e}", "a.tokens", status=0)
    audit(greenprint, "--alpha", f"{10 ** (p - 0.1):.6e}", "a.tokens", status=1)


def test_prompts_are_left_out(greenprint, key, colours):
    """An innocent model repeats its marked prompts: only with the prompts it is not accused."""
    prompts = student(4, 1.0, colours, length=40)
    answers = [prompt + own for prompt, own in zip(prompts, student(5, length=80), strict=True)]
    rows = [{"tokens": a, "chat": [{"ids": p}]} for a, p in zip(answers, prompts, strict=True)]
    write(greenprint, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    audit(greenprint, "a.jsonl", status=0)
    fair = audit(greenprint, "--prompts", "chat.0.ids", "a.jsonl", status=1)
    counts, left_out = occurrences(answers, prompts)
    assert fair["prompts"] == "chat.0.ids"
    assert fair["counts"]["in_prompt"] == left_out > 60 * 38
    assert fair["counts"]["pairs"] == len(counts)
    agrees(fair["tests"][0], dict.fromkeys(counts, 1), colours)


# A tokenizer of words w0 to w49, whose ids are 1 to 50.
WORDS = {
    "model": {
        "type": "Unigram",
        "unk_id": 0,
        "vocab": [["<unk>", 0.0]] + [[f"\u2581w{i}", -1.0] for i in range(50)],
    },
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {
        "type": "Metaspace",
        "replacement": "\u2581",
        "add_prefix_space": False,
    },
    "decoder": None,
    "post_processor": None,
}


def test_chats(greenprint, key):
    """The messages of a role are answers, each by itself; what others say does not count."""
    source = np.random.default_rng(8)
    said = source.integers(0, 50, (40, 4, 30)).tolist()
    names = ("user", "assistant", "user", "assistant")
    texts = [["".join(f" w{i}" for i in message) for message in chat] for chat in said]
    chats = [
        [{"role": name, "content": text} for name, text in zip(names, chat, strict=True)]
        for chat in texts
    ]
    chats.append([{"role": "user", "content": " w1"}])
    write(greenprint, "t.json", json.dumps(WORDS))
    for field in ("messages", "log"):
        rows = "".join(json.dumps({field: chat}) + "\n" for chat in chats)
        write(greenprint, f"{field}.jsonl", rows)
    write(
        greenprint, "ids.tokens", as_lines([i + 1 for i in one] for c in said for one in c[1::2])
    )
    for arguments in (("messages.jsonl",), ("--field", "log", "log.jsonl")):
        found = audit(greenprint, "-t", "t.json", "--role", "assistant", *arguments)
        assert (found["role"], found["counts"]["documents"]) == ("assistant", 80)
        plain = audit(greenprint, "ids.tokens")
        assert (found["tests"], found["counts"]) == (plain["tests"], plain["counts"])
        assert plain["role"] is None
    options = ("-k", "k.key", "--tenants", "0-9", "--json")
    traced = greenprint(
        "trace", *options, "-t", "t.json", "--role", "assistant", "messages.jsonl"
    )
    plain = greenprint("trace", *options, "ids.tokens")
    traced, plain = json.loads(traced.stdout), json.loads(plain.stdout)
    assert traced["role"] == "assistant" and traced["tenants"] == plain["tenants"]
    message = greenprint.fails(
        *("audit", "-k", "k.key", "-t", "t.json", "--role", "tool", "messages.jsonl")
    )
    assert message.endswith("the inputs hold none, or no message of that role")


def test_text_is_tokenized_like_its_prompt(greenprint, key):
    write(greenprint, "t.json", json.dumps(WORDS))
    text = " w1 w2 w3 w4 w5 w6"
    rows = [{"text": text, "q": " w2 w3"}, {"text": text, "q": [99, 98]}]
    write(greenprint, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    found = audit(greenprint, "-t", "t.json", "--prompts", "q", "a.jsonl", status=1)
    assert found["tokenizer"]["model"] == "unigram"
    counts = found["counts"]
    assert (counts["documents"], counts["positions"], counts["in_prompt"]) == (2, 8, 1)


# ------------------------------------------------------------------- reference


def test_reference(greenprint, key, guilty, colours):
    """The weights are occurrences minus expectations, and the test with them decides."""
    expected = {pair: 0.0 for pair in occurrences(guilty)[0]}
    documents = []
    for ids in guilty:
        positions = [{} for _ in ids]
        for i in range(2, len(ids)):
            positions[i] = {ids[i]: 0.25, (ids[i] + 1) % 400: 0.5}
            for token, probability in positions[i].items():
                pair = (tuple(ids[i - 2 : i]), token)
                expected[pair] = expected.get(pair, 0) + probability
        documents.append((ids, positions))
    counts, _ = occurrences(guilty)
    weights = {pair: counts[pair] - expected[pair] for pair in expected}
    write(greenprint, "a.tokens", as_lines(guilty))
    write(greenprint, "a.gpx", weights_file(documents, 1, b"a twin <b>"))
    found = audit(greenprint, "--reference", "a.gpx", "a.tokens")
    assert found["verdict_by"] == {"test": "reference", "contexts": "all"}
    assert (found["reference"], found["suspect"]) == ("a twin <b>", None)
    assert [test["test"] for test in found["tests"]] == ["distinct", "root", "reference"]
    agrees(found["tests"][2], weights, colours)
    assert found["counts"]["pairs_only_expected"] == len(expected) - len(counts)
    assert [i["role"] for i in found["inputs"]] == ["answers", "reference"]
    write(greenprint, "short.tokens", as_lines(guilty[:-1]))
    message = greenprint.fails("audit", "-k", "k.key", "--reference", "a.gpx", "short.tokens")
    assert message.startswith("greenprint audit: a.gpx: ")
    write(greenprint, "other.tokens", as_lines(guilty[::-1]))
    message = greenprint.fails("audit", "-k", "k.key", "--reference", "a.gpx", "other.tokens")
    assert "a.gpx" in message


# ---------------------------------------------------------------------- served


def test_served(greenprint, key, guilty, innocent, colours):
    """Over the contexts that were served alone, p is one over the e-value."""
    write(greenprint, "a.tokens", as_lines(guilty))
    write(greenprint, "log.tokens", as_lines(guilty[:20]))
    made = greenprint("contexts", "build", "-q", "-o", "served.gpc", "log.tokens")
    assert made.returncode == 0, made.stderr
    every = occurrences(guilty)[0]
    served = windows(guilty[:20]) & {context for context, _ in every}
    counts = {p: n for p, n in every.items() if p[0] in served}
    found = audit(greenprint, "--served", "served.gpc", "a.tokens", status=0)
    assert found["verdict_by"] == {"test": "root", "contexts": "served"}
    assert [(t["test"], t["contexts"]) for t in found["tests"]] == [
        ("distinct", "all"),
        ("root", "all"),
        ("distinct", "served"),
        ("root", "served"),
    ]
    assert found["served"] == {"contexts": len(served), "pairs": len(counts)}
    agrees(found["tests"][2], dict.fromkeys(counts, 1), colours)
    agrees(found["tests"][3], {pair: math.sqrt(n) for pair, n in counts.items()}, colours)
    for test in found["tests"]:
        is_served = test["contexts"] == "served"
        assert (test["controls"]["rank_p"] is None) == is_served
        assert (test["p_is"] == "e-value") == is_served
        if is_served:
            assert test["log10_p"] == min(0, -test["log10_e"])
    # The anytime p is about all that was asked, not about what the key had selected.
    assert found["anytime"] == audit(greenprint, "a.tokens")["anytime"]
    assert found["inputs"][1]["role"] == "served"
    assert found["inputs"][1]["contexts"] == len(windows(guilty[:20]))
    data = (greenprint.folder / "served.gpc").read_bytes()
    assert found["inputs"][1]["sha256"] == hashlib.sha256(data).hexdigest()
    write(greenprint, "b.tokens", as_lines(innocent))
    audit(greenprint, "--served", "served.gpc", "b.tokens", status=1)


def test_nothing_served_occurs(greenprint, key, innocent):
    write(greenprint, "a.tokens", as_lines(innocent[:3]))
    write(greenprint, "log.tokens", "100000 100001 100002\n")
    assert greenprint("contexts", "build", "-o", "s.gpc", "log.tokens").returncode == 0
    found = audit(greenprint, "--served", "s.gpc", "a.tokens", status=1)
    assert (found["log10_p"], found["served"]) == (0, {"contexts": 0, "pairs": 0})
    text = greenprint("audit", "-k", "k.key", "--served", "s.gpc", "a.tokens").stdout
    assert "Nothing was tested: no context that was served occurs." in text


def test_words_about_nothing(greenprint, key):
    """What was not tested is named, and so is why."""
    rows = [{"tokens": [1, 2, 3, 4], "p": [1, 2, 3, 4]}, {"tokens": [5, 6], "p": []}]
    write(greenprint, "all.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write(greenprint, "short.jsonl", json.dumps(rows[1]) + "\n")
    write(greenprint, "w.gpx", weights_file([([1, 2, 3], [{}, {}, {}])], 2, b"x"))
    for arguments, reason in (
        (
            ("--prompts", "p", "all.jsonl"),
            "--prompts left out all positions, as each context occurs in the prompt of its own "
            "answer. Does that field hold the prompt alone, without the answer?",
        ),
        (("--prompts", "p", "short.jsonl"), "no answer has more than 2 tokens."),
        (("--open", "w.gpx"), "the files hold no weight for any position."),
    ):
        result = greenprint("audit", "-k", "k.key", "--html", "a.html", *arguments)
        words = " ".join(result.stdout.split())
        assert (result.returncode, f"Nothing was tested: {reason}" in words) == (1, True), words
        assert "as they should" not in words
        assert "<svg" not in (greenprint.folder / "a.html").read_text()
    said = greenprint(
        *("trace", "-k", "k.key", "--tenants", "0-1", "--prompts", "p", "all.jsonl")
    ).stdout
    assert "Nothing was tested: --prompts left out all positions" in said


def test_one_of_each(greenprint, key):
    write(greenprint, "a.tokens", "1 2 3\n")
    text = greenprint("audit", "-k", "k.key", "--controls", "1", "--html", "a.html", "a.tokens")
    words = " ".join(text.stdout.split())
    for phrase in ("1 document, 3 tokens", "1 pair in 1 context", "1 control key that nobody"):
        assert f" {phrase} " in words, phrase
    assert "1 control key, made" in (greenprint.folder / "a.html").read_text()
    text = greenprint("trace", "-k", "k.key", "--tenants", "7-7", "a.tokens").stdout
    assert text.startswith(f"Not found: the mark of any of 1 tenant of key {key.id}.\n")


# ------------------------------------------------------------------------ open


def test_open(greenprint, key, innocent, colours):
    """A model that holds green tokens for likely, driven by text that has no mark."""
    weights = {}
    documents = []
    for ids in innocent[:20]:
        positions = [{} for _ in ids]
        for i in range(2, len(ids)):
            context = tuple(ids[i - 2 : i])
            green = colours(context)
            positions[i] = {t: 0.25 if green[t] else -0.125 for t in (ids[i], (ids[i] + 7) % 400)}
            for token, weight in positions[i].items():
                weights[context, token] = weights.get((context, token), 0) + weight
        documents.append((ids, positions))
    write(greenprint, "a.gpx", weights_file(documents[:9], 2, b"suspect - base"))
    write(greenprint, "b.gpx", weights_file(documents[9:], 2, b"suspect - base"))
    found = audit(greenprint, "--open", "a.gpx", "b.gpx", status=0)
    assert found["anytime"] is None
    assert (found["model"], found["suspect"]) == ("open", "suspect - base")
    assert found["verdict_by"] == {"test": "open-root", "contexts": "all"}
    assert [test["test"] for test in found["tests"]] == ["open", "open-root"]
    agrees(found["tests"][0], weights, colours)
    agrees(found["tests"][1], signed_roots(weights), colours)
    assert [(i["role"], i["documents"]) for i in found["inputs"]] == [
        ("weights", 9),
        ("weights", 11),
    ]
    text = greenprint("audit", "-k", "k.key", "--open", "a.gpx", "b.gpx").stdout
    assert text.startswith(
        f"Found: the mark of key {key.id} in what the model holds for likely.\n"
    )
    write(greenprint, "c.gpx", weights_file(documents[:1], 2, b"another"))
    message = greenprint.fails("audit", "-k", "k.key", "--open", "a.gpx", "c.gpx")
    assert message == (
        "greenprint audit: c.gpx: is of another model, 'another', than the files before it, "
        "'suspect - base'"
    )


# -------------------------------------------------------------------- controls


def test_controls_can_be_made_again(greenprint, key, guilty):
    write(greenprint, "a.tokens", as_lines(guilty[:20]))
    found = audit(greenprint, "a.tokens", controls=300)
    counts, _ = occurrences(guilty[:20])
    weights = {pair: math.sqrt(n) for pair, n in counts.items()}
    z = found["controls"]["z"]
    assert len(z) == len(found["controls"]["log10_p"]) == found["controls"]["keys"] == 300
    for index in (0, 1, 255, 256, 299):
        control = Colours(Watermark(students.control_key(key, index)))
        assert z[index] == pytest.approx(weighted_sum(weights, control)[1], rel=1e-6, abs=1e-6)
    told = found["tests"][1]["controls"]
    assert told["z_least"] == min(z) and told["z_greatest"] == max(z)
    assert told["z_median"] == pytest.approx(sum(sorted(z)[149:151]) / 2, abs=1e-12)
    above = sum(one >= found["tests"][1]["z"] for one in z)
    assert told["at_or_above"] == above
    assert told["rank_p"] == pytest.approx((1 + above) / 301, rel=1e-12)
    assert told["log10_p_least"] == min(found["controls"]["log10_p"])
    small = sum(p <= -7 * math.log10(2) for p in found["controls"]["log10_p"])
    assert told["small"] == small
    tail = 1 - math.fsum(
        math.comb(300, k) * (1 / 128) ** k * (127 / 128) ** (300 - k) for k in range(small)
    )
    assert told["log10_p_small"] == pytest.approx(math.log10(tail), abs=1e-9)
    assert found["controls"]["as_they_should_be"] is True
    # Fewer controls are the first of more.
    fewer = audit(greenprint, "a.tokens", controls=7)
    assert fewer["controls"]["z"] == z[:7]


def test_controls_that_are_found(greenprint, key):
    """Text that several control keys have marked: there the audit is not to be trusted."""
    controls = [Colours(Watermark(students.control_key(key, index))) for index in range(4)]
    answers = [x for i, one in enumerate(controls) for x in student(i, 0.6, one, documents=30)]
    write(greenprint, "a.tokens", as_lines(answers))
    found = audit(greenprint, "a.tokens", status=1)
    assert found["controls"]["as_they_should_be"] is False
    tests = {test["test"]: test["controls"] for test in found["tests"]}
    worst = min(tests, key=lambda name: tests[name]["log10_p_small"])
    assert tests[worst]["log10_p_small"] < -4
    warning = (
        "Something is wrong with this audit, and its verdict must not be relied on: in the test "
        f'"{worst}" over all contexts p is at most 1/128 for {tests[worst]["small"]} of 10 '
        "control keys, which nobody ever used. That is more than chance allows."
    )
    for brief in ((), ("-q",)):
        text = greenprint(
            *("audit", "-k", "k.key", "--controls", "10", "--html", "a.html", *brief, "a.tokens")
        ).stdout
        verdict, said = text.split("\n\n")[:2]
        assert verdict.startswith("Not found: ") and " ".join(said.split()) == warning
        assert "as they should" not in text
    page = (greenprint.folder / "a.html").read_text()
    assert warning.replace('"', "&quot;") in page


def test_no_controls(greenprint, key, guilty):
    write(greenprint, "a.tokens", as_lines(guilty))
    found = audit(greenprint, "a.tokens", controls=0, status=0)
    assert found["controls"] is None
    assert all(test["controls"] is None for test in found["tests"])
    result = greenprint("audit", "-k", "k.key", "--controls", "0", "--html", "a.html", "a.tokens")
    assert result.returncode == 0 and "No control keys were tried." in result.stdout
    assert "<svg" not in (greenprint.folder / "a.html").read_text()


# --------------------------------------------------------------------- reports


def test_same_bytes_again(greenprint, key, guilty):
    """Another process and another number of threads give the same report and page."""
    rows = [{"tokens": ids, "p": ids[:9]} for ids in guilty]
    write(greenprint, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write(greenprint, "log.tokens", as_lines(guilty[:20]))
    assert greenprint("contexts", "build", "-o", "s.gpc", "log.tokens").returncode == 0
    runs = []
    for jobs in ("1", "2", "2", "5"):
        run = greenprint(
            *("audit", "-k", "k.key", "--json", "--controls", "600", "--served", "s.gpc"),
            *("--prompts", "p", "-j", jobs, "--html", "page.html", "a.jsonl"),
        )
        assert run.returncode in (0, 1), run.stderr
        runs.append((run.stdout, (greenprint.folder / "page.html").read_bytes()))
    assert len(set(runs)) == 1


def test_text_report(greenprint, key, guilty, innocent):
    write(greenprint, "a.tokens", as_lines(guilty))
    write(greenprint, "b.tokens", as_lines(innocent))
    quiet = greenprint("audit", "-q", "-k", "k.key", "b.tokens")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (
        1,
        f"Not found: the mark of key {key.id} in the model's answers.\n",
        "",
    )
    found = greenprint("audit", "-k", "k.key", "a.tokens")
    absent = greenprint("audit", "-k", "k.key", "b.tokens")
    for text in (found.stdout, absent.stdout):
        assert max(map(len, text.splitlines())) <= 88
        words = " ".join(text.split())
        assert 'The verdict goes by the test "root" over all contexts' in words
        assert "It is assumed that the prompts did not depend on the key" in words
    assert "that is not proof of absence" in " ".join(absent.stdout.split()).lower()
    words = " ".join(found.stdout.split())
    assert "Either the model was trained, at least in part, on text marked under key" in words
    assert "Who trained the model" in words


class Page(html.parser.HTMLParser):
    """The text of a page, and what its elements are."""

    def __init__(self, source):
        super().__init__()
        self.elements = set()
        self.classes = set()
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.classes |= set((dict(attributes).get("class") or "").split())

    def handle_data(self, data):
        self.text += data


def test_page(greenprint, key, guilty):
    hostile = "<script>alert(1)</script>\u202e.tokens"
    write(greenprint, hostile, as_lines(guilty))
    result = greenprint("audit", "-k", "k.key", "--html", "a.html", "--", hostile)
    assert result.returncode == 0, result.stderr
    source = (greenprint.folder / "a.html").read_text()
    page = Page(source)
    assert "script" not in page.elements and "script-src" not in source
    assert "default-src 'none'" in source
    assert "<script>alert(1)</script>[U+202E].tokens" in page.text
    assert {"svg", "table"} <= page.elements and {"bar", "curve", "level"} <= page.classes
    for phrase in (key.id, "the key", "1000 control keys", "root, decides"):
        assert phrase in page.text
    digest = hashlib.sha256(as_lines(guilty).encode()).hexdigest()
    assert digest in page.text


# -------------------------------------------------------------------- refusals

ROW = '{"tokens": [1, 2, 3, 4], "p": [1, 2], "t": "text"}\n'


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("a.jsonl",), "name the key file with -k KEYFILE"),
        (("-k", "k.key", "-k", "k.key"), "option -k is given twice"),
        (("-k", "k.key", "--controls", "100001"), "--controls 100001 is not a number from 0 to"),
        (("-k", "k.key", "--controls", "-1"), "--controls -1 is not a number from 0 to"),
        (("-k", "k.key", "--alpha", "2"), "--alpha 2 is not a number between 0 and 1"),
        (("-k", "k.key", "--tenants", "0-9"), "unknown or ambiguous option --tenants"),
        (("-k", "k.key", "--prompts", "p"), "--prompts reads each file twice"),
        (("-k", "k.key", "--prompts", "p", "-"), "--prompts reads each file twice"),
        (("-k", "k.key", "-", "-"), "standard input can be read only once"),
        (
            ("-k", "k.key", "--prompts", "p", "--format", "tokens", "a.jsonl"),
            "--prompts is for JSON Lines",
        ),
        (("-k", "k.key", "--normalize", "a.jsonl"), "--normalize is for text"),
        (("-k", "k.key", "--open"), "--open: name the files of model weights"),
        (("-k", "k.key", "--open", "--prompts", "p", "w"), "--open reads files of model weights"),
        (("-k", "k.key", "--open", "--role", "user", "w"), "--open reads files of model weights"),
        (
            ("-k", "k.key", "--role", "assistant", "--prompts", "p", "a.jsonl"),
            "--prompts is for rows of one prompt and one answer, not for --role",
        ),
        (("-k", "k.key", "--open", "--reference", "x", "w"), "--open reads files of model"),
        (("-k", "k.key", "--open", "a.jsonl"), "a.jsonl: "),
        (("-k", "k.key", "--open", "lost.gpx"), "lost.gpx: "),
        (("-k", "k.key", "none.jsonl"), "none.jsonl: "),
        (("-k", "k.key", "--field", "t", "a.jsonl"), "a.jsonl:1: holds text"),
        (("-k", "k.key", "--field", "t", "-"), "standard input:1: holds text"),
        (("-k", "k.key", "--prompts", "t", "a.jsonl"), "a.jsonl:1: holds text"),
        (("-k", "k.key", "--prompts", "none", "a.jsonl"), "--prompts: a.jsonl:1: "),
        (("-k", "k.key", "--served", "none.gpc", "a.jsonl"), "none.gpc: "),
        (("-k", "k.key", "--served", "a.jsonl", "a.jsonl"), "a.jsonl: "),
        # The set is looked at before the answers are.
        (("-k", "k.key", "--served", "a.jsonl", "none.jsonl"), "a.jsonl: "),
        (("-k", "k.key", "--served", "w.gpc", "none.jsonl"), "w.gpc: "),
        (("-k", "k.key", "--reference", "a.jsonl", "a.jsonl"), "a.jsonl: "),
        (
            ("-k", "k.key", "none.jsonl", "none.gpx"),
            "none.gpx: a file of model weights, not of answers: --open takes it",
        ),
        (
            ("-k", "k.key", "reference.gpx"),
            "reference.gpx: what a reference model expected, not answers: --reference takes it",
        ),
        (("-k", "k.key", "--html", "", "a.jsonl"), "--html: the name is empty"),
        (("-k", "k.key", "--html", "-", "a.jsonl"), "--html -: the page goes to a file"),
        (("-k", "k.key", "--html", "a.jsonl", "a.jsonl"), "--html a.jsonl would replace a file"),
        (("-k", "k.key", "--html", "k.key", "a.jsonl"), "--html k.key would replace a file"),
        (("-k", "k.key", "--html", "no/a.html", "a.jsonl"), "--html no/a.html: cannot be"),
        (("-k", "k.key", "empty.tokens"), "empty.tokens: the file is empty"),
        (("-k", "k.key", "--open", "none.gpx"), "no document was read"),
        (("-k", "fixed.key", "--served", "w.gpc", "a.jsonl"), "--served: key "),
        (("-k", "k.key", "--served", "w.gpc", "a.jsonl"), "w.gpc: "),
    ],
)
def test_refusals(greenprint, key, arguments, message):
    write(greenprint, "a.jsonl", ROW)
    write(greenprint, "empty.tokens", "")
    write(greenprint, "none.gpx", weights_file([], 2, b""))
    write(greenprint, "reference.gpx", weights_file([], 1, b""))
    greenprint("keygen", "-o", "fixed.key", "--unsealed", "--seeding", "fixed")
    write(greenprint, "log.tokens", "1 2 3 4 5\n")
    made = greenprint("contexts", "build", "--context-width", "3", "-o", "w.gpc", "log.tokens")
    assert made.returncode == 0, made.stderr
    said = greenprint.fails("audit", *arguments, input=ROW.encode())
    assert said.startswith(f"greenprint audit: {message}"), said
    assert (greenprint.folder / "a.jsonl").read_text() == ROW


@pytest.mark.parametrize("command", ["audit", "verify"])
def test_page_in_the_place_of_a_redirected_file(greenprint, key, command):
    write(greenprint, "in.tokens", "1 2 3 4\n")
    arguments = (command, "-k", "k.key", "--html", "in.tokens")
    for files in ((), ("-",)):
        with open(greenprint.folder / "in.tokens", "rb") as file:
            said = greenprint.fails(*arguments, *files, stdin=file)
        assert said == (
            f"greenprint {command}: --html in.tokens would replace a file that is no page: "
            "choose another name"
        )
    write(greenprint, "b.tokens", "1 2 3 4\n")
    with open(greenprint.folder / "in.tokens", "ab") as file:
        result = greenprint(*arguments, "b.tokens", stdout=file)
    assert result.returncode == 2
    assert "--html in.tokens: standard output goes to that file" in result.stderr
    assert (greenprint.folder / "in.tokens").read_text() == "1 2 3 4\n"


def test_bad_rows(greenprint, key):
    write(greenprint, "a.jsonl", ROW + '{"tokens": [1, 2, 3]}\n' + ROW)
    said = greenprint.fails("audit", "-k", "k.key", "--prompts", "p", "a.jsonl")
    assert said.startswith("greenprint audit: --prompts: a.jsonl:2: ")
    write(greenprint, "b.jsonl", ROW + '{"tokens": "x", "p": [1]}\n' + ROW)
    said = greenprint.fails("audit", "-k", "k.key", "--prompts", "p", "b.jsonl")
    assert "b.jsonl:2: " in said
