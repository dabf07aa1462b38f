"""The main database: users, conversations, the message log, and what a socket needs to come back."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE userbase (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    roles text[] NOT NULL,
    plan text NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL
);

-- A tombstone: no late event brings the user back.
CREATE TABLE deleted_users (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now()
);

-- No foreign key: a revocation may arrive before its user does, and outlives him.
CREATE TABLE revoked_sessions (
    sid text PRIMARY KEY,
    user_id uuid NOT NULL,
    reason text NOT NULL,
    revoked_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX revoked_sessions_expiry ON revoked_sessions (expires_at);

CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES userbase ON DELETE CASCADE,
    title text NOT NULL,
    assistant boolean NOT NULL,
    epoch text NOT NULL DEFAULT substr(md5(gen_random_uuid()::text), 1, 8),
    last_seq bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 1,
    idempotency_key text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, idempotency_key)
);
CREATE INDEX conversations_of_user ON conversations (user_id, created_at, id);

CREATE TABLE messages (
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq bigint NOT NULL,
    client_msg_id text NOT NULL,
    sender text NOT NULL,
    role text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    idempotency_key text,
    PRIMARY KEY (conversation_id, seq),
    UNIQUE (client_msg_id, sender, conversation_id)
);
CREATE UNIQUE INDEX messages_idempotency ON messages (idempotency_key, sender, conversation_id)
    WHERE idempotency_key IS NOT NULL;

-- An answer that is owed; a replica holds it by a lease and another takes it over when the lease runs out.
CREATE TABLE answers (
    id uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    reply_to_seq bigint NOT NULL,
    prompt text NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    lease_owner text,
    lease_until timestamptz NOT NULL DEFAULT now(),
    UNIQUE (conversation_id, reply_to_seq)
);
CREATE INDEX answers_by_lease ON answers (lease_until);

CREATE TABLE preferences (
    user_id uuid PRIMARY KEY REFERENCES userbase ON DELETE CASCADE,
    version bigint NOT NULL,
    document jsonb NOT NULL
);

-- One row a tab or device; generation fences: only the newest socket may write for it.
CREATE TABLE socket_clients (
    user_id uuid NOT NULL REFERENCES userbase ON DELETE CASCADE,
    client_id uuid NOT NULL,
    generation bigint NOT NULL DEFAULT 1,
    session_id text NOT NULL,
    replica text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX socket_clients_last_seen ON socket_clients (last_seen);

-- The document is text with a checksum bound to its owner, so that damage is seen whatever its kind.
CREATE TABLE session_state (
    user_id uuid NOT NULL,
    client_id uuid NOT NULL,
    version bigint NOT NULL,
    document text NOT NULL,
    checksum text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, client_id),
    FOREIGN KEY (user_id, client_id) REFERENCES socket_clients ON DELETE CASCADE
);

-- Session events, notifications among them.
CREATE TABLE notifications (
    event_id uuid PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY,
    user_id uuid NOT NULL REFERENCES userbase ON DELETE CASCADE,
    kind text NOT NULL,
    priority smallint NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notifications_of_user ON notifications (user_id, position);
CREATE INDEX notifications_created ON notifications (created_at);

CREATE TABLE notification_acks (
    event_id uuid NOT NULL REFERENCES notifications ON DELETE CASCADE,
    client_id uuid NOT NULL,
    acked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, client_id)
);
"""


def upgrade() -> None:
    """Create everything."""
    op.get_bind().exec_driver_sql(SCHEMA)


def downgrade() -> None:
    """Not offered: a schema goes forward; a database goes back from its backup."""
    raise NotImplementedError("restore a backup instead")
