"""What is still open on the old POS: what a switch looks at, and what is followed to its end before the window is completed.

An order finishes where it was opened. So tabs, pre-authorisations, tips to be adjusted, refunds under way, disputes and money on its way to
the bank stay with the old POS; here they are counted. Scheduled orders are decided one by one: each stays with the old POS, or is
entered in AuraConnect with its deposit as money owed to the guest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from psycopg.rows import dict_row

from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection, transaction_lock

Decision = Literal["stays", "reentered"]
KINDS: Final[Mapping[str, str]] = {
    "open_tab": "open check",
    "pre_authorisation": "card authorisation on an open check",
    "tip_adjustment": "card payment whose tip may still be adjusted",
    "pending_payment": "payment under way",
    "pending_refund": "refund under way",
    "dispute": "disputed payment that is not settled",
    "payout": "payout on its way to the bank",
    "open_drawer": "cash drawer that nobody has counted and closed",
    "scheduled_order": "scheduled order that stays with the old POS",
    "double_order": "scheduled order that was entered in AuraConnect and still stands in the old POS",
    "undecided_order": "scheduled order nobody has decided about",
}
SHOWN: Final = 20
ON_ITS_WAY: Final = ["SENT", "PENDING", "IN_TRANSIT", "SCHEDULED"]
"""Words of the POS for a payout that has not arrived."""

_SHIFTS: Final = (
    "aura.cash_drawer_shifts WHERE location_id = %s AND deleted_at IS NULL AND source_vendor IS NOT NULL "
    "AND business_date > %s::date - 90"
)
"""The POS's own shifts of drawers that may still matter: bound to a location and a date."""
_OPEN_ORDER = "o.origin = 'pos_native' AND o.deleted_at IS NULL AND NOT o.is_voided AND NOT o.voided_at_source"


@dataclass(frozen=True)
class OpenBusiness:
    """What is open of one kind: how many, in money (minor units, absolute), the first of them by the POS's own ids."""

    kind: str
    count: int
    cents: int
    oldest: date | None
    keys: tuple[str, ...] = field(default=())

    @property
    def told(self) -> str:
        """What it is, in words."""
        return KINDS[self.kind]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "kind": self.kind,
            "what": self.told,
            "count": self.count,
            "cents": self.cents,
            "oldest": self.oldest.isoformat() if self.oldest else None,
            "keys": list(self.keys),
        }


def open_at_pos(connection: Connection, migration_id: int, now: datetime) -> list[OpenBusiness]:
    """Everything the old POS still has to finish; nothing open of a kind: the kind is not listed. Empty: it may be completed."""
    location = _location(connection, migration_id)
    found = [
        _checks(connection, location, "open_tab"),
        _payments(
            connection, location, "pre_authorisation", "p.status = 'authorized' AND coalesce(o.status, '') = 'pending'"
        ),
        _payments(
            connection, location, "tip_adjustment", "p.status = 'authorized' AND coalesce(o.status, '') <> 'pending'"
        ),
        _payments(connection, location, "pending_payment", "p.status = 'pending'"),
        _refunds(connection, location),
        _disputes(connection, location),
        _payouts(connection, location, now),
        _open_drawers(connection, location, now),
        *_future(connection, migration_id, now),
    ]
    return [one for one in found if one.count]


def open_checks(connection: Connection, location_id: int, channel: str | None) -> OpenBusiness:
    """Checks of the old POS that are open, of one switched channel or of all."""
    return _checks(connection, location_id, "open_tab", channel)


def unsettled(connection: Connection, location_id: int, before: date) -> OpenBusiness:
    """Card payments of business dates before ``before`` that the old POS has authorised and not captured: an open batch."""
    return _payments(
        connection,
        location_id,
        "tip_adjustment",
        "p.status IN ('authorized', 'pending') AND p.business_date < %(before)s",
        before,
    )


@dataclass(frozen=True)
class Drawers:
    """Cash drawers of the old POS. ``known`` False: the POS tells nothing of drawers, though cash was taken."""

    open: int
    known: bool
    how: str
    names: tuple[str, ...] = ()


def drawers(connection: Connection, location_id: int, today: date) -> Drawers:
    """Open drawers: by the POS's shifts of drawers, else by its close-outs of cash, else not at all.

    Where no cash was taken in the last 30 days there is no drawer to close.
    """
    shifts = connection.execute(
        "SELECT count(*) FILTER (WHERE closed_at IS NULL), array_agg(coalesce(drawer_name, source_id) ORDER BY opened_at) "
        f"FILTER (WHERE closed_at IS NULL), count(*) FROM {_SHIFTS}",
        [location_id, today],
    ).fetchone()
    assert shifts is not None
    if shifts[2]:
        return Drawers(int(shifts[0]), True, "drawer shifts", tuple(shifts[1] or ()))
    events = connection.execute(
        "SELECT max(business_date) FILTER (WHERE event_type = 'close_out'), "
        "max(business_date) FILTER (WHERE event_type <> 'close_out') FROM aura.cash_events WHERE location_id = %s "
        "AND deleted_at IS NULL AND source_vendor IS NOT NULL AND business_date > %s::date - 90",
        [location_id, today],
    ).fetchone()
    cash = connection.execute(
        "SELECT max(business_date) FROM aura.payments WHERE location_id = %s AND method = 'cash' AND source_vendor IS NOT NULL "
        "AND deleted_at IS NULL AND status = 'completed' AND business_date > %s::date - 30",
        [location_id, today],
    ).fetchone()
    assert events is not None and cash is not None
    closed, moved = events
    last = max((day for day in (moved, cash[0]) if day is not None), default=None)
    if closed is not None:
        is_open = last is not None and last > closed
        return Drawers(int(is_open), True, f"cash closed out on {closed}")
    return Drawers(
        0, last is None, "no cash was taken in 30 days" if last is None else "the POS tells nothing of drawers"
    )


def _open_drawers(connection: Connection, location_id: int, now: datetime) -> OpenBusiness:
    """Drawers the POS itself says are open, with what is to be in them. Where it only tells of close-outs, nobody
    can close one any more once no cash is taken there: those are looked at by the gate of a switch alone."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(abs(coalesce(expected_cents, opening_cents))), 0), min(business_date), (array_agg(source_id ORDER BY opened_at))[1:%s] "
        f"FROM {_SHIFTS} AND closed_at IS NULL",
        [SHOWN, location_id, now.astimezone(UTC).date()],
    ).fetchone()
    assert row is not None
    return OpenBusiness("open_drawer", int(row[0]), int(row[1]), row[2], tuple(row[3] or ()))


# Scheduled orders ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FutureOrder:
    """A scheduled order of the old POS. ``paid_cents`` is what the guest paid already; ``decision`` None: nobody decided."""

    order_id: int
    source_key: str
    display_number: str | None
    order_type: str
    channel: str
    scheduled_for: datetime | None
    total_cents: int
    paid_cents: int
    guest_count: int | None
    decision: Decision | None
    deposit_cents: int
    reentered_order_id: int | None
    decided_by: str | None
    decided_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; no name of a guest."""
        return {
            "order_id": self.order_id,
            "source_key": self.source_key,
            "number": self.display_number,
            "order_type": self.order_type,
            "channel": self.channel,
            "scheduled_for": self.scheduled_for.astimezone(UTC).isoformat() if self.scheduled_for else None,
            "total_cents": self.total_cents,
            "paid_cents": self.paid_cents,
            "guests": self.guest_count,
            "decision": self.decision,
            "deposit_cents": self.deposit_cents,
            "reentered_order_id": self.reentered_order_id,
            "decided_by": self.decided_by,
            "decided_at": self.decided_at.astimezone(UTC).isoformat() if self.decided_at else None,
        }


_FUTURE = f"""
    SELECT o.id AS order_id, o.source_id AS source_key, o.display_number, o.order_type, o.channel, o.scheduled_for,
           o.final_amount_cents AS total_cents, coalesce((
               SELECT sum(p.amount_cents) FROM aura.payments p WHERE p.order_id = o.id AND p.deleted_at IS NULL
               AND p.status IN ('completed', 'authorized')), 0)::bigint AS paid_cents,
           o.guest_count, f.decision, coalesce(f.deposit_cents, 0) AS deposit_cents, f.reentered_order_id, f.decided_by, f.decided_at
    FROM aura.orders o LEFT JOIN migration.future_orders f ON f.migration_id = %(migration)s AND f.order_id = o.id
    WHERE o.location_id = %(location)s AND {_OPEN_ORDER} AND o.status = 'scheduled'
"""


def list_future_orders(connection: Connection, migration_id: int, channel: str | None = None) -> list[FutureOrder]:
    """The scheduled orders on the old POS's books, the next first, each with what was decided; of a switched channel or of all."""
    location = _location(connection, migration_id)
    rows = (
        connection.cursor(row_factory=dict_row)
        .execute(
            f"{_FUTURE} AND (%(channel)s::text IS NULL OR aura.switched_channel(o.channel) = %(channel)s) "
            "ORDER BY o.scheduled_for NULLS FIRST, o.id",
            {"migration": migration_id, "location": location, "channel": channel},
        )
        .fetchall()
    )
    return [FutureOrder(**row) for row in rows]


def decide_future_order(
    connection: Connection,
    migration_id: int,
    order_id: int,
    decision: str,
    by: str,
    now: datetime,
    *,
    deposit_cents: int | None = None,
) -> FutureOrder:
    """A scheduled order stays with the old POS, or is entered in AuraConnect once its channel is switched.

    ``deposit_cents`` is what the guest paid ahead, by default what the POS shows as paid. An order that was entered already
    is decided for good (``Refused``).
    """
    if decision not in ("stays", "reentered"):
        raise BadInput(f"{decision!r} is no decision.", "A scheduled order `stays` or is `reentered`.")
    with connection.transaction():
        transaction_lock(connection, f"aura:future:{migration_id}")
        known = {one.order_id: one for one in list_future_orders(connection, migration_id)}
        order = known.get(order_id)
        if order is None:
            raise BadInput(
                f"Order {order_id} is not a scheduled order of the old POS.",
                f"`aura-migration cutover future-orders {migration_id}` lists them.",
            )
        if order.reentered_order_id is not None:
            raise Refused(
                f"Order {order_id} was entered in AuraConnect already, as order {order.reentered_order_id}.",
                "Cancel it there if it stays with the old POS after all.",
            )
        deposit = order.paid_cents if deposit_cents is None else deposit_cents
        if deposit < 0:
            raise BadInput("A deposit is 0 or more.", "Give what the guest paid ahead, in minor units.")
        connection.execute(
            "INSERT INTO migration.future_orders (migration_id, order_id, decision, deposit_cents, decided_by, decided_at) "
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (migration_id, order_id) DO UPDATE SET decision = excluded.decision, "
            "deposit_cents = excluded.deposit_cents, decided_by = excluded.decided_by, decided_at = excluded.decided_at",
            [migration_id, order_id, decision, deposit if decision == "reentered" else 0, by, now],
        )
        return {one.order_id: one for one in list_future_orders(connection, migration_id)}[order_id]


# Counting ------------------------------------------------------------------------------------------------------------


def _location(connection: Connection, migration_id: int) -> int:
    row = connection.execute(
        "SELECT c.aura_id FROM migration.migrations m JOIN migration.locations k ON k.key = m.location_key "
        "JOIN migration.crosswalk c ON c.integration_id = m.integration_id AND c.entity = 'locations' "
        "AND c.source_key = k.source_id AND c.is_active WHERE m.id = %s",
        [migration_id],
    ).fetchone()
    if row is None:
        raise Refused(
            f"The location of migration {migration_id} is not in AuraConnect.",
            f"`aura-migration run {migration_id}` loads it.",
        )
    return int(row[0])


def _checks(connection: Connection, location_id: int, kind: str, channel: str | None = None) -> OpenBusiness:
    return _found(
        connection,
        kind,
        "SELECT o.source_id AS key, o.final_amount_cents AS cents, o.business_date AS day FROM aura.orders o "
        f"WHERE o.location_id = %(location)s AND {_OPEN_ORDER} AND o.status = 'pending' "
        "AND (%(channel)s::text IS NULL OR aura.switched_channel(o.channel) = %(channel)s)",
        {"location": location_id, "channel": channel},
    )


def _payments(
    connection: Connection, location_id: int, kind: str, condition: str, before: date | None = None
) -> OpenBusiness:
    return _found(
        connection,
        kind,
        "SELECT p.source_id AS key, p.amount_cents AS cents, p.business_date AS day FROM aura.payments p "
        "LEFT JOIN aura.orders o ON o.id = p.order_id WHERE p.location_id = %(location)s AND p.source_vendor IS NOT NULL "
        f"AND p.deleted_at IS NULL AND {condition}",
        {"location": location_id, "before": before},
    )


def _refunds(connection: Connection, location_id: int) -> OpenBusiness:
    return _found(
        connection,
        "pending_refund",
        "SELECT source_id AS key, amount_cents AS cents, business_date AS day FROM aura.refunds WHERE location_id = %(location)s "
        "AND source_vendor IS NOT NULL AND deleted_at IS NULL AND status = 'pending'",
        {"location": location_id},
    )


def _disputes(connection: Connection, location_id: int) -> OpenBusiness:
    # The hold of a dispute is an entry of its own; the decision is another one of the same payment.
    return _found(
        connection,
        "dispute",
        """
        SELECT coalesce(y.source_id, min(e.source_entry_id)) AS key, sum(abs(e.gross_cents))::bigint AS cents,
               min(p.business_date) AS day
        FROM aura.payout_entries e JOIN aura.payouts p ON p.id = e.payout_id AND p.deleted_at IS NULL
        LEFT JOIN aura.payments y ON y.id = e.payment_id
        WHERE p.location_id = %(location)s AND e.entry_class = 'dispute' AND e.entry_type = 'OPEN_DISPUTE' AND NOT EXISTS (
            SELECT 1 FROM aura.payout_entries d JOIN aura.payouts q ON q.id = d.payout_id AND q.deleted_at IS NULL
            WHERE q.location_id = p.location_id AND d.payment_id = e.payment_id AND d.entry_type = 'DISPUTE')
        GROUP BY e.payment_id, y.source_id
        """,
        {"location": location_id},
    )


def _payouts(connection: Connection, location_id: int, now: datetime) -> OpenBusiness:
    return _found(
        connection,
        "payout",
        "SELECT source_id AS key, abs(amount_cents) AS cents, business_date AS day FROM aura.payouts "
        "WHERE location_id = %(location)s AND source_vendor IS NOT NULL AND deleted_at IS NULL AND upper(status) = ANY(%(way)s)",
        {"location": location_id, "way": ON_ITS_WAY},
    )


def _future(connection: Connection, migration_id: int, now: datetime) -> list[OpenBusiness]:
    kinds: dict[str, list[FutureOrder]] = {"scheduled_order": [], "double_order": [], "undecided_order": []}
    for one in list_future_orders(connection, migration_id):
        kind = {"stays": "scheduled_order", "reentered": "double_order"}.get(one.decision or "", "undecided_order")
        kinds[kind].append(one)
    return [
        OpenBusiness(
            kind,
            len(found),
            sum(one.total_cents for one in found),
            min((one.scheduled_for.date() for one in found if one.scheduled_for), default=None),
            tuple(one.source_key for one in found[:SHOWN]),
        )
        for kind, found in kinds.items()
    ]


def _found(connection: Connection, kind: str, statement: str, values: Mapping[str, Any]) -> OpenBusiness:
    row = connection.execute(
        "SELECT count(*), coalesce(sum(cents), 0)::bigint, min(day), (array_agg(key ORDER BY day, key))[1:%(shown)s] "
        f"FROM ({statement}) found",
        {**values, "shown": SHOWN},
    ).fetchone()
    assert row is not None
    return OpenBusiness(kind, row[0], row[1], row[2], tuple(key or "" for key in row[3] or ()))
