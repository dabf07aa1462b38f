"""Keywords that keep a target from storing messages for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lockstep.dialect.stores import Held, hold
from lockstep.waiting import wait_until

from .base import Base
from .described import word

_FOUR_SECONDS = timedelta(seconds=4)


class Holding(Base):
    """Hold Storing Of Messages, until it is released."""

    held: list[Held]

    @word("store")
    def hold_storing_of_messages(self, room: Any) -> None:
        """From now on no store can take a message of this conversation, until `Release Stores`.

        It is a lock in the store (``stores.<name>.hold``); NA where the dialect describes none. `Release Stores`
        belongs into the teardown of the test.
        """
        self.held.append(hold(self.stage.speaker, room))

    @word("store", "assertion")
    def storing_should_wait(self, within: timedelta = _FOUR_SECONDS) -> None:
        """Passes when the target has tried to store something and waits for a store that is held."""
        if not self.held:
            raise AssertionError("no store is held: nothing would be proved")
        wait_until("the target", "waiting for the store", self.held[-1].waiting, lambda count: count > 0, within)

    @word("store")
    def release_stores(self) -> None:
        """The stores take messages again."""
        while self.held:
            self.held.pop().release()
