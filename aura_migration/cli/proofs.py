"""The commands that prove something by other means: that a snapshot is a backup, that the POS's own report agrees."""

from __future__ import annotations

import sys

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import open_workshop
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


COMMANDS = (restore,)
