"""Writing through the Toast sandbox's own API, over HTTP: prices, orders, payments, voids and stock; amounts worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

NOW = "2026-10-03T01:00:00Z"  # eight in the evening of Friday, 2 October, at the location
NOWHERE = "00000000-0000-4000-8000-000000000000"
ORDERS, PRICES = "/orders/v2/orders", "/orders/v2/prices"
Row = dict[str, Any]


class Client:
    """Credentials of one kind, and what they may."""

    def __init__(self, sandbox: RunningSandbox, variant: str) -> None:
        self.http = httpx.Client(base_url=sandbox.base_url, timeout=30)
        given = sandbox.pos_app.credentials()["variants"][variant]
        body = {"clientId": given["client_id"], "clientSecret": given["client_secret"]}
        login = self.http.post(
            "/authentication/v1/authentication/login", json={**body, "userAccessType": "TOAST_MACHINE_CLIENT"}
        )
        [place] = sandbox.pos_app.world.places.values()
        self.http.headers["Authorization"] = "Bearer " + login.json()["token"]["accessToken"]
        self.http.headers["Toast-Restaurant-External-ID"] = place.location.guid
        self.catalog = place.catalog
        self.item = {item.name: item for item in place.catalog.items.values()}
        self.named = {name: guid for rows in place.location.names.values() for name, guid in rows.items()}

    def selection(self, name: str, *modifiers: str, quantity: float = 1, **fields: Any) -> Row:
        item = self.item[name]
        _, chain = self.catalog.items_sold()[item.guid][0]
        below = []
        for one in modifiers:
            guid = self.item[one].guid
            groups = [self.catalog.modifier_groups[link.group] for link in item.links]
            group = next(group for group in groups if any(option.item == guid for option in group.options))
            below.append({"optionGroup": {"guid": group.guid}, "item": {"guid": guid}, "quantity": quantity})
        return {
            "entityType": "MenuItemSelection", "itemGroup": {"guid": chain[-1].guid}, "item": {"guid": item.guid},
            "quantity": quantity, "modifiers": below, **fields,
        }  # fmt: skip

    def body(self, *selections: Row, dining: str = "Dine In", check: Row | None = None, **fields: Any) -> Row:
        checks = [{"entityType": "Check", "selections": list(selections), **(check or {})}]
        return {"entityType": "Order", "diningOption": {"guid": self.named[dining]}, "checks": checks, **fields}

    def post(self, path: str, body: Any, status: int = 200) -> Row:
        answer = self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json(parse_float=Decimal))

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == status, answer.text
        return answer.json(parse_float=Decimal)

    def today(self) -> list[str]:
        return [row["guid"] for row in self.get("/orders/v2/ordersBulk", businessDate="20261002")]

    def truth(self, part: str) -> list[Row]:
        return [json.loads(line) for line in self.http.get(f"/_control/orders/{part}").text.splitlines()]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("toast", "rules", 1, now=NOW, orders=40, limits="off") as running:
        yield running


@pytest.fixture(scope="module")
def writer(sandbox: RunningSandbox) -> Iterator[Client]:
    held = Client(sandbox, "writing")
    yield held
    held.http.close()


@pytest.fixture(scope="module")
def reader(sandbox: RunningSandbox) -> Iterator[Client]:
    held = Client(sandbox, "standard")
    yield held
    held.http.close()


def steak_and_bottle(client: Client) -> tuple[Row, Row]:
    return client.selection("Hanger steak", "Medium"), client.selection("Root beer, bottle", quantity=2)


def test_credentials_that_only_read_may_write_nothing(reader: Client) -> None:
    body = reader.body(*steak_and_bottle(reader))
    assert "orders.orders:write" in reader.post(ORDERS, body, 403)["message"]
    assert reader.post(PRICES, body, 403)["status"] == 403
    assert "orders:void or orders.channel:void" in reader.post(f"{ORDERS}/{NOWHERE}/void", {}, 403)["message"]
    update = [{"guid": reader.item["Wings"].guid, "status": "OUT_OF_STOCK"}]
    assert reader.http.put("/stock/v1/inventory/update", json=update).status_code == 403


def test_a_price_is_worked_out_and_nothing_is_stored(writer: Client) -> None:
    # 24.00 + 2 x 4.00 = 32.00 at 7.25 % = 2.32, and a deposit of 0.05 for each bottle; no charge is added by itself.
    before = writer.today()
    priced = writer.post(PRICES, writer.body(*steak_and_bottle(writer), externalId="AURA:price"))
    [check] = priced["checks"]
    assert (check["amount"], check["taxAmount"], check["totalAmount"]) == (32, Decimal("2.42"), Decimal("34.42"))
    assert priced["guid"] is None and check["guid"] is None and check["appliedServiceCharges"] == []
    steak = check["selections"][0]
    assert (steak["guid"], steak["item"]["guid"]) == (None, writer.item["Hanger steak"].guid)
    assert steak["modifiers"][0]["guid"] is None and steak["appliedTaxes"][0]["guid"] is None
    assert writer.today() == before
    writer.get(f"{ORDERS}/AURA:price", 404)


def test_an_order_is_stored_once_under_its_external_id_and_told_of(writer: Client, reader: Client) -> None:
    target = {"op": "target", "url": "https://aura.example/hooks", "events": ["order_updated"]}
    hook = writer.post("/_control/webhooks", target)["target"]["id"]
    writer.post("/_control/webhooks", {"op": "hold"})
    # Neighbor 10% of 32.00 = 3.20; 28.80 at 7.25 % = 2.088 -> 2.09 + 0.10; gratuity 18 % of 32.00 = 5.76.
    more = {"appliedDiscounts": [{"discount": {"guid": writer.named["Neighbor 10%"]}}],
            "appliedServiceCharges": [{"serviceCharge": {"guid": writer.named["Large party 18%"]}}]}  # fmt: skip
    body = writer.body(*steak_and_bottle(writer), check=more, externalId="aura:4711", numberOfGuests=7)
    made = writer.post(ORDERS, body)
    [check] = made["checks"]
    assert (check["amount"], check["taxAmount"], check["totalAmount"]) == (
        Decimal("28.8"),
        Decimal("2.19"),
        Decimal("30.99"),
    )
    assert [(one["chargeAmount"], one["gratuity"]) for one in check["appliedServiceCharges"]] == [
        (Decimal("5.76"), True)
    ]
    assert (made["source"], made["externalId"], made["businessDate"], made["numberOfGuests"]) == (
        "API",
        "aura:4711",
        20261002,
        7,
    )
    assert (made["approvalStatus"], made["closedDate"], check["paymentStatus"]) == ("APPROVED", None, "OPEN")

    again = writer.post(ORDERS, body, 400)
    assert "aura:4711 is already in use" in again["message"] and writer.today().count(made["guid"]) == 1
    assert writer.get(f"{ORDERS}/aura:4711") == writer.get(f"{ORDERS}/{made['guid']}") == made
    # Whoever else reads sees the order, and an id that is not its own to see as null.
    seen = reader.get(f"{ORDERS}/{made['guid']}")
    assert (seen["externalId"], seen["checks"][0]["totalAmount"]) == (None, Decimal("30.99"))
    assert made["guid"] in reader.today()
    reader.get(f"{ORDERS}/aura:4711", 404)
    told = next(row for row in writer.truth("orders") if row["id"] == made["guid"])
    assert (told["open"], told["checks"][0]["total_cents"], told["checks"][0]["gratuity_cents"]) == (True, 3099, 576)
    [delivery] = writer.get("/_control/webhooks")["deliveries"]
    order = json.loads(delivery["body"])["details"]["order"]
    assert (order["guid"], order["externalId"]) == (made["guid"], None)
    writer.post("/_control/webhooks", {"op": "remove_target", "target": hook})


def test_who_writes_orders_sees_its_own_only(writer: Client, reader: Client) -> None:
    lines = [{"item": writer.item["Fries"].guid}]
    sale = writer.post("/_control/edit", {"op": "sell", "lines": lines})["changed"][0]
    pushed = writer.post("/_control/edit", {"op": "sell", "lines": lines, "external": "aura:77"})["changed"][0]
    assert {sale, pushed} <= set(reader.today())
    assert pushed in writer.today() and sale not in writer.today()
    writer.get(f"{ORDERS}/{sale}", 404)
    payment = next(row["id"] for row in writer.truth("payments") if row["order"] == sale)
    writer.get(f"/orders/v2/payments/{payment}", 404)
    reader.get(f"/orders/v2/payments/{payment}")
    found = writer.get(f"{ORDERS}/aura:77")
    assert (found["guid"], found["checks"][0]["externalId"]) == (pushed, "aura:77")


def test_payments_close_an_order_and_a_void_takes_all_of_it_back(writer: Client, reader: Client) -> None:
    made = writer.post(ORDERS, writer.body(writer.selection("Bread loaf", quantity=2)))
    check = made["checks"][0]["guid"]
    path = f"{ORDERS}/{made['guid']}/checks/{check}/payments"
    other = {"type": "OTHER", "otherPayment": {"guid": writer.named["House tab"]}}
    assert writer.post(path, [{**other, "amount": 7}])["checks"][0]["paymentStatus"] == "PAID"
    paid = writer.post(path, [{**other, "amount": 5, "tipAmount": 1.5}])
    assert paid["closedDate"] == paid["paidDate"] and paid["checks"][0]["paymentStatus"] == "CLOSED"
    first, second = paid["checks"][0]["payments"]
    assert first["guid"] != second["guid"] and second["tipAmount"] == Decimal("1.5")
    tipped = writer.http.patch(f"{path}/{second['guid']}", json={"tipAmount": 2})
    assert tipped.status_code == 200 and tipped.json()["checks"][0]["payments"][1]["tipAmount"] == 2
    assert reader.get(f"/orders/v2/payments/{second['guid']}")["tipAmount"] == 2

    void = f"{ORDERS}/{made['guid']}/void"
    assert "payments.voidAll" in writer.post(void, {"selections": {"voidAll": True}}, 400)["message"]
    gone = writer.post(void, {"selections": {"voidAll": True}, "payments": {"voidAll": True}})
    assert gone["voided"] and gone["checks"][0]["voided"] and gone["checks"][0]["selections"][0]["voided"]
    assert (gone["voidBusinessDate"], gone["checks"][0]["totalAmount"]) == (20261002, 0)
    assert {one["paymentStatus"] for one in gone["checks"][0]["payments"]} == {"VOIDED"}
    assert gone["modifiedDate"] > paid["modifiedDate"] and reader.get(f"{ORDERS}/{made['guid']}")["voided"]
    assert writer.post(path, [{**other, "amount": 1}], 409)["status"] == 409


def test_a_sale_at_the_counter_cannot_be_voided_by_a_client_that_did_not_submit_it(writer: Client) -> None:
    [sale] = writer.post("/_control/edit", {"op": "sell", "lines": [{"item": writer.item["Fries"].guid}]})["changed"]
    writer.post(f"{ORDERS}/{sale}/void", {"selections": {"voidAll": True}, "payments": {"voidAll": True}}, 404)
    lines = [{"item": writer.item["Fries"].guid}]
    [card] = writer.post("/_control/edit", {"op": "sell", "lines": lines, "external": "aura:78"})["changed"]
    said = writer.post(f"{ORDERS}/{card}/void", {"selections": {"voidAll": True}, "payments": {"voidAll": True}}, 400)
    assert "type OTHER" in said["message"]


def test_what_is_taken_out_or_delivered_names_a_guest(writer: Client, reader: Client) -> None:
    def priced(**customer: str) -> Row:
        told = {"customer": {"entityType": "Customer", **customer}}
        return writer.body(writer.selection("Fries"), dining="Delivery", check=told)

    assert writer.post(ORDERS, priced(), 400)["message"] == "Customer first name cannot be empty"
    assert writer.post(ORDERS, priced(firstName="Nia"), 400)["message"] == "Customer phone cannot be empty"
    named = priced(firstName="Nia", lastName="Okafor", phone="2185550142", email="nia@guest.example")
    assert writer.post(ORDERS, named, 400)["message"] == "Address 1 for delivery address cannot be empty"
    address = {"address1": "5 Pier Rd", "city": "Duluth", "state": "MN", "zipCode": "55802"}
    first = writer.post(ORDERS, {**named, "deliveryInfo": address})
    second = writer.post(ORDERS, {**named, "deliveryInfo": address})
    assert first["deliveryInfo"]["address1"] == "5 Pier Rd" and first["deliveryInfo"]["deliveryState"] == "PENDING"
    guests = [reader.get(f"{ORDERS}/{one['guid']}")["checks"][0]["customer"] for one in (first, second)]
    assert guests[0] == guests[1] and guests[0]["email"] == "nia@guest.example"
    told = [row for row in reader.get("/_control/truth")["customers"] if row["id"] == guests[0]["guid"]]
    assert [(row["e164"], row["orders"], row["address"]["city"]) for row in told] == [("+12185550142", 2, "Duluth")]


def test_an_order_for_later_waits_on_its_own_business_date(writer: Client) -> None:
    guest = {"customer": {"firstName": "Nia", "phone": "2185550142"}}
    later = {"promisedDate": "2026-10-05T17:00:00.000+0000", "requiredPrepTime": "PT15M"}
    made = writer.post(ORDERS, writer.body(writer.selection("Fries"), dining="Take Out", check=guest, **later))
    # 4.00 at the rate of what is taken out, 5 %: 0.20
    assert (made["approvalStatus"], made["businessDate"], made["checks"][0]["totalAmount"]) == (
        "FUTURE",
        20261005,
        Decimal("4.2"),
    )
    assert made["promisedDate"] == "2026-10-05T17:00:00.000+0000"
    odd = writer.body(writer.selection("Fries"), dining="Take Out", check=guest, requiredPrepTime="PT7M")
    assert "multiple of 5 minutes" in writer.post(ORDERS, odd, 400)["message"]


def refusals(writer: Client) -> Iterator[tuple[Row, int, str]]:
    """Bodies that Toast refuses, with the status and some of its words."""
    fries, steak = writer.selection("Fries"), writer.selection("Hanger steak", "Rare")
    yield writer.body(), 400, "at least one selection"
    yield {**writer.body(fries), "checks": []}, 400, "at least one check"
    yield {**writer.body(fries), "diningOption": None}, 400, "type=DiningOption) must contain a GUID"
    yield {**writer.body(fries), "diningOption": {"guid": NOWHERE}}, 404, "type=DiningOption"
    yield writer.body({**fries, "item": {}}), 400, "(type=MenuItem) must contain either a GUID or MultiLocationId"
    yield writer.body({**fries, "item": {"guid": NOWHERE}}), 404, "type=MenuItem"
    yield writer.body({**fries, "itemGroup": {}}), 400, "type=MenuGroup"
    yield writer.body({**fries, "itemGroup": writer.selection("House red")["itemGroup"]}), 400, "is not in group"
    yield writer.body({**fries, "quantity": 0}), 400, "quantity"
    yield writer.body(writer.selection("Hanger steak")), 400, "requires 1"
    yield writer.body(writer.selection("Hanger steak", "Rare", "Medium")), 400, "allows 1"
    yield writer.body(writer.selection("Fries", "Aioli", "Barbecue", "Ketchup")), 400, "allows 2"
    yield writer.body({**steak, "quantity": 2}), 400, "quantity of a modifier"
    yield writer.body({**fries, "modifiers": steak["modifiers"]}), 400, "is not in group"
    yield writer.body(writer.selection("Catering tray")), 400, "openPriceAmount is required"
    yield writer.body(writer.selection("Catering tray", openPriceAmount=-1)), 400, "must not be negative"
    yield writer.body(fries, externalId="no authority"), 400, "AUTHORITY:identifier"
    two = [{"discount": {"guid": writer.named["Dollar off"]}}] * 2
    yield writer.body({**fries, "appliedDiscounts": two}), 400, "Only one discount"
    yield writer.body({**fries, "appliedDiscounts": [{}]}), 400, "(type=Discount) must contain a GUID"
    percent = [{"discount": {"guid": writer.named["Open percent"]}}]
    yield writer.body({**fries, "appliedDiscounts": percent}), 400, "Open percent discounts are not supported"
    away = [{"serviceCharge": {"guid": writer.named["Delivery fee"]}}]
    yield writer.body(fries, check={"appliedServiceCharges": away}), 400, "does not apply to DINE_IN"
    for kind, words in (("CASH", "CREDIT or OTHER"), ("CREDIT", "authorized"), ("OTHER", "AlternatePaymentType")):
        yield writer.body(fries, check={"payments": [{"type": kind, "amount": 4.29}]}), 400, words


def test_what_toast_refuses_is_refused_in_its_words_and_not_stored(writer: Client) -> None:
    before = writer.today()
    for body, status, words in refusals(writer):
        for path in (PRICES, ORDERS):
            assert words in writer.post(path, body, status)["message"]
    assert writer.http.post(ORDERS, content="{}", headers={"Content-Type": "text/plain"}).status_code == 415
    large = json.dumps(writer.body(writer.selection("Fries"), tabName="x" * 1_000_001))
    assert writer.http.post(ORDERS, content=large, headers={"Content-Type": "application/json"}).status_code == 413
    assert writer.today() == before


def test_switches_choose_between_readings_of_the_documentation(writer: Client, reader: Client) -> None:
    other = {"order_post_answer": "wrapped", "duplicate_external_id_status": 409, "external_ids": "all"}
    before = {name: value for name, value in writer.get("/_control/switches").items() if name in other}
    writer.post("/_control/switches", other)
    body = writer.body(writer.selection("Bread loaf"), externalId="aura:wrapped")
    [made] = writer.post(ORDERS, body)["orders"]
    assert writer.post(ORDERS, body, 409)["status"] == 409
    assert reader.get(f"{ORDERS}/{made['guid']}")["externalId"] == "aura:wrapped"
    writer.post("/_control/switches", before)


def test_stock_is_set_by_who_may_write_it(writer: Client, reader: Client) -> None:
    hook = writer.post("/_control/webhooks", {"op": "target", "url": "https://aura.example/x", "events": ["stock"]})
    held = len(writer.get("/_control/webhooks")["deliveries"])
    wings, soup = writer.item["Wings"], writer.item["Soup of the day"]
    update = [
        {"guid": wings.guid, "status": "OUT_OF_STOCK"},
        {"multiLocationId": soup.mlid, "status": "QUANTITY", "quantity": 4},
    ]
    assert writer.http.put("/stock/v1/inventory/update", json=update).status_code == 200
    rows = {row["guid"]: (row["status"], row["quantity"]) for row in reader.get("/stock/v1/inventory")}
    assert rows == {wings.guid: ("OUT_OF_STOCK", None), soup.guid: ("QUANTITY", 4)}
    told = [json.loads(one["body"])["eventType"] for one in writer.get("/_control/webhooks")["deliveries"][held:]]
    assert sorted(told) == ["low_quantity", "out_of_stock"]
    back = [{"guid": wings.guid, "status": "IN_STOCK"}, {"guid": soup.guid, "status": "IN_STOCK"}]
    writer.http.put("/stock/v1/inventory/update", json=back)
    assert reader.get("/stock/v1/inventory") == []
    writer.post("/_control/webhooks", {"op": "remove_target", "target": hook["target"]["id"]})
