"""Orders of a history, drawn by number: lines, discounts, charges, taxes and payments that add up to the cent.

The number's dice decide; the same number gives the same order every time. ``kinds`` says what is peculiar about which
order, ``sums`` how amounts follow, ``tender`` how it was paid and what came back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.orders import kinds
from aura_migration.sandbox.toast.orders.adapt import Floor
from aura_migration.sandbox.toast.orders.model import RELOAD, SELL
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.pantry import Pantry, Plate, Topping
from aura_migration.sandbox.toast.orders.sheet import (
    CASH_ROUNDING,
    FUNDRAISING,
    HOUSE_BALANCE,
    SERVICE,
    SURCHARGE,
    AppliedCharge,
    AppliedDiscount,
    Bill,
    Selection,
    Sheet,
    Void,
)
from aura_migration.sandbox.toast.orders.sums import (
    Row,
    applied,
    is_same_pooled,
    percent,
    pool,
    rounded,
    settle,
    spread,
)
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.model import DELIVERY, DINE_IN, MINUTE, TAKE_OUT, Address, Guest

SOURCES = ("Online", "Kiosk", "In Store", "Branded Online Ordering", "API", "Order-and-Pay-at-Table")
AWAY = frozenset((kinds.PACKAGING, kinds.MARKETPLACE, kinds.FUTURE, kinds.LOYALTY, kinds.DELIVERED, kinds.CURBSIDE))
SEATED = frozenset((kinds.GRATUITY, kinds.TAB, kinds.CUSTOM_DINING))
TAKEN_OFF = {
    kinds.PERCENT_OFF: "Neighbor 10%",
    kinds.INCLUSIVE_OFF: "Neighbor 10%",
    kinds.AMOUNT_OFF: "Three off",
    kinds.OPEN_OFF: "Open amount",
}


@dataclass(slots=True)
class Frame:
    """What is known of an order before anything is on it."""

    number: int
    kind: str
    day: date
    opened: int
    closed: int | None
    modified: int
    next_day: date
    later: int = 0
    later_day: date | None = None
    ahead: date | None = None
    promised: int | None = None


class Draw:
    """Draws the orders of one location."""

    def __init__(self, ids: Ids, dice: Dice, floor: Floor, pantry: Pantry, servers: list[str]) -> None:
        self._dice = dice
        self.floor = floor
        self.pantry = pantry
        self.servers = servers
        guid = floor.guid
        names = ("Neighbor 10%", "Three off", "Open percent", "Open amount", "Two for one")
        self._discounts = {name: guid("discounts", name) for name in names}
        listed = ("Large party 18%", "Packaging", "Card surcharge", "Cash rounding", "Food bank", "Old fee")
        self._charges = {name: guid("serviceCharges", name) for name in listed}
        self._void_reason = guid("voidReasons", "Server error")
        self._reason = ids.uuid("discount reason", "recovery")

    def sheet(self, frame: Frame, family: Family) -> Sheet:
        """The order before anything was paid (``tender``) or taken back (``ended``)."""
        kind, number, floor = frame.kind, frame.number, self.floor
        roll = self._dice.roll("past", number)
        away = kind in AWAY or (kind not in SEATED and roll[0] % 5 < 2)
        behavior = TAKE_OUT if away else DINE_IN
        guid = family.next()
        server = (
            self.servers[roll[1] % len(self.servers)] if self.servers and roll[2] % 16 < (4 if away else 16) else None
        )
        checks = 2 if kind in (kinds.SPLIT_CHECK, kinds.VOID_CHECK, kinds.DELETED_CHECK) else 1
        made = Sheet(
            key=number,
            guid=guid,
            day=frame.day,
            opened=frame.opened,
            modified=frame.modified,
            closed=frame.closed,
            paid=None,
            behavior=behavior,
            dining=floor.dining[behavior],
            source=SOURCES[roll[3] % len(SOURCES)] if away else "In Store",
            bills=[],
            label=str(number % 900 + 1),
            server=server,
            table=None if away or not floor.tables else floor.tables[roll[4] % len(floor.tables)],
            area=None if away or not floor.areas else floor.areas[0],
            center=None if away or not floor.centers else floor.centers[0],
            service=floor.services[roll[5] % len(floor.services)] if floor.services and not away else None,
            guests=1 if away else 1 + roll[6] % 6 + (6 if kind == kinds.GRATUITY else 0),
            excess=kind == kinds.EXCESS,
            device=floor.devices[roll[7] % 5],
            promised=frame.promised,
        )
        if kind == kinds.POOLED:
            made.features = ()
        self._served(kind, number, made)
        for place in range(checks):
            made.bills.append(self._bill(frame, made, family, place))
        return made

    def _served(self, kind: str, number: int, made: Sheet) -> None:
        """Orders that are neither eaten at a table nor simply taken away."""
        floor = self.floor
        if kind == kinds.DELIVERED:
            made.behavior, made.dining = DELIVERY, floor.dining[DELIVERY]
            street = f"{100 + number % 8_900} Depot Plaza"
            town = Address(street, None, "Duluth", "MN", "55802", latitude=46.78, longitude=-92.1)
            notes = "Ring the bell" if number % 3 == 0 else None
            made.delivery = Guest("", address=town, delivery_notes=notes)
        elif kind == kinds.CURBSIDE and floor.curbside is not None:
            made.dining, made.car = floor.curbside, floor.car(number)
        elif kind == kinds.CUSTOM_DINING:
            made.dining = floor.guid("diningOptions", "Catering tent")

    # -- checks ----------------------------------------------------------------------------------------------------

    def _bill(self, frame: Frame, sheet: Sheet, family: Family, place: int) -> Bill:
        kind = frame.kind
        bill = Bill(
            guid=family.next(),
            label=str(frame.number % 900 + 1 + place),
            guest=None,
            lines=[],
            discounts=[],
            charges=[],
            payments=[],
            amount=0,
            tax=0,
            opened=sheet.opened + place * 5 * MINUTE,
            closed=sheet.closed,
            paid=None,
            status="OPEN",
            exempt=kind == kinds.EXEMPT,
            tab=f"Tab {frame.number % 97}" if kind == kinds.TAB else None,
        )
        rows = self._rows(frame, _way(sheet), family, place)
        bill.lines = [row.line for row in rows]
        self._discount(frame, bill, rows, family)
        for row in rows:
            settle(row, bill.exempt, family)
        if kind == kinds.POOLED:
            for guid in dict.fromkeys(row.rates[0].guid for row in rows if row.pooled):
                together = [row for row in rows if row.pooled and row.rates[0].guid == guid]
                if is_same_pooled(together):
                    pool(together, family)
        _net_parts(bill, rows)
        self._charge(frame, sheet, bill, family)
        if kind == kinds.VOID_LINE and place == 0:
            bill.lines[0].void = self._void(sheet.opened + 9 * MINUTE, frame.day, sheet.server)
        sums(bill)
        return bill

    def _void(self, at: int, day: date, server: str | None) -> Void:
        return Void(at, day, self._void_reason, server, self.servers[0] if self.servers else None)

    def _rows(self, frame: Frame, behavior: str, family: Family, place: int) -> list[Row]:
        kind, pantry = frame.kind, self.pantry
        roll = self._dice.roll("past-lines", frame.number * 2 + place)
        menu = pantry.menu or pantry.gone
        rows: list[Row] = []
        if kind != kinds.GIFT_ONLY:
            count = 2 + roll[0] % 5
            for which in range(count):
                at = 1 + which * 5
                plate = menu[(roll[at] << 8 | roll[at + 1]) % len(menu)]
                amount = 1 + (roll[at + 2] % 6 == 0) + (roll[at + 2] % 30 == 0)
                picked = [few[(roll[at + 4] + turn) % len(few)] for turn, few in enumerate(plate.musts)]
                if plate.toppings and roll[at + 3] % 3:
                    picked.append(plate.toppings[roll[at + 4] % len(plate.toppings)])
                rows.append(self._row(plate, behavior, family, amount, tuple(picked)))
        rows += self._special(kind, behavior, family, roll)
        if kind == kinds.MARKETPLACE:
            for row in rows:
                row.rates = (pantry.market,)
        if kind == kinds.POOLED:
            for row in rows:
                row.pooled = len(row.rates) == 1
        return rows

    def _special(self, kind: str, behavior: str, family: Family, roll: bytes) -> list[Row]:
        pantry = self.pantry
        if kind == kinds.GONE:
            return [self._row(plate, behavior, family, 1, plate.toppings[:2]) for plate in pantry.gone]
        if kind in (kinds.INCLUSIVE, kinds.INCLUSIVE_OFF):
            return [self._row(pantry.included, behavior, family, 1 + roll[30] % 3, ())]
        if kind == kinds.WEIGHED:
            return [self._row(pantry.weighed, behavior, family, 1, (), weight=25 + roll[30])]
        if kind == kinds.TWO_RATES:
            return [self._row(pantry.double, behavior, family, 2, ())]
        if kind == kinds.FIXED_TAX:
            return [self._row(pantry.bottle, behavior, family, 1 + roll[30] % 4, ())]
        if kind == kinds.NESTED:
            rice, chicken = pantry.nested.toppings
            made = self._row(pantry.nested, behavior, family, 2, (rice, chicken, chicken), deep=True)
            made.line.modifiers[1].pre_modifier = {"guid": self.floor.guid("preModifiers", "EXTRA"),
                                                   "entityType": "PreModifier", "externalId": None}  # fmt: skip
            made.line.modifiers[1].pre_modifier_plu = "X1"
            return [made]
        if kind in (kinds.GIFT_SELL, kinds.GIFT_RELOAD, kinds.GIFT_ONLY):
            return [
                self._gift(family, RELOAD if kind == kinds.GIFT_RELOAD else SELL, (2500, 5000, 10_000)[roll[31] % 3])
            ]
        if kind == kinds.HOUSE_BALANCE:
            line = Selection(family.next(), "House account payment", kind=HOUSE_BALANCE, listed=4_000 + roll[31])
            return [Row(line, line.listed)]
        if kind == kinds.REQUEST:
            note = Selection(family.next(), "No onions, allergic!", kind="SPECIAL_REQUEST")
            odd = self._row(pantry.bread, behavior, family, 1, ())
            odd.line.kind, odd.line.name = "OPEN_ITEM", "Open food"
            return [Row(note, 0), odd]
        return []

    @staticmethod
    def _gift(family: Family, kind: str, cents: int) -> Row:
        line = Selection(family.next(), "Gift Card", kind=kind, listed=cents, deferred=True)
        return Row(line, cents)

    def _row(
        self,
        plate: Plate,
        behavior: str,
        family: Family,
        count: int,
        picked: tuple[Topping, ...],
        *,
        weight: int | None = None,
        deep: bool = False,
    ) -> Row:
        """A line of a plate, ``count`` times, or so many hundredths of its unit."""
        quantity = float(count) if weight is None else weight / 100
        line = Selection(
            family.next(),
            plate.name,
            plate.item,
            plate.group,
            category=plate.category,
            quantity=quantity,
            unit=plate.unit,
            listed=plate.cents,
            plu=plate.plu,
            inclusion="INCLUDED" if plate.included else "NOT_INCLUDED",
        )
        each = plate.cents
        for topping in picked:
            below = topping.under if deep else ()
            made = self._topping(topping, family, count)
            made.modifiers = [self._topping(one, family, count) for one in below]
            extra = topping.cents + sum(one.cents for one in below)
            made.pre = made.price = extra * count
            each += extra
            line.modifiers.append(made)
        gross = each * count if weight is None else rounded(each * weight, 100, "HALF_UP")
        return Row(line, gross, plate.rates[behavior], plate.included, units=count)

    @staticmethod
    def _topping(topping: Topping, family: Family, count: int) -> Selection:
        amount = topping.cents * count
        return Selection(
            family.next(),
            topping.name,
            topping.item,
            option_group=topping.group,
            quantity=float(count),
            listed=topping.cents,
            pre=amount,
            price=amount,
            inclusion="INHERITED",
            mode="ADJUSTS_PRICE" if topping.cents else "INCLUDED",
        )

    # -- discounts and charges -------------------------------------------------------------------------------------

    def _discount(self, frame: Frame, bill: Bill, rows: list[Row], family: Family) -> None:
        kind = frame.kind
        food = [row for row in rows if row.gross and not row.line.deferred and row.line.kind != HOUSE_BALANCE]
        if not food:
            return
        base = sum(row.gross for row in food)
        if kind in (kinds.EXCESS, kinds.COMP_ALL):
            self._off_lines(kind, food, family)
        elif kind in (kinds.COMP, kinds.LINE_OFF, kinds.LINE_AMOUNT, kinds.BOGO):
            self._off_lines(kind, food[-1:], family)
        elif kind in (kinds.PERCENT_OFF, kinds.INCLUSIVE_OFF):
            self._off_check(bill, food, family, "Neighbor 10%", percent(base, 1_000), "PERCENT", 10.0)
        elif kind == kinds.AMOUNT_OFF:
            self._off_check(bill, food, family, "Three off", min(300, base), "FIXED")
        elif kind == kinds.OPEN_OFF:
            self._off_check(bill, food, family, "Open amount", min(100 + frame.number % 250, base), "OPEN_FIXED")
        elif kind == kinds.PROMO:
            made = self._off_check(bill, food, family, "Three off", min(300, base), "FIXED")
            made.promo = "LARK3"
        elif kind == kinds.LOYALTY:
            made = self._off_check(bill, food, family, "$5 reward", min(500, base), "FIXED")
            made.vendor, made.state, made.config, made.net = "TOAST", "APPLIED", None, None
        elif kind == kinds.TWO_OFF:
            first = percent(base, 1_000)
            self._off_check(bill, food, family, "Neighbor 10%", first, "PERCENT", 10.0)
            self._off_check(bill, food, family, "Three off", min(300, base - first), "FIXED")

    def _off_check(
        self, bill: Bill, food: list[Row], family: Family, name: str, cents: int, kind: str, rate: float | None = None
    ) -> AppliedDiscount:
        config = self._discounts.get(name)
        made = AppliedDiscount(family.next(), config, name, cents, cents, kind, rate)
        bill.discounts.append(made)
        spread(food, cents)
        return made

    def _off_lines(self, kind: str, rows: list[Row], family: Family) -> None:
        boss = self.servers[-1] if self.servers else None
        for row in rows:
            whole = row.gross
            if kind == kinds.LINE_OFF:
                cents, name, typed, rate = percent(whole, 2_500), "Open percent", "OPEN_PERCENT", 25.0
            elif kind == kinds.LINE_AMOUNT:
                cents, name, typed, rate = min(150, whole), "Open amount", "OPEN_FIXED", None
            elif kind == kinds.BOGO:
                cents, name, typed, rate = whole, "Two for one", "BOGO", None
            else:
                cents, name, typed, rate = whole, "Open percent", "OPEN_PERCENT", 100.0
            shown = {kinds.EXCESS: "Waste", kinds.COMP: "Comp", kinds.COMP_ALL: "Comp"}.get(kind, name)
            made = AppliedDiscount(family.next(), self._discounts[name], shown, cents, cents, typed, rate)
            if shown == "Comp":
                made.approver = boss
                made.reason = {
                    "name": "Guest recovery",
                    "description": "Kitchen took too long",
                    "comment": "",
                    "discountReason": {"guid": self._reason, "entityType": "DiscountReason"},
                }
            if kind == kinds.BOGO:
                made.triggers = [
                    {"selection": {"guid": row.line.guid, "entityType": "MenuItemSelection"}, "quantity": 1.0}
                ]
            row.off += cents
            row.line.discounts.append(made)

    def _charge(self, frame: Frame, sheet: Sheet, bill: Bill, family: Family) -> None:
        kind = frame.kind
        food = [line for line in bill.lines if line.counts]
        before, after = sum(line.pre for line in food), sum(line.price for line in food)

        def add(name: str, cents: int, **fields: Any) -> AppliedCharge:
            made = AppliedCharge(family.next(), self._charges[name], name, cents, **fields)
            bill.charges.append(made)
            return made

        if kind == kinds.GRATUITY:
            add("Large party 18%", percent(before, 1_800), kind="PERCENT", gratuity=True, calculation="PRE_DISCOUNT")
        elif kind == kinds.PACKAGING:
            self._packed(add("Packaging", 100, taxable=True, calculation="POST_DISCOUNT"), sheet, family)
        elif kind == kinds.SURCHARGE:
            add("Card surcharge", percent(after, 300), kind="PERCENT", category=SURCHARGE)
        elif kind == kinds.FUNDRAISING:
            add("Food bank", 100, category=FUNDRAISING)
        elif kind == kinds.OLD_CHARGE:
            add("Old fee", 75, kind="OPEN", category=None)
        elif kind == kinds.ROUNDING:
            total = sum(line.price + int(line.tax) for line in bill.lines)
            odd = total % 5
            cents = -odd if odd <= 2 else 5 - odd
            if cents:
                add("Cash rounding", cents, category=CASH_ROUNDING)
        if kind == kinds.GRATUITY and frame.number % 2:
            self._packed(add("Packaging", 100, taxable=True, category=SERVICE), sheet, family)

    def _packed(self, charge: AppliedCharge, sheet: Sheet, family: Family) -> None:
        for rate in self.pantry.packed[_way(sheet)]:
            charge.taxes.append(applied(rate, rounded(100 * rate.millionths, 1_000_000, rate.rounding), family))

    def ended(self, frame: Frame, sheet: Sheet) -> None:
        """Voids and deletions of whole checks and orders."""
        kind, last = frame.kind, sheet.bills[-1]
        if kind == kinds.VOID_CHECK:
            void_bill(last, self._void(sheet.opened + 20 * MINUTE, frame.day, sheet.server))
        elif kind == kinds.DELETED_CHECK:
            last.deleted = sheet.opened + 20 * MINUTE
        elif kind == kinds.DELETED:
            sheet.deleted = sheet.opened + 25 * MINUTE
            for bill in sheet.bills:
                bill.deleted = sheet.deleted
        elif kind == kinds.VOID_ORDER:
            void_order(sheet, self._void(sheet.opened + 30 * MINUTE, frame.day, sheet.server))
        elif kind == kinds.VOID_NEXT_DAY:
            void_order(sheet, self._void(frame.modified, frame.later_day or frame.next_day, sheet.server))


def _way(sheet: Sheet) -> str:
    """By which rates an order is taxed: what is picked up at the curb is not taken out."""
    return TAKE_OUT if sheet.behavior == TAKE_OUT and sheet.car is None else DINE_IN


def _net_parts(bill: Bill, rows: list[Row]) -> None:
    """The parts of percent discounts on prices with tax that are no tax."""
    if not any(row.included for row in rows):
        return
    lost = 0
    for row in rows:
        own = row.line.pre - row.net(row.gross - row.off)
        if row.line.discounts:
            row.line.discounts[0].net = own
        lost += row.line.pre - own - row.line.price
    if bill.discounts:
        bill.discounts[0].net = lost


def sums(bill: Bill) -> None:
    """A check's amount and tax from its lines and charges; gratuity is not part of it, nor what is voided."""
    if bill.void is not None:
        bill.amount = bill.tax = 0
        return
    live = [line for line in bill.lines if line.void is None]
    charges = [one for one in bill.charges if not one.gratuity]
    bill.amount = sum(line.price for line in live) + sum(one.cents for one in charges)
    taxes = sum(line.tax for line in live) + sum(tax.cents for one in bill.charges for tax in one.taxes)
    bill.tax = int(taxes)


def void_bill(bill: Bill, void: Void) -> None:
    """The check and everything on it is voided; its payments too."""
    bill.void = void
    for line in bill.lines:
        line.void = line.void or void
    for one in bill.payments:
        one.status, one.void = "VOIDED", void
    sums(bill)


def void_order(sheet: Sheet, void: Void) -> None:
    """The order and everything on it is voided."""
    sheet.void = void
    for bill in sheet.bills:
        void_bill(bill, void)
