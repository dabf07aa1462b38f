"""Learns secrets where they come into being: what requests and answers carry is registered before anything shows it.

Whatever a process sends and gets through ``requests``, RequestsLibrary included, and by `lockstep.wire` is seen from
the first import of this module on; sockets hand over what they sent and got.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter

from lockstep import codes, issued, wire
from lockstep.dialect.sensitive import is_secret
from lockstep.masking import FIELDS, register

_LARGEST = 1 << 20
_NAMED = re.compile("access|refresh|password|secret|token|ticket|verifier|code", re.IGNORECASE)


def learn_data(data: Any, *, of_answer: bool = False) -> None:
    """Register what in ``data`` (decoded JSON, or values by name) is a secret by its name, however deep it stands.

    What only sounds like one must look random as well: ``token_type`` is called so too. What stands ``of_answer`` has
    been issued; what stands in a request may be any text that a test presents.
    """
    if isinstance(data, Mapping):
        for name, value in data.items():
            if isinstance(value, str):
                learn(str(name), value, of_answer=of_answer)
            else:
                learn_data(value, of_answer=of_answer)
    elif isinstance(data, list | tuple):
        for value in data:
            learn_data(value, of_answer=of_answer)


def learn(name: str, value: str, *, of_answer: bool = False) -> None:
    """Register ``value`` if it is a secret by its name, or by name and look."""
    if name in FIELDS or ((is_secret(name) or name == "code") and codes.is_random(value)):
        _register(value, of_answer)


def learn_text(text: str | bytes | None, *, of_answer: bool = False) -> None:
    """``learn_data`` of a body or frame that is JSON or a form; any other has nothing to learn from."""
    if not isinstance(text, str | bytes) or len(text) > _LARGEST:
        return
    plain = text.decode(errors="replace") if isinstance(text, bytes) else text
    if not _NAMED.search(plain):
        return
    if plain.lstrip()[:1] in ("{", "["):
        try:
            learn_data(json.loads(plain), of_answer=of_answer)
        except (ValueError, RecursionError):
            return
    elif "=" in plain and "<" not in plain:
        learn_query(plain, of_answer=of_answer)


def learn_query(query: str, *, of_answer: bool = False) -> None:
    """What parameters of a form or an address carry."""
    for name, value in parse_qsl(query):
        learn(name, value, of_answer=of_answer)


def learn_headers(fields: Iterable[tuple[str, str]], *, of_answer: bool = False) -> None:
    """What the fields of a request or an answer carry: credentials, cookies, and codes in an address."""
    for name, value in fields:
        match name.lower():
            case "authorization" | "proxy-authorization":
                _learn_random(value.partition(" ")[2], of_answer)
            case "cookie":
                for pair in value.split(";"):
                    _learn_cookie(pair, of_answer)
            case "set-cookie":
                _learn_cookie(value.partition(";")[0], of_answer)
            case "location" | "referer":
                _learn_address(value, of_answer)
            case _:
                learn(name, value, of_answer=of_answer)


def _learn_address(address: str, of_answer: bool) -> None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    learn_query(parts.query, of_answer=of_answer)
    learn_query(parts.fragment, of_answer=of_answer)


def _learn_cookie(pair: str, of_answer: bool) -> None:
    _learn_random(pair.partition("=")[2].strip().strip('"'), of_answer)


def _learn_random(value: str, of_answer: bool) -> None:
    if codes.is_random(value):
        _register(value, of_answer)


def _register(value: str, of_answer: bool) -> None:
    register(value)
    if of_answer:
        issued.report(value)


def _watch(send: Any) -> Any:
    def sent(adapter: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        learn_headers(_texts(request.headers))
        _learn_address(str(request.url), of_answer=False)
        learn_text(request.body if isinstance(request.body, str | bytes) else None)
        answer: requests.Response = send(adapter, request, *args, **kwargs)
        # requests joins several Set-Cookie fields with commas; the list of urllib3 has them apart.
        fields = getattr(answer.raw, "headers", answer.headers)
        learn_headers(_texts(fields), of_answer=True)
        if not kwargs.get("stream"):
            learn_text(answer.content, of_answer=True)
        return answer

    return sent


def _texts(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in fields.items()]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# requests has no hook for every session; its adapter is the one way by which all of them send.
HTTPAdapter.send = _watch(HTTPAdapter.send)  # type: ignore[method-assign]
wire.watch(learn_headers, learn_text)
