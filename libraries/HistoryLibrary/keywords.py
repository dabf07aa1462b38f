"""The keywords: record, import, judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from lockstep import masking, target
from lockstep.dialect import Line
from lockstep.listeners import LISTENERS
from robot.api import logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from .checkers import CHECKS, judge
from .journal import Translator
from .operations import OPS, Kind, Operation, epoch_of, must_be_op, selected
from .recorder import History
from .report import headline, report
from .scopes import EndOfScope, Recordings, mapping_in_use
from .sources import COLUMNS, ImportedJournal, RecordedSocket, import_stored
from .spoken import Names, SpokenSocket
from .timeline import timeline
from .verdicts import Anomaly, Judgement, Rules, Verdict

Level = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
_PICTURES = 3
_TWO_SECONDS = timedelta(seconds=2)


@library(scope="GLOBAL", version="1.0.0", doc_format="ROBOT", auto_keywords=False)
class HistoryLibrary:
    """Records what clients did and saw, and judges it afterwards: was anything lost, doubled, reordered, leaked?

    = Operations =

    Each thing that a client does is recorded as ``invoke`` and then as ``ok``, ``fail`` (it surely did not happen) or
    ``info`` (nobody knows). ``process`` names the client: one socket, or one that makes requests one after the other.
    ``key`` names what it is about: a conversation, a register, a lock.

    %OPS%

    Own ops begin with ``x-``; checks pass them by. A history belongs to a test and is written to
    ``$LOCKSTEP_RUN_DIR/histories/<suite>.<test>.jsonl``, one JSON object a line; without that variable to
    ``${OUTPUT_DIR}/histories``. Secrets in values and notes are masked in the file and in the log.

    = Checks =

    %CHECKS%

    A check without anything to judge is passed over, unless it was asked for by name: then the verdict is *unknown*.
    Unknown, too, is what cannot be decided, such as a message that is missing at a client which never drained. An
    unknown history is not a valid one.

    A failure shows the smallest witness, and a time line in log.html. ``python -m HistoryLibrary check FILE…`` judges
    files by hand.
    """

    def __init__(self) -> None:
        self._recordings = Recordings()
        self.ROBOT_LIBRARY_LISTENER = [*LISTENERS, EndOfScope(self._recordings)]

    @property
    def history(self) -> History:
        """The history of the running test, for other libraries: its ``record`` may be called from any thread."""
        return self._recordings.current().history

    def socket_recorder(self, mapping: Mapping[str, Any] | None = None) -> Callable[[Any], None]:
        """For other libraries: what records a connection in the history of the running test, from any thread."""
        recording = self._recordings.current()
        meaning = mapping_in_use(mapping, target.current)
        recording.gapless &= meaning.gapless

        def record(connection: Any) -> None:
            if all(known.connection is not connection for known in recording.sockets):
                translator = Translator(recording.history, connection.alias, meaning)
                recording.sockets.append(RecordedSocket(connection, translator))

        return record

    def spoken_socket(self, process: str, line: Line) -> SpokenSocket:
        """For other libraries: what records a socket in the words of a dialect, as its client says them."""
        recording = self._recordings.current()
        recording.gapless &= line.facts.gapless
        seen = recording.given.setdefault(process, set())
        return SpokenSocket(recording.history, process, line, recording.names, seen)

    def take_over(self, operations: Iterable[Operation], *, gapless: bool) -> None:
        """For other libraries: operations that were recorded elsewhere become those of the running test.

        They stand in the order in which they are given: their ``time`` says nothing but that.
        """
        recording = self._recordings.current()
        recording.gapless &= gapless
        for one in operations:
            if one.op == "send" and one.kind == "invoke" and one.client_msg_id is not None:
                recording.names.add(str(one.value), one.client_msg_id)
            recording.history.record(
                one.kind, one.process, one.op, one.key, one.value, one.seq, one.epoch, one.client_msg_id, one.node,
                one.note, at=one.time, wall=one.wall,
            )  # fmt: skip

    @property
    def names(self) -> Names:
        """For other libraries: under which id of its own a client of the running test has sent a text."""
        return self._recordings.current().names

    @keyword
    def start_history(self, name: str | None = None) -> None:
        """Begins a new history for this test; the first recording keyword does the same.

        In a suite setup: one for all tests of the suite that begin none. ``name`` is added to the file's name.
        """
        self._recordings.start(name)

    @keyword
    def record_invoke(
        self,
        process: str,
        op: str,
        key: str | None = None,
        value: Any = None,
        seq: int | None = None,
        epoch: int | str | None = None,
        client_msg_id: str | None = None,
        node: str | None = None,
        note: str | None = None,
    ) -> None:
        """``process`` begins ``op``. Ops are listed in the introduction; another fails.

        | Record Invoke    alice    send    key=${conversation}    client_msg_id=m1    value=Hello |
        """
        self._record("invoke", process, op, key, value, seq, epoch, client_msg_id, node, note)

    @keyword
    def record_ok(
        self,
        process: str,
        op: str,
        key: str | None = None,
        value: Any = None,
        seq: int | None = None,
        epoch: int | str | None = None,
        client_msg_id: str | None = None,
        node: str | None = None,
        note: str | None = None,
    ) -> None:
        """``op`` succeeded. It is joined to the open `Record Invoke` of the same process, op, key and message id.

        | Record Ok    alice    send    key=${conversation}    client_msg_id=m1    seq=7    epoch=1 |
        """
        self._record("ok", process, op, key, value, seq, epoch, client_msg_id, node, note)

    @keyword
    def record_fail(
        self,
        process: str,
        op: str,
        key: str | None = None,
        value: Any = None,
        seq: int | None = None,
        epoch: int | str | None = None,
        client_msg_id: str | None = None,
        node: str | None = None,
        note: str | None = None,
    ) -> None:
        """``op`` surely did not happen, and ``process`` knows it: it was refused."""
        self._record("fail", process, op, key, value, seq, epoch, client_msg_id, node, note)

    @keyword
    def record_info(
        self,
        process: str,
        op: str,
        key: str | None = None,
        value: Any = None,
        seq: int | None = None,
        epoch: int | str | None = None,
        client_msg_id: str | None = None,
        node: str | None = None,
        note: str | None = None,
    ) -> None:
        """Nobody knows whether ``op`` happened: no answer came, or the connection broke."""
        self._record("info", process, op, key, value, seq, epoch, client_msg_id, node, note)

    @keyword
    def allow_client_to_see(self, process: str, *keys: str) -> None:
        """Grants ``keys`` to ``process``: whatever it receives of any other key is *foreign*.

        Without a grant a client may see what it asked for.
        """
        for key in keys:
            self._record("ok", process, "grant", key)

    @keyword
    def record_socket(self, *connections: str, mapping: Mapping[str, Any] | None = None) -> None:
        """Records what passes over these connections of WebSocketLibrary (aliases; by default the current one).

        From its first frame to the end of the test; the alias names the process. A connection opened again under its
        alias is another one: record it too. ``mapping`` says which frames mean what; by default the target's own
        (``mapping: history:`` of its profile), else that of the reference platform.
        """
        record = self.socket_recorder(mapping)
        library: Any = BuiltIn().get_library_instance("WebSocketLibrary")
        for alias in connections or (None,):
            record(library.connections.get(alias))

    @keyword
    def import_journal(self, process: str, entries: Sequence[Any], mapping: Mapping[str, Any] | None = None) -> int:
        """Takes over journal entries of ``process``, and returns how many were new.

        Entries are frames of WebSocketLibrary (`Get Frames`), or dictionaries with ``index``, ``at`` (monotonic
        seconds), ``direction`` (``in`` or ``out``), ``opcode`` (1 text, 8 close) and ``text`` or ``json``. Calls
        without an answer when the connection closes become ``info``. ``mapping`` as in `Record Socket`.
        """
        recording = self._recordings.current()
        if process not in recording.journals:
            meaning = mapping_in_use(mapping, target.current)
            recording.gapless &= meaning.gapless
            recording.journals[process] = ImportedJournal(recording.history, process, meaning)
        return recording.journals[process].add(entries)

    @keyword
    def import_stored_messages(
        self,
        rows: Sequence[Any],
        source: str = "database",
        key: str | None = None,
        after: int | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        """Takes over ``rows``, a complete reading of the log, from a database or over REST, as dictionaries.

        ``key`` says of which conversation (None: of all), ``after`` behind which seq. ``columns`` renames, such as
        ``{"value": "text"}``; the defaults are conversation_id, seq, epoch, client_msg_id, body. What was acknowledged
        before the reading must be in it, so read when nothing is being sent, or call
        ``Record Invoke    database    scan`` before the query. ``source`` is the client itself where it read for
        itself: what it read is not lost to it.
        """
        recording = self._recordings.current()
        recording.collect()
        import_stored(recording.history, rows, source, key, after, {**COLUMNS, **(columns or {})})

    @keyword
    def history_should_be_valid(
        self, checks: str | list[str] = "all", handover: timedelta = _TWO_SECONDS, gapless: bool | None = None
    ) -> None:
        """Fails unless the history keeps every promise, with the anomalies and the smallest witness of each.

        ``checks`` is a list, or names separated by commas; each of them must have something to judge. ``handover``: how
        long a replaced holder may still be served (two-holders). ``gapless``: whether the positions of a conversation
        leave no number out, by default what the mapping says; where they do, *unseen* is only what somebody knows of.

        | History Should Be Valid |
        | History Should Be Valid    checks=lost, duplicate, ack-without-commit |
        """
        history, operations, judgement = self._judge(checks, handover, gapless)
        text = self._text(history, operations, judgement)
        if judgement.verdict is Verdict.VALID:
            logger.info(text)
            return
        self._draw(operations, judgement)
        raise AssertionError(text)

    @keyword
    def history_should_show(
        self, anomaly: str, handover: timedelta = _TWO_SECONDS, gapless: bool | None = None
    ) -> None:
        """Fails unless the history shows ``anomaly`` (the name of a check): for tests of seeded defects."""
        history, operations, judgement = self._judge([anomaly], handover, gapless)
        text = self._text(history, operations, judgement)
        self._draw(operations, judgement)
        if not judgement.anomalies:
            raise AssertionError(f"The history does not show '{anomaly}'.\n{text}")
        logger.info(text)

    @keyword
    def get_history(
        self, process: str | None = None, op: str | None = None, kind: str | None = None, key: str | None = None
    ) -> list[Operation]:
        """The operations recorded so far, or those with this process, op, kind and key.

        Each has the attributes index, time (monotonic ns), wall (seconds), process, kind, op, key, value, seq, epoch,
        client_msg_id, node, note. Fails for an op or kind that there is not, and for a process of which nothing was
        recorded: that it did not do something would prove nothing.
        """
        return selected(self._recordings.current().collect().operations(), process, op, kind, key)

    @keyword
    def log_history(self, level: Level = "INFO") -> None:
        """Writes the time line to log.html, with the path of the file."""
        history = self._recordings.current().collect()
        logger.write(masking.mask(timeline(history.operations())), level, html=True)
        logger.write(_where(history), level)

    def _record(self, kind: Kind, process: str, op: str, key: str | None = None, value: Any = None, *rest: Any) -> None:
        must_be_op(op)
        seq, epoch, client_msg_id, node, note = rest or (None,) * 5
        self.history.record(kind, process, op, key, value, seq, epoch_of(epoch), client_msg_id, node, note)

    def _judge(
        self, checks: str | list[str], handover: timedelta, gapless: bool | None
    ) -> tuple[History, list[Operation], Judgement]:
        names = [name.strip() for name in checks.split(",")] if isinstance(checks, str) else checks
        recording = self._recordings.current()
        history = recording.collect()
        operations = history.operations()
        demanded = None if names == ["all"] else names
        rules = Rules(handover.total_seconds(), recording.gapless if gapless is None else gapless)
        return history, operations, judge(operations, demanded, rules)

    def _text(self, history: History, operations: list[Operation], judgement: Judgement) -> str:
        return masking.mask(f"{report(judgement, operations)}\n{_where(history)}")

    def _draw(self, operations: list[Operation], judgement: Judgement) -> None:
        firsts = {anomaly.name: anomaly for anomaly in reversed(judgement.anomalies)}
        logger.info(headline(judgement))
        shown: Sequence[Anomaly | None] = [*firsts.values()][:_PICTURES] or [None]
        for anomaly in shown:
            logger.info(masking.mask(timeline(operations, anomaly)), html=True)


def _where(history: History) -> str:
    return f"History: {history.path}{f' ({history.trouble})' if history.trouble else ''}"


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


_TABLES = {
    "%OPS%": "\n    ".join(f"| ``{op}`` | {meaning} |" for op, meaning in OPS.items()),
    "%CHECKS%": "\n    ".join(f"| ``{name}`` | {_first_line(check.__doc__)} |" for name, check in CHECKS.items()),
}
for _mark, _table in _TABLES.items():
    HistoryLibrary.__doc__ = (HistoryLibrary.__doc__ or "").replace(_mark, _table)
