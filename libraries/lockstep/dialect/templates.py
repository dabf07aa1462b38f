"""Templates: ``{name}`` in a text stands for a value; one that is the whole text keeps the value's type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from lockstep.dialect.entries import Place
from lockstep.dialect.errors import nearest

_FIELD = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z_][\w.-]*)(?P<optional>\?)?\}")
_UNQUOTED = ("base", "platform")
MISSING: Any = type("Missing", (), {"__repr__": lambda self: "nothing", "__bool__": lambda self: False})()
"""What a path, or an optional template, leads to where there is nothing."""


def fill(template: Any, values: Mapping[str, Any], place: Place) -> Any:
    """``template`` with its fields replaced, in texts, lists and mappings.

    ``{name}`` alone keeps the value's type; ``{name?}`` alone drops the entry where there is no such value; ``{{`` and
    ``}}`` are braces. Raises ``DialectError`` for a name that has no value.
    """
    if isinstance(template, Mapping):
        filled = {fill(name, values, place): fill(entry, values, place.at(name)) for name, entry in template.items()}
        return {name: entry for name, entry in filled.items() if entry is not MISSING}
    if isinstance(template, list | tuple):
        entries = [fill(entry, values, place.at(index)) for index, entry in enumerate(template)]
        return [entry for entry in entries if entry is not MISSING]
    if not isinstance(template, str) or ("{" not in template and "}" not in template):
        return template
    whole = _FIELD.fullmatch(template)
    if whole and whole["name"]:
        return _value(whole, values, place)
    return _FIELD.sub(lambda match: _as_text(match, values, place), template)


def fill_url(template: str, values: Mapping[str, Any], place: Place) -> str:
    """As `fill`, with values escaped as a part of a URL needs it (RFC 3986 §2.1); ``{base}`` is left as it is."""

    def replace(match: re.Match[str]) -> str:
        text = _as_text(match, values, place)
        return text if (match["name"] or "base").split(".")[0] in _UNQUOTED else quote(text, safe="")

    return _FIELD.sub(replace, template)


def fields(template: Any, *, optional: bool = False) -> Iterator[str]:
    """The names that ``template`` needs; with ``optional`` those that it only may have, too."""
    if isinstance(template, Mapping):
        for name, entry in template.items():
            yield from fields(name, optional=optional)
            yield from fields(entry, optional=optional)
    elif isinstance(template, list | tuple):
        for entry in template:
            yield from fields(entry, optional=optional)
    elif isinstance(template, str):
        found = (match for match in _FIELD.finditer(template) if match["name"])
        yield from (match["name"] for match in found if optional or not match["optional"])


def step_into(data: Any, part: str) -> Any:
    """The member ``part`` of a mapping, or the entry of a list at that position; ``MISSING`` where there is none."""
    if isinstance(data, Mapping):
        return data.get(part, MISSING)
    if isinstance(data, list | tuple) and part.lstrip("-").isdigit() and -len(data) <= int(part) < len(data):
        return data[int(part)]
    return MISSING


def _as_text(match: re.Match[str], values: Mapping[str, Any], place: Place) -> str:
    if not match["name"]:
        return match.group()[0]
    value = _value(match, values, place)
    return "" if value is MISSING or value is None else str(value)


def _value(match: re.Match[str], values: Mapping[str, Any], place: Place) -> Any:
    name = match["name"]
    found: Any = values
    for part in (name,) if name in values else name.split("."):
        found = step_into(found, part)
    if found is MISSING and not match["optional"]:
        raise place.wrong(f"{{{name}}} has no value here{nearest(name, values)}")
    return found
