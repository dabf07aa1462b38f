"""What a run tested, as every result of it shows: commit, versions, target, seed, machine and load."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from PlatformLibrary.profile import Profile

from launcher.console import plural
from launcher.paths import PROJECT

COMMIT = "LOCKSTEP_COMMIT"
"""The variable that names the commit where the tested tree is no checkout, as in an image."""
_SHORT = 10
_GIBIBYTE = 2**30


@dataclass(frozen=True)
class Subject:
    """What is known before the first test; "" where it is not."""

    commit: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    machine: str = ""

    @property
    def short(self) -> str:
        """The commit and whether it was clean, for one line among others."""
        return f"commit {self.commit}" if self.commit else ""

    def facts(self, *, seed: str, load: str, versions: Mapping[str, str]) -> dict[str, str]:
        """All of it by name, with what the run has found out since; what is not known is left out."""
        all_versions = ", ".join(f"{name} {value}" for name, value in {**self.versions, **versions}.items())
        facts = {"Commit": self.commit, "Versions": all_versions, "Target": self.target, "Seed": seed,
                 "Machine": self.machine, "Load": load.removeprefix("machine: ")}  # fmt: skip
        return {name: value for name, value in facts.items() if value}


def now(profile: Profile) -> Subject:
    """What is tested from now on."""
    return Subject(commit(), versions(), _target(profile), _machine())


def commit(folder: Path = PROJECT) -> str:
    """The commit of the checkout and whether anything in it differs: ``1a2b3c4d5e (clean)``, ``… (3 files changed)``.

    Elsewhere what ``LOCKSTEP_COMMIT`` says; "" where it says nothing.
    """
    head = _git(folder, "rev-parse", f"--short={_SHORT}", "HEAD")
    if not head:
        return os.environ.get(COMMIT, "")
    changed = len(_git(folder, "status", "--porcelain", "--", ".").splitlines())
    state = f"{plural(changed, 'file')} changed" if changed else "clean"
    return f"{head} ({state})"


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],  # noqa: S607 - the user's git
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def versions() -> dict[str, str]:
    """Of what runs the tests, beside what the platform consists of."""
    import pabot
    from robot.version import VERSION

    from launcher.init import version

    return {"lockstep": version(), "robot": VERSION, "pabot": pabot.__version__}


def _target(profile: Profile) -> str:
    address = next(
        (url for name, url in profile.endpoints.items() if name in ("public_url", "address", "auth_url")), ""
    )
    where = f" at {address}" if address else ""
    return f"{profile.name} ({profile.kind}){where}"


def _machine() -> str:
    memory = psutil.virtual_memory().total / _GIBIBYTE
    return (f"{platform.node()}, {platform.system()} {platform.release()} {platform.machine()}, "
            f"{os.cpu_count() or 1} processors, {memory:.0f} GiB")  # fmt: skip
