"""A priced bill against what was charged: discounts, charges, taxes by rate, total; and why they differ, as far as the order says.

An order states more than sums: the rate it was taxed by, the lines a tax stands on, the percentage of a discount. So a
difference is taken apart: where the stated facts alone reproduce the cents, they are the cause, and only what is left over is
a matter of calculation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, Charge, Discount, Kind, Scope, TaxRule
from aura_migration.pricing.engine import price
from aura_migration.pricing.policy import Policy
from aura_migration.pricing.priced import PricedBill
from aura_migration.verify.replay.book import Book
from aura_migration.verify.replay.ring import Ringing
from aura_migration.verify.replay.rung import RungOrder
from aura_migration.verify.replay.words import Cause, Found, Part, Skip

BILLS_REMEMBERED = 50_000
DISCOUNT_PARTS = frozenset((Cause.DISCOUNT_SCOPE, Cause.DISCOUNT_RATE))


@dataclass(slots=True)
class Charged:
    """What an order was charged of one rate."""

    amount: int = 0
    rate: int | None = None
    is_inclusive: bool = False
    name: str = ""
    lines: set[int] = field(default_factory=set)
    """Ids of lines it stands on; empty where the POS states it for the check only."""
    charges: set[int] = field(default_factory=set)
    on_check: bool = False
    taxable: int | None = None


@dataclass(slots=True)
class Outcome:
    """What became of an order. `open_bill` is kept where only a way of calculating can explain the cents."""

    order: RungOrder
    found: list[Found]
    skips: list[Skip]
    priced: PricedBill | None = None
    bill: Bill | None = None
    taxes: dict[str, Charged] = field(default_factory=dict)
    is_open: bool = False


class Differ:
    """Prices bills by the policy of a book and compares."""

    def __init__(self, book: Book) -> None:
        self.book, self.policy = book, book.policy
        self._priced: dict[Bill, PricedBill] = {}

    def price(self, bill: Bill) -> PricedBill:
        """The bill by the policy; equal bills are priced once."""
        found = self._priced.get(bill)
        if found is None:
            if len(self._priced) >= BILLS_REMEMBERED:
                self._priced.clear()
            found = self._priced[bill] = price(bill, self.policy)
        return found

    def compare(self, ringing: Ringing) -> Outcome:
        """Everything about one order."""
        order, found = ringing.order, ringing.found
        outcome = Outcome(order, found, ringing.skips)
        bill = ringing.bill
        if bill is None:
            return outcome
        try:
            priced = price(bill, self.policy)
        except BadInput:
            outcome.skips.append(Skip.UNREADABLE)
            return outcome
        outcome.taxes = charged_taxes(order)
        if (
            not found
            and not ringing.skips
            and priced.total == order.total
            and priced.discount == order.discount
            and priced.charge == order.charge
            and self._taxes_agree(priced, outcome.taxes)
        ):
            outcome.priced, outcome.bill = priced, bill
            return outcome
        self._in_parts(ringing, outcome, bill, priced)
        return outcome

    def _taxes_agree(self, priced: PricedBill, charged: Mapping[str, Charged]) -> bool:
        left = len(charged)
        for tax in priced.taxes:
            held = charged.get(tax.id)
            if held is None:
                if tax.amount:
                    return False
                continue
            left -= 1
            if held.amount != tax.amount or (tax.amount and held.is_inclusive is not tax.is_inclusive):
                return False
        return not left or all(
            not one.amount for name, one in charged.items() if all(name != tax.id for tax in priced.taxes)
        )

    # -- part by part ------------------------------------------------------------------------------------------------

    def _in_parts(self, ringing: Ringing, outcome: Outcome, bill: Bill, priced: PricedBill) -> None:
        try:
            bill, priced = self._discounts(ringing, outcome, bill, priced)
            bill, priced = self._charges(ringing, outcome, bill, priced)
            outcome.bill, outcome.priced = bill, priced
            if not any(
                one in (Skip.MARKETPLACE_TAX, Skip.EXTERNAL_TAX, Skip.CONTRADICTS_ITSELF) for one in outcome.skips
            ):
                priced = _Taxes(self, ringing, outcome, bill, priced).compare()
                self._total(ringing, outcome, priced)
        except BadInput:
            outcome.skips.append(Skip.UNREADABLE)

    def _discounts(self, ringing: Ringing, outcome: Outcome, bill: Bill, priced: PricedBill) -> tuple[Bill, PricedBill]:
        """Amounts of discounts; where they differ the bill goes on with what was taken off."""
        off = False
        told = {one.subject for one in outcome.found if one.cause in DISCOUNT_PARTS}
        for held, one in zip(ringing.given, priced.discounts, strict=True):
            if one.amount == held.amount:
                continue
            off = True
            subject = (
                "discount",
                None if held.rule is None else held.rule.id,
                *([held.name] if held.rule is None else []),
            )
            if subject in told:
                continue
            cents = held.amount - one.amount
            outcome.found.append(Found(Part.DISCOUNT, Cause.DISCOUNT_ROUNDING, subject, held.amount, one.amount, cents))
            outcome.is_open = True
        for number, each in enumerate(outcome.found):
            if each.cause is Cause.DISCOUNT_RATE and not each.cents:
                outcome.found[number] = each._replace(cents=self._rate_worth(ringing, each))
            elif each.cause is Cause.DISCOUNT_SCOPE and not each.cents:
                held_ones = [one for one in ringing.given if one.rule is not None and one.rule.id == each.subject[1]]
                outcome.found[number] = each._replace(cents=sum(one.amount for one in held_ones))
        if not off:
            return bill, priced
        bill = msgspec.structs.replace(bill, discounts=as_taken(ringing, bill.discounts), lines=_on_own(ringing, bill))
        return bill, price(bill, self.policy)

    def _rate_worth(self, ringing: Ringing, each: Found) -> int:
        for held in ringing.given:
            if held.rule is not None and held.rule.id == each.subject[1] and held.rate and held.rule.rate is not None:
                return held.amount - held.amount * held.rule.rate // held.rate
        return 0

    def _charges(self, ringing: Ringing, outcome: Outcome, bill: Bill, priced: PricedBill) -> tuple[Bill, PricedBill]:
        """Amounts of charges; where they differ the bill goes on with what was charged."""
        changed: list[Charge] = []
        off = False
        for put, charge, one in zip(ringing.put, bill.charges, priced.charges, strict=True):
            if one.amount == put.charged.amount:
                changed.append(charge)
                continue
            off = True
            changed.append(
                Charge(
                    charge.id, Kind.AMOUNT, amount=put.charged.amount, into_lines=charge.into_lines, taxes=charge.taxes,
                    is_gratuity=charge.is_gratuity,
                )
            )  # fmt: skip
            cents = one.amount - put.charged.amount
            subject = ("charge", None if put.rule is None else put.rule.id)
            at = next(
                (
                    n
                    for n, each in enumerate(outcome.found)
                    if each.cause is Cause.CHARGE_RATE and each.subject == subject
                ),
                None,
            )
            if at is not None:
                outcome.found[at] = outcome.found[at]._replace(cents=cents)
                continue
            stated = put.charged.rate
            is_percent = charge.kind is Kind.PERCENT
            cause = Cause.CHARGE_BASE if is_percent or stated is not None else Cause.CHARGE_RATE
            outcome.found.append(Found(Part.CHARGE, cause, subject, put.charged.amount, one.amount, cents))
            outcome.is_open = outcome.is_open or is_percent
        for number, each in enumerate(outcome.found):
            if each.cause is Cause.CHARGE_RATE and not each.cents:
                for put in ringing.put:
                    if put.rule is not None and put.rule.id == each.subject[1] and put.charged.rate:
                        cents = put.charged.amount * put.rule.rate // put.charged.rate - put.charged.amount
                        outcome.found[number] = each._replace(cents=cents)
        if not off:
            return bill, priced
        bill = msgspec.structs.replace(bill, charges=tuple(changed))
        return bill, price(bill, self.policy)

    def _total(self, ringing: Ringing, outcome: Outcome, priced: PricedBill) -> None:
        """The total given all its parts; what is left is the rounding to coins, or unknown."""
        order = ringing.order
        if priced.rounding != order.rounding:
            cents = priced.rounding - order.rounding
            subject = ("policy", "cash_increment")
            outcome.found.append(
                Found(Part.TOTAL, Cause.CASH_ROUNDING, subject, order.rounding, priced.rounding, cents)
            )
        if not outcome.found and priced.total != order.total:
            cents = priced.total - order.total
            outcome.found.append(
                Found(Part.TOTAL, Cause.UNKNOWN, ("order", order.id), order.total, priced.total, cents)
            )


def charged_taxes(order: RungOrder) -> dict[str, Charged]:
    """What was charged of each rate; a rate that AuraConnect does not have is called by its name."""
    found: dict[str, Charged] = {}
    for tax in order.taxes or ():
        name = str(tax.tax_rate) if tax.tax_rate is not None else f"?{tax.name}"
        held = found.get(name)
        if held is None:
            held = found[name] = Charged(
                rate=tax.rate, is_inclusive=tax.is_inclusive, name=tax.name, taxable=tax.taxable
            )
        held.amount += tax.amount
        if tax.line is not None:
            held.lines.add(tax.line)
        elif tax.charge is not None:
            held.charges.add(tax.charge)
        else:
            held.on_check = True
    return found


def as_taken(ringing: Ringing, discounts: tuple[Discount, ...]) -> tuple[Discount, ...]:
    """The discounts of the order as amounts that were taken off; one of a line for each of its lines."""
    taken: list[Discount] = []
    for held, one in zip(ringing.given, discounts, strict=True):
        if held.scope is Scope.CHECK:
            taken.append(
                Discount(
                    one.id,
                    Scope.CHECK,
                    Kind.AMOUNT,
                    amount=held.amount,
                    reduces_tax=one.reduces_tax,
                    combines=one.combines,
                )
            )
        for place in held.lines:
            taken.append(
                Discount(
                    f"{one.id}/{place}", Scope.LINE, Kind.AMOUNT, amount=held.by_line[place], reduces_tax=one.reduces_tax,
                    combines=one.combines,
                )
            )  # fmt: skip
    return tuple(taken)


def _on_own(ringing: Ringing, bill: Bill) -> tuple[object, ...]:
    used: dict[int, list[str]] = defaultdict(list)
    for held in ringing.given:
        for place in held.lines:
            used[place].append(f"{held.id}/{place}")
    return tuple(
        msgspec.structs.replace(line, discounts=tuple(used.get(place, ()))) for place, line in enumerate(bill.lines)
    )


class _Taxes:
    """The taxes of one order that are not what the rules give."""

    def __init__(self, differ: Differ, ringing: Ringing, outcome: Outcome, bill: Bill, priced: PricedBill) -> None:
        self.book, self.policy = differ.book, differ.policy
        self.ringing, self.outcome, self.bill, self.priced = ringing, outcome, bill, priced
        self.order = ringing.order
        self.charged = outcome.taxes
        self.unborne: set[str] = set()
        """Taxes that the check states and that no line bears by the rules."""

    def compare(self) -> PricedBill:
        """Adds what it finds; answers the bill priced as far as the stated facts lead."""
        if self.ringing.is_exempt and not any(one.amount for one in self.charged.values()):
            self._exempt()
            return self.priced
        ruled = {tax.id: tax.amount for tax in self.priced.taxes}
        is_right = all(self.charged[name].amount == ruled.get(name, 0) for name in self.charged)
        is_right = is_right and all(not cents or name in self.charged for name, cents in ruled.items())
        inside = {tax.id: tax.rule.is_inclusive for tax in self.book.taxes.values()}
        is_right = is_right and all(
            one.is_inclusive is inside.get(name, one.is_inclusive) for name, one in self.charged.items() if one.amount
        )
        if is_right:
            return self.priced
        before = len(self.outcome.found)
        bill = self._as_stated()
        priced = price(bill, self.policy)
        self._what_is_left(priced, before, bill)
        return priced

    def _exempt(self) -> None:
        """An exempt check: what the rules would have charged otherwise. That it is exempt must be proven like anything else."""
        open_bill = msgspec.structs.replace(self.bill, is_tax_exempt=False)
        lines = self.order.lines or ()
        for tax in price(open_bill, self.policy).taxes:
            name = tax.id.partition("@")[0]
            told = False
            for share in tax.shares:
                if share.line >= 0 and share.amount and lines[share.line].item is not None:
                    self._add(
                        Cause.TAX_EXTRA, name, "not taxed", lines[share.line].name, share.amount, lines[share.line].item
                    )
                    told = True
            if tax.amount and not told:
                self._add(Cause.TAX_EXTRA, name, "not taxed", tax.amount, tax.amount)

    def _as_stated(self) -> Bill:
        """The bill with the rates, sides and lines that the order states; each departure from the rules is found."""
        rules: dict[str, TaxRule] = {tax.id: tax for tax in self.bill.taxes}
        ruled = {tax.id: tax for tax in self.priced.taxes}
        plain = {tax.id.partition("@")[0]: tax.id for tax in self.bill.taxes}
        changed: dict[str, TaxRule] = {}
        for name, one in self.charged.items():
            known = self.book.taxes.get(name)
            rule = rules.get(plain.get(name, name)) or (known.rule if known is not None else None)
            if rule is None:
                continue
            if one.rate is not None and rule.rate and one.rate != rule.rate:
                cents = self._worth(ruled, plain.get(name, name), one.amount)
                self._add(Cause.TAX_RATE, name, one.rate, rule.rate, cents)
                rule = msgspec.structs.replace(rule, rate=one.rate)
            if one.amount and one.is_inclusive is not rule.is_inclusive:
                cents = self._worth(ruled, plain.get(name, name), one.amount)
                sides = ("inside the price", "on top")
                self._add(Cause.TAX_INCLUSIVE, name, sides[not one.is_inclusive], sides[one.is_inclusive], cents)
                rule = msgspec.structs.replace(rule, is_inclusive=one.is_inclusive)
            changed[name] = msgspec.structs.replace(rule, id=name)
        self._coverage(ruled, changed)
        lines = []
        for place, line in enumerate(self.bill.lines):
            names = [name.partition("@")[0] for name in line.taxes]
            ident = (self.order.lines or ())[place].id
            stated = [name for name, one in self.charged.items() if ident in one.lines and name in changed]
            by_check = [name for name in names if name in changed and self.charged[name].on_check]
            lines.append(msgspec.structs.replace(line, taxes=tuple(dict.fromkeys([*stated, *by_check]))))
        charges = []
        for charge, put in zip(self.bill.charges, self.ringing.put, strict=True):
            stated = [name for name, one in self.charged.items() if put.charged.id in one.charges and name in changed]
            if any(one.on_check for one in self.charged.values()) and not stated:
                stated = [name for name in charge.taxes if name in changed and put.charged.is_taxable]
            charges.append(msgspec.structs.replace(charge, taxes=tuple(stated)) if not charge.into_lines else charge)
        return msgspec.structs.replace(
            self.bill, lines=tuple(lines), charges=tuple(charges), taxes=tuple(changed.values()), is_tax_exempt=False
        )

    def _coverage(self, ruled: Mapping[str, object], rules: Mapping[str, TaxRule]) -> None:
        """Lines and charges that bear a tax by the rules and not in the history, or the other way round."""
        for place, line in enumerate(self.bill.lines):
            rung = (self.order.lines or ())[place]
            names = {name.partition("@")[0] for name in line.taxes}
            net = rung.subtotal - rung.discount
            for name in sorted(names):
                held = self.charged.get(name)
                if (held is None or (rung.id not in held.lines and not held.on_check)) and net > 0:
                    known = self.book.taxes[name].rule
                    cents = net * known.rate // 100_000_000 if known.rate else known.amount
                    self._add(Cause.TAX_EXTRA, name, "not taxed", rung.name, cents, rung.item)
            for name, one in self.charged.items():
                if rung.id in one.lines and name not in names and one.amount:
                    cents = -(net * (one.rate or 0) // 100_000_000)
                    self._add(Cause.TAX_MISSING, name, rung.name, "not taxed", cents, rung.item)
        for charge, put in zip(self.bill.charges, self.ringing.put, strict=True):
            ids = {name.partition("@")[0] for name in charge.taxes} if self.policy.charges_taxable else set()
            stated = {name for name, one in self.charged.items() if put.charged.id in one.charges}
            if not any(one.lines or one.charges for one in self.charged.values()) and self.charged:
                stated = ids if put.charged.is_taxable else set()
            if ids != stated and not charge.into_lines and (ids - stated or stated - ids) and put.charged.amount:
                cents = 0
                for name in ids ^ stated:
                    rate = rules[name].rate if name in rules else self._rate(name)
                    cents += (1 if name in ids else -1) * (put.charged.amount * rate // 100_000_000)
                subject = ("charge", None if put.rule is None else put.rule.id)
                self.outcome.found.append(
                    Found(
                        Part.TAX, Cause.CHARGE_TAXABILITY, subject, "taxed" if stated else "not taxed", "taxed" if ids else "not taxed", cents
                    )
                )  # fmt: skip
        borne = {name.partition("@")[0] for line in self.bill.lines for name in line.taxes}
        for name, one in self.charged.items():
            if one.amount and not one.lines and not one.charges and name not in borne:
                self._add(Cause.TAX_MISSING, name, one.amount, 0, -one.amount)
                self.unborne.add(name)

    def _rate(self, name: str) -> int:
        known = self.book.taxes.get(name)
        return known.rule.rate if known is not None else 0

    def _what_is_left(self, priced: PricedBill, before: int, bill: Bill) -> None:
        """Cents that the stated facts do not reproduce: a matter of calculation."""
        ruled = {tax.id: tax.amount for tax in priced.taxes}
        for name, one in self.charged.items():
            if name in ruled and name not in self.unborne and one.amount != ruled[name]:
                cents = ruled[name] - one.amount
                self._add(Cause.TAX_ROUNDING, name, one.amount, ruled[name], cents)
                self.outcome.is_open = True
                self.outcome.bill, self.outcome.priced = bill, priced
        if len(self.outcome.found) == before:
            missing = sum(tax.amount for tax in self.priced.taxes) - sum(one.amount for one in self.charged.values())
            if missing:
                self.outcome.found.append(Found(Part.TAX, Cause.UNKNOWN, ("order", self.order.id), None, None, missing))

    def _worth(self, ruled: Mapping[str, object], name: str, charged: int) -> int:
        held = ruled.get(name)
        return (held.amount if held is not None else 0) - charged  # type: ignore[attr-defined]

    def _add(
        self,
        cause: Cause,
        tax: str,
        charged: str | int | None,
        ruled: str | int | None,
        cents: int,
        item: int | None = None,
    ) -> None:
        subject: tuple[str | int | None, ...] = ("tax", tax) if item is None else ("tax", tax, item)
        self.outcome.found.append(Found(Part.TAX, cause, subject, charged, ruled, cents))


def policy_variant(policy: Policy, **changes: object) -> Policy:
    """The policy with fields changed."""
    return msgspec.structs.replace(policy, **changes)
