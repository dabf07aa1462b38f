"""What has become of the rows of a table: pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

Rows = Mapping[tuple[str, ...], Mapping[str, str | None]]
"""By primary key: each column as text, None where it is null."""


def changes(table: str, before: Rows, after: Rows, free: Collection[str], *, new_rows: bool) -> Iterator[str]:
    """Each lost row, each changed value outside of the ``free`` columns (``table.column``), and new rows if wanted."""
    for key, row in before.items():
        name = f"{table} {'/'.join(key)}"
        if key not in after:
            yield f"{name} is gone"
            continue
        for column, value in row.items():
            now = after[key].get(column)
            if now != value and f"{table}.{column}" not in free:
                yield f"{name}: {column} was {value!r} and is {now!r}"
    if new_rows:
        yield from (f"{table} {'/'.join(key)} is new" for key in after if key not in before)
