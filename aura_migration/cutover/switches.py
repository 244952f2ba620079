"""Switches as rows: one at a time per migration, its steps, and who signed for it.

A switch is at work while a process holds its lease, a lock of that process's database session. An open switch whose lease is
free belongs to a process that is gone: it is taken up again or aborted (``switching``, ``aborting``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, Refused
from aura_migration.core.ids import content_hash
from aura_migration.cutover.channels import require_turn
from aura_migration.cutover.phases import find_place, require_open
from aura_migration.database.connections import is_locked, try_session_lock, unlock

Connection = psycopg.Connection[Any]
Direction = Literal["forward", "back"]

STEPS: Final = ("asked", "gates_held", "paused", "drained", "numbered", "owned", "opened", "rechecked", "done")
"""Each is one transaction; a switch stands at the last that is done."""


@dataclass(frozen=True)
class Switch:
    """One switch of a channel. ``paused_at`` and ``resumed_at`` are real time, ``effective_at`` is business time."""

    id: int
    migration_id: int
    channel: str
    direction: str
    state: str
    step: str
    asked_by: str
    asked_at: datetime
    forced_reason: str
    paused_at: datetime | None
    resumed_at: datetime | None
    effective_at: datetime | None
    ended_at: datetime | None
    evidence: dict[str, Any]

    @property
    def is_paused(self) -> bool:
        """Whether nobody takes orders of the channel because of it."""
        return self.state == "open" and self.paused_at is not None and self.resumed_at is None

    @property
    def pause_seconds(self) -> float | None:
        """How long nobody took orders; None while that is not over, or never began."""
        if self.paused_at is None or self.resumed_at is None:
            return None
        return (self.resumed_at - self.paused_at).total_seconds()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "id": self.id,
            "migration_id": self.migration_id,
            "channel": self.channel,
            "direction": self.direction,
            "state": self.state,
            "step": self.step,
            "asked_by": self.asked_by,
            **{name: _text(getattr(self, name)) for name in _INSTANTS},
            "forced_reason": self.forced_reason,
            "pause_seconds": self.pause_seconds,
            "evidence": self.evidence,
        }


_INSTANTS = ("asked_at", "paused_at", "resumed_at", "effective_at", "ended_at")
_COLUMNS = (
    "id, migration_id, channel, direction, state, step, asked_by, asked_at, forced_reason, paused_at, resumed_at, "
    "effective_at, ended_at, evidence"
)


@dataclass(frozen=True)
class Signature:
    """What one person signed; ``used_by`` is the switch it was consumed by."""

    channel: str
    direction: str
    signed_by: str
    reason: str
    gates_hash: str
    signed_at: datetime
    used_by: int | None


def get_switch(connection: Connection, switch_id: int, *, lock: bool = False) -> Switch:
    """One switch; ``lock`` holds its row until the transaction ends."""
    with connection.cursor(row_factory=class_row(Switch)) as cursor:
        found = cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.switches WHERE id = %s" + (" FOR UPDATE" if lock else ""), [switch_id]
        ).fetchone()
    if found is None:
        raise Refused(f"There is no switch {switch_id}.", "`window show` lists the switches of a migration.")
    return found


def open_switch(connection: Connection, migration_id: int) -> Switch | None:
    """The switch that is under way, by a process that lives or one that is gone."""
    with connection.cursor(row_factory=class_row(Switch)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.switches WHERE migration_id = %s AND state = 'open'", [migration_id]
        ).fetchone()


def switches_of(connection: Connection, migration_id: int) -> list[Switch]:
    """Every switch of a migration, oldest first."""
    with connection.cursor(row_factory=class_row(Switch)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.switches WHERE migration_id = %s ORDER BY id", [migration_id]
        ).fetchall()


def steps_of(connection: Connection, switch_id: int) -> list[dict[str, Any]]:
    """The steps that are done, in order: number, name, at (real time), detail."""
    rows = connection.execute(
        "SELECT number, name, at, detail FROM migration.switch_steps WHERE switch_id = %s ORDER BY number", [switch_id]
    ).fetchall()
    return [{"number": number, "name": name, "at": at, "detail": detail} for number, name, at, detail in rows]


def note_step(connection: Connection, switch_id: int, name: str, detail: dict[str, Any]) -> None:
    """Write a step down; inside the transaction that did it."""
    connection.execute(
        "INSERT INTO migration.switch_steps (switch_id, number, name, detail) "
        "SELECT %(id)s, 1 + count(*), %(name)s, %(detail)s FROM migration.switch_steps WHERE switch_id = %(id)s",
        {"id": switch_id, "name": name, "detail": Jsonb(detail)},
    )


# The lease ------------------------------------------------------------------------------------------------------------


@contextmanager
def lease(connection: Connection, migration_id: int) -> Iterator[None]:
    """Be the one process that switches this migration. ``Refused`` while another is; its death frees the lease.

    The connection has to be in autocommit mode: each step is a transaction of its own.
    """
    if not connection.autocommit or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        raise BadInput("A switch needs a connection of its own in autocommit mode.", "Open one for it.")
    name = lease_name(migration_id)
    if not try_session_lock(connection, name):
        raise Refused(
            f"Another process is switching migration {migration_id} at this moment.",
            "Wait for it; `abort` stops it at its next step.",
            migration_id=migration_id,
        )
    try:
        yield
    finally:
        if not connection.closed:
            unlock(connection, name)


def lease_name(migration_id: int) -> str:
    """The name of the lock."""
    return f"aura:switch:{migration_id}"


def is_at_work(connection: Connection, migration_id: int) -> bool:
    """Whether a living process switches the migration now."""
    return is_locked(connection, lease_name(migration_id))


# Signatures -----------------------------------------------------------------------------------------------------------


def sign_switch(
    connection: Connection, migration_id: int, channel: str, direction: str, by: str, reason: str, gates_hash: str
) -> None:
    """Sign for one switch under exactly these gates: with other verdicts, or a second time, it does not count.

    ``gates_hash`` is what :func:`cutover.gates.require_gates` answers, or :func:`back_hash` for the way back. Signing again
    replaces one's own signature that was not used yet.
    """
    if direction not in ("forward", "back"):
        raise BadInput(f"{direction!r} is no direction of a switch.", "There are forward and back.")
    if not by.strip() or not gates_hash:
        raise BadInput("A signature names who signs and which gates.", "Give both.")
    with connection.transaction():
        place = find_place(connection, migration_id, lock=True)
        require_open(place)
        if direction == "forward":
            require_turn(connection, place, channel, direction)
        connection.execute(
            "INSERT INTO migration.switch_approvals (migration_id, channel, direction, signed_by, reason, gates_hash) "
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (migration_id, channel, direction, signed_by, used_by) "
            "DO UPDATE SET reason = excluded.reason, gates_hash = excluded.gates_hash, signed_at = clock_timestamp()",
            [migration_id, channel, direction, by.strip(), reason, gates_hash],
        )


def signatures(connection: Connection, migration_id: int, channel: str, direction: str) -> list[Signature]:
    """Signatures that were not used yet, oldest first."""
    with connection.cursor(row_factory=class_row(Signature)) as cursor:
        return cursor.execute(
            "SELECT channel, direction, signed_by, reason, gates_hash, signed_at, used_by FROM migration.switch_approvals "
            "WHERE migration_id = %s AND channel = %s AND direction = %s AND used_by IS NULL ORDER BY id",
            [migration_id, channel, direction],
        ).fetchall()


def require_signatures(
    connection: Connection, migration_id: int, channel: str, direction: str, gates_hash: str, people: int
) -> list[str]:
    """Who signed for exactly this, in order of their names. ``Refused`` where fewer than ``people`` did."""
    found = signatures(connection, migration_id, channel, direction)
    fitting = sorted({s.signed_by for s in found if s.gates_hash == gates_hash})
    if len(fitting) < people:
        others = len({s.signed_by for s in found} - set(fitting))
        moved = f" {others} signed under other verdicts." if others else ""
        raise Refused(
            f"{len(fitting)} of {people} people signed to switch {channel} {direction}.{moved}",
            f"Let {people} different people sign {gates_hash[:12]}; a signature counts once.",
            signed_by=fitting,
            gates_hash=gates_hash,
        )
    return fitting


def consume_signatures(connection: Connection, switch: Switch, gates_hash: str, people: int) -> list[str]:
    """Take the signatures for a switch, in its transaction; answers who signed. ``Refused`` where there are too few."""
    fitting = require_signatures(connection, switch.migration_id, switch.channel, switch.direction, gates_hash, people)
    connection.execute(
        "UPDATE migration.switch_approvals SET used_by = %s WHERE migration_id = %s AND channel = %s AND direction = %s "
        "AND used_by IS NULL AND gates_hash = %s",
        [switch.id, switch.migration_id, switch.channel, switch.direction, gates_hash],
    )
    return fitting


def back_hash(connection: Connection, migration_id: int, channel: str) -> str:
    """What is signed to give a channel back: this ownership and no later one. No gate stands in the way of a way back."""
    place = find_place(connection, migration_id)
    row = connection.execute(
        "SELECT id FROM migration.channel_ownership WHERE location_key = %s AND channel = %s ORDER BY from_at DESC LIMIT 1",
        [place.location_key, channel],
    ).fetchone()
    return content_hash(["back", migration_id, channel, row[0] if row else None])


def _text(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat() if instant else None
