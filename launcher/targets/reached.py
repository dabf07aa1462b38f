"""Where a target runs: what ``{platform.…}`` in its dialect stands for while somebody speaks to it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockstep import masking
from lockstep.dialect import Dialect, DialectError, find, load
from PlatformLibrary.profile import Profile, ProfileError
from PlatformLibrary.profile import find as find_profile
from PlatformLibrary.profile import load as load_profile

from launcher.console import LaunchError, did_you_mean
from launcher.host import Host
from launcher.targets import booted

REFERENCE = "embedded"
"""Whose dialect a target has that is described by a profile of the old form."""


@dataclass(frozen=True)
class Reached:
    """A target that runs, with its dialect."""

    dialect: Dialect
    platform: Mapping[str, Any]
    ca_file: str | None = None
    started: bool = False
    """Whether it was started for this, and is gone afterwards."""


class RefusedError(LaunchError):
    """The dialect cannot be read; the message has file, line and the way out."""


def read(name: str) -> tuple[Dialect, Profile | None]:
    """The dialect of a target, with its profile of the old form where it has one.

    Facts of a target that ``./run target boot`` keeps up stand for ``${NAME}`` where the environment has none. Raises
    ``LaunchError``, with code 2 where the file is refused.
    """
    booted.lend(name)
    try:
        path = find(name)
    except DialectError as error:
        profile = _profile(name, error)
        return load(find(REFERENCE)), profile
    try:
        return load(path), None
    except DialectError as error:
        raise RefusedError(str(error)) from error


def _profile(name: str, why: DialectError) -> Profile:
    try:
        return load_profile(find_profile(name))
    except ProfileError as error:
        from lockstep.dialect.dialect import names

        known = names()
        is_name = os.sep not in name and not name.endswith((".yaml", ".yml"))
        if is_name and "unknown target" in str(error):
            raise RefusedError(
                f"There is no target {name!r}.{did_you_mean(name, known)} There are {', '.join(known)}; "
                f"./run target new {name} makes one."
            ) from error
        raise RefusedError(
            str(why) if "is no dialect" in str(why) or "no target" in str(why) else str(error)
        ) from error


@contextlib.contextmanager
def reached(name: str) -> Iterator[Reached]:
    """The target, running; what had to be started for it ends again. Raises ``LaunchError``."""
    dialect, profile = read(name)
    if profile is not None and profile.kind == "external":
        yield Reached(dialect, _of_profile(profile), profile.endpoints.get("ca_file"))
    elif dialect.control.adapter == "embedded":
        with _embedded() as descriptor:
            yield Reached(dialect, descriptor, descriptor.get("ca_file"), started=True)
    else:
        yield Reached(dialect, {})


def _of_profile(profile: Profile) -> dict[str, Any]:
    values = {**profile.endpoints, "service_token": profile.service_token or ""}
    if profile.service_token:
        masking.register(profile.service_token)
    return values


@contextlib.contextmanager
def _embedded() -> Iterator[Mapping[str, Any]]:
    """The reference platform, for as long as this lasts."""
    with tempfile.TemporaryDirectory(prefix="lockstep-check-") as folder:
        host = Host(Path(folder))
        try:
            descriptor = host.ready()
            masking.register(str(descriptor["service_token"]))
            yield descriptor
        finally:
            host.close()
