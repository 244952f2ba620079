"""Look-up: one order, payment, card or guest on both sides, with how it came about: crosswalk, journal, the POS's own answer.

For the specialist whom a restaurant calls ("the check of Friday, table 3, is not right"). Whoever looks finds what lies within the
restaurants of their scope, and nobody's personal data: names are initials, contacts their first or last signs. The POS's answer
is the stored one, in which personal fields are sealed; here they are left out. Every look-up is noted by whoever offers it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from psycopg.rows import dict_row

from aura_migration.archive.catalogue import snapshot_ref
from aura_migration.archive.reader import SnapshotReader
from aura_migration.archive.redaction import ENCRYPTED
from aura_migration.canonical.masking import HIDDEN, masked
from aura_migration.canonical.persons.contacts import normalised_phone
from aura_migration.core.errors import AuraError, BadInput
from aura_migration.database.connections import Connection
from aura_migration.migration.workshop import Workshop

Kind = Literal["pos_id", "number", "card", "gift_card", "phone"]
MOST_HITS = 20
MOST_RELATED = 50
LONGEST = 200

# What of an order, a payment, a refund is shown: money, times, numbers, states. Columns that may hold words of a guest are not.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "orders": (
        "business_date", "business_date_rule", "status", "currency", "subtotal_cents", "discount_amount_cents",
        "service_charge_amount_cents", "gratuity_cents", "tax_amount_cents", "included_tax_cents", "final_amount_cents",
        "tip_amount_cents", "total_amount_cents", "opened_at", "closed_at", "paid_at", "is_voided", "voided_at", "order_type",
        "channel", "origin", "display_number", "receipt_number", "table_no", "guest_count", "is_tax_exempt", "voided_at_source",
        "review_flags", "source_vendor", "source_id", "source_version",
    ),
    "payments": (
        "business_date", "method", "tender_name", "amount_cents", "tip_amount_cents", "currency", "status", "processed_at",
        "order_id", "card_brand", "card_last4", "fee_amount_cents", "tendered_cents", "change_cents", "review_flags",
        "source_vendor", "source_id",
    ),
    "refunds": (
        "business_date", "amount_cents", "currency", "status", "payment_id", "order_id", "tender_name", "method", "net_cents",
        "tax_cents", "tip_refunded_cents", "charge_cents", "processed_at", "sale_business_date", "review_flags", "source_vendor",
        "source_id",
    ),
    "order_items": (
        "item_name", "variation_name", "quantity", "price_cents", "modifiers_cents", "line_discount_cents", "line_tax_cents",
        "line_subtotal_cents", "menu_item_id", "is_voided",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What is looked for. ``value`` is the id, number, last four digits or phone; a card also has amount and day."""

    kind: Kind
    value: str
    amount_cents: int | None = None
    day: date | None = None

    def __post_init__(self) -> None:
        text = self.value.strip()
        if not text or len(text) > LONGEST or not text.isprintable():
            raise BadInput("What is looked for has 1 to 200 printable characters.", "Give the id, number or digits.")
        if self.kind in ("card", "gift_card") and not (len(text) == 4 and text.isascii() and text.isdigit()):
            raise BadInput("A card is looked for by its last four digits.", "Give four digits; never the whole number.")
        if self.kind == "card" and (self.amount_cents is None or self.day is None):
            raise BadInput("A card is looked for by last four digits, amount and date.", "Give all three.")

    def told(self) -> dict[str, Any]:
        """For the audit trail: what was looked for, a phone masked."""
        value = f"…{self.value.strip()[-2:]}" if self.kind == "phone" else self.value.strip()
        return {
            "by": self.kind,
            "value": value,
            **({"amount_cents": self.amount_cents} if self.amount_cents is not None else {}),
            **({"day": self.day.isoformat()} if self.day is not None else {}),
        }


@dataclass(frozen=True)
class _Hit:
    """A row of AuraConnect (or, of what never arrived, only its key): ``entity`` names it as the plan does."""

    entity: str
    table: str
    aura_id: int | None
    source_key: str = ""
    migration_id: int | None = None


def look_up(
    workshop: Workshop,
    connection: Connection,
    wanted: Wanted,
    restaurants: Sequence[int] | None,
    *,
    with_body: bool,
) -> dict[str, Any]:
    """``{"wanted", "hits": [...], "more": bool}``; see ``_describe`` for a hit. ``restaurants`` None: all.

    ``with_body`` adds the POS's own record. What is found of a guest are his orders, points and cards, not who he is.
    """
    scope = {"restaurants": None if restaurants is None else list(restaurants)}
    found = list(dict.fromkeys(_FINDERS[wanted.kind](connection, wanted, scope)))
    hits = [_describe(workshop, connection, hit, with_body=with_body) for hit in found[:MOST_HITS]]
    return {"wanted": wanted.told(), "hits": hits, "more": len(found) > MOST_HITS}


# -- finding ---------------------------------------------------------------------------------------------------------------

_IN_SCOPE = "(%(restaurants)s::bigint[] IS NULL OR {}.restaurant_id = ANY(%(restaurants)s))"


def _by_pos_id(connection: Connection, wanted: Wanted, scope: Mapping[str, Any]) -> Iterator[_Hit]:
    named = {**scope, "key": wanted.value.strip(), "limit": MOST_HITS + 1}
    # A key that is a path of ids is found by its last id, too. Links of two things are found through the things.
    rows = connection.execute(
        f"SELECT x.entity, x.aura_table, x.aura_id, x.source_key, x.last_migration_id FROM migration.crosswalk x "
        f"WHERE {_IN_SCOPE.format('x')} AND (x.source_key = %(key)s OR right(x.source_key, length(%(key)s) + 1) = '/' || %(key)s) "
        "ORDER BY x.source_key <> %(key)s, x.id LIMIT %(limit)s",
        named,
    ).fetchall()
    yield from (_Hit(*row) for row in rows)
    for table in ("orders", "payments", "refunds"):
        rows = connection.execute(
            f"SELECT t.id, t.source_id, t.migration_run_id FROM aura.{table} t JOIN aura.locations l ON l.id = t.location_id "
            f"WHERE {_IN_SCOPE.format('l')} AND t.source_id = %(key)s LIMIT %(limit)s",
            named,
        ).fetchall()
        yield from (_Hit(table, table, row[0], row[1], row[2]) for row in rows)
    rows = connection.execute(
        "SELECT DISTINCT q.entity, q.source_key, q.migration_id FROM migration.quarantine q JOIN migration.migrations m ON m.id = q.migration_id "
        f"WHERE {_IN_SCOPE.format('m')} AND q.state = 'open' AND q.source_key = %(key)s LIMIT %(limit)s",
        named,
    ).fetchall()
    yield from (_Hit(row[0], "", None, row[1], row[2]) for row in rows)


def _by_number(connection: Connection, wanted: Wanted, scope: Mapping[str, Any]) -> Iterator[_Hit]:
    rows = connection.execute(
        "SELECT o.id, o.source_id, o.migration_run_id FROM aura.orders o "
        f"WHERE {_IN_SCOPE.format('o')} AND (o.receipt_number = %(number)s OR o.display_number = %(number)s "
        # Square prints the first four characters of the payment's id on the receipt, and the order has no number.
        "OR EXISTS (SELECT 1 FROM aura.payments p WHERE p.order_id = o.id AND (p.external_id = %(number)s "
        "OR p.source_vendor = 'square' AND left(p.source_id, 4) = %(number)s))) "
        "AND (%(day)s::date IS NULL OR o.business_date = %(day)s) ORDER BY o.business_date DESC, o.id DESC LIMIT %(limit)s",
        {**scope, "number": wanted.value.strip().lstrip("#"), "day": wanted.day, "limit": MOST_HITS + 1},
    ).fetchall()
    yield from (_Hit("orders", "orders", *row) for row in rows)


def _by_card(connection: Connection, wanted: Wanted, scope: Mapping[str, Any]) -> Iterator[_Hit]:
    rows = connection.execute(
        "SELECT p.id, p.source_id, p.migration_run_id FROM aura.payments p "
        f"WHERE {_IN_SCOPE.format('p')} AND p.card_last4 = %(last4)s AND p.business_date BETWEEN %(day)s::date - 1 AND %(day)s::date + 1 "
        "AND %(cents)s IN (p.amount_cents, p.amount_cents + p.tip_amount_cents) ORDER BY p.id LIMIT %(limit)s",
        {
            **scope,
            "last4": wanted.value.strip(),
            "cents": wanted.amount_cents,
            "day": wanted.day,
            "limit": MOST_HITS + 1,
        },
    ).fetchall()
    yield from (_Hit("payments", "payments", *row) for row in rows)


def _by_gift_card(connection: Connection, wanted: Wanted, scope: Mapping[str, Any]) -> Iterator[_Hit]:
    rows = connection.execute(
        "SELECT g.id, g.source_id, g.migration_run_id FROM aura.gift_cards g "
        f"WHERE {_IN_SCOPE.format('g')} AND g.last4 = %(last4)s AND g.deleted_at IS NULL ORDER BY g.id LIMIT %(limit)s",
        {**scope, "last4": wanted.value.strip(), "limit": MOST_HITS + 1},
    ).fetchall()
    yield from (_Hit("gift_cards", "gift_cards", *row) for row in rows)


def _by_phone(connection: Connection, wanted: Wanted, scope: Mapping[str, Any]) -> Iterator[_Hit]:
    countries = connection.execute(
        "SELECT DISTINCT coalesce(l.facts -> 'address' ->> 'country', 'US') FROM migration.locations l "
        f"WHERE {_IN_SCOPE.format('l')}",
        scope,
    ).fetchall()
    numbers = {phone for (country,) in countries if (phone := normalised_phone(wanted.value, country))}
    if not numbers:
        raise BadInput("That is not a phone number.", "Give it as guests do, or with + and the country's number.")
    rows = connection.execute(
        "SELECT c.id, c.source_id, c.migration_run_id FROM aura.customers c "
        f"WHERE {_IN_SCOPE.format('c')} AND c.phone = ANY(%(numbers)s) AND c.deleted_at IS NULL ORDER BY c.id LIMIT %(limit)s",
        {**scope, "numbers": sorted(numbers), "limit": MOST_HITS + 1},
    ).fetchall()
    yield from (_Hit("customers", "customers", *row) for row in rows)


_FINDERS = {
    "pos_id": _by_pos_id,
    "number": _by_number,
    "card": _by_card,
    "gift_card": _by_gift_card,
    "phone": _by_phone,
}


# -- describing ------------------------------------------------------------------------------------------------------------


def _describe(workshop: Workshop, connection: Connection, hit: _Hit, *, with_body: bool) -> dict[str, Any]:
    """One hit: AuraConnect's row, the crosswalk, the journal, what belongs to it, and the POS's side."""
    row = _row(connection, hit.table, hit.aura_id)
    crosswalk = _crosswalk(connection, hit)
    migration_id = hit.migration_id or (crosswalk or {}).get("migration_id")
    place = connection.execute(
        "SELECT m.location_key, l.name FROM migration.migrations m JOIN migration.locations l ON l.key = m.location_key WHERE m.id = %s",
        [migration_id],
    ).fetchone()
    found: dict[str, Any] = {
        "entity": hit.entity,
        "migration_id": migration_id,
        "location": place[0] if place else None,
        "location_name": place[1] if place else None,
        "auraconnect": {"table": hit.table, "id": hit.aura_id, "row": _shown(hit.entity, hit.table, row)}
        if row
        else None,
        "pos": {
            "id": hit.source_key or (crosswalk or {}).get("source_key"),
            "planned": _planned(connection, hit, migration_id),
        },
        "crosswalk": crosswalk,
        "journal": _journal(connection, hit),
        "related": list(_related(connection, hit)),
        "quarantine": _quarantined(connection, hit, migration_id),
    }
    if with_body:
        found["pos"]["answer"] = _answer(workshop, connection, hit, migration_id, crosswalk, row)
    return found


def _row(connection: Connection, table: str, aura_id: int | None) -> dict[str, Any] | None:
    if not table or aura_id is None:
        return None
    known = connection.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = 'aura' AND table_name = %s", [table]
    ).fetchone()
    if known is None:
        return None
    row = connection.execute(f"SELECT to_jsonb(t) FROM aura.{table} t WHERE t.id = %s", [aura_id]).fetchone()
    return dict(row[0]) if row else None


def _shown(entity: str, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it may be seen."""
    if table in _COLUMNS:
        return {name: row[name] for name in _COLUMNS[table] if row.get(name) is not None}
    return {name: value for name, value in masked(entity, row).items() if value is not None and name != "code_hash"}


def _crosswalk(connection: Connection, hit: _Hit) -> dict[str, Any] | None:
    if hit.aura_id is None:
        return None
    return (
        connection.cursor(row_factory=dict_row)
        .execute(
            "SELECT integration_id, entity, source_key, record, first_migration_id, last_migration_id AS migration_id, is_active "
            "FROM migration.crosswalk WHERE aura_id = %s AND aura_table = %s ORDER BY is_active DESC, id LIMIT 1",
            [hit.aura_id, hit.table],
        )
        .fetchone()
    )


def _planned(connection: Connection, hit: _Hit, migration_id: int | None) -> dict[str, Any] | None:
    """What the plan that stands says of it: the POS's values in AuraConnect's terms."""
    row = connection.execute(
        "SELECT p.action, p.reason, coalesce(p.source_image, p.image, p.content) FROM migration.plan_rows p JOIN migration.plans s ON s.id = p.plan_id "
        "WHERE s.migration_id = %s AND s.state IN ('loading', 'loaded', 'approved', 'planned') AND p.entity = %s "
        "AND p.source_key = %s ORDER BY s.id DESC LIMIT 1",
        [migration_id, hit.entity, hit.source_key],
    ).fetchone()
    return None if row is None else {"action": row[0], "reason": row[1], "values": masked(hit.entity, row[2] or {})}


def _journal(connection: Connection, hit: _Hit) -> list[dict[str, Any]]:
    """Every write of ours, oldest first; of an order its earlier versions."""
    if hit.aura_id is None:
        return []
    if hit.table in _COLUMNS:
        rows = connection.execute(
            "SELECT written_at, op, before, NULL, undone_at, outcome, batch_id FROM migration.history_journal "
            "WHERE document = %s AND aura_id = %s ORDER BY id LIMIT 50",
            [hit.table, hit.aura_id],
        ).fetchall()
    else:
        rows = connection.execute(
            "SELECT written_at, op, before, after, undone_at, outcome, migration_id FROM migration.writes "
            "WHERE aura_table = %s AND aura_id = %s ORDER BY id LIMIT 50",
            [hit.table, hit.aura_id],
        ).fetchall()
    return [
        {
            "at": at.isoformat(),
            "op": op,
            "before": _side(hit, before),
            "after": _side(hit, after),
            "undone_at": undone.isoformat() if undone else None,
            "outcome": outcome,
        }
        for at, op, before, after, undone, outcome, _ in rows
    ]


def _side(hit: _Hit, image: Any) -> dict[str, Any] | None:
    return _shown(hit.entity, hit.table, image) if isinstance(image, dict) else None


def _quarantined(connection: Connection, hit: _Hit, migration_id: int | None) -> list[str]:
    row = connection.execute(
        "SELECT reasons FROM migration.quarantine WHERE migration_id = %s AND entity = %s AND source_key = %s AND state = 'open'",
        [migration_id, hit.entity, hit.source_key],
    ).fetchone()
    return list(row[0]) if row else []


_RELATED: dict[str, tuple[tuple[str, str], ...]] = {
    "orders": (
        ("order_items", "order_id = %(id)s"),
        ("payments", "order_id = %(id)s"),
        ("refunds", "order_id = %(id)s"),
    ),
    "payments": (
        ("orders", "id = (SELECT order_id FROM aura.payments WHERE id = %(id)s)"),
        ("refunds", "payment_id = %(id)s"),
    ),
    "refunds": (
        ("orders", "id = (SELECT order_id FROM aura.refunds WHERE id = %(id)s)"),
        ("payments", "id = (SELECT payment_id FROM aura.refunds WHERE id = %(id)s)"),
    ),
    "customers": (
        ("loyalty_accounts", "customer_id = %(id)s"),
        ("gift_cards", "customer_id = %(id)s"),
        ("orders", "customer_id = %(id)s"),
    ),
    "gift_cards": (("gift_card_transactions", "gift_card_id = %(id)s"),),
}


def _related(connection: Connection, hit: _Hit) -> Iterator[dict[str, Any]]:
    for table, condition in _RELATED.get(hit.table, ()):
        rows = connection.execute(
            f"SELECT t.id, to_jsonb(t) FROM aura.{table} t WHERE t.{condition} ORDER BY t.id LIMIT {MOST_RELATED}",
            {"id": hit.aura_id},
        ).fetchall()
        yield from ({"table": table, "id": number, "row": _shown(table, table, row)} for number, row in rows)


# -- the POS's own answer --------------------------------------------------------------------------------------------------


def _answer(
    workshop: Workshop,
    connection: Connection,
    hit: _Hit,
    migration_id: int | None,
    crosswalk: Mapping[str, Any] | None,
    row: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """``{"request", "sha256", "record"}`` of the stored body that holds it, or ``{"why_not"}``."""
    record = str((crosswalk or {}).get("record") or "")
    entity, _, key = record.partition("#")
    key = key or hit.source_key
    refs = []
    for (number,) in connection.execute(
        "SELECT s.snapshot_id FROM migration.migration_snapshots s JOIN migration.snapshots n ON n.id = s.snapshot_id "
        "WHERE s.migration_id = %s AND n.state = 'complete' ORDER BY s.is_current DESC, s.snapshot_id DESC",
        [migration_id],
    ).fetchall():
        refs.append(snapshot_ref(connection, number))
    if not refs:
        return {"why_not": "no snapshot of this migration is kept"}
    try:
        reader = SnapshotReader(*refs)
        bodies = _bodies(connection, reader, hit, entity, row)
        for body in bodies:
            needle = key.rpartition("/")[2]
            if needle.encode() not in body.data:
                continue
            found = _record_in(json.loads(body.data), needle)
            if found is not None:
                request = {"method": body.method, "path": body.path, "params": dict(body.params or {})}
                return {"request": request, "sha256": body.sha256, "record": _without_persons(found)}
    except AuraError as error:  # a damaged or deleted snapshot is an answer, too: what is left is shown
        return {"why_not": error.what}
    return {"why_not": "the record is not in the snapshots that are kept"}


def _bodies(
    connection: Connection, reader: SnapshotReader, hit: _Hit, entity: str, row: Mapping[str, Any] | None
) -> Iterator[Any]:
    """The bodies that may hold the record: of an order those of the batch it was loaded with."""
    if hit.table in _COLUMNS and row is not None:
        batch = connection.execute(
            "SELECT bodies FROM migration.history_batches WHERE id = %s", [row.get("history_batch_id")]
        ).fetchone()
        for sha in batch[0] if batch else ():
            yield reader.body(sha)
    elif entity:
        yield from reader.bodies(entity)


_KEYS = ("id", "guid", "uid", "multiLocationId", "card_id", "gan")


def _record_in(document: Any, key: str) -> Any:
    """The innermost object that says of itself that it is the one, or None."""
    if isinstance(document, dict):
        for value in document.values():
            if isinstance(value, dict | list) and (found := _record_in(value, key)) is not None:
                return found
        return document if any(document.get(name) == key for name in _KEYS) else None
    if isinstance(document, list):
        for value in document:
            if (found := _record_in(value, key)) is not None:
                return found
    return None


def _without_persons(value: Any) -> Any:
    """A stored record with sealed personal fields left out."""
    if isinstance(value, dict):
        return {name: _without_persons(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_persons(each) for each in value]
    return HIDDEN if isinstance(value, str) and value.startswith(ENCRYPTED) else value
