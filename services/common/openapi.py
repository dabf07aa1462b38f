"""OpenAPI that is true: the errors that a service really answers with, in place of FastAPI's own 422."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.common.settings import VERSION

_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457; `code` is a stable word",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
    },
}


def install(app: FastAPI, title: str) -> None:
    """Serve the description of ``app`` at its ``openapi_url``, made once, when it is first asked for."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, title)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _described(app: FastAPI, title: str) -> dict[str, Any]:
    schema = get_openapi(title=title, version=VERSION, routes=app.routes)
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    for operations in schema["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            if responses.pop("422", None) and "400" not in responses:
                responses["400"] = problem("malformed or invalid input")
            responses.setdefault("default", problem("an error"))
    return schema


def problem(description: str) -> dict[str, Any]:
    """The description of one problem answer."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}
