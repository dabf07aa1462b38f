"""What the library does by itself: NA verdicts before a setup, evidence after a failure, platforms given back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lockstep.unknown import UNKNOWN
from robot.api import logger

from . import offer
from .embedded.errors import HostEndedError, PlatformError
from .profile import Profile

if TYPE_CHECKING:
    from .library import PlatformLibrary


class TargetListener:
    """Library listener (API version 3) of `PlatformLibrary`."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, library: PlatformLibrary) -> None:
        self._library = library

    def start_suite(self, data: Any, result: Any) -> None:
        """A suite of which nothing can be checked here starts no platform."""
        try:
            profile = self._library.profile()
        except PlatformError:
            # The suite's own setup fails with it, where the reader looks for it.
            return
        tests = list(data.all_tests)
        if tests and all(_not_applicable(profile, test.tags) for test in tests):
            data.setup = None
            data.teardown = None

    def start_test(self, data: Any, result: Any) -> None:
        """Replace a test that the target cannot answer by its verdict; remember where the logs are."""
        self._library.attachments.test_begins()
        if reason := self._library.end_of_host():
            _replace(data, "BuiltIn.Fatal Error", f"{UNKNOWN}{reason}")
            return
        if wrong := offer.unknown_capability(data.tags):
            _replace(data, "BuiltIn.Fail", wrong)
            return
        try:
            missing = offer.first_missing(self._library.profile(), data.tags)
        except PlatformError:
            return
        if missing and missing.allowed:
            _replace(data, "BuiltIn.Skip", missing.verdict)
        elif missing:
            _replace(data, "BuiltIn.Fail", f"{missing.verdict} (declared by the profile, and this run is certified)")

    def end_test(self, data: Any, result: Any) -> None:
        """Attach the services' log lines to a failed test, and which processes of its platform had ended.

        Where the host has ended, whatever failed may have failed by that; where the target is refused, nothing has run.
        """
        if result.failed and (reason := self._library.end_of_host()):
            result.message = f"{UNKNOWN}{reason}"
        elif result.failed and (refusal := self._library.why_refused()):
            result.message = refusal
        elif result.failed and (found := self._library.attachments.of(data, result, self._library.ended_processes)):
            logger.info(found, html=True)

    def end_suite(self, data: Any, result: Any) -> None:
        """Give back what the suite leased for itself; with the host it has gone."""
        with contextlib.suppress(HostEndedError):
            self._library.end_of_suite(data.full_name)

    def close(self) -> None:
        """The run is over."""
        self._library.close()


def _not_applicable(profile: Profile, tags: Sequence[str]) -> bool:
    missing = offer.first_missing(profile, tags)
    return missing is not None and missing.allowed and not offer.unknown_capability(tags)


def _replace(data: Any, keyword: str, message: str) -> None:
    """All that the test does is to end with ``message``."""
    data.setup = None
    data.teardown = None
    data.body.clear()
    data.body.create_keyword(keyword, args=[message])
