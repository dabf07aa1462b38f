"""What came of each word, refusal and endpoint that a check has tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from launcher.targets.suspects import Suspect
from launcher.targets.talking import Seen

WORKS, ANSWERS, FAILS, UNTRIED = "works", "answers", "fails", "not tried"
"""Its effect was seen; it was answered as described, and its effect cannot be seen from here; neither; nobody tried."""


@dataclass
class Finding:
    """One thing of the dialect by its dotted name (``operations.refresh``), what came of it, and why."""

    name: str
    verdict: str
    says: str = ""
    seen: Sequence[Seen] = ()
    suspect: Suspect | None = None
    read: Sequence[str] = ()
    """What was read, as ``name = value``."""
    seconds: float = 0.0


@dataclass
class Findings:
    """All of them; safe for several threads. Of two of one name the worse one counts."""

    by_name: dict[str, Finding] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, finding: Finding) -> None:
        """Notes what came of something."""
        with self._lock:
            known = self.by_name.get(finding.name)
            if known is None or _RANK[finding.verdict] > _RANK[known.verdict]:
                self.by_name[finding.name] = finding

    def put(self, finding: Finding) -> None:
        """Notes it in the place of what was known."""
        with self._lock:
            self.by_name[finding.name] = finding

    def promote(self, name: str, says: str) -> None:
        """The effect of a word that was answered has been seen."""
        with self._lock:
            found = self.by_name.get(name)
            if found is not None and found.verdict == ANSWERS:
                found.verdict, found.says = WORKS, says

    def failed_below(self, part: str) -> list[Finding]:
        """What fails of a part."""
        return [found for found in self.failed if found.name.startswith(f"{part}.")]

    def verdict(self, name: str) -> str:
        """What came of it; `UNTRIED` where nobody tried."""
        found = self.by_name.get(name)
        return found.verdict if found else UNTRIED

    def is_good(self, name: str) -> bool:
        """Whether it works, or was answered as described."""
        return self.verdict(name) in (WORKS, ANSWERS)

    @property
    def failed(self) -> list[Finding]:
        """What fails."""
        return [found for found in self.by_name.values() if found.verdict == FAILS]


_RANK = {UNTRIED: 0, WORKS: 1, ANSWERS: 2, FAILS: 3}
