"""What the user asked of a run."""

from __future__ import annotations

import random
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher import options, shards, tests_by_id
from launcher.console import LaunchError
from launcher.options import Options
from launcher.paths import COMMAND, RESULTS
from launcher.shards import Shard


@dataclass(frozen=True)
class RunRequest:
    """One run as asked for; ``robot`` are the options for Robot, ``inherited`` those that ``ROBOT_OPTIONS`` adds."""

    names: tuple[str, ...]
    target: str = "embedded"
    seed: str = "0"
    processes: int | None = None
    certified: bool = False
    random_order: bool = False
    patient: bool = False
    """Whether promises of more than a minute are waited for."""
    pace: float = 0.0
    """At most so many requests a second, of all workers; 0 where there is no such limit."""
    results: Path = RESULTS
    expected_failures: Path | None = None
    shard: Shard | None = None
    """Which part of the suites is run, where other machines run the others."""
    robot: Options = field(default_factory=dict)
    inherited: Options = field(default_factory=dict)
    timed: bool = True
    """Whether the run's own budget counts: not where something is measured that slows it down."""
    holes_allowed: bool = False
    """Whether requirements without a test do no harm even to a certified run: they are not what was run."""

    @property
    def options(self) -> Options:
        """All options for Robot."""
        return options.joined(self.inherited, self.robot)

    @property
    def whole(self) -> bool:
        """True where no option narrows the selection, so that a requirement without a test is a hole."""
        return not (self.tests or self.shard or options.narrowing(self.options))

    @property
    def name(self) -> str:
        """What is run: the areas or suites with what selects among their tests, so that runs of the same compare."""
        selecting = {name: value for name, value in self.options.items() if options.narrowing({name: value})}
        part = f"--shard {self.shard}" if self.shard else ""
        return " ".join(filter(None, [*self.names, shlex.join(options.typed(selecting)), part]))

    @property
    def tests(self) -> tuple[str, ...]:
        """The tags of the tests that are named by id."""
        return tests_by_id.chosen(self.names)

    @property
    def command(self) -> str:
        """What to type to repeat the run."""
        typed = shlex.join([COMMAND, *self.names, *self._own, *options.typed(self.robot)])
        inherited = shlex.join(options.typed(self.inherited))
        return f"{options.ENVIRONMENT}={shlex.quote(inherited)} {typed}" if inherited else typed

    @property
    def words(self) -> list[str]:
        """The arguments of another launcher for this very request."""
        return [*self.names, *self._own, "--results", str(self.results), *options.typed(self.options)]

    @property
    def _own(self) -> list[str]:
        words = ["--seed", self.seed]
        words += ["--target", self.target] * (self.target != "embedded")
        words += ["--certified"] * self.certified + ["--random"] * self.random_order + ["--patient"] * self.patient
        if self.pace:
            words += ["--pace", f"{self.pace:g}"]
        if self.shard:
            words += ["--shard", str(self.shard)]
        if self.processes:
            words += ["--processes", str(self.processes)]
        if self.expected_failures:
            words += ["--expected-failures", str(self.expected_failures)]
        return words


def parse(argv: Sequence[str], environ: Mapping[str, str], also: Sequence[str] = ()) -> RunRequest:
    """Read ``argv`` as Robot would: areas or suites, and options, those of the launcher among Robot's.

    ``also`` are options that the command has taken out, and that a wrong one may have meant. Raises ``LaunchError`` for
    what is not understood, and for options that would break the run's own files.
    """
    names, given = options.read(argv, also=also)
    if empty := next((name for name in options.OWN_NAMES if given.get(name) == ""), None):
        raise LaunchError(f"--{empty} needs a value.")
    inherited = options.inherited(environ)
    options.refuse(given)
    options.refuse(inherited, f"{options.ENVIRONMENT}: ")
    results = given.get("results") or given.get("outputdir") or environ.get("LOCKSTEP_RESULTS")
    return RunRequest(
        names=tuple(dict.fromkeys(names)),
        target=_target(given.get("target") or environ.get("LOCKSTEP_TARGET") or "embedded"),
        seed=given.get("seed") or environ.get("LOCKSTEP_SEED") or str(random.SystemRandom().randrange(10**9)),
        processes=_count(given.get("processes")),
        certified=bool(given.get("certified")),
        random_order=bool(given.get("random")),
        patient=bool(given.get("patient")) or environ.get("LOCKSTEP_PATIENT", "") not in ("", "0"),
        pace=_pace(given.get("pace") or environ.get("LOCKSTEP_PACE")),
        results=Path(results or inherited.get("outputdir") or RESULTS).absolute(),
        expected_failures=_expected_failures(given.get("expectedfailures")),
        shard=shards.parse(given["shard"]) if given.get("shard") else None,
        robot=_for_robot(given),
        inherited=_for_robot(inherited),
    )


def _for_robot(given: Options) -> Options:
    """Without the launcher's own; the output to run again from is named past links, which the run's end replaces."""
    found = {name: value for name, value in given.items() if name not in (*options.OWN_NAMES, "outputdir")}
    for name in ("rerunfailed", "rerunfailedsuites"):
        if name in found and Path(found[name]).exists():
            found[name] = str(Path(found[name]).resolve())
    return found


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or int(text) < 1:
        raise LaunchError(f"--processes needs a whole number from 1, not {text!r}.")
    return int(text)


def _pace(text: str | None) -> float:
    if not text:
        return 0.0
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not (0 < pace < float("inf")):
        raise LaunchError(f"--pace needs a number of requests a second, not {text!r}.")
    return pace


def _target(text: str) -> str:
    """A path to a profile is made absolute, since it is read in other folders, too."""
    return str(Path(text).absolute()) if "/" in text or text.endswith((".yaml", ".yml")) else text


def _expected_failures(text: str | None) -> Path | None:
    if text is None:
        return None
    path = Path(text).absolute()
    if not path.is_file():
        raise LaunchError(f"The expected failures {path} cannot be read: No such file or directory.")
    return path
