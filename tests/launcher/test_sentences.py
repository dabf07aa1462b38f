"""Every sentence of the contract has an id, a test that names it, and a defect which shows that the test can fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from defects.catalogue import Defect
from launcher import sentences
from launcher.sentences import Table
from launcher.tests_by_id import KnownTest
from tests.defects.entries import DEFECT

PAGE = """# Title
Words about it. <!-- no promise -->

## 1. First

| matter | rule |
|---|---|
| Errors | named `a`;<sup>1.01</sup> never a trace (of a
| Empty | – |

### 1.2 Second
One holds (with a bracket<sup>1.2.01</sup>), and another.<sup>1.2.02</sup>
1. Leads to:
   `x` does.<sup>1.2.03</sup>
""".replace("never a trace (of a", "never a trace (of a \\| b).<sup>1.02</sup> |")


def contract(text: str = PAGE) -> sentences.Contract:
    return sentences.parse({"docs/some.md": text})


def known(tags: Mapping[str, Sequence[str]]) -> dict[str, KnownTest]:
    return {
        key: KnownTest(key, f"Name Of {key}", Path("suites/a.robot"), frozenset([f"id:{key}", *values]))
        for key, values in tags.items()
    }


def broken(name: str, breaks: str, caught_by: str) -> Defect:
    return replace(DEFECT, id=name, breaks=("C01.1", breaks), caught_by=(caught_by,))


def table(*defects: Defect, text: str = PAGE, **tags: Sequence[str]) -> Table:
    return Table(contract(text), known({key.replace("_", "-"): values for key, values in tags.items()}), defects)


def test_each_claim_has_its_text_and_its_section() -> None:
    found = contract()
    assert not found.flaws
    assert {key: (one.section, one.text) for key, one in found.sentences.items()} == {
        "1.01": ("1. First", "Errors: named `a`"),
        "1.02": ("1. First", "Errors: … never a trace (of a \\| b)."),
        "1.2.01": ("1.2 Second", "One holds (with a bracket"),
        "1.2.02": ("1.2 Second", "… and another."),
        "1.2.03": ("1.2 Second", "`x` does."),
    }


@pytest.mark.parametrize(
    ("line", "flaw"),
    [
        ("It holds.", "this sentence ends with no id"),
        ("It holds. So does this.<sup>1.03</sup>", "a sentence ends in the middle"),
        ("It holds.<sup>1.01</sup>", "1.01 was given before"),
        ("It holds.<sup>1.04</sup>", "1.04 was given before"),
        ("It holds.<sup>one</sup>", "'one' is no id"),
        ("| Errors | none |", "this row has no id"),
    ],
)
def test_a_sentence_without_an_id_of_its_own_is_a_flaw(line: str, flaw: str) -> None:
    found = contract(f"{PAGE}<!-- gone: 1.04 -->\n{line}\n").flaws
    assert len(found) == 1
    assert flaw in found[0]
    assert found[0].startswith(f"docs/some.md, line {len(PAGE.splitlines()) + 2}")


def test_a_sentence_is_proved_by_a_test_that_must_catch_a_defect_which_breaks_it() -> None:
    found = table(broken("D1-01", "proto:1.01", "C01-01"), C01_01=["proto:1.01"], C01_02=["proto:1.02"])
    assert found.untested() == ["1.2.01", "1.2.02", "1.2.03"]
    assert found.unproved() == ["1.02"]
    assert "| 1.01 | Errors: named `a` | C01-01 | D1-01 |" in found.page()
    assert "5 claims, 2 with a test, 1 with a defect." in found.page()


def test_what_lacks_a_test_or_a_defect_is_told_unless_the_baseline_has_it() -> None:
    found = table(broken("D1-01", "proto:1.01", "C01-01"), C01_01=["proto:1.01"], C01_02=["proto:1.02"])
    accepted = {"untested": ["1.2.01", "1.2.02", "1.2.03"], "unproved": ["1.02"]}
    assert found.flaws(accepted) == []
    (line,) = found.flaws(accepted | {"untested": ["1.2.01", "1.2.03"]})
    assert line == "docs/some.md: proto:1.2.02 has no test: … and another."
    (line,) = found.flaws(accepted | {"unproved": []})
    assert line.startswith("docs/some.md: proto:1.02 has tests, and no seeded defect")


def test_the_baseline_only_shrinks() -> None:
    found = table(broken("D1-01", "proto:1.01", "C01-01"), C01_01=["proto:1.01"], C01_02=["proto:1.02"])
    accepted = {"untested": ["1.01", "1.02", "1.2.01", "1.2.02"]}
    lines = [line for line in found.flaws(accepted) if line.startswith(sentences.BASELINE)]
    assert [line.split()[1] for line in lines] == ["1.01", "1.02"]
    assert found.shrunk(accepted) == {"untested": ["1.2.01", "1.2.02"], "unproved": ["1.02"]}


@pytest.mark.parametrize(
    ("defect", "tag", "line"),
    [
        (broken("D1-01", "proto:1.01", "C01-01"), "proto:9.09", "the tag proto:9.09 of C01-02 names no sentence"),
        (broken("D1-01", "proto:9.09", "C01-01"), "proto:1.01", "which the defect D1-01 breaks, names no sentence"),
        (broken("D1-01", "proto:1.02", "C01-01"), "proto:1.02", "D1-01 breaks proto:1.02, and of C01-01"),
    ],
)
def test_an_id_that_names_nothing_or_joins_nothing_is_told(defect: Defect, tag: str, line: str) -> None:
    found = list(table(defect, C01_01=["proto:1.01"], C01_02=[tag]).unmatched())
    assert len(found) == 1
    assert line in found[0]


def test_the_page_is_stale_until_it_is_written(tmp_path: Path) -> None:
    found = Table(contract(), known({"C01-01": ["proto:1.01"]}), [], tmp_path)
    (tmp_path / "docs").mkdir()
    for path, text in found.stale().items():
        path.write_text(text, "utf-8")
    assert found.stale() == {}
    (tmp_path / "docs" / "sentences.md").write_text("old", "utf-8")
    assert list(found.stale()) == [tmp_path / "docs" / "sentences.md"]


def test_the_baseline_is_written_as_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "lint").mkdir()
    sentences.write_accepted({"untested": ["1.10"], "unproved": []}, tmp_path)
    assert sentences.accepted(tmp_path) == {"untested": ["1.10"], "unproved": []}


def test_both_pages_are_read_and_each_of_their_sentences_is_proved_or_known_to_lack_it() -> None:
    found = Table.of_project()
    assert len(sentences.read().sentences) > 500
    assert found.flaws(sentences.accepted()) == []
