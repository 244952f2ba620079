"""Signing in with a token, where tokens come from outside."""

from __future__ import annotations

from html import escape

from nicegui import app as server
from nicegui import ui
from starlette.responses import RedirectResponse, Response

from aura_migration.console.layout import frame, sessions
from aura_migration.console.parts.notices import said
from aura_migration.console.parts.texts import h1
from aura_migration.console.session import PREFIX, within


@ui.page("/sign-in")
def sign_in(to: str = "/") -> Response | None:
    """The form; in the local mode there is nothing to fill in."""
    if sessions().is_local:
        return RedirectResponse(f"{PREFIX}{within(to)}", 303)
    notice = str(server.storage.browser.pop("notice", ""))
    ui.page_title("Sign in · AuraConnect migration")
    with frame(None, "/sign-in"), ui.element("div").classes("panel narrow"):
        h1("Sign in")
        if notice:
            said(f"You are not signed in: {notice}", kind="bad", role="alert")
        ui.html(
            f'<form method="post" action="{PREFIX}/session" autocomplete="off">'
            f'<input type="hidden" name="to" value="{escape(within(to))}">'
            '<p><label for="token">Token from your AuraConnect administrator</label></p>'
            '<p><input id="token" name="token" type="password" required autofocus spellcheck="false" '
            'style="width:100%;box-sizing:border-box;padding:.55rem;font:inherit;border:1px solid #6b7684;border-radius:4px"></p>'
            '<p><button type="submit" style="margin-top:.8rem;padding:.5rem 1.2rem;font:inherit;background:#1d4e89;color:#fff;'
            'border:0;border-radius:4px;cursor:pointer">Sign in</button></p></form>',
            sanitize=False,
        )
        ui.html(
            "It stays on this server, sealed; the browser gets a cookie that ends after twelve hours.",
            sanitize=False,
            tag="p",
        ).classes("quiet small")
    return None
