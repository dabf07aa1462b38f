"""The chat page's files, and errors as a page for those who look at them in a browser."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.common import etags
from services.common.json_bodies import Router
from services.common.problems import Problem

_FOLDER = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/assets/app.css": ("app.css", "text/css; charset=utf-8"),
    "/assets/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/assets/socket.js": ("socket.js", "text/javascript; charset=utf-8"),
    "/assets/log.js": ("log.js", "text/javascript; charset=utf-8"),
    "/assets/session.js": ("session.js", "text/javascript; charset=utf-8"),
    "/assets/tab.js": ("tab.js", "text/javascript; charset=utf-8"),
    "/assets/view.js": ("view.js", "text/javascript; charset=utf-8"),
    "/assets/icon.svg": ("icon.svg", "image/svg+xml"),
}


def security_headers(public_url: str) -> dict[str, str]:
    """Nothing from elsewhere, nothing inline, no frame around it (OWASP ASVS 3.4)."""
    socket_origin = f"wss://{urlsplit(public_url).netloc}"
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {socket_origin}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def problem_answer(request: Request, problem: Problem, public_url: str) -> Response:
    """``problem`` as a page for a browser, as ``application/problem+json`` for all others."""
    if "text/html" not in request.headers.get("accept", ""):
        return problem.response()
    page = (_FOLDER / "problem.html").read_text()
    filled = page.replace("{detail}", escape(problem.detail)).replace("{code}", escape(problem.code))
    return HTMLResponse(filled, problem.status, {**problem.headers, **security_headers(public_url)})


def router(public_url: str) -> Router:
    """The routes of the page's files, which are read once."""
    routes = Router()
    common = security_headers(public_url)
    for path, (name, media_type) in _FILES.items():
        content = (_FOLDER / name).read_bytes()
        routes.add_api_route(path, _file(content, media_type, common), methods=["GET", "HEAD"])
    return routes


def _file(
    content: bytes, media_type: str, common: dict[str, str]
) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    fields = {**common, "ETag": etag, "Cache-Control": "no-cache"}

    async def answer(request: Request) -> Response:
        if _holds(request.headers.getlist("if-none-match"), etag):
            return Response(status_code=304, headers=fields)
        return Response(content, headers=fields, media_type=media_type)

    return answer


def _holds(if_none_match: list[str], etag: str) -> bool:
    """Whether the client has this version (RFC 9110 §13.1.2: compared weakly); what is no list names none."""
    if not if_none_match:
        return False
    try:
        tags = etags.parse(if_none_match)
    except ValueError:
        return False
    return tags is None or etag in (f'"{tag.text}"' for tag in tags)
