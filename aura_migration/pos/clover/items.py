"""Items: what they are, what they cost, and what they are linked to.

Every Clover item stays an item, variants of an item group too: each has prices, modifiers, taxes and stock of its own.
"""

from __future__ import annotations

from typing import Any

from aura_migration.pos.clover.rows import Rows, text
from aura_migration.pos.clover.wire import Item, nested_ids

FIXED, VARIABLE, PER_UNIT = "FIXED", "VARIABLE", "PER_UNIT"
PRICE_TYPES = {FIXED: "fixed", VARIABLE: "open", PER_UNIT: "per_unit"}


def map_items(rows: Rows) -> None:
    """All items and their links."""
    places = _places(rows)
    for ident, item in rows.catalog.items.live.items():
        reason = unsellable(item)
        if not rows.named("items", ident, item.name):
            continue
        if reason:
            rows.reject("items", ident, reason)
            continue
        _item(rows, ident, item, places.get(ident, len(rows.catalog.items.live)))
        _categories(rows, ident)
        _modifier_groups(rows, ident)
        _taxes(rows, ident, item)
        _stations(rows, ident)
    _dead_links(rows)


def unsellable(item: Item) -> str:
    """Why no price can be told; empty where one can."""
    if item.price_type not in PRICE_TYPES:
        shown = repr(item.price_type) if item.price_type else "not given"
        return f"The kind of price of {item.name!r} is {shown} in Clover, so its price cannot be told."
    if item.price is None and item.price_type != VARIABLE:
        return f"Clover sends no price for {item.name!r}."
    return ""


def _places(rows: Rows) -> dict[str, int]:
    """The place of each item in its first category: Clover has no order of all items."""
    found: dict[str, int] = {}
    for item, categories in rows.catalog.item_categories.items():
        found[item] = rows.item_place(categories[0], item)
    return found


def _item(rows: Rows, ident: str, item: Item, place: int) -> None:
    catalog = rows.catalog
    open_price = item.price_type == VARIABLE
    if open_price and item.price:
        rows.remarks.note("items", "open_with_price", ident)
    cents = None if open_price else item.price
    kind = PRICE_TYPES[item.price_type or FIXED]
    categories = [one for one in catalog.item_categories.get(ident, ()) if rows.usable("categories", one)]
    tags = [tag.name for one in catalog.item_tags.get(ident, ()) if (tag := catalog.tags.live[one]).name]
    menu_item = item.menu_item
    image = text(menu_item.image_filename) if menu_item else None
    is_address = bool(image and image.startswith(("https://", "http://")))
    if image and not is_address:
        rows.remarks.note("items", "image", ident)
    available, active = item.available is not False, not item.hidden
    properties = catalog.properties
    rows.add(
        "items",
        "items",
        ident,
        name=item.name,
        description=text(menu_item.description) if menu_item else None,
        short_name=text(item.alternate_name),
        price_cents=cents,
        price_type=kind,
        unit_name=text(item.unit_name) if kind == "per_unit" else None,
        category_key=rows.key(categories[0]) if categories else None,
        sku=text(item.sku),
        barcode=text(item.code),
        item_type="item",
        cost_cents=item.cost,
        tags=tags or None,
        image_url=image if is_address else None,
        button_color=text(item.color_code),
        tax_inclusive=None if properties is None else bool(properties.vat),
        custom_fields=_custom_fields(rows, ident, item, None if is_address else image) or None,
        is_available=available,
        is_active=active,
        display_order=place,
    )
    rows.add(
        "item_locations",
        "items",
        ident,
        menu_item_key=rows.key(ident),
        price_type=kind,
        price_cents=cents,
        is_available=available,
        is_active=active,
    )


def _custom_fields(rows: Rows, ident: str, item: Item, image: str | None) -> dict[str, Any]:
    """What Clover keeps of an item that has a value but no column."""
    found: dict[str, Any] = {}
    if item.is_revenue is False:
        found["is_revenue"] = False
    group = rows.catalog.item_groups.live.get((item.item_group.id if item.item_group else None) or "")
    if group is not None and group.name:
        found["item_group"] = group.name
    options = rows.catalog.options_of(ident)
    if options:
        found["options"] = options
    if item.is_age_restricted or item.age_restricted_obj is not None:
        age = item.age_restricted_obj
        values = {"name": age.name if age else None, "minimum_age": age.minimum_age if age else None}
        found["age_restriction"] = {name: value for name, value in values.items() if value is not None} or True
    if item.menu_item is not None:
        if item.menu_item.name and item.menu_item.name != item.name:
            found["online_name"] = item.menu_item.name
        if item.menu_item.enabled is not None:
            found["online_enabled"] = item.menu_item.enabled
    if image:
        found["image_filename"] = image
    return found


def _categories(rows: Rows, ident: str) -> None:
    usable = [one for one in rows.catalog.item_categories.get(ident, ()) if rows.usable("categories", one)]
    for place, category in enumerate(usable):
        rows.link(
            "item_categories",
            "items",
            ident,
            rows.key(ident, category),
            menu_item_key=rows.key(ident),
            category_key=rows.key(category),
            is_primary=place == 0,
            display_order=rows.item_place(category, ident),
        )


def _modifier_groups(rows: Rows, ident: str) -> None:
    for place, group in enumerate(rows.catalog.item_groups_of.get(ident, ())):
        if not rows.usable("modifier_groups", group):
            continue
        least, most = rows.limits(group)
        rows.link(
            "item_modifier_groups",
            "items",
            ident,
            rows.key(ident, group),
            menu_item_key=rows.key(ident),
            modifier_group_key=rows.key(group),
            min_selections=least,
            max_selections=most,
            is_required=least > 0,
            is_active=True,
            display_order=place,
        )


def _taxes(rows: Rows, ident: str, item: Item) -> None:
    catalog = rows.catalog
    own = [one for one in nested_ids(catalog.items.raw[ident], "taxRates") if one in catalog.taxes.live]
    if item.default_tax_rates is None and not own:
        rows.remarks.note("items", "tax_flag_absent", ident)
    by_default = item.default_tax_rates or (item.default_tax_rates is None and not own)
    for tax in catalog.default_taxes if by_default else dict.fromkeys(own):
        if catalog.is_no_tax(tax) or not rows.usable("tax_rates", tax):
            continue
        rows.link(
            "item_taxes",
            "items",
            ident,
            rows.key("item", ident, tax),
            tax_rate_key=rows.key(tax),
            menu_item_key=rows.key(ident),
            overrides_item_taxes=False,
        )


def _stations(rows: Rows, ident: str) -> None:
    stations = [
        tag
        for tag in rows.catalog.item_tags.get(ident, ())
        if rows.printers(tag) and rows.usable("kitchen_stations", tag)
    ]
    for place, tag in enumerate(stations):
        rows.link(
            "item_stations",
            "items",
            ident,
            rows.key(ident, tag),
            menu_item_key=rows.key(ident),
            station_key=rows.key(tag),
            is_primary=place == 0,
            sequence=place,
        )


def _dead_links(rows: Rows) -> None:
    """Items that name something deleted."""
    catalog = rows.catalog
    for field, reason, source in (
        ("categories", "dead_category", "categories"),
        ("modifierGroups", "dead_group", "modifier_groups"),
        ("taxRates", "dead_tax", "tax_rates"),
        ("tags", "dead_tag", "tags"),
    ):
        records = rows.records(source)
        known = {*records.live, *(entry.id for entry in records.unreadable)}
        for item in catalog.dangling(field, known):
            rows.remarks.note("items", reason, item)
