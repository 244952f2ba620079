"""The other half of `diner`: sizes and options, units and open prices, discounts, custom attributes, stock."""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.core.ids import BASE32
from aura_migration.sandbox.square.builder import Builder
from aura_migration.sandbox.square.model import (
    Count,
    Discount,
    Override,
    PricingRule,
    ProductSet,
    TimePeriod,
)
from aura_migration.sandbox.square.scenario_diner_base import LONG_GONE, WEEK, Diner

OTHER_APP = "sq0idp-other-loyalty-app"


def sizes(builder: Builder, parts: Diner) -> None:
    """Item options: a pizza of size × crust, one value per option; and plain sizes without options."""
    c, tax = parts.categories, [parts.sales_tax]
    size = builder.option("Size", ["Small", "Medium", "Large"], "Pick a size")
    crust = builder.option("Crust", ["Thin", "Deep"])
    grid = [(one, two) for one in size.values for two in crust.values]
    prices = [(f"{one.name}, {two.name}", 1000 + 300 * number) for number, (one, two) in enumerate(grid)]
    pizza = builder.item("Pizza", prices, [c["Mains"]], taxes=tax, sku="PZ", groups=[parts.groups["toppings"]])
    pizza.option_ids = [size.id, crust.id]
    for variation, (one, two) in zip(pizza.variations, grid, strict=True):
        variation.option_values = [(size.id, one.id), (crust.id, two.id)]
    pizza.variations[-1].ordinal = pizza.variations[0].ordinal
    shake = builder.item("Milkshake", [("Regular", 650), ("Jumbo", 875)], [c["Sweets"]], taxes=tax, sku="SHK")
    shake.variations[1].overrides[parts.place.id] = Override(cents=900, pricing="FIXED_PRICING")
    shake.variations[0].kitchen_name = "SHAKE REG"
    shake.variations[1].user_data = "button-7"
    builder.write()


def units_and_open_prices(builder: Builder, parts: Diner) -> None:
    """Weight, volume and self-made units; prices typed at sale; 86'd items; a keg that pours."""
    c, place, tax = parts.categories, parts.place.id, [parts.sales_tax]
    pound = builder.plain(
        "MEASUREMENT_UNIT",
        "pound",
        {"measurement_unit": {"weight_unit": "IMPERIAL_POUND", "type": "TYPE_WEIGHT"}, "precision": 2},
    )
    slice_unit = builder.plain(
        "MEASUREMENT_UNIT",
        "slice",
        {
            "measurement_unit": {"custom_unit": {"name": "slice", "abbreviation": "sl"}, "type": "TYPE_CUSTOM"},
            "precision": 0,
        },
    )
    ounce = builder.plain(
        "MEASUREMENT_UNIT", "ounce", {"measurement_unit": {"volume_unit": "GENERIC_FLUID_OUNCE", "type": "TYPE_VOLUME"}}
    )
    builder.item(
        "Brisket by the pound", 2400, [c["Mains"]], taxes=tax, variation_fields={"unit_id": pound.id}, sku="BRSK"
    )
    builder.item(
        "Pie by the slice", 575, [c["Sweets"]], taxes=tax, variation_fields={"unit_id": slice_unit.id}, sku="PIE"
    )
    keg = builder.item(
        "Draft Lager", [("Keg", 24000), ("Pour", 700)], [c["Drinks"]], taxes=tax, sku="LAGER", alcoholic=True
    )
    keg.variations[0].unit_id, keg.variations[0].sellable = ounce.id, False
    keg.variations[1].stockable = False
    keg.variations[1].conversion = (keg.variations[0].id, "1", "60.5")
    market = {"open_price": True}
    builder.item("Catch of the Day", 0, [c["Mains"]], taxes=tax, variation_fields=market, jitter=False, sku="MKT")
    mixed = builder.item("Catering", [("Per head", 2500), ("By agreement", 0)], [c["Mains"]], jitter=False, sku="CAT")
    mixed.variations[1].open_price = True
    typed = builder.item("Price typed here", 1200, [c["Mains"]], sku="TYPED")
    typed.variations[0].overrides[place] = Override(pricing="VARIABLE_PRICING")
    fixed = builder.item("Fixed here only", 0, [c["Mains"]], variation_fields=market, jitter=False, sku="FIXED")
    fixed.variations[0].overrides[place] = Override(cents=1325, pricing="FIXED_PRICING")
    other = builder.item("Override elsewhere", 1150, [c["Mains"]], sku="ELSE")
    other.variations[0].overrides[LONG_GONE] = Override(cents=9900, pricing="FIXED_PRICING")
    empty = builder.item("Override without a price", 1175, [c["Mains"]], sku="TRACK")
    empty.variations[0].overrides[place] = Override(track=True, alert=5)
    builder.item("Free bread", 0, [c["Sides"]], taxes=tax, sku="FREE")
    sold_out = builder.item("86'd Chili", 850, [c["Mains"]], taxes=tax, sku="CHILI")
    sold_out.variations[0].overrides[place] = Override(sold_out=True)
    until = builder.item("86'd until tomorrow", 875, [c["Mains"]], taxes=tax, sku="CHILI-2")
    until.variations[0].overrides[place] = Override(sold_out=True, sold_out_until="2026-12-01T06:00:00Z")
    part = builder.item("One size 86'd", [("Cup", 500), ("Bowl", 800)], [c["Mains"]], taxes=tax, sku="SOUP")
    part.variations[1].overrides[place] = Override(sold_out=True)
    builder.write()


def rules(builder: Builder, parts: Diner) -> None:
    """Automatic discounts: two that are time prices, and the kinds that look like one and are not."""
    c, tax = parts.categories, [parts.sales_tax]
    for name, cents in (("Negroni", 1300), ("Margarita", 1200), ("Old Fashioned", 1400), ("Mocktail", 900)):
        builder.item(
            name, cents, [c["Cocktails"], parts.stations["Bar"]], taxes=tax, sku=name[:4].upper(), alcoholic=True
        )
    wings = builder.item("Wings", [("6 pieces", 950), ("12 pieces", 1700)], [c["Sides"]], taxes=tax, sku="WNG")
    builder.write()
    automatic: dict[str, Any] = {"extra_data": {"application_method": "AUTOMATICALLY_APPLIED"}}
    happy = builder.made(Discount, "Happy hour", percentage="20.0", **automatic)
    late = builder.made(Discount, "Late wings", kind="FIXED_AMOUNT", cents=200, **automatic)
    builder.made(Discount, "Comp", kind="VARIABLE_PERCENTAGE", percentage="0", pin=True)
    builder.made(Discount, "Manager", kind="VARIABLE_AMOUNT", cents=0, pin=True)
    builder.made(Discount, "Coupon", percentage="15", cap=500, keeps_tax_basis=True)
    builder.made(Discount, "Five off", kind="FIXED_AMOUNT", cents=500)
    builder.made(Discount, "Old discount", percentage="5", deleted=True)
    # The past was not charged by automatic discounts: they begin after its last order.
    begins: dict[str, Any] = {"since": "20261005"}
    afternoons = builder.made(TimePeriod, "Afternoons", days=list(WEEK), start="16:00", minutes=120, **begins)
    nights = builder.made(TimePeriod, "Nights", days=["FRI", "SAT"], start="22:30", minutes=150, **begins)
    cocktails = builder.made(ProductSet, "Cocktails", any_ids=[c["Cocktails"].id], exact=1)
    wing_set = builder.made(ProductSet, "Wings", any_ids=[wings.id])
    pair = builder.made(ProductSet, "Two cocktails", any_ids=[c["Cocktails"].id], exact=2)
    everything = builder.made(ProductSet, "Everything", all_products=True)
    stamp, large = builder.stamp, wings.variations[1].id
    dozen = ProductSet(builder.new_id("PRODUCT_SET", "Dozens"), "Dozens", stamp, stamp, any_ids=[large])
    builder.keep(dozen)
    builder.made(PricingRule, "Happy hour", discount_id=happy.id, match_id=cocktails.id, period_ids=[afternoons.id])
    builder.made(PricingRule, "Late wings", discount_id=late.id, match_id=wing_set.id, period_ids=[nights.id])
    builder.made(PricingRule, "Two for less", discount_id=happy.id, match_id=pair.id, period_ids=[afternoons.id])
    builder.made(
        PricingRule,
        "Summer 2027",
        discount_id=happy.id,
        match_id=dozen.id,
        valid_from=("2027-06-01", "00:00:00"),
        valid_until=("2027-08-31", "23:59:00"),
    )
    soon: dict[str, Any] = {"valid_from": ("2026-10-05", "00:00:00")}
    builder.made(PricingRule, "Big table", discount_id=late.id, match_id=everything.id, minimum_cents=15000, **soon)
    builder.made(
        PricingRule, "Regulars", discount_id=late.id, match_id=everything.id, customer_groups=["GRPREGULARS01"], **soon
    )
    builder.write()


def attributes(builder: Builder, parts: Diner) -> None:
    """Custom attributes of every type on every kind of object, one of another application, one of another's hidden."""

    def define(name: str, kind: str, on: list[str], **data: Any) -> Any:
        base = {"type": kind, "name": name, "allowed_object_types": on, "key": name.lower().replace(" ", "_")}
        visible = {
            "seller_visibility": "SELLER_VISIBILITY_READ_WRITE_VALUES",
            "app_visibility": "APP_VISIBILITY_READ_ONLY",
        }
        return builder.plain("CUSTOM_ATTRIBUTE_DEFINITION", name, {**base, **visible, **data})

    spice_uids = [builder.ids.token("uid", name, BASE32, 24) for name in ("mild", "hot")]
    selections = [{"uid": uid, "name": name} for uid, name in zip(spice_uids, ("Mild", "Hot"), strict=True)]
    origin = define("Origin", "STRING", ["ITEM", "CATEGORY"], string_config={"enforce_uniqueness": False})
    prep = define("Prep minutes", "NUMBER", ["ITEM", "ITEM_VARIATION"], number_config={"precision": 1})
    local = define("Local", "BOOLEAN", ["ITEM", "MODIFIER", "MODIFIER_LIST"])
    spice = define(
        "Spice", "SELECTION", ["ITEM"], selection_config={"max_allowed_selections": 2, "allowed_selections": selections}
    )
    foreign = define(
        "Points", "NUMBER", ["ITEM"], source_application={"application_id": OTHER_APP, "name": "Points app"}
    )
    hidden = define("Secret margin", "NUMBER", ["ITEM"], app_visibility="APP_VISIBILITY_HIDDEN")
    builder.world.hidden_attributes.add(hidden.id)
    items = {item.name: item for item in builder.world.items()}
    burger, wings = items["Dock Burger"], items["Wings"]
    burger.attributes = {
        "origin": builder.attribute(origin, "Lake Superior ❄️"),
        "prep_minutes": builder.attribute(prep, "12.5"),
        "local": builder.attribute(local, True),
        "spice": builder.attribute(spice, spice_uids),
        f"{OTHER_APP}:points": builder.attribute(foreign, "40"),
        "secret_margin": builder.attribute(hidden, "0.61"),
    }
    wings.attributes = {"prep_minutes": builder.attribute(prep, 9)}  # a JSON number where the schema says string
    burger.variations[0].attributes = {"prep_minutes": builder.attribute(prep, "14")}
    parts.categories["Burgers"].attributes = {"origin": builder.attribute(origin, "Minnesota")}
    parts.groups["cheese"].attributes = {"local": builder.attribute(local, False)}
    parts.groups["cheese"].modifiers[0].attributes = {"local": builder.attribute(local, True)}
    builder.world.location_attributes = [
        {
            "key": "floor_plan",
            "name": "Floor plan",
            "description": "Which plan is in use",
            "schema": "string",
            "stamp": builder.stamp,
        },
        {"key": "seats", "name": "Seats", "description": "Inside", "schema": "number", "stamp": builder.stamp},
    ]
    parts.place.attributes = {"floor_plan": "Winter", "seats": "64"}
    builder.write()


def stock(builder: Builder, parts: Diner) -> None:
    """Counts in several states, fractions, a negative one, one of an ITEM."""
    place, items = parts.place, {item.name: item for item in builder.world.items()}
    builder.stock(items["Bottled Cola"].variations[0], place, "42")
    builder.stock(items["Brisket by the pound"].variations[0], place, "17.25")
    builder.stock(items["Fries"].variations[0], place, "-3")
    builder.stock(items["Onion Rings"].variations[0], place, "0")
    builder.stock(items["86'd Chili"].variations[0], place, "11")
    builder.stock(items["Draft Lager"].variations[0], place, "2.5")
    builder.waste(items["Bottled Cola"].variations[0], place, "2")
    items["Bottled Cola"].variations[0].alert = 50
    later = builder.stamp + 91_000_000
    for name, state, quantity in (
        ("Bottled Cola", "RESERVED_FOR_SALE", "1"),
        ("Bottled Cola", "SOLD", "310"),
        ("Diner T-shirt", "ORDERED_FROM_VENDOR", "24"),
        ("Diner T-shirt", "NONE", "0"),
    ):
        builder.world.counts.append(Count(items[name].variations[0].id, place.id, state, quantity, later))
    pizza = items["Pizza"]
    builder.world.counts.append(Count(pizza.id, place.id, "IN_STOCK", "20", later, "ITEM"))


def leftovers(builder: Builder, parts: Diner) -> None:
    """Images, quick amounts, a subscription plan, search-engine texts, and fields nobody documents."""
    items = {item.name: item for item in builder.world.items()}
    images = [
        builder.plain(
            "IMAGE", f"photo {number}", {"name": f"photo {number}", "url": f"https://images.example/{number}.jpg"}
        )
        for number in range(3)
    ]
    items["Dock Burger"].image_ids = [images[0].id, images[1].id]
    items["Dock Burger"].seo = {
        "page_title": "Dock Burger",
        "page_description": "Best late",
        "permalink": "dock-burger",
    }
    parts.categories["Burgers"].image_ids = [images[2].id]
    amounts = [
        {"type": "QUICK_AMOUNT_TYPE_MANUAL", "amount": {"amount": cents, "currency": "USD"}, "ordinal": number}
        for number, cents in enumerate((500, 1000))
    ]
    builder.plain(
        "QUICK_AMOUNTS_SETTINGS", "quick", {"option": "MANUAL", "eligible_for_auto_amounts": False, "amounts": amounts}
    )
    builder.plain("SUBSCRIPTION_PLAN", "coffee club", {"name": "Coffee club", "all_items": False})
    for name in ("Wings", "Fries", "Pizza"):
        items[name].extra = {"catalog_origin": {"channel": "import", "batch": 7}}
        items[name].extra_data = {"ecom_available": False, "prep_station_hint": "2"}
    builder.write()
