"""The merged result handed to reporters."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.launcher.launching import command, launch, launcher_environment

SUITE = """*** Test Cases ***
It Passes
    [Tags]    id:X01-01
    No Operation

It Fails
    [Tags]    id:X01-02
    Fail    a | b <script>
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("publish")
    (folder / "one.robot").write_text(SUITE)
    return launch(folder / "one.robot", folder / "results", "--seed", "1").results


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Keeps what is posted to it."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append({"path": self.path, "token": self.headers["Authorization"], "body": body})
            self.send_response(200 if self.headers["Authorization"] == "Bearer good" else 401)
            self.end_headers()
            self.wfile.write(b'{"key": "SHOP-7"}')

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}", received
        made.shutdown()
        thread.join()


def publish(results: Path, *words: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        command("publish", *words, "--results", results), cwd=results.parent,
        env=launcher_environment(**environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.req("E03")
def test_the_page_of_a_job_shows_verdicts_and_what_was_tested(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    code, said = publish(results, "github", GITHUB_STEP_SUMMARY=str(page))
    assert (code, said.strip()) == (0, "2 tests in the summary of the job")
    text = page.read_text("utf-8")
    assert text.startswith("before\n## ")
    assert "2 tests: 1 FAIL, 1 PASS" in text
    assert "| Seed | 1 |" in text
    assert "| X01-02 | FAIL | a &#124; b &lt;script> |" in text
    assert "NOT WELL: 1 failed" in publish(results, "github", GITHUB_STEP_SUMMARY="")[1]


@pytest.mark.req("E03")
def test_xray_is_given_the_merged_output(results: Path, server: tuple[str, list[dict[str, Any]]]) -> None:
    url, received = server
    code, said = publish(results, "xray", "--project", "SHOP", XRAY_URL=url, XRAY_TOKEN="good")
    assert code == 0, said
    assert "SHOP-7" in said
    assert received[0]["path"] == "/rest/raven/2.0/import/execution/robot?projectKey=SHOP"
    assert received[0]["body"].count(b"<test ") == 2
    code, said = publish(results, "xray", "--project", "SHOP", XRAY_URL=url, XRAY_TOKEN="wrong-token")
    assert (code, "answered 401" in said, "wrong-token" in said) == (1, True, False)


@pytest.mark.req("E03")
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("dashboard",), "robotframework-dashboard is not installed"),
        (("metrics",), "robotframework-metrics is not installed"),
        (("xray",), "Xray needs XRAY_URL"),
        (("github", "--run", "nosuch"), "There is no run 'nosuch'"),
        (("nowhere",), "invalid choice"),
    ],
)
def test_what_cannot_be_published_is_refused_with_the_way_out(
    results: Path, words: tuple[str, ...], reason: str
) -> None:
    code, said = publish(results, *words)
    assert (code, reason in said) == (2, True), said
