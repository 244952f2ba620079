"""From a plan to a whole order: lines, modifiers, discounts, taxes and payments that add up to the cent.

The dice of the order's number decide; the same plan gives the same order every time.

- A line's price contains its modifiers; a check discount is spread over the lines by their share, odd cents to the
  largest fractions.
- Tax is rounded per line and rate, the check sums its lines; a gift card is deferred and untaxed.
- A check's amount is the sum of its lines' prices; payments without tips are its total, or nothing while it is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from aura_migration.sandbox.toast.orders.model import (
    CASH,
    CREDIT,
    GIFTCARD,
    Card,
    Check,
    Discount,
    Dish,
    Line,
    Order,
    Payment,
    Plan,
)
from aura_migration.sandbox.toast.orders.ruled_sums import shared
from aura_migration.sandbox.toast.orders.sums import percent
from aura_migration.sandbox.toast.people.dice import Dice
from aura_migration.sandbox.toast.people.model import DINE_IN, MINUTE

ROUNDING = {
    "HALF_UP": ROUND_HALF_UP,
    "HALF_EVEN": ROUND_HALF_EVEN,
    "ALWAYS_UP": ROUND_CEILING,
    "ALWAYS_DOWN": ROUND_FLOOR,
}
BRANDS = ("VISA", "MASTERCARD", "AMEX", "DISCOVER")
FIRST_DIGIT = {"VISA": "4", "MASTERCARD": "5", "AMEX": "3", "DISCOVER": "6"}
ENTRIES = ("EMV_CHIP_SIGN", "CONTACTLESS", "SWIPED", "KEYED")
ONLINE_ENTRIES = ("ONLINE", "SAVED_CARD", "APPLE_PAY_CNP")
GIFT_CARD_PART = 1_000  # what a gift-card payment covers at most; cash pays the rest
MOST_CHECKS, MOST_LINES = 8, 8
EXCESS_NAME = "Waste"


class Composer:
    """Makes the orders of one location. ``discount`` is the guid of its ten-percent discount."""

    def __init__(self, dice: Dice, dishes: list[Dish], servers: list[str], discount: str) -> None:
        self._dice = dice
        self._dishes = dishes
        self._servers = servers
        self._discount = discount

    def order(self, plan: Plan) -> Order:
        """The order of a plan."""
        checks = [self._check(plan, place) for place in range(len(plan.customers))]
        in_store = plan.behavior == DINE_IN or plan.source == "In Store"
        server = self._servers[plan.number % len(self._servers)] if in_store and self._servers else None
        paid = plan.opened + 38 * MINUTE if any(check.payments for check in checks) else None
        if paid is not None and plan.closed is not None:
            paid = min(paid, plan.closed)
        return Order(plan, checks, server, paid)

    def card_of(self, plan: Plan, place: int = 0, total: int = 0) -> Card:
        """The card a plan's check was paid with."""
        roll = self._dice.roll("card", plan.number * MOST_CHECKS + place)
        brand = BRANDS[roll[0] % len(BRANDS)]
        modes = ENTRIES if plan.source == "In Store" else ONLINE_ENTRIES
        digits = f"{int.from_bytes(roll[1:5], 'big'):010d}"
        return Card(
            brand=brand,
            first6=FIRST_DIGIT[brand] + digits[:5],
            last4=digits[5:9],
            entry=modes[roll[5] % len(modes)],
            payment_id="cp_" + roll[6:22].hex(),
            network_id=f"{int.from_bytes(roll[22:30], 'big'):020d}"[-15:],
            fee=(total * 249 + 5_000) // 10_000 + 15,
        )

    def cards(self, plan: Plan) -> Iterator[tuple[str, Card]]:
        """The guid of each card payment of an order with its card (whose fee is not worked out)."""
        if plan.paid_with != CREDIT or plan.excess or _unpaid(plan):
            return
        if plan.reward:  # it may pay for everything
            for check in self.order(plan).checks:
                yield from ((one.guid, one.card) for one in check.payments if one.card is not None)
            return
        for place in range(len(plan.customers)):
            yield self._guid("payment", plan, place), self.card_of(plan, place)

    # -- one check -------------------------------------------------------------------------------------------------

    def _guid(self, kind: str, plan: Plan, place: int, line: int = 0) -> str:
        return self._dice.guid(kind, (plan.number * MOST_CHECKS + place) * MOST_LINES + line)

    def _check(self, plan: Plan, place: int) -> Check:
        lines = self._lines(plan, place)
        discounts = self._discounts(plan, place, lines)
        _spread(lines, sum(one.cents for one in discounts))
        for line in lines:
            _tax(line, "" if plan.curbside else plan.behavior)  # the rate of what is taken out is not for the curb
        if plan.voided:
            amount = tax = 0
        else:
            amount, tax = sum(line.price for line in lines), sum(line.tax for line in lines)
        points = None
        if plan.loyalty is not None and place == 0:
            points = 0 if plan.voided else amount // 100
        payments = self._payments(plan, place, sum(line.price + line.tax for line in lines))
        label = str(plan.number % 900 + 1 + place)
        return Check(
            self._guid("check", plan, place),
            label,
            plan.customers[place],
            lines,
            discounts,
            payments,
            amount,
            tax,
            points,
        )

    def _lines(self, plan: Plan, place: int) -> list[Line]:
        roll = self._dice.roll("lines", plan.number * MOST_CHECKS + place)
        lines: list[Line] = []
        for which in range(1 + roll[0] % 3):
            if not self._dishes:
                break
            first = 1 + which * 6
            dish = self._dishes[int.from_bytes(roll[first : first + 2], "big") % len(self._dishes)]
            quantity = 1 + (roll[first + 2] % 5 == 0) + (roll[first + 2] % 25 == 0)
            picked = [few[(roll[first + 5] + place) % len(few)] for place, few in enumerate(dish.musts)]
            if dish.choices and roll[first + 4] % 3:
                picked.append(dish.choices[roll[first + 3] % len(dish.choices)])
            pre = quantity * (dish.cents + sum(choice.cents for choice in picked))
            guid = self._guid("selection", plan, place, which)
            lines.append(Line(guid, dish, "NONE", quantity, dish.cents, tuple(picked), pre, pre))
        if plan.gift is not None and place == 0:
            kind, cents = plan.gift
            lines.append(Line(self._guid("selection", plan, place, 5), None, kind, 1, cents, (), cents, cents))
        return lines

    def _discounts(self, plan: Plan, place: int, lines: list[Line]) -> list[Discount]:
        base = sum(line.pre for line in lines if line.dish is not None)
        made: list[Discount] = []
        if plan.excess:
            guid = self._guid("discount", plan, place, 2)
            return [Discount(guid, self._discount, EXCESS_NAME, base, 100)] if base else []
        if plan.discounted and place == 0:
            cents = percent(base, 1_000)
            guid = self._guid("discount", plan, place, 0)
            made.append(Discount(guid, self._discount, "Neighbor 10%", cents, 10))
        if plan.reward and plan.loyalty and place == 0:
            left = base - sum(one.cents for one in made)
            guid = self._guid("discount", plan, place, 1)
            cents = min(plan.reward, left)
            made.append(Discount(guid, self._discount, f"${plan.reward // 100} reward", cents, None, plan.loyalty))
        return [one for one in made if one.cents > 0]

    def _payments(self, plan: Plan, place: int, total: int) -> list[Payment]:
        if _unpaid(plan) or plan.excess or total <= 0:
            return []
        parts = [(plan.paid_with, total)]
        if plan.paid_with == GIFTCARD and total > GIFT_CARD_PART:
            parts = [(GIFTCARD, GIFT_CARD_PART), (CASH, total - GIFT_CARD_PART)]
        made = []
        for number, (kind, amount) in enumerate(parts):
            card = self.card_of(plan, place, amount) if kind == CREDIT else None
            tip = (amount * (15 + plan.number % 6) + 50) // 100 if kind == CREDIT and plan.number % 4 else 0
            tendered = -(-amount // 500) * 500 if kind == CASH else None
            tender = self._guid("tender", plan, place, number)
            guid = self._guid("payment", plan, place, number)
            made.append(Payment(guid, kind, amount, tip, tendered, card, tender, plan.voided))
        return made


def _unpaid(plan: Plan) -> bool:
    """Still open, and not prepaid for later."""
    return plan.closed is None and plan.promised is None


def _spread(lines: list[Line], cents: int) -> None:
    """Take a check's discount off its lines by their share."""
    dishes = [line for line in lines if line.dish is not None]
    for line, share in zip(dishes, shared(cents, [line.pre for line in dishes]), strict=True):
        line.price = line.pre - share


def _tax(line: Line, behavior: str) -> None:
    if line.dish is None:
        return
    for tax in line.dish.taxes:
        rate = tax.rate_for(behavior)
        exact = Decimal(line.price) * rate
        line.taxes.append((tax, rate, int(exact.quantize(Decimal(1), rounding=ROUNDING[tax.rounding]))))
