"""Whether rows may go on: a pandera schema compiled from each entity's declaration on first use.

Columns are looked at as wholes first (``is_plain``). A frame is made, and pandera asked, only of an entity in which some
column is not plain: most have none, and import and frame cost more than everything else. What is wrong across rows
(duplicate keys, dangling references) is judged in ``stage.py``.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.model import Field, Row
from aura_migration.core.clock import utc_text

if TYPE_CHECKING:
    import pandera.pandas as pa

LARGEST = 10**15
"""No price of a restaurant is beyond this; anything that is comes from a decoding error."""
LARGEST_INT = 2**31 - 1
"""What AuraConnect's integer columns (counts, positions) hold."""
PRECISION = {"rate_percent": (4, 8), "multiplication_factor": (6, 6), "quantity": (10, 4), "threshold": (10, 4)}
"""Digits before and after the point that AuraConnect's column holds, by field of kind numeric."""
INDEXED = {"sku": 500}
"""Longest text, in characters, of fields whose column is indexed and that declare no length of their own."""
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")


def acceptable(field: Field, value: Any) -> str | None:
    """Why a value is not acceptable for a field, in an owner's words; None when it is. A personal value is not repeated."""
    if value is None:
        return f"{field.name} is missing" if field.required else None
    problem = _wrong_type(field, value)
    if problem:
        return problem
    if field.choices and value not in field.choices:
        return f"{field.name} is {_shown(field, repr(value))}, not one of {', '.join(field.choices)}"
    if field.minimum is not None and value < field.minimum:
        return f"{field.name} is {_shown(field, value)}, below {field.minimum}"
    if field.max_length is not None and len(value) > field.max_length:
        return f"{field.name} has {len(value)} characters, more than {field.max_length}"
    return None


def _shown(field: Field, value: Any) -> str:
    return "[a personal value]" if field.personal else str(value)


def _wrong_type(field: Field, value: Any) -> str | None:
    kind = field.kind
    if kind == "text":
        if not isinstance(value, str):
            return f"{field.name} is not a text"
        if not is_storable(value):
            return f"{field.name} holds characters that no database can store"
        if field.required and not value:
            return f"{field.name} is empty"
        longest = INDEXED.get(field.name)
        if longest is not None and len(value) > longest:
            return f"{field.name} has {len(value)} characters, more than {longest}"
    elif kind in ("int", "cents"):
        if type(value) is not int:
            return f"{field.name} is not a whole number"
        if abs(value) > (LARGEST_INT if kind == "int" else LARGEST):
            return f"{field.name} is {_shown(field, value) if abs(value) < LARGEST**2 else 'enormous'}, which cannot be right"
    elif kind == "bool":
        if type(value) is not bool:
            return f"{field.name} is neither true nor false"
    elif kind == "numeric":
        return _wrong_number(field, value)
    elif kind in ("timestamp", "date"):
        return _wrong_time(field, value)
    elif kind == "json":
        if not isinstance(value, (list, dict, tuple)):
            return f"{field.name} is not a list or mapping"
        if not is_json(value):
            return f"{field.name} holds something that JSON or the database cannot store"
    return None


def _wrong_number(field: Field, value: Any) -> str | None:
    if (
        type(value) not in (str, int)
        or (type(value) is int and abs(value) > LARGEST)
        or not _DECIMAL.fullmatch(str(value))
    ):
        return f"{field.name} is not an exact number"
    whole, _, fraction = str(value).lstrip("-").partition(".")
    digits, decimals = PRECISION.get(field.name, (15, 15))
    if len(whole.lstrip("0")) > digits:
        return f"{field.name} is {_shown(field, value)}, which cannot be right"
    if len(fraction.rstrip("0")) > decimals:
        return f"{field.name} is {_shown(field, value)}, finer than the {decimals} decimals AuraConnect keeps"
    return None


def _wrong_time(field: Field, value: Any) -> str | None:
    """One text per day or instant: what is written differently in AuraConnect would look changed for ever."""
    what, example = ("a day", "2026-01-31") if field.kind == "date" else ("an instant", "2026-01-31T17:00:00+00:00")
    try:
        read = date.fromisoformat(value).isoformat() if field.kind == "date" else _instant(value)
    except (TypeError, ValueError, OverflowError):
        return f"{field.name} is not {what} like {example}"
    return None if read == value else f"{field.name} is {_shown(field, value)}, not written like {example}"


def _instant(value: str) -> str:
    return utc_text(datetime.fromisoformat(value))


def is_storable(text: str) -> bool:
    """Whether a text can stand in PostgreSQL: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and (text.isascii() or not _SURROGATE.search(text))


def is_json(value: Any) -> bool:
    """Whether a value of lists and mappings goes into jsonb and comes back the same."""
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and is_storable(k) and is_json(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return all(is_json(v) for v in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= LARGEST
    return value is None


Judge = Callable[[Iterable[Any]], list[bool]]


@cache
def accepts(field: Field) -> Judge:
    """The same rule once more, without words and for a whole column: what the schema asks of every value."""
    choices, nothing = frozenset(field.choices), not field.required
    longest = min(n for n in (field.max_length, INDEXED.get(field.name), sys.maxsize) if n is not None)
    shortest = 1 if field.required else 0
    lowest = field.minimum if field.minimum is not None else -LARGEST
    largest = LARGEST_INT if field.kind == "int" else LARGEST
    lowest = max(lowest, -largest)

    def text(value: str) -> bool:
        return shortest <= len(value) <= longest and (value in choices if choices else is_storable(value))

    judges: dict[str, Judge] = {
        "text": lambda values: [nothing if v is None else isinstance(v, str) and text(v) for v in values],
        "int": lambda values: [nothing if v is None else type(v) is int and lowest <= v <= largest for v in values],
        "bool": lambda values: [nothing if v is None else v is True or v is False for v in values],
        "numeric": lambda values: [nothing if v is None else _wrong_number(field, v) is None for v in values],
        "timestamp": lambda values: [nothing if v is None else _wrong_time(field, v) is None for v in values],
        "date": lambda values: [nothing if v is None else _wrong_time(field, v) is None for v in values],
        "json": lambda values: [
            nothing if v is None else isinstance(v, (list, dict, tuple)) and is_json(v) for v in values
        ],
    }
    return judges["int" if field.kind == "cents" else field.kind]


@cache
def is_plain(field: Field) -> Callable[[Sequence[Any]], bool]:
    """Whether all values of a column are acceptable, for columns in which this shows at a glance; never true wrongly.

    The glance is at the column as a whole: its types, its extremes, its texts as one. Kinds without such a whole are judged
    value by value, equal values once.
    """
    judge = accepts(field)
    longest = min(n for n in (field.max_length, INDEXED.get(field.name), sys.maxsize) if n is not None)
    shortest = 1 if field.required else 0

    def text(values: Sequence[Any]) -> bool:
        if set(map(type, values)) != {str}:
            return False
        if field.choices:
            return all(judge(set(values)))
        lengths = set(map(len, values))
        return shortest <= min(lengths) and max(lengths) <= longest and is_storable("\n".join(values))

    def number(values: Sequence[Any]) -> bool:
        return set(map(type, values)) == {int} and all(judge((min(values), max(values))))

    def truth(values: Sequence[Any]) -> bool:
        return set(map(type, values)) == {bool}

    def distinct(values: Sequence[Any]) -> bool:
        return set(map(type, values)) <= {str, int} and all(judge(set(values)))

    def each(values: Sequence[Any]) -> bool:
        return all(judge(values))

    glances = {"text": text, "int": number, "cents": number, "bool": truth, "json": each}
    glance = glances.get(field.kind, distinct)

    def whole(values: Sequence[Any]) -> bool:
        present = [v for v in values if v is not None]
        return (len(present) == len(values) or not field.required) and (not present or glance(present))

    return whole


def _judged(series: Any, field: Field) -> Any:
    """The verdicts of a column as a series of its index."""
    return type(series)(accepts(field)(series.to_numpy().tolist()), index=series.index, dtype=bool)


@cache
def schema(entity_name: str) -> pa.DataFrameSchema:
    """The pandera schema of an entity. Columns are objects: null, text, int and bool keep their exact Python values."""
    import pandera.pandas as pa

    def column(field: Field) -> pa.Column:
        # No dtype: ``invalid`` makes the columns objects, and asking each of them what it is costs more than the check.
        return pa.Column(
            None,
            checks=pa.Check(lambda series: _judged(series, field), name=field.name, ignore_na=False),
            nullable=True,
            required=True,
        )

    entity = ENTITIES[entity_name]
    return pa.DataFrameSchema({f.name: column(f) for f in entity.fields}, name=entity_name, strict=True)


def invalid(entity_name: str, rows: Sequence[Row]) -> dict[int, list[str]]:
    """Positions of the rows that fail their schema, each with all its reasons."""
    if not rows:
        return {}
    fields = ENTITIES[entity_name].fields
    names = {f.name for f in fields}
    reasons: dict[int, list[str]] = {}
    for position, row in enumerate(rows):
        if not row.values.keys() <= names:
            unknown = ", ".join(sorted(row.values.keys() - names))
            reasons.setdefault(position, []).append(f"{entity_name} has no field {unknown}")
    if not all(is_plain(field)([row.values.get(field.name) for row in rows]) for field in fields):
        _refused(entity_name, rows, reasons)
    return reasons


def _refused(entity_name: str, rows: Sequence[Row], reasons: dict[int, list[str]]) -> None:
    """Add why pandera refuses rows to ``reasons``."""
    import pandas as pd
    import pandera.errors

    entity = ENTITIES[entity_name]
    frame = pd.DataFrame(
        {f.name: pd.Series([row.values.get(f.name) for row in rows], dtype=object) for f in entity.fields}
    )
    try:
        schema(entity_name).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        for position, check in zip(cases["index"], cases["column"], strict=True):
            field = entity.field(str(check))
            problem = acceptable(field, rows[int(position)].values.get(field.name))
            if problem is not None:
                reasons.setdefault(int(position), []).append(problem)
