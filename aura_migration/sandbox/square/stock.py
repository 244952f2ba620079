"""The route that writes stock: physical counts, adjustments and transfers, up to a hundred at once.

A count says how many there are, an adjustment moves some from one state to another. Where a variation is tracked, none left
marks it as sold out at that location, and some left ends that.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from starlette.routing import Route

from aura_migration.sandbox.square.context import Call, Context, moment
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.inventory import IGNORED_STATES, STATES
from aura_migration.sandbox.square.model import Change, Count, Variation
from aura_migration.sandbox.square.once import Once
from aura_migration.sandbox.square.orders.drafts import Json, missing, rows_in, text_in
from aura_migration.sandbox.square.orders.render import encode
from aura_migration.sandbox.square.shelves import Shelves, plain
from aura_migration.sandbox.square.webhooks import SquareWebhooks
from aura_migration.sandbox.square.wire_places import change_json, count_json

MOST, KEY = 100, 128
DAY = 86_400_000
BODIES = {"PHYSICAL_COUNT": "physical_count", "ADJUSTMENT": "adjustment", "TRANSFER": "transfer"}
QUANTITY = re.compile(r"-?\d{1,12}(\.\d{1,5})?")
COUNTABLE = ("IN_STOCK", "WASTE", "CUSTOM", "RETURNED_BY_CUSTOMER", "RESERVED_FOR_SALE", "SOLD_ONLINE")


class Stockroom:
    """The handler over the counts of one account."""

    def __init__(self, context: Context, webhooks: SquareWebhooks, shelves: Shelves) -> None:
        self._context = context
        self._shelves = shelves
        self._world = context.world
        self._webhooks = webhooks
        self._once = Once()

    def routes(self) -> list[Route]:
        """The one route."""
        body = ("idempotency_key", "changes", "ignore_unchanged_counts")
        handler = self._context.endpoint(self.change, scopes=("INVENTORY_WRITE",), body=body)
        return [Route("/v2/inventory/changes/batch-create", handler, methods=["POST"])]

    def change(self, call: Call) -> bytes:
        """POST /v2/inventory/changes/batch-create: all of them or none."""
        return self._once.answer("inventory", call.body, KEY, True, lambda: self._change(call))

    def _change(self, call: Call) -> bytes:
        rows = rows_in(call.body, "changes", "changes")
        if not rows:
            raise missing("changes")
        if len(rows) > MOST:
            raise SquareError("ARRAY_LENGTH_TOO_LONG", f"changes holds more than {MOST} values.", "changes")
        read = [self._read(row, f"changes[{at}]") for at, row in enumerate(rows)]
        skip = call.body.get("ignore_unchanged_counts") is not False
        counts: dict[tuple[str, str, str], Count] = {}
        changes: list[Change] = []
        for made in read:
            touched = self._shelves.carry_out(made, skip)
            if touched:
                changes.append(made)
            counts.update(((held.object_id, held.location_id, held.state), held) for held in touched)
        told = [count_json(held) for held in counts.values() if held.state not in IGNORED_STATES]
        self._webhooks.counts_written(told)
        if self._shelves.sell_out(counts.values()):
            self._webhooks.catalog_written()
        currency, newer = self._world.merchant.currency, call.view().newer
        return encode({"counts": told, "changes": [change_json(made, currency, newer) for made in changes]})

    def _read(self, row: Json, field: str) -> Change:
        kind = row.get("type")
        if kind not in BODIES:
            raise SquareError("INVALID_ENUM_VALUE", f"{kind!r} is not a valid enum value.", f"{field}.type")
        if kind == "TRANSFER":
            raise SquareError("BAD_REQUEST", "No transfers between these locations.", f"{field}.type")
        name = f"{field}.{BODIES[kind]}"
        said: Any = row.get(BODIES[kind])
        if not isinstance(said, dict):
            raise missing(name)
        needed = ("catalog_object_id", "location_id", "quantity", "occurred_at")
        states = ("state",) if kind == "PHYSICAL_COUNT" else ("from_state", "to_state")
        for one in (*needed, *states):
            if text_in(said, one, f"{name}.{one}") is None:
                raise missing(f"{name}.{one}")
        for state in states:
            if said[state] not in STATES or (kind == "PHYSICAL_COUNT" and said[state] not in COUNTABLE):
                raise SquareError("INVALID_ENUM_VALUE", f"{said[state]!r} is not allowed here.", f"{name}.{state}")
        thing = self._world.live(said["catalog_object_id"])
        if not isinstance(thing, Variation):
            detail = f"Catalog object with ID {said['catalog_object_id']!r} not found."
            raise SquareError("NOT_FOUND", detail, f"{name}.catalog_object_id")
        if said["location_id"] not in self._world.locations:
            raise SquareError("NOT_FOUND", f"Location {said['location_id']!r} not found.", f"{name}.location_id")
        if not QUANTITY.fullmatch(said["quantity"]) or (kind == "ADJUSTMENT" and Decimal(said["quantity"]) <= 0):
            raise SquareError("INVALID_VALUE", f"{said['quantity']!r} is not a quantity.", f"{name}.quantity")
        now, at = int(self._world.clock.now().timestamp() * 1000), moment(said, "occurred_at")
        assert at is not None
        if at > now + 1000 or at < now - DAY:
            detail = "occurred_at lies in the future, or more than 24 hours back."
            raise SquareError("INVALID_TIME", detail, f"{name}.occurred_at")
        made = Change(
            self._shelves.new_id(),
            str(kind),
            thing.id,
            said["location_id"],
            plain(Decimal(said["quantity"])),
            int(at),
        )
        made.to_state = said["state"] if kind == "PHYSICAL_COUNT" else said["to_state"]
        made.from_state = None if kind == "PHYSICAL_COUNT" else said["from_state"]
        made.team_member_id = text_in(said, "team_member_id", f"{name}.team_member_id")
        return made
