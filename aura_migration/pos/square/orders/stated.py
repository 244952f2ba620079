"""What an order says of the rules it was charged by, beyond its rows: keys of discounts, phases of charges, catalog versions.

Order replay rings an order up again from this; nothing here is money of its own. Square API reference, section 11.3.
"""

from __future__ import annotations

from typing import Any

from aura_migration.core.ids import path
from aura_migration.pos.square.orders import wire

SUBTOTAL_PHASE = "SUBTOTAL_PHASE"


def discount_key(at: str, held: wire.Discount) -> str | None:
    """The source key of the pricing rule a discount was given by: the automatic rule, else the discount of the catalog."""
    ident = held.pricing_rule_id or held.catalog_object_id
    return path(at, ident) if ident and "/" not in ident else ident or None


def stated(order: wire.Order, at: str) -> dict[str, Any]:
    """Further details of an order, by name; empty parts are left out.

    ``catalog_versions``: versions of the catalog its lines were rung up from, oldest first. ``charge_phases``: the
    calculation phase of each charge in their order, where any is not taken on the subtotal. ``line_discounts``: discounts
    on several lines, or of a stated amount, as ``[key, name, percentage, amount in cents, [places of the lines]]``.
    """
    found: dict[str, Any] = {}
    versions = {line.catalog_version for line in order.line_items or () if line.catalog_version}
    if versions:
        found["catalog_versions"] = sorted(versions)
    phases = [charge.calculation_phase for charge in order.service_charges or ()]
    if any(phase != SUBTOTAL_PHASE for phase in phases):
        found["charge_phases"] = phases
    discounts = [_on_lines(order, held, at) for held in order.discounts or () if held.scope != "ORDER" and held.uid]
    told = [one for one in discounts if len(one[4]) > 1 or one[3] is not None]
    if told:
        found["line_discounts"] = told
    return found


def _on_lines(order: wire.Order, held: wire.Discount, at: str) -> list[Any]:
    places = [
        place
        for place, line in enumerate(order.line_items or ())
        if any(share.discount_uid == held.uid for share in line.applied_discounts or ())
    ]
    cents = held.amount_money.amount if held.amount_money is not None else None
    return [discount_key(at, held), held.name, held.percentage, cents, places]
