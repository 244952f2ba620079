"""What a Toast location sells, read once more from the recorded answers: the second opinion verification holds against
what was loaded.

Written from Toast's documentation (menus V2, stock) and this folder's README (keys, "item", "active", sizes). It shares
nothing with the mapping and the wire structs beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.errors import BadInput
from aura_migration.core.ids import path
from aura_migration.core.money import minor_units
from aura_migration.pos.facts import (
    ALWAYS,
    EdgeFact,
    EdgeKey,
    Facts,
    GroupPreModifier,
    ItemFact,
    MenuFact,
    ModifierPriceKey,
    PreModifierFact,
    PriceFact,
    PriceKey,
    Unreadable,
    Value,
    VariationFact,
    Window,
)

Thing = Mapping[str, Any]
Week = tuple[tuple[Window, PriceFact], ...]
Trail = tuple[tuple[str, str], ...]
MENUS, STOCK = "/menus/v2/menus", "/stock/v1/inventory"
DAYS = {
    "MONDAY": "mon",
    "TUESDAY": "tue",
    "WEDNESDAY": "wed",
    "THURSDAY": "thu",
    "FRIDAY": "fri",
    "SATURDAY": "sat",
    "SUNDAY": "sun",
}
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
ITEM_TEXTS = {"sku": "sku", "barcode": "plu", "short_name": "posName", "kitchen_name": "kitchenName"}
FREE = PriceFact("fixed", 0)
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True)
class _Size:
    """A size a guest has chosen: how the facts call it, its guid and its name."""

    token: str
    guid: str
    name: str


def facts(reader: SnapshotReader, location_source_id: str, currency: str) -> Facts:
    """The facts of one restaurant. A location without published menus has none."""
    document: Thing = {}
    for answer in _answers(reader, MENUS):
        if answer.get("restaurantGuid") in (None, location_source_id):
            document = answer
    gone = set[str]()
    for entry in _answers(reader, STOCK):
        for stock in entry:
            counted_down = stock.get("status") == "QUANTITY" and not stock.get("quantity")
            if stock.get("status") == "OUT_OF_STOCK" or counted_down:
                gone.add(stock["guid"])
    found = _Reading(document, gone, currency).said()
    certificate = reader.certificate("menus")
    if certificate is not None and certificate.second_route is not None:
        found.source_item_count = certificate.second_route.count
        found.source_item_route = certificate.second_route.how
    return found


def _answers(reader: SnapshotReader, of: str) -> Iterator[Any]:
    for entity in reader.entities():
        for body in reader.bodies(entity):
            if body.path == of:
                try:
                    yield _DECODER.decode(body.data)
                except msgspec.DecodeError as error:
                    raise BadInput(
                        f"The answer to {of} in the snapshot is not JSON: {error}.", "Extract the snapshot again."
                    ) from error


@dataclass
class _Prices:
    """Prices by key, gathered menu by menu: they name the menus only where it matters which menu the item stands on."""

    by_menu: dict[Any, dict[str, Week]] = field(default_factory=dict)
    of_menus: set[Any] = field(default_factory=set)
    twice: list[Any] = field(default_factory=list)

    def add(self, key: Any, menu: str, week: Week, is_of_menu: bool) -> None:
        """``week`` holds for the key on the menu; several places of one menu must agree."""
        if self.by_menu.setdefault(key, {}).setdefault(menu, week) != week:
            self.twice.append(key._replace(menu=menu))
        if is_of_menu:
            self.of_menus.add(key)

    def settle(self, into: dict[Any, PriceFact]) -> None:
        """Write the gathered prices as facts."""
        for key, weeks in self.by_menu.items():
            if key not in self.of_menus and len(set(weeks.values())) == 1:
                weeks = {"": next(iter(weeks.values()))}
            for menu, week in weeks.items():
                into.update((key._replace(menu=menu, window=window), price) for window, price in week)


class _Reading:
    def __init__(self, document: Thing, gone: set[str], currency: str) -> None:
        self.document = document
        self.gone = gone
        self.currency = currency
        self.groups: Thing = document.get("modifierGroupReferences") or {}
        self.options: Thing = document.get("modifierOptionReferences") or {}
        self.pre_modifiers: Thing = (
            document.get("preModifierGroupReferences") or document.get("premodifierGroupReferences") or {}
        )
        self.found = Facts(menus={}, item_menus={}, item_categories={}, pre_modifiers={})
        self.prices, self.modifier_prices = _Prices(), _Prices()
        self.guids: dict[tuple[str, str], str] = {}
        self.size_groups: set[str] = set()
        self.asked_groups: set[str] = set()

    def said(self) -> Facts:
        """Everything the document says."""
        found = self.found
        for menu in self.document.get("menus") or ():
            key = self._key("menus", menu)
            assert found.menus is not None
            found.menus[key] = MenuFact(menu["name"], _is_shown(menu), self._hours(key, menu.get("availability") or {}))
            self._menu_groups(menu.get("menuGroups"), key)
        self._groups()
        self.prices.settle(found.prices)
        self.modifier_prices.settle(found.modifier_prices)
        for key in (*self.prices.twice, *self.modifier_prices.twice):
            found.repeated.append(
                ("price_rules", f"{key.item if isinstance(key, PriceKey) else key.edge} on {key.menu}")
            )
        return found

    def _menu_groups(self, groups: Any, menu: str) -> None:
        for group in groups or ():
            category = self._key("categories", group)
            self.found.names["categories", category] = group["name"]
            for item in group.get("menuItems") or ():
                self._item(item, menu, category)
            self._menu_groups(group.get("menuGroups"), menu)

    # Items at one of their places

    def _item(self, item: Thing, menu: str, category: str) -> None:
        found, key = self.found, self._key("items", item)
        assert found.item_menus is not None and found.item_categories is not None
        more = {name: item.get(field_) or None for name, field_ in ITEM_TEXTS.items()}
        more["description"] = item.get("description") or None
        fact = ItemFact(item["name"], _is_shown(item), self._is_there(item), more)
        found.items.setdefault(key, fact)
        found.item_menus[key] = found.item_menus.get(key, frozenset()) | {menu}
        found.item_categories[key] = found.item_categories.get(key, frozenset()) | {category}
        references = list(item.get("modifierGroupReferences") or ())
        size_group = self._size_group(item)
        if size_group is None:
            self.prices.add(PriceKey(key), menu, self._week("items", key, item), _is_of_menu(item))
            self._choices(key, menu, references, {_id(item)}, (), True, ())
        elif self._is_plain(item, size_group):
            self.size_groups.add(_id(size_group))
            sizes = [self._variation(key, menu, option) for option in self._options(size_group)]
            others = [ref for ref in references if self.groups.get(str(ref)) is not size_group]
            self._choices(key, menu, others, {_id(item)}, (), True, tuple(sizes))
        else:
            self.prices.add(PriceKey(key), menu, ((ALWAYS, FREE),), False)
            self._choices(key, menu, references, {_id(item)}, (), True, self._named_sizes(size_group))

    def _variation(self, item: str, menu: str, option: Thing) -> _Size:
        key = path(item, _id(option))
        more: dict[str, Value] = {name: option.get(ITEM_TEXTS[name]) or None for name in ("sku", "barcode")}
        fact = VariationFact(item, option["name"], _is_shown(option), self._is_there(option), more)
        self.found.variations.setdefault(key, fact)
        week = self._week("variations", key, option)
        self.prices.add(PriceKey(item, key), menu, week, _is_of_menu(option))
        return _Size(key, option["guid"], option["name"])

    def _size_group(self, owner: Thing) -> Thing | None:
        """The group of the sizes of an item or option that is priced by size."""
        guid = (owner.get("pricingRules") or {}).get("sizeSpecificPricingGuid")
        if owner.get("pricingStrategy") != "SIZE_PRICE" or not guid:
            return None
        asked = (self.groups.get(str(ref)) for ref in owner.get("modifierGroupReferences") or ())
        return next((group for group in asked if group and group["guid"] == guid), None)

    def _is_plain(self, item: Thing, size_group: Thing) -> bool:
        """Whether no size asks for groups, or has taxes or stations, of its own: then sizes are variations."""
        taxes = set(item.get("taxInfo") or ())
        for size in self._options(size_group):
            own = size.get("modifierOptionTaxInfo") or {"taxRateGuids": taxes}
            if own.get("overrideItemTaxRates") or set(own.get("taxRateGuids") or ()) != taxes:
                return False
            if size.get("modifierGroupReferences") or size.get("prepStations"):
                return False
        return True

    def _named_sizes(self, size_group: Thing) -> tuple[_Size, ...]:
        return tuple(_Size(size["name"], size["guid"], size["name"]) for size in self._options(size_group))

    # Choices

    def _choices(
        self,
        item: str,
        menu: str,
        references: Any,
        above: set[str],
        trail: Trail,
        is_active: bool,
        sizes: tuple[_Size, ...],
    ) -> None:
        """All ways on from an item or an option; ``above`` are what stands on the way, where nesting ends."""
        for reference in references or ():
            group = self.groups.get(str(reference))
            if group is None:
                self._unreadable("items", item, f"it asks for modifier group {reference}, which the menus do not have")
                continue
            key = _id(group)
            self.asked_groups.add(key)
            low, is_single = int(group.get("minSelections") or 0), group.get("isMultiSelect") is False
            high = 1 if is_single else group.get("maxSelections")
            works = is_active and _is_shown(group)
            options = list(self._options(group))
            if not options:
                self._edge(EdgeKey(item, (*trail, (key, ""))), EdgeFact(low, high, False, works))
            for option in options:
                step = (*trail, (key, path(key, _id(option))))
                fact = EdgeFact(
                    low,
                    high,
                    is_default=bool(option.get("isDefault")),
                    is_active=works and _is_shown(option),
                    is_available=self._is_there(option),
                    allows_repeats=not is_single and bool(option.get("allowsDuplicates")),
                )
                self._edge(EdgeKey(item, step), fact)
                self._option_prices(EdgeKey(item, step), menu, group, option, sizes)
                if _id(option) not in above:
                    own_sizes = self._size_group(option)
                    below = sizes if own_sizes is None else self._named_sizes(own_sizes)
                    further = option.get("modifierGroupReferences")
                    self._choices(item, menu, further, above | {_id(option)}, step, fact.is_active, below)

    def _edge(self, key: EdgeKey, fact: EdgeFact) -> None:
        """Of several places the limits of the first hold; a choice works if it works at one of them."""
        known = self.found.edges.setdefault(key, fact)
        if known == fact:
            return
        if (known.min, known.max, known.is_default, known.allows_repeats) != (
            fact.min,
            fact.max,
            fact.is_default,
            fact.allows_repeats,
        ):
            self.found.repeated.append(("item_modifier_groups", " > ".join([key.item, *(o or g for g, o in key.path)])))
        if fact.is_active and not known.is_active:
            self.found.edges[key] = EdgeFact(
                known.min, known.max, known.is_default, True, known.is_available, known.allows_repeats
            )

    def _option_prices(self, edge: EdgeKey, menu: str, group: Thing, option: Thing, sizes: tuple[_Size, ...]) -> None:
        """The option's own price, or what its group asks by size and pick. A default may cost nothing."""
        key = edge.path[-1][1]
        is_free = bool(option.get("isDefault")) and group.get("defaultOptionsChargePrice") == "NO"
        strategy = group.get("pricingStrategy") or "NONE"
        if option.get("price") is None and option.get("pricingStrategy") == "GROUP_PRICE" and strategy != "NONE":
            rules = (group.get("pricingRules") or {}).get("sizeSequencePricingRules") or ()
            for rule in rules:
                for size in _sizes_of(rule, sizes) if "SIZE" in strategy else ("",):
                    for pick in rule.get("sequencePrices") or ():
                        cents = self._cents("modifiers", key, pick.get("price"))
                        number = int(pick["sequence"]) if "SEQUENCE" in strategy else 0
                        week = _fixed(0 if is_free else cents)
                        priced = ModifierPriceKey(edge, size=size, sequence=number)
                        self.modifier_prices.add(priced, menu, week, False)
            if not rules:
                self._unreadable("modifiers", key, "its group shall price it, but has no prices")
            return
        week = self._week("modifiers", key, option)
        if is_free:
            week = tuple((window, price if price.cents is None else FREE) for window, price in week)
        self.modifier_prices.add(ModifierPriceKey(edge), menu, week, _is_of_menu(option))

    # Prices of one thing

    def _week(self, entity: str, key: str, thing: Thing) -> Week:
        """Its prices in the course of a week; the first of several rules for one moment holds."""
        strategy, price = thing.get("pricingStrategy"), thing.get("price")
        if strategy == "OPEN_PRICE":
            return ((ALWAYS, PriceFact("open", None)),)
        rules = (thing.get("pricingRules") or {}).get("timeSpecificPricingRules") or ()
        rules = rules if strategy == "TIME_SPECIFIC_PRICE" else ()
        if price is None and rules:
            price = rules[0].get("basePrice")
        if price is None and entity == "modifiers":
            price = 0
        unit = thing.get("unitOfMeasure") or "NONE"
        prices = [(ALWAYS, self._cents(entity, key, price), 0)]
        for number, rule in enumerate(rules):
            cents = self._cents(entity, key, rule.get("timeSpecificPrice"))
            prices += [(window, cents, len(rules) - number) for window in self._windows(entity, key, rule)]
        if unit == "NONE":
            return tuple(
                (window, PriceFact("fixed", cents, "", rank)) for window, cents, rank in prices if cents is not None
            )
        return tuple(
            (window, PriceFact("per_unit", cents, unit, rank)) for window, cents, rank in prices if cents is not None
        )

    def _cents(self, entity: str, key: str, price: Any) -> int | None:
        if price is None:
            self._unreadable(entity, key, "it has no price and no strategy that explains it")
            return None
        try:
            return minor_units(price, self.currency)
        except BadInput as error:
            self._unreadable(entity, key, error.what)
            return None

    def _hours(self, key: str, availability: Thing) -> tuple[Window, ...]:
        return () if availability.get("alwaysAvailable") else tuple(self._windows("menus", key, availability))

    def _windows(self, entity: str, key: str, timed: Thing) -> Iterator[Window]:
        """The weekly spans of a ``schedule``; from 00:00 to 00:00 is the whole day."""
        for line in timed.get("schedule") or ():
            days = tuple(DAYS.get(day, "") for day in line.get("days") or ())
            for span in line.get("timeRanges") or ():
                start, end = span.get("start") or "", span.get("end") or ""
                if "" in days or not (CLOCK.fullmatch(start) and CLOCK.fullmatch(end)):
                    self._unreadable(entity, key, f"its hours {line} are not days and times")
                elif days:
                    yield Window(days, *(("", "") if start == end else (start, end)))

    # Groups of the whole document

    def _groups(self) -> None:
        """Names, pre-modifiers, and options no item reaches. Groups that became variations of items are no groups."""
        found = self.found
        assert found.pre_modifiers is not None
        reached = {edge.path[-1][1] for edge in found.edges}
        for group in self.groups.values():
            key = self._key("modifier_groups", group)
            if key in self.size_groups - self.asked_groups:
                continue
            found.names["modifier_groups", key] = group["name"]
            for option in self._options(group):
                name = path(key, _id(option))
                found.names["modifiers", name] = option["name"]
                if name not in reached:
                    found.unattached.add(name)
            for word in (self.pre_modifiers.get(str(group.get("preModifierGroupReference"))) or {}).get(
                "preModifiers"
            ) or ():
                found.pre_modifiers[GroupPreModifier(key, _id(word))] = self._pre_modifier(word)

    def _pre_modifier(self, word: Thing) -> PreModifierFact:
        """A fixed price or a factor; neither is fixed at nothing."""
        fixed, factor = word.get("fixedPrice"), word.get("multiplicationFactor")
        if fixed is None and factor is not None:
            return PreModifierFact(word["name"], None, Decimal(factor), word.get("chargeAsExtra"))
        cents = self._cents("pre_modifiers", _id(word), fixed or 0)
        return PreModifierFact(word["name"], cents, None, word.get("chargeAsExtra"))

    # Small things

    def _options(self, group: Thing) -> Iterator[Thing]:
        for reference in group.get("modifierOptionReferences") or ():
            option = self.options.get(str(reference))
            if option is not None:
                yield option
            else:
                self._unreadable("modifier_groups", _id(group), f"the menus do not have its option {reference}")

    def _key(self, entity: str, thing: Thing) -> str:
        """The key of a record; one key for two records is said to be repeated."""
        key = _id(thing)
        if self.guids.setdefault((entity, key), thing["guid"]) != thing["guid"]:
            self.found.repeated.append((entity, key))
        return key

    def _is_there(self, thing: Thing) -> bool:
        return thing["guid"] not in self.gone

    def _unreadable(self, entity: str, key: str, reason: str) -> None:
        one = Unreadable(entity, key, reason)
        if one not in self.found.unreadable:
            self.found.unreadable.append(one)


def _id(thing: Thing) -> str:
    """What is the same at all locations of a management group: the multi-location id, or else the guid."""
    return str(thing.get("multiLocationId") or thing["guid"])


def _is_shown(thing: Thing) -> bool:
    """Not hidden everywhere."""
    return bool(thing.get("visibility") != [])


def _is_of_menu(thing: Thing) -> bool:
    return bool(thing.get("pricingStrategy") == "MENU_SPECIFIC_PRICE")


def _fixed(cents: int | None) -> Week:
    return () if cents is None else ((ALWAYS, PriceFact("fixed", cents)),)


def _sizes_of(rule: Thing, sizes: tuple[_Size, ...]) -> list[str]:
    """The chosen sizes a rule is for: by guid, else by name; a size that cannot be chosen here keeps its name."""
    by_guid = [size.token for size in sizes if size.guid == rule.get("sizeGuid")]
    by_name = [size.token for size in sizes if size.name == rule.get("sizeName")]
    return by_guid or by_name or [str(rule.get("sizeName") or rule.get("sizeGuid") or "")]
