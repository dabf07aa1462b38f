"""A schedule is data: steps of clients and faults, and a small model that knows which step may follow which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

DEVICES = ("phone", "laptop")
REPLICAS = ("backend-1", "backend-2")
CONVERSATIONS = ("first", "second")
SERVICES = ("auth",)
REPEATED = ("first", "last")
SLOW_HOPS = ("client->backend-1", "client->backend-2", "backend->postgres", "backend->redis")


@dataclass(frozen=True, order=True)
class Step:
    """One step: the verb ``do``, and what it is about, as far as its verb wants that."""

    do: str
    who: str = ""
    what: str = ""

    def __str__(self) -> str:
        return VERBS[self.do].sentence.format(who=self.who, what=self.what)


Schedule = tuple[Step, ...]


@dataclass(frozen=True)
class Situation:
    """What the model knows of the platform and its clients: ``online`` says which device is where."""

    online: Mapping[str, str]
    spoken: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()
    redis_down: bool = False
    slow: frozenset[str] = frozenset()

    @property
    def begun(self) -> bool:
        """Whether there is anything yet that a fault could disturb."""
        return bool(self.online or self.spoken)


@dataclass(frozen=True)
class World:
    """What the steps of a target may be about: its endpoints, its other instances, and the hops that may be slow."""

    replicas: Sequence[str] = REPLICAS
    services: Sequence[str] = SERVICES
    hops: Sequence[str] = SLOW_HOPS
    verbs: frozenset[str] | None = None
    """The verbs that it has; None is all of them."""


@dataclass(frozen=True)
class Verb:
    """``about`` names what its steps may be about, the simplest first; each is drawn ``weight`` times as often.

    ``fits`` says whether such a step makes sense in a situation.
    """

    sentence: str
    about: tuple[str, ...]
    fits: Callable[[Situation, Step], bool]
    weight: int = 1


def _online(now: Situation, step: Step) -> bool:
    return step.who in now.online


def _running(now: Situation, step: Step) -> bool:
    return now.begun and step.who not in now.down


def _redis_up(now: Situation, step: Step) -> bool:
    return now.begun and not now.redis_down


def _signed_in(now: Situation, step: Step) -> bool:
    """Sessions change while every instance runs: otherwise nobody is promised that they can."""
    return step.who in now.online and not now.down


VERBS: Mapping[str, Verb] = {
    "connect": Verb(
        "{who} connects to {what}",
        ("device", "replica"),
        lambda now, step: step.who not in now.online and step.what not in now.down,
        3,
    ),
    "send": Verb("{who} sends a message to the {what} conversation", ("device", "conversation"), _online, 2),
    "burst": Verb("{who} sends five messages to the {what} conversation", ("device", "conversation"), _online),
    "settle": Verb("{who} waits for all answers", ("device",), _online, 3),
    "send again": Verb(
        "{who} sends its {what} message again",
        ("device", "repeated"),
        lambda now, step: step.who in now.online and step.who in now.spoken,
        2,
    ),
    "keep state": Verb("{who} keeps a state", ("device",), _online),
    "drop": Verb("{who} loses its connection", ("device",), _online, 2),
    "close": Verb("{who} closes its socket", ("device",), _online),
    "kill": Verb("{who} is killed", ("instance",), _running),
    "start": Verb("{who} is started", ("instance",), lambda now, step: step.who in now.down, 3),
    "restart": Verb("{who} is restarted", ("replica",), _running),
    "hand over": Verb("{who} is restarted without a gap", ("replica",), _running),
    "cut": Verb("the network resets every socket at {who}", ("replica",), _running),
    "slow down": Verb("{who} becomes slow", ("hop",), lambda now, step: now.begun and step.who not in now.slow),
    "speed up": Verb("{who} is as fast as before", ("hop",), lambda now, step: step.who in now.slow),
    "flush redis": Verb("Redis forgets everything", (), _redis_up),
    "kill redis": Verb("Redis is killed", (), _redis_up),
    "start redis": Verb("Redis is started", (), lambda now, step: now.redis_down, 3),
    "refresh": Verb("{who} refreshes its session", ("device",), _signed_in),
    "revoke": Verb("the session of {who} is revoked, and it signs in again", ("device",), _signed_in),
    "sign out": Verb("{who} signs out, and in again", ("device",), _signed_in),
}


def steps_of(world: World) -> list[Step]:
    """Every step that a target has, as often as it is to be drawn."""
    about: Mapping[str, Sequence[str]] = {
        "device": DEVICES,
        "conversation": CONVERSATIONS,
        "repeated": REPEATED,
        "replica": world.replicas,
        "instance": (*world.replicas, *world.services),
        "hop": world.hops,
    }
    return [
        Step(name, *words)
        for name, verb in VERBS.items()
        if world.verbs is None or name in world.verbs
        for words in product(*(about[kind] for kind in verb.about))
        for _ in range(verb.weight)
    ]


STEPS = steps_of(World())
"""Those of the reference platform."""
_ENDS_SOCKETS = ("kill", "restart", "hand over", "cut")

BEGINNING = Situation({})


def possible(step: Step, now: Situation) -> bool:
    """Whether ``step`` makes sense ``now``."""
    return VERBS[step.do].fits(now, step)


def after(now: Situation, step: Step) -> Situation:
    """What the model knows after ``step``."""
    online, changed = dict(now.online), now
    if step.do == "connect":
        online[step.who] = step.what
    elif step.do in ("drop", "close", "revoke", "sign out"):
        del online[step.who]
    elif step.do in ("send", "burst"):
        changed = replace(now, spoken=now.spoken | {step.who})
    elif step.do in _ENDS_SOCKETS:
        online = {device: replica for device, replica in online.items() if replica != step.who}
        changed = replace(now, down=now.down | {step.who}) if step.do == "kill" else now
    elif step.do == "start":
        changed = replace(now, down=now.down - {step.who})
    elif step.do in ("kill redis", "start redis"):
        changed = replace(now, redis_down=step.do == "kill redis")
    elif step.do == "slow down":
        changed = replace(now, slow=now.slow | {step.who})
    elif step.do == "speed up":
        changed = replace(now, slow=now.slow - {step.who})
    return replace(changed, online=online)


def first_impossible(schedule: Schedule, steps: Sequence[Step] = STEPS) -> int | None:
    """The number (from 1) of the first step that does not make sense where it stands; None where all do."""
    now = BEGINNING
    for number, step in enumerate(schedule, 1):
        if step not in steps or not possible(step, now):
            return number
        now = after(now, step)
    return None


def only_possible(schedule: Schedule) -> Schedule:
    """``schedule`` without the steps that do not make sense where they stand."""
    now, kept = BEGINNING, []
    for step in schedule:
        if possible(step, now):
            kept.append(step)
            now = after(now, step)
    return tuple(kept)


def numbered(schedule: Schedule) -> str:
    """The schedule for a reader, a line a step."""
    return "\n".join(f"  {number:2}  {step}" for number, step in enumerate(schedule, 1))
