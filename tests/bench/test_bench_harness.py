"""The programs that measure: that they run and say what they should. No time is judged."""

import json
import math
import os
import re
import subprocess
from pathlib import Path

import bench_page
import bench_results
import corpora
import instructions
import performance
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("GREENPRINT_BIN", ROOT / "build" / "greenprint")).resolve().parent
HARNESS = BUILD / "bench_greenprint"
SIDES = (
    "gp_bias",
    "Watermark.bias",
    "GreenprintLogitsProcessor",
    "transformers left hash",
    "transformers SynthID",
    "sbw left hash",
    "sbw compiled",
    "torch Philox",
)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [HARNESS, *arguments],
        env=dict(os.environ, **environment),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def core(tmp_path_factory) -> dict:
    if not HARNESS.exists():
        pytest.skip(f"{HARNESS} was not built")
    path = tmp_path_factory.mktemp("bench") / "core.json"
    done = run("--quick", "--json", str(path))
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text())


def test_each_group_has_results_that_are_whole(core):
    groups = {case["group"] for case in core["results"]}
    assert groups >= {"row", "batch", "threads", "score", "table", "trace", "provable", "proof"}
    assert "tail" in groups
    for case in core["results"]:
        if "value" in case:
            assert case["value"] > 0
            continue
        assert case["rounds"] >= 2
        assert 0 < case["ratio_p10"] <= case["ratio"] <= case["ratio_p90"] < math.inf
        assert 0 < case["seconds_least"] <= case["seconds"]
        assert 0 < case["against_seconds_least"] <= case["against_seconds"]
        assert case["all"]["ratio"] > 0
        assert ("quiet_rounds" in case) == (case.get("threads", 1) == 1)


def test_the_machine_and_the_compiler_are_named(core):
    machine = core["machine"]
    assert machine["openssl"].startswith("OpenSSL 3")
    assert machine["compiler"].split()[0] in ("gcc", "clang")
    assert machine["cores"] >= 1
    assert core["quick"] is True


def test_the_environment_chooses_the_instruction_set(core, tmp_path):
    path = tmp_path / "core.json"
    arguments = ("--quick", "--only", "row", "--json", str(path))
    assert run(*arguments, GREENPRINT_CPU="portable").returncode == 0
    found = json.loads(path.read_text())
    assert found["cpu"] == "portable"
    assert {case["group"] for case in found["results"]} == {"row"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "nothing"), "no group of that name"),
        (("--core", "9999"), "may not run on that one"),
        (("--core", "1x"), "'1x' is not the number of a core"),
        (("--core", "-1"), "'-1' is not the number of a core"),
        (("--seconds", "soon"), "'soon' is not a number from"),
        (("--seconds", "-1"), "'-1' is not a number from"),
        (("--seconds", "nan"), "'nan' is not a number from"),
        (("--patience", "0.5"), "'0.5' is not a number from"),
        (("--json", "/absent/results.json"), "No such file or directory"),
        (("operand",), "usage"),
    ],
)
def test_what_it_does_not_know_is_refused_first(core, arguments, said):
    done = run("--quick", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def a_run(core: dict, our_seconds: float) -> bench_results.Results:
    """A run with made-up times from Python, others taking 10 ms."""
    sides = {
        (bench_results.MAIN_VOCABULARY, name): [our_seconds if i < 3 else 0.01] * 2
        for i, name in enumerate(SIDES)
    }
    corpora = [
        {"group": "tenants", "gamma": "1/2", "tenants": 24000, "seconds": 11.0}
        | {"least": 10.0, "most": 12.0},
        {"group": "files", "name": "zcat x | wc", "seconds": 1.0, "tokens": 1e7, "note": ""},
        {"group": "detectors", "name": "transformers W", "seconds": 1e-4, "ours": 1e-8},
    ]
    parts = {"processor": 9.0, "c": 4.0, "more": 4.9, "empty": 0.5}
    cases = [{"rows": rows, "vocabulary": 1} | parts for rows in (1, 8, 64)]
    overhead = {"steps": 7, "cases": [*cases, {"rows": 1, "vocabulary": 9} | parts]}
    recorded = json.loads(instructions.RECORDED.read_text())
    nonces = [
        {"context_width": h, "documents": 7, "positions": 999, "hits": 91.25, "us": 3.5}
        | {"hits_again": 100.0, "us_again": 0.0625}
        for h in (1, 2, 4)
    ]
    serve = dict.fromkeys(
        ("threads", "processes", "elements_per_request", "seconds", "elements_per_second")
        + ("of_two_multiplications", "server_us_per_element", "multiplication_us")
        + ("resident_last_mib", "errors"),
        2,
    )
    provable = {"nonces": nonces, "serve": serve}
    return bench_results.Results(
        core, {}, sides, overhead, corpora, provable, recorded, {"Python": "3"}
    )


def test_goals_are_met_or_not(core):
    def met(seconds):
        goals = bench_results.goals(a_run(core, seconds))
        return {goal.against: goal.met for goal in goals if goal.at_least}

    assert all(met(0.01 / 100).values())
    slower = met(0.01 / 30)
    assert sum(slower.values()) == 3  # 20 times and the detector, but neither 50 nor 100
    tenants = [g for g in bench_results.goals(a_run(core, 1)) if "tenants over" in g.work]
    assert [goal.met for goal in tenants] == [False]


def a_case(ratio: float, of_all: float, vocabulary: int, quiet: int = 25) -> dict:
    """A comparison of 100 rounds."""
    return {
        "ratio": ratio,
        "vocabulary": vocabulary,
        "all": {"ratio": of_all},
        "rounds": 100,
        "quiet_rounds": quiet,
        "shown": "quiet" if quiet else "all",
    }


def test_a_ratio_above_its_limit_is_no_goal_met():
    cases = [a_case(1.2, 1.6, 5), a_case(1.3, 1.5, 7)]
    goal = bench_results.ratio_goal("work", "that", 1.25, cases)
    assert (goal.met, goal.found, goal.where) == (False, 1.3, "vocabulary 7")
    assert (goal.found_all, goal.share, goal.quiet) == (1.6, 0.25, True)
    assert bench_results.ratio_goal("work", "that", 1.31, cases).met


def test_without_quiet_rounds_all_are_shown_and_named(core):
    case = a_case(1.5, 1.5, 7, quiet=0)
    goal = bench_results.ratio_goal("work", "that", 1.6, [case])
    assert (goal.met, goal.share, goal.quiet) == (True, 0.0, False)
    assert "0%, all shown" in bench_page.goals_table([goal])
    loud = json.loads(json.dumps(core))
    for one in loud["results"]:
        if "quiet_rounds" in one:
            one |= {"quiet_rounds": 0, "shown": "all"} | one["all"]
        if one.get("vocabulary"):
            one["vocabulary"] = bench_results.MAIN_VOCABULARY
    text = " ".join(bench_page.page(a_run(loud, 1e-5)).split())
    assert "In this run 0 of" in text
    assert "0% of all their rounds were quiet" in text


def test_the_page_has_all_sections(core):
    # A quick run has the smallest vocabulary only; the page shows another one by itself.
    for case in core["results"]:
        if case.get("vocabulary"):
            case["vocabulary"] = bench_results.MAIN_VOCABULARY
    text = bench_page.page(a_run(core, 1e-5))
    for title in (
        "Marking",
        "Scoring",
        "Tracing",
        "Provable keys",
        "From Python",
        "Corpora",
        "Instructions",
    ):
        assert f"\n## {title}" in text
    assert "zcat x \\| wc" in text
    assert re.search(r"\b(nan|inf)\b", text) is None


def test_what_was_not_built_is_named(monkeypatch, tmp_path, capsys):
    absent = tmp_path / "absent"
    monkeypatch.setattr(corpora, "BINARY", absent)
    monkeypatch.setattr(performance, "HARNESS", absent)
    for check in (corpora.need_binary, performance.need_binaries):
        with pytest.raises(SystemExit, match=f"{absent} is absent: run `make`"):
            check()
    monkeypatch.setattr(instructions.shutil, "which", lambda name: name)
    monkeypatch.setattr("sys.argv", ["instructions.py", "--build", str(tmp_path)])
    assert instructions.main() == 2
    assert "bench_instructions is absent: run `make`" in capsys.readouterr().err


PROFILE = """# callgrind format
positions: line
events: Ir

ob=/somewhere/bench_instructions
fl=???
fn=hot
12 100
cob=/lib/libcrypto.so.3
cfn=AES
calls=3 0
13 9000
14 7

ob=/lib/libcrypto.so.3
fn=AES
0 9000

ob=/lib/libc.so.6
fn=memcpy
0 50
"""


def test_instructions_count_once_and_where_they_ran(tmp_path):
    path = tmp_path / "callgrind"
    path.write_text(PROFILE)
    assert instructions.read_profile(path) == {
        "greenprint": 107,
        "libcrypto": 9000,
        "other": 50,
    }


@pytest.mark.parametrize(
    ("own", "openssl", "same", "verdict"),
    [
        (10.4, 10.0, True, False),
        (10.6, 10.0, True, True),
        (10.0, 11.5, True, True),
        (10.0, 11.5, False, False),  # another OpenSSL's affair
        (5.0, 10.0, True, False),
    ],
)
def test_more_instructions_than_the_tolerance_are_worse(own, openssl, same, verdict):
    before = {"greenprint": 10.0, "libcrypto": 10.0, "other": 0.0}
    now = {"greenprint": own, "libcrypto": openssl, "other": 0.0}
    assert instructions.worse(now, before, same) is verdict


def test_philox_gives_its_known_answers():
    torch = pytest.importorskip("torch")
    from philox import philox4x32

    # From the known answers that come with Random123.
    known = {
        0: (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        0xFFFFFFFF: (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    }
    for word, answer in known.items():
        counter = (torch.tensor([word]),) * 4
        assert tuple(int(x) for x in philox4x32(counter, (word, word))) == answer
