"""What chat clients went through: pure functions over what they noted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ChatLibrary.client import ChatClient, slow_codes

_UNAVAILABLE = re.compile(r"[^:]*: unavailable\b")
_NEW_LOG = ": epoch_changed"
_LATE = re.compile(r"got no answer within|refused with 503|unavailable", re.IGNORECASE)


@dataclass(frozen=True)
class ChatReport:
    """All clients together; absences in seconds, from the loss of a socket until its client was ready again."""

    clients: int
    sent: int
    acked: int
    resent: int
    closes: dict[int, int]
    absences: tuple[float, ...]
    refusals: tuple[str, ...]
    rejections: tuple[str, ...]
    unrecovered: tuple[str, ...]
    errors: tuple[str, ...]
    troubles: tuple[str, ...]
    slow: frozenset[int] = frozenset()
    """Close codes of sockets that could not be served in time."""

    @classmethod
    def of(cls, clients: Iterable[ChatClient]) -> ChatReport:
        """The report of these clients."""
        known = list(clients)

        def named(each: Sequence[tuple[str, Iterable[str]]]) -> tuple[str, ...]:
            return tuple(f"{name}: {text}" for name, texts in each for text in texts)

        return cls(
            clients=len(known),
            sent=sum(client.state.sent for client in known),
            acked=sum(len(client.state.acked) for client in known),
            resent=sum(client.state.resent for client in known),
            closes=dict(Counter(code for client in known for code in client.incidents.closes)),
            absences=tuple(seconds for client in known for seconds in client.incidents.absences),
            refusals=named([(client.state.name, client.incidents.refusals) for client in known]),
            rejections=named([(client.state.name, client.incidents.rejections) for client in known]),
            unrecovered=named([(client.state.name, client.state.unrecovered) for client in known]),
            errors=named([(client.state.name, client.state.errors) for client in known]),
            troubles=named([(client.state.name, [client.trouble] if client.trouble else []) for client in known]),
            slow=frozenset().union(*(slow_codes(client.facts) for client in known)),
        )

    def __str__(self) -> str:
        closes = ", ".join(f"{count} x {code}" for code, count in sorted(self.closes.items())) or "none"
        longest = f", the longest absence {max(self.absences):.3f} s" if self.absences else ""
        return (
            f"{self.clients} clients sent {self.sent} messages, {self.acked} acknowledged, {self.resent} sent again; "
            f"sockets closed: {closes}{longest}; {len(self.refusals)} handshakes refused"
        )


def flaws(
    report: ChatReport, codes: Sequence[int], *, refused: bool = False, unavailable: bool = False, new_log: bool = False
) -> list[str]:
    """What clients of a platform that restarts as it should must not see: other close codes than ``codes``, handshakes
    refused, streams that could not be resumed, errors.

    Handshakes that may be ``refused`` get no answer, 502 or 503: any other status speaks of the client. Messages that
    may be ``unavailable`` are answered with that error and no other. With ``new_log`` logs begin again: streams
    are not resumed for that reason, and no other.
    """
    found = [
        f"{count} sockets closed with {code}" for code, count in sorted(report.closes.items()) if code not in codes
    ]
    for name, texts in (
        ("handshakes refused", report.rejections if refused else report.refusals),
        ("streams not resumed", [text for text in report.unrecovered if not (new_log and text.endswith(_NEW_LOG))]),
        ("errors", [text for text in report.errors if not (unavailable and _UNAVAILABLE.match(text))]),
        ("clients gave up", report.troubles),
    ):
        if texts:
            found.append(f"{len(texts)} {name}, the first: {texts[0]}")
    return found


def only_late(report: ChatReport, codes: Sequence[int]) -> bool:
    """Whether all that is wrong is that a limit of time was missed.

    No answer in time, 503, ``unavailable``, or a socket that was closed since it could not be served in time.
    """
    other = [code for code in report.closes if code not in (*codes, *report.slow)]
    lasting = (*report.unrecovered, *report.troubles, *other)
    return not lasting and all(_LATE.search(text) for text in (*report.refusals, *report.errors))
