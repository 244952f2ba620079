"""The first half of `diner`: categories and menus, modifier lists, items, odd texts and odd states."""

from __future__ import annotations

from dataclasses import dataclass

from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.model import (
    DAYS,
    MENU,
    Category,
    Link,
    Location,
    ModifierList,
    ModifierOverride,
    Presence,
    Tax,
)

LONG_GONE = "L0LDSH0P00001"
WEEK = ("MON", "TUE", "WED", "THU", "FRI")
TOPPINGS = 137
WINES = 120


@dataclass
class Diner:
    """What the parts of the scenario share."""

    place: Location
    categories: dict[str, Category]
    menus: dict[str, Category]
    stations: dict[str, Category]
    groups: dict[str, ModifierList]
    sales_tax: Tax
    meals_tax: Tax


def categories(builder: Builder) -> dict[str, Category]:
    food, drinks = builder.category("Food"), builder.category("Drinks")
    mains = builder.category("Mains", parent=food)
    found = {
        "Food": food,
        "Drinks": drinks,
        "Mains": mains,
        "Burgers": builder.category("Burgers", parent=mains),
        "Sides": builder.category("Sides", parent=food),
        "Sweets": builder.category("Sweets", parent=food),
        "Wine": builder.category("Wine list", parent=drinks),
        "Cocktails": builder.category("Cocktails", parent=drinks),
        "Merch": builder.category("Merchandise", online=False),
        "Emoji": builder.category("🌶️ Hot stuff"),
        "Twin": builder.category("Sides"),
        "Bare": builder.category("Nothing in here"),
    }
    builder.write()
    return found


def menus(builder: Builder) -> dict[str, Category]:
    """Menu trees that look like the regular categories beside them."""
    breakfast = builder.category("Breakfast", MENU, period_ids=builder.periods("breakfast", DAYS, "07:00", "11:00"))
    dinner = builder.category("Dinner", MENU, period_ids=builder.periods("dinner", DAYS, "17:00", "23:00"))
    late = builder.category("Late night", MENU, period_ids=builder.periods("late", ("FRI", "SAT"), "22:00", "02:00"))
    found = {
        "Breakfast": breakfast,
        "Dinner": dinner,
        "Late": late,
        "Dinner burgers": builder.category("Burgers", MENU, dinner),
        "Dinner sides": builder.category("Sides", MENU, dinner),
        "Late burgers": builder.category("Burgers", MENU, late),
        "Breakfast plates": builder.category("Plates", MENU, breakfast),
    }
    builder.write()
    return found


def stations(builder: Builder) -> dict[str, Category]:
    return {name: builder.kitchen(name) for name in ("Grill", "Fryer", "Bar", "Expo")}


def groups(builder: Builder, parts: Diner) -> None:
    """Modifier lists with every way of saying how many."""
    many = [(f"Topping {number + 1:03d}", 25 * (number % 9)) for number in range(TOPPINGS)]
    groups = {
        "temperature": builder.group(
            "Temperature", [("Rare", 0), ("Medium", 0), ("Well done", 0)], low=1, high=1, default="Medium"
        ),
        "cheese": builder.group("Cheese", [("Swiss", 125), ("Cheddar", 100), ("Blue", 150)], low=0, high=1),
        "toppings": builder.group("137 toppings", many, selection="MULTIPLE", low=-1, high=-1),
        "unset": builder.group("Unset limits", [("A", 0), ("B", 50)], selection="SINGLE", low=-1, high=-1),
        "old single": builder.group("Old single", [("Left", 0), ("Right", 0)], selection="SINGLE"),
        "old multiple": builder.group("Old multiple", [("Salt", 0), ("Pepper", None)], selection="MULTIPLE"),
        "no limit": builder.group(
            "As many as you like", [("Pickle", 25), ("Onion", 25)], selection=None, low=0, high=0
        ),
        "quantities": builder.group(
            "Shots", [("Espresso shot", 100)], selection="MULTIPLE", low=0, high=4, allow_quantities=True
        ),
        "conversational": builder.group(
            "Allergies",
            [("No nuts", None), ("No dairy", None)],
            selection="MULTIPLE",
            conversational=True,
            low=0,
            high=-1,
        ),
        "hidden": builder.group("Staff only", [("Comp", 0)], low=0, high=1, hidden_from_customer=True),
        "elsewhere": builder.group("Not here", [("Gone", 100)], presence=Presence(False, [LONG_GONE])),
        "deleted": builder.group("Deleted list", [("Was", 100), ("Were", 200)], deleted=True),
        "text": builder.group(
            "Name on the cake", [], modifier_type="TEXT", selection=None, max_length=40, text_required=True
        ),
        "note": builder.group("Note for the kitchen", [], modifier_type="TEXT", selection=None, max_length=200),
        "twin": builder.group("Cheese", [("American", 75), ("None", 0)], low=0, high=2, selection="MULTIPLE"),
        "unused": builder.group("On no item", [("Nowhere", 500)]),
        "typed": builder.group("Type absent", [("One", 0), ("Two", 0)], modifier_type=None, low=1, high=2),
    }
    for modifier in groups["deleted"].modifiers:
        modifier.deleted = True
    cheese = groups["cheese"].modifiers
    cheese[0].overrides[parts.place.id] = ModifierOverride(cents=175)
    cheese[1].overrides[parts.place.id] = ModifierOverride(cents=0)
    cheese[2].overrides[parts.place.id] = ModifierOverride(sold_out=True)
    cheese[2].hidden_online = True
    groups["toppings"].internal_name = "TOPPINGS (all 137)"
    groups["toppings"].modifiers[136].deleted = False
    gone = builder.group("Half gone", [("Stays", 0), ("Deleted option", 100), ("Absent option", 100)], low=0, high=2)
    gone.modifiers[1].deleted = True
    gone.modifiers[2].presence = Presence(False, [LONG_GONE])
    groups["half gone"] = gone
    parts.groups.update(groups)
    builder.write()


def nested(builder: Builder, parts: Diner) -> None:
    """Three levels: side → which fries → which dip; one list is a child twice, one option has two children."""
    dip = builder.group(
        "Dip", [("Ketchup", 0), ("Truffle mayo", 150), ("Gravy", 75)], low=0, high=2, selection="MULTIPLE"
    )
    fries = builder.group("Which fries", [("Straight", 0), ("Curly", 75), ("Sweet potato", 150)], low=1, high=1)
    size = builder.group("Side size", [("Cup", 0), ("Bowl", 200)], low=1, high=1, default="Cup")
    side = builder.group("Choose a side", [("Fries", 0), ("Soup", 125), ("Slaw", None)], low=1, high=1)
    side.modifiers[0].child_group_ids = [fries.id, dip.id]
    side.modifiers[1].child_group_ids = [size.id]
    for modifier in fries.modifiers:
        modifier.child_group_ids = [dip.id]
    side.modifiers[0].kitchen_name = "FRY"
    parts.groups.update({"side": side, "fries": fries, "dip": dip, "size": size})
    builder.write()


def plain_items(builder: Builder, parts: Diner) -> None:
    """Burgers, sides and the long wine list."""
    c, m, s, g = parts.categories, parts.menus, parts.stations, parts.groups
    taxes = [parts.sales_tax, parts.meals_tax]
    burgers = [
        ("Dock Burger", 1200, "BRG-1"),
        ("Smash Burger", 1350, "BRG-2"),
        ("Veggie Burger", 1250, "BRG-1"),
        ("Double Trouble", 1675, ""),
    ]
    for name, cents, sku in burgers:
        links = [
            Link(g["temperature"].id, ordinal=0),
            Link(g["cheese"].id, ordinal=1, min=0, max=2),
            Link(g["side"].id, ordinal=2),
            Link(g["elsewhere"].id, ordinal=3),
        ]
        item = builder.item(
            name,
            cents,
            [c["Burgers"], m["Dinner burgers"], m["Late burgers"], s["Grill"]],
            groups=links,
            taxes=taxes,
            sku=sku,
            html=f"<p>{name} &amp; pickles</p>",
            abbreviation=name[:5],
            color="9da2a6",
            kitchen_name=name.upper(),
            buyer_facing_name=f"{name} (served with a side)",
            food={
                "calorie_count": 900 + 10 * len(name),
                "dietary_preferences": [{"type": "STANDARD", "standard_name": "NUT_FREE"}],
            },
        )
        item.plain = f"{name} & pickles"
    builder.write()
    builder.item(
        "Everything Burger", 1500, [c["Burgers"], s["Grill"]], groups=[g["toppings"]], taxes=taxes, sku="BRG-137"
    )
    odd_links = [
        Link(g["unset"].id, ordinal=0),
        Link(g["old single"].id, ordinal=5, min=None, max=None),
        Link(g["old multiple"].id, ordinal=2, min=-1, max=2),
        Link(g["no limit"].id, ordinal=2),
        Link(g["quantities"].id, min=0, max=6, allow_quantities="YES"),
        Link(g["conversational"].id, conversational="YES", enabled=None),
        Link(g["hidden"].id, enabled=False, hidden_from_customer="NOT_SET"),
        Link(g["text"].id),
        Link(g["note"].id, enabled=False),
        Link(g["deleted"].id),
        Link(g["half gone"].id),
        Link(g["twin"].id, min=0, max=-1),
        Link(g["typed"].id),
    ]
    _defaults(odd_links, g)
    builder.item("Odd Limits Plate", 1100, [c["Mains"]], groups=odd_links, taxes=taxes, sku="ODD")
    for name, cents in (("Fries", 450), ("Onion Rings", 525), ("Side Salad", 575), ("Tap Water", 0)):
        places = [c["Sides"], m["Dinner sides"], s["Fryer"]]
        builder.item(name, cents, places, groups=[g["dip"]], taxes=taxes, sku=name[:4].upper())
    builder.write()
    for number in range(WINES):
        name = f"{('Riesling', 'Merlot', 'Rioja', 'Chablis')[number % 4]} {1990 + number % 30} no. {number + 1}"
        prices = [("Glass", 900), ("Bottle", 900 + 2500)] if number % 3 == 0 else 3400 + 25 * number
        builder.item(name, prices, [c["Wine"]], taxes=[parts.sales_tax], sku=f"W{number % 100:03d}", alcoholic=True)
        if number % 40 == 39:
            builder.write()


def _defaults(links: list[Link], groups: dict[str, ModifierList]) -> None:
    """Per-item defaults, said in the new way, the old way, and both."""
    by_group = {link.group_id: link for link in links}
    single, multiple = groups["old single"].modifiers, groups["old multiple"].modifiers
    by_group[groups["old single"].id].defaults = {single[0].id: "YES", single[1].id: "NOT_SET"}
    by_group[groups["old multiple"].id].legacy_defaults = {multiple[0].id: True}
    free = groups["no limit"].modifiers
    by_group[groups["no limit"].id].defaults = {free[0].id: "NO"}
    by_group[groups["no limit"].id].legacy_defaults = {free[0].id: True}
    by_group[groups["no limit"].id].hidden_online = {free[1].id: "YES"}


def odd_texts(builder: Builder, parts: Diner) -> None:
    """Names that break columns, encodings and eyes."""
    c = parts.categories
    names = [
        "Jalapeño Poppers 🌶️🔥",
        "كباب مشوي",
        "שווארמה בפיתה",
        "Crème brûlée",
        "Cre\u0300me bru\u0302le\u0301e",
        "担々麺 (tan tan men)",
        "Trailing space ",
        "  Leading spaces",
        "Two  spaces, a\u00a0hard one, a tab\tand a zero\u200bwidth",
        "Quotes \"double\" 'single' \\ backslash; semi, comma",
        "<b>Not bold</b> & <script>alert(1)</script>",
        "👨‍👩‍👧‍👦 Family Platter",
        "L" + "o" * 280 + "ng name",
        "Null",
        "1e3",
        "=SUM(A1:A2)",
    ]
    for number, name in enumerate(names):
        builder.item(name, 800 + 25 * number, [c["Emoji"]], taxes=[parts.sales_tax], sku=f"TXT {number}")
    builder.item("House Salad", 900, [c["Sides"]], sku="DUP-1", taxes=[parts.sales_tax])
    builder.item("House Salad", 1100, [c["Mains"]], sku="DUP-1", taxes=[parts.sales_tax])
    builder.item("house salad", 1000, [c["Twin"]], sku="dup-1", taxes=[parts.sales_tax])
    builder.item("No SKU at all", 700, [c["Sides"]], sku=None)
    builder.item("Blank SKU", 700, [c["Sides"]], sku="")
    builder.item("Blank SKU too", 725, [c["Sides"]], sku="")
    builder.item("Spaces as SKU", 700, [c["Sides"]], sku="   ")
    upc = {"upc": "012345678905"}
    builder.item("Bottled Cola", 300, [c["Drinks"]], sku="COLA", variation_fields=upc)
    builder.item("Bottled Cola (old label)", 300, [c["Drinks"]], sku="COLA-OLD", variation_fields=upc)
    builder.item("Typed barcode", 300, [c["Drinks"]], variation_fields={"upc": "not-a-barcode"})
    text = "<p>" + "A very long story. " * 400 + "</p><ul><li>one</li><li>two</li></ul>"
    builder.item("Long Story", 975, [c["Mains"]], html=text, sku="STORY")
    builder.write()


def odd_states(builder: Builder, parts: Diner) -> None:
    """Archived, deleted, absent, 86'd; categories told in the three ways; every product type."""
    c, tax = parts.categories, [parts.sales_tax]
    here = parts.place.id
    builder.item("Archived Meatloaf", 1400, [c["Mains"]], taxes=tax, sku="ARCH-1", archived=True)
    builder.item("Archived Aspic", 850, [c["Sides"]], sku="ARCH-2", archived=True)
    for name in ("Deleted Goulash", "Deleted Trifle"):
        gone = builder.item(name, 1000, [c["Mains"]], sku="DEL", deleted=True)
        for variation in gone.variations:
            variation.deleted = True
    half = builder.item("Half a Choice", [("Stays", 600), ("Deleted size", 900)], [c["Sides"]], sku="HALF")
    half.variations[1].deleted = True
    builder.item("Sold elsewhere", 1000, [c["Mains"]], presence=Presence(False, [LONG_GONE]))
    builder.item("Sold nowhere", 1000, [c["Mains"]], presence=Presence(False))
    builder.item("Everywhere but here", 1000, [c["Mains"]], presence=Presence(True, [], [here, LONG_GONE]))
    builder.item("Explicitly here", 1025, [c["Mains"]], presence=Presence(False, [LONG_GONE, here]), sku="HERE")
    shell = builder.item("Item without its sizes", 1000, [c["Mains"]])
    shell.variations[0].presence = Presence(False, [LONG_GONE])
    builder.item("Legacy Category", 650, legacy_category_id=c["Sweets"].id, taxes=tax)
    builder.item("Reporting Only", 675, reporting_category=(c["Sweets"].id, -2251799813685248))
    both = builder.item("Reporting differs", 700, [c["Sweets"], c["Sides"]])
    both.reporting_category = (c["Food"].id, 0)
    builder.item("In five categories", 725, [c["Sweets"], c["Sides"], c["Mains"], c["Burgers"], c["Emoji"]])
    builder.item("In no category", 750)
    builder.item("Not taxable", 500, [c["Sweets"]], taxes=tax, taxable=False)
    builder.item("Taxable unsaid", 525, [c["Sweets"]], taxes=tax, taxable=None)
    for kind, name in (
        ("REGULAR", "Diner T-shirt"),
        ("GIFT_CARD", "Gift Card"),
        ("EVENT", "Wine Tasting"),
        ("DIGITAL", "Recipe Book (PDF)"),
        ("DONATION", "Food Bank Donation"),
        ("APPOINTMENTS_SERVICE", "Private Chef"),
    ):
        builder.item(name, 2500, [c["Merch"]], product_type=kind, channels=["CH_WEB"])
    builder.write()
