"""What there is to tell: facts found in the migration's own tables, each worded once and queued once for every target.

A fact has a key; a target has at most one notification of a key. So looking again, after a restart or by several at once,
tells nothing twice. A target is told of what happens after it was set up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from aura_migration.cutover.gates import MOMENT
from aura_migration.database.connections import Connection

CONSOLE = "/console"
LOOKED_BACK = "7 days"
"""Older facts are news to nobody; nobody was there to tell them."""
MOST = 500
"""Facts queued at once; the others follow with the next look."""
KINDS = {"preview": "Preview", "run": "Load", "verify": "Verification", "rollback": "Rollback"}
_WORD = re.compile(r"[A-Za-z]{1,60}")

Fact = Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """Something that is told: which facts there are (SQL with the columns named in ``_QUEUE``), and how they are worded."""

    name: str
    doc: str
    facts: str
    worded: Callable[[Fact], tuple[str, str]]
    """Title and text of a fact; the link is added."""


def gather(connection: Connection, public_url: str) -> int:
    """Queue what is not queued yet for those who are to be told; how many notifications that makes."""
    has_targets = connection.execute("SELECT 1 FROM migration.notification_targets WHERE is_active LIMIT 1").fetchone()
    return sum(_queue(connection, event, public_url) for event in EVENTS.values()) if has_targets else 0


def _queue(connection: Connection, event: Event, public_url: str) -> int:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            f"""
            SELECT f.*, l.name AS location_name, t.id AS target_id FROM ({event.facts}) f
            LEFT JOIN migration.locations l ON l.key = f.location_key
            JOIN migration.notification_targets t ON t.is_active AND %(event)s = ANY(t.events) AND t.created_at <= f.at
                AND (t.restaurant_id IS NULL OR t.restaurant_id = f.restaurant_id)
            WHERE f.at > clock_timestamp() - %(span)s::interval
                AND NOT EXISTS (SELECT FROM migration.notifications n WHERE n.target_id = t.id AND n.event_key = f.event_key)
            ORDER BY f.at, f.event_key, t.id LIMIT %(most)s
            """.encode(),
            {"event": event.name, "span": LOOKED_BACK, "most": MOST},
        ).fetchall()
        queued = 0
        for fact in found:
            title, text = event.worded(fact)
            queued += cursor.execute(
                # A target that was removed meanwhile is not told.
                "INSERT INTO migration.notifications (target_id, event, event_key, migration_id, title, body) "
                "SELECT id, %s, %s, %s, %s, %s FROM migration.notification_targets WHERE id = %s ON CONFLICT DO NOTHING",
                [
                    event.name,
                    fact["event_key"],
                    fact["migration_id"],
                    title,
                    f"{text}\n{_link(fact, public_url)}",
                    fact["target_id"],
                ],
            ).rowcount
    return queued


def _link(fact: Fact, public_url: str) -> str:
    if fact["migration_id"] is not None:
        return f"{public_url}{CONSOLE}/migrations/{fact['migration_id']}"
    return f"{public_url}{CONSOLE}/integrations/{fact['integration_id']}"


def _place(fact: Fact) -> str:
    """The restaurant's name and key, in one line."""
    name = "".join(c for c in (fact["location_name"] or "") if c.isprintable())[:80]
    return f"{name} ({fact['location_key']})" if name else str(fact["location_key"] or "")


def _run_failed(fact: Fact) -> tuple[str, str]:
    what = KINDS.get(fact["kind"], "Migration")
    error = fact["error"] if _WORD.fullmatch(fact["error"] or "") else ""
    return f"{what} failed: {_place(fact)}", f"{what} of {_place(fact)} failed{f': {error}' if error else ''}."


def _approval_waiting(fact: Fact) -> tuple[str, str]:
    which = "a second signature" if fact["signatures"] else "approval"
    return (
        f"A plan waits for {which}: {_place(fact)}",
        f"The plan of migration {fact['migration_id']}, {_place(fact)}, waits for {which}."
        + (f" {fact['undecided']} conflicts are to be decided first." if fact["undecided"] else ""),
    )


def _gate_changed(fact: Fact) -> tuple[str, str]:
    said = "passes again" if fact["passed"] else "no longer passes"
    return (
        f"Gate {fact['gate']} {said}: {_place(fact)}",
        f"The gate {fact['gate']} of migration {fact['migration_id']}, {_place(fact)}, {said}.",
    )


def _reconnect_needed(fact: Fact) -> tuple[str, str]:
    account = _place(fact) or f"{fact['pos']} account {fact['integration_id']}"
    return (
        f"An account has to be connected again: {account}",
        f"The POS no longer lets us in ({account}). Nothing is read from it until somebody connects it again.",
    )


def _day_differs(fact: Fact) -> tuple[str, str]:
    final = "final" if fact["is_final"] else "it may still change"
    return (
        f"{fact['business_date']} is different: {_place(fact)}",
        f"Both systems differ on {fact['business_date']} at {_place(fact)}: {fact['missing']} orders missing, {fact['extra']} extra, "
        f"{fact['unexplained_pct'] or 0:g} % of the day unexplained; {final}.",
    )


def _day_overdue(fact: Fact) -> tuple[str, str]:
    said = "is not final though its grace time is over" if fact["is_judged"] else "was never judged"
    return (
        f"{fact['business_date']} {said}: {_place(fact)}",
        f"The business date {fact['business_date']} of {_place(fact)} {said}. The POS may not be read, or the schedules do not run.",
    )


EVENTS: Mapping[str, Event] = {
    event.name: event
    for event in (
        Event(
            "run_failed",
            "a preview, load, verification or rollback failed",
            """
            SELECT 'request:' || r.id AS event_key, i.restaurant_id, r.migration_id, r.integration_id, r.location_key,
                r.finished_at AS at, r.kind, r.result ->> 'error' AS error
            FROM migration.requests r JOIN migration.integrations i ON i.id = r.integration_id
            WHERE r.state = 'failed'
            UNION ALL
            SELECT 'transition:' || t.id, m.restaurant_id, m.id, m.integration_id, m.location_key, t.at, '', ''
            FROM migration.transitions t JOIN migration.migrations m ON m.id = t.migration_id
            WHERE t.to_state = 'failed' AND NOT EXISTS (
                SELECT FROM migration.requests r WHERE r.location_key = m.location_key AND r.requested_at <= t.at
                AND (r.finished_at IS NULL OR r.state = 'failed' AND r.finished_at >= t.at - interval '1 minute'))
            """,
            _run_failed,
        ),
        Event(
            "approval_waiting",
            "a plan waits for approval, or for the second of two signatures",
            """
            SELECT 'approval:' || p.id || ':' || s.signatures AS event_key, m.restaurant_id, m.id AS migration_id, m.integration_id,
                m.location_key, greatest(s.signed_at, p.created_at, t.at) AS at, s.signatures,
                (SELECT coalesce(sum((c.value ->> 'conflict')::bigint), 0) FROM jsonb_each(p.counts) c) AS undecided
            FROM migration.migrations m JOIN migration.plans p ON p.id = m.plan_id
            CROSS JOIN LATERAL (
                SELECT count(*) AS signatures, max(signed_at) AS signed_at FROM migration.approvals WHERE plan_id = p.id) s
            CROSS JOIN LATERAL (
                SELECT max(at) AS at FROM migration.transitions WHERE migration_id = m.id AND to_state = 'planned') t
            WHERE m.state = 'planned' AND p.state = 'planned' AND p.blockers = '[]'
            """,
            _approval_waiting,
        ),
        Event(
            "gate_changed",
            "a gate that passed no longer does, or the other way round",
            f"""
            SELECT 'gate:' || c.id AS event_key, m.restaurant_id, m.id AS migration_id, m.integration_id, m.location_key,
                c.at, c.name AS gate, c.passed
            FROM migration.gate_changes c JOIN migration.migrations m ON m.id = c.migration_id
            WHERE c.name <> ALL (ARRAY[{", ".join(repr(name) for name in sorted(MOMENT))}]) AND EXISTS (
                SELECT FROM migration.gate_changes b WHERE b.migration_id = c.migration_id AND b.name = c.name AND b.id < c.id)
            """,
            _gate_changed,
        ),
        Event(
            "reconnect_needed",
            "the POS no longer lets us in",
            """
            SELECT 'reconnect:' || i.id || ':' || coalesce(c.version, 0) AS event_key, i.restaurant_id,
                NULL::bigint AS migration_id, i.id AS integration_id, NULL AS location_key, i.updated_at AS at, i.pos
            FROM migration.integrations i LEFT JOIN migration.credentials c ON c.integration_id = i.id
            WHERE i.status = 'reconnect_needed'
            UNION ALL
            SELECT 'transition:' || max(t.id), m.restaurant_id, m.id, i.id, m.location_key, max(t.at), i.pos
            FROM migration.migrations m JOIN migration.integrations i ON i.id = m.integration_id
            JOIN migration.transitions t ON t.migration_id = m.id AND t.to_state = 'reconnect_needed'
            WHERE m.state = 'reconnect_needed' AND i.status = 'connected'
            GROUP BY m.id, i.id
            """,
            _reconnect_needed,
        ),
        Event(
            "day_different",
            "a business date on which both systems differ, once when it is found and once when that is final",
            """
            SELECT 'day:' || d.migration_id || ':' || d.business_date || ':' || d.is_final AS event_key, m.restaurant_id,
                m.id AS migration_id, m.integration_id, m.location_key, d.judged_at AS at, d.business_date::text, d.is_final,
                d.missing, d.extra, d.unexplained_pct
            FROM migration.parallel_days d JOIN migration.migrations m ON m.id = d.migration_id
            JOIN migration.windows w ON w.migration_id = m.id
            WHERE d.verdict = 'different' AND (w.ended_at IS NULL OR d.is_final)
            """,
            _day_differs,
        ),
        Event(
            "day_overdue",
            "a business date of a window that nobody judged, or that is not final an hour after its grace time",
            # The close-out may be another than the POS's by the options; by noon every business date has ended.
            """
            SELECT 'overdue:' || d.migration_id || ':' || d.business_date AS event_key, m.restaurant_id, m.id AS migration_id,
                m.integration_id, m.location_key, d.final_at + interval '1 hour' AS at, d.business_date::text, true AS is_judged
            FROM migration.parallel_days d JOIN migration.windows w ON w.migration_id = d.migration_id
            JOIN migration.migrations m ON m.id = d.migration_id
            WHERE NOT d.is_final AND d.business_date >= w.first_day AND d.final_at + interval '1 hour' <= clock_timestamp()
            UNION ALL
            SELECT 'missing:' || m.id || ':' || b.day, m.restaurant_id, m.id, m.integration_id, m.location_key, b.told_at, b.day::text, false
            FROM migration.windows w JOIN migration.migrations m ON m.id = w.migration_id
            JOIN migration.locations p ON p.key = w.location_key
            CROSS JOIN LATERAL (
                SELECT day::date AS day, (day + interval '36 hours') AT TIME ZONE (p.facts ->> 'timezone')
                    + coalesce((w.policy #>> '{days,settleMinutes}')::integer, 30) * interval '1 minute' + interval '1 hour' AS told_at
                FROM generate_series(w.first_day::timestamp, w.first_day + (w.planned_days - 1) * interval '1 day', '1 day') day
            ) b
            WHERE p.facts ->> 'timezone' IS NOT NULL AND b.told_at <= clock_timestamp()
              AND (w.ended_at IS NULL OR b.day < (w.ended_at AT TIME ZONE (p.facts ->> 'timezone'))::date)
              AND NOT EXISTS (SELECT FROM migration.parallel_days d WHERE d.migration_id = m.id AND d.business_date = b.day)
            """,
            _day_overdue,
        ),
    )
}
"""What can be told, in the order in which it is looked for."""
