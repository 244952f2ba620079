"""Which record of the POS is which row of AuraConnect: menu, people and history in one list, read while it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg

from aura_migration.canonical.history.tables import DOCUMENTS


class Pair(NamedTuple):
    """One record. ``is_active`` is false for what a rollback took back."""

    entity: str
    source_id: str
    aura_table: str
    aura_id: int
    is_active: bool


def crosswalk(connection: psycopg.Connection[Any], integration_id: int, location_id: int) -> Iterator[Pair]:
    """Menu and people of the account, then the documents of the location's history, by entity and id."""
    history = " UNION ALL ".join(
        f"SELECT {100 + number}, '{kind}', source_id, '{kind}', id, deleted_at IS NULL FROM aura.{kind} "
        f"WHERE location_id = %(location)s AND source_id IS NOT NULL AND history_batch_id IS NOT NULL"
        for number, kind in enumerate(DOCUMENTS)
    )
    query = f"""
        SELECT entity, source_key, aura_table, aura_id, is_active FROM (
            SELECT 0 AS part, entity, source_key, aura_table, aura_id, is_active FROM migration.crosswalk WHERE integration_id = %(integration)s
            UNION ALL {history}
        ) pairs ORDER BY part, entity, source_key COLLATE "C"
    """
    with connection.transaction(), connection.cursor(name="crosswalk") as cursor:
        cursor.itersize = 5_000
        cursor.execute(query.encode(), {"integration": integration_id, "location": location_id})
        for row in cursor:
            yield Pair(*row)
