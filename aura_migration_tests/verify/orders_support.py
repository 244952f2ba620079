"""A small restaurant's history twice: as rows that stand in AuraConnect after a load, and as the facts a witness finds.

Rows go into the tables by SQL, as the loader leaves them; the facts are written beside them, by the same hand but not out of
the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan.planner import Subject
from aura_migration.pos.order_facts import (
    CashFact,
    DayRule,
    HistoryFact,
    OrderFact,
    PaymentFact,
    PayoutFact,
    RefundFact,
)
from aura_migration.verify.orders import OrdersVerdict, verify_orders
from aura_migration_tests.verify.verify_support import one, open_restaurant

HERE = "L1"
NOW = datetime(2026, 10, 1, 9, tzinfo=UTC)
RULE = DayRule("America/New_York")
DAYS = [f"2026-09-{day:02d}" for day in range(7, 17)]
"""Ten days from a Monday on."""
Connection = psycopg.Connection[Any]


@dataclass
class History:
    """A restaurant whose history stands in AuraConnect and can be judged on one connection."""

    connection: Connection
    subject: Subject
    plan_id: int
    location_id: int
    options: MigrationOptions = field(default_factory=MigrationOptions)
    facts: list[HistoryFact] = field(default_factory=list)

    def insert(self, table: str, **values: Any) -> int:
        """A row; returns its id."""
        row = {name: Jsonb(value) if isinstance(value, (list, dict)) else value for name, value in values.items()}
        row = {"restaurant_id": self.subject.restaurant_id, **row}
        marks = ", ".join(["%s"] * len(row))
        number: int = one(
            self.connection,
            f"INSERT INTO aura.{table} ({', '.join(row)}) VALUES ({marks}) RETURNING id",
            *row.values(),
        )
        return number

    def root(self, table: str, key: str, **values: Any) -> int:
        """The root of a document as the loader leaves it."""
        came = {"source_vendor": self.subject.pos, "source_id": key, "migration_run_id": self.subject.migration_id}
        return self.insert(table, location_id=self.location_id, **came, **values)

    def id_of(self, table: str, key: str) -> int:
        """AuraConnect's id of a document."""
        found: int = one(self.connection, f"SELECT id FROM aura.{table} WHERE source_id = %s", key)
        return found

    def verify(self, facts: Iterable[HistoryFact] | None = None, **more: Any) -> OrdersVerdict:
        """Judge against the facts."""
        said = list(self.facts if facts is None else facts)
        reader: Any = None
        more = {"witness": lambda *_: iter(said), "rule": RULE, **more}
        options = more.pop("options", self.options)
        return verify_orders(
            self.connection, self.subject, reader, HERE, "USD", self.plan_id, options, NOW, **more
        )  # fmt: skip

    def said(self, *keys: str, **changes: Any) -> list[HistoryFact]:
        """The facts with those of the keys changed."""
        return changed(self.facts, *keys, **changes)


def changed(facts: Iterable[Any], *keys: str, **changes: Any) -> list[HistoryFact]:
    """Facts with those of the keys changed."""
    return [replace(fact, **changes) if fact.key in keys else fact for fact in facts]


def open_history(connection: Connection) -> History:
    """A restaurant with a location and a plan, without a history."""
    subject = open_restaurant(connection, HERE).subject
    place = one(
        connection,
        "INSERT INTO aura.locations (restaurant_id, name, timezone, source_vendor, source_id) "
        "VALUES (%s, 'Site', 'America/New_York', 'square', %s) RETURNING id",
        subject.restaurant_id,
        HERE,
    )
    connection.execute(
        "INSERT INTO migration.crosswalk (restaurant_id, integration_id, entity, source_key, aura_table, aura_id, "
        "first_migration_id, last_migration_id) VALUES (%s, %s, 'locations', %s, 'locations', %s, %s, %s)",
        [subject.restaurant_id, subject.integration_id, HERE, place, subject.migration_id, subject.migration_id],
    )
    plan = one(
        connection,
        "INSERT INTO migration.plans (migration_id, kind, state) VALUES (%s, 'preview', 'loaded') RETURNING id",
        subject.migration_id,
    )
    return History(connection, subject, plan, place)


def load_history(history: History) -> History:
    """Ten days of trade: plain sales, discounts, two rates of tax, included tax, charges, gratuity, tips, splits, a gift card
    sold and one redeemed, a void, an open check, refunds, a payout, cash. Rows and facts."""
    item = history.insert("menu_items", name="Burger", price_cents=1000)
    for number, day in enumerate(DAYS):
        _plain(history, f"o{number}", day, item, 1000 + 100 * number)
    _rich(history, item)
    _void_and_open(history, item)
    _refunds(history)
    _payout(history)
    _cash(history)
    return history


def _at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T18:00:00+00:00")


def _plain(history: History, key: str, day: str, item: int, cents: int) -> None:
    """One line, 10 % tax, paid by card with a dollar of tip and a fee of 50 cents."""
    tax = cents // 10
    order = history.root(
        "orders", key, business_date=day, business_date_rule="closed", status="completed", currency="USD",
        subtotal_cents=cents, final_amount_cents=cents + tax, tax_amount_cents=tax, tip_amount_cents=100,
        total_amount_cents=cents + tax, is_historical=True,
    )  # fmt: skip
    line = history.insert(
        "order_items", order_id=order, item_name="Burger", quantity=1, price_cents=cents, line_subtotal_cents=cents,
        menu_item_id=item,
    )  # fmt: skip
    history.insert(
        "order_taxes", order_id=order, order_item_id=line, name="City", amount_cents=tax, rate_percent="10.00"
    )
    payment = history.root(
        "payments", f"p-{key}", business_date=day, method="card", tender_name="Card", amount_cents=cents + tax,
        currency="USD", status="completed", tip_amount_cents=100, order_id=order, fee_amount_cents=50,
        processed_at=_at(day),
    )  # fmt: skip
    history.insert("payment_fees", payment_id=payment, fee_type="processing", amount_cents=50)
    history.facts += [
        OrderFact(key, day, "counts", cents, 0, tax, 0, 100, cents + tax, 1, taxes={"City 10%": tax}),
        PaymentFact(f"p-{key}", key, day, "Card", cents + tax, 100, "counts", fee=50),
    ]


def _rich(history: History, item: int) -> None:
    """30.00 of food less 5.00, a gift card of 25.00, 2.00 service, 3.00 gratuity, 1 cent rounding, 2.25 and 1.00 tax of which
    1.00 is inside; paid by 40.00 cash and 17.24 gift card."""
    order = history.root(
        "orders", "rich", business_date=DAYS[3], business_date_rule="closed", status="completed", currency="USD",
        subtotal_cents=5500, non_sale_cents=2500, discount_amount_cents=500, service_charge_amount_cents=200,
        gratuity_cents=300, rounding_cents=-1, tax_amount_cents=325, included_tax_cents=100, final_amount_cents=5724,
        total_amount_cents=6224, is_historical=True,
    )  # fmt: skip
    food = history.insert(
        "order_items", order_id=order, item_name="Feast", quantity=2, price_cents=1500, line_subtotal_cents=3000,
        line_discount_cents=500, menu_item_id=item,
    )  # fmt: skip
    history.insert(
        "order_items", order_id=order, item_name="Gift card", quantity=1, price_cents=2500, line_subtotal_cents=2500,
        revenue_class="gift_card_load",
    )  # fmt: skip
    dropped = history.insert(
        "order_items",
        order_id=order,
        item_name="Wine",
        quantity=1,
        price_cents=900,
        line_subtotal_cents=900,
        is_voided=True,
    )
    history.insert(
        "order_item_modifiers", order_id=order, order_item_id=food, name="Cheese", quantity=1, price_adjustment_cents=100,
        amount_cents=200,
    )  # fmt: skip
    history.insert("order_discounts", order_id=order, order_item_id=food, name="Friends", amount_cents=500)
    for name, charge, cents in (
        ("Service", "service", 200),
        ("Party", "auto_gratuity", 300),
        ("Cash", "cash_rounding", -1),
    ):
        history.insert("order_service_charges", order_id=order, name=name, amount_cents=cents, charge_class=charge)
    history.insert("order_taxes", order_id=order, order_item_id=food, name="City", amount_cents=225, rate_percent=9)
    history.insert(
        "order_taxes",
        order_id=order,
        order_item_id=food,
        name="VAT",
        amount_cents=100,
        rate_percent="4.250",
        is_inclusive=True,
    )
    history.insert("order_taxes", order_id=order, order_item_id=dropped, name="City", amount_cents=80, rate_percent=9)
    for key, method, tender, cents in (("p-r1", "cash", "Cash", 4000), ("p-r2", "gift_card", "Gift card", 1724)):
        history.root(
            "payments", key, business_date=DAYS[3], method=method, tender_name=tender, amount_cents=cents, currency="USD",
            status="completed", order_id=order, processed_at=_at(DAYS[3]),
        )  # fmt: skip
    history.facts += [
        OrderFact(
            "rich", DAYS[3], "counts", 3000, 500, 325, 100, 0, 5724, 3,
            non_sale={"gift_card_load": 2500}, charges={"service": 200, "auto_gratuity": 300, "cash_rounding": -1},
            taxes={"City 9%": 225, "VAT 4.25% incl.": 100},
        ),
        PaymentFact("p-r1", "rich", DAYS[3], "Cash", 4000, 0, "counts"),
        PaymentFact("p-r2", "rich", DAYS[3], "Gift card", 1724, 0, "counts"),
    ]  # fmt: skip


def _void_and_open(history: History, item: int) -> None:
    states: tuple[tuple[Literal["voided", "open"], dict[str, Any]], ...] = (
        ("voided", {"status": "cancelled", "is_voided": True}),
        ("open", {"status": "pending"}),
    )
    for state, more in states:
        key = state.removesuffix("ed")
        order = history.root(
            "orders", key, business_date=DAYS[4], business_date_rule="closed", currency="USD", subtotal_cents=700,
            final_amount_cents=700, total_amount_cents=700, is_historical=True, **more,
        )  # fmt: skip
        history.insert(
            "order_items", order_id=order, item_name="Burger", quantity=1, price_cents=700, line_subtotal_cents=700,
            menu_item_id=item,
        )  # fmt: skip
        history.facts.append(OrderFact(key, DAYS[4], state, 700, 0, 0, 0, 0, 700, 1))
    history.root(
        "payments", "p-void", business_date=DAYS[4], method="card", tender_name="Card", amount_cents=700, currency="USD",
        status="voided", order_id=history.id_of("orders", "void"), processed_at=_at(DAYS[4]),
    )  # fmt: skip
    history.facts.append(PaymentFact("p-void", "void", DAYS[4], "Card", 700, 0, "void"))


def _refunds(history: History) -> None:
    """A refund of 5.50 of the first order on the third day, and a credit of 2.00 without any payment."""
    history.root(
        "refunds", "r1", business_date=DAYS[2], amount_cents=550, currency="USD", status="completed",
        payment_id=history.id_of("payments", "p-o0"), order_id=history.id_of("orders", "o0"), tender_name="Card",
        method="card", net_cents=500, tax_cents=50, tip_refunded_cents=0,
    )  # fmt: skip
    history.root(
        "refunds", "credit", business_date=DAYS[6], amount_cents=200, currency="USD", status="completed", method="cash",
        tender_name="Cash", net_cents=200,
    )  # fmt: skip
    history.facts += [
        RefundFact("r1", "o0", "p-o0", DAYS[2], 550, "counts", tax=50, tip=0),
        RefundFact("credit", None, None, DAYS[6], 200, "counts"),
    ]


def _payout(history: History) -> None:
    """One payout with the first two payments, a refund, and a fee of its own."""
    payout = history.root("payouts", "po1", business_date=DAYS[5], amount_cents=1750, currency="USD", status="PAID")
    for kind, gross, fee, payment in (
        ("sale", 1200, 50, "p-o0"),
        ("sale", 1310, 50, "p-o1"),
        ("refund", -550, 0, "p-o0"),
        ("fee", -110, 0, None),
    ):
        history.insert(
            "payout_entries", payout_id=payout, entry_type=kind.upper(), entry_class=kind, gross_cents=gross, fee_cents=fee,
            net_cents=gross - fee, payment_id=payment and history.id_of("payments", payment),
            effective_at=_at(DAYS[1]), source_entry_id=f"e-{kind}-{gross}",
        )  # fmt: skip
    history.facts.append(
        PayoutFact("po1", DAYS[5], 1750, {"sale": (2, 2410), "refund": (1, -550), "fee": (1, -110)}, fees=100)
    )


def _cash(history: History) -> None:
    shift = history.root(
        "cash_drawer_shifts",
        "s1",
        business_date=DAYS[3],
        opening_cents=10000,
        expected_cents=14000,
        counted_cents=13990,
    )
    history.root(
        "cash_events", "c1", business_date=DAYS[3], event_type="pay_out", amount_cents=-1500, source_type="PAID_OUT",
        shift_id=shift,
    )  # fmt: skip
    history.root("deposits", "d1", business_date=DAYS[4], amount_cents=12000)
    history.root(
        "house_account_movements", "h1", business_date=DAYS[4], amount_cents=900, movement_type="charged",
        order_id=history.id_of("orders", "o4"),
    )  # fmt: skip
    history.facts += [
        CashFact("cash_drawer_shifts", "s1", DAYS[3], 13990),
        CashFact("cash_events", "c1", DAYS[3], -1500),
        CashFact("deposits", "d1", DAYS[4], 12000),
        CashFact("house_account_movements", "h1", DAYS[4], 900),
    ]
