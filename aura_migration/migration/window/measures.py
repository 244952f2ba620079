"""What a window comes to as a whole: drift, and the scorecard's figures about the parallel run. Read from stored rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aura_migration.canonical.window import WindowPolicy
from aura_migration.cutover.gates import GATES_OF
from aura_migration.cutover.probing import EVERY, Interruption, interruption
from aura_migration.database.connections import Connection
from aura_migration.migration.window.opening import find_window
from aura_migration.reconcile.coverage import coverage_pct, read_coverage


@dataclass(frozen=True)
class Drift:
    """The signed unexplained differences of a window: AuraConnect less POS, minor units. ``pct`` of the gross, None without."""

    signed_cents: int
    gross_cents: int
    days: int
    pct: float | None
    is_drift: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "signed_cents": self.signed_cents,
            "gross_cents": self.gross_cents,
            "days": self.days,
            "pct": self.pct,
            "is_drift": self.is_drift,
        }


def window_drift(connection: Connection, migration_id: int, policy: WindowPolicy) -> Drift:
    """Whether small differences all lean one way: their signed sum over the compared dates against the policy's share."""
    row = connection.execute(
        "SELECT coalesce(sum(signed_cents), 0)::bigint, coalesce(sum(gross_cents), 0)::bigint, count(*) "
        "FROM migration.parallel_days WHERE migration_id = %s AND verdict IN ('clean', 'different')",
        [migration_id],
    ).fetchone()
    assert row is not None
    signed, gross, days = row
    pct = abs(signed) * 100 / gross if gross else None
    return Drift(signed, gross, days, pct, abs(signed) * 100 > policy.days.drift_pct * gross)


def window_metrics(connection: Connection, migration_id: int) -> dict[str, Any]:
    """What the scorecard says of the parallel run; each None where nothing was measured.

    ``days_clean`` dates, ``unexplained_max_pct`` of the worst compared date, ``coverage_pct`` of what is asked for, ``gates``
    ``{passed, failed, not_measured, waived}``, ``reverse_level`` A, B or C as rehearsed, ``interruption_seconds`` that nobody
    served, ``interruption_unseen_seconds`` that nobody looked, ``pos_budget_left_least`` permits of the POS's tightest limit,
    ``report_ready_minutes_after_closeout`` of the slowest date's first check-in.
    """
    metrics: dict[str, Any] = dict.fromkeys(METRICS)
    window = find_window(connection, migration_id)
    if window is None:
        return metrics
    days = connection.execute(
        "SELECT count(*) FILTER (WHERE verdict = 'clean'), count(*), max(CASE WHEN verdict IN ('clean', 'different') THEN "
        "coalesce(unexplained_pct, CASE WHEN unexplained_cents > 0 THEN 100 END) END), count(*) FILTER (WHERE verdict IN ('clean', 'different')) "
        "FROM migration.parallel_days WHERE migration_id = %s",
        [migration_id],
    ).fetchone()
    assert days is not None
    if days[1]:
        metrics["days_clean"] = days[0]
    if days[3]:
        metrics["unexplained_max_pct"] = round(float(days[2] or 0), 4)
    pct = coverage_pct(read_coverage(connection, migration_id), window.rules)
    metrics["coverage_pct"] = None if pct is None else round(pct, 1)
    metrics["gates"] = _gates(connection, migration_id)
    metrics["reverse_level"] = _first(
        connection,
        "SELECT level FROM migration.rehearsals WHERE migration_id = %s AND passed ORDER BY rehearsed_at DESC, id DESC LIMIT 1",
        migration_id,
    )
    seen = _interruption(connection, migration_id)
    if seen is not None:
        metrics["interruption_seconds"] = round(seen.seconds, 1)
        metrics["interruption_unseen_seconds"] = round(seen.unseen_seconds, 1)
        metrics["pos_budget_left_least"] = seen.least_budget_left
    slowest = _first(
        connection,
        "SELECT max(extract(epoch FROM (c.facts ->> 'first_made_at')::timestamptz - d.closes_at)) / 60 "
        "FROM migration.check_ins c JOIN migration.parallel_days d USING (migration_id, business_date) "
        "WHERE c.migration_id = %s AND c.kind = 'daily'",
        migration_id,
    )
    metrics["report_ready_minutes_after_closeout"] = None if slowest is None else round(float(slowest), 1)
    return metrics


METRICS = (
    "days_clean",
    "unexplained_max_pct",
    "coverage_pct",
    "gates",
    "reverse_level",
    "interruption_seconds",
    "interruption_unseen_seconds",
    "pos_budget_left_least",
    "report_ready_minutes_after_closeout",
)
"""The names of the scorecard's figures about a window."""


def _gates(connection: Connection, migration_id: int) -> dict[str, int] | None:
    rows = connection.execute(
        "SELECT passed, coalesce(evidence ->> 'waived_by', '') <> '' FROM migration.gates WHERE migration_id = %s AND name = ANY(%s)",
        [migration_id, sorted(frozenset().union(*GATES_OF.values()))],
    ).fetchall()
    if not rows:
        return None
    return {
        "passed": sum(passed is True for passed, _ in rows),
        "failed": sum(passed is False and not waived for passed, waived in rows),
        "not_measured": sum(passed is None and not waived for passed, waived in rows),
        "waived": sum(passed is not True and waived for passed, waived in rows),
    }


def _interruption(connection: Connection, migration_id: int) -> Interruption | None:
    """Over the time that was looked at: from the first probe or pause to the last."""
    row = connection.execute(
        "SELECT min(at), max(at) FROM (SELECT at FROM migration.probes WHERE migration_id = %(m)s "
        "UNION ALL SELECT paused_at FROM migration.switches WHERE migration_id = %(m)s "
        "UNION ALL SELECT coalesce(resumed_at, ended_at) FROM migration.switches WHERE migration_id = %(m)s AND paused_at IS NOT NULL) p",
        {"m": migration_id},
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return interruption(connection, migration_id, row[0], row[1] + EVERY)


def _first(connection: Connection, query: str, migration_id: int) -> Any:
    row = connection.execute(query.encode(), [migration_id]).fetchone()
    return row[0] if row else None
