"""Contract: every release that is left writes provider sessions itself."""

from __future__ import annotations

from alembic import op

revision = "0007_contract_provider"
down_revision = "0006_migrate_provider"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the trigger away."""
    op.execute("DROP TRIGGER note_provider_session ON sessions")
    op.execute("DROP FUNCTION note_provider_session")


def downgrade() -> None:
    """Put it back, for a release that does not know the table."""
    op.execute(
        """CREATE FUNCTION note_provider_session() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
               INSERT INTO provider_sessions (session_id, subject)
               SELECT NEW.id, subject FROM identities WHERE user_id = NEW.user_id AND provider = 'google'
               ON CONFLICT DO NOTHING;
               RETURN NULL;
           END $$"""
    )
    op.execute(
        """CREATE TRIGGER note_provider_session AFTER INSERT ON sessions
           FOR EACH ROW WHEN (NEW.origin = 'oauth') EXECUTE FUNCTION note_provider_session()"""
    )
