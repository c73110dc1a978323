"""The page of the experiment: what it says of made-up students."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import distillation_page
import findings
import numpy as np
import pytest
import verdicts
from scipy.stats import norm

SEED = 7
STATISTICS = (
    "closed distinct",
    "closed root",
    "closed base served",
    "open top token",
    "open base",
)
PLAIN = {"start": "base", "replaced": 0.0, "temperature": 1.0, "marked_prompts": False}


def log10_tail(z) -> np.ndarray:
    return norm.logsf(z) / np.log(10)


def write(
    folder: Path, name: str, z: float, *, share: float = 1.0, shift: float = 0, **job
) -> dict:
    """Write a student whose published z are `z` and ours three times that."""
    random = np.random.default_rng([SEED, *name.encode()])
    found = {}
    for statistic in STATISTICS:
        controls = random.normal(shift, 1, 200)
        own = z if statistic in findings.PUBLISHED else 3 * z
        found[statistic] = {
            "coins": 900,
            "z": own,
            "log10_p": float(log10_tail(own)),
            "controls_z": controls.tolist(),
            "controls_log10_p": log10_tail(controls).tolist(),
            "along": [{"tokens": 100, "log10_p": -1.0}, {"tokens": 900, "log10_p": -2.0}],
        }
    job = {"mark": "h1", "delta": 2.0, "share": share, "seed": 1, **PLAIN, **job}
    row = {
        "job": job,
        "tokens": 1000,
        "marked_tokens": int(1000 * share),
        "answers_tokens": 900,
        "perplexity": 50.0,
        "seconds": {"training": 1800.0, "audit": 1800.0},
        "threads": 1,
        "found": found,
        "one more": "is passed over",
    }
    (folder / "words").mkdir(parents=True, exist_ok=True)
    (folder / "words" / f"{name}.json").write_text(json.dumps(row))
    return row


@pytest.fixture
def folder(tmp_path):
    for share, z in ((0.0, 0.1), (0.05, 2.5), (0.5, 4.0), (1.0, 9.0)):
        write(tmp_path, f"share{share:g}", z, share=share)
    write(tmp_path, "replaced", 3.0, replaced=0.3)
    write(tmp_path, "h2", 2.2, mark="h2")
    write(tmp_path, "teacher", 3.0, start="teacher")
    return tmp_path


def test_goals_are_met_or_not(folder):
    def met():
        return {goal.what: goal.met for goal in verdicts.goals({"words": findings.read(folder)})}

    assert all(met().values())
    assert len(met()) == 8
    write(folder, "weak", 2.0, seed=2)  # published tests of 0.02
    write(folder, "low", 1.0, share=0.05, seed=2)
    write(folder, "accused", 2.0, share=0.0, seed=2)
    failed = {what for what, good in met().items() if not good}
    assert failed == {
        "100 % marked: every test",
        "5 % marked: open",
        "5 % marked: closed, with filter",
        "students without marked text",
    }


def test_the_best_of_several_statistics_pays_for_the_choice(folder):
    students = findings.plain(findings.read(folder), share=0.05)
    assert verdicts._best(students[0], ["open base"]) == pytest.approx(log10_tail(7.5))
    both = verdicts._best(students[0], ["open base", "closed distinct"])
    assert both == pytest.approx(log10_tail(7.5) + np.log10(2))


def test_ours_is_held_against_twice_the_published_one(folder):
    path = folder / "words" / "share0.5.json"
    row = json.loads(path.read_text())
    row["found"]["open base"]["z"] = 1.9 * row["found"]["open top token"]["z"]
    path.write_text(json.dumps(row))
    goals = verdicts.ratio_goals(findings.read(folder), "words")
    assert {goal.what: goal.met for goal in goals} == {
        "z beside closed: distinct*": True,
        "z beside open: top token*": False,
    }
    assert "5 of 6 students; median 3.00 times, the least 1.90" in goals[1].found


@pytest.mark.parametrize(("shift", "passed"), [(0, True), (-3, True), (0.6, False)])
def test_controls_may_be_large_but_not_small(tmp_path, shift, passed):
    write(tmp_path, "one", 1.0, shift=shift)
    students = findings.read(tmp_path)
    every = [verdicts.controls(students, name) for name in STATISTICS]
    tails, _ = verdicts.corrected(every)
    assert tails.tried == 4 * len(STATISTICS)
    assert tails.passed is passed


def test_one_control_far_out_is_seen_beside_all_others(tmp_path):
    row = write(tmp_path, "one", 1.0)
    path = tmp_path / "words" / "one.json"
    for log10_p, passed in ((-6, True), (-7, False)):
        row["found"]["open base"]["controls_log10_p"][3] = log10_p
        path.write_text(json.dumps(row))
        every = [verdicts.controls(findings.read(tmp_path), name) for name in STATISTICS]
        tails, least = verdicts.corrected(every)
        assert least.tried == 1000
        assert least.p == pytest.approx(1000 * 10.0**log10_p)
        assert (tails.passed, least.passed) == (True, passed)


def test_a_student_audited_again_counts_once(folder):
    before = findings.read(folder)
    row = write(folder, "again", 9.0, by_teacher=True)
    row["found"]["open teacher"] = row["found"]["open base"]
    (folder / "words" / "again.json").write_text(json.dumps(row))
    students = findings.read(folder)
    assert len(students) == len(before)
    (full,) = findings.plain(students, mark="h1", share=1.0)
    assert "open teacher" in full.found
    assert sum(full.seconds.values()) == 7200


def test_statistics_stand_in_order_and_new_ones_last():
    every = ["open new", "open base root", "open", "open base served", "open base", "closed root"]
    row = {
        "coins": 1,
        "z": 0,
        "log10_p": 0,
        "controls_z": [],
        "controls_log10_p": [],
        "along": [],
    }
    found = {name: findings.Found.of(row) for name in every}
    student = findings.Student("words", {}, 1, 1, 1, 1.0, {}, 1, found)
    assert findings.names([student]) == [
        *("closed root", "open", "open base", "open base served", "open base root", "open new")
    ]
    captions = {findings.full_name(name) for name in every}
    assert captions >= {"open: new", "open: whole", "open: minus base, root", "closed: root"}
    assert findings.full_name("open top token") == "open: top token*"


def test_the_page_has_what_was_measured_and_nothing_else(folder):
    students = findings.read(folder)
    text = distillation_page.page(students, folder, drawn=["marks-words"])
    for title in ("What was done", "Words of", "Which mark carries best: words", "Keys that"):
        assert f"\n## {title}" in text
    assert "\n### What a defendant would ask" in text
    assert "\n### Students that began as the teacher" in text
    assert "100 % h1, 30 % of words replaced" in text
    assert "Answers of" not in text
    assert re.findall(r"\((distillation/.*)\)", text) == ["distillation/marks-words.png"]
    assert re.search(r"\b(nan|inf)\b", text) is None
    assert "7 students (7 of words)" in text
    assert "3.50 h | 3.50 h | 7.00 h" in text
    some = findings.plain(students, share=0.0)
    text = distillation_page.page(some, folder, drawn=[])
    assert "defendant" not in text
    assert "Which mark" not in text


def test_every_picture_is_drawn(folder, tmp_path):
    pytest.importorskip("matplotlib")
    drawn = distillation_page.draw(findings.read(folder), tmp_path / "images")
    names = ("by-tokens", "along", "controls-z", "controls-p", "marks")
    assert sorted(drawn) == sorted(f"{name}-words" for name in names)
    assert {path.stem for path in (tmp_path / "images").iterdir()} == set(drawn)


def test_a_file_of_another_form_is_named(tmp_path, monkeypatch):
    row = write(tmp_path, "old", 1.0)
    del row["perplexity"]
    (tmp_path / "words" / "old.json").write_text(json.dumps(row))
    with pytest.raises(
        SystemExit, match=r"old.json: not as experiment.py writes it now.*perplex"
    ):
        findings.read(tmp_path)
    monkeypatch.setattr("sys.argv", ["report.py", "--folder", str(tmp_path / "none")])
    with pytest.raises(SystemExit, match="no student is there: run experiment.py"):
        runpy.run_path(str(Path(__file__).with_name("report.py")), run_name="__main__")
