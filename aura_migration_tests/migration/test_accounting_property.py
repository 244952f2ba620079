"""The journal balances whatever a till does, and says the same as the daily report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from aura_migration.database.connections import connect
from aura_migration.migration.accounting.accounts import Accounts
from aura_migration.migration.accounting.journal import Journal, make_journal
from aura_migration.migration.accounting.tax_sheet import make_tax_sheet
from aura_migration.migration.reports.sales import refresh_reports
from aura_migration.migration.reports.sales.working import Days
from aura_migration_tests.support.database import Pool
from aura_migration_tests.support.sales import Charge, Line, Tax, Till

DAYS = [f"{date(2026, 3, 6) + timedelta(n)}" for n in range(4)]
CLASSES = ("sale", "sale", "sale", "gift_card_load", "house_account_payment", "deposit", "donation", "non_revenue")
METHODS = ("cash", "card", "gift_card", "house_account", "store_credit", "loyalty", "check", "bank", "wallet", "other")
CHARGES = ("service", "auto_gratuity", "surcharge", "cash_rounding", "delivery", "fundraising")


@st.composite
def taxes(draw: st.DrawFn, most: int) -> list[Tax]:
    rates = draw(st.lists(st.sampled_from(["State", "City", "Liquor", "Market"]), max_size=2, unique=True))
    return [
        Tax(
            draw(st.integers(0, max(most // 10, 1))),
            name,
            draw(st.sampled_from(["8.875", "5", None])),
            is_inclusive=draw(st.booleans()),
            remitted_by="marketplace" if name == "Market" else "restaurant",
        )
        for name in rates
    ]


@st.composite
def lines(draw: st.DrawFn) -> Line:
    gross = draw(st.integers(0, 9000))
    revenue_class = draw(st.sampled_from(CLASSES))
    given_away = draw(st.sampled_from([0, 0, gross // 10, gross]))
    is_comp = given_away == gross and draw(st.booleans())
    return Line(
        gross,
        draw(st.sampled_from(["Burger", "Cola", "Soup"])),
        draw(st.sampled_from(["Food", "Drinks", None])),
        revenue_class,
        discount=0 if is_comp else given_away,
        comp=given_away if is_comp else 0,
        taxes=draw(taxes(gross)) if revenue_class == "sale" else (),
        is_voided=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    state = draw(st.sampled_from(["counts"] * 6 + ["voided", "pending"]))
    return {
        "day": draw(st.sampled_from(DAYS)),
        "lines": draw(st.lists(lines(), min_size=1, max_size=4)),
        "charges": draw(
            st.lists(st.builds(Charge, st.integers(-3, 900), st.sampled_from(CHARGES), taxes(300)), max_size=2)
        ),
        "discount": draw(st.sampled_from([0, 0, 150])),
        "taxes": draw(taxes(500)),
        "state": state,
        "off": draw(st.sampled_from([0] * 9 + [-7, 12])),
        "splits": draw(st.lists(st.sampled_from(METHODS), max_size=3)),
        "later": draw(st.sampled_from([0, 0, 1])),
        "tip": draw(st.integers(0, 400)),
        "fee": draw(st.sampled_from([None, 0, 33])),
        "refund": draw(st.sampled_from([None, None, "amount", "parts", "line", "wrong"])),
        "refund_day": draw(st.sampled_from(DAYS)),
    }


def ring_up(till: Till, order: dict[str, Any]) -> None:
    head: dict[str, Any] = {"is_voided": True} if order["state"] == "voided" else {}
    if order["state"] == "pending":
        head["status"] = "pending"
    number = till.check(
        order["day"], order["lines"], order["charges"], discount=order["discount"], taxes=order["taxes"], **head
    )
    payable = till.payable(number, order["off"])
    paid_day = DAYS[min(DAYS.index(order["day"]) + order["later"], len(DAYS) - 1)]
    for part, method in enumerate(order["splits"]):
        share = payable // len(order["splits"])
        if part == 0:
            share = payable - share * (len(order["splits"]) - 1)
        tip = order["tip"] if part == 0 else 0
        till.pay(paid_day, number, share, method, tip, fee_amount_cents=order["fee"])
    if order["refund"] and order["splits"]:
        give_back(till, order, number, payable)


def give_back(till: Till, order: dict[str, Any], number: int, payable: int) -> None:
    amount = abs(payable) // 2
    parts: dict[str, Any] = {}
    if order["refund"] in ("parts", "wrong", "line"):
        tax, tip = amount // 11, amount // 7
        parts = {"tax_cents": tax, "tip_refunded_cents": tip, "charge_cents": 3, "fee_refunded_cents": 2}
        parts["net_cents"] = amount - tax - tip - 3 + (5 if order["refund"] == "wrong" else 0)
    back = till.refund(order["refund_day"], amount, order["splits"][0], order_id=number, **parts)
    if order["refund"] == "line":
        till.row(
            "refund_items",
            refund_id=back,
            item_name="Burger",
            quantity=1,
            gross_cents=parts["net_cents"],
            tax_cents=parts["tax_cents"],
            source_line_id="line-0",
        )


@pytest.fixture(scope="module")
def till(databases: Pool) -> Iterator[Till]:
    with databases.database() as url, connect(url, autocommit=True) as connection:
        yield Till(connection)


def reported(till: Till) -> dict[date, dict[str, Any]]:
    with till.connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(b"SELECT * FROM aura.report_daily_sales").fetchall()
    return {row["business_date"]: row for row in rows}


def agree(journal: Journal, day: date, row: dict[str, Any]) -> None:
    """Each figure of the day's report is in the journal, under its lines."""

    def credit(line: str, memo: str | None = None, detail: str | None = None) -> int:
        return -journal.balance(line, day, detail, memo)

    assert credit("sales") == row["gross_sales_cents"] - row["included_tax_cents"]
    assert (-credit("discounts"), -credit("comps")) == (row["discounts_cents"], row["comps_cents"])
    assert credit("service_charges", "checks") == row["service_charges_cents"]
    assert credit("sales_tax", "checks") + credit("marketplace_tax", "checks") == row["tax_cents"]
    assert credit("marketplace_tax", "checks") == row["marketplace_tax_cents"]
    assert (credit("gratuity_payable"), credit("rounding")) == (row["gratuity_cents"], row["rounding_cents"])
    assert credit("donations_payable", "checks") == row["donations_cents"] + row["fundraising_cents"]
    assert credit("deposits", "checks") == row["deposits_cents"]
    assert credit("non_revenue", "checks") == row["non_revenue_cents"]
    assert credit("gift_card_liability", "loads") == row["gift_card_loads_cents"]
    assert credit("house_account_receivable", "settled") == row["house_account_payments_cents"]
    assert -credit("open_checks") == row["total_cents"] - row["paid_cents"]
    assert credit("tips_payable", "payments") == row["tips_cents"]
    assert -credit("processing_fees") == row["fees_cents"]
    assert -credit("refunds") == row["refunded_sales_cents"]
    assert -credit("tips_payable", "refunds") == row["refunded_tips_cents"]
    assert -credit("service_charges", "refunds") == row["refunded_charges_cents"]
    assert -credit("sales_tax", "refunds") - credit("marketplace_tax", "refunds") == row["refunded_tax_cents"]
    assert credit("pos_difference") == sum(d.cents for d in journal.differences if d.day == day)
    net = credit("sales") + credit("discounts") + credit("comps") + credit("service_charges", "checks")
    assert net == row["net_sales_cents"]


@seed(20260306)
@settings(
    max_examples=20,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(orders(), min_size=3, max_size=14))
def test_the_journal_balances_per_day_and_says_what_the_report_says(till: Till, sold: list[dict[str, Any]]) -> None:
    with till.connection.transaction(force_rollback=True):
        for order in sold:
            ring_up(till, order)
        till.flush()
        refresh_reports(till.connection, till.restaurant, till.location)
        days = Days(till.restaurant, till.location)
        journal = make_journal(till.connection, days, Accounts())
        rows = reported(till)
        for day in {*journal.days, *rows}:
            posted = [entry for entry in journal.entries if entry.day == day]
            assert sum(entry.debit for entry in posted) == sum(entry.credit for entry in posted)
            assert all(min(entry.debit, entry.credit) == 0 <= max(entry.debit, entry.credit) for entry in posted)
            agree(journal, day, rows[day])
        sheet = make_tax_sheet(till.connection, days)
        for of in (sheet.by_day, sheet.by_month):
            assert sum(row.tax for row in of) == sum(row["tax_cents"] for row in rows.values())
            assert sum(row.refunded_tax for row in of) == sum(row["refunded_tax_cents"] for row in rows.values())
            sales = [row for row in of if row.kind == "sales" and row.name != "refunded sales"]
            assert sum(row.sales for row in sales) == 2 * sum(row["net_sales_cents"] for row in rows.values())
