"""No secret in any output: a registry of known secrets, patterns for the rest, and the listener that applies both.

Known by sight, registered or not: anything shaped like a JWT, ``Bearer`` and ``Basic`` credentials, cookies called
``__Host-…`` and ``__Secure-…``, the authorization codes of OAuth (`lockstep.codes`), and the JSON or form fields in
`FIELDS`, whose random values are registered when they are seen. A JWT becomes ``<token 1a2b3c4d>``, the first eight hex
digits of its SHA-256, by which service logs name it too; everything else becomes ``***``.

Registered secrets are found as they are, and as they stand in URLs, JSON, HTML and base64. What requests and answers
carry is registered by `lockstep.learning`.

Not covered: ``--debugfile`` also takes messages below the log level, and Robot Framework shows those to no listener; a
listener may read variables, arguments (``data.args``) and any object that it can reach for itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from urllib.parse import quote, quote_plus

from robot.api.types import Secret
from robot.result import ForIteration

from lockstep import codes, issued
from lockstep.codes import STARS

FIELDS = (
    "access_token",
    "refresh_token",
    "session_token",
    "id_token",
    "service_token",
    "password",
    "code_verifier",
    "client_secret",
    "secret",
)
SHORTEST = 8

_RUN = re.compile(r"[A-Za-z0-9_-]{16,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{20,}")
_LONGEST_PATH = 4096
_SAFE_TO_PLAIN = str.maketrans("-_", "+/")
_QUOTE = r"(?:\\*[\"']|&quot;|&#34;|&#39;)"
_NAMES = "|".join((*FIELDS, r"__(?:Host|Secure)-[\w-]+"))
_QUOTED = r"(?P<value>(?:(?!(?P=open))(?:\\.|.))+)"
_BARE = r"(?![$%@&]\{|<secret>|Secret\(|\*\*\*)[^\s&\"'\\,;<>|(){}\[\]]+"

_runs: set[str] = set()
_run_heads: set[str] = set()
_literals: list[str] = []


def register(value: str | Secret) -> None:
    """Makes every later output show ``***`` for ``value``; values shorter than eight characters are not masked.

    Tokens in JWT form need no registering, so they are not kept.
    """
    global _literals
    text = reveal(value)
    if len(text) < SHORTEST or text in _runs or text in _literals or _JWT.fullmatch(text):
        return
    if _RUN.fullmatch(text):
        _runs.add(text)
        _run_heads.add(text[:16])
    else:
        # A value that holds another one has to go first; a new list, since other threads go through the old one.
        _literals = sorted({*_literals, *written_forms(text)}, key=len, reverse=True)
    # What a test made up, or presents though it is an id, may well stand elsewhere.
    if codes.is_random(text) and not _UUID.fullmatch(text):
        issued.report(text)


def written_forms(text: str) -> Iterator[str]:
    """A secret as it stands in plain text, URLs and forms, JSON, Python's own notation and HTML."""
    yield text
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield html.escape(text)


def decoded(blob: str) -> Iterator[bytes]:
    """What a text that may be base64, in either alphabet, or a path of such pieces, then holds."""
    pieces = blob.split("/") if len(blob) < _LONGEST_PATH else ()
    for piece in dict.fromkeys((blob, *pieces)):
        usable = piece[: len(piece) - (len(piece) % 4 == 1)]
        if len(usable) >= SHORTEST:
            try:
                yield base64.b64decode(usable.translate(_SAFE_TO_PLAIN) + "=" * (-len(usable) % 4))
            except binascii.Error:
                continue


def secret(value: str) -> Secret:
    """``value`` registered and wrapped."""
    register(value)
    return Secret(value)


def reveal(value: str | Secret) -> str:
    """The text behind ``value``, wrapped or not."""
    return value.value if isinstance(value, Secret) else value


def mask(text: str) -> str:
    """``text`` without registered secrets and without what looks like one."""
    if len(text) < SHORTEST:
        return text
    for literal in _literals:
        if literal in text:
            text = text.replace(literal, STARS)
    for hints, pattern, replacement in _RULES:
        for hint in hints:
            if hint in text:
                text = pattern.sub(replacement, text)
                break
    if "code" in text:
        text = codes.masked(text)
    if _runs and len(text) >= 16:
        text = _RUN.sub(_mask_run, text)
    return _BLOB.sub(_mask_blob, text)


def _mask_blob(match: re.Match[str]) -> str:
    held = (data.decode(errors="replace") for data in decoded(match.group()))
    return STARS if any(map(_holds_secret, held)) else match.group()


def _holds_secret(text: str) -> bool:
    return (
        any(literal in text for literal in _literals)
        or _RUN.sub(_mask_run, text) != text
        or ("ey" in text and _JWT.search(text) is not None)
    )


def _mask_run(match: re.Match[str]) -> str:
    run = match.group()
    if run in _runs:
        return STARS
    start = 0
    while start + 16 <= len(run):
        if run[start : start + 16] in _run_heads:
            known = max((value for value in _runs if run.startswith(value, start)), key=len, default="")
            if known:
                return run[:start] + STARS + _RUN.sub(_mask_run, run[start + len(known) :])
        start += 1
    return run


def _name_token(match: re.Match[str]) -> str:
    return f"<token {hashlib.sha256(match.group().encode()).hexdigest()[:8]}>"


def _mask_field(match: re.Match[str]) -> str:
    value = match["value"]
    if _RUN.fullmatch(value):
        # Seen once beside its name, it is known wherever it turns up without it.
        register(value)
    return match.group()[: match.start("value") - match.start()] + STARS


_HINTS = ("token", "password", "secret", "verifier", "__Host-", "__Secure-")
_JWT = re.compile(r"ey[A-K][A-Za-z0-9_-]{6,}\.[A-Za-z0-9_=-]+(?:\.[A-Za-z0-9_=-]+)*")
_Replacement = str | Callable[[re.Match[str]], str]
_RULES: tuple[tuple[tuple[str, ...], re.Pattern[str], _Replacement], ...] = (
    (("ey",), _JWT, _name_token),
    (
        ("earer ", "asic ", "EARER ", "ASIC "),
        re.compile(r"\b(Bearer|Basic)(\s+)(?!<)[A-Za-z0-9._~+/=-]{16,}", re.IGNORECASE),
        rf"\1\2{STARS}",
    ),
    (_HINTS, re.compile(rf"({_QUOTE})(?:{_NAMES})\1\s*:\s*(?P<open>{_QUOTE}){_QUOTED}", re.DOTALL), _mask_field),
    (_HINTS, re.compile(rf"\b(?:{_NAMES})=(?P<open>{_QUOTE}){_QUOTED}", re.DOTALL), _mask_field),
    (_HINTS, re.compile(rf"\b(?:{_NAMES})=(?P<value>{_BARE})"), _mask_field),
)


class _Masked(str):
    """A masked message that still counts as the original one.

    When a listener changes the message of a keyword, Robot Framework replaces the exception behind it and so forgets
    that it was fatal, continuable or a deliberate pass. Masking must change what is written and nothing else.
    """

    __slots__ = ("original",)
    original: str

    def __eq__(self, other: object) -> bool:
        return other == self.original or str.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def _masked_message(text: str) -> str:
    masked = mask(text)
    if masked == text:
        return text
    stand_in = _Masked(masked)
    stand_in.original = text
    return stand_in


class MaskingListener:
    """Takes secrets out of log messages, arguments, loop values and failure messages before anybody sees them.

    There are two: `FIRST` comes before every other listener, so that none is shown a secret; `LISTENER` after them, for
    what they add. Robot Framework calls each once for each library that brings it, one after the other; all calls but
    the first return at once.
    """

    ROBOT_LISTENER_API_VERSION = 3
    ROBOT_LISTENER_PRIORITY: float = -1000

    # What was masked last by a listener of this place, at its start and since, and the last clean text, by whichever.
    _begun: ClassVar[list[Any]] = [None]
    _last: ClassVar[list[Any]] = [None]
    _clean: ClassVar[str] = ""

    def log_message(self, message: Any) -> None:
        if not self._is_new(message):
            return
        if message.message is not MaskingListener._clean:
            message.message = MaskingListener._clean = mask(message.message)

    message = log_message

    def _is_new(self, masked: Any) -> bool:
        if masked is self._last[0]:
            return False
        self._last[0] = masked
        return True

    def _begins(self, result: Any) -> bool:
        if result is self._begun[0]:
            return False
        self._begun[0] = result
        return True

    def start_keyword(self, data: Any, result: Any) -> None:
        if self._begins(result):
            _mask_arguments(result)

    def end_keyword(self, data: Any, result: Any) -> None:
        if not self._is_new(result):
            return
        _mask_arguments(result)
        if result.message:
            result.message = _masked_message(result.message)

    def start_body_item(self, data: Any, result: Any) -> None:
        if self._begins(result):
            _mask_values(result)

    def end_body_item(self, data: Any, result: Any) -> None:
        if not self._is_new(result):
            return
        _mask_values(result)
        if result.message:
            result.message = _masked_message(result.message)

    def end_test(self, data: Any, result: Any) -> None:
        result.message = mask(result.message)

    def end_suite(self, data: Any, result: Any) -> None:
        result.message = mask(result.message)


def _mask_arguments(result: Any) -> None:
    if result.args:
        result.args = tuple(_masked_value(value) for value in result.args)


def _mask_values(result: Any) -> None:
    for name in ("value", "values"):
        found = getattr(result, name, None)
        if isinstance(found, tuple | list):
            setattr(result, name, tuple(_masked_value(value) for value in found))
    if isinstance(result, ForIteration):
        result.assign = {name: mask(str(value)) for name, value in result.assign.items()}


def _masked_value(value: Any) -> Any:
    text = value if isinstance(value, str) else str(value)
    masked = mask(text)
    return value if masked == text else masked


class FirstListener(MaskingListener):
    """Comes before every other listener."""

    ROBOT_LISTENER_PRIORITY = float("inf")
    _begun: ClassVar[list[Any]] = [None]
    _last: ClassVar[list[Any]] = [None]


FIRST = FirstListener()
LISTENER = MaskingListener()
