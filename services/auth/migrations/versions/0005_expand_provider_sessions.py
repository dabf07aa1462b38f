"""Expand: the login at the provider by which a session was made. Release 1.0.0 works on; a trigger writes for it."""

from __future__ import annotations

from alembic import op

revision = "0005_expand_provider"
down_revision = "0004_outbox_user"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE provider_sessions (
    session_id   uuid PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    subject      text NOT NULL,
    provider_sid text
);
CREATE INDEX provider_sessions_subject ON provider_sessions (subject);
CREATE INDEX provider_sessions_sid ON provider_sessions (provider_sid) WHERE provider_sid IS NOT NULL;

-- Ids of logout tokens that were taken, each until it has expired.
CREATE TABLE logout_tokens (
    jti        text PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

CREATE FUNCTION note_provider_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO provider_sessions (session_id, subject)
    SELECT NEW.id, subject FROM identities WHERE user_id = NEW.user_id AND provider = 'google'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER note_provider_session AFTER INSERT ON sessions
    FOR EACH ROW WHEN (NEW.origin = 'oauth') EXECUTE FUNCTION note_provider_session();
"""


def upgrade() -> None:
    """Add the tables and the trigger."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TRIGGER IF EXISTS note_provider_session ON sessions")
    op.execute("DROP FUNCTION IF EXISTS note_provider_session; DROP TABLE logout_tokens, provider_sessions")
