"""The commands that prove something by other means: that a snapshot is a backup, that the POS's own report agrees."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import me, open_workshop
from aura_migration.core.errors import BadInput
from aura_migration.intake.report_import import import_report
from aura_migration.intake.report_kinds import load_report_mapping, report_schema
from aura_migration.migration.accepting import accept_migration
from aura_migration.migration.integrations import choose_locations, get_integration
from aura_migration.migration.restore import restore_check


@click.command("restore-check")
@click.argument("migration", type=int)
@click.option(
    "--store", metavar="URL", help="Prove a copy of the snapshot store at this folder or URL instead of the original."
)
@json_option
@answers
def restore(migration: int, store: str | None, as_json: bool) -> None:
    """Prove that a migration's snapshots are a backup: make its rows again, with the POS gone.

    Reads every stored body (each is checked against its hash), maps it again and compares what comes out with the plan, row
    by row. Asks no POS and writes nothing. Exit code 1 when anything differs.
    """
    restored = restore_check(open_workshop(), migration, store).as_dict()

    def show() -> None:
        table(
            "Made again from the snapshots",
            ["entity", "planned", "made again", "differing"],
            [[name, c["planned"], c["made_again"], c["differing"]] for name, c in restored["entities"].items()],
        )
        if restored["differing"]:
            table(
                "Differing",
                ["entity", "key", "what"],
                [[d["entity"], d["key"], d["what"]] for d in restored["differing"]],
            )
        stores = ", ".join(sorted({s["store"] for s in restored["snapshots"]}))
        verdict = "every row of the plan can be made again" if restored["passed"] else "rows differ"
        out.print(
            f"{restored['bodies']} bodies of {len(restored['snapshots'])} snapshots in {stores} are intact; {verdict}.",
            markup=False,
        )

    emit(restored, as_json, show)
    if not restored["passed"]:
        sys.exit(1)


@click.command()
@click.argument("migration", type=int)
@json_option
@answers
def acceptance(migration: int, as_json: bool) -> None:
    """Hold what was loaded against an acceptance suite kept in Great Expectations, and write its pages.

    Asks AuraConnect's tables by SQL, apart from everything that loaded them: amounts, limits, ledgers, identities of orders,
    consents, as many rows as the plan says. Shows how many rows, never which persons. Exit code 1 when an expectation is not met.
    """
    found = accept_migration(open_workshop(), migration)
    answer = {
        "migration_id": migration,
        "passed": found.passed,
        "page": found.page,
        "results": [dict(one) for one in found.results],
    }

    def show() -> None:
        table(
            f"Acceptance of migration {migration}",
            ["table", "expectation", "met", "rows", "unexpected"],
            [
                [r["table"], r["expectation"], "yes" if r["passed"] else "NO", r["rows"], r["unexpected"] or ""]
                for r in found.results
            ],
        )
        out.print(f"Pages: {found.page}", markup=False)

    emit(answer, as_json, show)
    if found.passed is False:
        sys.exit(1)


@click.command("report-import")
@click.argument("integration", type=int, required=False)
@click.option(
    "--location", "key", metavar="KEY", help="The location it is of; may be left out where there is only one."
)
@click.option("--file", "file", type=click.Path(path_type=Path), help="The report, as CSV.")
@click.option(
    "--mapping", "mapping", type=click.Path(path_type=Path), help="JSON file that says what its columns mean."
)
@click.option("--by", "by", default=me, metavar="NAME", help="Who hands it over; default is the user of this machine.")
@click.option("--schema", "wants_schema", is_flag=True, help="Print the JSON schema of the mapping file and stop.")
@json_option
@answers
def report_import(
    integration: int | None,
    key: str | None,
    file: Path | None,
    mapping: Path | None,
    by: str,
    wants_schema: bool,
    as_json: bool,
) -> None:
    """Take in the POS's own daily sales, tax or payment report: the third column beside both readings of its orders.

    Until a report agrees, the scorecard says "derived, not confirmed". It takes seven days with a weekend and a refund among
    them. The POS's known forms are read by their headings; a mapping file says what others mean. A file that does not fit is
    refused whole; importing days again replaces them. `verify` compares.
    """
    if wants_schema:
        print(json.dumps(report_schema(), indent=None if as_json else 2))
        return
    if integration is None or file is None:
        raise BadInput("Say whose report it is and where: INTEGRATION and --file.", "See --help.")
    workshop = open_workshop()
    with workshop.connect() as connection:
        account = get_integration(connection, integration)
        locations = choose_locations(connection, integration, (key,) if key else ())
        if len(locations) > 1:
            raise BadInput(
                f"Integration {integration} has {len(locations)} locations.",
                "Say which one the report is of: --location KEY.",
            )
        found = import_report(
            connection, locations[0].key, account.pos, file, load_report_mapping(mapping), by
        ).as_dict()

    def show() -> None:
        table("Columns", ["heading", "read as"], list(found["columns"].items()))
        if found["left_out"]:
            out.print(f"left out: {', '.join(found['left_out'])}", markup=False)
        table("Totals of the file", ["figure", "minor units, or number"], list(found["totals"].items()))
        out.print(
            f"{found['days']} days of {found['location']}, {found['first_day']} to {found['last_day']}: {found['values']} "
            f"figures stored, {found['replaced']} of them in place of earlier ones. `aura-migration verify` compares them.",
            markup=False,
        )

    emit(found, as_json, show)


COMMANDS = (acceptance, restore, report_import)
