"""The commands of keys: what seals the database's secrets, and the key by which AuraConnect finds gift cards."""

from __future__ import annotations

from typing import Any

import click

from aura_migration.cli.output import answers, emit, json_option, out, table
from aura_migration.cli.work import open_workshop
from aura_migration.migration.privacy import key_care

restaurant_option = click.option(
    "--restaurant", "restaurant", type=int, required=True, metavar="ID", help="AuraConnect's restaurant."
)


@click.group()
def keys() -> None:
    """Secret keys: those that seal what is secret in the database, and each restaurant's gift-card key."""


@keys.command("status")
@json_option
@answers
def status(as_json: bool) -> None:
    """Which keys there are, how many rows each has sealed, and which gift-card key each restaurant hashes with.

    Shows fingerprints and ids, never a key.
    """
    answer = key_care.status(open_workshop())
    emit(answer, as_json, lambda: _show_status(answer))


def _show_status(answer: dict[str, Any]) -> None:
    out.print(f"Keys come from {answer['origin']}.", markup=False)
    table(
        "Keys",
        ["fingerprint", "seals", "at hand", "rows sealed with it"],
        [
            [k["fingerprint"], "yes" if k["seals"] else "", "yes" if k["at_hand"] else "NO", k["rows"]]
            for k in answer["keys"]
        ],
    )
    table(
        "Gift-card keys",
        ["restaurant", "key", "made", "cards hashed", "current"],
        [
            [g["restaurant_id"], g["key_id"], g["made_at"][:19], g["cards"], "yes" if g["is_current"] else ""]
            for g in answer["gift_card_keys"]
        ],
    )


@keys.command("rotate")
@json_option
@answers
def rotate(as_json: bool) -> None:
    """Seal everything anew with the first key of the list, in one transaction; the other keys may then be removed.

    Put the new key first in AURA_SECRET_KEYS or in the key file before. Restart what runs afterwards.
    """
    done = open_workshop().vault.rotate()
    emit({"resealed": done}, as_json, lambda: table("Sealed anew", ["table", "rows"], list(done.items())))


@keys.command("rotate-gift-card-key")
@restaurant_option
@json_option
@answers
def rotate_gift_card_key(restaurant: int, as_json: bool) -> None:
    """Make a new gift-card key for a restaurant; loads from now on hash with it.

    Cards loaded before keep their hash and their key until a preview and run hash them anew. Export the new key to
    AuraConnect before that run; a plan approved before is planned anew.
    """
    made = key_care.rotate_gift_card_key(open_workshop(), restaurant)
    emit(
        {"restaurant_id": restaurant, "key_id": made},
        as_json,
        lambda: out.print(f"New gift cards of restaurant {restaurant} are hashed with key {made}.", markup=False),
    )


@keys.command("export-gift-card-key")
@restaurant_option
@json_option
@answers
def export_gift_card_key(restaurant: int, as_json: bool) -> None:
    """Print a restaurant's gift-card keys in hexadecimal, and the SQL that finds a card by its number with them.

    This is for AuraConnect's secret store: with a key, and the database, card numbers can be tried out. The keys work
    with SQL alone, also when this tool is gone.
    """
    answer = key_care.export_gift_card_keys(open_workshop(), restaurant)
    emit(answer, as_json, lambda: _show_export(answer))


def _show_export(answer: dict[str, Any]) -> None:
    for key in answer["keys"]:
        note = " (current)" if key["is_current"] else ""
        print(f"key {key['key_id']}{note}, {key['cards']} cards: {key['hex']}")
    print(answer["sql"])


COMMANDS = (keys,)
