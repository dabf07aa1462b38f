"""Puts a replica together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import WebSocketRoute

from services.backend import endpoint, internal, messages, notifications, preferences, rest
from services.backend.answers import Answers
from services.backend.assistant import Assistant, Echo
from services.backend.auth_client import AuthClient
from services.backend.clients import Clients
from services.backend.conversations import Conversations
from services.backend.database import Database
from services.backend.doorbell import Doorbell
from services.backend.endpoint import SocketEndpoint
from services.backend.events import Events
from services.backend.hub import Hub
from services.backend.identity import Identity
from services.backend.keys import SigningKeys
from services.backend.notices import Notices
from services.backend.parts import Parts
from services.backend.redis_client import Cache
from services.backend.session_state import SessionStates
from services.backend.sessions import Sessions
from services.backend.settings import Settings
from services.backend.socket_quotas import SocketQuotas
from services.backend.sync import Sync
from services.backend.users import Users
from services.backend.watch import Watch
from services.backend.writer import Writer
from services.common import http, logs, openapi
from services.common.quotas import Quotas
from services.common.settings import VERSION

RESTART_AFTER = 0.5


def create_app(settings: Settings, assistant: Assistant | None = None) -> FastAPI:
    """The ASGI application of one replica; ``assistant`` answers in conversations that want one."""
    parts = _make_parts(settings, assistant or Echo())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await parts.database.open()
        tasks = [asyncio.create_task(_keep(work)) for work in _background(parts)]
        app.state.ready = True
        yield
        await parts.answers.stop()
        await parts.writer.drain()
        await parts.doorbell.flush()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(parts.doorbell.close(), parts.cache.close(), parts.auth.close(), parts.database.close())

    app = http.make_app(lifespan, title="Lockstep backend", version=VERSION)
    app.state.parts = parts
    app.state.handlers = endpoint.make_handlers(parts)
    http.install(app, "backend", settings, {"database": parts.database.is_up, "redis": parts.cache.is_up})
    for router in (rest.router, preferences.router, notifications.router):
        app.include_router(router)
    app.include_router(internal.make_router(settings))
    openapi.install(app, "Lockstep backend")
    app.router.routes.append(WebSocketRoute("/ws", SocketEndpoint()))
    return app


def _make_parts(settings: Settings, assistant: Assistant) -> Parts:
    replica = f"{settings.instance}:{settings.start_id}"
    url = settings.database_url.get_secret_value()
    redis_url = settings.redis_url.get_secret_value()
    database = Database(url)
    auth = AuthClient(
        settings.auth_url,
        settings.service_token.get_secret_value(),
        timeout=settings.auth_timeout,
        threshold=settings.breaker_threshold,
        open_for=settings.breaker_ttl,
    )
    cache, keys = Cache(redis_url), SigningKeys(auth)
    sessions = Sessions(cache, auth, settings.introspection_ttl)
    events = Events(database, settings.event_resend)
    hub = Hub(lambda conversation, seq, limit: messages.read_after(database, conversation, seq, limit), events.wake)
    doorbell = Doorbell(redis_url, replica, hub.hear)
    notices = Notices(hub, doorbell)
    answers = Answers(
        database,
        assistant,
        replica,
        lease=settings.answer_lease,
        pause=settings.chunk_delay,
        stream=notices.chunk,
    )
    writer = Writer(url, replica, settings.answer_lease, notices.messages, answers.owe)
    answers.writer = writer
    quotas = Quotas(settings, cache.spend)
    identity = Identity(
        keys, Users(database, auth), sessions, issuer=settings.trusted_issuer, audience=settings.audience
    )
    return Parts(
        settings=settings,
        database=database,
        cache=cache,
        auth=auth,
        keys=keys,
        identity=identity,
        conversations=Conversations(database),
        states=SessionStates(database),
        clients=Clients(database, replica),
        events=events,
        hub=hub,
        doorbell=doorbell,
        notices=notices,
        writer=writer,
        answers=answers,
        sync=Sync(database, sessions, notices),
        quotas=quotas,
        socket_quotas=SocketQuotas(quotas, settings.socket_rate_limit, settings.rate_window),
    )


def _background(parts: Parts) -> list[Callable[[], Awaitable[None]]]:
    watch = Watch(parts)
    return [
        parts.keys.keep_fresh,
        parts.writer.run,
        parts.doorbell.publish,
        parts.doorbell.listen,
        parts.answers.take_up,
        parts.clients.record_leaving,
        parts.events.record_acks,
        parts.socket_quotas.settle,
        watch.tick,
        watch.poll,
        watch.revocations,
        watch.presence,
        watch.tidy,
    ]


async def _keep(work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work`` for ever: a defect in one loop is logged and must not silence it for good."""
    while True:
        try:
            await work()
        except Exception:
            logs.logger().exception("background_work_failed", work=getattr(work, "__qualname__", "?"))
        await asyncio.sleep(RESTART_AFTER)
