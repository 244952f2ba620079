"""One Square order as the reference reads it: its figures, its day, and where its own figures contradict each other.

Sections 11.3 and 12.5 of the Square API reference. What an order rang up is taken from base prices and modifiers: unlike
``gross_sales_money`` they mean the same in every country. Fetching and reading bodies does not belong here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aura_migration.pos.order_facts import PROBLEMS, DayRule, OrderFact, tax_name

Record = Mapping[str, Any]
STATES: dict[str, Literal["counts", "voided", "open"]] = {
    "COMPLETED": "counts",
    "CANCELED": "voided",
    "OPEN": "open",
    "DRAFT": "open",
}
TENDERS = frozenset(
    [
        "CARD",
        "CASH",
        "THIRD_PARTY_CARD",
        "SQUARE_GIFT_CARD",
        "NO_SALE",
        "BANK_ACCOUNT",
        "WALLET",
        "BUY_NOW_PAY_LATER",
        "SQUARE_ACCOUNT",
        "OTHER",
    ]
)
TOTALS = ("total_money", "total_tax_money", "total_discount_money", "total_tip_money", "total_service_charge_money")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def texts(value: Any) -> str:
    """A text, or nothing where there is none."""
    return value if isinstance(value, str) else ""


def cents(money: Any) -> int:
    """The amount of a Money; nothing is 0."""
    return int((money or {}).get("amount") or 0)


def instant(text: Any) -> datetime | None:
    """An aware instant out of RFC 3339; None where there is none or it is unreadable."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def micros(text: Any) -> int | None:
    """An instant as microseconds since 1970."""
    at = instant(text)
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)


def day_of(text: Any, rule: DayRule) -> str | None:
    """The business date of an instant; of one at the edge of the calendar the date as sent."""
    at = instant(text)
    if at is None:
        return None
    try:
        return rule.day(at).isoformat()
    except OverflowError:
        return at.date().isoformat()


def is_absurd(day: str) -> bool:
    """Whether no restaurant with this POS was open on that day."""
    return not "2000" <= day < "2100"


def named(problems: Iterable[str]) -> tuple[str, ...]:
    """Codes of problems, each once, in their order."""
    held = set(problems)
    return tuple(code for code in PROBLEMS if code in held)


def foreign_money(one: Record, currency: str, *names: str) -> bool:
    """Whether one of these amounts is of another currency."""
    held = [money.get("currency") for name in names if (money := one.get(name))]
    return any(found not in (None, currency) for found in held)


def has_sale(order: Record) -> bool:
    """Whether an order sells: one that only gives back is refunds of another, no order of its own."""
    gives_back = bool(order.get("returns") or order.get("refunds") or order.get("return_amounts"))
    return bool(order.get("line_items") or order.get("service_charges")) or not gives_back


def order_day(order: Record, rule: DayRule) -> str | None:
    """The day an order belongs to: by the rule's instant, else by when it was closed or made."""
    instants = {"closed": order.get("closed_at"), "created": order.get("created_at"), "paid": _paid_at(order)}
    for text in (instants[rule.basis], order.get("closed_at"), order.get("created_at"), order.get("updated_at")):
        if (day := day_of(text, rule)) is not None:
            return day
    return None


def _paid_at(order: Record) -> str | None:
    """When the last tender was made."""
    made = [
        (at, tender["created_at"]) for tender in order.get("tenders") or () if (at := micros(tender.get("created_at")))
    ]
    return max(made)[1] if made else None


def order_fact(order: Record, currency: str, rule: DayRule) -> OrderFact | None:
    """The order's sale; None where it has no day at all."""
    day = order_day(order, rule)
    if day is None:
        return None
    lines = order.get("line_items") or ()
    rung = {"GIFT_CARD": 0, "": 0}
    for line in lines:
        rung["GIFT_CARD" if line.get("item_type") == "GIFT_CARD" else ""] += rung_up(line)
    charges: Counter[str] = Counter()
    for charge in order.get("service_charges") or ():
        charges["auto_gratuity" if charge.get("type") == "AUTO_GRATUITY" else "service"] += cents(
            charge.get("applied_money")
        )
    rounding = cents((order.get("rounding_adjustment") or {}).get("amount_money"))
    if rounding:
        charges["cash_rounding"] = rounding
    taxes, included = _taxes(order)
    tip = cents(order.get("total_tip_money"))
    problems = list(_problems(order, currency))
    final, is_sound = _final(order, rounding, tip)
    if not is_sound:
        problems.append("total_does_not_add_up")
    if final < 0:
        problems.append("negative_total")
    if not _is_covered(order, final, tip):
        problems.append("payments_do_not_cover")
    dates = {day, *(found for name in ("created_at", "closed_at") if (found := day_of(order.get(name), rule)))}
    if any(map(is_absurd, dates)):
        problems.append("absurd_date")
    return OrderFact(
        key=order["id"],
        business_date=day,
        state=STATES.get(order.get("state") or "", "open"),
        gross=rung[""],
        discount=cents(order.get("total_discount_money")),
        tax=cents(order.get("total_tax_money")),
        included_tax=included,
        tip=tip,
        final=final,
        lines=len(lines),
        non_sale={"gift_card_load": rung["GIFT_CARD"]} if rung["GIFT_CARD"] else {},
        charges={name: amount for name, amount in charges.items() if amount},
        taxes=taxes,
        problems=named(problems),
    )


def rung_up(line: Record) -> int:
    """A line before discounts: base price by quantity, and its modifiers; inclusive tax is in it, charges are not."""
    if line.get("variation_total_price_money") is None:
        return _gross_sales(line)
    modifiers = sum(cents(modifier.get("total_price_money")) for modifier in line.get("modifiers") or ())
    return cents(line["variation_total_price_money"]) + modifiers


def _gross_sales(line: Record) -> int:
    return cents(line.get("gross_sales_money"))


def _applied(parent: Record, kind: str) -> Iterator[tuple[str, int]]:
    plural = {"tax": "applied_taxes", "discount": "applied_discounts"}[kind]
    for one in parent.get(plural) or ():
        yield texts(one.get(f"{kind}_uid")), cents(one.get("applied_money"))


def _inclusive(order: Record) -> set[str]:
    return {texts(tax.get("uid")) for tax in order.get("taxes") or () if tax.get("type") == "INCLUSIVE"}


def _taxed(order: Record) -> Counter[str]:
    """Tax by the uid of its rate, out of lines and charges."""
    found: Counter[str] = Counter()
    for one in (*(order.get("line_items") or ()), *(order.get("service_charges") or ())):
        for uid, amount in _applied(one, "tax"):
            found[uid] += amount
    return found


def _taxes(order: Record) -> tuple[dict[str, int], int]:
    """Tax by name, and how much of all is inside prices. A rate that no line states counts as the order has it."""
    applied = _taxed(order)
    found: Counter[str] = Counter()
    included = 0
    for tax in order.get("taxes") or ():
        uid, is_inside = texts(tax.get("uid")), tax.get("type") == "INCLUSIVE"
        amount = applied[uid] if uid in applied else cents(tax.get("applied_money"))
        found[tax_name(texts(tax.get("name")) or "Tax", texts(tax.get("percentage")) or None, inclusive=is_inside)] += (
            amount
        )
        included += amount if is_inside else 0
    return {name: amount for name, amount in found.items() if amount}, included


# What must add up


def _problems(order: Record, currency: str) -> Iterator[str]:
    lines, charges = order.get("line_items") or (), order.get("service_charges") or ()
    inclusive = _inclusive(order)
    if not all(_line_adds_up(line, inclusive) for line in lines):
        yield "lines_do_not_add_up"
    tax = sum(cents(one.get("total_tax_money")) for one in (*lines, *charges))
    taxed, listed = _taxed(order), {texts(one.get("uid")): one for one in order.get("taxes") or ()}
    if tax != cents(order.get("total_tax_money")) or any(
        taxed[uid] != cents(one.get("applied_money")) for uid, one in listed.items()
    ):
        yield "tax_does_not_add_up"
    if not set(taxed) <= set(listed):
        yield "missing_reference"
    given: Counter[str] = Counter()
    for line in lines:
        for uid, amount in _applied(line, "discount"):
            given[uid] += amount
    discounts = {texts(one.get("uid")): one for one in order.get("discounts") or ()}
    if sum(cents(line.get("total_discount_money")) for line in lines) != cents(
        order.get("total_discount_money")
    ) or any(given[uid] != cents(one.get("applied_money")) for uid, one in discounts.items()):
        yield "discounts_do_not_add_up"
    if not set(given) <= set(discounts):
        yield "missing_reference"
    if sum(cents(one.get("applied_money")) for one in charges) != cents(order.get("total_service_charge_money")):
        yield "total_does_not_add_up"
    if any(tender.get("type") not in TENDERS for tender in order.get("tenders") or ()):
        yield "unknown_tender"
    if foreign_money(order, currency, *TOTALS) or any(foreign_money(line, currency, "total_money") for line in lines):
        yield "currency_differs"


def _line_adds_up(line: Record, inclusive: set[str]) -> bool:
    """A line's total out of its parts, and its gross in either country's reading: inclusive tax out, or in."""
    inside = sum(amount for uid, amount in _applied(line, "tax") if uid in inclusive)
    apportioned = cents(line.get("total_service_charge_money"))
    rung, tax = rung_up(line), cents(line.get("total_tax_money"))
    if line.get("variation_total_price_money") is not None and line.get("gross_sales_money") is not None:
        whole = rung + apportioned
        if _gross_sales(line) not in (whole, whole - inside, rung, rung - inside):
            return False
    due = rung + apportioned - cents(line.get("total_discount_money")) + tax - inside
    return cents(line.get("total_money")) == due


def _final(order: Record, rounding: int, tip: int) -> tuple[int, bool]:
    """What the order comes to without tips, and whether its total is that sum.

    Whether ``total_money`` holds the tip and the rounding is of no document: the reading under which it adds up is taken,
    else the likely one, that it holds both.
    """
    parts = sum(cents(line.get("total_money")) for line in order.get("line_items") or ())
    for charge in order.get("service_charges") or ():
        if charge.get("treatment_type") != "APPORTIONED_TREATMENT":
            parts += cents(charge.get("total_money"))
    total = cents(order.get("total_money"))
    if total in (parts + rounding + tip, parts + rounding, parts + tip, parts):
        return parts + rounding, True
    return total - tip, False


def _is_covered(order: Record, final: int, tip: int) -> bool:
    """Whether a completed order's tenders are what it comes to; what comes back in an exchange pays for what goes out."""
    if order.get("state") != "COMPLETED":
        return True
    tenders = order.get("tenders") or ()
    paid = sum(cents(tender.get("amount_money")) for tender in tenders)
    back = cents((order.get("return_amounts") or {}).get("total_money"))
    tips = sum(cents(tender.get("tip_money")) for tender in tenders)
    return tips == tip and (paid == final + tip or (back > 0 and paid == max(0, final + tip - back)))
