"""What assets show in the Dagster UI: column schemas from the declarations, counts, previews, links. No personal data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.history.tables import Table
from aura_migration.canonical.model import Entity
from aura_migration.migration.workshop import Workshop

OWNERS = ["team:migrations"]
SAMPLE_ROWS = 20
PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 6
YES_NO = {True: "yes", False: "no", None: "not measured"}
COUNTED = ("source", "create", "update", "unchanged", "merge", "skip", "conflict", "quarantine")
_TYPES = {
    "text": "string",
    "int": "int",
    "cents": "int",
    "bool": "bool",
    "numeric": "decimal",
    "json": "json",
    "timestamp": "timestamp",
    "date": "date",
}


def column_schema(entity: Entity, *, keys: bool) -> dg.TableSchema:
    """The entity's columns as Dagster shows them; ``keys`` true for canonical rows (source keys), false for loaded ones."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=f.name if keys else f.target,
                type=("string" if keys else "int") if f.ref else _TYPES[f.kind],
                description=f.doc or (f"key of {f.ref}" if f.ref else None),
                constraints=dg.TableColumnConstraints(nullable=not f.required),
            )
            for f in entity.fields
        ]
    )


def history_schema(declared: Table, *, keys: bool) -> dg.TableSchema:
    """The columns of a table of the history; ``keys`` true for staged rows (source keys), false for loaded ones."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=c.name if keys else c.target,
                type=("string" if keys else "int") if c.ref else "int" if c.within else _TYPES[c.kind],
                description=f"key of {c.ref}" if c.ref else f"row of {c.within}" if c.within else None,
                constraints=dg.TableColumnConstraints(nullable=not c.required),
            )
            for c in declared.columns
        ]
    )


def console_page(workshop: Workshop, migration_id: int, step: str) -> dg.UrlMetadataValue:
    """Where the web console shows a migration, at one of its steps."""
    return dg.MetadataValue.url(f"{workshop.settings.public_url}/console/migrations/{migration_id}?step={step}")


def table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> dg.MarkdownMetadataValue:
    """A markdown table of at most ``SAMPLE_ROWS`` rows; says so when there were more."""
    listed = [list(row) for row in rows]
    cut = _markdown(headings, listed[:SAMPLE_ROWS])
    if len(listed) <= SAMPLE_ROWS:
        return cut
    return dg.MetadataValue.md(f"{cut.md_str}\n\nThe first {SAMPLE_ROWS}; all are stored in PostgreSQL.")


def whole_table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> dg.MarkdownMetadataValue:
    """A markdown table of all rows: for tables whose length is known to be small."""
    return _markdown(headings, rows)


def counts_table(counts: Mapping[str, Mapping[str, int]]) -> dg.MarkdownMetadataValue:
    """Counts per entity; the columns are those in which something is counted, zeros stay blank."""
    columns = list(dict.fromkeys(c for entry in counts.values() for c, number in entry.items() if number))
    columns = [c for c in COUNTED if c in columns] + [c for c in columns if c not in COUNTED]
    names = [n for n in ENTITIES if n in counts] + [n for n in counts if n not in ENTITIES]
    return _markdown(["entity", *columns], [[name, *[counts[name].get(c) or "" for c in columns]] for name in names])


def rows_preview(entity: Entity, rows: Iterable[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """The first staged rows of an entity of the menu, in the first columns that hold something. Not for entities about people."""
    listed = list(rows)
    used = [n for n in (f.name for f in entity.fields) if any(row.get(n) not in (None, [], {}) for row in listed)][
        :PREVIEW_COLUMNS
    ]
    return _markdown(used, [[row.get(n) for n in used] for row in listed])


def _markdown(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> dg.MarkdownMetadataValue:
    heads = list(headings)
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return dg.MetadataValue.md("\n".join([*lines, *("| " + " | ".join(_cell(v) for v in row) + " |" for row in rows)]))


def _cell(value: Any) -> str:
    return str("" if value is None else value).replace("|", "\\|").replace("\n", " ")[:120]
