"""Keywords for the parts of an OAuth 2 login that a browser or an app does without being seen."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Literal
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

from lockstep import masking, test_identity
from lockstep.applicability import present
from lockstep.listeners import LISTENERS
from robot.api.deco import keyword, library
from robot.api.types import Secret

from OAuthLibrary import cookies

REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class LoginAttempt:
    """One authorization request of a client, with the halves that only the client knows."""

    client_id: str
    redirect_uri: str
    state: str
    code_verifier: str
    code_challenge: str

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3)."""
        return {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": self.code_challenge,
            "code_challenge_method": "S256",
        }

    def exchange(self, code: str) -> dict[str, str]:
        """The form of the token request for ``code`` (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
        return {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code": code,
            "code_verifier": self.code_verifier,
        }


@dataclass(frozen=True)
class Form:
    """An HTML form: where it goes, how, and the fields that it brings along."""

    action: str
    method: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Redirect:
    """A redirect answer, split: ``target`` without its query, and the query's ``parameters``."""

    url: str
    target: str
    parameters: dict[str, str]


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.method = "get"
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = values.get("action", "")
            self.method = values.get("method", "get").lower()
        elif tag == "input" and values.get("type") == "hidden" and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")


def code_challenge(verifier: str) -> str:
    """The S256 challenge of ``verifier`` (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def read_form(html: str, page_url: str) -> Form:
    """The first form of a page; raises AssertionError that shows the page's beginning where there is none."""
    reader = _FormReader()
    reader.feed(html)
    if reader.action is None:
        raise AssertionError(f"the page at {page_url} has no form; it begins: {html[:200]!r}")
    return Form(urljoin(page_url, reader.action), reader.method, reader.fields)


def read_redirect(url: str) -> Redirect:
    """``url`` of a ``Location`` header, split into target and query parameters."""
    parts = urlsplit(url)
    return Redirect(url, urlunsplit((*parts[:3], "", "")), dict(parse_qsl(parts.query, keep_blank_values=True)))


@library(scope="GLOBAL", auto_keywords=False, doc_format="ROBOT", listener=LISTENERS)
class OAuthLibrary:
    """Keywords for the client's side of an OAuth 2 login with PKCE (RFC 6749, RFC 7636, RFC 9700).

    The HTTP calls themselves are made with RequestsLibrary, so that log.html shows each page. This library
    makes what a client keeps to itself (state and code verifier) and reads what pages and redirects say.

    | ${attempt} =    Make Login Attempt    web    https://shop.test/callback
    | ${page} =       GET    https://auth.test/authorize    params=${attempt.query}
    | ${form} =       Read Form    ${page}
    """

    @keyword
    def make_login_attempt(self, client_id: str, redirect_uri: str) -> LoginAttempt:
        """Makes an authorization request with a fresh ``state`` and PKCE pair (S256).

        ``${attempt.query}`` are the parameters to send; `Make Token Request` makes the form that redeems the code.
        """
        verifier = secrets.token_urlsafe(48)
        masking.register(verifier)
        return LoginAttempt(client_id, redirect_uri, secrets.token_urlsafe(16), verifier, code_challenge(verifier))

    @keyword
    def make_token_request(self, attempt: LoginAttempt, code: str, **changes: str) -> dict[str, str]:
        """The form fields that redeem ``code`` for ``attempt``; ``changes`` replace fields, to see them refused."""
        return attempt.exchange(code) | changes

    @keyword
    def make_request_headers(self, token: str | Secret | None = None, **headers: str) -> dict[str, str]:
        """The headers of a call: the access token as bearer (RFC 6750 §2.1), if any, and the running test's id.

        NA where the token is a credential that the target in use lacks.
        """
        bearer = {} if token is None else {"Authorization": f"Bearer {masking.reveal(present(token))}"}
        return test_identity.headers() | bearer | headers

    @keyword
    def make_request_body(self, **fields: Any) -> dict[str, Any]:
        """The fields of a JSON or form body; a ``Secret`` goes out as its value, and stays masked in the log."""
        return {name: masking.reveal(value) if isinstance(value, Secret) else value for name, value in fields.items()}

    @keyword
    def read_form(self, response: Any) -> Form:
        """Reads the first HTML form of ``response``: its ``action`` (absolute), ``method`` and hidden ``fields``."""
        return read_form(response.text, response.url)

    @keyword
    def read_redirect(self, response: Any) -> Redirect:
        """Reads where ``response`` redirects to: ``url``, ``target`` (no query) and ``parameters``.

        Fails, with status and the beginning of the body, when the answer is not a redirect.
        """
        if response.status_code not in REDIRECTS or "Location" not in response.headers:
            raise AssertionError(
                f"expected a redirect from {response.request.method} {urlsplit(response.url).path}, "
                f"got status {response.status_code}: {masking.mask(response.text[:300])}"
            )
        redirect = read_redirect(urljoin(response.url, response.headers["Location"]))
        if "code" in redirect.parameters:
            masking.register(redirect.parameters["code"])
        return redirect

    @keyword
    def redirect_should_carry_error(self, response: Any, target: str, error: str) -> None:
        """Passes when ``response`` redirects to ``target`` with ``error`` (RFC 6749 §4.1.2.1) and without a code."""
        redirect = self.read_redirect(response)
        if redirect.target != target:
            raise AssertionError(f"expected a redirect to {target}, got one to {redirect.target}")
        got = redirect.parameters.get("error")
        if got != error or "code" in redirect.parameters:
            also = " and a code" if "code" in redirect.parameters else ""
            raise AssertionError(f"expected error {error!r} and no code in the redirect, got error {got!r}{also}")

    @keyword
    def cookie_should_be_protected(self, response: Any, name: str, max_age: int | None = None) -> str:
        """Passes when ``response`` sets one cookie whose name begins with ``name``, for this origin and no script.

        That is: ``Secure``, ``HttpOnly``, ``SameSite=Lax``, ``Path=/``, no ``Domain`` (OWASP WSTG-SESS-02), and where
        given, a life of ``max_age`` seconds. Returns the cookie's value.
        """
        found = [cookie for cookie in _set_by(response).values() if cookie.name.startswith(name)]
        if len(found) != 1 or found[0].removes:
            raise AssertionError(f"{_shown(response)} sets no single cookie {name}: {_names(response)}")
        if wrong := cookies.unprotected(found[0], max_age):
            raise AssertionError(wrong)
        masking.register(found[0].value)
        return found[0].value

    @keyword
    def cookie_should_have_flags(
        self,
        response: Any,
        name: str,
        secure: bool = True,
        http_only: bool = True,
        same_site: Literal["strict", "lax", "none"] = "lax",
    ) -> str:
        """Passes when ``response`` sets the cookie ``name`` with at least the flags that the platform declares.

        The defaults are recommended (OWASP ASVS 5.0 3.3); a cookie that is stricter passes. What browsers refuse never
        does: ``SameSite=None`` without ``Secure``, or a prefix ``__Host-`` without what it stands for (RFC 6265bis
        §4.1.3). ``response`` is one of RequestsLibrary, or a reply of ProbeLibrary's ``Send At Once``. Returns the
        cookie's value.

        | `Cookie Should Have Flags`    ${response}    session    same_site=strict
        | `Cookie Should Have Flags`    ${reply}    xsrf    http_only=${False}
        """
        found = _set_by(response).get(name)
        if found is None or found.removes:
            raise AssertionError(f"{_shown(response)} sets no cookie {name}: {_names(response) or 'none at all'}")
        masking.register(found.value)
        if wrong := cookies.weaker(found, secure=secure, http_only=http_only, same_site=same_site):
            raise AssertionError(f"{_shown(response)}: {wrong}")
        return found.value

    @keyword
    def cookies_should_be_removed(self, response: Any, *names: str) -> None:
        """Passes when ``response`` tells the browser to forget each of these cookies."""
        if not names:
            raise ValueError("no cookies are named: nothing would be proved")
        found = _set_by(response)
        kept = [name for name in names if name not in found or not found[name].removes]
        if kept:
            raise AssertionError(f"{_shown(response)} does not remove {', '.join(kept)}; it sets: {_names(response)}")

    @keyword
    def cookies_should_be_left_alone(self, response: Any) -> None:
        """Passes when ``response`` neither sets nor removes a cookie."""
        if found := _names(response):
            raise AssertionError(f"{_shown(response)} changes the cookies: {found}")

    @keyword
    def get_cookie_header(self, browser: Any) -> str:
        """The ``Cookie`` field that ``browser``, a session of Requests, would send now."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies)


def _set_by(response: Any) -> dict[str, cookies.SetCookie]:
    if (fields := getattr(response, "set_cookies", None)) is not None:
        return cookies.read(fields)
    return cookies.read(response.raw.headers.getlist("Set-Cookie"))


def _names(response: Any) -> list[str]:
    return [f"{name} (removed)" if cookie.removes else name for name, cookie in _set_by(response).items()]


def _shown(response: Any) -> str:
    status = response.status if hasattr(response, "set_cookies") else response.status_code
    method = "" if hasattr(response, "set_cookies") else f"{response.request.method} "
    return f"{method}{urlsplit(response.url).path} ({status})"
