"""The header fields of draft-ietf-httpapi-ratelimit-headers-10, read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ITEM = re.compile(r'"(?P<name>[^"\\]+)"(?P<parameters>(?:;\s*[a-z][a-z0-9_.*-]*=(?:\d+|"[^"]*"|[A-Za-z*][^\s;,]*))*)')
_PARAMETER = re.compile(r";\s*(?P<key>[a-z][a-z0-9_.*-]*)=(?P<value>\d+)(?=;|$)")


class FieldError(ValueError):
    """A field that does not follow the draft; the message shows it."""


@dataclass(frozen=True)
class Quota:
    """One policy and where it stands: ``limit`` per ``window`` (s), ``remaining``, ``reset`` (s from the answer)."""

    name: str
    limit: int
    window: int
    remaining: int
    reset: int


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
