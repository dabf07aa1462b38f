"""Searches the results of a run for the secrets that it registered: none may stand there, in whatever encoding."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import socket
import sys
import threading
import uuid
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from lockstep import issued
from lockstep.masking import decoded, written_forms

_SHOWN = 10
_DEEPEST = 3
_LENGTH = 6
_PIECE = re.compile(rf"[A-Za-z0-9_-]{{{_LENGTH},}}")
_READABLE = re.compile(rb"[\x20-\x7e]{8}")
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{20,}")
_TOKEN = re.compile(r"(ey(?<!\wey)[A-K][A-Za-z0-9_-]{6,})\.ey[A-K][A-Za-z0-9_-]+\.[A-Za-z0-9_-]{16,}")


class Issued:
    """The secrets that the processes of a run register, kept in memory as long as the run lasts."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.environment: dict[str, str] = {}
        if sys.platform != "linux":
            return
        address = f"lockstep-secrets-{uuid.uuid4().hex}"
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(f"\0{address}")
        self.environment = {issued.ADDRESS: address}
        self._reader = threading.Thread(target=self._read, daemon=True, name="secrets")
        self._reader.start()

    def _read(self) -> None:
        while data := self._line.recv(issued.LONGEST):
            self.secrets.add(data.decode(errors="replace"))

    def close(self) -> None:
        """Nothing comes any more; what has come is read."""
        if not self.environment:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", f"\0{self.environment[issued.ADDRESS]}")
        self._reader.join()
        self._line.close()
        self.environment = {}


def search(folder: Path, secrets: Collection[str]) -> list[str]:
    """A line for each file below ``folder`` and secret of ``secrets`` in it, and for tokens in JWT form."""
    wanted = _Wanted(secrets)
    found = []
    for path in sorted(folder.rglob("*")):
        # What a worker wrote is merged into the run's own output.
        merged = path.name == "output.xml" and path.parent.parent.name == "pabot_results"
        if path.is_file() and not path.is_symlink() and not merged:
            text = path.read_bytes().decode(errors="replace")
            found += [f"{path.relative_to(folder)}: {what}" for what in sorted(wanted.in_text(text))]
    more = len(found) - _SHOWN
    return [f"A secret stands in {line}" for line in found[:_SHOWN]] + (
        [f"… and {more} more secrets in the results"] if more > 0 else []
    )


class _Wanted:
    """Secrets, indexed by a piece of each, so that text is looked through once, however many there are."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._by_piece: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        for secret in secrets:
            for form in {secret, *written_forms(secret)}:
                self._names[form] = _named(secret)
                self._by_piece.setdefault(_piece_of(form), []).append(form)

    def in_text(self, text: str, deep: int = 0) -> set[str]:
        """What stands in ``text``, or in what it holds as base64 or compressed, as Robot's ``log.html`` does."""
        names = {self._names[form] for form in self._possible(text) if form in text}
        names |= {_named(match.group()) for match in _TOKEN.finditer(text) if _is_token(match)}
        found = {f"{name} (encoded)" for name in names} if deep else names
        if deep < _DEEPEST:
            for blob in set(_BLOB.findall(text)):
                for inner in _inside(blob):
                    found |= self.in_text(inner, deep + 1)
        return found

    def _possible(self, text: str) -> set[str]:
        known = self._by_piece
        pieces = {
            piece
            for run in set(_PIECE.findall(text))
            for start in range(len(run) - _LENGTH + 1)
            if (piece := run[start : start + _LENGTH]) in known
        }
        return {form for piece in (*pieces, "") for form in known.get(piece, ())}


def _piece_of(form: str) -> str:
    """A piece that few others have: of a JWT the middle of its signature, since all begin alike; "" of a short one."""
    runs = _PIECE.findall(form)
    run = next((run for run in reversed(runs) if len(run) > 2 * _LENGTH), max(runs, key=len, default=""))
    middle = max(0, (len(run) - _LENGTH) // 2)
    return run[middle : middle + _LENGTH]


def _named(secret: str) -> str:
    """As logs name a token: by its hash."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


def _inside(blob: str) -> Iterator[str]:
    for data in decoded(blob):
        if data[:1] == b"x":
            try:
                yield zlib.decompress(data).decode(errors="replace")
                continue
            except zlib.error:
                pass
        if _READABLE.search(data):
            yield data.decode(errors="replace")


def _is_token(match: re.Match[str]) -> bool:
    head = match[1]
    try:
        return "alg" in json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, TypeError):
        return False
