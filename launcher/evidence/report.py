"""The report as files: HTML, JSON, CSV, and the hashes of all three."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from launcher.evidence.controls import Spoken
from launcher.evidence.life import Facts

HASHES = "SHA256SUMS"
_UNKNOWN = "NOT DECLARED"
_STYLE = (
    "body{font:15px/1.5 system-ui;max-width:75em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{border:1px solid #ccc;padding:.3em .5em;text-align:left;vertical-align:top}"
    ".FAIL{background:#fdd}.PASS{background:#dfd}"
)
_COLUMNS = (
    "framework",
    "id",
    "title",
    "verdict",
    "test",
    "test verdict",
    "tags",
    "started",
    "seed",
    "versions",
    "reason",
)
_CHAPTERS = {
    "kept": "What is kept",
    "erased": "What a deletion erased",
    "retention": "Retention",
    "audit": "Audit trail",
}


def write(
    folder: Path, declared: Mapping[str, Any], facts: Facts, run: Mapping[str, Any],
    controls: Sequence[Spoken], threats: Sequence[Spoken],
) -> str:  # fmt: skip
    """All files; returns the hash over their hashes, which says whether one of them was changed."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {
        "format": 1,
        "run": {"name": run["run"]["name"], "started": run["run"]["started"], "seed": run["seed"],
                "target": run["target"], "versions": run["run"]["versions"], "verdict": run["run"]["word"]},
        "kept": {**facts.inventory, "declared": {name: declared[name] for name in ("tables", "keys")}},
        "erased": facts.deletion,
        "retention": facts.retention,
        "audit": facts.audit,
        "flaws": facts.flaws,
        "controls": [one.as_data() for one in controls],
        "threats": [one.as_data() for one in threats],
    }  # fmt: skip
    (folder / "evidence.json").write_text(json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n", "utf-8")
    (folder / "evidence.html").write_text(_page(declared, facts, data, controls, threats), "utf-8")
    _csv(folder / "controls.csv", controls)
    _csv(folder / "threats.csv", threats)
    return sign(folder)


def sign(folder: Path) -> str:
    """``SHA256SUMS``, as sha256sum reads it; returns its own hash."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != HASHES)
    text = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (folder / HASHES).write_text(text, "ascii")
    return hashlib.sha256(text.encode()).hexdigest()


def _csv(path: Path, spoken: Iterable[Spoken]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_COLUMNS)
        for one in spoken:
            head = [one.of, one.id, one.title, one.verdict]
            for test in one.tests:
                versions = " ".join(f"{name} {version}" for name, version in test["versions"].items())
                told = [test["id"], test["verdict"], " ".join(test["tags"]), test["started"], test["seed"]]
                rows.writerow([*head, *told, versions, test["reason"] or ""])
            if not one.tests:
                rows.writerow([*head, "", "", "", "", "", "", one.reason])


def _page(
    declared: Mapping[str, Any],
    facts: Facts,
    data: Mapping[str, Any],
    controls: Sequence[Spoken],
    threats: Sequence[Spoken],
) -> str:
    run = data["run"]
    flaws = [[_CHAPTERS[chapter], text] for chapter, texts in facts.flaws.items() for text in texts]
    events = [[one["session"], one["type"], one["times"]] for one in facts.audit["events"]]
    lived = [[row[name] for name in ("what", "when", "found", "verdict")] for row in facts.retention]
    places = [
        [row["place"], _hits(row["before"]), _hits(row["after"]) or "erased", row["why_it_stays"]]
        for row in facts.deletion["places"]
    ]
    head = (
        f"Run of {run['started']}, seed {run['seed']}, {run['verdict']}. The stores are those of a platform of this "
        "report's own, on which users signed in, chatted, refreshed, signed out, expired and were deleted; the "
        "verdicts are those of the run."
    )
    parts = [
        f"<h1>Evidence: {escape(str(run['name']))} on {escape(str(run['target']))}</h1><p>{escape(head)}</p>",
        "<h2>What is wrong</h2>",
        _table(["chapter", "finding"], flaws) if flaws else "<p>Nothing.</p>",
        f"<h2>{_CHAPTERS['kept']}</h2><p>Read from the stores at {facts.inventory['read_at']}.</p>",
        _table(["table", "holds", "columns", "until", "rows"], _tables(facts, declared["tables"])),
        _table(["keys", "hold", "count", "longest life", "declared seconds"], _keys(facts, declared["keys"])),
        f"<h2>{_CHAPTERS['erased']}</h2>",
        f"<p>Asked for at {facts.deletion['asked_at']}, done within {facts.deletion['seconds']} s (GDPR Art. 17).</p>",
        _table(["place", "found before", "found after", "why it stays"], places),
        f"<h2>{_CHAPTERS['retention']}</h2>",
        _table(["what", "when", "found", "verdict"], lived),
        f"<h2>{_CHAPTERS['audit']}</h2>",
        f"<p>{facts.audit['expected']} events happened, {facts.audit['found']} are recorded.</p>",
        _table(["session", "event", "times"], events),
        "<h2>Controls</h2>",
        _spoken(controls),
        "<h2>Threats</h2>",
        _spoken(threats),
    ]
    return f"<!doctype html><meta charset=utf-8><title>Evidence</title><style>{_STYLE}</style>{''.join(parts)}\n"


def _tables(facts: Facts, declared: Mapping[str, Any]) -> list[list[Any]]:
    rows = []
    for name, table in facts.inventory["tables"].items():
        known = declared.get(name, {"holds": _UNKNOWN, "until": _UNKNOWN})
        rows.append([name, known["holds"], ", ".join(table["columns"]), known["until"], table["rows"]])
    return rows


def _keys(facts: Facts, declared: Mapping[str, Any]) -> list[list[Any]]:
    rows = []
    for form, kept in facts.inventory["keys"].items():
        known = declared.get(form, {"holds": _UNKNOWN, "seconds": _UNKNOWN})
        life = "no end" if kept["longest"] is None else f"{kept['longest']:.0f} s"
        rows.append([form, known["holds"], kept["count"], life, known["seconds"]])
    return rows


def _hits(hits: Mapping[str, int]) -> str:
    return ", ".join(f"{what} ({count})" for what, count in hits.items())


def _spoken(spoken: Iterable[Spoken]) -> str:
    rows = []
    for one in spoken:
        tests = ", ".join(f"{test['id']} {test['verdict']}" for test in one.tests)
        rows.append([one.of, one.id, one.title, one.verdict, one.reason or tests])
    return _table(["of", "id", "title", "verdict", "tests"], rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(cell: Any) -> str:
    text = escape(str(cell))
    return f'<td class="{text}">{text}</td>' if text in ("FAIL", "PASS") else f"<td>{text}</td>"
