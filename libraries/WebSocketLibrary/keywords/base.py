"""What every group of keywords has at hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..connection import Connection
from ..errors import ErrorFrames
from ..handshake import Request
from ..heartbeat import Heartbeats
from ..registry import Connections

DEFAULT_WAIT = timedelta(seconds=5)


class Base:
    """State of one library instance."""

    connections: Connections
    error_frames: ErrorFrames
    max_frame_size: int

    def _connection(
        self,
        alias: str | None,
        request: Request,
        *,
        auto_pong: bool = True,
        error_frames: str | dict[str, Any] | None = None,
        heartbeat: dict[str, Any] | list[Any] | None = None,
    ) -> Connection:
        """A socket to be opened, with what is an error on it (``error_frames``, else those of the library), and what it
        answers by itself.
        """
        usual = self.error_frames
        errors = usual if error_frames is None else ErrorFrames.described(error_frames, usual.request_id)
        return Connection(
            self.connections.new_alias(alias),
            request,
            auto_pong=auto_pong,
            errors=errors,
            heartbeats=Heartbeats.described(heartbeat),
        )
