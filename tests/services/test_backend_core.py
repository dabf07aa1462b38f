"""The backend's core without I/O: frames, seq allocation, resume decisions, channels, state documents, rings."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backend import allocation, frames, positions, rings, session_state, shares
from services.backend.allocation import Conversation, Draft, Place, Stored
from services.backend.channel import Channel, Subscription
from services.backend.frames import FrameError, Position
from services.backend.messages import Message, Stretch
from services.backend.positions import Head
from services.backend.rings import Ring
from services.backend.shares import Shares
from services.backend.sync import Burial, Change, runs
from services.backend.users import User
from services.common.instants import now
from services.common.problems import unavailable


def in_a_loop(test: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Run an async test."""

    @functools.wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


OWN = Conversation("ada", "e1", 7, assistant=False)


def draft(client_msg_id: str, body: str = "b", user: str = "ada", key: str | None = None) -> Draft:
    return Draft("c", user, user, "user", client_msg_id, body, key)


def test_new_drafts_get_the_seqs_that_follow_the_head() -> None:
    places, heads = allocation.allocate([draft("a"), draft("b")], {"c": OWN}, {}, {})
    assert places == [Place("new", 8), Place("new", 9)]
    assert heads == {"c": 9}


def test_a_repetition_gets_the_first_seq_whether_stored_or_in_the_same_group() -> None:
    stored = {("c", "ada", "id", "old"): Stored(3, "b")}
    places, heads = allocation.allocate([draft("old"), draft("a"), draft("a")], {"c": OWN}, stored, {})
    assert places == [Place("duplicate", 3), Place("new", 8), Place("duplicate", 8)]
    assert heads == {"c": 8}


def test_another_body_under_a_known_name_is_a_conflict_and_takes_no_seq() -> None:
    stored = {("c", "ada", "key", "k"): Stored(3, "b")}
    drafts = [draft("a"), draft("a", "other"), draft("x", "other", key="k"), draft("y", "b", key="k"), draft("z")]
    places, heads = allocation.allocate(drafts, {"c": OWN}, stored, {})
    assert [place.outcome for place in places] == ["new", "conflict", "conflict", "duplicate", "new"]
    assert heads == {"c": 9}


def test_a_name_and_a_key_of_two_messages_clash() -> None:
    stored = {("c", "ada", "key", "k"): Stored(3, "b"), ("c", "ada", "id", "a"): Stored(4, "b")}
    assert allocation.allocate([draft("a", key="k")], {"c": OWN}, stored, {})[0] == [Place("conflict")]


def test_nobody_writes_into_another_s_conversation() -> None:
    places, heads = allocation.allocate([draft("a", user="eve"), draft("a")], {"c": OWN}, {}, {})
    assert [place.outcome for place in places] == ["not_found", "new"]
    assert allocation.allocate([draft("a")], {}, {}, {}) == ([Place("not_found")], {})
    assert heads == {"c": 8}


def test_nobody_waits_behind_a_burst_and_a_lone_burst_goes_in_large_groups() -> None:
    waiting = Shares[tuple[str, int]]()
    for number in range(1000):
        waiting.put("burst", ("burst", number))
    assert len(waiting.next_group(0.0)) == shares.ALONE
    waiting.put("neighbour", ("neighbour", 0))
    group = waiting.next_group(1.0)
    assert ("neighbour", 0) in group
    assert len(group) == shares.AMONG_OTHERS + 1
    assert len(waiting.next_group(1.1)) == shares.AMONG_OTHERS
    assert len(waiting.next_group(1.1 + shares.LATELY)) == shares.ALONE


@given(st.lists(st.sampled_from("abcdef"), max_size=300), st.lists(st.floats(0, 1), max_size=9))
def test_shares_keep_the_order_of_each_conversation_and_lose_nothing(puts: list[str], times: list[float]) -> None:
    waiting = Shares[tuple[str, int]]()
    for number, name in enumerate(puts):
        waiting.put(name, (name, number))
    taken: list[tuple[str, int]] = []
    for moment in sorted(times):
        if waiting:
            taken += waiting.next_group(moment)
    taken += waiting.take_all()
    assert not waiting
    for name in set(puts):
        assert [n for own, n in taken if own == name] == [n for n, own in enumerate(puts) if own == name]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"))))
def test_allocation_is_gapless_and_names_are_unique(sends: list[tuple[str, str]]) -> None:
    places, heads = allocation.allocate([draft(name, body) for name, body in sends], {"c": OWN}, {}, {})
    new = [place.seq for place in places if place.outcome == "new"]
    assert new == list(range(8, 8 + len({name for name, _ in sends})))
    assert heads == ({"c": new[-1]} if new else {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '"x"',
        '{"type": 1}',
        '{"type": "", "payload": {}}',
        '{"type": "a", "payload": []}',
        '{"type": "a", "id": 5}',
        '{"type": "a", "payload": {"x": NaN}}',
        '{"type": "a", "payload": {"x": 1e999}}',
        "[" * 100_000,
        f'{{"type": "a", "id": "{"x" * 201}"}}',
    ],
)
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(FrameError) as refusal:
        frames.parse(text)
    assert refusal.value.code == "invalid_frame"


@pytest.mark.parametrize("value", [2**70, -(2**63) - 1, 0.1, "\ud800", "é\u202e😀", [None, True, {"": []}]])
def test_what_a_client_sent_comes_back_as_it_was(value: object) -> None:
    text = frames.make("ping", {"x": value}, "\udfff" if isinstance(value, str) else "1")
    assert frames.make("ping", frames.parse(text).payload, frames.parse(text).id) == text
    assert frames.parse(text).payload == {"x": value}


@given(st.text())
def test_parsing_never_fails_otherwise(text: str) -> None:
    with suppress(FrameError):
        frames.parse(text)


KNOWN = {"known": True, "away": 0.0, "window": 10.0, "max_replay": 5}


@pytest.mark.parametrize(
    ("held", "heads", "more", "reason"),
    [
        ({"c": Position("e", 2)}, {"c": Head("e", 4, 2)}, {}, None),
        ({}, {}, {}, None),
        ({}, {}, {"known": False}, "unknown_client"),
        ({}, {}, {"away": 10.5}, "window_passed"),
        ({"c": Position("e", 2)}, {}, {}, "not_found"),
        ({"c": Position("f", 2)}, {"c": Head("e", 4, 2)}, {}, "epoch_changed"),
        ({"c": Position("e", 5)}, {"c": Head("e", 4, 0)}, {}, "ahead_of_log"),
        ({"c": Position("e", 0)}, {"c": Head("e", 4, 3)}, {}, "epoch_changed"),
        ({"c": Position("e", 0)}, {"c": Head("e", 6, 6)}, {}, "too_many_missed"),
        (
            {"c": Position("e", 0), "d": Position("e", 0)},
            {"c": Head("e", 3, 3), "d": Head("e", 3, 3)},
            {},
            "too_many_missed",
        ),
        (
            {"c": Position("e", 4), "d": Position("e", 9)},
            {"c": Head("e", 4, 0), "d": Head("e", 3, 0)},
            {},
            "ahead_of_log",
        ),
    ],
)
def test_a_resume_is_whole_or_refused(
    held: dict[str, Position], heads: dict[str, Head], more: dict[str, object], reason: str | None
) -> None:
    assert positions.refusal(held, heads, **{**KNOWN, **more}) == reason  # type: ignore[arg-type]


@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(0, 50), st.integers(0, 50))), st.integers(1, 20))
def test_pages_cover_each_range_once_in_order(spans: dict[str, tuple[int, int]], size: int) -> None:
    behind = [Stretch(name, low, low + count) for name, (low, count) in spans.items()]
    pages = list(positions.pages(behind, size))
    assert all(0 < sum(one.high - one.low for one in page) <= size for page in pages)
    for name, low, high in behind:
        parts = [one for page in pages for one in page if one.conversation_id == name]
        assert [seq for part in parts for seq in range(part.low, part.high)] == list(range(low, high))


def test_a_state_document_is_trusted_only_whole_and_under_its_owner() -> None:
    good = session_state.checksum("ada", "tab", 3, '{"a":1}')
    assert session_state.judge("ada", "tab", 3, '{"a":1}', good) == session_state.State(3, {"a": 1})
    damaged = session_state.State(3, {}, damaged=True)
    assert session_state.judge("ada", "tab", 3, '{"a":2}', good) == damaged
    assert session_state.judge("eve", "tab", 3, '{"a":1}', good) == damaged
    assert session_state.judge("ada", "tab", 3, "{", session_state.checksum("ada", "tab", 3, "{")) == damaged
    assert session_state.judge("ada", "tab", 3, "[]", session_state.checksum("ada", "tab", 3, "[]")) == damaged


def test_a_ring_is_heard_by_others_only() -> None:
    ring = Ring({"c": 4}, ["u"], ["s"], ["g"], [("u", "t", 2)], [("c", "{}")])
    assert rings.decode(rings.encode(ring, "one"), "two") == ring
    assert rings.decode(rings.encode(ring, "one"), "one") is None
    for text in ("", "7", "{}", '{"from": "x", "heads": 5}', '{"from": "x", "replaced": [1]}'):
        assert rings.decode(text, "two") is None


@dataclass(eq=False)
class Ear:
    """A receiver that remembers."""

    texts: list[str] = field(default_factory=list)
    closed: int | None = None

    def send(self, frame: str) -> None:
        self.texts.append(frame)

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    @property
    def seqs(self) -> list[int]:
        return [frames.parse(text).payload["seq"] for text in self.texts]


def message(seq: int, epoch: str = "e") -> Message:
    return Message("c", epoch, seq, f"m{seq}", "ada", "user", "b", now())


class Log:
    """What a channel reads from: a list, which may fail a number of times first."""

    def __init__(self, *seqs: int, failures: int = 0) -> None:
        self.seqs = list(seqs)
        self.failures = failures
        self.reads = 0

    async def read_after(self, _conversation: str, seq: int, limit: int) -> list[Message]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.reads <= self.failures:
            raise unavailable("database")
        return [message(one) for one in self.seqs if one > seq][:limit]


async def settle(channel: Channel) -> None:
    while channel._filler is not None:
        await asyncio.wait_for(channel._filler, 5)


def listening(channel: Channel, next_seq: int = 1) -> Ear:
    ear = Ear()
    channel.subscriptions[ear] = Subscription(ear, next_seq)
    return ear


@in_a_loop
async def test_a_channel_fills_a_gap_from_the_log_and_delivers_each_seq_once() -> None:
    channel = Channel("c", Log(1, 2, 3, 4).read_after)
    ear = listening(channel)
    channel.start("e", 0)
    channel.offer([message(1)])
    channel.offer([message(4)])
    channel.ring(3)
    channel.offer([message(1)])
    await settle(channel)
    assert (ear.seqs, ear.closed) == ([1, 2, 3, 4], None)


@in_a_loop
async def test_what_is_committed_while_a_gap_is_filled_is_not_lost() -> None:
    log = Log(1, 2)
    channel = Channel("c", log.read_after)
    ear = listening(channel)
    channel.start("e", 0)
    channel.ring(2)
    await asyncio.sleep(0)
    log.seqs.append(3)
    channel.offer([message(3)])
    await settle(channel)
    assert ear.seqs == [1, 2, 3]


@in_a_loop
async def test_rings_before_the_start_are_remembered() -> None:
    channel = Channel("c", Log(1, 2, 3).read_after)
    ear = listening(channel, next_seq=3)
    channel.ring(3)
    channel.start("e", 2)
    await settle(channel)
    assert ear.seqs == [3]


@in_a_loop
async def test_a_log_with_a_hole_makes_everyone_resume() -> None:
    channel = Channel("c", Log(2).read_after)
    ear = listening(channel)
    channel.start("e", 0)
    channel.ring(2)
    await settle(channel)
    assert (ear.seqs, ear.closed) == ([], 4010)


@in_a_loop
async def test_a_log_that_cannot_be_read_for_a_moment_is_read_later() -> None:
    channel = Channel("c", Log(1, failures=2).read_after)
    ear = listening(channel)
    channel.start("e", 0)
    channel.ring(1)
    await settle(channel)
    assert (ear.seqs, ear.closed) == ([1], None)


@in_a_loop
async def test_a_new_epoch_makes_everyone_resume() -> None:
    channel = Channel("c", Log().read_after)
    ear = listening(channel)
    channel.start("e", 0)
    channel.offer([message(1, epoch="f")])
    assert (ear.seqs, ear.closed) == ([], 4010)


@in_a_loop
async def test_a_replaying_socket_gets_nothing_live_and_one_ahead_nothing_twice() -> None:
    channel = Channel("c", Log().read_after)
    replaying, ahead = listening(channel), listening(channel, next_seq=3)
    channel.subscriptions[replaying].replaying = True
    channel.start("e", 0)
    channel.offer([message(1), message(2), message(3)])
    assert (replaying.seqs, ahead.seqs) == ([], [3])


def test_a_batch_is_cut_where_one_statement_could_not_keep_its_order() -> None:
    def user(name: str, version: int = 1) -> Change:
        return Change(name + str(version), User(name, "", "", (), "", "active", version, now()))

    buried = Change("d", Burial("a", 3))
    cut = list(runs([user("a"), user("b"), user("a", 2), buried, buried, user("a", 4), user("b", 2)]))
    assert [[change.event_id for change in run] for run in cut] == [["a1", "b1"], ["a2"], ["d"], ["d"], ["a4", "b2"]]
