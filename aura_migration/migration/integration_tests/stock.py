"""Inventory in both directions: what the POS has stands in AuraConnect, and what AuraConnect says arrives at the POS.

By item and by variation, counts and what is 86'd. What is set at the POS is set back, also where the run is killed in
between: the former levels are stored before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from aura_migration.core.errors import AuraError
from aura_migration.database.connections import Connection
from aura_migration.migration.integration_tests import results
from aura_migration.migration.integration_tests.results import READ_ONLY, TestResult, Unsettled
from aura_migration.pos.writing import StockLevel, Writer, WriteRights

FROM_POS, TO_POS = "inventory_from_pos", "inventory_to_pos"
COMPARED = 200
"""How many levels are compared at most; single ones are asked for by some POS."""
NAMED = 5
FOLLOW = "Follow the POS with its setup, approve what waits, and test again."


@dataclass(frozen=True)
class Held:
    """A stock row of AuraConnect's with its keys at the POS."""

    name: str
    item_key: str
    variation_key: str
    status: str
    quantity: Decimal | None
    is_tracked: bool

    @property
    def is_out(self) -> bool:
        """Whether AuraConnect's till sells none of it."""
        return self.status == "out_of_stock" or (self.status == "quantity" and (self.quantity or 0) <= 0)


def held_stock(connection: Connection, integration_id: int, location_id: int) -> list[Held]:
    """AuraConnect's stock of the location that the POS knows: variations first, then what is out, at most :data:`COMPARED`."""
    rows = connection.execute(
        """
        SELECT i.item_name, k.source_key, coalesce(v.source_key, ''), i.status, i.quantity, i.is_tracked
        FROM aura.inventory i
        JOIN migration.crosswalk k ON k.integration_id = %(integration)s AND k.entity = 'items' AND k.is_active
             AND k.aura_id = i.menu_item_id AND position('@' IN k.source_key) = 0
        JOIN migration.crosswalk s ON s.integration_id = %(integration)s AND s.entity = 'stock' AND s.is_active AND s.aura_id = i.id
        LEFT JOIN migration.crosswalk v ON v.integration_id = %(integration)s AND v.entity = 'variations' AND v.is_active
             AND v.aura_id = i.variation_id AND position('@' IN v.source_key) = 0
        WHERE i.location_id = %(location)s AND i.deleted_at IS NULL AND (i.variation_id IS NULL OR v.source_key IS NOT NULL)
        ORDER BY i.variation_id IS NULL, i.status <> 'out_of_stock', i.id LIMIT %(limit)s
        """,
        {"integration": integration_id, "location": location_id, "limit": COMPARED},
    ).fetchall()
    return [Held(*row) for row in rows]


async def from_pos(writer: Writer, session: Any, location: str, held: Sequence[Held]) -> TestResult:
    """What the POS says right now, against AuraConnect. That something is sold out must agree; counts move as things are sold."""
    if not held:
        return TestResult(
            FROM_POS, None, "the location has no stock at the POS, and nothing is 86'd", "", {"compared": 0}
        )
    levels = await writer.read_stock(session, location, [(one.item_key, one.variation_key) for one in held])
    sold_out = [one.name for one, level in zip(held, levels, strict=True) if one.is_out is not level.is_out]
    moved = [
        one.name
        for one, level in zip(held, levels, strict=True)
        if one.is_out is level.is_out
        and one.is_tracked
        and one.quantity is not None
        and level.quantity is not None
        and one.quantity != level.quantity
    ]
    evidence = {
        "compared": len(held),
        "variations": sum(bool(one.variation_key) for one in held),
        "sold_out": sum(level.is_out for level in levels),
        "sold_out_unlike": sold_out[:NAMED],
        "counts_unlike": moved[:NAMED],
    }
    if sold_out:
        told = f"{len(sold_out)} of {len(held)} are sold out on one side only, {sold_out[0]} among them"
        return TestResult(FROM_POS, False, told, FOLLOW, evidence)
    if moved:
        told = f"{len(moved)} of {len(held)} counts moved at the POS since it was read, {moved[0]} among them"
        return TestResult(FROM_POS, None, told, FOLLOW, evidence)
    told = f"{len(held)} levels agree, {evidence['variations']} of variations, {evidence['sold_out']} sold out"
    return TestResult(FROM_POS, True, told, "", evidence)


async def to_pos(
    connection: Connection,
    migration_id: int,
    writer: Writer,
    session: Any,
    location: str,
    rights: WriteRights,
    held: Sequence[Held],
    at: datetime,
    by: str,
) -> TestResult:
    """Set levels at the POS, read them, and set back what was there. Stored by itself."""
    refused = _not_allowed(rights)
    if refused is not None:
        results.store(connection, migration_id, refused, at, by)
        return refused
    try:
        now = await writer.read_stock(session, location, [(one.item_key, one.variation_key) for one in held])
        changes = _changes(writer, now)
    except AuraError as error:
        result = TestResult(TO_POS, False, f"stock cannot be read: {error.what}", error.remedy)
        results.store(connection, migration_id, result, at, by)
        return result
    if not changes:
        result = TestResult(TO_POS, None, "the location has no stock at the POS that could be set", "", {"levels": 0})
        results.store(connection, migration_id, result, at, by)
        return result
    before = [was for was, _ in changes]
    row = results.begin(connection, migration_id, TO_POS, {"before": [_plain(level) for level in before]}, at, by)
    try:
        result = await _tried(writer, session, location, changes, at, f"aura:test:{row}")
    except AuraError as error:
        result = TestResult(TO_POS, False, f"stock could not be set: {error.what}", error.remedy)
    try:
        left = await _restored(writer, session, location, before, at, f"aura:test:{row}:back")
    except AuraError as error:
        left = f"stock could not be set back: {error.what}"
    if left:
        result = TestResult(TO_POS, False, left, "The next run sets it back; or do it at the POS by hand.")
    else:
        results.note(connection, row, {"state": "cleaned"})
    results.settle(connection, row, result)
    return result


async def sweep(
    connection: Connection, writer: Writer, session: Any, location: str, left: Unsettled, at: datetime
) -> str:
    """Set back what a run that was killed may have left; what could not be, in words."""
    before = [_level(plain) for plain in left.evidence.get("before", ())]
    try:
        told = await _restored(writer, session, location, before, at, f"aura:test:{left.id}:sweep")
    except AuraError as error:
        told = f"stock that an earlier run set could not be set back: {error.what}"
    if not told:
        results.note(connection, left.id, {"state": "cleaned", "cleaned_at": at.isoformat()})
    return told


def _changes(writer: Writer, levels: Sequence[StockLevel]) -> list[tuple[StockLevel, StockLevel]]:
    """At most one change of a count and one of being sold out, of a variation where there is one: (as it is, as it is set)."""
    found: list[tuple[StockLevel, StockLevel]] = []
    counted = [one for one in levels if one.state == "quantity" and one.quantity is not None]
    if counted:
        first = counted[0]
        found.append((first, replace(first, quantity=(first.quantity or Decimal(0)) + 1)))
    others = [one for one in levels if not found or one != found[0][0]]
    if "out_of_stock" in writer.can_set:
        hidden = next((one for one in others if not one.is_out), None)
        out = next((one for one in others if one.state == "out_of_stock"), None)
        if hidden is not None:
            found.append((hidden, replace(hidden, state="out_of_stock")))
        elif out is not None:
            found.append((out, replace(out, state="in_stock", quantity=None)))
    else:
        gone = next((one for one in others if one.state == "quantity" and one.quantity is not None), None)
        if gone is not None:
            found.append((gone, replace(gone, quantity=Decimal(0))))
    return found


async def _tried(
    writer: Writer,
    session: Any,
    location: str,
    changes: Sequence[tuple[StockLevel, StockLevel]],
    at: datetime,
    key: str,
) -> TestResult:
    wanted = [level for _, level in changes]
    await writer.set_stock(session, location, wanted, at, key)
    found = await writer.read_stock(session, location, [(one.item_key, one.variation_key) for one in wanted])
    unlike = [one.item_key for one, there in zip(wanted, found, strict=True) if not _same(one, there)]
    evidence = {
        "levels": len(wanted),
        "variations": sum(bool(one.variation_key) for one in wanted),
        "sold_out": sum(one.is_out for one in wanted),
        "unlike": unlike,
    }
    if unlike:
        told = f"{len(unlike)} of {len(wanted)} levels did not arrive at the POS, {unlike[0]} among them"
        return TestResult(TO_POS, False, told, "Check at the POS whether the item's stock is counted.", evidence)
    told = f"{len(wanted)} levels arrived at the POS, {evidence['variations']} of variations, {evidence['sold_out']} sold out"
    return TestResult(TO_POS, True, f"{told}; all were set back", "", evidence)


async def _restored(
    writer: Writer, session: Any, location: str, before: Sequence[StockLevel], at: datetime, key: str
) -> str:
    await writer.set_stock(session, location, before, at, key)
    found = await writer.read_stock(session, location, [(one.item_key, one.variation_key) for one in before])
    unlike = [one.item_key for one, there in zip(before, found, strict=True) if not _same(one, there)]
    return f"stock of {', '.join(unlike)} is not as it was before the test" if unlike else ""


def _same(wanted: StockLevel, there: StockLevel) -> bool:
    if wanted.is_out or there.is_out:
        return wanted.is_out is there.is_out
    return wanted.quantity is None or wanted.quantity == there.quantity


def _not_allowed(rights: WriteRights) -> TestResult | None:
    if rights.stock:
        return None
    value = READ_ONLY if rights.stock is False else "the POS does not tell whether stock may be written"
    remedy = "Grant the right to write stock at the POS and connect again, or have the gate waived with the reason."
    return TestResult(TO_POS, None, value, remedy, {"rights": rights.evidence})


def _plain(level: StockLevel) -> dict[str, Any]:
    quantity = None if level.quantity is None else format(level.quantity, "f")
    return {
        "item_key": level.item_key,
        "variation_key": level.variation_key,
        "state": level.state,
        "quantity": quantity,
        "is_counted": level.is_counted,
    }


def _level(plain: dict[str, Any]) -> StockLevel:
    quantity = None if plain["quantity"] is None else Decimal(plain["quantity"])
    return StockLevel(plain["item_key"], plain["variation_key"], plain["state"], quantity, plain["is_counted"])
