"""The verdict on a migration: measure, judge, store.

Every gate is a row in ``migration.gates`` with its number, what to do about a no, and the evidence; every difference is a
row in ``migration.findings``. A gate judged over nothing is neither yes nor no. What is stored or shown of the findings
is cut, what is judged never is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.archive.snapshot import SnapshotReader, require
from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.options import MigrationOptions
from aura_migration.plan.planner import Subject
from aura_migration.pos import registry
from aura_migration.pos.facts import Witness
from aura_migration.pos.order_facts import DayRule, HistoryWitness
from aura_migration.pos.people_facts import PeopleFact, PeopleWitness
from aura_migration.pos.port import SourceEntity
from aura_migration.pos.rule_facts import RuleFact, RulesWitness
from aura_migration.verify import findings as words
from aura_migration.verify import witnesses
from aura_migration.verify.aura import Sold, read_sold
from aura_migration.verify.compare import Comparison, compare
from aura_migration.verify.counts import COLUMNS, count_entities, missing
from aura_migration.verify.findings import Finding, Gate, percentage
from aura_migration.verify.orders import OrdersVerdict, unmeasured, verify_orders
from aura_migration.verify.people import PeopleVerdict, verify_people
from aura_migration.verify.people_said import PersonSeal
from aura_migration.verify.rules import REMEDY as RULES_REMEDY
from aura_migration.verify.rules import RulesVerdict, verify_rules
from aura_migration.verify.signed import read_decisions

STORED_PER_CHECK = 1_000
ACCEPTED_SHOWN = 200
CORE = (
    *(words.ACCOUNTED, words.MIGRATED, words.PRICES, words.MODIFIERS, *words.PEOPLE_CHECKS),
    *(words.ORDERS, words.DAILY_SALES, words.TAX, words.PAYMENTS),
)
"""Without one of these having been measured there is no verdict."""
REMEDIES = {
    words.ACCOUNTED: "Preview again, so that the plan knows every item of the POS.",
    words.MIGRATED: "Load what is missing, or sign its absence in the options.",
    words.RECORDS: "Compare the findings with the POS; correct AuraConnect or the mapping, then verify again.",
    words.PRICES: "Correct the prices in the findings, or decide keep_existing for them, then verify again.",
    words.MODIFIERS: "Correct the choices in the findings, then verify again.",
    words.RULES: RULES_REMEDY,
    words.COUNTS: "Run the migration again; it writes what is missing.",
    words.QUARANTINE: "`aura-migration quarantine list` shows them; correct them and `quarantine rerun`.",
    words.DECIDED: "`aura-migration conflicts list` shows them; decide, approve and run.",
    words.COMPLETE: "Extract again until every required entity is certified complete.",
    words.EXPORTED: "Extract again until every required entity is certified complete.",
}
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Verdict:
    """``passed`` None: there was nothing to judge. ``scorecard`` is JSON-ready.

    ``findings`` are complete, but of people and orders the first of each check.
    """

    passed: bool | None
    scorecard: dict[str, Any]
    gates: tuple[Gate, ...]
    findings: tuple[Finding, ...]

    def gate(self, name: str) -> Gate:
        """The gate of that name; ``KeyError`` lists what there is."""
        for gate in self.gates:
            if gate.name == name:
                return gate
        raise KeyError(f"there is no gate {name!r}; there are {', '.join(g.name for g in self.gates)}")

    def findings_of(self, check_name: str, limit: int = STORED_PER_CHECK) -> list[Finding]:
        """The first findings of a check, the blocking ones before the accepted."""
        return [found for found in self.findings if found.check_name == check_name][:limit]


def verify_migration(
    connection: Connection,
    subject: Subject,
    reader: SnapshotReader,
    location_source_id: str,
    currency: str,
    plan_id: int | None,
    options: MigrationOptions,
    now: datetime,
    *,
    witness: Witness | None = None,
    people_witness: PeopleWitness | None = None,
    source_entities: Sequence[SourceEntity] | None = None,
    file_facts: Iterable[PeopleFact] = (),
    seals: PersonSeal | None = None,
    suppressed_hash: Callable[[Any, str, str], str] | None = None,
    orders_witness: HistoryWitness | None = None,
    day_rule: DayRule | None = None,
    rules_witness: RulesWitness | None = None,
) -> Verdict:
    """Judge what stands in AuraConnect at the location against the snapshot, and store gates and findings.

    ``witness``, ``people_witness``, ``orders_witness`` and ``source_entities`` are those of the location's POS unless given.
    ``file_facts``, ``seals`` and ``suppressed_hash`` are for people: see :func:`verify_people`; ``day_rule`` is for orders: see
    :func:`verify_orders`. Orders are judged where the plan has a history. ``now`` is business time.
    """
    if source_entities is None:
        source_entities = registry.connector(subject.pos).source_entities
    with connection.transaction():
        compared, sold = compare_menu(
            connection, subject, reader, location_source_id, currency, plan_id, options, witness=witness
        )
        counts, not_there = count_entities(connection, subject, plan_id)
        said = (rules_witness or find_rules_witness(subject.pos))(reader, location_source_id, currency)
        rules = verify_rules(connection, subject, plan_id, said, options.exclude_entities)
        people = verify_people(
            connection,
            subject,
            reader,
            location_source_id,
            currency,
            plan_id,
            options,
            now,
            file_facts,
            witness=people_witness,
            seals=seals,
            suppressed_hash=suppressed_hash,
        )
        orders = (
            verify_orders(
                connection,
                subject,
                reader,
                location_source_id,
                currency,
                plan_id,
                options,
                now,
                witness=orders_witness,
                rule=day_rule,
            )
            if _has_history(connection, plan_id)
            else unmeasured()
        )
        found = tuple(sorted([*compared.findings, *not_there, *rules.findings], key=lambda one: one.order))
        gates = [
            _completeness(reader, source_entities, options),
            *_gates(compared, counts),
            rules.gate,
            *people.gates,
            *orders.gates,
            *_stored_gate(connection, subject.migration_id, words.EXPORTED, _has_written(connection, subject)),
        ]
        verdict = _judge(subject, compared, counts, gates, found, rules, people, orders, sold.own_items, currency)
        _store(connection, subject.migration_id, verdict, now)
    return verdict


def compare_menu(
    connection: Connection,
    subject: Subject,
    reader: SnapshotReader,
    location_source_id: str,
    currency: str,
    plan_id: int | None,
    options: MigrationOptions,
    *,
    witness: Witness | None = None,
) -> tuple[Comparison, Sold]:
    """The menu as the witness reads it beside what AuraConnect sells. Stores nothing."""
    source = (witness or find_witness(subject.pos))(reader, location_source_id, currency)
    if plan_id is None:
        # An empty restaurant may have set up its taxes and stations; nothing of it is loaded.
        source.taxes = None
        source.names = {place: name for place, name in source.names.items() if place[0] != "kitchen_stations"}
    sold = read_sold(connection, subject.integration_id, subject.restaurant_id, location_source_id)
    decisions = read_decisions(connection, subject, plan_id, options, sold.keys)
    compared = compare(
        source,
        sold.facts,
        decisions,
        _planned_items(connection, plan_id),
        sold.own_edges,
        currency,
        sold.counted_on,
    )
    return compared, sold


def find_witness(pos: str) -> Witness:
    """The witness of a POS: ``facts`` of the module ``witness`` in the connector's package. BadInput when there is none."""
    found: Witness = witnesses.find(pos, "witness", "facts", "for", "facts.Witness")
    return found


def find_rules_witness(pos: str) -> RulesWitness:
    """The witness of a POS's rules; a connector that maps none has none, which says nothing."""
    found = witnesses.find(pos, "rules_witness", "rules", "of the rules of", "rule_facts.RulesWitness", "map_rules")
    return found or no_rules


def no_rules(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterable[RuleFact]:
    """A witness that knows of no rule: of a connector that maps none, or where nothing was loaded."""
    return ()


def record_gate(
    connection: Connection,
    migration_id: int,
    name: str,
    passed: bool | None,
    value: str | None,
    remedy: str,
    evidence: Mapping[str, Any],
    measured_at: datetime,
) -> None:
    """Store a gate of a migration, in place of what it said before."""
    connection.execute(
        """
        INSERT INTO migration.gates (migration_id, name, passed, value, remedy, evidence, measured_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (migration_id, name) DO UPDATE SET passed = excluded.passed, value = excluded.value,
            remedy = excluded.remedy, evidence = excluded.evidence, measured_at = excluded.measured_at
        """,
        [migration_id, name, passed, value, remedy, Jsonb(dict(evidence)), measured_at],
    )


def _planned_items(connection: Connection, plan_id: int | None) -> dict[str, str]:
    return dict(
        connection.execute(
            "SELECT source_key, action FROM migration.plan_rows WHERE plan_id = %s AND entity = 'items'", [plan_id]
        ).fetchall()
    )


def _has_history(connection: Connection, plan_id: int | None) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM migration.plans WHERE id = %s AND history IS NOT NULL)", [plan_id]
    ).fetchone()
    return bool(row and row[0])


def _has_written(connection: Connection, subject: Subject) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM migration.claims WHERE migration_id = %s)", [subject.migration_id]
    ).fetchone()
    return bool(row and row[0])


# Gates


def _completeness(reader: SnapshotReader, entities: Sequence[SourceEntity], options: MigrationOptions) -> Gate:
    left_out = set(options.exclude_entities)
    needed = [
        e.name
        for e in entities
        if e.required
        and not (e.feeds and set(e.feeds) <= left_out)
        and not (e.scope == "history" and not options.history.months)
    ]
    certificates = reader.certificates()
    reasons = require(certificates, needed)
    sound = sum(certificate.status == "complete" for certificate in certificates if certificate.entity in needed)
    evidence = {"certificates": [c.as_dict() for c in certificates], "reasons": reasons}
    passed = not reasons if needed else None
    return Gate(
        words.COMPLETE,
        passed,
        f"{sound} of {len(needed)} certified complete",
        _remedy(words.COMPLETE, passed),
        evidence,
    )


def _gates(compared: Comparison, counts: Mapping[str, Mapping[str, int]]) -> list[Gate]:
    lacking = missing(counts)
    scope, choices = compared.in_scope, compared.choices
    accounted = percentage(compared.accounted, compared.source_items)
    migrated = percentage(compared.migrated, scope)
    functional = percentage(choices.functional, choices.active)
    planned = sum(entry["source"] for entry in counts.values())
    quarantined = sum(entry["quarantined"] for entry in counts.values())
    undecided = sum(entry["undecided"] for entry in counts.values())
    return [
        _gate(
            compared,
            words.ACCOUNTED,
            accounted if scope else None,
            {"items": compared.source_items, "accounted": compared.accounted},
        ),
        _gate(
            compared,
            words.MIGRATED,
            migrated,
            {"in_scope": scope, "migrated": compared.migrated, "left_out": len(compared.left_out)},
        ),
        _gate(compared, words.RECORDS, scope or None, {"items": scope}, f"{scope} items and what belongs to them"),
        price_gate(compared),
        _gate(
            compared,
            words.MODIFIERS,
            functional,
            {
                "active": choices.active,
                "functional": choices.functional,
                "unattached_in_pos": compared.unattached[0],
                "unattached_in_auraconnect": compared.unattached[1],
            },
        ),
        _plain(words.COUNTS, None if not planned else not lacking, f"{lacking} of {planned} missing", lacking),
        _plain(words.QUARANTINE, None if not planned else not quarantined, f"{quarantined} in quarantine", quarantined),
        _plain(words.DECIDED, None if not planned else not undecided, f"{undecided} undecided", undecided),
    ]


def price_gate(compared: Comparison) -> Gate:
    """Whether every price of items and choices is the POS's, to the cent."""
    choices = compared.choices
    measured = compared.prices.compared + choices.prices.compared
    worst = max(compared.prices.worst, choices.prices.worst)
    return _gate(
        compared,
        words.PRICES,
        worst if measured else None,
        {
            "prices": measured,
            "of_items": compared.prices.compared,
            "of_choices": choices.prices.compared,
            "largest_accepted_cents": max(compared.prices.worst_accepted, choices.prices.worst_accepted),
        },
        f"{worst} cents over {measured} prices" if measured else None,
        number_must_be=0,
    )


def _gate(
    compared: Comparison,
    name: str,
    measure: float | None,
    evidence: Mapping[str, Any],
    value: str | None = None,
    number_must_be: float | None = 100.0,
) -> Gate:
    """Yes when the number is as it must be and no finding of the check is unexplained; nothing measured is no answer."""
    all_found = [found for found in compared.findings if found.check_name == name]
    blocking = [found for found in all_found if found.is_blocking]
    passed: bool | None = None
    if blocking:
        passed = False
    elif measure is not None:
        passed = True if name == words.RECORDS else measure == number_must_be
    shown = value if value is not None else None if measure is None else f"{measure:.2f} %"
    full = {**evidence, "unexplained": len(blocking), "accepted": len(all_found) - len(blocking)}
    return Gate(name, passed, shown, _remedy(name, passed), full)


def _plain(name: str, passed: bool | None, value: str, number: int) -> Gate:
    return Gate(name, passed, value if passed is not None else None, _remedy(name, passed), {"number": number})


def _remedy(name: str, passed: bool | None) -> str:
    return REMEDIES[name] if passed is False else ""


def _stored_gate(connection: Connection, migration_id: int, name: str, must_exist: bool) -> list[Gate]:
    """A gate another stage recorded; once something was written its absence is a no."""
    row = connection.execute(
        "SELECT passed, value, remedy, evidence FROM migration.gates WHERE migration_id = %s AND name = %s",
        [migration_id, name],
    ).fetchone()
    if row is not None:
        passed, value, remedy, evidence = row
        return [Gate(name, passed, value, remedy if passed is False else "", evidence)]
    return [
        Gate(name, False if must_exist else None, "not recorded" if must_exist else None, _remedy(name, not must_exist))
    ]


# The verdict


def _judge(
    subject: Subject,
    compared: Comparison,
    counts: Mapping[str, Mapping[str, int]],
    gates: Sequence[Gate],
    menu_found: tuple[Finding, ...],
    rules: RulesVerdict,
    people: PeopleVerdict,
    orders: OrdersVerdict,
    own_items: int,
    currency: str,
) -> Verdict:
    by_name = {gate.name: gate for gate in gates}
    passed: bool | None = None
    if any(gate.passed is False for gate in gates):
        passed = False
    elif any(by_name[name].passed for name in CORE):
        passed = True
    scope, choices = compared.in_scope, compared.choices
    measured = compared.prices.compared + choices.prices.compared
    found = (*menu_found, *people.findings, *orders.findings)
    accepted = [one for one in (*menu_found, *people.findings) if not one.is_blocking]
    menu_accepted = sum(not one.is_blocking for one in menu_found)
    scorecard = {
        "migration_id": subject.migration_id,
        "location": subject.location_key,
        "pos": subject.pos,
        "entities": {
            name: {column: counts[name][column] for column in COLUMNS}
            for name, entity in ENTITIES.items()
            if entity.counted and name in counts
        },
        "history": {kind: dict(numbers) for kind, numbers in orders.entities.items()},
        "metrics": {
            "menu_items_accounted_pct": percentage(compared.accounted, compared.source_items) if scope else None,
            "menu_items_migrated_pct": percentage(compared.migrated, scope),
            "price_max_abs_diff_cents": max(compared.prices.worst, choices.prices.worst) if measured else None,
            "active_modifiers_functional_pct": percentage(choices.functional, choices.active),
            "full_export_before_load": by_name[words.EXPORTED].passed,
            **rules.metrics,
            **people.metrics,
            **orders.metrics,
        },
        "gates": [{"name": g.name, "passed": g.passed, "value": g.value, "remedy": g.remedy} for g in gates],
        "accepted": [
            {
                "check": one.check_name,
                "entity": one.entity,
                "key": one.source_key,
                "expected": one.expected,
                "actual": one.actual,
                "cause": one.cause,
            }
            for one in accepted[:ACCEPTED_SHOWN]
        ],
        "accepted_total": menu_accepted + people.accepted,
        "explained": [dict(cause) for cause in orders.causes],
        "explained_total": orders.accepted,
        "currency": currency,
        "unexplained_total": len(menu_found) - menu_accepted + people.unexplained + orders.unexplained,
        "own_items": own_items,
        "passed": passed,
    }
    return Verdict(passed, scorecard, tuple(gates), found)


def _store(connection: Connection, migration_id: int, verdict: Verdict, now: datetime) -> None:
    """Findings (the first of each check) and gates, in place of those of an earlier verification."""
    connection.execute("DELETE FROM migration.findings WHERE migration_id = %s", [migration_id])
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY migration.findings (migration_id, check_name, entity, source_key, expected, actual, difference_cents, "
            "cause, is_blocking, found_at) FROM STDIN"
        ) as copy,
    ):
        for one in _first_of_each(verdict.findings, STORED_PER_CHECK):
            sides = [None if side is None else Jsonb(_storable(side)) for side in (one.expected, one.actual)]
            place = (migration_id, one.check_name, one.entity, _storable(one.source_key))
            copy.write_row((*place, *sides, one.difference_cents, _storable(one.cause), one.is_blocking, now))
    for gate in verdict.gates:
        if gate.name != words.EXPORTED:
            record_gate(connection, migration_id, gate.name, gate.passed, gate.value, gate.remedy, gate.evidence, now)


def _first_of_each(found: Iterable[Finding], limit: int) -> Iterable[Finding]:
    seen: dict[str, int] = {}
    for one in found:
        seen[one.check_name] = seen.get(one.check_name, 0) + 1
        if seen[one.check_name] <= limit:
            yield one


def _storable(value: Any) -> Any:
    """Without what PostgreSQL's texts cannot hold: NUL and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {str(key): _storable(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(member) for member in value]
    return value
