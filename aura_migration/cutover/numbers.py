"""The next order number of AuraConnect: above every number the old POS gave, so that no two tickets carry the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import psycopg

Connection = psycopg.Connection[Any]

LONGEST: Final = 9
"""Digits of a number that staff call out. Longer ones are ids: AuraConnect's numbers, which are shorter, never meet them."""
APART: Final = 10_000
"""While the POS goes on numbering another channel's orders, AuraConnect begins at the next multiple of this."""


@dataclass(frozen=True)
class Numbered:
    """``highest`` the old POS gave (0: none that is a number), ``next`` AuraConnect gives; ``before`` stood there (None: nothing).

    ``ignored`` counts numbers too long to be called out.
    """

    highest: int
    next: int
    before: int | None
    ignored: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"highest": self.highest, "next": self.next, "before": self.before, "ignored": self.ignored}


def highest_number(connection: Connection, location_id: int) -> tuple[int, int]:
    """The highest number of an order or a group of the location that came from the POS, and how many were too long.

    ``1042`` counts as 1042, and so does ``A-1042`` or ``#01042``: the digits at the end, whatever stands before them.
    """
    row = connection.execute(
        """
        SELECT coalesce(max(d::bigint) FILTER (WHERE length(d) <= %(longest)s), 0),
               count(*) FILTER (WHERE length(d) > %(longest)s)
        FROM (SELECT ltrim(substring(n FROM '([0-9]+)\\s*$'), '0') AS d FROM (
                  SELECT display_number AS n FROM aura.orders
                  WHERE location_id = %(location)s AND origin = 'pos_native' AND display_number IS NOT NULL
                  UNION ALL SELECT display_number FROM aura.order_groups
                  WHERE location_id = %(location)s AND source_id IS NOT NULL AND display_number IS NOT NULL) told) numbers
        WHERE d <> ''
        """,
        {"location": location_id, "longest": LONGEST},
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def raise_numbers(connection: Connection, location_id: int, *, pos_goes_on: bool) -> Numbered:
    """Let AuraConnect's numbers begin above the old ones; a number that is higher already stays.

    ``pos_goes_on``: the POS still numbers orders of another channel, so that a block of its own is begun.
    """
    highest, ignored = highest_number(connection, location_id)
    row = connection.execute(
        "SELECT next_number FROM aura.order_numbers WHERE location_id = %s FOR UPDATE", [location_id]
    ).fetchone()
    before = int(row[0]) if row else None
    first = (highest // APART + 1) * APART + 1 if pos_goes_on else highest + 1
    number = max(first, before or 1)
    connection.execute(
        "INSERT INTO aura.order_numbers (location_id, next_number) VALUES (%s, %s) "
        "ON CONFLICT (location_id) DO UPDATE SET next_number = excluded.next_number",
        [location_id, number],
    )
    return Numbered(highest, number, before, ignored)


def restore_numbers(connection: Connection, location_id: int, told: dict[str, Any]) -> bool:
    """Put back what stood before ``told`` (:meth:`Numbered.as_dict`), unless numbers were given since; answers whether."""
    row = connection.execute(
        "SELECT next_number FROM aura.order_numbers WHERE location_id = %s FOR UPDATE", [location_id]
    ).fetchone()
    if row is None or int(row[0]) != told["next"]:
        return False
    if told["before"] is None:
        connection.execute("DELETE FROM aura.order_numbers WHERE location_id = %s", [location_id])
    else:
        connection.execute(
            "UPDATE aura.order_numbers SET next_number = %s WHERE location_id = %s", [told["before"], location_id]
        )
    return True


def last_given(connection: Connection, location_id: int) -> int | None:
    """The last number AuraConnect gave (None: it never gave one): the POS goes on above it when a channel is given back."""
    row = connection.execute(
        "SELECT next_number - 1 FROM aura.order_numbers WHERE location_id = %s", [location_id]
    ).fetchone()
    return int(row[0]) if row else None
