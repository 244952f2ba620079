"""What a POS signs an account's webhooks with, and the addresses it sends them to."""

from __future__ import annotations

from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.database.connections import Connection
from aura_migration.migration.sealing import drop_secret, keep_secret
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.webhooks import WebhookReader

PATH = "/pos/webhooks"
"""Below the public address; the POS follows, and the integration where the address is one account's own."""
KEY_LENGTHS = range(8, 501)


def key_name(integration_id: int) -> str:
    """Under which an integration's key is kept in the vault."""
    return f"webhook key {integration_id}"


def set_key(workshop: Workshop, connection: Connection, integration_id: int, key: str) -> None:
    """Store the key or secret with which the POS signs an integration's webhooks; it is never shown again."""
    reader(workshop, _pos_of(connection, integration_id))
    key = key.strip()
    if len(key) not in KEY_LENGTHS or not key.isprintable():
        raise BadInput(
            f"A webhook key has {KEY_LENGTHS.start} to {KEY_LENGTHS.stop - 1} printable characters.",
            "Copy it from the subscription at the POS, whole and as it is shown.",
        )
    keep_secret(connection, workshop.vault, key_name(integration_id), key)


def remove_key(connection: Connection, integration_id: int) -> bool:
    """Forget the key: webhooks of the integration are rejected from now on. False if there was none."""
    return drop_secret(connection, key_name(integration_id))


def subscription(workshop: Workshop, connection: Connection, integration_id: int) -> dict[str, Any]:
    """``{"integration_id", "pos", "url", "shared_url", "has_key"}``: what to subscribe at the POS, character for character.

    ``url`` is the account's own address; ``shared_url`` serves every account of an application that has one subscription
    for all of them.
    """
    pos = _pos_of(connection, integration_id)
    row = connection.execute(
        "SELECT 1 FROM migration.sealed_secrets WHERE name = %s", [key_name(integration_id)]
    ).fetchone()
    shared = f"{workshop.settings.public_url}{PATH}/{pos}"
    return {
        "integration_id": integration_id,
        "pos": pos,
        "url": f"{shared}/{integration_id}",
        "shared_url": shared,
        "has_key": row is not None,
    }


def reader(workshop: Workshop, pos: str) -> WebhookReader:
    """How a POS's webhooks are read; BadInput where there is no such POS or it sends none."""
    found: WebhookReader | None = getattr(workshop.connector(pos), "webhooks", None)
    if found is None:
        raise BadInput(f"{pos} sends no webhooks.", "Its changes are found by asking.")
    return found


def _pos_of(connection: Connection, integration_id: int) -> str:
    row = connection.execute("SELECT pos FROM migration.integrations WHERE id = %s", [integration_id]).fetchone()
    if row is None:
        raise BadInput(f"Integration {integration_id} does not exist.", "`aura-migration integrations` lists them.")
    return str(row[0])
