"""The past of one location as documents, body by body: same body, same documents.

What an order means is in ``sales.py``, payments and refunds in ``money.py``, payouts and cash in ``settled.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from aura_migration.archive.snapshot import SnapshotReader, StoredBody
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.seals import Seals
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square.orders import sources, wire
from aura_migration.pos.square.orders.dating import Days, version_of
from aura_migration.pos.square.orders.exchanges import Exchanges
from aura_migration.pos.square.orders.known import Known
from aura_migration.pos.square.orders.money import Payments, Refunds
from aura_migration.pos.square.orders.sales import Sales
from aura_migration.pos.square.orders.settled import Settled, shift_of

PSEUDONYMS = 50_000
T = TypeVar("T")


class _Body(msgspec.Struct):
    """Everything a stored body of the history may hold."""

    orders: list[wire.Order] | None = None
    payments: list[wire.Payment] | None = None
    payment: wire.Payment | None = None
    refunds: list[wire.Refund] | None = None
    return_orders: list[wire.Order] | None = None
    sold_orders: list[wire.Sold] | None = None
    paid_by: list[wire.Paid] | None = None
    payouts: list[wire.Payout] | None = None
    payout_entries: list[wire.Entry] | None = None
    cash_drawer_shift: wire.Shift | None = None
    cash_drawer_shift_events: list[wire.ShiftEvent] | None = None
    gone: list[wire.Gone] | None = None


class _Parts(msgspec.Struct):
    """The same, its records unread."""

    orders: list[msgspec.Raw] | None = None
    payments: list[msgspec.Raw] | None = None
    payment: msgspec.Raw | None = None
    refunds: list[msgspec.Raw] | None = None
    return_orders: list[msgspec.Raw] | None = None
    sold_orders: list[msgspec.Raw] | None = None
    paid_by: list[msgspec.Raw] | None = None
    payouts: list[msgspec.Raw] | None = None
    payout_entries: list[msgspec.Raw] | None = None
    cash_drawer_shift: msgspec.Raw | None = None
    cash_drawer_shift_events: list[msgspec.Raw] | None = None
    gone: list[wire.Gone] | None = None


class _Ident(msgspec.Struct):
    id: Any = None


_BODY = msgspec.json.Decoder(_Body, strict=False)
_PARTS = msgspec.json.Decoder(_Parts, strict=False)
_IDENT = msgspec.json.Decoder(_Ident)
_KINDS: tuple[tuple[str, str, type[Any]], ...] = (
    ("orders", "orders", wire.Order),
    ("payments", "payments", wire.Payment),
    ("payment", "payments", wire.Payment),
    ("refunds", "refunds", wire.Refund),
    ("return_orders", "", wire.Order),
    ("sold_orders", "", wire.Sold),
    ("paid_by", "", wire.Paid),
    ("payouts", "payouts", wire.Payout),
    ("payout_entries", "payouts", wire.Entry),
    ("cash_drawer_shift", "cash_drawer_shifts", wire.Shift),
    ("cash_drawer_shift_events", "cash_events", wire.ShiftEvent),
)


class SquareHistory:
    """See ``HistoryMapper``."""

    entities: tuple[str, ...] = (
        sources.ORDERS,
        sources.PAYMENTS,
        sources.REFUNDS,
        sources.ENTRIES,
        sources.SHIFTS,
        sources.EVENTS,
        sources.MISSING,
    )

    def __init__(self, reader: SnapshotReader, location: SourceLocation, seals: Seals, rules: HistoryRules) -> None:
        known, days = Known(reader), Days(rules)
        place, currency = location.source_id, location.currency
        self._sales = Sales(known, place, currency, days, lru_cache(PSEUDONYMS)(seals.person))
        self._payments = Payments(place, currency, days)
        self._refunds = Refunds(known, place, currency, days)
        self._exchanges = Exchanges(self._refunds.item)
        self._settled = Settled(place, currency, days)

    def documents(self, body: StoredBody) -> Iterator[Document]:
        """See the port. A record of another shape than documented is a fault of its own, never the page's."""
        faults: list[Document] = []
        try:
            found = _BODY.decode(body.data)
        except msgspec.ValidationError:
            found = _one_by_one(body.data, body.sha256, faults)
        except msgspec.DecodeError:
            found = _one_by_one(_mended(body.data), body.sha256, faults)
        yield from faults
        yield from self._found(found, body)

    def _found(self, found: _Body, body: StoredBody) -> Iterator[Document]:
        yield from _each("orders", found.orders, self._sales.document, body)
        for order in found.orders or ():
            if order.returns and order.line_items and order.id:
                sale = self._sales.document(order)
                yield from self._exchanges.documents(order, sale) if sale is not None else ()
        payments = found.payments if found.payment is None else [*(found.payments or ()), found.payment]
        yield from _each("payments", payments, self._payments.document, body)
        if found.refunds:
            returns = {order.id: order for order in found.return_orders or () if order.id}
            sales = {order.id: order for order in found.sold_orders or () if order.id}
            paid = {one.id: one for one in found.paid_by or () if one.id}
            yield from _each(
                "refunds", found.refunds, lambda one: self._refunds.document(one, returns, sales, paid), body
            )
        if found.payouts:
            entries: dict[str | None, list[wire.Entry]] = {}
            for entry in found.payout_entries or ():
                entries.setdefault(entry.payout_id, []).append(entry)
            yield from _each(
                "payouts", found.payouts, lambda one: self._settled.payout(one, entries.get(one.id, ())), body
            )
        if found.cash_drawer_shift is not None:
            yield from _each("cash_drawer_shifts", [found.cash_drawer_shift], self._settled.shift, body)
        if found.cash_drawer_shift_events:
            shift = shift_of(body.path)
            yield from _each(
                "cash_events", found.cash_drawer_shift_events, lambda one: self._settled.event(one, shift), body
            )
        for gone in found.gone or ():
            yield Document(gone.kind, gone.key, version_of(gone.read_at), [], gone=True)


def _each(
    kind: str, records: Iterable[T] | None, document: Callable[[T], Document | None], body: StoredBody
) -> Iterator[Document]:
    for number, record in enumerate(records or ()):
        ident = record.id  # type: ignore[attr-defined]
        if not ident:
            yield _fault(kind, "", body.sha256, number, "it has no id")
            continue
        found = document(record)
        if found is not None:
            yield found


def _fault(kind: str, ident: str, sha: str, number: int, why: str) -> Document:
    key = ident or f"record-{sha[:12]}-{number}"
    return Document(kind, key, "", [], fault=f"Square sent this record in a form that cannot be read: {why}.")


def _one_by_one(data: bytes, sha: str, faults: list[Document]) -> _Body:
    """The body with what can be read of it; what cannot is added to ``faults``."""
    parts = _PARTS.decode(data)
    found = _Body(gone=parts.gone)
    for name, kind, shape in _KINDS:
        raw = getattr(parts, name)
        if raw is None:
            continue
        several = isinstance(raw, list)
        good = []
        for number, record in enumerate(raw if several else [raw]):
            try:
                good.append(msgspec.json.decode(record, type=shape, strict=False))
            except msgspec.ValidationError as error:
                if kind:
                    faults.append(_fault(kind, _ident(record), sha, number, str(error)))
        if good:
            setattr(found, name, good if several else good[0])
    return found


def _ident(record: msgspec.Raw) -> str:
    try:
        ident = _IDENT.decode(record).id
    except msgspec.ValidationError:
        return ""
    return ident if isinstance(ident, str) else ""


def _mended(data: bytes) -> bytes:
    """JSON with halves of surrogate pairs, which occur where a text was cut inside an emoji, without them."""
    return json.dumps(json.loads(data, strict=False), ensure_ascii=False).encode("utf-8", "replace")
