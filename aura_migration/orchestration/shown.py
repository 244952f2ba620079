"""What assets show in the Dagster UI: column schemas from the declarations, counts, previews, links. No personal data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from aura_migration.canonical.model import Entity

OWNERS = ["team:migrations"]
SAMPLE_ROWS = 20
_TYPES = {"text": "string", "int": "int", "cents": "int", "bool": "bool", "numeric": "decimal", "json": "json"}


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


def table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> dg.MarkdownMetadataValue:
    """A markdown table of at most ``SAMPLE_ROWS`` rows; says so when there were more."""
    listed = [list(row) for row in rows]
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(list(headings))]
    lines += ["| " + " | ".join(_cell(v) for v in row) + " |" for row in listed[:SAMPLE_ROWS]]
    if len(listed) > SAMPLE_ROWS:
        lines.append(f"\n{len(listed) - SAMPLE_ROWS} more rows are stored.")
    return dg.MetadataValue.md("\n".join(lines))


def counts_table(counts: Mapping[str, Mapping[str, int]]) -> dg.MarkdownMetadataValue:
    """Counts per entity and action."""
    actions = ("source", "create", "update", "unchanged", "merge", "skip", "conflict", "quarantine")
    lines = ["| entity | " + " | ".join(actions) + " |", "|" + "---|" * (len(actions) + 1)]
    lines += [f"| {name} | " + " | ".join(str(c.get(a, 0)) for a in actions) + " |" for name, c in counts.items()]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    return str("" if value is None else value).replace("|", "\\|").replace("\n", " ")[:120]
