"""What a login leaves in Redis on its way: the transaction with the provider, then the one-time code (§2.2)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from services.auth import opaque
from services.auth.records import AtProvider
from services.auth.redis_link import RedisLink

TRANSACTION_SECONDS = 300
CODE_SECONDS = 60
SPENT_SECONDS = 900

# Spends the code; what stays behind names the session that its first presentation makes, and notes a second one.
_SPEND = """
local held = redis.call('GETDEL', KEYS[1])
if held then
  redis.call('SET', KEYS[2], cjson.decode(held).session_id, 'EX', ARGV[1])
  return {1, held}
end
local session = redis.call('GET', KEYS[2])
if session then
  redis.call('SET', KEYS[3], '1', 'EX', ARGV[1])
  return {2, session}
end
return {0, ''}
"""


@dataclass(frozen=True)
class Transaction:
    """One login under way; ``browser`` is the hash of the cookie that it is bound to."""

    client_id: str
    redirect_uri: str
    client_state: str
    client_challenge: str
    nonce: str
    verifier: str
    browser: str


@dataclass(frozen=True)
class Code:
    """What a one-time code stands for; its session, once made, has the id that is fixed here."""

    user_id: str
    client_id: str
    redirect_uri: str
    challenge: str
    session_id: str


class CodeReused(Exception):  # noqa: N818 - says what it is
    """A code was presented again."""

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.session_id = session_id


class LoginStore:
    """Every method raises ``RedisAway`` when Redis is."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def begin(self, state: str, transaction: Transaction) -> None:
        """Keep a transaction under its state."""
        async with self._link.use() as redis:
            await redis.set(
                f"login:{opaque.hex_digest(state)}", json.dumps(asdict(transaction)), ex=TRANSACTION_SECONDS
            )

    async def spend_state(self, state: str) -> Transaction | None:
        """The transaction of a state, once; None for an unknown or used one."""
        async with self._link.use() as redis:
            held = await redis.getdel(f"login:{opaque.hex_digest(state)}")
        return Transaction(**json.loads(held)) if held else None

    async def issue_code(self, code: Code) -> str:
        """A one-time code."""
        text = opaque.new()
        async with self._link.use() as redis:
            await redis.set(f"code:{opaque.hex_digest(text)}", json.dumps(asdict(code)), ex=CODE_SECONDS)
        return text

    async def keep_provider(self, session_id: str, at_provider: AtProvider) -> None:
        """Keep by which login at the provider a session is going to be made.

        Beside its code, since release 1.0.0 cannot read one that holds more than it knows.
        """
        async with self._link.use() as redis:
            await redis.set(_provider_key(session_id), json.dumps(asdict(at_provider)), ex=2 * CODE_SECONDS)

    async def provider_of(self, session_id: str) -> AtProvider | None:
        """The login at the provider that a session is made by, once; None where release 1.0.0 has issued the code."""
        async with self._link.use() as redis:
            kept = await redis.getdel(_provider_key(session_id))
        return AtProvider(**json.loads(kept)) if kept else None

    async def spend_code(self, text: str) -> Code | None:
        """What the code stands for, once; None for an unknown or expired one, ``CodeReused`` for a spent one."""
        async with self._link.use() as redis:
            outcome, held = await redis.eval(_SPEND, 3, *_code_keys(text), str(SPENT_SECONDS))
        if outcome == 2:
            raise CodeReused(held)
        return Code(**json.loads(held)) if outcome == 1 else None

    async def was_reused(self, text: str) -> bool:
        """Whether a spent code has been presented again; asked after its session was made, no order slips by."""
        async with self._link.use() as redis:
            return bool(await redis.exists(_code_keys(text)[2]))


def _provider_key(session_id: str) -> str:
    return f"code:provider:{session_id}"


def _code_keys(text: str) -> tuple[str, str, str]:
    hashed = opaque.hex_digest(text)
    return f"code:{hashed}", f"code:spent:{hashed}", f"code:reused:{hashed}"
