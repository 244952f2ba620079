"""Payouts with what they are made of, cash drawers and what moved their cash, as rows. API reference, sections 14 and 16."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import CashDrawerShift, CashEvent, HistoryRow, Payout, PayoutEntry
from aura_migration.pos.square.orders import wire
from aura_migration.pos.square.orders.dating import Days, text_of, version_of, when
from aura_migration.pos.square.orders.money import NO_TIME
from aura_migration.pos.square.orders.sales import as_json
from aura_migration.pos.square.orders.wire import PAYMENT_OF, cents, maybe_cents

FEES = frozenset(
    {
        "FEE",
        "PROCESSING_FEE",
        "PROCESSING_FEE_REFUND",
        "UNDO_PROCESSING_FEE_REFUND",
        "FREE_PROCESSING",
        "APP_FEE_REVENUE",
        "APP_FEE_REFUND",
        "THIRD_PARTY_FEE",
        "THIRD_PARTY_FEE_REFUND",
        "DEPOSIT_FEE",
        "DEPOSIT_FEE_REVERSED",
        "PAID_SERVICE_FEE",
        "PAID_SERVICE_FEE_REFUND",
        "SUBSCRIPTION_FEE",
        "SUBSCRIPTION_FEE_PAID_REFUND",
        "SUBSCRIPTION_FEE_REFUND",
        "GIFT_CARD_LOAD_FEE",
        "GIFT_CARD_LOAD_FEE_REFUND",
        "UNDO_GIFT_CARD_LOAD_FEE_REFUND",
        "LOCAL_OFFERS_FEE",
    }
)
TRANSFERS = frozenset(
    {
        "AUTOMATIC_SAVINGS",
        "AUTOMATIC_SAVINGS_REVERSED",
        "MONEY_TRANSFER",
        "MONEY_TRANSFER_REVERSAL",
        "RETURNED_PAYOUT",
        "PAYOUT",
        "SQUARE_CAPITAL_PAYMENT",
        "SQUARE_CAPITAL_REVERSED_PAYMENT",
        "SQUARE_PAYROLL_TRANSFER",
        "SQUARE_PAYROLL_TRANSFER_REVERSED",
        "AUTOMATIC_BITCOIN_CONVERSIONS",
        "AUTOMATIC_BITCOIN_CONVERSIONS_REVERSED",
        "CREDIT_CARD_REPAYMENT",
        "CREDIT_CARD_REPAYMENT_REVERSED",
        "PERCENTAGE_PROCESSING_REPAYMENT",
        "PERCENTAGE_PROCESSING_REPAYMENT_REVERSED",
        "BALANCE_FOLDERS_TRANSFER",
        "BALANCE_FOLDERS_TRANSFER_REVERSED",
        "GIFT_CARD_POOL_TRANSFER",
        "GIFT_CARD_POOL_TRANSFER_REVERSED",
    }
)
CLASSES = {
    "CHARGE": "sale",
    "REFUND": "refund",
    "TAX_ON_FEE": "tax",
    "DISPUTE": "dispute",
    "OPEN_DISPUTE": "dispute",
    "RESERVE_HOLD": "reserve",
    "RESERVE_RELEASE": "reserve",
    "ADJUSTMENT": "adjustment",
    "OTHER_ADJUSTMENT": "adjustment",
    "HOLD_ADJUSTMENT": "adjustment",
    "RELEASE_ADJUSTMENT": "adjustment",
    **dict.fromkeys(FEES, "fee"),
    **dict.fromkeys(TRANSFERS, "transfer"),
}
EVENTS = {
    "NO_SALE": ("no_sale", 0),
    "CASH_TENDER_PAYMENT": ("sale", 1),
    "CASH_TENDER_CANCELLED_PAYMENT": ("adjustment", -1),
    "CASH_TENDER_REFUND": ("refund", -1),
    "PAID_IN": ("pay_in", 1),
    "PAID_OUT": ("pay_out", -1),
    "OTHER_TENDER_PAYMENT": ("other", 0),
    "OTHER_TENDER_CANCELLED_PAYMENT": ("other", 0),
    "OTHER_TENDER_REFUND": ("other", 0),
}
"""What an event of a drawer is, and which way its money goes."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SHIFT = re.compile(r"/v2/cash-drawers/shifts/([^/]+)/events")


class Settled:
    """Payouts and cash of one location as documents."""

    def __init__(self, location: str, currency: str, days: Days) -> None:
        self._location = location
        self._currency = currency
        self._days = days

    def payout(self, payout: wire.Payout, entries: Sequence[wire.Entry]) -> Document | None:
        """A payout with its entries; None for another location's."""
        key = payout.id
        assert key, "payouts without an id are refused before"
        if payout.location_id not in (None, self._location):
            return None
        version, made = version_of(payout.updated_at or payout.created_at), when(payout.created_at)
        day = self._days.day(made)
        if made is None or day is None:
            return Document("payouts", key, version, [], fault=NO_TIME)
        details: dict[str, Any] = {}
        if payout.payout_fee:
            details["fees"] = [[fee.type, cents(fee.amount_money)] for fee in payout.payout_fee]
        if payout.end_to_end_id:
            details["bank_statement_text"] = payout.end_to_end_id
        if payout.destination is not None and payout.destination.type:
            details["destination"] = payout.destination.type
        arrival = payout.arrival_date
        money = payout.amount_money
        rows: list[HistoryRow] = [
            Payout(
                day,
                cents(money),
                (money and (money.currency or money.currency_code)) or self._currency,
                payout.status or "UNKNOWN",
                payout.type,
                arrival if arrival and _DAY.fullmatch(arrival) else None,
                made.text,
                as_json(details),
            )
        ]
        rows += [_entry(entry) for entry in entries]
        return Document("payouts", key, version, rows)

    def shift(self, shift: wire.Shift) -> Document | None:
        """A drawer from opening to count; None for another location's."""
        key = shift.id
        assert key, "shifts without an id are refused before"
        if shift.location_id not in (None, self._location):
            return None
        version, opened = version_of(shift.updated_at or shift.opened_at), when(shift.opened_at)
        day = self._days.day(opened)
        if opened is None or day is None:
            return Document("cash_drawer_shifts", key, version, [], fault=NO_TIME)
        details = {
            name: abs(cents(money))
            for name, money in (
                ("payments_cents", shift.cash_payment_money),
                ("refunds_cents", shift.cash_refunds_money),
                ("paid_in_cents", shift.cash_paid_in_money),
                ("paid_out_cents", shift.cash_paid_out_money),
            )
            if money is not None
        }
        row = CashDrawerShift(
            day,
            opened.text,
            text_of(shift.closed_at or shift.ended_at),
            shift.state,
            shift.device.name if shift.device is not None else None,
            maybe_cents(shift.opened_cash_money),
            maybe_cents(shift.expected_cash_money),
            maybe_cents(shift.closed_cash_money),
            shift.opening_team_member_id or None,
            shift.closing_team_member_id or shift.ending_team_member_id or None,
            as_json(details),
        )
        return Document("cash_drawer_shifts", key, version, [row])

    def event(self, event: wire.ShiftEvent, shift: str | None) -> Document:
        """Something that happened at the drawer of that shift."""
        key = event.id
        assert key, "events without an id are refused before"
        made = when(event.created_at)
        day = self._days.day(made)
        if made is None or day is None:
            return Document("cash_events", key, "", [], fault=NO_TIME)
        kind, sign = EVENTS.get(event.event_type or "", ("other", 0))
        row = CashEvent(
            day,
            kind,
            sign * abs(cents(event.event_money)),
            event.event_type or "UNKNOWN",
            made.text,
            shift,
            event.team_member_id or None,
            event.description or None,
        )
        return Document("cash_events", key, version_of(event.created_at), [row])


def shift_of(path: str) -> str | None:
    """The shift whose events were asked for at that path."""
    found = _SHIFT.fullmatch(path)
    return found[1] if found else None


def _entry(entry: wire.Entry) -> PayoutEntry:
    kind = entry.type or "UNKNOWN"
    details: wire.Named | None = getattr(entry, PAYMENT_OF[kind]) if kind in PAYMENT_OF else None
    return PayoutEntry(
        kind,
        CLASSES.get(kind, "other"),
        cents(entry.gross_amount_money),
        cents(entry.fee_amount_money),
        cents(entry.net_amount_money),
        text_of(entry.effective_at),
        details.payment_id if details is not None else None,
        entry.id,
    )
