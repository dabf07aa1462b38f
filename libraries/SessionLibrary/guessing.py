"""What guesses at secrets could succeed: pure functions."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise, zip_longest

FEWEST = 100
_SIGMAS = 5


def flaw(secrets: Sequence[str], bits: float) -> str:
    """What makes ``secrets``, in the order in which they were made, worth a guess; "" where nothing is seen.

    They must differ, hold ``bits`` bits (see `entropy`) and neither rise nor fall with time. Raises ``ValueError`` for
    fewer than 100. No secret is named.
    """
    if len(secrets) < FEWEST:
        raise ValueError(f"{len(secrets)} secrets prove nothing, {FEWEST} or more are needed")
    if repeated := len(secrets) - len(set(secrets)):
        return f"{repeated} of {len(secrets)} were given out before"
    if (held := entropy(secrets)) < bits:
        return f"they hold about {held:.0f} bits, not {bits:g}"
    rising = sum(before < after for before, after in pairwise(secrets)) / (len(secrets) - 1)
    if abs(rising - 0.5) > _chance(len(secrets)):
        return f"they follow an order: {rising:.0%} of them are greater than the one before, not about half"
    return ""


def entropy(texts: Iterable[str]) -> float:
    """Bits that the texts hold at most: Shannon's entropy, summed over the positions as though they were independent.

    What is the same in all texts counts nothing, however long it is.
    """
    return sum(_shannon(Counter(column)) for column in zip_longest(*texts, fillvalue=""))


def _shannon(counts: Counter[str]) -> float:
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values())


def _chance(count: int) -> float:
    # Ascents of a random permutation have the variance (n + 1) / 12.
    return _SIGMAS * math.sqrt((count + 1) / 12) / (count - 1)


def near_misses(token: str) -> dict[str, str]:
    """What each is → a text that is nearly ``token``, or that a careless look-up would take for it."""
    return {
        "in another case": token.swapcase(),
        "with a blank behind it": f"{token} ",
        "with a character less": token[:-1],
        "with a character more": f"{token}A",
        "another one of its length": "A" * len(token),
        "its hash": hashlib.sha256(token.encode()).hexdigest(),
        "SQL": "' OR '1'='1",
        "a pattern": "*",
        "not ASCII": "☃𝄞",
        "very long": token * 100,
    }
