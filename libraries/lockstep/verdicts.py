"""What makes a verdict in any run of Robot, with or without ``./run``; docs/guide.md has the table of verdicts.

`LISTENER` comes with each library: in plain robot it applies the declared failures, and it marks by a tag what is
UNKNOWN or XFAIL. `weaker` and `unbounded` are for libraries that judge a target by what it declares.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar, NoReturn

from robot.libraries.BuiltIn import BuiltIn

from lockstep import expected, machine, reasons
from lockstep.causes import before_skipped_teardown, before_teardowns, is_not_applicable
from lockstep.causes import causes as causes
from lockstep.causes import is_unknown as is_unknown
from lockstep.unknown import UNKNOWN as UNKNOWN
from lockstep.unknown import Unknown as Unknown

UNKNOWN_TAG = "unknown"
WEAKER_TAG = "weaker"
UNBOUNDED_TAG = "unbounded"


def fail(what: str) -> NoReturn:
    """Fail with ``what``: raises ``Unknown`` where it begins so, else ``AssertionError``."""
    raise Unknown(what) if what.startswith(UNKNOWN) else AssertionError(what)


def weaker(reason: str, reference: str) -> None:
    """The running test holds as the target declares, below the recommendation of ``reference``: WEAKER if it passes.

    Robot shows PASS with the tag ``weaker`` and the message ``weaker: <reason> (<reference>)``. Raises ``RuntimeError``
    outside of a test.
    """
    _remark(WEAKER_TAG, f"{reasons.given(reason)} ({reasons.given(reference)})")


def unbounded(measured: str) -> None:
    """The target declares nothing that the running test could find broken: UNBOUNDED if it passes.

    ``measured`` is what was seen, such as "still honoured after 60 s". Robot shows PASS with the tag ``unbounded`` and
    the message ``unbounded: <measured>``; the test does not count as executed. Raises ``RuntimeError`` outside of a
    test.
    """
    _remark(UNBOUNDED_TAG, measured)


def _remark(tag: str, text: str) -> None:
    robot = BuiltIn()
    robot.set_test_message(f"{tag}: {text}", append=True, separator="\n")
    robot.set_tags(tag)


class VerdictListener:
    """Measures from each test's start, and gives each test at its end the status and tag of its verdict.

    Robot Framework calls one for each library that brings one, one after the other; all calls but the first return at
    once. Under ``./run`` the launcher applies the declared failures, which it believes from nobody else.
    """

    ROBOT_LISTENER_API_VERSION = 3
    # After those that look for failures, before the masking of messages.
    ROBOT_LISTENER_PRIORITY = -500

    _started: ClassVar[Any] = None
    _ended: ClassVar[Any] = None

    def start_suite(self, data: Any, result: Any) -> None:
        machine.test_begins()

    def start_test(self, data: Any, result: Any) -> None:
        if result is not VerdictListener._started and not _not_set_up(result.parent):
            VerdictListener._started = result
            machine.test_begins()

    def end_test(self, data: Any, result: Any) -> None:
        if result is VerdictListener._ended:
            return
        VerdictListener._ended = result
        if result.has_teardown and result.teardown.skipped and is_not_applicable(result.message):
            _judge_without_teardown(result)
        if result.skipped and is_not_applicable(result.message) and len(causes(before_teardowns(result.message))) > 1:
            # It had failed before it came to what the target lacks.
            result.status = "FAIL"
        if "LOCKSTEP_RUN_DIR" not in os.environ:
            expected.apply(result)
        if result.failed and is_unknown(result.message):
            result.tags.add(UNKNOWN_TAG)


def _not_set_up(suite: Any) -> bool:
    """Whether the tests of ``suite`` fail by its setup, so that the time since its start counts for them."""
    return bool(suite.setup and suite.setup.failed)


def _judge_without_teardown(result: Any) -> None:
    """Give ``result`` what it had before its teardown needed what the target lacks: there was nothing to undo."""
    ran = [*([result.setup] if result.has_setup else []), *result.body]
    result.message = before_skipped_teardown(result.message)
    if any(step.failed for step in ran):
        result.status = "FAIL"
    elif not any(step.skipped for step in ran):
        result.status = "PASS"


LISTENER = VerdictListener()
