"""Values that options and people put in place of the POS's: field mapping and corrections of quarantined records.

A row of a location often repeats a value of the shared row it refines. What is changed on the shared row is changed with
it there; otherwise the repeated old value would come back as an override.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.model import Entity, Row
from aura_migration.canonical.options import FieldMapping, aura_field_name
from aura_migration.canonical.transforms import transform
from aura_migration.core.errors import BadInput

MISSING = object()
CUSTOM = "custom_fields."
FIELDS_SHOWN = 40
Reasons = dict[tuple[str, str], list[str]]
Corrections = Mapping[tuple[str, str], Mapping[str, Any]]
Changes = dict[tuple[str, str], dict[str, tuple[Any, Any]]]
"""``(entity, key)`` → field → (value before, value now)."""


def apply_mappings(
    rows: Sequence[Row], mappings: Iterable[FieldMapping], reasons: Reasons, corrections: Corrections | None = None
) -> None:
    """Carry mapped fields over. A transform that fails on one record sends that record to quarantine.

    A field that somebody has corrected is not mapped: the correction stands in for what the transform could not make.
    Raises ``BadInput`` for a posField that no record has.
    """
    by_entity: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.source is not None:
            by_entity[row.entity].append(row)
    changes: Changes = {}
    for mapping in mappings:
        members = by_entity[mapping.entity]
        if not apply_mapping(mapping, members, reasons, corrections or {}, changes) and members:
            raise no_such_field(mapping, {name for row in members[:200] for name in paths(row.source or {})})
    _follow(rows, changes)


def apply_corrections(rows: Sequence[Row], corrections: Corrections) -> None:
    """Put in the values with which people corrected records."""
    changes: Changes = {}
    for row in rows:
        for name, value in corrections.get((row.entity, row.key), {}).items():
            _set(row, name, value, changes)
    _follow(rows, changes)


def apply_mapping(
    mapping: FieldMapping, rows: Iterable[Row], reasons: Reasons, corrections: Corrections, changes: Changes
) -> bool:
    """Carry one field over in rows of its entity that have a source; returns whether any of them has the POS's field."""
    name = aura_field_name(mapping).partition(".")[0]
    corrected = {key for key, values in corrections.items() if name in values}
    is_personal = ENTITIES[mapping.entity].personal
    change = transform(mapping.transform) if mapping.transform else None
    target = aura_field_name(mapping)
    found = False
    for row in rows:
        value = dig(row.source, mapping.pos_field)
        found = found or value is not MISSING
        if (row.entity, row.key) in corrected:
            continue
        if value is MISSING:
            if mapping.transform != "default":
                continue
            value = None
        try:
            mapped = change(value, **mapping.arguments) if change else value
        except (ValueError, TypeError, ArithmeticError) as error:
            problem = f"transform {mapping.transform} of {mapping.pos_field}"
            problem += " cannot make anything of its value" if is_personal else f": {error}"
            reasons.setdefault((row.entity, row.key), []).append(problem)
            continue
        if target.startswith(CUSTOM):
            custom = {**(row.values.get("custom_fields") or {}), target.removeprefix(CUSTOM): mapped}
            _set(row, "custom_fields", custom, changes)
        else:
            _set(row, target, mapped, changes)
    return found


def no_such_field(mapping: FieldMapping, known: Iterable[str]) -> BadInput:
    """The error for a posField that no record has; ``known`` are dotted paths that do occur."""
    shown = ", ".join(sorted(known)[:FIELDS_SHOWN]) or "none"
    return BadInput(
        f"posField {mapping.pos_field!r} occurs in no {mapping.entity} record of the POS.",
        f"Fields that occur: {shown}.",
    )


def _set(row: Row, name: str, value: Any, changes: Changes) -> None:
    before = row.values.get(name)
    row.values[name] = value
    mine = changes.setdefault((row.entity, row.key), {})
    mine[name] = (mine[name][0] if name in mine else before, value)


def _follow(rows: Iterable[Row], changes: Changes) -> None:
    """Where a location row repeats the former value of what it refines, it repeats the new one."""
    if not changes:
        return
    for row in rows:
        entity = ENTITIES[row.entity]
        if entity.refines is None:
            continue
        refined = _refined(entity, row)
        for name, (before, now) in changes.get(refined, {}).items() if refined else ():
            column = ENTITIES[refined[0]].field(name).target if refined else ""
            for field in entity.fields:
                is_it = field.target == column or field.base == column
                if is_it and not field.ref and row.values.get(field.name) == before and before is not None:
                    row.values[field.name] = now


def _refined(entity: Entity, row: Row) -> tuple[str, str] | None:
    """Entity and key of the shared row a location row refines: its most specific reference."""
    for ref in reversed(entity.refs):
        key = row.values.get(ref.name)
        if isinstance(key, str):
            return str(ref.ref), key
    return None


def dig(source: Any, dotted: str) -> Any:
    """The value at a dotted path of a record, or ``MISSING``. A number picks from a list."""
    value = source
    for part in dotted.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Sequence) and not isinstance(value, str) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def paths(source: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted paths of a record."""
    for name, value in source.items():
        yield prefix + name
        if isinstance(value, Mapping):
            yield from paths(value, f"{prefix}{name}.")
