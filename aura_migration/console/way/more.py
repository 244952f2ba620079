"""Pages that belong to a migration besides its steps. A page that is added names itself in ``MORE``."""

from __future__ import annotations

from html import escape

from nicegui import ui

from aura_migration.console.layout import View
from aura_migration.console.session import PREFIX
from aura_migration.console.way.steps import Way

MORE: list[tuple[str, str, str]] = []
"""Name, what follows ``/migrations/<id>`` in its path, and the permission it needs."""


def draw_more(view: View, way: Way) -> None:
    """Links to those pages."""
    links = [
        f'<a href="{escape(f"{PREFIX}/migrations/{way.migration_id}{suffix}")}">{escape(name)}</a>'
        for name, suffix, permission in MORE
        if view.may(permission)
    ]
    if links:
        ui.html(" ".join(links), sanitize=False, tag="nav").classes("acts").props(
            'aria-label="More about this migration"'
        )
