"""The live strip of a migration: its state, how far the work is, what is done now; fed by messages, never by guesses."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from nicegui import background_tasks, ui

from aura_migration.console.following import Ended, Following
from aura_migration.console.layout import View
from aura_migration.console.parts.notices import said
from aura_migration.console.parts.progress import Progress
from aura_migration.console.parts.status import state_html
from aura_migration.console.parts.tables import outside_html
from aura_migration.console.way.steps import Way

MOST_ERRORS = 5


class Live:
    """Draws itself where it is made, and follows for as long as the page is open."""

    def __init__(self, view: View, way: Way) -> None:
        self._view, self._way = view, way
        self.state = way.state
        self.is_connected = False
        """Whether messages arrive; as long as they do not, the page reads the status now and then."""
        with ui.element("section").classes("panel live").props('aria-label="Live progress"'):
            with ui.element("div").classes("title"):
                self._chip = ui.html(state_html(way.state), sanitize=False, tag="span").props("aria-live=polite")
                self._line = ui.html("", sanitize=False, tag="span").classes("quiet small").props("aria-live=polite")
            self._request = ui.element("div").classes("stack")
            self._progress = Progress()
            self._errors = ui.html("", sanitize=False).classes("said bad").props("role=alert")
            self._errors.visible = False
        self._following = Following(view.api, way.migration_id, self._told, self._connected)
        self.show(way)
        self._following.number = self._progress.number
        self._task: asyncio.Task[Any] | None = None
        client = ui.context.client
        client.on_connect(self._begin)
        client.on_delete(self._end)

    def show(self, way: Way) -> None:
        """What a status that was read says: its state, its progress, and what was asked for last."""
        last = (way.status.get("progress") or {}).get("data")
        if last:
            self._show(last, int(last.get("sequence") or 0))
        if way.state != self.state:
            self.state = way.state
            self._chip.set_content(state_html(way.state))
        self._show_request(way)

    def _show_request(self, way: Way) -> None:
        self._request.clear()
        request = way.request
        if not request:
            return
        run = ""
        if request.get("dagster_run_id"):
            run = outside_html(
                "its run in Dagster", f"{self._view.settings.dagster_url}/runs/{request['dagster_run_id']}"
            )
        words = f"Asked for last: {request['kind']}, by {request['by']}"
        with self._request:
            ui.html(f"<span>{escape(words)}</span> {state_html(request['state'])} {run}", sanitize=False).classes(
                "small acts"
            )
            problem = request.get("problem")
            if isinstance(problem, dict):
                told = str(problem.get("what") or problem.get("detail") or "It failed.")
                said(told, kind="bad", more=filter(None, [str(problem.get("remedy") or "")]))

    def _begin(self) -> None:
        if self._task is None or self._task.done():  # a browser that comes back finds the work where it is
            self._task = background_tasks.create(self._follow(), name="live progress")

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _follow(self) -> None:
        try:
            await self._following.run()
        except Ended:
            self.is_connected = False
            self._say("Live progress has ended: sign in again, or reload the page.")

    def _connected(self, is_connected: bool) -> None:
        self.is_connected = is_connected
        self._say("live" if is_connected else "the line is lost; it is opened again …")

    def _say(self, text: str) -> None:
        if self._line.content != text:
            self._line.set_content(escape(text))

    async def _told(self, message: dict[str, Any]) -> None:
        kind, data = message.get("type"), message.get("data") or {}
        if kind == "migration_progress":
            self._show(data, int(message["sequence"]))
        elif kind == "snapshot" and data.get("progress"):
            self._show(data["progress"], int(message["sequence"]))
        if kind in ("migration_state", "snapshot") and data["state"] != self.state:
            self.state = str(data["state"])
            self._chip.set_content(state_html(self.state))
            await self._way.refresh()

    def _show(self, data: dict[str, Any], number: int) -> None:
        self._progress.show(
            data["processedItems"], data["totalItems"], data["currentStep"], data["estimatedTimeRemaining"], number
        )
        errors = [str(error) for error in data.get("errors") or []]
        shown = "".join(f"<div>{escape(error)}</div>" for error in errors[:MOST_ERRORS])
        self._errors.set_content(
            shown + (f"<div>and {len(errors) - MOST_ERRORS} more</div>" if errors[MOST_ERRORS:] else "")
        )
        self._errors.visible = bool(errors)
