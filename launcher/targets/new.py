"""Writes the dialect of a target, to be filled in: a skeleton with comments, or a copy of one that is similar.

It is variables/targets/NAME/target.yaml, and can be read and checked from the start.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from lockstep.dialect import DialectError, find, load
from lockstep.dialect.dialect import FILE, METHODS_FILE, folders, names

from launcher.console import LaunchError, did_you_mean, paint, say
from launcher.parsing import Parser

SKELETON = Path(__file__).with_name("skeleton.yaml")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
PLATFORM = re.compile(r"\{platform\.(?P<name>\w+)(?:\.(?P<number>\d+))?\}")
_EMBEDDED = re.compile(r"control:.*\bembedded\b|\s+adapter:\s*embedded\b")
_DEFAULTS = (
    ("socket", "ws://127.0.0.1:8000/socket"),
    ("db_url", "postgresql://127.0.0.1:5432/name"),
    ("redis_url", "redis://127.0.0.1:6379"),
    ("url", "http://127.0.0.1:8000"),
)


def main(argv: Sequence[str]) -> int:
    """Write the dialect and say what comes next; raises ``LaunchError`` where that name cannot be given."""
    parser = Parser(prog="./run target new", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="small letters, digits and hyphens: shop, shop-staging")
    parser.add_argument("--like", metavar="Y", help="begin with a copy of this target's dialect (./run target list)")
    asked: argparse.Namespace = parser.parse_args(argv)
    path = _place(asked.name)
    text, methods = _copy(asked.name, asked.like) if asked.like else (skeleton(asked.name), None)
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    if methods is not None:
        (path.parent / METHODS_FILE).write_text(methods, "utf-8")
    _introduce(asked.name, path)
    return 0


def _place(name: str) -> Path:
    if not _NAME.fullmatch(name):
        hint = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        better = f" How about {hint}?" if _NAME.fullmatch(hint) else ""
        raise LaunchError(
            f"{name!r} is no name of a target: small letters, digits and hyphens, a letter first.{better}"
        )
    if name in names():
        raise LaunchError(f"There is a target {name} already: {find(name)}. To try it: ./run target check {name}")
    folder = folders()[0] / name
    if folder.exists() or folder.with_suffix(".yaml").exists():
        there = folder if folder.exists() else folder.with_suffix(".yaml")
        raise LaunchError(f"{there} is there already; give another name.")
    return folder / FILE


def _variable(name: str) -> str:
    return name.replace("-", "_").upper()


def skeleton(name: str) -> str:
    """The dialect of a target ``name``, to be filled in."""
    text = SKELETON.read_text("utf-8")
    for field, value in (("title", name), ("name", name), ("variable", _variable(name))):
        text = text.replace(f"{{{{{field}}}}}", value)
    return text


def _copy(name: str, like: str) -> tuple[str, str | None]:
    """The dialect of ``like`` for another name, and its ``dialect.py``; the environment gives what its run gave."""
    try:
        source = find(like)
    except DialectError as error:
        raise LaunchError(
            f"There is no dialect of a target {like!r}.{did_you_mean(like, names())} There are {', '.join(names())}."
        ) from error
    # Nobody else's processes are reached by the project's own control.
    lines = without_control(source.read_text("utf-8"))
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    text = "\n".join(line for line in lines if not line.startswith("name:"))
    text = re.sub(r"^dialect:.*$", lambda found: f"{found[0]}\nname: {name}", text, count=1, flags=re.MULTILINE)
    text = PLATFORM.sub(lambda found: _from_environment(_variable(name), found), text)
    original = source.parent.name if source.name == FILE else source.stem
    head = f"# The dialect of {name}, begun as a copy of that of {original}."
    methods = source.parent / METHODS_FILE
    there = source.name == FILE and methods.is_file()
    return f"{head}\n{text.strip()}\n", methods.read_text("utf-8") if there else None


def without_control(text: str) -> list[str]:
    """The lines of a dialect but for those of the control that only the run's own platform has."""
    return [line for line in text.splitlines() if not _EMBEDDED.match(line)]


def _from_environment(prefix: str, found: re.Match[str]) -> str:
    """What stands for a value of a platform that the run starts: a variable, with a default by which the file loads."""
    name = found["name"].removesuffix("s") if found["number"] else found["name"]
    number = f"_{int(found['number']) + 1}" if found["number"] else ""
    default = next((value for word, value in _DEFAULTS if word in name), "to-be-set")
    return f"${{{prefix}_{name.upper()}{number}:-{default}}}"


def _introduce(name: str, path: Path) -> None:
    say(f"{paint(str(path), 'bold')} is written.")
    try:
        dialect = load(path)
    except DialectError as error:
        say(f"It cannot be read as long as what it needs is not there:\n  {error}")
    else:
        first = next(iter(dialect.endpoints.values()))
        line = str(first.place.at("url")).rpartition(":")[2]
        known = sorted({word for values in dialect.place.source.environment.values() for word, _ in values})
        say(
            f"Line {line} has its address, {first.url}."
            + (f" Set {', '.join(known)}, or write what they stand for." if known else "")
        )
    say(f"Next: ./run target check {quote(name)}")
    say("It says which words work, and which line is to be changed. Each entry: docs/dialect.md")
