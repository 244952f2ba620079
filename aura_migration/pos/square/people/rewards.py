"""What a reward tier takes off: its pricing rule's discount, at the version of the catalog the tier names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.square.people.wire import Reference
from aura_migration.pos.square.wire import (
    DiscountData,
    Money,
    PricingRuleData,
    ProductSetData,
    decimal_text,
    decode,
    read,
)


@dataclass(frozen=True)
class RewardValue:
    """What of a reward AuraConnect can hold. ``has_scope``: it applies to certain items only."""

    reward_type: str = "custom"
    value_cents: int | None = None
    percentage: str | None = None
    max_discount_cents: int | None = None
    has_scope: bool = False
    rules: dict[str, Any] = field(default_factory=dict)


class Taken:
    """Catalog objects by id and version, as far as tiers name them."""

    def __init__(self, objects: Mapping[tuple[str, int], Mapping[str, Any]]) -> None:
        self._objects = objects
        self._latest: dict[str, Mapping[str, Any]] = {}
        for (ident, _), raw in sorted(objects.items(), key=lambda item: item[0]):
            self._latest[ident] = raw

    def of(self, reference: Reference | None, currency: str) -> RewardValue:
        """What the rule of that reference takes off; ``custom`` where it cannot be told."""
        if reference is None or not reference.object_id:
            return RewardValue()
        rules: dict[str, Any] = {"pricing_rule": reference.object_id}
        rule = self._content(reference.object_id, reference.catalog_version, PricingRuleData)
        discount = (
            self._content(rule.discount_id, reference.catalog_version, DiscountData) if rule is not None else None
        )
        if rule is None or discount is None:
            return RewardValue(rules=rules)
        products = self._content(rule.match_products_id, reference.catalog_version, ProductSetData)
        scope = [*(products.product_ids_any or ()), *(products.product_ids_all or ())] if products is not None else []
        if scope:
            rules["products"] = scope
        if products is not None and products.quantity_exact is not None:
            rules["quantity"] = products.quantity_exact
        minimum = _cents(rule.minimum_order_subtotal_money, currency)
        if minimum is not None:
            rules["minimum_order_cents"] = minimum
        kind = discount.discount_type or ""
        percentage = decimal_text(discount.percentage)
        at_most = _cents(discount.maximum_amount_money, currency)
        if kind == "FIXED_PERCENTAGE" and percentage is not None:
            free = percentage == "100" and bool(scope)
            return RewardValue(
                "free_item" if free else "percentage_discount", None, percentage, at_most, bool(scope), rules
            )
        amount = _cents(discount.amount_money, currency)
        if kind == "FIXED_AMOUNT" and amount is not None:
            return RewardValue("fixed_discount", amount, None, at_most, bool(scope), rules)
        return RewardValue(rules=rules)

    def _content(self, ident: str | None, version: int | None, shape: type[Any]) -> Any:
        """The data of an object at that version, else of the newest one at hand; None where there is none."""
        if not ident:
            return None
        raw = self._objects.get((ident, version or 0)) or self._latest.get(ident)
        if raw is None:
            return None
        data = raw.get(f"{str(raw.get('type', '')).lower()}_data")
        try:
            return read(data, shape) if isinstance(data, Mapping) else None
        except msgspec.ValidationError:
            return None


def load_taken(reader: SnapshotReader) -> Taken:
    """The objects read for the tiers, and, where those are not all there, of the catalog as it is now."""
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    for entity in ("catalog", "loyalty_program"):
        for body in reader.bodies(entity):
            document = decode(body.data)
            if not isinstance(document, Mapping):
                continue
            single = document.get("object")
            for raw in (
                *(document.get("objects") or ()),
                *(document.get("related_objects") or ()),
                *([single] if single is not None else ()),
            ):
                if isinstance(raw, Mapping) and raw.get("type") in ("PRICING_RULE", "DISCOUNT", "PRODUCT_SET"):
                    version = raw.get("version")
                    found[str(raw.get("id")), int(version) if isinstance(version, int | str) else 0] = raw
    return Taken(found)


def _cents(money: Money | None, currency: str) -> int | None:
    if money is None or money.amount is None or (money.code and currency and money.code != currency):
        return None
    return money.amount
