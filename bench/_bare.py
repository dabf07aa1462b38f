"""The yardstick of bench.critical and bench.recovery: the least program that keeps the platform's promises.

A picows server on uvloop and one psycopg connection: `python -m bench._bare DATABASE_URL`. A frame is parsed and
queued; what has queued up meanwhile is numbered, stored by one multi-row INSERT in one transaction (so PostgreSQL's own
durability counts), and acknowledged in order after its commit. Who resumes is sent what he missed, by one SELECT from
the platform's own rows, in array frames like the platform's. No users, no tokens, no fan-out, no answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from typing import Any

import orjson
import picows
import psycopg
import uvloop

TABLE = """CREATE TABLE IF NOT EXISTS bare_messages (
    conversation_id uuid, seq bigint, client_msg_id text, body text, created_at timestamptz DEFAULT now(),
    PRIMARY KEY (conversation_id, seq), UNIQUE (conversation_id, client_msg_id))"""
STORE = """INSERT INTO bare_messages (conversation_id, seq, client_msg_id, body)
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[])"""

MISSED = """SELECT m.conversation_id::text, c.epoch, m.seq, m.client_msg_id, m.sender, m.role, m.body, m.created_at
    FROM messages m JOIN conversations c ON c.id = m.conversation_id
    WHERE m.conversation_id = %s AND m.seq > %s ORDER BY m.seq"""
NAMES = ("conversation_id", "epoch", "seq", "client_msg_id", "sender", "role", "body", "created_at")
BATCH = 500


class Writer:
    """Group commit: everything that came while the last transaction ran is the next one."""

    def __init__(self, database: psycopg.AsyncConnection[Any]) -> None:
        self._database = database
        self._seqs: dict[str, int] = defaultdict(int)
        self._queue: list[tuple[picows.WSTransport, dict[str, Any]]] = []
        self._wake = asyncio.Event()

    def put(self, transport: picows.WSTransport, frame: dict[str, Any]) -> None:
        """Queue a frame that ``transport`` wants acknowledged."""
        self._queue.append((transport, frame))
        self._wake.set()

    async def run(self) -> None:
        """Store and acknowledge for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            group, self._queue = self._queue, []
            payloads = [frame["payload"] for _, frame in group]
            seqs = []
            for payload in payloads:
                self._seqs[payload["conversation_id"]] += 1
                seqs.append(self._seqs[payload["conversation_id"]])
            columns = [[payload[key] for payload in payloads] for key in ("conversation_id", "client_msg_id", "body")]
            await self._database.execute(STORE, (columns[0], seqs, columns[1], columns[2]))
            for (transport, frame), payload, seq in zip(group, payloads, seqs, strict=True):
                ack = {
                    "conversation_id": payload["conversation_id"],
                    "client_msg_id": payload["client_msg_id"],
                    "seq": seq,
                }
                transport.send(
                    picows.WSMsgType.TEXT, json.dumps({"type": "ack", "id": frame["id"], "payload": ack}).encode()
                )


class Reader:
    """Replays: one after another, each conversation by one SELECT."""

    def __init__(self, database: psycopg.AsyncConnection[Any]) -> None:
        self._database = database
        self._queue: asyncio.Queue[tuple[picows.WSTransport, dict[str, Any]]] = asyncio.Queue()

    def put(self, transport: picows.WSTransport, frame: dict[str, Any]) -> None:
        """Queue a frame of one who wants to be brought back to where he was."""
        self._queue.put_nowait((transport, frame))

    async def run(self) -> None:
        """Replay for ever."""
        while True:
            transport, frame = await self._queue.get()
            replayed, held = 0, frame["payload"]["positions"]
            for conversation, position in held.items():
                cursor = await self._database.execute(MISSED, (conversation, position["seq"]))
                rows = await cursor.fetchall()
                for start in range(0, len(rows), BATCH):
                    messages = [dict(zip(NAMES, row, strict=True)) for row in rows[start : start + BATCH]]
                    of = {"conversation_id": conversation, "epoch": position["epoch"], "messages": messages}
                    _send(transport, {"type": "message.batch", "id": None, "payload": of})
                replayed += len(rows)
            payload = {"recovered": True, "replayed": replayed, "positions": held}
            _send(transport, {"type": "resumed", "id": frame["id"], "payload": payload})


def _send(transport: picows.WSTransport, frame: dict[str, Any]) -> None:
    transport.send(picows.WSMsgType.TEXT, orjson.dumps(frame, option=orjson.OPT_UTC_Z))


class Listener(picows.WSListener):
    """Parses what comes and queues it."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        super().__init__()
        self._writer = writer
        self._reader = reader

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            told = json.loads(frame.get_payload_as_bytes())
            (self._reader if told["type"] == "resume" else self._writer).put(transport, told)
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()


async def _serve(url: str) -> None:
    """Says its port and ends with its standard input, so that it cannot outlive who started it."""
    database = await psycopg.AsyncConnection.connect(url, autocommit=True, application_name="bench-bare")
    await database.execute(TABLE)
    writer, reader = Writer(database), Reader(database)
    tasks = [asyncio.create_task(work.run()) for work in (writer, reader)]
    for task in tasks:
        task.add_done_callback(lambda _: os._exit(1))
    server = await picows.ws_create_server(lambda _: Listener(writer, reader), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
