"""What auth is made of, put together from its settings, and what runs in its background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from services.auth import clients
from services.auth.access import AccessTokens
from services.auth.clients import Client
from services.auth.database import Database
from services.auth.dispatcher import Dispatcher
from services.auth.locks import Locks
from services.auth.login_store import LoginStore
from services.auth.passwords import Passwords
from services.auth.provider import Provider
from services.auth.redis_link import RedisAway, RedisLink
from services.auth.session_cache import SessionCache
from services.auth.session_manager import SessionManager
from services.auth.session_policy import Repeats
from services.auth.session_upkeep import SessionUpkeep
from services.auth.settings import Settings
from services.auth.signing_keys import KeyStore
from services.auth.users import Users
from services.common import logs
from services.common.problems import Problem
from services.common.quotas import SPEND, Quotas, Spend
from services.common.settings import split_urls

KEYS_EVERY = 5.0
_START_GRACE = 1.0
_AGAIN_AFTER = 0.25


@dataclass(frozen=True)
class Auth:
    """The parts, as the routes use them."""

    settings: Settings
    clients: Mapping[str, Client]
    database: Database
    redis: RedisLink
    keys: KeyStore
    access: AccessTokens
    sessions: SessionManager
    upkeep: SessionUpkeep
    users: Users
    passwords: Passwords
    provider: Provider
    logins: LoginStore
    locks: Locks
    dispatcher: Dispatcher
    quotas: Quotas

    async def catch_up(self, redis: Redis) -> None:
        """What must be done before Redis is trusted (again)."""
        await self.upkeep.catch_up(redis)

    @property
    def stores(self) -> dict[str, Callable[[], Awaitable[bool]]]:
        """What auth depends on, by name, and how to ask whether it is up."""
        return {"database": self.database.is_up, "redis": self.redis.is_up}

    async def missing(self) -> list[str]:
        """The names of the stores that do not answer now."""
        return [name for name, is_up in self.stores.items() if not await is_up()]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the background; entered once everything is there, or after a second without it."""
        jobs = {
            "database": lambda: self.database.watch(self.upkeep.end_marked),
            "redis": lambda: self.redis.watch(self.catch_up, self.sessions.cache.has_heard),
            "purges": self.upkeep.confirm_purges,
            "keys": self._keep_keys,
            "outbox": self.dispatcher.run,
            "sweep": self._sweep,
        }
        tasks = [asyncio.create_task(_forever(name, job), name=name) for name, job in jobs.items()]
        try:
            try:
                async with asyncio.timeout(_START_GRACE):
                    await asyncio.gather(self.keys.loaded.wait(), self.redis.up.wait())
            except TimeoutError:
                logs.logger().warning("started_without", missing=await self.missing())
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.provider.close()
            self.passwords.close()

    async def _keep_keys(self) -> None:
        while True:
            await self.database.up.wait()
            await self.keys.load()
            await asyncio.sleep(KEYS_EVERY)

    async def _sweep(self) -> None:
        while self.settings.session_sweep:
            await asyncio.sleep(self.settings.session_sweep)
            logs.logger().info("sessions_swept", **await self.upkeep.clean_up())


def build(settings: Settings) -> Auth:
    """All parts; nothing is connected yet."""
    known = clients.registered(settings)
    database, redis = Database(settings.database_url), RedisLink(settings.redis_url)
    remember = settings.longest_access_ttl + 2
    cache = SessionCache(redis, remember)
    keys = KeyStore(database, settings.key_secret.get_secret_value(), settings.signing_key_file)
    repeats = Repeats(settings.refresh_grace, settings.refresh_retry)
    sessions = SessionManager(database, cache, limit=settings.session_limit, remember_seconds=remember, repeats=repeats)
    return Auth(
        settings=settings,
        clients=known,
        database=database,
        redis=redis,
        keys=keys,
        access=AccessTokens(keys, settings.issuer, settings.audience, known),
        sessions=sessions,
        upkeep=SessionUpkeep(sessions),
        users=Users(database, sessions),
        passwords=Passwords(settings.password_passes, settings.password_memory_kib),
        provider=Provider(
            settings.provider_url,
            settings.provider_client_id,
            settings.provider_client_secret.get_secret_value(),
            f"{settings.public_url}/auth/google/callback",
            f"{settings.public_url}/",
        ),
        logins=LoginStore(redis),
        locks=Locks(redis),
        dispatcher=Dispatcher(
            settings.database_url, split_urls(settings.backend_urls), settings.service_token.get_secret_value()
        ),
        quotas=Quotas(settings, _spender(redis)),
    )


def _spender(link: RedisLink) -> Spend:
    async def spend(key: str, cost: int, window: int) -> tuple[int, int] | None:
        try:
            async with link.use() as redis:
                used, left = await redis.eval(SPEND, 1, key, str(cost), str(window))
        except RedisAway:
            return None
        return int(used), int(left)

    return spend


async def _forever(name: str, job: Callable[[], Awaitable[None]]) -> None:
    # A job that returns is done; one that fails is started again.
    while True:
        try:
            return await job()
        except Problem as problem:
            logs.logger().warning("background_waits", job=name, problem=problem.code)
        except Exception:
            logs.logger().exception("background_failed", job=name)
        await asyncio.sleep(_AGAIN_AFTER)
