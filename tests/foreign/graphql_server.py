"""A chat over GraphQL, served by strawberry on ``graphql-transport-ws``: a token in ``connection_init``.

``faults`` are mistakes that it makes: ``any token``, ``to all``.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

import strawberry
from strawberry.aiohttp.views import GraphQLView
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import Info

from tests.foreign.cookie_server import serve_app
from tests.foreign.rooms import Rooms
from tests.libraries.serving import in_thread


@strawberry.type
class Message:
    """What a user has written into a room."""

    room: str
    text: str
    key: str
    sender: str


class _Chat:
    """The rooms, and the queue of each subscription."""

    def __init__(self, rooms: Rooms, faults: frozenset[str]) -> None:
        self.rooms = rooms
        self.faults = faults
        self.queues: dict[asyncio.Queue[Message], str] = {}

    def publish(self, message: Message) -> None:
        """To all who have joined its room."""
        for queue, room in self.queues.items():
            if room == message.room or "to all" in self.faults:
                queue.put_nowait(message)


def _user(info: Info, room: str | None = None) -> str:
    user: str = info.context["user"]
    if room is not None and info.context["chat"].rooms.owners.get(room) != user:
        raise PermissionError("room")
    return user


@strawberry.type
class _Query:
    @strawberry.field
    def me(self, info: Info) -> str:
        return _user(info)


@strawberry.type
class _Mutation:
    @strawberry.mutation
    def send(self, info: Info, room: str, text: str, key: str) -> Message:
        message = Message(room=room, text=text, key=key, sender=_user(info, room))
        info.context["chat"].publish(message)
        return message


@strawberry.type
class _Subscription:
    @strawberry.subscription
    async def messages(self, info: Info, room: str) -> AsyncGenerator[Message | None]:
        _user(info, room)
        chat: _Chat = info.context["chat"]
        queue: asyncio.Queue[Message] = asyncio.Queue()
        chat.queues[queue] = room
        # The first result says that the subscription stands, since the protocol has no other word for it.
        yield None
        try:
            while True:
                yield await queue.get()
        finally:
            del chat.queues[queue]


class _View(GraphQLView[Any, Any]):
    def __init__(self, chat: _Chat) -> None:
        schema = strawberry.Schema(query=_Query, mutation=_Mutation, subscription=_Subscription)
        super().__init__(
            schema=schema,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            # Each message under way counts as a subscription.
            max_subscriptions_per_connection=None,
        )
        self.chat = chat

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        return {"chat": self.chat}

    async def on_ws_connect(self, context: Any) -> Any:
        user = self.chat.rooms.user((context["connection_params"] or {}).get("token"))
        if user is None and "any token" in self.chat.faults:
            user = next(iter(self.chat.rooms.passwords))
        if user is None:
            raise ConnectionRejectionError
        context["user"] = user
        return strawberry.UNSET


@contextmanager
def graphql_chat(*faults: str) -> Iterator[Rooms]:
    """Serves it on a free loopback port until left."""
    rooms = Rooms()
    app = rooms.app()
    app.router.add_route("*", "/graphql", _View(_Chat(rooms, frozenset(faults))))
    with in_thread(lambda ready, stop: serve_app(rooms, app, ready, stop)):
        yield rooms
