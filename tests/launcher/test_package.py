"""The package that pip installs: what is in it, what it needs, and that it works from where it was unpacked."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from launcher import package, paths
from tests.launcher.launching import ROOT, launcher_environment

LISTS = ("requirements.txt", "requirements-browser.txt", "requirements-load.txt")


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def pinned() -> Iterator[Requirement]:
    for name in LISTS:
        lines = (ROOT / name).read_text("utf-8").splitlines() if (ROOT / name).exists() else ()
        for line in lines:
            words = line.partition("#")[0].strip()
            if words and not words.startswith("-r"):
                yield Requirement(words)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as pip does it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def lockstep(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The installed command, in ``folder``."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "lockstep", *words], cwd=folder, capture_output=True, text=True,
        check=False, env=launcher_environment(PYTHONPATH=f"{site}:{site / 'lockstep_home' / 'resources'}"),
    )  # fmt: skip


@pytest.mark.req("E01")
def test_each_pin_is_within_what_the_package_asks_for() -> None:
    asked = [
        *project()["dependencies"],
        *(line for extra in project()["optional-dependencies"].values() for line in extra),
    ]
    ranges = {requirement.name.lower(): requirement.specifier for requirement in map(Requirement, asked)}
    outside = []
    for pin in pinned():
        (version,) = [one.version for one in pin.specifier]
        if pin.name.lower() not in ranges or version not in ranges[pin.name.lower()]:
            outside.append(f"{pin} is not within the dependencies and extras of pyproject.toml")
    assert not outside


@pytest.mark.req("E01")
def test_each_library_is_importable_typed_and_has_a_page_with_an_example(unpacked: Path) -> None:
    names = {folder.name for folder in (ROOT / "libraries").iterdir() if (folder / "__init__.py").exists()}
    assert {folder.name for folder in unpacked.iterdir() if (folder / "py.typed").exists()} == names
    pages = {example.page: example for example in package.pages()}
    assert len(pages) == len(names) - 1  # what libraries share has a page without an example
    extras = project()["optional-dependencies"].keys()
    assert {extra for example in pages.values() for extra in example.extra.split(",") if extra} <= set(extras)
    assert not list(unpacked.rglob("__pycache__"))
    assert not (unpacked / "lockstep_home" / "libraries").exists()


@pytest.mark.req("E01")
def test_the_installed_command_is_the_launcher_of_the_package(unpacked: Path, tmp_path: Path) -> None:
    said = lockstep(unpacked, tmp_path, "--help")
    assert said.returncode == 0, said.stderr
    assert "lockstep init FOLDER" in said.stdout
    assert "./run" not in said.stdout
    refused = lockstep(unpacked, tmp_path, "prove")
    assert refused.returncode == 2
    assert "In a checkout: run prove" in refused.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.req("E02")
def test_a_new_project_is_green_at_once(unpacked: Path, tmp_path: Path) -> None:
    made = lockstep(unpacked, tmp_path, "init", "Web Shop")
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "Web Shop"
    run = lockstep(unpacked, folder, "all", "--certified")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 tests, 3 passed" in run.stdout
    assert (folder / "results" / "latest" / "summary.json").exists()
    listed = lockstep(unpacked, folder, "list")
    assert "OWN-01  A User Who Signs In Is Known  A01" in listed.stdout
    assert "0 without a test" in listed.stdout
    checked = lockstep(unpacked, folder, "target", "check", "web-shop")
    assert "web-shop" in checked.stdout + checked.stderr


@pytest.mark.req("E02")
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("full",), "is not empty"),
        (("file",), "is a file"),
        (("9",), "is no name of a platform"),
        (("new", "--name", "embedded"), "comes with Lockstep"),
        ((), "FOLDER"),
    ],
)
def test_a_project_that_cannot_be_made_is_refused(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").touch()
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "init", *words], cwd=tmp_path, env=launcher_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert reason in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]


def test_a_checkout_works_for_itself() -> None:
    assert paths.COMMAND == "./run"
    assert paths.PROJECT == paths.ROOT == ROOT
    assert "lockstep" in paths.library_names()
