"""`report`: what a migration did and found, as files for people without the tool."""

from __future__ import annotations

from pathlib import Path

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import open_workshop
from aura_migration.migration.reports import KINDS, write_report


@click.command()
@click.argument("migration", type=int)
@click.option(
    "--out", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Where to; default is the data folder."
)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this part (repeatable).")
@json_option
@answers
def report(migration: int, folder: Path | None, kinds: tuple[str, ...], as_json: bool) -> None:
    """Write a migration's report: one self-contained index.html and a CSV per part.

    Scorecard, gates, records, differences, quarantine, losses, profiles that are one person or might be, who would lose
    points, what is owed on both sides, consents, roles to review. Of orders: sales by day and hour, product mix, categories,
    tenders, taxes, channels, discounts, staff, with charts on the page. Persons appear masked: initials, the first letters of
    an address, the last two digits of a number, the last four of a card.
    """
    answer = write_report(open_workshop(), migration, folder, kinds)

    def show() -> None:
        table("Written", ["part", "rows"], [[one["kind"], one["rows"]] for one in answer["files"]])
        out.print(answer["page"], markup=False)

    emit(answer, as_json, show)


COMMANDS = (report,)
