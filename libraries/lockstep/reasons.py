"""Reasons in messages: one that was not given is said to be missing, since an empty one reads like a fault."""

from __future__ import annotations

NONE_GIVEN = "no reason given"


def given(*parts: object) -> str:
    """The parts that say something, such as a code and its detail, joined by colons."""
    return ": ".join(said for part in parts if part is not None and (said := str(part).strip())) or NONE_GIVEN


def text(error: BaseException) -> str:
    """The text of an exception whose kind is no help; without a text its kind."""
    return str(error).strip() or of(error)


def of(error: BaseException) -> str:
    """Kind and text of an exception; without a text (``TimeoutError()``) that of its cause, or just its kind."""
    if said := str(error).strip():
        return f"{type(error).__name__}: {said}"
    cause = error.__cause__ or error.__context__
    return f"{type(error).__name__} because of {of(cause)}" if cause else f"{type(error).__name__}, {NONE_GIVEN}"
