"""Random frames on a socket: what a hostile or mistaken client sends, and whether the socket stays of use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from lockstep.unknown import Unknown
from robot.libraries.BuiltIn import BuiltIn

from FuzzLibrary.files import Input
from FuzzLibrary.mutating import broken

FAULTY_CLOSES: Mapping[int | None, str] = {
    None: "without a close frame",
    1006: "without a close frame",
    1011: "with 1011, an internal error",
}


@dataclass
class Line:
    """A socket for random frames, opened again after each close, by the WebSocketLibrary of the running suite.

    After each frame ``question`` is asked on the socket; its answer has the members ``answer`` and comes ``within``.
    """

    url: str
    options: Mapping[str, Any]
    question: Mapping[str, Any]
    answer: Mapping[str, Any]
    errors: Sequence[str] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    within: timedelta = timedelta(seconds=10)
    closes: Counter[int | None] = field(default_factory=Counter)
    _alias: str = ""
    _asked: int = 0

    @property
    def sockets(self) -> Any:
        """The WebSocketLibrary."""
        return BuiltIn().get_library_instance("WebSocketLibrary")

    def fault(self, found: Input) -> str:
        """What is wrong with what came of one frame; "" where nothing is."""
        self._asked += 1
        if not self._alias:
            # Which errors may come is judged here: one without an id is no answer to the question.
            options = {"error_frames": "none", **self.options}
            self._alias = self.sockets.open_connection(self.url, f"fuzz-{self._asked}", **options)
        name = f"fuzz-{self._asked}"
        since = self.sockets.get_journal_position(self._alias)
        try:
            self.sockets.send_raw_frame(found.filled(self.known).body, connection=self._alias)
            self.sockets.send_json({**self.question, "id": name}, self._alias)
            self.sockets.wait_for_json({**self.answer, "id": name}, connection=self._alias, within=self.within)
        except Unknown:
            raise
        except Exception as error:
            if self._is_closed():
                return self._ended()
            self.close()
            if isinstance(error, AssertionError):
                return f"the socket does not answer any more: {error}"
            raise
        return self._unknown_error(since)

    def close(self) -> None:
        """Closes what is open."""
        if self._alias:
            self.sockets.drop_connection(self._alias)
            self._alias = ""

    def _is_closed(self) -> bool:
        try:
            self.sockets.connection_should_be_open(self._alias)
        except AssertionError:
            return True
        return False

    def _ended(self) -> str:
        code = self.sockets.get_close_code(connection=self._alias)
        self._alias = ""
        self.closes[code] += 1
        return f"the socket is closed {FAULTY_CLOSES[code]}" if code in FAULTY_CLOSES else ""

    def _unknown_error(self, since: int) -> str:
        if not self.errors:
            return ""
        for frame in self.sockets.get_frames(True, connection=self._alias, since=since):
            told = frame.json if isinstance(frame.json, Mapping) else {}
            if told.get("type") != "error":
                continue
            payload = told.get("payload")
            code = payload.get("code") if isinstance(payload, Mapping) else payload
            if code not in self.errors:
                return f"the error frame names {code!r}, which is none of {', '.join(self.errors)}"
        return ""


def frames(examples: Sequence[Any]) -> st.SearchStrategy[Input]:
    """Each of ``examples`` with one thing wrong, or bytes of any kind."""
    written = [json.loads(example) if isinstance(example, str) else example for example in examples]
    wrong = st.sampled_from(written).flatmap(broken)
    return (wrong | st.binary(max_size=64)).map(Input)
