"""Instants as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(text: str | None) -> str:
    """``2 Mar 2026, 15:00 UTC`` of an ISO instant; "" where there is none."""
    if not text:
        return ""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def instant_html(text: str | None) -> str:
    """The same for a cell of a table, in one line."""
    return f'<span class="when">{instant(text) or "–"}</span>'
