"""Writes one location of a scenario: from short, named declarations to the records of ``model``.

Belongs here: ids, the automatic size groups Toast makes, and seeded prices. Does not belong here: what any scenario
contains, and anything about the wire.

Names ("keys") are the author's: the same key at another location is the same thing to Toast (one ``multiLocationId``)
with a guid of its own there.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.model import (
    EVERYWHERE,
    SIZE,
    Catalog,
    GroupLink,
    Item,
    Menu,
    MenuGroup,
    ModifierGroup,
    Option,
    Portion,
    PreModifier,
    PreModifierGroup,
    Pricing,
    RulePrices,
    Schedule,
    TimePrice,
    fixed,
)

STEP_CENTS = 10
WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


class LocationBuilder:
    """Collects one location's catalog. ``place`` makes guids the location's own; ``shared`` keys make mlids."""

    def __init__(self, ids: Ids, place: str, config: Mapping[str, Mapping[str, str]]) -> None:
        self.ids = ids
        self.place = place
        self.config = config
        self.catalog = Catalog()

    def guid(self, kind: str, key: str) -> str:
        """The guid of a thing at this location."""
        return self.ids.uuid(kind, f"{self.place}/{key}")

    def mlid(self, kind: str, key: str) -> str:
        """The multiLocationId of a thing: eighteen digits, the same at every location."""
        return "7" + self.ids.token(f"mlid-{kind}", key, "0123456789", 17)

    def cents(self, key: str, base: int, spread: int = 10) -> int:
        """A seeded price near ``base``: up to ``spread`` steps of ten cents above it."""
        seeded: random.Random = self.ids.rng(f"price/{key}")
        return base + STEP_CENTS * seeded.randrange(spread + 1)

    def config_guid(self, listing: str, name: str) -> str:
        """The guid of a named configuration object, for example ``("taxRates", "Food")``."""
        return self.config[listing][name]

    # ---- prices

    def by_menu(self, base: int, prices: Mapping[str, int]) -> Pricing:
        """A price per menu key, with the base price for menus not named."""
        return Pricing(
            "MENU_SPECIFIC_PRICE", base, by_menu=tuple((self.guid("menu", key), c) for key, c in prices.items())
        )

    def by_time(self, base: int, prices: Sequence[tuple[int, Sequence[tuple[Sequence[str], str, str]]]]) -> Pricing:
        """A base price and prices inside windows, each ``(cents, [(days, from, to), ...])``."""
        windows = tuple(
            TimePrice(cents, tuple(Schedule(tuple(days), ((start, end),)) for days, start, end in schedule))
            for cents, schedule in prices
        )
        return Pricing("TIME_SPECIFIC_PRICE", base, by_time=windows)

    def open_price(self) -> Pricing:
        """A price that is entered with each order."""
        return Pricing("OPEN_PRICE")

    # ---- modifiers

    def pre_modifiers(self, key: str, name: str, members: Iterable[Mapping[str, Any]], default: bool = False) -> str:
        """A pre-modifier group; members are keyword arguments of ``PreModifier`` with ``name``."""
        guid = self.guid("pre-modifier-group", key)
        made = tuple(
            PreModifier(
                self.guid("pre-modifier", f"{key}/{m['name']}"), self.mlid("pre-modifier", f"{key}/{m['name']}"), **m
            )
            for m in members
        )
        self.catalog.pre_modifier_groups[guid] = PreModifierGroup(
            guid, self.mlid("pre-modifier-group", key), name, made, default
        )
        return guid

    def option(self, key: str, name: str | None = None, cents: int | None = None, **settings: Any) -> Option:
        """An option referring to the item of that key; the item is made when a ``name`` is given.

        ``cents`` is the option's own price; ``pricing`` overrides it. Settings named ``item_*`` go to the item;
        ``stations`` are names.
        """
        of_item = {k.removeprefix("item_"): v for k, v in settings.items() if k.startswith("item_")}
        of_option = {k: v for k, v in settings.items() if not k.startswith("item_")}
        if name is not None:
            self.item(key, name, fixed(cents or 0), **of_item)
        elif cents is not None:
            of_option.setdefault("pricing", fixed(cents))
        if "stations" in of_option:
            names = of_option["stations"]
            of_option["stations"] = tuple(self.config_guid("prepStations", station) for station in names)
        return Option(self.item_guid(key), **of_option)

    def group(self, key: str, name: str, options: Sequence[Option], **settings: Any) -> str:
        """A modifier group; answers its guid. ``rules`` are ``RulePrices``."""
        guid = self.guid("modifier-group", key)
        settings.setdefault("multi", settings.get("maximum") != 1)
        if settings.get("minimum", 0):
            settings.setdefault("required", "REQUIRED")
        self.catalog.modifier_groups[guid] = ModifierGroup(
            guid, self.mlid("modifier-group", key), name, tuple(options), **settings
        )
        return guid

    def sizes(self, key: str, sizes: Sequence[tuple[str, str, int | Pricing]], **settings: Any) -> Pricing:
        """SIZE_PRICE for the item of that key, with the group Toast makes: ``(size key, name, cents or pricing)``."""
        options = [
            self.option(
                f"{key}/size/{size}",
                name,
                price if isinstance(price, int) else price.cents,
                **({} if isinstance(price, int) else {"pricing": price}),
                **dict(settings.get(size, {})),
            )
            for size, name, price in sizes
        ]
        group = self.group(
            f"{key}/sizes", "Size", options, minimum=1, maximum=1, size_of=self.item_guid(key), visibility=EVERYWHERE
        )
        return Pricing(SIZE, size_group=group)

    def size_guid(self, key: str, size: str) -> str:
        """The guid of one size option of an item."""
        return self.item_guid(f"{key}/size/{size}")

    def rule(
        self, cents: Sequence[int], item: str | None = None, size: str | None = None, name: str | None = None
    ) -> RulePrices:
        """One size/sequence rule; with ``item`` and ``size`` it points at that item's size option."""
        guid = self.size_guid(item, size) if item and size else None
        return RulePrices(name, guid, tuple(cents))

    # ---- items and menus

    def item_guid(self, key: str) -> str:
        """The guid an item of that key has here, whether made already or not."""
        return self.guid("item", key)

    def portion(self, key: str, name: str, groups: Sequence[str], scale: float | None) -> Portion:
        """A portion with modifier groups (guids) of its own."""
        return Portion(self.guid("portion", key), name, tuple(groups), scale)

    def item(
        self,
        key: str,
        name: str,
        pricing: Pricing | int,
        *,
        groups: Sequence[str | GroupLink] = (),
        taxes: Sequence[str] | None = None,
        stations: Sequence[str] = (),
        category: str | None = None,
        tags: Sequence[str] = (),
        **settings: Any,
    ) -> str:
        """An item; answers its guid. Taxes, stations and the sales category are names of configuration objects."""
        guid = self.item_guid(key)
        pricing = fixed(pricing) if isinstance(pricing, int) else pricing
        links = [link if isinstance(link, GroupLink) else GroupLink(link) for link in groups]
        if pricing.size_group is not None:
            links.insert(0, GroupLink(pricing.size_group))
        self.catalog.items[guid] = Item(
            guid,
            settings.pop("mlid", None) or self.mlid("item", key),
            name,
            pricing,
            links=tuple(links),
            taxes=tuple(self.config_guid("taxRates", tax) for tax in (taxes or ())),
            stations=tuple(self.config_guid("prepStations", station) for station in stations),
            sales_category=(category, self.config_guid("salesCategories", category)) if category else None,
            tags=tuple((tag, self.guid("tag", tag)) for tag in tags),
            **settings,
        )
        return guid

    def attach(self, key: str, *groups: str | GroupLink) -> None:
        """Attach more modifier groups to an item made earlier (that is how a cycle is closed)."""
        item = self.catalog.items[self.item_guid(key)]
        more = tuple(link if isinstance(link, GroupLink) else GroupLink(link) for link in groups)
        self.catalog.items[item.guid] = replace(item, links=(*item.links, *more))

    def menu_group(
        self, key: str, name: str, items: Sequence[str], *, subgroups: Sequence[str] = (), **settings: Any
    ) -> str:
        """A menu group holding the items of those keys; answers its guid."""
        guid = self.guid("menu-group", key)
        tags = tuple((tag, self.guid("tag", tag)) for tag in settings.pop("tags", ()))
        self.catalog.groups[guid] = MenuGroup(
            guid,
            self.mlid("menu-group", key),
            name,
            tuple(self.item_guid(item) for item in items),
            tuple(subgroups),
            tags=tags,
            **settings,
        )
        return guid

    def menu(self, key: str, name: str, groups: Sequence[str], **settings: Any) -> str:
        """A menu of menu groups (guids); ``schedule`` is a tuple of ``Schedule``."""
        guid = self.guid("menu", key)
        self.catalog.menus[guid] = Menu(guid, self.mlid("menu", key), name, tuple(groups), **settings)
        return guid
