"""Two months of sales in the scenario `rules`, on which the past is not priced by one set of rules.

Until a day something cost less, a rate was lower, an item was still sold; on one weekend a tax was not charged. Each order's
`kinds` name what happened to it; `HAPPENED` says until or on which days. With `differs` all of it was charged by another rule
than the configuration has.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any, NamedTuple

from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.book import Book
from aura_migration.sandbox.clover.orders.model import AUTO_GRATUITY, Disc, Line, Order, Rate
from aura_migration.sandbox.clover.orders.till import DAY, HOUR, MINUTE, Till
from aura_migration.sandbox.clover.world import World

FIRST, LAST = date(2026, 8, 1), date(2026, 9, 29)
ORDERS_A_DAY = 8
HOLIDAY = (date(2026, 9, 5), date(2026, 9, 6))
HOLIDAY_ITEMS = ("Cookbook", "Apron")
TOO_MUCH = 12_500  # 0.125 % in tax rates


class Change(NamedTuple):
    """What held before a day: the first day of what is configured, and what it was until then."""

    since: date
    before: int


PRICES = {"Burger": Change(date(2026, 9, 1), 1350)}
MODIFIERS = {"Avocado": Change(date(2026, 8, 24), 150)}
RATES = {"City": Change(date(2026, 8, 16), 287_500)}
GONE = {"Pumpkin Pie": Change(date(2026, 8, 20), 595)}
GONE_MODIFIER = ("Truffle", 400, date(2026, 8, 28))
HAPPENED = {
    "old_price": "the burger at 13.50 until 2026-08-31",
    "old_modifier_price": "avocado at 1.50 until 2026-08-23",
    "old_rate": "the city's tax at 2.875 % until 2026-08-15",
    "tax_holiday": "no state tax on the shelf on 2026-09-05 and 2026-09-06",
    "gone_item": "pumpkin pie, sold until 2026-08-19 and deleted since",
    "gone_modifier": "truffle at 4.00, an option until 2026-08-27",
}


def sell_rules(world: World, book: Book, differs: str | None) -> None:
    """Write all orders of the scenario."""
    counter = _Counter(world, book, differs)
    day = FIRST
    while day <= LAST:
        counter.open(day)
        day += timedelta(days=1)
    for what, text in HAPPENED.items():
        world.note(f"rules_{what}: {text}")


class _Counter:
    """Takes the orders of one day after the other."""

    def __init__(self, world: World, book: Book, differs: str | None) -> None:
        self.till = Till(world.ids, book)
        self.book = book
        self.shop = book.shop
        self.differs = differs
        self.dice: Random = world.ids.rng("rules")
        self.other_dice: Random = world.ids.rng("rules, what differs")
        self.catalog = {one.name: one for one in self.shop.discounts}
        self.types = {row["label"]: row for row in self.shop.order_types}
        self.fees = {row["name"]: row for row in self.shop.merchant.order_fees.values()}
        self.left_out = {one.name for one in self.shop.merchant.items.values() if one.exclude_cash_discount}
        self.gone_modifier = self.till.id("modifier")
        self.day = FIRST
        self.kinds: list[str] = []
        self.number = 0

    def open(self, day: date) -> None:
        """One day: ordinary orders, and what is special in turn."""
        self.day = day
        turn = (day - FIRST).days
        for place in range(ORDERS_A_DAY):
            self.number += 1
            self.kinds = []
            if place < 4:
                SPECIAL[(turn * 3 + place) % len(SPECIAL)](self, place)
            elif place == ORDERS_A_DAY - 1 or day in HOLIDAY:
                self.sell(place, [self.line(HOLIDAY_ITEMS[(turn + place) % 2]), *self.some(1)])
            else:
                self.usual(place)

    # -- lines -----------------------------------------------------------------------------------------------------

    def line(self, name: str, price: int | None = None, **fields: Any) -> Line:
        """A line at the price and the rates of the day."""
        change = PRICES.get(name)
        if change is not None and self.day < change.since:
            price = change.before
            self.kinds.append("old_price")
        line = self.till.line(name, price, **fields)
        line.rates = tuple(self.rate(rate) for rate in line.rates if not self.on_holiday(name, rate))
        return line

    def rate(self, rate: Rate) -> Rate:
        """A tax rate as it was on the day."""
        change = RATES.get(rate.name)
        if change is not None and self.day < change.since:
            self.kinds.append("old_rate")
            rate = rate._replace(rate=change.before)
        if self.differs == "tax_rate" and rate.name == "State":
            rate = rate._replace(rate=rate.rate + TOO_MUCH)
        return rate

    def on_holiday(self, name: str, rate: Rate) -> bool:
        """Is the item free of this tax today?"""
        if name not in HOLIDAY_ITEMS or rate.name != "State" or self.day not in HOLIDAY:
            return False
        self.kinds.append("tax_holiday")
        return True

    def choose(self, line: Line, *names: str) -> Line:
        """Add options of the menu to a line, at the prices of the day."""
        merchant = self.shop.merchant
        for name in names:
            one = next(row for row in merchant.modifiers.values() if row.name == name)
            change, cents = MODIFIERS.get(name), one.price
            if change is not None and self.day < change.since:
                cents = change.before
                self.kinds.append("old_modifier_price")
            if self.differs == "modifier_price" and name == "Bacon":
                cents += 25
            line.mods.append(self.till.mod(name, cents, one.id))
        return line

    def burger(self) -> Line:
        """A burger with what it is asked about."""
        dice = self.dice
        extras = ["Cheese", "Bacon", "Avocado", "Fried egg"]
        picked = dice.sample(extras, dice.randrange(3))
        if self.differs == "max_selection" and len(picked) == 2 and self.other_dice.random() < 0.6:
            picked.append(next(one for one in extras if one not in picked))
            self.kinds.append("too_many_choices")
        return self.choose(self.line("Burger"), dice.choice(("Rare", "Medium", "Well done")), *picked)

    def box(self) -> Line:
        """A lunch box: what Clover has of a combo is an item with choices."""
        self.kinds.append("combo")
        line = self.line("Lunch Box")
        main = self.dice.choice(("Half burger", "Half salad", "Chile bowl"))
        return self.choose(line, main, self.dice.choice(("Slaw", "Cup of soup")))

    def some(self, count: int) -> list[Line]:
        """Ordinary lines."""
        makers: list[Callable[[], Line]] = [
            self.burger,
            self.burger,
            lambda: self.choose(
                self.line("Salad"), *self.dice.sample(("Cheese", "Bacon", "Avocado"), self.dice.randrange(3))
            ),
            self.box,
            lambda: self.line("Fries"),
            lambda: self.line("Soup"),
            lambda: self.line("Lager"),
            lambda: self.line("Lemonade"),
            lambda: self.line("Cookbook"),
            lambda: self.line("Apron"),
            lambda: self.line("Newspaper"),
        ]
        return [self.dice.choice(makers)() for _ in range(count)]

    def off(self, name: str) -> Disc:
        """A discount of the catalogue, as it is put on a line or an order."""
        return self.catalog[name]._replace(id=self.till.id("discount"))

    # -- orders ----------------------------------------------------------------------------------------------------

    def order(self, place: int, lines: list[Line], kind: str = "", type_of: str = "Dine In", **fields: Any) -> Order:
        """An order of today, not yet paid and not yet in the book."""
        hour, minute = 11 + place, self.dice.randrange(50)
        at = self.till.local(self.day.year, self.day.month, self.day.day, hour, minute)
        row = self.types[type_of]
        spared = self.shop.spared.get(row["id"], frozenset())
        for line in lines:
            if any(rate.id in spared for rate in line.rates):
                line.rates = tuple(rate for rate in line.rates if rate.id not in spared)
                self.kinds.append("spared_by_type")
        order = self.till.order(at, lines, type=row["id"], untaxed=not row["taxable"], **fields)
        order.title = str(self.number)
        order.tax_half_even = self.differs == "tax_rounding"
        order.fees_taxed = self.differs == "charge_taxability"
        if kind:
            self.kinds.append(kind)
        return order

    def close(self, order: Order, tender: str = "credit_card", **more: Any) -> Order:
        """Pay an order and put it into the book."""
        whole = totals(order, after_refunds=False)
        if not order.payments:
            self.till.pay(order, "cash" if not whole.total else tender, **more)
        order.kinds = tuple(dict.fromkeys(self.kinds))
        return self.book.add(order)

    def sell(self, place: int, lines: list[Line], kind: str = "", tender: str = "credit_card", **fields: Any) -> Order:
        """An order, paid at once."""
        return self.close(self.order(place, lines, kind, **fields), tender)

    def fee(self, order: Order, name: str, kind: str | None = None) -> None:
        """Put an order fee on an order; its rates are shown on its line whether they are charged or not."""
        line = self.till.fee(order, self.fees[name], kind)
        named = {rate["id"] for rate in self.fees[name].get("taxRates", {}).get("elements", ())}
        if order.fees_taxed and name == "Kitchen fee":
            named = {rate.id for rate in self.shop.rates.values() if rate.name == "State"}
        elif order.fees_taxed:
            named = set()
        line.rates = tuple(self.rate(rate) for rate in self.shop.rates.values() if rate.id in named)

    def usual(self, place: int) -> None:
        """What is ordered day in, day out."""
        dice = self.dice
        kind = ("Dine In", "Dine In", "Dine In", "Take Out")[dice.randrange(4)]
        order = self.order(place, self.some(1 + dice.randrange(4)), type_of=kind)
        if kind == "Take Out":
            self.fee(order, "Packaging")
            self.kinds.append("fee_flat")
        tip = {"tip": totals(order).total * dice.choice((15, 18, 20)) // 100} if dice.random() < 0.6 else {}
        self.close(order, dice.choice(("credit_card", "credit_card", "debit_card", "cash")), **tip)


def _happy_hour(c: _Counter, place: int) -> None:
    lines = [c.line("Lager", discounts=[c.off("Happy hour")]) for _ in range(1 + c.dice.randrange(3))]
    c.sell(5, [*lines, c.line("Fries")], "happy_hour")


def _line_percent(c: _Counter, place: int) -> None:
    first = c.burger()
    first.discounts = [c.off("Senior")]
    c.sell(place, [first, c.line("Soup")], "line_percent")


def _line_amount(c: _Counter, place: int) -> None:
    c.sell(place, [c.line("Salad", discounts=[c.off("Two off")]), c.line("Lemonade")], "line_amount")


def _order_percent(c: _Counter, place: int) -> None:
    c.sell(place, c.some(3), "order_percent", discounts=[c.off("Senior")])


def _order_amount(c: _Counter, place: int) -> None:
    c.sell(place, [c.burger(), *c.some(2)], "order_amount", discounts=[c.off("Two off")])


def _order_exact(c: _Counter, place: int) -> None:
    c.sell(place, [c.burger(), *c.some(2)], "order_exact", discounts=[c.off("A third")])


def _two_discounts(c: _Counter, place: int) -> None:
    first = c.burger()
    first.discounts = [c.off("Senior"), c.off("Two off")]
    c.sell(place, [first, c.line("Fries")], "discounts_together", discounts=[c.off("Senior"), c.off("Two off")])


def _by_hand(c: _Counter, place: int) -> None:
    mine = c.till.off("Waited too long", percent=15, approver=c.shop.manager)
    c.sell(place, [c.line("Soup", discounts=[mine]), *c.some(1)], "discount_by_hand")


def _amount_by_hand(c: _Counter, place: int) -> None:
    c.sell(place, [c.burger(), *c.some(1)], "discount_by_hand", discounts=[c.till.off("Neighbour", cents=-125)])


def _cash_discount(c: _Counter, place: int) -> None:
    lines = [c.burger(), c.line("Lager"), c.line("Newspaper")]
    for line in lines:
        if line.name not in c.left_out or c.differs == "discount_scope":
            line.discounts = [c.off("Cash")]
    c.sell(place, lines, "cash_discount", "cash")


def _comp_line(c: _Counter, place: int) -> None:
    free = c.till.off("Comp: cold food", percent=100, approver=c.shop.manager)
    c.sell(place, [c.line("Soup", discounts=[free]), c.burger()], "comp_line")


def _comp_order(c: _Counter, place: int) -> None:
    free = c.till.off("Comp: birthday", exact=1_000_000, approver=c.shop.manager)
    c.sell(place, [c.burger(), c.line("Lemonade")], "comp_order", "cash", discounts=[free])


def _staff_meal(c: _Counter, place: int) -> None:
    c.sell(place, [c.burger()], "staff_meal", "cash", discounts=[c.off("Staff meal")])


def _exempt(c: _Counter, place: int) -> None:
    c.sell(place, c.some(3), "tax_exempt", tax_removed=True)


def _wholesale(c: _Counter, place: int) -> None:
    c.sell(place, c.some(3), "untaxed_type", type_of="Wholesale")


def _open_price(c: _Counter, place: int) -> None:
    c.sell(place, [c.line("Catch of the Day", 1800 + c.dice.randrange(90) * 10), c.line("Fries")], "open_price")


def _by_weight(c: _Counter, place: int) -> None:
    line = c.line("Smoked Brisket", unit_qty=250 + c.dice.randrange(1500))
    c.sell(place, [c.choose(line, "Cheese"), c.line("Lemonade")], "by_weight")


def _gratuity(c: _Counter, place: int) -> None:
    order = c.order(place, c.some(7), "auto_gratuity")
    name = next(row["name"] for row in c.fees.values() if row["type"] == "GRATUITY")
    c.fee(order, name, AUTO_GRATUITY)
    c.close(order)


def _service_charge(c: _Counter, place: int) -> None:
    c.sell(place, c.some(5), "service_charge", charge=c.shop.charge)


def _kitchen_fee(c: _Counter, place: int) -> None:
    order = c.order(place, c.some(3), "fee_percent", discounts=[c.off("Two off")])
    c.fee(order, "Kitchen fee")
    c.close(order)


def _flat_tax(c: _Counter, place: int) -> None:
    c.sell(place, [c.burger(), c.line("Paper bag"), c.line("Paper bag")], "flat_tax", type_of="Take Out")


def _gift_card(c: _Counter, place: int) -> None:
    c.sell(place, [c.line("Gift Card", 2500), c.line("Soup")], "gift_card_sale")


def _typed_in(c: _Counter, place: int) -> None:
    c.sell(place, [c.line("Half a sheet of cornbread", 1200), c.line("Soup")], "typed_in")


def _gone(c: _Counter, place: int) -> None:
    """Something that is on no menu any more, as long as it was sold."""
    if c.day < GONE["Pumpkin Pie"].since:
        pie = next(row for row in c.shop.merchant.items.values() if row.name == "Pumpkin Pie")
        line = Line(c.till.id("line"), pie.name, pie.price, 0, pie.id)
        line.rates = tuple(c.rate(rate) for rate in c.till.default_rates())
        c.sell(place, [line, c.line("Lemonade")], "gone_item")
    elif c.day < GONE_MODIFIER[2]:
        name, cents, _ = GONE_MODIFIER
        burger = c.burger()
        burger.mods = [*burger.mods[:1], c.till.mod(name, cents, c.gone_modifier)]
        c.sell(place, [burger], "gone_modifier")
    else:
        c.usual(place)


def _split(c: _Counter, place: int) -> None:
    order = c.order(place, c.some(4), "split", pay_type="SPLIT_CUSTOM")
    half = totals(order).total // 2
    c.till.pay(order, "credit_card", half, tip=200)
    c.till.pay(order, "cash", after=HOUR)
    c.close(order)


def _refund(c: _Counter, place: int) -> None:
    order = c.order(place, [c.burger(), c.line("Fries"), c.line("Soup")], "refund_lines", discounts=[c.off("Two off")])
    payment = c.till.pay(order)
    c.till.refund(order, payment, payment.at + (30 * MINUTE if c.dice.random() < 0.5 else DAY), [order.lines[1].id])
    c.close(order)


SPECIAL: tuple[Callable[[_Counter, int], Any], ...] = (
    _happy_hour,
    _line_percent,
    _line_amount,
    _order_percent,
    _order_amount,
    _order_exact,
    _two_discounts,
    _by_hand,
    _amount_by_hand,
    _cash_discount,
    _comp_line,
    _comp_order,
    _staff_meal,
    _exempt,
    _wholesale,
    _open_price,
    _by_weight,
    _gratuity,
    _service_charge,
    _kitchen_fee,
    _flat_tax,
    _gift_card,
    _typed_in,
    _gone,
    _split,
    _refund,
)
