"""The state of one Square account: its objects by id, their history, the stamps of its writes, its people and its orders."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.square.model import (
    CatalogObject,
    Category,
    Change,
    Count,
    Item,
    Location,
    Merchant,
    Modifier,
    ModifierList,
    Variation,
)
from aura_migration.sandbox.square.orders.history import History
from aura_migration.sandbox.square.orders.marks import Marks
from aura_migration.sandbox.square.people.store import People


class World:
    """Everything the restaurant has at Square. Only `builder.py` and `edits.py` write to it."""

    def __init__(self, scenario: str, seed: int, clock: Clock, merchant: Merchant) -> None:
        self.scenario = scenario
        self.seed = seed
        self.clock = clock
        self.ids = Ids(scenario, seed, "square")
        self.merchant = merchant
        self.locations: dict[str, Location] = {}
        self.objects: dict[str, CatalogObject] = {}
        self.unlisted: dict[str, CatalogObject] = {}
        self.people = People(self.ids, clock)
        self.orders = History(Marks(self.ids), clock, "")
        self.history: dict[str, list[CatalogObject]] = {}
        self.counts: list[Count] = []
        self.changes: list[Change] = []
        self.location_attributes: list[dict[str, Any]] = []
        self.hidden_attributes: set[str] = set()
        self.last_write = 0
        self.revision = 0
        self._order: tuple[int, dict[frozenset[str], list[CatalogObject]]] = (-1, {})

    def add(self, thing: CatalogObject) -> None:
        """Put an object and everything embedded in it into the account."""
        for member in (thing, *thing.children()):
            if member.id in self.objects and self.objects[member.id] is not member:
                raise ValueError(f"square world: two objects have the id {member.id}")
            self.objects[member.id] = member
            self.last_write = max(self.last_write, member.stamp)
        self.revision += 1

    def of_type(self, *types: str) -> Iterator[CatalogObject]:
        """Every object of these types, deleted ones too, in the order made."""
        return (thing for thing in self.objects.values() if thing.type in types)

    def items(self) -> list[Item]:
        """Every item, deleted ones too."""
        return [thing for thing in self.objects.values() if isinstance(thing, Item)]

    def groups(self) -> list[ModifierList]:
        """Every modifier list, deleted ones too."""
        return [thing for thing in self.objects.values() if isinstance(thing, ModifierList)]

    def categories(self) -> list[Category]:
        """Every category, deleted ones too."""
        return [thing for thing in self.objects.values() if isinstance(thing, Category)]

    def get(self, object_id: str | None) -> CatalogObject | None:
        """The object, deleted or not; None when there is none. What backs a loyalty reward is on no list and found here."""
        return (self.objects.get(object_id) or self.unlisted.get(object_id)) if object_id else None

    def live(self, object_id: str | None) -> CatalogObject | None:
        """The object unless it is deleted."""
        thing = self.get(object_id)
        return thing if thing is not None and not thing.deleted else None

    def at_version(self, thing: CatalogObject, version: int | None) -> CatalogObject | None:
        """The object as it was at a catalog version; None when it did not exist yet."""
        if version is None or thing.stamp <= version:
            return thing
        return next((old for old in reversed(self.history.get(thing.id, [])) if old.stamp <= version), None)

    def parent_of(self, thing: CatalogObject) -> CatalogObject | None:
        """The object a nested one is embedded in."""
        if isinstance(thing, Variation):
            return self.get(thing.item_id)
        if isinstance(thing, Modifier):
            return self.get(thing.group_id)
        return None

    def in_paging_order(self, types: Iterable[str]) -> list[CatalogObject]:
        """All objects of these types, deleted ones too, in the order lists are paged: settled, but neither by type nor
        by name nor by time."""
        wanted = frozenset(types)
        revision, listings = self._order
        if revision != self.revision:
            listings = {}
            self._order = (self.revision, listings)
        if wanted not in listings:
            found = [thing for thing in self.objects.values() if thing.type in wanted]
            listings[wanted] = sorted(found, key=lambda thing: zlib.crc32(f"{self.seed}{thing.id}".encode()))
        return listings[wanted]

    def next_stamp(self) -> int:
        """The stamp of a write made now: later than every write so far, whatever the clock says."""
        self.last_write = max(self.last_write + 1, int(self.clock.now().timestamp() * 1000))
        return self.last_write

    def remember(self, things: Iterable[CatalogObject]) -> None:
        """Keep the present version of objects that are about to be written."""
        for thing in things:
            self.history.setdefault(thing.id, []).append(copy.deepcopy(thing))

    def touch(self, thing: CatalogObject, stamp: int) -> None:
        """Mark an object as written."""
        thing.stamp = stamp
        self.revision += 1
