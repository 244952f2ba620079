"""What single orders, refunds and payouts mean, written by hand after the API reference's examples."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from aura_migration.canonical.history.rows import (
    Order,
    OrderDiscount,
    OrderItem,
    OrderItemModifier,
    OrderServiceCharge,
    OrderTax,
    PayoutEntry,
    RefundItem,
)
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.pos.square import CONNECTOR
from aura_migration_tests.pos.square.square_orders_support import check, rows
from aura_migration_tests.pos.square.square_people_support import SEALS
from aura_migration_tests.pos.square.square_support import (
    HERE,
    LOCATION,
    InMemory,
    item,
    modifier,
    modifier_list,
    variation,
)

CATALOG = [
    item("BURGER", variation("VARBURGERS", "BURGER"), variation("VARBURGERD", "BURGER")),
    item("CHARITY", variation("VARGIFT", "CHARITY"), product_type="DONATION"),
    modifier_list("CHEESE", modifier("MODSWISS", "CHEESE")),
]


def usd(cents: int, currency: str = "USD") -> dict[str, Any]:
    return {"amount": cents, "currency": currency}


def mapped(rules: HistoryRules | None = None, path: str = "/", **body: Any) -> list[Any]:
    """Documents of one body, checked against the declarations."""
    reader: Any = InMemory(catalog=[{"objects": CATALOG}])
    mapping = CONNECTOR.history_mapper(reader, LOCATION, SEALS, rules or HistoryRules(LOCATION.timezone))
    stored: Any = SimpleNamespace(data=json.dumps(body).encode(), sha256="0" * 64, path=path, entity="")
    found = list(mapping.documents(stored))
    for document in found:
        check(document)
    return found


def line(uid: str, cents: int, **more: Any) -> dict[str, Any]:
    """A line of one piece that adds up."""
    tax, off = more.pop("tax", 0), more.pop("off", 0)
    return {
        "uid": uid,
        "name": "Soup",
        "quantity": "1",
        "item_type": "ITEM",
        "base_price_money": usd(cents),
        "variation_total_price_money": usd(cents),
        "gross_sales_money": usd(cents),
        "total_discount_money": usd(off),
        "total_tax_money": usd(tax),
        "total_money": usd(cents - off + tax),
        **more,
    }


def order(lines: list[dict[str, Any]], total: int, **more: Any) -> dict[str, Any]:
    """A completed order, paid by one card."""
    return {
        "id": "ORD1",
        "location_id": HERE,
        "state": "COMPLETED",
        "created_at": "2026-09-30T23:59:58.412Z",
        "updated_at": "2026-10-01T00:04:03Z",
        "closed_at": "2026-10-01T00:00:21.9Z",
        "line_items": lines,
        "total_money": usd(total),
        "tenders": [{"id": "PAY1", "payment_id": "PAY1", "type": "CARD", "amount_money": usd(total)}],
        **more,
    }


def only(found: list[Any]) -> Any:
    assert len(found) == 1
    return found[0]


BURGER = {
    **line("li-a", 0, tax=211, off=264),
    "catalog_object_id": "VARBURGERS",
    "name": "Dock Burger",
    "quantity": "2",
    "base_price_money": usd(1195),
    "variation_total_price_money": usd(2390),
    "gross_sales_money": usd(2640),
    "total_money": usd(2587),
    "modifiers": [
        {
            "uid": "m-a",
            "catalog_object_id": "MODSWISS",
            "name": "Swiss",
            "quantity": "1",
            "base_price_money": usd(125),
            "total_price_money": usd(250),
        },
        {"uid": "m-b", "parent_modifier_uid": "m-a", "name": "Melted", "total_price_money": usd(0)},
    ],
    "applied_taxes": [{"tax_uid": "t1", "applied_money": usd(211)}],
    "applied_discounts": [{"discount_uid": "d1", "applied_money": usd(264)}],
}
EXAMPLE = order(
    [BURGER],
    2987,
    source={"name": "Aura Test Kiosk"},
    taxes=[{"uid": "t1", "name": "Sales tax", "type": "ADDITIVE", "percentage": "8.875", "applied_money": usd(211)}],
    discounts=[
        {"uid": "d1", "name": "Neighbour 10", "percentage": "10", "scope": "ORDER", "applied_money": usd(264)},
    ],
    total_tax_money=usd(211),
    total_discount_money=usd(264),
    total_tip_money=usd(400),
    tenders=[
        {
            "id": "PAY1",
            "type": "CARD",
            "created_at": "2026-10-01T00:00:20Z",
            "amount_money": usd(2987),
            "tip_money": usd(400),
        }
    ],
)


def test_the_example_of_the_reference() -> None:
    document = only(mapped(orders=[EXAMPLE]))
    check_row: Order = document.rows[0]
    assert document.version == "2026-10-01T00:04:03.000000"
    assert (check_row.subtotal_cents, check_row.discount_amount_cents, check_row.tax_amount_cents) == (2640, 264, 211)
    assert (check_row.final_amount_cents, check_row.tip_amount_cents) == (2587, 400)
    assert (check_row.channel, check_row.order_type, check_row.review_flags) == ("kiosk", "unknown", None)
    assert (check_row.closed_at, check_row.paid_at) == ("2026-10-01T00:00:21.9+00:00", "2026-10-01T00:00:20+00:00")
    sold: OrderItem = rows(document, OrderItem)[0]
    assert (sold.menu_item_key, sold.variation_key, sold.modifiers_cents) == ("BURGER", "VARBURGERS", 250)
    cheese, melted = rows(document, OrderItemModifier)
    assert (cheese.modifier_key, cheese.group_name) == ("CHEESE/MODSWISS", "Cheese")
    assert (melted.parent_no, melted.modifier_key) == (0, None)
    assert rows(document, OrderTax) == [OrderTax("Sales tax", 211, 0, rate_percent="8.875")]
    assert rows(document, OrderDiscount) == [OrderDiscount("Neighbour 10", 264, percentage="10")]


@pytest.mark.parametrize(
    ("basis", "closeout", "day", "rule"),
    [
        ("closed", 0, "2026-09-30", "closed_at, closeout 00:00"),
        ("closed", 20, "2026-09-29", "closed_at, closeout 20:00"),
        ("created", 19, "2026-09-29", "created_at, closeout 19:00"),
        ("paid", 19, "2026-09-30", "tender created_at, closeout 19:00"),
    ],
)
def test_the_day_follows_the_rule(basis: Any, closeout: int, day: str, rule: str) -> None:
    rules = HistoryRules(LOCATION.timezone, timedelta(hours=closeout), basis)
    row = only(mapped(rules, orders=[EXAMPLE])).rows[0]
    assert (row.business_date, row.business_date_rule) == (day, rule)


@pytest.mark.parametrize("gross", [1000, 1100])
def test_tax_inside_the_price_is_in_the_line_whether_the_gross_sales_hold_it_or_not(gross: int) -> None:
    held = line("l1", 1100, tax=100, applied_taxes=[{"tax_uid": "v", "applied_money": usd(100)}])
    held |= {"gross_sales_money": usd(gross), "total_money": usd(1100)}
    vat = {"uid": "v", "name": "VAT", "type": "INCLUSIVE", "percentage": "10.0", "applied_money": usd(100)}
    row = only(mapped(orders=[order([held], 1100, taxes=[vat], total_tax_money=usd(100))])).rows[0]
    assert (row.subtotal_cents, row.included_tax_cents, row.final_amount_cents) == (1100, 100, 1100)
    assert row.review_flags is None


def test_a_tax_no_line_names_stands_on_the_check_and_charges_are_told_apart() -> None:
    charges = [
        {
            "uid": "s1",
            "name": "Large party",
            "type": "AUTO_GRATUITY",
            "applied_money": usd(180),
            "total_money": usd(180),
        },
        {
            "uid": "s2",
            "name": "Delivery",
            "type": "CUSTOM",
            "applied_money": usd(300),
            "total_money": usd(327),
            "total_tax_money": usd(27),
            "taxable": True,
            "applied_taxes": [{"tax_uid": "t", "applied_money": usd(27)}],
        },
    ]
    taxes = [
        {"uid": "t", "name": "Sales tax", "type": "ADDITIVE", "percentage": "9", "applied_money": usd(27)},
        {"uid": "old", "name": "Bag fee", "type": "ADDITIVE", "applied_money": usd(10)},
    ]
    sent = order([line("l1", 1000)], 1517, service_charges=charges, taxes=taxes, total_tax_money=usd(37))
    document = only(mapped(orders=[sent]))
    row = document.rows[0]
    assert (row.gratuity_cents, row.service_charge_amount_cents) == (180, 300)
    assert [(tax.name, tax.item_no, tax.charge_no, tax.amount_cents) for tax in rows(document, OrderTax)] == [
        ("Sales tax", None, 1, 27),
        ("Bag fee", None, None, 10),
    ]
    assert [charge.paid_to for charge in rows(document, OrderServiceCharge)] == ["staff", "house"]
    assert row.review_flags is not None and "tax_does_not_add_up" in row.review_flags


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"total_money": usd(2988)}, "total_does_not_add_up"),
        ({"total_discount_money": usd(1)}, "discounts_do_not_add_up"),
        ({"total_tax_money": usd(210)}, "tax_does_not_add_up"),
        ({"total_money": usd(2987, "CAD")}, "currency_differs"),
        ({"total_money": usd(-5)}, "negative_total"),
        (
            {"tenders": [{"id": "P", "type": "CARD", "amount_money": usd(2986), "tip_money": usd(400)}]},
            "payments_do_not_cover",
        ),
        (
            {"tenders": [{"id": "P", "type": "SHELLS", "amount_money": usd(2987), "tip_money": usd(400)}]},
            "unknown_tender",
        ),
        ({"tenders": [{"type": "CARD", "amount_money": usd(2987), "tip_money": usd(400)}]}, "missing_reference"),
        ({"created_at": "0001-01-01T00:00:00Z"}, "absurd_date"),
        ({"taxes": []}, "missing_reference"),
        ({"line_items": [{**BURGER, "total_money": usd(2586)}]}, "lines_do_not_add_up"),
    ],
)
def test_what_does_not_add_up_is_flagged_and_stands_as_sent(change: dict[str, Any], flag: str) -> None:
    row = only(mapped(orders=[EXAMPLE | change])).rows[0]
    assert flag in json.loads(row.review_flags)
    assert row.subtotal_cents == 2640


def test_gift_cards_and_donations_are_no_sale_and_an_unknown_variation_is_an_item_of_its_own() -> None:
    lines = [
        line("l1", 5000, item_type="GIFT_CARD", name=None),
        line("l2", 500, catalog_object_id="VARGIFT"),
        line("l3", 300, catalog_object_id="VARGONE"),
        line("l4", 200, item_type="CUSTOM_AMOUNT", name=None, quantity="0.5"),
    ]
    document = only(mapped(orders=[order(lines, 6000)]))
    sold = rows(document, OrderItem)
    assert [one.revenue_class for one in sold] == ["gift_card_load", "donation", "sale", "sale"]
    assert [one.item_name for one in sold] == ["Gift card", "Soup", "Soup", "Custom amount"]
    assert [one.menu_item_key for one in sold] == [None, "CHARITY", "VARGONE", None]
    assert document.rows[0].non_sale_cents == 5500 and sold[3].quantity == "0.5"


def test_a_return_is_refunds_of_its_sale_and_several_refunds_share_its_lines() -> None:
    back = {
        "source_order_id": "ORD1",
        "return_line_items": [
            {
                **line("r1", 1000, tax=90),
                "source_line_item_uid": "li-a",
                "catalog_object_id": "VARBURGERS",
                "gross_return_money": usd(1000),
            }
        ],
        "return_tips": [{"applied_money": usd(150), "source_tender_id": "PAY1"}],
        "return_amounts": {"total_money": usd(1240), "tax_money": usd(90), "tip_money": usd(150)},
    }
    returned = {"id": "RET1", "location_id": HERE, "state": "COMPLETED", "returns": [back]}
    sold = {"id": "ORD1", "created_at": EXAMPLE["created_at"], "closed_at": EXAMPLE["closed_at"]}

    def refund(ident: str, payment: str, cents: int) -> dict[str, Any]:
        return {
            "id": ident,
            "status": "COMPLETED",
            "location_id": HERE,
            "payment_id": payment,
            "order_id": "RET1",
            "amount_money": usd(cents),
            "destination_type": "CARD",
            "created_at": "2026-10-05T18:00:00Z",
            "processing_fee": [{"type": "INITIAL", "amount_money": usd(-35)}],
        }

    alone = only(mapped(refunds=[refund("PAY1_a", "PAY1", 1240)], return_orders=[returned], sold_orders=[sold]))
    row = alone.rows[0]
    assert row.details is None
    rounding = {
        "rounding_adjustment": {"amount_money": usd(-2)},
        "return_amounts": {"total_money": usd(1238), "tax_money": usd(90), "tip_money": usd(150)},
    }
    in_cash = {**returned, "returns": [{**back, **rounding}]}
    rounded = only(mapped(refunds=[refund("PAY1_a", "PAY1", 1238)], return_orders=[in_cash], sold_orders=[sold])).rows[
        0
    ]
    assert (rounded.amount_cents, rounded.net_cents, rounded.details) == (1238, 1000, '{"rounding_cents":-2}')
    assert (row.order_key, row.payment_key, row.return_order_key) == ("ORD1", "PAY1", "RET1")
    assert (row.net_cents, row.tax_cents, row.tip_refunded_cents, row.charge_cents) == (1000, 90, 150, 0)
    assert (row.fee_refunded_cents, row.business_date, row.sale_business_date) == (35, "2026-10-05", "2026-09-30")
    assert rows(alone, RefundItem) == [
        RefundItem("Soup", "1", 1000, 0, 90, 1000, source_line_id="li-a", menu_item_key="BURGER")
    ]
    rules = HistoryRules(LOCATION.timezone, refunds="sale_day")
    again = mapped(rules, refunds=[refund("PAY1_a", "PAY1", 1240)], return_orders=[returned], sold_orders=[sold])
    assert only(again).rows[0].business_date == "2026-09-30"

    split = {**returned, "refunds": [{"id": "PAY1_a"}, {"id": "PAY2_b"}]}
    both = [refund("PAY1_a", "PAY1", 1000), refund("PAY2_b", "PAY2", 240)]
    first, second = mapped(refunds=both, return_orders=[split], sold_orders=[])
    assert [one.rows[0].tip_refunded_cents for one in (first, second)] == [150, 0]
    assert [one.rows[0].tax_cents for one in (first, second)] == [None, None]
    assert [len(rows(one, RefundItem)) for one in (first, second)] == [1, 0]
    assert json.loads(first.rows[0].details)["return"]["tax_cents"] == 90
    lonely = only(mapped(refunds=[refund("PAY9_a", "PAY9", 100)], return_orders=[], sold_orders=[]))
    assert lonely.rows[0].review_flags == '["missing_reference"]' and lonely.rows[0].tax_cents is None
    assert mapped(orders=[returned]) == []


def exchange(paid: int, *refunds: dict[str, Any], worth: int = 1090) -> dict[str, Any]:
    """Soup for 2000 goes out; soup for 1000 with 90 of tax comes back from another order."""
    back = {
        "uid": "ret-a",
        "source_order_id": "OLD1",
        "return_line_items": [{**line("r1", 1000, tax=90), "source_line_item_uid": "li-a"}],
        "return_amounts": {"total_money": usd(worth), "tax_money": usd(90)},
    }
    tenders = [{"id": "PAY1", "type": "CARD", "amount_money": usd(paid)}] if paid else []
    return order([line("li-b", 2000)], 2000, returns=[back], refunds=list(refunds), tenders=tenders)


def test_what_comes_back_in_an_exchange_is_a_refund_of_its_sale_and_pays_for_what_goes_out() -> None:
    sale, given = mapped(orders=[exchange(910)])
    assert (sale.kind, sale.rows[0].final_amount_cents, sale.rows[0].review_flags) == ("orders", 2000, None)
    row = given.rows[0]
    assert (given.kind, given.key, given.version) == ("refunds", "ORD1:ret-a", sale.version)
    assert (row.order_key, row.return_order_key, row.payment_key) == ("OLD1", "ORD1", None)
    assert (row.tender_name, row.method, row.status) == ("Exchange", "other", "completed")
    assert (row.amount_cents, row.net_cents, row.tax_cents, row.tip_refunded_cents) == (1090, 1000, 90, 0)
    assert (row.business_date, row.processed_at) == (sale.rows[0].business_date, sale.rows[0].closed_at)
    assert [(item.item_name, item.net_cents, item.source_line_id) for item in rows(given, RefundItem)] == [
        ("Soup", 1000, "li-a")
    ]


def test_of_an_exchange_only_what_nothing_paid_out_is_set_off() -> None:
    def handed(cents: int, status: str = "APPROVED") -> dict[str, Any]:
        return {"id": "OLDPAY_a", "status": status, "amount_money": usd(cents)}

    assert [one.kind for one in mapped(orders=[exchange(2000, handed(1090))])] == ["orders"]
    assert [one.kind for one in mapped(orders=[exchange(2000, handed(1090, "FAILED"))])] == ["orders"]
    sale, part = mapped(orders=[exchange(0, handed(500), worth=2500)])
    assert (part.rows[0].amount_cents, part.rows[0].tax_cents, sale.rows[0].review_flags) == (2000, None, None)
    assert rows(part, RefundItem) == []
    short = mapped(orders=[exchange(900)])
    assert short[0].rows[0].review_flags == '["payments_do_not_cover"]'
    assert [one.key for one in mapped(orders=[{**exchange(910), "state": "OPEN"}])] == ["ORD1"]


@pytest.mark.parametrize(
    ("kind", "tender", "payment", "name"),
    [
        ("BUY_NOW_PAY_LATER", {}, {"buy_now_pay_later_details": {"brand": "AFTERPAY"}}, "AFTERPAY"),
        ("WALLET", {}, {"wallet_details": {"brand": "CASH_APP"}}, "CASH_APP"),
        ("WALLET", {}, None, "WALLET"),
        ("CARD", {"type": "SQUARE_GIFT_CARD"}, None, "Gift card"),
        ("CARD", {"type": "CARD", "card_details": {"card": {"card_brand": "SQUARE_GIFT_CARD"}}}, None, "Gift card"),
        ("CARD", {"type": "CARD", "card_details": {"card": {"card_brand": "VISA"}}}, None, "Card"),
        ("CASH", {"type": "SQUARE_GIFT_CARD"}, None, "Cash"),
    ],
)
def test_a_refund_is_called_as_its_payment_was(
    kind: str, tender: dict[str, Any], payment: dict[str, Any] | None, name: str
) -> None:
    refund = {
        "id": "PAY1_a", "status": "COMPLETED", "payment_id": "PAY1", "order_id": "RET1", "amount_money": usd(100),
        "destination_type": kind, "created_at": "2026-10-05T18:00:00Z",
    }  # fmt: skip
    returned = {"id": "RET1", "returns": [{"source_order_id": "ORD1"}]}
    sold = {"id": "ORD1", "created_at": EXAMPLE["created_at"], "tenders": [{"id": "PAY1", **tender}]}
    paid = [{"id": "PAY1", **payment}] if payment else []
    found = only(mapped(refunds=[refund], return_orders=[returned], sold_orders=[sold], paid_by=paid))
    assert found.rows[0].tender_name == name


def test_payouts_read_both_inner_keys_of_money_and_class_their_entries() -> None:
    def entry(kind: str, gross: int, fee: int, **details: Any) -> dict[str, Any]:
        money = {"gross": gross, "fee": fee, "net": gross - fee}
        amounts = {f"{name}_amount_money": {"amount": cents, "currency_code": "USD"} for name, cents in money.items()}
        return {"id": f"poe_{kind}", "payout_id": "po_1", "type": kind, **amounts, **details}

    payout = {
        "id": "po_1",
        "status": "PAID",
        "type": "BATCH",
        "location_id": HERE,
        "created_at": "2026-10-01T02:00:21Z",
        "amount_money": {"amount": 2849, "currency_code": "USD"},
        "arrival_date": "2026-10-02",
    }
    entries = [
        entry("CHARGE", 2987, 88, type_charge_details={"payment_id": "PAY1"}),
        entry("PROCESSING_FEE", -40, 0),
        entry("SQUARE_CAPITAL_PAYMENT", -10, 0),
        entry("A_NEW_ONE", 0, 0),
    ]
    other = entry("CHARGE", 1, 0) | {"payout_id": "po_2"}
    document = only(mapped(payouts=[payout], payout_entries=[*entries, other]))
    assert (document.rows[0].currency, document.rows[0].amount_cents) == ("USD", 2849)
    found = rows(document, PayoutEntry)
    assert [one.entry_class for one in found] == ["sale", "fee", "transfer", "other"]
    assert [one.payment_key for one in found] == ["PAY1", None, None, None]


@pytest.mark.parametrize("sign", [1, -1])
def test_cash_goes_where_the_type_says_whatever_sign_was_sent(sign: int) -> None:
    kinds = ["CASH_TENDER_PAYMENT", "CASH_TENDER_REFUND", "PAID_OUT", "PAID_IN", "OTHER_TENDER_PAYMENT", "BELL"]
    events = [
        {"id": f"E{at}", "event_type": kind, "event_money": usd(sign * 100), "created_at": "2026-10-01T02:00:21Z"}
        for at, kind in enumerate(kinds)
    ]
    found = mapped(path="/v2/cash-drawers/shifts/SHIFT1/events", cash_drawer_shift_events=events)
    assert [one.rows[0].amount_cents for one in found] == [100, -100, -100, 100, 0, 0]
    assert {one.rows[0].shift_key for one in found} == {"SHIFT1"}
    assert found[5].rows[0].source_type == "BELL" and found[5].rows[0].event_type == "other"


def test_encrypted_personal_fields_do_not_disturb() -> None:
    sealed = {"ticket_name": "enc:v1:abc", "metadata": "enc:v1:def", "customer_id": "CUS1"}
    held = {**line("l1", 100), "note": "enc:v1:x"}
    leaving = {
        "type": "DELIVERY",
        "state": "COMPLETED",
        "delivery_details": {"recipient": "enc:v1:r", "note": "enc:v1:n"},
    }
    row = only(mapped(orders=[order([held], 100, fulfillments=[leaving], **sealed)])).rows[0]
    assert row.order_type == "delivery" and row.review_flags is None
    assert row.customer_key == "CUS1" and row.guest_reference == SEALS.person("CUS1")
    assert row.display_number is None and row.table_no is None
