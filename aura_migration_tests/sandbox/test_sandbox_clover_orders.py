"""Order history of the Clover sandbox over real HTTP: windows, cuts, hidden rows, permissions, and sums of its own.

Every total is worked out a second time from the JSON alone, with fractions, after the Clover API reference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.model import Disc, Line, Mod, Order, Rate
from aura_migration.sandbox.core.server import RunningSandbox, serve

QUIET = {"limits": "off", "latency_seconds": 0.0}
DAY = 86_400_000
NOW = int(datetime(2026, 10, 1, 9, tzinfo=UTC).timestamp() * 1000)
FULL = "lineItems.modifications,lineItems.discounts,lineItems.taxRates,discounts,serviceCharge"
Row = dict[str, Any]


class Place:
    """One merchant of a running sandbox, with a token."""

    def __init__(self, client: httpx.Client, variant: str | None = None) -> None:
        self.http = client
        found = client.get("/_control/credentials").json()
        self.document = found["default"] if variant is None else found["variants"][variant]
        self.headers = {"authorization": f"Bearer {self.document['access_token']}"}

    def get(self, path: str, *params: tuple[str, Any], **more: Any) -> httpx.Response:
        url = f"/v3/merchants/{self.document['merchant_id']}/{path}"
        return self.http.get(url, params=[*params, *more.items()], headers=self.headers)

    def rows(self, path: str, *params: tuple[str, Any], **more: Any) -> list[Row]:
        """All pages."""
        found: list[Row] = []
        while True:
            answer = self.get(path, *params, **{"limit": 1000, "offset": len(found), **more})
            assert answer.status_code == 200, answer.text
            page = answer.json()["elements"]
            found += page
            if len(page) < 1000:
                return found

    def history(self, path: str, **more: Any) -> list[Row]:
        """Everything of a year and a bit more, in windows that Clover does not cut."""
        found: list[Row] = []
        for back in range(10, -1, -1):
            low = NOW - (back + 1) * 80 * DAY
            window = (("filter", f"createdTime>={low}"), ("filter", f"createdTime<{low + 80 * DAY}"))
            found += self.rows(path, *window, orderBy="createdTime ASC", **more)
        return found

    def switch(self, **values: Any) -> None:
        assert self.http.post("/_control/switches", json=values).status_code == 200


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("clover", "diner", now="2026-10-01T09:00:00Z", switches=QUIET) as running:
        yield running


@pytest.fixture
def diner(sandbox: RunningSandbox) -> Iterator[Place]:
    before = dict(sandbox.pos_app.switches)
    with httpx.Client(base_url=sandbox.base_url, timeout=60) as client:
        yield Place(client)
    sandbox.pos_app.switches.update(before)


class Read:
    """All that a client can list, read once; drafts that were paid come by their id."""

    def __init__(self, place: Place) -> None:
        self.orders = {row["id"]: row for row in place.history("orders", expand=FULL)}
        self.payments = place.history("payments", expand="taxRates,tender")
        self.refunds = place.history("refunds", expand="lineItems,overrideMerchantTender")
        self.credits = place.rows("credits")
        self.lost = []
        for order_id in sorted({row["order"]["id"] for row in self.payments} - set(self.orders)):
            answer = place.get(f"orders/{order_id}", expand=FULL)
            if answer.status_code == 200:
                self.orders[order_id] = answer.json()
            else:
                self.lost.append(order_id)
        for row in self.orders.values():
            if len(lines(row)) == 100:
                found = place.rows(f"orders/{row['id']}/line_items", expand="modifications,discounts,taxRates")
                row["lineItems"]["elements"] = found
        self.listed = {key for key, row in self.orders.items() if "state" in row}
        self.truth = place.http.get("/_control/truth").json()

    def noted(self, what: str) -> list[str]:
        """The ids of a note."""
        return [one for note in self.truth["notes"] if note["what"] == what for one in note["ids"]]


@pytest.fixture(scope="module")
def read(sandbox: RunningSandbox) -> Read:
    with httpx.Client(base_url=sandbox.base_url, timeout=60) as client:
        return Read(Place(client))


# -- the arithmetic, from JSON ---------------------------------------------------------------------------------------


def cents(value: Fraction | int) -> int:
    """Half up."""
    return floor(Fraction(value) + Fraction(1, 2))


def elements(row: Row, name: str) -> list[Row]:
    found: list[Row] = row.get(name, {}).get("elements", [])
    return found


def lines(order: Row) -> list[Row]:
    return elements(order, "lineItems")


def percent(discount: Row) -> Fraction | None:
    if "percentageDecimal" in discount:
        return Fraction(discount["percentageDecimal"], 1_000_000)
    return Fraction(discount["percentage"], 100) if "percentage" in discount else None


def taken(value: int, discounts: list[Row]) -> int:
    shares = [percent(one) for one in discounts]
    reduced = [
        int(abs(one["amount"])) if share is None else cents(value * share)
        for one, share in zip(discounts, shares, strict=True)
    ]
    return sum(reduced)


def value_of(line: Row) -> int:
    price = cents(Fraction(line["price"] * line["unitQty"], 1000)) if "unitQty" in line else line["price"]
    return sum([int(price), *(int(one["amount"]) for one in elements(line, "modifications"))])


def net_of(line: Row) -> int:
    return max(0, value_of(line) - taken(value_of(line), elements(line, "discounts")))


def comes_to(order: Row, untaxed: set[str], with_refunded: bool) -> Row:
    """Gross, net, tax, charges and total of an order, step by step."""
    sold = [one for one in lines(order) if not one.get("isOrderFee") and not one["exchanged"]]
    kept = [one for one in sold if with_refunded or not one["refunded"]]
    subtotal, whole = sum(map(net_of, kept)), sum(map(net_of, sold))
    off = 0
    for one in elements(order, "discounts"):
        share = percent(one)
        if share is not None:
            off += cents(subtotal * share)
    amounts = sum(abs(one["amount"]) for one in elements(order, "discounts") if percent(one) is None)
    off += cents(Fraction(amounts * subtotal, whole)) if len(kept) < len(sold) and whole else amounts
    m = Fraction(0)
    if subtotal and off <= subtotal:
        m = Fraction(cents(Fraction((subtotal - off) * 10**7, subtotal)), 10**7)
    elif not off:
        m = Fraction(1)
    discounted = cents(subtotal * m)
    other = cents(sum(net_of(one) for one in kept if not one["isRevenue"]) * m)
    tax = 0
    if not order["taxRemoved"] and order.get("orderType", {}).get("id") not in untaxed:
        tax = tax_of(order, kept, m)
    charge = order.get("serviceCharge")
    service = cents(Fraction(discounted * charge["percentageDecimal"], 10**6)) if charge else 0
    fees = sum(one["price"] for one in lines(order) if one.get("isOrderFee") and (with_refunded or not one["refunded"]))
    extra = sum(one["amount"] for one in elements(order, "additionalCharges"))
    total = discounted + fees + service + extra + (0 if order["isVat"] else tax)
    gross = sum(value_of(one) for one in kept if one["isRevenue"])
    return {"gross": gross, "net": discounted - other, "other": other, "tax": tax, "total": total, "fees": fees}


def tax_of(order: Row, kept: list[Row], m: Fraction) -> int:
    base: dict[str, int] = defaultdict(int)
    flat: dict[str, int] = defaultdict(int)
    rate: dict[str, int] = {}
    tax = 0
    for line in kept:
        held = elements(line, "taxRates")
        if order["isVat"] and len(held) > 1:
            gross = cents(net_of(line) * m)
            bare = cents(gross / (1 + Fraction(sum(one["rate"] for one in held), 10**7)))
            tax += sum(cents(Fraction(bare * one["rate"], 10**7)) for one in held)
            continue
        for one in held:
            rate[one["id"]] = one["rate"]
            base[one["id"]] += net_of(line)
            flat[one["id"]] += one.get("taxAmount", 0) if one["rate"] == 0 else 0
    for key, value in rate.items():
        taxable = cents(base[key] * m)
        if order["isVat"]:
            tax += taxable - cents(taxable / (1 + Fraction(value, 10**7)))
        else:
            tax += flat[key] or cents(Fraction(taxable * value, 10**7))
    return tax


def local_day(stamp: int, zone: str = "America/Denver") -> str:
    return datetime.fromtimestamp(stamp // 1000, ZoneInfo(zone)).date().isoformat()


# -- vectors of the reference ----------------------------------------------------------------------------------------

A, B = Rate("A", "A", 725_000), Rate("B", "B", 100_000)
FLAT, VAT = Rate("F", "Flat", 0, flat=10), Rate("V", "VAT", 2_000_000)


def line(price: int, *rates: Rate, **fields: Any) -> Line:
    return Line("L", "x", price, 0, rates=rates, **fields)


def off(**fields: Any) -> Disc:
    return Disc("D", "off", **fields)


MOD = [Mod("M", "more", 175)]
CHARGE = {"percentageDecimal": 180_000}
VECTORS: dict[str, tuple[list[Line], Row, tuple[int, int, int, int, int]]] = {
    "V1": ([line(1395, A, mods=MOD), line(1395, A), line(350, A, B)], {}, (3315, 3315, 244, 0, 3559)),
    "V2": (
        [line(1395, A, mods=MOD, discounts=[off(exact=125_000), off(cents=-50)]), line(820, A)],
        {"discounts": [off(percent=10)]},
        (2144, 1930, 140, 0, 2070),
    ),
    "V3": ([line(1000, A), line(400)], {"discounts": [off(cents=-300)], "charge": CHARGE}, (1400, 1100, 57, 198, 1355)),
    "V4": ([line(649, A, unit_qty=2345)], {}, (1522, 1522, 110, 0, 1632)),
    "V5": ([line(499, FLAT), line(499, FLAT, A)], {}, (998, 998, 56, 0, 1054)),
    "V6": (
        [line(1500, VAT), line(999, VAT)],
        {"discounts": [off(percent=10)], "vat": True},
        (2499, 2249, 375, 0, 2249),
    ),
    "V7": ([line(1200, A, refunded=True), line(800, A)], {}, (800, 800, 58, 0, 858)),
    "V8": ([line(1200, A)], {"tax_removed": True}, (1200, 1200, 0, 0, 1200)),
    "V9": ([line(1200, A), line(216, A, fee="F")], {}, (1200, 1200, 87, 0, 1503)),
    "V10": (
        [line(1999, A), line(1, A)],
        {"discounts": [off(exact=333_000), off(cents=-7)]},
        (2000, 1327, 96, 0, 1423),
    ),
    "V11": ([line(1870)], {"charge": {"percentageDecimal": 50_000}}, (1870, 1870, 0, 94, 1964)),
}


@pytest.mark.parametrize("name", VECTORS)
def test_totals_are_those_measured_on_clovers_own_calculator(name: str) -> None:
    sold, fields, expected = VECTORS[name]
    found = totals(Order("O", 0, 0, 0, lines=sold, **fields))
    assert (found.subtotal, found.discounted, found.tax, found.charge, found.total) == expected
    if name == "V7":
        assert totals(Order("O", 0, 0, 0, lines=sold), after_refunds=False).total == 2145


# -- sums ------------------------------------------------------------------------------------------------------------


def untaxed_types(place: Place) -> set[str]:
    return {row["id"] for row in place.rows("order_types") if not row["taxable"]}


def test_the_total_of_every_order_follows_from_its_own_lines(diner: Place, read: Read) -> None:
    untaxed, [wrong] = untaxed_types(diner), read.noted("order_total_stated_wrong")
    assert len(read.orders) > 3000
    for order in read.orders.values():
        if not order["manualTransaction"] and order["id"] != wrong:
            assert comes_to(order, untaxed, with_refunded=False)["total"] == order["total"], order["id"]
    assert read.orders[wrong]["total"] == 1


def test_payments_carry_the_tax_of_their_order_to_the_cent(diner: Place, read: Read) -> None:
    untaxed, splits = untaxed_types(diner), 0
    by_order: dict[str, list[Row]] = defaultdict(list)
    for row in read.payments:
        assert sum(part["taxAmount"] for part in elements(row, "taxRates")) == row["taxAmount"]
        if row["result"] in ("SUCCESS", "AUTH_COMPLETED"):
            by_order[row["order"]["id"]].append(row)
    for order_id, rows in by_order.items():
        order = read.orders.get(order_id)
        if order is None or order["manualTransaction"]:
            continue
        whole = comes_to(order, untaxed, with_refunded=True)
        paid = sum(row["amount"] for row in rows)
        if paid == whole["total"]:
            assert sum(row["taxAmount"] for row in rows) == whole["tax"], order_id
            splits += len(rows) > 1
        if order["paymentState"] == "PARTIALLY_PAID":
            assert order["unpaidBalance"] == whole["total"] - paid > 0
    assert splits > 100


def test_the_truth_of_every_day_is_what_the_wire_adds_up_to(diner: Place, read: Read) -> None:
    untaxed, names = untaxed_types(diner), ("gross", "discounts", "net", "tax", "tips", "collected", "orders")
    days: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(names, 0))
    for row in read.payments:
        order = read.orders.get(row["order"]["id"])
        if row["result"] not in ("SUCCESS", "AUTH_COMPLETED") or (order is not None and order["testMode"]):
            continue
        day = days[local_day(row["createdTime"])]
        day["tax"] += row["taxAmount"]
        day["tips"] += row.get("tipAmount", 0)
        day["collected"] += row["amount"] + row.get("tipAmount", 0)
        if order is not None and not order.get("_counted"):
            order["_counted"] = True
            whole, sold = comes_to(order, untaxed, with_refunded=True), days[local_day(order["createdTime"])]
            sold["orders"] += 1
            sold["gross"] += whole["gross"]
            sold["discounts"] += whole["net"] - whole["gross"]
            sold["net"] += whole["net"]
    for row in read.refunds:
        if row["voided"] or row["status"] != "SUCCESS":
            continue
        day, order = days[local_day(row["createdTime"])], read.orders[row["orderRef"]["id"]]
        tip, charge = row.get("tipAmount", 0), row.get("serviceChargeAmount", {}).get("amount", 0)
        back = {one["id"] for one in elements(row, "lineItems")}
        fees = sum(one["price"] for one in lines(order) if one["id"] in back and one.get("isOrderFee"))
        other = [
            one for one in lines(order) if one["id"] in back and not one["isRevenue"] and not one.get("isOrderFee")
        ]
        # An order discount takes its part of what is no revenue too; here such lines were refunded in one piece.
        ratio = comes_to(order, untaxed, True)["other"] if other else 0
        day["net"] -= row["amount"] - tip - charge - fees - ratio - (0 if order["isVat"] else row["taxAmount"])
        day["tax"] -= row["taxAmount"]
        day["tips"] -= tip
        day["collected"] -= row["amount"]
    for row in read.credits:
        if not row["voided"] and row["result"] == "SUCCESS":
            day = days[local_day(row["createdTime"])]
            day["net"] -= row["amount"] - row["taxAmount"]
            day["tax"] -= row["taxAmount"]
            day["collected"] -= row["amount"]
    told = {
        row["date"]: {name: row[name] for name in names}
        for row in read.truth["daily"]
        if row["closeout_hour"] == 0 and row["basis"] == "created"
    }
    assert set(told) == set(days)
    for date, figures in told.items():
        assert figures == days[date], date


def test_what_was_collected_is_sales_taxes_tips_and_charges_less_what_went_back(read: Read) -> None:
    for hour in (0, 4):
        for basis in ("created", "paid"):
            rows = [row for row in read.truth["daily"] if (row["closeout_hour"], row["basis"]) == (hour, basis)]

            def sums(*names: str, rows: list[Row] = rows) -> int:
                return sum(row[name] for row in rows for name in names)

            sold = sums("gross", "discounts", "non_revenue", "order_fees", "service_charge", "delivery_fees")
            sold += sums("tax_liability", "unitemized", "overpaid", "payments_without_order_cents", "tips_paid")
            sold -= sums("tax_included", "unpaid", "refunds_cents", "credits_cents")
            assert sold == sums("collected")
            for row in rows:
                assert sum(one["cents"] for one in row["tenders"]) == row["payments_cents"]
                assert sum(one["tax"] for one in row["tax_by_rate"]) == row["tax_paid"]


# -- windows and lists -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["orders", "payments", "refunds"])
def test_a_span_over_ninety_days_keeps_its_latest_ninety_without_a_word(diner: Place, path: str) -> None:
    high = NOW - 100 * DAY
    wide = diner.rows(path, ("filter", f"createdTime>={NOW - 400 * DAY}"), ("filter", f"createdTime<{high}"))
    exact = diner.rows(path, ("filter", f"createdTime>={high - 90 * DAY}"), ("filter", f"createdTime<{high}"))
    assert wide == exact != []
    assert min(row["createdTime"] for row in wide) >= high - 90 * DAY
    open_ended = diner.rows(path, ("filter", f"createdTime>={NOW - 400 * DAY}"))
    assert min(row["createdTime"] for row in open_ended) >= NOW - 90 * DAY
    assert diner.rows(path) == open_ended
    diner.switch(history_window_days=0)
    assert len(diner.rows(path)) > len(wide) + len(open_ended)


def test_an_order_of_any_age_can_be_read_by_its_id(diner: Place, read: Read) -> None:
    [old] = read.noted("order_over_a_year_old")
    assert diner.get(f"orders/{old}").json()["id"] == old
    assert [row["id"] for row in diner.rows("orders", filter=f"id in ('{old}')")] == [old]
    assert diner.rows("orders", filter=f"title={'no such title'}") == []


def test_drafts_and_deleted_orders_are_in_no_list(diner: Place, read: Read) -> None:
    listed = read.listed
    [draft], [paid] = read.noted("order_draft"), read.noted("order_draft_paid")
    [gone] = read.noted("order_deleted")
    assert not listed & {draft, paid, gone}
    assert "state" not in diner.get(f"orders/{draft}").json()
    assert diner.get(f"orders/{paid}").json()["paymentState"] == "PAID"
    assert paid in {row["order"]["id"] for row in read.payments}
    assert diner.get(f"orders/{gone}").json() == {"message": "Not Found", "details": "Order not found"}
    low, high = NOW - 120 * DAY, NOW - 90 * DAY
    asked = diner.rows("orders", ("filter", f"deletedTime>={low}"), ("filter", f"deletedTime<{high}"))
    assert gone in {row["id"] for row in asked}
    assert all(low <= row["deletedTimestamp"] < high for row in asked)
    [lost] = read.noted("payment_without_order")
    assert read.lost == [next(row["order"]["id"] for row in read.payments if row["id"] == lost)]


def test_lists_come_newest_first_and_pages_are_whole(diner: Place) -> None:
    rows = diner.rows("orders")
    stamps = [row["createdTime"] for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    assert len(diner.get("orders").json()["elements"]) == 100
    pages = [
        row["id"]
        for offset in range(0, len(rows), 100)
        for row in diner.get("orders", offset=offset).json()["elements"]
    ]
    assert pages == [row["id"] for row in rows]
    same = [row["id"] for row in rows if row["createdTime"] == rows[0]["createdTime"]]
    assert len(set(pages)) == len(pages) >= len(same)
    answer = diner.get("orders", filter="lineItems.id=1")
    assert (answer.status_code, answer.json()["details"]) == (400, "lineItems.id")
    assert "externalReferenceId" in answer.headers["X-Clover-Allowed-Filter-Fields"]
    diner.switch(order_filters_more=True)
    assert {row["paymentState"] for row in diner.rows("orders", filter="paymentState=REFUNDED")} == {"REFUNDED"}


def test_changes_are_found_by_modified_time_but_for_one_that_moved_none(diner: Place, read: Read) -> None:
    low, high = NOW - 60 * DAY, NOW
    window = (("filter", f"modifiedTime>={low}"), ("filter", f"modifiedTime<{high}"))
    found = {row["id"] for row in diner.rows("orders", *window)}
    assert found == {
        key for key, row in read.orders.items() if key in read.listed and low <= row["modifiedTime"] < high
    }
    [late], [quiet] = read.noted("order_late_change"), read.noted("order_late_change_without_timestamp")
    assert late in found
    assert quiet not in found
    assert read.orders[quiet]["note"] == "changed without a trace"
    assert read.orders[late]["createdTime"] < low


def test_an_order_with_a_hundred_lines_must_be_read_again(diner: Place, read: Read) -> None:
    [big] = read.noted("order_banquet_over_100_lines")
    assert len(lines(diner.get(f"orders/{big}", expand="lineItems").json())) == 100
    rows = diner.rows(f"orders/{big}/line_items", expand="taxRates")
    assert len(rows) == 137
    assert diner.get(f"orders/{big}/line_items/{rows[120]['id']}", expand="taxRates").json() == rows[120]
    assert "quantity" not in rows[0]
    assert diner.get(f"orders/{big}/voided_line_items").status_code == 405
    bare = diner.get(f"orders/{big}").json()
    assert not {"lineItems", "payments", "discounts", "customers"} & set(bare)
    assert diner.get(f"orders/{big}", return_null_fields="true").json()["deletedTimestamp"] is None


def test_expansions_nest_and_unknown_ones_are_ignored(diner: Place, read: Read) -> None:
    [split] = read.noted("order_split_three_ways")
    wide = diner.get(f"orders/{split}", expand="payment.tender,payments.cardTransaction,employee,nonsense,voids").json()
    assert [row["tender"]["label"] for row in elements(wide, "payments")] == ["Credit Card", "Cash", "Credit Card"]
    assert elements(wide, "payments")[0]["cardTransaction"]["state"] == "CLOSED"
    assert wide["voids"] == {"elements": []}
    assert wide["employee"]["name"]
    diner.switch(line_taxes_in_orders=False)
    plain = diner.get(f"orders/{split}", expand="lineItems.taxRates").json()
    assert all("taxRates" not in row for row in lines(plain))
    assert "taxRates" in diner.rows(f"orders/{split}/line_items", expand="taxRates")[0]


def test_payments_that_are_no_money_are_listed_and_say_so(diner: Place, read: Read) -> None:
    [voided], [failed] = read.noted("payment_voided"), read.noted("payment_failed")
    by_id = {row["id"]: row for row in read.payments}
    assert (by_id[voided]["result"], by_id[voided]["voidReason"]) == ("VOIDED", "USER_CANCEL")
    assert by_id[failed]["result"] == "FAIL"
    order = diner.get(f"orders/{by_id[voided]['order']['id']}", expand="voids,payments").json()
    assert [row["id"] for row in elements(order, "voids")] == [voided]
    assert len(elements(order, "payments")) == 2
    window = (("filter", f"createdTime>={NOW - 130 * DAY}"), ("filter", f"createdTime<{NOW - 90 * DAY}"))
    asked = diner.rows("payments", *window, filter="voided=true")
    assert voided in {row["id"] for row in asked}
    assert all("voidReason" in row for row in asked)
    diner.switch(voided_payments="on_filter")
    assert voided not in {row["id"] for row in diner.rows("payments", *window)}
    [tab] = read.noted("order_bar_tab")
    assert [row["order"]["id"] for row in diner.rows("authorizations")] == [tab]


def test_refunds_are_positive_and_know_their_lines(diner: Place, read: Read) -> None:
    by_id = {row["id"]: row for row in read.refunds}
    [amount], [part], [tip] = (read.noted(f"refund_{name}") for name in ("amount", "lines", "with_tip"))
    assert all(row["amount"] > 0 for row in read.refunds)
    assert (by_id[amount]["amount"], elements(by_id[amount], "lineItems")) == (500, [])
    order = read.orders[by_id[part]["orderRef"]["id"]]
    assert [one["id"] for one in lines(order) if one["refunded"]] == [elements(by_id[part], "lineItems")[0]["id"]]
    assert order["paymentState"] == "PARTIALLY_REFUNDED"
    assert by_id[tip]["tipAmount"] == 300
    [cash] = read.noted("refund_by_cash")
    assert by_id[cash]["overrideMerchantTender"]["label"] == "Cash"


def test_the_cash_log_has_no_ids_and_holds_every_cash_payment(diner: Place, read: Read) -> None:
    events = diner.rows("cash_events")
    assert {row["type"] for row in events} == {"OPEN", "LOAD", "TRANSACTION", "ADJUSTMENT", "COUNT", "UNLOAD"}
    assert all("id" not in row for row in events)
    tests = {key for key, row in read.orders.items() if row["testMode"]}
    paid = sum(
        row["amount"] + row.get("tipAmount", 0)
        for row in read.payments
        if row["tender"].get("label") == "Cash" and row["result"] == "SUCCESS" and row["order"]["id"] not in tests
    )
    assert (
        sum(row["amountChange"] for row in events if row["type"] == "TRANSACTION" and row["amountChange"] > 0) == paid
    )
    device = next(row["device"]["id"] for row in events if row["type"] == "LOAD")
    assert diner.rows(f"devices/{device}/cash_events", filter="type=LOAD")


def test_a_missing_permission_hides_what_it_is_for(sandbox: RunningSandbox, diner: Place, read: Read) -> None:
    with httpx.Client(base_url=sandbox.base_url) as client:
        no_orders, no_payments = Place(client, "no_orders"), Place(client, "no_payments")
        assert no_orders.get("orders").status_code == 401
        assert no_orders.get("payments").status_code == 200
        assert no_payments.get("refunds").json() == {"message": "401 Unauthorized"}
        [split] = read.noted("order_split_three_ways")
        order = no_payments.get(f"orders/{split}", expand="payments,lineItems").json()
        assert "payments" not in order
        assert lines(order)
    listed = diner.rows("employees")[0]["id"]
    for path in ("orders", "payments"):
        mine = diner.rows(f"employees/{listed}/{path}")
        assert all(row["employee"]["id"] == listed for row in mine)


def test_every_peculiar_order_can_be_found_by_its_note(diner: Place, read: Read) -> None:
    notes = {note["what"]: note["ids"] for note in read.truth["notes"]}
    hidden = {"order_draft", "order_draft_empty", "order_deleted"}
    told = [one for what, ids in notes.items() if what.startswith("order_") and what not in hidden for one in ids]
    listed = set(read.orders)
    assert len([one for one in told if one in listed]) > 75
    [gone] = notes["order_item_deleted"]
    item = lines(read.orders[gone])[0]["item"]["id"]
    assert diner.get(f"items/{item}").status_code == 404
    forward, back, again = (read.orders[notes[f"order_clocks_{name}"][0]] for name in ("forward", "back", "back_again"))
    assert local_day(forward["createdTime"]) == "2026-03-08"
    assert again["createdTime"] - back["createdTime"] == 3_600_000
    [night] = notes["order_across_midnight"]
    [payment] = [row for row in read.payments if row["order"]["id"] == night]
    assert local_day(payment["createdTime"]) > local_day(read.orders[night]["createdTime"])
