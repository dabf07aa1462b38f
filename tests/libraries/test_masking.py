"""Masking: what is a secret, and that none reaches the output of a run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from lockstep import masking
from robot.api.types import Secret

from tests.libraries.conftest import Stack
from tests.libraries.inner import INNER, InnerRun, run_inner

JWT = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
OPAQUE = "q9X2-vB7_kLm3PzT0aWc8"
NAMED = f"<token {hashlib.sha256(JWT.encode()).hexdigest()[:8]}>"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"token {JWT}.", f"token {NAMED}."),
        (f"subprotocol bearer.{JWT}", f"subprotocol bearer.{NAMED}"),
        (f"Authorization: Bearer {JWT}", f"Authorization: Bearer {NAMED}"),
        (f"'Authorization': 'Bearer {OPAQUE}'", "'Authorization': 'Bearer ***'"),
        (f"Basic {OPAQUE}==", "Basic ***"),
        (rf"""{{"password": "a\"{OPAQUE}", "x": 1}}""", """{"password": "***", "x": 1}"""),
        (f"Cookie: __Host-access={OPAQUE}; a=b", "Cookie: __Host-access=***; a=b"),
        (f'{{"access_token": "{OPAQUE}", "x": 1}}', '{"access_token": "***", "x": 1}'),
        (f'{{"password":"it\'s \\\\ {OPAQUE}"}}', '{"password":"***"}'),
        (f"{{'session_token': '{OPAQUE}'}}", "{'session_token': '***'}"),
        (f'\\"client_secret\\": \\"{OPAQUE}\\"', '\\"client_secret\\": \\"***\\"'),
        (f"&quot;refresh_token&quot;: &quot;{OPAQUE}&quot;", "&quot;refresh_token&quot;: &quot;***&quot;"),
        (f"code={OPAQUE}&code_verifier=abc&x=1", "code=***&code_verifier=***&x=1"),
        (f"Tokens(refresh_token='{OPAQUE}', n=1)", "Tokens(refresh_token='***', n=1)"),
        (f'{{"code": "{OPAQUE}"}}', '{"code": "***"}'),
        (f"'code': '4/0AX4_{OPAQUE}'", "'code': '***'"),
        ("https://a.test/callback?code=4/0AX4XfW&state=s", "https://a.test/callback?code=***&state=s"),
        ("/callback?state=s&amp;code=short1&amp;x=1", "/callback?state=s&amp;code=***&amp;x=1"),
        ("grant_type=authorization_code&code=short&x=1", "grant_type=authorization_code&code=***&x=1"),
        (
            "{'grant_type': 'authorization_code', 'code': 'short', 'n': 1}",
            "{'grant_type': 'authorization_code', 'code': '***', 'n': 1}",
        ),
        ('{"code": "ab1", "redirect_uri": "https://a.test/"}', '{"code": "***", "redirect_uri": "https://a.test/"}'),
    ],
)
def test_known_by_sight(text: str, masked: str) -> None:
    assert masking.mask(text) == masked
    assert masking.mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        '{"code": "client_msg_id_conflict", "status": 409}',
        "code=4001 within=2s",
        '{"code": 4001}',
        "12:00:01Z WARNING frame_not_served code=unavailable reason=the database is away",
        '{"code": "database_unavailable", "detail": "it does not answer"}',
        "'code': 4001",
        "code=RESOURCE_EXHAUSTED",
        '{"extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}',
        "code=com.example.auth.InvalidTokenException",
        '{"code": "ERR_HTTP2_PROTOCOL_ERROR", "x": 1}',
        '{"code": "E2E_KEY_MISMATCH_ERROR"}',
        '{"code": "urn:lockstep:problem:redis_unavailable"}',
        "code='AUTH-INVALID-CREDENTIALS-401'",
        "code=${code}&state=${state}",
        "User(id='7', access_token=Secret(value=<secret>), password=Secret(value=<secret>))",
        'WWW-Authenticate: Bearer realm="lockstep", error="invalid_token"',
        "password=${PASSWORD}",
        "the access token expired; eyJ is how a header begins",
        "0197b7c2-9f41-7cc3-98c4-dc0c0c07398f",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert masking.mask(text) == text


def test_registered_values_are_found_inside_of_other_text() -> None:
    masking.register("Registered-Value-0123456789")
    masking.register(Secret("with spaces & signs"))
    assert masking.mask(r"a\nRegistered-Value-0123456789xyz_") == r"a\n***xyz_"
    assert masking.mask("Registered-Value-0123456789Registered-Value-0123456789") == "******"
    assert masking.mask("Registered-Value-012345678, with spaces & signs") == "Registered-Value-012345678, ***"


def test_the_longer_of_two_registered_values_is_taken_whole() -> None:
    for value in ("one secret", "one secret more", "Prefix-0123456789ab", "Prefix-0123456789abcdef"):
        masking.register(value)
    assert masking.mask("one secret more; Prefix-0123456789abcdef") == "***; ***"


def test_a_random_value_seen_beside_its_name_is_known_without_it() -> None:
    value = "Seen-Beside-Its-Name-1"
    assert masking.mask(f"('x', '{value}')") == f"('x', '{value}')"
    masking.mask(f'{{"refresh_token": "{value}"}}')
    assert masking.mask(f"('x', '{value}')") == "('x', '***')"
    masking.mask("password=short and=plain")
    assert masking.mask("short") == "short"


def test_short_values_are_not_masked() -> None:
    masking.register("a")
    masking.register("")
    assert masking.mask("a car") == "a car"


def test_secret_registers_and_reveals() -> None:
    wrapped = masking.secret("A-Token-Made-Just-Now-1")
    assert masking.reveal(wrapped) == "A-Token-Made-Just-Now-1"
    assert masking.mask("A-Token-Made-Just-Now-1") == "***"


@pytest.fixture(scope="module")
def leaks(tmp_path_factory: pytest.TempPathFactory) -> InnerRun:
    known = "Known-By-Registration-42"
    return run_inner(
        INNER / "masking" / "leaks.robot",
        tmp_path_factory.mktemp("leaks"),
        "--loglevel=TRACE",
        variables={"JWT": JWT, "KNOWN": known, "OPAQUE": OPAQUE},
    )


@pytest.mark.parametrize("value", [JWT, JWT.split(".")[2], OPAQUE, "Known-By-Registration-42", "written-out"])
def test_no_secret_reaches_any_output(leaks: InnerRun, value: str) -> None:
    after_setup = leaks.output.split("<test ", 1)[1]
    assert value not in after_setup
    assert value not in leaks.console
    assert NAMED.replace("<", "&lt;").replace(">", "&gt;") in after_setup


def test_masking_changes_no_verdict(leaks: InnerRun) -> None:
    passed = (
        "In A Message",
        "In Arguments That Were Written Out",
        "In A Returned Value",
        "In Arguments Of A Run Keyword",
        "In A Loop",
    )
    kept = "A Pass With A Secret Still Passes At Once", "An Expected Error Is Compared With The Real Text"
    assert {name: leaks.verdicts[name][0] for name in (*passed, *kept)} == dict.fromkeys((*passed, *kept), "PASS")
    assert leaks.message("In A Failure") == f"wanted *** but got {NAMED}"
    assert leaks.message("In A Failure Of A User Keyword") == "it was password=***"
    assert leaks.message("In A Failed Comparison") == f"{NAMED} != ***"
    assert leaks.verdicts["In A Skip"] == ("SKIP", f"because of {NAMED}")
    continued = leaks.message("A Continuable Failure Still Continues")
    assert "1) first" in continued
    assert "2) second" in continued
    assert "fatal" in leaks.message("A Fatal Failure Still Ends The Run")
    assert leaks.verdicts["Not Reached"][1].startswith("Test execution stopped due to a fatal error")


def test_requests_library_logs_no_secret(stack: Stack, tmp_path: Path) -> None:
    password = "a-password:of~the test"
    run = run_inner(
        INNER / "masking" / "requests.robot",
        tmp_path,
        variables={"AUTH": stack.descriptor["auth_url"], "EMAIL": "masked@example.test", "PASSWORD": password},
    )
    assert run.returncode == 0, run.console
    secrets = (tmp_path / "secrets.txt").read_text().splitlines()
    assert len(secrets) == 4
    assert not [value for value in (*secrets, password) if value in run.output]
    assert "Bearer &lt;token " in run.output
