"""What a genuine token must have so that a forged one is wrong: each function says what is missing, or ""."""

from __future__ import annotations

from collections.abc import Callable, Collection

from JWTLibrary import claims as claim_names
from JWTLibrary.claims import MISSING, ClaimNames
from JWTLibrary.symmetric import LENGTHS
from JWTLibrary.tokens import Token

_Need = Callable[[Token, ClaimNames], str]


def nothing(token: Token, names: ClaimNames) -> str:
    """Any token will do."""
    return ""


def claim(purpose: str) -> _Need:
    """The claim for this ``purpose``, as `ClaimNames` calls it."""

    def lacks(token: Token, names: ClaimNames) -> str:
        name = getattr(names, purpose)
        return f"the genuine token has no claim '{name}'" if claim_names.get(token.claims, name) is MISSING else ""

    return lacks


def text(purpose: str) -> _Need:
    """The claim for this ``purpose``, being a text."""

    def lacks(token: Token, names: ClaimNames) -> str:
        name = getattr(names, purpose)
        value = claim_names.get(token.claims, name)
        return "" if isinstance(value, str) else f"the genuine token has no claim '{name}' that is a text"

    return lacks


def both(first: _Need, second: _Need) -> _Need:
    """What each of the two needs."""
    return lambda token, names: first(token, names) or second(token, names)


def outer_user(token: Token, names: ClaimNames) -> str:
    """A claim for the user that is not inside of another one: only such a claim can be there twice."""
    return "" if names.user in token.claims else f"the genuine token has no claim '{names.user}' of its own"


def header(name: str, *, other_than: Collection[str] = ()) -> _Need:
    """This header parameter, with a value ``other_than`` these (in lower case)."""

    def lacks(token: Token, names: ClaimNames) -> str:
        if name not in token.header:
            return f"the genuine token has no {name}"
        value = str(token.header[name])
        return f"the genuine token's {name} is {value}" if value.lower() in other_than else ""

    return lacks


def key_pair(token: Token, names: ClaimNames) -> str:
    """A signature by a key pair."""
    algorithm = token.header.get("alg")
    return f"the genuine token is signed with {algorithm}, which has no public key" if algorithm in LENGTHS else ""
