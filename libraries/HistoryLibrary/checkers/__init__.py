"""The checks by name. Each is a pure function of a ledger and the platform's declared rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..ledger import Ledger
from ..operations import Operation
from ..verdicts import Finding, Judgement, Rules, conclude
from .content import diverging, foreign
from .delivery import duplicate, reordered, unseen
from .holders import two_holders
from .loss import ack_without_commit, lost
from .registers import lost_update, stale_read

CHECKS: Mapping[str, Callable[[Ledger, Rules], Finding]] = {
    "lost": lost,
    "duplicate": duplicate,
    "reordered": reordered,
    "foreign": foreign,
    "unseen": unseen,
    "diverging": diverging,
    "ack-without-commit": ack_without_commit,
    "stale-read": stale_read,
    "lost-update": lost_update,
    "two-holders": two_holders,
}


def judge(
    operations: Iterable[Operation], checks: Iterable[str] | None = None, rules: Rules | None = None
) -> Judgement:
    """Judges ``operations`` by ``checks``, or by all of them.

    A check asked for by name must have something to judge, else the verdict is unknown; without names each check
    judges what the history holds. Raises ``ValueError`` for a name that is no check.
    """
    demanded = tuple(checks or ())
    if unknown := [name for name in demanded if name not in CHECKS]:
        raise ValueError(f"no check is named {unknown[0]!r}; there are {', '.join(CHECKS)}")
    ledger = Ledger.of(operations)
    declared = rules or Rules()
    return conclude([CHECKS[name](ledger, declared) for name in demanded or CHECKS], demanded)
