"""SessionLibrary: how views are compared, and its keywords at real services."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lockstep import target
from SessionLibrary import SessionLibrary
from SessionLibrary.records import Identity
from SessionLibrary.views import View, differences, normalised, table

from tests.libraries.conftest import Stack
from tests.libraries.inner import INNER, run_inner

PLACES = ["auth", "auth db", "backend-1", "backend-2", "main db", "redis", "redis index", "redis ttl"]


def test_equal_views_do_not_differ() -> None:
    views = [View("a", True, {"x": 1, "y": 2}), View("b", True, {"x": 1}), View("c", None, {"z": 3})]
    assert differences(views) == []


def test_each_value_is_shown_with_its_places() -> None:
    views = [View("a", True, {"x": 1}), View("b", False, {"x": 2}, note="closed"), View("c", True, {"x": 1})]
    text = table("s1", views, differences(views))
    assert text.splitlines() == [
        "the views of session s1 do not agree:",
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
