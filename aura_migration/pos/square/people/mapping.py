"""Customers, loyalty, gift cards, staff and time as canonical rows, from the snapshot alone, in batches of bounded size.

Stored pages are read one at a time; held are only ids, balances and what a few lists say about them.
"""

from __future__ import annotations

from collections.abc import Iterator

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.canonical.seals import Seals
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.square.people.gift_cards import map_gift_cards
from aura_migration.pos.square.people.guests import Guests, map_guests
from aura_migration.pos.square.people.loyalty import map_loyalty
from aura_migration.pos.square.people.packs import Packs
from aura_migration.pos.square.people.staff import Staff, map_staff
from aura_migration.pos.square.people.time import map_time, worked_here


def map_people(reader: SnapshotReader, location: SourceLocation, seals: Seals) -> Iterator[Batch]:
    """See the port. The merchant's rows are the same from every location; staff's places and time are this location's."""
    packs = Packs()
    guests = Guests(reader)
    certificate = reader.certificate("customer_attributes")
    if certificate is not None and certificate.status != "complete" and guests.known:
        packs.note("CUSTOMER", "attributes_unread", certificate.entity)
    yield from map_guests(reader, packs, guests)
    known = guests.known
    del guests  # of a large directory it holds much that nothing behind this needs
    yield from map_loyalty(reader, packs, seals, known, location.currency)
    yield from map_gift_cards(reader, packs, seals, known, location.currency)
    del known
    staff = Staff(reader, location.currency)
    yield from map_staff(reader, packs, staff, location.source_id, worked_here(reader, location.source_id))
    yield from map_time(reader, packs, staff, location)
    rest = packs.rest()
    if rest.rows or rest.rejected or rest.losses:
        yield rest
