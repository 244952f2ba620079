"""The commands of a migration's journey."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from aura_migration.canonical.menu import ENTITIES
from aura_migration.canonical.options import load_options, options_schema
from aura_migration.cli.output import answers, emit, err, following, json_option, out, table
from aura_migration.core.errors import BadInput
from aura_migration.migration import decide, inspect, progress, requests, stages
from aura_migration.migration.integrations import (
    choose_locations,
    connect_account,
    get_integration,
    list_integrations,
    list_locations,
)
from aura_migration.migration.records import (
    Migration,
    get_migration,
    get_plan,
    latest_delta,
    list_migrations,
    open_migration,
)
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings

ACTIONS = ("source", "create", "update", "unchanged", "merge", "skip", "conflict", "quarantine")
POS_NAMES = click.Choice(["square", "toast", "clover"])
location_option = click.option(
    "--location", "keys", multiple=True, metavar="KEY", help="Only this location (repeatable)."
)


def _workshop() -> Workshop:
    return Workshop.open(load_settings())


def _me() -> str:
    return getpass.getuser()


# -- connect and look ---------------------------------------------------------------------------------------------------


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
@json_option
@answers
def connect(
    pos: str, base_url: str | None, credentials: str, restaurant: str, restaurant_id: int | None, as_json: bool
) -> None:
    """Connect a POS account: sign in, discover its locations, seal its credentials.

    \b
    Credentials, one JSON document:
      square  {"access_token"}  or  {"client_id", "client_secret", "refresh_token"}
      toast   {"client_id", "client_secret", "restaurant_guids": [...]}
      clover  {"merchant_id", "access_token"}  or with client_id, refresh_token; several merchants: a list

    Connecting the same account again returns its integration and replaces its credentials.
    """
    document = _read_json(credentials)
    workshop = _workshop()
    integration, locations = connect_account(workshop, pos, base_url, document, restaurant, restaurant_id)
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


def _read_json(source: str) -> Any:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"The credentials file {source} cannot be read: {error.strerror}.", "Check the path.") from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput(
            f"The credentials are not JSON ({error.__class__.__name__}).", "`connect --help` shows the formats."
        ) from error


@click.command()
@json_option
@answers
def integrations(as_json: bool) -> None:
    """List the connected POS accounts and their locations."""
    with _workshop().connect() as connection:
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
    workshop = _workshop()
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
    report = inspect.losses(_workshop(), migration)
    emit(
        report,
        as_json,
        lambda: table(
            f"Migration {migration}: fields without a home",
            ["source", "field", "records", "what it means"],
            [[n["source_entity"], n["field"], n["records"], n["note"]] for n in report["losses"]],
        ),
    )


# -- preview, approve, run ----------------------------------------------------------------------------------------------


def carry_out_preview(
    workshop: Workshop, integration_id: int, keys: tuple[str, ...], options_file: Path | None
) -> list[dict[str, Any]]:
    """Preview the chosen locations in location-key order, each on the projected result of those before it."""
    from aura_migration.orchestration.instance import open_instance
    from aura_migration.orchestration.launch import carry_out

    options = load_options(options_file) if options_file else None
    stages.sweep(workshop)
    with workshop.connect() as connection:
        integration = get_integration(connection, integration_id)
        locations = choose_locations(connection, integration_id, keys)
    since = datetime.now(UTC).isoformat()
    answers_: list[dict[str, Any]] = []
    with open_instance(workshop.settings) as instance:
        for location in locations:
            with workshop.connect() as connection:
                migration = open_migration(connection, integration, location, options)
                request = requests.submit(
                    connection, "preview", integration_id, location.key, migration.id, _me(), {"fresh_since": since}
                )
            with following(lambda m=migration: _progress(workshop, m.id), f"Preview of {location.name}"):
                carry_out(workshop, instance, request)
            with workshop.connect() as connection:
                answers_.append(describe_plan(connection, get_migration(connection, migration.id)))
    return answers_


def describe_plan(connection: Any, migration: Migration) -> dict[str, Any]:
    """The present plan as the preview's answer."""
    stored = get_plan(connection, migration.plan_id) if migration.plan_id is not None else None
    return {
        "migration_id": migration.id,
        "location": migration.location_key,
        "state": migration.state,
        "plan_hash": stored["hash"] if stored else None,
        "entities": _in_order(stored["counts"]) if stored else {},
        "stands_on": stored["stands_on"] if stored else [],
        "blockers": stored["blockers"] if stored else [],
    }


def _in_order(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Counts in the order of entities and actions; jsonb keeps neither."""
    return {name: {a: counts[name].get(a, 0) for a in ACTIONS} for name in ENTITIES if name in counts}


def _progress(workshop: Workshop, migration_id: int) -> dict[str, Any] | None:
    with workshop.connect() as connection:
        rows = progress.latest(connection, migration_id)
    return rows[0] if rows else None


def show_plans(plans: list[dict[str, Any]]) -> None:
    """Tables of counts per plan, with what to do next."""
    for plan in plans:
        table(
            f"Migration {plan['migration_id']} · {plan['location']} · {plan['state']}",
            ["entity", *ACTIONS],
            [[entity, *[counts.get(a, 0) or "" for a in ACTIONS]] for entity, counts in plan["entities"].items()],
        )
        if plan["plan_hash"]:
            out.print(f"plan hash {plan['plan_hash']}", markup=False)
        for ground in plan["stands_on"]:
            out.print(
                f"stands on migration {ground['migration_id']} ({ground['location']}): load that first", markup=False
            )
        for blocker in plan["blockers"]:
            err.print(f"blocked: {blocker}", markup=False)


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

    The stored plan is exactly what `run` will carry out once its hash is approved.
    """
    plans = carry_out_preview(_workshop(), integration, keys, options_file)
    emit({"migrations": plans}, as_json, lambda: show_plans(plans))


@click.command()
@click.argument("migration", type=int)
@click.option("--plan-hash", required=True, help="The hash that preview printed: what you sign.")
@click.option("--by", "by", required=True, metavar="NAME", help="Who approves.")
@click.option("--reason", default="", help="Why.")
@json_option
@answers
def approve(migration: int, plan_hash: str, by: str, reason: str, as_json: bool) -> None:
    """Sign a plan by its hash. `run` carries out that plan and no other."""
    stored = decide.approve(_workshop(), migration, plan_hash, by, reason)
    answer = {"migration_id": migration, "plan_hash": stored["hash"], "approved_by": by, "state": "approved"}
    emit(
        answer,
        as_json,
        lambda: out.print(f"Plan {stored['hash'][:12]}… of migration {migration} approved by {by}.", markup=False),
    )


def carry_out_run(workshop: Workshop, migration_id: int, as_approved: bool = False) -> dict[str, Any]:
    """Load the approved plan and verify it; returns ``{migration_id, state, entities, scorecard, passed}``."""
    return _carry_out(workshop, "run", migration_id, {"as_approved": as_approved})


def carry_out_verify(workshop: Workshop, migration_id: int) -> dict[str, Any]:
    """Verify what stands in AuraConnect; same answer as a run."""
    return _carry_out(workshop, "verify", migration_id, {})


def _carry_out(workshop: Workshop, kind: str, migration_id: int, options: dict[str, Any]) -> dict[str, Any]:
    from aura_migration.orchestration.instance import open_instance
    from aura_migration.orchestration.launch import carry_out

    stages.sweep(workshop)
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        request = requests.submit(
            connection, kind, migration.integration_id, migration.location_key, migration_id, _me(), options
        )
    with (
        open_instance(workshop.settings) as instance,
        following(lambda: _progress(workshop, migration_id), f"{kind.capitalize()} of migration {migration_id}"),
    ):
        done = carry_out(workshop, instance, request)
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        plan = describe_plan(connection, migration)
    return {**plan, **(done.result or {})}


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
    result = carry_out_run(_workshop(), migration, as_approved)
    _show_scorecard(result, as_json)


@click.command()
@click.argument("migration", type=int)
@json_option
@answers
def verify(migration: int, as_json: bool) -> None:
    """Judge what stands in AuraConnect against the snapshot, by an independent reading of it; print the scorecard."""
    result = carry_out_verify(_workshop(), migration)
    _show_scorecard(result, as_json)


def _show_scorecard(result: dict[str, Any], as_json: bool) -> None:
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
    workshop = _workshop()
    if rehearse:
        result = stages.undo(
            workshop, migration, _me(), edited="undo" if edited == "undo" else "keep", rehearse=True
        ).as_dict()
    else:
        result = _carry_out(workshop, "rollback", migration, {"edited": edited})
    result = {"migration_id": migration, "preview": rehearse, **result}

    def show() -> None:
        outcomes = sorted({o for counts in result["tables"].values() for o in counts})
        table(
            "Would be taken back" if rehearse else "Taken back",
            ["table", *outcomes],
            [[t, *[counts.get(o, "") for o in outcomes]] for t, counts in result["tables"].items()],
        )
        if result["kept"]:
            table(
                "Kept",
                ["table", "id", "why", "what"],
                [
                    [k["table"], k["id"], k["outcome"], k.get("columns") or k.get("referenced_by")]
                    for k in result["kept"]
                ],
            )

    emit(result, as_json, show)


# -- steering and status -------------------------------------------------------------------------------------------------


@click.command()
@click.argument("migration", type=int)
@json_option
@answers
def pause(migration: int, as_json: bool) -> None:
    """Ask a running load to stop after its present batch; `resume` continues it."""
    state = decide.pause(_workshop(), migration, _me())
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
    """Continue a paused or interrupted load where it stopped, then verify it."""
    _show_scorecard(carry_out_run(_workshop(), migration), as_json)


@click.command()
@click.argument("migration", type=int)
@click.option("--reason", default="", help="Why.")
@json_option
@answers
def cancel(migration: int, reason: str, as_json: bool) -> None:
    """End a migration that has written nothing. One that has is rolled back instead."""
    decide.cancel(_workshop(), migration, _me(), reason)
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
    workshop = _workshop()
    stages.sweep(workshop)
    with workshop.connect() as connection:
        found = get_migration(connection, migration)
        plan = describe_plan(connection, found)
        delta = latest_delta(connection, migration)
        gates = connection.execute(
            "SELECT name, passed, value, remedy, measured_at FROM migration.gates WHERE migration_id = %s ORDER BY name",
            [migration],
        ).fetchall()
        transitions = connection.execute(
            "SELECT to_state, done_by, reason, at FROM migration.transitions WHERE migration_id = %s ORDER BY id DESC LIMIT 10",
            [migration],
        ).fetchall()
        open_conflicts = sum(c["conflict"] for c in plan["entities"].values())
        quarantined = len(decide.quarantine(connection, migration))
        at = progress.latest(connection, migration)
    answer = {
        **plan,
        "reason": found.state_reason,
        "progress": {"type": "migration_progress", "data": at[0]} if at else None,
        "conflicts": open_conflicts,
        "quarantined": quarantined,
        "delta_plan": {"plan_hash": delta["hash"], "entities": delta["counts"], "blockers": delta["blockers"]}
        if delta
        else None,
        "gates": [
            {"name": g[0], "passed": g[1], "value": g[2], "remedy": g[3], "measured_at": g[4].isoformat()}
            for g in gates
        ],
        "history": [{"state": t[0], "by": t[1], "reason": t[2], "at": t[3].isoformat()} for t in transitions],
        "next": _next_step(found, plan, delta, open_conflicts),
    }

    def show() -> None:
        out.print(
            f"Migration {migration} · {found.location_key} · {found.state} {found.state_reason}".rstrip(), markup=False
        )
        if at:
            row = at[0]
            left = f", about {row['estimatedTimeRemaining']} left" if row["estimatedTimeRemaining"] else ""
            out.print(f"{row['currentStep']}: {row['processedItems']} of {row['totalItems']}{left}", markup=False)
        table(
            "Gates",
            ["gate", "passed", "value", "remedy"],
            [
                [
                    g["name"],
                    {True: "yes", False: "NO", None: "–"}[g["passed"]],
                    g["value"],
                    "" if g["passed"] else g["remedy"],
                ]
                for g in answer["gates"]
            ],
        )
        table(
            "History",
            ["state", "by", "reason", "at"],
            [[h["state"], h["by"], h["reason"], h["at"]] for h in answer["history"]],
        )
        out.print(f"Next: {answer['next']}", markup=False)

    emit(answer, as_json, show)


def _next_step(found: Migration, plan: dict[str, Any], delta: dict[str, Any] | None, open_conflicts: int) -> str:
    number = found.id
    if plan["blockers"]:
        return f"mend the blocked entities or exclude them in the options, then `preview {found.integration_id}`"
    if open_conflicts:
        return f"decide {open_conflicts} conflicts: `conflicts list {number}`"
    steps = {
        "draft": f"`preview {found.integration_id} --location {found.location_key}`",
        "extracted": f"`preview {found.integration_id} --location {found.location_key}`",
        "planned": f"`approve {number} --plan-hash {plan['plan_hash']} --by NAME`",
        "approved": f"`run {number}`"
        if delta is None
        else f"`approve {number} --plan-hash {delta['hash']} --by NAME`, or `run {number} --as-approved`",
        "loading": "wait; `pause` stops it after its batch",
        "paused": f"`resume {number}`",
        "failed": f"`resume {number}`, or `rollback {number}`",
        "loaded": f"`verify {number}`",
        "verified": "the menu is migrated and proven",
        "empty": "the POS has nothing on its menu; preview again when it has",
        "reconnect_needed": "connect the account again",
        "rolling_back": f"`rollback {number}` again",
    }
    return steps.get(found.state, "nothing: it has ended")


@click.command()
@click.option("--integration", type=int, help="Only this integration's.")
@json_option
@answers
def migrations(integration: int | None, as_json: bool) -> None:
    """List all migrations, newest first."""
    with _workshop().connect() as connection:
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


# -- decisions -----------------------------------------------------------------------------------------------------------


@click.group()
def conflicts() -> None:
    """What AuraConnect already has or what locations share: list what is undecided, decide it."""


@conflicts.command("list")
@click.argument("migration", type=int)
@click.option("--entity", help="Only this entity.")
@json_option
@answers
def conflicts_list(migration: int, entity: str | None, as_json: bool) -> None:
    """Undecided conflicts of the present plan, with both sides and everyone they touch."""
    with _workshop().connect() as connection:
        rows = decide.conflicts(connection, migration, entity)
    emit(
        {"migration_id": migration, "conflicts": rows},
        as_json,
        lambda: table(
            "Conflicts",
            ["entity", "key", "name", "why", "touches"],
            [[r["entity"], r["key"], r["label"], r["reason"], ", ".join(r["touches"] or [])] for r in rows],
        ),
    )


@conflicts.command("decide")
@click.argument("migration", type=int)
@click.option("--entity", required=True)
@click.option("--key", "keys", multiple=True, help="Source key (repeatable); none decides all of the entity.")
@click.option("--strategy", required=True, type=click.Choice(decide.STRATEGIES))
@click.option("--aura-id", type=int, help="The AuraConnect record meant, where several have the name.")
@click.option("--by", "by", required=True, metavar="NAME")
@click.option("--reason", default="")
@json_option
@answers
def conflicts_decide(
    migration: int,
    entity: str,
    keys: tuple[str, ...],
    strategy: str,
    aura_id: int | None,
    by: str,
    reason: str,
    as_json: bool,
) -> None:
    """Decide conflicts and plan again (from the pinned snapshot); the new plan has a new hash to approve.

    \b
    keep_existing  AuraConnect's values stay          overwrite  the POS's values win
    merge          only what is empty is filled       duplicate  a record of its own
    """
    workshop = _workshop()
    with workshop.connect() as connection:
        decided = decide.decide_conflict(connection, migration, entity, list(keys), strategy, by, reason, aura_id)
        found = get_migration(connection, migration)
    plan = _plan_again(workshop, found, by)
    answer = {"decided": decided, **plan}
    emit(answer, as_json, lambda: show_plans([plan]))


def _plan_again(workshop: Workshop, migration: Migration, by: str) -> dict[str, Any]:
    """Map and plan the pinned snapshot again, without asking the POS."""
    with stages.locked(workshop, migration.location_key):
        stages.canonicalise(workshop, migration.id, by)
        stages.plan(workshop, migration.id, by)
    with workshop.connect() as connection:
        return describe_plan(connection, get_migration(connection, migration.id))


@click.group()
def quarantine() -> None:
    """Records that could not become rows: list them with their reasons, correct and re-run only those."""


@quarantine.command("list")
@click.argument("migration", type=int)
@json_option
@answers
def quarantine_list(migration: int, as_json: bool) -> None:
    """Records in quarantine, why, and where they stand in the snapshot."""
    with _workshop().connect() as connection:
        rows = decide.quarantine(connection, migration)
    emit(
        {"migration_id": migration, "quarantine": rows},
        as_json,
        lambda: table(
            "Quarantine",
            ["entity", "key", "reasons", "record"],
            [[r["entity"], r["key"], "; ".join(r["reasons"]), r["record"]] for r in rows],
        ),
    )


@quarantine.command("rerun")
@click.argument("migration", type=int)
@click.option(
    "--corrections",
    type=click.Path(allow_dash=True, path_type=str),
    help='JSON list of {"entity","key","values"}; - for stdin.',
)
@click.option("--by", "by", default=getpass.getuser, metavar="NAME")
@json_option
@answers
def quarantine_rerun(migration: int, corrections: str | None, by: str, as_json: bool) -> None:
    """Apply corrections and plan again: only mended records change the plan, everything loaded is unchanged.

    The new plan waits for approval like any other.
    """
    workshop = _workshop()
    if corrections:
        listed = _read_json(corrections)
        if not isinstance(listed, list):
            raise BadInput("Corrections are a JSON list.", 'Each entry is {"entity", "key", "values"}.')
        with workshop.connect() as connection, connection.transaction():
            for entry in listed:
                if not isinstance(entry, dict) or set(entry) != {"entity", "key", "values"}:
                    raise BadInput(f"{entry!r} is not a correction.", 'Each entry is {"entity", "key", "values"}.')
                decide.correct_quarantined(connection, migration, entry["entity"], entry["key"], entry["values"], by)
    with workshop.connect() as connection:
        found = get_migration(connection, migration)
    plan = _plan_again(workshop, found, by)
    emit(plan, as_json, lambda: show_plans([plan]))


@click.group()
def options() -> None:
    """The options file of a preview: scope, exclusions, conflict strategies, field mapping."""


@options.command("schema")
def options_print_schema() -> None:
    """Print the JSON schema of the options file."""
    print(json.dumps(options_schema(), indent=2))


@options.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@answers
def options_check(file: Path, as_json: bool) -> None:
    """Check an options file without asking a POS; every problem with its place."""
    parsed = load_options(file)
    emit(
        {"ok": True, "options": json.loads(parsed.model_dump_json(by_alias=True))},
        as_json,
        lambda: out.print(f"{file} is well formed.", markup=False),
    )


COMMANDS = (
    connect,
    integrations,
    preflight,
    audit,
    preview,
    losses,
    options,
    conflicts,
    quarantine,
    approve,
    run,
    pause,
    resume,
    cancel,
    status,
    migrations,
    verify,
    rollback,
)
