"""What a fault proxy can do to a connection: Toxiproxy's toxics with their attributes and units, and two of our own.

Pure: which toxics there are, whether one is asked for rightly, and what it comes to for one direction of a connection.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from .errors import PlatformError

STREAMS = ("upstream", "downstream")
BOTH = "both"
# Opcodes of RFC 6455, section 5.2, by what drop_frame calls them.
FRAME_KINDS: Mapping[str, Collection[int]] = {
    "data": (0x0, 0x1, 0x2),
    "control": (0x8, 0x9, 0xA),
    "any": range(16),
    "text": (0x1,),
    "binary": (0x2,),
    "close": (0x8,),
    "ping": (0x9,),
    "pong": (0xA,),
}


@dataclass(frozen=True)
class Attribute:
    """One attribute of a toxic: its unit, what it is where nothing is said, and the least it may be."""

    unit: str
    default: float | str | None = None
    least: float = 0.0
    whole: bool = False


TYPES: Mapping[str, Mapping[str, Attribute]] = {
    "latency": {"latency": Attribute("ms"), "jitter": Attribute("ms", 0.0)},
    "bandwidth": {"rate": Attribute("KB/s", least=0.001)},
    "slow_close": {"delay": Attribute("ms")},
    "timeout": {"timeout": Attribute("ms", 0.0)},
    "reset_peer": {"timeout": Attribute("ms", 0.0)},
    "slicer": {
        "average_size": Attribute("bytes", least=1, whole=True),
        "size_variation": Attribute("bytes", 0, whole=True),
        "delay": Attribute("us", 0.0),
    },
    "limit_data": {"bytes": Attribute("bytes", whole=True)},
    "down": {},
    "drop_frame": {"frame": Attribute("number", least=1, whole=True), "kind": Attribute("kind", "data")},
}


@dataclass(frozen=True)
class Toxic:
    """One toxic of a hop, in the form and the units that Toxiproxy's API gives it."""

    name: str
    type: str
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    open_only: bool = False
    """Whether it leaves connections alone that are opened after it came."""

    @classmethod
    def asked(
        cls,
        type_: str,
        attributes: Mapping[str, Any],
        *,
        stream: str,
        name: str | None,
        toxicity: float,
        open_only: bool = False,
    ) -> Toxic:
        """The toxic that was asked for; a PlatformError names what is wrong with it and what would be right."""
        known = attributes_of(type_)
        if stream not in (*STREAMS, BOTH):
            raise PlatformError(no_such("stream", stream, (*STREAMS, BOTH)))
        given = {key: _checked(type_, key, value) for key, value in attributes.items()}
        for key, attribute in known.items():
            if key not in given and attribute.default is None:
                raise PlatformError(f"toxic {type_!r} needs {key}= ({attribute.unit})")
            given.setdefault(key, attribute.default)
        made = cls(name or f"{type_}_{stream}", type_, stream, toxicity, given, open_only)
        made.check()
        return made

    def changed(self, attributes: Mapping[str, Any], toxicity: float | None) -> Toxic:
        """The same toxic with other values."""
        given = {key: _checked(self.type, key, value) for key, value in attributes.items()}
        made = replace(
            self,
            attributes={**self.attributes, **given},
            toxicity=self.toxicity if toxicity is None else toxicity,
        )
        made.check()
        return made

    def check(self) -> None:
        """A PlatformError where values that are right each are wrong together."""
        if not 0 <= self.toxicity <= 1:
            raise PlatformError(f"toxicity={self.toxicity:g}: it is a probability, from 0 to 1")
        if self.type == "down" and self.toxicity != 1:
            raise PlatformError("toxic 'down' holds for every connection: it has no toxicity")
        if self.type == "down" and self.open_only:
            raise PlatformError("toxic 'down' holds for every connection, for those to come too")
        if self.type == "slicer" and self["size_variation"] >= self["average_size"]:
            raise PlatformError("toxic 'slicer': size_variation must be less than average_size")

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def on(self, stream: str) -> bool:
        """Whether it holds for that direction."""
        return self.stream in (stream, BOTH)

    def silences(self, stream: str) -> bool:
        """Whether nothing passes in that direction, and no end either, on any connection to come."""
        endless = self.type == "timeout" and not self["timeout"] and self.toxicity == 1
        return endless and self.on(stream) and not self.open_only

    def as_json(self) -> dict[str, Any]:
        """Toxiproxy's form."""
        return {
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
            "attributes": dict(self.attributes),
            **({"open_only": True} if self.open_only else {}),
        }


class Hold:
    """What one toxic does to one direction of one connection, since it came to it."""

    def __init__(self, toxic: Toxic, stream: str, since: float, seed: str) -> None:
        self.toxic = toxic
        self.stream = stream
        self.since = since
        self.passed = 0
        self.frames = 0
        # One decision for both directions of a connection; all else is drawn for each by itself.
        self._decision = Random(seed).random()  # noqa: S311 - repeatable on purpose
        self.random = Random(f"{seed}\0{stream}")  # noqa: S311 - repeatable on purpose

    @property
    def acts(self) -> bool:
        """Whether the toxic has chosen this connection (its toxicity)."""
        return self._decision < self.toxic.toxicity

    def change(self, toxic: Toxic, now: float) -> None:
        """Go on as another version of the toxic: its time begins again, what it counted stays counted."""
        self.toxic = toxic
        self.since = now

    def ends_at(self) -> float | None:
        """When it ends the connection; None where it does not."""
        if self.toxic.type == "reset_peer" or (self.toxic.type == "timeout" and self.toxic["timeout"] > 0):
            return self.since + float(self.toxic["timeout"]) / 1000
        return None

    def drops(self, opcode: int) -> bool:
        """Count a frame that begins; whether it is the one to be dropped."""
        if opcode not in FRAME_KINDS[self.toxic["kind"]]:
            return False
        self.frames += 1
        return bool(self.frames == self.toxic["frame"])


def slice_size(average: int, variation: int, random: Random) -> int:
    """The size of a slicer's next slice: ``average`` bytes, up to ``variation`` more or less."""
    return average + (random.randint(-variation, variation) if variation else 0)


def attributes_of(type_: str) -> Mapping[str, Attribute]:
    """The attributes that a type of toxic has; a PlatformError where there is no such type."""
    if type_ not in TYPES:
        raise PlatformError(no_such("toxic", type_, TYPES))
    return TYPES[type_]


def attribute_of(type_: str, name: str) -> Attribute:
    """One attribute of a type of toxic; a PlatformError where it has no such attribute."""
    known = attributes_of(type_)
    if name not in known:
        raise PlatformError(no_such(f"attribute of toxic {type_!r},", name, known))
    return known[name]


def no_such(what: str, name: str, known: Collection[str]) -> str:
    """That there is no such thing, which there are, and which one was probably meant."""
    return f"there is no {what} {name!r}; there is {', '.join(known) or 'none'}{meant(name, known)}"


def meant(name: str, known: Collection[str]) -> str:
    """A question after the name that was probably meant, if one is near."""
    near = difflib.get_close_matches(name, known, 1)
    return f". Did you mean {near[0]!r}?" if near else ""


def _checked(type_: str, name: str, value: Any) -> Any:
    attribute = attribute_of(type_, name)
    if attribute.unit == "kind":
        if value not in FRAME_KINDS:
            raise PlatformError(no_such(f"{name} of frames", str(value), FRAME_KINDS))
        return value
    number = int(value) if attribute.whole else float(value)
    if not attribute.least <= number < float("inf"):
        raise PlatformError(f"toxic {type_!r}: {name}={value} is out of range, the least is {attribute.least:g}")
    return number
