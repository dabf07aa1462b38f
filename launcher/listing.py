"""``./run list``: list areas, suites, tests, what they prove, and which requirements nothing proves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from robot.api import TestSuite

from launcher import areas, requirements, tests_by_id
from launcher.console import LaunchError, paint, plural, say
from launcher.outcome import requirement_ids
from launcher.parsing import Parser
from launcher.paths import SUITES
from launcher.proofs import Proofs, Untested, sort
from launcher.requirements import Requirement, spans


def main(argv: Sequence[str]) -> int:
    """Print the named areas, suite by suite; where none is named every area, then the rest of the page."""
    parser = Parser(prog="./run list", description=__doc__)
    parser.add_argument("areas", nargs="*", metavar="AREA", help="areas or suites; every area where none is named")
    chosen = parser.parse_args(argv).areas
    names = chosen or areas.areas()
    if not names:
        raise LaunchError(f"There are no suites in {SUITES}.")
    known = requirements.read()
    proofs = Proofs()
    for name in names:
        for line in _area(name, known, proofs):
            say(line)
    if not chosen:
        for line in _rest(known, set(names), proofs):
            say(line)
    return 0


def _area(name: str, known: Mapping[str, Requirement], proofs: Proofs) -> Iterator[str]:
    suite = TestSuite.from_file_system(areas.resolve(name))
    if tags := tests_by_id.chosen([name]):
        suite.filter(included_tags=tags)
    claimed = {key for test in suite.all_tests for key in requirement_ids(test.tags)}
    yield paint(f"{name}: {plural(suite.test_count, 'test')}, {plural(len(claimed), 'requirement')}", "bold")
    own = requirements.of_areas(known, [name])
    yield from _untested(sort([one for one in own if one.id not in claimed], proofs))
    yield from _tests(suite)


def _untested(untested: Untested) -> Iterator[str]:
    if untested.holes:
        yield paint(f"  HOLE, without a test: {spans(untested.holes)}", "yellow")
    for key, proof in untested.elsewhere.items():
        yield f"  {key} by {proof}"


def _tests(suite: Any) -> Iterator[str]:
    if suite.tests:
        yield f"  {suite.name}"
    for test in suite.tests:
        key = tests_by_id.of_tags(test.tags) or "–"
        ids = requirement_ids(test.tags)
        yield f"    {key:<7} {test.name}  " + (
            paint(" ".join(ids), "grey") if ids else paint("no requirement", "yellow")
        )
    for child in suite.suites:
        yield from _tests(child)


def _rest(known: Mapping[str, Requirement], shown: set[str], proofs: Proofs) -> Iterator[str]:
    """The requirements that no area answers for, by their headings, and the sum of all holes."""
    rest = [requirement for requirement in known.values() if requirement.area not in shown]
    for section in dict.fromkeys(requirement.section for requirement in rest):
        own = [requirement for requirement in rest if requirement.section == section]
        yield paint(f"{section}: {plural(len(own), 'requirement')}", "bold")
        yield from _untested(sort(own, proofs))
        for requirement in own:
            for test in proofs.by_pytest.get(requirement.id, ()):
                yield f"    {requirement.id:<7} {test}"
    holes = sort(known.values(), proofs).holes
    yield paint(f"{plural(len(known), 'requirement')}, {len(holes)} without a test: {spans(holes)}", "bold")
