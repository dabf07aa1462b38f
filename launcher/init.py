"""Makes a project of one's own that runs at once on the embedded platform.

Suite, resource, requirements, the dialect of a platform to be filled in, robot.toml for editors, and files for CI.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote

from lockstep import home

from launcher.console import LaunchError, paint, say
from launcher.parsing import Parser
from launcher.paths import INSTALLED, ROOT
from launcher.targets import new

TEMPLATE = Path(__file__).with_name("project")
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def main(argv: Sequence[str]) -> int:
    """Write the project and say what comes next; raises ``LaunchError`` where the folder has something in it."""
    parser = Parser(prog="./run init", description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="is made; it may be there if it is empty")
    parser.add_argument("--name", help="of the platform that is tested: small letters, digits and hyphens (FOLDER's)")
    asked = parser.parse_args(argv)
    folder = asked.folder.absolute()
    name = _checked(asked.name or re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-"))
    _must_be_free(folder)
    try:
        written = list(_write(folder, name))
    except OSError as error:
        raise LaunchError(f"{folder} cannot be written: {error.strerror or error}.") from error
    say(f"{paint(str(folder), 'bold')}: {', '.join(written)}")
    say(f"Next: cd {quote(str(asked.folder))} && {_command()} all")
    return 0


def _command() -> str:
    if INSTALLED or shutil.which("lockstep"):
        return "lockstep"
    return f"PYTHONPATH={quote(str(ROOT / 'libraries'))} {quote(str(ROOT / '.venv' / 'bin' / 'python'))} -m lockstep"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise LaunchError(f"{name!r} is no name of a platform: small letters, digits and hyphens, a letter first. "
                          "Give one: ./run init FOLDER --name shop")  # fmt: skip
    if name in ("embedded", "compose", "remote"):
        raise LaunchError(f"{name} is the name of a target that comes with Lockstep: ./run init FOLDER --name shop")
    return name


def _must_be_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise LaunchError(f"{folder} is a file.")
    if folder.is_dir() and any(folder.iterdir()):
        raise LaunchError(f"{folder} is not empty: name a folder that is not there yet.")


def _write(folder: Path, name: str) -> Iterator[str]:
    """Fill the folder; yields what is written, as paths within it."""
    values = {"name": name, "version": version()}
    for source in sorted(path for path in TEMPLATE.rglob("*") if path.is_file()):
        relative = Path(*(part.replace("dot-", ".", 1) for part in source.relative_to(TEMPLATE).parts))
        text = source.read_text("utf-8")
        for key, value in values.items():
            text = text.replace(f"{{{{{key}}}}}", value)
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        yield str(relative)
    target = folder / "variables" / "targets" / name / "target.yaml"
    target.parent.mkdir(parents=True)
    target.write_text(new.skeleton(name), "utf-8")
    yield str(target.relative_to(folder))


def version() -> str:
    """The version of Lockstep: of the installed package, or what the checkout would be built as."""
    if INSTALLED:
        return importlib.metadata.version(home.DISTRIBUTION)
    path = ROOT / "pyproject.toml"
    return str(tomllib.loads(path.read_text("utf-8"))["project"]["version"]) if path.exists() else "unknown"
