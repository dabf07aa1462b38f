"""The suites on tokens and their sockets on two small platforms with other dialects, with faults, and on a deaf one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.deaf import deaf
from tests.foreign import running as small

SUITES = [
    small.ROOT / "suites" / name
    for name in (
        "critical/01_oauth_endpoints.robot",
        "critical/02_socket_authentication.robot",
        "critical/04_jwt_across_services.robot",
        "critical/04_token_expiry.robot",
        "critical/04_token_expiry_on_sockets.robot",
        "security/04_tokens.robot",
        "security/11_handshakes.robot",
    )
]
OPAQUE = ("C02-12", "C02-13", "C04-03", "SE-26", "SE-27", "SE-28", "SE-31", "SE-32")


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    """A folder that has these suites."""
    folder = tmp_path / "suites"
    folder.mkdir()
    for path in SUITES:
        (folder / f"{path.parent.name}_{path.name}").symlink_to(path)
    return folder


@pytest.mark.req("T01")
@pytest.mark.parametrize("name", ["cookie", "frames"])
def test_no_test_fails_on_a_good_platform(name: str, suites: Path, tmp_path: Path) -> None:
    with small.served(name) as variables:
        found = small.run(tmp_path, name, variables, suites=suites)
    assert {key: words for key, (verdict, words) in found.items() if verdict == small.FAIL} == {}
    assert [key for key in OPAQUE if found[key][0] != small.NA] == []
    assert len([key for key, (verdict, _) in found.items() if verdict != small.NA]) > 8, found


@pytest.mark.req("T03")
@pytest.mark.parametrize(("name", "ids"), [("cookie", []), ("frames", ["C02-10", "C04-01"])])
def test_nothing_passes_on_a_deaf_target(name: str, ids: Sequence[str], suites: Path, tmp_path: Path) -> None:
    with deaf(parts=("auth",)) as urls:
        found = small.run(
            tmp_path, name, {"FORUM_URL": urls["auth"], "CHAT_URL": urls["auth"]}, *small.included(ids), suites=suites
        )
    assert [key for key, (verdict, _) in found.items() if verdict not in (small.FAIL, small.NA)] == []


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("name", "fault", "caught"),
    [
        ("cookie", "socket open to all", {"C02-10": "but a socket opened"}),
        ("frames", "rooms for nobody", {"C01-05": "room should ask for a token, and was done without one"}),
        ("frames", "any token", {"C04-04": "should refuse the token as invalid"}),
        ("frames", "renew twice", {"C04-06": "the spent refresh token should be refused"}),
        ("frames", "to all", {"C02-07": "should not arrive on"}),
    ],
)
def test_a_fault_of_such_a_platform_is_caught(
    name: str, fault: str, caught: Mapping[str, str], suites: Path, tmp_path: Path
) -> None:
    with small.served(name, fault) as variables:
        found = small.run(tmp_path, name, variables, *small.included(list(caught)), suites=suites)
    for key, words in caught.items():
        verdict, message = found[key]
        assert verdict == small.FAIL, (key, verdict, message)
        assert words in message
