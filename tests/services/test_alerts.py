"""Each alert of deploy/prometheus fires in a real Prometheus while its fault is there, and ends with it.

The rules are those that are deployed, on a shorter time scale: minutes are seconds.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from PlatformLibrary.embedded.client import HostClient

from launcher import exporting
from lint import deploy
from tests.libraries.platform_boot import boot_host
from tests.services.servers import free_port

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.skipif(PROMETHEUS is None, reason="no Prometheus on this machine (Debian: apt-get install prometheus)"),
    pytest.mark.req("H17"),
]
FIRES, ENDS = 60.0, 60.0
HOPS = ["auth->postgres", "auth->redis", "auth->backend", "backend->redis"]
RUN: dict[str, Any] = {
    "name": "critical", "target": "embedded", "started": "2026-01-01T00:00:00+00:00", "seconds": 2.0, "well": False,
    "machine": {"contention": 1.0}, "latencies": [], "budgets": [],
    "tests": {"Critical.One": {"id": "C01-01", "seconds": 1.0, "verdict": "FAIL"}},
    "requirements": {"C01.1": {"verdict": "FAIL"}},
}  # fmt: skip


def scaled(text: str) -> str:
    """The rules with seconds where they have minutes."""
    return re.sub(r"\b2m\b", "3s", re.sub(r"\b1m\b", "1s", text)).replace("interval: 15s", "interval: 500ms")


@dataclass
class Platform:
    """A platform with hops that can be cut, and the Prometheus that scrapes it."""

    host: HostClient
    found: dict[str, Any]
    prometheus: str
    run: dict[str, Any]

    def do(self, verb: str, **arguments: Any) -> None:
        self.host.call(verb, platform=self.found["platform_id"], **arguments)

    def ask(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.prometheus}/api/v1/{path}", params=parameters, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def firing(self) -> set[str]:
        alerts = self.ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def should_fire(self, *names: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        seen: set[str] = set()

        def all_fired() -> bool:
            meanwhile()
            seen.update(self.firing())
            return seen >= set(names)

        wait(all_fired, FIRES, lambda: f"{sorted(set(names) - seen)} should fire; firing: {sorted(self.firing())}")

    def should_end(self, *names: str) -> None:
        wait(lambda: not self.firing() & set(names), ENDS, lambda: f"{sorted(self.firing())} should have ended")

    def admin(self, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.found['service_token']}"}
        return httpx.request(method, f"{self.found['auth_url']}{path}", json=body, headers=headers, timeout=10)

    def sign_up(self) -> dict[str, Any]:
        """A new user, signed in."""
        known = {"email": f"u{time.monotonic_ns()}@example.test", "password": "Aa1-long-enough-secret", "name": "U"}
        httpx.post(f"{self.found['auth_url']}/auth/signup", json=known, timeout=10).raise_for_status()
        signed_in = httpx.post(f"{self.found['auth_url']}/auth/login", json={**known, "client_id": "web"}, timeout=10)
        return {**known, **signed_in.raise_for_status().json()}


def wait(holds: Callable[[], bool], within: float, missing: Callable[[], str]) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, missing()
        time.sleep(0.1)


@contextmanager
def served(run: dict[str, Any]) -> Iterator[int]:
    """The newest run's metrics, as a Pushgateway shows them; the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporting.openmetrics(run).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def scraping(folder: Path, found: dict[str, Any], run_port: int) -> Iterator[str]:
    """A Prometheus with the deployed rules; its address."""
    folder.mkdir()
    (folder / "rules.yml").write_text(scaled((deploy.PROMETHEUS / "rules.yml").read_text("utf-8")), "utf-8")
    config = yaml.safe_load((deploy.PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "250ms", "evaluation_interval": "250ms"}
    addresses = {
        "auth": [found["auth_url"]], "backend": found["backend_urls"], "frontend": [found["public_url"]],
        "lockstep": [f"http://127.0.0.1:{run_port}"],
    }  # fmt: skip
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [url.partition("://")[2] for url in addresses[job["job_name"]]]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROMETHEUS), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            assert process.poll() is None, (folder / "log").read_text("utf-8")
            try:
                return httpx.get(f"{url}/-/ready", timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        wait(ready, 30, lambda: (folder / "log").read_text("utf-8"))
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("alerts")
    host = boot_host(folder)
    run = json.loads(json.dumps(RUN))
    try:
        found = host.lease(shared=False, backends=2, proxies=HOPS)
        with served(run) as port, scraping(folder / "prometheus", found, port) as url:
            known = Platform(host, found, url, run)
            ups = 'up{job=~"auth|backend|frontend"}'
            wait(
                lambda: len(known.ask("query", query=f"{ups} == 1")["result"]) == 4,
                30,
                lambda: str(known.ask("query", query=ups)),
            )
            yield known
    finally:
        host.close_and_wait()


def test_sessions_that_cannot_be_made_or_judged_raise_their_alerts(platform: Platform) -> None:
    user = platform.sign_up()
    for hop in ("auth->postgres", "auth->redis"):
        platform.do("disable", hop=hop)

    def ask() -> None:
        platform.admin("POST", "/admin/sessions", user_id=user["user"]["id"], type="WEB")
        platform.admin("POST", "/admin/sessions/validate", session_token="unknown-token-of-this-test")

    platform.should_fire("SessionCreationFails", "SessionValidationFails", meanwhile=ask)
    for hop in ("auth->postgres", "auth->redis"):
        platform.do("enable", hop=hop)
    platform.should_end("SessionCreationFails", "SessionValidationFails")


def test_events_and_revocations_that_are_late_raise_their_alerts(platform: Platform) -> None:
    user = platform.sign_up()
    platform.do("disable", hop="auth->backend")
    headers = {"Authorization": f"Bearer {user['access_token']}"}
    httpx.post(f"{platform.found['auth_url']}/auth/logout", json={}, headers=headers, timeout=10).raise_for_status()
    platform.should_fire("SyncLags")
    platform.do("enable", hop="auth->backend")
    platform.should_fire("RevocationLate")
    platform.should_end("SyncLags", "RevocationLate")


def test_a_breaker_that_is_open_and_a_service_that_is_down_raise_their_alerts(platform: Platform) -> None:
    user = platform.sign_up()
    platform.do("disable", hop="backend->redis")
    platform.do("stop", instance="auth")

    def ask() -> None:
        headers = {"Authorization": f"Bearer {user['access_token']}"}
        httpx.get(f"{platform.found['backend_urls'][0]}/api/me", headers=headers, timeout=10)

    platform.should_fire("CircuitBreakerOpen", "ServiceDown", meanwhile=ask)
    platform.do("start", instance="auth")
    # Redis stays away: only a call to auth closes the breaker.
    others = platform.sign_up()

    def ended() -> bool:
        headers = {"Authorization": f"Bearer {others['access_token']}"}
        httpx.get(f"{platform.found['backend_urls'][0]}/api/me", headers=headers, timeout=10)
        return not platform.firing() & {"CircuitBreakerOpen", "ServiceDown"}

    wait(ended, ENDS, lambda: f"{sorted(platform.firing())} should have ended")
    platform.do("enable", hop="backend->redis")


def test_a_run_that_is_not_well_or_too_long_ago_raises_its_alert(platform: Platform) -> None:
    platform.should_fire("RunNotWell", "RunsHaveStopped")
    platform.run |= {"well": True, "started": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())}
    platform.should_end("RunNotWell", "RunsHaveStopped")


def test_every_expression_of_rules_and_dashboards_can_be_asked(platform: Platform) -> None:
    for _, expression in deploy.expressions():
        asked = re.sub(r'"\$(run|target)"', '".*"', expression)
        assert platform.ask("query", query=asked)["resultType"] == "vector"
