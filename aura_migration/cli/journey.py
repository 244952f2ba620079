"""The commands of a migration's journey: connect, look, preview, approve, run, verify, roll back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import (
    carry_out_preview,
    carry_out_rollback,
    carry_out_run,
    carry_out_verify,
    inferred_of,
    me,
    open_workshop,
    read_json,
    show_plans,
)
from aura_migration.core.errors import BadInput
from aura_migration.migration import decide, inspect, stages
from aura_migration.migration.integrations import (
    choose_locations,
    connect_account,
    get_integration,
    list_integrations,
    list_locations,
)
from aura_migration.migration.workshop import Workshop

location_option = click.option(
    "--location",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Only this location (repeatable); default: every active one.",
)


@click.command()
@click.option("--pos", required=True, metavar="NAME", help="square, toast, clover, or a POS added by a plugin.")
@click.option("--base-url", metavar="URL", help="Where the POS answers; default is its production host.")
@click.option(
    "--credentials",
    "credentials",
    required=True,
    type=click.Path(allow_dash=True, path_type=str),
    help="JSON file, - for stdin.",
)
@click.option(
    "--restaurant", "restaurant", required=True, metavar="NAME", help="Name of the restaurant in AuraConnect."
)
@click.option("--restaurant-id", type=int, help="Connect to this existing restaurant instead of creating one.")
@click.option(
    "--switch",
    "switches",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a switch of the POS's connector (repeatable); they are listed on the POS's page.",
)
@json_option
@answers
def connect(
    pos: str,
    base_url: str | None,
    credentials: str,
    restaurant: str,
    restaurant_id: int | None,
    switches: tuple[str, ...],
    as_json: bool,
) -> None:
    """Connect a POS account: sign in, discover its locations, seal its credentials.

    \b
    Credentials, one JSON document:
      square  {"access_token"}  or  {"client_id", "client_secret", "refresh_token"}
      toast   {"client_id", "client_secret", "restaurant_guids": [...]}
      clover  {"merchant_id", "access_token"}  or with client_id, refresh_token; several merchants: a list

    Connecting the same account again returns its integration and replaces its credentials.
    """
    document = read_json(credentials)
    workshop = open_workshop()
    integration, locations = connect_account(
        workshop, pos, base_url, document, restaurant, restaurant_id, _switches(switches)
    )
    answer = {
        "integration_id": integration.id,
        "restaurant_id": integration.restaurant_id,
        "merchant": integration.merchant_name,
        "locations": [{"key": site.key, "name": site.name} for site in locations],
    }

    def show() -> None:
        out.print(
            f"Integration {integration.id}: {integration.merchant_name} on {pos} (restaurant {integration.restaurant_id})",
            markup=False,
        )
        table(
            "Locations",
            ["key", "name", "time zone", "currency"],
            [[site.key, site.name, site.source.timezone, site.source.currency] for site in locations],
        )

    emit(answer, as_json, show)


def _switches(given: tuple[str, ...]) -> dict[str, Any]:
    """Values are JSON where they are (true, 5), else texts."""
    found: dict[str, Any] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise BadInput(f"{pair!r} is no switch.", "Write --switch NAME=VALUE.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


@click.command()
@json_option
@answers
def integrations(as_json: bool) -> None:
    """List the connected POS accounts and their locations."""
    with open_workshop().connect() as connection:
        found = [(i, list_locations(connection, i.id)) for i in list_integrations(connection)]
    answer = {
        "integrations": [
            {
                "integration_id": i.id,
                "pos": i.pos,
                "base_url": i.base_url,
                "merchant": i.merchant_name,
                "restaurant_id": i.restaurant_id,
                "status": i.status,
                "reason": i.status_reason,
                "locations": [{"key": site.key, "name": site.name} for site in locations],
            }
            for i, locations in found
        ]
    }
    emit(
        answer,
        as_json,
        lambda: table(
            "Integrations",
            ["id", "pos", "merchant", "restaurant", "status", "locations"],
            [
                [i.id, i.pos, i.merchant_name, i.restaurant_id, i.status, ", ".join(site.key for site in ls)]
                for i, ls in found
            ],
        ),
    )


def _each_location(
    integration: int, keys: tuple[str, ...], look: Callable[[Workshop, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    workshop = open_workshop()
    with workshop.connect() as connection:
        get_integration(connection, integration)
        locations = choose_locations(connection, integration, keys)
    return [look(workshop, location.key) for location in locations]


@click.command()
@click.argument("integration", type=int)
@location_option
@json_option
@answers
def preflight(integration: int, keys: tuple[str, ...], as_json: bool) -> None:
    """Ask the POS what may be read, how stable the connection is, and how far back is possible."""
    reports = _each_location(integration, keys, lambda w, key: inspect.preflight(w, integration, key))

    def show() -> None:
        for report in reports:
            table(
                f"{report['location']}: permissions",
                ["entity", "permission", "granted", "evidence"],
                [
                    [p["entity"], p["permission"], {True: "yes", False: "NO", None: "?"}[p["granted"]], p["evidence"]]
                    for p in report["permissions"]
                ],
            )
            out.print(f"stability: {report['stability']}", markup=False)
            out.print(
                f"reverse level {report['reverse_level']['level']}: {report['reverse_level']['evidence']}", markup=False
            )

    emit({"preflights": reports, "passed": all(r["passed"] for r in reports)}, as_json, show)
    if not all(r["passed"] for r in reports):
        sys.exit(1)


@click.command()
@click.argument("integration", type=int)
@location_option
@json_option
@answers
def audit(integration: int, keys: tuple[str, ...], as_json: bool) -> None:
    """Count everything, list configuration, devices and integrations, and say what to ask the restaurant."""
    reports = _each_location(integration, keys, lambda w, key: inspect.audit(w, integration, key))

    def show() -> None:
        for report in reports:
            table(
                f"{report['location']}: audit",
                ["area", "what", "found"],
                [[n["area"], n["label"], n["value"]] for n in report["lines"]],
            )
            for question in report["questions"]:
                out.print(f"  ? {question}", markup=False)

    emit({"audits": reports}, as_json, show)


@click.command()
@click.argument("migration", type=int)
@json_option
@answers
def losses(migration: int, as_json: bool) -> None:
    """List every source field without a home in AuraConnect, with counts, before anybody signs."""
    report = inspect.losses(open_workshop(), migration)
    emit(
        report,
        as_json,
        lambda: table(
            f"Migration {migration}: fields without a home",
            ["source", "field", "records", "money", "what it means"],
            [
                [n["source_entity"], n["field"], inspect.loss_records(n), n.get("money", ""), n["note"]]
                for n in report["losses"]
            ],
        ),
    )


@click.command()
@click.argument("integration", type=int)
@location_option
@click.option(
    "--options", "options_file", type=click.Path(path_type=Path), help="Options file (JSON); see `options schema`."
)
@json_option
@answers
def preview(integration: int, keys: tuple[str, ...], options_file: Path | None, as_json: bool) -> None:
    """Export, certify, map and plan; show what a run would do. Writes nothing to AuraConnect.

    The stored plan is exactly what `run` will carry out once its hash is approved. Locations are planned in the order of
    their keys, each on the result of those before it. Exit code 1 when a plan is blocked: something the POS holds could
    not be read completely, and the plan must not be approved until it can or is excluded by name in the options.
    """
    plans = carry_out_preview(open_workshop(), integration, keys, options_file)
    emit({"migrations": plans}, as_json, lambda: show_plans(plans))
    if any(plan["blockers"] for plan in plans):
        sys.exit(1)


@click.command()
@click.argument("migration", type=int)
@click.option("--plan-hash", required=True, help="The hash that preview printed: what you sign.")
@click.option("--by", "by", required=True, metavar="NAME", help="Who approves.")
@click.option("--reason", default="", help="Why, without naming guests or staff; kept for ever as typed.")
@click.option(
    "--confirm-inferred",
    is_flag=True,
    help="Confirm the rules that were concluded from orders, because the POS does not state them; preview lists them.",
)
@json_option
@answers
def approve(migration: int, plan_hash: str, by: str, reason: str, confirm_inferred: bool, as_json: bool) -> None:
    """Sign a plan by its hash. `run` carries out that plan and no other.

    Signing confirms the rules that were concluded from orders, too; with the option rules.inferred = named it has to say so.
    """
    stored = decide.approve(open_workshop(), migration, plan_hash, by, reason, confirm_inferred=confirm_inferred)
    is_empty = stored["state"] != "approved" and not stored["awaits"]
    inferred = inferred_of(stored["id"])
    answer = {
        "migration_id": migration,
        "plan_hash": stored["hash"],
        "approved_by": by,
        "state": stored["state"] if stored["awaits"] else "empty" if is_empty else "approved",
        "awaits": stored["awaits"],
        "inferred_confirmed": inferred,
    }
    said = "has nothing to load" if is_empty else f"approved by {by}"
    if stored["awaits"]:
        said = f"signed by {by}; it still needs the signature of {stored['awaits']} other"
    if inferred:
        said += f", with {len(inferred)} rules that were inferred from orders"
    emit(
        answer,
        as_json,
        lambda: out.print(f"Plan {stored['hash'][:12]}… of migration {migration} {said}.", markup=False),
    )


@click.command()
@click.argument("migration", type=int)
@click.option("--as-approved", is_flag=True, help="Load what was approved even though the POS has moved on since.")
@json_option
@answers
def run(migration: int, as_approved: bool, as_json: bool) -> None:
    """Load the approved plan, then verify it. Continues an interrupted load.

    Before the first write the POS is read again. If it or AuraConnect moved since the approval nothing is written: the
    difference is stored as a delta plan and the exit code is 1.
    """
    result = carry_out_run(open_workshop(), migration, as_approved)
    show_scorecard(result, as_json)


@click.command()
@click.argument("migration", type=int)
@json_option
@answers
def verify(migration: int, as_json: bool) -> None:
    """Judge what stands in AuraConnect against the snapshot, by an independent reading of it; print the scorecard."""
    result = carry_out_verify(open_workshop(), migration)
    show_scorecard(result, as_json)


def show_scorecard(result: dict[str, Any], as_json: bool) -> None:
    """Print a run's or a verification's answer; ends the command with 1 when the verdict failed."""
    from aura_migration.verify.scorecard import render

    card = result.get("scorecard") or {}
    emit({**result, **card}, as_json, lambda: out.print(render(card)))
    if card.get("passed") is False:
        sys.exit(1)


@click.command()
@click.argument("migration", type=int)
@click.option("--preview", "rehearse", is_flag=True, help="Show what would be taken back; change nothing.")
@click.option(
    "--edited", type=click.Choice(["keep", "undo"]), default="keep", show_default=True, help="Rows people edited since."
)
@json_option
@answers
def rollback(migration: int, rehearse: bool, edited: str, as_json: bool) -> None:
    """Take a migration's writes back, record by record.

    Untouched rows are undone, rows edited since are kept (or undone) and listed, rows referenced since are archived,
    rows other migrations stand on stay. All or nothing.
    """
    workshop = open_workshop()
    if rehearse:
        result = stages.undo(
            workshop, migration, me(), edited="undo" if edited == "undo" else "keep", rehearse=True
        ).as_dict()
    else:
        result = carry_out_rollback(workshop, migration, edited)
    result = {"migration_id": migration, "preview": rehearse, **result}

    emit(result, as_json, lambda: _show_undone(result))


def _show_undone(result: dict[str, Any]) -> None:
    outcomes = sorted({o for counts in result["tables"].values() for o in counts})
    table(
        "Would be taken back" if result["preview"] else "Taken back",
        ["table", *outcomes],
        [[t, *[counts.get(o, "") for o in outcomes]] for t, counts in result["tables"].items()],
    )
    if result["kept"]:
        table(
            "Kept",
            ["table", "id", "why", "what"],
            [[k["table"], k["id"], k["outcome"], _what(k)] for k in result["kept"]],
        )


def _what(kept: dict[str, Any]) -> str:
    found = kept.get("columns") or kept.get("referenced_by") or kept.get("reason") or ""
    return ", ".join(found) if isinstance(found, list) else str(found)


COMMANDS = (connect, integrations, preflight, audit, preview, losses, approve, run, verify, rollback)
