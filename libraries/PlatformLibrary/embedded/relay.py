"""One connection by way of a fault proxy: two flows of bytes, each under the toxics of its direction."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .frames import FrameStream
from .toxics import STREAMS, Hold, Toxic, slice_size

_CHUNK = 1 << 16
_MOST_DELAYED = 1000
# What a limited rate lets pass at once is worth this much time.
_PACE = 0.05
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Ended(Exception):  # noqa: N818 - an end that was asked for, no error
    """A toxic has closed the connection, orderly."""


class Bell:
    """Wakes those who wait for a moment when the moment may have changed."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something has changed."""
        self._rung.set()

    async def at(self, due: float) -> None:
        """Return at ``due`` (of the loop's clock), or at the next ring if that is sooner."""
        self._rung.clear()
        left = due - asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if left == math.inf else left):
                await self._rung.wait()


@dataclass
class Parcel:
    """Bytes on their way, or the end of the stream where there are none."""

    data: bytes
    arrived: float
    luck: dict[str, float] = field(default_factory=dict)


class Flow:
    """One direction of a connection."""

    def __init__(self, stream: str, reader: StreamReader, writer: StreamWriter, frames: FrameStream | None) -> None:
        self.stream = stream
        self.holds: dict[str, Hold] = {}
        self.bell = Bell()
        self._reader = reader
        self._writer = writer
        self._frames = frames
        self._waiting: asyncio.Queue[Parcel] = asyncio.Queue(_MOST_DELAYED)
        self._lost = False
        self._free = 0.0

    @property
    def has_a_hole(self) -> bool:
        """Whether bytes were swallowed and further ones would pass: what no TCP connection ever shows."""
        return self._lost and not self._swallows

    def acting(self, *types: str) -> list[Hold]:
        """The toxics of these types that have chosen this connection."""
        return [hold for hold in self.holds.values() if hold.toxic.type in types and hold.acts]

    async def collect(self) -> None:
        """Take what comes, without the frames that are to be dropped, until the stream ends."""
        while data := await self._reader.read(_CHUNK):
            passing = self._frames.feed(data, self._drops) if self._frames else data
            if passing:
                await self._waiting.put(Parcel(passing, _now()))
        if self._frames and (rest := self._frames.rest()):
            await self._waiting.put(Parcel(rest, _now()))
        await self._waiting.put(Parcel(b"", _now()))

    async def deliver(self) -> None:
        """Pass on what was taken, in its order, when and how the toxics let it."""
        while True:
            parcel = await self._waiting.get()
            await self._until(partial(self._due, parcel))
            if not parcel.data:
                break
            for piece in self._pieces(parcel.data):
                await self._deliver_piece(piece, self._due(parcel))
        ended = _now()
        self._lost = self._lost or self._swallows
        await self._until(lambda: math.inf if self._swallows else ended + self._slowness())
        if self._lost:
            raise ConnectionResetError
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    async def end_passes(self) -> None:
        """Return once the end of a side may be passed on this way: a silenced one ends for nobody."""
        await self._until(lambda: math.inf if self._swallows else 0.0)

    async def _deliver_piece(self, piece: bytes, due: float) -> None:
        begun = max(self._free, due, *(hold.since for hold in self.acting("bandwidth")))
        await self._until(lambda: begun + len(piece) / self._rate())
        self._free = begun + len(piece) / self._rate()
        if self._swallows:
            self._lost = True
            return
        limits = self.acting("limit_data")
        left = min((hold.toxic["bytes"] - hold.passed for hold in limits), default=math.inf)
        for hold in limits:
            hold.passed += len(piece)
        self._writer.write(piece if left > len(piece) else piece[: max(0, int(left))])
        await self._writer.drain()
        if left <= len(piece):
            raise Ended
        if delay := sum(hold.toxic["delay"] for hold in self.acting("slicer")):
            written = _now()
            await self._until(lambda: written + delay / 1e6 if self.acting("slicer") else 0.0)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """``data`` cut for the slicers and for the rate, by what holds when its turn comes."""
        start = 0
        while start < len(data):
            size = len(data) - start
            for hold in self.acting("slicer"):
                size = min(size, slice_size(hold.toxic["average_size"], hold.toxic["size_variation"], hold.random))
            if self._rate() < math.inf:
                size = min(size, max(1, int(self._rate() * _PACE)))
            yield data[start : start + size]
            start += size

    async def _until(self, due: Callable[[], float]) -> None:
        while (moment := due()) > _now():
            await self.bell.at(moment)

    def _drops(self, opcode: int) -> bool:
        # Every one of them has to count the frame.
        chosen = [hold.drops(opcode) for hold in self.acting("drop_frame")]
        return any(chosen)

    @property
    def _swallows(self) -> bool:
        return bool(self.acting("timeout"))

    def _due(self, parcel: Parcel) -> float:
        lag = 0.0
        for hold in self.acting("latency"):
            luck = parcel.luck.setdefault(hold.toxic.name, hold.random.uniform(-1, 1))
            lag += max(0.0, hold.toxic["latency"] + luck * hold.toxic["jitter"]) / 1000
        return parcel.arrived + lag

    def _rate(self) -> float:
        """Bytes a second."""
        return min((hold.toxic["rate"] * 1000 for hold in self.acting("bandwidth")), default=math.inf)

    def _slowness(self) -> float:
        return float(sum(hold.toxic["delay"] for hold in self.acting("slow_close")) / 1000)


class Connection:
    """One client's connection and the one to the server that was opened for it."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, *, framed: bool) -> None:
        self._near = (reader, writer)
        self._framed = framed
        self._writers = [writer]
        self._bell = Bell()
        self.flows: list[Flow] = []

    async def serve(self, host: str, port: int, began: Callable[[], None], silent: Callable[[], bool]) -> None:
        """Relay until both ends have closed or something breaks; ``began`` is called when the server took it.

        While the hop is ``silent`` a client does not learn that the server did not take it.
        """
        try:
            try:
                far = await asyncio.open_connection(host, port)
            except OSError:
                while silent():
                    await self._bell.at(math.inf)
                raise
            self._writers.append(far[1])
            ways = ((self._near[0], far[1]), (far[0], self._near[1]))
            self.flows = [
                Flow(stream, reader, writer, FrameStream(stream) if self._framed else None)
                for stream, (reader, writer) in zip(STREAMS, ways, strict=True)
            ]
            began()
            await self._relay()
        except Ended:
            pass
        except (OSError, asyncio.CancelledError):
            # A refused or broken far side shows on the near side as what it is: a reset.
            for writer in self._writers:
                _reset(writer)
        finally:
            for writer in self._writers:
                writer.close()

    def hold(self, toxic: Toxic, seed: str) -> None:
        """Come under a toxic."""
        for flow in self.flows:
            if toxic.on(flow.stream):
                flow.holds[toxic.name] = Hold(toxic, flow.stream, _now(), seed)
        self._changed()

    def change(self, toxic: Toxic) -> None:
        """Be told that a toxic has other values now."""
        for flow in self.flows:
            if toxic.name in flow.holds:
                flow.holds[toxic.name].change(toxic, _now())
        self._changed()

    def free(self, name: str) -> None:
        """Come out from under a toxic."""
        for flow in self.flows:
            flow.holds.pop(name, None)
        self._changed()

    def _changed(self) -> None:
        self._bell.ring()
        for flow in self.flows:
            flow.bell.ring()

    async def _relay(self) -> None:
        ways = list(zip(self.flows, reversed(self.flows), strict=True))
        # A side that breaks shows where it is read, and where it is written to: its end goes the way of what it says.
        parts = [
            asyncio.ensure_future(_ending(part, way))
            for flow, other in ways
            for part, way in ((flow.collect(), flow), (flow.deliver(), other))
        ]
        work = asyncio.gather(*parts)
        watch = asyncio.ensure_future(self._watch())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            (work if work.done() else watch).result()
        finally:
            for task in (*parts, watch):
                task.cancel()
            await asyncio.gather(work, *parts, watch, return_exceptions=True)

    async def _watch(self) -> None:
        """Ends the connection when a toxic says so; never returns."""
        while True:
            if any(flow.has_a_hole for flow in self.flows):
                raise ConnectionResetError
            holds = [hold for flow in self.flows for hold in flow.acting("timeout", "reset_peer")]
            due, resets = min(
                ((moment, hold.toxic.type != "reset_peer") for hold in holds if (moment := hold.ends_at()) is not None),
                default=(math.inf, False),
            )
            if due <= _now():
                raise Ended if resets else ConnectionResetError
            await self._bell.at(due)


async def _ending(part: Coroutine[Any, Any, None], way: Flow) -> None:
    """A part of the relay; a connection that broke ends it once that end may be passed on."""
    try:
        await part
    except OSError:
        await way.end_passes()
        raise


def _now() -> float:
    return asyncio.get_running_loop().time()


def _reset(writer: StreamWriter) -> None:
    plain = writer.get_extra_info("socket")
    if plain is not None and plain.fileno() >= 0:
        with contextlib.suppress(OSError):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
