"""The command that rings past orders up again."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import open_workshop
from aura_migration.core.errors import BadInput
from aura_migration.core.money import show as money
from aura_migration.migration.replaying import replay as replay_past
from aura_migration.verify.replay.rung import Span
from aura_migration.verify.replay.verdict import as_dict

DAY = click.DateTime(["%Y-%m-%d"])


@click.command("replay")
@click.argument("migration", type=int)
@click.option("--orders", type=click.IntRange(1), metavar="N", help="The last N orders.")
@click.option("--days", type=click.IntRange(1), metavar="N", help="The N days up to the last order.")
@click.option("--from", "since", type=DAY, metavar="DATE", help="Business dates from this one on.")
@click.option("--to", "until", type=DAY, metavar="DATE", help="Business dates up to this one.")
@json_option
@answers
def replay(
    migration: int,
    orders: int | None,
    days: int | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Ring past orders up again on the migrated menu and rules, and compare with what was charged.

    For each order: can it be rung up at all (item, size, options, limits), and do prices, discounts, charges, taxes and the total
    come to the same cents? An order is identical, explained (a price that changed on a date, a tax holiday, a discount given by
    hand: each with a proof from other orders), not comparable (with the reason), or different. Differences are gathered by cause,
    most money first, with examples and what to correct.

    Without a span the one of the options is replayed (the last 2,000 orders), which decides the gate orders_replay_identically; any
    other span is a look. Asks no POS and writes nothing but the result. Exit code 1 when an order is different.
    """
    span = _span(orders, days, since, until)
    replayed = replay_past(open_workshop(), migration, span)
    told = as_dict(replayed)
    currency = replayed.book.currency if replayed.book is not None else "USD"

    def show() -> None:
        _show(told, currency)

    emit(told, as_json, show)
    if told["passed"] is False:
        sys.exit(1)


def _span(orders: int | None, days: int | None, since: datetime | None, until: datetime | None) -> Span | None:
    dated = since is not None or until is not None
    if sum((orders is not None, days is not None, dated)) > 1:
        raise BadInput("--orders, --days and --from/--to exclude each other.", "Give one of them.")
    if since is not None and until is not None and until < since:
        raise BadInput("--to is before --from.", "Exchange them.")
    if orders is None and days is None and not dated:
        return None
    return Span(orders, days, since.date() if since else None, until.date() if until else None)


def _show(told: dict[str, Any], currency: str) -> None:
    if not told["orders"]:
        out.print(f"There is no order to replay in {told['span']}.", markup=False)
        return
    table(
        f"{told['orders']:,} orders, {told['from']} to {told['to']}",
        ["class", "orders", "%"],
        [
            [name.replace("_", " "), f"{count:,}", f"{100 * count / told['orders']:.1f}"]
            for name, count in told["classes"].items()
        ],
    )
    if told["explained"]:
        table(
            "Explained",
            ["cause", "orders", currency, "proof"],
            [
                [one["cause"].replace("_", " "), f"{one['orders']:,}", money(one["cents"], currency), one["proof"]]
                for one in told["explained"]
            ],
        )
    if told["not_comparable"]:
        table(
            "Not comparable",
            ["orders", "why"],
            [[f"{one['orders']:,}", one["why"]] for one in told["not_comparable"]],
        )
    if told["clusters"]:
        table(
            "Different",
            ["orders", currency, "what", "examples", "what to do"],
            [
                [
                    f"{one['orders']:,}",
                    money(one["cents"], currency),
                    one["title"],
                    ", ".join(f"{each['order']} ({each['day']})" for each in one["examples"][:3]),
                    one["remedy"],
                ]
                for one in told["clusters"]
            ],
        )
    if told["inferred_policy"]:
        value = {name: each for name, each in told["inferred_policy"]["value"].items() if name != "name"}
        evidence = told["inferred_policy"]["evidence"]
        out.print(
            f"The history shows another way of calculating than assumed: {value} ({evidence['orders_for']:,} orders for, "
            f"{evidence['orders_against']:,} against). Set it as pricing.policy.",
            markup=False,
        )
    verdict = "every order is identical, explained or not comparable" if told["passed"] else "orders differ"
    out.print(f"{verdict[0].upper()}{verdict[1:]}.", markup=False)


COMMANDS = (replay,)
