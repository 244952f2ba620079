"""Scheduled orders that are entered again in AuraConnect: the order as the guest agreed it, and the deposit as money owed.

Which orders is decided beforehand (``open_business.decide_future_order``); it is done once AuraConnect takes orders of the channel. The
new order knows the old one by its id at the POS, so that the two are one sale; the old one is cancelled at the POS by staff.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.core.errors import Refused
from aura_migration.cutover.open_business import FutureOrder, list_future_orders
from aura_migration.database.connections import Connection, transaction_lock

# Each with what points from it to rows of its own order; a table comes after those it points to.
_CHILDREN: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    ("order_items", {}),
    ("order_item_modifiers", {"order_item_id": "order_items", "parent_modifier_id": "order_item_modifiers"}),
    ("order_discounts", {"order_item_id": "order_items"}),
    ("order_service_charges", {"order_item_id": "order_items"}),
    ("order_taxes", {"order_item_id": "order_items", "order_service_charge_id": "order_service_charges"}),
)
_REFUSED: Final = "AU001"
"""SQLSTATE of AuraConnect's refusals."""


@dataclass(frozen=True)
class Reentered:
    """One order of the old POS as AuraConnect's; ``deposit_account_id`` None: nothing was paid ahead."""

    source_key: str
    old_order_id: int
    order_id: int
    number: str
    deposit_cents: int
    deposit_account_id: int | None


def reenter_future_orders(
    connection: Connection, migration_id: int, by: str, now: datetime, channel: str | None = None
) -> list[Reentered]:
    """Enter what was decided to be entered and is not yet; of a switched channel, or of all. Called again it does nothing.

    Each order is one transaction. ``Refused`` while AuraConnect takes no orders of its channel.
    """
    made = []
    for order in list_future_orders(connection, migration_id, channel):
        if order.decision == "reentered" and order.reentered_order_id is None:
            found = _reenter(connection, migration_id, order, by, now)
            if found is not None:
                made.append(found)
    return made


def _reenter(connection: Connection, migration_id: int, order: FutureOrder, by: str, now: datetime) -> Reentered | None:
    try:
        with connection.transaction():
            transaction_lock(connection, f"aura:future:{migration_id}")
            waits = connection.execute(
                "SELECT deposit_cents FROM migration.future_orders WHERE migration_id = %s AND order_id = %s "
                "AND decision = 'reentered' AND reentered_order_id IS NULL FOR UPDATE",
                [migration_id, order.order_id],
            ).fetchone()
            if waits is None:
                return None  # Another process has just entered it.
            made = _copied(connection, order, int(waits[0]), by, now)
            connection.execute(
                "UPDATE migration.future_orders SET reentered_order_id = %s WHERE migration_id = %s AND order_id = %s",
                [made.order_id, migration_id, order.order_id],
            )
            return made
    except psycopg.DatabaseError as error:
        if error.sqlstate != _REFUSED:
            raise
        raise Refused(
            f"Scheduled order {order.source_key} cannot be entered: {error.diag.message_primary}",
            "Orders are entered again once the channel is switched.",
            order_id=order.order_id,
        ) from error


def _copied(connection: Connection, order: FutureOrder, deposit: int, by: str, now: datetime) -> Reentered:
    row = connection.execute("SELECT to_jsonb(o) FROM aura.orders o WHERE id = %s", [order.order_id]).fetchone()
    assert row is not None
    old: dict[str, Any] = row[0]
    numbered = connection.execute("SELECT aura.take_order_number(%s)", [old["location_id"]]).fetchone()
    assert numbered is not None
    account = _deposit(connection, old, order, deposit, now) if deposit else None
    details = {**(old.get("details") or {}), "entered_again": {"by": by, "old_number": old.get("display_number")}}
    if account is not None:
        details["entered_again"] |= {"deposit_account_id": account, "deposit_cents": deposit}
    new = {
        **old,
        "origin": "aura_native",
        "external_id": order.source_key,
        "display_number": str(numbered[0]),
        "receipt_number": None,
        "opened_at": now.isoformat(),
        "business_date_rule": "entered again",
        "order_group_id": None,
        "is_historical": False,
        "details": details,
        **dict.fromkeys(("source_vendor", "source_id", "migration_run_id", "source_hash", "source_version")),
        "history_batch_id": None,
        "created_at": now.isoformat(),
        "updated_at": now.isoformat(),
    }
    number = _insert(connection, "orders", new)
    ids: dict[str, dict[int, int]] = {}
    for table, references in _CHILDREN:
        ids[table] = {}
        rows = connection.execute(
            f"SELECT to_jsonb(t) FROM aura.{table} t WHERE order_id = %s ORDER BY id", [order.order_id]
        ).fetchall()
        for (child,) in rows:
            moved = {name: ids[at].get(child[name]) for name, at in references.items() if child.get(name) is not None}
            ids[table][child["id"]] = _insert(connection, table, {**child, **moved, "order_id": number})
    return Reentered(order.source_key, order.order_id, number, str(numbered[0]), deposit, account)


def _insert(connection: Connection, table: str, values: dict[str, Any]) -> int:
    row = connection.execute(
        f"INSERT INTO aura.{table} SELECT (jsonb_populate_record(NULL::aura.{table}, %s || jsonb_build_object("
        f"'id', nextval(pg_get_serial_sequence('aura.{table}', 'id'))))).* RETURNING id",
        [Jsonb(values)],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _deposit(connection: Connection, old: dict[str, Any], order: FutureOrder, cents: int, now: datetime) -> int:
    """What the guest paid ahead, as credit AuraConnect owes and redeems when the order is paid."""
    row = connection.execute(
        "INSERT INTO aura.house_accounts (restaurant_id, location_id, kind, name, customer_id, balance_cents, currency, status, opened_at) "
        "VALUES (%s, %s, 'store_credit', %s, %s, %s, %s, 'active', %s) RETURNING id",
        [
            *(old["restaurant_id"], old["location_id"], f"Deposit of order {order.display_number or order.source_key}"),
            *(old.get("customer_id"), cents, old["currency"], now),
        ],
    ).fetchone()
    assert row is not None
    connection.execute(
        "INSERT INTO aura.house_account_transactions (restaurant_id, location_id, house_account_id, transaction_type, amount_cents, "
        "balance_before_cents, balance_after_cents, reason, reference_id, occurred_at) "
        "VALUES (%s, %s, %s, 'issued', %s, 0, %s, 'deposit paid at the old POS', %s, %s)",
        [old["restaurant_id"], old["location_id"], row[0], cents, cents, f"deposit {order.source_key}", now],
    )
    return int(row[0])
