"""How far Redis had counted what it was told, by each period in which it was trusted."""

from __future__ import annotations

from alembic import op

revision = "0003_cache_periods"
down_revision = "0002_successors"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.execute("CREATE TABLE cache_periods (name text PRIMARY KEY, told bigint NOT NULL)")


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE cache_periods")
