"""What a run makes at a target that is not its own: noted before it is made, so that all of it can be undone.

Workers add lines to one file in the folder of the run, which only its owner can read: it holds what signs users in. The
launcher works it off at the end of the run, however a worker has ended, and deletes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lockstep.dialect.cookies import Cookie
from lockstep.dialect.dialect import Dialect
from lockstep.dialect.messages import Outcome, Session
from lockstep.records import append

VARIABLE = "LOCKSTEP_LEDGER"
ACCOUNT, SESSION, ROOM = "account", "session", "room"
_ORDER = (ROOM, SESSION, ACCOUNT)
_SIGN_IN = ("sign_in", "sign_in_short")


@dataclass(frozen=True)
class Made:
    """An account, session or room that was made, with the newest session known of its user."""

    key: str
    kind: str
    owner: str
    """The key of the account whose it is; what is one account's has to be undone in its order."""
    session: Session
    suspended: bool = False
    certain: bool = True
    """Whether the target has said that it was made."""

    @property
    def name(self) -> str:
        """What it is called in a message."""
        known = self.session.values
        user = known.get("email") or known.get("name") or known.get("user") or "a user"
        return f"{self.kind} {known.get('room') if self.kind == ROOM else user}"


class Ledger:
    """What was made and is still there; safe for several threads. Without a file it knows only of its own process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._made: dict[str, Made] = {}
        self._lock = threading.Lock()

    @staticmethod
    def of_run() -> Ledger | None:
        """The one of this process in the run's file, which the launcher names; None where nothing is to be undone."""
        path = os.environ.get(VARIABLE)
        return _of(Path(path)) if path else None

    def made(self) -> list[Made]:
        """What this process has made and what is still there, in the order in which it has to be undone."""
        with self._lock:
            return sorted(self._made.values(), key=lambda made: _ORDER.index(made.kind))

    def before(self, word: str, session: Session, dialect: Dialect) -> None:
        """``word`` is about to be done as ``session``."""
        if word == "sign_up":
            owner = _account(session, dialect)
            self._put(Made(owner, ACCOUNT, owner, session, certain=False))

    def after(
        self, word: str, session: Session, outcome: Outcome, dialect: Dialect, arguments: Mapping[str, Any]
    ) -> None:
        """``word`` was done, with these arguments."""
        owner = _account(session, dialect)
        if word == "sign_up" and not outcome.ok and _is_refused(outcome, dialect):
            self.gone(owner)
        if not outcome.ok:
            return
        if word == "sign_up":
            self._put(Made(owner, ACCOUNT, owner, outcome.session))
        elif word in _SIGN_IN:
            if session.values.get("given") or not dialect.knows("delete_account"):
                self._put(Made(_token(outcome.session), SESSION, owner, outcome.session))
        elif word == "refresh" and _token(session) in self._made:
            self.gone(_token(session))
            self._put(Made(_token(outcome.session), SESSION, owner, outcome.session))
        elif word == "sign_out":
            self.gone(_token(session))
        elif word == "room" and (room := outcome.read.get("room")) is not None and _is_asked_for(dialect):
            self._put(Made(f"{ROOM} {room}", ROOM, owner, outcome.session.with_values({"room": room})))
        elif word == "delete_room":
            self.gone(f"{ROOM} {arguments.get('room', session.values.get('room'))}")
        elif word == "delete_account":
            for made in self.made():
                if made.owner == owner:
                    self.gone(made.key)
        elif account := self._made.get(owner):
            self._changed(word, account, arguments)

    def _changed(self, word: str, account: Made, arguments: Mapping[str, Any]) -> None:
        if word == "change_password":
            changed = account.session.with_values({"password": arguments.get("new_password")})
            self._put(replace(account, session=changed))
        elif word == "change_profile":
            # Who is asked to delete the account may have to sign in for that, by what it is called now.
            names = {name: arguments[name] for name in ("name", "email") if arguments.get(name) is not None}
            self._put(replace(account, session=account.session.with_values(names)))
        elif word in ("deactivate", "activate"):
            self._put(replace(account, suspended=word == "deactivate"))

    def _put(self, made: Made) -> None:
        with self._lock:
            self._made[made.key] = made
            if self._path:
                cookies = [asdict(cookie) for cookie in made.session.cookies]
                append(self._path, {"key": made.key, "kind": made.kind, "owner": made.owner,
                                    "values": _plain(made.session.values), "cookies": cookies,
                                    "suspended": made.suspended, "certain": made.certain}, 0o600)  # fmt: skip

    def gone(self, key: str) -> None:
        """It is not there any more, or was never made."""
        with self._lock:
            if self._made.pop(key, None) and self._path:
                append(self._path, {"key": key}, 0o600)


@cache
def _of(path: Path) -> Ledger:
    return Ledger(path)


def read(path: Path) -> list[Made]:
    """What a run has made and what is still there, in the order in which it has to be undone."""
    found: dict[str, Made] = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            # Its worker was killed while it wrote.
            continue
        found.pop(entry["key"], None)
        if "kind" in entry:
            session = Session(entry["values"], tuple(map(_cookie, entry["cookies"])))
            plain = {name: entry[name] for name in ("key", "kind", "owner", "suspended", "certain")}
            found[entry["key"]] = Made(session=session, **plain)
    return sorted(found.values(), key=lambda made: _ORDER.index(made.kind))


def by_owner(made: Iterable[Made]) -> list[list[Made]]:
    """The same, account by account: what is of different ones may be undone side by side."""
    found: dict[str, list[Made]] = {}
    for one in made:
        found.setdefault(one.owner, []).append(one)
    return list(found.values())


def _cookie(entry: Mapping[str, Any]) -> Cookie:
    return Cookie(**{**entry, "attributes": tuple(map(tuple, entry["attributes"]))})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if isinstance(value, str | int | float | bool | None)}


def _account(session: Session, dialect: Dialect) -> str:
    """An account's own key: what it was made with, but for what may change."""
    made = dialect.accounts.made if dialect.accounts else {}
    return f"{ACCOUNT} {_digest(session.values.get(name) for name in made if name != 'password')}"


def _token(session: Session) -> str:
    """A session's own key: what shows it."""
    shown = [session.values.get("access"), *(cookie.value for cookie in session.cookies)]
    return f"{SESSION} {_digest(shown)}"


def _digest(values: Iterable[Any]) -> str:
    return hashlib.sha256(json.dumps([str(value) for value in values]).encode()).hexdigest()[:16]


def _is_refused(outcome: Outcome, dialect: Dialect) -> bool:
    """Whether a sign-up was refused in full, so that nothing was made."""
    status = outcome.answer.status if outcome.answer else None
    return status is not None and 300 <= status < 500 and len(dialect.operations.get("sign_up", ())) == 1


def _is_asked_for(dialect: Dialect) -> bool:
    """Whether a room is made at the target, and not only a name that is given."""
    return any(step.kind != "given" for step in dialect.operations.get("room", ())) or "room" in dialect.methods
