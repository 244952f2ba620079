"""AuraConnect's features of a location, switched on step by step along its channels and off again on the way back.

Only what a channel needs goes with it; what else a restaurant wants is set one by one. A feature somebody set by hand before
its channel's switch is what it was after an abort.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput

Connection = psycopg.Connection[Any]

OF_CHANNEL: Final[Mapping[str, tuple[str, ...]]] = {
    "online": ("online_ordering", "order_status_pages"),
    "in_house": ("point_of_sale", "kitchen_display", "receipt_printing", "redeeming"),
    "reporting": ("daily_reports", "accounting_export"),
    "time_clock": ("time_clock", "shift_planning"),
}
"""What is enabled with each channel."""
BY_HAND: Final = ("full_menu", "loyalty_earning", "guest_messages", "delivery_dispatch", "reservations")
"""What no switch enables: set one by one."""
FEATURES: Final = (*(name for names in OF_CHANNEL.values() for name in names), *BY_HAND)


def features_of(connection: Connection, location_id: int) -> dict[str, bool]:
    """Every feature there is and whether it is enabled at the location."""
    told = dict(
        connection.execute(
            "SELECT feature, is_enabled FROM aura.features WHERE location_id = %s", [location_id]
        ).fetchall()
    )
    return {name: bool(told.get(name, False)) for name in FEATURES}


def set_feature(connection: Connection, location_id: int, feature: str, is_enabled: bool, by: str) -> None:
    """Switch one feature on or off by hand; ``BadInput`` for one there is not."""
    if feature not in FEATURES:
        raise BadInput(f"AuraConnect has no feature {feature!r}.", f"There are {', '.join(FEATURES)}.")
    connection.execute(
        "INSERT INTO aura.features AS f (location_id, feature, is_enabled, changed_by) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (location_id, feature) DO UPDATE SET is_enabled = excluded.is_enabled, "
        "changed_by = excluded.changed_by, changed_at = clock_timestamp() WHERE f.is_enabled <> excluded.is_enabled",
        [location_id, feature, is_enabled, by],
    )


def set_channel_features(
    connection: Connection, location_id: int, channel: str, is_enabled: bool, by: str
) -> dict[str, Any]:
    """Switch the features of a channel; answers the rows that stood before (name → row or None), for the way back."""
    names = list(OF_CHANNEL[channel])
    rows = connection.execute(
        "SELECT f.feature, to_jsonb(f) FROM aura.features f WHERE location_id = %s AND feature = ANY(%s) FOR UPDATE",
        [location_id, names],
    ).fetchall()
    for name in names:
        set_feature(connection, location_id, name, is_enabled, by)
    return {name: dict(rows).get(name) for name in names}


def restore_features(connection: Connection, location_id: int, before: Mapping[str, Any]) -> None:
    """Put rows back byte for byte, and take away those that were not there."""
    gone = [name for name, row in before.items() if row is None]
    connection.execute("DELETE FROM aura.features WHERE location_id = %s AND feature = ANY(%s)", [location_id, gone])
    for name, row in before.items():
        if row is not None:
            connection.execute(
                "UPDATE aura.features f SET is_enabled = b.is_enabled, changed_by = b.changed_by, changed_at = b.changed_at "
                "FROM jsonb_populate_record(NULL::aura.features, %s) b WHERE f.location_id = %s AND f.feature = %s",
                [Jsonb(row), location_id, name],
            )
