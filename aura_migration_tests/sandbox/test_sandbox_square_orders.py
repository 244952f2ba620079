"""Square orders over real HTTP: identities and recomputed arithmetic, windows, filters, paging, peculiarities."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

SEARCH = "/v2/orders/search"
NOW = "2026-10-01T09:00:00Z"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with serve("square", "diner", 1, now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def http(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url, timeout=60) as opened:
        opened.headers["Authorization"] = f"Bearer {sandbox.pos_app.credentials()['default']['access_token']}"
        yield opened


@pytest.fixture
def client(http: httpx.Client, sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    before = dict(sandbox.pos_app.switches)
    yield http
    sandbox.pos_app.switches.update(before)


@pytest.fixture(scope="module")
def truth(sandbox: RunningSandbox) -> Row:
    return sandbox.pos_app.truth()


@pytest.fixture(scope="module")
def place(truth: Row) -> str:
    return str(truth["locations"][0]["id"])


@pytest.fixture(scope="module")
def orders(http: httpx.Client, place: str) -> list[Row]:
    return searched(http, place)


@pytest.fixture(scope="module")
def noted(truth: Row, http: httpx.Client) -> dict[str, Row]:
    ids = {row["note"]: row["order"] for row in truth["notes"]}
    found: dict[str, Row] = {}
    wanted = list(dict.fromkeys(ids.values()))
    for start in range(0, len(wanted), 100):
        answer = http.post("/v2/orders/batch-retrieve", json={"order_ids": wanted[start : start + 100]}).json()
        found |= {order["id"]: order for order in answer["orders"]}
    return {note: found[order_id] for note, order_id in ids.items()}


def searched(client: httpx.Client, place: str, field: str = "created_at", order: str = "ASC", **body: Any) -> list[Row]:
    rows: list[Row] = []
    query = {"sort": {"sort_field": field.upper(), "sort_order": order}, **body.pop("query", {})}
    cursor: str | None = None
    while True:
        held = {"location_ids": [place], "query": query, **body, **({"cursor": cursor} if cursor else {})}
        answer = client.post(SEARCH, json=held)
        assert answer.status_code == 200, answer.text
        rows += answer.json().get("orders", answer.json().get("order_entries", []))
        cursor = answer.json().get("cursor")
        if not cursor:
            return rows


def cents(row: Row, name: str) -> int:
    return int(row[name]["amount"]) if name in row else 0


def moment(text: str) -> datetime:
    head, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:6].ljust(6, '0')}+00:00")


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


# -- arithmetic ------------------------------------------------------------------------------------------------------


def check_identities(order: Row) -> None:
    """Section "what to assert" of the Square API reference."""
    lines, charges = order.get("line_items", []), order.get("service_charges", [])
    for line in lines:
        taxes = {row["tax_uid"]: cents(row, "applied_money") for row in line.get("applied_taxes", [])}
        assert sum(taxes.values()) == cents(line, "total_tax_money")
        whole = cents(line, "gross_sales_money") - cents(line, "total_discount_money") + cents(line, "total_tax_money")
        assert cents(line, "total_money") == whole
    assert sum(cents(row, "total_tax_money") for row in [*lines, *charges]) == cents(order, "total_tax_money")
    assert sum(cents(row, "total_discount_money") for row in lines) == cents(order, "total_discount_money")
    assert sum(cents(row, "applied_money") for row in charges) == cents(order, "total_service_charge_money")
    for kind, rows in (("tax", order.get("taxes", [])), ("discount", order.get("discounts", []))):
        parts: dict[str, int] = {}
        for owner in [*lines, *charges]:
            for row in owner.get("applied_taxes" if kind == "tax" else "applied_discounts", []):
                uid = row[f"{kind}_uid"]
                parts[uid] = parts.get(uid, 0) + cents(row, "applied_money")
        assert {row["uid"]: parts.get(row["uid"], 0) for row in rows} == {
            row["uid"]: cents(row, "applied_money") for row in rows
        }
    apart = [row for row in charges if row["treatment_type"] != "APPORTIONED_TREATMENT"]
    total = sum(cents(row, "total_money") for row in [*lines, *apart]) + cents(order, "total_tip_money")
    assert cents(order, "total_money") == total + cents(order.get("rounding_adjustment", {}), "amount_money")
    tenders = order.get("tenders", [])
    if order["state"] == "COMPLETED":
        assert sum(cents(row, "amount_money") for row in tenders) == cents(order, "total_money")
    assert sum(cents(row, "tip_money") for row in tenders) == cents(order, "total_tip_money")
    for row in order.get("returns", []):
        back = [*row.get("return_line_items", []), *row.get("return_service_charges", [])]
        tips = sum(cents(tip, "applied_money") for tip in row.get("return_tips", []))
        rounding = cents(row.get("rounding_adjustment", {}), "amount_money")
        assert sum(cents(part, "total_money") for part in back) + tips + rounding == cents(
            row["return_amounts"], "total_money"
        )
    if "net_amounts" in order:
        back = order.get("return_amounts", {})
        assert cents(order["net_amounts"], "total_money") == cents(order, "total_money") - cents(back, "total_money")


def rounded(value: Fraction) -> int:
    return round(value)  # Python rounds an exact half to the even neighbor


def recomputed(order: Row) -> tuple[int, int, int] | None:
    """Discount, tax and total without tips and rounding from what was ordered; None at the reference's open points."""
    lines, taxes = order.get("line_items", []), {row["uid"]: row for row in order.get("taxes", [])}
    if any(row["type"] != "ADDITIVE" for row in taxes.values()) or order.get("service_charges"):
        return None
    left: list[Fraction] = []
    for line in lines:
        quantity = Fraction(line["quantity"])
        gross = rounded(cents(line, "base_price_money") * quantity)
        for mod in line.get("modifiers", []):
            gross += rounded(cents(mod, "base_price_money") * Fraction(mod.get("quantity", "1")) * quantity)
        left.append(Fraction(gross))
    full = sum(left)
    discounts = order.get("discounts", [])
    special = ("at most", "maker")  # capped, and not lowering the taxable amount: neither is said on the wire
    if len(discounts) > 1 or any(
        row["scope"] != "ORDER" or any(w in row["name"] for w in special) for row in discounts
    ):
        return None
    for row in discounts:
        if "percentage" in row:
            off = rounded(full * Fraction(row["percentage"]) / 100)
        else:
            off = min(cents(row, "amount_money"), int(full))
        for place, line in enumerate(lines):
            given = sum(cents(part, "applied_money") for part in line.get("applied_discounts", []))
            assert abs(given - off * left[place] / max(full, 1)) < 1
            left[place] -= given
        assert full - sum(left) == off
    tax = 0
    for uid, row in taxes.items():
        covered = [
            left[place]
            for place, line in enumerate(lines)
            if any(part["tax_uid"] == uid for part in line.get("applied_taxes", []))
        ]
        tax += rounded(sum(covered, Fraction(0)) * Fraction(row["percentage"]) / 100)
    discount = int(full - sum(left))
    return discount, tax, int(sum(left)) + tax


def test_every_order_keeps_squares_identities_to_the_cent(orders: list[Row], noted: dict[str, Row]) -> None:
    for order in [*orders, *noted.values()]:
        check_identities(order)


def test_totals_follow_from_what_was_ordered_by_an_independent_calculation(orders: list[Row]) -> None:
    compared = 0
    for order in orders:
        found = recomputed(order) if order.get("line_items") else None
        if found is None:
            continue
        compared += 1
        untipped = cents(order, "total_money") - cents(order, "total_tip_money")
        untipped -= cents(order.get("rounding_adjustment", {}), "amount_money")
        told = (cents(order, "total_discount_money"), cents(order, "total_tax_money"), untipped)
        assert told == found, order["id"]
    assert compared > 1800


def test_half_a_cent_goes_to_the_even_neighbor(noted: dict[str, Row]) -> None:
    assert cents(noted["tax of exactly half a cent goes down to even"], "total_tax_money") == 14
    assert cents(noted["tax of exactly half a cent goes up to even"], "total_tax_money") == 44


def test_inclusive_tax_is_inside_the_price_and_outside_the_gross_sales(noted: dict[str, Row]) -> None:
    order = noted["inclusive tax"]
    price = sum(cents(line, "variation_total_price_money") for line in order["line_items"])
    assert cents(order, "total_money") == price
    assert cents(order, "total_tax_money") == rounded(Fraction(price * 20, 120))
    gross = sum(cents(line, "gross_sales_money") for line in order["line_items"])
    assert gross == price - cents(order, "total_tax_money")


def test_a_total_may_be_told_without_tip_and_rounding_as_a_switch(client: httpx.Client, noted: dict[str, Row]) -> None:
    client.post("/_control/switches", json={"tip_in_total": False, "rounding_in_total": False})
    for note in ("card tip", "cash rounding"):
        held = noted[note]
        found = client.get(f"/v2/orders/{held['id']}").json()["order"]
        extra = cents(held, "total_tip_money") + cents(held.get("rounding_adjustment", {}), "amount_money")
        assert extra > 0
        assert cents(found, "total_money") == cents(held, "total_money") - extra


# -- reading ---------------------------------------------------------------------------------------------------------


def test_search_tells_every_order_of_a_location_once_in_every_order(
    client: httpx.Client, orders: list[Row], truth: Row, place: str
) -> None:
    expected = {row["id"] for row in truth["orders"] if row["location"] == place}
    assert [row["id"] for row in orders] == list(dict.fromkeys(row["id"] for row in orders))
    assert {row["id"] for row in orders} == expected
    stamps = [moment(row["created_at"]) for row in orders]
    assert stamps == sorted(stamps)
    updated = searched(client, place, "updated_at", "DESC", limit=1000)
    assert {row["id"] for row in updated} == expected
    moved = [moment(row["updated_at"]) for row in updated]
    assert moved == sorted(moved, reverse=True)
    entries = searched(client, place, return_entries=True)
    assert {row["order_id"] for row in entries} == expected
    assert {tuple(row) for row in entries} <= {("order_id", "location_id"), ("order_id", "location_id", "version")}


def test_a_window_includes_both_of_its_ends(client: httpx.Client, orders: list[Row], place: str) -> None:
    first, last = orders[100], orders[140]
    window = {"start_at": first["created_at"], "end_at": last["created_at"]}
    found = searched(client, place, query={"filter": {"date_time_filter": {"created_at": window}}})
    stamps = [moment(row["created_at"]) for row in (first, last)]
    inside = [row["id"] for row in orders if stamps[0] <= moment(row["created_at"]) <= stamps[1]]
    assert [row["id"] for row in found] == inside
    assert {first["id"], last["id"]} <= set(inside)


def test_states_customers_sources_and_fulfillments_filter(client: httpx.Client, orders: list[Row], place: str) -> None:
    def ids(**asked: Any) -> set[str]:
        return {row["id"] for row in searched(client, place, query={"filter": asked})}

    canceled = ids(state_filter={"states": ["CANCELED"]})
    assert canceled == {row["id"] for row in orders if row["state"] == "CANCELED"} != set()
    doordash = ids(source_filter={"source_names": ["DoorDash"]})
    assert doordash == {row["id"] for row in orders if row.get("source", {}).get("name") == "DoorDash"} != set()
    guest = next(row["customer_id"] for row in orders if "customer_id" in row)
    assert ids(customer_filter={"customer_ids": [guest]}) >= {
        row["id"] for row in orders if row.get("customer_id") == guest
    }
    planned = ids(fulfillment_filter={"fulfillment_types": ["PICKUP"], "fulfillment_states": ["PROPOSED"]})
    assert planned == {row["id"] for row in orders if row.get("fulfillments", [{}])[0].get("state") == "PROPOSED"} - {
        row["id"] for row in orders if row.get("fulfillments", [{}])[0].get("type") != "PICKUP"
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"location_ids": []}, "MISSING_REQUIRED_PARAMETER"),
        ({"location_ids": [f"L{number}" for number in range(11)]}, "ARRAY_LENGTH_TOO_LONG"),
        ({"limit": 1001}, "VALUE_TOO_HIGH"),
        ({"query": {"filter": {"date_time_filter": {"updated_at": {"start_at": NOW}}}}}, "BAD_REQUEST"),
        ({"query": {"sort": {"sort_field": "CLOSED_AT"}}}, "BAD_REQUEST"),
        ({"query": {"filter": {"state_filter": {"states": ["PAID"]}}}}, "INVALID_ENUM_VALUE"),
        ({"cursor": "elsewhere"}, "INVALID_CURSOR"),
    ],
)
def test_what_square_refuses_is_refused(client: httpx.Client, place: str, body: Row, code: str) -> None:
    assert code_of(client.post(SEARCH, json={"location_ids": [place], **body})) == (400, code)


def test_sorting_by_closed_at_works_with_closed_states_only(client: httpx.Client, place: str) -> None:
    states = {"state_filter": {"states": ["COMPLETED", "CANCELED"]}}
    rows = searched(client, place, "closed_at", query={"filter": states})
    stamps = [moment(row["closed_at"]) for row in rows]
    assert stamps == sorted(stamps) != []


def test_a_cursor_of_another_query_and_an_old_one_are_refused(client: httpx.Client, place: str) -> None:
    body = {"location_ids": [place], "limit": 10}
    cursor = client.post(SEARCH, json=body).json()["cursor"]
    assert code_of(client.post(SEARCH, json={**body, "limit": 11, "cursor": cursor})) == (400, "INVALID_CURSOR")
    assert client.post(SEARCH, json={**body, "cursor": cursor}).status_code == 200
    client.post("/_control/clock", json={"skip": 1000})
    assert code_of(client.post(SEARCH, json={**body, "cursor": cursor})) == (400, "INVALID_CURSOR")


def test_unknown_ids_are_left_out_of_a_batch_and_not_found_alone(
    client: httpx.Client, orders: list[Row], place: str
) -> None:
    body = {"order_ids": ["nothing", orders[0]["id"]]}
    answer = client.post("/v2/orders/batch-retrieve", json=body).json()
    assert answer["orders"] == [orders[0]]
    assert client.post("/v2/orders/batch-retrieve", json={**body, "location_id": "LELSEWHERE"}).json() == {}
    assert code_of(client.get("/v2/orders/nothing")) == (404, "NOT_FOUND")
    assert client.get(f"/v2/orders/{orders[0]['id']}").json() == {"order": orders[0]}
    many = client.post("/v2/orders/batch-retrieve", json={"order_ids": ["x"] * 101})
    assert code_of(many) == (400, "ARRAY_LENGTH_TOO_LONG")


def test_a_token_without_the_right_reads_no_orders(client: httpx.Client, sandbox: RunningSandbox, place: str) -> None:
    token = sandbox.pos_app.credentials()["variants"]["missing_orders_scope"]["access_token"]
    answer = client.post(SEARCH, json={"location_ids": [place]}, headers={"Authorization": f"Bearer {token}"})
    assert code_of(answer) == (403, "INSUFFICIENT_SCOPES")


# -- peculiarities ---------------------------------------------------------------------------------------------------


def test_every_peculiarity_is_there_by_name(noted: dict[str, Row]) -> None:
    split = noted["split three ways to the cent"]
    parts = sorted(cents(row, "amount_money") for row in split["tenders"])
    assert len(parts) == 3
    assert parts[-1] - parts[0] <= 1
    assert cents(noted["comp of the whole check, zero total"], "total_money") == 0
    assert "net_amounts" not in noted["no net amounts"]
    assert cents(noted["exchange for less, negative net"]["net_amounts"], "total_money") < 0
    assert noted["gift card sold"]["line_items"][0]["item_type"] == "GIFT_CARD"
    assert noted["quantity with five decimals"]["line_items"][0]["quantity"] == "1.23457"
    assert "closed_at" not in noted["open check"]
    assert "source_order_id" not in noted["refund without a sale"]["returns"][0]
    assert noted["line voided to quantity zero on an open check"]["line_items"][1]["quantity"] == "0"
    assert noted["order of a location that is closed for good"]["location_id"] == "L0LDSH0P00001"
    twice = [moment(noted[f"the hour that comes twice, {part}"]["created_at"]) for part in ("first", "second")]
    assert (twice[1] - twice[0]).total_seconds() == 3600


def test_a_return_is_an_order_of_its_own_and_its_sale_only_moves(noted: dict[str, Row]) -> None:
    note = "refund of everything the same day, fee given back"
    back, sale = noted[note], noted[f"sale of: {note}"]
    assert cents(back, "total_money") == 0
    assert back["returns"][0]["source_order_id"] == sale["id"]
    assert cents(back["return_amounts"], "total_money") == cents(sale, "total_money")
    assert cents(back["net_amounts"], "total_money") == -cents(sale, "total_money")
    assert "refunds" not in sale
    assert moment(sale["updated_at"]) > moment(back["created_at"])
    uids = {line["uid"] for line in sale["line_items"]}
    assert {line["source_line_item_uid"] for line in back["returns"][0]["return_line_items"]} == uids


def test_stamps_have_no_two_three_or_nine_digits(orders: list[Row]) -> None:
    lengths = {len(row["updated_at"].partition(".")[2].rstrip("Z")) for row in orders}
    assert lengths == {0, 2, 3, 9}


def test_the_same_seed_gives_the_same_orders_and_another_seed_others(orders: list[Row], place: str) -> None:
    with serve("square", "diner", 1) as again, httpx.Client(base_url=again.base_url, timeout=60) as other:
        other.headers["Authorization"] = f"Bearer {again.pos_app.credentials()['default']['access_token']}"
        body = {"location_ids": [place], "query": {"sort": {"sort_order": "ASC"}}, "limit": 50}
        assert other.post(SEARCH, json=body).json()["orders"] == orders[:50]
    with serve("square", "cafe", 2) as different:
        assert {row["id"] for row in different.pos_app.truth()["orders"]}.isdisjoint(row["id"] for row in orders)
