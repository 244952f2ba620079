"""Instants of the wire as texts and business days, each read once. The rule itself is ``canonical.history.rules``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.core.clock import utc_text

EARLIEST = 2009
"""Square is no older."""
LATEST = 2100
WHOLE_SECONDS, MICROSECONDS = len("2009-01-01T00:00:00"), len("2009-01-01T00:00:00.000000")


class When(NamedTuple):
    """An instant: its canonical text, and itself."""

    text: str
    instant: datetime


def when(text: str | None) -> When | None:
    """An RFC 3339 time stamp with any number of fractional digits; None where there is none or it is no instant."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    if found.tzinfo is UTC and text[-1] == "Z" and text[10] == "T" and text[19:20] in (".", "Z"):
        # Nearly all of them: the canonical text is a cut of what was sent.
        if len(text) == 20:
            return When(text[:-1] + "+00:00", found)
        return When((text[:19] + ("." + text[20:-1][:6]).rstrip("0")).rstrip(".") + "+00:00", found)
    try:
        return When(utc_text(found), found)
    except OverflowError:
        return None


def text_of(stamp: str | None) -> str | None:
    """The canonical text of a time stamp."""
    found = when(stamp)
    return None if found is None else found.text


def version_of(stamp: str | None) -> str:
    """A time stamp as text whose order is that of time; empty (before all others) where there is none."""
    found = when(stamp)
    if found is None:
        return ""
    text = found.text.removesuffix("+00:00")
    return (text if len(text) > WHOLE_SECONDS else text + ".").ljust(MICROSECONDS, "0")


def is_absurd(found: When | None) -> bool:
    """Whether an instant cannot be one of this trade."""
    return found is not None and not EARLIEST <= found.instant.year <= LATEST


class Days:
    """Business days of one location, by its rules."""

    def __init__(self, rules: HistoryRules) -> None:
        self.rules = rules
        minutes = int(rules.closeout.total_seconds()) // 60
        closeout = f"closeout {minutes // 60:02d}:{minutes % 60:02d}"
        self.by_closed = f"closed_at, {closeout}"
        self.by_created = f"created_at, {closeout}"
        self.by_paid = f"tender created_at, {closeout}"

    def day(self, found: When | None) -> str | None:
        """The business date of an instant; None where there is none, or none can be told."""
        if found is None:
            return None
        try:
            return self.rules.day(found.instant)
        except (OverflowError, ValueError):
            return None
