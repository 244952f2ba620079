"""The daily journal of a location: for every business date debits equal credits, to the cent.

What is posted is said in ``postings.py``; here accounts are put to it, and it is checked once more that each day balances.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import psycopg

from aura_migration.core.errors import VerdictFailed
from aura_migration.migration.accounting.accounts import LINES, Accounts
from aura_migration.migration.accounting.postings import DIFFERENCES, POSTINGS
from aura_migration.migration.reports.sales.working import Days, working_tables

_ORDER = {line: number for number, line in enumerate(LINES)}


class Entry(NamedTuple):
    """One line of a day's journal. ``debit`` and ``credit`` are minor units; one of them is 0, neither is negative."""

    day: date
    account: str
    name: str
    debit: int
    credit: int
    line: str
    detail: str
    memo: str


class Difference(NamedTuple):
    """A document whose own figures do not add up; ``cents`` is what its total has more than its parts."""

    day: date
    document: str
    source_id: str | None
    aura_id: int
    number: str | None
    cents: int
    flags: str


@dataclass(frozen=True)
class Journal:
    """The journal of some days."""

    entries: list[Entry]
    differences: list[Difference]

    @property
    def days(self) -> list[date]:
        """The business dates that have entries."""
        return sorted({entry.day for entry in self.entries})

    @property
    def total(self) -> int:
        """All debits, which are all credits."""
        return sum(entry.debit for entry in self.entries)

    def balance(self, line: str, day: date | None = None, detail: str | None = None, memo: str | None = None) -> int:
        """Debits less credits of a line, of one day or all, of one detail or memo or all."""
        return sum(
            entry.debit - entry.credit
            for entry in self.entries
            if entry.line == line
            and day in (None, entry.day)
            and detail in (None, entry.detail)
            and memo in (None, entry.memo)
        )


def make_journal(connection: psycopg.Connection[Any], days: Days, accounts: Accounts) -> Journal:
    """The journal of these days, as AuraConnect holds them now.

    Raises ``VerdictFailed`` when a day does not balance, which would be a defect of ours: differences of the POS have an
    account of their own.
    """
    with working_tables(connection, days, {"journal_differences": DIFFERENCES}):
        entries = list(_entries(connection, days, accounts))
        differences = list(_differences(connection, days))
    left: dict[date, int] = defaultdict(int)
    for entry in entries:
        left[entry.day] += entry.debit - entry.credit
    wrong = {day: cents for day, cents in left.items() if cents}
    if wrong:
        named = ", ".join(f"{day} by {cents}" for day, cents in sorted(wrong.items()))
        raise VerdictFailed(
            f"The journal does not balance: {named} (minor units, debits less credits). Nothing was written.",
            "This is a defect: report it with the business dates.",
        )
    return Journal(entries, differences)


def _entries(connection: psycopg.Connection[Any], days: Days, accounts: Accounts) -> Iterator[Entry]:
    found = connection.execute(POSTINGS.encode(), days.arguments).fetchall()
    for day, line, detail, memo, amount in sorted(found, key=lambda row: (row[0], _ORDER[row[1]], row[2], row[3])):
        account, name = accounts.of(line, detail)
        yield Entry(day, account, name, max(amount, 0), max(-amount, 0), line, detail, memo)


def _differences(connection: psycopg.Connection[Any], days: Days) -> Iterator[Difference]:
    query = """
        SELECT d.business_date, d.document, coalesce(o.source_id, r.source_id, p.source_id), d.id, o.display_number, d.amount,
               coalesce(o.review_flags, r.review_flags, '[]')
        FROM journal_differences d
        LEFT JOIN aura.orders o ON d.document = 'orders' AND o.id = d.id
        LEFT JOIN aura.refunds r ON d.document = 'refunds' AND r.id = d.id
        LEFT JOIN aura.payouts p ON d.document = 'payouts' AND p.id = d.id
        ORDER BY d.business_date, d.document, d.id
    """
    for row in connection.execute(query.encode(), days.arguments):
        yield Difference._make((*row[:6], ", ".join(row[6]) if isinstance(row[6], list) else ""))
