"""The plan holds what Robot will run, and nothing else."""

from pathlib import Path

from launcher import planning

SUITE = """*** Test Cases ***
One
    No Operation

Other
    [Tags]    robot:exclude
    No Operation
"""


def test_what_robot_leaves_out_by_its_own_tag_is_not_planned(tmp_path: Path) -> None:
    (tmp_path / "some.robot").write_text(SUITE)
    assert [test.name for test in planning.plan({}, [tmp_path / "some.robot"], tmp_path).tests] == ["Some.One"]


def test_suites_that_measure_begin_after_all_others(tmp_path: Path) -> None:
    for name, tags in (("a", "runs:last"), ("b", "slow"), ("c", "runs:last"), ("d", "p0")):
        (tmp_path / f"{name}.robot").write_text(f"*** Test Cases ***\nOne\n    [Tags]    {tags}\n    No Operation\n")
    plan = planning.plan({}, [tmp_path], tmp_path)
    seconds = {suite.name: float(number) for number, suite in enumerate(plan.suites)}
    ordered = planning.last_ones_last(planning.longest_first(plan.suites, seconds), plan.tests)
    assert [suite.place[-1].name for suite in ordered] == ["D", "B", "C", "A"]
