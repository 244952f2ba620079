"""Opening movements of balances that somebody gave in quarantine: the export's line had none to make a movement of.

Movements that a POS or an export states are the connectors' and the intake's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

Connection = psycopg.Connection[Any]
REASON = "opening balance given in quarantine"


class Ledger(NamedTuple):
    """A kind of balance and its movements: entities, the reference to the holder, and the names of its numbers."""

    holder: str
    balance: str
    entity: str
    key: str
    change: str
    before: str
    after: str


LEDGERS = (
    Ledger(
        "gift_cards", "balance_cents", "gift_card_transactions", "gift_card_key",
        "amount_cents", "balance_before_cents", "balance_after_cents",
    ),
    Ledger(
        "loyalty_accounts", "balance_points", "loyalty_transactions", "loyalty_account_key",
        "points_change", "points_balance_before", "points_balance_after",
    ),
    Ledger(
        "house_accounts", "balance_cents", "house_account_transactions", "house_account_key",
        "amount_cents", "balance_before_cents", "balance_after_cents",
    ),
)  # fmt: skip


def open_corrected(connection: Connection) -> None:
    """One movement for each corrected balance that has none; it is the whole balance."""
    for ledger in LEDGERS:
        connection.execute(
            """
            INSERT INTO people_rows (n, entity, source_key, content, source_hash, record, verdict, reasons, is_rejected,
                                     is_corrected, is_mapped_role)
            SELECT a.n, %(entity)s, a.source_key || '/opening', jsonb_build_object(
                       %(key)s::text, a.source_key, 'transaction_type', 'opening_balance', %(change)s::text, a.content -> %(balance)s,
                       %(before)s::text, 0, %(after)s::text, a.content -> %(balance)s, 'reason', %(reason)s::text),
                   encode(sha256(convert_to(a.source_key || ' ' || (a.content ->> %(balance)s), 'UTF8')), 'hex'), a.record, NULL, '{}',
                   false, false, false
            FROM people_rows a
            WHERE a.entity = %(holder)s AND a.is_corrected AND a.verdict IS NULL
              AND jsonb_typeof(a.content -> %(balance)s) = 'number' AND a.content ->> %(balance)s <> '0'
              AND NOT EXISTS (SELECT 1 FROM people_rows t WHERE t.entity = %(entity)s AND t.content ->> %(key)s::text = a.source_key)
            """,
            {**ledger._asdict(), "reason": REASON},
        )
