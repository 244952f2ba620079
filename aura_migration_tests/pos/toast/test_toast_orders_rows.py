"""Hand-written orders, as the API reference describes them, and the documents they become."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from aura_migration.archive.redaction import redact, reveal_body, reveal_text
from aura_migration.archive.snapshot import StoredBody
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import (
    Order,
    OrderDiscount,
    OrderItem,
    OrderItemModifier,
    OrderServiceCharge,
    OrderTax,
    Payment,
    Refund,
    RefundItem,
)
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.pos.toast import CONNECTOR
from aura_migration.pos.toast.orders.numbers import Numbers, Unusable, version_of
from aura_migration_tests.pos.toast.hand_written import LOCATION
from aura_migration_tests.support.ciphers import MemoryCipher, PlainSeals

Json = dict[str, Any]
CONFIG: dict[str, list[Json]] = {
    "alternatePaymentTypes": [{"guid": "ap-1", "name": "Harbor voucher"}],
    "diningOptions": [
        {"guid": "do-1", "name": "Dine in", "behavior": "DINE_IN"},
        {"guid": "do-2", "name": "Curb", "behavior": "TAKE_OUT", "curbside": True},
        {"guid": "do-3", "name": "Tent", "behavior": None},
    ],
    "tables": [{"guid": "t-1", "name": "12"}],
    "serviceCharges": [
        {"guid": "s-1", "name": "Packaging", "amountType": "FIXED", "destination": "RESTAURANT"},
        {"guid": "s-2", "name": "Large party", "amountType": "PERCENT", "percent": 18.0, "destination": "SERVER"},
    ],
    "preModifiers": [{"guid": "pm-1", "name": "Extra"}],
    "voidReasons": [{"guid": "vr-1", "name": "Server error"}],
    "salesCategories": [{"guid": "sc-1", "name": "Food"}],
}
STATE_TAX = {"taxRate": {"guid": "tr-1"}, "name": "State 7.25", "rate": 0.0725, "taxAmount": 1.46, "type": "PERCENT"}


class Handmade:
    """A snapshot written by hand: stored as the recorder stores, revealed as the reader reveals."""

    snapshots = ()

    def __init__(self) -> None:
        self.cipher = MemoryCipher()
        self.lists = [
            StoredBody("config", json.dumps(rows).encode(), "GET", "/config", None, None, 1, name, len(rows), "", 0)
            for name, rows in CONFIG.items()
        ]

    def refs(self, entity: str) -> list[StoredBody]:
        return self.lists if entity == "config" else []

    def bodies(self, entity: str) -> Iterator[StoredBody]:
        return iter(self.refs(entity))

    def reveal(self, value: str) -> Any:
        text = reveal_text(value, 1, self.cipher)
        return None if text is None else json.loads(text)

    def revealed(self, body: StoredBody) -> bytes:
        return reveal_body(body.data, 1, self.cipher)

    def stored(self, data: bytes, entity: str = "orders", **params: str) -> StoredBody:
        kept = redact(data, entity, CONNECTOR.redaction, 1, self.cipher)
        return StoredBody(entity, kept, "GET", "/x", params, None, 1, "2026-09", 1, "", len(kept))


def mapped(*orders: Json, data: bytes | None = None, entity: str = "orders", **params: str) -> list[Document]:
    reader: Any = Handmade()
    rules = HistoryRules(LOCATION.timezone, timedelta(hours=4))
    mapper = CONNECTOR.history_mapper(reader, LOCATION, PlainSeals(), rules)
    body = reader.stored(json.dumps(orders).encode() if data is None else data, entity, **params)
    return list(mapper.documents(body))


def of(found: list[Document], kind: str) -> list[Document]:
    return [one for one in found if one.kind == kind]


def check_of(found: list[Document]) -> Order:
    [one] = of(found, "orders")
    assert not one.fault
    assert isinstance(one.rows[0], Order)
    return one.rows[0]


def rows_of(found: list[Document], row: type[Any]) -> list[Any]:
    return [inner for one in found for inner in one.rows if isinstance(inner, row)]


def flags(found: list[Document]) -> list[str]:
    return [
        code for one in found if one.rows for code in json.loads(getattr(one.rows[0], "review_flags", None) or "[]")
    ]


def line(guid: str = "x-9", gross: float = 6.0, price: float = 5.37, **more: Any) -> Json:
    return {
        "guid": guid, "displayName": "Bread", "item": {"guid": "i-7", "multiLocationId": "77"}, "quantity": 1,
        "selectionType": "NONE", "receiptLinePrice": gross, "preDiscountPrice": gross, "price": price, "tax": 0,
        "taxInclusion": "NOT_INCLUDED", "deferred": False, "voided": False, "appliedTaxes": [], "appliedDiscounts": [],
        "modifiers": [],
    } | more  # fmt: skip


def example() -> Json:
    """The worked example of the API reference, section 9.6."""
    bacon = {
        "guid": "x-2", "displayName": "Bacon", "item": {"guid": "i-80"}, "optionGroup": {"guid": "mg-2"}, "quantity": 2,
        "receiptLinePrice": 1.75, "preDiscountPrice": 3.5, "price": 3.5, "tax": 0, "taxInclusion": "INHERITED",
        "preModifier": {"guid": "pm-1"}, "appliedTaxes": [], "modifiers": [],
    }  # fmt: skip
    burgers = line(
        "x-1", 22.5, 20.13, displayName="Smash Burger", quantity=2.0, receiptLinePrice=9.5, tax=1.46, seatNumber=1,
        item={"guid": "i-1", "multiLocationId": "7103"}, salesCategory={"guid": "sc-1"}, appliedTaxes=[STATE_TAX],
        modifiers=[bacon],
    )  # fmt: skip
    card = line("x-3", 25.0, 25.0, displayName="Gift Card", item=None, selectionType="TOAST_CARD_SELL", deferred=True)
    return {
        "guid": "o-1", "openedDate": "2025-02-15T18:02:11.000+0000", "modifiedDate": "2025-02-16T10:05:00.024+0000",
        "closedDate": "2025-02-16T10:05:00.024+0000", "deletedDate": "1970-01-01T00:00:00.000+0000", "deleted": False,
        "voided": False, "businessDate": 20250215, "source": "In Store", "numberOfGuests": 2, "displayNumber": "12",
        "approvalStatus": "APPROVED", "diningOption": {"guid": "do-1"}, "server": {"guid": "e-1"}, "table": {"guid": "t-1"},
        "checks": [{
            "guid": "c-1", "displayNumber": "12", "taxExempt": False, "paymentStatus": "CLOSED", "voided": False,
            "deleted": False, "amount": 51.50, "taxAmount": 1.46, "totalAmount": 52.96, "customer": None,
            "appliedDiscounts": [{"name": "$3 off", "discountAmount": 3.0, "nonTaxDiscountAmount": 3.0,
                                  "discount": {"guid": "d-3"}, "discountPercent": None}],
            "appliedServiceCharges": [
                {"guid": "as-1", "serviceCharge": {"guid": "s-1"}, "name": "Packaging", "chargeAmount": 1.0,
                 "gratuity": False, "taxable": False, "appliedTaxes": [], "serviceChargeCategory": "SERVICE_CHARGE"},
                {"guid": "as-2", "serviceCharge": {"guid": "s-2"}, "name": "Large party", "chargeAmount": 2.85,
                 "gratuity": True, "appliedTaxes": [], "serviceChargeCategory": None},
            ],
            "selections": [burgers, line(), card],
            "payments": [{"guid": "p-1", "type": "CREDIT", "amount": 55.81, "tipAmount": 6.0, "paymentStatus": "CAPTURED",
                          "refundStatus": "NONE", "paidBusinessDate": 20250215, "originalProcessingFee": 1.62,
                          "paidDate": "2025-02-15T18:40:00.000+0000", "cardType": "VISA", "last4Digits": "4242"}],
        }],
    }  # fmt: skip


def changed(change: Callable[[Json], Any], of_check: bool = True) -> Json:
    """The worked example with something else in it."""
    order = copy.deepcopy(example())
    change(order["checks"][0] if of_check else order)
    return order


def test_the_worked_example_of_the_reference_comes_out_to_the_cent() -> None:
    found = mapped(example())
    row = check_of(found)
    assert (row.subtotal_cents, row.non_sale_cents, row.discount_amount_cents) == (5350, 2500, 300)
    assert (row.service_charge_amount_cents, row.gratuity_cents, row.tax_amount_cents) == (100, 285, 146)
    assert (row.final_amount_cents, row.tip_amount_cents) == (5296 + 285, 600)
    net = row.subtotal_cents - row.non_sale_cents - row.discount_amount_cents + row.service_charge_amount_cents
    assert net == 2650
    assert flags(found) == []
    assert row.opened_at == "2025-02-15T18:02:11+00:00"
    assert row.closed_at == "2025-02-16T10:05:00.024+00:00"
    assert (row.order_type, row.channel, row.table_no, row.staff_key) == ("dine_in", "in_house", "12", "L1/e-1")
    burger, bread, card = rows_of(found, OrderItem)
    assert (burger.line_subtotal_cents, burger.modifiers_cents, burger.line_discount_cents) == (2250, 350, 237)
    assert (burger.menu_item_key, burger.category_name, burger.seat, burger.quantity) == ("7103", "Food", 1, "2")
    assert (bread.line_discount_cents, bread.line_tax_cents) == (63, 0)
    assert (card.revenue_class, card.menu_item_key) == ("gift_card_load", None)
    [bacon] = rows_of(found, OrderItemModifier)
    assert (bacon.amount_cents, bacon.pre_modifier, bacon.modifier_key) == (350, "Extra", "mg-2/i-80")
    [tax] = rows_of(found, OrderTax)
    assert (tax.name, tax.rate_percent, tax.amount_cents, tax.item_no, tax.tax_rate_key, tax.taxable_amount_cents) == (
        "State 7.25", "7.25", 146, 0, "L1/tr-1", 2013,
    )  # fmt: skip
    packaging, party = rows_of(found, OrderServiceCharge)
    assert (packaging.paid_to, party.paid_to, party.percentage) == ("house", "staff", "18.0")
    [payment] = rows_of(found, Payment)
    assert (payment.fee_amount_cents, payment.card_brand, payment.card_last4) == (162, "VISA", None)


def test_gratuity_may_stand_in_the_total_or_beside_it() -> None:
    within = mapped(changed(lambda check: check.update(totalAmount=55.81)))
    assert check_of(within).final_amount_cents == check_of(mapped(example())).final_amount_cents == 5581
    assert flags(within) == []


def flagged(**change: Any) -> list[str]:
    return flags(mapped(changed(lambda check: check.update(change))))


def test_what_does_not_add_up_is_loaded_as_sent_and_flagged() -> None:
    assert flagged(amount=51.49, totalAmount=52.95) == ["lines_do_not_add_up", "payments_do_not_cover"]
    assert "tax_does_not_add_up" in flagged(taxAmount=1.47, totalAmount=52.97)
    assert flagged(totalAmount=52.97) == ["total_does_not_add_up", "payments_do_not_cover"]
    assert flagged(payments=[]) == ["payments_do_not_cover"]
    found = mapped(changed(lambda check: check["appliedDiscounts"][0].update(nonTaxDiscountAmount=2.5)))
    assert flags(found) == ["discounts_do_not_add_up"]
    found = mapped(changed(lambda check: check["selections"][0].update(tax=1.40)))
    assert flags(found) == ["tax_does_not_add_up"]
    assert check_of(found).tax_amount_cents == 146


def test_a_payment_of_what_nobody_can_name_is_flagged_and_a_custom_tender_has_its_own_name() -> None:
    def tender(kind: str, other: str | None = None) -> tuple[str, str, list[str]]:
        found = mapped(
            changed(lambda check: check["payments"][0].update(type=kind, otherPayment=other and {"guid": other}))
        )
        [row] = rows_of(found, Payment)
        return row.method, row.tender_name, flags(found)

    assert tender("OTHER", "ap-1") == ("other", "Harbor voucher", [])
    assert tender("OTHER", "ap-9") == ("other", "Unknown", ["unknown_tender"])
    assert tender("SEASHELLS") == ("other", "Unknown", ["unknown_tender"])
    assert tender("TOAST_SV") == ("gift_card", "Gift card", [])
    assert tender("CASH") == ("cash", "Cash", [])


def test_states_of_payments_say_whether_anything_was_paid() -> None:
    def state(status: str | None, **more: Any) -> tuple[str, int]:
        found = mapped(changed(lambda check: check["payments"][0].update(paymentStatus=status, **more)))
        [row] = rows_of(found, Payment)
        return row.status, check_of(found).tip_amount_cents

    assert state("CAPTURED") == state(None) == state("SETTLED") == ("completed", 600)
    assert state("AUTHORIZED") == ("authorized", 600)
    assert state("CAPTURE_IN_PROGRESS") == ("pending", 600)
    assert state("DENIED") == state("ERROR_NETWORK") == ("failed", 0)
    assert state("CANCELLED") == ("cancelled", 0)
    void = {"voidDate": "2025-02-15T18:44:00.000+0000", "voidBusinessDate": 20250215, "voidReason": {"guid": "vr-1"}}
    assert state("CAPTURED", voidInfo=void) == ("voided", 0)


def test_a_refund_has_its_own_day_and_the_parts_that_lines_and_charges_state() -> None:
    def give_back(check: Json) -> None:
        transaction = {"guid": "rt-1"}
        check["payments"][0]["refund"] = {
            "refundAmount": 22.59, "tipRefundAmount": 2.0, "refundDate": "2025-02-17T12:00:00.000+0000",
            "refundBusinessDate": 20250217, "refundTransaction": transaction,
        }  # fmt: skip
        check["payments"][0]["refundStatus"] = "PARTIAL"
        details = {"refundAmount": 20.13, "taxRefundAmount": 1.46, "refundTransaction": transaction}
        check["selections"][0]["refundDetails"] = details
        details = {"refundAmount": 1.0, "taxRefundAmount": 0, "refundTransaction": transaction}
        check["appliedServiceCharges"][0]["refundDetails"] = details

    found = mapped(changed(give_back))
    [refund] = rows_of(found, Refund)
    assert of(found, "refunds")[0].key == "p-1:refund"
    assert (refund.business_date, refund.sale_business_date) == ("2025-02-17", "2025-02-15")
    assert (refund.amount_cents, refund.net_cents, refund.tax_cents, refund.charge_cents, refund.tip_refunded_cents) == (
        2459, 2013, 146, 100, 200,
    )  # fmt: skip
    [given] = rows_of(found, RefundItem)
    assert (given.source_line_id, given.net_cents, given.tax_cents, given.quantity) == ("x-1", 2013, 146, "2")
    assert check_of(found).final_amount_cents == 5581
    assert flags(found) == []

    def more(check: Json) -> None:
        give_back(check)
        check["payments"][0]["refund"]["refundAmount"] = 60.0

    found = mapped(changed(more))
    [refund] = rows_of(found, Refund)
    assert (refund.net_cents, refund.tax_cents) == (None, None)
    assert flags(found) == ["refund_exceeds_sale"]

    def astray(check: Json) -> None:
        give_back(check)
        check["selections"][0]["refundDetails"]["refundTransaction"] = {"guid": "rt-9"}

    assert flags(mapped(changed(astray))) == ["missing_reference"]


def inclusive(check: Json, discounts: list[Json]) -> None:
    """One line at 10.00 with 7 % in it, and a 10 % discount on the line or the check."""
    tax = {"taxRate": {"guid": "tr-7"}, "name": "City", "rate": 0.07, "taxAmount": 0.59, "type": "PERCENT"}
    cake = line("x-5", 9.35, 8.41, receiptLinePrice=10.0, tax=0.59, taxInclusion="INCLUDED", appliedTaxes=[tax])
    check.update(selections=[cake], appliedServiceCharges=[], appliedDiscounts=[], payments=[])
    check.update(amount=8.41, taxAmount=0.59, totalAmount=9.0, paymentStatus="OPEN")
    (cake["appliedDiscounts"] if discounts[0].get("onLine") else check["appliedDiscounts"]).extend(discounts)


@pytest.mark.parametrize("on_line", [True, False])
def test_tax_in_the_price_is_in_what_was_rung_up_and_a_discount_takes_its_part_off(on_line: bool) -> None:
    discount = {"name": "Ten off", "discountAmount": 1.0, "nonTaxDiscountAmount": 0.94, "onLine": on_line}
    found = mapped(changed(lambda check: inclusive(check, [discount])))
    row = check_of(found)
    [cake] = rows_of(found, OrderItem)
    assert (cake.line_subtotal_cents, cake.line_discount_cents, cake.included_tax_cents) == (1000, 100, 59)
    assert (row.subtotal_cents, row.discount_amount_cents, row.included_tax_cents, row.tax_amount_cents) == (
        1000, 100, 59, 59,
    )  # fmt: skip
    assert row.final_amount_cents == 900
    [tax], [given] = rows_of(found, OrderTax), rows_of(found, OrderDiscount)
    assert (tax.is_inclusive, given.amount_cents, given.item_no) == (True, 100, 0 if on_line else None)
    assert flags(found) == []


def test_fractions_of_a_cent_come_to_the_cents_of_the_check() -> None:
    def pool(check: Json) -> None:
        shares = [5.49612811, 0.59387189]
        check["selections"] = [
            line(f"x-{n}", price, price, tax=share, appliedTaxes=[{**STATE_TAX, "rate": 0.0625, "taxAmount": share}])
            for n, (price, share) in enumerate(zip((87.92, 9.50), shares, strict=True))
        ]
        check.update(appliedDiscounts=[], appliedServiceCharges=[], amount=97.42, taxAmount=6.09, totalAmount=103.51)
        check["payments"][0]["amount"] = 103.51

    found = mapped(changed(pool))
    taxes = rows_of(found, OrderTax)
    assert [one.amount_cents for one in taxes] == [550, 59]
    assert [one.amount_exact for one in taxes] == ["5.49612811", "0.59387189"]
    assert flags(found) == []


def test_modifiers_that_stand_beside_their_line_are_taken_into_it_where_only_so_it_adds_up() -> None:
    def beside(check: Json) -> None:
        check["selections"][0].update(preDiscountPrice=19.0, price=16.63)

    found = mapped(changed(beside))
    assert flags(found) == []
    assert rows_of(found, OrderItem)[0].line_subtotal_cents == 2250
    assert check_of(found).subtotal_cents == 5350


def test_deleted_orders_and_checks_are_gone_with_their_payments_unless_these_are_shown_elsewhere() -> None:
    for order in (changed(lambda o: o.update(deleted=True), of_check=False), changed(lambda c: c.update(deleted=True))):
        found = mapped(order)
        assert [one.gone for one in of(found, "orders")] == [True]
        [payment] = of(found, "payments")
        assert (payment.gone, payment.version) == (True, "")


def test_voided_checks_keep_the_date_of_the_void() -> None:
    void = {"voided": True, "voidDate": "2025-02-16T02:00:00.000+0000", "voidBusinessDate": 20250215}
    row = check_of(mapped(changed(lambda o: o.update(void), of_check=False)))
    assert (row.is_voided, row.status, row.void_business_date) == (True, "cancelled", "2025-02-15")
    assert row.voided_at == "2025-02-16T02:00:00+00:00"


def test_without_a_business_date_the_day_of_opening_or_promise_counts_and_says_so() -> None:
    late = {"businessDate": None, "openedDate": "2025-02-15T09:30:00.000+0000"}
    row = check_of(mapped(changed(lambda o: o.update(late), of_check=False)))
    assert (row.business_date, row.business_date_rule) == ("2025-02-14", "opened_at, closeout 04:00")
    promised = late | {"promisedDate": "2025-02-20T18:00:00.000+0000", "businessDate": 20250220, "closedDate": None}
    order = changed(lambda o: o.update(promised), of_check=False)
    order["checks"][0].update(paymentStatus="OPEN", payments=[])
    row = check_of(mapped(order))
    assert (row.business_date, row.status, row.scheduled_for) == (
        "2025-02-20", "scheduled", "2025-02-20T18:00:00+00:00",
    )  # fmt: skip


def faults(found: list[Document]) -> dict[str, str]:
    return {f"{one.kind} {one.key}": one.fault for one in found if one.fault}


def test_what_cannot_become_rows_says_why_and_harms_nothing_beside_it() -> None:
    other = {**example(), "guid": "o-2", "checks": [{**example()["checks"][0], "guid": "c-2"}]}
    broken = changed(lambda check: check["selections"][0].update(price=20.135))
    found = mapped(broken, other)
    assert list(faults(found)) == ["orders c-1"]
    assert "finer than" in faults(found)["orders c-1"]
    assert [one.key for one in of(found, "orders") if one.rows] == ["c-2"]
    undated = changed(lambda o: o.update(businessDate=None, openedDate=None), of_check=False)
    assert set(faults(mapped(undated))) == {"order_groups o-1", "orders c-1"}
    wrong = changed(lambda o: o.update(businessDate=20251340), of_check=False)
    assert "not a date" in faults(mapped(wrong))["orders c-1"]
    listed = changed(lambda check: check.update(selections="none"))
    found = mapped(listed, other)
    assert set(faults(found)) == {"order_groups o-1", "orders c-1"}
    assert [one.key for one in of(found, "orders") if one.rows] == ["c-2"]
    nameless = changed(lambda check: check.update(guid=None))
    assert faults(mapped(nameless)) == {"orders o-1#1": "It has no id."}


def test_half_of_an_emoji_in_a_name_breaks_no_page() -> None:
    order = changed(lambda check: check["selections"][1].update(displayName="Bread \ud83c"))
    found = mapped(data=json.dumps([order]).encode())
    assert rows_of(found, OrderItem)[1].item_name.startswith("Bread ")
    assert check_of(found).subtotal_cents == 5350


def test_an_absurd_date_is_loaded_as_sent_and_flagged() -> None:
    row = changed(lambda o: o.update(businessDate=20140101), of_check=False)
    assert flags(mapped(row)) == ["absurd_date"]


def test_a_guest_without_an_id_has_the_key_of_the_address_and_nobody_is_in_the_rows() -> None:
    guest = {"guid": None, "firstName": "Ada", "lastName": None, "email": " Ada@Example.com", "phone": None}
    row = check_of(mapped(changed(lambda check: check.update(customer=guest))))
    assert row.customer_key == f"g-{PlainSeals().person('ada@example.com')}"
    assert row.guest_reference == PlainSeals().person("ada@example.com")
    row = check_of(mapped(changed(lambda check: check.update(customer={**guest, "guid": "g-7"}))))
    assert (row.customer_key, row.guest_reference) == ("g-7", PlainSeals().person("g-7"))


def test_an_order_that_auraconnect_sent_is_known_by_its_external_id() -> None:
    row = check_of(mapped(changed(lambda check: check.update(externalId="AURA:ord-1"))))
    assert (row.origin, row.external_id) == ("aura_native", "AURA:ord-1")
    assert check_of(mapped(example())).origin == "pos_native"


def test_where_an_order_was_served_comes_from_the_dining_option_and_its_source() -> None:
    def served(**order: Any) -> tuple[str, str]:
        row = check_of(mapped(changed(lambda o: o.update(order), of_check=False)))
        return row.order_type, row.channel

    assert served(diningOption={"guid": "do-2"}, source="Online") == ("curbside", "online")
    assert served(diningOption={"guid": "do-3"}, source="Catering Online Ordering") == ("catering", "online")
    assert served(diningOption={"guid": "do-9"}, source="Toast Hologram") == ("unknown", "unknown")
    assert served(source="API") == ("dine_in", "third_party")


def test_answers_about_single_orders_are_read_and_those_that_say_gone_too() -> None:
    assert check_of(mapped(data=json.dumps(example()).encode(), entity="missing_documents")).final_amount_cents == 5581
    told = {"kind": "orders", "key": "c-4", "guid": "c-4", "asked": "2026-10-01T09:00:00.000", "gone": True}
    [gone] = mapped(data=json.dumps(told).encode(), entity="missing_documents")
    assert (gone.kind, gone.key, gone.gone, gone.version) == ("orders", "c-4", True, "2026-10-01T09:00:00.000")


def test_cash_that_cannot_be_dated_or_named_is_told() -> None:
    entries = [
        {"guid": "ce-1", "date": "2026-09-01T12:00:00.000+0000", "amount": -5.25, "type": "PAY_OUT", "reason": "Ada's tip"},
        {"guid": None, "amount": 1.0, "type": "CASH_IN"},
        {"guid": "ce-3", "date": "2026-09-01T13:00:00.000+0000", "amount": 5.25, "type": "UNDO_PAY_OUT", "undoes": "ce-1"},
        {"guid": "ce-4", "amount": 1.005, "type": "MOONLIGHT"},
    ]  # fmt: skip
    found = mapped(data=json.dumps(entries).encode(), entity="cash_entries", businessDate="20260901")
    rows: dict[str, Any] = {one.key: one.rows[0] for one in found if one.rows}
    assert {key: (row.event_type, row.amount_cents) for key, row in rows.items()} == {
        "ce-1": ("pay_out", -525),
        "ce-3": ("pay_out", 525),
    }
    assert set(faults(found)) == {"cash_events 20260901#2", "cash_events ce-4"}
    assert "Ada" not in str(found)


def test_versions_sort_by_time_in_either_notation() -> None:
    said = [
        "2026-03-01T12:00:00.000+0000",
        "2026-03-01T12:00:00.120Z",
        "2026-03-01T07:00:01.000-0500",
        "2026-03-01T12:00:02Z",
    ]
    assert sorted(map(version_of, reversed(said))) == list(map(version_of, said))
    assert version_of(None) == version_of("soon") == ""


def test_numbers_are_exact_and_never_guessed() -> None:
    import msgspec

    numbers = Numbers("USD")

    def raw(notation: str) -> msgspec.Raw:
        return msgspec.Raw(notation.encode())

    assert [numbers.cents(raw(n)) for n in ("8.99", "8.9", "-0.1", "1e1", "0", "null")] == [
        899,
        890,
        -10,
        1000,
        0,
        None,
    ]
    assert numbers.cents(raw("90071992547409.93")) == 9007199254740993
    assert numbers.quantity(raw("2.50")) == numbers.quantity(raw("2.5"))
    assert numbers.fraction(raw("0.08875")) == "8.875"
    yen = Numbers("JPY")
    assert yen.cents(raw("450")) == 450
    for odd in ('"8.99"', "{}", "true", "8.999", "1e400"):
        with pytest.raises(Unusable):
            numbers.cents(raw(odd))
    for odd in ("soon", "2026-01-01", "2026-13-01T00:00:00.000+0000"):
        with pytest.raises(Unusable):
            numbers.instant(odd)
    assert numbers.instant("1970-01-01T00:00:00.000+0000") is None


def test_redaction_leaves_nobody_and_no_card_in_orders_read_one_by_one() -> None:
    order: Mapping[str, Any] = changed(
        lambda check: check.update(
            tabName="Ada's tab",
            customer={"guid": "g-1", "firstName": "Ada", "email": "ada@example.com", "phone": "555"},
        )
    )
    order = {**order, "deliveryInfo": {"address1": "1 Depot Plaza", "notes": "code 1234"}}
    reader = Handmade()
    for entity, body in (("orders", [order]), ("missing_documents", order)):
        text = reader.stored(json.dumps(body).encode(), entity).data.decode()
        for word in ("Ada", "ada@", "Depot", "4242", "1234"):
            assert word not in text, (entity, word)
