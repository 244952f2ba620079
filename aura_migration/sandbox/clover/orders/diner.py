"""Every peculiar sale of the diner, one order each, named in the notes as `order_…`, `payment_…`, `refund_…`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.book import Book
from aura_migration.sandbox.clover.orders.model import AUTO_GRATUITY, Card, Disc, Line, Order, Rate, VoidedLine
from aura_migration.sandbox.clover.orders.settle import alone
from aura_migration.sandbox.clover.orders.till import DAY, HOUR, MINUTE, Till
from aura_migration.sandbox.clover.world import World


class _Evening:
    """Writes the sales of one book, each at a time of its own."""

    def __init__(self, world: World, book: Book) -> None:
        self.world = world
        self.till = Till(world.ids, book)
        self.book = book
        self.shop = book.shop
        self._hours = 0

    def next(self) -> int:
        """An hour of its own in the summer of 2026, when nothing else is special."""
        self._hours += 1
        return self.till.local(2026, 6, 1 + self._hours // 9, 11 + self._hours % 9, 17)

    def sell(
        self, what: str, *lines: Line | str, at: int | None = None, pay: Any = "credit_card", **fields: Any
    ) -> Order:
        """An order with a note of its name; `pay` is a tender, a list of (tender, cents or None, more) or None."""
        rows = [self.till.line(one) if isinstance(one, str) else one for one in lines]
        order = self.till.order(at or self.next(), rows, **fields)
        if pay is None:
            order.state = fields.get("state", "open")
        for tender, amount, more in [(pay, None, {})] if isinstance(pay, str) else pay or ():
            self.till.pay(order, tender, amount, **more)
        return self.keep(what, order)

    def keep(self, what: str, order: Order, *ids: str) -> Order:
        """Put an order into the book under a name."""
        order.kinds = (what,)
        self.book.add(order)
        self.world.note(
            what if what.startswith(("order_", "payment_", "refund_", "credit_")) else f"order_{what}",
            *(ids or (order.id,)),
        )
        return order

    def later(self, order: Order, change: Callable[[Order], Any]) -> Any:
        """Do something to an order that is in the book."""
        return self.book.change(order.id, change)


def diner(world: World, book: Book) -> None:
    """All of them."""
    evening = _Evening(world, book)
    _discounts(evening)
    _taxes(evening)
    _charges(evening)
    _payments(evening)
    _money_back(evening)
    _unusual(evening)
    _days(evening)
    _gone(evening)


def _discounts(e: _Evening) -> None:
    off, line, sell = e.till.off, e.till.line, e.sell
    catalog = {one.name: one for one in e.shop.discounts}

    def listed(name: str, **more: Any) -> Disc:
        return catalog[name]._replace(id=e.till.id("discount"), **more)

    sell("line_discount_percent", line("Cheeseburger", discounts=[off("Apology", percent=15)]), "Fries")
    sell("line_discount_amount", line("Cheeseburger", discounts=[off("Coupon", cents=-250)]), "Fries")
    sell(
        "line_discounts_not_compounded",
        line(
            "Huevos Rancheros",
            discounts=[off("First", exact=125_000), off("Second", percent=10), off("Third", cents=-50)],
        ),
        "Pancakes",
    )
    sell("line_discount_over_price", line("Fries", discounts=[off("Too much", cents=-900)]), "Pancakes")
    sell("order_discount_percent", "Cheeseburger", "Fries", discounts=[listed("Senior")])
    sell("order_discount_amount", "Cheeseburger", "Newspaper", discounts=[listed("Two off")])
    sell("order_discount_exact", "Cheeseburger", "Fries", "Slaw", discounts=[listed("A third")])
    sell("order_discount_both_percentages", "Cheeseburger", "Fries", discounts=[listed("Both ways")])
    sell("order_discount_mixed", "Meatloaf", "Fries", discounts=[off("Open", exact=333_000), off("And more", cents=-7)])
    sell("order_discount_cash", "Cheeseburger", discounts=[listed("Cash")], pay="cash")
    sell(
        "discount_deleted",
        "Pancakes",
        discounts=[off("Grand opening", percent=20, catalog=e.till.id("catalog discount"))],
    )
    sell("order_discount_over_total", "Fries", discounts=[off("Far too much", cents=-5000)], pay="cash")
    boss = e.shop.manager
    sell("comp_line", line("Meatloaf", discounts=[off("Comp: cold food", percent=100, approver=boss)]), "Fries")
    sell(
        "comp_order", "Meatloaf", "Slaw", discounts=[off("Comp: birthday", exact=1_000_000, approver=boss)], pay="cash"
    )
    sell("zero_total", "Tap Water", pay="cash")


def _taxes(e: _Evening) -> None:
    till, line, sell, rates = e.till, e.till.line, e.sell, list(e.shop.rates.values())
    sell("several_rates", "Draft Lager", "Cheeseburger", "Newspaper")
    sell("flat_tax", "Cheeseburger", "Paper bag", "Paper bag")
    sell("tax_removed", "Cheeseburger", "Fries", tax_removed=True)
    untaxed = next((row for row in e.shop.order_types if not row["taxable"]), None)
    if untaxed is not None:
        sell("untaxed_by_type", "Cheeseburger", "Cola", type=untaxed["id"], untaxed=True)
    sell("rates_empty", "Own rates, none set")
    same = rates[1]._replace(id=till.id("rate"), name="City (copy)")
    sell("equal_rates_rounded_apart", line("Fries", rates=[rates[1], same]), line("Slaw", rates=[same]))
    vat = Rate(till.id("rate"), "VAT", 2_000_000, True, None, "VAT_TAXABLE")
    low = Rate(till.id("rate"), "Low VAT", 500_000, False, None, "VAT_TAXABLE")
    sell(
        "vat",
        line("Meatloaf", rates=[vat]),
        line("Fries", rates=[vat]),
        vat=True,
        discounts=[till.off("Ten", percent=10)],
    )
    sell("vat_two_rates", line("Meatloaf", rates=[vat, low]), line("Fries", rates=[low]), vat=True)
    partner = Rate(till.id("rate"), "Marketplace tax", 825_000, False, None, "PARTNER_TAX")
    sell(
        "marketplace",
        line("Cheeseburger", rates=[partner]),
        line("Fries", rates=[partner]),
        pay=[
            (
                till.id("tender"),
                None,
                {
                    "app": "K3N8Q1R5T7VWX:Doorstep Delivery",
                    "external": "DD-5521",
                    "extra": {"tender": {"label": "Doorstep", "labelKey": None, "editable": True}},
                },
            )
        ],
        external="DD-5521",
        title="Doorstep 5521",
        extra={"onlineOrder": {"provider": "Doorstep"}},
    )
    sell("rate_gone", line("Pancakes", rates=[Rate(till.id("rate"), "Stadium tax", 150_000)]))


def _charges(e: _Evening) -> None:
    till, sell = e.till, e.sell
    sell(
        "service_charge",
        "Meatloaf",
        "Meatloaf",
        "Cheeseburger",
        "Newspaper",
        charge=e.shop.charge,
        discounts=[till.off("Group", cents=-300)],
    )
    if e.shop.gratuity is not None:
        order = till.order(e.next(), [till.line(name) for name in ("Meatloaf", "Cheeseburger", "Fries")])
        till.fee(order, e.shop.gratuity, AUTO_GRATUITY)
        till.pay(order)
        e.keep("auto_gratuity", order)
    if e.shop.flat_fee is not None:
        order = till.order(e.next(), [till.line("Pancakes")])
        line = till.fee(order, e.shop.flat_fee)
        line.rates = tuple(till.default_rates())  # shown, and not charged
        till.pay(order, "cash")
        e.keep("order_fee_with_rate", order)
    sell("delivery_fee", "Cheeseburger", "Fries", delivery_fee=399)


def _payments(e: _Evening) -> None:
    till, sell, line = e.till, e.sell, e.till.line
    sell("tip_card", "Cheeseburger", pay=[("credit_card", None, {"tip": 400})])
    sell("tip_cash", "Cheeseburger", pay=[("cash", None, {"tip": 200})])
    tip = sell("tip_adjusted_later", "Meatloaf", pay=[("credit_card", None, {"tip": 0})])

    def adjust(order: Order) -> None:
        order.payments[0].tip, order.payments[0].modified = 550, order.created + 9 * HOUR
        order.modified = order.created + 9 * HOUR

    e.later(tip, adjust)
    e.sell(
        "split_three_ways",
        "Meatloaf",
        "Cheeseburger",
        "Fries",
        pay_type="SPLIT_CUSTOM",
        pay=[("credit_card", 1000, {"tip": 150}), ("cash", 777, {}), ("credit_card", None, {"tip": 90})],
    )
    order = till.order(e.next(), [line("Meatloaf"), line("Cheeseburger"), line("Draft Lager")], pay_type="SPLIT_ITEM")
    first, second, third = order.lines
    whole = totals(order)
    till.pay(order, "credit_card", whole.total * 3 // 5, lines=[(first.id, 1_000_000), (third.id, 500_000)])
    till.pay(order, "cash", lines=[(second.id, 1_000_000), (third.id, 500_000)])
    e.keep("split_by_item", order)
    sell(
        "split_unknown_kind",
        "Pancakes",
        "Fries",
        pay_type="SPLIT_BY_ASTROLOGY",
        pay=[("cash", 500, {}), ("cash", None, {})],
    )
    sell("partly_paid", "Meatloaf", "Meatloaf", pay=[("cash", 1000, {})])
    sell("overpaid", "Pancakes", pay=[("cash", 1200, {})])
    rounded = till.order(e.next(), [line("Pancakes")])
    total = totals(rounded).total
    till.pay(rounded, "cash", total // 5 * 5, tendered=2000)
    rounded.stated_state = "PAID"
    e.keep("cash_rounding", rounded)
    card = line("Gift card", 5000)
    sell("gift_card_sale", card, "Fries")
    sell(
        "gift_card_sale_with_order_discount",
        line("Gift card", 2500),
        "Meatloaf",
        discounts=[till.off("Ten", percent=10)],
    )
    sell("gift_card_redeemed", "Cheeseburger", pay=[("external_gift_card", 1000, {}), ("cash", None, {})])
    sell(
        "gift_card_as_card",
        "Pancakes",
        pay=[("credit_card", None, {"card": Card("GIFT_CARD", "SWIPED", "7788", "601900")})],
    )
    sell("house_account", "Meatloaf", "Fries", pay="House account")
    sell(
        "store_credit",
        "Fries",
        pay=[
            (
                till.id("tender"),
                None,
                {"extra": {"tender": {"label": "Store credit", "labelKey": None, "editable": True}}},
            )
        ],
    )
    sell("deposit", line("Catering deposit", 25_000), pay="check", note="Deposit for July 18th")
    sell("payment_offline", "Pancakes", pay=[("credit_card", None, {"offline": True})])
    sell("payment_auth_completed", "Draft Lager", pay=[("credit_card", None, {"result": "AUTH_COMPLETED", "tip": 100})])
    sell(
        "payment_unknown_card",
        "Fries",
        pay=[("credit_card", None, {"card": Card("MOONCARD", "PALM_SCAN", "0000", state="FLOATING")})],
    )
    # The card is one that a guest left on file: its token and its holder are among the known secrets already.
    kept, guest = next((row.cards[0], row) for row in e.shop.merchant.people.customers if row.cards and not row.deleted)
    vaulted = Card("VISA", "VAULTED", kept.last4, kept.first6, holder=f"{kept.first} {kept.last}", token=kept.token)
    sell("payment_vaulted_card", "Slaw", pay=[("credit_card", None, {"card": vaulted})], customers=[guest.id])
    for what, result, reason in (("payment_voided", "VOIDED", "USER_CANCEL"), ("payment_failed", "FAIL", None)):
        order = till.order(e.next(), [line("Cheeseburger"), line("Fries")])
        bad = till.pay(order, "credit_card")
        bad.result, bad.void_reason = result, reason
        if reason:
            bad.void_ref, bad.modified = till.id("payment"), bad.at + 5 * MINUTE
        till.pay(order, "cash", after=HOUR)
        alone(bad, totals(order))
        e.keep(what, order, bad.id)
    order = till.order(e.next(), [line("Meatloaf")])
    bad = till.pay(order, "credit_card")
    bad.result, bad.void_reason, bad.void_ref = "VOIDED", "REJECT_DUPLICATE", till.id("payment")
    order.state = "open"
    e.keep("only_voided_payments", order)
    order = till.order(e.next(), [line("Draft Lager"), line("Draft Lager")], state="open", title="Tab: Rae")
    held = till.pay(order, "credit_card")
    order.payments.clear()
    held.result, held.card = (
        "AUTH",
        Card("VISA", "EMV_CONTACT", "1188", "411111", kind="PREAUTH", state="PENDING", captured=False),
    )
    order.authorizations, order.pay_type = [held], None
    e.keep("bar_tab", order)


def _money_back(e: _Evening) -> None:
    till, line = e.till, e.till.line

    def back(what: str, names: Sequence[str | Line], after: int, *, tender: str = "credit_card", **how: Any) -> Order:
        order = till.order(
            how.pop("at", None) or e.next(),
            [line(one) if isinstance(one, str) else one for one in names],
            **how.pop("order", {}),
        )
        payment = till.pay(order, tender, tip=how.pop("paid_tip", None))
        lines = how.pop("lines", None)
        chosen = None if lines is None else [order.lines[place].id for place in lines]
        refund = till.refund(order, payment, payment.at + after, chosen, **how)
        return e.keep(what, order, refund.id)

    back("refund_same_day", ["Cheeseburger", "Fries"], 30 * MINUTE, reason="Never served")
    back("refund_later_day", ["Meatloaf", "Slaw"], 9 * DAY)
    back("refund_next_quarter", ["Meatloaf"], 100 * DAY)
    back("refund_lines", ["Cheeseburger", "Fries", "Draft Lager"], 2 * HOUR, lines=[1])
    back(
        "refund_lines_of_discounted",
        ["Cheeseburger", "Fries", "Meatloaf"],
        DAY,
        lines=[0],
        order={"discounts": [till.off("Group", cents=-500), till.off("More", percent=5)]},
    )
    back("refund_with_tip", ["Meatloaf"], DAY, paid_tip=300, tip=300)
    back("refund_without_tip", ["Meatloaf"], DAY, paid_tip=300)
    back("refund_amount", ["Meatloaf", "Fries"], DAY, cents=500)
    back("refund_service_charge", ["Meatloaf", "Meatloaf"], DAY, lines=[0], order={"charge": e.shop.charge})
    back("refund_of_gift_card", [line("Gift card", 4000), "Fries"], DAY, lines=[0])
    back("refund_across_time_change", ["Pancakes"], 20 * DAY, at=till.local(2026, 2, 20, 12))
    order = till.order(e.next(), [line("Meatloaf"), line("Cheeseburger"), line("Fries")])
    payment = till.pay(order)
    ids = [till.refund(order, payment, payment.at + place * DAY, [order.lines[place].id]).id for place in range(3)]
    e.keep("refund_in_three_parts", order, *ids)
    order = till.order(e.next(), [line("Pancakes")])
    failed = till.refund(order, till.pay(order), order.created + 3 * HOUR, cents=200)
    failed.status, failed.voided, failed.void_reason = "VOIDED", True, "USER_CANCEL"
    e.keep("refund_voided", order, failed.id)
    order = till.order(e.next(), [line("Meatloaf")])
    till.pay(order)
    other = till.refund(order, order.payments[0], order.created + DAY, None, tender=e.shop.tenders["cash"])
    e.keep("refund_by_cash", order, other.id)
    order = till.order(e.next(), [line("Cheeseburger"), line("Meatloaf")])
    order.lines[0].exchanged, order.lines[1].exchanged_line = True, order.lines[0].id
    till.pay(order)
    e.keep("exchange", order)
    for what, fields in (
        ("credit_plain", {"reason": "Bad night"}),
        ("credit_with_tax", {"tax": 60}),
        ("credit_voided", {"voided": True, "void_reason": "USER_CANCEL"}),
        ("credit_failed", {"result": "FAIL"}),
    ):
        order = till.order(e.next(), [], manual=True)
        credit = till.credit(order, order.created + MINUTE, 1260, **fields)
        e.keep(what, order, credit.id)


def _unusual(e: _Evening) -> None:
    till, sell, line = e.till, e.sell, e.till.line
    sell("fraction", line("Brisket", unit_qty=2345), line("Olives", unit_qty=125, unit_name=None))
    sell("open_price", line("Market Fish", 3475))
    sell("ad_hoc_line", line("Extra plate", 200), "Fries")
    sell("repeated_lines", "Fries", "Fries", "Fries")
    cheese = [till.mod("Cheese", 100, "CHEESEGONE001"), till.mod("Cheese", 100, "CHEESEGONE001")]
    sell("repeated_modifier", line("Cheeseburger", mods=cheese))
    sell("modifier_by_hand", line("Cheeseburger", mods=[till.mod("Grandma's way", 75)], note="ask Rosa"))
    merchant = e.shop.merchant
    dead = next(one for one in merchant.items.values() if one.deleted and one.name == "Turkey Dinner 2019")
    gone_mod = next(one for one in merchant.modifiers.values() if merchant.groups[one.group].deleted)
    sell("item_deleted", line(dead.name, dead.price, item=dead.id), at=till.local(2025, 11, 20, 18))
    sell("item_unknown", line("Blue plate", 999, item=till.id("item")))
    sell("modifier_of_deleted_group", line("Pancakes", mods=[till.mod(gone_mod.name, gone_mod.price, gone_mod.id)]))
    sell("banquet_over_100_lines", *[line("Pancakes") for _ in range(137)], charge=e.shop.charge, title="Banquet")
    sell("manual", manual=True, manual_total=4200)
    sell("total_stated_wrong", "Meatloaf", "Fries", stated_total=1, external="APP-17")
    sell("test_mode", "Cheeseburger", test=True)
    sell("open", "Cheeseburger", "Fries", pay=None, at=till.local(2026, 9, 30, 16))
    sell("open_upper_case", "Pancakes", pay=None, state="OPEN")
    sell("draft", "Pancakes", pay=None, state=None)
    sell("draft_empty", pay=None, state=None)
    sell("draft_paid", "Meatloaf", "Fries", state=None)
    sell("state_unknown", "Slaw", state="parked by the door")
    future = {
        "id": till.id("event"),
        "isFutureOrder": True,
        "fulfillmentType": "PICKUP",
        "fulfillmentTime": till.local(2026, 10, 9, 12),
    }
    sell(
        "scheduled",
        "Meatloaf",
        "Meatloaf",
        pay=None,
        fulfillment=future,
        at=till.local(2026, 9, 30, 15),
        external="WEB-FUTURE",
    )
    sell("scheduled_paid_ahead", "Meatloaf", fulfillment=future, at=till.local(2026, 9, 30, 14))
    sell("client_clock_wrong", "Fries", client_created=till.local(2031, 1, 1))
    sell("late_change", "Meatloaf", modified=till.local(2026, 9, 12, 9), note="Moved to table 9, weeks later")
    quiet = sell("late_change_without_timestamp", "Meatloaf")
    e.later(quiet, lambda order: setattr(order, "note", "changed without a trace"))
    for what, voids in (("voided_line", 1), ("voided_all_lines", 2)):
        order = till.order(e.next(), [line("Fries")] if voids == 1 else [], state="locked" if voids == 1 else "open")
        for place in range(voids):
            name, price = (("Meatloaf", 1495), ("Slaw", 350))[place]
            order.voided_lines.append(
                VoidedLine(
                    till.id("void"),
                    till.id("line"),
                    order.id,
                    name,
                    price,
                    order.created + 5 * MINUTE,
                    "Dropped",
                    order.employee,
                    e.shop.manager,
                )
            )
        if voids == 1:
            till.pay(order)
        e.keep(what, order)
    sell("customers_two", "Fries", customers=e.shop.customers[:2])
    if e.shop.former:
        sell("former_employee", "Fries", employee=e.shop.former[0], at=till.local(2025, 12, 1, 12))
    sell("unknown_employee", "Fries", employee=till.id("employee"), device=None)
    sell("no_type_no_staff", "Fries", employee=None, device=None, type=None)
    sell("unknown_fields", line("Fries", extra={"futureField": [1]}), extra={"futureField": {"a": 1}})
    sell("unusual_text", line("Fries", note="كثير 🌶️  "), title="T" * 127, note='N "quoted" \\ ' + "long " * 400)


def _days(e: _Evening) -> None:
    """Midnight, the two changes of the clock, and the edges of what can be asked for."""
    till, sell = e.till, e.sell
    sell("across_midnight", "Draft Lager", "Fries", at=till.local(2026, 5, 8, 23, 40))
    sell("just_before_closeout", "Fries", at=till.local(2026, 5, 9, 3, 15))
    sell("at_midnight", "Fries", at=till.local(2026, 5, 10), pay=[("cash", None, {"after": 0})])
    sell("clocks_forward", "Draft Lager", at=till.local(2026, 3, 8, 1, 50))
    sell("clocks_back", "Draft Lager", at=till.local(2025, 11, 2, 1, 30), pay=[("cash", None, {"after": 15 * MINUTE})])
    sell(
        "clocks_back_again",
        "Draft Lager",
        at=till.local(2025, 11, 2, 1, 30, fold=1),
        pay=[("cash", None, {"after": 15 * MINUTE})],
    )
    same = till.local(2026, 4, 4, 12, 30)
    for _ in range(3):
        sell("same_instant", "Fries", at=same)
    sell("over_a_year_old", "Meatloaf", at=till.local(2024, 8, 3, 19))
    sell("paid_days_later", "Meatloaf", at=till.local(2026, 5, 20, 19), pay=[("cash", None, {"after": 3 * DAY})])


def _gone(e: _Evening) -> None:
    till, line = e.till, e.till.line
    order = till.order(e.next(), [line("Meatloaf")], state="open")
    order.deleted_time = order.modified = order.created + 20 * MINUTE
    e.keep("deleted", order)
    order = till.order(e.next(), [line("Pancakes")])
    payment = till.pay(order, "cash")
    order.missing = True
    e.keep("payment_without_order", order, payment.id)
