"""What this replica tells Prometheus beyond the requests every service counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from services.backend import frames, positions

SOCKETS = Gauge("sockets_open", "Sockets that are open")
SUBSCRIPTIONS = Gauge("socket_subscriptions", "Subscriptions of open sockets to conversations")
CHANNELS = Gauge("channels_open", "Conversations that this replica delivers")
SOCKET_CLOSES = Counter("socket_closes_total", "Sockets that this replica has decided to close", ["code"])
for _code in frames.CLOSE_CODES.values():
    SOCKET_CLOSES.labels(_code)
HANDSHAKES = Counter("socket_handshakes_total", "Handshakes by the HTTP status they were answered with", ["status"])
FRAMES_IN = Counter("socket_frames_received_total", "Frames received")
FRAMES_OUT = Counter("socket_frames_sent_total", "Frames sent")
COMMITTED = Counter("messages_committed_total", "Messages stored")
DUPLICATES = Counter("messages_duplicate_total", "Messages that were stored before and answered with their first seq")
COMMIT_SECONDS = Histogram(
    "group_commit_seconds", "Time of one group commit", buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)
)
RESUMES = Counter("socket_resumes_total", "Resumes by outcome: recovered, or the reason why not", ["outcome"])
for _outcome in ("recovered", *positions.REASONS):
    RESUMES.labels(_outcome)
RESUME_SECONDS = Histogram(
    "socket_resume_seconds", "Time of one resume", buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
)
REPLAYED = Counter("socket_replayed_messages_total", "Messages replayed by resumes")
DAMAGED_STATES = Counter("session_state_damaged_total", "Stored session states found damaged")
SESSION_CHECKS = Counter("session_checks_total", "How sessions were found live", ["how"])
BREAKER_STATE = Gauge(
    "circuit_breaker_state", "1 for the state that the breaker is in: closed, open or half-open", ["name", "state"]
)
BREAKER_CHANGES = Counter("circuit_breaker_changes_total", "Changes of the breaker's state", ["name", "before", "now"])
KEY_AGE = Gauge("jwks_age_seconds", "Time since the signing keys were last fetched")
REDIS_UP = Gauge("redis_up", "Whether Redis answered last time")
ANSWERS = Counter("answers_total", "Assistant answers stored")
REVOCATION_SECONDS = Histogram(
    "revocation_seconds",
    "Time from the end of a session in auth until this replica knows of it by auth's event",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60),
)
