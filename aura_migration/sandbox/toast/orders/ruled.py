"""Orders of scenario ``rules``, drawn by number: each charged by the rules of its day, and knowing by which.

``Sheet.told`` names what an order was charged by that today's configuration does not say, and what is particular about it.
Belongs here: who orders what and what a cashier gives. Does not belong here: dates of rules (``eras``), arithmetic
(``ruled_sums``), payments (``tender``).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.builder import WEEK, LocationBuilder
from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.model import TIME, Item
from aura_migration.sandbox.toast.orders.adapt import Floor
from aura_migration.sandbox.toast.orders.draw import Frame, sums
from aura_migration.sandbox.toast.orders.eras import DIFFERENCES, Eras
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.ruled_sums import Levy, Part, levy_of, off_check, tax_check, whole
from aura_migration.sandbox.toast.orders.sheet import (
    CASH_ROUNDING,
    AppliedCharge,
    AppliedDiscount,
    Bill,
    Selection,
    Sheet,
)
from aura_migration.sandbox.toast.orders.tender import KINDS
from aura_migration.sandbox.toast.orders.wire import config_ref, ref
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.model import DELIVERY, DINE_IN, TAKE_OUT

SHARES = {
    "plain": 14, "round dollars": 8, "sauces": 4, "neighbor": 6, "staff meal": 4, "happy wings": 3, "three off": 3,
    "dollar off": 2, "open percent": 2, "open amount": 2, "two discounts": 2, "promo code": 2, "two for one": 3,
    "combo": 4, "comp": 2, "everything comped": 2, "exempt": 2, "open price": 2, "party": 4, "no longer sold": 2,
    "tax in price": 3, "bottle": 2, "candy": 2, "untaxed": 2, "lager": 4,
}  # fmt: skip
"""How many of each kind there are in a hundred-odd orders."""
TABLE = tuple(name for name, share in SHARES.items() for _ in range(share))
STRIDE = 37
ANYTHING = ("burger", "veggie", "fries", "salad", "soup", "wings", "steak", "soda", "lager", "red", "bread")
ROUND = ("soup", "wings", "salad", "fries", "steak")
PARTY = 6
SMALLEST_COIN = 5


def kind_of(number: int) -> str:
    """What is particular about an order."""
    return TABLE[number * STRIDE % len(TABLE)]


class Ruled:
    """Draws the orders of one location."""

    def __init__(self, ids: Ids, dice: Dice, location: Location, floor: Floor, servers: list[str], eras: Eras) -> None:
        self._dice, self._location, self.floor = dice, location, floor
        self.servers, self._eras = servers, eras
        self._write = LocationBuilder(ids, location.key, location.names)
        self._ids = ids
        self._zone = ZoneInfo(location.timezone)
        self._taxes = {row.guid: row.body for row in location.config["taxRates"]}
        self._charges = {row.body["name"]: row.body for row in location.config["serviceCharges"]}
        self._discounts = {row.body["name"]: row.body for row in location.config["discounts"]}
        self._homes = {item: group for group in location.catalog.groups.values() for item in group.items}

    def ended(self, frame: Frame, sheet: Sheet) -> None:
        """Nothing is voided or deleted here; histories of other scenarios have that."""

    def sheet(self, frame: Frame, family: Family) -> Sheet:
        """The order before anything was paid."""
        number, floor = frame.number, self.floor
        kind, roll = kind_of(number), self._dice.roll("ruled", number)
        behavior = (DINE_IN, DINE_IN, DINE_IN, TAKE_OUT, TAKE_OUT, DELIVERY)[roll[0] % 6]
        if kind in ("party", "lager"):
            behavior = DINE_IN
        elif kind == "tax in price":
            behavior = TAKE_OUT
        seated = behavior == DINE_IN
        server = self.servers[roll[1] % len(self.servers)] if self.servers else None
        made = Sheet(
            key=number,
            guid=family.next(),
            day=frame.day,
            opened=frame.opened,
            modified=frame.modified,
            closed=frame.closed,
            paid=None,
            behavior=behavior,
            dining=floor.dining[behavior],
            source="In Store" if seated else "Online",
            bills=[],
            label=str(number % 900 + 1),
            server=server,
            table=floor.tables[roll[2] % len(floor.tables)] if seated else None,
            center=floor.centers[0] if seated else None,
            guests=(PARTY + roll[3] % 3 if kind == "party" else 1 + roll[3] % 5) if seated else 1,
            device=floor.devices[roll[4] % 5],
        )
        made.told.append(kind)
        made.bills.append(_Ringing(self, made, family, kind, roll).bill())
        return made

    # -- the menu ------------------------------------------------------------------------------------------------------

    def item(self, key: str) -> Item:
        """An item of today's menu."""
        return self._location.catalog.items[self._write.item_guid(key)]

    def refs(self, key: str) -> tuple[Any, Any]:
        """What an order says of an item: itself and its menu group."""
        item = self.item(key)
        group = self._homes[item.guid]
        return config_ref(item.guid, "MenuItem", item.mlid), config_ref(group.guid, "MenuGroup", group.mlid)

    def option_refs(self, group: str, key: str) -> tuple[Any, Any]:
        """What an order says of a modifier: itself and its group."""
        item = self._location.catalog.items[self._write.item_guid(key)]
        held = self._location.catalog.modifier_groups[self._write.guid("modifier-group", group)]
        return config_ref(item.guid, "MenuItem", item.mlid), config_ref(held.guid, "MenuOptionGroup", held.mlid)

    def gone(self, kind: str, entity: str, name: str) -> Any:
        """A reference to something no menu has any more."""
        guid = self._ids.uuid(f"gone {kind}", f"{self._location.key}/{name}")
        return config_ref(guid, entity, self._ids.token(f"gone {kind}", name, "0123456789", 18))

    def local(self, moment: int) -> datetime:
        """A moment as the clock at the wall shows it."""
        return datetime.fromtimestamp(moment / 1000, UTC).astimezone(self._zone)

    def tax_guid(self, name: str) -> str:
        """The guid of a tax."""
        return self._location.names["taxRates"][name]

    def levies(self, guids: tuple[str, ...], sheet: Sheet) -> list[Levy]:
        """The taxes of an item on an order of that day and kind."""
        found = []
        for guid in guids:
            body = self._taxes[guid]
            levy = levy_of(body)
            if not body["isDefault"]:
                found.append(levy)
                continue
            levy = replace(levy, rounding=self._eras.rounding(levy.rounding))
            sheet.tell(DIFFERENCES["tax_rounding"] if levy.rounding != body["roundingType"] else None)
            away = [one["rate"] for one in body["conditionalTaxRates"]] if sheet.behavior == TAKE_OUT else []
            rate, why = self._eras.rate(levy.rate or Decimal(0), sheet.day)
            if rate is None:
                sheet.tell(why)
            elif away:
                found.append(replace(levy, rate=Decimal(str(away[0]))))
            else:
                sheet.tell(why)
                found.append(replace(levy, rate=rate))
        return found

    @property
    def eras(self) -> Eras:
        """What held when."""
        return self._eras

    def discount(self, name: str) -> dict[str, Any]:
        """A configured discount."""
        return self._discounts[name]

    def charge(self, name: str) -> dict[str, Any]:
        """A configured charge."""
        return self._charges[name]


class _Ringing:
    """One check while it is rung up."""

    def __init__(self, house: Ruled, sheet: Sheet, family: Family, kind: str, roll: bytes) -> None:
        self._house, self._sheet, self._family = house, sheet, family
        self._kind, self._roll = kind, roll
        self._parts: list[Part] = []
        self._discounts: list[AppliedDiscount] = []

    def bill(self) -> Bill:
        """The check with everything on it but payments."""
        sheet = self._sheet
        bill = Bill(
            guid=self._family.next(),
            label=sheet.label,
            guest=None,
            lines=[],
            discounts=self._discounts,
            charges=[],
            payments=[],
            amount=0,
            tax=0,
            opened=sheet.opened,
            closed=sheet.closed,
            paid=None,
            status="OPEN",
            exempt=self._kind == "exempt",
        )
        self._order()
        self._give()
        if bill.exempt:
            for part in self._parts:
                part.levies = []
        charges = self._charge(bill)
        tax_check(self._parts, charges, self._family)
        bill.lines = [part.line for part in self._parts]
        bill.charges = [charge for charge, _ in charges]
        sums(bill)
        self._coins(bill)
        return bill

    # -- what is ordered -----------------------------------------------------------------------------------------------

    def _order(self) -> None:
        roll, kind = self._roll, self._kind
        if kind == "round dollars":
            for which in range(1 + roll[5] % 2):
                self._add(ROUND[roll[6 + which] % len(ROUND)], bare=True)
            return
        if kind == "combo":
            for key in ("burger", "fries", "soda"):
                self._add(key)
            return
        if kind == "no longer sold":
            self._former()
            self._add("fries")
            return
        special = {"open price": "tray", "tax in price": "lemonade", "bottle": "root", "candy": "candy",
                   "untaxed": "bread", "lager": "lager", "happy wings": "wings", "sauces": "fries"}.get(kind)  # fmt: skip
        if special is not None:
            self._add(special)
        if kind in ("tax in price", "candy"):
            return
        for which in range(1 + roll[5] % 3):
            self._add(ANYTHING[roll[6 + which] % len(ANYTHING)])
        if kind == "two for one":
            self._add("wings")
            self._add("fries")

    def _add(self, key: str, *, bare: bool = False) -> Part:
        house, sheet, roll = self._house, self._sheet, self._roll
        at = 10 + len(self._parts) * 3
        item = house.item(key)
        listed, why = house.eras.price(key, self._listed(key, item), sheet.day)
        sheet.tell(why)
        count = 1 if bare or key in ("candy", "tray", "lemonade") else 1 + (roll[at] % 7 == 0)
        itself, group = house.refs(key)
        line = Selection(
            self._family.next(),
            item.name,
            itself,
            group,
            quantity=float(count),
            listed=listed,
            inclusion="INCLUDED" if item.tax_inclusion == "TAX_INCLUDED" else "NOT_INCLUDED",
        )
        if item.sales_category is not None:
            line.category = ref(item.sales_category[1], "SalesCategory")
        each = listed
        for option_group, option in self._picked(key, bare, roll[at + 1], roll[at + 2]):
            each += self._choose(line, option_group, option, count)
        taxes = item.taxes
        if house.eras.differs == "tax_missing" and key == "wings":
            taxes = ()
            sheet.tell(DIFFERENCES["tax_missing"])
        included = line.inclusion == "INCLUDED"
        if house.eras.differs == "tax_inclusive" and included:
            line.inclusion, included = "NOT_INCLUDED", False
            sheet.tell(DIFFERENCES["tax_inclusive"])
        part = Part(line, each * count, house.levies(taxes, sheet), included, count, key=key)
        self._parts.append(part)
        return part

    def _listed(self, key: str, item: Item) -> int:
        if key == "tray":
            return 5_000 + self._roll[28] * 25
        if key == "soda":
            return 310 if self._roll[27] % 2 else 250
        pricing = item.pricing
        if pricing.strategy == TIME:
            now = self._house.local(self._sheet.opened)
            for one in pricing.by_time:
                for schedule in one.schedule:
                    start, end = schedule.ranges[0]
                    if WEEK[now.weekday()] in schedule.days and start <= now.strftime("%H:%M") < end:
                        self._sheet.tell("happy hour price")
                        return one.cents
        return pricing.cents or 0

    def _picked(self, key: str, bare: bool, first: int, second: int) -> list[tuple[str, str]]:
        """Groups and options chosen with an item."""
        found: list[tuple[str, str]] = []
        if key in ("burger", "steak"):
            found.append(("temp", ("opt/rare", "opt/medium", "opt/well")[first % 3]))
        if key == "soda":
            found.append(("soda/sizes", f"soda/size/{'l' if self._roll[27] % 2 else 's'}"))
        if bare:
            return found
        if key in ("burger", "veggie", "salad") and second % 3:
            adds = ("opt/bacon", "opt/avocado", "opt/cheddar")
            found += [("adds", adds[place]) for place in {first // 3 % 3, second // 3 % 3}]
        if key in ("fries", "wings") and self._kind == "sauces":
            three = self._house.eras.differs == "max_selection"
            if three:
                self._sheet.tell(DIFFERENCES["max_selection"])
            sauces = ("opt/ketchup", "opt/aioli", "opt/bbq", "opt/ranch")
            found += [("sauces", sauces[(first + place) % 4]) for place in range(3 if three else 2)]
        return found

    def _choose(self, line: Selection, group: str, option: str, count: int) -> int:
        """Put a modifier on a line; answers what it adds to one."""
        house = self._house
        itself, group_ref = house.option_refs(group, option)
        size = group.endswith("/sizes")
        held = house.item(option)
        cents, why = (0, None) if size else house.eras.option_price(option, held.pricing.cents or 0, self._sheet.day)
        self._sheet.tell(why)
        self._modifier(line, held.name, itself, group_ref, cents, count)
        return cents

    def _modifier(self, line: Selection, name: str, itself: Any, group: Any, cents: int, count: int) -> None:
        made = Selection(
            self._family.next(),
            name,
            itself,
            option_group=group,
            quantity=float(count),
            listed=cents,
            pre=cents * count,
            price=cents * count,
            inclusion="INHERITED",
            mode="ADJUSTS_PRICE" if cents else "INCLUDED",
        )
        line.modifiers.append(made)

    def _former(self) -> None:
        """An item and a modifier that are on no menu any more."""
        house = self._house
        item = house.gone("item", "MenuItem", "Harvest bowl")
        line = Selection(
            self._family.next(), "Harvest bowl", item, house.gone("group", "MenuGroup", "Old"), listed=1150
        )
        group = house.gone("option group", "MenuOptionGroup", "Toppings")
        self._modifier(line, "Halloumi", house.gone("item", "MenuItem", "Halloumi"), group, 225, 1)
        levies = house.levies((house.tax_guid("Meals tax"),), self._sheet)
        self._parts.append(Part(line, 1375, levies, key="gone"))

    # -- what is taken off ---------------------------------------------------------------------------------------------

    def _give(self) -> None:
        kind, parts = self._kind, self._parts
        dearest = max(parts, key=lambda part: part.gross)
        if kind == "neighbor":
            self._neighbor()
        elif kind == "two discounts":
            self._neighbor()
            self._amount("Three off", 300)
        elif kind == "three off":
            self._amount("Three off", 300)
        elif kind == "promo code":
            self._amount("Fall five", 500).promo = "FALL5"
        elif kind == "open amount":
            self._amount("Open amount", 100 + self._roll[29])
        elif kind == "staff meal":
            self._percent(dearest, "Staff meal 25%", 25)
        elif kind == "happy wings":
            self._percent(parts[0], "Happy wings 50%", 50)
        elif kind == "open percent":
            self._percent(dearest, "Open percent", 15)
        elif kind == "dollar off":
            self._line(dearest, "Dollar off", min(100, dearest.left))
        elif kind == "comp":
            self._comp(dearest)
        elif kind == "everything comped":
            for part in parts:
                self._comp(part)
        elif kind == "two for one":
            self._line(parts[-1], "Two for one", parts[-1].left)
        elif kind == "combo":
            self._combo()

    def _neighbor(self) -> None:
        if self._house.eras.differs == "discount_scope":
            self._sheet.tell(DIFFERENCES["discount_scope"])
            self._percent(self._parts[0], "Neighbor 10%", 10)
            return
        cents = self._of(sum(part.left for part in self._parts), 10)
        self._check("Neighbor 10%", cents, 10.0)

    def _of(self, cents: int, percent: int) -> int:
        how = "HALF_EVEN"
        if self._house.eras.differs == "discount_rounding":
            self._sheet.tell(DIFFERENCES["discount_rounding"])
            how = "ALWAYS_DOWN"
        return whole(Decimal(cents * percent) / 100, how)

    def _amount(self, name: str, cents: int) -> AppliedDiscount:
        return self._check(name, min(cents, sum(part.left for part in self._parts)))

    def _check(self, name: str, cents: int, percent: float | None = None) -> AppliedDiscount:
        made = self._applied(name, cents, percent)
        self._discounts.append(made)
        off_check(self._parts, cents)
        return made

    def _percent(self, part: Part, name: str, percent: int) -> AppliedDiscount:
        return self._line(part, name, self._of(part.left, percent), float(percent))

    def _line(self, part: Part, name: str, cents: int, percent: float | None = None) -> AppliedDiscount:
        made = self._applied(name, cents, percent)
        part.line.discounts.append(made)
        part.off += cents
        return made

    def _applied(self, name: str, cents: int, percent: float | None) -> AppliedDiscount:
        body = self._house.discount(name)
        return AppliedDiscount(self._family.next(), body["guid"], name, cents, cents, body["type"], percent)

    def _comp(self, part: Part) -> None:
        made = self._percent(part, "Manager comp", 100)
        made.approver = self._house.servers[-1] if self._house.servers else None
        made.reason = {
            "name": "Guest recovery",
            "description": "Waited too long",
            "comment": "",
            "discountReason": None,
        }

    def _combo(self) -> None:
        """The first three lines cost the combo's price together, one of each; each bears its part of what that saves."""
        body = self._house.discount("Burger combo")
        one_each = [part.gross // part.units for part in self._parts[:3]]
        saved = max(0, sum(one_each) - round(body["fixedTotal"] * 100))
        left = saved
        for part, each in zip(self._parts[:3], one_each, strict=True):
            cents = left if part is self._parts[2] else saved * each // sum(one_each)
            left -= cents
            if cents:
                self._line(part, "Burger combo", cents)

    # -- what is added -------------------------------------------------------------------------------------------------

    def _charge(self, bill: Bill) -> list[tuple[AppliedCharge, list[Levy]]]:
        house, sheet = self._house, self._sheet
        gross, left = sum(part.gross for part in self._parts), sum(part.left for part in self._parts)
        found: list[tuple[AppliedCharge, list[Levy]]] = []

        def add(name: str, cents: int, levies: list[Levy], taxable: bool) -> None:
            body = house.charge(name)
            if cents:
                made = AppliedCharge(
                    self._family.next(),
                    body["guid"],
                    name,
                    cents,
                    body["amountType"],
                    body["gratuity"],
                    taxable,
                    calculation=body["serviceChargeCalculation"],
                )
                found.append((made, [] if bill.exempt else levies))

        if sheet.behavior == DINE_IN:
            if sheet.guests >= PARTY:
                add("Large party 18%", whole(Decimal(gross * 18) / 100, "HALF_UP"), [], False)
            rate = house.charge("Kitchen appreciation 3%")["percent"]
            if house.eras.differs == "charge_rate":
                rate += 0.5
                sheet.tell(DIFFERENCES["charge_rate"])
            add("Kitchen appreciation 3%", whole(left * Decimal(str(rate)) / 100, "HALF_UP"), [], False)
        elif sheet.behavior == TAKE_OUT:
            taxed = house.eras.differs != "charge_taxability"
            if not taxed:
                sheet.tell(DIFFERENCES["charge_taxability"])
            levies = house.levies((house.tax_guid("Meals tax"),), sheet) if taxed else []
            add("To-go packaging", 100, levies, taxed)
        else:
            add("Delivery fee", 250, [], False)
        return found

    def _coins(self, bill: Bill) -> None:
        """Who pays cash pays whole nickels."""
        if KINDS[self._sheet.key * 7 % 20] != "CASH":
            return
        due = bill.total + bill.gratuity
        odd = due % SMALLEST_COIN
        cents = -odd if odd * 2 < SMALLEST_COIN else SMALLEST_COIN - odd
        if odd and due:
            guid = self._house.floor.guid("serviceCharges", "Cash rounding")
            bill.charges.append(
                AppliedCharge(self._family.next(), guid, "Cash rounding", cents, category=CASH_ROUNDING)
            )
            self._sheet.tell("cash rounding")
            sums(bill)
