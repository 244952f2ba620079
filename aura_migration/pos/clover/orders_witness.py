"""Clover's second opinion about the history: orders, payments, refunds, credits, the cash log.

Written from the Clover API reference (sections 1, 6 and 7) and nothing of this folder's mapping: a mistake there must not be
repeated here. Bodies are read twice, one at a time: first for which version of an object is its last, then for what it
says. What an order comes to is worked out in ``orders_witness_sums.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec

from aura_migration.archive.reader import StoredBody
from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.clover.orders_witness_paid import Paid, Payments, Shown
from aura_migration.pos.clover.orders_witness_sums import as_paid, parts, work_out
from aura_migration.pos.clover.orders_witness_wire import (
    Back,
    Head,
    Line,
    Many,
    Moved,
    Order,
    OrderType,
    Payment,
    Tender,
)
from aura_migration.pos.order_facts import (
    PROBLEMS,
    CashFact,
    DayRule,
    HistoryFact,
    OrderFact,
    PaymentFact,
    RefundFact,
)
from aura_migration.pos.order_versions import GONE, Readings

T = TypeVar("T")
MISSING = "missing_documents"
NESTED_MOST = 100
"""Rows a nested collection is cut to."""
TENDER_WORDS = {
    "com.clover.tender.cash": "Cash",
    "com.clover.tender.credit_card": "Card",
    "com.clover.tender.debit_card": "Card",
    "com.clover.tender.gift_card": "Gift card",
    "com.clover.tender.external_gift_card": "Gift card",
}
PAYMENT_STATES: dict[str, Any] = {
    "SUCCESS": "counts",
    "AUTH_COMPLETED": "counts",
    "VOIDED": "void",
    "FAIL": "void",
    "DISCOUNT": "void",
}
"""Results of payments; every other one is on its way."""
BACK_STATES: dict[str, Any] = {"SUCCESS": "counts", "FAIL": "void", "VOIDED": "void"}
PAID_STATES = ("PAID", "REFUNDED", "PARTIALLY_REFUNDED")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RAW = msgspec.json.Decoder(msgspec.Raw)


class _Page(msgspec.Struct):
    elements: list[msgspec.Raw] | None = None


_PAGE = msgspec.json.Decoder(_Page)
_HEAD = msgspec.json.Decoder(Head)


class Kind(NamedTuple):
    """A source entity, and the segment of its paths."""

    entity: str
    path: str


ORDERS, PAYMENTS = Kind("orders", "orders"), Kind("payments", "payments")
REFUNDS, CREDITS = Kind("refunds", "refunds"), Kind("credits", "credits")


def facts(reader: SnapshotReader, location_source_id: str, currency: str, rule: DayRule) -> Iterator[HistoryFact]:
    """Everything recorded of the merchant's history; one merchant is one location, amounts are minor units already."""
    given = _Given(reader, rule)
    paid = Payments()
    names = _tenders(reader)
    has_payments = False
    for payment in _last(reader, PAYMENTS, Payment):
        has_payments = True
        paid.see(payment.id or "")
        fact = _payment(payment, names, rule)
        if fact is None:
            continue
        given.see_payment(fact)
        if fact.state == "counts" and fact.order_key:
            at = payment.created_time or 0
            paid.add(fact.order_key, fact.amount, fact.tip, payment.tax_amount or 0, at)
        yield fact
    types = _untaxed_types(reader)
    lines = _whole_lines(reader)
    for order in _last(reader, ORDERS, Order):
        sale = _order(order, lines, types, paid.of(order.id or "", _shown(order)), has_payments, currency, rule)
        if sale is not None:
            given.see_order(sale)
            yield sale
    yield from given.facts()
    yield from _cash(reader, rule)


# Reading


def _last(reader: SnapshotReader, kind: Kind, shape: type[T]) -> Iterator[T]:
    """Each object once, in its last version; those that are gone, and those nobody can read, are left out."""
    decoder = msgspec.json.Decoder(shape)
    readings = Readings()
    for body, is_single in _bodies(reader, kind):
        for raw in _objects(body):
            head = _try(_HEAD, raw)
            if head is not None and isinstance(head.id, str):
                stamp = head.modified_time or head.created_time
                readings.note(head.id, stamp if isinstance(stamp, int) else 0)
            else:
                readings.note(_asked(body) if is_single else "", GONE)
    last, place = readings.last(), 0
    for body, _ in _bodies(reader, kind):
        for raw in _objects(body):
            if last[place]:
                found = _try(decoder, raw)
                if found is not None and getattr(found, "id", None):
                    yield found
            place += 1


def _bodies(reader: SnapshotReader, kind: Kind) -> Iterator[tuple[StoredBody, bool]]:
    """The answers to lists, then those to single reads of objects that had been missing from a list."""
    for body in reader.bodies(kind.entity):
        if not _is_below(body, kind):
            yield body, False
    for body in reader.bodies(MISSING):
        if f"/{kind.path}/" in f"{body.path}/" and not _is_below(body, kind):
            yield body, True


def _is_below(body: StoredBody, kind: Kind) -> bool:
    """Whether the answer is of a list below one object: ``/orders/{id}/line_items``."""
    steps = body.path.strip("/").split("/")
    return kind.path in steps and len(steps) - steps.index(kind.path) > 2


def _asked(body: StoredBody) -> str:
    """The object a single read asked for."""
    return body.path.rstrip("/").rsplit("/", 1)[-1]


def _objects(body: StoredBody) -> list[Any]:
    """The elements of a list, or the one object there is."""
    page = _try(_PAGE, body.data)
    if page is not None and page.elements is not None:
        return list(page.elements)
    return [msgspec.Raw(body.data)]


def _try(decoder: msgspec.json.Decoder[T], raw: Any) -> T | None:
    """What a decoder reads; None where it cannot be read: such an object becomes no row, and is no fact."""
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError:
        return None


def _listed(reader: SnapshotReader, entity: str, shape: type[T]) -> Iterator[T]:
    decoder = msgspec.json.Decoder(shape)
    for body in reader.bodies(entity):
        for raw in _objects(body):
            if (found := _try(decoder, raw)) is not None:
                yield found


def _whole_lines(reader: SnapshotReader) -> Mapping[str, list[Line]]:
    """Lines of orders whose nested list was read again by itself, by order."""
    decoder = msgspec.json.Decoder(Many[Line])
    found: dict[str, dict[str, Line]] = {}
    for entity in (ORDERS.entity, "line_items", MISSING):
        for body in reader.bodies(entity):
            steps = body.path.strip("/").split("/")
            if len(steps) >= 3 and steps[-1] == "line_items" and steps[-3] == "orders":
                held = found.setdefault(steps[-2], {})
                for line in parts(_try(decoder, body.data)):
                    held[line.id or str(len(held))] = line
    return {order: list(lines.values()) for order, lines in found.items()}


def _untaxed_types(reader: SnapshotReader) -> set[str]:
    """Order types whose orders carry no tax."""
    return {one.id for one in _listed(reader, "order_types", OrderType) if one.id and one.taxable is False}


def _tenders(reader: SnapshotReader) -> Mapping[str, Tender]:
    return {one.id: one for one in _listed(reader, "tenders", Tender) if one.id}


def _day(milliseconds: int | None, rule: DayRule) -> str | None:
    """The business date of an instant; of one beyond the calendar none."""
    if milliseconds is None:
        return None
    try:
        return rule.day(_EPOCH + timedelta(milliseconds=milliseconds)).isoformat()
    except OverflowError:
        return None


def _named(problems: Iterable[str], day: str) -> tuple[str, ...]:
    held = set(problems) | (set() if "2000" <= day < "2100" else {"absurd_date"})
    return tuple(code for code in PROBLEMS if code in held)


# Orders


def _order(
    order: Order,
    whole_lines: Mapping[str, list[Line]],
    untaxed: set[str],
    paid: Paid,
    has_payments: bool,
    currency: str,
    rule: DayRule,
) -> OrderFact | None:
    key = order.id or ""
    created = order.created_time if order.created_time is not None else order.client_created_time
    last = paid.last or None
    day = _day(created if rule.basis == "created" else last or created, rule)
    if day is None or order.deleted_timestamp:
        return None
    lines = whole_lines.get(key) or parts(order.line_items)
    kind = order.order_type
    is_taxable = kind is None or not (kind.taxable is False or kind.id in untaxed)
    sums = work_out(order, lines, is_taxable=is_taxable, after_refunds=False)
    if paid.number:
        sums = as_paid(order, lines, sums, paid.amount, paid.tax, is_taxable=is_taxable)
    problems = ["currency_differs"] if order.currency not in (None, currency) else []
    total = order.total or 0
    final = sums.total
    if order.manual_transaction and not lines:  # a sale by its amount alone: only what was paid tells of tax
        final = total
        if paid.tax:
            sums.taxes["Tax incl." if order.is_vat else "Tax"] = paid.tax
        if total != paid.tax:
            problems.append("lines_do_not_add_up")
    elif total != final and total != work_out(order, lines, is_taxable=is_taxable, after_refunds=True).total:
        problems.append("total_does_not_add_up")  # Clover never works a total out: whoever wrote it may be wrong
    is_empty = not lines and not total and not paid.number
    state = _state(order, is_empty)
    if has_payments and order.payment_state in PAID_STATES and state == "counts":
        if paid.amount < final:
            problems.append("payments_do_not_cover")
        if paid.number and paid.tax != sums.tax:
            problems.append("tax_does_not_add_up")
    if final < 0:
        problems.append("negative_total")
    return OrderFact(
        key=key,
        business_date=day,
        state=state,
        gross=sums.rung["sale"],
        discount=sums.discount,
        tax=sums.tax,
        included_tax=sums.tax if order.is_vat else 0,
        tip=paid.tip,
        final=final,
        lines=sum(not line.is_order_fee for line in lines) + len(parts(order.voided_lines)),
        non_sale={name: cents for name, cents in sums.rung.items() if name != "sale" and cents},
        charges={name: cents for name, cents in sums.charges.items() if cents},
        taxes={name: cents for name, cents in sums.taxes.items() if cents},
        problems=_named(problems, day),
        due=_due(order, final, paid.amount) if has_payments and state == "counts" else 0,
        reference=order.external_reference_id or "",
        opened_at=_instant(created),
    )


def _instant(milliseconds: int | None) -> datetime | None:
    try:
        return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _due(order: Order, final: int, paid: int) -> int:
    """What Clover says is still open of an order that was paid in part."""
    if order.payment_state != "PARTIALLY_PAID":
        return 0
    return order.unpaid_balance if order.unpaid_balance is not None else max(0, final - paid)


def _shown(order: Order) -> Iterator[Shown]:
    """The payments that count among those an order shows."""
    for one in parts(order.payments):
        if one.id and one.void_reason is None and PAYMENT_STATES.get(one.result or "SUCCESS") == "counts":
            yield Shown(one.id, one.amount or 0, one.tip_amount or 0, one.tax_amount or 0, one.created_time or 0)


def _state(order: Order, is_empty: bool) -> Any:
    """Whether the order is a sale: test orders are none, nor is what nothing is on (any more) and nothing was paid for."""
    if order.test_mode or is_empty:
        return "voided"
    return "open" if order.payment_state in ("OPEN", None) else "counts"


# Payments, refunds, credits


def _payment(one: Payment, names: Mapping[str, Tender], rule: DayRule) -> PaymentFact | None:
    day = _day(one.created_time, rule)
    if day is None:
        return None
    tender = _tender(one, names)
    is_void = one.void_reason is not None
    return PaymentFact(
        key=one.id or "",
        order_key=one.order.id if one.order is not None else None,
        business_date=day,
        tender=tender,
        amount=one.amount or 0,
        tip=one.tip_amount or 0,
        state="void" if is_void else PAYMENT_STATES.get(one.result or "SUCCESS", "open"),
        problems=_named(["unknown_tender"] if tender == "Unknown" else [], day),
    )


def _tender(one: Payment, names: Mapping[str, Tender]) -> str:
    """What was paid with: the system's tenders by their key, others as the restaurant calls them."""
    sent = one.tender
    if one.card_transaction is not None and one.card_transaction.card_type == "GIFT_CARD":
        return "Gift card"
    if sent is None:
        return "Unknown"
    if sent.label is None and sent.label_key is None:
        sent = names.get(sent.id or "", sent)
    return TENDER_WORDS.get(sent.label_key or "") or sent.label or "Unknown"


class _Given:
    """Refunds and credits, and what they need of payments and orders: few of all are ever given back."""

    def __init__(self, reader: SnapshotReader, rule: DayRule) -> None:
        self._reader = reader
        self._rule = rule
        self._back: dict[str, int] = {}
        self._payments: dict[str, PaymentFact] = {}
        self._orders: set[str] = set()
        self._days: dict[str, str] = {}
        for one in self._all():
            if one.payment is not None and one.payment.id and _back_state(one) != "void":
                self._back[one.payment.id] = self._back.get(one.payment.id, 0) + (one.amount or 0)
            if one.order_ref is not None and one.order_ref.id:
                self._orders.add(one.order_ref.id)

    def _all(self) -> Iterator[Back]:
        yield from _last(self._reader, REFUNDS, Back)
        yield from _last(self._reader, CREDITS, Back)

    def see_payment(self, fact: PaymentFact) -> None:
        """Keep a payment that something was given back of."""
        if fact.key in self._back:
            self._payments[fact.key] = fact
            if fact.order_key:
                self._orders.add(fact.order_key)

    def see_order(self, fact: OrderFact) -> None:
        """Keep the day of an order that something was given back of."""
        if fact.key in self._orders:
            self._days[fact.key] = fact.business_date

    def facts(self) -> Iterator[RefundFact]:
        """All of them; to be asked when every payment and order has been seen."""
        for one in self._all():
            day = _day(one.created_time, self._rule)
            if day is None:
                continue
            payment = one.payment.id if one.payment is not None else None
            of = self._payments.get(payment or "")
            order = (one.order_ref.id if one.order_ref is not None else None) or (of.order_key if of else None)
            if self._rule.refunds == "sale_day":
                day = self._days.get(order or "", day)
            is_more = of is not None and self._back[of.key] > of.amount + of.tip
            yield RefundFact(
                key=one.id or "",
                order_key=order,
                payment_key=payment,
                business_date=day,
                amount=one.amount or 0,
                state=_back_state(one),
                tax=one.tax_amount,
                tip=one.tip_amount,
                problems=_named(["refund_exceeds_sale"] if is_more else [], day),
            )


def _back_state(one: Back) -> Any:
    if one.voided or one.deleted_time:
        return "void"
    return BACK_STATES.get(one.status or one.result or "SUCCESS", "open")


# The cash log


def _cash(reader: SnapshotReader, rule: DayRule) -> Iterator[CashFact]:
    """What moved cash, as sent: into the drawer is positive. Entries have no id: what they say names them."""
    seen: set[str] = set()
    for one in _listed(reader, "cash_events", Moved):
        day = _day(one.timestamp, rule)
        device = one.device.id if one.device is not None and one.device.id else ""
        key = f"{one.timestamp}:{device}:{one.type}:{one.amount_change or 0}"
        if day is not None and key not in seen:
            seen.add(key)
            yield CashFact("cash_events", key, day, one.amount_change or 0)
