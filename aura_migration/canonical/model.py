"""The vocabulary in which entities are declared, and the rows a connector emits.

Plain data only: importing this module must not import pandas or pandera. Validation that needs them is in
``validate.py``; what the entities are is in ``menu.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "int", "cents", "bool", "numeric", "json", "timestamp", "date"]


@dataclass(frozen=True)
class Field:
    """One column of an entity.

    ``name`` is the canonical name; ``column`` is AuraConnect's where it differs. ``ref`` names the entity whose source
    key the value holds; such a field is called ``<x>_key`` and becomes the integer column ``<x>_id``. ``cents`` are
    minor units of the location's currency, ``numeric`` is exact and travels as text, ``json`` as lists and mappings,
    ``timestamp`` as the UTC text of ``core.clock.utc_text``, ``date`` as YYYY-MM-DD. ``personal`` values are shown nowhere.
    ``local`` marks a column of a shared row in which locations may differ without touching each other, because a row of
    the location carries the effective value. ``base`` is the column of the refined row it overrides, if named otherwise.
    ``reported`` marks what only tells of the record, such as when it was used last: a new word of the POS stands, and that
    AuraConnect had one of its own is nothing to decide.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    ref: str | None = None
    column: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    max_length: int | None = None
    local: bool = False
    base: str = ""
    personal: bool = False
    reported: bool = False
    doc: str = ""

    @property
    def target(self) -> str:
        """The AuraConnect column this field is written to."""
        if self.column:
            return self.column
        return self.name.removesuffix("_key") + "_id" if self.ref else self.name


@dataclass(frozen=True)
class Entity:
    """One kind of canonical row and the AuraConnect table it is loaded into.

    ``scope`` is ``shared`` where the row belongs to the restaurant (one row for all its locations) and ``location``
    where every location has rows of its own. ``refines`` names the shared entity whose values this location row may
    override: ``units`` are the groups of columns that are taken over together or inherited together (as null).
    ``match_on`` are the columns by which a record already in AuraConnect may be *proposed* as the same thing.
    ``counted`` marks the entities a restaurant would count ("items", "modifiers"), shown in preview and scorecard.

    ``match_by`` are alternatives to ``match_on``: a record is proposed where all columns of any one of them agree (none of
    them null). ``personal`` rows are of people: they are never shown as they are, not in labels, previews or findings.
    A shared row that is ``merchant_wide`` is the merchant's, not a location's: what the POS changes in it holds for all.
    ``is_movement`` rows are lines of a ledger: each happened once, in one of the systems, and is nothing else's likeness.
    """

    name: str
    table: str
    scope: Literal["shared", "location"]
    fields: tuple[Field, ...]
    doc: str
    match_on: tuple[str, ...] = ()
    refines: str | None = None
    units: tuple[tuple[str, ...], ...] = ()
    counted: bool = False
    match_by: tuple[tuple[str, ...], ...] = ()
    personal: bool = False
    merchant_wide: bool = False
    is_movement: bool = False

    def field(self, name: str) -> Field:
        """The field of that name; ``KeyError`` names what exists."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.name} has no field {name!r}; it has {', '.join(f.name for f in self.fields)}")

    @property
    def refs(self) -> tuple[Field, ...]:
        """The fields that point at other entities."""
        return tuple(f for f in self.fields if f.ref)


@dataclass(slots=True)
class Row:
    """One canonical row: ``key`` is its source key (unique within entity and location), ``values`` its fields.

    Fields left out of ``values`` are null. ``source`` is the raw POS record the row came from, where there is one: field
    mappings read it, the source hash covers it. ``record`` names where in the snapshot it stands (``entity#id``).
    """

    entity: str
    key: str
    values: dict[str, Any]
    source: Mapping[str, Any] | None = None
    record: str = ""


@dataclass(frozen=True)
class Rejected:
    """A source record that cannot become a row; it goes to quarantine with its reason, never away."""

    entity: str
    key: str
    reason: str
    values: dict[str, Any] = field(default_factory=dict)
    record: str = ""


@dataclass(frozen=True)
class Loss:
    """One source field (or rule) without a home in AuraConnect, in an owner's words."""

    source_entity: str
    field: str
    records: int
    note: str
    examples: tuple[str, ...] = ()
    keys: tuple[str, ...] = dataclasses.field(default=(), compare=False, repr=False)
    """All records concerned, named like the examples, where the connector kept them: rules are found in orders by them."""
    money: str = dataclasses.field(default="", compare=False)
    """What went through these records in the orders carried over, with its currency; empty where that says nothing."""

    def as_dict(self) -> dict[str, Any]:
        """As a line of the loss report."""
        found: dict[str, Any] = {
            "source_entity": self.source_entity,
            "field": self.field,
            "records": self.records,
            "note": self.note,
            "examples": list(self.examples),
        }
        return {**found, "money": self.money} if self.money else found


@dataclass
class Batch:
    """All canonical rows of one location from one set of snapshots."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def add(
        self, entity: str, key: str, source: Mapping[str, Any] | None = None, record: str = "", /, **values: Any
    ) -> Row:
        """Append one row and return it."""
        row = Row(entity, key, values, source, record)
        self.rows.append(row)
        return row

    def add_all(self, other: Batch) -> None:
        """Take in what another mapping of the same location found; the entities are different ones."""
        self.rows += other.rows
        self.rejected += other.rejected
        self.losses += other.losses

    def reject(self, entity: str, key: str, reason: str, record: str = "", **values: Any) -> None:
        """Send one source record to quarantine."""
        self.rejected.append(Rejected(entity, key, reason, values, record))
