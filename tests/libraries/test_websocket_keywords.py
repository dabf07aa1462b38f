"""WebSocketLibrary from outside: inner suites against a real server, verdicts and messages compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from robot.libdoc import LibraryDocumentation
from WebSocketLibrary import WebSocketLibrary
from WebSocketLibrary.handshake import TokenPlace
from WebSocketLibrary.keywords.opening import HandshakeFailedError

from tests.libraries.inner import INNER, ROOT, InnerRun, run_inner
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


def test_other_platforms(server: BadManners, tmp_path: Path) -> None:
    run = inner("platforms.robot", server, tmp_path)
    run.all_as_declared()
    for text in (run.output, run.log, run.console):
        assert TOKEN not in text
        assert "good-token-0123456789" not in text


def test_a_socket_that_is_not_welcomed_is_cut(server: BadManners) -> None:
    with pytest.raises(HandshakeFailedError, match="did not welcome the first frame"):
        WebSocketLibrary().open_connection(
            f"{server.url}/login/error?cut",
            token="another-token-0123",
            token_in=TokenPlace.FRAME,
            first_frame={"token": "{token}"},
            welcome="type=welcome",
        )
    assert server.saw_close("/login/error?cut") == (1006, "")


def test_many_sockets(server: BadManners, tmp_path: Path) -> None:
    inner("bulk.robot", server, tmp_path).all_as_declared()


def test_errors_in_the_place_of_what_is_awaited(server: BadManners, tmp_path: Path) -> None:
    inner("errors.robot", server, tmp_path).all_as_declared()


def test_fields_that_no_frame_has(server: BadManners, tmp_path: Path) -> None:
    inner("misspelled.robot", server, tmp_path).all_as_declared()


def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    with bad_manners(tmp_path / "server.pem") as server:
        variables = {"URL": server.url, "CA": str(tmp_path / "ca.pem")}
        run_inner(SUITES / "tls.robot", tmp_path, variables=variables).all_as_declared()


def test_a_socket_left_open_is_cut_when_the_run_ends(server: BadManners, tmp_path: Path) -> None:
    assert inner("left_open.robot", server, tmp_path).returncode == 0
    assert server.saw_close("/echo/left-open") == (1006, "")


def test_works_without_uvloop(server: BadManners, tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("open(__file__ + '.asked', 'w').close()\nraise ImportError('not here')")
    run = run_inner(
        SUITES / "bulk.robot",
        tmp_path,
        "--pythonpath",
        str(tmp_path),
        "--test",
        "Everyone Gets An Answer",
        variables={"URL": server.url},
    )
    assert run.verdicts == {"Everyone Gets An Answer": ("PASS", "")}
    assert (tmp_path / "uvloop.py.asked").exists()


def test_outside_of_robot(server: BadManners) -> None:
    library = WebSocketLibrary()
    library.open_connection(f"{server.url}/headers")
    assert "x-test-id" not in library.wait_for_json()["headers"]
    assert library.close_all_connections() == 1


def test_sixteen_classic_names() -> None:
    keywords = {found.name for found in LibraryDocumentation("WebSocketLibrary").keywords}
    classic = {found.name for found in LibraryDocumentation("WebSocketLibrary").keywords if "classic" in found.tags}
    assert classic == {
        *("Connect", "Gettimeout", "Settimeout", "Getsubprotocol", "Getstatus", "Getheaders", "Send", "Send Binary"),
        *("Ping", "Pong", "Recv", "Recv Data", "Send Close", "Send Close With Reason", "Close", "Close With Reason"),
    }
    assert len(classic) == 16
    assert keywords > classic


def test_the_documented_example_is_valid(tmp_path: Path) -> None:
    blocks = (ROOT / "docs" / "libraries" / "websocket.md").read_text(encoding="utf-8").split("```")
    suite = tmp_path / "example.robot"
    suite.write_text(
        next(b.removeprefix("robotframework") for b in blocks if "*** Settings ***" in b), encoding="utf-8"
    )
    assert run_inner(suite, tmp_path, "--dryrun").returncode == 0


def test_every_keyword_is_documented() -> None:
    assert [found.name for found in LibraryDocumentation("WebSocketLibrary").keywords if not found.doc] == []
