"""A bare loader to be killed: carries the approved plan of migration 1 out in small batches. Arguments: database URL.

Prints ``ready`` once it is connected, so that whoever kills it can count from there.
"""

from __future__ import annotations

import sys

from aura_migration.canonical.menu import ENTITIES
from aura_migration.database.connections import connect
from aura_migration.load.apply import apply_plan
from aura_migration.migration.records import get_migration

BATCH_ROWS = 25


def load(url: str) -> None:
    """Load what is not loaded yet."""
    with connect(url, autocommit=True, application_name="killed loader") as connection:
        migration = get_migration(connection, 1)
        assert migration.plan_id is not None and migration.load_at is not None
        print("ready", flush=True)
        apply_plan(connection, migration.subject, migration.plan_id, ENTITIES, migration.load_at, batch_rows=BATCH_ROWS)


if __name__ == "__main__":
    load(sys.argv[1])
