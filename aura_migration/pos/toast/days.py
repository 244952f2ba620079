"""Business days of a restaurant, as Toast writes them and as its close-out hour makes them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from aura_migration.core.clock import business_date
from aura_migration.pos.port import SourceLocation


def closeout_of(location: SourceLocation) -> timedelta:
    """The hour at which the restaurant's day ends."""
    hours, _, minutes = location.closeout.partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes or 0))


def day_of(said: Any, moment: datetime, location: SourceLocation) -> str:
    """The business date Toast says (``"20250215"`` or the number), else that of the instant; ``YYYY-MM-DD``."""
    try:
        return datetime.strptime(str(said), "%Y%m%d").date().isoformat()
    except ValueError:
        found: date = business_date(moment, location.timezone, closeout_of(location))
        return found.isoformat()
