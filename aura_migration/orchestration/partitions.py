"""The one partition set: a restaurant location, keyed ``pos:source-id``. Facts about it live in our tables, not here."""

from __future__ import annotations

import dagster as dg

from aura_migration.migration.requests import Request

restaurant_locations = dg.DynamicPartitionsDefinition(name="restaurant_locations")

REQUEST_TAG = "aura/request"
CLAIMANT_TAG = "aura/claimant"
INTEGRATION_TAG = "aura/integration"
LOCATION_TAG = "aura/location"
POS_TAG = "aura/pos"


def place_tags(location_key: str) -> dict[str, str]:
    """Tags every run on a location carries, also one that somebody launches by hand from a job's page."""
    return {LOCATION_TAG: location_key, POS_TAG: location_key.partition(":")[0]}


def run_tags(request: Request, claimant: str | None = None) -> dict[str, str]:
    """Tags of a run that carries out a request: no secrets, no personal data, only ids.

    A run with a ``claimant`` lives inside a command of ours, so Dagster must not start it again.
    """
    tags = {
        **place_tags(request.location_key),
        REQUEST_TAG: str(request.id),
        INTEGRATION_TAG: str(request.integration_id),
    }
    return tags if claimant is None else {**tags, CLAIMANT_TAG: claimant, "dagster/max_retries": "0"}
