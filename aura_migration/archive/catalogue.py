"""Which snapshots there are, from the database's book of them. Reading their bodies does not belong here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from aura_migration.archive.certificates import Certificate
from aura_migration.archive.manifest import Scope, SnapshotRef
from aura_migration.core.errors import BadInput

_COLUMNS = "id, url, manifest_hash, integration_id, pos, scope, location_key, taken_at"


@dataclass(frozen=True)
class Listed:
    """One line of the list of snapshots. ``state`` is open, complete or failed, ``reason`` why it failed.

    ``bodies`` counts recorded requests, ``size`` their bytes before compression; ``manifest_hash`` is None until
    complete.
    """

    snapshot_id: int
    integration_id: int
    pos: str
    scope: Scope
    location_key: str | None
    url: str
    manifest_hash: str | None
    state: str
    reason: str
    taken_at: datetime
    bodies: int
    size: int


def list_snapshots(
    connection: psycopg.Connection[Any],
    integration_id: int | None = None,
    location_key: str | None = None,
    state: str | None = None,
) -> list[Listed]:
    """All snapshots, newest first; only those of an integration, a location or a state where given."""
    found = connection.execute(
        """
        select s.id, s.integration_id, s.pos, s.scope, s.location_key, s.url, s.manifest_hash, s.state, s.reason,
               s.taken_at, count(p.seq), coalesce(sum(p.size), 0)::bigint
        from migration.snapshots s left join migration.snapshot_pages p on p.snapshot_id = s.id
        where (%(integration)s::bigint is null or s.integration_id = %(integration)s)
          and (%(location)s::text is null or s.location_key = %(location)s)
          and (%(state)s::text is null or s.state = %(state)s)
        group by s.id order by s.id desc
        """,
        {"integration": integration_id, "location": location_key, "state": state},
    ).fetchall()
    return [Listed(*row) for row in found]


def snapshot_ref(connection: psycopg.Connection[Any], snapshot_id: int) -> SnapshotRef:
    """The reference to a complete snapshot; BadInput when there is none of that id, or it is not complete."""
    row = connection.execute(
        f"select {_COLUMNS} from migration.snapshots where id = %s and state = 'complete'", (snapshot_id,)
    ).fetchone()
    if row is None:
        raise BadInput(f"Snapshot {snapshot_id} does not exist or is not complete.", "Extract the location again.")
    return _ref(connection, row)


def latest_snapshot(
    connection: psycopg.Connection[Any], integration_id: int, scope: Scope, location_key: str | None
) -> SnapshotRef | None:
    """The newest complete snapshot of a location (or of the merchant, with ``location_key`` None), if there is one."""
    row = connection.execute(
        f"select {_COLUMNS} from migration.snapshots where integration_id = %s and scope = %s "
        "and location_key is not distinct from %s and state = 'complete' order by id desc limit 1",
        (integration_id, scope, location_key),
    ).fetchone()
    return None if row is None else _ref(connection, row)


def _ref(connection: psycopg.Connection[Any], row: tuple[Any, ...]) -> SnapshotRef:
    found = connection.execute(
        "select certificate from migration.snapshot_certificates where snapshot_id = %s order by entity", (row[0],)
    ).fetchall()
    snapshot_id, url, manifest_hash, integration_id, pos, scope, location_key, taken_at = row
    certificates = tuple(Certificate.from_dict(data) for (data,) in found)
    return SnapshotRef(
        snapshot_id, url, manifest_hash, integration_id, pos, scope, location_key, taken_at, certificates
    )
