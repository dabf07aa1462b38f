"""What portable files must not name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from robot.api import get_model

from lint import portable
from tests.launcher.launching import ROOT

KNOWN = frozenset({"hub", "backend-1"})


def flaws(text: str, path: Path) -> list[str]:
    return [flaw for _, flaw in portable.flaws(get_model(text), path, KNOWN)]


def suite(line: str, settings: str = "") -> str:
    return (
        f"*** Settings ***\nResource    portable/vocabulary.resource\n{settings}\n*** Test Cases ***\n"
        "Sign In Works At /me With 401\n    [Documentation]    As GET /me answers 401.\n"
        f"    [Tags]    id:T20-01\n    {line}\n"
    )


@pytest.mark.req("T02")
@pytest.mark.parametrize(
    ("line", "flaw"),
    [
        ("Sign In", ""),
        ("${user} =    Sign In    device=phone", ""),
        ("Send Messages    ${phone}    ${room}    200", ""),
        ("Message Should Arrive    ${phone}    text    within=10s", ""),
        ("Should Be Equal    ${a/b}    x", ""),
        ("Get    /users/me", "names the address /users/me"),
        ("Get    path=/me", "names the address path=/me"),
        ("Open    wss://host/ws", "names the address wss://host/ws"),
        ("Should Be Refused    401", "names the code 401"),
        ("Should Be Refused    ${4003}", "names the code 4003"),
        ("Should Be Closed    1012", "names the code 1012"),
        ("Should Be Refused    status=302", "names the code status=302"),
        ("Restart Instance    backend-1", "names backend-1, an endpoint or instance of one platform"),
        (
            "FOR    ${x}    IN    hub\n        Log    ${x}\n    END",
            "names hub, an endpoint or instance of one platform",
        ),
    ],
)
def test_a_portable_suite_names_nothing_of_a_platform(line: str, flaw: str) -> None:
    assert flaws(suite(line), Path("suites/portable/x.robot")) == ([flaw] if flaw else [])


@pytest.mark.req("T02")
@pytest.mark.parametrize(
    ("settings", "name", "flaw"),
    [
        ("Resource    auth.resource", "x.robot", "imports auth.resource, which is not portable"),
        ("Library    TargetLibrary", "x.robot", "imports TargetLibrary: words come from resources/portable alone"),
        ("Library    SessionLibrary", "x.resource", "imports SessionLibrary: words come from resources/portable alone"),
        ("Library    TargetLibrary", "x.resource", ""),
        ("Suite Setup    Open    /ws", "x.robot", "names the address /ws"),
    ],
)
def test_a_portable_file_imports_the_vocabulary_alone(settings: str, name: str, flaw: str) -> None:
    assert flaws(suite("Sign In", settings + "\n"), Path("portable") / name) == ([flaw] if flaw else [])


def test_a_file_is_portable_by_its_folder_or_by_what_it_imports() -> None:
    other = get_model("*** Settings ***\nResource    auth.resource\n")
    assert portable.is_portable(Path("suites/mine/x.robot"), get_model(suite("Sign In")))
    assert portable.is_portable(Path("suites/portable/x.robot"), other)
    assert not portable.is_portable(Path("suites/critical/x.robot"), other)


def test_the_words_of_the_dialects_are_known() -> None:
    assert {"auth", "backend-1", "frontend"} <= portable.words()


def test_robocop_finds_it(tmp_path: Path) -> None:
    (tmp_path / "x.robot").write_text(suite("Restart Instance    backend-1"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "robocop", "check", str(tmp_path), "--no-cache", "--custom-rules", "lint/rules.py",
         "--select", "PORT01", "--ignore-file-config"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "A portable file names backend-1" in done.stdout
