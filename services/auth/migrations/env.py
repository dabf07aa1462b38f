"""What Alembic runs: all pending migrations in one transaction, on one connection."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

_, _, _address = context.config.attributes["url"].partition("://")
with create_engine(f"postgresql+psycopg://{_address}", poolclass=NullPool).connect() as _connection:
    context.configure(connection=_connection)
    with context.begin_transaction():
        context.run_migrations()
