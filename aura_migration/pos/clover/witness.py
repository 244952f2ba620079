"""What a Clover merchant sells, read once more from the recorded answers: the second opinion verification holds against
what was loaded.

Written from Clover's documentation alone. It shares nothing with this folder's mapping and wire structs and looks at
the paths of requests, not at how the extraction names its lists: a row counts wherever it was answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.errors import BadInput
from aura_migration.core.ids import path
from aura_migration.pos.facts import (
    EdgeFact,
    EdgeKey,
    Facts,
    ItemFact,
    ModifierPriceKey,
    PriceFact,
    PriceKey,
    Unreadable,
    Value,
)

Row = Mapping[str, Any]
ITEM_TEXTS = {"sku": "sku", "barcode": "code", "short_name": "alternateName"}
"""Further values of an item that are compared, by the name AuraConnect has for them."""


@dataclass
class _Rows:
    """Rows by id as all answers together show them, and who belongs to whom (pairs of ids)."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    categories: dict[str, Row] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    modifiers: dict[tuple[str, str], Row] = field(default_factory=dict)
    item_categories: set[tuple[str, str]] = field(default_factory=set)
    item_groups: set[tuple[str, str]] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


def facts(reader: SnapshotReader, location_source_id: str, currency: str) -> Facts:
    """The facts of one merchant. Clover's amounts are minor units already, whatever the ``currency``."""
    found = Facts()
    rows = _read(reader, location_source_id)
    for item in rows.items.values():
        _item(found, location_source_id, rows, item)
    _names(found, location_source_id, rows)
    certificate = reader.certificate("items")
    if certificate is not None and certificate.second_route is not None:
        found.source_item_count = certificate.second_route.count
        found.source_item_route = certificate.second_route.how
    return found


# Reading: one answer after the other, every list and every list inside a row


def _read(reader: SnapshotReader, merchant: str) -> _Rows:
    rows = _Rows()
    root = ["v3", "merchants", merchant]
    for entity in reader.entities():
        for body in reader.bodies(entity):
            steps = body.path.strip("/").split("/")
            if steps[:3] != root or len(steps) < 4 or body.method != "GET":
                continue
            try:
                answer = _DECODER.decode(body.data)
            except msgspec.DecodeError as error:
                raise BadInput(
                    f"The answer to {body.path} in the snapshot is not JSON: {error}.", "Extract the snapshot again."
                ) from error
            _take(rows, steps[3:], answer)
    for item in rows.gone & rows.items.keys():
        del rows.items[item]
    return rows


def _take(rows: _Rows, steps: list[str], answer: Any) -> None:
    """One answer: a list (``items``), a row of it (``items/{id}``) or a row's child list (``categories/{id}/items``)."""
    if not isinstance(answer, dict):
        return
    listed = list(_elements(answer)) if "elements" in answer else [answer]
    match steps:
        case ["items" | "items_no_revenue_class"] | ["items", _]:
            for item in listed:
                _take_item(rows, item)
        case ["items", item, "categories"]:
            rows.item_categories.update((item, _take_category(rows, category)) for category in listed)
        case ["categories"] | ["categories", _]:
            for category in listed:
                _take_category(rows, category)
        case ["categories", category, "items"]:
            rows.item_categories.update((str(item["id"]), category) for item in listed)
        case ["modifier_groups"] | ["modifier_groups", _]:
            for group in listed:
                _take_group(rows, group)
        case ["modifier_groups", group, "items"]:
            rows.item_groups.update((str(item["id"]), group) for item in listed)
        case ["modifier_groups", group, "modifiers"] | ["modifier_groups", group, "modifiers", _]:
            for modifier in listed:
                _take_modifier(rows, modifier, group)
        case ["modifiers"] | ["modifiers", _]:
            for modifier in listed:
                _take_modifier(rows, modifier, "")
        case _:
            pass


def _take_item(rows: _Rows, item: Row) -> None:
    """The same item comes several times, each time with other lists inside: what is known of it adds up."""
    ident = str(item["id"])
    if _is_deleted(item):
        rows.gone.add(ident)
        return
    rows.items.setdefault(ident, {}).update(item)
    for category in _elements(item.get("categories")):
        rows.item_categories.add((ident, _take_category(rows, category)))
    for group in _elements(item.get("modifierGroups")):
        rows.item_groups.add((ident, _take_group(rows, group)))


def _take_category(rows: _Rows, category: Row) -> str:
    ident = str(category["id"])
    if not _is_deleted(category):
        rows.categories[ident] = category
    rows.item_categories.update((str(item["id"]), ident) for item in _elements(category.get("items")))
    return ident


def _take_group(rows: _Rows, group: Row) -> str:
    ident = str(group["id"])
    if not _is_deleted(group):
        rows.groups.setdefault(ident, {}).update(group)
    for modifier in _elements(group.get("modifiers")):
        _take_modifier(rows, modifier, ident)
    rows.item_groups.update((str(item["id"]), ident) for item in _elements(group.get("items")))
    return ident


def _take_modifier(rows: _Rows, modifier: Row, group: str) -> None:
    """A modifier belongs to exactly one group: the one it names, or else the one under which it was listed."""
    owner = str((modifier.get("modifierGroup") or {}).get("id") or group)
    if not _is_deleted(modifier):
        rows.modifiers[owner, str(modifier["id"])] = modifier


def _elements(collection: Any) -> Iterator[Row]:
    """The rows of a collection; none of one that was not expanded (absent, or only an ``href``)."""
    yield from (collection or {}).get("elements") or ()


def _is_deleted(row: Row) -> bool:
    return bool(row.get("deleted") or row.get("deletedTime"))


# Saying: facts under the keys of the crosswalk


def _item(found: Facts, merchant: str, rows: _Rows, item: Row) -> None:
    ident = str(item["id"])
    key = path(merchant, ident)
    more: dict[str, Value] = {name: item.get(source) or None for name, source in ITEM_TEXTS.items()}
    found.items[key] = ItemFact(
        str(item.get("name") or ""), not item.get("hidden", False), bool(item.get("available", True)), more
    )
    price = _item_price(item)
    if price is None:
        reason = f"price type {item.get('priceType')!r} with price {item.get('price')!r} is not documented"
        found.unreadable.append(Unreadable("items", key, reason))
    else:
        found.prices[PriceKey(key)] = price
    for owner, group in sorted(rows.item_groups):
        if owner == ident and group in rows.groups:
            _choices(found, merchant, rows, key, rows.groups[group])


def _item_price(item: Row) -> PriceFact | None:
    """VARIABLE is entered at the sale, whatever amount is stored; FIXED and PER_UNIT are the stored amount."""
    kind, cents = item.get("priceType", "FIXED"), item.get("price", 0)
    if kind == "VARIABLE":
        return PriceFact("open", None)
    if not isinstance(cents, int):
        return None
    if kind == "PER_UNIT":
        return PriceFact("per_unit", cents, str(item.get("unitName") or ""))
    return PriceFact("fixed", cents) if kind == "FIXED" else None


def _choices(found: Facts, merchant: str, rows: _Rows, item: str, group: Row) -> None:
    """Clover has no nested groups, defaults or prices per item: an edge is one modifier of one group of the item."""
    ident = str(group["id"])
    key = path(merchant, ident)
    low, high = int(group.get("minRequired") or 0), group.get("maxAllowed")
    options = [(option, modifier) for (owner, option), modifier in rows.modifiers.items() if owner == ident]
    if not options:
        found.edges[EdgeKey(item, ((key, ""),))] = EdgeFact(low, high, is_default=False)
    for option, modifier in options:
        edge = EdgeKey(item, ((key, path(merchant, ident, option)),))
        found.edges[edge] = EdgeFact(low, high, is_default=False, is_available=bool(modifier.get("available", True)))
        found.modifier_prices[ModifierPriceKey(edge)] = PriceFact("fixed", int(modifier.get("price") or 0))


def _names(found: Facts, merchant: str, rows: _Rows) -> None:
    """Names of everything that is not an item, where items stand, and which options no item reaches."""
    for ident, category in rows.categories.items():
        found.names["categories", path(merchant, ident)] = str(category.get("name") or "")
    for ident, group in rows.groups.items():
        found.names["modifier_groups", path(merchant, ident)] = str(group.get("name") or "")
    reached = {edge.path[-1][1] for edge in found.edges}
    for (ident, option), modifier in rows.modifiers.items():
        key = path(merchant, ident or "-", option)
        if ident not in rows.groups:
            reason = "its modifier group is deleted: it cannot be chosen any more"
            found.unreadable.append(Unreadable("modifiers", key, reason))
            continue
        found.names["modifiers", key] = str(modifier.get("name") or "")
        if key not in reached:
            found.unattached.add(key)
    found.item_categories = {
        path(merchant, item): frozenset(
            path(merchant, category)
            for owner, category in rows.item_categories
            if owner == item and category in rows.categories
        )
        for item in rows.items
    }
