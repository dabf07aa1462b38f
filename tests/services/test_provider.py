"""The provider's strictness over HTTP: what a broken client sends is refused, and only the right thing passes."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from tests.services.servers import SERVICE_TOKEN, StartService, free_port

CALLBACK = "https://127.0.0.1:8443/auth/google/callback"
CLIENT, SECRET = "lockstep", "secret of the client"
ANN = "ann@example.test"


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Relying:
    """A correct client; every request can be spoiled by naming a parameter (None leaves it out)."""

    http: httpx.Client
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def authorize(self, **changes: str | None) -> httpx.Response:
        """The authorization request, not following redirects."""
        asked = {
            "client_id": CLIENT,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid email profile",
            "state": "state-1",
            "nonce": "nonce-1",
            "code_challenge": challenge(self.verifier),
            "code_challenge_method": "S256",
        }
        return self.http.get("/authorize", params=changed(asked, changes))

    def decide(self, page: httpx.Response, email: str = ANN, decision: str = "approve") -> httpx.Response:
        """Post the form of ``page``."""
        found = re.search(r'name="request_id" value="([^"]+)"', page.text)
        assert found, page.text
        return self.http.post("/authorize", data={"request_id": found[1], "email": email, "decision": decision})

    def code(self, email: str = ANN, **changes: str | None) -> str:
        """A fresh code."""
        return answer_of(self.decide(self.authorize(**changes), email))["code"]

    def exchange(self, fresh: str, **changes: str | None) -> httpx.Response:
        """The token request with the secret in the form."""
        sent = {
            "grant_type": "authorization_code",
            "code": fresh,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            "client_id": CLIENT,
            "client_secret": SECRET,
        }
        return self.http.post("/token", data=changed(sent, changes))

    def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A control request with the service credential."""
        answer = self.http.request(
            method, f"/control/{path}", json=body, headers={"Authorization": f"Bearer {SERVICE_TOKEN}"}
        )
        assert answer.status_code < 300, answer.text
        return answer

    def id_token(self, token: str, issuer: str) -> dict[str, Any]:
        """The claims of a token that a strict client would accept."""
        key = jwt.PyJWKSet.from_dict(self.http.get("/jwks").json())[jwt.get_unverified_header(token)["kid"]]
        required = ["exp", "iat", "sub", "nonce"]
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=["RS256"], audience=CLIENT, issuer=issuer, options={"require": required}
        )
        return claims


def changed(sent: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    """``sent`` with ``changes``; None leaves a parameter out."""
    return {name: value for name, value in {**sent, **changes}.items() if value is not None}


def answer_of(redirect: httpx.Response) -> dict[str, str]:
    """The parameters on the way back to the client's own callback."""
    assert redirect.status_code == 303, redirect.text
    location = redirect.headers["location"]
    assert location.startswith(CALLBACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@pytest.fixture(scope="module")
def provider_url(start_module_service: StartService) -> str:
    port = free_port()
    env = {
        "PROVIDER_URL": f"http://127.0.0.1:{port}",
        "PROVIDER_CLIENT_ID": CLIENT,
        "PROVIDER_CLIENT_SECRET": SECRET,
        "PROVIDER_REDIRECT_URIS": f"{CALLBACK}, https://127.0.0.1:8443/second",
    }
    return start_module_service("provider", env, port=port).url


@pytest.fixture
def client(provider_url: str) -> Iterator[Relying]:
    with httpx.Client(base_url=provider_url) as http:
        relying = Relying(http)
        relying.control("PUT", "users/sub-ann", {"email": ANN, "name": "Änn"})
        yield relying
        relying.control("DELETE", "faults")


def test_a_correct_client_gets_a_signed_identity(client: Relying, provider_url: str) -> None:
    back = answer_of(client.decide(client.authorize(), ANN.upper()))
    assert (back["state"], back["iss"]) == ("state-1", provider_url)
    answer = client.exchange(back["code"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    claims = client.id_token(tokens["id_token"], provider_url)
    assert (claims["sub"], claims["nonce"], claims["email"], claims["name"]) == ("sub-ann", "nonce-1", ANN, "Änn")
    info = client.http.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert info.json() == {"sub": "sub-ann", "email": ANN, "email_verified": True, "name": "Änn"}


def test_the_secret_may_come_by_http_basic(client: Relying) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": client.code(),
        "redirect_uri": CALLBACK,
        "code_verifier": client.verifier,
    }
    assert client.http.post("/token", data=form, auth=(CLIENT, SECRET.replace(" ", "+"))).status_code == 200


def test_discovery_names_real_endpoints(client: Relying, provider_url: str) -> None:
    metadata = client.http.get("/.well-known/openid-configuration").json()
    assert metadata["issuer"] == provider_url
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert client.http.get(metadata[name]).status_code != 404, name


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": CALLBACK + "/x"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": CALLBACK.upper()},
        {"redirect_uri": CALLBACK.replace("127.0.0.1", "127.0.0.1@evil.test")},
        {"redirect_uri": CALLBACK.replace("8443", "8444")},
    ],
)
def test_an_unknown_client_or_address_is_never_redirected_to(client: Relying, changes: dict[str, str | None]) -> None:
    answer = client.authorize(**changes)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "request_id" not in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"request": "x.y.z"}, "request_not_supported"),
    ],
)
def test_a_bad_authorization_request_is_told_to_the_client(
    client: Relying, changes: dict[str, str | None], error: str
) -> None:
    back = answer_of(client.authorize(**changes))
    assert (back["error"], back["state"]) == (error, "state-1")
    assert "code" not in back


def test_a_repeated_parameter_is_refused(client: Relying) -> None:
    url = client.authorize().request.url
    assert client.http.get(f"{url}&state=other").status_code == 400


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"code_verifier": "v" * 43}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"code_verifier": "short"}, 400, "invalid_request"),
        ({"redirect_uri": None}, 400, "invalid_grant"),
        ({"redirect_uri": CALLBACK + "/"}, 400, "invalid_grant"),
        ({"redirect_uri": "https://127.0.0.1:8443/second"}, 400, "invalid_grant"),
        ({"code": "unknown"}, 400, "invalid_grant"),
        ({"code": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
    ],
)
def test_a_wrong_exchange_gets_nothing(
    client: Relying, changes: dict[str, str | None], status: int, error: str
) -> None:
    answer = client.exchange(client.code(), **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "access_token" not in answer.text


def test_a_wrong_basic_secret_is_challenged(client: Relying) -> None:
    answer = client.http.post("/token", data={"grant_type": "authorization_code"}, auth=(CLIENT, "wrong"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_code_works_once_and_its_reuse_ends_the_access_token(client: Relying) -> None:
    code = client.code()
    bearer = {"Authorization": f"Bearer {client.exchange(code).json()['access_token']}"}
    assert client.http.get("/userinfo", headers=bearer).status_code == 200
    again = client.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert client.http.get("/userinfo", headers=bearer).status_code == 401


def test_a_wrong_verifier_spends_the_code(client: Relying) -> None:
    code = client.code()
    assert client.exchange(code, code_verifier="v" * 43).status_code == 400
    assert client.exchange(code).json()["error"] == "invalid_grant"


def test_denial_brings_an_error_and_no_code(client: Relying) -> None:
    back = answer_of(client.decide(client.authorize(), decision="deny"))
    assert (back["error"], back["state"]) == ("access_denied", "state-1")
    assert "code" not in back


def test_a_form_works_once(client: Relying) -> None:
    page = client.authorize()
    client.decide(page)
    again = client.decide(page)
    assert again.status_code == 400
    assert "location" not in again.headers


def test_an_unknown_person_is_asked_again(client: Relying) -> None:
    page = client.decide(client.authorize(), "nobody@example.test")
    assert page.status_code == 400
    assert answer_of(client.decide(page))["code"]


def test_the_form_escapes_what_it_shows(client: Relying) -> None:
    page = client.authorize(login_hint='"><script>alert(1)</script>')
    assert page.status_code == 200
    assert "<script>" not in page.text


def test_of_two_users_with_one_address_the_last_put_signs_in(client: Relying, provider_url: str) -> None:
    client.control("PUT", "users/sub-other", {"email": ANN, "name": "Other"})
    assert client.id_token(client.exchange(client.code()).json()["id_token"], provider_url)["sub"] == "sub-other"
    client.control("DELETE", "users/sub-other")
    assert client.id_token(client.exchange(client.code()).json()["id_token"], provider_url)["sub"] == "sub-ann"


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ({"aud": "another"}, jwt.InvalidAudienceError),
        ({"iss": "https://evil.test"}, jwt.InvalidIssuerError),
        ({"exp": -60}, jwt.ExpiredSignatureError),
        ({"exp": None}, jwt.MissingRequiredClaimError),
        ({"nonce": None}, jwt.MissingRequiredClaimError),
        ({"signature": "broken"}, jwt.InvalidSignatureError),
        ({"signature": "foreign_key"}, jwt.InvalidSignatureError),
    ],
)
def test_a_spoiled_id_token_is_really_spoiled(
    client: Relying, provider_url: str, fault: dict[str, Any], refusal: type[Exception]
) -> None:
    client.control("PUT", "faults", {"id_token": fault, "email": ANN})
    with pytest.raises(refusal):
        client.id_token(client.exchange(client.code()).json()["id_token"], provider_url)


def test_a_fault_holds_for_its_address_only_and_once_if_asked(client: Relying, provider_url: str) -> None:
    client.control("PUT", "users/sub-bob", {"email": "bob@example.test", "name": "Bob"})
    client.control("PUT", "faults", {"email": ANN, "token": {"status": 503}, "once": True})
    assert client.exchange(client.code("bob@example.test")).status_code == 200
    code = client.code()
    assert client.exchange(code).status_code == 503
    assert client.exchange(code).status_code == 200


def test_a_spoiled_nonce_is_the_one_asked_for(client: Relying, provider_url: str) -> None:
    client.control("PUT", "faults", {"id_token": {"nonce": "another"}})
    assert client.id_token(client.exchange(client.code()).json()["id_token"], provider_url)["nonce"] == "another"


def test_requests_are_counted_by_endpoint(client: Relying) -> None:
    before = client.control("GET", "requests").json()
    client.exchange("unknown")
    after = client.control("GET", "requests").json()
    assert after["token"] == before.get("token", 0) + 1
    assert after.get("jwks", 0) == before.get("jwks", 0)


@pytest.mark.parametrize("credential", [None, "Bearer wrong", "Basic x"])
def test_control_needs_the_service_credential(client: Relying, credential: str | None) -> None:
    headers = {"Authorization": credential} if credential else {}
    assert client.http.delete("/control/faults", headers=headers).status_code == 401
    assert client.http.get("/control/requests", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "media"),
    [
        ("PUT", "/control/users/x", b"{", "application/json"),
        ("PUT", "/control/faults", b'{"tokens": {}}', "application/json"),
        ("PUT", "/control/faults", b'{"token": {"status": 200}}', "application/json"),
        ("POST", "/token", b"{}", "application/json"),
        ("POST", "/token", b"code=a&code=b", "application/x-www-form-urlencoded"),
        ("POST", "/token", b"\xff\xfe", "application/x-www-form-urlencoded"),
        ("POST", "/authorize", b"", "text/plain"),
        ("POST", "/authorize", b"request_id=%00%ff&decision=approve", "application/x-www-form-urlencoded"),
    ],
)
def test_malformed_input_is_a_clean_400(client: Relying, method: str, path: str, body: bytes, media: str) -> None:
    headers = {"Content-Type": media, "Authorization": f"Bearer {SERVICE_TOKEN}"}
    assert client.http.request(method, path, content=body, headers=headers).status_code == 400
