"""What is peculiar in the Toast sandbox's history, its other reads (payments, cash, hours), its edits, and its pace."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, build, serve

BULK, PAYMENTS = "/orders/v2/ordersBulk", "/orders/v2/payments"
Json = dict[str, Any]


class Site:
    """A client signed in at the first location."""

    def __init__(self, running: RunningSandbox, variant: str = "standard") -> None:
        self.http = httpx.Client(base_url=running.base_url, timeout=120)
        given = running.pos_app.credentials()["variants"][variant]
        body = {"clientId": given["client_id"], "clientSecret": given["client_secret"]}
        login = self.http.post(
            "/authentication/v1/authentication/login", json={**body, "userAccessType": "TOAST_MACHINE_CLIENT"}
        )
        self.http.headers["Authorization"] = "Bearer " + login.json()["token"]["accessToken"]
        self.http.headers["Toast-Restaurant-External-ID"] = next(iter(running.pos_app.world.places))

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def order(self, guid: str) -> Json:
        answer = self.get(f"/orders/v2/orders/{guid}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json(parse_float=Decimal)
        return found

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed

    def refused(self, **op: Any) -> str:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 400
        words: str = answer.json()["error"]
        return words

    def rows(self, part: str) -> list[Any]:
        return [json.loads(line) for line in self.get(f"/_control/orders/{part}").text.splitlines()]

    def day(self, day: str) -> Json:
        found: Json = next((row for row in self.rows("daily") if row["business_date"] == day), {})
        return found

    def bulk(self, **query: Any) -> list[Json]:
        answer = self.get(BULK, **query)
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json(parse_float=Decimal)
        return found


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("toast", "diner", orders=400, months=3, switches={"limits": "off"}) as running:
        yield running


@pytest.fixture(scope="module")
def site(sandbox: RunningSandbox) -> Iterator[Site]:
    made = Site(sandbox)
    with closing(made.http):
        yield made


@pytest.fixture(scope="module")
def noted(site: Site) -> dict[str, list[Json]]:
    notes = {row["name"].removeprefix("orders: "): row["orders"] for row in site.rows("notes")}
    return {name: [site.order(guid) for guid in guids[:2]] for name, guids in notes.items()}


def checks_of(orders: list[Json]) -> list[Json]:
    return [check for order in orders for check in order["checks"]]


def lines_of(orders: list[Json]) -> list[Json]:
    return [line for check in checks_of(orders) for line in check["selections"]]


# -- peculiarities -------------------------------------------------------------------------------------------------------


def test_voids_are_told_at_the_level_at_which_they_happened(noted: dict[str, list[Json]]) -> None:
    for order in noted["order voided"]:
        assert order["voided"] and all(check["voided"] for check in order["checks"])
        assert all(line["voided"] and line["voidReason"] for line in lines_of([order]))
        assert {one["paymentStatus"] for check in order["checks"] for one in check["payments"]} == {"VOIDED"}
        assert order["voidBusinessDate"] == order["businessDate"]
    for order in noted["order voided the next day"]:
        assert order["voidBusinessDate"] > order["businessDate"]
    for order in noted["check voided"]:
        assert [check["voided"] for check in order["checks"]] == [False, True]
        assert order["checks"][1]["totalAmount"] == 0
    for order in noted["line voided"]:
        assert not order["voided"] and [line["voided"] for line in lines_of([order])].count(True) == 1
    for check in checks_of(noted["payment voided and paid anew"]):
        first, second = check["payments"]
        assert (first["paymentStatus"], second["paymentStatus"]) == ("VOIDED", "CAPTURED")
        assert first["voidInfo"]["voidBusinessDate"] == first["paidBusinessDate"]


def test_charges_discounts_and_tenders_are_named_as_toast_names_them(noted: dict[str, list[Json]]) -> None:
    def charges(name: str) -> list[Json]:
        return [one for check in checks_of(noted[name]) for one in check["appliedServiceCharges"]]

    assert all(one["gratuity"] for one in charges("auto-gratuity") if one["name"].startswith("Large"))
    assert {one["serviceChargeCategory"] for one in charges("fundraising charge")} == {"FUNDRAISING_CAMPAIGN"}
    assert {one["serviceChargeCategory"] for one in charges("service charge without a category")} == {None}
    payments = {one["guid"] for check in checks_of(noted["card surcharge"]) for one in check["payments"]}
    assert {one["paymentGuid"] for one in charges("card surcharge")} <= payments
    assert all(one["appliedTaxes"] for one in charges("taxed service charge"))
    for check in checks_of(noted["cash rounding"]):
        assert check["totalAmount"] % Decimal("0.05") == 0
    comps = [one for line in lines_of(noted["comp with reason and approver"]) for one in line["appliedDiscounts"]]
    assert all(one["approver"] and one["appliedDiscountReason"]["name"] for one in comps)
    for check in checks_of(noted["everything comped, total zero"]):
        assert (check["totalAmount"], check["payments"]) == (0, [])
    loyal = [
        one
        for check in checks_of(noted["loyalty reward without nonTaxDiscountAmount"])
        for one in check["appliedDiscounts"]
    ]
    assert {one["nonTaxDiscountAmount"] for one in loyal} == {None}
    percents = [one for line in lines_of(noted["percent discount on a price with tax"]) for one in line["appliedTaxes"]]
    assert percents
    for check in checks_of(noted["percent discount on a price with tax"]):
        [one] = check["appliedDiscounts"]
        assert 0 < one["nonTaxDiscountAmount"] < one["discountAmount"]
    assert all(check["payments"][0]["otherPayment"] for check in checks_of(noted["custom tender"]))
    assert all(check["payments"][0]["houseAccount"] for check in checks_of(noted["house account"]))
    for tax in (one for line in lines_of(noted["tax a marketplace remits"]) for one in line["appliedTaxes"]):
        assert (tax["type"], tax["facilitatorCollectAndRemitTax"], tax["rate"]) == ("EXTERNAL", True, None)


def test_lines_may_be_weighed_nested_gone_free_text_or_no_sale(site: Site, noted: dict[str, list[Json]]) -> None:
    menus = site.get("/menus/v2/menus").text
    assert any(
        line["quantity"] % 1 and line["unitOfMeasure"] == "LB" for line in lines_of(noted["quantity with a fraction"])
    )
    gone = [
        line["item"]["guid"] for line in lines_of(noted["items and modifiers no longer in the catalog"]) if line["item"]
    ]
    assert sum(guid not in menus for guid in gone) >= 3
    deep = [
        line
        for line in lines_of(noted["modifiers of modifiers, pre-modifier, one twice"])
        if line["displayName"] == "Build a bowl"
    ]
    assert all(one["modifiers"] for line in deep for one in line["modifiers"])
    assert all(
        line["modifiers"][1]["item"] == line["modifiers"][2]["item"] and line["modifiers"][1]["preModifier"]
        for line in deep
    )
    kinds = {line["selectionType"] for order in noted.values() for line in lines_of(order)}
    assert {"NONE", "SPECIAL_REQUEST", "OPEN_ITEM", "TOAST_CARD_SELL", "TOAST_CARD_RELOAD", "HOUSE_ACCOUNT_PAY_BALANCE", "BUNDLE"} <= kinds  # fmt: skip
    assert all(
        len(line["appliedTaxes"]) == 2
        for line in lines_of(noted["two rates on a line"])
        if line["displayName"] == "House red"
    )


def test_dining_options_may_deliver_wait_in_a_car_or_have_no_behavior(site: Site, noted: dict[str, list[Json]]) -> None:
    options = {row["guid"]: row for row in site.get("/config/v2/diningOptions").json()}
    for order in noted["delivery with an address"]:
        assert options[order["diningOption"]["guid"]]["behavior"] == "DELIVERY"
        assert order["deliveryInfo"]["address1"] in site.rows("personal")
    for order in noted["curbside"]:
        assert options[order["diningOption"]["guid"]]["curbside"] and order["curbsidePickupInfo"]["transportColor"]
    for order in noted["dining option without behavior"]:
        assert options[order["diningOption"]["guid"]]["behavior"] is None


def test_business_dates_follow_the_close_out_hour_and_both_changes_of_clocks(
    site: Site, noted: dict[str, list[Json]]
) -> None:
    zone = ZoneInfo("America/Chicago")
    for name in ("after midnight, before close-out", "at the minute of close-out", "a second before close-out",
                 "in the hour that comes twice, first time", "in the hour that comes twice, second time",
                 "before the hour that is left out", "after the hour that is left out"):  # fmt: skip
        for order in noted[name]:
            local = datetime.strptime(order["openedDate"], "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(zone)
            day = (local.replace(tzinfo=None) - timedelta(hours=4)).strftime("%Y%m%d")
            assert order["businessDate"] == int(day), name
    [first], [second] = (noted[f"in the hour that comes twice, {time} time"] for time in ("first", "second"))
    assert first["openedDate"][11:16] != second["openedDate"][11:16]
    assert first["guid"] in {row["guid"] for row in site.bulk(businessDate=str(first["businessDate"]))}


def test_future_and_open_orders_are_told_as_such(site: Site, noted: dict[str, list[Json]]) -> None:
    [paid], [unpaid] = noted["future order, paid"], noted["future order, not paid"]
    for order in (paid, unpaid):
        assert (order["approvalStatus"], order["closedDate"]) == ("FUTURE", None)
        assert order["businessDate"] == 20261003
    assert paid["checks"][0]["payments"][0]["paidBusinessDate"] < paid["businessDate"]
    assert unpaid["checks"][0]["payments"] == []
    assert site.day("2026-10-03")["orders"] == 0 < site.day("2026-10-03")["future_orders"]
    for order in noted["ordered and paid days before"]:
        [one] = order["checks"][0]["payments"]
        assert (
            one["paidBusinessDate"] == order["businessDate"] - 2
            or one["paidBusinessDate"] // 100 != order["businessDate"] // 100
        )
        assert one["cardEntryMode"] == "FUTURE_ORDER"
    [authorized] = noted["open check, card authorized"]
    [check] = authorized["checks"]
    assert check["paymentStatus"] == "PAID"
    assert all(one["originalProcessingFee"] is None for one in check["payments"])


# -- other reads ---------------------------------------------------------------------------------------------------------


def test_payments_are_listed_by_the_day_they_were_paid_refunded_or_voided(site: Site) -> None:
    told = site.rows("payments")
    busy = {
        "paidBusinessDate": "business_date",
        "refundBusinessDate": "refund_business_date",
        "voidBusinessDate": "void_business_date",
    }
    for selector, field in busy.items():
        days = sorted({row[field] for row in told if row[field]})
        for day in (days[0], days[len(days) // 2], days[-1]):
            found = site.get(PAYMENTS, **{selector: day.replace("-", "")}).json()
            assert sorted(found) == sorted(row["id"] for row in told if row[field] == day), (selector, day)
    row = next(row for row in told if row["refund_cents"])
    one = site.get(f"{PAYMENTS}/{row['id']}").json(parse_float=Decimal)
    assert one["refund"]["refundAmount"] * 100 == row["refund_cents"]
    assert one == next(
        each for check in site.order(row["order"])["checks"] for each in check["payments"] if each["guid"] == row["id"]
    )
    assert "required" in site.get(PAYMENTS).json()["message"]
    assert site.get(PAYMENTS, paidBusinessDate="20260901", voidBusinessDate="20260901").status_code == 400
    assert site.get(f"{PAYMENTS}/{row['order']}").status_code == 404
    assert site.get(f"{PAYMENTS}/nothing").status_code == 400


def test_cash_entries_and_deposits_are_read_by_business_date(site: Site, sandbox: RunningSandbox) -> None:
    told = site.rows("cash_entries")
    assert {row["type"] for row in told} >= {"CASH_IN", "CASH_OUT", "PAY_OUT", "UNDO_PAY_OUT", "CASH_COLLECTED", "TIP_OUT", "NO_SALE", "CLOSE_OUT_EXACT", "CLOSE_OUT_SHORTAGE", "CLOSE_OUT_OVERAGE"}  # fmt: skip
    day = next(row["business_date"] for row in told if row["type"] == "UNDO_PAY_OUT")
    entries = site.get("/cashmgmt/v1/entries", businessDate=day.replace("-", "")).json(parse_float=Decimal)
    assert {(one["guid"], one["amount"] * 100) for one in entries} == {
        (row["id"], row["cents"]) for row in told if row["business_date"] == day
    }
    undo = next(one for one in entries if one["type"] == "UNDO_PAY_OUT")
    assert undo["amount"] == -next(one["amount"] for one in entries if one["guid"] == undo["undoes"])
    deposits = site.rows("deposits")
    day = deposits[3]["business_date"]
    found = site.get("/cashmgmt/v1/deposits", businessDate=day.replace("-", "")).json()
    assert [one["guid"] for one in found] == [row["id"] for row in deposits if row["business_date"] == day]
    assert site.get("/cashmgmt/v1/entries").status_code == 400
    poor = Site(sandbox, "no_cash")
    with closing(poor.http):
        assert poor.get("/cashmgmt/v1/entries", businessDate="20260901").status_code == 403


def test_the_deprecated_list_gives_guids_of_one_hour_at_most(site: Site) -> None:
    bodies = site.bulk(startDate="2026-09-20T09:00:00.000+0000", endDate="2026-09-20T10:00:00.000+0000")
    hour = {"startDate": "2026-09-20T09:00:00.000+0000", "endDate": "2026-09-20T10:00:00.000+0000"}
    assert site.get("/orders/v2/orders", **hour).json() == [order["guid"] for order in bodies]
    assert site.get("/orders/v2/orders", **{**hour, "endDate": "2026-09-20T10:00:01.000+0000"}).status_code == 400


# -- edits ---------------------------------------------------------------------------------------------------------------


def test_the_life_of_an_order_is_followed_by_its_day() -> None:
    with serve("toast", "cafe", orders=40, now="2026-10-02T18:00:00Z", switches={"limits": "off"}) as running:
        site = Site(running)
        with closing(site.http):
            day = "2026-10-02"
            assert site.day(day) == {}
            [order] = site.edit(op="add_order", kind="open discount", open=True)
            first = site.order(order)["checks"][0]
            opened = site.day(day)
            net = opened["net_cents"]
            assert (opened["orders"], opened["open_checks"], net > 0) == (1, 1, True)
            assert first["paymentStatus"] != "CLOSED"
            for one in first["payments"]:
                if one["paymentStatus"] == "AUTHORIZED" or one["type"] == "CASH":
                    site.edit(op="void", payment=one["guid"])
            payment, _ = site.edit(op="pay", order=order, type="CREDIT", tip_cents=300)
            paid = site.day(day)
            assert (paid["open_checks"], paid["tip_cents"], paid["payments"]) == (0, 300, 1)
            before = site.order(order)["modifiedDate"]
            site.edit(op="tip_adjust", payment=payment, cents=450)
            assert site.order(order)["modifiedDate"] > before
            before = site.order(order)["modifiedDate"]
            site.edit(op="touchless_order", order=order, tip_cents=500)
            assert (site.order(order)["modifiedDate"], site.day(day)["tip_cents"]) == (before, 500)
            line = site.order(order)["checks"][0]["selections"][0]
            assert "captured" in site.refused(op="void", order=order)
            site.edit(op="refund", payment=payment, line=line["guid"])
            told = site.day(day)
            assert told["refund_net_cents"] == line["price"] * 100
            assert told["net_cents"] == net
            assert site.get(PAYMENTS, refundBusinessDate="20261002").json() == [payment]
            assert "refunded already" in site.refused(op="refund", payment=payment)
            site.edit(op="reopen", order=order)
            assert site.day(day)["open_checks"] == 1
            site.edit(op="close", order=order)
            site.edit(op="delete_order", order=order)
            assert site.order(order)["deleted"]
            assert (site.day(day)["net_cents"], site.day(day)["deleted_orders"]) == (0, 1)
            window = {"startDate": "2026-10-02T00:00:00.000+0000", "endDate": "2026-10-03T00:00:00.000+0000"}
            assert [row["guid"] for row in site.bulk(**window)] == [order]


def test_an_old_order_that_is_refunded_and_voided_now_moves_to_now_and_changes_its_day() -> None:
    with serve("toast", "cafe", history=True, now="2026-10-02T18:00:00Z", switches={"limits": "off"}) as running:
        site = Site(running)
        with closing(site.http):
            rows = site.rows("orders")
            old = next(row for row in rows if row["business_date"] == "2026-09-20" and row["checks"][0]["payments"])
            was = site.day("2026-09-20")
            payment = old["checks"][0]["payments"][0]
            site.edit(op="refund", payment=payment["id"], cents=100)
            now = site.day("2026-09-20")
            assert now["order_refund_cents"] == was["order_refund_cents"] + 100
            assert (now["net_cents"], site.day("2026-10-02")["refund_cents"]) == (was["net_cents"], 100)
            line = old["checks"][0]["lines"][0]
            site.edit(op="void", line=line["id"])
            assert site.day("2026-09-20")["net_cents"] == was["net_cents"] - line["net_cents"]
            window = {"startDate": "2026-10-02T00:00:00.000+0000", "endDate": "2026-10-03T00:00:00.000+0000"}
            assert [row["guid"] for row in site.bulk(**window)] == [old["id"]]


# -- size ----------------------------------------------------------------------------------------------------------------


def test_a_year_follows_from_scenario_seed_and_number_and_is_spread_over_twelve_months() -> None:
    def some(seed: int) -> list[Json]:
        app: Any = build("toast", "year", seed, orders=3_000)
        ledger = app.people.at(next(iter(app.world.places))).ledger
        return [ledger.body(key) for key in list(ledger.keys())[-3_000::300]]

    assert some(1) == some(1) != some(2)
    app: Any = build("toast", "year", orders=3_000)
    ledger = app.people.at(next(iter(app.world.places))).ledger
    days = [ledger.sheet(key).day for key in list(ledger.keys())[1_400:]]
    assert {f"{day:%Y-%m}" for day in days} >= {f"2025-{m:02d}" for m in (10, 11, 12)} | {
        f"2026-{m:02d}" for m in range(1, 10)
    }
    none: Any = build("toast", "year", orders=0)
    assert not len(none.people.at(next(iter(none.world.places))).ledger.past)
    with pytest.raises(ValueError, match="1,000,000"):
        build("toast", "year", orders=1_000_001)
    with pytest.raises(ValueError, match="no orders"):
        build("toast", "huge", history=True)


def test_pages_are_written_faster_than_anybody_may_ask_for_them() -> None:
    app: Any = build("toast", "year", orders=4_000)
    ledger = app.people.at(next(iter(app.world.places))).ledger
    keys = ledger.modified_between(0, int(datetime.now(UTC).timestamp() * 1000))[-1_000:]
    began = time.process_time()
    for key in keys:
        ledger.body(key)
    # ordersBulk allows 500 orders a second; a history of 100,000 in a minute needs 1,700.
    assert len(keys) / (time.process_time() - began) > 1_000


def test_what_must_stay_inside_is_told_with_a_history_and_without_one_nothing_is_added(site: Site) -> None:
    truth = site.get("/_control/truth").json()
    sent = {one["cardPaymentId"] for row in site.bulk(businessDate="20260920") for check in row["checks"] for one in check["payments"]}  # fmt: skip
    assert sent - {None} and sent - {None} <= set(truth["secrets"])
    assert len(truth["daily"]) == len(site.rows("daily"))
    assert truth["people_totals"]["orders"] < truth["order_totals"]["orders"]
    with serve("toast", "cafe") as plain:
        told: Any = plain.pos_app.truth()
        assert "daily" not in told and "order_totals" not in told
        assert not any(name.startswith("orders: ") for name in told["notes"])
