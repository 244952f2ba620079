"""A location in its parallel window with everything a switch asks for, planted by SQL: tests take one thing away at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.cutover.gates import GateResult, measure_gates
from aura_migration_tests.support.menus import make_subject
from aura_migration_tests.support.sales import Line, Till

NOW = datetime.fromisoformat("2026-03-02T10:00:00+00:00")
"""Five in the morning in New York, a Monday; the close-out is at 04:00."""
FIRST_DAY = date(2026, 2, 20)
LAST_DAY = date(2026, 3, 1)
VERDICT = (
    "tax_match",
    "gift_cards_conserved",
    "loyalty_conserved",
    "prices_agree_to_the_cent",
    "every_item_is_accounted_for",
)


@dataclass
class Planted:
    """The window of migration ``migration`` at location ``location`` of AuraConnect."""

    connection: psycopg.Connection[Any]
    till: Till
    staff: int
    role: int

    @property
    def migration(self) -> int:
        return int(self.till.subject.migration_id)

    @property
    def location(self) -> int:
        return int(self.till.location)

    @property
    def integration(self) -> int:
        return int(self.till.subject.integration_id)

    def run(self, statement: str, *values: Any) -> psycopg.Cursor[Any]:
        """Execute a statement with positional values."""
        return self.connection.execute(statement, values)

    def one(self, statement: str, *values: Any) -> Any:
        """The first column of the first row."""
        row = self.connection.execute(statement, values).fetchone()
        return row[0] if row else None

    def policy(self, **document: Any) -> None:
        """Another policy of the window."""
        self.run("UPDATE migration.windows SET policy = %s WHERE migration_id = %s", Jsonb(document), self.migration)

    def gates(self, channel: str = "in_house", now: datetime = NOW) -> dict[str, GateResult]:
        """Every gate of a channel by name."""
        return {one.name: one for one in measure_gates(self.connection, self.migration, channel, now)}

    def gate(self, name: str, channel: str = "in_house", now: datetime = NOW) -> GateResult:
        """One gate of a channel."""
        return self.gates(channel, now)[name]

    def day(self, day: date, verdict: str = "clean", **figures: Any) -> None:
        """What is stored of a business date, in place of what was."""
        values = {
            "verdict": verdict,
            "is_final": verdict != "pending",
            "closes_at": datetime(day.year, day.month, day.day, 9, tzinfo=NOW.tzinfo) + timedelta(days=1),
            "final_at": datetime(day.year, day.month, day.day, 9, 30, tzinfo=NOW.tzinfo) + timedelta(days=4),
            "judged_at": NOW - timedelta(hours=1),
            "gross_cents": 0 if verdict == "closed" else 100_000,
            **figures,
        }
        self.run(
            "DELETE FROM migration.parallel_days WHERE migration_id = %s AND business_date = %s", self.migration, day
        )
        names = ", ".join(values)
        places = ", ".join(["%s"] * (len(values) + 2))
        self.run(
            f"INSERT INTO migration.parallel_days (migration_id, business_date, {names}) VALUES ({places})",
            self.migration,
            day,
            *values.values(),
        )

    def verified(
        self, name: str, passed: bool | None, value: str = "", at: datetime | None = None, **evidence: Any
    ) -> None:
        """What verification said of a check."""
        self.run(
            "INSERT INTO migration.gates (migration_id, name, passed, value, evidence, measured_at) VALUES (%s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (migration_id, name) DO UPDATE SET passed = excluded.passed, value = excluded.value, "
            "evidence = excluded.evidence, measured_at = excluded.measured_at",
            self.migration,
            name,
            passed,
            value,
            Jsonb(evidence),
            at or NOW - timedelta(minutes=20),
        )

    def followed(
        self, family: str = "all", outcome: str = "nothing", at: datetime | None = None, problem: str = ""
    ) -> None:
        """A reading of the POS that ended."""
        moment = at or NOW - timedelta(minutes=5)
        self.run(
            "INSERT INTO migration.follows (migration_id, family, caused_by, began_at, ended_at, read_until, outcome, problem) "
            "VALUES (%s, %s, 'schedule', %s, %s, %s, %s, %s)",
            *(self.migration, family, moment, moment, None if outcome == "failed" else moment, outcome, problem),
        )

    def sign(self, channel: str, by: str, gates_hash: str) -> None:
        """Somebody's signature."""
        self.run(
            "INSERT INTO migration.switch_approvals (migration_id, channel, direction, signed_by, gates_hash, signed_at) "
            "VALUES (%s, %s, 'forward', %s, %s, %s) ON CONFLICT (migration_id, channel, direction, signed_by, used_by) "
            "DO UPDATE SET gates_hash = excluded.gates_hash",
            *(self.migration, channel, by, gates_hash, NOW),
        )

    def location_beside(self, source_id: str, phase: str | None) -> int:
        """Another location of the same account, with a window in that phase or without one."""
        subject = make_subject(self.connection, self.integration, source_id)
        if phase is not None:
            self.run(
                "INSERT INTO migration.windows (migration_id, location_key, phase, opened_at, first_day, opened_by) "
                "VALUES (%s, %s, %s, %s, %s, 'ana')",
                *(subject.migration_id, subject.location_key, phase, NOW - timedelta(days=9), FIRST_DAY),
            )
        return int(subject.migration_id)

    def gift_card(self, owner: str | None, difference: int | None = 0, at: datetime | None = None) -> None:
        """One imported card of 25.00, who redeems it, and what its ledger says (None: nothing)."""
        card = self.one(
            "INSERT INTO aura.gift_cards (restaurant_id, code_hash, hash_key_id, balance_cents, currency, status, source_vendor, "
            "source_id) VALUES (%s, 'h', 'k1', 2500, 'USD', 'pending', 'square', 'C1') RETURNING id",
            self.till.restaurant,
        )
        self.run(
            "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
            "first_migration_id, last_migration_id) VALUES (%s, %s, 'gift_cards', 'C1', 'gift_cards', %s, 1, 1)",
            *(self.till.restaurant, self.integration, card),
        )
        if difference is not None:
            self.run(
                "INSERT INTO migration.liability_ledger (integration_id, class, subject_key, unit, source_closing, aura_closing, "
                "difference, migration_id, measured_at) VALUES (%s, 'gift_cards', 'C1', 'USD', 2500, 2500 + %s, %s, %s, %s)",
                *(self.integration, difference, difference, self.migration, at or NOW - timedelta(minutes=20)),
            )
        if owner is not None:
            self.owner(owner)

    def owner(self, owner: str) -> None:
        """Who redeems gift cards."""
        self.run(
            "INSERT INTO migration.liability_owners (integration_id, class, owner, since, changed_by) "
            "VALUES (%s, 'gift_cards', %s, %s, 'ana') ON CONFLICT (integration_id, class) DO UPDATE SET owner = excluded.owner",
            *(self.integration, owner, NOW),
        )


def plant_window(connection: psycopg.Connection[Any], contact: Mapping[str, Any] | None = None) -> Planted:
    """A window of ten clean days whose in-house switch nothing stands in the way of but the signatures."""
    till = Till(connection)
    run = connection.execute
    migration = till.subject.migration_id
    run("UPDATE aura.locations SET business_day_cutover_time = '04:00' WHERE id = %s", [till.location])
    run(
        "INSERT INTO migration.windows (migration_id, location_key, opened_at, first_day, contact, opened_by) "
        "VALUES (%s, %s, %s, %s, %s, 'ana')",
        [
            *(migration, till.subject.location_key, NOW - timedelta(days=10), FIRST_DAY),
            Jsonb(dict(contact or {"name": "Mira Voss", "phone": "+1 555 0100"})),
        ],
    )
    planted = Planted(connection, till, 0, 0)
    for number in range((LAST_DAY - FIRST_DAY).days + 1):
        planted.day(FIRST_DAY + timedelta(days=number))
    for name in VERDICT:
        planted.verified(name, True, "ok")
    planted.verified("orders_replay_identically", True, "2,000 orders", orders=2000, unexplained=0, cents=0)
    planted.followed()
    for dimension, name, seen in (("tender", "cash", 30), ("tax", "Sales tax", 90), ("daypart", "evening", 12)):
        run(
            "INSERT INTO migration.coverage (migration_id, dimension, name, expected, seen, measured_at) VALUES (%s, %s, %s, 40, %s, %s)",
            [migration, dimension, name, seen, NOW - timedelta(hours=1)],
        )
    for name in ("order_flow", "inventory"):
        run(
            "INSERT INTO migration.integration_tests (migration_id, name, passed, value, ran_at, ran_by) "
            "VALUES (%s, %s, true, 'ok', %s, 'ana')",
            [migration, name, NOW - timedelta(days=1)],
        )
    run(
        "INSERT INTO migration.rehearsals (migration_id, level, passed, rehearsed_at, rehearsed_by) VALUES (%s, 'A', true, %s, 'ana')",
        [migration, NOW - timedelta(days=2)],
    )
    _staff(planted)
    _sales(till)
    return planted


def _staff(planted: Planted) -> None:
    planted.role = planted.one(
        "INSERT INTO aura.roles (restaurant_id, name) VALUES (%s, 'Server') RETURNING id", planted.till.restaurant
    )
    planted.staff = worker(planted, "Ada", LAST_DAY)


def worker(planted: Planted, name: str, day: date, *, is_ready: bool = True) -> int:
    """Somebody with a shift on a day; ready for AuraConnect or not."""
    number = planted.one(
        "INSERT INTO aura.staff_members (restaurant_id, name, employee_code, role_id, needs_sign_in) VALUES (%s, %s, %s, %s, %s) RETURNING id",
        *(planted.till.restaurant, name, f"E-{name}", planted.role if is_ready else None, not is_ready),
    )
    planted.run(
        "INSERT INTO aura.attendance_logs (restaurant_id, location_id, staff_id, check_in, business_date, method, status) "
        "VALUES (%s, %s, %s, %s, %s, 'imported', 'checked_out')",
        *(planted.till.restaurant, planted.location, number, day, day),
    )
    if is_ready:
        planted.run(
            "INSERT INTO migration.staff_confirmations (migration_id, staff_id, confirmed_by, confirmed_at) VALUES (%s, %s, 'ana', %s)",
            *(planted.migration, number, NOW),
        )
    return int(number)


def _sales(till: Till) -> None:
    """Eight weeks of lunch and dinner, each day of the week: 11 to 14 and 18 to 22 on the clock in New York."""
    first = NOW.date() - timedelta(days=55)
    for number in range(55):
        day = first + timedelta(days=number)
        for hour in (11, 12, 13, 18, 19, 20, 21):
            till.check(
                str(day),
                [Line(2_000)],
                opened_at=f"{day} {hour}:10-05",
                closed_at=f"{day} {hour}:50-05",
                channel="in_house",
            )
    till.flush()
