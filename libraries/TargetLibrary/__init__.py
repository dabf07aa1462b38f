"""Keywords in the words of users and operators, on any target that has a dialect."""

from __future__ import annotations

from ChatLibrary import ChatLibrary
from lockstep.listeners import LISTENERS
from robot.api.deco import library

from .asking import Asking
from .attempts import Attempts
from .authorship import Authorship
from .background import Background
from .bad_frames import BadFrames
from .chatting import Chatting
from .deleting import Deleting
from .ending import Ending
from .expiring import Expiring
from .forging import Forging
from .guarding import Guarding
from .holding import Holding
from .instances import Instances
from .jars import Jars
from .keys import Keys
from .logs import Logs
from .measuring import Measuring
from .networking import Networking
from .origins import Origins
from .outages import Outages
from .profiles import Profiles
from .quotas import Quotas
from .recognising import Recognising
from .recovering import Recovering
from .refreshing import Refreshing
from .restarting import Restarting
from .rights import Rights
from .sessions import Sessions
from .signing import Signing
from .sockets import Sockets
from .stage import Stage
from .storing import Storing
from .surviving import Surviving
from .tokens import Tokens
from .watching import Watching

__all__ = ["TargetLibrary"]


@library(scope="GLOBAL", version="1.0.0", doc_format="ROBOT", auto_keywords=False)
class TargetLibrary(
    Signing,
    Recognising,
    Refreshing,
    Sockets,
    Chatting,
    Ending,
    Restarting,
    Tokens,
    Storing,
    Background,
    Networking,
    Recovering,
    Profiles,
    Rights,
    Attempts,
    Logs,
    Holding,
    Measuring,
    Guarding,
    Sessions,
    Deleting,
    Jars,
    Forging,
    Expiring,
    Asking,
    Origins,
    BadFrames,
    Authorship,
    Instances,
    Watching,
    Outages,
    Surviving,
    Keys,
    Quotas,
):
    """What users and operators do, and what a target promises them, in words that no platform owns.

    | *** Settings ***
    | Resource          portable/vocabulary.resource
    | Suite Setup       Use Target
    |
    | *** Test Cases ***
    | Sign Out Ends Access
    |     ${user} =    Sign In
    |     Every Endpoint Should Recognise User    ${user}
    |     Sign Out    ${user}
    |     Access Should End    ${user}    sign_out

    = Dialect =

    What a word is on a target says its dialect (docs/dialect.md): paths, frames, codes, and what it promises. A word
    that the dialect does not describe, or declares absent, ends the test, or the suite whose setup uses it, as NA:
    ``NA: operations.refresh: not described in …``.

    Requests go through RequestsLibrary and sockets through WebSocketLibrary, so log.html shows them. Both have to be
    imported; PlatformLibrary, too, where the run starts or controls the target.

    = Sessions =

    `Sign In` returns a session: who it is, and what shows it. It never changes: `Refresh Session` and `Change Password`
    return another one, so the one before is what was good before. A session knows what the dialect reads:
    ``${user.access}``, ``${user.user}``.

    = Promises =

    What ends, and when, is judged by what the dialect declares. What holds below the recommendation of a standard is
    WEAKER, with its reference. What nothing could break is measured and UNBOUNDED. A bound of more than a minute is NA
    unless the run is ``--patient`` (``LOCKSTEP_PATIENT=1``).

    = What is made =

    At a target that somebody else runs, what a test makes is undone after it by the words that undo it (`Delete
    Account`, `Sign Out`), and what a suite's setup makes after the suite. A throttled request is sent again after
    ``Retry-After``, but where a test is about limits.
    """

    def __init__(self) -> None:
        self.stage = Stage()
        self.open_sockets, self.unopened, self.owners = {}, [], {}
        self.chats = ChatLibrary()
        self.chatting = {}
        self.held = []
        self.ROBOT_LIBRARY_LISTENER = [self.stage.listener, *LISTENERS]
