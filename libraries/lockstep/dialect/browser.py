"""The part ``browser``: the page of a target, how users act on it by hand, and how it shows where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockstep.dialect.entries import Entries, Place, known, listed, text
from lockstep.dialect.templates import fields

ACTS: Mapping[str, frozenset[str]] = {
    "sign_in": frozenset(),
    "sign_out": frozenset(),
    "sign_out_at_provider": frozenset(),
    "new_room": frozenset(),
    "open_room": frozenset(),
    "send": frozenset({"text"}),
    "go_on": frozenset(),
}
"""What users do on a page, and the values without which it would do nothing: ``sign_out_at_provider`` is the
click that a page offers after ``sign_out``, ``open_room`` opens the newest conversation, ``go_on`` is the click that a
page asks for which has stopped by itself."""
MARKS = (
    "signed_in",
    "signed_out",
    "connected",
    "disconnected",
    "user",
    "room",
    "message",
    "unsent",
    "partial",
    "notice",
)
"""What a page shows: ``user`` is the user's name, ``room`` what is there when a conversation is open, ``message`` each
message that is stored, ``unsent`` each that is not yet, ``partial`` an answer of which more is to come."""
_KINDS = ("click", "fill", "press")


@dataclass(frozen=True)
class Act:
    """One act of a hand: a ``click`` on what ``selector`` finds, a text (``value``) that is filled in, a key."""

    kind: str
    selector: str
    value: str = ""

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Act:
        """From ``{click: selector}``, ``{fill: selector, with: template}`` or ``{press: key, at: selector}``."""
        entries = Entries(value, place, "an act such as {click: '#send'}")
        kind = entries.one_of(*_KINDS)
        if kind is None:
            raise place.wrong("an act needs one of click, fill or press")
        if kind == "click":
            found = cls(kind, entries.take("click", text))
        elif kind == "fill":
            found = cls(kind, entries.take("fill", text), entries.take("with", text))
        else:
            key = entries.take("press", text)
            found = cls(kind, entries.take("at", text), key)
        entries.end()
        return found


@dataclass(frozen=True)
class Browser:
    """The page at ``path`` of the endpoint ``at``; selectors of ``marks`` are CSS."""

    place: Place
    at: str | None
    path: str
    acts: Mapping[str, tuple[Act, ...]]
    marks: Mapping[str, str]
    answer: str | None = None

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Browser:
        """From the part ``browser`` of a dialect."""
        entries = Entries(value, place)
        found = cls(
            place,
            entries.take("at", text, None),
            entries.take("path", _path, "/"),
            entries.take("acts", known(ACTS, listed(Act.from_yaml)), {}),
            entries.take("marks", known(MARKS, text), {}),
            entries.take("answer", text, None),
        )
        entries.end()
        for name, needed in ACTS.items():
            given = {field for act in found.acts.get(name, ()) for field in fields(act.value)}
            if name in found.acts and (lacking := needed - given):
                raise place.at("acts").at(name).wrong(f"{{{sorted(lacking)[0]}}} is filled in nowhere")
        return found


def _path(value: Any, place: Place) -> str:
    found = text(value, place)
    if not found.startswith("/"):
        raise place.wrong(f"a path such as / or /chat is needed, not {value!r}")
    return found
