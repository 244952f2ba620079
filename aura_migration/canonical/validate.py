"""Whether rows may go on: a pandera schema compiled from each entity's declaration on first use.

pandas and pandera are imported where they are used, so that loading the code location does not pay for them. What is
wrong across rows (duplicate keys, dangling references) is judged in ``stage.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any

from aura_migration.canonical.menu import ENTITIES
from aura_migration.canonical.model import Field, Row

if TYPE_CHECKING:
    import pandera.pandas as pa

LARGEST = 10**15
"""No price, count or position of a restaurant is beyond this; anything that is comes from a decoding error."""


def acceptable(field: Field, value: Any) -> str | None:
    """Why a value is not acceptable for a field, in an owner's words; None when it is. The rule the schema is made of."""
    if value is None:
        return f"{field.name} is missing" if field.required else None
    problem = _wrong_type(field, value)
    if problem:
        return problem
    if field.choices and value not in field.choices:
        return f"{field.name} is {value!r}, not one of {', '.join(field.choices)}"
    if field.minimum is not None and value < field.minimum:
        return f"{field.name} is {value}, below {field.minimum}"
    if field.max_length is not None and len(value) > field.max_length:
        return f"{field.name} has {len(value)} characters, more than {field.max_length}"
    return None


def _wrong_type(field: Field, value: Any) -> str | None:
    kind = field.kind
    if kind == "text":
        if not isinstance(value, str):
            return f"{field.name} is not a text"
        if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
            return f"{field.name} holds characters that no database can store"
        if field.required and not value:
            return f"{field.name} is empty"
    elif kind in ("int", "cents"):
        if type(value) is not int:
            return f"{field.name} is not a whole number"
        if abs(value) > LARGEST:
            return f"{field.name} is {value}, which cannot be right"
    elif kind == "bool":
        if type(value) is not bool:
            return f"{field.name} is neither true nor false"
    elif kind == "numeric":
        try:
            number = Decimal(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or abs(number) > LARGEST:
            return f"{field.name} is not an exact number"
    elif kind == "json" and not isinstance(value, (list, dict, tuple)):
        return f"{field.name} is not a list or mapping"
    return None


@cache
def schema(entity_name: str) -> pa.DataFrameSchema:
    """The pandera schema of an entity. Columns are objects: null, text, int and bool keep their exact Python values."""
    import pandera.pandas as pa

    def column(field: Field) -> pa.Column:
        return pa.Column(
            object,
            checks=pa.Check(
                lambda series: series.map(lambda value: acceptable(field, value) is None),
                name=field.name,
                ignore_na=False,
            ),
            nullable=True,
            required=True,
        )

    entity = ENTITIES[entity_name]
    return pa.DataFrameSchema({f.name: column(f) for f in entity.fields}, name=entity_name, strict=True)


def invalid(entity_name: str, rows: Sequence[Row]) -> dict[int, list[str]]:
    """Positions of the rows that fail their schema, each with all its reasons."""
    import pandas as pd
    import pandera.errors

    if not rows:
        return {}
    entity = ENTITIES[entity_name]
    names = [f.name for f in entity.fields]
    reasons: dict[int, list[str]] = {}
    for position, row in enumerate(rows):
        unknown = sorted(set(row.values) - set(names))
        if unknown:
            reasons.setdefault(position, []).append(f"{entity_name} has no field {', '.join(unknown)}")
    frame = pd.DataFrame({n: pd.Series([row.values.get(n) for row in rows], dtype=object) for n in names})
    try:
        schema(entity_name).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        for position, check in zip(cases["index"], cases["column"], strict=True):
            field = entity.field(str(check))
            problem = acceptable(field, rows[int(position)].values.get(field.name))
            if problem is not None:
                reasons.setdefault(int(position), []).append(problem)
    return reasons
