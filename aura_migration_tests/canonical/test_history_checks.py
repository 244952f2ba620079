"""The two validators of a history, read off one declaration: the Python and the SQL judge alike, whatever is sent."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aura_migration.canonical.history import checks, shapes
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.staging import stage_history
from aura_migration.canonical.history.tables import TABLES, Column, Table
from aura_migration.database.connections import connect
from aura_migration_tests.support.histories import NOW, Told, record, row_of, told
from aura_migration_tests.support.menus import rows

LATEST = date(2029, 10, 1)
INTEGERS = {"int": 31, "cents": 63}


def sound(column: Column) -> st.SearchStrategy[Any]:
    """Values that may be loaded."""
    if column.choices:
        return st.sampled_from(column.choices)
    if column.kind in INTEGERS:
        limit = 2 ** INTEGERS[column.kind]
        return st.integers(-limit, limit - 1) | st.integers(-5, 5)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "text": st.text(max_size=8),
        "bool": st.booleans(),
        "numeric": st.decimals(-(10**14), 10**14, places=4).map(str) | st.sampled_from(["0", "1.5", "-.5", "1e3"]),
        "json": st.sampled_from(["{}", '["absurd_date"]', '{"a": "\\\\u0000 \\\\ud800"}', "null", "1"]),
        "timestamp": st.datetimes().map(lambda at: at.isoformat() + "+00:00"),
        "date": st.dates(checks.EARLIEST, LATEST).map(str),
    }
    return kinds[column.kind]


def wrong(column: Column) -> st.SearchStrategy[Any]:
    """Values that may not be loaded in some kinds of column."""
    limits = [2**31, 2**63, -(2**63) - 1] if column.kind in INTEGERS else []
    others = [
        "",
        "pigeon",
        "2026-02-30",
        "12.5",
        "NaN",
        "-Infinity",
        "1e15",
        "1e200000",
        "{",
        "{}x",
        "2026-01-01T25:00:00Z",
    ]
    edges = ["1989-12-31", "2029-10-02", "9999-12-31"] if column.kind == "date" else []
    usable = [value for value in others if value or column.kind != "bool"]
    return st.none() | st.sampled_from(
        [*limits, *edges, *usable] if column.kind != "text" or column.choices else [None]
    )


@st.composite
def documents(draw: st.DrawFn, table: Table) -> Told:
    """A document of one row, with one or two columns drawn from what is wrong."""
    odd = draw(st.sets(st.sampled_from([column.name for column in table.columns]), max_size=2))
    values = {
        c.name: draw(wrong(c) if c.name in odd else sound(c)) for c in table.columns if c.required or c.name in odd
    }
    more = draw(st.sets(st.sampled_from([column.name for column in table.columns])))
    values |= {c.name: draw(sound(c) | st.none()) for c in table.columns if not c.required and c.name in more - odd}
    return told(table.name, "K", (table.name, values))


ROOTS = [table for table in TABLES if table.is_root]


def test_both_validators_accept_and_reject_the_same_rows(database: str, tmp_path: Path) -> None:
    sent: list[Told] = []

    @settings(max_examples=200, deadline=None, phases=[Phase.generate], derandomize=True, database=None)
    @given(st.sampled_from(ROOTS).flatmap(documents))
    def collect(drawn: Told) -> None:
        sent.append(drawn | {"key": f"K{len(sent):04}"})

    collect()
    stage_history(database, 1, record(tmp_path, {"orders": [sent]}), rules="r", now=NOW)
    with connect(database) as connection:
        query = f"SELECT source_key, fault FROM {shapes.staged(1, 'documents').as_string(None)}"
        found: dict[str, str] = dict(rows(connection, query))
    rejected = 0
    for one in sent:
        table, values = one["rows"][0]
        expected = checks.problems(Document(one["kind"], one["key"], "", [row_of(table, values)]), LATEST)
        assert sorted(expected) == sorted(filter(None, found[one["key"]].split("; "))), (table, values)
        rejected += bool(expected)
    assert 40 < rejected < len(sent) - 40
