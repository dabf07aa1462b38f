"""A deletion finds what the outbox holds of its user."""

from __future__ import annotations

from alembic import op

revision = "0004_outbox_user"
down_revision = "0003_cache_periods"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.execute("CREATE INDEX outbox_user ON outbox (user_id)")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP INDEX outbox_user")
