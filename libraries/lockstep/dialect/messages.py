"""What goes to a target and what comes back, without saying how: the same for Robot, threads and asyncio."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lockstep.dialect.cookies import Cookie
from lockstep.dialect.errors import NotRead
from lockstep.dialect.frames import FrameOut
from lockstep.dialect.paths import Reading
from lockstep.dialect.templates import MISSING

_SHOWN = 300
# What a token, a cookie or a key is made of (RFC 6750 §2.1, RFC 6265 §4.1.1).
_WORD_AT_END = re.compile(r"[\w~+/=.%:|-]+\Z")
_WORD_AT_START = re.compile(r"\A[\w~+/=.%:|-]+")


@dataclass(frozen=True)
class Request:
    """One HTTP request to the endpoint of this name; redirects are not followed, since they are answers."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    endpoint: str = ""
    reads: Mapping[str, Reading] = field(default_factory=dict, repr=False, compare=False)
    """What is going to be read of the answer; who logs it may want to mask that first."""

    @property
    def target(self) -> str:
        """Path and query."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


@dataclass(frozen=True)
class Answer:
    """What came back. ``headers`` are pairs in the order of the answer, names in lower case.

    ``status`` is None where nothing came back; ``error`` says why then.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    url: str = ""
    error: str = ""

    @cached_property
    def json(self) -> Any:
        """The decoded body; ``MISSING`` where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return MISSING

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str | None:
        """The first header of this name, in whatever case."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    def redirect(self, parameter: str) -> str | None:
        """A parameter of ``Location``, of its query or, as in OAuth's implicit flow, of its fragment."""
        parts = urlsplit(self.header("location") or "")
        found = parse_qs(parts.query).get(parameter) or parse_qs(parts.fragment).get(parameter)
        return found[0] if found else None

    def __str__(self) -> str:
        if self.status is None:
            return f"no answer: {self.error or 'no reason given'}"
        where = self.header("location")
        text = " ".join(self.text.split())
        shown = beginning(text)
        return f"{self.status}{f' to {where}' if where else ''}{f', {shown}' if shown else ', no body'}"


def beginning(text: str) -> str:
    """At most 300 characters; no word is cut, since a part of a secret is masked by nobody."""
    return text if len(text) <= _SHOWN else f"{_WORD_AT_END.sub('', text[: _SHOWN + 1])[:_SHOWN]}…"


def end(text: str) -> str:
    """As `beginning`, of the last 300 characters."""
    return text if len(text) <= _SHOWN else f"…{_WORD_AT_START.sub('', text[-_SHOWN - 1 :])[-_SHOWN:]}"


@dataclass(frozen=True)
class Pause:
    """Nothing is to be sent for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Command:
    """A program to be run on this machine; its answer is a `Ran`."""

    argv: tuple[str, ...]


@dataclass(frozen=True)
class Ran:
    """How a program ended, and what it wrote."""

    code: int
    output: str


@dataclass(frozen=True)
class FrameCall:
    """A frame that a socket of its own is opened for; its answer is a `FrameAnswer`.

    ``session`` is whose socket it is, None for one without a credential; ``values`` fill the frame's template.
    """

    frame: FrameOut
    session: Session | None
    values: Mapping[str, Any] = field(repr=False)
    endpoint: str = ""


@dataclass(frozen=True)
class FrameAnswer:
    """The frame (decoded) that answered one, or in words why none did; ``refused`` where it said no.

    ``answer`` is that of the handshake, where this was refused already.
    """

    frame: Any = None
    ok: bool = True
    refused: bool = False
    why: str = ""
    answer: Answer | None = None


@dataclass(frozen=True)
class NeedAdministrator:
    """The session of the administrator is needed; ``renew`` where the last one was refused."""

    renew: bool = False


Action = Request | Pause | Command | FrameCall | NeedAdministrator


@dataclass(frozen=True, repr=False)
class Session:
    """One sign-in of an account, or an account that is not signed in yet: what is known of it, and its cookies.

    It never changes: a word that reads something new returns another one, so an older one is what was true before.
    """

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cookies: tuple[Cookie, ...] = field(default=(), repr=False)

    def with_values(self, values: Mapping[str, Any]) -> Session:
        """The same, and this is known too."""
        return Session({**self.values, **values}, self.cookies)

    def without(self, *names: str) -> Session:
        """The same, and these are not known."""
        return Session({name: value for name, value in self.values.items() if name not in names}, self.cookies)

    def __repr__(self) -> str:
        known = (self.values.get(name) for name in ("name", "email", "user"))
        name = next((str(value) for value in known if value is not None), "nobody")
        device = self.values.get("device")
        return f"<{'session' if self.is_signed_in else 'account'} of {name}{f' on {device}' if device else ''}>"

    @property
    def is_signed_in(self) -> bool:
        """Whether it holds a token or a cookie."""
        return "access" in self.values or bool(self.cookies)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.values[name]
        except KeyError:
            raise NotRead(name, ", ".join(sorted(self.values)) or "nothing") from None


@dataclass(frozen=True)
class Outcome:
    """What became of a word: the session after it, what was read, and the last answer.

    ``ok`` says whether each step was answered as the dialect expects it; ``refused`` whether the last answer is what
    the dialect calls a refusal, ``classes`` which ones; ``why`` says in words what was wrong; ``late`` whether that was
    a wait (``until``) whose time was over.
    """

    session: Session
    read: Mapping[str, Any] = field(default_factory=dict, repr=False)
    items: tuple[Mapping[str, Any], ...] = ()
    answer: Answer | None = None
    request: Request | None = None
    ok: bool = True
    refused: bool = False
    classes: tuple[str, ...] = ()
    why: str = ""
    late: bool = False


Talk = Generator[Action, Any, Outcome]
"""A word under way: it yields what is to be done and is sent what came of it, and returns its outcome."""
