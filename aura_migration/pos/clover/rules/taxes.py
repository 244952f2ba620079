"""Which taxes an order type is spared: Clover's tax rules. Order types without any tax say so themselves (``desk.py``).

No document confirms the names of a rule's fields: order type, rates and items are read as one pointer or as a list, as records
or as bare ids. What is beyond that may restrict the rule, so it is never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aura_migration.canonical.losses import carries
from aura_migration.core.ids import path
from aura_migration.pos.clover.rows import Rows
from aura_migration.pos.clover.rules.fields import TAX_RULE
from aura_migration.pos.clover.rules.reading import Unclear, each, live, pointed, usable_rate
from aura_migration.pos.clover.wire import Raw

ORDER_TYPES = ("orderType", "orderTypes", "orderTypeId", "orderTypeIds")
RATES = ("taxRates", "taxRate", "taxRateIds", "taxRateId")
ITEMS = ("items", "item", "itemIds", "itemId")


def map_tax_rules(rows: Rows) -> None:
    """Every live rule, a row for each order type, rate and item it names; after the order types."""

    def build(ident: str, raw: Raw, place: int) -> None:
        _rule(rows, ident, raw)

    each(rows, "tax_rules", "tax_exceptions", live(rows, "tax_rules"), build)


def _rule(rows: Rows, ident: str, raw: Raw) -> None:
    what = f"The tax rule {raw.get('name') or ident!r}"
    odd = sorted(name for name, value in raw.items() if name not in TAX_RULE and carries(value))
    if odd:
        raise Unclear(
            f"{what} says {', '.join(odd)}, which Clover's documentation does not explain: it may restrict the rule."
        )
    kinds, rates, items = (_named(raw, fields) for fields in (ORDER_TYPES, RATES, ITEMS))
    if not kinds:
        raise Unclear(f"{what} does not name the order type whose orders are spared a tax.")
    for one in kinds:
        if one not in live(rows, "order_types"):
            raise Unclear(f"{what} is of an order type that Clover does not have (any more).")
        if not rows.usable("order_types", one):
            raise Unclear(f"{what} is of an order type that is in quarantine itself.")
    for one in rates:
        if not usable_rate(rows, one):
            raise Unclear(f"{what} names a tax rate that Clover does not have (any more).")
    for one in items:
        if one not in rows.catalog.items.live:
            raise Unclear(f"{what} names an item that Clover does not have (any more).")
    for kind in kinds:
        for rate in _or_all(rates):
            if rate and rows.catalog.is_no_tax(rate):
                continue
            for item in _or_all(items):
                rows.batch.add(
                    "tax_exceptions",
                    path(rows.at, ident, kind, rate or "all", item or "all"),
                    raw,
                    f"tax_rules#{ident}",
                    order_type_key=rows.key(kind),
                    tax_rate_key=rows.key(rate) if rate else None,
                    menu_item_key=rows.key(item) if item else None,
                    conditions={"name": raw["name"]} if raw.get("name") else None,
                    is_inferred=False,
                )


def _named(raw: Raw, fields: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for field in fields:
        value: Any = raw.get(field)
        if value is None:
            continue
        listed = value.get("elements") if isinstance(value, dict) and "elements" in value else value
        for one in listed if isinstance(listed, list) else [listed]:
            ident = pointed(one)
            if not ident:
                raise Unclear(
                    f"{field} of the tax rule {raw.get('name') or raw.get('id')!r} names nothing that can be found."
                )
            found[ident] = None
    return list(found)


def _or_all(idents: list[str]) -> Sequence[str | None]:
    return idents or (None,)
