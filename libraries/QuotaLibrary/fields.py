"""The header fields that announce quotas, read strictly.

``RateLimit`` and ``RateLimit-Policy`` are those of draft-ietf-httpapi-ratelimit-headers-10, ``Retry-After`` that of
RFC 9110 §10.2.3. ``X-RateLimit-*`` follow no standard: a limit, what remains of it, and when it is whole again, in
seconds from the answer or since the epoch.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_ITEM = re.compile(r'"(?P<name>[^"\\]+)"(?P<parameters>(?:;\s*[a-z][a-z0-9_.*-]*=(?:\d+|"[^"]*"|[A-Za-z*][^\s;,]*))*)')
_PARAMETER = re.compile(r";\s*(?P<key>[a-z][a-z0-9_.*-]*)=(?P<value>\d+)(?=;|$)")

UNSTANDARDISED = "x-ratelimit"
"""The name of the quota in ``X-RateLimit-*``, which give it none."""

_PARTS = ("Limit", "Remaining", "Reset")
# More seconds than any quota's: an instant since the epoch.
_AN_INSTANT = 1_000_000_000
_ROUNDED = 2


class FieldError(ValueError):
    """A field that does not follow the draft; the message shows it."""


@dataclass(frozen=True)
class Quota:
    """One policy and where it stands: ``limit`` per ``window`` (s), ``remaining``, ``reset`` (s from the answer).

    ``window`` is None where the fields do not say it.
    """

    name: str
    limit: int
    window: int | None
    remaining: int
    reset: int
    rounding: int = 0
    """So many seconds less ``reset`` may be: of an instant in whole seconds, compared with a date in whole seconds."""


def read(policy: str | None, rate: str | None) -> dict[str, Quota]:
    """The quotas of ``RateLimit-Policy`` and ``RateLimit`` by name; both must name the same ones.

    Raises FieldError for a malformed item, a missing parameter (q and w, r and t) or a quota that one field lacks.
    """
    policies, rates = _items("RateLimit-Policy", policy, "qw"), _items("RateLimit", rate, "rt")
    if policies.keys() != rates.keys():
        raise FieldError(f"RateLimit-Policy ({policy}) and RateLimit ({rate}) name different quotas")
    return {
        name: Quota(name, policies[name]["q"], policies[name]["w"], rates[name]["r"], rates[name]["t"])
        for name in policies
    }


def read_unstandardised(header: Callable[[str], str | None]) -> Quota | None:
    """The quota of ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset`` (or ``X-Rate-Limit-…``); None without them.

    Raises FieldError for one that is missing or no number.
    """
    found = {part: header(f"X-RateLimit-{part}") or header(f"X-Rate-Limit-{part}") for part in _PARTS}
    if not any(found.values()):
        return None
    numbers: dict[str, int] = {}
    for part, text in found.items():
        if text is None or not re.fullmatch(r"\d+(\.\d+)?", text.strip()):
            raise FieldError(f"X-RateLimit-{part}: {'missing' if text is None else f'{text} is no number'}")
        numbers[part] = math.ceil(float(text))
    reset, rounding = numbers["Reset"], 0
    if reset >= _AN_INSTANT:
        reset, rounding = max(0, math.ceil(reset - _now(header))), _ROUNDED
    return Quota(UNSTANDARDISED, numbers["Limit"], None, numbers["Remaining"], reset, rounding)


def read_retry_after(header: Callable[[str], str | None]) -> int | None:
    """The seconds of ``Retry-After``; a date in it is compared with that of the answer. Raises FieldError."""
    text = header("Retry-After")
    if text is None:
        return None
    if text.strip().isdecimal():
        return int(text)
    try:
        return max(0, math.ceil(parsedate_to_datetime(text).timestamp() - _now(header)))
    except ValueError:
        raise FieldError(f"Retry-After: {text} is neither seconds nor a date (RFC 9110 §10.2.3)") from None


def _now(header: Callable[[str], str | None]) -> float:
    """The answer's own time, else that of this machine (seconds since the epoch)."""
    try:
        return parsedate_to_datetime(header("Date") or "").timestamp()
    except ValueError:
        return time.time()


def _items(field: str, text: str | None, needed: str) -> dict[str, dict[str, int]]:
    items: dict[str, dict[str, int]] = {}
    for part in re.split(r"\s*,\s*", text.strip()) if text else []:
        item = _ITEM.fullmatch(part)
        if item is None:
            raise FieldError(f"{field}: {text} is no list of named items")
        values = {one["key"]: int(one["value"]) for one in _PARAMETER.finditer(item["parameters"])}
        if missing := [key for key in needed if key not in values]:
            raise FieldError(f"{field}: {part} lacks {' and '.join(missing)}")
        if item["name"] in items:
            raise FieldError(f"{field}: {text} names {item['name']} twice")
        items[item["name"]] = values
    return items
