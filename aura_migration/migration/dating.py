"""How a location's history is dated, and where it stands in AuraConnect: what several stages of the journey ask.

The arithmetic of business days is in ``core/clock``, the rules as data in ``canonical/history/rules``.
"""

from __future__ import annotations

from datetime import timedelta

from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.ids import canonical_json
from aura_migration.database.connections import Connection
from aura_migration.migration.records import Migration
from aura_migration.pos.port import Connector, SourceLocation

MAPPING = 1
"""Raised with every change that makes other rows of the same bodies: what was loaded by an older mapping is compared anew."""


def history_rules(connector: Connector, location: SourceLocation, options: MigrationOptions) -> HistoryRules:
    """How the location's history is dated: as the options say, else as the POS proposes."""
    hours, minutes = (options.history.closeout or location.closeout).split(":")[:2]
    return HistoryRules(
        timezone=location.timezone,
        closeout=timedelta(hours=int(hours), minutes=int(minutes)),
        basis=options.history.basis or connector.history_basis,
        refunds=options.history.refunds,
    )


def rules_text(rules: HistoryRules) -> str:
    """What besides the recorded bodies decides the documents: the rules of the day, and the mapping."""
    text = canonical_json(
        {
            "timezone": rules.timezone,
            "closeout_minutes": int(rules.closeout.total_seconds() // 60),
            "basis": rules.basis,
            "refunds": rules.refunds,
            "mapping": MAPPING,
        }
    )
    return text.decode()


def aura_location(connection: Connection, migration: Migration) -> int | None:
    """The id of the migration's location in AuraConnect, once it is loaded."""
    row = connection.execute(
        "SELECT aura_id FROM migration.crosswalk WHERE integration_id = %s AND entity = 'locations' AND source_key = %s "
        "AND is_active",
        [migration.subject.integration_id, migration.subject.location_source_id],
    ).fetchone()
    return int(row[0]) if row is not None else None
