"""What judging a history stands on: whose it is, what the witness says, what stands in AuraConnect, what was found.

Working tables of the judging transaction, all of them set-based, so that memory does not grow with the number of orders:

    said_*           the witness's facts, as written by ``orders_said``
    there_*          the same figures out of AuraConnect's tables, as written by ``orders_there``
    orders_excused   documents whose absence or difference has a cause other than a mistake: quarantine, kept for people
    orders_diffs     one row per document and field that differs
    orders_found     findings
    orders_short     orders whose payments are not what they came to
    orders_outside   references to what the recorded history does not hold

Nothing of the mapping, the staging or the loader is read: what they wrote is judged by its tables alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan.ground import Subject
from aura_migration.pos.order_facts import DayRule

Connection = psycopg.Connection[Any]
KINDS = (
    "orders",
    "payments",
    "refunds",
    "payouts",
    "cash_drawer_shifts",
    "cash_events",
    "deposits",
    "house_account_movements",
)
"""The kinds of documents that witnesses tell of; groups are known by their orders."""
CASH = KINDS[4:]
FOUND = "orders_found (check_name, entity, source_key, expected, actual, difference, cause, is_blocking)"
DIFFS = "orders_diffs (kind, key, check_name, field, said, there, cents)"
LARGE = 500

TABLES = """
    CREATE TEMP TABLE said_orders (key text, day text, state text, gross bigint, discount bigint, tax bigint,
        included_tax bigint, tip bigint, final bigint, lines bigint, non_sale bigint, service bigint, gratuity bigint,
        rounding bigint, problems text[], due bigint, reference text) ON COMMIT DROP;
    CREATE TEMP TABLE said_parts (key text, part text, name text, cents bigint) ON COMMIT DROP;
    CREATE TEMP TABLE said_payments (key text, order_key text, day text, tender text, amount bigint, tip bigint, state text,
        fee bigint, problems text[]) ON COMMIT DROP;
    CREATE TEMP TABLE said_refunds (key text, order_key text, payment_key text, day text, amount bigint, state text,
        tax bigint, tip bigint, problems text[]) ON COMMIT DROP;
    CREATE TEMP TABLE said_payouts (key text, day text, amount bigint, fees bigint) ON COMMIT DROP;
    CREATE TEMP TABLE said_entries (key text, class text, number bigint, net bigint) ON COMMIT DROP;
    CREATE TEMP TABLE said_cash (kind text, key text, day text, amount bigint, order_key text) ON COMMIT DROP;

    CREATE TEMP TABLE there_orders (aura_id bigint, key text, day text, state text, gross bigint, discount bigint, tax bigint,
        included_tax bigint, tip bigint, final bigint, lines bigint, subtotal bigint, non_sale bigint, service bigint,
        gratuity bigint, rounding bigint, gross_head bigint, flags text[], is_own boolean, is_gone boolean) ON COMMIT DROP;
    CREATE TEMP TABLE there_parts (key text, part text, name text, cents bigint) ON COMMIT DROP;
    CREATE TEMP TABLE there_payments (aura_id bigint, key text, order_key text, day text, tender text, amount bigint,
        tip bigint, state text, fee bigint, fee_rows bigint, method text, order_id bigint, processed_at timestamptz,
        flags text[], is_own boolean, is_gone boolean) ON COMMIT DROP;
    CREATE TEMP TABLE there_refunds (aura_id bigint, key text, order_key text, payment_key text, day text, amount bigint,
        state text, tax bigint, tip bigint, net bigint, charge bigint, sale_day text, flags text[], is_own boolean,
        is_gone boolean, tender text, return_key text) ON COMMIT DROP;
    CREATE TEMP TABLE there_payouts (aura_id bigint, key text, day text, amount bigint, fees bigint, is_own boolean,
        is_gone boolean) ON COMMIT DROP;
    CREATE TEMP TABLE there_entries (key text, class text, number bigint, net bigint) ON COMMIT DROP;
    CREATE TEMP TABLE there_cash (aura_id bigint, kind text, key text, day text, amount bigint, is_own boolean,
        is_gone boolean) ON COMMIT DROP;

    CREATE TEMP TABLE orders_excused (kind text, key text, cause text, is_quarantine boolean) ON COMMIT DROP;
    CREATE TEMP TABLE orders_diffs (kind text, key text, check_name text, field text, said text, there text, cents bigint)
        ON COMMIT DROP;
    CREATE TEMP TABLE orders_found (n bigint GENERATED ALWAYS AS IDENTITY, check_name text, entity text, source_key text,
        expected jsonb, actual jsonb, difference bigint, cause text, is_blocking boolean) ON COMMIT DROP;
    CREATE TEMP TABLE orders_short (key text, due bigint, paid bigint, promised bigint, is_own boolean, still_due bigint,
        is_at_edge boolean) ON COMMIT DROP;
    CREATE TEMP TABLE orders_outside (kind text, key text, field text, named text) ON COMMIT DROP;
    CREATE TEMP TABLE orders_days (side text, day text, metric text, name text, value bigint) ON COMMIT DROP;
    CREATE TEMP TABLE orders_explained (day text, metric text, name text, cause text, documents bigint, value bigint)
        ON COMMIT DROP;
"""
WORKING = tuple(line.split()[3] for line in TABLES.splitlines() if line.strip().startswith("CREATE TEMP TABLE"))
MEMORY = "96MB"


@dataclass(frozen=True)
class OrdersCase:
    """One judging. ``location_id`` is AuraConnect's id of the location, None where it was never loaded."""

    connection: Connection
    subject: Subject
    location_source_id: str
    currency: str
    plan_id: int | None
    options: MigrationOptions
    now: datetime
    rule: DayRule
    location_id: int | None

    @property
    def judged(self) -> tuple[str, ...]:
        """The kinds of documents that the options do not leave out."""
        return tuple(kind for kind in KINDS if kind not in self.options.exclude_entities)

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
            "location_key": self.subject.location_key,
            "now": self.now,
        }

    def run(self, query: str, **more: Any) -> int:
        """Execute a statement; returns the rows it touched."""
        if "%(" not in query:  # several statements at once go without bound values only
            return self.connection.execute(query).rowcount
        return self.connection.execute(query, {**self.arguments, **more}).rowcount

    def rows(self, query: str, **more: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that gives few."""
        return self.connection.execute(query, {**self.arguments, **more}).fetchall()

    def row(self, query: str, **more: Any) -> tuple[Any, ...]:
        """The one row of a query."""
        return self.rows(query, **more)[0]

    def prepare(self, *tables: str) -> None:
        """Measure working tables, so that they are joined sensibly."""
        self.run(f"ANALYZE {', '.join(tables)}")


def open_case(
    connection: Connection,
    subject: Subject,
    location_source_id: str,
    currency: str,
    plan_id: int | None,
    options: MigrationOptions,
    now: datetime,
    rule: DayRule,
) -> OrdersCase:
    """Make the working tables. The caller's transaction drops them."""
    place = connection.execute(
        "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s "
        "AND is_active",
        [subject.integration_id, location_source_id],
    ).fetchone()
    location_id = place[0] if place else None
    case = OrdersCase(
        connection, subject, location_source_id, currency, plan_id, options, now, rule, location_id=location_id
    )
    case.run(f"SET LOCAL jit = off; SET LOCAL work_mem = '{MEMORY}'")
    case.run(f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{name}' for name in WORKING)}")
    case.run(TABLES)
    return case
