"""Each command says what it does, and starts nothing for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from launcher.commands import COMMANDS
from tests.launcher.launching import ROOT, command, launcher_environment

BENCHMARKS = sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))


def asked(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and output of ``./run`` in ``folder``, where it leaves nothing."""
    done = subprocess.run(
        command(*words), cwd=folder, env=launcher_environment(LOCKSTEP_RESULTS=str(folder / "results")),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not list(folder.iterdir())
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", [*COMMANDS, "critical"])
def test_every_command_says_what_it_does(name: str, tmp_path: Path) -> None:
    code, said = asked(tmp_path, name, "--help")
    assert code == 0, said
    assert f"./run {'<area>' if name == 'critical' else name}" in said
    assert len(said.splitlines()) < 60


@pytest.mark.parametrize("name", ["critical", "target", "mutate", "baseline"])
def test_help_may_be_asked_for_in_three_ways(name: str, tmp_path: Path) -> None:
    said = asked(tmp_path, name, "--help")
    assert asked(tmp_path, "help", name) == asked(tmp_path, name, "-h") == said


def test_the_help_of_an_area_names_the_launchers_options_and_where_robots_are(tmp_path: Path) -> None:
    assert asked(tmp_path, "test", "pytest", "--help") == asked(tmp_path, "help", "test")
    code, said = asked(tmp_path, "critical", "--certified", "--HELP")
    assert code == 0
    for words in ("--target", "--seed", "--processes", "--certified", "--random", "--results", "--expected-failures"):
        assert words in said
    assert ".venv/bin/robot --help" in said


def test_the_help_of_all_names_every_command(tmp_path: Path) -> None:
    code, said = asked(tmp_path, "help")
    assert code == 0
    assert [name for name in COMMANDS if f"./run {name}" not in said] == []
    assert asked(tmp_path, "--help") == asked(tmp_path, "-h") == (0, said)
    assert asked(tmp_path) == (2, said)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_says_what_it_measures(name: str, tmp_path: Path) -> None:
    code, said = asked(tmp_path, "help", "bench", name)
    assert code == 0, said
    assert f"./run bench {name}" in said
    assert name in asked(tmp_path, "bench", "--help")[1]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["help", "critcal"], "critical"),
        (["nothing_like_it", "--help"], ""),
        (["prove", "--repaet", "3"], "--repeat"),
        (["mutate", "--smaple", "3"], "--sample"),
        (["soak", "--rnus", "3"], "--runs"),
        (["soak", "--procesess", "3"], "--processes"),
        (["coverage", "--lesat", "3"], "--least"),
        (["explore", "--cuont", "3"], "--count"),
        (["list", "--hlep"], "--help"),
        (["lint", "--hlep"], "--help"),
        (["lint", "mipy"], "mypy"),
        (["test", "pytset"], "pytest"),
        (["docs", "--chekc"], "--check"),
        (["up", "--reslts", "x"], "--results"),
        (["bench", "sessions", "--quikc"], "--quick"),
        (["bench", "session"], "sessions"),
        (["baseline", "save", "--rusn", "2"], "--runs"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_nearest_that_is(
    words: list[str], meant: str, tmp_path: Path
) -> None:
    code, said = asked(tmp_path, *words)
    assert code == 2, said
    assert f"Did you mean {meant!r}?" in said or not meant
    assert "Traceback" not in said
    assert len(said.splitlines()) < 5


@pytest.mark.parametrize(
    ("words", "way_out"), [("--test c05-03 --seed 1", "./run C05-03"), ("--include p0", "./run critical")]
)
def test_options_without_an_area_are_refused_with_a_way_out(words: str, way_out: str, tmp_path: Path) -> None:
    code, said = asked(tmp_path, *words.split())
    assert (code, said) == (2, f"Say what to run: {way_out}. More: ./run --help\n")


def test_the_version_is_that_of_what_results_depend_on(tmp_path: Path) -> None:
    code, said = asked(tmp_path, "--version")
    assert code == 0
    assert said.startswith("Robot Framework 7")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    shown = subprocess.run(
        ["bash", "-c", "set -o pipefail; \"$@\" | true", "bash", *command("list")],
        env=launcher_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (shown.returncode, shown.stderr) == (141, "")
