"""The overview: what waits for whom, the accounts that are connected, the migrations by state."""

from __future__ import annotations

from collections import Counter
from typing import Any

from nicegui import ui

from aura_migration.console.layout import View, page
from aura_migration.console.parts.accounts import health_html
from aura_migration.console.parts.notices import empty
from aura_migration.console.parts.status import state_html, words
from aura_migration.console.parts.tables import link, link_html, raw, table
from aura_migration.console.parts.texts import h2

WAITS: dict[str, tuple[str, str]] = {
    "draft": ("operate", "a preview is to be asked for"),
    "extracted": ("operate", "a preview is to be asked for"),
    "planned": ("approve", "conflicts are to be decided, or the plan signed"),
    "approved": ("operate", "the approved plan is to be loaded"),
    "paused": ("operate", "the load is paused"),
    "failed": ("operate", "it failed; the cause is to be mended"),
    "reconnect_needed": ("operate", "the account is to be connected again"),
    "loaded": ("operate", "what is loaded is to be verified"),
}
"""State → the permission of who can go on, and what waits."""


@page("/")
async def show(view: View) -> None:
    """The overview."""
    view.heading("Overview")
    integrations = await view.api.every("/pos/integrations")
    migrations = await view.api.every("/pos/migrations")
    names = {one["integration_id"]: _name(one) for one in integrations}
    sites = {site["location"]: site["name"] for one in integrations for site in one["locations"]}
    if not integrations and not migrations:
        with ui.element("section").classes("panel"):
            empty(
                "No POS account is connected yet.",
                "Connect one to see what would be moved. Nothing is changed at the POS, and nothing is loaded without approval.",
            )
            if view.may("operate"):
                ui.link("Connect a POS", "/connect")
        return
    _waiting(view, migrations, names, sites)
    _integrations(integrations)
    _migrations(migrations, names, sites)


def _waiting(view: View, migrations: list[dict[str, Any]], names: dict[int, str], sites: dict[str, str]) -> None:
    waiting = [m for m in migrations if m["state"] in WAITS and not m["asked_for"]]
    with ui.element("section").classes("panel"):
        h2("What waits")
        if not waiting:
            empty("Nothing waits for anybody.")
            return
        table(
            ["Migration", "Restaurant", "What waits", "For whom"],
            [
                (
                    link(
                        f"{m['migration_id']} · {sites.get(m['location'], m['location'])}",
                        f"/migrations/{m['migration_id']}",
                    ),
                    names.get(m["integration_id"], ""),
                    _what(m),
                    _for_whom(view, WAITS[m["state"]][0]),
                )
                for m in waiting
            ],
        )


def _what(migration: dict[str, Any]) -> str:
    if migration["failed_gates"]:
        return (
            f"what was loaded did not pass: {', '.join(name.replace('_', ' ') for name in migration['failed_gates'])}"
        )
    return WAITS[migration["state"]][1]


def _for_whom(view: View, permission: str) -> str:
    role = {"operate": "an operator", "approve": "an operator, then an approver"}[permission]
    return f"{role}, such as you" if view.may(permission) else role


def _integrations(integrations: list[dict[str, Any]]) -> None:
    with ui.element("section").classes("panel"):
        h2("Connected accounts")
        if not integrations:
            empty("No POS account is connected, or none that you may see.")
            return
        table(
            ["Account", "POS", "State", "Locations", "Health"],
            [
                (
                    link(_name(one), f"/integrations/{one['integration_id']}"),
                    one["pos"].capitalize(),
                    raw(state_html(one["status"])),
                    [site["name"] for site in one["locations"]],
                    raw(health_html(one)),
                )
                for one in integrations
            ],
        )


def _name(integration: dict[str, Any]) -> str:
    return str(integration["merchant"] or f"Integration {integration['integration_id']}")


def _migrations(migrations: list[dict[str, Any]], names: dict[int, str], sites: dict[str, str]) -> None:
    with ui.element("section").classes("panel"):
        h2("Migrations")
        if not migrations:
            empty("No migration has begun.", "Open an account above and ask for a preview of a location.")
            return
        counted = Counter(_state(m) for m in migrations)
        ui.html(
            " ".join(f"{state_html(state)} {number}&ensp;" for state, number in counted.most_common()),
            sanitize=False,
        ).props(f'aria-label="{", ".join(f"{number} {words(state)}" for state, number in counted.items())}"')
        table(
            ["Migration", "Restaurant", "Location", "State", "Note"],
            [
                (
                    raw(link_html(str(m["migration_id"]), f"/migrations/{m['migration_id']}")),
                    names.get(m["integration_id"], ""),
                    sites.get(m["location"], m["location"]),
                    raw(state_html(_state(m))),
                    f"{m['asked_for'].replace('_', ' ')} is asked for or under way" if m["asked_for"] else m["reason"],
                )
                for m in migrations
            ],
        )


def _state(migration: dict[str, Any]) -> str:
    """Its state; of a load that was judged and did not pass, that."""
    return "not_passed" if migration["failed_gates"] else str(migration["state"])
