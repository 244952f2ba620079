"""Fields of orders and money that a connector does not read are told in an owner's words, with counts and money."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.pos import registry
from aura_migration.pos.unread import declared, unread_of

ORDERS: dict[str, tuple[dict[str, Any], dict[str, tuple[int, int | None, str]]]] = {
    "square": (
        {
            "id": "A", "version": 3, "state": "COMPLETED", "ticket_name": "T12",
            "line_items": [{"uid": "x", "name": "Soup", "note": "hot"}, {"uid": "y", "note": ""}],
            "net_amount_due_money": {"amount": 730, "currency": "USD"}, "corkage_money": {"amount": 500, "currency": "USD"},
        },
        {
            "ticket_name": (1, None, "open ticket"), "line_items[].note": (1, None, "typed with a line"),
            "net_amount_due_money": (1, 730, "still to be paid"), "corkage_money": (1, 500, "no place in AuraConnect"),
        },
    ),
    "toast": (
        {
            "guid": "A", "entityType": "Order", "requiredPrepTime": "PT10M", "deliveryInfo": {"city": "enc"},
            "checks": [{"guid": "C", "selections": [{"plu": "7", "modifiers": [{"corkageFee": 1.25}]}]}],
        },
        {
            "requiredPrepTime": (1, None, "was to take"), "deliveryInfo.city": (1, None, "encrypted"),
            "checks[].selections[].plu": (1, None, "rung up by"),
            "checks[].selections[].modifiers[].corkageFee": (1, 125, "no place in AuraConnect"),
        },
    ),
    "clover": (
        {
            "id": "A", "href": "…", "unpaidBalance": 800, "device": {"id": "D"},
            "lineItems": {"elements": [{"id": "L", "printed": True, "itemCode": "9"}]},
        },
        {
            "unpaidBalance": (1, 800, "still to be paid"), "lineItems.elements[].printed": (1, None, "kitchen"),
            "lineItems.elements[].itemCode": (1, None, "product code"),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("pos", ORDERS)
def test_what_is_not_read_of_an_order_is_told_and_what_is_read_or_technical_is_not(pos: str) -> None:
    fields = registry.connector(pos).history_fields
    kind = next(one for one in fields.documents if one.name == "orders")
    order, expected = ORDERS[pos]
    plain = {key: value for key, value in order.items() if key in (kind.ident, "state")}
    found = unread_of(kind, [order, order, {**plain, kind.ident: "B"}], fields.money, "USD", is_all=False)
    assert {one.field: (one.records, one.cents) for one in found if one.field in expected} == {
        name: (records, cents) for name, (records, cents, _) in expected.items()
    }
    assert {one.field for one in found} - set(expected) <= {"device"}
    for one in found:
        assert expected.get(one.field, (0, None, "device"))[2] in one.note and one.looked_at == 2
        assert one.examples == ("A",)
    zeroes = {"net_amount_due_money": {"amount": 0}, "unpaidBalance": 0}
    nothing = {key: zeroes.get(key, value) for key, value in order.items()}
    none = {one.field for one in unread_of(kind, [nothing], fields.money, "USD")}
    assert not none & set(zeroes), "an amount of nothing is no loss"
    line = next(one for one in found if one.cents is not None).as_loss("USD")
    assert line["money"].endswith(" USD") and line["sample"] == {"looked_at": 2, "is_all": False}


def test_structs_are_told_in_the_names_of_the_pos_however_deep_they_stand() -> None:
    from aura_migration.pos.toast.orders.wire import Order

    paths = declared(Order)
    assert "checks[].selections[].modifiers[].appliedTaxes[].taxRate.guid" in paths
    assert "promisedDate" in paths and "checks[].payments[].tipAmount" in paths
