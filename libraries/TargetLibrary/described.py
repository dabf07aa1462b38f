"""Keywords end as NA where the dialect lacks a word."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from lockstep.applicability import not_applicable
from lockstep.dialect import NotDescribed, NotRead
from robot.api.deco import keyword

F = TypeVar("F", bound=Callable[..., Any])


def word(*tags: str) -> Callable[[F], F]:
    """A keyword that ends the test, or the suite whose setup runs, as NA where it needs what the dialect lacks."""

    def decorate(method: F) -> F:
        @functools.wraps(method)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except NotDescribed as lacking:
                lacks, reason = lacking.lacks, lacking.reason
            except NotRead as lacking:
                lacks, reason = f"operations.sign_in.read.{lacking.name}", str(lacking)
            return not_applicable(lacks, reason)

        return keyword(tags=tags)(guarded)  # type: ignore[no-any-return]

    return decorate
