"""The command group, what all commands share, and the one place where an error becomes an exit code."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

from aura_migration.cli import (
    accounting,
    accounts,
    cutover,
    decisions,
    demo,
    handed,
    journey,
    keys,
    liabilities,
    lookup,
    notifying,
    output,
    privacy,
    proofs,
    replaying,
    reports,
    steering,
    system,
    tokens,
    trail,
    training,
    webhooks,
    window,
)
from aura_migration.core.errors import AuraError
from aura_migration.database.faults import presentable
from aura_migration.settings import load_settings

INTERRUPTED = 130
"""What a shell expects of a command ended by Ctrl-C."""


class Grouped(click.Group):
    """Lists its commands in the order of the journey, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands as they were added."""
        return list(self.commands)


@click.group(cls=Grouped, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="aura-migration")
def cli() -> None:
    """Move restaurants from Toast, Clover and Square to AuraConnect, and prove that nothing was lost.

    The way of one location: connect → preflight → audit → preview → approve → run → verify; rollback takes it back.
    Start with `aura-migration demo`: it runs the whole way on local stand-ins of the three POS.

    Exit codes: 0 ok · 1 verdict failed or plan moved · 2 bad input · 3 environment.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if not sys.warnoptions:  # Dagster's notes on its own parameters' maturity are for developers
        warnings.simplefilter("ignore")


for command in (
    *demo.COMMANDS,
    *journey.COMMANDS,
    *accounts.COMMANDS,
    *steering.COMMANDS,
    *decisions.COMMANDS,
    *handed.COMMANDS,
    *liabilities.COMMANDS,
    *reports.COMMANDS,
    *training.COMMANDS,
    *window.COMMANDS,
    *cutover.COMMANDS,
    *lookup.COMMANDS,
    *webhooks.COMMANDS,
    *notifying.COMMANDS,
    *accounting.COMMANDS,
    *proofs.COMMANDS,
    *replaying.COMMANDS,
    *privacy.COMMANDS,
    *keys.COMMANDS,
    *tokens.COMMANDS,
    *system.COMMANDS,
):
    cli.add_command(command)
trail.note_changes(cli)


def run(arguments: Sequence[str]) -> int:
    """Run the command on these arguments and return its exit code. With ``--json`` every end is one JSON document."""
    as_json = "--json" in arguments
    try:
        for name in load_settings().unrecognised:
            output.err.print(
                f"warning: {name} is set but means nothing here; see `aura-migration env --help`.", markup=False
            )
        code = cli.main(args=list(arguments), prog_name="aura-migration", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        if as_json:
            print(json.dumps({"error": "BadInput", "what": error.format_message(), "remedy": "See --help."}))
        error.show()
        return 2
    except AuraError as error:
        output.say_error(error, as_json)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        output.err.print("Interrupted; what was done so far is kept.", markup=False)
        return INTERRUPTED
    except Exception as error:  # the database went away, or a defect: never let it pass for a verdict (1)
        fault = presentable(error, _data_dir())
        output.say_error(fault, as_json)
        return fault.exit_code


def _data_dir() -> Path | None:
    try:
        return load_settings().data_dir
    except AuraError:  # settings that cannot be read are reported by whatever needed them
        return None


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))
