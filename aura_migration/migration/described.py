"""A migration and its plan as people and programs see them: the one description that command line, API and console show.

Plain documents, ready for JSON, without anybody's personal data. How they are printed or drawn is for whoever shows them.
"""

from __future__ import annotations

from typing import Any

from aura_migration.database.connections import Connection
from aura_migration.migration import decide, progress
from aura_migration.migration.asking import last_request
from aura_migration.migration.dating import days_said
from aura_migration.migration.decide import inferred_rules
from aura_migration.migration.evidence import in_order
from aura_migration.migration.integrations import get_integration, get_location
from aura_migration.migration.loading import difference
from aura_migration.migration.records import (
    Migration,
    get_plan,
    latest_delta,
    latest_report,
    moved_since,
)
from aura_migration.migration.states import AFTER_LOAD
from aura_migration.migration.workshop import Workshop


def describe_plan(workshop: Workshop, connection: Connection, migration: Migration) -> dict[str, Any]:
    """The present plan as the preview's answer."""
    stored = get_plan(connection, migration.plan_id) if migration.plan_id is not None else None
    return {
        "migration_id": migration.id,
        "location": migration.location_key,
        "state": migration.state,
        "plan_hash": stored["hash"] if stored else None,
        "entities": in_order(stored["counts"]) if stored else {},
        "stands_on": stored["stands_on"] if stored else [],
        "blockers": stored["blockers"] if stored else [],
        "people": _about_people(connection, migration),
        "days": _about_days(workshop, connection, migration),
        "inferred": describe_inferred(connection, stored["id"]) if stored else [],
        "approval": {
            "people": decide.people_to_sign(stored, migration),
            "signatures": decide.signatures(connection, stored["id"]) if stored else [],
        },
    }


def describe_inferred(connection: Connection, plan_id: int) -> list[dict[str, Any]]:
    """The rules of a plan that were concluded from orders: ``[{"entity", "key", "name", "evidence"}]``."""
    return [
        {name: rule.get(name) for name in ("entity", "key", "name", "evidence")}
        for rule in inferred_rules(connection, plan_id)
    ]


def _about_days(workshop: Workshop, connection: Connection, migration: Migration) -> dict[str, Any] | None:
    """What approving means for the days of orders and money; None where the past is left out."""
    location = get_location(connection, migration.location_key)
    return days_said(workshop.connector(migration.subject.pos), location.source, migration.parsed_options)


def _about_people(connection: Connection, migration: Migration) -> dict[str, Any]:
    """What approving means for people: keys and numbers, nobody's data. ``report`` has all of it, masked."""
    found = latest_report(connection, migration.integration_id, migration.location_key, "people") or {}
    loyalty = found.get("loyalty") or {}
    return {
        "policy": (found.get("consent") or {}).get("policy"),
        "marketing_opt_in": (found.get("consent") or {}).get("marketing_opt_in", 0),
        "left_out": {cause: (found.get("consent") or {}).get(cause, 0) for cause in ("without_consent", "refused")},
        "merged_profiles": found.get("merged_profiles", 0),
        "near_ties": found.get("near_ties_total", 0),
        "unknown_keys": found.get("unknown_keys", []),
        "ambiguous_keys": found.get("ambiguous_keys", []),
        "erased": found.get("erased", 0),
        "gone_profiles": (found.get("gone") or {}).get("total", 0),
        "unseen_balances": found.get("unseen_balances") or {},
        "loyalty": {
            "accounts": loyalty.get("accounts", 0),
            "losing": loyalty.get("losing", 0),
            "points_lost": loyalty.get("points_lost", {}),
            "accounts_losing": loyalty.get("accounts_losing", []),
        },
        "roles_to_review": (found.get("staff") or {}).get("roles_to_review_total", 0),
        "roles_unused": (found.get("staff") or {}).get("roles_unused", []),
    }


def describe_migration(workshop: Workshop, connection: Connection, found: Migration) -> dict[str, Any]:
    """Where a migration stands: the plan's description with progress, gates, open decisions, history and what can be done next."""
    plan = describe_plan(workshop, connection, found)
    delta = latest_delta(connection, found.id) if found.state == "approved" else None
    at = progress.latest(connection, found.id)
    integration = get_integration(connection, found.integration_id)
    gates = connection.execute(
        "SELECT name, passed, value, remedy, measured_at FROM migration.gates WHERE migration_id = %s ORDER BY name",
        [found.id],
    ).fetchall()
    transitions = connection.execute(
        "SELECT to_state, done_by, reason, at FROM migration.transitions WHERE migration_id = %s ORDER BY id DESC LIMIT 10",
        [found.id],
    ).fetchall()
    undecided = sum(c["conflict"] for c in plan["entities"].values())
    return {
        **plan,
        "reason": found.state_reason,
        "request": _request(workshop, connection, found),
        "integration_id": found.integration_id,
        "integration_status": integration.status,
        "options": found.parsed_options.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "progress": {"type": "migration_progress", "data": at} if at else None,
        "conflicts": undecided,
        "quarantined": decide.quarantined(connection, found.id),
        "delta_plan": {
            "plan_hash": delta["hash"],
            "entities": in_order(delta["counts"]),
            "blockers": delta["blockers"],
            "differences": difference(connection, found, delta["id"]),
        }
        if delta
        else None,
        "gates": [
            {"name": g[0], "passed": g[1], "value": g[2], "remedy": g[3], "measured_at": g[4].isoformat()}
            for g in gates
        ],
        "history": [{"state": t[0], "by": t[1], "reason": t[2], "at": t[3].isoformat()} for t in transitions],
        "next": _next_step(connection, found, plan, delta, undecided, [(g[0], g[3]) for g in gates if g[1] is False]),
    }


def _request(workshop: Workshop, connection: Connection, found: Migration) -> dict[str, Any] | None:
    """The last request, with the address of its run in Dagster."""
    request = last_request(connection, found.id)
    if request is None:
        return None
    run = request["dagster_run_id"]
    return {**request, "dagster_url": f"{workshop.settings.dagster_url}/runs/{run}" if run else None}


def _next_step(
    connection: Connection,
    found: Migration,
    plan: dict[str, Any],
    delta: dict[str, Any] | None,
    undecided: int,
    failed: list[tuple[str, str]],
) -> str:
    number = found.id
    preview = f"`preview {found.integration_id} --location {found.location_key}`"
    if found.standing == "planned" and plan["blockers"]:
        return f"mend what blocks the plan or exclude the named entities in the options, then {preview}"
    if found.standing == "planned" and undecided:
        return f"decide {undecided} conflicts: `conflicts list {number}`"
    if (
        found.standing == "failed"
        and found.plan_id is not None
        and get_plan(connection, found.plan_id)["state"] == "loading"
    ):
        return f"`resume {number}` continues the load, `rollback {number}` takes it back, {preview} plans the rest anew"
    if found.standing in AFTER_LOAD and moved_since(connection, found):
        return f"the POS has changed since the plan was approved; {preview} shows the difference"
    if found.standing in AFTER_LOAD and failed:
        mend = " ".join(f"{name}: {remedy}" for name, remedy in failed)
        return f"{mend} `report {number} --kind findings` lists what was found; then `verify {number}`"
    steps = {
        "draft": preview,
        "extracted": preview,
        "failed": f"mend the cause, then {preview}",
        "planned": f"`approve {number} --plan-hash {plan['plan_hash']} --by NAME`",
        "approved": f"`run {number}`"
        if delta is None
        else f"`approve {number} --plan-hash {delta['hash']} --by NAME`, or `run {number} --as-approved`",
        "loading": f"wait; `pause {number}` stops it after its batch",
        "paused": f"`resume {number}`, or `rollback {number}`",
        "loaded": f"`verify {number}`",
        "verified": "nothing: what was asked for is migrated and proven",
        "empty": f"nothing: the POS has nothing on its menu and knows nobody; {preview} when it has",
        "reconnect_needed": "`connect` the account again with fresh credentials",
        "rolling_back": f"`rollback {number}` again",
    }
    return steps.get(found.standing, "nothing: it has ended")
