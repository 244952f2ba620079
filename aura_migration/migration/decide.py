"""What people decide: approve, pause, cancel, conflicts, quarantine. Every decision carries who and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.history import shapes
from aura_migration.canonical.inferred import described
from aura_migration.canonical.masking import masked
from aura_migration.canonical.options import parse_options
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.core.errors import BadInput, Refused
from aura_migration.migration.records import Migration, get_migration, get_plan, has_written, latest_delta
from aura_migration.migration.states import BEFORE_LOAD, ENDED, transition
from aura_migration.migration.workshop import Workshop

STRATEGIES = ("keep_existing", "overwrite", "merge", "duplicate")


def approve(
    workshop: Workshop, migration_id: int, plan_hash: str, by: str, reason: str = "", *, confirm_inferred: bool = False
) -> dict[str, Any]:
    """Sign a plan by its hash: the present one, or the delta a run has stored. Returns the plan, with ``awaits``: how many
    signatures of other people it still needs.

    Rules that were inferred from orders are confirmed with the plan; where the options ask for it, only by ``confirm_inferred``.
    Signing the plan of an empty restaurant is fine and changes nothing: there is nothing to load.
    """
    if not by.strip():
        raise BadInput("An approval carries the name of who gives it.", "Give --by NAME.")
    with workshop.connect() as connection, connection.transaction():
        migration = get_migration(connection, migration_id)
        stored = _plan_by_hash(connection, migration, plan_hash)
        if migration.standing == "empty":
            return {**stored, "awaits": 0}
        if stored["blockers"]:
            raise Refused(
                f"Plan {plan_hash[:12]}… cannot be approved: {'; '.join(stored['blockers'])}",
                "Mend the cause and preview again, or exclude the named entities in the options.",
            )
        conflicts = sum(counts["conflict"] for counts in stored["counts"].values())
        if conflicts:
            raise Refused(
                f"{conflicts} conflicts are undecided.",
                f"`aura-migration conflicts list {migration_id}` shows them; a strategy in the options decides many at once.",
            )
        if stored["state"] == "approved" and migration.standing == "approved":
            return {**stored, "awaits": 0}
        inferred = inferred_rules(connection, stored["id"])
        # The options that are signed with the plan, not those that a preview under way has set since.
        signed = parse_options(stored["options"], f"options of plan {stored['id']}")
        if inferred and signed.rules.inferred == "named" and not confirm_inferred:
            shown = "; ".join(described(inferred)[:5]) + ("; …" if len(inferred) > 5 else "")
            raise Refused(
                f"{len(inferred)} rules of the plan are not stated by the POS but inferred from its orders: {shown}.",
                "Look at them in the preview, then approve with --confirm-inferred; or leave them out by the options.",
            )
        awaits = _sign(connection, signed.approval.people, stored, by, reason, confirms=bool(inferred))
        if awaits:
            return {**stored, "awaits": awaits}
        confirmed = f"{len(inferred)} rules inferred from orders confirmed" if inferred else ""
        note_approved(
            connection, migration, stored, by, reason, workshop.now(), "; ".join(filter(None, (reason, confirmed)))
        )
        return {**get_plan(connection, stored["id"]), "awaits": 0}


def note_approved(
    connection: psycopg.Connection[Any],
    migration: Migration,
    stored: dict[str, Any],
    by: str,
    reason: str,
    load_at: datetime,
    told: str = "",
) -> None:
    """Make a plan the migration's approved one. Whether it may be approved, and by whom, the caller has found out."""
    if migration.plan_id is not None and migration.plan_id != stored["id"]:
        connection.execute(
            "UPDATE migration.plans SET state = 'superseded' WHERE id = %s AND state IN ('planned', 'approved')",
            [migration.plan_id],
        )
        # What is not loaded yet of the history is now this plan's to load.
        connection.execute(
            "UPDATE migration.history_batches SET plan_id = %s WHERE plan_id = %s AND loaded_at IS NULL",
            [stored["id"], migration.plan_id],
        )
    connection.execute(
        "UPDATE migration.plans SET state = 'approved', approved_by = %s, approved_reason = %s, approved_at = now() WHERE id = %s",
        [by, reason, stored["id"]],
    )
    connection.execute(
        "UPDATE migration.migrations SET plan_id = %s, load_at = %s WHERE id = %s",
        [stored["id"], load_at, migration.id],
    )
    transition(connection, migration.id, "approved", by, told or reason)


def _sign(
    connection: psycopg.Connection[Any],
    people: int,
    stored: dict[str, Any],
    by: str,
    reason: str,
    *,
    confirms: bool,
) -> int:
    """Keep a signature; returns how many of ``people`` still have to sign. Whoever signs twice counts once."""
    # Of two who sign at the same time the second sees the first.
    connection.execute("SELECT 1 FROM migration.plans WHERE id = %s FOR UPDATE", [stored["id"]])
    connection.execute(
        "INSERT INTO migration.approvals (plan_id, plan_hash, signed_by, reason, confirms_inferred) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (plan_id, signed_by) DO NOTHING",
        [stored["id"], stored["hash"], by.strip(), reason, confirms],
    )
    rows = connection.execute(
        "SELECT DISTINCT lower(signed_by) FROM migration.approvals WHERE plan_id = %s", [stored["id"]]
    ).fetchall()
    return max(0, people - len(rows))


def people_to_sign(stored: dict[str, Any] | None, migration: Migration) -> int:
    """How many people have to sign: as the plan's own options say, or those of the migration while there is no plan."""
    if stored is None:
        return migration.parsed_options.approval.people
    return parse_options(stored["options"], f"options of plan {stored['id']}").approval.people


def signatures(connection: psycopg.Connection[Any], plan_id: int) -> list[dict[str, Any]]:
    """Who signed a plan, first to last: ``[{"by", "reason", "at"}]``."""
    rows = connection.execute(
        "SELECT signed_by, reason, signed_at FROM migration.approvals WHERE plan_id = %s ORDER BY id", [plan_id]
    ).fetchall()
    return [{"by": by, "reason": reason, "at": at.isoformat()} for by, reason, at in rows]


def inferred_rules(connection: psycopg.Connection[Any], plan_id: int) -> list[dict[str, Any]]:
    """The rules a plan would write that were concluded from orders: ``[{"entity", "key", "name", …, "evidence"}]``."""
    rows = connection.execute(
        """
        SELECT entity, source_key, coalesce(source_image, content) || content FROM migration.plan_rows
        WHERE plan_id = %s AND action IN ('create', 'update', 'merge') AND entity = ANY(%s)
          AND coalesce(source_image, content) @> '{"is_inferred": true}' AND content - 'evidence' <> '{}'
        ORDER BY seq
        """,
        [plan_id, [entity.name for entity in RULE_ENTITIES]],
    ).fetchall()
    return [{**content, "entity": entity, "key": content.get("setting_key") or key} for entity, key, content in rows]


def _plan_by_hash(connection: psycopg.Connection[Any], migration: Migration, plan_hash: str) -> dict[str, Any]:
    if migration.plan_id is None:
        raise Refused(f"Migration {migration.id} has no plan.", "Run the preview first.")
    present = get_plan(connection, migration.plan_id)
    delta = latest_delta(connection, migration.id)
    for plan in (delta, present):
        if plan is not None and plan["hash"] == plan_hash and plan["state"] in ("planned", "approved"):
            return plan
    newest = delta or present
    raise Refused(
        f"{plan_hash!r} is not the hash of a plan of migration {migration.id} that waits for approval.",
        f"The present plan's hash is {newest['hash']} (state {newest['state']}); look at it before you sign it.",
    )


def pause(workshop: Workshop, migration_id: int, by: str) -> str:
    """Ask a running load to stop after its batch. Returns the state it is in now."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        if migration.standing != "loading":
            raise Refused(
                f"Migration {migration_id} is {migration.standing}; only a running load can be paused.",
                f"`aura-migration status {migration_id}` shows what can be done next.",
            )
        connection.execute("UPDATE migration.migrations SET pause_requested = true WHERE id = %s", [migration_id])
        connection.execute(
            "INSERT INTO migration.transitions (migration_id, from_state, to_state, done_by, reason) VALUES (%s, 'loading', 'loading', %s, 'pause requested')",
            [migration_id, by],
        )
        return "pausing"


def cancel(workshop: Workshop, migration_id: int, by: str, reason: str = "") -> None:
    """End a migration that has written nothing."""
    with workshop.connect() as connection, connection.transaction():
        migration = get_migration(connection, migration_id)
        if migration.state in ENDED:
            raise Refused(f"Migration {migration_id} is {migration.state}: it has ended already.", "Nothing to do.")
        if has_written(connection, migration_id) or migration.state not in BEFORE_LOAD | {"failed"}:
            raise Refused(
                f"Migration {migration_id} is {migration.state} and has written to AuraConnect (or may have); "
                "cancelling would leave that behind.",
                f"`aura-migration rollback {migration_id}` takes it back.",
            )
        connection.execute(
            "UPDATE migration.plans SET state = 'superseded' WHERE migration_id = %s AND state IN ('planned', 'approved')",
            [migration_id],
        )
        shapes.drop(connection, migration_id)
        transition(connection, migration_id, "cancelled", by, reason)


def conflicts(
    connection: psycopg.Connection[Any], migration_id: int, entity: str | None = None
) -> list[dict[str, Any]]:
    """The undecided rows of the present plan: what the POS says, what AuraConnect has, who else is touched.

    Values of persons are masked: which fields differ can be seen, whose they are cannot.
    """
    migration = get_migration(connection, migration_id)
    rows = (
        connection.cursor(row_factory=dict_row)
        .execute(
            "SELECT entity, source_key AS key, label, reason, content AS pos, before AS auraconnect, touches, candidates "
            "FROM migration.plan_rows WHERE plan_id = %s AND action = 'conflict' AND (%s::text IS NULL OR entity = %s) ORDER BY seq",
            [migration.plan_id, entity, entity],
        )
        .fetchall()
    )
    for row in rows:
        for side in ("pos", "auraconnect"):
            row[side] = masked(row["entity"], row[side]) if row[side] is not None else None
    return list(rows)


def decide_conflict(
    connection: psycopg.Connection[Any],
    migration_id: int,
    entity: str,
    keys: list[str],
    strategy: str,
    by: str,
    reason: str = "",
    aura_id: int | None = None,
) -> int:
    """Decide conflicts by record; an empty list of keys decides all of the entity. The next preview plans with it."""
    if strategy not in STRATEGIES:
        raise BadInput(f"{strategy!r} is not a strategy.", f"Choose one of {', '.join(STRATEGIES)}.")
    if entity not in ENTITIES:
        raise BadInput(f"{entity!r} is not an entity.", f"There are {', '.join(ENTITIES)}.")
    candidates = {row["key"]: row["candidates"] or [] for row in conflicts(connection, migration_id, entity)}
    chosen = keys or sorted(candidates)
    unknown = [key for key in chosen if key not in candidates]
    if unknown:
        raise BadInput(
            f"{entity} {', '.join(unknown)} is not an undecided conflict of migration {migration_id}.",
            f"`aura-migration conflicts list {migration_id}` shows them.",
        )
    if aura_id is not None and len(chosen) != 1:
        raise BadInput("--aura-id names one record, so decide one key with it.", "Give --key.")
    for key in chosen:
        _require_one_record(entity, key, strategy, candidates[key], aura_id)
    for key in chosen:
        connection.execute(
            "INSERT INTO migration.decisions (migration_id, entity, source_key, strategy, aura_id, decided_by, reason) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (migration_id, entity, source_key) DO UPDATE SET "
            "strategy = excluded.strategy, aura_id = excluded.aura_id, decided_by = excluded.decided_by, "
            "reason = excluded.reason, decided_at = now()",
            [migration_id, entity, key, strategy, aura_id, by, reason],
        )
    return len(chosen)


def _require_one_record(entity: str, key: str, strategy: str, candidates: list[int], aura_id: int | None) -> None:
    """A decision must say which of AuraConnect's records it is about, where there are several."""
    remedy = f"Name one of {', '.join(map(str, candidates))} with --aura-id, or decide `duplicate`."
    if aura_id is not None and aura_id not in candidates:
        raise BadInput(
            f"Record {aura_id} is not what {entity} {key} may be in AuraConnect.", remedy if candidates else ""
        )
    if aura_id is None and len(candidates) > 1 and strategy != "duplicate":
        raise BadInput(f"{entity} {key} may be one of several records in AuraConnect.", remedy)


def quarantined(connection: psycopg.Connection[Any], migration_id: int) -> int:
    """How many records are in quarantine."""
    row = connection.execute(
        "SELECT count(*) FROM migration.quarantine WHERE migration_id = %s AND state = 'open'", [migration_id]
    ).fetchone()
    return int(row[0]) if row else 0


def quarantine(connection: psycopg.Connection[Any], migration_id: int) -> list[dict[str, Any]]:
    """The records in quarantine with their reasons; values of persons are masked."""
    rows = (
        connection.cursor(row_factory=dict_row)
        .execute(
            'SELECT entity, source_key AS key, reasons, "values", record, state, correction FROM migration.quarantine '
            "WHERE migration_id = %s AND state = 'open' ORDER BY id",
            [migration_id],
        )
        .fetchall()
    )
    for row in rows:
        for side in ("values", "correction"):
            row[side] = masked(row["entity"], row[side]) if row[side] is not None else None
    return list(rows)


def correct_quarantined(
    connection: psycopg.Connection[Any], migration_id: int, entity: str, key: str, correction: dict[str, Any], by: str
) -> None:
    """Store corrected field values for one quarantined record; the re-run applies and checks them."""
    known = ENTITIES.get(entity)
    if known is None:
        raise BadInput(f"{entity!r} is not an entity.", f"There are {', '.join(ENTITIES)}.")
    unknown = sorted(set(correction) - {f.name for f in known.fields})
    if unknown:
        raise BadInput(
            f"{entity} has no field {', '.join(unknown)}.", f"It has {', '.join(f.name for f in known.fields)}."
        )
    done = connection.execute(
        "UPDATE migration.quarantine SET correction = %s, corrected_by = %s, updated_at = now() "
        "WHERE migration_id = %s AND entity = %s AND source_key = %s AND state = 'open'",
        [Jsonb(correction), by, migration_id, entity, key],
    )
    if done.rowcount == 0:
        raise BadInput(
            f"{entity} {key} of migration {migration_id} is not in quarantine.",
            f"`aura-migration quarantine list {migration_id}` shows what is.",
        )
