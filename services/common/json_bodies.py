"""JSON as RFC 8259 has it, in request bodies and frames: what is taken can be stored, read again and sent on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

MAX_DEPTH = 64
"""Encoders give up at some depth, each at another one: nobody needs as much."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is too large")
    return number


_decode = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite).decode


def parse(text: str | bytes) -> Any:
    """The value of ``text``, whose bytes are UTF-8; ValueError for all that is no JSON, and for what nests too deep."""
    try:
        written = text.decode() if isinstance(text, bytes) else text
        value = _decode(written)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    if written.count("[") + written.count("{") > MAX_DEPTH and _is_deep(value):
        raise ValueError(f"it nests deeper than {MAX_DEPTH}")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [one for held in level for one in _members(held) if isinstance(one, list | dict)]
        if not level:
            return False
    return True


def _members(held: Any) -> Any:
    return held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            try:
                self._json = parse(await self.body())
            except ValueError as error:
                # The one kind of error that FastAPI tells as what it is.
                raise json.JSONDecodeError(str(error), "", 0) from None
        return self._json


class StrictRoute(APIRoute):
    """A route whose body is JSON in the strict sense, or is refused with 400 ``invalid_request``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return strict


class Router(APIRouter):
    """A router of strict routes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"route_class": StrictRoute, **options})
