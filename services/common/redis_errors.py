"""Which errors of Redis' client mean that Redis is away."""

from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

# uvloop answers a write to a connection that the peer has reset with a RuntimeError, which redis-py passes on.
LOST: Any = (RedisConnectionError, RedisTimeoutError, RuntimeError)
"""The connection has broken: another may be good."""
AWAY = (RedisError, OSError, TimeoutError, RuntimeError)
"""Redis did not do what it was asked."""
