"""What is on the shelves of an account: counts by object, location and state, and what moves them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from aura_migration.sandbox.core.ids import UPPER_ALNUM
from aura_migration.sandbox.square.inventory import IGNORED_STATES
from aura_migration.sandbox.square.model import Change, Count, Override, Variation
from aura_migration.sandbox.square.orders.model import E5, Line
from aura_migration.sandbox.square.world import World


def plain(quantity: Decimal) -> str:
    """A decimal as Square writes it: no exponent, no trailing zeros."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Shelves:
    """Moves the counts of one account. `switches`: the sandbox's."""

    def __init__(self, world: World, switches: dict[str, Any]) -> None:
        self._world = world
        self._switches = switches
        self._made = 0

    def now(self) -> int:
        """POS time in milliseconds."""
        return int(self._world.clock.now().timestamp() * 1000)

    def new_id(self) -> str:
        """The id of one more change."""
        self._made += 1
        return self._world.ids.token("written change", str(self._made), UPPER_ALNUM, 24)

    def count(self, object_id: str, location: str, state: str) -> Count | None:
        """How many there are of something in a state; None where nobody ever said."""
        key = (object_id, location, state)
        return next(
            (held for held in self._world.counts if (held.object_id, held.location_id, held.state) == key), None
        )

    def carry_out(self, made: Change, skip_unchanged: bool) -> list[Count]:
        """The counts that a change makes different; it is kept if there are any."""
        quantity = Decimal(made.quantity)
        touched = []
        if made.kind == "PHYSICAL_COUNT":
            held = self.count(made.object_id, made.location_id, made.to_state)
            if held is None or Decimal(held.quantity) != quantity or not skip_unchanged:
                touched.append(self._put(made, made.to_state, quantity))
        else:
            for state, sign in ((made.from_state, -1), (made.to_state, 1)):
                if state is not None and state not in IGNORED_STATES:
                    held = self.count(made.object_id, made.location_id, state)
                    before = Decimal(held.quantity) if held is not None else Decimal(0)
                    touched.append(self._put(made, state, before + sign * quantity))
        if touched:
            self._world.changes.append(made)
        return touched

    def _put(self, made: Change, state: str, quantity: Decimal) -> Count:
        held = self.count(made.object_id, made.location_id, state)
        if held is None:
            held = Count(made.object_id, made.location_id, state, "0", self.now())
            self._world.counts.append(held)
        held.quantity, held.stamp = plain(quantity), max(self.now(), held.stamp + 1)
        return held

    def sold(self, order_id: str, location: str, lines: Sequence[Line]) -> list[Count]:
        """A sale takes what is counted off the shelf, where the switch `sales_move_stock` says so."""
        touched: dict[str, Count] = {}
        for line in lines if self._switches["sales_move_stock"] else ():
            if line.id is None or self.count(line.id, location, "IN_STOCK") is None:
                continue
            quantity = plain(Decimal(line.qty) / E5)
            made = Change(self.new_id(), "ADJUSTMENT", line.id, location, quantity, self.now(), "SOLD", "IN_STOCK")
            made.order_id = order_id
            touched.update((held.object_id, held) for held in self.carry_out(made, skip_unchanged=True))
        return list(touched.values())

    def sell_out(self, counts: Iterable[Count]) -> bool:
        """What is tracked and used up is sold out at its location, with stock again it is not; did anything change?"""
        moved = []
        for count in counts if self._switches["stock_sells_out"] else ():
            thing = self._world.live(count.object_id)
            if count.state != "IN_STOCK" or not isinstance(thing, Variation):
                continue
            over = thing.overrides.get(count.location_id)
            tracked = over.track if over is not None and over.track is not None else thing.track
            gone = Decimal(count.quantity) <= 0
            if tracked and gone != bool(over is not None and over.sold_out):
                self._world.remember([thing])
                thing.overrides.setdefault(count.location_id, Override()).sold_out = True if gone else None
                moved.append(thing)
        if moved:
            stamp = self._world.next_stamp()
            for thing in moved:
                self._world.touch(thing, stamp)
        return bool(moved)
