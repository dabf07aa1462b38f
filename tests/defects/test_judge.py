"""How a seeded defect's run is judged, and how its change is applied."""

from pathlib import Path

import pytest

from defects.catalogue import CatalogueError, Change, Defect, apply, check, read
from defects.judge import Outcome, Verdict, judge

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


def test_every_defect_of_the_catalogue_applies() -> None:
    for defect in read():
        check(defect)
