"""The commands of webhooks: the key a POS signs with, and what came."""

from __future__ import annotations

from typing import Any

import click

from aura_migration.cli.notifying import read_secret
from aura_migration.cli.output import answers, emit, json_option, out, pairs, table
from aura_migration.cli.work import open_workshop
from aura_migration.core.errors import BadInput
from aura_migration.migration import webhooks as received


@click.group()
def webhooks() -> None:
    """Webhooks: what a POS tells by itself, and the keys by which that is believed."""


@webhooks.command("key")
@click.argument("integration", type=int)
@click.option(
    "--from", "source", metavar="FILE", help="File with the key the POS shows at the subscription, `-` for stdin."
)
@click.option("--remove", is_flag=True, help="Forget the key: from now on the account's webhooks are rejected.")
@json_option
@answers
def key(integration: int, source: str | None, remove: bool, as_json: bool) -> None:
    """Store the key with which the POS signs an account's webhooks, and say which address to subscribe.

    Without --from and --remove nothing is changed. Square shows a signature key, Toast a secret, and Clover an auth code
    after its handshake, whose code `webhooks list` shows. The key is stored sealed and never shown again.
    """
    if source and remove:
        raise BadInput("--from and --remove exclude each other.", "Give one of them.")
    secret = read_secret(source, "key") if source else ""
    workshop = open_workshop()
    with workshop.connect() as connection:
        if source:
            received.set_key(workshop, connection, integration, secret)
        elif remove:
            received.remove_key(connection, integration)
        told = received.subscription(workshop, connection, integration)
    emit(told, as_json, lambda: pairs(told))


@webhooks.command("list")
@click.argument("integration", type=int, required=False)
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many, newest first.")
@json_option
@answers
def list_(integration: int | None, limit: int, as_json: bool) -> None:
    """List what the POS told of an account: believed or not and why, how often it came, which records it touched.

    Without INTEGRATION: what came and belongs to no account, with the merchant it names and why it has none.

    Bodies are not shown. Records touched wait for the next delta, which reads them anew.
    """
    workshop = open_workshop()
    with workshop.connect() as connection:
        if integration is None:
            unknown = received.list_events(workshop, connection, None, limit=limit, with_codes=True)
            emit({"events": unknown}, as_json, lambda: _show_unknown(unknown))
            return
        told = received.subscription(workshop, connection, integration)
        events = received.list_events(workshop, connection, integration, limit=limit, with_codes=True)
        waiting = received.waiting(connection, integration)
    answer = {"subscription": told, "waiting": waiting, "events": events}
    emit(answer, as_json, lambda: _show(answer))


def _show(answer: dict[str, Any]) -> None:
    table(
        "Webhooks",
        ["id", "kind", "state", "came", "last", "touches", "note"],
        [
            [
                e["id"],
                e["kind"],
                e["state"],
                e["deliveries"],
                f"{e['last_received_at']:%Y-%m-%d %H:%M}",
                _touched(e),
                _note(e),
            ]
            for e in answer["events"]
        ],
    )
    if answer["waiting"]:
        found = ", ".join(f"{entity} {count or 'all'}" for entity, count in answer["waiting"].items())
        out.print(f"waiting for the next delta: {found}", markup=False)
    if not answer["subscription"]["has_key"]:
        out.print(f"no key: `webhooks key {answer['subscription']['integration_id']}` stores one", markup=False)


def _show_unknown(events: list[dict[str, Any]]) -> None:
    table(
        "Webhooks of no account",
        ["id", "pos", "merchant", "kind", "state", "came", "last", "note"],
        [
            [
                e["id"],
                e["pos"],
                e["merchant_id"],
                e["kind"],
                e["state"],
                e["deliveries"],
                f"{e['last_received_at']:%Y-%m-%d %H:%M}",
                _note(e),
            ]
            for e in events
        ],
    )


def _touched(event: dict[str, Any]) -> str:
    return ", ".join(f"{t['entity']} {t['id']}".strip() for t in event["touches"][:3]) + (
        f" and {len(event['touches']) - 3} more" if len(event["touches"]) > 3 else ""
    )


def _note(event: dict[str, Any]) -> str:
    code = event.get("verification_code")
    return f"verification code {code}" if code else event["why_not"] or event["note"]


COMMANDS = (webhooks,)
