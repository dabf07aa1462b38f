"""The chat page in a real browser, on the real platform, with access tokens that live six seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.services.browser import Chromium, Tab, program
from tests.services.platform_bench import Platform, new_identity, start_platform
from tests.services.servers import MakeDatabase, Servers, StartService, wait_until

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium on this machine")

ONLINE = "document.querySelector('#connection')?.dataset.state === 'online'"
LOGIN = "document.body?.dataset.view === 'login'"


@pytest.fixture(scope="module")
def platform(
    start_module_service: StartService,
    servers: Servers,
    make_database: MakeDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> Platform:
    folder = tmp_path_factory.mktemp("platform")
    return start_platform(start_module_service, servers, make_database, folder, ACCESS_TTL="6")


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    with closing(Chromium(tmp_path)) as browser:
        yield browser


def signed_in(chromium: Chromium, platform: Platform) -> Tab:
    """A tab whose person has just signed in by way of the provider's page."""
    tab = chromium.tab(platform.frontend.url)
    tab.click("#login")
    tab.type("#email", new_identity(platform))
    tab.click("button.approve")
    tab.wait(ONLINE)
    return tab


def say(tab: Tab, body: str) -> None:
    """Type a message and press Enter."""
    tab.type("#body", body)
    tab.press_enter()


def shown(tab: Tab) -> list[str]:
    """The messages of the open conversation that are stored."""
    return tab.texts('#messages li[data-pending="false"][data-streaming="false"]')


def until_shown(tab: Tab, wanted: list[str]) -> None:
    """Until exactly these messages are shown, in this order."""
    wait_until(lambda: shown(tab) == wanted, f"{wanted} are shown, last seen {shown(tab)}", 20)


def conversation(*bodies: str) -> list[str]:
    """What is said and answered."""
    return [line for body in bodies for line in (body, f"You said: {body}")]


def in_conversation(chromium: Chromium, platform: Platform) -> Tab:
    """A signed-in tab with a new conversation open."""
    tab = signed_in(chromium, platform)
    tab.click("#new-conversation")
    tab.wait("!document.querySelector('#body').disabled")
    return tab


@pytest.mark.req("B01")
def test_from_login_to_a_streamed_answer(chromium: Chromium, platform: Platform) -> None:
    tab = in_conversation(chromium, platform)
    assert tab.texts("#user") == ["Zoë Müller"]
    say(tab, "Hello <b>there</b>")
    until_shown(tab, conversation("Hello <b>there</b>"))
    assert tab.run("document.querySelectorAll('#messages b').length") == 0
    assert tab.run("localStorage.length") == 0
    assert tab.run("document.cookie") == ""
    assert tab.errors == []


def test_a_tab_keeps_step_through_reload_and_token_expiry(chromium: Chromium, platform: Platform) -> None:
    tab = in_conversation(chromium, platform)
    say(tab, "before")
    until_shown(tab, conversation("before"))
    mine = tab.run("sessionStorage.getItem('client_id')")
    tab.run("location.reload()")
    until_shown(tab, conversation("before"))
    assert tab.run("sessionStorage.getItem('client_id')") == mine
    other = chromium.tab(platform.frontend.url)
    for each in (tab, other):
        each.wait(ONLINE)
    sockets_closed_for_expiry(tab)
    for each in (tab, other):
        each.wait(ONLINE)
    say(tab, "after")
    until_shown(tab, conversation("before", "after"))
    assert tab.errors + other.errors == []


def sockets_closed_for_expiry(tab: Tab) -> None:
    """Until the tab has lost its socket to the end of its token (six seconds at most)."""
    tab.wait(f"!({ONLINE})")


def test_five_tabs_are_five_devices_of_one_user(chromium: Chromium, platform: Platform) -> None:
    tabs = [in_conversation(chromium, platform)]
    tabs += [chromium.tab(platform.frontend.url) for _ in range(4)]
    for tab in tabs:
        tab.wait(ONLINE)
    assert len({tab.run("sessionStorage.getItem('client_id')") for tab in tabs}) == 5
    tabs[1].click("#conversations button")
    say(tabs[0], "seen by the second")
    until_shown(tabs[1], conversation("seen by the second"))
    tabs[2].click("#new-conversation")
    tabs[2].wait("!document.querySelector('#body').disabled")
    say(tabs[2], "in a conversation of its own")
    until_shown(tabs[2], conversation("in a conversation of its own"))
    until_shown(tabs[0], conversation("seen by the second"))
    for tab in tabs:
        wait_until(lambda tab=tab: len(tab.texts("#conversations li")) == 2, "each tab lists both")  # type: ignore[misc]
    assert [tab.errors for tab in tabs] == [[]] * 5


def test_what_is_written_while_backend_is_away_arrives_once(chromium: Chromium, platform: Platform) -> None:
    tab = in_conversation(chromium, platform)
    say(tab, "before")
    until_shown(tab, conversation("before"))
    for backend in platform.backends:
        backend.kill()
    tab.wait(f"!({ONLINE})")
    say(tab, "meanwhile")
    wait_until(lambda: tab.texts('#messages li[data-pending="true"]') == ["meanwhile"], "it waits")
    for backend in platform.backends:
        backend.start()
    until_shown(tab, conversation("before", "meanwhile"))
    tab.run("location.reload()")
    until_shown(tab, conversation("before", "meanwhile"))
    assert tab.errors == []


@pytest.mark.req("B01")
def test_signing_out_in_one_tab_signs_out_the_other(chromium: Chromium, platform: Platform) -> None:
    tab = signed_in(chromium, platform)
    other = chromium.tab(platform.frontend.url)
    other.wait(ONLINE)
    tab.click("#logout")
    for each in (tab, other):
        each.wait(LOGIN)
    assert chromium.call("Network.getCookies", tab.session, urls=[platform.frontend.url])["cookies"] == []
    assert tab.errors + other.errors == []


def test_a_replaced_tab_says_so_and_stays_away(chromium: Chromium, platform: Platform) -> None:
    tab = signed_in(chromium, platform)
    cookies = chromium.call("Network.getCookies", tab.session, urls=[platform.frontend.url])["cookies"]
    jar = "; ".join(f"{one['name']}={one['value']}" for one in cookies)
    client_id = json.loads(tab.run("sessionStorage.getItem('client_id')"))
    url = f"wss://127.0.0.1:{platform.frontend.port}/ws?client_id={client_id}"
    with connect(url, ssl=platform.context, additional_headers={"Cookie": jar}) as newer:
        assert json.loads(newer.recv(5))["type"] == "welcome"
        tab.wait("!document.querySelector('#notice').hidden")
        assert "newer window" in tab.texts("#notice-text")[0]
        tab.wait("document.querySelector('#connection')?.dataset.state === 'offline'")
        tab.click("#notice-action")
        tab.wait(ONLINE)
        assert tab.run("JSON.parse(sessionStorage.getItem('client_id'))") != client_id
        newer.send(json.dumps({"type": "ping", "id": "1", "payload": {}}))
        assert json.loads(newer.recv(5))["type"] == "pong"


def test_a_session_that_was_revoked_leads_back_to_the_login(chromium: Chromium, platform: Platform) -> None:
    tab = signed_in(chromium, platform)
    cookies = chromium.call("Network.getCookies", tab.session, urls=[platform.frontend.url])["cookies"]
    refresh = next(one["value"] for one in cookies if one["name"] == "__Host-refresh")
    assert httpx.post(f"{platform.auth.url}/auth/revoke", data={"token": refresh}).status_code == 200
    tab.wait(LOGIN)
    assert "Sign in to go on" in tab.texts("#welcome-text")[0]
