"""Sales and days of trade in the Clover sandbox, over HTTP; every amount is worked out by hand from the menu of `rules`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

NOW = "2026-10-01T09:00:00Z"
EVENING = "2026-10-02T01:00:00Z"  # seven in the evening of 1 October at the merchant
EVERYTHING = "lineItems.modifications,lineItems.taxRates,payments.tender,discounts,serviceCharge"
QUIET = {"limits": "off", "latency_seconds": 0.0}
Row = dict[str, Any]


def stamp(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


class Counter:
    """One running merchant: what it sells by name, and what its API answers."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.http = httpx.Client(base_url=sandbox.base_url, timeout=30)
        document = self.http.get("/_control/credentials").json()["default"]
        self.http.headers["Authorization"] = f"Bearer {document['access_token']}"
        self.base = f"/v3/merchants/{document['merchant_id']}"
        self.merchant = sandbox.pos_app.world.first
        self.items = {row.name: row.id for row in self.merchant.items.values()}
        self.options = {row.name: row.id for row in self.merchant.modifiers.values()}
        self.discounts = {row.name: row.id for row in self.merchant.discounts.values()}

    def edit(self, op: str, **fields: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json={"op": op, **fields})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["changed"])

    def sell(self, *names: str, **fields: Any) -> Row:
        lines = fields.pop("lines", None) or [{"item": self.items[name]} for name in names]
        [order_id] = self.edit("sell", **{"at": EVENING, "lines": lines, **fields})
        return self.order(order_id)

    def order(self, order_id: str) -> Row:
        answer = self.http.get(f"{self.base}/orders/{order_id}", params={"expand": EVERYTHING})
        return dict(answer.json()) if answer.status_code == 200 else {}

    def clock(self, now: str) -> None:
        assert self.http.post("/_control/clock", json={"now": now}).status_code == 200

    def changed_since(self, moment: str, path: str = "orders") -> list[Row]:
        params = {"filter": f"modifiedTime>={stamp(moment)}", "limit": "1000", "expand": EVERYTHING}
        return list(self.http.get(f"{self.base}/{path}", params=params).json()["elements"])

    def truth(self) -> dict[str, Row]:
        lines = self.http.get("/_control/orders/orders").text.splitlines()
        return {row["id"]: row for row in map(json.loads, lines)}


def opened() -> Iterator[Counter]:
    with serve("clover", "rules", 1, now=NOW, switches=QUIET) as sandbox:
        held = Counter(sandbox)
        held.clock("2026-10-02T02:00:00Z")
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


def two_burgers_and_a_lager(counter: Counter) -> list[Row]:
    options = [counter.options["Medium"], counter.options["Cheese"]]
    burgers = {"item": counter.items["Burger"], "quantity": 2, "modifiers": options}
    return [burgers, {"item": counter.items["Lager"]}]


def taxes(order: Row) -> int:
    return sum(int(one["taxAmount"]) for one in order["payments"]["elements"])


def test_a_sale_is_priced_by_the_present_menu_and_its_rates(counter: Counter) -> None:
    # 2 x (14.25 + 1.00) = 30.50, and 7.00: city 3.1 % of 37.50 = 1.16, state 5 % of 30.50 = 1.525 -> 1.53, liquor 10.25 %
    # of 7.00 = 0.72.
    sold = counter.sell(lines=two_burgers_and_a_lager(counter), tip_cents=600, external="aura:17")
    assert len(sold["lineItems"]["elements"]) == 3
    assert (sold["total"], taxes(sold), sold["paymentState"], sold["state"]) == (4091, 341, "PAID", "locked")
    assert sold["createdTime"] == sold["clientCreatedTime"] == sold["modifiedTime"] == stamp(EVENING)
    assert sold["externalReferenceId"] == "aura:17" and "onlineOrder" not in sold and "device" in sold
    [payment] = sold["payments"]["elements"]
    assert (payment["amount"], payment["tipAmount"], payment["createdTime"]) == (4091, 600, stamp(EVENING))
    told = counter.truth()[sold["id"]]
    assert (told["gross"], told["tax"], told["total"]) == (3750, 341, 4091)


def test_a_price_changed_at_noon_is_that_of_the_next_sale(fresh: Counter) -> None:
    before = fresh.sell("Soup")
    fresh.edit("set_price", item=fresh.items["Soup"], cents=700)
    prices = [row["lineItems"]["elements"][0]["price"] for row in (before, fresh.sell("Soup"))]
    assert prices == [650, 700]


def test_discount_and_gratuity_come_before_the_taxes_of_what_is_left(counter: Counter) -> None:
    # 10 % off 37.50 leaves 33.75; gratuity 18 % = 6.075 -> 6.08; city 3.1 % of 33.75 = 1.05, state 5 % of 27.45 = 1.37,
    # liquor 10.25 % of 6.30 = 0.65.
    more = {"discount": counter.discounts["Senior"], "gratuity": True, "tender": "cash"}
    sold = counter.sell(lines=two_burgers_and_a_lager(counter), **more)
    fee = next(line for line in sold["lineItems"]["elements"] if line.get("isOrderFee"))
    assert (fee["orderFeeType"], fee["price"]) == ("AUTO_GRATUITY", 608)
    assert (sold["total"], taxes(sold)) == (3375 + 608 + 307, 307)
    assert sold["payments"]["elements"][0]["cashTendered"] == 4500
    told = counter.truth()[sold["id"]]
    assert (told["discounts"], told["order_fees"], told["tax"]) == (-375, 608, 307)


def test_an_online_order_is_taken_out_and_taxed_so(counter: Counter) -> None:
    sold = counter.sell("Soup", channel="online")
    assert sold["total"] == 650 + 33  # the city does not tax what is taken out; state 5 % = 0.325
    assert sold["onlineOrder"] and "device" not in sold and "employee" not in sold
    kind = counter.http.get(f"{counter.base}/order_types/{sold['orderType']['id']}").json()
    assert kind["label"] == "Take Out"


def test_what_is_weighed_is_one_line(counter: Counter) -> None:
    # 18.99 x 0.5 = 9.495 -> 9.50; city 0.29, state 0.475 -> 0.48.
    sold = counter.sell(lines=[{"item": counter.items["Smoked Brisket"], "quantity": 0.5}])
    assert (sold["lineItems"]["elements"][0]["unitQty"], sold["total"]) == (500, 950 + 29 + 48)


@pytest.mark.parametrize(
    ("tender", "label"),
    [
        ("card", "Credit Card"),
        ("gift_card", "External Gift Card"),
        ("House account", "House account"),
        ("check", "Check"),
    ],
)
def test_tenders_go_by_kind_or_by_the_name_they_have(counter: Counter, tender: str, label: str) -> None:
    assert counter.sell("Soup", tender=tender)["payments"]["elements"][0]["tender"]["label"] == label


def test_an_open_check_is_paid_and_voided_like_any_other(counter: Counter) -> None:
    check = counter.sell("Soup", open=True)
    assert (check["paymentState"], check["state"]) == ("OPEN", "open")
    counter.edit("pay", order=check["id"], tender="cash")
    assert counter.order(check["id"])["paymentState"] == "PAID"
    counter.edit("void", order=check["id"])
    voided = counter.order(check["id"])
    assert voided["lineItems"]["elements"] == [] and voided["modifiedTime"] >= stamp("2026-10-02T02:00:00Z")


def test_a_sale_taken_offline_comes_late_with_its_old_time(fresh: Counter) -> None:
    hook = {"op": "target", "url": "http://127.0.0.1:9/hook", "verified": True}
    assert fresh.http.post("/_control/webhooks", json=hook).status_code == 200
    fields = {"lines": [{"item": fresh.items["Soup"]}], "offline_minutes": 90}
    [order_id] = fresh.edit("sell", at=EVENING, **fields)
    payment_id = fresh.http.get("/_control/orders/payments").text.splitlines()[-1]
    payment_id = json.loads(payment_id)["id"]
    assert fresh.order(order_id) == {} and fresh.changed_since("2026-10-01T20:00:00Z") == []
    assert fresh.changed_since("2026-10-01T20:00:00Z", "payments") == []
    assert fresh.http.get(f"{fresh.base}/payments/{payment_id}").status_code == 404
    assert fresh.http.get("/_control/webhooks").json()["deliveries"] == []
    assert fresh.truth()[order_id]["total"] == 650 + 20 + 33
    fresh.clock("2026-10-02T02:30:00Z")
    [row] = fresh.changed_since("2026-10-02T02:00:00Z")
    assert row["createdTime"] == row["clientCreatedTime"] == stamp(EVENING)
    assert row["modifiedTime"] == stamp("2026-10-02T02:30:00Z")
    payment = fresh.http.get(f"{fresh.base}/payments/{payment_id}").json()
    assert payment["offline"] and payment["createdTime"] == stamp(EVENING)
    [sent] = fresh.http.get("/_control/webhooks").json()["deliveries"]
    assert order_id in sent["body"] and payment_id in sent["body"]


def test_what_cannot_be_sold_is_refused_with_what_there_is(counter: Counter) -> None:
    def refused(**fields: Any) -> str:
        answer = counter.http.post("/_control/edit", json={"op": "sell", **fields})
        assert answer.status_code == 400
        return str(answer.json()["error"])

    line = {"item": counter.items["Soup"]}
    assert "lines" in refused() and "no item" in refused(lines=[{"item": "nothing"}])
    assert "open price" in refused(lines=[{"item": counter.items["Catch of the Day"]}])
    assert "House account" in refused(lines=[line], tender="barter")
    assert "kiosk" in refused(lines=[line], channel="kiosk")


def test_a_day_of_trade_comes_in_as_the_clock_goes(fresh: Counter) -> None:
    fresh.clock("2026-10-05T09:30:00Z")
    sold = fresh.edit("trade", day="2026-10-05", orders=30, seed=4)
    assert len(sold) == 30 and fresh.changed_since("2026-10-05T09:30:00Z") == []
    seen = []
    for now in ("2026-10-05T20:00:00Z", "2026-10-06T03:00:00Z", "2026-10-06T09:30:00Z"):
        fresh.clock(now)
        rows = fresh.changed_since("2026-10-05T09:30:00Z")
        seen.append(len(rows))
    assert 0 < seen[0] < seen[1] < seen[2] == 30
    assert {row["id"] for row in rows} == set(sold)
    told = fresh.truth()
    for row in rows:
        mine = told[row["id"]]
        paid = sum(one["amount"] for one in row["payments"]["elements"])
        assert row["total"] == mine["total"] == paid and taxes(row) == mine["tax"]
        assert mine["date"] == "2026-10-05"  # the day ends at four in the morning
    zone = ZoneInfo(fresh.merchant.timezone)
    local = [datetime.fromtimestamp(row["createdTime"] / 1000, UTC).astimezone(zone) for row in rows]
    assert {moment.date().isoformat() for moment in local} == {"2026-10-05", "2026-10-06"}
    assert any("onlineOrder" in row for row in rows) and any("onlineOrder" not in row for row in rows)
    payments = [one for row in rows for one in row["payments"]["elements"]]
    assert {"Cash", "Credit Card"} <= {one["tender"]["label"] for one in payments}
    assert any(one.get("tipAmount") for one in payments)
    assert any(row.get("discounts", {}).get("elements") for row in rows)


def test_the_same_seed_is_the_same_day() -> None:
    days = []
    for _ in range(2):
        with serve("clover", "cafe", 1, now="2026-10-06T12:00:00Z", switches=QUIET) as sandbox:
            counter = Counter(sandbox)
            counter.edit("trade", day="2026-10-05", orders=12)
            days.append(counter.changed_since("2026-10-05T09:00:00Z"))
            counter.http.close()
    assert days[0] == days[1] and len(days[0]) == 12


def test_guests_of_an_ordinary_day_choose_what_every_item_asks_for() -> None:
    with serve("clover", "diner", 1, now="2026-10-06T12:00:00Z", switches=QUIET) as sandbox:
        counter = Counter(sandbox)
        sold = [counter.order(order_id) for order_id in counter.edit("trade", day="2026-10-05", orders=120)]
        counter.http.close()
    seen = 0
    for line in (line for order in sold for line in order["lineItems"]["elements"] if "item" in line):
        chosen = [mod["modifier"]["id"] for mod in line.get("modifications", {}).get("elements", ())]
        for group_id in counter.merchant.items[line["item"]["id"]].groups:
            group = counter.merchant.groups[group_id]
            count = sum(one in group.modifiers for one in chosen)
            if not group.deleted:
                assert (group.min_required or 0) <= count <= (group.max_allowed or 99), (line["name"], group.name)
                seen += 1
    assert seen > 20
