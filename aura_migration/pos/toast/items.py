"""Items and sizes of one restaurant as canonical rows, with their links to menus, categories, taxes and stations.

An item is one row however many menus it stands on; its places become links, prices that differ by place become rules.
Modifier groups, options and what hangs on them are in ``modifiers.py``, menus and categories in ``menus.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aura_migration.core.ids import path
from aura_migration.pos.toast.document import Place, source_of
from aura_migration.pos.toast.job import (
    EVERYWHERE,
    Context,
    Job,
    Target,
    add_price,
    alcohol,
    channels,
    plain,
    portions,
    record_of,
    tag_names,
    text,
    union,
    visible,
)
from aura_migration.pos.toast.prices import OPEN, Price, PriceError, item_price, size_option_price
from aura_migration.pos.toast.wire import MenuItem, ModifierOption

EXTRA_FIELDS = {
    "eligiblePaymentAssistancePrograms": "payment_assistance_programs",
    "guestCount": "guest_count",
    "length": "length",
    "height": "height",
    "width": "width",
    "dimensionUnitOfMeasure": "dimension_unit",
    "weight": "weight",
    "weightUnitOfMeasure": "weight_unit",
    "catalogProductInfo": "catalog_product",
    "isComboParent": "is_combo_parent",
}
DEFERRED = "deferred_revenue"


@dataclass
class Sizes:
    """The sizes of an item sold by size.

    ``plain``: every size is a variation of the item. Otherwise a size carries what a variation cannot (nested groups,
    own taxes, own stations): the item costs nothing itself, and the size group stays a required modifier group with the
    prices.
    """

    group_key: str
    refs: dict[tuple[str, str], int]
    plain: bool


PlaceRule = tuple[Price, Price, Context]
"""What holds in a context, and what would hold there otherwise."""
Placed = Sequence[tuple[Place, Price]]
"""What an item or size costs at each of its places."""


@dataclass
class Size:
    """One size of an item: its option, and its price at every place, or why that cannot be known."""

    ref: int
    option: ModifierOption
    places: list[tuple[Place, Price]]
    problem: str = ""

    @property
    def base(self) -> Price:
        """The price where nothing more exact holds."""
        return next((price for _, price in self.places if price == OPEN), self.places[0][1])


@dataclass
class Offer:
    """How an item is sold: price type, base price, the rules by place, and its sizes where they are variations."""

    kind: str
    base: Price
    rules: list[PlaceRule] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)


def plan_sizes(job: Job) -> dict[str, Sizes]:
    """The sizes of every item sold by size; why those of an item cannot be known is kept for its quarantine."""
    planned: dict[str, Sizes] = {}
    for key, places in job.doc.items.items():
        strategies = {place.item.pricing_strategy for place in places}
        if "SIZE_PRICE" not in strategies:
            continue
        try:
            planned[key] = _sizes(job, places, strategies)
        except PriceError as error:
            job.without_sizes[key] = str(error)
    for key, sizes in planned.items():
        if sizes.plain:
            _index_variations(job, key, sizes)
    return planned


def plain_size_links(sizes: Mapping[str, Sizes]) -> set[tuple[str, int]]:
    """(item key, group reference) of the size groups that live on as variations: they are no modifier links."""
    return {(item, ref) for item, planned in sizes.items() if planned.plain for ref in planned.refs.values()}


def _sizes(job: Job, places: Sequence[Place], strategies: set[str]) -> Sizes:
    name = places[0].item.name
    if len(strategies) > 1:
        raise PriceError(f"{name!r} is sold by size on one menu and otherwise on another.")
    refs: dict[tuple[str, str], int] = {}
    keys: set[str] = set()
    plain_sizes = True
    for place in places:
        rules = place.item.pricing_rules
        guid = rules.size_specific_pricing_guid if rules else None
        found = [ref for ref, group in job.doc.groups_of(place.item) if group.guid == guid]
        if not guid or not found:
            raise PriceError(f"{name!r} is sold by size, but its sizes are not in Toast's answer.")
        refs.setdefault((place.menu_key, place.category_key), found[0])
        keys.add(job.doc.groups[found[0]].key)
        plain_sizes &= all(_is_plain(option, place.item) for _, option in job.doc.options_of(found[0]))
    if len(keys) > 1:
        raise PriceError(f"{name!r} has different size groups on different menus.")
    return Sizes(keys.pop(), refs, plain_sizes)


def _is_plain(option: ModifierOption, item: MenuItem) -> bool:
    """Whether a size carries nothing but name, ids and price."""
    tax = option.modifier_option_tax_info
    own_tax = tax is not None and (
        bool(tax.override_item_tax_rates) or set(tax.tax_rate_guids or ()) != set(item.tax_info or ())
    )
    own_stations = option.prep_stations and set(option.prep_stations) != set(item.prep_stations or ())
    return not (option.modifier_group_references or own_tax or own_stations)


def _index_variations(job: Job, item_key: str, sizes: Sizes) -> None:
    for ref in sizes.refs.values():
        for _, option in job.doc.options_of(ref):
            found = job.size_variations.setdefault(option.guid, [])
            entry = (item_key, path(item_key, option.key))
            if entry not in found:
                found.append(entry)
            names = job.size_names.get(option.guid, ())
            if option.name not in names:
                job.size_names[option.guid] = (*names, option.name)


def map_items(job: Job, sizes: Mapping[str, Sizes]) -> None:
    """Items with their variations, location rows, links to categories and menus, taxes, stations and price rules.

    An item whose price cannot be known goes to quarantine; its other rows are there and wait for it.
    """
    for key, places in job.doc.items.items():
        _map_item(job, key, places, sizes.get(key))


def _map_item(job: Job, key: str, places: Sequence[Place], sizes: Sizes | None) -> None:
    first = places[0].item
    record = record_of(first)
    unit = None if first.unit_of_measure in (None, "", "NONE") else str(first.unit_of_measure).lower()
    offer, problem = Offer("per_unit" if unit else "fixed", Price("fixed", None)), ""
    try:
        offer = _offer(job, key, places, sizes, unit)
    except PriceError as error:
        problem = str(error)
    available = job.stock.available(first.guid, key)
    visibility = union(place.item.visibility for place in places)
    named = {
        "name": first.name,
        "short_name": text(first.pos_name),
        "kitchen_name": text(first.kitchen_name),
        "sku": text(first.sku),
        "is_available": available,
        "is_active": visible(visibility),
    }
    values = {
        **named,
        "description": text(first.description),
        "price_type": offer.kind,
        "unit_name": unit,
        "category_key": places[0].category_key,
        "barcode": text(first.plu),
        "item_type": "item",
        "prep_time_minutes": None if first.prep_time is None else -(-first.prep_time // 60),
        "calories": first.calories,
        "allergens": plain(first.allergens) or None,
        "tags": tag_names(first.item_tags),
        "contains_alcohol": alcohol(first),
        "image_url": text(first.image),
        "images": plain(first.images) or None,
        "button_color": text(first.pos_button_color_light),
        "channels": channels(visibility),
        "tax_inclusive": {"TAX_INCLUDED": True, "TAX_NOT_INCLUDED": False}.get(first.tax_inclusion or ""),
        "is_discountable": first.is_discountable,
        "custom_fields": _custom_fields(job, places[0]),
        "display_order": places[0].position,
    }
    here: dict[str, Any] = {**named, "menu_item_key": key}
    if problem:
        job.reject("items", key, problem, record, **values)
    else:
        job.batch.add("items", key, source_of(places[0].raw), record, **values, price_cents=offer.base.cents)
        here |= {"price_type": offer.kind, "price_cents": offer.base.cents}
    job.batch.add("item_locations", job.key(key), None, record, **here)
    target = Target(("item", key), {"menu_item_key": key})
    for price, base, context in offer.rules:
        add_price(job, target, price, base, context, record)
    for position, size in enumerate(offer.sizes):
        _map_variation(job, key, size, unit, position)
    _map_places(job, key, places)
    _map_taxes_and_stations(job, key, places)
    _note_differences(job, places)


def _offer(job: Job, key: str, places: Sequence[Place], sizes: Sizes | None, unit: str | None) -> Offer:
    if key in job.without_sizes:
        raise PriceError(job.without_sizes[key])
    if sizes is None:
        placed = [(place, item_price(place.item, job.currency)) for place in places]
        base = _base(placed)
        kind = "open" if base == OPEN else "per_unit" if unit else "fixed"
        return Offer(kind, base, _place_rules(base, placed))
    if sizes.plain:
        return Offer("variation", Price("fixed", None), [], _variations(job, places, sizes))
    return Offer("fixed", Price("fixed", 0))


def _base(specs: Placed) -> Price:
    """The price where nothing more exact holds: an open one, else the base price, else that of the first place."""
    if any(price == OPEN for _, price in specs):
        return OPEN
    for place, price in specs:
        if place.item.pricing_strategy == "BASE_PRICE":
            return price
    return specs[0][1]


def _variations(job: Job, places: Sequence[Place], sizes: Sizes) -> list[Size]:
    """Every size with its price at every place."""
    found: dict[str, Size] = {}
    for place in places:
        for ref, option in job.doc.options_of(sizes.refs[(place.menu_key, place.category_key)]):
            size = found.setdefault(option.key, Size(ref, option, []))
            try:
                size.places.append((place, size_option_price(option, job.currency)))
            except PriceError as error:
                size.problem = str(error)
    if not found:
        raise PriceError(f"{places[0].item.name!r} is sold by size, but has no size.")
    return list(found.values())


def _map_variation(job: Job, item_key: str, size: Size, unit: str | None, position: int) -> None:
    option, problem = size.option, size.problem
    key, record = path(item_key, option.key), record_of(option)
    rules: list[PlaceRule] = []
    try:
        rules = [] if problem else _place_rules(size.base, size.places)
    except PriceError as error:
        problem = str(error)
    priced = not problem
    kind = "open" if priced and size.base == OPEN else "per_unit" if unit else "fixed"
    common = {
        "menu_item_key": item_key,
        "name": option.name,
        "sku": text(option.sku),
        "is_available": job.stock.available(option.guid, option.key),
        "is_active": visible(option.visibility),
    }
    kitchen_name = text(option.kitchen_name)
    values = {
        **common,
        "barcode": text(option.plu),
        "price_type": kind,
        "unit_name": unit,
        "options": [{"option": "Size", "value": option.name}],
        "custom_fields": {"kitchen_name": kitchen_name} if kitchen_name else None,
        "is_default": bool(option.is_default),
        "display_order": position,
    }
    here: dict[str, Any] = {**common, "variation_key": key}
    if priced:
        source = source_of(job.doc.option_raw[size.ref])
        job.batch.add("variations", key, source, record, **values, price_cents=size.base.cents)
        here |= {"price_type": kind, "price_cents": size.base.cents}
    else:
        job.reject("variations", key, problem, record, **values)
    job.batch.add("item_locations", job.key(item_key, option.key), None, record, **here)
    target = Target(("size", item_key, option.key), {"menu_item_key": item_key, "variation_key": key})
    for price, base, context in rules:
        add_price(job, target, price, base, context, record)


def _place_rules(base: Price, specs: Placed) -> list[PlaceRule]:
    """The contexts in which an item or size costs something else than its base price, and its base price everywhere."""
    rules: list[PlaceRule] = [(base, base, EVERYWHERE)]
    by_menu: dict[str, list[tuple[Place, Price]]] = {}
    for place, price in specs:
        by_menu.setdefault(place.menu_key, []).append((place, price))
    for menu_key, here in by_menu.items():
        prices = [price for _, price in here]
        on_menu = base if base in prices else prices[0]
        if on_menu != base:
            rules.append((on_menu, base, Context(menu=menu_key)))
        in_category: dict[str, Price] = {}
        for place, price in here:
            if in_category.setdefault(place.category_key, price) != price:
                raise PriceError(f"{place.item.name!r} has two prices in one menu group.")
        for category_key, price in in_category.items():
            if price != on_menu:
                rules.append((price, on_menu, Context(menu=menu_key, category=category_key)))
    return rules


def _map_places(job: Job, key: str, places: Sequence[Place]) -> None:
    """Links to categories (the first is the primary one) and menus."""
    categories: set[str] = set()
    menus: set[str] = set()
    for place in places:
        if place.category_key not in categories:
            job.batch.add(
                "item_categories",
                job.key(key, place.category_key),
                None,
                record_of(place.item),
                menu_item_key=key,
                category_key=place.category_key,
                is_primary=not categories,
                display_order=place.position,
            )
            categories.add(place.category_key)
        if place.menu_key not in menus:
            job.batch.add(
                "item_menus",
                job.key(key, place.menu_key),
                None,
                record_of(place.item),
                menu_item_key=key,
                menu_key=place.menu_key,
                display_order=place.position,
            )
            menus.add(place.menu_key)


def _map_taxes_and_stations(job: Job, key: str, places: Sequence[Place]) -> None:
    first = places[0].item
    record = record_of(first)
    for tax in dict.fromkeys(first.tax_info or ()):
        row_key = job.key("item", key, tax)
        if job.taxes is None:
            job.notes.add("MenuItem", "taxInfo", "The tax rates were not read; the item has no tax.", first.guid)
        elif tax not in job.taxes:
            job.reject(
                "item_taxes",
                row_key,
                f"{first.name!r} has a tax rate that the restaurant's setup lacks.",
                record,
            )
        else:
            job.batch.add(
                "item_taxes",
                row_key,
                None,
                record,
                tax_rate_key=job.key(tax),
                menu_item_key=key,
                overrides_item_taxes=False,
            )
    stations = dict.fromkeys(station for place in places for station in place.item.prep_stations or ())
    for sequence, station in enumerate(stations):
        row_key = job.key(key, station)
        if job.stations is None:
            note = "The prep stations were not read; tickets for the item go nowhere in particular."
            job.notes.add("MenuItem", "prepStations", note, first.guid)
        elif station not in job.stations:
            job.reject(
                "item_stations", row_key, f"{first.name!r} is prepared at a station Toast does not list.", record
            )
        else:
            job.batch.add(
                "item_stations",
                row_key,
                None,
                record,
                menu_item_key=key,
                station_key=job.key(station),
                is_primary=sequence == 0,
                sequence=sequence,
            )


def _custom_fields(job: Job, place: Place) -> dict[str, Any] | None:
    """What AuraConnect has no column for but an owner knows by name."""
    item, raw = place.item, place.raw
    fields: dict[str, Any] = {}
    if item.sales_category and item.sales_category.name:
        fields["sales_category"] = item.sales_category.name
    if item.is_deferred:
        fields[DEFERRED] = True
    if item.prep_time is not None and item.prep_time % 60:
        fields["prep_time_seconds"] = item.prep_time
    if item.portions:
        fields["portions"] = portions(item.portions)
        note = (
            "Halves and portions: names and factors are kept, but AuraConnect cannot sell modifiers on one part only."
        )
        job.notes.add("MenuItem", "portions", note, item.guid)
    for name, ours in EXTRA_FIELDS.items():
        if raw.get(name) not in (None, "", [], "NONE", False):
            fields[ours] = plain(raw[name])
    return fields or None


def _note_differences(job: Job, places: Sequence[Place]) -> None:
    """Count what Toast resolves differently from menu to menu and AuraConnect keeps once."""
    first = places[0].item
    if first.tax_inclusion == "SMART_TAX":
        note = "Tax is included in some revenue centers only (smart tax); AuraConnect takes it as not included."
        job.notes.add("MenuItem", "taxInclusion", note, first.guid)
    if first.name == "Missing name":
        job.notes.add("MenuItem", "name", "It has no name in Toast; it is called 'Missing name'.", first.guid)
    if first.is_deferred:
        note = (
            "Its revenue is deferred (such as a voucher). It is migrated as an item marked so; check how it is booked."
        )
        job.notes.add("MenuItem", "isDeferred", note, first.guid)
    for place in places[1:]:
        item = place.item
        if set(item.visibility or ()) != set(first.visibility or ()):
            note = "It is shown in different places from menu to menu; AuraConnect shows it wherever any menu does."
            job.notes.add("MenuItem", "visibility", note, first.guid)
        if set(item.tax_info or ()) != set(first.tax_info or ()) or item.tax_inclusion != first.tax_inclusion:
            job.notes.add(
                "MenuItem",
                "taxInfo",
                "It is taxed differently from menu to menu; the first menu's rates are taken.",
                first.guid,
            )
        if set(item.prep_stations or ()) != set(first.prep_stations or ()):
            note = "It goes to different stations from menu to menu; AuraConnect sends it to all of them."
            job.notes.add("MenuItem", "prepStations", note, first.guid)
