"""What is asked of stores and clocks that cannot be given: errors that name the cause and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PlatformLibrary import offer
from PlatformLibrary.embedded import clocks, disks
from PlatformLibrary.embedded.environment import Wiring
from PlatformLibrary.embedded.errors import PlatformError
from PlatformLibrary.embedded.options import Options
from PlatformLibrary.profile import Profile
from PlatformLibrary.targets import Targets

from services.common.redis_connections import PrimaryPool


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"standby": "sometimes"}, "standby=sometimes: it is sync or async"),
        ({"clocks": "perhaps"}, "clocks=perhaps: it is on"),
        ({"sentinel": True, "proxies": ["backend->redis"]}, "leave out ->redis"),
    ],
)
def test_a_platform_that_cannot_be_is_refused_in_words(wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(PlatformError, match=words):
        Options.from_json(wanted)


def test_sentinels_come_with_a_replica_and_services_are_given_their_addresses() -> None:
    options = Options.from_json({"sentinel": "True"})
    ports = {"redis": 1, "sentinel-1": 11, "sentinel-2": 12, "sentinel-3": 13}
    assert options.redis_replica
    address = Wiring(ports, {}, options).redis("auth")
    assert address == "redis+sentinel://127.0.0.1:11,127.0.0.1:12,127.0.0.1:13/main/0"


def test_services_are_given_both_databases_where_there_is_a_standby() -> None:
    wiring = Wiring({"postgres": 1, "postgres-standby": 2}, {}, Options.from_json({"standby": "sync"}))
    address = "postgresql://postgres@127.0.0.1:1,127.0.0.1:2/auth?target_session_attrs=read-write"
    assert wiring.database("auth", "auth") == address


@pytest.mark.parametrize("url", ["redis+sentinel://host/main/0", "redis+sentinel://host:1", "redis+sentinel:///main"])
def test_an_address_of_sentinels_that_is_none_is_refused_with_the_form(url: str) -> None:
    with pytest.raises(ValueError, match="host:port,host:port/name/0"):
        PrimaryPool(url)


def embedded() -> Profile:
    return Targets().profile("embedded")


def test_without_libfaketime_clocks_are_na_and_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_FAKETIME", "/nowhere")
    missing = offer.missing(embedded(), "control.clock")
    assert missing is not None
    assert missing.verdict.startswith("NA: control.clock: libfaketime is not there: install it")
    assert missing.allowed
    with pytest.raises(PlatformError, match="apt-get install faketime"):
        clocks.fork_server_environment()


def test_where_nothing_can_be_mounted_a_small_disk_is_na_and_the_command_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disks, "_INSIDE", ("sh", "-c", "echo not permitted >&2; exit 1"))
    disks.why_missing.cache_clear()
    try:
        missing = offer.missing(embedded(), "control.disk")
        assert missing is not None
        assert missing.verdict.startswith("NA: control.disk: no small disk can be made, as `sh -c")
        assert missing.verdict.endswith("shows: not permitted")
        with pytest.raises(PlatformError, match="small_disk=True: no small disk"):
            Options.from_json({"small_disk": True})
    finally:
        disks.why_missing.cache_clear()


def test_a_clock_is_a_file_that_is_replaced_in_one_step(tmp_path: Path) -> None:
    kept = clocks.Clocks(tmp_path / "clocks")
    file = Path(kept.environment("auth")["FAKETIME_TIMESTAMP_FILE"])
    before = file.stat().st_ino
    kept.set("auth", -3600)
    assert file.read_text() == "-3600.000000\n"
    assert file.stat().st_ino != before
    assert [one.name for one in file.parent.iterdir()] == ["auth"]
