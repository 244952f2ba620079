"""The Toast sandbox's history of orders over HTTP, worked out once more from the JSON alone and held against the truth."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest

from aura_migration.sandbox.core.server import RunningSandbox, serve

BULK = "/orders/v2/ordersBulk"
CENT = Decimal("0.01")
ROUNDING = {
    "HALF_UP": ROUND_HALF_UP,
    "HALF_EVEN": ROUND_HALF_EVEN,
    "ALWAYS_UP": ROUND_CEILING,
    "ALWAYS_DOWN": ROUND_FLOOR,
}
NOTHING_PAID = ("VOIDED", "CANCELLED", "DENIED", "ERROR", "ERROR_NETWORK", "PROCESSING_VOID")
Json = dict[str, Any]


OPEN: list[httpx.Client] = []


class Site:
    """A client signed in at one location."""

    def __init__(self, running: RunningSandbox, variant: str = "standard", place: int = 0) -> None:
        self.running = running
        self.http = httpx.Client(base_url=running.base_url, timeout=120)
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

    def order(self, guid: str) -> Json:
        answer = self.get(f"/orders/v2/orders/{guid}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json(parse_float=Decimal)
        return found

    def history(self, since: datetime, until: datetime = datetime(2026, 12, 30, tzinfo=UTC)) -> list[Json]:
        """All orders by month-long windows of the modified date, each once."""
        found: dict[str, Json] = {}
        while since < until:
            end = since + timedelta(days=31)
            window = {"startDate": stamp(since), "endDate": stamp(end), "pageSize": 100}
            answer = self.get(BULK, **window)
            while True:
                assert answer.status_code == 200, answer.text
                found.update((order["guid"], order) for order in answer.json(parse_float=Decimal))
                following = answer.links.get("next")
                if following is None:
                    break
                answer = self.http.get(following["url"])
            since = end
        return list(found.values())

    def edit(self, **op: Any) -> list[str]:
        answer = self.http.post("/_control/edit", json=op)
        assert answer.status_code == 200, answer.text
        changed: list[str] = answer.json()["changed"]
        return changed

    def rows(self, part: str) -> list[Any]:
        answer = self.get(f"/_control/orders/{part}")
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def days(self) -> dict[str, Json]:
        return {row["business_date"]: row for row in self.rows("daily") if row["location"] == self.guid}


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[..., RunningSandbox]]:
    held: dict[str, RunningSandbox] = {}

    def start(scenario: str, **options: Any) -> RunningSandbox:
        key = f"{scenario}{options}"
        if key not in held:
            held[key] = serve("toast", scenario, switches={"limits": "off"}, **options)
        return held[key]

    yield start
    while OPEN:
        OPEN.pop().close()
    for sandbox in held.values():
        sandbox.close()


@pytest.fixture(scope="module")
def diner(running: Any) -> Site:
    return Site(running("diner", orders=300, months=3))


@pytest.fixture(scope="module")
def read(diner: Site) -> list[Json]:
    return diner.history(datetime(2025, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def noted(diner: Site) -> dict[str, list[Json]]:
    return {
        row["name"].removeprefix("orders: "): [diner.order(guid) for guid in row["orders"]]
        for row in diner.rows("notes")
    }


# -- a second reading of amounts -----------------------------------------------------------------------------------------


def live_lines(check: Json) -> list[Json]:
    return [line for line in check["selections"] if not line["voided"]]


def is_sale(line: Json) -> bool:
    return not line["deferred"] and line["selectionType"] != "HOUSE_ACCOUNT_PAY_BALANCE"


def net_part(discount: Json) -> Decimal:
    part = discount["nonTaxDiscountAmount"]
    return Decimal(discount["discountAmount"] if part is None else part)


def total(amounts: Any) -> Decimal:
    return sum(amounts, Decimal(0))


def net_and_discounts(check: Json) -> tuple[Decimal, Decimal]:
    """Net sales by the long recipe, and the discounts on the way."""
    lines = [line for line in live_lines(check) if is_sale(line)]
    taken = total(net_part(one) for line in lines for one in line["appliedDiscounts"])
    taken += total(net_part(one) for one in check["appliedDiscounts"])
    charges = total(
        one["chargeAmount"]
        for one in check["appliedServiceCharges"]
        if not one["gratuity"] and one["serviceChargeCategory"] != "FUNDRAISING_CAMPAIGN"
    )
    return total(line["preDiscountPrice"] for line in lines) + charges - taken, taken


def short_net(check: Json) -> Decimal:
    """Net sales by the short recipe: the check's amount without what is no sale."""
    other = total(line["price"] for line in live_lines(check) if not is_sale(line))
    charity = total(
        one["chargeAmount"]
        for one in check["appliedServiceCharges"]
        if one["serviceChargeCategory"] == "FUNDRAISING_CAMPAIGN"
    )
    return Decimal(check["amount"]) - other - charity


def sales_checks(orders: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Checks that are sales of their order's business date."""
    for order in orders:
        future = order["promisedDate"] is not None and order["closedDate"] is None
        if order["voided"] or order["deleted"] or order["excessFood"] or future:
            continue
        for check in order["checks"]:
            if not check["voided"] and not check["deleted"]:
                yield order, check


def iso(number: int) -> str:
    return f"{number // 10_000}-{number // 100 % 100:02d}-{number % 100:02d}"


def cents(amount: Decimal) -> int:
    whole = amount * 100
    assert whole == int(whole), amount
    return int(whole)


# -- amounts -------------------------------------------------------------------------------------------------------------


def test_every_check_adds_up_from_its_lines_charges_and_taxes(read: list[Json]) -> None:
    for order in read:
        for check in order["checks"]:
            if check["voided"]:
                assert check["amount"] == check["taxAmount"] == 0
                continue
            lines, charges = live_lines(check), check["appliedServiceCharges"]
            plain = total(one["chargeAmount"] for one in charges if not one["gratuity"])
            assert check["amount"] == total(line["price"] for line in lines) + plain
            tax = total(line["tax"] for line in lines)
            tax += total(one["taxAmount"] for charge in charges for one in charge["appliedTaxes"])
            assert check["taxAmount"] == tax
            assert check["totalAmount"] == check["amount"] + check["taxAmount"]
            for line in check["selections"]:
                assert line["tax"] == total(one["taxAmount"] for one in line["appliedTaxes"])


def test_both_recipes_of_net_sales_agree_on_every_check(read: list[Json]) -> None:
    checks = list(sales_checks(read))
    assert len(checks) > 1_000
    for order, check in checks:
        assert net_and_discounts(check)[0] == short_net(check), order["guid"]


def test_gross_lines_are_unit_prices_with_modifiers_times_the_quantity(read: list[Json]) -> None:
    def each(line: Json) -> Decimal:
        return Decimal(line["receiptLinePrice"]) + total(each(one) for one in line["modifiers"])

    seen = set()
    for order in read:
        for check in order["checks"]:
            for line in check["selections"]:
                whole = (each(line) * line["quantity"]).quantize(CENT, ROUND_HALF_UP)
                kind = "included" if line["taxInclusion"] == "INCLUDED" else "added"
                if kind == "included" and line["appliedTaxes"]:
                    [tax] = line["appliedTaxes"]
                    net = (whole / (1 + tax["rate"])).quantize(CENT, ROUND_HALF_UP)
                    assert line["preDiscountPrice"] == net
                    if not line["appliedDiscounts"] and not check["appliedDiscounts"]:
                        assert line["price"] + line["tax"] == whole
                else:
                    assert line["preDiscountPrice"] == whole, line["displayName"]
                seen.add(kind)
    assert seen == {"included", "added"}


def test_percent_taxes_follow_the_rate_and_its_rounding(diner: Site, read: list[Json]) -> None:
    rates = {row["guid"]: row for row in diner.get("/config/v2/taxRates").json(parse_float=Decimal)}
    checked = 0
    for order in read:
        for check in order["checks"]:
            if not order["pricingFeatures"]:
                continue
            assert not check["taxExempt"] or check["taxAmount"] == 0
            for line in check["selections"]:
                for tax in line["appliedTaxes"]:
                    if tax["type"] != "PERCENT" or line["taxInclusion"] == "INCLUDED":
                        continue
                    how = ROUNDING[rates[tax["taxRate"]["guid"]]["roundingType"]]
                    assert tax["taxAmount"] == (line["price"] * tax["rate"]).quantize(CENT, how)
                    checked += 1
    assert checked > 1_000


def test_pooled_tax_has_fractions_of_a_cent_on_lines_and_whole_cents_on_checks(noted: dict[str, list[Json]]) -> None:
    fractions = 0
    for order in noted["tax pooled over lines, fractions of a cent"]:
        [check] = order["checks"]
        taxes = [tax for line in check["selections"] for tax in line["appliedTaxes"]]
        fractions += sum(tax["taxAmount"] != Decimal(tax["taxAmount"]).quantize(CENT) for tax in taxes)
        for guid, rate in {tax["taxRate"]["guid"]: tax["rate"] for tax in taxes}.items():
            mine = [
                (line["price"], tax["taxAmount"])
                for line in check["selections"]
                for tax in line["appliedTaxes"]
                if tax["taxRate"]["guid"] == guid
            ]
            whole = total(cents for _, cents in mine)
            assert whole == whole.quantize(CENT)
            assert abs(whole - total(price for price, _ in mine) * rate) <= CENT * len(mine) / 2
    assert fractions


def test_payments_cover_the_total_and_gratuity_of_every_closed_check(read: list[Json]) -> None:
    paid = 0
    for order, check in sales_checks(read):
        counted = [one for one in check["payments"] if one["paymentStatus"] not in NOTHING_PAID]
        if check["closedDate"] is None:
            continue
        gratuity = total(one["chargeAmount"] for one in check["appliedServiceCharges"] if one["gratuity"])
        due = check["totalAmount"] + gratuity
        assert total(one["amount"] for one in counted) == max(due, 0), order["guid"]
        paid += bool(counted)
        for one in check["payments"]:
            assert (one["orderGuid"], one["checkGuid"]) == (order["guid"], check["guid"])
            assert (one["last4Digits"] is not None) == (one["cardType"] is not None)
    assert paid > 1_000


def test_refunds_of_lines_and_charges_add_up_to_what_was_given_back(read: list[Json]) -> None:
    kinds: dict[str, int] = defaultdict(int)
    for order in read:
        for check in order["checks"]:
            refunds = {one["refund"]["refundTransaction"]["guid"]: one for one in check["payments"] if one["refund"]}
            parts = [*check["selections"], *check["appliedServiceCharges"]]
            details = [part["refundDetails"] for part in parts if part.get("refundDetails")]
            for detail in details:
                assert detail["refundTransaction"]["guid"] in refunds
            for one in refunds.values():
                refund = one["refund"]
                whole = total(part["refundAmount"] + part["taxRefundAmount"] for part in details)
                assert not details or whole == refund["refundAmount"]
                full = refund["refundAmount"] == one["amount"]
                assert one["refundStatus"] == ("FULL" if full else "PARTIAL")
                later = refund["refundBusinessDate"] > order["businessDate"]
                kinds[f"{'full' if full else 'partial'} {'later' if later else 'same day'} {bool(details)}"] += 1
                if later:
                    assert order["modifiedDate"] >= refund["refundDate"]
    assert {"full same day True", "full later True", "partial later True", "partial same day False"} <= kinds.keys()


# -- days ----------------------------------------------------------------------------------------------------------------


def recomputed(orders: list[Json]) -> dict[str, dict[str, Decimal]]:
    """Sums by business date, from the JSON alone."""
    days: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for order, check in sales_checks(orders):
        day = days[iso(order["businessDate"])]
        net, taken = net_and_discounts(check)
        day["net_cents"] += net
        day["discount_cents"] += taken
        day["gross_cents"] += net + taken
        day["tax_cents"] += check["taxAmount"]
        day["gratuity_cents"] += total(one["chargeAmount"] for one in check["appliedServiceCharges"] if one["gratuity"])
        day["tip_cents"] += total(
            one["tipAmount"] for one in check["payments"] if one["paymentStatus"] not in NOTHING_PAID
        )
        day["deferred_cents"] += total(line["price"] for line in live_lines(check) if line["deferred"])
    for order in orders:
        for check in order["checks"]:
            for one in check["payments"]:
                if one["paymentStatus"] in NOTHING_PAID or order["deleted"] or check["deleted"]:
                    continue
                day = days[iso(one["paidBusinessDate"])]
                day["payment_cents"] += one["amount"]
                day[f"tender {one['type']}"] += one["amount"]
                day["fee_cents"] += one["originalProcessingFee"] or 0
                if one["refund"]:
                    back = days[iso(one["refund"]["refundBusinessDate"])]
                    back["refund_cents"] += one["refund"]["refundAmount"]
                    back["refund_tip_cents"] += one["refund"]["tipRefundAmount"]
    return days


def assert_days_agree(site: Site, orders: list[Json]) -> None:
    told = site.days()
    found = recomputed(orders)
    assert found.keys() <= told.keys()
    for day, row in told.items():
        sums = found.get(day, {})
        tenders = {one["key"]: one["cents"] for one in row["tenders"]}
        for name in ("net_cents", "discount_cents", "gross_cents", "tax_cents", "gratuity_cents", "tip_cents",
                     "deferred_cents", "payment_cents", "fee_cents", "refund_cents", "refund_tip_cents"):  # fmt: skip
            assert row[name] == cents(sums.get(name, Decimal(0))), (day, name)
        seen = {name.removeprefix("tender "): cents(sum_) for name, sum_ in sums.items() if name.startswith("tender ")}
        assert tenders == seen, day
        assert sum(one["cents"] for one in row["tax_by_rate"]) == row["tax_cents"]
        assert row["net_cents"] == row["gross_cents"] - row["discount_cents"]


def test_the_truth_of_each_business_date_is_what_the_orders_say(diner: Site, read: list[Json]) -> None:
    long_ago = diner.history(datetime(2022, 2, 20, tzinfo=UTC), datetime(2022, 3, 10, tzinfo=UTC))
    assert len(read) + len(long_ago) == diner.get("/_control/orders").json()["totals"]["orders"]
    assert_days_agree(diner, [*read, *long_ago])


def test_each_location_of_a_chain_has_days_of_its_own(running: Any) -> None:
    sandbox = running("chain", locations=3, history=True)
    for place in range(3):
        site = Site(sandbox, place=place)
        orders = site.history(datetime(2025, 6, 1, tzinfo=UTC))
        assert_days_agree(site, orders)
        other = Site(sandbox, place=(place + 1) % 3)
        assert other.get(f"/orders/v2/orders/{orders[0]['guid']}").status_code == 404


def test_the_daily_reports_say_what_the_days_say_and_one_differs_where_it_is_said_to(diner: Site) -> None:
    told = diner.days()
    listed = [one["name"] for one in diner.get("/_control/exports").json()["exports"] if one["kind"] == "daily_report"]
    assert len(listed) == 4

    def net(name: str) -> dict[str, int]:
        rows = list(csv.DictReader(diner.get(f"/_control/exports/{name}").text.splitlines()))
        return {
            row["Business Date"]: cents(Decimal(row["Net Sales"].replace("$", "").replace(",", "")))
            for row in rows[:-1]
        }

    assert net("sales_summary_by_day.csv") == {day: row["net_cents"] for day, row in told.items()}
    wrong = net("sales_summary_by_day_differs.csv")
    differ = [day for day, row in told.items() if wrong[day] != row["net_cents"]]
    truth = diner.get("/_control/truth").json()
    [known] = [one for one in truth["exports"] if one["name"] == "sales_summary_by_day_differs.csv"]
    assert differ == sorted({one["business_date"] for one in known["problems"]})
