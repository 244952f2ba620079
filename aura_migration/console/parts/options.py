"""The options of a preview: a form for what is asked most, and the whole document as JSON, checked against its schema."""

from __future__ import annotations

import json
from typing import Any

from nicegui import ui

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.history.tables import DOCUMENTS
from aura_migration.canonical.options import options_schema, parse_options
from aura_migration.console.parts.texts import quiet
from aura_migration.core.errors import BadInput

ASK = "ask"
STRATEGIES = {
    ASK: "ask about each one",
    "keep_existing": "keep what AuraConnect has",
    "overwrite": "overwrite it with what the POS says",
    "merge": "merge: fill in what AuraConnect lacks",
    "duplicate": "load it as a second record",
}
CONSENTS = {
    "none": "everybody; marketing stays off unless granted",
    "profile": "only people whose consent to a profile is on record",
    "marketing": "only people whose consent to marketing is on record",
}
INFERRED = {
    "with_approval": "whoever signs the plan confirms them with it",
    "named": "the signature has to say so",
    "leave_out": "leave them out: only what the POS states",
}
PEOPLE = {1: "one person", 2: "two people"}


class OptionsEditor:
    """Form and document are two views of one thing: what the form changes is written into the document, which is what is sent."""

    def __init__(self, document: dict[str, Any] | None) -> None:
        schema = options_schema()
        self._document: dict[str, Any] = document or {}
        known = set(schema["properties"])
        with ui.element("div").classes("form"):
            self._months = self._number("Months of orders and money", ("history", "months"), 12, 0, 120)
            self._orders = self._number("Past orders to ring up again", ("replay", "orders"), 2_000, 0, 1_000_000)
            self._choice("Where AuraConnect already has something", ("conflicts", "strategy"), STRATEGIES, ASK)
            self._choice("Guests", ("people", "requireConsent"), CONSENTS, "none")
            self._choice("Rules that orders show", ("rules", "inferred"), INFERRED, "with_approval")
            if "approval" in known:
                self._choice("Signatures", ("approval", "people"), PEOPLE, 1)
            names = [name for name in (*ENTITIES, *DOCUMENTS) if name != "locations"]
            left_out = ui.select(
                {name: name.replace("_", " ") for name in names},
                label="Left out",
                value=list(self._document.get("excludeEntities", [])),
                multiple=True,
                with_input=True,
                on_change=lambda event: self._set(("excludeEntities",), list(event.value or [])),
            )
            left_out.props('outlined dense use-chips options-dense aria-label="Entities left out"')
        with ui.expansion("All options as JSON").classes("full-width"):
            quiet(
                "Keys and descriptions are those of the options schema in the documentation. What stands here is sent."
            )
            self._text = ui.textarea("Options", value=self._dumped(), on_change=lambda _: self._read())
            self._text.props('outlined autogrow input-class="mono" aria-label="Options as JSON" spellcheck=false')
            self._text.classes("full-width")

    def document(self) -> dict[str, Any] | None:
        """The options to send; None where they do not fit the schema, which the editor then says."""
        return dict(self._document) if self._read() else None

    def _read(self) -> bool:
        try:
            found = json.loads(self._text.value or "{}")
            if not isinstance(found, dict):
                raise BadInput("Options are a JSON object.", "")
            parse_options(found)
        except ValueError as error:
            self._text.error = f"This is not JSON: {error}"
            return False
        except BadInput as error:
            self._text.error = error.what
            return False
        self._text.error = None
        self._document = found
        return True

    def _set(self, place: tuple[str, ...], value: Any) -> None:
        inner = self._document
        for name in place[:-1]:
            inner = inner.setdefault(name, {})
        inner[place[-1]] = value
        self._text.value = self._dumped()

    def _get(self, place: tuple[str, ...], default: Any) -> Any:
        inner: Any = self._document
        for name in place:
            inner = inner.get(name) if isinstance(inner, dict) else None
        return default if inner is None else inner

    def _dumped(self) -> str:
        return json.dumps(self._document, indent=2, ensure_ascii=False)

    def _number(self, label: str, place: tuple[str, ...], default: int, least: int, most: int) -> ui.number:
        made = ui.number(
            label,
            value=self._get(place, default),
            min=least,
            max=most,
            precision=0,
            on_change=lambda event: self._set(place, int(event.value)) if event.value is not None else None,
        )
        made.props["aria-label"] = label
        return made.props("outlined dense")

    def _choice(self, label: str, place: tuple[str, ...], choices: dict[Any, str], default: Any) -> None:
        made = ui.select(
            choices,
            label=label,
            value=self._get(place, default),
            on_change=lambda event: self._set(place, None if event.value == ASK else event.value),
        )
        made.props("outlined dense options-dense")
