"""The browser's side of a login: PKCE and state in a cookie, tokens in cookies that no script can read."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from prometheus_client import Gauge
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.common import http, logs, problems
from services.common.json_bodies import Router
from services.common.problems import Problem
from services.frontend import credentials, headers, pages
from services.frontend.credentials import ACCESS_COOKIE, REFRESH_COOKIE
from services.frontend.forwarding import forwarding_headers
from services.frontend.settings import Settings
from services.frontend.upstream import Outgoing, Upstream

CLIENT_ID = "web"
FLOW_TTL = 300
MOST_FLOWS = 5
"""Logins under way in one browser: all its cookies travel in the head of each of its requests."""
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_FLOW_COOKIE = "__Host-flow-"

WAITING = Gauge("frontend_refresh_waiting", "Browsers that wait for auth to refresh their session")


@dataclass(frozen=True)
class Flow:
    """One login under way in one tab; the browser keeps it in a cookie of its own."""

    state: str
    verifier: str
    next: str

    @property
    def cookie(self) -> str:
        """The cookie's name, different for each login so that tabs do not disturb each other."""
        return cookie_of(self.state)

    @property
    def challenge(self) -> str:
        """The S256 challenge (RFC 7636 §4.2)."""
        return _base64url(hashlib.sha256(self.verifier.encode()).digest())

    def written(self) -> str:
        """The cookie's value."""
        return _base64url(json.dumps(asdict(self)).encode())


def cookie_of(state: str) -> str:
    """Which cookie keeps the login with this ``state``."""
    return _FLOW_COOKIE + hashlib.sha256(state.encode()).hexdigest()[:16]


def read_flow(value: str, state: str) -> Flow:
    """The login of a cookie; 400 ``invalid_state`` where it is not the one of ``state``."""
    try:
        flow = Flow(**json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))))
    except (ValueError, TypeError, RecursionError):
        raise invalid_state() from None
    if not isinstance(flow.verifier, str) or flow.state != state:
        raise invalid_state()
    return flow


def invalid_state() -> Problem:
    """This browser has begun no such login, or has already ended it."""
    return Problem(400, "invalid_state", "this sign-in was not begun in this browser, or is already over")


def refusal(error: str) -> Problem:
    """What a browser is told when the login came back with ``error`` (RFC 6749 §4.1.2.1)."""
    match error:
        case "access_denied":
            return Problem(403, "access_denied", "the sign-in was refused")
        case "account_exists":
            return Problem(409, "account_exists", "this e-mail already belongs to another account")
        case "temporarily_unavailable":
            return problems.unavailable("provider")
        case "server_error":
            return Problem(502, "server_error", "the provider's answer could not be used")
    return Problem(400, "invalid_request", "the sign-in was refused")


def local_path(wanted: object) -> str:
    """``wanted`` where it is a path on this origin, else ``/``: a login never ends on another origin."""
    return wanted if isinstance(wanted, str) and _LOCAL_PATH.fullmatch(wanted) else "/"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """A cookie that only this origin gets, and no script; 0 seconds removes it."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def keep_tokens(response: Response, tokens: dict[str, Any]) -> None:
    """Both tokens as cookies. The access token stays after its end, so that its refusal can say why."""
    seconds = int(tokens["refresh_expires_in"])
    set_cookie(response, ACCESS_COOKIE, tokens["access_token"], seconds)
    set_cookie(response, REFRESH_COOKIE, tokens["refresh_token"], seconds)


def forget_tokens(response: Response) -> None:
    """Remove both cookies."""
    set_cookie(response, ACCESS_COOKIE, "", 0)
    set_cookie(response, REFRESH_COOKIE, "", 0)


class SignIn:
    """Login, callback, refresh and logout for browsers."""

    def __init__(self, auth: Upstream, settings: Settings) -> None:
        self._auth = auth
        self._settings = settings
        self._redirect_uri = f"{settings.public_url}/login/callback"
        self._refreshing: dict[str, asyncio.Task[Answer]] = {}

    async def begin(self, request: Request) -> Response:
        """Send the browser to auth."""
        flow = Flow(secrets.token_urlsafe(32), secrets.token_urlsafe(48), local_path(request.query_params.get("next")))
        asked = {
            "client_id": CLIENT_ID,
            "redirect_uri": self._redirect_uri,
            "state": flow.state,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        if hint := request.query_params.get("login_hint"):
            asked["login_hint"] = hint
        response = RedirectResponse(f"{self._settings.public_url}/auth/google?{urlencode(asked)}", 303)
        # The oldest stand first (RFC 6265 §5.4).
        kept = [name for name in headers.cookies(request.headers.raw) if name.startswith(_FLOW_COOKIE)]
        for surplus in kept[: max(0, len(kept) + 1 - MOST_FLOWS)]:
            set_cookie(response, surplus, "", 0)
        set_cookie(response, flow.cookie, flow.written(), FLOW_TTL)
        return _private(response)

    async def finish(self, request: Request) -> Response:
        """Exchange the code for tokens and go on to where the login began; the flow is over, however it ends."""
        state = request.query_params.get("state", "")
        try:
            flow = read_flow(headers.cookies(request.headers.raw).get(cookie_of(state), ""), state)
            tokens = await self._exchange(request, flow)
        except Problem as problem:
            response = pages.problem_answer(request, problem, self._settings.public_url)
        else:
            response = RedirectResponse(f"{self._settings.public_url}{local_path(flow.next)}", 303)
            keep_tokens(response, tokens)
            await self._end_previous(request)
        set_cookie(response, cookie_of(state), "", 0)
        return _private(response)

    async def _exchange(self, request: Request, flow: Flow) -> dict[str, Any]:
        if error := request.query_params.get("error"):
            raise refusal(error)
        if not (code := request.query_params.get("code")):
            raise Problem(400, "invalid_request", "the sign-in brought no code")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": CLIENT_ID,
            "code_verifier": flow.verifier,
        }
        answer = await self._post(request, "/auth/token", form)
        if answer.status != 200:
            raise _passed_on(answer, Problem(400, "invalid_grant", "auth did not accept the sign-in's code"))
        return answer.body

    async def _end_previous(self, request: Request) -> None:
        """A new login replaces the browser's old session, which must not live on unseen (OWASP ASVS 7.2.4)."""
        if old := headers.cookies(request.headers.raw).get(REFRESH_COOKIE):
            try:
                await self._post(request, "/auth/revoke", {"token": old})
            except Problem:
                logs.logger().warning("previous_session_not_ended")

    async def refresh(self, request: Request) -> Response:
        """New tokens for the old ones; tabs that ask at once share one refresh, since a second one would be reuse."""
        credentials.require_own_origin(request.headers.get("origin"), self._settings.public_url)
        cookies = headers.cookies(request.headers.raw)
        token = cookies.get(REFRESH_COOKIE)
        if not token:
            raise problems.token_missing()
        credentials.refuse_other_user(request.headers, cookies)
        running = self._refreshing.get(token)
        if running is None:
            running = asyncio.create_task(self._refreshed(request, token))
            self._refreshing[token] = running
            running.add_done_callback(lambda _: self._refreshing.pop(token, None))
        with WAITING.track_inprogress():
            answer = await asyncio.shield(running)
        if answer.status == 200:
            shown = {name: answer.body[name] for name in ("expires_in", "refresh_expires_in", "session_id", "user")}
            response: Response = JSONResponse(shown)
            keep_tokens(response, answer.body)
            return _private(response)
        response = _passed_on(answer, problems.token_refused("session_expired", "sign in again")).response()
        if answer.status in (400, 401):
            forget_tokens(response)
        return _private(response)

    async def _refreshed(self, request: Request, token: str) -> Answer:
        """One refresh, however often this browser asks for it: every process of frontend repeats it under one key.

        The key is of both cookies, so that who has got hold of the refresh token alone does not repeat, but reuses it.
        """
        beside = headers.cookies(request.headers.raw).get(ACCESS_COOKIE, "")
        credential = self._settings.frontend_credential.get_secret_value()
        key = hmac.digest(credential.encode(), f"refresh:{token}:{beside}".encode(), "sha256").hex()
        return await self._post(request, "/auth/refresh", {"refresh_token": token}, as_json=True, key=key)

    async def logout(self, request: Request) -> Response:
        """End the session of the bearer token, or of the cookies, which are removed once auth has ended it."""
        if bearer := http.bearer(request):
            answer = await self._post(request, "/auth/logout", {}, bearer=bearer)
            if answer.status != 204:
                raise _passed_on(answer, problems.token_refused("token_invalid", "auth did not accept the token"))
        else:
            cookies = headers.cookies(request.headers.raw)
            if token := cookies.get(REFRESH_COOKIE) or cookies.get(ACCESS_COOKIE):
                credentials.require_own_origin(request.headers.get("origin"), self._settings.public_url)
                credentials.refuse_other_user(request.headers, cookies)
                answer = await self._post(request, "/auth/revoke", {"token": token})
                if answer.status != 200:
                    raise _passed_on(answer, problems.unavailable("auth"))
        response = Response(status_code=204)
        forget_tokens(response)
        return _private(response)

    async def logout_at_provider(self, request: Request) -> Response:
        """As `logout`, of the cookies; the answer says where the browser goes to sign out at the provider, too."""
        cookies = headers.cookies(request.headers.raw)
        token, refresh, url = cookies.get(ACCESS_COOKIE), cookies.get(REFRESH_COOKIE), None
        if token or refresh:
            credentials.require_own_origin(request.headers.get("origin"), self._settings.public_url)
            credentials.refuse_other_user(request.headers, cookies)
        if token:
            answer = await self._end_at_provider(request, token)
            if answer.status == 401 and refresh:
                renewed = await self._refreshed(request, refresh)
                if renewed.status == 200:
                    answer = await self._end_at_provider(request, renewed.body["access_token"])
            if answer.status == 200:
                url = answer.body.get("end_session_url")
            elif answer.status != 401:
                raise _passed_on(answer, problems.unavailable("auth"))
        if refresh:
            # An access token that is not good ends nothing: then the refresh token does.
            answer = await self._post(request, "/auth/revoke", {"token": refresh})
            if answer.status != 200:
                raise _passed_on(answer, problems.unavailable("auth"))
        response = JSONResponse({"end_session_url": url})
        forget_tokens(response)
        return _private(response)

    async def _end_at_provider(self, request: Request, token: str) -> Answer:
        return await self._post(request, "/auth/logout/provider", {}, as_json=True, bearer=token)

    async def _post(
        self,
        request: Request,
        path: str,
        sent: dict[str, str],
        *,
        as_json: bool = False,
        bearer: str | None = None,
        key: str | None = None,
    ) -> Answer:
        fields = forwarding_headers(request.scope, self._settings)
        fields.append(("Content-Type", "application/json" if as_json else "application/x-www-form-urlencoded"))
        if bearer:
            fields.append(("Authorization", f"Bearer {bearer}"))
        if key:
            fields.append(("Idempotency-Key", key))
        body = json.dumps(sent) if as_json else urlencode(sent)
        answer = await self._auth.send(Outgoing("POST", path, fields, body.encode(), repeatable=key is not None))
        try:
            text = await answer.read()
            parsed = json.loads(text) if text else {}
        except (ValueError, OSError, aiohttp.ClientError):
            raise problems.unavailable("auth") from None
        finally:
            answer.close()
        kept = {name: value for name in ("Retry-After", "WWW-Authenticate") if (value := answer.headers.get(name))}
        return Answer(answer.status, parsed if isinstance(parsed, dict) else {}, kept)


@dataclass(frozen=True)
class Answer:
    """What auth said, with the fields of the answer that matter to a client."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def _passed_on(answer: Answer, refusal: Problem) -> Problem:
    """Auth's own error, except that a 400, which names what this service did, becomes ``refusal``."""
    if answer.status == 400:
        return refusal
    code = str(answer.body.get("code") or ("auth_unavailable" if answer.status >= 500 else refusal.code))
    return Problem(answer.status, code, str(answer.body.get("detail", "")), headers=answer.headers)


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def router(sign_in: SignIn) -> Router:
    """The routes of the browser's session."""
    routes = Router()
    routes.add_api_route("/login", sign_in.begin, methods=["GET"])
    routes.add_api_route("/login/callback", sign_in.finish, methods=["GET"])
    routes.add_api_route("/session/refresh", sign_in.refresh, methods=["POST"])
    routes.add_api_route("/logout", sign_in.logout, methods=["POST"])
    routes.add_api_route("/logout/provider", sign_in.logout_at_provider, methods=["POST"])
    return routes
