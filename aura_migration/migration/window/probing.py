"""Watching that service goes on: a synthetic order is priced every few seconds through load and switch, and never stored.

What a probe finds and what an interruption is stand in ``cutover/probing``; here it is known of which migrations one is due, and
which of the POS's limits count.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from aura_migration.core.errors import AuraError
from aura_migration.cutover.probing import Probe, pos_budget_left, probe
from aura_migration.migration.integrations import get_integration
from aura_migration.migration.records import get_migration
from aura_migration.migration.states import STANDING
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.limits import Buckets, Claim

EVERY = timedelta(seconds=10)


def probe_due(workshop: Workshop, at: datetime) -> list[Probe]:
    """One probe of every migration that loads or is being switched and was not probed within ``EVERY``; ``at`` is real time."""
    made = []
    with workshop.connect() as connection:
        rows = connection.execute(
            f"SELECT m.id FROM migration.migrations m WHERE ({STANDING} = 'loading' OR EXISTS (SELECT 1 FROM migration.switches w "
            "WHERE w.migration_id = m.id AND (w.state = 'open' OR w.ended_at > clock_timestamp() - interval '5 minutes'))) AND NOT EXISTS (SELECT 1 FROM migration.probes p "
            "WHERE p.migration_id = m.id AND p.at > %s) ORDER BY m.id",
            [at - EVERY],
        ).fetchall()
        for (migration_id,) in rows:
            claims = claims_of(workshop, migration_id)
            made.append(probe(connection, migration_id, at, pos_budget_left(connection, claims)))
    return made


def claims_of(workshop: Workshop, migration_id: int) -> tuple[Claim, ...]:
    """The POS's limits that an ordinary reading of this account falls under; none where the account cannot be opened now."""
    with workshop.connect() as connection:
        integration = get_integration(connection, get_migration(connection, migration_id).integration_id)

    async def asked() -> tuple[Claim, ...]:
        async with Buckets.in_memory() as buckets:
            account = workshop.account(integration.id, integration.base_url, buckets, integration.merchant_id)
            async with workshop.connector(integration.pos).open(account) as session:
                return session.client.limits.claims("GET", "/", "")

    try:
        return asyncio.run(asked())
    except AuraError:  # disconnected, or its credentials are sealed with another key: nothing is asked of the POS then
        return ()
