"""A form for the values of one record in quarantine: a field for each that a reason names, the others on request."""

from __future__ import annotations

import json
import re
from typing import Any

from nicegui import ui

from aura_migration.canonical.model import Entity, Field
from aura_migration.console.parts.values import field_text

NOTHING = ""
WHOLE = frozenset({"int", "cents"})


class CorrectionForm:
    """``read`` answers what was changed, and only that: values of persons are masked here, and must not be sent back."""

    def __init__(self, entity: Entity, record: dict[str, Any]) -> None:
        self._entity, self._key = entity, str(record["key"])
        self._values: dict[str, Any] = {**(record["values"] or {}), **(record["correction"] or {})}
        self._fields: dict[str, tuple[Field, Any, Any]] = {}
        reasons = " ".join(map(str, record["reasons"]))
        named = [field for field in entity.fields if re.search(rf"\b{re.escape(field.name)}\b", reasons)]
        others = [field for field in entity.fields if field not in named]
        for field in named:
            self._draw(field)
        if not named:
            for field in [field for field in others if field.required]:
                self._draw(field)
            others = [field for field in others if not field.required]
        if others:
            with ui.expansion(f"{len(others)} {'other fields' if self._fields else 'fields'}").classes("full-width"):
                for field in others:
                    self._draw(field)

    def read(self) -> dict[str, Any] | None:
        """``{"entity", "key", "values"}`` with the changed values; None where one cannot be used, which its field then says."""
        changed: dict[str, Any] = {}
        is_sound = True
        for name, (field, made, before) in self._fields.items():
            if made.value == before:
                continue
            try:
                changed[name] = parsed(field, made.value)
            except ValueError as error:
                made.error = str(error)
                is_sound = False
            else:
                made.error = None
        return {"entity": self._entity.name, "key": self._key, "values": changed} if is_sound else None

    def _draw(self, field: Field) -> None:
        known = self._values.get(field.name)
        value = None if field.personal else known
        label = (
            field_text(field.name) + (", in cents" if field.kind == "cents" else "") + (" *" if field.required else "")
        )
        made: Any
        if field.kind == "bool" or field.choices:
            choices = {"true": "yes", "false": "no"} if field.kind == "bool" else {one: one for one in field.choices}
            shown = str(value).lower() if isinstance(value, bool) else value
            made = ui.select({NOTHING: "–", **choices}, label=label, value=shown if shown in choices else NOTHING)
            made.props("options-dense")
        elif field.kind == "json":
            made = ui.textarea(label, value="" if value is None else json.dumps(value, ensure_ascii=False))
            made.props("autogrow")
        else:
            made = ui.input(label, value="" if value is None else str(value))
        made.props("outlined dense bottom-slots").classes("full-width")
        made.props["aria-label"] = f"{field_text(field.name)} of {self._key}"
        hint = f"is {known}; type all of it to replace it" if field.personal and known is not None else field.doc
        if hint:
            made.props["hint"] = hint
        self._fields[field.name] = (field, made, made.value)


def parsed(field: Field, text: str | None) -> Any:
    """What was typed as a value of the field; None where it was emptied. ``ValueError`` says what is expected."""
    given = (text or "").strip()
    if not given:
        if field.required:
            raise ValueError("This is needed.")
        return None
    if field.kind in WHOLE:
        return _whole(field, given)
    if field.kind == "bool":
        return given == "true"
    if field.kind == "json":
        return _document(given)
    if field.max_length is not None and len(given) > field.max_length:
        raise ValueError(f"At most {field.max_length} characters.")
    return given


def _whole(field: Field, given: str) -> int:
    try:
        number = int(given)
    except ValueError:
        raise ValueError("A whole number is expected, such as 450.") from None
    if field.minimum is not None and number < field.minimum:
        raise ValueError(f"At least {field.minimum}.")
    return number


def _document(given: str) -> Any:
    try:
        return json.loads(given)
    except ValueError as error:
        raise ValueError(f"This is not JSON: {error}") from None
