"""The accountant's files: cash, payouts and differences in the journal, accounts of one's own, adjustments, crosswalk, commands."""

from __future__ import annotations

import csv
import json
import re
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from psycopg.types.json import Jsonb

from aura_migration.cli.main import run
from aura_migration.core.errors import BadInput, EnvironmentFault, Refused
from aura_migration.database.connections import connect
from aura_migration.migration.accounting.accounts import (
    LINES,
    Accounts,
    accounts_schema,
    default_file,
    load_accounts,
)
from aura_migration.migration.accounting.adjustments import adjustments
from aura_migration.migration.accounting.files import write_adjustments, write_crosswalk, write_journal, write_tax_sheet
from aura_migration.migration.accounting.journal import make_journal
from aura_migration.migration.reports.sales import REPORTS
from aura_migration.migration.reports.sales.sections import SALES_KINDS
from aura_migration.migration.reports.sales.working import Days
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings
from aura_migration_tests.support.database import Pool
from aura_migration_tests.support.sales import Line, Tax, Till

ROOT = Path(__file__).resolve().parents[2]
MON, TUE, WED = "2026-01-05", "2026-01-06", "2026-01-07"
MONDAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def till(databases: Pool) -> Iterator[Till]:
    with databases.database() as url, connect(url, autocommit=True) as connection:
        till = Till(connection)
        tell(till)
        yield till


@pytest.fixture
def workshop(till: Till, tmp_path: Path) -> Workshop:
    return Workshop(load_settings({"AURA_DATA_DIR": str(tmp_path / "aura")}), _url(till))


def _url(till: Till) -> str:
    info = till.connection.info
    return f"postgresql://{info.user}@/{info.dbname}?host={info.host}&port={info.port}"


def tell(till: Till) -> None:
    """Two checks, one of which does not add up; cash, a payout with all kinds of entries, a bank deposit."""
    market = Tax(80, "Market", "8", remitted_by="marketplace")
    first = till.check(
        MON, [Line(1000, "=Pizza", "Food", taxes=[Tax(89)]), Line(500, "Cola", "Drinks", taxes=[market])]
    )
    till.check(
        TUE, [Line(300)], final_amount_cents=310, review_flags='["total_does_not_add_up"]', display_number="17",
        source_id="CHECK-17",
    )  # fmt: skip
    till.pay(MON, first, 1669, "card", fee_amount_cents=50)
    till.pay(MON, None, 40, "bank", fee_amount_cents=1)
    paid_later = till.pay(MON, None, 60, "other", tender_name="Pay later")
    till.pay(MON, None, 70, "check")
    till.pay(MON, None, 80, "gift_card", tender_name="Mall card")
    till.refund(TUE, 10, "other", tender_name="Pay later", payment_id=paid_later)
    till.refund(TUE, 90, "other", tender_name="Exchange", order_id=first, return_order_key="CHECK-17", net_cents=90)
    shift = till.root("cash_drawer_shifts", MON, expected_cents=5000, counted_cents=4990)
    for kind, cents in (
        ("pay_in", 2000),
        ("pay_out", -700),
        ("tip_out", -300),
        ("sale", 900),
        ("adjustment", 5),
        ("no_sale", 0),
    ):
        till.root("cash_events", MON, event_type=kind, amount_cents=cents, source_type=kind, shift_id=shift)
    till.root("deposits", TUE, amount_cents=1200)
    till.root("house_account_movements", TUE, amount_cents=-40, movement_type="adjusted")
    till.root("house_account_movements", TUE, amount_cents=900, movement_type="charged")
    payout = till.root("payouts", TUE, amount_cents=1450, currency="USD", status="PAID")
    for kind, gross, fee in (
        ("sale", 1669, 50),
        ("fee", -20, 0),
        ("dispute", -100, 0),
        ("reserve", -30, 0),
        ("tax", -15, 0),
    ):
        till.row(
            "payout_entries", payout_id=payout, entry_type=kind.upper(), entry_class=kind, gross_cents=gross, fee_cents=fee,
            net_cents=gross - fee,
        )  # fmt: skip
    till.row(
        "payout_entries", payout_id=payout, entry_type="CHARGE", entry_class="sale", gross_cents=0, fee_cents=0, net_cents=0,
        payment_id=paid_later,
    )  # fmt: skip
    till.root("payouts", TUE, amount_cents=77, currency="USD", status="FAILED")
    till.root("payouts", TUE, amount_cents=-12, currency="USD", status="SENT")
    till.flush()


def table(path: str | Path) -> list[list[str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_cash_payouts_and_differences_are_posted(till: Till) -> None:
    journal = make_journal(till.connection, Days(till.restaurant, till.location), Accounts())
    tuesday = date(2026, 1, 6)
    posted = {(e.line, e.detail, e.memo): e.debit - e.credit for e in journal.entries if e.day == MONDAY}
    assert posted[("cash", "", "drawers")] == 2000 - 700 - 300 + 5
    assert (posted[("cash_paid_in", "", "drawers")], posted[("cash_paid_out", "", "drawers")]) == (-2000, 700)
    assert (posted[("tips_payable", "", "drawers")], posted[("cash_adjustments", "", "drawers")]) == (300, -5)
    assert (posted[("cash", "", "counted")], posted[("cash_over_short", "", "counted")]) == (-10, 10)
    assert (posted[("sales", "Food", "sales")], posted[("sales", "Drinks", "sales")]) == (-1000, -500)
    assert (
        posted[("sales_tax", "Sales tax 8.875%", "checks")],
        posted[("marketplace_tax", "Market 8%", "checks")],
    ) == (-89, -80)
    assert (posted[("card_clearing", "Card", "payments")], posted[("card_clearing", "Card", "fees")]) == (1669, -50)
    assert (posted[("card_clearing", "Bank", "payments")], posted[("card_clearing", "Bank", "fees")]) == (40, -1)
    assert posted[("card_clearing", "Pay later", "payments")] == 60, "the processor pays it out"
    assert posted[("checks_and_transfers", "Check", "payments")] == 70
    assert posted[("gift_card_liability", "Mall card", "payments")] == 80
    posted = {(e.line, e.detail, e.memo): e.debit - e.credit for e in journal.entries if e.day == tuesday}
    assert posted[("card_clearing", "Pay later", "refunds")] == -10
    assert posted[("open_checks", "", "refunds")] == -90, (
        "what comes back in exchange pays for a check, and no tender moves"
    )
    assert ("other_tenders", "Exchange", "refunds") not in posted
    assert (posted[("bank", "", "payouts")], posted[("bank", "", "deposits")]) == (1450 - 12, 1200)
    assert posted[("card_clearing", "payouts", "payouts")] == -1619 + 12, "the payout that failed is none"
    assert (posted[("processing_fees", "", "payouts")], posted[("disputes", "", "payouts")]) == (20, 100)
    assert (posted[("processor_reserve", "", "payouts")], posted[("processor_other", "tax", "payouts")]) == (30, 15)
    assert (posted[("house_account_receivable", "", "adjustments")], posted[("open_checks", "", "checks")]) == (
        -40,
        310,
    )
    assert [(d.document, d.number, d.cents, d.flags) for d in journal.differences] == [
        ("orders", "17", 10, "total_does_not_add_up"),
        ("payouts", None, -4, ""),
    ]
    assert journal.balance("pos_difference", tuesday) == -10 + 4
    one = make_journal(till.connection, Days(till.restaurant, till.location, MONDAY, MONDAY), Accounts())
    assert one.days == [MONDAY] and one.entries == [e for e in journal.entries if e.day == MONDAY]


def test_cash_rounding_of_a_check_without_a_charge_of_its_own_and_of_a_refund_is_posted_as_rounding(till: Till) -> None:
    wednesday = date(2026, 1, 7)
    with till.connection.transaction(force_rollback=True):
        rounded = till.check(WED, [Line(1003)], rounding_cents=2, final_amount_cents=1005)
        till.pay(WED, rounded, 1005, "cash")
        till.refund(WED, 305, "cash", order_id=rounded, net_cents=302, details='{"rounding_cents": 3}')
        till.flush()
        journal = make_journal(till.connection, Days(till.restaurant, till.location, wednesday, wednesday), Accounts())
    posted = {(e.line, e.memo): e.debit - e.credit for e in journal.entries}
    assert (posted[("rounding", "checks")], posted[("rounding", "refunds")]) == (-2, 3)
    assert (posted[("sales", "sales")], posted[("refunds", "refunds")]) == (-1003, 302)
    assert not journal.differences and not any(line == "pos_difference" for line, _ in posted)


def test_the_journal_is_written_with_accounts_of_ones_own(till: Till, workshop: Workshop, tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    own = {
        "sales": {"account": "400", "details": {"Drinks": {"account": "401", "name": "Beverages"}}},
        "pos_difference": {"account": "X-1", "name": "=Unclear"},
    }
    file.write_text(json.dumps({"accounts": own}))
    answer = write_journal(workshop, till.subject.migration_id, tmp_path / "out", file, None, None)
    assert (answer["days"], answer["from"], answer["to"]) == (2, MON, TUE)
    assert answer["debits"] == answer["credits"] and answer["differences"] == {"documents": 2, "amount": "0.06"}
    path = tmp_path / "out" / "journal.csv"
    heading, *rows = table(path)
    entries = [dict(zip(heading, row, strict=True)) for row in rows]
    assert answer["files"][0] == {"kind": "journal", "file": str(path), "rows": len(entries)}
    for day in (MON, TUE):
        of = [entry for entry in entries if entry["date"] == day]
        assert sum(round(float(e["debit"] or 0) * 100) for e in of) == sum(
            round(float(e["credit"] or 0) * 100) for e in of
        )
    named = {entry["account"]: entry["account name"] for entry in entries}
    assert (named["400"], named["401"], named["X-1"], named["2200"]) == (
        "Sales",
        "Beverages",
        "'=Unclear",
        "Sales tax payable",
    )
    (drinks,) = [entry for entry in entries if entry["account"] == "401"]
    assert (drinks["debit"], drinks["credit"], drinks["description"]) == ("", "5.00", "sales: Drinks (sales)")
    _, *differences = table(tmp_path / "out" / "journal-differences.csv")
    assert differences[0][2] == "CHECK-17" and differences[0][5:] == ["0.10", "USD", "total_does_not_add_up"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_account_file_is_as_its_schema_says_and_everything_has_a_default(tmp_path: Path) -> None:
    published = json.loads((ROOT / "docs" / "accounts.schema.json").read_text(encoding="utf-8"))
    assert published == accounts_schema()
    jsonschema.validate(default_file(), published)
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps(default_file()))
    assert all(load_accounts(file).of(line, "x") == Accounts().of(line, "x") for line in LINES)
    for text, said in (
        ('{"accounts": {"gossip": {"account": "1"}}}', "no line gossip"),
        ('{"accounts": {"sales": {"number": "1"}}}', "accounts.sales.account"),
        ("{", "not JSON"),
    ):
        file.write_text(text)
        with pytest.raises(BadInput, match=said):
            load_accounts(file)
        if text != "{":
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(json.loads(text), published)
    with pytest.raises(BadInput, match="cannot be read"):
        load_accounts(tmp_path / "nothing.json")


def test_the_page_about_reports_names_every_line_table_and_section() -> None:
    text = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    assert not [name for name in (*LINES, *REPORTS, *SALES_KINDS) if f"`{name}`" not in text]
    assert not [
        line
        for line in LINES.values()
        if f"| {line.account} {line.name} | {line.detail} | {line.meaning} |" not in text
    ]
    examples = re.findall(r"```json\n(.*?)```", text, re.S)
    assert examples
    for example in examples:
        jsonschema.validate(json.loads(example), accounts_schema())


def test_the_tax_sheet_has_sales_by_taxability_and_tax_by_rate(till: Till, workshop: Workshop, tmp_path: Path) -> None:
    answer = write_tax_sheet(workshop, till.subject.migration_id, tmp_path, None, MONDAY)
    assert (answer["tax"], answer["tax_refunded"], answer["marketplace_tax"]) == ("0.89", "0.00", "0.80")
    _, *days = table(tmp_path / "sales-tax-days.csv")
    assert [row[1:3] + row[6:10] for row in days if row[0] == MON] == [
        ["sales", "net sales", "15.00", "", "", ""],
        ["sales", "taxed sales", "10.00", "", "", ""],
        ["sales", "sales taxed by marketplaces", "5.00", "", "", ""],
        ["sales", "exempt sales", "0.00", "", "", ""],
        ["sales", "untaxed sales", "0.00", "", "", ""],
        ["sales", "refunded sales", "0.00", "", "", ""],
        ["rate", "Sales tax", "10.00", "0.89", "0.00", "0.89"],
        ["rate", "Market", "5.00", "0.80", "0.00", "0.80"],
    ]
    assert {row[0] for row in days} == {MON}
    _, *months = table(tmp_path / "sales-tax-months.csv")
    assert [row[1:] for row in months] == [row[1:] for row in days] and {row[0] for row in months} == {"2026-01"}


def batch(till: Till, plan: int, number: int, at: str) -> int:
    row = till.connection.execute(
        "INSERT INTO migration.history_batches (migration_id, plan_id, batch, entity, bodies, first_ids, counts, loaded_at) "
        "VALUES (%s, %s, %s, 'orders', '[]', '{}', '{}', %s) RETURNING id",
        [till.subject.migration_id, plan, number, at],
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_what_came_to_closed_days_is_listed_with_both_versions(till: Till, workshop: Workshop, tmp_path: Path) -> None:
    connection = till.connection
    with connection.transaction(force_rollback=True):
        plans = [
            connection.execute(
                "INSERT INTO migration.plans (migration_id, hash, kind) VALUES (%s, %s, 'delta') RETURNING id",
                [till.subject.migration_id, f"h{n}"],
            ).fetchone()
            for n in range(3)
        ]
        first, second, third = (
            batch(till, row[0], 1, f"2026-02-0{n + 1} 10:00Z") for n, row in enumerate(plans) if row
        )
        of_first = till.check(MON, [Line(100)], source_id="FIRST", history_batch_id=first)
        changed = till.check(MON, [Line(250)], source_id="CHANGED", history_batch_id=third)
        gone = till.check(MON, [Line(70)], source_id="GONE", history_batch_id=first, voided_at_source=True)
        till.check(MON, [Line(60)], source_id="LATE", history_batch_id=second)
        till.check("2026-01-20", [Line(60)], source_id="LATE BUT OPEN", history_batch_id=second)
        till.pay(MON, of_first, 90, tip=10, source_id="PAYMENT", history_batch_id=second)
        till.flush()

        def journal(batch_id: int, source_id: str, aura_id: int, op: str, **before: Any) -> None:
            (image,) = connection.execute("SELECT to_jsonb(o) FROM aura.orders o WHERE id = %s", [aura_id]).fetchall()
            connection.execute(
                "INSERT INTO migration.history_journal (batch_id, document, source_key, aura_id, op, before) VALUES (%s, 'orders', %s, %s, %s, %s)",
                [batch_id, source_id, aura_id, op, Jsonb({"orders": [{**image[0], **before}]})],
            )

        journal(second, "CHANGED", changed, "replace", final_amount_cents=100)
        journal(third, "CHANGED", changed, "replace", final_amount_cents=200, business_date="2026-01-04")
        journal(third, "GONE", gone, "mark", voided_at_source=False)
        found = list(adjustments(connection, till.subject.location_key, till.location, date(2026, 1, 10)))
        assert [
            (a.cause, a.source_id, str(a.day_before or ""), str(a.day), a.cents_before, a.cents) for a in found
        ] == [
            ("changed", "CHANGED", MON, "2026-01-04", 100, 200),
            ("late", "LATE", "", MON, 0, 60),
            ("late", "PAYMENT", "", MON, 0, 100),
            ("changed", "CHANGED", "2026-01-04", MON, 200, 250),
            ("voided_at_source", "GONE", MON, MON, 70, 0),
        ]
        only = list(adjustments(connection, till.subject.location_key, till.location, date(2026, 1, 4)))
        assert [(a.cause, a.source_id) for a in only] == [("changed", "CHANGED"), ("changed", "CHANGED")]
    answer = write_adjustments(workshop, till.subject.migration_id, tmp_path, MONDAY)
    assert (answer["change"], answer["files"][0]["rows"]) == ("0.00", 0)


def test_the_crosswalk_has_menu_people_and_history(till: Till, workshop: Workshop, tmp_path: Path) -> None:
    till.connection.execute("UPDATE aura.orders SET history_batch_id = 1 WHERE source_id = 'CHECK-17'")
    write_crosswalk(workshop, till.subject.migration_id, tmp_path)
    heading, *rows = table(tmp_path / "crosswalk.csv")
    assert heading == ["entity", "source id", "aura table", "aura id", "is active"]
    ((order,),) = till.rows("SELECT id FROM aura.orders WHERE source_id = 'CHECK-17'")
    assert rows == [
        ["locations", "L1", "locations", str(till.location), "True"],
        ["orders", "CHECK-17", "orders", str(order), "True"],
    ]


def test_what_cannot_be_is_refused(till: Till, workshop: Workshop, tmp_path: Path) -> None:
    number = till.subject.migration_id
    with pytest.raises(BadInput, match="2026-01-06 is after 2026-01-05"):
        write_journal(workshop, number, tmp_path, None, date(2026, 1, 6), MONDAY)
    with pytest.raises(BadInput, match="Migration 99 does not exist"):
        write_crosswalk(workshop, 99, tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        write_crosswalk(workshop, number, tmp_path / "file")
    with till.connection.transaction():
        till.connection.execute("UPDATE migration.crosswalk SET is_active = false")
    with pytest.raises(Refused, match="AuraConnect holds nothing of square:L1 yet"):
        write_crosswalk(workshop, number, tmp_path)
    till.connection.execute("UPDATE migration.crosswalk SET is_active = true")


def test_the_commands_write_and_answer_in_json(
    till: Till, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AURA_DATABASE_URL", _url(till))
    monkeypatch.setenv("AURA_DATA_DIR", str(tmp_path / "aura"))
    number = str(till.subject.migration_id)

    def answer(*arguments: str) -> dict[str, Any]:
        assert run(["accounting", *arguments]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    into = ["--output", str(tmp_path / "out"), "--json"]
    assert answer("journal", number, "--from", MON, "--to", MON, *into)["days"] == 1
    assert answer("tax", number, *into)["tax"] == "0.89"
    assert answer("adjustments", number, "--closed", TUE, *into)["closed"] == TUE
    assert answer("crosswalk", number, *into)["files"][0]["kind"] == "crosswalk"
    assert answer("accounts") == default_file()
    assert answer("accounts", "--schema") == accounts_schema()
    assert run(["accounting", "journal", number, "--output", str(tmp_path / "out")]) == 0
    assert "2 documents do not add up in the POS" in capsys.readouterr().out
