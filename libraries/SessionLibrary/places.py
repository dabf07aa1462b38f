"""The places that know something of a session, each asked in its own way; an answer is always a `View`."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import redis
from lockstep import postgres, reasons
from lockstep.http import CallError, Service
from lockstep.target import Descriptor
from lockstep.waiting import shorten
from psycopg.rows import dict_row

from SessionLibrary.records import Identity
from SessionLibrary.views import View, normalised

TIMEOUT = 5.0
INTERNAL = ("revision", "token_hash", "idle_ttl", "id")
ENDED = ("session_revoked", "session_expired")
USER_FACTS = ("email", "name", "roles", "plan", "status", "version")
SESSION_ROW = "SELECT * FROM sessions WHERE id = %s"
USER_ROW = "SELECT id::text, email, name, roles, plan, status, version FROM userbase WHERE id = %s"
REVOKED_ROW = "SELECT reason, user_id::text FROM revoked_sessions WHERE sid = %s"

Ask = Callable[[Identity], View]


def user_facts(user: Any) -> dict[str, Any]:
    """The facts of a user's record, apart from those of the session."""
    return normalised({f"user {name}": user[name] for name in USER_FACTS if name in user})


class Auth:
    """Auth's own record of the session and of its user."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __call__(self, session: Identity) -> View:
        record = self._get(f"/admin/sessions/{session.session_id}")
        if record is None:
            return View("auth", live=False, note="unknown")
        user = self._get(f"/admin/users/{record['user_id']}")
        facts = normalised({name: value for name, value in record.items() if name not in INTERNAL})
        note = str(record.get("revoke_reason") or "")
        return View("auth", record["status"] == "active", {**facts, **(user_facts(user) if user else {})}, note)

    def _get(self, path: str) -> Any:
        try:
            return self._service.call("GET", path)
        except CallError as error:
            if error.status == 404:
                return None
            raise


class Backend:
    """What one replica makes of the session's access token."""

    def __init__(self, place: str, service: Service) -> None:
        self._place = place
        self._service = service

    def __call__(self, session: Identity) -> View:
        try:
            me = self._service.call("GET", "/api/me", token=session.access_token)
        except CallError as error:
            if error.status != 401:
                raise
            # An expired token says nothing of its session, which may go on with the next one.
            live = None if error.code == "token_expired" else False
            return View(self._place, live, note=error.code, refused=True, ended=error.code in ENDED)
        facts = {"session_id": me["session"]["id"], "user_id": me["id"], "client_id": me["session"]["client_id"]}
        return View(self._place, True, {**facts, **user_facts(me)}, note=me.get("session_check", ""))


class Redis:
    """The session's document, its time to live, and its entry among the sessions of its user."""

    def __init__(self, url: str) -> None:
        self._client: Any = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        )

    def document(self, session: Identity) -> View:
        text, left = self._client.pipeline().get(key := f"session:{session.session_id}").pttl(key).execute()
        if text is None:
            return View("redis", live=False, note="no key")
        try:
            document = json.loads(text)
        except ValueError:
            return View("redis", error=f"the document is no JSON: {shorten(text)}")
        facts = {name: value for name, value in document.items() if name not in INTERNAL}
        return View("redis", left > 0 or left == -1, normalised(facts))

    def lifetime(self, session: Identity) -> View:
        left = self._client.pttl(f"session:{session.session_id}")
        if left == -2:
            return View("redis ttl", live=False)
        expiry = {} if left == -1 else {"expires_at": time.time() + left / 1000}
        return View("redis ttl", True, expiry, note="never expires" if left == -1 else "", tolerance=2.0)

    def index(self, session: Identity) -> View:
        score = self._client.zscore(f"user:{session.user_id}:sessions", session.session_id)
        if score is None:
            return View("redis index", live=False)
        return View("redis index", True, {"created_at": float(score), "user_id": session.user_id})


class Database:
    """One connection for many questions, opened at the first one and again when it broke or was interrupted."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: postgres.Connection | None = None

    def row(self, statement: str, *values: Any) -> dict[str, Any] | None:
        """The first row, or ``None``; on a new connection where the old one turns out to be lost."""
        if self._connection is None:
            self._connection = postgres.connect(
                self._url, autocommit=True, connect_timeout=int(TIMEOUT), row_factory=dict_row
            )
            return self._ask(self._connection, statement, values)
        try:
            return self._ask(self._connection, statement, values)
        except psycopg.OperationalError:
            if not self._connection.broken:
                raise
            return self._ask(self._connection, statement, values)

    @staticmethod
    def _ask(connection: postgres.Connection, statement: str, values: tuple[Any, ...]) -> dict[str, Any] | None:
        found: dict[str, Any] | None = connection.execute(statement.encode(), values).fetchone()
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class AuthDatabase:
    """The row in ``sessions``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, session: Identity) -> View:
        row = self._database.row(SESSION_ROW, session.session_id)
        if row is None:
            return View("auth db", live=False, note="no row")
        facts = normalised({name: value for name, value in row.items() if name not in INTERNAL})
        facts["expires_at"] = min(facts["idle_expires_at"], facts["absolute_expires_at"])
        if facts["status"] == "active" and facts["expires_at"] <= time.time():
            # Swept later; the session manager counts it as expired from this moment on.
            facts["status"] = "expired"
        complete = {**facts, "session_id": str(row["id"]), "user_id": str(row["user_id"])}
        return View("auth db", facts["status"] == "active", complete)


class MainDatabase:
    """The user in ``userbase`` and the revocation in ``revoked_sessions``, which is all that the main DB knows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, session: Identity) -> View:
        user = self._database.row(USER_ROW, session.user_id)
        facts = {**({"user_id": user["id"], **user_facts(user)} if user else {})}
        revoked = self._database.row(REVOKED_ROW, session.session_id)
        if revoked:
            note = reasons.given(revoked["reason"])
            return View("main db", False, {**facts, "user_id": revoked["user_id"]}, note, ended=True)
        return View("main db", None, facts, note="" if user else "no user")


class Socket:
    """What an open socket of WebSocketLibrary says of itself (``whoami``)."""

    def __init__(self, library: Any, alias: str) -> None:
        self._library = library
        self._alias = alias

    def __call__(self, session: Identity) -> View:
        connection = self._library.connections.get(self._alias)
        if closed := self._closed(connection):
            return closed
        question = {"type": "whoami", "id": str(uuid.uuid4()), "payload": {}}
        try:
            answer = self._library.send_and_wait(question, id=question["id"], connection=self._alias)
        except Exception:
            # The socket may have been closed between the two looks.
            if closed := self._closed(connection):
                return closed
            raise
        me = answer.json["payload"]
        facts = {"session_id": me["session_id"], "user_id": me["id"]}
        return View("socket", True, {**facts, **user_facts(me)}, note=me.get("session_check", ""))

    @staticmethod
    def _closed(connection: Any) -> View | None:
        if not connection.closing:
            return None
        return View("socket", live=False, note=f"closed {connection.closing}", ended=True)


class Places:
    """The places of one target that can be asked; connections are kept."""

    def __init__(self, target: Descriptor) -> None:
        self.target = target
        self.auth: Service | None = None
        self._databases: list[Database] = []
        self._asks: dict[str, Ask] = {}
        # Stores first: a service that is asked may mend what it finds wrong in them.
        if target.redis_url:
            keys = Redis(target.redis_url)
            self._asks |= {"redis": keys.document, "redis ttl": keys.lifetime, "redis index": keys.index}
        if target.auth_db_url:
            self._asks["auth db"] = AuthDatabase(self._database(target.auth_db_url))
        if target.main_db_url:
            self._asks["main db"] = MainDatabase(self._database(target.main_db_url))
        if target.auth_url and target.service_token:
            self.auth = Service("auth", target.auth_url, target.service_token, target.ca_file)
            self._asks["auth"] = Auth(self.auth)
        for number, url in enumerate(target.backend_urls or ((target.public_url,) if target.public_url else ()), 1):
            place = f"backend-{number}" if target.backend_urls else "frontend"
            self._asks[place] = Backend(place, Service(place, url, ca_file=target.ca_file))

    def _database(self, url: str) -> Database:
        self._databases.append(Database(url))
        return self._databases[-1]

    def needing(self, session: Identity, socket: Socket | None) -> dict[str, Ask]:
        """The places that can say something of ``session``, by name."""
        known = dict(self._asks)
        if session.access_token is None:
            known = {name: ask for name, ask in known.items() if not name.startswith(("backend", "frontend"))}
        if session.user_id is None:
            known = {name: ask for name, ask in known.items() if name not in ("redis index", "main db")}
        return {**known, **({"socket": socket} if socket else {})}

    def close(self) -> None:
        for database in self._databases:
            database.close()


def ask(place: str, question: Ask, session: Identity) -> View:
    """The view of one place; what keeps it from answering becomes the view's ``error``."""
    try:
        return question(session)
    except (CallError, redis.RedisError, psycopg.Error, AssertionError, OSError) as error:
        return View(place, error=shorten(reasons.of(error)))
