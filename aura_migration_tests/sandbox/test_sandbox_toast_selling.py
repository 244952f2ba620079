"""Sales and days of trade in the Toast sandbox, over HTTP; every amount is worked out by hand from the menu of `rules`.

Meals tax is 7.25 % (5 % taken out), Liquor tax 9 % half to even, a bottle 0.05; the counter adds Kitchen appreciation 3 % of
what discounts leave at a table and To-go packaging 1.00 (taxed) to what is taken out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, build, serve

NOW = "2026-10-03T01:00:00Z"  # eight in the evening of Friday, 2 October, at the location
EVENING = "2026-10-03T00:00:00Z"
HAPPY_HOUR = "2026-10-02T21:00:00Z"  # four in the afternoon
CHICAGO = ZoneInfo("America/Chicago")
Row = dict[str, Any]


class Counter:
    """One running account: what it sells by name, and what its API answers to credentials that only read."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.http = httpx.Client(base_url=sandbox.base_url, timeout=30)
        given = sandbox.pos_app.credentials()["default"]
        body = {"clientId": given["client_id"], "clientSecret": given["client_secret"]}
        login = self.http.post(
            "/authentication/v1/authentication/login", json={**body, "userAccessType": "TOAST_MACHINE_CLIENT"}
        )
        place = next(iter(sandbox.pos_app.world.places.values()))
        self.http.headers["Authorization"] = "Bearer " + login.json()["token"]["accessToken"]
        self.http.headers["Toast-Restaurant-External-ID"] = place.location.guid
        self.catalog = place.catalog
        self.item = {item.name: item.guid for item in place.catalog.items.values()}
        self.named = {name: guid for rows in place.location.names.values() for name, guid in rows.items()}

    def edit(self, op: str, **fields: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json={"op": op, **fields})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["changed"])

    def refused(self, op: str, **fields: Any) -> str:
        answer = self.http.post("/_control/edit", json={"op": op, **fields})
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"])

    def line(self, name: str, *modifiers: str, **fields: Any) -> Row:
        """A line by names; a modifier's is looked for among those of the item."""
        links = self.catalog.items[self.item[name]].links
        options = [one.item for link in links for one in self.catalog.modifier_groups[link.group].options]
        own = {self.catalog.items[guid].name: guid for guid in options}
        return {"item": self.item[name], "modifiers": [own.get(one) or self.item[one] for one in modifiers], **fields}

    def sell(self, *lines: Row, **fields: Any) -> Row:
        [guid] = self.edit("sell", **{"at": EVENING, "lines": list(lines), **fields})
        return self.order(guid)

    def order(self, guid: str) -> Row:
        answer = self.http.get(f"/orders/v2/orders/{guid}")
        return dict(answer.json(parse_float=Decimal)) if answer.status_code == 200 else {}

    def clock(self, now: str) -> None:
        assert self.http.post("/_control/clock", json={"now": now}).status_code == 200

    def bulk(self, **selector: str) -> list[Row]:
        rows: list[Row] = []
        for page in range(1, 100):
            answer = self.http.get("/orders/v2/ordersBulk", params={**selector, "pageSize": 100, "page": page})
            assert answer.status_code == 200, answer.text
            rows += answer.json(parse_float=Decimal)
            if answer.links.get("next") is None:
                break
        return rows

    def since(self, start: str, end: str) -> list[str]:
        return [row["guid"] for row in self.bulk(startDate=start, endDate=end)]

    def rows(self, part: str) -> list[Row]:
        return [json.loads(line) for line in self.http.get(f"/_control/orders/{part}").text.splitlines()]

    def day(self, day: str) -> Row:
        return next(row for row in self.rows("daily") if row["business_date"] == day)


@pytest.fixture
def counter() -> Iterator[Counter]:
    with serve("toast", "rules", 1, now=NOW, orders=0, limits="off") as sandbox:
        held = Counter(sandbox)
        yield held
        held.http.close()


@pytest.fixture(scope="module")
def refusing() -> Iterator[Counter]:
    with serve("toast", "rules", 1, now=NOW, orders=0, limits="off") as sandbox:
        held = Counter(sandbox)
        yield held
        held.http.close()


def sums(order: Row) -> tuple[int, int, int]:
    """Amount, tax and total of the order's one check, in cents."""
    [check] = order["checks"]
    found = [Decimal(str(check[name])) * 100 for name in ("amount", "taxAmount", "totalAmount")]
    assert all(cents == int(cents) for cents in found)
    return int(found[0]), int(found[1]), int(found[2])


def burgers_and_lager(counter: Counter) -> tuple[Row, Row]:
    return counter.line("Smash burger", "Bacon", quantity=2), counter.line("House lager")


def test_a_sale_is_priced_by_the_present_menu_and_its_taxes(counter: Counter) -> None:
    # 2 x (9.95 + 1.75) = 23.40 and 6.00; Meals 29.40 x 7.25 % = 2.1315 -> 2.13, Liquor 0.54, Kitchen 0.882 -> 0.88.
    sold = counter.sell(*burgers_and_lager(counter), tip_cents=500)
    assert sums(sold) == (2940 + 88, 213 + 54, 3295)
    [check] = sold["checks"]
    burger, lager = check["selections"]
    assert (burger["receiptLinePrice"], burger["preDiscountPrice"], burger["price"]) == (
        Decimal("9.95"), Decimal("23.4"), Decimal("23.4"))  # fmt: skip
    assert [(one["displayName"], one["quantity"], one["price"]) for one in burger["modifiers"]] == [
        ("Bacon", 2, Decimal("3.5"))
    ]
    assert burger["tax"] + lager["tax"] == Decimal("2.67") and len(lager["appliedTaxes"]) == 2
    [charge] = check["appliedServiceCharges"]
    assert (charge["name"], charge["chargeAmount"], charge["gratuity"]) == (
        "Kitchen appreciation 3%",
        Decimal("0.88"),
        False,
    )
    [payment] = check["payments"]
    assert (payment["type"], payment["amount"], payment["tipAmount"]) == ("CREDIT", Decimal("32.95"), 5)
    assert (payment["paymentStatus"], payment["paidBusinessDate"]) == ("CAPTURED", 20261002)
    evening = "2026-10-03T00:00:00.000+0000"
    assert (sold["openedDate"], sold["closedDate"], sold["modifiedDate"]) == (evening, evening, evening)
    assert (sold["businessDate"], sold["source"], sold["externalId"]) == (20261002, "In Store", None)
    assert sold["diningOption"]["guid"] == counter.named["Dine In"] and sold["createdInTestMode"] is False
    assert sold["guid"] in counter.since("2026-10-02T23:59:59.000+0000", "2026-10-03T00:00:01.000+0000")
    assert [row["guid"] for row in counter.bulk(businessDate="20261002")] == [sold["guid"]]
    told = counter.day("2026-10-02")
    assert (told["gross_cents"], told["tax_cents"], told["tip_cents"], told["charge_cents"]) == (3028, 267, 500, 88)


def test_discount_and_gratuity_come_off_and_on_before_it_is_paid_in_cash(counter: Counter) -> None:
    # 10 % of 29.40 = 2.94 shared 2.34 and 0.60; Meals 26.46 -> 1.91835 -> 1.92, Liquor 5.40 -> 0.486 -> 0.49; Kitchen
    # 26.46 x 3 % = 0.7938 -> 0.79; gratuity 29.40 x 18 % = 5.292 -> 5.29.
    more = {"discount": counter.named["Neighbor 10%"], "gratuity": True, "tender": "cash"}
    sold = counter.sell(*burgers_and_lager(counter), **more)
    assert sums(sold) == (2646 + 79, 192 + 49, 2966)
    [check] = sold["checks"]
    assert [one["price"] for one in check["selections"]] == [Decimal("21.06"), Decimal("5.4")]
    [given] = check["appliedDiscounts"]
    assert (given["discountAmount"], given["discountPercent"], given["discountType"]) == (
        Decimal("2.94"),
        10,
        "PERCENT",
    )
    charges = {one["name"]: (one["chargeAmount"], one["gratuity"]) for one in check["appliedServiceCharges"]}
    assert charges["Large party 18%"] == (Decimal("5.29"), True)
    [payment] = check["payments"]
    assert (payment["type"], payment["amount"], payment["amountTendered"]) == ("CASH", Decimal("34.95"), 35)


def test_an_item_discount_falls_on_one_line_and_no_more_than_it_costs(counter: Counter) -> None:
    sold = counter.sell(counter.line("Penny candy"), tender="cash", discount=counter.named["Dollar off"])
    [line] = sold["checks"][0]["selections"]
    assert (line["price"], line["appliedDiscounts"][0]["discountAmount"]) == (0, Decimal("0.35"))
    assert sums(sold) == (0, 0, 0) and sold["checks"][0]["payments"] == [] and sold["closedDate"] is not None


def test_an_online_order_is_taken_out_at_its_own_rate(counter: Counter) -> None:
    # Fries 4.00 + 0.50 and packaging 1.00 at 5 % = 0.275 -> 0.28; lemonade 5.00 with 0.238 -> 0.24 in it.
    lines = counter.line("Fries", "Aioli"), counter.line("Lemonade, all in")
    sold = counter.sell(*lines, channel="online", tender="House tab")
    assert sums(sold) == (450 + 476 + 100, 28 + 24, 1078)
    assert (sold["source"], sold["diningOption"]["guid"]) == ("Online", counter.named["Take Out"])
    lemonade = sold["checks"][0]["selections"][1]
    assert (lemonade["taxInclusion"], lemonade["price"], lemonade["tax"]) == (
        "INCLUDED",
        Decimal("4.76"),
        Decimal("0.24"),
    )
    [payment] = sold["checks"][0]["payments"]
    assert payment["type"] == "OTHER" and payment["otherPayment"]["guid"] == counter.named["House tab"]


def test_sizes_hours_typed_prices_and_every_kind_of_tax(counter: Counter) -> None:
    # 3.10 + 4.50 + 75.00 + 4.00 = 86.60 at 7.25 % = 6.2785 -> 6.28; liquor 0.405 -> 0.40 (half to even), a bottle 0.05, candy
    # 0.35 by the table 0.03, bread none; Kitchen 92.95 x 3 % = 2.7885 -> 2.79.
    sold = counter.sell(
        counter.line("Fountain soda", "Large"), counter.line("House lager"), counter.line("Catering tray", cents=7500),
        counter.line("Root beer, bottle"), counter.line("Bread loaf"), counter.line("Penny candy"), at=HAPPY_HOUR,
    )  # fmt: skip
    listed = [one["receiptLinePrice"] for one in sold["checks"][0]["selections"]]
    assert listed == [Decimal("3.1"), Decimal("4.5"), 75, 4, 6, Decimal("0.35")]
    assert sums(sold) == (9295 + 279, 628 + 40 + 5 + 3, 10250)


def test_every_way_an_item_or_modifier_may_be_priced_and_taxed() -> None:
    """Lines of the diner: what each modifier adds to its item, and the tax of the whole line."""
    with serve("toast", "diner", 1, now=NOW, orders=0, limits="off") as sandbox:
        counter = Counter(sandbox)
        sold = counter.sell(
            counter.line("Deep dish", "Large", "Pepperoni", "Pepperoni"),  # a price by size, twice: 19.00 + 2 x 2.00
            counter.line("Taco plate", "Beef", "Beans", "Fish"),  # by turn: + 0.00 + 0.50 + 1.00
            counter.line(
                "Club sandwich", "Lettuce", "Avocado", "Mac & cheese"
            ),  # 12.50 + 0 + 2.00 + (3.50 - 1.50 of the slaw)
            counter.line("Brisket by the pound", quantity=0.75),  # 18.95 a pound: 14.2125 -> 14.21
            counter.line("Gift card", cents=2500),  # deferred: no sale yet, no tax
            counter.line("Tax inside", "Own tax"),  # 10.00 with 7.25 % in it: 0.68; 1.00 with 1.125 % in it, down: 0.01
            counter.line("No tax", "Overrides"),  # the modifier's 1.125 % is on both: 0.12375, down: 0.12
        )
        counter.http.close()
    pizza, taco, club, brisket, gift, inside, free = sold["checks"][0]["selections"]
    assert (pizza["receiptLinePrice"], pizza["price"]) == (19, 23)
    assert taco["price"] - taco["receiptLinePrice"] == Decimal("1.5")
    assert [one["receiptLinePrice"] for one in club["modifiers"]] == [0, 2, 2] and club["price"] == Decimal("16.5")
    assert (brisket["price"], brisket["quantity"], brisket["unitOfMeasure"]) == (
        Decimal("14.21"),
        Decimal("0.75"),
        "LB",
    )
    assert (gift["deferred"], gift["price"], gift["tax"]) == (True, 25, 0)
    assert (inside["price"], inside["tax"], inside["preDiscountPrice"]) == (
        Decimal("10.31"),
        Decimal("0.69"),
        Decimal("10.31"),
    )
    assert (free["price"], free["tax"]) == (11, Decimal("0.12"))


def test_a_price_changed_at_noon_is_that_of_the_next_sale(counter: Counter) -> None:
    before = counter.sell(counter.line("Soup of the day"))
    counter.edit("set_price", item=counter.item["Soup of the day"], cents=650)
    unpublished = counter.sell(counter.line("Soup of the day"))
    counter.edit("publish")
    after = counter.sell(counter.line("Soup of the day"))
    prices = [row["checks"][0]["selections"][0]["price"] for row in (before, unpublished, after)]
    assert prices == [6, 6, Decimal("6.5")]
    assert counter.order(before["guid"])["checks"] == before["checks"]


def test_the_business_date_ends_at_the_close_out_hour(counter: Counter) -> None:
    counter.clock("2026-10-03T12:00:00Z")
    soup = counter.line("Soup of the day")
    days = [
        counter.sell(soup, at=at)["businessDate"]
        for at in ("2026-10-03T06:30:00Z", "2026-10-03T08:59:59Z", "2026-10-03T09:00:00Z")
    ]
    assert days == [20261002, 20261002, 20261003]


def test_what_was_taken_offline_reaches_the_api_later(counter: Counter) -> None:
    target = {"op": "target", "url": "https://aura.example/hooks", "events": ["order_updated"]}
    assert counter.http.post("/_control/webhooks", json=target).status_code == 200
    counter.http.post("/_control/webhooks", json={"op": "hold"})
    window = ("2026-10-02T12:00:00.000+0000", "2026-10-04T12:00:00.000+0000")
    [guid] = counter.edit("sell", at=EVENING, lines=[counter.line("Fries")], offline_minutes=90)
    assert counter.order(guid) == {} and counter.since(*window) == [] and counter.bulk(businessDate="20261002") == []
    payment = next(row["id"] for row in counter.rows("payments") if row["order"] == guid)
    assert counter.http.get(f"/orders/v2/payments/{payment}").status_code == 404
    assert counter.http.get("/_control/webhooks").json()["deliveries"] == []

    counter.clock("2026-10-03T01:30:00Z")
    came = counter.order(guid)
    assert (came["openedDate"], came["closedDate"]) == ("2026-10-03T00:00:00.000+0000",) * 2
    assert (came["createdDate"], came["modifiedDate"]) == (
        "2026-10-03T01:30:00.300+0000",
        "2026-10-03T01:30:00.000+0000",
    )
    assert came["businessDate"] == 20261002 and counter.since(*window) == [guid]
    assert counter.http.get(f"/orders/v2/payments/{payment}").status_code == 200
    [told] = counter.http.get("/_control/webhooks").json()["deliveries"]
    assert json.loads(told["body"])["details"]["order"]["guid"] == guid


def test_a_check_left_open_is_paid_voided_and_refunded_when_the_clock_says(counter: Counter) -> None:
    tab = counter.sell(counter.line("Wings", quantity=3), open=True)
    assert (tab["closedDate"], tab["checks"][0]["paymentStatus"], tab["checks"][0]["payments"]) == (None, "OPEN", [])
    counter.edit("pay", order=tab["guid"], type="CASH")
    paid = counter.order(tab["guid"])
    assert paid["closedDate"] == paid["modifiedDate"] == "2026-10-03T01:00:00.000+0000"

    card = counter.sell(*burgers_and_lager(counter), counter.line("Soup of the day"), tip_cents=400)
    counter.clock("2026-10-03T15:00:00Z")
    counter.edit("void", order=tab["guid"])
    voided = counter.order(tab["guid"])
    assert (voided["voided"], voided["businessDate"], voided["voidBusinessDate"]) == (True, 20261002, 20261003)
    assert voided["modifiedDate"] == "2026-10-03T15:00:00.000+0000"

    # Meals is worked out once on 35.40 and spread over three lines with fractions of a cent; all of it comes back.
    [payment] = card["checks"][0]["payments"]
    counter.edit("refund", payment=payment["guid"])
    [back] = counter.order(card["guid"])["checks"][0]["payments"]
    assert back["refund"]["refundAmount"] == back["amount"] and back["refund"]["tipRefundAmount"] == 4
    assert (back["refundStatus"], back["refund"]["refundBusinessDate"]) == ("FULL", 20261003)
    told = next(row for row in counter.rows("refunds") if row["order"] == card["guid"])
    assert told["tax_cents"] == sums(card)[1] and told["net_cents"] == sums(card)[0]
    since = counter.http.get("/_control/orders/orders", params={"history": "false"}).text.splitlines()
    assert [json.loads(row)["id"] for row in since] == [tab["guid"], card["guid"]]
    assert counter.day("2026-10-02")["orders"] == 1 and counter.day("2026-10-03")["refunds"] == 1


@pytest.mark.parametrize(
    ("line", "more", "words"),
    [
        ({"item": "nothing"}, {}, "no item 'nothing'"),
        ("Fountain soda", {}, "comes in sizes"),
        ("Catering tray", {}, "open price"),
        ("Bacon", {}, "modifier only"),
        ("Fries", {"tender": "seashells"}, "House tab"),
        ("Fries", {"discount": "Two for one"}, "BOGO"),
        ("Fries", {"discount": "Open percent"}, "say its percentage"),
        ("Fries", {"channel": "drum"}, "in_house, online"),
        ("Fries", {"offline_minutes": -1}, "not negative"),
        ("Fries", {"location": "elsewhere"}, "no location"),
    ],
)
def test_what_cannot_be_sold_is_said_and_sells_nothing(refusing: Counter, line: Any, more: Row, words: str) -> None:
    said = refusing.line(line) if isinstance(line, str) else line
    if "discount" in more:
        more = {"discount": refusing.named[more["discount"]]}
    assert words in refusing.refused("sell", lines=[said], **more)
    assert refusing.bulk(businessDate="20261002") == []


def test_a_day_of_trade_fills_its_business_date_and_adds_up(counter: Counter) -> None:
    counter.clock("2026-10-04T12:00:00Z")
    made = counter.edit("trade", day="2026-10-03", orders=60, seed=7)
    orders = counter.bulk(businessDate="20261003")
    assert [order["guid"] for order in orders] == made and len(set(made)) == 60
    opened = [datetime.strptime(order["openedDate"], "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(CHICAGO) for order in orders]
    assert opened[0].hour >= 10 and opened[-1].date().isoformat() == "2026-10-04" and opened[-1].hour == 0
    checks = [check for order in orders for check in order["checks"]]
    payments = [payment for check in checks for payment in check["payments"]]
    for check in checks:
        gratuity = sum(one["chargeAmount"] for one in check["appliedServiceCharges"] if one["gratuity"])
        assert sum(one["amount"] for one in check["payments"]) == check["totalAmount"] + gratuity
        lines = sum(one["price"] for one in check["selections"])
        assert check["amount"] == lines + sum(one["chargeAmount"] for one in check["appliedServiceCharges"]) - gratuity
    assert {payment["type"] for payment in payments} == {"CREDIT", "CASH", "GIFTCARD", "OTHER"}
    assert {order["source"] for order in orders} == {"In Store", "Online"} and any(p["tipAmount"] for p in payments)
    assert any(check["appliedDiscounts"] or any(s["appliedDiscounts"] for s in check["selections"]) for check in checks)
    told = counter.day("2026-10-03")
    assert told["orders"] == 60 and told["payment_cents"] == sum(p["amount"] for p in payments) * 100
    assert told["tax_cents"] == sum(check["taxAmount"] for check in checks) * 100
    assert counter.edit("trade", day="2026-10-03", orders=0) == []


def test_the_rest_of_a_day_is_served_as_it_comes(counter: Counter) -> None:
    counter.edit("trade", day="2026-10-02", orders=30)
    now = datetime(2026, 10, 3, 1, tzinfo=UTC)
    seen = counter.bulk(businessDate="20261002")
    assert 0 < len(seen) < 30 and all(datetime.fromisoformat(row["paidDate"][:19] + "Z") <= now for row in seen)
    counter.clock("2026-10-03T09:00:00Z")
    assert len(counter.bulk(businessDate="20261002")) == 30


def test_thirty_days_of_trade_take_a_moment() -> None:
    pos = build("toast", "cafe", 1, now="2026-11-02T12:00:00Z", history=True)
    pos.edit({"op": "trade", "day": "2026-10-01", "orders": 40})
    start = time.process_time()
    made = [
        guid for day in range(2, 31) for guid in pos.edit({"op": "trade", "day": f"2026-10-{day:02d}", "orders": 40})
    ]
    assert len(set(made)) == 29 * 40 and time.process_time() - start < 3
