"""Whether the people of a location can work with AuraConnect: a role, a sign-in of their own, the sheet confirmed.

Everyone with a shift in the last days is asked about. Where the POS tells no shifts, whoever took an order in that time is.
No name leaves this module but the staff member's own, which the restaurant knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.rows import class_row

from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection

LACKS = {
    "role": "without a role",
    "sign_in": "without a sign-in of their own",
    "sheet": "without having confirmed the sheet",
}


@dataclass(frozen=True)
class Colleague:
    """One person at work since ``since``. ``lacks``: of role, sign_in, sheet what is not there yet."""

    staff_id: int
    name: str
    last_on: date
    has_role: bool
    has_sign_in: bool
    has_sheet: bool

    @property
    def lacks(self) -> tuple[str, ...]:
        """What stands between the person and the till."""
        there = {"role": self.has_role, "sign_in": self.has_sign_in, "sheet": self.has_sheet}
        return tuple(name for name, is_there in there.items() if not is_there)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "staff_id": self.staff_id,
            "name": self.name,
            "last_on": self.last_on.isoformat(),
            "lacks": list(self.lacks),
        }


@dataclass(frozen=True)
class Crew:
    """Who worked. ``unknown`` counts shifts of people AuraConnect does not have; ``source`` is shifts, orders or empty."""

    people: tuple[Colleague, ...]
    unknown: int
    source: str

    @property
    def unready(self) -> list[Colleague]:
        """Those who lack something."""
        return [one for one in self.people if one.lacks]


def crew(connection: Connection, migration_id: int, location_id: int, today: date, days: int) -> Crew:
    """Everyone at work at the location in the ``days`` business dates up to ``today``, with what they lack."""
    since = today - timedelta(days=days - 1)
    for source, table, at_work in (("shifts", "attendance_logs", "true"), ("orders", "orders", "NOT t.is_voided")):
        people = _people(connection, migration_id, location_id, since, today, table, at_work)
        unknown = connection.execute(
            f"SELECT count(*) FROM aura.{table} t WHERE t.location_id = %s AND t.business_date BETWEEN %s AND %s "
            f"AND t.deleted_at IS NULL AND {at_work} AND NOT EXISTS (SELECT 1 FROM aura.staff_members s WHERE s.id = t.staff_id)",
            [location_id, since, today],
        ).fetchone()
        assert unknown is not None
        if people:
            # An order without a name is no person: many POS take orders online by themselves.
            return Crew(tuple(people), int(unknown[0]) if source == "shifts" else 0, source)
        if source == "shifts" and unknown[0]:
            return Crew((), int(unknown[0]), source)
    return Crew((), 0, "")


def confirm_sheet(
    connection: Connection,
    migration_id: int,
    staff_id: int,
    by: str,
    now: datetime,
    *,
    sheet_hash: str = "",
    training_id: int | None = None,
) -> None:
    """A staff member has read the sheet "what moved where". ``training_id``: the passed training that shows it, if there is one.

    Confirmed twice, the later stands. ``BadInput`` for somebody who does not work for the restaurant, or a training not passed.
    """
    known = connection.execute(
        "SELECT 1 FROM aura.staff_members s JOIN migration.migrations m ON m.restaurant_id = s.restaurant_id "
        "WHERE m.id = %s AND s.id = %s AND s.deleted_at IS NULL",
        [migration_id, staff_id],
    ).fetchone()
    if known is None:
        raise BadInput(f"Staff member {staff_id} does not work here.", "AuraConnect lists who does.")
    if training_id is not None:
        passed = connection.execute(
            "SELECT is_passed FROM migration.trainings WHERE id = %s AND migration_id = %s", [training_id, migration_id]
        ).fetchone()
        if passed is None or not passed[0]:
            raise BadInput(f"Training {training_id} was not passed.", "Let them answer the tasks again.")
    connection.execute(
        "INSERT INTO migration.staff_confirmations (migration_id, staff_id, sheet_hash, training_id, confirmed_by, confirmed_at) "
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (migration_id, staff_id) DO UPDATE SET sheet_hash = excluded.sheet_hash, "
        "training_id = excluded.training_id, confirmed_by = excluded.confirmed_by, confirmed_at = excluded.confirmed_at",
        [migration_id, staff_id, sheet_hash, training_id, by, now],
    )


def _people(
    connection: Connection, migration_id: int, location_id: int, since: date, today: date, table: str, at_work: str
) -> list[Colleague]:
    # A training counts for whom it names: by the code or the number the restaurant knows the person by, if that is one person.
    with connection.cursor(row_factory=class_row(Colleague)) as cursor:
        return cursor.execute(
            f"""
            WITH worked AS (
                SELECT t.staff_id, max(t.business_date) AS last_on FROM aura.{table} t
                WHERE t.location_id = %(location)s AND t.business_date BETWEEN %(since)s AND %(today)s
                  AND t.deleted_at IS NULL AND {at_work} GROUP BY 1
            ), trained AS (
                SELECT min(s.id) AS staff_id FROM migration.trainings g JOIN aura.staff_members s
                ON s.deleted_at IS NULL AND g.trainee IN (s.employee_code, s.id::text)
                JOIN migration.migrations m ON m.id = g.migration_id AND m.restaurant_id = s.restaurant_id
                WHERE g.migration_id = %(migration)s AND g.is_passed GROUP BY g.id HAVING count(*) = 1
            )
            SELECT s.id AS staff_id, s.name, w.last_on,
                   EXISTS (SELECT 1 FROM aura.roles r WHERE r.is_active AND r.deleted_at IS NULL AND (r.id = s.role_id OR r.id IN (
                       SELECT j.role_id FROM aura.staff_jobs j WHERE j.staff_id = s.id AND j.is_active AND j.deleted_at IS NULL)))
                       AS has_role,
                   NOT s.needs_sign_in AS has_sign_in,
                   s.id IN (SELECT staff_id FROM trained) OR EXISTS (
                       SELECT 1 FROM migration.staff_confirmations f WHERE f.migration_id = %(migration)s AND f.staff_id = s.id)
                       AS has_sheet
            FROM worked w JOIN aura.staff_members s ON s.id = w.staff_id ORDER BY s.name, s.id
            """,
            {"location": location_id, "since": since, "today": today, "migration": migration_id},
        ).fetchall()
