"""Small histories for tests of loading: documents by hand, staged and planned in the plainest way.

They are staged row by row in the plainest way that keeps the contract (``canonical.history.shapes``); planned as ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.canonical.history import rows, shapes
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.tables import BY_ROW, TABLES
from aura_migration.canonical.options import parse_options
from aura_migration.load.history import HistoryLoaded, load_history
from aura_migration.load.history.placeholders import reserve_placeholders
from aura_migration.plan import history as history_plan
from aura_migration.plan.planner import Subject
from aura_migration_tests.support.menus import LOAD_AT, one
from aura_migration_tests.support.menus import rows as fetched

Connection = psycopg.Connection[Any]
RULES = "as tested"
HISTORY_TABLES = tuple(table.name for table in TABLES)


# -- documents ----------------------------------------------------------------------------------------------------------


def order(
    key: str,
    lines: int = 2,
    *,
    day: str = "2026-01-05",
    item: str | None = "COF",
    group: str | None = None,
    **values: Any,
) -> Document:
    """A check with lines at 5.00, each with a modifier, a tax per line, a discount and a service charge on the check."""
    subtotal = 500 * lines
    root = rows.Order(
        **{
            "business_date": day,
            "business_date_rule": "closed_at, closeout 04:00",
            "status": "completed",
            "currency": "USD",
            "subtotal_cents": subtotal,
            "final_amount_cents": subtotal - 100 + 200 + 40 * lines,
            "discount_amount_cents": 100,
            "service_charge_amount_cents": 200,
            "tax_amount_cents": 40 * lines,
            "total_amount_cents": subtotal,
            "closed_at": f"{day}T18:30:00+00:00",
            "order_group_key": group,
            "details": '{"ratio": 1.10}',
            **values,
        }
    )
    found: list[Any] = [root]
    for n in range(lines):
        found.append(
            rows.OrderItem(
                f"Coffee {n}", "1.000", 500, 500, menu_item_key=item, variation_key="COF-S", line_tax_cents=40
            )
        )
        found.append(rows.OrderItemModifier(n, "Oat", "1", 60, 60, modifier_key="MILK-Oat"))
        found.append(rows.OrderTax("Sales tax 8%", 40, item_no=n, tax_rate_key="TAX", rate_percent="8.00"))
    found.append(rows.OrderDiscount("Regulars", 100))
    found.append(rows.OrderServiceCharge("Delivery", 200, "delivery"))
    return Document("orders", key, "1", found)


def group(key: str, **values: Any) -> Document:
    """What checks share."""
    return Document("order_groups", key, "1", [rows.OrderGroup("2026-01-05", guest_count=4, **values)])


def payment(key: str, order_key: str | None, cents: int = 1180, **values: Any) -> Document:
    """A card payment with a fee and a tip."""
    root = rows.Payment("2026-01-05", "card", "Card", cents, "USD", "completed", 150, order_key, **values)
    tip = rows.Tip(150, "2026-01-05", "card", order_key=order_key)
    return Document("payments", key, "1", [root, rows.PaymentFee("processing", 35), tip])


def refund(key: str, order_key: str | None, payment_key: str | None, item: str | None = "COF") -> Document:
    """A line given back."""
    root = rows.Refund("2026-01-06", 500, "USD", "completed", payment_key, order_key)
    return Document("refunds", key, "1", [root, rows.RefundItem("Coffee", "1", 500, menu_item_key=item)])


def gone(kind: str, key: str) -> Document:
    """The POS answered that the object is deleted."""
    return Document(kind, key, "9", [], gone=True)


def history(orders: int, batches: int) -> list[list[Document]]:
    """Orders with groups, payments and refunds, cut into batches; what belongs together is not always in one batch."""
    documents: list[Document] = []
    for n in range(orders):
        documents.append(
            order(
                f"O{n:04}",
                1 + n % 3,
                day=f"2026-01-{1 + n % 28:02}",
                item=f"GONE{n % 5}" if n % 7 == 0 else "COF",
                group=f"G{n // 2:04}",
            )
        )
        documents.append(payment(f"P{n:04}", f"O{(n + 5) % orders:04}"))
        if n % 2 == 0:
            documents.append(group(f"G{n // 2:04}"))
        if n % 10 == 0:
            documents.append(refund(f"R{n:04}", f"O{n:04}", f"P{n:04}", "GONE9" if n % 20 == 0 else "COF"))
    size = -(-len(documents) // batches)
    return [documents[at : at + size] for at in range(0, len(documents), size)]


# -- the way ------------------------------------------------------------------------------------------------------------


def stage_history(connection: Connection, subject: Subject, batches: Iterable[Sequence[Document]]) -> None:
    """Write documents into the working tables as the contract says."""
    staged: dict[str, list[Sequence[Any]]] = {}
    for at, documents in enumerate(batches, 1):
        numbers: dict[str, int] = {}
        for doc, document in enumerate(documents, 1):
            text = "\n".join(repr(row) for row in document.rows) + str(document.gone)
            content = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
            staged.setdefault(shapes.DOCUMENTS, []).append(
                [
                    at,
                    doc,
                    document.kind,
                    document.key,
                    document.version,
                    content,
                    doc % 2,
                    document.gone,
                    document.fault,
                ]
            )
            places: dict[str, list[int]] = {}
            for row in document.rows:
                name = BY_ROW[type(row)].name
                numbers[name] = numbers.get(name, 0) + 1
                places.setdefault(name, []).append(numbers[name])
            own = {name: iter(found) for name, found in places.items()}
            for row in document.rows:
                table = BY_ROW[type(row)]
                values = list(row)
                for place, column in enumerate(table.columns):
                    if column.within and values[place] is not None:
                        values[place] = places[column.within][int(values[place] or 0)]
                staged.setdefault(table.name, []).append([at, next(own[table.name]), doc, *values])
        bodies = Jsonb([f"body{at}a", f"body{at}b"])
        staged.setdefault(shapes.BATCHES, []).append([at, "basis", "orders", bodies, len(documents), Jsonb(numbers)])
    shapes.make(connection, subject.migration_id)
    for name, found in staged.items():
        columns = (
            "(batch, doc, kind, source_key, version, content_hash, body, gone, fault)"
            if name == shapes.DOCUMENTS
            else ""
        )
        with connection.cursor().copy(
            f"COPY {shapes.staged(subject.migration_id, name).as_string()} {columns} FROM STDIN"
        ) as copy:
            for line in found:
                copy.write_row(line)


def plan_history(connection: Connection, subject: Subject) -> int:
    """Plan what is staged and reserve ids; the migration is loading. Returns the plan."""
    plan_id = int(
        one(
            connection,
            "INSERT INTO migration.plans (migration_id, kind, state) VALUES (%s, 'preview', 'loading') RETURNING id",
            [subject.migration_id],
        )
    )
    history_plan.plan_history(connection, subject, plan_id, parse_options({}), rules=RULES)
    reserve_placeholders(connection, subject, plan_id)
    connection.execute(
        "UPDATE migration.migrations SET state = 'loading', plan_id = %s WHERE id = %s", [plan_id, subject.migration_id]
    )
    return plan_id


def stage_again(connection: Connection, subject: Subject, batches: Iterable[Sequence[Document]]) -> None:
    """What is done after a crash of the server: stage, and decide anew; the plan stands."""
    stage_history(connection, subject, batches)
    history_plan.judge_history(connection, subject, parse_options({}))


def preview_history(connection: Connection, subject: Subject, batches: Iterable[Sequence[Document]]) -> int:
    """Stage and plan; the migration is loading."""
    with connection.transaction():
        stage_history(connection, subject, batches)
        return plan_history(connection, subject)


def migrate_history(
    url: str, connection: Connection, subject: Subject, batches: Iterable[Sequence[Document]], **more: Any
) -> HistoryLoaded:
    """Stage, plan and load."""
    plan_id = preview_history(connection, subject, batches)
    return load_history(url, subject, plan_id, LOAD_AT, **more)


# -- looking ------------------------------------------------------------------------------------------------------------


def history_image(connection: Connection) -> dict[str, list[str]]:
    """Every row of history and menu items as text, in id order: equal images, equal to the byte.

    The id of the batch that wrote a row is left to the tables that need it.
    """
    return {
        table: [row[0] for row in fetched(connection, f"SELECT t::text FROM aura.{table} t ORDER BY id")]
        for table in (*HISTORY_TABLES, "menu_items")
    }


def placed(connection: Connection, table: str, key: str) -> dict[str, Any]:
    """The row of a root that came from a source key."""
    cursor = connection.execute(f"SELECT * FROM aura.{table} WHERE source_id = %s", [key])
    (row,) = cursor.fetchall()
    return dict(zip([column.name for column in cursor.description or ()], row, strict=True))
