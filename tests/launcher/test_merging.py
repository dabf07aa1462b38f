"""Which workers' outputs can be merged."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from robot.conf import RobotSettings

from launcher.merging import merge, readable_outputs, write_reports

SUITE = """*** Test Cases ***
It Passes
    [Tags]    id:X-01    req:X01    p0
    No Operation

It Fails
    Fail    as told
"""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "one.robot").write_text(SUITE, "utf-8")
    folder = tmp_path / "pabot_results" / "0"
    command = [sys.executable, "-m", "robot", "--outputdir", str(folder), "--log", "NONE", "--report", "NONE"]
    subprocess.run([*command, str(tmp_path / "one.robot")], capture_output=True, check=False)
    return folder / "output.xml"


def test_a_whole_output_is_merged(output: Path, tmp_path: Path) -> None:
    assert readable_outputs(tmp_path) == [output]
    assert [test.status for test in merge([output], tmp_path, "x").suite.all_tests] == ["PASS", "FAIL"]


def test_statistics_leave_out_ids_and_what_the_user_leaves_out(output: Path, tmp_path: Path) -> None:
    result = merge([output], tmp_path, "x")
    write_reports(result, RobotSettings({"tagstatexclude": ["p*"]}), tmp_path)
    assert [tag.name for tag in result.statistics.tags] == ["req:X01"]
    text = (tmp_path / "output.xml").read_text("utf-8")
    assert "id:X-01</stat>" not in text
    assert "<tag>id:X-01</tag>" in text
    assert '"label":"id:X-01"' not in (tmp_path / "log.html").read_text("utf-8")


@pytest.mark.parametrize("lost", ["start", "elapsed"])
def test_a_suite_without_its_times_is_left_out(output: Path, tmp_path: Path, lost: str) -> None:
    text = output.read_text("utf-8")
    last = text.rindex("<status ", 0, text.rindex("</suite>"))
    output.write_text(text[:last] + re.sub(rf' {lost}="[^"]*"', "", text[last:], count=1), "utf-8")
    assert readable_outputs(tmp_path) == []


def test_an_output_that_was_cut_off_is_left_out(output: Path, tmp_path: Path) -> None:
    output.write_bytes(output.read_bytes()[:-20])
    assert readable_outputs(tmp_path) == []
