"""Discounts of Square as pricing rules: those the cashier gives, and the automatic ones with what they reach and when.

A DISCOUNT that automatic rules use and that nobody gives by hand stands in those rules alone. What cannot be carried over
exactly goes to quarantine with its reason: nothing is chosen, and nothing loaded as more than it is. When rules hold is in
``schedules.py``, what they reach in ``product_sets.py``. Square API reference, section 6.9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from aura_migration.core.ids import path
from aura_migration.pos.square.product_sets import Group, ProductSets, Quantity, Selection
from aura_migration.pos.square.rows import Rows
from aura_migration.pos.square.schedules import Unclear, Validity, overlap, validity
from aura_migration.pos.square.wire import (
    CatalogObject,
    DiscountData,
    Money,
    PricingRuleData,
    TimePeriodData,
    decimal_text,
    read,
)

AUTOMATIC = "AUTOMATICALLY_APPLIED"
BY_HAND = "MANUALLY_APPLIED"
TAX_BASIS = {None: True, "MODIFY_TAX_BASIS": True, "DO_NOT_MODIFY_TAX_BASIS": False}
PICKS = {"LEAST_EXPENSIVE": "most_expensive", "MOST_EXPENSIVE": "least_expensive"}
"""Square says which items stay at full price; AuraConnect, which ones get the discount."""

T = TypeVar("T")


@dataclass(frozen=True)
class _Rule:
    """An automatic rule taken apart."""

    found: CatalogObject
    data: PricingRuleData
    values: dict[str, Any]
    validity: Validity
    targets: tuple[tuple[str, int, Group], ...]

    @property
    def thing(self) -> tuple[Any, ...]:
        """What it is a rule for: two rules for the same thing at the same time contradict each other."""
        reached = sorted(
            (role, number, group.quantity, group.everything, sorted(target.ident for target in group.targets))
            for role, number, group in self.targets
        )
        values = self.values
        groups = tuple((values["conditions"] or {}).get("customer_groups", ()))
        return str(reached), values["min_order_cents"], groups


def map_discounts(rows: Rows) -> None:
    """Every discount of the location, as rows and rejected records of ``rows.batch``."""
    view = rows.view
    rules = sorted(view.here("PRICING_RULE"), key=lambda found: found.id)
    used = {str(_data(rows, rule).get("discount_id")) for rule in rules}
    place = 0
    for discount in sorted(view.here("DISCOUNT"), key=lambda found: found.id):
        if is_by_hand(_data(rows, discount).get("application_method"), discount.id in used):
            _by_hand(rows, discount, place)
            place += 1
    for kind in ("DISCOUNT", "PRICING_RULE"):
        for broken in view.unreadable(kind):
            reason = f"Square sent this record in a form that cannot be read: {broken.reason}."
            rows.batch.reject("pricing_rules", path(rows.at, broken.id), reason, f"catalog#{broken.id}")
    sets = ProductSets(view)
    taken: dict[tuple[Any, ...], list[_Rule]] = {}
    for rule in rules:
        try:
            found = _rule(rows, sets, rule, place)
        except Unclear as error:
            # Decided by its values alone it would reach everything: whoever decides must also say that it is in use.
            _reject(rows, rule, str(error), is_automatic=True, status="inactive")
            continue
        if found is not None:
            place += 1
            taken.setdefault(found.thing, []).append(found)
    for same in taken.values():
        for one in same:
            others = [other for other in same if other is not one and overlap(one.validity, other.validity)]
            if others:
                named = " and ".join(repr(other.values["name"]) for other in others)
                why = f"holds for the same things at the same hours as {named}: which of them counts must be decided"
                _reject(rows, one.found, why, **one.values)
            else:
                rows.add("pricing_rules", path(rows.at, one.found.id), one.found, **one.values)
            _reached(rows, one)  # of an undecided rule, too: decided without them, it would reach everything


def is_by_hand(method: str | None, used: bool) -> bool:
    """Whether a discount is offered to the cashier: unless it is said to be automatic, or is only used by rules."""
    return method == BY_HAND or (method != AUTOMATIC and not used)


# -- given by hand -----------------------------------------------------------------------------------------------------


def _by_hand(rows: Rows, found: CatalogObject, place: int) -> None:
    name = _name(rows, found)
    try:
        data = _content(rows, found, DiscountData)
        values = size(data, rows.location.currency)
    except Unclear as error:
        _reject(rows, found, str(error), is_automatic=False, name=name)
        return
    rows.add(
        "pricing_rules",
        path(rows.at, found.id),
        found,
        name=name,
        status="active",
        # Square leaves it to the cashier whether a discount is put on items or on the whole check.
        scope="check",
        conditions={"given_on": ["check", "line"]},
        is_automatic=False,
        is_comp=values["discount_percent"] is not None and Decimal(values["discount_percent"]) == 100,
        requires_approval=bool(data.pin_required),
        priority=0,
        display_order=place,
        is_inferred=False,
        **values,
    )


def size(data: DiscountData, currency: str) -> dict[str, Any]:
    """How much a discount takes off, and whether tax follows; raises ``Unclear``."""
    kind = data.discount_type or ""
    percent, amount, cap = decimal_text(data.percentage), data.amount_money, data.maximum_amount_money
    cents = amount.amount if amount is not None else None
    found: dict[str, Any] = {
        "rule_type": "fixed_discount" if kind.endswith("_AMOUNT") else "percentage_discount",
        "discount_percent": None,
        "discount_cents": None,
        "max_discount_cents": cap.amount if cap is not None else None,
        "is_open_amount": kind.startswith("VARIABLE"),
    }
    for money in (amount, cap):
        if money is not None and money.code and currency and money.code != currency:
            raise Unclear(f"is in {money.code}, the location in {currency}")
    if (cap is not None and cap.amount is not None and cap.amount < 0) or (cents or 0) < 0:
        raise Unclear("takes off less than nothing")
    if kind == "FIXED_PERCENTAGE":
        if percent is None or not 0 <= Decimal(percent) <= 100:
            raise Unclear(
                f"takes off {data.percentage!r} per cent" if data.percentage else "does not say how much it is"
            )
        if cents:
            raise Unclear("says both a percentage and an amount")
        found["discount_percent"] = percent
    elif kind == "FIXED_AMOUNT":
        if cents is None:
            raise Unclear("does not say how much it is")
        if percent is not None and Decimal(percent):
            raise Unclear("says both a percentage and an amount")
        found["discount_cents"] = cents
    elif kind not in ("VARIABLE_PERCENTAGE", "VARIABLE_AMOUNT"):
        raise Unclear(f"is of the unknown type {kind}" if kind else "does not say of which type it is")
    if data.modify_tax_basis not in TAX_BASIS:
        raise Unclear(f"says of its tax what is not known: {data.modify_tax_basis}")
    found["reduces_tax"] = TAX_BASIS[data.modify_tax_basis]
    return found


# -- automatic ---------------------------------------------------------------------------------------------------------


def _rule(rows: Rows, sets: ProductSets, found: CatalogObject, place: int) -> _Rule | None:
    """The rule taken apart; None where nothing it is about is sold here. Raises ``Unclear``."""
    data = _content(rows, found, PricingRuleData)
    discount = rows.catalog.get(data.discount_id, "DISCOUNT")
    if discount is None:
        raise Unclear("names a discount that does not exist" + (" any more" if data.discount_id else ""))
    if not discount.present_at(rows.at):
        rows.remarks.note("PRICING_RULE", "not_here", found.id)
        return None
    given = size(_content(rows, discount, DiscountData), rows.location.currency)
    if given["is_open_amount"]:
        raise Unclear("is automatic, but of an amount that is typed in")
    if not data.match_products_id and not data.apply_products_id:
        raise Unclear("does not say which products it is about")
    targets, is_gone = _targets(rows, sets, found, data)
    if is_gone:
        rows.remarks.note("PRICING_RULE", "not_here", found.id)
        return None
    when = validity(
        [_event(rows, ident) for ident in data.time_period_ids or ()],
        (data.valid_from_date, data.valid_from_local_time),
        (data.valid_until_date, data.valid_until_local_time),
    )
    least = _cents(data.minimum_order_subtotal_money, rows.location.currency)
    first = targets[0][2]
    is_whole = first.everything and len(targets) == 1
    conditions = {
        **({"customer_groups": list(data.customer_group_ids_any)} if data.customer_group_ids_any else {}),
        **(
            {"quantity": {"min": first.quantity.minimum, "max": first.quantity.maximum}}
            if first.everything and first.quantity != Quantity()
            else {}
        ),
    }
    excluded = [group for role, _, group in targets if role == "excluded"]
    values: dict[str, Any] = {
        "name": _name(rows, found) if data.name else _name(rows, discount),
        **given,
        "rule_type": rule_type(given["rule_type"], targets, bool(when.schedule)),
        "status": "active",
        "scope": "check" if is_whole and "quantity" not in conditions else "line",
        "min_order_cents": least,
        "is_automatic": True,
        "is_comp": False,
        "requires_approval": False,
        "picks": _picks(data.exclude_strategy) if excluded else None,
        "valid_from": when.valid_from,
        "valid_until": when.valid_until,
        "schedule": when.schedule,
        "conditions": conditions or None,
        "priority": 0,
        "display_order": place,
        "is_inferred": False,
    }
    return _Rule(found, data, values, when, targets)


def _targets(
    rows: Rows, sets: ProductSets, found: CatalogObject, data: PricingRuleData
) -> tuple[tuple[tuple[str, int, Group], ...], bool]:
    """(role, set number, alternatives), the discounted ones first; and whether what it needs is not sold here."""
    selections: list[tuple[str, Selection]] = []
    if data.apply_products_id and data.apply_products_id != data.match_products_id:
        selections.append(("discounted", sets.selection(data.apply_products_id)))
        if data.match_products_id:
            selections.append(("bought", sets.selection(data.match_products_id)))
    else:
        selections.append(("discounted", sets.selection(str(data.match_products_id or data.apply_products_id))))
    is_gone = any(selection.is_empty for _, selection in selections)
    if data.exclude_products_id:
        kept = sets.selection(data.exclude_products_id)
        if any(group.everything and group.quantity == Quantity() for group in kept.groups):
            raise Unclear("leaves out everything")
        selections.append(("excluded", kept))
    for _, selection in selections:
        if selection.gone and not is_gone:
            rows.remarks.note("PRICING_RULE", "product_gone", found.id)
    listed = [
        (role, number, group)
        for role, selection in selections
        for number, group in enumerate(selection.groups, start=1)
        if group.targets or group.everything
    ]
    return tuple(listed), is_gone


def rule_type(size_type: str, targets: Sequence[tuple[str, int, Group]], has_hours: bool) -> str:
    """What AuraConnect calls such a rule: by what must be bought together, then by its hours, then by its size."""
    discounted = [group for role, _, group in targets if role == "discounted"]
    if any(role == "bought" for role, _, _ in targets) or any(
        role == "excluded" and group.quantity != Quantity() for role, _, group in targets
    ):
        return "bogo"
    if len(discounted) > 1:
        return "bundle_discount"
    if discounted[0].quantity != Quantity():
        return "quantity_discount"
    return "happy_hour" if has_hours else size_type


def _reached(rows: Rows, rule: _Rule) -> None:
    key = path(rows.at, rule.found.id)
    for role, number, group in rule.targets:
        for target in group.targets:
            rows.add(
                "pricing_rule_targets",
                path(rows.at, rule.found.id, role, str(number), target.ident),
                rule.found,
                pricing_rule_key=key,
                role=role,
                min_quantity=group.quantity.minimum,
                max_quantity=group.quantity.maximum,
                set_number=number,
                **target.values,
            )


def _picks(strategy: str | None) -> str:
    if (strategy or "LEAST_EXPENSIVE") not in PICKS:
        raise Unclear(f"leaves out products in a way that is not known: {strategy}")
    return PICKS[strategy or "LEAST_EXPENSIVE"]


def _cents(money: Money | None, currency: str) -> int | None:
    if money is None or money.amount is None:
        return None
    if money.code and currency and money.code != currency:
        raise Unclear(f"is in {money.code}, the location in {currency}")
    return money.amount


def _event(rows: Rows, ident: str) -> str:
    found = rows.catalog.get(ident, "TIME_PERIOD")
    if found is None:
        raise Unclear("holds at hours that do not exist any more")
    return _content(rows, found, TimePeriodData).event or ""


# -- reading -----------------------------------------------------------------------------------------------------------


def _data(rows: Rows, found: CatalogObject) -> Mapping[str, Any]:
    data = rows.catalog.raw[found.id].get(f"{found.type.lower()}_data")
    return data if isinstance(data, Mapping) else {}


def _content(rows: Rows, found: CatalogObject, shape: type[T]) -> T:
    try:
        return read(_data(rows, found), shape)
    except msgspec.ValidationError as error:
        raise Unclear(f"cannot be read: {error}") from None


def _name(rows: Rows, found: CatalogObject) -> str:
    name = _data(rows, found).get("name")
    return name if isinstance(name, str) and name else found.id


def _reject(rows: Rows, found: CatalogObject, why: str, **values: Any) -> None:
    kind = "automatic discount" if found.type == "PRICING_RULE" else "discount"
    name = values.pop("name", None) or _name(rows, found)
    completed = {
        "status": "active",
        "priority": 0,
        "display_order": 0,
        "is_inferred": False,
        "is_comp": False,
        **values,
    }
    reason = f"The {kind} {name!r} {why}."
    rows.batch.reject("pricing_rules", path(rows.at, found.id), reason, f"catalog#{found.id}", name=name, **completed)
