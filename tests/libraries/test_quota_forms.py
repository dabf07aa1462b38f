"""QuotaLibrary on other platforms: plain 429 with Retry-After, X-RateLimit fields, and clients that wait as told."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest
from lockstep.unknown import Unknown
from QuotaLibrary import QuotaLibrary, judge
from QuotaLibrary.asking import Answer
from QuotaLibrary.fields import FieldError, Quota, read_retry_after, read_unstandardised
from QuotaLibrary.form import Form

from tests.libraries.inner import INNER, ROOT, run_inner
from tests.libraries.serving import served

LIMIT = 3
PLAIN = Form("none", code=None)
LEGACY = Form("x-ratelimit", code=None)
DATE = "Mon, 30 Nov 2026 12:00:00 GMT"
INSTANT = 1796040000


class Plain(BaseHTTPRequestHandler):
    """Three requests in a window of one second; what a refusal looks like is each test's."""

    protocol_version = "HTTP/1.1"
    ends, used = 0.0, 0
    lock = threading.Lock()
    told: ClassVar[dict[str, str]] = {}
    text = "{}"
    liar = 0.0
    seen: ClassVar[list[tuple[str, str, str]]] = []

    def do_GET(self) -> None:
        cls = type(self)
        with cls.lock:
            if cls.ends <= time.monotonic():
                cls.ends, cls.used = time.monotonic() + 1 + cls.liar, 0
            cls.used += 1
            refused = cls.used > LIMIT
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        cls.seen.append((self.path, body, self.headers["X-Key"] or ""))
        self.send_response(429 if refused else 200)
        text = cls.text if refused else "{}"
        self.send_header("Content-Length", str(len(text)))
        left = str(max(0, LIMIT - cls.used))
        for name, value in cls.told.items():
            if refused or name != "Retry-After":
                self.send_header(name, value.replace("{left}", left).replace("{soon}", str(int(time.time()) + 1)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


RECOMMENDED_FIELDS = {"RateLimit-Policy": '"user";q=3;w=1', "RateLimit": '"user";r={left};t=1', "Retry-After": "1"}
LEGACY_FIELDS = {"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "{left}", "X-RateLimit-Reset": "1"}


@pytest.fixture
def url() -> Iterator[str]:
    Plain.ends, Plain.used, Plain.liar, Plain.told, Plain.seen = 0.0, 0, 0.0, {"Retry-After": "1"}, []
    Plain.text = "{}"
    with served(Plain) as url:
        yield url


def refusal(retry_after: int | None = 1, quotas: dict[str, Quota] | None = None, detail: str = "") -> Answer:
    return Answer("http://a.test/", 0.0, 0.01, 429, detail, quotas or {}, retry_after)


def legacy(remaining: int, reset: int = 9) -> dict[str, Quota]:
    return {"x-ratelimit": Quota("x-ratelimit", LIMIT, None, remaining, reset)}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0", 0),
        ("Mon, 30 Nov 2026 12:00:30 GMT", 30),
        ("Monday, 30-Nov-26 12:00:30 GMT", 30),
        ("Mon, 30 Nov 2026 11:59:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: int) -> None:
    assert read_retry_after({"Retry-After": text, "Date": DATE}.get) == seconds


def test_without_a_date_of_its_own_an_answer_is_of_now() -> None:
    assert read_retry_after({"Retry-After": formatdate(time.time() + 60, usegmt=True)}.get) in (59, 60, 61)
    assert read_retry_after(dict[str, str]().get) is None


@pytest.mark.parametrize("text", ["soon", "-1", "1.5", "Mon, 99 Nov 2026 12:00:00 GMT"])
def test_any_other_retry_after_is_malformed(text: str) -> None:
    with pytest.raises(FieldError, match="is neither seconds nor a date"):
        read_retry_after({"Retry-After": text, "Date": DATE}.get)


@pytest.mark.parametrize(
    ("prefix", "reset", "seconds"),
    [("X-RateLimit", "9", 9), ("X-Rate-Limit", "8.2", 9)],
)
def test_unstandardised_fields_are_read_in_both_spellings(prefix: str, reset: str, seconds: int) -> None:
    fields = {f"{prefix}-Limit": "3", f"{prefix}-Remaining": "2", f"{prefix}-Reset": reset, "Date": DATE}
    assert read_unstandardised(fields.get) == Quota("x-ratelimit", 3, None, 2, seconds)


@pytest.mark.parametrize(("wait", "wrong"), [(20, ""), (19, ""), (18, "Retry-After 18 is before t=19")])
def test_an_instant_and_a_date_are_rounded_to_seconds(wait: int, wrong: str) -> None:
    fields = {f"X-RateLimit-{name}": value for name, value in (("Limit", "5"), ("Remaining", "0"))}
    fields |= {"X-RateLimit-Reset": str(INSTANT + 21), "Date": DATE}
    quota = read_unstandardised(fields.get)
    assert quota == Quota("x-ratelimit", 5, None, 0, 21, 2)
    answer = refusal(wait, {quota.name: quota})
    assert judge.refusal(answer, LEGACY).partition(":")[0] == wrong


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"X-RateLimit-Limit": "3", "X-RateLimit-Reset": "1"}, "X-RateLimit-Remaining: missing"),
        (
            {"X-RateLimit-Limit": "3, 3;w=1", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1"},
            "X-RateLimit-Limit: 3, 3;w=1 is no number",
        ),
    ],
)
def test_half_of_the_fields_are_malformed(fields: dict[str, str], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        read_unstandardised(fields.get)
    assert read_unstandardised(dict[str, str]().get) is None


@pytest.mark.parametrize(
    ("answer", "form", "message"),
    [
        (refusal(), PLAIN, ""),
        (refusal(None), PLAIN, "a refusal has no Retry-After"),
        (refusal(None), Form("none", retry_after=False, code=None), ""),
        (refusal(detail="slow_down"), Form("none", code="slow_down"), ""),
        (refusal(), Form("none", code="slow_down"), "a refusal has no problem code, not 'slow_down'"),
        (refusal(9, legacy(0)), LEGACY, ""),
        (refusal(8, legacy(0)), LEGACY, "Retry-After 8 is before t=9"),
        (refusal(9, legacy(1)), LEGACY, "names no quota that is used up"),
        (refusal(9), LEGACY, "names no quota that is used up"),
        (refusal(None, legacy(0)), Form("x-ratelimit", retry_after=False, code=None), ""),
        (refusal(1, legacy(0), "rate_limited"), Form(), "names no quota that is used up"),
    ],
)
def test_a_refusal_is_judged_by_the_form_that_is_told(answer: Answer, form: Form, message: str) -> None:
    wrong = judge.refusal(answer, form)
    assert message in wrong
    assert bool(wrong) == bool(message)


def test_what_cannot_be_read_counts_where_the_platform_has_it() -> None:
    answer = Answer("http://a.test/", 0, 0, 429, "", {}, 1, "", "X-RateLimit-Reset: missing")
    assert judge.refusal(answer, LEGACY) == "X-RateLimit-Reset: missing"
    assert judge.refusal(answer, PLAIN) == ""


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="fields are draft10, x-ratelimit, none, not 'ietf'"):
        Form("ietf")  # type: ignore[arg-type]


def test_a_promise_without_retry_after_is_the_reset() -> None:
    form = Form("x-ratelimit", retry_after=False, code=None)
    passed = Answer("http://a.test/", 2.0, 2.01, 200)
    assert judge.promises([refusal(None, legacy(0, 2)), passed], form) == ""
    assert "a reset of 9 was too long" in judge.promises([refusal(None, legacy(0)), passed], form)
    bare = Form("none", retry_after=False, code=None)
    assert "does not say how long to wait" in judge.promises([refusal(None), passed], bare)


def test_a_plain_quota_is_judged_by_count_alone(url: str) -> None:
    library = QuotaLibrary()
    library.exactly_should_pass(library.ask(5, url), LIMIT, fields="none", code=None)
    Plain.ends = 0.0
    with pytest.raises(AssertionError, match="a refusal has no problem code, not 'rate_limited'"):
        library.exactly_should_pass(library.ask(5, url), LIMIT)
    Plain.ends, Plain.told = 0.0, {}
    with pytest.raises(AssertionError, match="a refusal has no Retry-After"):
        library.exactly_should_pass(library.ask(5, url), LIMIT, fields="none", code=None)


def test_unstandardised_quotas_count_down(url: str) -> None:
    library, Plain.told = QuotaLibrary(), {**LEGACY_FIELDS, "Retry-After": "1"}
    answers = library.ask(5, url)
    library.exactly_should_pass(answers, LIMIT, fields="x-ratelimit", code=None)
    library.quota_should_count_down(answers, "x-ratelimit", LIMIT, 1)
    with pytest.raises(AssertionError, match=r"the policy is q=3, not q=4;w=1"):
        library.quota_should_count_down(answers, "x-ratelimit", 4, 1)
    Plain.ends, Plain.told = 0.0, {**LEGACY_FIELDS, "X-RateLimit-Remaining": "2"}
    with pytest.raises(AssertionError, match="r of quota 'x-ratelimit' was 2 in answer 2, not 1"):
        library.quota_should_count_down(library.ask(3, url), "x-ratelimit", LIMIT, 1)
    Plain.told = {"X-RateLimit-Limit": "3"}
    with pytest.raises(AssertionError, match="X-RateLimit-Remaining: missing"):
        library.quota_should_count_down(library.ask(3, url), "x-ratelimit", LIMIT, 1)


@pytest.mark.parametrize(
    "told",
    [
        {"Retry-After": "1"},
        {**LEGACY_FIELDS, "X-RateLimit-Reset": "{soon}"},
    ],
)
def test_who_waits_as_told_is_served(url: str, told: dict[str, str]) -> None:
    Plain.told = told
    fields = "x-ratelimit" if "X-RateLimit-Limit" in told else "none"
    waited = QuotaLibrary().promised_wait_should_suffice(
        url, LIMIT + 1, fields=fields, code=None, retry_after="Retry-After" in told
    )
    assert 0 < waited < 2.2
    assert len(Plain.seen) == LIMIT + 2


def test_who_waits_as_told_and_is_refused_says_so(url: str) -> None:
    Plain.liar = 5.0
    with pytest.raises(AssertionError, match=r"was sent 1\.\d\d s after a refusal that asked to wait 1 s"):
        QuotaLibrary().promised_wait_should_suffice(url, LIMIT + 1, fields="none", code=None)


def test_what_is_not_told_or_too_long_is_not_waited_for(url: str) -> None:
    library, Plain.told = QuotaLibrary(), {}
    with pytest.raises(AssertionError, match="a refusal does not say how long to wait"):
        library.promised_wait_should_suffice(url, LIMIT + 1, fields="none", code=None, retry_after=False)
    Plain.ends, Plain.told = 0.0, {"Retry-After": "3600"}
    with pytest.raises(Unknown, match="asks to wait 3600 s, longer than 120 s"):
        library.promised_wait_should_suffice(url, LIMIT + 1, fields="none", code=None)
    Plain.ends = 0.0
    with pytest.raises(AssertionError, match="not refused in 2 requests"):
        library.promised_wait_should_suffice(url, 2, fields="none", code=None)


def test_a_failure_after_the_wait_is_none_of_a_quota() -> None:
    after = Answer("http://a.test/", 2.0, 2.1, 500)
    assert "a request failed that was sent 1 s after a refusal" in judge.waited(refusal(), after, 1)


def test_a_query_a_body_and_headers_are_sent(url: str) -> None:
    library = QuotaLibrary()
    library.ask(1, f"{url}me?of=u1#part", headers={"X-Key": "k"})
    library.ask_until_it_is_refused(f"{url}?a=b", 9, headers={"X-Key": "k"}, json={"n": 1})
    assert ("/me?of=u1", "", "k") in Plain.seen
    assert ("/?a=b", json.dumps({"n": 1}), "k") in Plain.seen
    Plain.liar, Plain.seen = 0.0, []
    library.ask_until_it_passes(url, headers={"X-Key": "k2"}, json={"n": 2}, every=timedelta(milliseconds=20))
    assert set(Plain.seen) == {("/", json.dumps({"n": 2}), "k2")}


def test_the_example_of_the_document_runs(url: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "libraries" / "quota.md").read_text(encoding="utf-8")
    block = re.search(r"```robotframework\n(.*?)```", text, re.DOTALL)
    assert block
    (tmp_path / "example.robot").write_text(block[1], encoding="utf-8")
    Plain.told, Plain.text = RECOMMENDED_FIELDS, '{"code": "rate_limited"}'
    variables = {"API": url.rstrip("/"), "TOKEN": "t", "LIMIT": str(LIMIT), "WINDOW": "1"}
    run = run_inner(tmp_path / "example.robot", tmp_path, variables=variables)
    assert run.returncode == 0, f"{run.verdicts}\n{run.console}"


def test_keywords_from_outside(url: str, tmp_path: Path) -> None:
    Plain.told = {**LEGACY_FIELDS, "Retry-After": "1"}
    run_inner(INNER / "quota_forms", tmp_path, variables={"URL": url}).all_as_declared()


def bucket(*statuses: int, every: float = 0.2) -> list[Answer]:
    """Answers that come one after the other, ``every`` so many seconds."""
    return [
        Answer("http://a.test/", n * every, (n + 1) * every, status, "", {}, 1) for n, status in enumerate(statuses)
    ]


STEADY = Form("none", True, None, 1.0)


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        # As Synapse answers: five at once, and one a second.
        (bucket(200, 200, 200, 200, 200, 429, 429, 200), ""),
        (bucket(200, 200, 200, 200, 200, 429, 429, 429), ""),
        (bucket(200, 200, 200, 429, 429, 429, 429, 200), "3 requests passed before the first refusal, not 5"),
        (bucket(*[200] * 7, 429), "7 requests passed in 1.40 s, where 5 and 1 a second may"),
        (bucket(*[200] * 8, every=1.0), "UNKNOWN: no request was refused"),
    ],
)
def test_a_quota_that_comes_back_steadily(answers: list[Answer], wrong: str) -> None:
    assert judge.exactly(answers, 5, STEADY).startswith(wrong)
    assert bool(judge.exactly(answers, 5, STEADY)) is bool(wrong)


def test_a_flood_passes_as_often_as_requests_come_back() -> None:
    fair = bucket(*[200] * 5, *[429, 429, 429, 429, 200] * 3)
    assert judge.throttled(fair, 5, 5.0, STEADY) == ""
    assert "8 of 20 requests passed in 1 windows" in judge.throttled(fair, 5, 5.0, Form("none", True, None))
    greedy = bucket(*[200] * 5, *[429, 200] * 25)
    assert "30 of 55 requests passed in 11" in judge.throttled(greedy, 5, 5.0, STEADY)
