"""What a good answer is, and what one that refuses: as a keyword is told it, or as a dialect describes it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lockstep.dialect.entries import Place, Source
from lockstep.dialect.errors import DialectError
from lockstep.dialect.messages import Answer
from lockstep.dialect.refusals import Refusal, alternatives

Kind = Literal["good", "refused", "other"]
Told: TypeAlias = str | int | list[Any] | dict[str, Any] | None
"""A status (``200``), a class of them (``4xx``), a description as in a dialect's ``refusals``, or a list of these."""

EXPIRED: Mapping[str, Any] = {"status": 401, "code_at": "code", "codes": ["token_expired"]}


@dataclass(frozen=True)
class Expected:
    """How answers are told apart. Where no ``good`` ones are described, all below 400 are that do not refuse."""

    good: tuple[Refusal, ...] = ()
    refused: tuple[Refusal, ...] = ()

    @classmethod
    def read(cls, good: Told = None, refused: Told = None) -> Expected:
        """From what a keyword was given as ``good`` and ``refused``; raises ``ValueError`` that names the entry."""
        return cls(_read(good, "good"), _read(refused, "refused"))

    def kind(self, answer: Answer) -> Kind:
        """Whether an answer is good, a refusal, or neither. What is described as both refuses."""
        if any(one.fits(answer) for one in self.refused):
            return "refused"
        if self.good:
            return "good" if any(one.fits(answer) for one in self.good) else "other"
        return "good" if answer.status is not None and answer.status < 400 else "other"

    @property
    def code_at(self) -> str | None:
        """Where the codes of problems stand, as far as anything was described by one."""
        return next((one.code_at for one in (*self.refused, *self.good) if one.code_at), None)


def shown(described: tuple[Refusal, ...]) -> str:
    """Descriptions in words."""
    return " or ".join(map(str, described))


def _read(told: Any, name: str) -> tuple[Refusal, ...]:
    if told is None:
        return ()
    if isinstance(told, str) and told.lstrip().startswith(("[", "{")):
        try:
            told = ast.literal_eval(told)
        except (ValueError, SyntaxError) as error:
            raise ValueError(f"{name}: {told} is neither a list nor a dictionary: {error}") from None
    each = list(told) if isinstance(told, list | tuple) else [told]
    if not each:
        raise ValueError(f"{name}: nothing is described: no answer would be {name}")
    if all(isinstance(one, Refusal) for one in each):
        return tuple(each)
    try:
        described = [_described(one) for one in each]
        return alternatives(described if isinstance(told, list | tuple) else described[0], Place(Source(name)))
    except DialectError as error:
        # Its place is a file and a line; here it is an argument.
        raise ValueError(str(error).replace(f"{name}:1:", f"{name}:", 1)) from None


def _described(one: Any) -> Any:
    """A description as a mapping; a bare status is one of its status."""
    if isinstance(one, str) and one.isdecimal():
        one = int(one)
    return dict(one) if isinstance(one, Mapping) else {"status": one}
