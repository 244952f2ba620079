"""What AuraConnect sells at one location, read from its tables as its own till would read them.

Overrides, listing, the location of links, the priority of price rules, per-item defaults and nested groups are applied
here, in this module's own words: nothing of plan or mapping is reused, because that is what is judged. Ids become source
keys through the crosswalk; a record without one is called ``aura:<id>``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from aura_migration.canonical.people import PEOPLE_ENTITIES
from aura_migration.pos.facts import (
    DAYS,
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
    VariationFact,
    Window,
)
from aura_migration.verify.aura_supplies import read_supplies
from aura_migration.verify.decisions import Own
from aura_migration.verify.keys import OWN, Keys, own_id, show_key
from aura_migration.verify.timetable import spans

BASE_RANK = -(2**31)
"""Below every priority of a price rule: the record's own price."""
Connection = psycopg.Connection[Any]


@dataclass
class Sold:
    """What AuraConnect sells at a location.

    ``location_id`` is None when the location was never loaded; the facts are empty then. ``keys`` name the ids. ``own_items`` counts the items
    sold there that did not come from this POS account; they are AuraConnect's own business. ``own_edges`` are choices of
    migrated items that exist because of records made in AuraConnect itself; ``counted_on`` is stock that AuraConnect has
    counted on since it was loaded.
    """

    keys: Keys
    facts: Facts = field(default_factory=Facts)
    location_id: int | None = None
    own_items: int = 0
    own_edges: dict[EdgeKey, Own] = field(default_factory=dict)
    counted_on: set[str] = field(default_factory=set)


class _Option(NamedTuple):
    """``made_at`` is set only for one made in AuraConnect itself."""

    id: int
    keys: tuple[str, ...]
    price: PriceFact
    is_default: bool
    is_available: bool
    is_active: bool
    max_quantity: int | None
    linked: tuple[str, ...]
    made_at: datetime | None


class _Group(NamedTuple):
    """``defaults_are_free``: by the group's settings an option that is a default costs nothing."""

    id: int
    keys: tuple[str, ...]
    min: int
    max: int | None
    allows_quantities: bool
    is_active: bool
    defaults_are_free: bool


class _Link(NamedTuple):
    """An item or option asks for a group, within its own limits. ``allows_quantities`` None: as the group says; ``made_at`` as for an option."""

    group: int
    min: int
    max: int | None
    is_active: bool
    allows_quantities: bool | None
    made_at: datetime | None


class _Rule(NamedTuple):
    item: int | None
    variation: int | None
    group: int | None
    menu: int | None
    size: str
    sequence: int
    pre_modifier: str
    channel: str
    window: Window
    price: PriceFact


class _Step(NamedTuple):
    """One edge under an item, its path still in keys, and what its price depends on."""

    path: tuple[tuple[str, str], ...]
    fact: EdgeFact
    option: _Option | None
    groups: tuple[int, ...]
    own: Own | None


def read_sold(connection: Connection, integration_id: int, restaurant_id: int, location_source_id: str) -> Sold:
    """Everything AuraConnect sells at the location, as facts under the integration's source keys."""
    return _Reading(connection, integration_id, restaurant_id, location_source_id).sold()


class _Reading:
    def __init__(self, connection: Connection, integration_id: int, restaurant_id: int, source_id: str) -> None:
        rows = connection.execute(
            "SELECT entity, source_key, aura_id FROM migration.crosswalk "
            'WHERE integration_id = %s AND is_active AND entity <> ALL(%s) ORDER BY source_key COLLATE "C"',
            [integration_id, [entity.name for entity in PEOPLE_ENTITIES]],
        ).fetchall()
        places = [aura_id for entity, key, aura_id in rows if entity == "locations" and key == source_id]
        self.connection = connection
        self.keys = Keys(rows, source_id)
        self.arguments = {"r": restaurant_id, "l": places[0] if places else None}
        self.result = Sold(self.keys, location_id=self.arguments["l"])
        self.facts = self.result.facts

    def sold(self) -> Sold:
        """Read in the order in which facts stand on each other."""
        if self.result.location_id is None:
            return self.result
        self._menus()
        self.items = self._items()
        self.item_menus = self._members("item_menus", "menu_item_menus", "menu_id", "menus")
        self.item_categories = self._members("item_categories", "menu_item_categories", "category_id", "categories")
        self._categories()
        for item, categories in self.item_categories.items():
            # A category of a menu puts its items on that menu.
            self.item_menus[item] |= {self.menu_of[c] for c in categories if c in self.menu_of}
        self.facts.item_menus = self._by_key(self.item_menus, "menus")
        self.facts.item_categories = self._by_key(self.item_categories, "categories")
        self._pre_modifiers()
        self._rules()
        self._item_prices()
        self._choices()
        self.result.counted_on = read_supplies(self._rows, self.keys, self.facts)
        return self.result

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, self.arguments).fetchall()

    # Menus, items, variations

    def _menus(self) -> None:
        self.facts.menus = {}
        for aura_id, name, is_active, availability in self._rows(
            """
            SELECT m.id, coalesce(o.name, m.name), coalesce(o.is_active, m.is_active), coalesce(o.availability, m.availability)
            FROM aura.menus m
            LEFT JOIN aura.menu_location_overrides o ON o.menu_id = m.id AND o.location_id = %(l)s AND o.deleted_at IS NULL
            WHERE m.restaurant_id = %(r)s AND m.deleted_at IS NULL AND (m.location_id IS NULL OR m.location_id = %(l)s)
            ORDER BY m.id
            """
        ):
            for key in self.keys.of("menus", aura_id) if self.keys.known("menus", aura_id) else ():
                found = [_window(w.get("days"), w.get("from"), w.get("to")) for w in availability or ()]
                self._check_windows("menus", key, found)
                self._put(self.facts.menus, "menus", key, MenuFact(name, is_active, tuple(w for w in found if w)))

    def _items(self) -> dict[int, tuple[str, ...]]:
        """Items with a source key that are sold here; fills their facts and own prices."""
        self.own_prices: dict[tuple[int, int | None], PriceFact] = {}
        items: dict[int, tuple[str, ...]] = {}
        for row in self._rows(
            """
            SELECT i.id, coalesce(o.name, i.name), coalesce(o.is_active, i.is_active), coalesce(o.is_available, i.is_available),
                   CASE WHEN o.price_type IS NULL THEN i.price_type ELSE o.price_type END,
                   CASE WHEN o.price_type IS NULL THEN i.price_cents ELSE o.price_cents END, coalesce(o.unit_name, i.unit_name),
                   coalesce(o.sku, i.sku), coalesce(o.short_name, i.short_name), coalesce(o.kitchen_name, i.kitchen_name),
                   coalesce(o.description, i.description), coalesce(o.barcode, i.barcode), i.item_type,
                   i.tax_inclusive
            FROM aura.menu_items i
            LEFT JOIN aura.menu_item_location_overrides o ON o.menu_item_id = i.id AND o.location_id = %(l)s
                 AND o.variation_id IS NULL AND o.deleted_at IS NULL
            WHERE i.restaurant_id = %(r)s AND i.deleted_at IS NULL AND (i.listing = 'all' OR o.id IS NOT NULL)
              AND (i.location_id IS NULL OR i.location_id = %(l)s)
            ORDER BY i.id
            """
        ):
            (
                aura_id,
                name,
                is_active,
                is_available,
                price_type,
                cents,
                unit,
                sku,
                short,
                kitchen,
                text,
                barcode,
                kind,
                is_taxed_inside,
            ) = row
            if not self.keys.known("items", aura_id):
                self.result.own_items += 1
                continue
            items[aura_id] = self.keys.of("items", aura_id)
            more = {
                "sku": sku,
                "short_name": short,
                "kitchen_name": kitchen,
                "description": text,
                "barcode": barcode,
                "item_type": kind,
                "tax_inclusive": is_taxed_inside,
            }
            for key in items[aura_id]:
                self._put(self.facts.items, "items", key, ItemFact(name, is_active, is_available, more))
            if price_type != "variation":
                self.own_prices[aura_id, None] = _price(price_type, cents, unit)
        self._variations(items)
        return items

    def _variations(self, items: dict[int, tuple[str, ...]]) -> None:
        for row in self._rows(
            """
            SELECT v.id, v.menu_item_id, coalesce(o.name, v.name), coalesce(o.is_active, v.is_active),
                   coalesce(o.is_available, v.is_available),
                   CASE WHEN o.price_type IS NULL THEN v.price_type ELSE o.price_type END,
                   CASE WHEN o.price_type IS NULL THEN v.price_cents ELSE o.price_cents END, coalesce(o.unit_name, v.unit_name),
                   coalesce(o.sku, v.sku), coalesce(o.barcode, v.barcode)
            FROM aura.menu_item_variations v
            LEFT JOIN aura.menu_item_location_overrides o ON o.variation_id = v.id AND o.location_id = %(l)s
                 AND o.deleted_at IS NULL
            WHERE v.restaurant_id = %(r)s AND v.deleted_at IS NULL AND (v.listing = 'all' OR o.id IS NOT NULL)
              AND (v.location_id IS NULL OR v.location_id = %(l)s)
            ORDER BY v.id
            """
        ):
            aura_id, item, name, is_active, is_available, price_type, cents, unit, sku, barcode = row
            if item not in items:
                continue
            for key in self.keys.of("variations", aura_id):
                fact = VariationFact(items[item][0], name, is_active, is_available, {"sku": sku, "barcode": barcode})
                self._put(self.facts.variations, "variations", key, fact)
            self.own_prices[item, aura_id] = _price(price_type, cents, unit)

    # Where items stand

    def _members(self, entity: str, table: str, column: str, group: str) -> dict[int, set[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        for item, member in self._rows(
            f"SELECT k.menu_item_id, k.{column} FROM aura.{table} k WHERE k.restaurant_id = %(r)s AND k.deleted_at IS NULL "
            "AND (k.location_id IS NULL OR k.location_id = %(l)s) ORDER BY k.id"
        ):
            if item in self.items:
                if member in found[item]:
                    self.facts.repeated.append(
                        (entity, f"{self.keys.one('items', item)} in {self.keys.one(group, member)}")
                    )
                found[item].add(member)
        return found

    def _by_key(self, members: dict[int, set[int]], entity: str) -> dict[str, frozenset[str]]:
        return {
            key: frozenset(name for member in members.get(item, ()) for name in self.keys.of(entity, member))
            for item, keys in self.items.items()
            for key in keys
        }

    def _categories(self) -> None:
        self.menu_of: dict[int, int] = {}
        for aura_id, name, menu in self._rows(
            """
            SELECT c.id, coalesce(o.name, c.name), c.menu_id FROM aura.menu_categories c
            LEFT JOIN aura.menu_category_location_overrides o
                 ON o.category_id = c.id AND o.location_id = %(l)s AND o.deleted_at IS NULL
            WHERE c.restaurant_id = %(r)s AND c.deleted_at IS NULL AND (c.location_id IS NULL OR c.location_id = %(l)s)
            ORDER BY c.id
            """
        ):
            self._name("categories", aura_id, name)
            if menu is not None:
                self.menu_of[aura_id] = menu

    def _pre_modifiers(self) -> None:
        self.facts.pre_modifiers = {}
        for group, pre_modifier, name, fixed, factor, extra in self._rows(
            """
            SELECT k.modifier_group_id, k.pre_modifier_id, p.name, p.fixed_price_cents, p.multiplication_factor, p.charge_as_extra
            FROM aura.modifier_group_pre_modifiers k JOIN aura.pre_modifiers p ON p.id = k.pre_modifier_id AND p.deleted_at IS NULL
            WHERE k.restaurant_id = %(r)s AND k.deleted_at IS NULL AND (k.location_id IS NULL OR k.location_id = %(l)s)
              AND p.is_active ORDER BY k.id
            """
        ):
            for group_key in self.keys.of("modifier_groups", group):
                for key in self.keys.of("pre_modifiers", pre_modifier):
                    fact = PreModifierFact(name, fixed, factor, extra)
                    pair = GroupPreModifier(group_key, key)
                    self._put(self.facts.pre_modifiers, "group_pre_modifiers", pair, fact)

    # Prices

    def _rules(self) -> None:
        """Price rules of this location by what they price: an item, a variation, an option."""
        self.item_rules: dict[int, list[_Rule]] = defaultdict(list)
        self.option_rules: dict[int, list[_Rule]] = defaultdict(list)
        in_category: dict[int, list[int]] = defaultdict(list)
        for item, categories in self.item_categories.items():
            for category in categories:
                in_category[category].append(item)
        variations = {variation: item for item, variation in self.own_prices if variation is not None}
        for row in self._rows(
            """
            SELECT id, menu_item_id, variation_id, modifier_id, modifier_group_id, menu_id, category_id, channel, days, time_from,
                   time_to, size_modifier_id, size_name, sequence, pre_modifier_id, price_cents, priority
            FROM aura.price_rules WHERE restaurant_id = %(r)s AND deleted_at IS NULL AND (location_id IS NULL OR location_id = %(l)s)
            ORDER BY id
            """
        ):
            rule_id, item, variation, option, group, menu, category, channel, days, since, until, size, size_name = row[
                :13
            ]
            sequence, pre_modifier, cents, priority = row[13:]
            key = self.keys.one("price_rules", rule_id)
            window = _window(days, since, until)
            if window is None or not self._check_windows("price_rules", key, [window]):
                continue
            token = self.keys.one("modifiers", size) if size else size_name or ""
            if option and variation and not token:
                token = self.keys.one("variations", variation)
            rule = _Rule(
                item,
                variation,
                group,
                menu,
                token,
                sequence or 0,
                self.keys.one("pre_modifiers", pre_modifier) if pre_modifier else "",
                channel or "",
                window,
                PriceFact("fixed", cents, "", priority),
            )
            if option:
                self.option_rules[option].append(rule)
            elif item or variation:
                self.item_rules[item or variations.get(variation, 0)].append(rule)
            elif category:
                for member in in_category[category]:
                    self.item_rules[member].append(rule)
            else:
                reason = "the rule names no item, variation, option or category"
                self.facts.unreadable.append(Unreadable("price_rules", key, reason))

    def _item_prices(self) -> None:
        for (item, variation), base in self.own_prices.items():
            rules = [r for r in self.item_rules.get(item, ()) if r.variation is None or r.variation == variation]
            names = self.keys.of("variations", variation) if variation is not None else ("",)
            for menu, size, sequence, _, channel, window, price in self._priced(base, rules, self.item_menus.get(item)):
                for key in self.items[item]:
                    for name in names:
                        priced = PriceKey(key, name, menu, size, sequence, channel, window)
                        self._put_price(self.facts.prices, priced, price)

    def _priced(
        self, base: PriceFact, rules: Sequence[_Rule], menus: set[int] | None
    ) -> Iterator[tuple[str, str, int, str, str, Window, PriceFact]]:
        """Every combination of conditions any rule names, each with all prices that may hold under it."""
        places: list[tuple[int | None, tuple[str, ...]]] = [(None, ("",))]
        if menus and any(rule.menu is not None for rule in rules):
            places = [(menu, self.keys.of("menus", menu)) for menu in sorted(menus)]
        for menu, menu_keys in places:
            here = [rule for rule in rules if rule.menu is None or rule.menu == menu]
            for case in {("", 0, "", "")} | {(r.size, r.sequence, r.pre_modifier, r.channel) for r in here}:
                size, sequence, pre_modifier, channel = case
                holding = [
                    rule
                    for rule in here
                    if rule.size in ("", size)
                    and rule.sequence in (0, sequence)
                    and rule.pre_modifier in ("", pre_modifier)
                    and rule.channel in ("", channel)
                ]
                for name in menu_keys:
                    yield (name, *case, Window(), base)
                    for rule in holding:
                        yield (name, *case, rule.window, rule.price)

    # Choices

    def _choices(self) -> None:
        self._read_groups()
        reached: set[str] = set()
        for item in self.items:
            for step in self._steps(item):
                if step.option is not None:
                    reached.update(step.option.keys)
                for key in self.items[item]:
                    self._add_edge(item, key, step)
        for options in self.options.values():
            for option in options:
                self.facts.unattached.update(
                    key for key in option.keys if key not in reached and not key.startswith(OWN)
                )

    def _add_edge(self, item: int, key: str, step: _Step) -> None:
        edge = EdgeKey(key, step.path)
        self._put(self.facts.edges, "item_modifier_groups", edge, step.fact)
        if step.own is not None:
            self.result.own_edges[edge] = step.own
        if step.option is None:
            return
        if step.fact.is_default and self.groups[step.groups[-1]].defaults_are_free:
            self._put_price(self.facts.modifier_prices, ModifierPriceKey(edge), PriceFact("fixed", 0, "", BASE_RANK))
            return
        if step.option.id not in self.option_rules:
            self._put_price(self.facts.modifier_prices, ModifierPriceKey(edge), step.option.price)
            return
        rules = [
            rule
            for rule in self.option_rules[step.option.id]
            if (rule.item is None or rule.item == item)
            and (rule.variation is None or (item, rule.variation) in self.own_prices)
            and (rule.group is None or rule.group in step.groups)
        ]
        for menu, size, sequence, pre_modifier, channel, window, price in self._priced(
            step.option.price, rules, self.item_menus.get(item)
        ):
            priced = ModifierPriceKey(edge, menu, size, sequence, pre_modifier, channel, window)
            self._put_price(self.facts.modifier_prices, priced, price)

    def _read_groups(self) -> None:
        self.groups: dict[int, _Group] = {}
        for aura_id, name, low, high, repeats, is_active, settings in self._rows(
            """
            SELECT g.id, coalesce(o.name, g.name), g.min_selections, g.max_selections,
                   coalesce(o.allow_quantities, g.allow_quantities), coalesce(o.is_active, g.is_active),
                   coalesce(o.settings, g.settings)
            FROM aura.modifier_groups g
            LEFT JOIN aura.modifier_group_location_overrides o
                 ON o.modifier_group_id = g.id AND o.location_id = %(l)s AND o.deleted_at IS NULL
            WHERE g.restaurant_id = %(r)s AND g.deleted_at IS NULL AND (g.location_id IS NULL OR g.location_id = %(l)s)
            ORDER BY g.id
            """
        ):
            keys = self.keys.of("modifier_groups", aura_id)
            free = (settings or {}).get("default_options_charge_price") == "NO"
            self.groups[aura_id] = _Group(aura_id, keys, low, high, repeats, is_active, free)
            self._name("modifier_groups", aura_id, name)
        self.options: dict[int, list[_Option]] = defaultdict(list)
        for row in self._rows(
            """
            SELECT m.id, m.modifier_group_id, coalesce(o.name, m.name),
                   CASE WHEN o.price_type IS NULL THEN m.price_type ELSE o.price_type END,
                   CASE WHEN o.price_type IS NULL THEN m.price_adjustment_cents ELSE o.price_cents END,
                   coalesce(o.is_default, m.is_default), coalesce(o.is_available, m.is_available),
                   coalesce(o.is_active, m.is_active), coalesce(o.max_quantity, m.max_quantity), m.linked_menu_item_id, m.created_at
            FROM aura.modifiers m
            LEFT JOIN aura.modifier_location_overrides o ON o.modifier_id = m.id AND o.location_id = %(l)s AND o.deleted_at IS NULL
            WHERE m.restaurant_id = %(r)s AND m.deleted_at IS NULL AND (m.listing = 'all' OR o.id IS NOT NULL)
              AND (m.location_id IS NULL OR m.location_id = %(l)s)
            ORDER BY m.display_order, m.id
            """
        ):
            aura_id, group, name, price_type, cents, is_default, is_available, is_active, most, linked, made = row
            made_at = None if self.keys.known("modifiers", aura_id) else made
            self._name("modifiers", aura_id, name)
            ids = tuple(own_id(key) for key in self.keys.of("items", linked)) if linked else ()
            keys = self.keys.of("modifiers", aura_id)
            price = _price(price_type, cents, None)
            option = _Option(aura_id, keys, price, is_default, is_available, is_active, most, ids, made_at)
            self.options[group].append(option)
        self.asked = self._links(
            "SELECT menu_item_id, modifier_group_id, min_selections, max_selections, is_active, allow_quantities, CASE WHEN source_vendor IS NULL THEN created_at END "
            "FROM aura.menu_item_modifiers"
        )
        self.nested = self._links(
            "SELECT modifier_id, modifier_group_id, min_selections, max_selections, true, NULL::boolean, CASE WHEN source_vendor IS NULL THEN created_at END "
            "FROM aura.modifier_nested_groups"
        )
        self.defaults = {
            (item, option): is_default
            for item, option, is_default in self._rows(
                "SELECT menu_item_id, modifier_id, is_default FROM aura.menu_item_modifier_defaults "
                "WHERE restaurant_id = %(r)s AND deleted_at IS NULL AND (location_id IS NULL OR location_id = %(l)s) ORDER BY id"
            )
        }

    def _links(self, select: str) -> dict[int, list[_Link]]:
        """Groups asked for, by who asks. A link without limits of its own has those of the group."""
        found: dict[int, list[_Link]] = defaultdict(list)
        for holder, group, low, high, is_active, quantities, made_at in self._rows(
            f"{select} WHERE restaurant_id = %(r)s AND deleted_at IS NULL AND (location_id IS NULL OR location_id = %(l)s) "
            "ORDER BY display_order, id"
        ):
            if group in self.groups:
                if low is None:
                    low, high = self.groups[group].min, self.groups[group].max
                found[holder].append(_Link(group, low, high, is_active, quantities, made_at))
        return found

    def _steps(self, item: int) -> Iterator[_Step]:
        above = {own_id(key) for key in self.items[item]}
        for link in self.asked.get(item, ()):
            own = _own(None, link.made_at, ("items", self.items[item][0]))
            yield from self._below(item, link, (), (), link.is_active, own, above)

    def _below(
        self,
        item: int,
        link: _Link,
        path: tuple[tuple[str, str], ...],
        groups: tuple[int, ...],
        is_active: bool,
        own: Own | None,
        above: set[str],
    ) -> Iterator[_Step]:
        group = self.groups[link.group]
        groups = (*groups, group.id)
        is_active = is_active and group.is_active
        options = self.options.get(group.id)
        if not options:
            for key in group.keys:
                yield _Step((*path, (key, "")), EdgeFact(link.min, link.max, False, is_active), None, groups, own)
            return
        for option in options:
            is_default = self.defaults.get((item, option.id), option.is_default)
            may_repeat = group.allows_quantities if link.allows_quantities is None else link.allows_quantities
            repeats = may_repeat and (option.max_quantity is None or option.max_quantity > 1)
            works = is_active and option.is_active
            fact = EdgeFact(link.min, link.max, is_default, works, option.is_available, repeats)
            here = _own(own, option.made_at, ("modifier_groups", group.keys[0]))
            further = self.nested.get(option.id, ())
            ids = {own_id(key) for key in option.keys}.union(option.linked) if further else set()
            for key in option.keys:
                parent = key.rpartition("/")[0]
                step = (*path, (parent if parent in group.keys else group.keys[0], key))
                yield _Step(step, fact, option, groups, here)
                if further and not ids & above:
                    for nested in further:
                        below = _own(here, nested.made_at, ("modifiers", key))
                        yield from self._below(
                            item, nested, step, groups, works and nested.is_active, below, above | ids
                        )

    # Keeping

    def _name(self, entity: str, aura_id: int, name: str) -> None:
        if self.keys.known(entity, aura_id):
            for key in self.keys.of(entity, aura_id):
                self._put(self.facts.names, entity, (entity, key), name)

    def _put(self, into: dict[Any, Any], entity: str, key: Any, fact: Any) -> None:
        if key in into:
            self.facts.repeated.append((entity, show_key(key)))
        into[key] = fact

    def _put_price(self, into: dict[Any, PriceFact], key: Any, price: PriceFact) -> None:
        """Of several prices in the same window the highest rank holds; rivals of one rank are said to be repeated."""
        known = into.get(key)
        if known is None or known.rank < price.rank:
            into[key] = price
        elif known.rank == price.rank and known != price:
            self.facts.repeated.append(("price_rules", show_key(key)))

    def _check_windows(self, entity: str, key: str, windows: Iterable[Window | None]) -> bool:
        for window in windows:
            try:
                if window is not None:
                    spans(window)
            except ValueError as error:
                self.facts.unreadable.append(Unreadable(entity, key, str(error)))
                return False
        return True


def _own(above: Own | None, made_at: datetime | None, holder: tuple[str, ...]) -> Own | None:
    """What was made in AuraConnect itself on the way here, with one more record if that was. Its own hang on its own."""
    if made_at is None:
        return above
    holders = above.holders if above else ()
    if not holder[1].startswith(OWN):
        holders = (*holders, holder)
    return Own(holders, max(made_at, above.made_at) if above else made_at)


def _price(price_type: str, cents: int | None, unit: str | None) -> PriceFact:
    return PriceFact(price_type, cents, (unit or "") if price_type == "per_unit" else "", BASE_RANK)  # type: ignore[arg-type]


def _window(days: Sequence[str] | None, since: str | None, until: str | None) -> Window | None:
    """A window in the facts' form; None for one that never opens (an empty list of days)."""
    if days is not None and not days:
        return None
    order = {day: number for number, day in enumerate(DAYS)}
    named = tuple(sorted(days or (), key=lambda day: (order.get(day, 99), day)))
    return Window(() if len(set(named)) == 7 else named, since or "", until or "")
