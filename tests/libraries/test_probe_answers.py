"""ProbeLibrary on other platforms: what is good and what refuses, other methods, the death of a credential."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
from lockstep.dialect.messages import Answer as Seen
from lockstep.machine import Waiting
from lockstep.unknown import Unknown
from ProbeLibrary import ProbeLibrary, dying
from ProbeLibrary.expecting import EXPIRED, Expected, shown
from ProbeLibrary.judge import Answer, Report
from ProbeLibrary.request import Request, carried
from robot.api.types import Secret

from tests.libraries.inner import INNER, ROOT, run_inner
from tests.libraries.serving import served

IDLE = Waiting(10.0, 0.0)
SHORT = timedelta(milliseconds=5)


class Platform(BaseHTTPRequestHandler):
    """Knows one credential, which is good until ``ends`` (seconds since the epoch), and says no in a way of its own."""

    protocol_version = "HTTP/1.1"
    ends = 0.0
    credential: ClassVar[tuple[str, str]] = ("Authorization", "Bearer good-token-1")
    refusal: ClassVar[tuple[int, dict[str, str], Any]] = (401, {}, {})
    seen: ClassVar[list[tuple[str, str, str, int]]] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        name, value = self.credential
        type(self).seen.append((self.command, self.headers["Content-Type"] or "", body, self.client_address[1]))
        if self.headers[name] == value and time.time() < type(self).ends:
            self._send(200, {}, {"user": "u1"})
            if self.path == "/sign-out":
                type(self).ends = 0.0
        else:
            self._send(*self.refusal)

    def _send(self, status: int, headers: dict[str, str], document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def platform() -> Iterator[str]:
    Platform.ends = time.time() + 3600
    Platform.credential, Platform.refusal, Platform.seen = ("Authorization", "Bearer good-token-1"), (401, {}, {}), []
    with served(Platform) as url:
        yield url


def kind(expected: Expected, status: int | None, headers: dict[str, str] | None = None, body: Any = None) -> str:
    return expected.kind(Seen(status, tuple((headers or {}).items()), json.dumps(body).encode()))


def test_without_a_word_on_it_every_error_is_a_failure() -> None:
    expected = Expected.read()
    assert [kind(expected, status) for status in (200, 302)] == ["good"] * 2
    assert [kind(expected, status) for status in (401, 403, 404, 429, 500, None)] == ["other"] * 6


@pytest.mark.parametrize("good", [200, "200", [200], "[200]", {"status": 200}, {"status": [200, 200]}])
def test_what_is_good_can_be_told(good: Any) -> None:
    expected = Expected.read(good, ["401", "403"])
    assert [kind(expected, status) for status in (200, 204, 401, 403, 404, 500, None)] == [
        "good", "other", "refused", "refused", "other", "other", "other",
    ]  # fmt: skip


def test_a_refusal_is_told_by_code_place_or_header_too() -> None:
    expected = Expected.read(
        "2xx",
        [
            {"status": 403, "code_at": "errors.0.extensions.code", "codes": ["TOKEN_EXPIRED", "INVALID"]},
            {"status": 302, "location": "/login$"},
            {"header": {"WWW-Authenticate": "invalid_token"}},
            {"status": 200, "code_at": "ok", "codes": [False]},
        ],
    )
    by_code = {"errors": [{"extensions": {"code": "TOKEN_EXPIRED"}}]}
    assert kind(expected, 403, body=by_code) == "refused"
    assert kind(expected, 403, body={"errors": [{"extensions": {"code": "FORBIDDEN"}}]}) == "other"
    assert kind(expected, 302, {"location": "https://a.test/login"}) == "refused"
    assert kind(expected, 302, {"location": "https://a.test/home"}) == "other"
    assert kind(expected, 400, {"www-authenticate": 'Bearer error="invalid_token"'}) == "refused"
    assert kind(expected, 200, body={"ok": False}) == "refused", "what fits both refuses"
    assert kind(expected, 200, body={"ok": True}) == "good"
    assert shown(Expected.read(refused=dict(EXPIRED)).refused) == "401, code token_expired"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("fine", "good: status: an HTTP status such as 404 or 4xx is needed"),
        (700, "good: status: an HTTP status such as 404 or 4xx is needed"),
        ([], "good: nothing is described: no answer would be good"),
        ({}, "good: nothing is described: any answer would be this refusal"),
        ("[200", "good: [200 is neither a list nor a dictionary"),
        ({"state": 200}, "good: state: unknown entry; did you mean status?"),
        ([200, {"codes": ["x"]}], "good: 1: code_at says where the code stands"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(told: Any, message: str) -> None:
    with pytest.raises(ValueError) as failure:  # noqa: PT011
        Expected.read(told)
    assert message in str(failure.value)


def probe(url: str, count: int = 3, **told: Any) -> Report:
    library = ProbeLibrary()
    library.start_probe("one", url, every=SHORT, **told)
    library.wait_for_probe_answers(count, timedelta(seconds=10))
    return library.stop_probe("one")


def test_a_refused_token_is_no_availability_told_or_not(platform: str) -> None:
    assert probe(platform, token="wrong").availability == 0.0
    report = probe(platform, token="wrong", good=200, refused=401)
    assert (report.availability, len(report.refusals)) == (0.0, len(report.answers))
    with pytest.raises(AssertionError, match=r"was available for 0\.000 %"):
        ProbeLibrary().availability_should_be_at_least(report, 1)
    assert probe(platform, token="good-token-1", good=200).availability == 100.0


def test_a_code_that_stands_elsewhere_is_shown(platform: str) -> None:
    Platform.refusal = (403, {}, {"errors": [{"code": "GONE"}]})
    report = probe(platform, good=200, refused={"code_at": "errors.0.code", "codes": ["GONE"]})
    assert str(report.answers[0]) == "403 GONE"


@pytest.mark.parametrize("method", ["get", "POST", "PUT", "DELETE", "HEAD"])
def test_any_method_can_be_probed(platform: str, method: str) -> None:
    report = probe(platform, token="good-token-1", method=method, good=200)
    assert {(answer.status, answer.kind) for answer in report.answers} == {(200, "good")}
    assert {seen[0] for seen in Platform.seen} == {method.upper()}
    ports = {seen[3] for seen in Platform.seen}
    assert len(ports) == (len(Platform.seen) if method == "POST" else 1), "what must not be repeated is sent again"


def test_a_body_goes_as_json_or_as_a_form(platform: str) -> None:
    probe(platform, 1, method="POST", json={"a": 1})
    probe(platform, 1, method="POST", form={"user": "ü", "to": ["x", "y"], "word": Secret("a&b")})
    sent = {(seen[1], seen[2]) for seen in Platform.seen}
    assert ("application/json", '{"a": 1}') in sent
    form = next(body for kind_, body in sent if kind_ == "application/x-www-form-urlencoded")
    assert parse_qs(form) == {"user": ["ü"], "to": ["x", "y"], "word": ["a&b"]}
    assert Request.read({"url": platform, "json": None}).body == b"null"


def test_a_token_travels_as_told(platform: str) -> None:
    Platform.credential = ("Cookie", "session=good-token-1")
    assert not probe(platform, token="good-token-1", good=200).availability
    assert probe(platform, token="good-token-1", credential="Cookie: session={token}", good=200).availability == 100.0
    Platform.credential = ("X-Key", "k")
    assert probe(platform, headers={"X-Key": Secret("k")}, good=200).availability == 100.0


@pytest.mark.parametrize("credential", ["the-secret-itself-1234", "Cookie: the-secret-itself-1234", ": {token}"])
def test_a_credential_without_a_place_is_not_shown(credential: str) -> None:
    with pytest.raises(ValueError, match="a credential is a header with a place") as failure:
        carried(credential, "t")
    assert "the-secret" not in str(failure.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"url": "shop.test/me"}, "an http or https URL is needed, not 'shop.test/me'"),
        ({"url": "http://a.test", "method": "GET /"}, "an HTTP method such as POST is needed, not 'GET /'"),
        ({"url": "http://a.test", "json": {}, "form": {}}, "give json or form, not both"),
        ({"url": "http://a.test", "form": "a=b"}, "a form is a dictionary of its fields, not str"),
    ],
)
def test_a_request_that_cannot_be_made_is_refused(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Request.read(entries)


def test_every_answer_may_be_one_of_several() -> None:
    report = Report("http://a.test/", (Answer(0, 0.1, 200), Answer(1, 0.1, 204), Answer(2, 0.1, 401)))
    library = ProbeLibrary()
    library.every_answer_should_be(report, "2xx", 401)
    with pytest.raises(AssertionError, match=r"gave 1 of 3 answers that are not 200 or 401: 204"):
        library.every_answer_should_be(report, 200, 401)


def test_a_token_expires_as_told(platform: str) -> None:
    Platform.refusal = (302, {"Location": "/login"}, {})
    expiry = Platform.ends = time.time() + 1
    library = ProbeLibrary()
    told: dict[str, Any] = {"expired": {"status": 302, "location": "/login"}}
    library.token_should_be_honoured_until(expiry, "good-token-1", platform, **told)
    expiry = time.time() + 1
    Platform.ends = expiry + 60
    with pytest.raises(AssertionError, match="after the expiry, not 302, to /login"):
        library.token_should_be_honoured_until(expiry, "good-token-1", platform, **told)
    expiry = Platform.ends = time.time() + 1
    with pytest.raises(AssertionError, match="after the expiry, not 401 token_expired"):
        library.token_should_be_honoured_until(expiry, "good-token-1", platform)


def answers(*given: tuple[float, str], status: int = 200) -> Report:
    """Requests sent at so many seconds, with what the answer was; each took 0.01 s."""
    return Report("http://a.test/", tuple(Answer(sent, 0.01, status, "", kind_) for sent, kind_ in given))


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (answers((9.9, "good"), (10.5, "good"), (10.9, "refused"), (12, "refused")), ""),
        (answers((9.9, "good"), (10.1, "refused")), ""),
        (answers((10.1, "other"), (10.5, "refused"), (12, "refused")), ""),
        (answers((9.9, "refused"), (10.1, "refused"), (11.2, "good"), (12, "refused")), "until 1.20 s after, not 1 s"),
        (answers((10.1, "good"), (12, "good")), "until 2.00 s or longer after, not 1 s"),
        (answers((10.5, "refused"), (11.5, "other")), "answered 200 1.50 s after, which neither honours nor refuses"),
        (answers((9.9, "good")), "UNKNOWN: http://a.test/ was asked nothing after the end of the credential"),
        (answers((10.5, "good")), "UNKNOWN: http://a.test/ was asked nothing later than 1 s after"),
        (answers((10.5, "other")), "UNKNOWN: http://a.test/ was asked nothing later than 1 s after"),
    ],
)
def test_a_death_is_judged_by_when_requests_were_sent(report: Report, message: str) -> None:
    wrong = dying.judge_death(report, 10.0, 1.0, IDLE)
    assert message in wrong
    assert bool(wrong) == bool(message)


def test_a_late_death_on_a_busy_machine_is_judged_by_its_own_time() -> None:
    late = answers((11.4, "good"), (12, "refused"))
    assert "until 1.40 s" in dying.judge_death(late, 10.0, 1.0, IDLE)
    assert dying.judge_death(late, 10.0, 1.0, Waiting(10.0, 5.0)) == ""
    assert dying.judge_death(late, 10.0, 1.0, Waiting(10.0, 0.5, shared=True)).startswith("UNKNOWN: ")


def test_dead_is_what_refuses_steadily() -> None:
    refusals = answers((1, "refused"), (1.2, "refused"), (1.4, "refused")).answers
    assert dying.is_dead(refusals, 1.0, 0.4)
    assert not dying.is_dead(refusals, 1.0, 0.5)
    assert not dying.is_dead(refusals, 1.005, 0.1), "what was sent before the end says nothing"
    assert not dying.is_dead(refusals[:2], 1.0, 0.0), "two answers are too few"
    assert not dying.is_dead(answers((1, "refused"), (2, "good"), (3, "refused")).answers, 0.0, 0.0)


def test_a_credential_that_dies_in_time_passes_with_its_time(platform: str) -> None:
    Platform.ends = time.time() + 0.4
    began = time.monotonic()
    lasted = ProbeLibrary().credential_should_be_dead_within(timedelta(seconds=30), "good-token-1", platform)
    assert 0.1 < lasted < 1.0
    assert time.monotonic() - began < 10, "a dead credential is not waited for any longer"
    assert ProbeLibrary().credential_should_be_dead_within(timedelta(seconds=1), "good-token-1", [platform]) == 0.0


def test_a_credential_that_lives_on_fails_with_its_time(platform: str) -> None:
    Platform.ends = time.time() + 0.8
    with pytest.raises(AssertionError, match=r"honoured the credential until 0\.\d\d s after, not 0.3 s"):
        ProbeLibrary().credential_should_be_dead_within(timedelta(milliseconds=300), "good-token-1", platform)
    Platform.ends = time.time() + 60
    with pytest.raises(AssertionError, match=r"until 0\.[34]\d s or longer after, not 0.1 s"):
        ProbeLibrary().credential_should_be_dead_within(
            timedelta(milliseconds=100), "good-token-1", platform, longer=timedelta(milliseconds=300), every=SHORT
        )


def test_the_time_may_count_from_an_earlier_instant(platform: str) -> None:
    Platform.ends = time.time() + 0.3
    with pytest.raises(AssertionError, match=r"honoured the credential until 5\.\d\d s after, not 1 s"):
        ProbeLibrary().credential_should_be_dead_within(
            timedelta(seconds=1), "good-token-1", platform, since=time.time() - 5, longer=timedelta(seconds=9)
        )


def test_each_url_has_to_refuse(platform: str) -> None:
    Platform.ends = 0
    with served(Always200) as other, pytest.raises(AssertionError) as failure:
        ProbeLibrary().credential_should_be_dead_within(
            timedelta(milliseconds=100), "t", [platform, other], longer=timedelta(milliseconds=200)
        )
    assert other in str(failure.value)
    assert platform not in str(failure.value)


def test_an_error_is_no_refusal(platform: str) -> None:
    Platform.ends, Platform.refusal = 0, (500, {}, {})
    with pytest.raises(AssertionError, match=r"answered 500 .* which neither honours nor refuses"):
        ProbeLibrary().credential_should_be_dead_within(
            timedelta(milliseconds=100), "t", platform, longer=timedelta(milliseconds=300)
        )


class Always200(Platform):
    def answer(self) -> None:
        self._send(200, {}, {})

    do_GET = answer  # noqa: N815


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"urls": []}, "no URL: nothing would be proved"),
        ({"urls": "http://a.test", "name": "Log", "since": 1.0}, "give name or since, not both"),
        ({"urls": "http://a.test", "refused": None}, "good and refused are both needed"),
    ],
)
def test_a_call_that_proves_nothing_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProbeLibrary().credential_should_be_dead_within(timedelta(seconds=1), "t", **given)


def test_no_thread_is_left(platform: str) -> None:
    Platform.ends = 0
    ProbeLibrary().credential_should_be_dead_within(timedelta(seconds=1), "t", platform)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("probe ")]


def test_the_example_of_the_document_runs(platform: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "libraries" / "probe.md").read_text(encoding="utf-8")
    block = re.search(r"```robotframework\n(.*?)```", text, re.DOTALL)
    assert block
    (tmp_path / "example.robot").write_text(block[1], encoding="utf-8")
    run = run_inner(
        tmp_path / "example.robot", tmp_path, variables={"API": platform.rstrip("/"), "TOKEN": "good-token-1"}
    )
    assert run.returncode == 0, f"{run.verdicts}\n{run.console}"


def test_keywords_from_outside(platform: str, tmp_path: Path) -> None:
    run = run_inner(INNER / "probe" / "answers.robot", tmp_path, variables={"URL": platform, "TOKEN": "good-token-1"})
    run.all_as_declared()
    assert "good-token-1" not in run.output.replace("TOKEN:good-token-1", "")


def test_a_credential_that_was_never_honoured_is_unknown(platform: str) -> None:
    with pytest.raises(Unknown, match=r"was not honoured before 'Log' was to end it: .*the last 401"):
        ProbeLibrary().credential_should_be_dead_within(timedelta(seconds=1), "wrong", platform, "Log", "x")
