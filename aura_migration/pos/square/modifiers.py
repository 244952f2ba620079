"""Modifier lists, their options, what differs at the location, and the lists an option asks for in turn."""

from __future__ import annotations

from aura_migration.core.ids import path
from aura_migration.pos.square import rules
from aura_migration.pos.square.rows import Rows
from aura_migration.pos.square.wire import NESTING_VERSION, CatalogObject


def map_modifiers(rows: Rows) -> None:
    """All lists that exist at the location, with every option offered there."""
    for group in rows.view.groups.values():
        _group(rows, group)
    done: set[str] = set()
    first = _asked_by_items(rows)
    for group in sorted(rows.view.groups.values(), key=lambda group: group.id not in first):
        _descend(rows, group, (), done)
    if rows.catalog.version < NESTING_VERSION:
        _unseen(rows)


def _unseen(rows: Rows) -> None:
    """An older version of the API leaves child lists out: unless they are there all the same, none can be ruled out."""
    options = [option for group in rows.view.groups.values() for option in rows.view.modifiers(group)]
    if not any(option.modifier_data and option.modifier_data.child_modifier_list_ids for option in options):
        for option in options:
            rows.remarks.note("MODIFIER", "nesting", option.id)


def _asked_by_items(rows: Rows) -> set[str]:
    """Lists attached to an item here: what they open comes first, so that a circle is cut at its far end."""
    attached = (item.item_data.modifier_list_info for item in rows.view.items.values() if item.item_data is not None)
    return {info.modifier_list_id for infos in attached for info in infos or () if info.modifier_list_id}


def _group(rows: Rows, group: CatalogObject) -> None:
    data = group.modifier_list_data
    if data is None:
        rows.reject("modifier_groups", group.id, group, "has no content in Square")
        for option in rows.view.modifiers(group):
            rows.reject("modifiers", path(group.id, option.id), option, "belongs to a list without content")
        return
    limits = rules.list_limits(data)
    settings = {
        "internal_name": data.internal_name or None,
        "is_conversational": data.is_conversational or None,
        "hidden_from_customer": data.hidden_from_customer or None,
        "custom_fields": rows.custom(group) or None,
    }
    rows.add(
        "modifier_groups",
        group.id,
        group,
        name=data.name,
        selection_type=rules.selection_type(data),
        min_selections=limits.minimum,
        max_selections=limits.maximum,
        is_required=limits.minimum > 0,
        allow_quantities=bool(data.allow_quantities),
        max_length=data.max_length if rules.is_text(data) else None,
        settings={name: value for name, value in settings.items() if value is not None} or None,
        is_active=True,
        display_order=data.ordinal or 0,
    )
    every = {option.id: place for place, option in enumerate(rows.catalog.modifiers.get(group.id, ()))}
    for option in rows.view.modifiers(group):
        _modifier(rows, group, option, every[option.id])


def _modifier(rows: Rows, group: CatalogObject, option: CatalogObject, place: int) -> None:
    data = option.modifier_data
    key = path(group.id, option.id)
    if data is None:
        rows.reject("modifiers", key, option, "has no content in Square")
        return
    override = rules.modifier_override(data, rows.at)
    base, here = rules.modifier_price(data), rules.modifier_price(data, override)
    if rows.foreign(here):
        rows.reject("modifiers", key, option, f"is priced in {here.currency}, this location uses another currency")
        return
    rows.add(
        "modifiers",
        key,
        option,
        modifier_group_key=group.id,
        name=data.name,
        kitchen_name=data.kitchen_name or None,
        price_adjustment_cents=base.cents,
        price_type=base.type,
        is_default=bool(data.on_by_default),
        image_url=rows.image((data.image_id,) if data.image_id else ()),
        channels=rules.NOT_ONLINE if data.hidden_online else None,
        custom_fields=rows.custom(option) or None,
        is_available=True,
        is_active=True,
        display_order=place,
    )
    rows.add(
        "modifier_locations",
        path(rows.at, group.id, option.id),
        option,
        modifier_key=key,
        price_type=here.type,
        price_cents=here.cents,
        is_available=not (override is not None and override.sold_out),
        is_active=True,
        is_default=bool(data.on_by_default),
    )


def _descend(rows: Rows, group: CatalogObject, above: tuple[str, ...], done: set[str]) -> None:
    """Links to child lists; one that would lead back to a list above it is cut, or the questions would never end."""
    if group.id in done:
        return
    trail = (*above, group.id)
    for option in rows.view.modifiers(group):
        data = option.modifier_data
        children = list(dict.fromkeys(data.child_modifier_list_ids or ())) if data is not None else []
        for place, ident in enumerate(children):
            child = rows.view.groups.get(ident)
            key = path(rows.at, group.id, option.id, ident)
            if rows.catalog.get(ident, "MODIFIER_LIST") is None:
                rows.remarks.note("MODIFIER", "child_list", option.id)
            if child is None or child.modifier_list_data is None:
                continue
            if ident in trail:
                reason = "asks for a list of modifiers that leads back to itself"
                rows.reject("nested_groups", key, option, reason)
            else:
                limits = rules.list_limits(child.modifier_list_data)
                rows.add(
                    "nested_groups",
                    key,
                    option,
                    modifier_key=path(group.id, option.id),
                    modifier_group_key=ident,
                    min_selections=limits.minimum,
                    max_selections=limits.maximum,
                    display_order=place,
                )
                _descend(rows, child, trail, done)
    done.add(group.id)
