"""What was judged before: a line a judgement, so that an interrupted proof goes on where it was.

A judgement holds for as long as the entry, the services and all that tests consist of are the same to the byte.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from defects.catalogue import ROOT, Defect
from defects.judge import Judgement, Outcome
from defects.running import Proof

_TREES = ("services", "resources", "libraries", "variables", "defects/judge.py")
_DERIVED = {"__pycache__", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True)
class Entry:
    """One judgement: of what (``digest``), in which repetition, when, and how long it took (seconds)."""

    id: str
    digest: str
    repetition: int
    outcome: Outcome
    detail: str
    seconds: float
    date: str

    @classmethod
    def of(cls, defect: Defect, digest: str, repetition: int, proof: Proof) -> Entry:
        """The entry for what was judged now."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        judged = proof.judgement
        return cls(defect.id, digest, repetition, judged.outcome, judged.detail, round(proof.seconds, 1), now)

    @property
    def proof(self) -> Proof:
        """What was judged then."""
        return Proof(Judgement(self.outcome, self.detail), self.seconds)


class Journal:
    """The judgements in one file, the last one of each repetition."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a line that was cut short is no judgement."""
        self._path = path
        self._entries: dict[tuple[str, int], Entry] = {}
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            if entry := _parsed(line):
                self._entries[entry.id, entry.repetition] = entry

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return self._path.parent

    def kept(self, defect: Defect, digest: str, repetition: int) -> Entry | None:
        """How ``defect`` was judged in that repetition, if it could be and nothing has changed since."""
        entry = self._entries.get((defect.id, repetition))
        return entry if entry and entry.digest == digest and not entry.proof.unknown else None

    def note(self, entry: Entry) -> None:
        """Add a judgement at once."""
        self._entries[entry.id, entry.repetition] = entry
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def seconds(self) -> dict[str, float]:
        """How long each defect's last judged run took, whatever has changed since."""
        return {entry.id: entry.seconds for entry in self._entries.values()}


def _parsed(line: str) -> Entry | None:
    try:
        fields = json.loads(line)
        return Entry(**{**fields, "outcome": Outcome(fields["outcome"])})
    except (ValueError, KeyError, TypeError):
        return None


def digest(defect: Defect, sample: str, root: Path = ROOT) -> str:
    """What a judgement of ``defect`` depends on."""
    own = json.dumps([asdict(defect), sample], sort_keys=True, default=str)
    trees = (_tree(root, name) for name in (*_TREES, defect.suite))
    return _hashed((own.encode(), *(tree.encode() for tree in trees)))


@cache
def _tree(root: Path, name: str) -> str:
    place = root / name
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    told = [path for path in files if not _DERIVED & set(path.parts)]
    return _hashed(part for path in told for part in (str(path.relative_to(root)).encode(), path.read_bytes()))


def _hashed(parts: Iterable[bytes]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()
