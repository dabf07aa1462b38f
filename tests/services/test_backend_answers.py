"""Answers of a conversation are stored in the order of its messages, whoever gives them and however late."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import psycopg

from services.backend import allocation, log_store
from services.backend.allocation import Draft
from services.backend.answers import _TAKE
from services.backend.database import connect
from services.backend.log_store import Committed, OwedAnswer
from tests.services.backend_kit import KeyServer, start_replicas, tab
from tests.services.servers import MakeDatabase, Servers, StartService, wait_until

USER = str(uuid4())
LEASE = 30.0


def conversation(database: str) -> str:
    found = str(uuid4())
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO userbase (id, email, name, roles, plan, status, version, updated_at)"
            " VALUES (%s, 'a@example.test', 'a', '{user}', 'free', 'active', 1, now())",
            (USER,),
        )
        connection.execute(
            "INSERT INTO conversations (id, user_id, title, assistant) VALUES (%s, %s, 't', true)", (found, USER)
        )
    return found


def commit(database: str, drafts: list[Draft], replica: str) -> Committed:
    async def once() -> Committed:
        connection = await connect(database)
        try:
            return await log_store.commit_group(connection, drafts, replica, LEASE)
        finally:
            await connection.close()

    return asyncio.run(once())


def take(database: str, replica: str) -> list[int]:
    with psycopg.connect(database, autocommit=True) as connection:
        rows = connection.execute(_TAKE, (replica, LEASE, replica, 100)).fetchall()
    return sorted(row[3] for row in rows)


def message(where: str, name: str) -> Draft:
    return Draft(where, USER, USER, "user", name, "body")


def given(answer: OwedAnswer) -> Draft:
    name = f"answer:{answer.reply_to_seq}"
    return Draft(answer.conversation_id, USER, "assistant", "assistant", name, "said",
                 answer_id=answer.id, reply_to_seq=answer.reply_to_seq)  # fmt: skip


def outcomes(committed: Committed) -> list[str]:
    return [place.outcome for place in committed.places]


def test_an_answer_waits_for_the_one_before_it(make_database: MakeDatabase) -> None:
    database = make_database("order", migrate="backend")
    where = conversation(database)
    owed = commit(database, [message(where, f"m-{number}") for number in range(4)], "one").answers
    first, second, third, fourth = map(given, owed)
    assert outcomes(commit(database, [second, third], "two")) == [allocation.EARLY, allocation.EARLY]
    assert take(database, "two") == [], "the conversation is the first replica's, which owes the first answer"
    assert take(database, "one") == [2, 3], "what was given too early is owed again, at once"
    assert outcomes(commit(database, [first, second], "one")) == [allocation.NEW, allocation.NEW]
    assert outcomes(commit(database, [second, third, fourth], "two")) == [
        allocation.DUPLICATE, allocation.NEW, allocation.NEW,
    ]  # fmt: skip
    with psycopg.connect(database) as connection:
        stored = connection.execute("SELECT client_msg_id FROM messages WHERE role = 'assistant' ORDER BY seq")
        assert [row[0] for row in stored] == ["answer:1", "answer:2", "answer:3", "answer:4"]
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (0,)


def test_an_answer_that_always_fails_holds_up_the_others_no_longer(make_database: MakeDatabase) -> None:
    database = make_database("stuck", migrate="backend")
    where = conversation(database)
    owed = commit(database, [message(where, "never"), message(where, "next")], "one").answers
    later = given(owed[1])
    assert outcomes(commit(database, [later], "one")) == [allocation.EARLY]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE answers SET attempt = %s WHERE reply_to_seq = 1", (log_store.GIVEN_UP_AFTER,))
    assert outcomes(commit(database, [later], "one")) == [allocation.NEW]


def test_a_lease_that_runs_out_in_part_changes_no_order(
    make_database: MakeDatabase, servers: Servers, start_service: StartService, keys: KeyServer
) -> None:
    database = make_database("in_part", migrate="backend")
    two = start_replicas(start_service, database, servers.redis_url, keys, CHUNK_DELAY="0.03", ANSWER_LEASE="1")
    person = two.person()
    where = two.conversation(person, assistant=True)

    def answers() -> list[int]:
        rows: list[Any] = two.execute(
            "SELECT client_msg_id FROM messages WHERE conversation_id = %s AND role = 'assistant' ORDER BY seq", where
        )
        return [int(row[0].partition(":")[2]) for row in rows]

    with tab(two, person) as here:
        for number in range(40):
            here.ask("message.send", "ack", conversation_id=where, client_msg_id=f"m-{number}", body="x" * 40)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "UPDATE answers SET lease_owner = 'away', lease_until = now() WHERE reply_to_seq >"
                " (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY reply_to_seq) FROM answers)"
            )
        wait_until(lambda: len(answers()) == 40, "every message is answered")
    assert answers() == sorted(answers())
