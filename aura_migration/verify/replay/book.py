"""Menu and rules of one location, as AuraConnect's tables hold them, in lookup tables: what a till would ring up by.

Made by ``reading.py``. Knows no order, past or new, and no POS beyond the name of the pricing policy. Ids are AuraConnect's; a
tax is called by its id as text, as bills name taxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import msgspec

from aura_migration.pricing.bill import Scope, TaxKind, TaxRule
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.scales import QUANTITY
from aura_migration.verify.replay.hours import Moment, Window, within

OPEN = None
"""The price of what the cashier prices."""
Prices = frozenset[int] | None
"""Every price the till may give (which menu it is rung up from is the cashier's choice); None: the cashier says."""


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Another price under a condition; None stands for any."""

    cents: int
    priority: int
    menu: int | None
    variation: int | None
    group: int | None
    item: int | None
    size: int | None
    size_name: str | None
    pre_modifier: int | None
    channel: str | None
    when: Window


@dataclass(frozen=True, slots=True)
class Variation:
    """A size or variation of an item; `cents` None: open."""

    id: int
    name: str
    cents: int | None
    is_sold: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A group asked for by an item or by an option, with its limits."""

    group: int
    least: int
    most: int | None


@dataclass(slots=True)
class Item:
    """An item. `is_sold` false: not on the menu any more, or not at this location."""

    id: int
    name: str
    cents: int | None
    price_type: str
    is_sold: bool
    is_placeholder: bool
    is_discountable: bool
    tax_inclusive: bool | None
    """True: percentages on it are inside its price, whatever the rate says; None: as the rate says."""
    variations: dict[int, Variation] = field(default_factory=dict)
    categories: set[int] = field(default_factory=set)
    menus: set[int] = field(default_factory=set)
    links: list[Link] = field(default_factory=list)
    rules: list[PriceRule] = field(default_factory=list)
    taxes: list[str] = field(default_factory=list)

    @property
    def has_left(self) -> bool:
        """Whether it is no longer sold here: only past orders hold it."""
        return self.is_placeholder or not self.is_sold


@dataclass(slots=True)
class Option:
    """A modifier. `cents` None: open. `free_as_default` by the settings of its group."""

    id: int
    name: str
    group: int
    cents: int | None
    is_sold: bool
    is_default: bool
    free_as_default: bool
    most: int | None
    nested: list[Link] = field(default_factory=list)
    rules: list[PriceRule] = field(default_factory=list)
    taxes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """A modifier group."""

    id: int
    name: str
    allows_quantities: bool


@dataclass(frozen=True, slots=True)
class PreModifier:
    """ "Extra", "no", "half": a factor of 1e-8, or a price in place of the option's."""

    id: int
    name: str
    factor: int | None
    fixed_cents: int | None


@dataclass(frozen=True, slots=True)
class Tax:
    """A rate with the words people know it by."""

    id: str
    name: str
    rule: TaxRule
    tax_type: str
    is_active: bool
    is_default: bool
    taxes_open_amounts: bool | None


@dataclass(frozen=True, slots=True)
class TaxException:
    """Where a rate (None: every one) does not apply, or at another rate (1e-8)."""

    tax: str | None
    order_type: str | None
    type_id: int | None
    item: int | None
    category: int | None
    rate: int | None
    is_conditional: bool
    """It has conditions that an order does not tell."""


class OrderType(NamedTuple):
    """An order type as configured; `word` is what AuraConnect takes it for."""

    id: int
    word: str
    is_taxable: bool


@dataclass(frozen=True, slots=True)
class ServiceCharge:
    """A charge as configured; `rate` of 1e-8, `taxes` those on the charge itself."""

    id: int
    key: str
    name: str
    calculation: str
    rate: int
    cents: int
    charge_class: str
    base: str | None
    into_lines: bool
    is_taxable: bool
    is_automatic: bool
    guests: int
    least_cents: int
    most_cents: int | None
    order_types: frozenset[str] | None
    taxes: tuple[str, ...]
    is_active: bool


class Target(NamedTuple):
    """What a discount is about."""

    role: str
    item: int | None
    variation: int | None
    category: int | None
    modifier: int | None
    least: int | None
    most: int | None
    set_number: int

    @property
    def counts(self) -> bool:
        """Whether it is about so many units, not about each."""
        return self.least is not None or self.most is not None


@dataclass(frozen=True, slots=True)
class DiscountRule:
    """A discount as configured; `rate` of 1e-8. `rate` and `cents` None with `is_open`: the cashier says."""

    id: int
    key: str
    name: str
    rule_type: str
    scope: Scope
    scopes: frozenset[Scope]
    """Where it may be given: its scope, and others where its conditions say so."""
    rate: int | None
    cents: int | None
    fixed_cents: int | None
    cap: int | None
    least_cents: int | None
    is_open: bool
    is_automatic: bool
    is_comp: bool
    reduces_tax: bool | None
    stackable: bool | None
    valid_from: str | None
    valid_until: str | None
    schedule: tuple[Window, ...]
    order_types: frozenset[str] | None
    targets: tuple[Target, ...]
    has_conditions: bool
    is_active: bool

    def holds(self, at: Moment | None, order_type: str) -> bool:
        """Whether the rule is in force at that minute (None: unknown, taken as in force) for such an order."""
        if not self.is_active or (self.order_types is not None and order_type not in self.order_types):
            return False
        if at is None:
            return True
        return within(at.text, self.valid_from, self.valid_until) and any(one.holds(at) for one in self.schedule)

    def covers(self, item: Item | None, variation: int | None) -> bool:
        """Whether the discount may be taken off such a line."""
        if item is None:
            return not any(one.role == "discounted" for one in self.targets)
        wanted = [one for one in self.targets if one.role == "discounted"]
        if any(one.role == "excluded" and not one.counts and _is(one, item, variation) for one in self.targets):
            return False
        return not wanted or any(_is(one, item, variation) for one in wanted)

    @property
    def is_plain(self) -> bool:
        """Nothing has to be bought for it, no condition stands that an order does not tell: when it is given is known."""
        return (
            not self.has_conditions
            and not any(one.role == "bought" or one.least or one.most or one.modifier for one in self.targets)
            and self.rule_type in ("percentage_discount", "fixed_discount", "happy_hour")
            and not self.is_open
        )

    @property
    def is_together(self) -> bool:
        """Applies by itself to items bought together, and an order tells whether they were; on which units is the POS's choice."""
        return (
            self.is_automatic
            and self.is_active
            and not self.is_open
            and not self.has_conditions
            and (
                len({one.set_number for one in self.targets if one.role == "discounted"}) > 1
                or any(one.role == "bought" or one.counts for one in self.targets)
            )
        )

    def may_reach(self, sold: Sequence[tuple[Item, int | None, int]]) -> bool:
        """Whether (item, variation, quantity in 1e-6) hold what must be bought together: enough of each set, and of all of them."""
        sets: dict[tuple[str, int], list[Target]] = {}
        for one in self.targets:
            sets.setdefault((one.role, one.set_number), []).append(one)
        wanted = 0
        units: set[int] = set()
        for targets in sets.values():
            places = [n for n, (item, size, _) in enumerate(sold) if any(_is(one, item, size) for one in targets)]
            if targets[0].role == "excluded" and not targets[0].counts:
                continue
            least = max([one.least or 1 for one in targets])
            if sum(sold[place][2] for place in places) < least * QUANTITY:
                return False
            wanted += least
            units.update(places)
        return sum(sold[place][2] for place in units) >= wanted * QUANTITY


def _is(target: Target, item: Item, variation: int | None) -> bool:
    if target.variation is not None:
        return target.variation == variation
    if target.item is not None:
        return target.item == item.id
    if target.category is not None:
        return target.category in item.categories
    return target.modifier is None


@dataclass(slots=True)
class Book:
    """All of it."""

    restaurant_id: int
    location_id: int
    zone: str
    currency: str
    policy: Policy
    items: dict[int, Item] = field(default_factory=dict)
    options: dict[int, Option] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    pre_modifiers: dict[str, list[PreModifier]] = field(default_factory=dict)
    taxes: dict[str, Tax] = field(default_factory=dict)
    exceptions: list[TaxException] = field(default_factory=list)
    order_types: dict[str, OrderType] = field(default_factory=dict)
    """By the POS's key."""
    untaxed_types: frozenset[str] = frozenset()
    """Words of order types all of whose configured types are untaxed."""
    charges: list[ServiceCharge] = field(default_factory=list)
    discounts: list[DiscountRule] = field(default_factory=list)
    policy_said: frozenset[str] = frozenset()
    """Fields of the policy that the location's settings state: they are not open."""
    _rules: dict[str, TaxRule] = field(default_factory=dict)
    _names: dict[tuple[int, int | None, bool], str] = field(default_factory=dict)

    # -- prices ----------------------------------------------------------------------------------------------------

    def item_prices(self, item: Item, variation: int | None, channel: str, at: Moment | None) -> Prices:
        """What the item, or the variation of it, may cost at that minute."""
        size = item.variations.get(variation) if variation is not None else None
        base = size.cents if size is not None else item.cents
        if base is None:
            return OPEN
        rules = [
            one
            for one in item.rules
            if one.variation in (None, variation) and one.channel in (None, channel) and _holds(one, at)
        ]
        return _by_menu(base, rules, item.menus)

    def option_prices(
        self,
        item: Item,
        variation: int | None,
        option: Option,
        pre_modifier: str | None,
        channel: str,
        at: Moment | None,
    ) -> Prices:
        """What the option may cost with this item, at that minute, under a pre-modifier called so."""
        if option.cents is None:
            return OPEN
        size = item.variations.get(variation) if variation is not None else None
        before = self.pre_modifiers.get(pre_modifier.casefold(), []) if pre_modifier else []
        rules = [
            one
            for one in option.rules
            if one.item in (None, item.id)
            and one.group in (None, option.group)
            and one.channel in (None, channel)
            and (one.variation in (None, variation))
            and (one.size_name is None or (size is not None and size.name == one.size_name))
            and (one.pre_modifier is None or any(one.pre_modifier == each.id for each in before))
            and _holds(one, at)
        ]
        found = set(_by_menu(option.cents, rules, item.menus))
        # Which of several an option is (the first, the second) and which size it counts for is not on the order.
        found |= {one.cents for one in rules if one.size is not None}
        if len({one.priority for one in rules}) > 1 or any(one.size is not None for one in rules):
            found |= {one.cents for one in rules}
        if option.free_as_default and option.is_default:
            found.add(0)
        if before:
            changed: set[int] = set()
            for each in before:
                for cents in found:
                    if each.fixed_cents is not None:
                        changed.add(each.fixed_cents)
                    elif each.factor is not None:
                        changed.add((2 * cents * each.factor + 100_000_000) // 200_000_000)
                    else:
                        changed.add(cents)
            found = changed
        return frozenset(found)

    # -- taxes -----------------------------------------------------------------------------------------------------

    def item_taxes(self, item: Item, order_type: str, type_key: str | None) -> tuple[str, ...]:
        """The taxes on an item in such an order, as names of rules (see :meth:`rule`)."""
        if not self.is_taxed(order_type, type_key):
            return ()
        found: list[str] = []
        for name in item.taxes:
            held = self._excepted(name, item, order_type, type_key)
            if held is not None:
                found.append(self.sided(held, item.tax_inclusive))
        return tuple(found)

    def open_taxes(self, order_type: str, type_key: str | None) -> tuple[str, ...] | None:
        """The taxes on an amount typed in without an item; None where the POS does not say."""
        if not self.is_taxed(order_type, type_key):
            return ()
        said = [tax for tax in self.taxes.values() if tax.is_active and tax.taxes_open_amounts is not None]
        if not said:
            return None
        named = [self._excepted(tax.id, None, order_type, type_key) for tax in said if tax.taxes_open_amounts]
        return tuple(name for name in named if name is not None)

    def charge_taxes(self, names: Iterable[str], order_type: str, type_key: str | None) -> list[str]:
        """Of the taxes named by a charge those that hold in such an order."""
        if not self.is_taxed(order_type, type_key):
            return []
        found = [self._excepted(base_of(name), None, order_type, type_key) for name in names]
        return list(dict.fromkeys(name for name in found if name is not None))

    def is_taxed(self, order_type: str, type_key: str | None) -> bool:
        """Whether orders of the type bear tax at all."""
        known = self.order_types.get(type_key) if type_key is not None else None
        return known.is_taxable if known is not None else order_type not in self.untaxed_types

    def taxed_as(self, order_type: str, type_key: str | None) -> tuple[bool, tuple[int, ...]]:
        """All that taxes depend on an order's type for: whether it bears any, and which exceptions may reach it."""
        known = self.order_types.get(type_key) if type_key is not None else None
        reaching = [number for number, one in enumerate(self.exceptions) if _reaches(one, order_type, known)]
        return self.is_taxed(order_type, type_key), tuple(reaching)

    def rule(self, name: str) -> TaxRule:
        """The rule of a name: a tax's id, ``@rate`` where it holds at another rate, ``+in`` or ``+out`` where it stands on the
        other side of the price than the tax says. ``KeyError`` for a tax that is not there."""
        known = self._rules.get(name)
        if known is None:
            plain, _, side = name.partition("+")
            base, _, rate = plain.partition("@")
            rule = self.taxes[base].rule
            known = self._rules[name] = msgspec.structs.replace(
                rule,
                id=name,
                rate=int(rate) if rate else rule.rate,
                is_inclusive=side == "in" if side else rule.is_inclusive,
                rounding=rule.rounding,
            )
        return known

    def sided(self, name: str, inside: bool | None) -> str:
        """The name of the rule inside the price or on top of it; None: as the tax says."""
        rule = self.taxes[base_of(name)].rule
        if inside is None or inside is rule.is_inclusive or rule.kind is not TaxKind.PERCENT:
            return name
        return f"{name.partition('+')[0]}+{'in' if inside else 'out'}"

    def charged_name(self, tax: int, rate: int | None, inside: bool) -> str:
        """The name of the rule that an order states to have been charged by; one that AuraConnect lacks starts with ``?``."""
        key = (tax, rate, inside)
        name = self._names.get(key)
        if name is None:
            held = self.taxes.get(str(tax))
            if held is None:
                name = f"?{tax}"
            else:
                name = held.id
                if rate is not None and held.rule.kind is TaxKind.PERCENT and rate != held.rule.rate:
                    name = f"{name}@{rate}"
                name = self.sided(name, inside)
            self._names[key] = name
        return name

    def _excepted(self, name: str, item: Item | None, order_type: str, type_key: str | None) -> str | None:
        known = self.order_types.get(type_key) if type_key is not None else None
        for one in self.exceptions:
            if one.tax not in (None, name) or not _reaches(one, order_type, known):
                continue
            if one.item is not None and (item is None or one.item != item.id):
                continue
            if one.category is not None and (item is None or one.category not in item.categories):
                continue
            if one.rate is None:
                return None
            return name if one.rate == self.taxes[name].rule.rate else f"{name}@{one.rate}"
        return name

    # -- discounts and charges ---------------------------------------------------------------------------------------

    def discount(self, key: str | None, name: str, scope: Scope, rate: int | None, cents: int) -> DiscountRule | None:
        """The rule a discount of an order was given by: the one it names, else one of its name that fits best."""
        if key is not None:
            for one in self.discounts:
                if one.key == key:
                    return one
        named = [one for one in self.discounts if one.name.casefold() == name.casefold()]

        def worse(one: DiscountRule) -> tuple[bool, bool, bool]:
            fits = one.is_open or (one.rate == rate if rate is not None else one.rate is None)
            return (scope not in one.scopes, not fits, one.cents not in (None, cents))

        return min(named, key=worse, default=None)

    def charge(self, key: str | None, name: str, charge_class: str) -> ServiceCharge | None:
        """The rule a charge of an order was put on by."""
        if key is not None:
            for one in self.charges:
                if one.key == key:
                    return one
        named = [one for one in self.charges if one.name.casefold() == name.casefold()]
        return min(named, key=lambda one: one.charge_class != charge_class, default=None)


def _reaches(one: TaxException, order_type: str, known: OrderType | None) -> bool:
    """Whether an exception may hold in an order of the type (`known` where it is configured), whatever is sold."""
    if one.is_conditional:
        return False
    if one.type_id is not None and known is not None:
        return one.type_id == known.id
    return one.order_type in (None, order_type)


def _holds(rule: PriceRule, at: Moment | None) -> bool:
    return at is None or rule.when.holds(at)


def _by_menu(base: int, rules: Iterable[PriceRule], menus: Iterable[int]) -> frozenset[int]:
    """The price for each menu the item may be rung up from: of the rules that hold the one of the highest priority."""
    rules = list(rules)
    if not rules:
        return frozenset((base,))
    found: set[int] = set()
    for menu in menus or (None,):
        held = [one for one in rules if one.menu in (None, menu)]
        top = max((one.priority for one in held), default=None)
        found |= {base} if top is None else {one.cents for one in held if one.priority == top}
    return frozenset(found)


@lru_cache(maxsize=10_000)
def base_of(name: str) -> str:
    """The tax of a rule's name."""
    return name.partition("@")[0].partition("+")[0]
