"""The state of the sandbox Toast: per location a published catalog, the working copy behind it, and stock.

Belongs here: what is published when, which version a reader sees, and the ready-made answers that only change with a
publication. Does not belong here: the edits themselves (``edits``), HTTP, and the truth.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.ids import Ids
from aura_migration.sandbox.toast.config_wire import config_rows
from aura_migration.sandbox.toast.locations import Location
from aura_migration.sandbox.toast.menus_wire import MenusDocument, MenuStyle
from aura_migration.sandbox.toast.model import Catalog, ConfigObject
from aura_migration.sandbox.toast.restaurant import Restaurant

FIRST_PUBLISHED = datetime(2025, 2, 15, 12, 30, tzinfo=UTC)
OUT_OF_STOCK, IN_STOCK, QUANTITY = "OUT_OF_STOCK", "IN_STOCK", "QUANTITY"


@dataclass(slots=True)
class Publication:
    """What one location shows the world: its catalog, when it was published, and how often it has been."""

    location: Location
    catalog: Catalog
    draft: Catalog
    published: bool
    last_updated: datetime
    number: int = 1
    config_version: int = 1
    modified: dict[str, datetime] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    archived: bool = False
    connected: bool = True
    documents: dict[MenuStyle, bytes] = field(default_factory=dict)
    lists: dict[str, list[ConfigObject]] = field(default_factory=dict)

    def forget_answers(self) -> None:
        """Drop the ready-made answers after the catalog changed."""
        self.documents.clear()
        self.lists.clear()


class World:
    """Every location of a scenario's restaurant and its state now."""

    def __init__(self, restaurant: Restaurant, ids: Ids, clock: Clock) -> None:
        self.restaurant = restaurant
        self.ids = ids
        self.clock = clock
        self.places: dict[str, Publication] = {
            location.guid: Publication(
                location,
                location.catalog,
                location.catalog.copy(),
                restaurant.published,
                FIRST_PUBLISHED + timedelta(minutes=number, milliseconds=number),
            )
            for number, location in enumerate(restaurant.locations)
        }
        self.added = 0

    def open_places(self) -> list[Publication]:
        """Locations that are neither archived nor disconnected, in Toast's order."""
        return [place for place in self.places.values() if place.connected and not place.archived]

    def publish(self, places: list[Publication]) -> list[str]:
        """Publish the working copies; answers the guids that changed. Numbers are dealt anew, ``lastUpdated`` moves."""
        changed: list[str] = []
        for place in places:
            moment = max(self.clock.now(), place.last_updated + timedelta(milliseconds=1))
            place.catalog = place.draft.copy()
            place.published = True
            place.last_updated = moment
            place.number += 1
            place.config_version += 1
            place.modified.update(dict.fromkeys(place.touched, moment))
            changed.extend(sorted(place.touched))
            place.touched.clear()
            place.forget_answers()
        return changed

    def menus_document(self, place: Publication, style: MenuStyle) -> bytes:
        """The menus answer of a location as JSON bytes; made once per publication and style."""
        ready = place.documents.get(style)
        if ready is None:
            numbering = self.ids.rng(f"references/{place.location.key}/{place.number}/{style.version}")
            document = MenusDocument(place.catalog, style, numbering).render(
                place.location.guid, place.last_updated, place.location.timezone
            )
            ready = place.documents[style] = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        return ready

    def config_list(self, place: Publication, name: str) -> list[ConfigObject]:
        """The rows of one configuration list of a location, published state."""
        if name not in place.lists:
            place.lists[name] = config_rows(place.location, place.catalog, place.modified, name)
        return place.lists[name]

    def stock_row(self, place: Publication, guid: str | None, mlid: str | None, valid: bool) -> dict[str, Any]:
        """One row of the stock API. Unknown ids are INVALID and out of stock."""
        status, quantity = place.location.stock.get(guid or "", (IN_STOCK, None)) if valid else (OUT_OF_STOCK, None)
        return {
            "guid": guid,
            "itemGuidValidity": "VALID" if valid else "INVALID",
            "status": status,
            "quantity": quantity,
            "multiLocationId": mlid,
            "versionId": guid,
        }
