"""Features of AuraConnect that are enabled one by one at a location, and the menu it begins with; what they are is in ``cutover/features``."""

from __future__ import annotations

from typing import Any

from aura_migration.core.errors import BadInput, Refused
from aura_migration.cutover import features
from aura_migration.database.connections import Connection
from aura_migration.migration.dating import aura_location
from aura_migration.migration.records import get_migration
from aura_migration.migration.window.opening import get_window


def features_of(connection: Connection, migration_id: int) -> dict[str, Any]:
    """JSON-ready: ``{"migration_id", "features": [{"feature", "enabled", "with"}], "limited_to"}``; ``with`` is the channel a feature
    goes with, None for one that is set by hand."""
    place = _place(connection, migration_id)
    channel = {name: channel for channel, names in features.OF_CHANNEL.items() for name in names}
    return {
        "migration_id": migration_id,
        "features": [
            {"feature": name, "enabled": is_on, "with": channel.get(name)}
            for name, is_on in features.features_of(connection, place).items()
        ],
        "limited_to": features.limited_to(connection, place),
    }


def set_feature(connection: Connection, migration_id: int, feature: str, is_enabled: bool, by: str) -> dict[str, Any]:
    """Switch a feature on or off; without the full menu AuraConnect offers what the window's policy limits it to. Answers all of them."""
    with connection.transaction():
        window = get_window(connection, migration_id)
        if window.ended_at is not None and window.ending != "completed":
            raise Refused(
                f"The window of migration {migration_id} was {window.ending}: the POS has every channel.",
                "Open a window again before features are enabled.",
            )
        place = _place(connection, migration_id)
        features.set_feature(connection, place, feature, is_enabled, by)
        if feature == features.FULL_MENU and not is_enabled:
            wanted = window.rules.switch.limited_menu
            if not wanted:
                raise BadInput(
                    "Without the full menu nothing would say what AuraConnect offers.",
                    "Name categories in `switch.limitedMenu` of the window's policy first.",
                )
            features.limit_menu(connection, place, wanted)
        return features_of(connection, migration_id)


def _place(connection: Connection, migration_id: int) -> int:
    migration = get_migration(connection, migration_id)
    place = aura_location(connection, migration)
    if place is None:
        raise Refused(
            f"{migration.location_key} is not in AuraConnect yet.", f"`aura-migration run {migration_id}` loads it."
        )
    return place
