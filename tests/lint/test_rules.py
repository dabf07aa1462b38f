"""Robocop with the project's own rules, on small suites."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.launcher.launching import ROOT

HEAD = "*** Settings ***\nDocumentation    What it is about.\n\n\n*** Test Cases ***\n"
TEST = "{name}\n    [Tags]    {tags}\n    No Operation\n"


def found(folder: Path, **suites: str) -> list[str]:
    """The ids of the project's rules that robocop finds broken in these suites, in order."""
    for name, text in suites.items():
        (folder / f"{name}.robot").write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "robocop", "check", str(folder), "--no-cache", "--custom-rules", "lint/rules.py",
         "--select", "ID*", "--select", "NAME9*", "--ignore-file-config",
         "--issue-format", "{rule_id} {desc}", "--configure", "print_issues.output_format=simple"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith(("ID", "NAME"))]
    assert done.returncode == int(bool(lines)), done.stdout + done.stderr
    return lines


def suite(*tags: str, keyword: str = "") -> str:
    tests = (TEST.format(name=f"Truth {number}", tags=tag) for number, tag in enumerate(tags, 1))
    return HEAD + "\n".join(tests) + (f"\n\n*** Keywords ***\n{keyword}\n    No Operation\n" if keyword else "")


def test_tests_with_an_id_each_and_plain_names_are_right(tmp_path: Path) -> None:
    text = suite("id:C01-01    req:C01.1", "id:CT-101", keyword="Message Should Arrive")
    assert found(tmp_path, one=text, two=suite("id:C01-02")) == []


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ("req:C01.1", "ID01 Test 'Truth 1' has no id"),
        ("id:one", "ID02 Test 'Truth 1': id:one is no id"),
        ("id:c01-01", "ID02 Test 'Truth 1': id:c01-01 is no id"),
        ("ID:C01-01", "ID02 Test 'Truth 1': ID:C01-01 is no id"),
        ("req:C01.1    id:C01-01", "ID03 id:C01-01 has to be the first tag"),
        ("id:C01-01    id:C01-02", "ID03 id:C01-02 has to be the first tag"),
    ],
)
def test_a_missing_malformed_or_misplaced_id_is_found(tmp_path: Path, tags: str, rule: str) -> None:
    (line,) = found(tmp_path, one=suite(tags))
    assert line.startswith(rule)


def test_an_id_among_the_tags_of_a_suite_is_found(tmp_path: Path) -> None:
    text = suite("id:C01-01").replace("\n\n\n", "\nTest Tags    id:C01-02\n\n\n")
    (line,) = found(tmp_path, one=text)
    assert line.startswith("ID03 id:C01-02")


def test_an_id_of_two_tests_is_found_in_one_file_and_in_two(tmp_path: Path) -> None:
    assert found(tmp_path, one=suite("id:C01-01", "id:C01-01")) == [
        "ID04 Test 'Truth 2' has the id of 'Truth 1' in one.robot: id:C01-01"
    ]
    (line,) = found(tmp_path, one=suite("id:C01-01"), two=suite("id:C01-01"))
    assert line.startswith("ID04 Test 'Truth 1' has the id of 'Truth 1' in ")


@pytest.mark.parametrize(
    ("keyword", "rule"),
    [
        ("The Message Arrives", "NAME94"),
        ("A Token Should Be Refused By Auth And By Both Of The Backends", "NAME91"),
        ("Every Door Should Refuse Token", "NAME93"),
    ],
)
def test_a_flaw_of_a_name_is_found(tmp_path: Path, keyword: str, rule: str) -> None:
    (line,) = found(tmp_path, one=suite("id:C01-01", keyword=keyword))
    assert line.startswith(f"{rule} '{keyword}'")


def test_a_test_that_hides_its_subject_is_found(tmp_path: Path) -> None:
    text = HEAD + TEST.format(name="What Is Lost Is Sent Again", tags="id:C01-01")
    (line,) = found(tmp_path, one=text)
    assert line.startswith("NAME92")
