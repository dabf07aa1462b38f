"""What happens on a platform whose stores are read: users sign in, chat, refresh, sign out, and are deleted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from lockstep.dialect.driving import send
from lockstep.dialect.messages import Answer, Request
from orjson import dumps

from launcher.console import LaunchError
from launcher.evidence.stores import Stores, form, remains, undeclared

PASSWORD = "Aa1-a-password-of-evidence"  # noqa: S105 - of users who live for seconds
SHORT = 2
"""Seconds that a session of a kiosk lives on the platform of `Life`."""
ENVIRONMENT = {"SHORT_SESSION_IDLE": str(SHORT), "SHORT_SESSION_ABSOLUTE": str(SHORT)}
_WITHIN = 10.0
_LOOK = 0.1
_AUDIT = "SELECT session_id::text, type FROM session_events ORDER BY id"


@dataclass
class Facts:
    """What was found; ``flaws`` by chapter."""

    inventory: dict[str, Any] = field(default_factory=dict)
    deletion: dict[str, Any] = field(default_factory=dict)
    retention: list[dict[str, Any]] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)
    flaws: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Person:
    """A user with the sessions that were made for them."""

    id: str
    email: str
    name: str
    access: str
    refresh: str
    session: str


class Life:
    """One platform, and what is done on it; its kiosks' sessions live for ``SHORT`` seconds."""

    def __init__(self, descriptor: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
        self._found = descriptor
        self._declared = declared
        self._expected: Counter[tuple[str, str]] = Counter()
        self.stores = Stores(descriptor)

    def play(self) -> Facts:
        """All of it, and what the stores say."""
        facts = Facts()
        anna, other = self._signed_in("Anna Arkadyevna"), self._signed_in("Konstantin Levin")
        self._chat(anna)
        self._chat(other)
        self._refresh(other)
        third = self._session_of(other)
        facts.inventory = self._inventory(facts)
        self._sign_out(third, other)
        facts.deletion = self._deletion(facts, anna)
        facts.retention = self._retention(facts, other)
        facts.audit = self._audit(facts)
        return facts

    # --- chapters

    def _inventory(self, facts: Facts) -> dict[str, Any]:
        found = self.stores.inventory()
        facts.flaws["kept"] = undeclared(found, self._declared)
        return {"read_at": _now(), **found.as_data()}

    def _deletion(self, facts: Facts, person: Person) -> dict[str, Any]:
        """What the account's deletion erased, where, and how long it took."""
        words = {"e-mail": person.email, "name": person.name, "id": person.id, "session": person.session}
        before = self.stores.traces(words)
        began = time.monotonic()
        asked = _now()
        self._expected[person.session, "revoked"] += 1
        self._ask("auth_url", "DELETE", "/users/me", None, person.access, 204)
        allowed = self._declared["remains"]
        after = before
        while time.monotonic() - began < _WITHIN:
            after = self.stores.traces(words)
            if not remains(after, allowed):
                break
            time.sleep(_LOOK)
        took = time.monotonic() - began
        facts.flaws["erased"] = remains(after, allowed)
        if not before:
            facts.flaws["erased"].append("nothing of the user was found before the deletion: nothing would be shown")
        places = sorted({*before, *after})
        rows = [
            {"place": place, "before": before.get(place, {}), "after": after.get(place, {}),
             "why_it_stays": self._declared["reasons"].get(place, "") if after.get(place) else ""}
            for place in places
        ]  # fmt: skip
        return {"asked_at": asked, "seconds": round(took, 2), "places": rows}

    def _retention(self, facts: Facts, person: Person) -> list[dict[str, Any]]:
        """A session is lived to its expiry and swept; then nothing takes it for a live one."""
        flaws = facts.flaws["retention"] = []
        short = self._session_of(person, "kiosk")
        began = time.monotonic()
        keys = [name.replace("{id}", short.session) for name in self._declared["of_live_sessions"]]
        while not self._is_over(short) and time.monotonic() - began < _WITHIN:
            time.sleep(_LOOK)
        self._expected[short.session, "expired"] += 1
        took = f"after {time.monotonic() - began:.1f} s, of at most {SHORT} s and a sweep"
        refused = self._ask("auth_url", "POST", "/auth/refresh", {"refresh_token": short.refresh}, None, None)
        left = self.stores.traces({"session": short.session})
        checks = []
        for what, found, wanted in (
            ("status of the session", self._status(short), "expired"),
            ("status of a refresh after the expiry", refused.status, 400),
            ("keys in Redis that say that it lives", sorted(set(left) & {f"redis {form(key)}" for key in keys}), []),
        ):
            verdict = "PASS" if found == wanted else "FAIL"
            checks.append({"what": what, "when": took, "found": str(found), "verdict": verdict})
            if verdict == "FAIL":
                flaws.append(f"{what}: {found}, not {wanted}")
        places = ", ".join(sorted(left)) or "nowhere"
        return [*checks, {"what": "where the session still stands", "when": took, "found": places, "verdict": "PASS"}]

    def _is_over(self, person: Person) -> bool:
        self._ask("auth_url", "POST", "/admin/sessions/cleanup", None, str(self._found["service_token"]), 200)
        return self._status(person) != "active"

    def _status(self, person: Person) -> str:
        return str(self.stores.query("auth", "SELECT status FROM sessions WHERE id = %s", person.session)[0][0])

    def _audit(self, facts: Facts) -> dict[str, Any]:
        """Each event of a session that happened is there once, and no other."""
        found = Counter((str(session), str(kind)) for session, kind in self.stores.query("auth", _AUDIT))
        flaws = facts.flaws["audit"] = []
        for (session, kind), count in (self._expected - found).items():
            flaws.append(f"{kind} of session {session} is missing {count} times")
        for (session, kind), count in (found - self._expected).items():
            flaws.append(f"{kind} of session {session} is there {count} times too often")
        events = [
            {"session": session, "type": kind, "times": count} for (session, kind), count in sorted(found.items())
        ]
        return {"expected": sum(self._expected.values()), "found": sum(found.values()), "events": events}

    # --- what users do

    def _signed_in(self, name: str) -> Person:
        account = {
            "email": f"{name.split()[0].lower()}-{time.time_ns()}@example.test",
            "password": PASSWORD,
            "name": name,
        }
        self._ask("auth_url", "POST", "/auth/signup", account, None, 201)
        given = self._ask(
            "auth_url", "POST", "/auth/login", {**account, "client_id": "web", "device": name}, None, 200
        ).json
        self._expected[given["session_id"], "created"] += 1
        return Person(
            given["user"]["id"],
            account["email"],
            name,
            given["access_token"],
            given["refresh_token"],
            given["session_id"],
        )

    def _chat(self, person: Person) -> None:
        backend, place = self._found["backend_urls"][0], "/api/conversations"
        title = {"title": f"About {person.name}", "assistant": False}
        made = self._ask(backend, "POST", place, title, person.access, 201).json
        body = {"body": f"I am {person.name}, {person.email}", "client_msg_id": "evidence-1"}
        self._ask(backend, "POST", f"{place}/{made['id']}/messages", body, person.access, 201)

    def _refresh(self, person: Person) -> None:
        given = self._ask("auth_url", "POST", "/auth/refresh", {"refresh_token": person.refresh}, None, 200).json
        person.access, person.refresh = given["access_token"], given["refresh_token"]
        self._expected[person.session, "refreshed"] += 1

    def _session_of(self, person: Person, client: str = "web") -> Person:
        wanted = {"email": person.email, "password": PASSWORD, "client_id": client, "device": "tablet"}
        given = self._ask("auth_url", "POST", "/auth/login", wanted, None, 200).json
        self._expected[given["session_id"], "created"] += 1
        return Person(
            person.id, person.email, person.name, given["access_token"], given["refresh_token"], given["session_id"]
        )

    def _sign_out(self, ended: Person, other: Person) -> None:
        self._ask("auth_url", "DELETE", f"/auth/sessions/{ended.session}", None, other.access, 204)
        self._expected[ended.session, "revoked"] += 1

    def _ask(
        self, base: str, method: str, path: str, body: Any, token: str | None, status: int | None
    ) -> Answer:  # fmt: skip
        """An answer with this status; raises ``LaunchError`` with another one."""
        url = f"{self._found.get(base, base)}{path}"
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        answer = send(Request(method, url, headers, None if body is None else dumps(body)))
        if status is not None and answer.status != status:
            raise LaunchError(f"{method} {urlsplit(url).path} was to answer {status}, and: {answer}", code=1)
        return answer


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
