"""Following the POS while both systems run: what changed there becomes a plan by the one planner, and is written or waits.

Two readings, each with its own plan. *Orders* are planned on the menu that stands, so that a menu change nobody has approved
holds no sale up. *Setup* (menu, people, rules) is planned on what was just read; where the policy does not let it be written at
once it waits as a delta, and what it would change is the menu's drift. Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.masking import masked
from aura_migration.canonical.menu import MENU_ENTITIES, STOCK
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.canonical.window import FollowPolicy
from aura_migration.core.errors import AuraError, Refused
from aura_migration.database.connections import Connection
from aura_migration.migration import stages
from aura_migration.migration.decide import note_approved
from aura_migration.migration.extraction import extract, pin, pinned
from aura_migration.migration.loading import load
from aura_migration.migration.records import Migration, get_migration, get_plan, loaded_plan
from aura_migration.migration.states import LIVE
from aura_migration.migration.window.opening import Window, get_window
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import StoredPlan

POLICY = "policy of the window"
"""Who approves what is written at once."""
WHOLE_EVERY = timedelta(hours=20)
"""A whole reading re-reads two weeks whatever the POS says of changes; between two of them glances do."""
HALF_DONE = frozenset({"loading", "paused", "failed"})
_MENU = frozenset(entity.name for entity in MENU_ENTITIES)
_RULES = frozenset(entity.name for entity in RULE_ENTITIES)


@dataclass
class Followed:
    """What one following did. ``counts`` are rows written by entity; ``waiting`` rows of setup that wait for an approval."""

    migration_id: int
    read_until: datetime
    orders: str = "nothing"
    setup: str = "not read"
    counts: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    plan_hash: str | None = None

    @property
    def outcome(self) -> str:
        """As stored: waiting before applied before nothing."""
        said = {self.orders, self.setup}
        return next((one for one in ("waiting", "applied") if one in said), "nothing")

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "migration_id": self.migration_id,
            "read_until": self.read_until.astimezone(UTC).isoformat(),
            "orders": self.orders,
            "setup": self.setup,
            "outcome": self.outcome,
            "counts": self.counts,
            "waiting": self.waiting,
            "plan_hash": self.plan_hash,
        }


def follow(
    workshop: Workshop,
    migration_id: int,
    by: str,
    now: datetime | None = None,
    caused_by: str = "schedule",
    *,
    setup: bool | None = None,
    patience: float = 0.0,
) -> Followed:
    """Bring AuraConnect up to what the POS has at ``now`` (business time), as far as the policy allows.

    ``setup`` None reads menu, people and rules when they are due or a webhook touched them. Holds the location's lock.
    A failure is noted with its reason and raised; what was written until then stands.
    """
    if now is not None:
        workshop = replace(workshop, settings=replace(workshop.settings, now=now))
    at = workshop.now()
    with workshop.connect() as connection:
        migration, window = get_migration(connection, migration_id), get_window(connection, migration_id)
        _require_live(migration)
        number = _began(connection, migration_id, caused_by, at)
        try:
            with stages.locked(workshop, migration.location_key, patience):
                done = _follow(workshop, connection, migration_id, window, by, at, setup)
        except AuraError as error:
            _ended(connection, number, "failed", None, at, {}, str(error))
            raise
        _ended(connection, number, done.outcome, done, at, done.counts, "")
        _settle_events(connection, migration, number, had_setup=done.setup != "not read")
        return done


def follow_is_due(connection: Connection, window: Window, now: datetime) -> bool:
    """Whether the policy's time has passed since the last reading that ended well, or a webhook waits."""
    last = _last_read(connection, window.migration_id, whole=False)
    if last is None or now - last >= timedelta(minutes=window.rules.follow.every_minutes):
        return True
    return bool(_touched(connection, window.migration_id))


def _require_live(migration: Migration) -> None:
    if migration.state not in LIVE:
        raise Refused(
            f"Migration {migration.id} is {migration.state}; the POS is followed while its window is open.",
            f"`aura-migration window open {migration.id}` opens it once the migration is verified.",
        )


def _follow(
    workshop: Workshop,
    connection: Connection,
    migration_id: int,
    window: Window,
    by: str,
    at: datetime,
    setup: bool | None,
) -> Followed:
    done = Followed(migration_id, at)
    migration = get_migration(connection, migration_id)
    if migration.standing in HALF_DONE | {"approved"} and _is_under_way(connection, migration):
        load(workshop, migration_id, by)  # what was begun, or signed, comes first
        done.setup = "applied"
    base = _base(connection, migration_id)
    whole = _whole_is_due(connection, migration_id, at)
    _orders(workshop, connection, migration_id, base, by, at, done, whole)
    asked = setup if setup is not None else whole or _setup_is_due(connection, window, at)
    if asked or _waits(connection, migration_id):
        _setup(workshop, connection, migration_id, window.rules.follow, by, done)
    return done


def _orders(
    workshop: Workshop,
    connection: Connection,
    migration_id: int,
    base: list[int],
    by: str,
    at: datetime,
    done: Followed,
    whole: bool,
) -> None:
    """Orders and money that came or changed, on the menu that stands."""
    if not get_migration(connection, migration_id).parsed_options.history.months:
        return
    pin(connection, migration_id, [*base, *_pinned_history(connection, migration_id)])
    extract(workshop, migration_id, at, by, setup=False, whole=whole)
    stages.canonicalise(workshop, migration_id, by)
    stored = stages.plan(workshop, migration_id, by)
    done.orders = _carry_out(
        workshop, connection, migration_id, stored, by, done, frozenset(stored.counts) - set(ENTITIES)
    )


def _setup(
    workshop: Workshop,
    connection: Connection,
    migration_id: int,
    policy: FollowPolicy,
    by: str,
    done: Followed,
) -> None:
    """Menu, people and rules as the POS has them now."""
    before = [ref.snapshot_id for ref in pinned(connection, migration_id)]
    extract(workshop, migration_id, datetime.now(UTC), by, resume=False, history=False)
    stages.canonicalise(workshop, migration_id, by, history=False)
    stored = stages.plan(workshop, migration_id, by, "delta", history=False)
    moved = _moved(stored.counts)
    if not moved:
        connection.execute(
            "UPDATE migration.plans SET state = 'superseded' WHERE migration_id = %s AND kind = 'delta' AND state = 'planned'",
            [migration_id],
        )
        _settle_drift(connection, migration_id, "superseded", done.read_until)
        done.setup = "applied" if done.setup == "applied" else "nothing"
        return
    blockers = get_plan(connection, stored.plan_id)["blockers"]
    needs_people = bool(blockers) or any(counts.get("conflict") for counts in stored.counts.values())
    is_auto = all(_policy_of(policy, entity) == "auto" for entity in moved)
    _note_drift(connection, migration_id, stored, done.read_until)
    if is_auto and not needs_people:
        done.setup = _carry_out(workshop, connection, migration_id, stored, by, done, frozenset(ENTITIES))
        _settle_drift(connection, migration_id, "applied", done.read_until)
        return
    pin(connection, migration_id, before)  # what stands is still judged by what it was made of
    done.setup, done.waiting, done.plan_hash = "waiting", sum(moved.values()), stored.hash


def _carry_out(
    workshop: Workshop,
    connection: Connection,
    migration_id: int,
    stored: StoredPlan,
    by: str,
    done: Followed,
    entities: frozenset[str],
) -> str:
    written = {name: _writes(counts) for name, counts in stored.counts.items() if name in entities and _writes(counts)}
    migration = get_migration(connection, migration_id)
    plan = get_plan(connection, stored.plan_id)
    if not written:
        if migration.standing in ("loaded", "verified"):
            load(workshop, migration_id, by, just_read=True)  # writes nothing, and says that this plan stands
        return "nothing"
    if plan["blockers"]:
        raise Refused(
            f"What came since cannot be written: {'; '.join(plan['blockers'])}",
            "Mend the cause; the next following tries again.",
        )
    with connection.transaction():
        note_approved(connection, migration, plan, POLICY, "what the POS has since", workshop.now(), "followed")
    load(workshop, migration_id, by, just_read=True)
    for name, number in written.items():
        done.counts[name] = done.counts.get(name, 0) + number
    return "applied"


def _writes(counts: Mapping[str, int]) -> int:
    return sum(counts.get(action, 0) for action in ("create", "update", "merge", "replace", "gone"))


def _moved(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Rows of setup that a plan would write or ask about, by entity."""
    found = {name: _writes(each) + each.get("conflict", 0) for name, each in counts.items() if name in ENTITIES}
    return {name: number for name, number in found.items() if number}


def _policy_of(policy: FollowPolicy, entity: str) -> str:
    if entity == STOCK.name:  # it moves with every delivery and sale: nobody approves it
        return "auto"
    if entity in _RULES:
        return policy.rules
    return policy.menu if entity in _MENU else policy.people


# What there is, what is due -------------------------------------------------------------------------------------------


def _base(connection: Connection, migration_id: int) -> list[int]:
    """The snapshots of menu, people, rules and files that what stands was made of."""
    plan = loaded_plan(connection, migration_id)
    if plan is None:
        raise Refused(
            f"Nothing of migration {migration_id} is loaded.", f"`aura-migration run {migration_id}` loads it."
        )
    rows = connection.execute(
        "SELECT id FROM migration.snapshots WHERE id = ANY(%s) AND scope <> 'history' ORDER BY id",
        [plan["snapshot_ids"]],
    ).fetchall()
    return [number for (number,) in rows]


def _pinned_history(connection: Connection, migration_id: int) -> list[int]:
    return [ref.snapshot_id for ref in pinned(connection, migration_id) if ref.scope == "history"]


def _is_under_way(connection: Connection, migration: Migration) -> bool:
    if migration.standing == "approved":
        return True
    if migration.standing == "paused":
        raise Refused(
            f"The load of migration {migration.id} was paused by somebody; nothing is followed until it goes on.",
            f"`aura-migration resume {migration.id}` continues it.",
        )
    return migration.plan_id is not None and get_plan(connection, migration.plan_id)["state"] == "loading"


def _last_read(connection: Connection, migration_id: int, *, whole: bool) -> datetime | None:
    row = connection.execute(
        "SELECT max(read_until) FROM migration.follows WHERE migration_id = %s AND outcome IN ('nothing', 'applied', 'waiting') "
        "AND (NOT %s OR family = 'all')",
        [migration_id, whole],
    ).fetchone()
    return row[0] if row else None


def _whole_is_due(connection: Connection, migration_id: int, at: datetime) -> bool:
    last = _last_read(connection, migration_id, whole=True)
    return last is None or at - last >= WHOLE_EVERY


def _setup_is_due(connection: Connection, window: Window, at: datetime) -> bool:
    row = connection.execute(
        "SELECT max(read_until) FROM migration.follows WHERE migration_id = %s AND family IN ('all', 'menu') "
        "AND outcome IN ('nothing', 'applied', 'waiting')",
        [window.migration_id],
    ).fetchone()
    last = row[0] if row else None
    due = timedelta(minutes=window.rules.follow.every_minutes)
    return last is None or at - last >= due or "setup" in _touched(connection, window.migration_id)


def _waits(connection: Connection, migration_id: int) -> bool:
    row = connection.execute(
        "SELECT 1 FROM migration.drift WHERE migration_id = %s AND state = 'waiting' LIMIT 1", [migration_id]
    ).fetchone()
    return row is not None


def _touched(connection: Connection, migration_id: int) -> set[str]:
    """``orders`` and ``setup``, where webhooks said that something of theirs changed and nothing has been read since."""
    rows = connection.execute(
        "SELECT DISTINCT t ->> 'entity' FROM migration.webhook_events e JOIN migration.migrations m "
        "ON m.integration_id = e.integration_id AND (e.location_key IS NULL OR e.location_key = m.location_key), "
        "jsonb_array_elements(e.touches) t WHERE m.id = %s AND e.is_genuine AND e.state = 'received'",
        [migration_id],
    ).fetchall()
    return {"orders" if name in OF_ORDERS else "setup" for (name,) in rows}


OF_ORDERS = frozenset({"orders", "payments", "refunds", "payouts", "cash_drawer_shifts", "cash_events", "disputes"})
"""Source entities of the past, as webhooks name them; any other is of the setup."""


def _settle_events(connection: Connection, migration: Migration, number: int, *, had_setup: bool) -> None:
    """What was received before the reading began is read; of an account with several locations, once all have read."""
    connection.execute(
        """
        UPDATE migration.webhook_events e SET state = 'handled', handled_at = clock_timestamp(), note = 'read by the delta'
        FROM migration.follows f
        WHERE f.id = %(follow)s AND e.integration_id = %(integration)s AND e.is_genuine AND e.state = 'received'
          AND e.last_received_at < f.noted_at
          AND (%(setup)s OR NOT EXISTS (
              SELECT 1 FROM jsonb_array_elements(e.touches) t WHERE NOT (t ->> 'entity' = ANY(%(orders)s))))
          AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(e.touches) t WHERE t ->> 'entity' = 'access')
          AND (e.location_key = %(location)s OR NOT EXISTS (
              SELECT 1 FROM migration.windows w JOIN migration.migrations m ON m.id = w.migration_id
              WHERE m.integration_id = %(integration)s AND w.ended_at IS NULL AND m.id <> %(migration)s
                AND coalesce((SELECT max(o.noted_at) FROM migration.follows o
                              WHERE o.migration_id = m.id AND o.outcome IN ('nothing', 'applied', 'waiting')), '-infinity')
                    <= e.last_received_at))
        """,
        {
            "follow": number,
            "integration": migration.integration_id,
            "migration": migration.id,
            "location": migration.location_key,
            "setup": had_setup,
            "orders": sorted(OF_ORDERS),
        },
    )


# What is written down -------------------------------------------------------------------------------------------------


def _began(connection: Connection, migration_id: int, caused_by: str, at: datetime) -> int:
    row = connection.execute(
        "INSERT INTO migration.follows (migration_id, family, caused_by, began_at) VALUES (%s, 'orders', %s, %s) RETURNING id",
        [migration_id, caused_by, at],
    ).fetchone()
    assert row is not None
    return int(row[0])


def _ended(
    connection: Connection,
    number: int,
    outcome: str,
    done: Followed | None,
    at: datetime,
    counts: Mapping[str, int],
    problem: str,
) -> None:
    family = "orders" if done is None or done.setup == "not read" else "all" if done.orders != "not read" else "menu"
    connection.execute(
        "UPDATE migration.follows SET family = %s, ended_at = %s, read_until = %s, outcome = %s, counts = %s, problem = %s, "
        "plan_id = (SELECT max(p.id) FROM migration.plans p WHERE p.migration_id = follows.migration_id AND p.hash = %s) "
        "WHERE id = %s",
        [
            family,
            at,
            at if done is not None else None,
            outcome,
            Jsonb(dict(counts)),
            problem,
            done.plan_hash if done else None,
            number,
        ],
    )


def _note_drift(connection: Connection, migration_id: int, stored: StoredPlan, at: datetime) -> None:
    """What the delta would change, row by row; what an earlier delta said of the same rows is superseded."""
    _settle_drift(connection, migration_id, "superseded", at)
    rows = connection.execute(
        "SELECT entity, source_key, label, action, before, content FROM migration.plan_rows WHERE plan_id = %s "
        "AND action IN ('create', 'update', 'merge', 'conflict') ORDER BY seq",
        [stored.plan_id],
    ).fetchall()
    for entity, key, label, action, before, content in rows:
        was, now = masked(entity, before or {}), masked(entity, content or {})
        changes = {name: [was.get(name), now[name]] for name in sorted(now) if was.get(name) != now[name]}
        connection.execute(
            "INSERT INTO migration.drift (migration_id, entity, source_key, label, changes, action, plan_id, state, seen_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, 'waiting', %s)",
            [migration_id, entity, key, label or "", Jsonb(changes), action, stored.plan_id, at],
        )


def _settle_drift(connection: Connection, migration_id: int, state: str, at: datetime) -> None:
    """What waited is that now; what somebody approved and loaded meanwhile is applied."""
    connection.execute(
        "UPDATE migration.drift d SET settled_at = %s, state = CASE WHEN EXISTS (SELECT 1 FROM migration.plans p "
        "WHERE p.id = d.plan_id AND p.state = 'loaded') THEN 'applied' ELSE %s END "
        "WHERE migration_id = %s AND state = 'waiting'",
        [at, state, migration_id],
    )
