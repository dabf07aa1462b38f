"""Keywords for what users do on a page by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from lockstep.dialect.messages import Session
from TargetLibrary.described import word

from .window import ACT_TIMEOUT, Browsing

_TIMEOUT = ACT_TIMEOUT * 1000
_ELSEWHERE = "about:blank"
_SOON = timedelta(seconds=20)


class Acting:
    """Signing in and out, conversations, and the buttons of the browser itself."""

    browsing: Browsing

    @word("tab")
    def sign_in_at_page(self, tab: str, user: Session) -> None:
        """Signs a user in by hand, from the page to wherever that leads and back; the page is then connected."""
        self.browsing.act(tab, "sign_in", user)
        self.browsing.wait(tab, "signed in and connected", ("signed_in", "connected"), _all_there, _SOON)

    @word("tab")
    def begin_sign_in_at_page(self, tab: str, user: Session) -> None:
        """As `Sign In At Page`, up to the last click, which `End Sign-in At Page` makes."""
        self.browsing.act(tab, "sign_in", user, part=slice(0, -1))

    @word("tab")
    def end_sign_in_at_page(self, tab: str) -> None:
        """The last click of a sign-in that was begun."""
        self.browsing.act(tab, "sign_in", part=slice(-1, None))

    @word("tab")
    def open_chat_in_new_tab(self, user: Session, text: str, clock: timedelta = timedelta()) -> str:
        """A tab in a browser without cookies, where the user signs in by hand and sends this in a new conversation."""
        library: Any = self
        tab = str(library.open_tab(clock=clock))
        self.sign_in_at_page(tab, user)
        self.start_chat_in_tab(tab, text)
        return tab

    @word("message")
    def start_chat_in_tab(self, tab: str, text: str) -> None:
        """A new conversation, in which this is sent; it is there when the page shows it and its answer."""
        library: Any = self
        self.start_conversation_in_tab(tab)
        self.send_in_tab(tab, text)
        library.tab_should_show_messages(tab, text)

    @word("tab")
    def sign_out_at_page(self, tab: str) -> None:
        """Clicks on what signs out; whether that works is for a check to say."""
        self.browsing.act(tab, "sign_out")

    @word("tab")
    def sign_out_at_provider_at_page(self, tab: str) -> None:
        """Clicks on what a page offers after a sign-out: to sign out at the provider, too."""
        self.browsing.act(tab, "sign_out_at_provider")

    @word("tab")
    def start_conversation_in_tab(self, tab: str) -> None:
        """Begins a new conversation, which is open then."""
        before = self.browsing.see(tab, "message")["message"]
        self.browsing.act(tab, "new_room")
        self.browsing.wait(
            tab,
            "a new conversation",
            ("room", "message"),
            lambda seen: seen["room"] and (not before or seen["message"] != before),
            _SOON,
        )

    @word("tab")
    def open_conversation_in_tab(self, tab: str) -> None:
        """Opens the newest conversation of the list."""
        self.browsing.act(tab, "open_room")
        self.browsing.wait(tab, "an open conversation", ("room",), _all_there, _SOON)

    @word("message")
    def send_in_tab(self, tab: str, text: str) -> None:
        """Writes a message and sends it off."""
        self.browsing.act(tab, "send", text=text)

    @word("tab")
    def click_to_go_on(self, tab: str) -> None:
        """Clicks on what a page offers that has stopped by itself."""
        self.browsing.act(tab, "go_on")

    @word("tab")
    def leave_page(self, tab: str) -> None:
        """Goes to another address in the same tab."""
        self.browsing.call("mark", tab)
        self.browsing.call("go", tab, url=_ELSEWHERE, timeout=_TIMEOUT)

    @word("tab")
    def go_to_path_in_tab(self, tab: str, path: str) -> None:
        """Goes to a path of the page's origin, as by typing it."""
        self.browsing.call("go", tab, url=urljoin(self.browsing.url, path), timeout=_TIMEOUT)

    @word("tab")
    def go_back_to_page(self, tab: str) -> None:
        """The button Back, from the other address; browsers keep the page that was left and show it again."""
        self.browsing.call("back", tab, timeout=_TIMEOUT)

    @word("tab")
    def reload_page(self, tab: str) -> None:
        """The button Reload."""
        self.browsing.call("reload", tab, timeout=_TIMEOUT)


def _all_there(seen: dict[str, list[str]]) -> bool:
    return all(seen.values())
