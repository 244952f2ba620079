"""What was paid for each of a million Clover orders: payments stand in a list of their own.

Six numbers a payment, 48 bytes. What counts as paid is for the caller to say. An order may show payments that the list does
not hold, as they were made before the history begins: those count, too.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Paid(NamedTuple):
    """The payments of one order together; ``last`` is when the last of them was made, in milliseconds."""

    number: int
    amount: int
    tip: int
    tax: int
    last: int


NOTHING = Paid(0, 0, 0, 0, 0)


class Shown(NamedTuple):
    """A payment that counts, as the order it pays for shows it; ``at`` in milliseconds."""

    key: str
    amount: int
    tip: int
    tax: int
    at: int


class Payments:
    """Payments by the order they pay for. Orders and payments are remembered by a 64-bit hash of their id."""

    def __init__(self) -> None:
        self._rows = [array("q") for _ in range(5)]
        self._seen = array("q")
        self._listed: NDArray[np.int64] | None = None
        self._sorted: list[NDArray[np.int64]] | None = None

    def see(self, key: str) -> None:
        """A payment of the list, whether it counts or not: what it says there is its last word."""
        self._seen.append(hash(key))

    def add(self, order: str, amount: int, tip: int, tax: int, at: int) -> None:
        """A payment that counts."""
        for column, value in zip(self._rows, (hash(order), amount, tip, tax, at), strict=True):
            column.append(value)

    def of(self, order: str, shown: Iterable[Shown] = ()) -> Paid:
        """What was paid for an order, with what it shows and the list does not; to be asked when all payments are added."""
        found = self._of(order)
        for one in shown:
            if not self._is_listed(one.key):
                found = Paid(
                    found.number + 1,
                    found.amount + one.amount,
                    found.tip + one.tip,
                    found.tax + one.tax,
                    max(found.last, one.at),
                )
        return found

    def _is_listed(self, key: str) -> bool:
        if self._listed is None:
            self._listed = np.sort(np.frombuffer(self._seen, np.int64)) if self._seen else np.zeros(0, np.int64)
            self._seen = array("q")
        wanted = hash(key)
        place = int(np.searchsorted(self._listed, wanted))
        return place < len(self._listed) and int(self._listed[place]) == wanted

    def _of(self, order: str) -> Paid:
        if self._sorted is None:
            columns = [np.frombuffer(column, np.int64) for column in self._rows] if self._rows[0] else []
            places = np.argsort(columns[0], kind="stable") if columns else None
            self._sorted = [column[places] for column in columns]
            self._rows = []
        if not self._sorted:
            return NOTHING
        keys, amounts, tips, taxes, times = self._sorted
        wanted = hash(order)
        begin, end = int(np.searchsorted(keys, wanted, "left")), int(np.searchsorted(keys, wanted, "right"))
        if begin == end:
            return NOTHING
        which = slice(begin, end)
        last = int(times[which].max())
        return Paid(end - begin, int(amounts[which].sum()), int(tips[which].sum()), int(taxes[which].sum()), last)
