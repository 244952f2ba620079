"""What a report tells: one table per kind, read from what the stages stored, row by row.

Sales are told in ``sales/sections.py``. Nothing is computed anew and nothing is judged. Values of persons pass through
``canonical.masking`` or do not pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.history.tables import DOCUMENTS
from aura_migration.canonical.masking import HIDDEN, mask, masked
from aura_migration.core.money import show, show_owed
from aura_migration.migration.evidence import replays
from aura_migration.migration.inspect import loss_records
from aura_migration.migration.records import Migration, get_plan, latest_report
from aura_migration.migration.reports.base import Section, Source
from aura_migration.migration.reports.sales.sections import SALES_KINDS, sales_section
from aura_migration.verify.findings import LOYALTY
from aura_migration.verify.replay.words import Class
from aura_migration.verify.scorecard import measured

YES_NO = {True: "yes", False: "NO", None: "not measured"}
COUNTED = ("source", "create", "update", "unchanged", "merge", "skip", "conflict", "quarantine")


def sections(connection: psycopg.Connection[Any], migration: Migration, kinds: Sequence[str] = ()) -> Iterator[Section]:
    """The sections of the kinds (all unless named) in their order; read one before you take the next."""
    people = latest_report(connection, migration.integration_id, migration.location_key, "people") or {}
    source = Source(connection, migration, people)
    for kind in KINDS:
        if not kinds or kind in kinds:
            yield sales_section(source, kind) if kind in SALES_KINDS else _MAKERS[kind](source)


# -- the whole ------------------------------------------------------------------------------------------------------------


def _scorecard(source: Source) -> Section:
    card = source.one(
        "SELECT result -> 'scorecard' FROM migration.requests WHERE migration_id = %(migration)s AND result ? 'scorecard' "
        "ORDER BY id DESC LIMIT 1"
    )
    if not card:
        return Section("scorecard", "Scorecard", ("metric", "value"), (), "Nothing has been verified yet.")
    currency = (
        card.get("currency") or source.one("SELECT currency FROM aura.restaurants WHERE id = %(restaurant)s") or "USD"
    )
    metrics = [(name, measured(value, currency)) for name, value in card.get("metrics", {}).items()]
    rows = [("passed", YES_NO[card.get("passed")]), *metrics]
    return Section("scorecard", "Scorecard", ("metric", "value"), rows)


def _entities(source: Source) -> Section:
    counts: dict[str, dict[str, int]] = {}
    if source.migration.plan_id is not None:
        counts = get_plan(source.connection, source.migration.plan_id)["counts"]
    rows = [
        [name, *(counts[name].get(column, 0) for column in COUNTED)]
        for name in (*ENTITIES, *DOCUMENTS)
        if name in counts
    ]
    return Section("entities", "Records of the present plan", ("entity", *COUNTED), rows)


def _gates(source: Source) -> Section:
    rows = (
        (name, YES_NO[passed], value or "", "" if passed else remedy, measured.isoformat())
        for name, passed, value, remedy, measured in source.rows(
            "SELECT name, passed, value, remedy, measured_at FROM migration.gates WHERE migration_id = %(migration)s ORDER BY name"
        )
    )
    return Section("gates", "Gates", ("gate", "passed", "measured", "what to do", "at"), rows)


def _findings(source: Source) -> Section:
    currency = source.one("SELECT currency FROM aura.restaurants WHERE id = %(restaurant)s") or "USD"

    def unit_of(check: str, difference: int | None) -> str:
        return "" if difference is None else "points" if check == LOYALTY else currency

    rows = (
        (
            check,
            entity,
            key,
            _side(entity, expected),
            _side(entity, actual),
            _amount(difference, unit_of(check, difference)),
            unit_of(check, difference),
            cause or ("unexplained" if blocking else "accepted"),
        )
        for check, entity, key, expected, actual, difference, cause, blocking in source.rows(
            "SELECT check_name, entity, source_key, expected, actual, difference_cents, cause, is_blocking "
            "FROM migration.findings WHERE migration_id = %(migration)s ORDER BY is_blocking DESC, check_name, id"
        )
    )
    headings = ("check", "entity", "key", "in the POS", "in AuraConnect", "difference", "unit", "cause")
    return Section("findings", "Differences found", headings, rows)


def _quarantine(source: Source) -> Section:
    rows = (
        (entity, key, "; ".join(reasons), _side(entity, values), record)
        for entity, key, reasons, values, record in source.rows(
            'SELECT entity, source_key, reasons, "values", record FROM migration.quarantine '
            "WHERE migration_id = %(migration)s AND state = 'open' ORDER BY id"
        )
    )
    headings = ("entity", "key", "why", "values", "record")
    return Section("quarantine", "Records in quarantine", headings, rows)


def _losses(source: Source) -> Section:
    stored = latest_report(
        source.connection, source.migration.integration_id, source.migration.location_key, "losses"
    ) or {"losses": []}
    rows = [
        (one["source_entity"], one["field"], loss_records(one), one.get("money", ""), one["note"])
        for one in stored["losses"]
    ]
    headings = ("in the POS", "field", "records", "money", "what becomes of it")
    return Section("losses", "What has no place in AuraConnect", headings, rows)


# -- people ---------------------------------------------------------------------------------------------------------------


def _merges(source: Source) -> Section:
    rows = (
        (number, key, _profile(source, key), one["why"])
        for number, one in enumerate(source.people.get("merged", ()), start=1)
        for key in one["keys"]
    )
    total = source.people.get("merged_persons", 0)
    note = f"{total} persons have more than one profile ({source.people.get('merged_profiles', 0)} profiles)."
    return Section("merges", "Profiles that are one person", ("person", "key", "masked", "why"), rows, note)


def _near_ties(source: Source) -> Section:
    rows = (
        (number, key, _profile(source, key), _words(one, "shares"), _words(one, "differs"), _words(one, "lacks"))
        for number, one in enumerate(source.people.get("near_ties", ()), start=1)
        for key in one["keys"]
    )
    note = (
        f"{source.people.get('near_ties_total', 0)} groups share a contact and are kept apart. Pairs confirmed in the "
        "options (samePerson, differentPersons) are decided."
    )
    headings = ("group", "key", "masked", "shares", "differs in", "lacks")
    return Section("near-ties", "Who might be one person", headings, rows, note)


def _points(source: Source) -> Section:
    loyalty = source.people.get("loyalty", {})
    rows = [
        (one["key"], one["before"], one["after"], one["lost"], _words(one, "causes"))
        for one in loyalty.get("accounts_losing", ())
    ]
    lost = loyalty.get("points_lost", {})
    note = f"{loyalty.get('losing', 0)} accounts would lose {lost.get('total', 0)} points by the conversion rule."
    headings = ("account", "before", "after", "lost", "by")
    return Section("points-lost", "Who would lose points", headings, rows, note)


def _liabilities(source: Source) -> Section:
    rows = (
        (kind, key, f"…{last4}" if last4 else "", unit, *(_amount(value, unit) for value in amounts), cause)
        for kind, key, last4, unit, *amounts, cause in source.rows(
            """
            SELECT l.class, l.subject_key, g.last4, l.unit, l.source_opening, l.source_activity, l.source_closing,
                   l.aura_opening, l.aura_activity, l.aura_closing, l.difference, l.cause
            FROM migration.liability_ledger l
            LEFT JOIN migration.crosswalk c ON l.class = 'gift_cards' AND c.integration_id = l.integration_id
                 AND c.entity = 'gift_cards' AND c.source_key = l.subject_key AND c.is_active
            LEFT JOIN aura.gift_cards g ON g.id = c.aura_id
            WHERE l.integration_id = %(integration)s
            ORDER BY l.difference = 0, l.class, l.subject_key COLLATE "C"
            """
        )
    )
    headings = (
        "class", "key", "card", "unit", "POS opening", "POS activity", "POS closing", "AuraConnect opening",
        "AuraConnect activity", "AuraConnect closing", "difference", "cause",
    )  # fmt: skip
    return Section("liabilities", "What is owed, on both sides", headings, rows)


def _consents(source: Source) -> Section:
    stated = source.rows(
        """
        SELECT purpose, status, source, count(*) FROM aura.customer_consents
        WHERE restaurant_id = %(restaurant)s AND deleted_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """
    )
    skipped = source.rows(
        """
        SELECT 'left out', entity, regexp_replace(reason, '(goes with the skipped \\w+) [^;]*', '\\1', 'g'), count(*)
        FROM migration.plan_rows
        WHERE plan_id = %(plan)s AND action = 'skip' AND entity = ANY(%(personal)s) GROUP BY 2, 3 ORDER BY 2, 3
        """,
        personal=[entity.name for entity in ENTITIES.values() if entity.personal],
    )
    consent = source.people.get("consent", {})
    note = f"Policy: {consent.get('policy', 'not known yet')}. No row means unknown, and unknown is not yes."
    headings = ("purpose", "answer", "by", "number")
    return Section("consents", "Consents, and who is left out", headings, chain(stated, skipped), note)


def _roles(source: Source) -> Section:
    staff = source.people.get("staff", {})
    rows = [(one["key"], one["name"]) for one in staff.get("roles_to_review", ())]
    note = f"{staff.get('roles_to_review_total', 0)} roles match none of AuraConnect's: somebody must give them rights."
    return Section("roles", "Roles to review", ("key", "name in the POS"), rows, note)


# -- small readings -------------------------------------------------------------------------------------------------------


def _profile(source: Source, key: str) -> str:
    """Initials and masked contacts of a profile; nothing of one that was erased or left out.

    As it is staged; else from the present plan, which has whole rows only of what it creates; else from AuraConnect.
    """
    row = source.connection.execute(
        """
        SELECT coalesce(
            (SELECT CASE WHEN s.verdict = 'skip' THEN '{}' ELSE s.content END FROM staging.rows s
             WHERE s.migration_id = %(migration)s AND s.entity = 'customers' AND s.source_key = %(key)s),
            (SELECT p.content FROM migration.plan_rows p
             WHERE p.plan_id = %(plan)s AND p.entity = 'customers' AND p.source_key = %(key)s
               AND p.action NOT IN ('update', 'merge')),
            (SELECT to_jsonb(t) FROM migration.crosswalk c JOIN aura.customers t ON t.id = c.aura_id
             WHERE c.integration_id = %(integration)s AND c.entity = 'customers' AND c.source_key = %(key)s AND c.is_active
               AND t.erased_at IS NULL AND t.deleted_at IS NULL))
        """,
        {
            "plan": source.migration.plan_id,
            "migration": source.migration.id,
            "integration": source.migration.integration_id,
            "key": key,
        },
    ).fetchone()
    content = (row[0] if row else None) or {}
    shown = [mask(name, content[name]) for name in ("first_name", "last_name", "email", "phone") if content.get(name)]
    return " ".join(text for text in shown if text != HIDDEN)


def _side(entity: str, value: Any) -> str:
    """One side of a finding or a row's values; of persons only declared fields, the personal ones masked."""
    declared = ENTITIES.get(entity)
    if value is None:
        return ""
    if declared is None or not declared.personal or not isinstance(value, dict):
        return _plain(value)
    known = {f.name: f for f in declared.fields} | {f.target: f for f in declared.fields}
    fields = {k: v for k, v in value.items() if k in known and known[k].kind != "json" and v is not None}
    return ", ".join(f"{name} {member}" for name, member in masked(entity, fields).items())


def _plain(value: Any) -> str:
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return YES_NO[value]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _words(one: Mapping[str, Any], name: str) -> str:
    return ", ".join(one.get(name, ())).replace("_", " ")


def _amount(value: int | None, unit: str) -> str:
    if value is None:
        return ""
    return show_owed(value, unit)


def _acceptance(source: Source) -> Section:
    """What the acceptance suite found when it ran last, and where its pages are."""
    migration = source.migration
    found = latest_report(source.connection, migration.integration_id, migration.location_key, "acceptance")
    if found is None or found["migration_id"] != migration.id:
        return Section("acceptance", "Acceptance suite", _ACCEPTANCE, (), "The acceptance suite has not run yet.")
    rows = [
        [one["table"], one["expectation"], YES_NO[one["passed"]], one["rows"], one["unexpected"]]
        for one in found["results"]
    ]
    return Section("acceptance", "Acceptance suite", _ACCEPTANCE, rows, pages=Path(found["page"]))


def _inferred(source: Source) -> Section:
    """Rules that the POS does not state, with what they were concluded from."""
    found = latest_report(source.connection, source.migration.integration_id, source.migration.location_key, "inferred")
    rules = found["rows"] if found is not None and found["migration_id"] == source.migration.id else []
    rows = [
        [
            one["entity"].replace("_", " "),
            one["values"].get("name") or one["values"].get("key"),
            json.dumps(one["values"].get("evidence"), ensure_ascii=False, sort_keys=True),
        ]
        for one in rules
    ]
    return Section(
        "inferred",
        "Rules concluded from orders, because the POS does not state them",
        ("what", "name", "evidence"),
        rows,
        "Whoever approved the plan confirmed them.",
    )


def _replay(source: Source) -> Section:
    """Past orders rung up again: how many of each class, what explains them, and what differs, most money first."""
    title = "Past orders rung up again"
    found = replays(source.connection, source.migration.id, limit=1)
    if not found:
        return Section("replay", title, _REPLAY, (), "No order has been replayed yet.")
    (one,) = found
    figures = one["figures"]
    currency = source.one("SELECT currency FROM aura.restaurants WHERE id = %(restaurant)s") or "USD"
    # The database keeps no order of names.
    classes = [each.value for each in Class if each.value in figures["classes"]]
    rows: list[tuple[Any, ...]] = [
        (name.replace("_", " "), "", figures["classes"][name], "", "", "") for name in classes
    ]
    rows += [
        ("explained", each["cause"].replace("_", " "), each["orders"], show(each["cents"], currency), each["proof"], "")
        for each in figures["explained"]
    ]
    rows += [("not comparable", each["why"], each["orders"], "", "", "") for each in figures["not_comparable"]]
    rows += [
        (
            "different",
            each["title"],
            each["orders"],
            show(each["cents"], currency),
            ", ".join(f"{example['order']} ({example['day']})" for example in each["examples"][:3]),
            each["remedy"],
        )
        for each in one["clusters"]
    ]
    note = f"{one['span']}; {YES_NO[one['passed']]}: {figures['orders']} orders, {figures['from']} to {figures['to']}."
    return Section("replay", title, _REPLAY, rows, note)


_REPLAY = ("class", "cause", "orders", "money", "proof or examples", "what to do")
_ACCEPTANCE = ("table", "expectation", "met", "rows", "unexpected")
_MAKERS: dict[str, Callable[[Source], Section]] = {
    "scorecard": _scorecard,
    "gates": _gates,
    "acceptance": _acceptance,
    "inferred": _inferred,
    "replay": _replay,
    "entities": _entities,
    "findings": _findings,
    "quarantine": _quarantine,
    "losses": _losses,
    "merges": _merges,
    "near-ties": _near_ties,
    "points-lost": _points,
    "liabilities": _liabilities,
    "consents": _consents,
    "roles": _roles,
}
KINDS = (*_MAKERS, *SALES_KINDS)
"""What a report can tell, in its order."""
