"""Service charges and gratuity as canonical rows, with the taxes on them.

Toast's API says on which orders a charge is meant to be, and for gratuity not from how many guests on: that stands only in
Toast Web. A gratuity is therefore loaded to be put on by hand, never onto every check by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aura_migration.pos.toast.document import guid_of
from aura_migration.pos.toast.prices import PriceError
from aura_migration.pos.toast.rules.desk import Desk, Raw
from aura_migration.pos.toast.rules.wire import Criteria, ServiceCharge
from aura_migration.pos.toast.rules.words import NAMELESS, RuleError, known, percent

CALCULATIONS = {"PERCENT": "percent", "FIXED": "fixed", "OPEN": "open"}
BASES = {"PRE_DISCOUNT": "gross", "POST_DISCOUNT": "net"}
PAID_TO = {"RESTAURANT": "house", "SERVER": "staff", "TOAST": "third_party", "THIRD_PARTY": "third_party"}
PARTY = "From how many guests on a gratuity is added is not in Toast's API: it is put on by hand until somebody enters the party size."
DISTANCE = "AuraConnect's charges do not ask how far a delivery goes: the charge is put on by hand."


def map_charges(desk: Desk, rates: Mapping[str, Raw]) -> None:
    """All service charges; ``rates`` are the listed tax rates by guid."""
    for place, (charge, raw, record) in enumerate(desk.listed("serviceCharges", "service_charges", ServiceCharge)):
        key = desk.key(charge.guid)
        fixed: dict[str, Any] = {"name": charge.name or NAMELESS, "is_active": True, "display_order": place}
        try:
            values = _charge(desk, charge)
            taxes = _taxes(charge, rates)
        except (RuleError, PriceError) as error:
            desk.batch.reject("service_charges", key, f"{fixed['name']}: {error}", record, **fixed, is_inferred=False)
            continue
        desk.batch.add("service_charges", key, raw, record, **fixed, **values, is_inferred=False)
        for guid in taxes:
            desk.batch.add(
                "service_charge_taxes",
                desk.key(charge.guid, guid),
                None,
                record,
                service_charge_key=key,
                tax_rate_key=desk.key(guid),
            )
        criteria = charge.criteria or Criteria()
        if charge.gratuity is True:
            desk.notes.add("ServiceCharge", "party size", PARTY, f"{fixed['name']} ({charge.guid})")
        if criteria.min_delivery_distance:
            desk.notes.add(
                "ServiceCharge", "criteria.minDeliveryDistance", DISTANCE, f"{fixed['name']} ({charge.guid})"
            )


def _charge(desk: Desk, charge: ServiceCharge) -> dict[str, Any]:
    calculation = known(charge.amount_type, CALCULATIONS, "The kind of amount")
    rate = amount = None
    if calculation == "percent":
        if charge.percent is None:
            raise RuleError("It is a percentage, and says none.")
        rate = percent(charge.percent, "The charge")
    elif charge.percent:
        raise RuleError(f"It is {calculation}, and names a percentage too ({charge.percent} %).")
    if calculation == "fixed":
        amount = desk.amount(charge.amount)
        if amount is None:
            raise RuleError("It is a fixed amount, and says none.")
        if amount < 0:
            raise RuleError("Its amount is negative; what lowers a bill is a discount.")
    elif charge.amount:
        raise RuleError(f"It is {calculation}, and names a fixed amount too ({charge.amount}).")
    criteria = charge.criteria or Criteria()
    least, most = _bounds(desk, criteria)
    types = order_types(criteria)
    calculated = charge.service_charge_calculation
    return {
        "calculation": calculation,
        "rate_percent": rate,
        "amount_cents": amount,
        "charge_class": "auto_gratuity" if charge.gratuity is True else "service",
        "paid_to": "house" if charge.destination is None else known(charge.destination, PAID_TO, "Whom it is for"),
        "base": None if calculated is None else known(calculated, BASES, "What it is calculated on"),
        "into_lines": False,
        "is_taxable": charge.taxable is True,
        "is_automatic": bool(types)
        and not (charge.gratuity is True or calculation == "open" or criteria.min_delivery_distance),
        "min_check_cents": least,
        "max_check_cents": most,
        "order_types": types,
    }


def order_types(criteria: Criteria) -> list[str] | None:
    """The order types a charge is meant for; None where it names none. What is picked up outside is a take-out, too."""
    named = [("dine_in", criteria.dine_in), ("takeout", criteria.takeout), ("curbside", criteria.takeout)]
    found = [word for word, said in (*named, ("delivery", criteria.delivery)) if said is True]
    return found or None


def _bounds(desk: Desk, criteria: Criteria) -> tuple[int | None, int | None]:
    least, most = desk.amount(criteria.min_check_amount), desk.amount(criteria.max_check_amount)
    if least is not None and most is not None and least > most:
        raise RuleError("It is for checks from a higher amount than to.")
    return least, most


def _taxes(charge: ServiceCharge, rates: Mapping[str, Raw]) -> list[str]:
    """The guids of the rates on a charge, each once."""
    named = list({guid_of(raw): raw for raw in charge.applicable_taxes or ()}.items())
    if charge.taxable is not True and named:
        raise RuleError("It says that it is not taxed, and names taxes.")
    if charge.taxable is True and not named:
        raise RuleError("It says that it is taxed, and names no tax.")
    if charge.taxable is True and charge.tax_inclusive is True:
        raise RuleError("Its amount has the tax in it, and AuraConnect adds tax on top. Enter the amount without tax.")
    for guid, raw in named:
        listed = rates.get(guid)
        if listed is None:
            raise RuleError(f"It is taxed at {raw.get('name') or guid}, which is not among the tax rates.")
        if _rate(raw) != _rate(listed):
            raise RuleError(
                f"It is taxed at {raw.get('name') or guid} with a rate of {raw.get('rate')}, and that rate is {listed.get('rate')}."
            )
    return [guid for guid, _ in named]


def _rate(raw: Raw) -> Decimal | None:
    rate = raw.get("rate")
    return rate if rate is None else Decimal(rate)
