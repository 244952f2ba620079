"""The known truth of the sandbox Toast, from the records of ``model``: what a perfect migration would have to find.

Belongs here: the meaning of prices, paths and visibility, read from the published catalog and never from an answer of
the server. Does not belong here: wire shapes. README.md describes every list and its columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aura_migration.sandbox.toast.config_wire import CONFIG_LISTS
from aura_migration.sandbox.toast.menus_wire import wire_name
from aura_migration.sandbox.toast.model import (
    GROUP,
    MENU,
    OPEN,
    SIZE,
    TIME,
    Catalog,
    GroupLink,
    Item,
    ModifierGroup,
    Option,
    PreModifier,
    Pricing,
    TimePrice,
)
from aura_migration.sandbox.toast.world import OUT_OF_STOCK, Publication, World

Path = tuple[tuple[ModifierGroup, Option, GroupLink], ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """One price under its conditions; a condition that is None does not matter."""

    cents: int | None
    kind: str = "fixed"
    menu: str | None = None
    window: tuple[tuple[str, ...], str, str] | None = None
    size: str | None = None
    sequence: int | None = None

    def window_row(self) -> dict[str, Any] | None:
        """The window as the truth document writes it."""
        if self.window is None:
            return None
        days, start, end = self.window
        return {"days": list(days), "from": start, "to": end}


def _windows(timed: TimePrice) -> Iterator[tuple[tuple[str, ...], str, str]]:
    for part in timed.schedule:
        for start, end in part.ranges:
            yield part.days, start, end


def amounts(catalog: Catalog, pricing: Pricing, menus: tuple[str, ...], unit: str = "NONE") -> Iterator[Amount]:
    """Every price of an item (or of an option with a price of its own) sold in those menus."""
    kind = "fixed" if unit == "NONE" else "per_unit"
    if pricing.strategy == OPEN:
        yield Amount(None, "open")
    elif pricing.strategy == MENU:
        special = dict(pricing.by_menu)
        for menu in menus:
            yield Amount(special.get(menu, pricing.cents), kind, menu=menu)
    elif pricing.strategy == SIZE:
        for option in catalog.modifier_groups[str(pricing.size_group)].options:
            for amount in amounts(catalog, catalog.option_pricing(option), menus, unit):
                yield Amount(amount.cents, amount.kind, amount.menu, amount.window, size=option.item)
    else:
        yield Amount(pricing.cents, kind)
        if pricing.strategy == TIME:
            for timed in pricing.by_time:
                for window in _windows(timed):
                    yield Amount(timed.cents, kind, window=window)


def group_amounts(group: ModifierGroup, sizes: dict[str, str]) -> Iterator[Amount]:
    """The prices a group's rules give its options; ``sizes`` are the item's size guids and names.

    A rule with a size name and no guid is a size of the option itself: its ``size`` is then the name.
    """
    for rule in group.rules:
        for sequence, cents in enumerate(rule.cents, 1):
            number = None if group.strategy == "SIZE_PRICE" else sequence
            if rule.size_guid is None:
                yield Amount(cents, size=rule.size_name, sequence=number)
                continue
            fitting = [guid for guid in sizes if guid == rule.size_guid]
            fitting = fitting or [guid for guid, name in sizes.items() if name == rule.size_name]
            for guid in fitting:
                yield Amount(cents, size=guid, sequence=number)


def with_pre_modifier(member: PreModifier, cents: int) -> int:
    """What an option of that price costs with a pre-modifier. Raises ValueError where that is no whole cent."""
    if member.factor is not None:
        exact = cents * member.factor
        if exact != int(exact):
            raise ValueError(f"pre-modifier {member.name}: {cents} cents times {member.factor} is no whole cent")
        return int(exact)
    return member.fixed_cents or 0


class Truth:
    """Writes the truth document of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def document(self, scenario: str, seed: int, secrets: list[str]) -> dict[str, Any]:
        """Every list over every open location; see README.md."""
        world, places = self._world, self._world.open_places()
        tables: dict[str, list[dict[str, Any]]] = {}
        counts: dict[str, set[Any]] = {}
        by_location: dict[str, dict[str, int]] = {}
        for place in places:
            one = _LocationTruth(place)
            for name, rows in one.tables().items():
                tables.setdefault(name, []).extend(rows)
            for name, keys in one.distinct().items():
                counts.setdefault(name, set()).update(keys)
                by_location.setdefault(place.location.guid, {})[name] = len(keys)
        return {
            "pos": "toast",
            "scenario": scenario,
            "seed": seed,
            "merchant_id": world.restaurant.merchant_id,
            "merchant_name": world.restaurant.name,
            "management_group": world.restaurant.group_guid,
            "locations": [
                {
                    "id": place.location.guid,
                    "name": place.location.location_name,
                    "timezone": place.location.timezone,
                    "currency": "USD",
                    "published": place.published,
                }
                for place in places
            ],
            **tables,
            "configuration": {
                place.location.guid: {name: len(world.config_list(place, name)) for name in CONFIG_LISTS}
                for place in places
            },
            "counts": {name: len(keys) for name, keys in counts.items()},
            "counts_by_location": by_location,
            "notes": world.restaurant.notes,
            "secrets": [*secrets, *(place.location.created_by for place in world.places.values())],
        }


class _LocationTruth:
    """The rows of one location."""

    def __init__(self, place: Publication) -> None:
        self._place = place
        self._here = place.location.guid
        self._catalog = place.catalog if place.published else Catalog()
        self._sold = self._catalog.items_sold()

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """List name to rows."""
        made: dict[str, list[dict[str, Any]]] = {
            "menus": [
                self._row(
                    menu,
                    visibility=list(menu.visibility),
                    schedule=[
                        {"days": list(part.days), "from": start, "to": end}
                        for part in menu.schedule
                        for start, end in part.ranges
                    ],
                )
                for menu in self._catalog.menus.values()
            ],
            "categories": list(self._categories()),
            "items": [],
            "prices": [],
            "groups": list(self._groups()),
            "modifier_prices": [],
            "edges": [],
            "size_groups": [
                self._row(
                    group,
                    item=group.size_of,
                    options=[{"id": option.item, "name": self._name(option.item)} for option in group.options],
                )
                for group in self._catalog.modifier_groups.values()
                if group.size_of and self._reached(group.guid)
            ],
            "size_edges": [],
            "portions": [],
            "pre_modifiers": list(self._pre_modifiers()),
            "stock": list(self._stock()),
            "stations": [
                {"location": self._here, "id": row.guid, "name": row.body["name"]}
                for row in self._place.location.config.get("prepStations", [])
            ],
        }
        for guid in self._sold:
            item = self._catalog.items[guid]
            made["items"].append(self._item(item))
            made["prices"].extend(self._prices(item))
            made["portions"].extend(self._portions(item))
            for path in self._catalog.edges(item):
                target = "size_edges" if self._is_size(item, path) else "edges"
                made[target].append(self._edge(item, path))
                if target == "edges":
                    made["modifier_prices"].extend(self._modifier_prices(item, path))
        return made

    def distinct(self) -> dict[str, set[Any]]:
        """What the counts count, by multiLocationId, so that a shared thing counts once for the merchant."""
        catalog = self._catalog
        groups = [group for group in catalog.modifier_groups.values() if self._reached(group.guid)]
        mlid = {guid: item.mlid for guid, item in catalog.items.items()}
        return {
            "items": {mlid[guid] for guid in self._sold},
            "variations": {(g.mlid, mlid[o.item]) for g in groups if g.size_of in self._sold for o in g.options},
            "groups": {group.mlid for group in groups if not group.size_of},
            "modifiers": {(g.mlid, mlid[o.item]) for g in groups if not g.size_of for o in g.options},
            "categories": {group.mlid for group in self._placed_groups()},
            "menus": {menu.mlid for menu in catalog.menus.values()},
        }

    # ---- rows

    def _row(self, thing: Any, **more: Any) -> dict[str, Any]:
        return {
            "location": self._here,
            "id": thing.guid,
            "multi_location_id": thing.mlid,
            "name": wire_name(thing.name),
            **more,
        }

    def _name(self, item: str) -> str:
        return wire_name(self._catalog.items[item].name)

    def _reached(self, group: str) -> bool:
        return group in self._reachable

    @cached_property
    def _reachable(self) -> set[str]:
        """Modifier groups that some sold item reaches, portions included."""
        catalog = self._catalog
        found: set[str] = set()
        waiting = list(self._sold)
        seen: set[str] = set(waiting)
        while waiting:
            item = catalog.items[waiting.pop()]
            for guid in [*(link.group for link in item.links), *(g for p in item.portions for g in p.groups)]:
                if guid not in found:
                    found.add(guid)
                    fresh = {option.item for option in catalog.modifier_groups[guid].options} - seen
                    seen |= fresh
                    waiting.extend(fresh)
        return found

    def _placed_groups(self) -> list[Any]:
        return list({chain[-1].guid: chain[-1] for _, chain in self._catalog.placements()}.values())

    def _categories(self) -> Iterator[dict[str, Any]]:
        parents = {child: group.guid for group in self._catalog.groups.values() for child in group.subgroups}
        menus: dict[str, list[str]] = {}
        for menu, chain in self._catalog.placements():
            menus.setdefault(chain[-1].guid, []).append(menu.guid)
        for group in self._placed_groups():
            yield self._row(
                group, parent=parents.get(group.guid), menus=menus[group.guid], visibility=list(group.visibility)
            )

    def _item(self, item: Item) -> dict[str, Any]:
        places = self._sold[item.guid]
        hidden = None
        if not item.visibility:
            hidden = "item"
        elif not any(menu.visibility and all(group.visibility for group in chain) for menu, chain in places):
            hidden = "menu"
        return self._row(
            item,
            sku=item.sku or None,
            plu=item.plu or None,
            active=hidden is None,
            hidden_by=hidden,
            available=self._available(item.guid),
            categories=list(dict.fromkeys(chain[-1].guid for _, chain in places)),
            menus=list(dict.fromkeys(menu.guid for menu, _ in places)),
            pricing=item.pricing.strategy,
            unit=item.unit,
            taxes=list(item.taxes),
            tax_inclusion=item.tax_inclusion,
            stations=list(item.stations),
            tags=[name for name, _ in item.tags],
            visibility=list(item.visibility),
        )

    def _available(self, guid: str) -> bool:
        return self._place.location.stock.get(guid, ("", None))[0] != OUT_OF_STOCK

    def _menus_of(self, item: Item) -> tuple[str, ...]:
        return tuple(dict.fromkeys(menu.guid for menu, _ in self._sold[item.guid]))

    def _prices(self, item: Item) -> Iterator[dict[str, Any]]:
        for amount in amounts(self._catalog, item.pricing, self._menus_of(item), item.unit):
            yield {
                "location": self._here,
                "item": item.guid,
                "variation": amount.size,
                "menu": amount.menu,
                "window": amount.window_row(),
                "cents": amount.cents,
                "kind": amount.kind,
            }

    def _groups(self) -> Iterator[dict[str, Any]]:
        reachable = self._reachable
        for group in self._catalog.modifier_groups.values():
            if group.guid in reachable and not group.size_of:
                yield self._row(
                    group,
                    strategy=group.strategy,
                    min_sent=group.minimum,
                    max_sent=group.maximum,
                    required_mode=group.required,
                    multi=group.multi,
                    options=[option.item for option in group.options],
                    pre_modifier_group=group.pre_modifiers,
                    defaults_charge=group.defaults_charge == "YES",
                    defaults_substitute=group.defaults_substitute == "YES",
                    visibility=list(group.visibility),
                )

    @staticmethod
    def _is_size(item: Item, path: Path) -> bool:
        owner = path[-2][1].item if len(path) > 1 else item.guid
        return path[-1][0].size_of == owner

    @staticmethod
    def _pairs(path: Path) -> list[list[str]]:
        return [[group.guid, option.item] for group, option, _ in path]

    def _edge(self, item: Item, path: Path) -> dict[str, Any]:
        group, option, _ = path[-1]
        taxes, stations = list(item.taxes), list(item.stations)
        for _, step, _ in path:
            taxes = taxes if step.taxes is None else list(step.taxes)
            stations = list(self._catalog.option_stations(step)) or stations
        maximum = 1 if group.maximum is None and not group.multi else group.maximum
        return {
            "location": self._here,
            "item": item.guid,
            "path": self._pairs(path),
            "name": self._name(option.item),
            "min": group.minimum or 0,
            "max": maximum,
            "default": option.default,
            "duplicates": option.duplicates,
            "active": all(
                (g.visibility if link.visibility is None else link.visibility) and o.visibility for g, o, link in path
            ),
            "available": self._available(option.item),
            "taxes": taxes,
            "tax_override": option.override_tax,
            "stations": stations,
        }

    def _sizes(self, item: Item) -> dict[str, str]:
        if item.pricing.size_group is None:
            return {}
        options = self._catalog.modifier_groups[item.pricing.size_group].options
        return {option.item: self._catalog.items[option.item].name for option in options}

    def _modifier_prices(self, item: Item, path: Path) -> Iterator[dict[str, Any]]:
        group, option, _ = path[-1]
        pricing = self._catalog.option_pricing(option)
        if pricing.strategy == GROUP and pricing.cents is None:
            found = group_amounts(group, self._sizes(item))
        else:
            found = amounts(self._catalog, pricing, self._menus_of(item), self._catalog.items[option.item].unit)
        free = option.default and group.defaults_charge == "NO"
        members: tuple[PreModifier, ...] = ()
        if group.pre_modifiers:
            members = self._catalog.pre_modifier_groups[group.pre_modifiers].members
        for amount in found:
            row = {
                "location": self._here,
                "item": item.guid,
                "path": self._pairs(path),
                "size": amount.size,
                "sequence": amount.sequence,
                "pre_modifier": None,
                "menu": amount.menu,
                "window": amount.window_row(),
                "cents": 0 if free else amount.cents,
                "listed_cents": amount.cents,
                "kind": amount.kind,
            }
            yield row
            for member in members if amount.cents is not None else ():
                yield {**row, "pre_modifier": member.guid, "cents": with_pre_modifier(member, amount.cents or 0)}

    def _portions(self, item: Item) -> Iterator[dict[str, Any]]:
        for portion in item.portions:
            yield {
                "location": self._here,
                "item": item.guid,
                "id": portion.guid,
                "name": portion.name,
                "price_scale_factor": portion.scale,
                "groups": list(portion.groups),
            }

    def _pre_modifiers(self) -> Iterator[dict[str, Any]]:
        reachable = self._reachable
        used = {g.pre_modifiers for g in self._catalog.modifier_groups.values() if g.guid in reachable}
        for group in self._catalog.pre_modifier_groups.values():
            for member in group.members if group.guid in used else ():
                yield self._row(
                    member,
                    group=group.guid,
                    fixed_cents=member.fixed_cents if member.factor is None else None,
                    factor=member.factor,
                    display=member.display,
                    charge_as_extra=bool(member.charge_as_extra),
                )

    def _stock(self) -> Iterator[dict[str, Any]]:
        for guid, (state, quantity) in self._place.location.stock.items():
            if guid in self._catalog.items:
                sizes = [
                    g
                    for g in self._catalog.modifier_groups.values()
                    if g.size_of and any(o.item == guid for o in g.options)
                ]
                yield {
                    "location": self._here,
                    "item": sizes[0].size_of if sizes else guid,
                    "variation": guid if sizes else None,
                    "state": state,
                    "quantity": quantity,
                }
