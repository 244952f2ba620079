"""Menu edits of the control surface: what a manager does on the dashboard while a migration is under way.

Each edit is one catalog write: every object it changes gets the same new version, except for `touchless_price`, which
changes a price and moves nothing, as a POS that forgets to would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.ids import BASE32
from aura_migration.sandbox.square.model import (
    CatalogObject,
    Category,
    Item,
    Modifier,
    ModifierList,
    ModifierOverride,
    Override,
    Presence,
    Variation,
)
from aura_migration.sandbox.square.world import World


class Editor:
    """Carries edits out on one account."""

    def __init__(self, world: World, switches: dict[str, Any]) -> None:
        self._world = world
        self._switches = switches
        self._added = 0

    def run(self, op: dict[str, Any], also: Iterable[str] = ()) -> list[str]:
        """One edit; the ids of the objects it changed. Raises `ControlError`, which names the verbs there are, `also`
        those that others carry out."""
        verbs: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "set_price": lambda held: self._price(held, touch=True),
            "touchless_price": lambda held: self._price(held, touch=False),
            "rename": self._rename,
            "add_item": self._add_item,
            "delete_item": self._delete_item,
            "set_available": self._set_available,
        }
        verb = verbs.get(op["op"])
        if verb is None:
            raise ControlError(f"square has no edit {op['op']!r}; it has: {', '.join(sorted([*verbs, *also]))}")
        return verb(op)

    def _find(self, op: dict[str, Any], *names: str) -> CatalogObject:
        given = [name for name in names if op.get(name)]
        if len(given) != 1:
            raise ControlError(f"edit {op['op']!r} needs exactly one of: {', '.join(names)}")
        types: dict[str, type] = {
            "item": Item,
            "variation": Variation,
            "modifier": Modifier,
            "category": Category,
            "group": ModifierList,
        }
        thing = self._world.live(op[given[0]])
        if not isinstance(thing, types[given[0]]):
            raise ControlError(f"there is no {given[0]} {op[given[0]]!r} on the menu")
        assert isinstance(thing, CatalogObject)
        return thing

    def _location(self, op: dict[str, Any]) -> str | None:
        location_id = op.get("location")
        if location_id is not None and location_id not in self._world.locations:
            raise ControlError(f"there is no location {location_id!r}")
        return location_id

    def _write(self, *things: CatalogObject) -> list[str]:
        """Stamp the changed objects, and their parents when the account is switched to do so."""
        written = list(things)
        for thing in things:
            parent = self._world.parent_of(thing)
            switch = "variation_moves_item" if isinstance(thing, Variation) else "modifier_moves_list"
            if parent is not None and self._switches[switch] and parent not in written:
                written.append(parent)
        stamp = self._world.next_stamp()
        for thing in written:
            self._world.touch(thing, stamp)
        return [thing.id for thing in written]

    def _remember(self, *things: CatalogObject) -> None:
        parents = [self._world.parent_of(thing) for thing in things]
        self._world.remember([*things, *(parent for parent in parents if parent is not None)])

    def _price(self, op: dict[str, Any], touch: bool) -> list[str]:
        cents = op.get("cents")
        if not isinstance(cents, int) or isinstance(cents, bool) or cents < 0:
            raise ControlError('"cents" must be a whole number of minor units, 0 or more')
        location_id = self._location(op)
        thing = self._find(op, "item", "variation", "modifier")
        targets: list[CatalogObject] = [thing]
        if isinstance(thing, Item):
            targets = [held for held in thing.variations if not held.deleted]
            if len(targets) != 1 and "variation" not in op:
                raise ControlError(f'item {thing.id} has {len(targets)} variations; name one by "variation"')
        if touch:
            self._remember(*targets)
        for target in targets:
            if isinstance(target, Modifier):
                if location_id is None:
                    target.cents = cents
                else:
                    target.overrides.setdefault(location_id, ModifierOverride()).cents = cents
            elif isinstance(target, Variation):
                if location_id is None:
                    target.cents, target.open_price = cents, False
                else:
                    held = target.overrides.setdefault(location_id, Override())
                    held.cents, held.pricing = cents, "FIXED_PRICING"
        return self._write(*targets) if touch else [target.id for target in targets]

    def _rename(self, op: dict[str, Any]) -> list[str]:
        name = op.get("name")
        if not isinstance(name, str) or not name:
            raise ControlError('"name" must be a text')
        thing = self._find(op, "item", "variation", "modifier", "category", "group")
        self._remember(thing)
        thing.name = name
        return self._write(thing)

    def _add_item(self, op: dict[str, Any]) -> list[str]:
        name, cents = op.get("name"), op.get("cents")
        if not isinstance(name, str) or not name or not isinstance(cents, int):
            raise ControlError('edit "add_item" needs "name" and "cents"')
        category_id, location_id = op.get("category"), self._location(op)
        if category_id is not None and not isinstance(self._world.live(category_id), Category):
            raise ControlError(f"there is no category {category_id!r}")
        self._added += 1
        stamp, ids = self._world.next_stamp(), self._world.ids
        item_id = ids.token("ITEM", f"added {self._added}", BASE32, 24)
        variation_id = ids.token("ITEM_VARIATION", f"added {self._added}", BASE32, 24)

        def presence() -> Presence:
            return Presence() if location_id is None else Presence(False, [location_id])

        variation = Variation(
            variation_id, "Regular", stamp, stamp, presence=presence(), item_id=item_id, cents=cents, sku=op.get("sku")
        )
        item = Item(item_id, name, stamp, stamp, presence=presence(), variations=[variation])
        item.categories = [(category_id, 0)] if category_id else []
        item.reporting_category = (category_id, 0) if category_id else None
        self._world.add(item)
        return [item_id, variation_id]

    def _delete_item(self, op: dict[str, Any]) -> list[str]:
        item = self._find(op, "item")
        gone = [item, *(held for held in item.children() if not held.deleted)]
        self._remember(item, *gone[1:])
        for thing in gone:
            thing.deleted = True
        return self._write(*gone)

    def _set_available(self, op: dict[str, Any]) -> list[str]:
        available = op.get("available")
        if not isinstance(available, bool):
            raise ControlError('"available" must be true or false')
        location_id = self._location(op)
        item = self._find(op, "item")
        assert isinstance(item, Item)
        variations = [held for held in item.variations if not held.deleted]
        self._remember(*variations)
        for variation in variations:
            for held_at in [location_id] if location_id else list(self._world.locations):
                variation.overrides.setdefault(held_at, Override()).sold_out = None if available else True
        return self._write(*variations)
