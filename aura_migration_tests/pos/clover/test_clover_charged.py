"""How an order was charged where its payments agree with themselves on another tax than the calculator's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aura_migration.pos.clover.orders.arithmetic import as_collected, figures
from aura_migration.pos.clover.orders.wire import Order
from aura_migration.pos.clover.orders_witness_sums import as_paid, parts, work_out
from aura_migration.pos.clover.orders_witness_wire import Order as Witnessed

A = {"id": "A", "name": "State", "rate": 500_000}
B = {"id": "B", "name": "City", "rate": 310_000}
Document = dict[str, Any]


def line(price: int, *rates: Document, **more: Any) -> Document:
    return {"id": f"L{price}", "price": price, "taxRates": {"elements": list(rates)}, **more}


def order(*lines: Document, **more: Any) -> Document:
    return {"id": "O", "lineItems": {"elements": list(lines)}, **more}


FEE = line(210, A, isOrderFee=True, orderFee={"id": "FEE"}, name="Kitchen fee")
TIES = order(line(1010, A), line(500, B))
CASES = {
    "half even": (TIES, 1010 + 500 + 66, 66, {"State": 50, "City": 16}),
    "as the calculator does": (TIES, 1010 + 500 + 67, 67, {"State": 51, "City": 16}),
    "down": (order(line(1015, A), line(507, B)), 1015 + 507 + 65, 65, {"State": 50, "City": 15}),
    "up": (order(line(1003, A), line(503, B)), 1003 + 503 + 67, 67, {"State": 51, "City": 16}),
    "fees taxed": (order(line(1000, A), FEE), 1000 + 210 + 61, 61, {"State": 61}),
    "nothing known": (TIES, 1010 + 500 + 60, 60, {"State": 51, "City": 16}),
    "amounts say otherwise": (TIES, 1010 + 500 + 67, 66, {"State": 51, "City": 16}),
    "tax removed": ({**TIES, "taxRemoved": True}, 1010 + 500 + 66, 66, {}),
    "tax inside": (order(line(1210, {**A, "rate": 2_100_000}), isVat=True), 1210, 200, {"State": 210}),
}
"""Order, what was paid, the tax the payments say is in it, and the taxes the order was charged."""


@pytest.mark.parametrize("name", CASES)
def test_both_readings_take_the_way_that_comes_to_the_tax_that_was_paid(name: str) -> None:
    document, paid, tax, expected = CASES[name]
    sent = msgspec.json.encode(document)
    read = msgspec.json.decode(sent, type=Order)
    found = as_collected(read, figures(read), paid, tax)
    assert {one.rate.name: one.tax for one in found.taxes if one.tax} == expected
    second = msgspec.json.decode(sent, type=Witnessed)
    lines = parts(second.line_items)
    sums = as_paid(
        second, lines, work_out(second, lines, is_taxable=True, after_refunds=False), paid, tax, is_taxable=True
    )
    assert (sums.tax, sums.total) == (found.tax, found.total)
    assert sorted(sums.taxes.values()) == sorted(expected.values())


def test_tax_charged_on_fees_is_told_fee_by_fee() -> None:
    fees = (FEE, {**FEE, "id": "SECOND", "price": 90})
    read = msgspec.json.decode(msgspec.json.encode(order(line(1000, A), *fees)), type=Order)
    found = as_collected(read, figures(read), 1000 + 300 + 65, 65)
    (state,) = found.taxes
    assert (state.taxable, state.tax, state.fees, found.fees_taxed) == (1300, 65, [(0, 11), (1, 4)], True)
    assert figures(read).taxes[0].fees == [] and figures(read).tax == 50
