"""The smaller parts of a dialect: endpoints, credentials, administrator, accounts, token, stores and control."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockstep.dialect.entries import Entries, Place, flag, known, listed, mapped, number, one_of, seconds, shown, text
from lockstep.dialect.steps import WORDS, Step, StepReader

LIMITS = (
    "access_ttl", "short_access_ttl", "refresh_ttl", "session_idle", "session_absolute", "short_session_idle",
    "short_session_absolute", "session_limit", "rate_limit", "rate_window", "socket_rate_limit", "login_failure_limit",
    "login_failure_window", "address_login_failure_limit", "ping_interval", "ping_timeout", "max_replay",
    "resume_window", "message_size", "keys_ttl", "socket_queue", "users", "burst", "body_size", "frame_size",
    "invalid_frames",
)  # fmt: skip
"""Times are in seconds, sizes in bytes, quotas in requests or messages of a window; ``users`` and ``burst`` are what a
load may be at most: users, and messages that one of them sends at once."""
VERBS = ("start", "stop", "kill", "pause", "resume", "restart", "replace", "logs")
_URL = re.compile(r"(https?|wss?)://[^/\s]+|\{platform\.")


def url(value: Any, place: Place) -> str:
    """An address, or a template that begins with one of the platform's values."""
    found = text(value, place)
    if not _URL.match(found):
        raise place.wrong(f"an address such as http://host:port, or {{platform.…}}, is needed, not {shown(value)}")
    return found.rstrip("/")


@dataclass(frozen=True)
class Endpoint:
    """One named entry point. ``ready`` empty means that any answer will do; ``instance`` is what control calls it."""

    name: str
    place: Place
    url: str
    socket: str | None = None
    instance: str | None = None
    ready: tuple[Step, ...] = ()
    who: tuple[Step, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Endpoint:
        """From one entry of ``endpoints``: an address, or a mapping."""
        entries = Entries({"url": value} if isinstance(value, str) else value, place)
        found = cls(
            str(place.path[-1]),
            place,
            entries.take("url", url),
            entries.take("socket", _socket_url, None),
            entries.take("instance", text, None),
            entries.take("ready", _ready, ()),
            entries.take("who", StepReader("user").steps, ()),
            entries.take("headers", mapped(text), {}),
        )
        entries.end()
        if found.who and not found.who[-1].reads("user"):
            raise place.at("who").wrong("read.user is missing, which says where the user's id stands")
        return found


def _socket_url(value: Any, place: Place) -> str:
    found = text(value, place)
    if not re.match(r"wss?://|\{", found):
        raise place.wrong(f"an address such as ws://host:port/path is needed, not {shown(value)}")
    return found


def _ready(value: Any, place: Place) -> tuple[Step, ...]:
    """``any``, or steps."""
    return () if value == "any" else StepReader("none").steps(value, place)


@dataclass(frozen=True)
class Csrf:
    """What unsafe requests of a cookie's session carry: the cookie's value in a header, and a referer."""

    cookie: str | None
    header: str | None
    referer: str | None

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Csrf:
        """From a mapping with ``cookie``, ``header`` and ``referer``."""
        entries = Entries(value, place)
        found = cls(*(entries.take(name, text, None) for name in ("cookie", "header", "referer")))
        entries.end()
        if bool(found.cookie) != bool(found.header):
            raise place.wrong("cookie says which one's value goes along and header where: both, or neither")
        return found


@dataclass(frozen=True)
class Credentials:
    """Where a token travels over HTTP: templates by ``header``, ``cookie`` and ``query``, the usual one first.

    With ``jar`` the cookies that answers set are kept and sent, as in a browser.
    """

    place: Place
    places: Mapping[str, tuple[str, str]]
    jar: bool = False
    csrf: Csrf | None = None

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Credentials:
        """From the part ``credentials`` of a dialect."""
        entries = Entries(value, place)
        readers = {"header": _header, "cookie": _named, "query": _named}
        places = {name: entries.take(name, readers[name]) for name in entries.names if name in readers}
        entries.has(*readers)
        found = cls(
            place,
            places,
            entries.take("jar", flag, False),
            entries.take("csrf", Csrf.from_yaml, None),
        )
        entries.end()
        if not places and not found.jar:
            raise place.wrong("no place for a token: header, cookie or query is missing, or jar: yes")
        return found


def _header(value: Any, place: Place) -> tuple[str, str]:
    """``Name: template``."""
    name, colon, template = text(value, place).partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+", name) or not template.strip():
        raise place.wrong(f"a header such as 'Authorization: Bearer {{access}}' is needed, not {shown(value)}")
    return name, template.strip()


def _named(value: Any, place: Place) -> tuple[str, str]:
    """``name`` (of ``{access}``) or ``name={template}``."""
    name, equals, template = text(value, place).partition("=")
    return name.strip(), template.strip() if equals else "{access}"


@dataclass(frozen=True)
class Administrator:
    """Who may do what users may not: a fixed header, or a sign-in that is renewed by itself."""

    place: Place
    header: tuple[str, str] | None = None
    sign_in: tuple[Step, ...] = ()

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Administrator:
        """From a mapping with ``header`` or ``sign_in``; a literal secret is an error."""
        entries = Entries(value, place)
        which = entries.one_of("header", "sign_in")
        if which is None:
            raise place.wrong("header or sign_in is missing")
        found = cls(
            place,
            entries.take("header", _header, None),
            entries.take("sign_in", StepReader("none").steps, ()),
        )
        entries.end()
        if found.header and not place.at("header").secrets() and "{platform." not in found.header[1]:
            raise place.at("header").wrong("a secret must not stand in the file: write ${NAME} and set NAME")
        return found


@dataclass(frozen=True)
class Accounts:
    """Where accounts come from: made by ``sign_up`` from these templates, or given by a file or variable."""

    place: Place
    made: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None
    environment: str | None = None

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Accounts:
        """From a mapping with ``made``, ``file`` or ``environment`` (the name of a variable)."""
        entries = Entries(value, place)
        which = entries.one_of("made", "file", "environment")
        if which is None:
            raise place.wrong("made, file or environment is missing")
        found = cls(
            place,
            entries.take("made", mapped(_template), {}),
            entries.take("file", text, None),
            entries.take("environment", text, None),
        )
        entries.end()
        return found

    def listed_in(self, folder: Path) -> Path | None:
        """The file of given accounts; a relative one starts at the dialect's folder."""
        return (folder / self.file).resolve() if self.file else None


def _template(value: Any, place: Place) -> Any:
    if place.path[-1] == "password" and isinstance(value, str) and "{" not in value and not place.secrets():
        raise place.wrong("a secret must not stand in the file: write {secret}, which makes one up, or ${NAME}")
    return value


@dataclass(frozen=True)
class Roles:
    """A role that ``change_role`` gives, and the words of ``operations`` that a user with it may not do."""

    place: Place
    reduced: str
    takes: tuple[str, ...] = ()

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Roles:
        """From the part ``roles`` of a dialect."""
        entries = Entries(value, place)
        found = cls(place, entries.take("reduced", text), entries.take("takes", listed(one_of(*WORDS)), ()))
        entries.end()
        return found


@dataclass(frozen=True)
class Logs:
    """What stands in the logs: ``request_id`` is the header by which a caller names a request."""

    request_id: str | None = None

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Logs:
        """From the part ``logs`` of a dialect."""
        entries = Entries(value, place)
        found = cls(entries.take("request_id", text))
        entries.end()
        return found


@dataclass(frozen=True)
class Token:
    """What an access token is."""

    place: Place
    form: str = "opaque"
    algorithms: tuple[str, ...] = ()
    type: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)
    issuer: str | None = None
    audience: str | None = None
    keys: str | None = None
    metadata: str | None = None
    key: str | None = field(default=None, repr=False)
    signing_key: str | None = None
    duplicates: str = "refused"

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Token:
        """From the part ``token`` of a dialect."""
        entries = Entries(value, place)
        found = cls(
            place,
            entries.take("form", one_of("jwt", "opaque"), "opaque"),
            entries.take("algorithms", listed(text), ()),
            entries.take("type", text, None),
            entries.take("claims", _claims, {}),
            entries.take("issuer", text, None),
            entries.take("audience", text, None),
            entries.take("keys", url, None),
            entries.take("metadata", url, None),
            entries.take("key", text, None),
            entries.take("signing_key", text, None),
            entries.take("duplicates", one_of("refused", "last"), "refused"),
        )
        entries.end()
        if found.key and not place.at("key").secrets():
            raise place.at("key").wrong("a secret must not stand in the file: write ${NAME} and set NAME")
        if found.form == "opaque" and len(entries.names) > ("form" in entries.names):
            raise place.wrong("an opaque token has no algorithms, claims, issuer, audience, type or keys")
        return found


CLAIMS: Mapping[str, str] = {
    "user": "sub", "session": "sid", "issuer": "iss", "audience": "aud", "expiry": "exp", "issued": "iat",
    "roles": "roles",
}  # fmt: skip
"""Which claim holds what, where a dialect does not say otherwise (RFC 7519 §4.1); others are compared."""


def _claims(value: Any, place: Place) -> dict[str, str]:
    entries = Entries(value, place)
    found = {name: entries.take(name, text, usual) for name, usual in CLAIMS.items()}
    return found | entries.each(text)


KINDS: Mapping[str, str] = {"user": "id", "session": "id", "message": "id", "messages": "room", "traces": "id"}
"""What can be looked up in a store, by which value: ``messages`` are all of a room, ``traces`` all that a user has."""


@dataclass(frozen=True)
class Store:
    """A database, and how what is in `KINDS` is found there: by a query (SQL) or a key (Redis)."""

    place: Place
    url: str
    find: Mapping[str, str]
    hold: str | None = None
    """A statement of PostgreSQL: while its transaction lasts, no message can be stored in the room."""

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> Store:
        """From one entry of ``stores``."""
        entries = Entries(value, place)
        address = entries.take("url", text)
        if not re.match(r"postgres(ql)?://|sqlite://|rediss?://|\{platform\.", address):
            raise place.at("url").wrong("postgresql://…, sqlite:///path or redis://… is needed")
        found = cls(place, address, entries.known(KINDS, _lookup), entries.take("hold", text, None))
        entries.end()
        if not found.find:
            raise place.wrong(f"nothing can be looked up: one of {', '.join(KINDS)} is needed")
        return found


def _lookup(value: Any, place: Place) -> str:
    found, wanted = text(value, place), KINDS[str(place.path[-1])]
    if f"{{{wanted}}}" not in found:
        raise place.wrong(f"{{{wanted}}} is missing: whatever is stored would do")
    return found


@dataclass(frozen=True)
class ControlFacts:
    """How the processes of the target are controlled, by which adapter of PlatformLibrary."""

    adapter: str = "none"
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pids: Mapping[str, Any] = field(default_factory=dict)
    compose_file: str | None = None
    project: str | None = None
    instances: Mapping[str, str] = field(default_factory=dict)
    stores: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_yaml(cls, value: Any, place: Place) -> ControlFacts:
        """From the part ``control`` of a dialect."""
        entries = Entries(value, place)
        found = cls(
            entries.take("adapter", one_of("none", "embedded", "pids", "commands", "compose"), "none"),
            entries.take("commands", known(VERBS, listed(text)), {}),
            entries.take("pids", mapped(_pid), {}),
            entries.take("compose_file", text, None),
            entries.take("project", text, None),
            entries.take("instances", mapped(text), {}),
            entries.take("stores", mapped(text), {}),
        )
        entries.end()
        needed = {"pids": "pids", "commands": "commands", "compose": "compose_file"}
        for adapter, entry in needed.items():
            if (adapter == found.adapter) != (entry in entries.names):
                wrong = "is missing" if adapter == found.adapter else f"goes with adapter {adapter} only"
                raise place.wrong(f"{entry} {wrong}")
        return found


def _pid(value: Any, place: Place) -> int | str:
    """A process id, or the file that holds it."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        return value
    return text(value, place)


def limits(value: Any, place: Place) -> dict[str, float]:
    """The part ``limits`` of a dialect."""
    entries = Entries(value, place)
    is_time = ("ttl", "idle", "absolute", "window", "interval", "timeout")
    found = entries.known([name for name in LIMITS if name.endswith(is_time)], seconds)
    found |= entries.known([name for name in LIMITS if not name.endswith(is_time)], number)
    entries.end()
    return found
