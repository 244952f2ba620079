"""`accounting`: a location's history as the accountant needs it, in CSV files."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import open_workshop
from aura_migration.migration.accounting import accounts, files

output_option = click.option(
    "--output", "folder", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder to write to."
)


def _as_date(_: click.Context, __: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value is not None else None


def span_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--from`` and ``--to``, business dates, both in."""
    day = click.DateTime(formats=["%Y-%m-%d"])
    for name, variable, text in (
        ("--to", "last", "Last business date, that day included; default is the last there is."),
        ("--from", "first", "First business date; default is the first there is."),
    ):
        function = click.option(name, variable, type=day, callback=_as_date, metavar="DATE", help=text)(function)
    return function


@click.group()
def accounting() -> None:
    """For the accountant: journal, sales tax, adjustments to closed days and the crosswalk, as CSV files.

    All of it is read from what AuraConnect holds of the location now. Amounts are in units of its currency, days are
    business dates. docs/reports.md says what each column and each line means.
    """


@accounting.command("journal")
@click.argument("migration", type=int)
@output_option
@click.option(
    "--accounts",
    "account_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON file with your accounts; lines it does not name keep their defaults.",
)
@click.option("--own", is_flag=True, help="Only what AuraConnect took itself: what the POS's own reports do not have.")
@span_options
@json_option
@answers
def journal(
    migration: int,
    folder: Path,
    account_file: Path | None,
    own: bool,
    first: date | None,
    last: date | None,
    as_json: bool,
) -> None:
    """Write the daily journal: for every business date debits equal credits, to the cent.

    journal.csv has the entries. What the POS's own figures leave unexplained goes to a clearing account; the checks, refunds
    and payouts it comes from are in journal-differences.csv. `accounting accounts` prints an account file to begin with.
    """
    answer = files.write_journal(open_workshop(), migration, folder, account_file, first, last, own)

    def show() -> None:
        _written(answer)
        if not answer["days"]:
            out.print("No business date has entries.", markup=False)
            return
        out.print(
            f"{answer['days']} days, {answer['from']} to {answer['to']}: debits {answer['debits']} = credits "
            f"{answer['credits']} {answer['currency']}",
            markup=False,
        )
        unclear = answer["differences"]
        if unclear["documents"]:
            out.print(
                f"{unclear['documents']} documents do not add up in the POS ({unclear['amount']} {answer['currency']} in clearing)",
                markup=False,
            )

    emit(answer, as_json, show)


@accounting.command("tax")
@click.argument("migration", type=int)
@output_option
@span_options
@json_option
@answers
def tax(migration: int, folder: Path, first: date | None, last: date | None, as_json: bool) -> None:
    """Write the sales-tax sheet per day and per month: taxed, exempt, untaxed, remitted by marketplaces, and by rate."""
    answer = files.write_tax_sheet(open_workshop(), migration, folder, first, last)

    def show() -> None:
        _written(answer)
        out.print(
            f"tax {answer['tax']}, refunded {answer['tax_refunded']}, remitted by marketplaces {answer['marketplace_tax']} "
            f"{answer['currency']}",
            markup=False,
        )

    emit(answer, as_json, show)


@accounting.command("adjustments")
@click.argument("migration", type=int)
@output_option
@click.option(
    "--closed",
    required=True,
    type=click.DateTime(formats=["%Y-%m-%d"]),
    callback=_as_date,
    metavar="DATE",
    help="Books are closed up to this business date, that day included.",
)
@json_option
@answers
def adjustments(migration: int, folder: Path, closed: date, as_json: bool) -> None:
    """List what came to closed business dates after the first load: documents that are late, changed or gone.

    Each with the amount it counted with before and counts with now; a voided check counts with nothing.
    """
    answer = files.write_adjustments(open_workshop(), migration, folder, closed)

    def show() -> None:
        _written(answer)
        out.print(f"changed by {answer['change']} {answer['currency']} up to {answer['closed']}", markup=False)

    emit(answer, as_json, show)


@accounting.command("crosswalk")
@click.argument("migration", type=int)
@output_option
@json_option
@answers
def crosswalk(migration: int, folder: Path, as_json: bool) -> None:
    """Write which record of the POS is which row of AuraConnect: menu, people, orders, payments, all of them."""
    answer = files.write_crosswalk(open_workshop(), migration, folder)
    emit(answer, as_json, lambda: _written(answer))


@accounting.command("accounts")
@click.option("--schema", is_flag=True, help="The JSON Schema of the file instead of the defaults.")
@json_option
def account_file(schema: bool, as_json: bool) -> None:
    """Print the default account of each line of the journal: an account file to change and give to `journal`.

    It is JSON in any case, with --json on one line.
    """
    document = accounts.accounts_schema() if schema else accounts.default_file()
    click.echo(json.dumps(document, indent=None if as_json else 2, ensure_ascii=False))


def _written(answer: dict[str, Any]) -> None:
    table("Written", ["file", "rows"], [[one["file"], one["rows"]] for one in answer["files"]])


COMMANDS = (accounting,)
