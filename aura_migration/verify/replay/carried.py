"""What a difference carries along: the discounts, charges and taxes of an order that move once a price, a discount or a charge is as
the rules have it.

Replay judges each part given what was charged for the parts before it, so that every difference is found once, where it arose. An
order that AuraConnect rang up itself would go on from there: a dearer dish is taxed higher. Here the order is priced on, step by
step, from what was charged to what the rules give; whatever a step moves beyond its own differences follows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, BillLine, Charge, Discount, Kind, Scope, TaxKind
from aura_migration.pricing.engine import price
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.priced import PricedBill
from aura_migration.verify.replay.book import Book, base_of
from aura_migration.verify.replay.ring import Ringing
from aura_migration.verify.replay.words import Cause, Found, Part

PRICES: Final = frozenset((Part.ITEM_PRICE, Part.MODIFIER_PRICE, Part.LINE))
STEPS: Final = (PRICES, frozenset((Part.DISCOUNT,)), frozenset((Part.CHARGE,)), frozenset((Part.TAX,)))
"""What is put right one after the other, as a till calculates."""
NOT_GIVEN: Final = frozenset((Cause.DISCOUNT_SCOPE, Cause.DISCOUNT_SCHEDULE))

BESIDE: Final = frozenset((Cause.TAX_ROUNDING, Cause.UNKNOWN))
"""Cents that the facts of an order do not reproduce: the bill as charged does not have them."""


class Carried(NamedTuple):
    """``cents`` (AuraConnect less POS) by which `part` moves, following differences of the parts `of`."""

    of: frozenset[Part]
    part: Part
    cents: int


def carried(ringing: Ringing, bill: Bill, found: Iterable[Found], book: Book, policy: Policy) -> tuple[Carried, ...]:
    """What follows each step of an order. ``bill`` is the order as charged; nothing where it cannot be priced as the rules have it."""
    steps = [[one for one in found if one.part in parts and one.cents and one.cause not in BESIDE] for parts in STEPS]
    if ringing.is_exempt:
        steps[-1] = []  # what such a check would have borne is told in full where it is found
    if not any(steps):
        return ()
    moves: tuple[Callable[[Ringing, Bill, list[Found], Book], Bill], ...] = (_prices, _discounts, _charges, _taxes)
    moved: list[Carried] = []
    try:
        before = price(bill, policy)
        for parts, differences, move in zip(STEPS, steps, moves, strict=True):
            if not differences:
                continue
            bill = move(ringing, bill, differences, book)
            after = price(bill, book.policy if parts is STEPS[-1] else policy)
            moved += _beyond(parts, differences, before, after)
            before = after
    except BadInput:
        return ()  # an order that cannot be rung up so: the differences found stand alone
    return tuple(moved)


def _beyond(parts: frozenset[Part], differences: list[Found], before: PricedBill, after: PricedBill) -> list[Carried]:
    by_part = {
        Part.ITEM_PRICE: after.subtotal - before.subtotal,
        Part.DISCOUNT: before.discount - after.discount,
        Part.CHARGE: after.charge + after.gratuity - before.charge - before.gratuity,
        Part.TAX: after.tax_added - after.tax_removed - before.tax_added + before.tax_removed,
        Part.TOTAL: after.rounding - before.rounding,
    }
    own = next(part for part in by_part if part in parts)
    by_part[own] -= sum(one.cents for one in differences)
    return [Carried(parts, part, cents) for part, cents in by_part.items() if cents]


def _prices(ringing: Ringing, bill: Bill, differences: list[Found], book: Book) -> Bill:
    lines: list[BillLine] = []
    for line, judged in zip(bill.lines, ringing.judged, strict=True):
        cents = sum(one.cents for one in judged.found if one.part in PRICES)
        if not cents:
            lines.append(line)
        elif line.modifiers:  # a line that is counted by units carries its price there
            rung = msgspec.structs.replace(line.modifiers[0], price=line.modifiers[0].price + cents)
            lines.append(msgspec.structs.replace(line, modifiers=(rung, *line.modifiers[1:])))
        else:
            lines.append(msgspec.structs.replace(line, unit_price=line.unit_price + cents))
    return msgspec.structs.replace(bill, lines=tuple(lines))


def _discounts(ringing: Ringing, bill: Bill, differences: list[Found], book: Book) -> Bill:
    discounts, lines = list(bill.discounts), list(bill.lines)
    for one in differences:
        rule_id = one.subject[1]
        held = next((each for each in ringing.given if each.rule is not None and each.rule.id == rule_id), None)
        if held is None:
            if one.cents < 0:
                discounts.append(Discount(f"missing/{rule_id}", Scope.CHECK, Kind.AMOUNT, amount=-one.cents))
            continue
        here = [n for n, each in enumerate(discounts) if each.id.partition("/")[0] == held.id]
        rate = held.rule.rate if held.rule is not None else None
        if one.cause in NOT_GIVEN and one.cents == held.amount:
            for n in here:
                discounts[n] = msgspec.structs.replace(discounts[n], rate=0, amount=0)
        elif one.cause is Cause.DISCOUNT_RATE and rate is not None and discounts[here[0]].kind is Kind.PERCENT:
            for n in here:
                discounts[n] = msgspec.structs.replace(discounts[n], rate=rate)
        elif one.cause in NOT_GIVEN:  # of one of its lines
            for place in held.lines:
                if held.by_line.get(place) == one.cents:
                    left = tuple(name for name in lines[place].discounts if name.partition("/")[0] != held.id)
                    lines[place] = msgspec.structs.replace(lines[place], discounts=left)
                    break
        else:
            for n in here:
                if discounts[n].kind is Kind.AMOUNT and discounts[n].amount >= one.cents:
                    discounts[n] = msgspec.structs.replace(discounts[n], amount=discounts[n].amount - one.cents)
                    break
    return msgspec.structs.replace(bill, discounts=tuple(discounts), lines=tuple(lines))


def _charges(ringing: Ringing, bill: Bill, differences: list[Found], book: Book) -> Bill:
    charges = list(bill.charges)
    for one in differences:
        rule_id = one.subject[1]
        at = next((n for n, put in enumerate(ringing.put) if put.rule is not None and put.rule.id == rule_id), None)
        if at is None:
            charges.append(_missing(bill, one, book))
        elif one.cause is Cause.CHARGE_RATE and charges[at].kind is Kind.PERCENT:
            put = ringing.put[at]
            charges[at] = msgspec.structs.replace(
                charges[at], rate=put.rule.rate if put.rule is not None else charges[at].rate
            )
        elif charges[at].kind is Kind.AMOUNT:
            charges[at] = msgspec.structs.replace(charges[at], amount=charges[at].amount + one.cents)
    return msgspec.structs.replace(bill, charges=tuple(charges))


def _missing(bill: Bill, one: Found, book: Book) -> Charge:
    """A charge that was not put on: the taxes it names, else those of the lines."""
    rule = next((each for each in book.charges if each.id == one.subject[1]), None)
    taxes: tuple[str, ...] = ()
    if rule is not None and rule.is_taxable and not rule.into_lines:
        taxes = tuple(
            tax.id
            for tax in bill.taxes
            if tax.kind is TaxKind.PERCENT and (not rule.taxes or base_of(tax.id) in rule.taxes)
        )
    is_gratuity = rule is not None and rule.charge_class == "auto_gratuity"
    return Charge(f"missing/{one.subject[1]}", Kind.AMOUNT, amount=one.cents, taxes=taxes, is_gratuity=is_gratuity)


def _taxes(ringing: Ringing, bill: Bill, differences: list[Found], book: Book) -> Bill:
    ruled = ringing.bill
    if ruled is None:
        return bill
    lines = [
        msgspec.structs.replace(line, taxes=other.taxes) for line, other in zip(bill.lines, ruled.lines, strict=True)
    ]
    charges = [
        msgspec.structs.replace(charge, taxes=ruled.charges[n].taxes) if n < len(ruled.charges) else charge
        for n, charge in enumerate(bill.charges)
    ]
    return msgspec.structs.replace(bill, lines=tuple(lines), charges=tuple(charges), taxes=ruled.taxes)
