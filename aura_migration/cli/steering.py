"""The commands that steer and watch a migration: pause, resume, cancel, status, migrations."""

from __future__ import annotations

from typing import Any

import click

from aura_migration.cli.journey import show_scorecard
from aura_migration.cli.output import answers, emit, json_option, out, show_differences, table
from aura_migration.cli.work import carry_out_run, describe_plan, in_order, me, open_workshop
from aura_migration.database.connections import Connection
from aura_migration.migration import decide, progress
from aura_migration.migration.integrations import get_integration
from aura_migration.migration.loading import difference
from aura_migration.migration.records import (
    Migration,
    get_migration,
    get_plan,
    latest_delta,
    list_migrations,
    moved_since,
)
from aura_migration.migration.states import AFTER_LOAD
from aura_migration.migration.sweep import sweep
from aura_migration.migration.workshop import Workshop

YES_NO = {True: "yes", False: "NO", None: "–"}


@click.command()
@click.argument("migration", type=int)
@json_option
@answers
def pause(migration: int, as_json: bool) -> None:
    """Ask a running load to stop after its present batch; `resume` continues it.

    What is loaded by then stands in AuraConnect; nothing is half written.
    """
    state = decide.pause(open_workshop(), migration, me())
    emit(
        {"migration_id": migration, "state": state},
        as_json,
        lambda: out.print("The load stops after its present batch."),
    )


@click.command()
@click.argument("migration", type=int)
@json_option
@answers
def resume(migration: int, as_json: bool) -> None:
    """Continue a paused or interrupted load where it stopped, then verify it.

    The result is the same, to the byte, as that of a load that was never interrupted.
    """
    show_scorecard(carry_out_run(open_workshop(), migration), as_json)


@click.command()
@click.argument("migration", type=int)
@click.option("--reason", default="", help="Why; kept in the audit trail.")
@json_option
@answers
def cancel(migration: int, reason: str, as_json: bool) -> None:
    """End a migration that has written nothing. One that has is rolled back instead."""
    decide.cancel(open_workshop(), migration, me(), reason)
    emit(
        {"migration_id": migration, "state": "cancelled"},
        as_json,
        lambda: out.print(f"Migration {migration} is cancelled."),
    )


@click.command()
@click.argument("migration", type=int)
@json_option
@answers
def status(migration: int, as_json: bool) -> None:
    """Where a migration stands: state, plan, progress, gates, open decisions, what can be done next."""
    workshop = open_workshop()
    sweep(workshop)
    with workshop.connect() as connection:
        answer = _status(workshop, connection, get_migration(connection, migration))
    emit(answer, as_json, lambda: _show_status(answer))


def _status(workshop: Workshop, connection: Connection, found: Migration) -> dict[str, Any]:
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
        "integration_status": integration.status,
        "progress": {"type": "migration_progress", "data": at} if at else None,
        "conflicts": undecided,
        "quarantined": len(decide.quarantine(connection, found.id)),
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


def _show_status(answer: dict[str, Any]) -> None:
    reason = f": {answer['reason']}" if answer["reason"] else ""
    out.print(f"Migration {answer['migration_id']} · {answer['location']} · {answer['state']}{reason}", markup=False)
    if answer["integration_status"] != "connected":
        out.print(f"The account is {answer['integration_status']}.", markup=False)
    if answer["progress"]:
        row = answer["progress"]["data"]
        left = f", about {row['estimatedTimeRemaining']} left" if row["estimatedTimeRemaining"] else ""
        of = f": {row['processedItems']} of {row['totalItems']}" if row["totalItems"] else ""
        out.print(f"{row['currentStep']}{of}{left}", markup=False)
        for line in row["errors"]:
            out.print(f"  {line}", markup=False)
    if answer["delta_plan"]:
        show_differences(answer["delta_plan"]["differences"])
    table(
        "Gates",
        ["gate", "passed", "value", "remedy"],
        [[g["name"], YES_NO[g["passed"]], g["value"], "" if g["passed"] else g["remedy"]] for g in answer["gates"]],
    )
    table(
        "History",
        ["state", "by", "at", "reason"],
        [[h["state"], h["by"], h["at"][:19].replace("T", " "), h["reason"]] for h in answer["history"]],
    )
    out.print(f"Next: {answer['next']}", markup=False)


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
    if found.state == "planned" and plan["blockers"]:
        return f"mend what blocks the plan or exclude the named entities in the options, then {preview}"
    if found.state == "planned" and undecided:
        return f"decide {undecided} conflicts: `conflicts list {number}`"
    if (
        found.state == "failed"
        and found.plan_id is not None
        and get_plan(connection, found.plan_id)["state"] == "loading"
    ):
        return f"`resume {number}` continues the load, `rollback {number}` takes it back, {preview} plans the rest anew"
    if found.state in AFTER_LOAD and moved_since(connection, found):
        return f"the POS has changed since the plan was approved; {preview} shows the difference"
    if found.state in AFTER_LOAD and failed:
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
    return steps.get(found.state, "nothing: it has ended")


@click.command()
@click.option("--integration", type=int, help="Only this integration's.")
@json_option
@answers
def migrations(integration: int | None, as_json: bool) -> None:
    """List all migrations with their state and its reason, newest first."""
    workshop = open_workshop()
    sweep(workshop)
    with workshop.connect() as connection:
        found = list_migrations(connection, integration)
    answer = {
        "migrations": [
            {
                "migration_id": m.id,
                "integration_id": m.integration_id,
                "location": m.location_key,
                "state": m.state,
                "reason": m.state_reason,
            }
            for m in found
        ]
    }
    emit(
        answer,
        as_json,
        lambda: table(
            "Migrations",
            ["id", "location", "state", "reason"],
            [[m.id, m.location_key, m.state, m.state_reason] for m in found],
        ),
    )


COMMANDS = (pause, resume, cancel, status, migrations)
