"""Telling those who run migrations what needs them: failed runs, waiting approvals, gates that turned, accounts to reconnect.

Told are only targets that administrators have set up. What is told comes from the migration's own state and names locations
and migrations by name and number: no guest, no member of staff, no address from migrated data ever has a part in it.
"""

from __future__ import annotations

from aura_migration.migration.notifying.facts import EVENTS, gather
from aura_migration.migration.notifying.sending import Told, deliver, send_due, send_test
from aura_migration.migration.notifying.targets import (
    Target,
    add_target,
    find_target,
    list_notifications,
    list_targets,
    remove_target,
)

__all__ = [
    "EVENTS",
    "Target",
    "Told",
    "add_target",
    "deliver",
    "find_target",
    "gather",
    "list_notifications",
    "list_targets",
    "remove_target",
    "send_due",
    "send_test",
]
