"""A past order as a bill by the rules: its lines at what they were rung up for, discounts and charges as they are configured,
taxes as they are assigned; and what of it the rules cannot produce.

Every part is judged given what was charged for the parts before it, so that one difference is found once, where it arose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from aura_migration.pricing.bill import (
    Bill,
    BillLine,
    BillModifier,
    Charge,
    ChargeBase,
    Discount,
    Kind,
    Per,
    Scope,
    TaxKind,
    TaxRule,
)
from aura_migration.pricing.scales import QUANTITY
from aura_migration.verify.replay.book import Book, DiscountRule, ServiceCharge, base_of
from aura_migration.verify.replay.hours import moment
from aura_migration.verify.replay.lines import Judged, Lines
from aura_migration.verify.replay.rung import RungCharge, RungOrder
from aura_migration.verify.replay.words import Cause, Found, Part, Skip, Why

RATE = 100_000_000
PLACES = tuple(str(place) for place in range(64))
CONTRADICTIONS = frozenset(
    (
        "lines_do_not_add_up",
        "discounts_do_not_add_up",
        "tax_does_not_add_up",
        "total_does_not_add_up",
        "negative_total",
        "currency_differs",
        "missing_reference",
    )
)
"""Flags of an order whose own figures cannot all be true."""


@dataclass(slots=True)
class Given:
    """A discount of the order: what was taken off, by which rule, and where it stands."""

    id: str
    rule: DiscountRule | None
    name: str
    scope: Scope
    amount: int
    rate: int | None
    lines: list[int]
    """Places of the lines it was taken off; empty for one on the check."""
    signed: bool
    is_comp: bool
    is_by_hand: bool = False
    by_line: dict[int, int] = field(default_factory=dict)
    """Cents by place of a line."""


@dataclass(slots=True)
class Put:
    """A charge of the order and the rule it was put on by."""

    id: str
    rule: ServiceCharge | None
    charged: RungCharge


class Ringing(msgspec.Struct):
    """An order rung up: the bill by the rules, or None with the reason in `skips`."""

    order: RungOrder
    till: Till
    judged: list[Judged] = []
    found: list[Found] = []
    skips: list[Skip] = []
    given: list[Given] = []
    put: list[Put] = []
    is_exempt: bool = False
    gives_taxes: bool = False
    """The rules cannot say which taxes some line bears (``Judged.given_taxes``)."""
    is_plain: bool = False
    """Every line is plain (``pricing.plain``), and there is nothing but lines and taxes."""
    _bill: Bill | None = None

    @property
    def bill(self) -> Bill | None:
        """The bill, made when it is asked for; None for an order without lines."""
        if self._bill is None and self.order.lines:
            self._bill = self.till.bill(self)
        return self._bill


class Till:
    """Rings past orders up by a book."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.lines = Lines(book)
        self._external = {int(tax.id) for tax in book.taxes.values() if tax.tax_type == "external"}
        self._automatic = [one for one in book.discounts if one.is_automatic and one.is_plain]
        self._together = [one for one in book.discounts if one.is_together]
        self._own_charges = [
            one for one in book.charges if one.is_automatic and one.is_active and one.calculation != "open"
        ]

    def ring(self, order: RungOrder) -> Ringing:
        """The order by the rules."""
        ringing = Ringing(order, self)
        lines = order.lines or ()
        if not lines:
            ringing.skips.append(Skip.NO_LINES)
            return ringing
        if order.flags and not CONTRADICTIONS.isdisjoint(order.flags):
            ringing.skips.append(Skip.CONTRADICTS_ITSELF)
        if order.taxes:
            external = self._external
            for tax in order.taxes:
                if tax.remitted_by == "marketplace":
                    ringing.skips.append(Skip.MARKETPLACE_TAX)
                    break
                if external and tax.tax_rate in external:
                    ringing.skips.append(Skip.EXTERNAL_TAX)
                    break
        ringing.is_exempt = order.is_exempt
        self._lines(ringing)
        if order.discounts or self._automatic:
            self._discounts(ringing)
        if self._together and not order.discounts and self._reached_together(order):
            ringing.skips.append(Skip.SOLD_TOGETHER)
        if order.charges or self._own_charges:
            self._charges(ringing)
        if ringing.given or ringing.put or ringing.skips or order.is_exempt or order.in_cash or order.rounding:
            ringing.is_plain = False
        return ringing

    # -- lines -----------------------------------------------------------------------------------------------------

    def _lines(self, ringing: Ringing) -> None:
        ringing.judged = self.lines.judge(ringing.order)
        ringing.is_plain = True
        for known in ringing.judged:
            if known.is_usual:
                continue
            if not known.is_plain:
                ringing.is_plain = False
            if known.found:
                ringing.found.extend(known.found)
            if known.skips:
                ringing.skips.extend(known.skips)
            if known.given_taxes:
                ringing.gives_taxes = True

    # -- discounts -------------------------------------------------------------------------------------------------

    def _discounts(self, ringing: Ringing) -> None:
        order = ringing.order
        at = moment(order.opened) if order.opened and self._automatic else None
        if order.discounts:
            self._given(ringing)
        for rule in self._automatic:
            if rule.holds(at, order.order_type):
                self._expected(ringing, rule)

    def _given(self, ringing: Ringing) -> None:
        order, book = ringing.order, self.book
        places = {line.id: place for place, line in enumerate(order.lines or ())}
        groups: dict[tuple[object, ...], Given] = {}
        for one in order.discounts or ():
            scope = Scope.CHECK if one.line is None else Scope.LINE
            each = (one.key, one.name, scope, one.rate, one.amount if one.rate is None and scope is Scope.LINE else 0)
            held = groups.get(each) if scope is Scope.LINE else None
            if held is None:
                rule = book.discount(one.key, one.name, scope, one.rate, one.amount)
                held = Given(str(len(ringing.given)), rule, one.name, scope, 0, one.rate, [], one.signed, one.is_comp)
                ringing.given.append(held)
                if one.rate is not None or scope is Scope.CHECK:
                    groups[each] = held
            held.amount += one.amount
            if one.line is not None and one.line in places:
                place = places[one.line]
                if place not in held.by_line:
                    held.lines.append(place)
                held.by_line[place] = held.by_line.get(place, 0) + one.amount
        for held in ringing.given:
            self._judge_discount(ringing, held)

    def _judge_discount(self, ringing: Ringing, held: Given) -> None:
        """Whether the rule gives such a discount at all; its amount is compared when it is priced."""
        rule, found = held.rule, ringing.found
        if rule is not None and held.rate is None and rule.rate is not None and held.name != rule.name:
            rule = held.rule = None  # the rule's place was used for something else: a reward, a credit
        if rule is None or (not rule.is_active and rule.rate is None and rule.cents is None):
            held.is_by_hand = True
            why = Why.COMP if held.is_comp or held.rate == RATE else Why.DISCOUNT_BY_HAND
            unknown = ("discount", None, held.name)
            found.append(Found(Part.DISCOUNT, Cause.DISCOUNT_UNKNOWN, unknown, held.amount, None, 0, why))
            return
        subject = ("discount", rule.id)
        if rule.is_open:
            held.is_by_hand = True
            return
        if held.scope not in rule.scopes:
            found.append(Found(Part.DISCOUNT, Cause.DISCOUNT_SCOPE, subject, held.scope.value, rule.scope.value, 0))
        elif held.scope is Scope.LINE:
            lines = ringing.order.lines or ()
            for place in held.lines:
                line = lines[place]
                item = self.book.items.get(line.item) if line.item is not None else None
                if not rule.covers(item, line.variation):
                    named = line.name
                    off = held.by_line.get(place, 0)
                    found.append(Found(Part.DISCOUNT, Cause.DISCOUNT_SCOPE, subject, named, "not this item", off))
        if held.rate is not None and rule.rate is not None and held.rate != rule.rate:
            found.append(Found(Part.DISCOUNT, Cause.DISCOUNT_RATE, subject, held.rate, rule.rate, 0))
        elif rule.rate is None and held.rate is None and not held.by_line and held.amount > (rule.cents or held.amount):
            off = held.amount - (rule.cents or 0)
            found.append(Found(Part.DISCOUNT, Cause.DISCOUNT_RATE, subject, held.amount, rule.cents, off))
        if rule.is_automatic and rule.is_plain and not self._may_hold(ringing.order, rule):
            found.append(
                Found(
                    Part.DISCOUNT, Cause.DISCOUNT_SCHEDULE, subject, ringing.order.opened, "not in force", held.amount
                )
            )

    def _may_hold(self, order: RungOrder, rule: DiscountRule) -> bool:
        texts = [text for text in (order.opened, order.closed) if text]
        return not texts or any(rule.holds(moment(text), order.order_type) for text in texts)

    def _expected(self, ringing: Ringing, rule: DiscountRule) -> None:
        """An automatic discount that is in force and was not given; at the edge of its hours it need not be."""
        order = ringing.order
        if any(held.rule is not None and held.rule.id == rule.id for held in ringing.given):
            return
        if any(held.rule is not None and held.rule.name == rule.name for held in ringing.given):
            return
        if order.closed and not rule.holds(moment(order.closed), order.order_type):
            return
        if rule.least_cents and order.subtotal < rule.least_cents:
            return
        worth = 0
        for line in order.lines or ():
            item = self.book.items.get(line.item) if line.item is not None else None
            if item is not None and item.is_discountable and rule.covers(item, line.variation):
                worth += line.subtotal
        if not worth:
            return
        off = -(worth * rule.rate // RATE) if rule.rate is not None else -min(worth, rule.cents or 0)
        if off:
            subject = ("discount", rule.id)
            ringing.found.append(Found(Part.DISCOUNT, Cause.DISCOUNT_MISSING, subject, None, rule.name, off))

    def _reached_together(self, order: RungOrder) -> bool:
        """Whether a discount on items bought together may have applied to an order that has none; one discount may keep another away."""
        at = moment(order.opened) if order.opened else None
        rules = [rule for rule in self._together if rule.holds(at, order.order_type)]
        if not rules:
            return False
        items = self.book.items
        sold = [
            (items[line.item], line.variation, line.quantity)
            for line in order.lines or ()
            if line.item in items and items[line.item].is_discountable
        ]
        return any(
            rule.may_reach(sold) and not (rule.least_cents and order.subtotal < rule.least_cents) for rule in rules
        )

    # -- charges ---------------------------------------------------------------------------------------------------

    def _charges(self, ringing: Ringing) -> None:
        order, book = ringing.order, self.book
        for one in order.charges or ():
            if one.charge_class == "cash_rounding":
                continue
            rule = book.charge(one.key, one.name, one.charge_class)
            ringing.put.append(Put(f"c{one.id}", rule, one))
            if rule is None:
                subject = ("charge", None, one.name)
                ringing.found.append(
                    Found(Part.CHARGE, Cause.CHARGE_UNKNOWN, subject, one.amount, None, 0, Why.CHARGE_BY_HAND)
                )
            elif one.rate is not None and rule.calculation == "percent" and one.rate != rule.rate:
                ringing.found.append(Found(Part.CHARGE, Cause.CHARGE_RATE, ("charge", rule.id), one.rate, rule.rate, 0))
        for rule in self._own_charges:
            if any(put.rule is not None and put.rule.id == rule.id for put in ringing.put):
                continue
            if rule.order_types is not None and order.order_type not in rule.order_types:
                continue
            if order.guests < max(rule.guests, 1) and rule.guests:
                continue
            net = order.subtotal - order.discount
            if net < rule.least_cents or (rule.most_cents is not None and net > rule.most_cents):
                continue
            off = net * rule.rate // RATE if rule.calculation == "percent" else rule.cents
            if off:
                ringing.found.append(
                    Found(Part.CHARGE, Cause.CHARGE_MISSING, ("charge", rule.id), None, rule.name, off)
                )

    # -- the bill --------------------------------------------------------------------------------------------------

    def bill(self, ringing: Ringing) -> Bill:
        """The order as a bill."""
        order = ringing.order
        taxes: dict[str, TaxRule] = {}
        used: dict[int, list[str]] = {}
        discounts: list[Discount] = []
        for held in ringing.given:
            discounts.append(as_discount(held))
            for place in held.lines:
                used.setdefault(place, []).append(held.id)
        lines: list[BillLine] = []
        charged = self._given_taxes(ringing) if ringing.gives_taxes else {}
        before: tuple[str, ...] = ()
        for place, (line, judged) in enumerate(zip(order.lines or (), ringing.judged, strict=True)):
            names, by_unit = judged.taxes, judged.counts_units
            if judged.given_taxes:
                names = tuple(charged.get(line.id, ()))
                by_unit = self.lines.by_unit(names)
            if names is not before:
                before = names
                for name in names:
                    if name not in taxes:
                        taxes[name] = self.book.rule(name)
            if by_unit or not judged.is_discountable or place in used:
                discountable = judged.is_discountable or place in used
                lines.append(
                    bill_line(place, line.subtotal, line.quantity, by_unit, names, used.get(place), discountable)
                )
            else:
                lines.append(
                    BillLine(PLACES[place] if place < 64 else str(place), line.subtotal, QUANTITY, None, (), (), names)
                )
        charges = [self._charge(put, taxes, ringing) for put in ringing.put] if ringing.put else ()
        return Bill(
            tuple(lines),
            tuple(taxes.values()),
            tuple(discounts),
            tuple(charges),
            order.guests,
            0,
            order.in_cash,
            ringing.is_exempt,
        )

    def _charge(self, put: Put, taxes: dict[str, TaxRule], ringing: Ringing) -> Charge:
        rule, one = put.rule, put.charged
        is_gratuity = one.charge_class == "auto_gratuity"
        if rule is None or rule.calculation == "open":
            names = self._stated_on(ringing.order, one)
            for name in names:
                taxes.setdefault(name, self.book.rule(name))
            return Charge(put.id, Kind.AMOUNT, amount=one.amount, taxes=tuple(names), is_gratuity=is_gratuity)
        names = self.charge_taxes(ringing.order, one, rule, list(taxes))
        for name in names:
            taxes.setdefault(name, self.book.rule(name))
        base = None if rule.base is None else ChargeBase(rule.base)
        if rule.calculation == "percent":
            return Charge(
                put.id, Kind.PERCENT, one.rate if one.rate is not None else rule.rate, base=base, into_lines=rule.into_lines,
                taxes=tuple(names), is_gratuity=is_gratuity,
            )  # fmt: skip
        return Charge(
            put.id,
            Kind.AMOUNT,
            amount=rule.cents,
            into_lines=rule.into_lines,
            taxes=tuple(names),
            is_gratuity=is_gratuity,
        )

    def charge_taxes(
        self, order: RungOrder, charged: RungCharge, rule: ServiceCharge, on_check: list[str]
    ) -> list[str]:
        """The taxes on a charge: those it names. Where it is taxable and names none, which ones is not said: those it was charged
        are taken for given, and if it was charged none, those of the lines stand in for them."""
        if not rule.is_taxable or rule.into_lines or rule.base == "net_and_tax":
            return []
        if rule.taxes:
            return self.book.charge_taxes(rule.taxes, order.order_type, order.type_key)
        stated = self._stated_on(order, charged)
        if stated:
            return stated
        named = [base_of(one) for one in on_check if self.book.rule(one).kind is TaxKind.PERCENT]
        return self.book.charge_taxes(named, order.order_type, order.type_key)

    def _stated_on(self, order: RungOrder, charged: RungCharge) -> list[str]:
        found = [
            self.book.charged_name(tax.tax_rate, tax.rate, tax.is_inclusive)
            for tax in order.taxes or ()
            if tax.charge == charged.id and tax.tax_rate is not None
        ]
        return [name for name in dict.fromkeys(found) if not name.startswith("?")]

    def _given_taxes(self, ringing: Ringing) -> dict[int, list[str]]:
        """By id of a line, the taxes it was charged: as stated for it; else those of the check whose taxable amount needs it."""
        order = ringing.order
        found: dict[int, list[str]] = {}
        for tax in order.taxes or ():
            if tax.tax_rate is None or tax.charge is not None:
                continue
            name = self.book.charged_name(tax.tax_rate, tax.rate, tax.is_inclusive)
            if name.startswith("?"):
                continue
            if tax.line is not None:
                found.setdefault(tax.line, []).append(name)
                continue
            left = tax.taxable
            rest: list[tuple[int, int]] = []
            kept = order.subtotal - sum(one.amount for one in order.discounts or () if one.line is None)
            for line, judged in zip(order.lines or (), ringing.judged, strict=True):
                net = (line.subtotal - line.discount) * kept // (order.subtotal or 1)
                if judged.given_taxes:
                    rest.append((line.id, net))
                elif left is not None and base_of(name) in [base_of(one) for one in judged.taxes]:
                    left -= net
            for ident, net in rest:
                if left is None or left >= net - len(rest):
                    found.setdefault(ident, []).append(name)
                    left = None if left is None else left - net
        return found


def bill_line(
    place: int,
    cents: int,
    quantity: int,
    counts_units: bool,
    taxes: Sequence[str],
    discounts: Sequence[str] | None,
    is_discountable: bool,
) -> BillLine:
    """A line at what it was rung up for. Its quantity matters only where a tax is counted by units."""
    if counts_units:
        whole = (BillModifier("rung", cents, per=Per.LINE),)
        return BillLine(
            str(place), 0, quantity, modifiers=whole, discounts=tuple(discounts or ()), taxes=tuple(taxes),
            is_discountable=is_discountable,
        )  # fmt: skip
    return BillLine(
        str(place), cents, discounts=tuple(discounts or ()), taxes=tuple(taxes), is_discountable=is_discountable
    )


def as_discount(held: Given) -> Discount:
    """The discount as the bill takes it: by its rule, or what the cashier gave."""
    rule = held.rule
    reduces = True if rule is None or rule.reduces_tax is None else rule.reduces_tax
    combines = rule is None or rule.stackable is not False
    cap = None if rule is None else rule.cap
    rate = held.rate
    if rate is None and rule is not None and not rule.is_open and rule.rate is not None:
        rate = rule.rate
    if rate is not None and rate <= RATE:
        return Discount(held.id, held.scope, Kind.PERCENT, rate=rate, cap=cap, reduces_tax=reduces, combines=combines)
    return Discount(held.id, held.scope, Kind.AMOUNT, amount=held.amount, reduces_tax=reduces, combines=combines)
