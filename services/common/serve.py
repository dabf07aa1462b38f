"""Start one service on uvicorn, on an address or on an inherited listening socket."""

from __future__ import annotations

import importlib
import socket
import sys

import uvicorn
from pydantic import ValidationError

from services.common import logs
from services.common.draining import DrainingProtocol, DrainingServer, DrainingWebSocket
from services.common.settings import CommonSettings

GRACEFUL_SHUTDOWN = 3
KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than clients pause, since a request that meets its end is lost."""
MAX_FRAME = 64 << 10


def serve(name: str, listener: socket.socket | None = None) -> int:
    """Run service ``name`` until SIGTERM (SIGQUIT: drained first); the exit status.

    ``listener`` wins over ``LISTEN_FD`` and ``PORT``.
    """
    try:
        settings: CommonSettings = importlib.import_module(f"services.{name}.settings").Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in error.errors())
        print(f"{name}: bad settings: {wrong}", file=sys.stderr)
        return 2
    logs.configure(name, settings.instance, settings.log_level)
    app = importlib.import_module(f"services.{name}.app").create_app(settings)
    if listener is None and settings.listen_fd is not None:
        listener = socket.socket(fileno=settings.listen_fd)
    DrainingProtocol.service = name
    server = DrainingServer(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            http=DrainingProtocol,
            ws=DrainingWebSocket,
            ws_max_size=MAX_FRAME,
            # Chat frames are small: compressing each costs more time than its bytes cost.
            ws_per_message_deflate=False,
            ws_ping_interval=getattr(settings, "ping_interval", 20.0),
            ws_ping_timeout=getattr(settings, "ping_timeout", 20.0),
            timeout_graceful_shutdown=GRACEFUL_SHUTDOWN,
            timeout_keep_alive=KEEP_ALIVE,
            backlog=1024,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            ssl_certfile=getattr(settings, "tls_cert", None),
            ssl_keyfile=getattr(settings, "tls_key", None),
        )
    )
    server.drain_on_signal()
    server.run(sockets=[listener] if listener else None)
    return 0 if server.started else 3
