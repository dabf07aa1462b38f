"""What each frame of a client does (docs/protocol.md §4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from services.backend import allocation, frames, session_state
from services.backend.allocation import Draft, Place
from services.backend.connection import Connection
from services.backend.frames import Frame, FrameError, Resume, Send
from services.backend.messages import Message
from services.backend.parts import Parts
from services.backend.resume import Resumer
from services.backend.writer import Entry
from services.common import instants, logs
from services.common.problems import Problem

INVALID_FRAMES = 3
MAX_IN_FLIGHT = 5_000

Handler = Callable[[Connection, Frame], Awaitable[None]]


class Acknowledger:
    """Tells one socket what became of its messages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def settled(self, entry: Entry, place: Place, message: Message | None) -> None:
        """Answer after the commit."""
        self._connection.landed()
        if place.outcome == allocation.NOT_FOUND:
            error = FrameError("not_found", "there is no such conversation")
            self._connection.send(error.frame(entry.frame_id))
        elif place.outcome == allocation.CONFLICT or message is None:
            error = FrameError("client_msg_id_conflict", "this client_msg_id was used for another body")
            self._connection.send(error.frame(entry.frame_id))
        else:
            payload = {
                "conversation_id": message.conversation_id,
                "client_msg_id": message.client_msg_id,
                "seq": message.seq,
                "epoch": message.epoch,
                "duplicate": place.outcome == allocation.DUPLICATE,
            }
            self._connection.send(frames.make("ack", payload, entry.frame_id))

    def failed(self, entry: Entry) -> None:
        """Nobody knows whether it was stored: the client may send it again."""
        self._connection.landed()
        error = FrameError("unavailable", "the message could not be stored now", retryable=True)
        self._connection.send(error.frame(entry.frame_id))


class Handlers:
    """Serves frames one after another; only the commit of a message goes on behind."""

    def __init__(self, parts: Parts, resumer: Resumer) -> None:
        self._parts = parts
        self._resumer = resumer
        self._by_type: dict[str, Handler] = {
            "message.send": self._send,
            "ping": self._ping,
            "whoami": self._whoami,
            "subscribe": self._on_subscribe,
            "unsubscribe": self._unsubscribe,
            "resume": self._resume,
            "event.ack": self._event_ack,
            "state.get": self._state_get,
            "state.update": self._state_update,
            "reauth": self._reauth,
        }

    async def serve(self, connection: Connection, text: str) -> None:
        """Answer one text frame."""
        frame_id: str | None = None
        try:
            frame = frames.parse(text)
            frame_id = frame.id
            handler = self._by_type.get(frame.type, _unknown)
            await handler(connection, frame)
        except FrameError as error:
            connection.send(error.frame(frame_id))
            if error.code == "invalid_frame":
                connection.invalid_frames += 1
                if connection.invalid_frames >= INVALID_FRAMES:
                    connection.close(frames.POLICY, "three invalid frames")
        except Problem as problem:
            logs.logger().warning("frame_not_served", code=problem.code, reason=problem.detail)
            connection.send(FrameError("unavailable", problem.detail, retryable=True).frame(frame_id))

    async def _ping(self, connection: Connection, frame: Frame) -> None:
        connection.send(frames.make("pong", frame.payload, frame.id))

    async def _whoami(self, connection: Connection, frame: Frame) -> None:
        standing = await self._parts.identity.standing(connection.caller.token)
        user = standing.user or connection.caller.user
        payload = {
            "id": user.id,
            "email": user.email,
            "name": user.name,
            "session_id": connection.session_id,
            "client_id": connection.client_id,
            "session_check": connection.session_check,
            "served_by": self._parts.settings.instance,
        }
        connection.send(frames.make("me", payload, frame.id))

    async def _on_subscribe(self, connection: Connection, frame: Frame) -> None:
        conversation_id = frames.id_of(frame.payload, "conversation_id")
        epoch, head = await self._subscribe(connection, conversation_id)
        payload = {"conversation_id": conversation_id, "epoch": epoch, "head": head}
        connection.send(frames.make("subscribed", payload, frame.id))

    async def _subscribe(self, connection: Connection, conversation_id: str) -> tuple[str, int]:
        """The epoch, and the seq after which messages follow; a socket that is subscribed stays where it is."""
        with self._parts.hub.pinned([conversation_id]) as channels:
            conversation = await self._parts.conversations.find(connection.user_id, conversation_id)
            if conversation is None:
                raise FrameError("not_found", "there is no such conversation")
            channel = channels[conversation_id]
            channel.start(conversation.epoch, conversation.last_seq)
            subscription = connection.subscriptions.get(conversation_id)
            if subscription is None:
                following = max(channel.head or 0, conversation.last_seq) + 1
                subscription = self._parts.hub.subscribe(connection, channel, following, replaying=False)
        return conversation.epoch, subscription.next_seq - 1

    async def _unsubscribe(self, connection: Connection, frame: Frame) -> None:
        conversation_id = frames.id_of(frame.payload, "conversation_id")
        self._parts.hub.unsubscribe(connection, conversation_id)
        connection.send(frames.make("unsubscribed", {"conversation_id": conversation_id}, frame.id))

    async def _send(self, connection: Connection, frame: Frame) -> None:
        send = Send.of(frame.payload)
        self._parts.socket_quotas.admit(connection)
        if send.conversation_id not in connection.subscriptions:
            await self._subscribe(connection, send.conversation_id)
        # The sender is who the token names, whatever else the frame claims.
        user_id = connection.user_id
        draft = Draft(send.conversation_id, user_id, user_id, "user", send.client_msg_id, send.body)
        connection.took_off(MAX_IN_FLIGHT)
        self._parts.writer.put(Entry(draft, Acknowledger(connection), frame.id))
        if not connection.room.is_set():
            await connection.room.wait()

    async def _resume(self, connection: Connection, frame: Frame) -> None:
        await self._resumer.resume(connection, Resume.of(frame.payload), frame.id)
        if not connection.closing:
            self._parts.events.open(connection)

    async def _event_ack(self, connection: Connection, frame: Frame) -> None:
        self._parts.events.ack(connection, frames.id_of(frame.payload, "event_id"))

    async def _state_get(self, connection: Connection, frame: Frame) -> None:
        state = await self._parts.states.read(connection.user_id, connection.client_id)
        payload = {"version": state.version, "document": state.document, "damaged": state.damaged}
        connection.send(frames.make("state", payload, frame.id))

    async def _state_update(self, connection: Connection, frame: Frame) -> None:
        base = frames.number_of(frame.payload, "base_version")
        document = frames.document_of(frame.payload)
        user_id, client_id = connection.user_id, connection.client_id
        version = await self._parts.states.write(user_id, client_id, connection.generation, base, document)
        if version is not None:
            connection.send(frames.make("state.updated", {"version": version}, frame.id))
            return
        state: session_state.State = await self._parts.states.read(user_id, client_id)
        payload = {"version": state.version, "document": state.document}
        connection.send(frames.make("state.conflict", payload, frame.id))

    async def _reauth(self, connection: Connection, frame: Frame) -> None:
        token = frame.payload.get("token")
        if not isinstance(token, str) or not token:
            raise FrameError("invalid_frame", "token is not a text")
        try:
            caller = await self._parts.identity.authenticate(token)
        except Problem as problem:
            if problem.status != 401:
                raise
            raise FrameError("token_invalid", problem.detail) from None
        if (caller.user.id, caller.token.session_id) != (connection.user_id, connection.session_id):
            raise FrameError("token_invalid", "the token is for another user or session")
        if caller.token.expires_at > connection.expires_at:
            connection.caller = caller
            connection.take_expiry(caller.token.expires_at)
        payload = {"expires_at": instants.rfc3339_of_epoch(connection.expires_at)}
        connection.send(frames.make("reauthenticated", payload, frame.id))


async def _unknown(_connection: Connection, frame: Frame) -> None:
    raise FrameError("unknown_type", f"there is no frame of type {frame.type[:100]!r}")
