"""Keywords that judge what a page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from lockstep.dialect.messages import Session
from lockstep.dialect.templates import fill
from lockstep.waiting import wait_until
from robot.api import logger
from TargetLibrary.described import word

from .window import Browsing, read_frame

_SOON = timedelta(seconds=20)


class Judging:
    """What is to be seen in a tab, or must not be."""

    browsing: Browsing

    @word("tab", "assertion")
    def tab_should_be_signed_in(self, tab: str, user: Session, within: timedelta = _SOON) -> None:
        """Waits until the page shows this user, and that it is connected."""
        name = str(user.values["name"])
        self.browsing.wait(
            tab,
            f"connected and that of {name}",
            ("signed_in", "connected", "user"),
            lambda seen: _there(seen, "signed_in", "connected") and seen["user"] == [name],
            within,
        )

    @word("tab", "assertion")
    def tab_should_be_signed_out(self, tab: str, within: timedelta = _SOON) -> None:
        """Waits until the page asks for a sign-in."""
        self.browsing.wait(
            tab,
            "signed out",
            ("signed_out", "signed_in"),
            lambda seen: _there(seen, "signed_out") and not seen["signed_in"],
            within,
        )

    @word("tab", "assertion")
    def tab_should_be_connected(self, tab: str, within: timedelta = _SOON) -> None:
        """Waits until the page shows that it is connected."""
        self.browsing.wait(tab, "connected", ("connected",), lambda seen: _there(seen, "connected"), within)

    @word("tab", "assertion")
    def tab_should_report_lost_connection(self, tab: str, within: timedelta = _SOON) -> None:
        """Waits until the page shows that it is not connected."""
        self.browsing.wait(
            tab, "shown as not connected", ("disconnected",), lambda seen: _there(seen, "disconnected"), within
        )

    @word("tab", "assertion")
    def tab_should_show_messages(self, tab: str, *texts: str, within: timedelta = _SOON) -> None:
        """Waits until the open conversation has just these messages, in this order, each with its answer.

        The answer is what the dialect declares (``browser.answer``), or there is none.
        """
        wanted = [line for text in texts for line in (text, *self._answers_to(text))]
        self.browsing.wait(tab, f"showing {wanted}", ("message",), lambda seen: seen["message"] == wanted, within)

    @word("tab", "assertion")
    def tab_should_show_own_messages(self, tab: str, *texts: str, within: timedelta = _SOON) -> None:
        """Waits until the open conversation has just these messages, in this order, whenever their answers come."""
        answers = self._answers_to(*texts)
        self.browsing.wait(
            tab,
            f"showing {list(texts)} in this order",
            ("message",),
            lambda seen: [shown for shown in seen["message"] if shown not in answers] == list(texts),
            within,
        )

    @word("tab", "assertion")
    def tab_should_show_unsent(self, tab: str, *texts: str, within: timedelta = _SOON) -> None:
        """Waits until these messages are shown as not yet stored."""
        self.browsing.wait(
            tab, f"showing {list(texts)} as unsent", ("unsent",), lambda seen: seen["unsent"] == list(texts), within
        )

    @word("tab", "assertion")
    def tab_should_show_part_of_answer(self, tab: str, within: timedelta = _SOON) -> None:
        """Waits until a part of an answer is shown of which more is to come."""
        self.browsing.wait(tab, "showing part of an answer", ("partial",), lambda seen: any(seen["partial"]), within)

    @word("tab", "assertion")
    def tab_should_show_notice(self, tab: str, text: str, within: timedelta = _SOON) -> None:
        """Waits until the page shows a notice with this text in it."""
        self.browsing.wait(
            tab,
            f"showing the notice {text!r}",
            ("notice",),
            lambda seen: any(text in one for one in seen["notice"]),
            within,
        )

    @word("tab", "assertion")
    def tab_should_hold_nothing_of(self, tab: str, user: Session, *texts: str) -> None:
        """Passes when neither the user's name and e-mail nor any of these texts stand in the page, shown or hidden."""
        known = [str(user.values[name]) for name in ("name", "email") if name in user.values]
        page = self.browsing.call("read", tab)
        left = [text for text in (*known, *texts) if text in page]
        if left:
            raise AssertionError(f"the page of {tab} still holds what belongs to {known[0]}: {left}")

    @word("tab", "assertion")
    def tab_should_have_left_user(self, tab: str, user: Session, within: timedelta = _SOON) -> None:
        """Waits until the page is no longer that of this user: it asks for a sign-in, or is another user's."""
        name = str(user.values["name"])
        self.browsing.wait(
            tab,
            f"no longer that of {name}",
            ("signed_out", "user"),
            lambda seen: bool(seen["signed_out"]) or seen["user"] not in ([], [name]),
            within,
        )

    @word("tab", "assertion")
    def scripts_should_see_no_secret(self, tab: str) -> None:
        """Passes when no script of the page can read a cookie, and nothing is kept for longer than the tab."""
        found = self.browsing.call("stored", tab)
        if found["cookies"] or found["kept"]:
            raise AssertionError(f"scripts of the page see {sorted(found['kept']) or 'cookies'}")

    @word("tab", "assertion")
    def page_should_have_been_kept(self, tab: str) -> None:
        """Passes when the page that is shown after Back is the very one that was left, and was not loaded again."""
        if not self.browsing.call("kept", tab):
            raise AssertionError(f"the browser has loaded the page of {tab} again: what is to be tested was not there")

    @word("tab", "assertion")
    def tab_should_have_opened_sockets(self, tab: str, count: int) -> None:
        """Passes when the page has opened so many sockets since the tab was opened."""
        opened = [frame for frame in self._frames(tab) if frame["way"] == "opened"]
        if len(opened) != count:
            raise AssertionError(f"{tab} has opened {len(opened)} sockets, not {count}")

    @word("tab")
    def count_sockets_of_tab(self, tab: str) -> int:
        """How many sockets the page has opened since the tab was opened."""
        return len([frame for frame in self._frames(tab) if frame["way"] == "opened"])

    @word("tab", "assertion")
    def tab_should_open_another_socket(self, tab: str, count: int, within: timedelta = timedelta(seconds=30)) -> None:
        """Waits until the page has opened more than so many sockets."""
        wait_until(
            f"the number of sockets that {tab} has opened",
            f"more than {count}",
            lambda: self.count_sockets_of_tab(tab),
            lambda opened: opened > count,
            within,
        )

    @word("tab", "assertion")
    def tab_should_have_been_answered(
        self, tab: str, path: str, status: int, within: timedelta = timedelta(seconds=30)
    ) -> None:
        """Waits until a request of the tab to this path was answered with this status."""
        wait_until(
            f"an answer to {path} in {tab}",
            str(status),
            lambda: [one["status"] for one in self.browsing.call("answers", tab) if one["path"] == path],
            lambda statuses: status in statuses,
            within,
        )

    @word("tab", "assertion")
    def tab_should_have_sent_nothing_with(self, tab: str, text: str) -> None:
        """Passes when no frame that the page has sent has this text in it."""
        sent = [frame["text"] for frame in self._frames(tab) if frame["way"] == "sent" and text in frame["text"]]
        if sent:
            raise AssertionError(f"{tab} has sent {len(sent)} frames with {text!r} in them; the first: {sent[0]}")

    @word("tab")
    def get_frames_of_tab(self, tab: str, way: str = "received") -> list[Any]:
        """The frames that the page has ``received`` or ``sent``, as the browser saw them, read as JSON."""
        return [read_frame(frame["text"]) for frame in self._frames(tab) if frame["way"] == way]

    def _answers_to(self, *texts: str) -> list[str]:
        """The answer to each of these messages, as the dialect declares it; none where it declares none."""
        page = self.browsing.page
        return [fill(page.answer, {"text": text}, page.place.at("answer")) for text in texts] if page.answer else []

    def _frames(self, tab: str) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = self.browsing.call("frames", tab)
        logger.debug(f"{len(found)} frames of {tab}")
        return found


def _there(seen: dict[str, list[str]], *marks: str) -> bool:
    return all(seen[mark] for mark in marks)
