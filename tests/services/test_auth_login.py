"""Login through the real provider, into the real backend: state, PKCE, redirects, one-time codes, user sync."""

from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
import redis

from tests.services.auth_api import PUBLIC_URL, Api, auth_environment
from tests.services.servers import SERVICE_TOKEN, MakeDatabase, Servers, Service, StartService, free_port, wait_until

BACK = f"{PUBLIC_URL}/login/callback"


@dataclass(frozen=True)
class Platform:
    """Provider, auth and backend that know each other."""

    provider: Service
    auth: Service
    backend: Service
    auth_db: str
    main_db: str


@pytest.fixture(scope="module")
def platform(start_module_service: StartService, servers: Servers, make_database: MakeDatabase) -> Platform:
    start, ports = start_module_service, [free_port() for _ in range(3)]
    provider_url, auth_url, backend_url = (f"http://127.0.0.1:{port}" for port in ports)
    auth_db, main_db = make_database("auth", migrate="auth"), make_database("main", migrate="backend")
    credentials = {"PROVIDER_CLIENT_ID": "lockstep", "PROVIDER_CLIENT_SECRET": "provider-secret-of-the-tests"}
    redirect = f"{PUBLIC_URL}/auth/google/callback"
    provider_env = {"PROVIDER_URL": provider_url, "PROVIDER_REDIRECT_URIS": redirect, **credentials}
    backend_env = {"DATABASE_URL": main_db, "REDIS_URL": servers.redis_url, "AUTH_URL": auth_url}
    auth_env = auth_environment(auth_db, servers.redis_url, PROVIDER_URL=provider_url, BACKEND_URLS=backend_url)
    return Platform(
        provider=start("provider", provider_env, port=ports[0]),
        auth=start("auth", auth_env, port=ports[1]),
        backend=start("backend", backend_env, port=ports[2]),
        auth_db=auth_db,
        main_db=main_db,
    )


@pytest.fixture
def api(platform: Platform) -> Iterator[Api]:
    api = Api(platform.auth.url)
    yield api
    api.http.close()


@dataclass
class Browser:
    """A browser on its way through a login; it keeps the cookie of auth by hand, since it is Secure."""

    platform: Platform
    client_id: str = "web"
    redirect_uri: str = BACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    cookie: str = ""
    cookie_name: str = "__Host-login"
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10, trust_env=False, verify=False))

    def begin(self, **changes: str | None) -> httpx.Response:
        """The request to auth that starts it; a change of None leaves a parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        wanted = {name: value for name, value in (query | changes).items() if value is not None}
        answer = self.http.get(f"{self.platform.auth.url}/auth/google", params=wanted)
        found = re.match(r"(__Host-login-[0-9a-f]{16})=([^;]+)", answer.headers.get("set-cookie", ""))
        self.cookie_name, self.cookie = (found[1], found[2]) if found else (self.cookie_name, self.cookie)
        return answer

    def decide(self, at: str, email: str, decision: str = "approve") -> str:
        """Sign in at the provider's page; the callback address it sends us to."""
        page = self.http.get(at)
        request_id = re.search(r'name="request_id" value="([^"]+)"', page.text)
        assert request_id, page.text
        form = {"request_id": request_id[1], "email": email, "decision": decision}
        answer = self.http.post(f"{self.platform.provider.url}/authorize", data=form)
        assert answer.status_code in (302, 303), answer.text
        return str(answer.headers["location"])

    def call_back(self, at: str, cookie: str | None = None) -> httpx.Response:
        """Follow the provider's redirect to auth."""
        value = self.cookie if cookie is None else cookie
        headers = {"Cookie": f"{self.cookie_name}={value}"} if value else {}
        return self.http.get(f"{self.platform.auth.url}/auth/google/callback?{urlsplit(at).query}", headers=headers)

    def code(self, email: str) -> str:
        """The whole way to the one-time code."""
        answer = self.call_back(self.decide(self.begin().headers["location"], email))
        told = returned(answer)
        assert told["state"] == self.state
        return told["code"]

    def exchange(self, code: str, **changes: str) -> httpx.Response:
        """The token request."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
        }
        return self.http.post(f"{self.platform.auth.url}/auth/token", data=form | changes)


def returned(answer: httpx.Response) -> dict[str, str]:
    """What a redirect to the client tells it."""
    assert answer.status_code == 302, answer.text
    location = urlsplit(answer.headers["location"])
    assert location._replace(query="").geturl() == BACK
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def control(platform: Platform, method: str, path: str, body: Any = None) -> None:
    """Set something at the provider."""
    headers = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
    httpx.request(method, f"{platform.provider.url}/control{path}", json=body, headers=headers).raise_for_status()


def person(platform: Platform, sub: str | None = None, **more: Any) -> str:
    """A new user of the provider; the address."""
    sub = sub or uuid.uuid4().hex
    email = more.pop("email", f"{sub}@example.test")
    control(platform, "PUT", f"/users/{sub}", {"email": email, "name": "Ann Österberg", **more})
    return str(email)


def one(url: str, query: str, *params: Any) -> Any:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode(), params).fetchone()


def test_a_new_user_comes_in_once_and_is_known_to_backend(platform: Platform, api: Api) -> None:
    email = person(platform)
    first, second = Browser(platform), Browser(platform)
    tokens = first.exchange(first.code(email)).json()
    row = one(platform.main_db, "SELECT email, name, version FROM userbase WHERE id = %s", tokens["user"]["id"])
    assert row == (email, "Ann Österberg", 1)
    assert api.session(tokens["session_id"])["origin"] == "oauth"
    again = second.exchange(second.code(email)).json()
    assert again["user"] == tokens["user"]
    assert one(platform.auth_db, "SELECT count(*) FROM auth_users WHERE email = %s", email) == (1,)
    me = httpx.get(f"{platform.backend.url}/api/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert (me.json()["id"], me.json()["session_check"]) == (tokens["user"]["id"], "live")


@pytest.mark.parametrize("first", [0, 1])
def test_logins_of_one_browser_end_in_any_order(platform: Platform, first: int) -> None:
    tabs = [Browser(platform), Browser(platform)]
    at = [tab.decide(tab.begin().headers["location"], person(platform)) for tab in tabs]
    for number in (first, 1 - first):
        tab, other = tabs[number], tabs[1 - number]
        answer = tab.call_back(at[number], cookie=f"{tab.cookie}; {other.cookie_name}={other.cookie}")
        assert "code" in returned(answer), answer.text
        ended = answer.headers["set-cookie"]
        assert ended.startswith(f"{tabs[number].cookie_name}=")
        assert "Max-Age=0" in ended


def test_a_browser_keeps_a_handful_of_logins(platform: Platform) -> None:
    tab, cookies = Browser(platform), dict[str, str]()
    for _ in range(12):
        tab.http.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        for field_ in tab.begin().headers.get_list("set-cookie"):
            name, value = re.match(r"([^=]+)=([^;]*)", field_).groups()  # type: ignore[union-attr]
            cookies.pop(name) if value in ("", '""') else cookies.update({name: value})
    assert len(cookies) == 5
    assert list(cookies)[-1] == tab.cookie_name


def test_the_cookie_is_as_it_must_be(platform: Platform) -> None:
    flags = Browser(platform).begin().headers["set-cookie"].lower()
    for flag in ("secure", "httponly", "samesite=lax", "path=/"):
        assert flag in flags
    assert "domain" not in flags


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        "https://evil.example/login/callback",
        f"{BACK}/",
        f"{BACK}?next=/",
        f"{BACK}#x",
        BACK.upper(),
        BACK.replace("//", "//evil@"),
        f"{PUBLIC_URL}/login/callback/../x",
    ],
)
def test_a_foreign_redirect_uri_gets_a_page_and_no_redirect(platform: Platform, redirect_uri: str | None) -> None:
    answer = Browser(platform).begin(redirect_uri=redirect_uri)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (400, "text/html")
    assert "location" not in answer.headers


def test_an_unknown_client_gets_a_page_and_no_redirect(platform: Platform) -> None:
    answer = Browser(platform).begin(client_id="nobody")
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_a_bad_request_goes_back_to_the_client(platform: Platform, changes: dict[str, Any], error: str) -> None:
    assert returned(Browser(platform).begin(**changes))["error"] == error


def test_a_foreign_unknown_or_used_state_is_refused_without_asking_the_provider(platform: Platform) -> None:
    email = person(platform)
    mine, theirs = Browser(platform), Browser(platform)
    at = mine.decide(mine.begin().headers["location"], email)
    theirs.begin()
    spent_by_a_stranger = mine.call_back(at, cookie=theirs.cookie)
    then_by_its_owner = mine.call_back(at)
    without_cookie = mine.call_back(mine.decide(mine.begin().headers["location"], email), cookie="")
    unknown = mine.call_back("x?code=x&state=unknown")
    none = mine.call_back("x?code=x")
    for answer in (spent_by_a_stranger, then_by_its_owner, without_cookie, unknown, none):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_state")
    assert one(platform.auth_db, "SELECT count(*) FROM auth_users WHERE email = %s", email) == (0,)


def test_a_used_state_is_refused(platform: Platform) -> None:
    browser = Browser(platform)
    at = browser.decide(browser.begin().headers["location"], person(platform))
    assert "code" in returned(browser.call_back(at))
    assert browser.call_back(at).json()["code"] == "invalid_state"


def test_denial_is_told_and_leaves_nobody(platform: Platform) -> None:
    email = person(platform)
    browser = Browser(platform)
    told = returned(browser.call_back(browser.decide(browser.begin().headers["location"], email, "deny")))
    assert told == {"error": "access_denied", "state": browser.state}
    assert one(platform.auth_db, "SELECT count(*) FROM auth_users WHERE email = %s", email) == (0,)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"token": {"status": 500}}, "temporarily_unavailable"),
        ({"token": {"status": 400}}, "server_error"),
        ({"token": {"delay": 4}}, "temporarily_unavailable"),
        ({"id_token": {"nonce": "other"}}, "server_error"),
        ({"id_token": {"nonce": None}}, "server_error"),
        ({"id_token": {"aud": "other"}}, "server_error"),
        ({"id_token": {"aud": ["lockstep", "other"]}}, "server_error"),
        ({"id_token": {"iss": "https://evil.example"}}, "server_error"),
        ({"id_token": {"exp": -60}}, "server_error"),
        ({"id_token": {"signature": "broken"}}, "server_error"),
        ({"id_token": {"signature": "foreign_key"}}, "server_error"),
    ],
)
def test_a_provider_that_cannot_be_trusted_lets_nobody_in(
    platform: Platform, fault: dict[str, Any], error: str
) -> None:
    email = person(platform)
    control(platform, "PUT", "/faults", {"email": email, "once": True, **fault})
    browser = Browser(platform)
    told = returned(browser.call_back(browser.decide(browser.begin().headers["location"], email)))
    assert told == {"error": error, "state": browser.state}
    assert one(platform.auth_db, "SELECT count(*) FROM auth_users WHERE email = %s", email) == (0,)
    assert "code" in returned(browser.call_back(browser.decide(browser.begin().headers["location"], email)))


def test_another_subject_with_a_known_address_is_not_linked(platform: Platform, api: Api) -> None:
    owner = api.sign_up()
    browser = Browser(platform)
    at = browser.decide(browser.begin().headers["location"], person(platform, email=owner["email"]))
    assert returned(browser.call_back(at))["error"] == "account_exists"
    assert one(platform.auth_db, "SELECT count(*) FROM identities WHERE user_id = %s", owner["id"]) == (0,)


def test_a_new_address_at_the_provider_is_the_same_user(platform: Platform) -> None:
    sub = uuid.uuid4().hex
    browser = Browser(platform)
    before = browser.exchange(browser.code(person(platform, sub))).json()["user"]
    browser = Browser(platform)
    after = browser.exchange(browser.code(person(platform, sub, email=f"new-{sub}@example.test"))).json()["user"]
    assert after["id"] == before["id"]


def test_an_unverified_address_is_refused(platform: Platform) -> None:
    browser = Browser(platform)
    email = person(platform, email_verified=False)
    told = returned(browser.call_back(browser.decide(browser.begin().headers["location"], email)))
    assert told["error"] == "access_denied"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "wrong" * 12},
        {"client_id": "mobile"},
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/"},
    ],
)
def test_a_code_is_good_for_its_client_address_and_verifier_only(platform: Platform, changes: dict[str, str]) -> None:
    browser = Browser(platform)
    answer = browser.exchange(browser.code(person(platform)), **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_reused_code_ends_the_session_made_from_it(platform: Platform, api: Api) -> None:
    browser = Browser(platform)
    code = browser.code(person(platform))
    tokens = browser.exchange(code).json()
    reuse = browser.exchange(code)
    assert (reuse.status_code, reuse.json()["error"]) == (400, "invalid_grant")
    assert api.as_user("GET", "/users/me", tokens).json()["code"] == "session_revoked"
    assert api.session(tokens["session_id"])["revoke_reason"] == "code_reuse"


def test_of_two_parallel_exchanges_at_most_one_succeeds_and_nothing_lives(platform: Platform, api: Api) -> None:
    browser = Browser(platform)
    code = browser.code(person(platform))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: browser.exchange(code), range(2)))
    granted = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(granted) <= 1
    for tokens in granted:
        assert api.as_user("GET", "/users/me", tokens).status_code == 401


def test_a_code_is_not_kept_in_clear(platform: Platform, servers: Servers) -> None:
    code = Browser(platform).code(person(platform))
    with redis.Redis.from_url(servers.redis_url, decode_responses=True) as store:
        assert not [key for key in store.scan_iter("code:*") if code in key]
        assert store.exists(f"code:{hashlib.sha256(code.encode()).hexdigest()}")


def test_an_absent_provider_is_named(platform: Platform, start_service: StartService, servers: Servers) -> None:
    auth = start_service("auth", auth_environment(platform.auth_db, servers.redis_url))
    answer = Browser(Platform(platform.provider, auth, platform.backend, "", "")).begin()
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert answer.headers["Retry-After"] == "1"


def test_every_change_reaches_backend_in_order_also_after_its_absence(platform: Platform, api: Api) -> None:
    tokens = api.signed_in()
    user_id = tokens["user"]["id"]

    def synced() -> Any:
        return one(platform.main_db, "SELECT name, status, version FROM userbase WHERE id = %s", user_id)

    wait_until(lambda: synced() == ("Ada", "active", 1), "the new user is there")
    platform.backend.kill()
    for name in ("Grace", "Edsger", "Barbara"):
        assert api.as_user("PATCH", "/users/me", tokens, json={"name": name}).json()["name"] == name
    assert api.admin("GET", "/admin/outbox").json()["pending"] == 3
    assert api.admin("POST", f"/admin/users/{user_id}/deactivate").json()["version"] == 5
    platform.backend.start()
    wait_until(lambda: synced() == ("Barbara", "deactivated", 5), "all changes are there")
    wait_until(lambda: api.admin("GET", "/admin/outbox").json()["pending"] == 0, "nothing waits any more")
    revoked = one(platform.main_db, "SELECT reason FROM revoked_sessions WHERE sid = %s", tokens["session_id"])
    assert revoked == ("user_deactivated",)
    assert api.admin("DELETE", f"/admin/users/{user_id}").status_code == 204
    wait_until(lambda: synced() is None, "the user is gone")


def test_an_outbox_survives_the_death_of_auth(platform: Platform, api: Api) -> None:
    user = api.sign_up()
    wait_until(lambda: api.admin("GET", "/admin/outbox").json()["pending"] == 0, "nothing waits")
    platform.backend.kill()
    api.admin("PATCH", f"/admin/users/{user['id']}", json={"name": "Later", "plan": "bulk", "roles": ["admin"]})
    platform.auth.kill()
    platform.backend.start()
    platform.auth.start()
    query = "SELECT name, plan, roles, version FROM userbase WHERE id = %s"
    wait_until(lambda: one(platform.main_db, query, user["id"]) == ("Later", "bulk", ["admin"], 2), "it is delivered")
