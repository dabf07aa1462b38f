"""First schema: users, identities, sessions with their audit trail, refresh tokens, signing keys, outbox."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE auth_users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,
    name          text NOT NULL,
    password_hash text,
    roles         text[] NOT NULL DEFAULT '{user}',
    status        text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deactivated')),
    plan          text NOT NULL DEFAULT 'standard' CHECK (plan IN ('standard', 'bulk')),
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX auth_users_email ON auth_users (lower(email));

CREATE TABLE identities (
    provider   text NOT NULL,
    subject    text NOT NULL,
    user_id    uuid NOT NULL REFERENCES auth_users ON DELETE CASCADE,
    email      text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE sessions (
    id                  uuid PRIMARY KEY,
    user_id             uuid NOT NULL REFERENCES auth_users ON DELETE CASCADE,
    type                text NOT NULL CHECK (type IN ('WEB', 'MOBILE', 'API', 'SSO')),
    client_id           text NOT NULL,
    status              text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'expired', 'revoked')),
    revision            bigint NOT NULL DEFAULT 1,
    token_hash          bytea UNIQUE,
    created_at          timestamptz NOT NULL,
    last_activity       timestamptz NOT NULL,
    idle_ttl            double precision NOT NULL,
    idle_expires_at     timestamptz NOT NULL,
    absolute_expires_at timestamptz NOT NULL,
    access_count        bigint NOT NULL DEFAULT 0,
    refresh_count       bigint NOT NULL DEFAULT 0,
    device              text,
    metadata            jsonb NOT NULL DEFAULT '{}',
    fingerprint         text,
    roles               text[] NOT NULL,
    revoked_at          timestamptz,
    revoke_reason       text,
    origin              text NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);
CREATE INDEX sessions_expiry ON sessions (LEAST(idle_expires_at, absolute_expires_at)) WHERE status = 'active';

-- No reference to sessions or users: the audit trail outlives what it speaks of.
CREATE TABLE session_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id uuid NOT NULL,
    user_id    uuid NOT NULL,
    type       text NOT NULL,
    at         timestamptz NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX session_events_session ON session_events (session_id, id);

CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Ended sessions whose keys may still be in Redis: written with the end, deleted once Redis has forgotten them.
CREATE TABLE cache_purges (
    session_id uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    token_hash bytea,
    reason     text NOT NULL
);

CREATE TABLE signing_keys (
    kid          text PRIMARY KEY,
    sealed_pem   bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    verify_until timestamptz
);

CREATE TABLE outbox (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           uuid NOT NULL UNIQUE,
    user_id      uuid NOT NULL,
    type         text NOT NULL,
    occurred_at  timestamptz NOT NULL,
    data         jsonb NOT NULL,
    delivered_at timestamptz
);
CREATE INDEX outbox_pending ON outbox (seq) WHERE delivered_at IS NULL;
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Drop everything."""
    op.execute(
        "DROP TABLE outbox, signing_keys, cache_purges, refresh_tokens, session_events, sessions, identities,"
        " auth_users"
    )
