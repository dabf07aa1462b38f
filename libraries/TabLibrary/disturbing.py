"""Keywords for what becomes of a tab: frozen, woken, without answers."""

from __future__ import annotations

from datetime import timedelta

from lockstep.waiting import wait_until
from TargetLibrary.described import word

from .window import Browsing


class Disturbing:
    """Faults of one tab; those of its connection are PlatformLibrary's."""

    browsing: Browsing

    @word("fault")
    def freeze_tab(self, tab: str) -> None:
        """Nothing of the page runs any more, as in a tab in the background and on a machine that sleeps."""
        self.browsing.call("freeze", tab)

    @word("fault")
    def wake_tab(self, tab: str) -> None:
        """The page runs again."""
        self.browsing.call("wake", tab)

    @word("fault")
    def change_clock_of_tab(self, tab: str, by: timedelta) -> None:
        """The clock of the tab's browser goes forwards by so much, or backwards: for its pages and its cookies."""
        self.browsing.call("step", tab, by=by.total_seconds() * 1000)

    @word("fault")
    def send_tab_online(self, tab: str) -> None:
        """The browser reports to the page that its machine is on a network again."""
        self.browsing.call("dispatch", tab, event="online")

    @word("fault")
    def hold_requests_of_tab(self, tab: str, pattern: str) -> None:
        """From now on requests of this tab whose address fits (``**/refresh``) never get an answer."""
        self.browsing.call("hold", tab, pattern=pattern)

    @word("fault")
    def drop_answer_to_tab(self, tab: str, pattern: str) -> None:
        """The next request of this tab whose address fits reaches the server, and its answer is lost on the way."""
        self.browsing.call("drop", tab, pattern=pattern)

    @word("fault")
    def release_requests_of_tab(self, tab: str) -> None:
        """Requests of this tab are answered again; those that were held never are."""
        self.browsing.call("release", tab)

    @word("fault")
    def request_of_tab_should_be_held(self, tab: str, within: timedelta = timedelta(seconds=20)) -> None:
        """Waits until the tab has sent such a request."""
        wait_until(tab, "waiting for a held answer", lambda: self.browsing.call("held", tab), bool, within)

    @word("fault")
    def open_socket_of_tab_elsewhere(self, tab: str, elsewhere: str) -> None:
        """The page in another tab opens the socket of this one, with its id, as a copy of the tab would."""
        protocols = list(self.browsing.stage.dialect.needed_socket().subprotocols)
        self.browsing.call("same", tab, elsewhere=elsewhere, protocols=protocols)
