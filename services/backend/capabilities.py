"""What a client may rely on, published: limits, windows, close codes, features."""

from __future__ import annotations

from typing import Any

from services.backend import frames, positions
from services.backend.messages import BATCH
from services.backend.settings import Settings
from services.common.serve import MAX_FRAME
from services.common.settings import PROTOCOL, VERSION


def describe(settings: Settings, *, shared_quotas: bool) -> dict[str, Any]:
    """The body of ``GET /api/capabilities``; times are seconds, sizes bytes."""
    return {
        "version": VERSION,
        "protocol": PROTOCOL,
        "features": ["resume", "assistant", "session_state", "events", "reauth", "idempotency"],
        "limits": {
            "frame": MAX_FRAME,
            "body": frames.MAX_BODY,
            "client_msg_id": frames.MAX_CLIENT_MSG_ID,
            "batch": BATCH,
            "max_replay": settings.max_replay,
            "socket_queue": settings.socket_queue,
            "state_document": frames.MAX_STATE,
            "positions": frames.MAX_POSITIONS,
            "invalid_frames": 3,
        },
        "windows": {
            "resume": settings.resume_window,
            "ping_interval": settings.ping_interval,
            "ping_timeout": settings.ping_timeout,
            "event_resend": settings.event_resend,
            "introspection_cache": settings.introspection_ttl,
        },
        "bounds": {"expired_close": 1.0, "revoked_close": 1.0, "revoked_close_without_redis": 2.0},
        "quotas": {
            "window": settings.rate_window,
            "standard": settings.rate_limit,
            "bulk": settings.rate_limit_bulk,
            "address": settings.address_rate_limit,
            "socket": settings.socket_rate_limit,
            "scope": "shared" if shared_quotas else "per-process",
        },
        "close_codes": frames.CLOSE_CODES,
        "resume_reasons": list(positions.REASONS),
    }
