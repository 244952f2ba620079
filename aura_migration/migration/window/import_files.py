"""The menu of a location as AuraConnect has it now, as files for the POS it came from: what the way back at level B hands over."""

from __future__ import annotations

from typing import Any

from aura_migration.core.errors import Refused
from aura_migration.database.connections import Connection
from aura_migration.migration.integrations import get_location
from aura_migration.migration.records import get_migration
from aura_migration.pos.import_files import (
    ImportFile,
    ImportGroup,
    ImportItem,
    ImportMenu,
    ImportOption,
    ImportTax,
    files_of,
)
from aura_migration.pos.registry import connector
from aura_migration.pricing.bill import TaxKind
from aura_migration.verify.replay.book import Book, Item
from aura_migration.verify.replay.reading import read_book

NO_FILES = "{title} takes no import files."


def import_files(connection: Connection, migration_id: int) -> list[ImportFile]:
    """The files, each with its name, its text and what is done with it. ``Refused`` where the POS takes none."""
    migration = get_migration(connection, migration_id)
    pos = connector(migration.subject.pos)
    make = files_of(pos)
    if make is None:
        raise Refused(
            NO_FILES.format(title=pos.title), "Changes of the menu are entered by hand; sales go to the day journal."
        )
    return make(menu_of(connection, migration_id))


def menu_of(connection: Connection, migration_id: int) -> ImportMenu:
    """What the location sells, items switched off included; deleted ones are not there."""
    migration = get_migration(connection, migration_id)
    location = get_location(connection, migration.location_key)
    place = connection.execute(
        "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s "
        "AND is_active",
        [migration.integration_id, migration.subject.location_source_id],
    ).fetchone()
    if place is None:
        raise Refused(
            f"{migration.location_key} is not in AuraConnect yet.", f"`aura-migration run {migration_id}` loads it."
        )
    book = read_book(connection, migration.restaurant_id, place[0], migration.subject.pos)
    keys = _keys(connection, migration.integration_id)
    more = _facts(connection, migration.restaurant_id, place[0])
    categories = _categories(connection, migration.restaurant_id, place[0])
    items = [
        made
        for aura_id, item in sorted(book.items.items())
        if aura_id in more and not item.is_placeholder
        for made in _items(book, item, more[aura_id], keys, categories)
    ]
    used = {link.group for item in book.items.values() for link in item.links}
    limits = {link.group: link for item in book.items.values() for link in item.links}
    groups = tuple(
        ImportGroup(
            keys.get(("modifier_groups", ident), ""),
            group.name,
            limits[ident].least,
            limits[ident].most,
            tuple(
                ImportOption(keys.get(("modifiers", one.id), ""), one.name, one.cents)
                for one in sorted(book.options.values(), key=lambda one: one.id)
                if one.group == ident and one.is_sold
            ),
        )
        for ident, group in sorted(book.groups.items())
        if ident in used
    )
    taxes = tuple(
        ImportTax(keys.get(("tax_rates", int(tax.id)), ""), tax.name, _percent(tax.rule.rate))
        for tax in book.taxes.values()
        if tax.is_active and tax.rule.kind is TaxKind.PERCENT
    )
    named = dict.fromkeys(name for item in items for name in item.categories)
    return ImportMenu(location.name, book.currency, tuple(items), groups, tuple(named), taxes)


def _items(
    book: Book,
    item: Item,
    fact: dict[str, Any],
    keys: dict[tuple[str, int], str],
    categories: dict[int, str],
) -> list[ImportItem]:
    taxes = tuple(book.taxes[name].name for name in item.taxes if book.taxes[name].is_active)
    groups = tuple(dict.fromkeys(book.groups[link.group].name for link in item.links))
    named = tuple(dict.fromkeys(categories[one] for one in sorted(item.categories) if one in categories))
    shared: dict[str, Any] = {
        "key": keys.get(("items", item.id), ""),
        "name": item.name,
        "price_type": item.price_type,
        "unit": fact["unit_name"] or "",
        "description": fact["description"] or "",
        "short_name": fact["short_name"] or "",
        "categories": named,
        "taxes": taxes,
        "groups": groups,
    }
    if not item.variations:
        return [
            ImportItem(
                cents=item.cents, sku=fact["sku"] or "", barcode=fact["barcode"] or "", cost_cents=fact["cost_cents"],
                is_active=item.is_sold, quantity=fact["stock"].get(None), **shared,
            )
        ]  # fmt: skip
    return [
        ImportItem(
            cents=size.cents, variation_key=keys.get(("variations", size.id), ""), variation_name=size.name,
            sku=fact["sizes"].get(size.id, ("", ""))[0], barcode=fact["sizes"].get(size.id, ("", ""))[1],
            is_active=item.is_sold and size.is_sold, quantity=fact["stock"].get(size.id), **shared,
        )
        for size in item.variations.values()
    ]  # fmt: skip


def _keys(connection: Connection, integration_id: int) -> dict[tuple[str, int], str]:
    rows = connection.execute(
        "SELECT entity, aura_id, min(source_key) FROM migration.crosswalk WHERE integration_id = %s AND is_active "
        "AND entity IN ('items', 'variations', 'modifier_groups', 'modifiers', 'tax_rates') "
        "AND position('@' IN source_key) = 0 GROUP BY entity, aura_id",
        [integration_id],
    ).fetchall()
    return {(entity, aura_id): key for entity, aura_id, key in rows}


def _facts(connection: Connection, restaurant_id: int, location_id: int) -> dict[int, dict[str, Any]]:
    """What the till needs not know of an item: texts, codes, cost; counts of it and of its variations."""
    arguments = {"restaurant": restaurant_id, "location": location_id}
    here = (
        "restaurant_id = %(restaurant)s AND deleted_at IS NULL AND (location_id IS NULL OR location_id = %(location)s)"
    )
    names = ("unit_name", "description", "short_name", "sku", "barcode", "cost_cents")
    found: dict[int, dict[str, Any]] = {
        row[0]: {**dict(zip(names, row[1:], strict=True)), "sizes": {}, "stock": {}}
        for row in connection.execute(f"SELECT id, {', '.join(names)} FROM aura.menu_items WHERE {here}", arguments)
    }
    sizes = (
        f"SELECT menu_item_id, id, coalesce(sku, ''), coalesce(barcode, '') FROM aura.menu_item_variations WHERE {here}"
    )
    for item, size, sku, barcode in connection.execute(sizes, arguments):
        if item in found:
            found[item]["sizes"][size] = (sku, barcode)
    counted = (
        "SELECT menu_item_id, variation_id, trim_scale(quantity)::text FROM aura.inventory WHERE location_id = %(location)s "
        "AND deleted_at IS NULL AND is_tracked AND quantity IS NOT NULL"
    )
    for item, size, quantity in connection.execute(counted, arguments):
        if item in found:
            found[item]["stock"][size] = quantity
    return found


def _categories(connection: Connection, restaurant_id: int, location_id: int) -> dict[int, str]:
    return dict(
        connection.execute(
            "SELECT id, name FROM aura.menu_categories WHERE restaurant_id = %s AND deleted_at IS NULL "
            "AND (location_id IS NULL OR location_id = %s)",
            [restaurant_id, location_id],
        ).fetchall()
    )


def _percent(rate: int) -> str:
    """A rate of 1e-8 as percent: ``8.875``."""
    whole, part = divmod(rate, 1_000_000)
    return f"{whole}.{part:06d}".rstrip("0").rstrip(".")
