"""The command that finds one order, card or guest on both sides."""

from __future__ import annotations

import json
from datetime import datetime

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import me, open_workshop
from aura_migration.core.errors import BadInput
from aura_migration.migration import audit
from aura_migration.migration.lookup import Kind, Wanted, look_up


@click.command()
@click.option("--pos-id", help="The POS's id of anything: an item, an order, a payment.")
@click.option("--number", help="Check or receipt number; with --date that day's.")
@click.option("--card", "card", metavar="LAST4", help="Last four digits of a card; with --amount-cents and --date.")
@click.option("--amount-cents", type=click.IntRange(0), help="What was paid, in minor units, with or without the tip.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Business date.")
@click.option("--gift-card", metavar="LAST4", help="Last four digits of a gift card.")
@click.option("--phone", help="A guest's phone number.")
@click.option("--body", "with_body", is_flag=True, help="Also the POS's own record, without personal fields.")
@json_option
@answers
def lookup(
    pos_id: str | None,
    number: str | None,
    card: str | None,
    amount_cents: int | None,
    day: datetime | None,
    gift_card: str | None,
    phone: str | None,
    with_body: bool,
    as_json: bool,
) -> None:
    """Find one order, payment, card or guest on both sides, with crosswalk, journal and the POS's own answer.

    Persons are masked: what is found of a guest are orders, points and cards. Every look is noted in the audit trail.
    """
    given: dict[Kind, str | None] = {
        "pos_id": pos_id,
        "number": number,
        "card": card,
        "gift_card": gift_card,
        "phone": phone,
    }
    named = [(kind, value) for kind, value in given.items() if value is not None]
    if len(named) != 1:
        raise BadInput("Look for one thing at a time.", "Give one of --pos-id, --number, --card, --gift-card, --phone.")
    ((kind, value),) = named
    wanted = Wanted(kind, value, amount_cents, day.date() if day else None)
    workshop = open_workshop()
    with workshop.connect() as connection:
        found = look_up(workshop, connection, wanted, None, with_body=with_body)
        noted = {**wanted.told(), "hits": len(found["hits"])}
        audit.write(connection, "cli", me(), "look-up", "done", detail=noted)

    def show() -> None:
        table(
            "Found",
            ["what", "location", "POS id", "AuraConnect", "state", "written", "related"],
            [
                [
                    hit["entity"],
                    hit["location_name"] or "",
                    hit["pos"]["id"],
                    f"{hit['auraconnect']['table']} {hit['auraconnect']['id']}" if hit["auraconnect"] else "not there",
                    "; ".join(hit["quarantine"]) or (hit["pos"]["planned"] or {}).get("action", ""),
                    len(hit["journal"]),
                    len(hit["related"]),
                ]
                for hit in found["hits"]
            ],
        )
        for hit in found["hits"]:
            if hit["auraconnect"]:
                out.print(json.dumps(hit["auraconnect"]["row"], ensure_ascii=False, default=str), markup=False)
        if found["more"]:
            out.print("… and more: say it more exactly.")

    emit(found, as_json, show)


COMMANDS = (lookup,)
