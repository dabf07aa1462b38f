"""What is wrong with a profile: what its schema refuses, and what nobody would read."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lockstep.dialect.entries import Names
from lockstep.dialect.errors import nearest

SCHEMA = Path(__file__).with_name("profile.schema.json")
ADAPTERS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "embedded": (),
    "pids": ("pids",),
    "commands": ("commands", "instances"),
    "compose": ("compose_file", "project", "instances"),
}
"""The control adapters, and which entries of ``control`` each of them reads."""
_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
# Entries of earlier versions: nothing ever read them.
_INSTEAD: Mapping[Names, str] = {
    ("login",): "users sign up and sign in as docs/protocol.md says",
    ("adapter",): "a class of yours that controls the target is named by control.adapter",
    ("mapping", "frames"): "what frames mean to histories is said by mapping.history",
    ("mapping", "fields"): "only a dialect knows other names (docs/dialect.md)",
    ("mapping", "claims"): "only a dialect knows other names (docs/dialect.md)",
    ("mapping", "tables"): "only a dialect knows other names (docs/dialect.md)",
    ("mapping", "close_codes"): "only a dialect knows other codes (docs/dialect.md)",
}


@functools.cache
def schema() -> dict[str, Any]:
    """The schema of profiles."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    return loaded


def wrong(entries: Any) -> list[tuple[Names, str]]:
    """Where something is wrong with the ``entries`` of a profile, and what; empty of a good one."""
    if not isinstance(entries, dict):
        return [((), "a profile is a mapping with kind, capabilities and control")]
    import jsonschema  # a tenth of a second that only readers of profiles pay

    errors = jsonschema.Draft202012Validator(schema()).iter_errors(entries)
    found = [_told(error) for error in sorted(errors, key=lambda it: (list(map(str, it.absolute_path)), it.message))]
    return [*found, *_unread(entries)]


def _told(error: Any) -> tuple[Names, str]:
    where, message = tuple(error.absolute_path), error.message
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        extra = next(name for name in error.instance if name not in known)
        where = (*where, extra)
        instead = f": {_INSTEAD[where]}" if where in _INSTEAD else nearest(extra, known)
        message = f"unknown entry {extra!r}{instead}"
        shown = ".".join(map(str, where[:-1]))
        return where, f"{shown}: {message}" if shown else message
    if error.validator == "enum":
        near = nearest(str(error.instance), map(str, error.validator_value))
        message = f"{error.instance!r} is none of {', '.join(map(str, error.validator_value))}"
        message += near if "did you mean" in near else ""
    elif error.validator == "not":
        entry = error.validator_value["required"][0]
        return (*where, entry), f"{entry} does not go with kind {error.instance.get('kind')!r}"
    shown = ".".join(map(str, where))
    return where, f"{shown}: {message}" if shown else message


def _unread(entries: Mapping[str, Any]) -> Iterator[tuple[Names, str]]:
    """What the schema allows, and nobody would read of a profile of this kind, or believe."""
    control, kind, capabilities = entries.get("control"), entries.get("kind"), entries.get("capabilities")
    if isinstance(control, dict) and isinstance(control.get("adapter"), str) and kind in ("embedded", "external"):
        yield from _unread_control(control, kind)
    if kind == "embedded" and "service_token_env" in entries:
        yield ("service_token_env",), "service_token_env: an embedded platform makes its own credential"
    if isinstance(not_offered := entries.get("not_offered"), dict) and isinstance(capabilities, list):
        for name in not_offered:
            if name in capabilities:
                yield (
                    ("not_offered", name),
                    f"not_offered.{name}: it is among the capabilities, too: take it out of one",
                )
    if isinstance(endpoints := entries.get("endpoints"), dict):
        for name, urls in endpoints.items():
            for number, url in enumerate(urls if isinstance(urls, list) else ()):
                if url and url in urls[:number]:
                    yield ("endpoints", name, number), f"endpoints.{name}.{number}: {url} is there twice"


def _unread_control(control: Mapping[str, Any], kind: str) -> Iterator[tuple[Names, str]]:
    adapter = control["adapter"]
    possible = [name for name in ADAPTERS if (name == "embedded") is (kind == "embedded")]
    if adapter not in possible and not (kind == "external" and _CLASS.fullmatch(adapter)):
        near = nearest(adapter, possible)
        yield (
            ("control", "adapter"),
            f"control.adapter: {adapter!r} is none of {', '.join(possible)}, and no dotted name of a class"
            f"{near if 'did you mean' in near else ''}",
        )
        return
    for name in control:
        readers = [repr(one) for one, read in ADAPTERS.items() if name in read]
        if readers and name not in ADAPTERS.get(adapter, ()):
            yield (
                ("control", name),
                f"control.{name}: the adapter {adapter!r} does not read it, only {' and '.join(readers)} does",
            )
