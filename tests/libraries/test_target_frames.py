"""Portable tests on a hub whose one socket carries everything: words by frames, and sockets that stay open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from lockstep.dialect import DialectError, load
from lockstep.dialect.entries import read_unfilled
from PlatformLibrary.dialects import profile_of
from PlatformLibrary.offer import missing
from PlatformLibrary.profile import known_capabilities

from launcher.targets.leaves import dotted, leaves
from tests.foreign.running import FAIL, FOREIGN, NA, PASS, ROOT, included, run, served

pytestmark = pytest.mark.req("T01")
SUITES = ROOT / "suites"
BY_FRAMES = (
    "T21-06", "T22-03", "T24-01", "T24-03", "T24-05", "T24-07", "T24-11", "T25-07", "T27-01", "T27-02",
    "C02-02", "C02-08", "C02-09", "C05-02", "C07-02", "SE-07", "SE-16", "SE-38", "SE-40",
)  # fmt: skip


def test_words_done_by_frames_are_judged(tmp_path: Path) -> None:
    with served("hub") as variables:
        found = run(tmp_path, "hub", variables, *included(BY_FRAMES), suites=SUITES)
    assert {key: verdict for key, (verdict, _) in found.items()} == dict.fromkeys(BY_FRAMES, PASS), found


@pytest.mark.req("T04")
@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ("any old word", {"SE-07": "a wrong old password was taken"}),
        ("hides a session", {"T24-11": "other sessions are listed: missing are"}),
        ("stays subscribed", {"T25-07": "should not arrive", "C02-08": "should not arrive"}),
        ("serves ended", {"T24-03": "last seen: still honoured"}),
        ("half ended", {"T24-03": "last seen: still honoured"}),
        ("old name", {"C07-02": "does not show"}),
        ("gives rights", {"SE-16": "a user has given themselves rights"}),
        ("logs words", {"SE-38": "the text is in the log of hub", "SE-40": "the text is in the log of hub"}),
    ],
)
def test_a_fault_in_words_done_by_frames_is_caught(fault: str, caught: Mapping[str, str], tmp_path: Path) -> None:
    with served("hub", fault) as variables:
        found = run(tmp_path, "hub", variables, *included(list(caught)), suites=SUITES)
    for key, words in caught.items():
        verdict, message = found[key]
        assert (verdict, words in message) == (FAIL, True), (key, verdict, message)


CHANGED: Mapping[str, tuple[Any, str, str]] = {
    "endpoints.hub.instance": ("wrong", "SE-38", FAIL),
    "roles.reduced": ("member", "T27-01", FAIL),
    "roles.takes": (["history"], "T27-02", NA),
    "logs.request_id": ("X-Wrong", "SE-38", FAIL),
    "limits.short_access_ttl": ("20s", "C04-09", FAIL),
    "limits.invalid_frames": (2, "C02-09", FAIL),
    "control.commands.logs": (["true"], "SE-38", FAIL),
    "promises.refresh.reuse": ("ends_family", "T23-02", FAIL),
    "promises.origin": ("refused", "T21-09", FAIL),
}
"""Facts that a check leaves to tests: another value, the test that notices it, and its verdict then."""
REFUSED = {"control.adapter": "none"}
"""Facts whose change makes no dialect."""
UNSEEN = {"limits.users": "a smaller load is one, too", "limits.burst": "a smaller burst is one, too"}
LEFT_TO_TESTS = ("roles", "logs", "limits", "control", "promises")


def facts_of_hub() -> Any:
    return read_unfilled(FOREIGN / "hub" / "target.yaml")


def written(facts: Any, folder: Path) -> Path:
    path = folder / "target.yaml"
    path.write_text(yaml.safe_dump(facts, sort_keys=False), "utf-8")
    return path


@pytest.mark.req("T05")
def test_each_fact_that_a_check_leaves_to_tests_has_one_that_notices_it() -> None:
    facts = facts_of_hub()
    left = {dotted(path) for path in leaves(facts) if path[0] in LEFT_TO_TESTS or "instance" in path}
    assert left == CHANGED.keys() | REFUSED.keys() | UNSEEN.keys()


@pytest.mark.req("T05")
@pytest.mark.parametrize("fact", CHANGED)
def test_a_changed_fact_is_noticed_by_a_test(fact: str, tmp_path: Path) -> None:
    value, key, wanted = CHANGED[fact]
    facts = facts_of_hub()
    *way, last = fact.split(".")
    part = facts
    for name in way:
        part = part[name]
    assert part[last] != value
    part[last] = value
    with served("hub") as variables:
        found = run(tmp_path, "hub", variables, *included([key]), suites=SUITES, dialect=written(facts, tmp_path))
    assert found[key][0] == wanted, found


LACKING = {
    "operations.history": ["C02-02", "C05-02", "T21-06", "T25-03"],
    "limits.invalid_frames": ["C02-09"],
    "socket.out.unknown": ["C02-09"],
    "socket.out.who_am_i.read.name": ["C07-02"],
    "operations.sessions": ["T24-11"],
    "socket.out.unsubscribe": ["T25-07", "C02-08"],
    "roles": ["T27-01", "T27-02"],
    "logs": ["SE-41"],
    "control": ["SE-38", "SE-40"],
}
"""Entries of the hub's dialect, and tests whose names are about what they describe."""


@pytest.mark.req("T03")
@pytest.mark.parametrize("entry", LACKING)
def test_what_a_test_is_about_and_the_dialect_lacks_is_na(entry: str, tmp_path: Path) -> None:
    dialect = without(entry, tmp_path)
    with served("hub") as variables:
        found = run(tmp_path, "hub", variables, *included(LACKING[entry]), suites=SUITES, dialect=dialect)
    assert {key: verdict for key, (verdict, _) in found.items()} == dict.fromkeys(LACKING[entry], NA), found


def without(entry: str, folder: Path) -> Path:
    """The hub's dialect without one entry, and what else would name it."""
    facts = facts_of_hub()
    *way, last = entry.split(".")
    part = facts
    for name in way:
        part = part[name]
    del part[last]
    return written(facts, folder)


def test_a_socket_that_may_stay_open_needs_a_frame_that_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HUB_URL", "HUB_LOGS", "HUB_CHIEF"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    facts = facts_of_hub()
    facts["socket"]["out"] = {"authenticate": facts["socket"]["out"]["authenticate"]}
    facts["endpoints"]["hub"].pop("who")
    path = written(facts, tmp_path)
    with pytest.raises(DialectError, match=r"socket\.ended: nothing shows it: out has none of who_am_i, ping, send"):
        load(path)
    facts = facts_of_hub()
    facts["control"]["adapter"] = REFUSED["control.adapter"]
    with pytest.raises(DialectError, match=r"control: commands goes with adapter commands only"):
        load(written(facts, tmp_path))


@pytest.mark.req("T03")
def test_a_capability_that_a_dialect_lacks_names_the_entry_that_would_give_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUB_URL", "HUB_LOGS", "HUB_CHIEF"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    target = profile_of(str(FOREIGN / "hub" / "target.yaml"))
    lacking = {name: missing(target, name) for name in known_capabilities()}
    reasons = {name: found.reason for name, found in lacking.items() if found}
    assert lacking["control.logs"] is None
    assert reasons["control.restart"].endswith("target.yaml: control, with the verbs restart")
    assert reasons["oauth.provider"].startswith("no entry of a dialect gives it: such a test proves the reference")
    assert reasons.keys() == set(known_capabilities()) - {"control.logs"}
