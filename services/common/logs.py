"""JSON log lines on stderr that carry the request id and the Robot test id.

A line at level ``error`` says that the service is at fault. What a client does wrong is ``info`` with a ``code``, and
what an orderly stop cuts off is ``warning``.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
from contextvars import ContextVar
from typing import Any

import structlog

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
test_id: ContextVar[str | None] = ContextVar("test_id", default=None)

_SECRET_FIELDS = frozenset(
    {
        "authorization",
        "cookie",
        "set-cookie",
        "password",
        "token",
        "access_token",
        "refresh_token",
        "session_token",
    }
)

# What uvicorn says of clients, louder than it is.
_MISTAKES_OF_CLIENTS = {
    "Invalid UTF-8 sequence received from client.": "invalid_text",
    "Invalid HTTP request received.": "malformed_request",
    "Unsupported upgrade request.": "unsupported_upgrade",
}
_STOP_CUTS_OFF = "timeout graceful shutdown exceeded"


def reason(error: BaseException) -> str:
    """What a log says of an error: its kind, and its text where it has one; many, such as time-outs, have none."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def fingerprint(token: str) -> str:
    """How a log may name a token: the first 8 hex digits of its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:8]


def onward_headers() -> dict[str, str]:
    """Headers by which a call to another service keeps the ids of the request that caused it."""
    ids = {"X-Request-Id": request_id.get(), "X-Test-Id": test_id.get()}
    return {name: value for name, value in ids.items() if value}


def _add_context(service: str, instance: str) -> structlog.types.Processor:
    def add(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        event["service"] = service
        event["instance"] = instance
        event.setdefault("request_id", request_id.get())
        event.setdefault("test_id", test_id.get())
        return event

    return add


def _drop_secrets(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    for name in _SECRET_FIELDS.intersection(event):
        event[name] = "***"
    return event


def _judge_server(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Give a line of uvicorn that is no fault of the service its true level, and no traceback."""
    message = str(event["event"]).strip()
    if code := _MISTAKES_OF_CLIENTS.get(message):
        event.update(level="info", code=code, exc_info=None)
    elif _STOP_CUTS_OFF in message or _cancelled(event):
        event.update(level="warning", code="cut_off_by_stop", exc_info=None)
    return event


def _cancelled(event: structlog.types.EventDict) -> bool:
    error = (event.get("exc_info") or (None, None))[1]
    return isinstance(error, asyncio.CancelledError)


def configure(service: str, instance: str, level: str) -> None:
    """Send structlog and the standard library's warnings through one JSON renderer to stderr."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _add_context(service, instance),
        _drop_secrets,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, _judge_server, *shared[1:]],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of the running service."""
    return structlog.get_logger()  # type: ignore[no-any-return]
