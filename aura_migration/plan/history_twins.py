"""The POS's copies of orders that AuraConnect took: the same sale a second time, left out of the history.

An order that came to the POS from AuraConnect carries ``aura:<order id>`` as its external reference, or its id stands on
AuraConnect's order. Such a *twin* is never imported, nor are its group, payments, refunds and house-account movements. An
order of the integration tests (``aura:test:…``) is left out as long as nobody paid it: then it is a sale like any other. What
was imported before stays and is kept up to date; which of the two counts is decided by the books.
"""

from __future__ import annotations

from psycopg import sql

from aura_migration.canonical.history import shapes
from aura_migration.plan.ground import Subject
from aura_migration.plan.history_sums import Cursor, first_of, names_of

TWIN = "twin of an AuraConnect order"
TEST = "unpaid order of the integration tests"
MONEY = ("payments", "refunds", "house_account_movements")
"""Kinds that belong to an order by ``order_key``."""
REFERRED = (
    "CASE WHEN r.external_id ~ '^aura:[0-9]+$' AND length(r.external_id) < 24 THEN substr(r.external_id, 6)::bigint END"
)
_NATIVE = "n.location_id = %(location)s AND n.origin = 'aura_native' AND n.deleted_at IS NULL"


def leave_out_twins(cursor: Cursor, subject: Subject, location_id: int | None) -> dict[str, dict[str, int]]:
    """Skip what would be created of twins; how many documents per kind and reason.

    ``location_id`` None: the location is not in AuraConnect yet, and has no orders there that could have twins.
    """
    found: dict[str, dict[str, int]] = {}
    _note(cursor, subject, location_id)
    if not _any(cursor):
        return found
    orders = _skip(cursor, subject, "orders", "d.source_key = w.order_key")
    groups = _skip(
        cursor,
        subject,
        "order_groups",
        # A group several checks share stays for those that are no twins.
        "d.source_key = w.group_key AND NOT EXISTS (SELECT FROM {orders} r JOIN {documents} o USING (batch, doc) "
        "WHERE r.order_group_key = d.source_key AND o.kind = 'orders' AND o.verdict NOT IN ('skip', 'superseded'))",
    )
    for kind, numbers in (("orders", orders), ("order_groups", groups)):
        if numbers:
            found[kind] = numbers
    for kind in MONEY:
        numbers = _skip_money(cursor, subject, kind, location_id)
        if numbers:
            found[kind] = numbers
    return found


def link_twins(cursor: Cursor, subject: Subject, location_id: int | None) -> int:
    """Note the POS's id on AuraConnect's orders whose twins were seen: later readings know what belongs to them by it.

    After :func:`leave_out_twins` in the same transaction. Nothing else of an order changes; how many were noted.
    """
    if location_id is None or not _any(cursor):
        return 0
    cursor.execute(
        f"UPDATE aura.orders n SET external_id = w.pos_key FROM (SELECT DISTINCT ON (aura_id) aura_id, "
        f"coalesce(group_key, order_key) AS pos_key FROM history_twins WHERE aura_id IS NOT NULL ORDER BY aura_id, order_key) w "
        f"WHERE n.id = w.aura_id AND n.external_id IS NULL AND {_NATIVE}",
        {"location": location_id},
    )
    return cursor.rowcount


def _note(cursor: Cursor, subject: Subject, location_id: int | None) -> None:
    """Fill the working table of twins: those that are staged, and those AuraConnect's orders name."""
    cursor.execute(
        "DROP TABLE IF EXISTS pg_temp.history_twins; CREATE TEMP TABLE history_twins "
        "(order_key text, group_key text, aura_id bigint, reason text) ON COMMIT DROP"
    )
    if _is_staged(cursor, subject, "orders"):
        _note_staged(cursor, subject, location_id)
    if location_id is None:
        return
    cursor.execute(
        # Money of a twin may be read again without its order.
        f"INSERT INTO history_twins SELECT n.external_id, NULL, n.id, %(twin)s FROM aura.orders n WHERE {_NATIVE} "
        "AND n.external_id IS NOT NULL AND NOT starts_with(n.external_id, 'aura:') "
        "AND NOT EXISTS (SELECT FROM history_twins w WHERE w.order_key = n.external_id)",
        {"location": location_id, "twin": TWIN},
    )


def _note_staged(cursor: Cursor, subject: Subject, location_id: int | None) -> None:
    names = names_of(
        subject,
        orders=shapes.staged(subject.migration_id, "orders"),
        test=sql.Literal(TEST),
        twin=sql.Literal(TWIN),
    )
    cursor.execute(
        sql.SQL(
            """
            INSERT INTO history_twins
            SELECT d.source_key, r.order_group_key, NULL, {test} FROM {orders} r JOIN {documents} d USING (batch, doc)
            WHERE d.kind = 'orders' AND d.verdict <> 'superseded' AND starts_with(r.external_id, 'aura:test:')
              AND r.status <> 'completed'
            """
        ).format(**names)
    )
    if location_id is None:
        return
    staged = "FROM {orders} r JOIN {documents} d USING (batch, doc)"
    named = "d.kind = 'orders' AND d.verdict <> 'superseded'"
    # Few of a million orders are twins: those that refer to one of ours are filtered before anything is joined to them.
    for found in (
        f"{staged} JOIN aura.orders n ON n.id = {REFERRED} AND {_NATIVE} WHERE {named} AND starts_with(r.external_id, 'aura:')",
        f"FROM aura.orders n JOIN {{documents}} d ON d.source_key = n.external_id JOIN {{orders}} r USING (batch, doc) "
        f"WHERE {_NATIVE} AND n.external_id IS NOT NULL AND {named}",
        f"FROM aura.orders n JOIN {{orders}} r ON r.order_group_key = n.external_id JOIN {{documents}} d USING (batch, doc) "
        f"WHERE {_NATIVE} AND n.external_id IS NOT NULL AND {named}",
    ):
        cursor.execute(
            sql.SQL(
                f"INSERT INTO history_twins SELECT d.source_key, r.order_group_key, n.id, {{twin}} {found} "
                "AND NOT EXISTS (SELECT FROM history_twins w WHERE w.order_key = d.source_key AND w.reason = {twin})"
            ).format(**names),
            {"location": location_id},
        )


def _is_staged(cursor: Cursor, subject: Subject, kind: str) -> bool:
    cursor.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {documents} WHERE kind = %s)").format(**names_of(subject)), [kind]
    )
    return bool(first_of(cursor))


def _any(cursor: Cursor) -> bool:
    cursor.execute("SELECT EXISTS (SELECT FROM history_twins)")
    return bool(first_of(cursor))


def _skip(cursor: Cursor, subject: Subject, kind: str, where: str) -> dict[str, int]:
    names = names_of(subject, orders=shapes.staged(subject.migration_id, "orders"))
    query = (
        "WITH left_out AS (UPDATE {documents} d SET verdict = 'skip' FROM "
        "(SELECT order_key, group_key, min(reason) AS reason FROM history_twins GROUP BY order_key, group_key) w "
        f"WHERE d.kind = %s AND d.verdict = 'create' AND {where} RETURNING w.reason) "
        "SELECT reason, count(*) FROM left_out GROUP BY reason ORDER BY reason"
    )
    cursor.execute(sql.SQL(query).format(**names), [kind])
    return dict(cursor.fetchall())


def _skip_money(cursor: Cursor, subject: Subject, kind: str, location_id: int | None) -> dict[str, int]:
    """What was paid or given back on twins. One whose order stands in AuraConnect as the POS's stays with it."""
    names = names_of(
        subject,
        root=shapes.staged(subject.migration_id, kind),
        payments=shapes.staged(subject.migration_id, "payments"),
    )
    of_refunds = (
        " OR m.return_order_key IN (SELECT order_key FROM twins) OR m.order_key IS NULL AND m.payment_key IN "
        "(SELECT p.source_key FROM {documents} p JOIN {payments} pm USING (batch, doc) "
        "WHERE p.kind = 'payments' AND p.verdict = 'skip' AND pm.order_key IN (SELECT order_key FROM twins))"
        if kind == "refunds"
        else ""
    )
    query = (
        "WITH twins AS (SELECT w.order_key FROM history_twins w WHERE NOT EXISTS (SELECT FROM {documents} o "
        "WHERE o.kind = 'orders' AND o.source_key = w.order_key AND o.verdict NOT IN ('skip', 'superseded')) "
        "AND NOT EXISTS (SELECT FROM aura.orders o WHERE o.location_id = %(location)s AND o.source_id = w.order_key)), "
        "left_out AS (UPDATE {documents} d SET verdict = 'skip' FROM {root} m WHERE d.kind = %(kind)s AND d.verdict = 'create' "
        "AND m.batch = d.batch AND m.doc = d.doc "
        f"AND (m.order_key IN (SELECT order_key FROM twins){of_refunds}) RETURNING 1) "
        "SELECT count(*) FROM left_out"
    )
    cursor.execute(sql.SQL(query).format(**names), {"kind": kind, "location": location_id})
    number = int(first_of(cursor) or 0)
    return {TWIN: number} if number else {}
