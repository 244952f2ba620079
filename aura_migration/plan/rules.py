"""The rules by which a row gets its action, in the order in which they are asked: the first that holds decides.

One statement per entity fills temp table ``decided`` out of ``work``, ``known`` and ``candidates``, in layers:

    met        a staged row meets what it stands for (its own row, or a record of AuraConnect it may be linked to)
    compared   in which columns they differ, and who moved: the POS, people, another location
    ruled      the first rule that holds
    acted      the action that follows from rule and strategy
    written    what is written, and what stays different on purpose

Comparing is three-way. *Said* is what this location's POS said when it was loaded last (for a first load: what another
location's load wrote), *now* what AuraConnect holds, the image what the POS says today. A column that the POS says as
before is left to AuraConnect; one that it says anew is written, unless people changed it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aura_migration.canonical.model import Entity
from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan import sql
from aura_migration.plan.ground import Cursor, Subject, arguments, gathered, record_strategies

EMPTY = "('null', '\"\"', '[]', '{}')"
"""What merging takes for left empty."""


@dataclass(frozen=True)
class Rule:
    """When ``when`` holds (SQL over layer ``compared``), ``action`` follows: a fixed one, or one per strategy.

    With strategies, no strategy and any that is not named lead to ``otherwise``. ``why`` is SQL for the reason shown.
    """

    when: str
    action: str | Mapping[str, str]
    why: str = "''"
    strategy: str = "strategy"
    otherwise: str = "conflict"

    def action_sql(self) -> str:
        """The action as an SQL expression."""
        if isinstance(self.action, str):
            return self.action
        cases = " ".join(f"WHEN {sql.quote(s)} THEN {sql.quote(a)}" for s, a in self.action.items())
        return f"CASE {self.strategy} {cases} ELSE {sql.quote(self.otherwise)} END"


KEEP_OR_MERGE = {"keep_existing": "merge", "merge": "merge"}
EXISTING = {**KEEP_OR_MERGE, "overwrite": "update"}
IS_KNOWN = "known_id IS NOT NULL AND is_own"
IS_SHARED_DIFFERENCE = "known_id IS NOT NULL AND others IS NOT NULL AND shared_changes <> '{}'"

RULES: tuple[Rule, ...] = (
    Rule("verdict IS NOT NULL", "verdict", "staged_reason"),
    Rule("parent_action IS NOT NULL", "parent_action", "parent_reason"),
    Rule("is_same AND was_same", "'unchanged'", "staged_reason"),
    Rule("is_same", "'merge'", "staged_reason"),
    Rule("must_copy", "'create'", "'belongs to a copy made for this location'"),
    Rule(
        "is_gone AND said IS NOT DISTINCT FROM image",
        {"overwrite": "create", "duplicate": "create"},
        "'was removed in AuraConnect after it had been loaded; the POS says nothing new'",
        strategy="own_strategy",
        otherwise="skip",
    ),
    Rule(
        "is_gone",
        {"keep_existing": "skip", "merge": "skip", "overwrite": "create", "duplicate": "create"},
        "'was removed in AuraConnect after it had been loaded'",
    ),
    Rule(
        f"{IS_KNOWN} AND changed = '{{}}'",
        "'unchanged'",
        f"CASE WHEN cardinality(edited) > 0 THEN 'kept as changed in AuraConnect: ' || {sql.listed_keys('edited')} ELSE '' END",
    ),
    Rule(
        f"{IS_KNOWN} AND others IS NOT NULL AND shared_changes = '{{}}'",
        "'unchanged'",
        f"'differs by location in ' || {sql.object_keys('changed')} || ': kept on its own row'",
    ),
    # What other locations sell is changed by a decision about the very record, never by a general strategy.
    Rule(
        IS_SHARED_DIFFERENCE,
        {**EXISTING, "duplicate": "create"},
        "'shared with ' || (SELECT string_agg(v, ', ') FROM jsonb_array_elements_text(others) v) || '; differs in ' || "
        + sql.object_keys("shared_changes"),
        strategy="shared_strategy",
    ),
    Rule(
        f"{IS_KNOWN} AND is_native",
        {**EXISTING, "duplicate": "create"},
        f"'linked to a record made in AuraConnect; differs in ' || {sql.object_keys('changed')}",
    ),
    Rule(
        f"{IS_KNOWN} AND cardinality(contested) > 0",
        EXISTING,
        f"'changed in the POS and, since it was loaded, in AuraConnect: ' || {sql.listed_keys('contested')}",
    ),
    Rule(IS_KNOWN, "'update'", f"'changed in the POS: ' || {sql.object_keys('changed')}"),
    Rule(
        "candidate_ids IS NOT NULL AND is_named AND strategy = 'duplicate'",
        "'create'",
        "'a record of the same ' || likeness || ' exists; kept apart'",
    ),
    Rule(
        "known_id IS NOT NULL AND NOT is_named AND changed = '{}'", "'merge'", "'the same link exists in AuraConnect'"
    ),
    Rule(
        "known_id IS NOT NULL AND NOT is_named",
        {**EXISTING, "duplicate": "merge"},
        f"'the same link exists in AuraConnect; differs in ' || {sql.object_keys('changed')}",
    ),
    Rule("known_id IS NOT NULL", EXISTING, "'a record of the same ' || likeness || ' exists in AuraConnect'"),
    Rule(
        "candidate_ids IS NOT NULL",
        "'conflict'",
        "CASE WHEN cardinality(candidate_ids) > 1 "
        "THEN cardinality(candidate_ids) || ' records of the same ' || likeness || ' exist in AuraConnect' "
        "ELSE rivals || ' records of the POS have the ' || likeness || ' of one record in AuraConnect' END",
    ),
    Rule("true", "'create'"),
)


def decide(cursor: Cursor, subject: Subject, entity: Entity, options: MigrationOptions, *, is_refined: bool) -> None:
    """Fill ``decided``: every staged row of the wave with its action, reserved id and what is written."""
    cursor.execute(
        f"""
        INSERT INTO decided (source_key, seq, action, why, strategy, label, source_hash, rivals, candidate_ids, others, is_decided,
            aura_id, before, image, source_image, kept, replaces_id, stands_on_plan, crosswalk_key, is_copy, original_id, rival_id,
            inherited)
        WITH met AS ({_met(entity)} OFFSET 0),
             imaged AS ({_imaged(entity)} OFFSET 0),
             compared AS ({_compared(entity)} OFFSET 0),
             ruled AS (SELECT *, CASE {_numbered()} END AS rule FROM compared OFFSET 0),
             acted AS (SELECT *, CASE rule {_actions()} END AS action, CASE rule {_reasons()} END AS why FROM ruled OFFSET 0),
             written AS ({_written(entity)} ORDER BY seq, source_key OFFSET 0)
        SELECT source_key, seq, action, why, strategy, label, source_hash, rivals, candidate_ids, others,
               known_id IS NOT NULL AND action <> 'unchanged' OR candidate_ids IS NOT NULL AS is_decided,
               CASE action WHEN 'create' THEN {sql.next_id(entity)}
                           WHEN 'update' THEN known_id WHEN 'merge' THEN known_id WHEN 'unchanged' THEN known_id END AS aura_id,
               CASE WHEN action IN ('update', 'merge', 'unchanged', 'conflict') THEN known_row END AS before,
               CASE WHEN action IN ('create', 'update', 'merge') THEN writes END AS image,
               CASE WHEN action IN ('update', 'merge', 'unchanged') THEN image END AS source_image,
               CASE WHEN action IN ('update', 'merge', 'unchanged') THEN nullif(kept, '{{}}') END AS kept,
               CASE WHEN action = 'create' AND is_own AND NOT is_copy THEN known_id END AS replaces_id,
               CASE WHEN action IN ('update', 'merge', 'unchanged') THEN stands_on_plan END AS stands_on_plan,
               CASE WHEN is_copy THEN source_key || %(suffix)s ELSE crosswalk_key END AS crosswalk_key, is_copy,
               CASE WHEN is_copy THEN coalesce(original_id, CASE WHEN crosswalk_key = source_key THEN known_id END) END AS original_id,
               CASE WHEN action = 'conflict' THEN known_id END AS rival_id, {_inherited(is_refined)} AS inherited
        FROM written
        """,
        arguments(
            subject,
            entity,
            general=options.strategy_for(entity.name),
            records=record_strategies(entity, options),
        ),
    )


NOTHING = {
    "is_own": "false",
    "known_id": "NULL::bigint",
    "known_row": "NULL::jsonb",
    "is_gone": "false",
    "is_native": "false",
    "written": "NULL::jsonb",
    "said": "NULL::jsonb",
    "others": "NULL::jsonb",
    "must_copy": "false",
    "is_same": "false",
    "was_same": "false",
    "candidate_ids": "NULL::bigint[]",
    "rivals": "0",
    "own_strategy": "NULL::text",
    "strategy": "NULL::text",
    "shared_strategy": "NULL::text",
    "changed": "'{}'::jsonb",
    "shared_changes": "'{}'::jsonb",
    "edited": "NULL::text[]",
    "contested": "NULL::text[]",
}
"""What the layers ``met`` and ``compared`` say of a row for which nothing can stand yet."""


def fresh(entity: Entity) -> str:
    """The decided rows of a fresh wave (see ``ground.is_fresh``) as SQL: the same rules, met by nothing.

    As the rules ask mostly for what is not there, the server folds them away before it looks at the first row.
    """
    nothing = ", ".join(f"{value} AS {name}" for name, value in NOTHING.items())
    is_copy = "is_copied" if entity.scope == "shared" else "false"
    actions = " ".join(f"WHEN {rule.when} THEN {rule.action_sql()}" for rule in RULES)
    reasons = " ".join(f"WHEN {rule.when} THEN {rule.why}" for rule in RULES)
    return f"""
        SELECT place, source_key, action, why, label, source_hash, content, record, {is_copy} AS is_copy,
               CASE WHEN {is_copy} THEN source_key || %(suffix)s ELSE {_new_key(entity, "acted")} END AS crosswalk_key,
               CASE action WHEN 'create' THEN {sql.next_id(entity)} END AS aura_id,
               CASE action WHEN 'create' THEN {_fresh_image(entity)} END AS image
        FROM (SELECT *, CASE {actions} END AS action, CASE {reasons} END AS why
              FROM (SELECT w.*, NULL::jsonb AS image, {_likeness(entity)}, {nothing}
                    FROM ({gathered(entity, is_fresh=True)} OFFSET 0) w) compared OFFSET 0) acted
    """


def _fresh_image(entity: Entity) -> str:
    """The image of a row for which nothing stands; of a location row, without what it only repeats."""
    said = {f.target: f"{f.target}_ref" if f.ref else f"content -> {sql.quote(f.name)}" for f in entity.fields}
    pairs = dict(said)
    for unit in entity.units:
        fields = [entity.field(name) for name in unit]
        inherited = {f.target: f"inherited -> {sql.quote(f.base or f.target)}" for f in fields}
        if len(fields) == 1:
            pairs.update((column, f"nullif({said[column]}, {value})") for column, value in inherited.items())
            continue
        repeats = " AND ".join(f"coalesce({said[column]}, 'null') = {value}" for column, value in inherited.items())
        pairs.update((f.target, f"CASE WHEN {repeats} THEN NULL ELSE {said[f.target]} END") for f in fields)
    built = ", ".join(f"{sql.quote(column)}, {value}" for column, value in pairs.items())
    return sql.normalised(f"jsonb_build_object({built})", entity)


def _likeness(entity: Entity) -> str:
    """Whether records are proposed by what they are called, and by what, for the reasons shown."""
    likeness = "e-mail or phone" if entity.match_by else "name"
    return f"{str(bool(entity.match_on or entity.match_by)).lower()} AS is_named, {sql.quote(likeness)} AS likeness"


def _new_key(entity: Entity, alias: str) -> str:
    """The crosswalk key of a row that has none: of one location, and so named, unless it is shared."""
    key = f"{alias}.source_key"
    if entity.scope == "shared":
        return key
    is_prefixed = f"{key} = %(location)s OR starts_with({key}, %(location)s || '/')"
    return f"CASE WHEN {is_prefixed} THEN {key} ELSE {key} || %(suffix)s END"


def _met(entity: Entity) -> str:
    """Staged row, own row or the one candidate, and the strategies that hold for it.

    ``own_strategy`` is decided for the very record. A general strategy does not decide what is shared with others, except
    where it cannot touch them.
    """
    row = sql.table_row("t", entity)
    # What is the merchant's holds for all its locations: a change of it is no difference between them.
    others = "NULL::jsonb" if entity.merchant_wide else "coalesce(k.others, claimed.keys)"
    return f"""
        SELECT w.*, k.source_key IS NOT NULL AS is_own, {_likeness(entity)},
               s.is_same, coalesce(k.aura_id = w.same_id, false) AS was_same,
               CASE WHEN s.is_same THEN w.same_id ELSE coalesce(k.aura_id, t.id) END AS known_id,
               CASE WHEN s.is_same THEN NULL WHEN k.source_key IS NULL AND t.id IS NOT NULL THEN {row} ELSE k.row END AS known_row,
               coalesce(k.is_gone, false) AS is_gone, coalesce(k.is_native, t.id IS NOT NULL) AS is_native,
               k.written, coalesce(k.said, k.written) AS said, {others} AS others, k.stands_on_plan,
               k.original_id, coalesce(k.crosswalk_key, {_new_key(entity, "w")}) AS crosswalk_key,
               w.is_copied AND k.crosswalk_key = w.source_key AS must_copy,
               c.ids AS candidate_ids, coalesce(c.rivals, 0) AS rivals,
               coalesce(d.strategy, r.strategy) AS own_strategy, coalesce(d.strategy, r.strategy, %(general)s::text) AS strategy,
               coalesce(d.strategy, r.strategy,
                        CASE WHEN %(general)s::text IN ('keep_existing', 'duplicate') THEN %(general)s::text END) AS shared_strategy
        FROM work w
        LEFT JOIN known k USING (source_key)
        CROSS JOIN LATERAL (
            SELECT w.same_id IS NOT NULL AND (k.aura_id IS NULL OR k.aura_id = w.same_id) AS is_same OFFSET 0) s
        LEFT JOIN candidates c USING (source_key)
        LEFT JOIN migration.decisions d
               ON d.migration_id = %(migration)s AND d.entity = %(entity)s AND d.source_key = w.source_key
        LEFT JOIN jsonb_to_recordset(%(records)s::jsonb) AS r(source_key text, strategy text) ON r.source_key = w.source_key
        LEFT JOIN aura.{entity.table} t ON t.id = c.chosen
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(DISTINCT m.location_key ORDER BY m.location_key) AS keys
            FROM migration.claims o JOIN migration.migrations m ON m.id = o.migration_id
            WHERE t.id IS NOT NULL AND o.aura_table = %(table)s AND o.aura_id = t.id AND o.migration_id <> %(migration)s
        ) claimed ON true
    """


def _imaged(entity: Entity) -> str:
    """The image in its normal form; of a location row, without what it would only repeat of the row it refines.

    A value that stands on the location row already stays there, also when the shared row has come to say the same.
    """
    typed = sql.normalised("met.raw", entity)
    if entity.refines is None:
        return f"SELECT met.*, {typed} AS image FROM met"
    pairs = {f.target: f"i.full -> {sql.quote(f.target)}" for f in entity.fields}
    for unit in entity.units:
        fields = [entity.field(name) for name in unit]
        own = " AND ".join(
            f"i.full -> {sql.quote(f.target)} = inherited -> {sql.quote(f.base or f.target)}" for f in fields
        )
        stands = " AND ".join(f"i.full -> {sql.quote(f.target)} = known_row -> {sql.quote(f.target)}" for f in fields)
        for f in fields:
            pairs[f.target] = (
                f"CASE WHEN {own} AND (known_row IS NULL OR NOT ({stands})) THEN NULL ELSE i.full -> {sql.quote(f.target)} END"
            )
    built = ", ".join(f"{sql.quote(column)}, {value}" for column, value in pairs.items())
    return f"""
        SELECT met.*, jsonb_build_object({built}) AS image
        FROM met CROSS JOIN LATERAL (SELECT {typed} AS full OFFSET 0) i
    """


def _compared(entity: Entity) -> str:
    """Differences between the image and what stands now.

    ``changed``         the POS says something new, or nobody knows what it said before: column → the POS's value
    ``shared_changes``  of these, what locations cannot have each for itself
    ``settled``         the POS says what it said before; AuraConnect has something else
    ``edited``          of these, changed by people since it was last written
    ``contested``       of ``changed``, changed by people since it was last written; never what is only reported
    """
    local = sql.text_array(sql.local_columns(entity))
    overridable = sql.text_array(sql.overridable_columns(entity))
    reported = sql.text_array([field.target for field in entity.fields if field.reported])
    # Null in an override inherits: where only this location has nothing, its row cannot say so.
    by_location = f"(key = ANY({local}) AND NOT (key = ANY({overridable}) AND value = 'null'))"
    return f"""
        SELECT imaged.*, coalesce(d.changed, '{{}}') AS changed, coalesce(d.shared_changes, '{{}}') AS shared_changes,
               coalesce(d.settled, '{{}}') AS settled, coalesce(d.edited, '{{}}') AS edited, coalesce(d.contested, '{{}}') AS contested
        FROM imaged LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(key, value) FILTER (WHERE NOT is_settled) AS changed,
                   jsonb_object_agg(key, value) FILTER (WHERE NOT is_settled AND NOT {by_location}) AS shared_changes,
                   array_agg(key ORDER BY key) FILTER (WHERE is_settled) AS settled,
                   array_agg(key ORDER BY key) FILTER (WHERE is_settled AND is_edited) AS edited,
                   array_agg(key ORDER BY key) FILTER (WHERE NOT is_settled AND is_edited AND key <> ALL({reported})) AS contested
            FROM (SELECT e.key, e.value, coalesce(said -> e.key = e.value, false) AS is_settled,
                         coalesce(written -> e.key <> known_row -> e.key, false) AS is_edited
                  FROM jsonb_each(image) e
                  WHERE e.value <> known_row -> e.key AND (originals -> e.key) IS DISTINCT FROM (known_row -> e.key)) differing
        ) d ON known_row IS NOT NULL AND image <> known_row
    """


def _numbered() -> str:
    return " ".join(f"WHEN {rule.when} THEN {number}" for number, rule in enumerate(RULES))


def _actions() -> str:
    return " ".join(f"WHEN {number} THEN {rule.action_sql()}" for number, rule in enumerate(RULES))


def _reasons() -> str:
    return " ".join(f"WHEN {number} THEN {rule.why}" for number, rule in enumerate(RULES))


def _written(entity: Entity) -> str:
    """``writes``: the columns the action sets; ``kept``: columns that deliberately stay as AuraConnect has them.

    An update sets what changed, on a row shared with others only what they share. Merging fills gaps; where people and the
    POS changed different columns of a row, it also sets the POS's. A column in which this location differs from others is
    not kept: its own row says it.
    """
    gaps = sql.text_array(sorted(sql.NULL_SPEAKS))
    local = sql.text_array(sql.local_columns(entity))
    is_by_location = f"(others IS NOT NULL AND NOT is_native AND k = ANY({local}))"
    same_as_written = "coalesce(written -> k = known_row -> k, false)"
    return f"""
        SELECT acted.*, w.writes, x.kept,
               {_is_copy(entity)} AS is_copy
        FROM acted
        CROSS JOIN LATERAL (
            SELECT CASE action
                WHEN 'create' THEN image
                WHEN 'update' THEN CASE WHEN others IS NULL THEN changed ELSE shared_changes END
                WHEN 'merge' THEN coalesce(
                    (SELECT jsonb_object_agg(k, v)
                     FROM jsonb_each(CASE WHEN others IS NULL THEN changed ELSE shared_changes END) e(k, v)
                     WHERE acted.strategy = 'merge' AND known_row -> k IN {EMPTY} AND k <> ALL({gaps})
                        OR is_own AND NOT is_native AND others IS NULL AND k <> ALL(contested)), '{{}}') END AS writes
            OFFSET 0) w
        CROSS JOIN LATERAL (
            SELECT array(
                SELECT k FROM unnest(settled) k WHERE NOT ({is_by_location} AND {same_as_written})
                UNION
                SELECT k FROM jsonb_object_keys(changed) k
                WHERE (action = 'merge' OR action = 'unchanged' AND is_native AND acted.strategy IN ('keep_existing', 'merge'))
                  AND NOT w.writes ? k AND NOT {is_by_location}
                ORDER BY 1) AS kept
            WHERE known_row IS NOT NULL AND image <> known_row
            UNION ALL SELECT '{{}}' WHERE (known_row IS NOT NULL AND image <> known_row) IS NOT TRUE
            OFFSET 0) x
    """


def _is_copy(entity: Entity) -> str:
    """Whether the row is this location's own copy of a shared one, made now or found."""
    if entity.scope != "shared":
        return "false"
    return (
        "CASE WHEN action = 'create' THEN is_copied OR known_id IS NOT NULL AND others IS NOT NULL AND NOT is_gone "
        "ELSE is_own AND crosswalk_key <> source_key END"
    )


def _inherited(is_refined: bool) -> str:
    """What location rows measure themselves against: the final row, but the POS's own value where another one is kept."""
    if not is_refined:
        return "NULL::jsonb"
    return """
        CASE action WHEN 'create' THEN image
                    WHEN 'conflict' THEN known_row
                    ELSE known_row || coalesce(writes, '{}')
                         || coalesce((SELECT jsonb_object_agg(k, image -> k) FROM unnest(kept) k), '{}') END
    """
