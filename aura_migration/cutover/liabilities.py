"""Which system redeems gift cards, points, house accounts and store credit: exactly one at any instant, per class.

    pos ──freeze──► nobody ──take over──► auraconnect
     ▲                │                        │
     └─────thaw───────┘◄───────give back───────┘   (give back freezes first: what AuraConnect redeemed is listed)

What AuraConnect redeemed is entered in the POS by hand after a return, where it becomes movements of the POS. With the thaw
AuraConnect's own are therefore settled by one that takes them back: each is counted once, however it was entered.

A class is switched for the whole integration, because its locations share the balances. While AuraConnect does not own
a class its rows are ``pending`` and `aura.redeem_…` refuses them with a sentence for staff; while nobody owns it, the old
POS must not redeem either, and whatever it still does is found by the last reading before the take-over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection, transaction_lock


class _Class(NamedTuple):
    entity: str
    table: str
    balance: str
    ledger: str
    ledger_key: str
    amount: str
    condition: str = "true"

    @property
    def is_points(self) -> bool:
        """Whether it is held in points of a programme, else in money."""
        return self.amount == "points_change"


CLASSES: Mapping[str, _Class] = {
    "gift_cards": _Class(
        "gift_cards", "gift_cards", "balance_cents", "gift_card_transactions", "gift_card_id", "amount_cents"
    ),
    "loyalty": _Class(
        "loyalty_accounts",
        "loyalty_accounts",
        "balance_points",
        "loyalty_points_transactions",
        "loyalty_account_id",
        "points_change",
    ),
    "house_accounts": _Class(
        "house_accounts",
        "house_accounts",
        "balance_cents",
        "house_account_transactions",
        "house_account_id",
        "amount_cents",
        "t.kind = 'house_account'",
    ),
    "store_credit": _Class(
        "house_accounts",
        "house_accounts",
        "balance_cents",
        "house_account_transactions",
        "house_account_id",
        "amount_cents",
        "t.kind = 'store_credit'",
    ),
}

HANDED_BACK = "handed back to the POS"
"""The reference of a movement that takes AuraConnect's own ones back."""


@dataclass(frozen=True)
class Ownership:
    """Who redeems a class, since when, and what stands in AuraConnect for it."""

    liability: str
    owner: str
    since: datetime | None
    changed_by: str
    rows: int
    balance: int
    unit: str
    ledger_rows: int
    ledger_difference: int | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready. ``balance`` in minor units or points, as ``unit`` says (a currency or ``points``; empty where there are no
        rows); ``ledger_difference`` None where nothing was measured."""
        return {
            "class": self.liability,
            "owner": self.owner,
            "since": self.since.astimezone(UTC).isoformat() if self.since else None,
            "changed_by": self.changed_by,
            "rows": self.rows,
            "balance": self.balance,
            "unit": self.unit,
            "ledger_rows": self.ledger_rows,
            "ledger_difference": self.ledger_difference,
        }


def ownership(connection: Connection, integration_id: int, liability: str) -> Ownership:
    """The present owner of one class; ``BadInput`` for a class there is not."""
    known = _known(liability)
    row = connection.execute(
        "SELECT owner, since, changed_by FROM migration.liability_owners WHERE integration_id = %s AND class = %s",
        [integration_id, liability],
    ).fetchone()
    owner, since, by = row if row is not None else ("pos", None, "")
    unit = "'points'" if known.is_points else "max(t.currency)"
    held = connection.execute(
        f"SELECT count(*), coalesce(sum(t.{known.balance}), 0), coalesce({unit}, '') FROM aura.{known.table} t WHERE {_imported(known)}",
        {"integration": integration_id, "entity": known.entity, "table": known.table},
    ).fetchone()
    ledger = connection.execute(
        "SELECT count(*), sum(abs(difference)) FROM migration.liability_ledger WHERE integration_id = %s AND class = %s",
        [integration_id, liability],
    ).fetchone()
    assert held is not None and ledger is not None
    difference = int(ledger[1]) if ledger[1] is not None else None
    return Ownership(liability, owner, since, by, int(held[0]), int(held[1]), held[2], int(ledger[0]), difference)


def freeze(connection: Connection, integration_id: int, liability: str, by: str, reason: str = "") -> Ownership:
    """From now on neither system redeems the class, until it is taken over or thawed."""
    with connection.transaction():
        before = _locked(connection, integration_id, liability)
        _require(
            before,
            "pos",
            "frozen",
            "It is frozen already: `liabilities switch` takes it over, `liabilities thaw` gives the freeze up."
            if before.owner == "nobody"
            else "It is with AuraConnect: `liabilities return` gives it back first.",
        )
        if not before.rows:
            raise Refused(
                f"AuraConnect holds nothing of class {liability} from integration {integration_id}.",
                "Load a migration with its balances first.",
            )
        _change(connection, integration_id, before, "nobody", by, reason, {"balance": before.balance})
        return ownership(connection, integration_id, liability)


def thaw(connection: Connection, integration_id: int, liability: str, by: str, reason: str = "") -> Ownership:
    """Give up a freeze: the POS redeems again, AuraConnect's rows stay ``pending`` and hold what the POS was last read to hold."""
    known = _known(liability)
    with connection.transaction():
        before = _locked(connection, integration_id, liability)
        _require(
            before,
            "nobody",
            "thawed",
            "The POS redeems it already."
            if before.owner == "pos"
            else "AuraConnect redeems it: `liabilities return` first, which lists what has to be entered in the POS.",
        )
        settled = _settle_own(connection, integration_id, known)
        _change(connection, integration_id, before, "pos", by, reason, {"balance": before.balance, "settled": settled})
        return ownership(connection, integration_id, liability)


def take_over(
    connection: Connection, integration_id: int, liability: str, by: str, reason: str, evidence: Mapping[str, Any]
) -> Ownership:
    """AuraConnect redeems from now on: pending rows become active in the same transaction that changes the owner.

    ``evidence`` says what was read after the freeze and found conserved. ``Refused`` unless the class is frozen and every
    row of its ledger has difference 0.
    """
    known = _known(liability)
    with connection.transaction():
        before = _locked(connection, integration_id, liability)
        _require(
            before, "nobody", "taken over", f"`aura-migration liabilities freeze {integration_id} {liability}` first."
        )
        if not before.ledger_rows or before.ledger_difference != 0:
            shown = "not measured" if not before.ledger_rows else f"off by {before.ledger_difference}"
            raise Refused(
                f"The ledger of {liability} is {shown}.",
                "Verify the migrations of this integration; a difference must be 0 before the class is switched.",
                ledger_difference=before.ledger_difference,
            )
        done = connection.execute(
            f"UPDATE aura.{known.table} t SET status = 'active', updated_at = now() "
            f"WHERE {_imported(known)} AND t.status = 'pending'",
            {"integration": integration_id, "entity": known.entity, "table": known.table},
        )
        facts = {**evidence, "balance": before.balance, "activated": done.rowcount}
        _change(connection, integration_id, before, "auraconnect", by, reason, facts)
        return ownership(connection, integration_id, liability)


def give_back(
    connection: Connection, integration_id: int, liability: str, by: str, reason: str = ""
) -> tuple[Ownership, list[dict[str, Any]]]:
    """AuraConnect stops redeeming; the class is frozen until somebody thaws it for the POS.

    Answers also what AuraConnect did since it took over, to be entered in the POS before the thaw:
    ``[{id, source_key, amount, balance, reference, occurred_at}]``.
    """
    known = _known(liability)
    with connection.transaction():
        before = _locked(connection, integration_id, liability)
        _require(
            before,
            "auraconnect",
            "given back",
            "The POS redeems it already."
            if before.owner == "pos"
            else "It is frozen: `liabilities thaw` lets the POS redeem again.",
        )
        connection.execute(
            f"UPDATE aura.{known.table} t SET status = 'pending', updated_at = now() "
            f"WHERE {_imported(known)} AND t.status = 'active'",
            {"integration": integration_id, "entity": known.entity, "table": known.table},
        )
        moved = _moved_here(connection, integration_id, known)
        _change(connection, integration_id, before, "nobody", by, reason, {"to_enter": len(moved)})
        return ownership(connection, integration_id, liability), moved


def owned_here(connection: Connection, integration_id: int) -> list[str]:
    """The classes AuraConnect redeems for an integration: while there are any, its loads are not taken back."""
    return [
        row[0]
        for row in connection.execute(
            "SELECT class FROM migration.liability_owners WHERE integration_id = %s AND owner = 'auraconnect' ORDER BY 1",
            [integration_id],
        ).fetchall()
    ]


def other_locations_here(connection: Connection, integration_id: int, location_key: str) -> list[str]:
    """Keys of the integration's other locations whose tills are AuraConnect's: they redeem here what this one shares."""
    return [
        row[0]
        for row in connection.execute(
            "SELECT k.key FROM migration.locations k WHERE k.integration_id = %s AND k.key <> %s AND 'auraconnect' = ("
            "SELECT o.book FROM migration.channel_ownership o WHERE o.location_key = k.key AND o.channel = 'in_house' "
            'ORDER BY o.from_at DESC LIMIT 1) ORDER BY k.key COLLATE "C"',
            [integration_id, location_key],
        ).fetchall()
    ]


def forget_ledger(connection: Connection, integration_id: int) -> None:
    """Drop ledger rows of classes of which AuraConnect holds nothing any more: nothing is measured over nothing."""
    for name in CLASSES:
        if not ownership(connection, integration_id, name).rows:
            connection.execute(
                "DELETE FROM migration.liability_ledger WHERE integration_id = %s AND class = %s",
                [integration_id, name],
            )


def _known(liability: str) -> _Class:
    if liability not in CLASSES:
        raise BadInput(f"{liability!r} is not a class of liabilities.", f"There are {', '.join(CLASSES)}.")
    return CLASSES[liability]


def _imported(known: _Class) -> str:
    """The rows ``t`` of the class that came from the integration."""
    return (
        f"t.deleted_at IS NULL AND {known.condition} AND t.id IN (SELECT c.aura_id FROM migration.crosswalk c "
        "WHERE c.integration_id = %(integration)s AND c.entity = %(entity)s AND c.aura_table = %(table)s AND c.is_active)"
    )


def _locked(connection: Connection, integration_id: int, liability: str) -> Ownership:
    transaction_lock(connection, f"aura:liability:{integration_id}:{liability}")
    return ownership(connection, integration_id, liability)


def _require(before: Ownership, owner: str, deed: str, remedy: str) -> None:
    if before.owner != owner:
        raise Refused(
            f"{before.liability} cannot be {deed}: it is owned by {before.owner}.", remedy, owner=before.owner
        )


def _change(
    connection: Connection,
    integration_id: int,
    before: Ownership,
    owner: str,
    by: str,
    reason: str,
    evidence: Mapping[str, Any],
) -> None:
    connection.execute(
        """
        INSERT INTO migration.liability_owners (integration_id, class, owner, since, changed_by, reason, evidence)
        VALUES (%s, %s, %s, clock_timestamp(), %s, %s, %s)
        ON CONFLICT (integration_id, class) DO UPDATE SET owner = excluded.owner, since = excluded.since,
            changed_by = excluded.changed_by, reason = excluded.reason, evidence = excluded.evidence
        """,
        [integration_id, before.liability, owner, by, reason, Jsonb(dict(evidence))],
    )
    connection.execute(
        "INSERT INTO migration.liability_changes (integration_id, class, from_owner, to_owner, done_by, reason, evidence) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [integration_id, before.liability, before.owner, owner, by, reason, Jsonb(dict(evidence))],
    )


def _settle_own(connection: Connection, integration_id: int, known: _Class) -> int:
    """Take AuraConnect's own movements back in one per card or account, since the POS tells of them from now on; how many."""
    before, after = (
        ("points_balance_before", "points_balance_after")
        if known.is_points
        else ("balance_before_cents", "balance_after_cents")
    )
    rows = connection.execute(
        f"""
        WITH own AS (
            SELECT t.id, sum(m.{known.amount}) AS net FROM aura.{known.ledger} m JOIN aura.{known.table} t ON t.id = m.{known.ledger_key}
            WHERE m.source_vendor IS NULL AND m.deleted_at IS NULL AND {_imported(known)} GROUP BY t.id HAVING sum(m.{known.amount}) <> 0
        ), stands AS (
            UPDATE aura.{known.table} t SET {known.balance} = t.{known.balance} - own.net, updated_at = now() FROM own WHERE t.id = own.id
            RETURNING t.id, t.restaurant_id, t.customer_id, t.{known.balance} AS balance, own.net
        )
        INSERT INTO aura.{known.ledger} (restaurant_id, {known.ledger_key}, transaction_type, {known.amount}, {before}, {after}, reason,
            reference_id, occurred_at)
        SELECT restaurant_id, id, 'adjusted', -net, balance + net, balance, 'entered in the old POS by hand', %(reference)s,
               clock_timestamp() FROM stands RETURNING {known.ledger_key}, {known.amount}
        """,
        {"integration": integration_id, "entity": known.entity, "table": known.table, "reference": HANDED_BACK},
    ).fetchall()
    if known.is_points:
        connection.cursor().executemany(
            "UPDATE aura.customers g SET loyalty_points = g.loyalty_points + %s, updated_at = now() "
            "FROM aura.loyalty_accounts a WHERE a.id = %s AND g.id = a.customer_id",
            [(points, account) for account, points in rows],
        )
    return len(rows)


def _moved_here(connection: Connection, integration_id: int, known: _Class) -> list[dict[str, Any]]:
    """AuraConnect's own movements since it took the class over last."""
    return list(
        connection.cursor(row_factory=dict_row)
        .execute(
            f"""
            SELECT t.id, t.source_id AS source_key, m.{known.amount} AS amount, t.{known.balance} AS balance,
                   m.reference_id AS reference, m.occurred_at
            FROM aura.{known.ledger} m JOIN aura.{known.table} t ON t.id = m.{known.ledger_key}
            WHERE m.source_vendor IS NULL AND m.deleted_at IS NULL AND {_imported(known)}
              AND m.id > coalesce((SELECT max(b.id) FROM aura.{known.ledger} b WHERE b.{known.ledger_key} = t.id
                                   AND b.source_vendor IS NULL AND b.reference_id = %(reference)s), 0)
            ORDER BY m.id
            """,
            {"integration": integration_id, "entity": known.entity, "table": known.table, "reference": HANDED_BACK},
        )
        .fetchall()
    )
