"""Whose gates are measured, for which channel, at which instant: what every gate reads first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from psycopg.rows import dict_row

from aura_migration.canonical.window import WindowPolicy, parse_policy
from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection
from aura_migration.pos.order_facts import DayRule
from aura_migration.reconcile.books import CHANNELS

READ: Final = ["nothing", "applied", "waiting"]
"""How a reading of the POS ends that was a reading."""


@dataclass(frozen=True)
class Case:
    """One location in its window. ``location_id`` is AuraConnect's, None where it is not loaded; ``now`` is business time."""

    connection: Connection
    migration_id: int
    integration_id: int
    restaurant_id: int
    pos: str
    location_key: str
    location_id: int | None
    timezone: str
    closeout: timedelta
    currency: str
    phase: str
    opened_at: datetime
    first_day: date
    is_pilot: bool
    contact: Mapping[str, Any]
    policy: WindowPolicy
    channel: str
    now: datetime

    @property
    def rule(self) -> DayRule:
        """How instants become business dates here."""
        return DayRule(self.timezone, self.closeout)

    @property
    def today(self) -> date:
        """The business date under way."""
        return self.rule.day(self.now)

    @property
    def money_age(self) -> timedelta:
        """How old a verdict about money may be."""
        return timedelta(minutes=self.policy.gates.max_age_minutes)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query with positional values."""
        return self.connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> tuple[Any, ...]:
        """The one row of an aggregate."""
        found = self.connection.execute(statement, values).fetchone()
        assert found is not None
        return found

    def read_until(self, families: tuple[str, ...]) -> datetime | None:
        """Up to which instant the POS was read, of families that any of ``families`` stands for."""
        found: datetime | None = self.row(
            "SELECT max(read_until) FROM migration.follows WHERE migration_id = %s AND family = ANY(%s) AND outcome = ANY(%s)",
            self.migration_id,
            list(families),
            READ,
        )[0]
        return found


def open_case(connection: Connection, migration_id: int, channel: str, now: datetime) -> Case:
    """The case of a migration with a window. ``Refused`` without one, ``BadInput`` for a channel there is not."""
    if channel not in CHANNELS:
        raise BadInput(f"{channel!r} is not a channel that is switched.", f"There are {', '.join(CHANNELS)}.")
    if now.tzinfo is None:
        raise BadInput("An instant needs its time zone.", "Give business time as an aware instant.")
    row = (
        connection.cursor(row_factory=dict_row)
        .execute(
            """
            SELECT m.integration_id, m.restaurant_id, i.pos, w.*, l.id AS location_id, r.currency AS own_currency,
                   coalesce(l.timezone, r.timezone) AS timezone, l.currency,
                   coalesce(m.options #>> '{history,closeout}', l.business_day_cutover_time, '00:00') AS closeout
            FROM migration.windows w JOIN migration.migrations m ON m.id = w.migration_id
            JOIN migration.integrations i ON i.id = m.integration_id
            JOIN migration.locations k ON k.key = w.location_key
            JOIN aura.restaurants r ON r.id = m.restaurant_id
            LEFT JOIN migration.crosswalk c ON c.integration_id = m.integration_id AND c.entity = 'locations'
                 AND c.source_key = k.source_id AND c.is_active
            LEFT JOIN aura.locations l ON l.id = c.aura_id
            WHERE w.migration_id = %s
            """,
            [migration_id],
        )
        .fetchone()
    )
    if row is None:
        raise Refused(
            f"Migration {migration_id} has no parallel window.",
            f"`aura-migration window open {migration_id}` opens one once the migration is verified.",
        )
    hours, _, minutes = str(row["closeout"]).partition(":")
    return Case(
        connection=connection,
        migration_id=migration_id,
        integration_id=row["integration_id"],
        restaurant_id=row["restaurant_id"],
        pos=row["pos"],
        location_key=row["location_key"],
        location_id=row["location_id"],
        timezone=row["timezone"],
        closeout=timedelta(hours=int(hours), minutes=int(minutes or 0)),
        currency=row["currency"] or row["own_currency"],
        phase=row["phase"],
        opened_at=row["opened_at"],
        first_day=row["first_day"],
        is_pilot=row["is_pilot"],
        contact=row["contact"],
        policy=parse_policy(row["policy"], f"policy of the window of migration {migration_id}"),
        channel=channel,
        now=now.astimezone(UTC),
    )
