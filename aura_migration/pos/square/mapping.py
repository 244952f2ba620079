"""The menu of one Square location as canonical rows, from the snapshot alone: same snapshot, same rows.

What a rule means is in ``rules.py``, what belongs together in ``catalog.py``, what has no home in ``fields.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch, Loss
from aura_migration.core.ids import path
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square import fields, rules
from aura_migration.pos.square.catalog import MENU, LocationView, kind_of, load_catalog, load_location, other_states
from aura_migration.pos.square.items import map_items
from aura_migration.pos.square.modifiers import map_modifiers
from aura_migration.pos.square.rows import Rows
from aura_migration.pos.square.stock import Stock
from aura_migration.pos.square.wire import CatalogObject, Location, Raw, decimal_text

UNREADABLE = {
    "ITEM": "items",
    "ITEM_VARIATION": "variations",
    "MODIFIER_LIST": "modifier_groups",
    "MODIFIER": "modifiers",
    "CATEGORY": "categories",
    "TAX": "tax_rates",
}
"""What a record of a broken shape would have become, by its type."""


def map_menu(reader: SnapshotReader, location: SourceLocation) -> Batch:
    """Rows, rejected records and losses of one location; parents come before what refers to them."""
    rows = Rows(reader, location)
    own = load_location(reader, location.source_id)
    _location(rows, own)
    _menus(rows)
    _categories(rows)
    _stations(rows)
    _taxes(rows)
    map_modifiers(rows)
    map_items(rows)
    _stock(rows)
    _unreadable(rows)
    for item in rows.view.here("ITEM"):
        if item.id not in rows.view.items:
            rows.remarks.note("ITEM", "no_way_here", item.id)
    rows.batch.losses.extend(_losses(rows, own))
    return rows.batch


def source_counts(reader: SnapshotReader, location: SourceLocation) -> Mapping[str, int]:
    """Records per counted entity at one location, as the README defines them; counted in the catalog, not in rows."""
    catalog = load_catalog(reader)
    view = LocationView(catalog, location.source_id)
    several = [item for item in view.items.values() if view.several(item)]
    broken_items = view.unreadable("ITEM")
    return {
        "menus": len(view.menus),
        "categories": len(view.categories) + len(view.unreadable("CATEGORY")),
        "kitchen_stations": len(view.stations),
        "items": len(view.items) + len(broken_items),
        "variations": sum(len(view.variations(item)) for item in several) + len(view.unreadable("ITEM_VARIATION")),
        "modifier_groups": len(view.groups) + len(view.unreadable("MODIFIER_LIST")),
        "modifiers": sum(len(view.modifiers(group)) for group in view.groups.values())
        + len(view.unreadable("MODIFIER")),
        "pre_modifiers": 0,
        "price_rules": 0,
        "stock": sum(1 for _ in Stock(reader, view).entries()),
    }


def _location(rows: Rows, own: tuple[Location, Raw] | None) -> None:
    typed, raw = own if own is not None else (None, None)
    address = typed.address if typed is not None else None
    lines = [line for line in (address.address_line_2, address.address_line_3) if line] if address else []
    rows.batch.add(
        "locations",
        rows.at,
        raw,
        f"locations#{rows.at}",
        name=(typed and typed.name) or rows.location.name,
        timezone=(typed and typed.timezone) or rows.location.timezone,
        currency=(typed and typed.currency) or rows.location.currency,
        business_day_cutover_time=rows.location.closeout,
        address_line1=(address.address_line_1 if address else None) or None,
        address_line2=", ".join(lines) or None,
        city=(address.locality if address else None) or None,
        state=(address.administrative_district_level_1 if address else None) or None,
        postal_code=(address.postal_code if address else None) or None,
        country=(address.country if address else None) or (typed.country if typed else None),
        phone=(typed.phone_number if typed else None) or None,
        is_active=typed.status != "INACTIVE" if typed is not None else rows.location.is_active,
    )


def _menus(rows: Rows) -> None:
    for menu in rows.view.menus.values():
        data = menu.category_data
        if data is not None and data.image_ids:
            rows.remarks.note("CATEGORY", "image", menu.id)
        rows.add(
            "menus",
            menu.id,
            menu,
            name=data.name if data else None,
            availability=_hours(rows, menu),
            is_active=True,
            display_order=rows.catalog.category_rank[menu.id],
        )


def _hours(rows: Rows, category: CatalogObject) -> list[dict[str, Any]] | None:
    wanted = (category.category_data.availability_period_ids if category.category_data else None) or ()
    found = [rows.catalog.get(ident, "AVAILABILITY_PERIOD") for ident in wanted]
    periods = [p.availability_period_data for p in found if p is not None and p.availability_period_data is not None]
    if len(periods) < len(wanted):
        rows.remarks.note("CATEGORY", "hours_missing", category.id)
    return rules.hours(periods)


def _categories(rows: Rows) -> None:
    for category in rows.view.categories.values():
        data = category.category_data
        parent = rows.catalog.parent(category)
        menu = rows.catalog.root(category) if kind_of(category) == MENU else None
        if data is not None and data.availability_period_ids:
            rows.remarks.note("CATEGORY", "hours_of_section", category.id)
        rows.add(
            "categories",
            category.id,
            category,
            name=data.name if data else None,
            parent_category_key=parent.id if parent is not None and rows.catalog.is_plain(parent) else None,
            menu_key=menu.id if menu is not None else None,
            image_url=rows.image((data.image_ids if data else None) or ()),
            is_active=True,
            display_order=rows.catalog.category_rank[category.id],
        )


def _stations(rows: Rows) -> None:
    for station in rows.view.stations.values():
        data = station.category_data
        key = path(rows.at, station.id)
        if data is not None and data.image_ids:
            rows.remarks.note("CATEGORY", "image", station.id)
        if rows.catalog.parent(station) is not None:
            rows.remarks.note("CATEGORY", "kitchen_parent", station.id)
        rows.add("kitchen_stations", key, station, name=data.name if data else None, station_type="prep")


def _taxes(rows: Rows) -> None:
    for tax in rows.view.here("TAX"):
        data = tax.tax_data
        problem = rules.tax_problem(data)
        if data is None or problem is not None:
            named = data.name if data is not None else None
            values = {
                "name": named,
                "tax_type": "percent",
                "is_inclusive": False,
                "is_default": False,
                "is_active": True,
            }
            rows.reject("tax_rates", tax.id, tax, problem or "", **values)
            continue
        rows.add(
            "tax_rates",
            tax.id,
            tax,
            name=data.name,
            rate_percent=decimal_text(data.percentage),
            tax_type="percent",
            is_inclusive=rules.TAX_INCLUSION[data.inclusion_type],
            on_taxes=rules.TAX_PHASES[data.calculation_phase],
            taxes_open_amounts=data.applies_to_custom_amounts,
            is_default=False,
            is_active=data.enabled is not False,
        )
        if data.applies_to_product_set_id:
            rows.reject(
                "item_taxes",
                path(rows.at, "set", tax.id),
                tax,
                "also applies to a set of products, which Square keeps beside the taxes of each item: say which items bear it",
                tax_rate_key=tax.id,
                overrides_item_taxes=False,
            )


def _stock(rows: Rows) -> None:
    stock = Stock(rows.reader, rows.view)
    for entry in stock.entries():
        record = f"inventory#{entry.ident}"
        if entry.problem:
            rows.batch.reject("stock", entry.key, entry.problem, record, **entry.values)
        else:
            rows.batch.add("stock", entry.key, entry.raw, record, **entry.values)
    for ident in stock.covered_up:
        rows.remarks.note("INVENTORY_COUNT", "sold_out", ident)
    for ident in stock.unknown:
        rows.remarks.note("INVENTORY_COUNT", "unknown", ident)
    for ident in other_states(rows.reader, rows.at):
        rows.remarks.note("INVENTORY_COUNT", "state", ident)


def _unreadable(rows: Rows) -> None:
    """Records that are not of Square's documented shape go to quarantine under what they would have become."""
    for kind, entity in UNREADABLE.items():
        for found in rows.view.unreadable(kind):
            reason = f"Square sent this record in a form that cannot be read: {found.reason}."
            key = path(found.parent, found.id) if kind == "MODIFIER" and found.parent else found.id
            rows.batch.reject(entity, key, reason, f"catalog#{found.id}")


def _losses(rows: Rows, own: tuple[Location, Raw] | None) -> list[Loss]:
    """Everything of this location that has no home, counted over what is sold here."""
    catalog, view = rows.catalog, rows.view
    items = list(view.items.values())
    groups = list(view.groups.values())
    here: dict[str, Iterable[CatalogObject]] = {
        "ITEM": items,
        "ITEM_VARIATION": [found for item in items for found in view.variations(item)],
        "MODIFIER_LIST": groups,
        "MODIFIER": [found for group in groups for found in view.modifiers(group)],
        "CATEGORY": [*view.menus.values(), *view.categories.values(), *view.stations.values()],
    }
    losses = fields.location_losses(own[1]) if own is not None else []
    for kind in sorted({found.type for found in catalog.objects.values()}):
        live = list(here[kind]) if kind in here else view.here(kind)
        if kind in fields.KNOWN:
            losses.extend(fields.field_losses(kind, (catalog.raw[found.id] for found in live)))
        elif live:
            losses.append(fields.type_loss(kind, [found.id for found in live]))
        deleted = [found.id for found in catalog.deleted(kind)]
        if deleted:
            losses.append(fields.deleted_loss(kind, deleted))
    return [*losses, *rows.remarks.losses()]
