"""The auth service: sign-up, login, tokens, sessions and users (``docs/protocol.md`` §1 and §2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.auth import core
from services.auth.routes import (
    admin_sessions,
    admin_users,
    login,
    operations,
    provider_logout,
    sessions,
    tokens,
    users,
    well_known,
)
from services.auth.settings import Settings
from services.common import http, openapi
from services.common.problems import Problem


def create_app(settings: Settings) -> FastAPI:
    """The app; it starts without PostgreSQL and Redis too, answers 503 meanwhile, and finds them when they come."""
    auth = core.build(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with auth.running():
            app.state.ready = True
            yield

    app = http.make_app(lifespan)
    app.state.auth = auth
    http.install(app, "auth", settings, auth.stores)
    app.add_exception_handler(psycopg.DataError, _on_data_error)
    # In the order of how often they are asked: a path is looked for in each router before.
    credential = [Depends(http.service_credential(settings))]
    for guarded in (admin_sessions, admin_users, operations):
        app.include_router(
            guarded.router, dependencies=credential, responses={401: openapi.problem("no service credential")}
        )
    for router in (*tokens.routers, sessions.router, users.router, login.router, *provider_logout.routers):
        app.include_router(router)
    app.include_router(well_known.router)
    openapi.install(app, "Lockstep auth")
    return app


async def _on_data_error(_request: Request, _error: Exception) -> Response:
    # A NUL, for one: JSON can hold it, PostgreSQL cannot.
    return Problem(400, "invalid_request", "a value is not one that can be stored").response()
