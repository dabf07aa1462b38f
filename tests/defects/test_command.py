"""``./run prove``: what it runs, keeps, writes and returns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from defects import __main__ as command
from defects import catalogue, running
from defects.catalogue import Defect
from defects.judge import Judgement, Outcome
from defects.running import Proof
from tests.defects.entries import DEFECT


class Bench:
    """Judges at once: every defect is caught, but for the ids in ``missed`` and ``unknown``."""

    missed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    interrupted_at: str = ""
    ran: ClassVar[list[str]] = []

    def __init__(self, results: Path) -> None:
        self.ran.clear()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing runs."""

    def prove(self, defect: Defect, sample: str, repetition: int) -> Proof:
        if defect.id == self.interrupted_at:
            raise KeyboardInterrupt
        self.ran.append(f"{defect.id}.{repetition}")
        outcomes = {Outcome.MISSED: self.missed, Outcome.UNKNOWN: self.unknown}
        outcome = next((found for found, ids in outcomes.items() if defect.id in ids), Outcome.CAUGHT)
        return Proof(Judgement(outcome, "detail"), 1.0)


@pytest.fixture(autouse=True)
def small_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"{group}-0{n}" for group in ("C01", "R01") for n in (1, 2)]
    defects = [replace(DEFECT, id=one, sample="S", caught_by=(f"test of {one}",)) for one in ids]
    # A second one for a test that has one.
    defects.append(replace(defects[-1], id="R01-03"))
    monkeypatch.setattr(catalogue, "read", lambda: defects)
    monkeypatch.setattr(catalogue, "check", lambda defect: None)
    monkeypatch.setattr(command, "digest", lambda defect, sample: "same")
    monkeypatch.setattr(command, "Bench", Bench)
    monkeypatch.setattr(Bench, "missed", frozenset())
    monkeypatch.setattr(Bench, "unknown", frozenset())
    monkeypatch.setattr(Bench, "interrupted_at", "")


def prove(results: Path, *arguments: str) -> tuple[int, list[str]]:
    code = command.main([*arguments, "--jobs", "1", "--results", str(results)])
    return code, list(Bench.ran)


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_a_whole_proof_is_written_and_not_made_twice(tmp_path: Path) -> None:
    assert prove(tmp_path, "--repeat", "2") == (0, [f"{name}.{n}" for n in (1, 2) for name in
                                                    ("C01-01", "C01-02", "R01-01", "R01-02")])  # fmt: skip
    assert read(tmp_path / "prove.json")["complete"]
    assert prove(tmp_path, "--repeat", "2") == (0, [])
    assert read(tmp_path / "prove.json")["kept"] == 8
    code, ran = prove(tmp_path, "--fresh")
    assert (code, len(ran)) == (0, 4)


def test_each_test_is_proved_with_one_and_all_of_them_on_demand(tmp_path: Path) -> None:
    assert "R01-03.1" not in prove(tmp_path)[1]
    assert read(tmp_path / "prove.json")["scope"] == "one for each test"
    assert prove(tmp_path, "--all") == (0, ["R01-03.1"])
    assert read(tmp_path / "prove.json")["scope"] == "all"


def test_an_interrupted_proof_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Bench, "interrupted_at", "R01-01")
    assert prove(tmp_path) == (130, ["C01-01.1", "C01-02.1"])
    assert "interrupted after 2 of 4 runs" in capsys.readouterr().out
    assert not read(tmp_path / "prove.json")["complete"]
    monkeypatch.setattr(Bench, "interrupted_at", "")
    assert prove(tmp_path) == (0, ["R01-01.1", "R01-02.1"])


def test_a_defect_that_is_missed_is_a_failure_and_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "missed", frozenset({"C01-02"}))
    assert prove(tmp_path)[0] == 1
    assert prove(tmp_path) == (1, [])


def test_named_defects_are_always_run_and_are_no_whole_proof(tmp_path: Path) -> None:
    assert prove(tmp_path)[0] == 0
    before = (tmp_path / "prove.json").read_text("utf-8")
    code, ran = prove(tmp_path, "R01")
    assert (code, sorted(ran)) == (0, ["R01-01.1", "R01-02.1", "R01-03.1"])
    assert (tmp_path / "prove.json").read_text("utf-8") == before
    assert read(tmp_path / "prove" / "part.json")["scope"] == "those that were named"


def test_an_unknown_defect_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["C99", "--results", str(tmp_path)]) == 2
    assert "there is no defect C99" in capsys.readouterr().err


def test_without_a_proof_there_is_nothing_to_publish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--badge", "--results", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_what_robot_did_not_write_is_no_verdict(tmp_path: Path) -> None:
    assert running.verdicts(tmp_path / "output.xml") is None
    (tmp_path / "output.xml").write_text("<robot")
    assert running.verdicts(tmp_path / "output.xml") is None


def test_what_could_not_be_judged_is_neither_caught_nor_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Bench, "unknown", frozenset({"C01-02"}))
    code, ran = prove(tmp_path)
    assert (code, ran.count("C01-02.1")) == (3, 2)
    assert "1 not judged" in capsys.readouterr().out
    monkeypatch.setattr(Bench, "missed", frozenset({"R01-01"}))
    assert prove(tmp_path, "--fresh")[0] == 1
