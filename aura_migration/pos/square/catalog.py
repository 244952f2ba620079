"""One account's catalog and stock out of a snapshot: newest version of every object, families together, order fixed.

Says what exists, what belongs together and what is sold where; what becomes of it in AuraConnect is ``mapping.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.square.wire import (
    VERSION_HEADER,
    CatalogObject,
    CategoryRef,
    InventoryCount,
    Location,
    Raw,
    decode,
    instant,
    read,
)

EMBEDDED = (("item_data", "variations"), ("modifier_list_data", "modifiers"), ("item_option_data", "values"))
MENU, KITCHEN = "MENU_CATEGORY", "KITCHEN_CATEGORY"
ON_HAND = "IN_STOCK"


@dataclass(frozen=True)
class Broken:
    """A catalog record that is not of the documented shape: what it is, as far as can be seen, and what is wrong."""

    type: str
    id: str
    reason: str
    raw: Any
    parent: str = ""


class Catalog:
    """All objects of a catalog by id, deleted ones included, in the order in which they were first seen.

    ``version`` is the oldest version of the API any page of it was given in; empty where that is not known.
    """

    def __init__(self, bodies: Iterable[bytes]) -> None:
        self.version = ""
        self.objects: dict[str, CatalogObject] = {}
        self.raw: dict[str, Raw] = {}
        self.broken: dict[str, Broken] = {}
        self._embedded: dict[str, list[str]] = {}
        records: list[Any] = []
        for body in bodies:
            document = decode(body)
            if isinstance(document, Mapping):
                records.extend(document.get("objects") or ())
                records.extend(document.get("related_objects") or ())
        for record in records:
            self._take(record)
        for record in records:
            self._take_embedded(record)

    def _take(self, record: Any, parent: str = "") -> None:
        ident = record.get("id") if isinstance(record, Mapping) else None
        if not isinstance(ident, str) or not ident or "/" in ident:
            kind = str(record.get("type", "")) if isinstance(record, Mapping) else ""
            name = f"record-{len(self.broken) + 1}"
            self.broken[name] = Broken(kind, name, "it has no usable id", record, parent)
            return
        held = self.raw.get(ident)
        if held is not None and not _newer(record, held):
            if "path_to_root" in (record.get("category_data") or ()) and _version(record) == _version(held):
                self.raw[ident] = record
                self._read(ident, record, parent)
            return
        self.raw[ident] = record
        self._read(ident, record, parent)

    def _read(self, ident: str, record: Raw, parent: str) -> None:
        try:
            self.objects[ident] = read(record, CatalogObject)
            self.broken.pop(ident, None)
        except msgspec.ValidationError as error:
            self.objects.pop(ident, None)
            owner = parent or _owner(record)
            self.broken[ident] = Broken(str(record.get("type", "")), ident, str(error), record, owner)

    def _take_embedded(self, record: Any) -> None:
        if not isinstance(record, Mapping):
            return
        for data_key, list_key in EMBEDDED:
            data = record.get(data_key)
            children = data.get(list_key) if isinstance(data, Mapping) else None
            if not isinstance(children, list):
                continue
            owner = str(record.get("id", ""))
            for child in children:
                self._take(child, owner)
            if self.raw.get(owner) is record:
                self._embedded[owner] = [str(child.get("id")) for child in children if isinstance(child, Mapping)]

    def live(self, kind: str) -> list[CatalogObject]:
        """Objects of that type that are not deleted."""
        return [found for found in self._by_type.get(kind, ()) if not found.is_deleted]

    def deleted(self, kind: str) -> list[CatalogObject]:
        """Objects of that type the seller deleted."""
        return [found for found in self._by_type.get(kind, ()) if found.is_deleted]

    def get(self, ident: str | None, kind: str) -> CatalogObject | None:
        """The live object of that id and type."""
        found = self.objects.get(ident or "")
        return found if found is not None and found.type == kind and not found.is_deleted else None

    @cached_property
    def _by_type(self) -> dict[str, list[CatalogObject]]:
        grouped: dict[str, list[CatalogObject]] = {}
        for found in self.objects.values():
            grouped.setdefault(found.type, []).append(found)
        return grouped

    @cached_property
    def variations(self) -> Mapping[str, Sequence[CatalogObject]]:
        """The live variations of each item in their order, embedded ones and those that came on their own together."""
        said = {v.id: v.item_variation_data for v in self.live("ITEM_VARIATION")}
        return self._families({i: (d.item_id, d.ordinal) if d is not None else (None, None) for i, d in said.items()})

    @cached_property
    def modifiers(self) -> Mapping[str, Sequence[CatalogObject]]:
        """The live options of each modifier list in their order."""
        said = {m.id: m.modifier_data for m in self.live("MODIFIER")}
        listed = {i: (d.modifier_list_id, d.ordinal) if d is not None else (None, None) for i, d in said.items()}
        return self._families(listed)

    def _families(self, said: Mapping[str, tuple[str | None, int | None]]) -> dict[str, list[CatalogObject]]:
        """Children by owner: the one they name, else the one they came in; by ordinal, ties in the embedded order."""
        place: dict[str, tuple[str, int]] = {}
        for owner, children in self._embedded.items():
            place.update((child, (owner, number)) for number, child in enumerate(children))
        families: dict[str, list[str]] = {}
        for child, (named, _) in said.items():
            owner = named or place.get(child, ("", 0))[0]
            if owner:
                families.setdefault(owner, []).append(child)
        last = len(said)
        return {
            owner: [
                self.objects[c] for c in sorted(family, key=lambda c: (said[c][1] or 0, place.get(c, ("", last))[1]))
            ]
            for owner, family in families.items()
        }

    # Categories -----------------------------------------------------------------------------------------------------

    def parent(self, category: CatalogObject) -> CatalogObject | None:
        """The live parent of a category; None for a root. A deleted, missing or otherwise typed parent is none."""
        return self._parents[category.id]

    @cached_property
    def _parents(self) -> dict[str, CatalogObject | None]:
        parents: dict[str, CatalogObject | None] = {}
        for category in self.live("CATEGORY"):
            reference = category.category_data.parent_category if category.category_data else None
            parent = self.get(reference.id, "CATEGORY") if reference is not None else None
            if parent is not None and kind_of(parent) != kind_of(category):
                parent = None
            parents[category.id] = parent
        for ident in parents:  # a circle of parents is opened at its first member
            trail = {ident}
            above = parents[ident]
            while above is not None and above.id not in trail:
                trail.add(above.id)
                above = parents.get(above.id)
            if above is not None and above.id == ident:
                parents[ident] = None
        return parents

    def root(self, category: CatalogObject) -> CatalogObject:
        """The category at the top of this one's tree."""
        above = self.parent(category)
        return category if above is None else self.root(above)

    @cached_property
    def category_rank(self) -> Mapping[str, int]:
        """Each category's place among its siblings: by ordinal, then name, then id."""
        siblings: dict[tuple[str, str], list[CatalogObject]] = {}
        for category in self.live("CATEGORY"):
            above = self.parent(category)
            siblings.setdefault((kind_of(category), above.id if above else ""), []).append(category)
        ranks: dict[str, int] = {}
        for members in siblings.values():
            members.sort(key=lambda c: (_place_under_parent(c), name_of(c), c.id))
            ranks.update((member.id, place) for place, member in enumerate(members))
        return ranks

    @cached_property
    def membership_rank(self) -> Mapping[tuple[str, str], int]:
        """(item, category) → the item's place in the category: by ordinal, then name, then id."""
        members: dict[str, list[tuple[int, str, str]]] = {}
        for item in self.live("ITEM"):
            for reference in self.memberships(item):
                members.setdefault(reference.id or "", []).append((_ordinal(reference), name_of(item), item.id))
        return {
            (item, category): place
            for category, entries in members.items()
            for place, (_, _, item) in enumerate(sorted(entries))
        }

    def memberships(self, item: CatalogObject) -> list[CategoryRef]:
        """The live categories an item stands in, each once, in its order; the old single one only as a fallback."""
        data = item.item_data
        if data is None:
            return []
        named = list(data.categories or ())
        if data.reporting_category is not None and data.reporting_category.id:
            named.append(data.reporting_category)
        elif not named and data.category_id:
            named.append(CategoryRef(data.category_id))
        first: dict[str, CategoryRef] = {}
        for reference in named:
            if self.get(reference.id, "CATEGORY") is not None:
                first.setdefault(str(reference.id), reference)
        return list(first.values())

    def primary(self, item: CatalogObject) -> CatalogObject | None:
        """The category the item is reported under: the reporting one, else its first regular one, else a section."""
        data = item.item_data
        members = [found for r in self.memberships(item) if (found := self.get(r.id, "CATEGORY")) is not None]
        if data is not None and data.reporting_category is not None:
            for found in members:
                if found.id == data.reporting_category.id and self.is_plain(found):
                    return found
        regular = [found for found in members if kind_of(found) not in (MENU, KITCHEN)]
        sections = [found for found in members if kind_of(found) == MENU and self.is_plain(found)]
        return next(iter([*regular, *sections]), None)

    def is_plain(self, category: CatalogObject) -> bool:
        """Whether a category becomes a category: not a kitchen category, and not the root of a menu."""
        kind = kind_of(category)
        return kind != KITCHEN and not (kind == MENU and self.parent(category) is None)


class LocationView:
    """What of a catalog one location sells."""

    def __init__(self, catalog: Catalog, location: str) -> None:
        self.catalog = catalog
        self.location = location
        self._modifiers: dict[str, list[CatalogObject]] = {}

    def here(self, kind: str) -> list[CatalogObject]:
        """Live objects of that type that exist at this location."""
        return [found for found in self.catalog.live(kind) if found.present_at(self.location)]

    @cached_property
    def items(self) -> dict[str, CatalogObject]:
        """Items sold here: item and at least one variation present (or no variation known at all: a defect to show)."""
        return {
            item.id: item
            for item in self.here("ITEM")
            if not self.catalog.variations.get(item.id) or self.variations(item)
        }

    def variations(self, item: CatalogObject) -> list[CatalogObject]:
        """The variations of an item that are sold here, in order."""
        return [found for found in self.catalog.variations.get(item.id, ()) if found.present_at(self.location)]

    def several(self, item: CatalogObject) -> bool:
        """Whether the item is sold in several ways, counted over the whole account so that all locations agree."""
        return len(self.catalog.variations.get(item.id, ())) > 1

    @cached_property
    def groups(self) -> dict[str, CatalogObject]:
        """Modifier lists that exist here."""
        return {found.id: found for found in self.here("MODIFIER_LIST")}

    def modifiers(self, group: CatalogObject) -> list[CatalogObject]:
        """The options of a list that are offered here, in order."""
        found = self._modifiers.get(group.id)
        if found is None:
            family = self.catalog.modifiers.get(group.id, ())
            found = self._modifiers[group.id] = [option for option in family if option.present_at(self.location)]
        return found

    @cached_property
    def menus(self) -> dict[str, CatalogObject]:
        """Roots of menu category trees that are needed here."""
        return {c.id: c for c in self._categories.values() if kind_of(c) == MENU and self.catalog.parent(c) is None}

    @cached_property
    def categories(self) -> dict[str, CatalogObject]:
        """Categories and menu sections that are needed here: present, or standing above or for one that is."""
        return {c.id: c for c in self._categories.values() if self.catalog.is_plain(c)}

    @cached_property
    def stations(self) -> dict[str, CatalogObject]:
        """Kitchen categories that exist here."""
        return {c.id: c for c in self.here("CATEGORY") if kind_of(c) == KITCHEN}

    @cached_property
    def _categories(self) -> dict[str, CatalogObject]:
        needed = [c for c in self.here("CATEGORY") if kind_of(c) != KITCHEN]
        needed.extend(primary for item in self.items.values() if (primary := self.catalog.primary(item)) is not None)
        closed: dict[str, CatalogObject] = {}
        for category in needed:
            step: CatalogObject | None = category
            while step is not None and step.id not in closed:
                closed[step.id] = step
                step = self.catalog.parent(step)
        order = {found.id: place for place, found in enumerate(self.catalog.live("CATEGORY"))}
        return dict(sorted(closed.items(), key=lambda entry: order[entry[0]]))

    def unreadable(self, kind: str) -> list[Broken]:
        """Unreadable records of that type that may be meant for this location."""
        return [
            found for found in self.catalog.broken.values() if found.type == kind and _maybe_here(found, self.location)
        ]


_read_before: WeakKeyDictionary[SnapshotReader, Catalog] = WeakKeyDictionary()


def load_catalog(reader: SnapshotReader) -> Catalog:
    """The catalog of a snapshot, read once as long as its reader lives: menu, rules and orders all look things up in it."""
    found = _read_before.get(reader)
    if found is None:
        found = _read_before[reader] = _read_catalog(reader)
    return found


def _read_catalog(reader: SnapshotReader) -> Catalog:
    versions: set[str] = set()

    def pages() -> Iterator[bytes]:
        for body in reader.bodies("catalog"):
            versions.add(str((body.params or {}).get(VERSION_HEADER) or ""))
            yield body.data

    catalog = Catalog(pages())
    catalog.version = min(versions, default="")
    return catalog


def load_location(reader: SnapshotReader, location: str) -> tuple[Location, Raw] | None:
    """The POS's own record of a location, typed and raw; None where the snapshot has none."""
    for body in reader.bodies("locations"):
        document = decode(body.data)
        for raw in document.get("locations") or () if isinstance(document, Mapping) else ():
            if isinstance(raw, Mapping) and raw.get("id") == location:
                return read(raw, Location), raw
    return None


def load_stock(reader: SnapshotReader, location: str) -> Iterator[tuple[InventoryCount, Raw]]:
    """The newest on-hand row of every object at that location, in the order of the snapshot."""
    newest: dict[str, tuple[InventoryCount, Raw]] = {}
    for body in reader.bodies("inventory"):
        document = decode(body.data)
        for raw in document.get("counts") or () if isinstance(document, Mapping) else ():
            try:
                count = read(raw, InventoryCount)
            except msgspec.ValidationError:
                count = InventoryCount(str(raw.get("catalog_object_id")), state=ON_HAND, location_id=location)
            if count.location_id != location or count.state != ON_HAND or not count.catalog_object_id:
                continue
            held = newest.get(count.catalog_object_id)
            if held is None or instant(count.calculated_at) > instant(held[0].calculated_at):
                newest[count.catalog_object_id] = (count, raw)
    return iter(newest.values())


def other_states(reader: SnapshotReader, location: str) -> list[str]:
    """Objects with stock rows at that location in states other than on hand (waste, under way, sold), each once."""
    found: dict[str, None] = {}
    for body in reader.bodies("inventory"):
        document = decode(body.data)
        for raw in document.get("counts") or () if isinstance(document, Mapping) else ():
            if raw.get("location_id") == location and raw.get("state") not in (ON_HAND, "NONE", "UNTRACKED", None):
                found[str(raw.get("catalog_object_id"))] = None
    return list(found)


def kind_of(category: CatalogObject) -> str:
    """The type of a category; categories older than the three types are regular ones."""
    return (category.category_data and category.category_data.category_type) or "REGULAR_CATEGORY"


def name_of(found: CatalogObject) -> str:
    """The name of an item or category, empty where it has none."""
    data = found.item_data or found.category_data
    return (data and data.name) or ""


def _ordinal(reference: CategoryRef | None) -> int:
    return (reference.ordinal if reference is not None else None) or 0


def _place_under_parent(category: CatalogObject) -> int:
    data = category.category_data
    return _ordinal(data.parent_category) if data is not None else 0


def _version(record: Raw) -> int:
    try:
        return int(record.get("version") or 0)
    except (TypeError, ValueError):
        return 0


def _newer(record: Raw, held: Raw) -> bool:
    if _version(record) != _version(held):
        return _version(record) > _version(held)
    return bool(record.get("is_deleted")) and not held.get("is_deleted")


def _owner(record: Raw) -> str:
    for key, owner in (("item_variation_data", "item_id"), ("modifier_data", "modifier_list_id")):
        data = record.get(key)
        if isinstance(data, Mapping) and isinstance(data.get(owner), str):
            return str(data[owner])
    return ""


def _maybe_here(broken: Broken, location: str) -> bool:
    raw = broken.raw if isinstance(broken.raw, Mapping) else {}
    if raw.get("is_deleted") is True:
        return False
    listed = raw.get(
        "present_at_location_ids" if raw.get("present_at_all_locations") is False else "absent_at_location_ids"
    )
    named = isinstance(listed, list) and location in listed
    return named if raw.get("present_at_all_locations") is False else not named
