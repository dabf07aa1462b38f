"""SessionLibrary: how views are compared, and its keywords at real services."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from lockstep import target
from robot.api.types import Secret
from SessionLibrary import ManagedSession, SessionLibrary, guessing
from SessionLibrary.records import Identity
from SessionLibrary.views import View, differences, normalised, table

from tests.libraries.conftest import Stack
from tests.libraries.inner import INNER, run_inner

RANDOM = random.Random("guessing")
PLACES = ["auth", "auth db", "backend-1", "backend-2", "main db", "redis", "redis index", "redis ttl"]


def test_equal_views_do_not_differ() -> None:
    views = [View("a", True, {"x": 1, "y": 2}), View("b", True, {"x": 1}), View("c", None, {"z": 3})]
    assert differences(views) == []


def test_each_value_is_shown_with_its_places() -> None:
    views = [View("a", True, {"x": 1}), View("b", False, {"x": 2}, note="closed"), View("c", True, {"x": 1})]
    text = table("s1", views, differences(views))
    assert text.splitlines() == [
        "the views of session s1 do not agree: live is yes in a and c, no in b (and 1 more facts)",
        "  live  yes  in a, c",
        "        no   in b",
        "  x     1    in a, c",
        "        2    in b",
        "  (b: closed)",
    ]


def test_facts_can_be_left_out() -> None:
    views = [View("a", facts={"x": 1}), View("b", facts={"x": 2})]
    assert [found.fact for found in differences(views)] == ["x"]
    assert differences(views, ignore=["x"]) == []


@pytest.mark.parametrize(("apart", "agree"), [(0.0005, True), (0.002, False)])
def test_exact_times_agree_to_the_millisecond(apart: float, agree: bool) -> None:
    views = [View("a", facts={"expires_at": 100.0}), View("b", facts={"expires_at": 100.0 + apart})]
    assert (differences(views) == []) is agree


def test_a_tolerant_place_does_not_make_the_others_tolerant() -> None:
    loose = View("ttl", facts={"expires_at": 100.4}, tolerance=1.0)
    exact = [View("a", facts={"expires_at": 100.0}), View("b", facts={"expires_at": 100.0})]
    assert differences([loose, *exact]) == differences([*exact, loose]) == []
    assert differences([loose, exact[0], View("b", facts={"expires_at": 100.8})])
    assert differences([exact[0], View("ttl", facts={"expires_at": 101.5}, tolerance=1.0)])


def test_times_of_every_form_are_one() -> None:
    instant = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    forms = [instant, "2026-01-02T03:04:05.678901Z", "2026-01-02T04:04:05.678901+01:00"]
    assert {normalised({"created_at": form})["created_at"] for form in forms} == {instant.timestamp()}


def test_a_place_without_an_answer_is_neither_gone_nor_silent() -> None:
    away = View("redis", error="TimeoutError: too slow")
    assert not away.gone
    assert "(no answer)  TimeoutError: too slow  in redis" in table("s", [away], [])


def test_sessions_of_every_form_are_understood() -> None:
    answer = {"session_id": "s", "access_token": "t", "user": {"id": "u"}}
    assert Identity.of(answer) == Identity("s", "u", "t")
    assert Identity.of("s") == Identity("s", None, None)
    assert Identity.of("s", access_token="t") == Identity("s", None, "t")


def _random_secrets(length: int = 32, count: int = 250) -> list[str]:
    return [base64.urlsafe_b64encode(RANDOM.randbytes(length)).decode() for _ in range(count)]


def test_random_secrets_of_256_bits_are_unguessable() -> None:
    assert guessing.flaw(_random_secrets(), 128) == ""
    assert 240 < guessing.entropy(_random_secrets()) < 256
    SessionLibrary().secrets_should_be_unguessable([Secret(text) for text in _random_secrets()], "tokens")


@pytest.mark.parametrize(
    ("made", "flaw"),
    [
        ([*_random_secrets(), *_random_secrets(count=3)[:1] * 3], "2 of 253 were given out before"),
        ([text + "A" * 40 for text in _random_secrets(length=6)], "they hold about 46 bits, not 128"),
        ([f"{1_000_000 + n}{text}" for n, text in enumerate(_random_secrets())], "they follow an order: 100% of them"),
        ([f"{9_000_000 - n}{text}" for n, text in enumerate(_random_secrets())], "they follow an order: 0% of them"),
    ],
)
def test_what_could_be_guessed_is_said_without_the_secrets(made: list[str], flaw: str) -> None:
    with pytest.raises(AssertionError, match=f"^the tokens can be guessed: {flaw}") as told:
        SessionLibrary().secrets_should_be_unguessable(made, "tokens")
    assert made[0] not in str(told.value)


def test_few_secrets_prove_nothing() -> None:
    with pytest.raises(ValueError, match="99 secrets prove nothing"):
        guessing.flaw(_random_secrets(count=99), 128)


def test_wrong_session_tokens_are_all_different_and_none_is_the_right_one() -> None:
    session = ManagedSession("id", "user", "WEB", Secret("aB-1"), Secret("access"), Secret("refresh"))
    wrong = [token.value for token in SessionLibrary().list_wrong_session_tokens(session).values()]
    assert len(set(wrong)) == len(wrong)
    assert "aB-1" not in wrong
    assert {"Ab-1", "aB-1 ", "aB-", "aB-1A", "AAAA", "access", "refresh", "id"} < set(wrong)


@pytest.fixture
def session_library(stack: Stack) -> Iterator[SessionLibrary]:
    target.set_current(stack.descriptor)
    yield SessionLibrary()
    target.set_current(None)


def test_places_that_are_down_are_no_proof_of_an_end(stack: Stack, session_library: SessionLibrary) -> None:
    from DataFactory import DataFactory

    user = DataFactory(seed="down").create_user()
    stack.services["backend-2"].kill()
    try:
        with pytest.raises(AssertionError, match=r"\(no answer\) +CallError: GET /api/me got no answer from backend-2"):
            session_library.session_views_should_agree(user)
        session_library.revoke_session(user)
        with pytest.raises(AssertionError, match="is not gone: backend-2: CallError"):
            session_library.wait_until_session_is_gone_everywhere(user, timedelta(seconds=1))
    finally:
        stack.services["backend-2"].start()
    assert "backend-2" in session_library.wait_until_session_is_gone_everywhere(user)


def test_a_database_that_was_restarted_is_asked_on_a_new_connection(
    stack: Stack, session_library: SessionLibrary
) -> None:
    from DataFactory import DataFactory

    user = DataFactory(seed="restarted").create_user()
    places = ["auth db", "auth"]
    session_library.session_views_should_agree(user, places=places)
    mine = "application_name = '' AND datname = current_database() AND pid != pg_backend_pid()"
    with psycopg.connect(stack.descriptor["auth_db_url"], autocommit=True) as connection:
        ended = connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}").fetchall()
    assert ended
    session_library.session_views_should_agree(user, places=places)


def test_without_auth_the_manager_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="target 'a' has no auth_url"):
        SessionLibrary({"target": "a"}).clean_up_sessions()


def test_keywords_from_outside(stack: Stack, tmp_path: Path) -> None:
    variables = {"DESCRIPTOR": str(stack.file(tmp_path)), "SOCKET": stack.descriptor["backend_socket_urls"][0]}
    lists = tmp_path / "lists.py"
    lists.write_text(f"PLACES = {PLACES}\n")
    run = run_inner(INNER / "session", tmp_path, "--variablefile", str(lists), variables=variables)
    run.all_as_declared()
    assert "eyJ" not in run.output
