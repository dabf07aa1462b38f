"""How a seeded defect's run is judged, and how its change is applied."""

from dataclasses import replace
from pathlib import Path

import pytest

from defects.catalogue import CatalogueError, Change, Defect, apply, check, read, select
from defects.judge import SHOWN, Outcome, Verdict, evidence, judge

DEFECT = Defect(
    "D1", "t", ("C01.1",), "own", (Change("services/a.py", "old", "new"),), ("A", "B"), "what broke", "suites"
)
PASS = Verdict("PASS", "")
FAIL = Verdict("FAIL", "This is What Broke today")


@pytest.mark.parametrize(
    ("tests", "outcome"),
    [
        ({"A": FAIL, "B": FAIL}, Outcome.CAUGHT),
        ({"A": FAIL, "B": Verdict("FAIL", "something else")}, Outcome.OTHER_WORDS),
        ({"A": FAIL, "B": PASS}, Outcome.OTHER_TEST),
        ({"A": PASS, "B": PASS, "C": FAIL}, Outcome.OTHER_TEST),
        ({"A": PASS, "B": PASS, "C": PASS}, Outcome.MISSED),
        ({"A": FAIL}, Outcome.NOT_RUN),
        ({"A": FAIL, "B": Verdict("SKIP", "NA")}, Outcome.NOT_RUN),
    ],
)
def test_every_outcome(tests: dict[str, Verdict], outcome: Outcome) -> None:
    assert judge(DEFECT, tests).outcome is outcome


def test_evidence_is_the_line_that_names_the_cause() -> None:
    assert evidence("Several failures occurred:\n\n1) nothing\n\n2) Here IT is", "it is") == "2) Here IT is"


def test_long_evidence_is_cut_round_the_words() -> None:
    shown = evidence(f"{'a' * 500} the cause {'b' * 500}", "the cause")
    assert "the cause" in shown
    assert shown.startswith("…a")
    assert shown.endswith("b…")
    assert len(shown) == SHOWN + 2


def test_selection_by_id_and_by_group() -> None:
    defects = [replace(DEFECT, id=name) for name in ("C01-01", "C01-02", "C02-01")]
    assert select(defects, []) == defects
    assert select(defects, ["C01"]) == defects[:2]
    assert select(defects, ["C02-01"]) == defects[2:]
    with pytest.raises(CatalogueError, match="no defect C0"):
        select(defects, ["C0"])


def test_change_is_made_in_the_copy_only(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    source = tmp_path / "services" / "a.py"
    source.write_text("an old line")
    copy = tmp_path / "copy"
    apply(DEFECT, copy, tmp_path)
    assert (copy / "services" / "a.py").read_text() == "an new line"
    assert source.read_text() == "an old line"


@pytest.mark.parametrize("text", ["nothing of it", "old and old again"])
def test_change_that_does_not_fit_once_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "a.py").write_text(text)
    with pytest.raises(CatalogueError, match=r"D1: services/a.py: .* times, not once: 'old'"):
        check(DEFECT, tmp_path)


def test_defect_that_names_no_test_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "a.py").write_text("an old line")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "a.robot").write_text("*** Test Cases ***\nA\n    No Operation\n")
    with pytest.raises(CatalogueError, match="D1: suites has no test 'B'"):
        check(DEFECT, tmp_path)


@pytest.mark.parametrize("text", ["- id: [", "id: X", "- id: X"])
def test_catalogue_that_cannot_be_used_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(CatalogueError, match=r"^x\.yaml"):
        read(tmp_path)


def test_compiled_code_goes_along_except_for_what_changes(tmp_path: Path) -> None:
    compiled = tmp_path / "services" / "__pycache__"
    compiled.mkdir(parents=True)
    (tmp_path / "services" / "a.py").write_text("an old line")
    for name in ("a", "b"):
        (compiled / f"{name}.cpython-311.pyc").write_bytes(b"")
    apply(DEFECT, tmp_path / "copy", tmp_path)
    assert [path.name for path in (tmp_path / "copy" / "services" / "__pycache__").iterdir()] == ["b.cpython-311.pyc"]


def test_every_defect_of_the_catalogue_applies() -> None:
    for defect in read():
        check(defect)
