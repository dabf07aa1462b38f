"""Which attempts at an answer have failed: one whose lease ran out, on a busy machine, has not."""

from __future__ import annotations

from alembic import op

revision = "0002_failed_answers"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns."""
    op.execute(
        "ALTER TABLE answers ADD COLUMN failed boolean NOT NULL DEFAULT false,"
        " ADD COLUMN excused integer NOT NULL DEFAULT 0"
    )


def downgrade() -> None:
    """Drop both."""
    op.execute("ALTER TABLE answers DROP COLUMN failed, DROP COLUMN excused")
