"""Sales reports: what is counted where, that making them again changes nothing, and that days are made apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import psycopg.rows
import pytest

from aura_migration.database.connections import connect
from aura_migration.migration.reports.sales import REPORTS, refresh_reports
from aura_migration_tests.support.database import Pool
from aura_migration_tests.support.sales import Charge, Line, Tax, Till

Connection = psycopg.Connection[Any]
MON, TUE, WED = "2026-01-05", "2026-01-06", "2026-01-07"


def tell(till: Till) -> None:
    """Three days with everything in them."""
    staff = till.row("staff_members", name="Sam Reyes", status="active")
    other = till.row("staff_members", name="Kim Osei", status="active")
    group = till.root("order_groups", MON, guest_count=3)
    # one group, two checks, one of them closed after midnight
    first = till.check(
        MON,
        [
            Line(2000, taxes=[Tax(178)], discount=200),
            Line(1000, "Cola", "Drinks", taxes=[Tax(50, "City", "5", is_inclusive=True)]),
            Line(900, "Burned burger", is_voided=True, taxes=[Tax(80)], values={"voided_by": other}),
        ],
        [Charge(300, taxes=[Tax(27)]), Charge(500, "auto_gratuity")],
        order_group_id=group,
        staff_id=staff,
        channel="in_house",
        order_type="dine_in",
    )
    second = till.check(
        MON,
        [Line(1500, "Soup", comp=1500), Line(2500, "Gift card", None, "gift_card_load")],
        [Charge(100, "fundraising"), Charge(-2, "cash_rounding")],
        order_group_id=group,
        staff_id=staff,
        closed_at=f"{TUE} 01:10-05",
        channel="in_house",
        order_type="dine_in",
    )
    online = till.check(
        MON,
        [Line(4000, "Pizza", taxes=[Tax(320, "Marketplace tax", "8", remitted_by="marketplace")])],
        channel="third_party",
        order_type="delivery",
        guest_count=2,
    )
    exempt = till.check(TUE, [Line(700, "Tea", None)], is_tax_exempt=True, review_flags='["tax_does_not_add_up"]')
    whole = till.check(TUE, [Line(1000, "Bread")], discount=100, taxes=[Tax(60, "State", "6.5", taxable=900)])
    till.check(TUE, [Line(999)], is_voided=True, void_business_date=WED, staff_id=staff)
    till.check(TUE, [Line(444)], status="pending")
    till.check(TUE, [Line(555)], status="cancelled")
    till.check(TUE, [Line(666)], voided_at_source=True)
    paid = till.pay(MON, first, 3805, tip=600, fee_amount_cents=90, staff_id=staff)
    till.row("tip_records", payment_id=paid, tip_amount_cents=400, tip_date=MON, tip_type="card", staff_id=other)
    till.pay(MON, second, 2598, "cash")
    till.pay(MON, online, 4320, "other", tender_name="Eats")
    till.pay(TUE, exempt, 700, "gift_card")
    till.pay(TUE, whole, 960, status="failed")
    back = till.refund(
        WED, 1288, order_id=first, payment_id=paid, net_cents=1000, tax_cents=88, tip_refunded_cents=200,
        fee_refunded_cents=10, staff_id=staff,
    )  # fmt: skip
    till.row(
        "refund_items", refund_id=back, item_name="Burger", quantity=1, gross_cents=1100, discount_cents=100,
        tax_cents=88, net_cents=1000, source_line_id="line-0",
    )  # fmt: skip
    card = till.refund(TUE, 500, "cash", order_id=second, sale_business_date=MON)
    till.row(
        "refund_items", refund_id=card, item_name="Gift card", quantity=1, gross_cents=500, source_line_id="line-1"
    )
    till.refund(TUE, 50, "cash", status="failed")
    for who, start, end, more in (
        (staff, "10:00", "18:00", {"breaks": '[{"start": "2026-01-05T15:00:00+00:00", "end": "2026-01-05T15:30:00+00:00", "is_paid": false}]'}),
        (other, "10:00", "12:00", {"regular_hours": "1.5", "overtime_hours": "0.25"}),
    ):  # fmt: skip
        till.root(
            "attendance_logs", MON, staff_id=who, check_in=f"{MON} {start}+00", check_out=f"{MON} {end}+00",
            method="imported", status="checked_out", **more,
        )  # fmt: skip
    till.root("attendance_logs", "2025-12-01", staff_id=staff, check_in="2025-12-01 10:00+00", check_out="2025-12-01 12:00+00",
              method="imported", status="checked_out")  # fmt: skip
    till.flush()


@pytest.fixture(scope="module")
def till(databases: Pool) -> Iterator[Till]:
    with databases.database() as url, connect(url, autocommit=True) as connection:
        till = Till(connection)
        tell(till)
        refresh_reports(connection, till.restaurant, till.location)
        yield till


def daily(till: Till, day: str) -> dict[str, Any]:
    with till.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        cursor.execute(b"SELECT * FROM aura.report_daily_sales WHERE business_date = %s", [day])
        (row,) = cursor.fetchall()
    return row


def everything(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {t: connection.execute(f"SELECT * FROM aura.{t} ORDER BY {t}::text".encode()).fetchall() for t in REPORTS}


def test_a_day_says_what_was_sold_given_taxed_and_paid(till: Till) -> None:
    row = daily(till, MON)
    assert (row["checks"], row["groups"], row["guests"]) == (3, 2, 5)
    assert row["gross_sales_cents"] == 2000 + 1000 + 1500 + 4000
    assert (row["discounts_cents"], row["comps_cents"], row["included_tax_cents"]) == (200, 1500, 50)
    assert row["net_item_sales_cents"] == 8500 - 200 - 1500 - 50
    assert (row["service_charges_cents"], row["fundraising_cents"], row["gratuity_cents"]) == (300, 100, 500)
    assert row["net_sales_cents"] == row["net_item_sales_cents"] + 300
    assert (row["tax_cents"], row["marketplace_tax_cents"]) == (178 + 50 + 27 + 320, 320)
    assert (row["gift_card_loads_cents"], row["rounding_cents"]) == (2500, -2)
    assert row["total_cents"] == 3805 + 2598 + 4320 == (
        row["net_sales_cents"] + row["tax_cents"] + row["gratuity_cents"] + row["fundraising_cents"]
        + row["rounding_cents"] + row["gift_card_loads_cents"]
    )  # fmt: skip
    assert (row["payments"], row["paid_cents"], row["tips_cents"], row["fees_cents"]) == (3, 10723, 600, 90)
    assert (row["taxed_sales_cents"], row["marketplace_taxed_sales_cents"]) == (3050, 4000)
    assert (row["voided_lines"], row["voided_line_amount_cents"], row["voided_checks"]) == (1, 900, 0)
    assert (row["average_check_cents"], row["sales_per_labour_hour_cents"]) == (2350, 762)


def test_what_is_void_open_or_exempt_is_told_apart(till: Till) -> None:
    row = daily(till, TUE)
    assert (row["checks"], row["gross_sales_cents"], row["guests"], row["flagged_checks"]) == (2, 1700, None, 1)
    assert (row["exempt_sales_cents"], row["taxed_sales_cents"], row["untaxed_sales_cents"]) == (700, 900, 0)
    assert (row["voided_checks"], row["voided_check_amount_cents"]) == (2, 555 + 666), (
        "one is told on the day of its void"
    )
    assert (row["open_checks"], row["open_check_amount_cents"]) == (1, 444)
    assert (row["payments"], row["paid_cents"]) == (1, 700), "a failed payment is none"
    assert (row["refunds"], row["refunded_cents"], row["refunded_sales_cents"]) == (1, 500, 0)
    assert row["refunded_non_sale_cents"] == 500, "a gift card taken back is no refund of a sale"


def test_a_refund_is_booked_on_its_day_and_shown_on_the_day_of_its_sale_too(till: Till) -> None:
    row = daily(till, WED)
    assert (row["refunded_cents"], row["refunded_sales_cents"], row["refunded_tax_cents"]) == (1288, 1000, 88)
    assert (row["refunded_tips_cents"], row["fees_cents"], row["net_sales_after_refunds_cents"]) == (200, -10, -1000)
    assert row["refunded_sales_by_sale_day_cents"] == 0
    assert (row["voided_checks"], row["voided_check_amount_cents"]) == (1, 999)
    assert daily(till, MON)["refunded_sales_by_sale_day_cents"] == 1000


def test_each_report_tells_its_part_and_its_sums_are_the_days(till: Till) -> None:
    assert till.rows("SELECT business_date::text, hour, checks, groups, net_sales_cents FROM aura.report_hourly_sales ORDER BY 1, 2") == [
        (MON, 1, 1, 0, 0), (MON, 18, 2, 2, 7050), (TUE, 18, 2, 2, 1600)]  # fmt: skip
    assert till.rows("SELECT category_name, item_name, net_cents FROM aura.report_product_mix WHERE business_date = %s ORDER BY 2", MON) == [
        ("Food", "Burger", 1800), ("Drinks", "Cola", 950), ("", "Gift card", 2500), ("Food", "Pizza", 4000), ("Food", "Soup", 0)]  # fmt: skip
    assert till.rows("SELECT item_name, lines, refunded_quantity, refunded_cents FROM aura.report_product_mix WHERE business_date = %s", WED) == [
        ("Burger", 0, 1, 1000)]  # fmt: skip
    assert till.rows("SELECT revenue_class, category_name, net_cents FROM aura.report_category_sales WHERE business_date = %s ORDER BY 1, 2", MON) == [
        ("gift_card_load", "", 2500), ("sale", "Drinks", 950), ("sale", "Food", 5800)]  # fmt: skip
    assert till.rows("SELECT tender_name, payments, collected_cents, fees_cents FROM aura.report_tenders WHERE business_date <> %s ORDER BY 1, business_date", TUE) == [
        ("Card", 1, 4405, 90), ("Card", 0, -1288, -10), ("Cash", 1, 2598, 0), ("Eats", 1, 4320, 0)]  # fmt: skip
    assert till.rows("SELECT name, rate_percent, remitted_by, taxable_cents, tax_cents FROM aura.report_taxes WHERE tax_cents > 0 ORDER BY 1, business_date") == [
        ("City", 5, "restaurant", 950, 50), ("Marketplace tax", 8, "marketplace", 4000, 320),
        ("Sales tax", pytest.approx(8.875), "restaurant", 2100, 205), ("State", 6.5, "restaurant", 900, 60)]  # fmt: skip
    assert till.rows("SELECT name, refunded_tax_cents FROM aura.report_taxes WHERE business_date = %s", WED) == [
        ("Sales tax", 88)
    ]
    assert till.rows("SELECT channel, order_type, groups, net_sales_cents FROM aura.report_channels WHERE business_date = %s ORDER BY 1", MON) == [
        ("in_house", "dine_in", 1, 3050), ("third_party", "delivery", 1, 4000)]  # fmt: skip
    assert till.rows("SELECT name, is_comp, amount_cents FROM aura.report_discounts WHERE business_date = %s ORDER BY 1", MON) == [
        ("Happy hour", False, 200), ("Manager comp", True, 1500)]  # fmt: skip
    columns = "checks, net_sales_cents, tips_cents, voided_lines, labour_hours, sales_per_labour_hour_cents"
    assert till.rows(f"SELECT {columns} FROM aura.report_staff WHERE business_date = %s AND staff_id IS NOT NULL ORDER BY staff_id", MON) == [
        (2, 3050, 200, 0, pytest.approx(7.5), 407), (0, 0, 400, 1, pytest.approx(1.75), 0)]  # fmt: skip
    for table, column in (
        ("report_hourly_sales", "net_sales_cents"), ("report_channels", "net_sales_cents"), ("report_staff", "net_sales_cents"),
        ("report_staff", "tips_cents"), ("report_taxes", "tax_cents"), ("report_staff", "voided_line_amount_cents"),
    ):  # fmt: skip
        assert not till.rows(
            f"SELECT d.business_date, d.{column}, t.total FROM aura.report_daily_sales d LEFT JOIN "
            f"(SELECT business_date, sum({column}) AS total FROM aura.{table} GROUP BY 1) t USING (business_date) "
            f"WHERE d.{column} <> coalesce(t.total, 0)"
        ), (table, column)


def test_days_before_the_first_order_are_not_told(till: Till) -> None:
    assert till.rows("SELECT count(*) FROM aura.report_staff WHERE business_date < %s", MON) == [(0,)]


def test_views_have_the_numeric_names(till: Till) -> None:
    assert till.rows("SELECT gross_sales, net_sales, average_check FROM auraconnect.report_daily_sales WHERE business_date = %s", MON) == [
        (85, pytest.approx(70.5), pytest.approx(23.5))]  # fmt: skip
    named = till.rows(
        "SELECT table_name FROM information_schema.views WHERE table_schema = 'auraconnect' AND table_name LIKE 'report%%'"
    )
    assert sorted(name for (name,) in named) == sorted(REPORTS)


def test_making_reports_again_changes_nothing_and_late_changes_move_their_days(till: Till) -> None:
    connection = till.connection
    before = everything(connection)
    for since in (None, date(2026, 1, 7), date(2026, 1, 6)):
        refresh_reports(connection, till.restaurant, till.location, since)
        assert everything(connection) == before
    with connection.transaction(force_rollback=True):
        connection.execute(
            "UPDATE aura.orders SET is_voided = true WHERE location_id = %s AND channel = 'third_party'",
            [till.location],
        )
        refresh_reports(connection, till.restaurant, till.location, date(2026, 1, 6))
        assert daily(till, MON)["checks"] == 2, "a refund on Tuesday is of a sale on Monday: Monday is made again"
        refresh_reports(connection, till.restaurant, till.location, date(2026, 1, 5))
        assert (daily(till, MON)["checks"], daily(till, MON)["voided_checks"]) == (2, 1)
    assert everything(connection) == before


def test_reports_of_a_location_go_with_its_history_and_no_others(till: Till) -> None:
    connection = till.connection
    with connection.transaction(force_rollback=True):
        columns = [
            n
            for (n,) in till.rows(
                "SELECT attname FROM pg_attribute WHERE attrelid = 'aura.report_channels'::regclass AND attnum > 0"
            )
        ]
        connection.execute(
            "INSERT INTO aura.locations (id, restaurant_id, name, timezone) VALUES (77, %s, 'Other', 'UTC')",
            [till.restaurant],
        )
        told = ", ".join("77" if name == "location_id" else name for name in columns)
        connection.execute(f"INSERT INTO aura.report_channels SELECT {told} FROM aura.report_channels".encode())
        assert len(everything(connection)["report_daily_sales"]) == 3
        for table in ("orders", "payments", "refunds"):
            connection.execute(f"DELETE FROM aura.{table} WHERE location_id = %s".encode(), [till.location])
        refresh_reports(connection, till.restaurant, till.location)
        left = {table: len(rows) for table, rows in everything(connection).items() if rows}
        assert left == {"report_channels": 3}
