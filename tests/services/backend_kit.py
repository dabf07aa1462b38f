"""What the backend's tests stand on: a key server, tokens it vouches for, replicas, and a client of the socket."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import psycopg
import redis
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from services.common.instants import now, rfc3339
from tests.services.servers import SERVICE_TOKEN, Service, StartService

ISSUER = "https://127.0.0.1:8443"
Frame = dict[str, Any]


class KeyServer:
    """Publishes the key that the tests sign with, over real HTTP: a key server, and nothing else of auth."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.kid = "test-key"
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def jwks(self) -> dict[str, Any]:
        """The key set."""
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "ES256"}]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                known = self.path == "/.well-known/jwks.json"
                body = json.dumps(server.jwks()).encode()
                self.send_response(200 if known else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                server.requests.append(self.path)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler


@dataclass
class Person:
    """A user with a session, known to the tests' key server and, once synced, to backend."""

    keys: KeyServer
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    name: str = "Ada"
    version: int = 1

    @property
    def email(self) -> str:
        """Unique for each."""
        return f"{self.id}@example.org"

    def record(self, **changes: Any) -> dict[str, Any]:
        """The user as auth shows it."""
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "roles": ["user"],
            "status": "active",
            "plan": "standard",
            "version": self.version,
            "created_at": rfc3339(now()),
            "updated_at": rfc3339(now()),
            **changes,
        }

    def token(self, lives: float = 300, **claims: Any) -> str:
        """An access token of RFC 9068, good for ``lives`` seconds; ``claims`` replace or, where None, remove."""
        moment = time.time()
        payload = {
            "iss": ISSUER,
            "aud": "lockstep-api",
            "sub": self.id,
            "sid": self.session_id,
            "jti": str(uuid.uuid4()),
            "iat": int(moment),
            "nbf": int(moment),
            "exp": moment + lives,
            "email": self.email,
            "roles": ["user"],
            "client_id": "web",
            "plan": "standard",
            **claims,
        }
        kept = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(kept, self.keys.key, "ES256", {"typ": "at+jwt", "kid": self.keys.kid})


@dataclass
class Replicas:
    """Backend replicas on one database and one Redis, and what tests ask of them."""

    services: list[Service]
    database_url: str
    redis_url: str
    keys: KeyServer

    @property
    def url(self) -> str:
        """The first replica."""
        return self.services[0].url

    def socket_url(self, replica: int = 0) -> str:
        """``/ws`` of a replica."""
        return self.services[replica].url.replace("http", "ws", 1) + "/ws"

    def person(self, *, live: bool = True) -> Person:
        """A new user whom backend knows; ``live``: with a session that Redis has."""
        person = Person(self.keys)
        self.sync("user.created", person.record())
        if live:
            self.make_live(person)
        return person

    def make_live(self, person: Person) -> None:
        """Put the session where auth would."""
        with redis.Redis.from_url(self.redis_url) as client:
            document = {"session_id": person.session_id, "user_id": person.id, "status": "active"}
            client.set(f"session:{person.session_id}", json.dumps(document), ex=300)

    def sync(self, kind: str, data: dict[str, Any], *, replica: int = 0, event_id: str | None = None) -> dict[str, Any]:
        """Deliver one event; the answer."""
        event = {"id": event_id or str(uuid.uuid4()), "type": kind, "occurred_at": rfc3339(now()), "data": data}
        answer = self.internal("/internal/sync", {"events": [event]}, replica=replica)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def internal(self, path: str, body: Any, *, replica: int = 0) -> httpx.Response:
        """POST with the service credential."""
        headers = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
        return httpx.post(self.services[replica].url + path, json=body, headers=headers, timeout=10)

    def call(self, person: Person, method: str, path: str, *, replica: int = 0, **arguments: Any) -> httpx.Response:
        """A request of the user."""
        headers = {"Authorization": f"Bearer {person.token()}", **arguments.pop("headers", {})}
        return httpx.request(method, self.services[replica].url + path, headers=headers, timeout=10, **arguments)

    def conversation(self, person: Person, *, assistant: bool = False) -> str:
        """A new conversation; its id."""
        body = {"title": "Talk", "assistant": assistant}
        answer = self.call(person, "POST", "/api/conversations", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def execute(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the main database itself."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def metric(self, name: str, *, replica: int = 0) -> float:
        """The value of a metric, named as in the text format, labels included."""
        text = httpx.get(self.services[replica].url + "/metrics").text
        values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.rsplit(" ", 1)[0] == name]
        assert values, f"no metric {name}"
        return float(values[0])


def start_replicas(
    start: StartService, database_url: str, redis_url: str, keys: KeyServer, *, count: int = 2, **env: str
) -> Replicas:
    """``count`` replicas, ``backend-1`` and so on."""
    common = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "AUTH_URL": keys.url, **env}
    names = [f"backend-{number}" for number in range(1, count + 1)]
    return Replicas([start("backend", {**common, "INSTANCE": name}) for name in names], database_url, redis_url, keys)


def shown(frames: list[Frame]) -> str:
    """The last frames, short enough for an error."""
    return " ".join(json.dumps(frame)[:200] for frame in frames[-5:])


class Tab:
    """One socket; frames that were not asked for yet are kept."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.seen: list[Frame] = []
        self.welcome = self.wait("welcome")["payload"]

    @property
    def client_id(self) -> str:
        """Which tab or device this is."""
        return str(self.welcome["client_id"])

    def send(self, kind: str, frame_id: str | None = None, **payload: Any) -> None:
        """Send a frame."""
        self.connection.send(json.dumps({"type": kind, "id": frame_id, "payload": payload}))

    def ask(self, kind: str, answer: str, **payload: Any) -> dict[str, Any]:
        """The payload of the ``answer`` to a frame."""
        frame_id = str(uuid.uuid4())
        self.send(kind, frame_id, **payload)
        found = self.wait(None, where=lambda frame: frame["id"] == frame_id)
        assert found["type"] == answer, found
        return dict(found["payload"])

    def wait(
        self, kind: str | None = None, *, within: float = 5.0, where: Callable[[Frame], bool] = lambda _: True
    ) -> Frame:
        """The first frame, seen or to come, of this kind; it is taken out."""

        def wanted(frame: Frame) -> bool:
            return (kind is None or frame["type"] == kind) and where(frame)

        for frame in self.seen:
            if wanted(frame):
                self.seen.remove(frame)
                return frame
        deadline = time.monotonic() + within
        while True:
            try:
                frame = json.loads(self.connection.recv(timeout=max(0.0, deadline - time.monotonic())))
            except TimeoutError:
                raise AssertionError(f"no {kind} within {within:g} s; seen: {shown(self.seen)}") from None
            if wanted(frame):
                return dict(frame)
            self.seen.append(frame)

    def messages(self, count: int, conversation_id: str | None = None) -> list[dict[str, Any]]:
        """The next ``count`` messages, live or replayed, of all conversations or of one."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            frame = self.wait(None, where=lambda frame: frame["type"] in ("message", "message.batch"))
            new = frame["payload"]["messages"] if frame["type"] == "message.batch" else [frame["payload"]]
            found += [one for one in new if conversation_id in (None, one["conversation_id"])]
        assert len(found) == count, found[count:]
        return found

    def nothing_more(self) -> list[Frame]:
        """All that arrives before the answer to a ping that is sent now, in addition to what was left over."""
        self.ask("ping", "pong")
        left, self.seen = self.seen, []
        return left

    def close_code(self, within: float = 5.0) -> int:
        """The code that the server closes with; frames before it are kept."""
        deadline = time.monotonic() + within
        try:
            while True:
                self.seen.append(json.loads(self.connection.recv(timeout=max(0.0, deadline - time.monotonic()))))
        except TimeoutError:
            raise AssertionError(f"not closed within {within:g} s; seen: {shown(self.seen)}") from None
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def drop(self) -> None:
        """Break the connection without a close frame."""
        self.connection.socket.close()


@contextmanager
def tab(
    replicas: Replicas, person: Person, *, replica: int = 0, client_id: str | None = None, **more: Any
) -> Iterator[Tab]:
    """An open socket of the user."""
    url = replicas.socket_url(replica) + (f"?client_id={client_id}" if client_id else "")
    token = more.pop("token", None) or person.token()
    headers = {"Authorization": f"Bearer {token}"}
    with connect(url, additional_headers=headers, max_size=None, proxy=None, **more) as connection:
        yield Tab(connection)
