"""Migrate: sessions from before the trigger belong to the subject of their user's identity."""

from __future__ import annotations

from alembic import op

revision = "0006_migrate_provider"
down_revision = "0005_expand_provider"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fill in what is missing of sessions that may still be used."""
    op.execute(
        """INSERT INTO provider_sessions (session_id, subject)
           SELECT s.id, i.subject FROM sessions s JOIN identities i ON i.user_id = s.user_id AND i.provider = 'google'
           WHERE s.origin = 'oauth' AND s.status = 'active'
           ON CONFLICT DO NOTHING"""
    )


def downgrade() -> None:
    """Nothing: what was filled in is true."""
