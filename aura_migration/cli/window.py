"""`window`: both systems side by side — opening, following the POS, the judged days, the accountant's sheet, the papers."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from aura_migration.canonical.window import parse_policy
from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import carry_out_window, me, open_workshop, read_json
from aura_migration.core.errors import BadInput, VerdictFailed
from aura_migration.migration.integrations import get_location
from aura_migration.migration.records import get_migration
from aura_migration.migration.window import opening
from aura_migration.migration.window import shown as pages
from aura_migration.migration.window.opening import Window, end_window, get_window
from aura_migration.migration.window.signing import answer_for, business_today
from aura_migration.reconcile.known import end_rule
from aura_migration.reconcile.sheet import sheet_csv

by_option = click.option("--by", "by", default=me, metavar="NAME", help="Who does it; default is this machine's user.")
reason_option = click.option("--reason", default="", help="Why, without naming guests; kept for ever as typed.")
migration_argument = click.argument("migration", type=int)
at_option = click.option(
    "--now", "now", default=None, metavar="INSTANT", help="The business instant to act at (ISO 8601); default is now."
)


@click.group()
def window() -> None:
    """Run the POS and AuraConnect side by side, compare every business date, follow what changes at the POS.

    The way: open → follow and reconcile (the schedules of `up` do both) → `cutover` switches channel by channel.
    """


@window.command("open")
@migration_argument
@click.option(
    "--days", default=30, show_default=True, type=click.IntRange(1, 366), help="How many business dates it lasts."
)
@click.option(
    "--first-day", type=click.DateTime(["%Y-%m-%d"]), help="First business date compared; default is the present one."
)
@click.option("--policy", "policy_file", metavar="FILE", help="A policy as JSON, or - for stdin; see docs/window.md.")
@click.option("--contact", "contact_name", default="", metavar="NAME", help="The specialist who answers for it.")
@click.option("--phone", default="", help="Where the specialist is reached, also at night.")
@click.option("--email", default="", help="Where the specialist is written to.")
@click.option("--pilot", is_flag=True, help="This location goes first.")
@by_option
@json_option
@answers
def open_(
    migration: int,
    days: int,
    first_day: datetime | None,
    policy_file: str | None,
    contact_name: str,
    phone: str,
    email: str,
    pilot: bool,
    by: str,
    as_json: bool,
) -> None:
    """Begin: the POS keeps every channel, AuraConnect follows it and takes no order. Needs a verdict that passed."""
    if (phone or email) and not contact_name:
        raise BadInput("A phone number or an address belongs to a name.", "Give --contact NAME.")
    contact = {"name": contact_name, "phone": phone, "email": email} if contact_name else {}
    found = opening.open_window(
        open_workshop(),
        migration,
        by,
        first_day=first_day.date() if first_day else None,
        planned_days=days,
        policy=parse_policy(read_json(policy_file, "policy"), "policy") if policy_file else None,
        contact=contact,
        is_pilot=pilot,
    )
    _say(found, as_json)


@window.command("show")
@migration_argument
@json_option
@answers
def show(migration: int, as_json: bool) -> None:
    """Everything about a window: channels, days, coverage, gates of the next channel, what waits, what was switched."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        page = pages.window_page(workshop, connection, migration)

    def tell() -> None:
        told = page["window"]
        out.print(
            f"{told['location']}: {told['phase']}, {told['first_day']} to {told['last_day']}"
            + (f"; asks {told['contact']['name']}" if told["contact"] else "; nobody answers for it yet"),
            markup=False,
        )
        table(
            "Channels",
            ["channel", "book", "AuraConnect takes it"],
            [[c["channel"], c["book"], c["accepts"]] for c in page["channels"]],
        )
        _days(page["days"])
        if page["gates"]:
            _gates(page["next_channel"], page["gates"])
        waiting = [d for d in page["drift"] if d["state"] == "waiting"]
        if waiting:
            out.print(
                f"{len(waiting)} changes at the POS wait: `aura-migration window drift {migration}`", markup=False
            )

    emit(page, as_json, tell)


@window.command("extend")
@migration_argument
@click.option("--days", required=True, type=click.IntRange(1, 365), help="So many business dates more.")
@by_option
@reason_option
@json_option
@answers
def extend(migration: int, days: int, by: str, reason: str, as_json: bool) -> None:
    """Let a window last longer, up to a year in all; what was judged stays."""
    with open_workshop().connect() as connection:
        _say(opening.extend_window(connection, migration, days, by, reason), as_json)


@window.command("contact")
@migration_argument
@click.option("--name", required=True, help="The specialist who answers for the migration.")
@click.option("--phone", default="", help="Where, also at night.")
@click.option("--email", default="", help="Where to write.")
@click.option("--hours", default="", help="When the specialist is there.")
@click.option("--second", default="", help="Who answers else.")
@by_option
@json_option
@answers
def contact(migration: int, name: str, phone: str, email: str, hours: str, second: str, by: str, as_json: bool) -> None:
    """Name who answers for the migration, by day and by night, and who answers else."""
    told = {"name": name, "phone": phone, "email": email, "hours": hours, "second": second}
    with open_workshop().connect() as connection:
        _say(opening.name_contact(connection, migration, {k: v for k, v in told.items() if v}, by), as_json)


@window.command("policy")
@migration_argument
@click.option(
    "--set", "policy_file", metavar="FILE", help="The new policy as JSON, or - for stdin; without it, it is shown."
)
@by_option
@reason_option
@json_option
@answers
def policy(migration: int, policy_file: str | None, by: str, reason: str, as_json: bool) -> None:
    """Show or replace what the window goes by: how changes are followed, when a day is clean, what a switch asks for."""
    with open_workshop().connect() as connection:
        found = get_window(connection, migration)
        if policy_file is not None:
            new = parse_policy(read_json(policy_file, "policy"), "policy")
            found = opening.set_policy(connection, migration, new, by, reason)
    rules = found.rules.model_dump(mode="json", by_alias=True)

    def tell() -> None:
        rows = [
            [f"{part}.{name}", value]
            for part, fields in rules.items()
            if isinstance(fields, dict)
            for name, value in fields.items()
        ]
        table("Policy", ["field", "value"], [*rows, *([n, v] for n, v in rules.items() if not isinstance(v, dict))])

    emit(rules, as_json, tell)


@window.command("follow")
@migration_argument
@click.option("--setup", is_flag=True, help="Read menu, people and rules too, although they are not due.")
@at_option
@json_option
@answers
def follow(migration: int, setup: bool, now: str | None, as_json: bool) -> None:
    """Read what the POS has since: sales are written at once, the menu as the policy says."""
    answer = carry_out_window(open_workshop(), "follow", migration, _options(now, setup=setup))

    def tell() -> None:
        out.print(f"orders: {answer['orders']}; menu, people and rules: {answer['setup']}", markup=False)
        if answer["counts"]:
            table("Written", ["what", "rows"], [[name, n] for name, n in answer["counts"].items()])
        if answer["waiting"]:
            out.print(
                f"{answer['waiting']} changes wait for an approval: `aura-migration window drift {migration}`, then "
                f"`approve {migration} --plan-hash {answer['plan_hash']} --by NAME`",
                markup=False,
            )

    emit(answer, as_json, tell)


@window.command("reconcile")
@migration_argument
@at_option
@json_option
@answers
def reconcile(migration: int, now: str | None, as_json: bool) -> None:
    """Judge the business dates that are due. Exit code 1 where one is different."""
    workshop = open_workshop()
    answer = carry_out_window(workshop, "reconcile", migration, _options(now))
    with workshop.connect() as connection:
        days = pages.days_of(connection, migration)
    emit({**answer, "window": days}, as_json, lambda: _days(days))
    different = [day["date"] for day in answer["days"] if day["verdict"] == "different"]
    if different:
        raise VerdictFailed(
            f"{', '.join(different)}: the two systems differ.",
            f"`aura-migration window day {migration} {different[0]}` shows each difference with its cause.",
        )


@window.command("day")
@migration_argument
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@json_option
@answers
def day(migration: int, day: datetime, as_json: bool) -> None:
    """One business date: both sides' figures, causes and each difference."""
    with open_workshop().connect() as connection:
        found = pages.day_of(connection, migration, day.date())
    if found is None:
        raise BadInput(
            f"{day.date()} of migration {migration} was not judged.",
            "`aura-migration window reconcile` judges what is due.",
        )

    def tell() -> None:
        _days([found])
        table(
            "Figures",
            ["figure", "POS", "AuraConnect", "difference"],
            [[n, f.get("pos"), f.get("aura"), f.get("difference")] for n, f in found["figures"].items()],
        )
        table(
            "Causes",
            ["cause", "orders", "cents", "explained"],
            [[c["cause"], c["orders"], c["cents"], c["is_explained"]] for c in found["causes"]],
        )
        table(
            "Differences",
            ["order", "cause", "part", "status", "cents"],
            [[f["order_key"], f["cause"], f["part"], f["status"], f["cents"]] for f in found["findings"]],
        )
        for reason in found["reasons"]:
            out.print(f"  {reason}", markup=False)

    emit(found, as_json, tell)


@window.command("sheet")
@migration_argument
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE", help="Write it as CSV.")
@json_option
@answers
def sheet(migration: int, csv_file: Path | None, as_json: bool) -> None:
    """The consolidated daily sheet: every sale of the window once, whichever system took it."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        found = get_migration(connection, migration)
        today = business_today(workshop, connection, migration)
        days = pages.sheet_of(connection, found, get_window(connection, migration), today)
        currency = get_location(connection, found.location_key).source.currency
    if csv_file is not None:
        csv_file.write_text(sheet_csv(days, currency), encoding="utf-8")
    rows = [pages.sheet_row(one) for one in days]
    columns = list(pages.SHEET_COLUMNS)
    emit(
        {"migration_id": migration, "days": rows, **({"file": str(csv_file)} if csv_file else {})},
        as_json,
        lambda: table("Consolidated daily sheet (minor units)", columns, [[row[c] for c in columns] for row in rows]),
    )


@window.command("drift")
@migration_argument
@json_option
@answers
def drift(migration: int, as_json: bool) -> None:
    """What was changed at the POS since it was loaded, and whether it waits for an approval."""
    with open_workshop().connect() as connection:
        get_window(connection, migration)
        rows = pages.drift_of(connection, migration)
    emit(
        {"migration_id": migration, "drift": rows},
        as_json,
        lambda: table(
            "Changed at the POS",
            ["state", "entity", "name", "changes", "plan"],
            [
                [
                    r["state"],
                    r["entity"],
                    r["label"] or r["source_key"],
                    "; ".join(f"{n}: {a} → {b}" for n, (a, b) in r["changes"].items()),
                    r["plan_hash"],
                ]
                for r in rows
            ],
        ),
    )


@window.command("end")
@migration_argument
@by_option
@reason_option
@json_option
@answers
def end(migration: int, by: str, reason: str, as_json: bool) -> None:
    """End a window before any channel was switched: the migration stands, the POS keeps everything."""
    _say(end_window(open_workshop(), migration, by, reason), as_json)


@window.group("known")
def known() -> None:
    """Differences that somebody has looked into and answers for, until they expire."""


@known.command("add")
@migration_argument
@click.option("--cause", required=True, help="Which cause it explains.")
@click.option(
    "--match",
    "matches",
    multiple=True,
    metavar="NAME=VALUE",
    help="What a difference must be (repeatable): part, tender, tax, item, discount.",
)
@click.option("--owner", required=True, help="Who answers for it.")
@click.option(
    "--max-cents", required=True, type=click.IntRange(1), help="The most it explains per order, in minor units."
)
@click.option(
    "--until", "until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last business date it holds."
)
@by_option
@click.option("--reason", required=True, help="Why, without naming guests.")
@json_option
@answers
def known_add(
    migration: int,
    cause: str,
    matches: tuple[str, ...],
    owner: str,
    max_cents: int,
    until: datetime,
    by: str,
    reason: str,
    as_json: bool,
) -> None:
    """Explain differences of a kind from now on."""
    given = {"cause": cause, **dict(_pair(one) for one in matches)}
    workshop = open_workshop()
    with workshop.connect() as connection:
        made = answer_for(
            workshop, connection, migration, given,
            reason=reason, owner=owner, max_cents=max_cents, expires_on=until.date(), by=by,
        )  # fmt: skip
    emit({"id": made.id}, as_json, lambda: out.print(f"known difference {made.id}", markup=False))


@known.command("end")
@migration_argument
@click.argument("rule", type=int)
@by_option
@json_option
@answers
def known_end(migration: int, rule: int, by: str, as_json: bool) -> None:
    """No longer explain differences of that kind; dates that are final keep what it explained."""
    workshop = open_workshop()
    with workshop.connect() as connection:
        end_rule(connection, migration, rule, by, workshop.now())
    emit({"id": rule}, as_json, lambda: out.print(f"known difference {rule} ended", markup=False))


def _pair(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise BadInput(f"--match {text} is not NAME=VALUE.", "For example --match tender=cash.")
    return name, int(value) if value.lstrip("-").isdigit() else value


def _options(now: str | None, **more: Any) -> dict[str, Any]:
    if now is not None:
        try:
            instant = datetime.fromisoformat(now)
        except ValueError as error:
            raise BadInput(f"{now!r} is no instant.", "Write it as 2026-10-01T04:30:00Z.") from error
        if instant.tzinfo is None:
            raise BadInput(f"{now!r} says no time zone.", "Write it as 2026-10-01T04:30:00Z.")
    return {**({"now": now} if now else {}), **{name: value for name, value in more.items() if value}}


def _say(found: Window, as_json: bool) -> None:
    emit(
        found.as_dict(),
        as_json,
        lambda: out.print(
            f"window of migration {found.migration_id} ({found.location_key}): {found.ending or found.phase}, {found.first_day} to {found.last_day}",
            markup=False,
        ),
    )


def _days(days: list[dict[str, Any]]) -> None:
    columns = [
        "business_date",
        "verdict",
        "orders_pos",
        "orders_priced",
        "gross_cents",
        "explained_cents",
        "unexplained_cents",
        "unexplained_pct",
        "missing",
        "extra",
    ]
    table(
        "Days",
        [c.replace("_cents", "").replace("_", " ") for c in columns],
        [[_cell(one[c]) for c in columns] for one in days],
    )


def _gates(channel: str, gates: list[dict[str, Any]]) -> None:
    table(
        f"Gates of {channel}",
        ["gate", "is", "number", "remedy"],
        [[g["name"], g["verdict"], g["value"], "" if g["holds"] else g["remedy"]] for g in gates],
    )


def _cell(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


COMMANDS = (window,)
