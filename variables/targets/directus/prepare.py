"""What the suites need in a new Directus: a collection of messages, and two roles of which one may use it."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

URL = os.environ["DIRECTUS_1_URL"]


def ask(method: str, path: str, body: Any, token: str | None = None) -> Any:
    """What is made or changed by that; ends with the answer where it is refused."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(f"{URL}{path}", json.dumps(body).encode(), headers, method=method)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return json.load(response)["data"]
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path} was answered with {error.code}: {error.read().decode()}")


def field(name: str, kind: str, special: str | None = None) -> dict[str, Any]:
    return {"field": name, "type": kind, "meta": {"special": [special] if special else None}}


def main() -> None:
    """Print the ids of the roles as facts."""
    credentials = {name: os.environ[f"DIRECTUS_ADMIN_{name.upper()}"] for name in ("email", "password")}
    admin = ask("POST", "/auth/login", credentials)["access_token"]
    own = [("room", "string"), ("client_msg_id", "string"), ("body", "text")]
    made = [("user_created", "uuid", "user-created"), ("date_created", "timestamp", "date-created")]
    fields = [field(*given) for given in [*own, *made]]
    ask("POST", "/collections", {"collection": "messages", "schema": {}, "meta": {}, "fields": fields}, admin)
    roles = {}
    for name in ("User", "Mute"):
        roles[name] = ask("POST", "/roles", {"name": name}, admin)["id"]
    # Without a licence few users may have app access, and no right may have a rule or fields of its own.
    policy = ask("POST", "/policies", {"name": "Members", "roles": [{"role": roles["User"], "sort": 1}]}, admin)["id"]
    rights = [("messages", action) for action in ("create", "read", "update", "delete")] + [("directus_users", "read")]
    permissions = [
        {"policy": policy, "collection": collection, "action": action, "fields": ["*"]} for collection, action in rights
    ]
    ask("POST", "/permissions", permissions, admin)
    # Anybody may register, five times in twenty seconds: what has a quota here.
    ask("PATCH", "/settings", {"public_registration": True, "public_registration_verify_email": False}, admin)
    print(f"DIRECTUS_USER_ROLE={roles['User']}")
    print(f"DIRECTUS_MUTE_ROLE={roles['Mute']}")


if __name__ == "__main__":
    main()
