"""The command group and what all commands share."""

from __future__ import annotations

import logging
import sys
import warnings

import click

from aura_migration.cli import demo, journey, output, system
from aura_migration.settings import load_settings


class Grouped(click.Group):
    """Lists its commands in the order of the journey, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
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
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if not sys.warnoptions:  # Dagster's notes on its own parameters' maturity are for developers
        warnings.simplefilter("ignore")


for command in (*journey.COMMANDS, *demo.COMMANDS, *system.COMMANDS):
    cli.add_command(command)


@output.answers
def _run() -> None:
    for name in load_settings().unrecognised:
        output.err.print(
            f"warning: {name} is set but means nothing here; see `aura-migration env --help`.", markup=False
        )
    cli.main(standalone_mode=True)


def main() -> None:
    """Entry point of the installed command."""
    _run()
