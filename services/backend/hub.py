"""All open sockets of this replica, and the channels that feed them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from services.backend import frames, metrics
from services.backend.channel import Channel, ReadAfter, Subscription
from services.backend.connection import Connection
from services.backend.messages import Message
from services.backend.rings import Ring

ClientKey = tuple[str, str]


class Hub:
    """Every method works on what is local, and at once; who tells other replicas is ``notices``."""

    def __init__(self, read_after: ReadAfter, wake_events: Callable[[Connection], None]) -> None:
        self.by_user: defaultdict[str, set[Connection]] = defaultdict(set)
        self.by_session: defaultdict[str, set[Connection]] = defaultdict(set)
        self.by_client: dict[ClientKey, Connection] = {}
        self.channels: dict[str, Channel] = {}
        self._read_after = read_after
        self._wake_events = wake_events
        metrics.CHANNELS.set_function(lambda: len(self.channels))
        metrics.SUBSCRIPTIONS.set_function(lambda: sum(len(c.subscriptions) for c in self.channels.values()))

    @property
    def connections(self) -> Iterator[Connection]:
        """Every open socket."""
        return (connection for group in list(self.by_user.values()) for connection in list(group))

    def add(self, connection: Connection) -> None:
        """Take in an open socket; an older one of its client is replaced."""
        self.by_user[connection.user_id].add(connection)
        self.by_session[connection.session_id].add(connection)
        metrics.SOCKETS.inc()
        self.seat(connection)

    def seat(self, connection: Connection) -> None:
        """Make ``connection`` the socket of its client, if it is the newest."""
        key = (connection.user_id, connection.client_id)
        other = self.by_client.get(key)
        if other is not None and other is not connection:
            if other.generation > connection.generation:
                _replace(connection)
                return
            _replace(other)
        self.by_client[key] = connection

    def unseat(self, connection: Connection) -> None:
        """``connection`` no longer speaks for its client."""
        key = (connection.user_id, connection.client_id)
        if self.by_client.get(key) is connection:
            del self.by_client[key]

    def remove(self, connection: Connection) -> None:
        """Forget a socket that has ended."""
        for index, key in ((self.by_user, connection.user_id), (self.by_session, connection.session_id)):
            index[key].discard(connection)
            if not index[key]:
                del index[key]
        metrics.SOCKETS.dec()
        self.unseat(connection)
        for conversation_id in list(connection.subscriptions):
            self.unsubscribe(connection, conversation_id)

    @contextmanager
    def pinned(self, conversation_ids: Iterable[str]) -> Iterator[dict[str, Channel]]:
        """The channels of these conversations, hearing rings from now on, kept at least until the block ends."""
        channels: dict[str, Channel] = {}
        for conversation_id in conversation_ids:
            channel = self.channels.get(conversation_id)
            if channel is None:
                channel = self.channels[conversation_id] = Channel(conversation_id, self._read_after)
            channel.pins += 1
            channels[conversation_id] = channel
        try:
            yield channels
        finally:
            for channel in channels.values():
                channel.pins -= 1
                self._drop_unused(channel)

    def subscribe(self, connection: Connection, channel: Channel, next_seq: int, *, replaying: bool) -> Subscription:
        """Put ``connection`` at ``next_seq`` of the channel."""
        subscription = Subscription(connection, next_seq, replaying)
        channel.subscriptions[connection] = subscription
        connection.subscriptions[channel.conversation_id] = subscription
        return subscription

    def unsubscribe(self, connection: Connection, conversation_id: str) -> None:
        """Take ``connection`` off a conversation, where it is on it."""
        connection.subscriptions.pop(conversation_id, None)
        channel = self.channels.get(conversation_id)
        if channel is not None:
            channel.subscriptions.pop(connection, None)
            self._drop_unused(channel)

    def drop_channel(self, conversation_id: str) -> None:
        """The conversation is gone: nobody is subscribed to it any more."""
        channel = self.channels.get(conversation_id)
        if channel is not None:
            for subscription in list(channel.subscriptions.values()):
                if isinstance(subscription.receiver, Connection):
                    self.unsubscribe(subscription.receiver, conversation_id)

    def _drop_unused(self, channel: Channel) -> None:
        if channel.unused and self.channels.get(channel.conversation_id) is channel:
            channel.stop()
            del self.channels[channel.conversation_id]

    def publish(self, fresh: dict[str, list[Message]], repeated: dict[str, int]) -> None:
        """Deliver what this replica has just committed; a repeated seq may be one whose commit's answer was lost."""
        for conversation_id, messages in fresh.items():
            if channel := self.channels.get(conversation_id):
                channel.offer(messages)
        for conversation_id, seq in repeated.items():
            if channel := self.channels.get(conversation_id):
                channel.ring(seq)

    def push_chunk(self, conversation_id: str, frame: str) -> None:
        """Deliver a part of an answer that is being streamed."""
        if channel := self.channels.get(conversation_id):
            channel.push(frame)

    def hear(self, ring: Ring) -> None:
        """Act on another replica's ring."""
        for conversation_id, seq in ring.heads.items():
            if channel := self.channels.get(conversation_id):
                channel.ring(seq)
        self.wake_users(ring.users)
        self.close_sessions(ring.revoked)
        self.close_users(ring.gone)
        for user_id, client_id, generation in ring.replaced:
            self.fence(user_id, client_id, generation)
        for conversation_id, frame in ring.chunks:
            self.push_chunk(conversation_id, frame)

    def wake_users(self, user_ids: Iterable[str]) -> None:
        """There are new events for these users."""
        for user_id in user_ids:
            for connection in self.by_user.get(user_id, ()):
                self._wake_events(connection)

    def close_sessions(self, session_ids: Iterable[str]) -> None:
        """Close the sockets of revoked sessions."""
        for session_id in session_ids:
            for connection in list(self.by_session.get(session_id, ())):
                connection.close(frames.SESSION_REVOKED, "the session has been revoked")

    def close_users(self, user_ids: Iterable[str]) -> None:
        """Close the sockets of users who were deactivated or deleted."""
        for user_id in user_ids:
            for connection in list(self.by_user.get(user_id, ())):
                connection.close(frames.SESSION_REVOKED, "the user is not active any more")

    def fence(self, user_id: str, client_id: str, generation: int) -> None:
        """A socket of this client with a higher ``generation`` exists somewhere."""
        connection = self.by_client.get((user_id, client_id))
        if connection is not None and connection.generation < generation:
            _replace(connection)

    def close_expired(self) -> None:
        """Close the sockets whose newest token has expired by the wall clock, as for the token.

        A clock that was set back meanwhile makes none live longer: by the monotonic clock it has expired, too.
        """
        now, passed = time.time(), time.monotonic()
        for connection in self.connections:
            if connection.expires_at <= now or connection.lives_until <= passed:
                connection.close(frames.TOKEN_EXPIRED, "the access token has expired")


def _replace(connection: Connection) -> None:
    connection.close(frames.REPLACED, "a newer socket of the same client_id is open")
