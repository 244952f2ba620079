"""How orders are taken and paid: order types and tenders."""

from __future__ import annotations

from typing import Any

from aura_migration.pos.clover.orders.tenders import CARDS, TENDER_PREFIX, order_kind
from aura_migration.pos.clover.rows import Rows
from aura_migration.pos.clover.rules.reading import Unclear, each, elements, live, name_of, pointed, truth, whole
from aura_migration.pos.clover.wire import Raw

LIMITS = {"min_order_cents": "minOrderAmount", "max_order_cents": "maxOrderAmount", "fee_cents": "fee"}
"""Amounts in which Clover writes 0 for none."""
SETTINGS = {
    "hours_available": "hoursAvailable",
    "max_radius": "maxRadius",
    "average_minutes": "avgOrderTime",
    "ask_customer_for": "customerIdMethod",
}


def map_order_types(rows: Rows) -> None:
    """Every live order type. Which one is the default is Clover's word; two of them contradict each other."""
    records = live(rows, "order_types")
    defaults = [ident for ident, raw in records.items() if raw.get("isDefault") is True]

    def build(ident: str, raw: Raw, place: int) -> None:
        name = name_of(raw, "order type", "label")
        what = f"The order type {name!r}"
        is_default = truth(raw, "isDefault", what, default=False)
        if is_default and len(defaults) > 1:
            raise Unclear(
                f"{len(defaults)} order types are the default in Clover, {name!r} among them: which one is it?"
            )
        limits = {field: _amount(raw, sent, what) for field, sent in LIMITS.items()}
        least, most = limits["min_order_cents"], limits["max_order_cents"]
        if least is not None and most is not None and least > most:
            raise Unclear(f"{what} asks for at least {least} and at most {most} cents: no order can be both.")
        rows.batch.add(
            "order_types",
            rows.key(ident),
            raw,
            f"order_types#{ident}",
            name=name,
            order_type=order_kind(raw.get("labelKey"), raw.get("systemOrderTypeId")),
            is_taxable=truth(raw, "taxable", what, default=True),
            is_default=is_default,
            is_hidden=truth(raw, "isHidden", what, default=False),
            **limits,
            settings=_settings(rows, ident, raw) or None,
            is_active=True,
            display_order=place,
        )

    each(rows, "order_types", "order_types", records, build)


def _amount(raw: Raw, field: str, what: str) -> int | None:
    cents = whole(raw, field, what)
    if cents is not None and cents < 0:
        raise Unclear(f"Clover's {field} of {what} is {cents} cents, less than nothing.")
    return cents or None


def _settings(rows: Rows, ident: str, raw: Raw) -> dict[str, Any]:
    found: dict[str, Any] = {name: raw[sent] for name, sent in SETTINGS.items() if raw.get(sent)}
    if raw.get("filterCategories") is True:
        shown = [pointed(one) for one in elements(raw.get("categories"))]
        known = rows.catalog.categories.live
        found["only_categories"] = [rows.key(one) for one in shown if one in known]
        if any(one not in known for one in shown):
            rows.remarks.note("order_types", "dead_category", ident)
    return found


def map_tenders(rows: Rows) -> None:
    """Every live tender: those of the system by their key, the restaurant's own by nothing but its own label."""

    def build(ident: str, raw: Raw, place: int) -> None:
        name = name_of(raw, "tender", "label")
        what = f"The tender {name!r}"
        key = raw.get("labelKey")
        code = key.removeprefix(TENDER_PREFIX) if isinstance(key, str) and key else None
        is_custom = truth(raw, "editable", what, default=False)
        is_active = truth(raw, "enabled", what, default=True) and truth(raw, "visible", what, default=True)
        rows.batch.add(
            "tender_types",
            rows.key(ident),
            raw,
            f"tenders#{ident}",
            name=name,
            method=_method("" if is_custom else code or ""),
            code=code,
            is_custom=is_custom,
            opens_drawer=truth(raw, "opensCashDrawer", what, default=False),
            supports_tipping=truth(raw, "supportsTipping", what, default=False),
            is_active=is_active,
            display_order=place,
            is_inferred=False,
        )

    each(rows, "tenders", "tender_types", live(rows, "tenders"), build)


def _method(code: str) -> str:
    if code in ("cash", "check"):
        return code
    if code in CARDS or code == "external_pin_debit":
        return "card"
    if "gift_card" in code:
        return "gift_card"
    return "external" if code.startswith("external") else "other"
