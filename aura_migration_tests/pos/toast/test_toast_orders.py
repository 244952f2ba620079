"""Toast's history over HTTP: what becomes of orders, payments, refunds and cash, held against the sandbox's books."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import (
    Order,
    OrderDiscount,
    OrderGroup,
    OrderItem,
    OrderItemModifier,
    OrderServiceCharge,
    OrderTax,
    Payment,
    PaymentFee,
    Refund,
    RefundItem,
    Tip,
)
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.history.tables import BY_ROW, tables_of
from aura_migration.pos.port import HistorySpan
from aura_migration.pos.toast import CONNECTOR
from aura_migration_tests.pos.toast.conftest import Toast
from aura_migration_tests.support.ciphers import PlainSeals

OCTOBER = datetime(2026, 10, 1, 9, tzinfo=UTC)
SPAN = HistorySpan(datetime(2026, 8, 10, tzinfo=UTC), OCTOBER)
FIRST_WHOLE_DAY = "2026-08-11"
HISTORY = ("orders", "cash_entries", "cash_deposits", "guests", "delivery_addresses")
MAPPED = ("orders", "cash_entries", "cash_deposits")
Json = dict[str, Any]


def documents(reader: SnapshotReader, location: Any, **rules: Any) -> list[Document]:
    """All documents of a snapshot, of each object the latest."""
    mapper = CONNECTOR.history_mapper(reader, location, PlainSeals(), HistoryRules(location.timezone, **rules))
    found: dict[tuple[str, str], Document] = {}
    for entity in mapper.entities:
        for body in reader.bodies(entity):
            for one in mapper.documents(body):
                held = found.get((one.kind, one.key))
                if held is None or one.version >= held.version:
                    found[one.kind, one.key] = one
    return list(found.values())


@dataclass
class Books:
    """A location's history as documents, beside the truth."""

    toast: Toast
    reader: SnapshotReader
    location: Any
    found: dict[tuple[str, str], Document]

    def rows(self, kind: str) -> dict[str, Any]:
        """The root rows of a kind by key."""
        return {key: one.rows[0] for (held, key), one in self.found.items() if held == kind and one.rows}

    def below(self, kind: str, row: type[Any]) -> dict[str, list[Any]]:
        """The rows of a table below each document of a kind."""
        return {
            key: [inner for inner in one.rows if isinstance(inner, row)]
            for (held, key), one in self.found.items()
            if held == kind and one.rows
        }

    def truth(self, part: str) -> list[Json]:
        """A part of the books."""
        lines = self.toast.control.get(f"/_control/orders/{part}").text.splitlines()
        rows = [json.loads(line) for line in lines]
        return [row for row in rows if row.get("location", self.location.source_id) == self.location.source_id]

    def checks(self) -> Iterator[tuple[Json, Json]]:
        """The books' checks that were changed in the span, with their orders."""
        for order in self.truth("orders"):
            if order["modified_at"] >= "2026-08-10":
                for check in order["checks"]:
                    yield order, check


@pytest.fixture(scope="module")
def books(serve_toast: Callable[..., Toast]) -> Books:
    toast = serve_toast("diner", orders=250, months=2)
    toast.calm()
    source = toast.truth["locations"][0]["id"]
    location = next(one for one in toast.discover().locations if one.source_id == source)
    with toast.recorder(source, OCTOBER) as recorder:

        async def work(session: Any) -> None:
            await session.extract(recorder, "location", source, ("config", "menus"))
            await session.extract(recorder, "history", source, HISTORY, SPAN)

        toast.session(work, switches={"orders_pause_seconds": 0})
        reader = SnapshotReader(recorder.finish(), cipher=toast.cipher)
    return Books(toast, reader, location, {(one.kind, one.key): one for one in documents(reader, location)})


def of_notes(books: Books, name: str) -> list[str]:
    """The orders the books note under a name."""
    [found] = [row["orders"] for row in books.truth("notes") if row["name"] == f"orders: {name}"]
    return list(found)


# -- what was read -------------------------------------------------------------------------------------------------------


def test_everything_of_the_history_is_certified_and_counted_a_second_time(books: Books) -> None:
    found = {one.entity: one for one in books.reader.certificates()}
    assert {found[name].status for name in HISTORY} == {"complete"}
    orders = found["orders"]
    assert orders.second_route is not None
    assert orders.distinct == orders.second_route.count
    expected = [one for one in books.truth("orders") if one["modified_at"] >= "2026-08-09"]
    assert orders.distinct == len(expected)


def test_every_check_is_there_once_and_what_was_deleted_is_told_as_gone(books: Books) -> None:
    deleted = {c["id"] for o, c in books.checks() if o["deleted"] or c["deleted"]}
    live = {c["id"] for o, c in books.checks()} - deleted
    assert deleted
    assert {key for (kind, key), one in books.found.items() if kind == "orders" and one.gone} == deleted
    assert live <= books.rows("orders").keys()
    assert not [one for one in books.found.values() if one.fault]


# -- amounts -------------------------------------------------------------------------------------------------------------


def test_every_check_comes_to_what_the_books_say(books: Books) -> None:
    orders = books.rows("orders")
    seen = set()
    for order, check in books.checks():
        if order["deleted"] or check["deleted"]:
            continue
        row: Order = orders[check["id"]]
        lines = [line for line in check["lines"] if not line["voided"]]
        assert row.business_date == order["business_date"]
        assert row.business_date_rule == "toast businessDate"
        assert row.final_amount_cents == check["total_cents"] + check["gratuity_cents"]
        assert row.tax_amount_cents == check["tax_cents"]
        assert row.gratuity_cents == check["gratuity_cents"]
        assert row.tip_amount_cents == sum(one["tip_cents"] for one in check["payments"] if one["counts"])
        assert row.is_voided == (order["voided"] or check["voided"])
        if not row.is_voided:
            identity = row.subtotal_cents - row.discount_amount_cents + row.service_charge_amount_cents
            identity += row.gratuity_cents + row.rounding_cents + row.tax_amount_cents - row.included_tax_cents
            assert identity == row.final_amount_cents
            included = sum(int(Decimal(t["cents"])) for one in lines if one["tax_included"] for t in one["taxes"])
            assert row.included_tax_cents == included
            net = row.subtotal_cents - row.discount_amount_cents - row.included_tax_cents
            assert net == sum(line["net_cents"] for line in lines)
            seen.add("with tax in prices" if included else "tax on top")
        assert row.total_amount_cents - row.discount_amount_cents == row.final_amount_cents
        assert not row.review_flags, check["id"]
    assert seen == {"with tax in prices", "tax on top"}


def test_every_line_is_rung_up_as_in_the_books(books: Books) -> None:
    items = books.below("orders", OrderItem)
    classes = set()
    for _, check in books.checks():
        for line, row in zip(check["lines"], items.get(check["id"], ()), strict=bool(items.get(check["id"]))):
            tax = sum(Decimal(one["cents"]) for one in line["taxes"])
            shown = sum(one["cents"] - (one["net_cents"] or one["cents"]) for one in line["discounts"])
            assert row.source_line_id == line["id"]
            assert row.is_voided == line["voided"]
            assert Decimal(row.quantity) == Decimal(str(line["quantity"]))
            if not line["tax_included"]:
                assert row.line_subtotal_cents == line["gross_cents"]
            elif not check["discounts"]:
                assert row.line_subtotal_cents == line["gross_cents"] + tax + shown
            if not line["voided"]:
                assert abs(row.line_tax_cents - tax) < 1
                assert row.line_subtotal_cents - row.line_discount_cents - row.included_tax_cents == line["net_cents"]
            classes.add(row.revenue_class)
    assert classes == {"sale", "gift_card_load", "house_account_payment", "non_revenue"}


def test_modifiers_are_the_part_of_a_line_that_they_cost_and_know_their_parents(books: Books) -> None:
    items, modifiers = books.below("orders", OrderItem), books.below("orders", OrderItemModifier)
    nested = 0
    for key, rows in modifiers.items():
        amounts: dict[int, int] = defaultdict(int)
        for place, row in enumerate(rows):
            amounts[row.item_no] += row.amount_cents
            if row.parent_no is not None:
                nested += 1
                assert row.parent_no < place
                assert rows[row.parent_no].item_no == row.item_no
        for number, item in enumerate(items[key]):
            assert item.modifiers_cents == amounts[number]
            if not item.is_voided and not item.included_tax_cents and Decimal(item.quantity) % 1 == 0:
                assert item.price_cents * int(item.quantity) + item.modifiers_cents == item.line_subtotal_cents
    assert nested
    named = {row.modifier_key for rows in modifiers.values() for row in rows}
    assert all(key is None or key.count("/") == 1 for key in named)
    assert {row.pre_modifier for rows in modifiers.values() for row in rows} > {"Extra", None} or nested


def test_taxes_by_rate_are_the_books_also_where_they_are_pooled_in_fractions_of_a_cent(books: Books) -> None:
    taxes = books.below("orders", OrderTax)
    orders = books.rows("orders")
    exact = 0
    for key, rows in taxes.items():
        if not orders[key].is_voided:
            assert sum(row.amount_cents for row in rows) == orders[key].tax_amount_cents
        exact += sum(row.amount_exact is not None for row in rows)
    assert exact
    days: dict[str, dict[tuple[str, str | None], int]] = defaultdict(lambda: defaultdict(int))
    for key, rows in taxes.items():
        if counts(orders[key]):
            for row in rows:
                days[orders[key].business_date][row.name, row.rate_percent] += row.amount_cents
    for day in whole_days(books):
        expected = {
            (one["name"], percent(one["rate"]) if one["kind"] == "PERCENT" else None): one["cents"]
            for one in day["tax_by_rate"]
            if one["cents"]
        }
        assert {name: cents for name, cents in days[day["business_date"]].items() if cents} == expected
    assert {row.remitted_by for rows in taxes.values() for row in rows} == {"restaurant", "marketplace"}


def percent(rate: float) -> str:
    text = f"{Decimal(str(rate)) * 100:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counts(row: Order) -> bool:
    """Is it a sale of its business date in Toast's own sense: open checks are, promised ones are not."""
    return row.status in ("completed", "pending")


def whole_days(books: Books) -> list[Json]:
    found = [row for row in books.truth("daily") if FIRST_WHOLE_DAY <= row["business_date"] <= "2026-09-30"]
    assert len(found) > 45
    return found


def test_the_sums_of_every_business_date_are_the_books(books: Books) -> None:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    charges = books.below("orders", OrderServiceCharge)
    for key, row in books.rows("orders").items():
        if not counts(row):
            continue
        day = sums[row.business_date]
        charity = sum(one.amount_cents for one in charges[key] if one.charge_class == "fundraising")
        other = row.service_charge_amount_cents + row.rounding_cents - charity
        sale = row.subtotal_cents - row.non_sale_cents
        day["net_cents"] += sale - row.discount_amount_cents - row.included_tax_cents + other
        day["tax_cents"] += row.tax_amount_cents
        day["tip_cents"] += row.tip_amount_cents
        day["gratuity_cents"] += row.gratuity_cents
        day["fundraising_cents"] += charity
        day["checks"] += 1
    for row in books.rows("payments").values():
        if row.status in ("completed", "authorized"):
            sums[row.business_date]["payments"] += 1
            sums[row.business_date]["payment_cents"] += row.amount_cents
    for row in books.rows("refunds").values():
        sums[row.business_date]["refunds"] += 1
        sums[row.business_date]["refund_cents"] += row.amount_cents - (row.tip_refunded_cents or 0)
        sums[row.business_date]["refund_tip_cents"] += row.tip_refunded_cents or 0
    names = ("net_cents", "tax_cents", "tip_cents", "gratuity_cents", "fundraising_cents", "checks", "payments",
             "payment_cents", "refunds", "refund_cents", "refund_tip_cents")  # fmt: skip
    for told in whole_days(books):
        found = sums[told["business_date"]]
        assert {name: found[name] for name in names} == {name: told[name] for name in names}, told["business_date"]


# -- money ---------------------------------------------------------------------------------------------------------------


def test_every_payment_is_the_books(books: Books) -> None:
    payments, fees, tips = books.rows("payments"), books.below("payments", PaymentFee), books.below("payments", Tip)
    changed = {order["id"] for order, _ in books.checks() if not order["deleted"]}
    tenders = set()
    for one in books.truth("payments"):
        if one["order"] not in changed or one["id"] not in payments:
            continue
        row: Payment = payments[one["id"]]
        assert (row.amount_cents, row.tip_amount_cents, row.business_date, row.order_key) == (
            one["cents"],
            one["tip_cents"],
            one["business_date"],
            one["check"],
        )
        assert (row.status in ("completed", "authorized")) == one["counts"]
        assert row.void_business_date == one["void_business_date"]
        assert row.fee_amount_cents == one["fee_cents"]
        assert sum(fee.amount_cents for fee in fees[one["id"]]) == (one["fee_cents"] or 0)
        assert sum(tip.tip_amount_cents for tip in tips[one["id"]]) == (one["tip_cents"] if one["counts"] else 0)
        assert row.card_last4 is None
        tenders.add((one["type"], row.method, row.tender_name))
    assert tenders >= {
        ("CREDIT", "card", "Card"),
        ("CASH", "cash", "Cash"),
        ("GIFTCARD", "gift_card", "Gift card"),
        ("HOUSE_ACCOUNT", "house_account", "House account"),
        ("SEASHELLS", "other", "Unknown"),
    }
    [custom] = {name for kind, _, name in tenders if kind == "OTHER"}
    assert custom not in ("Unknown", "OTHER")


def test_every_refund_has_the_parts_that_its_lines_and_charges_state(books: Books) -> None:
    refunds, lines = books.rows("refunds"), books.below("refunds", RefundItem)
    known = unknown = 0
    for one in books.truth("refunds"):
        row: Refund | None = refunds.get(f"{one['payment']}:refund")
        if row is None:
            continue
        assert (row.business_date, row.sale_business_date) == (one["business_date"], one["order_business_date"])
        assert row.amount_cents == one["cents"] + one["tip_cents"]
        assert row.tip_refunded_cents == one["tip_cents"]
        assert [line.source_line_id for line in lines[f"{one['payment']}:refund"]] == one["lines"]
        if row.net_cents is None:
            unknown += 1
            assert not one["lines"]
        else:
            known += 1
            assert row.tax_cents == one["tax_cents"]
            assert row.net_cents + (row.charge_cents or 0) == one["net_cents"] + one["gratuity_cents"]
    assert known >= 4
    assert unknown


def test_refunds_book_on_the_day_of_the_sale_where_that_is_asked_for(books: Books) -> None:
    found = documents(books.reader, books.location, refunds="sale_day")
    later = 0
    for one in found:
        if one.kind == "refunds":
            row = one.rows[0]
            assert isinstance(row, Refund)
            assert row.business_date == row.sale_business_date
            later += row.business_date != books.rows("refunds")[one.key].business_date
    assert later


def test_house_accounts_are_charged_by_payments_and_paid_by_lines(books: Books) -> None:
    moved = books.rows("house_account_movements")
    charged = {key.partition(":")[0]: row.amount_cents for key, row in moved.items() if row.movement_type == "charged"}
    expected = {
        one["id"]: one["cents"] + one["tip_cents"]
        for one in books.truth("payments")
        if one["type"] == "HOUSE_ACCOUNT" and one["counts"] and one["id"] in books.rows("payments")
    }
    assert charged == expected
    paid = {key.partition(":")[0]: row.amount_cents for key, row in moved.items() if row.movement_type == "paid"}
    lines = {
        line["id"]: -line["net_cents"]
        for _, check in books.checks()
        for line in check["lines"]
        if line["kind"] == "HOUSE_ACCOUNT_PAY_BALANCE" and not line["voided"]
    }
    assert paid == lines
    assert charged
    assert paid


def test_cash_entries_and_deposits_are_the_books(books: Books) -> None:
    events, deposits = books.rows("cash_events"), books.rows("deposits")
    expected = {
        one["id"]: (one["business_date"], one["type"], one["cents"])
        for one in books.truth("cash_entries")
        if one["business_date"] >= "2026-08-09"
    }
    assert {key: (row.business_date, row.source_type, row.amount_cents) for key, row in events.items()} == expected
    brought = {
        one["id"]: (one["business_date"], -one["cents"] if one["undoes"] else one["cents"])
        for one in books.truth("deposits")
        if one["business_date"] >= "2026-08-09"
    }
    assert {key: (row.business_date, row.amount_cents) for key, row in deposits.items()} == brought
    assert any(cents < 0 for _, cents in brought.values())
    reasons = {row.reason for row in events.values()}
    assert "Lemons" not in reasons
    assert len(reasons) > 1


# -- peculiarities -------------------------------------------------------------------------------------------------------


def group(books: Books, name: str) -> tuple[OrderGroup, list[Order]]:
    """The first order the books note under a name: its group and its checks."""
    for guid in of_notes(books, name):
        if guid in books.rows("order_groups"):
            checks = [row for row in books.rows("orders").values() if row.order_group_key == guid]
            return books.rows("order_groups")[guid], checks
    raise AssertionError(f"no order of the span is noted as {name}")


def test_states_of_orders_are_told_apart(books: Books) -> None:
    def status(name: str) -> set[str]:
        return {row.status for row in group(books, name)[1]}

    assert status("open check, nothing paid") == {"pending"}
    assert status("future order, not paid") == {"scheduled"}
    assert status("future order, paid") == {"scheduled"}
    assert status("order voided") == {"cancelled"}
    assert status("excess food") == {"cancelled"}
    assert status("split checks") == {"completed"}
    assert len(group(books, "split checks")[1]) == 2
    voided = group(books, "order voided the next day")[1][0]
    assert voided.is_voided
    assert voided.void_business_date is not None
    assert voided.void_business_date > voided.business_date


def test_food_thrown_away_is_no_sale(books: Books) -> None:
    _, [row] = group(books, "excess food")
    assert row.subtotal_cents == row.non_sale_cents == row.discount_amount_cents > 0
    assert row.final_amount_cents == 0


def test_a_comp_takes_off_everything_for_a_reason_and_by_somebody(books: Books) -> None:
    discounts = books.below("orders", OrderDiscount)
    comps = [one for rows in discounts.values() for one in rows if one.is_comp]
    assert comps
    assert {one.reason for one in comps} == {"Guest recovery"}
    assert all(one.approved_by_key and one.approved_by_key.startswith(books.location.source_id) for one in comps)
    others = {one.name for rows in discounts.values() for one in rows if not one.is_comp}
    assert {"Neighbor 10%", "Two for one", "Waste"} <= others
    assert {one.promotion_code for rows in discounts.values() for one in rows} == {None, "LARK3"}


def test_charges_are_told_apart_by_class(books: Books) -> None:
    charges = [one for rows in books.below("orders", OrderServiceCharge).values() for one in rows]
    classes = {(one.name, one.charge_class) for one in charges}
    assert classes >= {
        ("Large party 18%", "auto_gratuity"),
        ("Packaging", "service"),
        ("Card surcharge", "surcharge"),
        ("Cash rounding", "cash_rounding"),
        ("Food bank", "fundraising"),
        ("Old fee", "service"),
    }
    assert any(one.tax_cents for one in charges if one.name == "Packaging")


def test_items_refer_to_the_menu_by_its_keys_and_what_left_the_menu_keeps_its_own(books: Books) -> None:
    from aura_migration.pos.toast.mapping import map_menu

    known = {row.key for row in map_menu(books.reader, books.location).rows if row.entity == "items"}
    items = [one for rows in books.below("orders", OrderItem).values() for one in rows]
    named = {one.menu_item_key for one in items if one.menu_item_key}
    assert named & known
    assert named - known  # no longer on the menu
    assert {one.menu_item_key for one in items if one.revenue_class == "gift_card_load"} == {None}


def test_notes_are_not_names_of_lines_and_nobody_is_named_in_any_row(books: Books) -> None:
    texts = {value for one in books.found.values() for row in one.rows for value in row if isinstance(value, str)}
    assert "Special request" in texts
    for word in ("allergic", "enc:v1", "Depot Plaza", "Ring the bell"):
        assert not [text for text in texts if word in text]


def test_guests_have_the_key_of_their_profile_and_a_pseudonym(books: Books) -> None:
    people = {
        row.key
        for batch in CONNECTOR.map_people(books.reader, books.location, PlainSeals())
        for row in batch.rows
        if row.entity == "customers"
    }
    orders = books.rows("orders").values()
    keys = {row.customer_key for row in orders if row.customer_key}
    assert len(keys & people) > 20
    assert all((row.customer_key is None) == (row.guest_reference is None) for row in orders)
    assert any(key.startswith("g-") for key in keys) or not any(key.startswith("g-") for key in people)


def test_every_row_is_well_formed_and_every_document_begins_with_its_root(books: Books) -> None:
    for one in books.found.values():
        if not one.rows:
            assert one.gone
            continue
        allowed = [table.name for table in tables_of(one.kind)]
        names = [BY_ROW[type(row)].name for row in one.rows]
        assert names[0] == one.kind
        assert names.count(one.kind) == 1
        assert names == sorted(names, key=allowed.index)
        places: dict[str, int] = defaultdict(int)
        for name in names:
            places[name] += 1
        for row in one.rows:
            for column in BY_ROW[type(row)].columns:
                value = getattr(row, column.name)
                assert value is not None or not column.required, (one.kind, column.name)
                assert not column.choices or value in column.choices, (one.kind, column.name, value)
                if column.within and value is not None:
                    assert 0 <= value < places[column.within]


def test_the_same_bodies_give_the_same_documents_in_the_same_order(books: Books) -> None:
    assert documents(books.reader, books.location) == documents(books.reader, books.location)
