"""The README's summary of the last proof of every test, or of every defect, made from ``results/prove.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from defects.judge import Outcome
from defects.report import FORMAT, Scope

BEGIN = "<!-- proof: written by ./run prove --badge -->"
END = "<!-- end of proof -->"


class BadgeError(Exception):
    """There is nothing to tell, or no place to tell it; the message says which."""


def publish(report: Path, readme: Path) -> str:
    """Put the summary of ``report`` between the marks in ``readme``; the line that stands there now."""
    try:
        document = json.loads(report.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadgeError(f"{report} cannot be read ({error}): ./run prove makes it") from error
    line = summary(document)
    readme.write_text(placed(line, readme.read_text("utf-8")), "utf-8")
    return line


def summary(document: Mapping[str, Any]) -> str:
    """One line of Markdown; BadgeError where defects were named, or ``document`` is of a proof that did not end."""
    if document.get("format") != FORMAT:
        raise BadgeError("the report has another format: ./run prove makes a new one")
    if document["scope"] == Scope.NAMED or not document["complete"]:
        raise BadgeError("the last proof was of named defects only, or did not come to its end")
    defects, times = document["defects"].values(), document["repetitions"]
    each = ", one for each test that must catch any" if document["scope"] == Scope.EACH_TEST else ""
    caught = sum(all(one["outcome"] == Outcome.CAUGHT for one in defect["judgements"]) for defect in defects)
    return (
        f"**{caught} of {len(defects)} seeded defects caught by the named test with the right diagnosis, "
        f"in {times} of {times} repetition{'s' * (times > 1)}**{each}: "
        f"`{document['command']}`, {document['date'][:10]}, {_time(document)}, "
        f"{document['cores']} cores, commit {document['commit']}"
    )


def _time(document: Mapping[str, Any]) -> str:
    if document["kept"]:
        return f"{document['kept']} of the judgements kept from an interrupted proof"
    return f"{document['seconds'] / document['repetitions']:.0f} s a repetition"


def placed(line: str, text: str) -> str:
    """``text`` with ``line`` between the marks; BadgeError unless they stand there once, in their order."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise BadgeError(f"the README lacks its marks: {BEGIN} and, after it, {END}")
    return f"{text.partition(BEGIN)[0]}{BEGIN}\n{line}\n{END}{text.partition(END)[2]}"
