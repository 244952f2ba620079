"""Discounts of Clover's catalogue: an amount, a whole or an exact percentage, put on lines or orders by the cashier.

A cash discount is given by the till to whoever pays by a tender that allows it, and leaves out the items that say so.
"""

from __future__ import annotations

import re

from aura_migration.canonical.losses import loss_of
from aura_migration.core.ids import path
from aura_migration.pos.clover.items import unsellable
from aura_migration.pos.clover.rows import Rows
from aura_migration.pos.clover.rules.reading import Unclear, each, live, name_of, stated_percent, whole
from aura_migration.pos.clover.wire import Raw

CASH = "CASH_DISCOUNT"
LEFT_OUT = re.compile(rb'"excludeCashDiscount"\s*:\s*true')
TYPES = (None, "", "DEFAULT", CASH)


def map_discounts(rows: Rows) -> None:
    """Every live discount, and what cash discounts leave out."""

    def build(ident: str, raw: Raw, place: int) -> None:
        _discount(rows, ident, raw, place)

    records = live(rows, "discounts")
    each(rows, "discounts", "pricing_rules", records, build)
    left_out = _left_out(rows)
    if left_out and not any(raw.get("type") == CASH for raw in records.values()):
        note = "The item is to be left out of cash discounts, but there is none to leave it out of."
        rows.batch.losses.append(loss_of("items", "excludeCashDiscount", left_out, note))


def _discount(rows: Rows, ident: str, raw: Raw, place: int) -> None:
    name = name_of(raw, "discount")
    what, kind = f"The discount {name!r}", raw.get("type")
    if kind not in TYPES:
        raise Unclear(f"{what} is of the kind {kind!r}, which Clover's documentation does not know.")
    cents, share = whole(raw, "amount", what), stated_percent(raw, what)
    if (cents is None) == (share is None):
        how = "neither a percentage nor an amount" if cents is None else "both a percentage and an amount"
        raise Unclear(f"{what} has {how} in Clover: nobody can tell what it takes off.")
    if cents is not None and cents > 0:
        raise Unclear(f"{what} would add {cents} cents instead of taking them off: amounts of discounts are below 0.")
    is_cash = kind == CASH
    rows.batch.add(
        "pricing_rules",
        rows.key(ident),
        raw,
        f"discounts#{ident}",
        name=name,
        rule_type="fixed_discount" if share is None else "percentage_discount",
        status="active",
        # Clover leaves it to the cashier whether a discount is put on lines or on the whole order.
        scope="check",
        discount_percent=share,
        discount_cents=None if cents is None else -cents,
        is_open_amount=False,
        is_automatic=is_cash,
        is_comp=share == "100",
        conditions={
            "given_on": ["check", "line"],
            **({"paid_by": [rows.key(one) for one in _cash_tenders(rows)]} if is_cash else {}),
        },
        priority=0,
        display_order=place,
        is_inferred=False,
    )
    if is_cash:
        _exclude(rows, ident)


def _cash_tenders(rows: Rows) -> list[str]:
    """The tenders a cash discount is given for."""
    return [ident for ident, raw in live(rows, "tenders").items() if raw.get("supportsCashDiscount") is True]


def _left_out(rows: Rows) -> list[str]:
    """Live items that cash discounts leave out. Few merchants have any: the items are not put together for nothing."""
    if not any(LEFT_OUT.search(body.data) for body in rows.reader.bodies("items")):
        return []
    return [ident for ident, item in rows.catalog.items.live.items() if item.exclude_cash_discount]


def _exclude(rows: Rows, discount: str) -> None:
    for ident in _left_out(rows):
        item = rows.catalog.items.live[ident]
        if item.name and not unsellable(item):
            rows.link(
                "pricing_rule_targets",
                "items",
                ident,
                path(rows.at, discount, "excluded", ident),
                pricing_rule_key=rows.key(discount),
                role="excluded",
                menu_item_key=rows.key(ident),
                set_number=1,
            )
