"""What is said of the trials, and when all is well."""

import json
from pathlib import Path

from mutation.explained import Explanation
from mutation.mutants import Mutant
from mutation.report import Result, Tried, table, write
from mutation.trial import Outcome, Verdict

MUTANT = Mutant("services/a.py", "f", 0, 2, "x = 1", "x = 2", (2, 2))
REASON = Explanation("services/a.py", "f", "x = 1", "x = 2", "timing", "nobody waits for it")
KILLED = Tried(MUTANT, Verdict(Outcome.KILLED, "suites/critical/a.robot", "T", "no"))
HUNG = Tried(MUTANT, Verdict(Outcome.HUNG, "suites/critical/a.robot", "T"))
SURVIVED = Tried(MUTANT, Verdict(Outcome.SURVIVED, ran=("a", "b"), left=("c",)))
UNJUDGED = Tried(MUTANT, Verdict(Outcome.NOT_JUDGED, test="T", ran=("a",)))
EXPLAINED = Tried(MUTANT, Verdict(Outcome.EXPLAINED), REASON)


def result(*tried: Tried) -> Result:
    return Result(tried, "1", 75.0)


def test_enough_killed_and_the_rest_explained_is_well() -> None:
    assert result(KILLED, KILLED, HUNG, EXPLAINED).well


def test_one_survivor_without_a_reason_is_not_well() -> None:
    assert not result(KILLED, KILLED, KILLED, KILLED, SURVIVED).well


def test_what_could_not_be_judged_is_neither_killed_nor_survived() -> None:
    assert result(KILLED, KILLED, UNJUDGED, EXPLAINED).exit_code == 3
    assert result(KILLED, KILLED, UNJUDGED, SURVIVED).exit_code == 1
    assert result(UNJUDGED, EXPLAINED).exit_code == 1, "too few can be killed"
    assert "not judged: 1" in "\n".join(table(result(KILLED, UNJUDGED)))


def test_what_is_explained_does_not_count_as_killed() -> None:
    assert result(KILLED, EXPLAINED).percent == 50.0
    assert not result(KILLED, EXPLAINED).well


def test_what_is_red_without_a_mutant_is_named_and_is_not_well() -> None:
    red = Result((KILLED,), "1", 75.0, ("suites/critical/a.robot: U",))
    assert not red.well
    assert "not green without a mutant, so not asked\n  suites/critical/a.robot: U" in "\n".join(table(red))


def test_nothing_tried_is_not_well() -> None:
    assert not result().well


def test_a_survivor_is_shown_as_a_difference_with_what_was_not_run() -> None:
    shown = "\n".join(table(result(KILLED, SURVIVED, EXPLAINED)))
    assert "    1  critical/a.robot: T" in shown
    assert "  services/a.py:2  f\n    - x = 1\n    + x = 2\n    2 suites executed it, and not 1 longer one\n" in shown
    assert "timing: nobody waits for it" in shown
    assert shown.endswith("1 of 3 mutants killed: 33.3 % (75 % demanded), seed 1")


def test_the_file_has_each_mutant_with_its_outcome(tmp_path: Path) -> None:
    write(result(KILLED, SURVIVED), tmp_path / "mutate.json", 12.34)
    told = json.loads((tmp_path / "mutate.json").read_text())
    assert (told["killed"], told["percent"], told["well"]) == (1, 50.0, False)
    assert told["outcomes"] == {"killed": 1, "survived": 1}
    assert [one["test"] for one in told["tried"]] == ["T", ""]
