"""One Square order as the reference reads it: its figures, its day, and where its own figures contradict each other.

Sections 11.3 and 12.5 of the Square API reference. What an order rang up is taken from base prices and modifiers: unlike
``gross_sales_money`` they mean the same in every country. Fetching and reading bodies does not belong here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

from aura_migration.pos.order_facts import PROBLEMS, DayRule, OrderFact, RefundFact, tax_name
from aura_migration.pos.square.orders_witness_wire import Applied, Line, Money, Order, Return

STATES: dict[str, Literal["counts", "voided", "open"]] = {
    "COMPLETED": "counts",
    "CANCELED": "voided",
    "OPEN": "open",
    "DRAFT": "open",
}
TENDERS = frozenset(
    (
        *("CARD", "CASH", "THIRD_PARTY_CARD", "SQUARE_GIFT_CARD", "NO_SALE", "BANK_ACCOUNT", "WALLET"),
        *("BUY_NOW_PAY_LATER", "SQUARE_ACCOUNT", "OTHER"),
    )
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cents(money: Money | None) -> int:
    """The amount of a Money; nothing is 0."""
    return (money.amount or 0) if money is not None else 0


def instant(text: str | None) -> datetime | None:
    """An aware instant out of RFC 3339; None where there is none or it is unreadable."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def micros(text: str | None) -> int | None:
    """An instant as microseconds since 1970."""
    at = instant(text)
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)


def day_of(text: str | None, rule: DayRule) -> str | None:
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


def foreign_money(currency: str, *amounts: Money | None) -> bool:
    """Whether one of these amounts is of another currency."""
    return any(money is not None and money.currency not in (None, currency) for money in amounts)


def has_sale(order: Order) -> bool:
    """Whether an order sells: one that only gives back is refunds of another, no order of its own."""
    return bool(order.line_items or order.service_charges) or not (
        order.returns or order.refunds or order.return_amounts is not None
    )


def order_day(order: Order, rule: DayRule) -> str | None:
    """The day an order belongs to: by the rule's instant, else by when it was closed or made."""
    first = order.closed_at if rule.basis == "closed" else order.created_at
    for text in (
        _paid_at(order) if rule.basis == "paid" else first,
        order.closed_at,
        order.created_at,
        order.updated_at,
    ):
        if (day := day_of(text, rule)) is not None:
            return day
    return None


def _paid_at(order: Order) -> str | None:
    """When the last tender was made."""
    made = [(at, tender.created_at) for tender in order.tenders or () if (at := micros(tender.created_at)) is not None]
    return max(made)[1] if made else None


def order_fact(order: Order, key: str, currency: str, rule: DayRule) -> OrderFact | None:
    """The order's sale; None where it has no day at all."""
    day = order_day(order, rule)
    if day is None:
        return None
    lines = order.line_items or ()
    sold = cards = 0
    for line in lines:
        if line.item_type == "GIFT_CARD":
            cards += rung_up(line)
        else:
            sold += rung_up(line)
    charges: Counter[str] = Counter()
    for charge in order.service_charges or ():
        charges["auto_gratuity" if charge.type == "AUTO_GRATUITY" else "service"] += cents(charge.applied_money)
    rounding = cents(order.rounding_adjustment.amount_money) if order.rounding_adjustment is not None else 0
    charges["cash_rounding"] = rounding
    taxed = _taxed(order)
    taxes, included = _taxes(order, taxed)
    tip = cents(order.total_tip_money)
    problems = list(_problems(order, taxed, currency))
    final, is_sound = _final(order, rounding, tip)
    if not is_sound:
        problems.append("total_does_not_add_up")
    if final < 0:
        problems.append("negative_total")
    if not _is_covered(order, final, tip):
        problems.append("payments_do_not_cover")
    if is_absurd(day) or any(is_absurd(text) for text in (order.created_at, order.closed_at) if text):
        problems.append("absurd_date")
    return OrderFact(
        key=key,
        business_date=day,
        state=STATES.get(order.state or "", "open"),
        gross=sold,
        discount=cents(order.total_discount_money),
        tax=cents(order.total_tax_money),
        included_tax=included,
        tip=tip,
        final=final,
        lines=len(lines),
        non_sale={"gift_card_load": cards} if cards else {},
        charges={name: amount for name, amount in charges.items() if amount},
        taxes=taxes,
        problems=named(problems),
        reference=order.reference_id or "",
        opened_at=instant(order.created_at),
    )


def rung_up(line: Line) -> int:
    """A line before discounts: base price by quantity, and its modifiers; inclusive tax is in it, charges are not."""
    if line.variation_total_price_money is None:
        return cents(line.gross_sales_money)
    modifiers = sum(cents(modifier.total_price_money) for modifier in line.modifiers or ())
    return cents(line.variation_total_price_money) + modifiers


def _taxed(order: Order) -> Counter[str]:
    """Tax by the uid of its rate, out of lines and charges."""
    found: Counter[str] = Counter()
    for one in (*(order.line_items or ()), *(order.service_charges or ())):
        for applied in one.applied_taxes or ():
            found[applied.tax_uid or ""] += cents(applied.applied_money)
    return found


def _taxes(order: Order, taxed: Counter[str]) -> tuple[dict[str, int], int]:
    """Tax by name, and how much of all is inside prices. A rate that no line states counts as the order has it."""
    found: Counter[str] = Counter()
    included = 0
    for tax in order.taxes or ():
        uid, is_inside = tax.uid or "", tax.type == "INCLUSIVE"
        amount = taxed[uid] if uid in taxed else cents(tax.applied_money)
        found[tax_name(tax.name or "Tax", tax.percentage or None, inclusive=is_inside)] += amount
        included += amount if is_inside else 0
    return {name: amount for name, amount in found.items() if amount}, included


# What must add up


def _problems(order: Order, taxed: Counter[str], currency: str) -> Iterator[str]:
    lines, charges = order.line_items or (), order.service_charges or ()
    inclusive = {tax.uid for tax in order.taxes or () if tax.type == "INCLUSIVE"}
    if not all(_line_adds_up(line, inclusive) for line in lines):
        yield "lines_do_not_add_up"
    listed = {one.uid or "": one for one in order.taxes or ()}
    if sum(cents(one.total_tax_money) for one in (*lines, *charges)) != cents(order.total_tax_money) or any(
        taxed[uid] != cents(one.applied_money) for uid, one in listed.items()
    ):
        yield "tax_does_not_add_up"
    given: Counter[str] = Counter()
    for line in lines:
        for applied in line.applied_discounts or ():
            given[applied.discount_uid or ""] += cents(applied.applied_money)
    discounts = {one.uid or "": one for one in order.discounts or ()}
    if sum(cents(line.total_discount_money) for line in lines) != cents(order.total_discount_money) or any(
        given[uid] != cents(one.applied_money) for uid, one in discounts.items()
    ):
        yield "discounts_do_not_add_up"
    is_named = all(tender.payment_id or tender.id for tender in order.tenders or ())
    if not (is_named and taxed.keys() <= listed.keys() and given.keys() <= discounts.keys()):
        yield "missing_reference"
    if sum(cents(one.applied_money) for one in charges) != cents(order.total_service_charge_money):
        yield "total_does_not_add_up"
    if any(tender.type not in TENDERS for tender in order.tenders or ()):
        yield "unknown_tender"
    totals = (order.total_money, order.total_tax_money, order.total_discount_money, order.total_tip_money)
    if foreign_money(currency, *totals, order.total_service_charge_money, *(line.total_money for line in lines)):
        yield "currency_differs"


def _inside(applied: Iterable[Applied], inclusive: set[str | None]) -> int:
    return sum(cents(one.applied_money) for one in applied if one.tax_uid in inclusive)


def _line_adds_up(line: Line, inclusive: set[str | None]) -> bool:
    """A line's total out of its parts, and its gross in either country's reading: inclusive tax out, or in."""
    inside = _inside(line.applied_taxes or (), inclusive) if inclusive else 0
    rung, apportioned = rung_up(line), cents(line.total_service_charge_money)
    whole = rung + apportioned
    if line.variation_total_price_money is not None and line.gross_sales_money is not None:
        gross = cents(line.gross_sales_money)
        if gross != rung and gross not in (whole, whole - inside, rung - inside):
            return False
    return cents(line.total_money) == whole - cents(line.total_discount_money) + cents(line.total_tax_money) - inside


def _final(order: Order, rounding: int, tip: int) -> tuple[int, bool]:
    """What the order comes to without tips, and whether its total is that sum.

    Whether ``total_money`` holds the tip and the rounding is of no document: the reading under which it adds up is taken,
    else the likely one, that it holds both.
    """
    parts = sum(cents(line.total_money) for line in order.line_items or ())
    for charge in order.service_charges or ():
        if charge.treatment_type != "APPORTIONED_TREATMENT":
            parts += cents(charge.total_money)
    total = cents(order.total_money)
    if total in (parts + rounding + tip, parts + rounding, parts + tip, parts):
        return parts + rounding, True
    return total - tip, False


def _is_covered(order: Order, final: int, tip: int) -> bool:
    """Whether a completed order's tenders are what it comes to; what comes back in an exchange pays for what goes out."""
    if order.state != "COMPLETED":
        return True
    tips = sum(cents(tender.tip_money) for tender in order.tenders or ())
    return tips == tip and _tendered(order) + kept_back(order, final, tip) == final + tip


def _tendered(order: Order) -> int:
    return sum(cents(tender.amount_money) for tender in order.tenders or ())


def kept_back(order: Order, final: int, tip: int) -> int:
    """Of what came back within an order that also sells: how much was not handed out but set off against what it sells.

    The returns are worth ``return_amounts``; what of it went out again is in the order's own ``refunds``.
    """
    if order.state != "COMPLETED" or not order.line_items or not order.returns:
        return 0
    worth = sum(map(_worth, order.returns)) if order.return_amounts is None else cents(order.return_amounts.total_money)
    for handed in order.refunds or ():
        worth -= cents(handed.amount_money) if handed.status in ("PENDING", "APPROVED", "COMPLETED", None) else 0
    return min(max(worth, 0), max(final + tip - _tendered(order), 0))


def _worth(back: Return) -> int:
    return cents(back.return_amounts.total_money) if back.return_amounts is not None else 0


def exchange_facts(order: Order, sale: OrderFact) -> Iterator[RefundFact]:
    """What of an order's returns paid for what it sells: a refund of the sale each came from, without a payment."""
    rest = kept_back(order, sale.final, sale.tip)
    several = order.returns or ()
    for number, back in enumerate(several):
        amounts = back.return_amounts or (order.return_amounts if len(several) == 1 else None)
        whole = cents(amounts.total_money) if amounts is not None else 0
        amount = min(rest, whole)
        rest -= amount
        if amount:
            is_whole = amounts is not None and amount == whole
            yield RefundFact(
                key=f"{sale.key}:{back.uid or number}",
                order_key=back.source_order_id or None,
                payment_key=None,
                business_date=sale.business_date,
                amount=amount,
                state="counts",
                tax=cents(amounts.tax_money) if amounts is not None and is_whole else None,
                tip=cents(amounts.tip_money) if amounts is not None and is_whole else None,
            )
