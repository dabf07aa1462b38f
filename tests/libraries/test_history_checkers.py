"""Each check against histories that break its promise in each way it claims to see, and against their honest twins."""

from __future__ import annotations

import pytest
from HistoryLibrary import CHECKS, Judgement, Rules, Verdict, judge
from HistoryLibrary.report import report

from tests.libraries.history_told import told

CLEAN = """
alice subscribe invoke c
alice subscribe ok     c seq=0
bob   subscribe ok     c seq=0
alice send      invoke c id=m1 value=one
alice send      invoke c id=m2 value=two
alice receive   ok     c id=m1 seq=1 value=one
alice send      ok     c id=m1 seq=1
bob   receive   ok     c id=m1 seq=1 value=one
alice send      ok     c id=m2 seq=2
bob   receive   ok     c id=m2 seq=2 value=two
alice receive   ok     c id=m2 seq=2 value=two
alice drain     invoke c
bob   drain     invoke
alice drain     ok     c
bob   drain     ok
database scan   invoke c
database stored ok     c id=m1 seq=1 value=one
database stored ok     c id=m2 seq=2 value=two
database scan   ok     c value=2
"""

ANOMALIES = {
    "lost: the tail never reached one client": (
        "lost",
        """
        alice subscribe ok c seq=0
        bob   subscribe ok c seq=0
        alice send invoke c id=m1
        alice send ok     c id=m1 seq=1
        alice receive ok  c id=m1 seq=1
        bob   drain invoke c
        bob   drain ok     c
        """,
        "bob never got message 1 of c",
    ),
    "lost: without positions, by message id": (
        "lost",
        """
        bob   subscribe ok c
        alice send invoke c id=m1
        alice send ok     c id=m1
        alice send invoke c id=m2
        alice send ok     c id=m2
        bob   receive ok  c id=m1
        bob   drain invoke
        bob   drain ok
        """,
        "bob never got m2 of c",
    ),
    "lost: delivered to another client and never acknowledged": (
        "lost",
        """
        alice subscribe ok c seq=0
        bob   subscribe ok c seq=0
        alice send invoke c id=m1
        alice receive ok  c id=m1 seq=1
        alice send info   c id=m1
        bob   drain invoke c
        bob   drain ok     c
        """,
        "given to alice",
    ),
    "lost: over a disconnection that was resumed": (
        "lost",
        """
        bob   subscribe ok c seq=4
        bob   receive ok c id=m5 seq=5
        bob   disconnect ok
        alice send invoke c id=m6
        alice send ok     c id=m6 seq=6
        bob   resume invoke c seq=5
        bob   resume ok     c seq=6
        bob   drain invoke
        bob   drain ok
        """,
        "bob never got message 6",
    ),
    "lost: after `recovered: false` the new ones still count": (
        "lost",
        """
        bob   subscribe ok c seq=0
        bob   disconnect ok
        bob   resume invoke c seq=0
        bob   resume fail   c note=window_passed
        alice send invoke c id=m9
        alice send ok     c id=m9 seq=9
        bob   drain invoke
        bob   drain ok
        """,
        "bob never got message 9",
    ),
    "duplicate: delivered twice": (
        "duplicate",
        """
        bob subscribe ok c seq=0
        bob receive ok c id=m1 seq=1
        bob receive ok c id=m1 seq=1
        """,
        "bob was given message 1 of c a second time",
    ),
    "duplicate: replayed although held": (
        "duplicate",
        """
        bob resume invoke c seq=5
        bob receive ok c id=m5 seq=5
        bob resume ok c seq=5
        """,
        "held everything up to 5",
    ),
    "duplicate: stored at two places": (
        "duplicate",
        """
        alice send invoke c id=m1 value=x
        database scan invoke c
        database stored ok c id=m1 seq=1 value=x
        database stored ok c id=m1 seq=2 value=x
        database scan ok c
        """,
        "is stored in database twice, as 1 and as 2",
    ),
    "duplicate: one place twice in one reading": (
        "duplicate",
        """
        database scan invoke c
        database stored ok c id=m1 seq=1
        database stored ok c id=m1 seq=1
        database scan ok c
        """,
        "database holds message 1 of c twice",
    ),
    "duplicate: a retry accepted as a new message": (
        "duplicate",
        """
        alice send invoke c id=m1 value=x
        alice send info   c id=m1
        alice send invoke c id=m1 value=x
        alice send ok     c id=m1 seq=1
        alice send invoke c id=m1 value=x
        alice send ok     c id=m1 seq=2
        alice subscribe ok c seq=5
        """,
        "was acknowledged to alice twice, as 1 and as 2",
    ),
    "reordered: given backwards": (
        "reordered",
        """
        bob subscribe ok c seq=0
        bob receive ok c id=m2 seq=2
        bob receive ok c id=m1 seq=1
        """,
        "bob was given message 1 of c after message 2",
    ),
    "reordered: backwards from the first one on": (
        "reordered",
        """
        bob receive ok c id=m2 seq=2
        bob receive ok c id=m1 seq=1
        """,
        "after message 2",
    ),
    "reordered: committed in another order than sent": (
        "reordered",
        """
        alice send invoke c id=m1
        alice send invoke c id=m2
        alice send ok c id=m2 seq=1
        alice send ok c id=m1 seq=2
        """,
        "alice sent m1 before m2, but in c they stand as 2 and 1",
    ),
    "reordered: without positions": (
        "reordered",
        """
        alice send invoke c id=m1
        alice send ok     c id=m1
        alice send invoke c id=m2
        alice send ok     c id=m2
        bob subscribe ok  c
        bob receive ok    c id=m2
        bob receive ok    c id=m1
        """,
        "bob was given m2 first",
    ),
    "foreign: not granted": (
        "foreign",
        """
        bob grant ok c
        bob receive ok c id=m1 seq=1
        bob receive ok d id=x1 seq=1
        """,
        "bob was given something of d, which it may not see",
    ),
    "foreign: never asked for": (
        "foreign",
        """
        bob subscribe ok c seq=0
        bob receive ok d id=x1 seq=1
        """,
        "which it never asked for",
    ),
    "foreign: asked for, refused, and given all the same": (
        "foreign",
        """
        bob subscribe ok c seq=0
        bob subscribe invoke d
        bob subscribe fail d note=not_found
        bob receive ok d id=x1 seq=1
        """,
        "something of d",
    ),
    "foreign: read over REST": (
        "foreign",
        """
        bob grant ok c
        bob scan invoke d
        bob stored ok d id=x1 seq=1
        bob scan ok d
        """,
        "may not see",
    ),
    "foreign: another conversation's row": (
        "foreign",
        """
        database scan invoke c
        database stored ok d id=x1 seq=1
        database scan ok c
        """,
        "was asked for c and answered with a message of d",
    ),
    "foreign: crossed over": (
        "foreign",
        """
        alice send invoke d id=x1 value=secret
        alice send ok     d id=x1 seq=1
        bob subscribe ok c seq=0
        bob receive ok c id=x1 seq=1 value=secret
        """,
        "bob was given x1 under c, but alice sent it to d",
    ),
    "unseen: a gap": (
        "unseen",
        """
        bob subscribe ok c seq=0
        bob receive ok c id=m1 seq=1
        bob receive ok c id=m4 seq=4
        """,
        "2 to 3 never came",
    ),
    "unseen: a gap right after the subscription": (
        "unseen",
        """
        bob subscribe ok c seq=3
        bob receive ok c id=m5 seq=5
        """,
        "4 never came",
    ),
    "unseen: a gap in the replay": (
        "unseen",
        """
        bob receive ok c id=m1 seq=1
        bob disconnect ok
        bob resume invoke c seq=1
        bob receive ok c id=m3 seq=3
        bob resume ok c seq=3
        """,
        "2 never came",
    ),
    "unseen: back without resuming": (
        "unseen",
        """
        bob receive ok c id=m1 seq=1
        bob disconnect ok
        bob receive ok c id=m3 seq=3
        """,
        "2 never came",
    ),
    "unseen: an error in the place of a resumption excuses nothing": (
        "unseen",
        """
        bob receive ok c id=m1 seq=1
        bob disconnect ok
        bob resume invoke c seq=1
        bob resume info c note=invalid_frame
        bob receive ok c id=m3 seq=3
        """,
        "2 never came",
    ),
    "unseen: a new epoch that nobody announced": (
        "unseen",
        """
        bob subscribe ok c seq=7 epoch=1
        bob receive ok c id=m8 seq=8 epoch=1
        bob receive ok c id=n1 seq=1 epoch=2
        """,
        "held epoch 1 of c and was given message 1 of epoch 2",
    ),
    "diverging: two clients, two texts": (
        "diverging",
        """
        alice receive ok c id=m1 seq=1 value=one
        bob   receive ok c id=m1 seq=1 value=two
        """,
        "message 1 of c is one thing to alice and another to bob",
    ),
    "diverging: two messages at one place": (
        "diverging",
        """
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1
        bob   receive ok c id=m2 seq=1
        """,
        "message 1 of c",
    ),
    "diverging: the log against a client": (
        "diverging",
        """
        alice receive ok c id=m1 seq=1 value=one
        database stored ok c id=m1 seq=1 value=uno
        """,
        "another to database",
    ),
    "diverging: not what was sent": (
        "diverging",
        """
        alice send invoke c id=m1 value=one
        bob receive ok c id=m1 seq=1 value=two
        """,
        "does not say to bob what was sent",
    ),
    "diverging: one version of a register, two values": (
        "diverging",
        """
        alice read ok r seq=3 value=dark
        bob   read ok r seq=3 value=light
        """,
        "version 3 of r",
    ),
    "ack-without-commit": (
        "ack-without-commit",
        """
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1
        alice send invoke c id=m2
        alice send ok c id=m2 seq=2
        database scan invoke c
        database stored ok c id=m1 seq=1
        database scan ok c
        """,
        "m2 of c was acknowledged to alice as 2 and is not in database",
    ),
    "ack-without-commit: an empty log": (
        "ack-without-commit",
        """
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1
        database scan invoke
        database scan ok
        """,
        "is not in database",
    ),
    "stale-read: after somebody's write": (
        "stale-read",
        """
        alice write invoke r seq=1 value=dark
        alice write ok r seq=2
        bob read invoke r
        bob read ok r seq=1 value=light
        """,
        "bob read version 1 of r although version 2 was written by alice before",
    ),
    "stale-read: after somebody's read": (
        "stale-read",
        """
        alice read invoke r
        alice read ok r seq=2
        bob read invoke r
        bob read ok r seq=1
        """,
        "although version 2 was read by alice before",
    ),
    "stale-read: backwards for one client": (
        "stale-read",
        """
        alice read ok r seq=2
        alice read ok r seq=1
        """,
        "alice read version 1",
    ),
    "lost-update: two winners, one version": (
        "lost-update",
        """
        alice write invoke r seq=1
        bob   write invoke r seq=1
        alice write ok r seq=2
        bob   write ok r seq=2
        """,
        "both became version 2",
    ),
    "lost-update: won over an old base": (
        "lost-update",
        """
        alice write invoke r seq=1
        alice write ok r seq=2
        bob   write invoke r seq=1
        bob   write ok r seq=3
        """,
        "bob overwrote version 2 of r, which alice had written, without having seen it: based on version 1",
    ),
    "two-holders: a lock": (
        "two-holders",
        """
        alice hold invoke lock
        alice hold ok lock
        bob hold invoke lock
        bob hold ok lock
        alice release invoke lock
        """,
        "alice and bob held lock at the same time",
    ),
    "two-holders: within its lease": (
        "two-holders",
        """
        alice hold invoke lock
        alice hold ok lock value=60s
        bob hold ok lock
        """,
        "alice and bob held lock",
    ),
    "two-holders: replaced, and still served": (
        "two-holders",
        """
        alice hold ok s note=takeover
        bob hold ok s note=takeover
        alice subscribe ok c seq=0



        alice receive ok c id=m1 seq=1
        """,
        "bob took s over, and 0.0 s later alice was still served",
    ),
}

HONEST = {
    "all in order": CLEAN,
    "a message that was never acknowledged may be missing": """
        alice subscribe ok c seq=0
        alice send invoke c id=m1
        alice send info c id=m1
        alice drain invoke
        alice drain ok
        database scan invoke c
        database scan ok c
        alice receive ok c id=m2 seq=1
        """,
    "a retry is acknowledged at the same place": """
        alice send invoke c id=m1 value=x
        alice send info c id=m1
        alice send invoke c id=m1 value=x
        alice send ok c id=m1 seq=1
        alice subscribe ok c seq=0
        alice receive ok c id=m1 seq=1 value=x
        """,
    "a retried message may stand behind later ones": """
        alice send invoke c id=m1
        alice send info c id=m1
        alice send invoke c id=m2
        alice send ok c id=m2 seq=1
        alice send invoke c id=m1
        alice send ok c id=m1 seq=2
        alice send invoke c id=m3
        alice send ok c id=m3 seq=3
        """,
    "resumed from further back": """
        bob subscribe ok c seq=0
        bob receive ok c id=m1 seq=1
        bob receive ok c id=m2 seq=2
        bob disconnect ok
        bob resume invoke c seq=0
        bob receive ok c id=m1 seq=1
        bob receive ok c id=m2 seq=2
        bob resume ok c seq=2
        """,
    "an announced gap": """
        bob subscribe ok c seq=0
        bob receive ok c id=m1 seq=1 epoch=1
        alice send invoke c id=m2
        alice send ok c id=m2 seq=2 epoch=1
        bob disconnect ok
        bob resume invoke c seq=1 epoch=1
        bob resume fail c note=too_many_missed
        bob receive ok c id=m9 seq=9 epoch=1
        bob drain invoke
        bob drain ok
        """,
    "an announced epoch": """
        bob subscribe ok c seq=8 epoch=1
        bob receive ok c id=m9 seq=9 epoch=1
        bob resume invoke c seq=9 epoch=1
        bob resume fail c note=epoch_changed
        bob receive ok c id=n1 seq=1 epoch=2
        """,
    "subscribed afresh after a disconnection": """
        alice send invoke c id=m2
        bob subscribe ok c seq=0
        bob receive ok c id=m1 seq=1
        bob disconnect ok
        alice send ok c id=m2 seq=2
        bob subscribe invoke c
        bob subscribe ok c seq=2
        bob receive ok c id=m3 seq=3
        bob drain invoke
        bob drain ok
        """,
    "pushes that overtake the answer to the subscription": """
        bob receive ok d id=d1 seq=1
        bob subscribe ok d seq=0
        bob subscribe invoke c
        bob receive ok c id=m7 seq=7
        bob subscribe ok c seq=6
        bob receive ok c id=m8 seq=8
        """,
    "pushes that the head in the answer already counts": """
        bob subscribe invoke c
        bob receive ok c id=m7 seq=7
        bob subscribe ok c seq=8
        bob receive ok c id=m8 seq=8
        bob receive ok c id=m9 seq=9
        """,
    "pushes that overtake the answer to a subscription afresh": """
        bob subscribe ok c seq=0
        bob receive ok c id=m1 seq=1
        bob disconnect ok
        bob subscribe invoke c
        bob receive ok c id=m7 seq=7
        bob subscribe ok c seq=6
        bob receive ok c id=m8 seq=8
        """,
    "a read that began nobody knows when": """
        alice write invoke r seq=1
        alice write ok r seq=2
        bob read ok r seq=1
        """,
    "a lease that ran out": """
        alice hold invoke lock
        alice hold ok lock value=0s
        bob hold ok lock
        """,
    "read over REST instead of received": """
        bob grant ok c
        bob subscribe ok c seq=0
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1
        bob scan invoke c
        bob stored ok c id=m1 seq=1
        bob scan ok c
        bob drain invoke
        bob drain ok
        """,
    "acknowledged after the reading began": """
        alice send invoke c id=m1
        database scan invoke c
        alice send ok c id=m1 seq=1
        database scan ok c
        alice subscribe ok c seq=0
        alice receive ok c id=m1 seq=1
        """,
    "rows without epochs mean the only epoch": """
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1 epoch=3
        bob subscribe ok c seq=0 epoch=3
        bob receive ok c id=m1 seq=1 epoch=3
        bob drain invoke
        database scan invoke c
        database stored ok c seq=1 epoch=
        database scan ok c
        bob drain ok
        """,
    "a read beside a write may see either": """
        bob read invoke r
        alice write invoke r seq=1 value=b
        alice write ok r seq=2
        bob read ok r seq=1 value=a
        carol read invoke r
        carol read ok r seq=2 value=b
        """,
    "a loser that was told": """
        alice write invoke r seq=1 value=a
        bob   write invoke r seq=1 value=b
        alice write ok r seq=2
        bob   write fail r seq=2 value=a note=conflict
        bob   write invoke r seq=2 value=b
        bob   write ok r seq=3
        """,
    "one holder after the other": """
        alice hold invoke lock
        alice hold ok lock
        alice release invoke lock
        bob hold invoke lock
        alice release ok lock
        bob hold ok lock
        bob release ok lock
        carol hold invoke lock
        carol hold fail lock
        """,
    "replaced and told": """
        alice hold ok s note=takeover
        bob hold ok s note=takeover
        alice release ok s note=4009
        """,
}

DOUBTFUL = {
    "nothing recorded": ("", "nothing that any check could judge"),
    "missing and not drained": (
        """
        bob subscribe ok c seq=0
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1
        """,
        "bob lacks 1 message(s) of c and did not drain",
    ),
    "missing, and drained too early": (
        """
        bob subscribe ok c seq=0
        bob drain invoke
        bob drain ok
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1
        """,
        "bob lacks 1 message(s) of c",
    ),
    "a drain that nobody finished": (
        """
        bob subscribe ok c seq=0
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1
        bob drain invoke
        bob drain info
        """,
        "bob lacks 1 message(s) of c",
    ),
    "a reading that nobody finished": (
        """
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1
        database scan invoke c
        """,
        "database did not finish reading c",
    ),
    "another epoch in the log": (
        """
        alice send invoke c id=m1
        alice send ok c id=m1 seq=1 epoch=1
        database scan invoke c
        database stored ok c id=n1 seq=1 epoch=2
        database scan ok c
        """,
        "database holds another epoch of c",
    ),
    "nobody said what it may see": ("bob receive ok c id=m1 seq=1", "nothing says what bob may see"),
    "a grant to nobody": (
        """
        bob subscribe ok c seq=0
        bobb grant ok c
        bob receive ok c id=m1 seq=1
        bob receive ok c id=m2 seq=2
        """,
        "a grant is for bobb, who does nothing; bob, who receives, has none",
    ),
    "an unknown holder": (
        """
        alice hold invoke lock
        alice hold info lock
        bob hold ok lock
        """,
        "nobody knows whether alice got lock",
    ),
    "a replaced holder in silence": (
        """
        alice hold ok s note=takeover
        bob hold ok s note=takeover
        """,
        "bob took s over, and alice was never notified",
    ),
    "a loser that was never notified": (
        """
        alice write invoke r seq=1
        bob   write invoke r seq=1
        alice write ok r seq=2
        """,
        "bob wrote r over version 1, was overtaken, and never notified of it",
    ),
}


def verdict_of(story: str) -> Judgement:
    return judge(told(story), rules=Rules(handover=0.003))


@pytest.mark.parametrize("case", ANOMALIES)
def test_an_anomaly_is_found_by_its_name_and_nothing_else_is(case: str) -> None:
    name, story, text = ANOMALIES[case]
    found = verdict_of(story)
    assert {anomaly.name for anomaly in found.anomalies} == {name}
    assert text in found.anomalies[0].text
    assert found.verdict is Verdict.INVALID


@pytest.mark.parametrize("case", ANOMALIES)
def test_the_witness_is_small_and_in_order(case: str) -> None:
    name, story, _ = ANOMALIES[case]
    for anomaly in judge(told(story), [name], Rules(handover=0.003)).anomalies:
        assert 1 <= len(anomaly.witness) <= 4
        assert list(anomaly.witness) == sorted(anomaly.witness, key=lambda operation: operation.moment)


@pytest.mark.parametrize("case", HONEST)
def test_an_honest_history_is_valid(case: str) -> None:
    judgement = verdict_of(HONEST[case])
    assert judgement.anomalies == ()
    assert judgement.doubts == ()
    assert judgement.verdict is Verdict.VALID


@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_cannot_be_decided_is_unknown_and_says_why(case: str) -> None:
    story, reason = DOUBTFUL[case]
    judgement = verdict_of(story)
    assert judgement.anomalies == ()
    assert reason in "\n".join(judgement.doubts)
    assert judgement.verdict is Verdict.UNKNOWN


def test_the_first_line_of_a_report_has_the_cause() -> None:
    story = ANOMALIES["foreign: asked for, refused, and given all the same"][1]
    lines = report(verdict_of(story), told(story)).splitlines()
    assert lines[0] == "The history is invalid: 1 foreign. bob was given something of d, which it never asked for."
    assert lines[1] == "Not ok: 1 subscribe fail (not_found)"
    story, reason = DOUBTFUL["an unknown holder"]
    assert reason in report(verdict_of(story), told(story)).splitlines()[0]


def test_every_check_has_an_anomaly_of_its_own() -> None:
    assert {name for name, _, _ in ANOMALIES.values()} == set(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_asked_for_by_name_must_have_something_to_judge(name: str) -> None:
    judgement = judge(told("alice connect ok"), [name])
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.doubts[0].startswith(f"{name}: ")


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(ValueError, match="no check is named 'losst'; there are lost, "):
        judge([], ["losst"])


def test_an_anomaly_outweighs_a_doubt() -> None:
    judgement = judge(told(ANOMALIES["foreign: never asked for"][1] + DOUBTFUL["an unknown holder"][0]))
    assert judgement.doubts
    assert judgement.verdict is Verdict.INVALID
