"""Webhooks of the POS: stored as they came, verified, counted once, and turned into ids that have to be read anew.

A delivery is written down before anything is made of it, also one that is not genuine: then it is rejected, and only so many
a day, so that a stranger cannot fill the disk. A genuine event is one row however often and in whatever order it comes. An
account's events are believed only under that account's own key. What an event says is never loaded: it names records, which
the next delta reads from the POS. How a POS signs and words them stands in ``pos``.
"""

from __future__ import annotations

from aura_migration.migration.webhooks.events import clear_old, forget_bodies, list_events, waiting
from aura_migration.migration.webhooks.keys import PATH, reader, remove_key, set_key, subscription
from aura_migration.migration.webhooks.receiving import Receipt, receive
from aura_migration.migration.webhooks.settling import settle

__all__ = [
    "PATH",
    "Receipt",
    "clear_old",
    "forget_bodies",
    "list_events",
    "reader",
    "receive",
    "remove_key",
    "set_key",
    "settle",
    "subscription",
    "waiting",
]
