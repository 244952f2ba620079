"""The assets, one subsettable op per stage: pos → archive → canonical → plan → load → verify.

They are POS-neutral; the connector is the one of the location's integration. Keys are ``[stage, entity]``.
"""

# No postponed annotations here: Dagster reads the context annotation as it stands.

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from aura_migration.canonical.entities import ALL_ENTITIES
from aura_migration.migration import inspect, stages
from aura_migration.orchestration import shown
from aura_migration.orchestration.carry import finish, work
from aura_migration.orchestration.partitions import restaurant_locations
from aura_migration.orchestration.resources import WorkshopResource
from aura_migration.orchestration.specs import (
    ARCHIVE_SPECS,
    CANONICAL_SPECS,
    CERTIFIED,
    EXPORTS,
    HISTORY,
    LOAD_SPECS,
    PLAN_SPECS,
    POS_SPECS,
    VERDICTS,
    VERIFY_SPECS,
    checks,
)
from aura_migration.verify import findings
from aura_migration.verify.scorecard import measured
from aura_migration.verify.verdict import Verdict

Results = Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]


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
    check_specs=[spec for name in EXPORTS for spec in checks("archive", name, (CERTIFIED,))],
    partitions_def=restaurant_locations,
    pool="pos_api",
)
def export_snapshot(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Results:
    """Fetch the location's menu, people and past and certify that each is whole."""
    with work(context, workshop) as item:
        since = item.request.options.get("fresh_since") if item.request else None
        fresh = datetime.fromisoformat(since) if since else datetime.now(UTC)
        refs = stages.extract(item.workshop, item.migration.id, fresh, item.by)
        sources = item.workshop.connector(item.migration.subject.pos).source_entities
        of_menu = {entity.name for entity in sources if entity.is_menu}
        for name in EXPORTS:
            certificates = [
                c
                for ref in refs
                for c in ref.certificates
                if name == ("history" if ref.scope == "history" else "menu" if c.entity in of_menu else "people")
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
    check_specs=checks("canonical", "items", (findings.QUARANTINE,)),
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
        past = (staged["history"] or {}).get("documents", {})
        for name, kinds in HISTORY.items():
            if dg.AssetKey(["canonical", name]) in context.selected_asset_keys:
                found = {kind: past[kind] for kind in kinds if kind in past}
                yield dg.MaterializeResult(
                    asset_key=["canonical", name],
                    metadata={
                        "dagster/partition_row_count": sum(c["documents"] - c["superseded"] for c in found.values()),
                        "documents": shown.counts_table(found),
                        "quarantined": sum(c["faults"] for c in found.values()),
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
    check_specs=checks("plan", "changes", (findings.DECIDED,)),
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
                "console": shown.console_page(item.workshop, item.migration.id, "approve"),
                "plan_hash": stored.hash,
                "counts": shown.counts_table(stored.counts),
                "dagster/partition_row_count": sum(c["source"] for c in stored.counts.values()),
                "snapshot": dg.MetadataValue.asset(dg.AssetKey(["archive", "menu"])),
                **(
                    {"days": "\n".join(stages.days_of(item.workshop, item.migration.id))}
                    if "orders" in stored.counts
                    else {}
                ),
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
        until = item.request.options.get("until")
        done = stages.load(
            item.workshop,
            item.migration.id,
            item.by,
            as_approved=bool(item.request.options.get("as_approved")),
            until=until,
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
        for name, kinds in HISTORY.items():
            if dg.AssetKey(["load", name]) in context.selected_asset_keys:
                of_kinds = {kind: written[kind] for kind in kinds if kind in written}
                yield dg.MaterializeResult(
                    asset_key=["load", name],
                    metadata={
                        "dagster/partition_row_count": sum(
                            c.get(a, 0) for c in of_kinds.values() for a in ("create", "update", "unchanged")
                        ),
                        "documents": shown.counts_table(of_kinds),
                    },
                )
        if until is not None:  # a part of the load: nothing is verified after it
            finish(item, {"until": until, "loaded": done.processed, "total": done.total})


@dg.multi_asset(
    name="verify_load",
    specs=VERIFY_SPECS,
    check_specs=[spec for name, names in VERDICTS.items() for spec in checks("verify", name, names)],
    partitions_def=restaurant_locations,
)
def verify_load(context: dg.AssetExecutionContext, workshop: WorkshopResource) -> Results:
    """Judge the load by an independent reading of the snapshot; store gates and findings, show them as checks."""
    with work(context, workshop) as item:
        verdict = stages.verify(item.workshop, item.migration.id, item.by)
        for name, check_names in VERDICTS.items():
            metadata = _verdict_shown(verdict, name, check_names)
            if name == "scorecard":
                metadata["console"] = shown.console_page(item.workshop, item.migration.id, "result")
            yield dg.MaterializeResult(asset_key=["verify", name], metadata=metadata)
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
        "metrics": shown.table(
            ["metric", "value"], [(n, measured(v, card["currency"])) for n, v in card["metrics"].items()]
        ),
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
