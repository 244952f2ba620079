"""The Square sandbox written to through its API: orders, payments, refunds, stock; amounts are worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

NOW = "2026-10-02T01:00:00Z"  # eight in the evening of Thursday, 1 October, at the location
Row = dict[str, Any]
keys = count(1)


class Desk:
    """An application that may do what its credentials allow."""

    def __init__(self, sandbox: RunningSandbox, variant: str = "read_write") -> None:
        self.http = httpx.Client(base_url=sandbox.base_url, timeout=30)
        token = self.http.get("/_control/credentials").json()["variants"][variant]["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"
        world = sandbox.pos_app.world
        self.place: str = world.merchant.main_location_id
        self.ways = {item.name: item.variations[0].id for item in world.items()}
        self.options = {held.name: held.id for held in world.of_type("MODIFIER", "DISCOUNT", "TAX")}

    def body(self, *lines: Row, **fields: Any) -> Row:
        order = {"location_id": self.place, "line_items": list(lines), **fields}
        order.setdefault("pricing_options", {"auto_apply_taxes": True})
        return {"order": order, "idempotency_key": f"key {next(keys)}"}

    def line(self, name: str, quantity: str = "1", *options: str) -> Row:
        mods = [{"catalog_object_id": self.options[option]} for option in options]
        return {"catalog_object_id": self.ways[name], "quantity": quantity, **({"modifiers": mods} if mods else {})}

    def create(self, *lines: Row, **fields: Any) -> Row:
        answer = self.http.post("/v2/orders", json=self.body(*lines, **fields))
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["order"])

    def put(self, order: Row, **fields: Any) -> httpx.Response:
        body = {"order": {"version": order["version"], **fields}}
        return self.http.put(f"/v2/orders/{order['id']}", json=body)

    def pay(self, order: Row, **fields: Any) -> httpx.Response:
        body = {"idempotency_key": f"pay {next(keys)}", "order_id": order["id"], "amount_money": order["total_money"]}
        external = {"source_id": "EXTERNAL", "external_details": {"type": "OTHER", "source": "AuraConnect"}}
        return self.http.post("/v2/payments", json={**body, **external, **fields})

    def read(self, order: Row) -> Row:
        return dict(self.http.get(f"/v2/orders/{order['id']}").json()["order"])

    def truth(self, order: Row) -> Row:
        lines = self.http.get("/_control/orders/orders").text.splitlines()
        return dict(next(row for row in map(json.loads, lines) if row["id"] == order["id"]))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "rules", 1, now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def desk(sandbox: RunningSandbox) -> Iterator[Desk]:
    held = Desk(sandbox)
    yield held
    held.http.close()


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    [error] = answer.json()["errors"]
    return answer.status_code, error["code"], error.get("field", "")


def cents(row: Row, name: str) -> int:
    return int(row[name]["amount"])


def money(amount: int) -> Row:
    return {"amount": amount, "currency": "USD"}


def test_an_order_is_priced_by_the_catalog_and_read_back_the_same(desk: Desk) -> None:
    # 2 x (13.00 + 1.25 + 2.25) = 33.00 and 7.25; taxes 3.02 + 0.82 + 0.22 (7.5, 2.5 and 3 %).
    lines = (desk.line("Burger", "2", "Fries", "Cheese", "Bacon"), {**desk.line("Stout"), "uid": "line-1"})
    made = desk.create(*lines, reference_id="aura:41", source={"name": "AuraConnect"})
    assert (made["state"], made["version"], made["reference_id"]) == ("OPEN", 1, "aura:41")
    assert made["source"] == {"name": "AuraConnect"} and made["pricing_options"] == {"auto_apply_taxes": True}
    assert (cents(made, "total_tax_money"), cents(made, "total_money")) == (406, 4431)
    assert cents(made, "net_amount_due_money") == 4431 and "tenders" not in made
    assert made["line_items"][1]["uid"] == "line-1"
    assert desk.read(made) == made
    query = {"filter": {"date_time_filter": {"updated_at": {"start_at": NOW}}}, "sort": {"sort_field": "UPDATED_AT"}}
    found = desk.http.post("/v2/orders/search", json={"location_ids": [desk.place], "query": query}).json()["orders"]
    assert made in found
    told = desk.truth(made)
    assert (told["total"], told["tax"], told["reference"]) == (4431, 406, "aura:41")


def test_without_pricing_options_the_catalogs_taxes_stay_out(desk: Desk) -> None:
    plain = desk.create(desk.line("Stout"), pricing_options={})
    assert cents(plain, "total_money") == 725 and "taxes" not in plain
    # 10 % off 7.25 = 0.725 -> 0.72; the sales tax the order names, 7.5 % of 6.53 = 0.49.
    named = desk.create(
        desk.line("Stout"),
        pricing_options={},
        taxes=[{"uid": "t", "catalog_object_id": desk.options["Sales tax"], "scope": "ORDER"}],
        discounts=[{"uid": "d", "name": "Ten", "percentage": "10", "scope": "ORDER"}],
        service_charges=[{"name": "Fee", "amount_money": money(100), "calculation_phase": "SUBTOTAL_PHASE"}],
    )
    assert (cents(named, "total_discount_money"), cents(named, "total_tax_money")) == (72, 49)
    assert cents(named, "total_money") == 725 - 72 + 49 + 100


def test_a_price_is_asked_for_without_writing_anything(desk: Desk) -> None:
    before = desk.http.get("/_control/orders").json()["orders"]
    body = {"order": desk.body(desk.line("Stout"))["order"]}
    priced = desk.http.post("/v2/orders/calculate", json=body).json()["order"]
    assert cents(priced, "total_money") == 725 + 54 + 22 and "id" not in priced
    assert desk.http.get("/_control/orders").json()["orders"] == before


def test_a_key_makes_one_order_however_often_it_is_sent(desk: Desk) -> None:
    body = desk.body(desk.line("Muffin"), reference_id="aura:42")
    first, again = (desk.http.post("/v2/orders", json=body) for _ in range(2))
    assert first.content == again.content
    other = {**body, "order": {**body["order"], "reference_id": "aura:43"}}
    assert refused(desk.http.post("/v2/orders", json=other))[:2] == (400, "IDEMPOTENCY_KEY_REUSED")
    lines = desk.http.get("/_control/orders/orders").text.splitlines()
    assert sum(first.json()["order"]["id"] in line for line in lines) == 1


def test_an_order_is_canceled_by_its_version(desk: Desk) -> None:
    made = desk.create(desk.line("Muffin"))
    assert desk.put(made, reference_id="aura:44").status_code == 200
    assert refused(desk.put(made, state="CANCELED")) == (409, "CONFLICT", "order.version")
    canceled = desk.put(desk.read(made), state="CANCELED").json()["order"]
    assert (canceled["state"], canceled["version"], canceled["reference_id"]) == ("CANCELED", 3, "aura:44")
    assert refused(desk.put(canceled, state="OPEN"))[1] == "BAD_REQUEST"
    assert refused(desk.pay(canceled))[1] == "BAD_REQUEST"
    assert desk.truth(made)["state"] == "CANCELED"


def test_what_waits_to_be_picked_up_is_canceled_with_its_fulfillment(desk: Desk) -> None:
    details = {"recipient": {"display_name": "Aura Test"}, "schedule_type": "ASAP"}
    made = desk.create(desk.line("Muffin"), fulfillments=[{"type": "PICKUP", "pickup_details": details}])
    assert refused(desk.put(made, state="CANCELED"))[1] == "BAD_REQUEST"
    over = [{"uid": made["fulfillments"][0]["uid"], "state": "CANCELED"}]
    assert desk.put(made, state="CANCELED", fulfillments=over).json()["order"]["state"] == "CANCELED"
    paid = desk.create(desk.line("Muffin"), fulfillments=[{"type": "PICKUP", "pickup_details": details}])
    assert desk.pay(paid).status_code == 200
    waiting = desk.read(paid)
    assert waiting["state"] == "OPEN" and waiting["tenders"]
    handed = [{"uid": waiting["fulfillments"][0]["uid"], "state": "COMPLETED"}]
    assert desk.put(waiting, state="COMPLETED", fulfillments=handed).json()["order"]["state"] == "COMPLETED"


def test_an_external_payment_of_all_that_is_due_completes_the_order(desk: Desk) -> None:
    made = desk.create(desk.line("Stout"))
    short = desk.pay(made, amount_money=money(800))
    assert refused(short) == (400, "PAYMENT_AMOUNT_MISMATCH", "amount_money")
    payment = desk.pay(made, tip_money=money(150), note="Aura").json()["payment"]
    assert (payment["status"], payment["order_id"]) == ("COMPLETED", made["id"])
    assert (cents(payment, "amount_money"), cents(payment, "total_money")) == (801, 951)
    assert payment["external_details"] == {"type": "OTHER", "source": "AuraConnect"}
    paid = desk.read(made)
    assert (paid["state"], paid["version"], cents(paid, "total_tip_money")) == ("COMPLETED", 2, 150)
    assert desk.http.get(f"/v2/payments/{payment['id']}").json()["payment"] == payment
    assert refused(desk.put(paid, state="CANCELED"))[1] == "BAD_REQUEST"
    told = desk.truth(made)
    assert (told["total"], told["tips"], told["tenders"][0][1]) == (951, 150, "EXTERNAL:OTHER")


def test_cash_gives_change_and_a_refund_is_an_order_of_its_own(desk: Desk) -> None:
    made = desk.create(desk.line("Muffin"))  # 3.75 + 0.28
    cash = {"source_id": "CASH", "cash_details": {"buyer_supplied_money": money(500)}, "external_details": None}
    payment = desk.pay(made, **cash).json()["payment"]
    assert cents(payment["cash_details"], "change_back_money") == 97
    body = {"idempotency_key": f"back {next(keys)}", "payment_id": payment["id"], "amount_money": money(403)}
    refund, again = (desk.http.post("/v2/refunds", json=body).json()["refund"] for _ in range(2))
    assert refund == again and (refund["status"], cents(refund, "amount_money")) == ("COMPLETED", 403)
    assert desk.http.get(f"/v2/refunds/{refund['id']}").json()["refund"] == refund
    back = desk.http.get(f"/v2/orders/{refund['order_id']}").json()["order"]
    assert back["returns"][0]["source_order_id"] == made["id"]
    more = {**body, "idempotency_key": f"back {next(keys)}"}
    assert refused(desk.http.post("/v2/refunds", json=more))[1] == "REFUND_AMOUNT_INVALID"


def test_authorized_cards_are_canceled_or_pay_the_order_together(desk: Desk) -> None:
    made = desk.create(desk.line("Stout"))  # 8.01
    card = {"source_id": "cnon:card-nonce-ok", "autocomplete": False, "external_details": None}
    first = desk.pay(made, **card, amount_money=money(301)).json()["payment"]
    given_up = desk.pay(made, **card, amount_money=money(500)).json()["payment"]
    assert desk.http.post(f"/v2/payments/{given_up['id']}/cancel").json()["payment"]["status"] == "CANCELED"
    second = desk.pay(made, **card, amount_money=money(500)).json()["payment"]
    both = {"idempotency_key": f"all {next(keys)}", "payment_ids": [first["id"], second["id"]]}
    path = f"/v2/orders/{made['id']}/pay"
    part = {**both, "payment_ids": [first["id"]], "idempotency_key": "part"}
    assert refused(desk.http.post(path, json=part))[1] == "PAYMENT_AMOUNT_MISMATCH"
    paid = desk.http.post(path, json=both).json()["order"]
    assert paid["state"] == "COMPLETED"
    assert sorted(cents(one, "amount_money") for one in paid["tenders"]) == [301, 500]
    declined = desk.pay(desk.create(desk.line("Stout")), source_id="cnon:card-nonce-declined", external_details=None)
    assert refused(declined)[:2] == (402, "CARD_DECLINED")


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"location_id": None}, 400, "MISSING_REQUIRED_PARAMETER", "order.location_id"),
        ({"location_id": "L0"}, 404, "NOT_FOUND", "order.location_id"),
        ({"reference_id": "a" * 41}, 400, "VALUE_TOO_LONG", "order.reference_id"),
        (
            {"line_items": [{"quantity": "1", "catalog_object_id": "NO"}]},
            404,
            "NOT_FOUND",
            "order.line_items[0].catalog_object_id",
        ),
        ({"line_items": [{"quantity": "0", "name": "x"}]}, 400, "INVALID_VALUE", "order.line_items[0].quantity"),
        ({"line_items": [{"name": "x"}]}, 400, "MISSING_REQUIRED_PARAMETER", "order.line_items[0].quantity"),
    ],
)
def test_a_wrong_order_is_refused_by_its_field(desk: Desk, change: Row, status: int, code: str, field: str) -> None:
    body = desk.body(desk.line("Muffin"))
    body["order"].update(change)
    assert refused(desk.http.post("/v2/orders", json=body)) == (status, code, field)


def test_without_the_permission_nothing_is_written(sandbox: RunningSandbox) -> None:
    variants = ("read_only", "missing_payments_write_scope", "missing_orders_write_scope")
    reader, no_money, no_orders = (Desk(sandbox, variant) for variant in variants)
    before = reader.http.get("/_control/orders").json()["orders"]
    answers = [
        reader.http.post("/v2/orders", json=reader.body(reader.line("Muffin"))),
        reader.http.put("/v2/orders/any", json={}),
        reader.http.post("/v2/payments", json={}),
        reader.http.post("/v2/inventory/changes/batch-create", json={}),
    ]
    assert {refused(answer)[:2] for answer in answers} == {(403, "INSUFFICIENT_SCOPES")}
    made = no_money.create(no_money.line("Muffin"))
    assert refused(no_money.pay(made))[:2] == (403, "INSUFFICIENT_SCOPES")
    assert refused(no_orders.http.post("/v2/orders", json={}))[:2] == (403, "INSUFFICIENT_SCOPES")
    assert reader.http.get("/_control/orders").json()["orders"] == before + 1
    for held in (reader, no_money, no_orders):
        held.http.close()


# -- stock -----------------------------------------------------------------------------------------------------------


def changed(desk: Desk, *changes: Row, **fields: Any) -> httpx.Response:
    body = {"idempotency_key": f"stock {next(keys)}", "changes": list(changes), **fields}
    return desk.http.post("/v2/inventory/changes/batch-create", json=body)


def counted(desk: Desk, name: str, quantity: str, **fields: Any) -> Row:
    said = {"catalog_object_id": desk.ways[name], "location_id": desk.place, "state": "IN_STOCK"}
    return {"type": "PHYSICAL_COUNT", "physical_count": {**said, "quantity": quantity, "occurred_at": NOW, **fields}}


def moved(desk: Desk, name: str, quantity: str, before: str, after: str) -> Row:
    said = {"catalog_object_id": desk.ways[name], "location_id": desk.place, "quantity": quantity, "occurred_at": NOW}
    return {"type": "ADJUSTMENT", "adjustment": {**said, "from_state": before, "to_state": after}}


def stock_of(desk: Desk, name: str) -> dict[str, str]:
    body = {"catalog_object_ids": [desk.ways[name]], "location_ids": [desk.place]}
    rows = desk.http.post("/v2/inventory/counts/batch-retrieve", json=body).json().get("counts", [])
    return {row["state"]: row["quantity"] for row in rows}


def test_stock_is_counted_adjusted_and_read_back(desk: Desk) -> None:
    told = changed(desk, counted(desk, "Muffin", "12.50")).json()
    assert [(row["state"], row["quantity"]) for row in told["counts"]] == [("IN_STOCK", "12.5")]
    assert told["changes"][0]["physical_count"]["quantity"] == "12.5"
    assert changed(desk, counted(desk, "Muffin", "12.5")).json() == {"counts": [], "changes": []}
    changed(desk, moved(desk, "Muffin", "2", "IN_STOCK", "WASTE"), moved(desk, "Muffin", "5", "NONE", "IN_STOCK"))
    assert stock_of(desk, "Muffin") == {"IN_STOCK": "15.5", "WASTE": "2"}
    body = {"catalog_object_ids": [desk.ways["Muffin"]]}
    rows = desk.http.post("/v2/inventory/changes/batch-retrieve", json=body).json()["changes"]
    assert sorted(row["type"] for row in rows) == ["ADJUSTMENT", "ADJUSTMENT", "PHYSICAL_COUNT"]


def test_a_change_that_is_wrong_keeps_the_others_from_happening(desk: Desk) -> None:
    late = counted(desk, "Cookie", "3", occurred_at="2026-09-29T00:00:00Z")
    assert refused(changed(desk, counted(desk, "Cookie", "3"), late))[1] == "INVALID_TIME"
    gone = counted(desk, "Cookie", "3", catalog_object_id="NO")
    assert refused(changed(desk, counted(desk, "Cookie", "3"), gone))[:2] == (404, "NOT_FOUND")
    no_key = desk.http.post("/v2/inventory/changes/batch-create", json={"changes": [counted(desk, "Cookie", "3")]})
    assert refused(no_key) == (400, "MISSING_REQUIRED_PARAMETER", "idempotency_key")
    assert stock_of(desk, "Cookie") == {}


def test_what_is_tracked_and_used_up_is_sold_out_there(sandbox: RunningSandbox, desk: Desk) -> None:
    way = sandbox.pos_app.world.get(desk.ways["Stout"])
    way.track = True

    def sold_out() -> bool:
        row = desk.http.get(f"/v2/catalog/object/{way.id}").json()["object"]["item_variation_data"]
        return any(held.get("sold_out", False) for held in row.get("location_overrides", []))

    changed(desk, counted(desk, "Stout", "0"))
    assert sold_out()
    changed(desk, counted(desk, "Stout", "24"))
    assert not sold_out()


def test_sales_take_stock_along_where_they_are_to(desk: Desk) -> None:
    changed(desk, counted(desk, "Iced Tea", "10"))
    lines = [{"item": desk.ways["Iced Tea"], "quantity": 2}]
    desk.http.post("/_control/edit", json={"op": "sell", "lines": lines})
    assert stock_of(desk, "Iced Tea") == {"IN_STOCK": "10"}
    desk.http.post("/_control/switches", json={"sales_move_stock": True})
    [sold] = desk.http.post("/_control/edit", json={"op": "sell", "lines": lines}).json()["changed"]
    assert stock_of(desk, "Iced Tea") == {"IN_STOCK": "8"}
    made = desk.create(desk.line("Iced Tea", "3"))
    assert stock_of(desk, "Iced Tea") == {"IN_STOCK": "8"}
    desk.pay(made)
    assert stock_of(desk, "Iced Tea") == {"IN_STOCK": "5"}
    desk.http.post("/_control/switches", json={"sales_move_stock": False})
    body = {"catalog_object_ids": [desk.ways["Iced Tea"]], "types": ["ADJUSTMENT"]}
    rows = desk.http.post("/v2/inventory/changes/batch-retrieve", json=body).json()["changes"]
    assert {row["adjustment"]["transaction_id"] for row in rows} == {sold, made["id"]}
    assert {row["adjustment"]["to_state"] for row in rows} == {"SOLD"}


def test_everything_written_is_told_to_who_asked_for_it(desk: Desk) -> None:
    hook = {"op": "target", "url": "http://127.0.0.1:9/hook"}
    target = desk.http.post("/_control/webhooks", json=hook).json()["target"]["id"]
    made = desk.create(desk.line("Cookie"))
    desk.pay(made)
    changed(desk, counted(desk, "Lager", "7"))
    sent = desk.http.get("/_control/webhooks").json()["deliveries"]
    kinds = [row["kind"] for row in sent if row["target"] == target]
    assert kinds == ["order.created", "order.updated", "payment.created", "inventory.count.updated"]
    desk.http.post("/_control/webhooks", json={"op": "remove_target", "target": target})
