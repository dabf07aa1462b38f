"""What a proof says at its end, and what it writes."""

from __future__ import annotations

from pathlib import Path

from defects.judge import Outcome
from defects.report import Circumstances, Scope, report
from defects.table import table, verdict
from tests.defects.entries import judged, task

JUDGED = [
    judged("C01-01"),
    judged("C01-02"),
    judged("C01-02", Outcome.MISSED, 2),
    judged("C01-01", repetition=2),
    judged("R03-01", Outcome.REDDENS_OTHERS),
    judged("R03-01", Outcome.REDDENS_OTHERS, 2),
]


def test_groups_and_kinds_are_counted() -> None:
    lines = table(JUDGED, Path("results")).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["group", "defects", "runs", "caught", "otherwise"],
        ["C01", "2", "4", "3", "1", "missed"],
        ["R03", "1", "2", "0", "2", "caught,", "but", "reddens", "others"],
    ]
    assert lines[5].split() == ["race", "3", "6", "3", "2", "caught,", "but", "reddens", "others;", "1", "missed"]


def test_each_repetition_that_went_otherwise_is_named_with_its_log() -> None:
    said = table(JUDGED, Path("results"))
    assert "C01-02  caught in 1 of 2: t\n    missed: the detail\n    results/C01-02.2/log.html" in said
    assert "results/R03-01/log.html" in said
    assert "C01-01  caught" not in said


def test_a_defect_counts_that_was_caught_each_time() -> None:
    assert verdict(JUDGED) == (
        "1 of 3 defects caught by the named test with the right diagnosis, in 2 of 2 repetitions"
    )
    assert verdict(JUDGED[:1]) == "1 of 1 defects caught by the named test with the right diagnosis"


def test_the_report_holds_every_judgement_and_what_is_missing() -> None:
    planned = [task(one.task.defect.id, one.task.repetition) for one in JUDGED]
    about = Circumstances("./run prove", scope=Scope.ALL, repetitions=2, jobs=4, seconds=12.34)
    whole = report(planned, JUDGED, about)
    assert (whole["complete"], whole["seconds"], whole["kept"]) == (True, 12.3, 0)
    assert [one["outcome"] for one in whole["defects"]["C01-02"]["judgements"]] == ["caught", "missed"]
    part = report(planned, [judged("C01-01", kept=True)], about)
    assert (part["complete"], part["kept"]) == (False, 1)
    assert part["defects"]["R03-01"]["judgements"] == []
