"""The menu of one Clover merchant as canonical rows, from the snapshot alone: same snapshot, same rows.

Clover merchants share nothing, so every key begins with the merchant's id. What belongs together is in ``catalog.py``,
items are in ``items.py``, what has no home in ``fields.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch, Loss
from aura_migration.pos.clover import fields
from aura_migration.pos.clover.catalog import Records
from aura_migration.pos.clover.items import map_items
from aura_migration.pos.clover.lists import MERCHANT
from aura_migration.pos.clover.rows import Rows, text
from aura_migration.pos.clover.wire import ModifierGroup, TaxRate, decimal_text
from aura_migration.pos.port import SourceLocation

RATE_SCALE = Decimal(100_000)
"""Clover's tax rates have 10,000,000 for 100 %: this many of them are one percent."""
UNREADABLE = {
    "items": "items",
    "categories": "categories",
    "modifier_groups": "modifier_groups",
    "modifiers": "modifiers",
    "tax_rates": "tax_rates",
    "tags": "kitchen_stations",
}
"""What a record of a broken shape would have become, by its source entity."""


def map_menu(reader: SnapshotReader, location: SourceLocation) -> Batch:
    """Rows, rejected records and losses of one merchant; parents come before what refers to them."""
    rows = Rows(reader, location)
    _location(rows)
    _categories(rows)
    _taxes(rows)
    _stations(rows)
    _groups(rows)
    map_items(rows)
    _stock(rows)
    _unreadable(rows)
    rows.batch.losses.extend(_losses(rows))
    return rows.batch


def source_counts(reader: SnapshotReader, location: SourceLocation) -> Mapping[str, int]:
    """Records per counted entity as the README defines them; counted in Clover's lists, not in rows."""
    rows = Rows(reader, location)
    catalog = rows.catalog
    orphans = set(catalog.orphans)
    return {
        "menus": 0,
        "categories": _count(catalog.categories),
        "kitchen_stations": sum(1 for tag in catalog.tags.live if rows.printers(tag)) + len(catalog.tags.unreadable),
        "items": _count(catalog.items),
        "variations": 0,
        "modifier_groups": _count(catalog.groups),
        "modifiers": _count(catalog.modifiers) - len(orphans),
        "pre_modifiers": 0,
        "price_rules": 0,
        "stock": sum(1 for item in catalog.stock if item in catalog.items.live),
    }


def _count(records: Records[Any]) -> int:
    return len(records.live) + len(records.unreadable)


def _location(rows: Rows) -> None:
    catalog, place = rows.catalog, rows.location
    merchant, address, properties = catalog.merchant, catalog.address, catalog.properties
    lines = [line for line in (address.address2, address.address3) if line]
    rows.batch.add(
        "locations",
        rows.at,
        rows.merchant_record(),
        f"{MERCHANT}#{rows.at}",
        name=(merchant and merchant.name) or place.name,
        timezone=(properties and properties.timezone) or place.timezone,
        currency=(properties and properties.default_currency)
        or (merchant and merchant.default_currency)
        or place.currency,
        business_day_cutover_time=place.closeout,
        address_line1=text(address.address1),
        address_line2=", ".join(lines) or None,
        city=text(address.city),
        state=text(address.state),
        postal_code=text(address.zip),
        country=text(address.country),
        phone=text(address.phone_number),
        is_active=place.is_active,
    )
    if properties is not None and properties.summary_hour:
        rows.remarks.note("merchant", "closeout", rows.at)


def _categories(rows: Rows) -> None:
    catalog = rows.catalog
    for ident, category in catalog.categories.live.items():
        if not rows.named("categories", ident, category.name):
            continue
        above = category.parent_category.id if category.parent_category else None
        if above and not _leads_to_top(rows, ident):
            rows.remarks.note("categories", "parent", ident)
            above = None
        rows.add(
            "categories",
            "categories",
            ident,
            name=category.name,
            parent_category_key=rows.key(above) if above else None,
            button_color=text(category.color_code),
            is_active=True,
            display_order=catalog.category_order[ident],
        )


def _leads_to_top(rows: Rows, ident: str) -> bool:
    """Whether the categories above are alive and end somewhere."""
    seen = {ident}
    here = rows.catalog.categories.live[ident]
    while here.parent_category is not None and here.parent_category.id:
        above = here.parent_category.id
        if above in seen or above not in rows.catalog.categories.live:
            return False
        seen.add(above)
        here = rows.catalog.categories.live[above]
    return True


def _taxes(rows: Rows) -> None:
    properties = rows.catalog.properties
    inclusive = bool(properties and properties.vat)
    for ident, rate in rows.catalog.taxes.live.items():
        if rows.catalog.is_no_tax(ident):
            rows.remarks.note("tax_rates", "no_tax", ident)
            continue
        if not rows.named("tax_rates", ident, rate.name):
            continue
        if rate.rate is None and rate.tax_amount is None:
            rows.reject("tax_rates", ident, f"The tax {rate.name!r} has neither a rate nor an amount in Clover.")
            continue
        rows.add(
            "tax_rates",
            "tax_rates",
            ident,
            name=rate.name,
            **_amount(rate),
            is_inclusive=inclusive,
            rounding="half_up",
            on_taxes=False,
            # A line typed in by hand bears what every item bears unless it says otherwise.
            taxes_open_amounts=bool(rate.is_default),
            is_default=bool(rate.is_default),
            is_active=True,
        )


def _amount(rate: TaxRate) -> dict[str, Any]:
    """A flat amount counts only where the rate is nothing."""
    if not rate.rate and rate.tax_amount:
        return {"rate_percent": None, "amount_cents": rate.tax_amount, "tax_type": "fixed"}
    percent = decimal_text(Decimal(rate.rate or 0) / RATE_SCALE)
    return {"rate_percent": percent, "amount_cents": None, "tax_type": "percent"}


def _stations(rows: Rows) -> None:
    """A label with printers routes kitchen tickets."""
    for ident, tag in rows.catalog.tags.live.items():
        printers = rows.printers(ident)
        if not printers or not rows.named("kitchen_stations", ident, tag.name):
            continue
        if len(printers) > 1:
            rows.remarks.note("tags", "printers", ident)
        shown = [
            {name: value for name in ("id", "name", "model", "type") if (value := getattr(printer, name))}
            for printer in printers
        ]
        rows.add(
            "kitchen_stations",
            "tags",
            ident,
            name=tag.name,
            station_type="prep",
            printer_id=printers[0].id,
            settings={"printers": shown},
        )


def _groups(rows: Rows) -> None:
    catalog = rows.catalog
    for ident, group in catalog.groups.live.items():
        members = catalog.group_modifiers[ident]
        if not rows.named("modifier_groups", ident, group.name):
            for member in members:
                rows.reject("modifiers", member, "The option's group has no name in Clover.", group=ident)
            continue
        least, most = rows.limits(ident)
        _remarks_on_limits(rows, ident, group, len(members))
        rows.add(
            "modifier_groups",
            "modifier_groups",
            ident,
            name=group.name,
            short_name=text(group.alternate_name),
            selection_type="single" if most == 1 else "multiple",
            min_selections=least,
            max_selections=most,
            is_required=least > 0,
            allow_quantities=False,
            settings={"show_by_default": False} if group.show_by_default is False else None,
            is_active=True,
            display_order=catalog.group_order[ident],
        )
        for place, member in enumerate(members):
            _modifier(rows, ident, member, place)
    for ident in catalog.orphans:
        rows.remarks.note("modifiers", "orphan", ident)


def _remarks_on_limits(rows: Rows, ident: str, group: ModifierGroup, options: int) -> None:
    if group.min_required is None:
        rows.remarks.note("modifier_groups", "no_minimum", ident)
    if not group.max_allowed:
        rows.remarks.note("modifier_groups", "no_maximum", ident)
    least, most = rows.limits(ident)
    if least > (most if most is not None else least) or least > options:
        rows.remarks.note("modifier_groups", "limits", ident)


def _modifier(rows: Rows, group: str, ident: str, place: int) -> None:
    modifier = rows.catalog.modifiers.live[ident]
    if not rows.named("modifiers", ident, modifier.name, group=group):
        return
    if modifier.price is None:
        rows.reject("modifiers", ident, f"Clover sends no price for the option {modifier.name!r}.", group=group)
        return
    key = rows.key(group, ident)
    available = modifier.available is not False
    rows.add(
        "modifiers",
        "modifiers",
        ident,
        key=key,
        modifier_group_key=rows.key(group),
        name=modifier.name,
        short_name=text(modifier.alternate_name),
        price_adjustment_cents=modifier.price,
        price_type="fixed",
        is_default=False,
        is_available=available,
        is_active=True,
        display_order=place,
    )
    rows.add(
        "modifier_locations",
        "modifiers",
        ident,
        key=key,
        modifier_key=key,
        price_type="fixed",
        price_cents=modifier.price,
        is_available=available,
        is_active=True,
        is_default=False,
    )


def _stock(rows: Rows) -> None:
    """Stock of the items Clover keeps a quantity of."""
    catalog = rows.catalog
    for ident, (stock, raw) in catalog.stock.items():
        item = catalog.items.live.get(ident)
        if item is None:
            rows.remarks.note("item_stocks", "unknown", ident)
            continue
        key, record = rows.key(ident), f"item_stocks#{ident}"
        quantity = decimal_text(stock.quantity)
        values = {"item_name": item.name, "menu_item_key": key, "is_tracked": bool(item.auto_manage)}
        if quantity is None:
            reason = f"The stock of {item.name!r} is not a number in Clover."
            rows.batch.reject("stock", key, reason, record, **values)
            continue
        rows.batch.add(
            "stock",
            key,
            raw,
            record,
            **values,
            sku=text(item.sku),
            quantity=quantity,
            unit=text(item.unit_name),
            status="out_of_stock" if item.available is False else "quantity",
        )
    for ident, item in catalog.items.live.items():
        if item.auto_manage and ident not in catalog.stock and catalog.was_read("item_stocks"):
            rows.remarks.note("items", "auto_without_stock", ident)


def _unreadable(rows: Rows) -> None:
    """Records that are not of Clover's documented shape go to quarantine under what they would have become."""
    for source, entity in UNREADABLE.items():
        for found in rows.records(source).unreadable:
            reason = f"Clover sent this record in a form that cannot be read: {found.reason}."
            group = rows.raw_group(found.id) if source == "modifiers" else None
            rows.reject(entity, found.id, reason, source=source, group=group)
    broken = {found.id for found in rows.catalog.groups.unreadable}
    for ident in rows.catalog.modifiers.live:
        group = rows.raw_group(ident)
        if group in broken:
            rows.reject("modifiers", ident, "The option's group cannot be read.", group=group)


def _losses(rows: Rows) -> list[Loss]:
    """Everything of this merchant that has no home, counted over what is live."""
    catalog = rows.catalog
    losses: list[Loss] = []
    for entity in fields.LISTED:
        records = rows.records(entity)
        losses.extend(fields.field_losses(entity, (records.raw[ident] for ident in records.live)))
        if records.deleted:
            losses.append(fields.deleted_loss(entity, records.deleted))
    losses.extend(fields.stock_losses(raw for _, raw in catalog.stock.values()))
    losses.extend(fields.address_losses(catalog.object(MERCHANT, "address"), rows.at))
    for entity in fields.WHOLE:
        idents = list(catalog.rows_of(entity))
        if idents:
            losses.append(fields.whole_loss(entity, idents))
    return [*losses, *rows.remarks.losses()]
