"""What mapping needs for every document of one merchant: keys, days, names of tenders and kinds of order, small texts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.seals import Seals
from aura_migration.pos.clover.orders.instants import Days
from aura_migration.pos.clover.orders.tenders import order_kind, tender_of
from aura_migration.pos.clover.orders.wire import Card, Payment, Pointer, Tender, Wire
from aura_migration.pos.port import SourceLocation

COUNTED = frozenset(("SUCCESS", "AUTH_COMPLETED"))
"""Results of payments that are money the merchant has."""
FUTURE = 2 * 24 * 3_600_000
"""How far after its export an order may be dated; later, somebody's clock was wrong."""


class OrderType(Wire, frozen=True):
    """A kind of order, as configured."""

    id: str
    label: str | None = None
    label_key: str | None = None
    taxable: bool | None = None
    system_order_type_id: str | None = None


class _Tender(Wire, frozen=True):
    id: str
    label: str | None = None
    label_key: str | None = None


class _Modifier(Wire, frozen=True):
    id: str
    modifier_group: Pointer | None = None


class Context:
    """One merchant and its rules. Made once per process."""

    def __init__(self, reader: SnapshotReader, location: SourceLocation, seals: Seals, rules: HistoryRules) -> None:
        self.at = location.source_id
        self.currency = location.currency
        self.seals = seals
        self.rules = rules
        self.days = Days(rules)
        hours, minutes = divmod(int(rules.closeout.total_seconds()) // 60, 60)
        dated = {"created": "createdTime", "paid": "last payment", "closed": "last payment"}[rules.basis]
        self.rule = f"{dated}, closeout {hours:02}:{minutes:02}"
        taken_at = max(int(manifest.taken_at.timestamp()) * 1000 for manifest in reader.manifests)
        self.latest = taken_at + FUTURE
        self.tenders = {one.id: Tender(one.id, one.label, one.label_key) for one in _small(reader, "tenders", _Tender)}
        self.order_types = {one.id: one for one in _small(reader, "order_types", OrderType)}
        self.modifiers = {
            one.id: f"{self.at}/{one.modifier_group.id}/{one.id}"
            for one in _small(reader, "modifiers", _Modifier)
            if one.modifier_group is not None and one.modifier_group.id
        }
        self._guests: dict[str, str] = {}

    def key(self, pointer: Pointer | None) -> str | None:
        """The key of the row of menu or people that a pointer names: merchants share nothing."""
        return None if pointer is None or not pointer.id else f"{self.at}/{pointer.id}"

    def modifier_key(self, pointer: Pointer | None) -> str | None:
        """The key of an option, which has its group in it; None where no group has it any more."""
        return None if pointer is None else self.modifiers.get(pointer.id or "")

    def guest(self, ident: str) -> str:
        """The pseudonym of a guest."""
        found = self._guests.get(ident)
        if found is None:
            found = self._guests[ident] = self.seals.person(ident)
        return found

    def tender(self, tender: Tender | None, card: Card | None) -> tuple[str, str]:
        """Method and name of a tender."""
        return tender_of(tender, card, self.tenders)

    def type_details(self, pointer: Pointer | None) -> dict[str, Any]:
        """Which order type of the merchant an order is of, by key and by name, for its details."""
        key = self.key(pointer)
        found = self.order_types.get((pointer.id if pointer else None) or "")
        if key is None:
            return {}
        return {"order_type_key": key, "order_type_name": found.label} if found else {"order_type_key": key}

    def order_type(self, pointer: Pointer | None) -> tuple[str, bool]:
        """The kind of an order in AuraConnect's words, and whether orders of it carry no tax."""
        found = self.order_types.get((pointer.id if pointer else None) or "")
        if found is None:
            return "unknown", False
        return order_kind(found.label_key, found.system_order_type_id), found.taxable is False


def _small(reader: SnapshotReader, entity: str, shape: type[Any]) -> Iterable[Any]:
    """The records of a small list that a snapshot holds; one that does not fit its shape names nothing."""
    for body in reader.bodies(entity):
        raws = msgspec.json.decode(body.data).get("elements")
        for raw in raws if isinstance(raws, list) else ():
            try:
                yield msgspec.convert(raw, shape)
            except msgspec.ValidationError:
                continue


def counts(payment: Payment) -> bool:
    """Whether a payment is money the merchant has."""
    return payment.result in COUNTED and not payment.void_reason


@lru_cache(maxsize=4096)
def scaled(value: int, places: int) -> str:
    """An integer of ``10**places`` units as exact decimal text without needless zeros: ``scaled(82500, 4)`` is 8.25."""
    if not places:
        return str(value)
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 10**places)
    return f"{sign}{whole}" if not rest else f"{sign}{whole}.{rest:0{places}d}".rstrip("0")


_JSON = msgspec.json.Encoder()


def json_text(value: Any) -> str | None:
    """A JSON column; empty ones are null."""
    return _JSON.encode(value).decode() if value else None
