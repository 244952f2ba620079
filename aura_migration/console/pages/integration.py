"""One connected account: its locations, what may be read, what has to be asked, and where its migrations begin."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from aura_migration.console import leaving
from aura_migration.console.layout import View, act, page
from aura_migration.console.parts.accounts import audit_counts, audit_questions, health_html, preflight_table
from aura_migration.console.parts.dialogs import confirmed
from aura_migration.console.parts.notices import done, empty, said
from aura_migration.console.parts.status import state_chip, state_html
from aura_migration.console.parts.tables import facts, link, raw, table
from aura_migration.console.parts.texts import h2, h3, quiet
from aura_migration.console.parts.times import instant


@page("/integrations/{integration_id}")
async def show(view: View, integration_id: int) -> None:
    """The account."""
    found = await view.api.get(f"/pos/integrations/{integration_id}")
    migrations = await view.api.every("/pos/migrations", integration_id=integration_id)
    view.heading(found["merchant"] or f"Integration {integration_id}")
    state_chip(found["status"])
    if found["reason"]:
        said(found["reason"], kind="bad")
    await _account(view, found)
    open_ones = {m["location"]: m for m in reversed(migrations) if m["state"] not in ("cancelled", "rolled_back")}
    for site in found["locations"]:
        await _location(view, found, site, open_ones.get(site["location"]))
    _past(migrations)


async def _account(view: View, found: dict[str, Any]) -> None:
    number = found["integration_id"]
    with ui.element("section").classes("panel"):
        h2("Account")
        facts(
            [
                ("POS", found["pos"].capitalize()),
                ("Address", found["base_url"]),
                ("Health", raw(health_html(found))),
                ("Credentials", "sealed" if found["has_credentials"] else "none are kept"),
            ]
        )
        with ui.element("div").classes("acts"):
            ui.link("Webhooks", f"/integrations/{number}/webhooks")
            if view.may("operate") and found["has_credentials"]:

                async def test() -> None:
                    answer = await view.api.post(f"/pos/integrations/{number}/test")
                    if answer["is_working"]:
                        done(f"The POS answered within {answer['seconds']:.1f} s.")
                    else:
                        said(f"{answer['problem']} {answer['remedy']}", kind="bad", role="alert")

                act("Test the connection", test, kind="plain")
            if view.may("operate") and found["status"] != "connected":
                await _again(view, found)
            if view.may("administer") and found["has_credentials"]:

                async def disconnect() -> None:
                    if not await confirmed(
                        "Disconnect this account?",
                        "The access is revoked where the POS offers that, and the credentials are forgotten. What was read and "
                        "loaded stays.",
                        "Disconnect",
                    ):
                        return
                    answer = await view.api.delete(f"/pos/integrations/{number}")
                    if answer["left_to_do"]:
                        said(f"Disconnected. Left to do: {answer['left_to_do']}", kind="wait", role="alert")
                    else:
                        ui.navigate.reload()

                act("Disconnect …", disconnect, kind="danger")


async def _again(view: View, found: dict[str, Any]) -> None:
    """By consent where the POS has a page for it, for the application it knows; by credentials in any case."""
    line = next(one for one in await view.api.get("/pos/connectors") if one["pos"] == found["pos"])
    if line["has_consent_page"]:

        async def sign_in() -> None:
            begun, cookies = await view.api.post_with_cookies(
                f"/pos/integrations/{found['integration_id']}/sign-in", {"return_to": leaving.RETURN_TO}
            )
            leaving.go(view, begun["authorize_url"], cookies)

        act(f"Sign in at {line['title']} again", sign_in)
    ui.link("Connect it again with credentials", f"/connect?pos={found['pos']}")


async def _location(view: View, found: dict[str, Any], site: dict[str, Any], migration: dict[str, Any] | None) -> None:
    number, key = found["integration_id"], site["location"]
    with ui.element("section").classes("panel"):
        h2(site["name"])
        facts(
            [
                ("Key", key),
                ("Time zone", site["timezone"]),
                ("Currency", site["currency"]),
                ("Business day ends", site["closeout"]),
            ]
        )
        with ui.element("div").classes("acts"):
            if migration is not None:
                ui.link(f"Migration {migration['migration_id']}", f"/migrations/{migration['migration_id']}")
                state_chip(migration["state"])
            elif view.may("operate") and found["status"] == "connected":

                async def begin() -> None:
                    answer = await view.api.post(f"/pos/migration/preview/{number}", {"locations": [key]})
                    ui.navigate.to(f"/migrations/{answer['migrations'][0]['migration_id']}")

                act("Ask for a preview", begin)
                quiet("Reads the POS and shows what would be moved. Nothing is loaded.")
        await _report(view, found, key, "preflight", "What may be read", "Ask the POS now")
        await _report(view, found, key, "audit", "What has to be asked", "Audit now")


async def _report(view: View, found: dict[str, Any], key: str, kind: str, title: str, button: str) -> None:
    number = found["integration_id"]
    (latest,) = (await view.api.get(f"/pos/integrations/{number}/{kind}", location=key))["reports"]
    h3(title)
    place = ui.element("div").classes("stack")

    def draw(stored: dict[str, Any]) -> None:
        place.clear()
        with place:
            if stored["report"] is None:
                empty("Nobody has asked yet.")
            else:
                quiet(f"As of {instant(stored['at'])}")
                if kind == "preflight":
                    preflight_table(stored["report"])
                else:
                    audit_questions(stored["report"])
                    audit_counts(stored["report"])

    draw(latest)
    if view.may("operate") and found["status"] == "connected":

        async def ask() -> None:
            (fresh,) = (await view.api.post(f"/pos/integrations/{number}/{kind}", location=key))["reports"]
            draw(fresh)

        act(button, ask, kind="plain")


def _past(migrations: list[dict[str, Any]]) -> None:
    if migrations:
        with ui.element("section").classes("panel"):
            h2("Migrations of this account")
            table(
                ["Migration", "Location", "State", "Note"],
                [
                    (
                        link(str(m["migration_id"]), f"/migrations/{m['migration_id']}"),
                        m["location"],
                        raw(state_html(m["state"])),
                        m["reason"],
                    )
                    for m in migrations
                ],
            )
