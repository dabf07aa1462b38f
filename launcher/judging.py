"""Each test is judged here, during the run and at its end, from Robot's result and what the run knows beside it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lockstep.verdicts import UNKNOWN_TAG

from launcher import expected, verdicts
from launcher.expected import XFAIL_TAG, ExpectedFailure
from launcher.outcome import JudgedTest
from launcher.verdicts import Verdict

_TAGS = {Verdict.UNKNOWN: UNKNOWN_TAG, Verdict.XFAIL: XFAIL_TAG}


@dataclass(frozen=True)
class RobotTest:
    """A test as Robot reports it: its full name, its status, and its time in seconds."""

    name: str
    status: str
    message: str = ""
    tags: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Rules:
    """What decides beside Robot: the failures that are declared, and the day."""

    excuses: Sequence[ExpectedFailure] = ()
    today: datetime.date = field(default_factory=datetime.date.today)

    def judge(self, test: RobotTest) -> tuple[RobotTest, JudgedTest]:
        """``test`` as its reports shall show it, and its verdict."""
        status, message = expected.rewrite(test.name, test.status, test.message, self.excuses, self.today)
        verdict = verdicts.of_test(status, message, excused=status != test.status == "FAIL")
        tags = test.tags
        if verdict in _TAGS and _TAGS[verdict] not in tags:
            tags = (*tags, _TAGS[verdict])
        shown = replace(test, status=status, message=message, tags=tags)
        return shown, JudgedTest(test.name, verdict, message, tags, test.seconds)
