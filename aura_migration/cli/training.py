"""The command that writes the sheet "what moved where" for staff."""

from __future__ import annotations

from pathlib import Path

import click

from aura_migration.cli.output import answers, emit, json_option, out
from aura_migration.cli.work import open_workshop
from aura_migration.migration.training.sheet import write_sheet


@click.command("training-sheet")
@click.argument("migration", type=int)
@click.option(
    "--out", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Where to; default is the data folder."
)
@json_option
@answers
def training_sheet(migration: int, folder: Path | None, as_json: bool) -> None:
    """Write "what moved where" for staff: one page to print, readable in five minutes.

    What is missing, renamed, in another category, asks other questions or costs something else, best sellers first; what sells
    best and where it stands; the words that changed. The console times people through it and five tasks.
    """
    sheet, path = write_sheet(open_workshop(), migration, folder)

    def show() -> None:
        for line in sheet.as_dict()["text"]:
            out.print(line, markup=False)
        out.print(f"\nPage: {path}", markup=False)

    emit({**sheet.as_dict(), "page": str(path)}, as_json, show)


COMMANDS = (training_sheet,)
