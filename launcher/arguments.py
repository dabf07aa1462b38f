"""What the user asked of a run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import tests_by_id
from launcher.console import LaunchError
from launcher.paths import RESULTS

_VALUED = ("--target", "--seed", "--processes", "--results", "--expected-failures")
_FLAGS = ("--certified", "--random")
_FIXED = {
    "-o": "--output", "-l": "--log", "-r": "--report", "-x": "--xunit", "-T": "--timestampoutputs",
    "--output": "", "--log": "", "--report": "", "--xunit": "", "--timestampoutputs": "",
}  # fmt: skip
_NARROWING = (
    "-t", "--test", "--task", "-s", "--suite", "-i", "--include", "-e", "--exclude", "-R", "--rerunfailed",
    "-S", "--rerunfailedsuites", "--prerunmodifier", "-A", "--argumentfile",
)  # fmt: skip
_PABOT_ONLY = ("--testlevelsplit", "--chunk", "--shard", "--ordering", "--command", "--hive", "--no-rebot")


@dataclass(frozen=True)
class RunRequest:
    """One run as asked for; everything the launcher does not know itself is in ``robot_args``."""

    names: tuple[str, ...]
    target: str = "embedded"
    seed: str = "0"
    processes: int | None = None
    certified: bool = False
    random_order: bool = False
    results: Path = RESULTS
    expected_failures: Path | None = None
    robot_args: tuple[str, ...] = ()
    timed: bool = True
    """Whether the run's own budget counts: not where something is measured that slows it down."""
    holes_allowed: bool = False
    """Whether requirements without a test do no harm even to a certified run: they are not what was run."""

    @property
    def whole(self) -> bool:
        """True where no option narrows the selection, so that a requirement without a test is a hole."""
        return not (self.tests or any(arg.split("=")[0] in _NARROWING for arg in self.robot_args))

    @property
    def tests(self) -> tuple[str, ...]:
        """The tags of the tests that are named by id."""
        return tests_by_id.chosen(self.names)


def parse(argv: Sequence[str], environ: dict[str, str]) -> RunRequest:
    """Read ``argv``: areas or suites first, then options; the launcher's own are taken out wherever they stand.

    Raises ``LaunchError`` for a value that is missing or wrong, and for options that would break the run's own files.
    """
    names: list[str] = []
    rest: list[str] = []
    values: dict[str, str] = {}
    flags: set[str] = set()
    words = iter(argv)
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--outputdir" or word == "-d":
            option = "--results"
        if option in _VALUED:
            values[option] = value if equals else _next(words, option)
        elif word in _FLAGS:
            flags.add(word)
        elif option in _FIXED:
            raise LaunchError(f"{word} is fixed by ./run, which publishes its own files (--results moves them). "
                       f"Use plain robot or pabot for {_FIXED[option] or option}.")  # fmt: skip
        elif option in _PABOT_ONLY:
            raise LaunchError(f"{option} is pabot's; ./run orders and merges itself. Use plain pabot for it.")
        elif not rest and not word.startswith("-"):
            names.append(word)
        else:
            rest.append(word)
    return RunRequest(
        names=tuple(names),
        target=_target(values.get("--target") or environ.get("LOCKSTEP_TARGET") or "embedded"),
        seed=values.get("--seed") or environ.get("LOCKSTEP_SEED") or str(random.SystemRandom().randrange(10**9)),
        processes=_count(values.get("--processes")),
        certified="--certified" in flags,
        random_order="--random" in flags,
        results=Path(values.get("--results") or environ.get("LOCKSTEP_RESULTS") or RESULTS).absolute(),
        expected_failures=Path(values["--expected-failures"]).absolute() if "--expected-failures" in values else None,
        robot_args=tuple(rest),
    )


def _next(words: object, option: str) -> str:
    value = next(words, None)  # type: ignore[call-overload]
    if not isinstance(value, str):
        raise LaunchError(f"{option} needs a value.")
    return value


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or int(text) < 1:
        raise LaunchError(f"--processes needs a whole number from 1, not {text!r}.")
    return int(text)


def _target(text: str) -> str:
    """A path to a profile is made absolute, since the run works in a folder of its own."""
    return str(Path(text).absolute()) if "/" in text or text.endswith((".yaml", ".yml")) else text
