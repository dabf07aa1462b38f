"""The part ``browser`` of a dialect: what is read, and what is refused with its line and the nearest word."""

from __future__ import annotations

import pytest
from lockstep.dialect import DialectError, NotDescribed
from lockstep.dialect.browser import Act
from lockstep.dialect.dialect import loads

pytestmark = pytest.mark.req("T01")
HEAD = "dialect: 1\nendpoints:\n  web: http://127.0.0.1:1\n  hub: http://127.0.0.1:2\n"


def described(part: str) -> str:
    return f"{HEAD}browser:\n{part}"


def test_a_page_is_read() -> None:
    page = loads(
        described(
            "  at: hub\n"
            "  path: /chat\n"
            "  acts:\n"
            "    sign_out: {click: '#bye'}\n"
            "    send: [{fill: '#box', with: '{text}'}, {press: Enter, at: '#box'}]\n"
            "  marks: {connected: .on}\n"
            "  answer: 'You said: {text}'\n"
        )
    ).needed_browser()
    assert (page.at, page.path, page.answer) == ("hub", "/chat", "You said: {text}")
    assert page.acts == {
        "sign_out": (Act("click", "#bye"),),
        "send": (Act("fill", "#box", "{text}"), Act("press", "#box", "Enter")),
    }
    assert page.marks == {"connected": ".on"}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            "  at: web\n  acts: {sing_out: {click: a}}\n",
            r"7: browser\.acts\.sing_out: unknown entry; did you mean sign_out",
        ),
        ("  at: web\n  marks: {conected: a}\n", r"7: browser\.marks\.conected: unknown entry; did you mean connected"),
        ("  at: hubb\n", r"6: browser\.at: 'hubb' is no endpoint; did you mean hub"),
        ("  path: chat\n", r"6: browser\.path: a path such as / or /chat is needed"),
        ("  acts: {send: {click: a}}\n", r"6: browser\.acts\.send: \{text\} is filled in nowhere"),
        ("  acts: {sign_out: {touch: a}}\n", r"browser\.acts\.sign_out: an act needs one of click, fill or press"),
        ("  acts: {sign_out: {click: a, with: b}}\n", r"browser\.acts\.sign_out\.with: unknown entry"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(part: str, said: str) -> None:
    with pytest.raises(DialectError, match=said):
        loads(described(part))


def test_a_page_that_is_not_described_is_lacking() -> None:
    with pytest.raises(NotDescribed, match="browser"):
        loads(HEAD).needed_browser()
    with pytest.raises(NotDescribed, match="absent: a target of machines"):
        loads(f"{HEAD}absent: {{browser: a target of machines}}\n").needed_browser()
