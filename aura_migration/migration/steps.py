"""A load step by step: categories, items, modifiers, then the rest; and the prices of the menu that was loaded so far.

The steps are the customer's own. Each is a part of the one approved plan, in the order in which its rows are written: stopping
between two steps is like pausing there, and going on ends in the same rows to the byte.
"""

from __future__ import annotations

from typing import Any

from aura_migration.archive.catalogue import snapshot_ref
from aura_migration.archive.reader import SnapshotReader
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.canonical.options import parse_options
from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection
from aura_migration.migration.integrations import get_location
from aura_migration.migration.records import Migration, get_migration, get_plan
from aura_migration.migration.workshop import Workshop
from aura_migration.verify.findings import PRICES
from aura_migration.verify.verdict import compare_menu, price_gate

_MENU = tuple(entity.name for entity in MENU_ENTITIES)
STEPS: dict[str, tuple[str, ...]] = {
    "categories": _MENU[: _MENU.index("categories") + 1],
    "items": _MENU[: _MENU.index("variations") + 1],
    "modifiers": _MENU,
}
"""Step → every entity that is written when it is done."""
FINDINGS_SHOWN = 200


def last_row(connection: Connection, plan_id: int, step: str) -> int:
    """The number of the last plan row of a step; 0 where it has none."""
    if step not in STEPS:
        raise BadInput(f"{step!r} is not a step.", f"There are {', '.join(STEPS)}.")
    row = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM migration.plan_rows WHERE plan_id = %s AND entity = ANY(%s)",
        [plan_id, list(STEPS[step])],
    ).fetchone()
    return int(row[0]) if row else 0


def next_step(step: str) -> str:
    """What follows, in words."""
    names = list(STEPS)
    position = names.index(step) + 1
    return names[position] if position < len(names) else "resume (people and orders)"


def require_reached(connection: Connection, migration: Migration, step: str | None) -> None:
    """``Refused`` unless everything of that step is written; ``step`` None asks for nothing but an approved plan."""
    if migration.plan_id is None:
        raise Refused(f"Migration {migration.id} has no plan.", "Preview, approve, then load step by step.")
    stored = get_plan(connection, migration.plan_id)
    if stored["state"] not in ("approved", "loading", "loaded"):
        raise Refused(
            f"Migration {migration.id} is {migration.standing}; only an approved plan is loaded.",
            f"Approve plan {stored['hash']} first.",
            missing="approval",
        )
    if step is None or stored["state"] == "loaded":
        return
    if stored["state"] == "approved" or stored["applied_seq"] < last_row(connection, migration.plan_id, step):
        raise Refused(
            f"{step.capitalize()} of migration {migration.id} are not loaded yet.",
            f"POST /pos/migration/{step} first.",
            missing=step,
        )


def before(step: str) -> str | None:
    """The step that must be done before; None for the first."""
    names = list(STEPS)
    position = names.index(step)
    return names[position - 1] if position else None


def verify_prices(workshop: Workshop, connection: Connection, migration_id: int) -> dict[str, Any]:
    """Hold every price of items and choices against the POS's, to the cent, by the independent reading; stores nothing.

    ``{"passed", "value", "evidence", "findings": [...]}``; ``passed`` None where there is no price.
    """
    migration = get_migration(connection, migration_id)
    require_reached(connection, migration, "modifiers")
    assert migration.plan_id is not None
    stored = get_plan(connection, migration.plan_id)
    location = get_location(connection, migration.location_key).source
    reader = SnapshotReader(*[snapshot_ref(connection, number) for number in stored["snapshot_ids"]])
    options = parse_options(stored["options"], f"options of plan {migration.plan_id}")
    with connection.transaction():
        compared, _ = compare_menu(
            connection, migration.subject, reader, location.source_id, location.currency, migration.plan_id, options
        )
    gate = price_gate(compared)
    found = [one for one in compared.findings if one.check_name == PRICES]
    return {
        "migration_id": migration_id,
        "passed": gate.passed,
        "value": gate.value,
        "evidence": dict(gate.evidence),
        "findings": [
            {
                "entity": one.entity,
                "source_key": one.source_key,
                "expected": one.expected,
                "actual": one.actual,
                "difference_cents": one.difference_cents,
                "cause": one.cause,
                "is_blocking": one.is_blocking,
            }
            for one in found[:FINDINGS_SHOWN]
        ],
        "findings_total": len(found),
    }
