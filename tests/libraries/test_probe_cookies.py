"""Send At Once with forms and cookie jars, and cookies judged by the flags that a platform declares."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
import requests
from lockstep import masking
from OAuthLibrary import OAuthLibrary
from ProbeLibrary import ProbeLibrary, jars
from ProbeLibrary.volley import Reply
from robot.api.types import Secret

from tests.libraries.inner import INNER, run_inner
from tests.libraries.serving import served

SESSION = "session-value-0123456789"


class Shop(BaseHTTPRequestHandler):
    """A form signs in and sets cookies; each further request says which cookies came."""

    seen: ClassVar[list[tuple[str, str, str]]] = []
    lock = threading.Lock()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        cookie = self.headers["Cookie"] or ""
        with self.lock:
            type(self).seen.append((self.path, body, cookie))
        self.send_response(200)
        if self.path == "/login" and parse_qs(body) == {"user": ["alice"], "word": ["a&b=c"]}:
            self.send_header("Set-Cookie", f"session={SESSION}; Path=/; Secure; HttpOnly; SameSite=Lax")
            self.send_header("Set-Cookie", "xsrf=x1; Path=/")
            self.send_header("Set-Cookie", "shop=1; Path=/shop")
        if self.path == "/logout":
            self.send_header("Set-Cookie", "session=; Path=/; Max-Age=0")
        self.send_header("Content-Length", str(len(cookie)))
        self.end_headers()
        self.wfile.write(cookie.encode())

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[str]:
    Shop.seen = []
    with served(Shop) as url:
        yield url


def login(shop: str, jar: Any) -> dict[str, Any]:
    form = {"user": "alice", "word": Secret("a&b=c")}
    return {"method": "POST", "url": f"{shop}login", "form": form, "cookies": jar}


def test_a_form_signs_in_and_its_cookies_go_along_where_they_belong(shop: str) -> None:
    library = ProbeLibrary()
    jar = library.make_cookie_jar()
    [reply] = library.send_at_once([login(shop, jar)])
    assert len(reply.set_cookies) == 3
    paths = ("me", "shop/cart", "logout")
    cookies = [one.text for one in library.send_at_once([{"url": shop + path, "cookies": jar} for path in paths])]
    assert [set(text.split("; ")) for text in cookies] == [
        {f"session={SESSION}", "xsrf=x1"},
        {f"session={SESSION}", "xsrf=x1", "shop=1"},
        {f"session={SESSION}", "xsrf=x1"},
    ]
    assert sorted(cookie.name for cookie in jar) == ["shop", "xsrf"], "the logout has ended the session"


def test_a_cookie_goes_to_its_own_host_only_and_a_secure_one_to_loopback(shop: str) -> None:
    jar = jars.new_jar()
    jars.take_over(jar, "http://127.0.0.1:1/", ["a=1; Path=/; Secure"])
    jars.take_over(jar, "https://shop.test/", ["b=2; Path=/; Secure", "c=3; Path=/"])
    assert jars.header(jar, "http://127.0.0.1:2/x") == "a=1"
    assert jars.header(jar, "http://shop.test/") == "c=3", "a secure cookie does not go unencrypted"
    assert jars.header(jar, "https://shop.test/") == "b=2; c=3"
    assert jars.header(jar, "https://other.test/") is None
    jars.take_over(jar, "https://shop.test/", ["s=only-here-0123456789; Path=/"])
    assert masking.mask("it is only-here-0123456789") == "it is ***"


def test_a_session_of_requests_lends_its_jar(shop: str) -> None:
    with requests.Session() as session:
        session.cookies.set("a", "1", domain="127.0.0.1", path="/")
        library = ProbeLibrary()
        library.send_at_once([{"url": f"{shop}me", "cookies": session.cookies}, login(shop, session.cookies)])
        assert ("/me", "", "a=1") in Shop.seen
        assert session.cookies.get("xsrf") == "x1"
        assert session.cookies.get("session") == SESSION


def test_of_two_replies_the_later_request_counts(shop: str) -> None:
    library = ProbeLibrary()
    jar = library.make_cookie_jar()
    library.send_at_once([login(shop, jar), {"url": f"{shop}logout", "cookies": jar}])
    assert "session" not in {cookie.name for cookie in jar}
    library.send_at_once([{"url": f"{shop}logout", "cookies": jar}, login(shop, jar)])
    assert "session" in {cookie.name for cookie in jar}


def test_a_dictionary_of_cookies_goes_whole(shop: str) -> None:
    library = ProbeLibrary()
    [reply] = library.send_at_once([{"url": shop, "cookies": {"a": 1, "b": Secret("two")}}])
    assert reply.text == "a=1; b=two"
    [none] = library.send_at_once([{"url": shop, "cookies": {}}])
    assert none.text == ""


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"cookies": "a=1"}, "cookies are a dictionary or a cookie jar, not str"),
        ({"cookies": {"a": "1"}, "headers": {"cookie": "b=2"}}, "a request has one Cookie header"),
        ({"cookies": {"a": "1"}, "token": "t", "credential": "Cookie: s={token}"}, "a request has one Cookie header"),
    ],
)
def test_cookies_that_cannot_be_sent_are_refused(request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProbeLibrary().send_at_once([{"url": "http://127.0.0.1:9/", **request_}])


def test_a_reply_shows_neither_its_cookies_nor_its_text() -> None:
    reply = Reply("http://a.test/", 0, 0, 200, {"set-cookie": "s=topsecret"}, "topsecret", "", ("s=topsecret",))
    assert "topsecret" not in repr(reply)


def setting(*fields: str) -> Reply:
    return Reply("http://a.test/login", 0.0, 0.1, 200, {}, "", "", fields)


GOOD = "s=secret-value-01; Path=/; Secure; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize(
    ("field", "declared"),
    [
        (GOOD, {}),
        (GOOD.replace("Lax", "Strict"), {}),
        (GOOD.replace("Lax", "strict"), {"same_site": "strict"}),
        (GOOD.replace("HttpOnly; ", ""), {"http_only": False}),
        (GOOD.replace("Secure; ", ""), {"secure": False}),
        (GOOD.replace("; SameSite=Lax", ""), {"same_site": "none"}),
        (GOOD.replace("Lax", "None"), {"same_site": "none"}),
        ("s=secret-value-01", {"secure": False, "http_only": False, "same_site": "none"}),
    ],
)
def test_a_cookie_with_the_declared_flags_or_stricter_passes(field: str, declared: dict[str, Any]) -> None:
    assert OAuthLibrary().cookie_should_have_flags(setting("other=1", field), "s", **declared) == "secret-value-01"


@pytest.mark.parametrize(
    ("field", "declared", "message"),
    [
        (GOOD.replace("Secure; ", ""), {}, r"/login \(200\): cookie s has no Secure: it travels unencrypted too"),
        (GOOD.replace("HttpOnly; ", ""), {}, "cookie s has no HttpOnly: a script of the page can read it"),
        (GOOD.replace("; SameSite=Lax", ""), {}, "cookie s has no SameSite, not lax: other sites' requests carry it"),
        (GOOD.replace("Lax", "None"), {}, "cookie s has SameSite=None, not lax"),
        (GOOD.replace("Lax", "Loose"), {}, "cookie s has SameSite=Loose, not lax"),
        (GOOD, {"same_site": "strict"}, "cookie s has SameSite=Lax, not strict"),
        ("s=1; SameSite=None", {"secure": False, "same_site": "none"}, "SameSite=None without Secure: browsers refuse"),
        ("other=1; Secure", {}, r"sets no cookie s: .*other"),
        ("s=; Max-Age=0", {}, r"sets no cookie s: .*removed"),
    ],
)
def test_a_cookie_with_less_is_named(field: str, declared: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message) as failure:
        OAuthLibrary().cookie_should_have_flags(setting(field), "s", **declared)
    assert "secret-value-01" not in str(failure.value)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("__Host-s=1; Path=/; HttpOnly; SameSite=Lax", "has a prefix that wants Secure, and lacks it"),
        ("__Secure-s=1; Path=/; HttpOnly; SameSite=Lax", "has a prefix that wants Secure, and lacks it"),
        ("__Host-s=1; Path=/x; Secure; HttpOnly; SameSite=Lax", "wants Path=/ and no Domain: browsers refuse it"),
        ("__Host-s=1; Path=/; Domain=a.test; Secure; HttpOnly; SameSite=Lax", "wants Path=/ and no Domain"),
    ],
)
def test_what_browsers_refuse_is_wrong_whatever_is_declared(field: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        OAuthLibrary().cookie_should_have_flags(
            setting(field), field.partition("=")[0], secure=False, http_only=False, same_site="none"
        )


def test_keywords_from_outside(shop: str, tmp_path: Path) -> None:
    run = run_inner(INNER / "probe" / "cookies.robot", tmp_path, "--loglevel", "TRACE", variables={"SHOP": shop})
    run.all_as_declared()
    for text in (run.output, run.log, run.console):
        assert SESSION not in text
