"""Passwords: argon2id, hashed and checked off the event loop, a few at a time since each takes 19 MiB."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# The least that OWASP recommends for argon2id: the library's default costs four times as much CPU a login.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 << 10, parallelism=1)
# Checked where there is no user, so that an unknown e-mail takes as long as a wrong password.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBmaXhlZCBzYWx0$Y1nPXbbzvWRAZbmqxjgnWfKEHf1VYXCi4HHJCuKvhbc"


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="argon2")

    async def hash(self, password: str) -> str:
        """The hash to store."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _HASHER.hash, password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one of ``stored``; as slow without a stored one."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _matches, stored, password)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _matches(stored: str | None, password: str) -> bool:
    try:
        good = _HASHER.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return good and stored is not None
