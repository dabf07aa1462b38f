"""The browser of a suite, its page's marks, and what log.html is given of it."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from lockstep import target
from lockstep.dialect.browser import Act, Browser
from lockstep.dialect.messages import Session
from lockstep.dialect.templates import fill
from lockstep.masking import mask
from lockstep.waiting import wait_until
from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn

from .chromium import Chromium
from .slots import Slot

ACT_TIMEOUT = 45.0
_SHOT_TIMEOUT = 10.0
_LONGEST_FRAME = 400


class Browsing:
    """One browser for a suite; its tabs end with the test."""

    def __init__(self) -> None:
        self._chromium: Chromium | None = None
        self.slot = Slot()
        self.profiles: list[str] = []
        self.tabs: dict[str, str] = {}
        """Tabs of the running test, by name, and the profile of each."""

    @property
    def stage(self) -> Any:
        """What TargetLibrary knows of the target in use."""
        library: Any = BuiltIn().get_library_instance("TargetLibrary")
        return library.stage

    @property
    def page(self) -> Browser:
        """What the dialect says of the page; raises ``NotDescribed``."""
        found: Browser = self.stage.dialect.needed_browser()
        return found

    @property
    def url(self) -> str:
        """Where the page is."""
        speaker = self.stage.speaker
        endpoint = speaker.dialect.endpoint(self.page.at or "")
        base = speaker.base(endpoint, {"platform": speaker.platform})
        return urljoin(f"{base}/", self.page.path)

    @property
    def chromium(self) -> Chromium:
        """The browser; it is started where it does not run, and again for another platform."""
        if self._chromium is not None and self._chromium.origin != self.url:
            self.end()
        self.slot.take()
        if self._chromium is None:
            self._chromium = Chromium(self.url, target.current().ca_file)
        return self._chromium

    def start(self) -> None:
        """Start the browser, so that no test waits for it; raises ``NotDescribed`` where there is no page."""
        self.chromium.call("close")

    def mark(self, name: str) -> str:
        """The selector of what a page shows; raises ``NotDescribed``."""
        if name not in self.page.marks:
            raise self.stage.dialect.missing(f"browser.marks.{name}")
        return self.page.marks[name]

    def profile(self, clock: timedelta = timedelta()) -> str:
        """A new profile, whose pages see a clock that is wrong by so much."""
        name = f"profile-{len(self.profiles) + 1}"
        self.chromium.call("profile", name=name, clock=clock.total_seconds() * 1000)
        self.profiles.append(name)
        return name

    def new_tab(self, profile: str) -> str:
        """The name of the next tab, which belongs to that profile."""
        name = f"tab-{len(self.tabs) + 1}"
        self.tabs[name] = profile
        return name

    def act(
        self, tab: str, name: str, session: Session | None = None, part: slice = slice(None), **values: Any
    ) -> None:
        """What users do by hand, or a part of it; raises ``NotDescribed``."""
        if name not in self.page.acts:
            raise self.stage.dialect.missing(f"browser.acts.{name}")
        known = {**(session.values if session else {}), **values}
        acts = [self._filled(act, known) for act in self.page.acts[name][part]]
        self.call("act", tab, acts=acts, timeout=ACT_TIMEOUT * 1000)

    def _filled(self, act: Act, values: Mapping[str, Any]) -> dict[str, str]:
        value = fill(act.value, values, self.page.place.at("acts"))
        return {"kind": act.kind, "selector": act.selector, "value": str(value)}

    def acts(self, tab: str, *names: str, **values: Any) -> dict[str, Any]:
        """A call of several acts of a tab, one after the other, for ``all`` of ``tabs.js``."""
        acts = [self._filled(act, values) for name in names for act in self.page.acts[name]]
        return {"verb": "act", "options": {"name": tab, "acts": acts, "timeout": ACT_TIMEOUT * 1000}}

    def call(self, verb: str, tab: str, **options: Any) -> Any:
        """A verb of ``tabs.js`` for a tab of this test."""
        if tab not in self.tabs:
            raise ValueError(f"this test has opened no tab {tab!r}; it has {', '.join(self.tabs) or 'none'}")
        return self.chromium.call(verb, name=tab, **options)

    def see(self, tab: str, *marks: str) -> dict[str, list[str]]:
        """The texts of all that is to be seen of these marks; nothing while a page is being loaded."""
        selectors = {name: self.mark(name) for name in marks}
        try:
            found: dict[str, list[str]] = self.call("see", tab, selectors=selectors)
        except AssertionError as error:
            if "navigation" not in str(error) and "context was destroyed" not in str(error):
                raise
            return {name: [] for name in marks}
        return found

    def wait(self, tab: str, what: str, marks: tuple[str, ...], holds: Any, within: timedelta) -> dict[str, list[str]]:
        """What the marks show once ``holds`` is true of it."""
        return wait_until(f"the page of {tab}", what, lambda: self.see(tab, *marks), holds, within)

    def close(self) -> list[str]:
        """Close the tabs of the test, log what they showed and said; the errors of their scripts."""
        errors: list[str] = []
        if self._chromium is None:
            return errors
        self._chromium.call("awake")
        verbs = ("frames", "errors", "address", "screenshot")
        options = {"timeout": _SHOT_TIMEOUT * 1000}
        calls = [{"verb": verb, "options": {"name": tab, **options}} for tab in self.tabs for verb in verbs]
        found = iter(self._chromium.call("some", calls=calls))
        for tab in self.tabs:
            frames, wrong, address, shot = (next(found) for _ in verbs)
            errors += [f"{tab}: {mask(text)}" for text in wrong or ()]
            self._log(tab, frames or (), address or "", shot)
        self.tabs.clear()
        self.profiles.clear()
        self._chromium.call("close")
        return errors

    def _log(self, tab: str, frames: Sequence[Mapping[str, Any]], address: str, shot: str | None) -> None:
        rows = "".join(
            f"<tr><td>{datetime.fromtimestamp(frame['at'], UTC):%H:%M:%S.%f}</td><td>{frame['way']}</td>"
            f"<td><code>{html.escape(_short(mask(frame['text'])))}</code></td></tr>"
            for frame in frames
        )
        picture = f"<img src='data:image/jpeg;base64,{shot}' width='500'>" if shot else "no screenshot could be taken"
        logger.info(
            f"<b>{tab}</b> of {self.tabs[tab]} at {html.escape(address)}<br>{picture}"
            f"<details><summary>{len(frames)} frames of its sockets, as the browser saw them</summary>"
            f"<table>{rows}</table></details>",
            html=True,
        )

    def end(self) -> None:
        """End the browser."""
        self.tabs.clear()
        self.profiles.clear()
        if self._chromium is not None:
            self._chromium.close()
            self._chromium = None
        self.slot.end()


class TabListener:
    """The browser ends with the suite that has started it."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, browsing: Browsing) -> None:
        self._browsing = browsing

    def end_suite(self, data: Any, result: Any) -> None:
        """End the browser."""
        self._browsing.end()

    def close(self) -> None:
        """The run is over."""
        self._browsing.end()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_FRAME else f"{text[:_LONGEST_FRAME]}… ({len(text)} characters)"


def read_frame(text: str) -> Any:
    """The JSON of a frame; None where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None
