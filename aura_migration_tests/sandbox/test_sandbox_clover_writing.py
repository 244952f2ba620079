"""The Clover sandbox written to through its API: orders, payments, stock; amounts are worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

NOW = "2026-10-02T02:00:00Z"
EVERYTHING = "lineItems.modifications,lineItems.discounts,lineItems.taxRates,payments,discounts,serviceCharge"
Row = dict[str, Any]


class Desk:
    """An app at one merchant that may do what its token allows."""

    def __init__(self, sandbox: RunningSandbox, variant: str = "read_write") -> None:
        self.http = httpx.Client(base_url=sandbox.base_url, timeout=30)
        document = self.http.get("/_control/credentials").json()["variants"][variant]
        self.http.headers["Authorization"] = f"Bearer {document['access_token']}"
        self.base = f"/v3/merchants/{document['merchant_id']}"
        self.merchant = sandbox.pos_app.world.first
        self.items = {row.name: row.id for row in self.merchant.items.values()}
        self.options = {row.name: row.id for row in self.merchant.modifiers.values()}
        self.discounts = {row.name: row.id for row in self.merchant.discounts.values()}
        self.types = {row["label"]: row["id"] for row in self.merchant.order_types.values()}
        self.tenders = {row["label"]: row["id"] for row in self.merchant.tenders.values()}

    def line(self, name: str, *options: str, **fields: Any) -> Row:
        mods = [{"modifier": {"id": self.options[option]}} for option in options]
        return {"item": {"id": self.items[name]}, **({"modifications": mods} if mods else {}), **fields}

    def post(self, path: str, body: Row) -> httpx.Response:
        return self.http.post(f"{self.base}/{path}", json=body)

    def made(self, path: str, body: Row) -> Row:
        answer = self.post(path, body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def order(self, *lines: Row, **fields: Any) -> Row:
        return self.made("atomic_order/orders", {"orderCart": {"lineItems": list(lines), **fields}})

    def read(self, order: Row) -> Row:
        return dict(self.http.get(f"{self.base}/orders/{order['id']}", params={"expand": EVERYTHING}).json())

    def listed(self) -> set[str]:
        return {row["id"] for row in self.http.get(f"{self.base}/orders", params={"limit": 1000}).json()["elements"]}

    def truth(self, order: Row) -> Row:
        lines = self.http.get("/_control/orders/orders").text.splitlines()
        return dict(next(row for row in map(json.loads, lines) if row["id"] == order["id"]))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("clover", "rules", 1, now=NOW, switches={"limits": "off", "latency_seconds": 0.0}) as running:
        yield running


@pytest.fixture(scope="module")
def desk(sandbox: RunningSandbox) -> Iterator[Desk]:
    held = Desk(sandbox)
    yield held
    held.http.close()


def burgers_and_lager(desk: Desk) -> list[Row]:
    burger = desk.line("Burger", "Medium", "Cheese")
    return [burger, burger, desk.line("Lager")]


def test_an_atomic_order_is_priced_by_the_menu_and_read_back_the_same(desk: Desk) -> None:
    # 2 x (14.25 + 1.00) + 7.00 = 37.50; city 3.1 % 1.16, state 5 % of 30.50 1.53, liquor 10.25 % of 7.00 0.72.
    fields = {"externalReferenceId": "aura:40", "orderType": {"id": desk.types["Dine In"]}, "title": "41"}
    made = desk.order(*burgers_and_lager(desk), **fields)
    assert "externalReferenceId" not in made  # the cart has none: it is written afterwards
    made = desk.made(f"orders/{made['id']}", {"externalReferenceId": "aura:41"})
    assert (made["total"], made["state"], made["paymentState"]) == (4091, "open", "OPEN")
    assert (made["unpaidBalance"], made["externalReferenceId"], made["title"]) == (4091, "aura:41", "41")
    names = [mod["name"] for mod in made["lineItems"]["elements"][0]["modifications"]["elements"]]
    assert names == ["Medium", "Cheese"]
    assert desk.read(made) == made
    found = desk.http.get(f"{desk.base}/orders", params={"filter": "externalReferenceId=aura:41"}).json()["elements"]
    assert [row["id"] for row in found] == [made["id"]]
    told = desk.truth(made)
    assert (told["total"], told["tax"], told["unpaid"]) == (4091, 341, 4091)


def test_a_checkout_is_a_price_and_nothing_else(desk: Desk) -> None:
    before = desk.listed()
    cart = {"lineItems": burgers_and_lager(desk), "discounts": [{"discount": {"id": desk.discounts["Senior"]}}]}
    priced = desk.made("atomic_order/checkouts", {"orderCart": cart})
    # 10 % off: 33.75; city 1.05, state 5 % of 27.45 = 1.37, liquor 10.25 % of 6.30 = 0.65.
    assert (priced["subtotal"], priced["totalTaxAmount"], priced["total"]) == (3750, 307, 3375 + 307)
    taxes = {
        row["name"]: (row["amount"], len(row["lineItems"]["elements"])) for row in priced["taxSummaries"]["elements"]
    }
    assert taxes == {"City": (105, 3), "State": (137, 2), "Liquor": (65, 1)}
    assert desk.listed() == before


def test_the_type_of_an_order_and_its_charge_are_in_its_price(desk: Desk) -> None:
    out = desk.order(desk.line("Soup"), orderType={"id": desk.types["Take Out"]})
    assert out["total"] == 650 + 33  # no city tax on what is taken out
    charge = desk.http.get(f"{desk.base}/default_service_charge").json()
    party = desk.order(desk.line("Soup"), serviceCharge={"id": charge["id"]})
    assert party["total"] == 650 + 117 + 20 + 33  # 18 %, city 3.1 %, state 5 %


@pytest.mark.parametrize(
    ("cart", "message"),
    [
        ({"lineItems": []}, "cart_is_empty_or_missing"),
        ({"lineItems": [{"item": {"id": "NOTHING000000"}}]}, "item_does_not_exist"),
        ({"lineItems": [{"name": "Corkage", "price": 1500}]}, "item_does_not_exist"),
        ({"modifications": [{"modifier": {"id": "NOTHING000000"}}]}, "invalid_modifier"),
        ({"discounts": [{"name": "Off", "amount": 200}]}, "invalid_discount_attribute"),
        ({"serviceCharge": {"id": "NOTHING000000"}}, "service_charge_does_not_exist"),
        ({"orderType": {"id": "NOTHING000000"}}, "bad_request"),
    ],
)
def test_a_wrong_cart_is_refused_by_its_message(desk: Desk, cart: Row, message: str) -> None:
    soup = desk.line("Soup", **({"modifications": cart.pop("modifications")} if "modifications" in cart else {}))
    before = desk.listed()
    answer = desk.post("atomic_order/orders", {"orderCart": {"lineItems": [soup], **cart}})
    assert (answer.status_code, answer.json()["message"]) == (400, message)
    assert desk.listed() == before


def test_an_order_made_line_by_line_shows_once_it_has_a_state(desk: Desk) -> None:
    made = desk.made("orders", {"externalReferenceId": "aura:42"})
    assert made["id"] not in desk.listed()
    path = f"orders/{made['id']}"
    line = desk.made(f"{path}/line_items", {"item": {"id": desk.items["Burger"]}})
    assert (line["name"], line["price"]) == ("Burger", 1425)
    desk.made(f"{path}/line_items/{line['id']}/modifications", {"modifier": {"id": desk.options["Cheese"]}})
    more = desk.made(f"{path}/bulk_line_items", {"items": [{"name": "Corkage", "price": 1500}, desk.line("Soup")]})
    assert [row["name"] for row in more["elements"]] == ["Corkage", "Soup"]
    desk.made(f"{path}/discounts", {"name": "Two off", "amount": -200})
    assert desk.post(f"{path}/discounts", {"name": "Two off", "amount": 200}).status_code == 400
    voided = desk.http.delete(f"{desk.base}/{path}/line_items/{more['elements'][0]['id']}")
    assert voided.status_code == 200
    # 14.25 + 1.00 + 6.50 - 2.00 = 19.75; city 3.1 % 0.61, state 5 % 0.99: Clover works it out for nobody.
    assert desk.read(made)["total"] == 0
    told = desk.made(path, {"state": "open", "total": 1975 + 61 + 99})
    assert (told["total"], told["externalReferenceId"]) == (2135, "aura:42")
    assert made["id"] in desk.listed() and desk.truth(made)["tax"] == 160
    assert [row["name"] for row in told["lineItems"]["elements"]] == ["Burger", "Soup"]


def test_a_deleted_order_is_in_no_list_and_cannot_be_paid(desk: Desk) -> None:
    made = desk.order(desk.line("Soup"))
    assert desk.http.delete(f"{desk.base}/orders/{made['id']}").json() == {}
    assert made["id"] not in desk.listed()
    assert desk.http.get(f"{desk.base}/orders/{made['id']}").status_code == 404
    assert desk.post(f"orders/{made['id']}/payments", {}).status_code == 404
    assert desk.http.delete(f"{desk.base}/orders/{made['id']}").status_code == 404
    assert desk.truth(made)["deleted"]


def test_payments_other_than_cards_are_recorded_until_nothing_is_left(desk: Desk) -> None:
    made = desk.order(desk.line("Soup"))  # 6.50 + 0.20 + 0.33
    path = f"orders/{made['id']}/payments"
    assert desk.post(path, {"tender": {"id": desk.tenders["Credit Card"]}, "amount": 703}).status_code == 400
    assert desk.post(path, {"tender": {"id": desk.tenders["Cash"]}, "amount": 704}).status_code == 400
    cash = desk.made(path, {"tender": {"id": desk.tenders["Cash"]}, "amount": 303, "cashTendered": 500})
    assert (cash["amount"], cash["cashTendered"], cash["result"]) == (303, 500, "SUCCESS")
    assert desk.read(made)["paymentState"] == "PARTIALLY_PAID"
    body = {"tender": {"id": desk.tenders["External Payment"]}, "amount": 400, "tipAmount": 100}
    other = desk.made(path, {**body, "externalPaymentId": "aura:p7"})
    paid = desk.read(made)
    assert (paid["paymentState"], paid["state"]) == ("PAID", "locked")
    assert [row["id"] for row in paid["payments"]["elements"]] == [cash["id"], other["id"]]
    assert sum(row["taxAmount"] for row in paid["payments"]["elements"]) == 53
    assert desk.http.get(f"{desk.base}/payments/{other['id']}").json()["externalPaymentId"] == "aura:p7"
    assert desk.http.delete(f"{desk.base}/orders/{made['id']}").status_code == 400
    assert desk.post(f"orders/{made['id']}/line_items", desk.line("Soup")).status_code == 400


def test_what_the_register_opened_can_be_added_to(sandbox: RunningSandbox, desk: Desk) -> None:
    lines = [{"item": desk.items["Soup"]}]
    [check] = desk.http.post("/_control/edit", json={"op": "sell", "open": True, "lines": lines}).json()["changed"]
    line = desk.read({"id": check})["lineItems"]["elements"][0]
    option = {"modifier": {"id": desk.options["Cheese"]}, "name": "Extra cheese", "amount": 150}
    desk.made(f"orders/{check}/line_items/{line['id']}/modifications", option)
    assert desk.read({"id": check})["total"] == 800 + 25 + 40


def test_without_the_permission_nothing_is_written(sandbox: RunningSandbox) -> None:
    reader = Desk(sandbox, "read_only")
    soup, before = {"orderCart": {"lineItems": [reader.line("Soup")]}}, reader.listed()
    answers = [
        reader.post("atomic_order/orders", soup),
        reader.post("orders", {"state": "open"}),
        reader.http.delete(f"{reader.base}/orders/{min(before)}"),
        reader.post(f"orders/{min(before)}/payments", {}),
        reader.post(f"item_stocks/{reader.items['Soup']}", {"quantity": 3}),
        reader.post(f"items/{reader.items['Soup']}", {"available": False}),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert reader.post("atomic_order/checkouts", soup).status_code == 200
    no_money = Desk(sandbox, "missing_payments_write_scope")
    made = no_money.made("atomic_order/orders", soup)
    assert no_money.post(f"orders/{made['id']}/payments", {}).status_code == 401
    assert reader.listed() == before | {made["id"]}
    for held in (reader, no_money):
        held.http.close()


def test_stock_is_set_absolutely_and_read_back(desk: Desk) -> None:
    item = desk.items["Lemonade"]
    assert desk.made(f"item_stocks/{item}", {"quantity": 12.5})["quantity"] == 12.5
    assert desk.http.get(f"{desk.base}/item_stocks/{item}").json()["quantity"] == 12.5
    assert desk.post(f"item_stocks/{item}", {"quantity": "many"}).status_code == 400
    desk.made(f"items/{item}", {"autoManage": True})
    desk.made(f"item_stocks/{item}", {"quantity": 0})
    assert desk.http.get(f"{desk.base}/items/{item}").json()["available"] is False
    desk.made(f"item_stocks/{item}", {"quantity": 4})
    assert desk.http.get(f"{desk.base}/items/{item}").json()["available"] is True
    assert desk.http.delete(f"{desk.base}/item_stocks/{item}").json() == {}
    assert "quantity" not in desk.http.get(f"{desk.base}/item_stocks/{item}").json()


def test_sales_take_stock_along_where_they_are_to(desk: Desk) -> None:
    item = desk.items["Cookbook"]

    def left() -> float:
        return float(desk.http.get(f"{desk.base}/item_stocks/{item}").json()["quantity"])

    desk.made(f"item_stocks/{item}", {"quantity": 10})
    sale = {"op": "sell", "lines": [{"item": item, "quantity": 2}]}
    desk.http.post("/_control/edit", json=sale)
    assert left() == 10
    desk.http.post("/_control/switches", json={"sales_move_stock": True})
    desk.http.post("/_control/edit", json=sale)
    made = desk.order(desk.line("Cookbook"))
    assert left() == 8
    desk.made(f"orders/{made['id']}/payments", {"tender": {"id": desk.tenders["Check"]}, "amount": made["total"]})
    assert left() == 7
    desk.http.post("/_control/switches", json={"sales_move_stock": False})


def test_an_item_is_taken_off_sale_by_hand(desk: Desk) -> None:
    item = desk.items["Fries"]
    before = desk.http.get(f"{desk.base}/items/{item}").json()
    after = desk.made(f"items/{item}", {"available": False})
    assert after["available"] is False and after["modifiedTime"] > before["modifiedTime"]
    assert desk.post(f"items/{item}", {"available": "no"}).status_code == 400


def test_everything_written_is_told_to_who_asked_for_it(desk: Desk) -> None:
    hook = {"op": "target", "url": "http://127.0.0.1:9/hook", "verified": True}
    target = desk.http.post("/_control/webhooks", json=hook).json()["target"]["id"]
    made = desk.order(desk.line("Soup"))
    desk.made(f"orders/{made['id']}/payments", {"tender": {"id": desk.tenders["Cash"]}, "amount": 703})
    desk.made(f"item_stocks/{desk.items['Soup']}", {"quantity": 9})
    sent = [row for row in desk.http.get("/_control/webhooks").json()["deliveries"] if row["target"] == target]
    updates = [
        (row["objectId"].split(":")[0], row["type"])
        for delivery in sent
        for rows in json.loads(delivery["body"])["merchants"].values()
        for row in rows
    ]
    assert updates == [("O", "CREATE"), ("O", "UPDATE"), ("P", "CREATE"), ("I", "UPDATE")]
    desk.http.post("/_control/webhooks", json={"op": "remove_target", "target": target})
