"""A Robot listener: the first test that finds something wrong is the last; one that is UNKNOWN stops nothing."""

from __future__ import annotations

import os
import signal
from typing import Any

from lockstep.causes import is_unknown


class Stopping:
    """Ends the run in order, as Ctrl-C does."""

    ROBOT_LISTENER_API_VERSION = 3

    def end_test(self, data: Any, result: Any) -> None:
        """Look at the verdict."""
        if result.status == "FAIL" and not is_unknown(result.message):
            os.kill(os.getpid(), signal.SIGINT)
