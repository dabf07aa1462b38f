"""What a refusal of a platform has to look like, and what it tells the client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from QuotaLibrary.asking import Answer
from QuotaLibrary.fields import UNSTANDARDISED, Quota

Fields: TypeAlias = Literal["draft10", "x-ratelimit", "none"]


@dataclass(frozen=True)
class Form:
    """What a 429 (RFC 6585 §4) has with it: which fields, ``Retry-After`` (RFC 9110 §10.2.3), which problem code.

    ``code`` is None where a refusal need have none. ``rate`` is how many requests a second come back steadily, as of a
    leaky bucket; 0 where a whole quota comes back at the end of its window, counted from the first request.
    """

    fields: Fields = "draft10"
    retry_after: bool = True
    code: str | None = "rate_limited"
    rate: float = 0.0

    def __post_init__(self) -> None:
        if self.fields not in get_args(Fields):
            raise ValueError(f"fields are {', '.join(get_args(Fields))}, not {self.fields!r}")

    def malformed(self, answer: Answer) -> str:
        """What cannot be read of the fields that this platform has, or ""."""
        if self.fields == "x-ratelimit" and answer.unreadable:
            return answer.unreadable
        return answer.wrong

    def quotas(self, answer: Answer) -> list[Quota]:
        """The quotas that this platform's fields announce."""
        if self.fields == "none":
            return []
        return [one for one in answer.quotas.values() if (one.name == UNSTANDARDISED) is (self.fields != "draft10")]

    def told(self, answer: Answer) -> int | None:
        """For how many seconds a refusal tells the client to wait; None where it does not."""
        used_up = [quota.reset for quota in self.quotas(answer) if quota.remaining == 0]
        return answer.retry_after if answer.retry_after is not None else max(used_up, default=None)


DRAFT10 = Form()
"""The reference platform's."""
