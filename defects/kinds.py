"""What kinds of faults there are, as every entry of the catalogue names one."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The mistake behind a defect, whatever part of the platform makes it."""

    WRONG_CHECK = "wrong check"
    LOST_UPDATE = "lost update"
    WRONG_ORDER = "wrong order"
    DUPLICATE = "duplicate"
    RACE = "race"
    STALE_CACHE = "stale cache"
    MISSING_CLEAN_UP = "missing clean-up"
    LEAKED_DATA = "leaked data between users"
    WINDOW = "off-by-one window"
    LYING_ANSWER = "lying counter or header"
    DEGRADATION = "silent degradation"
    RESOURCE_LEAK = "resource leak"
    EARLY_ACKNOWLEDGEMENT = "ack before commit"
    RECOVERY = "recovery skips or repeats"
    BREAKER = "breaker never closes"
    DEAD_SYNC = "sync dies after one failure"
    WRONG_DATA = "wrong data"
    SLOWNESS = "slowness"
    SPREADING = "failure spreads"
