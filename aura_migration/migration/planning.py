"""From the pinned snapshot to a stored plan: map, apply the options, validate, stage, diff.

Nothing here asks a POS or writes to AuraConnect; how rows are compared is the planner's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal

from aura_migration.archive.certificates import Certificate
from aura_migration.archive.snapshot import SnapshotReader, require
from aura_migration.canonical.entities import ALL_ENTITIES
from aura_migration.canonical.inferred import Figures, conclude, look_back
from aura_migration.canonical.losses import weighed
from aura_migration.canonical.model import Batch
from aura_migration.canonical.options import MigrationOptions
from aura_migration.canonical.persons.staging import stage_people
from aura_migration.canonical.stage import Staged, stage_rows
from aura_migration.core import collector
from aura_migration.database.connections import Connection
from aura_migration.database.seals import Suppression, VaultSeals
from aura_migration.intake import map_files
from aura_migration.load.history.placeholders import reserve_placeholders
from aura_migration.migration import progress
from aura_migration.migration.dating import aura_location, history_rules, rules_text
from aura_migration.migration.extraction import pinned
from aura_migration.migration.integrations import KnownLocation, get_location
from aura_migration.migration.past import losses_of_past, stage_past
from aura_migration.migration.records import Migration, get_migration, latest_report, require_plannable, store_report
from aura_migration.migration.restocked import unlisted_stock
from aura_migration.migration.states import AFTER_LOAD, transition
from aura_migration.migration.workshop import Workshop
from aura_migration.plan.planner import StoredPlan, build_plan
from aura_migration.pos.port import SourceEntity

HOME_REGION = "US"
"""Where a location's POS does not tell its country, numbers without a country code are read as of here."""
MENU = ("categories", "items", "modifier_groups", "modifiers")
"""A restaurant without any of these has nothing on its menu, whatever taxes and kitchen stations it has set up."""
PEOPLE = ("customers", "loyalty_accounts", "gift_cards", "house_accounts")
"""Somebody is known or owed something. Staff says nothing: an account that was just made has its owner."""


def canonicalise(workshop: Workshop, migration_id: int, by: str, *, history: bool = True) -> dict[str, Any]:
    """Map the pinned snapshot to canonical rows, apply options, validate, stage. Returns counts per entity.

    ``history=False`` leaves orders and money staged as they are: the re-read before a load does not read them again.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        require_plannable(migration)
        location = get_location(connection, migration.location_key)
        progress.report(connection, migration_id, "Mapping and checking", 0, 0)
        refs = pinned(connection, migration_id)
        reader = SnapshotReader(*refs, cipher=workshop.persons)
        certificates = [c for ref in refs for c in ref.certificates]
        past = stage_past(workshop, connection, migration, location, refs) if history else None
        with connection.transaction():
            staged = stage_menu(workshop, connection, migration, reader, location, anew=history)
            people = stage_people_of(workshop, connection, migration, reader, location, certificates)
        staged.add(people)
        result = {**staged.as_dict(), "history": past.as_dict() if past is not None else None}
        if past is not None:
            result["losses"] += losses_of_past(workshop, migration, location, refs)
        elif not history:  # what was told of the same exports when the plan was made
            told = latest_report(connection, migration.integration_id, migration.location_key, "losses") or {}
            result["losses"] += [loss for loss in told.get("losses", ()) if "sample" in loss]
        store_report(
            connection,
            migration.integration_id,
            migration.location_key,
            "people",
            {"migration_id": migration_id, **people.people},
        )
        store_report(
            connection,
            migration.integration_id,
            migration.location_key,
            "losses",
            {"migration_id": migration_id, "losses": result["losses"]},
        )
        progress.report(connection, migration_id, "Mapped and checked", staged.total, staged.total)
        return result


def stage_menu(
    workshop: Workshop,
    connection: Connection,
    migration: Migration,
    reader: SnapshotReader,
    location: KnownLocation,
    *,
    anew: bool = False,
) -> Staged:
    """The menu of the location and the rules it is sold by, mapped and staged.

    ``anew`` concludes from the orders staged before what the POS does not show; else what the last preview concluded holds.
    """
    connector = workshop.connector(migration.subject.pos)
    with collector.paused():
        batch = connector.map_menu(reader, location.source)
        if hasattr(connector, "map_rules"):  # a connector from elsewhere may know menus alone
            batch.add_all(connector.map_rules(reader, location.source))
        batch.add_all(unlisted_stock(connection, migration, connector.source_entities, reader.certificates(), batch))
        concluded, moved = (
            conclude_rules(connection, migration, batch) if anew else concluded_rules(connection, migration)
        )
        batch.add_all(concluded)
        batch.losses = weighed(batch.losses, moved, location.source.currency)
        return stage_rows(connection, migration.id, batch, migration.parsed_options)


def conclude_rules(connection: Connection, migration: Migration, stated: Batch) -> tuple[Batch, dict[str, int]]:
    """What the staged and the loaded orders show beyond the rules the POS states, and the money that went through each rule;
    kept for the re-read before a load."""
    options = migration.parsed_options
    inferred, figures = Batch(), Figures()
    if options.history.months:
        figures = look_back(connection, migration.id, aura_location(connection, migration))
    if options.rules.inferred != "leave_out":
        inferred = conclude(figures, stated)
    rows = [{"entity": row.entity, "key": row.key, "values": row.values} for row in inferred.rows]
    body = {"migration_id": migration.id, "rows": rows, "moved": figures.moved}
    store_report(connection, migration.integration_id, migration.location_key, "inferred", body)
    return inferred, figures.moved


def concluded_rules(connection: Connection, migration: Migration) -> tuple[Batch, dict[str, int]]:
    """What the last preview of this migration concluded: before a load the orders are not read again."""
    batch, moved = Batch(), {}
    report = latest_report(connection, migration.integration_id, migration.location_key, "inferred")
    if report is not None and report["migration_id"] == migration.id:
        for row in report["rows"]:
            batch.add(row["entity"], row["key"], **row["values"])
        moved = report.get("moved", {})
    return batch, moved


def stage_people_of(
    workshop: Workshop,
    connection: Connection,
    migration: Migration,
    reader: SnapshotReader,
    location: KnownLocation,
    certificates: Sequence[Certificate],
) -> Staged:
    """People of the POS and of the files the restaurant handed over; never all of them in memory."""
    restaurant_id = migration.subject.restaurant_id
    seals = VaultSeals(workshop.vault, restaurant_id)
    connector = workshop.connector(migration.subject.pos)
    batches = chain(
        connector.map_people(reader, location.source, seals),
        map_files(reader, location.source, seals),
    )
    return stage_people(
        connection,
        migration.id,
        batches,
        migration.parsed_options,
        region=location.source.address.get("country") or HOME_REGION,
        suppressed=Suppression(workshop.vault, restaurant_id),
        now=workshop.now(),
        directories=_directories(connector.source_entities, certificates),
    )


def _directories(entities: Sequence[SourceEntity], certificates: Sequence[Certificate]) -> set[str]:
    """The entities that the POS lists under their own name, read completely. Guests in a year's orders are no directory."""
    return {e.name for e in entities if e.name in e.feeds and not require(certificates, [e.name])}


def plan(
    workshop: Workshop,
    migration_id: int,
    by: str,
    kind: Literal["preview", "delta"] = "preview",
    *,
    history: bool = True,
) -> StoredPlan:
    """Plan the staged rows. A preview moves the migration to ``planned`` (or ``empty``); a delta only stores its plan.

    ``history=False`` makes a delta of menu, people and rules alone: what comes of orders meanwhile does not change its hash.
    """
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        require_plannable(migration)
        connector = workshop.connector(migration.subject.pos)
        options = migration.parsed_options
        refs = pinned(connection, migration_id)
        certificates = [c for ref in refs for c in ref.certificates]
        blockers = _blockers(connector.source_entities, certificates, options)
        losses = latest_report(connection, migration.integration_id, migration.location_key, "losses")
        staged = _staged(connection, migration_id)
        progress.report(connection, migration_id, "Planning", 0, staged)
        stored = build_plan(
            connection,
            migration.subject,
            ALL_ENTITIES,
            options,
            kind=kind,
            delta_of=migration.plan_id if kind == "delta" and history else None,
            losses=losses["losses"] if losses else (),
            certificates=[c.as_dict() for c in certificates],
            blockers=blockers,
            snapshot_ids=[ref.snapshot_id for ref in refs],
            history=rules_text(
                history_rules(connector, get_location(connection, migration.location_key).source, options)
            )
            if history
            else None,
        )
        if kind == "preview" and "orders" in stored.counts:
            reserve_placeholders(connection, migration.subject, stored.plan_id)
        progress.report(connection, migration_id, "Planned", staged, staged, 0)
        if kind == "preview":
            _settle(connection, migration, stored, blockers, by)
        return stored


def _staged(connection: Connection, migration_id: int) -> int:
    row = connection.execute("SELECT count(*) FROM staging.rows WHERE migration_id = %s", [migration_id]).fetchone()
    return int(row[0]) if row else 0


def writes_of(counts: dict[str, dict[str, int]]) -> int:
    """How many rows of a plan write (or would, once decided)."""
    return sum(entry.get(a, 0) for entry in counts.values() for a in ("create", "update", "merge", "conflict"))


def _settle(connection: Connection, migration: Migration, stored: StoredPlan, blockers: Sequence[str], by: str) -> None:
    """The state a preview leaves behind."""
    with connection.transaction():
        if stored.is_new:
            # A load that failed half way is continued by this plan: what it had written now counts as standing there.
            connection.execute(
                "UPDATE migration.plans SET state = 'superseded' WHERE migration_id = %s AND state = 'loading'",
                [migration.id],
            )
        has_any = any(stored.counts.get(entity, {}).get("source") for entity in (*MENU, *PEOPLE, "orders"))
        was_asked_for = not set(MENU) & set(migration.parsed_options.exclude_entities)
        if was_asked_for and not has_any and not blockers and migration.standing not in AFTER_LOAD:
            transition(connection, migration.id, "empty", by, "the POS has nothing on its menu and knows nobody")
            return
        if migration.standing in AFTER_LOAD and not writes_of(stored.counts) and not blockers:
            return  # what was loaded is still what would be loaded
        if migration.standing == "approved" and not stored.is_new:
            return  # the approved plan is still the plan
        transition(connection, migration.id, "planned", by, "; ".join(blockers))


def _blockers(
    entities: Sequence[SourceEntity], certificates: Sequence[Certificate], options: MigrationOptions
) -> list[str]:
    """Why this must not be loaded: source entities without a complete certificate, unless what they feed is left out."""
    excluded = set(options.exclude_entities)
    needed = {
        e.name: e.feeds
        for e in entities
        if e.required
        and not (e.feeds and set(e.feeds) <= excluded)
        and (e.scope != "history" or options.history.months)
    }
    reasons = []
    for name, feeds in needed.items():
        for reason in require(certificates, [name]):
            remedy = f" To go on without it, exclude {', '.join(feeds)} in the options." if feeds else ""
            reasons.append(reason + remedy)
    return reasons
