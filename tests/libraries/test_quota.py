"""QuotaLibrary: its reader and judges, and its keywords against a real HTTP server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from lockstep.machine import Waiting
from lockstep.unknown import Unknown
from QuotaLibrary import QuotaLibrary, judge
from QuotaLibrary.asking import Answer
from QuotaLibrary.fields import FieldError, Quota, read

from tests.libraries.inner import INNER, run_inner
from tests.libraries.serving import served

LIMIT, WINDOW = 3, 60


def answer(used: int, at: float = 0.0, reset: int = 9, took: float = 0.01) -> Answer:
    quotas = {"user": Quota("user", LIMIT, WINDOW, max(0, LIMIT - used), reset)}
    if used > LIMIT:
        return Answer("http://a.test/", at, at + took, 429, "rate_limited", quotas, reset)
    return Answer("http://a.test/", at, at + took, 200, "", quotas)


GOOD = [answer(used) for used in (1, 2, 3, 4, 5)]


def test_fields_are_read_by_name() -> None:
    quotas = read('"user";q=10;w=60, "address";q=5;w=1;pk="x"', '"user";r=9;t=60,"address";r=0;t=1')
    assert quotas["user"] == Quota("user", 10, 60, 9, 60)
    assert quotas["address"] == Quota("address", 5, 1, 0, 1)
    assert read(None, None) == {}


@pytest.mark.parametrize(
    ("policy", "rate", "message"),
    [
        ('"user";q=10;w=60', None, "name different quotas"),
        ('"user";q=10', '"user";r=1;t=1', "lacks w"),
        ('"user";q=10;w=60', '"user";r=1', "lacks t"),
        ('"user";q=10;w=60', '"user";r=-1;t=1', "is no list of named items"),
        ('"user";q=1.5;w=60', '"user";r=1;t=1', "is no list of named items"),
        ("user;q=10;w=60", '"user";r=1;t=1', "is no list of named items"),
        ("10, 10;w=60", '"user";r=1;t=1', "is no list of named items"),
        ('"user";q=1;w=1, "user";q=1;w=1', '"user";r=1;t=1', "names user twice"),
    ],
)
def test_malformed_fields_are_refused(policy: str, rate: str | None, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        read(policy, rate)


def test_a_quota_that_holds_is_fine() -> None:
    assert judge.exactly(GOOD, LIMIT) == ""
    assert judge.counts_down(GOOD, "user", LIMIT, WINDOW) == ""


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (GOOD[:3], "nothing was proved"),
        ([*GOOD[:2], *GOOD[3:]], "2 requests passed before the first refusal, not 3"),
        ([GOOD[0], *GOOD], "4 requests passed before the first refusal, not 3"),
        ([*GOOD, GOOD[0]], "1 requests passed after the quota of 3 was used up"),
        ([*GOOD[:3], replace(GOOD[3], status=503)], "1 of 4 requests failed"),
        ([*GOOD[:3], replace(GOOD[3], status=None)], "1 of 4 requests failed"),
        ([*GOOD[:3], replace(GOOD[3], detail="")], "not 'rate_limited'"),
        ([*GOOD[:3], replace(GOOD[3], retry_after=None)], "no Retry-After"),
        ([*GOOD[:3], replace(GOOD[3], retry_after=8)], "Retry-After 8 is before t=9"),
        ([*GOOD[:3], replace(GOOD[3], quotas={})], "names no quota that is used up"),
    ],
)
def test_every_way_to_miss_the_quota_is_found(answers: list[Answer], message: str) -> None:
    assert message in judge.exactly(answers, LIMIT)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([GOOD[0], GOOD[0]], "r of quota 'user' was 2 in answer 2, not 1: it went 2 x 2"),
        ([GOOD[1]], "r of quota 'user' was 1 in answer 1, not 2: it went 1"),
        (
            [answer(1, reset=5), answer(2, reset=6)],
            "must start at 60 at most and never rise: it went 5, 6",
        ),
        ([answer(1, reset=61)], "it went 61"),
        ([replace(GOOD[0], quotas={})], "has no quota 'user'"),
        ([replace(GOOD[0], wrong="malformed")], "malformed"),
        ([replace(GOOD[0], quotas={"user": Quota("user", 4, WINDOW, 3, 1)})], "the policy is q=4;w=60, not q=3;w=60"),
    ],
)
def test_every_way_to_count_wrongly_is_found(answers: list[Answer], message: str) -> None:
    assert message in judge.counts_down(answers, "user", LIMIT, WINDOW)


def test_of_many_answers_the_wrong_one_is_seen() -> None:
    answers = [GOOD[0]] * 50 + [replace(GOOD[3], status=429)] + [GOOD[0]] * 9
    assert "(in order: 50 x 200, 429, 9 x 200)" in judge.exactly(answers, 50)
    text = judge.runs(range(100))
    assert text.startswith("0, 1, 2,")
    assert text.endswith("… (80 more) …, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99")


def test_promises_that_hold_to_the_second_are_fine() -> None:
    kept = [answer(4, at=0.0, reset=3), answer(4, at=2.2, reset=1), answer(4, at=2.98, reset=1), answer(1, at=3.05)]
    assert judge.promises(kept) == ""


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([answer(4, reset=1), answer(4, at=1.2), answer(1, at=9.0)], "Retry-After 1 promised too early"),
        ([answer(4, reset=9), answer(1, at=2.0)], "Retry-After 9 was too long"),
        ([answer(1)], "nothing was proved"),
        ([answer(4), answer(4)], "nothing was proved"),
        ([replace(answer(4), retry_after=None), answer(1)], "no Retry-After"),
    ],
)
def test_every_broken_promise_is_found(answers: list[Answer], message: str) -> None:
    assert message in judge.promises(answers)


def test_a_flood_may_pass_once_a_window() -> None:
    assert judge.throttled(GOOD, LIMIT, 60.0) == ""
    twice = [*GOOD, *(answer(used, at=61.0) for used in (1, 2, 3, 4))]
    assert judge.throttled(twice, LIMIT, 60.0) == ""
    assert "6 of 9 requests passed in 1 windows, not 3 in each" in judge.throttled(twice, LIMIT, 100.0)
    assert "2 of 3 requests passed" in judge.throttled([*GOOD[:2], GOOD[4]], LIMIT, 60.0)
    assert "requests failed" in judge.throttled([*GOOD, replace(GOOD[0], status=500)], LIMIT, 60.0)


def test_an_endpoint_is_judged_by_what_it_serves_while_a_quota_is_used_up() -> None:
    url, other = "http://b.test/", "http://a.test/"
    passed = Answer(url, 1.0, 1.01, 200)
    assert judge.refuses([GOOD], other) == ""
    assert judge.refuses([[*GOOD, passed]], url) == (
        f"{url} refused nobody in 1 requests, and served one whose quota was used up"
    )
    late = replace(passed, sent=8.5, answered=8.6)
    for too_slow in ([passed, *GOOD], [*GOOD, late]):
        assert judge.refuses([too_slow], url).startswith(f"UNKNOWN: no request to {url} came while"), too_slow
    assert judge.refuses([GOOD, [passed]], url).startswith("UNKNOWN: "), "what another attacker used up"


def test_a_window_that_ends_is_seen_by_what_is_left() -> None:
    assert not judge.began_again(GOOD[:3])
    assert not judge.began_again([answer(3), answer(3)]), "a quota that counts nothing has no new window"
    assert judge.began_again([answer(2), answer(3), answer(1)])


def answered(*seconds: float, status: int = 200) -> list[Answer]:
    return [Answer("http://a.test/", 0.0, taken, status) for taken in seconds]


def test_times_are_compared_with_a_yardstick() -> None:
    calm, slow = answered(*[0.1] * 100), answered(*[0.1] * 98, 0.9, 7.0)
    assert judge.unharmed(slow, [calm], 99, 10, 0.5, Waiting(1.0, 0.0)) == ""
    assert (
        judge.unharmed(
            answered(*[4.0] * 10), [answered(*[0.1] * 10), answered(*[0.8] * 10)], 90, 5, 0.5, Waiting(1.0, 0.0)
        )
        == ""
    )
    assert judge.unharmed(answered(*[0.4] * 10), [answered(*[0.001] * 10)], 99, 10, 0.5, Waiting(1.0, 0.0)) == ""


@pytest.mark.parametrize(
    ("meanwhile", "otherwise", "message"),
    [
        (
            answered(*[0.1] * 98, 1.1, 1.1),
            answered(*[0.1] * 10),
            "p99 is 1100.0 ms and otherwise 100.0 ms, more than the",
        ),
        (answered(*[0.6] * 10), answered(*[0.001] * 10), "more than the 500.0 ms allowed"),
        (answered(*[0.1] * 9), answered(*[0.1] * 10), "UNKNOWN: [9, 10] answers, 10 of each are needed"),
        (answered(*[0.1] * 10), [], "UNKNOWN: "),
        ([*answered(*[0.1] * 9), answer(4)], answered(*[0.1] * 10), "1 answers that are not 200, the first: http"),
        (answered(*[0.1] * 10), answered(*[0.1] * 10, status=503), "10 answers that are not 200"),
    ],
)
def test_every_harm_is_found(meanwhile: list[Answer], otherwise: list[Answer], message: str) -> None:
    assert message in judge.unharmed(meanwhile, [otherwise], 99, 10, 0.5, Waiting(1.0, 0.0))


def test_without_a_yardstick_nothing_is_proved() -> None:
    assert "UNKNOWN: " in judge.unharmed(answered(*[0.1] * 10), [], 99, 10, 0.5, Waiting(1.0, 0.0))


def test_a_quota_is_whole_when_the_last_answer_that_names_it_says() -> None:
    assert judge.when_whole([answer(1, at=1.0, reset=9)]) == pytest.approx(10.01)
    assert judge.when_whole([answer(4, at=1.0, reset=3), answer(4, at=2.5, reset=1)]) == pytest.approx(3.51)
    other = replace(answer(4, at=1.5, reset=2), quotas={"address": Quota("address", 3, 60, 0, 2)})
    assert judge.when_whole([answer(1, at=1.0, reset=9), other]) == pytest.approx(10.01)
    assert judge.when_whole([replace(other, quotas={}, retry_after=5)]) == pytest.approx(6.51)


class _Limited(BaseHTTPRequestHandler):
    """Three requests a window of one second for each peer, as the fields say."""

    protocol_version = "HTTP/1.1"
    held: ClassVar[dict[str, tuple[int, float]]] = {}
    lock = threading.Lock()

    def do_GET(self) -> None:
        with type(self).lock:
            used, ends = self.held.get(self.client_address[0], (0, 0.0))
            if ends <= time.monotonic():
                used, ends = 0, time.monotonic() + 1
            self.held[self.client_address[0]] = (used + 1, ends)
        left = max(1, -int(-(ends - time.monotonic()) // 1))
        body = json.dumps({"code": "rate_limited"} if used >= LIMIT else {}).encode()
        self.send_response(429 if used >= LIMIT else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("RateLimit-Policy", f'"user";q={LIMIT};w=1')
        self.send_header("RateLimit", f'"user";r={max(0, LIMIT - used - 1)};t={left}')
        if used >= LIMIT:
            self.send_header("Retry-After", str(left))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(401 if said == {"password": "wrong"} else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    _Limited.held.clear()
    with served(_Limited) as url:
        yield url


def test_keywords_use_up_a_real_quota_and_see_it_return(url: str) -> None:
    library = QuotaLibrary()
    answers = library.ask(5, url, token="t", source="127.0.0.5")
    library.exactly_should_pass(answers, LIMIT)
    library.quota_should_count_down(answers, "user", LIMIT, 1)
    assert set(_Limited.held) == {"127.0.0.5"}
    until = library.ask_until_it_passes(url, source="127.0.0.5")
    library.promises_should_be_kept(until)
    with pytest.raises(AssertionError, match="passed before the first refusal, not 4"):
        library.exactly_should_pass(library.ask(6, url, source="127.0.0.6"), 4)


def test_a_body_is_posted(url: str) -> None:
    library = QuotaLibrary()
    assert [one.status for one in library.ask(2, url, json={"password": "wrong"})] == [401, 401]
    assert [one.status for one in library.ask(1, url, json={"password": "right"})] == [200]


def test_a_flood_is_judged_by_attacker_and_by_endpoint(url: str) -> None:
    library = QuotaLibrary()
    attackers = [{"source": f"127.0.0.{n}", "urls": [url]} for n in (7, 8)]
    floods, seen = library.flood(attackers, 3)
    assert seen == []
    assert [sum(one.refused for one in answers) for answers in floods] == [3, 3]
    library.flood_should_be_throttled(floods, LIMIT, timedelta(seconds=1), url)
    with pytest.raises(Unknown, match=r"no request to http://b\.test/ came while a quota was used up"):
        library.flood_should_be_throttled(floods, LIMIT, timedelta(seconds=1), url, "http://b.test/")
    assert 0 < library.wait_as_promised(floods) <= 1
    assert not any(one.refused for attacker in attackers for one in library.ask(1, url, source=attacker["source"]))


def test_an_attacker_may_want_refusals_of_its_own(url: str) -> None:
    library = QuotaLibrary()
    attackers = [{"source": "127.0.0.11", "urls": [url]}, {"source": "127.0.0.12", "urls": [url], "refusals": 9}]
    floods, _ = library.flood(attackers, 1)
    assert sum(one.refused for one in floods[1]) == 9


def test_a_flood_lasts_until_unaffected_users_have_their_answers(url: str) -> None:
    library = QuotaLibrary()
    attackers = [{"source": library.get_unused_address(), "urls": [url]} for _ in range(2)]
    unaffected = [{"source": library.get_unused_address(), "urls": [url]} for _ in range(2)]
    floods, seen = library.flood(attackers, 0, unaffected, LIMIT, every=timedelta(milliseconds=60))
    assert [[one.status for one in answers] for answers in seen] == [[200] * LIMIT] * 2
    for answers in seen:
        assert [later.sent - earlier.sent for earlier, later in pairwise(answers)] == pytest.approx([0.06, 0.06])
    last = max(answers[-1].answered for answers in seen)
    assert all(answers[-1].answered >= last for answers in floods)
    assert len(_Limited.held) == 4


def test_unaffected_users_are_asked_though_attackers_are_never_refused(url: str) -> None:
    library = QuotaLibrary()
    attackers = [{"source": library.get_unused_address(), "urls": ["http://127.0.0.1:9/"]}]
    unaffected = [{"source": library.get_unused_address(), "urls": [url]}]
    _, seen = library.flood(attackers, 1, unaffected, 1, at_most=timedelta(seconds=10))
    assert [one.status for one in seen[0]] == [200]


def test_a_quota_is_filled_by_count(url: str) -> None:
    library = QuotaLibrary()
    assert library.ask_until_it_is_refused(url, LIMIT + 1, source="127.0.0.9").retry_after == 1
    with pytest.raises(AssertionError, match=r"not refused in 3 requests; the last: http.* 200 .*r=0"):
        library.ask_until_it_is_refused(url, LIMIT, source="127.0.0.10")


def test_keywords_from_outside(url: str, tmp_path: Path) -> None:
    run_inner(INNER / "quota", tmp_path, variables={"URL": url, "LIMIT": str(LIMIT)}).all_as_declared()


def test_a_dead_endpoint_is_a_failure_and_not_a_pass() -> None:
    library = QuotaLibrary()
    answers = library.ask(4, "http://127.0.0.1:9/")
    with pytest.raises(AssertionError, match=r"4 of 4 requests failed, the first: .*ConnectionRefusedError"):
        library.exactly_should_pass(answers, LIMIT)
    with pytest.raises(ValueError, match="no URL"):
        library.ask(1)
    with pytest.raises(ValueError, match="no attackers"):
        library.flood([], 1)
    tried, _ = library.flood([{"urls": ["http://127.0.0.1:9/"]}], 1, at_most=timedelta(milliseconds=50))
    with pytest.raises(AssertionError, match="requests failed, the first"):
        library.flood_should_be_throttled(tried, LIMIT, timedelta(seconds=1))


def test_what_is_as_slow_without_a_flood_is_not_judged_beyond_a_ceiling() -> None:
    slow = answered(*[1.0] * 10)
    wrong = judge.unharmed(slow, [slow], 90, 3, 0.05, Waiting(1.0, 0.0), 0.8)
    assert wrong.startswith("UNKNOWN: p90 is 1.0 s, and as slow where nobody floods")
    assert judge.unharmed(slow, [slow], 90, 3, 0.05, Waiting(1.0, 0.0), 2.0) == ""
