"""Signed decisions: why AuraConnect may differ from the POS at a certain place.

Pure look-ups; ``signed.py`` reads them from the approved plan. A difference that no decision covers is unexplained,
whatever the reason somebody would give for it now. Records are named by *subjects*: ``("items", key)``, or for a link
``("item_modifier_groups", item, group)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

Subject = tuple[str, ...]


class Own(NamedTuple):
    """Records made in AuraConnect itself, the last of them at ``made_at``; ``holders`` are the migrated records they hang on."""

    holders: tuple[Subject, ...]
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that stays as AuraConnect had it. ``columns`` None: every column of the record."""

    reason: str
    columns: frozenset[str] | None = None

    def covers(self, columns: Iterable[str]) -> bool:
        """Whether one of the columns was kept."""
        return self.columns is None or not self.columns.isdisjoint(columns)


@dataclass
class Decisions:
    """What was signed.

    ``skipped`` are records left out; ``kept`` records whose values stay as they were or were corrected; ``mapped`` are
    columns of an entity that the options fill from another field; ``skipped_prices`` the amounts of price rules left out,
    by the record they price. ``waiting`` are records in quarantine or undecided: they explain nothing, but say why.
    ``linked`` are records of the POS that became one with a record AuraConnect already had at ``signed_at``, the instant
    of approval: what hung on that record then stays on it.
    """

    skipped: dict[Subject, str] = field(default_factory=dict)
    kept: dict[Subject, Kept] = field(default_factory=dict)
    mapped: dict[tuple[str, str], str] = field(default_factory=dict)
    skipped_prices: dict[Subject, dict[int, str]] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    waiting: dict[Subject, str] = field(default_factory=dict)
    linked: dict[Subject, str] = field(default_factory=dict)
    signed_at: datetime | None = None

    def why_absent(self, subjects: Iterable[Subject]) -> str | None:
        """The decision by which something that stands on these records is not there."""
        for subject in subjects:
            if subject in self.skipped:
                return self.skipped[subject]
            if subject[0] in self.excluded:
                return f"{subject[0]} are left out by the options"
        return None

    def why_different(self, places: Iterable[tuple[Subject, tuple[str, ...]]]) -> str | None:
        """The decision by which one of these columns of these records holds another value."""
        for subject, columns in places:
            kept = self.kept.get(subject)
            if kept is not None and kept.covers(columns):
                return kept.reason
            for column in columns:
                if (subject[0], column) in self.mapped:
                    return self.mapped[subject[0], column]
        return None

    def why_other_price(self, subjects: Iterable[Subject], cents: int | None) -> str | None:
        """The decision by which a price of this amount, said by a rule, was left out."""
        for subject in subjects:
            found = self.skipped_prices.get(subject, {}).get(-1 if cents is None else cents)
            if found is not None:
                return found
        return None

    def why_own(self, holders: Iterable[Subject], made_at: datetime) -> str | None:
        """The decision by which something made in AuraConnect hangs on these records of the POS."""
        if self.signed_at is None or made_at > self.signed_at:
            return None
        reasons = [self.linked.get(holder) for holder in holders]
        return None if not reasons or None in reasons else reasons[0]

    def why_waiting(self, subjects: Iterable[Subject]) -> str:
        """What holds these records up, for a difference that is not explained."""
        return next((self.waiting[subject] for subject in subjects if subject in self.waiting), "")
