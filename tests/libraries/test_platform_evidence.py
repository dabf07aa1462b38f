"""Which log lines a failed test gets, and how they look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lockstep import masking
from PlatformLibrary import evidence, surroundings
from PlatformLibrary.evidence import Owner

MINE = "Suite.My Test"
OWNER = Owner(MINE, ("Suite", "Top"))


def line(event: str, test_id: str | None = None, level: str = "info", **more: object) -> str:
    return json.dumps({"ts": "2026-01-01T10:00:00Z", "level": level, "event": event, "test_id": test_id, **more})


def test_lines_of_this_test_and_loud_ones_without_a_test_are_chosen() -> None:
    lines = [
        line("mine", MINE, status=200, service="auth"),
        line("other", "Other.My Test", "error"),
        line("quiet"),
        line("loud", level="warning"),
        "Traceback (most recent call last):",
    ]
    assert evidence.of_test(lines, OWNER) == [
        "10:00:00Z INFO    mine status=200",
        "10:00:00Z WARNING loud",
        "Traceback (most recent call last):",
    ]


def test_where_no_line_has_the_id_the_whole_time_is_shown_but_for_other_tests() -> None:
    lines = [line("start"), line("other", "Other.My Test")]
    assert evidence.of_test(lines, OWNER) == ["10:00:00Z INFO    start"]


def test_many_lines_are_cut_to_the_last_ones_and_the_cut_is_said() -> None:
    chosen = evidence.of_test([line(str(number), MINE) for number in range(100)], OWNER)
    assert len(chosen) == evidence.LINES + 1
    assert chosen[0] == "… 40 earlier lines"
    assert chosen[-1].endswith(" 99")


def test_the_last_loud_lines_are_shown_even_where_many_came_after_them() -> None:
    lines = [line("early", MINE, "warning"), *(line(str(number), MINE) for number in range(100))]
    chosen = evidence.of_test(lines, OWNER)
    assert chosen[:3] == [
        "… 41 earlier lines, the last warnings and errors of these:",
        "10:00:00Z WARNING early",
        "…",
    ]
    assert len(chosen) == evidence.LINES + 3


@pytest.mark.parametrize(
    ("test_id", "owned"),
    [
        (MINE, True),
        ("Suite", True),
        ("Top", True),
        ("Suite.Earlier Test", True),
        ("Suite.Inner.Test", True),
        ("Suites.My Test", False),
        ("Top.Other.Test", False),
        ("", False),
    ],
)
def test_a_test_owns_what_its_suite_has_opened(test_id: str, owned: bool) -> None:
    assert OWNER.has(test_id) is owned


def test_only_what_came_during_the_test_is_read(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_text("before\n")
    marks = evidence.offsets([str(log), str(tmp_path / "gone.log")])
    with log.open("a") as more:
        more.write("during\n")
    assert evidence.since(str(log), marks[str(log)]) == ["during"]
    assert evidence.since(str(tmp_path / "gone.log"), 0) == []


def test_the_block_is_escaped_and_masked() -> None:
    masking.register("a-registered-secret")
    block = evidence.block({"auth": ["<b> a-registered-secret"], "quiet": []})
    assert "&lt;b&gt; ***" in block
    assert "quiet" not in block
    assert block.startswith("<details><summary>log of <b>auth</b>")


def test_a_text_is_found_where_two_chunks_of_a_log_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "auth.log"
    log.write_text("aaaa-secret-bbbb")
    for chunk in range(1, 17):
        monkeypatch.setattr(evidence, "_CHUNK", chunk)
        assert evidence.holds(str(log), "secret")
        assert not evidence.holds(str(log), "secrets")
    assert not evidence.holds(str(tmp_path / "gone.log"), "secret")


def test_bundles_and_proxies_of_the_machine_do_not_stand_in_the_way() -> None:
    environment = {"REQUESTS_CA_BUNDLE": "/etc/ca.pem", "NO_PROXY": "example.test"}
    surroundings.adapt({"ca_file": "/run/ca.pem", "public_url": "https://127.0.0.1:1"}, environment)
    assert environment == {"NO_PROXY": "example.test,127.0.0.1", "no_proxy": "127.0.0.1"}
    remote = {"REQUESTS_CA_BUNDLE": "/etc/ca.pem"}
    surroundings.adapt({"public_url": "https://staging.example.test"}, remote)
    assert remote == {"REQUESTS_CA_BUNDLE": "/etc/ca.pem"}
