"""What judging people stands on: whose migration it is, what was planned, what stands in AuraConnect, and what was found.

Working tables of the judging transaction, all of them set-based:

    people_fate     the plan's word on every record: action, reason, columns deliberately kept, whether it is signed
    people_stands   source key → AuraConnect's id, where the crosswalk leads to a live row of the restaurant
    people_found    findings; persons by key and field, never by value
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.options import MigrationOptions, aura_field_name
from aura_migration.plan.planner import Subject

Connection = psycopg.Connection[Any]
JUDGED = (
    "customers",
    "customer_addresses",
    "customer_consents",
    "loyalty_accounts",
    "customer_rewards",
    "gift_cards",
    "house_accounts",
    "staff",
    "staff_jobs",
    "timecards",
    "payroll",
)
LARGE = 500
WORKING = (
    *(
        f"said_{name}"
        for name in ("customers", "consents", "balances", "rewards", "staff", "wages", "timecards", "payroll")
    ),
    *(
        f"people_{name}"
        for name in ("found", "fate", "stands", "guests", "persons", "diffs", "stated", "answers", "rows")
    ),
    *(f"people_{name}" for name in ("optin", "owed", "jobs")),
)
STANDING = ("create", "update", "unchanged", "merge")
FOUND = "people_found (check_name, entity, source_key, expected, actual, difference, cause, is_blocking)"
WHY_NOT = """
    CASE f.action WHEN 'quarantine' THEN 'in quarantine: ' || f.reason WHEN 'conflict' THEN 'undecided: ' || f.reason
        WHEN 'skip' THEN CASE WHEN f.is_signed THEN 'skipped: ' ELSE 'left out, and nobody signed it: ' END || f.reason
        ELSE CASE WHEN f.action IS NULL THEN 'the plan does not know it' ELSE 'AuraConnect has no row for it' END END
"""
"""Why a record of the POS does not stand in AuraConnect; ``f`` is its fate."""


@dataclass(frozen=True)
class Case:
    """One judging: ``location_id`` is AuraConnect's id of the location, None where it was never loaded."""

    connection: Connection
    subject: Subject
    plan_id: int | None
    options: MigrationOptions
    now: Any
    location_id: int | None = None
    mapped: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def leaves_out(self, *entities: str) -> bool:
        """Whether the options exclude any of these entities."""
        return bool(set(entities) & set(self.options.exclude_entities))

    @property
    def arguments(self) -> dict[str, Any]:
        """The bound values of every statement."""
        return {
            "migration": self.subject.migration_id,
            "integration": self.subject.integration_id,
            "restaurant": self.subject.restaurant_id,
            "vendor": self.subject.pos,
            "plan": self.plan_id,
            "location": self.location_id,
            "location_key": self.subject.location_source_id,
            "now": self.now,
            "standing": list(STANDING),
        }

    def run(self, query: str, **more: Any) -> int:
        """Execute a statement; returns the rows it touched."""
        if "%(" not in query:  # several statements at once go without bound values only
            return self.connection.execute(query).rowcount
        return self.connection.execute(query, {**self.arguments, **more}).rowcount

    def prepare(self, table: str, rows: int, *columns: str) -> None:
        """Index and measure a working table, where it is large enough for that to be worth its price."""
        if rows >= LARGE:
            indexes = "".join(f"CREATE INDEX ON {table} ({column}); " for column in columns)
            self.run(f"{indexes}ANALYZE {table}")

    def rows(self, query: str, **more: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that gives few."""
        return self.connection.execute(query, {**self.arguments, **more}).fetchall()

    def row(self, query: str, **more: Any) -> tuple[Any, ...]:
        """The one row of a query."""
        found = self.rows(query, **more)
        return found[0]


def open_case(
    connection: Connection, subject: Subject, plan_id: int | None, options: MigrationOptions, now: Any
) -> Case:
    """Make the working tables. The caller's transaction drops them."""
    place = connection.execute(
        "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s "
        "AND is_active",
        [subject.integration_id, subject.location_source_id],
    ).fetchone()
    mapped: dict[str, set[str]] = {}
    for mapping in options.field_mapping:
        mapped.setdefault(mapping.entity, set()).add(aura_field_name(mapping))
    case = Case(
        connection,
        subject,
        plan_id,
        options,
        now,
        place[0] if place else None,
        {entity: frozenset(names) for entity, names in mapped.items()},
    )
    case.run(f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{name}' for name in WORKING)}")
    case.run(
        """
        CREATE TEMP TABLE people_found (n bigint GENERATED ALWAYS AS IDENTITY, check_name text, entity text, source_key text,
            expected jsonb, actual jsonb, difference bigint, cause text, is_blocking boolean) ON COMMIT DROP;
        CREATE TEMP TABLE people_fate (entity text, key text, action text, reason text, is_signed boolean, strategy text,
            kept text[], before jsonb, before_hash text) ON COMMIT DROP;
        CREATE TEMP TABLE people_stands (entity text, key text, aura_id bigint) ON COMMIT DROP;
        """
    )
    planned = case.run(
        """
        INSERT INTO people_fate
        SELECT p.entity, p.source_key, p.action, p.reason,
               l.approved_at IS NOT NULL OR (p.action = 'skip' AND EXISTS (
                   SELECT 1 FROM migration.plans e JOIN migration.plan_rows q ON q.plan_id = e.id
                   WHERE e.migration_id = %(migration)s AND e.approved_at IS NOT NULL AND q.entity = p.entity
                     AND q.source_key = p.source_key AND q.action = p.action AND q.reason = p.reason)),
               p.strategy, p.kept, CASE WHEN p.kept IS NOT NULL THEN p.before END, p.before_hash
        FROM migration.plan_rows p JOIN migration.plans l ON l.id = p.plan_id
        WHERE p.plan_id = %(plan)s AND p.entity = ANY(%(judged)s)
        """,
        judged=list(JUDGED),
    )
    standing = 0
    for entity in JUDGED:
        standing += case.run(
            f"""
            INSERT INTO people_stands
            SELECT x.entity, x.source_key, t.id FROM migration.crosswalk x
            JOIN aura.{ENTITIES[entity].table} t ON t.id = x.aura_id AND t.deleted_at IS NULL AND t.restaurant_id = %(restaurant)s
            WHERE x.integration_id = %(integration)s AND x.entity = %(entity)s AND x.is_active
            """,
            entity=entity,
        )
    case.prepare("people_fate", planned, "entity, key")
    case.prepare("people_stands", standing, "entity, key", "entity, aura_id")
    return case


def knows_people(connection: Connection, subject: Subject, plan_id: int | None) -> bool:
    """Whether the plan, or what was loaded before from this account, has anything about people at all."""
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM migration.plan_rows WHERE plan_id = %s AND entity = ANY(%s)) "
        "OR EXISTS (SELECT 1 FROM migration.crosswalk WHERE integration_id = %s AND entity = ANY(%s))",
        [plan_id, list(JUDGED), subject.integration_id, list(JUDGED)],
    ).fetchone()
    return bool(row and row[0])


def report_doubled(case: Case, check: str, entity: str, amount: str = "NULL::bigint", where: str = "true") -> None:
    """Rows that came with an import and for which no key of a POS ever stood: a copy too many."""
    table = ENTITIES[entity].table
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, 'aura:' || t.id, NULL, '"present"', {amount}, 'no record of the POS stands behind it', true
        FROM aura.{table} t
        WHERE t.restaurant_id = %(restaurant)s AND t.deleted_at IS NULL AND t.source_vendor = %(vendor)s AND {where}
          AND NOT EXISTS (SELECT 1 FROM migration.crosswalk x WHERE x.aura_id = t.id AND x.aura_table = %(table)s)
        """,
        check=check,
        entity=entity,
        table=table,
    )


def report_not_said(case: Case, check: str, entity: str, said: str, where: str = "true") -> None:
    """Records the plan took over although the POS does not show them. Erased people are no longer told of."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, f.key, NULL, '"present"', NULL, 'the POS does not show it', true
        FROM people_fate f JOIN people_stands x ON x.entity = f.entity AND x.key = f.key
        JOIN aura.{ENTITIES[entity].table} t ON t.id = x.aura_id
        WHERE f.entity = %(entity)s AND f.action = ANY(%(standing)s) AND {where}
          AND NOT EXISTS (SELECT 1 FROM {said} s WHERE s.key = f.key)
        """,
        check=check,
        entity=entity,
    )


def report_differences(case: Case, check: str, entity: str, covers: Mapping[str, Sequence[str]]) -> None:
    """Turn ``people_diffs`` (aura_id, key, field, is_said, is_there) into findings, one per record and reason.

    A difference is accepted where a signed plan deliberately kept the column and it still holds what it held, where the
    options fill the field from elsewhere, or where somebody corrected it in quarantine. ``covers`` names the fields that
    explain a derived one.
    """
    table = ENTITIES[entity].table
    mapped = case.mapped.get(entity, frozenset())
    excused = [name for name, sources in covers.items() if mapped & {name, *sources}] + sorted(mapped)
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(entity)s, key, jsonb_object_agg(field, CASE WHEN is_said THEN 'given' ELSE 'none' END),
               jsonb_object_agg(field, CASE WHEN NOT is_there THEN 'none' WHEN is_said THEN 'differs' ELSE 'given' END),
               NULL, coalesce(cause, ''), cause IS NULL
        FROM (
            SELECT d.*, CASE
                WHEN d.field = ANY(%(excused)s::text[]) THEN 'the options fill it from another field of the POS'
                ELSE (SELECT 'AuraConnect''s value is kept (' || coalesce(f.strategy, 'approved') || '): ' || f.reason
                      FROM people_fate f JOIN people_stands x ON x.entity = f.entity AND x.key = f.key
                      WHERE f.entity = %(entity)s AND x.aura_id = d.aura_id AND f.is_signed AND f.kept @> ARRAY[d.field]
                        AND f.before -> d.field IS NOT DISTINCT FROM to_jsonb(t) -> d.field
                      LIMIT 1)
                END AS cause
            FROM people_diffs d JOIN aura.{table} t ON t.id = d.aura_id
        ) judged
        GROUP BY key, cause
        """,
        check=check,
        entity=entity,
        excused=excused,
    )
    case.run(
        """
        UPDATE people_found p SET is_blocking = false, cause = 'corrected in quarantine by ' || coalesce(q.corrected_by, 'somebody')
        FROM migration.quarantine q
        WHERE q.migration_id = %(migration)s AND q.entity = %(entity)s AND q.source_key = p.source_key
          AND q.correction IS NOT NULL AND p.check_name = %(check)s AND p.entity = %(entity)s AND p.is_blocking
          AND p.expected IS NOT NULL AND p.actual IS NOT NULL AND p.difference IS NULL
          AND NOT EXISTS (SELECT 1 FROM jsonb_object_keys(p.expected) k
                          WHERE NOT q.correction ?| array_append(ARRAY(SELECT jsonb_array_elements_text(%(covers)s::jsonb -> k)), k))
        """,
        check=check,
        entity=entity,
        covers=_json({name: list(sources) for name, sources in covers.items()}),
    )
    case.run("DROP TABLE people_diffs")


def _json(value: Any) -> Any:
    from psycopg.types.json import Jsonb

    return Jsonb(value)
