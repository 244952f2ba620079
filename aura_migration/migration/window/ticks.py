"""What is due at an instant in the windows that are open: the bodies of the schedules, as requests.

A tick is a function of its instant and of our rows. Done twice it asks nothing twice: an open request of the same kind for the
location is joined. Who carries requests out, and how, is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aura_migration.database.connections import Connection
from aura_migration.migration import requests
from aura_migration.migration.records import get_migration
from aura_migration.migration.requests import Request
from aura_migration.migration.window.days import days_due
from aura_migration.migration.window.following import follow_is_due
from aura_migration.migration.window.opening import Window, open_windows, unsettled_windows
from aura_migration.migration.workshop import Workshop
from aura_migration.verify import findings

BY = "schedule"
"""Who asks."""
MONEY = (findings.PRICES, findings.DAILY_SALES, findings.TAX, findings.PAYMENTS, findings.REPLAY)
AFTERWARDS = timedelta(days=14)
"""So long after its end a window's last dates are still judged by the schedule; later only when somebody asks."""
VERDICT_FRACTION = 0.5
"""A verdict is made anew when it has had this share of the age at which a gate calls it stale."""


@dataclass(frozen=True)
class Tick:
    """What a tick asked for: ``kind`` of work, and the requests by location."""

    kind: str
    asked: tuple[Request, ...]


def follow_tick(workshop: Workshop, now: datetime) -> Tick:
    """Read the POS of every open window whose time has come, or of which a webhook told."""
    return _tick(workshop, "follow", lambda connection, window: follow_is_due(connection, window, now))


def reconcile_tick(workshop: Workshop, now: datetime) -> Tick:
    """Judge the days that have closed and settled, and again those that are not final; of windows that ended, too."""
    return _tick(
        workshop,
        "reconcile",
        lambda connection, window: bool(days_due(workshop, connection, window, now)),
        ended_since=now - AFTERWARDS,
    )


def verify_tick(workshop: Workshop, now: datetime) -> Tick:
    """Judge what stands again before its verdict goes stale."""
    return _tick(workshop, "verify", lambda connection, window: _verdict_is_old(connection, window, now))


TICKS: dict[str, Callable[[Workshop, datetime], Tick]] = {
    "follow": follow_tick,
    "reconcile": reconcile_tick,
    "verify": verify_tick,
}


def _tick(
    workshop: Workshop, kind: str, is_due: Callable[[Connection, Window], bool], ended_since: datetime | None = None
) -> Tick:
    asked = []
    with workshop.connect() as connection:
        ended = [] if ended_since is None else unsettled_windows(connection, ended_since)
        for window in (*open_windows(connection), *ended):
            migration = get_migration(connection, window.migration_id)
            if migration.standing in ("paused", "reconnect_needed") or not is_due(connection, window):
                continue
            if requests.open_request(connection, window.location_key) is not None:
                continue  # one thing at a time: what is open comes first, the next tick asks again
            asked.append(
                requests.submit(connection, kind, migration.integration_id, window.location_key, migration.id, BY)
            )
    return Tick(kind, tuple(asked))


def _verdict_is_old(connection: Connection, window: Window, now: datetime) -> bool:
    row = connection.execute(
        "SELECT min(measured_at) FROM migration.gates WHERE migration_id = %s AND name = ANY(%s)",
        [window.migration_id, list(MONEY)],
    ).fetchone()
    age = timedelta(minutes=window.rules.gates.max_age_minutes) * VERDICT_FRACTION
    return row is None or row[0] is None or now - row[0] >= age
