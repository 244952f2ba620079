"""The orders that guests are known by (``compose``) as sheets, and what a location's floor looks like to all orders."""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.orders.model import (
    GIFTCARD,
    HOUSE,
    OTHER,
    Check,
    Choice,
    Discount,
    Line,
    Order,
    Payment,
)
from aura_migration.sandbox.toast.orders.sheet import AppliedDiscount, AppliedTax, Bill, Paid, Selection, Sheet, Void
from aura_migration.sandbox.toast.orders.wire import config_ref, ref
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.model import DELIVERY, DINE_IN, TAKE_OUT

DINING = {DINE_IN: "Dine In", TAKE_OUT: "Take Out", DELIVERY: "Delivery"}
CARS = (("blue", "small hatchback"), ("silver", "van with a dent"), ("red", "pick-up"))


class Floor:
    """What of a location's configuration orders refer to. What it does not have is an archived thing of its own."""

    def __init__(self, ids: Ids, location: Location, dice: Dice) -> None:
        self._ids = ids
        self._location = location
        self._dice = dice
        names = self._names = location.names
        self.dining = {behavior: names["diningOptions"].get(name) for behavior, name in DINING.items()}
        self.curbside = names["diningOptions"].get("Curbside")
        self.other = names["alternatePaymentTypes"].get("House tab")
        self.drawer = next(iter(names.get("cashDrawers", {}).values()), None)
        self.tables = list(names.get("tables", {}).values())
        self.areas = list(names.get("serviceAreas", {}).values())
        self.centers = list(names.get("revenueCenters", {}).values())
        self.services = list(names.get("restaurantServices", {}).values())
        self.devices = [dice.roll("device", number)[:6].hex() for number in range(5)]
        self.houses = [dice.guid("house-account", number) for number in range(6)]

    def car(self, number: int) -> dict[str, Any]:
        """The car somebody waits in for an order."""
        color, description = CARS[number % len(CARS)]
        return {
            "guid": self._dice.guid("curbside", number),
            "entityType": "CurbsidePickup",
            "transportColor": color,
            "transportDescription": description,
            "notes": "",
        }

    def guid(self, listing: str, name: str) -> str:
        """The guid of a configured thing; of an archived one that no list tells of where there is none."""
        held = self._names.get(listing, {}).get(name)
        return held or self._ids.uuid(f"archived {listing}", f"{self._location.key}/{name}")


class Adapter:
    """Makes sheets of the orders of ``compose``."""

    def __init__(self, floor: Floor, dice: Dice) -> None:
        self._floor = floor
        self._dice = dice

    def sheet(self, made: Order) -> Sheet:
        """The sheet of an order."""
        plan, floor = made.plan, self._floor
        ended = plan.closed if plan.closed is not None else plan.modified
        dining = floor.curbside if plan.curbside and floor.curbside else floor.dining[plan.behavior]
        at_table = plan.behavior == DINE_IN
        void = Void(ended, plan.day) if plan.voided else None
        return Sheet(
            key=plan.number,
            guid=plan.guid,
            day=plan.day,
            opened=plan.opened,
            modified=plan.modified,
            closed=plan.closed,
            paid=made.paid,
            behavior=plan.behavior,
            dining=dining,
            source=plan.source,
            bills=[self._bill(made, check, void) for check in made.checks],
            label=made.checks[0].label,
            server=made.server,
            table=floor.tables[plan.number % len(floor.tables)] if at_table and floor.tables else None,
            promised=plan.promised,
            guests=1 + plan.number % 4 if at_table else 1,
            approval="FUTURE" if plan.promised is not None and plan.closed is None else "APPROVED",
            excess=plan.excess,
            delivery=plan.customers[0] if plan.behavior == DELIVERY else None,
            car=floor.car(plan.number) if plan.curbside else None,
            device=floor.devices[plan.number % 5],
            deleted=ended if plan.deleted else None,
            void=void,
        )

    def _bill(self, made: Order, check: Check, void: Void | None) -> Bill:
        plan = made.plan
        paid = bool(check.payments)
        ended = plan.closed if plan.closed is not None else plan.modified
        return Bill(
            guid=check.guid,
            label=check.label,
            guest=check.guest,
            lines=[self._line(plan.behavior, line, void) for line in check.lines],
            discounts=[self._discount(one) for one in check.discounts],
            charges=[],
            payments=[self._payment(made, one) for one in check.payments],
            amount=check.amount,
            tax=check.tax,
            opened=plan.opened,
            closed=plan.closed,
            paid=made.paid if paid else None,
            status="CLOSED" if plan.closed is not None else "PAID" if paid else "OPEN",
            loyalty=None if check.points is None else self._loyalty(made, check),
            deleted=ended if plan.deleted else None,
            void=void,
        )

    def _loyalty(self, made: Order, check: Check) -> dict[str, Any]:
        guest = check.guest
        identifier = (guest.e164 or guest.email or "") if guest is not None else ""
        identifier = identifier or self._dice.guid("loyalty", made.plan.number)
        return {
            "guid": self._dice.guid("applied-loyalty", made.plan.number),
            "loyaltyIdentifier": identifier,
            "maskedLoyaltyIdentifier": "x" * max(0, len(identifier) - 4) + identifier[-4:],
            "vendor": made.plan.loyalty,
            "accrualFamilyGuid": self._dice.guid("accrual-family", 0),
            "accrualText": f"You earned {check.points} points.",
        }

    @staticmethod
    def _discount(one: Discount) -> AppliedDiscount:
        kind = "FIXED" if one.percent is None else "PERCENT"
        state = None if one.vendor is None else "APPLIED"
        return AppliedDiscount(
            one.guid, one.config, one.name, one.cents, one.cents, kind, one.percent, one.vendor, state=state
        )

    def _line(self, behavior: str, line: Line, void: Void | None) -> Selection:
        dish = line.dish
        made = Selection(
            line.guid,
            "Gift Card" if dish is None else dish.name,
            quantity=float(line.quantity),
            kind=line.kind,
            listed=line.unit,
            pre=line.pre,
            price=line.price,
            deferred=dish is None,
            void=void,
            taxes=[
                AppliedTax(self._tax_guid(f"{line.guid}{place}"), tax.guid, tax.name, float(rate), cents)
                for place, (tax, rate, cents) in enumerate(line.taxes)
            ],
            modifiers=[self._modifier(line, choice, place) for place, choice in enumerate(line.choices)],
        )
        if dish is not None:
            made.item = config_ref(dish.guid, "MenuItem", dish.mlid)
            made.group = config_ref(dish.group, "MenuGroup", dish.group_mlid)
            made.category = ref(dish.category, "SalesCategory")
            made.plu = dish.plu or None
        return made

    def _tax_guid(self, key: str) -> str:
        return self._dice.guid("applied-tax", int(key.replace("-", "")[-12:], 16))

    def _modifier(self, line: Line, choice: Choice, place: int) -> Selection:
        key = int(line.guid.replace("-", "")[:12], 16)
        amount = choice.cents * line.quantity
        return Selection(
            self._dice.guid(f"modifier{place}", key),
            choice.name,
            item=config_ref(choice.guid, "MenuItem", choice.mlid),
            option_group=config_ref(choice.group, "MenuOptionGroup", choice.group_mlid),
            quantity=float(line.quantity),
            mode="ADJUSTS_PRICE" if choice.cents else "INCLUDED",
            listed=choice.cents,
            pre=amount,
            price=amount,
            inclusion="INHERITED",
        )

    def _payment(self, made: Order, payment: Payment) -> Paid:
        plan, card, floor = made.plan, payment.card, self._floor
        captured = plan.closed is not None and not payment.voided
        status: str | None = "VOIDED" if payment.voided else "CAPTURED" if captured else "AUTHORIZED"
        if card is None and not payment.voided and payment.kind != GIFTCARD:
            status = None
        ended = plan.closed if plan.closed is not None else plan.modified
        return Paid(
            guid=payment.guid,
            kind=payment.kind,
            cents=payment.amount,
            tip=payment.tip,
            at=made.paid,
            day=plan.day,
            status=status,
            tender=payment.tender_guid,
            tendered=payment.tendered,
            card=card,
            void=Void(ended, plan.day, user=made.server) if payment.voided else None,
            other=floor.other if payment.kind == OTHER else None,
            house=floor.houses[plan.number % 6] if payment.kind == HOUSE else None,
            drawer=floor.drawer if payment.tendered is not None else None,
            server=made.server,
        )
