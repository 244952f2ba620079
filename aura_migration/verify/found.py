"""Findings of a set-based judgement, out of the temp table in which it collects them.

The table has the columns of a finding (``check_name, entity, source_key, expected, actual, difference, cause, is_blocking``)
and ``n``, the order in which they were found.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from aura_migration.verify.findings import Finding


class Judged(Protocol):
    """What is being judged: where the table is."""

    def rows(self, query: str, **more: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that gives few."""
        ...


def totals(case: Judged, table: str, checks: Iterable[str]) -> dict[str, tuple[int, int]]:
    """``{check: (unexplained, accepted)}``."""
    found = dict.fromkeys(checks, (0, 0))
    for check, blocking, accepted in case.rows(
        "SELECT check_name, count(*) FILTER (WHERE is_blocking), count(*) FILTER (WHERE NOT is_blocking) "
        f"FROM {table} GROUP BY check_name"
    ):
        found[check] = (blocking, accepted)
    return found


def first_findings(case: Judged, table: str, limit: int) -> tuple[Finding, ...]:
    """The first findings of every check, the blocking ones before the accepted."""
    rows = case.rows(
        f"""
        SELECT check_name, entity, source_key, expected, actual, difference, cause, is_blocking FROM (
            SELECT *, row_number() OVER (PARTITION BY check_name
                ORDER BY is_blocking DESC, entity COLLATE "C", source_key COLLATE "C", n) AS place FROM {table}) numbered
        WHERE place <= %(limit)s ORDER BY check_name, place
        """,
        limit=limit,
    )
    return tuple(Finding(*row) for row in rows)


def known_causes(case: Judged, table: str) -> tuple[dict[str, Any], ...]:
    """Findings that do not block, counted by check, entity and cause, with the sum of their absolute amounts (None: no amounts)."""
    rows = case.rows(
        f"""
        SELECT check_name, entity, cause, count(*), sum(abs(difference))::bigint FROM {table} WHERE NOT is_blocking
        GROUP BY check_name, entity, cause ORDER BY check_name, count(*) DESC, entity, cause
        """
    )
    return tuple(dict(zip(("check", "entity", "cause", "count", "cents"), row, strict=True)) for row in rows)
