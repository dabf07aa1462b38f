"""The attributes of toxics as suites write them, with their units, in the plain numbers of Toxiproxy."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from robot.utils import timestr_to_secs

from .embedded.errors import PlatformError
from .embedded.toxics import attribute_of

_NUMBER = r"\d+(?:\.\d+)?"
_EXAMPLES = {"ms": "200ms", "us": "500us", "KB/s": "64 or 64KB/s", "bytes": "1024 or 1024B", "number": "3"}
_FACTORS = {"ms": 1e3, "us": 1e6}
_UNITS = {"KB/s": "kb/s", "bytes": "b(?:ytes?)?", "number": ""}


def number(type_: str, attribute: str, value: Any) -> Any:
    """The value of an attribute in its own unit; a PlatformError where the unit is another one or none.

    Times need their unit, since a plain number is seconds in Robot Framework and milliseconds in Toxiproxy.
    """
    unit = attribute_of(type_, attribute).unit
    if unit == "kind":
        return value
    found = _time(value, _FACTORS[unit]) if unit in _FACTORS else _amount(str(value), _UNITS[unit])
    if found is None:
        raise PlatformError(f"toxic {type_!r}: {attribute}={value} is wrong, it is given as {_EXAMPLES[unit]}")
    whole = attribute_of(type_, attribute).whole
    if whole and found != int(found):
        raise PlatformError(f"toxic {type_!r}: {attribute}={value} is wrong, it is a whole number")
    return int(found) if whole else found


def _time(value: Any, factor: float) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds() * factor
    text = str(value).strip()
    if re.fullmatch(_NUMBER, text):
        return 0.0 if float(text) == 0 else None
    try:
        return float(timestr_to_secs(text, round_to=None)) * factor
    except ValueError:
        return None


def _amount(text: str, unit: str) -> float | None:
    found = re.fullmatch(rf"({_NUMBER})\s*(?:{unit})?", text.strip(), re.IGNORECASE)
    return float(found[1]) if found else None
