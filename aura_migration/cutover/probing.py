"""Was service interrupted? A synthetic order is priced every few seconds through load and switch, and never stored.

The old POS is not ordered from: where it owns a channel, AuraConnect's pricing is measured and the POS counts as serving.
What a probe sees is only as fine as their distance; the pauses of switches are known exactly and counted with it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from aura_migration.cutover.channels import OF_ORDERS, who_accepts
from aura_migration.database.connections import Connection
from aura_migration.pos.http.limits import Claim
from aura_migration.pricing.bill import Bill, BillLine
from aura_migration.pricing.engine import price
from aura_migration.verify.replay.book import Item
from aura_migration.verify.replay.reading import read_book

EVERY: Final = timedelta(seconds=10)
UNSEEN: Final = EVERY * 3
"""Probes further apart than this have seen nothing in between."""
By = Literal["pos", "auraconnect", "nobody"]


@dataclass(frozen=True)
class Probe:
    """One probe as it is stored. ``milliseconds`` is what pricing took; ``pos_budget_left`` permits of the POS's tightest limit."""

    at: datetime
    is_served: bool
    by_book: By
    milliseconds: int
    pos_budget_left: int | None
    problem: str


@dataclass(frozen=True)
class Interruption:
    """What the probes of a span say. ``seconds`` nobody served a channel; ``unseen_seconds`` nobody looked."""

    seconds: float
    unseen_seconds: float
    probes: int
    slowest_milliseconds: int | None
    least_budget_left: int | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "interruption_seconds": round(self.seconds, 3),
            "unseen_seconds": round(self.unseen_seconds, 3),
            "probes": self.probes,
            "slowest_milliseconds": self.slowest_milliseconds,
            "pos_budget_left_least": self.least_budget_left,
        }


def probe(connection: Connection, migration_id: int, at: datetime, budget_left: int | None = None) -> Probe:
    """Price an order of one item at the location and note whether somebody serves; two probes of one instant are one.

    ``at`` is aware; ``budget_left`` from :func:`pos_budget_left`. Never raises for what it is to find out: a price that cannot be
    made is the answer.
    """
    row = connection.execute(
        """
        SELECT m.location_key, m.restaurant_id, i.pos, c.aura_id, EXISTS (
            SELECT 1 FROM migration.windows w WHERE w.migration_id = m.id AND w.phase NOT IN ('cancelled', 'reversed'))
        FROM migration.migrations m JOIN migration.integrations i ON i.id = m.integration_id
        JOIN migration.locations k ON k.key = m.location_key
        LEFT JOIN migration.crosswalk c ON c.integration_id = m.integration_id AND c.entity = 'locations'
             AND c.source_key = k.source_id AND c.is_active
        WHERE m.id = %s
        """,
        [migration_id],
    ).fetchone()
    assert row is not None, f"migration {migration_id} does not exist"
    key, restaurant, pos, location, has_window = row
    began, problem = time.perf_counter(), ""
    if location is None:
        problem = "the location is not in AuraConnect yet"
    else:
        try:
            with connection.transaction():
                problem = _price_one(connection, restaurant, location, pos)
        except Exception as error:  # whatever keeps a till from pricing is the finding
            problem = f"{type(error).__name__} while pricing"
    spent = round((time.perf_counter() - began) * 1000)
    by: By = "pos"
    if has_window and location is not None:
        accepting = [who_accepts(connection, key, location, channel) for channel in OF_ORDERS]
        by = "nobody" if "nobody" in accepting else "auraconnect" if "auraconnect" in accepting else "pos"
    found = Probe(at, by == "pos" or (by == "auraconnect" and not problem), by, spent, budget_left, problem)
    connection.execute(
        "INSERT INTO migration.probes (migration_id, at, is_served, by_book, milliseconds, pos_budget_left, problem) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [migration_id, at, found.is_served, by, spent, budget_left, problem],
    )
    return found


def interruption(connection: Connection, migration_id: int, since: datetime, until: datetime) -> Interruption:
    """How long a channel was served by nobody in a span of real time, by probes and by the pauses of switches together.

    A probe that found nobody counts until the next that found somebody. Spans that overlap count once.
    """
    rows = connection.execute(
        "SELECT at, is_served, milliseconds, pos_budget_left FROM migration.probes WHERE migration_id = %s "
        "AND at BETWEEN %s AND %s ORDER BY at",
        [migration_id, since, until],
    ).fetchall()
    gone: list[tuple[datetime, datetime]] = []
    unseen: list[tuple[datetime, datetime]] = []
    for (at, is_served, *_), later in zip(rows, [*(row[0] for row in rows), until][1:], strict=True):
        if not is_served:
            gone.append((at, later))
        elif later - at > UNSEEN:
            unseen.append((at, later))
    if not rows or rows[0][0] - since > UNSEEN:
        unseen.append((since, rows[0][0] if rows else until))
    pauses = connection.execute(
        "SELECT greatest(paused_at, %(since)s), least(coalesce(resumed_at, ended_at, %(until)s), %(until)s) FROM migration.switches "
        "WHERE migration_id = %(migration)s AND paused_at < %(until)s AND coalesce(resumed_at, ended_at, %(until)s) > %(since)s",
        {"migration": migration_id, "since": since, "until": until},
    ).fetchall()
    return Interruption(
        _seconds([*gone, *((begin, end) for begin, end in pauses)]),
        _seconds(unseen),
        len(rows),
        max((row[2] for row in rows), default=None),
        min((row[3] for row in rows if row[3] is not None), default=None),
    )


def pos_budget_left(connection: Connection, claims: Sequence[Claim]) -> int | None:
    """Permits left this moment under the tightest of the POS's limits that a request falls under; None: none limits the rate.

    The clock is the database's, as it is for whoever takes the permits.
    """
    now_row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert now_row is not None
    now: datetime = now_row[0].astimezone(UTC)
    limits = {claim.key: claim.limit for claim in claims if claim.limit.capacity}
    rows = connection.execute(
        "SELECT bucket_key, slice_number, used, grants, blocked_until = 'infinity' OR blocked_until > %s "
        "FROM migration.rate_buckets WHERE bucket_key = ANY(%s)",
        [now, list(limits)],
    ).fetchall()
    left = {key: limit.capacity for key, limit in limits.items()}
    for key, slice_number, used, grants, is_blocked in rows:
        limit = limits[key]
        if is_blocked:
            taken = limit.capacity
        elif limit.rolling:
            taken = sum(permits for stamp, permits in grants if stamp > now.timestamp() - limit.per_seconds)
        else:
            taken = used if slice_number == int(now.timestamp() // limit.per_seconds) else 0
        left[key] = max(0, limit.capacity - taken)
    return min(left.values(), default=None)


def _price_one(connection: Connection, restaurant_id: int, location_id: int, pos: str) -> str:
    """'' where an item of the menu was priced with its taxes, else what was in the way."""
    book = read_book(connection, restaurant_id, location_id, pos)
    sold = (one for _, one in sorted(book.items.items()) if one.is_sold)
    item, cents = next(((one, cents) for one in sold if (cents := _price_of(one))), (None, 0))
    if item is None:
        return "nothing on the menu has a price"
    rules = tuple(tax.rule for key, tax in sorted(book.taxes.items()) if key in item.taxes)
    bill = Bill((BillLine("probe", cents, taxes=tuple(rule.id for rule in rules)),), taxes=rules)
    priced = price(bill, book.policy)
    return "" if priced.total >= cents else "an item was priced below its price"


def _price_of(item: Item) -> int:
    """What one of it costs, or its first variation; 0 where the till asks."""
    return item.cents or next((one.cents for one in item.variations.values() if one.is_sold and one.cents), 0)


def _seconds(spans: list[tuple[datetime, datetime]]) -> float:
    """The length of the union."""
    total, reached = timedelta(0), datetime.min.replace(tzinfo=UTC)
    for begin, end in sorted(spans):
        begin = max(begin, reached)
        if end > begin:
            total += end - begin
            reached = end
    return total.total_seconds()
