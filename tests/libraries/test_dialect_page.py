"""Every entry that a dialect may have stands in docs/dialect.md with its type, unit and default, read from the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lockstep.dialect import outage, promises
from lockstep.dialect.dialect import CODECS, PARTS
from lockstep.dialect.frames import EVENTS, FIELDS, USUAL_WAIT
from lockstep.dialect.framings import FRAMINGS
from lockstep.dialect.parts import CLAIMS, KINDS, LIMITS, VERBS
from lockstep.dialect.refusals import CLASSES
from lockstep.dialect.socket import AUTHENTICATIONS, CLOSES, OUT, REFUSALS, RESUMES
from lockstep.dialect.steps import BODIES, METHODS, ROLES, WORDS

pytestmark = pytest.mark.req("T01")
ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "libraries" / "lockstep" / "dialect"
LINES = (ROOT / "docs" / "dialect.md").read_text("utf-8").splitlines()
LISTS: Mapping[str, Sequence[str]] = {
    "words": (*WORDS, *CODECS, *PARTS), "classes": CLASSES, "frames": OUT, "events": EVENTS, "fields": FIELDS,
    "closes": CLOSES, "limits": LIMITS, "verbs": VERBS, "claims": tuple(CLAIMS), "stores": tuple(KINDS),
    "authentications": AUTHENTICATIONS, "refusals of sockets": REFUSALS, "resumes": RESUMES, "methods": METHODS,
    "bodies": BODIES, "roles": ROLES, "framings": (*FRAMINGS, "own"),
}  # fmt: skip
UNITS = {
    "seconds": r"\d(ms|s|m|h|d)\b|\btimes?\b",
    "flag": r"\bflag\b",
    "number": r"\bnumber|\bbytes\b",
    "_size": r"\bnumber\b",
    "statuses": r"\bstatus\b",
    "close_codes": r"\bcodes?\b",
    "Conditions.read": r"\bconditions\b|condition",
    "pattern": r"regular expression",
    "url": r"address",
    "json_path": r"\bpaths?\b",
}
"""How the page says the type and unit of what a reader of this name takes."""


@dataclass(frozen=True)
class Entry:
    """An entry as the code takes it: its name, the reader's source, and the default where it is written there."""

    name: str
    reader: str
    default: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.reader}"


def entries() -> Iterator[Entry]:
    """Each ``take("name", reader, default)`` of the dialect's code."""
    known = {"USUAL_WAIT": USUAL_WAIT}
    for path in sorted(CODE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "take"):
                continue
            if len(node.args) < 2:
                continue
            name, reader, *default = node.args
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                usual = default[0] if default else None
                value = usual.value if isinstance(usual, ast.Constant) else known.get(getattr(usual, "id", ""))
                yield Entry(name.value, ast.unparse(reader), value)


def spans(line: str) -> list[str]:
    return re.findall(r"`([^`]+)`", line)


def lines_of(word: str) -> list[str]:
    """The lines of the page that have a word as code."""
    form = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    return [line for line in LINES if any(form.search(span) for span in spans(line))]


def times(seconds: float) -> list[str]:
    """A time as the page may write it."""
    found = [f"{seconds:g}s", f"{seconds * 1000:g}ms"]
    return [*found, *(f"{seconds / size:g}{unit}" for unit, size in (("m", 60), ("h", 3600), ("d", 86400)))]


TAKEN = sorted(set(entries()), key=str)


def test_the_code_was_read() -> None:
    assert len(TAKEN) > 90
    assert {"within", "code_at", "request_id", "duplicates", "ended"} <= {entry.name for entry in TAKEN}


@pytest.mark.parametrize("entry", TAKEN, ids=str)
def test_every_entry_stands_in_the_page_with_type_and_unit(entry: Entry) -> None:
    found = lines_of(entry.name)
    assert found, f"docs/dialect.md does not name {entry.name}"
    reader = re.sub(r"^(listed|mapped)\((.*)\)$", r"\2", entry.reader)
    if unit := UNITS.get(reader):
        assert any(re.search(unit, line) for line in found), f"no line of {entry.name} says that it is {unit}"
    if entry.reader.startswith("listed("):
        assert any(re.search(r"\blist\b|codes", line) for line in found), f"{entry.name} may be a list"
    if words := re.fullmatch(r"one_of\(((?:'[\w-]+'(?:, )?)+)\)", entry.reader):
        wanted = [word.strip("'") for word in words[1].split(", ")]
        assert any(all(word in " ".join(spans(line)) for word in wanted) for line in found), wanted
    if reader == "seconds" and isinstance(entry.default, float):
        assert any(text in line for line in found for text in times(entry.default)), f"{entry.name}: {entry.default} s"


@pytest.mark.parametrize("kind", LISTS)
def test_every_word_of_a_list_stands_in_the_page(kind: str) -> None:
    assert [word for word in LISTS[kind] if not lines_of(word)] == []


def shown(default: Any) -> list[str]:
    if isinstance(default, bool):
        return ["yes" if default else "no"]
    return [
        str(default),
        *(times(default) if isinstance(default, float) else []),
        f"{default:g}" if isinstance(default, float) else "",
    ]


def test_every_promise_stands_in_the_page_with_its_default() -> None:
    wrong = []
    for group, kinds in promises.CHOICES.items():
        for name, kind in kinds.items():
            rows = [line for line in LINES if line.startswith("|") and f"`{group}.{name}`" in line.split("|")[1]]
            if not rows or not any(text and f"`{text}`" in rows[0].split("|")[2] for text in shown(kind.default)):
                wrong.append(f"{group}.{name}: {kind.default}")
    for word, subjects in promises.ENDS.items():
        rows = [line for line in LINES if line.startswith("|") and f"`ends.{word}`" in line.split("|")[1]]
        default = rows[0].split("|")[2] if rows else ""
        for subject, usual in subjects.items():
            if not any(f"{subject}: {text}" in default for text in shown(usual)):
                wrong.append(f"ends.{word}.{subject}: {usual}")
    default_outage = outage.Outage()
    for name in ("of", "sign_in", "noticed", "answered", "waits", "back", "existing", "unknown"):
        value = getattr(default_outage, name)
        value = getattr(value, "everywhere", value)
        rows = [line for line in LINES if line.startswith("|") and f"`outage.{name}`" in line.split("|")[1]]
        if not rows or not any(text and f"`{text}`" in rows[0].split("|")[2] for text in shown(value)):
            wrong.append(f"outage.{name}: {value}")
    assert wrong == []
