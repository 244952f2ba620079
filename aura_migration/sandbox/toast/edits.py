"""What the restaurant's staff does to a menu while somebody reads it: the sandbox's edit verbs for Toast.

Belongs here: finding what an id names and replacing its record in the working copy. Does not belong here: publishing
(``world``) and HTTP. An id is a guid (one location) or a multiLocationId (every location, or the one named).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.toast.model import (
    EVERYWHERE,
    GROUP,
    MENU,
    Catalog,
    Item,
    ModifierGroup,
    Option,
    Pricing,
    RulePrices,
    fixed,
)
from aura_migration.sandbox.toast.world import OUT_OF_STOCK, Publication, World


class Editor:
    """Carries edit verbs out on a world. ``at_once`` tells whether an edit is published as it is made."""

    def __init__(self, world: World, at_once: Callable[[], bool]) -> None:
        self._world = world
        self._at_once = at_once
        self._verbs: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "set_price": self._set_price,
            "touchless_price": self._touchless_price,
            "rename": self._rename,
            "add_item": self._add_item,
            "delete_item": self._delete_item,
            "delete_modifier": self._delete_modifier,
            "set_visibility": self._set_visibility,
            "set_limits": self._set_limits,
            "set_available": self._set_available,
            "publish": self._publish,
            "unpublish": self._unpublish,
            "archive_location": self._archive_location,
            "disconnect_location": self._disconnect_location,
        }

    def apply(self, op: dict[str, Any], also: Iterable[str] = ()) -> list[str]:
        """Carry one verb out; answers the ids it changed. Raises ``ControlError`` where it makes no sense; ``also``
        are the verbs of others, to be named with these."""
        verb = self._verbs.get(str(op.get("op")))
        if verb is None:
            known = ", ".join([*self._verbs, *also])
            raise ControlError(f"toast: edit {op.get('op')!r} is not known; known edits: {known}")
        return verb(op)

    # ---- finding

    def _places(self, op: dict[str, Any]) -> list[Publication]:
        wanted = op.get("location")
        if wanted is None:
            return list(self._world.places.values())
        if wanted not in self._world.places:
            raise ControlError(f"toast: there is no location {wanted!r}")
        return [self._world.places[wanted]]

    @staticmethod
    def _known(op: dict[str, Any], *kinds: str) -> tuple[str, str]:
        given = [kind for kind in kinds if op.get(kind)]
        if len(given) != 1:
            raise ControlError(f"toast: edit {op['op']!r} needs exactly one of: {', '.join(kinds)}")
        return given[0], str(op[given[0]])

    def _each(self, op: dict[str, Any], table: str, wanted: str) -> Iterator[tuple[Publication, Any]]:
        """Every record of that id with the place it is at; at least one, or a ``ControlError``."""
        found = False
        for place in self._places(op):
            records: dict[str, Any] = getattr(place.draft, table)
            hits = [records[wanted]] if wanted in records else [r for r in records.values() if r.mlid == wanted]
            for record in hits:
                found = True
                yield place, record
        if not found:
            raise ControlError(f"toast: no {table.rstrip('s').replace('_', ' ')} has the id {wanted!r} there")

    def _done(self, touched: list[tuple[Publication, str]]) -> list[str]:
        for place, guid in touched:
            place.touched.add(guid)
        if self._at_once():
            self._world.publish(list({id(place): place for place, _ in touched}.values()))
        return [guid for _, guid in touched]

    # ---- prices

    def _set_price(self, op: dict[str, Any]) -> list[str]:
        touched: list[tuple[Publication, str]] = []
        for place, change in self._price_changes(op):
            touched.append((place, change(place.draft)))
        return self._done(touched)

    def _touchless_price(self, op: dict[str, Any]) -> list[str]:
        """A price that is different from now on, published or not, without ``lastUpdated`` or anything else moving."""
        changed: list[str] = []
        for place, change in self._price_changes(op):
            change(place.draft)
            changed.append(change(place.catalog))
            place.forget_answers()
        return changed

    def _price_changes(self, op: dict[str, Any]) -> list[tuple[Publication, Callable[[Catalog], str]]]:
        kind, wanted = self._known(op, "item", "variation", "modifier")
        cents = op.get("cents")
        if not isinstance(cents, int) or isinstance(cents, bool) or cents < 0:
            raise ControlError(f"toast: edit {op['op']!r} needs cents, a whole number that is not negative")
        changes: list[tuple[Publication, Callable[[Catalog], str]]] = []
        for place, item in self._each(op, "items", wanted):
            if kind == "item":
                _repriced(item.pricing, cents, op)  # refuse before anything changed
                changes.append((place, _item_change(item.guid, cents, op)))
            else:
                changes.append((place, _option_change(place.draft, item.guid, cents, op, sizes=kind == "variation")))
        return changes

    # ---- other edits of the menu

    def _rename(self, op: dict[str, Any]) -> list[str]:
        tables = {
            "item": "items",
            "modifier": "items",
            "group": "modifier_groups",
            "category": "groups",
            "menu": "menus",
        }
        kind, wanted = self._known(op, *tables)
        name = op.get("name")
        if not isinstance(name, str):
            raise ControlError("toast: edit 'rename' needs a name")
        touched: list[tuple[Publication, str]] = []
        for place, record in self._each(op, tables[kind], wanted):
            getattr(place.draft, tables[kind])[record.guid] = replace(record, name=name)
            touched.append((place, record.guid))
        return self._done(touched)

    def _add_item(self, op: dict[str, Any]) -> list[str]:
        world = self._world
        world.added += 1
        name, cents, category = (
            str(op.get("name", f"New item {world.added}")),
            int(op.get("cents", 0)),
            op.get("category"),
        )
        mlid = "7" + world.ids.token("mlid-item", f"added/{world.added}", "0123456789", 17)
        touched: list[tuple[Publication, str]] = []
        for place in self._places(op):
            groups = place.draft.groups
            group = next((g for g in groups.values() if category is None or category in (g.guid, g.mlid)), None)
            if group is None:
                continue
            guid = world.ids.uuid("item", f"{place.location.key}/added/{world.added}")
            taxes = tuple(place.location.names["taxRates"].values())[:1]
            item = Item(guid, mlid, name, fixed(cents), taxes=taxes, sku=str(op.get("sku", "")))
            place.draft.items[guid] = item
            groups[group.guid] = replace(group, items=(*group.items, guid))
            touched += [(place, guid), (place, group.guid)]
        if not touched:
            raise ControlError(f"toast: no location there has the menu group {category!r}")
        return self._done(touched)

    def _delete_item(self, op: dict[str, Any]) -> list[str]:
        _, wanted = self._known(op, "item")
        touched: list[tuple[Publication, str]] = []
        for place, item in self._each(op, "items", wanted):
            for group in list(place.draft.groups.values()):
                if item.guid in group.items:
                    kept = tuple(guid for guid in group.items if guid != item.guid)
                    place.draft.groups[group.guid] = replace(group, items=kept)
                    touched.append((place, group.guid))
            touched.append((place, item.guid))
        return self._done(touched)

    def _delete_modifier(self, op: dict[str, Any]) -> list[str]:
        wanted = str(op.get("modifier"))
        touched: list[tuple[Publication, str]] = []
        for place, item in self._each(op, "items", wanted):
            for group in list(place.draft.modifier_groups.values()):
                kept = tuple(option for option in group.options if option.item != item.guid)
                if len(kept) < len(group.options) and op.get("group") in (None, group.guid, group.mlid):
                    place.draft.modifier_groups[group.guid] = replace(group, options=kept)
                    touched.append((place, group.guid))
        return self._done(touched)

    def _set_visibility(self, op: dict[str, Any]) -> list[str]:
        tables = {"item": "items", "group": "modifier_groups", "category": "groups", "menu": "menus"}
        kind, wanted = self._known(op, *tables)
        visibility = tuple(op.get("visibility", EVERYWHERE))
        touched: list[tuple[Publication, str]] = []
        for place, record in self._each(op, tables[kind], wanted):
            getattr(place.draft, tables[kind])[record.guid] = replace(record, visibility=visibility)
            touched.append((place, record.guid))
        return self._done(touched)

    def _set_limits(self, op: dict[str, Any]) -> list[str]:
        _, wanted = self._known(op, "group")
        touched: list[tuple[Publication, str]] = []
        for place, group in self._each(op, "modifier_groups", wanted):
            minimum, maximum = op.get("min", group.minimum), op.get("max", group.maximum)
            place.draft.modifier_groups[group.guid] = replace(group, minimum=minimum, maximum=maximum)
            touched.append((place, group.guid))
        return self._done(touched)

    # ---- stock, publishing, locations: never waiting for a publication

    def _set_available(self, op: dict[str, Any]) -> list[str]:
        _, wanted = self._known(op, "item", "variation", "modifier")
        changed: list[str] = []
        for place, item in self._each(op, "items", wanted):
            if op.get("available", True):
                place.location.stock.pop(item.guid, None)
            else:
                place.location.stock[item.guid] = (OUT_OF_STOCK, None)
            changed.append(item.guid)
        return changed

    def _publish(self, op: dict[str, Any]) -> list[str]:
        return self._world.publish(self._places(op))

    def _unpublish(self, op: dict[str, Any]) -> list[str]:
        for place in self._places(op):
            place.published = False
            place.forget_answers()
        return []

    def _archive_location(self, op: dict[str, Any]) -> list[str]:
        return self._close(op, archive=True)

    def _disconnect_location(self, op: dict[str, Any]) -> list[str]:
        return self._close(op, archive=False)

    def _close(self, op: dict[str, Any], archive: bool) -> list[str]:
        if op.get("location") is None:
            raise ControlError(f"toast: edit {op['op']!r} needs a location")
        (place,) = self._places(op)
        if archive:
            place.archived = bool(op.get("value", True))
        else:
            place.connected = not op.get("value", True)
        return [place.location.guid]


def _item_change(guid: str, cents: int, op: dict[str, Any]) -> Callable[[Catalog], str]:
    def change(catalog: Catalog) -> str:
        if guid in catalog.items:
            catalog.update_item(guid, pricing=_repriced(catalog.items[guid].pricing, cents, op))
        return guid

    return change


def _option_change(
    draft: Catalog, guid: str, cents: int, op: dict[str, Any], *, sizes: bool
) -> Callable[[Catalog], str]:
    """A price change of an option wherever it is one (or only in ``op["group"]``)."""

    def fits(group: ModifierGroup) -> bool:
        named = op.get("group") in (None, group.guid, group.mlid)
        return named and bool(group.size_of) == sizes and any(option.item == guid for option in group.options)

    def change(catalog: Catalog) -> str:
        for group in [group for group in catalog.modifier_groups.values() if fits(group)]:
            catalog.modifier_groups[group.guid] = _regrouped(catalog, group, guid, cents, op)
        return guid

    hits = [group for group in draft.modifier_groups.values() if fits(group)]
    if not hits:
        raise ControlError(f"toast: {guid} is no {'size' if sizes else 'modifier'} there")
    for group in hits:
        _regrouped(draft, group, guid, cents, op)  # refuse before anything changed
    return change


def _regrouped(catalog: Catalog, group: ModifierGroup, guid: str, cents: int, op: dict[str, Any]) -> ModifierGroup:
    options: list[Option] = []
    rules = group.rules
    for option in group.options:
        pricing = catalog.option_pricing(option)
        if option.item == guid and pricing.strategy == GROUP and pricing.cents is None:
            rules = _new_rules(group, cents, op)
        elif option.item == guid:
            option = replace(option, pricing=_repriced(pricing, cents, op))
        options.append(option)
    return replace(group, options=tuple(options), rules=rules)


def _new_rules(group: ModifierGroup, cents: int, op: dict[str, Any]) -> tuple[RulePrices, ...]:
    """The group's rules with one price replaced, chosen by ``size`` (guid or name) and ``sequence`` (default 1)."""
    sequence, size = int(op.get("sequence", 1)), op.get("size")
    made: list[RulePrices] = []
    for rule in group.rules:
        if size in (rule.size_guid, rule.size_name) and 1 <= sequence <= len(rule.cents):
            prices = list(rule.cents)
            prices[sequence - 1] = cents
            rule = replace(rule, cents=tuple(prices))
        made.append(rule)
    if tuple(made) == group.rules:
        raise ControlError(f"toast: group {group.guid} has no rule for size {size!r} and sequence {sequence}")
    return tuple(made)


def _repriced(pricing: Pricing, cents: int, op: dict[str, Any]) -> Pricing:
    """The pricing with another base price, or another price in the menu named by ``menu``."""
    if pricing.strategy in ("OPEN_PRICE", "SIZE_PRICE"):
        raise ControlError(f"toast: a thing priced by {pricing.strategy} has no price of its own to set")
    menu = op.get("menu")
    if menu is None:
        return replace(pricing, cents=cents)
    if pricing.strategy != MENU:
        return replace(pricing, strategy=MENU, by_menu=((menu, cents),))
    prices = {**dict(pricing.by_menu), menu: cents}
    return replace(pricing, by_menu=tuple(prices.items()))
