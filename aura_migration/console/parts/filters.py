"""Filters and paging of long lists. Both stand in the page's address: a list that is filtered can be sent on and come back to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from nicegui import ui

from aura_migration.console.session import PREFIX


def address(path: str, query: Mapping[str, Any]) -> str:
    """A page's path with its query; what is empty is left out."""
    given = {name: value for name, value in query.items() if value not in (None, "", 0, [], ())}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


class Filters:
    """A row of fields over a list. Enter or the button shows the list with them, from its beginning."""

    def __init__(self, path: str, query: Mapping[str, Any]) -> None:
        self._path, self._query = path, query
        self._read: dict[str, Callable[[], Any]] = {}
        self._row = ui.element("form").classes("acts filters").props('role=search aria-label="Filters"')
        self._row.on("submit.prevent", js_handler="() => {}")  # Enter presses the button

    def choice(self, name: str, label: str, choices: Mapping[str, str], *, several: bool = False) -> None:
        """One of some values, or several."""
        value = self._query.get(name)
        known = (
            [one for one in value or [] if one in choices] if several else value if value in choices else None
        )  # an address may name anything
        with self._row:
            made = ui.select(dict(choices), label=label, value=known, multiple=several, clearable=True)
        made.props("outlined dense options-dense").classes("filter")
        made.props["aria-label"] = label
        if several:
            made.props("use-chips")
        self._read[name] = lambda: made.value

    def text(self, name: str, label: str, hint: str = "") -> None:
        """Words."""
        with self._row:
            made = ui.input(label, value=str(self._query.get(name) or "")).props("outlined dense clearable")
        made.classes("filter")
        made.props["aria-label"] = label
        if hint:
            made.props["placeholder"] = hint
        self._read[name] = lambda: (made.value or "").strip()

    def day(self, name: str, label: str) -> None:
        """A day, typed or picked in the browser's own calendar."""
        with self._row:
            made = ui.input(label, value=str(self._query.get(name) or "")).props("outlined dense type=date stack-label")
        made.classes("filter")
        made.props["aria-label"] = label
        self._read[name] = lambda: made.value or ""

    def ready(self, *, is_narrowed: bool | None = None) -> None:
        """The buttons; after the last field. ``is_narrowed``: whether there is anything to clear, where fields do not tell."""
        if is_narrowed is None:
            is_narrowed = any(self._query.get(name) not in (None, "", []) for name in self._read)
        with self._row:
            ui.button("Show", color="primary", on_click=self._show).props("no-caps unelevated type=submit")
            if is_narrowed:
                ui.link("Clear the filters", self._path)

    def _show(self) -> None:
        ui.navigate.to(address(self._path, {name: read() for name, read in self._read.items()}))


def pager(path: str, query: Mapping[str, Any], after: int | str, next_after: int | str | None) -> None:
    """Links to the beginning of a list and to what follows; nothing where all of it is shown."""
    links = []
    if after:
        links.append(f'<a href="{escape(PREFIX + address(path, query))}">To the beginning</a>')
    if next_after is not None:
        following = address(path, {**query, "after": next_after})
        links.append(f'<a href="{escape(PREFIX + following)}" rel="next">Next page</a>')
    if links:
        ui.html(" ".join(links), sanitize=False, tag="nav").classes("acts").props('aria-label="Pages of the list"')


def chosen(names: Sequence[str]) -> dict[str, str]:
    """Names as choices in words."""
    return {name: name.replace("_", " ") for name in names}
