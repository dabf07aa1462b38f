"""Real servers for the keyword libraries' tests."""

from tests.services.conftest import make_database, make_redis, servers

__all__ = ["make_database", "make_redis", "servers"]
