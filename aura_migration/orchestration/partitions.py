"""The one partition set: a restaurant location, keyed ``pos:source-id``. Facts about it live in our tables, not here."""

from __future__ import annotations

import dagster as dg

restaurant_locations = dg.DynamicPartitionsDefinition(name="restaurant_locations")

REQUEST_TAG = "aura/request"
CLAIMANT_TAG = "aura/claimant"
LOCATION_TAG = "aura/location"
POS_TAG = "aura/pos"


def run_tags(location_key: str, request_id: int, claimant: str | None = None) -> dict[str, str]:
    """Tags of a run that carries out a request: no secrets, no personal data, only ids."""
    tags = {
        REQUEST_TAG: str(request_id),
        LOCATION_TAG: location_key,
        POS_TAG: location_key.partition(":")[0],
    }
    return tags if claimant is None else {**tags, CLAIMANT_TAG: claimant}
