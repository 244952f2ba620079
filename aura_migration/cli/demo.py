"""`demo`: the main job on real input. Stand-ins of the POS on loopback, everything else is the real thing."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Any

import click
import httpx

from aura_migration.cli import system, work
from aura_migration.cli.output import answers, emit, err, json_option, out
from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.migration import decide, inspect
from aura_migration.migration.integrations import connect_account
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings

POS = ("square", "toast", "clover")
FIRST_PORT = 8871
"""Fixed, because a POS account is recognised by its base URL: a second demo finds the same restaurants, unchanged."""


@click.command()
@click.option(
    "--pos",
    type=click.Choice(["square", "toast", "clover", "all"]),
    default="all",
    show_default=True,
    help="Which POS.",
)
@click.option("--scenario", default="cafe", show_default=True, help="cafe, diner, chain, huge, crowd or empty.")
@click.option("--seed", type=int, default=1, show_default=True, help="Other ids, names and prices of the same kind.")
@click.option("--location-limit", type=int, default=3, show_default=True, help="Locations migrated of a chain.")
@click.option(
    "--port",
    type=click.IntRange(1024, 65533),
    default=FIRST_PORT,
    show_default=True,
    help="First port of the stand-ins; another one lets two demos run side by side.",
)
@click.option("--no-serve", is_flag=True, help="End after the scorecards instead of serving Dagster's UI.")
@json_option
@answers
def demo(pos: str, scenario: str, seed: int, location_limit: int, port: int, no_serve: bool, as_json: bool) -> None:
    """Migrate one restaurant per POS from local stand-ins, over real HTTP into a real PostgreSQL, through Dagster.

    Connect, preflight, audit, preview, approve, run, verify; prints a scorecard per location whose every figure was
    measured. Exit code 1 when a verdict fails.
    """
    workshop = Workshop.open(load_settings())
    chosen = list(POS) if pos == "all" else [pos]
    cards: list[dict[str, Any]] = []
    with ExitStack() as stack:
        for name in chosen:
            base_url = _serve(stack, name, scenario, seed, port + POS.index(name))
            cards += _migrate(workshop, name, base_url, scenario, location_limit, as_json)
        passed = all(card.get("passed") is not False for card in cards)
        emit({"scorecards": cards, "passed": passed}, as_json, lambda: _say(passed, len(cards)))
        if not no_serve:
            system.serve_until_interrupted(workshop.settings)
    if not passed:
        sys.exit(1)


def _serve(stack: ExitStack, pos: str, scenario: str, seed: int, port: int) -> str:
    from aura_migration.sandbox.core.server import serve

    try:
        return stack.enter_context(serve(pos, scenario, seed, port)).base_url
    except OSError as error:
        raise EnvironmentFault(
            f"The stand-in of {pos} cannot listen on port {port}: {error}",
            "End what uses the port (another demo?), or choose others with --port.",
        ) from error
    except (KeyError, ValueError) as error:
        raise BadInput(
            f"The stand-in of {pos} has no scenario {scenario!r}: {error}",
            "Try cafe, diner, chain, huge, crowd or empty.",
        ) from error


def _migrate(
    workshop: Workshop, pos: str, base_url: str, scenario: str, limit: int, quiet: bool
) -> list[dict[str, Any]]:
    from aura_migration.verify.scorecard import render

    document = httpx.get(f"{base_url}/_control/credentials", timeout=60).json()["default"]
    integration, locations = connect_account(workshop, pos, base_url, document, f"Demo {pos} {scenario}")
    keys = tuple(location.key for location in locations[:limit])
    say = err if quiet else out
    say.print(
        f"\n{pos}: {integration.merchant_name}, {len(locations)} location(s) at {base_url}", style="bold", markup=False
    )
    looked = inspect.preflight(workshop, integration.id, keys[0])
    say.print(
        f"preflight: {sum(p['granted'] is not False for p in looked['permissions'])} of {len(looked['permissions'])} rights, reverse level {looked['reverse_level']['level']}",
        markup=False,
    )
    audited = inspect.audit(workshop, integration.id, keys[0])
    say.print(
        f"audit: {len(audited['lines'])} facts, {len(audited['questions'])} questions for the restaurant", markup=False
    )
    plans = work.carry_out_preview(workshop, integration.id, keys, None)
    cards: list[dict[str, Any]] = []
    for plan in plans:
        if plan["state"] == "planned":
            decide.approve(
                workshop, plan["migration_id"], plan["plan_hash"], "demo", "demonstration", confirm_inferred=True
            )
        carry_out = work.carry_out_verify if plan["state"] == "empty" else work.carry_out_run
        result = carry_out(workshop, plan["migration_id"])
        card = result["scorecard"]
        cards.append(card)
        if not quiet:
            out.print(render(card))
    return cards


def _say(passed: bool, number: int) -> None:
    out.print(f"\n{'Passed' if passed else 'FAILED'}: {number} scorecard(s).", style="green" if passed else "red")


COMMANDS = (demo,)
