"""Sales and days of trade in the Square sandbox, over HTTP; every amount is worked out by hand from the menu of `rules`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

NOW = "2026-10-01T09:00:00Z"
EVENING = "2026-10-02T00:00:00Z"  # seven in the evening of Thursday, 1 October, at the location
Row = dict[str, Any]


class Counter:
    """One running account: what it sells by name, and what its API answers."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.http = httpx.Client(base_url=sandbox.base_url, timeout=30)
        token = sandbox.pos_app.credentials()["default"]["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"
        self.world = sandbox.pos_app.world
        self.place: str = self.world.merchant.main_location_id
        self.ways = {item.name: item.variations[0].id for item in self.world.items()}
        self.options = {held.name: held.id for held in self.world.of_type("MODIFIER", "DISCOUNT")}

    def edit(self, op: str, **fields: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json={"op": op, **fields})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["changed"])

    def sell(self, *names: str, **fields: Any) -> Row:
        lines = fields.pop("lines", None) or [{"item": self.ways[name]} for name in names]
        [order_id] = self.edit("sell", **{"at": EVENING, "lines": lines, **fields})
        return self.order(order_id)

    def order(self, order_id: str) -> Row:
        answer = self.http.get(f"/v2/orders/{order_id}")
        return dict(answer.json()["order"]) if answer.status_code == 200 else {}

    def clock(self, now: str) -> None:
        assert self.http.post("/_control/clock", json={"now": now}).status_code == 200

    def search(self, since: str) -> list[Row]:
        window = {"updated_at": {"start_at": since}}
        query = {"filter": {"date_time_filter": window}, "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}}
        rows: list[Row] = []
        body: Row = {"location_ids": [self.place], "query": query, "limit": 1000}
        while True:
            answer = self.http.post("/v2/orders/search", json=body).json()
            rows += answer.get("orders", [])
            if not answer.get("cursor"):
                return rows
            body["cursor"] = answer["cursor"]

    def truth(self, order_id: str) -> Row:
        return self.told()[order_id]

    def told(self) -> dict[str, Row]:
        lines = self.http.get("/_control/orders/orders").text.splitlines()
        return {row["id"]: row for row in map(json.loads, lines)}


def opened() -> Iterator[Counter]:
    with serve("square", "rules", 1, now=NOW) as sandbox:
        held = Counter(sandbox)
        held.clock("2026-10-02T01:00:00Z")
        yield held
        held.http.close()


@pytest.fixture(scope="module")
def counter() -> Iterator[Counter]:
    """Shared by what only looks at the sale it makes."""
    yield from opened()


@pytest.fixture
def fresh() -> Iterator[Counter]:
    """For what looks at everything that was sold."""
    yield from opened()


def cents(row: Row, name: str) -> int:
    return int(row[name]["amount"])


def burger_and_stout(counter: Counter) -> list[Row]:
    options = [counter.options[name] for name in ("Fries", "Cheese", "Bacon")]
    return [{"item": counter.ways["Burger"], "quantity": 2, "modifiers": options}, {"item": counter.ways["Stout"]}]


def test_a_sale_is_priced_by_the_present_menu_and_its_taxes(counter: Counter) -> None:
    # 2 x (13.00 + 0 + 1.25 + 2.25) = 33.00, and 7.25: sales 7.5 % of 40.25 = 3.02, meals 2.5 % of 33.00 = 0.825 -> 0.82,
    # liquor 3 % of 7.25 = 0.2175 -> 0.22.
    sold = counter.sell(lines=burger_and_stout(counter), tip_cents=600)
    assert sorted(cents(tax, "applied_money") for tax in sold["taxes"]) == [22, 82, 302]
    assert (cents(sold, "total_tax_money"), cents(sold, "total_tip_money")) == (406, 600)
    assert cents(sold, "total_money") == 4025 + 406 + 600
    assert (sold["created_at"], sold["closed_at"], sold["state"]) == (EVENING, EVENING, "COMPLETED")
    assert sold["source"] == {"name": "Square Point of Sale"} and "version" not in sold and "reference_id" not in sold
    [tender] = sold["tenders"]
    payment = counter.http.get(f"/v2/payments/{tender['payment_id']}").json()["payment"]
    assert (cents(payment, "amount_money"), payment["status"], payment["source_type"]) == (4431, "COMPLETED", "CARD")
    told = counter.truth(sold["id"])
    assert (told["gross"], told["tax"], told["tips"], told["total"]) == (4025, 406, 600, 5031)


def test_a_price_changed_at_noon_is_that_of_the_next_sale(fresh: Counter) -> None:
    before = fresh.sell("Coffee")
    fresh.edit("set_price", variation=fresh.ways["Coffee"], cents=300)
    after = fresh.sell("Coffee")
    assert [cents(row["line_items"][0], "base_price_money") for row in (before, after)] == [275, 300]


def test_discount_gratuity_and_cash_come_in_that_order(counter: Counter) -> None:
    # 5.00 off 33.00 + 7.25 -> 4.10 and 0.90; sales 7.5 % of 35.25 = 2.64, meals 2.5 % of 28.90 = 0.72, liquor 3 % of
    # 6.35 = 0.19; gratuity 18 % of 35.25 = 6.345 -> 6.34; 45.14 in cash is 45.15.
    more = {"discount": counter.options["Five off"], "gratuity": True, "tender": "cash"}
    sold = counter.sell(lines=burger_and_stout(counter), **more)
    assert [cents(line, "total_discount_money") for line in sold["line_items"]] == [410, 90]
    assert cents(sold, "total_tax_money") == 264 + 72 + 19
    [charge] = sold["service_charges"]
    assert (charge["type"], charge["name"], cents(charge, "applied_money")) == ("AUTO_GRATUITY", "Large party", 634)
    assert cents(sold, "total_money") == 4515 and cents(sold["rounding_adjustment"], "amount_money") == 1
    assert sold["tenders"][0]["type"] == "CASH"


def test_the_till_gives_what_the_rules_of_the_hour_say(counter: Counter) -> None:
    # Thursday, 16:30: a fifth off 6.50; sales 7.5 % and liquor 3 % of 5.20.
    happy = counter.sell("Lager", "Coffee", at="2026-10-01T21:30:00Z")
    assert [cents(line, "total_discount_money") for line in happy["line_items"]] == [130, 0]
    assert "pricing_rule_id" in happy["discounts"][0]
    assert cents(happy, "total_money") == 520 + 275 + 60 + 16  # sales 7.5 % of 7.95 = 0.596
    assert "discounts" not in counter.sell("Lager", at="2026-10-01T23:30:00Z")
    fries = [counter.options["Fries"]]
    lines = [{"item": counter.ways["Burger"], "modifiers": fries}, {"item": counter.ways["Lemonade"]}]
    lunch = counter.sell(lines=lines, at="2026-10-01T17:00:00Z")
    assert cents(lunch, "total_discount_money") == 200


def test_an_online_order_says_so_and_carries_its_reference(counter: Counter) -> None:
    sold = counter.sell("Lemonade", channel="online", external="aura:17")
    assert sold["source"]["name"] == "Square Online" and sold["fulfillments"][0]["type"] == "PICKUP"
    assert sold["reference_id"] == "aura:17" and sold["version"] == 4
    assert cents(sold, "total_money") == 350 + 26
    payment = counter.http.get(f"/v2/payments/{sold['tenders'][0]['payment_id']}").json()["payment"]
    assert payment["application_details"]["square_product"] == "ONLINE_STORE"


@pytest.mark.parametrize(
    ("tender", "told"),
    [
        ("gift_card", "SQUARE_GIFT_CARD"),
        ("other", "OTHER"),
        ("House account", "OTHER"),
        ("third_party_card", "THIRD_PARTY_CARD"),
    ],
)
def test_tenders_go_by_kind_or_by_the_name_they_have(counter: Counter, tender: str, told: str) -> None:
    assert counter.sell("Muffin", tender=tender)["tenders"][0]["type"] == told


def test_an_open_check_is_paid_and_voided_like_any_other(counter: Counter) -> None:
    check = counter.sell("Muffin", open=True)
    assert (check["state"], "tenders" in check) == ("OPEN", False)
    counter.edit("pay", order=check["id"], tender="CASH")
    assert counter.order(check["id"])["state"] == "COMPLETED"
    paid = counter.sell("Cookie", at="2026-10-02T00:30:00Z")
    counter.edit("void", order=paid["id"])
    voided = counter.order(paid["id"])
    assert voided["state"] == "CANCELED" and voided["updated_at"] >= "2026-10-02T01:00:00Z"


def test_a_sale_taken_offline_comes_late_with_its_old_time(fresh: Counter) -> None:
    hook = {"op": "target", "url": "http://127.0.0.1:9/hook", "events": ["order.created", "payment.created"]}
    assert fresh.http.post("/_control/webhooks", json=hook).status_code == 200
    [order_id] = fresh.edit("sell", at=EVENING, lines=[{"item": fresh.ways["Muffin"]}], offline_minutes=90)
    assert fresh.order(order_id) == {}
    assert fresh.http.post("/v2/orders/batch-retrieve", json={"order_ids": [order_id]}).json() == {}
    assert fresh.search("2026-10-01T23:00:00Z") == []
    assert fresh.http.get("/v2/payments", params={"begin_time": "2026-10-01T23:00:00Z"}).json() == {}
    assert fresh.http.get("/_control/webhooks").json()["deliveries"] == []
    assert fresh.truth(order_id)["total"] == 375 + 28
    fresh.clock("2026-10-02T01:30:00Z")
    [row] = fresh.search("2026-10-02T01:00:00Z")
    assert (row["created_at"], row["closed_at"], row["updated_at"]) == (EVENING, EVENING, "2026-10-02T01:30:00Z")
    [payment] = fresh.http.get("/v2/payments", params={"begin_time": "2026-10-01T23:00:00Z"}).json()["payments"]
    assert payment["offline_payment_details"] == {"client_created_at": EVENING} and payment["is_offline_payment"]
    sent = [row["kind"] for row in fresh.http.get("/_control/webhooks").json()["deliveries"]]
    assert sent == ["order.created", "payment.created"]


def test_what_is_given_back_offline_comes_with_its_sale(fresh: Counter) -> None:
    hook = {"op": "target", "url": "http://127.0.0.1:9/hook", "events": ["order.created", "order.updated"]}
    assert fresh.http.post("/_control/webhooks", json=hook).status_code == 200
    [order_id] = fresh.edit("sell", at=EVENING, lines=[{"item": fresh.ways["Muffin"]}], offline_minutes=90)
    back, _, refund = fresh.edit("refund", order=order_id, cents=100)
    window = {"begin_time": "2026-10-01T23:00:00Z"}
    assert fresh.order(back) == {} and fresh.http.get(f"/v2/refunds/{refund}").status_code == 404
    assert fresh.http.get("/v2/refunds", params=window).json() == {}
    fresh.clock("2026-10-02T01:31:00Z")
    assert fresh.order(back)["returns"][0]["source_order_id"] == order_id
    assert [row["id"] for row in fresh.http.get("/v2/refunds", params=window).json()["refunds"]] == [refund]
    bodies = [row["body"] for row in fresh.http.get("/_control/webhooks").json()["deliveries"]]
    assert len(bodies) == 2 and order_id in bodies[0] and back in bodies[1]


def test_what_cannot_be_sold_is_refused_with_what_there_is(counter: Counter) -> None:
    def refused(**fields: Any) -> str:
        answer = counter.http.post("/_control/edit", json={"op": "sell", **fields})
        assert answer.status_code == 400
        return str(answer.json()["error"])

    line = {"item": counter.ways["Muffin"]}
    assert "lines" in refused() and "variation" in refused(lines=[{"item": "nothing"}])
    assert "open price" in refused(lines=[{"item": counter.ways["Chef's Special"]}])
    assert "House account" in refused(lines=[line], tender="barter")
    assert "kiosk" in refused(lines=[line], channel="kiosk")
    assert "discount_cents" in refused(lines=[line], discount=counter.options["Open discount"])


def test_a_day_of_trade_comes_in_as_the_clock_goes(fresh: Counter) -> None:
    fresh.clock("2026-10-05T09:00:00Z")
    sold = fresh.edit("trade", day="2026-10-05", orders=30, seed=4)
    assert len(sold) == 30 and fresh.search("2026-10-05T09:00:00Z") == []
    seen = []
    for now in ("2026-10-05T20:00:00Z", "2026-10-06T03:00:00Z", "2026-10-06T09:00:00Z"):
        fresh.clock(now)
        rows = fresh.search("2026-10-05T09:00:00Z")
        assert all(row["updated_at"] <= now for row in rows)
        seen.append(len(rows))
    assert 0 < seen[0] < seen[1] < seen[2] == 30
    assert {row["id"] for row in rows} == set(sold)
    told = fresh.told()
    for row in rows:
        mine = told[row["id"]]
        assert cents(row, "total_money") == mine["total"] == sum(cents(one, "amount_money") for one in row["tenders"])
        assert cents(row, "total_tax_money") == mine["tax"]
    zone = ZoneInfo(fresh.world.locations[fresh.place].timezone)
    local = [datetime.fromisoformat(row["created_at"]).astimezone(zone) for row in rows]
    assert {moment.date().isoformat() for moment in local} == {"2026-10-05", "2026-10-06"}
    assert all(moment.hour >= 11 or moment.hour < 3 for moment in local)
    tenders = {row["tenders"][0]["type"] for row in rows}
    assert {"CARD", "CASH"} <= tenders and {"Square Online", "Square Point of Sale"} == {
        row["source"]["name"] for row in rows
    }
    assert any(cents(row, "total_tip_money") for row in rows) and any("discounts" in row for row in rows)


def test_the_same_seed_is_the_same_day() -> None:
    days = []
    for _ in range(2):
        with serve("square", "cafe", 1, now="2026-10-06T12:00:00Z") as sandbox:
            counter = Counter(sandbox)
            counter.edit("trade", day="2026-10-05", orders=12)
            days.append(counter.search("2026-10-05T09:00:00Z"))
            counter.http.close()
    assert days[0] == days[1] and len(days[0]) == 12


def test_guests_of_an_ordinary_day_choose_what_every_item_asks_for() -> None:
    with serve("square", "diner", 1, now="2026-10-06T12:00:00Z") as sandbox:
        counter = Counter(sandbox)
        sold = [counter.order(order_id) for order_id in counter.edit("trade", day="2026-10-05", orders=120)]
        counter.http.close()
    seen = 0
    for line in (line for order in sold for line in order["line_items"]):
        chosen = {mod["catalog_object_id"] for mod in line.get("modifiers", ())}
        item = counter.world.get(counter.world.get(line["catalog_object_id"]).item_id)
        for link in item.links:
            group = counter.world.get(link.group_id)
            own = link if (link.min, link.max) not in ((None, None), (-1, -1)) else group
            least, most = own.min or 0, own.max if own.max and own.max > 0 else 99
            if group.modifier_type != "TEXT" and link.enabled is not False and group.presence.covers(counter.place):
                assert least <= len(chosen & {held.id for held in group.modifiers}) <= most, (item.name, group.name)
                seen += 1
    assert seen > 20
