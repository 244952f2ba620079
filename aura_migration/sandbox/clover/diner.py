"""The diner: one Clover merchant on which everything hard about a Clover menu occurs at least once.

Each peculiarity is noted (`World.note`) with the ids that show it, so that a test can go straight to the row.
"""

from __future__ import annotations

from aura_migration.sandbox.clover.config import DAYS, add_row, make_merchant, printer, weekday_hours
from aura_migration.sandbox.clover.world import FIRST_TICK, NO_TAX, MerchantBuilder, Row, World, clover_id

BIG_CATEGORY = 118
BIG_GROUP = 137
LONG_NAME = (
    "The Grand Slow Roasted Heritage Pork Shoulder Platter with Everything on It and a Little More Besides, "
    "Serves Four Hungry People"
)[:127]
LONG_OPTION = ("Prepared at the table with brown butter, " * 7)[:255]
LONG_TEXT = "Simmered for eleven hours over mesquite. " * 12
EMOJI_NAME = "Flamin' 🌶️🔥 Wings 👨‍👩‍👧 Family Pack"
RTL_NAME = "شاورما دجاج"
HEBREW_NAME = "חומוס עם פיתה"
COMBINING_NAME = "Crème brûlée"


def build_diner(world: World) -> None:
    """Fill `world` with the diner."""
    merchant = make_merchant(world.ids, 1, "Rosa's Diner & Grill")
    world.merchants[merchant.id] = merchant
    builder = MerchantBuilder(world.ids, merchant)
    _Diner(world, builder).build()


class _Diner:
    """The parts of the diner, in the order a person would have typed them in."""

    def __init__(self, world: World, builder: MerchantBuilder) -> None:
        self.world = world
        self.b = builder
        self.merchant = builder.merchant

    def build(self) -> None:
        """Everything."""
        self._taxes()
        self._labels()
        self._categories()
        self._groups()
        self._plain_items()
        self._names_and_codes()
        self._prices_and_stock()
        self._variants()
        self._big_category()
        self._big_group()
        self._group_oddities()
        self._deleted_and_dangling()
        self._discounts()
        self._configuration()

    def _taxes(self) -> None:
        b = self.b
        self.no_tax = b.tax_rate(NO_TAX, 0)
        self.city = b.tax_rate("City", 287_500, is_default=True)
        self.state = b.tax_rate("State", 537_500, is_default=True)
        self.liquor = b.tax_rate("Liquor", 1_025_000, tax_type="VAT_TAXABLE")
        self.bag_fee = b.tax_rate("Bag fee", 0, tax_amount=10)
        self.world.note("tax_no_tax_applied", self.no_tax.id)
        self.world.note("tax_flat", self.bag_fee.id)

    def _labels(self) -> None:
        b, ids, merchant = self.b, self.world.ids, self.merchant
        grill = printer(ids, merchant, "Grill printer")
        cold = printer(ids, merchant, "Cold printer")
        expo = printer(ids, merchant, "Expo printer")
        self.grill = b.tag("Grill", [grill, expo])
        self.cold = b.tag("Cold line", [cold])
        self.food = b.tag("Food", show_in_reporting=True)
        self.unused = b.tag("Nobody uses this")
        self.world.note("label_with_two_printers", self.grill.id)
        self.world.note("label_without_items", self.unused.id)

    def _categories(self) -> None:
        b, note = self.b, self.world.note
        self.breakfast = b.category("Breakfast", 1, color_code="#FFCC00")
        self.mains = b.category("Mains", 2)
        self.sides = b.category("Sides", "7")
        self.drinks = b.category("Drinks")
        self.specials = b.category(
            "Specials 🌟", 5, extra={"canonical": {"id": "unused"}, "futureField": {"nested": [1, 2]}}
        )
        self.specials_again = b.category("Specials 🌟", 6)
        self.empty = b.category("Coming soon", 9)
        self.gone = b.category("Holiday 2019", 10)
        self.gone.deleted = True
        note("category_sort_order_string", self.sides.id)
        note("category_sort_order_missing", self.drinks.id)
        note("category_duplicate_name", self.specials.id, self.specials_again.id)
        note("category_empty", self.empty.id)
        note("category_deleted", self.gone.id)
        note("unknown_fields", self.specials.id)

    def _groups(self) -> None:
        b = self.b
        self.heat = b.group("Heat", [("Mild", 0), ("Hot", 0), ("Extra hot", 50)], 1, 1)
        self.cooked = b.group("Cooked", [("Rare", 0), ("Medium", 0), ("Well done", 0)], 1, 1, sort_order=2)
        self.extras = b.group("Extras", [("Cheese", 100), ("Bacon", 225), ("Avocado", 195), ("Green chile", 75)], 0, 3)
        sold_out = b.modifier(self.extras, "Truffle", 900, available=False)
        unknown = b.modifier(self.extras, "Fried egg", 150, alternate_name=None, extra={"futureField": True})
        self.world.note("modifier_unavailable", sold_out.id)
        self.world.note("unknown_fields", unknown.id)

    def _plain_items(self) -> None:
        b, note = self.b, self.world.note
        grill, cold, food = [self.grill, self.food], [self.cold, self.food], [self.food]
        several = b.item(
            "Huevos Rancheros",
            1295,
            [self.breakfast, self.mains, self.specials],
            [self.heat, self.extras],
            grill,
            sku="D-001",
            cost=410,
        )
        b.item("Pancakes", 895, [self.breakfast], tags=food, sku="D-002")
        b.item("Cheeseburger", 1350, [self.mains], [self.cooked, self.extras], grill, sku="D-003", color_code="#AA0000")
        b.item("Meatloaf", 1495, [self.mains], tags=grill, sku="D-004", type="RESTAURANT")
        fries = b.item("Fries", 450, [self.sides, self.mains], tags=grill, sku="D-005")
        b.item("Slaw", 350, [self.sides], tags=cold, sku="D-006")
        nowhere = b.item("Off the menu", 1999, tags=food, sku="D-007")
        beer = b.item(
            "Draft Lager",
            700,
            [self.drinks],
            rates=[self.city, self.liquor],
            sku="D-008",
            is_age_restricted=True,
            age_restriction={"id": clover_id(self.world.ids, "age", "alcohol"), "name": "Alcohol", "minimumAge": 21},
        )
        untaxed = b.item("Newspaper", 250, rates=[self.no_tax], sku="D-009", exclude_cash_discount=True)
        nothing = b.item("Own rates, none set", 500, rates=[], sku="D-010")
        bag = b.item("Paper bag", 0, rates=[self.bag_fee], sku="D-011")
        card = b.item("Gift card", 0, rates=[self.no_tax], price_type="VARIABLE", is_revenue=False, sku="D-012")
        self.fries = fries
        note("item_in_several_categories", several.id, fries.id)
        note("item_without_category", nowhere.id)
        note("item_own_tax_rates", beer.id)
        note("item_no_tax", untaxed.id)
        note("item_own_rates_empty", nothing.id)
        note("item_flat_tax", bag.id)
        note("item_not_revenue", card.id)

    def _names_and_codes(self) -> None:
        b, note = self.b, self.world.note
        twins = [b.item("Soup of the Day", cents, [self.mains], sku=sku) for cents, sku in ((650, "S-1"), (650, "S-2"))]
        case = b.item("soup of the day", 695, [self.specials], sku="S-3")
        same_sku = [b.item(name, 925, [self.mains], sku="DUP-1") for name in ("Tamales", "Enchiladas")]
        same_code = [
            b.item(name, 325, [self.drinks], sku=sku, code="012345678905")
            for name, sku in (("Cola", "K-1"), ("Diet", "K-2"))
        ]
        blank = [b.item(f"Blank code {number}", 100 + number, [self.sides], sku="") for number in (1, 2, 3)]
        absent = b.item("No code at all", 199, [self.sides], sku=None, code=None, alternate_name=None, unit_name=None)
        emoji = b.item(EMOJI_NAME, 2195, [self.mains], [self.heat], sku="U-1")
        rtl = [b.item(RTL_NAME, 1195, [self.mains], sku="U-2"), b.item(HEBREW_NAME, 895, [self.mains], sku="U-3")]
        accents = b.item(
            COMBINING_NAME, 795, [self.specials], sku="U-4", alternate_name="Cre\u0301me bru\u0302le\u0301e"
        )
        long = b.item(
            LONG_NAME,
            4995,
            [self.mains],
            sku="L" * 100,
            menu_item={"name": LONG_NAME, "description": LONG_TEXT, "imageFilename": "pork.jpg", "enabled": True},
        )
        spaced = b.item("Lemonade ", 375, [self.drinks], sku=" U-6 ")
        quoted = b.item('Chef\'s "Special" <b>&</b> \\ 50% off; DROP', 1111, [self.specials], sku="U-7")
        future = b.item(
            "Tomorrow's Pie", 595, [self.specials], sku="U-8", extra={"futureField": {"a": [1, {"b": 2}]}, "colour": 7}
        )
        note("item_duplicate_name", *(item.id for item in (*twins, case)))
        note("item_duplicate_sku", *(item.id for item in same_sku))
        note("item_duplicate_code", *(item.id for item in same_code))
        note("item_blank_sku", *(item.id for item in blank))
        note("item_absent_sku", absent.id)
        note("item_unusual_text", emoji.id, *(item.id for item in rtl), accents.id, long.id, quoted.id)
        note("item_trailing_space", spaced.id)
        note("item_menu_item", long.id)
        note("unknown_fields", future.id)

    def _prices_and_stock(self) -> None:
        b, note = self.b, self.world.note
        free = b.item("Tap Water", 0, [self.drinks], sku="P-1")
        dear = b.item("Tasting Menu for Twelve", 1_234_567, [self.specials], sku="P-2")
        open_price = [
            b.item("Market Fish", 0, [self.mains], sku="P-3", price_type="VARIABLE"),
            b.item("Catering deposit", 500, [self.specials], sku="P-4", price_type="VARIABLE"),
        ]
        per_unit = [
            b.item("Brisket", 1899, [self.mains], sku="P-5", price_type="PER_UNIT", unit_name="lb"),
            b.item("Olives", 45, [self.sides], sku="P-6", price_type="PER_UNIT", unit_name="oz", quantity=62.5),
        ]
        sold_out = b.item("Cherry Pie", 625, [self.specials], sku="P-7", available=False)
        managed = b.item("Apple Pie", 595, [self.specials], sku="P-8", auto_manage=True, quantity=0.0, available=False)
        stocked = b.item("Pecan Pie", 695, [self.specials], sku="P-9", auto_manage=True, quantity=11.0)
        negative = b.item("Bottled Salsa", 850, [self.sides], sku="P-10", quantity=-3.0)
        hidden = b.item("Staff Coffee", 100, [self.drinks], sku="P-11", hidden=True)
        both = b.item("Old Special", 1500, [self.mains], sku="P-12", hidden=True, available=False)
        note("price_zero", free.id)
        note("price_large", dear.id)
        note("price_variable", *(item.id for item in open_price))
        note("price_per_unit", *(item.id for item in per_unit))
        note("item_unavailable", sold_out.id, managed.id)
        note("item_auto_managed", managed.id, stocked.id)
        note("stock_negative", negative.id)
        note("stock_fraction", per_unit[1].id)
        note("item_hidden", hidden.id, both.id)

    def _variants(self) -> None:
        b, note = self.b, self.world.note
        pizza = b.variants(
            "Pizza",
            [("Size", ["Small", "Large"]), ("Crust", ["Thin", "Deep"])],
            {("Small", "Thin"): 1195, ("Small", "Deep"): 1395, ("Large", "Thin"): 1795, ("Large", "Deep"): 1995},
            {
                ("Small", "Thin"): {"sku": "PZ-ST"},
                ("Large", "Deep"): {"sku": "PZ-LD", "available": False, "quantity": 4.0},
            },
            categories=[self.mains],
            groups=[self.extras],
            tags=[self.grill],
        )
        shirt = b.variants("Diner Shirt", [("Size", ["S", "M", "XL"])], {("S",): 2000, ("M",): 2000, ("XL",): 2400})
        deleted = self.merchant.items[shirt.items[0]]
        b.delete(deleted)
        note("item_group", pizza.id, shirt.id)
        note("variant_deleted", deleted.id)

    def _big_category(self) -> None:
        big = self.b.category("Wine list", 8)
        rng = self.world.ids.rng("wine")
        for number in range(1, BIG_CATEGORY + 1):
            self.b.item(f"Bin {number:03d}", 2500 + 100 * rng.randrange(90), [big], sku=f"W-{number:03d}")
        # What the register shows is not the order in which the wines were typed in.
        big.items.sort(key=lambda item: self.merchant.items[item].price)
        self.world.note("category_over_100_items", big.id)

    def _big_group(self) -> None:
        options = [(f"Topping {number:03d}", 5 * (number % 20)) for number in range(1, BIG_GROUP + 1)]
        group = self.b.group("Every topping we have", options, 0, 10)
        # Display order and creation order differ, so that only modifierIds tells the former.
        group.modifiers = group.modifiers[::2] + group.modifiers[1::2]
        item = self.b.item("Build your own Sundae", 795, [self.specials], [group], sku="BYO-1")
        self.world.note("group_137_modifiers", group.id)
        self.world.note("item_137_modifiers", item.id)

    def _group_oddities(self) -> None:
        b, note = self.b, self.world.note
        blank = b.group("Nothing yet", [], 0, 1)
        absent = b.group("Nothing at all", [], None, None, blank_ids=False, sort_order=None, show_by_default=None)
        unlimited = b.group("As you like", [("Ketchup", 0), ("Mustard", 0)])
        crossed = b.group("Pick three of one", [("This", 0), ("That", 25), ("Other", 50)], 3, 1)
        unreachable = b.group("Pick five of two", [("One", 0), ("Two", 0)], 5, 5)
        unused = b.group("Belongs to no item", [("Loose end", 10)], 0, 1)
        twins = [
            b.group("Sauce", [("BBQ", 0), ("BBQ", 50)], 0, 1),
            b.group("Sauce", [("Aioli", 75)], 0, 1, alternate_name=None),
        ]
        long = b.group("Preparation", [(LONG_OPTION, 0), ("Plain ", 0), ("بدون ملح", 0), ("🧂", 0)], 1, 1)
        groups = [blank, absent, unlimited, crossed, unreachable, *twins, long]
        item = b.item("Odd Combination Plate", 1650, [self.mains], groups, sku="G-1")
        note("group_empty_ids", blank.id)
        note("group_absent_ids", absent.id)
        note("group_without_limits", unlimited.id, absent.id)
        note("group_min_over_max", crossed.id)
        note("group_min_over_options", unreachable.id)
        note("group_without_items", unused.id)
        note("group_duplicate_name", *(group.id for group in twins))
        note("modifier_duplicate_name", *twins[0].modifiers)
        note("modifier_unusual_text", *long.modifiers)
        note("item_with_odd_groups", item.id)

    def _deleted_and_dangling(self) -> None:
        b, note = self.b, self.world.note
        orphan_group = b.group("Only on a deleted item", [("Gravy", 50), ("No gravy", 0)], 1, 1)
        deleted = b.item("Turkey Dinner 2019", 1695, [self.mains, self.gone], [orphan_group], [self.grill], sku="X-1")
        b.delete(deleted)
        stays = b.item("Eggnog", 525, [self.gone, self.drinks], sku="X-2")
        dead_group = b.group("Deleted group", [("Left behind", 30), ("Also left", 40)], 0, 1)
        dead_group.deleted = True
        twin = b.item("Fries", 395, [self.sides], sku="D-005")
        b.delete(twin)
        wine = next(item for item in self.merchant.items.values() if item.sku == "W-050")
        b.delete(wine)
        note("item_deleted", deleted.id, twin.id, wine.id)
        note("group_of_deleted_item", orphan_group.id)
        note("item_in_deleted_category", stays.id)
        note("group_deleted", dead_group.id)
        note("modifier_of_deleted_group", *dead_group.modifiers)
        note("item_same_sku_as_deleted", self.fries.id, twin.id)

    def _discounts(self) -> None:
        b, note = self.b, self.world.note
        b.discount("Senior", percentage=10)
        b.discount("Two off", amount=-200)
        exact = b.discount("A third", percentage_decimal=333_333)
        both = b.discount("Both ways", percentage=15, percentage_decimal=150_000, type="DEFAULT")
        b.discount("Cash", percentage=4, type="CASH_DISCOUNT")
        b.discount("Senior", percentage=12)
        gone = b.discount("Grand opening", percentage=100, deleted=True)
        note("discount_decimal", exact.id)
        note("discount_both_percentages", both.id)
        note("discount_deleted", gone.id)

    def _configuration(self) -> None:
        ids, merchant, note = self.world.ids, self.merchant, self.world.note
        template = next(iter(merchant.order_types.values()))
        drive = {
            **template,
            "id": clover_id(ids, "order_type", "drive"),
            "label": "Drive-through",
            "labelKey": None,
            "isDefault": False,
            "taxable": False,
            "filterCategories": True,
            "_categories": [self.breakfast.id, self.drinks.id],
            "hoursAvailable": "CUSTOM",
            "systemOrderTypeId": None,
            "fee": 150,
        }
        hours = {
            "id": clover_id(ids, "hours", "drive"),
            "name": "Drive-through hours",
            "reference": {"type": "ORDER_TYPE", "id": drive["id"]},
            **weekday_hours({day: [(0, 2400)] for day in DAYS}),
        }
        drive["_hours"] = hours["id"]
        gone = {
            **template,
            "id": clover_id(ids, "order_type", "gone"),
            "label": "Curbside",
            "isDeleted": True,
            "isDefault": False,
        }
        for row in (drive, gone):
            add_row(merchant.order_types, row)
        add_row(merchant.opening_hours, hours)
        add_row(
            merchant.opening_hours,
            {
                "id": clover_id(ids, "hours", "late"),
                "name": "Late kitchen",
                "reference": {"type": "ITEM_GROUP", "id": next(iter(merchant.item_groups))},
                **weekday_hours({"friday": [(2200, 2400)], "saturday": [(0, 200), (2200, 2400)]}),
            },
        )
        rule = add_row(
            merchant.tax_rules,
            {
                "id": clover_id(ids, "tax_rule", "takeout"),
                "name": "Take-out food is not taxed by the city",
                "orderType": {"id": next(key for key, row in merchant.order_types.items() if not row["isDefault"])},
                "taxRates": {"elements": [{"id": self.city.id}]},
            },
        )
        flat = add_row(
            merchant.order_fees,
            {
                "id": clover_id(ids, "order_fee", "flat"),
                "name": "Kitchen fee",
                "amount": 150,
                "percentage": None,
                "isDefault": False,
                "isHidden": False,
                "readOnly": False,
                "type": None,
                "taxRates": {"elements": [{"id": self.state.id}]},
                "serviceChargeUuid": None,
                "createdTime": FIRST_TICK,
                "modifiedTime": FIRST_TICK,
                "deletedTime": None,
            },
        )
        note("order_type_untaxed", str(drive["id"]))
        note("order_type_deleted", str(gone["id"]))
        note("tax_rule", str(rule["id"]))
        note("order_fee_flat", str(flat["id"]))
        self._unclear_rules(drive, rule, flat)

    def _unclear_rules(self, drive: Row, rule: Row, fee: Row) -> None:
        """Rules that contradict themselves or the documentation, and rules about things that are gone. Nobody ever used one."""
        b, ids, merchant, note = self.b, self.world.ids, self.merchant, self.world.note
        for what, values in (
            ("both", {"amount": -100, "percentage": 5}),
            ("neither", {}),
            ("over_100", {"percentage": 130}),
            ("two_percentages", {"percentage": 15, "percentage_decimal": 250_000}),
            ("adds", {"amount": 250}),
            ("kind", {"percentage": 5, "type": "ASTROLOGY"}),
        ):
            note(f"discount_{what}", b.discount(f"Unclear ({what})", unused=True, **values).id)
        changed: Row
        for what, changed in (
            ("kind", {"type": "MOON_PHASE"}),
            ("both", {"percentage": 20_000}),
            ("dead_rate", {"taxRates": {"elements": [{"id": clover_id(ids, "tax_rate", "dead")}]}}),
            ("hidden", {"isHidden": True}),
        ):
            row = {
                **fee,
                "id": clover_id(ids, "order_fee", what),
                "name": f"Fee ({what})",
                "isDefault": False,
                **changed,
            }
            note(f"order_fee_{what}", str(add_row(merchant.order_fees, row)["id"]))
        gone = clover_id(ids, "order_type", "never was")
        for what, changed in (
            ("dead_rate", {"taxRates": {"elements": [{"id": clover_id(ids, "tax_rate", "dead")}]}}),
            ("dead_type", {"orderType": {"id": gone}}),
            ("restricted", {"onlyOnTuesdays": True}),
        ):
            row = {**rule, "id": clover_id(ids, "tax_rule", what), "name": f"Rule ({what})", "_unused": True, **changed}
            note(f"tax_rule_{what}", str(add_row(merchant.tax_rules, row)["id"]))
        for what, changed in (
            ("dead_type", {"reference": {"type": "ORDER_TYPE", "id": gone}}),
            ("kind", {"reference": {"type": "FULL_MOON", "id": gone}}),
            ("updates", {"reference": {"type": "SOFTWARE_UPDATE_EXCLUSION", "id": gone}}),
            ("overlap", {"reference": {"type": "ORDER_TYPE", "id": drive["id"]}}),
        ):
            week = weekday_hours({"monday": [(900, 1400), (1200, 1500)], "tuesday": [(975, 1000), (1100, 1300)]})
            row = {"id": clover_id(ids, "hours", what), "name": f"Hours ({what})", **changed, **week}
            note(f"hours_{what}", str(add_row(merchant.opening_hours, row)["id"]))
        for what, tip in (
            ("both", {"percentage": 10, "flatTip": 100}),
            ("over_100", {"percentage": 1800, "flatTip": None}),
        ):
            row = {"id": clover_id(ids, "tip", what), "name": f"Tip ({what})", "isEnabled": True, **tip}
            note(f"tip_{what}", str(add_row(merchant.tip_suggestions, row)["id"]))
        template = next(row for row in merchant.tenders.values() if row["editable"])
        for what, changed in (("hidden", {"visible": False}), ("deleted", {"deletedTime": FIRST_TICK})):
            row = {**template, "id": clover_id(ids, "tender", what), "label": f"Tender ({what})", **changed}
            note(f"tender_{what}", str(add_row(merchant.tenders, row)["id"]))
