"""What the OAuth endpoints have in common: form bodies, and errors in the words of RFC 6749 §5.2."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from starlette.responses import JSONResponse

from services.common.json_bodies import StrictRoute
from services.common.problems import Problem

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_WORDS = {400: "invalid_request", 401: "invalid_client", 403: "access_denied", 503: "temporarily_unavailable"}


class OAuthRoute(StrictRoute):
    """A route whose problems become OAuth errors; ``code`` stays beside them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, with its problems translated."""
        handler = super().get_route_handler()

        async def translated(request: Request) -> Response:
            try:
                answer = await handler(request)
            except Problem as problem:
                word = problem.extra.get("error") or _WORDS.get(problem.status, "invalid_request")
                body = {"error": word, "error_description": problem.detail, "code": problem.code}
                return JSONResponse(body, problem.status, {**problem.headers, **NO_STORE})
            answer.headers.update(NO_STORE)
            return answer

        return translated


def refused(error: str, description: str) -> Problem:
    """400 with the OAuth error word ``error``."""
    return Problem(400, error, description, error=error)


async def form(request: Request) -> dict[str, str]:
    """The fields of a form body; empty ones count as absent, a repeated one is an error (RFC 6749 §3.2)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise refused("invalid_request", "the body must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl((await request.body()).decode(), strict_parsing=False, errors="strict", max_num_fields=50)
    except ValueError:
        raise refused("invalid_request", "the form cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise refused("invalid_request", "a parameter is repeated")
    return fields


def required(fields: dict[str, str], *names: str) -> list[str]:
    """The values of ``names``, all of which must be there."""
    missing = [name for name in names if name not in fields]
    if missing:
        raise refused("invalid_request", f"missing: {', '.join(missing)}")
    return [fields[name] for name in names]


def form_schema(*needed: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The OpenAPI description of a form body."""
    properties = {name: {"type": "string"} for name in (*needed, *optional)}
    schema = {"type": "object", "required": list(needed), "properties": properties}
    return {"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}}


_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {name: {"type": "string"} for name in ("error", "error_description", "code")},
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the OAuth errors of a route."""
    answer = {"description": "RFC 6749 §5.2", "content": {"application/json": {"schema": _ERROR_SCHEMA}}}
    return dict.fromkeys((*statuses, "default"), answer)
