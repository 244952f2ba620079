"""Clover's epoch milliseconds as the texts and business days of canonical rows, a million times over."""

from __future__ import annotations

from datetime import UTC, datetime

from aura_migration.canonical.history.rules import HistoryRules

QUARTER = 900_000
EARLIEST = int(datetime(2010, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""Clover did not exist before."""


def text(millis: int | None) -> str | None:
    """The UTC text of an instant, as ``core.clock.utc_text`` writes it; None for none, or for one no calendar has."""
    if millis is None:
        return None
    seconds, rest = divmod(millis, 1000)
    try:
        whole = datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        return None
    return whole if not rest else f"{whole[:19]}.{f'{rest:03d}'.rstrip('0')}+00:00"


class Days:
    """Business days of a location by its rules, remembered per quarter of an hour."""

    def __init__(self, rules: HistoryRules) -> None:
        self._rules = rules
        self._exact = rules.closeout.total_seconds() % 900 != 0
        self._held: dict[int, str] = {}

    def day(self, millis: int) -> str:
        """The business day of an instant that a calendar has."""
        if self._exact:
            return self._rules.day(datetime.fromtimestamp(millis // 1000, UTC))
        quarter = millis // QUARTER
        found = self._held.get(quarter)
        if found is None:
            found = self._held[quarter] = self._rules.day(datetime.fromtimestamp(quarter * 900, UTC))
        return found

    def maybe(self, millis: int | None) -> str | None:
        """The same where there may be none."""
        return None if text(millis) is None or millis is None else self.day(millis)
