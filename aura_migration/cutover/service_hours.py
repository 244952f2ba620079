"""When a restaurant sells, from its own orders: a curve per weekday and hour, the quiet hours, and the next span to switch in.

An hour is quiet when on average it takes less than a share of an average day's sales. Hours are those of the wall clock at the location,
so that the nights on which clocks change are right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from aura_migration.database.connections import Connection

WEEKS: Final = 8
"""How far back the curve looks: long enough for a habit, short enough for the season."""
LEAST_ORDERS: Final = 20
"""Fewer orders than this make no habit."""
LONGEST_SWITCH: Final = timedelta(minutes=30)
"""A switch with its last reading and rechecks is over by then."""
PROPOSED_HOURS: Final = 2
DAYS: Final = 7


@dataclass(frozen=True)
class Curve:
    """``cents[(weekday, hour)]``: what the hour takes in an average week, Monday 0. ``orders`` it was made from."""

    timezone: str
    cents: Mapping[tuple[int, int], float]
    orders: int
    quiet_share: float

    @property
    def average_day(self) -> float:
        """A seventh of an average week, in cents."""
        return sum(self.cents.values()) / DAYS

    @property
    def is_known(self) -> bool:
        """Whether there were enough orders to speak of habits."""
        return self.orders >= LEAST_ORDERS and self.average_day > 0

    def share(self, instant: datetime) -> float:
        """What the hour of an aware instant takes, as a share of an average day."""
        local = instant.astimezone(ZoneInfo(self.timezone))
        return self.cents.get((local.weekday(), local.hour), 0.0) / self.average_day if self.average_day else 0.0

    def is_quiet(self, instant: datetime) -> bool:
        """Whether the instant lies in a quiet hour."""
        return self.share(instant) < self.quiet_share

    def quiet_until(self, instant: datetime) -> datetime:
        """The end of the quiet hours an instant lies in, at most a week on; the instant itself where it is in service."""
        if not self.is_quiet(instant):
            return instant
        at = _next_hour(instant, self.timezone)
        last = instant + timedelta(days=DAYS)
        while at < last and self.is_quiet(at):
            at = _next_hour(at, self.timezone)
        return at

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: 7 rows of 24 shares of an average day, in percent."""
        day = self.average_day
        return {
            "timezone": self.timezone,
            "orders": self.orders,
            "weeks": WEEKS,
            "quiet_pct": self.quiet_share * 100,
            "pct": [
                [round(self.cents.get((weekday, hour), 0.0) * 100 / day, 2) if day else 0.0 for hour in range(24)]
                for weekday in range(DAYS)
            ],
        }


@dataclass(frozen=True)
class Proposal:
    """A span to switch in: aware instants, and the share of an average day it takes."""

    begins_at: datetime
    ends_at: datetime
    share: float

    def as_dict(self, timezone: str) -> dict[str, Any]:
        """JSON-ready, in UTC and as the clock at the location says."""
        zone = ZoneInfo(timezone)
        return {
            "begins_at": self.begins_at.astimezone(UTC).isoformat(),
            "ends_at": self.ends_at.astimezone(UTC).isoformat(),
            "local": f"{self.begins_at.astimezone(zone):%A %d %B %H:%M} to {self.ends_at.astimezone(zone):%H:%M}",
            "share_pct": round(self.share * 100, 3),
        }


def sales_curve(
    connection: Connection, location_id: int, timezone: str, channel: str, now: datetime, quiet_share: float
) -> Curve:
    """The curve of the weeks up to ``now``, of orders that count in either system.

    For ``online`` the channel's own orders, as only those are interrupted; where they are too few, and for every other channel,
    all of them.
    """
    own = _curve(connection, location_id, timezone, now, quiet_share, channel) if channel == "online" else None
    if own is not None and own.is_known:
        return own
    return _curve(connection, location_id, timezone, now, quiet_share, None)


def propose(curve: Curve, now: datetime) -> Proposal | None:
    """The quietest span of two hours within a week that is quiet throughout, the earliest of equals; None: there is none."""
    if not curve.is_known:
        return None
    best: Proposal | None = None
    begin = _next_hour(now, curve.timezone)
    while begin < now + timedelta(days=DAYS):
        end = begin + timedelta(hours=PROPOSED_HOURS)
        hours = [begin + timedelta(hours=n) for n in range(PROPOSED_HOURS)]
        if all(curve.is_quiet(hour) for hour in hours):
            share = sum(curve.share(hour) for hour in hours)
            if best is None or share < best.share:
                best = Proposal(begin, end, share)
        begin = _next_hour(begin, curve.timezone)
    return best


def _curve(
    connection: Connection, location_id: int, timezone: str, now: datetime, quiet_share: float, channel: str | None
) -> Curve:
    rows = connection.execute(
        """
        SELECT extract(isodow FROM at AT TIME ZONE %(zone)s)::int - 1, extract(hour FROM at AT TIME ZONE %(zone)s)::int,
               sum(cents), count(*)
        FROM (SELECT coalesce(o.opened_at, o.paid_at, o.closed_at) AS at, o.final_amount_cents AS cents FROM aura.orders o
              WHERE o.location_id = %(location)s AND o.business_date BETWEEN %(since)s AND %(until)s AND o.deleted_at IS NULL
                AND NOT o.is_voided AND NOT o.voided_at_source AND o.status <> 'cancelled'
                AND (%(channel)s::text IS NULL OR aura.switched_channel(o.channel) = %(channel)s)) sold
        WHERE at > %(now)s - make_interval(weeks => %(weeks)s) AND at <= %(now)s GROUP BY 1, 2
        """,
        {
            "zone": timezone,
            "location": location_id,
            "since": (now - timedelta(weeks=WEEKS, days=2)).date(),
            "until": (now + timedelta(days=1)).date(),
            "channel": channel,
            "now": now,
            "weeks": WEEKS,
        },
    ).fetchall()
    cents = {(weekday, hour): float(total) / WEEKS for weekday, hour, total, _ in rows}
    return Curve(timezone, cents, sum(number for *_, number in rows), quiet_share)


def _next_hour(instant: datetime, timezone: str) -> datetime:
    """The next full hour on the clock at the location, as an instant in UTC."""
    local = instant.astimezone(ZoneInfo(timezone))
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return instant.astimezone(UTC) - past + timedelta(hours=1)
