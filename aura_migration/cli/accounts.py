"""Commands about connected accounts that are no part of the journey: disconnect."""

from __future__ import annotations

import click

from aura_migration.cli.output import answers, emit, json_option, out
from aura_migration.cli.work import open_workshop
from aura_migration.migration.disconnecting import disconnect as end_access


@click.command()
@click.argument("integration", type=int)
@click.option("--by", "by", required=True, metavar="NAME", help="Who disconnects; kept in the audit trail.")
@json_option
@answers
def disconnect(integration: int, by: str, as_json: bool) -> None:
    """Revoke an account's access at the POS where it offers that, and forget its credentials.

    Snapshots, plans and what was loaded stay; connecting the account again goes on with them. Refused while a load is under
    way. Where the POS offers no way, or cannot be reached, the credentials are forgotten all the same, and the answer says
    what the restaurant does by hand.
    """
    done = end_access(open_workshop(), integration, by)
    answer = {
        "integration_id": integration,
        "status": done.integration.status,
        "is_revoked": done.is_revoked,
        "left_to_do": done.left_to_do,
    }

    def show() -> None:
        out.print(f"Integration {integration} is disconnected; its credentials are forgotten.", markup=False)
        out.print(
            "The POS has ended the access." if done.is_revoked else f"Left to do: {done.left_to_do}", markup=False
        )

    emit(answer, as_json, show)


COMMANDS = (disconnect,)
