"""The ordinary orders of a merchant, each made from its number when it is needed and never held.

An order follows from scenario, seed, merchant and number; its number can be read back from its id, and so can that of
everything in it. Numbers grow with time, so the orders of a span of time are a span of numbers. What is decided about
an order before its lines are known (`Draft`) is cheap, which is what lists by time live on.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate, product
from zoneinfo import ZoneInfo

from aura_migration.sandbox.clover.orders.arithmetic import FULL_SHARE, Sum, half_up, totals
from aura_migration.sandbox.clover.orders.model import (
    AUTO_GRATUITY,
    Card,
    Credit,
    Disc,
    Line,
    Mod,
    Order,
    Payment,
    Refund,
    VoidedLine,
)
from aura_migration.sandbox.clover.orders.settle import alone, apportion, refund_amount, refund_lines
from aura_migration.sandbox.clover.orders.shop import Dish, Shop
from aura_migration.sandbox.clover.people.pen import LATEST
from aura_migration.sandbox.core.ids import CROCKFORD, Ids

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
OPENS, OPEN_FOR = 9 * HOUR, 16 * HOUR  # the last guests order at one in the morning
LONGEST_LAG = 45 * DAY  # nothing happens to an ordinary order later than this
CLOSED = ((11, 27), (12, 25), (1, 1))
MOST = 1_000_000
ROW_BITS, ID_BITS = 8, 65
MULTIPLIER = 0x1_9E37_79B9_7F4A_7C15
MASK = (1 << ID_BITS) - 1
THREE = ["".join(letters) for letters in product(CROCKFORD, repeat=3)]
VALUE = {letter: value for value, letter in enumerate(CROCKFORD)}
FIRST_PAYMENT, FIRST_REFUND, FIRST_CREDIT, FIRST_OTHER = 1, 6, 11, 16
LINES = (1, 2, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 7, 8)
KINDS = (
    ("deleted", 150),
    ("draft", 200),
    ("test", 60),
    ("open", 80),
    ("partly_paid", 80),
    ("manual", 120),
    ("credit", 160),
    ("void_payment", 400),
    ("declined_first", 500),
    ("split", 4000),
    ("refund_all", 700),
    ("refund_lines", 900),
    ("refund_amount", 400),
    ("exchange", 200),
    ("zero", 300),
)
EDGES = list(accumulate(weight for _, weight in KINDS))
NAMES = [name for name, _ in KINDS]
BRANDS = ("VISA", "VISA", "VISA", "MC", "MC", "AMEX", "DISCOVER", "VISA")
ENTRIES = (
    "EMV_CONTACT",
    "EMV_CONTACTLESS",
    "EMV_CONTACTLESS",
    "SWIPED",
    "KEYED",
    "EMV_CONTACT",
    "EMV_CONTACTLESS",
    "MSD_CONTACTLESS",
)
REASONS = ("Customer request", "Wrong item", "Entered twice", "Kitchen error")


@dataclass(frozen=True, slots=True)
class Season:
    """How many ordinary orders a merchant has, and on which days (the last one included)."""

    count: int
    days: int
    last: date = date(2026, 9, 29)


class Draft:
    """What is decided about an order before its lines: when, of which kind, when it was paid and given back."""

    __slots__ = ("created", "dice", "kind", "late", "modified", "number", "paid", "refunded")

    def __init__(self, number: int, created: int, dice: bytes) -> None:
        self.number = number
        self.created = created
        self.dice = dice
        place = bisect_right(EDGES, dice[0] | dice[1] << 8)
        kind = NAMES[place] if place < len(NAMES) else "plain"
        paid: tuple[int, ...] = ()
        refunded = 0
        when = created + (dice[2] % 80 + 1) * MINUTE + dice[3] * 200
        if when > LATEST and kind not in ("deleted", "draft"):
            kind = "open"
        if kind not in ("deleted", "draft", "open", "credit"):
            paid = (when,)
            if kind == "split":
                paid = (when, when + 40_000) if dice[4] % 4 else (when, when + 40_000, when + 95_000)
            elif kind in ("void_payment", "declined_first"):
                paid = (when, when + 3 * MINUTE)
            elif kind in ("refund_all", "refund_lines", "refund_amount"):
                later = (dice[5] % 12 + 1) * DAY + dice[6] * MINUTE if dice[5] % 3 else 30 * MINUTE + dice[6] * 1000
                refunded = paid[0] + later
                if refunded > LATEST:
                    kind, refunded = "plain", 0
        last = refunded or (paid[-1] if paid else created + dice[2] * 1000)
        self.late = ""
        if paid and kind == "plain":
            if dice[7] < 40:
                self.late, last = "tip", paid[-1] + 2 * HOUR + dice[8] * MINUTE
            elif number % 29 == 7:
                self.late, last = "note", paid[-1] + (1 + dice[8] % 20) * DAY
            if last > LATEST:
                self.late, last = "", paid[-1]
        self.kind = kind
        self.paid = paid
        self.refunded = refunded
        self.modified = last


class Ordinary:
    """Makes the ordinary orders of one shop."""

    def __init__(self, ids: Ids, shop: Shop, season: Season) -> None:
        if not 0 <= season.count <= MOST:
            raise ValueError(f"clover sandbox: a merchant has between 0 and {MOST:,} orders, not {season.count:,}")
        self.count = season.count if shop.dishes else 0
        self.shop = shop
        rng = ids.rng(f"orders:{shop.merchant.number}")
        key = rng.randbytes(32)
        self._plan = hashlib.blake2b(key=key, person=b"plan", digest_size=32)
        self._food = hashlib.blake2b(key=key, person=b"food", digest_size=64)
        self._offset = rng.getrandbits(ID_BITS)
        self._back = pow(MULTIPLIER, -1, 1 << ID_BITS)
        zone = ZoneInfo(shop.merchant.timezone)
        days = [season.last - timedelta(days=back) for back in range(season.days - 1, -1, -1)]
        self.midnights = [
            int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000
            for day in days
            if (day.month, day.day) not in CLOSED
        ]
        self._plain_discount = Disc("", "Manager 10%", percent=10)

    # -- ids -------------------------------------------------------------------------------------------------------

    def _id(self, number: int, row: int) -> str:
        y = ((number << ROW_BITS | row) * MULTIPLIER + self._offset) & MASK
        y ^= y >> 32
        return (
            CROCKFORD[y >> 60]
            + THREE[y >> 45 & 32767]
            + THREE[y >> 30 & 32767]
            + THREE[y >> 15 & 32767]
            + THREE[y & 32767]
        )

    def place_of(self, row_id: str) -> tuple[int, int] | None:
        """The number of the order that something belongs to, and its row there; None when it is none of ours."""
        if len(row_id) != 13 or any(letter not in VALUE for letter in row_id):
            return None
        y = 0
        for letter in row_id:
            y = y << 5 | VALUE[letter]
        y ^= y >> 32 ^ y >> 64
        number, row = divmod((y - self._offset) * self._back & MASK, 1 << ROW_BITS)
        return (number, row) if number < self.count else None

    def number_of(self, order_id: str) -> int | None:
        """The number of the order with this id; None when there is none."""
        place = self.place_of(order_id)
        return place[0] if place is not None and place[1] == 0 else None

    # -- time ------------------------------------------------------------------------------------------------------

    def created(self, number: int) -> int:
        """When an order was opened; grows with its number."""
        index, rest = divmod(number * len(self.midnights), self.count)
        found = self.midnights[index] + OPENS + rest * OPEN_FOR // self.count
        return min(found if number % 3 == 0 else found // 1000 * 1000, LATEST - 5 * MINUTE)

    def first_since(self, moment: int) -> int:
        """The number of the first order opened at that moment or later."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self.created(middle) < moment:
                low = middle + 1
            else:
                high = middle
        return low

    def draft(self, number: int) -> Draft:
        """What is decided about an order before its lines."""
        dice = self._plan.copy()
        dice.update(number.to_bytes(8, "big"))
        return Draft(number, self.created(number), dice.digest())

    def customer_of(self, draft: Draft) -> str | None:
        """The customer of an order; three of four have none."""
        guests = self.shop.customers
        if draft.dice[9] >= 64 or not guests:
            return None
        return guests[(draft.dice[10] << 8 | draft.dice[11]) % len(guests)]

    # -- the order -------------------------------------------------------------------------------------------------

    def make(self, number: int) -> Order:
        """The order of a number."""
        draft = self.draft(number)
        dice, kind, shop = draft.dice, draft.kind, self.shop
        kinds = [kind] if kind != "plain" else []
        employees = shop.staff
        kind_of_order = (
            shop.order_types[dice[12] % len(shop.order_types)] if shop.order_types and dice[12] < 230 else None
        )
        order = Order(
            self._id(number, 0),
            draft.created,
            draft.modified,
            draft.created - (dice[13] % 5) * 700,
            employees[dice[14] % len(employees)] if employees else None,
            shop.devices[dice[15] % len(shop.devices)] if shop.devices else None,
            kind_of_order["id"] if kind_of_order else None,
        )
        order.title = str(number % 999 + 1)
        order.vat = shop.vat
        order.untaxed = kind_of_order is not None and not kind_of_order["taxable"]
        customer = self.customer_of(draft)
        if customer is not None:
            order.customers = [customer]
        if kind == "credit":
            return self._credit(order, draft)
        if kind == "manual":
            order.manual, order.manual_total = True, 500 + dice[20] * 10
            self._pay(order, draft, Sum(total=order.manual_total), kinds)
            order.kinds = tuple(kinds)
            return order
        row = self._lines(order, draft, kinds)
        row = self._reductions(order, draft, kinds, row)
        if order.untaxed:
            kinds.append("order_type_untaxed")
        elif dice[16] < 4:
            order.tax_removed = True
            kinds.append("tax_removed")
        whole = totals(order, after_refunds=False)
        if draft.kind == "split":
            order.pay_type = "SPLIT_GUEST" if dice[17] & 1 else "SPLIT_CUSTOM"
        elif draft.paid:
            order.pay_type = "FULL"
        if kind == "draft":
            order.state = None
        elif not draft.paid:
            order.state = "open" if dice[17] & 1 else "OPEN"
        if kind == "deleted":
            order.deleted_time = draft.modified
        order.test = kind == "test"
        if dice[18] < 6:
            order.external = f"WEB-{number:08d}"
        if draft.paid:
            self._pay(order, draft, whole, kinds)
            self._given_back(order, draft, row, kinds)
        if draft.late == "note":
            order.note = "Corrected after the day was closed"
            kinds.append("late_change")
        order.kinds = tuple(kinds)
        return order

    def _credit(self, order: Order, draft: Draft) -> Order:
        """Money back for something nobody can find any more."""
        dice, shop = draft.dice, self.shop
        order.manual = True
        order.modified = draft.created + 20_000
        tender = shop.tenders["cash" if dice[20] & 1 else "credit_card"]
        order.credits = [
            Credit(
                self._id(draft.number, FIRST_CREDIT),
                order.id,
                tender,
                draft.created + 20_000,
                300 + dice[21] * 7,
                employee=order.employee,
                device=order.device,
                reason=REASONS[dice[22] % 4],
            )
        ]
        order.kinds = ("credit",)
        return order

    def _lines(self, order: Order, draft: Draft, kinds: list[str]) -> int:
        number, dice, shop = draft.number, draft.dice, self.shop
        food_dice = self._food.copy()
        food_dice.update(number.to_bytes(8, "big"))
        food = food_dice.digest()
        count = LINES[dice[19] & 15]
        row, at, dishes = FIRST_OTHER, draft.created, shop.dishes
        spares = order.type in shop.spared
        for place in range(count):
            b = food[place * 8 : place * 8 + 8]
            dish = dishes[(b[0] << 8 | b[1]) * len(dishes) >> 16]
            line = Line(self._id(number, row), dish.name, dish.price, at + place * 9_000, dish.id)
            row += 1
            line.rates = dish.rates if not spares else shop.rates_on(dish, order.type)
            line.alternate, line.code, line.color = dish.alternate, dish.code, dish.color
            line.revenue = dish.revenue
            if dish.groups:
                row = self._mods(line, dish, number, row, b)
            if dish.kind == "VARIABLE":
                line.price = (2500, 5000, 10_000, 1500)[b[5] & 3] if not dish.revenue else 1000 + b[5] * 11
                kinds.append("open_price" if dish.revenue else "gift_card_sale")
            elif dish.kind == "PER_UNIT":
                line.unit_qty, line.unit_name = 250 + b[6] * 11, dish.unit_name
                kinds.append("fraction")
            if b[7] < 8:
                line.note = "No onions"
            elif b[7] < 24:
                catalog = shop.discounts
                if b[7] < 12:
                    taken = Disc("", "Manager comp", exact=FULL_SHARE, approver=shop.manager)
                    kinds.append("comp")
                elif b[7] < 18 or not catalog:
                    taken = self._plain_discount
                    kinds.append("line_percent")
                else:
                    taken = catalog[b[6] % len(catalog)]
                    kinds.append("line_discount")
                line.discounts = [taken._replace(id=self._id(number, row))]
                row += 1
            order.lines.append(line)
        if draft.kind == "exchange":
            first = order.lines[0]
            first.exchanged = True
            dish = dishes[(food[0] + 1) % len(dishes)]
            order.lines.append(
                Line(
                    self._id(number, row),
                    dish.name,
                    dish.price or 100,
                    at + 10 * MINUTE,
                    dish.id,
                    rates=shop.rates_on(dish, order.type),
                    revenue=dish.revenue,
                    exchanged_line=first.id,
                )
            )
            row += 1
        if food[7] >= 250:
            dish = dishes[food[1] % len(dishes)]
            order.voided_lines = [
                VoidedLine(
                    self._id(number, row),
                    self._id(number, row + 1),
                    order.id,
                    dish.name,
                    dish.price,
                    at + 4 * MINUTE,
                    REASONS[food[2] & 3],
                    order.employee,
                    shop.manager if food[3] & 1 else None,
                    revenue=dish.revenue,
                    order_type=order.type,
                )
            ]
            row += 2
            kinds.append("voided_line")
        return row

    def _mods(self, line: Line, dish: Dish, number: int, row: int, b: bytes) -> int:
        for place, (needed, choices) in enumerate(dish.groups):
            pick = b[2 + place]
            if needed or pick & 3 == 0:
                modifier, name, alternate, cents = choices[(pick >> 2) % len(choices)]
                line.mods.append(Mod(self._id(number, row), name, cents, modifier, alternate))
                row += 1
        return row

    def _reductions(self, order: Order, draft: Draft, kinds: list[str], row: int) -> int:
        """Discounts of the whole order, then the charges that are reckoned on what is left."""
        dice, shop, number = draft.dice, self.shop, draft.number
        if draft.kind == "zero":
            order.discounts = [Disc(self._id(number, row), "On the house", percent=100, approver=shop.manager)]
            row += 1
        elif dice[23] < 22:
            taken = shop.discounts[dice[24] % len(shop.discounts)] if shop.discounts and dice[23] & 1 else None
            if taken is None:
                taken = Disc("", "Neighbour", cents=-300) if dice[24] & 1 else self._plain_discount
            order.discounts = [taken._replace(id=self._id(number, row))]
            row += 1
            kinds.append("order_discount")
        if len(order.lines) >= 5 and dice[25] < 40 and shop.charge is not None:
            order.charge = shop.charge
            kinds.append("service_charge")
        elif len(order.lines) >= 6 and dice[25] < 90 and shop.gratuity is not None:
            fee, share = shop.gratuity, int(shop.gratuity["percentage"])
            cents = half_up(totals(order, after_refunds=False).discounted * share, FULL_SHARE)
            line = Line(self._id(number, row), fee["name"], cents, draft.created + 8 * MINUTE, printed=False)
            line.fee, line.fee_share, line.fee_type, line.revenue = fee["id"], share, AUTO_GRATUITY, False
            order.lines.append(line)
            row += 1
            kinds.append("auto_gratuity")
        return row

    def _pay(self, order: Order, draft: Draft, whole: Sum, kinds: list[str]) -> None:
        dice, kind, total = draft.dice, draft.kind, whole.total
        amounts = [total]
        if kind == "split":
            share = half_up(total, len(draft.paid))
            amounts = [share] * (len(draft.paid) - 1) + [total - share * (len(draft.paid) - 1)]
        elif kind == "partly_paid":
            amounts = [max(1, total // 2)]
        elif kind in ("void_payment", "declined_first"):
            amounts = [total, total]
        for place, (at, amount) in enumerate(zip(draft.paid, amounts, strict=True)):
            payment = self._payment(order, draft, place, at, amount, kinds)
            order.payments.append(payment)
        if kind == "void_payment":
            first = order.payments[0]
            first.result, first.void_reason = "VOIDED", "USER_CANCEL"
            first.void_ref, first.modified = self._id(draft.number, 5), order.payments[1].at - MINUTE
        elif kind == "declined_first":
            order.payments[0].result = "FAIL"
            order.payments[0].tip = None
        if order.manual:
            return
        apportion(order, whole)
        if kind in ("void_payment", "declined_first"):
            alone(order.payments[0], whole)
        if draft.late == "tip" and order.payments[0].card is not None:
            payment = order.payments[0]
            payment.tip, payment.modified = (payment.tip or 0) + 50 + dice[8], draft.modified
            kinds.append("tip_adjusted")

    def _payment(self, order: Order, draft: Draft, place: int, at: int, amount: int, kinds: list[str]) -> Payment:
        dice, shop = draft.dice, self.shop
        roll = (dice[26] + 67 * place) & 255
        if draft.kind in ("void_payment", "declined_first"):
            roll = 100
        if roll < 62 or not amount:
            key = "cash"
        elif roll < 210:
            key = "credit_card"
        elif roll < 230:
            key = "debit_card"
        elif roll < 238:
            key = "external_gift_card"
        elif roll < 244:
            key = "House account"
        elif roll < 250:
            key = "external_payment"
        else:
            key = "check"
        payment = Payment(
            self._id(draft.number, FIRST_PAYMENT + place),
            order.id,
            shop.tenders[key],
            at,
            amount,
            modified=at,
            employee=order.employee,
            device=order.device,
        )
        if key in ("credit_card", "debit_card"):
            d = dice[27 + place % 3]
            last4 = f"{(d * 251 + dice[30] * 17 + place) % 10_000:04d}"
            payment.card = Card(BRANDS[d & 7] if key == "credit_card" else "MAESTRO", ENTRIES[d >> 3 & 7], last4)
            payment.card.first6 = f"4{d:03d}{dice[30] % 100:02d}"
            payment.card.code = f"OK{dice[31]:03d}{place}"
            if d % 8 < 6:
                payment.tip = amount * (12 + d % 10) // 100
        elif key == "cash":
            payment.tendered = -(-amount // 500) * 500
            if dice[30] < 20:
                payment.tip = 100 * (1 + dice[30] % 4)
                kinds.append("cash_tip")
        elif key == "external_gift_card":
            kinds.append("gift_card_redemption")
        elif key == "House account":
            kinds.append("house_account")
        return payment

    def _given_back(self, order: Order, draft: Draft, row: int, kinds: list[str]) -> None:
        if not draft.refunded or not order.payments[0].amount:
            return
        dice, payment, at = draft.dice, order.payments[0], draft.refunded
        refund = Refund(
            self._id(draft.number, FIRST_REFUND),
            order.id,
            payment.id,
            at,
            0,
            employee=self.shop.manager,
            device=order.device,
            reason=REASONS[dice[22] & 3] if dice[22] & 4 else None,
        )
        if draft.kind == "refund_all":
            if payment.tip and dice[22] & 8:
                refund.tip = payment.tip
            refund_lines(order, payment, refund)
        elif draft.kind == "refund_lines":
            refund_lines(order, payment, refund, [order.lines[dice[21] % len(order.lines)].id])
        else:
            refund_amount(payment, refund, max(1, payment.amount * (10 + dice[21] % 60) // 100))
        if refund.amount <= 0:
            payment.refunds.clear()
