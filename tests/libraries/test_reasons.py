"""A reason in a message is never empty, and a long list keeps its cause."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lockstep import reasons
from lockstep.waiting import LONGEST_SEEN, listed, shorten, show, wait_until


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("unavailable", "the database is away"), "unavailable: the database is away"),
        (("unavailable", None), "unavailable"),
        ((" ", "the database is away"), "the database is away"),
        ((None, ""), "no reason given"),
        ((), "no reason given"),
        ((0,), "0"),
    ],
)
def test_what_was_given_is_told(parts: tuple[object, ...], text: str) -> None:
    assert reasons.given(*parts) == text


def test_an_exception_without_a_text_is_named() -> None:
    error = TimeoutError()
    error.__cause__ = ConnectionResetError("the peer hung up")
    assert reasons.of(error) == "TimeoutError because of ConnectionResetError: the peer hung up"
    assert reasons.of(TimeoutError()) == "TimeoutError, no reason given"
    assert reasons.of(ValueError("seven")) == "ValueError: seven"


def test_a_wait_that_ends_without_a_text_says_so() -> None:
    def ask() -> None:
        raise TimeoutError

    with pytest.raises(AssertionError, match="last seen: TimeoutError, no reason given"):
        wait_until("it", "well", ask, bool, timedelta(0), (TimeoutError,))


def test_of_a_long_list_the_first_and_the_last_are_whole() -> None:
    items = [f"user-{number}: error unavailable, the database is away" for number in range(100)]
    text = listed(items)
    assert text.startswith(f"{items[0]}; {items[1]}; ")
    assert text.endswith(f"; … ({100 - text.count('user-')} more) …; {items[-1]}")
    assert len(text) < LONGEST_SEEN + 100
    assert listed(items[:2]) == f"{items[0]}; {items[1]}"
    assert listed([]) == ""


def test_a_long_answer_in_a_list_is_cut_and_the_next_is_seen() -> None:
    text = listed(["a" * 5000, "the cause", *["b" * 300] * 9])
    assert "the cause" in text
    assert "8 more" in text or "9 more" in text


def test_a_list_of_answers_is_shown_by_items() -> None:
    assert show(["short"]) == "['short']"
    answers = [f"answer {number} with some words" for number in range(100)]
    assert show(answers).startswith("100 items: 'answer 0 with some words'; 'answer 1")
    assert show(answers).endswith("'answer 99 with some words'")


def test_more_of_the_beginning_than_of_the_end_is_kept() -> None:
    text = shorten("the cause" + "x" * 5000 + "the end")
    assert text.startswith("the cause")
    assert text.endswith("the end")
    assert text.partition(" … (")[0].count("x") > text.rpartition(") … ")[2].count("x")
