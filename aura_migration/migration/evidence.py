"""What the stages stored about a migration, page by page: planned changes, findings, days, replay, snapshots, what was done.

For whoever shows it. Nothing is computed anew and nothing is judged; values of persons are masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from psycopg.rows import dict_row

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.history.tables import DOCUMENTS
from aura_migration.canonical.masking import masked
from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection
from aura_migration.migration.records import Migration
from aura_migration.verify.counts import COLUMNS

ACTIONS = ("create", "update", "unchanged", "merge", "skip", "conflict", "quarantine")
COUNTED = ("source", *ACTIONS)

METRICS = (
    "menu_items_accounted_pct",
    "menu_items_migrated_pct",
    "price_max_abs_diff_cents",
    "active_modifiers_functional_pct",
    "full_export_before_load",
)
Rows = list[dict[str, Any]]


def _rows(connection: Connection, query: str, named: dict[str, Any]) -> Rows:
    return list(connection.cursor(row_factory=dict_row).execute(query.encode(), named).fetchall())


def plan_rows(
    connection: Connection,
    migration: Migration,
    *,
    entity: str | None = None,
    actions: Sequence[str] = (),
    text: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> Rows:
    """Planned changes of the present plan in the order of writing: what it would be, beside what AuraConnect has.

    ``text`` is looked for in names and keys, whatever the case. ``[{"seq", "entity", "key", "label", "action", "reason",
    "before", "after", "changed", "kept", "touches"}]``.
    """
    unknown = sorted(set(actions) - set(ACTIONS))
    if unknown:
        raise BadInput(f"{', '.join(unknown)} is not an action.", f"There are {', '.join(ACTIONS)}.")
    found = _rows(
        connection,
        "SELECT seq, entity, source_key AS key, label, action, strategy, reason, before, content AS after, kept, touches, aura_table, aura_id "
        "FROM migration.plan_rows WHERE plan_id = %(plan)s AND seq > %(after)s AND (%(entity)s::text IS NULL OR entity = %(entity)s) "
        "AND (%(actions)s::text[] IS NULL OR action = ANY(%(actions)s)) AND (%(text)s::text IS NULL "
        "OR position(lower(%(text)s) IN lower(label)) > 0 OR position(lower(%(text)s) IN lower(source_key)) > 0) "
        "ORDER BY seq LIMIT %(limit)s",
        {
            "plan": migration.plan_id,
            "after": after,
            "entity": entity,
            "actions": list(actions) or None,
            "text": text or None,
            "limit": limit,
        },
    )
    for row in found:
        before, new = row["before"] or {}, row["after"] or {}
        row["changed"] = sorted(name for name in new if name in before and before[name] != new[name])
        for side in ("before", "after"):
            row[side] = masked(row["entity"], row[side]) if row[side] is not None else None
    return found


def findings(
    connection: Connection,
    migration_id: int,
    *,
    check: str | None = None,
    entity: str | None = None,
    is_blocking: bool | None = None,
    after: int = 0,
    limit: int = 100,
) -> Rows:
    """Differences the verdict found, by number."""
    found = _rows(
        connection,
        'SELECT id, check_name AS "check", entity, source_key AS key, expected, actual, difference_cents, cause, is_blocking, found_at '
        "FROM migration.findings WHERE migration_id = %(migration)s AND id > %(after)s AND (%(check)s::text IS NULL OR check_name = %(check)s) "
        "AND (%(entity)s::text IS NULL OR entity = %(entity)s) AND (%(blocking)s::boolean IS NULL OR is_blocking = %(blocking)s) "
        "ORDER BY id LIMIT %(limit)s",
        {
            "migration": migration_id,
            "after": after,
            "check": check,
            "entity": entity,
            "blocking": is_blocking,
            "limit": limit,
        },
    )
    for row in found:
        for side in ("expected", "actual"):
            if isinstance(row[side], dict):
                row[side] = masked(row["entity"], row[side])
    return found


def gates(connection: Connection, migration_id: int) -> Rows:
    """Every gate with its number, age and evidence."""
    return _rows(
        connection,
        "SELECT name, passed, value, remedy, evidence, measured_at FROM migration.gates WHERE migration_id = %(m)s ORDER BY name",
        {"m": migration_id},
    )


def history(connection: Connection, migration_id: int, *, after: int = 0, limit: int = 100) -> Rows:
    """Every change of state, oldest first."""
    return _rows(
        connection,
        'SELECT id, from_state AS "from", to_state AS state, done_by AS by, reason, at FROM migration.transitions '
        "WHERE migration_id = %(m)s AND id > %(after)s ORDER BY id LIMIT %(limit)s",
        {"m": migration_id, "after": after, "limit": limit},
    )


def scorecard(connection: Connection, migration_id: int) -> dict[str, Any] | None:
    """The newest scorecard, or None before the first verification."""
    row = connection.execute(
        "SELECT result -> 'scorecard' FROM migration.requests WHERE migration_id = %s AND result ? 'scorecard' ORDER BY id DESC LIMIT 1",
        [migration_id],
    ).fetchone()
    return card_in_order(row[0]) if row else None


def days(
    connection: Connection, migration_id: int, *, metric: str | None, since: date | None, until: date | None
) -> Rows:
    """Figures of each business day on both sides: minor units, or numbers for counts."""
    return _rows(
        connection,
        "SELECT business_date AS day, metric, name, pos_value AS pos, aura_value AS auraconnect, report_value AS report, explained, causes "
        "FROM migration.daily_reconciliation WHERE migration_id = %(m)s AND (%(metric)s::text IS NULL OR metric = %(metric)s) "
        "AND (%(since)s::date IS NULL OR business_date >= %(since)s) AND (%(until)s::date IS NULL OR business_date <= %(until)s) "
        "ORDER BY business_date, metric, name LIMIT 20000",
        {"m": migration_id, "metric": metric, "since": since, "until": until},
    )


def metrics_of_days(connection: Connection, migration_id: int) -> list[str]:
    """Which figures the days have."""
    rows = connection.execute(
        "SELECT DISTINCT metric FROM migration.daily_reconciliation WHERE migration_id = %s ORDER BY 1", [migration_id]
    ).fetchall()
    return [name for (name,) in rows]


def replays(connection: Connection, migration_id: int, *, limit: int = 10) -> Rows:
    """The newest replays of past orders with their clusters, most money first."""
    found = _rows(
        connection,
        "SELECT id, span, is_default, passed, figures, inferred, measured_at FROM migration.replays WHERE migration_id = %(m)s "
        "ORDER BY id DESC LIMIT %(limit)s",
        {"m": migration_id, "limit": limit},
    )
    for one in found:
        one["clusters"] = _rows(
            connection,
            "SELECT place, cause, title, orders, cents, net_cents, first_day, last_day, examples, remedy FROM migration.replay_clusters "
            "WHERE replay_id = %(id)s ORDER BY place",
            {"id": one["id"]},
        )
    return found


def snapshots(connection: Connection, migration_id: int) -> Rows:
    """Snapshots a migration stands on, newest first, with the certificate of each entity; no bodies."""
    return _rows(
        connection,
        "SELECT s.id, s.scope, s.state, s.manifest_hash, s.taken_at, s.ended_at, m.is_current, "
        "(SELECT coalesce(jsonb_agg(jsonb_build_object('entity', c.entity, 'status', c.status, 'rows', c.certificate -> 'rows', "
        "'pages', c.certificate -> 'pages', 'reason', c.certificate -> 'reason') ORDER BY c.entity), '[]') "
        "FROM migration.snapshot_certificates c WHERE c.snapshot_id = s.id) AS certificates "
        "FROM migration.migration_snapshots m JOIN migration.snapshots s ON s.id = m.snapshot_id WHERE m.migration_id = %(m)s "
        "ORDER BY s.id DESC LIMIT 100",
        {"m": migration_id},
    )


def audit_trail(
    connection: Connection,
    *,
    restaurants: Sequence[int] | None,
    actor: str | None = None,
    action: str | None = None,
    outcome: str | None = None,
    migration_id: int | None = None,
    before: int = 0,
    limit: int = 100,
) -> Rows:
    """Who did or tried what, newest first; ``before`` is the last id seen. Scoped: what belongs to no restaurant is for those
    who reach all."""
    return _rows(
        connection,
        "SELECT id, at, actor, roles, door, action, outcome, restaurant_id, integration_id, migration_id, detail FROM migration.audit_trail "
        "WHERE (%(restaurants)s::bigint[] IS NULL OR restaurant_id = ANY(%(restaurants)s)) AND (%(actor)s::text IS NULL OR actor = %(actor)s) "
        "AND (%(action)s::text IS NULL OR action = %(action)s) AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s) "
        "AND (%(migration)s::bigint IS NULL OR migration_id = %(migration)s) AND (%(before)s = 0 OR id < %(before)s) "
        "ORDER BY id DESC LIMIT %(limit)s",
        {
            "restaurants": None if restaurants is None else list(restaurants),
            "actor": actor,
            "action": action,
            "outcome": outcome,
            "migration": migration_id,
            "before": before,
            "limit": limit,
        },
    )


def in_order(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Counts in the order of entities and actions; jsonb keeps neither."""
    return {name: {a: counts[name].get(a, 0) for a in COUNTED} for name in (*ENTITIES, *DOCUMENTS) if name in counts}


def card_in_order(card: dict[str, Any]) -> dict[str, Any]:
    """A stored scorecard with its columns, entities and metrics in the order in which they are read."""
    counted = {**card["entities"], **card.get("history", {})}
    entities = {n: {c: counted[n][c] for c in COLUMNS} for n in (*ENTITIES, *DOCUMENTS) if n in counted}
    metrics = {name: card["metrics"][name] for name in METRICS if name in card["metrics"]}
    rest = {name: value for name, value in card["metrics"].items() if name not in metrics}
    first: dict[str, Any] = {n: card[n] for n in ("migration_id", "location", "pos") if n in card}
    return {
        **first,
        "entities": entities,
        "metrics": {**metrics, **rest},
        **{k: v for k, v in card.items() if k not in ("entities", "history", "metrics")},
    }
