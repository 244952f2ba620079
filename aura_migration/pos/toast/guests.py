"""Guests as a year of orders tells of them: nobody else in Toast's API does.

Orders are read twice, so that only a few marks per guest are kept: which telling is the newest, when the first order
was, and which order tells of an address last. Toast states no consent: there are no rows of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.losses import MAPPED, TECHNICAL, count_losses
from aura_migration.canonical.model import Batch, Loss
from aura_migration.canonical.persons.contacts import normalised_phone
from aura_migration.canonical.seals import Seals
from aura_migration.core.clock import utc_text
from aura_migration.core.ids import path
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast.months import instant
from aura_migration.pos.toast.records import Raw, pages, phone, text

BATCH_ROWS = 2_000
CONTACTS = ("firstName", "lastName", "email", "phone")
PLACE = ("address1", "address2", "city", "state", "zipCode", "country")
TOLD = {
    "order": TECHNICAL,
    "customer.guid": TECHNICAL,
    "customer.entityType": TECHNICAL,
    **{f"customer.{name}": MAPPED for name in (*CONTACTS, "phoneCountryCode")},
    **{f"deliveryInfo.{name}": MAPPED for name in (*PLACE, "administrativeArea", "notes")},
    **{
        f"deliveryInfo.{name}": TECHNICAL
        for name in ("deliveredDate", "dispatchedDate", "deliveryEmployee", "deliveryState")
    },
    "deliveryInfo.latitude": "The coordinates of an address are not kept.",
    "deliveryInfo.longitude": "The coordinates of an address are not kept.",
    "curbsidePickupInfo": "What a guest's car looks like is not kept.",
    "appliedLoyaltyInfo": "Points are not in Toast's API; members and their points come as a file from Toast Web.",
}
ONLY_AN_ID = "Guests of whom the orders show an id and nothing else are not kept."
NO_KEY = "Guests of whom an order shows a name only, without an id or a contact, are not kept: names are not persons."


class _Telling(NamedTuple):
    """A check that tells of a guest. ``number`` is its place among all tellings; only one check has the address."""

    number: int
    key: str
    order: Raw
    check: Raw
    customer: Raw
    delivery: Raw | None

    @property
    def rank(self) -> tuple[str, str, int]:
        """What is told later counts: by the last change of the check, then by the opening of the order."""
        changed = self.check.get("modifiedDate") or self.order.get("modifiedDate") or ""
        return str(changed), str(self.order.get("openedDate") or ""), self.number


class _Known(msgspec.Struct):
    """What is remembered of a guest between the two readings."""

    newest: tuple[str, str, int]
    first: str
    source: str | None
    addresses: dict[bytes, tuple[str, str, int]] | None = None


def map_guests(reader: SnapshotReader, location: SourceLocation, seals: Seals, losses: list[Loss]) -> Iterator[Batch]:
    """Batches of guests with the addresses they had something delivered to."""
    guests = _Guests(reader, location, seals)
    known: dict[bytes, _Known] = {}
    for page in guests.pages(losses):
        for telling in page:
            _remember(known, telling)
    losses += guests.unknown()
    batch = Batch()
    for page in guests.pages():
        for telling in page:
            guests.rows(known[_mark(telling.key)], telling, batch)
        if len(batch.rows) >= BATCH_ROWS:
            yield batch
            batch = Batch()
    yield batch


class _Guests:
    def __init__(self, reader: SnapshotReader, location: SourceLocation, seals: Seals) -> None:
        self.reader, self.seals = reader, seals
        self.region = location.address.get("country") or "US"
        self.only_ids: set[str] = set()
        self.only_names: list[str] = []
        self.nameless = 0

    def unknown(self) -> list[Loss]:
        """Guests that no row can be made of."""
        found = []
        if self.only_ids:
            examples = tuple(sorted(self.only_ids)[:5])
            found.append(Loss("orders", "customer", len(self.only_ids), ONLY_AN_ID, examples))
        if self.nameless:
            found.append(Loss("orders", "customer.guid", self.nameless, NO_KEY, tuple(self.only_names)))
        return found

    def pages(self, losses: list[Loss] | None = None) -> Iterator[list[_Telling]]:
        """The tellings of each page of orders; with ``losses`` what is lost of them, and who is nobody, is counted."""
        number = 0
        for page in pages(self.reader, "orders"):
            found: list[_Telling] = []
            for order in page:
                if order.get("deleted") is True:
                    continue
                delivery = _delivery(order)
                for check in order.get("checks") or ():
                    customer = check.get("customer")
                    if check.get("deleted") is True or not isinstance(customer, dict):
                        continue
                    key = self._key(customer)
                    if key is None:
                        if losses is not None:
                            self._nobody(customer, order)
                        continue
                    found.append(_Telling(number, key, order, check, customer, delivery))
                    delivery = None
                    number += 1
            if losses is not None:
                losses += count_losses(map(_lossy, found), "orders", TOLD, lambda told: str(told["order"]))
            yield found

    def _key(self, customer: Raw) -> str | None:
        if not any(text(customer.get(name)) for name in CONTACTS):
            return None
        if guid := text(customer.get("guid")):
            return guid
        if email := text(customer.get("email")):
            return f"g-{self.seals.person(email.strip().lower())}"
        number = phone(customer.get("phone"), customer.get("phoneCountryCode"), self.region)
        return f"g-{self.seals.person(normalised_phone(number, self.region) or number)}" if number else None

    def _nobody(self, customer: Raw, order: Raw) -> None:
        if guid := text(customer.get("guid")):
            self.only_ids.add(guid)
        elif any(text(customer.get(name)) for name in CONTACTS):
            self.nameless += 1
            self.only_names += [str(order.get("guid"))] if len(self.only_names) < 5 else []

    def rows(self, known: _Known, telling: _Telling, batch: Batch) -> None:
        """The rows that come from this telling: the guest's where it is the newest, an address where it is its last."""
        customer, record = telling.customer, f"orders#{telling.order.get('guid')}"
        if known.newest[2] == telling.number:
            first = instant(known.first)
            batch.add(
                "customers",
                telling.key,
                customer,
                record,
                first_name=text(customer.get("firstName")),
                last_name=text(customer.get("lastName")),
                email=text(customer.get("email")),
                phone=phone(customer.get("phone"), customer.get("phoneCountryCode"), self.region),
                status="active",
                marketing_opt_in=False,
                loyalty_points=0,
                lifetime_points=0,
                acquisition_source=known.source,
                acquisition_date=utc_text(first) if first is not None else None,
                external_id=telling.key,
            )
        if telling.delivery is None or known.addresses is None:
            return
        rank = known.addresses[_place_mark(telling.delivery)]
        if rank[2] == telling.number:
            self._address(telling, telling.delivery, record, rank == max(known.addresses.values()), batch)

    def _address(self, telling: _Telling, place: Raw, record: str, is_default: bool, batch: Batch) -> None:
        batch.add(
            "customer_addresses",
            path(telling.key, "address", self.seals.person(_place(place))),
            place,
            record,
            customer_key=telling.key,
            address_line1=text(place.get("address1")),
            address_line2=text(place.get("address2")),
            city=text(place.get("city")),
            state=text(place.get("state")) or text(place.get("administrativeArea")),
            postal_code=text(place.get("zipCode")),
            country=text(place.get("country")),
            delivery_instructions=text(place.get("notes")),
            is_default=is_default,
        )


def _remember(known: dict[bytes, _Known], telling: _Telling) -> None:
    opened = str(telling.order.get("openedDate") or telling.order.get("createdDate") or "")
    source = text(telling.order.get("source"))
    one = known.get(_mark(telling.key))
    if one is None:
        one = known[_mark(telling.key)] = _Known(telling.rank, opened, source)
    if telling.rank > one.newest:
        one.newest = telling.rank
    if opened < one.first:
        one.first, one.source = opened, source
    if telling.delivery is not None:
        places = one.addresses = one.addresses or {}
        mark = _place_mark(telling.delivery)
        places[mark] = max(telling.rank, places.get(mark, telling.rank))


def _delivery(order: Raw) -> Raw | None:
    """Where the order was delivered to, if it says more than a country."""
    place: Any = order.get("deliveryInfo")
    said = isinstance(place, dict) and any(
        text(place.get(name)) for name in ("address1", "address2", "city", "zipCode")
    )
    return place if said else None


def _place(place: Raw) -> str:
    """One text for one address, however it was typed."""
    return "|".join(" ".join((text(place.get(name)) or "").casefold().split()) for name in PLACE)


def _place_mark(place: Raw) -> bytes:
    return hashlib.blake2b(_place(place).encode(), digest_size=12).digest()


def _mark(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=12).digest()


def _lossy(telling: _Telling) -> dict[str, Any]:
    """The parts of an order that tell of a guest."""
    return {
        "order": telling.order.get("guid"),
        "customer": telling.customer,
        "deliveryInfo": telling.delivery,
        "curbsidePickupInfo": telling.order.get("curbsidePickupInfo"),
        "appliedLoyaltyInfo": telling.check.get("appliedLoyaltyInfo"),
    }
