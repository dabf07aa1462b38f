"""A headless Chromium driven by its DevTools protocol: just what the tests of the chat page need."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.services.servers import wait_until

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program() -> str | None:
    """The browser of this machine, if it has one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Chromium:
    """One browser process with a profile of its own, so that cookies are shared by its tabs and by nobody else."""

    def __init__(self, folder: Path) -> None:
        found = program()
        assert found is not None
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--ignore-certificate-errors",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
        ]
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [found, *arguments], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        address = folder / "DevToolsActivePort"
        wait_until(lambda: address.exists() and len(address.read_text().splitlines()) == 2, "Chromium listens", 30)
        port, path = address.read_text().splitlines()
        self._open = connect(f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None)
        self.devtools: ClientConnection = self._open.__enter__()
        self._numbers = itertools.count(1)
        self._tabs: dict[str, Tab] = {}

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The result of a DevTools command; events that come meanwhile go to their tabs."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self.devtools.send(json.dumps(message))
        while True:
            answer = json.loads(self.devtools.recv(30))
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer.get('error')}"
                result: dict[str, Any] = answer["result"]
                return result
            if (tab := self._tabs.get(answer.get("sessionId", ""))) is not None:
                tab.note(answer)

    def tab(self, url: str) -> Tab:
        """A new tab at ``url``."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._tabs[session] = tab = Tab(self, session)
        for domain in ("Runtime", "Log", "Page"):
            self.call(f"{domain}.enable", session)
        self.call("Page.navigate", session, url=url)
        return tab

    def close(self) -> None:
        """End the browser."""
        self._open.__exit__(None, None, None)
        self._process.terminate()
        self._process.wait(10)
        self._log.close()


@dataclass
class Tab:
    """One tab; ``errors`` are uncaught exceptions and what the security policy blocked."""

    browser: Chromium
    session: str
    errors: list[str] = field(default_factory=list)

    def note(self, event: dict[str, Any]) -> None:
        """Keep what went wrong in the page."""
        parameters = event.get("params", {})
        if event["method"] == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        if event["method"] == "Log.entryAdded" and parameters["entry"]["source"] == "security":
            self.errors.append(parameters["entry"]["text"])

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.browser.call(
            "Runtime.evaluate", self.session, expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, within: float = 15.0) -> None:
        """Until a JavaScript expression is true."""
        try:
            wait_until(lambda: self.run(f"Boolean({condition})"), condition, within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.run('document.body?.innerText')}\n{self.errors}") from None

    def click(self, selector: str) -> None:
        """Click an element that is there to be seen."""
        found = f"document.querySelector({json.dumps(selector)})"
        self.wait(f"{found} && {found}.checkVisibility() && !{found}.disabled")
        self.run(f"{found}.click()")

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.browser.call("Input.insertText", self.session, text=text)

    def press_enter(self) -> None:
        """Press Enter where the focus is."""
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        for kind in ("keyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", self.session, type=kind, **key)

    def texts(self, selector: str) -> list[str]:
        """The text of every element that fits."""
        found: list[str] = self.run(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)"
        )
        return found
