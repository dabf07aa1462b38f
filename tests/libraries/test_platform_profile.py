"""Profiles: what is accepted, what is refused and with which words, and what a target offers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from HistoryLibrary.mapping import DEFAULT, Rule
from HistoryLibrary.operations import KINDS
from PlatformLibrary import checking, control, offer, profile
from PlatformLibrary.profile import ProfileError

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "variables" / "targets").glob("*.yaml"))
REMOTE = """\
kind: external
endpoints:
  auth_url: http://127.0.0.1:1
  redis_url: redis://127.0.0.1:2/0
capabilities:
  - redis
  - session.admin
  - db.auth
not_offered:
  db.main: it belongs to another team
control:
  adapter: none
service_token_env: SOME_TOKEN
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_profile(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write_profile


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_profile_is_accepted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"\$\{(\w+)\}", path.read_text()):
        monkeypatch.setenv(name, "ws://127.0.0.1:1" if "SOCKET" in name else "http://127.0.0.1:1")
    assert profile.load(path).name == path.stem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: [", "mine.yaml:1: not YAML"),
        ("", "mine.yaml:1: a profile is a mapping with kind"),
        ("kind: embedded\ncontrol:\n  adapter: embedded\n", "mine.yaml:1: 'capabilities' is a required property"),
        (REMOTE.replace("adapter: none", "adapter: kube"), "mine.yaml:12: control.adapter: 'kube' is none of none,"),
        (REMOTE.replace("- redis", "- redsi"), "mine.yaml:6: capabilities.0: 'redsi' is none of"),
        (REMOTE.replace("- redis", "- redsi"), "did you mean redis?"),
        (REMOTE + "limit: {}\n", "mine.yaml:14: unknown entry 'limit'; did you mean limits?"),
        (REMOTE.replace("auth_url: http", "auth_url: ftp"), "mine.yaml:3: endpoints.auth_url: 'ftp://127.0.0.1:1'"),
        (REMOTE.replace("kind: external", "kind: embedded"), "mine.yaml:2: endpoints does not go with kind 'embedded'"),
        (REMOTE.replace("adapter: none", "adapter: pids"), "mine.yaml:11: control: 'pids' is a required property"),
        (
            REMOTE.replace("127.0.0.1:1", "${NOT_SET_ANYWHERE}"),
            "mine.yaml:3: the environment variable NOT_SET_ANYWHERE is not set",
        ),
        (REMOTE + "colours: {}\n", "mine.yaml:14: unknown entry 'colours'; known are capabilities, control,"),
        (REMOTE.replace("redis_url", "redis_ulr"), "mine.yaml:4: endpoints: unknown entry 'redis_ulr'; did you mean"),
        (
            REMOTE + "limits:\n  acces_ttl: 5\n",
            "mine.yaml:15: limits: unknown entry 'acces_ttl'; did you mean access_ttl",
        ),
        (REMOTE + "limits: {ping_interval: 20}\n", "mine.yaml:14: limits: unknown entry 'ping_interval'; known are"),
        (REMOTE + "kind: external\n", "mine.yaml:14: kind is there twice"),
        (REMOTE + "login: {path: /login}\n", "mine.yaml:14: unknown entry 'login': users sign up and sign in as"),
        (REMOTE + "adapter: mine.Target\n", "mine.yaml:14: unknown entry 'adapter': a class of yours that controls"),
        (REMOTE + "mapping: {frames: {a: b}}\n", "mine.yaml:14: mapping: unknown entry 'frames': what frames mean"),
        (REMOTE + "mapping: {tables: {a: b}}\n", "mine.yaml:14: mapping: unknown entry 'tables': only a dialect"),
        (
            REMOTE + "mapping:\n  history:\n    frames:\n      - {on: in a, kind: okay}\n",
            "mine.yaml:17: mapping.history.",
        ),
        (REMOTE + "mapping: {history: {tpe: event}}\n", "mapping.history: unknown entry 'tpe'; did you mean type?"),
        (REMOTE.replace("  db.main:", "  redis:"), "mine.yaml:10: not_offered.redis: it is among the capabilities"),
        (
            REMOTE.replace("adapter: none", "adapter: none\n  pids: {auth: 4711}"),
            "mine.yaml:13: control.pids: the adapter 'none' does not read it, only 'pids' does",
        ),
        (
            REMOTE.replace("auth_url: http://127.0.0.1:1", "backend_urls: [http://127.0.0.1:1, http://127.0.0.1:1]"),
            "mine.yaml:3: endpoints.backend_urls.1: http://127.0.0.1:1 is there twice",
        ),
        (
            "kind: embedded\ncapabilities: []\ncontrol: {adapter: embedded}\nservice_token_env: A\n",
            "mine.yaml:4: service_token_env: an embedded platform makes its own credential",
        ),
        (
            REMOTE.replace("none", "embedded"),
            "mine.yaml:12: control.adapter: 'embedded' is none of none, pids, commands,",
        ),
        (
            REMOTE.replace("adapter: none", "adapter: no.such.Control"),
            "mine.yaml:12: control.adapter: no.such.Control cannot be imported: ModuleNotFoundError: No module",
        ),
        (
            REMOTE.replace("adapter: none", "adapter: pathlib.Path"),
            "mine.yaml:12: control.adapter: pathlib.Path controls nothing: it has no do and no verbs; derive it from",
        ),
    ],
)
def test_a_wrong_profile_is_refused_with_file_line_and_reason(
    write: Callable[[str], Path], text: str, message: str
) -> None:
    with pytest.raises(ProfileError) as refused:
        profile.load(write(text))
    assert message in str(refused.value)


def test_all_that_is_wrong_is_said_at_once(write: Callable[[str], Path]) -> None:
    unset = REMOTE.replace("http://127.0.0.1:1", "${NOT_SET}  # not ${MEANT}").replace(":2/0", ":${NOR_SET}/0")
    with pytest.raises(ProfileError) as refused:
        profile.load(write(unset))
    assert re.findall(r"yaml:(\d+): the environment variable (\w+)", str(refused.value)) == [
        ("3", "NOT_SET"),
        ("4", "NOR_SET"),
    ]
    with pytest.raises(ProfileError) as refused:
        profile.load(write(REMOTE.replace("auth_url", "auth_ulr").replace("none", "nnoe") + "limit: {}\n"))
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == [
        "unknown entry 'limit'; did you mean limits?",
        "endpoints",
        "control.adapter",
    ]


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(
        ProfileError, match=r"unknown target 'remoto': known are compose, embedded, remote.*did you mean"
    ):
        profile.find("remoto")
    with pytest.raises(ProfileError, match=r"there is no target profile /no/such\.yaml"):
        profile.find("/no/such.yaml")


def test_variables_are_filled_in_and_empty_entries_left_out(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_HOST", "10.0.0.1")
    text = REMOTE.replace("127.0.0.1:1", "${SOME_HOST}:${SOME_PORT:-80}")
    loaded = profile.load(write(text + "mapping:\n  paths:\n    health: ''\n"))
    assert loaded.endpoints["auth_url"] == "http://10.0.0.1:80"
    backends = "  backend_urls:\n    - http://127.0.0.1:1\n    - ${NOT_SET_ANYWHERE:-}\n"
    loaded = profile.load(write(REMOTE.replace("endpoints:\n", "endpoints:\n" + backends)))
    assert loaded.endpoints["backend_urls"] == ["http://127.0.0.1:1"]


def test_a_relative_file_starts_at_the_profile(write: Callable[[str], Path], tmp_path: Path) -> None:
    assert profile.load(write(REMOTE)).file("ca.pem") == (tmp_path / "ca.pem").resolve()


def test_what_is_missing_is_said_with_its_reason(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_TOKEN", raising=False)
    loaded = profile.load(write(REMOTE))
    assert offer.missing(loaded, "redis") is None
    expected = {
        "ws": ("NA: ws: target 'mine' does not offer it", False),
        "db.main": ("NA: db.main: it belongs to another team", False),
        "db.auth": ("NA: db.auth: the profile gives no endpoints.auth_db_url", True),
        "session.admin": (
            "NA: session.admin: no service credential: the variable of service_token_env is not set",
            True,
        ),
    }
    for capability, (verdict, declared) in expected.items():
        missing = offer.missing(loaded, capability)
        assert missing is not None
        assert (missing.verdict, missing.declared) == (verdict, declared)
    monkeypatch.setenv("SOME_TOKEN", "a-service-token")
    assert offer.missing(profile.load(write(REMOTE)), "session.admin") is None


def test_control_is_offered_as_far_as_the_adapter_goes(write: Callable[[str], Path]) -> None:
    declared = "capabilities:\n  - control.kill\n  - control.pause\n"
    text = re.sub(r"capabilities:\n(  - .*\n)+", declared, REMOTE)
    loaded = profile.load(write(text.replace("adapter: none", "adapter: pids\n  pids: {auth: 4711}")))
    assert offer.missing(loaded, "control.pause") is None
    missing = offer.missing(loaded, "control.kill")
    assert missing is not None
    assert missing.reason == "the control adapter 'pids' cannot start"


def test_a_class_beside_the_profile_controls_the_target(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "switches.py").write_text(
        "from PlatformLibrary.control import NoControl\n"
        "class Switch(NoControl):\n"
        "    verbs = frozenset({'stop', 'start'})\n"
        "    def do(self, verb, instance, **options):\n"
        "        self.done = f'{verb} {instance} of {self._target}'\n"
    )
    text = REMOTE.replace("adapter: none", "adapter: switches.Switch").replace("- db.auth", "- control.stop")
    loaded = profile.load(write(text.replace("  - redis\n", "  - control.kill\n")))
    assert offer.missing(loaded, "control.stop") is None
    kill = offer.missing(loaded, "control.kill")
    assert kill is not None
    assert kill.reason == "the control adapter 'switches.Switch' cannot kill"
    chosen: Any = control.for_profile(loaded)
    chosen.do("stop", "auth")
    assert chosen.done == "stop auth of mine"


def test_the_rules_of_a_history_are_those_that_its_library_knows() -> None:
    known = checking.schema()["properties"]["mapping"]["properties"]["history"]["properties"]
    assert set(known) == set(DEFAULT)
    rule = checking.schema()["$defs"]["rule"]["properties"]
    assert set(rule) == {"on", *(part.name for part in dataclasses.fields(Rule) if part.init)}
    assert rule["kind"]["enum"] == list(KINDS)


def test_each_limit_is_read_by_a_suite() -> None:
    suites = [path for name in ("suites", "resources") for path in (ROOT / name).rglob("*.ro*t")]
    texts = "".join(path.read_text() for path in [*suites, *(ROOT / "resources").glob("*.resource")])
    limits = checking.schema()["properties"]["limits"]["properties"]
    assert [name for name in limits if not re.search(rf"(?:  |limits\.){name}\b", texts)] == []


def test_each_capability_is_needed_by_a_suite() -> None:
    texts = "".join(path.read_text() for path in (ROOT / "suites").rglob("*.robot"))
    needed = {offer.PRIVATE, *re.findall(r"needs:(\S+)", texts)}
    assert [name for name in profile.known_capabilities() if name not in needed] == []


def test_needs_are_read_from_tags() -> None:
    assert offer.needed(["p0", "needs:ws", "Needs: redis", "req:C01.1"]) == ["ws", "redis"]


def test_a_profile_for_outsiders_has_endpoints_and_no_control_and_no_secret(tmp_path: Path) -> None:
    descriptor = {
        "auth_url": "http://127.0.0.1:1",
        "public_url": "https://127.0.0.1:2",
        "socket_url": "wss://127.0.0.1:2/ws",
        "backend_urls": ["http://127.0.0.1:3"],
        "service_token": "the-service-token",
        "env": {"ACCESS_TTL": "7"},
    }
    path = tmp_path / "up" / "target.yaml"
    profile.write_remote_profile(descriptor, path)
    assert "the-service-token" not in path.read_text()
    loaded = profile.load(path)
    assert loaded.limits["access_ttl"] == 7
    assert loaded.endpoints["backend_urls"] == ["http://127.0.0.1:3"]
    assert "ws.resume" in loaded.capabilities
    lacking = ("replicas.2", "net.faults", "control.kill")
    assert [offer.missing(loaded, name) is not None for name in lacking] == [True] * 3
    assert yaml.safe_load(path.read_text())["control"] == {"adapter": "none"}
