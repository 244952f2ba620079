"""What is added to an order besides its lines: the service charge, order fees and automatic gratuities; and offered tips.

Clover's calculator never taxes a charge, whatever rates a fee names; the rates are carried over, the pricing policy says so.
"""

from __future__ import annotations

from aura_migration.pos.clover.rows import Rows
from aura_migration.pos.clover.rules.reading import (
    EXACT,
    Unclear,
    each,
    elements,
    live,
    name_of,
    percent,
    pointed,
    stated_percent,
    truth,
    usable_rate,
    whole,
)
from aura_migration.pos.clover.wire import Raw, is_deleted

CHARGE, FEES = "default_service_charge", "order_fees"
CLASSES = {
    "": "service",
    "SERVICE_CHARGE": "service",
    "ORDER_FEE": "service",
    "GRATUITY": "auto_gratuity",
    "AUTO_GRATUITY": "auto_gratuity",
    "SURCHARGE": "surcharge",
    "DELIVERY": "delivery",
    "DELIVERY_FEE": "delivery",
}
"""Kinds of fees; a gratuity is the staff's, all others are the house's."""


def map_charges(rows: Rows) -> None:
    """The merchant's one service charge, then the fees. A fee may be what the charge became: then they must agree."""
    charge, fees = rows.catalog.object(CHARGE, ""), live(rows, FEES)
    against = _contradictions(charge, fees)

    def build(ident: str, raw: Raw, place: int) -> None:
        if ident in against:
            raise Unclear(against[ident])
        _fee(rows, ident, raw, place + 1)

    ident = pointed(charge)
    if ident and not is_deleted(charge):
        try:
            if ident in against:
                raise Unclear(against[ident])
            _charge(rows, ident, charge)
        except Unclear as error:
            rows.reject("service_charges", ident, str(error), source=CHARGE)
    each(rows, FEES, "service_charges", fees, build)


def _contradictions(charge: Raw, fees: dict[str, Raw] | object) -> dict[str, str]:
    """By id, why a charge and the fee that came from it cannot both be right."""
    found: dict[str, str] = {}
    ident, records = pointed(charge), fees if isinstance(fees, dict) else {}
    for fee, raw in records.items():
        if not ident or raw.get("serviceChargeUuid") != ident or is_deleted(charge) or charge.get("enabled") is False:
            continue
        try:
            stated = stated_percent(charge, "")
        except Unclear:
            continue
        share = raw.get("percentage")
        if isinstance(share, int) and stated is not None and percent(share, EXACT, "") != stated:
            reason = (
                f"The service charge {charge.get('name')!r} is {stated} % in Clover, the fee {raw.get('name')!r} made of it "
                f"{percent(share, EXACT, '')} %: which one holds?"
            )
            found[ident] = found[fee] = reason
    return found


def _charge(rows: Rows, ident: str, raw: Raw) -> None:
    name = name_of(raw, "service charge")
    what = f"The service charge {name!r}"
    share = stated_percent(raw, what)
    if share is None:
        raise Unclear(f"{what} has no percentage in Clover.")
    rows.batch.add(
        "service_charges",
        rows.key(ident),
        raw,
        f"{CHARGE}#{ident}",
        name=name,
        calculation="percent",
        rate_percent=share,
        charge_class="service",
        paid_to="house",
        into_lines=False,
        is_taxable=False,
        is_automatic=False,
        is_active=truth(raw, "enabled", what, default=True),
        display_order=0,
        is_inferred=False,
    )


def _fee(rows: Rows, ident: str, raw: Raw, place: int) -> None:
    name = name_of(raw, "fee")
    what = f"The fee {name!r}"
    kind = CLASSES.get(raw.get("type") or "")
    if kind is None:
        raise Unclear(
            f"{what} is of the kind {raw.get('type')!r}: Clover's documentation does not say whose money it is."
        )
    cents, share = whole(raw, "amount", what), whole(raw, "percentage", what)
    if (cents is None) == (share is None):
        how = "neither a percentage nor an amount" if cents is None else "both a percentage and an amount"
        raise Unclear(f"{what} has {how} in Clover: nobody can tell how much it is.")
    if cents is not None and cents < 0:
        raise Unclear(f"{what} is {cents} cents in Clover, less than nothing.")
    rates = list(dict.fromkeys(pointed(one) for one in elements(raw.get("taxRates"))))
    taxed = [one for one in rates if usable_rate(rows, one) and not rows.catalog.is_no_tax(one)]
    rows.batch.add(
        "service_charges",
        rows.key(ident),
        raw,
        f"{FEES}#{ident}",
        name=name,
        calculation="fixed" if share is None else "percent",
        rate_percent=None if share is None else percent(share, EXACT, what),
        amount_cents=cents,
        charge_class=kind,
        paid_to="staff" if kind == "auto_gratuity" else "house",
        # The calculator takes fees of the order as it was before anything was refunded.
        base=None if share is None else "net_before_refunds",
        into_lines=False,
        is_taxable=bool(taxed),
        is_automatic=truth(raw, "isDefault", what, default=False),
        is_active=True,
        display_order=place,
        is_inferred=False,
    )
    for one in rates:
        if rows.catalog.is_no_tax(one):
            continue
        key = rows.key(ident, one or "unnamed")
        if one not in taxed:
            reason = f"{what} names a tax rate that Clover does not have (any more)."
            rows.batch.reject("service_charge_taxes", key, reason, f"{FEES}#{ident}")
            continue
        rows.link(
            "service_charge_taxes", FEES, ident, key, service_charge_key=rows.key(ident), tax_rate_key=rows.key(one)
        )


def map_tips(rows: Rows) -> None:
    """Tips offered to the guest."""

    def build(ident: str, raw: Raw, place: int) -> None:
        name = raw.get("name") if isinstance(raw.get("name"), str) else None
        what = f"The suggested tip {name or ident!r}"
        share = whole(raw, "percentage", what)
        flat = [found for field in ("flatTip", "amount") if (found := whole(raw, field, what)) is not None]
        if len(set(flat)) > 1 or bool(flat) == (share is not None):
            raise Unclear(
                f"{what} must be either a percentage or an amount in Clover; nobody can tell what is offered."
            )
        if flat and flat[0] < 0:
            raise Unclear(f"{what} is {flat[0]} cents in Clover, less than nothing.")
        rows.batch.add(
            "tip_suggestions",
            rows.key(ident),
            raw,
            f"tip_suggestions#{ident}",
            name=name,
            rate_percent=None if share is None else percent(share, 1, what),
            amount_cents=flat[0] if flat else None,
            is_default=False,
            is_active=truth(raw, "isEnabled", what, default=True),
            display_order=place,
            is_inferred=False,
        )

    each(rows, "tip_suggestions", "tip_suggestions", live(rows, "tip_suggestions"), build)
