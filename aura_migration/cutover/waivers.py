"""Waivers: somebody who may approve answers for a gate that says no, with a reason, an amount and an end.

A waiver changes no verdict: the gate is shown as waived, with its number. It does not count past its expiry, nor where more money
is at stake than it was given for. What belongs to guests or to the tax office cannot be waived at all, nor can what only
measuring again or waiting would change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg.rows import class_row

from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection

WAIVABLE: Final = frozenset(
    {
        *("clean_days", "no_day_missing", "coverage", "no_drift", "replay_verdict", "verdict_passed", "staff_ready"),
        *("open_checks", "unsettled_batches", "drawers_closed", "future_orders_decided", "integration_tests"),
        *("pilot_first", "support_contact"),
    }
)
NEVER: Final = {
    "liability_conserved": "What guests are owed is theirs: nobody can answer for it.",
    "liability_shared": "What guests are owed is theirs: nobody can answer for it.",
    "tax_exact": "Tax is owed to the authorities: nobody can answer for a wrong one.",
    "reverse_rehearsed": "Without a proven way back there is no switch: rehearse it.",
    "freshness": "Read the POS again; that takes minutes.",
    "backlog": "Follow the POS, or allow a backlog in the window's policy.",
    "outside_service_hours": "Force the switch with a reason instead; it is shown with it.",
    "two_people": "The policy of the window says how many people sign.",
    "no_leftover": "End what was left over first.",
    "pos_report_agreed": "It stops nothing.",
}
LONGEST: Final = timedelta(days=31)


@dataclass(frozen=True)
class Waiver:
    """One waiver. ``amount_cents`` is the most that may be at stake; instants are aware."""

    id: int
    migration_id: int
    gate: str
    reason: str
    amount_cents: int
    expires_at: datetime
    approved_by: str
    approved_at: datetime
    ended_at: datetime | None
    ended_by: str | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "id": self.id,
            "gate": self.gate,
            "reason": self.reason,
            "amount_cents": self.amount_cents,
            "expires_at": self.expires_at.astimezone(UTC).isoformat(),
            "approved_by": self.approved_by,
            "approved_at": self.approved_at.astimezone(UTC).isoformat(),
            "ended_at": self.ended_at.astimezone(UTC).isoformat() if self.ended_at else None,
            "ended_by": self.ended_by,
        }


_COLUMNS = "id, migration_id, gate, reason, amount_cents, expires_at, approved_by, approved_at, ended_at, ended_by"


def waive(
    connection: Connection,
    migration_id: int,
    gate: str,
    by: str,
    reason: str,
    amount_cents: int,
    expires_at: datetime,
    now: datetime,
) -> Waiver:
    """Waive a gate until ``expires_at`` (aware, at most 31 days ahead); an earlier waiver of the gate ends.

    Who may approve is the caller's to ask. ``Refused`` for a gate that is never waived, ``BadInput`` without a reason.
    """
    if gate in NEVER:
        raise Refused(f"Gate {gate} cannot be waived.", NEVER[gate], gate=gate)
    if gate not in WAIVABLE:
        raise BadInput(f"There is no gate {gate!r}.", f"There are {', '.join(sorted(WAIVABLE))}.")
    if not reason.strip() or not by.strip():
        raise BadInput("A waiver needs who approves it and a reason.", "Say why the gate may be passed.")
    if amount_cents < 0:
        raise BadInput("A waiver is given for an amount of 0 or more.", "Say how much money may be at stake.")
    if expires_at.tzinfo is None or not now < expires_at <= now + LONGEST:
        raise BadInput(
            "A waiver ends within 31 days, and not before it begins.",
            "Give an instant with its time zone in that span.",
        )
    if connection.execute("SELECT 1 FROM migration.windows WHERE migration_id = %s", [migration_id]).fetchone() is None:
        raise Refused(
            f"Migration {migration_id} has no parallel window.",
            f"`aura-migration window open {migration_id}` opens one once the migration is verified.",
        )
    with connection.transaction():
        connection.execute(
            "UPDATE migration.waivers SET ended_at = %s, ended_by = %s WHERE migration_id = %s AND gate = %s AND ended_at IS NULL",
            [now, by, migration_id, gate],
        )
        with connection.cursor(row_factory=class_row(Waiver)) as cursor:
            made = cursor.execute(
                "INSERT INTO migration.waivers (migration_id, gate, reason, amount_cents, expires_at, approved_by, approved_at) "
                f"VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
                [migration_id, gate, reason.strip(), amount_cents, expires_at, by, now],
            ).fetchone()
    assert made is not None
    return made


def end_waiver(connection: Connection, migration_id: int, waiver_id: int, by: str, now: datetime) -> None:
    """Take a waiver back; one that has ended already stays as it is."""
    done = connection.execute(
        "UPDATE migration.waivers SET ended_at = coalesce(ended_at, %s), ended_by = coalesce(ended_by, %s) "
        "WHERE id = %s AND migration_id = %s",
        [now, by, waiver_id, migration_id],
    )
    if not done.rowcount:
        raise BadInput(
            f"Migration {migration_id} has no waiver {waiver_id}.",
            f"`aura-migration cutover gates {migration_id}` lists them.",
        )


def active_waivers(connection: Connection, migration_id: int, now: datetime) -> dict[str, Waiver]:
    """The waivers that count at ``now``, by gate: neither ended nor expired."""
    with connection.cursor(row_factory=class_row(Waiver)) as cursor:
        found = cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.waivers WHERE migration_id = %s AND ended_at IS NULL AND expires_at > %s "
            "ORDER BY id",
            [migration_id, now],
        ).fetchall()
    return {one.gate: one for one in found}


def list_waivers(connection: Connection, migration_id: int) -> list[Waiver]:
    """Every waiver there was, oldest first."""
    with connection.cursor(row_factory=class_row(Waiver)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.waivers WHERE migration_id = %s ORDER BY id", [migration_id]
        ).fetchall()
