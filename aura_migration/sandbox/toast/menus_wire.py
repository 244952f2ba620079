"""The menus document of Toast (V2, and V3 for ordering partners) of one location's published catalog.

Belongs here: the JSON shape, the reference maps and their numbering. Does not belong here: what a price means (that is
``truth``'s own reading) and which location or version is asked for.

One guid gets as many ``referenceId``s as there are resolved variants of it: another visibility where it is attached,
another menu's price, another parent's taxes. The numbers are dealt anew for every publication.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aura_migration.sandbox.toast.model import (
    MENU,
    OPEN,
    SIZE,
    TIME,
    Catalog,
    GroupLink,
    Item,
    Menu,
    MenuGroup,
    ModifierGroup,
    Option,
    Portion,
    Pricing,
    Schedule,
)

MISSING_NAME = "Missing name"
PARTNER_CHANNEL = "ORDERING_PARTNERS"


def toast_time(moment: datetime) -> str:
    """``2025-02-15T12:30:00.000+0000``: milliseconds, UTC, an offset without a colon."""
    utc = moment.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}+0000"


def money(cents: int | None) -> float | None:
    """Currency units as a JSON number."""
    return None if cents is None else cents / 100


def wire_name(name: str) -> str:
    """An empty name is sent as the literal words Toast uses."""
    return name or MISSING_NAME


@dataclass(frozen=True, slots=True)
class MenuStyle:
    """Choices where Toast's texts disagree or leave room; each is a switch of the sandbox."""

    version: int = 2
    time_specific_null: bool = False
    premodifier_key: str = "preModifierGroupReferences"
    overlapping_ids: bool = False
    extra_fields: bool = False


class GroupKey(NamedTuple):
    """One resolved variant of a modifier group."""

    guid: str
    visibility: tuple[str, ...] | None
    copy: int
    menu: str | None
    taxes: tuple[str, ...] | None


class OptionKey(NamedTuple):
    """One resolved variant of an option."""

    group: str
    place: int
    menu: str | None
    taxes: tuple[str, ...]


class MenusDocument:
    """Builds one document. ``numbering`` decides the referenceIds; the same number gives the same document."""

    def __init__(self, catalog: Catalog, style: MenuStyle, numbering: random.Random) -> None:
        self._catalog = catalog
        self._style = style
        self._numbering = numbering
        self._menu_bound = self._groups_bound_to_a_menu()
        self._inherits = {
            guid: any(option.taxes is None for option in group.options)
            for guid, group in catalog.modifier_groups.items()
        }
        self._groups: dict[GroupKey, int] = {}
        self._options: dict[OptionKey, int] = {}
        self._pre: dict[str, int] = {}

    def render(self, restaurant_guid: str, last_updated: datetime, timezone: str) -> dict[str, Any]:
        """The whole answer of ``GET /menus/v2/menus``."""
        self._discover()
        style, catalog = self._style, self._catalog
        return {
            "restaurantGuid": restaurant_guid,
            "lastUpdated": toast_time(last_updated),
            "restaurantTimeZone": timezone,
            "menus": [self._menu(menu) for menu in catalog.menus.values() if self._shown(menu.visibility)],
            "modifierGroupReferences": {
                str(number): self._group(key, number) for key, number in self._in_order(self._groups)
            },
            "modifierOptionReferences": {
                str(number): self._option(key, number) for key, number in self._in_order(self._options)
            },
            style.premodifier_key: {
                str(number): self._pre_modifier_group(guid, number) for guid, number in self._in_order(self._pre)
            },
        }

    # ---- references

    def _groups_bound_to_a_menu(self) -> set[str]:
        """Groups in which some option, at any depth, has a price of its own per menu."""
        catalog = self._catalog
        above: dict[str, set[str]] = {}
        bound: deque[str] = deque()
        for guid, group in catalog.modifier_groups.items():
            for option in group.options:
                if catalog.option_pricing(option).strategy == MENU:
                    bound.append(guid)
                for link in catalog.items[option.item].links:
                    above.setdefault(link.group, set()).add(guid)
        found: set[str] = set()
        while bound:
            guid = bound.popleft()
            if guid not in found:
                found.add(guid)
                bound.extend(above.get(guid, ()))
        return found

    def _group_key(self, link: GroupLink, menu: str, taxes: tuple[str, ...]) -> GroupKey:
        return GroupKey(
            link.group,
            link.visibility,
            link.copy,
            menu if link.group in self._menu_bound else None,
            taxes if self._inherits[link.group] else None,
        )

    def _option_keys(self, key: GroupKey) -> Iterator[tuple[Option, OptionKey]]:
        for place, option in enumerate(self._catalog.modifier_groups[key.guid].options):
            if self._shown(option.visibility):
                taxes = option.taxes if option.taxes is not None else (key.taxes or ())
                yield option, OptionKey(key.guid, place, key.menu, taxes)

    def _links(self, links: Iterable[GroupLink], menu: str | None, taxes: tuple[str, ...]) -> list[GroupKey]:
        keys = [self._group_key(link, menu or "", taxes) for link in links if self._link_shown(link)]
        return list(dict.fromkeys(keys))

    def _all_links(self, item: Item) -> tuple[GroupLink, ...]:
        return item.links + tuple(GroupLink(guid) for portion in item.portions for guid in portion.groups)

    def _discover(self) -> None:
        """Find every variant that the menus reach and deal out the numbers."""
        waiting: deque[GroupKey] = deque()
        groups: dict[GroupKey, None] = {}
        options: dict[OptionKey, None] = {}
        for menu, chain in self._catalog.placements():
            if self._shown(menu.visibility) and all(self._shown(group.visibility) for group in chain):
                for guid in chain[-1].items:
                    item = self._catalog.items[guid]
                    if self._shown(item.visibility):
                        waiting.extend(self._links(self._all_links(item), menu.guid, item.taxes))
        while waiting:
            key = waiting.popleft()
            if key in groups:
                continue
            groups[key] = None
            for option, option_key in self._option_keys(key):
                if option_key not in options:
                    options[option_key] = None
                    item = self._catalog.items[option.item]
                    waiting.extend(self._links(self._all_links(item), option_key.menu, option_key.taxes))
        named = (self._catalog.modifier_groups[key.guid].pre_modifiers for key in groups)
        self._deal(groups, options, dict.fromkeys(guid for guid in named if guid))

    def _deal(self, groups: Iterable[GroupKey], options: Iterable[OptionKey], pre: Iterable[str]) -> None:
        keys: tuple[list[Any], ...] = (list(groups), list(options), list(pre))
        tables: tuple[dict[Any, int], ...] = (self._groups, self._options, self._pre)
        pool = list(range(1, sum(map(len, keys)) + 1))
        self._numbering.shuffle(pool)
        for wanted, table in zip(keys, tables, strict=True):
            if self._style.overlapping_ids:
                pool = list(range(1, len(wanted) + 1))
                self._numbering.shuffle(pool)
            for key in wanted:
                table[key] = pool.pop()

    @staticmethod
    def _in_order(table: dict[Any, int]) -> list[tuple[Any, int]]:
        return sorted(table.items(), key=lambda entry: entry[1])

    # ---- shapes

    def _shown(self, visibility: tuple[str, ...]) -> bool:
        return self._style.version == 2 or PARTNER_CHANNEL in visibility

    def _link_shown(self, link: GroupLink) -> bool:
        group = self._catalog.modifier_groups[link.group]
        return self._shown(group.visibility if link.visibility is None else link.visibility)

    def _visible(self, visibility: tuple[str, ...]) -> dict[str, Any]:
        return {"visibility": list(visibility)} if self._style.version == 2 else {}

    def _extra(self, kind: str) -> dict[str, Any]:
        if not self._style.extra_fields:
            return {}
        return {"insights": {"kind": kind, "score": 0.5, "labels": ["new"]}, "legacyFlag": None}

    def _head(self, thing: Menu | MenuGroup | Item | ModifierGroup) -> dict[str, Any]:
        return {
            "name": wire_name(thing.name),
            "guid": thing.guid,
            "multiLocationId": thing.mlid,
            "masterId": int(thing.mlid),
        }

    @staticmethod
    def _looks(thing: Menu | MenuGroup | Item | ModifierGroup) -> dict[str, Any]:
        light, dark = thing.colors
        return {"posName": thing.pos_name, "posButtonColorLight": light, "posButtonColorDark": dark}

    @staticmethod
    def _tags(tags: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
        return [{"name": name, "guid": guid} for name, guid in tags]

    @staticmethod
    def _schedule(schedule: Iterable[Schedule]) -> list[dict[str, Any]]:
        return [
            {"days": list(part.days), "timeRanges": [{"start": start, "end": end} for start, end in part.ranges]}
            for part in schedule
        ]

    def _menu(self, menu: Menu) -> dict[str, Any]:
        looks = self._looks(menu)
        if self._style.version == 3:
            del looks["posName"]
        availability: dict[str, Any] = {"alwaysAvailable": not menu.schedule}
        if menu.schedule:
            availability["schedule"] = self._schedule(menu.schedule)
        return {
            **self._head(menu),
            "description": menu.description,
            **looks,
            "highResImage": menu.image,
            "image": menu.image,
            **self._visible(menu.visibility),
            "availability": availability,
            "menuGroups": self._menu_groups(menu.groups, menu),
            **self._extra("menu"),
        }

    def _menu_groups(self, guids: Iterable[str], menu: Menu) -> list[dict[str, Any]]:
        groups = [self._catalog.groups[guid] for guid in guids]
        return [self._menu_group(group, menu) for group in groups if self._shown(group.visibility)]

    def _menu_group(self, group: MenuGroup, menu: Menu) -> dict[str, Any]:
        items = [self._catalog.items[guid] for guid in group.items]
        return {
            **self._head(group),
            "description": group.description,
            **self._looks(group),
            "image": group.image,
            **self._visible(group.visibility),
            "itemTags": self._tags(group.tags),
            "menuGroups": self._menu_groups(group.subgroups, menu),
            "menuItems": [self._item(item, menu) for item in items if self._shown(item.visibility)],
            **self._extra("menuGroup"),
        }

    def _price(self, pricing: Pricing, menu: str | None) -> dict[str, Any]:
        cents = pricing.cents
        if pricing.strategy == MENU:
            cents = dict(pricing.by_menu).get(menu or "", cents)
        elif pricing.strategy in (OPEN, SIZE) or (pricing.strategy == TIME and self._style.time_specific_null):
            cents = None
        rules = None
        if pricing.strategy in (TIME, SIZE):
            timed = [
                {
                    "timeSpecificPrice": money(timed.cents),
                    "basePrice": money(pricing.cents),
                    "schedule": self._schedule(timed.schedule),
                }
                for timed in pricing.by_time
            ]
            rules = {
                "timeSpecificPricingRules": timed,
                "sizeSpecificPricingGuid": pricing.size_group,
                "sizeSequencePricingRules": [],
            }
        return {"price": money(cents), "pricingStrategy": pricing.strategy, "pricingRules": rules}

    def _references(self, links: Iterable[GroupLink], menu: str | None, taxes: tuple[str, ...]) -> list[int]:
        return [self._groups[key] for key in self._links(links, menu, taxes)]

    def _portions(self, portions: Iterable[Portion], menu: str | None, taxes: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            {
                "name": portion.name,
                "guid": portion.guid,
                "modifierGroupReferences": self._references(map(GroupLink, portion.groups), menu, taxes),
                "priceScaleFactor": portion.scale,
            }
            for portion in portions
        ]

    def _item(self, item: Item, menu: Menu) -> dict[str, Any]:
        category = item.sales_category
        advisories = None if item.alcohol is None else {"alcohol": {"containsAlcohol": item.alcohol}}
        body: dict[str, Any] = {
            **self._head(item),
            "kitchenName": item.kitchen_name,
            "description": item.description,
            **self._looks(item),
            "image": item.image,
            "images": list(item.images),
            **self._visible(item.visibility),
            **self._price(item.pricing, menu.guid),
            "isDeferred": item.deferred,
            "isDiscountable": item.discountable,
            "salesCategory": None if category is None else {"name": category[0], "guid": category[1]},
            "taxInfo": list(item.taxes),
            "taxInclusion": item.tax_inclusion,
            "itemTags": self._tags(item.tags),
            "plu": item.plu,
            "sku": item.sku,
            "calories": item.calories,
            "contentAdvisories": advisories,
            "unitOfMeasure": item.unit,
            "portions": self._portions(item.portions, menu.guid, item.taxes),
            "prepTime": item.prep_time,
            "prepStations": list(item.stations),
            "modifierGroupReferences": self._references(item.links, menu.guid, item.taxes),
            "eligiblePaymentAssistancePrograms": list(item.assistance),
            **dict.fromkeys(
                (
                    "allergens",
                    "length",
                    "height",
                    "width",
                    "dimensionUnitOfMeasure",
                    "weight",
                    "weightUnitOfMeasure",
                    "guestCount",
                )
            ),
            "sortOrder": item.sort_order,
            "catalogProductInfo": None,
            "isComboParent": None,
            **dict(item.extra),
            **self._extra("menuItem"),
        }
        if self._style.version == 3:
            del body["catalogProductInfo"]
        return body

    def _group(self, key: GroupKey, number: int) -> dict[str, Any]:
        group = self._catalog.modifier_groups[key.guid]
        rules = None
        if group.rules:
            sized = [
                {
                    "sizeName": rule.size_name,
                    "sizeGuid": rule.size_guid,
                    "sequencePrices": [{"sequence": n, "price": money(c)} for n, c in enumerate(rule.cents, 1)],
                }
                for rule in group.rules
            ]
            rules = {"timeSpecificPricingRules": [], "sizeSpecificPricingGuid": None, "sizeSequencePricingRules": sized}
        return {
            "referenceId": number,
            **self._head(group),
            **self._looks(group),
            **self._visible(group.visibility if key.visibility is None else key.visibility),
            "pricingStrategy": group.strategy,
            "pricingRules": rules,
            "defaultOptionsChargePrice": group.defaults_charge,
            "defaultOptionsSubstitutionPricing": group.defaults_substitute,
            "minSelections": group.minimum,
            "maxSelections": group.maximum,
            "requiredMode": group.required,
            "isMultiSelect": group.multi,
            "preModifierGroupReference": self._pre[group.pre_modifiers] if group.pre_modifiers else None,
            "modifierOptionReferences": [self._options[option_key] for _, option_key in self._option_keys(key)],
            **self._extra("modifierGroup"),
        }

    def _option(self, key: OptionKey, number: int) -> dict[str, Any]:
        option = self._catalog.modifier_groups[key.group].options[key.place]
        item = self._catalog.items[option.item]
        pricing = self._catalog.option_pricing(option)
        category = item.sales_category
        return {
            "referenceId": number,
            **self._head(item),
            "kitchenName": item.kitchen_name,
            "description": item.description,
            **self._looks(item),
            "prepStations": list(self._catalog.option_stations(option)),
            "image": item.image,
            "images": list(item.images),
            **self._visible(option.visibility),
            **self._price(pricing, key.menu),
            "salesCategory": None if category is None else {"name": category[0], "guid": category[1]},
            "taxInfo": list(key.taxes),
            "modifierOptionTaxInfo": {"taxRateGuids": list(key.taxes), "overrideItemTaxRates": option.override_tax},
            "itemTags": self._tags(item.tags),
            "plu": item.plu,
            "sku": item.sku,
            "calories": item.calories,
            "contentAdvisories": None if item.alcohol is None else {"alcohol": {"containsAlcohol": item.alcohol}},
            "unitOfMeasure": item.unit,
            "isDefault": option.default,
            "allowsDuplicates": option.duplicates,
            "portions": self._portions(item.portions, key.menu, key.taxes),
            "prepTime": item.prep_time,
            "modifierGroupReferences": self._references(item.links, key.menu, key.taxes),
            "sortOrder": option.sort_order,
            **self._extra("modifierOption"),
        }

    def _pre_modifier_group(self, guid: str, number: int) -> dict[str, Any]:
        group = self._catalog.pre_modifier_groups[guid]
        return {
            "referenceId": number,
            "name": wire_name(group.name),
            "guid": group.guid,
            "multiLocationId": group.mlid,
            "preModifiers": [
                {
                    "name": wire_name(member.name),
                    "guid": member.guid,
                    "multiLocationId": member.mlid,
                    "fixedPrice": money(member.fixed_cents),
                    "multiplicationFactor": member.factor,
                    "displayMode": member.display,
                    "posName": "",
                    "posButtonColorLight": "#f7f7f7",
                    "posButtonColorDark": "#1a1c23",
                    "chargeAsExtra": member.charge_as_extra,
                    "plu": member.plu,
                }
                for member in group.members
            ],
            **self._extra("preModifierGroup"),
        }
