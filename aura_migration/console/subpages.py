"""Pages that belong to one migration besides its steps: which there are, and the head they share."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.layout import View
from aura_migration.console.session import PREFIX
from aura_migration.console.way.more import MORE

SUBPAGES: tuple[tuple[str, str, str], ...] = (
    ("Planned changes", "/changes", "see"),
    ("Losses", "/losses", "see"),
    ("Replay", "/replay", "see"),
    ("Daily sales", "/sales", "see"),
    ("Quarantine", "/quarantine", "see"),
    ("Evidence", "/evidence", "see"),
    ("Training", "/training", "see"),
    ("Parallel run", "/parallel", "see"),
    ("Cutover", "/cutover", "see"),
)
"""Name, what follows ``/migrations/<id>`` in the path, and the permission."""
MORE.extend(SUBPAGES)


@dataclass(frozen=True)
class Subject:
    """The migration a page is about."""

    migration_id: int
    status: dict[str, Any]
    """As the API describes it."""
    currency: str
    site: str
    """Name of the location."""

    def path(self, suffix: str) -> str:
        """Another page of it, within the console."""
        return f"/migrations/{self.migration_id}{suffix}"

    def asks(self, suffix: str) -> str:
        """What the API has of it."""
        return f"/pos/migrations/{self.migration_id}{suffix}"


async def open_subpage(view: View, migration_id: int, title: str, suffix: str) -> Subject:
    """Ask for the migration; draw heading, breadcrumbs and the way to its other pages."""
    status = await view.api.get(f"/pos/migration/status/{migration_id}")
    account = await view.api.get(f"/pos/integrations/{status['integration_id']}")
    site: dict[str, Any] = next((one for one in account["locations"] if one["location"] == status["location"]), {})
    name = str(site.get("name") or status["location"])
    subject = Subject(migration_id, status, str(site.get("currency") or "USD"), name)
    view.heading(
        title,
        (str(account["merchant"] or name), f"/integrations/{status['integration_id']}"),
        (f"Migration {migration_id} · {name}", subject.path("")),
    )
    links = "".join(
        f'<a href="{escape(PREFIX + subject.path(other))}"{" aria-current=page" if other == suffix else ""}>{escape(text)}</a>'
        for text, other, permission in SUBPAGES
        if view.may(permission)
    )
    ui.html(links, sanitize=False, tag="nav").classes("tabs").props('aria-label="Pages of this migration"')
    return subject
