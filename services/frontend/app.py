"""Frontend, the one public origin: chat page, login in cookies, way to auth and backend (``docs/protocol.md`` §5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route, WebSocketRoute

from services.common import http
from services.frontend import pages, sign_in
from services.frontend.forwarding import Forwarder
from services.frontend.settings import Settings
from services.frontend.sockets import SocketRelay
from services.frontend.upstream import Upstream


def create_app(settings: Settings) -> FastAPI:
    """The application; it is ready at once, and says of each service whether a request would find it."""
    auth = Upstream("auth", (settings.auth_url,), settings.upstream_timeout, settings.ping_interval)
    backend = Upstream("backend", settings.backend_urls, settings.upstream_timeout, settings.ping_interval)

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[None]:
        await auth.open()
        await backend.open()
        running.state.ready = True
        yield
        await backend.close()
        await auth.close()

    app = http.make_app(lifespan, title="Lockstep frontend", openapi_url=None)

    async def auth_ready() -> bool:
        return auth.replicas.any_ready

    async def backend_ready() -> bool:
        return backend.replicas.any_ready

    http.install(app, "frontend", settings, {"auth": auth_ready, "backend": backend_ready})
    app.include_router(pages.router(settings.public_url))
    app.include_router(sign_in.router(sign_in.SignIn(auth, settings)))
    to_auth = Forwarder(auth, settings, login_cookie=True)
    for prefix in ("auth", "users", ".well-known"):
        app.router.routes.append(Route(f"/{prefix}/{{path:path}}", to_auth))
    app.router.routes.append(Route("/api/{path:path}", Forwarder(backend, settings)))
    app.router.routes.append(WebSocketRoute("/ws", SocketRelay(backend, settings)))
    return app
