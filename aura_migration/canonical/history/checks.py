"""What a document must keep to be loaded, read off the declaration of the rows: in SQL for a million rows, and in Python.

The SQL (``find_faults``) judges what was staged; the Python (``problems``) says of one document, which the database would not
take, why. Both answer the same (tested). That references within a document lead somewhere is seen to in ``writing.py``,
where they are resolved. Whether amounts add up is not asked here: history is loaded as sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg import sql

from aura_migration.canonical.history import shapes
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.tables import BY_ROW, TABLES, Column, Table
from aura_migration.canonical.history.writing import NULL
from aura_migration.database.connections import Connection

EARLIEST = date(1990, 1, 1)
"""Before this no POS of these kept books."""
YEARS_AHEAD = 3
"""A business day further ahead of now is a mistake, also for an order that is booked for later."""
LARGEST_NUMBER = 10**15
"""Quantities, rates and fractions of a cent are smaller than this."""
NUMERIC_DIGITS = 131_072
"""Digits before the point that PostgreSQL's numbers can have."""
REASON_LENGTH = 1_000
_DIGITS = {"int": 31, "cents": 63}
_NUMERIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WRONG = {
    "int": "is not a whole number, or too large",
    "cents": "is not a whole number, or too large",
    "bool": "is neither true nor false",
    "numeric": "is not a number, or too large",
    "json": "is not JSON",
    "timestamp": "is not an instant",
    "date": "is not a day",
    "text": "cannot be stored",
}


def latest_day(now: datetime) -> date:
    """The last business day that is believed, as seen from business time ``now``."""
    return date(now.year + YEARS_AHEAD, now.month, 1)


def _is_day_of_business(column: Column) -> bool:
    return column.name == "business_date"


def _wrong(column: Column) -> str:
    return _WRONG[column.kind]


def _range(latest: date) -> str:
    return f"is not between {EARLIEST} and {latest}"


def _choices(column: Column) -> str:
    return f"is none of {', '.join(column.choices)}"


# -- SQL ----------------------------------------------------------------------------------------------------------------


def find_faults(connection: Connection, migration_id: int, tables: Sequence[str], latest: date) -> int:
    """Note in ``fault`` what is wrong with staged documents, table and column named; returns how many are found wrong.

    ``tables`` are those that have rows. Call it inside a transaction.
    """
    parts = [
        sql.SQL("SELECT batch, doc, concat_ws('; ', {}) AS reason FROM {} WHERE {}").format(
            sql.SQL(", ").join(
                sql.SQL("CASE WHEN {} THEN {} END").format(condition, sql.Literal(reason))
                for condition, reason in rules
            ),
            shapes.staged(migration_id, table.name),
            sql.SQL(" OR ").join(condition for condition, _ in rules),
        )
        for table in TABLES
        if table.name in tables
        for rules in (_rules(table, latest),)
    ]
    if not parts:
        return 0
    connection.execute("DROP TABLE IF EXISTS pg_temp.history_faults")
    connection.execute(
        sql.SQL("CREATE TEMP TABLE history_faults ON COMMIT DROP AS {}").format(sql.SQL(" UNION ALL ").join(parts))
    )
    found = connection.execute(
        sql.SQL(
            "UPDATE {} d SET fault = f.reason FROM (SELECT batch, doc, left(string_agg(DISTINCT reason, '; ' ORDER BY reason), {}) "
            "AS reason FROM history_faults GROUP BY batch, doc) f WHERE d.batch = f.batch AND d.doc = f.doc AND d.fault = ''"
        ).format(shapes.staged(migration_id, shapes.DOCUMENTS), sql.Literal(REASON_LENGTH))
    )
    connection.execute("DROP TABLE pg_temp.history_faults")
    return found.rowcount


def _rules(table: Table, latest: date) -> list[tuple[sql.Composable, str]]:
    """What may be wrong with a staged row: condition and reason."""
    rules: list[tuple[sql.Composable, str]] = []
    for column in table.columns:
        name, label = sql.Identifier(column.name), f"{table.name}.{column.name}"
        if column.required:
            rules.append((sql.SQL("{} IS NULL").format(name), f"{label} is missing"))
        if column.choices:
            among = sql.SQL(", ").join(map(sql.Literal, column.choices))
            rules.append((sql.SQL("{} NOT IN ({})").format(name, among), f"{label} {_choices(column)}"))
        if column.kind in ("date", "timestamp"):
            rules.append((sql.SQL("NOT isfinite({})").format(name), f"{label} {_wrong(column)}"))
        if _is_day_of_business(column):
            limits = (name, name, sql.Literal(EARLIEST.isoformat()), sql.Literal(latest.isoformat()))
            condition = sql.SQL("(isfinite({}) AND {} NOT BETWEEN {}::date AND {}::date)").format(*limits)
            rules.append((condition, f"{label} {_range(latest)}"))
        if column.kind == "numeric":
            condition = sql.SQL("abs({}) >= {}").format(name, sql.Literal(LARGEST_NUMBER))  # NaN is the greatest
            rules.append((condition, f"{label} {_wrong(column)}"))
    return rules


# -- Python -------------------------------------------------------------------------------------------------------------


def problems(document: Document, latest: date) -> list[str]:
    """What is wrong with the values of a document, in the words of :func:`find_faults`."""
    found: dict[str, None] = {}
    for row in document.rows:
        table = BY_ROW[row.__class__]
        for column, value in zip(table.columns, row, strict=True):
            for reason in _problems(column, value, latest):
                found.setdefault(f"{table.name}.{column.name} {reason}")
    return list(found)


def _problems(column: Column, value: Any, latest: date) -> Iterator[str]:
    if value is None or value == NULL:
        if column.required:
            yield "is missing"
        return
    if not _is_storable(column.kind, value):
        yield _wrong(column)
        return
    if column.choices and value not in column.choices:
        yield _choices(column)
    if _is_day_of_business(column) and not EARLIEST <= date.fromisoformat(value) <= latest:
        yield _range(latest)


def _is_storable(kind: str, value: Any) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind in _DIGITS:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and -(2 ** _DIGITS[kind]) <= value < 2 ** _DIGITS[kind]
        )
    if not isinstance(value, str):
        return False
    if kind == "numeric":
        return _NUMERIC.fullmatch(value) is not None and abs(Decimal(value)) < LARGEST_NUMBER
    if kind == "json":
        return _parses(_read_json, value)
    if kind == "date":
        return _DAY.fullmatch(value) is not None and _parses(date.fromisoformat, value)
    if kind == "timestamp":
        return _parses(datetime.fromisoformat, value)
    return True


def _read_json(text: str) -> None:
    json.loads(text, parse_constant=_refuse, parse_float=_bounded, strict=False)


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _bounded(number: str) -> None:
    if Decimal(number).adjusted() >= NUMERIC_DIGITS:
        raise ValueError("too large")


def _parses(read: Any, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
