"""A Clover snapshot put together: which records live, what belongs together, in which order.

The several readings of a list become one record each; nested lists that were cut are taken from their own endpoint.
What a record becomes in AuraConnect is in ``mapping.py``.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Generic, TypeVar

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.clover.lists import LISTINGS, MERCHANT
from aura_migration.pos.clover.wire import (
    Address,
    Attribute,
    Category,
    Item,
    ItemGroup,
    Merchant,
    Modifier,
    ModifierGroup,
    Option,
    Properties,
    Raw,
    Stock,
    Tag,
    TaxRate,
    document,
    is_deleted,
    nested,
    nested_ids,
    read,
    rows,
)

NO_TAX = "NO_TAX_APPLIED"
"""Clover's own marker of an untaxed item; a tax rate in name only."""
VOLATILE = ("itemStock", "stockCount")
"""What changes with every sale; it belongs to the stock row, not to the item's record."""

T = TypeVar("T")


@dataclass(frozen=True)
class Unreadable:
    """A live record that is not of Clover's documented shape, and what is wrong with it."""

    id: str
    reason: str


@dataclass
class Records(Generic[T]):
    """The records of one entity by id, in the order of the list: live and readable, as sent, deleted, unreadable.

    ``raw`` holds every record, also deleted ones.
    """

    live: dict[str, T] = field(default_factory=dict)
    raw: dict[str, Raw] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


class Catalog:
    """Everything of one merchant that the mapping needs."""

    def __init__(self, reader: SnapshotReader) -> None:
        self._reader = reader
        self._rows: dict[str, dict[str, Raw]] = {}
        self._full: dict[str, dict[tuple[str, str], list[Raw]]] = {}

    # Reading ----------------------------------------------------------------------------------------------------------

    def was_read(self, entity: str) -> bool:
        """Whether the entity could be fetched at all."""
        certificate = self._reader.certificate(entity)
        return certificate is not None and certificate.status != "not_extracted"

    def rows_of(self, entity: str) -> Mapping[str, Raw]:
        """The records of a list as sent, by id; the later of two readings adds to the earlier one."""
        if entity in self._rows:
            return self._rows[entity]
        found: dict[str, dict[str, Any]] = {}
        full: dict[tuple[str, str], list[Raw]] = {}
        for body in self._reader.bodies(entity) if self.was_read(entity) else ():
            owner, dot, name = body.window.partition(".")
            if dot:
                full.setdefault((owner, name), []).extend(rows(body.data))
                continue
            for row in rows(body.data):
                ident = row_ident(row, LISTINGS[entity].row_id)
                if ident:
                    _merge(found.setdefault(ident, {}), row)
        self._rows[entity] = dict(found)
        self._full[entity] = full
        return self._rows[entity]

    def object(self, entity: str, window: str) -> Raw:
        """A single object as sent; empty where it was not read."""
        found: Raw = {}
        for body in self._reader.bodies(entity) if self.was_read(entity) else ():
            sent = document(body.data)
            if body.window == window and isinstance(sent, Mapping):
                found = sent
        return found

    def within(self, entity: str, owner: str, name: str) -> list[Raw]:
        """The entries of a nested list: as the record shows them, then those only the list's own endpoint has."""
        shown = nested(self.rows_of(entity).get(owner, {}), name) or []
        more = self._full[entity].get((owner, name), [])
        by_id = {row_ident(row): row for row in [*more, *shown]}
        order = dict.fromkeys(row_ident(row) for row in [*shown, *more])
        return [by_id[ident] for ident in order if ident]

    def _records(self, entity: str, shape: type[T]) -> Records[T]:
        found: Records[T] = Records()
        for ident, raw in self.rows_of(entity).items():
            _sort_in(found, ident, raw, shape)
        return found

    def _modifiers(self) -> Records[Modifier]:
        """Modifiers of the flat list and those only their groups show."""
        found: Records[Modifier] = Records()
        sent = dict(self.rows_of("modifiers"))
        for group in self.groups.raw:
            for raw in self.within("modifier_groups", group, "modifiers"):
                if row_ident(raw) not in sent:
                    sent[row_ident(raw)] = {**raw, "modifierGroup": raw.get("modifierGroup") or {"id": group}}
        for ident, raw in sent.items():
            _sort_in(found, ident, raw, Modifier)
        return found

    # Records, each list put together when it is first asked for -----------------------------------------------------------

    @cached_property
    def items(self) -> Records[Item]:
        """All items."""
        return self._records("items", Item)

    @cached_property
    def categories(self) -> Records[Category]:
        """All categories."""
        return self._records("categories", Category)

    @cached_property
    def groups(self) -> Records[ModifierGroup]:
        """All modifier groups."""
        return self._records("modifier_groups", ModifierGroup)

    @cached_property
    def modifiers(self) -> Records[Modifier]:
        """All options: those of the flat list, and those only their groups show."""
        return self._modifiers()

    @cached_property
    def tags(self) -> Records[Tag]:
        """All labels."""
        return self._records("tags", Tag)

    @cached_property
    def taxes(self) -> Records[TaxRate]:
        """All tax rates."""
        return self._records("tax_rates", TaxRate)

    @cached_property
    def item_groups(self) -> Records[ItemGroup]:
        """All variant groups."""
        return self._records("item_groups", ItemGroup)

    @cached_property
    def attributes(self) -> Records[Attribute]:
        """All attributes of variants."""
        return self._records("attributes", Attribute)

    @cached_property
    def options(self) -> Records[Option]:
        """All values of those attributes."""
        return self._records("options", Option)

    # The merchant -----------------------------------------------------------------------------------------------------

    @cached_property
    def merchant(self) -> Merchant | None:
        """The merchant, None where it was not read."""
        raw = self.object(MERCHANT, "merchant")
        return _shaped(raw, Merchant)

    @cached_property
    def address(self) -> Address:
        """The address, empty where there is none."""
        return _shaped(self.object(MERCHANT, "address"), Address) or Address()

    @cached_property
    def properties(self) -> Properties | None:
        """The settings, None where they were not read."""
        return _shaped(self.object(MERCHANT, "properties"), Properties)

    # What belongs together --------------------------------------------------------------------------------------------

    @cached_property
    def category_order(self) -> dict[str, int]:
        """Categories in their order on the register: by sort order, those without one last."""
        known = {ident: number(category.sort_order) for ident, category in self.categories.live.items()}
        last = max((place for place in known.values() if place is not None), default=0) + 1
        return {ident: last if place is None else place for ident, place in known.items()}

    @cached_property
    def category_items(self) -> dict[str, list[str]]:
        """Live items per live category, in the order of the category's own list."""
        return self._links("categories", "items", self.categories.live, self.items.live, "categories")

    @cached_property
    def item_categories(self) -> dict[str, list[str]]:
        """Live categories per live item, in the order of the categories."""
        found = _turned(self.category_items)
        place = {ident: spot for spot, ident in enumerate(self.categories.live)}
        return {
            item: sorted(idents, key=lambda ident: (self.category_order[ident], place[ident]))
            for item, idents in found.items()
        }

    @cached_property
    def item_groups_of(self) -> dict[str, list[str]]:
        """Live modifier groups per live item, in the order in which the item is asked about them."""
        found = _turned(self._links("modifier_groups", "items", self.groups.live, self.items.live, "modifierGroups"))
        ordered: dict[str, list[str]] = {}
        for item, idents in found.items():
            shown = [ident for ident in nested_ids(self.items.raw[item], "modifierGroups") if ident in idents]
            given = list(dict.fromkeys([*shown, *idents]))
            ordered[item] = sorted(given, key=lambda ident: self.group_order[ident])
        return ordered

    @cached_property
    def item_tags(self) -> dict[str, list[str]]:
        """Live tags per live item, in the order of their list."""
        return _turned(self._links("tags", "items", self.tags.live, self.items.live, "tags"))

    @cached_property
    def group_modifiers(self) -> dict[str, list[str]]:
        """Live modifiers per live group in the order of display; what ``modifierIds`` does not name comes last."""
        members: dict[str, list[str]] = {ident: [] for ident in self.groups.live}
        for ident, modifier in self.modifiers.live.items():
            owner = modifier.modifier_group.id if modifier.modifier_group else None
            if owner in members:
                members[owner].append(ident)
        found = {}
        for owner, group in self.groups.live.items():
            named = {one: spot for spot, one in enumerate(split_ids(group.modifier_ids))}
            found[owner] = sorted(members[owner], key=partial(_place, named))
        return found

    @cached_property
    def orphans(self) -> list[str]:
        """Live modifiers whose group is deleted or unknown."""
        broken = {entry.id for entry in self.groups.unreadable}
        known = {*self.groups.live, *broken}
        return [
            ident
            for ident, modifier in self.modifiers.live.items()
            if (modifier.modifier_group.id if modifier.modifier_group else None) not in known
        ]

    @cached_property
    def group_order(self) -> dict[str, int]:
        """Where each group stands among all: its sort order, or after those that have one."""
        known = {ident: group.sort_order for ident, group in self.groups.live.items()}
        last = max((place for place in known.values() if place is not None), default=-1) + 1
        return {ident: last if place is None else place for ident, place in known.items()}

    def is_no_tax(self, ident: str) -> bool:
        """Whether the tax rate is Clover's marker of an untaxed item."""
        rate = self.taxes.live.get(ident)
        return rate is not None and rate.name == NO_TAX and not rate.rate and not rate.tax_amount

    @cached_property
    def default_taxes(self) -> list[str]:
        """The tax rates of items that use the default ones."""
        return [ident for ident, rate in self.taxes.live.items() if rate.is_default and not self.is_no_tax(ident)]

    def options_of(self, item: str) -> list[dict[str, str]]:
        """What makes a variant: attribute and value by name, in the order of the group's attributes."""
        found = []
        for raw in nested(self.items.raw[item], "options") or ():
            ident = row_ident(raw)
            option = self.options.live.get(ident)
            attribute_id = option.attribute.id if option and option.attribute else None
            attribute = self.attributes.live.get(attribute_id or "")
            name = option.name if option else raw.get("name")
            if name:
                found.append({"option": (attribute.name if attribute else None) or "", "value": str(name)})
        place = {attribute.name: spot for spot, attribute in enumerate(self.attributes.live.values()) if attribute.name}
        return sorted(found, key=lambda entry: place.get(entry["option"], len(place)))

    @cached_property
    def stock(self) -> dict[str, tuple[Stock, Raw]]:
        """Stock with a quantity by item id: from the stock list, else from the item itself."""
        listed, items = self.rows_of("item_stocks"), self.rows_of("items")
        found: dict[str, tuple[Stock, Raw]] = {}
        for ident in dict.fromkeys([*listed, *items]):
            own = items.get(ident, {}).get("itemStock")
            for raw in (listed.get(ident), own if isinstance(own, Mapping) else None):
                entry = _shaped(raw, Stock)
                if raw and entry is not None and entry.quantity is not None:
                    found[ident] = (entry, raw)
                    break
        return found

    def _links(
        self, entity: str, name: str, owners: Mapping[str, Any], items: Mapping[str, Any], back: str
    ) -> dict[str, list[str]]:
        """Live items per live owner, from both sides: the owner's list gives the order, items add what it was cut of."""
        found = {
            owner: dict.fromkeys(
                ident for row in self.within(entity, owner, name) if (ident := row_ident(row)) in items
            )
            for owner in owners
        }
        for item in items:
            for row in self.within("items", item, back):
                owner = row_ident(row)
                if owner in found:
                    found[owner].setdefault(item)
        return {owner: list(idents) for owner, idents in found.items()}

    def dangling(self, name: str, known: Container[str]) -> list[str]:
        """Live items that name something in this nested list which no longer exists."""
        return [
            item
            for item in self.items.live
            if any(row_ident(row) not in known for row in self.within("items", item, name))
        ]


def load_catalog(reader: SnapshotReader) -> Catalog:
    """The catalog of the snapshot of one merchant."""
    return Catalog(reader)


def number(value: int | str | None) -> int | None:
    """A sort order, which has been seen as text."""
    if isinstance(value, int):
        return value
    text = (value or "").strip()
    return int(text) if text.removeprefix("-").isdecimal() else None


def _place(places: Mapping[str, int], ident: str) -> int:
    return places.get(ident, len(places))


def split_ids(text: str | None) -> list[str]:
    """The ids in ``modifierIds``."""
    return [ident for part in (text or "").split(",") if (ident := part.strip())]


def _sort_in(found: Records[T], ident: str, raw: Raw, shape: type[T]) -> None:
    kept = {name: value for name, value in raw.items() if name not in VOLATILE}
    found.raw[ident] = kept
    if is_deleted(raw):
        found.deleted.append(ident)
        return
    try:
        found.live[ident] = read(kept, shape)
    except msgspec.ValidationError as error:
        found.unreadable.append(Unreadable(ident, str(error)))


def _shaped(raw: Raw | None, shape: type[T]) -> T | None:
    """A struct of a record that is only looked into; None where it is missing or of another shape."""
    if not raw:
        return None
    try:
        return read(raw, shape)
    except msgspec.ValidationError:
        return None


def _merge(base: dict[str, Any], row: Raw) -> None:
    """Add a later reading: it holds everything but what only the earlier one had expanded."""
    for name, value in row.items():
        unexpanded = isinstance(value, Mapping) and set(value) == {"href"}
        if not (unexpanded and name in base):
            base[name] = value


def row_ident(row: Raw, row_id: str = "id") -> str:
    """The id of a record; of a row that only points at something, the id of that."""
    value = row.get(row_id)
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def _turned(links: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for owner, idents in links.items():
        for ident in idents:
            found.setdefault(ident, []).append(owner)
    return found
