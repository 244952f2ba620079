"""A sale order as rows: the check, its lines, modifiers, taxes, discounts and charges; what does not add up is flagged.

Amounts stand as Square sent them. A line is what was rung up: variation and modifiers, before discounts, with tax that is
inside the price (which Square leaves out of ``gross_sales_money`` in some countries) and without charges spread over it.
Square API reference, sections 11 and 12.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import (
    HistoryRow,
    Order,
    OrderDiscount,
    OrderItem,
    OrderItemModifier,
    OrderServiceCharge,
    OrderTax,
)
from aura_migration.pos.square.orders import wire
from aura_migration.pos.square.orders.dating import Days, When, is_absurd, version_of, when
from aura_migration.pos.square.orders.exchanges import used_up
from aura_migration.pos.square.orders.known import Known
from aura_migration.pos.square.orders.leaving import channel_of, leaving
from aura_migration.pos.square.orders.stated import discount_key, stated
from aura_migration.pos.square.orders.wire import cents
from aura_migration.pos.square.units import unit_name
from aura_migration.pos.square.wire import MeasurementUnitData

STATES = {"OPEN": "pending", "DRAFT": "pending", "COMPLETED": "completed", "CANCELED": "cancelled"}
TENDERS = frozenset(
    {
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
    }
)
_PLAIN = re.compile(r"-?\d{1,12}(\.\d{1,9})?")
_encode = msgspec.json.Encoder(order="deterministic").encode


@lru_cache(1_000)
def quantity_text(text: str | None) -> str:
    """A quantity as a plain decimal; 1 where there is none."""
    return text if text and _PLAIN.fullmatch(text) else "1"


@lru_cache(1_000)
def percent_text(text: str | None) -> str | None:
    """A percentage as a plain decimal, as sent; None where there is none."""
    return text if text and _PLAIN.fullmatch(text) else None


def as_json(value: dict[str, Any]) -> str | None:
    """A small document; None for an empty one."""
    return _encode(value).decode() if value else None


def codes(flags: Iterable[str]) -> str | None:
    """Codes of what does not add up as JSON, in a fixed order; None where all does."""
    found = sorted(flags)
    return _encode(found).decode() if found else None


def rung_up(line: wire.Line) -> tuple[int, int]:
    """What a line was rung up for, and the part of it that its modifiers are."""
    modifiers = line.modifiers or line.return_modifiers
    extra = 0
    if modifiers:
        for modifier in modifiers:
            extra += cents(modifier.total_price_money)
    if line.variation_total_price_money is not None:
        return cents(line.variation_total_price_money) + extra, extra
    return _times(cents(line.base_price_money), line.quantity) + extra, extra


def _times(price: int, quantity: str | None) -> int:
    text = quantity_text(quantity)
    if text.isdigit():
        return price * int(text)
    try:
        return int((price * Decimal(text)).quantize(Decimal(1), ROUND_HALF_EVEN))
    except InvalidOperation:
        return price


def unit_of(line: wire.Line) -> str | None:
    """The unit a line's quantity counts in."""
    unit = line.quantity_unit
    if unit is None or not unit.measurement_unit:
        return None
    return unit_name(MeasurementUnitData(measurement_unit=unit.measurement_unit))


def line_name(line: wire.Line) -> str:
    """The name on the bill."""
    return line.name or ("Gift card" if line.item_type == "GIFT_CARD" else "Custom amount")


class Sales:
    """Sale orders of one location as documents."""

    def __init__(self, known: Known, location: str, currency: str, days: Days, pseudonym: Callable[[str], str]) -> None:
        self._known = known
        self._location = location
        self._currency = currency
        self._days = days
        self._pseudonym = pseudonym

    def document(self, order: wire.Order) -> Document | None:
        """The check; None for a return that sold nothing, and for an order of another location."""
        key = order.id
        assert key, "orders without an id are refused before"
        if order.location_id not in (None, self._location) or (order.returns and not order.line_items):
            return None
        version = version_of(order.updated_at)
        opened, closed = when(order.created_at), when(order.closed_at)
        paid = self._paid(order)
        dated, rule = self._dated(opened, closed, paid)
        day = self._days.day(dated)
        if day is None:
            return Document("orders", key, version, [], fault="Square gives this order no time that could be its day.")
        check = _Check(order, self._known, self._currency, self._location)
        if is_absurd(opened) or is_absurd(closed):
            check.flag("absurd_date")
        rows = check.rows(len(order.line_items or ()))
        rows[0] = self._root(order, check, day, rule, opened, closed, paid)
        return Document("orders", key, version, rows)

    def _paid(self, order: wire.Order) -> When | None:
        last: When | None = None
        for tender in order.tenders or ():
            found = when(tender.created_at)
            if found is not None and (last is None or found.instant > last.instant):
                last = found
        return last

    def _dated(self, opened: When | None, closed: When | None, paid: When | None) -> tuple[When | None, str]:
        days = self._days
        if days.rules.basis == "paid" and paid is not None:
            return paid, days.by_paid
        if days.rules.basis == "created" and opened is not None:
            return opened, days.by_created
        return (closed, days.by_closed) if closed is not None else (opened, days.by_created)

    def _root(
        self,
        order: wire.Order,
        check: _Check,
        day: str,
        rule: str,
        opened: When | None,
        closed: When | None,
        paid: When | None,
    ) -> Order:
        status = STATES.get(order.state or "", "pending")
        is_voided = status == "cancelled"
        voided = (closed or when(order.updated_at)) if is_voided else None
        order_type, scheduled, ahead = leaving(order)
        if status == "pending" and ahead:
            status = "scheduled"
        guest = order.customer_id
        if not guest:
            guest = next((tender.customer_id for tender in order.tenders or () if tender.customer_id), None)
        details = stated(order, self._location)
        if order.fulfillments:
            details["fulfillments"] = [[held.type, held.state] for held in order.fulfillments]
        if order.returns:
            details["returned_order_ids"] = [held.source_order_id for held in order.returns if held.source_order_id]
        return Order(
            business_date=day,
            business_date_rule=rule,
            status=status,
            currency=(order.total_money and order.total_money.currency) or self._currency,
            subtotal_cents=check.subtotal,
            final_amount_cents=check.final,
            non_sale_cents=check.non_sale,
            discount_amount_cents=check.discount,
            service_charge_amount_cents=check.charges,
            gratuity_cents=check.gratuity,
            rounding_cents=check.rounding,
            tax_amount_cents=check.tax,
            included_tax_cents=check.included,
            total_amount_cents=check.final + check.discount,
            tip_amount_cents=check.tip,
            opened_at=opened and opened.text,
            closed_at=closed and closed.text,
            paid_at=paid.text if paid is not None and status == "completed" else None,
            is_voided=is_voided,
            voided_at=voided and voided.text,
            void_business_date=self._days.day(voided),
            scheduled_for=scheduled,
            order_type=order_type,
            channel=channel_of(order),
            source_name=order.source.name if order.source is not None else None,
            external_id=order.reference_id or None,
            customer_key=guest or None,
            guest_reference=self._pseudonym(guest) if guest else None,
            is_tax_exempt=check.tax == 0 and not order.taxes and check.subtotal > 0,
            review_flags=check.flags(),
            details=as_json(details),
        )


class _Check:
    """One order taken apart: its rows, its sums, and what does not add up."""

    def __init__(self, order: wire.Order, known: Known, currency: str, location: str) -> None:
        self._order = order
        self._location = location
        self._known = known
        self._currency = currency
        self._flags: dict[str, None] = {}
        self._taxes = {tax.uid: tax for tax in order.taxes or () if tax.uid}
        self._applied: dict[str, int] = {}
        self.subtotal = self.non_sale = self.charges = self.gratuity = self.included = 0
        self.tax = cents(order.total_tax_money)
        self.discount = cents(order.total_discount_money)
        self.tip = cents(order.total_tip_money)
        self.rounding = wire.cents_of(order.rounding_adjustment)
        self.final = 0

    def flag(self, code: str) -> None:
        """Note what does not add up."""
        self._flags[code] = None

    def flags(self) -> str | None:
        """The codes as JSON, in a fixed order."""
        return codes(self._flags)

    def rows(self, lines: int) -> list[HistoryRow]:
        """All rows; the first place is kept for the check itself."""
        order = self._order
        items: list[HistoryRow] = []
        modifiers: list[HistoryRow] = []
        taxes: list[HistoryRow] = []
        discounts: list[HistoryRow] = []
        charges: list[HistoryRow] = []
        by_discount: dict[str, int] = {}
        line_discounts = line_taxes = line_totals = spread = 0
        for place, line in enumerate(order.line_items or ()):
            rung, extra = rung_up(line)
            tax, discount = cents(line.total_tax_money), cents(line.total_discount_money)
            charge, total = cents(line.total_service_charge_money), cents(line.total_money)
            included, shares = self._line_taxes(line.applied_taxes, place, None, taxes)
            if line.applied_taxes and shares != tax:
                self.flag("tax_does_not_add_up")
            items.append(self._item(line, rung, extra, discount, tax, included))
            if line.modifiers:
                self._modifiers(line.modifiers, place, modifiers)
            if line.applied_discounts:
                shares = 0
                for share in line.applied_discounts:
                    amount = cents(share.applied_money)
                    shares += amount
                    uid = share.discount_uid or ""
                    by_discount[uid] = by_discount.get(uid, 0) + amount
                    self._line_discount(uid, amount, place, discounts)
                if shares != discount:
                    self.flag("discounts_do_not_add_up")
            self._line_adds_up(line, rung, included, charge, discount, tax, total)
            line_discounts += discount
            line_taxes += tax
            line_totals += total
            spread += charge
        apart = apart_tax = 0
        for place, held in enumerate(order.service_charges or ()):
            amount, tax = cents(held.applied_money), cents(held.total_tax_money)
            self._line_taxes(held.applied_taxes, None, place, taxes)
            charges.append(self._charge(held, amount, tax))
            if held.treatment_type != "APPORTIONED_TREATMENT":
                apart += cents(held.total_money) if held.total_money is not None else amount + tax
                apart_tax += tax
        self._whole_discounts(by_discount, line_discounts, discounts)
        self._whole_taxes(line_taxes + apart_tax, taxes)
        self._total(line_totals + apart)
        self._covered()
        placeholder: HistoryRow = _NOTHING
        return [placeholder, *items, *modifiers, *discounts, *charges, *taxes]

    # -- lines -----------------------------------------------------------------------------------------------------

    def _item(self, line: wire.Line, rung: int, extra: int, discount: int, tax: int, included: int) -> OrderItem:
        item = variation = category = None
        revenue = "sale"
        if line.catalog_object_id:
            sellable = self._known.sellable(line.catalog_object_id)
            item, variation, category, is_donation = sellable
            if is_donation:
                revenue = "donation"
        if line.item_type == "GIFT_CARD":
            revenue = "gift_card_load"
        self.subtotal += rung
        if revenue != "sale":
            self.non_sale += rung
        return OrderItem(
            line_name(line),
            quantity_text(line.quantity),
            cents(line.base_price_money),
            rung,
            revenue,
            extra,
            discount,
            tax,
            included,
            item,
            variation,
            line.variation_name,
            category,
            unit_of(line) if line.quantity_unit is not None else None,
            source_line_id=line.uid,
        )

    def _modifiers(self, modifiers: list[wire.LineModifier], place: int, rows: list[HistoryRow]) -> None:
        base = len(rows)
        for held in modifiers:
            option = self._known.option(held.catalog_object_id) if held.catalog_object_id else None
            above = None
            if held.parent_modifier_uid:
                above = next(
                    (base + at for at, one in enumerate(modifiers) if one.uid == held.parent_modifier_uid), None
                )
            rows.append(
                OrderItemModifier(
                    place,
                    held.name or "Modifier",
                    quantity_text(held.quantity),
                    cents(held.base_price_money),
                    cents(held.total_price_money),
                    option.key if option is not None else None,
                    above,
                    option.group if option is not None else None,
                )
            )

    def _line_taxes(
        self, applied: list[wire.AppliedTax] | None, item: int | None, charge: int | None, rows: list[HistoryRow]
    ) -> tuple[int, int]:
        """Rows of the taxes on a line or a charge; returns the part of them that is inside the price, and all of them."""
        if not applied:
            return 0, 0
        included = whole = 0
        for share in applied:
            amount = cents(share.applied_money)
            uid = share.tax_uid or ""
            whole += amount
            self._applied[uid] = self._applied.get(uid, 0) + amount
            tax = self._taxes.get(uid)
            if tax is None:
                self.flag("missing_reference")
                rows.append(OrderTax("Unknown tax", amount, item, charge))
                continue
            inside = tax.type == "INCLUSIVE"
            if inside:
                included += amount
            rows.append(_tax_row(tax, amount, item, charge, inside))
        self.included += included
        return included, whole

    def _line_discount(self, uid: str, amount: int, place: int, rows: list[HistoryRow]) -> None:
        discount = next((held for held in self._order.discounts or () if held.uid == uid), None)
        if discount is None:
            self.flag("missing_reference")
            rows.append(OrderDiscount("Unknown discount", amount, place))
        elif discount.scope != "ORDER":
            rows.append(_discount_row(discount, amount, place, self._location))

    def _line_adds_up(
        self, line: wire.Line, rung: int, included: int, charge: int, discount: int, tax: int, total: int
    ) -> None:
        sent = line.gross_sales_money if line.gross_sales_money is not None else None
        if sent is not None:
            gross = cents(sent)
            # Where Square counts tax that is inside the price, and charges spread over lines, differs by country.
            if gross not in (rung - included + charge, rung + charge, rung - included, rung):
                self.flag("lines_do_not_add_up")
        if line.total_money is not None and total != rung - discount + charge + tax - included:
            self.flag("lines_do_not_add_up")
        if line.total_money is not None and line.total_money.currency not in (None, self._currency):
            self.flag("currency_differs")

    # -- the check -------------------------------------------------------------------------------------------------

    def _charge(self, held: wire.Charge, amount: int, tax: int) -> OrderServiceCharge:
        if held.type == "AUTO_GRATUITY":
            kind, paid_to = "auto_gratuity", "staff"
            self.gratuity += amount
        else:
            kind, paid_to = "service", "house"
            self.charges += amount
        return OrderServiceCharge(
            held.name or "Service charge",
            amount,
            kind,
            None,
            percent_text(held.percentage),
            tax,
            bool(held.taxable),
            paid_to,
            held.catalog_object_id,
        )

    def _whole_discounts(self, by_discount: dict[str, int], on_lines: int, rows: list[HistoryRow]) -> None:
        for held in self._order.discounts or ():
            amount, shares = cents(held.applied_money), by_discount.get(held.uid or "")
            if held.scope == "ORDER" or (shares is None and amount):
                rows.append(_discount_row(held, amount, None, self._location))
            if held.applied_money is not None and (shares or 0) != amount:
                self.flag("discounts_do_not_add_up")
        if on_lines != self.discount:
            self.flag("discounts_do_not_add_up")

    def _whole_taxes(self, on_parts: int, rows: list[HistoryRow]) -> None:
        for held in self._order.taxes or ():
            shares = self._applied.get(held.uid or "")
            amount = cents(held.applied_money)
            if shares is None and amount:  # no line says that it carries this tax: it stands on the check
                inside = held.type == "INCLUSIVE"
                if inside:
                    self.included += amount
                rows.append(_tax_row(held, amount, None, None, inside))
            if held.applied_money is not None and (shares or 0) != amount:
                self.flag("tax_does_not_add_up")
        if on_parts != self.tax:
            self.flag("tax_does_not_add_up")

    def _total(self, parts: int) -> None:
        """Payable without tips. Whether the total holds tips and cash rounding is not documented: what adds up counts."""
        sent = cents(self._order.total_money)
        due = parts + self.rounding
        if sent == due + self.tip:
            self.final = sent - self.tip
        elif sent == due:
            self.final = sent
        elif self.rounding and sent in (parts + self.tip, parts):
            self.final = due
        else:
            self.flag("total_does_not_add_up")
            self.final = sent - self.tip
        if sent < 0:
            self.flag("negative_total")
        money = self._order.total_money
        if money is not None and money.currency not in (None, self._currency):
            self.flag("currency_differs")

    def _covered(self) -> None:
        order = self._order
        paid = tips = 0
        for tender in order.tenders or ():
            paid += cents(tender.amount_money)
            tips += cents(tender.tip_money)
            if tender.type not in TENDERS:
                self.flag("unknown_tender")
            if not (tender.payment_id or tender.id):
                self.flag("missing_reference")
        due = self.final + self.tip
        if order.state == "COMPLETED" and (paid + used_up(order, due) != due or tips != self.tip):
            self.flag("payments_do_not_cover")


def _tax_row(tax: wire.Tax, amount: int, item: int | None, charge: int | None, inside: bool) -> OrderTax:
    return OrderTax(
        tax.name or "Tax", amount, item, charge, tax.catalog_object_id, percent_text(tax.percentage), inside
    )


def _discount_row(held: wire.Discount, amount: int, place: int | None, at: str) -> OrderDiscount:
    percent = percent_text(held.percentage)
    return OrderDiscount(
        held.name or "Discount",
        amount,
        place,
        percent,
        discount_key(at, held),
        is_comp=percent is not None and percent[:3] == "100" and float(percent) == 100,
    )


_NOTHING = OrderServiceCharge("", 0)
"""Stands in the place of the check until its sums are known."""
