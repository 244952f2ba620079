"""Recorded histories without a POS: documents as JSON bodies in a real snapshot store, and the mapper that reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aura_migration.archive.snapshot import BodyRef, Manifest, SnapshotReader, SnapshotRef, SnapshotStore, StoredBody
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.tables import BY_NAME
from aura_migration.core.ids import bytes_hash

NOW = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
Told = dict[str, Any]
"""A document as JSON: kind, key, version, rows [[table, {field: value}]], fault, gone."""


def told(kind: str, key: str, *rows: tuple[str, dict[str, Any]], version: str = "", **more: Any) -> Told:
    """A document for :func:`record`."""
    return {"kind": kind, "key": key, "version": version, "rows": [list(row) for row in rows], **more}


def order(key: str, cents: int = 1000, *, version: str = "", day: str = "2026-03-01", **more: Any) -> Told:
    """A check with one line, one modifier and one tax."""
    root = {
        "business_date": day,
        "business_date_rule": "closed_at, closeout 04:00",
        "status": "completed",
        "currency": "USD",
        "subtotal_cents": cents,
        "final_amount_cents": cents + 88,
        "tax_amount_cents": 88,
        "total_amount_cents": cents + 88,
    }
    line = {"item_name": "Pie", "quantity": "1", "price_cents": cents, "line_subtotal_cents": cents}
    extra = {"item_no": 0, "name": "Cream", "quantity": "1", "price_adjustment_cents": 0, "amount_cents": 0}
    tax = {"name": "Sales Tax", "amount_cents": 88, "item_no": 0, "rate_percent": "8.875"}
    return told(
        "orders",
        key,
        ("orders", root | more),
        ("order_items", line),
        ("order_item_modifiers", extra),
        ("order_taxes", tax),
        version=version,
    )


def payment(key: str, cents: int = 1088, *, version: str = "", **more: Any) -> Told:
    """A card payment."""
    values = {
        "business_date": "2026-03-01",
        "method": "card",
        "tender_name": "Card",
        "amount_cents": cents,
        "currency": "USD",
        "status": "completed",
    }
    return told("payments", key, ("payments", values | more), version=version)


class ToldMapper:
    """Reads the bodies that :func:`record` writes."""

    def __init__(self, entities: Sequence[str]) -> None:
        self.entities = tuple(entities)

    def documents(self, body: StoredBody) -> Iterator[Document]:
        """The documents of one body."""
        for one in json.loads(body.data):
            rows = [row_of(table, values) for table, values in one["rows"]]
            yield Document(
                one["kind"], one["key"], one["version"], rows, one.get("fault", ""), bool(one.get("gone", False))
            )


def row_of(table: str, values: dict[str, Any]) -> Any:
    """A row of a table; what is required and not given is null, which the type does not allow."""
    row = BY_NAME[table].row
    required = [name for name in row._fields if name not in row._field_defaults]
    return row(**(dict.fromkeys(required) | values))


@dataclass(frozen=True)
class ToldSource:
    """Opens a recorded history; pickles."""

    refs: tuple[SnapshotRef, ...]
    entities: tuple[str, ...]

    def __call__(self) -> tuple[SnapshotReader, ToldMapper]:
        return SnapshotReader(*self.refs), ToldMapper(self.entities)


def record(folder: Path, bodies: Mapping[str, Sequence[Sequence[Told]]]) -> ToldSource:
    """A snapshot of bodies per source entity, in this order; the source that reads it."""
    store = SnapshotStore(str(folder))
    found: dict[str, tuple[BodyRef, ...]] = {}
    for entity, contents in bodies.items():
        refs = []
        for page, content in enumerate(contents, start=1):
            data = json.dumps(content).encode()
            sha = store.put(data)
            path = f"/{entity}"
            refs.append(BodyRef(entity, "GET", path, None, None, None, page, "", len(content), sha, len(data)))
        found[entity] = tuple(refs)
    manifest = Manifest(1, "square", "history", "square:L1", NOW, found, {})
    data = manifest.encode()
    store.put_manifest(data)
    return ToldSource((manifest.ref(str(folder), bytes_hash(data)),), tuple(bodies))
