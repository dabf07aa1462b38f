"""The steps of a word: requests, pages, frames and commands, as the dialect's file describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep.dialect.entries import Entries, Place, anything, flag, listed, mapped, one_of, seconds, text
from lockstep.dialect.errors import nearest
from lockstep.dialect.frames import FrameOut
from lockstep.dialect.paths import Conditions, Reading, json_path
from lockstep.dialect.refusals import Alternatives, alternatives, statuses

METHODS = ("get", "post", "put", "patch", "delete")
ROLES = ("none", "user", "administrator")
BODIES = ("json", "form", "multipart", "body")
WORDS: Mapping[str, str] = {
    "sign_up": "none",
    "sign_up_by_hand": "none",
    "sign_in": "none",
    "sign_in_short": "none",
    "sign_in_elsewhere": "none",
    "refresh": "user",
    "sign_out": "user",
    "sessions": "user",
    "revoke_session": "user",
    "revoke_all": "user",
    "change_profile": "user",
    "change_password": "user",
    "change_role": "administrator",
    "deactivate": "user",
    "activate": "administrator",
    "delete_account": "user",
    "room": "user",
    "rooms": "user",
    "delete_room": "user",
    "send": "user",
    "delete_message": "user",
    "history": "user",
    "limited": "user",
    "introspect": "administrator",
}
"""The words of ``operations``, and as whom each is done where its steps do not say it."""
SUCCESS = (range(200, 300),)
_PAGE = (range(200, 400),)
_SECRET = ("password", "passwd", "secret", "client_secret", "api_key", "authorization", "x-api-key")


@dataclass(frozen=True)
class Until:
    """A request is repeated until its answer is so, at most for ``within`` seconds, ``every`` so many seconds."""

    when: Conditions
    within: float
    every: float

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Until:
        """From a mapping with ``when``, ``within`` and ``every``."""
        entries = Entries(value, place, "a mapping with when, within and every")
        found = cls(
            entries.take("when", Conditions.read),
            entries.take("within", seconds, 30.0),
            entries.take("every", seconds, 0.25),
        )
        entries.end()
        return found


@dataclass(frozen=True)
class Pages:
    """A list comes in pages of ``size`` items: after a full one ``parameter`` of the query is ``item`` of its last."""

    parameter: str
    item: str
    size: int

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Pages:
        """From a mapping with ``by``, ``from`` and ``size``."""
        entries = Entries(value, place, "a mapping with by, from and size")
        found = cls(entries.take("by", text), entries.take("from", text), entries.take("size", _size))
        entries.end()
        return found


def _size(value: Any, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise place.wrong(f"a number of items, at least 1, is needed, not {value!r}")
    return value


@dataclass(frozen=True)
class Step:
    """One step; ``kind`` is ``request``, ``page``, ``frame``, ``command`` or ``given`` (templates, nothing is sent).

    ``at`` are the endpoints that serve it, the usual one first; none where each does.
    """

    place: Place
    kind: str
    role: str
    method: str = "get"
    path: str = ""
    at: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body_kind: str | None = None
    body: Any = None
    follow: bool = False
    status: tuple[range, ...] = SUCCESS
    read: Mapping[str, Reading] = field(default_factory=dict)
    each: str | None = None
    items: Mapping[str, str] = field(default_factory=dict)
    pages: Pages | None = None
    until: Until | None = None
    answer: Conditions | None = None
    failure: Conditions | None = None
    refused: Alternatives = ()
    frame: FrameOut | str | None = None
    argv: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    def where(self, endpoint: str) -> str:
        """The endpoint that it goes to, for a caller that would like this one."""
        return endpoint if endpoint in self.at or not self.at else self.at[0]

    def reads(self, name: str) -> bool:
        """Whether the step reads a value of this name; of a frame of ``socket.out`` that is not known here."""
        if isinstance(self.frame, FrameOut):
            return name in (self.frame.read or {})
        return self.frame is not None or name in self.read


@dataclass(frozen=True)
class StepReader:
    """Reads the steps of one word, which is done as ``role`` where a step does not say it."""

    role: str

    def steps(self, value: Any, place: Place) -> tuple[Step, ...]:
        """One step or a list."""
        found = listed(self.step)(value, place)
        if not found:
            raise place.wrong("no step: nothing would be done")
        return found

    def step(self, value: Any, place: Place) -> Step:
        """One step."""
        entries = Entries(value, place, "a step (a request, page, frame, command, or what is given)")
        kind = entries.one_of(*METHODS, "page", "frame", "command", "given")
        if kind is None:
            unknown = [name for name in entries.names if name not in _STEP]
            if unknown:
                raise place.at(unknown[0]).wrong(f"unknown entry{nearest(unknown[0], _STEP)}")
            raise place.wrong(f"a step needs one of {', '.join(METHODS)}, page, frame, command or given")
        role = entries.take("as", one_of(*ROLES), self.role)
        if kind == "frame":
            found = Step(
                place, "frame", role, frame=_frame(entries), each=entries.take("each", json_path, None),
                items=_items(entries),
            )  # fmt: skip
        elif kind == "given":
            found = Step(place, "given", role, given=entries.take("given", mapped(anything)))
        elif kind == "command":
            found = _command(entries, place, role)
        else:
            found = _request(entries, place, role, kind)
        entries.end()
        return found


_STEP = (
    *METHODS, "page", "frame", "command", "given", "as", "at", "headers", "query", *BODIES, "follow", "status", "read",
    "each", "items", "pages", "until", "failure", "refused", "answer", "within",
)  # fmt: skip


def _request(entries: Entries, place: Place, role: str, kind: str) -> Step:
    is_page = kind == "page"
    body_kind = entries.one_of(*(("form",) if is_page else BODIES))
    return Step(
        place,
        "page" if is_page else "request",
        role,
        method="get" if is_page else kind,
        path=entries.take(kind, text),
        at=entries.take("at", listed(text), ()),
        headers=entries.take("headers", _headers, {}),
        query=entries.take("query", mapped(anything), {}),
        body_kind=body_kind,
        body=entries.take(body_kind, _body) if body_kind else None,
        follow=entries.take("follow", flag, is_page),
        status=entries.take("status", statuses, _PAGE if is_page else SUCCESS),
        read=entries.take("read", mapped(Reading.read), {}),
        each=entries.take("each", json_path, None),
        items=(items := _items(entries)),
        pages=entries.take("pages", lambda value, place: _pages(value, place, items), None),
        until=entries.take("until", Until.from_yaml, None),
        answer=entries.take("answer", Conditions.read, None),
        failure=entries.take("failure", Conditions.read, None),
        refused=entries.take("refused", alternatives, ()),
    )


def _items(entries: Entries) -> dict[str, str]:
    found: dict[str, str] = entries.take("items", mapped(json_path), {})
    if found and "each" not in entries.names:
        raise entries.place.at("items").wrong("each is missing, which says where the list stands")
    return found


def _pages(value: Any, place: Place, items: Mapping[str, str]) -> Pages:
    found = Pages.from_yaml(value, place)
    if found.item not in items:
        raise place.at("from").wrong(f"items has no {found.item}{nearest(found.item, tuple(items))}")
    return found


def _command(entries: Entries, place: Place, role: str) -> Step:
    argv = entries.take("command", listed(text))
    return Step(place, "command", role, argv=argv, read=entries.take("read", mapped(Reading.read), {}))


def _frame(entries: Entries) -> FrameOut | str:
    named = entries.take("frame", anything)
    return named if isinstance(named, str) and " " not in named else FrameOut.take(entries, "frame")


def _headers(value: Any, place: Place) -> dict[str, str]:
    return Entries(_body(value, place), place).each(text)


def _body(value: Any, place: Place) -> Any:
    """A body of templates; a secret that stands in it as it is, is an error."""
    for name, entry in value.items() if isinstance(value, dict) else ():
        where = place.at(name)
        if isinstance(entry, dict):
            _body(entry, where)
        elif name.lower() in _SECRET and isinstance(entry, str) and "{" not in entry and not where.secrets():
            raise where.wrong("a secret must not stand in the file: write ${NAME} and set NAME in the environment")
    return value
