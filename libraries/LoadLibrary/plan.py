"""What a load is: its users, and the steps that they go through together. Plain data, for master and workers alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lockstep.dialect import Session
from lockstep.dialect.cookies import Cookie

ACTS = ("", "cut", "slow", "flood", "rush", "drop")
"""What happens at the beginning of a step: nothing, all sockets are cut, slow readers stop to read, connections are
opened on and on, users sign in, a frame is lost.
"""
CHAT, SLOW, FLOOD, RUSH = "chat", "slow", "flood", "rush"
ROLES = (CHAT, SLOW, FLOOD, RUSH)


@dataclass(frozen=True)
class Step:
    """One part of a load: so many users, for so long; figures are kept by its name.

    ``away``: how long clients stay away after a cut.
    """

    name: str
    users: int
    seconds: float
    rate: float = 0.0
    act: str = ""
    away: float = 0.0

    def __post_init__(self) -> None:
        if self.act not in ACTS:
            raise ValueError(f"there is no act {self.act!r}: it is one of {', '.join(filter(None, ACTS))}")
        if self.users < 1 or self.seconds < 0:
            raise ValueError(f"step {self.name!r} needs a user and a time, not {self.users} and {self.seconds:g} s")


@dataclass(frozen=True)
class User:
    """One user of a load. ``name`` is how the history knows them, whichever worker they are on; ``dropped``: a frame to
    them is lost where a step says so.
    """

    name: str
    session: Session = field(repr=False)
    endpoint: str = ""
    room: Any = None
    role: str = CHAT
    dropped: bool = False

    def as_data(self) -> dict[str, Any]:
        """What goes over the wire."""
        session = {"values": dict(self.session.values), "cookies": [asdict(cookie) for cookie in self.session.cookies]}
        known = {"name": self.name, "endpoint": self.endpoint, "room": self.room, "role": self.role}
        return {**known, "session": session, "dropped": self.dropped}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> User:
        """The user that `as_data` was made of."""
        kept = data["session"]
        cookies = tuple(
            Cookie(**{**cookie, "attributes": tuple((name, value) for name, value in cookie["attributes"])})
            for cookie in kept["cookies"]
        )
        return cls(
            data["name"],
            Session(kept["values"], cookies),
            data["endpoint"],
            data["room"],
            data["role"],
            data["dropped"],
        )


@dataclass(frozen=True)
class Plan:
    """Everything that a load needs.

    ``target`` and ``values`` make the dialect, ``ca`` is the certificate (PEM) that ``wss`` is trusted by, ``every``
    the seconds between two messages of a user, ``settle`` how long may be waited at the end for what is missing.
    """

    target: str
    values: Mapping[str, Any]
    steps: Sequence[Step]
    users: Sequence[User]
    every: float
    workers: int = 2
    ca: str = ""
    settle: float = 15.0
    test_id: str = ""

    def share(self, number: int) -> list[User]:
        """The users of one worker: every so manieth, so that each worker has its part at each number of users."""
        return list(self.users[number :: self.workers])

    def for_worker(self, number: int) -> dict[str, Any]:
        """What a worker has to know."""
        users = [user.as_data() for user in self.share(number)]
        known = {"target": self.target, "values": dict(self.values), "every": self.every, "ca": self.ca}
        return {**known, "settle": self.settle, "test_id": self.test_id, "users": users, "number": number}

    def as_json(self) -> str:
        """The plan as a file, for the master."""
        users = [user.as_data() for user in self.users]
        steps = [asdict(step) for step in self.steps]
        return json.dumps({**asdict_shallow(self), "users": users, "steps": steps}, default=str)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `as_json` was made of."""
        data = json.loads(text)
        steps = [Step(**step) for step in data.pop("steps")]
        return cls(**{**data, "steps": steps, "users": [User.from_data(user) for user in data["users"]]})


def asdict_shallow(plan: Plan) -> dict[str, Any]:
    """The plan's own fields, without a copy of what they hold."""
    return {name: getattr(plan, name) for name in plan.__dataclass_fields__}
