"""Guests and staff of one Toast restaurant as canonical rows, batch by batch, from the snapshot alone.

Loyalty, gift cards, house accounts and payroll are not in Toast's API: they come as files of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.losses import merged
from aura_migration.canonical.model import Batch, Loss
from aura_migration.canonical.seals import Seals
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast.guests import map_guests
from aura_migration.pos.toast.staff import map_staff
from aura_migration.pos.toast.timecards import map_timecards


def map_people(reader: SnapshotReader, location: SourceLocation, seals: Seals) -> Iterator[Batch]:
    """Roles and staff, time worked, then guests; losses in the last batch."""
    losses: list[Loss] = []
    staff = Batch()
    crew = map_staff(reader, location, staff, losses)
    yield staff
    yield from map_timecards(reader, location, crew, losses)
    yield from map_guests(reader, location, seals, losses)
    yield Batch(losses=merged(losses))
