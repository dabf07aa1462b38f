"""Getters which assert, with a time budget: ``Get X  ==  expected  within=2s``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from assertionengine import AssertionOperator, verify_assertion

from lockstep.unknown import Unknown
from lockstep.waiting import wait_until

NUMERICAL = tuple(AssertionOperator[sign] for sign in ("==", "!=", "<", ">", "<=", ">="))
EXPRESSIONS = tuple(AssertionOperator[name] for name in ("validate", "then"))
_WORDS = {"*=": "containing", "^=": "starting with", "$=": "ending with", "$": "matching", "validate": "true for"}
_TRUE = ("true", "yes", "on", "1")


def checked(
    subject: str,
    get: Callable[[], Any],
    operator: AssertionOperator | None,
    expected: Any,
    within: timedelta | None = None,
    message: str | None = None,
    tolerate: tuple[type[Exception], ...] = (AssertionError,),
) -> Any:
    """The value of ``get``, once ``operator`` and ``expected`` hold for it; without operator just the value.

    ``within`` asks again until they hold; until then, an exception in ``tolerate`` is an answer like any other. Raises
    ``AssertionError`` with both values and, after a wait, its length.
    """
    if operator is None or not within:
        return _verified(subject, get(), operator, expected, message)
    if operator is AssertionOperator["then"]:
        raise ValueError("The operator 'then' computes a value and cannot be waited for: leave out 'within'")
    verdict: list[Any] = []

    def holds(value: Any) -> bool:
        try:
            verdict[:] = [_verified(subject, value, operator, expected, message)]
        except AssertionError:
            return False
        return True

    try:
        wait_until(subject, f"{_WORDS.get(operator.value, operator.value)} {expected!r}", get, holds, within, tolerate)
    except Unknown:
        raise
    except AssertionError:
        if message:
            _verified(subject, get(), operator, expected, message)
        raise
    return verdict[0]


def _verified(subject: str, value: Any, operator: AssertionOperator | None, expected: Any, message: str | None) -> Any:
    if operator is not None and operator not in EXPRESSIONS:
        expected = like(value, operator, expected)
    try:
        return verify_assertion(value, operator, expected, subject, message)
    except TypeError as error:
        raise AssertionError(f"{subject} {value!r} cannot be compared with {expected!r}: {error}") from None


def like(value: Any, operator: AssertionOperator, expected: Any) -> Any:
    """``expected``, which comes from Robot data as text, in the type of ``value``."""
    if not isinstance(expected, str) or operator not in NUMERICAL:
        return expected
    if isinstance(value, bool):
        return expected.lower() in _TRUE
    if isinstance(value, int | float):
        try:
            number = float(expected)
        except ValueError:
            return expected
        return int(number) if number.is_integer() else number
    if value is None and expected.lower() == "none":
        return None
    return expected
