"""Getting rid: of a person everywhere, of a snapshot, of stored bodies that nothing uses any more.

How long anything is kept is decided elsewhere. A store belongs to one database: bodies that another database is just
recording into it would look unused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from aura_migration.archive.manifest import Manifest
from aura_migration.archive.recorder import store_lock
from aura_migration.archive.redaction import PersonCipher
from aura_migration.archive.store import SnapshotStore, shown_url
from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import try_session_lock, unlock


@dataclass(frozen=True)
class Freed:
    """What clearing up removed: manifests, bodies, and half-written files a kill left behind."""

    manifests: int = 0
    bodies: int = 0
    leftovers: int = 0


def purge_person(cipher: PersonCipher, integration_id: int, person_ids: Iterable[str]) -> int:
    """Make everything stored about these persons unreadable, in every snapshot, past and future, by erasing their keys.

    Bodies, hashes and certificates stay as they are. For values stored without a person id give
    ``redaction.person_of_value`` of them. Returns how many keys were erased now; erasing again changes nothing.
    """
    return sum(cipher.erase(integration_id, person) for person in dict.fromkeys(person_ids))


def delete_snapshot(
    connection: psycopg.Connection[Any], store: SnapshotStore, snapshot_id: int, *, even_if_used: bool = False
) -> Freed:
    """Delete a snapshot that is not open, and the bodies no other snapshot of the store uses.

    Refused while a migration stands on it (its figures could no longer be traced), unless ``even_if_used``, and while
    anything is being extracted into the store. A kill in between is made good by doing it again, or by
    :func:`collect_garbage`.
    """
    with _alone(connection, store):
        row = connection.execute(
            "select state, url, manifest_hash from migration.snapshots where id = %s", (snapshot_id,)
        ).fetchone()
        if row is None:
            raise BadInput(f"There is no snapshot {snapshot_id}.", "See the list of snapshots.")
        state, url, manifest_hash = row
        if state == "open":
            raise Refused(f"Snapshot {snapshot_id} is still being extracted.", "Finish or cancel the extraction first.")
        if url != store.url:
            raise BadInput(f"Snapshot {snapshot_id} lies in {shown_url(url)}, not here.", "Open that store.")
        if not even_if_used:
            _refuse_if_used(connection, snapshot_id)
        manifests = 0
        if manifest_hash is not None and not _shared(connection, snapshot_id, url, manifest_hash):
            store.delete_manifest(manifest_hash)
            manifests = 1
        with connection.transaction():
            connection.execute("delete from migration.snapshots where id = %s", (snapshot_id,))
        freed = _collect(connection, store)
    return Freed(manifests + freed.manifests, freed.bodies, freed.leftovers)


def collect_garbage(connection: psycopg.Connection[Any], store: SnapshotStore) -> Freed:
    """Remove what no manifest of the store and no extraction in progress uses: bodies of given-up snapshots, leftovers.

    Refused while anything is being extracted into the store.
    """
    with _alone(connection, store):
        return _collect(connection, store)


def _collect(connection: psycopg.Connection[Any], store: SnapshotStore) -> Freed:
    used: set[str] = set()
    for manifest_hash in store.manifests():
        used |= Manifest.decode(store.get_manifest(manifest_hash)).hashes()
    with connection.transaction():
        connection.execute(
            "delete from migration.snapshot_pages where snapshot_id in "
            "(select id from migration.snapshots where state = 'failed' and url = %s)",
            (store.url,),
        )
        found = connection.execute(
            "select distinct p.sha256 from migration.snapshot_pages p "
            "join migration.snapshots s on s.id = p.snapshot_id where s.url = %s",
            (store.url,),
        ).fetchall()
    used.update(sha for (sha,) in found)
    unused = [sha for sha in store.blobs() if sha not in used]
    for sha in unused:
        store.delete(sha)
    return Freed(bodies=len(unused), leftovers=store.sweep())


def _refuse_if_used(connection: psycopg.Connection[Any], snapshot_id: int) -> None:
    found = connection.execute(
        "select migration_id from migration.migration_snapshots where snapshot_id = %s order by 1", (snapshot_id,)
    ).fetchall()
    if found:
        users = ", ".join(str(migration_id) for (migration_id,) in found)
        raise Refused(
            f"Snapshot {snapshot_id} is the evidence of migration {users}.",
            "Keep it, or say that it may go although its figures can then not be traced.",
        )


def _shared(connection: psycopg.Connection[Any], snapshot_id: int, url: str, manifest_hash: str) -> bool:
    row = connection.execute(
        "select exists (select from migration.snapshots where manifest_hash = %s and url = %s and id <> %s)",
        (manifest_hash, url, snapshot_id),
    ).fetchone()
    return bool(row and row[0])


@contextmanager
def _alone(connection: psycopg.Connection[Any], store: SnapshotStore) -> Iterator[None]:
    name = store_lock(store.url)
    if not try_session_lock(connection, name):
        raise Refused(
            f"Something is being extracted into {shown_url(store.url)}.", "Wait until the extraction ends, then repeat."
        )
    try:
        yield
    finally:
        if not connection.closed:
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                connection.rollback()
            unlock(connection, name)
