"""What a plan is made on: the staged rows with the fate of their parents, what stands for them already, and what might.

Temp tables, made anew for each entity:

    work         staged rows of the entity: raw image (references as ids), fate of the parents, what a location row inherits
    known        what a staged key already stands for: AuraConnect's row, or one that a plan before this one will make
    candidates   records made in AuraConnect itself that might be the same thing as a row without a crosswalk

and one for the whole plan, from which children read what became of their parents:

    planned      entity, source key → action, id, what inherits from it
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from aura_migration.canonical.model import Entity, Field
from aura_migration.canonical.options import MigrationOptions
from aura_migration.canonical.references import is_binding
from aura_migration.plan import sql

Cursor = psycopg.Cursor[dict[str, Any]]


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
class Before:
    """A pending plan of a location that comes earlier: its rows are taken for given."""

    plan_id: int
    hash: str
    migration_id: int
    location_key: str


def arguments(subject: Subject, entity: Entity, before: Sequence[Before] = (), **more: Any) -> dict[str, Any]:
    """The bound values of the statements below. ``suffix`` marks a crosswalk key that is of one location only."""
    location = subject.location_source_id
    return {
        "migration": subject.migration_id,
        "integration": subject.integration_id,
        "restaurant": subject.restaurant_id,
        "location": location,
        "suffix": f"@{location}",
        "entity": entity.name,
        "table": entity.table,
        "before": [plan.plan_id for plan in before],
        **more,
    }


WORKING = ("work", "known", "candidates", "pending", "decided")
"""Temp tables that are filled anew for each wave of an entity."""
LARGE = 1_000
"""Rows from which on fresh statistics, and emptying a table instead of deleting its rows, are worth their price."""


def make_tables(cursor: Cursor) -> None:
    """Make the temp tables of one planning."""
    drop_tables(cursor)
    cursor.execute(
        """
        CREATE TEMP TABLE planned (
            entity text, source_key text, action text, aura_id bigint, is_copy boolean NOT NULL DEFAULT false,
            original_id bigint, inherited jsonb, PRIMARY KEY (entity, source_key)
        ) ON COMMIT DROP;
        CREATE TEMP TABLE work (
            source_key text, seq integer, source_hash text, verdict text, staged_reason text, label text, parent_action text,
            parent_reason text, raw jsonb, is_copied boolean, originals jsonb, inherited jsonb, same_id bigint
        ) ON COMMIT DROP;
        CREATE TEMP TABLE known (
            source_key text, crosswalk_key text, aura_id bigint, original_id bigint, row jsonb, is_gone boolean, is_native boolean,
            written jsonb, said jsonb, others jsonb, stands_on_plan bigint
        ) ON COMMIT DROP;
        CREATE TEMP TABLE candidates (source_key text, ids bigint[], rivals bigint, chosen bigint) ON COMMIT DROP;
        CREATE TEMP TABLE pending (
            source_key text, aura_id bigint, made jsonb, written jsonb, keys jsonb, plan_id bigint
        ) ON COMMIT DROP;
        CREATE TEMP TABLE decided (
            source_key text, seq integer, action text, why text, strategy text, label text, source_hash text, rivals bigint,
            candidate_ids bigint[], others jsonb, is_decided boolean, aura_id bigint, before jsonb, image jsonb, source_image jsonb,
            kept text[], replaces_id bigint, stands_on_plan bigint, crosswalk_key text, is_copy boolean, original_id bigint,
            rival_id bigint, inherited jsonb
        ) ON COMMIT DROP;
        """
    )


def drop_tables(cursor: Cursor) -> None:
    """Drop them before the transaction ends: another planning may follow in it."""
    cursor.execute(f"DROP TABLE IF EXISTS {', '.join('pg_temp.' + name for name in ('planned', *WORKING))}")


def _empty(cursor: Cursor) -> None:
    cursor.execute("SELECT count(*) AS n FROM work")
    row = cursor.fetchone()
    if row and row["n"] >= LARGE:
        cursor.execute(f"TRUNCATE {', '.join(WORKING)}")
    else:
        cursor.execute("; ".join(f"DELETE FROM {name}" for name in WORKING))


def is_fresh(cursor: Cursor, subject: Subject, entity: Entity, before: Sequence[Before], *, is_loaded: bool) -> bool:
    """Whether nothing can stand for any row of an entity yet: not loaded, not planned before, no record it might be."""
    if is_loaded or (before and entity.scope == "shared"):
        return False
    if entity.name == "price_rules":
        return True
    cursor.execute(
        f"SELECT EXISTS (SELECT 1 FROM aura.{entity.table} WHERE restaurant_id = %s AND deleted_at IS NULL) AS found",
        [subject.restaurant_id],
    )
    row = cursor.fetchone()
    return not (row and row["found"])


def lay_ground(
    cursor: Cursor,
    subject: Subject,
    entity: Entity,
    options: MigrationOptions,
    wave: int,
    before: Sequence[Before],
    *,
    is_loaded: bool,
) -> None:
    """Fill ``work``, ``known`` and ``candidates`` for one wave; ``is_loaded``: the crosswalk has rows of the entity."""
    _empty(cursor)
    is_large = _gather(cursor, subject, entity, wave) >= LARGE
    if is_large:
        cursor.execute("ANALYZE work (source_key)")
    if is_loaded:
        _recognise(cursor, subject, entity)
    if before and entity.scope == "shared":
        _take_pending_for_given(cursor, subject, entity, before)
    if is_large:
        cursor.execute("ANALYZE known (source_key, aura_id)")
    _propose(cursor, subject, entity, options, before)


# -- the staged rows ----------------------------------------------------------------------------------------------------


def _gather(cursor: Cursor, subject: Subject, entity: Entity, wave: int) -> int:
    columns = (
        "source_key, seq, source_hash, verdict, staged_reason, label, parent_action, parent_reason, "
        "is_copied, originals, inherited, raw, same_id"
    )
    cursor.execute(
        f"INSERT INTO work ({columns}) SELECT {columns} FROM ({gathered(entity)}) g",
        arguments(subject, entity, wave=wave),
    )
    return cursor.rowcount


def gathered(entity: Entity, *, is_fresh: bool = False) -> str:
    """The staged rows of a wave with the fate of their parents, as SQL; rows in their order.

    ``raw`` is the content with references as ids. For a fresh wave, which is decided and stored in the same statement, the
    row also has what is stored as it was staged (``content``, ``record``), its place in the wave, and instead of ``raw``,
    where that has no other use, the ids alone (``<reference>_ref``).
    """
    refs = [(f"ref{n}", ref) for n, ref in enumerate(entity.refs)]
    joins = [
        f"LEFT JOIN planned {alias} ON {alias}.entity = {sql.quote(str(ref.ref))} AND {alias}.source_key = {_key(ref)}"
        for alias, ref in refs
    ]
    binding = [(alias, ref) for alias, ref in refs if is_binding(entity, ref)]
    action, reason = _fate(binding)
    # The name of a person is no label.
    named = (
        "s.source_key" if entity.personal else "coalesce(s.content ->> 'name', s.content ->> 'item_name', s.source_key)"
    )
    label = f"left({named}, 200)"
    if is_fresh:
        numbered = "row_number() OVER (ORDER BY seq, source_key) AS place"
        found = ["s.content", "s.record", "s.place"]
        found += [f"{alias}.aura_id AS {ref.target}_ref" for alias, ref in refs]
    else:
        numbered = "NULL AS place"
        found = [
            f"CASE WHEN s.verdict IS NULL THEN {_raw_image(entity, refs)} END AS raw",
            f"{_originals(entity, refs)} AS originals",
            "same.aura_id AS same_id",
        ]
        joins.append("LEFT JOIN planned same ON same.entity = %(entity)s AND same.source_key = s.same_as")
        action = f"coalesce({action}, CASE WHEN same.action IN ('skip', 'quarantine') THEN same.action END)"
        reason = (
            f"coalesce(nullif({reason}, ''), CASE WHEN same.action IN ('skip', 'quarantine') "
            "THEN 'goes with ' || s.same_as || ', the same person' END)"
        )
    return f"""
        SELECT s.source_key, s.seq, s.source_hash, s.verdict, s.reason AS staged_reason, {label} AS label,
               {action} AS parent_action, {reason} AS parent_reason, {_is_copied(entity, binding)} AS is_copied,
               {_inherited(entity, refs)} AS inherited, {", ".join(found)}
        FROM (SELECT *, {numbered} FROM staging.rows
              WHERE migration_id = %(migration)s AND entity = %(entity)s AND wave = %(wave)s) s {" ".join(joins)}
        """


def _key(ref: Field) -> str:
    return f"s.content ->> {sql.quote(ref.name)}"


def _fate(binding: Sequence[tuple[str, Field]]) -> tuple[str, str]:
    """What happens to a row because of its parents, and why. A quarantine outranks a skip: it can still be mended."""
    if not binding:
        return "NULL::text", "NULL::text"
    fates, reasons = [], []
    for alias, ref in binding:
        fates.append(
            f"CASE WHEN {_key(ref)} IS NULL THEN NULL WHEN {alias}.action IS NULL THEN 'quarantine' "
            f"WHEN {alias}.action IN ('skip', 'quarantine') THEN {alias}.action END"
        )
        reasons.append(
            f"CASE WHEN {_key(ref)} IS NULL THEN NULL "
            f"WHEN {alias}.action IS NULL THEN 'refers to {ref.ref} ' || ({_key(ref)}) || ', which the POS did not send' "
            f"WHEN {alias}.action = 'skip' THEN 'goes with the skipped {ref.ref} ' || ({_key(ref)}) "
            f"WHEN {alias}.action = 'quarantine' THEN 'waits for {ref.ref} ' || ({_key(ref)}) || ' in quarantine' END"
        )
    outranked = (
        f"CASE WHEN 'quarantine' IN ({', '.join(fates)}) THEN 'quarantine' ELSE coalesce({', '.join(fates)}) END"
    )
    return outranked, f"concat_ws('; ', {', '.join(reasons)})"


def _raw_image(entity: Entity, refs: Sequence[tuple[str, Field]]) -> str:
    """A content with references as ids; a reference to something that is not loaded is null."""
    alias_of = {ref.name: alias for alias, ref in refs}
    pairs = [
        f"{sql.quote(f.target)}, " + (f"{alias_of[f.name]}.aura_id" if f.ref else f"s.content -> {sql.quote(f.name)}")
        for f in entity.fields
    ]
    return f"jsonb_build_object({', '.join(pairs)})"


def _is_copied(entity: Entity, binding: Sequence[tuple[str, Field]]) -> str:
    """Whether a shared row belongs to a copy made for this location, and so must be one itself."""
    if entity.scope != "shared" or not binding:
        return "false"
    return "(" + " OR ".join(f"coalesce({alias}.is_copy, false)" for alias, _ in binding) + ")"


def _originals(entity: Entity, refs: Sequence[tuple[str, Field]]) -> str:
    """For a shared row: the ids of which this location has copies. Pointing at the original is no difference."""
    loose = [(alias, ref) for alias, ref in refs if not is_binding(entity, ref)]
    if entity.scope != "shared" or not loose:
        return "NULL::jsonb"
    pairs = ", ".join(f"{sql.quote(ref.target)}, {alias}.original_id" for alias, ref in loose)
    return f"nullif(jsonb_strip_nulls(jsonb_build_object({pairs})), '{{}}')"


def _inherited(entity: Entity, refs: Sequence[tuple[str, Field]]) -> str:
    """For a row that refines a shared one: what holds where it says nothing. The most specific reference counts."""
    if entity.refines is None:
        return "NULL::jsonb"
    cases = " ".join(f"WHEN {_key(ref)} IS NOT NULL THEN {alias}.inherited" for alias, ref in reversed(refs))
    return f"CASE {cases} END"


# -- what stands already ------------------------------------------------------------------------------------------------


def _recognise(cursor: Cursor, subject: Subject, entity: Entity) -> None:
    """What the crosswalk knows: the row as it stands, as it was last written, and what this location's POS last said.

    A copy made for the location (``key@location``) goes before the shared row of the same key.
    """
    cursor.execute(
        f"""
        INSERT INTO known (source_key, crosswalk_key, aura_id, original_id, row, is_gone, is_native, written, said, others)
        SELECT w.source_key, c.source_key AS crosswalk_key, c.aura_id, c.original_id,
               CASE WHEN t.deleted_at IS NULL AND t.id IS NOT NULL THEN {sql.table_row("t", entity)} END AS row,
               t.id IS NULL OR t.deleted_at IS NOT NULL AS is_gone,
               t.id IS NOT NULL AND t.source_vendor IS NULL AS is_native,
               written.after AS written, coalesce(p.source_image, p.image) AS said, others.keys AS others
        FROM work w
        JOIN ({_crosswalk(entity)}) c ON c.plain = w.source_key
        LEFT JOIN aura.{entity.table} t ON t.id = c.aura_id
        LEFT JOIN LATERAL (
            SELECT j.after FROM migration.writes j
            WHERE j.aura_table = %(table)s AND j.aura_id = c.aura_id
              AND (j.outcome IS NULL OR j.outcome IN ('kept_claimed', 'kept_edited', 'kept_needed'))
            ORDER BY j.id DESC LIMIT 1) written ON true
        LEFT JOIN migration.claims k
               ON k.migration_id = %(migration)s AND k.aura_table = %(table)s AND k.aura_id = c.aura_id
        LEFT JOIN migration.plan_rows p ON p.plan_id = k.plan_id AND p.seq = k.seq
        CROSS JOIN LATERAL ({_other_claims("c.aura_id")}) others
        """,
        arguments(subject, entity),
    )


def _crosswalk(entity: Entity) -> str:
    """Crosswalk rows of an entity by plain source key, one each, with the shared row a copy was made of."""
    place = ""
    if entity.scope == "location":
        place = (
            "AND (source_key = %(location)s OR starts_with(source_key, %(location)s || '/') "
            "OR right(source_key, length(%(suffix)s)) = %(suffix)s)"
        )
    return f"""
        SELECT DISTINCT ON (plain) plain, source_key, aura_id,
               CASE WHEN is_copy THEN lead(aura_id) OVER (PARTITION BY plain ORDER BY is_copy DESC) END AS original_id
        FROM (SELECT source_key, aura_id, right(source_key, length(%(suffix)s)) = %(suffix)s AS is_copy,
                     CASE WHEN right(source_key, length(%(suffix)s)) = %(suffix)s
                          THEN left(source_key, -length(%(suffix)s)) ELSE source_key END AS plain
              FROM migration.crosswalk
              WHERE integration_id = %(integration)s AND entity = %(entity)s AND is_active {place}) keyed
        ORDER BY plain, is_copy DESC
    """


def _other_claims(aura_id: str) -> str:
    """``keys``: the locations of other migrations that claim a row, sorted; null when there are none."""
    return f"""
        SELECT jsonb_agg(DISTINCT m.location_key ORDER BY m.location_key) AS keys
        FROM migration.claims o JOIN migration.migrations m ON m.id = o.migration_id
        WHERE o.aura_table = %(table)s AND o.aura_id = {aura_id} AND o.migration_id <> %(migration)s
    """


def _take_pending_for_given(cursor: Cursor, subject: Subject, entity: Entity, before: Sequence[Before]) -> None:
    """Overlay ``known`` with what the plans before this one will have written, in their order."""
    bound = arguments(subject, entity, before)
    cursor.execute(
        """
        INSERT INTO pending (source_key, aura_id, made, written, keys, plan_id)
        WITH rows AS (
            SELECT p.crosswalk_key AS source_key, p.action, p.aura_id, p.image, p.plan_id, m.location_key,
                   array_position(%(before)s::bigint[], p.plan_id) AS place
            FROM migration.plan_rows p
            JOIN migration.plans l ON l.id = p.plan_id
            JOIN migration.migrations m ON m.id = l.migration_id
            JOIN work w ON w.source_key = p.crosswalk_key
            WHERE p.plan_id = ANY(%(before)s) AND p.entity = %(entity)s AND p.seq > l.applied_seq AND p.aura_id IS NOT NULL
        ), changes AS (
            SELECT source_key, jsonb_object_agg(e.key, e.value ORDER BY place) AS written
            FROM rows, jsonb_each(rows.image) e WHERE action IN ('update', 'merge') GROUP BY source_key
        )
        SELECT r.source_key, (array_agg(r.aura_id ORDER BY r.place))[1] AS aura_id,
               (array_agg(r.image ORDER BY r.place) FILTER (WHERE r.action = 'create'))[1] AS made,
               coalesce((array_agg(c.written))[1], '{}') AS written,
               jsonb_agg(DISTINCT r.location_key ORDER BY r.location_key) AS keys,
               coalesce((array_agg(r.plan_id ORDER BY r.place DESC)
                         FILTER (WHERE r.action = 'create' OR r.action IN ('update', 'merge') AND r.image <> '{}'))[1],
                        min(r.plan_id)) AS plan_id
        FROM rows r LEFT JOIN changes c USING (source_key) GROUP BY r.source_key
        """,
        bound,
    )
    cursor.execute(
        "DELETE FROM known k USING pending p WHERE p.source_key = k.source_key AND k.is_gone AND p.made IS NOT NULL"
    )
    cursor.execute(
        """
        UPDATE known k SET row = k.row || p.written,
               written = CASE WHEN p.written = '{}' THEN k.written ELSE coalesce(k.written, k.row) || p.written END,
               others = (SELECT jsonb_agg(DISTINCT v ORDER BY v) FROM jsonb_array_elements(coalesce(k.others, '[]') || p.keys) v),
               stands_on_plan = CASE WHEN p.written <> '{}' THEN p.plan_id END
        FROM pending p WHERE p.source_key = k.source_key AND p.aura_id = k.aura_id
        """
    )
    cursor.execute(
        f"""
        INSERT INTO known (source_key, crosswalk_key, aura_id, row, is_gone, is_native, written, others, stands_on_plan)
        SELECT p.source_key, p.source_key, p.aura_id, now.row || p.written, false, p.made IS NULL AND t.source_vendor IS NULL,
               CASE WHEN p.made IS NOT NULL OR p.written <> '{{}}' THEN now.row || p.written END, p.keys, p.plan_id
        FROM pending p
        LEFT JOIN aura.{entity.table} t ON p.made IS NULL AND t.id = p.aura_id AND t.deleted_at IS NULL
        CROSS JOIN LATERAL (SELECT coalesce(p.made, {sql.table_row("t", entity)}) AS row) now
        WHERE (p.made IS NOT NULL OR t.id IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM known k WHERE k.source_key = p.source_key)
        """
    )


# -- what might be the same thing ---------------------------------------------------------------------------------------


def _propose(
    cursor: Cursor, subject: Subject, entity: Entity, options: MigrationOptions, before: Sequence[Before]
) -> None:
    """Records made in AuraConnect itself that might be what a row without a crosswalk stands for.

    By name for things that have names (a proposal, never a decision); by both ends for links. Price rules have neither, and
    a movement of what is owed is never another one: a card may be used for the same amount twice.
    """
    if entity.name == "price_rules" or entity.is_movement or not _has_unknown(cursor):
        return
    # One join for each way to be the same: joined by "or", every row would be held against every other.
    same = " UNION ".join(
        f"""
        SELECT w.source_key, t.id
        FROM work w
        JOIN aura.{entity.table} t
          ON t.restaurant_id = %(restaurant)s AND t.deleted_at IS NULL AND {" AND ".join(tests)}
        WHERE w.verdict IS NULL AND w.parent_action IS NULL AND NOT w.is_copied AND w.same_id IS NULL
          AND NOT EXISTS (SELECT 1 FROM known k WHERE k.source_key = w.source_key)
          AND NOT EXISTS (SELECT 1 FROM migration.crosswalk c
                          WHERE c.aura_table = %(table)s AND c.aura_id = t.id AND c.is_active {_taken_here(entity)})
          {_not_pending(entity) if before else ""}
        """
        for tests in _sameness(entity)
    )
    cursor.execute(
        f"""
        INSERT INTO candidates (source_key, ids, rivals)
        SELECT source_key, ids, count(*) OVER (PARTITION BY ids) FROM (
            SELECT source_key, array_agg(id ORDER BY id) AS ids FROM ({same}) same GROUP BY source_key
        ) found
        """,
        arguments(subject, entity, before),
    )
    if cursor.rowcount:
        _choose(cursor, subject, entity, options)


def _has_unknown(cursor: Cursor) -> bool:
    cursor.execute(
        "SELECT EXISTS (SELECT 1 FROM work w WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.source_key = w.source_key)) AS found"
    )
    row = cursor.fetchone()
    return bool(row and row["found"])


def _choose(cursor: Cursor, subject: Subject, entity: Entity, options: MigrationOptions) -> None:
    """The one candidate of a row, if no other is possible or people said so; two rows never get the same."""
    cursor.execute(
        """
        UPDATE candidates c SET chosen = CASE WHEN x.strategy = 'duplicate' THEN NULL
                                              WHEN x.aura_id IS NOT NULL THEN (SELECT i FROM unnest(c.ids) i WHERE i = x.aura_id)
                                              WHEN cardinality(c.ids) = 1 AND (c.rivals = 1 OR x.strategy IS NOT NULL) THEN c.ids[1] END
        FROM (SELECT source_key, d.aura_id, coalesce(d.strategy, r.strategy) AS strategy
              FROM candidates
              LEFT JOIN (SELECT * FROM migration.decisions
                         WHERE migration_id = %(migration)s AND entity = %(entity)s) d USING (source_key)
              LEFT JOIN jsonb_to_recordset(%(records)s::jsonb) AS r(source_key text, strategy text) USING (source_key)) x
        WHERE x.source_key = c.source_key
        """,
        arguments(subject, entity, records=record_strategies(entity, options)),
    )
    cursor.execute(
        "UPDATE candidates SET chosen = NULL WHERE chosen IN (SELECT chosen FROM candidates GROUP BY chosen HAVING count(*) > 1)"
    )


def record_strategies(entity: Entity, options: MigrationOptions) -> str:
    """The strategies the options name for single records of an entity, as JSON ``[{source_key, strategy}]``."""
    return json.dumps(
        [{"source_key": r.key, "strategy": r.strategy} for r in options.conflicts.records if r.entity == entity.name]
    )


def _sameness(entity: Entity) -> list[list[str]]:
    """The tests by which a record ``t`` may be the same as a staged row ``w``: an equivalence, never a similarity.

    All tests of a list must hold, and any one of the lists is enough.
    """
    tests: list[str] = []
    for name in entity.match_on:
        found = entity.field(name)
        raw = f"w.raw ->> {sql.quote(found.target)}"
        if found.ref:
            tests.append(f"t.{found.target} = ({raw})::bigint")
        elif found.kind == "text":
            operator = "=" if found.required else "IS NOT DISTINCT FROM"
            tests.append(f"lower(btrim(t.{found.target})) {operator} lower(btrim({raw}))")
        else:
            tests.append(f"t.{found.target} IS NOT DISTINCT FROM ({raw})::numeric")
    if not entity.match_on and not entity.match_by:
        for ref in entity.refs:
            operator = "=" if ref.required else "IS NOT DISTINCT FROM"
            tests.append(f"t.{ref.target} {operator} (w.raw ->> {sql.quote(ref.target)})::bigint")
    if entity.scope == "location" and entity.name != "locations":
        here = "(SELECT aura_id FROM planned WHERE entity = 'locations' AND source_key = %(location)s)"
        tests.append(f"(t.location_id IS NULL OR t.location_id = {here})")
    return [[*ways, *tests] for ways in _ways(entity)] if entity.match_by else [tests]


def _ways(entity: Entity) -> list[list[str]]:
    """People: the e-mail address or the phone number is the same. A record made by hand may lack the normalised form."""
    ways = []
    for names in entity.match_by:
        same = []
        for name in names:
            column = entity.field(name).target
            held = f"t.{column}"
            if column == "email_normalized":
                held = "coalesce(t.email_normalized, lower(btrim(t.email)))"
            same.append(f"{held} = (w.raw ->> {sql.quote(column)})")
        ways.append(same)
    return ways


def _taken_here(entity: Entity) -> str:
    """A station or link that AuraConnect has for all locations may be that of several locations at once."""
    if entity.scope == "shared" or entity.name == "locations":
        return ""
    return (
        "AND (t.location_id IS NOT NULL OR c.source_key = %(location)s OR starts_with(c.source_key, %(location)s || '/') "
        "OR right(c.source_key, length(%(suffix)s)) = %(suffix)s)"
    )


def _not_pending(entity: Entity) -> str:
    if entity.scope != "shared":
        return ""
    return """
        AND t.id NOT IN (SELECT q.aura_id FROM migration.plan_rows q JOIN migration.plans l ON l.id = q.plan_id
                         WHERE q.plan_id = ANY(%(before)s) AND q.entity = %(entity)s AND q.seq > l.applied_seq
                           AND q.aura_id IS NOT NULL AND q.action <> 'create')
    """


def recall(cursor: Cursor, subject: Subject, entity: Entity, *, is_refined: bool) -> None:
    """Let children find records that were loaded before and are not in this answer of the POS: nothing happens to those."""
    inherited = sql.table_row("t", entity) if is_refined else "NULL::jsonb"
    is_copy = "c.source_key <> c.plain" if entity.scope == "shared" else "false"
    cursor.execute(
        f"""
        INSERT INTO planned (entity, source_key, action, aura_id, is_copy, original_id, inherited)
        SELECT %(entity)s, c.plain, 'unseen', c.aura_id, {is_copy}, c.original_id, {inherited}
        FROM ({_crosswalk(entity)}) c
        JOIN aura.{entity.table} t ON t.id = c.aura_id AND t.deleted_at IS NULL
        WHERE NOT EXISTS (SELECT 1 FROM planned p WHERE p.entity = %(entity)s AND p.source_key = c.plain)
        """,
        arguments(subject, entity),
    )
