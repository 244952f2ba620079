"""The menu and the rules of the scenario `rules`: what the configuration says today.

What was sold under them, and when something else held, is in `orders/rules.py`.
"""

from __future__ import annotations

from aura_migration.sandbox.clover.config import add_row, make_merchant
from aura_migration.sandbox.clover.world import FIRST_TICK, NO_TAX, MerchantBuilder, World, clover_id

DIFFERENCES = (
    "tax_rate",
    "tax_rounding",
    "modifier_price",
    "max_selection",
    "discount_scope",
    "charge_taxability",
)
"""Ways in which everything in the past may have been charged by another rule than the one configured."""


def build_rules(world: World) -> None:
    """One merchant with a small menu and rules of every kind Clover can state."""
    ids = world.ids
    merchant = make_merchant(ids, 1, "Juniper Kitchen")
    world.merchants[merchant.id] = merchant
    b = MerchantBuilder(ids, merchant)
    untaxed = b.tax_rate(NO_TAX, 0)
    city = b.tax_rate("City", 310_000, is_default=True)
    state = b.tax_rate("State", 500_000, is_default=True)
    liquor = b.tax_rate("Liquor", 1_025_000)
    bag = b.tax_rate("Bag fee", 0, tax_amount=10)
    mains, sides, drinks, shelf = (
        b.category(name, place) for place, name in enumerate(("Mains", "Sides", "Drinks", "Shelf"), start=1)
    )
    cooked = b.group("Cooked", [("Rare", 0), ("Medium", 0), ("Well done", 0)], 1, 1)
    extras = b.group("Extras", [("Cheese", 100), ("Bacon", 225), ("Avocado", 195), ("Fried egg", 150)], 0, 2)
    first = b.group("Box main", [("Half burger", 0), ("Half salad", 0), ("Chile bowl", 175)], 1, 1)
    second = b.group("Box side", [("Fries", 0), ("Slaw", 0), ("Cup of soup", 150)], 1, 1)
    b.item("Burger", 1425, [mains], [cooked, extras], sku="R-01")
    b.item("Salad", 995, [mains], [extras], sku="R-02")
    b.item("Lunch Box", 1595, [mains], [first, second], sku="R-03")
    b.item("Smoked Brisket", 1899, [mains], [extras], sku="R-04", price_type="PER_UNIT", unit_name="lb")
    b.item("Catch of the Day", 0, [mains], sku="R-05", price_type="VARIABLE")
    b.item("Fries", 450, [sides], sku="R-06")
    b.item("Soup", 650, [sides], sku="R-07")
    b.item("Lager", 700, [drinks], rates=[city, liquor], sku="R-08", exclude_cash_discount=True)
    b.item("Lemonade", 375, [drinks], sku="R-09")
    b.item("Cookbook", 2950, [shelf], sku="R-10")
    b.item("Apron", 1850, [shelf], sku="R-11")
    b.item("Newspaper", 250, [shelf], rates=[untaxed], sku="R-12", exclude_cash_discount=True)
    b.item("Paper bag", 25, [shelf], rates=[bag], sku="R-13")
    b.item("Gift Card", 0, [shelf], rates=[untaxed], sku="R-14", price_type="VARIABLE", is_revenue=False)
    b.delete(b.item("Pumpkin Pie", 595, [sides], sku="R-15"))
    b.discount("Senior", percentage=10)
    b.discount("Two off", amount=-200)
    b.discount("A third", percentage_decimal=333_333)
    b.discount("Happy hour", percentage=20)
    b.discount("Staff meal", percentage=50)
    b.discount("Cash", percentage=4, type="CASH_DISCOUNT")

    kinds = merchant.order_types
    usual = next(iter(kinds.values()))
    staff = {
        **usual,
        "id": clover_id(ids, "order_type", "wholesale"),
        "label": "Wholesale",
        "labelKey": None,
        "isDefault": False,
        "taxable": False,
        "systemOrderTypeId": None,
    }
    add_row(kinds, staff)
    take_out = next(row for row in kinds.values() if row["systemOrderTypeId"] == "TAKE-OUT-TYPE")
    add_row(
        merchant.tax_rules,
        {
            "id": clover_id(ids, "tax_rule", "takeout"),
            "name": "The city does not tax what is taken out",
            "orderType": {"id": take_out["id"]},
            "taxRates": {"elements": [{"id": city.id}]},
        },
    )
    for name, amount, share, rates in (("Packaging", 50, None, [state.id]), ("Kitchen fee", None, 30_000, [])):
        add_row(
            merchant.order_fees,
            {
                "id": clover_id(ids, "order_fee", name),
                "name": name,
                "amount": amount,
                "percentage": share,
                "isDefault": False,
                "isHidden": False,
                "readOnly": False,
                "type": None,
                "taxRates": {"elements": [{"id": rate} for rate in rates]},
                "serviceChargeUuid": None,
                "createdTime": FIRST_TICK,
                "modifiedTime": FIRST_TICK,
                "deletedTime": None,
            },
        )
