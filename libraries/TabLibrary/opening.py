"""Keywords that open and close tabs, windows and private windows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lockstep.dialect.messages import Session
from TargetLibrary.described import word

from . import chromium
from .window import ACT_TIMEOUT, Browsing

_WINDOW = "popup,noopener,width=900,height=600"
_TIMEOUT = ACT_TIMEOUT * 1000


class Opening:
    """The target's page in tabs."""

    browsing: Browsing

    @word("tab")
    def use_page_of_target(self) -> None:
        """Uses the run's target, shared with all suites, for its page. NA where there is no page, or no browser."""
        chromium.needed()
        self.browsing.slot.take()
        self.browsing.stage.use()
        self.browsing.start()

    @word("tab")
    def use_page_of_private_target(self, **options: Any) -> None:
        """Uses a target of this suite's own, with the options of PlatformLibrary's `Use Private Platform`."""
        chromium.needed()
        self.browsing.slot.take()
        self.browsing.stage.use(private=True, **options)
        self.browsing.start()

    @word("account")
    def register_user(self) -> Session:
        """A new account that can sign in at the page by hand."""
        stage = self.browsing.stage
        account: Session = stage.accounts.new()
        if stage.accounts.are_given:
            return account
        how = "sign_up_by_hand" if stage.dialect.knows("sign_up_by_hand") else "sign_up"
        signed_up: Session = stage.needed(how, account).session
        return signed_up

    @word("tab")
    def open_tab(self, beside: str | None = None, clock: timedelta = timedelta()) -> str:
        """A tab with the page, in a browser without cookies; ``beside`` another tab it shares that one's cookies.

        The pages of a browser with ``clock`` see a time that is wrong by so much.
        """
        profile = self.browsing.tabs[beside] if beside else self.browsing.profile(clock)
        tab = self.browsing.new_tab(profile)
        self.browsing.call("open", tab, profile=profile, url=self.browsing.url, timeout=_TIMEOUT)
        return tab

    @word("tab")
    def open_tab_of_user(self, beside: str, user: Session) -> str:
        """A tab beside another one whose user is signed in; it is theirs, too, and connected."""
        library: Any = self
        tab = self.open_tab(beside)
        library.tab_should_be_signed_in(tab, user)
        return tab

    @word("tab")
    def open_chats_in_new_tabs(self, user: Session, count: int) -> list[str]:
        """So many tabs at once of one browser, where the user signs in by hand in the first one.

        In each a new conversation is begun, and a text sent that is its own: ``in tab-1``. Returns the tabs when each
        shows its text and the answer.
        """
        library: Any = self
        tabs = [self.open_tab()]
        library.sign_in_at_page(tabs[0], user)
        profile, url = self.browsing.tabs[tabs[0]], self.browsing.url
        tabs += [self.browsing.new_tab(profile) for _ in range(count - 1)]
        opened = [{"name": tab, "profile": profile, "url": url, "timeout": _TIMEOUT} for tab in tabs[1:]]
        self.browsing.chromium.call("all", calls=[{"verb": "open", "options": options} for options in opened])
        calls = [self.browsing.acts(tab, "new_room", "send", text=f"in {tab}") for tab in tabs]
        self.browsing.chromium.call("all", calls=calls)
        for tab in tabs:
            library.tab_should_show_messages(tab, f"in {tab}")
        return tabs

    @word("tab")
    def open_window(self, beside: str) -> str:
        """A second window of the same browser, with the page."""
        return self._popup(beside, _WINDOW)

    @word("tab")
    def open_private_window(self, clock: timedelta = timedelta()) -> str:
        """A window with the page that shares no cookie with any other."""
        return str(Opening.open_tab(self, clock=clock))

    @word("tab")
    def duplicate_tab(self, tab: str) -> str:
        """A copy of a tab, as its menu makes one: with all that the page has stored for that tab."""
        return self._popup(tab, "")

    def _popup(self, beside: str, features: str) -> str:
        tab = self.browsing.new_tab(self.browsing.tabs[beside])
        self.browsing.chromium.call("popup", name=tab, **{"from": beside}, features=features, timeout=_TIMEOUT)
        return tab

    @word("tab")
    def close_tabs(self) -> None:
        """For a teardown: what each tab showed and each frame of its sockets go into the log, then they are closed.

        Fails where a script of a page ended with an error, or did what the page's security policy forbids.
        """
        errors = self.browsing.close()
        if errors:
            raise AssertionError(f"{len(errors)} errors in scripts of the page; the first: {errors[0]}")
