"""How a round goes: likely tests first, then all of them at once, and each red one alone; it goes on where it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from defects import __main__ as command
from defects import blind, catalogue, first, likely, rounds
from defects.catalogue import ROOT
from defects.first import First, Firsts
from defects.judge import Verdict
from defects.likely import Asked
from defects.noticing import Asking, EndedError, Noticed
from defects.rounds import Blind

ROUND = "".join(
    f"- {{id: A0{n}, title: t, breaks: s, change: {{file: services/backend/hub.py, find: '{find}', replace: x}}}}\n"
    for n, find in ((1, "def add("), (2, "def seat("), (3, "def unseat("))
)
TESTS = [Asked(name, ROOT / "suites" / "critical" / "a.robot", Counter()) for name in ("C01-01", "C01-02", "C01-03")]


class Bench:
    def __init__(self, results: Path) -> None:
        self.results = results
        self.unchanged = ROOT

    def close(self) -> None:
        """Nothing runs."""


class World:
    """Which tests notice which defects, which are unknown, and what was asked."""

    def __init__(self) -> None:
        self.notices: dict[str, set[str]] = {}
        self.unknown: set[str] = set()
        self.unsound: set[str] = set()
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.whole: list[str] = []
        self.ends_at = ""

    def run(self, names: str, tests: Sequence[Asked]) -> dict[str, Verdict]:
        self.whole.append(names)
        red = {test for name in names.split("+") for test in self.notices.get(name, ())}
        return {test.id: Verdict("FAIL" if test.id in red else "PASS", "red") for test in tests}

    def ask(self, name: str, tests: Sequence[Asked]) -> Asking:
        if name == self.ends_at:
            raise EndedError
        self.asked.append((name, tuple(test.id for test in tests)))
        red = next((test for test in tests if test.id in self.notices.get(name, ())), None)
        found = Asking(ran=len(tests), unknown=[test.id for test in tests if test.id in self.unknown])
        found.noticed = Noticed(red.id, "Name", "its words") if red else None
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    (tmp_path / "7.yaml").write_text(ROUND, "utf-8")

    class Questioner:
        def __init__(self, *_: Any) -> None: ...

        def ask(self, copy: Path, tests: Sequence[Asked]) -> Asking:
            return world.ask(str(copy), tests)

        def run(self, copy: Path, tests: Sequence[Asked]) -> tuple[dict[str, Verdict], str]:
            return world.run(str(copy), tests), ""

        def unsound(self, tests: Sequence[Asked]) -> list[str]:
            return [test.id for test in tests if test.id in world.unsound]

    @contextmanager
    def copied(_: blind.Round, one: Blind) -> Iterator[Path]:
        yield Path(one.id)

    monkeypatch.setattr(blind, "Questioner", Questioner)
    monkeypatch.setattr(blind.Round, "_copy", copied)
    monkeypatch.setattr(likely, "asked", lambda: TESTS)
    monkeypatch.setattr(rounds.read, "__defaults__", (tmp_path,))
    monkeypatch.setattr(Firsts.__init__, "__defaults__", (tmp_path,))
    return world


def go_on(tmp_path: Path) -> int:
    return blind.Round(7, Bench(tmp_path), 1, 1, lambda _: None).go_on()  # type: ignore[arg-type]


def results(tmp_path: Path) -> dict[str, tuple[str, str]]:
    return {key: (one.outcome, one.test) for key, one in Firsts(7, tmp_path).results.items()}


def test_a_defect_that_a_likely_test_notices_meets_no_other(world: World, tmp_path: Path) -> None:
    world.notices = {name: {"C01-01"} for name in ("A01", "A02", "A03")}
    assert go_on(tmp_path) == 0
    assert results(tmp_path) == dict.fromkeys(("A01", "A02", "A03"), (First.CAUGHT, "C01-01"))
    assert world.whole == []


def test_the_others_meet_every_test_together_and_the_red_ones_alone(world: World, tmp_path: Path) -> None:
    world.notices = {"A01": {"C01-01"}, "A02": {"C01-03"}}
    assert go_on(tmp_path) == 1
    assert world.whole == ["A02+A03"] * 2
    assert world.asked[-2:] == [("A02", ("C01-03",)), ("A03", ("C01-03",))]
    assert results(tmp_path) == {"A01": ("caught", "C01-01"), "A02": ("caught", "C01-03"), "A03": ("missed", "")}


def test_what_could_not_be_judged_is_tried_again_and_is_no_miss(world: World, tmp_path: Path) -> None:
    world.notices = {name: {"C01-02"} for name in ("A01", "A02")} | {"A03": {"C01-03"}}
    world.unknown = {"C01-01", "C01-03", "C01-02"}
    assert go_on(tmp_path) == 0
    assert [asked for asked in world.asked if asked == ("A01", ("C01-01",))] == [("A01", ("C01-01",))] * 2


def test_a_round_goes_on_where_it_was_interrupted(world: World, tmp_path: Path) -> None:
    world.notices = {"A01": {"C01-01"}, "A02": {"C01-03"}, "A03": {"C01-01"}}
    world.ends_at = "A03"
    with pytest.raises(EndedError):
        go_on(tmp_path)
    world.ends_at = ""
    world.asked.clear()
    assert go_on(tmp_path) == 0
    assert [name for name, _ in world.asked] == ["A03", "A02"]
    assert go_on(tmp_path) == 0
    assert len(world.asked) == 2


def test_what_a_test_caught_that_is_always_red_is_tried_again(world: World, tmp_path: Path) -> None:
    world.notices = {name: {"C01-01", "C01-02"} for name in ("A01", "A02", "A03")}
    world.unsound = {"C01-01"}
    assert go_on(tmp_path) == 3
    assert results(tmp_path) == {}
    assert go_on(tmp_path) == 0
    assert {test for _, test in results(tmp_path).values()} == {"C01-02"}


def test_a_defect_that_no_longer_applies_is_not_judged(world: World, tmp_path: Path) -> None:
    (tmp_path / "7.yaml").write_text(ROUND.replace("def seat(", "def nothing of it("), "utf-8")
    world.notices = {name: {"C01-01"} for name in ("A01", "A03")}
    assert go_on(tmp_path) == 3
    assert set(results(tmp_path)) == {"A01", "A03"}


def test_a_round_that_is_not_written_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--round", "4711", "--results", str(tmp_path)]) == 2
    assert "there is no round 4711" in capsys.readouterr().err


def test_the_page_of_rounds_is_up_to_date() -> None:
    assert first.PAGE.read_text("utf-8") == first.page(catalogue.read())
