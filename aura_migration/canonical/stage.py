"""From a connector's batch to staged rows: field mapping, corrections, validation, limited menu, quarantine.

Every row of the batch ends in ``staging.rows``, with a verdict where it may not go on (``quarantine``, ``skip``); the
planner takes it from there. Nothing is dropped: rows that fail stand in ``migration.quarantine`` with their reasons.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.canonical import validate
from aura_migration.canonical.local import complete_location_rows
from aura_migration.canonical.menu import ENTITIES
from aura_migration.canonical.model import Batch, Loss, Rejected, Row
from aura_migration.canonical.options import FieldMapping, MigrationOptions, aura_field_name
from aura_migration.canonical.scope import left_out
from aura_migration.canonical.transforms import transform
from aura_migration.core.errors import BadInput
from aura_migration.core.ids import canonical_json, content_hash

MISSING = object()
Reasons = dict[tuple[str, str], list[str]]


@dataclass
class Staged:
    """What was staged: rows, quarantined and skipped per entity, and the losses."""

    entities: dict[str, dict[str, int]] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All rows, whatever became of them."""
        return sum(c["rows"] + c["quarantined"] + c["skipped"] for c in self.entities.values())

    def as_dict(self) -> dict[str, Any]:
        """``{"total", "entities": {…}, "losses": […]}``."""
        return {"total": self.total, "entities": self.entities, "losses": [asdict(loss) for loss in self.losses]}


def stage_rows(
    connection: psycopg.Connection[Any], migration_id: int, batch: Batch, options: MigrationOptions
) -> Staged:
    """Check a batch and replace the migration's staged rows by it, in one transaction.

    Raises ``BadInput`` for options that fit no record (unknown posField, unknown transform, unknown scope ids).
    """
    for row in batch.rows:
        if row.entity not in ENTITIES:
            raise KeyError(f"the connector emitted a row of unknown entity {row.entity!r}")
    reasons: Reasons = defaultdict(list)
    rows = _distinct([*batch.rows, *_revived(connection, migration_id, batch.rejected)], reasons)
    rejected = _still_rejected(batch.rejected, rows)
    _apply_mappings(rows, options.field_mapping, reasons)
    _apply_corrections(connection, migration_id, rows)
    by_entity: dict[str, list[Row]] = {name: [] for name in ENTITIES}
    for row in rows:
        by_entity[row.entity].append(row)
    complete_location_rows(by_entity)
    for name, members in by_entity.items():
        for position, problems in validate.invalid(name, members).items():
            reasons[name, members[position].key] += problems
    dangling = _drop_dangling(by_entity, rejected)
    out = left_out(by_entity, options.scope)
    with connection.transaction():
        staged = _write(connection, migration_id, by_entity, rejected, reasons, out, options)
        _quarantine(connection, migration_id, by_entity, rejected, reasons)
    staged.losses = [*batch.losses, *dangling]
    return staged


def _distinct(rows: Iterable[Row], reasons: Reasons) -> list[Row]:
    """One row per entity and key: an exact repetition is one record, a contradiction goes to quarantine."""
    seen: dict[tuple[str, str], Row] = {}
    for row in rows:
        first = seen.setdefault((row.entity, row.key), row)
        if first is not row and first.values != row.values:
            reasons[row.entity, row.key].append("the POS sent two different records under this id")
    return list(seen.values())


def _revived(connection: psycopg.Connection[Any], migration_id: int, rejected: Iterable[Rejected]) -> list[Row]:
    """Records the connector rejected that somebody has corrected since."""
    corrected = _corrections(connection, migration_id)
    return [Row(r.entity, r.key, dict(r.values), None, r.record) for r in rejected if (r.entity, r.key) in corrected]


def _still_rejected(rejected: Iterable[Rejected], rows: Iterable[Row]) -> list[Rejected]:
    present = {(row.entity, row.key) for row in rows}
    kept: dict[tuple[str, str], Rejected] = {}
    for r in rejected:
        if (r.entity, r.key) not in present:
            kept.setdefault((r.entity, r.key), r)
    return list(kept.values())


def _corrections(connection: psycopg.Connection[Any], migration_id: int) -> dict[tuple[str, str], dict[str, Any]]:
    found = connection.execute(
        "SELECT entity, source_key, correction FROM migration.quarantine WHERE migration_id = %s AND correction IS NOT NULL",
        [migration_id],
    ).fetchall()
    return {(entity, key): correction for entity, key, correction in found}


def _apply_corrections(connection: psycopg.Connection[Any], migration_id: int, rows: Iterable[Row]) -> None:
    corrected = _corrections(connection, migration_id)
    for row in rows:
        row.values.update(corrected.get((row.entity, row.key), {}))


def _apply_mappings(rows: Iterable[Row], mappings: Iterable[FieldMapping], reasons: Reasons) -> None:
    """Carry mapped fields over; a transform that fails on one record sends that record to quarantine."""
    by_entity: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.source is not None:
            by_entity[row.entity].append(row)
    for mapping in mappings:
        change = transform(mapping.transform) if mapping.transform else None
        target = aura_field_name(mapping)
        found = False
        for row in by_entity[mapping.entity]:
            value = _dig(row.source, mapping.pos_field)
            if value is MISSING:
                continue
            found = True
            try:
                mapped = change(value, **mapping.arguments) if change else value
            except (ValueError, TypeError) as error:
                reasons[row.entity, row.key].append(f"transform {mapping.transform} of {mapping.pos_field}: {error}")
                continue
            if target.startswith("custom_fields."):
                row.values["custom_fields"] = {
                    **(row.values.get("custom_fields") or {}),
                    target.partition(".")[2]: mapped,
                }
            else:
                row.values[target] = mapped
        if not found:
            known = sorted({name for row in by_entity[mapping.entity][:200] for name in _paths(row.source or {})})
            raise BadInput(
                f"posField {mapping.pos_field!r} occurs in no {mapping.entity} record of the POS.",
                f"Fields that occur: {', '.join(known[:40]) or 'none'}.",
            )


def _dig(source: Any, dotted: str) -> Any:
    value = source
    for part in dotted.split("."):
        if not isinstance(value, dict) or part not in value:
            return MISSING
        value = value[part]
    return value


def _paths(source: Any, prefix: str = "") -> Iterator[str]:
    for name, value in source.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")


def _drop_dangling(by_entity: dict[str, list[Row]], rejected: Iterable[Rejected]) -> list[Loss]:
    """Null out optional references to records the POS did not send, and say so."""
    known: dict[str, set[str]] = {name: {row.key for row in rows} for name, rows in by_entity.items()}
    for r in rejected:
        known[r.entity].add(r.key)
    losses: list[Loss] = []
    for name, rows in by_entity.items():
        for ref in ENTITIES[name].refs:
            if ref.required or ref.ref is None:
                continue
            dangling = [
                row for row in rows if (key := row.values.get(ref.name)) is not None and key not in known[ref.ref]
            ]
            for row in dangling:
                row.values[ref.name] = None
            if dangling:
                losses.append(
                    Loss(
                        name,
                        ref.name,
                        len(dangling),
                        f"points to {ref.ref} that the POS no longer has; the reference is left empty",
                        tuple(row.key for row in dangling[:5]),
                    )
                )
    return losses


def _write(
    connection: psycopg.Connection[Any],
    migration_id: int,
    by_entity: dict[str, list[Row]],
    rejected: Iterable[Rejected],
    reasons: Reasons,
    out: dict[str, set[str]],
    options: MigrationOptions,
) -> Staged:
    staged = Staged()
    connection.execute("DELETE FROM staging.rows WHERE migration_id = %s", [migration_id])
    seq = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY staging.rows (migration_id, entity, source_key, seq, content, source_hash, record, verdict, reason) FROM STDIN"
        ) as copy,
    ):
        for name, rows in by_entity.items():
            counts = {"rows": 0, "quarantined": 0, "skipped": 0}
            for row in rows:
                verdict, reason = _verdict(row, reasons, out, options)
                counts["rows" if verdict is None else "quarantined" if verdict == "quarantine" else "skipped"] += 1
                seq += 1
                content = canonical_json(row.values).decode()
                if verdict == "quarantine":
                    content = _storable(content)
                hashed = content_hash(row.source if row.source is not None else row.values)
                copy.write_row(
                    (migration_id, name, row.key, seq, content, hashed, row.record, verdict, _storable(reason))
                )
            if any(counts.values()):
                staged.entities[name] = counts
        for r in rejected:
            seq += 1
            content = _storable(canonical_json(r.values).decode())
            copy.write_row(
                (migration_id, r.entity, r.key, seq, content, content_hash(r.values), r.record, "quarantine", r.reason)
            )
            counts = staged.entities.setdefault(r.entity, {"rows": 0, "quarantined": 0, "skipped": 0})
            counts["quarantined"] += 1
    return staged


def _verdict(row: Row, reasons: Reasons, out: dict[str, set[str]], options: MigrationOptions) -> tuple[str | None, str]:
    if row.entity in options.exclude_entities:
        return "skip", f"{row.entity} are left out by the options"
    if row.key in out.get(row.entity, ()):
        return "skip", "outside the limited menu of the options"
    problems = reasons.get((row.entity, row.key))
    if problems:
        return "quarantine", "; ".join(dict.fromkeys(problems))
    return None, ""


def _storable(text: str) -> str:
    """Without what PostgreSQL's text and jsonb cannot hold; only for records that are in quarantine for that very reason."""
    return text.replace("\\u0000", "\\ufffd").replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _quarantine(
    connection: psycopg.Connection[Any],
    migration_id: int,
    by_entity: dict[str, list[Row]],
    rejected: Iterable[Rejected],
    reasons: Reasons,
) -> None:
    """Bring the quarantine table up to this staging: new ones open, mended ones released."""
    present: list[tuple[str, str, list[str], dict[str, Any], str]] = []
    for rows in by_entity.values():
        for row in rows:
            problems = reasons.get((row.entity, row.key))
            if problems:
                present.append((row.entity, row.key, list(dict.fromkeys(problems)), row.values, row.record))
    present += [(r.entity, r.key, [r.reason], r.values, r.record) for r in rejected]
    connection.execute(
        "UPDATE migration.quarantine SET state = 'released', updated_at = now() WHERE migration_id = %s AND state = 'open' "
        "AND NOT EXISTS (SELECT 1 FROM jsonb_to_recordset(%s) AS p(entity text, key text) "
        "WHERE p.entity = quarantine.entity AND p.key = quarantine.source_key)",
        [migration_id, Jsonb([{"entity": p[0], "key": p[1]} for p in present])],
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            'INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values", record) '
            "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (migration_id, entity, source_key) DO UPDATE SET "
            'reasons = excluded.reasons, "values" = excluded."values", record = excluded.record, state = \'open\', updated_at = now()',
            [
                (migration_id, entity, key, json.dumps(problems), _storable(canonical_json(values).decode()), record)
                for entity, key, problems, values, record in present
            ],
        )
