"""States as people read them, and the chips that show them: a word always, never a colour alone."""

from __future__ import annotations

from html import escape

from nicegui import ui

STATES: dict[str, tuple[str, str]] = {
    "draft": ("not yet read", "none"),
    "extracted": ("read", "calm"),
    "planned": ("waits for approval", "wait"),
    "approved": ("approved", "calm"),
    "loading": ("loading", "calm"),
    "loaded": ("loaded, to be verified", "wait"),
    "not_passed": ("loaded, not proven", "bad"),
    "verified": ("verified", "good"),
    "empty": ("nothing to move", "none"),
    "paused": ("paused", "wait"),
    "failed": ("failed", "bad"),
    "reconnect_needed": ("connect again", "bad"),
    "rolling_back": ("rolling back", "wait"),
    "rolled_back": ("rolled back", "none"),
    "cancelled": ("cancelled", "none"),
    "parallel": ("parallel running", "calm"),
    "ready": ("ready to switch", "good"),
    "switching": ("switching", "calm"),
    "live": ("live", "good"),
    "completed": ("completed", "good"),
    "connected": ("connected", "good"),
    "disconnected": ("disconnected", "none"),
    "pending": ("waits to be carried out", "wait"),
    "claimed": ("under way", "calm"),
    "done": ("done", "good"),
}
"""State of a migration, integration or request → words and kind of chip."""


def words(state: str) -> str:
    """A state in words."""
    return STATES.get(state, (state.replace("_", " "), "none"))[0]


def chip_html(text: str, kind: str = "none") -> str:
    """A chip as HTML, for cells of tables."""
    return f'<span class="chip {kind}">{escape(text)}</span>'


def state_html(state: str) -> str:
    """A state's chip as HTML."""
    text, kind = STATES.get(state, (state.replace("_", " "), "none"))
    return chip_html(text, kind)


def state_chip(state: str) -> ui.html:
    """A state's chip."""
    return ui.html(state_html(state), sanitize=False, tag="span")


def passed_html(passed: bool | None) -> str:
    """How a gate or check ended."""
    if passed is None:
        return chip_html("not measured", "wait")
    return chip_html("passed", "good") if passed else chip_html("failed", "bad")
