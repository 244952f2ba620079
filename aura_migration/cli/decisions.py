"""The commands of what people decide: conflicts, quarantine, and the options file of a preview."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aura_migration.canonical.options import load_options, options_schema
from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import me, open_workshop, plan_again, read_json, show_plans
from aura_migration.core.clock import business_now
from aura_migration.core.errors import BadInput
from aura_migration.migration import decide
from aura_migration.migration.records import get_migration
from aura_migration.migration.spans import require_past
from aura_migration.settings import load_settings


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
    with open_workshop().connect() as connection:
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
@click.option("--entity", required=True, help="The entity the records belong to, such as items.")
@click.option("--key", "keys", multiple=True, help="Source key (repeatable); none decides all of the entity.")
@click.option("--strategy", required=True, type=click.Choice(decide.STRATEGIES), help="What happens; see above.")
@click.option("--aura-id", type=int, help="The AuraConnect record meant, where several have the name.")
@click.option("--by", "by", required=True, metavar="NAME", help="Who decides.")
@click.option("--reason", default="", help="Why, without naming guests or staff; kept for ever as typed.")
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
    workshop = open_workshop()
    with workshop.connect() as connection:
        decided = decide.decide_conflict(connection, migration, entity, list(keys), strategy, by, reason, aura_id)
        found = get_migration(connection, migration)
    plan = plan_again(workshop, found, by)
    answer = {"decided": decided, **plan}
    emit(answer, as_json, lambda: show_plans([plan]))


@click.group()
def quarantine() -> None:
    """Records that could not become rows: list them with their reasons, correct and re-run only those."""


@quarantine.command("list")
@click.argument("migration", type=int)
@json_option
@answers
def quarantine_list(migration: int, as_json: bool) -> None:
    """Records in quarantine, why, and where they stand in the snapshot."""
    with open_workshop().connect() as connection:
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
@click.option("--by", "by", default=me, metavar="NAME", help="Who corrects; default is the user of this machine.")
@json_option
@answers
def quarantine_rerun(migration: int, corrections: str | None, by: str, as_json: bool) -> None:
    """Apply corrections and plan again: only mended records change the plan, everything loaded is unchanged.

    The new plan waits for approval like any other.
    """
    workshop = open_workshop()
    if corrections:
        listed = read_json(corrections)
        if not isinstance(listed, list):
            raise BadInput("Corrections are a JSON list.", 'Each entry is {"entity", "key", "values"}.')
        with workshop.connect() as connection, connection.transaction():
            for position, entry in enumerate(listed, start=1):
                if not isinstance(entry, dict) or set(entry) != {"entity", "key", "values"}:
                    raise BadInput(
                        f"Entry {position} is not a correction.", 'Each entry is {"entity", "key", "values"}.'
                    )
                decide.correct_quarantined(connection, migration, entry["entity"], entry["key"], entry["values"], by)
    with workshop.connect() as connection:
        found = get_migration(connection, migration)
    plan = plan_again(workshop, found, by)
    emit(plan, as_json, lambda: show_plans([plan]))


@click.group()
def options() -> None:
    """The options file of a preview: scope, exclusions, conflict strategies, field mapping."""


@options.command("schema")
@json_option
def options_print_schema(as_json: bool) -> None:
    """Print the JSON schema of the options file (on one line with --json)."""
    print(json.dumps(options_schema(), indent=None if as_json else 2))


@options.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@answers
def options_check(file: Path, as_json: bool) -> None:
    """Check an options file without asking a POS; every problem with its place."""
    parsed = load_options(file)
    require_past(parsed.history, business_now(load_settings().now))
    emit(
        {"ok": True, "options": json.loads(parsed.model_dump_json(by_alias=True))},
        as_json,
        lambda: out.print(f"{file} is well formed.", markup=False),
    )


COMMANDS = (options, conflicts, quarantine)
