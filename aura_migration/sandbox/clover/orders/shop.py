"""A merchant as its sales see it, as it stood when the scenario was made: a later edit of the menu changes no old sale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aura_migration.sandbox.clover.orders.model import Disc, Rate
from aura_migration.sandbox.clover.world import Item, Merchant, TaxRate

TENDER_KEYS = (
    "cash",
    "credit_card",
    "debit_card",
    "check",
    "external_payment",
    "external_gift_card",
    "external_pin_debit",
)


@dataclass(frozen=True, slots=True)
class Dish:
    """An item as it is rung up. `groups` are (is one needed, [(modifier, name, alternate name, cents)])."""

    id: str
    name: str
    alternate: str | None
    price: int
    kind: str
    unit_name: str | None
    rates: tuple[Rate, ...]
    revenue: bool
    code: str | None
    color: str | None
    groups: tuple[tuple[bool, tuple[tuple[str, str, str | None, int], ...]], ...] = ()


@dataclass
class Shop:
    """What is sold, by whom, on which devices, and how it can be paid."""

    merchant: Merchant
    vat: bool = False
    dishes: list[Dish] = field(default_factory=list)
    by_name: dict[str, Dish] = field(default_factory=dict)
    tenders: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    staff: list[str] = field(default_factory=list)
    former: list[str] = field(default_factory=list)
    manager: str = ""
    devices: list[str] = field(default_factory=list)
    order_types: list[dict[str, Any]] = field(default_factory=list)
    discounts: list[Disc] = field(default_factory=list)
    gratuity: dict[str, Any] | None = None
    flat_fee: dict[str, Any] | None = None
    charge: dict[str, Any] | None = None
    customers: list[str] = field(default_factory=list)
    rates: dict[str, Rate] = field(default_factory=dict)
    spared: dict[str | None, frozenset[str]] = field(default_factory=dict)

    def rates_on(self, dish: Dish, order_type: str | None) -> tuple[Rate, ...]:
        """What a dish is taxed at in an order of a type: tax rules spare some types some rates."""
        spared = self.spared.get(order_type)
        return dish.rates if spared is None else tuple(rate for rate in dish.rates if rate.id not in spared)


def rate_of(rate: TaxRate) -> Rate:
    """A tax rate as a line copies it."""
    return Rate(rate.id, rate.name, rate.rate, rate.is_default, rate.tax_amount, rate.tax_type)


def dish_of(merchant: Merchant, item: Item) -> Dish:
    """An item as it is rung up."""
    groups = []
    for group_id in item.groups:
        group = merchant.groups[group_id]
        choices = tuple(
            (one.id, one.name, one.alternate_name, one.price)
            for one in (merchant.modifiers[modifier] for modifier in group.modifiers)
        )
        if choices and not group.deleted:
            groups.append((bool(group.min_required), choices))
    return Dish(
        item.id,
        item.name,
        item.alternate_name or None,
        item.price,
        item.price_type,
        item.unit_name or None,
        tuple(rate_of(rate) for rate in merchant.effective_rates(item)),
        item.is_revenue,
        item.code or None,
        item.color_code,
        tuple(groups[:3]),
    )


def open_shop(merchant: Merchant, vat: bool = False) -> Shop:
    """The shop of a merchant; what is sold as a rule are the first items of the menu that can be."""
    shop = Shop(merchant, vat)
    for item in merchant.items.values():
        if not item.deleted:
            dish = dish_of(merchant, item)
            shop.by_name[item.name] = dish
            if not item.hidden and item.price < 100_000 and len(shop.dishes) < 60:
                shop.dishes.append(dish)
    for row in merchant.tenders.values():
        key = str(row["labelKey"] or row["label"]).removeprefix("com.clover.tender.")
        shop.tenders[key] = row["id"]
        shop.labels[row["id"]] = row["label"]
    people = merchant.people.employees.values()
    shop.staff = [one.id for one in people if not one.deleted]
    shop.former = [one.id for one in people if one.deleted]
    shop.manager = next((one.id for one in people if one.role == "MANAGER" and not one.deleted), merchant.owner.id)
    shop.devices = list(merchant.devices)
    kinds = [row for row in merchant.order_types.values() if not row["isDeleted"]]
    shop.order_types = [row for row in kinds if row["taxable"]] * 5 + [row for row in kinds if not row["taxable"]]
    shop.discounts = [
        Disc("", one.name, one.amount, one.percentage, one.percentage_decimal, one.id, None, one.type)
        for one in merchant.discounts.values()
        if not one.deleted and not one.unused
    ]
    for rule in merchant.tax_rules.values():
        kind = rule.get("orderType", {}).get("id")
        if not rule.get("_unused"):
            shop.spared[kind] = frozenset(rate["id"] for rate in rule["taxRates"]["elements"])
    for row in merchant.order_fees.values():
        if row["percentage"] and shop.gratuity is None:
            shop.gratuity = row
        elif row["amount"] and shop.flat_fee is None:
            shop.flat_fee = row
    if merchant.service_charge.get("enabled"):
        names = ("id", "name", "enabled", "percentageDecimal")
        shop.charge = {name: merchant.service_charge[name] for name in names}
    shop.rates = {rate.id: rate_of(rate) for rate in merchant.tax_rates.values()}
    table = merchant.people.customers
    for guest in (table.row(slot) for slot in range(min(len(table), 500))):
        if not guest.deleted and len(guest.addresses) < 10:
            shop.customers.append(guest.id)
    return shop
