"""Scenario ``rules``: a small restaurant whose past was not priced by one set of rules.

Belongs here: the menu and the configuration as they are today. What held in the past is in ``orders/eras``.
"""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.builder import WEEK
from aura_migration.sandbox.toast.locations import ConfigWriter, Location, make_location
from aura_migration.sandbox.toast.model import Option
from aura_migration.sandbox.toast.restaurant import Restaurant, builder_for

MEALS, LIQUOR, BOTTLE, CANDY = "Meals tax", "Liquor tax", "Bottle deposit", "Candy table"


def rules(ids: Ids) -> Restaurant:
    """A tavern with 15 items, four taxes, eleven discounts and four charges."""
    location = make_location(ids, "main", 0, "The Ledger Tavern", group=None, full=False)
    for listing in ("taxRates", "discounts", "serviceCharges"):
        location.config[listing] = []
    _config(ConfigWriter(ids, location))
    _menu(ids, location)
    return Restaurant("The Ledger Tavern", None, [location])


def _config(write: ConfigWriter) -> None:
    def tax(name: str, kind: str, rate: float | None, rounding: str | None = None, **more: Any) -> None:
        body: dict[str, Any] = {
            "isDefault": name == MEALS,
            "rate": rate,
            "type": kind,
            "roundingType": rounding,
            "taxTable": [],
        }
        write.add("taxRates", "TaxRate", name, **{**body, "conditionalTaxRates": [], **more})

    tax(MEALS, "PERCENT", 0.0725, "HALF_UP", conditionalTaxRates=[{"condition": "TAKE_OUT", "rate": 0.05}])
    tax(LIQUOR, "PERCENT", 0.09, "HALF_EVEN")
    tax(BOTTLE, "FIXED", 0.05)
    steps = [
        {"start": 0.0, "end": 0.1, "tax": 0.0, "pattern": False},
        {"start": 0.11, "end": 0.3, "tax": 0.02, "pattern": True},
        {"start": 0.31, "end": 0.5, "tax": 0.03, "pattern": True},
    ]
    tax(CANDY, "TABLE", None, taxTable=steps)

    def discount(name: str, kind: str, scope: str, figure: float | None = None, **more: Any) -> None:
        body = {
            "active": True,
            "type": kind,
            "percentage": figure if kind == "PERCENT" else None,
            "amount": figure if kind == "FIXED" else None,
            "selectionType": scope,
            "nonExclusive": True,
            "itemPickingPriority": "FIRST",
            "fixedTotal": figure if kind == "FIXED_TOTAL" else None,
            "promoCodes": [],
        }
        write.add("discounts", "Discount", name, **{**body, **more})

    promo = [{"guid": write.guid("promo", "FALL5"), "entityType": "PromoCode", "code": "FALL5", "name": "Fall",
              "usageType": "MULTI_USE"}]  # fmt: skip
    discount("Neighbor 10%", "PERCENT", "CHECK", 10)
    discount("Staff meal 25%", "PERCENT", "ITEM", 25)
    discount("Happy wings 50%", "PERCENT", "ITEM", 50)
    discount("Manager comp", "PERCENT", "ITEM", 100)
    discount("Three off", "FIXED", "CHECK", 3.0)
    discount("Dollar off", "FIXED", "ITEM", 1.0, nonExclusive=False)
    discount("Open percent", "OPEN_PERCENT", "ITEM")
    discount("Open amount", "OPEN_FIXED", "CHECK")
    discount("Fall five", "FIXED", "CHECK", 5.0, promoCodes=promo)
    discount("Two for one", "BOGO", "BOGO", itemPickingPriority="LEAST_EXPENSIVE")
    discount("Burger combo", "FIXED_TOTAL", "BOGO", 13.0)

    write.charge(
        "Large party 18%", "PERCENT", 18.0, criteria={"dineIn": True}, gratuity=True, destination="SERVER",
        serviceChargeCalculation="PRE_DISCOUNT",
    )  # fmt: skip
    write.charge(
        "Kitchen appreciation 3%", "PERCENT", 3.0, criteria={"dineIn": True}, serviceChargeCalculation="POST_DISCOUNT"
    )
    write.charge("To-go packaging", "FIXED", 1.0, criteria={"takeout": True}, taxes=(MEALS,))
    write.charge("Delivery fee", "FIXED", 2.5, criteria={"delivery": True}, destination="THIRD_PARTY")


def _menu(ids: Ids, location: Location) -> None:
    b = builder_for(ids, location)

    def choices(*rows: tuple[str, str, int]) -> list[Option]:
        return [b.option(f"opt/{key}", name, cents) for key, name, cents in rows]

    temp = b.group("temp", "Doneness", choices(("rare", "Rare", 0), ("medium", "Medium", 0), ("well", "Well done", 0)),
                   minimum=1, maximum=1)  # fmt: skip
    adds = b.group("adds", "Add-ons", choices(("bacon", "Bacon", 175), ("avocado", "Avocado", 200), ("cheddar", "Cheddar", 100)),
                   maximum=None)  # fmt: skip
    sauces = b.group("sauces", "Sauces", choices(("ketchup", "Ketchup", 0), ("aioli", "Aioli", 50), ("bbq", "Barbecue", 0),
                                                 ("ranch", "Ranch", 50)), maximum=2)  # fmt: skip
    food: dict[str, Any] = {"taxes": (MEALS,), "category": "Food"}
    drink: dict[str, Any] = {"taxes": (MEALS, LIQUOR), "category": "Liquor"}
    b.item("burger", "Smash burger", 995, groups=(temp, adds), **food)
    b.item("veggie", "Veggie burger", 900, groups=(adds,), **food)
    b.item("fries", "Fries", 400, groups=(sauces,), **food)
    b.item("salad", "House salad", 800, groups=(adds,), **food)
    b.item("soup", "Soup of the day", 600, **food)
    b.item("wings", "Wings", 1200, groups=(sauces,), **food)
    b.item("steak", "Hanger steak", 2400, groups=(temp,), **food)
    b.item("soda", "Fountain soda", b.sizes("soda", [("s", "Small", 250), ("l", "Large", 310)]), **food)
    b.item("lager", "House lager", b.by_time(600, [(450, [(WEEK[:5], "15:00", "18:00")])]), **drink)
    b.item("red", "House red", 1000, **drink)
    b.item("root", "Root beer, bottle", 400, taxes=(MEALS, BOTTLE), category="NA Beverage")
    b.item("lemonade", "Lemonade, all in", 500, taxes=(MEALS,), tax_inclusion="TAX_INCLUDED", category="NA Beverage")
    b.item("tray", "Catering tray", b.open_price(), **food)
    b.item("bread", "Bread loaf", 600, category="Food")
    b.item("candy", "Penny candy", 35, taxes=(CANDY,), category="Food")
    kitchen = b.menu_group(
        "kitchen", "Kitchen", ["burger", "veggie", "fries", "salad", "soup", "wings", "steak", "tray"]
    )
    bar = b.menu_group("bar", "Bar", ["soda", "lager", "red", "root", "lemonade"])
    shelf = b.menu_group("shelf", "Shelf", ["bread", "candy"])
    b.menu("all-day", "All day", [kitchen, bar, shelf])
    location.catalog = b.catalog
