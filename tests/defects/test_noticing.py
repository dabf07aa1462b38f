"""A red test counts only where it is red alone as well and green without the defect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from defects.catalogue import Change, apply
from defects.likely import Asked
from defects.noticing import EndedError, Questioner
from defects.rounds import Blind
from defects.running import Bench
from tests.defects.test_running import FIRST_LINE, SERVICE

SUITE = """*** Settings ***
Library    OperatingSystem
*** Test Cases ***
All Is Well
    [Tags]    id:X-01
    No Operation
Nothing Can Be Said
    [Tags]    id:X-02
    Fail    UNKNOWN: the machine was busy
Whatever Happens It Is Red
    [Tags]    id:X-03
    Fail    whatever happens
Red Once
    [Tags]    id:X-04
    ${there} =    Run Keyword And Return Status    File Should Exist    ${CURDIR}/seen
    Create File    ${CURDIR}/seen
    Should Be True    ${there}    the first time
The Copy Is Sound
    [Tags]    id:X-05
    ${text} =    Get File    %{LOCKSTEP_SERVICES}/services/common/serve.py
    Should Not Contain    ${text}    broken on purpose    the copy is not sound    values=False
Not Asked Any More
    [Tags]    id:X-06
    Create File    ${CURDIR}/asked
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path / "results") as running:
        yield running


def asked_of(folder: Path, *names: str) -> list[Asked]:
    suite = folder / "one.robot"
    suite.write_text(SUITE, "utf-8")
    return [Asked(name, suite, Counter()) for name in names]


@pytest.fixture
def copy(bench: Bench, tmp_path: Path) -> Path:
    target = tmp_path / "copy"
    change = Change(SERVICE, FIRST_LINE, f"{FIRST_LINE}\n# broken on purpose")
    apply(Blind("A01", "t", "s", (change,)), target, bench.unchanged)
    return target


def test_the_first_that_truly_notices_is_named(bench: Bench, copy: Path, tmp_path: Path) -> None:
    asked = asked_of(tmp_path, "X-01", "X-02", "X-04", "X-05", "X-06")
    found = Questioner(bench).ask(copy, asked)
    assert found.noticed is not None
    assert (found.noticed.test, found.noticed.name, found.noticed.words) == (
        "X-05", "The Copy Is Sound", "the copy is not sound",
    )  # fmt: skip
    assert (found.unknown, found.noise, found.ran) == (["X-02"], ["X-04"], 3)
    assert not (tmp_path / "asked").exists()


def test_what_nobody_notices_has_met_every_test(bench: Bench, tmp_path: Path) -> None:
    found = Questioner(bench).ask(bench.unchanged, asked_of(tmp_path, "X-01", "X-05", "X-06"))
    assert (found.noticed, found.ran, found.unknown, found.problem) == (None, 3, [], "")
    assert (tmp_path / "asked").exists()


def test_a_robot_that_says_nothing_is_a_problem_of_its_test_alone(bench: Bench, copy: Path, tmp_path: Path) -> None:
    asked = [*asked_of(tmp_path, "X-05"), Asked("X-98", tmp_path / "none.robot", Counter())]
    found = Questioner(bench).ask(bench.unchanged, asked)
    assert (found.unknown, found.ran) == (["X-98"], 1)
    assert "to execute does not exist" in found.problem
    found = Questioner(bench).ask(copy, list(reversed(asked)))
    assert found.noticed is not None
    assert found.noticed.test == "X-05"


def test_a_bench_that_was_closed_knows_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.close()
    with pytest.raises(EndedError):
        Questioner(bench).ask(tmp_path, asked_of(tmp_path, "X-01"))


def test_what_is_red_without_a_defect_proves_nothing(bench: Bench, tmp_path: Path) -> None:
    asked = asked_of(tmp_path, "X-01", "X-03", "X-04", "X-05")
    assert Questioner(bench).unsound(asked) == ["X-03"]
