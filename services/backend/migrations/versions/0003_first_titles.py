"""The title with which a key made a conversation: a later one is no other request."""

from __future__ import annotations

from alembic import op

revision = "0003_first_titles"
down_revision = "0002_failed_answers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rows that a former release makes have none, and are judged by their title."""
    op.execute("ALTER TABLE conversations ADD COLUMN first_title text")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE conversations DROP COLUMN first_title")
