"""The connections of one library instance, by alias."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .connection import Connection, NotOpenError


class Connections:
    """Knows every connection opened so far, closed ones included, and which one is current."""

    def __init__(self) -> None:
        self._by_alias: dict[str, Connection] = {}
        self._current: str | None = None
        self._made = 0

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_alias.values()))

    def new_alias(self, wanted: str | None) -> str:
        """The wanted alias, or a fresh one; an alias whose connection is still open is refused."""
        if wanted is None:
            self._made += 1
            return f"connection-{self._made}"
        known = self._by_alias.get(wanted)
        if known is not None and known.is_open:
            raise ValueError(f"alias '{wanted}' belongs to a connection that is still open")
        return wanted

    def add(self, connection: Connection) -> None:
        """Keeps it and makes it the current one."""
        self._by_alias.pop(connection.alias, None)
        self._by_alias[connection.alias] = connection
        self._current = connection.alias

    def switch(self, alias: str) -> str | None:
        """Makes another connection current; the alias of the one before."""
        before, self._current = self._current, self.get(alias).alias
        return before

    def get(self, alias: str | None) -> Connection:
        """The connection of that alias, or the current one."""
        name = alias if alias is not None else self._current
        if name is None:
            raise NotOpenError("no connection was opened")
        if name not in self._by_alias:
            known = ", ".join(f"'{alias}'" for alias in list(self._by_alias)[-10:]) or "none"
            raise NotOpenError(f"there is no connection '{name}'; known: {known}")
        return self._by_alias[name]

    def several(self, aliases: Sequence[str] | None) -> list[Connection]:
        """Those connections, or all that are open."""
        if aliases is None:
            return [connection for connection in self if connection.is_open]
        return [self.get(alias) for alias in aliases]

    def forget(self) -> None:
        """Forgets all of them."""
        self._by_alias.clear()
        self._current = None
