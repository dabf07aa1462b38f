"""The catalogue: read, checked, applied; and what it has to hold (requirement X05)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from defects.catalogue import CatalogueError, apply, check, one_each, read, select
from defects.kinds import Kind
from defects.sampling import read as samples
from defects.sampling import sample
from tests.defects.entries import DEFECT

ENTRY = """
- id: {id}
  title: t
  breaks: [C01.1]
  origin: own
  change: {{file: services/a.py, find: old, replace: new}}
  caught_by: A
  diagnosis: broke
"""
SUITE = """*** Test Cases ***
A
    [Tags]    id:D1-01
    No Operation
B
    [Tags]    id:D1-02
    No Operation
"""
# What the platform that this one replaced is known to have done.
KNOWN_FAULTS = {
    "a logout leaves the access tokens valid",
    "a logout believes a token that nobody verified, and ends the sessions of whom it names",
    "a refresh changes the identity",
    "two refreshes within one second give the same token",
    "a spent refresh token works again",
    "a spent refresh token works again after a restart",
    "a session takes the fingerprint of any device",
    "logins of one user do not wait for each other",
    "the clean-up says that it has removed what it leaves",
}


def test_selection_by_id_and_by_group() -> None:
    defects = [replace(DEFECT, id=name) for name in ("C01-01", "C01-02", "C02-01")]
    assert select(defects, []) == defects
    assert select(defects, ["C01"]) == defects[:2]
    assert select(defects, ["C02-01"]) == defects[2:]
    with pytest.raises(CatalogueError, match=r"no defect C03-01\. Did you mean 'C0.-01'\?$"):
        select(defects, ["C03-01"])


def test_selection_by_the_test_that_must_notice() -> None:
    first, second = (replace(DEFECT, id=f"C01-0{n}", caught_by=("C01-01", f"C02-0{n}")) for n in (1, 2))
    assert select([first, second], ["id:C02-02"]) == [second]
    assert select([first, second], ["id:C01-01"]) == [first, second]
    with pytest.raises(CatalogueError, match="no defect that the test C01-02 must catch"):
        select([first, second], ["id:C01-02"])
    with pytest.raises(CatalogueError, match=r"no defect C02-02\. .*Those that the test C02-02 must catch: id:C02-02"):
        select([first, second], ["C02-02"])


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
    with pytest.raises(CatalogueError, match=r"D1-01: services/a.py: .* times, not once: 'old'"):
        check(DEFECT, tmp_path)


@pytest.mark.parametrize("field", ["caught_by", "also"])
def test_defect_that_names_no_test_is_an_error(tmp_path: Path, field: str) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "a.py").write_text("an old line")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "a.robot").write_text(SUITE)
    with pytest.raises(CatalogueError, match=r"D1-01: There is no test with the id D1-11\. Did you mean 'D1-01'\?"):
        check(replace(DEFECT, **{"caught_by": ("D1-01",), field: ("D1-02", "D1-11")}), tmp_path)  # type: ignore[arg-type]


def test_defect_whose_test_is_in_another_suite_is_an_error_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "a.py").write_text("an old line")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "a.robot").write_text(SUITE)
    with pytest.raises(CatalogueError, match=r"D1-01: the test D1-01 is in .*/suites/a\.robot, not in suites/b\.robot"):
        check(replace(DEFECT, suite="suites/b.robot", caught_by=("D1-01",)), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "- id: [",
        "id: X",
        "- id: X",
        ENTRY.format(id="X-01") + "  knid: race",
        ENTRY.format(id="X-01") + "  kind: bad luck",
        ENTRY.format(id="X-01") * 2,
    ],
)
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


def test_every_defect_of_the_catalogue_applies_and_has_a_test_that_must_pass() -> None:
    table = samples()
    for defect in read():
        check(defect)
        check(replace(defect, also=(sample(defect, table),)))


def test_every_defect_says_of_what_kind_it_is_and_there_is_one_of_each() -> None:
    defects = read()
    assert [defect.id for defect in defects if defect.kind is None] == []
    assert {defect.kind for defect in defects} == set(Kind)


def test_there_are_enough_defects_of_everything() -> None:
    defects = read()
    assert len(defects) >= 60
    assert len([defect for defect in defects if "M15" in defect.breaks]) >= 3
    areas = Counter(defect.group if defect.group[0] == "C" else defect.group[0] for defect in defects)
    wanted = [*(f"C{number:02}" for number in range(1, 11)), *"SPRM"]
    assert {name: areas[name] for name in wanted if areas[name] < 3} == {}


def test_the_known_faults_of_the_replaced_platform_are_there() -> None:
    of_it = {defect.title for defect in read() if defect.origin.startswith("replaced platform")}
    assert of_it >= KNOWN_FAULTS


def test_one_for_each_test_leaves_no_test_out_and_takes_none_in_vain() -> None:
    defects = read()
    chosen = one_each(defects)
    named = Counter(name for defect in chosen for name in defect.caught_by)
    assert set(named) == {name for defect in defects for name in defect.caught_by}
    assert len(chosen) <= len(named)


def test_what_is_slow_proves_a_test_only_where_nothing_else_does() -> None:
    slow, quick = replace(DEFECT, id="C01-01", kind=Kind.SLOWNESS), replace(DEFECT, id="C01-02")
    alone = replace(slow, id="C01-03", caught_by=("another test",))
    assert one_each([slow, quick, alone]) == [quick, alone]
