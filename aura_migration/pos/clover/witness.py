"""What a Clover merchant sells, read once more from the recorded answers: the second opinion verification holds against
what was loaded.

Written from Clover's documentation alone. It shares nothing with this folder's mapping and wire structs and looks at
the paths of requests, not at how the extraction names its lists: a row counts wherever it was answered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.ids import path
from aura_migration.pos import facts as says
from aura_migration.pos.facts import EdgeFact, EdgeKey, ModifierPriceKey, PriceFact, PriceKey, Value

Row = Mapping[str, Any]
ITEM_TEXTS = {"sku": "sku", "barcode": "code", "short_name": "alternateName"}
"""Further values of an item that are compared: AuraConnect's name, Clover's."""
NO_TAX = "NO_TAX_APPLIED"
TEN_MILLIONTHS_IN_A_PERCENT = 100_000
DECODER = msgspec.json.Decoder(float_hook=Decimal)


@dataclass
class _Rows:
    """Rows by id as all answers together show them, and who belongs to whom by ids, in the order first seen."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    categories: dict[str, Row] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    modifiers: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    item_categories: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    item_groups: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    taxes: dict[str, dict[str, Any]] = field(default_factory=dict)
    item_taxes: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    tags: dict[str, dict[str, Any]] = field(default_factory=dict)
    item_tags: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    stock: dict[str, Row] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    is_vat: bool = False


def facts(reader: SnapshotReader, location_source_id: str, currency: str) -> says.Facts:
    """The facts of one merchant. Clover's amounts are minor units already, whatever the ``currency``."""
    rows = _read(reader, location_source_id)
    found = says.Facts(item_categories={})
    for ident, item in rows.items.items():
        _item(found, location_source_id, rows, ident, item)
    _names(found, location_source_id, rows)
    _taxes(found, location_source_id, rows)
    _stations(found, location_source_id, rows)
    _stock(found, location_source_id, rows)
    certificate = reader.certificate("items")
    if certificate is not None and (route := certificate.second_route) is not None:
        found.source_item_count, found.source_item_route = route.count, route.how
    return found


# Reading: one answer after the other, every list and every list inside a row


def _read(reader: SnapshotReader, merchant: str) -> _Rows:
    rows, root = _Rows(), f"/v3/merchants/{merchant}/"
    for entity in reader.entities():
        for body in reader.bodies(entity):
            if body.path.startswith(root) and isinstance(answer := DECODER.decode(body.data), dict):
                _take(rows, body.path.removeprefix(root).strip("/").split("/"), answer)
    for ident in rows.deleted:
        rows.items.pop(ident, None)
    return rows


def _take(rows: _Rows, steps: list[str], answer: Row) -> None:
    """One answer: a list (``items``), a row of it (``items/{id}``) or a row's child list (``categories/{id}/items``)."""
    listed = list(_elements(answer)) if "elements" in answer else [answer]
    rows.read.add(steps[0])
    match steps:
        case ["items" | "items_no_revenue_class"] | ["items", _]:
            for item in listed:
                _take_item(rows, item)
        case ["items", item, "categories"]:
            for category in listed:
                rows.item_categories[item][_take_category(rows, category)] = None
        case ["categories"] | ["categories", _]:
            for category in listed:
                _take_category(rows, category)
        case ["categories", category, "items"]:
            for item in listed:
                rows.item_categories[item["id"]][category] = None
        case ["modifier_groups"] | ["modifier_groups", _]:
            for group in listed:
                _take_group(rows, group)
        case ["modifier_groups", group, "items"]:
            for item in listed:
                rows.item_groups[item["id"]][group] = None
        case ["modifier_groups", group, "modifiers"] | ["modifier_groups", group, "modifiers", _]:
            for modifier in listed:
                _take_modifier(rows, modifier, group)
        case ["modifiers"] | ["modifiers", _]:
            for modifier in listed:
                _take_modifier(rows, modifier, "")
        case ["tax_rates"] | ["tax_rates", _]:
            for tax in listed:
                _take_tax(rows, tax)
        case ["tax_rates", tax, "items"]:
            for item in listed:
                rows.item_taxes[item["id"]][tax] = None
        case ["tags"] | ["tags", _]:
            for tag in listed:
                _take_tag(rows, tag)
        case ["tags", tag, "items"]:
            for item in listed:
                rows.item_tags[item["id"]][tag] = None
        case ["item_stocks"]:
            for stock in listed:
                rows.stock[(stock.get("item") or {}).get("id") or ""] = stock
        case ["properties"]:
            rows.is_vat = bool(answer.get("vat"))
        case _:
            pass


def _take_item(rows: _Rows, item: Row) -> None:
    """The same item comes several times, each time with other lists inside: what is known of it adds up."""
    ident = item["id"]
    if _is_deleted(item):
        rows.deleted.add(ident)
    rows.items.setdefault(ident, {}).update(item)
    for category in _elements(item.get("categories")):
        rows.item_categories[ident][_take_category(rows, category)] = None
    for tax in _elements(item.get("taxRates")):
        rows.item_taxes[ident][_take_tax(rows, tax)] = None
    for tag in _elements(item.get("tags")):
        rows.item_tags[ident][_take_tag(rows, tag)] = None
    for group in _elements(item.get("modifierGroups")):
        rows.item_groups[ident][_take_group(rows, group)] = None


def _take_category(rows: _Rows, category: Row) -> str:
    ident: str = category["id"]
    if not _is_deleted(category):
        rows.categories[ident] = category
    for item in _elements(category.get("items")):
        rows.item_categories[item["id"]][ident] = None
    return ident


def _take_group(rows: _Rows, group: Row) -> str:
    ident: str = group["id"]
    if not _is_deleted(group):
        rows.groups.setdefault(ident, {}).update(group)
    for modifier in _elements(group.get("modifiers")):
        _take_modifier(rows, modifier, ident)
    for item in _elements(group.get("items")):
        rows.item_groups[item["id"]][ident] = None
    return ident


def _take_tax(rows: _Rows, tax: Row) -> str:
    ident: str = tax["id"]
    if not _is_deleted(tax):
        rows.taxes.setdefault(ident, {}).update(tax)
    for item in _elements(tax.get("items")):
        rows.item_taxes[item["id"]][ident] = None
    return ident


def _take_tag(rows: _Rows, tag: Row) -> str:
    ident: str = tag["id"]
    if not _is_deleted(tag):
        rows.tags.setdefault(ident, {}).update(tag)
    for item in _elements(tag.get("items")):
        rows.item_tags[item["id"]][ident] = None
    return ident


def _take_modifier(rows: _Rows, modifier: Row, group: str) -> None:
    """A modifier belongs to exactly one group: the one under which it was listed, or else the one it names."""
    owner = group or (modifier.get("modifierGroup") or {}).get("id")
    if owner and not _is_deleted(modifier):
        rows.modifiers[owner][modifier["id"]] = modifier


def _elements(collection: Any) -> Iterator[Row]:
    """The rows of a collection; none of one that was not expanded (absent, or only an ``href``)."""
    yield from (collection or {}).get("elements") or ()


def _is_deleted(row: Row) -> bool:
    return bool(row.get("deleted") or row.get("isDeleted") or row.get("deletedTime"))


# Saying: facts under the keys of the crosswalk


def _item(found: says.Facts, merchant: str, rows: _Rows, ident: str, item: Row) -> None:
    key = path(merchant, ident)
    more: dict[str, Value] = {ours: item.get(theirs) or None for ours, theirs in ITEM_TEXTS.items()}
    more["description"] = (item.get("menuItem") or {}).get("description") or None
    is_available = item.get("available") is not False
    found.items[key] = says.ItemFact(item.get("name") or "", not item.get("hidden", False), is_available, more)
    assert found.item_categories is not None
    found.item_categories[key] = frozenset(
        path(merchant, category) for category in rows.item_categories.get(ident, ()) if category in rows.categories
    )
    price = _item_price(item)
    if price is not None:
        found.prices[PriceKey(key)] = price
    else:
        reason = f"price {item.get('price')!r} of type {item.get('priceType')!r} means nothing that is documented"
        found.unreadable.append(says.Unreadable("items", key, reason))
    for group in rows.item_groups.get(ident, ()):
        if group in rows.groups:
            _choices(found, merchant, key, rows.groups[group], rows.modifiers.get(group, {}))


def _item_price(item: Row) -> PriceFact | None:
    """VARIABLE is entered at the sale, whatever amount is stored; FIXED and PER_UNIT are the stored amount."""
    kind, cents = item.get("priceType") or "FIXED", item.get("price")
    if kind == "VARIABLE":
        return PriceFact("open", None)
    if not isinstance(cents, int):
        return None
    if kind == "PER_UNIT":
        return PriceFact("per_unit", cents, item.get("unitName") or "")
    return PriceFact("fixed", cents) if kind == "FIXED" else None


def _choices(found: says.Facts, merchant: str, item: str, group: Row, modifiers: Mapping[str, Row]) -> None:
    """Clover has no nested groups, defaults or prices per item: a choice is one modifier of one group of the item."""
    key = path(merchant, group["id"])
    limits = group.get("minRequired") or 0, group.get("maxAllowed") or None
    if not modifiers:
        found.edges[EdgeKey(item, ((key, ""),))] = EdgeFact(*limits, is_default=False)
    for ident, modifier in modifiers.items():
        edge = EdgeKey(item, ((key, path(merchant, group["id"], ident)),))
        is_available = modifier.get("available") is not False
        found.edges[edge] = EdgeFact(*limits, is_default=False, is_available=is_available)
        if isinstance(cents := modifier.get("price"), int):
            found.modifier_prices[ModifierPriceKey(edge)] = PriceFact("fixed", cents)


def _names(found: says.Facts, merchant: str, rows: _Rows) -> None:
    """Names of what is no item, and options that no item reaches. Modifiers of a deleted group went with it."""
    reached = {edge.path[-1][1] for edge in found.edges}
    for ident, category in rows.categories.items():
        found.names["categories", path(merchant, ident)] = category.get("name") or ""
    for ident, group in rows.groups.items():
        found.names["modifier_groups", path(merchant, ident)] = group.get("name") or ""
        for option, modifier in rows.modifiers.get(ident, {}).items():
            key = path(merchant, ident, option)
            found.names["modifiers", key] = modifier.get("name") or ""
            if key not in reached:
                found.unattached.add(key)
            if not isinstance(modifier.get("price"), int):
                found.unreadable.append(says.Unreadable("modifiers", key, "it has no price"))


def _taxes(found: says.Facts, merchant: str, rows: _Rows) -> None:
    """Rates are ten-millionths of one; an amount counts where the rate is nothing. The marker of untaxed items is no tax."""
    if "tax_rates" not in rows.read:
        return
    found.taxes, found.item_taxes = {}, {}
    markers = {
        ident
        for ident, tax in rows.taxes.items()
        if tax.get("name") == NO_TAX and not (tax.get("rate") or tax.get("taxAmount"))
    }
    for ident, tax in rows.taxes.items():
        rate, amount = tax.get("rate"), tax.get("taxAmount")
        if ident in markers:
            continue
        if rate is None and amount is None:
            found.unreadable.append(says.Unreadable("tax_rates", path(merchant, ident), "it has no rate and no amount"))
            continue
        is_fixed = not rate and bool(amount)
        percent = None if is_fixed else Decimal(rate or 0) / TEN_MILLIONTHS_IN_A_PERCENT
        found.taxes[path(merchant, ident)] = says.TaxFact(
            tax.get("name") or "", percent, amount if is_fixed else None, rows.is_vat
        )
    defaults = [ident for ident, tax in rows.taxes.items() if tax.get("isDefault")]
    for ident, item in rows.items.items():
        own = [tax for tax in rows.item_taxes.get(ident, ()) if tax in rows.taxes]
        flag = item.get("defaultTaxRates")
        borne = defaults if flag or (flag is None and not own) else own
        keys = (path(merchant, tax) for tax in borne if tax not in markers)
        found.item_taxes[path(merchant, ident)] = frozenset(key for key in keys if key in found.taxes)


def _stations(found: says.Facts, merchant: str, rows: _Rows) -> None:
    """A label with a printer routes tickets; any other is a label only."""
    if "tags" not in rows.read:
        return
    stations = {
        ident
        for ident, tag in rows.tags.items()
        if any(printer.get("id") or printer.get("name") for printer in _elements(tag.get("printers")))
    }
    for ident in stations:
        found.names["kitchen_stations", path(merchant, ident)] = rows.tags[ident].get("name") or ""
    found.item_stations = {
        path(merchant, ident): frozenset(
            path(merchant, tag) for tag in rows.item_tags.get(ident, ()) if tag in stations
        )
        for ident in rows.items
    }


def _stock(found: says.Facts, merchant: str, rows: _Rows) -> None:
    """What Clover keeps a quantity of: by the list of stocks, else by the item. It is tracked where sales take from it."""
    found.stock = {}
    for ident, item in rows.items.items():
        for stock in (rows.stock.get(ident), item.get("itemStock")):
            if isinstance(stock, Mapping) and stock.get("quantity") is not None:
                state = "out_of_stock" if item.get("available") is False else "quantity"
                found.stock[path(merchant, ident)] = says.StockFact(
                    Decimal(str(stock["quantity"])), bool(item.get("autoManage")), state
                )
                break
