"""The commands of forgetting: erase a person, purge what is old, list and delete snapshots."""

from __future__ import annotations

from typing import Any

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import open_workshop, read_json
from aura_migration.core.errors import BadInput
from aura_migration.migration.privacy import erasure, retention
from aura_migration.migration.privacy.finding import Wanted


@click.command()
@click.option("--restaurant", "restaurant", type=int, required=True, metavar="ID", help="AuraConnect's restaurant.")
@click.option("--customer-id", "customers", type=int, multiple=True, metavar="ID", help="Id in AuraConnect.")
@click.option("--staff-id", "staff", type=int, multiple=True, metavar="ID", help="Id of an employee in AuraConnect.")
@click.option("--pos-id", "keys", multiple=True, metavar="KEY", help="The POS's id of the person.")
@click.option("--email", "emails", multiple=True, metavar="ADDRESS", help="E-mail address; better with --stdin.")
@click.option("--phone", "phones", multiple=True, metavar="NUMBER", help="Phone number; better with --stdin.")
@click.option("--employee", "is_staff", is_flag=True, help="The POS id or contact is an employee's, not a guest's.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read who it is from stdin, as JSON; see above.")
@click.option("--every", is_flag=True, help="Erase all persons the contact belongs to; without it several are refused.")
@click.option("--by", "by", required=True, metavar="NAME", help="Who erases; kept with the counts.")
@click.option("--reason", default="", help="Why, without naming the person; kept with the counts.")
@click.option("--preview", "rehearse", is_flag=True, help="Say what would be erased; change nothing.")
@json_option
@answers
def erase(
    restaurant: int,
    customers: tuple[int, ...],
    staff: tuple[int, ...],
    keys: tuple[str, ...],
    emails: tuple[str, ...],
    phones: tuple[str, ...],
    is_staff: bool,
    from_stdin: bool,
    every: bool,
    by: str,
    reason: str,
    rehearse: bool,
    as_json: bool,
) -> None:
    """Erase one person everywhere, for good: AuraConnect, everything the migration remembers, every snapshot.

    Their row stays, anonymous; points, gift cards and store credit stay without them. No later run brings them back. Give
    everything you know: id, POS id, e-mail address and phone number together are one person. The answer counts rows and
    names nobody.

    \b
    To keep contacts out of the shell's history:
      echo '{"email": "…", "phone": "…"}' | aura-migration erase --restaurant 1 --by NAME --stdin
    Fields: customer_id, staff_id, pos_id, email, phone; each one value or a list.
    """
    if customers and staff:
        raise BadInput("A guest and an employee are erased one after the other.", "Give --customer-id or --staff-id.")
    wanted = Wanted(
        subject="staff" if staff or is_staff else "customers",
        aura_ids=(*customers, *staff),
        keys=keys,
        emails=emails,
        phones=phones,
        every=every,
    )
    if from_stdin:
        wanted = erasure.parsed(read_json("-", "particulars"), wanted)
    done = erasure.erase(open_workshop(), restaurant, wanted, by, reason, rehearse=rehearse)
    answer = {"preview": rehearse, **done.as_dict()}
    emit(answer, as_json, lambda: _show_erased(answer))


def _show_erased(answer: dict[str, Any]) -> None:
    title = "Would be cleared" if answer["preview"] else "Cleared"
    table(title, ["where", "rows"], list(answer["rows"].items()))
    for plan in answer["plans_to_make_anew"]:
        out.print(f"Plan {plan} held the person and has lost its approval: preview again.", markup=False)


@click.command()
@click.option("--older-than", "days", type=int, required=True, metavar="DAYS", help="Ended more than so many days ago.")
@click.option("--preview", "rehearse", is_flag=True, help="Say what would go; change nothing.")
@json_option
@answers
def purge(days: int, rehearse: bool, as_json: bool) -> None:
    """Remove personal data of migrations that ended long ago: their snapshots, staged rows, and what their plans said.

    A migration that goes on keeps what it needs. Run it daily from your scheduler with the period your law or contract names.
    """
    done = retention.purge(open_workshop(), days, rehearse=rehearse)
    answer = {"preview": rehearse, **done.as_dict()}
    emit(answer, as_json, lambda: _show_purged(answer))


def _show_purged(answer: dict[str, Any]) -> None:
    for name, word in (("migrations", "Ended migrations"), ("snapshots", "Snapshots")):
        out.print(f"{word}: {', '.join(map(str, answer[name])) or 'none'}", markup=False)
    table("Would be removed" if answer["preview"] else "Removed", ["what", "number"], list(answer["rows"].items()))
    for line in answer["left"]:
        out.print(f"left: {line}", markup=False)


@click.group()
def snapshots() -> None:
    """The raw exports: list them, delete one, remove what no snapshot uses any more."""


@snapshots.command("list")
@click.option("--integration", type=int, help="Only this integration's.")
@json_option
@answers
def snapshots_list(integration: int | None, as_json: bool) -> None:
    """All snapshots, when they were taken, where they lie and which migrations stand on them."""
    with open_workshop().connect() as connection:
        found = retention.known_snapshots(connection, integration)
    emit(
        {"snapshots": found},
        as_json,
        lambda: table(
            "Snapshots",
            ["id", "integration", "of", "state", "taken", "used by migrations"],
            [
                [
                    s["id"],
                    s["integration_id"],
                    s["location_key"] or s["scope"],
                    s["state"],
                    s["taken_at"][:19].replace("T", " "),
                    ", ".join(map(str, s["migrations"])),
                ]
                for s in found
            ],
        ),
    )


@snapshots.command("delete")
@click.argument("snapshot", type=int)
@json_option
@answers
def snapshots_delete(snapshot: int, as_json: bool) -> None:
    """Delete a snapshot that no migration stands on, and the stored bodies that only it used."""
    freed = retention.remove_snapshot(open_workshop(), snapshot)
    emit({"snapshot": snapshot, **freed}, as_json, lambda: _show_freed(freed))


@snapshots.command("collect-garbage")
@json_option
@answers
def snapshots_collect_garbage(as_json: bool) -> None:
    """Remove stored bodies that no snapshot names: of exports that were given up, and leftovers of kills."""
    freed = retention.sweep_store(open_workshop())
    emit(freed, as_json, lambda: _show_freed(freed))


def _show_freed(freed: dict[str, int]) -> None:
    out.print(f"Removed: {freed['manifests']} manifests, {freed['bodies']} bodies, {freed['leftovers']} leftovers.")


COMMANDS = (erase, purge, snapshots)
