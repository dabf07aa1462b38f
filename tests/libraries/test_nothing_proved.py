"""A check that has nothing to judge, for a misspelled name or an empty list, does not pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from assertionengine import AssertionOperator
from ChatLibrary import ChatLibrary
from ExplorationLibrary import ExplorationLibrary
from JWTLibrary import JWTLibrary
from lockstep.asserting import checked
from lockstep.unknown import Unknown
from OAuthLibrary import OAuthLibrary
from PlatformLibrary import PlatformLibrary
from PlatformLibrary.control import NoControl
from PlatformLibrary.targets import Platform
from ProbeLibrary import ProbeLibrary
from QuotaLibrary import QuotaLibrary
from SessionLibrary import SessionLibrary


@pytest.mark.parametrize(
    "check",
    [
        lambda: ChatLibrary().chats_should_have_gone_on([1012]),
        lambda: ChatLibrary().chats_should_settle(),
        lambda: ChatLibrary().wait_until_chats_have_sent(1),
        lambda: ExplorationLibrary().explore_schedules(0),
        lambda: ExplorationLibrary().replay_schedule(Path("none.json"), times=0),
        lambda: ExplorationLibrary().replay_schedules(Path("none"), times=0),
        lambda: JWTLibrary().claims_should_be_equal({}, {}),
        lambda: JWTLibrary().claims_should_be_equal({"jti": "1"}, {"jti": "2"}, ignore=["jti"]),
        lambda: OAuthLibrary().cookies_should_be_removed(SimpleNamespace()),
        lambda: ProbeLibrary().token_should_be_honoured_until(0.0, "token"),
        lambda: QuotaLibrary().flood_should_be_throttled([], 5, timedelta(seconds=1)),
        lambda: QuotaLibrary().quota_should_count_down([], "user", 5, 1),
    ],
)
def test_what_has_nothing_to_judge_fails(check: Callable[[], object]) -> None:
    with pytest.raises((AssertionError, ValueError), match=r"nothing w(as|ould be) proved"):
        check()


def platform_with(monkeypatch: pytest.MonkeyPatch, logs: dict[str, str]) -> PlatformLibrary:
    library = PlatformLibrary()
    descriptor = {"platform_id": "p", "kind": "external", "logs": logs}
    monkeypatch.setattr(library, "_in_use", {"main": Platform(descriptor, NoControl("p"), True, "")})
    return library


def test_a_text_is_not_missing_where_nothing_was_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty, full = tmp_path / "auth.log", tmp_path / "backend-1.log"
    empty.touch()
    nothing = platform_with(monkeypatch, {"auth": str(empty), "gone": str(tmp_path / "gone.log")})
    with pytest.raises(AssertionError, match="no service has written a log"):
        nothing.no_service_log_should_contain("secret")
    full.write_text("a line\n")
    some = platform_with(monkeypatch, {"auth": str(empty), "backend-1": str(full)})
    some.no_service_log_should_contain("secret")
    with pytest.raises(AssertionError, match="the text is in the log of backend-1"):
        some.no_service_log_should_contain("a line")


def test_a_session_that_could_not_be_judged_is_unknown() -> None:
    def busy() -> str:
        raise Unknown("the machine was busy")

    with pytest.raises(Unknown, match="the machine was busy"):
        SessionLibrary._until_nothing(busy, timedelta(seconds=1))


def test_a_value_that_could_not_be_judged_is_unknown_whatever_the_message() -> None:
    answers: Iterator[Any] = iter([Unknown("the machine was busy"), 2])

    def get() -> Any:
        answer = next(answers)
        if isinstance(answer, Unknown):
            raise answer
        return answer

    with pytest.raises(Unknown, match="the machine was busy"):
        checked("it", get, AssertionOperator["=="], 1, timedelta(seconds=1), "own words", tolerate=())
