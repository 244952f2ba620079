"""Loading orders and money of the past, batch by batch, and taking them back.

    loading.py        every batch of a plan that is not loaded yet, on several connections
    batch.py          one batch: its documents become rows of AuraConnect
    references.py     which rows the keys of a document stand for
    standing.py       whether people changed a document since it was written
    replacing.py      an earlier version goes to the journal and comes back out of it
    placeholders.py   archived menu items for lines whose item is no longer on the menu
    undoing.py        rollback, batch by batch

What is loaded is decided in ``plan``; the staged rows are those of ``canonical.history.shapes``.
"""

from __future__ import annotations

from aura_migration.load.history.loading import HistoryLoaded, history_extent, load_history
from aura_migration.load.history.references import StagingLost
from aura_migration.load.history.undoing import HistoryUndone, undo_history

__all__ = ["HistoryLoaded", "HistoryUndone", "StagingLost", "history_extent", "load_history", "undo_history"]
