"""The vocabulary in which columns of the history are declared: plain annotations, read by ``tables.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Ref:
    """The value is the source key of a row of this entity; the column is ``<x>_id``, null where nothing has that key.

    ``entity`` is an entity of menu or people (found through the crosswalk) or a kind of document (found in the ledger
    of the history).
    """

    entity: str


@dataclass(frozen=True)
class Within:
    """The value is the place (from 0) of a row of this table within the same document; the column is that row's id."""

    table: str
    column: str


@dataclass(frozen=True)
class OneOf:
    """The value is one of these."""

    choices: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """How the value travels and which column type it has: see ``Field.kind``."""

    name: str


Cents = Annotated[int, Kind("cents")]
"""Minor units of the location's currency."""
MaybeCents = Annotated[int | None, Kind("cents")]
Exact = Annotated[str, Kind("numeric")]
"""An exact decimal number as text."""
MaybeExact = Annotated[str | None, Kind("numeric")]
Instant = Annotated[str, Kind("timestamp")]
"""The UTC text of ``core.clock.utc_text``."""
MaybeInstant = Annotated[str | None, Kind("timestamp")]
Day = Annotated[str, Kind("date")]
"""YYYY-MM-DD."""
MaybeDay = Annotated[str | None, Kind("date")]
MaybeJson = Annotated[str | None, Kind("json")]
"""Encoded JSON."""
