"""Each test is judged here, during the run and at its end, from Robot's result and what the run knows beside it.

A skip is believed only where its reason is known: a declared failure, or what the target lacks. What the target lacks
is asked of its profile: by the test's ``needs:`` tags, and for what a library found out while the test ran by the
record that `lockstep.applicability` keeps in the folder of the run.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lockstep import applicability, expected
from lockstep.causes import before_teardowns
from lockstep.expected import XFAIL_TAG, ExpectedFailure
from lockstep.verdicts import UNKNOWN_TAG, causes
from PlatformLibrary import offer
from PlatformLibrary.profile import Profile

from launcher import summary, verdicts
from launcher.outcome import JudgedTest
from launcher.verdicts import Verdict

_TAGS = {Verdict.UNKNOWN: UNKNOWN_TAG, Verdict.XFAIL: XFAIL_TAG}


@dataclass(frozen=True)
class RobotTest:
    """A test as Robot reports it: its full name, its status, its time in seconds, and its own name (``title``)."""

    name: str
    status: str
    message: str = ""
    tags: tuple[str, ...] = ()
    seconds: float = 0.0
    title: str = ""


@dataclass(frozen=True)
class Rules:
    """What decides beside Robot: the target, the failures that are declared, the day, and the folder of the run."""

    profile: Profile
    folder: Path
    excuses: Sequence[ExpectedFailure] = ()
    today: datetime.date = field(default_factory=datetime.date.today)

    def judge(self, test: RobotTest) -> tuple[RobotTest, JudgedTest]:
        """``test`` as its reports shall show it, and its verdict."""
        status, message = expected.rewrite(test.name, test.tags, test.status, test.message, self.excuses, self.today)
        lacking = test.status == "SKIP" and is_lacking(test, self.profile, self._records())
        verdict = verdicts.of_test(status, message, test.tags, excused=status != test.status == "FAIL", lacking=lacking)
        tags = test.tags
        if verdict in _TAGS and _TAGS[verdict] not in tags:
            tags = (*tags, _TAGS[verdict])
        shown = replace(test, status=status, message=message, tags=tags)
        return shown, JudgedTest(test.name, verdict, message, tags, test.seconds, title=test.title)

    def _records(self) -> Sequence[Mapping[str, str]]:
        return summary.recorded(self.folder / applicability.RECORDS)


def is_lacking(test: RobotTest, profile: Profile, records: Sequence[Mapping[str, str]]) -> bool:
    """Whether each cause of a skip is something that the target lacks; what teardowns missed then is no cause."""
    missing = offer.first_missing(profile, test.tags)
    known = {missing.verdict} if missing and missing.allowed else set()
    known |= {record["message"] for record in records if _holds(record, test, profile)}
    found = causes(before_teardowns(test.message))
    return bool(found) and known.issuperset(found)


def _holds(record: Mapping[str, str], test: RobotTest, profile: Profile) -> bool:
    """Whether ``record`` is about ``test``, or a suite of it, and about something that the target does lack."""
    missing = offer.missing(profile, record["lacks"])
    return missing is not None and missing.allowed and f"{test.name}.".startswith(f"{record['scope']}.")
