"""The assets, one subsettable op per stage: pos → archive → canonical → plan → load → verify.

They are POS-neutral; the connector is the one of the location's integration. Keys are ``[stage, entity]``.
"""

# No postponed annotations here: Dagster reads the context annotation as it stands.

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from aura_migration.canonical.entities import ALL_ENTITIES
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.canonical.people import PEOPLE_ENTITIES
from aura_migration.migration import inspect, stages
from aura_migration.orchestration import shown
from aura_migration.orchestration.carry import finish, work
from aura_migration.orchestration.partitions import restaurant_locations
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.verify import findings
from aura_migration.verify.verdict import Verdict

Results = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]
CERTIFIED = "every_entity_is_certified_complete"
VERDICTS = {
    "items": (findings.ACCOUNTED, findings.MIGRATED, findings.RECORDS),
    "prices": (findings.PRICES,),
    "modifiers": (findings.MODIFIERS,),
    "customers": (findings.CUSTOMERS, findings.CONSENT),
    "loyalty": (findings.LOYALTY,),
    "gift_cards": (findings.GIFT_CARDS, findings.HOUSE_ACCOUNTS),
    "staff": (findings.STAFF,),
    "scorecard": (findings.COMPLETE, findings.EXPORTED, findings.COUNTS, findings.QUARANTINE, findings.DECIDED),
}
"""Which gates of the verdict are shown as checks of which asset."""


MEANINGS = {
    CERTIFIED: "Each required source entity carries a certificate: pages, counts, a second count, no list cut at a cap.",
    findings.QUARANTINE: "No record waits in quarantine for a correction.",
    findings.DECIDED: "No conflict with what AuraConnect has waits for a decision.",
    findings.COMPLETE: "What the verdict is judged against was extracted completely.",
    findings.ACCOUNTED: "Every item of the POS is loaded, unchanged, merged, skipped by a signed reason or in quarantine.",
    findings.MIGRATED: "Every item of the POS that is not left out by a signed decision stands in AuraConnect.",
    findings.RECORDS: "Names, categories, taxes, stations and hours are as in the POS.",
    findings.PRICES: "Every price, of items and options, over location, menu, time, size and sequence.",
    findings.MODIFIERS: "Every active option can be chosen where it can be in the POS, within the same limits.",
    findings.CUSTOMERS: "Every profile of the POS is loaded, merged, skipped by a signed reason or in quarantine.",
    findings.CONSENT: "Nobody is contacted or profiled beyond what they agreed to; unknown is not yes.",
    findings.LOYALTY: "Per account: opening + activity = closing on both sides, and both sides are equal.",
    findings.GIFT_CARDS: "Per card: opening + activity = closing on both sides, and both sides are equal to the cent.",
    findings.HOUSE_ACCOUNTS: "House accounts and store credit agree with the restaurant's own export to the cent.",
    findings.STAFF: "Every person, job, wage and timecard of the POS stands in AuraConnect.",
    findings.COUNTS: "What the plan says was written stands in AuraConnect.",
    findings.EXPORTED: "The whole source was exported before the first write.",
}


def _spec(stage: str, name: str, description: str, deps: list[list[str]], kinds: set[str], **more: Any) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=[stage, name],
        deps=[dg.AssetKey(d) for d in deps],
        description=description,
        group_name=stage,
        owners=shown.OWNERS,
        kinds=kinds,
        tags={"aura/stage": stage},
        skippable=True,
        **more,
    )


POS_SPECS = [
    _spec("pos", "preflight", "Rights, stability and reverse level of the connection.", [], {"http"}),
    _spec("pos", "audit", "What is there: counts, configuration, devices, questions to ask.", [], {"http"}),
]
ARCHIVE_SPECS = [
    _spec(
        "archive",
        "menu",
        "Immutable raw export of the location's menu, with a certificate per entity.",
        [["pos", "preflight"]],
        {"http", "json"},
    ),
    _spec(
        "archive",
        "people",
        "Immutable raw export of guests, balances and staff: secrets cut out, personal fields encrypted per person.",
        [["pos", "preflight"]],
        {"http", "json"},
    ),
]
CANONICAL_SPECS = [
    _spec(
        "canonical",
        entity.name,
        entity.doc,
        [["archive", family]],
        {"pandas", "pandera"},
        metadata={"dagster/column_schema": shown.column_schema(entity, keys=True)},
    )
    for family, entities in (("menu", MENU_ENTITIES), ("people", PEOPLE_ENTITIES))
    for entity in entities
]
PLAN_SPECS = [
    _spec(
        "plan",
        "changes",
        "All changes of one migration, hashed: what approval signs and run carries out.",
        [["canonical", e.name] for e in ALL_ENTITIES],
        {"postgres"},
    )
]
LOAD_SPECS = [
    _spec(
        "load",
        entity.name,
        f"{entity.doc} As loaded into aura.{entity.table}.",
        [["plan", "changes"]],
        {"postgres"},
        metadata={
            "dagster/column_schema": shown.column_schema(entity, keys=False),
            "dagster/table_name": f"aura.{entity.table}",
        },
    )
    for entity in ALL_ENTITIES
]
VERIFY_SPECS = [
    _spec(
        "verify",
        "items",
        "Every item of the POS, counted by the second route, is accounted for and migrated.",
        [["load", "items"], ["load", "item_locations"]],
        {"postgres"},
    ),
    _spec(
        "verify",
        "prices",
        "Every price across location, menu, time, size and sequence agrees to the cent.",
        [["load", "items"], ["load", "price_rules"]],
        {"postgres"},
    ),
    _spec(
        "verify",
        "modifiers",
        "Every active modifier is selectable with the same limits and price.",
        [["load", "modifiers"], ["load", "item_modifier_groups"], ["load", "nested_groups"]],
        {"postgres"},
    ),
    _spec(
        "verify",
        "customers",
        "Every guest is accounted for, and nobody is contacted without consent.",
        [["load", "customers"], ["load", "customer_consents"]],
        {"postgres"},
    ),
    _spec(
        "verify",
        "loyalty",
        "Every point is conserved, account by account.",
        [["load", "loyalty_accounts"], ["load", "loyalty_transactions"]],
        {"postgres"},
    ),
    _spec(
        "verify",
        "gift_cards",
        "Every cent on gift cards, house accounts and store credit is conserved.",
        [["load", "gift_cards"], ["load", "gift_card_transactions"], ["load", "house_accounts"]],
        {"postgres"},
    ),
    _spec(
        "verify",
        "staff",
        "Every person on the team, with jobs, wages and time worked.",
        [["load", "staff"], ["load", "staff_jobs"], ["load", "timecards"]],
        {"postgres"},
    ),
    _spec(
        "verify",
        "scorecard",
        "The verdict of the migration.",
        [["verify", name] for name in VERDICTS if name != "scorecard"],
        {"postgres"},
    ),
]


def _checks(stage: str, name: str, names: tuple[str, ...]) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(name=n, asset=dg.AssetKey([stage, name]), description=MEANINGS[n]) for n in names]


@dg.multi_asset(
    name="inspect_pos", specs=POS_SPECS, partitions_def=restaurant_locations, can_subset=True, pool="pos_api"
)
def inspect_pos(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Results:
    """Preflight and audit of the location's account."""
    with work(context, workshop, locks=False) as item:
        chosen = context.selected_asset_keys
        if dg.AssetKey(["pos", "preflight"]) in chosen:
            found = inspect.preflight(item.workshop, item.migration.integration_id, context.partition_key)
            yield dg.MaterializeResult(
                asset_key=["pos", "preflight"],
                metadata={
                    "passed": found["passed"],
                    "permissions": shown.table(
                        ["entity", "permission", "granted", "evidence"],
                        [[p["entity"], p["permission"], p["granted"], p["evidence"]] for p in found["permissions"]],
                    ),
                    "stability": dg.MetadataValue.json(found["stability"]),
                    "reverse_level": found["reverse_level"]["level"],
                },
            )
        if dg.AssetKey(["pos", "audit"]) in chosen:
            audited = inspect.audit(item.workshop, item.migration.integration_id, context.partition_key)
            yield dg.MaterializeResult(
                asset_key=["pos", "audit"],
                metadata={
                    "lines": shown.table(
                        ["area", "what", "found"], [[n["area"], n["label"], n["value"]] for n in audited["lines"]]
                    ),
                    "questions": len(audited["questions"]),
                },
            )


@dg.multi_asset(
    name="export_snapshot",
    specs=ARCHIVE_SPECS,
    check_specs=[spec for name in ("menu", "people") for spec in _checks("archive", name, (CERTIFIED,))],
    partitions_def=restaurant_locations,
    pool="pos_api",
)
def export_snapshot(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Results:
    """Fetch the location's menu and people and certify that both are whole."""
    with work(context, workshop) as item:
        since = item.request.options.get("fresh_since") if item.request else None
        fresh = datetime.fromisoformat(since) if since else datetime.now(UTC)
        refs = stages.extract(item.workshop, item.migration.id, fresh, item.by)
        sources = item.workshop.connector(item.migration.subject.pos).source_entities
        people = {entity.name: not entity.is_menu for entity in sources}
        for name in ("menu", "people"):
            certificates = [
                c for ref in refs for c in ref.certificates if people.get(c.entity, True) == (name == "people")
            ]
            yield dg.MaterializeResult(
                asset_key=["archive", name],
                metadata={
                    "snapshots": shown.table(
                        ["snapshot", "of the", "manifest"], [[r.snapshot_id, r.scope, r.manifest_hash] for r in refs]
                    ),
                    "store": dg.MetadataValue.path(refs[0].url),
                    "dagster/partition_row_count": sum(c.rows for c in certificates),
                    "certificates": shown.table(
                        ["entity", "status", "pages", "rows", "says"],
                        [[c.entity, c.status, c.pages, c.rows, c.explain()] for c in certificates],
                    ),
                },
            )
            yield dg.AssetCheckResult(
                check_name=CERTIFIED,
                asset_key=["archive", name],
                passed=all(c.status == "complete" for c in certificates),
                metadata={"not_complete": [c.explain() for c in certificates if c.status != "complete"]},
            )


@dg.multi_asset(
    name="map_and_validate",
    specs=CANONICAL_SPECS,
    check_specs=_checks("canonical", "items", (findings.QUARANTINE,)),
    partitions_def=restaurant_locations,
    can_subset=True,
)
def map_and_validate(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Results:
    """Map the snapshot into AuraConnect's terms, apply the options, validate, stage."""
    with work(context, workshop) as item:
        staged = stages.canonicalise(item.workshop, item.migration.id, item.by)
        previews = stages.staged_rows(item.workshop, item.migration.id, shown.PREVIEW_ROWS)
        for entity in ALL_ENTITIES:
            if dg.AssetKey(["canonical", entity.name]) in context.selected_asset_keys:
                counts = staged["entities"].get(entity.name, {"rows": 0, "quarantined": 0, "skipped": 0})
                yield dg.MaterializeResult(
                    asset_key=["canonical", entity.name],
                    metadata={
                        "dagster/partition_row_count": counts["rows"],
                        "quarantined": counts["quarantined"],
                        "skipped": counts["skipped"],
                        **(
                            {"first_rows": shown.rows_preview(entity, previews[entity.name])}
                            if entity.name in previews
                            else {}
                        ),
                    },
                )
        if (
            dg.AssetCheckKey(dg.AssetKey(["canonical", "items"]), findings.QUARANTINE)
            in context.selected_asset_check_keys
        ):
            quarantined = {n: c["quarantined"] for n, c in staged["entities"].items() if c["quarantined"]}
            yield dg.AssetCheckResult(
                check_name=findings.QUARANTINE,
                asset_key=["canonical", "items"],
                passed=not quarantined,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"quarantined": dg.MetadataValue.json(quarantined)},
            )


@dg.multi_asset(
    name="make_plan",
    specs=PLAN_SPECS,
    check_specs=_checks("plan", "changes", (findings.DECIDED,)),
    partitions_def=restaurant_locations,
)
def make_plan(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Results:
    """Diff the staged rows against AuraConnect and store the plan."""
    with work(context, workshop) as item:
        stored = stages.plan(item.workshop, item.migration.id, item.by)
        undecided = sum(counts["conflict"] for counts in stored.counts.values())
        yield dg.MaterializeResult(
            asset_key=["plan", "changes"],
            metadata={
                "migration": item.migration.id,
                "plan_hash": stored.hash,
                "counts": shown.counts_table(stored.counts),
                "dagster/partition_row_count": sum(c["source"] for c in stored.counts.values()),
                "snapshot": dg.MetadataValue.asset(dg.AssetKey(["archive", "menu"])),
                **(
                    {
                        "stands_on": shown.table(
                            ["location", "plan"], [[g["location"], g["hash"]] for g in stored.stands_on]
                        )
                    }
                    if stored.stands_on
                    else {}
                ),
            },
        )
        yield dg.AssetCheckResult(
            check_name=findings.DECIDED,
            asset_key=["plan", "changes"],
            passed=undecided == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"undecided": undecided},
        )
        finish(item, {"plan_hash": stored.hash, "counts": stored.counts})


@dg.multi_asset(name="load_plan", specs=LOAD_SPECS, partitions_def=restaurant_locations, can_subset=True)
def load_plan(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Results:
    """Carry out the approved plan; refuses without an approved request."""
    with work(context, workshop, needs_request="run") as item:
        assert item.request is not None
        stages.load(
            item.workshop, item.migration.id, item.by, as_approved=bool(item.request.options.get("as_approved"))
        )
        written = stages.loaded_counts(item.workshop, item.migration.id)
        for entity in ALL_ENTITIES:
            if dg.AssetKey(["load", entity.name]) in context.selected_asset_keys:
                counts = written.get(entity.name, {})
                yield dg.MaterializeResult(
                    asset_key=["load", entity.name],
                    metadata={
                        "dagster/partition_row_count": sum(
                            counts.get(a, 0) for a in ("create", "update", "unchanged", "merge")
                        ),
                        **{
                            a: counts.get(a, 0)
                            for a in ("create", "update", "unchanged", "merge", "skip", "quarantine")
                        },
                    },
                )


@dg.multi_asset(
    name="verify_load",
    specs=VERIFY_SPECS,
    check_specs=[spec for name, names in VERDICTS.items() for spec in _checks("verify", name, names)],
    partitions_def=restaurant_locations,
)
def verify_load(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Results:
    """Judge the load by an independent reading of the snapshot; store gates and findings, show them as checks."""
    with work(context, workshop) as item:
        verdict = stages.verify(item.workshop, item.migration.id, item.by)
        for name, check_names in VERDICTS.items():
            yield dg.MaterializeResult(asset_key=["verify", name], metadata=_verdict_shown(verdict, name, check_names))
            for check_name in check_names:
                yield _verdict_check(verdict, name, check_name)
        finish(item, {"scorecard": verdict.scorecard, "passed": verdict.passed})


def _verdict_shown(verdict: Verdict, name: str, check_names: tuple[str, ...]) -> dict[str, Any]:
    gates = shown.table(
        ["gate", "passed", "value", "remedy"],
        [[g.name, shown.YES_NO[g.passed], g.value, g.remedy] for g in map(verdict.gate, check_names)],
    )
    if name != "scorecard":
        return {"gates": gates}
    card = verdict.scorecard
    return {
        "passed": shown.YES_NO[verdict.passed],
        "plan": dg.MetadataValue.asset(dg.AssetKey(["plan", "changes"])),
        "entities": shown.counts_table(card["entities"]),
        "metrics": shown.table(["metric", "value"], list(card["metrics"].items())),
        "gates": gates,
    }


def _verdict_check(verdict: Verdict, name: str, check_name: str) -> dg.AssetCheckResult:
    """The check shows the row of ``migration.gates``, which is what load and cutover obey."""
    gate = verdict.gate(check_name)
    rows = [
        [f.entity, f.source_key, f.expected, f.actual, f.cause or ("unexplained" if f.is_blocking else "accepted")]
        for f in verdict.findings_of(check_name, shown.SAMPLE_ROWS + 1)
    ]
    return dg.AssetCheckResult(
        check_name=check_name,
        asset_key=["verify", name],
        passed=gate.passed is not False,
        description=gate.remedy or ("Measured over nothing." if gate.passed is None else None),
        metadata={
            "location": str(verdict.scorecard["location"]),
            "value": gate.value or "not measured",
            # As text: numbers of different locations would be plotted as one curve.
            **{k: str(v) for k, v in gate.evidence.items() if isinstance(v, int | float | str)},
            **(
                {"findings": shown.table(["what", "key", "in the POS", "in AuraConnect", "cause"], rows)}
                if rows
                else {}
            ),
        },
    )


ASSETS = [inspect_pos, export_snapshot, map_and_validate, make_plan, load_plan, verify_load]
