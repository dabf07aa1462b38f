"""What in values and answers is a secret by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lockstep import codes

_WORDS = ("access", "refresh", "password", "secret", "token", "ticket")


def is_secret(name: str) -> bool:
    """Whether what is called so is a secret."""
    return any(word in name.lower() for word in _WORDS)


def secrets_of(data: Any) -> Iterator[str]:
    """The texts in ``data``, JSON or values by name, that are secret by their names, however deep they stand."""
    if isinstance(data, Mapping):
        for name, value in data.items():
            if isinstance(value, str):
                # A code of an error is called so, too, and is a word.
                if is_secret(str(name)) or (name == "code" and codes.is_random(value)):
                    yield value
            else:
                yield from secrets_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from secrets_of(value)
