"""Looking before touching: preflight (rights, stability, reverse level), audit (what is there), losses (what has no home).

Results are stored as reports; looking changes nothing in AuraConnect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any

from aura_migration.core import ids
from aura_migration.core.errors import AuraError, Refused
from aura_migration.migration.integrations import (
    Integration,
    KnownLocation,
    TooSlow,
    get_integration,
    get_location,
    note_fault,
    note_reached,
)
from aura_migration.migration.records import get_migration, latest_report, store_report
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.errors import PosError
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


def preflight(
    workshop: Workshop, integration_id: int, location_key: str, sample: int = SAMPLE, within: float | None = None
) -> dict[str, Any]:
    """Permission per source entity, latency and errors over a sample of calls, and how far back is possible.

    ``within`` seconds, else ``TooSlow``: for callers that cannot wait for a POS that makes us wait.
    """
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

    body = _run(workshop, integration, look(), within)
    with workshop.connect() as connection:
        store_report(connection, integration.id, location.key, "preflight", body)
    return body


def audit(workshop: Workshop, integration_id: int, location_key: str, within: float | None = None) -> dict[str, Any]:
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

    body = _run(workshop, integration, look(), within)
    with workshop.connect() as connection:
        store_report(connection, integration.id, location.key, "audit", body)
    return body


def check(workshop: Workshop, integration_id: int, within: float) -> dict[str, Any]:
    """Whether the account can be used now: its own description is asked for, within so many seconds. Raises as preflight."""
    with workshop.connect() as connection:
        integration = get_integration(connection, integration_id)

    async def look() -> dict[str, Any]:
        connector = workshop.connector(integration.pos)
        async with Buckets.on_postgres(workshop.url) as buckets:
            account = workshop.account(integration.id, integration.base_url, buckets, integration.merchant_id)
            async with connector.open(account) as session:
                found = await session.discover()
                stats = session.client.stats.summary()
        return {
            "merchant": found.merchant_name,
            "locations": [ids.location_key(integration.pos, site.source_id) for site in found.locations],
            "calls": stats["calls"],
            "latency_median_s": stats["latency_median_s"],
        }

    return _run(workshop, integration, look(), within)


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


def _run(
    workshop: Workshop, integration: Integration, look: Coroutine[Any, Any, dict[str, Any]], within: float | None
) -> dict[str, Any]:
    async def limited() -> dict[str, Any]:
        async with asyncio.timeout(within):
            return await look

    try:
        result = asyncio.run(limited())
    except TimeoutError as error:
        fault = TooSlow(
            f"The POS of integration {integration.id} did not answer everything within {within:.0f} s.",
            "Try again later; the command line waits as long as it takes.",
        )
        _note_fault(workshop, integration, fault)
        raise fault from error
    except PosError as error:
        _note_fault(workshop, integration, error)
        raise
    with workshop.connect() as connection:
        note_reached(connection, integration.id)
    return result


def _note_fault(workshop: Workshop, integration: Integration, error: AuraError) -> None:
    with workshop.connect() as connection:
        note_fault(connection, integration.id, error)
