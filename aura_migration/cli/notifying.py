"""The commands of notifications: who is told what, and sending what waits."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import me, open_workshop
from aura_migration.core.errors import BadInput
from aura_migration.migration import notifying


@click.group()
def notify() -> None:
    """Notifications: who is told of failed runs, waiting approvals, gates that turned and accounts to reconnect."""


@notify.group()
def targets() -> None:
    """Targets: addresses in Apprise's notation (mailto://, slack://, msteams://, json:// …)."""


def read_secret(source: str, what: str) -> str:
    """The text of a file, or of stdin for ``-``. Errors never quote it."""
    try:
        return (sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The {what} cannot be read from {source}: {type(error).__name__}.", "Check the path.") from None


def _found(given: str) -> int | str:
    return int(given) if given.isdecimal() else given


@targets.command("add")
@click.argument("name")
@click.option(
    "--url-file",
    required=True,
    metavar="FILE",
    help="File with the address, `-` for stdin: it may hold secrets, which do not belong on a command line.",
)
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(list(notifying.EVENTS)),
    help="What is told; may be repeated. Without it: everything.",
)
@click.option("--restaurant", type=int, metavar="ID", help="Of this restaurant only. Without it: of all.")
@json_option
@answers
def add(name: str, url_file: str, events: tuple[str, ...], restaurant: int | None, as_json: bool) -> None:
    """Set up a target; it is told what happens from now on.

    The address is stored sealed and shown by its scheme only. `notify targets test` sends a message to it.
    """
    url = read_secret(url_file, "address")
    workshop = open_workshop()
    with workshop.connect() as connection:
        made = notifying.add_target(workshop, connection, name, url, me(), events, restaurant)
    emit(
        made.as_dict(),
        as_json,
        lambda: out.print(f"Target {made.id} ({made.name}) is told: {', '.join(made.events)}.", markup=False),
    )


@targets.command("list")
@json_option
@answers
def list_(as_json: bool) -> None:
    """List the targets, with what each is told; never their addresses."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        found = notifying.list_targets(workshop, connection)
    emit(
        {"targets": [target.as_dict() for target in found]},
        as_json,
        lambda: table(
            "Targets",
            ["id", "name", "address", "is told", "restaurant", "set up by"],
            [[t.id, t.name, t.url, ", ".join(t.events), t.restaurant_id or "all", t.created_by] for t in found],
        ),
    )


@targets.command("remove")
@click.argument("target")
@json_option
@answers
def remove(target: str, as_json: bool) -> None:
    """Forget a target, named by id or name, with its address and what it was told."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        found = notifying.find_target(workshop, connection, _found(target))
        notifying.remove_target(connection, found.id)
    emit({"removed": found.id}, as_json, lambda: out.print(f"Target {found.name} is removed.", markup=False))


@targets.command("test")
@click.argument("target")
@json_option
@answers
def test(target: str, as_json: bool) -> None:
    """Send a target, named by id or name, a message that says it works."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        found = notifying.find_target(workshop, connection, _found(target))
        notifying.send_test(workshop, connection, found.id)
    emit({"sent": found.id}, as_json, lambda: out.print(f"{found.name} has accepted the message.", markup=False))


@notify.command("send")
@json_option
@answers
def send(as_json: bool) -> None:
    """Look for what there is to tell and send what is due, as the daemon does every few seconds.

    Nothing is told twice, also while the daemon runs. What is not accepted is tried again later, ten times in all.
    """
    workshop = open_workshop()
    with workshop.connect() as connection:
        queued = notifying.gather(connection, workshop.settings.public_url)
    told = notifying.send_due(workshop)
    emit(
        {"queued": queued, **told.as_dict()},
        as_json,
        lambda: out.print(f"{queued} queued, {told.sent} sent, {told.waiting} wait, {told.failed} given up."),
    )


COMMANDS = (notify,)
