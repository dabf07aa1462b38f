"""Passwords: argon2id, hashed and checked off the event loop, a few at a time since each takes memory."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# The salt and hash of nobody's password.
_NOBODY = "c29tZSBmaXhlZCBzYWx0$Y1nPXbbzvWRAZbmqxjgnWfKEHf1VYXCi4HHJCuKvhbc"


class Passwords:
    """Hashes and checks passwords, at the cost of ``passes`` over ``memory_kib`` KiB each (RFC 9106 §4)."""

    def __init__(self, passes: int, memory_kib: int) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        # Checked where there is no user, so that an unknown e-mail takes as long as a wrong password.
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={passes},p=1${_NOBODY}"
        self._threads = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="argon2")

    async def hash(self, password: str) -> str:
        """The hash to store."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one of ``stored``; as slow without a stored one."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._matches, stored, password)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str | None, password: str) -> bool:
        try:
            good = self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return good and stored is not None
