"""What pytest reported in a JUnit file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from launcher.outcome import JudgedTest
from launcher.verdicts import Verdict

_VERDICTS = {"failure": Verdict.FAIL, "error": Verdict.FAIL, "skipped": Verdict.SKIPPED}


def read(path: Path) -> tuple[JudgedTest, ...] | None:
    """The tests of a whole file, with the requirements that they prove as tags; None where it is missing or cut off."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - written by this run
    except (OSError, ET.ParseError):
        return None
    return tuple(_test(case) for case in root.iter("testcase"))


def _test(case: ET.Element) -> JudgedTest:
    tags = tuple(f"req:{one.get('value')}" for one in case.iter("property") if one.get("name") == "req")
    name, seconds = f"{case.get('classname')}.{case.get('name')}", float(case.get("time") or 0)
    flaws = sorted((one for one in case if one.tag in _VERDICTS), key=lambda one: list(_VERDICTS).index(one.tag))
    if not flaws:
        return JudgedTest(name, Verdict.PASS, "", tags, seconds)
    declared = flaws[0].get("type") == "pytest.xfail"
    verdict = Verdict.XFAIL if declared else _VERDICTS[flaws[0].tag]
    return JudgedTest(name, verdict, flaws[0].get("message", ""), tags, seconds)
