"""The batches in which a history is loaded, and the ids that their rows will have: reserved with the plan.

What the batches write is decided in ``history.py``.
"""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.tables import TABLES
from aura_migration.core.errors import EnvironmentFault
from aura_migration.plan.ground import Subject
from aura_migration.plan.history_sums import Cursor, first_of, names_of

ATTEMPTS = 20
"""How often a block of ids is tried for, where AuraConnect's own orders take ids from between."""


def reserve_ids(cursor: Cursor, subject: Subject, plan_id: int) -> int:
    """A row per staged batch in ``migration.history_batches``; ids for all rows of those that write any.

    Also batches that write nothing: once loaded, their bodies need not be read again.
    """
    batches = shapes.staged(subject.migration_id, shapes.BATCHES)
    cursor.execute(
        sql.SQL(
            """
            SELECT b.batch, b.entity, b.bodies, CASE WHEN w.batch IS NULL THEN '{{}}' ELSE b.counts END
            FROM {batches} b LEFT JOIN (SELECT DISTINCT batch FROM {documents} WHERE verdict IN ('create', 'replace')) w USING (batch)
            ORDER BY b.batch
            """
        ).format(**names_of(subject, batches=batches))
    )
    found = cursor.fetchall()
    first_ids: dict[int, dict[str, int]] = {batch: {} for batch, *_ in found}
    for table in TABLES:
        wanted = {batch: counts[table.name] for batch, _, _, counts in found if counts.get(table.name)}
        for batch, first in _blocks(cursor, table.name, wanted).items():
            first_ids[batch][table.name] = first
    cursor.executemany(
        "INSERT INTO migration.history_batches (migration_id, plan_id, batch, entity, bodies, first_ids, counts) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            (
                subject.migration_id, plan_id, batch, entity,
                json.dumps(bodies), json.dumps(first_ids[batch]), json.dumps(counts),
            )
            for batch, entity, bodies, counts in found
        ],
    )  # fmt: skip
    return len(found)


def _blocks(cursor: Cursor, table: str, wanted: dict[int, int]) -> dict[int, int]:
    """The first id of a block without gaps for each batch. AuraConnect itself may take ids at the same time: then anew."""
    first: dict[int, int] = {}
    for _ in range(ATTEMPTS):
        left = {batch: count for batch, count in wanted.items() if batch not in first}
        if not left:
            return first
        cursor.execute(
            """
            SELECT batch, min(id), max(id) FROM (
                SELECT w.batch, nextval(%s::regclass) AS id
                FROM unnest(%s::integer[], %s::integer[]) AS w(batch, count), generate_series(1, w.count)) taken
            GROUP BY batch
            """,
            [_sequence(cursor, table), list(left), list(left.values())],
        )
        first |= {batch: low for batch, low, high in cursor.fetchall() if high - low + 1 == left[batch]}
    raise EnvironmentFault(
        f"In {ATTEMPTS} attempts there was no block of ids of aura.{table} that nobody else took ids from.",
        "Preview again when fewer orders are being taken.",
    )


def _sequence(cursor: Cursor, table: str) -> str:
    cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [f"aura.{table}"])
    return str(first_of(cursor))


def settle_batches(connection: psycopg.Connection[Any], standing_plan: int, new_plan: int) -> bool:
    """Whether a plan with the same content may stand in place of the new one, with the working tables as they are now.

    It may if the same becomes of the documents and its batches are those of the new plan; if nothing of it is loaded yet it
    takes the new plan's batches and their ids over. The content of a history may be the same while it lies in other bodies,
    and so in other batches; and it is the same when it stands already. A plan that counts as loaded without having written
    had nothing to write, and neither have the batches it takes over.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    cursor.execute(
        "SELECT count(DISTINCT coalesce(history -> 'counts', 'null')) FROM migration.plans WHERE id = ANY(%s)",
        [[standing_plan, new_plan]],
    )
    if first_of(cursor) != 1:
        return False
    described = "SELECT batch, entity, bodies, counts FROM migration.history_batches WHERE plan_id = %s"
    cursor.execute(
        f"SELECT count(*) FROM (({described} EXCEPT {described}) UNION ALL ({described} EXCEPT {described})) d",
        [standing_plan, new_plan, new_plan, standing_plan],
    )
    if not first_of(cursor):
        return True
    cursor.execute(
        "SELECT count(*) FROM migration.history_batches WHERE plan_id = %s AND xid IS NOT NULL", [standing_plan]
    )
    if first_of(cursor):
        return False
    cursor.execute("DELETE FROM migration.history_batches WHERE plan_id = %s", [standing_plan])
    cursor.execute(
        "UPDATE migration.history_batches b SET plan_id = s.id, "
        "loaded_at = CASE WHEN s.state = 'loaded' THEN clock_timestamp() END "
        "FROM migration.plans s WHERE s.id = %s AND b.plan_id = %s",
        [standing_plan, new_plan],
    )
    cursor.execute(
        "UPDATE migration.plans s SET history = n.history FROM migration.plans n WHERE s.id = %s AND n.id = %s",
        [standing_plan, new_plan],
    )
    return True
