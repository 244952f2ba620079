"""Which orders a re-read part of the past should have shown and did not.

An order does not vanish from a POS without a trace: one that a window no longer returns is asked for by its id, and only
an answer that says deleted or not found counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from aura_migration.archive.snapshot import Recorder, SnapshotReader, SnapshotRef
from aura_migration.migration.dating import aura_location, history_rules
from aura_migration.migration.integrations import KnownLocation
from aura_migration.migration.records import Migration
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.port import Connector, HistorySpan

WATCHED = "orders"
MARGIN = timedelta(days=1)
"""Windows are cut by instants, orders are known by business dates: the first and the last day may be read in part."""


@dataclass(frozen=True)
class Watch:
    """Knows what stands of a location's history and looks for it in what was just read. ``standing``: earlier exports."""

    workshop: Workshop
    connector: Connector
    migration: Migration
    location: KnownLocation
    standing: Sequence[SnapshotRef]

    def missing(self, recorder: Recorder, span: HistorySpan) -> dict[str, list[str]]:
        """``{kind: keys}`` of what stands in AuraConnect within the days read again and was not in them; empty if all was."""
        if span.reread_from is None:
            return {}
        subject = self.migration.subject
        rules = history_rules(self.connector, self.location.source, self.migration.parsed_options)
        first, last = rules.day(span.reread_from + MARGIN), rules.day(span.end - MARGIN)
        with self.workshop.connect() as connection:
            rows = connection.execute(
                f"SELECT source_id FROM aura.{WATCHED} WHERE location_id = %s AND source_vendor = %s AND source_id IS NOT NULL "
                "AND business_date BETWEEN %s AND %s AND NOT voided_at_source AND deleted_at IS NULL ORDER BY source_id",
                [aura_location(connection, self.migration), subject.pos, first, last],
            ).fetchall()
        expected = {key for (key,) in rows}
        if not expected:
            return {}
        seals = self.workshop.seals(subject.restaurant_id)
        mapper = self.connector.history_mapper(SnapshotReader(*self.standing), self.location.source, seals, rules)
        for entity in mapper.entities:
            for body in recorder.bodies(entity):
                expected.difference_update(d.key for d in mapper.documents(body) if d.kind == WATCHED)
        return {WATCHED: sorted(expected)} if expected else {}
