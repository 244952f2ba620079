"""Where the way back finds what happened in AuraConnect: a query per table, and what an entry says of each row.

Contents by kind (ids are AuraConnect's, ``…_key`` the POS's own where the row came from there):

    order, void  figures in minor units, instants, channel, number; items with modifiers; discounts, charges, taxes, payments
    refund       amounts, ``order_id``, ``order_key``, ``payment_key``, method, instant
    stock        ``item_key``, ``variation_key``, quantity, status
    menu         ``key``, ``label``, ``is_new``, ``changed``: {column: value now}
    customer     ``key``, ``is_new``, ``columns``: names of the columns that changed
    liability    ``class``, ``account_id``, ``account_key``, amount and balance after it, ``reference``, instant
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import psycopg

from aura_migration.cutover.liabilities import HANDED_BACK
from aura_migration.cutover.phases import Place

Connection = psycopg.Connection[Any]


class Found(NamedTuple):
    """One row of AuraConnect that has to stand in the old POS; ``is_gone``: nothing to write unless it stood there."""

    kind: str
    aura_id: int
    content: dict[str, Any]
    pos_key: str | None
    is_gone: bool


class Beginning(Protocol):
    """When AuraConnect took its first channel: real time, business time, and the oldest transaction then."""

    @property
    def asked_at(self) -> Any: ...
    @property
    def effective_at(self) -> Any: ...
    @property
    def xid(self) -> int: ...


@dataclass(frozen=True)
class Source:
    """A table and its query: kind, id, content, pos_key, is_gone; bound to what :func:`found_rows` says."""

    table: str
    query: str


_CHANGED = "age(t.xmin) <= age((%(xid)s::bigint & 4294967295)::text::xid)"
"""Written by a transaction that had not ended when AuraConnect took its first channel, or began later."""
_UNCOMPARED = (
    "ARRAY['id', 'restaurant_id', 'created_at', 'updated_at', 'source_vendor', 'source_id', 'source_hash', 'migration_run_id', "
    "'source_version', 'history_batch_id']"
)

_ORDERS = """
SELECT CASE WHEN t.is_voided OR t.deleted_at IS NOT NULL OR t.status = 'cancelled' THEN 'void' ELSE 'order' END, t.id,
    jsonb_build_object(
        'order_id', t.id, 'number', t.display_number, 'status', t.status, 'channel', t.channel, 'order_type', t.order_type,
        'business_date', t.business_date, 'opened_at', t.opened_at, 'closed_at', t.closed_at, 'paid_at', t.paid_at,
        'currency', t.currency, 'subtotal_cents', t.subtotal_cents, 'discount_cents', t.discount_amount_cents,
        'charge_cents', t.service_charge_amount_cents, 'gratuity_cents', t.gratuity_cents, 'rounding_cents', t.rounding_cents,
        'tax_cents', t.tax_amount_cents, 'included_tax_cents', t.included_tax_cents, 'tip_cents', t.tip_amount_cents,
        'total_cents', t.final_amount_cents, 'customer_id', t.customer_id, 'staff_id', t.staff_id, 'table', t.table_no,
        'is_voided', t.is_voided OR t.deleted_at IS NOT NULL OR t.status = 'cancelled', 'scheduled_for', t.scheduled_for,
        'items', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', i.item_name, 'quantity', i.quantity, 'price_cents', i.price_cents, 'cents', i.line_subtotal_cents,
                'discount_cents', i.line_discount_cents, 'tax_cents', i.line_tax_cents, 'is_voided', i.is_voided,
                'class', i.revenue_class, 'item_id', i.menu_item_id,
                'item_key', (SELECT m.source_id FROM aura.menu_items m WHERE m.id = i.menu_item_id),
                'variation_key', (SELECT v.source_id FROM aura.menu_item_variations v WHERE v.id = i.variation_id),
                'modifiers', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', x.name, 'quantity', x.quantity,
                        'cents', x.amount_cents, 'is_voided', x.is_voided,
                        'key', (SELECT y.source_id FROM aura.modifiers y WHERE y.id = x.modifier_id)) ORDER BY x.id), '[]')
                    FROM aura.order_item_modifiers x WHERE x.order_item_id = i.id)) ORDER BY i.id), '[]')
            FROM aura.order_items i WHERE i.order_id = t.id),
        'discounts', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', d.name, 'cents', d.amount_cents,
                'key', d.discount_key, 'is_comp', d.is_comp) ORDER BY d.id), '[]') FROM aura.order_discounts d WHERE d.order_id = t.id),
        'charges', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'cents', c.amount_cents, 'key', c.charge_key,
                'class', c.charge_class) ORDER BY c.id), '[]') FROM aura.order_service_charges c WHERE c.order_id = t.id),
        'taxes', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', x.name, 'cents', x.amount_cents,
                'rate', x.rate_percent, 'is_inclusive', x.is_inclusive) ORDER BY x.id), '[]') FROM aura.order_taxes x WHERE x.order_id = t.id),
        'payments', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'method', p.method, 'tender', p.tender_name,
                'cents', p.amount_cents, 'tip_cents', p.tip_amount_cents, 'status', p.status,
                'processed_at', p.processed_at) ORDER BY p.id), '[]') FROM aura.payments p WHERE p.order_id = t.id AND p.deleted_at IS NULL)),
    CASE WHEN t.external_id NOT LIKE 'aura:%%' AND NOT EXISTS (
        SELECT FROM migration.future_orders f WHERE f.reentered_order_id = t.id) THEN t.external_id END,
    t.deleted_at IS NOT NULL
FROM aura.orders t
WHERE t.location_id = %(location)s AND t.origin = 'aura_native'
  AND (t.created_at >= %(asked_at)s OR coalesce(t.opened_at, t.closed_at, t.created_at) >= %(effective_at)s)
ORDER BY t.id"""

_REFUNDS = """
SELECT 'refund', t.id, jsonb_build_object(
        'order_id', t.order_id, 'order_key', o.source_id, 'payment_id', t.payment_id, 'payment_key', p.source_id,
        'business_date', t.business_date, 'at', t.processed_at, 'status', t.status, 'method', t.method,
        'amount_cents', t.amount_cents, 'net_cents', t.net_cents, 'tax_cents', t.tax_cents,
        'tip_cents', t.tip_refunded_cents, 'charge_cents', t.charge_cents, 'reason', t.reason,
        'is_gone', t.deleted_at IS NOT NULL,
        'items', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', i.item_name, 'quantity', i.quantity,
                'cents', i.gross_cents, 'tax_cents', i.tax_cents) ORDER BY i.id), '[]')
            FROM aura.refund_items i WHERE i.refund_id = t.id)),
    NULL, t.deleted_at IS NOT NULL
FROM aura.refunds t LEFT JOIN aura.orders o ON o.id = t.order_id LEFT JOIN aura.payments p ON p.id = t.payment_id
WHERE t.location_id = %(location)s AND t.source_id IS NULL AND t.migration_run_id IS NULL
  AND (t.created_at >= %(asked_at)s OR t.processed_at >= %(effective_at)s)
ORDER BY t.id"""


def _edited(kind: str, table: str, content: str, where: str) -> str:
    """Rows made or edited in AuraConnect: ``e.columns`` are those in which they differ from their migration's last write.

    A row that no migration wrote is new as a whole, also for the guest's own page.
    """
    return f"""
SELECT '{kind}', t.id, {content}, NULL, to_jsonb(t) ->> 'deleted_at' IS NOT NULL
FROM aura.{table} t
LEFT JOIN LATERAL (SELECT w.after FROM migration.writes w WHERE w.aura_table = '{table}' AND w.aura_id = t.id
                   AND w.undone_at IS NULL ORDER BY w.id DESC LIMIT 1) last ON true
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(n.key, n.value), '{{}}') AS columns
    FROM jsonb_each(to_jsonb(t)) n
    WHERE n.key <> ALL ({_UNCOMPARED}) AND n.value IS DISTINCT FROM coalesce(last.after -> n.key, 'null')) e
WHERE t.restaurant_id = %(restaurant)s AND {where} AND {_CHANGED} AND e.columns <> '{{}}'
ORDER BY t.id"""


_STOCK = """jsonb_build_object('quantity', t.quantity, 'status', t.status, 'is_tracked', t.is_tracked, 'name', t.item_name,
    'item_key', (SELECT m.source_id FROM aura.menu_items m WHERE m.id = t.menu_item_id),
    'variation_key', (SELECT v.source_id FROM aura.menu_item_variations v WHERE v.id = t.variation_id))"""
_MENU = """jsonb_build_object('key', t.source_id, 'is_new', last.after IS NULL, 'changed', e.columns,
    'label', coalesce(to_jsonb(t) ->> 'name', ''))"""
_CUSTOMER = """jsonb_build_object('key', t.source_id, 'is_new', last.after IS NULL,
    'columns', (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(e.columns) k),
    'state', encode(sha256(convert_to((to_jsonb(t) - {uncompared})::text, 'UTF8')), 'hex'))""".replace(
    "{uncompared}", _UNCOMPARED
)


def _ledger(table: str, account: str, account_table: str, name: str, amount: str, balance: str) -> str:
    return f"""
SELECT 'liability', t.id, jsonb_build_object('class', {name}, 'account_id', a.id, 'account_key', a.source_id,
        'amount', t.{amount}, 'balance', t.{balance}, 'reference', t.reference_id, 'at', t.occurred_at), NULL,
    t.deleted_at IS NOT NULL
FROM aura.{table} t JOIN aura.{account_table} a ON a.id = t.{account}
WHERE t.restaurant_id = %(restaurant)s AND t.source_vendor IS NULL AND t.migration_run_id IS NULL
  AND t.reference_id IS DISTINCT FROM '{HANDED_BACK}' AND {_CHANGED}
ORDER BY t.id"""


_OF_THE_RESTAURANT = "true"
_HERE = "t.location_id = %(location)s"
_HERE_OR_ALL = "(t.location_id IS NULL OR t.location_id = %(location)s)"
MENU_TABLES: Final = {
    "menus": _HERE_OR_ALL,
    "menu_categories": _HERE_OR_ALL,
    "menu_items": _HERE_OR_ALL,
    "menu_item_variations": _HERE_OR_ALL,
    "menu_item_location_overrides": _HERE,
    "modifier_groups": _HERE_OR_ALL,
    "modifiers": _HERE_OR_ALL,
    "modifier_location_overrides": _HERE,
    "menu_item_modifiers": _HERE_OR_ALL,
    "menu_item_categories": _HERE_OR_ALL,
    "price_rules": _HERE_OR_ALL,
    "tax_rates": _HERE_OR_ALL,
    "tax_assignments": _HERE_OR_ALL,
}

SOURCES: Final = (
    Source("orders", _ORDERS),
    Source("refunds", _REFUNDS),
    Source("inventory", _edited("stock", "inventory", _STOCK, _HERE)),
    *(Source(table, _edited("menu", table, _MENU, where)) for table, where in MENU_TABLES.items()),
    Source("customers", _edited("customer", "customers", _CUSTOMER, _OF_THE_RESTAURANT)),
    Source(
        "gift_card_transactions",
        _ledger(
            "gift_card_transactions",
            "gift_card_id",
            "gift_cards",
            "'gift_cards'",
            "amount_cents",
            "balance_after_cents",
        ),
    ),
    Source(
        "loyalty_points_transactions",
        _ledger(
            "loyalty_points_transactions",
            "loyalty_account_id",
            "loyalty_accounts",
            "'loyalty'",
            "points_change",
            "points_balance_after",
        ),
    ),
    Source(
        "house_account_transactions",
        _ledger(
            "house_account_transactions",
            "house_account_id",
            "house_accounts",
            "CASE a.kind WHEN 'house_account' THEN 'house_accounts' ELSE 'store_credit' END",
            "amount_cents",
            "balance_after_cents",
        ),
    ),
)


def found_rows(connection: Connection, source: Source, place: Place, since: Beginning) -> list[Found]:
    """The rows of a source that have to stand in the old POS, in the order of their ids."""
    rows = connection.execute(
        source.query,
        {
            "location": place.location_id,
            "restaurant": place.restaurant_id,
            "asked_at": since.asked_at,
            "effective_at": since.effective_at,
            "xid": since.xid,
        },
    ).fetchall()
    return [Found(*row) for row in rows]
