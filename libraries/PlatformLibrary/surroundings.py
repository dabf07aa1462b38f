"""What the environment of a machine must not change about talking to the target."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_NO_PROXY = ("NO_PROXY", "no_proxy")
_URLS = ("public_url", "auth_url", "provider_url")


def adapt(descriptor: Mapping[str, Any], environment: MutableMapping[str, str] = os.environ) -> None:
    """Let this process reach the target as its descriptor says.

    ``requests`` prefers a certificate bundle named by the environment to the one that a session names, so a target with
    an authority of its own needs those variables gone. A target on loopback is not asked for by way of a proxy.
    """
    if descriptor.get("ca_file"):
        for name in _BUNDLES:
            environment.pop(name, None)
    hosts = {urlsplit(str(descriptor[name])).hostname for name in _URLS if descriptor.get(name)}
    local = [host for host in ("127.0.0.1", "localhost") if host in hosts]
    for name in _NO_PROXY:
        known = [host for host in environment.get(name, "").split(",") if host]
        if added := [host for host in local if host not in known]:
            environment[name] = ",".join([*known, *added])
