"""Looking before touching: preflight (rights, stability, reverse level), audit (what is there), losses (what has no home).

Results are stored as reports; looking changes nothing in AuraConnect.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from aura_migration.core.errors import Refused
from aura_migration.migration.integrations import (
    Integration,
    KnownLocation,
    get_integration,
    get_location,
    mark_reconnect_needed,
)
from aura_migration.migration.records import get_migration, latest_report, store_report
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.errors import ReconnectNeeded
from aura_migration.pos.http.limits import Buckets
from aura_migration.pos.port import AuditLine

SPANS = (
    AuditLine(
        "people",
        "time worked",
        "the twelve months before the preview are carried over",
        "Must time cards older than twelve months be kept? Export them while the POS is still in use.",
    ),
)
"""What is carried over of something that has no beginning."""
SAMPLE = 8
"""How many times preflight asks the POS for the account to judge the connection."""


def preflight(workshop: Workshop, integration_id: int, location_key: str, sample: int = SAMPLE) -> dict[str, Any]:
    """Permission per source entity, latency and errors over a sample of calls, and how far back is possible."""
    integration, location = _subject(workshop, integration_id, location_key)

    async def look() -> dict[str, Any]:
        connector = workshop.connector(integration.pos)
        async with Buckets.on_postgres(workshop.url) as buckets:
            account = workshop.account(integration.id, integration.base_url, buckets, integration.merchant_id)
            async with connector.open(account) as session:
                permissions = await session.permissions(location.source.source_id)
                for _ in range(sample):
                    await session.discover()
                reverse = await session.reverse_level(location.source.source_id)
                return {
                    "integration_id": integration.id,
                    "location": location.key,
                    "permissions": [asdict(p) for p in permissions],
                    "stability": session.client.stats.summary(),
                    "reverse_level": asdict(reverse),
                    "passed": all(
                        p.granted is not False
                        for p in permissions
                        if any(e.name == p.entity and e.required for e in connector.source_entities)
                    ),
                }

    body = _run(workshop, integration, look())
    with workshop.connect() as connection:
        store_report(connection, integration.id, location.key, "preflight", body)
    return body


def audit(workshop: Workshop, integration_id: int, location_key: str) -> dict[str, Any]:
    """Counts, configuration, devices, integrations and workflows as far as the API shows them; questions where not."""
    integration, location = _subject(workshop, integration_id, location_key)

    async def look() -> dict[str, Any]:
        connector = workshop.connector(integration.pos)
        async with Buckets.on_postgres(workshop.url) as buckets:
            account = workshop.account(integration.id, integration.base_url, buckets, integration.merchant_id)
            async with connector.open(account) as session:
                lines = (*await session.audit(location.source.source_id), *SPANS)
        return {
            "integration_id": integration.id,
            "location": location.key,
            "lines": [asdict(line) for line in lines],
            "questions": [line.question for line in lines if line.question],
        }

    body = _run(workshop, integration, look())
    with workshop.connect() as connection:
        store_report(connection, integration.id, location.key, "audit", body)
    return body


def losses(workshop: Workshop, migration_id: int) -> dict[str, Any]:
    """Every source field without a home in AuraConnect, with counts, as found when the snapshot was last mapped."""
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        stored = latest_report(connection, migration.integration_id, migration.location_key, "losses")
    if stored is None:
        raise Refused(f"Migration {migration_id} has not been mapped yet.", "Run the preview first.")
    return {"location": migration.location_key, **stored}


def loss_records(loss: dict[str, Any]) -> str:
    """How many records lose a field; of how many that were looked at, where not all were."""
    sample = loss.get("sample")
    return (
        str(loss["records"])
        if sample is None or sample["is_all"]
        else f"{loss['records']} of {sample['looked_at']} looked at"
    )


def _subject(workshop: Workshop, integration_id: int, location_key: str) -> tuple[Integration, KnownLocation]:
    with workshop.connect() as connection:
        return get_integration(connection, integration_id), get_location(connection, location_key)


def _run(workshop: Workshop, integration: Integration, look: Any) -> dict[str, Any]:
    try:
        result: dict[str, Any] = asyncio.run(look)
    except ReconnectNeeded as error:
        with workshop.connect() as connection:
            mark_reconnect_needed(connection, integration.id, str(error))
        raise
    return result
