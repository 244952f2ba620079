"""Fields of forms: labelled, with their hint and their error beside them."""

from __future__ import annotations

from nicegui import ui


def field_of(label: str, hint: str = "", *, is_secret: bool = False, value: str = "", name: str = "") -> ui.input:
    """A line of text. ``name`` is what a screen reader says where the label alone would be ambiguous."""
    made = (
        ui.input(label, value=value, password=is_secret).props("outlined dense autocomplete=off").classes("full-width")
    )
    made.props["hint"] = hint
    made.props["aria-label"] = name or label
    return made


def filled(*fields: ui.input) -> bool:
    """Whether all are filled in; those that are not say so."""
    missing = False
    for each in fields:
        if each.value.strip():
            each.error = None
        else:
            each.error = "This is needed."
            missing = True
    return not missing
