"""What stands on a check: lines with modifiers, discounts, charges and taxes as rows, and the check's own sums.

Toast's prices are without tax, also where the menu's price has it in: such a line is rung up at ``preDiscountPrice`` plus
the tax that is in it. Amounts are loaded as sent; what does not add up is a flag (``order_facts.PROBLEMS``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from aura_migration.canonical.history.rows import (
    HistoryRow,
    OrderDiscount,
    OrderItem,
    OrderItemModifier,
    OrderServiceCharge,
    OrderTax,
)
from aura_migration.pos.toast.orders.names import Shelf
from aura_migration.pos.toast.orders.numbers import Fine, rounded, times
from aura_migration.pos.toast.orders.wire import (
    AppliedCharge,
    AppliedDiscount,
    AppliedTax,
    Check,
    Order,
    Promo,
    Selection,
)

GIFT_CARDS = ("TOAST_CARD_SELL", "TOAST_CARD_RELOAD")
HOUSE_BALANCE = "HOUSE_ACCOUNT_PAY_BALANCE"
REQUEST = "SPECIAL_REQUEST"
CHARGES = {
    "CREDIT_CARD_SURCHARGE": "surcharge",
    "FUNDRAISING_CAMPAIGN": "fundraising",
    "CASH_ROUNDING": "cash_rounding",
}
NAMELESS_TAX, NAMELESS_CHARGE, NAMELESS_DISCOUNT, NAMELESS_LINE = "Tax", "Service charge", "Discount", "Item"
HAIR = Decimal("0.01")
"""A hundredth of a cent: what sums of shares may differ by for the way they are written."""


@dataclass(slots=True)
class _Line:
    """A top-level line with the amounts it is sent with; ``net_off`` and ``off`` are its own discounts without and with
    the part that is tax in its price."""

    selection: Selection
    quantity: int | Decimal
    pre: int
    price: int
    included: bool
    voided: bool
    discounts: list[AppliedDiscount]
    net_off: int = 0
    off: int = 0
    gross: int = 0
    tax: int = 0
    taxes: list[tuple[AppliedTax, Fine]] = field(default_factory=list)


@dataclass(slots=True)
class Sums:
    """What a check comes to, and its rows below the root."""

    subtotal: int = 0
    non_sale: int = 0
    discount: int = 0
    charges: int = 0
    gratuity: int = 0
    rounding: int = 0
    tax: int = 0
    included: int = 0
    final: int = 0
    total: int = 0
    problems: list[str] = field(default_factory=list)
    rows: list[HistoryRow] = field(default_factory=list)

    def flag(self, problem: str) -> None:
        """Note what does not add up, once."""
        if problem not in self.problems:
            self.problems.append(problem)


def add_up(shelf: Shelf, order: Order, check: Check) -> Sums:
    """The rows and sums of a check. ``Unusable`` where an amount cannot be read."""
    return _Adding(shelf, order, check).sums()


class _Adding:
    def __init__(self, shelf: Shelf, order: Order, check: Check) -> None:
        self.shelf, self.numbers = shelf, shelf.numbers
        self.order, self.check = order, check
        self.found = Sums()
        self.charges = [(one, self.numbers.amount(one.charge_amount)) for one in check.applied_service_charges or ()]
        self.lines = [self._line(one) for one in check.selections or ()]
        self.live = [line for line in self.lines if not line.voided]
        self.on_check = _applied_ones(check.applied_discounts)

    def sums(self) -> Sums:
        """See :func:`add_up`."""
        found, amount = self.found, self.numbers.amount
        plain = sum(cents for one, cents in self.charges if not one.gratuity)
        stated = amount(self.check.amount)
        if sum(line.price for line in self.live) + plain != stated and not self._apart(stated - plain):
            found.flag("lines_do_not_add_up")
        found.tax = amount(self.check.tax_amount)
        shares = self._taxes()
        self._discounts()
        self._charges()
        self._totals(stated)
        self._rows(shares)
        return found

    # -- lines -----------------------------------------------------------------------------------------------------

    def _line(self, one: Selection) -> _Line:
        amount = self.numbers.amount
        discounts = _applied_ones(one.applied_discounts)
        line = _Line(
            one,
            self.numbers.quantity(one.quantity)[1],
            amount(one.pre_discount_price),
            amount(one.price),
            one.tax_inclusion == "INCLUDED",
            one.voided is True,
            discounts,
        )
        stated = self.numbers.fine(one.tax) or 0
        if stated or one.applied_taxes:
            line.taxes = self._applied(one.applied_taxes)
            if not line.taxes:  # a tax without a rate that says what it is
                line.taxes = [(AppliedTax(), stated)]
            elif not line.voided and abs(Decimal(stated) - sum(cents for _, cents in line.taxes)) > HAIR:
                self.found.flag("tax_does_not_add_up")
        return line

    def _applied(self, taxes: Iterable[AppliedTax] | None) -> list[tuple[AppliedTax, Fine]]:
        return [(tax, self.numbers.fine(tax.tax_amount) or 0) for tax in taxes or ()]

    def _apart(self, stated: int) -> bool:
        """Whether lines and modifiers only add up one beside the other; then the lines take their modifiers in.

        Toast's schema says that a line's price has its modifiers in, its guide can be read otherwise.
        """
        below = [[inner for inner in _below(line.selection) if inner.voided is not True] for line in self.live]
        amount = self.numbers.amount
        if sum(line.price for line in self.live) + sum(amount(one.price) for few in below for one in few) != stated:
            return False
        for line, few in zip(self.live, below, strict=True):
            line.price += sum(amount(one.price) for one in few)
            line.pre += sum(amount(one.pre_discount_price) for one in few)
            line.discounts += [off for one in few for off in _applied_ones(one.applied_discounts)]
        return True

    # -- taxes -----------------------------------------------------------------------------------------------------

    def _taxes(self) -> Iterator[int]:
        """The cents of every tax, line by line and then charge by charge; fills the lines' sums.

        Where Toast spreads a pooled tax over lines in fractions of a cent, the running sum of each rate is rounded, so
        that the cents of a rate on a check are what the check says.
        """
        found = self.found
        self.charge_taxes = [self._applied(one.applied_taxes) for one, _ in self.charges]
        total = self._spread_taxes()
        if total != found.tax:
            nested = [
                (line, pair)
                for line in self.live
                for one in _below(line.selection)
                if one.voided is not True
                for pair in self._applied(one.applied_taxes)
            ]
            if nested and total + rounded(sum((pair[1] for _, pair in nested), Decimal(0))) == found.tax:
                for line, pair in nested:
                    line.taxes.append(pair)
                total = self._spread_taxes()
        if total != found.tax:
            found.flag("tax_does_not_add_up")
        return iter(self.tax_cents)

    def _spread_taxes(self) -> int:
        every = [(line.included, pair) for line in self.live for pair in line.taxes]
        every += [(False, pair) for taxes in self.charge_taxes for pair in taxes]
        cents: list[int] = []
        if any(pair[1].__class__ is Decimal for _, pair in every):
            running: dict[tuple[str | None, bytes, str | None, bool], tuple[Fine, int]] = {}
            for included, (tax, fine) in every:
                key = (tax.name or tax.display_name, bytes(tax.rate), tax.type, included)
                before, given = running.get(key, (0, 0))
                share = rounded(before + fine) - given
                running[key] = before + fine, given + share
                cents.append(share)
        else:
            cents = [int(pair[1]) for _, pair in every]
        self.tax_cents = cents
        shares = iter(cents)
        for line in self.live:
            line.tax = sum(next(shares) for _ in line.taxes)
        self.found.included = sum(line.tax for line in self.live if line.included)
        return sum(cents)

    # -- discounts -------------------------------------------------------------------------------------------------

    def _parts(self, one: AppliedDiscount) -> tuple[int, int]:
        """A discount without and with the part of it that is tax in a price."""
        whole = self.numbers.cents(one.discount_amount)
        net = self.numbers.cents(one.non_tax_discount_amount)
        net = whole if net is None else net
        return net or 0, (net if whole is None else whole) or 0

    def _discounts(self) -> None:
        found, live = self.found, self.live
        self._own_discounts()
        on_check = [self._parts(one) for one in self.on_check]
        net_on_check = sum(net for net, _ in on_check)
        if sum(line.pre - line.price - line.net_off for line in live) != net_on_check:
            self._nested_discounts(net_on_check)
        with_tax = any(line.included and line.taxes for line in live)
        self.check_amounts = [whole if with_tax else net for net, whole in on_check]
        tax_part = sum(self.check_amounts) - net_on_check
        for line in self.lines:
            line.gross = line.pre
            if line.included:
                line.gross += line.off - line.net_off + line.tax
                if line.voided:
                    line.gross += sum(rounded(cents) for _, cents in line.taxes)
        if tax_part:
            self._spread_tax_part(tax_part)
        found.discount = sum(line.off for line in live) + sum(self.check_amounts)
        found.subtotal = sum(line.gross for line in live)
        found.non_sale = sum(line.gross for line in live if self._class(line.selection) != "sale")

    def _own_discounts(self) -> None:
        for line in self.live:
            if not line.discounts:
                continue
            parts = [self._parts(one) for one in line.discounts]
            line.net_off = sum(net for net, _ in parts)
            line.off = sum(whole for _, whole in parts) if line.included and line.taxes else line.net_off

    def _nested_discounts(self, net_on_check: int) -> None:
        """Discounts of modifiers belong to the line where only so everything adds up."""
        further = [
            [
                off
                for one in _below(line.selection)
                for off in one.applied_discounts or ()
                if not any(off is held for held in line.discounts)
            ]
            for line in self.live
        ]
        missing = sum(line.pre - line.price - line.net_off for line in self.live) - net_on_check
        if any(further) and sum(self._parts(off)[0] for few in further for off in few) == missing:
            for line, few in zip(self.live, further, strict=True):
                line.discounts += few
            self._own_discounts()
        else:
            self.found.flag("discounts_do_not_add_up")

    def _spread_tax_part(self, tax_part: int) -> None:
        """The tax in the prices that a discount of the whole check took off, by the lines' shares of that discount."""
        lines = [line for line in self.live if line.included and line.taxes]
        shares = [max(line.pre - line.price - line.net_off, 0) for line in lines]
        whole = sum(shares)
        done = given = 0
        for line, share in zip(lines, shares, strict=True):
            done += share
            part = tax_part * done // whole - given if whole else tax_part - given
            line.gross += part
            given += part

    # -- charges and totals ----------------------------------------------------------------------------------------

    def _charges(self) -> None:
        found = self.found
        for one, cents in self.charges:
            kind = charge_class(one)
            if kind == "auto_gratuity":
                found.gratuity += cents
            elif kind == "cash_rounding":
                found.rounding += cents
            else:
                found.charges += cents

    def _totals(self, stated: int) -> None:
        """``totalAmount`` is without gratuity by Toast's formula and with it by Toast's guide: both are understood."""
        found = self.found
        total = self.numbers.cents(self.check.total_amount)
        due = stated + found.tax
        found.total = due if total is None else total
        if total is not None and total not in (due, due + found.gratuity):
            found.flag("total_does_not_add_up")
        found.final = found.total if found.total == due + found.gratuity else found.total + found.gratuity
        if found.total < 0:
            found.flag("negative_total")

    # -- rows ------------------------------------------------------------------------------------------------------

    def _rows(self, shares: Iterator[int]) -> None:
        items: list[HistoryRow] = []
        modifiers: list[HistoryRow] = []
        discounts: list[HistoryRow] = []
        charges: list[HistoryRow] = []
        taxes: list[HistoryRow] = []
        for place, line in enumerate(self.lines):
            variation = self._modifiers(line, place, modifiers)
            items.append(self._item(line, variation))
            if line.voided:
                continue
            for off in line.discounts:
                net, whole = self._parts(off)
                amount = whole if line.included and line.taxes else net
                discounts.append(self._discount(off, amount, place, amount >= line.gross > 0))
            for pair in line.taxes:
                base = line.price if pair[0].type in (None, "PERCENT") else None
                taxes.append(self._tax(pair, next(shares), place, None, line.included, base))
        for off, amount in zip(self.on_check, self.check_amounts, strict=True):
            discounts.append(self._discount(off, amount, None, amount >= self.found.subtotal > 0))
        for place, (charge, cents) in enumerate(self.charges):
            pairs = self.charge_taxes[place]
            parts = [next(shares) for _ in pairs]
            charges.append(self._charge(charge, cents, sum(parts)))
            taxes += [
                self._tax(pair, share, None, place, False, cents) for pair, share in zip(pairs, parts, strict=True)
            ]
        self.found.rows = [*items, *modifiers, *discounts, *charges, *taxes]

    def _class(self, one: Selection) -> str:
        if one.selection_type == HOUSE_BALANCE:
            return "house_account_payment"
        if one.selection_type in GIFT_CARDS or one.deferred is True:
            return "gift_card_load"
        return "non_revenue" if self.order.excess_food is True else "sale"

    def _item(self, line: _Line, variation: Selection | None) -> OrderItem:
        one, names, numbers, menu = line.selection, self.shelf.names, self.numbers, self.shelf.menu
        item_key = menu.item(one.item)
        live_tax = 0 if line.voided else line.tax
        below = 0
        for inner in _below(one) if one.modifiers else ():
            if inner.voided is not True or line.voided:
                below += times(numbers.amount(inner.receipt_line_price), numbers.quantity(inner.quantity)[1])
        return OrderItem(
            REQUEST_NAME if one.selection_type == REQUEST else one.display_name or NAMELESS_LINE,
            numbers.quantity(one.quantity)[0],
            numbers.amount(one.receipt_line_price),
            line.gross,
            self._class(one),
            below,
            0 if line.voided else line.gross - line.price - (live_tax if line.included else 0),
            live_tax,
            live_tax if line.included else 0,
            item_key,
            None if variation is None else menu.variation(item_key, variation.item),
            None if variation is None else variation.display_name,
            names.of("salesCategories", one.sales_category),
            None if one.unit_of_measure in (None, "NONE") else one.unit_of_measure.lower(),
            line.voided,
            names.of("voidReasons", one.void_reason),
            numbers.instant(one.void_date),
            numbers.day(one.void_business_date),
            None,
            None,
            None,
            one.seat_number if one.seat_number is not None and one.seat_number > 0 else None,
            None,
            one.guid,
        )

    def _modifiers(self, line: _Line, place: int, rows: list[HistoryRow]) -> Selection | None:
        """Rows of what was chosen with a line, parents first; answers the choice that is the item's size."""
        if not line.selection.modifiers:
            return None
        menu = self.shelf.menu
        item_key = menu.item(line.selection.item)
        size: Selection | None = None
        stack: list[tuple[Selection, int | None]] = [(one, None) for one in reversed(line.selection.modifiers)]
        while stack:
            one, parent = stack.pop()
            if parent is None and size is None and menu.variation(item_key, one.item) is not None:
                size = one
            text, quantity = self.numbers.quantity(one.quantity)
            unit = self.numbers.amount(one.receipt_line_price)
            stack += [(inner, len(rows)) for inner in reversed(one.modifiers or ())]
            rows.append(
                OrderItemModifier(
                    place,
                    REQUEST_NAME if one.selection_type == REQUEST else one.display_name or NAMELESS_LINE,
                    text,
                    unit,
                    times(unit, quantity),
                    menu.option(one.option_group, one.item),
                    parent,
                    menu.group_name(one.option_group),
                    self.shelf.names.of("preModifiers", one.pre_modifier),
                    line.voided or one.voided is True,
                )
            )
        return size

    def _discount(self, one: AppliedDiscount, amount: int, place: int | None, is_whole: bool) -> OrderDiscount:
        reason = one.applied_discount_reason
        why = None if reason is None else reason.name or reason.description or None
        return OrderDiscount(
            one.name or NAMELESS_DISCOUNT,
            amount,
            place,
            self.numbers.percent(one.discount_percent),
            self.shelf.key(one.discount),
            why,
            self.shelf.key(one.approver),
            is_whole and reason is not None,
            _promo(one.applied_promo_code),
        )

    def _charge(self, one: AppliedCharge, cents: int, tax: int) -> OrderServiceCharge:
        kind = charge_class(one)
        guid = None if one.service_charge is None else one.service_charge.guid
        names = self.shelf.names
        return OrderServiceCharge(
            one.name or NAMELESS_CHARGE,
            cents,
            kind,
            None,
            names.charge_percents.get(guid or ""),
            tax,
            one.taxable is True,
            names.paid_to.get(guid or "", "staff" if kind == "auto_gratuity" else "house"),
            self.shelf.key(one.service_charge),
        )

    def _tax(
        self,
        pair: tuple[AppliedTax, Fine],
        cents: int,
        line: int | None,
        charge: int | None,
        included: bool,
        base: int | None,
    ) -> OrderTax:
        tax, fine = pair
        exact = f"{fine.scaleb(-self.numbers.digits):f}" if isinstance(fine, Decimal) else None
        return OrderTax(
            tax.name or tax.display_name or NAMELESS_TAX,
            cents,
            line,
            charge,
            self.shelf.key(tax.tax_rate),
            self.numbers.fraction(tax.rate) if tax.type in (None, "PERCENT") else None,
            included,
            exact,
            base,
            "marketplace" if tax.facilitator_collect_and_remit_tax is True else "restaurant",
        )


REQUEST_NAME = "Special request"
"""Instead of what was typed: notes are not kept."""


def charge_class(one: AppliedCharge) -> str:
    """The class of a service charge."""
    return "auto_gratuity" if one.gratuity is True else CHARGES.get(one.service_charge_category or "", "service")


def _applied_ones(discounts: list[AppliedDiscount] | None) -> list[AppliedDiscount]:
    """Discounts that hold; those a loyalty vendor took back do not."""
    return [one for one in discounts if one.processing_state != "VOID"] if discounts else []


def _below(one: Selection) -> Iterator[Selection]:
    """Every modifier of a line, at any depth."""
    for inner in one.modifiers or ():
        yield inner
        yield from _below(inner)


def _promo(code: object) -> str | None:
    if isinstance(code, Promo):
        return code.code
    if isinstance(code, dict):
        code = code.get("code")
    return code if isinstance(code, str) and code else None
