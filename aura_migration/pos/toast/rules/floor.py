"""Dining options, custom tenders, revenue centers, and lists of names that staff choose from."""

from __future__ import annotations

from typing import Any

from aura_migration.pos.toast.mapping import records
from aura_migration.pos.toast.rules.desk import Desk
from aura_migration.pos.toast.rules.hours import delivery_minimum
from aura_migration.pos.toast.rules.wire import DiningOption, Entry, Place, TipWithholding
from aura_migration.pos.toast.rules.words import BEHAVIORS, NAMELESS, RuleError, known, percent
from aura_migration.pos.toast.wire import WireError, convert

OWN_WAY = (
    "What a dining option of the restaurant's own means is not in Toast's API; AuraConnect asks which order type it is."
)
CHOICES = (
    ("voidReasons", "orders.void_reasons", "orders"),
    ("restaurantServices", "orders.services", "orders"),
    ("noSaleReasons", "payments.no_sale_reasons", "payments"),
    ("payoutReasons", "payments.payout_reasons", "payments"),
)
"""Lists of names: the configuration's, the setting's name and category."""
TIP_WINDOW = "tipWithholding"


def map_floor(desk: Desk) -> None:
    """Everything in this module."""
    _order_types(desk)
    _tenders(desk)
    centers = _revenue_centers(desk)
    _places(desk, centers)
    for window, name, category in CHOICES:
        listed = [one.name or NAMELESS for one, _, _ in desk.listed(window, "settings", Entry)]
        if listed:
            desk.setting(name, category, listed, None, f"config#{window}")
    _withholding(desk)


def _order_types(desk: Desk) -> None:
    minimum = delivery_minimum(desk)
    for place, (option, raw, record) in enumerate(desk.listed("diningOptions", "order_types", DiningOption)):
        name = option.name or NAMELESS
        fixed: dict[str, Any] = {"name": name, "is_taxable": True, "is_default": False, "is_hidden": False}
        fixed |= {"is_active": True, "display_order": place}
        try:
            word = "unknown" if option.behavior is None else known(option.behavior, BEHAVIORS, "What it means")
            if option.curbside is True and word not in ("takeout", "unknown"):
                raise RuleError(f"It is picked up at the curb, and said to be {word} as well.")
        except RuleError as error:
            desk.batch.reject("order_types", desk.key(option.guid), f"{name}: {error}", record, **fixed)
            continue
        if option.curbside is True:
            word = "curbside"
        if word == "unknown":
            desk.notes.add("DiningOption", "behavior", OWN_WAY, f"{name} ({option.guid})")
        least = minimum if word == "delivery" else None
        desk.batch.add(
            "order_types", desk.key(option.guid), raw, record, **fixed, order_type=word, min_order_cents=least
        )


def _tenders(desk: Desk) -> None:
    for place, (one, raw, record) in enumerate(desk.listed("alternatePaymentTypes", "tender_types", Entry)):
        desk.batch.add(
            "tender_types",
            desk.key(one.guid),
            raw,
            record,
            name=one.name or NAMELESS,
            method="other",
            code="OTHER",
            is_custom=True,
            is_active=True,
            display_order=place,
            is_inferred=False,
        )


def _revenue_centers(desk: Desk) -> dict[str, str]:
    """The revenue centers; their names by guid."""
    names: dict[str, str] = {}
    for place, (one, raw, record) in enumerate(desk.listed("revenueCenters", "revenue_centers", Entry)):
        names[one.guid] = one.name or NAMELESS
        desk.batch.add(
            "revenue_centers",
            desk.key(one.guid),
            raw,
            record,
            name=names[one.guid],
            description=one.description or None,
            is_active=True,
            display_order=place,
        )
    return names


def _places(desk: Desk, centers: dict[str, str]) -> None:
    """Service areas and tables, by name with what they belong to."""
    areas: dict[str, str] = {}
    for window, name in (("serviceAreas", "orders.service_areas"), ("tables", "orders.tables")):
        found: list[dict[str, str]] = []
        for one, _, record in desk.listed(window, "settings", Place):
            label = one.name or NAMELESS
            entry = {"name": label}
            missing = []
            for word, ref, known_as in (
                ("service_area", one.service_area, areas),
                ("revenue_center", one.revenue_center, centers),
            ):
                if ref is not None and ref.guid:
                    entry[word] = known_as.get(ref.guid, "")
                    if not entry[word]:
                        missing.append(f"{word.replace('_', ' ')} {ref.guid}")
            if missing:
                reason = f"{label} belongs to {' and '.join(missing)}, which Toast does not list."
                desk.batch.reject("settings", desk.key("setting", name, one.guid), reason, record)
                continue
            if window == "serviceAreas":
                areas[one.guid] = label
            found.append(entry)
        if found:
            desk.setting(name, "orders", found, None, f"config#{window}")


def _withholding(desk: Desk) -> None:
    for raw in records(desk.reader, "config", TIP_WINDOW):
        key, record = desk.key("setting", "tips.withholding"), "config#tipWithholding"
        try:
            tips = convert(raw, TipWithholding)
            share = None if tips.percentage is None else percent(tips.percentage, "What is kept back of tips")
        except (WireError, RuleError) as error:
            values = {"key": "tips.withholding", "category": "tips", "is_inferred": False}
            desk.batch.reject("settings", key, str(error), record, **values)
            continue
        desk.setting("tips.withholding", "tips", {"enabled": tips.enabled is True, "percent": share}, raw, record)
