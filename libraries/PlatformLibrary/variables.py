"""The variables that suites get of a platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockstep import masking
from lockstep.applicability import Absent

_VARIABLES = """
    PUBLIC_URL FRONTEND_URL AUTH_URL SOCKET_URL PROVIDER_URL AUTH_DB_URL MAIN_DB_URL REDIS_URL REDIS_REPLICA_URL
    STANDBY_AUTH_DB_URL STANDBY_MAIN_DB_URL
    CA_FILE SIGNING_KEY_FILE SIGNING_KID ISSUER AUDIENCE PLATFORM_ID
"""
# What a call may do without.
_OPTIONAL = ("CA_FILE", "SIGNING_KID")


def suite_variables(descriptor: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that suites get, by name."""
    variables = {name: descriptor.get(name.lower()) or _absent(name) for name in _VARIABLES.split()}
    for kind, entry in (("URL", "backend_urls"), ("SOCKET_URL", "backend_socket_urls")):
        urls = list(descriptor.get(entry) or ())
        variables[f"BACKEND_{kind}"] = urls[0] if urls else _absent(f"BACKEND_{kind}")
        for number in range(2, max(2, len(urls)) + 1):
            name = f"BACKEND_{number}_{kind}"
            variables[name] = urls[number - 1] if number <= len(urls) else _absent(name)
    token = descriptor.get("service_token")
    variables["SERVICE_TOKEN"] = masking.secret(token) if token else _absent("SERVICE_TOKEN")
    return variables


def _absent(name: str) -> Absent | None:
    return None if name in _OPTIONAL else Absent(name.lower())
