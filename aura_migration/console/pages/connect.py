"""Connecting a POS account: which POS, what is asked of it and why, then consent on its own page or credentials by form."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

from aura_migration.console import leaving
from aura_migration.console.layout import View, act, page
from aura_migration.console.parts.forms import field_of, filled
from aura_migration.console.parts.notices import empty, said
from aura_migration.console.parts.tables import table
from aura_migration.console.parts.texts import h2

NEVER_SIGNED = "Nothing is written to the POS: only what is listed here is read."


@page("/connect")
async def show(view: View, pos: str = "") -> None:
    """Choose the POS; then its own form."""
    view.heading("Connect a POS", *([("Connect a POS", "/connect")] if pos else []))
    if not view.may("operate"):
        said("Connecting an account takes the role operator.", kind="wait")
        return
    known = {line["pos"]: line for line in await view.api.get("/pos/connectors")}
    if pos not in known:
        if pos:
            empty(f"There is no POS called {pos}.")
        _choice(list(known.values()))
        return
    line = known[pos]
    _scopes(line)
    if line["has_consent_page"]:
        _consent(view, line)
    _credentials(view, line)


def _choice(lines: list[dict[str, Any]]) -> None:
    ui.label("Which POS does the restaurant leave?")
    with ui.element("div").classes("cards"):
        for line in lines:
            with ui.element("section").classes("panel"):
                h2(line["title"])
                how = (
                    "by consent on its own page, or with credentials"
                    if line["has_consent_page"]
                    else "with credentials"
                )
                ui.label(f"Connected {how}.").classes("quiet")
                ui.link(f"Connect {line['title']}", f"/connect?pos={line['pos']}")


def _scopes(line: dict[str, Any]) -> None:
    with ui.element("section").classes("panel"):
        h2(f"What is asked of {line['title']}")
        ui.label(NEVER_SIGNED)
        if line["scopes"]:
            table(
                ["Right", "What for", "What is lost without it"],
                [(right["scope"], right["why"], right["without"]) for right in line["scopes"]],
            )
        if line["by_hand"]:
            ui.label(f"To end the access later: {line['by_hand']}").classes("quiet")


def _consent(view: View, line: dict[str, Any]) -> None:
    with ui.element("section").classes("panel narrow"):
        h2(f"Sign in at {line['title']}")
        ui.label(f"The application at {line['title']} has to know this address: {line['redirect_uri']}").classes(
            "quiet"
        )
        restaurant = field_of("Restaurant", "as it is to be called in AuraConnect")
        client = field_of("Application ID")
        secret = field_of("Application secret", "leave it empty where the application has none", is_secret=True)
        address = field_of("Address of the POS", f"only if it is not {line['base_url']}")

        async def go() -> None:
            if not filled(restaurant, client):
                return
            application = {"client_id": client.value.strip()}
            if secret.value:
                application["client_secret"] = secret.value
            body = {
                "pos": line["pos"],
                "restaurant": restaurant.value.strip(),
                "application": application,
                "return_to": leaving.RETURN_TO,
            }
            if address.value.strip():
                body["base_url"] = address.value.strip()
            begun, cookies = await view.api.post_with_cookies("/pos/integrations/sign-in", body)
            secret.value = ""
            leaving.go(view, begun["authorize_url"], cookies)

        act(f"Go on to {line['title']}", go)


@page("/connected")
async def connected(view: View, integration_id: int) -> None:
    """Where a consent page leads back to."""
    view.heading("Connected")
    said("The account is connected.", kind="good")
    ui.link("Look at its locations and what may be read", f"/integrations/{integration_id}")


def _credentials(view: View, line: dict[str, Any]) -> None:
    with ui.element("section").classes("panel narrow"):
        h2("Connect with credentials")
        restaurant = field_of("Restaurant", "as it is to be called in AuraConnect", name="Restaurant (credentials)")
        read = _toast_form() if line["pos"] == "toast" else _json_form(line)
        address = field_of("Address of the POS", f"only if it is not {line['base_url']}", name="Address (credentials)")

        async def go() -> None:
            is_named, credentials = filled(restaurant), read()  # each field that is missing says so at once
            if not is_named or credentials is None:
                return
            body: dict[str, Any] = {
                "pos": line["pos"],
                "restaurant": restaurant.value.strip(),
                "credentials": credentials,
            }
            if address.value.strip():
                body["base_url"] = address.value.strip()
            made = await view.api.post("/pos/integrations", body)
            ui.navigate.to(f"/integrations/{made['integration_id']}")

        act("Connect", go)


def _toast_form() -> Any:
    client = field_of("Client ID")
    secret = field_of("Client secret", is_secret=True)
    guids = field_of("Restaurant GUIDs", "one or several, separated by commas")

    def read() -> dict[str, Any] | None:
        if not filled(client, secret, guids):
            return None
        return {
            "client_id": client.value.strip(),
            "client_secret": secret.value.strip(),
            "restaurant_guids": [one.strip() for one in guids.value.split(",") if one.strip()],
        }

    return read


def _json_form(line: dict[str, Any]) -> Any:
    document = field_of("Credentials", "JSON, as the documentation of this POS shows it", is_secret=True)

    def read() -> Any:
        if not filled(document):
            return None
        try:
            found = json.loads(document.value)
        except ValueError as error:
            document.error = f"This is not JSON: {error}"
            return None
        if not isinstance(found, dict | list):
            document.error = 'A JSON object is expected, such as {"access_token": "…"}.'
            return None
        return found

    return read
