"""What a spent refresh token was exchanged for, so that the exchange can be repeated where its answer was lost."""

from __future__ import annotations

from alembic import op

revision = "0002_successors"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is sealed with the spent token itself, and the hash of the key by which it may be repeated."""
    op.execute("ALTER TABLE refresh_tokens ADD COLUMN successor bytea, ADD COLUMN retry_key bytea")


def downgrade() -> None:
    """Forget them."""
    op.execute("ALTER TABLE refresh_tokens DROP COLUMN successor, DROP COLUMN retry_key")
