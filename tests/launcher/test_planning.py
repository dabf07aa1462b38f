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
