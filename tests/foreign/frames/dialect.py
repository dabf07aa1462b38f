"""The lines of the chat: a word and values as in a query string."""

from typing import Any
from urllib.parse import parse_qsl, urlencode


def encode(frame: dict[str, Any]) -> str:
    """A frame as a line."""
    return f"{frame['do']} {urlencode({name: value for name, value in frame.items() if name != 'do'})}"


def decode(content: str) -> list[dict[str, str]]:
    """The one frame of a line."""
    word, _, rest = content.partition(" ")
    return [{"do": word, **dict(parse_qsl(rest))}]
