"""The pages, a module each. A new page is a module with a ``@page`` in it, added to the imports below."""

from __future__ import annotations

from aura_migration.console import layout
from aura_migration.console.pages import connect, integration, migration, overview, sign_in

PAGES = (sign_in, overview, connect, integration, migration)


def install() -> None:
    """Serve the pages."""
    layout.install()
