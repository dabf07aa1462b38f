"""What has no test is seen: in the list, in each summary and by the linter, on a small project."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.launcher.launching import ROOT, command, launcher_environment, small_project

PAGE = """# Requirements

## C. Sums: `suites/sums`

| id | what must hold |
|---|---|
| C01 | It adds up |
| C02 | It multiplies |
| C03 | It divides, too |

## X. Words: `suites/words`

| id | what must hold |
|---|---|
| X01 | It spells |

## H. Harness

| id | what must hold |
|---|---|
| H01 | It starts |
| H02 | It stops |
| H03 | It is fast (`./run bench`) |
"""
SUMS = """*** Test Cases ***
It Adds Up
    [Tags]    req:C01
    Should Be Equal As Integers    2    2

It Is Not Asked For
    No Operation
"""
WORDS = "*** Test Cases ***\nIt Spells\n    [Tags]    req:X01    req:C03\n    No Operation\n"
MARKED = 'import pytest\n\n\n@pytest.mark.req("H01")\ndef test_it_starts() -> None:\n    assert {}\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = small_project(tmp_path)
    for name in ("docs", "suites/sums", "suites/words", "tests/start"):
        (folder / name).mkdir(parents=True)
    (folder / "docs" / "requirements.md").write_text(PAGE)
    (folder / "suites" / "sums" / "sums.robot").write_text(SUMS)
    (folder / "suites" / "words" / "words.robot").write_text(WORDS)
    (folder / "tests" / "conftest.py").symlink_to(ROOT / "tests" / "conftest.py")
    (folder / "tests" / "start" / "test_start.py").write_text(MARKED.format("True"))
    return folder


def launch(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=project, capture_output=True, text=True, check=False,
        env=launcher_environment(PYTHONPATH=f"{project}:{ROOT / 'libraries'}"),
    )  # fmt: skip


def summary(project: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((project / "results" / "summary.json").read_text("utf-8"))
    return loaded


def test_the_list_names_holes_of_areas_and_of_the_rest_of_the_page(project: Path) -> None:
    lines = launch(project, "list").stdout.splitlines()
    assert "sums: 2 tests, 1 requirement" in lines
    assert "  HOLE, without a test: C02" in lines
    assert "  C03 by ./run words" in lines
    assert any("It Is Not Asked For" in line and "no requirement" in line for line in lines)
    assert "H. Harness: 3 requirements" in lines
    assert "  HOLE, without a test: H02" in lines
    assert "  H03 by ./run bench" in lines
    assert "  H01 by pytest tests/start" in lines
    assert "    H01     tests/start/test_start.py::test_it_starts" in lines
    assert lines[-1] == "7 requirements, 2 without a test: C02, H02"


def test_the_list_of_one_area_has_its_own_holes(project: Path) -> None:
    done = launch(project, "list", "sums")
    assert "HOLE, without a test: C02" in done.stdout
    assert "H02" not in done.stdout


def test_a_run_of_an_area_shows_its_own_holes(project: Path) -> None:
    done = launch(project, "sums")
    assert done.returncode == 0
    assert "HOLE 1 requirement without a test: C02" in done.stdout
    assert "not in this run: C03 by ./run words" in done.stdout
    assert "1 test without a requirement: ./run list names them" in done.stdout
    found = summary(project)
    assert (found["holes"], found["elsewhere"]) == (["C02"], {"C03": "./run words"})
    assert found["requirements"]["C02"]["verdict"] == "HOLE"
    assert found["without_requirement"] == ["Sums.Sums.It Is Not Asked For"]
    page = (project / "results" / "summary.html").read_text("utf-8")
    assert "1 without a test: C02" in page
    assert "It Is Not Asked For" in page


def test_a_run_of_everything_shows_all_holes_and_what_else_proves_a_row(project: Path) -> None:
    launch(project, "all")
    found = summary(project)
    assert found["holes"] == ["C02", "H02"]
    assert found["elsewhere"] == {"H01": "pytest tests/start", "H03": "./run bench"}


def test_a_narrow_run_shows_none(project: Path) -> None:
    for words in (("sums", "--include", "req:C01"), ("suites/sums/sums.robot",)):
        done = launch(project, *words)
        assert "without a" not in done.stdout
        found = summary(project)
        assert (found["holes"], found["elsewhere"], found["without_requirement"]) == ([], {}, [])


UNKNOWN = "the requirement {} is not in docs/requirements.md"
WRONG = [
    ("suites/words/words.robot", "X01", "X11", UNKNOWN.format("'X11' of words")),
    ("tests/start/test_start.py", "H01", "H11", UNKNOWN.format("'H11' of tests/start/test_start.py::test_it_starts")),
    ("docs/requirements.md", "| H02 |", "| H2 |", "docs/requirements.md, line 22: a row is `| X01 | what must hold |`"),
    ("docs/requirements.md", "/words`", "/wrods`", "docs/requirements.md, line 11: there is no suites/wrods"),
]


@pytest.mark.parametrize(("path", "old", "new", "complaint"), WRONG)
def test_the_documents_check_finds_unknown_ids_and_bad_rows(
    project: Path, path: str, old: str, new: str, complaint: str
) -> None:
    (project / path).write_text((project / path).read_text().replace(old, new))
    done = launch(project, "docs", "--check")
    assert done.returncode == 1
    assert complaint in done.stderr


def test_the_documents_check_has_nothing_against_what_is_right(project: Path) -> None:
    assert "equirement" not in launch(project, "docs", "--check").stderr


def test_the_whole_proof_judges_what_pytest_proves_and_allows_holes_when_certified(project: Path) -> None:
    done = launch(project, "test", "pytest", "suites", "--certified")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "requirements by pytest: 1 passed" in done.stdout
    assert "HOLE 2 requirements without a test: C02, H02" in done.stdout
    assert done.stdout.splitlines()[-1] == "4 passed, 0 failed"
    found = summary(project)
    assert found["requirements"]["H01"] == {
        "verdict": "PASS", "tests": ["tests.start.test_start.test_it_starts"], "reason": None
    }  # fmt: skip
    assert found["run"]["exit_code"] == 0
    assert launch(project, "all", "--certified").returncode == 1


def test_a_requirement_whose_test_of_pytest_fails_has_failed(project: Path) -> None:
    (project / "tests" / "start" / "test_start.py").write_text(MARKED.format("False"))
    done = launch(project, "test", "pytest", "suites")
    assert done.returncode == 1
    assert "FAIL H01: assert False" in done.stdout
    assert summary(project)["requirements"]["H01"]["verdict"] == "FAIL"
