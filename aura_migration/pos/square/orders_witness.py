"""Square's second opinion about the history: orders, payments, refunds, payouts and cash drawers.

Written from the Square API reference (sections 11 to 14 and 16) and nothing of this folder's mapping: a mistake there must
not be repeated here. Bodies are read twice, one at a time: first for which version of an object is its last, then for what
it says. How one order is judged is in ``orders_witness_sale.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from aura_migration.archive.reader import StoredBody
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.order_facts import CashFact, DayRule, HistoryFact, PaymentFact, PayoutFact, RefundFact
from aura_migration.pos.order_versions import GONE, Readings
from aura_migration.pos.square.orders_witness_sale import (
    cents,
    day_of,
    exchange_facts,
    foreign_money,
    has_sale,
    is_absurd,
    micros,
    named,
    order_day,
    order_fact,
)
from aura_migration.pos.square.orders_witness_wire import (
    Details,
    Entry,
    Event,
    Head,
    Order,
    Payment,
    Payout,
    Refund,
    Shift,
    Told,
)

T = TypeVar("T")


class Kind(NamedTuple, Generic[T]):
    """Where one kind of object stands: source entity, key of a list, key of a single answer, segment of the path."""

    entity: str
    many: str
    one: str
    path: str
    shape: type[T]


ORDERS = Kind("orders", "orders", "order", "orders", Order)
PAYMENTS = Kind("payments", "payments", "payment", "payments", Payment)
REFUNDS = Kind("refunds", "refunds", "refund", "refunds", Refund)
PAYOUTS = Kind("payouts", "payouts", "payout", "payouts", Payout)
ENTRIES = Kind("payout_entries", "payout_entries", "payout_entry", "payout-entries", Entry)
SHIFTS = Kind("cash_drawer_shifts", "cash_drawer_shifts", "cash_drawer_shift", "shifts", Shift)
EVENTS = Kind("cash_drawer_events", "cash_drawer_shift_events", "cash_drawer_shift_event", "events", Event)
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
    for key, order in recorded.last(ORDERS):
        returns.see_order(key, order)
        if has_sale(order) and (sale := order_fact(order, key, currency, rule)) is not None:
            yield sale
            yield from exchange_facts(order, sale)
    for key, payment in recorded.last(PAYMENTS):
        returns.see_payment(key, payment)
        if (paid := _payment(key, payment, currency, rule)) is not None:
            yield paid
    yield from returns.facts(currency)
    yield from _payouts(recorded, rule)
    yield from _drawers(recorded, rule)


# Reading


_PAGE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MANY = msgspec.json.Decoder(list[msgspec.Raw])
_HEAD = msgspec.json.Decoder(Head)
_TOLD = msgspec.json.Decoder(Told)


class _Recorded:
    """The recorded objects of one location, each once, in its last version; those that are gone are left out."""

    def __init__(self, reader: SnapshotReader, location: str) -> None:
        self._reader = reader
        self._location = location
        self._which: dict[str, bytearray] = {}

    def last(self, kind: Kind[T]) -> Iterator[tuple[str, T]]:
        """The objects of a kind by their ids; those nobody can read, and those of another location, are left out."""
        which = self._which.get(kind.entity)
        if which is None:
            which = self._which[kind.entity] = self._readings(kind)
        decoder, place = msgspec.json.Decoder(kind.shape), 0
        for body, is_single in self._bodies(kind):
            found = _objects(body, kind)
            for raw in found:
                one = _try(decoder, raw) if which[place] else None
                key = getattr(one, "id", None)
                if one is not None and key and getattr(one, "location_id", None) in (self._location, None):
                    yield key, one
                place += 1
            if is_single:
                place += len(_gone(body, kind, _heads(found)))

    def _readings(self, kind: Kind[Any]) -> bytearray:
        readings = Readings()
        for body, is_single in self._bodies(kind):
            heads = _heads(_objects(body, kind))
            for head in heads:
                readings.note(head.id or "", micros(head.updated_at) or micros(head.created_at) or 0)
            if is_single:
                for key in _gone(body, kind, heads):
                    readings.note(key, GONE)
        return readings.last()

    def _bodies(self, kind: Kind[Any]) -> Iterator[tuple[StoredBody, bool]]:
        """The answers to lists, then those to single reads of objects that had been missing from a list."""
        for body in self._reader.bodies(kind.entity):
            yield body, False
        for body in self._reader.bodies(MISSING):
            yield body, True


def _objects(body: StoredBody, kind: Kind[Any]) -> list[Any]:
    """The objects of a kind in an answer of any shape, undecoded."""
    page = _try(_PAGE, body.data) or {}
    found = (_try(_MANY, page[kind.many]) or []) if kind.many in page else []
    return [*found, page[kind.one]] if kind.one in page else found


def _heads(found: list[Any]) -> list[Head]:
    return [_try(_HEAD, raw) or Head() for raw in found]


def _try(decoder: msgspec.json.Decoder[T], raw: Any) -> T | None:
    """What a decoder reads; None where it cannot be read: such an object becomes no row, and is no fact."""
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError:
        return None


def _gone(body: StoredBody, kind: Kind[Any], heads: list[Head]) -> list[str]:
    """What a single read asked for and did not get: as the record says, else what its path or its list of ids named."""
    record = _try(_TOLD, body.data)
    told = {one.key for one in (record.gone if record is not None else None) or () if one.kind == kind.entity}
    steps = body.path.strip("/").split("/")
    if kind.path in steps[-2:]:
        sent = body.request_body or {}
        told.update(map(str, sent.get(f"{kind.one}_ids") or sent.get("keys") or ()))
        if steps[-2] == kind.path and not steps[-1].startswith(("search", "batch-", "bulk-")):
            told.add(steps[-1])
    return sorted(told - {head.id or "" for head in heads})


# Payments and refunds


def _payment(key: str, one: Payment, currency: str, rule: DayRule) -> PaymentFact | None:
    day = day_of(one.created_at, rule)
    if day is None:
        return None
    amount, tip = cents(one.amount_money), cents(one.tip_money)
    tender = _tender(one)
    problems = []
    if one.total_money is not None and cents(one.total_money) != amount + tip:
        problems.append("total_does_not_add_up")
    if cents(one.refunded_money) > amount + tip:
        problems.append("refund_exceeds_sale")
    if foreign_money(currency, one.amount_money, one.tip_money, one.total_money):
        problems.append("currency_differs")
    if tender == "Unknown":
        problems.append("unknown_tender")
    if is_absurd(day):
        problems.append("absurd_date")
    return PaymentFact(
        key=key,
        order_key=one.order_id or None,
        business_date=day,
        tender=tender,
        amount=amount,
        tip=tip,
        state=PAYMENT_STATES.get(one.status or "", "open"),
        fee=sum(cents(fee.amount_money) for fee in one.processing_fee) if one.processing_fee else None,
        problems=named(problems),
    )


def _tender(one: Payment) -> str:
    """What the payment was made with: in the restaurant's word where it has one, else in Square's as sent."""
    source, none = one.source_type or "", Details()
    if source == "CASH":
        return "Cash"
    if source == "CARD":
        card = (one.card_details or none).card
        return "Gift card" if card is not None and card.card_brand == "SQUARE_GIFT_CARD" else "Card"
    if source == "EXTERNAL":
        return (one.external_details or none).source or "Unknown"
    if source == "WALLET":
        return (one.wallet_details or none).brand or source
    if source == "BUY_NOW_PAY_LATER":
        return (one.buy_now_pay_later_details or none).brand or source
    return source if source in ("BANK_ACCOUNT", "SQUARE_ACCOUNT") else "Unknown"


class _Returned(NamedTuple):
    """What a return order says of the money its refunds give back."""

    sale: str | None
    refunds: int
    total: int
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
        for _, refund in recorded.last(REFUNDS):
            if refund.payment_id:
                is_money = REFUND_STATES.get(refund.status or "") in ("counts", "open")
                given = self._given.get(refund.payment_id, 0)
                self._given[refund.payment_id] = given + is_money * cents(refund.amount_money)
            if refund.order_id:
                held = self._returns.get(refund.order_id, _Returned(None, 0, 0, 0, 0))
                self._returns[refund.order_id] = held._replace(refunds=held.refunds + 1)

    def see_order(self, key: str, one: Order) -> None:
        """Keep what a return says."""
        held = self._returns.get(key)
        if held is None:
            return
        sales = {part.source_order_id for part in one.returns or () if part.source_order_id}
        sale, amounts = next(iter(sales)) if len(sales) == 1 else None, one.return_amounts
        if amounts is None:
            self._returns[key] = held._replace(sale=sale)
        else:
            total, tax, tip = cents(amounts.total_money), cents(amounts.tax_money), cents(amounts.tip_money)
            self._returns[key] = _Returned(sale, held.refunds, total, tax, tip)

    def see_payment(self, key: str, one: Payment) -> None:
        """Keep what a payment that is given back was."""
        if key in self._given:
            self._orders[key] = one.order_id or ""
            self._paid[key] = cents(one.amount_money) + cents(one.tip_money)

    def facts(self, currency: str) -> Iterator[RefundFact]:
        """All refunds; to be asked when every order and payment has been seen."""
        days: dict[str, str] = {}
        if self._rule.refunds == "sale_day":
            wanted = {held.sale for held in self._returns.values()} | set(self._orders.values())
            for key, order in self._recorded.last(ORDERS):
                if key in wanted and (sold := order_day(order, self._rule)) is not None:
                    days[key] = sold
        for key, one in self._recorded.last(REFUNDS):
            day = day_of(one.created_at, self._rule)
            if day is not None:
                fact = self._fact(key, one, currency, day)
                fact.business_date = days.get(fact.order_key or "", day)
                yield fact

    def _fact(self, key: str, one: Refund, currency: str, day: str) -> RefundFact:
        """One refund. Its tax and tip are those of its return where it gives back all of that by itself."""
        payment = one.payment_id or None
        held = self._returns.get(one.order_id or "")
        problems = []
        if payment in self._paid and self._given[payment] > self._paid[payment]:
            problems.append("refund_exceeds_sale")
        if foreign_money(currency, one.amount_money):
            problems.append("currency_differs")
        if is_absurd(day):
            problems.append("absurd_date")
        amount = cents(one.amount_money)
        parts = held if held is not None and held.refunds == 1 and held.total == amount else None
        return RefundFact(
            key=key,
            order_key=(held.sale if held is not None else None) or self._orders.get(payment or "") or None,
            payment_key=payment,
            business_date=day,
            amount=amount,
            state=REFUND_STATES.get(one.status or "", "open"),
            tax=parts.tax if parts is not None else None,
            tip=parts.tip if parts is not None else None,
            problems=named(problems),
        )


# Payouts and drawers


def _payouts(recorded: _Recorded, rule: DayRule) -> Iterator[PayoutFact]:
    entries: dict[str, dict[str, tuple[int, int]]] = {}
    fees: dict[str, int] = {}
    for _, entry in recorded.last(ENTRIES):
        payout, found = entry.payout_id or "", ENTRY_CLASSES.get(entry.type or "", "other")
        held = entries.setdefault(payout, {})
        count, net = held.get(found, (0, 0))
        held[found] = (count + 1, net + cents(entry.net_amount_money))
        fees[payout] = fees.get(payout, 0) + cents(entry.fee_amount_money)
    for key, one in recorded.last(PAYOUTS):
        day = day_of(one.created_at, rule)
        if day is not None:
            yield PayoutFact(key, day, cents(one.amount_money), entries.get(key, {}), fees.get(key, 0))


def _drawers(recorded: _Recorded, rule: DayRule) -> Iterator[CashFact]:
    """Drawers by what was counted in them (not counted yet: what should be); what moved cash, into the drawer positive."""
    for key, one in recorded.last(SHIFTS):
        day = day_of(one.opened_at or one.created_at, rule)
        if day is not None:
            known = (one.closed_cash_money, one.expected_cash_money, one.opened_cash_money)
            counted = next((money for money in known if money is not None), None)
            yield CashFact("cash_drawer_shifts", key, day, cents(counted))
    for key, event in recorded.last(EVENTS):
        day = day_of(event.created_at, rule)
        if day is not None:
            sign = INTO_DRAWER.get(event.event_type or "", 0)
            yield CashFact("cash_events", key, day, sign * abs(cents(event.event_money)))
