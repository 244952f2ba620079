"""Reads menu and rules of a location from AuraConnect's tables into a `Book`, with the meaning a till gives them.

Location rows override shared rows, links belong to a location, deleted rows are not there; but items that are no longer sold are
read too, for they stand on past orders.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
import psycopg

from aura_migration.canonical.rules import PRICING_POLICY
from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Per, Scope, TaxKind, TaxRule, TaxTableRow
from aura_migration.pricing.policies import POLICIES
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.scales import Rounding, percent
from aura_migration.verify.replay.book import (
    Book,
    DiscountRule,
    Group,
    Item,
    Link,
    Option,
    OrderType,
    PreModifier,
    PriceRule,
    ServiceCharge,
    Target,
    Tax,
    TaxException,
    Variation,
)
from aura_migration.verify.replay.hours import schedule, window

Connection = psycopg.Connection[Any]
ROUNDINGS = {
    "half_up": Rounding.HALF_UP,
    "half_even": Rounding.HALF_EVEN,
    "always_up": Rounding.UP,
    "always_down": Rounding.DOWN,
}
"""AuraConnect's words for the rounding of a rate."""
CASH_INCREMENT = "payments.cash_increment"
"""The setting of the smallest coin, ``{"cents": 5}``, where the policy has none."""
GIVEN_ON = "given_on"
"""The condition of a discount that says where it may be given: ``["check", "line"]``."""
TOLD_BY_ORDERS = frozenset((GIVEN_ON,))
"""Conditions that an order shows to hold or not."""
ARCHIVED = "archived_placeholder"
"""The custom field of an item that exists only for lines of the past."""


def read_book(connection: Connection, restaurant_id: int, location_id: int, pos: str) -> Book:
    """The book of a location. `pos` names the pricing policy where the location's settings have none.

    ``BadInput`` where the settings hold a policy that cannot be understood.
    """
    reading = _Reading(connection, restaurant_id, location_id)
    (zone, currency), *_ = reading.rows("SELECT timezone, currency FROM aura.locations WHERE id = %(l)s")
    held = reading.rows(
        "SELECT value FROM aura.settings WHERE restaurant_id = %(r)s AND deleted_at IS NULL AND setting_key = %(policy)s "
        "AND (location_id = %(l)s OR location_id IS NULL) ORDER BY location_id NULLS LAST, id LIMIT 1",
        policy=PRICING_POLICY,
    )
    policy = policy_of(held[0][0] if held else {}, pos)
    coins = reading.rows(
        "SELECT value -> 'cents' FROM aura.settings WHERE restaurant_id = %(r)s AND deleted_at IS NULL AND setting_key = %(coins)s "
        "AND (location_id = %(l)s OR location_id IS NULL) ORDER BY location_id NULLS LAST, id LIMIT 1",
        coins=CASH_INCREMENT,
    )
    if coins and isinstance(coins[0][0], int) and not policy.cash_increment:
        policy = msgspec.structs.replace(policy, cash_increment=coins[0][0])
    book = Book(restaurant_id, location_id, zone, currency, policy)
    book.policy_said = frozenset(held[0][0]) - {"name"} if held and isinstance(held[0][0], dict) else frozenset()
    reading.fill(book)
    return book


def policy_of(value: Any, pos: str) -> Policy:
    """The policy a setting stands for: the one it names (else the POS's), with the fields it gives in their place."""
    given = dict(value) if isinstance(value, dict) else {}
    name = str(given.pop("name", pos))
    base = POLICIES.get(name) or POLICIES.get(pos) or Policy(name=name)
    if not given:
        return base
    try:
        return msgspec.convert({**msgspec.to_builtins(base), **given}, Policy)
    except (msgspec.ValidationError, TypeError) as error:
        raise BadInput(
            f"The setting {PRICING_POLICY} of the location cannot be understood: {error}.",
            "docs/pricing.md lists the fields and their values; correct the setting.",
        ) from error


class _Reading:
    def __init__(self, connection: Connection, restaurant_id: int, location_id: int) -> None:
        self.connection = connection
        self.arguments = {"r": restaurant_id, "l": location_id}

    def rows(self, query: str, **more: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, {**self.arguments, **more}).fetchall()

    def here(self, columns: str, table: str, more: str = "") -> list[tuple[Any, ...]]:
        """Rows of the location, or of the restaurant."""
        return self.rows(
            f"SELECT {columns} FROM aura.{table} WHERE restaurant_id = %(r)s AND deleted_at IS NULL "
            f"AND (location_id IS NULL OR location_id = %(l)s) {more}"
        )

    def fill(self, book: Book) -> None:
        """Everything, in the order in which it stands on each other."""
        self.taxes(book)
        self.items(book)
        self.groups(book)
        self.options(book)
        self.links(book)
        self.price_rules(book)
        self.assignments(book)
        self.exceptions(book)
        self.charges(book)
        self.discounts(book)

    # -- menu ------------------------------------------------------------------------------------------------------

    def items(self, book: Book) -> None:
        for aura_id, name, kind, cents, is_sold, is_placeholder, is_discountable, tax_inclusive in self.rows(
            f"""
            SELECT i.id, coalesce(o.name, i.name), CASE WHEN o.price_type IS NULL THEN i.price_type ELSE o.price_type END,
                   CASE WHEN o.price_type IS NULL THEN i.price_cents ELSE o.price_cents END,
                   i.deleted_at IS NULL AND coalesce(o.is_active, i.is_active) AND (i.listing = 'all' OR o.id IS NOT NULL),
                   coalesce(i.custom_fields ? '{ARCHIVED}', false), coalesce(o.is_discountable, i.is_discountable, true),
                   coalesce(o.tax_inclusive, i.tax_inclusive)
            FROM aura.menu_items i
            LEFT JOIN aura.menu_item_location_overrides o ON o.menu_item_id = i.id AND o.location_id = %(l)s
                 AND o.variation_id IS NULL AND o.deleted_at IS NULL
            WHERE i.restaurant_id = %(r)s AND (i.location_id IS NULL OR i.location_id = %(l)s)
            """
        ):
            open_price = kind == "open" or (cents is None and kind != "variation")
            book.items[aura_id] = Item(
                aura_id,
                name,
                None if open_price else cents,
                kind,
                is_sold,
                is_placeholder,
                is_discountable,
                tax_inclusive,
            )
        for aura_id, item, name, kind, cents, is_sold in self.rows(
            """
            SELECT v.id, v.menu_item_id, coalesce(o.name, v.name), CASE WHEN o.price_type IS NULL THEN v.price_type ELSE o.price_type END,
                   CASE WHEN o.price_type IS NULL THEN v.price_cents ELSE o.price_cents END,
                   v.deleted_at IS NULL AND coalesce(o.is_active, v.is_active) AND (v.listing = 'all' OR o.id IS NOT NULL)
            FROM aura.menu_item_variations v
            LEFT JOIN aura.menu_item_location_overrides o ON o.variation_id = v.id AND o.location_id = %(l)s
                 AND o.deleted_at IS NULL
            WHERE v.restaurant_id = %(r)s AND (v.location_id IS NULL OR v.location_id = %(l)s)
            """
        ):
            if item in book.items:
                book.items[item].variations[aura_id] = Variation(
                    aura_id, name, None if kind == "open" else cents, is_sold
                )
        above = dict(self.here("id, parent_category_id", "menu_categories"))
        menu_of = dict(self.here("id, menu_id", "menu_categories", "AND menu_id IS NOT NULL"))
        for item, category in self.here("menu_item_id, category_id", "menu_item_categories"):
            held = book.items.get(item)
            seen: int | None = category
            while held is not None and seen is not None and seen not in held.categories:
                held.categories.add(seen)
                if seen in menu_of:
                    held.menus.add(menu_of[seen])
                seen = above.get(seen)
        for item, menu in self.here("menu_item_id, menu_id", "menu_item_menus"):
            if item in book.items:
                book.items[item].menus.add(menu)

    def groups(self, book: Book) -> None:
        self.limits: dict[int, tuple[int, int | None]] = {}
        self.free: set[int] = set()
        for aura_id, name, repeats, least, most, settings in self.rows(
            """
            SELECT g.id, coalesce(o.name, g.name), coalesce(o.allow_quantities, g.allow_quantities), g.min_selections,
                   g.max_selections, coalesce(o.settings, g.settings)
            FROM aura.modifier_groups g
            LEFT JOIN aura.modifier_group_location_overrides o
                 ON o.modifier_group_id = g.id AND o.location_id = %(l)s AND o.deleted_at IS NULL
            WHERE g.restaurant_id = %(r)s AND g.deleted_at IS NULL AND (g.location_id IS NULL OR g.location_id = %(l)s)
              AND coalesce(o.is_active, g.is_active)
            """
        ):
            book.groups[aura_id] = Group(aura_id, name, repeats)
            self.limits[aura_id] = (least, most)
            if (settings or {}).get("default_options_charge_price") == "NO":
                self.free.add(aura_id)

    def options(self, book: Book) -> None:
        for aura_id, group, name, kind, cents, is_default, is_sold, most in self.rows(
            """
            SELECT m.id, m.modifier_group_id, coalesce(o.name, m.name),
                   CASE WHEN o.price_type IS NULL THEN m.price_type ELSE o.price_type END,
                   CASE WHEN o.price_type IS NULL THEN m.price_adjustment_cents ELSE o.price_cents END,
                   coalesce(o.is_default, m.is_default),
                   m.deleted_at IS NULL AND coalesce(o.is_active, m.is_active) AND (m.listing = 'all' OR o.id IS NOT NULL),
                   coalesce(o.max_quantity, m.max_quantity)
            FROM aura.modifiers m
            LEFT JOIN aura.modifier_location_overrides o ON o.modifier_id = m.id AND o.location_id = %(l)s AND o.deleted_at IS NULL
            WHERE m.restaurant_id = %(r)s AND (m.location_id IS NULL OR m.location_id = %(l)s)
            """
        ):
            price = None if kind != "fixed" else (cents or 0)
            book.options[aura_id] = Option(aura_id, name, group, price, is_sold, is_default, group in self.free, most)
        for aura_id, name, factor, fixed in self.here(
            "id, name, (multiplication_factor * 100000000)::bigint, fixed_price_cents", "pre_modifiers", "ORDER BY id"
        ):
            book.pre_modifiers.setdefault(name.casefold(), []).append(PreModifier(aura_id, name, factor, fixed))

    def links(self, book: Book) -> None:
        for item, group, least, most in self.here(
            "menu_item_id, modifier_group_id, min_selections, max_selections",
            "menu_item_modifiers",
            "AND is_active ORDER BY display_order, id",
        ):
            if item in book.items and group in book.groups:
                own = (least, most) if least is not None else self.limits[group]
                book.items[item].links.append(Link(group, own[0], own[1]))
        for option, group, least, most in self.here(
            "modifier_id, modifier_group_id, min_selections, max_selections",
            "modifier_nested_groups",
            "ORDER BY display_order, id",
        ):
            if option in book.options and group in book.groups:
                book.options[option].nested.append(Link(group, least, most))

    def price_rules(self, book: Book) -> None:
        owner = {size: item for item in book.items.values() for size in item.variations}
        for (
            item, variation, option, group, menu, category, channel, days, since, until, size, size_name, before, cents, priority
        ) in self.here(
            "menu_item_id, variation_id, modifier_id, modifier_group_id, menu_id, category_id, channel, days, time_from, time_to, "
            "size_modifier_id, size_name, pre_modifier_id, price_cents, priority",
            "price_rules",
            "ORDER BY id",
        ):  # fmt: skip
            rule = PriceRule(
                cents,
                priority,
                menu,
                variation,
                group,
                item,
                size,
                size_name,
                before,
                channel,
                window(days, since, until),
            )
            if option is not None:
                if option in book.options:
                    book.options[option].rules.append(rule)
            elif item is not None or variation is not None:
                held = book.items.get(item) if item is not None else owner.get(variation)
                if held is not None:
                    held.rules.append(rule)
            elif category is not None:
                for each in book.items.values():
                    if category in each.categories:
                        each.rules.append(rule)

    # -- taxes -----------------------------------------------------------------------------------------------------

    def taxes(self, book: Book) -> None:
        table: dict[int, list[TaxTableRow]] = defaultdict(list)
        for rate, start, end, tax, repeats in self.here(
            "tax_rate_id, start_cents, end_cents, tax_cents, repeats", "tax_table_rows", "ORDER BY start_cents, id"
        ):
            table[rate].append(TaxTableRow(start, end, tax, repeats))
        kinds = {"fixed": TaxKind.FIXED, "table": TaxKind.TABLE}
        for (
            aura_id,
            name,
            rate,
            cents,
            kind,
            inside,
            rounding,
            on_taxes,
            is_default,
            is_active,
            open_amounts,
        ) in self.here(
            "id, name, rate_percent, amount_cents, tax_type, is_inclusive, rounding, coalesce(on_taxes, false), is_default, "
            "is_active, taxes_open_amounts",
            "tax_rates",
            "ORDER BY id",
        ):
            rule = TaxRule(
                str(aura_id),
                kinds.get(kind, TaxKind.PERCENT),
                percent(rate) if rate is not None else 0,
                cents or 0,
                tuple(table[aura_id]),
                inside and kind == "percent",
                ROUNDINGS.get(rounding or ""),
                on_taxes,
                Per.POLICY,
            )
            book.taxes[rule.id] = Tax(rule.id, name, rule, kind, is_active, is_default, open_amounts)

    def assignments(self, book: Book) -> None:
        whole: dict[int, list[str]] = defaultdict(list)
        for rate, item, option, category in self.here(
            "tax_rate_id, menu_item_id, modifier_id, category_id", "tax_assignments", "ORDER BY id"
        ):
            name = str(rate)
            if name not in book.taxes or book.taxes[name].tax_type in ("none", "external"):
                continue
            if item is not None:
                _once(book.items[item].taxes if item in book.items else [], name)
            elif option is not None:
                _once(book.options[option].taxes if option in book.options else [], name)
            elif category is not None:
                whole[category].append(name)
        for held in book.items.values():
            for category in held.categories:
                for name in whole.get(category, ()):
                    _once(held.taxes, name)

    def exceptions(self, book: Book) -> None:
        types: dict[int, tuple[str, bool]] = {}
        for aura_id, key, kind, is_taxable in self.here("id, source_id, order_type, is_taxable", "order_types"):
            types[aura_id] = (kind, is_taxable)
            if key is not None:
                book.order_types[key] = OrderType(aura_id, kind, is_taxable)
        by_word: dict[str, set[bool]] = defaultdict(set)
        for kind, is_taxable in types.values():
            by_word[kind].add(is_taxable)
        book.untaxed_types = frozenset(word for word, said in by_word.items() if said == {False} and word != "unknown")
        for rate, kind, type_id, item, category, instead, conditions in self.here(
            "tax_rate_id, order_type, order_type_id, menu_item_id, category_id, rate_percent, conditions",
            "tax_exceptions",
            "ORDER BY rate_percent NULLS LAST, id",
        ):
            word = kind or (types[type_id][0] if type_id in types else None)
            book.exceptions.append(
                TaxException(
                    None if rate is None else str(rate),
                    word,
                    type_id,
                    item,
                    category,
                    None if instead is None else percent(instead),
                    bool(conditions) and word is None and item is None and category is None,
                )
            )

    # -- charges and discounts ---------------------------------------------------------------------------------------

    def charges(self, book: Book) -> None:
        taxed: dict[int, list[str]] = defaultdict(list)
        for charge, rate in self.here("service_charge_id, tax_rate_id", "service_charge_taxes", "ORDER BY id"):
            if str(rate) in book.taxes:
                _once(taxed[charge], str(rate))
        for row in self.here(
            "id, source_id, name, calculation, rate_percent, amount_cents, charge_class, base, into_lines, is_taxable, is_automatic, "
            "coalesce(min_guests, 0), coalesce(min_check_cents, 0), max_check_cents, order_types, is_active",
            "service_charges",
            "ORDER BY id",
        ):
            (
                aura_id, key, name, calculation, rate, cents, kind, base, into_lines, is_taxable, is_automatic, guests, least, most,
                types, is_active,
            ) = row  # fmt: skip
            book.charges.append(
                ServiceCharge(
                    aura_id, key or "", name, calculation, percent(rate) if rate is not None else 0, cents or 0, kind, base,
                    into_lines, is_taxable, is_automatic, guests, least, most, _words(types), tuple(taxed.get(aura_id, ())), is_active,
                )
            )  # fmt: skip

    def discounts(self, book: Book) -> None:
        targets: dict[int, list[Target]] = defaultdict(list)
        for rule, *rest in self.here(
            "pricing_rule_id, role, menu_item_id, variation_id, category_id, modifier_id, min_quantity, max_quantity, set_number",
            "pricing_rule_targets",
            "ORDER BY set_number, id",
        ):
            targets[rule].append(Target(*rest))
        for row in self.here(
            "id, source_id, name, rule_type, scope, discount_percent, discount_cents, fixed_price_cents, max_discount_cents, "
            "min_order_cents, is_open_amount, is_automatic, is_comp, reduces_tax, stackable, valid_from, valid_until, schedule, "
            "order_types, conditions, status",
            "pricing_rules",
            "ORDER BY priority DESC, display_order, id",
        ):
            (
                aura_id, key, name, kind, scope, rate, cents, fixed, cap, least, is_open, is_automatic, is_comp, reduces, stackable,
                first, last, hours, types, conditions, status,
            ) = row  # fmt: skip
            book.discounts.append(
                DiscountRule(
                    aura_id, key or "", name, kind, Scope(scope), _scopes(scope, conditions), percent(rate) if rate is not None else None, cents, fixed, cap, least,
                    is_open, is_automatic, is_comp, reduces, stackable, first, last, schedule(hours), _words(types),
                    tuple(targets.get(aura_id, ())), bool(set(conditions or ()) - TOLD_BY_ORDERS), status in ("active", "scheduled"),
                )
            )  # fmt: skip


def _scopes(scope: str, conditions: Any) -> frozenset[Scope]:
    given = conditions.get(GIVEN_ON) if isinstance(conditions, dict) else None
    return frozenset(Scope(one) for one in given if one in ("check", "line")) if given else frozenset((Scope(scope),))


def _once(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _words(document: Iterable[str] | None) -> frozenset[str] | None:
    return None if document is None else frozenset(document)
