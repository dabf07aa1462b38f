"""The host with the real services: leases, verbs, faults, errors, and nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
import requests
from lockstep.environment import changed_environment
from PlatformLibrary.embedded import redis_server
from PlatformLibrary.embedded.client import HostClient, start_host
from PlatformLibrary.embedded.errors import PlatformError

from tests.libraries.platform_boot import (
    ROOT,
    boot_host,
    host_of,
    leftovers,
    own_place,
    places_of,
    processes_of,
    reaper_of,
    running,
)
from tests.services.servers import wait_until


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("platform of the tests")


@pytest.fixture(scope="module")
def host(place: Path) -> Iterator[HostClient]:
    client = boot_host(place)
    yield client
    client.close_and_wait()


@pytest.fixture(scope="module")
def private(host: HostClient) -> dict[str, Any]:
    """One platform with a proxy on every hop inside, for all tests that leave it as it was."""
    inside = ["frontend->auth", "frontend->backend", "backend->auth", "backend->redis", "backend->db", "auth->redis"]
    return host.lease(shared=False, proxies=inside, env={"ACCESS_TTL": "77"})


def health(descriptor: dict[str, Any], url: str) -> dict[str, Any]:
    trust = ssl.create_default_context(cafile=descriptor["ca_file"]) if url.startswith("https") else None
    with urllib.request.urlopen(f"{url}/health", timeout=2, context=trust) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def answers(descriptor: dict[str, Any], url: str) -> bool:
    try:
        health(descriptor, url)
    except OSError:
        return False
    return True


def refuses(url: str) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port_of(url))) == errno.ECONNREFUSED


def dependency(descriptor: dict[str, Any], url: str, name: str) -> str:
    return str(health(descriptor, url)["dependencies"][name])


def port_of(url: str) -> int:
    return int(url.rstrip("/ws").rpartition(":")[2].partition("/")[0])


@pytest.mark.req("H01")
def test_a_leased_platform_is_complete_and_ready(private: dict[str, Any]) -> None:
    for url in (private["auth_url"], private["public_url"], *private["backend_urls"]):
        found = health(private, url)
        assert (found["status"], found["protocol"]) == ("ready", 1)
        assert set(found["dependencies"].values()) <= {"up"}
    assert health(private, private["backend_urls"][1])["instance"] == "backend-2"
    for name, table in (("auth_db_url", "auth_users"), ("main_db_url", "userbase")):
        with psycopg.connect(private[name]) as connection:
            found_row = connection.execute("SELECT to_regclass(%s)::text", (table,)).fetchone()
        assert found_row == (table,)
    assert redis.Redis.from_url(private["redis_url"]).ping() is True
    assert private["versions"]["postgresql"].startswith("18.")
    assert private["signing_kid"]


def test_a_replica_may_have_a_redis_of_its_own(host: HostClient) -> None:
    regions = host.lease(shared=False, own_redis=["backend-2"])
    first, second = regions["backend_urls"]
    host.call("kill", instance="redis-2", platform=regions["platform_id"])
    wait_until(lambda: dependency(regions, second, "redis") == "down", "backend-2 misses its Redis")
    assert dependency(regions, first, "redis") == "up"
    host.call("start", instance="redis-2", platform=regions["platform_id"])
    wait_until(lambda: dependency(regions, second, "redis") == "up", "backend-2 has its Redis again")
    host.release(regions["platform_id"])
    with pytest.raises(PlatformError, match="there is no replica backend-3"):
        host.lease(shared=False, own_redis=["backend-3"])


@pytest.mark.req("H02")
def test_every_port_is_on_loopback_and_below_the_ephemeral_range(private: dict[str, Any], place: Path) -> None:
    listening = [
        connection.laddr
        for process in processes_of(place)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len({address.port for address in listening}) >= 7
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert max(address.port for address in listening) < 32768


@pytest.mark.req("H02", "H04", "H06")
def test_two_platforms_share_nothing_but_the_shared_one_is_shared(
    host: HostClient, private: dict[str, Any], place: Path
) -> None:
    first = host.lease(shared=True)
    other = HostClient(place / "host.sock")
    second = other.lease(shared=True)
    assert first["platform_id"] == second["platform_id"] != private["platform_id"]
    assert first["service_token"] != private["service_token"]
    ports = {port_of(first[name]) for name in ("auth_url", "auth_db_url", "redis_url", "public_url")}
    assert not ports & {port_of(private[name]) for name in ("auth_url", "auth_db_url", "redis_url", "public_url")}
    with pytest.raises(PlatformError, match="stop auth would disturb others on the shared platform"):
        host.call("stop", platform=first["platform_id"], instance="auth")
    host.release(first["platform_id"])
    assert answers(second, second["auth_url"])
    other.release(second["platform_id"])
    assert not answers(second, second["auth_url"])
    assert not Path(second["dir"]).exists()
    other.close()


@pytest.mark.req("H03")
def test_whether_others_used_the_platform_is_known_for_any_time(host: HostClient, place: Path) -> None:
    begun = time.monotonic()
    mine = host.lease(shared=True)["platform_id"]

    def shared_since(instant: float) -> bool:
        return bool(host.call("waited", platform=mine, since=instant)["shared"])

    assert not shared_since(begun), "it is mine alone"
    other = HostClient(place / "host.sock")
    assert other.lease(shared=True)["platform_id"] == mine
    assert shared_since(begun)
    other.release(mine)
    assert shared_since(begun), "it was shared for a while"
    assert not shared_since(time.monotonic()), "it is mine alone again"
    other.close()
    host.release(mine)


@pytest.mark.parametrize("instance", ["auth", "backend-1", "frontend", "provider"])
def test_a_killed_service_refuses_connections_and_comes_back_on_its_port(
    host: HostClient, private: dict[str, Any], instance: str
) -> None:
    platform = private["platform_id"]
    url = {
        "auth": private["auth_url"],
        "backend-1": private["backend_urls"][0],
        "frontend": private["public_url"],
        "provider": private["provider_url"],
    }[instance]
    before = health(private, url)["start_id"]
    host.call("kill", platform=platform, instance=instance)
    assert refuses(url)
    assert host.call("status", platform=platform)["instances"][instance] == "stopped"
    with pytest.raises(PlatformError, match=f"{instance} is not running"):
        host.call("stop", platform=platform, instance=instance)
    host.call("start", platform=platform, instance=instance)
    assert health(private, url)["start_id"] != before
    with pytest.raises(PlatformError, match=f"{instance} is already running"):
        host.call("start", platform=platform, instance=instance)


def test_a_service_killed_from_outside_is_known_as_stopped(host: HostClient, private: dict[str, Any]) -> None:
    platform = private["platform_id"]
    os.kill(health(private, private["auth_url"])["pid"], signal.SIGKILL)
    wait_until(
        lambda: host.call("status", platform=platform)["instances"]["auth"] == "stopped",
        "the host knows that auth ended",
    )
    wait_until(lambda: refuses(private["auth_url"]), "connections are refused")
    host.call("start", platform=platform, instance="auth")
    assert answers(private, private["auth_url"])


def test_postgres_survives_a_kill_of_its_whole_tree_with_its_rows(
    host: HostClient, private: dict[str, Any], place: Path
) -> None:
    platform = private["platform_id"]
    with psycopg.connect(private["main_db_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
        host.call("kill", platform=platform, instance="postgres")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    titles = running([process for process in processes_of(place) if private["dir"] in " ".join(process.cmdline())])
    assert not [title for title in titles if "postgres" in title]
    host.call("start", platform=platform, instance="postgres")
    with psycopg.connect(private["main_db_url"], autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
        connection.execute("DROP TABLE kept")


def test_redis_comes_back_empty_on_its_port(host: HostClient, private: dict[str, Any]) -> None:
    client = redis.Redis.from_url(private["redis_url"])
    client.set("kept", "no")
    host.call("restart", platform=private["platform_id"], instance="redis")
    assert client.get("kept") is None


def test_a_paused_service_is_silent_until_it_is_resumed(host: HostClient, private: dict[str, Any]) -> None:
    platform, url = private["platform_id"], private["backend_urls"][0]
    host.call("pause", platform=platform, instance="backend-1")
    assert host.call("status", platform=platform)["instances"]["backend-1"] == "paused"
    with socket.create_connection(("127.0.0.1", port_of(url)), timeout=0.3) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
    host.call("resume", platform=platform, instance="backend-1")
    assert answers(private, url)


@pytest.mark.parametrize("kept", [True, False], ids=["on kept connections", "on new connections"])
@pytest.mark.parametrize("instance", ["backend-1", "frontend"])
def test_a_restart_without_gap_loses_no_request(
    host: HostClient, private: dict[str, Any], instance: str, kept: bool
) -> None:
    url = private["backend_urls"][0] if instance == "backend-1" else private["public_url"]
    before = health(private, url)
    seen: list[str] = []
    over = threading.Event()

    def ask() -> None:
        session = requests.Session()
        while not over.is_set():
            try:
                answer = (session if kept else requests).get(f"{url}/health", verify=private["ca_file"], timeout=10)
                seen.append(str(answer.json()["start_id"]))
            except requests.RequestException as error:
                seen.append(f"failed: {error}")

    asking = [threading.Thread(target=ask) for _ in range(6)]
    for thread in asking:
        thread.start()
    wait_until(lambda: len(seen) > 50, "the clients are busy")
    host.call("restart", platform=private["platform_id"], instance=instance, gapless=True)
    over.set()
    for thread in asking:
        thread.join()
    assert [start for start in seen if start.startswith("failed")] == []
    assert health(private, url)["start_id"] != before["start_id"]
    assert not psutil.pid_exists(before["pid"])


def test_only_a_service_is_restarted_without_gap(host: HostClient, private: dict[str, Any]) -> None:
    with pytest.raises(PlatformError, match="redis cannot be restarted without a gap"):
        host.call("restart", platform=private["platform_id"], instance="redis", gapless=True)


def test_a_cut_hop_is_down_for_its_source_alone_and_heals(host: HostClient, private: dict[str, Any]) -> None:
    platform, (first, second) = private["platform_id"], private["backend_urls"]
    assert host.call("disable", platform=platform, hop="backend-1->redis")["links"] == ["backend-1->redis"]
    wait_until(lambda: dependency(private, first, "redis") == "down", "backend-1 has lost Redis")
    assert dependency(private, second, "redis") == "up"
    assert dependency(private, private["auth_url"], "redis") == "up"
    host.call("heal", platform=platform, hop="*")
    wait_until(lambda: dependency(private, first, "redis") == "up", "backend-1 has Redis again")


def test_a_hop_without_a_proxy_is_refused_with_the_way_out(host: HostClient, private: dict[str, Any]) -> None:
    with pytest.raises(PlatformError, match="there is no hop 'redis->backend'; hops are client->frontend"):
        host.call("disable", platform=private["platform_id"], hop="redis->backend")
    with pytest.raises(PlatformError, match="a shared platform has no fault proxies"):
        host.lease(shared=True, proxies=["backend->redis"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backends": 0}, "backends=0: a platform has 1 to 8 backend replicas"),
        ({"backend": 2}, "a platform has no option 'backend'; there are backends, env"),
        ({"services_dir": "/no/such"}, "services_dir /no/such holds no folder 'services'"),
        ({"redis_server": "no-such-redis"}, "the Redis server 'no-such-redis' is not an executable program"),
        ({"redis_server": "true"}, "redis ended with status 0 at its start"),
        ({"env": {"ACCESS_TTL": "soon"}}, "auth ended with status 2 at its start.*ACCESS_TTL"),
    ],
)
def test_a_platform_that_cannot_start_says_why(host: HostClient, options: dict[str, Any], message: str) -> None:
    with pytest.raises(PlatformError, match=f"(?s){message}"):
        host.lease(shared=False, **options)


@pytest.mark.req("H03")
def test_a_service_that_crashes_at_its_start_shows_its_last_lines(host: HostClient, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "services", tmp_path / "services", ignore=shutil.ignore_patterns("__pycache__"))
    app = tmp_path / "services" / "auth" / "app.py"
    app.write_text(app.read_text() + "\n\ndef create_app(settings):\n    raise RuntimeError('a seeded defect')\n")
    with pytest.raises(
        PlatformError, match=r"(?s)auth ended with status 1 at its start.*End of auth.log:.*a seeded defect"
    ):
        host.lease(shared=False, services_dir=str(tmp_path))
    shutil.copytree(tmp_path / "services", tmp_path / "broken" / "services")
    (tmp_path / "broken" / "services" / "auth" / "app.py").write_text("this is no Python\n")
    with pytest.raises(PlatformError, match=r"(?s)services could not be loaded.*SyntaxError"):
        host.lease(shared=False, services_dir=str(tmp_path / "broken"))


def test_nonsense_is_answered_and_harms_nobody(place: Path, private: dict[str, Any]) -> None:
    for line in (b"no json\n", b"[]\n", b'{"do": "fly"}\n', b'{"do": "stop"}\n', b'{"do": "lease", "options": 7}\n'):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(place / "host.sock"))
            connection.sendall(line)
            assert json.loads(connection.makefile().readline())["ok"] is False
    assert answers(private, private["auth_url"])


# Nothing is left behind: each of these has a host of its own.

LEASE_AND_WAIT = """
import sys, time
from PlatformLibrary.embedded.client import start_host
client = start_host(sys.argv[1])
client.lease(shared=False)
print("leased", flush=True)
time.sleep(600)
"""


@pytest.fixture
def leaser(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has a host and a private platform."""
    process = subprocess.Popen(
        [sys.executable, "-c", LEASE_AND_WAIT, str(tmp_path / "host.sock")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **own_place(tmp_path), "PYTHONPATH": str(ROOT / "libraries")},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "leased\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.req("H05")
@pytest.mark.parametrize("victim", ["the holder of the lease", "the host"])
def test_a_killed_holder_or_host_leaves_nothing(tmp_path: Path, leaser: subprocess.Popen[str], victim: str) -> None:
    processes = [process for process in processes_of(tmp_path) if process.pid != leaser.pid]
    assert len(processes) > 8
    places = places_of(tmp_path)
    ports = {connection.laddr.port for process in processes for connection in process.net_connections("tcp")}
    if victim == "the host":
        host_of(processes).kill()
    else:
        leaser.kill()
    wait_until(lambda: not running(processes), "every process has ended")
    wait_until(lambda: not leftovers(tmp_path, *places), "all files are gone")
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.req("H05")
def test_data_in_memory_is_taken_away_too(tmp_path: Path) -> None:
    client = boot_host(tmp_path)
    descriptor = client.lease(shared=False)
    run, data = places_of(tmp_path)
    assert (data / descriptor["platform_id"] / "PG_VERSION").read_text() == "18\n"
    client.close_and_wait()
    assert leftovers(tmp_path, run, data) == []


def test_data_in_memory_is_taken_away_even_when_the_directory_of_the_host_is_gone(tmp_path: Path) -> None:
    client = boot_host(tmp_path)
    run, data = places_of(tmp_path)
    shutil.rmtree(run)
    client.close_and_wait()
    assert not data.exists()


@pytest.mark.req("H05")
def test_what_a_dead_host_and_a_dead_reaper_left_is_swept_at_the_next_start(
    tmp_path: Path, leaser: subprocess.Popen[str]
) -> None:
    processes = processes_of(tmp_path)
    host = host_of(processes)
    directory, data = places_of(tmp_path)
    reaper_of(host).kill()
    host.kill()
    wait_until(lambda: not running([process for process in processes if process.pid != leaser.pid]), "all ended")
    assert directory.exists()
    (tmp_path / "host.sock").unlink()
    client = boot_host(tmp_path)
    wait_until(lambda: not directory.exists() and not data.exists(), "the remains are swept")
    client.close_and_wait()


def test_a_lease_that_is_given_up_while_the_platform_starts_is_noticed(tmp_path: Path) -> None:
    client = boot_host(tmp_path)
    client._socket.sendall(b'{"do": "lease", "shared": false}\n')
    wait_until(lambda: list(tmp_path.glob("lockstep-*/host-*/*/logs")), "the platform is being made")
    processes, places = processes_of(tmp_path), places_of(tmp_path)
    client.close_and_wait()
    wait_until(lambda: not running(processes), "every process has ended")
    assert leftovers(tmp_path, *places) == []


def test_a_host_that_cannot_listen_says_so(tmp_path: Path) -> None:
    with (
        changed_environment(own_place(tmp_path)),
        pytest.raises(PlatformError, match=r"cannot listen on /no/such/x\.sock"),
    ):
        start_host("/no/such/x.sock")


@pytest.mark.req("H06")
def test_a_shared_platform_is_kept_while_its_guardian_lives(tmp_path: Path) -> None:
    guardian = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        client = boot_host(tmp_path, keep_while=guardian.pid)
        descriptor = client.lease(shared=True)
        processes = processes_of(tmp_path)
        other = HostClient(tmp_path / "host.sock")
        wait_until(lambda: other.call("status")["kept"] == 1, "the guardian holds the platform")
        other.close()
        client.close()
        second = HostClient(tmp_path / "host.sock")
        assert second.lease(shared=True)["platform_id"] == descriptor["platform_id"]
        second.close()
    finally:
        guardian.kill()
        guardian.wait()
    wait_until(lambda: not running(processes), "every process has ended")


@pytest.mark.req("H07")
def test_a_platform_copies_the_database_that_was_prepared_for_the_first(tmp_path: Path) -> None:
    """A file that is put into the kept one is in each platform after it, so nobody makes a database again."""
    with changed_environment({"LOCKSTEP_CACHE": str(tmp_path / "cache")}):
        client = boot_host(tmp_path)
        client.lease(shared=False)
        (template,) = (path for path in (tmp_path / "cache").glob("pg-*") if path.is_dir())
        (template / "planted").write_text("here\n")
        client.close_and_wait()
        client = boot_host(tmp_path)
        descriptor = client.lease(shared=False)
        data = places_of(tmp_path)[1] / descriptor["platform_id"]
        assert (data / "planted").read_text() == "here\n"
        client.close_and_wait()


# A Redis whose port is taken: how often it was started is the length of the file that it writes.
CLASHING = """#!/bin/sh
printf x >>{tries}
[ "$(wc -c <{tries})" -gt {clashes} ] && exec {program} "$@"
echo "Could not create server TCP listening socket: bind: Address already in use"
exit 1
"""


@pytest.mark.req("H11")
@pytest.mark.parametrize("clashes", [2, 3])
def test_a_start_is_repeated_within_a_bound(host: HostClient, tmp_path: Path, clashes: int) -> None:
    tries, server = tmp_path / "tries", tmp_path / "redis-server"
    server.write_text(CLASHING.format(tries=tries, clashes=clashes, program=redis_server.program(None)))
    server.chmod(0o755)
    if clashes < 3:
        host.release(host.lease(shared=False, redis_server=str(server))["platform_id"])
    else:
        with pytest.raises(PlatformError, match="Address already in use"):
            host.lease(shared=False, redis_server=str(server))
    assert tries.read_text() == "xxx"
