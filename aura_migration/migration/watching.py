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
                "SELECT o.source_id, g.source_id FROM aura.orders o LEFT JOIN aura.order_groups g ON g.id = o.order_group_id "
                "WHERE o.location_id = %s AND o.source_vendor = %s AND o.source_id IS NOT NULL AND o.deleted_at IS NULL "
                "AND o.business_date BETWEEN %s AND %s AND NOT o.voided_at_source",
                [aura_location(connection, self.migration), subject.pos, first, last],
            ).fetchall()
        groups: dict[str, str | None] = dict(rows)
        expected = set(groups)
        if not expected:
            return {}
        seals = self.workshop.seals(subject.restaurant_id)
        mapper = self.connector.history_mapper(SnapshotReader(*self.standing), self.location.source, seals, rules)
        for entity in mapper.entities:
            for body in recorder.bodies(entity):
                expected.difference_update(d.key for d in mapper.documents(body) if d.kind == "orders")
        # Where several checks make up an order of the POS, that is what can be asked for.
        above = {group for key in expected if (group := groups[key]) is not None and group != key}
        found = {"orders": sorted(expected), "order_groups": sorted(above)}
        return {kind: keys for kind, keys in found.items() if keys}
