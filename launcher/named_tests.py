"""The names beside the ids of tests, and how many an area has: written and checked by ``./run docs``.

- in YAML ``caught_by: C05-03  # Name``, and so in the items of a list
- in Markdown ``[C05-03 Name](../suites/critical/05_….robot)``, and in a run's lines ``PASS  C05-03 Name  0.8 s``
- in Markdown the last column of an area's row: ``| [`critical`](suites/critical) | … | 112 |``
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from launcher import tests_by_id
from launcher.console import LaunchError
from launcher.paths import ROOT
from launcher.tests_by_id import FORM, KnownTest, find

_IN_YAML = re.compile(
    rf"^(?P<head> *(?:- |caught_by: |also: |sample: ))(?P<id>{FORM.pattern})(?: +#.*)?$", re.MULTILINE
)
_LINK = re.compile(rf"\[(?P<id>{FORM.pattern})(?: [^\]]*)?\]\([^)]*\.robot\)")
_RUN_LINE = re.compile(rf"(?P<head>(?:PASS|FAIL|NA) +)(?P<id>{FORM.pattern}) .+?(?P<tail>  [\d.]+ s)$", re.MULTILINE)
_AREA = re.compile(r"^(?P<head>\| \[`(?P<area>\w+)`\]\(suites/(?P=area)\) \|.*\| )\d+ \|$", re.MULTILINE)


def stale(root: Path = ROOT) -> dict[Path, str]:
    """The files in which the name beside an id is missing or not its test's, and their text as it should be.

    Raises ``LaunchError`` with the file for an id that no test has.
    """
    known = tests_by_id.read(*tests_by_id.of_project(root))
    paths = [*(root / "defects").rglob("*.yaml"), root / "README.md", *(root / "docs").glob("*.md")]
    found: dict[Path, str] = {}
    for path in sorted(path for path in paths if path.exists()):
        text = path.read_text("utf-8")
        try:
            named = in_yaml(text, known) if path.suffix == ".yaml" else in_markdown(text, known, path.parent)
        except LaunchError as error:
            raise LaunchError(f"{path.relative_to(root)}: {error}") from None
        if named != text:
            found[path] = named
    return found


def in_yaml(text: str, known: Mapping[str, KnownTest]) -> str:
    """``text`` with the name of its test as a comment after each id that stands alone as a value."""
    return _IN_YAML.sub(lambda at: f"{at['head']}{at['id']}  # {find(at['id'], known).name}", text)


def in_markdown(text: str, known: Mapping[str, KnownTest], folder: Path) -> str:
    """``text`` of a page in ``folder`` with names and suites of tests in links, names in a run's lines, and counts."""

    def link(at: re.Match[str]) -> str:
        test = find(at["id"], known)
        return f"[{test.id} {test.name}]({os.path.relpath(test.suite, folder)})"

    def counted(at: re.Match[str]) -> str:
        tests = sum(f"/suites/{at['area']}/" in test.suite.as_posix() for test in known.values())
        return f"{at['head']}{tests} |"

    text = _AREA.sub(counted, _LINK.sub(link, text))
    return _RUN_LINE.sub(lambda at: f"{at['head']}{at['id']} {find(at['id'], known).name}{at['tail']}", text)
