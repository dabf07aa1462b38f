"""``summary.html``: the result sheet as one self-contained page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from launcher.area_sheet import AreaSheet
from launcher.console import plural
from launcher.outcome import JudgedTest, Outcome, RequirementVerdict
from launcher.requirements import Requirement, spans
from launcher.verdicts import COUNTED_AS, NOT_JUDGED, WELL, Verdict

_PAGE = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
_ALWAYS = (Verdict.PASS, Verdict.FAIL, Verdict.NA)


def write(outcome: Outcome, known: Mapping[str, Requirement], path: Path) -> None:
    """Write the page."""
    path.write_text(render(outcome, known), "utf-8")


def render(outcome: Outcome, known: Mapping[str, Requirement]) -> str:
    """The page as text; links go to the reports beside it."""
    state = {WELL: "well", NOT_JUDGED: "unknown"}.get(outcome.exit_code, "bad")
    facts = {"Started": outcome.started, **outcome.facts}
    return _PAGE.substitute(
        title=escape(f"{outcome.name}: {outcome.word}"),
        state=state,
        word=escape(outcome.word),
        name=escape(outcome.name),
        facts="".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items()),
        tiles="".join(_tiles(outcome)),
        trouble="".join(_trouble(outcome)),
        remarks="".join(map(_test, outcome.remarks)),
        requirements="".join(_rows(outcome, known)),
        holes=_holes(outcome),
        areas="".join(map(_area, outcome.sheets)),
        budgets="".join(map(_budget, outcome.all_budgets)) or "<tr><td colspan=4>none recorded</td></tr>",
        command=escape(outcome.command),
    )


def _tiles(outcome: Outcome) -> Iterator[str]:
    yield _tile("tests", str(len(outcome.tests)))
    for verdict, label in COUNTED_AS.items():
        count = outcome.count(verdict)
        if count or verdict in _ALWAYS:
            yield _tile(label, str(count), verdict if count else "")
    yield _tile(f"time{f' of {outcome.limit:g} s' if outcome.limit else ''}", f"{outcome.seconds:.1f} s")


def _tile(label: str, figure: str, colour: str = "") -> str:
    return f'<div class="tile {colour}"><b>{figure}</b><span>{escape(label)}</span></div>'


def _trouble(outcome: Outcome) -> Iterator[str]:
    yield from map(_test, outcome.trouble)
    for line in outcome.undecided:
        yield f"<li>{_verdict(Verdict.UNKNOWN)} {escape(line)}</li>"
    for problem in outcome.problems:
        yield f"<li>{escape(problem)}</li>"


def _test(test: JudgedTest) -> str:
    return f"<li>{_verdict(test.verdict)} <b>{escape(test.label)}</b><br>{escape(test.reason)}</li>"


def _rows(outcome: Outcome, known: Mapping[str, Requirement]) -> Iterator[str]:
    for key, found in outcome.requirements.items():
        if found.tests:
            yield _row(key, known[key].text if key in known else "", found, outcome)


def _row(key: str, text: str, found: RequirementVerdict, outcome: Outcome) -> str:
    labels = outcome.labels
    tests = "".join(f"<li>{escape(labels.get(name, name))}</li>" for name in found.tests)
    reason = f'<p class="reason">{escape(found.reason)}</p>' if found.reason else ""
    budgets = "<br>".join(_bar(budget) for budget in outcome.budgets if budget.get("test") in found.tests)
    return (f"<tr><td>{key}</td><td>{escape(text)}{reason}<details><summary>{len(found.tests)} tests</summary>"
            f'<ul>{tests}</ul></details></td><td>{_verdict(found.verdict)}</td>'
            f"<td>{found.seconds:.1f} s</td><td>{budgets}</td></tr>")  # fmt: skip


def _area(declared: AreaSheet) -> str:
    """The sheet that an area declares: its verdicts with their parts, and its figures."""
    rows = "".join(
        f"<tr><td>{escape(judged.id)}</td><td>{escape(judged.title)}</td><td>{_verdict(judged.verdict)}</td>"
        f"<td>{'<br>'.join(f'{escape(part.name)} {_verdict(part.verdict)}' for part in judged.parts)}</td></tr>"
        for judged in declared.verdicts
    )
    figures = "".join(f"<tr><td>{escape(one.name)}</td><td>{escape(str(one))}</td></tr>" for one in declared.figures)
    return (f'<h2>{escape(declared.title)}</h2><div class="scroll"><table><tbody>{rows}</tbody></table></div>'
            f'<div class="scroll"><table><tbody>{figures}</tbody></table></div>')  # fmt: skip


def _verdict(word: str) -> str:
    return f'<span class="verdict {word}">{word}</span>'


def _budget(budget: Mapping[str, Any]) -> str:
    name, test, verdict = (escape(str(budget.get(key) or "")) for key in ("name", "test", "verdict"))
    return (f'<tr><td>{name}</td><td>{test}</td><td>{_verdict(verdict)}</td>'
            f"<td>{_bar(budget)}</td></tr>")  # fmt: skip


def _bar(budget: Mapping[str, Any]) -> str:
    used, limit = float(budget["used"]), float(budget["limit"])
    share = min(100.0, 100 * used / limit) if limit else 100.0
    over = " over" if used > limit else ""
    return (f'<span class="bar{over}" title="{escape(str(budget["name"]))}"><i style="width:{share:.0f}%"></i></span> '
            f"{used:.3g} of {limit:.3g} {escape(str(budget.get('unit', '')))}")  # fmt: skip


def _holes(outcome: Outcome) -> str:
    """What stands below the table: requirements without a test in this run, and tests without a requirement."""
    rows = []
    if holes := outcome.holes:
        rows.append(f"{_verdict(Verdict.HOLE)} {len(holes)} without a test: {escape(spans(holes))}")
    for proof in dict.fromkeys(outcome.elsewhere.values()):
        ids = spans(key for key, by in outcome.elsewhere.items() if by == proof)
        rows.append(f"not in this run: {escape(ids)} by {escape(proof)}")
    if outcome.unclaimed:
        names = "".join(f"<li>{escape(outcome.labels.get(name, name))}</li>" for name in outcome.unclaimed)
        rows.append(f"<details><summary>{plural(len(outcome.unclaimed), 'test')} without a requirement</summary>"
                    f"<ul>{names}</ul></details>")  # fmt: skip
    return "".join(f"<div>{row}</div>" for row in rows)
