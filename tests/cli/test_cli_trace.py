"""greenprint trace: whose marked text a model was trained on."""

import hashlib
import json
import math

import pytest
import students
from students import Colours, as_lines, occurrences, student, weighted_sum, windows

from greenprint import Key, Watermark

KEY = bytes(range(32))
TENANTS = 200


@pytest.fixture(scope="module")
def colours():
    """Those of tenants 17 and 40 of the key in k.key."""
    return {one: Colours(Watermark(Key.from_bytes(KEY), tenant=one)) for one in (17, 40)}


@pytest.fixture(scope="module")
def guilty(colours):
    """Answers of a student that learned from two tenants' text, more from the first."""
    return student(1, 0.5, colours[17], documents=40) + student(2, 0.4, colours[40], documents=30)


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


def trace(command, *arguments, status=None, **options):
    """Run trace --json and return its report; the status is that of the verdict."""
    result = command("trace", "-k", "k.key", "--json", *arguments, **options)
    assert result.returncode in (0, 1), result.stderr
    assert status is None or result.returncode == status
    found = json.loads(result.stdout)
    assert result.returncode == (0 if found["verdict"] == "found" else 1)
    assert (found["verdict"] == "found") == (found["tenants_found"] > 0)
    return found


def serve(command, tenant, answers):
    """Write DIR/ID.gpc for what a tenant was served."""
    write(command, "log.tokens", as_lines(answers))
    (command.folder / "served").mkdir(exist_ok=True)
    made = command("contexts", "build", "-q", "-o", f"served/{tenant}.gpc", "log.tokens")
    assert made.returncode == 0, made.stderr


def test_tenants_are_found(greenprint, key, guilty, colours):
    write(greenprint, "a.tokens", as_lines(guilty))
    found = trace(greenprint, "--tenants", f"0-{TENANTS - 1}", "a.tokens", status=0)
    listed = found["tenants"]
    assert [one["tenant"] for one in listed[:2]] == ["17", "40"]
    assert [one["found"] for one in listed] == [True] * 2 + [False] * 10
    assert (found["tenants_tried"], found["tenants_found"]) == (TENANTS, 2)
    assert found["verdict_by"] == {"test": "root", "contexts": "all"}
    ids = "".join(f"{i}\n" for i in range(TENANTS)).encode()
    assert found["tenants_sha256"] == hashlib.sha256(ids).hexdigest()
    counts, _ = occurrences(guilty)
    roots = {pair: math.sqrt(n) for pair, n in counts.items()}
    colours = dict(colours)
    for one in listed:
        tenant = int(one["tenant"])
        colours.setdefault(tenant, Colours(Watermark(key, tenant=tenant)))
        for test, weights in (("root", roots), ("distinct", dict.fromkeys(counts, 1))):
            total, z, coins, green = weighted_sum(weights, colours[tenant])
            assert (one[test]["pairs"], one[test]["green"]) == (coins, green)
            assert one[test]["statistic"] == pytest.approx(total, rel=1e-6, abs=1e-4)
            assert one[test]["z"] == pytest.approx(z, rel=1e-6, abs=1e-6)
    # Holm: the i-th smallest p times the number of those not smaller, never decreasing.
    holm = -math.inf
    for i, one in enumerate(listed):
        holm = max(holm, min(0, one["root"]["log10_p"] + math.log10(TENANTS - i)))
        assert one["log10_p_holm"] == pytest.approx(holm, abs=1e-9)
        assert one["found"] == (one["log10_p_holm"] <= -6)
    order = [one["root"]["log10_p"] for one in listed]
    assert order == sorted(order)
    assert found["inputs"][0]["sha256"] == hashlib.sha256(as_lines(guilty).encode()).hexdigest()


def test_innocent(greenprint, key):
    write(greenprint, "a.tokens", as_lines(student(3)))
    found = trace(greenprint, "--tenants", f"0-{TENANTS - 1}", "a.tokens", status=1)
    assert found["tenants_found"] == 0 and len(found["tenants"]) == 10
    quiet = greenprint("trace", "-q", "-k", "k.key", "--tenants", "0-99", "a.tokens")
    assert (quiet.returncode, quiet.stdout) == (
        1,
        f"Not found: the mark of any of 100 tenants of key {key.id}.\n",
    )


def test_list_in_a_file(greenprint, key, guilty):
    write(greenprint, "a.tokens", as_lines(guilty))
    write(greenprint, "some", "99\n17\n18446744073709551615\n")
    found = trace(greenprint, "--tenants", "some", "a.tokens", status=0)
    assert found["tenants_tried"] == 3
    assert sorted(one["tenant"] for one in found["tenants"]) == [
        "17",
        "18446744073709551615",
        "99",
    ]
    ids = b"17\n99\n18446744073709551615\n"
    assert found["tenants_sha256"] == hashlib.sha256(ids).hexdigest()


def test_prompts_are_left_out(greenprint, key, colours):
    prompts = student(4, 1.0, colours[17], length=40)
    answers = [prompt + own for prompt, own in zip(prompts, student(5, length=80), strict=True)]
    rows = [{"tokens": a, "p": p} for a, p in zip(answers, prompts, strict=True)]
    write(greenprint, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    trace(greenprint, "--tenants", "0-20", "a.jsonl", status=0)
    fair = trace(greenprint, "--tenants", "0-20", "--prompts", "p", "a.jsonl", status=1)
    assert fair["counts"]["in_prompt"] == occurrences(answers, prompts)[1]


def test_served_by(greenprint, key, guilty, colours):
    """Each tenant over its own contexts alone, with the p of an e-value."""
    write(greenprint, "a.tokens", as_lines(guilty))
    logs = {17: guilty[:15], 40: guilty[40:55], 3: guilty[5:9]}
    for tenant, answers in logs.items():
        serve(greenprint, tenant, answers)
    write(greenprint, "who", "3\n17\n40\n")
    found = trace(greenprint, "--tenants", "who", "--served-by", "served", "a.tokens", status=0)
    assert found["verdict_by"] == {"test": "root", "contexts": "served"}
    assert {one["tenant"] for one in found["tenants"] if one["found"]} == {"17", "40"}
    counts, _ = occurrences(guilty)
    for one in found["tenants"]:
        tenant = int(one["tenant"])
        served = windows(logs[tenant]) & {context for context, _ in counts}
        roots = {pair: math.sqrt(n) for pair, n in counts.items() if pair[0] in served}
        mine = colours.get(tenant) or Colours(Watermark(key, tenant=tenant))
        assert one["served_contexts"] == len(served)
        assert one["root"]["z"] == pytest.approx(weighted_sum(roots, mine)[1], rel=1e-6)
        assert one["root"]["log10_p"] == min(0, -one["root"]["log10_e"])
    assert [one["name"] for one in found["inputs"]] == [
        "a.tokens",
        "served/3.gpc",
        "served/17.gpc",
        "served/40.gpc",
    ]
    for one in found["inputs"][1:]:
        data = (greenprint.folder / one["name"]).read_bytes()
        assert (one["role"], one["sha256"]) == ("served", hashlib.sha256(data).hexdigest())
    said = greenprint.fails(
        *("trace", "-k", "k.key", "--tenants", "3-4", "--served-by", "served", "a.tokens")
    )
    assert said.startswith("greenprint trace: --served-by: tenant 4 has no served/4.gpc: ")


def test_same_bytes_again(greenprint, key, guilty):
    write(greenprint, "a.tokens", as_lines(guilty))
    for tenant in (17, 3):
        serve(greenprint, tenant, guilty[:15])
    write(greenprint, "who", "3\n17\n")
    for options in (("--tenants", "0-499"), ("--tenants", "who", "--served-by", "served")):
        runs = set()
        for jobs in ("1", "2", "2", "3"):
            run = greenprint(
                *("trace", "-k", "k.key", "--json", "-j", jobs, "--html", "page.html"),
                *(*options, "a.tokens"),
            )
            assert run.returncode == 0, run.stderr
            runs.add((run.stdout, (greenprint.folder / "page.html").read_bytes()))
        assert len(runs) == 1


def test_text_and_page(greenprint, key, guilty):
    write(greenprint, "a.tokens", as_lines(guilty))
    result = greenprint(
        "trace", "-k", "k.key", "--tenants", "0-99", "--html", "a.html", "a.tokens"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"Found: the mark of 2 of 100 tenants of key {key.id}.\n")
    assert max(map(len, result.stdout.splitlines())) <= 88
    words = " ".join(result.stdout.split())
    assert "corrected for the number of tenants, 100 (Holm)" in words
    page = (greenprint.folder / "a.html").read_text()
    assert "17, found" in page and "40, found" in page and "<svg" in page
    assert "<script" not in page and "100 tried" in page


ROW = '{"tokens": [1, 2, 3, 4]}\n'


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("-k", "k.key", "a.jsonl"), "name the tenants with --tenants RANGE or --tenants FILE"),
        (("--tenants", "0-9", "a.jsonl"), "name the key file with -k KEYFILE"),
        (("-k", "k.key", "--tenants", "9-0", "a.jsonl"), "--tenants 9-0: the range ends before"),
        (("-k", "k.key", "--tenants", "none", "a.jsonl"), "--tenants none is neither a range"),
        (("-k", "k.key", "--tenants", "0-9", "--tenant", "1"), "option --tenant is given twice"),
        (
            ("-k", "k.key", "--tenants", "0-9", "--open", "w"),
            "unknown or ambiguous option --open",
        ),
        (("-k", "k.key", "--tenants", "0-9", "--prompts", "p"), "--prompts reads each file"),
        (("-k", "k.key", "--tenants", "0-9", "none.jsonl"), "none.jsonl: "),
        (
            ("-k", "k.key", "--tenants", "5", "a.jsonl"),
            "--tenants 5 is neither a range nor a file: for this tenant alone write "
            "--tenants 5-5",
        ),
        (("-k", "k.key", "--tenants", "0-9", "--served-by", "no"), "--served-by no is no folder"),
        (("-k", "k.key", "--tenants", "0-9", "--served-by", "ids"), "--served-by ids is no fol"),
        (("-k", "k.key", "--tenants", "5-6", "--served-by", "bad"), "--served-by: tenant 6 has"),
        (
            ("-k", "k.key", "--tenants", "0-9", "w.gpx"),
            "w.gpx: a file of model weights, not of answers: it is for greenprint audit --open",
        ),
        (
            ("-k", "k.key", "--tenants", "5-5", "--served-by", "bad", "a.jsonl"),
            "bad/5.gpc: ",
        ),
        (
            ("-k", "k.key", "--tenants", "5-5", "--served-by", "bad", "--html", "bad/5.gpc"),
            "--html bad/5.gpc would replace a file",
        ),
        (("-k", "k.key", "--tenants", "ids", "--html", "ids", "a.jsonl"), "--html ids would rep"),
        (
            ("-k", "min.key", "--tenants", "5-5", "--served-by", "bad", "a.jsonl"),
            "--served-by: k",
        ),
    ],
)
def test_refusals(greenprint, key, arguments, message):
    write(greenprint, "a.jsonl", ROW)
    write(greenprint, "bad/5.gpc", "no contexts\n")
    write(greenprint, "ids", "1\n2\n")
    write(greenprint, "w.gpx", students.weights_file([], 2, b""))
    greenprint("keygen", "-o", "min.key", "--unsealed", "--seeding", "min")
    said = greenprint.fails("trace", *arguments, input=ROW.encode())
    assert said.startswith(f"greenprint trace: {message}"), said
    assert (greenprint.folder / "ids").read_text() == "1\n2\n"


def test_students_differ_from_controls(key):
    """What the tests' own arithmetic gives for a key that nobody used: no evidence."""
    counts, _ = occurrences(student(6))
    control = Colours(Watermark(students.control_key(key, 0)))
    assert abs(weighted_sum(dict.fromkeys(counts, 1), control)[1]) < 5
