"""What several commands do: open the workshop, carry out a request in process, describe and show a plan."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from aura_migration.canonical.inferred import described
from aura_migration.canonical.options import load_options
from aura_migration.cli.output import err, following, out, table
from aura_migration.core.errors import BadInput
from aura_migration.migration import progress
from aura_migration.migration.dating import days_told
from aura_migration.migration.described import describe_inferred, describe_plan
from aura_migration.migration.evidence import COUNTED as ACTIONS
from aura_migration.migration.evidence import card_in_order
from aura_migration.migration.integrations import (
    Integration,
    KnownLocation,
    choose_locations,
    get_integration,
)
from aura_migration.migration.records import Migration, get_migration, open_migration
from aura_migration.migration.spans import require_past
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings

INFERRED_SHOWN = 20


def open_workshop() -> Workshop:
    """The workshop of this process's environment."""
    return Workshop.open(load_settings())


def me() -> str:
    """Who runs the command, for the audit trail."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user id has no name
        return "unknown"


def read_json(source: str, what: str = "credentials") -> Any:
    """The JSON document of a file, or of stdin for ``-``. Errors never quote it: it may hold secrets."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"The {what} file {source} cannot be read: {error.strerror}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"The {what} file {source} is not UTF-8 text.", "Save it as UTF-8.") from error
    try:
        return json.loads(text)
    except ValueError as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(f"The {what} are not JSON{place}.", "`--help` of the command shows the format.") from None


# -- requests carried out in this process ---------------------------------------------------------------------------------


def carry_out_preview(
    workshop: Workshop, integration_id: int, keys: tuple[str, ...], options_file: Path | None
) -> list[dict[str, Any]]:
    """Preview the chosen locations in location-key order, each on the projected result of those before it."""
    options = load_options(options_file) if options_file else None
    if options is not None:
        require_past(options.history, workshop.now())
    with workshop.connect() as connection:
        integration = get_integration(connection, integration_id)
        locations = choose_locations(connection, integration_id, keys)
    asked: dict[str, Any] = {"fresh_since": datetime.now(UTC).isoformat()}
    if options is not None:
        asked["options"] = options.model_dump(mode="json", by_alias=True)
    plans: list[dict[str, Any]] = []
    with _carrier(workshop) as carry_out:
        for location in locations:
            with workshop.connect() as connection:
                migration = open_migration(connection, integration, location, None)
            with following(partial(read_progress, workshop, migration.id), f"Preview of {location.name}"):
                carry_out("preview", integration, location, migration, asked)
            with workshop.connect() as connection:
                plans.append(describe_plan(workshop, connection, get_migration(connection, migration.id)))
    return plans


def carry_out_run(workshop: Workshop, migration_id: int, as_approved: bool = False) -> dict[str, Any]:
    """Load the approved plan and verify it; the plan's description with ``scorecard`` added."""
    return _on_migration(workshop, "run", migration_id, {"as_approved": as_approved})


def carry_out_verify(workshop: Workshop, migration_id: int) -> dict[str, Any]:
    """Verify what stands in AuraConnect; same answer as a run."""
    return _on_migration(workshop, "verify", migration_id, {})


def carry_out_rollback(workshop: Workshop, migration_id: int, edited: str) -> dict[str, Any]:
    """Take a migration's writes back; the plan's description with ``tables`` and ``kept`` added."""
    return _on_migration(workshop, "rollback", migration_id, {"edited": edited})


def _on_migration(workshop: Workshop, kind: str, migration_id: int, options: dict[str, Any]) -> dict[str, Any]:
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        integration = get_integration(connection, migration.integration_id)
        (location,) = choose_locations(connection, integration.id, (migration.location_key,))
    with (
        _carrier(workshop) as carry_out,
        following(partial(read_progress, workshop, migration_id), f"{kind.capitalize()} of {location.name}"),
    ):
        result = carry_out(kind, integration, location, migration, options)
    if "scorecard" in result:
        result = {**result, "scorecard": card_in_order(result["scorecard"])}
    with workshop.connect() as connection:
        return {**describe_plan(workshop, connection, get_migration(connection, migration_id)), **result}


def carry_out_window(workshop: Workshop, kind: str, migration_id: int, options: dict[str, Any]) -> dict[str, Any]:
    """Carry out a work of the migration's window (``migration/window/works.py``); its answer."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        integration = get_integration(connection, migration.integration_id)
        (location,) = choose_locations(connection, integration.id, (migration.location_key,))
    with _carrier(workshop) as carry_out:
        return carry_out(kind, integration, location, migration, options)


Carrier = Callable[[str, Integration, KnownLocation, Migration, dict[str, Any]], dict[str, Any]]


@contextmanager
def _carrier(workshop: Workshop) -> Iterator[Carrier]:
    """Carries requests out on the shared Dagster instance. Dagster is imported here: most commands do without."""
    from aura_migration.orchestration.instance import open_instance
    from aura_migration.orchestration.launch import Wanted, carry_out
    from aura_migration.orchestration.tidy import tidy

    with open_instance(workshop.settings) as instance:
        tidy(workshop, instance)

        def carry(
            kind: str, integration: Integration, location: KnownLocation, migration: Migration, options: dict[str, Any]
        ) -> dict[str, Any]:
            wanted = Wanted(kind, integration.id, location.key, migration.id, me(), options)
            return carry_out(workshop, instance, wanted).result or {}

        yield carry


def plan_again(workshop: Workshop, migration: Migration, by: str) -> dict[str, Any]:
    """Map and plan the pinned snapshot again, without asking the POS."""
    from aura_migration.migration import stages

    with stages.locked(workshop, migration.location_key):
        stages.canonicalise(workshop, migration.id, by)
        stages.plan(workshop, migration.id, by)
    with workshop.connect() as connection:
        return describe_plan(workshop, connection, get_migration(connection, migration.id))


# -- plans ------------------------------------------------------------------------------------------------------------------


def inferred_of(plan_id: int) -> list[dict[str, Any]]:
    """The rules of a plan that were concluded from orders: ``[{"entity", "key", "name", "evidence"}]``."""
    with open_workshop().connect() as connection:
        return describe_inferred(connection, plan_id)


def _say_inferred(plan: dict[str, Any]) -> None:
    """What approving confirms beyond what the POS states."""
    if plan["inferred"]:
        rules = "rule is" if len(plan["inferred"]) == 1 else "rules are"
        out.print(
            f"{len(plan['inferred'])} {rules} not stated by the POS but inferred from its orders; approving confirms:"
        )
        for line in described(plan["inferred"])[:INFERRED_SHOWN]:
            out.print(f"  {line}", markup=False)
        if len(plan["inferred"]) > INFERRED_SHOWN:
            out.print(f"  … and {len(plan['inferred']) - INFERRED_SHOWN} more (--json has all, with the evidence)")


def _say_days(plan: dict[str, Any]) -> None:
    if plan["days"] is not None and "orders" in plan["entities"]:
        for line in days_told(plan["days"]):
            out.print(line, markup=False)


def _say_people(plan: dict[str, Any]) -> None:
    said, number = plan["people"], plan["migration_id"]
    for count, what in (
        (said["merged_profiles"], "profiles are one person with another one and are merged"),
        (said["near_ties"], "groups of profiles share a contact and are kept apart; decide them in the options"),
        (
            said["left_out"]["without_consent"],
            f"profiles are left out: requireConsent is {said['policy']}, and they have not given it. What they are owed "
            "is kept without a holder",
        ),
        (said["left_out"]["refused"], "profiles are left out because they refused; what they are owed is kept"),
        (
            said["loyalty"]["losing"],
            f"loyalty accounts lose points by the signed conversion, {_lost(said['loyalty']['points_lost'])}",
        ),
        (
            said["gone_profiles"],
            "profiles loaded earlier are no longer in the POS's directory; they stay in AuraConnect",
        ),
        (
            sum(entry.get("n", 0) for entry in said["unseen_balances"].values()),
            "balances loaded earlier are not in what was read now; they keep what they have",
        ),
        (said["roles_to_review"], "roles have no match in AuraConnect and wait for a review of their rights"),
    ):
        if count:
            out.print(f"{count} {what} (`report {number}` lists them)", markup=False)
    _say_unmet(said)


def _lost(points: dict[str, str]) -> str:
    """Points that a conversion takes, by cause: ``{cause: decimal}`` with ``total``; empty where nothing is converted."""
    causes = ", ".join(f"{amount} by the {cause}" for cause, amount in points.items() if cause != "total")
    return f"{points.get('total', 0)} in all{f': {causes}' if causes else ''}"


def _say_unmet(said: dict[str, Any]) -> None:
    """What the options say of people and roles that are not there: nothing was done for it."""
    where = "people.samePerson and people.differentPersons"
    if said["unknown_keys"]:
        err.print(
            f"not done: {where} name customers that this location's POS does not have: {_few(said['unknown_keys'])}",
            markup=False,
        )
    for found in said["ambiguous_keys"]:
        err.print(
            f"not done: {where} name customer {found['key']}, which several customers end in: {_few(found['keys'])}; "
            "give the whole key",
            markup=False,
        )
    if said["roles_unused"]:
        err.print(
            f"not done: people.staff.roles names jobs that nobody has: {_few(said['roles_unused'])}", markup=False
        )


def _few(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def read_progress(workshop: Workshop, migration_id: int) -> dict[str, Any] | None:
    """The newest progress message of a migration."""
    with workshop.connect() as connection:
        return progress.latest(connection, migration_id)


def show_plans(plans: list[dict[str, Any]]) -> None:
    """Tables of counts per plan, with what to do next."""
    for plan in plans:
        table(
            f"Migration {plan['migration_id']} · {plan['location']} · {plan['state']}",
            ["entity", *ACTIONS],
            [[entity, *[counts.get(a, 0) or "" for a in ACTIONS]] for entity, counts in plan["entities"].items()],
        )
        for ground in plan["stands_on"]:
            out.print(
                f"stands on migration {ground['migration_id']} ({ground['location']}): load that first", markup=False
            )
        _say_days(plan)
        _say_people(plan)
        _say_inferred(plan)
        undecided = sum(counts["conflict"] for counts in plan["entities"].values())
        if undecided:
            out.print(f"{undecided} undecided: `conflicts list {plan['migration_id']}` shows them", markup=False)
        for blocker in plan["blockers"]:
            err.print(f"blocked: {blocker}", markup=False)
        if plan["plan_hash"]:
            out.print(f"plan hash {plan['plan_hash']}", markup=False)
