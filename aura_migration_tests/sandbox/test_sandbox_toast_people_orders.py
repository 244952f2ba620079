"""Orders of the Toast sandbox over HTTP: sums, selectors, pages, masks, and the guests they tell of against the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

BULK = "/orders/v2/ordersBulk"
ROUNDING = {
    "HALF_UP": ROUND_HALF_UP,
    "HALF_EVEN": ROUND_HALF_EVEN,
    "ALWAYS_UP": ROUND_CEILING,
    "ALWAYS_DOWN": ROUND_FLOOR,
}
Json = dict[str, Any]


def toast_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


OPEN: list[httpx.Client] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Closes every client a test opened."""
    yield
    while OPEN:
        OPEN.pop().close()


class Site:
    """A client signed in with a variant of the credentials at one location."""

    def __init__(self, running: RunningSandbox, variant: str = "standard", place: int = 0) -> None:
        self.running = running
        self.http = httpx.Client(base_url=running.base_url, timeout=60)
        OPEN.append(self.http)
        given = running.pos_app.credentials()["variants"][variant]
        body = {"clientId": given["client_id"], "clientSecret": given["client_secret"]}
        login = self.http.post(
            "/authentication/v1/authentication/login", json={**body, "userAccessType": "TOAST_MACHINE_CLIENT"}
        )
        self.guid = list(running.pos_app.world.places)[place]
        self.http.headers["Authorization"] = "Bearer " + login.json()["token"]["accessToken"]
        self.http.headers["Toast-Restaurant-External-ID"] = self.guid

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def listing(self, **params: Any) -> list[Json]:
        """Every page, by the ``next`` links."""
        answer = self.get(BULK, **params)
        found: list[Json] = []
        while True:
            assert answer.status_code == 200, answer.text
            found += answer.json(parse_float=Decimal)
            following = answer.links.get("next")
            if following is None:
                return found
            answer = self.http.get(following["url"])

    def history(self, since: int = 2021) -> list[Json]:
        """All orders by month-long windows of the modified date."""
        found, start = [], datetime(since, 1, 1, tzinfo=UTC)
        while start < datetime(2026, 12, 1, tzinfo=UTC):
            end = start + timedelta(days=31)
            found += self.listing(startDate=toast_text(start), endDate=toast_text(end), pageSize=100)
            start = end
        return found

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed

    def truth(self, part: str) -> list[Any]:
        return [json.loads(line) for line in self.get(f"/_control/people/{part}").text.splitlines()]


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[..., RunningSandbox]]:
    held: dict[str, RunningSandbox] = {}

    def start(scenario: str, **options: Any) -> RunningSandbox:
        key = f"{scenario}{options}"
        if key not in held:
            held[key] = serve("toast", scenario, switches={"limits": "off"}, **options)
        return held[key]

    yield start
    for sandbox in held.values():
        sandbox.close()


def seen_customers(orders: list[Json]) -> dict[str, Json]:
    """Guests as a reader finds them: the newest order that names one counts, addresses from deliveries."""
    found: dict[str, Json] = {}
    for order in sorted(orders, key=lambda each: each["openedDate"]):
        for place, check in enumerate(order["checks"]):
            if check["customer"] is None:
                continue
            held = found.setdefault(check["customer"]["guid"], {"address": None, "orders": 0})
            held.update(check["customer"])
            held["orders"] += 1
            if place == 0 and order["deliveryInfo"] is not None:
                held["address"] = order["deliveryInfo"]["address1"]
    return found


@pytest.mark.parametrize("scenario", ["cafe", "diner"])
def test_the_guests_of_the_truth_are_those_the_orders_name(running: Any, scenario: str) -> None:
    site = Site(running(scenario))
    orders = site.history()
    found = seen_customers(orders)
    told = {row["id"]: row for row in site.truth("customers")}
    assert found.keys() == told.keys()
    for guid, row in told.items():
        seen = found[guid]
        assert (seen["firstName"], seen["lastName"], seen["email"]) == (
            row["given_name"],
            row["family_name"],
            row["email"],
        )
        assert (seen["phone"], seen["phoneCountryCode"]) == (row["phone"], row["phone_country_code"])
        assert seen["address"] == (row["address"] or {}).get("address1"), row
        assert seen["orders"] == row["orders"]
    assert (
        len({order["guid"] for order in orders})
        == len(orders)
        == running(scenario).pos_app.truth()["people_totals"]["orders"]
    )


def test_only_take_out_and_delivery_checks_name_a_customer(running: Any) -> None:
    site = Site(running("diner"))
    names = {
        row.guid: row.body["behavior"]
        for row in running("diner").pos_app.world.places[site.guid].location.config["diningOptions"]
    }
    for order in site.history(2026):
        behavior = names[order["diningOption"]["guid"]]
        named = [check for check in order["checks"] if check["customer"] is not None]
        assert not named or behavior in ("TAKE_OUT", "DELIVERY")
        assert (order["deliveryInfo"] is not None) == (behavior == "DELIVERY")


@pytest.mark.parametrize("scenario", ["cafe", "diner"])
def test_lines_taxes_discounts_and_payments_add_up(running: Any, scenario: str) -> None:
    site = Site(running(scenario))
    rates = (
        {row["guid"]: row for row in site.get("/config/v2/taxRates").json(parse_float=Decimal)}
        if scenario == "cafe"
        else {}
    )
    paid = voided = gifts = 0
    told = {row["id"]: row for row in site.truth("orders")}
    for order in site.history(2026):
        for check, known in zip(order["checks"], told[order["guid"]]["checks"], strict=True):
            lines = check["selections"]
            live = [line for line in lines if not line["voided"]]
            assert check["amount"] == sum(line["price"] for line in live)
            assert check["taxAmount"] == sum(line["tax"] for line in live)
            assert check["totalAmount"] == check["amount"] + check["taxAmount"] == Decimal(known["total_cents"]) / 100
            taken = sum(one["discountAmount"] for one in check["appliedDiscounts"])
            assert taken == sum(line["preDiscountPrice"] - line["price"] for line in lines)
            for line in lines:
                each = line["receiptLinePrice"] + sum(one["receiptLinePrice"] for one in line["modifiers"])
                assert line["preDiscountPrice"] == each * line["quantity"]
                assert line["tax"] == sum(tax["taxAmount"] for tax in line["appliedTaxes"])
                assert line["deferred"] == (line["item"] is None) == line["selectionType"].startswith("TOAST_CARD")
                gifts += line["deferred"]
                for tax in line["appliedTaxes"]:
                    rate = rates.get(tax["taxRate"]["guid"])
                    if rate is not None:
                        cent = ROUNDING[rate["roundingType"]]
                        assert tax["taxAmount"] == (line["price"] * rate["rate"]).quantize(
                            Decimal("0.01"), rounding=cent
                        )
            payments = [one for one in check["payments"] if one["paymentStatus"] != "VOIDED"]
            voided += len(check["payments"]) - len(payments)
            if check["paymentStatus"] != "OPEN" and not order["voided"] and not order["excessFood"]:
                assert sum(one["amount"] for one in payments) == check["totalAmount"]
                paid += 1
            for one in check["payments"]:
                assert (one["last4Digits"] is not None) == (one["type"] == "CREDIT")
    assert paid > 100
    assert gifts
    assert scenario == "cafe" or voided


def test_the_same_seed_gives_the_same_orders_and_another_gives_others(running: Any) -> None:
    def day(**options: Any) -> Any:
        with serve("toast", "cafe", switches={"limits": "off"}, **options) as sandbox:
            return [row["guid"] for row in Site(sandbox).listing(businessDate="20260920")]

    assert day(seed=1) == [row["guid"] for row in Site(running("cafe")).listing(businessDate="20260920")] != day(seed=2)


def test_a_business_date_holds_the_orders_of_that_day_only(running: Any) -> None:
    site = Site(running("diner"))
    after_midnight = running("diner").pos_app.truth()["notes"][
        "people: after midnight, business date of the day before"
    ]
    rows = site.listing(businessDate="20260926")
    assert {row["businessDate"] for row in rows} == {20260926}
    assert set(after_midnight) <= {row["guid"] for row in rows}
    assert site.get(BULK, businessDate="20190101").json() == []


def test_an_order_changed_late_is_found_by_when_it_changed_not_by_when_it_was_opened(running: Any) -> None:
    site = Site(running("diner"))
    [late] = running("diner").pos_app.truth()["notes"]["people: old order, changed in September"]

    def guids(start: str, end: str) -> set[str]:
        window = {"startDate": f"2026-{start}T00:00:00.000+0000", "endDate": f"2026-{end}T00:00:00.000+0000"}
        return {row["guid"] for row in site.listing(**window)}

    assert late in guids("09-20", "09-21")
    assert late not in guids("02-01", "02-20")
    assert site.get(f"/orders/v2/orders/{late}").json()["openedDate"].startswith("2026-02-02")


def test_pages_are_linked_by_first_self_prev_and_next_and_never_last(running: Any) -> None:
    site = Site(running("cafe"))
    window = {"startDate": "2026-09-01T00:00:00.000+0000", "endDate": "2026-09-30T00:00:00.000+0000"}
    answer = site.get(BULK, **window, pageSize=10, page=2)
    lines = answer.headers.get_list("link")
    assert [line.partition("rel=")[2].strip('"') for line in lines] == ["first", "self", "prev", "next"]
    every = site.listing(**window, pageSize=7)
    assert len({row["guid"] for row in every}) == len(every) > 50
    beyond = site.get(BULK, **window, pageSize=100, page=50)
    assert (beyond.status_code, beyond.json()) == (200, [])
    assert "next" not in beyond.links


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "EITHER (startDate and endDate) OR businessDate is required"),
        ({"startDate": "2026-09-01T00:00:00.000+0000"}, "EITHER"),
        ({"startDate": "2026-09-01T00:00:00.000+0000", "endDate": "2026-09-02T00:00:00.000+0000", "businessDate": "20260901"}, "EITHER"),
        ({"startDate": "2026-09-02T00:00:00.000+0000", "endDate": "2026-09-01T00:00:00.000+0000"}, "Input startDate must be before endDate"),
        ({"startDate": "2026-07-01T00:00:00.000+0000", "endDate": "2026-09-01T00:00:00.000+0000"}, "one month"),
        ({"startDate": "2015-11-20T00:00:00.000+0000", "endDate": "2015-12-02T00:00:00.000+0000"}, "2015-12-01"),
        ({"startDate": "2026-09-01", "endDate": "2026-09-02"}, "startDate"),
        ({"businessDate": "2026-09-01"}, "businessDate"),
        ({"businessDate": "20260901", "pageSize": "101"}, "pageSize"),
        ({"businessDate": "20260901", "page": "0"}, "page"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_a_400_that_says_what_is_wrong(running: Any, query: dict[str, str], words: str) -> None:
    answer = Site(running("cafe")).get(BULK, **query)
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert answer.json()["requestId"]


def test_an_order_is_found_by_guid_unknown_ones_are_404_and_malformed_ones_400(running: Any) -> None:
    site = Site(running("cafe"))
    first = site.get(BULK, businessDate="20260920").json()[0]
    assert site.get(f"/orders/v2/orders/{first['guid']}").json() == first
    assert site.get("/orders/v2/orders/8c5b6cc3-64a1-4c8e-8b0e-3c8f0a0f4f3a").status_code == 404
    assert site.get("/orders/v2/orders/AURA:order-1").status_code == 404
    assert site.get("/orders/v2/orders/order-1").status_code == 400


def test_what_a_client_may_not_see_is_missing_or_null_as_toast_does_it(running: Any) -> None:
    full = Site(running("diner"))
    guids = [row["guid"] for row in full.listing(businessDate="20260920") if row["deliveryInfo"]][:3]
    curbside = running("diner").pos_app.truth()["notes"]["people: curbside"]
    for guid in (*guids, *curbside):
        masked = Site(running("diner"), "no_guest_pi").get(f"/orders/v2/orders/{guid}").json()
        assert "curbsidePickupInfo" not in masked
        assert all("customer" not in check for check in masked["checks"])
        homeless = Site(running("diner"), "no_delivery_address").get(f"/orders/v2/orders/{guid}").json()
        assert homeless["deliveryInfo"] is None
        assert homeless["checks"][0]["customer"] is not None
    assert full.get(f"/orders/v2/orders/{curbside[0]}").json()["curbsidePickupInfo"]["transportColor"]
    refused = Site(running("diner"), "no_orders").get(BULK, businessDate="20260920")
    assert refused.status_code == 403
    assert "orders:read" in refused.json()["message"]


def test_a_client_that_may_submit_orders_sees_none_of_the_restaurants(running: Any) -> None:
    site = Site(running("cafe"), "ordering")
    assert site.get(BULK, businessDate="20260920").json() == []


def test_bulk_reads_are_limited_to_five_a_second() -> None:
    with serve("toast", "cafe") as sandbox:
        takes = [sandbox.pos_app.gate.limiter.take("somebody", "orders", "orders-bulk") for _ in range(11)]  # type: ignore[attr-defined]
    assert [name for name, verdict in takes if not verdict.allowed][:1] == ["ENDPOINT"]


def test_a_lying_end_of_the_list_has_no_next_link(running: Any) -> None:
    site = Site(running("cafe"))
    window = {"startDate": "2026-09-01T00:00:00.000+0000", "endDate": "2026-09-30T00:00:00.000+0000", "pageSize": 20}
    site.http.post("/_control/faults", json={"kind": "lying_cap", "match": "ordersBulk", "mode": "cut", "cap": 20})
    try:
        answer = site.get(BULK, **window)
    finally:
        site.http.delete("/_control/faults")
    assert len(answer.json()) == 20
    assert "next" not in answer.links


def test_edits_of_guests_are_told_by_their_next_order() -> None:
    with serve("toast", "cafe", switches={"limits": "off"}) as sandbox:
        site = Site(sandbox)
        before = {row["id"]: row for row in site.truth("customers")}
        new, order = site.edit(
            op="add_customer", given_name="New", family_name="Comer", email="new@example.com", phone="(218) 555-0199"
        )
        body = site.get(f"/orders/v2/orders/{order}").json()
        assert body["checks"][0]["customer"]["email"] == "new@example.com"
        known = next(row for row in before.values() if row["email"] and row["address"])
        moved, second = site.edit(op="edit_customer", customer=known["id"], email="moved@example.com")
        after = {row["id"]: row for row in site.truth("customers")}
        assert after.keys() - before.keys() == {new}
        assert after[new]["e164"] == "+12185550199"
        assert (after[moved]["email"], after[moved]["orders"]) == ("moved@example.com", known["orders"] + 1)
        assert known["email"] in site.truth("personal")
        start = site.get(f"/orders/v2/orders/{order}").json()["modifiedDate"]
        end = toast_text(datetime(2027, 1, 1, tzinfo=UTC) if start < "2027" else datetime.now(UTC) + timedelta(days=2))
        site.http.post("/_control/switches", json={"orders_period_days": 0})
        assert {order, second} == {row["guid"] for row in site.listing(startDate=start, endDate=end)}
        [touched] = site.edit(op="touch_order", order=site.listing(businessDate="20260901")[0]["guid"])
        assert touched in {row["guid"] for row in site.listing(startDate=start, endDate=end)}
        refused = site.http.post("/_control/edit", json={"op": "delete_customer", "customer": new})
        assert refused.status_code == 400


def test_restaurants_of_a_chain_share_some_guests_and_employees_under_other_guids(running: Any) -> None:
    sandbox = running("chain", locations=6)
    truth = sandbox.pos_app.truth()
    places = {row["id"]: row["location"] for row in truth["customers"]}
    assert len(set(places.values())) == 6
    for row in truth["same_person"]:
        assert len({places[guid] for guid in row["customers"]}) == len(row["customers"]) == 2
    persons: dict[str, list[Json]] = {}
    for row in truth["staff"]:
        persons.setdefault(row["person"], []).append(row)
    shared = [rows for rows in persons.values() if len(rows) > 1]
    assert shared
    for one, other in shared:
        assert one["location"] != other["location"] and one["id"] != other["id"]
        assert one["email"] == other["email"]
    second = Site(sandbox, place=1)
    mine = {row["guid"] for row in second.get("/labor/v1/employees").json()}
    assert mine == {row["id"] for row in truth["staff"] if row["location"] == second.guid}
    assert seen_customers(second.history(2026)).keys() == {
        guid for guid, place in places.items() if place == second.guid
    }


def test_a_crowd_is_read_page_by_page_and_everybody_came(running: Any) -> None:
    site = Site(running("crowd", customers=600))
    orders = site.history(2026) + site.history(2025)
    found = seen_customers(list({row["guid"]: row for row in orders}.values()))
    assert len(found) == 600
    assert site.get("/_control/people").json()["totals"]["customers"] == 600
    with pytest.raises(ValueError, match="200,000"):
        serve("toast", "crowd", customers=200_001)


def test_nobody_lives_in_the_empty_restaurant(running: Any) -> None:
    site = Site(running("empty"))
    assert site.get(BULK, businessDate="20260920").json() == []
    assert site.get("/labor/v1/employees").json() == []
    assert site.get("/_control/exports").json() == {"exports": []}
    assert running("empty").pos_app.truth()["customers"] == []
