"""Robot's options: read by Robot's own parser, and what ``./run`` does with each of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from robot.errors import DataError
from robot.run import USAGE
from robot.utils import ArgumentParser, cmdline2list, normalize
from robot.utils.argumentparser import ArgFileParser

from launcher.console import LaunchError, did_you_mean

ENVIRONMENT = "ROBOT_OPTIONS"
Options = Mapping[str, Any]


class Use(Enum):
    """What becomes of an option."""

    PASSES = "goes on to the robot of each suite"
    NARROWS = "goes on, and the run is not a whole one"
    REFUSED = "is refused"
    OURS = "is the launcher's own"


@dataclass(frozen=True)
class Rule:
    """What becomes of one option; ``why`` ends the sentence "… is fixed by ./run, which …"."""

    use: Use
    why: str = ""


_PASSES, _NARROWS, _OURS = Rule(Use.PASSES), Rule(Use.NARROWS), Rule(Use.OURS)
_PUBLISHED = Rule(Use.REFUSED, "publishes its own files (--results moves them)")

RULES: dict[str, Rule] = {
    # Which tests.
    "test": _NARROWS, "task": _NARROWS, "suite": _NARROWS, "include": _NARROWS, "exclude": _NARROWS,
    "rerunfailed": _NARROWS, "rerunfailedsuites": _NARROWS, "extension": _NARROWS, "parseinclude": _NARROWS,
    "prerunmodifier": _NARROWS,
    "runemptysuite": Rule(Use.REFUSED, "calls a run without tests not well"),
    # How they run.
    "rpa": _PASSES, "language": _PASSES, "parser": _PASSES, "name": _PASSES, "doc": _PASSES, "metadata": _PASSES,
    "settag": _PASSES, "variable": _PASSES, "variablefile": _PASSES, "pythonpath": _PASSES, "listener": _PASSES,
    "randomize": _PASSES, "skip": _PASSES, "skiponfailure": _PASSES, "exitonfailure": _PASSES, "exitonerror": _PASSES,
    "skipteardownonexit": _PASSES,
    "dryrun": Rule(Use.REFUSED, "publishes what was proved, and a dry run proves nothing"),
    # What is written.
    "outputdir": _OURS,
    "output": _PUBLISHED, "log": _PUBLISHED, "report": _PUBLISHED, "xunit": _PUBLISHED, "timestampoutputs": _PUBLISHED,
    "legacyoutput": _PUBLISHED, "splitlog": _PUBLISHED,
    "debugfile": Rule(Use.REFUSED, "runs suites side by side, and each would overwrite it "
                                   "(--loglevel TRACE puts as much into log.html)"),
    "nostatusrc": Rule(Use.REFUSED, "shows by its exit code how the run ended"),
    "loglevel": _PASSES, "logtitle": _PASSES, "reporttitle": _PASSES, "reportbackground": _PASSES,
    "maxerrorlines": _PASSES, "maxassignlength": _PASSES, "suitestatlevel": _PASSES, "tagstatinclude": _PASSES,
    "tagstatexclude": _PASSES, "tagstatcombine": _PASSES, "tagdoc": _PASSES, "tagstatlink": _PASSES,
    "expandkeywords": _PASSES, "removekeywords": _PASSES, "flattenkeywords": _PASSES, "prerebotmodifier": _PASSES,
    # What a robot shows; it goes into that robot's own files.
    "console": _PASSES, "dotted": _PASSES, "quiet": _PASSES, "consolewidth": _PASSES, "consolecolors": _PASSES,
    "consolelinks": _PASSES, "consolemarkers": _PASSES,
    # What Robot's parser does by itself.
    "argumentfile": _OURS,
    "help": Rule(Use.REFUSED, "has help of its own: ./run <area> --help"),
    "version": Rule(Use.REFUSED, "has it of its own: ./run --version"),
}  # fmt: skip

OF_VARIABLES = {"target": "--target"}
"""Variables of Robot that an option of the launcher stands for, since it judges by the same."""

OWN = """
    --target name
    --seed text
    --processes number
    --results dir
    --expected-failures file
    --certified
    --random
    --patient
    --pace number
    --shard part
"""
OWN_NAMES = (
    "target",
    "seed",
    "processes",
    "results",
    "expectedfailures",
    "certified",
    "random",
    "patient",
    "pace",
    "shard",
)
_OPTION = re.compile(r"^\s{1,4}(?:-\S\s)*--(\S{2,})", re.MULTILINE)
_UNKNOWN = re.compile(r"option --(\S+) not recognized")
_PABOT = re.compile(
    r"testlevelsplit|chunk|ordering|command|endcommand|hive|norebot|(no)?pabotlib(host|port)?|processtimeout"
    r"|resourcefile|pabotprerunmodifier|suitesfrom|artifacts(insubfolders)?|pabotconsole|verbose|argumentfile\d+"
)


class _ArgumentFiles(ArgFileParser):  # type: ignore[misc]
    """Robot's own, which here does not read for ever a file that includes itself."""

    def __init__(self, options: Sequence[str], within: tuple[str, ...] = ()) -> None:
        super().__init__(options)
        self._within = within

    def _get_args(self, path: str) -> list[str]:
        way = (*self._within, path)
        if os.path.realpath(path) in map(os.path.realpath, self._within):
            raise DataError(f"The argument file {path!r} includes itself: {' → '.join(way)}.")
        args: list[str] = _ArgumentFiles(self.config, way).process(super()._get_args(path))
        return args


class _Parser(ArgumentParser):  # type: ignore[misc]
    """Robot's own, which here leaves names as they are typed: it would match them with the files of this folder."""

    def _process_possible_argfile(self, args: list[str]) -> list[str]:
        found: list[str] = _ArgumentFiles(["-A", "--argumentfile"]).process(args)
        return found

    def _glob_args(self, args: list[str]) -> list[str]:
        return args


def read(words: Sequence[str], *, own: str = OWN, also: Sequence[str] = ()) -> tuple[list[str], Options]:
    """Names and options among ``words``, argument files read; options are Robot's own long names in lower case.

    Raises ``LaunchError`` for what is no option, with the nearest one, and for pabot's.
    """
    parser = _Parser(USAGE + own, auto_help=False, auto_version=False)
    names: list[str] = []
    options: Options = {}
    rest = list(words)
    while rest:
        while rest and not rest[0].startswith("-"):
            names.append(rest.pop(0))
        try:
            given, rest = parser.parse_args(rest)
        except DataError as error:
            known = [*also, *(f"--{option.lower()}" for option in _OPTION.findall(USAGE + own))]
            raise LaunchError(_explained(error.message, known)) from error
        options = joined(options, given)
    return names, options


def inherited(environ: Mapping[str, str]) -> Options:
    """What ``ROBOT_OPTIONS`` gives to each robot."""
    try:
        names, options = read(cmdline2list(environ.get(ENVIRONMENT, "")), own="")
    except (LaunchError, ValueError) as error:
        raise LaunchError(f"{ENVIRONMENT}: {error}") from error
    if names:
        raise LaunchError(f"{ENVIRONMENT} holds {names[0]!r}, which is no option.")
    return options


def joined(first: Options, then: Options) -> Options:
    """``first`` followed by ``then``: values are collected where there may be several, else the last one counts."""
    found = {name: value for name, value in first.items() if value not in (None, [])}
    for name, value in then.items():
        if value not in (None, []):
            found[name] = [*found.get(name, []), *value] if isinstance(value, list) else value
    return found


def refuse(options: Options, where: str = "") -> None:
    """Raise ``LaunchError`` with the way out for an option that would break the run, or prove nothing."""
    for name, value in options.items():
        spelt = _spelt(name, value)
        rule = RULES.get(spelt, _PASSES)
        if rule.use is Use.REFUSED:
            raise LaunchError(f"{where}--{spelt} is fixed by ./run, which {rule.why}. {_way_out(spelt)}")
    for given in options.get("variable", ()):
        variable, _, value = given.partition(":")
        if own := OF_VARIABLES.get(normalize(variable, ignore="_")):
            raise LaunchError(f"{where}--variable {given} would not reach ./run itself: use {own} {value}.")


def narrowing(options: Options) -> bool:
    """True if one of them selects, so that a requirement without a test may have one outside the selection."""
    return any(RULES.get(name, _PASSES).use is Use.NARROWS for name in options)


def typed(options: Options) -> list[str]:
    """The words to type for these options: ``--include p0``."""
    found: list[str] = []
    for option, value in _pairs(options):
        found += [option] if value is None else [option, value] if value[:1] not in ("", "-") else [f"{option}={value}"]
    return found


def attached(options: Options) -> list[str]:
    """One word an option, ``--include=p0``, so that no value is taken for an option."""
    return [option if value is None else f"{option}={value}" for option, value in _pairs(options)]


def _pairs(options: Options) -> Iterator[tuple[str, str | None]]:
    for name, value in options.items():
        if isinstance(value, bool):
            yield f"--{_spelt(name, value)}", None
        else:
            yield from ((f"--{name}", one) for one in (value if isinstance(value, list) else [value]))


def _spelt(name: str, value: object) -> str:
    return f"no{name}" if value is False else name


def _way_out(name: str) -> str:
    if name in ("help", "version"):
        return "Robot's: .venv/bin/robot --" + name
    if name == "dryrun":
        return "Use plain robot for --dryrun: .venv/bin/robot --dryrun --outputdir results/dryrun suites/critical"
    return f"Use plain robot or pabot for --{name}."


def _explained(message: str, known: Sequence[str]) -> str:
    """Robot's message, with whose option it is or which one was meant."""
    unknown = _UNKNOWN.search(message)
    if not unknown:
        return f"{message}. More: ./run --help" if message.startswith("option") else message
    name = unknown[1]
    if _PABOT.fullmatch(name):
        return f"--{name} is pabot's; ./run orders and merges itself. Use plain pabot for it."
    return f"{message}.{did_you_mean(f'--{name}', known)} More: ./run --help"
