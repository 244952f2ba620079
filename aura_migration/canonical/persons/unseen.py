"""What was loaded earlier and is not in what was read now: points that moved away, profiles that are gone, balances unseen.

Nothing is hidden or deleted for not being seen. The points on a customer's row are the sum of the accounts that will be
theirs after the load; who cannot be found in this staging any more is told, so that approving the plan signs it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg

from aura_migration.canonical.model import Loss
from aura_migration.canonical.people import CUSTOMERS
from aura_migration.canonical.persons.chunks import EXAMPLES, NOTHING_HASH
from aura_migration.canonical.persons.tables import LISTED, many, one

Connection = psycopg.Connection[Any]
GONE = (
    "profiles loaded earlier are no longer in the POS's directory (deleted or merged there); they stay in AuraConnect "
    "until somebody decides"
)
UNSEEN = "balances loaded earlier are not in what was read now; they keep their balance"


@dataclass(frozen=True)
class Balances:
    """One class of balances and where AuraConnect keeps it; ``kind`` tells classes of one table apart."""

    name: str
    entity: str
    balance: str
    kind: str | None = None


CLASSES = (
    Balances("loyalty", "loyalty_accounts", "balance_points"),
    Balances("gift_cards", "gift_cards", "balance_cents"),
    Balances("house_accounts", "house_accounts", "balance_cents", "house_account"),
    Balances("store_credit", "house_accounts", "balance_cents", "store_credit"),
)
LOADED_HERE = """
    EXISTS (SELECT FROM migration.claims k JOIN migration.migrations m ON m.id = k.migration_id
            JOIN migration.migrations own ON own.id = %(migration)s AND own.integration_id = m.integration_id
             AND own.location_key = m.location_key
            WHERE k.aura_table = %(table)s AND k.aura_id = t.id)
"""
"""Whether a migration of this very location stands on row ``t``: another location's POS may list what this one does not."""


def settle_points(connection: Connection, migration_id: int) -> None:
    """The points on every customer's row are those of the accounts that will be theirs after the load.

    An account that is staged counts with what it will hold, to whom it is said to belong; all others of AuraConnect with
    what they hold. A customer who was loaded earlier and is not staged gets a row where that changes their number: what the
    POS said of them last (else what AuraConnect holds), so that nothing but the points is written.
    """
    arguments = _whose(connection, migration_id)
    _seats(connection, arguments)
    _accounts(connection, arguments)
    connection.execute(
        """
        INSERT INTO people_points (place, balance, lifetime)
        SELECT place, sum(balance), sum(lifetime) FROM (
            SELECT coalesce(s.place, 'aura:' || c.aura_id) AS place, a.balance, a.lifetime
            FROM people_accounts a LEFT JOIN people_seats s ON s.key = a.holder
            LEFT JOIN migration.crosswalk c ON c.integration_id = %(integration)s AND c.entity = 'customers'
                  AND c.source_key = a.holder AND c.is_active
            UNION ALL
            SELECT 'aura:' || t.customer_id, t.balance_points, coalesce(t.lifetime_points, 0) FROM aura.loyalty_accounts t
            WHERE t.restaurant_id = %(restaurant)s AND t.deleted_at IS NULL AND t.customer_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM people_accounts a WHERE a.aura_id = t.id)) counted
        WHERE place IS NOT NULL GROUP BY place
        """,
        arguments,
    )
    connection.execute("ANALYZE people_points")
    connection.execute(
        """
        UPDATE people_rows r SET content = r.content || jsonb_build_object(
            'loyalty_points', coalesce(p.balance, 0), 'lifetime_points', coalesce(p.lifetime, 0))
        FROM people_seats s LEFT JOIN people_points p ON p.place = s.place
        WHERE r.entity = 'customers' AND r.source_key = s.key AND s.key = s.seat AND r.verdict IS NULL
          AND (p.place IS NOT NULL OR r.content -> 'loyalty_points' <> '0' OR r.content -> 'lifetime_points' <> '0')
        """
    )
    if one(connection, "SELECT EXISTS (SELECT FROM people_persons)"):
        _stage_unseen(connection, arguments)


def _whose(connection: Connection, migration_id: int) -> dict[str, Any]:
    ((integration, restaurant),) = many(
        connection, "SELECT integration_id, restaurant_id FROM migration.migrations WHERE id = %s", [migration_id]
    )
    return {"migration": migration_id, "integration": integration, "restaurant": restaurant}


def _seats(connection: Connection, arguments: dict[str, Any]) -> None:
    """On which row each staged profile will stand: its person's, but its own where it was loaded as another one earlier."""
    connection.execute(
        """
        INSERT INTO people_seats (key, seat, place)
        SELECT key, seat, coalesce('aura:' || CASE WHEN seat = key THEN own ELSE of_person END, 'key:' || seat) FROM (
            SELECT p.key, k.aura_id AS own, s.aura_id AS of_person,
                   CASE WHEN k.aura_id IS NOT NULL AND k.aura_id IS DISTINCT FROM s.aura_id THEN p.key ELSE p.person END AS seat
            FROM people_persons p
            LEFT JOIN migration.crosswalk k ON k.integration_id = %(integration)s AND k.entity = 'customers'
                  AND k.source_key = p.key AND k.is_active
            LEFT JOIN migration.crosswalk s ON s.integration_id = %(integration)s AND s.entity = 'customers'
                  AND s.source_key = p.person AND s.is_active) seated
        """,
        arguments,
    )
    connection.execute("ANALYZE people_seats")


def _accounts(connection: Connection, arguments: dict[str, Any]) -> None:
    """What every staged account will hold. Where the POS says what it said before, AuraConnect's own movements stay."""
    connection.execute(
        f"""
        INSERT INTO people_accounts (holder, aura_id, balance, lifetime)
        SELECT a.holder, a.aura_id,
               CASE WHEN a.aura_id IS NULL THEN a.balance WHEN t.id IS NULL THEN 0
                    WHEN a.balance <> t.balance_points AND (l.said ->> 'balance_points')::bigint = a.balance THEN t.balance_points
                    ELSE a.balance END,
               CASE WHEN a.aura_id IS NULL THEN a.lifetime WHEN t.id IS NULL THEN 0
                    WHEN a.lifetime <> coalesce(t.lifetime_points, 0) AND coalesce((l.said ->> 'lifetime_points')::bigint, 0) = a.lifetime
                    THEN coalesce(t.lifetime_points, 0) ELSE a.lifetime END
        FROM (SELECT r.content ->> 'customer_key' COLLATE "C" AS holder, c.aura_id, (r.content ->> 'balance_points')::bigint AS balance,
                     coalesce((r.content ->> 'lifetime_points')::bigint, 0) AS lifetime
              FROM people_rows r LEFT JOIN migration.crosswalk c ON c.integration_id = %(integration)s
                   AND c.entity = 'loyalty_accounts' AND c.source_key = r.source_key AND c.is_active
              WHERE r.entity = 'loyalty_accounts' AND r.verdict IS NULL) a
        LEFT JOIN aura.loyalty_accounts t ON t.id = a.aura_id AND t.deleted_at IS NULL
        LEFT JOIN LATERAL ({_said("loyalty_accounts")} WHERE t.id IS NOT NULL AND (a.balance, a.lifetime)
                           IS DISTINCT FROM (t.balance_points, coalesce(t.lifetime_points, 0))) l ON true
        """,
        arguments,
    )
    connection.execute("ANALYZE people_accounts")


def _said(table: str) -> str:
    """SQL: what the POS said of row ``t`` when this migration wrote it last, else how it was last written."""
    return f"""
        SELECT coalesce(
            (SELECT coalesce(p.source_image, p.image) FROM migration.claims k
             JOIN migration.plan_rows p ON p.plan_id = k.plan_id AND p.seq = k.seq
             WHERE k.migration_id = %(migration)s AND k.aura_table = '{table}' AND k.aura_id = t.id),
            (SELECT j.after FROM migration.writes j WHERE j.aura_table = '{table}' AND j.aura_id = t.id
              AND (j.outcome IS NULL OR j.outcome IN ('kept_claimed', 'kept_edited', 'kept_needed'))
             ORDER BY j.id DESC LIMIT 1)) AS said
    """


def _stage_unseen(connection: Connection, arguments: dict[str, Any]) -> None:
    """A row for everybody loaded earlier and not staged whose points change; records made in AuraConnect are left alone."""
    names = [field.name for field in CUSTOMERS.fields]
    held = ", ".join(f"'{field.name}', t.{field.target}" for field in CUSTOMERS.fields)
    points = ("loyalty_points", "lifetime_points")
    connection.execute(
        f"""
        INSERT INTO people_rows (n, entity, source_key, content, source_hash, record, verdict, reasons, is_rejected,
                                 is_corrected, is_mapped_role)
        SELECT (SELECT coalesce(max(n), 0) FROM people_rows) + row_number() OVER (ORDER BY key), 'customers', key,
               content || jsonb_build_object('loyalty_points', balance, 'lifetime_points', lifetime), source_hash, record,
               NULL, '{{}}', false, false, false
        FROM (
            SELECT c.key, c.source_hash, c.record, coalesce(p.balance, 0) AS balance, coalesce(p.lifetime, 0) AS lifetime, l.said,
                   jsonb_build_object({held}) || coalesce((
                       SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(l.said) e WHERE e.key = ANY(%(names)s)), '{{}}') AS content
            FROM ({_unlisted()}) c
            JOIN aura.customers t ON t.id = c.aura_id AND t.deleted_at IS NULL AND t.erased_at IS NULL AND t.source_vendor IS NOT NULL
            LEFT JOIN people_points p ON p.place = 'aura:' || t.id
            CROSS JOIN LATERAL ({_said("customers")}) l
            WHERE (t.loyalty_points, t.lifetime_points) IS DISTINCT FROM (coalesce(p.balance, 0), coalesce(p.lifetime, 0))
              AND ({LOADED_HERE} OR EXISTS (SELECT FROM people_accounts a JOIN aura.loyalty_accounts o ON o.id = a.aura_id
                                            WHERE o.customer_id = t.id))
        ) unseen
        WHERE ({", ".join(f"(said ->> '{name}')::bigint" for name in points)}) IS DISTINCT FROM (balance, lifetime)
        """,
        {**arguments, "table": CUSTOMERS.table, "names": names, "nothing": NOTHING_HASH},
    )


def _unlisted() -> str:
    """SQL: customers loaded earlier of whom no profile is staged, by the key their row was made of (``keys``: all)."""
    return """
        SELECT DISTINCT ON (c.aura_id) c.aura_id, c.source_key AS key, coalesce(c.source_hash, %(nothing)s) AS source_hash, c.record
        FROM migration.crosswalk c LEFT JOIN aura.customers made ON made.id = c.aura_id AND made.source_id = c.source_key
        WHERE c.integration_id = %(integration)s AND c.entity = 'customers' AND c.is_active AND NOT EXISTS (
            SELECT FROM migration.crosswalk o JOIN people_rows r ON r.entity = 'customers' AND r.source_key = o.source_key
            WHERE o.integration_id = %(integration)s AND o.entity = 'customers' AND o.is_active AND o.aura_id = c.aura_id)
        ORDER BY c.aura_id, made.id IS NULL, c.source_key
    """


def find_gone(
    connection: Connection, migration_id: int, directories: Collection[str]
) -> tuple[dict[str, Any], list[Loss]]:
    """Profiles that this location's POS listed when they were loaded and lists no longer: ``{"total", "keys"}``.

    Asked before ``settle_points`` stages rows for them. Only where the whole directory of customers was read
    (``directories``), and anybody stands in it. A profile is not gone while its person is listed under another key.
    """
    nothing = {"total": 0, "keys": []}
    if "customers" not in directories or not one(connection, "SELECT EXISTS (SELECT FROM people_persons)"):
        return nothing, []
    arguments = {**_whose(connection, migration_id), "table": CUSTOMERS.table, "nothing": NOTHING_HASH}
    ((total, keys),) = many(
        connection,
        f"""
        SELECT count(*), coalesce((array_agg(c.source_key ORDER BY c.source_key))[1:{LISTED}], '{{}}')
        FROM ({_unlisted()}) u JOIN migration.crosswalk c ON c.integration_id = %(integration)s AND c.entity = 'customers'
             AND c.is_active AND c.aura_id = u.aura_id
        JOIN aura.customers t ON t.id = u.aura_id AND t.deleted_at IS NULL AND t.erased_at IS NULL
        WHERE {LOADED_HERE}
        """,
        arguments,
    )
    if not total:
        return nothing, []
    return {"total": total, "keys": keys}, [Loss("customers", "(profile)", total, GONE, tuple(keys[:EXAMPLES]))]


def find_unseen_balances(
    connection: Connection, migration_id: int, directories: Collection[str], excluded: Collection[str]
) -> tuple[dict[str, dict[str, int]], list[Loss]]:
    """Balances loaded for this location and not named now, although their class was read: ``{class: {"n", "total"}}``.

    ``total`` is what they hold, in points or cents. A class was read where anything of it is staged, or where the POS has a
    directory of it. What holds nothing is owed nothing, and is not told.
    """
    found: dict[str, dict[str, int]] = {}
    losses: list[Loss] = []
    arguments = _whose(connection, migration_id)
    for balances in CLASSES:
        if balances.entity in excluded:
            continue
        staged = "SELECT EXISTS (SELECT FROM people_rows WHERE entity = %s AND (%s::text IS NULL OR content ->> 'kind' = %s))"
        was_read = balances.entity in directories and balances.kind is None
        if not was_read and not one(connection, staged, [balances.entity, balances.kind, balances.kind]):
            continue
        ((number, total, examples),) = many(
            connection,
            f"""
            SELECT count(*), coalesce(sum(t.{balances.balance}), 0)::bigint, (array_agg(c.source_key ORDER BY c.source_key))[1:{EXAMPLES}]
            FROM migration.crosswalk c
            JOIN aura.{balances.entity} t ON t.id = c.aura_id AND t.deleted_at IS NULL AND t.{balances.balance} <> 0
                 {"AND t.kind = %(kind)s" if balances.kind else ""}
            WHERE c.integration_id = %(integration)s AND c.entity = %(table)s AND c.is_active
              AND NOT EXISTS (SELECT FROM people_rows r WHERE r.entity = %(table)s AND r.source_key = c.source_key) AND {LOADED_HERE}
            """,
            {**arguments, "table": balances.entity, "kind": balances.kind},
        )
        if number:
            found[balances.name] = {"n": number, "total": int(total)}
            source = balances.kind if balances.kind == "store_credit" else balances.entity
            losses.append(Loss(source, "(account)", number, UNSEEN, tuple(examples)))
    return found, losses
