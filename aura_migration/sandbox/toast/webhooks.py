"""What Toast sends: published menus, stock, orders and connections, signed over the body and its timestamp, tried thrice.

Where to is said in a dashboard at Toast, here by the control surface; `events` of a target are Toast's categories.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import Clock
from aura_migration.sandbox.core.webhooks import Delivery, Target, Webhooks
from aura_migration.sandbox.toast.partners import connection_record
from aura_migration.sandbox.toast.people.store import People
from aura_migration.sandbox.toast.world import IN_STOCK, OUT_OF_STOCK, QUANTITY, Publication, World

CATEGORIES = (
    "menus",
    "stock",
    "order_updated",
    "channel_order_updated",
    "partner",
    "restaurant_availability",
    "restaurant_availability_toggle",
    "guest_order_status",
)
ORDER_EDITS = (
    "add_customer", "edit_customer", "add_order", "touch_order", "pay", "tip_adjust", "refund", "void", "reopen",
    "close", "delete_order", "sell", "trade",
)  # fmt: skip
LOW = 5
LEFT_OUT = frozenset({"firstName", "lastName", "phone", "phoneCountryCode"})
OF_THE_ADDRESS = frozenset(
    {"address1", "address2", "city", "state", "administrativeArea", "zipCode", "country", "latitude", "longitude"}
)
ENCODER = msgspec.json.Encoder()
Stock = dict[str, dict[str, tuple[str, float | None]]]


class ToastWebhooks(Webhooks):
    """The events of one Toast account."""

    timeout = 2.0
    delays = (300.0, 600.0)

    def __init__(self, world: World, people: People, clock: Clock) -> None:
        super().__init__(world.ids, clock)
        self._world = world
        self._people = people
        self._to_arrive: list[str] = []

    def headers(self, delivery: Delivery, secret: str, attempt: int) -> dict[str, str]:
        """See `Webhooks.headers`. Events of partners name no restaurant."""
        facts = delivery.facts
        made = {
            "Toast-Signature": signature(secret, delivery.body, facts["timestamp"]),
            "Toast-Event-Category": delivery.kind,
            "Toast-Event-Type": facts["type"],
            "Toast-Attempt-Number": str(attempt),
        }
        if facts.get("restaurant") and delivery.kind != "partner":
            made["Toast-Restaurant-External-ID"] = facts["restaurant"]
        return made

    def is_tried_again(self, status: int | None) -> bool:
        """Only after silence, 404, 429 and 5xx."""
        return status is None or status in (404, 429) or status >= 500

    def delays_of(self, delivery: Delivery) -> Sequence[float]:
        """Whether a restaurant takes orders is told five times within a minute."""
        return (10.0,) * 4 if delivery.kind == "restaurant_availability" else self.delays

    def new_target(self, op: dict[str, Any]) -> Target:
        """See `Webhooks.new_target`; every target has a secret of its own."""
        unknown = set(op.get("events") or ()) - set(CATEGORIES)
        if unknown:
            raise ControlError(f"toast has no category {min(unknown)!r}; it has: {', '.join(CATEGORIES)}")
        return super().new_target(op)

    def tell(
        self, category: str, kind: str, details: Mapping[str, Any], restaurant: str | None, *, corrupt: bool = False
    ) -> list[Delivery]:
        """Queue an event."""
        event_id, stamp = self.event_id(), self.now_text()
        body = ENCODER.encode(
            {"timestamp": stamp, "eventCategory": category, "eventType": kind, "guid": event_id, "details": details}
        )
        facts = {"timestamp": stamp, "type": kind, "restaurant": restaurant}
        return self.post(category, event_id, body, corrupt=corrupt, **facts)

    # -- edits -----------------------------------------------------------------------------------------------------

    def before(self, op: dict[str, Any]) -> Any:
        """When each menu was published, what is out of stock where, and who is connected."""
        places = self._world.places.items()
        return {guid: (place.last_updated, place.connected) for guid, place in places}, self.stock()

    def stock(self) -> Stock:
        """What is not simply in stock, by restaurant and item."""
        return {guid: dict(place.location.stock) for guid, place in self._world.places.items()}

    def edited(self, op: dict[str, Any], changed: Sequence[str], before: Any) -> None:
        """See `Webhooks.edited`."""
        places, stock = before
        for guid, place in self._world.places.items():
            published, connected = places[guid]
            if place.connected != connected:
                self._connection(place)
            if place.connected and place.last_updated != published:
                self._menus(place)
        self.stock_moved(stock)
        if op["op"] in ORDER_EDITS:
            self._orders(changed)

    def revoked(self) -> None:
        """See `Webhooks.revoked`: every restaurant takes the integration out."""
        for place in self._world.open_places():
            self._connection(place, "partner_removed")

    def _connection(self, place: Publication, kind: str | None = None) -> list[Delivery]:
        location = place.location
        details = {**connection_record(place), "deleted": not place.connected or kind == "partner_removed"}
        return self.tell(
            "partner", kind or ("partner_added" if place.connected else "partner_removed"), details, location.guid
        )

    def _menus(self, place: Publication, corrupt: bool = False) -> list[Delivery]:
        stamp = place.last_updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        guid = place.location.guid
        details = {"restaurantGuid": guid, "publishedDate": stamp}
        return self.tell("menus", "menus_updated", details, guid, corrupt=corrupt)

    def stock_moved(self, before: Stock) -> None:
        """Tell of every item whose stock is another than before: gone, back, or nearly gone."""
        for guid, place in self._world.places.items():
            held = place.location.stock
            for item in [item for item in {**before[guid], **held} if before[guid].get(item) != held.get(item)]:
                status, quantity = held.get(item, (IN_STOCK, None))
                few = status == QUANTITY and quantity is not None and quantity <= LOW
                if status == QUANTITY and not few and before[guid].get(item, (IN_STOCK, None))[0] != OUT_OF_STOCK:
                    continue
                kind = "out_of_stock" if status == OUT_OF_STOCK else "low_quantity" if few else "in_stock"
                self._stock(place, item, kind)

    def _stock(self, place: Publication, guid: str, kind: str) -> list[Delivery]:
        known = place.catalog.items.get(guid)
        row = self._world.stock_row(place, guid, known.mlid if known is not None else None, valid=True)
        details = {
            "itemGuid": guid,
            "multiLocationId": row["multiLocationId"],
            "restaurantGuid": place.location.guid,
            "status": row["status"],
            "versionId": row["versionId"],
        }
        if row["quantity"] is not None:
            details["quantity"] = row["quantity"]
        return self.tell("stock", kind, details, place.location.guid)

    def _orders(self, guids: Iterable[str], corrupt: bool = False) -> list[Delivery]:
        made: list[Delivery] = []
        for guid in dict.fromkeys(guids):
            for here in self._people.everywhere():
                key = here.ledger.key_of(guid)
                if key is not None and not here.ledger.has_arrived(key):
                    self._to_arrive.append(guid)
                    break
                if key is not None:
                    restaurant = here.location.guid
                    details = {"restaurantGuid": restaurant, "order": masked(here.ledger.body(key))}
                    made += self.tell("order_updated", "order_updated", details, restaurant, corrupt=corrupt)
                    break
        return made

    def order_moved(self, guid: str) -> None:
        """Tell of an order that was submitted or changed through the API."""
        if self.are_wanted:
            self._orders([guid])

    def wake(self) -> None:
        """See `Webhooks.wake`: the clock moved, and orders that were on their way may have arrived."""
        waiting, self._to_arrive = self._to_arrive, []
        self._orders(waiting)
        super().wake()

    # -- by hand ---------------------------------------------------------------------------------------------------

    def sent_by_hand(self, op: dict[str, Any]) -> list[Delivery]:
        """`{"op": "send", "kind": category, "order" | "location"?, "type"?, "details"?}`: an event no edit causes."""
        kind, corrupt = op.get("kind"), bool(op.get("corrupt", False))
        if kind not in CATEGORIES:
            raise ControlError(f'"kind" must be one of {", ".join(CATEGORIES)}')
        place = self._world.places.get(str(op.get("location") or next(iter(self._world.places))))
        if place is None:
            raise ControlError(f"toast: there is no location {op.get('location')!r}")
        guid = place.location.guid
        plain: dict[str, Callable[[], list[Delivery]]] = {
            "menus": lambda: self._menus(place, corrupt),
            "order_updated": lambda: self._orders([str(op["order"])], corrupt),
        }
        if kind in plain and "details" not in op and (kind == "menus" or "order" in op):
            return plain[kind]()
        details = {"restaurantGuid": guid, **(op.get("details") or {})}
        return self.tell(kind, str(op.get("type") or kind), details, guid, corrupt=corrupt)


def masked(told: Any) -> Any:
    """An order as webhooks tell it: no names, numbers and addresses of guests, no external ids."""
    if isinstance(told, list):
        return [masked(one) for one in told]
    if not isinstance(told, dict):
        return told
    hidden = LEFT_OUT if told.get("entityType") == "Customer" else OF_THE_ADDRESS if "address1" in told else frozenset()
    return {name: None if name == "externalId" else masked(value) for name, value in told.items() if name not in hidden}


def signature(secret: str, body: bytes, timestamp: str) -> str:
    """Base64 of HMAC-SHA256 over the raw body with the text of its timestamp right behind it."""
    return base64.b64encode(hmac.new(secret.encode(), body + timestamp.encode(), hashlib.sha256).digest()).decode()
