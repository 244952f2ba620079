"""Square's witness: what one location sells, read from the raw snapshot by rules of its own.

Written from the Square API reference (sections 5 to 7) and nothing of this folder's mapping: a mistake there must not be
repeated here. Bodies are plain JSON; a field that is absent means what the reference says it means.

An item is sold at a location when it is not deleted, it is present there, and one of its variations is too. Archived
items are sold by nobody but are kept: inactive. One variation in the whole account means the item itself has the price;
of several, each has its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.facts import (
    DAYS,
    EdgeFact,
    EdgeKey,
    Facts,
    ItemFact,
    MenuFact,
    ModifierPriceKey,
    PriceFact,
    PriceKey,
    StockFact,
    TaxFact,
    Unreadable,
    VariationFact,
    Window,
)

Record = Mapping[str, Any]
ITEM_TYPES = {"GIFT_CARD": "gift_card", "DONATION": "donation", "APPOINTMENTS_SERVICE": "service"}
SECOND_ROUTE = "the items that the variations sold here belong to"


def facts(reader: SnapshotReader, location_source_id: str, currency: str) -> Facts:
    """What the location sells. Amounts are already minor units in Square; ``currency`` gives nothing further."""
    return _Catalog(reader, location_source_id).facts()


class _Option(NamedTuple):
    """An option of a list at the location, its own default not yet overridden by an attachment."""

    id: str
    key: str
    name: str
    is_default: bool
    is_available: bool
    price: PriceFact
    children: tuple[str, ...]


class _Catalog:
    """The catalog as one location sees it."""

    def __init__(self, reader: SnapshotReader, location: str) -> None:
        self.location = location
        self.offered: dict[str, list[_Option]] = {}
        self.objects: dict[str, Record] = {}
        self.alone: dict[str, Record] = {}
        for body in reader.bodies("catalog"):
            page = msgspec.json.decode(body.data)
            for found in (*(page.get("objects") or ()), *(page.get("related_objects") or ())):
                if found.get("type") == "ITEM_VARIATION":
                    _keep(self.alone, found)
                self._take(found)
        self.counts = _counts(reader, location)
        self.children: dict[str, list[Record]] = defaultdict(list)
        for child in self.objects.values():
            data = _data(child)
            parent = data.get("item_id") if child.get("type") == "ITEM_VARIATION" else data.get("modifier_list_id")
            if parent and not child.get("is_deleted") and child.get("type") in ("ITEM_VARIATION", "MODIFIER"):
                self.children[parent].append(child)

    def _take(self, found: Record) -> None:
        _keep(self.objects, found)
        data = _data(found)
        for child in (*(data.get("variations") or ()), *(data.get("modifiers") or ())):
            # A child inside its parent need not repeat whose child it is.
            own = dict(_data(child))
            own.setdefault("item_id" if child.get("type") == "ITEM_VARIATION" else "modifier_list_id", found["id"])
            self._take({**child, _data_name(child): own})

    def facts(self) -> Facts:
        """Items and what belongs to them, choices, menus."""
        found = Facts(menus={}, item_menus={}, item_categories={}, taxes={}, item_taxes={}, item_stations={})
        self._menus(found)
        self._taxes(found)
        reached: set[str] = set()
        for item in self._live("ITEM"):
            sold = [v for v in self.children[item["id"]] if self._is_here(v)]
            if not self._is_here(item) or not sold:
                continue
            self._item(found, item, sold)
            self._places(found, item)
            self._taxed(found, item)
            reached.update(self._edges(found, item))
        for group in self._live("MODIFIER_LIST"):
            if self._is_here(group):
                found.names["modifier_groups", group["id"]] = _data(group).get("name") or ""
                for option in self._options(group["id"]):
                    found.names["modifiers", option.key] = option.name
                    if option.key not in reached:
                        found.unattached.add(option.key)
        if self.counts is not None:
            found.stock = dict(self._stock(found, self.counts))
        if self.alone:
            found.source_item_count = self._second_count()
            found.source_item_route = SECOND_ROUTE
        return found

    def _live(self, kind: str) -> Iterator[Record]:
        return (o for o in self.objects.values() if o.get("type") == kind and not o.get("is_deleted"))

    def _is_here(self, one: Record) -> bool:
        """Section 6.2: everywhere but at the absent ones, or nowhere but at the present ones; everywhere when not said."""
        if one.get("present_at_all_locations", True):
            return self.location not in (one.get("absent_at_location_ids") or ())
        return self.location in (one.get("present_at_location_ids") or ())

    def _second_count(self) -> int:
        """The items once more, from the variations that the search shows by themselves."""
        items = {_data(v).get("item_id") for v in self.alone.values() if not v.get("is_deleted") and self._is_here(v)}
        found = (self.objects.get(item) for item in items if item)
        return sum(1 for item in found if item is not None and not item.get("is_deleted") and self._is_here(item))

    # Items

    def _item(self, found: Facts, item: Record, sold: list[Record]) -> None:
        key, data = item["id"], _data(item)
        is_one = len(self.children[key]) == 1
        is_active = not data.get("is_archived")
        here = {v["id"]: _override(_data(v), self.location) for v in sold}
        more: dict[str, str | int | bool | None] = {
            "short_name": data.get("abbreviation") or None,
            "item_type": ITEM_TYPES.get(data.get("product_type") or "", "item"),
        }
        kitchen = data.get("kitchen_name") or (_data(sold[0]).get("kitchen_name") if is_one else None)
        if kitchen:
            more["kitchen_name"] = kitchen
        if is_one:
            more |= _codes(_data(sold[0]))
            is_active = is_active and _data(sold[0]).get("sellable") is not False
            found.prices[PriceKey(key)] = _price(_data(sold[0]), here[sold[0]["id"]])
        else:
            for variation in sold:
                own, override = _data(variation), here[variation["id"]]
                found.variations[variation["id"]] = VariationFact(
                    key,
                    own.get("name") or "",
                    own.get("sellable") is not False,
                    not override.get("sold_out"),
                    _codes(own),
                )
                found.prices[PriceKey(key, variation["id"])] = _price(own, override)
        is_available = not all(override.get("sold_out") for override in here.values())
        found.items[key] = ItemFact(data.get("name") or "", is_active, is_available, more)

    # Choices

    def _edges(self, found: Facts, item: Record) -> Iterator[str]:
        """Add the item's choices; yields the option keys reached."""
        for link in _data(item).get("modifier_list_info") or ():
            group = self.objects.get(link.get("modifier_list_id") or "")
            if group is None or group.get("is_deleted") or not self._is_here(group):
                continue
            own = {o["modifier_id"]: o for o in link.get("modifier_overrides") or () if o.get("modifier_id")}
            is_active = link.get("enabled") is not False
            yield from self._below(found, item["id"], group, link, own, (), is_active, {item["id"]})

    def _below(
        self,
        found: Facts,
        item: str,
        group: Record,
        link: Record,
        overrides: Mapping[str, Record],
        path: tuple[tuple[str, str], ...],
        is_active: bool,
        above: set[str],
    ) -> Iterator[str]:
        data, group_id = _data(group), group["id"]
        low, high = _limits(link, data)
        options = self._options(group_id)
        if not options:
            found.edges[EdgeKey(item, (*path, (group_id, "")))] = EdgeFact(low, high, False, is_active)
            return
        repeats = _toggle(link.get("allow_quantities"), bool(data.get("allow_quantities")))
        for option in options:
            is_default = option.is_default
            if option.id in overrides:
                is_default = _is_default(is_default, overrides[option.id])
            edge = EdgeKey(item, (*path, (group_id, option.key)))
            found.edges[edge] = EdgeFact(low, high, is_default, is_active, option.is_available, repeats)
            found.modifier_prices[ModifierPriceKey(edge)] = option.price
            yield option.key
            if option.id in above:
                continue
            for child in option.children:
                nested = self.objects.get(child)
                if nested is not None and not nested.get("is_deleted") and self._is_here(nested):
                    yield from self._below(found, item, nested, {}, {}, edge.path, is_active, above | {option.id})

    def _options(self, group: str) -> list[_Option]:
        """The options of a list that are present at the location."""
        known = self.offered.get(group)
        if known is None:
            here = [option for option in self.children[group] if self._is_here(option)]
            known = self.offered[group] = [self._option(group, option) for option in here]
        return known

    def _option(self, group: str, option: Record) -> _Option:
        data = _data(option)
        override = _override(data, self.location)
        amounts = (_amount(override), _amount(data), 0)
        return _Option(
            option["id"],
            f"{group}/{option['id']}",
            data.get("name") or "",
            bool(data.get("on_by_default")),
            not override.get("sold_out"),
            PriceFact("fixed", next(amount for amount in amounts if amount is not None)),
            tuple(data.get("child_modifier_list_ids") or ()),
        )

    # Menus and categories

    def _menus(self, found: Facts) -> None:
        periods = {p["id"]: _data(p) for p in self._live("AVAILABILITY_PERIOD")}
        for category in self._live("CATEGORY"):
            if _kind(category) == "MENU_CATEGORY" and not _parent(category) and self._is_here(category):
                data = _data(category)
                windows = []
                for period in data.get("availability_period_ids") or ():
                    if period not in periods:
                        reason = f"it is open in {period}, which the snapshot does not have"
                        found.unreadable.append(Unreadable("menus", category["id"], reason))
                        continue
                    windows.append(_window(periods[period]))
                assert found.menus is not None
                found.menus[category["id"]] = MenuFact(data.get("name") or "", True, tuple(windows))

    def _places(self, found: Facts, item: Record) -> None:
        """The menus and categories an item stands in; a section's item stands on the section's menu."""
        data = _data(item)
        named = [*(data.get("categories") or ()), data.get("reporting_category") or {}]
        ids = [one["id"] for one in named if one.get("id")]
        if data.get("categories") is None and data.get("reporting_category") is None and data.get("category_id"):
            ids = [data["category_id"]]
        menus, categories, stations = set(), set(), set()
        for one in ids:
            category = self.objects.get(one)
            if category is None or category.get("is_deleted") or not self._is_here(category):
                continue
            kind = _kind(category)
            root = self._root(category)
            if kind == "KITCHEN_CATEGORY":
                stations.add(f"{self.location}/{one}")
            if kind == "MENU_CATEGORY" and found.menus and root in found.menus:
                menus.add(root)
            if kind == "REGULAR_CATEGORY" or (kind == "MENU_CATEGORY" and _parent(category)):
                categories.add(one)
                found.names["categories", one] = _data(category).get("name") or ""
        assert found.item_menus is not None and found.item_categories is not None and found.item_stations is not None
        found.item_stations[item["id"]] = frozenset(stations)
        found.item_menus[item["id"]] = frozenset(menus)
        found.item_categories[item["id"]] = frozenset(categories)

    # Taxes, kitchen, stock

    def _taxes(self, found: Facts) -> None:
        """Rates that exist here, and the kitchen categories. Section 6.8: an inclusive tax is contained in the price."""
        assert found.taxes is not None
        for tax in self._live("TAX"):
            if self._is_here(tax):
                data = _data(tax)
                percent = _decimal(data.get("percentage"))
                if percent is None:
                    found.unreadable.append(Unreadable("tax_rates", tax["id"], "it has no percentage"))
                    continue
                is_inclusive = data.get("inclusion_type") == "INCLUSIVE"
                is_on = data.get("enabled") is not False
                found.taxes[tax["id"]] = TaxFact(data.get("name") or "", percent, None, is_inclusive, is_on)
        for category in self._live("CATEGORY"):
            if _kind(category) == "KITCHEN_CATEGORY" and self._is_here(category):
                found.names["kitchen_stations", f"{self.location}/{category['id']}"] = _data(category).get("name") or ""

    def _taxed(self, found: Facts, item: Record) -> None:
        """What a taxable item bears: the rates it names that exist here and are on."""
        assert found.taxes is not None and found.item_taxes is not None
        named = _data(item).get("tax_ids") or () if _data(item).get("is_taxable") is not False else ()
        found.item_taxes[item["id"]] = frozenset(
            tax for tax in named if tax in found.taxes and found.taxes[tax].is_active
        )

    def _stock(self, found: Facts, counts: Mapping[str, Any]) -> Iterator[tuple[str, StockFact]]:
        """What is tracked, counted as a whole or marked sold out, which is none whatever the count says (section 6.6)."""
        for item in found.items:
            ways = self.children[item]
            for variation in (way for way in ways if self._is_here(way)):
                ident, data = variation["id"], _data(variation)
                override = _override(data, self.location)
                own = override.get("track_inventory")
                counted = ident if ident in counts or len(ways) > 1 else item
                is_tracked = bool(data.get("track_inventory") if own is None else own) or (
                    counted == item and item in counts
                )
                key = ident if len(ways) > 1 else item
                if override.get("sold_out"):
                    yield key, StockFact(Decimal(0) if is_tracked else None, is_tracked, "out_of_stock")
                elif is_tracked and counted in counts:
                    quantity = _decimal(counts[counted])
                    if quantity is None:
                        found.unreadable.append(Unreadable("stock", key, "its count is not a number"))
                        continue
                    yield key, StockFact(quantity, True, "quantity")
                elif is_tracked:
                    yield key, StockFact(None, True, "in_stock")
            if len(ways) > 1 and (quantity := _decimal(counts.get(item))) is not None:
                yield item, StockFact(quantity, True, "quantity")

    def _root(self, category: Record) -> str:
        seen: set[str] = set()
        while (parent := _parent(category)) and parent in self.objects and category["id"] not in seen:
            seen.add(category["id"])
            category = self.objects[parent]
        return str(category["id"])


def _counts(reader: SnapshotReader, location: str) -> dict[str, Any] | None:
    """What is on hand at the location, by object: the newest count of each. None where nothing of it was read."""
    newest: dict[str, tuple[str, Any]] = {}
    bodies = list(reader.bodies("inventory"))
    for body in bodies:
        for count in msgspec.json.decode(body.data).get("counts") or ():
            ident, when = count.get("catalog_object_id"), str(count.get("calculated_at") or "")
            is_on_hand = count.get("location_id") == location and count.get("state") == "IN_STOCK" and ident
            if is_on_hand and (ident not in newest or _moment(when) > _moment(newest[ident][0])):
                newest[ident] = (when, count.get("quantity"))
    return {ident: quantity for ident, (_, quantity) in newest.items()} if bodies else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


def _decimal(value: Any) -> Decimal | None:
    """A number that Square writes as a text."""
    try:
        found = Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None
    return found if found is None or found.is_finite() else None


def _keep(into: dict[str, Record], found: Record) -> None:
    """The newer version of an object; of the same version the deleted one."""
    known = into.get(found["id"])
    if known is None or _age(found) >= _age(known):
        into[found["id"]] = found


def _age(one: Record) -> tuple[int, bool]:
    return int(one.get("version") or 0), bool(one.get("is_deleted"))


def _data_name(one: Record) -> str:
    kind = one.get("type") or ""
    return "item_option_value_data" if kind == "ITEM_OPTION_VAL" else f"{kind.lower()}_data"


def _data(one: Record) -> Record:
    return one.get(_data_name(one)) or {}


def _override(data: Record, location: str) -> Record:
    return next((o for o in data.get("location_overrides") or () if o.get("location_id") == location), {})


def _amount(data: Record) -> int | None:
    amount = (data.get("price_money") or {}).get("amount")
    return None if amount is None else int(amount)


def _price(data: Record, override: Record) -> PriceFact:
    """Section 6.6: the override's amount; open if the override says so; else the variation's own."""
    amount = _amount(override)
    if amount is None:
        if (override.get("pricing_type") or data.get("pricing_type")) == "VARIABLE_PRICING":
            return PriceFact("open", None)
        amount = _amount(data)
        if amount is None:
            return PriceFact("open", None)
    return PriceFact("per_unit" if data.get("measurement_unit_id") else "fixed", amount)


def _codes(data: Record) -> dict[str, str | int | bool | None]:
    return {"sku": data.get("sku") or None, "barcode": data.get("upc") or None}


def _limits(link: Record, group: Record) -> tuple[int, int | None]:
    """Section 6.7: the attachment's limits unless both are unset, else the list's, else what its selection type says."""
    if group.get("modifier_type") == "TEXT":
        return (1 if group.get("text_required") else 0), 1
    for data in (link, group):
        low, high = _set(data.get("min_selected_modifiers")), _set(data.get("max_selected_modifiers"))
        if low is not None or high is not None:
            return low or 0, high or None
    return 0, 1 if group.get("selection_type") == "SINGLE" else None


def _set(value: int | None) -> int | None:
    return None if value is None or int(value) == -1 else int(value)


def _toggle(value: Any, otherwise: bool) -> bool:
    return {"YES": True, "NO": False}.get(str(value), otherwise)


def _is_default(own: bool, override: Record) -> bool:
    said = override.get("on_by_default_override")
    if said in ("YES", "NO"):
        return bool(said == "YES")
    older = override.get("on_by_default")
    return own if older is None or said == "NOT_SET" else bool(older)


def _kind(category: Record) -> str:
    return _data(category).get("category_type") or "REGULAR_CATEGORY"


def _parent(category: Record) -> str:
    return str((_data(category).get("parent_category") or {}).get("id") or "")


def _window(period: Record) -> Window:
    day = str(period.get("day_of_week") or "").lower()
    days: Iterable[str] = (day,) if day in DAYS else ()
    return Window(
        tuple(days), str(period.get("start_local_time") or "")[:5], str(period.get("end_local_time") or "")[:5]
    )
