"""Switching a class of liabilities: freeze, read the POS once more, prove, take over.

Who owns a class is in ``cutover/liabilities.py``; here is the last reading between freeze and take-over.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aura_migration.core.errors import PlanMoved, Refused
from aura_migration.cutover.liabilities import CLASSES, Ownership, ownership, take_over
from aura_migration.database.connections import Connection
from aura_migration.migration import stages
from aura_migration.migration.planning import writes_of
from aura_migration.migration.records import get_migration
from aura_migration.migration.states import AFTER_LOAD, ENDED, STANDING
from aura_migration.migration.workshop import Workshop

GATE_OF = {
    "gift_cards": "gift_cards_conserved",
    "loyalty": "loyalty_conserved",
    "house_accounts": "house_accounts_conserved",
    "store_credit": "house_accounts_conserved",
}


def owners(workshop: Workshop, integration_id: int) -> list[Ownership]:
    """Every class of an integration with its owner."""
    with workshop.connect() as connection:
        return [ownership(connection, integration_id, name) for name in CLASSES]


def switch(workshop: Workshop, integration_id: int, liability: str, by: str, reason: str = "") -> Ownership:
    """Take a frozen class over: the POS is read again, nothing may have moved, every balance must be conserved.

    ``PlanMoved`` where the POS moved since the load: the difference is then a plan to approve and run, while the class stays
    frozen. Nothing is half done: the owner changes with the rows' state in one transaction, at the very end.
    """
    with workshop.connect() as connection:
        found = ownership(connection, integration_id, liability)
        if found.owner != "nobody":
            raise Refused(
                f"{liability} is owned by {found.owner}; only a frozen class is switched.",
                f"`aura-migration liabilities freeze {integration_id} {liability}` first: from then on neither side redeems.",
            )
        _require_settled(connection, integration_id)
        loaded = connection.execute(
            "SELECT id, location_key FROM migration.migrations WHERE integration_id = %s "
            f"AND {STANDING} = ANY(%s) "
            'ORDER BY location_key COLLATE "C"',
            [integration_id, sorted(AFTER_LOAD)],
        ).fetchall()
    if not loaded:
        raise Refused(f"No migration of integration {integration_id} is loaded.", "Run one first.")
    since = datetime.now(UTC)
    evidence = [_read_again(workshop, migration_id, key, liability, since, by) for migration_id, key in loaded]
    with workshop.connect() as connection:
        return take_over(connection, integration_id, liability, by, reason, {"read_again": evidence})


def _require_settled(connection: Connection, integration_id: int) -> None:
    """``Refused`` while a load of the integration waits to be brought up to date."""
    waiting = connection.execute(
        f"SELECT m.id, {STANDING} FROM migration.migrations m WHERE m.integration_id = %s AND NOT {STANDING} = ANY(%s) "
        "AND EXISTS (SELECT 1 FROM migration.plans p WHERE p.migration_id = m.id AND p.state IN ('loaded', 'loading')) "
        "ORDER BY m.id LIMIT 1",
        [integration_id, sorted(AFTER_LOAD | ENDED)],
    ).fetchone()
    if waiting is not None:
        number, state = waiting
        raise Refused(
            f"Migration {number} of integration {integration_id} was loaded and is {state} now: its balances would not be looked at.",
            f"`aura-migration status {number}` shows what it waits for; bring it to its end, then switch.",
            migration_id=number,
        )


def _read_again(
    workshop: Workshop, migration_id: int, location_key: str, liability: str, since: datetime, by: str
) -> dict[str, Any]:
    with stages.locked(workshop, location_key):
        stages.extract(workshop, migration_id, since, by, resume=False, history=False)
        stages.canonicalise(workshop, migration_id, by)
        stored = stages.plan(workshop, migration_id, by)
        entity = CLASSES[liability].entity
        moved = writes_of({entity: stored.counts.get(entity, {})})
        if moved:
            raise PlanMoved(
                f"{moved} rows of {liability} moved in the POS since migration {migration_id} was loaded.",
                f"Approve plan {stored.hash} of migration {migration_id} and run it, then switch; the class stays frozen.",
                migration_id=migration_id,
                plan_hash=stored.hash,
            )
        verdict = stages.verify(workshop, migration_id, by)
    gate = verdict.gate(GATE_OF[liability])
    if gate.passed is not True:
        raise Refused(
            f"{gate.name} of migration {migration_id} is {'no' if gate.passed is False else 'not measured'}: {gate.value}.",
            gate.remedy or "Verify the migration and look at its findings.",
        )
    with workshop.connect() as connection:
        state = get_migration(connection, migration_id).standing
    return {"migration_id": migration_id, "state": state, "plan_hash": stored.hash, "gate": gate.value}
