"""The yardstick of bench.critical: the least program that keeps the platform's promise about messages.

A picows server on uvloop and one psycopg connection: `python -m bench._bare DATABASE_URL`. A frame is parsed and
queued; what has queued up meanwhile is numbered, stored by one multi-row INSERT in one transaction (so PostgreSQL's own
durability counts), and acknowledged in order after its commit. No users, no tokens, no fan-out, no answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from typing import Any

import picows
import psycopg
import uvloop

TABLE = """CREATE TABLE IF NOT EXISTS bare_messages (
    conversation_id uuid, seq bigint, client_msg_id text, body text, created_at timestamptz DEFAULT now(),
    PRIMARY KEY (conversation_id, seq), UNIQUE (conversation_id, client_msg_id))"""
STORE = """INSERT INTO bare_messages (conversation_id, seq, client_msg_id, body)
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[])"""


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


class Listener(picows.WSListener):
    """Parses what comes and queues it."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            self._writer.put(transport, json.loads(frame.get_payload_as_bytes()))
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()


async def _serve(url: str) -> None:
    """Says its port and ends with its standard input, so that it cannot outlive who started it."""
    database = await psycopg.AsyncConnection.connect(url, autocommit=True, application_name="bench-bare")
    await database.execute(TABLE)
    writer = Writer(database)
    task = asyncio.create_task(writer.run())
    task.add_done_callback(lambda _: os._exit(1))
    server = await picows.ws_create_server(lambda _: Listener(writer), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
