"""One scenario's account: its name, management group and locations.

Belongs here: the record the scenario modules fill and everything else serves. Does not belong here: its contents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.builder import LocationBuilder
from aura_migration.sandbox.toast.locations import Location


@dataclass(slots=True)
class Restaurant:
    """An account with its locations, in the order Toast lists them; ``switches`` are the scenario's own defaults.

    ``notes`` names peculiarities and the guids that show them.
    """

    name: str
    group_guid: str | None
    locations: list[Location]
    published: bool = True
    switches: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def merchant_id(self) -> str:
        """The management group, or the restaurant itself where it stands alone."""
        return self.group_guid or self.locations[0].guid


def builder_for(ids: Ids, location: Location) -> LocationBuilder:
    """A builder writing to that location."""
    return LocationBuilder(ids, location.key, location.names)
