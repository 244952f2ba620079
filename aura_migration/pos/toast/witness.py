"""What a Toast location sells, read once more from the recorded answers: the second opinion verification holds against
what was loaded.

Written from Toast's documentation (menus V2, stock) and this folder's README (keys, "item", "active", sizes). It shares
nothing with the mapping and the wire structs beside it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.errors import BadInput
from aura_migration.core.ids import path
from aura_migration.core.money import minor_units
from aura_migration.pos import facts as says
from aura_migration.pos.facts import ALWAYS, EdgeFact, EdgeKey, ModifierPriceKey, PriceFact, PriceKey, Value, Window

Thing = Mapping[str, Any]
Week = tuple[tuple[Window, PriceFact], ...]
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
TEXTS = {"sku": "sku", "barcode": "plu"}
ITEM_TEXTS = {**TEXTS, "short_name": "posName", "kitchen_name": "kitchenName", "description": "description"}
PREP_STATIONS = "/kitchen/v1/published/prepStations"
STATES = ("IN_STOCK", "OUT_OF_STOCK", "QUANTITY")
INCLUDED = {"TAX_INCLUDED": True, "TAX_NOT_INCLUDED": False}
FREE = PriceFact("fixed", 0)
DECODER = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True)
class _Size:
    token: str  # what the facts call it
    guid: str
    name: str


@dataclass(frozen=True)
class _Way:
    """How far a guest has come: the item on its menu, the steps taken, what nesting ends at, the sizes chosen from."""

    item: str
    menu: str
    above: frozenset[str]
    sizes: tuple[_Size, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    is_active: bool = True


def facts(reader: SnapshotReader, location_source_id: str, currency: str) -> says.Facts:
    """The facts of one restaurant. A location without published menus has none."""
    document: Thing = {}
    for answer in _answers(reader, "menus", "/menus/v2/menus"):
        if answer.get("restaurantGuid") in (None, location_source_id):
            document = answer
    counted = _answers(reader, "stock", "/stock/v1/inventory")
    stock = [entry for answer in counted for entry in answer]
    reading = _Reading(document, {entry["guid"] for entry in stock if _is_gone(entry)}, currency)
    found = reading.said()
    if counted:
        found.stock = dict(_stock(reading, stock))
        found.unlisted_stock = "in_stock"  # "Absent item ⇒ IN_STOCK"
    _taxes(found, reading, location_source_id, _answers(reader, "config", "/config/v2/taxRates"), currency)
    _stations(found, reading, location_source_id, _answers(reader, "prep_stations", PREP_STATIONS))
    certificate = reader.certificate("menus")
    if certificate is not None and (route := certificate.second_route) is not None:
        found.source_item_count, found.source_item_route = route.count, route.how
    return found


def _answers(reader: SnapshotReader, entity: str, of: str) -> list[Any]:
    return [DECODER.decode(body.data) for body in reader.bodies(entity) if body.path == of]


@dataclass
class _Prices:
    """Prices by key, gathered menu by menu: they name menus only where it matters on which the item stands."""

    by_menu: dict[Any, dict[str, Week]] = field(default_factory=dict)
    of_menus: set[Any] = field(default_factory=set)
    rivals: list[str] = field(default_factory=list)

    def add(self, key: Any, menu: str, week: Week, thing: Thing) -> None:
        """``week`` holds for the key on the menu; all places of one menu must agree."""
        if self.by_menu.setdefault(key, {}).setdefault(menu, week) != week:
            self.rivals.append(f"{key} on menu {menu}")
        if thing.get("pricingStrategy") == "MENU_SPECIFIC_PRICE":
            self.of_menus.add(key)

    def settle(self, into: dict[Any, PriceFact]) -> None:
        """Write the gathered prices as facts."""
        for key, weeks in self.by_menu.items():
            if key not in self.of_menus and len(set(weeks.values())) == 1:
                weeks = {"": next(iter(weeks.values()))}
            for menu, week in weeks.items():
                into.update((key._replace(menu=menu, window=window), price) for window, price in reversed(week))


class _Reading:
    """One document, place by place: an item stands at several, with groups that may be numbered anew at each."""

    def __init__(self, document: Thing, gone: set[str], currency: str) -> None:
        self.document, self.gone, self.currency = document, gone, currency
        self.groups: Thing = document.get("modifierGroupReferences") or {}
        self.options: Thing = document.get("modifierOptionReferences") or {}
        words = document.get("preModifierGroupReferences") or document.get("premodifierGroupReferences")
        self.words: Thing = words or {}
        self.menus: dict[str, says.MenuFact] = {}
        self.item_menus: dict[str, frozenset[str]] = {}
        self.item_categories: dict[str, frozenset[str]] = {}
        self.found = says.Facts(menus=self.menus, item_menus=self.item_menus, item_categories=self.item_categories)
        self.prices, self.modifier_prices = _Prices(), _Prices()
        self.guids: dict[tuple[str, str], str] = {}
        self.size_groups: set[str] = set()
        self.asked_groups: set[str] = set()
        self.item_taxes: dict[str, frozenset[str]] = {}
        self.item_stations: dict[str, set[str]] = defaultdict(set)
        self.keys_of: dict[str, set[str]] = defaultdict(set)

    def said(self) -> says.Facts:
        """Everything the document says."""
        for menu in self.document.get("menus") or ():
            key, hours = self._key("menus", menu), menu.get("availability") or {}
            windows = () if hours.get("alwaysAvailable") else tuple(self._windows("menus", key, hours))
            self.menus[key] = says.MenuFact(menu["name"], _is_shown(menu), windows)
            self._menu_groups(menu.get("menuGroups"), key)
        self._groups()
        self.prices.settle(self.found.prices)
        self.modifier_prices.settle(self.found.modifier_prices)
        self.found.repeated += [("price_rules", one) for one in self.prices.rivals + self.modifier_prices.rivals]
        return self.found

    def _menu_groups(self, groups: Any, menu: str) -> None:
        for group in groups or ():
            category = self._key("categories", group)
            self.found.names["categories", category] = group["name"]
            for item in group.get("menuItems") or ():
                key = self._key("items", item)
                more = {**_texts(item, ITEM_TEXTS), "tax_inclusive": INCLUDED.get(item.get("taxInclusion") or "")}
                fact = says.ItemFact(item["name"], _is_shown(item), item["guid"] not in self.gone, more)
                self.found.items.setdefault(key, fact)
                self.item_taxes.setdefault(key, frozenset(item.get("taxInfo") or ()))
                self.item_stations[key].update(item.get("prepStations") or ())
                self.keys_of[item["guid"]].add(key)
                self.item_menus[key] = self.item_menus.get(key, frozenset()) | {menu}
                self.item_categories[key] = self.item_categories.get(key, frozenset()) | {category}
                self._item(item, _Way(key, menu, frozenset({key})))
            self._menu_groups(group.get("menuGroups"), menu)

    def _item(self, item: Thing, way: _Way) -> None:
        """Its prices and choices. Plain sizes are variations; others stay a choice on top of an item that is free."""
        size_group, references = self._size_group(item), item.get("modifierGroupReferences") or ()
        if size_group is not None and self._is_plain(item, size_group):
            self.size_groups.add(_id(size_group))
            way = replace(way, sizes=tuple(self._variation(way, size) for size in self._options(size_group)))
            references = [number for number in references if self.groups.get(str(number)) is not size_group]
        elif size_group is not None:
            self.prices.add(PriceKey(way.item), way.menu, ((ALWAYS, FREE),), item)
            way = replace(way, sizes=self._sizes(size_group))
        else:
            self.prices.add(PriceKey(way.item), way.menu, self._week("items", way.item, item), item)
        self._choices(way, references)

    def _variation(self, way: _Way, size: Thing) -> _Size:
        key = path(way.item, _id(size))
        fact = says.VariationFact(
            way.item, size["name"], _is_shown(size), size["guid"] not in self.gone, _texts(size, TEXTS)
        )
        self.found.variations.setdefault(key, fact)
        self.keys_of[size["guid"]].add(key)
        self.prices.add(PriceKey(way.item, key), way.menu, self._week("variations", key, size), size)
        return _Size(key, size["guid"], size["name"])

    def _size_group(self, owner: Thing) -> Thing | None:
        """The group of the sizes of an item or option that is priced by size."""
        guid = (owner.get("pricingRules") or {}).get("sizeSpecificPricingGuid")
        if owner.get("pricingStrategy") != "SIZE_PRICE" or not guid:
            return None
        asked = (self.groups.get(str(number)) for number in owner.get("modifierGroupReferences") or ())
        return next((group for group in asked if group and group["guid"] == guid), None)

    def _is_plain(self, item: Thing, size_group: Thing) -> bool:
        """Whether no size has groups, stations or taxes of its own."""
        taxes = set(item.get("taxInfo") or ())
        for size in self._options(size_group):
            tax = size.get("modifierOptionTaxInfo") or {"taxRateGuids": taxes}
            if tax.get("overrideItemTaxRates") or set(tax.get("taxRateGuids") or ()) != taxes:
                return False
            if size.get("modifierGroupReferences") or size.get("prepStations"):
                return False
        return True

    def _sizes(self, size_group: Thing) -> tuple[_Size, ...]:
        return tuple(_Size(size["name"], size["guid"], size["name"]) for size in self._options(size_group))

    def _choices(self, way: _Way, references: Any) -> None:
        """All ways on from an item or option. They end at an option that was passed already."""
        for number in references or ():
            group = self.groups.get(str(number))
            if group is None:
                self._unreadable("items", way.item, f"the menus do not have its modifier group number {number}")
                continue
            key = _id(group)
            self.asked_groups.add(key)
            is_single, works = group.get("isMultiSelect") is False, way.is_active and _is_shown(group)
            limits = int(group.get("minSelections") or 0), 1 if is_single else group.get("maxSelections")
            options = list(self._options(group))
            if not options:
                self._edge(EdgeKey(way.item, (*way.steps, (key, ""))), EdgeFact(*limits, False, works))
            for option in options:
                edge = EdgeKey(way.item, (*way.steps, (key, path(key, _id(option)))))
                repeats = not is_single and bool(option.get("allowsDuplicates"))
                is_default, is_active = bool(option.get("isDefault")), works and _is_shown(option)
                is_available = option["guid"] not in self.gone
                self._edge(edge, EdgeFact(*limits, is_default, is_active, is_available, repeats))
                self._option_prices(edge, way, group, option)
                if _id(option) not in way.above:
                    size_group, above = self._size_group(option), way.above | {_id(option)}
                    sizes = way.sizes if size_group is None else self._sizes(size_group)
                    further = _Way(way.item, way.menu, above, sizes, edge.path, is_active)
                    self._choices(further, option.get("modifierGroupReferences"))

    def _edge(self, key: EdgeKey, fact: EdgeFact) -> None:
        """Of several places the first one's limits hold; a choice works if it works at one of them."""
        known = self.found.edges.setdefault(key, fact)
        if replace(known, is_active=fact.is_active) != fact:
            self.found.repeated.append(("item_modifier_groups", f"{key.item} > {key.path}"))
        if fact.is_active:
            self.found.edges[key] = replace(known, is_active=True)

    def _option_prices(self, edge: EdgeKey, way: _Way, group: Thing, option: Thing) -> None:
        """The option's own price, or what its group asks by size and pick. A default may cost nothing."""
        key, strategy = edge.path[-1][1], group.get("pricingStrategy") or "NONE"
        is_free = bool(option.get("isDefault")) and group.get("defaultOptionsChargePrice") == "NO"
        if option.get("price") is not None or option.get("pricingStrategy") != "GROUP_PRICE" or strategy == "NONE":
            week = self._week("modifiers", key, option)
            if is_free:
                week = tuple((window, price if price.cents is None else FREE) for window, price in week)
            self.modifier_prices.add(ModifierPriceKey(edge), way.menu, week, option)
            return
        for rule in (group.get("pricingRules") or {}).get("sizeSequencePricingRules") or ():
            for size in _sizes_of(rule, way.sizes) if "SIZE" in strategy else ("",):
                for pick in rule.get("sequencePrices") or ():
                    number = int(pick["sequence"]) if "SEQUENCE" in strategy else 0
                    cents = 0 if is_free else self._cents("modifiers", key, pick.get("price"))
                    week = () if cents is None else ((ALWAYS, PriceFact("fixed", cents)),)
                    priced = ModifierPriceKey(edge, size=size, sequence=number)
                    self.modifier_prices.add(priced, way.menu, week, option)

    def _week(self, entity: str, key: str, thing: Thing) -> Week:
        """Its prices in the course of a week; of several rules for one moment the first holds."""
        strategy, price = thing.get("pricingStrategy"), thing.get("price")
        if strategy == "OPEN_PRICE":
            return ((ALWAYS, PriceFact("open", None)),)
        timed = (thing.get("pricingRules") or {}).get("timeSpecificPricingRules") or ()
        rules = timed if strategy == "TIME_SPECIFIC_PRICE" else ()
        if price is None and rules:
            price = rules[0].get("basePrice")
        if price is None and entity == "modifiers":
            price = 0
        prices = [(ALWAYS, self._cents(entity, key, price), 0)]
        for number, rule in enumerate(rules):
            cents = self._cents(entity, key, rule.get("timeSpecificPrice"))
            prices += [(window, cents, len(rules) - number) for window in self._windows(entity, key, rule)]
        # AuraConnect writes units in lower case.
        unit = str(thing.get("unitOfMeasure") or "NONE").lower().replace("none", "")
        kind: says.PriceKind = "per_unit" if unit else "fixed"
        return tuple(
            (window, PriceFact(kind, cents, unit, rank)) for window, cents, rank in prices if cents is not None
        )

    def _cents(self, entity: str, key: str, price: Any) -> int | None:
        if price is None:
            self._unreadable(entity, key, "it has no price, and no strategy that explains why")
            return None
        try:
            return minor_units(price, self.currency)
        except BadInput as error:
            self._unreadable(entity, key, error.what)
            return None

    def _windows(self, entity: str, key: str, timed: Thing) -> Iterator[Window]:
        """The weekly spans of a ``schedule``; from 00:00 to 00:00 is the whole day."""
        for line in timed.get("schedule") or ():
            days = tuple(str(day)[:3].lower() for day in line.get("days") or ())
            for span in line.get("timeRanges") or ():
                start, end = str(span.get("start")), str(span.get("end"))
                if not (set(days) <= set(says.DAYS) and CLOCK.fullmatch(start) and CLOCK.fullmatch(end)):
                    self._unreadable(entity, key, f"{span} on {line.get('days')} is no time of the week")
                elif days:
                    yield Window(days, *(("", "") if start == end else (start, end)))

    def _groups(self) -> None:
        """Names, pre-modifiers, and options no item reaches. Groups that became variations of items are no groups."""
        self.found.pre_modifiers = {}
        reached = {edge.path[-1][1] for edge in self.found.edges}
        for group in self.groups.values():
            key = self._key("modifier_groups", group)
            if key in self.size_groups - self.asked_groups:
                continue
            self.found.names["modifier_groups", key] = group["name"]
            names = {path(key, _id(option)): option["name"] for option in self._options(group)}
            self.found.names.update((("modifiers", option), name) for option, name in names.items())
            self.found.unattached |= names.keys() - reached
            words = self.words.get(str(group.get("preModifierGroupReference"))) or {}
            for word in words.get("preModifiers") or ():
                self.found.pre_modifiers[says.GroupPreModifier(key, _id(word))] = self._pre_modifier(word)

    def _pre_modifier(self, word: Thing) -> says.PreModifierFact:
        """A fixed price or a factor; neither is fixed at nothing."""
        fixed, factor, extra = word.get("fixedPrice"), word.get("multiplicationFactor"), word.get("chargeAsExtra")
        if fixed is None and factor is not None:
            return says.PreModifierFact(word["name"], None, Decimal(factor), extra)
        return says.PreModifierFact(word["name"], self._cents("pre_modifiers", _id(word), fixed or 0), None, extra)

    def _options(self, group: Thing) -> Iterator[Thing]:
        for number in group.get("modifierOptionReferences") or ():
            if (option := self.options.get(str(number))) is not None:
                yield option
            else:
                self._unreadable("modifier_groups", _id(group), f"the menus do not have its option number {number}")

    def _key(self, entity: str, thing: Thing) -> str:
        """The key of a record; one key for two records is said to be repeated."""
        key = _id(thing)
        if self.guids.setdefault((entity, key), thing["guid"]) != thing["guid"]:
            self.found.repeated.append((entity, key))
        return key

    def _unreadable(self, entity: str, key: str, reason: str) -> None:
        one = says.Unreadable(entity, key, reason)
        if one not in self.found.unreadable:
            self.found.unreadable.append(one)


def _stock(reading: _Reading, stock: list[Thing]) -> Iterator[tuple[str, says.StockFact]]:
    """Items and sizes on the menu that Toast counts or says the state of; what is an option only is sold out or not."""
    seen: set[str] = set()
    for entry in stock:
        state = entry.get("status")
        shared = {str(entry.get("multiLocationId"))} & reading.found.items.keys()
        keys = reading.keys_of.get(entry["guid"]) or shared
        if entry["guid"] in seen or state not in STATES:
            continue
        seen.add(entry["guid"])
        quantity = entry.get("quantity") if state == "QUANTITY" else None
        if state != "QUANTITY" or quantity is not None:
            amount = None if quantity is None else Decimal(quantity)
            yield from ((key, says.StockFact(amount, state == "QUANTITY", str(state).lower())) for key in keys)


def _taxes(found: says.Facts, reading: _Reading, location: str, answers: list[Any], currency: str) -> None:
    """Rates, and what items bear of them. Toast writes a percentage as a fraction; its prices are without tax."""
    if not answers:
        return
    found.taxes, known = {}, set()
    for rate in (one for answer in answers for one in answer):
        key = path(location, rate["guid"])
        known.add(rate["guid"])
        kind, amount = rate.get("type"), rate.get("rate")
        is_fixed = kind == "FIXED"
        try:
            cents = minor_units(amount, currency) if is_fixed and amount is not None else None
        except BadInput as error:
            found.unreadable.append(says.Unreadable("tax_rates", key, error.what))
            continue
        percent = None if is_fixed or amount is None else Decimal(amount) * 100
        found.taxes.setdefault(key, says.TaxFact(rate.get("name") or "", percent, cents, False, kind != "NONE"))
    found.item_taxes = {
        item: frozenset(path(location, tax) for tax in taxes & known) for item, taxes in reading.item_taxes.items()
    }
    for item, taxes in reading.item_taxes.items():
        for tax in sorted(taxes - known):
            found.unreadable.append(says.Unreadable("item_taxes", item, f"the restaurant has no tax rate {tax}"))


def _stations(found: says.Facts, reading: _Reading, location: str, answers: list[Any]) -> None:
    """Prep stations and what is made there. An option without any goes where its item goes."""
    if not answers:
        return
    known = {}
    for station in (one for answer in answers for one in _listed(answer)):
        known[station["guid"]] = path(location, station["guid"])
        found.names["kitchen_stations", known[station["guid"]]] = station.get("name") or "Missing name"
    routed: dict[str, set[str]] = defaultdict(set)
    for group in reading.groups.values():
        for number in group.get("modifierOptionReferences") or ():
            if (option := reading.options.get(str(number))) is not None:
                key = path(_id(group), _id(option))
                routed[key].update(option.get("prepStations") or ())
    for into, named in (("item_stations", reading.item_stations), ("modifier_stations", routed)):
        linked = {owner: frozenset(known[one] for one in ones if one in known) for owner, ones in named.items()}
        setattr(found, into, linked)


def _listed(answer: Any) -> Any:
    return answer.get("prepStations") or () if isinstance(answer, dict) else answer


def _id(thing: Thing) -> str:
    """The same at all locations of a management group: the multi-location id, or else the guid."""
    return str(thing.get("multiLocationId") or thing["guid"])


def _is_shown(thing: Thing) -> bool:
    """Not hidden everywhere."""
    return bool(thing.get("visibility") != [])


def _is_gone(stock: Thing) -> bool:
    """Sold out, by hand or by counting down."""
    return stock.get("status") == "OUT_OF_STOCK" or (stock.get("status") == "QUANTITY" and not stock.get("quantity"))


def _texts(thing: Thing, names: Mapping[str, str]) -> dict[str, Value]:
    return {ours: thing.get(theirs) or None for ours, theirs in names.items()}


def _sizes_of(rule: Thing, sizes: tuple[_Size, ...]) -> list[str]:
    """The chosen sizes a rule is for: by guid, else by name; a size that cannot be chosen here keeps its name."""
    by_guid = [size.token for size in sizes if size.guid == rule.get("sizeGuid")]
    by_name = [size.token for size in sizes if size.name == rule.get("sizeName")]
    return by_guid or by_name or [str(rule.get("sizeName") or rule.get("sizeGuid") or "")]
