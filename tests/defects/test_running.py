"""A run boots the changed copy, judges what robot says of it, and keeps the log of what was not caught."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from defects.catalogue import ROOT, Change, Defect
from defects.judge import Outcome
from defects.kinds import Kind
from defects.running import Bench

SUITE = """*** Settings ***
Library    OperatingSystem
*** Test Cases ***
The Copy Is Sound
    [Tags]    id:X-01
    ${text} =    Get File    %{LOCKSTEP_SERVICES}/services/common/serve.py
    Should Not Contain    ${text}    broken on purpose    the copy is not sound    values=False
All Is Well
    [Tags]    id:X-02
    No Operation
Nothing Is Well
    [Tags]    id:X-03
    Fail    whatever happens
"""
SERVICE = "services/common/serve.py"
FIRST_LINE = (ROOT / SERVICE).read_text("utf-8").splitlines()[0]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("results")) as running:
        yield running


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "one.robot"
    path.write_text(SUITE, "utf-8")
    return path


def defect(suite: Path, caught_by: str = "X-01") -> Defect:
    change = Change(SERVICE, FIRST_LINE, f"{FIRST_LINE}\n# broken on purpose")
    return Defect("D1-01", "t", ("X05",), "own", (change,), (caught_by,), "not sound", str(suite), Kind.RACE)


def test_a_defect_that_is_caught_leaves_nothing(bench: Bench, suite: Path) -> None:
    proof = bench.prove(defect(suite), "X-02", 1)
    assert (proof.judgement.outcome, proof.judgement.detail) == (Outcome.CAUGHT, "the copy is not sound")
    assert not (bench.results / "D1-01").exists()
    assert "broken on purpose" not in (ROOT / SERVICE).read_text("utf-8")


@pytest.mark.parametrize(
    ("caught_by", "sample", "outcome"),
    [
        ("X-02", "", Outcome.MISSED),
        ("X-01", "X-03", Outcome.REDDENS_OTHERS),
    ],
)
def test_the_log_of_what_went_otherwise_is_kept(
    bench: Bench, suite: Path, caught_by: str, sample: str, outcome: Outcome
) -> None:
    assert bench.prove(defect(suite, caught_by), sample, 2).judgement.outcome is outcome
    assert (bench.results / "D1-01.2" / "log.html").exists()


def test_what_robot_cannot_run_is_broken_and_says_why(bench: Bench, suite: Path) -> None:
    proof = bench.prove(defect(suite, "X-04"), "", 1)
    assert proof.judgement.outcome is Outcome.NOT_RUN
    assert "contains no tests matching tag 'id:X-04'" in proof.judgement.detail
