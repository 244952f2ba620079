"""The rules of business, judged: what the POS states against what AuraConnect holds, value by value.

The POS's side is a witness's own reading (``pos/rule_facts.py``); AuraConnect's side are its tables, with ids turned back into
source keys by the crosswalk. What was inferred from orders is not judged here: order replay does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from aura_migration.canonical.model import Entity
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.plan.planner import Subject
from aura_migration.pos.rule_facts import RuleFact
from aura_migration.verify.findings import RULES, Finding, Gate, percentage

Connection = psycopg.Connection[Any]
ACCOUNTED = ("create", "update", "unchanged", "merge", "skip")
REMEDY = "Compare the findings with the POS; correct the rules in AuraConnect or decide about them, then verify again."


@dataclass(frozen=True)
class RulesVerdict:
    """``gate`` passed None: the POS states no rule. ``accounted_pct`` is of what the witness counts."""

    gate: Gate
    findings: tuple[Finding, ...]
    accounted_pct: float | None

    @property
    def metrics(self) -> dict[str, float | None]:
        """The scorecard's row."""
        return {"rules_accounted_pct": self.accounted_pct}


def verify_rules(
    connection: Connection, subject: Subject, plan_id: int | None, facts: Iterable[RuleFact], left_out: Iterable[str]
) -> RulesVerdict:
    """Compare the rules of a location with what AuraConnect holds.

    ``left_out`` are entities excluded by the options. A rule that the plan skips or keeps as AuraConnect has it is accepted
    by that decision; anything else that is missing, different or more than the POS states is a finding.
    """
    excluded = set(left_out)
    said: dict[str, dict[str, Mapping[str, Any]]] = {entity.name: {} for entity in RULE_ENTITIES}
    twice: list[Finding] = []
    for fact in facts:
        if fact.entity in excluded:
            continue
        if fact.key in said[fact.entity]:
            twice.append(Finding(RULES, fact.entity, fact.key, "once", "twice", cause="the witness says it twice"))
        said[fact.entity][fact.key] = fact.values
    planned = _planned(connection, plan_id)
    total = sum(map(len, said.values()))
    accounted = sum(
        planned.get((name, key), ("", None))[0] in ACCOUNTED for name, rules in said.items() for key in rules
    )
    findings = list(twice)
    for entity in RULE_ENTITIES:
        if entity.name not in excluded:
            findings += _compare(entity, said[entity.name], _held(connection, subject, entity), planned)
    findings.sort(key=lambda one: one.order)
    blocking = sum(one.is_blocking for one in findings)
    gate = Gate(
        RULES,
        None if not total and not blocking else not blocking and accounted == total,
        f"{blocking} different of {total}" if total else None,
        REMEDY if blocking or accounted < total else "",
        {
            "rules": total,
            "accounted": accounted,
            "by_entity": {name: len(rules) for name, rules in said.items() if rules},
        },
    )
    return RulesVerdict(gate, tuple(findings), percentage(accounted, total))


def _planned(connection: Connection, plan_id: int | None) -> dict[tuple[str, str], tuple[str, set[str]]]:
    """Action and the columns kept as AuraConnect has them, by entity and key."""
    return {
        (entity, key): (action, set(kept or ()))
        for entity, key, action, kept in connection.execute(
            "SELECT entity, source_key, action, kept FROM migration.plan_rows WHERE plan_id = %s AND entity = ANY(%s)",
            [plan_id, [entity.name for entity in RULE_ENTITIES]],
        ).fetchall()
    }


def _held(connection: Connection, subject: Subject, entity: Entity) -> dict[str, dict[str, Any]]:
    """What AuraConnect holds of one entity at the location, by source key, references as source keys."""
    columns = [f"t.{field.target} AS {field.name}" for field in entity.fields if not field.ref]
    joins = []
    for number, field in enumerate(entity.refs):
        joins.append(
            f"LEFT JOIN migration.crosswalk r{number} ON r{number}.integration_id = %(integration)s "
            f"AND r{number}.entity = '{field.ref}' AND r{number}.aura_id = t.{field.target} AND r{number}.is_active"
        )
        columns.append(f"r{number}.source_key AS {field.name}")
    rows = connection.cursor(row_factory=dict_row).execute(
        f"""
        SELECT c.source_key AS crosswalk_key, {", ".join(columns)}
        FROM aura.{entity.table} t
        JOIN migration.crosswalk c ON c.integration_id = %(integration)s AND c.entity = %(entity)s AND c.aura_id = t.id AND c.is_active
        JOIN migration.claims k ON k.migration_id = %(migration)s AND k.aura_table = %(table)s AND k.aura_id = t.id
        {" ".join(joins)}
        WHERE t.deleted_at IS NULL
        """,
        {
            "integration": subject.integration_id,
            "entity": entity.name,
            "migration": subject.migration_id,
            "table": entity.table,
        },
    )
    return {row.pop("crosswalk_key"): row for row in rows}


def _compare(
    entity: Entity,
    said: Mapping[str, Mapping[str, Any]],
    held: Mapping[str, Mapping[str, Any]],
    planned: Mapping[tuple[str, str], tuple[str, set[str]]],
) -> Iterable[Finding]:
    for key, values in said.items():
        action, kept = planned.get((entity.name, key), ("", set()))
        row = held.get(key)
        if row is None:
            signed = action == "skip"
            cause = "left out by decision" if signed else "AuraConnect does not have it"
            yield Finding(RULES, entity.name, key, _plain(values), None, cause=cause, is_blocking=not signed)
            continue
        different = {name for name, value in values.items() if not _same(value, row.get(name))}
        for name in sorted(different):
            accepted = entity.field(name).target in kept
            yield Finding(
                RULES,
                entity.name,
                key,
                {name: _plain(values[name])},
                {name: _plain(row.get(name))},
                _cents(entity, name, values[name], row.get(name)),
                "kept as it is in AuraConnect" if accepted else "",
                not accepted,
            )
    for key in held.keys() - said.keys():
        if not held[key].get("is_inferred"):
            yield Finding(RULES, entity.name, key, None, _plain(dict(held[key])), cause="the POS does not state it")


def _same(said: Any, held: Any) -> bool:
    if isinstance(said, Decimal) and held is not None:
        return said == Decimal(str(held))
    return bool(said == held) and isinstance(said, bool) == isinstance(held, bool)


def _cents(entity: Entity, name: str, said: Any, held: Any) -> int | None:
    if entity.field(name).kind != "cents" or said is None or held is None:
        return None
    return int(held) - int(said)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items() if member is not None}
    return value
