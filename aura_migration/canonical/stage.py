"""From a connector's batch to staged rows: field mapping, corrections, validation, limited menu, quarantine.

Every row of the batch ends in ``staging.rows``, with a verdict where it may not go on (``quarantine``, ``skip``); the
planner takes it from there. Nothing is dropped: rows that fail stand in ``migration.quarantine`` with their reasons.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from aura_migration.canonical import references, validate
from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.field_mapping import Reasons, apply_corrections, apply_mappings
from aura_migration.canonical.local import complete_location_rows
from aura_migration.canonical.model import Batch, Loss, Rejected, Row
from aura_migration.canonical.options import MigrationOptions
from aura_migration.canonical.scope import left_out
from aura_migration.core.ids import canonical_json, content_hash

Key = tuple[str, str]
CONTRADICTION = "the POS sent two different records under this id"
LARGEST_INTEGER = 2**63
_DOCUMENT = msgspec.json.Encoder()
"""For jsonb, which brings keys into an order of its own."""


@dataclass
class Staged:
    """What was staged: rows, quarantined and skipped per entity, the losses, and what was found about people.

    ``people`` is the report of ``persons.stage_people``: keys and counts, no personal values. Empty for a menu.
    """

    entities: dict[str, dict[str, int]] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    people: dict[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All rows, whatever became of them."""
        return sum(c["rows"] + c["quarantined"] + c["skipped"] for c in self.entities.values())

    def count(self, entity: str, verdict: str | None, number: int) -> None:
        """Count rows of one entity and verdict."""
        counts = self.entities.setdefault(entity, {"rows": 0, "quarantined": 0, "skipped": 0})
        counts["rows" if verdict is None else "quarantined" if verdict == "quarantine" else "skipped"] += number

    def add(self, other: Staged) -> None:
        """Take in what was staged beside it; the entities are different ones."""
        self.entities |= other.entities
        self.losses += other.losses
        self.people |= other.people

    def as_dict(self) -> dict[str, Any]:
        """``{"total", "entities": {…}, "losses": […], "people": {…}}``."""
        losses = [loss.as_dict() for loss in self.losses]
        return {"total": self.total, "entities": self.entities, "losses": losses, "people": self.people}


class _Staging(NamedTuple):
    """One row as it goes to ``staging.rows``."""

    row: Row
    wave: int
    verdict: str | None
    reasons: list[str]


def stage_rows(
    connection: psycopg.Connection[Any], migration_id: int, batch: Batch, options: MigrationOptions
) -> Staged:
    """Check a batch and replace the migration's staged rows by it, in one transaction.

    Raises ``BadInput`` for options that fit no record (unknown posField, unknown transform, unknown scope ids).
    """
    for row in batch.rows:
        if row.entity not in ENTITIES:
            raise KeyError(f"the connector emitted a row of unknown entity {row.entity!r}")
    corrections = _corrections(connection, migration_id)
    reasons: Reasons = {}
    rows = _distinct([*batch.rows, *_revived(batch.rejected, corrections)], corrections, reasons)
    rejected = _still_rejected(batch.rejected, rows)
    apply_mappings(rows, options.field_mapping, reasons, corrections)
    apply_corrections(rows, corrections)
    by_entity: dict[str, list[Row]] = {name: [] for name in ENTITIES}
    for row in rows:
        _tidy(row)
        by_entity[row.entity].append(row)
    complete_location_rows(by_entity)
    skipped = _outside(by_entity, rejected, options)
    dangling: Reasons = {}
    losses = [
        *references.break_circles(by_entity),
        *_judge_references(connection, migration_id, by_entity, rejected, options, dangling, skipped),
    ]
    refused: list[_Staging] = []
    staging = _staging(by_entity, rejected, (reasons, dangling), skipped)
    with connection.transaction():
        staged = _write(connection, migration_id, staging, refused)
        _quarantine(connection, migration_id, refused)
    staged.losses = [*batch.losses, *losses]
    return staged


# -- which rows there are -----------------------------------------------------------------------------------------------


def _distinct(rows: Iterable[Row], corrections: Mapping[Key, Any], reasons: Reasons) -> list[Row]:
    """One row per entity and key: an exact repetition is one record, a contradiction goes to quarantine.

    Which of two contradicting rows stands there does not depend on their order. The rows are copies: what is put into
    them is not put into the connector's batch.
    """
    kept: dict[Key, Row] = {}
    for given in rows:
        row = Row(given.entity, str(storable(given.key)), dict(given.values), given.source, given.record)
        key = (row.entity, row.key)
        if row.key != given.key:
            reasons.setdefault(key, []).append("its id holds characters that no database can store")
        first = kept.setdefault(key, row)
        if first is row or (first.values == row.values):
            continue
        if key not in corrections and CONTRADICTION not in reasons.setdefault(key, []):
            reasons[key].append(CONTRADICTION)
        kept[key] = min(first, row, key=lambda r: canonical_json(storable(r.values)))
    return list(kept.values())


def _revived(rejected: Iterable[Rejected], corrections: Mapping[Key, Any]) -> list[Row]:
    """Records the connector rejected that somebody has corrected since."""
    return [Row(r.entity, r.key, dict(r.values), None, r.record) for r in rejected if (r.entity, r.key) in corrections]


def _still_rejected(rejected: Iterable[Rejected], rows: Iterable[Row]) -> list[Rejected]:
    present = {(row.entity, row.key) for row in rows}
    kept: dict[Key, Rejected] = {}
    for r in rejected:
        if (r.entity, r.key) not in present:
            kept.setdefault((r.entity, r.key), r)
    return list(kept.values())


def _corrections(connection: psycopg.Connection[Any], migration_id: int) -> dict[Key, dict[str, Any]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(
            "SELECT entity, source_key, correction FROM migration.quarantine WHERE migration_id = %s AND correction IS NOT NULL",
            [migration_id],
        ).fetchall()
    return {(entity, key): correction for entity, key, correction in found}


def _tidy(row: Row) -> None:
    """An empty SKU is none."""
    if row.values.get("sku") == "":
        row.values["sku"] = None


# -- what becomes of them -----------------------------------------------------------------------------------------------


def _outside(
    by_entity: Mapping[str, list[Row]], rejected: Iterable[Rejected], options: MigrationOptions
) -> dict[Key, str]:
    """Rows that the options leave out, with the reason that whoever approves the plan signs."""
    every = {name: list(members) for name, members in by_entity.items()}
    for r in rejected:
        every[r.entity].append(Row(r.entity, r.key, dict(r.values)))
    skipped = {
        (name, key): "outside the limited menu of the options"
        for name, keys in left_out(every, options.scope).items()
        for key in keys
    }
    for name in options.exclude_entities:
        # Kinds of the history may be left out too; they are staged elsewhere.
        skipped |= {(name, row.key): f"{name} are left out by the options" for row in every.get(name, ())}
    return skipped


def _judge_references(
    connection: psycopg.Connection[Any],
    migration_id: int,
    by_entity: Mapping[str, list[Row]],
    rejected: Iterable[Rejected],
    options: MigrationOptions,
    reasons: Reasons,
    skipped: dict[Key, str],
) -> list[Loss]:
    """References to records the POS did not send: left empty with a loss, or reason enough for quarantine."""
    sent = {name: {row.key for row in members} for name, members in by_entity.items()}
    for r in rejected:
        sent[r.entity].add(r.key)
    empty = []
    for row, ref in references.dangling(by_entity, sent, lambda e, keys: _loaded(connection, migration_id, e, keys)):
        is_excluded = ref.ref in options.exclude_entities
        if not references.is_binding(ENTITIES[row.entity], ref):
            if not is_excluded:
                empty.append((row, ref))
        elif is_excluded:
            skipped.setdefault((row.entity, row.key), f"belongs to {ref.ref}, which are left out by the options")
        else:
            problem = f"refers to {ref.ref} {row.values[ref.name]}, which the POS did not send"
            reasons.setdefault((row.entity, row.key), []).append(problem)
    return references.losses_of(empty)


def _loaded(connection: psycopg.Connection[Any], migration_id: int, entity: str, keys: set[str]) -> set[str]:
    """Which of these source keys stand in AuraConnect from an earlier load: a partial answer does not unmake them."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(
            """
            SELECT k.key FROM migration.migrations m
            CROSS JOIN unnest(%s::text[]) AS k(key)
            JOIN migration.crosswalk c ON c.integration_id = m.integration_id AND c.entity = %s AND c.is_active
                 AND c.source_key IN (k.key, k.key || '@' || split_part(m.location_key, ':', 2))
            WHERE m.id = %s
            """,
            [[str(storable(key)) for key in keys], entity, migration_id],
        ).fetchall()
    return {row[0] for row in found}


def _staging(
    by_entity: Mapping[str, list[Row]],
    rejected: Iterable[Rejected],
    reasons: tuple[Reasons, Reasons],
    skipped: Mapping[Key, str],
) -> Iterator[_Staging]:
    """Every row with what becomes of it, entity by entity: one is checked while the server takes in the one before.

    ``reasons`` are those found before and behind the check of the values.
    """
    before, behind = reasons
    refused: dict[str, list[Rejected]] = defaultdict(list)
    for r in rejected:
        refused[r.entity].append(r)
    for name, members in by_entity.items():
        depth = references.waves(ENTITIES[name], members)
        wrong = {members[position].key: problems for position, problems in validate.invalid(name, members).items()}
        for row in members:
            key = (name, row.key)
            found = (before.get(key, ()), wrong.get(row.key, ()), behind.get(key, ()))
            yield _judged(row, depth.get(row.key, 0), [p for problems in found for p in problems], skipped)
        for r in refused[name]:
            yield _judged(Row(name, r.key, dict(r.values), None, r.record), 0, [r.reason], skipped)


def _judged(row: Row, wave: int, problems: list[str], skipped: Mapping[Key, str]) -> _Staging:
    if skipped and (row.entity, row.key) in skipped:
        return _Staging(row, wave, "skip", [skipped[row.entity, row.key]])
    if problems:
        return _Staging(row, wave, "quarantine", list(dict.fromkeys(problems)))
    return _Staging(row, wave, None, problems)


# -- writing ------------------------------------------------------------------------------------------------------------


def _write(
    connection: psycopg.Connection[Any], migration_id: int, staging: Iterable[_Staging], refused: list[_Staging]
) -> Staged:
    """Put the rows in place of the migration's former ones; those that go to quarantine are appended to ``refused``."""
    connection.execute("DELETE FROM staging.rows WHERE migration_id = %s", [migration_id])
    counts: Counter[tuple[str, str | None]] = Counter()
    hashes: dict[int, str] = {}
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY staging.rows (migration_id, entity, source_key, seq, wave, content, source_hash, record, verdict, reason) FROM STDIN"
        ) as copy,
    ):
        for seq, staged_row in enumerate(staging, start=1):
            row, wave, verdict, reasons = staged_row
            counts[row.entity, verdict] += 1
            values = row.values
            if verdict is not None:
                values = storable(values)
                if verdict == "quarantine":
                    refused.append(staged_row)
            copy.write_row(
                (
                    migration_id,
                    row.entity,
                    row.key,
                    seq,
                    wave,
                    _DOCUMENT.encode(values).decode(),
                    _source_hash(row, hashes),
                    _text(row.record),
                    verdict,
                    _text("; ".join(reasons)) if reasons else "",
                )
            )
    connection.execute("SET LOCAL default_statistics_target = 10")
    connection.execute("ANALYZE staging.rows (migration_id, entity, source_key, wave)")
    staged = Staged()
    for (entity, verdict), number in counts.items():
        staged.count(entity, verdict, number)
    return staged


def _source_hash(row: Row, hashes: dict[int, str]) -> str:
    """The hash of the POS's record, where there is one, else of the row.

    ``hashes`` are those of the records seen so far, by identity: several rows come from one record.
    """
    if row.source is None:
        return _hash(row.values)
    found = hashes.get(id(row.source))
    if found is None:
        found = hashes[id(row.source)] = _hash(row.source)
    return found


def _hash(value: Any) -> str:
    try:
        return content_hash(value)
    except (ValueError, TypeError, OverflowError):
        return content_hash(storable(value))


def _text(text: str) -> str:
    """A text as it can be stored."""
    return text if text.isascii() and "\x00" not in text else str(storable(text))


def storable(value: Any) -> Any:
    """A value with everything replaced that JSON or PostgreSQL cannot hold; for records that are not loaded."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {str(storable(str(k))): storable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(v) for v in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -LARGEST_INTEGER <= value < LARGEST_INTEGER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(storable(str(value)))


def _quarantine(connection: psycopg.Connection[Any], migration_id: int, failed: Iterable[_Staging]) -> None:
    """Bring the quarantine table up to this staging: new ones open, mended ones released."""
    present = [
        {
            "entity": s.row.entity,
            "key": storable(s.row.key),
            "reasons": storable(s.reasons),
            "values": storable(s.row.values),
            "record": storable(s.row.record),
        }
        for s in failed
    ]
    arguments = {"migration": migration_id, "present": Jsonb(present)}
    connection.execute(
        """
        UPDATE migration.quarantine q SET state = 'released', updated_at = now()
        WHERE q.migration_id = %(migration)s AND q.state = 'open' AND NOT EXISTS (
            SELECT 1 FROM jsonb_to_recordset(%(present)s) AS p(entity text, key text)
            WHERE p.entity = q.entity AND p.key = q.source_key)
        """,
        arguments,
    )
    connection.execute(
        """
        INSERT INTO migration.quarantine (migration_id, entity, source_key, reasons, "values", record)
        SELECT %(migration)s, p.entity, p.key, p.reasons, p.values, p.record
        FROM jsonb_to_recordset(%(present)s) AS p(entity text, key text, reasons jsonb, "values" jsonb, record text)
        ON CONFLICT (migration_id, entity, source_key) DO UPDATE SET reasons = excluded.reasons, "values" = excluded."values",
            record = excluded.record, state = 'open', updated_at = now()
        """,
        arguments,
    )
