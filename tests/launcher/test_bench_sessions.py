"""What bench.sessions measures is what it says: the callers, the sessions made in bulk, and a small run of it all."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from bench import _sessions, sessions
from bench._report import Report
from bench._sessions import Asked, Endpoint
from tests.launcher.launching import ROOT, command, launcher_environment

SLOW = 0.02


class Server(asyncio.Protocol):
    """Answers each request after a while; counts connections, and how many requests were under way at once."""

    connections = 0
    at_once = 0
    most_at_once = 0
    hangs_up = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        Server.connections += 1

    def data_received(self, data: bytes) -> None:
        if self.hangs_up:
            self.transport.close()
            return
        Server.at_once += 1
        Server.most_at_once = max(Server.most_at_once, Server.at_once)
        asyncio.get_running_loop().call_later(SLOW, self.answer, data.partition(b"\r\n\r\n")[2])

    def answer(self, body: bytes) -> None:
        Server.at_once -= 1
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self.transport.write(head)
        self.transport.write(body)


def asked(count: int, callers: int, *, hangs_up: bool = False) -> Asked:
    Server.connections = Server.at_once = Server.most_at_once = 0
    Server.hangs_up = hangs_up

    async def ask() -> Asked:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        async with server:
            endpoint = Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "credential")
            requests = [endpoint.request("/x", {"number": number}) for number in range(count)]
            return await _sessions._ask(endpoint, requests, callers)

    return asyncio.run(ask())


def test_each_caller_has_one_connection_and_one_request_under_way() -> None:
    found = asked(12, 3)
    assert found.read() == [{"number": number} for number in range(12)]
    assert (Server.connections, Server.most_at_once) == (3, 3)
    assert min(found.latencies) >= SLOW * 0.9
    assert found.seconds >= 4 * SLOW * 0.9
    assert found.rate == 12 / found.seconds
    assert asked(2, 5).read() == [{"number": 0}, {"number": 1}]


def test_a_server_that_hangs_up_ends_the_measurement() -> None:
    with pytest.raises(ConnectionError, match="in the middle of request"):
        asked(4, 2, hangs_up=True)


def test_answers_of_another_status_or_without_the_words_are_flaws() -> None:
    found = Asked(1.0, 0.1, [0.1, 0.2, 0.3], [(200, b'{"valid":true}'), (200, b'{"valid":false}'), (503, b"away")])
    assert found.flaws(200, sessions.VALID) == ['200: {"valid":false}', "503: away"]
    assert (found.p(50), found.p(99)) == (0.2, 0.3)


def test_a_report_that_is_not_judged_minds_flaws_only(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(judged=False)
    report.begin("part")
    report.line("slow", [0.3], "ms", 0.25, 1e3)
    assert report.met
    assert "goal" not in capsys.readouterr().out
    report.flaws("wrong", ["one"])
    assert not report.met


def test_sessions_made_in_bulk_are_good_by_redis_and_by_the_database() -> None:
    with sessions.ground(1) as here:
        tokens = sessions._filled(here, 7)
        assert len(set(tokens)) == 7
        requests = _sessions.validations(here.endpoint, tokens)
        by_redis = _sessions.ask(here.endpoint, requests, 2)
        assert by_redis.flaws(200, sessions.VALID, b'"source":"redis"') == []
        here.redis("kill")
        sessions._settle(here.endpoint, requests, "database")
        by_database = _sessions.ask(here.endpoint, requests, 2)
    made, stored = ([one["session"] for one in asked.read()] for asked in (by_redis, by_database))
    assert made == stored
    assert len({one["session_id"] for one in made}) == 7
    other = {"session_id", "user_id"}
    assert {json.dumps({**one, **dict.fromkeys(other)}) for one in made} == {
        json.dumps({**made[0], **dict.fromkeys(other)})
    }


def test_a_small_run_has_every_figure(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        command("bench", "sessions", "--quick", "--json", figures), cwd=ROOT, env=launcher_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())["figures"]
    assert set(found) == {"rates", "fallback", "growth"}
    for what in ("create", "validate", "refresh", "revoke"):
        for callers in ("1 caller", "10 callers"):
            for figure in ("in a second", "p50", "p99"):
                assert found["rates"][f"{what}, {callers}: {figure}"]["values"][0] > 0
    assert found["fallback"]["by redis: p99"]["goal"] == 10
    assert found["fallback"]["by the database, Redis killed: in a second"]["values"][0] > 0
    assert found["growth"]["  ratio of 500 to 20, p50"]["unit"] == "×"


@pytest.mark.parametrize("words", [["--only", "rate"], ["--runs", "0"], ["--callers", "none"]])
def test_wrong_options_end_with_2(words: list[str]) -> None:
    done = subprocess.run(
        command("bench", "sessions", *words), cwd=ROOT, env=launcher_environment(), capture_output=True, check=False
    )
    assert done.returncode == 2
