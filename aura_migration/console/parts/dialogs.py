"""Asking once more before something that matters."""

from __future__ import annotations

from nicegui import ui

from aura_migration.console.parts.texts import h2


async def confirmed(title: str, text: str, word: str) -> bool:
    """Whether somebody pressed ``word``; Escape and Cancel are a no."""
    with ui.dialog() as dialog, ui.card().classes("narrow"):
        dialog.props["aria-label"] = title
        h2(title)
        ui.label(text)
        with ui.element("div").classes("acts"):
            ui.button(word, color="negative", on_click=lambda: dialog.submit(True)).props("no-caps unelevated")
            ui.button("Cancel", color=None, on_click=lambda: dialog.submit(False)).props("no-caps outline autofocus")
    answer = await dialog
    dialog.delete()
    return bool(answer)
