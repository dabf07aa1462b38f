"""One schedule played: its steps as they stand, then everything restored, everybody drained, and judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from HistoryLibrary.checkers import judge
from HistoryLibrary.recorder import History
from HistoryLibrary.report import report
from HistoryLibrary.spoken import Names
from HistoryLibrary.timeline import timeline
from HistoryLibrary.verdicts import Rules

from .device import BURST
from .line import Line, tell
from .schedule import DEVICES, Schedule, Step
from .searching import KEPT, Verdict
from .stage import Stage

RETURN = 30.0
"""Seconds after everything is restored in which a device must be connected and resumed again."""
DRAIN = 10.0
"""Seconds in which it must then be given all that is stored."""
_PAUSE = 0.02


class Performance:
    """The devices of one new user, and what became of them."""

    def __init__(self, stage: Stage, directory: Path) -> None:
        self._stage = stage
        self._person = stage.somebody()
        self._conversations = self._person.conversations
        self._history = History("schedule", directory)
        self._names = Names()
        self._lines = {
            name: Line(name, self._conversations, session, stage.speaker, self._history, self._names)
            for name, session in self._person.sessions.items()
        }

    def verdict(self, schedule: Schedule) -> Verdict:
        """Plays ``schedule`` and judges it; the target is restored then, whatever came of it."""
        try:
            for step in schedule:
                tell(self._history, str(step))
                self._take(step)
        finally:
            self._stage.restore()
        tell(self._history, "everything is restored")
        connected = [line for line in self._lines.values() if line.was_connected]
        if not connected:
            return KEPT
        flaws = [flaw for line in connected if (flaw := self._bring_back(line))]
        if not flaws:
            self._drain(connected)
        for line in connected:
            line.close()
            line.wait_until_closed()
        flaws += [_refused(line) for line in connected if line.device.refused]
        return self._judged(flaws)

    def _take(self, step: Step) -> None:
        line = self._lines.get(step.who)
        if line is not None:
            self._act(line, step)
        else:
            self._disturb(step)

    def _disturb(self, step: Step) -> None:
        stage = self._stage
        match step.do:
            case "kill redis":
                stage.kill("redis")
            case "start redis":
                stage.start("redis")
            case "flush redis":
                stage.flush_redis()
            case verb:
                fault: Callable[[str], None] = getattr(stage, verb.replace(" ", "_"))
                fault(step.who)

    def _act(self, line: Line, step: Step) -> None:
        if step.do == "connect":
            if line.is_open:
                line.drop()
                line.wait_until_closed()
            line.connect(step.what)
            return
        line.wait_until_joined()
        device = line.device
        match step.do:
            case "send":
                line.use(device.say(step.what))
            case "burst":
                line.use(*(device.say(step.what) for _ in range(BURST)))
            case "send again":
                line.use(device.say_again(step.what))
            case "keep state":
                # As clients do: the next version is built on the answer to the one before.
                if line.wait_until_kept():
                    line.use(device.keep())
            case "settle":
                line.settle()
            case "refresh":
                line.session = self._stage.refresh(line.session)
            case "revoke":
                other = next(known for known in self._lines.values() if known is not line)
                self._stage.revoke(line.session, other.session)
                self._sign_in_again(line, "revoke_session")
            case "sign out":
                self._stage.sign_out(line.session)
                self._sign_in_again(line, "sign_out")
            case "drop":
                line.drop()
                line.wait_until_closed()
            case "close":
                line.close()
                line.wait_until_closed()

    def _sign_in_again(self, line: Line, after: str) -> None:
        """The session of a device has ended: its socket ends soon, where that is promised, or is cut."""
        if self._stage.ends_sockets(after):
            line.wait_until_closed()
        line.drop()
        line.wait_until_closed()
        line.session = self._stage.sign_in(self._person.account)

    def _bring_back(self, line: Line) -> str:
        """Connects the device again where it is not; what is wrong, where that cannot be done."""
        deadline = time.monotonic() + RETURN
        while time.monotonic() < deadline:
            line.wait_until_joined()
            if line.is_ready:
                return ""
            line.drop()
            line.wait_until_closed()
            replicas = self._stage.replicas
            if not line.connect(replicas[DEVICES.index(line.device.name) % len(replicas)]):
                time.sleep(_PAUSE)
        return (
            f"shut-out: {line.device.name} was not connected and resumed within {RETURN:g} s after everything was "
            f"restored; {line.cause}"
        )

    def _drain(self, lines: list[Line]) -> None:
        """A last message goes through each conversation: whoever has it, and not all before it, has lost something."""
        for line in lines:
            line.settle()
        for conversation in self._conversations:
            lines[0].use(lines[0].device.say(conversation))
        lines[0].settle()
        heads = self._stage.import_rows(self._history, self._names, self._person, lines[0].session)
        for line in lines:
            self._history.record("invoke", line.device.name, "drain")
        for line in lines:
            self._give_all(line, partial(_has, line.device.held, heads))
            self._history.record("ok", line.device.name, "drain")

    def _give_all(self, line: Line, has_all: Callable[[], bool]) -> None:
        """Waits until the device has everything; a socket that is closed meanwhile (4010, say) is no loss yet."""
        if not line.wait(has_all, DRAIN) and not line.is_open:
            self._bring_back(line)
            line.wait(has_all, DRAIN)

    def _judged(self, flaws: list[str]) -> Verdict:
        operations = self._history.operations()
        judgement = judge(operations, rules=Rules(gapless=self._stage.speaker.dialect.needed_socket().gapless))
        anomalies = [known for known in judgement.anomalies if known.name not in self._stage.not_promised]
        found = [f"{anomaly.name}: {anomaly.text}" for anomaly in anomalies]
        wrong = [*flaws, *found, *judgement.doubts]
        if not wrong:
            return KEPT
        pictures = [timeline(operations, anomaly) for anomaly in (*anomalies[:2], None)]
        return Verdict(self._named(f"{wrong[0]}\n{report(judgement, operations)}"), tuple(map(self._named, pictures)))

    def _named(self, text: str) -> str:
        for name, key in self._conversations.items():
            text = text.replace(str(key), f"the {name} conversation")
        return text


def _has(held: Mapping[str, Any], heads: Mapping[str, int]) -> bool:
    return all(held.get(key, {}).get("position", -1) >= seq for key, seq in heads.items() if isinstance(seq, int))


def _refused(line: Line) -> str:
    return (
        f"refused: {line.device.name} received `recovered: false` ({', '.join(line.device.refused)}), though nothing "
        "was done that ends a stream"
    )
