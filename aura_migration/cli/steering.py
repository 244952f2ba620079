"""The commands that steer and watch a migration: pause, resume, cancel, status, migrations."""

from __future__ import annotations

from typing import Any

import click

from aura_migration.cli.journey import show_scorecard
from aura_migration.cli.output import answers, emit, json_option, out, show_differences, table
from aura_migration.cli.work import carry_out_run, me, open_workshop
from aura_migration.migration import decide
from aura_migration.migration.described import describe_migration
from aura_migration.migration.records import get_migration, list_migrations
from aura_migration.migration.sweep import sweep

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
        answer = describe_migration(workshop, connection, get_migration(connection, migration))
    emit(answer, as_json, lambda: _show_status(answer))


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
