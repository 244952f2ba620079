"""What a section of a report is, and where sections read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.migration.records import Migration

Row = Sequence[Any]
CHUNK = 2_000


@dataclass(frozen=True)
class Section:
    """One table. ``rows`` may be many: they are read while they are written.

    ``page`` is what the page shows instead of the first rows, with headings of its own; ``images`` are PNG charts by the text
    that says what they show. ``pages`` lie on this machine and tell more.
    """

    kind: str
    title: str
    headings: tuple[str, ...]
    rows: Iterable[Row]
    note: str = ""
    page: tuple[tuple[str, ...], Sequence[Row]] | None = None
    images: Mapping[str, bytes] = field(default_factory=dict)
    pages: Path | None = None


@dataclass(frozen=True)
class Source:
    """Where a section reads: the connection, the migration, and what was found about its people."""

    connection: psycopg.Connection[Any]
    migration: Migration
    people: Mapping[str, Any]

    def rows(self, query: str, **named: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, in bounded memory."""
        with self.connection.transaction(), self.connection.cursor(name="report") as cursor:
            cursor.itersize = CHUNK
            cursor.execute(
                query.encode(),
                {
                    "migration": self.migration.id,
                    "plan": self.migration.plan_id,
                    "integration": self.migration.integration_id,
                    "restaurant": self.migration.restaurant_id,
                    **named,
                },
            )
            yield from cursor

    def one(self, query: str, **named: Any) -> Any:
        """The first value of a query, or None."""
        return next((row[0] for row in list(self.rows(query, **named))), None)
