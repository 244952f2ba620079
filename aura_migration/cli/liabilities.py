"""Commands that say and change which system redeems gift cards, points, house accounts and store credit."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import me, open_workshop
from aura_migration.core.money import show_owed
from aura_migration.cutover import liabilities as owners
from aura_migration.cutover.liabilities import CLASSES, Ownership
from aura_migration.migration import liabilities as journey
from aura_migration.migration.integrations import get_integration

by_option = click.option("--by", "by", default=me, metavar="NAME", help="Who does it; default is this machine's user.")
reason_option = click.option("--reason", default="", help="Why, without naming guests; kept for ever as typed.")
class_argument = click.argument("liability", metavar="CLASS", type=click.Choice(list(CLASSES)))


@click.group()
def liabilities() -> None:
    """Gift cards, points, house accounts, store credit: exactly one system redeems each class at any instant.

    The way of a class: freeze (neither side redeems; say it to the staff) → switch (the POS is read once more, every
    balance must be conserved, AuraConnect redeems from then on). `thaw` gives a freeze up, `return` gives the class back.
    """


@liabilities.command("status")
@click.argument("integration", type=int)
@json_option
@answers
def status(integration: int, as_json: bool) -> None:
    """Who redeems each class, since when, what AuraConnect holds of it and what its ledger says."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        get_integration(connection, integration)
    _show(integration, journey.owners(workshop, integration), as_json)


@liabilities.command("freeze")
@click.argument("integration", type=int)
@class_argument
@by_option
@reason_option
@json_option
@answers
def freeze(integration: int, liability: str, by: str, reason: str, as_json: bool) -> None:
    """Stop redeeming a class on both sides. Take it off the POS's tenders now; AuraConnect refuses it anyway."""
    with open_workshop().connect() as connection:
        found = owners.freeze(connection, integration, liability, by, reason)
    _show(integration, [found], as_json)


@liabilities.command("thaw")
@click.argument("integration", type=int)
@class_argument
@by_option
@reason_option
@json_option
@answers
def thaw(integration: int, liability: str, by: str, reason: str, as_json: bool) -> None:
    """Give a freeze up: the POS redeems again."""
    with open_workshop().connect() as connection:
        found = owners.thaw(connection, integration, liability, by, reason)
    _show(integration, [found], as_json)


@liabilities.command("switch")
@click.argument("integration", type=int)
@class_argument
@by_option
@reason_option
@json_option
@answers
def switch(integration: int, liability: str, by: str, reason: str, as_json: bool) -> None:
    """Let AuraConnect redeem a frozen class.

    The POS is read again first. Where a balance moved since the load, nothing is switched: approve and run the plan that
    is named, then switch. Every card and account must be conserved: opening + activity = closing on both sides.
    """
    found = journey.switch(open_workshop(), integration, liability, by, reason)
    _show(integration, [found], as_json)


@liabilities.command("return")
@click.argument("integration", type=int)
@class_argument
@by_option
@reason_option
@json_option
@answers
def give_back(integration: int, liability: str, by: str, reason: str, as_json: bool) -> None:
    """Stop AuraConnect redeeming a class and list what it redeemed since, to be entered in the POS before the thaw."""
    with open_workshop().connect() as connection:
        found, moved = owners.give_back(connection, integration, liability, by, reason)
    answer = {"integration_id": integration, "classes": [found.as_dict()], "to_enter_in_the_pos": moved}

    def show() -> None:
        _table(integration, [found])
        table(
            "To be entered in the POS",
            ["record", "amount", "balance now", "reference", "at"],
            [
                [
                    m["source_key"] or m["id"],
                    _shown(m["amount"], found.unit),
                    _shown(m["balance"], found.unit),
                    m["reference"],
                    _minute(m["occurred_at"]),
                ]
                for m in moved
            ],
        )
        out.print("`aura-migration liabilities thaw` lets the POS redeem again.", markup=False)

    emit(answer, as_json, show)


def _show(integration: int, found: list[Ownership], as_json: bool) -> None:
    answer = {"integration_id": integration, "classes": [one.as_dict() for one in found]}
    emit(answer, as_json, lambda: _table(integration, found))


def _table(integration: int, found: list[Ownership]) -> None:
    table(
        f"Integration {integration}: who redeems",
        ["class", "owner", "since", "rows", "balance", "ledger rows", "difference"],
        [
            [
                o.liability,
                o.owner,
                _minute(o.since),
                o.rows,
                _shown(o.balance, o.unit) if o.rows else "",
                o.ledger_rows,
                "" if o.ledger_difference is None else _shown(o.ledger_difference, o.unit),
            ]
            for o in found
        ],
    )


def _shown(amount: int, unit: str) -> str:
    return f"{show_owed(amount, unit)} {unit}".strip()


def _minute(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if at else ""


COMMANDS = (liabilities,)
