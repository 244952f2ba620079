"""Exports as a restaurant would hand them over, small, and with values no other text contains: easy to search for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.intake import Handed, check_file, current_files, map_files, parse_mapping, record_file
from aura_migration.intake.checking import Place
from aura_migration.intake.kinds import Kind
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.port import SourceLocation

PLACE = Place(1, "toast", None, "USD", "America/Chicago", "US")
GIFT_CARDS = """Gift card report,,,,
Card Number,Current Balance,Status,Issue Date,Expires
7783320000004417,"$1,234.50",Active,2025-12-24,2030-12-24
7783 3200 0000 9925,$20.00,Redeemed? no,2026-01-02,
7783320000001111,$0.00,Redeemed,2025-01-02,
0000320000002222,$15.25,Suspended,2025-05-01,2026-05-01
Total,"$1,269.75",,,
"""
"""Three sound cards, one with a state nobody knows, and a total that agrees with all four."""
LOYALTY = """Phone,Email,Points,Lifetime Points,Tier,Joined
(312) 555-0142,maria.quintero@canary-mail.example.com,"1,250","4,000",Gold,2024-02-03
,jo@canary-mail.example.com,-35,120,,2024-03-04
312-555-0190,,80,80,,
"""
HOUSE = """Account Name,Contact Email,Balance Due,Credit Limit
Quillfeather Catering,desk@canary-mail.example.com,"$1,284.50","$2,500.00"
Rotary Lunch,,($15.00),
"""
CONSENTS = """Email,Phone,Channel,Opted In,Recorded At,Source
maria.quintero@canary-mail.example.com,,Email,Yes,2026-01-05T10:00:00-06:00,Website form
maria.quintero@canary-mail.example.com,,Email,No,2026-02-05T10:00:00-06:00,Unsubscribe link
,312-555-0190,SMS,TRUE,2026-01-07T10:00:00-06:00,Keyword
jo@canary-mail.example.com,,Email,maybe,2026-01-07T10:00:00-06:00,Paper
jo@canary-mail.example.com,,Email,Yes,,Paper
jo@canary-mail.example.com,,Carrier pigeon,Yes,2026-01-07T10:00:00-06:00,Paper
"""
PAYROLL = """Employee Number,Employee Name,Period Start,Period End,Regular Hours,Overtime Hours,Gross Pay,Tips
E-104417,Zebulon Quillfeather,01/19/2026,02/01/2026,75.5,2:30,"$1,812.40",$310.00
E-104418,Ottoline Brambleby,01/19/2026,02/01/2026,40,0,$600.00,
"""
CANARIES = (
    "7783320000004417",
    "778332000000",
    "3200 0000 9925",
    "0000320000002222",
    "canary-mail",
    "quintero",
    "555-0142",
    "5550142",
    "555-0190",
    "5550190",
    "Quillfeather",
    "quillfeather",
    "Zebulon",
    "104417",
    "1,812.40",
    "181240",
)
"""Pieces of card numbers, contacts, names and pay of the exports above."""

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SITE = SourceLocation("LOOP-1", "The Loop", "America/Chicago", "USD")


class Desk:
    """Hands files over to one restaurant."""

    def __init__(
        self, workshop: Workshop, connection: psycopg.Connection[Any], integration_id: int, owner: int
    ) -> None:
        self.workshop = workshop
        self.connection = connection
        self.integration_id = integration_id
        self.seals = workshop.seals(owner)

    def hand(self, kind: Kind, text: str, location: str | None = None, **given: Any) -> Handed:
        place = given.pop("place", Place(self.integration_id, "toast", location, "USD", "America/Chicago", "US"))
        mapping = parse_mapping(given.pop("mapping", {}), kind)
        asked: dict[str, Any] = {"file_name": f"{kind}.csv", "as_of": None, "now": NOON, "by": "ana"} | given
        return record_file(
            self.connection, self.workshop.store, self.workshop.persons, self.seals, place,
            check_file(text.encode(), kind, mapping, place), mapping, **asked,
        )  # fmt: skip

    def reader(self, location: str | None = None) -> SnapshotReader:
        return SnapshotReader(
            *current_files(self.connection, self.integration_id, location), cipher=self.workshop.persons
        )

    def batch(self, location: str | None = None) -> Batch:
        whole = Batch()
        for part in map_files(self.reader(location), SITE, self.seals):
            whole.rows += part.rows
            whole.rejected += part.rejected
            whole.losses += part.losses
        return whole
