"""What was paid for each of a million Clover orders: payments stand in a list of their own, orders do not tell of them.

Five numbers a payment, 40 bytes. What counts as paid is for the caller to say.
"""

from __future__ import annotations

from array import array
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


class Payments:
    """Payments by the order they pay for. Orders are remembered by a 64-bit hash of their id."""

    def __init__(self) -> None:
        self._rows = [array("q") for _ in range(5)]
        self._sorted: list[NDArray[np.int64]] | None = None

    def add(self, order: str, amount: int, tip: int, tax: int, at: int) -> None:
        """A payment that counts."""
        for column, value in zip(self._rows, (hash(order), amount, tip, tax, at), strict=True):
            column.append(value)

    def of(self, order: str) -> Paid:
        """What was paid for an order; to be asked when all payments are added."""
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
