"""Keywords for what users do with the tabs of a real browser, on any target whose page its dialect describes."""

from __future__ import annotations

from lockstep.listeners import LISTENERS
from robot.api.deco import library

from .acting import Acting
from .disturbing import Disturbing
from .judging import Judging
from .opening import Opening
from .window import Browsing, TabListener

__all__ = ["TabLibrary"]


@library(scope="GLOBAL", version="1.0.0", doc_format="ROBOT", auto_keywords=False)
class TabLibrary(Opening, Acting, Disturbing, Judging):
    """What users do with tabs by hand, in a real Chromium, and what its pages then show.

    | *** Settings ***
    | Resource          portable/tabs.resource
    | Suite Setup       Use Page Of Target
    | Test Teardown     Close Tabs
    |
    | *** Test Cases ***
    | A User Chats By Hand
    |     ${user} =    Register User
    |     ${tab} =    Open Tab
    |     Sign In At Page    ${tab}    ${user}
    |     Start Chat In Tab    ${tab}    Hello
    |     Send In Tab    ${tab}    and again
    |     Tab Should Show Messages    ${tab}    Hello    and again

    = The page =

    Where to click, and how the page shows where it is, says the part ``browser`` of the target's dialect
    (docs/dialect.md). TargetLibrary has to be imported, whose target it is.

    = The browser =

    It is the Chromium that ``LOCKSTEP_CHROMIUM`` names or that is on PATH, driven by the Browser library
    (requirements-browser.txt). Where either is missing each test is NA, with the way to install it.

    A *profile* has cookies of its own, as a private window has; the tabs of a profile share them. What a tab showed,
    and each frame of its sockets as the browser saw it, stand in log.html after `Close Tabs`.
    """

    def __init__(self) -> None:
        self.browsing = Browsing()
        self.ROBOT_LIBRARY_LISTENER = [TabListener(self.browsing), *LISTENERS]
