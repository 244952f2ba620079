"""Disconnecting an account: its access is revoked at the POS where that is offered, its credentials are forgotten here.

Snapshots, plans and what was loaded stay: they are the restaurant's. Credentials are forgotten first and whatever the POS
answers, so that a POS that is away keeps no secret here; what is then left to do at the POS is said, and stays written at
the integration.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aura_migration.core.errors import BadInput, EnvironmentFault, Refused
from aura_migration.migration.integrations import Integration, get_integration
from aura_migration.migration.webhooks.keys import remove_key
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.errors import PosError

BUSY = ("loading", "rolling_back", "switching")
"""States in which AuraConnect is being written to."""


@dataclass(frozen=True)
class Disconnected:
    """What became of an account's access. ``left_to_do`` is for the restaurant; "" where nothing is."""

    integration: Integration
    is_revoked: bool
    left_to_do: str


def disconnect(workshop: Workshop, integration_id: int, by: str) -> Disconnected:
    """Forget an account's credentials and revoke its access. ``Refused`` while it is loaded from, or when done already."""
    if not by.strip():
        raise BadInput("Who disconnects an account gives a name.", "Give --by NAME.")
    integration, credentials = _forget(workshop, integration_id, by)
    connector = workshop.connector(integration.pos)
    page = getattr(connector, "sign_in", None)
    revoked, why = False, ""
    if page is not None and credentials:
        try:
            revoked = asyncio.run(page.revoke(integration.base_url, integration.merchant_id, credentials))
        except PosError as error:
            why = f"{connector.title} could not be asked to end the access ({error.reason}). "
    by_hand = page.by_hand if page is not None else f"End the access in {connector.title} by hand."
    left = "" if revoked else f"{why}{by_hand}"
    said = f"disconnected by {by}; " + ("the access was revoked" if revoked else f"left to do: {left}")
    with workshop.connect() as connection:
        # Unless it was connected again meanwhile.
        connection.execute(
            "UPDATE migration.integrations SET status_reason = %s WHERE id = %s AND status = 'disconnected'",
            [said, integration_id],
        )
        return Disconnected(get_integration(connection, integration_id), revoked, left)


def _forget(workshop: Workshop, integration_id: int, by: str) -> tuple[Integration, dict[str, Any]]:
    """Take the credentials away in one transaction with the check that nothing is being written."""
    with workshop.connect(autocommit=False) as connection:
        integration = get_integration(connection, integration_id)
        connection.execute("SELECT 1 FROM migration.integrations WHERE id = %s FOR UPDATE", [integration_id])
        states = connection.execute(
            "SELECT id, state FROM migration.migrations WHERE integration_id = %s ORDER BY id FOR UPDATE",
            [integration_id],
        ).fetchall()
        busy = [f"migration {number} is {state}" for number, state in states if state in BUSY]
        if busy:
            raise Refused(
                f"Integration {integration_id} is in use: {', '.join(busy)}.",
                "Wait until it is done, or pause it first.",
            )
        credentials = _readable(workshop, integration_id)
        remove_key(connection, integration_id)
        gone = connection.execute("DELETE FROM migration.credentials WHERE integration_id = %s", [integration_id])
        if gone.rowcount == 0 and integration.status == "disconnected":
            raise Refused(
                f"Integration {integration_id} is disconnected already: {integration.status_reason}",
                "Connect the account again to use it.",
            )
        connection.execute(
            "UPDATE migration.integrations SET status = 'disconnected', updated_at = now(), status_reason = %s WHERE id = %s",
            [f"disconnected by {by}; whether its access was revoked at the POS was not noted", integration_id],
        )
        connection.commit()
    return integration, credentials


def _readable(workshop: Workshop, integration_id: int) -> dict[str, Any]:
    """The credentials, for the POS to be told; nothing where there are none or the key is gone: they go all the same."""
    try:
        return workshop.credentials.load(integration_id)[0]
    except (BadInput, EnvironmentFault):
        return {}
