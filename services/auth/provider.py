"""The OpenID provider as auth sees it: discovery, the authorization request, the code exchange, the ID token."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import Token

from services.auth import logout_tokens
from services.auth.logout_tokens import LogoutToken
from services.auth.records import AtProvider
from services.common import logs, outgoing

TIMEOUT = httpx.Timeout(3.0, connect=1.0)
_METADATA_SECONDS = 300.0
_LEEWAY = 2
_MAX_ANSWER = 256 << 10
_MAX_IDENTITY = 2000


class ProviderAway(Exception):  # noqa: N818 - says what it is
    """The provider does not answer, or answers that it cannot now."""


class ProviderRefused(Exception):  # noqa: N818 - says what it is
    """The provider's answer cannot be trusted or is an error."""


@dataclass(frozen=True)
class Identity:
    """Who signed in, as the provider's ID token says."""

    subject: str
    email: str
    name: str
    email_verified: bool
    sid: str | None = None

    @property
    def at_provider(self) -> AtProvider:
        """What a session made by this login remembers of it."""
        return AtProvider(self.subject, self.sid)


class Provider:
    """The client that auth is at its one provider."""

    def __init__(self, url: str, client_id: str, client_secret: str, redirect_uri: str, signed_out_uri: str) -> None:
        self._url = url
        self._client_id = client_id
        self._redirect_uri = redirect_uri
        self._signed_out_uri = signed_out_uri
        self._auth = httpx.BasicAuth(client_id, client_secret)
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT, transport=outgoing.Transport(limits=httpx.Limits(max_connections=20))
        )
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()

    async def authorization_url(self, state: str, nonce: str, challenge: str, login_hint: str | None) -> str:
        """Where the browser is sent to sign in; raises ``ProviderAway``."""
        metadata = await self._discovered()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **({"login_hint": login_hint} if login_hint else {}),
        }
        return f"{metadata['authorization_endpoint']}?{urlencode(query)}"

    async def identify(self, code: str, verifier: str, nonce: str) -> Identity:
        """The identity behind a code; raises ``ProviderAway`` or ``ProviderRefused``."""
        metadata = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        answer = await self._asked("POST", metadata["token_endpoint"], data=form, auth=self._auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefused("the token answer holds no ID token")
        return _identity(await self._claims(token, nonce))

    async def logout_token(self, text: str) -> LogoutToken:
        """The logout token that the provider has sent; raises ``BadLogoutToken`` and what `identify` raises."""
        await self._discovered()
        decoded = await self._decoded(text, "logout token")
        return logout_tokens.read(decoded.header, decoded.claims, self._metadata["issuer"], self._client_id)

    async def end_session_url(self, sid: str | None) -> str | None:
        """Where the browser is sent to sign out; None where the provider has no such place. Raises ``ProviderAway``."""
        endpoint = (await self._discovered()).get("end_session_endpoint")
        if not isinstance(endpoint, str):
            return None
        query = {"client_id": self._client_id, "post_logout_redirect_uri": self._signed_out_uri}
        return f"{endpoint}?{urlencode(query | ({'logout_hint': sid} if sid else {}))}"

    async def _decoded(self, token: str, what: str) -> Token:
        for fresh in (False, True):
            keys = await self._key_set(fresh)
            try:
                decoded = jwt.decode(token, keys, algorithms=["RS256", "ES256"])
                break
            except (JoseError, ValueError, KeyError, TypeError) as error:
                # An unknown key may be one that the provider has just rotated in.
                if fresh:
                    raise ProviderRefused(f"the {what} is not good: {type(error).__name__}") from None
        return decoded

    async def _claims(self, token: str, nonce: str) -> CodeIDToken:
        decoded = await self._decoded(token, "ID token")
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self._metadata["issuer"]},
                "aud": {"essential": True, "value": self._client_id},
                "nonce": {"essential": True, "value": nonce},
            },
            params={"nonce": nonce, "client_id": self._client_id},
        )
        try:
            claims.validate(now=int(time.time()), leeway=_LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderRefused(f"the ID token is not good: {error}") from None
        return claims

    async def _discovered(self) -> dict[str, Any]:
        if time.monotonic() - self._fetched_at > _METADATA_SECONDS:
            metadata = await self._asked("GET", f"{self._url}/.well-known/openid-configuration")
            wanted = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
            if metadata.get("issuer") != self._url or not all(isinstance(metadata.get(name), str) for name in wanted):
                raise ProviderAway("the discovery document is not the provider's")
            self._metadata, self._fetched_at = metadata, time.monotonic()
        return self._metadata

    async def _key_set(self, fresh: bool) -> KeySet:
        if self._keys is None or fresh:
            try:
                self._keys = KeySet.import_key_set(await self._asked("GET", self._metadata["jwks_uri"]))  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError):
                raise ProviderRefused("the provider's keys cannot be read") from None
        return self._keys

    async def _asked(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, url, headers=logs.onward_headers(), **arguments)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderAway(type(error).__name__) from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise ProviderAway(f"the provider answered {answer.status_code}")
        if answer.status_code != 200 or len(answer.content) > _MAX_ANSWER:
            raise ProviderRefused(f"the provider answered {answer.status_code}")
        try:
            body = answer.json()
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise ProviderRefused("the provider's answer is no JSON object")
        return body


def _identity(claims: CodeIDToken) -> Identity:
    subject, email = claims.get("sub"), claims.get("email")
    if not isinstance(subject, str) or not subject or not isinstance(email, str) or "@" not in email:
        raise ProviderRefused("the ID token names no user")
    name, sid = claims.get("name"), claims.get("sid")
    sid = sid if isinstance(sid, str) and sid else None
    if "\0" in f"{subject}{email}{name}{sid}" or len(f"{subject}{email}{name}{sid}") > _MAX_IDENTITY:
        raise ProviderRefused("the ID token holds what no user has")
    return Identity(
        subject=subject,
        email=email,
        name=name if isinstance(name, str) and name else email.partition("@")[0],
        # Some providers write it as a text.
        email_verified=str(claims.get("email_verified")).lower() == "true",
        sid=sid,
    )
