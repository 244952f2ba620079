"""Reading signed decisions out of the approved plan, the quarantine's corrections and the options.

A decision counts only as far as AuraConnect still holds what was signed: a kept value that changed afterwards is not the
kept value any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import psycopg

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.options import MigrationOptions, aura_field_name
from aura_migration.canonical.people import PEOPLE_ENTITIES
from aura_migration.plan import sql
from aura_migration.plan.planner import Subject as Migrating
from aura_migration.verify.decisions import Decisions, Kept, Subject
from aura_migration.verify.keys import Keys

LINKS: dict[str, tuple[str, ...]] = {
    "item_categories": ("menu_item_key", "category_key"),
    "item_menus": ("menu_item_key", "menu_key"),
    "item_modifier_groups": ("menu_item_key", "modifier_group_key"),
    "nested_groups": ("modifier_key", "modifier_group_key"),
    "modifier_defaults": ("menu_item_key", "modifier_key"),
    "modifier_locations": ("modifier_key",),
    "menu_locations": ("menu_key",),
    "category_locations": ("category_key",),
    "group_locations": ("modifier_group_key",),
    "item_taxes": ("menu_item_key", "tax_rate_key"),
    "item_stations": ("menu_item_key", "station_key"),
    "modifier_stations": ("modifier_key", "station_key"),
    "group_pre_modifiers": ("modifier_group_key", "pre_modifier_key"),
}
"""The references that say which record a row of a location is about."""
Connection = psycopg.Connection[Any]


class PlanRow(NamedTuple):
    """What a plan says about one record."""

    entity: str
    key: str
    action: str
    strategy: str | None
    reason: str
    content: Mapping[str, Any] | None
    before: Mapping[str, Any] | None
    before_hash: str | None
    kept: tuple[str, ...]
    aura_id: int | None
    is_signed: bool


def read_decisions(
    connection: Connection, subject: Migrating, plan_id: int | None, options: MigrationOptions, keys: Keys
) -> Decisions:
    """The signed decisions of a migration; without an approved plan there are none."""
    found = Decisions()
    if plan_id is None:
        return found
    plan = connection.execute("SELECT approved_at FROM migration.plans WHERE id = %s", [plan_id]).fetchone()
    found.signed_at = plan[0] if plan else None
    kept: list[PlanRow] = []
    for row in _rows(connection, subject, plan_id):
        if row.action in ("quarantine", "conflict"):
            word = "in quarantine" if row.action == "quarantine" else "undecided"
            found.waiting[subject_of(row.entity, row.key, row.content)] = f"{word}: {row.reason}".rstrip(": ")
        elif row.is_signed and row.action == "skip":
            _skip(found, row)
        elif row.is_signed and row.kept:
            kept.append(row)
    if kept:
        _keep(connection, found, kept, keys)
    if found.signed_at is not None:
        found.excluded = frozenset(options.exclude_entities)
        for mapping in options.field_mapping:
            target = aura_field_name(mapping)
            entity = ENTITIES[mapping.entity]
            if not target.startswith("custom_fields."):
                why = f"{mapping.pos_field} is mapped to {mapping.aura_field} by the options"
                found.mapped[entity.name, entity.field(target).target] = why
        _link(connection, found, plan_id)
    _corrections(connection, found, subject.migration_id)
    return found


def subject_of(entity: str, key: str, content: Mapping[str, Any] | None) -> Subject:
    """What a row is about: its key, or the records a row of a location links."""
    content = content or {}
    if entity == "item_locations":
        about = content.get("variation_key") or content.get("menu_item_key")
        return (entity, about) if about else (entity, key)
    names = LINKS.get(entity)
    if names is None or any(not content.get(name) for name in names):
        return (entity, key)
    return (entity, *(str(content[name]) for name in names))


def _rows(connection: Connection, subject: Migrating, plan_id: int) -> list[PlanRow]:
    """Rows of the plan that decide something; people are judged set-based, elsewhere.

    A row that an earlier approved plan has just like it is signed by that one.
    """
    found = connection.execute(
        """
        SELECT p.entity, p.source_key, p.action, p.strategy, p.reason, p.content, p.before, p.before_hash, coalesce(p.kept, '{}'),
               p.aura_id, l.approved_at IS NOT NULL OR EXISTS (
                   SELECT 1 FROM migration.plans e JOIN migration.plan_rows q ON q.plan_id = e.id
                   WHERE e.migration_id = %(migration)s AND e.approved_at IS NOT NULL AND q.entity = p.entity
                     AND q.source_key = p.source_key AND q.action = p.action AND q.reason = p.reason)
        FROM migration.plan_rows p JOIN migration.plans l ON l.id = p.plan_id
        WHERE p.plan_id = %(plan)s AND p.entity <> ALL(%(people)s) AND (p.action IN ('skip', 'quarantine', 'conflict') OR p.kept IS NOT NULL)
        ORDER BY p.seq
        """,
        {"migration": subject.migration_id, "plan": plan_id, "people": [entity.name for entity in PEOPLE_ENTITIES]},
    ).fetchall()
    return [PlanRow(*row) for row in found]


def _skip(found: Decisions, row: PlanRow) -> None:
    reason = f"skipped: {row.reason}"
    found.skipped[subject_of(row.entity, row.key, row.content)] = reason
    if row.entity == "price_rules" and row.content:
        for name, entity in (
            ("menu_item_key", "items"),
            ("variation_key", "variations"),
            ("modifier_key", "modifiers"),
        ):
            if row.content.get(name):
                prices = found.skipped_prices.setdefault((entity, str(row.content[name])), {})
                prices[int(row.content["price_cents"])] = reason


def _keep(connection: Connection, found: Decisions, rows: list[PlanRow], keys: Keys) -> None:
    """Columns the plan keeps as AuraConnect had them, as far as they hold now what they held when it was made."""
    by_entity: dict[str, list[PlanRow]] = {}
    for row in rows:
        by_entity.setdefault(row.entity, []).append(row)
    for name, members in by_entity.items():
        entity = ENTITIES[name]
        present = {
            aura_id: (now, digest)
            for aura_id, now, digest in connection.execute(
                f"SELECT t.id, to_jsonb(t), {sql.image_hash(sql.table_row('t', entity))} FROM aura.{entity.table} t "
                "WHERE t.id = ANY(%s) AND t.deleted_at IS NULL",
                [[row.aura_id for row in members]],
            ).fetchall()
        }
        for row in members:
            if row.aura_id not in present:
                continue
            now, digest = present[row.aura_id]
            columns = frozenset(
                column
                for column in row.kept
                if (row.before is not None and now.get(column) == row.before.get(column)) or digest == row.before_hash
            )
            reason = f"AuraConnect's value is kept ({row.strategy or 'approved'}): {row.reason}".rstrip(": ")
            found.kept[subject_of(name, row.key, _references(name, now, keys))] = Kept(reason, columns)


def _link(connection: Connection, found: Decisions, plan_id: int) -> None:
    """Items, groups and options that became one with a record AuraConnect had, where that record's values win or agree."""
    for name in ("items", "modifier_groups", "modifiers"):
        for key, strategy in connection.execute(
            f"""
            SELECT p.source_key, p.strategy FROM migration.plan_rows p
            JOIN aura.{ENTITIES[name].table} t ON t.id = p.aura_id AND t.deleted_at IS NULL AND t.source_vendor IS NULL
            WHERE p.plan_id = %s AND p.entity = %s AND p.action IN ('merge', 'unchanged')
            """,
            [plan_id, name],
        ).fetchall():
            found.linked[name, key] = f"what AuraConnect had stays ({strategy or 'linked'})"


def _references(entity: str, row: Mapping[str, Any], keys: Keys) -> dict[str, str]:
    """The references of a row of AuraConnect as source keys, by canonical field name."""
    return {
        field.name: keys.one(str(field.ref), row[field.target])
        for field in ENTITIES[entity].refs
        if row.get(field.target) is not None
    }


def _corrections(connection: Connection, found: Decisions, migration_id: int) -> None:
    """Values somebody corrected in quarantine are that person's decision."""
    for entity, key, values, correction, by in connection.execute(
        'SELECT entity, source_key, "values", correction, corrected_by FROM migration.quarantine '
        "WHERE migration_id = %s AND correction IS NOT NULL",
        [migration_id],
    ).fetchall():
        known = {field.name: field.target for field in ENTITIES[entity].fields}
        columns = frozenset(known.get(name, name) for name in correction)
        about = subject_of(entity, key, values)
        earlier = found.kept.get(about)
        if earlier is not None and earlier.columns is not None:
            columns |= earlier.columns
        found.kept[about] = Kept(f"corrected in quarantine by {by or 'somebody'}", columns)
