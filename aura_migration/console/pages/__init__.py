"""The pages, a module each. A new page is a module with a ``@page`` in it, added to the imports below."""

from __future__ import annotations

from nicegui import app as server

from aura_migration.console import layout
from aura_migration.console.pages import (
    audit,
    changes,
    connect,
    cutover,
    evidence,
    integration,
    lookup,
    losses,
    migration,
    missing,
    notifications,
    overview,
    parallel,
    quarantine,
    replay,
    sales,
    sign_in,
    training,
    webhooks,
)

PAGES = (
    sign_in,
    overview,
    connect,
    integration,
    migration,
    audit,
    changes,
    evidence,
    lookup,
    losses,
    notifications,
    quarantine,
    replay,
    sales,
    training,
    webhooks,
    parallel,
    cutover,
    missing,
)
"""``missing`` answers for every other address: it stays last."""


def install() -> None:
    """Serve the pages."""
    layout.install([module.__name__ for module in PAGES])
    server.on_page_exception(missing.failed)
