"""``./run target report X --record``, and the tables of docs/targets.md that are made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from launcher import tests_by_id
from launcher.console import LaunchError
from launcher.paths import ROOT
from launcher.targets import recipe, results

pytestmark = pytest.mark.req("T07")
TESTS = [
    {"id": "T20-01", "verdict": "PASS", "reason": None},
    {
        "id": "T24-03",
        "verdict": "WEAKER",
        "reason": "weaker: the socket at a ended 0.0 s after sign_out (ASVS)",
    },
    {"id": "T23-03", "verdict": "XFAIL", "reason": "10 of 20 | for ls-0123456789abcdef012345 at 127.0.0.1:8000"},
    {"id": "T24-06", "verdict": "NA", "reason": "NA: operations.revoke_all: absent: no such request"},
    {"id": "C01-01", "verdict": "NA", "reason": "NA: control.kill"},
]


def summary(**run: Any) -> dict[str, Any]:
    about = {"interrupted": False, "started": "2026-11-30T10:00:00+00:00", "command": "./run portable --target shop"}
    return {"run": {**about, **run}, "tests": TESTS, "totals": {"verdicts": {"UNKNOWN": 0}}}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a target that brings its boot.yaml, and a page of targets."""
    folder = tmp_path / "variables" / "targets" / "shop"
    folder.mkdir(parents=True)
    (folder / "target.yaml").write_text("dialect: 1\nendpoints: {a: 'http://a'}\n", "utf-8")
    (folder / "requirements.txt").write_text("other==1\nshop==2.1 \\\n    --hash=sha256:1\n", "utf-8")
    (folder / "boot.yaml").write_text(
        "packages: {python: requirements.txt}\nports: [A]\ninstances: {shop: {run: [shop], ports: [A], ready: 'http://a'}}\n",
        "utf-8",
    )
    (tmp_path / "docs").mkdir()
    page = tmp_path / results.PAGE
    page.write_text("# Targets\n\n<!-- results: written by ./run docs -->\n<!-- end of results -->\n\nMore.\n", "utf-8")
    monkeypatch.setattr(results, "find", lambda name: folder / "target.yaml")
    return tmp_path


def test_a_run_is_kept_and_shown_promise_by_promise(shop: Path) -> None:
    path = results.write("shop", [summary()])
    kept = yaml.safe_load(path.read_text("utf-8"))
    assert (kept["version"], kept["date"]) == ("shop 2.1", "2026-11-30")
    assert kept["commands"] == ["./run portable --target shop"]
    assert [test["test"] for test in kept["tests"]] == ["T20-01", "T23-03", "T24-03"]
    assert kept["not_applicable"] == {"operations.revoke_all": 1, "control.kill": 1}
    (page, text), *_ = results.stale(shop).items()
    assert "### shop: shop 2.1, 2026-11-30" in text
    assert "`./run portable --target shop`: 1 PASS, 1 WEAKER, 1 XFAIL." in text
    assert "2 tests not applicable: operations.revoke_all (1), control.kill (1)." in text
    assert "| `ends.sign_out.sockets` | WEAKER | T24-03 | weaker: the socket at a ended 0.0 s after" in text
    assert "| `refresh.parallel` | XFAIL | T23-03 | 10 of 20 \\| for … at … |" in text
    assert "| T20 Who signs in is recognised" in text
    page.write_text(text, "utf-8")
    assert results.stale(shop) == {}
    assert text.startswith("# Targets\n\n<!-- results")
    assert text.endswith("\n\nMore.\n")


def test_the_newest_verdict_of_each_test_counts_and_what_no_run_has_judged_is_named(shop: Path) -> None:
    newer = summary(command="./run T20-01 --seed 5 --target shop", started="2026-12-01T10:00:00+00:00")
    newer["tests"] = [
        {"id": "T20-01", "verdict": "FAIL", "reason": "sees nobody"},
        {"id": "T24-03", "verdict": "UNKNOWN", "reason": "UNKNOWN: the machine was busy"},
        {"id": "T22-01", "verdict": "UNKNOWN", "reason": "UNKNOWN: the machine was busy"},
        {"id": "XX-01", "verdict": "PASS", "reason": None},
    ]
    kept = yaml.safe_load(results.write("shop", [newer, summary()]).read_text("utf-8"))
    assert {test["test"]: test["verdict"] for test in kept["tests"]} == {
        "T20-01": "FAIL", "T24-03": "WEAKER", "T23-03": "XFAIL"
    }  # fmt: skip
    assert (kept["date"], kept["not_judged"]) == ("2026-12-01", ["T22-01"])
    assert kept["commands"] == ["./run T20-01 --target shop", "./run portable --target shop"]
    (text,) = results.stale(shop).values()
    assert "Not judged, on a machine that was too busy: T22-01." in text


def test_results_of_a_target_that_nobody_else_can_boot_are_not_kept(shop: Path) -> None:
    (shop / "variables" / "targets" / "shop" / "boot.yaml").unlink()
    with pytest.raises(LaunchError, match=r"brings no boot\.yaml"):
        results.write("shop", [summary()])


@pytest.mark.parametrize("name", ["directus", "jupyterhub", "jupyterhub-browser"])
def test_each_target_that_the_project_brings_has_a_version(name: str) -> None:
    assert recipe.read(ROOT / "variables" / "targets" / name).version.startswith(name.partition("-")[0])


def test_what_is_kept_names_no_folder_of_this_machine() -> None:
    known = tests_by_id.find("SE-38", tests_by_id.read(*tests_by_id.of_project()))
    reason = f"{ROOT}/variables/targets/shop/target.yaml:7: no value"
    kept = results._kept({"id": "SE-38", "verdict": "FAIL", "reason": reason}, known)
    assert kept["seen"] == "variables/targets/shop/target.yaml:7: no value"
