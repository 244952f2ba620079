"""AuraConnect's features of a location, switched on step by step along its channels and off again on the way back; and which part of
its menu is offered before ``full_menu`` is.

Only what a channel needs goes with it; what else a restaurant wants is set one by one. A feature somebody set by hand before
its channel's switch is what it was after an abort.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, Refused

Connection = psycopg.Connection[Any]

OF_CHANNEL: Final[Mapping[str, tuple[str, ...]]] = {
    "online": ("online_ordering", "order_status_pages"),
    "in_house": ("point_of_sale", "kitchen_display", "receipt_printing", "redeeming"),
    "reporting": ("daily_reports", "accounting_export"),
    "time_clock": ("time_clock", "shift_planning"),
}
"""What is enabled with each channel."""
FULL_MENU: Final = "full_menu"
"""Goes with the first channel of orders, unless the window's policy names a limited menu to begin with; then it is set by hand."""
BY_HAND: Final = (FULL_MENU, "loyalty_earning", "guest_messages", "delivery_dispatch", "reservations")
"""What no channel needs: set one by one."""
SHOWN: Final = 12
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
    """Switch one feature on or off; ``BadInput`` for one there is not. With the full menu every limit of it is lifted."""
    if feature not in FEATURES:
        raise BadInput(f"AuraConnect has no feature {feature!r}.", f"There are {', '.join(FEATURES)}.")
    connection.execute(
        "INSERT INTO aura.features AS f (location_id, feature, is_enabled, changed_by) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (location_id, feature) DO UPDATE SET is_enabled = excluded.is_enabled, "
        "changed_by = excluded.changed_by, changed_at = clock_timestamp() WHERE f.is_enabled <> excluded.is_enabled",
        [location_id, feature, is_enabled, by],
    )
    if feature == FULL_MENU and is_enabled:
        lift_limits(connection, location_id)


def set_channel_features(
    connection: Connection, location_id: int, channel: str, is_enabled: bool, by: str, more: Sequence[str] = ()
) -> dict[str, Any]:
    """Switch the features of a channel, and ``more``; answers the rows that stood before (name → row or None), for the way back."""
    names = [*OF_CHANNEL[channel], *more]
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


# A limited menu ------------------------------------------------------------------------------------------------------------


def limit_menu(connection: Connection, location_id: int, categories: Sequence[str]) -> list[str]:
    """Offer only items of these categories, named as AuraConnect has them, at the location; answers the names."""
    set_limits(connection, location_id, category_ids(connection, location_id, categories))
    return limited_to(connection, location_id)


def category_ids(connection: Connection, location_id: int, categories: Sequence[str]) -> list[int]:
    """The location's categories of these names, without regard to case: two menus may have one of the same name.

    ``Refused`` names those that are not on its menu.
    """
    rows = connection.execute(
        "SELECT c.name, c.id FROM aura.menu_categories c JOIN aura.locations l ON l.restaurant_id = c.restaurant_id "
        "WHERE l.id = %s AND c.deleted_at IS NULL AND (c.location_id IS NULL OR c.location_id = l.id) ORDER BY 1, 2",
        [location_id],
    ).fetchall()
    found: dict[str, list[int]] = {}
    for name, ident in rows:
        found.setdefault(name.casefold(), []).append(ident)
    unknown = [name for name in categories if name.casefold() not in found]
    if unknown:
        raise Refused(
            f"The limited menu names {', '.join(unknown)}, which the location's menu does not have.",
            f"Name categories of it (`switch.limitedMenu` of the window's policy): {', '.join(sorted(found)[:SHOWN])}.",
        )
    return [ident for name in categories for ident in found[name.casefold()]]


def lift_limits(connection: Connection, location_id: int) -> None:
    """Offer the whole menu."""
    set_limits(connection, location_id, [])


def limits_of(connection: Connection, location_id: int) -> list[int]:
    """Ids of the categories that the menu is limited to."""
    rows = connection.execute(
        "SELECT category_id FROM aura.limited_menus WHERE location_id = %s ORDER BY 1", [location_id]
    )
    return [row[0] for row in rows]


def set_limits(connection: Connection, location_id: int, category_ids: Sequence[int]) -> None:
    """Limit the menu to these categories; none: offer all."""
    connection.execute("DELETE FROM aura.limited_menus WHERE location_id = %s", [location_id])
    connection.execute(
        "INSERT INTO aura.limited_menus (location_id, category_id) SELECT DISTINCT %s::bigint, unnest(%s::bigint[])",
        [location_id, list(category_ids)],
    )


def limited_to(connection: Connection, location_id: int) -> list[str]:
    """The categories the location's menu is limited to; none: it is not."""
    rows = connection.execute(
        "SELECT DISTINCT c.name FROM aura.limited_menus l JOIN aura.menu_categories c ON c.id = l.category_id "
        "WHERE l.location_id = %s ORDER BY 1",
        [location_id],
    )
    return [row[0] for row in rows]
