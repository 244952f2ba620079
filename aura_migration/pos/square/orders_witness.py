"""Square's second opinion about the history: orders, payments, refunds, payouts and cash drawers.

Written from the Square API reference (sections 11 to 14 and 16) and nothing of this folder's mapping: a mistake there must
not be repeated here. Bodies are read twice, one at a time: first for which version of an object is its last, then for what
it says. How one order is judged is in ``orders_witness_sale.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from aura_migration.archive.reader import StoredBody
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.order_facts import CashFact, DayRule, HistoryFact, PaymentFact, PayoutFact, RefundFact
from aura_migration.pos.order_versions import GONE, Readings
from aura_migration.pos.square.orders_witness_sale import (
    cents,
    day_of,
    foreign_money,
    has_sale,
    is_absurd,
    micros,
    named,
    order_day,
    order_fact,
    texts,
)

Record = Mapping[str, Any]


class Kind(NamedTuple):
    """Where one kind of object stands: source entity, key of a list, key of a single answer, segment of the path."""

    entity: str
    many: str
    one: str
    path: str


ORDERS = Kind("orders", "orders", "order", "orders")
PAYMENTS = Kind("payments", "payments", "payment", "payments")
REFUNDS = Kind("refunds", "refunds", "refund", "refunds")
PAYOUTS = Kind("payouts", "payouts", "payout", "payouts")
ENTRIES = Kind("payout_entries", "payout_entries", "payout_entry", "payout-entries")
SHIFTS = Kind("cash_drawer_shifts", "cash_drawer_shifts", "cash_drawer_shift", "shifts")
EVENTS = Kind("cash_drawer_events", "cash_drawer_shift_events", "cash_drawer_shift_event", "events")
MISSING = "missing_documents"

PAYMENT_STATES: dict[str, Any] = {
    "COMPLETED": "counts",
    "APPROVED": "open",
    "PENDING": "open",
    "CANCELED": "void",
    "FAILED": "void",
}
REFUND_STATES: dict[str, Any] = {"COMPLETED": "counts", "PENDING": "open", "REJECTED": "void", "FAILED": "void"}
ENTRY_CLASSES = {
    "CHARGE": "sale",
    "REFUND": "refund",
    "DISPUTE": "dispute",
    "OPEN_DISPUTE": "dispute",
    "TAX_ON_FEE": "tax",
    "ADJUSTMENT": "adjustment",
    "OTHER_ADJUSTMENT": "adjustment",
    "INITIAL_BALANCE_CHANGE": "adjustment",
    "HOLD_ADJUSTMENT": "adjustment",
    "RELEASE_ADJUSTMENT": "adjustment",
    "RESERVE_HOLD": "reserve",
    "RESERVE_RELEASE": "reserve",
    **dict.fromkeys(
        (
            "APP_FEE_REFUND",
            "APP_FEE_REVENUE",
            "DEPOSIT_FEE",
            "DEPOSIT_FEE_REVERSED",
            "FEE",
            "FREE_PROCESSING",
            "PAID_SERVICE_FEE",
            "PAID_SERVICE_FEE_REFUND",
            "SUBSCRIPTION_FEE",
            "SUBSCRIPTION_FEE_PAID_REFUND",
            "SUBSCRIPTION_FEE_REFUND",
            "THIRD_PARTY_FEE",
            "THIRD_PARTY_FEE_REFUND",
            "LOCAL_OFFERS_FEE",
            "PROCESSING_FEE",
            "PROCESSING_FEE_REFUND",
            "UNDO_PROCESSING_FEE_REFUND",
            "GIFT_CARD_LOAD_FEE",
            "GIFT_CARD_LOAD_FEE_REFUND",
            "UNDO_GIFT_CARD_LOAD_FEE_REFUND",
        ),
        "fee",
    ),
    **dict.fromkeys(
        (
            "AUTOMATIC_SAVINGS",
            "AUTOMATIC_SAVINGS_REVERSED",
            "MONEY_TRANSFER",
            "MONEY_TRANSFER_REVERSAL",
            "RETURNED_PAYOUT",
            "PAYOUT",
            "SQUARE_CAPITAL_PAYMENT",
            "SQUARE_CAPITAL_REVERSED_PAYMENT",
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
            "SQUARE_PAYROLL_TRANSFER",
            "SQUARE_PAYROLL_TRANSFER_REVERSED",
        ),
        "transfer",
    ),
}
"""Entry types of section 14 by class; every other type is ``other``."""
INTO_DRAWER = {
    "CASH_TENDER_PAYMENT": 1,
    "PAID_IN": 1,
    "CASH_TENDER_CANCELLED_PAYMENT": -1,
    "CASH_TENDER_REFUND": -1,
    "PAID_OUT": -1,
}


def facts(reader: SnapshotReader, location_source_id: str, currency: str, rule: DayRule) -> Iterator[HistoryFact]:
    """Everything recorded of the location's history; amounts are minor units already."""
    recorded = _Recorded(reader, location_source_id)
    returns = _Returns(recorded, rule)
    for order in recorded.last(ORDERS):
        returns.see_order(order)
        if has_sale(order) and (sale := order_fact(order, currency, rule)) is not None:
            yield sale
    for payment in recorded.last(PAYMENTS):
        returns.see_payment(payment)
        if (paid := _payment(payment, currency, rule)) is not None:
            yield paid
    yield from returns.facts(currency)
    yield from _payouts(recorded, rule)
    yield from _drawers(recorded, rule)


# Reading


class _Head(msgspec.Struct):
    """As much of an object as tells which version it is."""

    id: Any = None
    updated_at: Any = None
    created_at: Any = None
    location_id: Any = None


class _Gone(msgspec.Struct):
    """That Square was asked for an object and had none."""

    kind: str = ""
    key: str = ""


class _Answer(msgspec.Struct):
    """An answer of any shape that may hold objects: each list and each single under its own name."""

    gone: list[_Gone] | None = None
    orders: list[_Head] | None = None
    order: _Head | None = None
    payments: list[_Head] | None = None
    payment: _Head | None = None
    refunds: list[_Head] | None = None
    refund: _Head | None = None
    payouts: list[_Head] | None = None
    payout: _Head | None = None
    payout_entries: list[_Head] | None = None
    payout_entry: _Head | None = None
    cash_drawer_shifts: list[_Head] | None = None
    cash_drawer_shift: _Head | None = None
    cash_drawer_shift_events: list[_Head] | None = None
    cash_drawer_shift_event: _Head | None = None


_HEADS = msgspec.json.Decoder(_Answer)


class _Recorded:
    """The recorded objects of one location, each once, in its last version; those that are gone are left out."""

    def __init__(self, reader: SnapshotReader, location: str) -> None:
        self._reader = reader
        self._location = location
        self._which: dict[str, bytearray] = {}

    def last(self, kind: Kind) -> Iterator[Record]:
        """The objects of a kind, those without an id or of another location left out."""
        which = self._which.get(kind.entity)
        if which is None:
            which = self._which[kind.entity] = self._readings(kind)
        place = 0
        for body, is_single in self._bodies(kind):
            page = msgspec.json.decode(body.data)
            found = list(page.get(kind.many) or ())
            if page.get(kind.one) is not None:
                found.append(page[kind.one])
            for one in found:
                if which[place] and one.get("id") and one.get("location_id") in (self._location, None):
                    yield one
                place += 1
            if is_single:
                place += len(_gone(body, kind, {texts(one.get("id")) for one in found}))

    def _readings(self, kind: Kind) -> bytearray:
        readings = Readings()
        for body, is_single in self._bodies(kind):
            answer = _HEADS.decode(body.data)
            heads = list(getattr(answer, kind.many) or ())
            if (one := getattr(answer, kind.one)) is not None:
                heads.append(one)
            for head in heads:
                readings.note(texts(head.id), micros(head.updated_at) or micros(head.created_at) or 0)
            if is_single:
                for key in _gone(body, kind, {texts(head.id) for head in heads}):
                    readings.note(key, GONE)
        return readings.last()

    def _bodies(self, kind: Kind) -> Iterator[tuple[StoredBody, bool]]:
        """The answers to lists, then those to single reads of objects that had been missing from a list."""
        for body in self._reader.bodies(kind.entity):
            yield body, False
        for body in self._reader.bodies(MISSING):
            yield body, True


def _gone(body: StoredBody, kind: Kind, found: set[str]) -> list[str]:
    """What a single read asked for and did not get: as the record says, else what its path or its list of ids named."""
    told = {one.key for one in _HEADS.decode(body.data).gone or () if one.kind == kind.entity}
    steps = body.path.strip("/").split("/")
    if kind.path in steps[-2:]:
        sent = body.request_body or {}
        told.update(map(str, sent.get(f"{kind.one}_ids") or sent.get("keys") or ()))
        if steps[-2] == kind.path and not steps[-1].startswith(("search", "batch-", "bulk-")):
            told.add(steps[-1])
    return sorted(told - found)


# Payments and refunds


def _payment(one: Record, currency: str, rule: DayRule) -> PaymentFact | None:
    day = day_of(one.get("created_at"), rule)
    if day is None:
        return None
    amount, tip = cents(one.get("amount_money")), cents(one.get("tip_money"))
    fees = one.get("processing_fee")
    tender = _tender(one)
    problems = []
    if "total_money" in one and cents(one["total_money"]) != amount + tip:
        problems.append("total_does_not_add_up")
    if cents(one.get("refunded_money")) > amount + tip:
        problems.append("refund_exceeds_sale")
    if foreign_money(one, currency, "amount_money", "tip_money", "total_money"):
        problems.append("currency_differs")
    if tender == "Unknown":
        problems.append("unknown_tender")
    if is_absurd(day):
        problems.append("absurd_date")
    return PaymentFact(
        key=one["id"],
        order_key=one.get("order_id") or None,
        business_date=day,
        tender=tender,
        amount=amount,
        tip=tip,
        state=PAYMENT_STATES.get(one.get("status") or "", "open"),
        fee=sum(cents(fee.get("amount_money")) for fee in fees) if fees else None,
        problems=named(problems),
    )


def _tender(one: Record) -> str:
    """What the payment was made with: in the restaurant's word where it has one, else in Square's as sent."""
    source = one.get("source_type")
    if source == "CASH":
        return "Cash"
    if source == "CARD":
        card = (one.get("card_details") or {}).get("card") or {}
        return "Gift card" if card.get("card_brand") == "SQUARE_GIFT_CARD" else "Card"
    if source == "EXTERNAL":
        return texts((one.get("external_details") or {}).get("source")) or "Unknown"
    if source == "WALLET":
        return texts((one.get("wallet_details") or {}).get("brand")) or source
    if source == "BUY_NOW_PAY_LATER":
        return texts((one.get("buy_now_pay_later_details") or {}).get("brand")) or source
    return source if source in ("BANK_ACCOUNT", "SQUARE_ACCOUNT") else "Unknown"


class _Returned(NamedTuple):
    """What a return order says of the money its refunds give back."""

    sale: str | None
    refunds: int
    tax: int
    tip: int


class _Returns:
    """Refunds, and what they need of other objects: their return, the sale of that, the payment given back.

    Kept are the refunds' own references only: few of all orders and payments are ever given back.
    """

    def __init__(self, recorded: _Recorded, rule: DayRule) -> None:
        self._recorded = recorded
        self._rule = rule
        self._returns: dict[str, _Returned] = {}
        self._given: dict[str, int] = {}
        self._orders: dict[str, str] = {}
        self._paid: dict[str, int] = {}
        for refund in recorded.last(REFUNDS):
            if payment := refund.get("payment_id"):
                is_money = REFUND_STATES.get(refund.get("status") or "") in ("counts", "open")
                self._given[payment] = self._given.get(payment, 0) + is_money * cents(refund.get("amount_money"))
            if order := refund.get("order_id"):
                held = self._returns.get(order, _Returned(None, 0, 0, 0))
                self._returns[order] = held._replace(refunds=held.refunds + 1)

    def see_order(self, one: Record) -> None:
        """Keep what a return says."""
        held = self._returns.get(one["id"])
        if held is None:
            return
        sales = {part["source_order_id"] for part in one.get("returns") or () if part.get("source_order_id")}
        amounts = one.get("return_amounts") or {}
        self._returns[one["id"]] = _Returned(
            next(iter(sales)) if len(sales) == 1 else None,
            held.refunds,
            cents(amounts.get("tax_money")),
            cents(amounts.get("tip_money")),
        )

    def see_payment(self, one: Record) -> None:
        """Keep what a payment that is given back was."""
        if one["id"] in self._given:
            self._orders[one["id"]] = one.get("order_id") or ""
            self._paid[one["id"]] = cents(one.get("amount_money")) + cents(one.get("tip_money"))

    def facts(self, currency: str) -> Iterator[RefundFact]:
        """All refunds; to be asked when every order and payment has been seen."""
        days: dict[str, str] = {}
        if self._rule.refunds == "sale_day":
            wanted = {held.sale for held in self._returns.values()} | set(self._orders.values())
            for order in self._recorded.last(ORDERS):
                if order["id"] in wanted and (sold := order_day(order, self._rule)) is not None:
                    days[order["id"]] = sold
        for one in self._recorded.last(REFUNDS):
            day = day_of(one.get("created_at"), self._rule)
            if day is not None:
                fact = self._fact(one, currency, day)
                fact.business_date = days.get(fact.order_key or "", day)
                yield fact

    def _fact(self, one: Record, currency: str, day: str) -> RefundFact:
        """One refund. Its tax and tip are those of its return where that has no other refund."""
        payment = one.get("payment_id") or None
        held = self._returns.get(one.get("order_id") or "")
        problems = []
        if payment in self._paid and self._given[payment] > self._paid[payment]:
            problems.append("refund_exceeds_sale")
        if foreign_money(one, currency, "amount_money"):
            problems.append("currency_differs")
        if is_absurd(day):
            problems.append("absurd_date")
        parts = held if held is not None and held.refunds == 1 else None
        return RefundFact(
            key=one["id"],
            order_key=(held.sale if held is not None else None) or self._orders.get(payment or "") or None,
            payment_key=payment,
            business_date=day,
            amount=cents(one.get("amount_money")),
            state=REFUND_STATES.get(one.get("status") or "", "open"),
            tax=parts.tax if parts is not None else None,
            tip=parts.tip if parts is not None else None,
            problems=named(problems),
        )


# Payouts and drawers


def _payouts(recorded: _Recorded, rule: DayRule) -> Iterator[PayoutFact]:
    entries: dict[str, dict[str, tuple[int, int]]] = {}
    fees: dict[str, int] = {}
    for entry in recorded.last(ENTRIES):
        payout, found = texts(entry.get("payout_id")), ENTRY_CLASSES.get(entry.get("type") or "", "other")
        held = entries.setdefault(payout, {})
        count, net = held.get(found, (0, 0))
        held[found] = (count + 1, net + cents(entry.get("net_amount_money")))
        fees[payout] = fees.get(payout, 0) + cents(entry.get("fee_amount_money"))
    for one in recorded.last(PAYOUTS):
        key, day = one["id"], day_of(one.get("created_at"), rule)
        if day is not None:
            yield PayoutFact(key, day, cents(one.get("amount_money")), entries.get(key, {}), fees.get(key, 0))


def _drawers(recorded: _Recorded, rule: DayRule) -> Iterator[CashFact]:
    """Drawers by what was counted in them (not counted yet: what should be); what moved cash, into the drawer positive."""
    for one in recorded.last(SHIFTS):
        day = day_of(one.get("opened_at") or one.get("created_at"), rule)
        if day is not None:
            names = ("closed_cash_money", "expected_cash_money", "opened_cash_money")
            counted = next((one[name] for name in names if one.get(name) is not None), None)
            yield CashFact("cash_drawer_shifts", one["id"], day, cents(counted))
    for one in recorded.last(EVENTS):
        day = day_of(one.get("created_at"), rule)
        if day is not None:
            sign = INTO_DRAWER.get(one.get("event_type") or "", 0)
            yield CashFact("cash_events", one["id"], day, sign * abs(cents(one.get("event_money"))))
