"""What is found out before the fork is what Robot would find, and what a library starts is started in the fork."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from robot import api
from robot.running import importer, namespace
from robot.variables import Variables

from launcher import worker
from launcher.prepared import Prepared

LIBRARY = """
made = []


class {name}:
    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def __init__(self):
        made.append(self)
        self.ROBOT_LIBRARY_LISTENER = self

    @property
    def costly(self):
        raise AssertionError("nobody asked")

    def greet_user(self, name: str, loud: bool = False, *rest, **more) -> str:
        "Greets."
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"Prepared{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(LIBRARY.format(name=name), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def imported(by: importer.Importer, name: str, *args: str) -> Any:
    return by.import_library(name, args, None, Variables())


def keywords(library: Any) -> list[tuple[str, ...]]:
    return [(one.name, one.doc, str(one.args), str(one.args.return_type), str(one.tags)) for one in library.keywords]


def test_prepared_keywords_are_those_that_robot_finds(library: str) -> None:
    prepared = Prepared()
    for name in (library, "BuiltIn", "TargetLibrary", "RequestsLibrary"):
        prepared.prepare(name)
        prepared.reset()
        assert keywords(imported(prepared, name)) == keywords(imported(importer.Importer(), name)) != []


def test_a_prepared_library_is_initialised_at_its_first_use(library: str) -> None:
    prepared = Prepared()
    prepared.prepare(library)
    found = imported(prepared, library)
    made = sys.modules[library].made
    assert made == []
    assert found.listeners == [found.instance] == made


def test_arguments_make_another_library() -> None:
    prepared = Prepared()
    prepared.prepare("JWTLibrary")
    plain, named = imported(prepared, "JWTLibrary"), imported(prepared, "JWTLibrary", "user=id")
    assert plain is not named
    assert named.instance is not plain.instance


def test_robot_asks_the_prepared_one_once_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "IMPORTER", namespace.IMPORTER)
    prepared = Prepared()
    prepared.install()
    assert namespace.IMPORTER is prepared


def asked(tmp_path: Path, sources: list[str], source: str | None, *args: str) -> list[str]:
    (tmp_path / "asked").write_text("--suite Planned.00000 A\n", "utf-8")
    plan = {"args": list(args), "sources": sources, "suites": [{"place": [["A", source, 0]] if source else []}]}
    found = worker.arguments(["-A", str(tmp_path / "asked")], json.loads(json.dumps(plan)))
    return [arg for arg in found if arg.startswith("--parseinclude")]


def test_a_worker_parses_its_own_suite_alone(tmp_path: Path) -> None:
    assert asked(tmp_path, ["/s"], "/s/a [1]*.robot", "--include=x") == ["--parseinclude=/s/a [[]1][*].robot"]


def test_robot_takes_the_name_for_that_file_alone(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    for name in ("a [1]*.robot", "a 1.robot", "a 1b.robot"):
        (folder / name).write_text("*** Test Cases ***\nIt Runs\n    No Operation\n", "utf-8")
    (option,) = asked(tmp_path, [str(folder)], str(folder / "a [1]*.robot"))
    suite = api.TestSuite.from_file_system(folder, included_files=[option.partition("=")[2]])
    assert [child.source.name for child in suite.suites] == ["a [1]*.robot"]


@pytest.mark.parametrize("option", ["--prerunmodifier=mine", "--parser=mine", "--parseinclude=*.robot"])
def test_who_sees_the_whole_tree_is_shown_it(tmp_path: Path, option: str) -> None:
    assert set(asked(tmp_path, ["/s"], "/s/a.robot", option)) <= {option}


def test_of_several_sources_none_is_left_empty(tmp_path: Path) -> None:
    assert asked(tmp_path, ["/s", "/t"], "/s/a.robot") == []
    assert asked(tmp_path, ["/s/a.robot"], None) == []
