"""The commands of exports a restaurant hands over: take a file in, list what was handed over, take one back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import me, open_workshop
from aura_migration.core.errors import BadInput
from aura_migration.core.money import show_owed
from aura_migration.intake import FILE_KINDS, KINDS, mapping_schema
from aura_migration.migration.handing import hand_over, handed_files

SHOWN = 50
"""Rejected lines shown; --json has all of them."""


@click.command("import-file")
@click.argument("integration", metavar="INTEGRATION|schema")
@click.option("--kind", type=click.Choice(KINDS), help="What the file holds.")
@click.option("--file", "file", type=click.Path(path_type=Path), help="The export, as CSV.")
@click.option(
    "--mapping", "mapping", type=click.Path(path_type=Path), help="JSON file that says what its columns mean."
)
@click.option("--location", "key", metavar="KEY", help="The location it is of; default: the whole merchant.")
@click.option("--as-of", "as_of", metavar="TIME", help="When the export was taken; default: now.")
@click.option("--by", "by", default=me, metavar="NAME", help="Who hands it over; default is the user of this machine.")
@click.option("--check", "only_check", is_flag=True, help="Read and report only; nothing is stored.")
@json_option
@answers
def import_file(
    integration: str,
    kind: Any,
    file: Path | None,
    mapping: Path | None,
    key: str | None,
    as_of: str | None,
    by: str,
    only_check: bool,
    as_json: bool,
) -> None:
    """Take in an export for what the POS's API lacks: gift cards, loyalty, house accounts, consents, payroll.

    Without --mapping, columns are recognised by their headings; the report shows how. Lines that cannot be read go to
    quarantine with line, column and reason; a file whose headings or totals do not fit is refused whole. The next
    preview uses the newest file of each kind.

    `import-file schema` prints the JSON schema of the mapping file.
    """
    if integration == "schema":
        print(json.dumps(mapping_schema(), indent=None if as_json else 2))
        return
    if not integration.isdigit():
        raise BadInput(f"{integration!r} is not an integration.", "`aura-migration integrations` lists them.")
    if kind is None or file is None:
        raise BadInput("Say what the file is and where: --kind and --file.", "See --help.")
    report = hand_over(
        open_workshop(),
        int(integration),
        kind,
        file,
        mapping_file=mapping,
        location_key=key,
        as_of=as_of,
        by=by,
        only_check=only_check,
    )
    emit(report, as_json, lambda: _show(report))


@click.command("handed-files")
@click.argument("integration", type=int)
@click.option("--withdraw", "withdrawn", type=int, metavar="FILE", help="Take this file back: plans do without it.")
@json_option
@answers
def handed(integration: int, withdrawn: int | None, as_json: bool) -> None:
    """List the files a restaurant has handed over, or take one back."""
    files = handed_files(open_workshop(), integration, withdrawn)
    emit(
        {"integration_id": integration, "files": files},
        as_json,
        lambda: table(
            "Handed files",
            ["id", "kind", "location", "as of", "records", "rejected", "state", "by"],
            [
                [
                    f["file_id"],
                    f["kind"],
                    f["location"] or "all",
                    f["as_of"],
                    f["rows"],
                    f["rejected"],
                    f["state"],
                    f["handed_by"],
                ]
                for f in files
            ],
        ),
    )


def _show(report: dict[str, Any]) -> None:
    mapping, totals = report["mapping"], report["totals"]
    table("Columns", ["heading", "read as"], list(mapping["columns"].items()))
    if report["left_out"]:
        out.print(f"left out: {', '.join(report['left_out'])}", markup=False)
    read = [f"read as: {report['encoding']}, delimiter {report['delimiter']!r}"]
    if totals["unit"] != "lines":
        read.append(f"decimal separator {mapping['decimalSeparator']!r}, {totals['unit']}")
    if mapping["dateFormats"]:
        read.append(f"dates {', '.join(mapping['dateFormats'])}")
    if "balance" in mapping["columns"].values():
        read.append(
            f"a positive balance is what the {'holder' if mapping['sign'] == 'holder_owes' else 'restaurant'} owes"
        )
    out.print(", ".join(read), markup=False)
    out.print(
        f"{report['rows']} {FILE_KINDS[report['kind']].title}: {report['accepted']} accepted, "
        f"{report['rows'] - report['accepted']} rejected",
        markup=False,
    )
    if totals["unit"] != "lines":
        agreed = ", ".join(totals["agrees_with"]) or "nothing: the file states no totals, and none were given"
        out.print(
            f"sum {show_owed(totals['sum'], totals['unit'])} {totals['unit']}; agrees with {agreed}", markup=False
        )
    if report["unreadable_contacts"]:
        lines = report["unreadable_contacts"]
        out.print(
            f"a contact that cannot be read (kept as written, finds nobody): line {', '.join(map(str, lines[:SHOWN]))}",
            markup=False,
        )
    table(
        "Rejected lines",
        ["line", "column", "reason"],
        [[r["line"], r["column"], r["reason"]] for r in report["rejected"][:SHOWN]],
    )
    if not report["stored"]:
        out.print("Checked only; nothing was stored.", markup=False)
    elif report["is_known"]:
        out.print(f"This is file {report['file']['file_id']}, already handed over.", markup=False)
    else:
        out.print(f"Stored as file {report['file']['file_id']}; the next preview uses it.", markup=False)


COMMANDS = (import_file, handed)
