"""How a location's history is dated, and where it stands in AuraConnect: what several stages of the journey ask.

The arithmetic of business days is in ``core/clock``, the rules as data in ``canonical/history/rules``.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.options import MigrationOptions
from aura_migration.core.ids import canonical_json
from aura_migration.database.connections import Connection
from aura_migration.migration.records import Migration
from aura_migration.pos.port import Connector, SourceLocation

MAPPING = 2
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


def days_said(connector: Connector, location: SourceLocation, options: MigrationOptions) -> dict[str, Any] | None:
    """Which day an order is of, for who approves a plan: each choice with where it comes from; None without a past.

    ``proposal`` is a close-out the POS hints at and that does not hold: ``{closeout, source, option}``, else None.
    The plan's hash covers what holds.
    """
    if not options.history.months:
        return None
    closeout, own = location.closeout, options.history
    said: dict[str, Any] = {
        "timezone": location.timezone,
        "basis": own.basis or connector.history_basis,
        "basis_source": "the options" if own.basis else f"the default for {connector.title}",
        "closeout": own.closeout or closeout,
        "closeout_source": "the options"
        if own.closeout
        else location.closeout_source or f"the default; {connector.title} states none",
        "refunds": own.refunds,
        "proposal": None,
    }
    if connector.sends_business_dates:
        # Only what comes without a date is dated by a rule; options of basis do not apply to the rest.
        said |= {"basis": "business_date", "basis_source": f"the business dates {connector.title} sends"}
    proposed = location.proposed_closeout
    if proposed and proposed != said["closeout"] and not own.closeout:
        said["proposal"] = {
            "closeout": proposed,
            "source": location.proposal_source,
            "option": {"history": {"closeout": proposed}},
        }
    return said


_BASES = {
    "business_date": "on the business date the POS sends",
    "closed": "by when it was closed",
    "created": "by when it was opened",
    "paid": "by when it was paid",
}


def days_told(said: dict[str, Any]) -> list[str]:
    """What :func:`days_said` found, as sentences."""
    ends = f"a day ends at {said['closeout']} {said['timezone']} ({said['closeout_source']})"
    lines = [f"days: an order counts {_BASES[said['basis']]} ({said['basis_source']}); {ends}"]
    proposal = said["proposal"]
    if proposal is not None:
        option = json.dumps(proposal["option"])
        lines.append(
            f"proposed: {proposal['closeout']}, {proposal['source']}. Where sales are counted like that, preview with "
            f"--options and {option}; approving this plan keeps {said['closeout']}"
        )
    return lines


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
