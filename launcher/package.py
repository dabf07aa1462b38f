"""Builds the package and shows that it works: wheel and sdist are checked, and installed in an empty environment.

There each library runs the example of its page with nothing but what its page says that it needs, and a new project
(lockstep init) is green on the embedded platform.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import examples, interrupts
from launcher.console import LaunchError, say, verdict
from launcher.ended import Ended
from launcher.parsing import Parser
from launcher.paths import RESULTS, ROOT
from launcher.workers import environment

_PAGES = ROOT / "docs" / "libraries"
_NEEDS = re.compile(r"^Needs: `pip install '?robotframework-lockstep(?:\[(?P<extra>[\w,]+)\])?'?`", re.MULTILINE)
_EXAMPLE = re.compile(r"```robotframework\n(.*?)```", re.DOTALL)
_LAST_LINES = 25


@dataclass(frozen=True)
class Example:
    """The ten lines of a library's page, and the extra of the package that they need."""

    page: str
    text: str
    extra: str = ""


def conduct(argv: Sequence[str]) -> Ended:
    """Build, check, install, run; the exit code is 1 where any of it failed."""
    parser = Parser(prog="./run package", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / "package", metavar="DIR",
                        help="where wheel and sdist go (results/package/)")  # fmt: skip
    parser.add_argument("--build-only", action="store_true", help="build and check, install nothing")
    asked: argparse.Namespace = parser.parse_args(argv)
    failures: list[str] = []
    count = 0
    for name, said in _steps(asked):
        count += 1
        say(f"{verdict('FAIL' if said else 'PASS', 5)} {name}")
        if said:
            failures.append(name)
            say("\n".join(said.splitlines()[-_LAST_LINES:]))
    figures = f"{count - len(failures)} passed, {len(failures)} failed"
    say(figures)
    return Ended(1 if failures else 0, figures, tuple(failures))


def _steps(asked: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Each step with what it said where it failed, else with nothing."""
    out = asked.out.absolute()
    shutil.rmtree(out, ignore_errors=True)
    yield "build", _said([sys.executable, "-m", "hatchling", "build", "-d", str(out)])
    built = sorted(out.glob("robotframework_lockstep-*"))
    wheels = [path for path in built if path.suffix == ".whl"]
    if len(built) != 2 or len(wheels) != 1:
        raise LaunchError(f"{out} does not hold a wheel and an sdist.", code=1)
    yield "twine check", _said([sys.executable, "-m", "twine", "check", "--strict", *map(str, built)])
    if not asked.build_only:
        with tempfile.TemporaryDirectory(prefix="lockstep-package-") as folder:
            yield from _tried(Path(folder), wheels[0])


def _tried(folder: Path, wheel: Path) -> Iterator[tuple[str, str]]:
    python = folder / "empty" / "bin" / "python"
    yield "empty environment", _said([sys.executable, "-m", "venv", str(python.parents[1])])
    found = list(pages())
    with examples.platform(folder) as variables:
        for extra in ("", "fuzz", "platform", "fuzz,platform", "load,platform", "browser,platform"):
            wanted = f"{wheel}[{extra}]" if extra else str(wheel)
            if not any(example.extra == extra for example in found):
                continue
            yield f"pip install {wheel.name}{f'[{extra}]' if extra else ''}", _installed(python, wanted)
            for example in found:
                if example.extra == extra:
                    yield (
                        f"example of docs/libraries/{example.page}.md",
                        _run(python, example, folder, variables(example.page)),
                    )
    yield "lockstep init", _said([str(python.parent / "lockstep"), "init", "shop"], folder)
    yield "lockstep all in the new project", _said([str(python.parent / "lockstep"), "all"], folder / "shop")


def pages(folder: Path = _PAGES) -> Iterator[Example]:
    """The examples of all libraries; raises ``LaunchError`` for a page that does not say what it needs."""
    for path in sorted(folder.glob("*.md")):
        if path.stem == "lockstep":
            continue
        text = path.read_text("utf-8")
        needs, example = _NEEDS.search(text), _EXAMPLE.search(text)
        if not needs or not example:
            raise LaunchError(
                f"{path} has no line 'Needs: `pip install robotframework-lockstep`.' with an example after it."
            )
        yield Example(path.stem, example[1], needs["extra"] or "")


def _installed(python: Path, wanted: str) -> str:
    return _said([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted])


def _run(python: Path, example: Example, folder: Path, variables: Mapping[str, str]) -> str:
    own = folder / example.page
    own.mkdir()
    (own / "example.robot").write_text(example.text, "utf-8")
    given = [word for name, value in variables.items() for word in ("--variable", f"{name}:{value}")]
    if "platform" in example.extra:  # it starts its own
        given = []
    command = [str(python), "-m", "robot", "--console", "dotted", "--outputdir", str(own), *given, "example.robot"]
    trusted = {"REQUESTS_CA_BUNDLE": variables["CA"], "SSL_CERT_FILE": variables["CA"]}
    return _said(command, own, LOCKSTEP_SERVICE_TOKEN=variables["SERVICE"], **trusted)


def _said(command: Sequence[str], folder: Path = ROOT, **extra: str) -> str:
    """What the command said where it failed; nothing of this checkout is on its path but where it works in there."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env = environment(extra) if folder == ROOT else {**clean, **extra}
    done = interrupts.output(list(command), cwd=folder, env=env)
    return (done.stdout or f"it ended with {done.returncode}") if done.returncode else ""
