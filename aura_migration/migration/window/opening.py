"""Opening a window, extending it, naming who answers for it; and the window as a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aura_migration.canonical.window import WindowPolicy, parse_policy
from aura_migration.core.errors import BadInput, Refused
from aura_migration.cutover.channels import close_channels, require_no_leftover
from aura_migration.cutover.phases import cancel
from aura_migration.database.connections import Connection, transaction_lock
from aura_migration.migration.dating import aura_location, history_rules
from aura_migration.migration.integrations import get_location
from aura_migration.migration.records import Migration, get_migration
from aura_migration.migration.states import transition
from aura_migration.migration.workshop import Workshop

CONTACT_FIELDS = ("name", "phone", "email", "hours", "second")


@dataclass(frozen=True)
class Window:
    """The parallel window of one migration. ``first_day`` is the first business date compared; instants are aware, UTC."""

    migration_id: int
    location_key: str
    phase: str
    opened_at: datetime
    first_day: date
    planned_days: int
    is_pilot: bool
    policy: dict[str, Any]
    contact: dict[str, Any]
    opened_by: str
    ended_at: datetime | None
    ending: str | None
    ending_reason: str

    @property
    def rules(self) -> WindowPolicy:
        """The policy as a model."""
        return parse_policy(self.policy, f"policy of the window of migration {self.migration_id}")

    @property
    def last_day(self) -> date:
        """The last business date it is planned for."""
        return self.first_day + timedelta(days=self.planned_days - 1)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, dates and instants as ISO 8601."""
        return {
            "migration_id": self.migration_id,
            "location": self.location_key,
            "phase": self.phase,
            "opened_at": self.opened_at.astimezone(UTC).isoformat(),
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "planned_days": self.planned_days,
            "is_pilot": self.is_pilot,
            "policy": self.rules.model_dump(mode="json", by_alias=True),
            "contact": self.contact,
            "opened_by": self.opened_by,
            "ended_at": self.ended_at.astimezone(UTC).isoformat() if self.ended_at else None,
            "ending": self.ending,
            "ending_reason": self.ending_reason,
        }


_COLUMNS = (
    "migration_id, location_key, phase, opened_at, first_day, planned_days, is_pilot, policy, contact, opened_by, ended_at, "
    "ending, ending_reason"
)


def find_window(connection: Connection, migration_id: int) -> Window | None:
    """The window of a migration, open or ended; None where none was opened."""
    with connection.cursor(row_factory=class_row(Window)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.windows WHERE migration_id = %s", [migration_id]
        ).fetchone()


def get_window(connection: Connection, migration_id: int) -> Window:
    """The window of a migration; ``Refused`` where none was opened."""
    found = find_window(connection, migration_id)
    if found is None:
        raise Refused(
            f"Migration {migration_id} has no parallel window.",
            f"`aura-migration window open {migration_id}` opens one once the migration is verified.",
        )
    return found


def open_windows(connection: Connection) -> list[Window]:
    """Every window that has not ended, in the order of their locations' keys."""
    with connection.cursor(row_factory=class_row(Window)) as cursor:
        return cursor.execute(
            f'SELECT {_COLUMNS} FROM migration.windows WHERE ended_at IS NULL ORDER BY location_key COLLATE "C"'
        ).fetchall()


def unsettled_windows(connection: Connection, since: datetime) -> list[Window]:
    """Windows that ended at ``since`` or later with dates that are not final, or not judged at all."""
    with connection.cursor(row_factory=class_row(Window)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.windows w WHERE ended_at >= %s AND (SELECT count(*) FROM migration.parallel_days d "
            "WHERE d.migration_id = w.migration_id AND d.is_final AND d.business_date >= w.first_day) "
            # The zone of the location is not asked for here: a date too many is looked at and found final.
            "< least(w.planned_days, (w.ended_at + interval '14 hours')::date - w.first_day + 1) "
            'ORDER BY location_key COLLATE "C"',
            [since],
        ).fetchall()


def open_window(
    workshop: Workshop,
    migration_id: int,
    by: str,
    *,
    first_day: date | None = None,
    planned_days: int = 30,
    policy: WindowPolicy | None = None,
    contact: Mapping[str, Any] | None = None,
    is_pilot: bool = False,
) -> Window:
    """Begin to run both systems side by side: the POS keeps every channel, AuraConnect takes no order there yet.

    ``first_day`` is by default the business date that has begun. Opening an open window again changes nothing.
    ``Refused`` unless the migration's verdict passed.
    """
    if not 1 <= planned_days <= 366:
        raise BadInput(
            f"A window of {planned_days} days is none.", "Plan 1 to 366 days; 30 is usual, and it can be extended."
        )
    with workshop.connect() as connection, connection.transaction():
        migration = get_migration(connection, migration_id)
        transaction_lock(connection, f"aura:window:{migration.location_key}")
        found = find_window(connection, migration_id)
        if found is not None and found.ended_at is None:
            return found
        _require_proven(connection, migration)
        location = get_location(connection, migration.location_key)
        place = aura_location(connection, migration)
        if place is None:
            raise Refused(
                f"{migration.location_key} is not in AuraConnect.", f"`aura-migration run {migration_id}` loads it."
            )
        require_no_leftover(connection, migration.location_key, place, migration_id)
        now = workshop.now()
        rules = history_rules(workshop.connector(migration.subject.pos), location.source, migration.parsed_options)
        connection.execute("DELETE FROM migration.windows WHERE migration_id = %s", [migration_id])
        connection.execute(
            "INSERT INTO migration.windows (migration_id, location_key, opened_at, first_day, planned_days, is_pilot, policy, "
            "contact, opened_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                migration_id,
                migration.location_key,
                now,
                first_day or rules.day(now),
                planned_days,
                is_pilot,
                Jsonb((policy or WindowPolicy()).model_dump(mode="json", by_alias=True)),
                Jsonb(_contact(contact or {})),
                by,
            ],
        )
        close_channels(connection, place)
        transition(connection, migration_id, "parallel", by, f"window of {planned_days} days opened")
        return get_window(connection, migration_id)


def extend_window(connection: Connection, migration_id: int, days: int, by: str, reason: str) -> Window:
    """Let an open window last so many more days; ``BadInput`` for less than one."""
    if days < 1:
        raise BadInput(f"A window is not extended by {days} days.", "Give a number of days above 0.")
    with connection.transaction():
        window = get_window(connection, migration_id)
        _require_open(window)
        if window.planned_days + days > 366:
            raise BadInput(
                f"{window.planned_days + days} days are more than a window may last.", "At most 366 days in all."
            )
        connection.execute(
            "UPDATE migration.windows SET planned_days = planned_days + %s WHERE migration_id = %s",
            [days, migration_id],
        )
        _note(connection, migration_id, by, f"window extended by {days} days: {reason}")
        return get_window(connection, migration_id)


def name_contact(connection: Connection, migration_id: int, contact: Mapping[str, Any], by: str) -> Window:
    """Say who answers for the migration, by day and by night."""
    with connection.transaction():
        _require_open(get_window(connection, migration_id))
        connection.execute(
            "UPDATE migration.windows SET contact = %s WHERE migration_id = %s",
            [Jsonb(_contact(contact)), migration_id],
        )
        _note(connection, migration_id, by, f"support contact: {contact.get('name', '')}")
        return get_window(connection, migration_id)


def set_policy(connection: Connection, migration_id: int, policy: WindowPolicy, by: str, reason: str) -> Window:
    """Replace the policy of an open window. What was judged by the old one stays until it is judged anew."""
    with connection.transaction():
        _require_open(get_window(connection, migration_id))
        connection.execute(
            "UPDATE migration.windows SET policy = %s WHERE migration_id = %s",
            [Jsonb(policy.model_dump(mode="json", by_alias=True)), migration_id],
        )
        _note(connection, migration_id, by, f"policy of the window changed: {reason}")
        return get_window(connection, migration_id)


def end_window(workshop: Workshop, migration_id: int, by: str, reason: str) -> Window:
    """End a window before any channel was switched: what was migrated stands, the POS keeps everything."""
    with workshop.connect() as connection, connection.transaction():
        window = get_window(connection, migration_id)
        transaction_lock(connection, f"aura:window:{window.location_key}")
        _require_open(get_window(connection, migration_id))
        cancel(connection, migration_id, by, workshop.now(), reason)
        return get_window(connection, migration_id)


def _require_open(window: Window) -> None:
    if window.ended_at is not None:
        raise Refused(
            f"The window of migration {window.migration_id} ended ({window.ending}).", "Only an open window is changed."
        )


def _require_proven(connection: Connection, migration: Migration) -> None:
    if migration.state == "verified":
        return
    raise Refused(
        f"Migration {migration.id} is {migration.state}; both systems run side by side once its verdict has passed.",
        f"`aura-migration status {migration.id}` shows what can be done next.",
        state=migration.state,
    )


def _contact(told: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(told) - set(CONTACT_FIELDS))
    if unknown:
        raise BadInput(f"A contact has no {', '.join(unknown)}.", f"It has {', '.join(CONTACT_FIELDS)}.")
    if told and not str(told.get("name", "")).strip():
        raise BadInput("A contact has a name.", 'Give {"name": …, "phone": …}.')
    return dict(told)


def _note(connection: Connection, migration_id: int, by: str, reason: str) -> None:
    connection.execute(
        "INSERT INTO migration.transitions (migration_id, from_state, to_state, done_by, reason) "
        "SELECT id, state, state, %s, %s FROM migration.migrations WHERE id = %s",
        [by, reason, migration_id],
    )
