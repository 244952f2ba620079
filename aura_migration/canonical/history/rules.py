"""Which business day an instant belongs to, quickly: the rule of ``core.clock`` for a million instants of one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from aura_migration.core.clock import business_date

Basis = Literal["closed", "created", "paid"]


@dataclass(frozen=True)
class HistoryRules:
    """How a location's history is dated. ``closeout`` is what the local clock shows when the business day ends.

    ``basis`` is the instant an order is dated by; ``refunds`` the day a refund books on.
    """

    timezone: str
    closeout: timedelta = timedelta(0)
    basis: Basis = "closed"
    refunds: Literal["refund_day", "sale_day"] = "refund_day"
    _hours: dict[int, str] = field(default_factory=dict, compare=False, repr=False)

    def day(self, instant: datetime) -> str:
        """The business date of an aware instant, as YYYY-MM-DD.

        Remembered per quarter of an hour: offsets from UTC and close-out times are multiples of it (close-outs that are
        not are computed each time).
        """
        if self.closeout.total_seconds() % 900:
            return business_date(instant, self.timezone, self.closeout).isoformat()
        quarter = int(instant.timestamp() // 900)
        found = self._hours.get(quarter)
        if found is None:
            found = self._hours[quarter] = business_date(instant, self.timezone, self.closeout).isoformat()
        return found
