"""Clearing up after workers that died: a lock that is free while a row says "running" means its holder is dead."""

from __future__ import annotations

from aura_migration.database.connections import Connection, held_lock, is_locked
from aura_migration.migration import audit, requests
from aura_migration.migration.records import get_migration
from aura_migration.migration.stages import location_lock
from aura_migration.migration.states import STANDING, transition
from aura_migration.migration.workshop import Workshop

DIED = {
    "error": "WorkerDied",
    "what": "The process that carried this request out has died.",
    "remedy": "Ask again: what it had done is kept, an interrupted load continues where it stopped.",
}


def sweep(workshop: Workshop) -> list[int]:
    """Name what died: loads become ``failed`` (resumable), requests of dead commands become failed, deeds under way go to the trail.

    Returns the migrations swept. Requests that runs of Dagster carry out are judged by ``orchestration``, which knows
    whether the run will be started again. Cheap and harmless to repeat.
    """
    with workshop.connect() as connection:
        audit.tell_interrupted(connection)
        for request in requests.abandoned(connection):
            if not str(request.claimed_by).startswith("dagster:"):
                requests.finish(connection, request.id, DIED, failed=True)
        return _sweep_loads(workshop, connection)


def _sweep_loads(workshop: Workshop, connection: Connection) -> list[int]:
    swept: list[int] = []
    rows = connection.execute(
        f"SELECT id, location_key FROM migration.migrations WHERE {STANDING} = 'loading'"
    ).fetchall()
    for migration_id, key in rows:
        if is_locked(connection, location_lock(key)):
            continue
        with held_lock(workshop.url, location_lock(key)) as is_mine:
            if is_mine and get_migration(connection, migration_id).standing == "loading":
                reason = "the worker died; `resume` continues where it stopped"
                transition(connection, migration_id, "failed", "sweep", reason)
                swept.append(migration_id)
    return swept
