"""The report for auditors: read from real stores, with what nobody declared planted in them."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import yaml
from PlatformLibrary.embedded.client import HostClient

from launcher.console import LaunchError
from launcher.evidence import controls, report
from launcher.evidence.command import DECLARED
from launcher.evidence.life import ENVIRONMENT, Facts, Life
from launcher.evidence.stores import Stores, form, undeclared
from tests.libraries.platform_boot import boot_host

pytestmark = pytest.mark.req("X06")
RUN: dict[str, Any] = {
    "run": {"name": "all", "started": "2026-11-30T20:00:00+00:00", "word": "NOT WELL", "versions": {"python": "3.11"}},
    "target": "embedded", "seed": "77",
    "tests": [{"id": "SE-26", "name": "A", "verdict": "PASS", "reason": None},
              {"id": "SE-27", "name": "B", "verdict": "FAIL", "reason": "it called back"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(DECLARED.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostClient]:
    client = boot_host(tmp_path_factory.mktemp("evidence"))
    try:
        yield client
    finally:
        client.close_and_wait()


@pytest.fixture(scope="module")
def life(host: HostClient, declared: dict[str, Any]) -> tuple[Life, Facts]:
    """A platform, and what was found on it."""
    lived = Life(host.lease(shared=False, backends=2, env=ENVIRONMENT), declared)
    return lived, lived.play()


def test_a_platform_that_keeps_what_is_declared_has_no_flaw(life: tuple[Life, Facts]) -> None:
    _, facts = life
    assert facts.flaws == {"kept": [], "erased": [], "retention": [], "audit": []}
    assert facts.audit["expected"] == facts.audit["found"] > 7
    before = {row["place"] for row in facts.deletion["places"] if "e-mail" in row["before"]}
    assert before >= {"auth.auth_users", "main.userbase", "main.messages", "auth.outbox"}
    assert not any("e-mail" in row["after"] or "name" in row["after"] for row in facts.deletion["places"])


def test_a_key_and_a_column_that_nobody_declared_are_both_reported(
    life: tuple[Life, Facts], declared: dict[str, Any]
) -> None:
    lived, _ = life
    found = lived.stores.descriptor
    with psycopg.connect(found["auth_db_url"], autocommit=True) as connection:
        connection.execute("ALTER TABLE sessions ADD COLUMN last_place text")
    with redis.Redis.from_url(found["redis_url"]) as client:
        client.set("shadow:f045579e-bd95-4c24-99d6-7a4b615495eb", "kept for ever")
    try:
        assert undeclared(lived.stores.inventory(), declared) == [
            "column auth.sessions.last_place is not declared",
            "keys shadow:{id} are not declared",
        ]
    finally:
        with psycopg.connect(found["auth_db_url"], autocommit=True) as connection:
            connection.execute("ALTER TABLE sessions DROP COLUMN last_place")
        with redis.Redis.from_url(found["redis_url"]) as client:
            client.delete("shadow:f045579e-bd95-4c24-99d6-7a4b615495eb")


def test_a_key_that_lives_longer_than_declared_is_reported(life: tuple[Life, Facts], declared: dict[str, Any]) -> None:
    lived, _ = life
    name = "session:revoked:f045579e-bd95-4c24-99d6-7a4b615495eb"
    with redis.Redis.from_url(lived.stores.descriptor["redis_url"]) as client:
        client.set(name, "x", ex=9000)
        (longer,) = undeclared(lived.stores.inventory(), declared)
        client.persist(name)
        (endless,) = undeclared(lived.stores.inventory(), declared)
        client.delete(name)
    assert longer == "keys session:revoked:{id} live for 9000 s, and 300 s are declared"
    assert endless == "keys session:revoked:{id} have no end, though 300 s are declared"


def test_a_copy_that_a_deletion_leaves_and_an_event_that_is_written_twice_are_reported(
    host: HostClient, declared: dict[str, Any]
) -> None:
    found = host.lease(shared=False, backends=1, env=ENVIRONMENT)
    with psycopg.connect(found["auth_db_url"], autocommit=True) as connection:
        connection.execute("""
            CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO logout_tokens (jti, expires_at) VALUES (OLD.email, clock_timestamp() + interval '1 day');
                RETURN OLD; END $$;
            CREATE TRIGGER kept BEFORE DELETE ON auth_users FOR EACH ROW EXECUTE FUNCTION keep();
            CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.type = 'refreshed' AND pg_trigger_depth() = 1 THEN
                    INSERT INTO session_events (session_id, user_id, type, at, detail)
                    VALUES (NEW.session_id, NEW.user_id, NEW.type, NEW.at, NEW.detail); END IF; RETURN NEW; END $$;
            CREATE TRIGGER doubled AFTER INSERT ON session_events FOR EACH ROW EXECUTE FUNCTION twice();
        """)
    facts = Life(found, declared).play()
    assert facts.flaws["erased"] == ["auth.logout_tokens still holds the e-mail"]
    (doubled,) = facts.flaws["audit"]
    assert doubled.startswith("refreshed of session ")
    assert doubled.endswith("is there 1 times too often")


def test_controls_and_threats_have_the_verdict_of_their_worst_test(declared: dict[str, Any]) -> None:
    spoken = {f"{one.of} {one.id}": one for one in controls.spoken(declared["threats"], RUN)}
    assert spoken["RFC 8725 3.4"].verdict == "FAIL"
    assert spoken["RFC 8725 3.6"].verdict == "NA"
    assert spoken["RFC 9700 4.1"].verdict == "NOT RUN"
    called = next(test for test in spoken["RFC 8725 3.4"].tests if test["id"] == "SE-27")
    assert (called["seed"], called["reason"], called["tags"]) == ("77", "it called back", ["sec:J04"])
    assert len([one for one in spoken if one.startswith("RFC 9700")]) == 17
    assert len([one for one in spoken if one.startswith("RFC 8725")]) == 12


def test_a_tag_that_no_test_has_is_refused(declared: dict[str, Any]) -> None:
    wrong = deepcopy(declared["controls"])
    wrong[0]["by"].append("sec:J99")
    with pytest.raises(LaunchError, match=r"SOC 2 CC6\.1: no test has the tag sec:J99"):
        controls.spoken(wrong, RUN)


def test_a_run_that_is_not_there_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"run suites first \(\./run all\)"):
        controls.summary(tmp_path)


def test_the_files_hold_the_same_and_a_change_breaks_their_hashes(
    life: tuple[Life, Facts], declared: dict[str, Any], tmp_path: Path
) -> None:
    _, facts = life
    spoken = controls.spoken(declared["controls"], RUN)
    digest = report.write(tmp_path, declared, facts, RUN, spoken, controls.spoken(declared["threats"], RUN))
    data = json.loads((tmp_path / "evidence.json").read_text("utf-8"))
    assert data["kept"]["tables"]["auth.sessions"]["rows"] > 0
    with (tmp_path / "controls.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"] for row in rows} == {one.id for one in spoken}
    assert next(row for row in rows if row["test"] == "SE-27")["test verdict"] == "FAIL"
    assert "GDPR Art. 17" in (tmp_path / "evidence.html").read_text("utf-8")
    assert hashlib.sha256((tmp_path / report.HASHES).read_bytes()).hexdigest() == digest
    check = ["sha256sum", "--check", "--quiet", report.HASHES]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    with (tmp_path / "controls.csv").open("a", encoding="utf-8") as file:
        file.write("one more\n")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("session:f045579e-bd95-4c24-99d6-7a4b615495eb", "session:{id}"),
        ("auth:heard:427f2049bee112905724553fd2d024c8", "auth:heard:{hash}"),
        ("quota:user:17", "quota:user:{n}"),
    ],
)
def test_a_key_is_known_by_its_form(key: str, kind: str) -> None:
    assert form(key) == kind


def test_stores_of_a_platform_without_logs_are_read_all_the_same(life: tuple[Life, Facts]) -> None:
    lived, _ = life
    without = Stores({**lived.stores.descriptor, "logs": {"auth": "/nowhere/auth.log"}})
    assert without.traces({"nothing": "a text that stands nowhere"}) == {}
