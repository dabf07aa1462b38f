"""WebSocketLibrary from outside: inner suites against a real server, verdicts and messages compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.libraries.inner import INNER, InnerRun, run_inner
from tests.libraries.websocket_server import BadManners, bad_manners

SUITES = INNER / "websocket"
TOKEN = "q9X2-vB7_kLm3PzT0aWc8"


@pytest.fixture(scope="module")
def server() -> Iterator[BadManners]:
    with bad_manners() as running:
        yield running


@pytest.fixture(scope="module")
def keywords(server: BadManners, tmp_path_factory: pytest.TempPathFactory) -> InnerRun:
    return inner("keywords.robot", server, tmp_path_factory.mktemp("keywords"))


def inner(suite: str, server: BadManners, directory: Path) -> InnerRun:
    variables = {"URL": server.url, "SLOW_HTTP": server.slow_http_url}
    return run_inner(SUITES / suite, directory, variables=variables, LOCKSTEP_SEED="7", SOCKET_TOKEN=TOKEN)


def test_every_keyword_has_the_declared_verdict(keywords: InnerRun) -> None:
    keywords.all_as_declared()


def test_the_peer_saw_the_closes(keywords: InnerRun, server: BadManners) -> None:
    assert server.saw_close("/echo/told") == (4123, "done here")
    assert server.saw_close("/echo/dropped") == (1006, "")


def test_no_token_in_any_output(keywords: InnerRun) -> None:
    assert TOKEN not in keywords.output
    assert TOKEN not in keywords.log
    assert "Log Journal" in keywords.output


def test_classic_names(server: BadManners, tmp_path: Path) -> None:
    inner("classic.robot", server, tmp_path).all_as_declared()
    assert server.saw_close("/echo/classic-reason") == (4200, "because")
    assert server.saw_close("/echo/classic-send-close") == (1000, "")
    assert server.saw_close("/echo/classic-send-reason") == (4300, "enough")


def test_many_sockets(server: BadManners, tmp_path: Path) -> None:
    inner("bulk.robot", server, tmp_path).all_as_declared()
