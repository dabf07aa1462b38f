"""A listener that writes down all that it is shown, as reporters do."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Listening:
    def __init__(self, version: str, path: str) -> None:
        self.ROBOT_LISTENER_API_VERSION = int(version)
        self._path = Path(path)
        self._v2 = version == "2"

    def _note(self, *shown: Any) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            print(*shown, file=file)

    def start_keyword(self, first: Any, second: Any) -> None:
        self._note("start", *([first, second] if self._v2 else [second.full_name, second.args]))

    def end_keyword(self, first: Any, second: Any) -> None:
        self._note("end", *([first, second] if self._v2 else [second.full_name, second.args, second.message]))

    def log_message(self, message: Any) -> None:
        self._note("log", message if self._v2 else message.message)

    def end_test(self, first: Any, second: Any) -> None:
        self._note("test", *([first, second] if self._v2 else [second.name, second.message]))
