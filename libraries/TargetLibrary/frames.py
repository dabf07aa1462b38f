"""Frames that do a word, as the log has them: sent, and what came; the report of a target reads them again."""

from __future__ import annotations

import json
from typing import Any

from lockstep.dialect.line import Opened
from lockstep.masking import mask
from robot.api import logger


def log(url: str, sent: Any, came: Opened) -> None:
    """One frame with its answer, without secrets, as RequestsLibrary has requests: two lines of a kind of their own."""
    logger.info(mask(f"FRAME Sent : url={url} \n frame={_shown(sent)}"))
    how = "answered" if came.ok else "refused" if came.refused else "not answered"
    logger.info(
        mask(f"FRAME Received : url={url} \n how={how} \n frame={_shown(came.frame) if came.frame else came.why}")
    )


def _shown(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False, default=str)
