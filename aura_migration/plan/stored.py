"""The plan as it is stored: its rows, its hash, its counts, and whether it is the plan that stood already."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aura_migration.canonical.model import Entity
from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan import sql
from aura_migration.plan.ground import Before, Cursor, Subject, arguments
from aura_migration.plan.rules import fresh

ACTIONS = ("create", "update", "unchanged", "merge", "skip", "conflict", "quarantine")
PENDING = ("planned", "approved", "loading")


@dataclass(frozen=True)
class StoredPlan:
    """A stored plan. ``counts`` is ``{entity: {"source": n, action: n, …}}``; ``is_new`` false: it was there already."""

    plan_id: int
    hash: str
    counts: dict[str, dict[str, int]]
    stands_on: list[dict[str, Any]] = field(default_factory=list)
    is_new: bool = True


@dataclass(frozen=True)
class Papers:
    """What is stored with a plan for whoever approves it."""

    losses: Sequence[Any] = ()
    certificates: Sequence[Any] = ()
    blockers: Sequence[str] = ()
    snapshot_ids: Sequence[int] = ()


def open_plan(
    cursor: Cursor, subject: Subject, options: MigrationOptions, kind: str, delta_of: int | None, papers: Papers
) -> int:
    """Insert the plan without rows; it is ``building`` inside this transaction only."""
    cursor.execute(
        """
        INSERT INTO migration.plans (migration_id, kind, delta_of, options, losses, certificates, blockers, snapshot_ids)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
        """,
        [
            subject.migration_id,
            kind,
            delta_of,
            options.model_dump_json(by_alias=True),
            json.dumps(list(papers.losses)),
            json.dumps(list(papers.certificates)),
            json.dumps(list(papers.blockers)),
            list(papers.snapshot_ids),
        ],
    )
    row = cursor.fetchone()
    assert row is not None
    return int(row["id"])


def plans_before(cursor: Cursor, subject: Subject) -> list[Before]:
    """Pending plans of this integration's locations that come earlier in location-key order, in that order."""
    cursor.execute(
        """
        SELECT p.id, p.hash, m.id AS migration_id, m.location_key
        FROM migration.migrations m JOIN migration.plans p ON p.id = m.plan_id
        WHERE m.integration_id = %s AND m.location_key COLLATE "C" < %s AND p.state = ANY(%s)
          AND m.state NOT IN ('rolling_back', 'rolled_back', 'cancelled', 'completed', 'empty')
        ORDER BY m.location_key COLLATE "C"
        """,
        [subject.integration_id, subject.location_key, list(PENDING)],
    )
    return [Before(r["id"], r["hash"], r["migration_id"], r["location_key"]) for r in cursor.fetchall()]


def store_rows(cursor: Cursor, subject: Subject, entity: Entity, plan_id: int, begin: int) -> int:
    """Write the decided rows behind row ``begin`` of the plan; returns how many they are."""
    names = ", ".join(f"({sql.quote(f.name)}, {sql.quote(f.target)})" for f in entity.fields)
    cursor.execute(
        f"""
        INSERT INTO migration.plan_rows (plan_id, seq, entity, source_key, action, strategy, reason, label, aura_table, aura_id,
            content, image, before, before_hash, source_image, kept, replaces_id, stands_on_plan, touches, candidates, source_hash, record, crosswalk_key)
        SELECT %(plan)s, %(begin)s + row_number() OVER (ORDER BY d.seq, d.source_key), %(entity)s, d.source_key, d.action,
               CASE WHEN d.is_decided THEN d.strategy END, coalesce(d.why, ''), d.label, %(table)s, d.aura_id,
               CASE WHEN d.action IN ('update', 'merge') THEN
                         (SELECT jsonb_object_agg(f.name, s.content -> f.name) FROM (VALUES {names}) f(name, target)
                          WHERE d.image ? f.target)
                    WHEN d.action <> 'unchanged' THEN s.content END,
               d.image, CASE WHEN d.action <> 'unchanged' THEN d.before END,
               CASE WHEN d.action <> 'conflict' AND d.before IS NOT NULL THEN {sql.image_hash("d.before")} END,
               d.source_image, d.kept, d.replaces_id, d.stands_on_plan,
               CASE WHEN d.action IN ('update', 'merge', 'conflict') THEN d.others END,
               CASE WHEN d.action IN ('update', 'merge', 'conflict') THEN to_jsonb(d.candidate_ids) END,
               d.source_hash, s.record, d.crosswalk_key
        FROM decided d
        JOIN staging.rows s ON s.migration_id = %(migration)s AND s.entity = %(entity)s AND s.source_key = d.source_key
        """,
        arguments(subject, entity, plan=plan_id, begin=begin),
    )
    return cursor.rowcount


def store_fresh(
    cursor: Cursor,
    subject: Subject,
    entity: Entity,
    wave: int,
    plan_id: int,
    begin: int,
    *,
    tells: bool,
    is_refined: bool,
) -> int:
    """Decide and write the rows of a fresh wave (see ``ground.is_fresh``), and note them for their children, in one go."""
    store = f"""
        INSERT INTO migration.plan_rows (plan_id, seq, entity, source_key, action, reason, label, aura_table, aura_id, content,
            image, source_hash, record, crosswalk_key)
        SELECT %(plan)s, %(begin)s + place, %(entity)s, source_key, action, coalesce(why, ''), label, %(table)s, aura_id, content,
               image, source_hash, record, crosswalk_key
        FROM ({fresh(entity)}) decided
    """
    if tells:
        is_copy = "crosswalk_key <> source_key" if entity.scope == "shared" else "false"
        inherited = "image" if is_refined else "NULL::jsonb"
        store = f"""
            WITH stored AS ({store}
                RETURNING source_key, action, aura_id, {is_copy} AS is_copy, {inherited} AS inherited)
            INSERT INTO planned (entity, source_key, action, aura_id, is_copy, inherited)
            SELECT %(entity)s, source_key, action, aura_id, is_copy, inherited FROM stored
        """
    cursor.execute(store, arguments(subject, entity, plan=plan_id, begin=begin, wave=wave))
    return cursor.rowcount


def tell_children(cursor: Cursor, entity: Entity) -> None:
    """Note what became of the rows. Children of an undecided row are compared as if it were what it conflicts with."""
    cursor.execute(
        """
        INSERT INTO planned (entity, source_key, action, aura_id, is_copy, original_id, inherited)
        SELECT %s, source_key, action, coalesce(aura_id, rival_id), is_copy, original_id, inherited FROM decided
        """,
        [entity.name],
    )


def seal(cursor: Cursor, plan_id: int, entities: Sequence[Entity], before: Sequence[Before]) -> StoredPlan:
    """Hash the content, count the actions, and note the plans this one stands on."""
    digest = _hash(cursor, plan_id, entities)
    counts = {**_counts(cursor, plan_id), **_history_counts(cursor, plan_id)}
    needed = _stood_on(cursor, plan_id) if before else set()
    stands_on = [
        {"migration_id": p.migration_id, "plan_id": p.plan_id, "hash": p.hash, "location": p.location_key}
        for p in before
        if p.plan_id in needed
    ]
    cursor.execute(
        "UPDATE migration.plans SET hash = %s, counts = %s, stands_on = %s, state = 'planned' WHERE id = %s",
        [digest, json.dumps(counts), json.dumps(stands_on), plan_id],
    )
    return StoredPlan(plan_id, digest, counts, stands_on)


def _stood_on(cursor: Cursor, plan_id: int) -> set[int]:
    cursor.execute(
        "SELECT DISTINCT stands_on_plan AS id FROM migration.plan_rows WHERE plan_id = %s AND stands_on_plan IS NOT NULL",
        [plan_id],
    )
    return {row["id"] for row in cursor.fetchall()}


def _hash(cursor: Cursor, plan_id: int, entities: Sequence[Entity]) -> str:
    """SHA-256 over rows, options, blockers and losses: values and source keys, no ids, no times, no order of rows.

    Losses are part of it because approving a plan signs what will not be carried over; which records are shown as
    examples depends on the order in which they were read, and is not; of what was found in a sample, the numbers are not; nor is
    the money that went through a rule, which grows with each order.
    """
    references = sql.text_array(sorted({column for entity in entities for column in sql.reference_columns(entity)}))
    # The rows' own hashes are worth a second process; the planner does not know what they cost.
    cursor.execute("SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0")
    cursor.execute(
        f"""
        SELECT encode(sha256(string_agg(line, ''::bytea ORDER BY line)), 'hex') AS hash
        FROM (
            SELECT sha256(convert_to(json_build_array(entity, source_key, action, strategy, reason, content,
                   before - {references}, touches, jsonb_array_length(candidates))::text, 'UTF8')) AS line
            FROM migration.plan_rows WHERE plan_id = %(plan)s
            UNION ALL
            SELECT sha256(convert_to(json_build_array('options', options, blockers, said.losses)::text, 'UTF8'))
            FROM migration.plans, LATERAL (SELECT jsonb_agg(l.v ORDER BY l.v) AS losses FROM (
                SELECT CASE WHEN v ? 'sample' THEN v - '{{examples,records,sample,money}}'::text[] ELSE v - '{{examples,money}}'::text[] END AS v
                FROM jsonb_array_elements(losses) v) l) said
            WHERE id = %(plan)s
            UNION ALL
            SELECT sha256(convert_to(json_build_array('history', history ->> 'hash')::text, 'UTF8'))
            FROM migration.plans WHERE id = %(plan)s AND history IS NOT NULL
        ) lines
        """,
        {"plan": plan_id},
    )
    row = cursor.fetchone()
    assert row is not None
    return str(row["hash"])


def _counts(cursor: Cursor, plan_id: int) -> dict[str, dict[str, int]]:
    cursor.execute(
        "SELECT entity, action, count(*) AS n FROM migration.plan_rows WHERE plan_id = %s GROUP BY entity, action",
        [plan_id],
    )
    counts: dict[str, dict[str, int]] = {}
    for row in cursor.fetchall():
        entry = counts.setdefault(row["entity"], {"source": 0, **dict.fromkeys(ACTIONS, 0)})
        entry[row["action"]] = row["n"]
        entry["source"] += row["n"]
    return counts


def _history_counts(cursor: Cursor, plan_id: int) -> dict[str, dict[str, int]]:
    cursor.execute("SELECT history -> 'counts' AS counts FROM migration.plans WHERE id = %s", [plan_id])
    row = cursor.fetchone()
    return dict(row["counts"]) if row is not None and row["counts"] else {}


def inherit_history(cursor: Cursor, plan_id: int, of_plan: int) -> None:
    """Give a delta the history of the plan it is a delta of. The batches stay that plan's until the delta is approved."""
    cursor.execute(
        "UPDATE migration.plans d SET history = p.history FROM migration.plans p WHERE d.id = %s AND p.id = %s",
        [plan_id, of_plan],
    )


def keep_or_replace(
    cursor: Cursor, subject: Subject, stored: StoredPlan, kind: str, settle: Callable[[int, int], bool]
) -> StoredPlan:
    """Let the migration's present plan (and its approval) stand where this is the same; otherwise put this in its place.

    A delta never replaces the plan it is a delta of. ``settle`` says whether the present plan can stand with orders and
    money staged as they are now.
    """
    cursor.execute(
        """
        SELECT p.id, p.hash, p.state, p.counts, p.stands_on FROM migration.migrations m
        JOIN migration.plans p ON p.id = m.plan_id WHERE m.id = %s FOR UPDATE OF m
        """,
        [subject.migration_id],
    )
    present = cursor.fetchone()
    if (
        present is not None
        and _is_same(cursor, present, stored)
        and (kind == "delta" or settle(present["id"], stored.plan_id))
    ):
        cursor.execute("DELETE FROM migration.plans WHERE id = %s", [stored.plan_id])
        return StoredPlan(present["id"], present["hash"], present["counts"], present["stands_on"], is_new=False)
    if kind == "delta":
        return stored
    if present is not None and present["state"] in PENDING:
        cursor.execute("UPDATE migration.plans SET state = 'superseded' WHERE id = %s", [present["id"]])
    cursor.execute(
        "UPDATE migration.migrations SET plan_id = %s, updated_at = now() WHERE id = %s",
        [stored.plan_id, subject.migration_id],
    )
    return stored


def _is_same(cursor: Cursor, present: dict[str, Any], stored: StoredPlan) -> bool:
    """Same content, and the rows it would touch and the plans it stands on are still the very ones."""
    if present["hash"] != stored.hash or present["state"] not in (*PENDING, "loaded"):
        return False
    cursor.execute(
        """
        SELECT 1 FROM migration.plan_rows a JOIN migration.plan_rows b USING (entity, source_key)
        WHERE a.plan_id = %s AND b.plan_id = %s AND a.aura_id <> b.aura_id AND a.action <> 'create' LIMIT 1
        """,
        [present["id"], stored.plan_id],
    )
    if cursor.fetchone() is not None:
        return False
    return all(_still_stands(cursor, ground, stored.stands_on) for ground in present["stands_on"])


def _still_stands(cursor: Cursor, ground: dict[str, Any], now: Sequence[dict[str, Any]]) -> bool:
    """Whether a plan below is as ever: pending with the ids it reserved, or loaded with them."""
    if any(p["plan_id"] == ground["plan_id"] and p["hash"] == ground["hash"] for p in now):
        return True
    cursor.execute("SELECT state FROM migration.plans WHERE id = %s", [ground["plan_id"]])
    row = cursor.fetchone()
    return row is not None and row["state"] == "loaded"
