"""The POS's own daily report is taken in whole or not at all, whatever its columns are called and however it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.core.errors import BadInput
from aura_migration.database.connections import connect
from aura_migration.intake.report_import import ReportImported, import_report
from aura_migration.intake.report_kinds import load_report_mapping, report_schema
from aura_migration_tests.support.database import Pool

HERE = "square:L1"
Connection = psycopg.Connection[Any]
Import = Callable[..., ReportImported]
SQUARE = """Date,Gross Sales,Returns,Discounts & Comps,Net Sales,Gift Card Sales,Service Charges,Tax,Tips,Cash Rounding,Card,Cash,Gift Card,Other,Fees
09/08/2026,"$1,200.50",($10.00),($20.50),"$1,170.00",$25.00,$0.00,$96.00,$80.10,$0.00,"$1,300.00",$71.10,$0.00,$0.00,($35.10)
09/09/2026,$100.00,$0.00,$0.00,$100.00,$0.00,$0.00,$8.00,$0.00,($0.02),$0.00,$107.98,$0.00,$0.00,$0.00
Total,"$1,300.50",($10.00),($20.50),"$1,270.00",$25.00,$0.00,$104.00,$80.10,($0.02),"$1,300.00",$179.08,$0.00,$0.00,($35.10)
"""


@pytest.fixture(scope="module")
def place(databases: Pool) -> Iterator[Connection]:
    """A database with one location."""
    with databases.database() as url, connect(url, autocommit=True, application_name="test") as connection:
        _location(connection)
        yield connection


@pytest.fixture
def connection(place: Connection) -> Iterator[Connection]:
    """What a test imports is rolled back."""
    with place.transaction(force_rollback=True):
        yield place


def _location(connection: Connection) -> None:
    restaurant = connection.execute("INSERT INTO aura.restaurants (name) VALUES ('R') RETURNING id").fetchone()
    assert restaurant is not None
    integration = connection.execute(
        "INSERT INTO migration.integrations (restaurant_id, pos, base_url, merchant_id, merchant_name) "
        "VALUES (%s, 'square', 'http://pos', 'M', 'M') RETURNING id",
        restaurant,
    ).fetchone()
    assert integration is not None
    connection.execute(
        "INSERT INTO migration.locations (key, integration_id, restaurant_id, source_id, name, facts) "
        """VALUES (%s, %s, %s, 'L1', 'Old Harbour', '{"currency": "USD"}')""",
        [HERE, integration[0], restaurant[0]],
    )


@pytest.fixture
def bring(connection: Connection, tmp_path: Path) -> Import:
    """Import a text as a report."""

    def run(text: str | bytes, mapping: dict[str, Any] | None = None, pos: str = "square") -> ReportImported:
        path, settings = tmp_path / "report.csv", tmp_path / "mapping.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if mapping is not None:
            settings.write_text(json.dumps(mapping))
        told = load_report_mapping(settings if mapping is not None else None)
        return import_report(connection, HERE, pos, path, told, "ann")

    return run


def stored(connection: Connection) -> dict[tuple[str, str, str], int]:
    rows = connection.execute(
        "SELECT business_date::text, metric, name, coalesce(cents, count) FROM migration.pos_daily_reports"
    )
    return {(day, metric, name): value for day, metric, name, value in rows.fetchall()}


def test_squares_own_sales_sheet_is_read_with_its_tenders_and_its_signs(connection: Connection, bring: Import) -> None:
    done = bring(SQUARE)
    assert (done.sheet, done.days, done.first_day, done.last_day) == ("sales", 2, date(2026, 9, 8), date(2026, 9, 9))
    assert done.totals["gross"] == 130050
    assert done.left_out == ()
    found = stored(connection)
    assert found["2026-09-08", "gross", ""] == 120050
    assert found["2026-09-08", "returns", ""] == 1000
    assert found["2026-09-08", "discounts", ""] == 2050
    assert found["2026-09-08", "fees", ""] == 3510
    assert found["2026-09-09", "rounding", ""] == -2
    assert found["2026-09-08", "tender_net", "Card"] == 130000
    assert len(found) == 28


def test_clovers_three_sheets_stand_beside_each_other(connection: Connection, bring: Import) -> None:
    bring(
        "Date,Orders,Gross Sales,Discounts,Refunds,Net Sales,Non-Revenue Items,Order Fees,Service Charge,Tax,Tips,Amount Collected\n"
        "2026-09-08,12,$100.00,($5.00),($2.00),$93.00,$0.00,$0.00,$0.00,$9.30,$7.00,$109.30\n"
        "Total,,,,,,,,,,,$109.30\n",
        pos="clover",
    )
    taxes = bring(
        "Date,Tax Name,Rate,Taxable Sales,Tax Collected\n2026-09-08,City,10.250%,93.00,9.30\nTotal,,,,9.30\n",
        pos="clover",
    )
    paid = bring(
        "Date,Tender,Payments,Amount,Tips,Refunds,Credits\n2026-09-08,Cash,2,40.00,0.00,-2.00,0.00\n"
        "2026-09-08,Credit Card,10,69.30,7.00,0.00,-1.00\nTotal,,,109.30,,,\n",
        pos="clover",
    )  # fmt: skip
    assert (taxes.sheet, paid.sheet) == ("taxes", "payments")
    found = stored(connection)
    assert found["2026-09-08", "orders", ""] == 12
    assert found["2026-09-08", "tax", ""] == found["2026-09-08", "tax_by_rate", "City 10.25%"] == 930
    assert found["2026-09-08", "tender_refunds", "Cash"] == 200
    assert found["2026-09-08", "tender_count", "Credit Card"] == 10


def test_a_day_on_which_more_was_given_back_does_not_turn_the_signs_of_what_is_taken_off(
    connection: Connection, bring: Import
) -> None:
    lines = "2026-09-08,100.00,-5.00,95.00\n2026-09-09,100.00,0.32,100.32\n2026-09-10,100.00,-1.00,99.00\n"
    bring(f"Date,Gross Sales,Discounts & Comps,Net Sales\n{lines}")
    found = stored(connection)
    assert [found[f"2026-09-{day}", "discounts", ""] for day in ("08", "09", "10")] == [500, -32, 100]


def test_toasts_sheets_are_read_for_this_location_alone_and_marketplace_tax_is_added_up(
    connection: Connection, bring: Import
) -> None:
    done = bring(
        "Business Date,Location,Tax Rate,Taxable Amount,Tax Amount,Remitted By Marketplace\n"
        "2026-09-08,Old Harbour,State,$100.00,$6.25,No\n2026-09-08,Old Harbour,State,$8.00,$0.50,Yes\n"
        "2026-09-08,New Harbour,State,$50.00,$3.13,No\n",
        pos="toast",
    )
    assert (done.elsewhere, done.values) == (1, 2)
    assert stored(connection)["2026-09-08", "tax_by_rate", "State"] == 675


def test_the_same_days_again_replace_their_figures_and_no_others(connection: Connection, bring: Import) -> None:
    bring(SQUARE)
    again = bring("Date,Gross Sales\n2026-09-09,$101.00\n")
    assert again.replaced == 1
    found = stored(connection)
    assert (found["2026-09-09", "gross", ""], found["2026-09-08", "gross", ""]) == (10100, 120050)
    assert found["2026-09-09", "tax", ""] == 800


def test_dates_that_can_be_read_two_ways_are_the_days_that_follow_each_other(
    connection: Connection, bring: Import
) -> None:
    lines = "".join(f"{day:02d}/09/2026,1.00\n" for day in range(4, 9))
    assert bring(f"Date,Gross Sales\n{lines}").last_day == date(2026, 9, 8)
    lines = "".join(f"09/{day:02d}/2026,1.00\n" for day in range(4, 9))
    assert bring(f"Date,Gross Sales\n{lines}").first_day == date(2026, 9, 4)


def test_a_mapping_file_reads_what_nobody_knows(connection: Connection, bring: Import) -> None:
    text = "Umsatzbericht\n\nTag;Brutto;MwSt 19;Bar;Ort\n08.09.2026;1.234,50;197,10;400,00;Hafen\nSumme;1.234,50;;;\n"
    mapping = {
        "columns": {
            "Tag": "date", "Brutto": "gross", "MwSt 19": "tax_by_rate:VAT 19%", "Bar": "tender_amount:Cash", "Ort": "location",
        },
        "location": "Hafen", "totalsRow": {"values": ["Summe"]},
    }  # fmt: skip
    done = bring(text.encode("utf-16"), mapping)
    assert done.sheet == "sales"
    assert stored(connection) == {
        ("2026-09-08", "gross", ""): 123450,
        ("2026-09-08", "tax_by_rate", "VAT 19%"): 19710,
        ("2026-09-08", "tender_amount", "Cash"): 40000,
    }
    assert {"columns", "sheet", "location"} <= set(report_schema()["properties"])


@pytest.mark.parametrize(
    ("text", "mapping", "says"),
    [
        ("Name,Amount\nx,1.00\n", None, "no column for 'date'"),
        ("Date,Weather\n2026-09-08,fine\n", None, "no figure that is known"),
        ("Date,Gross Sales\n2026-09-08,1.00\nTotal,2.00\n", None, "comes to 2.00, its lines come to 1.00"),
        ("Date,Gross Sales\n2026-09-08,1.00\n2026-09-08,2.00\n", None, "is in line 2 already"),
        ("Date,Gross Sales\n2026-09-08,1.00\n2026-13-09,2.00\n", None, "this is not a date"),
        ("Date,Gross Sales\n2026-09-08,1.00\n2026-09-09,twelve\n", None, "this is not an amount"),
        ("Date,Gross Sales\n2026-09-08,1.001\n", {"decimalSeparator": "."}, "finer than"),
        ("Date,Gross Sales\n2026-09-08,EUR 1.00\n", None, "another currency"),
        ("Date,Orders\n2026-09-08,1.5\n", None, "not a number of orders"),
        ("Date,Gross Sales\n03/04/2026,1.00\n", None, "equally well, and differently"),
        ("Date,Gross Sales\nTotal,1.00\n2026-09-08,1.00\n", None, "days follow it"),
        ("Date,Location,Gross Sales\n2026-09-08,Elsewhere,1.00\n", None, "No line of the report is of Old Harbour"),
        ("Date,Gross Sales\n", None, "no days"),
        ("", None, "empty"),
        (b"PK\x03\x04....", None, "save it as CSV"),
        (b"Date,Gross Sales\n\xff\xfe\x00", {"encoding": "utf-8"}, "not utf-8"),
        ("Date,X\n2026-09-08,1.00\n", {"columns": {"Date": "date", "X": "profit"}}, "which is no figure"),
        ("Date,X\n2026-09-08,1.00\n", {"columns": {"Date": "date", "Y": "gross"}}, "no 'Y'"),
        ("Date,X\n2026-09-08,1.00\n", {"colour": "red"}, "colour"),
        ('Date,Gross Sales\n2026-09-08,1.00\n2026-09-09,"2.00\n', None, "quotes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_imported(
    connection: Connection, bring: Import, text: str | bytes, mapping: dict[str, Any] | None, says: str
) -> None:
    with pytest.raises(BadInput) as refused:
        bring(text, mapping)
    assert says in str(refused.value)
    assert refused.value.remedy
    assert stored(connection) == {}
