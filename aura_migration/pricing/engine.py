"""From a bill and a policy to what it comes to. Pure: the same bill and policy always give the same figures."""

from __future__ import annotations

import msgspec

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, ChargeBase, LineState, as_sold
from aura_migration.pricing.charges import Charging, to_coins, with_tax
from aura_migration.pricing.discounts import Running, discount, live_lines
from aura_migration.pricing.lines import gross
from aura_migration.pricing.policy import ExemptPrice, Policy
from aura_migration.pricing.priced import PricedBill, PricedCharge, PricedLine
from aura_migration.pricing.taxes import Taxing


def price(bill: Bill, policy: Policy) -> PricedBill:
    """What the bill comes to by the policy: lines → discounts → charges into lines → charges → taxes → charges on tax → coins.

    Parts stand in the order of the bill. Raises ``BadInput`` when the bill contradicts itself: names what it does not hold, has
    negative figures, or taxes that cannot be inside a price.
    """
    lines = bill.lines
    live = live_lines(bill, policy)
    if len(live) == len(lines):
        grosses = [gross(line, policy) for line in lines]
        sold = None
    else:
        grosses = [0] * len(lines)
        for place in live:
            grosses[place] = gross(lines[place], policy)
        sold = _before_refunds(bill, policy)
    running = Running(list(grosses), live)
    if bill.discounts:
        discount(
            bill, policy, running, None if sold is None else sum(one.gross - one.line_discount for one in sold.lines)
        )
    else:
        for line in lines:
            if line.discounts:
                raise BadInput("A line names a discount, and the bill has none.", "Add it to the bill.")
    after_discounts = list(running.remaining) if bill.charges else running.remaining

    charging = None
    charge_amounts: list[int] = []
    if bill.charges:
        charging = Charging(bill, policy, running, grosses, None if sold is None else sold.net)
        charging.before_tax()
        charge_amounts = charging.taxable()

    taxing = Taxing(bill, policy, running, charge_amounts)
    removed: list[int] | None = None
    if not bill.is_tax_exempt:
        taxing.calculate()
    elif policy.exempt_price is ExemptPrice.LESS_TAX and taxing.inside is not None:
        taxing.calculate(inclusive_only=True)
        removed, taxing.included = taxing.included, [0] * len(taxing.included)
        taxing.priced = {}

    added, included = taxing.added, taxing.included
    tax_added = sum(added)
    charges: list[PricedCharge] = []
    if charging is not None:
        charging.after_tax(tax_added)
        for place, one in enumerate(charging.priced, len(lines)):
            assert one is not None
            charges.append(with_tax(one, added[place], included[place]) if added[place] or included[place] else one)

    subtotal = sum(grosses)
    taken_off = subtotal - sum(after_discounts) if bill.discounts else 0
    priced_lines = [
        PricedLine(
            line.id, whole, whole - at_check, at_check - after, left - after, left, on_top, inside, left + on_top
        )
        for line, whole, at_check, after, left, on_top, inside in zip(
            lines, grosses, running.before_check, after_discounts, running.remaining, added, included, strict=False
        )
    ]
    if removed is not None:
        priced_lines = [
            msgspec.structs.replace(one, total=one.total - less)
            for one, less in zip(priced_lines, removed, strict=False)
        ]
    charge = gratuity = 0
    for one in charges:
        if one.is_gratuity:
            gratuity += one.amount
        else:
            charge += one.amount
    tax_removed = sum(removed) if removed is not None else 0
    total = subtotal - taken_off + charge + gratuity + tax_added - tax_removed
    rounding = to_coins(total, policy) if bill.in_cash and policy.cash_increment > 1 else 0
    total += rounding
    reported = total
    if not policy.gratuity_in_total:
        reported -= gratuity
    if not policy.rounding_in_total:
        reported -= rounding
    if policy.tip_in_total:
        reported += bill.tip
    priced = taxing.priced
    return PricedBill(
        tuple(priced_lines), tuple(running.taken), tuple(charges), tuple([priced[tax.id] for tax in bill.taxes if tax.id in priced]),
        subtotal, taken_off, charge, gratuity, tax_added, sum(included), tax_removed, rounding, total, reported, total + bill.tip,
    )  # fmt: skip


def _before_refunds(bill: Bill, policy: Policy) -> PricedBill | None:
    """The bill before refunds, where that matters: refunded lines left it and something is counted as if they had not."""
    if not any(line.state is LineState.REFUNDED for line in bill.lines):
        return None
    base = policy.charge_base
    if not bill.discounts and not any((one.base or base) is ChargeBase.NET_BEFORE_REFUNDS for one in bill.charges):
        return None
    return price(as_sold(bill), policy)
