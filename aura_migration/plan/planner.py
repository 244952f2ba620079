"""The planner: one stored plan out of the staged rows of a location and what AuraConnect holds.

Set-based, one pass per entity, parents first. Within the pass a row meets, in this order: what canonical already
decided (quarantine, skip), the fate of its parents, the crosswalk, records already in AuraConnect that might be the
same thing, and only then it is new. Temp table ``planned`` carries every row's outcome and final values to its children.

    projected   what the target will hold before this plan: AuraConnect's rows, overlaid with the pending plans of
                locations that come before this one in location-key order
    planned     entity, source key → action, id, final row
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from aura_migration.canonical.model import Entity
from aura_migration.canonical.options import MigrationOptions
from aura_migration.database.connections import transaction_lock
from aura_migration.plan import sql

ACTIONS = ("create", "update", "unchanged", "merge", "skip", "conflict", "quarantine")
PENDING = ("planned", "approved", "loading")


def restaurant_lock(restaurant_id: int) -> str:
    """The advisory lock under which rows shared by a restaurant's locations are planned and written."""
    return f"aura:restaurant:{restaurant_id}"


@dataclass(frozen=True)
class Subject:
    """Whose plan it is. ``location_key`` is ``pos:source-id``; ``location_source_id`` the POS's id alone."""

    migration_id: int
    integration_id: int
    restaurant_id: int
    location_key: str
    pos: str

    @property
    def location_source_id(self) -> str:
        return self.location_key.partition(":")[2]


@dataclass(frozen=True)
class StoredPlan:
    """A stored plan. ``counts`` is ``{entity: {"source": n, action: n, …}}``; ``is_new`` false: it was there already."""

    plan_id: int
    hash: str
    counts: dict[str, dict[str, int]]
    stands_on: list[dict[str, Any]] = field(default_factory=list)
    is_new: bool = True


def build_plan(
    connection: psycopg.Connection[Any],
    subject: Subject,
    entities: Sequence[Entity],
    options: MigrationOptions,
    *,
    kind: str = "preview",
    delta_of: int | None = None,
    losses: Sequence[Any] = (),
    certificates: Sequence[Any] = (),
    blockers: Sequence[str] = (),
    snapshot_ids: Sequence[int] = (),
) -> StoredPlan:
    """Plan the staged rows of a migration and store the plan; one transaction, nothing in ``aura`` is written.

    A preview whose hash equals the migration's present plan leaves that plan (and its approval) standing. A delta never
    replaces the plan it is a delta of.
    """
    with connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        transaction_lock(connection, restaurant_lock(subject.restaurant_id))
        plan_id = _insert_plan(cursor, subject, options, kind, delta_of, losses, certificates, blockers, snapshot_ids)
        base = _plans_before(cursor, subject)
        _make_tables(cursor)
        for entity in entities:
            _plan_entity(cursor, subject, entity, options, plan_id, base)
        stored = _seal(cursor, plan_id, base)
        for table in ("projected", "planned", "candidates", "work"):
            cursor.execute(f"DROP TABLE {table}")
        return _keep_or_replace(cursor, subject, stored, kind)


def _insert_plan(
    cursor: psycopg.Cursor[dict[str, Any]],
    subject: Subject,
    options: MigrationOptions,
    kind: str,
    delta_of: int | None,
    losses: Sequence[Any],
    certificates: Sequence[Any],
    blockers: Sequence[str],
    snapshot_ids: Sequence[int],
) -> int:
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
            json.dumps(list(losses)),
            json.dumps(list(certificates)),
            json.dumps(list(blockers)),
            list(snapshot_ids),
        ],
    )
    row = cursor.fetchone()
    assert row is not None
    return int(row["id"])


def _plans_before(cursor: psycopg.Cursor[dict[str, Any]], subject: Subject) -> list[dict[str, Any]]:
    """Pending plans of this integration's locations that come earlier in location-key order."""
    cursor.execute(
        """
        SELECT p.id, p.hash, m.id AS migration_id, m.location_key
        FROM migration.migrations m JOIN migration.plans p ON p.id = m.plan_id
        WHERE m.integration_id = %s AND m.location_key COLLATE "C" < %s AND p.state = ANY(%s)
          AND m.state NOT IN ('rolled_back', 'cancelled', 'completed', 'empty')
        ORDER BY m.location_key COLLATE "C"
        """,
        [subject.integration_id, subject.location_key, list(PENDING)],
    )
    return cursor.fetchall()


def _make_tables(cursor: psycopg.Cursor[dict[str, Any]]) -> None:
    cursor.execute(
        """
        CREATE TEMP TABLE projected (
            source_key text PRIMARY KEY, aura_id bigint, row jsonb, loaded jsonb, stands_on_plan bigint,
            others jsonb, is_gone boolean NOT NULL DEFAULT false, crosswalk_key text
        ) ON COMMIT DROP;
        CREATE TEMP TABLE planned (
            entity text, source_key text, action text, aura_id bigint, row jsonb, stands_on_plan bigint,
            PRIMARY KEY (entity, source_key)
        ) ON COMMIT DROP;
        CREATE TEMP TABLE candidates (source_key text PRIMARY KEY, ids bigint[], rivals integer) ON COMMIT DROP;
        CREATE TEMP TABLE work (
            source_key text PRIMARY KEY, seq integer, content jsonb, source_hash text, record text, verdict text, reason text,
            image jsonb, label text, parent_action text, parent_reason text
        ) ON COMMIT DROP;
        """
    )


def _plan_entity(
    cursor: psycopg.Cursor[dict[str, Any]],
    subject: Subject,
    entity: Entity,
    options: MigrationOptions,
    plan_id: int,
    base: Sequence[dict[str, Any]],
) -> None:
    cursor.execute("TRUNCATE projected, candidates, work")
    _gather(cursor, subject, entity)
    cursor.execute("SELECT count(*) AS n FROM work")
    row = cursor.fetchone()
    if not row or not row["n"]:
        return
    _project(cursor, subject, entity, base)
    _propose(cursor, subject, entity)
    _decide(cursor, subject, entity, options, plan_id)


def _gather(cursor: psycopg.Cursor[dict[str, Any]], subject: Subject, entity: Entity) -> None:
    """Bring the entity's staged rows into ``work`` with the fate of their parents and their image."""
    fate = ["NULL::text"]
    why = ["NULL::text"]
    joins = []
    for number, ref in enumerate(f for f in entity.refs if f.required and f.ref != entity.name):
        alias = f"parent{number}"
        joins.append(
            f"LEFT JOIN planned {alias} ON {alias}.entity = {sql.quote(str(ref.ref))} "
            f"AND {alias}.source_key = s.content ->> {sql.quote(ref.name)}"
        )
        key = f"s.content ->> {sql.quote(ref.name)}"
        fate.append(
            f"CASE WHEN {alias}.action IN ('skip', 'quarantine') THEN {alias}.action "
            f"WHEN {alias}.action IS NULL THEN 'quarantine' END"
        )
        why.append(
            f"CASE WHEN {alias}.action = 'skip' THEN 'goes with the skipped {ref.ref} ' || ({key}) "
            f"WHEN {alias}.action = 'quarantine' THEN 'waits for {ref.ref} ' || ({key}) || ' in quarantine' "
            f"WHEN {alias}.action IS NULL THEN 'refers to {ref.ref} ' || coalesce({key}, '(none)') || ', which the POS did not send' END"
        )
    # Quarantine of any parent outranks the skip of another: it can still be mended.
    parent_action = (
        f"CASE WHEN 'quarantine' IN ({', '.join(fate)}) THEN 'quarantine' ELSE coalesce({', '.join(fate)}) END"
    )
    label = "coalesce(s.content ->> 'name', s.content ->> 'item_name', s.source_key)"
    cursor.execute(
        f"""
        INSERT INTO work (source_key, seq, content, source_hash, record, verdict, reason, label, parent_action, parent_reason)
        SELECT s.source_key, s.seq, s.content, s.source_hash, s.record, s.verdict, s.reason, left({label}, 200),
               {parent_action}, concat_ws('; ', {", ".join(why)})
        FROM staging.rows s {" ".join(joins)}
        WHERE s.migration_id = %s AND s.entity = %s
        """,
        [subject.migration_id, entity.name],
    )
    cursor.execute("ANALYZE work")


def _project(
    cursor: psycopg.Cursor[dict[str, Any]], subject: Subject, entity: Entity, base: Sequence[dict[str, Any]]
) -> None:
    """What each staged key already stands for: AuraConnect's row, or one that an earlier pending plan will make."""
    restricted = sql.restricted("to_jsonb(t)", entity)
    cursor.execute(
        f"""
        INSERT INTO projected (source_key, aura_id, row, loaded, others, is_gone, crosswalk_key)
        SELECT DISTINCT ON (w.source_key) w.source_key, c.aura_id, CASE WHEN t.id IS NULL THEN NULL ELSE {restricted} END,
               (SELECT j.after FROM migration.journal j
                WHERE j.aura_table = c.aura_table AND j.aura_id = c.aura_id
                  AND (j.undone_at IS NULL OR j.outcome = 'kept_claimed')
                ORDER BY j.id DESC LIMIT 1),
               (SELECT jsonb_agg(m.location_key ORDER BY m.location_key) FROM migration.claims k
                JOIN migration.migrations m ON m.id = k.migration_id
                WHERE k.aura_table = c.aura_table AND k.aura_id = c.aura_id AND k.migration_id <> %(migration)s),
               t.id IS NULL OR t.deleted_at IS NOT NULL, c.source_key
        FROM work w
        JOIN migration.crosswalk c ON c.integration_id = %(integration)s AND c.entity = %(entity)s AND c.is_active
             AND c.source_key IN (w.source_key, w.source_key || '@' || %(location)s)
        LEFT JOIN aura.{entity.table} t ON t.id = c.aura_id
        ORDER BY w.source_key, length(c.source_key) DESC
        """,
        {
            "migration": subject.migration_id,
            "integration": subject.integration_id,
            "entity": entity.name,
            "location": subject.location_source_id,
        },
    )
    if base and entity.scope == "shared":
        # Later plans overlay earlier ones, and all of them what is loaded.
        cursor.execute(
            f"""
            INSERT INTO projected (source_key, aura_id, row, stands_on_plan, others, crosswalk_key)
            SELECT w.source_key, p.aura_id, {sql.normalised("p.image", entity)}, p.plan_id, k.keys, w.source_key
            FROM work w
            JOIN LATERAL (
                SELECT p.* FROM migration.plan_rows p
                WHERE p.plan_id = ANY(%(base)s) AND p.entity = %(entity)s AND p.source_key = w.source_key
                  AND p.action = 'create' AND p.applied_at IS NULL
                ORDER BY array_position(%(base)s::bigint[], p.plan_id) LIMIT 1
            ) p ON true
            CROSS JOIN LATERAL (
                SELECT jsonb_agg(DISTINCT m.location_key) AS keys FROM migration.plan_rows q
                JOIN migration.plans l ON l.id = q.plan_id JOIN migration.migrations m ON m.id = l.migration_id
                WHERE q.plan_id = ANY(%(base)s) AND q.entity = %(entity)s AND q.source_key = w.source_key
                  AND q.action IN ('create', 'update', 'unchanged', 'merge')
            ) k
            ON CONFLICT (source_key) DO NOTHING
            """,
            {"base": [plan["id"] for plan in base], "entity": entity.name},
        )
        cursor.execute(
            """
            UPDATE projected SET row = projected.row || p.image, stands_on_plan = p.plan_id
            FROM (SELECT DISTINCT ON (source_key) source_key, image, plan_id FROM migration.plan_rows
                  WHERE plan_id = ANY(%(base)s) AND entity = %(entity)s AND action IN ('update', 'merge')
                    AND image <> '{}' AND applied_at IS NULL
                  ORDER BY source_key, array_position(%(base)s::bigint[], plan_id) DESC) p
            WHERE p.source_key = projected.source_key AND projected.row IS NOT NULL
            """,
            {"base": [plan["id"] for plan in base], "entity": entity.name},
        )
    cursor.execute("ANALYZE projected")


def _propose(cursor: psycopg.Cursor[dict[str, Any]], subject: Subject, entity: Entity) -> None:
    """Records made in AuraConnect itself that might be the same thing as a row that has no crosswalk yet.

    By name for things that have names (a proposal, never a decision); by identity of both ends for links.
    """
    image, joins = sql.image(entity, "w.content")
    cursor.execute(
        f"UPDATE work SET image = i.image FROM (SELECT w.source_key, {image} AS image FROM work w {joins}) i "
        "WHERE i.source_key = work.source_key"
    )
    names = entity.match_on
    keys = tuple(f.target for f in entity.refs if f.required) if not names else ()
    if not names and (not keys or entity.name in ("price_rules", "stock")):
        return
    tests = []
    for name in names:
        field = entity.field(name)
        if field.ref:
            tests.append(f"t.{field.target} = (w.image ->> {sql.quote(field.target)})::bigint")
        elif field.kind == "text":
            tests.append(f"lower(btrim(t.{field.target})) = lower(btrim(w.content ->> {sql.quote(field.name)}))")
        else:
            tests.append(
                f"to_jsonb(t.{field.target}) IS NOT DISTINCT FROM to_jsonb((w.content ->> {sql.quote(field.name)})::numeric)"
            )
    for key in keys:
        tests.append(f"t.{key} = (w.image ->> {sql.quote(key)})::bigint")
    if entity.scope == "location" and entity.name != "locations":
        tests.append(
            "(t.location_id IS NULL OR t.location_id = (SELECT aura_id FROM planned WHERE entity = 'locations' LIMIT 1))"
        )
        optional = [f.target for f in entity.refs if not f.required]
        tests += [f"t.{c} IS NOT DISTINCT FROM (w.image ->> {sql.quote(c)})::bigint" for c in optional] if keys else []
    cursor.execute(
        f"""
        INSERT INTO candidates (source_key, ids, rivals)
        SELECT source_key, ids, count(*) OVER (PARTITION BY ids[1]) FROM (
            SELECT w.source_key, array_agg(t.id ORDER BY t.id) AS ids
            FROM work w JOIN aura.{entity.table} t
              ON t.restaurant_id = %(restaurant)s AND t.deleted_at IS NULL AND {" AND ".join(tests)}
            WHERE w.verdict IS NULL AND w.parent_action IS NULL
              AND NOT EXISTS (SELECT 1 FROM projected p WHERE p.source_key = w.source_key)
              AND NOT EXISTS (SELECT 1 FROM migration.crosswalk c
                              WHERE c.aura_table = %(table)s AND c.aura_id = t.id AND c.is_active)
            GROUP BY w.source_key
        ) found
        """,
        {"restaurant": subject.restaurant_id, "table": entity.table},
    )


def _decide(
    cursor: psycopg.Cursor[dict[str, Any]],
    subject: Subject,
    entity: Entity,
    options: MigrationOptions,
    plan_id: int,
) -> None:
    """Give every row its action, reserve ids, write plan rows, and tell the children."""
    named = bool(entity.match_on)
    # What is null here and not null in the shared row cannot be said by an override, where null inherits.
    beyond = (
        f"((changed - {sql.text_array(sql.local_columns(entity))}) || coalesce((SELECT jsonb_object_agg(k, v) "
        f"FROM jsonb_each(changed) e(k, v) WHERE k = ANY({sql.text_array(sql.overridable_columns(entity))}) "
        "AND v = 'null'::jsonb), '{}'::jsonb))"
    )
    self_ref = next((f for f in entity.refs if f.ref == entity.name), None)
    refined = _refinement(entity)
    cursor.execute(
        """
        CREATE TEMP TABLE decided ON COMMIT DROP AS
        SELECT w.source_key, w.seq, w.content, w.source_hash, w.record, w.label, w.image AS raw_image,
               w.verdict, w.reason AS staged_reason, w.parent_action, w.parent_reason,
               p.aura_id AS known_id, p.row AS known_row, p.loaded, p.others, coalesce(p.is_gone, false) AS is_gone,
               p.stands_on_plan, p.crosswalk_key, c.ids AS candidate_ids, coalesce(c.rivals, 0) AS rivals,
               d.aura_id AS chosen_id,
               coalesce(d.strategy, r.strategy, %(entity_strategy)s::text) AS strategy,
               NULL::text AS action, NULL::text AS why, NULL::bigint AS aura_id, NULL::jsonb AS image, NULL::jsonb AS before,
               NULL::jsonb AS changed, NULL::jsonb AS final, NULL::bigint AS fresh_id
        FROM work w
        LEFT JOIN projected p USING (source_key)
        LEFT JOIN candidates c USING (source_key)
        LEFT JOIN migration.decisions d ON d.migration_id = %(migration)s AND d.entity = %(entity)s AND d.source_key = w.source_key
        LEFT JOIN (SELECT key, strategy FROM jsonb_to_recordset(%(records)s::jsonb) AS x(key text, strategy text)) r
               ON r.key = w.source_key
        """,
        {
            "entity_strategy": options.strategy_for(entity.name),
            "migration": subject.migration_id,
            "entity": entity.name,
            "records": json.dumps(
                [{"key": r.key, "strategy": r.strategy} for r in options.conflicts.records if r.entity == entity.name]
            ),
        },
    )
    cursor.execute("CREATE INDEX ON decided (source_key)")
    if refined is not None:
        _absorb(cursor, entity, refined)
    native = sql.restricted("to_jsonb(t)", entity)
    cursor.execute(
        f"""
        UPDATE decided d SET known_id = chosen.id, known_row = chosen.row
        FROM (SELECT t.id, {native} AS row, d2.source_key FROM decided d2 JOIN aura.{entity.table} t
              ON t.id = coalesce(d2.chosen_id, CASE WHEN cardinality(d2.candidate_ids) = 1 AND d2.rivals = 1
                                                    THEN d2.candidate_ids[1] END)
             AND t.restaurant_id = %(restaurant)s
             WHERE d2.known_id IS NULL AND d2.candidate_ids IS NOT NULL) chosen
        WHERE chosen.source_key = d.source_key
        """,
        {"restaurant": subject.restaurant_id},
    )
    if self_ref is not None:
        _resolve_self(cursor, entity, self_ref.name, self_ref.target)
    # Images and, for known rows, the columns in which source and target differ. Where we know what we last wrote, a
    # column the source did not change keeps what people made of it.
    cursor.execute(f"UPDATE decided SET image = {sql.normalised('raw_image', entity)}")
    cursor.execute(
        """
        UPDATE decided d SET
            changed = coalesce((SELECT jsonb_object_agg(k, d.image -> k) FROM jsonb_object_keys(d.image) k
                       WHERE d.image -> k IS DISTINCT FROM d.known_row -> k
                         AND NOT (d.loaded IS NOT NULL AND d.image -> k IS NOT DISTINCT FROM d.loaded -> k)), '{}')
        WHERE known_row IS NOT NULL
        """
    )
    is_own = "known_id IS NOT NULL AND candidate_ids IS NULL"
    edited = "(SELECT 1 FROM jsonb_object_keys(changed) k WHERE loaded IS NOT NULL AND loaded -> k IS DISTINCT FROM known_row -> k)"
    cursor.execute(
        f"""
        UPDATE decided SET (action, why) = (SELECT x.action, x.why FROM (SELECT * FROM (
            SELECT 1 AS rank, verdict AS action, staged_reason AS why WHERE verdict IS NOT NULL
            UNION ALL SELECT 2, parent_action, parent_reason WHERE parent_action IS NOT NULL
            UNION ALL SELECT 3, CASE strategy WHEN 'keep_existing' THEN 'skip' WHEN 'overwrite' THEN 'create'
                                     WHEN 'duplicate' THEN 'create' WHEN 'merge' THEN 'skip' ELSE 'conflict' END,
                            'was removed in AuraConnect after it had been loaded' WHERE is_gone
            UNION ALL SELECT 4, 'unchanged', '' WHERE {is_own} AND changed = '{{}}'
            UNION ALL SELECT 5, 'unchanged', 'differs by location in ' ||
                            (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(changed) k) || ': kept on its own row'
                     WHERE {is_own} AND others IS NOT NULL AND {beyond} = '{{}}'
            UNION ALL SELECT 6, CASE strategy WHEN 'overwrite' THEN 'update' WHEN 'merge' THEN 'merge'
                                     WHEN 'keep_existing' THEN 'merge' WHEN 'duplicate' THEN 'create' ELSE 'conflict' END,
                            'shared with ' || (SELECT string_agg(v, ', ') FROM jsonb_array_elements_text(others) v) || '; differs in ' ||
                            (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys({beyond}) k)
                     WHERE {is_own} AND others IS NOT NULL
            UNION ALL SELECT 7, CASE strategy WHEN 'overwrite' THEN 'update' WHEN 'merge' THEN 'merge'
                                     WHEN 'keep_existing' THEN 'merge' ELSE 'conflict' END,
                            'changed in the POS and, since it was loaded, in AuraConnect: ' ||
                            (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(changed) k
                             WHERE loaded -> k IS DISTINCT FROM known_row -> k)
                     WHERE {is_own} AND loaded IS NOT NULL AND EXISTS {edited}
            UNION ALL SELECT 8, 'update', 'changed in the POS: ' ||
                            (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(changed) k)
                     WHERE {is_own} AND loaded IS NOT NULL
            UNION ALL SELECT 9, CASE strategy WHEN 'overwrite' THEN 'update' WHEN 'merge' THEN 'merge'
                                     WHEN 'keep_existing' THEN 'merge' WHEN 'duplicate' THEN 'create' ELSE 'conflict' END,
                            'linked to a record made in AuraConnect; differs in ' ||
                            (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(changed) k)
                     WHERE {is_own}
            UNION ALL SELECT 10, 'create', 'a record of the same name exists; kept apart' WHERE candidate_ids IS NOT NULL AND strategy = 'duplicate'
            UNION ALL SELECT 11, 'merge', 'the same link exists in AuraConnect' WHERE candidate_ids IS NOT NULL AND NOT {named} AND known_id IS NOT NULL
            UNION ALL SELECT 12, 'create', '' WHERE candidate_ids IS NOT NULL AND NOT {named}
            UNION ALL SELECT 13, CASE strategy WHEN 'overwrite' THEN 'update' WHEN 'merge' THEN 'merge' WHEN 'keep_existing' THEN 'merge'
                                      ELSE 'conflict' END,
                            'a record of the same name exists in AuraConnect' WHERE candidate_ids IS NOT NULL AND known_id IS NOT NULL
            UNION ALL SELECT 14, 'conflict', CASE WHEN cardinality(candidate_ids) > 1
                            THEN cardinality(candidate_ids) || ' records of the same name exist in AuraConnect'
                            ELSE rivals || ' records of the POS have the name of one record in AuraConnect' END
                     WHERE candidate_ids IS NOT NULL
            UNION ALL SELECT 15, 'create', ''
        ) all_rules ORDER BY rank LIMIT 1) x)
        """
    )
    # Merging fills only what AuraConnect left empty; keeping what exists writes nothing.
    cursor.execute(
        """
        UPDATE decided SET changed = CASE
            WHEN strategy = 'keep_existing' OR candidate_ids IS NOT NULL AND strategy IS NULL THEN '{}'::jsonb
            ELSE coalesce((SELECT jsonb_object_agg(k, v) FROM jsonb_each(changed) e(k, v)
                           WHERE known_row -> k IS NULL OR known_row -> k IN ('null'::jsonb, '""'::jsonb, '[]'::jsonb)), '{}') END
        WHERE action = 'merge'
        """
    )
    cursor.execute(
        f"""
        UPDATE decided SET
            aura_id = CASE WHEN action = 'create'
                           THEN coalesce(fresh_id, nextval(pg_get_serial_sequence('aura.{entity.table}', 'id')))
                           WHEN action IN ('update', 'unchanged', 'merge') THEN known_id END,
            stands_on_plan = CASE WHEN action IN ('update', 'unchanged', 'merge') THEN stands_on_plan END,
            before = CASE WHEN action IN ('update', 'unchanged', 'merge') THEN known_row END
        """
    )
    if self_ref is not None:
        _drop_missing_parents(cursor, self_ref.name, self_ref.target)
    cursor.execute(
        """
        UPDATE decided SET
            final = CASE action WHEN 'create' THEN image WHEN 'update' THEN known_row || changed
                                WHEN 'merge' THEN known_row || changed WHEN 'unchanged' THEN known_row END,
            image = CASE action WHEN 'create' THEN image WHEN 'update' THEN changed WHEN 'merge' THEN changed END
        """
    )
    _write_rows(cursor, subject, entity, plan_id, self_ref.name if self_ref else None)
    cursor.execute(
        """
        INSERT INTO planned (entity, source_key, action, aura_id, row, stands_on_plan)
        SELECT %s, source_key, action,
               -- children of an undecided row are compared as if it were what it conflicts with
               CASE action WHEN 'conflict' THEN known_id ELSE aura_id END,
               CASE action WHEN 'conflict' THEN known_row ELSE final END, stands_on_plan
        FROM decided
        """,
        [entity.name],
    )
    cursor.execute("ANALYZE planned")
    cursor.execute("DROP TABLE decided")


def _refinement(entity: Entity) -> list[tuple[str, str]] | None:
    """``[(reference field, entity it refines)]``, most specific last, of a row that overrides a shared one."""
    if entity.refines is None:
        return None
    return [(f.name, str(f.ref)) for f in entity.refs]


def _absorb(cursor: psycopg.Cursor[dict[str, Any]], entity: Entity, refined: list[tuple[str, str]]) -> None:
    """Null out, unit by unit, what the location row would only repeat of the row it refines."""
    keys = " ".join(
        f"WHEN d.content ->> {sql.quote(name)} IS NOT NULL THEN {sql.quote(ref)}" for name, ref in reversed(refined)
    )
    key = "coalesce(" + ", ".join(f"d.content ->> {sql.quote(name)}" for name, _ in reversed(refined)) + ")"
    steps = []
    for unit in entity.units:
        fields = [entity.field(name) for name in unit]
        same = " AND ".join(
            f"d.raw_image -> {sql.quote(f.target)} IS NOT DISTINCT FROM s.row -> {sql.quote(f.base or f.target)}"
            for f in fields
        )
        nulls = ", ".join(f"{sql.quote(f.target)}, NULL" for f in fields)
        steps.append(f"CASE WHEN {same} THEN jsonb_build_object({nulls}) ELSE '{{}}'::jsonb END")
    cursor.execute(
        f"""
        UPDATE decided SET raw_image = decided.raw_image || a.nulls
        FROM (SELECT d.source_key, {" || ".join(steps)} AS nulls FROM decided d
              JOIN planned s ON s.entity = CASE {keys} END AND s.source_key = {key} AND s.row IS NOT NULL) a
        WHERE a.source_key = decided.source_key
        """
    )


def _resolve_self(cursor: psycopg.Cursor[dict[str, Any]], entity: Entity, name: str, column: str) -> None:
    """Point rows at other rows of their own entity; the ids of new ones are reserved for that before anything is decided."""
    cursor.execute(
        f"UPDATE decided SET fresh_id = nextval(pg_get_serial_sequence('aura.{entity.table}', 'id')) "
        "WHERE known_id IS NULL AND verdict IS NULL AND parent_action IS NULL"
    )
    cursor.execute(
        f"""
        UPDATE decided d SET raw_image = d.raw_image || jsonb_build_object({sql.quote(column)}, coalesce(p.known_id, p.fresh_id))
        FROM decided p WHERE p.source_key = d.content ->> {sql.quote(name)}
        """
    )


def _drop_missing_parents(cursor: psycopg.Cursor[dict[str, Any]], name: str, column: str) -> None:
    """A parent that is not loaded after all (skipped, quarantined, undecided) leaves its child without one."""
    cursor.execute(
        f"""
        UPDATE decided d SET image = d.image || jsonb_build_object({sql.quote(column)}, NULL), changed = d.changed - {sql.quote(column)}
        FROM decided p WHERE p.source_key = d.content ->> {sql.quote(name)} AND p.aura_id IS NULL
        """
    )


def _write_rows(
    cursor: psycopg.Cursor[dict[str, Any]], subject: Subject, entity: Entity, plan_id: int, parent: str | None
) -> None:
    depth = "0"
    recursive = ""
    if parent is not None:
        recursive = f"""
        WITH RECURSIVE tree AS (
            SELECT d.source_key, 0 AS depth FROM decided d
            WHERE NOT EXISTS (SELECT 1 FROM decided p WHERE p.source_key = d.content ->> {sql.quote(parent)})
            UNION ALL
            SELECT d.source_key, t.depth + 1 FROM tree t JOIN decided d ON d.content ->> {sql.quote(parent)} = t.source_key
            WHERE t.depth < 64
        )
        """
        depth = "coalesce((SELECT max(depth) FROM tree WHERE tree.source_key = d.source_key), 0)"
    cursor.execute(
        f"""
        {recursive}
        INSERT INTO migration.plan_rows (plan_id, seq, entity, source_key, action, strategy, reason, label, aura_table, aura_id,
            content, image, before, before_hash, stands_on_plan, touches, candidates, source_hash, record, crosswalk_key)
        SELECT %(plan)s,
               (SELECT coalesce(max(seq), 0) FROM migration.plan_rows WHERE plan_id = %(plan)s)
                 + row_number() OVER (ORDER BY {depth}, d.seq, d.source_key),
               %(entity)s, d.source_key, d.action,
               CASE WHEN d.candidate_ids IS NOT NULL OR d.known_id IS NOT NULL AND d.action <> 'unchanged' THEN d.strategy END,
               coalesce(d.why, ''), d.label, %(table)s, d.aura_id,
               CASE d.action
                    WHEN 'create' THEN d.content
                    WHEN 'quarantine' THEN d.content WHEN 'skip' THEN d.content WHEN 'conflict' THEN d.content
                    WHEN 'unchanged' THEN NULL
                    ELSE (SELECT jsonb_object_agg(f.name, d.content -> f.name) FROM jsonb_to_recordset(%(fields)s::jsonb)
                          AS f(name text, target text) WHERE d.changed ? f.target) END,
               d.image,
               CASE WHEN d.action IN ('update', 'merge', 'conflict') THEN d.known_row END,
               CASE WHEN d.before IS NOT NULL THEN {sql.row_hash("d.before")} END,
               d.stands_on_plan,
               CASE WHEN d.action IN ('update', 'merge', 'conflict') THEN d.others END,
               CASE WHEN d.action IN ('conflict', 'merge', 'update') AND d.candidate_ids IS NOT NULL THEN to_jsonb(d.candidate_ids) END,
               d.source_hash, d.record,
               CASE WHEN d.action = 'create' AND d.known_id IS NOT NULL AND NOT d.is_gone
                    THEN d.source_key || '@' || %(location)s ELSE coalesce(d.crosswalk_key, d.source_key) END
        FROM decided d
        """,
        {
            "plan": plan_id,
            "entity": entity.name,
            "table": entity.table,
            "location": subject.location_source_id,
            "fields": json.dumps([{"name": f.name, "target": f.target} for f in entity.fields]),
        },
    )


def _seal(cursor: psycopg.Cursor[dict[str, Any]], plan_id: int, base: Sequence[dict[str, Any]]) -> StoredPlan:
    """Hash the content, count the actions, and note the plans this one stands on."""
    cursor.execute(
        """
        SELECT encode(sha256(coalesce(string_agg(line, E'\\n' ORDER BY entity COLLATE "C", source_key COLLATE "C"), '')::bytea), 'hex') AS hash
        FROM (
            SELECT entity, source_key, encode(sha256(convert_to(jsonb_build_array(entity, source_key, action, strategy, reason, content,
                   (SELECT jsonb_object_agg(k, v) FROM jsonb_each(before) e(k, v) WHERE k NOT LIKE '%%\\_id'),
                   touches, jsonb_array_length(coalesce(candidates, '[]')))::text, 'UTF8')), 'hex') AS line
            FROM migration.plan_rows WHERE plan_id = %(plan)s
            UNION ALL
            SELECT '', 'options', encode(sha256(convert_to(jsonb_build_array(options, blockers)::text, 'UTF8')), 'hex')
            FROM migration.plans WHERE id = %(plan)s
        ) lines
        """,
        {"plan": plan_id},
    )
    hashed = cursor.fetchone()
    assert hashed is not None
    cursor.execute(
        "SELECT entity, action, count(*) AS n FROM migration.plan_rows WHERE plan_id = %s GROUP BY entity, action",
        [plan_id],
    )
    counts: dict[str, dict[str, int]] = {}
    for row in cursor.fetchall():
        entry = counts.setdefault(row["entity"], {"source": 0, **dict.fromkeys(ACTIONS, 0)})
        entry[row["action"]] = row["n"]
        entry["source"] += row["n"]
    cursor.execute(
        "SELECT DISTINCT stands_on_plan AS id FROM migration.plan_rows WHERE plan_id = %s AND stands_on_plan IS NOT NULL",
        [plan_id],
    )
    needed = {row["id"] for row in cursor.fetchall()}
    stands_on = [
        {"migration_id": p["migration_id"], "plan_id": p["id"], "hash": p["hash"], "location": p["location_key"]}
        for p in base
        if p["id"] in needed
    ]
    cursor.execute(
        "UPDATE migration.plans SET hash = %s, counts = %s, stands_on = %s, state = 'planned' WHERE id = %s",
        [hashed["hash"], json.dumps(counts), json.dumps(stands_on), plan_id],
    )
    return StoredPlan(plan_id, hashed["hash"], counts, stands_on)


def _keep_or_replace(
    cursor: psycopg.Cursor[dict[str, Any]], subject: Subject, stored: StoredPlan, kind: str
) -> StoredPlan:
    cursor.execute(
        """
        SELECT p.id, p.hash, p.state, p.counts, p.stands_on FROM migration.migrations m JOIN migration.plans p ON p.id = m.plan_id
        WHERE m.id = %s FOR UPDATE OF m
        """,
        [subject.migration_id],
    )
    current = cursor.fetchone()
    same = (
        current is not None
        and current["hash"] == stored.hash
        and all(_still_stands(cursor, ground, stored.stands_on) for ground in current["stands_on"])
    )
    if same and current is not None and current["state"] in (*PENDING, "loaded"):
        cursor.execute("DELETE FROM migration.plans WHERE id = %s", [stored.plan_id])
        return StoredPlan(current["id"], current["hash"], current["counts"], current["stands_on"], is_new=False)
    if kind == "delta":
        return stored
    if current is not None and current["state"] in ("building", "planned", "approved"):
        cursor.execute("UPDATE migration.plans SET state = 'superseded' WHERE id = %s", [current["id"]])
    cursor.execute(
        "UPDATE migration.migrations SET plan_id = %s, updated_at = now() WHERE id = %s",
        [stored.plan_id, subject.migration_id],
    )
    return stored


def _still_stands(
    cursor: psycopg.Cursor[dict[str, Any]], ground: dict[str, Any], present: Sequence[dict[str, Any]]
) -> bool:
    """Whether the plan below is the same as ever: still pending with the ids it reserved, or loaded with them."""
    if any(p["plan_id"] == ground["plan_id"] and p["hash"] == ground["hash"] for p in present):
        return True
    cursor.execute("SELECT state FROM migration.plans WHERE id = %s", [ground["plan_id"]])
    row = cursor.fetchone()
    return row is not None and row["state"] == "loaded"
