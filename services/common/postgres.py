"""How both services ask PostgreSQL."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import AsyncConnection

OPTIONS = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
"""Connection options: every statement here asks by keys. A plan that was made while a table was small, and is kept with
its prepared statement, would go on to read the whole table, for it looked cheaper then."""

TIMELINE: LiteralString = "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"
"""Eight hexadecimal digits that are others once a standby was promoted or a backup restored."""
GIVE_UP = 0.5


class Connection(AsyncConnection[Any]):
    """Hangs up soon on a server that does not even take the request to cancel what was given up.

    psycopg gives a frozen server five seconds for that, and five more for the answer; the user waits meanwhile.
    """

    async def _try_cancel(self, *, timeout: float = GIVE_UP) -> None:  # noqa: ASYNC109 - that of psycopg
        # What this raises ends the connection, and not the interruption that it is about.
        await self.cancel_safe(timeout=min(timeout, GIVE_UP))
