"""What the library does by itself: NA verdicts before a setup, evidence after a failure, platforms given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockstep import test_identity
from robot.api import logger

from . import evidence, offer
from .embedded.errors import PlatformError

if TYPE_CHECKING:
    from .library import PlatformLibrary


class TargetListener:
    """Library listener (API version 3) of `PlatformLibrary`."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, library: PlatformLibrary) -> None:
        self._library = library
        self._marks: dict[str, int] = {}

    def start_suite(self, data: Any, result: Any) -> None:
        """A suite of which nothing can be checked here starts no platform."""
        try:
            profile = self._library.profile()
        except PlatformError:
            # The suite's own setup fails with it, where the reader looks for it.
            return
        tests = list(data.all_tests)
        if tests and all(self._skipped(offer.first_missing(profile, test.tags)) for test in tests):
            data.setup = None
            data.teardown = None

    def start_test(self, data: Any, result: Any) -> None:
        """Replace a test that the target cannot answer by its verdict; remember where the logs are."""
        self._marks = evidence.offsets(self._library.logs_in_use())
        try:
            missing = offer.first_missing(self._library.profile(), data.tags)
        except PlatformError:
            return
        if missing is None:
            return
        data.setup = None
        data.teardown = None
        data.body.clear()
        if self._skipped(missing):
            data.body.create_keyword("BuiltIn.Skip", args=[missing.verdict])
        else:
            data.body.create_keyword(
                "BuiltIn.Fail", args=[f"{missing.verdict} (declared by the profile, and this run is certified)"]
            )

    def end_test(self, data: Any, result: Any) -> None:
        """Attach the services' log lines to a failed test."""
        if result.failed:
            test_id = test_identity.printable(data.full_name)
            logs = self._library.logs_in_use()
            sections = {
                instance: evidence.of_test(evidence.since(path, self._marks.get(instance, 0)), test_id)
                for instance, path in logs.items()
            }
            if found := evidence.block(sections):
                logger.info(found, html=True)

    def end_suite(self, data: Any, result: Any) -> None:
        """Give back what the suite leased for itself."""
        self._library.end_of_suite(data.full_name)

    def close(self) -> None:
        """The run is over."""
        self._library.close()

    @staticmethod
    def _skipped(missing: offer.Missing | None) -> bool:
        return missing is not None and not (missing.declared and offer.certified())
