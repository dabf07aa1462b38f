"""The id of a test: its tag ``id:C05-03`` names it in every place where its name would have to be copied."""

from __future__ import annotations

import re
from collections.abc import Iterable

PREFIX = "id:"
FORM = re.compile(r"[A-Z]{1,4}(?:\d\d)?-\d{2,3}")


def of_tags(tags: Iterable[str]) -> str | None:
    """The id among a test's tags; None where it has none."""
    return next((tag[len(PREFIX) :].upper() for tag in tags if tag.lower().startswith(PREFIX)), None)


def written(text: str) -> str | None:
    """The id that ``text`` is, with or without ``id:`` and in any case; None for anything else."""
    text = text[len(PREFIX) :] if text.lower().startswith(PREFIX) else text
    return text.upper() if FORM.fullmatch(text.upper()) else None
