"""Counting what became of every planned record, in the plan and once more in AuraConnect itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.people import PEOPLE_ENTITIES
from aura_migration.plan.planner import Subject
from aura_migration.verify.findings import COUNTS, Finding

WORDS = {
    "create": "loaded",
    "update": "loaded",
    "unchanged": "unchanged",
    "merge": "merged",
    "skip": "skipped",
    "quarantine": "quarantined",
    "conflict": "undecided",
}
COLUMNS = ("source", "loaded", "unchanged", "merged", "skipped", "quarantined")
PEOPLE = frozenset(entity.name for entity in PEOPLE_ENTITIES)
PEOPLE_SHOWN = 1_000
STANDING = ("create", "update", "unchanged", "merge")
Connection = psycopg.Connection[Any]


def count_entities(
    connection: Connection, subject: Subject, plan_id: int | None
) -> tuple[dict[str, dict[str, int]], list[Finding]]:
    """``{entity: {source, loaded, unchanged, merged, skipped, quarantined, undecided}}`` of every planned entity.

    Loaded, unchanged and merged are the records that stand in AuraConnect under this migration's claim and the crosswalk;
    each one that the plan names and AuraConnect does not have is a finding (of people the first of each entity).
    """
    counts: dict[str, dict[str, int]] = {}
    for entity, action, number in connection.execute(
        "SELECT entity, action, count(*) FROM migration.plan_rows WHERE plan_id = %s GROUP BY entity, action", [plan_id]
    ).fetchall():
        found = counts.setdefault(entity, dict.fromkeys((*COLUMNS, "undecided"), 0))
        found[WORDS[action]] += number
        found["source"] += number
    findings: list[Finding] = []
    for entity in counts:
        for action, number in _missing(connection, subject, plan_id, entity):
            counts[entity][WORDS[action]] -= number
            findings += _findings(connection, subject, plan_id, entity, action)
    return counts, findings


def missing(counts: Mapping[str, Mapping[str, int]]) -> int:
    """How many of the counted records AuraConnect does not have."""
    return sum(
        entry["source"] - sum(entry[word] for word in dict.fromkeys(WORDS.values())) for entry in counts.values()
    )


def _missing(connection: Connection, subject: Subject, plan_id: int | None, entity: str) -> list[tuple[str, int]]:
    """How many records of each action AuraConnect does not have."""
    return connection.execute(
        f"SELECT p.action, count(*) {_lacking(entity)} GROUP BY p.action ORDER BY p.action",
        _arguments(subject, plan_id, entity),
    ).fetchall()


def _findings(connection: Connection, subject: Subject, plan_id: int | None, entity: str, action: str) -> list[Finding]:
    """What is missing, record by record; of people, who may be very many, the first."""
    is_personal = ENTITIES[entity].personal
    rows = connection.execute(
        f"""
        SELECT p.source_key, p.label, k.aura_id IS NOT NULL, c.aura_id IS NOT NULL, t.id IS NOT NULL
        {_lacking(entity)} AND p.action = %(action)s ORDER BY p.seq LIMIT %(limit)s
        """,
        {**_arguments(subject, plan_id, entity), "action": action, "limit": PEOPLE_SHOWN if entity in PEOPLE else None},
    ).fetchall()
    found = []
    for key, label, has_claim, has_key, is_live in rows:
        lacks = [
            word
            for word, has in (("row", is_live), ("crosswalk", has_key), ("claim of this migration", has_claim))
            if not has
        ]
        cause = f"AuraConnect has no {' and no '.join(lacks)} for it"
        expected = action if is_personal else f"{action} {label}"
        found.append(Finding(COUNTS, entity, key, expected, None, None, cause))
    return found


def _lacking(entity: str) -> str:
    return f"""
        FROM migration.plan_rows p
        LEFT JOIN migration.claims k
               ON k.migration_id = %(migration)s AND k.aura_table = p.aura_table AND k.aura_id = p.aura_id
        LEFT JOIN migration.crosswalk c ON c.integration_id = %(integration)s AND c.entity = p.entity
              AND c.source_key = p.crosswalk_key AND c.aura_id = p.aura_id AND c.is_active
        LEFT JOIN aura.{ENTITIES[entity].table} t ON t.id = p.aura_id AND t.deleted_at IS NULL
        WHERE p.plan_id = %(plan)s AND p.entity = %(entity)s AND p.action = ANY(%(standing)s)
          AND (k.aura_id IS NULL OR c.aura_id IS NULL OR t.id IS NULL)
    """


def _arguments(subject: Subject, plan_id: int | None, entity: str) -> dict[str, Any]:
    return {
        "migration": subject.migration_id,
        "integration": subject.integration_id,
        "plan": plan_id,
        "entity": entity,
        "standing": list(STANDING),
    }
