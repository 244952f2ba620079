"""Archived menu items for lines whose item is no longer on the menu.

One row of ``aura.menu_items`` per missing key: inactive, deleted at load time, under the name and price of the last sale. Its
id is reserved with the plan (``migration.history_placeholders``), so that an interrupted load ends as an uninterrupted one; a
later run finds it again by its source id. It has no row in the crosswalk: to the menu it does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.tables import TABLES
from aura_migration.database.connections import transaction_lock
from aura_migration.load.history.references import PLACEHOLDER, Site, find_location, gather_keys
from aura_migration.load.undo import references_to
from aura_migration.plan.planner import Subject, restaurant_lock

Cursor = psycopg.Cursor[dict[str, Any]]
STAGED = ("orders", "order_items", "refunds", "refund_items", shapes.DOCUMENTS)
POINTING = tuple((table.name, column.target) for table in TABLES for column in table.refs if column.ref == "items")


def reserve_placeholders(connection: psycopg.Connection[Any], subject: Subject, plan_id: int) -> int:
    """Note which placeholders a plan needs, with ids; how many are new. Does nothing where all are noted already.

    Called when the plan is made, after its menu and its history are planned: an item that the plan itself loads needs none.
    A load asks again, for what has left the menu since.
    """
    staged = {name: shapes.staged(subject.migration_id, name).as_string() for name in STAGED}
    with connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        transaction_lock(connection, restaurant_lock(subject.restaurant_id))
        gather_keys(cursor, subject, find_location(connection, subject), ("items",))
        cursor.execute(
            f"""
            WITH missing AS MATERIALIZED (
                SELECT key FROM (SELECT menu_item_key AS key FROM {staged["order_items"]}
                                 UNION SELECT menu_item_key FROM {staged["refund_items"]}) k
                WHERE key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM history_keys_items h WHERE h.key = k.key)
                  AND NOT EXISTS (SELECT 1 FROM migration.history_placeholders h WHERE h.plan_id = %(plan)s AND h.source_key = k.key)
                  AND NOT EXISTS (SELECT 1 FROM migration.plan_rows p WHERE p.plan_id = %(plan)s AND p.entity = 'items'
                                  AND p.source_key = k.key AND p.aura_id IS NOT NULL)
            ), sold AS (
                SELECT s.menu_item_key AS key, s.item_name AS name, s.price_cents, o.business_date, s.batch, s.n, 1 AS place
                FROM {staged["order_items"]} s JOIN missing m ON m.key = s.menu_item_key
                JOIN {staged["orders"]} o ON o.batch = s.batch AND o.doc = s.doc
                JOIN {staged["documents"]} d ON d.batch = s.batch AND d.doc = s.doc AND d.verdict IN ('create', 'replace')
                UNION ALL
                SELECT s.menu_item_key, s.item_name, round(s.gross_cents / nullif(s.quantity, 0))::bigint, r.business_date, s.batch, s.n, 0
                FROM {staged["refund_items"]} s JOIN missing m ON m.key = s.menu_item_key
                JOIN {staged["refunds"]} r ON r.batch = s.batch AND r.doc = s.doc
                JOIN {staged["documents"]} d ON d.batch = s.batch AND d.doc = s.doc AND d.verdict IN ('create', 'replace')
            ), last AS (
                SELECT DISTINCT ON (key) key, name, coalesce(price_cents, 0) AS price_cents
                FROM sold ORDER BY key, place DESC, business_date DESC, batch DESC, n DESC
            )
            INSERT INTO migration.history_placeholders (plan_id, migration_id, source_key, aura_id, name, price_cents)
            SELECT %(plan)s, %(migration)s, key, nextval((SELECT pg_get_serial_sequence('aura.menu_items', 'id')::regclass)),
                   coalesce(nullif(name, ''), key), price_cents
            FROM (SELECT * FROM last ORDER BY key COLLATE "C") l
            """,
            {"plan": plan_id, "migration": subject.migration_id},
        )
        return cursor.rowcount


def make_placeholders(connection: psycopg.Connection[Any], site: Site) -> int:
    """Make the placeholders of the site's plan that are not made yet and still missed; how many."""
    assert site.plan_id is not None
    reserve_placeholders(connection, site.subject, site.plan_id)
    with connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        transaction_lock(connection, restaurant_lock(site.restaurant_id))
        gather_keys(cursor, site.subject, site.location_id, ("items",))
        cursor.execute(
            """
            WITH made AS (
                INSERT INTO aura.menu_items (id, restaurant_id, location_id, name, price_cents, listing, is_available, is_active,
                    custom_fields, source_vendor, source_id, migration_run_id, created_at, updated_at, deleted_at)
                SELECT aura_id, %(restaurant)s, %(location)s, name, price_cents, 'listed', false, false,
                       jsonb_build_object(%(mark)s::text, 'sold in the past, no longer on the menu'), %(pos)s, source_key, migration_id,
                       %(at)s::timestamptz, %(at)s::timestamptz, %(at)s::timestamptz
                FROM migration.history_placeholders p WHERE plan_id = %(plan)s AND xid IS NULL
                  AND NOT EXISTS (SELECT 1 FROM history_keys_items h WHERE h.key = p.source_key)
                ORDER BY aura_id RETURNING id
            )
            UPDATE migration.history_placeholders p SET xid = pg_current_xact_id() FROM made
            WHERE p.plan_id = %(plan)s AND p.aura_id = made.id
            """,
            {
                "restaurant": site.restaurant_id,
                "location": site.location_id,
                "mark": PLACEHOLDER,
                "pos": site.subject.pos,
                "at": site.load_at,
                "plan": site.plan_id,
            },
        )
        return cursor.rowcount


def take_back(cursor: Cursor, site: Site) -> None:
    """Remove the placeholders a migration made that nothing refers to and nobody edited."""
    transaction_lock(cursor.connection, restaurant_lock(site.restaurant_id))
    used = _pointing(cursor)
    cursor.execute(
        f"""
        WITH judged AS (
            SELECT p.plan_id, p.source_key, p.aura_id,
                   CASE WHEN t.id IS NULL THEN 'gone_already' WHEN t.xmin <> p.xid::xid THEN 'kept_edited'
                        WHEN {used} THEN 'kept_needed' ELSE 'removed' END AS outcome
            FROM migration.history_placeholders p LEFT JOIN aura.menu_items t ON t.id = p.aura_id
            WHERE p.migration_id = %s AND p.xid IS NOT NULL AND p.undone_at IS NULL
        ), removed AS (
            DELETE FROM aura.menu_items t USING judged j WHERE j.aura_id = t.id AND j.outcome = 'removed'
        )
        UPDATE migration.history_placeholders p SET undone_at = clock_timestamp(), outcome = j.outcome
        FROM judged j WHERE p.plan_id = j.plan_id AND p.source_key = j.source_key
        """,
        [site.migration_id],
    )


def outcomes(cursor: Cursor, site: Site) -> dict[str, int]:
    """What became of a migration's placeholders: removed, kept_needed, kept_edited, gone_already → how many."""
    cursor.execute(
        "SELECT outcome, count(*) AS n FROM migration.history_placeholders "
        "WHERE migration_id = %s AND outcome IS NOT NULL GROUP BY outcome ORDER BY outcome",
        [site.migration_id],
    )
    return {row["outcome"]: row["n"] for row in cursor.fetchall()}


def _pointing(cursor: Cursor) -> str:
    """Whether any row points at item ``t``: by foreign key, or without one out of the history."""
    places: Sequence[tuple[str, str]] = [
        *references_to(cursor, "menu_items"),
        *((f"aura.{table}", column) for table, column in POINTING),
    ]
    # Each table is read once, not once per placeholder.
    return " OR ".join(
        f"t.id IN (SELECT c.{column} FROM {table} c WHERE c.{column} IS NOT NULL)" for table, column in places
    )
