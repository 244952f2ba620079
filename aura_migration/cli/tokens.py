"""The command that mints a token for the API. How tokens are made and verified is in ``api/access``."""

from __future__ import annotations

from datetime import timedelta

import click

from aura_migration.cli.output import answers, emit, json_option, out
from aura_migration.cli.work import me
from aura_migration.settings import load_settings

MOST_HOURS = 24


@click.command()
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator", "approver", "admin"]),
    default="operator",
    show_default=True,
    help="What it allows; each role may do what the one before may.",
)
@click.option("--name", default=None, help="Who it stands for; the audit trail names them. Default: your login name.")
@click.option(
    "--restaurant",
    "restaurants",
    type=int,
    multiple=True,
    metavar="ID",
    help="Only this restaurant (repeatable). Default: all.",
)
@click.option("--hours", type=click.IntRange(1, MOST_HOURS), default=8, show_default=True, help="How long it holds.")
@json_option
@answers
def token(role: str, name: str | None, restaurants: tuple[int, ...], hours: int, as_json: bool) -> None:
    """Mint a bearer token for the API, in the local mode or where AURA_JWT_SECRET is set.

    \b
    export TOKEN="Authorization: Bearer $(aura-migration token --role viewer)"
    curl -H "$TOKEN" http://127.0.0.1:8400/pos/migrations
    """
    from aura_migration.api.access.roles import Role
    from aura_migration.api.access.tokens import TokenIssuer

    who = (name or me()).strip()
    minted = TokenIssuer.of(load_settings()).mint(who, [Role(role)], list(restaurants) or None, timedelta(hours=hours))
    emit(
        {"token": minted, "name": who, "role": role, "restaurants": list(restaurants) or "*", "hours": hours},
        as_json,
        lambda: out.print(minted, markup=False, soft_wrap=True),
    )


COMMANDS = (token,)
