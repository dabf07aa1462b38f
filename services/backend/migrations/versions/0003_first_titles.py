"""What a conversation was first called: a repeated key is compared with that, whatever its name became."""

from __future__ import annotations

from alembic import op

revision = "0003_first_titles"
down_revision = "0002_failed_answers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which earlier releases leave empty: of their conversations the title counts."""
    op.execute("ALTER TABLE conversations ADD COLUMN first_title text")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE conversations DROP COLUMN first_title")
