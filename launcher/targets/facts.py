"""Each fact of a dialect that a check reads, changed alone: the check has to object, or it has not read the fact."""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockstep.dialect import Dialect, DialectError, load
from lockstep.dialect.dialect import FILE, METHODS_FILE
from lockstep.dialect.entries import read_unfilled

from launcher.targets.doctor import Checked, Doctor
from launcher.targets.leaves import Names, dotted, leaves
from launcher.targets.reached import Reached

_AT_ONCE = 4
_NOT_TRIED = ("dialect", "name", "within", "every")
_OF_SHORT_TOKENS = ("short", "expired", "token.", "expiry")
"""Of facts that need a token of seconds; the others are tried without, which saves its seconds."""
_OTHERS = {
    "as": ("none", "user", "administrator"),
    "by": ("handshake", "close", "silence"),
    "resume": ("none", "subscription"),
    "authentication": ("none", "cookie"),
    "form": ("opaque", "jwt"),
    "kind": ("text", "integer"),
    "framing": ("json",),
}
"""Values of entries that take only some words: the first that is another one."""


@dataclass(frozen=True)
class Fact:
    """A fact that was changed: whether the check has objected, and where the change was refused as no dialect."""

    path: Names
    objected: bool
    was: Any = None
    changed: Any = None

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.was!r} as {self.changed!r}"


def each(target: Reached, checked: Checked, only: str = "") -> Iterator[Fact]:
    """The facts that a check has read, each changed alone; only those whose name begins so."""
    facts = read_unfilled(target.dialect.path)
    skipped = {*checked.unread, *checked.left_to_tests}
    places = [path for path in leaves(facts) if path not in skipped and path[-1] not in _NOT_TRIED]
    places = [path for path in places if path[0] != "absent" and dotted(path).startswith(only)]
    with tempfile.TemporaryDirectory(prefix="lockstep-facts-") as folder:
        pool = ThreadPoolExecutor(_AT_ONCE, "facts")
        try:
            yield from pool.map(_trying(target, facts, Path(folder)), places)
        finally:
            pool.shutdown(cancel_futures=True)


def _trying(target: Reached, facts: Any, folder: Path) -> Callable[[Names], Fact]:
    def loaded(changed: Any) -> Dialect:
        own = Path(tempfile.mkdtemp(dir=folder))
        # JSON is YAML, and written in no time.
        (own / FILE).write_text(json.dumps(changed, ensure_ascii=False), "utf-8")
        methods = target.dialect.folder / METHODS_FILE
        if target.dialect.path.name == FILE and methods.exists():
            shutil.copy(methods, own / METHODS_FILE)
        return load(own / FILE)

    # Otherwise each change would be objected to.
    loaded(facts)

    def try_one(path: Names) -> Fact:
        before, changed = changed_alone(facts, path)
        after = value_at(changed, path)
        if not any(part in dotted(path) for part in _OF_SHORT_TOKENS):
            changed.get("operations", {}).pop("sign_in_short", None)
        try:
            dialect = loaded(changed)
        except DialectError:
            return Fact(path, True, before, after)
        doctor = Doctor(dialect, target.platform, target.ca_file)
        try:
            checked = doctor.examine()
        finally:
            doctor.undo()
        unread = path in (*checked.unread, *checked.left_to_tests)
        return Fact(path, bool(checked.findings.failed) or unread, before, after)

    return try_one


def changed_alone(facts: Any, path: Names) -> tuple[Any, Any]:
    """What a fact says, and all facts with another one in its place."""
    changed = copy.deepcopy(facts)
    holder = value_at(changed, path[:-1])
    before = holder[path[-1]]
    holder[path[-1]] = other(before, path)
    return before, changed


def value_at(facts: Any, path: Sequence[str | int]) -> Any:
    """What stands at a place."""
    for name in path:
        facts = facts[name]
    return facts


def other(value: Any, path: Names) -> Any:
    """Another value of the same kind."""
    if isinstance(value, list):
        return [other(entry, path) for entry in value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if path[-1] in _OTHERS and value in _OTHERS[str(path[-1])]:
        return next(word for word in _OTHERS[str(path[-1])] if word != value)
    if path[-1] in ("url", "socket"):
        return "http://127.0.0.1:9" if path[-1] == "url" else "ws://127.0.0.1:9"
    if path[0] == "limits":
        return "3s" if value != "3s" else "5s"
    return "/wrong" if str(value).startswith("/") else "wrong"
