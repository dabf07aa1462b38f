"""Asking a service of any target how it is."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockstep import applicability, reasons

from .embedded.errors import PlatformError

_TIMEOUT = 1.0


@dataclass(frozen=True)
class Answer:
    """What ``/health`` said; status 0 and a cause where it said nothing."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""


def address(descriptor: Mapping[str, Any], instance: str) -> str:
    """The base URL of a service; NA where others run the target and it has no such service.

    Raises ``PlatformError`` with the known ones for a name that no service has.
    """
    urls = {"auth": descriptor.get("auth_url"), "frontend": descriptor.get("public_url")}
    urls["provider"] = descriptor.get("provider_url")
    for number, url in enumerate(descriptor.get("backend_urls") or (), 1):
        urls[f"backend-{number}"] = url
    urls["backend"] = urls.get("backend-1")
    known = [name for name, url in urls.items() if url]
    if instance not in known and descriptor.get("kind") == "external" and (entry := _entry(instance)):
        applicability.present(applicability.Absent(entry))
    if instance not in known:
        raise PlatformError(
            f"the target gives no address of a service {instance!r}; there are {', '.join(known) or 'none'}"
        )
    return str(urls[instance])


def _entry(instance: str) -> str:
    """What the address of a service is called in a profile, of a replica the numbered form; "" of no service."""
    fixed = {"auth": "auth_url", "frontend": "public_url", "provider": "provider_url", "backend": "backend_url"}
    replica = re.fullmatch(r"backend-(\d+)", instance)
    return f"backend_{replica[1]}_url" if replica else fixed.get(instance, "")


def where(descriptor: Mapping[str, Any], instance: str) -> str:
    """The URL at which a service says how it is; NA where it has no address, or nothing tells how it is."""
    base = address(descriptor, instance)
    path = (descriptor.get("mapping") or {}).get("paths", {}).get("health", "/health")
    if path is None:
        applicability.lacking("mapping.paths.health", "the profile says that no service reports its health")
    return f"{base}{path}"


def ask(url: str, ca_file: str | None) -> Answer:
    """One ``GET`` of what `where` gives."""
    try:
        trust = ssl.create_default_context(cafile=ca_file) if url.startswith("https") else None
        with urllib.request.urlopen(url, timeout=_TIMEOUT, context=trust) as answer:  # noqa: S310 - from the descriptor
            return Answer(answer.status, json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        return Answer(error.code, {}, error.reason)
    except (OSError, ValueError) as error:
        return Answer(0, {}, reasons.given(getattr(error, "reason", None) or reasons.text(error)))
