"""Which of the values named ``code`` are secrets: an authorization code of OAuth is one, a word or a number is none.

``code`` names error words (``database_unavailable``, ``INTERNAL_SERVER_ERROR``) and close codes (``4001``) far more
often. A value is taken for an authorization code where it stands among the other parameters of OAuth (RFC 6749 §4.1,
RFC 7636 §4), or is random by its look.
"""

from __future__ import annotations

import re

STARS = "***"
SHORTEST = 16

_QUOTE = r"(?:\\*[\"']|&quot;|&#34;|&#39;)"
_VALUE = r"(?![$%@&]\{|\*\*\*)(?P<value>(?:(?!&quot;|&#3[49];|&amp;)[^\s\"'\\<>(){}\[\]|,;&])+)"
_NAMED = re.compile(rf"(?P<name>(?P<open>{_QUOTE})code(?P=open)\s*:\s*{_QUOTE}|\bcode={_QUOTE}?){_VALUE}")
_OF_OAUTH = re.compile(
    rf"\b(?:state|code_verifier|redirect_uri)=|(?:\bgrant_type=|grant_type{_QUOTE}\s*:\s*{_QUOTE})authorization_code"
    rf"|{_QUOTE}(?:code_verifier|redirect_uri){_QUOTE}\s*:"
)
_QUERY_ENDS = re.compile(r"[\s\"'<>\\]")
_HUMP = r"[A-Z](?=[a-z]*[aeiouy])[a-z]{2,19}"
_WORD = re.compile(
    rf"[a-z]{{1,20}}|[A-Z]{{1,20}}|[a-z]{{0,20}}(?:{_HUMP}){{1,6}}|(?:[a-z]{{0,12}}|[A-Z]{{0,12}})\d{{1,4}}"
)


def masked(text: str) -> str:
    """``text`` without authorization codes."""
    return _NAMED.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    value = match["value"]
    if is_random(value) or (not value.isdecimal() and _OF_OAUTH.search(_surroundings(match))):
        return match["name"] + STARS
    return match.group()


def is_random(value: str) -> bool:
    """Whether no person would have chosen it: words, in whatever case, and small numbers between them are chosen."""
    strange = [piece for piece in re.split(r"[_.:/ -]+", value) if piece and not _WORD.fullmatch(piece)]
    return len(value) >= SHORTEST and (len(strange) > 1 or any(len(piece) > 3 for piece in strange))


def _surroundings(match: re.Match[str]) -> str:
    """The query or form around a parameter, or the members of an object around one of them."""
    text, start, end = match.string, match.start(), match.end()
    if match["open"]:
        begin = max(text.rfind(sign, 0, start) for sign in "{}")
        ends = [place for sign in "{}" if (place := text.find(sign, end)) >= 0]
        return text[begin + 1 : min(ends, default=len(text))]
    begin = max((found.end() for found in _QUERY_ENDS.finditer(text, max(0, start - 2000), start)), default=0)
    after = _QUERY_ENDS.search(text, end)
    return text[begin : after.start() if after else len(text)]
