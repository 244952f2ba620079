"""A priced bill against what was charged: discounts, charges, taxes by rate, total; and why they differ, as far as the order says.

An order states more than sums: the rate it was taxed by, the lines a tax stands on, the percentage of a discount. So a
difference is taken apart: where the stated facts alone reproduce the cents, they are the cause, and only what is left over is
a matter of calculation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

import msgspec

from aura_migration.core.errors import BadInput
from aura_migration.pricing.bill import Bill, BillLine, Charge, Discount, Kind, LineState, Scope, TaxKind, TaxRule
from aura_migration.pricing.charges import to_coins
from aura_migration.pricing.engine import price
from aura_migration.pricing.plain import AddedTax, add_up, plain_tax
from aura_migration.pricing.priced import PricedBill
from aura_migration.verify.replay.book import Book, base_of
from aura_migration.verify.replay.carried import Carried, carried
from aura_migration.verify.replay.ring import RATE, Put, Ringing
from aura_migration.verify.replay.rung import RungOrder
from aura_migration.verify.replay.words import AS_STATED, Cause, Found, Part, Skip, Why

MOST_LINES, MOST_PLACES = 3, 12
"""So many lines of so many are tried as what a tax was not charged on."""
JUDGED_ALONE = frozenset((Part.SELECTION, Part.ITEM_PRICE, Part.MODIFIER_PRICE))
"""What stands by itself, whatever the sums of an order are."""
DISCOUNT_PARTS = frozenset((Cause.DISCOUNT_SCOPE, Cause.DISCOUNT_RATE))


class Charged(msgspec.Struct):
    """What an order was charged of one rate."""

    amount: int = 0
    rate: int | None = None
    is_inclusive: bool = False
    name: str = ""
    lines: list[int] = []
    """Ids of lines it stands on; empty where the POS states it for the check only."""
    charges: list[int] = []
    on_check: bool = False
    taxable: int | None = None


class Outcome(msgspec.Struct):
    """What became of an order. `is_open`: only a way of calculating can explain the cents."""

    order: RungOrder
    found: list[Found]
    skips: list[Skip]
    priced: PricedBill | None = None
    bill: Bill | None = None
    taxes: dict[str, Charged] = {}
    is_open: bool = False
    plain: list[AddedTax] | None = None
    """Where all taxes are plain and the order comes to what was charged: the taxes. Then nothing was priced."""
    carried: tuple[Carried, ...] = ()
    """What follows the differences found, were the order rung up by the rules from there on."""


class Differ:
    """Prices bills by the policy of a book and compares."""

    def __init__(self, book: Book) -> None:
        self.book, self.policy = book, book.policy

    def compare(self, ringing: Ringing) -> Outcome:
        """Everything about one order."""
        order, found = ringing.order, ringing.found
        outcome = Outcome(order, found, ringing.skips)
        if ringing.is_plain and self._agrees(ringing, outcome):
            if found and not ringing.skips and any(each.cents for each in found) and ringing.bill is not None:
                outcome.carried = carried(ringing, ringing.bill, found, self.book, self.policy)
            return outcome
        bill = ringing.bill
        if bill is None:
            return outcome
        try:
            if self._adds_up(ringing, outcome, bill):
                return outcome
            priced = price(bill, self.policy)
        except BadInput:
            outcome.skips.append(Skip.UNREADABLE)
            return outcome
        outcome.taxes = charged_taxes(self.book, order)
        if Skip.CONTRADICTS_ITSELF in outcome.skips:
            # Its figures cannot all be true: what can be rung up is judged, no sum is.
            outcome.found[:] = [each for each in found if each.part in JUDGED_ALONE]
            return outcome
        if (
            not found
            and not ringing.skips
            and not ringing.is_exempt
            and priced.total == order.total
            and priced.discount == order.discount
            and priced.charge == order.charge
            and taxes_agree(priced, outcome.taxes)
        ):
            outcome.priced, outcome.bill = priced, bill
            return outcome
        self._in_parts(ringing, outcome, bill, priced)
        return outcome

    def _agrees(self, ringing: Ringing, outcome: Outcome) -> bool:
        """Whether a plain order comes to what was charged. Each tax and the total are compared, as of any order."""
        order = ringing.order
        if order.discount or order.charge:
            return False
        borne: dict[str, list[int]] = {}
        total = 0
        for line, judged in zip(order.lines or (), ringing.judged, strict=True):
            cents = line.subtotal
            total += cents
            for name in judged.taxes:
                if name in borne:
                    borne[name].append(cents)
                else:
                    borne[name] = [cents]
        charged = charged_taxes(self.book, order)
        plain = []
        for name, bases in borne.items():
            rule = self.book.rule(name)
            amount = plain_tax(rule, self.policy, bases)
            held = charged.get(name)
            if amount != (0 if held is None else held.amount):
                return False
            total += amount
            plain.append(AddedTax(rule, amount, bases, bases))
        if total != order.total:
            return False
        for name, one in charged.items():
            if one.amount and name not in borne:
                return False
        outcome.taxes, outcome.plain = charged, plain
        return True

    def _adds_up(self, ringing: Ringing, outcome: Outcome, bill: Bill) -> bool:
        """Whether a bill of plain taxes comes to what was charged: discounts, charges, each tax and the total. What was found so far
        may be how often options were chosen: no sum depends on that."""
        order = ringing.order
        if ringing.skips or ringing.is_exempt or order.in_cash or order.rounding:
            return False
        if not all(each.part is Part.SELECTION for each in ringing.found):
            return False
        added = add_up(bill, self.policy)
        if (
            added is None
            or added.total != order.total
            or added.discount != order.discount
            or added.charge != order.charge
        ):
            return False
        charged = charged_taxes(self.book, order)
        if not _agree(((tax.rule.id, tax.amount) for tax in added.taxes), charged):
            return False
        outcome.taxes, outcome.plain = charged, added.taxes
        return True

    # -- part by part ------------------------------------------------------------------------------------------------

    def _in_parts(self, ringing: Ringing, outcome: Outcome, bill: Bill, priced: PricedBill) -> None:
        try:
            bill, priced = self._discounts(ringing, outcome, bill, priced)
            bill, priced = self._charges(ringing, outcome, bill, priced)
            outcome.bill, outcome.priced = bill, priced
            if not any(one in (Skip.MARKETPLACE_TAX, Skip.EXTERNAL_TAX) for one in outcome.skips):
                taxes = _Taxes(self, ringing, outcome, bill, priced)
                priced = taxes.compare()
                self._total(ringing, outcome, priced)
                if not outcome.skips and outcome.bill is not None:
                    outcome.carried = carried(ringing, outcome.bill, outcome.found, self.book, taxes.policy)
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
            if held.rule is not None and held.rule.is_together:
                outcome.skips.append(Skip.SOLD_TOGETHER)
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
        ruled = to_coins(order.total - order.rounding, self.policy) if order.in_cash else 0
        if ruled != order.rounding:
            cents = ruled - order.rounding
            subject = ("policy", "cash_increment")
            outcome.found.append(Found(Part.TOTAL, Cause.CASH_ROUNDING, subject, order.rounding, ruled, cents))
        if not outcome.found and priced.total != order.total:
            cents = priced.total - order.total
            outcome.found.append(
                Found(Part.TOTAL, Cause.UNKNOWN, ("order", order.id), order.total, priced.total, cents)
            )


def taxes_agree(priced: PricedBill, charged: Mapping[str, Charged]) -> bool:
    """Whether every rate comes to what was charged of it, at the rate and on the side of the price that the order states."""
    return _agree(((tax.id, tax.amount) for tax in priced.taxes), charged)


def _agree(ruled: Iterable[tuple[str, int]], charged: Mapping[str, Charged]) -> bool:
    """Whether taxes as (name, amount) come to what was charged."""
    left = dict(charged)
    for name, amount in ruled:
        held = left.pop(name, None)
        if amount != (0 if held is None else held.amount):
            return False
    return not any(one.amount for one in left.values())


def charged_taxes(book: Book, order: RungOrder) -> dict[str, Charged]:
    """What was charged by each rule (``Book.charged_name``); a rate that AuraConnect does not have is called ``?name``."""
    found: dict[str, Charged] = {}
    last: dict[int | None, Charged] = {}
    for tax in order.taxes or ():
        number = tax.tax_rate
        held = last.get(number)
        if held is None or number is None or held.rate != tax.rate or held.is_inclusive is not tax.is_inclusive:
            name = "?" + tax.name
            if number is not None:
                named = book.charged_name(number, tax.rate, tax.is_inclusive)
                if named[0] != "?":
                    name = named
            held = found.get(name)
            if held is None:
                held = found[name] = Charged(0, tax.rate, tax.is_inclusive, tax.name, [], [], False, tax.taxable)
            if name[0] != "?":
                last[number] = held
        held.amount += tax.amount
        if tax.line is not None:
            held.lines.append(tax.line)
        elif tax.charge is not None:
            held.charges.append(tax.charge)
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


def _on_own(ringing: Ringing, bill: Bill) -> tuple[BillLine, ...]:
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
        self.ruled = {tax.id: tax.amount for tax in priced.taxes}
        self.by_check = {name for name, one in self.charged.items() if one.on_check}
        self.unborne: set[str] = set()
        """Taxes that the check states and that no line bears by the rules."""

    def compare(self) -> PricedBill:
        """Adds what it finds; answers the bill priced as far as the stated facts lead."""
        if self.ringing.is_exempt and not any(one.amount for one in self.charged.values()):
            self._exempt()
            return self.priced
        if taxes_agree(self.priced, self.charged):
            return self.priced
        before = len(self.outcome.found)
        bill = self._as_stated()
        if any(one.charges for one in self.charged.values()) and not self.policy.charges_taxable:
            self.policy = msgspec.structs.replace(self.policy, charges_taxable=True)
        priced = price(bill, self.policy)
        if self.by_check:
            bill, priced = self._by_base(bill, priced)
        self.outcome.bill, self.outcome.priced = bill, priced
        self._what_is_left(priced, before)
        self._by_statement(bill, priced, before)
        return priced

    def _exempt(self) -> None:
        """An exempt check: what the rules would have charged otherwise. That it is exempt must be proven like anything else."""
        open_bill = msgspec.structs.replace(self.bill, is_tax_exempt=False)
        lines = self.order.lines or ()
        for tax in price(open_bill, self.policy).taxes:
            told = False
            for share in tax.shares:
                if share.line >= 0 and share.amount and lines[share.line].item is not None:
                    line = lines[share.line]
                    self._add(Cause.TAX_EXTRA, tax.id, "not taxed", line.name, share.amount, line.item)
                    told = True
            if tax.amount and not told:
                self._add(Cause.TAX_EXTRA, tax.id, "not taxed", tax.amount, tax.amount)

    # -- what the order states -----------------------------------------------------------------------------------------

    def _as_stated(self) -> Bill:
        """The bill with the rates, sides and lines that the order states; each departure from the rules is found."""
        told: dict[tuple[str, str], int] = {}
        lines = []
        for place, line in enumerate(self.bill.lines):
            rung = (self.order.lines or ())[place]
            stated = [name for name, one in self.charged.items() if rung.id in one.lines]
            names = self._line(place, line.taxes, stated, told)
            lines.append(msgspec.structs.replace(line, taxes=tuple(names)))
        charges = [
            charge if charge.into_lines else self._on_charge(charge, put, told)
            for charge, put in zip(self.bill.charges, self.ringing.put, strict=True)
        ]
        for (stated_name, ruled_name), base in told.items():
            self._departs(stated_name, ruled_name, base)
        borne = {base_of(name) for line in self.bill.lines for name in line.taxes}
        for name in self.by_check:
            one = self.charged[name]
            if one.amount and base_of(name) not in borne:
                self._add(Cause.TAX_MISSING, name, one.amount, 0, -one.amount)
                self.unborne.add(name)
        used = {name for line in lines for name in line.taxes} | {name for one in charges for name in one.taxes}
        rules = tuple(self.book.rule(name) for name in sorted(used))
        return msgspec.structs.replace(
            self.bill, lines=tuple(lines), charges=tuple(charges), taxes=rules, is_tax_exempt=False
        )

    def _line(
        self, place: int, ruled: tuple[str, ...], stated: list[str], told: dict[tuple[str, str], int]
    ) -> list[str]:
        """The taxes of a line as stated: rates that the check states without lines stand on those that bear them by the rules."""
        rung = (self.order.lines or ())[place]
        net = rung.subtotal - rung.discount
        names = [name for name in stated if not name.startswith("?")]
        bases = {base_of(name): name for name in stated}
        for name in ruled:
            held = bases.get(base_of(name))
            if held is None:
                held = next(
                    (
                        one
                        for one in sorted(self.by_check, key=lambda one: one != name)
                        if base_of(one) == base_of(name)
                    ),
                    None,
                )
                if held is not None:
                    names.append(held)
            if held is not None:
                if held != name:
                    told[held, name] = told.get((held, name), 0) + net
            elif net > 0 or self.book.rule(name).kind is not TaxKind.PERCENT:
                self._add(Cause.TAX_EXTRA, name, "not taxed", rung.name, self._of(name, net), rung.item)
        here = {base_of(name) for name in ruled}
        for name in stated:
            if base_of(name) not in here and self.charged[name].amount:
                left = name.startswith("?") and self._has_left(rung.item)
                why = Why.NO_LONGER_SOLD if left else None
                self._add(Cause.TAX_MISSING, name, rung.name, "not taxed", -self._of(name, net), rung.item, why)
        return list(dict.fromkeys(names))

    def _has_left(self, number: int | None) -> bool:
        """Whether a line's item is no longer sold: a tax that AuraConnect does not have went with it."""
        item = self.book.items.get(number) if number is not None else None
        return item is not None and item.has_left

    def _on_charge(self, charge: Charge, put: Put, told: dict[tuple[str, str], int]) -> Charge:
        """The taxes of a charge as stated."""
        cents = put.charged.amount
        stated = [name for name, one in self.charged.items() if put.charged.id in one.charges]
        ruled = list(charge.taxes) if self.policy.charges_taxable else []
        if self.by_check and not stated and put.charged.is_taxable:
            stated = [name for name in ruled if name in self.by_check]
        for name in list(ruled):
            held = next((one for one in stated if base_of(one) == base_of(name)), None)
            if held is not None and held != name:
                told[held, name] = told.get((held, name), 0) + cents
        more = {base_of(name) for name in ruled} - {base_of(name) for name in stated}
        fewer = {base_of(name) for name in stated} - {base_of(name) for name in ruled}
        if cents and (more or fewer):
            off = sum(self._of(name, cents) for name in ruled if base_of(name) in more)
            off -= sum(self._of(name, cents) for name in stated if base_of(name) in fewer)
            subject = ("charge", None if put.rule is None else put.rule.id)
            sides = ("not taxed", "taxed")
            self.outcome.found.append(
                Found(Part.TAX, Cause.CHARGE_TAXABILITY, subject, sides[bool(stated)], sides[bool(ruled)], off)
            )
        return msgspec.structs.replace(charge, taxes=tuple(name for name in stated if not name.startswith("?")))

    def _departs(self, stated: str, ruled: str, base: int) -> None:
        """A rate or a side of the price other than configured."""
        if stated.startswith("?"):
            return
        charged, configured = self.book.rule(stated), self.book.rule(ruled)
        cents = base * (configured.rate - charged.rate) // RATE
        if charged.rate != configured.rate:
            self._add(Cause.TAX_RATE, ruled, charged.rate, configured.rate, cents)
        if charged.is_inclusive is not configured.is_inclusive:
            sides = ("on top", "inside the price")
            off = base * configured.rate // RATE
            self._add(Cause.TAX_INCLUSIVE, ruled, sides[charged.is_inclusive], sides[configured.is_inclusive], off)

    def _of(self, name: str, cents: int) -> int:
        """About what a tax comes to on an amount."""
        if name.startswith("?"):
            return self.charged[name].amount
        rule = self.book.rule(name)
        return cents * rule.rate // RATE if rule.kind is TaxKind.PERCENT else rule.amount

    def _by_base(self, bill: Bill, priced: PricedBill) -> tuple[Bill, PricedBill]:
        """Where the check states what a rate was charged on: the lines without which, or with which, that is so."""
        for tax in priced.taxes:
            one = self.charged.get(tax.id)
            if one is None or one.taxable is None or one.amount == tax.amount or tax.id in self.unborne:
                continue
            for places in _choices(bill, priced, tax.id, one.taxable - tax.base):
                tried = _with(bill, tax.id, places)
                again = price(tried, self.policy)
                if next(each.amount for each in again.taxes if each.id == tax.id) == one.amount:
                    for place in places:
                        self._base_differs(tax.id, place, tax.id in bill.lines[place].taxes)
                    bill, priced = tried, again
                    break
        return bill, priced

    def _base_differs(self, name: str, place: int, is_ruled: bool) -> None:
        rung = (self.order.lines or ())[place]
        net = rung.subtotal - rung.discount
        if is_ruled:
            self._add(Cause.TAX_EXTRA, name, "not taxed", rung.name, self._of(name, net), rung.item)
        else:
            self._add(Cause.TAX_MISSING, name, rung.name, "not taxed", -self._of(name, net), rung.item)

    def _by_statement(self, bill: Bill, priced: PricedBill, before: int) -> None:
        """Marks the taxes that AuraConnect lacks and that come to what was charged by the percentage the check states."""
        made: dict[str, TaxRule] = {}
        for name, one in self.charged.items():
            if not (name.startswith("?") and one.amount and one.rate):
                continue
            places = self._bears(one, name, bill, priced)
            if places:
                made[name] = TaxRule(name, rate=one.rate, is_inclusive=one.is_inclusive)
                bill = _with(bill, name, places)
        if not made:
            return
        again = price(msgspec.structs.replace(bill, taxes=(*bill.taxes, *made.values())), self.policy)
        amounts = {tax.id: tax.amount for tax in again.taxes}
        if any(one.amount != amounts[name] for name, one in self.charged.items() if name in amounts):
            return
        found = self.outcome.found
        for number in range(before, len(found)):
            each = found[number]
            if each.cause is Cause.TAX_MISSING and each.subject[1] in made:
                found[number] = each._replace(ruled=AS_STATED)

    def _bears(self, one: Charged, name: str, bill: Bill, priced: PricedBill) -> tuple[int, ...]:
        """The lines a tax stands on: as the POS says, else all of them or few, whichever come to the amount it was charged on."""
        if one.lines:
            return tuple(place for place, rung in enumerate(self.order.lines or ()) if rung.id in one.lines)
        sold = [place for place, line in enumerate(priced.lines) if line.net]
        if one.taxable is None or one.taxable == sum(priced.lines[place].net for place in sold):
            return tuple(sold)
        return next(_choices(bill, priced, name, one.taxable), ())

    # -- what is left ----------------------------------------------------------------------------------------------------

    def _what_is_left(self, priced: PricedBill, before: int) -> None:
        """Cents that the stated facts do not reproduce: a matter of calculation."""
        ruled = {tax.id: tax.amount for tax in priced.taxes}
        for name, one in self.charged.items():
            if name in ruled and name not in self.unborne and one.amount != ruled[name]:
                cents = ruled[name] - one.amount
                self._add(Cause.TAX_ROUNDING, name, one.amount, ruled[name], cents)
                self.outcome.is_open = True
        if len(self.outcome.found) == before:
            missing = sum(self.ruled.values()) - sum(one.amount for one in self.charged.values())
            if missing:
                self.outcome.found.append(Found(Part.TAX, Cause.UNKNOWN, ("order", self.order.id), None, None, missing))

    def _add(
        self,
        cause: Cause,
        tax: str,
        charged: str | int | None,
        ruled: str | int | None,
        cents: int,
        item: int | None = None,
        why: Why | None = None,
    ) -> None:
        name = tax if tax.startswith("?") else base_of(tax)
        subject: tuple[str | int | None, ...] = ("tax", name) if item is None else ("tax", name, item)
        self.outcome.found.append(Found(Part.TAX, cause, subject, charged, ruled, cents, why))


def _choices(bill: Bill, priced: PricedBill, tax: str, off: int) -> Iterator[tuple[int, ...]]:
    """Few lines that together explain by how much the base of a tax is off: some that bear it, or some that do not."""
    bears = off < 0
    places = [
        place
        for place, line in enumerate(bill.lines)
        if (tax in line.taxes) is bears and priced.lines[place].net and line.state is LineState.SOLD
    ]
    for count in range(1, MOST_LINES + 1):
        for chosen in combinations(places[:MOST_PLACES], count):
            if abs(sum(priced.lines[place].net for place in chosen) - abs(off)) <= count + 1:
                yield chosen


def _with(bill: Bill, tax: str, places: tuple[int, ...]) -> Bill:
    """The bill with a tax taken off the lines that bear it, put on those that do not."""
    lines = list(bill.lines)
    for place in places:
        line = lines[place]
        taxes = tuple(one for one in line.taxes if one != tax) if tax in line.taxes else (*line.taxes, tax)
        lines[place] = msgspec.structs.replace(line, taxes=taxes)
    return msgspec.structs.replace(bill, lines=tuple(lines))
