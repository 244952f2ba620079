"""Staging of people and of what they are owed: contacts, consent, who is one person, points, staff.

What the rows are is declared in ``canonical/people.py``; the menu's rows are staged by ``canonical/stage.py``. Rows come in
chunks and are judged one chunk at a time (``chunks.py``); what needs all of them is set-based SQL over temp tables.
"""

from __future__ import annotations

from aura_migration.canonical.persons.chunks import Suppression
from aura_migration.canonical.persons.staging import stage_people

__all__ = ["Suppression", "stage_people"]
