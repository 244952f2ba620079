"""`cutover`: gates, waivers, signatures, scheduled orders, switching a channel, the way back, the end of a window."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import carry_out_window, me, open_workshop
from aura_migration.core.errors import BadInput, VerdictFailed
from aura_migration.cutover.gates import measure_gates
from aura_migration.cutover.open_business import decide_future_order, list_future_orders
from aura_migration.cutover.readiness import confirm_sheet
from aura_migration.cutover.reverse_entries import entries_of
from aura_migration.cutover.reversing import sign_reverse
from aura_migration.cutover.switches import signatures
from aura_migration.cutover.waivers import end_waiver, waive
from aura_migration.migration.records import get_migration
from aura_migration.migration.training.sheet import make_sheet
from aura_migration.migration.window import back_files, featuring
from aura_migration.migration.window import shown as pages
from aura_migration.migration.window.opening import get_window
from aura_migration.migration.window.signing import sign
from aura_migration.migration.window.switching import keep_way_back
from aura_migration.reconcile.books import CHANNELS

by_option = click.option("--by", "by", default=me, metavar="NAME", help="Who does it; default is this machine's user.")
reason_option = click.option("--reason", default="", help="Why, without naming guests; kept for ever as typed.")
migration_argument = click.argument("migration", type=int)
channel_argument = click.argument("channel", type=click.Choice(list(CHANNELS)))


@click.group()
def cutover() -> None:
    """Switch a location to AuraConnect channel by channel: online, in_house, reporting; time_clock on its own.

    The way of a channel: gates → waive what may be waived → sign (two people) → switch. `abort` takes back a switch that is
    under way, `reverse` gives every channel back and ends the window, `complete` ends it for good.
    """


@cutover.command("gates")
@migration_argument
@channel_argument
@json_option
@answers
def gates(migration: int, channel: str, as_json: bool) -> None:
    """Every gate of a channel's switch with number, age, owner and remedy. Exit code 1 where one does not hold."""
    workshop = open_workshop()
    now = workshop.now()
    with workshop.connect() as connection:
        get_window(connection, migration)
        found = measure_gates(connection, migration, channel, now)
        signed = signatures(connection, migration, channel, "forward")
    told = [one.as_dict(now) for one in found]
    answer = {
        "migration_id": migration,
        "channel": channel,
        "holds": all(one.holds for one in found),
        "gates": told,
        "signatures": [{"by": one.signed_by, "gates_hash": one.gates_hash} for one in signed],
    }
    emit(
        answer,
        as_json,
        lambda: table(
            f"Gates of {channel}",
            ["gate", "is", "number", "minutes old", "owner", "remedy"],
            [
                [g["name"], g["verdict"], g["value"], g["age_minutes"], g["owner"], "" if g["holds"] else g["remedy"]]
                for g in told
            ],
        ),
    )
    lacking = [one.name for one in found if not one.holds]
    if lacking:
        raise VerdictFailed(f"{len(lacking)} gates do not hold: {', '.join(lacking)}.", "Each says what to do.")


@cutover.command("waive")
@migration_argument
@click.argument("gate")
@click.option(
    "--amount-cents", required=True, type=click.IntRange(0), help="How much money may be at stake, in minor units."
)
@click.option(
    "--until", "until", required=True, metavar="INSTANT", help="When the waiver ends (ISO 8601, with its zone)."
)
@click.option("--reason", required=True, help="Why, without naming guests; kept for ever as typed.")
@by_option
@json_option
@answers
def waive_(migration: int, gate: str, amount_cents: int, until: str, reason: str, by: str, as_json: bool) -> None:
    """Let a gate be passed for an amount and a time. Gates of liabilities and tax cannot be."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        get_window(connection, migration)
        made = waive(connection, migration, gate, by, reason, amount_cents, _instant(until), workshop.now())
    emit(made.as_dict(), as_json, lambda: out.print(f"{gate} is waived until {until}", markup=False))


@cutover.command("unwaive")
@migration_argument
@click.argument("waiver", type=int)
@by_option
@json_option
@answers
def unwaive(migration: int, waiver: int, by: str, as_json: bool) -> None:
    """End a waiver before its time: the gate is asked for again."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        end_waiver(connection, migration, waiver, by, workshop.now())
    emit({"id": waiver}, as_json, lambda: out.print(f"waiver {waiver} ended", markup=False))


@cutover.command("sign")
@migration_argument
@channel_argument
@click.option("--back", is_flag=True, help="Sign for giving the channel back to the POS.")
@by_option
@reason_option
@json_option
@answers
def sign_(migration: int, channel: str, back: bool, by: str, reason: str, as_json: bool) -> None:
    """Sign for a channel's next switch under its gates as they stand now."""
    workshop = open_workshop()
    direction = "back" if back else "forward"
    with workshop.connect() as connection:
        signed = sign(workshop, connection, migration, channel, direction, by, reason)
        who = [one.signed_by for one in signatures(connection, migration, channel, direction)]
    emit(
        {"migration_id": migration, "channel": channel, "direction": direction, "gates_hash": signed, "signed_by": who},
        as_json,
        lambda: out.print(f"{by} signed {channel} ({signed[:12]}…); signed so far: {', '.join(who)}", markup=False),
    )


@cutover.command("future-orders")
@migration_argument
@json_option
@answers
def future_orders(migration: int, as_json: bool) -> None:
    """Scheduled and catering orders on the old POS's books, each with what was decided."""
    with open_workshop().connect() as connection:
        get_window(connection, migration)
        found = [one.as_dict() for one in list_future_orders(connection, migration)]
    columns = ["order_id", "display_number", "scheduled_for", "total_cents", "paid_cents", "decision"]
    emit(
        {"migration_id": migration, "orders": found},
        as_json,
        lambda: table("Scheduled orders", columns, [[one[c] for c in columns] for one in found]),
    )


@cutover.command("decide-order")
@migration_argument
@click.argument("order", type=int)
@click.argument("decision", type=click.Choice(["stays", "reentered"]))
@click.option(
    "--deposit-cents", type=click.IntRange(0), help="What the guest paid ahead; default is what the POS shows as paid."
)
@by_option
@json_option
@answers
def decide_order(migration: int, order: int, decision: str, deposit_cents: int | None, by: str, as_json: bool) -> None:
    """Say what becomes of a scheduled order: it stays with the old POS, or is entered in AuraConnect with its deposit."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        decided = decide_future_order(
            connection, migration, order, decision, by, workshop.now(), deposit_cents=deposit_cents
        )
    emit(decided.as_dict(), as_json, lambda: out.print(f"order {order}: {decision}", markup=False))


@cutover.command("tests")
@migration_argument
@click.option("--run", "runs", is_flag=True, help="Run them now; without it the last answers are shown.")
@json_option
@answers
def tests(migration: int, runs: bool, as_json: bool) -> None:
    """Integration tests: orders to the POS and back, stock both ways, payments, reports. Exit code 1 where one fails."""
    workshop = open_workshop()
    if runs:
        carry_out_window(workshop, "integration_tests", migration, {})
    with workshop.connect() as connection:
        get_window(connection, migration)
        found = pages.tests_of(connection, migration)
    emit(
        {"migration_id": migration, "tests": found},
        as_json,
        lambda: table(
            "Integration tests",
            ["test", "passed", "number", "remedy"],
            [[one["name"], one["passed"], one["value"], one["remedy"]] for one in found],
        ),
    )
    failed = [one["name"] for one in found if one["passed"] is False]
    if failed:
        raise VerdictFailed(f"{len(failed)} integration tests fail: {', '.join(failed)}.", "Each says what to do.")


@cutover.command("switch")
@migration_argument
@channel_argument
@click.option("--force", "forced_reason", default="", metavar="REASON", help="Switch within service hours; says why.")
@json_option
@answers
def switch(migration: int, channel: str, forced_reason: str, as_json: bool) -> None:
    """Switch a channel to AuraConnect, or go on with a switch that was interrupted. Its gates must hold and be signed."""
    options: dict[str, Any] = {"channel": channel, **({"forced_reason": forced_reason} if forced_reason else {})}
    _tell(carry_out_window(open_workshop(), "switch", migration, options), as_json)


@cutover.command("abort")
@migration_argument
@reason_option
@json_option
@answers
def abort(migration: int, reason: str, as_json: bool) -> None:
    """Take back a switch that is under way: everything is as before it."""
    _tell(carry_out_window(open_workshop(), "abort", migration, {"reason": reason} if reason else {}), as_json)


@cutover.command("rehearse")
@migration_argument
@json_option
@answers
def rehearse(migration: int, as_json: bool) -> None:
    """Rehearse the way back at the level that the POS allows: write-back, import files, or a day journal. Exit code 1 where it fails."""
    answer = carry_out_window(open_workshop(), "rehearse", migration, {})
    evidence = answer["evidence"]

    def show() -> None:
        kinds = ", ".join(f"{number} {kind}" for kind, number in evidence["entries"].items())
        verdict = "passed" if answer["passed"] else "failed"
        out.print(f"The way back at level {answer['level']} ({evidence['how']}) {verdict}.", markup=False)
        out.print(f"tried: {kinds or 'nothing'}; proven: {evidence['proven']}", markup=False)
        for name, told in (("made", "files"), ("not taken by the POS, filed", "filed"), ("problem", "problems")):
            for one in evidence.get(told, ()):
                out.print(f"{name}: {one}", markup=False)

    emit(answer, as_json, show)
    if not answer["passed"]:
        raise VerdictFailed(
            "The way back failed its rehearsal.", "Each problem says what lacks; mend it, then rehearse again."
        )


@cutover.command("reverse")
@migration_argument
@click.option("--reason", required=True, help="Why, without naming guests; kept for ever as typed.")
@json_option
@answers
def reverse(migration: int, reason: str, as_json: bool) -> None:
    """Give every channel back to the POS, in reverse order, and end the window. Nothing is lost: what AuraConnect took is entered."""
    _tell(carry_out_window(open_workshop(), "reverse", migration, {"reason": reason}), as_json)


@cutover.command("sign-back")
@migration_argument
@by_option
@reason_option
@json_option
@answers
def sign_back(migration: int, by: str, reason: str, as_json: bool) -> None:
    """Sign for giving every channel that AuraConnect owns back to the POS; two people, then `reverse`."""
    with open_workshop().connect() as connection:
        get_window(connection, migration)
        signed = sign_reverse(connection, migration, by, reason)
    emit(
        {"migration_id": migration, "channels": signed},
        as_json,
        lambda: out.print(f"{by} signed the way back of {', '.join(signed) or 'no channel'}", markup=False),
    )


@cutover.command("entries")
@migration_argument
@click.option("--settle", "settles", is_flag=True, help="Put what waits into the POS, or its files, now.")
@json_option
@answers
def entries(migration: int, settles: bool, as_json: bool) -> None:
    """What happened in AuraConnect and has to stand in the old POS or its files, with what went wrong."""
    workshop = open_workshop()
    if settles:
        keep_way_back(workshop, migration)
    with workshop.connect() as connection:
        get_window(connection, migration)
        found = [
            {
                "id": one.id,
                "kind": one.kind,
                "state": one.state,
                "aura_id": one.aura_id,
                "pos_key": one.pos_key,
                "file": one.file_name,
                "problem": one.problem,
            }
            for one in entries_of(connection, migration)
        ]
    columns = ["id", "kind", "state", "aura_id", "pos_key", "file", "problem"]
    emit(
        {"migration_id": migration, "entries": found},
        as_json,
        lambda: table("Entries of the way back", columns, [[one[c] for c in columns] for one in found]),
    )


@cutover.command("features")
@migration_argument
@click.option(
    "--enable", "on", default="", metavar="FEATURE", help="Switch one on; `full_menu` lifts the limited menu."
)
@click.option("--disable", "off", default="", metavar="FEATURE", help="Switch one off.")
@by_option
@json_option
@answers
def features_(migration: int, on: str, off: str, by: str, as_json: bool) -> None:
    """What of AuraConnect is enabled at the location, with its channels or one by one, and which part of the menu it offers."""
    with open_workshop().connect() as connection, connection.transaction():
        for name, is_enabled in ((off, False), (on, True)):
            if name:
                featuring.set_feature(connection, migration, name, is_enabled, by)
        found = featuring.features_of(connection, migration)

    def show() -> None:
        rows = [[f["feature"], "yes" if f["enabled"] else "no", f["with"] or "by hand"] for f in found["features"]]
        table("Features", ["feature", "enabled", "goes with"], rows)
        limited = ", ".join(found["limited_to"])
        out.print(f"The menu is limited to {limited}." if limited else "The whole menu is offered.", markup=False)

    emit(found, as_json, show)


@cutover.command("files")
@migration_argument
@click.option("--output", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Copy them there.")
@json_option
@answers
def files_(migration: int, folder: Path | None, as_json: bool) -> None:
    """The files of the way back: what somebody enters, imports into the POS or posts, and what is done with each."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        get_window(connection, migration)
    found = back_files.listed(workshop, migration)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for one in found:
            # With its rights: balances and sales stand in them.
            shutil.copy(back_files.folder_of(workshop, migration) / one["name"], folder)

    def show() -> None:
        if not found:
            out.print("There are none: nothing that happened in AuraConnect was filed yet.", markup=False)
            return
        table(
            "Files of the way back",
            ["file", "kind", "what to do"],
            [[one["name"], one["kind"], one["how"]] for one in found],
        )
        out.print(f"in {folder or back_files.folder_of(workshop, migration)}", markup=False)

    emit({"migration_id": migration, "files": found}, as_json, show)


@cutover.command("confirm-sheet")
@migration_argument
@click.argument("staff", type=int)
@by_option
@json_option
@answers
def confirm_sheet_(migration: int, staff: int, by: str, as_json: bool) -> None:
    """Note that a staff member has read the sheet "what moved where"; the gate staff_ready asks for it."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        sheet = make_sheet(workshop, connection, migration)
        confirm_sheet(connection, migration, staff, by, workshop.now(), sheet_hash=sheet.hash)
    emit(
        {"migration_id": migration, "staff_id": staff, "sheet": sheet.hash},
        as_json,
        lambda: out.print(f"staff member {staff} has read sheet {sheet.hash[:12]}", markup=False),
    )


@cutover.command("complete")
@migration_argument
@reason_option
@json_option
@answers
def complete(migration: int, reason: str, as_json: bool) -> None:
    """End the window for good. Refused while anything is open at the old POS."""
    _tell(carry_out_window(open_workshop(), "complete", migration, {"reason": reason} if reason else {}), as_json)


@cutover.command("paper")
@migration_argument
@click.argument("kind", type=click.Choice(["daily", "go_no_go"]))
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Of which business date; default is the newest there is."
)
@click.option(
    "--out", "folder", type=click.Path(path_type=Path), default=Path(), metavar="DIR", help="Where to write it."
)
@json_option
@answers
def paper(migration: int, kind: str, day: datetime | None, folder: Path, as_json: bool) -> None:
    """Write the daily check-in or the go/no-go page as HTML and PDF."""
    with open_workshop().connect() as connection:
        get_migration(connection, migration)
        row = connection.execute(
            "SELECT business_date, html, pdf FROM migration.check_ins WHERE migration_id = %s AND kind = %s "
            "AND (%s::date IS NULL OR business_date = %s) ORDER BY business_date DESC LIMIT 1",
            [migration, kind, day, day],
        ).fetchone()
    if row is None:
        raise BadInput(
            f"No {kind} paper of migration {migration} was made.",
            f"`aura-migration window reconcile {migration}` makes them.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for ending, body in (("html", row[1]), ("pdf", row[2])):
        if body is not None:
            path = folder / f"{kind}-{migration}-{row[0]}.{ending}"
            path.write_bytes(bytes(body))
            written.append(str(path))
    emit({"files": written}, as_json, lambda: out.print("\n".join(written), markup=False))


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    def show() -> None:
        for name, value in answer.items():
            if not isinstance(value, dict | list):
                out.print(f"{name.replace('_', ' ')}: {value}", markup=False)

    emit(answer, as_json, show)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no instant.", "Write it as 2026-10-01T04:30:00Z.") from error
    if found.tzinfo is None:
        raise BadInput(f"{text!r} says no time zone.", "Write it as 2026-10-01T04:30:00Z.")
    return found.astimezone(UTC)


COMMANDS = (cutover,)
