"""Statements of the message log cost the same however long a conversation is, also before its table was analysed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from services.backend import log_store
from services.common import postgres
from tests.services.servers import MakeDatabase

USER, SENDER = uuid4(), "somebody"
MESSAGES = """
INSERT INTO messages (conversation_id, seq, client_msg_id, sender, role, body, created_at, idempotency_key)
SELECT %s, seq, 'm-' || seq, %s, 'user', 'body', now(), 'k-' || seq FROM generate_series(%s::int, %s::int) seq
"""


@pytest.fixture
def connection(make_database: MakeDatabase) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        make_database("plans", migrate="backend"), autocommit=True, options=postgres.OPTIONS
    ) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute("ALTER TABLE messages SET (autovacuum_enabled = off)")
        yield connection


def conversation(connection: psycopg.Connection[Any]) -> str:
    connection.execute(
        "INSERT INTO userbase (id, email, name, roles, plan, status, version, updated_at)"
        " VALUES (%s, 'a@example.test', 'a', '{user}', 'free', 'active', 1, now())",
        (USER,),
    )
    found = str(uuid4())
    connection.execute(
        "INSERT INTO conversations (id, user_id, title, assistant) VALUES (%s, %s, 't', false)", (found, USER)
    )
    return found


def rows_passed_over(plan: dict[str, Any]) -> float:
    own = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
    return float(own) + sum(rows_passed_over(part) for part in plan.get("Plans", ()))


@pytest.mark.parametrize(("statement", "prefix"), [("_KNOWN_BY_ID", "m"), ("_KNOWN_BY_KEY", "k")])
def test_a_message_is_found_by_its_name_without_a_look_at_the_others(
    connection: psycopg.Connection[Any], statement: str, prefix: str
) -> None:
    found = conversation(connection)
    for number, (first, last) in enumerate([(1, 10), (11, 300), (301, 1200), (1201, 3000)]):
        connection.execute(MESSAGES, (found, SENDER, first, last))
        connection.execute(f"PREPARE asked_{number} (json) AS {getattr(log_store, statement).replace('%s', '$1')}")
        asked = json.dumps([{"conversation_id": found, "sender": SENDER, "name": f"{prefix}-{last}"}])
        [[plan]] = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked_{number} ('{asked}')").fetchall()
        assert plan[0]["Plan"]["Actual Rows"] == 1
        assert rows_passed_over(plan[0]["Plan"]) == 0, f"of {last} messages: {json.dumps(plan)}"
