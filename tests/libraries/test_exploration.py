"""The search without a platform: what it draws, how far it shrinks, and what its files hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from ExplorationLibrary.device import Device
from ExplorationLibrary.files import ScheduleFileError, read_schedule, write_schedule
from ExplorationLibrary.schedule import (
    BEGINNING,
    STEPS,
    Schedule,
    Step,
    World,
    after,
    first_impossible,
    numbered,
    only_possible,
    possible,
    steps_of,
)
from ExplorationLibrary.searching import (
    KEPT,
    LONGEST,
    BrokenPromiseError,
    Memory,
    Play,
    UnplayableError,
    Verdict,
    search,
)
from lockstep.dialect import Line, Session, Speaker, find, load

FOUND = (Step("connect", "phone", "backend-1"), Step("send", "phone", "first"), Step("kill", "backend-1"))
LONG = (
    FOUND[0],
    Step("settle", "phone"),
    Step("connect", "laptop", "backend-2"),
    Step("keep state", "phone"),
    Step("send", "phone", "first"),
    Step("slow down", "backend->redis"),
    Step("drop", "phone"),
    Step("burst", "laptop", "second"),
    Step("kill", "backend-1"),
    Step("start", "backend-1"),
)


class Forgetful:
    """A server that forgets what its replica has not stored yet: a kill after an unsettled message loses it."""

    def __init__(self, *, moody: bool = False) -> None:
        self.played: list[Schedule] = []
        self._moody = moody

    def play(self, schedule: Schedule) -> Verdict:
        self.played.append(schedule)
        if self._moody and self.played.count(schedule) > 1:
            return KEPT
        unsettled: set[str] = set()
        where: dict[str, str] = {}
        for step in schedule:
            if step.do == "connect":
                where[step.who] = step.what
            elif step.do in ("send", "burst"):
                unsettled.add(step.who)
            elif step.do == "settle":
                unsettled.discard(step.who)
            elif step.do == "kill" and any(where[device] == step.who for device in unsettled):
                return Verdict("lost: a message that was under way\n  1  its witness")
        return KEPT


def kept(schedules: list[Schedule]) -> Play:
    def play(schedule: Schedule) -> Verdict:
        schedules.append(schedule)
        return KEPT

    return play


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_failure_is_shrunk_to_the_steps_that_it_needs(seed: str) -> None:
    failure = search(Memory(Forgetful().play, patience=60), 200, seed)
    assert failure is not None
    assert [step.do.replace("burst", "send") for step in failure.schedule] == ["connect", "send", "kill"]
    assert failure.verdict.promise == "lost: a message that was under way"


def test_each_schedule_is_played_once_so_a_moody_server_confuses_nobody() -> None:
    server = Forgetful(moody=True)
    failure = search(Memory(server.play, patience=60), 200, "1")
    assert failure is not None
    assert len(server.played) == len(set(server.played))


def test_shrinking_ends_when_patience_does() -> None:
    server = Forgetful()
    memory = Memory(server.play, patience=0)
    failure = search(memory, 200, "1")
    assert failure is not None
    assert memory.tally.played == memory.tally.searched
    assert failure.schedule == server.played[-1]


def test_the_same_seed_draws_the_same_schedules_and_another_seed_others() -> None:
    runs: list[list[Schedule]] = [[], [], []]
    for schedules, seed in zip(runs, ["one", "one", "two"], strict=True):
        assert search(Memory(kept(schedules), patience=0), 10, seed) is None
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_as_many_schedules_are_played_as_were_asked_for() -> None:
    schedules: list[Schedule] = []
    memory = Memory(kept(schedules), patience=0)
    search(memory, 25, "7")
    assert memory.tally.searched == len(set(schedules)) == 25
    assert memory.tally.steps == sum(map(len, schedules))


def test_every_schedule_makes_sense_step_by_step() -> None:
    schedules: list[Schedule] = []
    search(Memory(kept(schedules), patience=0), 30, "8")
    assert all(first_impossible(schedule) is None and 1 <= len(schedule) <= LONGEST for schedule in schedules)
    assert len({step.do for schedule in schedules for step in schedule}) > 15


def test_a_schedule_that_cannot_be_played_ends_the_search_and_is_no_verdict() -> None:
    def play(schedule: Schedule) -> Verdict:
        raise ConnectionError("no platform answers")

    with pytest.raises(UnplayableError, match=r"could not be played: no platform answers\n +1 +\w+ connects to"):
        search(Memory(play, 60), 10, "1")


def test_who_watches_hears_the_tally_and_the_failure() -> None:
    heard: list[tuple[int, bool]] = []
    search(Memory(Forgetful().play, 60, lambda tally, failed: heard.append((tally.searched, failed))), 200, "1")
    assert heard[0] == (1, False)
    assert heard[-1][1] is True


def test_the_model_knows_who_is_where() -> None:
    now = BEGINNING
    for step in (*FOUND[:2], Step("hand over", "backend-1")):
        assert possible(step, now)
        now = after(now, step)
    assert now.online == {}
    assert possible(Step("connect", "phone", "backend-1"), now)
    assert not possible(Step("send", "phone", "first"), now)
    assert not possible(Step("start", "backend-1"), now)


def test_nothing_is_disturbed_before_anybody_is_there() -> None:
    assert {step.do for step in STEPS if possible(step, BEGINNING)} == {"connect"}


def test_a_schedule_reads_as_a_numbered_list() -> None:
    assert numbered(FOUND).splitlines() == [
        "   1  phone connects to backend-1",
        "   2  phone sends a message to the first conversation",
        "   3  backend-1 is killed",
    ]


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "found.json"
    write_schedule(path, FOUND, "seed 7", "lost: a message")
    assert read_schedule(path) == FOUND
    document = json.loads(path.read_text())
    assert (document["version"], document["seed"], document["broke"]) == (1, "seed 7", "lost: a message")
    assert document["steps"][2]["says"] == "backend-1 is killed"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('{"format": "lockstep schedule", "ver', "damaged: Unterminated string"),
        ("[]", 'not a schedule: it has no "format": "lockstep schedule"'),
        ('{"format": "har"}', 'not a schedule: it has no "format": "lockstep schedule"'),
        ('{"format": "lockstep schedule", "version": 2}', "version 2 is not known, only 1 is"),
        ('{"format": "lockstep schedule", "version": 1}', "damaged: it has no list of steps"),
        ('{"format": "lockstep schedule", "version": 1, "steps": [7]}', "damaged: step 1 is no step: 7"),
        ('{"format": "lockstep schedule", "version": 1, "steps": [{"do": 7}]}', "damaged: step 1 is no step"),
        (
            '{"format": "lockstep schedule", "version": 1, "steps": [{"do": "dance"}]}',
            'step 1 cannot be taken where it stands: {"do": "dance"}',
        ),
        (
            '{"format": "lockstep schedule", "version": 1, "steps": [{"do": "settle", "who": "phone"}]}',
            "step 1 cannot be taken where it stands",
        ),
    ],
)
def test_a_file_that_holds_no_schedule_is_refused_with_the_cause(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(ScheduleFileError) as refusal:
        read_schedule(path)
    assert f"{path}: {cause}" in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScheduleFileError, match=r"none\.json: cannot be read: No such file"):
        read_schedule(tmp_path / "none.json")


def test_what_hypothesis_had_no_time_for_is_left_out_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(memory: Memory, count: int, seed: int, steps: Sequence[Step]) -> None:
        memory.verdict(LONG)
        raise BrokenPromiseError

    monkeypatch.setattr("ExplorationLibrary.searching._run", give_up)
    server = Forgetful()
    failure = search(Memory(server.play, patience=60), 1, "1")
    assert failure is not None
    assert failure.schedule == FOUND
    assert len(server.played) < 15


def test_steps_that_lost_their_sense_go_too() -> None:
    assert only_possible(LONG[1:]) == (Step("connect", "laptop", "backend-2"), *LONG[5:6], *LONG[7:])


class Server:
    """What a device of the reference platform is answered with."""

    def __init__(self) -> None:
        line = Line(Speaker(load(find("embedded")), {}), "backend-1", Session({"access": "a"}))
        self.device = Device("phone", "tab-1", {"first": "room"})
        self.sent = [json.loads(content) for content in self.device.begin(line)]
        self.tell({"type": "welcome", "payload": {"user_id": "u", "client_id": "tab-1", "session_id": "s"}})

    def tell(self, frame: dict[str, object]) -> None:
        self.sent += [json.loads(content) for content in self.device.hear({"id": None, **frame})]


@pytest.mark.parametrize("is_named", [True, False])
def test_an_error_in_the_place_of_an_answer_ends_the_wait_for_it(is_named: bool) -> None:
    server = Server()
    assert not server.device.joined
    answered = server.sent[0]["id"] if is_named else None
    server.tell({"type": "error", "id": answered, "payload": {"code": "unavailable", "detail": None}})
    assert (server.device.joined, server.device.must_return) == (True, True)
    assert server.device.errors == ["unavailable"]


def test_the_error_of_another_request_ends_nothing() -> None:
    server = Server()
    server.tell({"type": "error", "id": "another", "payload": {"code": "unavailable"}})
    assert not server.device.joined
    server.device.say("first")
    server.tell({"type": "error", "id": None, "payload": {}})
    assert (server.device.joined, server.device.errors[-1]) == (False, "no reason given")


def test_a_device_takes_up_after_the_last_message_that_it_was_given() -> None:
    server = Server()
    device = server.device
    first = {"conversation_id": "room", "epoch": "e", "client_msg_id": "x", "sender": "u", "body": "hello"}
    server.tell({"type": "subscribed", "id": server.sent[0]["id"], "payload": {"head": 3, "epoch": "e"}})
    server.tell({"type": "message", "payload": {**first, "seq": 4}})
    device.lose()
    line = Line(Speaker(load(find("embedded")), {}), "backend-2", Session({"access": "a"}), client="tab-1")
    device.begin(line)
    welcome = {"type": "welcome", "payload": {"user_id": "u", "client_id": "tab-1", "session_id": "s"}}
    asked = [json.loads(content) for content in device.hear(welcome)]
    assert [frame["type"] for frame in asked] == ["resume"]
    assert asked[0]["payload"] == {"client_id": "tab-1", "positions": {"room": {"epoch": "e", "seq": 4}}}


def test_a_state_is_kept_over_the_version_that_the_device_knows() -> None:
    server = Server()
    told: list[tuple[str, object]] = []
    server.device.kept = lambda kind, **fields: told.append((kind, fields.get("seq")))
    server.tell({"type": "subscribed", "id": server.sent[0]["id"], "payload": {"head": 0, "epoch": "e"}})
    frames = [json.loads(content) for content in server.device.keep()]
    server.tell({"type": "state.conflict", "id": frames[0]["id"], "payload": {"version": 7}})
    frames = [json.loads(content) for content in server.device.keep()]
    server.tell({"type": "state.updated", "id": frames[0]["id"], "payload": {"version": 8}})
    assert told == [("invoke", 0), ("fail", None), ("invoke", 7), ("ok", 8)]


def test_a_target_has_the_steps_that_it_has_words_for() -> None:
    world = World(("only",), (), ("the network",), frozenset({"connect", "send", "cut"}))
    steps = {str(step) for step in steps_of(world)}
    assert "phone connects to only" in steps
    assert not any("Redis" in step or "killed" in step for step in steps)
    assert first_impossible((Step("connect", "phone", "backend-1"),), steps_of(world)) == 1
