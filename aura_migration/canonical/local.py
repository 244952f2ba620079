"""What a location has of the shared rows: the location rows a connector did not spell out are derived here.

A connector's shared rows say what *this* location's POS says. Whether that becomes the shared value (first location) or
an override (later ones) is decided by the planner, which compares the location row with the shared row as it will stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.model import Entity, Row
from aura_migration.core.ids import path

Rows = Mapping[str, list[Row]]
DERIVED = ("menu_locations", "category_locations", "group_locations")
"""Location entities whose rows follow from the shared rows alone; items and options say for themselves where they are sold."""


def complete_location_rows(rows: Rows) -> None:
    """Give every menu, category and group of this location its location row, and every location row the values it left out.

    ``rows`` is changed in place: derived rows are appended under their entity. Without exactly one location row there is
    no location to speak of, and nothing is derived.
    """
    if len(rows["locations"]) != 1:
        return
    location = rows["locations"][0].key
    for entity in ENTITIES.values():
        if entity.refines is None:
            continue
        shared = {str(ref.ref): {row.key: row for row in rows[str(ref.ref)]} for ref in entity.refs}
        for row in rows[entity.name]:
            base = _refined(entity, row, shared)
            if base is not None:
                _fill(entity, row, base)
        if entity.name in DERIVED:
            reference = entity.refs[0].name
            present = {row.values.get(reference) for row in rows[entity.name]}
            for key, base in shared[entity.refines].items():
                if key not in present:
                    row = Row(entity.name, path(location, *key.split("/")), {reference: key}, None, base.record)
                    _fill(entity, row, base)
                    rows[entity.name].append(row)


def _refined(entity: Entity, row: Row, shared: Mapping[str, Mapping[str, Row]]) -> Row | None:
    """The shared row a location row refines: that of its most specific reference."""
    for ref in reversed(entity.refs):
        key = row.values.get(ref.name)
        if key is not None:
            return shared[str(ref.ref)].get(key)
    return None


def _fill(entity: Entity, row: Row, base: Row) -> None:
    """Values the location row leaves out are those its own shared row has; a price comes whole or not at all."""
    own, shared = row.values, base.values
    singles, wholes = _units(entity.name)
    # By what the shared row has, which is a few of many columns.
    for source, value in shared.items():
        if value is not None and source in singles:
            name = singles[source]
            if own.get(name) is None:
                own[name] = value
    for unit in wholes:
        if all(own.get(name) is None for name, _ in unit):
            own.update((name, shared[source]) for name, source in unit if shared.get(source) is not None)


Units = tuple[Mapping[str, str], tuple[tuple[tuple[str, str], ...], ...]]


@cache
def _units(entity_name: str) -> Units:
    """The units of a location entity: of one column, its name by that on the shared row; of several, pairs of both names."""
    entity = ENTITIES[entity_name]
    units = [tuple((name, entity.field(name).base or name) for name in unit) for unit in entity.units]
    return (
        {source: name for unit in units if len(unit) == 1 for name, source in unit},
        tuple(unit for unit in units if len(unit) > 1),
    )
