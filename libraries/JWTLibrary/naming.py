"""The keywords that read what a token says of its user, by the platform's own names of claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assertionengine import AssertionOperator
from lockstep import asserting, masking
from robot.api.deco import keyword

from JWTLibrary import claims as claim_names
from JWTLibrary import tokens
from JWTLibrary.claims import MISSING, ClaimNames
from JWTLibrary.tokens import Text


class Naming:
    """Keywords that find a claim by its purpose."""

    def __init__(self, names: ClaimNames) -> None:
        self._names = names

    @keyword(tags=("reading", "assertion"))
    def get_token_user(
        self,
        token: Text,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
        claims: Mapping[str, str] | None = None,
    ) -> Any:
        """The user whom ``token`` names, unverified, by the platform's claim. See `Claim Names`.

        Fails where the token has no such claim.

        | `Get Token User`    ${ACCESS_TOKEN}    ==    ${user.id}    claims={'user': 'id'}
        """
        return self._named("user", token, claims, assertion_operator, assertion_expected, message)

    @keyword(tags=("reading", "assertion"))
    def get_token_session(
        self,
        token: Text,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
        claims: Mapping[str, str] | None = None,
    ) -> Any:
        """The session that ``token`` belongs to, as `Get Token User` does it."""
        return self._named("session", token, claims, assertion_operator, assertion_expected, message)

    @keyword(tags=("reading", "assertion"))
    def get_token_roles(
        self,
        token: Text,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
        claims: Mapping[str, str] | None = None,
    ) -> Any:
        """The roles in ``token``, as a list, whether the claim holds a list or one role; ``null`` is none.

        Otherwise as `Get Token User`. The text of a claim ``scope`` or ``scp`` is split at its spaces (RFC 8693 §4.2).

        | `Get Token Roles`    ${ACCESS_TOKEN}    contains    admin
        """
        return self._named("roles", token, claims, assertion_operator, assertion_expected, message)

    def _named(
        self,
        purpose: str,
        token: Text,
        claims: Mapping[str, str] | None,
        operator: AssertionOperator | None,
        expected: Any,
        message: str | None,
    ) -> Any:
        name = getattr(ClaimNames.read(claims or {}, self._names), purpose)
        found = tokens.read(masking.reveal(token)).claims
        value = claim_names.get(found, name)
        if value is not MISSING:
            found = {**found, name: _as_list(name, value) if purpose == "roles" else value}
        return checked_entry("claim", found, name, operator, expected, message)


def checked_entry(
    kind: str,
    entries: Mapping[str, Any],
    name: str,
    operator: AssertionOperator | None,
    expected: Any,
    message: str | None,
) -> Any:
    """The entry ``name``, after the assertion on it; ``AssertionError`` lists the entries where it is none of them."""
    if name not in entries:
        raise AssertionError(f"the token has no {kind} '{name}'; it has: {', '.join(sorted(entries)) or 'none'}")
    return asserting.checked(
        f"{kind.capitalize()} '{name}'", lambda: entries[name], operator, expected, message=message
    )


def _as_list(name: str, roles: Any) -> list[Any]:
    if isinstance(roles, str):
        return roles.split() if name.rpartition(".")[2] in ("scope", "scp") else [roles]
    if roles is None:
        return []
    return roles if isinstance(roles, list) else [roles]
