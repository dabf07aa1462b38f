"""The epoch of a conversation's log, as clients receive it.

It is the row's own, and PostgreSQL's timeline with it once a standby was promoted or a backup restored: what the lost
server had numbered may be missing in the new one, which then gives the numbers again.
"""

from __future__ import annotations

from typing import LiteralString

from services.common.postgres import TIMELINE

_SUFFIX = f"(SELECT CASE WHEN id = '00000001' THEN '' ELSE '-' || ltrim(id, '0') END FROM {TIMELINE} timeline(id))"  # noqa: S608

OF_CONVERSATIONS: LiteralString = f"conversations.epoch || {_SUFFIX}"
"""In a statement that names the table."""
OF_C: LiteralString = f"c.epoch || {_SUFFIX}"
"""In one that calls it ``c``."""
