"""Platforms for the examples of docs/libraries, and the variables that those are run with."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lockstep.dialect import find
from PlatformLibrary.embedded.client import start_host

from launcher.targets import new

_LIMIT, _WINDOW = 10, 3


@contextmanager
def platform(folder: Path) -> Iterator[Callable[[str], dict[str, str]]]:
    """A platform, and a second one with quotas, as long as the block lasts; gives the variables of a page's example."""
    host = start_host(folder / "examples.sock")
    try:
        quotas = {"RATE_LIMIT": str(_LIMIT), "RATE_WINDOW": str(_WINDOW)}
        variables = _variables(host.lease(), folder)
        limited = _limited(host.lease(shared=False, env=quotas))
        yield lambda page: {**variables, **limited} if page == "quota" else variables
    finally:
        host.close_and_wait()


def _variables(found: dict[str, Any], folder: Path) -> dict[str, str]:
    keys = folder / "jwks.json"
    keys.write_text(json.dumps({"keys": [_public(Path(found["signing_key_file"]))]}), "utf-8")
    user, other = _user(found), _user(found)
    backend = found["backend_urls"][0]
    return {
        "AUTH": found["auth_url"],
        "BACKEND": backend,
        "API": f"{backend}/api",
        "PUBLIC": found["public_url"],
        "CA": found["ca_file"],
        "SOCKET": found["backend_socket_urls"][0],
        "KEY": found["signing_key_file"],
        "JWKS": str(keys),
        "URL": found["redis_url"],
        "DB": found["auth_db_url"],
        "SERVICE": found["service_token"],
        "USER": user["id"],
        "TOKEN": user["token"],
        "OTHER": other["token"],
        "CONVERSATION": _conversation(backend, user["token"]),
        "TARGET": str(_dialect(found, folder / "example" / "target.yaml")),
    }


def _limited(found: dict[str, Any]) -> dict[str, str]:
    """What the example about quotas has in place of the others'."""
    api = f"{found['backend_urls'][0]}/api"
    return {"API": api, "TOKEN": _user(found)["token"], "LIMIT": str(_LIMIT), "WINDOW": str(_WINDOW)}


def _user(found: dict[str, Any]) -> dict[str, str]:
    login = {"email": f"{secrets.token_hex(6)}@example.test", "name": "Example", "password": secrets.token_urlsafe(12)}
    with httpx.Client(base_url=found["auth_url"], timeout=10) as client:
        client.post("/auth/signup", json=login).raise_for_status()
        answer = client.post("/auth/login", json={**login, "client_id": "web"}).raise_for_status().json()
    return {"id": answer["user"]["id"], "token": answer["access_token"]}


def _conversation(backend: str, token: str) -> str:
    asked = {"title": "example", "assistant": False}
    answer = httpx.post(f"{backend}/api/conversations", json=asked, headers={"Authorization": f"Bearer {token}"})
    return str(answer.raise_for_status().json()["id"])


def _dialect(found: dict[str, Any], path: Path) -> Path:
    """The reference platform's dialect as somebody would write it who runs that platform: with its addresses."""

    def value(named: re.Match[str]) -> str:
        if named["name"] == "service_token":
            return "${LOCKSTEP_SERVICE_TOKEN}"
        entry = found[named["name"]]
        return str(entry[int(named["number"])] if named["number"] else entry)

    path.parent.mkdir(mode=0o700)
    lines = new.without_control(find("embedded").read_text("utf-8"))
    path.write_text(new.PLATFORM.sub(value, "\n".join(lines)), "utf-8")
    return path


def _public(key_file: Path) -> dict[str, str]:
    """The JWK (RFC 7517) of a private key's public half."""
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    numbers = key.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(part.to_bytes(32)).rstrip(b"=").decode() for part in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "kid": "k1", "x": x, "y": y}
