"""Tries a dialect on its target: each endpoint, then each word once, with accounts that are made or leased for it.

It shows what was sent (without secrets), what was answered and what was read of it; where that is not as described, the
line that is likely to be wrong. It then says which facts nothing has read, and which portable tests can run.
What it makes it undoes, also after Ctrl-C; what it cannot undo is listed with the call that does it.

Exit code: 0 all is as described, 1 something is not (or a change is not objected to), 2 the file is refused.
"""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence

from lockstep.dialect import Dialect
from lockstep.dialect.steps import WORDS
from PlatformLibrary.profile import Profile

from launcher.console import LaunchError, paint, plural, say
from launcher.host import profile_of
from launcher.parsing import Parser
from launcher.targets import facts, forecast, talking
from launcher.targets.doctor import Checked, Doctor
from launcher.targets.findings import ANSWERS, FAILS, UNTRIED, WORKS, Finding
from launcher.targets.lacking import Lacking
from launcher.targets.leaves import grouped
from launcher.targets.reached import Reached, reached

_COLOURS = {WORKS: "green", ANSWERS: "yellow", FAILS: "red", UNTRIED: "grey"}
_PARTS = {
    "endpoints": "Endpoints", "credentials": "Credentials", "accounts": "Accounts", "operations": "Words",
    "refusals": "Refusals", "socket": "Socket", "token": "Token", "stores": "Stores",
}  # fmt: skip
_WIDE = 160
_MOST_SHOWN = 12
_MOST_TESTS = 8


def main(argv: Sequence[str]) -> int:
    """Check a target and say what was found; raises ``LaunchError`` where it cannot be, or is not, described."""
    parser = Parser(prog="./run target check", description=__doc__)
    parser.add_argument("target", metavar="X", help="a target by name, or the path of its dialect (./run target list)")
    parser.add_argument("--brief", action="store_true", help="of what is as described, only the names")
    parser.add_argument("--each-fact", nargs="?", const="", metavar="PART",
                        help="change each fact that a check reads (of a part: socket.out) alone, and say which "
                        "changes it does not object to; takes minutes")  # fmt: skip
    asked: argparse.Namespace = parser.parse_args(argv)
    with reached(asked.target) as target:
        started = ", started for this" if target.started else ""
        say(f"{paint(target.dialect.name, 'bold')}: {talking.shown(target.dialect.place.source.file, _WIDE)}{started}")
        doctor = Doctor(target.dialect, target.platform, target.ca_file)
        try:
            checked = doctor.examine()
        except BaseException:
            say("\nStopping; what was made is undone …")
            _say_left(doctor.undo())
            raise
        left = doctor.undo()
        if asked.each_fact is not None:
            return _each_fact(target, checked, asked.each_fact)
        _show(checked, brief=asked.brief)
        _summary(checked, target.dialect)
        _tests(checked, target.dialect, profile_of(asked.target))
        _say_left(left)
    could_not = [text for text in left if "is not described" not in text]
    return 1 if checked.findings.failed or could_not else 0


def _each_fact(target: Reached, checked: Checked, part: str) -> int:
    """Says of each fact that a check has read whether it is objected to where it alone is changed."""
    if failed := checked.findings.failed:
        raise LaunchError(f"{failed[0].name} fails: a dialect that is wrong cannot be changed to be wrong.", code=1)
    tried, missed = 0, []
    for fact in facts.each(target, checked, part):
        tried += 1
        if not fact.objected:
            missed.append(fact)
            say(f"  {paint('not objected to', 'red')}  {talking.shown(str(fact), _WIDE)}")
    _say_facts("Not read by this check", grouped(checked.unread, target.dialect.place))
    _say_facts("Left to the tests", grouped(checked.left_to_tests, target.dialect.place))
    say(paint(f"\n{plural(tried, 'fact')} changed one by one, {len(missed)} not objected to", "bold"))
    return 1 if missed else 0


def _say_left(left: Sequence[str]) -> None:
    if not left:
        return say("\nNothing is left behind.")
    say(paint("\nLeft behind", "bold"))
    for text in left:
        for line in text.splitlines():
            say(f"  {talking.shown(line, _WIDE * 4)}")
    return None


# --- one by one


def _show(checked: Checked, *, brief: bool) -> None:
    found = checked.findings.by_name
    for part, title in _PARTS.items():
        names = [name for name in found if name.split(".")[0] == part]
        if not names:
            continue
        say(paint(f"\n{title}", "bold"))
        width = max(map(len, (_short(name) for name in names)))
        for name in sorted(names, key=_order):
            _show_one(found[name], width, brief=brief)


def _order(name: str) -> tuple[int, str]:
    words = list(WORDS)
    word = name.partition(".")[2]
    return (words.index(word), "") if name.startswith("operations.") and word in words else (len(words), name)


def _short(name: str) -> str:
    part, _, rest = name.partition(".")
    return rest or part


def _show_one(finding: Finding, width: int, *, brief: bool) -> None:
    columns = max(80, shutil.get_terminal_size((_WIDE, 40)).columns)
    verdict = paint(finding.verdict.ljust(len(UNTRIED)), _COLOURS[finding.verdict])
    says = finding.says if finding.verdict != FAILS or not finding.seen else ""
    took = f"{finding.seconds * 1000:.0f} ms" if finding.seconds else ""
    head = "; ".join(filter(None, (took, says)))
    say(f"  {_short(finding.name):<{width}}  {verdict}  {talking.shown(head, columns)}".rstrip())
    if brief and finding.verdict in (WORKS, ANSWERS):
        return
    for seen in finding.seen:
        if seen.sent:
            say(paint(f"      > {talking.shown(seen.sent, columns - 8)}", "grey"))
        if seen.received:
            say(paint(f"      < {talking.shown(seen.received, columns - 8)}", "grey"))
    if finding.read:
        say(f"      read: {talking.shown(', '.join(finding.read), columns - 12)}")
    if finding.verdict == FAILS:
        if finding.says and finding.seen and not finding.suspect:
            say(f"      {talking.shown(finding.says, columns * 2)}")
        if finding.suspect:
            say(paint(f"      {talking.shown(str(finding.suspect), columns * 3)}", "red"))


# --- all together


def _summary(checked: Checked, dialect: Dialect) -> None:
    found = list(checked.findings.by_name.values())
    counts = {verdict: sum(known.verdict == verdict for known in found) for verdict in _COLOURS}
    say(paint(f"\n{counts[WORKS]} work, {counts[ANSWERS]} answer as described (what they do cannot be seen from here), "
              f"{counts[FAILS]} fail, {counts[UNTRIED]} were not tried; {checked.seconds:.1f} s", "bold"))  # fmt: skip
    for finding in checked.findings.failed:
        where = (
            talking.shown(str(finding.suspect), _WIDE * 2) if finding.suspect else talking.shown(finding.says, _WIDE)
        )
        say(f"  {finding.name}: {where}")
    if checked.throttled:
        say(f"  The target throttled {plural(checked.throttled, 'request')}; each was sent again after Retry-After.")
    if not checked.signed_in:
        return say(f"  Nobody is signed in, so {plural(len(checked.unread), 'fact')} of the file could not be read.")
    _say_facts("Not read by this check", grouped(checked.unread, dialect.place))
    return _say_facts("Left to the tests", grouped(checked.left_to_tests, dialect.place))


def _say_facts(title: str, parts: Mapping[str, Sequence[str]]) -> None:
    if not parts:
        return
    say(paint(f"\n{title}", "bold"))
    for named in parts.values():
        more = f" and {len(named) - _MOST_SHOWN} more" if len(named) > _MOST_SHOWN else ""
        say(f"  {', '.join(named[:_MOST_SHOWN])}{more}")


def _tests(checked: Checked, dialect: Dialect, profile: Profile) -> None:
    failed = [finding.name for finding in checked.findings.failed]
    cause = "" if checked.signed_in else next(iter(failed), "accounts")
    lacking = Lacking(dialect, checked.findings, profile, cause)
    expected = forecast.forecast(forecast.read(), lacking, sockets=lacking.has_sockets)
    say(paint(f"\n{len(expected.runnable)} of {len(expected.tests)} portable tests can run", "bold"))
    for name, tests in expected.would_add.items():
        ids = [test.id for test in tests]
        more = f" and {len(ids) - _MOST_TESTS} more" if len(ids) > _MOST_TESTS else ""
        say(f"  {name} would add {len(ids)}: {' '.join(ids[:_MOST_TESTS])}{more} ({lacking.reasons[name]})")
    several = {test: names for test, names in expected.lacking.items() if len(names) > 1}
    if several:
        counts = Counter(name for known in several.values() for name in known)
        shown = [f"{name} ({count})" for name, count in counts.most_common(_MOST_SHOWN)]
        more = f" and {len(counts) - _MOST_SHOWN} more" if len(counts) > _MOST_SHOWN else ""
        say(f"  {plural(len(several), 'test')} more would need several of {', '.join(shown)}{more}")
