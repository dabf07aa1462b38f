"""``./run target report``: what a real run on a small platform has found, for its owner."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from lockstep.dialect.entries import Place, Source
from lockstep.dialect.promises import Promises

from launcher.targets import telling
from tests.foreign.cookie_server import forum
from tests.foreign.frame_server import chat
from tests.foreign.hub_server import hub
from tests.foreign.running import FOREIGN
from tests.launcher.launching import command, launcher_environment
from tests.launcher.office import CHIEF, DIALECT, office

pytestmark = pytest.mark.req("T08")
TESTS = ("T20-03", "T24-03", "T25-03", "T23-01")


@dataclass(frozen=True)
class Reported:
    """A run that has ended, and what is reported of it."""

    results: Path
    text: str
    secrets: list[str]
    url: str


def launched(*words: str | Path, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        command(*words), env=launcher_environment(**environment), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    """A forum that takes any password, and closes sockets late, as its dialect declares."""
    results, target = tmp_path_factory.mktemp("results"), FOREIGN / "cookie" / "target.yaml"
    with forum("any password") as server:
        code, said = launched(*TESTS, "--target", target, "--results", results, FORUM_URL=server.url)
        assert code == 1, said
        code, text = launched("target", "report", target, "--results", results, FORUM_URL=server.url)
        assert code == 0, text
        secrets = [member["word"] for member in server.members.values()] + list(server.visits)
        yield Reported(results, text, secrets, server.url)


def test_findings_come_worst_first_and_nothing_else(reported: Reported) -> None:
    assert re.findall(r"^## (\d\. \w+: .*)$", reported.text, re.MULTILINE) == [
        "1. FAIL: A Wrong Password Is Refused (T20-03)",
        "2. WEAKER: Sign Out Ends Open Sockets (T24-03)",
    ]
    assert "4 tests, 1 FAIL, 1 WEAKER, 1 NA, 1 PASS" in reported.text


def test_a_finding_has_promise_verdict_standard_and_what_was_seen(reported: Reported) -> None:
    _, failed, weaker = re.split(r"^## ", reported.text, flags=re.MULTILINE)
    assert re.search(r"\| seen \| &lt;account of ls-\w+> should not be able to sign in, and is signed in \|", failed)
    assert "| requirement | T20: Who signs in is recognised at every endpoint" in failed
    assert "| promise | `promises.ends.sign_out.sockets`: next_frame (recommended: 1 s) |" in weaker
    assert "| standard | ASVS 5.0 §7.4 |" in weaker


def test_the_evidence_has_times_requests_and_answers(reported: Reported) -> None:
    evidence = reported.text.split("```")[1]
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3}  Sign Up  \d+\.\d{3} s$", evidence, re.MULTILINE)
    assert re.search(rf"^\d\d:\d\d:\d\d\.\d{{3}}    POST {reported.url}/join  303$", evidence, re.MULTILINE)
    assert re.search(r"Sign In Should Be Refused  \d\.\d{3} s  FAIL$", evidence, re.MULTILINE)


def test_the_repetition_is_lines_of_a_shell_with_variables_for_secrets(reported: Reported) -> None:
    lines = re.findall(r"```bash\n(.*?)```", reported.text, re.DOTALL)
    assert len(lines) == 2
    assert "# Set WORD first" in lines[0]
    assert re.search(rf'-d "_seal=[0-9a-f]+&who=ls-[0-9a-f]+&word=\$WORD" "{reported.url}/join"    # 303', lines[0])
    assert f'websocat "ws{reported.url.removeprefix("http")}/live" -H "Cookie: $COOKIE"' in lines[1]
    for text in lines:
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_no_secret_is_in_a_report(reported: Reported) -> None:
    assert len(reported.secrets) > 3
    assert [secret for secret in reported.secrets if secret in reported.text] == []


def test_a_report_goes_to_a_file_where_that_is_asked_for(reported: Reported, tmp_path: Path) -> None:
    target, file = FOREIGN / "cookie" / "target.yaml", tmp_path / "findings.md"
    words = ("target", "report", target, "--results", reported.results, "--output")
    code, said = launched(*words, file, FORUM_URL=reported.url)
    assert (code, "has 2 findings of" in said) == (0, True)
    assert file.read_text("utf-8").rstrip() == reported.text.rstrip()
    code, said = launched(*words, tmp_path / "nowhere" / "findings.md", FORUM_URL=reported.url)
    assert (code, "cannot be written: No such file or directory" in said) == (2, True)


def test_without_a_run_on_that_target_it_is_said_what_makes_one(reported: Reported, tmp_path: Path) -> None:
    code, said = launched("target", "report", "embedded", "--results", tmp_path)
    assert (code, "./run portable --target embedded" in said) == (2, True)
    code, said = launched("target", "report", "embedded", "--results", reported.results)
    assert (code, f"its runs are on {FOREIGN / 'cookie' / 'target.yaml'}" in said) == (2, True)


def test_words_done_by_frames_are_evidence_and_repetition(tmp_path: Path) -> None:
    target = FOREIGN / "hub" / "target.yaml"
    with hub("serves ended") as server:
        facts = {"HUB_URL": server.url, "HUB_LOGS": str(server.log.parent), "HUB_CHIEF": server.chief}
        launched("T24-03", "--target", target, "--results", tmp_path, **facts)
        code, text = launched("target", "report", target, "--results", tmp_path, **facts)
        secrets = [known["password"] for known in server.users.values()] + list(server.visits)
    assert "## 1. FAIL" in text, text
    assert code == 0
    address = f"ws{server.url.removeprefix('http')}/api"
    _, evidence, _, lines = text.split("```")[:4]
    assert re.search(
        rf"    FRAME {address}  answered\n +> \{{\"type\": \"login\", .*\n +< \{{.*\"success\": true", evidence
    )
    assert f'websocat "{address}"\n#   > {{"type": "login", ' in lines
    assert '"password": "$PASSWORD"}    # answered\n#   of the answer: access is result.access' in lines
    assert (
        f'websocat "{address}"\n#   > {{"type": "auth", "id": "$CALL", "access": "$ACCESS"}}\n#   > {{"type": "logout"'
        in lines
    )
    assert [secret for secret in secrets if secret in text] == []
    subprocess.run(["bash", "-n"], input=lines.removeprefix("bash"), text=True, check=True)


def test_a_broken_promise_names_its_standard(tmp_path: Path) -> None:
    target = FOREIGN / "frames" / "target.yaml"
    with chat("renew twice") as server:
        launched("T23-02", "--target", target, "--results", tmp_path, CHAT_URL=server.url)
        code, text = launched("target", "report", target, "--results", tmp_path, CHAT_URL=server.url)
    assert code == 0
    assert "## 1. FAIL: A Spent Refresh Token Is Useless (T23-02)" in text
    assert "| promise | `promises.refresh.reuse`: refused (recommended: ends_family) |" in text
    assert "| standard | RFC 9700 §4.14.2 |" in text


def test_passwords_and_tokens_of_json_are_variables(tmp_path: Path) -> None:
    target = tmp_path / "office.yaml"
    target.write_text(DIALECT.replace("unauthenticated: {status: 401", "unauthenticated: {status: 402"), "utf-8")
    with office() as server:
        known = {"OFFICE_URL": server.url, "OFFICE_CHIEF": CHIEF}
        code, said = launched("T21-01", "--target", target, "--results", tmp_path / "results", **known)
        assert code == 1, said
        code, text = launched("target", "report", target, "--results", tmp_path / "results", **known)
        secrets = [CHIEF, *server.passwords, *server.visits, *server.renewals]
    assert code == 0
    assert r"\"password\":\"$PASSWORD\"" in text
    assert "#   of the answer: access is token, refresh is renewal, session is visit, user is person.id" in text
    assert f'-H "Authorization: Bearer $TOKEN" "{server.url}/me"' not in text
    assert "| standard | RFC 6750 §3, RFC 6455 §4.2.2, ASVS 5.0 §8 |" in text
    assert [secret for secret in secrets if secret in text] == []


def test_a_message_that_names_one_part_tells_which_promise_was_broken() -> None:
    promises = Promises.from_yaml({}, Place(Source("")))
    for reason, name in (
        ("access at hub after revoke_session did not become refused", "promises.ends.revoke_session.access"),
        ("the refresh token after revoke_session did not become refused", "promises.ends.revoke_session.refresh"),
        ("weaker: the socket at hub ended 2.0 s after revoke_session", "promises.ends.revoke_session.sockets"),
    ):
        assert telling.judged("T24-05", reason) == [name]
        assert telling._promise(name, promises) == (f"`{name}`: 1 s (the recommendation)", "ASVS 5.0 §7.4")


def test_requests_of_the_log_become_curl_without_secrets() -> None:
    body = json.dumps({"refresh_token": "***", "note": 'a "quoted" $word'})
    exchange = telling.Exchange(
        datetime.now(), "POST", "http://a.test/renew",
        {"Authorization": "Bearer <token 1a2b3c4d>", "User-Agent": "x", "Content-Type": "application/json"}, body,
    )  # fmt: skip
    line = telling._curl(exchange)
    done = subprocess.run(
        ["bash", "-c", f"TOKEN=t REFRESHTOKEN=r; printf '%s\\n' {line.removeprefix('curl ')}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    words = done.stdout.splitlines()
    assert "Authorization: Bearer t" in words
    assert json.dumps({"refresh_token": "r", "note": 'a "quoted" $word'}) in words
    assert not any("User-Agent" in word for word in words)
