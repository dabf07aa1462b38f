"""Errors as ``application/problem+json`` (RFC 9457) with the stable codes of ``docs/protocol.md``."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from services.common import logs

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large", 400: "invalid_request"}


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """An answer that is an error: ``status``, the stable ``code``, and a ``detail`` a human can act on."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra
        self.session_id: str | None = None
        """Whose token was refused, where its signature is genuine; never shown."""

    def response(self) -> Response:
        """The answer of RFC 9457; ``extra`` members stand beside the standard ones."""
        body = {
            "type": f"urn:lockstep:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": logs.request_id.get(),
            **self.extra,
        }
        return JSONResponse(body, self.status, self.headers, media_type="application/problem+json")


def token_missing() -> Problem:
    """401 with the bare challenge of RFC 6750 §3: no error code when no token was sent."""
    return Problem(
        401, "token_missing", "no access token was sent", headers={"WWW-Authenticate": 'Bearer realm="lockstep"'}
    )


def token_refused(code: str, detail: str, session_id: str | None = None) -> Problem:
    """401 with the challenge of RFC 6750 §3.1 for a token that was sent and is not good."""
    challenge = f'Bearer realm="lockstep", error="invalid_token", error_description="{detail}"'
    problem = Problem(401, code, detail, headers={"WWW-Authenticate": challenge})
    problem.session_id = session_id
    return problem


def unavailable(dependency: str, retry_after: int = 1) -> Problem:
    """503 that names the dependency that is away (``auth``, ``database``, ``redis``, …)."""
    return Problem(
        503, f"{dependency}_unavailable", f"{dependency} does not answer", headers={"Retry-After": str(retry_after)}
    )


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _on_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()[:5])
    return Problem(400, "invalid_request", wrong).response()


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, f"http_{error.status_code}")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
    return Problem(error.status_code, code, str(error.detail), headers=headers).response()


def _allowed(request: Request) -> list[str]:
    """Every method that the path takes (RFC 9110 §10.2.1): each may stand in a route of its own."""
    routes = request.app.router.routes

    def is_taken(method: str) -> bool:
        return any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)

    return [method for method in _METHODS if is_taken(method)]


def install(app: FastAPI) -> None:
    """Make ``app`` answer every foreseen error as a problem; the unforeseen is ``http.Requests``' job."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
