"""What the libraries share: waiting, asserting, the target in use, the identity of a test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from assertionengine import AssertionOperator
from lockstep import asserting, target, test_identity
from lockstep.target import Descriptor
from lockstep.waiting import wait_until

from tests.libraries.inner import run_inner

SHORT = timedelta(milliseconds=60)


def ticks(*values: Any) -> Any:
    left = iter(values)
    last: list[Any] = []

    def ask() -> Any:
        last[:] = [next(left, last[0] if last else None)]
        if isinstance(last[0], Exception):
            raise last[0]
        return last[0]

    return ask


def test_the_first_right_answer_ends_the_wait() -> None:
    assert wait_until("Light", "green", ticks("red", "amber", "green"), lambda seen: seen == "green", SHORT) == "green"


def test_a_failed_wait_says_what_was_seen_last() -> None:
    began = time.monotonic()
    with pytest.raises(AssertionError, match=r"^Light did not become green in 60 ms; last seen: 'amber'$"):
        wait_until("Light", "green", ticks("red", "amber"), lambda seen: seen == "green", SHORT)
    assert time.monotonic() - began >= SHORT.total_seconds()


def test_without_time_it_is_asked_once() -> None:
    assert wait_until("Light", "green", ticks("green"), lambda seen: seen == "green", timedelta(0)) == "green"


def test_only_tolerated_errors_are_waited_out() -> None:
    ask = ticks(OSError("away"), "green")
    assert wait_until("Light", "green", ask, lambda seen: seen == "green", SHORT, (OSError,)) == "green"
    with pytest.raises(ValueError, match="broken"):
        wait_until("Light", "green", ticks(ValueError("broken"), "green"), bool, SHORT, (OSError,))
    with pytest.raises(AssertionError, match="last seen: OSError: away"):
        wait_until("Light", "green", ticks(OSError("away")), bool, SHORT, (OSError,))


def test_a_failed_wait_shows_no_secret_and_no_novel() -> None:
    with pytest.raises(AssertionError) as failure:
        wait_until("X", "y", lambda: "password=hidden-value " + "z" * 5000, lambda _: False, SHORT)
    assert "hidden-value" not in str(failure.value)
    assert len(str(failure.value)) < 1000


@pytest.mark.parametrize(
    ("value", "operator", "expected"),
    [
        (5, "==", "5"),
        (5.5, ">", "5"),
        (True, "==", "yes"),
        (False, "==", "false"),
        (None, "==", "None"),
        ("5", "==", "5"),
        ("abc", "contains", "b"),
        (["a", "b"], "contains", "a"),
    ],
)
def test_texts_are_compared_in_the_type_of_the_value(value: Any, operator: str, expected: Any) -> None:
    assert asserting.checked("X", lambda: value, AssertionOperator[operator], expected) == value


@pytest.mark.parametrize(
    ("value", "operator", "expected", "message"),
    [
        (5, "==", "6", r"X '5' \(int\) should be '6' \(int\)"),
        (5, ">", "many", r"X 5 cannot be compared with 'many'"),
        ("a", "==", "b", r"X 'a' \(str\) should be 'b' \(str\)"),
        (True, "==", "no", r"X 'True' \(bool\) should be 'False' \(bool\)"),
    ],
)
def test_assertions_fail_with_both_values(value: Any, operator: str, expected: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        asserting.checked("X", lambda: value, AssertionOperator[operator], expected)


def test_an_assertion_with_time_waits() -> None:
    assert asserting.checked("X", ticks(1, 2, 3), AssertionOperator["=="], "3", SHORT) == 3
    with pytest.raises(AssertionError, match="X did not become == '4' in 60 ms; last seen: 3"):
        asserting.checked("X", ticks(1, 2, 3), AssertionOperator["=="], "4", SHORT)
    with pytest.raises(ValueError, match="'then' computes a value"):
        asserting.checked("X", ticks(1), AssertionOperator["then"], "value", SHORT)


@pytest.fixture
def no_target() -> Iterator[None]:
    target.set_current(None)
    yield
    target.set_current(None)


@pytest.mark.usefixtures("no_target")
def test_without_a_target_there_is_a_clear_error() -> None:
    with pytest.raises(RuntimeError, match=r"^no platform is in use: call Use Shared Platform first$"):
        target.current()


@pytest.mark.usefixtures("no_target")
def test_a_descriptor_is_made_from_its_json_form() -> None:
    entries = {
        "target": "remote",
        "backend_urls": ["http://a", "http://b"],
        "redis_url": None,
        "logs": None,
        "service_token": "service-token-12345678",
        "colour": "blue",
    }
    target.set_current(entries)
    found = target.current()
    assert (found.backend_urls, found.logs, found.extra) == (("http://a", "http://b"), {}, {"colour": "blue"})
    assert "service-token" not in repr(found)
    assert found.needed("backend_urls")[1] == "http://b"
    with pytest.raises(RuntimeError, match="target 'remote' has no redis_url"):
        found.needed("redis_url")
    assert Descriptor.from_dict({"extra": {"colour": "blue"}}).extra == {"colour": "blue"}


def test_outside_of_a_run_there_is_no_test_id() -> None:
    assert test_identity.current() == ""
    assert test_identity.headers() == {}


def test_a_test_id_fits_into_a_header() -> None:
    assert test_identity.printable("Süite.A\ttest\n") == "S?ite.A?test?"
    assert test_identity.printable("x" * 300 + ".End").endswith("x.End")
    assert len(test_identity.printable("x" * 300)) == 200


def test_the_test_id_of_a_run(tmp_path: Path) -> None:
    suite = tmp_path / "some_suite.robot"
    suite.write_text(
        "*** Settings ***\nSuite Setup    Id Is    Some Suite\n\n*** Test Cases ***\nA Test\n"
        "    Id Is    Some Suite.A Test\n\n*** Keywords ***\nId Is\n    [Arguments]    ${wanted}\n"
        "    ${id} =    Evaluate    lockstep.test_identity.headers()    modules=lockstep.test_identity\n"
        "    Should Be Equal    ${id}    ${{ {'X-Test-Id': $wanted} }}\n"
    )
    assert run_inner(suite, tmp_path).verdicts["A Test"] == ("PASS", "")
