"""The pure parts of OAuthLibrary; its keywords are used for real by the suites of scenario C01."""

from types import SimpleNamespace
from typing import Any

import pytest
from OAuthLibrary import OAuthLibrary, code_challenge, read_form, read_redirect


def answer(status: int, location: str | None = None, text: str = "") -> Any:
    headers = {"Location": location} if location else {}
    request = SimpleNamespace(method="GET")
    return SimpleNamespace(status_code=status, headers=headers, text=text, url="https://a.test/x/y", request=request)


def test_challenge_is_the_example_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_attempts_differ_and_their_exchange_fits_their_query() -> None:
    library = OAuthLibrary()
    one, two = (library.make_login_attempt("web", "https://a.test/cb") for _ in range(2))
    assert one.state != two.state
    assert one.code_verifier != two.code_verifier
    assert code_challenge(one.exchange("c")["code_verifier"]) == one.query["code_challenge"]
    assert library.make_token_request(one, "c", code_verifier="wrong")["code_verifier"] == "wrong"


def test_form_with_hidden_fields_and_relative_action() -> None:
    html = (
        '<p>Hi</p><form action="/login?x=1" method="POST"><input type="hidden" name="r" value="7"><input name="email">'
    )
    form = read_form(html, "http://p.test/authorize")
    assert (form.action, form.method, form.fields) == ("http://p.test/login?x=1", "post", {"r": "7"})


def test_page_without_form_is_shown() -> None:
    with pytest.raises(AssertionError, match="has no form; it begins: '<h1>Oops"):
        read_form("<h1>Oops</h1>", "http://p.test/")


def test_redirect_is_split() -> None:
    redirect = read_redirect("https://a.test/cb?code=1&state=")
    assert (redirect.target, redirect.parameters) == ("https://a.test/cb", {"code": "1", "state": ""})


def test_answer_that_is_no_redirect_is_named() -> None:
    with pytest.raises(AssertionError, match="expected a redirect from GET /x/y, got status 400: no such client"):
        OAuthLibrary().read_redirect(answer(400, text="no such client"))


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("https://evil.test/cb?error=access_denied", "got one to https://evil.test/cb"),
        ("https://a.test/cb?error=server_error", "expected error 'access_denied'.*got error 'server_error'"),
        ("https://a.test/cb?error=access_denied&code=7", "got error 'access_denied' and a code"),
    ],
)
def test_wrong_error_redirects_are_found(location: str, message: str) -> None:
    library = OAuthLibrary()
    with pytest.raises(AssertionError, match=message):
        library.redirect_should_carry_error(answer(302, location), "https://a.test/cb", "access_denied")


def test_right_error_redirect_passes() -> None:
    OAuthLibrary().redirect_should_carry_error(
        answer(302, "https://a.test/cb?error=access_denied&state=s"), "https://a.test/cb", "access_denied"
    )


GOOD = "__Host-access=abc; HttpOnly; Max-Age=300; Path=/; SameSite=lax; Secure"


def setting(*fields: str) -> SimpleNamespace:
    reply: SimpleNamespace = answer(303, "https://a.test/")
    reply.raw = SimpleNamespace(headers=SimpleNamespace(getlist=lambda _: list(fields)))
    return reply


def test_protected_cookie_passes_and_is_read() -> None:
    assert OAuthLibrary().cookie_should_be_protected(setting(GOOD), "__Host-acc", 300) == "abc"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (GOOD.replace(" HttpOnly;", ""), "has httponly None, not '': a script of the page can read it"),
        (GOOD.replace("; Secure", ""), "has secure None, not '': it travels unencrypted too"),
        (GOOD.replace("lax", "None"), "has samesite 'None', not 'lax': other sites' requests carry it"),
        (GOOD.replace("Path=/", "Path=/api"), "has path '/api', not '/'"),
        (GOOD + "; Domain=a.test", "names the domain a.test: other hosts get it"),
        (GOOD.replace("300", "301"), "lives for 301 s, not 300 s"),
        (GOOD.replace("300", "0"), r"GET /x/y \(303\) sets no single cookie __Host-access: .*removed"),
        ("other=1", "sets no single cookie __Host-access: .*other"),
    ],
)
def test_unprotected_cookies_are_named(field: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        OAuthLibrary().cookie_should_be_protected(setting(field), "__Host-access", 300)


def test_removed_and_changed_cookies_are_told_apart() -> None:
    library, gone = OAuthLibrary(), GOOD.replace("300", "0")
    library.cookies_should_be_removed(setting(gone), "__Host-access")
    library.cookies_should_be_left_alone(setting())
    with pytest.raises(AssertionError, match=r"remove __Host-access, __Host-refresh; it sets: .*__Host-access"):
        library.cookies_should_be_removed(setting(GOOD), "__Host-access", "__Host-refresh")
    with pytest.raises(AssertionError, match=r"changes the cookies: .*\(removed\)"):
        library.cookies_should_be_left_alone(setting(gone))


def test_a_browser_sends_all_its_cookies() -> None:
    kept = [SimpleNamespace(name="a", value="1"), SimpleNamespace(name="b", value="2")]
    assert OAuthLibrary().get_cookie_header(SimpleNamespace(cookies=kept)) == "a=1; b=2"
