"""Clover's history as documents, body by body."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader, StoredBody
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.seals import Seals
from aura_migration.pos.clover.orders import wire
from aura_migration.pos.clover.orders.context import Context
from aura_migration.pos.clover.orders.lists import MISSING
from aura_migration.pos.clover.orders.money import cash_document, credit_document, payment_document, refund_document
from aura_migration.pos.clover.orders.orders import order_document
from aura_migration.pos.port import SourceLocation

_RAW = msgspec.json.Decoder(wire.RawPage)
_ANY = msgspec.json.Decoder(dict[str, Any])
Build = Callable[[Context, Any], Document]


class _Kind:
    """How records of one source entity become documents."""

    def __init__(self, document: str, shape: type[Any], build: Build, *, has_id: bool = True) -> None:
        self.document = document
        self.page = msgspec.json.Decoder(wire.Page[shape])  # type: ignore[valid-type]
        self.one = msgspec.json.Decoder(shape)
        self.build = build
        self.has_id = has_id


KINDS = {
    "orders": _Kind("orders", wire.Order, order_document),
    "payments": _Kind("payments", wire.Payment, payment_document),
    "refunds": _Kind("refunds", wire.Refund, refund_document),
    "credits": _Kind("refunds", wire.Credit, credit_document),
    "cash_events": _Kind("cash_events", wire.CashEvent, cash_document, has_id=False),
}


class CloverHistory:
    """The mapper of one merchant's history; see :class:`HistoryMapper`."""

    entities = (*KINDS, MISSING)

    def __init__(self, reader: SnapshotReader, location: SourceLocation, seals: Seals, rules: HistoryRules) -> None:
        self._context = Context(reader, location, seals, rules)

    def documents(self, body: StoredBody) -> Iterator[Document]:
        """The documents of one recorded body."""
        if body.entity == MISSING:
            yield from self._missing(body)
            return
        kind = KINDS[body.entity]
        try:
            records = kind.page.decode(body.data).elements
        except msgspec.MsgspecError:
            yield from self._one_by_one(kind, body)
            return
        for place, record in enumerate(records):
            yield self._document(kind, record, body, place)

    def _document(self, kind: _Kind, record: Any, body: StoredBody, place: int) -> Document:
        if kind.has_id and not record.id:
            return Document(kind.document, _place(body, place), "0", [], fault="the record has no id")
        try:
            return kind.build(self._context, record)
        except (OverflowError, ValueError) as error:
            ident = record.id if kind.has_id else _place(body, place)
            return Document(kind.document, ident, "0", [], fault=f"the record cannot be reckoned with: {error}")

    def _one_by_one(self, kind: _Kind, body: StoredBody) -> Iterator[Document]:
        """A page in which some record is not of the documented shape: that one goes to quarantine, not its page."""
        for place, raw in enumerate(_RAW.decode(body.data).elements):
            try:
                record = kind.one.decode(raw)
            except msgspec.MsgspecError as error:
                ident, version = _identity(raw)
                fault = f"not of the documented shape: {error}"
                yield Document(kind.document, ident or _place(body, place), version, [], fault=fault)
                continue
            yield self._document(kind, record, body, place)

    def _missing(self, body: StoredBody) -> Iterator[Document]:
        """An object read by its key: what it is now, or that it is there no more."""
        answer = _ANY.decode(body.data)
        gone = answer.get("missing")
        if isinstance(gone, dict):
            yield Document(str(gone["kind"]), str(gone["key"]), str(gone["version"]), [], gone=True)
            return
        yield from self._one_by_one(KINDS[body.path.split("/")[4]], body)


def _place(body: StoredBody, place: int) -> str:
    """A name for what has no id: where it stands."""
    return f"{body.sha256[:16]}:{place}"


def _identity(raw: msgspec.Raw) -> tuple[str, str]:
    """Id and version of a record that does not fit its shape, as far as it has them."""
    try:
        found = msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        return "", "0"
    ident = found.get("id") if isinstance(found, dict) else None
    modified = found.get("modifiedTime") if isinstance(found, dict) else None
    return (
        ident if isinstance(ident, str) else "",
        f"{modified:015d}" if isinstance(modified, int) and not isinstance(modified, bool) else "0",
    )
