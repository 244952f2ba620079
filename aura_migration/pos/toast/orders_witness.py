"""Toast's second opinion about the history: checks, payments, refunds, cash.

Written from the Toast API reference (sections 8 to 10 and 12) and nothing of this folder's mapping: a mistake there must not
be repeated here. Bodies are read twice, one at a time: first for which version of an order is its last, then for what it
says. How one check is judged is in ``orders_witness_check.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from aura_migration.archive.reader import StoredBody
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.core.money import minor_digits
from aura_migration.pos.order_facts import CashFact, DayRule, HistoryFact, PaymentFact, RefundFact
from aura_migration.pos.order_versions import GONE, Readings
from aura_migration.pos.toast.orders_witness_check import (
    NOT_PAID,
    Money,
    date_text,
    is_absurd,
    is_paid,
    named,
    order_fact,
    whole,
)
from aura_migration.pos.toast.orders_witness_wire import CashEntry, Check, Head, Named, Order, Payment

MISSING = "missing_documents"
ORDERS_PATH = "/orders/"
TENDERS = {
    "CASH": "Cash",
    "CREDIT": "Card",
    "GIFTCARD": "Gift card",
    "TOAST_SV": "Gift card",
    "HOUSE_ACCOUNT": "House account",
    "REWARDCARD": "Reward card",
    "LEVELUP": "LevelUp",
}
T = TypeVar("T")
ON_THE_WAY = ("OPEN", "PROCESSING", "AUTHORIZED", "AUTHORIZED_AT_RISK", "CAPTURE_IN_PROGRESS", "PROCESSING_VOID")
"""Statuses of payments that are neither money yet nor nothing; every other one that is not void counts."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_HEAD = msgspec.json.Decoder(Head)
_ORDER = msgspec.json.Decoder(Order)
_ENTRY = msgspec.json.Decoder(CashEntry)
_NAMED = msgspec.json.Decoder(Named)


def facts(reader: SnapshotReader, location_source_id: str, currency: str, rule: DayRule) -> Iterator[HistoryFact]:
    """Everything recorded of the location's history. A snapshot is of one location: its id is not on the orders."""
    money = Money(minor_digits(currency))
    names = _tender_names(reader)
    taken = _taken(reader)
    for order in _orders(reader):
        day = date_text(order.business_date)
        if day is None or order.deleted:
            continue
        for check in order.checks or ():
            if check.guid and not check.deleted:
                yield order_fact(order, check, check.guid, day, money, taken)
                yield from _payments(check, check.guid, day, names, money, rule)
                yield from _house_accounts(check, day, money)
    yield from _cash(reader, money, rule)


# Reading


def _orders(reader: SnapshotReader) -> Iterator[Order]:
    """Each order once, in its last version; those that are gone, and those nobody can read, are left out."""
    readings = Readings()
    for body, is_single in _bodies(reader):
        for raw in _objects(body):
            head = _try(_HEAD, raw)
            if head is not None and head.guid and not head.gone:
                readings.note(head.guid, _micros(head.modified_date) or 0)
            else:
                readings.note(_asked(body) if is_single else "", GONE)
    last, place = readings.last(), 0
    for body, _ in _bodies(reader):
        for raw in _objects(body):
            if last[place]:
                order = _try(_ORDER, raw)
                if order is not None and order.guid:
                    yield order
            place += 1


def _bodies(reader: SnapshotReader) -> Iterator[tuple[StoredBody, bool]]:
    """The answers to lists, then those to single reads of orders that had been missing from a list."""
    for body in reader.bodies("orders"):
        yield body, False
    for body in reader.bodies(MISSING):
        if ORDERS_PATH in body.path:
            yield body, True


def _asked(body: StoredBody) -> str:
    """The order a single read asked for."""
    return body.path.rstrip("/").rsplit("/", 1)[-1]


def _objects(body: StoredBody) -> list[Any]:
    """The objects of an array, or the one object there is."""
    data = body.data.lstrip()
    if data.startswith(b"["):
        return _RAWS.decode(data)
    return [msgspec.Raw(data)]


def _try(decoder: msgspec.json.Decoder[T], raw: Any) -> T | None:
    """What a decoder reads; None where it cannot be read: such an object becomes no row, and is no fact."""
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError:
        return None


def _tender_names(reader: SnapshotReader) -> Mapping[str, str]:
    """What the restaurant calls its own tenders, by guid."""
    found: dict[str, str] = {}
    for body in reader.bodies("config"):
        if "alternatePaymentTypes" in body.path:
            for raw in _objects(body):
                one = _try(_NAMED, raw)
                if one is not None and one.guid and one.name:
                    found[one.guid] = one.name
    return found


def _taken(reader: SnapshotReader) -> str:
    """When the history was read, as Toast writes instants; where that is unknown nothing is promised for later."""
    taken = [manifest.taken_at for manifest in getattr(reader, "manifests", ())]
    return max(taken).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000") if taken else "9999"


def _micros(text: str | None) -> int | None:
    """An instant as microseconds since 1970; None where there is none or it is unreadable."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if found is None:
        return None
    return ((found if found.tzinfo else found.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


# Money


def _payments(
    check: Check, key: str, day: str, names: Mapping[str, str], money: Money, rule: DayRule
) -> Iterator[PaymentFact | RefundFact]:
    transactions = Counter(
        payment.refund.refund_transaction.guid
        for payment in check.payments or ()
        if payment.refund is not None and payment.refund.refund_transaction is not None
    )
    for payment in check.payments or ():
        if not payment.guid:
            continue
        paid = date_text(payment.paid_business_date) or day
        problems = ["absurd_date"] if is_absurd(paid) else []
        tender = _tender(payment, names)
        if tender == "Unknown":
            problems.append("unknown_tender")
        yield PaymentFact(
            key=payment.guid,
            order_key=key,
            business_date=paid,
            tender=tender,
            amount=money.cents(payment.amount),
            tip=money.cents(payment.tip_amount),
            state=_state(payment),
            fee=None if payment.original_processing_fee is None else money.cents(payment.original_processing_fee),
            problems=named(problems),
        )
        refund = _refund(check, payment, key, day, transactions, money, rule)
        if refund is not None:
            yield refund


def _tender(payment: Payment, names: Mapping[str, str]) -> str:
    """What was paid with, in the restaurant's word where it has one."""
    if payment.type == "OTHER":
        guid = payment.other_payment.guid if payment.other_payment is not None else None
        return names.get(guid or "", "Unknown")
    return TENDERS.get(payment.type or "", "Unknown")


def _state(payment: Payment) -> Any:
    """Whether the money came: voided by its own note or status; one without a status is cash and the like."""
    status = payment.payment_status or "CAPTURED"
    if payment.void_info is not None or status in NOT_PAID:
        return "void"
    return "open" if status in ON_THE_WAY else "counts"


def _refund(
    check: Check, payment: Payment, key: str, day: str, transactions: Counter[Any], money: Money, rule: DayRule
) -> RefundFact | None:
    """What a payment gave back. Tax is known where lines or charges name this refund, and no other payment shares it."""
    refund = payment.refund
    if refund is None:
        return None
    amount, tip = money.cents(refund.refund_amount), money.cents(refund.tip_refund_amount)
    booked = date_text(refund.refund_business_date) or day
    transaction = refund.refund_transaction.guid if refund.refund_transaction is not None else None
    parts = [
        one.refund_details
        for one in (*(check.selections or ()), *(check.applied_service_charges or ()))
        if one.refund_details is not None
        and one.refund_details.refund_transaction is not None
        and one.refund_details.refund_transaction.guid == transaction
    ]
    is_known = transaction is not None and transactions[transaction] == 1 and bool(parts)
    problems = ["absurd_date"] if is_absurd(booked) else []
    if amount + tip > money.cents(payment.amount) + money.cents(payment.tip_amount):
        problems.append("refund_exceeds_sale")
    return RefundFact(
        key=f"{payment.guid}:refund",
        order_key=key,
        payment_key=payment.guid,
        business_date=day if rule.refunds == "sale_day" else booked,
        amount=amount + tip,
        state="counts",
        tax=whole(sum((money.exact(part.tax_refund_amount) for part in parts), money.exact(None)))
        if is_known
        else None,
        tip=tip,
        problems=named(problems),
    )


def _house_accounts(check: Check, day: str, money: Money) -> Iterator[CashFact]:
    """What the holders of house accounts come to owe by paying with them, and what they paid of it (negative)."""
    for payment in check.payments or ():
        if payment.type == "HOUSE_ACCOUNT" and payment.guid and is_paid(payment):
            owed = money.cents(payment.amount) + money.cents(payment.tip_amount)
            paid = date_text(payment.paid_business_date) or day
            yield CashFact("house_account_movements", f"{payment.guid}:charged", paid, owed, check.guid)
    for line in check.selections or ():
        if line.selection_type == "HOUSE_ACCOUNT_PAY_BALANCE" and line.guid and not line.voided:
            yield CashFact("house_account_movements", f"{line.guid}:paid", day, -money.cents(line.price), check.guid)


def _cash(reader: SnapshotReader, money: Money, rule: DayRule) -> Iterator[CashFact]:
    """Cash in and out of drawers as sent (out is negative), and what went to the bank; an undone deposit came back."""
    for entity, kind in (("cash_entries", "cash_events"), ("cash_deposits", "deposits")):
        readings = Readings()
        for body in reader.bodies(entity):
            for raw in _objects(body):
                entry = _try(_ENTRY, raw)
                readings.note(entry.guid or "" if entry is not None else "")
        last, place = readings.last(), 0
        for body in reader.bodies(entity):
            asked = str((body.params or {}).get("businessDate") or "")
            for raw in _objects(body):
                entry = _try(_ENTRY, raw) if last[place] else None
                place += 1
                if entry is None or not entry.guid:
                    continue
                day = date_text(int(asked)) if asked.isdigit() else _day(entry.date, rule)
                amount = money.cents(entry.amount)
                if kind == "deposits" and entry.undoes:
                    amount = -abs(amount)
                if day is not None:
                    yield CashFact(kind, entry.guid, day, amount)  # type: ignore[arg-type]


def _day(text: str | None, rule: DayRule) -> str | None:
    micros = _micros(text)
    return None if micros is None else rule.day(_EPOCH + timedelta(microseconds=micros)).isoformat()
